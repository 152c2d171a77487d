"""When cases arrive: within working hours, up to a last hour, in batches."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from numpy.typing import NDArray

from simulations import SamplePath
from simulations.measuring.invariants import check_log
from simulations.planning.relevant import what_matters
from simulations.scenarios.population import draw_cases
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.workload import estimate
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR
from tests.simulations.random_scenarios import DESK_WORKFLOW, loaded, run

DESK = {"hours": {"mon-thu": "08:00-12:00, 13:00-16:00", "fri": "08:00-12:00"}, "closed": ["2024-05-01"]}
NIGHT = {"hours": {"mon-sun": "22:00-02:00"}}
STARTS = np.datetime64("2024-01-01")  # a Monday

HOURS_BY_HAND = {weekday: [*range(8, 12), *(range(13, 16) if weekday < 4 else ())] for weekday in range(5)}
"""The hours in which the desk is open, by weekday."""


def _office(stream: dict[str, object], ends: dt.date = dt.date(2024, 6, 30), **further: object) -> Scenario:
    """Return a scenario in which one stream of cases arrives at an office."""
    return loaded({
        "scenario": "office",
        "workflow": DESK_WORKFLOW,
        "starts": dt.date(2024, 1, 1),
        "ends": ends,
        "calendars": {"desk": DESK, "night": NIGHT},
        "pools": {"clerks": {"size": 1, "calendar": "desk"}},
        "activities": {"serve": {"pool": "clerks", "takes": "30 minutes"}},
        "arrivals": {"all": stream},
        **further,
    })  # fmt: skip


def _arrived(stream: dict[str, object], replication: int = 1, ends: dt.date = dt.date(2024, 6, 30)) -> NDArray[np.int64]:
    """Return the times of arrival of one replication, in microseconds."""
    return draw_cases(_office(stream, ends), SamplePath(1, replication)).arrived


def _clock(stream: dict[str, object], ends: dt.date = dt.date(2024, 1, 10)) -> list[str]:
    """Return the times of arrival as a clock shows them."""
    return [str(np.datetime64(STARTS, "us") + int(t))[5:16] for t in _arrived(stream, ends=ends)]


def _working_hours() -> NDArray[np.int64]:
    """Return every open hour of the desk in the run, in hours since its start, from numpy's calendar alone."""
    days = np.arange(STARTS, np.datetime64("2024-07-01"))
    weekday = (days.astype(int) + 3) % 7
    open_days = (weekday < 5) & (days != np.datetime64("2024-05-01"))
    return np.array([24 * d + h for d in np.flatnonzero(open_days).tolist() for h in HOURS_BY_HAND[int(weekday[d])]], np.int64)


def test_a_rate_per_working_day_is_spread_evenly_over_the_hours_of_each_day() -> None:
    """Every arrival is where numpy puts it: the unit-rate process of the stream through the expected arrivals by hour."""
    unit = _arrived({"rate": "1000 per day"}) / MICROSECONDS_PER_DAY * 1000
    hours = _working_hours()
    n_on = np.bincount(hours // 24)
    grown = np.append(0.0, np.cumsum(9.0 / n_on[hours // 24]))
    arrived = _arrived({"rate": "9 per day", "calendar": "desk"}) / MICROSECONDS_PER_HOUR
    k = np.searchsorted(grown, unit[: len(arrived)], side="right") - 1
    expected = hours[k] + (unit[: len(arrived)] - grown[k]) / np.diff(grown)[k]
    assert len(arrived) == np.count_nonzero(unit < grown[-1]) > 1000
    assert arrived == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("rate", "of_run"),
    [
        ("9 per day", 9 * 129),  # 130 weekdays in the half-year, less the first of May
        ("9 per working day", 9 * 129),
        ("3 per hour", 3 * (7 * 103 + 4 * 26)),
        ("0.05 per minute", 3 * (7 * 103 + 4 * 26)),
        ("45 per week", 45 * 26),
        ("300 per month", 1800),
    ],
)
def test_the_number_expected_is_that_of_each_working_period(rate: str, of_run: float) -> None:
    """Per hour it counts working hours, per day working days, and a week or month brings its number whatever its hours."""
    assert estimate(_office({"rate": rate, "calendar": "desk"})).n_cases == pytest.approx(of_run)


def test_a_count_per_month_falls_on_working_hours_only() -> None:
    """Exactly forty cases in each month, all while the desk is open, at every hour."""
    arrived = _arrived({"count": "40 per month", "calendar": "desk"})
    months = (STARTS + arrived // MICROSECONDS_PER_DAY).astype("datetime64[M]")
    assert np.unique(months, return_counts=True)[1].tolist() == [40] * 6
    assert np.isin(arrived // MICROSECONDS_PER_HOUR, _working_hours()).all()
    assert set((arrived // MICROSECONDS_PER_HOUR % 24).tolist()) == {8, 9, 10, 11, 13, 14, 15}


def test_a_night_belongs_to_the_month_in_which_it_begins() -> None:
    """Cases of a month arrive after midnight of its last night too, and none before its first evening."""
    arrived = _arrived({"count": "400 per month", "calendar": "night"}) - 22 * MICROSECONDS_PER_HOUR
    months = (STARTS + arrived // MICROSECONDS_PER_DAY).astype("datetime64[M]")
    assert np.unique(months, return_counts=True)[1].tolist()[:5] == [400] * 5
    assert (arrived % MICROSECONDS_PER_DAY < 4 * MICROSECONDS_PER_HOUR).all()


def test_intervals_pass_in_working_time() -> None:
    """By hand: three working hours apart, and at a closing the case comes at the next opening."""
    stream: dict[str, object] = {"interarrival": "2 hours", "calendar": "desk", "count": 6}
    assert _clock(stream) == ["01-01T10:00", "01-01T13:00", "01-01T15:00", "01-02T09:00", "01-02T11:00", "01-02T14:00"]
    assert _clock({**stream, "first": "9 hours"})[:3] == ["01-01T09:00", "01-01T11:00", "01-01T14:00"]


@pytest.mark.parametrize("kind", [{"rate": "9 per day"}, {"rate": "2 per hour"}, {"count": "60 per month"}])
def test_a_last_hour_ends_the_arrivals_of_each_day(kind: dict[str, object]) -> None:
    """With until: 14:00 cases come until then, and as many per working day as without it."""
    arrived = _arrived({**kind, "calendar": "desk", "until": "14:00"})
    assert set((arrived // MICROSECONDS_PER_HOUR % 24).tolist()) == {8, 9, 10, 11, 13}
    if kind == {"rate": "9 per day"}:
        assert estimate(_office({**kind, "calendar": "desk", "until": "14:00"})).n_cases == pytest.approx(9 * 129)


def test_a_last_hour_after_midnight_cuts_the_night() -> None:
    """A night from 22:00 to 02:00 that ends at 01:00 brings cases in three of its hours."""
    arrived = _arrived({"rate": "30 per day", "calendar": "night", "until": "01:00"})
    assert set((arrived // MICROSECONDS_PER_HOUR % 24).tolist()) == {22, 23, 0}


@pytest.mark.parametrize(
    ("until", "last"),
    [
        (dt.date(2024, 1, 2), "01-03T00:00"),
        ("2024-01-02", "01-03T00:00"),
        ("2024-01-02 12:00", "01-02T12:00"),
        ("30 hours", "01-02T06:00"),
    ],
)
def test_a_date_ends_the_arrivals_of_a_stream(until: object, last: str) -> None:
    """A date is included; a case that arrives at the given time still comes, and none later."""
    assert _clock({"interarrival": "2 hours", "until": until})[-1] == last


def test_the_queue_is_served_out_after_the_last_hour() -> None:
    """By hand: doors close at 12:00 on Monday, six cases wait at most, and the clerk goes on until the last is done at 13:30."""
    stream: dict[str, object] = {"interarrival": "24 minutes", "calendar": "desk", "until": "2024-01-01 12:00"}
    log = run(_office(stream, dt.date(2024, 1, 3)))
    check_log(log)
    assert len(log.cases) == 9  # 08:24, 08:48, ... 11:36
    done = log.columns["completed_at"].max() / MICROSECONDS_PER_HOUR
    assert done == 8.4 + 9 / 2 + 1  # one hour of lunch lies between


def test_a_batch_arrives_at_one_time() -> None:
    """By hand: four at each time, and no more than the count, although a batch is not complete."""
    arrived = _clock({"interarrival": "2 hours", "batch": 4, "count": 10})
    assert arrived == ["01-01T02:00"] * 4 + ["01-01T04:00"] * 4 + ["01-01T06:00"] * 2
    assert _clock({"at": ["1 hour", "3 hours"], "batch": 2}) == ["01-01T01:00"] * 2 + ["01-01T03:00"] * 2


def test_sizes_of_batches_follow_their_shares() -> None:
    """One, two or five together as often as the shares say, within four standard errors; the times are those without batches."""
    stream: dict[str, object] = {"rate": "10 per day"}
    times, sizes = np.unique(_arrived({**stream, "batch": {1: 0.5, 2: 0.3, 5: "rest"}}), return_counts=True)
    assert times.tolist() == _arrived(stream).tolist()
    n = len(sizes)
    for size, share in ((1, 0.5), (2, 0.3), (5, 0.2)):
        assert abs((sizes == size).sum() - share * n) < 4 * (n * share * (1 - share)) ** 0.5
    assert estimate(_office({**stream, "batch": {1: 0.5, 5: "rest"}})).n_cases == pytest.approx(3 * 1820)
    uniform = np.unique(_arrived({**stream, "batch": {"uniform": {"min": 1, "max": 4}}}), return_counts=True)[1]
    assert set(uniform.tolist()) == {1, 2, 3}


def test_hours_and_batches_stay_in_the_part_on_which_a_date_depends() -> None:
    """The reduced scenario draws the same cases at the same times."""
    stream: dict[str, object] = {"rate": "9 per day", "calendar": "desk", "until": "14:00", "batch": {1: 0.5, 3: "rest"}}
    scenario = _office(stream)
    whole, part = (draw_cases(each, SamplePath(1, 1)) for each in (scenario, what_matters(scenario, "empty")))
    assert whole.arrived.tolist() == part.arrived.tolist()
    assert whole.keys.tolist() == part.keys.tolist()
