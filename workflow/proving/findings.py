"""Find suspicious parts of a workflow without a run: dead transitions, hidden guards, gaps, overlaps, unused facts.

Only a gap is an error: a case can get stuck there. Each finding has an example case.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow.deciding.machine import fact_names
from workflow.deciding.table import guards
from workflow.model.definition import COMPLETE, ENTER, Value, Workflow
from workflow.predicates import names
from workflow.proving.exploration import Explorer, Record, walk
from workflow.proving.proof import Prover

__all__ = ["Finding", "find_odd", "json_values"]

_WHEN = {COMPLETE: "on completion", ENTER: "on entry"}


@dataclass(frozen=True)
class Finding:
    """A suspicious part of a workflow.

    Attributes
    ----------
    finding : str
        ``dead transition``, ``hidden guard``, ``gap``, ``overlap`` or ``unused fact``.
    where : str
        The transition, state or fact, and the problem.
    example : dict
        The relevant facts and record fields of a case that shows it.
    """

    finding: str
    where: str
    example: dict[str, Value] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"finding": self.finding, "where": self.where, "example": json_values(self.example)}


def json_values(values: Mapping[str, Value]) -> dict[str, Any]:
    """Return values as JSON has them: dates become strings."""
    return {k: v if isinstance(v, bool | int | float | str | None) else str(v) for k, v in values.items()}


def find_odd(prover: Prover, seconds: float | None = None) -> list[Finding] | None:
    """Check every decision point that a case can reach.

    Parameters
    ----------
    prover : Prover
        Its table must cover every possible case.
    seconds : float, optional
        Time limit.

    Returns
    -------
    list of Finding or None
        ``None`` if the time limit was reached.
    """
    survey = _Survey(prover, math.inf if seconds is None else time.perf_counter() + seconds)
    return survey.findings() if survey.complete else None


class _Survey:
    """The reachable decision points: transitions taken, and guards that hold."""

    def __init__(self, prover: Prover, deadline: float) -> None:
        self.prover = prover
        self.deadline = deadline
        self.workflow: Workflow = prover.workflow
        self.taken: set[int] = set()
        self.held: dict[int, tuple[int, str, Record, int]] = {}
        self.overlaps: dict[tuple[int, int], tuple[str, Record, int]] = {}
        self.gaps: dict[tuple[str, str], tuple[Record, int]] = {}
        self.candidates = self.workflow.candidates
        self._checked: set[tuple[str, str, Record, int]] = set()
        self.complete = self._visit()

    def _visit(self) -> bool:
        """Visit every reachable node; return whether there was time for all."""
        full = (1 << len(self.prover.table.classes)) - 1
        begins = {}
        for begun in self.prover.beginnings():
            if time.perf_counter() > self.deadline:
                return False
            begins[begun] = full
        for visit in walk(Explorer(self.prover.table), begins):
            if time.perf_counter() > self.deadline:
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
            holds = classes & self.prover.mask(transition.guard, state, seen)
            if holds and i not in self.held:
                self.held[i] = (hidden & holds, state, seen, holds)
            for j, other in before:
                both = holds & other
                if both and transition.guard is not None and transition.target != self.workflow.transitions[j].target:
                    self.overlaps.setdefault((j, i), (state, seen, both))
            if transition.guard is not None:
                before.append((i, holds))
            hidden |= holds

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
            where = f"{state}: {_WHEN[trigger]} no guard holds, so a case gets stuck"
            findings.append(Finding("gap", where, self._example(seen, classes, self.candidates[state, trigger])))
        for (j, i), (state, seen, classes) in self.overlaps.items():
            one, two = self.workflow.transitions[j], self.workflow.transitions[i]
            where = (
                f"{state}: the guards of {one.name} and {two.name} can both hold; {one.name} comes first and is taken"
            )
            findings.append(Finding("overlap", where, self._example(seen, classes, [j, i])))
        return findings + [
            Finding("unused fact", f"{name}: no guard, definition in use, measure or rule reads it")
            for name in self._unused()
        ]

    def _earlier(self, i: int, state: str) -> list[int]:
        for (where, _), candidates in self.candidates.items():
            if where == state and i in candidates:
                return list(candidates[: candidates.index(i)])
        return []

    def _example(self, seen: Record, classes: int, transitions: Iterable[int]) -> dict[str, Value]:
        """Return the facts and record fields of one case that the guards of transitions read."""
        k = (classes & -classes).bit_length() - 1
        tried = [self.workflow.transitions[i].guard for i in transitions]
        read = frozenset[str]().union(*(names(guard) for guard in tried if guard is not None))
        everything = {
            **dict(zip(fact_names(self.workflow), self.prover.facts[k], strict=True)),
            **dict(zip(self.workflow.record, seen, strict=True)),
        }
        return {name: value for name, value in everything.items() if name in read}

    def _unused(self) -> list[str]:
        conditions = [*guards(self.workflow), *self.workflow.definitions.values()]
        read = frozenset[str]().union(*map(names, conditions), *(rule.reads for rule in self.workflow.rules))
        text = " ".join(str(m.if_) for m in self.workflow.measures if m.if_ is not None)
        return [name for name in self.workflow.facts if name not in read and name not in text.replace("(", " ").split()]
