"""Decide rules by exhaustive search over all histories.

Fact classes make the model finite, so a search of every node decides a rule. A node is a state, the live record
fields and the state of the rule's automaton; it carries the set of fact classes that reach it. Outcomes of activities
and events are unconstrained; transitions are tried in the order of the file. The search is breadth first, so the
first violation is a shortest history. `workflow.proving.machine_check` checks every result.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workflow.deciding.machine import HistoryRow, fact_names
from workflow.deciding.steps import Step
from workflow.deciding.table import Table
from workflow.model.definition import StateKind, Workflow
from workflow.model.rules import Rule
from workflow.predicates import Expression, names, substitute, unparse, vector
from workflow.predicates.tree import And
from workflow.proving.exploration import Explorer, Move, Node, Record, mask_of
from workflow.proving.machine_check import ProofCheck, replay
from workflow.proving.verdict import Decision, History, Verdict

__all__ = ["Prover"]


@dataclass
class _Search:
    """The nodes of one search, and how each class first reached each node.

    Nodes are processed in rounds, one for each step of a history. Entry nodes come first in a round, because staying
    in a state after entry is not a step.
    """

    seen: dict[Node, int] = field(default_factory=dict)
    came: dict[Node, list[tuple[int, Node | None, Move | None]]] = field(default_factory=dict)
    todo: deque[tuple[Node, int]] = field(default_factory=deque)
    next_round: list[tuple[Node, int]] = field(default_factory=list)

    def push(self, node: Node, classes: int, parent: Node | None, move: Move | None) -> None:
        new = classes & ~self.seen.get(node, 0)
        if new:
            self.seen[node] = self.seen.get(node, 0) | new
            self.came.setdefault(node, []).append((new, parent, move))
            stays = parent is not None and move is None
            (self.todo if stays else self.next_round).append((node, new))

    def pop(self) -> tuple[Node, int]:
        """Return the next node, with the classes that are new there."""
        if not self.todo:
            self.todo.extend(sorted(self.next_round, key=lambda entry: not entry[0][2]))
            self.next_round.clear()
        return self.todo.popleft()

    def trail(self, node: Node, bit: int) -> tuple[Node, list[tuple[Node, Move]]]:
        """Return the initial node of a class and its moves to a node."""
        moves: list[tuple[Node, Move]] = []
        while True:
            parent, move = next((p, m) for mask, p, m in self.came[node] if mask & bit)
            if parent is None:
                return node, moves[::-1]
            if move is not None:
                moves.append((parent, move))
            node = parent


class Prover:
    """Decides rules of a workflow over the fact classes of a table.

    Parameters
    ----------
    table : Table
        Its witnesses represent every possible case.
    most_nodes : int
        Maximum number of nodes; beyond it a rule is undecided.
    seconds : float
        Time limit for a rule, in seconds.
    """

    def __init__(self, table: Table, most_nodes: int = 200_000, seconds: float = 30.0) -> None:
        self.table = table
        self.workflow: Workflow = table.workflow
        self.most_nodes = most_nodes
        self.seconds = seconds
        fields = table.workflow.namespace.fields
        columns = [table.classes.witness.plain(fields[name]) for name in fact_names(table.workflow)]
        self.facts = list(zip(*columns, strict=True))
        self._all = (1 << len(table.classes)) - 1
        self._masks: dict[tuple[int, str, Record], int] = {}
        self._kept_alive: list[Expression] = []
        self._check = ProofCheck(self.workflow, self.facts)

    def decide(self, rule: Rule, seconds: float | None = None) -> Verdict:
        """Decide one rule, within `seconds` or the time limit of the prover."""
        start = time.perf_counter()
        deadline = start + (self.seconds if seconds is None else seconds)
        explorer = Explorer(self.table, keep=rule.reads & set(self.workflow.record))
        search, coverage = _Search(), _Coverage(rule)
        broken, reason = self._search(rule, explorer, search, coverage, deadline)
        if broken is not None:
            history = self._history(search, *broken)
            replay(self.workflow, rule, history)
            return Verdict(rule, "broken", time.perf_counter() - start, len(search.seen), history=history)
        if reason is None and not self._check.check(rule, explorer, search.seen, deadline):
            reason = "the time limit was reached before the proof was checked"
        if reason is not None:
            return Verdict(rule, "undecided", time.perf_counter() - start, len(search.seen), reason=reason)
        # time passes where a case stays; entry and what follows from it happen at one instant
        still = {state for state, _, entering, q in search.seen if q in rule.automaton.open and not entering}
        states = self.workflow.states.values()
        outstanding = tuple(s.name for s in states if s.kind is StateKind.RESTING and s.name in still)
        decision: Decision = "monitored" if rule.within_days is not None and still else "proved"
        return Verdict(
            rule, decision, time.perf_counter() - start, len(search.seen), coverage.vacuous(self), outstanding
        )

    def beginnings(self) -> Iterator[tuple[str, Record]]:
        """Yield every initial state and record."""
        workflow = self.workflow
        values = [
            workflow.record[n].domain() if n in workflow.entry_record else (workflow.defaults[n],)
            for n in workflow.record
        ]
        for state in workflow.entry_states:
            yield from ((state, record) for record in itertools.product(*values))

    def _search(
        self, rule: Rule, explorer: Explorer, search: _Search, coverage: _Coverage, deadline: float
    ) -> tuple[tuple[Node, int, Move | None] | None, str | None]:
        """Return the node, classes and move that break the rule, or the reason why the search stopped early."""
        for state, record in self.beginnings():
            if (reason := self._too_much(search, deadline)) is not None:
                return None, reason
            node = (state, explorer.normal(state, record), explorer.tried_on_entry(state), 0)
            bad = self._all & self._forbidden(rule, 0, state, record)
            search.push(node, self._all, None, None)
            if bad:
                return (node, bad, None), None
        while search.todo or search.next_round:
            if (reason := self._too_much(search, deadline)) is not None:
                return None, reason
            node, classes = search.pop()
            coverage.at(self, node, classes)
            state, record, entering, q = node
            moves: Any
            if entering:
                moves, left = explorer.on_entry(state, record, classes)
                search.push((state, record, False, q), left, node, None)
            else:
                moves = explorer.moves(state, record, classes)
            for move in moves:
                if move.stuck:
                    continue
                coverage.saw(self, explorer.steps(state, record, move), move.classes)
                bad = self._take(rule, explorer, search, node, move)
                if bad:
                    return (node, bad, move), None
        return None, None

    def _too_much(self, search: _Search, deadline: float) -> str | None:
        if len(search.seen) > self.most_nodes:
            return f"more than {self.most_nodes:,} nodes"
        return "the time limit was reached" if time.perf_counter() > deadline else None

    def _take(self, rule: Rule, explorer: Explorer, search: _Search, node: Node, move: Move) -> int:
        """Push the targets of a move; return the classes for which it breaks the rule."""
        state, record, _, q = node
        final = self.workflow.states[move.state].kind is StateKind.FINAL
        for after, classes in self._advance(rule, q, explorer.steps(state, record, move), move.classes):
            if after in rule.automaton.broken or (final and after in rule.automaton.open):
                return classes
            bad = classes & self._forbidden(rule, after, move.state, move.record)
            if bad:
                return bad
            entering = explorer.enters(move) and explorer.tried_on_entry(move.state)
            search.push((move.state, explorer.normal(move.state, move.record), entering, after), classes, node, move)
        return 0

    def _advance(self, rule: Rule, q: int, steps: list[Step[Record]], classes: int) -> list[tuple[int, int]]:
        """Return the states of the automaton after the steps of a move, each with its classes."""
        reached = {q: classes}
        for step in steps:
            if step.name not in rule.step_names:
                continue
            split: dict[int, int] = {}
            for before, some in reached.items():
                for symbol, subset in self._symbols(rule, step, some):
                    after = rule.automaton.step(before, symbol)
                    split[after] = split.get(after, 0) | subset
            reached = split
        return list(reached.items())

    def _symbols(self, rule: Rule, step: Step[Record], classes: int) -> list[tuple[int, int]]:
        """Return the symbols that a step gives the automaton, each with its classes."""
        symbols = [(0, classes)]
        for i, pattern in enumerate(rule.automaton.patterns):
            if step.name not in pattern.names:
                continue
            holds = self.mask(pattern.when, step.state, step.record)
            holds &= self.mask(pattern.giving, step.state_after, step.record_after)
            split = [(symbol | 1 << i, subset & holds) for symbol, subset in symbols] + [
                (symbol, subset & ~holds) for symbol, subset in symbols
            ]
            symbols = [(symbol, subset) for symbol, subset in split if subset]
        return symbols

    def _forbidden(self, rule: Rule, q: int, state: str, record: Record) -> int:
        condition = rule.automaton.forbidden.get(q)
        return 0 if condition is None else self.mask(condition, state, record)

    def mask(self, condition: Expression | None, state: str, record: Record) -> int:
        """Return the fact classes for which a condition holds with a state and a record."""
        if condition is None:
            return self._all
        read = names(condition)
        values = {n: v for n, v in zip(self.workflow.record, record, strict=True) if n in read}
        key = (id(condition), state if "state" in read else "", tuple(values.values()))
        if key not in self._masks:
            if "state" in read:
                values["state"] = state
            over_facts = substitute(condition, values)
            witness = self.table.classes.witness
            n = len(self.table.classes)
            holds = np.broadcast_to(vector(over_facts, witness.values, witness.missing, n), n)
            self._masks[key] = mask_of(holds.tolist())
            self._kept_alive.append(condition)  # so that its id is not reused
        return self._masks[key]

    def _history(self, search: _Search, node: Node, classes: int, last: Move | None) -> History:
        """Return a shortest history of one of the classes to a node, and on with a last move."""
        bit = classes & -classes
        begun, moves = search.trail(node, bit)
        if last is not None:
            moves = [*moves, (node, last)]
        steps = tuple(HistoryRow(m.trigger, m.given, m.transition, at[0], m.state) for at, m in moves)
        facts = dict(zip(fact_names(self.workflow), self.facts[bit.bit_length() - 1], strict=True))
        return History(facts, begun[0], begun[1], steps)


class _Coverage:
    """Which parts of a rule ever hold: a rule with a part that never holds is vacuous."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pattern = rule.automaton.patterns[0] if rule.condition is None else None
        self.happened = False
        self.held = self.pattern is None or self.pattern.when is None
        condition = rule.condition
        parts = () if condition is None else condition.operands if isinstance(condition, And) else (condition,)
        self.parts = dict.fromkeys(parts, False)
        self._substituted: dict[tuple[Expression, int], Expression] = {}

    def at(self, prover: Prover, node: Node, classes: int) -> None:
        """Record which conditions hold at a node."""
        state, record, _, q = node
        if not self.held and self.pattern is not None and classes & prover.mask(self.pattern.when, state, record):
            self.held = True
        if not all(self.parts.values()):
            for part, held in self.parts.items():
                self.parts[part] = held or bool(classes & prover.mask(self._part(part, q), state, record))

    def _part(self, part: Expression, q: int) -> Expression:
        """Return a part with the truth values of its past operators."""
        if (part, q) not in self._substituted:
            flags = {name: value for name, value in self.rule.automaton.flags[q].items() if name in names(part)}
            self._substituted[part, q] = substitute(part, flags)
        return self._substituted[part, q]

    def saw(self, prover: Prover, steps: list[Step[Record]], classes: int) -> None:
        """Record whether a step of a move is one of the rule."""
        if self.pattern is None:
            return
        for step in steps:
            self.happened |= step.name in self.pattern.names
            self.held = self.held or bool(classes & prover.mask(self.pattern.when, step.state, step.record))

    def vacuous(self, prover: Prover) -> str | None:
        """Return why the rule is vacuous, or ``None``."""
        if self.pattern is not None and not self.happened:
            return f"{' or '.join(sorted(self.pattern.names))} can never happen"
        if not self.held:
            return "its if: holds in no reachable state"
        never = [part for part, held in self.parts.items() if not held]
        return f"{unparse(never[0])!r} holds in no reachable state" if never else None
