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
            if monitor.rule.per is not None:
                self._begin_counting(k, case.number, monitor.rule.limits[q], now)
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
                late = self._out_of_pace(k, case, step, now) or late
                # an event may settle an obligation and its transition may open it again
                before, q = q, monitor.advance(q, case.facts, [step])
                late = self._late(k, case.number, before, q, now) or late
            self._states[k][case.number] = q
            if monitor.rule.per is not None and monitor.is_over(case.state):
                self._until[k].pop(case.number, None)
            if late or monitor.is_broken(q, case.facts, case.record, case.state):
                violation = self._broken(k, case.number, now)
                first = first or violation
        return first

    def _begin_counting(self, k: int, number: int, limit: int, now: int) -> None:
        """Begin to count the steps of a case for a rule with ``per:``."""
        times = self._times[k][number] = deque(maxlen=limit)
        if self._monitors[k].rule.template == "at_least" and limit > 0:
            times.append(now)
            self._until[k][number] = self._over_at(k, now)

    def _out_of_pace(self, k: int, case: Any, step: Step[Any], now: int) -> bool:
        """Count the steps of a rule with ``per:``; return whether there are too many or too few in its length of time.

        For ``at_least``, the times are those from which so many steps must follow; the first is the next to be judged.
        """
        rule, number = self._monitors[k].rule, case.number
        if rule.per is None:
            return False
        times, is_least = self._times[k][number], rule.template == "at_least"
        wrong = is_least and self._overdue(k, number, now)
        if step.name not in rule.step_names:
            return wrong
        symbol = self._monitors[k].matches(self._states[k][number], case.facts, step)
        if symbol & rule.subject_bits:
            is_full = len(times) == times.maxlen
            wrong = wrong or (not is_least and is_full and (not times or now <= self._over_at(k, times[0])))
            times.append(now)
        if symbol & ~rule.subject_bits:  # since:
            times.clear()
            times.extend([now] if is_least else [])
        if is_least and times:
            self._until[k][number] = self._over_at(k, times[0])
        return wrong

    def _over_at(self, k: int, begun: int) -> int:
        """Return the last instant of the length of time of a rule with ``per:`` that begins at an instant."""
        per = self._monitors[k].rule.per
        assert per is not None
        return per.end(begun + self._start) - self._start

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
