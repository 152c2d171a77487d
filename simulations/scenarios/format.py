"""What a scenario file may contain: the shape of its entries, key by key.

Values that may differ by court, fact or definition (`by:`), durations, shares and rates are checked by
`simulations.scenarios.quantities`; the models only say where they may stand. The JSON Schema in ``docs/reference/schemas`` is made
from them.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, model_validator

from workflow.files.validation import Condition, Entry, Name, Names

__all__ = [
    "AboutEntry",
    "ArrivalEntry",
    "BacklogEntry",
    "CalendarEntry",
    "CostsEntry",
    "CourtEntry",
    "EventTimingEntry",
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

    hours: _anything("weekdays: hours, such as {mon-fri: '08:00-16:30'}") = Field(  # type: ignore[valid-type]
        description="the working hours of each weekday; days that are not named have none",
        examples=[{"mon-thu": "09:00-12:00, 13:00-17:00", "fri": "09:00-13:00"}],
    )
    holidays: _anything("a country such as US, or {country: US, state: CO}") = Field(  # type: ignore[valid-type]
        None,
        description="the public holidays taken out, by ISO codes; see the `holidays` package of Python",
        examples=["US"],
    )
    closed: list[Any] = Field(
        default_factory=list,
        description="dates taken out, such as 2011-12-23 or '2011-12-24 to 2012-01-02', both included",
        examples=[["2024-02-09", "2024-03-25 to 2024-03-29"]],
    )
    open: dict[dt.date, Any] = Field(
        default_factory=dict,
        description="dates added, with their hours, which replace what the date would have had",
        examples=[{"2024-03-02": "09:00-13:00"}],
    )


class BacklogEntry(Entry):
    """Open cases of one state at the start."""

    count: int = Field(ge=0, le=50_000_000, description="how many cases", examples=[8])
    age: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="how long they have been pending at the start; none: they count from the start",
        examples=[{"exponential": {"mean": "60 days"}}],
    )
    people: dict[str, Any] = Field(
        default_factory=dict,
        description="facts of these cases, where they differ from `people:`",
        examples=[{"ground": {"work": 1}}],
    )


class CourtEntry(Entry):
    """A place with cases of its own."""

    calendar: Name | None = Field(
        None, description="name of the calendar in whose working days ages are counted", examples=["office"]
    )
    backlog: dict[str, Any] = Field(
        default_factory=dict,
        description="the open cases at the start: state: a number of cases, or {count:, age:, people:}; or {table: file}",
        examples=[{"waiting": 12}],
    )


class PoolEntry(Entry):
    """People who do the work."""

    at: Literal["court", "nation"] = Field(
        "nation", description="one pool for each court, or one for all", examples=["court"]
    )
    size: _anything("a number of servers; by court, and by date: {denver: {2011-12-05: 16, 2012-01-16: 4}}") = Field(  # type: ignore[valid-type]
        description="how many people work at once, each on one case at a time",
        examples=[2, {"north": {"2024-01-01": 2, "2024-02-01": 3}, "south": 1}],
    )
    calendar: _anything("name of a calendar, or one for each court; none: always at work") = Field(  # type: ignore[valid-type]
        None, description="when they are at work", examples=["office", {"north": "office", "south": "mornings"}]
    )
    at_shift_end: Literal["suspend", "finish", "fit"] = Field(
        "suspend",
        description="what happens to work in hand when the shift ends: it goes on at the next opening (`suspend`), is"
        " finished in overtime (`finish`), or is not begun unless it ends within the shift (`fit`)",
        examples=["fit"],
    )
    slots: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="how many cases each server begins in one shift at most, such as 4 hearings a morning",
        examples=[4],
    )
    order: _anything("first_come, oldest, newest, or {by: expression} (lower first)") = Field(  # type: ignore[valid-type]
        "first_come",
        description="who is served first among the waiting of one priority: who joined the queue first, whose case is"
        " the oldest or the newest (by `arrived`), or whose value is lowest",
        examples=["oldest", {"by": "age"}],
    )


class SuspensionEntry(Entry):
    """Days on which a pool starts no work in some courts, both days included."""

    pool: Name = Field(description="the pool that starts no work; it must have `at: court`", examples=["clerks"])
    courts: list[Name] = Field(min_length=1, description="the courts in which it starts none", examples=[["south"]])
    from_: dt.date = Field(alias="from", description="the first day", examples=[dt.date(2024, 2, 5)])
    to: dt.date = Field(description="the last day", examples=[dt.date(2024, 2, 16)])
    except_: Condition | None = Field(
        None, alias="except", description="cases that are served all the same", examples=["urgent"]
    )


class PolicyEntry(Entry):
    """A workflow that decides from a date on, in place of the scenario's own or of the policy before."""

    from_: dt.date = Field(
        alias="from", description="the first day on which it decides", examples=[dt.date(2024, 2, 15)]
    )
    workflow: Name = Field(
        description="name or path of a workflow with the same facts, record, states and events",
        examples=["stricter.yaml"],
    )
    in_flight: Literal["at_next_decision", "pinned"] = Field(
        "at_next_decision",
        description="whether cases that are open on that day are decided by it too, from their next decision on"
        " (`at_next_decision`), or only cases that arrive from then on (`pinned`)",
        examples=["pinned"],
    )


class WorkEntry(Entry):
    """How long an activity takes, who does it, and what it finds."""

    pool: Name | None = Field(
        None, description="who does it; none: it is a delay, and nobody waits for anybody", examples=["clerks"]
    )
    takes: Length = Field(  # type: ignore[valid-type]
        description="length of the work; in hours or minutes where a pool has a calendar",
        examples=[{"lognormal": {"mean": "2 hours", "cv": 0.6}}],
    )
    outcome: dict[str, Any] | None = Field(
        None,
        description="the record field that the activity gives: its values and their shares",
        examples=[{"decision": {"grant": 0.7, "refuse": "rest"}}],
    )
    priority: int = Field(0, description="among the activities of one pool, lower is served first", examples=[1])
    calendar: Name | None = Field(None, description="for a delay in working days: whose", examples=["office"])


class ArrivalEntry(Entry):
    """A stream of new cases. One named like a court is that court's; any other goes to `courts`, or to all."""

    into: Name | None = Field(
        None,
        description="the state in which they begin; may be left out if the workflow has one such state",
        examples=["waiting"],
    )
    courts: list[Name] | None = Field(
        None,
        description="the courts it goes to, a stream of its own in each; none: the court of its name, or all",
        examples=[["north", "south"]],
    )
    rate: _anything("Poisson: `250 per month`; by date: {2011-12-05: 250 per month, ...}") = Field(  # type: ignore[valid-type]
        None,
        description="cases arrive one by one, independently of each other, so many in a time on average",
        examples=["10 per month", {"2024-01-01": "10 per month", "2024-02-01": "0 per month"}],
    )
    interarrival: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="renewal: time from one arrival to the next; the first comes one interval after the start",
        examples=["3 days"],
    )
    at: list[Any] | None = Field(
        None,
        description="exact times: durations since the start, or dates with a time",
        examples=[["2 hours", "2024-01-15 10:30"]],
    )
    table: str | None = Field(
        None,
        description="CSV or Parquet file with a column `arrived`, and columns named like facts",
        examples=["new_cases.csv"],
    )
    first: Any = Field(
        None,
        description="with `interarrival`: time of the first arrival, a duration since the start or a date with a time",
        examples=["1 day"],
    )
    count: int | None = Field(None, ge=0, description="at most so many cases in each court", examples=[5])
    people: dict[str, Any] = Field(
        default_factory=dict,
        description="facts of these cases, where they differ from `people:`",
        examples=[{"ground": {"family": 1}}],
    )

    @model_validator(mode="after")
    def _one_source(self) -> ArrivalEntry:
        given = [k for k in ("rate", "interarrival", "at", "table") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a stream has exactly one of rate, interarrival, at, table; here: {', '.join(given) or 'none'}"
            )
        if self.first is not None and self.interarrival is None:
            raise ValueError("first: belongs to interarrival:")
        return self


class EventTimingEntry(Entry):
    """When an outside event happens to a case."""

    hazard: Rate | None = Field(  # type: ignore[valid-type]
        None,
        description="a constant hazard over the case's whole life; may differ `by:` facts, not by the record",
        examples=["0.05 per year"],
    )
    after: Length | None = Field(  # type: ignore[valid-type]
        None,
        description="time from entering the states where it counts, or from `since:`; calendar time",
        examples=["30 days"],
    )
    since: Names | None = Field(
        None, description="with `after`: the transition at which its clock starts", examples=["grant or allow"]
    )
    chance: Probability | None = Field(  # type: ignore[valid-type]
        None, description="with `after`: the probability that its clock starts at all", examples=[0.3]
    )
    at: _anything("a date, a date with a time, or a list of these: it happens then to every case in its states") = (  # type: ignore[valid-type]
        Field(
            None,
            description="when it happens, at once to every case in its states",
            examples=["2024-03-01", ["2024-02-01", "2024-03-01 12:00"]],
        )
    )
    only: Literal["waiting"] | None = Field(
        None, description="it counts only while a case waits in a queue and its work has not begun"
    )
    outcome: dict[str, Any] | None = Field(
        None,
        description="the record field that the event gives: its values and their shares",
        examples=[{"check": {"clear": 0.97, "hit": "rest"}}],
    )

    @model_validator(mode="after")
    def _one_timing(self) -> EventTimingEntry:
        given = [k for k in ("hazard", "after", "at") if getattr(self, k) is not None]
        if len(given) != 1:
            raise ValueError(
                f"an event has exactly one timing: hazard, after or at; here: {', '.join(given) or 'none'}"
            )
        if self.after is None and (self.since is not None or self.chance is not None):
            raise ValueError("since: and chance: belong to after:")
        return self


class CostsEntry(Entry):
    """What things cost."""

    currency: str = Field(min_length=1, description="in which every cost is given, such as USD", examples=["USD"])
    pools: dict[str, Any] = Field(
        default_factory=dict,
        description="pool: what a server costs, such as `95 per hour` of time on shift and of overtime",
        examples=[{"clerks": "40 per hour"}],
    )
    activities: dict[str, float] = Field(
        default_factory=dict,
        description="activity: what it costs each time it is completed, besides the time of its pool",
        examples=[{"hear": 120}],
    )
    per: list[Name] = Field(
        default_factory=list,
        description="measures of cases; the cost of one such case is told",
        examples=[["permits"]],
    )


class PublishedEntry(Entry):
    """A published figure, shown beside the result and never used by the run."""

    measure: Name = Field(description="a measure of the workflow, or a built-in one", examples=["permits"])
    court: Name = Field("all", description="a court, or all of them together", examples=["north"])
    at: dt.date = Field(description="the day at whose end it is taken", examples=[dt.date(2024, 3, 31)])
    value: int | float = Field(description="the figure, in the unit of its measure", examples=[21])
    source: str | None = Field(None, description="where it was published", examples=["annual report, page 4"])


class AboutEntry(Entry):
    """The author's words for a reader of the results."""

    purpose: str | None = Field(
        default=None,
        description="the question that the scenario is to answer",
        examples=["Would one more clerk be enough?"],
    )
    rationale: str | None = Field(
        default=None, description="why it is modelled in this way", examples=["Both offices keep their own queue."]
    )
    data_sources: list[str] = Field(
        default_factory=list, description="where the figures are from", examples=[["the register of permits, 2023"]]
    )
    assumptions: list[str] = Field(
        default_factory=list, description="what is not known, and was assumed", examples=[["Nobody applies twice."]]
    )
    notes: list[str] = Field(
        default_factory=list,
        description="sentences printed below the results",
        examples=[["permits counts those granted at once and after a hearing."]],
    )


class ScenarioFile(Entry):
    """A scenario file."""

    scenario: Name = Field(description="the name by which it is known in results", examples=["offices"])
    extends: Name | None = Field(
        None,
        description="name of a built-in scenario, or path of a file, that this one changes",
        examples=["offices.yaml"],
    )
    description: str | None = Field(
        None, description="what it is about, for readers", examples=["Two offices in the first quarter of 2024."]
    )
    workflow: Name = Field(
        description="name of a built-in workflow, or path of a file beside this one", examples=["permits.yaml"]
    )
    starts: dt.date = Field(description="the run begins at 00:00 of this date", examples=[dt.date(2024, 1, 1)])
    ends: dt.date = Field(description="the run ends at 24:00 of this date", examples=[dt.date(2024, 3, 31)])
    warm_up: dt.date | None = Field(
        None,
        description="rows before this date are left out of the measures, not out of the log",
        examples=[dt.date(2024, 2, 1)],
    )
    calendars: dict[str, CalendarEntry] = Field(default_factory=dict, description="working hours, each under a name")
    courts: dict[str, CourtEntry] = Field(
        default_factory=dict, description="the places, and their open cases at the start; none: one place, `court`"
    )
    pools: dict[str, PoolEntry] = Field(default_factory=dict, description="the people who do the work")
    suspensions: list[SuspensionEntry] = Field(
        default_factory=list, description="days on which a pool starts no work in some courts"
    )
    policies: list[PolicyEntry] = Field(
        default_factory=list,
        description="other workflows that come into force during the run, in the order of their dates",
    )
    activities: dict[str, WorkEntry] = Field(
        default_factory=dict,
        description="what each activity of the workflow takes; one that cases can come to must be here",
    )
    people: dict[str, Any] = Field(
        default_factory=dict,
        description="how facts, and the record at the start, are distributed; drawn in this order",
        examples=[{"complete": 0.9}],
    )
    arrivals: dict[str, ArrivalEntry] = Field(default_factory=dict, description="new cases, each stream under a name")
    events: dict[str, EventTimingEntry] = Field(
        default_factory=dict,
        description="when the events of the workflow happen; one that is not named never does",
    )
    costs: CostsEntry | None = Field(None, description="what people and activities cost")
    published: list[PublishedEntry] = Field(
        default_factory=list, description="published figures to show beside the results"
    )
    about: AboutEntry = Field(default_factory=AboutEntry, description="the author's words for a reader of the results")
