"""Discover a first workflow in a log: states, moves, facts, and guards proposed from the facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from simulations.fitting.facts import Facts, columns_of, find_facts
from simulations.fitting.guards import Guards, propose_guards
from simulations.fitting.machine import Machine, find_machine, told_events
from simulations.fitting.names import Names, one_line, plain_name, quoted
from simulations.fitting.raw_log import RawLog, enough_cases, read_raw_log
from workflow.auditing.mapping import LogMapping
from workflow.errors import InputError, visible
from workflow.files.table import n_of
from workflow.files.validation import format_names

NEXT = "next_move"
"""The record field that work gives: the move that follows."""

CARRIED = "carried_over"
"""The record field of a case that was in its state when a run began."""

_DAY = 86_400_000_000
_MOST_ASIDE = 12


@dataclass(frozen=True)
class Move:
    """A transition of the workflow: all rows of the log with one name.

    Attributes
    ----------
    sources : tuple of int
        The nodes that it leaves.
    target : int or None
        The node to which it leads; ``None`` if the case stays where it is.
    event : str or None
        The event that triggers it; ``None`` if work or entry does.
    guard : str or None
        From the facts.
    """

    label: int
    name: str
    sources: tuple[int, ...]
    target: int | None
    count: int
    event: str | None = None
    guard: str | None = None


@dataclass(frozen=True)
class Discovery:
    """A workflow discovered in a log.

    Attributes
    ----------
    text : str
        The workflow file.
    mapping : str
        The mapping file, with which the log is read for this workflow.
    n_cases, n_kept, n_rows : int
        The cases of the log, those that the workflow describes, and the rows.
    guards : sequence of (str, Guards, bool)
        The state of each decision that facts help to tell, and whether the workflow uses the guards.
    """

    name: str
    text: str
    mapping: str
    n_cases: int
    n_kept: int
    n_rows: int
    n_states: int
    moves: tuple[Move, ...]
    aside: tuple[tuple[str, str, int], ...]
    guards: tuple[tuple[str, Guards, bool], ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return {
            "workflow": self.name, "cases": self.n_cases, "described": self.n_kept, "rows": self.n_rows, "states": self.n_states,
            "moves": {move.name: move.count for move in self.moves},
            "set_aside": [{"after": after, "move": move, "cases": n} for after, move, n in self.aside],
            "guards": [
                {"state": state, "error": round(g.error, 4), "error_without": round(g.without, 4), "decisions": g.n, "used": used}
                for state, g, used in self.guards
            ],
            "columns_left_out": dict(self.left_out), "notes": list(self.notes),
        }  # fmt: skip


def discover(
    path: str | Path, mapping: LogMapping | None = None, *, cover: float = 0.98, zone: str | None = None, name: str | None = None
) -> Discovery:
    """Discover a first workflow in a log.

    Parameters
    ----------
    path : path
        A CSV, Parquet, Excel or XES file, or an imported log.
    mapping : LogMapping, optional
        What its columns mean, where their names do not tell.
    cover : float
        The share of the cases that the workflow must describe, above 0 and at most 1. Rarer moves are set aside.
    zone : str, optional
        The time zone of times in UTC.
    name : str, optional
        The name of the workflow. Default: that of the file.

    Raises
    ------
    InputError
        If the log cannot be read, or has fewer than two cases.
    """
    if not 0 < cover <= 1:
        raise InputError([f"--cover {cover:g}: must be above 0 and at most 1, such as 0.98"])
    mapping = mapping or LogMapping()
    log = read_raw_log(path, mapping, zone)
    enough_cases(log.path, int((np.diff(log.first) > 0).sum()))
    _check_labels(log)
    stem = plain_name(name or Path(path).name.partition(".")[0])
    return _Discovering(log, mapping, cover, stem).discovery()


def _check_labels(log: RawLog) -> None:
    """Refuse names of moves with control characters, which a workflow file cannot have."""
    column = log.roles["activity"]
    codes = np.unique(log.label).tolist()
    wrong = [
        (k, f"{log.labels[k]!r} has a control character; remove it") for k in codes if visible(log.labels[k]) != log.labels[k]
    ]
    if wrong:
        raise InputError(log.table.problems(column, wrong))


class _Discovering:
    """The workflow of one log."""

    def __init__(self, log: RawLog, mapping: LogMapping, cover: float, name: str) -> None:
        self.log, self.mapping, self.cover, self.name = log, mapping, cover, name
        self.machine: Machine = find_machine(log, cover)
        self.nodes = self.machine.nodes
        self.names = Names()
        self.record = (self.names.new(NEXT, "record field"), self.names.new(CARRIED, "record field"))
        self.labels = self._labels()
        self.facts: Facts = find_facts(log, mapping, self.names)
        self.states = self._states()
        self.guards = self._guards()

    def discovery(self) -> Discovery:
        """Return the workflow, and what it leaves out."""
        n_kept = int(self.machine.kept.sum())
        return Discovery(
            self.name, "\n".join(self._lines()) + "\n", self._mapping_text(), len(self.log.names), n_kept, len(self.log.label),
            len(self.nodes), self.moves, tuple(self.machine.aside), tuple((self.states[k], g, k in self.used) for k, g in self.guards.items()),
            self.facts.left_out, self.log.notes,
        )  # fmt: skip

    # names --------------------------------------------------------------------------------------------------

    def _labels(self) -> dict[int, str]:
        """Return the name of each move, as the mapping gives it or after its name in the log."""
        given = {label: step for step, labels in self.mapping.names.items() for label in labels}
        used = sorted({label for node in self.nodes.values() for label in node.moves})
        return {label: self.names.new(given.get(self.log.labels[label], self.log.labels[label]), "transition") for label in used}

    def _states(self) -> dict[int, str]:
        names = Names()
        states = {}
        for k, node in self.nodes.items():
            if node.told is not None:
                states[k] = names.new(node.told)
            elif node.after:
                leader = max(node.after, key=lambda label: int((self.log.label == label).sum()))
                states[k] = names.new(f"after_{self.labels[leader]}{'_and_others' if len(node.after) > 1 else ''}")
            else:
                states[k] = names.new("begin")
        return states

    # decisions ----------------------------------------------------------------------------------------------

    def _guards(self) -> dict[int, Guards]:
        """Return the guards of the states that several moves leave without an event."""
        log, guards = self.log, {}
        for k, node in self.nodes.items():
            labels = log.label[node.rows]
            rows = node.rows[~np.isin(labels, list(node.by_event))]
            found = propose_guards(self.facts.facts, log.case[rows], log.label[rows])
            if found is not None:
                guards[k] = found
        return guards

    @cached_property
    def used(self) -> frozenset[int]:
        """Return the states whose guards the workflow uses: they are right often enough, and their moves leave no other state."""
        return frozenset(
            k
            for k, guards in self.guards.items()
            if guards.error <= 1 - self.cover + 1e-9
            and all(label not in other.moves for j, other in self.nodes.items() if j != k for label in self._choices(k))
            and set(guards.conditions) == set(self._choices(k))
            and not self.nodes[k].keeps
        )

    def _choices(self, k: int) -> list[int]:
        """Return the labels that leave a state without an event."""
        return [label for label in self.nodes[k].moves if label not in self.nodes[k].by_event]

    def _words(self, k: int) -> list[str]:
        """Return the moves that the work of a state may lead to, as the log names them."""
        return [*(self.log.labels[label] for label in self._choices(k)), *([self._stays] if k in self.kept else [])]

    @cached_property
    def kept(self) -> dict[int, tuple[str, str]]:
        """Return the transition and the final state of the cases that stay for good in a state that work leads out of."""
        return {
            k: (self.names.new(f"stay_{self.states[k]}", "transition"), f"stayed_{self.states[k]}")
            for k, node in self.nodes.items()
            if node.keeps
        }

    @cached_property
    def _stays(self) -> str:
        """Return the value of the record for a case that stays for good."""
        return "stay" if "stay" not in self.log.labels else "stay for good"

    def _gives(self, k: int) -> bool:
        """Return whether the work of a state gives the next move."""
        if k in self.used or self._kind(k) != "activity":
            return False
        if k in self.kept:
            return True
        return len(self._choices(k)) > 1 or self._is_shared(k, self.used)

    def _kind(self, k: int) -> str:
        node = self.nodes[k]
        if node.kind == "instant" and len(self._choices(k)) > 1 and k not in self.used:
            return "activity"
        if node.kind == "instant" and self._is_shared(k):
            return "activity"  # its move has a guard on what work gives
        return node.kind

    def _is_shared(self, k: int, without: frozenset[int] = frozenset()) -> bool:
        """Return whether a move of a state also leaves another one, where it is one of several choices."""
        return any(self._open[label] - {k} - without for label in self._choices(k))

    @cached_property
    def _open(self) -> dict[int, set[int]]:
        """Return the states that each move leaves as one of several choices, or as the alternative to staying."""
        states: dict[int, set[int]] = {label: set() for node in self.nodes.values() for label in node.moves}
        for k, node in self.nodes.items():
            if len(self._choices(k)) > 1 or node.keeps:
                for label in node.moves:
                    states[label].add(k)
        return states

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Return the transitions, in the order in which they are tried."""
        sources: dict[int, list[int]] = {}
        for k, node in self.nodes.items():
            for label in node.moves:
                sources.setdefault(label, []).append(k)
        causes = told_events(self.log)
        guarded = {label: c for k in self.used for label, c in self.guards[k].conditions.items()}
        last = {max(self._choices(k), key=lambda label, k=k: self.nodes[k].moves[label]) for k in self.used}  # type: ignore[misc]
        moves = []
        for label, nodes in sources.items():
            targets = {self.nodes[k].target[label] for k in nodes}
            count = sum(self.nodes[k].moves[label] for k in nodes)
            event = (
                self.names.new(causes.get(label, f"{self.labels[label]}_event"), "event")
                if label in self.nodes[nodes[0]].by_event
                else None
            )
            stays = event is not None and self.nodes[nodes[0]].told is not None and targets == set(nodes)
            target = None if len(targets) > 1 or stays else targets.pop()
            guard = guarded.get(label)
            if guard is None and event is None and any(self._gives(k) for k in nodes):
                guard = f"{self.record[0]} == {quoted(self.log.labels[label])}"
            moves.append(Move(label, self.labels[label], tuple(nodes), target, count, event, None if label in last else guard))
        return tuple(sorted(moves, key=lambda m: (m.label in last, -m.count)))

    # the file -----------------------------------------------------------------------------------------------

    def _lines(self) -> Iterator[str]:
        yield from self._head()
        if self.facts.facts:
            yield "facts:"
            yield from (fact.line() for fact in self.facts.facts)
        for column, reason in self.facts.left_out:
            yield f"  # column {quoted(column)} is no fact: {one_line(reason)}"
        yield "record:"
        gives = {k: self._words(k) for k in self.nodes if self._gives(k)}
        if gives:
            words = dict.fromkeys(["none", *self.log.labels, *([self._stays] if self.kept else [])])
            said = "the move to which the work of a state leads, as the log names it"
            yield f"  {self.record[0]}: {{enum: [{', '.join(map(quoted, words))}], default: none}}  # {said}"
        yield f"  {self.record[1]}: {{type: boolean, default: false}}  # in its state since before a run began; its rest of the time is shorter"
        working = [k for k in self.nodes if self._kind(k) == "activity"]
        if working:
            yield "activities:"
            yield from (f"  {self._work(k)}: {self._given(gives.get(k))}" for k in working)
        open_states = [self.states[k] for k in self._entry_order()]
        yield f"entry: {{states: [{', '.join(open_states)}], record: [{self.record[1]}]}}"
        yield "states:"
        yield from (
            self._state_line(k)
            for k in sorted(self.nodes, key=lambda k: (self.nodes[k].kind == "final", -len(self.nodes[k].stays)))
        )
        yield from (
            f"  {state}: {{final: true}}  # the log ends while its cases are in {self.states[k]}"
            for k, (_, state) in self.kept.items()
        )
        yield "transitions:"
        yield from (self._move_line(move) for move in self.moves)
        for k in self.kept:
            parts = f"from: [{self.states[k]}], to: {self.kept[k][1]}, when: {self.record[0]} == {quoted(self._stays)}"
            yield f"  - {{transition: {self.kept[k][0]}, {parts}}}  # for good: the log has no such move"
        events = [move for move in self.moves if move.event is not None]
        if events:
            yield "events:"
            yield from (f"  {m.event}: {{while: [{', '.join(self.states[k] for k in m.sources)}]}}" for m in events)
        yield from self._measures()

    def _head(self) -> Iterator[str]:
        log, machine = self.log, self.machine
        n_kept, n_cases = int(machine.kept.sum()), len(log.names)
        period = f"{_date(log.at.min())} to {_date(log.end)}"
        yield f"# A first workflow, discovered in {one_line(log.path.name)} by `docketsim discover`; edit it."
        yield f"# {n_of(n_cases, 'case')}, {n_of(len(log.label), 'row')}, {period}. It describes {n_of(n_kept, 'case')} ({n_kept / n_cases:.1%})."
        if machine.aside:
            yield f"# Set aside, with the {n_of(n_cases - n_kept, 'case')} in which it happens (--cover {self.cover:g}):"
            for after, move, n in machine.aside[:_MOST_ASIDE]:
                yield f"#   {one_line(move)} {f'after {one_line(after)}' if after else 'as the first move'}: {n_of(n, 'case')}"
            if len(machine.aside) > _MOST_ASIDE:
                yield f"#   and {len(machine.aside) - _MOST_ASIDE:,} more"
        yield f"workflow: {self.name}"
        yield f"description: {quoted(f'Discovered in {log.path.name}: {n_kept:,} of {n_cases:,} cases, {period}.')}"

    def _work(self, k: int) -> str:
        return f"work_{self.states[k]}"

    def _given(self, words: Sequence[str] | None) -> str:
        return "{}" if words is None else f"{{gives: {{{self.record[0]}: [{', '.join(map(quoted, words))}]}}}}"

    def _entry_order(self) -> list[int]:
        """Return the states in which a case may begin: first those in which cases begin, then those with open cases."""
        open_ = [k for k, node in self.nodes.items() if self._kind(k) in ("activity", "resting")]
        return list(dict.fromkeys([*self.machine.begins, *open_]))

    def _state_line(self, k: int) -> str:
        node = self.nodes[k]
        kind = {"final": "{final: true}", "resting": "{resting: true}", "instant": "{instant: true}"}.get(
            self._kind(k), f"{{activity: {self._work(k)}}}"
        )
        n = len(node.stays)
        if node.kind == "final":
            said = f"{n_of(n, 'case')} ended here"
        else:
            ended = node.stays[node.left]
            median = f", after {np.median(ended) / _DAY:.3g} days (median)" if len(ended) and ended.any() else ""
            said = f"{n_of(n, 'visit')}, {len(ended):,} ended{median}"
            if (self._kind(k) == "resting" or node.keeps) and int((~node.left).sum()):
                said += f"; {int((~node.left).sum()):,} stayed to the end of the log"
        merged = f"; after {format_names([self.log.labels[label] for label in node.after], 6)}" if len(node.after) > 1 else ""
        return f"  {self.states[k]}: {kind}  # {one_line(said + merged)}"

    def _move_line(self, move: Move) -> str:
        parts = [f"transition: {move.name}", f"from: [{', '.join(self.states[k] for k in move.sources)}]"]
        if move.event is not None:
            parts.append(f"event: {move.event}")
        if move.target is not None:
            parts.append(f"to: {self.states[move.target]}")
        if move.guard is not None:
            parts.append(
                f"when: {quoted(move.guard) if any(c in move.guard for c in ',[]{}#:') or move.guard[0] in chr(34) + '(' else move.guard}"
            )
        if move.target is not None:
            parts.append(f"set: {{{self.record[1]}: false}}")
        if self.log.labels[move.label] != move.name:
            parts.append(f"log_name: {quoted(self.log.labels[move.label])}")
        comment = n_of(move.count, "time")
        for k in move.sources:
            if k in self.guards and move.label in self.guards[k].conditions:
                found = self.guards[k]
                errors = f"error {found.error:.1%}, {found.without:.1%} without it, {found.n:,} decisions"
                if k in self.used:
                    comment += f"; guard from the facts ({errors})"
                else:
                    comment += f"; proposed in {self.states[k]} when {found.conditions[move.label]} ({errors})"
        return f"  - {{{', '.join(parts)}}}  # {one_line(comment)}"

    def _measures(self) -> Iterator[str]:
        """Yield the measures: how many cases each final move has ended."""
        final = [move.name for move in self.moves if move.target is not None and self.nodes[move.target].kind == "final"]
        final += [transition for transition, _ in self.kept.values()]
        if final:
            yield "measures:"
            names = " or ".join(final)
            yield f"  - {{measure: {self.names.new('ended')}, cases: {names}}}"

    def _mapping_text(self) -> str:
        log, roles = self.log, self.log.roles
        lines = [
            f"# How {one_line(log.path.name)} maps to the workflow {self.name}, written by `docketsim discover`.",
            f"mapping: {self.name}",
            "columns:",
        ]
        kept = ["case", "activity", "time", *(r for r in ("started_at", "lifecycle", "arrived") if r in roles)]
        lines += [f"  {role}: {quoted(roles[role])}" for role in kept]
        told = any(node.told is not None for node in self.nodes.values())
        state = roles.get("state") if told and all(node.told == self.states[k] for k, node in self.nodes.items()) else None
        if "state" in roles:
            lines.append(f"  state: {quoted(state)}" if state else "  state: null")
        if "arrived" not in roles:
            lines.append(f"  arrived: {quoted(roles['time'])}  # the day of the first row of a case")
        if any(map(self._gives, self.nodes)):
            lines.append(f"  {self.record[0]}: {quoted(roles['activity'])}  # the move tells what the work before it led to")
        lines += [f"  {name}: {quoted(column)}" for name, column in columns_of(self.facts)]
        if self.mapping.leave_out:
            lines.append(f"leave_out: [{', '.join(map(quoted, self.mapping.leave_out))}]")
        if self.mapping.only:
            lines.append("only:")
            lines += [f"  {quoted(column)}: [{', '.join(map(quoted, values))}]" for column, values in self.mapping.only.items()]
        cells, file = self.mapping.cells, self.mapping.file
        lines += [
            f"{key}: {quoted(value)}"
            for key, value in (("encoding", file.encoding), ("sheet", file.sheet), ("decimal", cells.decimal))
            if value
        ]
        if cells.time_formats:
            lines.append(f"time_format: [{', '.join(map(quoted, cells.time_formats))}]")
        return "\n".join(lines) + "\n"


def _date(at: Any) -> str:
    return str(np.datetime64(int(at), "us").astype("datetime64[D]"))
