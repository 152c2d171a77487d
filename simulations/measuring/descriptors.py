"""What each measure is: its family, unit and title, and the definition of what it counts.

A built-in measure has one entry in `BUILT_IN`. Its name may hold ``{}``, which stands for an activity, a pool, or what is
priced. `describe` returns the descriptors of a scenario. Printing, reports, results and plans read a measure's descriptor
and never its name. ``docs/reference/measures.md`` is written from the same entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from simulations.measuring.shares import is_share
from simulations.scenarios.scenario import Scenario, Work
from simulations.timing.calendars import ShiftEnd
from workflow.files.format import MeasureEntry
from workflow.model.definition import as_words

WAITING, PROCESSING = "waiting_time", "processing_time"
WORKING_AGE = "unfinished_working_age.mean"
SHAPES = ("mean", "median", "p95")
"""The statistics of a time: the mean, the 50th and the 95th percentile."""

_CLOSED = {
    "suspended": "while the pool was suspended for the case. A suspension comes before everything else. A case that is exempt"
    " from a suspension is not suspended.",
    "holiday": "outside all shifts, on a holiday or a closed day of the pool's calendar. A date with hours of its own"
    " is not a holiday.",
    "off_shift": "outside all shifts on any other day: nights, weekends, and the hours between two shifts.",
}
_NO_STAFF = {"no_staff": "during a shift in which the pool had a size of 0."}

LEAD_TIME = "lead_time"
"""The reason for a wait until the hearing date; other work has no such part."""

REASONS = {
    LEAD_TIME: "before the hearing date of the case began; of several, before the first on which it might have been called.",
    **_CLOSED,
    **_NO_STAFF,
    "slots_used_up": "in the shift in which the work was enabled, after the slots of that shift were used up.",
    "does_not_fit": "during a shift, because the work did not fit into the rest of the shift (`at_shift_end: fit`).",
    "capacity": "after the first chance: others were served before the case. It includes nights, weekends and suspensions from"
    " then on, and every wait after an interruption. Its parts are the measures `waiting_capacity`.",
}
"""The reasons for waiting, with the time that each one covers. All but the last end with the first chance to start."""

CAPACITY_PARTS = {
    **_CLOSED,
    **_NO_STAFF,
    "slots_used_up": "during a shift whose slots were used up.",
    "does_not_fit": "during a shift in which a server was free, but the first case of the queue did not fit into the rest of the"
    " shift.",
    "no_free_server": "during a shift with slots left: all servers were busy.",
}
"""The parts of the reason ``capacity``."""

CLOCK = {**_CLOSED, "on_shift": "during a shift of a pool that was not suspended, whatever kept the case waiting."}
"""What the clock of a pool showed during a wait."""

BREAKDOWNS = {"waiting_reason": REASONS, "waiting_capacity": CAPACITY_PARTS, "waiting_clock": CLOCK}
"""The divisions of a wait, by the first part of their measures' names, each with its parts. At every instant exactly one part
holds. Reasons and clock each add up to the wait, the parts of capacity to that reason."""

WAITING_FOR, OTHERS, CLOSED = "waiting_for", "others", "closed"
"""The division of a wait for a team by the pool that was short, and its last part."""

UNITS = {
    "cases": "A number of cases. It is whole in one replication; a mean over replications has decimals.",
    "days": "Days of 24 hours, nights and weekends included.",
    "working days": "Dates on which a shift of the court's calendar starts.",
    "hours": "Hours of one server: two servers who each work for an hour add two.",
    "share": "A ratio of two numbers of the same unit: 0.5 is one half.",
    "value": "The unit that the scenario has at the path; a factor has none.",
    "currency": "Money, in the currency that the scenario's `costs` name.",
}


class Family(StrEnum):
    """What a measure is about; the value is the title of its section in the reference."""

    DECLARED = "Measures that a workflow declares"
    DOCKET = "The docket"
    WAITING = "Waiting time"
    DATES = "Hearing dates"
    QUEUE = "Queues"
    PROCESSING = "Processing time"
    UTILISATION = "Utilisation"
    OVERTIME = "Overtime"
    COST = "Costs"
    UNCERTAIN = "Uncertain inputs"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What one measure is.

    Attributes
    ----------
    name : str
        As in results, files and options.
    family : Family
    unit : str
        One of `UNITS`; of a cost the currency itself.
    title : str
        For people.
    description : str
        What is counted, when, and what is left out.
    compare : str
        What the measure may be compared with.
    subject : str or None
        The activity, the pool, or what is priced.
    statistic : str or None
        Of a time or an age: one of `SHAPES`, or a part of one of `BREAKDOWNS`.
    low, high : float or None
        No value is outside these bounds; ``None`` where there is no bound.
    is_date : bool
        Whether the value is a point in time, counted in days from the start of the run.
    accumulates : bool
        Whether the value adds up from the start, or the end of the warm-up, so that a difference of two days has a meaning.
    counted : str
        What its values count, from the workflow's file; empty for what `unit` says.
    inputs : tuple of str
        The measures that it is computed from. Of a share or a cost per case, the value is the first over the second.
    """

    name: str
    family: Family
    unit: str
    title: str
    description: str
    compare: str = "the same measure of another court, group, day or scenario"
    subject: str | None = None
    statistic: str | None = None
    low: float | None = 0.0
    high: float | None = None
    is_date: bool = False
    accumulates: bool = False
    counted: str = ""
    inputs: tuple[str, ...] = ()

    def of(self, subject: str, unit: str | None = None, title: str | None = None) -> Descriptor:
        """Return the descriptor with `subject`, the name of an activity, a pool or a cost item, in place of ``{}``.

        Parameters
        ----------
        title : str, optional
            Of the subject; default: its name as words.
        """
        texts = {key: getattr(self, key).replace("{}", subject) for key in ("name", "description", "compare")}
        titled = self.title.replace("{}", title or spaced(subject))
        return replace(self, subject=subject, unit=unit or self.unit, title=titled, **texts)

    @property
    def axis_title(self) -> str:
        """Return the title with the unit, for an axis."""
        unit = self.counted or ("" if self.is_date or self.unit in ("share", "value") else self.unit)
        return f"{self.title} ({unit})" if unit and unit not in self.title.lower() else self.title

    @property
    def row_title(self) -> str:
        """Return the title for a row, with what the values count if a file says it; the cells have units of time."""
        return f"{self.title} ({self.counted})" if self.counted and self.counted not in self.title.lower() else self.title

    @property
    def is_of_pools(self) -> bool:
        """Return whether the measure is about activities and pools, rather than about cases or money."""
        return self.family not in (Family.DECLARED, Family.DOCKET, Family.COST, Family.UNCERTAIN)

    @property
    def is_mean_time(self) -> bool:
        """Return whether the measure is a mean time or a mean age, which groups of cases can be ranked by."""
        return self.statistic == "mean"

    @property
    def is_detail(self) -> bool:
        """Return whether the measure adds detail to a mean time: a percentile or a part of it."""
        return self.family in (Family.WAITING, Family.PROCESSING) and not self.is_mean_time

    @property
    def is_second_view(self) -> bool:
        """Return whether the measure divides again what the reasons for waiting divide: the clock, and parts of capacity."""
        return self.name.startswith(("waiting_capacity.", "waiting_clock."))


_TIMES = {
    "mean": ("Mean", "The mean of"),
    "median": ("Median", "The median (50th percentile, by linear interpolation) of"),
    "p95": ("95th percentile of the", "The 95th percentile (by linear interpolation) of"),
}
_WAITS = (
    "the times from when the work was enabled until it started. A wait counts from the instant at which it ends."
    " Elapsed time: nights, weekends and suspensions are included. If the work was interrupted, its waits are added up, and"
    " count when it last resumes. Left out: cases that still wait (see `still_waiting`),"
    " cases that left the queue without being served, and work that ended during the warm-up. No value if no wait ended."
)
_WORK = (
    "the times from the start of the work to its completion. Elapsed time: nights, weekends and suspensions that interrupt the"
    " work are included. The parts of work that was interrupted are added up, without the waits between them. Left out: work that is not completed, and work that was completed during the warm-up. No value if"
    " no work was completed."
)
_CHANCE = (
    "The first chance to start is the first instant at which the pool is open, has staff, is not suspended for the case, and"
    " the work fits into the shift; in the shift in which it was enabled, a slot must be left too. Work that is not"
    " completed is as long as the log shows."
)
_PARTS = {
    "waiting_reason": ("by reason: ", _CHANCE, "the other reasons: together they are the mean waiting time of the same activity"),
    "waiting_capacity": ("after the first chance: ", _CHANCE, "the other parts: together they are `waiting_reason.{}.capacity`"),
    "waiting_clock": ("by the clock: ", "", "the other parts: together they are the mean waiting time of the same activity"),
}
_OF_TEAMS = "the other parts: together they are the mean waiting time of the same activity"
_MOST_CLEARED = 20.0
"""Largest clearance rate with a meaning: one case came in for 20 that left."""

_SINCE = "since the start of the run, or since the end of the warm-up"


def _waiting() -> Iterator[Descriptor]:
    for shape, (title, of) in _TIMES.items():
        yield Descriptor(f"{WAITING}.{{}}.{shape}", Family.WAITING, "days", f"{title} wait for {{}}", f"{of} {_WAITS}", statistic=shape)  # fmt: skip
    for kind, parts in BREAKDOWNS.items():
        by, note, others = _PARTS[kind]
        for part, when in parts.items():
            title = f"Mean wait for {{}}, {by}{part.replace('_', ' ')}"
            text = (
                f"The part of `{WAITING}.{{}}.mean` that passed {when} It is the mean over the same waits, zeros included. {note}"
            )
            yield Descriptor(f"{kind}.{{}}.{part}", Family.WAITING, "days", title, text.strip(), others, statistic=part)
    yield Descriptor(
        f"{WAITING_FOR}.{{}}.<pool>", Family.WAITING, "days", "Mean wait for {} while <pool> was short",
        f"The part of `{WAITING}.{{}}.mean` in which `<pool>` was the first pool that lacked what the case needs: it was off shift,"
        " without staff, suspended for the case, out of slots, or had too few free servers. The pools are looked at in their order in"
        " `needs`; of the pools of `either`, all must lack a server, and the first one names the part. Time in which all of them were"
        " closed (off shift, without staff or suspended), such as a night, belongs to the pool that was short before it. What a case"
        " needs is taken from its record at the end of its wait. It is the mean over the same waits, zeros included. In place of"
        " reasons and clock, for activities of a queue in which some work has `needs` or `either`.",
        _OF_TEAMS,
    )  # fmt: skip
    yield Descriptor(
        f"{WAITING_FOR}.{{}}.{OTHERS}", Family.WAITING, "days", "Mean wait for {} while others went first",
        f"The part of `{WAITING}.{{}}.mean` in which no pool was short: a case with `hold` stood before it, or work did not fit into"
        " the shift; and the time after it in which all pools were closed. It is the mean over the same waits, zeros included."
        f" Measured where `{WAITING_FOR}.{{}}.<pool>` is.",
        _OF_TEAMS,
        statistic=OTHERS,
    )  # fmt: skip
    yield Descriptor(
        f"{WAITING_FOR}.{{}}.{CLOSED}", Family.WAITING, "days", "Mean wait for {} until a pool opened",
        f"The part of `{WAITING}.{{}}.mean` at its beginning in which all pools that the case needs were closed: off shift, without"
        " staff, or suspended for it. It is the mean over the same waits, zeros included. Measured where"
        f" `{WAITING_FOR}.{{}}.<pool>` is.",
        _OF_TEAMS,
        statistic=CLOSED,
    )  # fmt: skip


BUILT_IN = {
    measure.name: measure
    for measure in (
        Descriptor(
            "pending", Family.DOCKET, "cases", "Pending cases",
            "Cases on the docket at the end of the day: they have arrived, and their state is neither final nor resting. It"
            " is also taken at the end of every day of the run. The warm-up does not matter.",
        ),
        Descriptor(
            "unfinished", Family.DOCKET, "cases", "Unfinished cases",
            "Cases that have arrived and are not in a final state at the end of the day. Unlike `pending`, it includes cases"
            " in a resting state. The warm-up does not matter.",
        ),
        Descriptor(
            "unfinished_age.mean", Family.DOCKET, "days", "Mean age of unfinished cases",
            "The mean time since arrival of the cases that `unfinished` counts, in calendar days. For a case of the backlog"
            " it includes the time before the run. No value if no case is unfinished.",
            statistic="mean",
        ),
        Descriptor(
            "inflow", Family.DOCKET, "cases", "Inflow",
            f"How often a case came onto the docket {_SINCE}: arrivals in a state that is neither final nor resting, and moves"
            " from a final or resting state to another state. A case that comes back is counted again. Left out: the backlog"
            " with which the run begins.",
            "`disposals` of the same court and time",
            accumulates=True,
        ),
        Descriptor(
            "disposals", Family.DOCKET, "cases", "Disposals",
            f"How often a case left the docket {_SINCE}: moves from a state on the docket to a final or resting state. A case"
            " that comes back and leaves again is counted again.",
            "`inflow` of the same court and time",
            accumulates=True,
        ),
        Descriptor(
            "transfers_in", Family.DOCKET, "cases", "Transfers in",
            f"How often a case on the docket came from another court {_SINCE}. It is neither inflow nor a disposal, and counts at the"
            " court to which it goes. Pending cases are those at the start, plus inflow and transfers in, less disposals and transfers"
            " out.",
            "`transfers_out` of the same court and time",
            accumulates=True,
        ),
        Descriptor(
            "transfers_out", Family.DOCKET, "cases", "Transfers out",
            f"How often a case on the docket went to another court {_SINCE}. It is neither inflow nor a disposal, and counts at the"
            " court that it leaves. For all courts together it equals `transfers_in`.",
            "`transfers_in` of the same court and time",
            accumulates=True,
        ),
        Descriptor(
            "clearance_rate", Family.DOCKET, "share", "Clearance rate",
            "`disposals` over `inflow`. Above 1 the number of pending cases falls. No value if nothing came in. Above 20"
            " hardly any case came in, and the rate has no meaning: tables show `few came in`, and a comparison does not test it.",
            "1, and the rate of another court, day or scenario with a similar inflow",
            inputs=("disposals", "inflow"),
        ),
        Descriptor(
            WORKING_AGE, Family.DOCKET, "working days", "Mean age of unfinished cases in working days",
            "As `unfinished_age.mean`, in working days of the case's court: working days that began after the case arrived"
            " and before the day ended. Left out: cases of courts without a calendar. Only measured if some court has one.",
            statistic="mean",
        ),
        *_waiting(),
        Descriptor(
            "lead_time.{}", Family.DATES, "days", "Mean lead time for {} when booked",
            f"The mean number of days from the day on which a case was first booked for a hearing date to that date, {_SINCE}. Later"
            " dates of the same wait do not count. Left out: cases for which no date was free. No value if no case was booked. Only"
            " measured for activities with `appointment:`.",
            statistic="mean",
        ),
        Descriptor(
            "rebookings.{}", Family.DATES, "cases", "Cases booked again for {}",
            f"How often a case got another hearing date, {_SINCE}: because it was not called on its date, or because the date was closed"
            " or suspended. A case that is booked again twice counts twice. Only measured for activities with `appointment:`.",
            "the number of bookings, which is in the log",
            accumulates=True,
        ),
        Descriptor(
            "next_free.{}", Family.DATES, "days", "Days until the next free date of {}",
            "The number of days from this day to the first later date with a free slot, with closures and suspensions as known at the"
            " end of the day: what a court's web page shows. `at_least` does not count. For all courts together it is the mean over the"
            " courts. No value if no date is free. It is also taken at the end of every day of the run. Not measured for a group of cases."
            " Only measured for pools with hearing dates.",
        ),
        Descriptor(
            "still_waiting.{}", Family.QUEUE, "cases", "Cases that wait for {}",
            "Visits to the queue that have not ended at the end of the day: the work is enabled, has not started, and"
            " the case has not left the queue. Interrupted work that waits for a server is included. The warm-up does not matter.",
        ),
        *(
            Descriptor(f"{PROCESSING}.{{}}.{shape}", Family.PROCESSING, "days", f"{title} time for {{}}", f"{of} {_WORK}", statistic=shape)
            for shape, (title, of) in _TIMES.items()
        ),
        Descriptor(
            "utilisation.{}", Family.UTILISATION, "share", "Utilisation of {}",
            f"The time that the servers worked during their shifts, over the time that they were on shift, {_SINCE}."
            " Two servers on shift for an hour add two hours. Left out: overtime. No value without a shift, and none for a"
            " group of cases. A pool that is not at a court has a value for all courts only.",
            high=1.0,
        ),
        Descriptor(
            "slots_used.{}", Family.UTILISATION, "share", "Slots of {} that were used",
            f"The slots that the cases used that started, over the slots of the pool's shifts, for shifts that began {_SINCE}. A shift has `slots` times"
            " the largest size of the pool in it; with hearing dates, a date has as many for all its shifts together. Interrupted work"
            " uses no new slot. Shifts during a suspension are included, as in `utilisation`. No value without a shift. A pool that is"
            " not at a court has a value for all courts only. Only measured for pools with `slots:`, and not for a group of cases.",
            "`utilisation.{}`: with all slots used, more hours of work need more slots, or more servers",
            high=1.0,
        ),
        Descriptor(
            "overtime.{}", Family.OVERTIME, "hours", "Overtime of {}",
            f"Hours that the servers worked outside their shifts, or above the size of the pool after it was cut,"
            f" {_SINCE}. It is 0 outside shifts for a pool that suspends its work at the end of a shift. Not measured for a"
            " group of cases.",
            accumulates=True,
        ),
        Descriptor(
            "idle_behind_unfit.{}", Family.UTILISATION, "hours", "Idle time of {} behind work that does not fit",
            f"Hours on shift in which a server of the pool was free while cases waited, because the first case of the queue did"
            f" not fit into the rest of the shift, {_SINCE}. Of several free servers, as many count as there are cases that"
            " wait. Left out: time in which the pool was suspended, and shifts whose slots were used up. Only measured for pools"
            " with `at_shift_end: fit` whose work is not for several pools, and not for a group of cases.",
        ),
        Descriptor(
            "overtime_of_long_work.{}", Family.OVERTIME, "hours", "Overtime of {} for work longer than every shift",
            f"The part of `overtime.{{}}` that fell off shift in work that was longer than every shift of the calendar, {_SINCE}."
            " Such work starts at an opening and runs over. Unfinished work counts when it has lasted longer than every shift."
            " Only measured for pools with `at_shift_end: fit` whose work is not for several pools, and not for a group of cases.",
        ),
        Descriptor(
            "cost.{}", Family.COST, "currency", "Cost of {}",
            f"For a pool: its time on shift and its overtime, times its rate, {_SINCE}; idle time on shift is paid. For an"
            " activity: how often it was completed, times its price.",
            "the same cost of another court or scenario over the same time",
            accumulates=True,
        ),
        Descriptor(
            "cost", Family.COST, "currency", "Total cost",
            "The sum of all costs of pools and activities. If some pool with a rate is not at a court, there is a total for"
            " all courts only. Not measured for a group of cases.",
            "the total of another scenario over the same time",
            accumulates=True,
        ),
        Descriptor(
            "cost_per.{}", Family.COST, "currency", "Cost per {}",
            "The total cost over the measure that the name ends with; for `cost_per.disposal` that is `disposals`. No value"
            " where that measure is 0.",
        ),
        Descriptor(
            "cost_per.month_of_backlog", Family.COST, "currency", "Cost per month of backlog removed",
            "The total cost over the months of backlog that were removed: disposals less inflow, over the disposals of a month"
            " of 365.25 / 12 days. No value where inflow is not below disposals.",
        ),
        Descriptor(
            "uncertain.{}", Family.UNCERTAIN, "value", "The uncertain input {}",
            "The value that was drawn for the replication, before it was rounded to whole servers or cases. Of a factor, the"
            " factor: its name begins with `scale`. It does not depend on the day, and has a value for all courts only. Not"
            " compared: scenarios with the same entry share its draws.",
            "the entry of `uncertain:` in the scenario",
            low=None,
        ),
    )
}  # fmt: skip
"""The built-in measures, by name, in the order of the reference."""

DECLARED = (
    Descriptor(
        "cases", Family.DECLARED, "cases", "A count of cases",
        "`cases:` counts the cases for which one of the named transitions or events happened since the end of the warm-up,"
        " each case once, at the first such time. `giving:` keeps those where it had this outcome. `if:` keeps the cases"
        " whose facts meet the condition.",
        accumulates=True,
    ),
    Descriptor(
        "split", Family.DECLARED, "cases", "A part of a count",
        "`split:` divides a count into parts that add up to it; each part is a measure. A case belongs to the first part"
        " whose rule it meets at the end of the day: `ever`, one of these transitions or events has happened to it; `now`,"
        " it is in one of the states of `within`; `left_by`, it left these states last by one of these transitions;"
        " `rest`, none of the other rules.",
        "the other parts of the same count",
    ),
    Descriptor(
        "ratio", Family.DECLARED, "share", "A ratio",
        "`ratio:` divides one measure by another, of the same court and day. No value where the second one is 0.",
    ),
    Descriptor(
        "emptied", Family.DECLARED, "days", "A date",
        "`emptied:` is the date on which the last case that began the run in this state first left it, in days from the start"
        " of the run. Tables show a date. No value while some such case is still there. The mean over replications has a"
        " value only if every replication has one.",
        "the same date in another court or scenario",
        is_date=True,
    ),
)  # fmt: skip
"""What a workflow may declare as a measure; the name is the key that declares it."""


def waiting_name(activity: str, statistic: str = "mean") -> str:
    """Return the name of a measure of the waiting time for an activity."""
    return f"{WAITING}.{activity}.{statistic}"


def part_name(kind: str, activity: str, part: str) -> str:
    """Return the name of the measure of a part of the waiting time for an activity; `kind` is a key of `BREAKDOWNS`."""
    return f"{kind}.{activity}.{part}"


def parts_of(work: Work, kind: str) -> dict[str, str]:
    """Return the measures of the parts of a wait, without the activity's name, each with its part; `kind` is a key of `BREAKDOWNS`."""
    parts = (part for part in BREAKDOWNS[kind] if part != LEAD_TIME or work.appointment is not None)
    return {part_name(kind, "{}", part): part for part in parts}


def slots_name(pool: str) -> str:
    """Return the name of the share of the slots of a pool that were used."""
    return f"slots_used.{pool}"


def utilisation_name(pool: str) -> str:
    """Return the name of the utilisation of a pool."""
    return f"utilisation.{pool}"


def measures_of_pool(pool: str) -> tuple[str, ...]:
    """Return the measures that depend on the time of a pool's servers."""
    return (utilisation_name(pool), f"overtime.{pool}", f"cost.{pool}")


def measures_of_fit(pool: str) -> tuple[str, ...]:
    """Return the measures of work that does not fit into the shifts of a pool."""
    return (f"idle_behind_unfit.{pool}", f"overtime_of_long_work.{pool}")


def input_name(name: str) -> str:
    """Return the name of the measure that keeps the value of an uncertain input."""
    return f"uncertain.{name}"


def few_came_in(measure: str, *values: float | None) -> bool:
    """Return whether a value is a clearance rate without a meaning, because hardly any case came in.

    Examples
    --------
    >>> few_came_in("clearance_rate", 1.08), few_came_in("clearance_rate", 1.08, 581.5), few_came_in("disposals", 3432.7)
    (False, True, False)
    """
    return measure == "clearance_rate" and any(value is not None and value > _MOST_CLEARED for value in values)


def describe(scenario: Scenario) -> Mapping[str, Descriptor]:
    """Return the descriptor of each measure of a scenario by its name, in the order of the results."""
    return _described(_Same(scenario))


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A scenario as a key: equal to itself only."""

    scenario: Scenario

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.scenario is other.scenario

    def __hash__(self) -> int:
        return id(self.scenario)


@lru_cache(maxsize=8)
def _described(same: _Same) -> Mapping[str, Descriptor]:
    return MappingProxyType({descriptor.name: descriptor for descriptor in _measures(same.scenario)})


def _measures(scenario: Scenario) -> Iterator[Descriptor]:
    for entry in scenario.workflow.measures:
        yield from _declared(entry, scenario)
    moved = ("transfers_in", "transfers_out") if scenario.transfers else ()
    for name in ("pending", "unfinished", "unfinished_age.mean", "inflow", "disposals", *moved, "clearance_rate"):
        yield BUILT_IN[name]
    if any(days is not None for days in scenario.court_days):
        yield BUILT_IN[WORKING_AGE]
    for activity, work in scenario.work.items():
        yield from _of_activity(activity, work, scenario)
    in_teams = {pool for work in scenario.work.values() if work.pool in scenario.queues_with_teams for pool in work.pools}
    for pool in scenario.pools:
        slots = [slots_name("{}")] if scenario.pools[pool].slots is not None else []
        slots += ["next_free.{}"] if scenario.pools[pool].dates else []
        title = pool_title(pool, scenario)
        yield from (BUILT_IN[name].of(pool, title=title) for name in (utilisation_name("{}"), *slots, "overtime.{}"))
        if scenario.pools[pool].at_shift_end == ShiftEnd.FIT and pool not in in_teams:
            yield from (BUILT_IN[name].of(pool, title=title) for name in measures_of_fit("{}"))
    if scenario.costs is not None:
        priced, currency = (*scenario.costs.pools, *scenario.costs.activities), scenario.costs.currency
        yield from (BUILT_IN["cost.{}"].of(name, currency, pool_title(name, scenario)) for name in scenario.costs.pools)
        yield from (BUILT_IN["cost.{}"].of(name, currency, activity_title(name, scenario)) for name in scenario.costs.activities)
        yield replace(BUILT_IN["cost"], unit=currency, inputs=tuple(f"cost.{name}" for name in priced))
        for name in ("disposal", *scenario.costs.per):
            per = "disposals" if name == "disposal" else name
            yield replace(BUILT_IN["cost_per.{}"].of(name, currency), inputs=("cost", per))
        yield replace(BUILT_IN["cost_per.month_of_backlog"], unit=currency, inputs=("cost", "disposals", "inflow"))
    for name in scenario.drawn or (i.name for i in scenario.inputs):
        yield BUILT_IN[input_name("{}")].of(name)


def spaced(name: str) -> str:
    """Return the name of an activity or a pool as words; a path stays as it is.

    Examples
    --------
    >>> spaced("individual_hearing"), spaced("scale pools.visiting_judges.size")
    ('individual hearing', 'scale pools.visiting_judges.size')
    """
    return name if "." in name else as_words(name)


def activity_title(activity: str, scenario: Scenario | None = None) -> str:
    """Return the title of an activity: from the file of its workflow, or its name as words."""
    workflows = () if scenario is None else scenario.workflows
    return next((w.activities[activity].title for w in workflows if activity in w.activities), spaced(activity))


def pool_title(pool: str, scenario: Scenario | None = None) -> str:
    """Return the title of a pool: from the scenario's file, or its name as words."""
    return spaced(pool) if scenario is None or pool not in scenario.pools else scenario.pools[pool].title


def _of_activity(activity: str, work: Work, scenario: Scenario) -> Iterator[Descriptor]:
    """Yield the measures of the waits and the work of an activity."""
    names: list[str] = []
    title = activity_title(activity, scenario)
    if work.pool is not None:
        yield from (BUILT_IN[waiting_name("{}", shape)].of(activity, title=title) for shape in SHAPES)
        if work.pool in scenario.queues_with_teams:
            for group in work.groups:
                part = BUILT_IN[part_name(WAITING_FOR, "{}", "<pool>")].of(activity, title=title)
                yield _of_pool(part, group[0].pool, scenario)
            names += [part_name(WAITING_FOR, "{}", part) for part in (OTHERS, CLOSED)]
        else:
            names += [name for kind in BREAKDOWNS for name in parts_of(work, kind)]
        names += ["lead_time.{}", "rebookings.{}"] if work.appointment is not None else []
        names.append("still_waiting.{}")
    names += [f"{PROCESSING}.{{}}.{shape}" for shape in SHAPES]
    yield from (BUILT_IN[name].of(activity, title=title) for name in names)


def _of_pool(descriptor: Descriptor, pool: str, scenario: Scenario) -> Descriptor:
    """Return the descriptor with the name of a pool in place of ``<pool>``."""
    texts = {key: getattr(descriptor, key).replace("<pool>", pool) for key in ("name", "description")}
    titled = descriptor.title.replace("<pool>", pool_title(pool, scenario))
    return replace(descriptor, statistic=pool, title=titled, **texts)


def _declared(entry: MeasureEntry, scenario: Scenario) -> Iterator[Descriptor]:
    """Yield a measure that a workflow declares, and its parts."""
    count, part, ratio, date = DECLARED
    whole = date if entry.emptied else ratio if entry.ratio else count
    title = entry.title or entry.measure.replace("_", " ").capitalize()
    if entry.ratio and is_share(entry.ratio[0], entry.ratio[1], scenario):
        whole = replace(whole, high=1.0)
    text, inputs = entry.description or whole.description, tuple(entry.ratio or ())
    yield replace(whole, name=entry.measure, title=title, description=text, inputs=inputs, counted=entry.unit or "")
    for name, rule in (entry.split or {}).items():
        title = (rule.get("title") if isinstance(rule, dict) else None) or name.replace("_", " ").capitalize()
        text = f"Part of `{entry.measure}`. {part.description}"
        yield replace(part, name=name, title=title, description=text, counted=entry.unit or "")
