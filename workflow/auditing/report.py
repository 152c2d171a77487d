"""The result of an audit: rule violations, moves not allowed, and unjudged rules and cases."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.log import AuditLog
from workflow.errors import nearest
from workflow.files.validation import format_names
from workflow.model.rules import Rule

__all__ = ["AuditReport", "RuleAudit"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class RuleAudit:
    """The result of one rule.

    Attributes
    ----------
    unjudged : tuple of str
        The fields that the rule needs and the log lacks. If there are any, the rule is not judged.
    unjudged_cases : int
        Number of cases that are not judged: they lack a value that other cases have.
    cases, rows : ndarray of int64
        The cases that break the rule, and the row of each violation. For a missed deadline: the first row after it, or
        the last row of the case. -1 if a case breaks the rule as it begins.
    at, local : ndarray of int64
        The instant of that row and its local clock, or the end of the log if the deadline is after the last row of the case.
    open : int
        Number of cases with an open obligation before its deadline.
    idle : bool
        Whether the names of the rule never occur in the log: the rule then holds vacuously.
    """

    rule: Rule
    unjudged: tuple[str, ...]
    cases: Integers
    rows: Integers
    at: Integers
    local: Integers
    open: int = 0
    unjudged_cases: int = 0
    idle: bool = False


@dataclass(frozen=True)
class AuditReport:
    """The result of an audit.

    Attributes
    ----------
    not_allowed : ndarray of int64
        The rows whose move the workflow does not allow.
    """

    log: AuditLog
    not_allowed: Integers
    rules: tuple[RuleAudit, ...]

    @property
    def failed(self) -> bool:
        """Return whether any move is not allowed or any rule is broken."""
        return bool(len(self.not_allowed)) or any(len(r.cases) for r in self.rules)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it; `violations` is null for an unjudged rule."""
        return {
            "cases": len(self.log.names),
            "events": len(self.log),
            "notes": list(self.log.notes),
            "moves_not_allowed": len(self.not_allowed),
            "rules": [
                {
                    "rule": r.rule.name,
                    "violations": None if r.unjudged else len(r.cases),
                    "idle": r.idle,
                    "unjudged": list(r.unjudged),
                    "unjudged_cases": len(self.log.names) if r.unjudged else r.unjudged_cases,
                }
                for r in self.rules
            ],
        }

    def offending(self) -> list[dict[str, Any]]:
        """Return one row for each violation."""
        return list(itertools.chain.from_iterable(self._by_kind()))

    def _by_kind(self) -> Iterator[Iterator[dict[str, Any]]]:
        case = self.log.case
        yield (self._offence(int(case[i]), int(i), "a move that the workflow does not allow") for i in self.not_allowed)
        for rule in self.rules:
            violations = zip(rule.cases, rule.rows, rule.local, strict=True)
            yield (self._offence(int(case), int(row), rule.rule.name, int(at)) for case, row, at in violations)

    def render(self) -> Iterator[str]:
        """Yield the lines of a report."""
        log = self.log
        yield f"{log.workflow.name}: {_n(len(log.names), 'case')}, {_n(len(log), 'row')}{self._span()}"
        yield from (f"  {note}" for note in log.notes)
        yield f"  {_n(len(self.not_allowed), 'move') if len(self.not_allowed) else 'no move'} that the workflow does not allow"
        for rule in self.rules:
            yield f"  {self._verdict(rule)}"
        unknown = Counter(log.unknown_names.values())
        if unknown:
            yield f"names in the log that {log.workflow.name} does not have:"
            for name, n in unknown.most_common(10):
                yield f"  {name!r} in {_n(n, 'row')}.{nearest(name, log.workflow.step_names)}"
            if len(unknown) > 10:
                yield f"  and {len(unknown) - 10:,} others"
        examples = [row for rows in self._by_kind() for row in itertools.islice(rows, 1)]
        if examples:
            yield "an example of each:"
        for row in examples:
            when = row["at"].removesuffix(".000000").replace("T", " ")
            yield f"  case {row['case']}, {when}, {row['step']}: {row['against']}"

    def _span(self) -> str:
        at = self.log.local
        if not len(at):
            return ""
        first, last = (str(np.datetime64(int(t), "us"))[:10] for t in (at.min(), at.max()))
        return f", {first} to {last}"

    def _verdict(self, rule: RuleAudit) -> str:
        if rule.unjudged:
            return f"{'unjudged':<20} {rule.rule.name}  (the log lacks {format_names(rule.unjudged)})"
        verdict = f"broken by {_n(len(rule.cases), 'case')}" if len(rule.cases) else "kept"
        notes = ["vacuous: its names never occur in the log"] if rule.idle else []
        if rule.unjudged_cases:
            lacking = sorted(self.log.lacks.keys() & rule.rule.reads)
            unclear = sorted(self.log.unjudged_events.keys() & rule.rule.step_names)
            why = [f"the log lacks their {format_names(lacking)}"] if lacking else []
            why += [f"the log does not say whether {format_names(unclear)} happened"] if unclear else []
            notes.append(f"{_n(rule.unjudged_cases, 'case')} unjudged: {'; '.join(why)}")
        if rule.open:
            notes.append(f"still open in {_n(rule.open, 'case')}")
        note = f"  ({'; '.join(notes)})" if notes else ""
        return f"{verdict:<20} {rule.rule.name}{note}"

    def _offence(self, case: int, row: int, against: str, at: int | None = None) -> dict[str, Any]:
        log = self.log
        if row < 0:
            name = "(begins)"
        elif log.transition[row] >= 0:
            name = log.workflow.transitions[log.transition[row]].name
        elif log.event[row] >= 0:
            name = list(log.workflow.events)[log.event[row]]
        else:
            name = log.unknown_names.get(row, "?")
        return {
            "case": str(log.names[case]),
            "against": against,
            "at": str(np.datetime64(int(log.local[row]) if at is None else at, "us")),
            "step": name,
        }


def _n(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
