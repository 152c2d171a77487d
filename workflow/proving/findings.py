"""Find suspicious parts of a workflow without a run: dead transitions, hidden guards, gaps, overlaps, unused facts and bounds.

Only a gap is an error: a case can get stuck there. Each finding has an example case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workflow.deciding.machine import fact_names
from workflow.deciding.table import Table, guards
from workflow.model.definition import COMPLETE, ENTER, Value, Workflow
from workflow.model.rules import Rule
from workflow.predicates import Expression, names, substitute, vector
from workflow.predicates.symbolic import ProverMissing
from workflow.predicates.words import Word
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.exploration import Explorer, Record, beginnings, mask_of, walk
from workflow.proving.proof import MOST_NODES, Prover
from workflow.proving.questions import Question

_WHEN = {COMPLETE: "on completion", ENTER: "on entry"}


@dataclass(frozen=True)
class Finding:
    """A suspicious part of a workflow.

    Attributes
    ----------
    finding : str
        ``dead transition``, ``hidden guard``, ``gap``, ``overlap``, ``unused fact`` or ``unused bound``; about rules,
        ``surplus rule``, ``idle rule`` or ``contradiction``.
    where : str
        The transition, state, fact or rule, and the problem.
    example : dict
        The relevant facts and record fields of a case that shows it.
    rules : tuple of str
        For a finding about rules, their names: the surplus or idle rule, and those that make it so; or those that contradict
        each other.
    """

    finding: str
    where: str
    example: dict[str, Value] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        about_rules = {"rules": list(self.rules)} if self.rules else {"example": json_values(self.example)}
        return {"finding": self.finding, "where": self.where, **about_rules}


def json_values(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return values as JSON has them: dates become strings."""
    return {k: v if isinstance(v, bool | int | float | str | None) else str(v) for k, v in values.items()}


def find_odd(table: Table, budget: Budget, rules: Sequence[Rule] = ()) -> list[Finding] | None:
    """Check every decision point that a case can reach.

    Parameters
    ----------
    table : Table
        It must cover every possible case.
    budget : Budget

    Returns
    -------
    list of Finding or None
        ``None`` if the time limit was reached.
    """
    survey = _Survey(table, budget)
    return [*survey.findings(), *_unused(table.workflow, rules)] if survey.complete else None


def find_odd_by_search(prover: Prover, budget: Budget, rules: Sequence[Rule] = ()) -> list[Finding]:
    """Look for gaps, dead transitions and unused facts, however many kinds of cases there are.

    Overlaps and hidden guards are left out: there is a question for each pair of transitions.

    Raises
    ------
    LimitReached
    """
    workflow, gaps = prover.workflow, list[Finding]()
    points = frozenset((point.state, point.trigger) for point in workflow.decision_points if point.must_move)
    while points and (witness := prover.find(Question.gets_stuck(points), budget)) is not None:
        state, trigger = witness.rows[-1].node[0], str(witness.rows[-1].move.trigger)  # type: ignore[union-attr]
        points -= {(state, trigger)}
        facts = prover.history(witness, budget)
        read = _read_by(workflow, workflow.candidates.get((state, trigger), ()))
        example = {name: value for name, value in facts.facts.items() if name in read}
        gaps.append(Finding("gap", _GAP.format(state=state, when=_WHEN[trigger]), example))
    dead = [Finding("dead transition", f"{name}: no case can ever take it") for name in never_taken(prover, budget)]
    return [*dead, *gaps, *_unused(workflow, rules)]


def never_taken(prover: Prover, budget: Budget, known: Collection[str] = ()) -> list[str]:
    """Return the transitions that no case can ever take.

    Parameters
    ----------
    known : collection of str
        Transitions that some case takes, as a log shows. They are not searched for.

    Raises
    ------
    LimitReached
    """
    workflow, dead = prover.workflow, list[str]()
    taken = {i for i, transition in enumerate(workflow.transitions) if transition.name in known}
    for i, transition in enumerate(workflow.transitions):
        if i in taken:
            continue
        witness = prover.find(Question.takes(Word.of(transition.name)), budget)
        if witness is None:
            dead.append(transition.name)
        else:
            taken |= {row.move.transition for row in witness.rows if row.move is not None} - {None}  # type: ignore[arg-type]
    return dead


SECONDS_FOR_A_MAP = 10.0


def greyed(workflow: Workflow, known: Collection[str] = ()) -> list[str]:
    """Return the transitions to grey on a map; none where that is not decided in `SECONDS_FOR_A_MAP`, or Z3 is not installed.

    See `never_taken`.
    """
    try:
        return never_taken(Prover(workflow, MOST_NODES), Budget(SECONDS_FOR_A_MAP, MOST_NODES), known)
    except (LimitReached, ProverMissing):
        return []


_GAP = "{state}: {when} no guard holds, so a case gets stuck"


def _read_by(workflow: Workflow, transitions: Iterable[int]) -> frozenset[str]:
    """Return what the guards of transitions read."""
    tried = [workflow.transitions[i].guard for i in transitions]
    return frozenset[str]().union(*(names(guard) for guard in tried if guard is not None))


def _unused(workflow: Workflow, rules: Sequence[Rule]) -> list[Finding]:
    """Return the facts and the bounds on time that nothing reads, neither the workflow nor further rules."""
    conditions = [*guards(workflow), *workflow.definitions.values(), *workflow.assumptions]
    read = frozenset[str]().union(*map(names, conditions), *(rule.reads for rule in (*workflow.rules, *rules)))
    text = " ".join(str(m.if_) for m in workflow.measures if m.if_ is not None)
    unused = [name for name in workflow.facts if name not in read and name not in text.replace("(", " ").split()]
    facts = [Finding("unused fact", f"{name}: no guard, definition, assumption, measure or rule reads it") for name in unused]
    limited = any(rule.within is not None for rule in (*workflow.rules, *rules))
    bounds = [] if limited else [*workflow.bounds.stays, *workflow.bounds.clocks]
    return [*facts, *(Finding("unused bound", f"{name}: no rule has a time limit") for name in bounds)]


class _Survey:
    """The reachable decision points: transitions taken, and guards that hold."""

    def __init__(self, table: Table, budget: Budget) -> None:
        self.table, self.budget = table, budget
        self.workflow: Workflow = table.workflow
        fields = self.workflow.namespace.fields
        columns = [table.classes.witness.plain(fields[name]) for name in fact_names(self.workflow)]
        self.facts = list(zip(*columns, strict=True))
        self._masks: dict[tuple[int, Record], int] = {}
        self.taken: set[int] = set()
        self.held: dict[int, tuple[int, str, Record, int]] = {}
        self.overlaps: dict[tuple[int, int], tuple[str, Record, int]] = {}
        self.gaps: dict[tuple[str, str], tuple[Record, int]] = {}
        self.candidates = self.workflow.candidates
        self._checked: set[tuple[str, str, Record, int]] = set()
        self.complete = self._visit()

    def _visit(self) -> bool:
        """Visit every reachable node; return whether there was time for all."""
        full = (1 << len(self.table.classes)) - 1
        begins = {}
        for begun in beginnings(self.workflow):
            if self.budget.left <= 0:
                return False
            begins[begun] = full
        for visit in walk(Explorer(self.table), begins):
            if self.budget.left <= 0:
                return False
            if visit.entering:
                self._check(visit.state, ENTER, visit.record, visit.classes)
            for move in visit.moves:
                if move.transition is not None:
                    self.taken.add(move.transition)
                if move.stuck:
                    self.gaps.setdefault((visit.state, move.trigger), (move.seen, move.classes))
                self._check(visit.state, move.trigger, move.seen, visit.classes)
        return True

    def _check(self, state: str, trigger: str, seen: Record, classes: int) -> None:
        """Record which guards of a decision point hold, regardless of order."""
        key = (state, trigger, seen, classes)
        if key in self._checked or (state, trigger) not in self.candidates:
            return
        self._checked.add(key)
        before: list[tuple[int, int]] = []
        hidden = 0
        for i in self.candidates[state, trigger]:
            transition = self.workflow.transitions[i]
            holds = classes & self._mask(transition.guard, seen)
            if holds and i not in self.held:
                self.held[i] = (hidden & holds, state, seen, holds)
            for j, other in before:
                both = holds & other
                if both and transition.guard is not None and transition.target != self.workflow.transitions[j].target:
                    self.overlaps.setdefault((j, i), (state, seen, both))
            if transition.guard is not None:
                before.append((i, holds))
            hidden |= holds

    def _mask(self, guard: Expression | None, record: Record) -> int:
        """Return the fact classes for which a guard holds with a record."""
        if guard is None:
            return -1
        read = names(guard)
        values = {n: v for n, v in zip(self.workflow.record, record, strict=True) if n in read}
        key = (id(guard), tuple(values.values()))
        if key not in self._masks:
            witness, n = self.table.classes.witness, len(self.table.classes)
            holds = np.broadcast_to(vector(substitute(guard, values), witness.values, witness.missing, n), n)
            self._masks[key] = mask_of(holds.tolist())
        return self._masks[key]

    def findings(self) -> list[Finding]:
        """Return the findings in the order of the file."""
        findings: list[Finding] = []
        for i, transition in enumerate(self.workflow.transitions):
            if i in self.taken:
                continue
            if i in self.held:
                _, state, seen, classes = self.held[i]
                earlier = [self.workflow.transitions[j].name for j in self._earlier(i, state)]
                where = f"{transition.name}: its guard can hold, but {' or '.join(earlier)} is always taken first"
                findings.append(Finding("hidden guard", where, self._example(seen, classes, [i])))
            else:
                findings.append(Finding("dead transition", f"{transition.name}: no case can ever take it"))
        for (state, trigger), (seen, classes) in self.gaps.items():
            where = _GAP.format(state=state, when=_WHEN[trigger])
            findings.append(Finding("gap", where, self._example(seen, classes, self.candidates[state, trigger])))
        for (j, i), (state, seen, classes) in self.overlaps.items():
            one, two = self.workflow.transitions[j], self.workflow.transitions[i]
            where = f"{state}: the guards of {one.name} and {two.name} can both hold; {one.name} comes first and is taken"
            findings.append(Finding("overlap", where, self._example(seen, classes, [j, i])))
        return findings

    def _earlier(self, i: int, state: str) -> list[int]:
        for (where, _), candidates in self.candidates.items():
            if where == state and i in candidates:
                return list(candidates[: candidates.index(i)])
        return []

    def _example(self, seen: Record, classes: int, transitions: Iterable[int]) -> dict[str, Value]:
        """Return the facts and record fields of one case that the guards of transitions read."""
        k = (classes & -classes).bit_length() - 1
        read = _read_by(self.workflow, transitions)
        everything = {
            **dict(zip(fact_names(self.workflow), self.facts[k], strict=True)),
            **dict(zip(self.workflow.record, seen, strict=True)),
        }
        return {name: value for name, value in everything.items() if name in read}
