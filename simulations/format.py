"""What a scenario file may contain: the shape of its entries, key by key.

Values that may differ by court, fact or definition (`by:`), durations, shares and rates are checked by
`simulations.quantities`; the models only say where they may stand. The JSON Schema in ``docs/`` is made
from them.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, model_validator

from workflow.validation import Condition, Entry, Name, Names

__all__ = [
    "AboutEntry",
    "ArrivalEntry",
    "BacklogEntry",
    "CalendarEntry",
    "CostsEntry",
    "CourtEntry",
    "LawEntry",
    "PolicyEntry",
    "PoolEntry",
    "PublishedEntry",
    "ScenarioFile",
    "SuspensionEntry",
    "WorkEntry",
]


def _anything(description: str) -> Any:
    return Annotated[Any, WithJsonSchema({"description": description})]


Length = _anything("a duration: `10 minutes`, or a family: {lognormal: {mean: 38 minutes, cv: 0.8}}; may differ `by:`")
Shares = _anything("value: share; the shares add up to 1, or one of them is `rest`; may differ `by:`")
Rate = _anything("a rate, such as `0.02 per year`; may differ `by:`")
Probability = _anything("a number from 0 to 1, a fraction such as 26/36, or a percentage; may differ `by:`")
Day = dt.date


class CalendarEntry(Entry):
    """When people work."""

    hours: _anything("weekdays: hours, such as {mon-fri: '08:00-16:30'}")  # type: ignore[valid-type]
    holidays: _anything("a country such as US, or {country: US, state: CO}") = None  # type: ignore[valid-type]
    closed: list[Any] = Field(
        default_factory=list, description="dates taken out, such as 2011-12-23 or '2011-12-24 to 2012-01-02'"
    )
    open: dict[dt.date, Any] = Field(default_factory=dict, description="dates added: hours")


class BacklogEntry(Entry):
    """Open cases of one state at the start."""

    count: int = Field(ge=0, le=50_000_000, description="how many")
    age: Length | None = Field(None, description="how long they have been pending at the start")  # type: ignore[valid-type]
    people: dict[str, Any] = Field(
        default_factory=dict, description="facts of these cases, where they differ from `people:`"
    )


class CourtEntry(Entry):
    """A place with cases of its own."""

    calendar: Name | None = Field(None, description="name of the calendar in whose working days ages are counted")
    backlog: dict[str, Any] = Field(
        default_factory=dict, description="state: a number of cases, or {count:, age:, people:}; or {table: file}"
    )


class PoolEntry(Entry):
    """People who do the work."""

    at: Literal["court", "nation"] = Field("nation", description="one for each court, or one for all")
    size: _anything("a number of servers; by court, and by date: {denver: {2011-12-05: 16, 2012-01-16: 4}}")  # type: ignore[valid-type]
    calendar: _anything("name of a calendar, or one for each court; none: always at work") = None  # type: ignore[valid-type]
    at_shift_end: Literal["suspend", "finish", "fit"] = Field(
        "suspend",
        description="what happens to work in hand when the shift ends: it goes on at the next opening (`suspend`), is"
        " finished in overtime (`finish`), or is not begun unless it ends within the shift (`fit`)",
    )
    slots: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="how many cases each server begins in one shift at most, such as 4 hearings a morning",
    )
    order: _anything("first_come, oldest, newest, or {by: expression} (lower first)") = "first_come"  # type: ignore[valid-type]


class SuspensionEntry(Entry):
    """Days on which a pool starts no work in some courts, both days included."""

    pool: Name
    courts: list[Name] = Field(min_length=1)
    from_: dt.date = Field(alias="from")
    to: dt.date
    except_: Condition | None = Field(None, alias="except", description="cases that are served all the same")


class PolicyEntry(Entry):
    """A workflow that decides from a date on, in place of the scenario's own or of the policy before."""

    from_: dt.date = Field(alias="from", description="the first day on which it decides")
    workflow: Name = Field(description="name or path of a workflow with the same facts, record, states and events")
    in_flight: Literal["at_next_decision", "pinned"] = Field(
        "at_next_decision",
        description="whether cases that are open on that day are decided by it too, from their next decision on"
        " (`at_next_decision`), or only cases that arrive from then on (`pinned`)",
    )


class WorkEntry(Entry):
    """How long an activity takes, who does it, and what it finds."""

    pool: Name | None = Field(None, description="who does it; none: it is a delay")
    takes: Length = Field(description="length of the work; in hours where a pool has a calendar")  # type: ignore[valid-type]
    outcome: dict[str, Any] | None = Field(
        None, description="the record field that the activity gives: its values and their shares"
    )
    priority: int = Field(0, description="lower is served first")
    calendar: Name | None = Field(None, description="for a delay in working days: whose")


class ArrivalEntry(Entry):
    """A stream of new cases. One named like a court is that court's; any other goes to `courts`, or to all."""

    into: Name | None = Field(
        None, description="the state in which they begin; may be left out if the workflow has one such state"
    )
    courts: list[Name] | None = None
    rate: _anything("Poisson: `250 per month`; by date: {2011-12-05: 250 per month, ...}") = None  # type: ignore[valid-type]
    interarrival: Length | None = Field(  # type: ignore[valid-type]
        None, description="renewal: time from one arrival to the next; the first comes one interval after the start"
    )
    at: list[Any] | None = Field(None, description="exact times: durations since the start, or dates with a time")
    table: str | None = Field(
        None, description="CSV or Parquet file with a column `arrived`, and columns named like facts"
    )
    first: Any = Field(None, description="with interarrival: time of the first arrival")
    count: int | None = Field(None, ge=0, description="at most so many")
    people: dict[str, Any] = Field(
        default_factory=dict, description="facts of these cases, where they differ from `people:`"
    )

    @model_validator(mode="after")
    def _one_law(self) -> ArrivalEntry:
        given = [k for k in ("rate", "interarrival", "at", "table") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a stream has exactly one of rate, interarrival, at, table; here: {', '.join(given) or 'none'}"
            )
        if self.first is not None and self.interarrival is None:
            raise ValueError("first: belongs to interarrival:")
        return self


class LawEntry(Entry):
    """When an outside event happens to a case."""

    hazard: Rate | None = Field(None, description="a constant hazard over the case's whole life")  # type: ignore[valid-type]
    after: Length | None = Field(None, description="time from entering the states where it counts, or from `since:`")  # type: ignore[valid-type]
    since: Names | None = Field(None, description="with after: the transition at which its clock starts")
    chance: Probability | None = Field(None, description="with after: the probability that its clock starts at all")  # type: ignore[valid-type]
    at: _anything("a date, a date with a time, or a list of these: it happens then to every case in its states") = None  # type: ignore[valid-type]
    only: Literal["waiting"] | None = Field(
        None, description="it counts only while a case waits in a queue and its work has not begun"
    )
    outcome: dict[str, Any] | None = Field(
        None, description="the record field that the event gives: its values and their shares"
    )

    @model_validator(mode="after")
    def _one_law(self) -> LawEntry:
        given = [k for k in ("hazard", "after", "at") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(f"an event has exactly one law: hazard, after or at; here: {', '.join(given) or 'none'}")
        if self.after is None and (self.since is not None or self.chance is not None):
            raise ValueError("since: and chance: belong to after:")
        return self


class CostsEntry(Entry):
    """What things cost."""

    currency: str = Field(min_length=1, description="in which every cost is given, such as USD")
    pools: dict[str, Any] = Field(
        default_factory=dict,
        description="pool: what a server costs, such as `95 per hour` of time on shift and of overtime",
    )
    activities: dict[str, float] = Field(
        default_factory=dict,
        description="activity: what it costs each time it is completed, besides the time of its pool",
    )
    per: list[Name] = Field(default_factory=list, description="measures of cases; the cost of one such case is told")


class PublishedEntry(Entry):
    """A published figure, shown beside the result and never used by the run."""

    measure: Name
    court: Name = "all"
    at: dt.date
    value: int | float
    source: str | None = None


class AboutEntry(Entry):
    """The author's words for a reader of the results."""

    purpose: str | None = None
    rationale: str | None = None
    data_sources: list[str] = Field(default_factory=list)
    assumptions: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list, description="sentences printed below the results")


class ScenarioFile(Entry):
    """A scenario file."""

    scenario: Name = Field(description="the name by which it is found")
    extends: Name | None = Field(None, description="name or path of the scenario that this one changes")
    description: str | None = None
    workflow: Name = Field(description="name or path of the workflow")
    starts: dt.date = Field(description="the run begins at 00:00 of this date")
    ends: dt.date = Field(description="the run ends at 24:00 of this date")
    warm_up: dt.date | None = Field(None, description="rows before this date are left out of the measures")
    calendars: dict[str, CalendarEntry] = Field(default_factory=dict)
    courts: dict[str, CourtEntry] = Field(default_factory=dict)
    pools: dict[str, PoolEntry] = Field(default_factory=dict)
    suspensions: list[SuspensionEntry] = Field(default_factory=list)
    policies: list[PolicyEntry] = Field(
        default_factory=list,
        description="other workflows that come into force during the run, in the order of their dates",
    )
    activities: dict[str, WorkEntry] = Field(default_factory=dict)
    people: dict[str, Any] = Field(
        default_factory=dict, description="how facts, and the record at the start, are distributed; drawn in this order"
    )
    arrivals: dict[str, ArrivalEntry] = Field(default_factory=dict)
    events: dict[str, LawEntry] = Field(default_factory=dict)
    costs: CostsEntry | None = Field(None, description="what people and activities cost")
    published: list[PublishedEntry] = Field(default_factory=list)
    about: AboutEntry = Field(default_factory=AboutEntry)
