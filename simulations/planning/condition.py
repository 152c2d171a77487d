"""A condition on a measure, such as ``still_waiting.hearing < 100`` or ``clearance_rate over 12 months >= 1``.

A condition is read at the end of each day. A date, such as ``review_finished``, is reached at an exact time.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import Descriptor, describe
from simulations.measuring.measures import measure
from simulations.measuring.selection import Selection
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names
from workflow.predicates.operators import COMPARISONS

_OVER = r"over\s+(?P<n{k}>\d+)\s*(?P<unit{k}>[a-z]+)"
_CONDITION = re.compile(
    r"\s*(?P<name>[\w.-]+)\s*(?:" + _OVER.format(k=1) + r"\s*)?(?P<sign><=|>=|<|>)"
    r"\s*(?P<number>-?[\d_,]*\.?\d+)\s*(?P<unit>%|days?\b|d\b)?\s*(?:" + _OVER.format(k=2) + r"\s*)?"
)
_UNITS = ("days", "weeks", "months", "years")
_DAYS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Period:
    """A number of days, weeks, or calendar months or years.

    Attributes
    ----------
    n : int
        The number, at least 1.
    unit : str
        ``days``, ``weeks``, ``months`` or ``years``.
    """

    n: int
    unit: str

    def before(self, day: dt.date) -> dt.date:
        """Return the day that is this long before a day; a month or year that is shorter has its last day.

        Examples
        --------
        >>> Period(1, "months").before(dt.date(2024, 3, 31))
        datetime.date(2024, 2, 29)
        """
        if self.unit in ("days", "weeks"):
            return day - dt.timedelta(days=self.n * (7 if self.unit == "weeks" else 1))
        months = day.year * 12 + day.month - 1 - self.n * (12 if self.unit == "years" else 1)
        year, month = months // 12, months % 12 + 1
        return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))

    def __str__(self) -> str:
        """Return it as text."""
        return f"{self.n} {self.unit if self.n != 1 else self.unit[:-1]}"


@dataclass(frozen=True, slots=True)
class Condition:
    """A measure of one court, or of all courts, compared with a number at the end of a day.

    Attributes
    ----------
    sign : str
        One of ``<``, ``<=``, ``>`` and ``>=``.
    over : Period or None
        Measure only what happened in this period up to the day: of flows, and of ratios of flows.
    """

    measure: str
    sign: str
    number: float
    over: Period | None = None

    def holds(self, value: float) -> bool:
        """Return whether the condition holds for a value; NaN, no value, never meets it."""
        return bool(COMPARISONS[self.sign].compute(value, self.number))

    def read(self, log: EventLog, court: str) -> tuple[float | None, bool]:
        """Return the first day at the end of which the condition holds, and whether it holds at the end of the run.

        The first day of the run is 0; ``None`` if the condition never holds.
        """
        scenario = log.cases.scenario
        n_days = (scenario.ends - scenario.starts).days + 1
        days = [scenario.starts + dt.timedelta(days=k) for k in range(n_days)]
        holds = [self.holds(value) for value in self.values(log, court, days).tolist()]
        return next((float(day) for day, held in enumerate(holds) if held), None), holds[-1]

    def values(self, log: EventLog, court: str, days: Sequence[dt.date]) -> NDArray[np.float64]:
        """Return the value at the end of each of these days, in increasing order; NaN for no value.

        Over a period there is no value on days on which the period began before the run, or before the end of the warm-up.
        """
        if self.over is None:
            return _by_day(log, [self.measure], court, days)[0]
        scenario = log.cases.scenario
        descriptor = describe(scenario)[self.measure]
        names = [self.measure] if descriptor.accumulates else descriptor.inputs
        since = (scenario.warm_up or scenario.starts) - dt.timedelta(days=1)  # nothing has happened at the end of this day
        before = [self.over.before(day) for day in days]
        asked = sorted({*days, *(day for day in before if day > since)})
        index = {day: k for k, day in enumerate(asked)}
        flows = []
        for values in _by_day(log, names, court, asked):
            earlier = [0.0 if b == since else values[index[b]] if b > since else np.nan for b in before]
            flows.append(values[[index[day] for day in days]] - earlier)
        if descriptor.accumulates:
            return np.asarray(flows[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(flows[1] > 0, flows[0] / flows[1], np.nan)

    def __str__(self) -> str:
        """Return it as text."""
        return f"{self.measure}{f' over {self.over}' if self.over else ''} {self.sign} {self.number:,.12g}"


def date_value(log: EventLog, name: str, court: str) -> float | None:
    """Return the value of a measure that is a date, in days since the start; ``None`` if it is not reached."""
    (table,) = measure(log, selection=Selection((name,), (court,))).tables
    value = float(table.values[0, 0])
    return None if value != value else value


def _by_day(log: EventLog, names: Sequence[str], court: str, days: Sequence[dt.date]) -> list[NDArray[np.float64]]:
    """Return each measure at the end of each of these days."""
    selection = Selection(tuple(names), (court,))
    if names == ["pending"] or names[0].startswith("next_free."):  # without the states of all cases on each day
        measured = measure(log, selection=selection)
        for daily in (measured.daily, *measured.next_free):
            if len(daily.days):
                return [daily.values[np.searchsorted(daily.days, np.array(days, "datetime64[D]")), 0].astype(float)]
    values: dict[str, list[float]] = {name: [] for name in names}
    for k in range(0, len(days), _DAYS_AT_ONCE):
        for table in measure(log, days[k : k + _DAYS_AT_ONCE], selection=selection).tables:
            values[table.measure].append(float(table.values[0, 0]))
    missing = [name for name, of_days in values.items() if not of_days]
    if missing:
        raise InputError([f"court {court}: {missing[0]} has a value for all courts together only; leave the court out"])
    return [np.array(of_days) for of_days in values.values()]


# reading -----------------------------------------------------------------------------------------------


def parse_condition(text: str, scenario: Scenario, option: str = "when") -> Condition:
    """Parse a condition.

    Raises
    ------
    InputError
        If it cannot be read, names no measure, or asks for a period that the measure does not have.
    """
    known = {name: d for name, d in describe(scenario).items() if not d.is_date}
    match = _CONDITION.fullmatch(text)
    if match is None:
        form = "a measure, a sign (<, <=, >, >=) and a number, such as 'pending < 1000' or 'clearance_rate over 12 months > 1'"
        raise InputError([f"{option} {text}: must be {form}{_dates(scenario)}"])
    descriptor = known.get(match["name"])
    if descriptor is None:
        raise InputError([f"{option} {text}: {_not_a_measure(match['name'], scenario, known)}"])
    number = float(match["number"].replace(",", "").replace("_", ""))
    unit = match["unit"]
    if unit and (unit == "%") != (descriptor.unit == "share"):
        raise InputError([f"{option} {text}: {descriptor.name} is measured in {descriptor.unit}, not in {unit}"])
    over = _period(match["n1"] or match["n2"], match["unit1"] or match["unit2"], f"{option} {text}")
    if over is not None:
        _check_period(descriptor, known, f"{option} {text}")
    return Condition(descriptor.name, match["sign"], number / 100 if unit == "%" else number, over)


def _not_a_measure(name: str, scenario: Scenario, known: Iterable[str]) -> str:
    if name in describe(scenario):
        return f"{name} is a date; give its name alone"
    return f"{name!r} is not a measure.{nearest(name, known) or f' Known: {format_names(known, 60)}.'}"


def _dates(scenario: Scenario) -> str:
    dates = [name for name, d in describe(scenario).items() if d.is_date]
    return f"; or a measure that is a date: {format_names(dates)}" if dates else ""


def _period(n: str | None, unit: str | None, where: str) -> Period | None:
    if n is None or unit is None:
        return None
    unit = unit if unit.endswith("s") else f"{unit}s"
    if unit not in _UNITS or int(n) < 1:
        raise InputError([f"{where}: a period is a whole number of {', '.join(_UNITS)}, such as over 12 months"])
    return Period(int(n), unit)


def _check_period(descriptor: Descriptor, known: dict[str, Descriptor], where: str) -> None:
    def has_period(d: Descriptor) -> bool:
        return d.accumulates or (len(d.inputs) == 2 and all(known[name].accumulates for name in d.inputs))

    if not has_period(descriptor):
        allowed = format_names([name for name, d in known.items() if has_period(d)], 60)
        raise InputError([f"{where}: {descriptor.name} is no flow, and no ratio of flows. A period goes with {allowed}."])
