"""Rules watched while a simulation runs: every rule, on every case, letter by letter; and what is said of a broken one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.deciding.monitor import Monitor
from workflow.errors import DocketsimError
from workflow.model.definition import StateKind, Value, Workflow, as_written
from workflow.model.rules import Rule

__all__ = ["RuleBroken", "Violation", "Watch", "last_moves", "rule_broken", "watched_rules"]

Move = tuple[int, int, int, int]
"""transition, from, to, happened: codes and an instant, as in the log."""


class RuleBroken(DocketsimError, AssertionError):
    """A case broke a rule while the simulation ran."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule broken by a case.

    Attributes
    ----------
    case : int
        Its number.
    at : int
        Microseconds since the start.
    """

    rule: str
    case: int
    at: int


def last_moves(scenario: Scenario, moves: Iterable[Move]) -> str:
    """Tell the last dozen moves of a case."""
    words, states = scenario.transition_names, list(scenario.workflow.states)
    steps = [
        f"\n  {scenario.epoch.instant(at)}  {words[taken] if taken >= 0 else '-'}: {states[old]} -> {states[new]}"
        for taken, old, new, at in list(moves)[-12:]
    ]
    return "\nIts last moves:" + "".join(steps) if steps else ""


def rule_broken(
    scenario: Scenario, violation: Violation, court: int, facts: Sequence[Value], moves: Iterable[Move]
) -> RuleBroken:
    """Return the error that tells of a violation: the case, its facts, and its moves up to there.

    Parameters
    ----------
    court : int
        Of the case.
    facts : sequence
        Of the case, in the order of ``scenario.fact_names``.
    """
    odd = ", ".join(
        f"{n} = {as_written(v)}"
        for n, v in zip(scenario.fact_names, facts, strict=True)
        if n in scenario.workflow.facts and v != scenario.default(n)
    )
    return RuleBroken(
        f"case {violation.case} of {scenario.courts[court]} breaks the rule {violation.rule!r} on"
        f" {scenario.epoch.instant(violation.at)}. Its facts, where not at their defaults: {odd or 'none'}.{last_moves(scenario, moves)}"
    )


def watched_rules(scenario: Scenario) -> tuple[Rule, ...]:
    """Return the rules that every policy of a scenario has: what a later policy drops is not demanded of its cases."""
    kept = [{rule.name for rule in policy.workflow.rules} for policy in scenario.policies]
    return tuple(rule for rule in scenario.workflow.rules if all(rule.name in names for names in kept))


class Watch:
    """Watches the rules of a workflow on the cases of one run.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule
    n_cases : int
    """

    def __init__(self, workflow: Workflow, rules: Sequence[Rule], n_cases: int) -> None:
        self._monitors = [Monitor(rule, workflow) for rule in rules]
        self._final = {s.name for s in workflow.states.values() if s.kind is StateKind.FINAL}
        self._states = [[0] * n_cases for _ in rules]
        self._since: list[dict[int, int]] = [{} for _ in rules]
        self._over = [bytearray(n_cases) for _ in rules]
        self.violations: list[Violation] = []

    def begin(self, case: Any, now: int) -> Violation | None:
        """Look at how a case begins."""
        found = None
        for k, monitor in enumerate(self._monitors):
            if monitor.is_forbidden(0, case.facts, case.record, case.state):
                violation = self._broken(k, case.number, now)
                found = found or violation
        return found

    def row(self, case: Any, words: Sequence[str], seen: Sequence[Value], old: str, now: int) -> Violation | None:
        """Look at a row of a case's history; return the first rule that it breaks."""
        found = None
        for k, monitor in enumerate(self._monitors):
            if self._over[k][case.number]:
                continue
            q, late = self._states[k][case.number], False
            for word in words:  # what an event settles, its transition may open anew
                before, q = q, monitor.advance(q, [word], case.facts, seen, old, case.record, case.state)
                late = self._late(k, case.number, before, q, now) or late
            self._states[k][case.number] = q
            owed = case.state in self._final and q in monitor.open and monitor.rule.within_days is None
            if q in monitor.broken or late or owed or monitor.is_forbidden(q, case.facts, case.record, case.state):
                violation = self._broken(k, case.number, now)
                found = found or violation
        return found

    def end(self, now: int) -> None:
        """Look for obligations whose time was over when the run ended."""
        for k in range(len(self._monitors)):
            for number in list(self._since[k]):
                if not self._over[k][number] and self._overdue(k, number, now):
                    self._broken(k, number, now)

    def _late(self, k: int, number: int, before: int, after: int, now: int) -> bool:
        """Keep the time at which an obligation was opened; say whether it is met, or still open, too late."""
        monitor = self._monitors[k]
        if monitor.rule.within_days is None:
            return False
        late = before in monitor.open and self._overdue(k, number, now)
        if after in monitor.open:
            self._since[k].setdefault(number, now)
        else:
            self._since[k].pop(number, None)
        return late

    def _overdue(self, k: int, number: int, now: int) -> bool:
        return now - self._since[k].get(number, now) > (self._monitors[k].rule.within_days or 0) * MICROSECONDS_PER_DAY

    def _broken(self, k: int, number: int, now: int) -> Violation:
        self._over[k][number] = 1
        violation = Violation(self._monitors[k].rule.name, number, now)
        self.violations.append(violation)
        return violation
