"""The result of an audit: rule violations, moves not allowed, and unjudged rules and cases."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.log import AuditLog
from workflow.drawing import html
from workflow.errors import nearest
from workflow.files.validation import format_names
from workflow.model.rules import Rule

Integers = NDArray[np.int64]

Verdict = Literal["kept", "broken", "open", "unjudged", "idle"]


@dataclass(frozen=True)
class RuleAudit:
    """The result of one rule.

    Attributes
    ----------
    unjudged : tuple of str
        If no case could be judged: what the rule needs and the log does not tell.
    cases, rows : ndarray of int64
        The cases that break the rule, and the row of each violation. For a missed deadline: the first row after it, or
        the last row of the case. -1 if a case breaks the rule as it begins.
    at, local : ndarray of int64
        The instant of that row and its local clock, or the end of the log if the deadline is after the last row of the case.
    is_open, is_unjudged : ndarray of bool, shape (n_cases,)
        The cases with an open obligation whose time is not over, and those that the log does not tell enough about.
    no_trigger : str or None
        What never occurs in the log, so that the rule says nothing about any of its cases.
    """

    rule: Rule
    unjudged: tuple[str, ...]
    cases: Integers
    rows: Integers
    at: Integers
    local: Integers
    is_open: NDArray[np.bool_]
    is_unjudged: NDArray[np.bool_]
    no_trigger: str | None = None

    @property
    def open(self) -> int:
        """Return the number of cases with an open obligation whose time is not over."""
        return int(self.is_open.sum())

    @property
    def unjudged_cases(self) -> int:
        """Return the number of cases that are not judged."""
        return int(self.is_unjudged.sum())

    @property
    def kept(self) -> int:
        """Return the number of cases that keep the rule."""
        return len(self.is_open) - len(self.cases) - self.open - self.unjudged_cases

    @property
    def idle(self) -> bool:
        """Return whether the verdict is ``idle``."""
        return self.verdict == "idle"

    @property
    def verdict(self) -> Verdict:
        """Return ``broken``, ``unjudged``, ``open``, ``kept`` or ``idle``.

        A rule is broken if any case breaks it. It is unjudged if no case could be judged, and idle if its trigger never occurs.
        """
        if len(self.cases):
            return "broken"
        if len(self.is_unjudged) and self.is_unjudged.all():
            return "unjudged"
        if self.is_open.any():
            return "open"
        return "kept" if self.no_trigger is None else "idle"

    def of_cases(self) -> NDArray[Any]:
        """Return the verdict on each case: ``kept``, ``broken``, ``open`` or ``unjudged``."""
        verdicts = np.full(len(self.is_open), "kept", object)
        verdicts[self.is_open], verdicts[self.is_unjudged], verdicts[self.cases] = "open", "unjudged", "broken"
        return verdicts


@dataclass(frozen=True)
class AuditReport:
    """The result of an audit.

    Attributes
    ----------
    not_allowed, moves_unjudged : ndarray of int64
        The rows whose move the workflow does not allow, and those that the log does not tell enough about.
    """

    log: AuditLog
    not_allowed: Integers
    moves_unjudged: Integers
    rules: tuple[RuleAudit, ...]

    @property
    def failed(self) -> bool:
        """Return whether any move is not allowed or any rule is broken."""
        return bool(len(self.not_allowed)) or any(len(r.cases) for r in self.rules)

    @property
    def undecided(self) -> bool:
        """Return whether there are rules that no case could be judged by."""
        return any(r.verdict == "unjudged" for r in self.rules)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it; `violations` is null for an unjudged rule."""
        return {
            "cases": len(self.log.names),
            "events": len(self.log),
            "notes": list(self.log.notes),
            "moves_not_allowed": len(self.not_allowed),
            "moves_unjudged": len(self.moves_unjudged),
            "rules": [
                {
                    "rule": r.rule.name,
                    "verdict": r.verdict,
                    "violations": None if r.verdict == "unjudged" else len(r.cases),
                    "kept_cases": r.kept,
                    "open_cases": r.open,
                    "unjudged_cases": r.unjudged_cases,
                    "unjudged": list(self._untold(r)),
                    "idle": r.verdict == "idle",
                    "no_trigger": r.no_trigger,
                }
                for r in self.rules
            ],
        }

    def offending(self) -> list[dict[str, Any]]:
        """Return one row for each violation."""
        return list(itertools.chain.from_iterable(self._by_kind()))

    def not_kept(self) -> Iterator[dict[str, Any]]:
        """Yield one row for each violation, and for each case and move that is open or unjudged."""
        case, of_moves = self.log.case, "a move that the workflow does not allow"
        violations = self._by_kind()
        yield from ({**row, "verdict": "broken"} for row in next(violations))
        yield from (self._offence(int(case[i]), int(i), of_moves) | {"verdict": "unjudged"} for i in self.moves_unjudged)
        for rule, broken in zip(self.rules, violations, strict=True):
            yield from ({**row, "verdict": "broken"} for row in broken)
            for verdict, cases in (("open", rule.is_open), ("unjudged", rule.is_unjudged)):
                names = self.log.names[np.flatnonzero(cases)]
                yield from ({"case": str(name), "against": rule.rule.name, "verdict": verdict} for name in names)

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
        yield from (f"  {line}" for line in self._moves())
        for rule in self.rules:
            yield f"  {self._verdict(rule)}"
        yield from self._unknown_names()
        if examples := self._examples():
            yield "an example of each:"
        for row in examples:
            yield f"  case {row['case']}, {self._when(row)}, {row['step']}: {row['against']}"

    def __repr__(self) -> str:
        verdicts = Counter(rule.verdict for rule in self.rules)
        counts = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items())
        moves = f"{_n(len(self.not_allowed), 'move')} not allowed"
        return f"<AuditReport of {_n(len(self.log.names), 'case')}: {moves}; rules: {counts or 'none'}>"

    def __str__(self) -> str:
        return "\n".join(self.render())

    def _repr_html_(self) -> str:
        log = self.log
        columns = ["verdict", "rule", "kept", "broken", "open", "unjudged", "note"]
        rows = [
            [r.verdict, r.rule.name, *(f"{n:,}" for n in (r.kept, len(r.cases), r.open, r.unjudged_cases)), self._note(r)]
            for r in self.rules
        ]
        examples = [[row["case"], self._when(row), row["step"], row["against"]] for row in self._examples()]
        return html.page(
            html.paragraph(f"{log.workflow.name}: {_n(len(log.names), 'case')}, {_n(len(log), 'row')}{self._span()}"),
            html.items([*log.notes, *self._moves()]),
            html.table(columns, rows, "Cases by rule", n_text=2),
            html.items(list(self._unknown_names())),
            html.table(["case", "at", "step", "against"], examples, "An example of each violation", n_text=4),
        )

    def _note(self, rule: RuleAudit) -> str:
        """Return why cases are unjudged, or what never occurs."""
        if rule.unjudged_cases:
            return self._why_unjudged(rule)
        return str(rule.no_trigger) if rule.idle else ""

    def _examples(self) -> list[dict[str, Any]]:
        """Return the first violation of each kind."""
        return [row for rows in self._by_kind() for row in itertools.islice(rows, 1)]

    @staticmethod
    def _when(row: dict[str, Any]) -> str:
        return str(row["at"]).removesuffix(".000000").replace("T", " ")

    def _unknown_names(self) -> Iterator[str]:
        """Yield the names in the log that the workflow does not have."""
        log, unknown = self.log, Counter(self.log.unknown_names.values())
        if unknown:
            known = log.workflow.step_names
            yield f"names in the log that {log.workflow.name} does not have:"
            for name, n in unknown.most_common(10):
                yield f"  {name!r} in {_n(n, 'row')}.{nearest(name, known) if name not in known else ''}"
            if len(unknown) > 10:
                yield f"  and {len(unknown) - 10:,} others"

    def _span(self) -> str:
        at = self.log.local
        if not len(at):
            return ""
        first, last = (str(np.datetime64(int(t), "us"))[:10] for t in (at.min(), at.max()))
        return f", {first} to {last}"

    def _moves(self) -> Iterator[str]:
        n_bad, n_unjudged = len(self.not_allowed), len(self.moves_unjudged)
        if n_bad or n_unjudged < len(self.log):
            of_judged = " among those that were judged" if n_unjudged and not n_bad else ""
            yield f"{_n(n_bad, 'move') if n_bad else 'no move'} that the workflow does not allow{of_judged}"
        if n_unjudged:
            yield f"{_n(n_unjudged, 'move')} unjudged: the log does not tell what their guards read"

    def _verdict(self, rule: RuleAudit) -> str:
        name, kind = rule.rule.name, rule.verdict
        if kind == "unjudged":
            return f"{kind:<20} {name}  ({self._why_unjudged(rule)})"
        verdict = f"broken by {_n(len(rule.cases), 'case')}" if kind == "broken" else kind
        verdict = f"open in {_n(rule.open, 'case')}" if kind == "open" else verdict
        notes = [str(rule.no_trigger)] if kind == "idle" else []
        if rule.unjudged_cases:
            notes.append(f"{_n(rule.unjudged_cases, 'case')} unjudged: {self._why_unjudged(rule)}")
        if rule.open and kind != "open":
            notes.append(f"still open in {_n(rule.open, 'case')}")
        note = f"  ({'; '.join(notes)})" if notes else ""
        return f"{verdict:<20} {name}{note}"

    def _why_unjudged(self, rule: RuleAudit) -> str:
        untold, unclear = self.log.untold(rule.rule.reads), self._unclear(rule)
        where = "" if rule.unjudged else "their "
        why = [f"the log lacks {where}{format_names(untold)}"] if untold else []
        why += [f"the log does not say whether {format_names(unclear)} happened"] if unclear else []
        if self.log.unnamed is not None and rule.is_unjudged[self.log.unnamed].any():
            why.append("events have no name")
        return "; ".join(why) or "the log does not tell their state"

    def _untold(self, rule: RuleAudit) -> tuple[str, ...]:
        """Return what an unjudged case lacks; nothing if every case is judged."""
        return (*self.log.untold(rule.rule.reads), *self._unclear(rule)) if rule.unjudged_cases else ()

    def _unclear(self, rule: RuleAudit) -> list[str]:
        """Return the events of a rule of which the log does not say whether they happened."""
        return sorted(self.log.possible & rule.rule.step_names)

    def _offence(self, case: int, row: int, against: str, at: int | None = None) -> dict[str, Any]:
        log = self.log
        if row < 0:
            name = "(begins)"
        elif log.transition[row] >= 0:
            name = log.in_force.transitions[log.transition[row]].name
        elif log.event[row] >= 0:
            name = log.in_force.events[log.event[row]].name
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
