"""The built-in docket over ten years: its capacity by arithmetic, and the pending cases of an overloaded queue."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import math
from pathlib import Path

import pytest

from simulations import RunResult, Scenario, load_scenario, run
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR

NO_JUDGES_ADDED = "pools.judges.size=700"
TENTH = [  # a tenth of the backlog, the arrivals and the judges
    "courts.nation.backlog.docket.count=2464",
    "courts.nation.backlog.closed.count=305",
    "pools.judges.size={2023-10-01: 70}",
    "arrivals.receipts.rate={2023-10-01: 1783.9 per year, 2024-10-01: 707.5 per year}",
    "arrivals.reopenings.rate=44.7 per year",
]
ENDS_OF_YEARS = [dt.date(year, 9, 30) for year in range(2024, 2034)]


@pytest.fixture(scope="module")
def docket() -> Scenario:
    """The scenario as shipped."""
    return load_scenario("docket")


@pytest.fixture(scope="module")
def tenth(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """One replication with a tenth of the cases and judges, and no judges added."""
    out = tmp_path_factory.mktemp("runs") / "docket"
    return run(load_scenario("docket", TENTH), seed=1, out=out, keep="measures")


def hearing(scenario: Scenario) -> tuple[float, float]:
    """Return the mean hours of a hearing, and the probability that it decides the case."""
    work = scenario.work["hearing"]
    (outcome,) = work.outcome.values()
    hours, shares = work.takes.leaves()[0].distribution.mean / MICROSECONDS_PER_HOUR, outcome.leaves()[0]
    return hours, 1 - shares.cumulative[shares.values.index("adjourned")]


def expected_pending(scenario: Scenario, day: dt.date) -> tuple[float, float]:
    """Return the expected number pending at the end of a day, and its standard deviation, while no judge is idle.

    B0 + arrivals + recalendared - decided. Hearings are exponential, so those decided are a Poisson process in the
    judges' working time, as arrivals are one in the calendar's; the variance is the sum of the counts.
    """
    t = scenario.epoch.end_of(day)
    pool = scenario.pools["judges"]
    hours, decides = hearing(scenario)
    sizes = [*pool.sizes[0], (t, 0)]
    worked = sum(
        size * (pool.calendars[0].working_time(min(until, t)) - pool.calendars[0].working_time(min(since, t)))
        for (since, size), (until, _) in itertools.pairwise(sizes)
    )
    decided = worked / MICROSECONDS_PER_HOUR / hours * decides
    came = 0.0
    for stream in scenario.streams:
        assert stream.rate is not None
        steps = [*stream.rate, (t, 0.0)]
        came += sum(rate * (min(until, t) - min(since, t)) for (since, rate), (until, _) in itertools.pairwise(steps))
    begun = {b.state: b.count for b in scenario.backlog}
    hazard = scenario.event_timings["recalendar_motion"].hazard
    assert hazard is not None
    back = begun["closed"] * (1 - math.exp(-hazard.leaves()[0] * t))
    return begun["docket"] + came + back - decided, math.sqrt(came + back + decided)


def test_a_judge_completes_as_many_cases_in_a_year_as_in_fiscal_2024(docket: Scenario) -> None:
    """2,125 hours a year / 58.65 hours for 100 hearings x 10/36 x 100 = 1,006.4 = 704,514 / 700."""
    worked = docket.pools["judges"].calendars[0].working_time(docket.horizon) / MICROSECONDS_PER_HOUR
    assert worked == 2500 * 8.5
    hours, decides = hearing(docket)
    assert decides == pytest.approx(10 / 36)
    assert worked / 10 / hours * decides * 100 == pytest.approx(704_514 / 700, rel=1e-4)


def test_every_text_beside_figures_says_that_a_case_stands_for_a_hundred(docket: Scenario) -> None:
    """In the description, in the notes below the results and beside each published figure."""
    assert "100 cases" in (docket.description or "")
    assert any("multiply counts of cases by 100" in note for note in docket.about.notes)
    assert all("in hundreds" in (figure.source or "") for figure in docket.published)


def test_the_published_flows_are_in_hundreds(docket: Scenario) -> None:
    """Backlog, closed stock, receipts of fiscal 2024 and 2022, motions to reopen."""
    assert [100 * b.count for b in docket.backlog] == [
        pytest.approx(2_464_021, abs=50),
        pytest.approx(2_768_875 - 2_464_021, abs=50),
    ]
    receipts, reopenings = docket.streams
    assert receipts.rate is not None
    assert reopenings.rate is not None
    per_year = [round(100 * _year(docket, at) * rate, -2) for at, rate in receipts.rate]
    assert [number for number, _ in itertools.groupby(per_year)] == [1_783_900, 707_500]
    assert 100 * _year(docket, 0) * reopenings.rate[0][1] == pytest.approx(44_655, abs=50)


def _year(docket: Scenario, at: int) -> int:
    """Return the length of the calendar year of an instant, in microseconds."""
    return (365 + calendar.isleap(docket.epoch.date(at).year)) * MICROSECONDS_PER_DAY


def test_the_expected_value_agrees_with_the_published_end_of_fiscal_2024(docket: Scenario) -> None:
    """It is within two percent of 3.6 million, though only the completions were calibrated."""
    assert 100 * expected_pending(docket, dt.date(2024, 9, 30))[0] == pytest.approx(3_600_000, rel=0.02)


def test_pending_grows_with_700_judges_and_falls_with_800(docket: Scenario) -> None:
    """From fiscal 2025 on, arrivals lie between the capacity of 700 judges and that of 800."""
    no_judges_added = load_scenario("docket", [NO_JUDGES_ADDED])
    year = [dt.date(2031, 9, 30), dt.date(2032, 9, 30)]
    assert expected_pending(no_judges_added, year[0])[0] < expected_pending(no_judges_added, year[1])[0]
    assert expected_pending(docket, year[0])[0] > expected_pending(docket, year[1])[0]


def test_a_change_replaces_sizes_by_date_with_one_size(docket: Scenario) -> None:
    """The result is that of one date. Sizes by date also replace a single size."""
    dated = load_scenario("docket", ["pools.judges.size={2023-10-01: 700}"])
    assert load_scenario("docket", [NO_JUDGES_ADDED]).pools["judges"].sizes == dated.pools["judges"].sizes == (((0, 700),),)
    assert docket.pools["judges"].sizes != dated.pools["judges"].sizes


def test_pending_of_the_overloaded_queue_agrees_with_its_expected_value(tenth: RunResult) -> None:
    """At the end of each fiscal year, the mean lies within 3.9 standard errors (a false alarm in 1,000)."""
    assert tenth.scenario.pools["judges"].sizes[0] == ((0, 70),)
    for day in ENDS_OF_YEARS:
        expected, deviation = expected_pending(tenth.scenario, day)
        mean = tenth.get("pending", at=day).mean
        assert mean is not None
        assert abs(mean - expected) < 3.9 * deviation / math.sqrt(len(tenth.replications)), day


def test_judges_of_an_overloaded_court_are_never_idle(tenth: RunResult) -> None:
    """All judges work from the first morning on, as `expected_pending` assumes."""
    assert tenth.get("utilisation.judges").mean == pytest.approx(1, abs=1e-9)


@pytest.mark.slow
def test_ten_years_in_full_agree_with_the_expected_value_and_enough_judges_end_the_waiting(tmp_path: Path) -> None:
    """Without new judges, two million still wait at the end. With 1,200 judges from October 2025, almost nobody does."""
    no_judges_added = run(load_scenario("docket", [NO_JUDGES_ADDED]), replications=2, seed=1, out=tmp_path / "a", keep="measures")
    for day in ENDS_OF_YEARS:
        expected, deviation = expected_pending(no_judges_added.scenario, day)
        mean = no_judges_added.get("pending", at=day).mean
        assert mean is not None
        assert abs(mean - expected) < 3.9 * deviation / math.sqrt(2), day
    many = "pools.judges.size={2023-10-01: 700, 2025-10-01: 1200}"
    enough = run(load_scenario("docket", [many]), seed=1, out=tmp_path / "b", keep="measures")
    assert enough.get("still_waiting.hearing").mean < 1000
    assert no_judges_added.get("still_waiting.hearing").mean > 20_000
