"""The measures and courts that a study asks for. Everything else is neither computed nor written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from simulations.measuring.descriptors import Family, describe
from simulations.scenarios.scenario import Scenario
from workflow.errors import nearest
from workflow.files.arguments import date_problems
from workflow.files.validation import format_names

Value = tuple[str, str, dt.date | None]
"""The measure, the court and the day of a value; ``None`` for the end of the run."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The measures and courts to compute.

    Attributes
    ----------
    measures : sequence of str
        Names of measures; empty for all.
    courts : sequence of str
        Names of courts, and ``all`` for all courts together; empty for every court and all together.
    """

    measures: Sequence[str] = ()
    courts: Sequence[str] = ()

    def problems_in(self, scenario: Scenario) -> list[str]:
        """Return a message for each name that the scenario does not have, and each measure that no chosen court has."""
        unknown = [*unknown_measures(self.measures, describe(scenario)), *unknown_courts(self.courts, scenario.courts)]
        return unknown or self._measures_of_no_court(scenario)

    def _measures_of_no_court(self, scenario: Scenario) -> list[str]:
        """Return a message for each chosen measure of a pool that serves all courts, if only single courts are chosen."""
        if not self.courts or "all" in self.courts:
            return []
        chosen = [describe(scenario)[name] for name in self.measures]
        return [
            f"measure {d.name}: has no value for a single court, because the pool {d.subject} serves all courts. Add the court all."
            for d in chosen
            if d.family in (Family.UTILISATION, Family.OVERTIME) and not scenario.pools[str(d.subject)].at_court
        ]

    def has(self, measure: str, court: str = "all") -> bool:
        """Return whether a measure of a court is chosen."""
        return (not self.measures or measure in self.measures) and (not self.courts or court in self.courts)

    def within(self, other: Selection) -> Selection:
        """Return the measures and courts that both selections have."""
        return Selection(_common(self.measures, other.measures), _common(self.courts, other.courts))

    def with_inputs(self, scenario: Scenario) -> frozenset[str]:
        """Return the chosen measures and, recursively, the measures that they are computed from."""
        descriptors = describe(scenario)
        needed: set[str] = set()
        todo = list(self.measures or descriptors)
        while todo:
            name = todo.pop()
            if name not in needed:
                needed.add(name)
                todo += descriptors[name].inputs
        return frozenset(needed)


EVERYTHING = Selection()
"""All measures of all courts."""


def _common(one: Sequence[str], others: Sequence[str]) -> Sequence[str]:
    return [name for name in one if name in others] if one and others else one or others


def unknown_measures(names: Iterable[str], known: Collection[str], of: str = "") -> list[str]:
    """Return a message for each name that is not a measure; `of` says of what, such as `` of all these scenarios``."""
    return [
        f"measure {name}: is not a measure{of}.{nearest(name, known) or f' Known: {format_names(known, 60)}.'}"
        for name in names
        if name not in known
    ]


def unknown_courts(names: Iterable[str], courts: Sequence[str]) -> list[str]:
    """Return a message for each name that is neither a court nor ``all``."""
    known = ("all", *courts)
    return [
        f"court {name}: there is no such court.{nearest(name, known) or f' Known: {format_names(known)}.'}"
        for name in names
        if name not in known
    ]


def explain_missing(
    scenario: Scenario, selection: Selection, measure: str, court: str, at: object, measured: Iterable[Value]
) -> str:
    """Explain why results have no value of a measure: name the part that is wrong, and what there is.

    Parameters
    ----------
    at : date or None
        The day that was asked for; ``None`` for the end of the run.
    measured : iterable of (str, str, date or None)
        The measure, the court and the day of each value that the results have.
    """
    known, courts, have = describe(scenario), ("all", *scenario.courts), list(measured)
    if measure not in known:
        return f"{measure!r} is not a measure.{nearest(measure, known) or f' Known: {format_names(known, 60)}.'}"
    if court not in courts:
        return f"{court!r} is not a court.{nearest(court, courts)} The courts are {format_names(courts, 60)}."
    for what, name, chosen in (("measure", measure, selection.measures), ("court", court, selection.courts)):
        if chosen and name not in chosen:
            return f"the {what} {name!r} was not computed. The run has {format_names(chosen)}."
    if wrong := date_problems(at=at):
        return f"{wrong[0]}."
    if not any(one == measure and of == court for one, of, _ in have):
        others = dict.fromkeys(of for one, of, _ in have if one == measure)
        return f"{measure!r} has no value for {court!r}. It has values for: {format_names(others)}."
    if isinstance(at, dt.date) and not scenario.starts <= at <= scenario.ends:
        return f"{at} is not a day of the run, which lasts from {scenario.starts} to {scenario.ends}."
    when = f"at {at}" if at is not None else "at the end of the run"
    days = sorted({day for *_, day in have if day is not None})
    return f"no value of {measure!r} for {court!r} {when}. The run was measured at {format_names([*days, 'the end of the run'])}."
