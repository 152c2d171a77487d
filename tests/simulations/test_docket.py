"""The built-in docket over ten years: its capacity by arithmetic, its pending cases on a straight line, and its next free dates."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from simulations import RunResult, Scenario, load_scenario, run
from simulations.report.contents import contents_of
from simulations.report.pending_figures import next_free_figures
from simulations.scenarios.quantities import Shares
from simulations.statements.of_runs import answer
from simulations.studies.docket import sizes
from simulations.timing.clock import MICROSECONDS_PER_DAY

NO_JUDGES_ADDED = sizes((7, 4, 2, 3, 12))
SMALL = [  # one judge in each region, two years
    *(
        f"courts.{region}.backlog={{listed: {{count: 3000, people: {{individual_next: 0.19236}}}}, closed: {{count: 300}}}}"
        for region in ("california", "new_york", "florida", "texas", "elsewhere")
    ),
    sizes((1, 1, 1, 1, 1)),
    *(
        f"arrivals.{region}.rate={{2023-10-01: 3000 per year, 2024-10-01: 900 per year}}"
        for region in ("california", "new_york", "florida", "texas", "elsewhere")
    ),
    *(f"arrivals.reopened_{region}.rate=50 per year" for region in ("california", "new_york", "florida", "texas", "elsewhere")),
    "ends=2025-09-30",
]
ENDS_OF_YEARS = [dt.date(year, 9, 30) for year in range(2024, 2034)]


@pytest.fixture(scope="module")
def docket() -> Scenario:
    """The scenario as shipped."""
    return load_scenario("docket")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One replication of two years with one judge in each region."""
    out = tmp_path_factory.mktemp("runs") / "docket"
    return run(load_scenario("docket", SMALL), seed=1, at=[ENDS_OF_YEARS[0]], out=out, keep="measures")


def share(scenario: Scenario, activity: str, *rulings: str) -> float:
    """Return the probability of some rulings of a hearing."""
    shares: Shares = scenario.work[activity].outcome["ruling"].leaves()[0]
    each = dict(zip(shares.values, np.diff(shares.cumulative, prepend=0), strict=True))
    return float(sum(each.get(ruling, 0) for ruling in rulings))


DECIDED = ("removal", "voluntary_departure", "relief", "termination")


def slots(scenario: Scenario, day: dt.date) -> int:
    """Return the number of slots of all dates up to a day."""
    last = (day - scenario.starts).days
    return sum(int(dates.slots[dates.days <= last].sum()) for dates in scenario.hearing_dates["judges"])


def expected_pending(scenario: Scenario, day: dt.date) -> tuple[float, float]:
    """Return the expected number pending at the end of a day, and a bound on its standard deviation, while every slot is taken.

    B0 + arrivals + recalendared - decided. Each slot decides with the same probability on both calendars. The variance of the cases that
    come and that are decided is at most their number.
    """
    t = scenario.epoch.end_of(day)
    decided = slots(scenario, day) * share(scenario, "master_hearing", *DECIDED)
    came = 0.0
    for stream in scenario.streams:
        assert stream.rate is not None
        steps = [*stream.rate, (t, 0.0)]
        came += sum(
            rate * (min(until, t) - min(since, t)) for (since, rate), (until, _) in itertools.pairwise(steps) if until > since
        )
    begun = {state: sum(b.count for b in scenario.backlog if b.state == state) for state in ("listed", "closed")}
    hazard = scenario.event_timings["recalendar_motion"].hazard
    assert hazard is not None
    back = begun["closed"] * (1 - math.exp(-hazard.leaves()[0] * t))
    return begun["listed"] + came + back - decided, math.sqrt(came + back + decided)


def test_a_judge_completes_as_many_cases_in_a_year_as_in_fiscal_2024(docket: Scenario) -> None:
    """250 days of 34 slots x 0.1184 = 1,006.4 = 704,514 / 700, whatever the slots are used for."""
    (one,) = {
        dates.slots[0] // pool
        for dates, ((_, pool), *_) in zip(docket.hearing_dates["judges"], docket.pools["judges"].sizes, strict=True)
    }
    assert one == 34
    days = int((docket.hearing_dates["judges"][0].days <= (docket.ends - docket.starts).days).sum())
    assert days == 2500
    master, individual = (share(docket, f"{kind}_hearing", *DECIDED) for kind in ("master", "individual"))
    uses = docket.work["individual_hearing"].appointment
    assert uses is not None
    assert individual == pytest.approx(uses.uses * master)
    assert days / 10 * one * master == pytest.approx(704_514 / 700, rel=1e-4)


def test_a_case_has_as_many_hearings_and_changes_of_venue_as_the_sources_say(docket: Scenario) -> None:
    """45.18 million hearings of 12.6 million cases; 484 of 1,785 events that courts counted as completions were changes of venue."""
    set_down = share(docket, "master_hearing", "set_down")
    masters = 1 / (share(docket, "master_hearing", *DECIDED) + set_down)
    individual = masters * set_down / share(docket, "individual_hearing", *DECIDED)
    assert masters + individual == pytest.approx(45.18 / 12.6, rel=0.005)
    moves = masters * share(docket, "master_hearing", "change_of_venue")
    assert moves / (1 + moves) == pytest.approx(484 / 1785, rel=0.005)
    (next_individual,) = {c["backlog"]["listed"]["people"]["individual_next"] for c in docket.plain()["courts"].values()}
    assert next_individual == pytest.approx(individual / (masters + individual), abs=1e-5)


def test_every_text_beside_figures_says_that_a_case_stands_for_twenty_five(docket: Scenario) -> None:
    """In the description, in the notes below the results and beside each published figure."""
    assert "25 cases" in (docket.description or "")
    assert any("multiply their counts by 25" in note for note in docket.about.notes)
    assert all("by 25" in (figure.source or "") for figure in docket.published)


def test_the_published_flows_are_divided_by_twenty_five(docket: Scenario) -> None:
    """Backlog, closed stock, receipts of fiscal 2024 and 2022, motions to reopen, judges of each year."""
    stock = {state: 25 * sum(b.count for b in docket.backlog if b.state == state) for state in ("listed", "closed")}
    assert stock["listed"] == pytest.approx(2_464_021, abs=25)
    assert stock["closed"] == pytest.approx(2_768_875 - 2_464_021, abs=25)
    receipts, reopenings = docket.streams[:5], docket.streams[5:]
    for k, published in ((0, 1_783_915), (-1, 707_527)):
        assert 25 * sum(per_year(docket, *stream.rate[k]) for stream in receipts if stream.rate) == pytest.approx(
            published, abs=50
        )
    assert 25 * sum(per_year(docket, *stream.rate[0]) for stream in reopenings if stream.rate) == pytest.approx(44_655, abs=25)
    days = [dt.date(2023, 10, 1), *(dt.date(year, 10, 1) for year in (2025, 2026, 2027)), dt.date(2028, 11, 1)]
    on_board = [
        25 * sum(size_on(steps, docket.epoch.microseconds(day)) for steps in docket.pools["judges"].sizes) for day in days
    ]
    assert on_board == [700, 725, 750, 775, 800]


def per_year(scenario: Scenario, at: int, rate: float) -> float:
    """Return a rate from an instant on, in cases for each calendar year."""
    return (365 + calendar.isleap(scenario.epoch.date(at).year)) * MICROSECONDS_PER_DAY * rate


def size_on(steps: tuple[tuple[int, int], ...], at: int) -> int:
    """Return the size of a station at an instant."""
    return [size for since, size in steps if since <= at][-1]


def test_the_expected_value_agrees_with_the_published_end_of_fiscal_2024(docket: Scenario) -> None:
    """It is within two percent of 3.6 million, though only the completions were calibrated."""
    assert 25 * expected_pending(docket, dt.date(2024, 9, 30))[0] == pytest.approx(3_600_000, rel=0.02)


def test_pending_grows_with_700_judges_and_falls_with_800(docket: Scenario) -> None:
    """From fiscal 2025 on, arrivals lie between the capacity of 700 judges and that of 800."""
    no_judges_added = load_scenario("docket", [NO_JUDGES_ADDED])
    year = [dt.date(2031, 9, 30), dt.date(2032, 9, 30)]
    assert expected_pending(no_judges_added, year[0])[0] < expected_pending(no_judges_added, year[1])[0]
    assert expected_pending(docket, year[0])[0] > expected_pending(docket, year[1])[0]


def test_three_hundred_judges_more_leave_one_and_six_tenths_of_a_million(docket: Scenario) -> None:
    """The straight line of a thousand judges from October 2025 on, at the end of fiscal 2033."""
    thousand = load_scenario("docket", [sizes((7, 4, 2, 3, 12), (10, 6, 3, 4, 17))])
    assert 25 * expected_pending(thousand, ENDS_OF_YEARS[-1])[0] == pytest.approx(1_640_000, abs=20_000)


def test_pending_of_full_calendars_agrees_with_its_expected_value(small: RunResult) -> None:
    """At the end of both fiscal years, the number lies within 3.9 standard deviations (a false alarm in 1,000)."""
    for day in ENDS_OF_YEARS[:2]:
        expected, deviation = expected_pending(small.scenario, day)
        mean = small.get("pending", at=None if day == small.scenario.ends else day).mean
        assert mean is not None
        assert abs(mean - expected) < 3.9 * deviation, day


def test_nearly_every_slot_of_an_overloaded_court_is_used(small: RunResult) -> None:
    """As `expected_pending` assumes; hearings take four fifths of the time of their slots."""
    assert small.get("slots_used.judges").mean == pytest.approx(1, abs=5e-3)
    assert small.get("utilisation.judges").mean == pytest.approx(0.8, abs=0.02)


def test_transfers_are_a_quarter_of_what_courts_counted_and_no_case_is_lost(small: RunResult) -> None:
    """Four of five changes of venue lead to another of five equal regions; as many cases go as come."""
    moved, came, decided = (small.get(name).mean for name in ("transfers_out", "transfers_in", "decided"))
    assert moved is not None
    assert moved == came
    assert moved / (moved + (decided or 0)) == pytest.approx(0.25, abs=0.05)


def test_the_next_free_date_is_as_far_as_the_slots_of_all_bookings(small: RunResult) -> None:
    """Pending cases x 2.35 slots each, on 34 slots a working day, two days of five not counted: within a tenth."""
    pending, days = small.get("pending").mean, small.get("next_free.judges").mean
    assert pending is not None
    assert days is not None
    assert days == pytest.approx(pending / 5 * 2.35 / 34 * 365.25 / 250, rel=0.15)


def test_the_answer_says_how_far_ahead_the_next_free_date_is_by_year(small: RunResult) -> None:
    """The days at the end of each fiscal year; the report draws them by region."""
    days = [small.get("next_free.judges", at=at).mean for at in (ENDS_OF_YEARS[0], None)]
    expected = f"The next free date of judges is {days[0]:.0f} days ahead on 2024-09-30 and {days[1]:.0f} on 2025-09-30"
    assert expected in [str(statement.text) for statement in answer(small)]
    (figure,) = next_free_figures(contents_of(small))
    assert figure.key == "next-free-judges"
    assert {"all", *small.scenario.courts} == set(small.next_free["judges"].courts)


@pytest.mark.slow
def test_ten_years_in_full_agree_with_the_expected_value_and_enough_judges_free_the_calendars(tmp_path: Path) -> None:
    """With no new judges the next date is free after 500 days. With 1,200 from October 2025, within four weeks."""
    no_judges_added = run(
        load_scenario("docket", [NO_JUDGES_ADDED]),
        replications=1,
        seed=1,
        at=ENDS_OF_YEARS[:-1],
        out=tmp_path / "a",
        keep="measures",
    )
    for day in ENDS_OF_YEARS:
        expected, deviation = expected_pending(no_judges_added.scenario, day)
        mean = no_judges_added.get("pending", at=None if day == ENDS_OF_YEARS[-1] else day).mean
        assert mean is not None
        assert abs(mean - expected) < 3.9 * deviation, day
    many = sizes((7, 4, 2, 3, 12), (12, 8, 3, 5, 20))
    enough = run(load_scenario("docket", [many]), replications=1, seed=1, out=tmp_path / "b", keep="measures")
    late, soon = (result.get("next_free.judges").mean for result in (no_judges_added, enough))
    assert late is not None
    assert late > 500
    assert soon is not None
    assert soon < 28
