"""Watch rules during a simulation, step by step on every case, and report violations."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from simulations.scenarios.scenario import Scenario
from workflow.deciding.monitor import Monitor
from workflow.deciding.steps import Step, end_of_row
from workflow.errors import DocketsimError
from workflow.model.definition import Value, as_written
from workflow.model.rules import Rule

Move = tuple[int, int, int, int]
"""Transition, from_state, to_state and happened_at, as in the log."""


class RuleBroken(DocketsimError, AssertionError):
    """A case broke a rule during a simulation."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule broken by a case.

    Attributes
    ----------
    case : int
        Number of the case.
    at : int
        Microseconds since the start.
    """

    rule: str
    case: int
    at: int


def last_moves(scenario: Scenario, moves: Iterable[Move]) -> str:
    """Format the last twelve moves of a case."""
    labels, states = scenario.transition_names, list(scenario.workflow.states)
    steps = [
        f"\n  {scenario.epoch.instant(at)}  {labels[taken] if taken >= 0 else '-'}: {states[old]} -> {states[new]}"
        for taken, old, new, at in list(moves)[-12:]
    ]
    return "\nIts last moves:" + "".join(steps) if steps else ""


def rule_broken(
    scenario: Scenario, violation: Violation, court: int, facts: Sequence[Value], moves: Iterable[Move]
) -> RuleBroken:
    """Return the error for a violation, with the case, its facts and its moves so far.

    Parameters
    ----------
    court : int
        Court of the case.
    facts : sequence
        Facts of the case, in the order of ``scenario.fact_names``.
    """
    unusual = ", ".join(
        f"{n} = {as_written(v)}"
        for n, v in zip(scenario.fact_names, facts, strict=True)
        if n in scenario.workflow.facts and v != scenario.default(n)
    )
    return RuleBroken(
        f"case {violation.case} of {scenario.courts[court]} breaks the rule {violation.rule!r} on"
        f" {scenario.epoch.instant(violation.at)}. Facts that differ from their defaults: {unusual or 'none'}.{last_moves(scenario, moves)}"
    )


def watched_rules(scenario: Scenario) -> tuple[Rule, ...]:
    """Return the rules that all policies of a scenario have; a rule that a later policy drops is not watched."""
    names = [{rule.name for rule in policy.workflow.rules} for policy in scenario.policies]
    return tuple(rule for rule in scenario.workflow.rules if all(rule.name in of_policy for of_policy in names))


class Watch:
    """Watches rules on the cases of one run.

    Parameters
    ----------
    scenario : Scenario
        Its start is the date of time 0, from which deadlines in days are counted.
    rules : sequence of Rule
    n_cases : int
    """

    def __init__(self, scenario: Scenario, rules: Sequence[Rule], n_cases: int) -> None:
        self._monitors = [Monitor(rule, scenario.workflow) for rule in rules]
        self._states = [[0] * n_cases for _ in rules]
        self._until: list[dict[int, int]] = [{} for _ in rules]
        self._times: list[dict[int, deque[int]]] = [{} for _ in rules]
        self._start = scenario.epoch.since_1970
        self._over = [bytearray(n_cases) for _ in rules]
        self.violations: list[Violation] = []

    def begin(self, case: Any, now: int) -> Violation | None:
        """Check the initial state of a case; return the first violation."""
        first = None
        for k, monitor in enumerate(self._monitors):
            q = self._states[k][case.number] = monitor.start(case.facts, case.record, case.state)
            if monitor.is_broken(q, case.facts, case.record, case.state):
                violation = self._broken(k, case.number, now)
                first = first or violation
        return first

    def row(self, case: Any, steps: Sequence[Step[Any]], now: int) -> Violation | None:
        """Check a row of a case's history, given its steps; return the first violation."""
        first = None
        for k, monitor in enumerate(self._monitors):
            if self._over[k][case.number]:
                continue
            q, late = self._states[k][case.number], False
            for step in (*steps, end_of_row(case.record, case.state)):
                late = self._too_often(k, case, step, now) or late
                # an event may settle an obligation and its transition may open it again
                before, q = q, monitor.advance(q, case.facts, [step])
                late = self._late(k, case.number, before, q, now) or late
            self._states[k][case.number] = q
            if late or monitor.is_broken(q, case.facts, case.record, case.state):
                violation = self._broken(k, case.number, now)
                first = first or violation
        return first

    def _too_often(self, k: int, case: Any, step: Step[Any], now: int) -> bool:
        """Count the steps of a rule with ``per:``; return whether one is too many in its length of time."""
        rule = self._monitors[k].rule
        if rule.per is None or step.name not in rule.step_names:
            return False
        symbol = self._monitors[k].matches(self._states[k][case.number], case.facts, step)
        times = self._times[k].setdefault(case.number, deque(maxlen=rule.limit))
        is_counted = bool(symbol & rule.subject_bits)
        too_often = is_counted and len(times) == rule.limit and now <= rule.per.end(times[0] + self._start) - self._start
        if is_counted:
            times.append(now)
        if symbol & ~rule.subject_bits:  # since:
            times.clear()
        return too_often

    def end(self, now: int) -> None:
        """Check for obligations that are overdue at the end of the run."""
        for k in range(len(self._monitors)):
            for number in list(self._until[k]):
                if not self._over[k][number] and self._overdue(k, number, now):
                    self._broken(k, number, now)

    def _late(self, k: int, number: int, before: int, after: int, now: int) -> bool:
        """Note when an obligation was opened; return whether it is overdue."""
        monitor = self._monitors[k]
        within = monitor.rule.within
        if within is None:
            return False
        late = before in monitor.open and self._overdue(k, number, now)
        if after in monitor.open:
            if number not in self._until[k]:
                self._until[k][number] = within.end(now + self._start) - self._start
        else:
            self._until[k].pop(number, None)
        return late

    def _overdue(self, k: int, number: int, now: int) -> bool:
        return now > self._until[k].get(number, now)

    def _broken(self, k: int, number: int, now: int) -> Violation:
        self._over[k][number] = 1
        violation = Violation(self._monitors[k].rule.name, number, now)
        self.violations.append(violation)
        return violation
