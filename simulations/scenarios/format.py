"""The format of scenario files: one model for each entry, with every key.

`simulations.scenarios.quantities` checks durations, shares, rates and values that differ `by:` something. The JSON
Schema and the tables of keys in ``docs/reference`` are generated from the models.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, WithJsonSchema, field_validator, model_validator

from workflow.files.validation import Condition, Entry, Name, Title, split_names


def _anything(description: str) -> Any:
    return Annotated[Any, WithJsonSchema({"description": description})]


Length = _anything(
    "a duration: `10 minutes`, or a family: {lognormal: {mean: 38 minutes, cv: 0.8}}; may differ `by:`, and change on dates"
)
Shares = _anything("value: share; the shares add up to 1, or one of them is `rest`; may differ `by:`, and change on dates")
Rate = _anything("a rate, such as `0.02 per year`; may differ `by:`, and change on dates")
Probability = _anything("a number from 0 to 1, a fraction such as 26/36, or a percentage; may differ `by:`, and change on dates")


class CalendarEntry(Entry):
    """A calendar of working hours."""

    hours: _anything("weekdays: hours, such as {mon-fri: '08:00-16:30'}") = Field(  # type: ignore[valid-type]
        description="the working hours of each weekday; other days have none",
        examples=[{"mon-thu": "09:00-12:00, 13:00-17:00", "fri": "09:00-13:00"}],
    )
    holidays: _anything("a country such as US, or {country: US, state: CO}") = Field(  # type: ignore[valid-type]
        None, description="public holidays without work, by ISO codes; see the `holidays` package of Python", examples=["US"]
    )
    closed: list[Any] = Field(
        default_factory=list,
        description="dates without work, such as 2011-12-23 or '2011-12-24 to 2012-01-02', both included; or {from:, to:, announced:}"
        " for days for which cases are booked until their closure is announced",
        examples=[
            ["2024-02-09", "2024-03-25 to 2024-03-29", {"from": "2024-04-02", "to": "2024-04-05", "announced": "2024-03-20"}]
        ],
    )
    open: dict[dt.date, Any] = Field(
        default_factory=dict,
        description="dates with their own hours, which replace those of the weekday",
        examples=[{"2024-03-02": "09:00-13:00"}],
    )


class TableEntry(Entry):
    """A table of cases in a file: CSV, Parquet or Excel."""

    file: Name = Field(description="path of the file, relative to the scenario", examples=["arriving.csv"])
    columns: dict[str, Name] | None = Field(
        None,
        description="the name of a column in the file, by what it means: `arrived`, `state`, `court`, a fact or a record field;"
        " with it, even if it is empty, columns that nobody needs are left alone",
        examples=[{"arrived": "Date filed"}],
    )
    encoding: Name | None = Field(None, description="of a CSV file; by default found out", examples=["latin-1"])
    sheet: Name | None = Field(None, description="of an Excel file; by default the first", examples=["Open"])
    time_format: str | list[str] | None = Field(
        None,
        description="how dates are written: formats of Python's `strptime`, or `day-first`, `month-first`, `excel`, `unix`,"
        " `unix-ms`; ISO 8601 is always read",
        examples=["%d.%m.%Y %H:%M"],
    )
    decimal: Literal[".", ","] | None = Field(None, description="decimal separator; by default found out", examples=[","])


class BacklogEntry(Entry):
    """Open cases in one state at the start."""

    count: int = Field(ge=0, le=50_000_000, description="number of cases", examples=[8])
    age: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="how long they have been pending at the start; default: they arrive at the start",
        examples=[{"exponential": {"mean": "60 days"}}],
    )
    people: dict[Any, Any] = Field(
        default_factory=dict, description="facts of these cases that differ from `people:`", examples=[{"ground": {"work": 1}}]
    )


class CourtEntry(Entry):
    """A court and its open cases."""

    title: Title | None = Field(
        None, description="its title in sentences, tables and figures; default: the name as words", examples=["North office"]
    )
    calendar: Name | None = Field(
        None, description="name of the calendar in whose working days ages are counted", examples=["office"]
    )
    backlog: dict[str, Any] = Field(
        default_factory=dict,
        description="open cases at the start: for each state a number of cases, or {count:, age:, people:}; or {table: file},"
        " or {table: {file:, columns:}}",
        examples=[{"waiting": 12}],
    )


class PoolEntry(Entry):
    """A pool of people who do the work."""

    title: Title | None = Field(
        None,
        description="its title in sentences, tables and figures; default: the name as words",
        examples=["clerks of the office"],
    )
    at: Literal["court", "nation"] = Field("nation", description="one pool for each court, or one for all", examples=["court"])
    size: _anything("a number of servers; by court, by date, and by weekday and hour") = Field(  # type: ignore[valid-type]
        description="number of servers; each works on one case at a time",
        examples=[
            2,
            {"north": {"2024-01-01": 2, "2024-02-01": 3}, "south": 1},
            {"mon-fri": {"09:00-12:00": 2, "12:00-17:00": 1}},
        ],
    )
    calendar: _anything("name of a calendar, or one for each court; default: always open") = Field(  # type: ignore[valid-type]
        None, description="working hours of the pool", examples=["office", {"north": "office", "south": "mornings"}]
    )
    at_shift_end: Literal["suspend", "finish", "fit", "restart", "resample"] = Field(
        "suspend",
        description="what happens to work in progress when the shift ends: it resumes at the next opening (`suspend`), is"
        " completed in overtime (`finish`), or is interrupted and begins again with the same length (`restart`) or another"
        " (`resample`); with `fit`, work starts only if it ends within the shift, and a first case that does"
        " not fit blocks the queue; work longer than every shift starts at an opening and runs over",
        examples=["fit"],
    )
    slots: _anything("a whole number, or numbers by weekday, such as {mon-thu: 4, fri: 2}") = Field(  # type: ignore[valid-type]
        None,
        description="maximum number of cases that each server starts in one shift, such as 4 hearings a morning; by weekday, it"
        " is 0 on the others; with `appointment`, also the number of cases that are booked for each server and date",
        examples=[4, {"mon-thu": 4, "fri": 2}],
    )
    overbook: float = Field(
        1,
        gt=0,
        le=1000,
        description="with `appointment`: the cases that are booked for a date, as a multiple of its slots, rounded down",
        examples=[1.2],
    )
    order: _anything("first_come, oldest, newest, or {by: expression} (lower first)") = Field(  # type: ignore[valid-type]
        "first_come",
        description="which case is served first among those of one priority: the first in the queue, the oldest or newest"
        " by `arrived`, or the one with the lowest value",
        examples=["oldest", {"by": "age"}],
    )
    preempt: Literal[True, False, "resume", "restart", "resample"] = Field(
        False,
        description="whether a case with a lower priority number, or a smaller size, interrupts the work with the highest number;"
        " the work then goes on with its rest (`resume`, or true), from its beginning with the same length (`restart`), or with"
        " another (`resample`)",
        examples=["resume"],
    )
    queue_limit: _anything("a number of cases, or {cases: number, event: name}") = Field(  # type: ignore[valid-type]
        None,
        description="largest number of waiting cases; to the last case of a longer queue an event of the workflow happens: the one"
        " that is named, or the only one of its states that `events:` does not have",
        examples=[{"cases": 40, "event": "withdrawal"}],
    )
    together: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="largest number of cases on which a server works at once, such as the cases of one session; all end together",
        examples=[12],
    )
    wait_for: _anything("a number of cases, a duration, or both: `12 or 5 days`") = Field(  # type: ignore[valid-type]
        None,
        description="with `together`: work starts when so many cases wait, or one has waited so long; default: as many as `together`",
        examples=["12 or 5 days"],
    )


class SuspensionEntry(Entry):
    """A period in which a pool starts no work in some courts."""

    pool: Name = Field(description="the pool that starts no work; it must have `at: court`", examples=["clerks"])
    courts: list[Name] = Field(min_length=1, description="the courts in which it starts no work", examples=[["south"]])
    from_: dt.date = Field(alias="from", description="the first day", examples=[dt.date(2024, 2, 5)])
    to: dt.date = Field(description="the last day, included", examples=[dt.date(2024, 2, 16)])
    announced: dt.date | None = Field(
        None,
        description="the day from which it is known: until then, cases are booked for dates in it (see `appointment`); default: from"
        " the start",
        examples=[dt.date(2024, 1, 22)],
    )
    except_: Condition | None = Field(
        None, alias="except", description="cases that are exempt: they are served in that period too", examples=["urgent"]
    )


class PolicyEntry(Entry):
    """A change of the workflow on a date. The new workflow replaces the one that applied until then."""

    from_: dt.date = Field(alias="from", description="the first day on which it decides", examples=[dt.date(2024, 2, 15)])
    workflow: Name = Field(
        description="name or path of a workflow with the same facts, record, states and events", examples=["stricter.yaml"]
    )
    in_flight: Literal["at_next_decision", "pinned"] = Field(
        "at_next_decision",
        description="which cases it decides: all, from their next decision on (`at_next_decision`), or only those that"
        " arrive from that day on (`pinned`)",
        examples=["pinned"],
    )


class AppointmentEntry(Entry):
    """The hearing date that a case gets when it is enabled."""

    at_least: Length = Field(  # type: ignore[valid-type]
        "0 days",
        description="time from when the work is enabled: the case gets the first date after it with a free slot; in calendar time,"
        " or in working days of the pool; may differ `by:`, and change on dates",
        examples=["30 days", "10 working days"],
    )
    slots: _anything("as `slots` of the pool") = Field(  # type: ignore[valid-type]
        None, description="the `slots` of the pool, if they are not given there", examples=[{"mon-fri": 4}]
    )
    uses: int = Field(
        1,
        ge=0,
        le=1_000_000,
        description="number of slots that the case takes on its date; with 0 it is called with the others and takes none",
        examples=[2],
    )


class WorkEntry(Entry):
    """Length, pool and outcome of an activity."""

    pool: Name | None = Field(
        None, description="the pool that does the work; default: none, so it is a delay without a queue", examples=["clerks"]
    )
    needs: dict[Name, Any] = Field(
        default_factory=dict,
        description="the pools whose servers do the work together, each with a number of servers, which may depend on the case,"
        " or {count:, when:}; the case waits in the queue of the first pool named; with `either`, the pools that it needs besides",
        examples=[{"clerks": 1, "interpreters": {"count": 1, "when": "urgent"}}],
    )
    either: list[Name] | None = Field(
        None,
        min_length=2,
        description="pools of which one does the work: the first in this order that can start; the case waits in the queue of the"
        " first pool named",
        examples=[["heads", "visitors"]],
    )
    hold: bool = Field(
        False,
        description="with `needs` or `either`: a case that lacks a server keeps all cases behind it from starting",
        examples=[True],
    )
    takes: Length = Field(  # type: ignore[valid-type]
        description="length of the work, which may differ `by: pool` with `either`; in hours or minutes if a pool has a calendar",
        examples=[{"lognormal": {"mean": "2 hours", "cv": 0.6}}],
    )
    outcome: dict[Any, Any] | None = Field(
        None,
        description="the record fields that the activity gives, each with the shares of its values",
        examples=[{"decision": {"grant": 0.7, "refuse": "rest"}}],
    )
    priority: _anything("a number, an expression, or {by: expression, value: number, ...}") = Field(  # type: ignore[valid-type]
        0,
        description="priority in the queue of the pool; lower numbers are served first, and an expression is read again"
        " when the record of a waiting case changes",
        examples=[1, "2 - reminders", {"by": "urgent", True: 0, False: 1}],
    )
    calendar: Name | None = Field(None, description="the calendar of a delay in working days", examples=["office"])
    appointment: AppointmentEntry | None = Field(
        None,
        description="the case gets a date of the pool, which has slots, and is called on it",
        examples=[{"at_least": "30 days"}],
    )

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that may do the work, the one whose queue cases join first."""
        return tuple(dict.fromkeys((*([self.pool] if self.pool else ()), *(self.either or ()), *self.needs)))


class ArrivalEntry(Entry):
    """A stream of new cases. A stream with the name of a court goes to that court; any other to `courts`, or to all."""

    into: Name | None = Field(
        None, description="initial state; may be left out if the workflow has only one entry state", examples=["waiting"]
    )
    courts: list[Name] | None = Field(
        None,
        description="the courts that get a stream each; default: the court of its name, or all courts",
        examples=[["north", "south"]],
    )
    rate: _anything("`250 per month`, or by date: {2011-12-05: 250 per month, ...}, or by weekday and hour") = Field(  # type: ignore[valid-type]
        None,
        description="a Poisson process with this mean rate",
        examples=["10 per month", {"2024-01-01": "10 per month", "2024-02-01": "0 per month"}],
    )
    interarrival: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="a renewal process: the time between arrivals; the first case arrives one interval after the start",
        examples=["3 days"],
    )
    at: list[Any] | None = Field(
        None,
        description="exact times: durations since the start, or dates with a time",
        examples=[["2 hours", "2024-01-15 10:30"]],
    )
    table: _anything("a file, or {file:, columns:, ...}") = Field(  # type: ignore[valid-type]
        None,
        description="CSV, Parquet or Excel file with a column `arrived` and columns of facts; or an entry with `file:` and `columns:`",
        examples=["new_cases.csv"],
    )
    first: Any = Field(
        None,
        description="with `interarrival`: time of the first arrival, a duration since the start or a date with a time",
        examples=["1 day"],
    )
    count: _anything("a whole number, or `310 per month`, or by date: {2011-12-05: 310 per month, ...}") = Field(  # type: ignore[valid-type]
        None,
        description="maximum number of cases in each court; or, in place of `rate`, exactly so many cases in each calendar"
        " month or year, at random times",
        examples=[5, "20 per month"],
    )
    calendar: Name | None = Field(
        None,
        description="with `rate`, `interarrival`, or `count` per month or year: the calendar in whose working hours cases arrive",
        examples=["office"],
    )
    until: _anything("a date, a date with a time, or a time of day") = Field(  # type: ignore[valid-type]
        None,
        description="the last hour of arrivals; a date is included, and a time of day needs `calendar`",
        examples=["16:00", dt.date(2024, 2, 29)],
    )
    batch: _anything("a number of cases, shares of numbers, or a family of numbers") = Field(  # type: ignore[valid-type]
        None,
        description="number of cases that arrive together at each time, 1 by default",
        examples=[{2: 0.5, 3: 0.3, 5: "rest"}],
    )
    people: dict[Any, Any] = Field(
        default_factory=dict, description="facts of these cases that differ from `people:`", examples=[{"ground": {"family": 1}}]
    )

    @field_validator("count")
    @classmethod
    def _a_number(cls, count: Any) -> Any:
        if count is None or isinstance(count, str | dict) or (type(count) is int and count >= 0):
            return count
        raise ValueError(f"must be a whole number, 0 or more, or a number per month such as '310 per month', not {count}")

    @property
    def counts_per_period(self) -> bool:
        """Whether `count` gives the number of cases in each calendar month or year."""
        return isinstance(self.count, str | dict)

    @model_validator(mode="after")
    def _one_source(self) -> ArrivalEntry:
        given = [k for k in ("rate", "interarrival", "at", "table") if getattr(self, k) is not None]
        if self.counts_per_period:
            given.append("count per month or year")
        if len(given) != 1:
            raise ValueError(
                "a stream has exactly one of rate, interarrival, at, table, count per month or year;"
                f" here: {', '.join(given) or 'none'}"
            )
        if self.first is not None and self.interarrival is None:
            raise ValueError("first: belongs to interarrival:")
        for key in ("calendar", "until"):
            if getattr(self, key) is not None and (self.at is not None or self.table is not None):
                raise ValueError(f"{key}: does not belong to at: or table:, which give every time")
        if self.batch is not None and (self.table is not None or self.counts_per_period):
            raise ValueError("batch: does not belong to table: or count per month or year, which give every case")
        return self


class Since(NamedTuple):
    """What starts the clock of an event: transitions, and a date fact."""

    transitions: tuple[str, ...]
    fact: str | None


_IN_PLACE = {
    "since": "; a clock of every: starts when the case enters the states of the event. Let the transition lead into a state of"
    " its own, or set a record field that the when: of the event reads",
    "chance": "; with every:, let the event give a record field with shares, and let its transitions read the field",
}
"""What to write with `every:` in place of a key."""


class EventTimingEntry(Entry):
    """The timing of an outside event."""

    hazard: Rate | None = Field(  # type: ignore[valid-type]
        None,
        description="a hazard over the case's whole life; may differ `by:` facts, not by the record, and change on dates",
        examples=["0.05 per year", {"2024-01-01": "0.05 per year", "2024-02-01": "0.1 per year"}],
    )
    after: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="delay after the case enters the event's states, or after a transition of `since:`, in calendar time",
        examples=["30 days"],
    )
    every: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="interval: the event happens again and again while the case is in the event's states, first one interval"
        " after the case enters them",
        examples=["30 days"],
    )
    calendar: Name | None = Field(None, description="the calendar of `after` or `every` in working days", examples=["office"])
    since: _anything("transitions, and at most one date fact: `a or b`, `[a, {fact: b}]`") = Field(  # type: ignore[valid-type]
        None,
        description="with `after`: the transitions that start its clock, and a date fact since which it has run when a case"
        " enters the run",
        examples=["grant or allow", ["grant or allow", {"fact": "arrived"}]],
    )
    chance: Probability | None = Field(  # type: ignore[valid-type]
        None, description="with `after`: the probability that the clock starts", examples=[0.3]
    )
    at: _anything("a date, a date with a time, a list of these, or `{fact: name}`") = (  # type: ignore[valid-type]
        Field(
            None,
            description="times at which it happens to every case in its states, or the date fact with its time for each case",
            examples=["2024-03-01", ["2024-02-01", "2024-03-01 12:00"]],
        )
    )
    only: Literal["waiting"] | None = Field(
        None, description="it counts only while a case waits in a queue and its work has not begun"
    )
    outcome: dict[Any, Any] | None = Field(
        None,
        description="the record fields that the event gives, each with the shares of its values",
        examples=[{"check": {"clear": 0.97, "hit": "rest"}}],
    )

    @field_validator("since")
    @classmethod
    def _starts(cls, value: Any) -> Since | None:
        if value is None:
            return None
        listed = value if isinstance(value, list) else [value]
        facts = [each for each in listed if isinstance(each, dict)]
        if len(facts) > 1 or any({*each} != {"fact"} or not isinstance(each["fact"], str) for each in facts):
            raise ValueError("has transitions, and at most one date fact as {fact: granted_on}")
        others = [each for each in listed if not isinstance(each, dict)]
        return Since(tuple(split_names(others)) if others or not facts else (), facts[0]["fact"] if facts else None)

    @model_validator(mode="after")
    def _one_timing(self) -> EventTimingEntry:
        given = [k for k in ("hazard", "after", "every", "at") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"an event has exactly one timing: hazard, after, every or at; here: {', '.join(given) or 'none'}")
        if self.calendar is not None and self.after is None and self.every is None:
            raise ValueError("calendar: belongs to after: or every: in working days")
        for key in ("since", "chance"):
            if self.after is None and getattr(self, key) is not None:
                raise ValueError(f"{key}: belongs to after:{_IN_PLACE[key] if self.every is not None else ''}")
        return self


class CostsEntry(Entry):
    """Unit costs."""

    currency: str = Field(min_length=1, description="currency of all costs, such as USD", examples=["USD"])
    pools: dict[str, Any] = Field(
        default_factory=dict,
        description="for each pool the cost of a server, such as `95 per hour`, on shift and in overtime",
        examples=[{"clerks": "40 per hour"}],
    )
    activities: dict[str, float] = Field(
        default_factory=dict,
        description="for each activity the cost of a completion, in addition to the time of its pool",
        examples=[{"hear": 120}],
    )
    per: list[Name] = Field(
        default_factory=list, description="measures that count cases; the results give the cost per case", examples=[["permits"]]
    )


class UncertainEntry(Entry):
    """What is not known well: one value, one factor, or one row of a table for a whole replication."""

    set: Name | None = Field(
        None, description="the path of a value, as for `--set`", examples=["activities.examine.outcome.decision.grant"]
    )
    scale: Name | None = Field(
        None, description="the path of values that are multiplied by one factor", examples=["pools.clerks.size"]
    )
    table: _anything("a file, or {file:, columns:, ...}") = Field(  # type: ignore[valid-type]
        None,
        description="CSV, Parquet or Excel file: each column is a path, or `scale` and a path; a replication takes a row",
        examples=["posterior.csv"],
    )
    is_: _anything("a family: {beta: {mean: 0.54, sd: 0.04}}") = Field(  # type: ignore[valid-type]
        None,
        alias="is",
        description="with `set`: the distribution of the value, in the unit of the value in the file",
        examples=[{"beta": {"mean": 0.7, "sd": 0.05}}],
    )
    by: _anything("a family: {lognormal: {mean: 1, cv: 0.1}}") = Field(  # type: ignore[valid-type]
        None, description="with `scale`: the distribution of the factor", examples=[{"lognormal": {"mean": 1, "cv": 0.1}}]
    )
    within: list[Any] | None = Field(
        None, description="two bounds; values outside are moved to the nearest bound", examples=[[0, 1]]
    )
    leave_out: list[Name] = Field(
        default_factory=list, description="with `table`: columns that are not read", examples=[["weight"]]
    )
    source: str | None = Field(None, description="where the distribution comes from", examples=["a survey of clerks, 2023"])

    @model_validator(mode="after")
    def _one_kind(self) -> UncertainEntry:
        given = [k for k in ("set", "scale", "table") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"an entry has exactly one of set, scale, table; here: {', '.join(given) or 'none'}")
        key = {"set": "is", "scale": "by"}.get(given[0])
        for other, value in (("is", self.is_), ("by", self.by)):
            if (value is not None) != (other == key):
                verb = "needs" if other == key else "does not go with"
                raise ValueError(f"{given[0]}: {verb} {other}:")
        if self.table is not None and self.within is not None:
            raise ValueError("table: does not go with within:")
        if self.table is None and self.leave_out:
            raise ValueError("leave_out: goes with table:")
        return self


class PublishedEntry(Entry):
    """A published figure, shown beside the result; the run does not use it."""

    measure: Name = Field(description="a measure of the workflow, or a built-in one", examples=["permits"])
    court: Name = Field("all", description="a court, or `all` courts together", examples=["north"])
    at: dt.date = Field(description="the figure holds at the end of this day", examples=[dt.date(2024, 3, 31)])
    value: int | float = Field(description="the figure, in the unit of the measure", examples=[21])
    within: _anything("a number, a percentage, two bounds, `more` or `less`") = Field(  # type: ignore[valid-type]
        None,
        description="how exact the figure is: a number or a percentage of it to either side, two bounds, or `more` or `less` than"
        " the figure; default: exact",
        examples=["5%"],
    )
    source: str | None = Field(None, description="where it was published", examples=["annual report, page 4"])

    @field_validator("within")
    @classmethod
    def _how_exact(cls, within: Any) -> Any:
        if within in (None, "more", "less") or (_is_number(within) and within >= 0):
            return within
        if isinstance(within, str) and (match := _PERCENT.fullmatch(within)):
            return float(match[1]) / 100, "%"
        if isinstance(within, list) and len(within) == 2 and all(map(_is_number, within)) and within[0] <= within[1]:
            return within
        raise ValueError(
            "must be a number such as 500, a percentage such as 5%, two bounds such as [160000, 170000], more, or less"
        )

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the least and the largest value that the figure stands for."""
        match self.within:
            case "more":
                return self.value, math.inf
            case "less":
                return -math.inf, self.value
            case [float() as share, "%"]:
                return self.value - share * abs(self.value), self.value + share * abs(self.value)
            case [low, high]:
                return float(low), float(high)
        room = float(self.within or 0)
        return self.value - room, self.value + room


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


class AboutEntry(Entry):
    """Documentation for readers of the results."""

    purpose: str | None = Field(
        default=None, description="the question that the scenario answers", examples=["Would one more clerk be enough?"]
    )
    rationale: str | None = Field(
        default=None, description="reasons for the model", examples=["Both offices keep their own queue."]
    )
    data_sources: list[str] = Field(
        default_factory=list, description="sources of the figures", examples=[["the register of permits, 2023"]]
    )
    assumptions: list[str] = Field(
        default_factory=list, description="assumptions about unknown facts", examples=[["Nobody applies twice."]]
    )
    forecasts: str | None = Field(
        default=None,
        description="how often forecasts of this model held, as `docketsim hindcast` says it",
        examples=["As of 2023-06-30 the model had 8 of 9 later figures inside its 90% band."],
    )
    notes: list[str] = Field(
        default_factory=list,
        description="sentences to print below the results",
        examples=[["permits counts those granted at once and after a hearing."]],
    )


class ScenarioFile(Entry):
    """A scenario file."""

    scenario: Name = Field(description="name in results", examples=["offices"])
    extends: Name | None = Field(
        None, description="name or path of the scenario that this file extends", examples=["offices.yaml"]
    )
    description: str | None = Field(
        None, description="description for readers", examples=["Two offices in the first quarter of 2024."]
    )
    workflow: Name = Field(
        description="name of a built-in workflow, path relative to this file, or name of a workflow in the same folder",
        examples=["permits.yaml"],
    )
    starts: dt.date = Field(description="the run begins at 00:00 of this date", examples=[dt.date(2024, 1, 1)])
    ends: dt.date = Field(description="the run ends at 24:00 of this date", examples=[dt.date(2024, 3, 31)])
    warm_up: dt.date | None = Field(
        None, description="measures leave out everything before this date; the log does not", examples=[dt.date(2024, 2, 1)]
    )
    calendars: dict[str, CalendarEntry] = Field(default_factory=dict, description="calendars by name")
    courts: dict[str, CourtEntry] = Field(
        default_factory=dict, description="courts and their open cases at the start; default: one court named `court`"
    )
    pools: dict[str, PoolEntry] = Field(default_factory=dict, description="pools by name")
    suspensions: list[SuspensionEntry] = Field(
        default_factory=list, description="periods in which a pool starts no work in some courts"
    )
    policies: list[PolicyEntry] = Field(
        default_factory=list, description="workflows that come into force during the run, in the order of their dates"
    )
    activities: dict[str, WorkEntry] = Field(
        default_factory=dict, description="activities by name; every activity that cases can reach needs an entry"
    )
    people: dict[Any, Any] = Field(
        default_factory=dict,
        description="distributions of facts and of the initial record, in drawing order",
        examples=[{"complete": 0.9}],
    )
    arrivals: dict[str, ArrivalEntry] = Field(default_factory=dict, description="streams of new cases by name")
    events: dict[str, EventTimingEntry] = Field(
        default_factory=dict,
        description="timings of the workflow's events by name; an event without an entry happens only by a `queue_limit`, if one names it",
    )
    transfers: dict[str, Any] = Field(
        default_factory=dict,
        description="transitions that move cases to other courts, each with the shares of the courts; may differ `by:`, and change on"
        " dates; the cases of a court that `by: court` leaves out stay there",
        examples=[{"move": {"by": "court", "north": {"south": 0.3, "north": "rest"}}}],
    )
    costs: CostsEntry | None = Field(None, description="costs of pools and activities")
    uncertain: list[UncertainEntry] = Field(
        default_factory=list, description="what is not known well: values and factors that differ from replication to replication"
    )
    show: list[Name] = Field(
        default_factory=list,
        description="the measures that lead: first in tables, sentences and key numbers, in this order; default: pending cases, flows,"
        " and the first measures and dates of the workflow",
        examples=[["permits", "waiting_time.examine.mean"]],
    )
    published: list[PublishedEntry] = Field(default_factory=list, description="published figures to compare with the results")
    about: AboutEntry = Field(default_factory=AboutEntry, description="documentation for readers of the results")
