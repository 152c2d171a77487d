"""Decide rules by exhaustive search over all histories, and check the result on the real machine.

Fact classes make the model finite, so a search of every node decides a rule. A node is a state, the live record
fields and the state of the rule's automaton; it carries the set of fact classes that reach it. Outcomes of activities
and events are unconstrained; transitions are tried in the order of the file. The search is breadth first, so the
first violation is a shortest history.

Every result is checked: a history that breaks a rule is replayed on the machine of the `transitions` library, and a
proof is repeated with the machine, from every node, for one case of each class.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

from workflow.deciding.machine import CaseMachine, fact_names, plain_machine
from workflow.deciding.monitor import Monitor
from workflow.deciding.table import Table
from workflow.errors import DocketsimError
from workflow.model.definition import ENTER, StateKind, Value, Workflow
from workflow.model.rules import Rule
from workflow.predicates import Expression, names, substitute, vector
from workflow.predicates.tree import And
from workflow.proving.exploration import Explorer, Move, Record, mask_of

__all__ = ["History", "Prover", "Step", "Verdict"]

Decision = Literal["proved", "broken", "monitored", "not decided"]


class UnsoundProof(DocketsimError, AssertionError):
    """A proof or a history contradicts the `transitions` machine: a bug in the prover, please report it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a history.

    Attributes
    ----------
    trigger : str
        ``complete``, ``enter`` or an event.
    given : Value
        What the activity or the event gave.
    transition : int or None
    """

    trigger: str
    given: Value
    transition: int | None
    state: str
    state_after: str


@dataclass(frozen=True)
class History:
    """The history of one case.

    Attributes
    ----------
    facts : dict
        The case's facts.
    state : str
        The state in which it begins.
    record : tuple
        The record with which it begins.
    """

    facts: dict[str, Value]
    state: str
    record: Record
    steps: tuple[Step, ...]

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Verdict:
    """The result for one rule.

    Attributes
    ----------
    vacuous : str or None
        Why the rule holds vacuously, if it does.
    outstanding : tuple of str
        For ``after``: the resting states in which a case can stay while the obligation is open. With ``within``, also
        the final states; without it, a case that ends there breaks the rule.
    history : History or None
        A shortest counterexample.
    nodes : int
        Number of nodes visited.
    reason : str or None
        Why the rule is not decided, if it is not.
    """

    rule: Rule
    decision: Decision
    seconds: float
    nodes: int
    vacuous: str | None = None
    outstanding: tuple[str, ...] = ()
    history: History | None = None
    reason: str | None = None


Node = tuple[str, Record, bool, int]


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
            self.todo.extend(sorted(self.next_round, key=lambda found: not found[0][2]))
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
        Maximum number of nodes; beyond it a rule is not decided.
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
        self._machine = CaseMachine(self.workflow)
        self._decided: dict[tuple[str, str, Record, int], tuple[int | None, Record]] = {}

    # the search ----------------------------------------------------------------------------------

    def decide(self, rule: Rule, seconds: float | None = None) -> Verdict:
        """Decide one rule, within `seconds` or the time limit of the prover."""
        start = time.perf_counter()
        deadline = start + (self.seconds if seconds is None else seconds)
        keep = rule.reads & set(self.workflow.record) | self._written_by_events(rule)
        explorer = Explorer(self.table, keep=keep)
        search, coverage = _Search(), _Coverage(rule)
        broken, reason = self._search(rule, explorer, search, coverage, deadline)
        if broken is not None:
            history = self._history(search, *broken)
            self.replay(rule, history)
            return Verdict(rule, "broken", time.perf_counter() - start, len(search.seen), history=history)
        if reason is None and not self._walk(rule, explorer, search, deadline):
            reason = "the time limit was reached before the proof was checked"
        if reason is not None:
            return Verdict(rule, "not decided", time.perf_counter() - start, len(search.seen), reason=reason)
        stays = (StateKind.RESTING, StateKind.FINAL)
        still = {node[0] for node in search.seen if node[3] in rule.automaton.open}
        outstanding = tuple(s.name for s in self.workflow.states.values() if s.kind in stays and s.name in still)
        decision: Decision = "monitored" if rule.within_days is not None else "proved"
        return Verdict(
            rule, decision, time.perf_counter() - start, len(search.seen), coverage.vacuous(self), outstanding
        )

    def _written_by_events(self, rule: Rule) -> set[str]:
        """Return the fields that events of the rule write: an event without a transition is a step only if it changes them."""
        found: set[str] = set()
        for event in self.workflow.events.values():
            if event.name in rule.step_names:
                found |= {name for name, _ in event.effects} | ({event.gives} if event.gives is not None else set())
        return found

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
                coverage.saw(self, state, move)
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
        state, _, _, q = node
        final = self.workflow.states[move.state].kind is StateKind.FINAL
        for after, classes in self._advance(rule, q, state, move):
            if after in rule.automaton.broken:
                return classes
            if final and after in rule.automaton.open and rule.within_days is None:
                return classes
            bad = classes & self._forbidden(rule, after, move.state, move.record)
            if bad:
                return bad
            entering = explorer.enters(move) and explorer.tried_on_entry(move.state)
            search.push((move.state, explorer.normal(move.state, move.record), entering, after), classes, node, move)
        return 0

    def _advance(self, rule: Rule, q: int, state: str, move: Move) -> list[tuple[int, int]]:
        """Return the states of the automaton after a move, each with its classes."""
        found = [(q, move.classes)]
        for name in names_of_step(self.workflow, move.trigger, move.transition):
            if name not in rule.step_names:
                continue
            split: dict[int, int] = {}
            for before, classes in found:
                for symbol, subset in self._symbols(rule, name, state, move, classes):
                    after = rule.automaton.step(before, symbol)
                    split[after] = split.get(after, 0) | subset
            found = list(split.items())
        return found

    def _symbols(self, rule: Rule, name: str, state: str, move: Move, classes: int) -> list[tuple[int, int]]:
        found = [(0, classes)]
        for i, letter in enumerate(rule.automaton.patterns):
            if name not in letter.names:
                continue
            holds = self.mask(letter.when, state, move.seen) & self.mask(letter.giving, move.state, move.record)
            split = [(symbol | 1 << i, subset & holds) for symbol, subset in found] + [
                (symbol, subset & ~holds) for symbol, subset in found
            ]
            found = [(symbol, subset) for symbol, subset in split if subset]
        return found

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
        found = self._masks.get(key)
        if found is None:
            if "state" in read:
                values["state"] = state
            put_in = substitute(condition, values)
            witness = self.table.classes.witness
            n = len(self.table.classes)
            holds = np.broadcast_to(vector(put_in, witness.values, witness.missing, n), n)
            found = self._masks[key] = mask_of(holds.tolist())
            self._kept_alive.append(condition)  # so that its id is not reused
        return found

    # check of results on the machine ---------------------------------------------------------------

    def _history(self, search: _Search, node: Node, classes: int, last: Move | None) -> History:
        bit = classes & -classes
        begun, moves = search.trail(node, bit)
        if last is not None:
            moves = [*moves, (node, last)]
        steps = tuple(Step(m.trigger, m.given, m.transition, at[0], m.state) for at, m in moves)
        facts = dict(zip(fact_names(self.workflow), self.facts[bit.bit_length() - 1], strict=True))
        return History(facts, begun[0], self._begun(begun, bit), steps)

    def _begun(self, node: Node, bit: int) -> Record:
        """Return an initial record that agrees with a node in its live fields."""
        explorer = Explorer(self.table, keep=set(self.workflow.record))
        fits = [
            r
            for s, r in self.beginnings()
            if s == node[0] and all(a == b or b == d for a, b, d in zip(r, node[1], explorer.normal(s, r), strict=True))
        ]
        exact = [r for r in fits if r == node[1]]
        return (exact or fits or [node[1]])[0]

    def replay(self, rule: Rule, history: History) -> None:
        """Replay a history that breaks a rule on the machine of the library.

        Raises
        ------
        UnsoundProof
            If the machine takes another path, or the rule is not broken at the end.
        """
        monitor = Monitor(rule, self.workflow)
        case = SimpleNamespace(state=history.state, facts=tuple(history.facts.values()), record=list(history.record))
        q = 0
        broken = monitor.is_forbidden(q, case.facts, case.record, case.state)
        for step in history.steps:
            q, broken = replay_step(self.workflow, plain_machine(self.workflow), monitor, case, q, step)
        final = self.workflow.states[case.state].kind is StateKind.FINAL
        if not (broken or q in monitor.broken or (final and q in monitor.open)):
            raise UnsoundProof(f"rule {rule.name!r}: the counterexample does not break it on the transitions machine")

    def _walk(self, rule: Rule, explorer: Explorer, search: _Search, deadline: float) -> bool:
        """Check that every step of the machine, from every node and for each class, leads to a node of the search.

        Return whether there was time for all.
        """
        monitor = Monitor(rule, self.workflow)
        for (state, record, entering, q), classes in search.seen.items():
            for k in range(len(self.facts)):
                if not classes >> k & 1:
                    continue
                if time.perf_counter() > deadline:
                    return False
                for trigger, seen in self._chances(state, record, entering, k):
                    taken, after = self._fire(state, trigger, seen, k)
                    where = self._lands(monitor, explorer, state, q, trigger, seen, taken, after, record, k)
                    if where is not None and not search.seen.get(where, 0) >> k & 1:
                        raise UnsoundProof(
                            f"rule {rule.name!r}: from {state!r} the machine leads to {where[0]!r}, which the search did not reach"
                        )
        return True

    def _chances(self, state: str, record: Record, entering: bool, k: int) -> Iterator[tuple[str, Record]]:
        """Yield each possible trigger, with the record that the guards see."""
        if entering:
            yield ENTER, record
            return
        for trigger, given in self._machine.possible_inputs(state, self.facts[k], record):
            yield trigger, tuple(self._machine.seen(state, record, trigger, given))

    def _fire(self, state: str, trigger: str, seen: Record, k: int) -> tuple[int | None, Record]:
        """Return the transition that the machine takes and the record after it (cached)."""
        key = (state, trigger, seen, k)
        found = self._decided.get(key)
        if found is None:
            case = SimpleNamespace(state=state, facts=self.facts[k], record=list(seen))
            found = self._decided[key] = (self._machine.fire(case, trigger), tuple(case.record))
        return found

    def _lands(
        self, monitor: Monitor, explorer: Explorer, state: str, q: int, trigger: str, seen: Record, taken: int | None, after: Record,
        record: Record, k: int,
    ) -> Node | None:  # fmt: skip
        workflow, facts = self.workflow, self.facts[k]
        event = trigger if trigger in workflow.events else None
        if taken is None:
            if trigger == ENTER:
                return None if workflow.states[state].kind is StateKind.INSTANT else (state, record, False, q)
            if event is None or seen == record:
                return None
        transition = None if taken is None else workflow.transitions[taken]
        target = state if transition is None or transition.target is None else transition.target
        q = monitor.advance(q, names_of_step(workflow, trigger, taken), facts, seen, state, after, target)
        owed = (
            workflow.states[target].kind is StateKind.FINAL and q in monitor.open and monitor.rule.within_days is None
        )
        if owed or q in monitor.broken or monitor.is_forbidden(q, facts, after, target):
            raise UnsoundProof(
                f"rule {monitor.rule.name!r}: the machine breaks it from {state!r}, which the search missed"
            )
        moved = transition is not None and transition.target is not None
        return target, explorer.normal(target, after), moved and explorer.tried_on_entry(target), q


class _Coverage:
    """Which parts of a rule ever hold: a rule with a part that never holds is vacuous."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.pattern = rule.automaton.patterns[0] if rule.condition is None else None
        self.happened = False
        self.held = self.pattern is None or self.pattern.when is None
        parts = (
            rule.condition.operands
            if isinstance(rule.condition, And)
            else (rule.condition,)
            if rule.condition is not None
            else ()
        )
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
        found = self._substituted.get((part, q))
        if found is None:
            flags = {name: value for name, value in self.rule.automaton.flags[q].items() if name in names(part)}
            found = self._substituted[part, q] = substitute(part, flags)
        return found

    def saw(self, prover: Prover, state: str, move: Move) -> None:
        """Record whether a move is a step of the rule."""
        if self.pattern is None:
            return
        if any(name in self.pattern.names for name in names_of_step(prover.workflow, move.trigger, move.transition)):
            self.happened = True
        if not self.held and move.classes & prover.mask(self.pattern.when, state, move.seen):
            self.held = True

    def vacuous(self, prover: Prover) -> str | None:
        """Return why the rule is vacuous, or ``None``."""
        from workflow.predicates import unparse

        if self.pattern is not None and not self.happened:
            return f"{' or '.join(sorted(self.pattern.names))} can never happen"
        if not self.held:
            return "its if: holds in no reachable state"
        never = [part for part, held in self.parts.items() if not held]
        return f"{unparse(never[0])!r} holds in no reachable state" if never else None


def names_of_step(workflow: Workflow, trigger: str, transition: int | None) -> list[str]:
    """Return the names of a step: an event first, then the transition."""
    found = [trigger] if trigger in workflow.events else []
    return found if transition is None else [*found, workflow.transitions[transition].name]


def replay_step(
    workflow: Workflow, machine: CaseMachine, monitor: Monitor, case: Any, q: int, step: Step
) -> tuple[int, bool]:
    """Replay one step on a machine; return the state of the automaton, and whether a forbidden condition holds."""
    state, before = case.state, tuple(case.record)
    seen = machine.seen(state, before, step.trigger, step.given)
    case.record[:] = seen
    taken = machine.fire(case, step.trigger)
    silent = taken is None and tuple(seen) == before
    if taken != step.transition or case.state != step.state_after or silent:
        raise UnsoundProof(f"the transitions machine contradicts the history at {step.trigger!r} in {state!r}")
    names_ = names_of_step(workflow, step.trigger, taken)
    q = monitor.advance(q, names_, case.facts, seen, state, case.record, case.state)
    return q, monitor.is_forbidden(q, case.facts, case.record, case.state)
