"""Staffing, forecasts and their intervals: answers hold on fresh replications, and unknown values are missing."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from simulations import forecast, load_scenario, run, staff
from simulations.chance.draws import SamplePath
from simulations.cli import app
from simulations.engines.simpy_engine import simulate
from simulations.planning.condition import Condition, Period, parse_condition
from simulations.planning.intervals import quantile_interval, share_interval
from simulations.planning.staff_search import Goal, Point, Search
from simulations.running.options import ReplicationOptions
from simulations.running.replicating import replicate, until
from simulations.scenarios.plan import make_plan
from tests.simulations.desk import DESK, TINY
from workflow.errors import InputError

DAY = dt.date(2024, 1, 31)
TWO_POOLS_WORKFLOW = """\
workflow: two
entry: {states: [reading]}
activities: {read: {}, sign: {}}
states: {reading: {activity: read}, signing: {activity: sign}, done: {final: true}}
transitions:
  - {transition: pass_on, from: reading, to: signing}
  - {transition: finish, from: signing, to: done}
"""
TWO_POOLS = """\
scenario: two
workflow: two.workflow.yaml
starts: 2024-01-01
ends: 2024-01-20
courts: {east: {backlog: {reading: 60}}}
pools: {clerks: {at: court, size: 1}, signers: {at: court, size: 1}}
activities: {read: {pool: clerks, takes: 2 minutes}, sign: {pool: signers, takes: {exponential: {mean: 14 hours}}}}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small scenario and its workflow; the measure `served` is the day on which the queue is empty."""
    folder = tmp_path_factory.mktemp("tiny")
    measure = "measures:\n  - {measure: served, emptied: queue}\n"
    (folder / "desk.yaml").write_text(DESK + measure, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return folder / "tiny.yaml"


def test_a_course_has_the_measures_of_a_run(tiny: Path, tmp_path: Path) -> None:
    """It has the dates and daily pending of a run folder, and the same values up to an earlier end."""
    whole = replicate(load_scenario(tiny), [1, 2], ReplicationOptions(seed=3), "west")
    cut = replicate(until(load_scenario(tiny), DAY), [1, 2], ReplicationOptions(seed=3), "west")
    result = run(tiny, replications=2, seed=3, out=tmp_path / "r")
    mean = result.get("served", "west").mean
    assert sum(c.dates["served"] or 0 for c in whole) / 2 == mean
    assert sum(c.pending[30] for c in whole) / 2 == result.get("pending", "west", DAY).mean
    assert [c.pending[:31] for c in whole] == [c.pending for c in cut]


def test_staff_finds_a_size_that_fresh_replications_confirm(tiny: Path) -> None:
    """With another seed, the answer meets the goal and the next smaller size does not."""
    alike = "activities.serve.takes.lognormal.cv=0.1"
    staffing = staff(load_scenario(tiny, [alike]), "clerks", court="west", finish_by=dt.date(2024, 1, 2), confidence=0.7)
    assert staffing.decided
    assert staffing.answer.low >= 0.7
    assert staffing.less is not None
    assert staffing.less.high < 0.7
    assert [p.size for p in staffing.curve if p.confirmed] == [staffing.less.size, staffing.answer.size]
    assert (staffing.not_in_order, staffing.compared > 0) == (0, True)
    for size, met in ((staffing.answer.size, True), (staffing.less.size, False)):
        fresh = replicate(
            until(load_scenario(tiny, [f"pools.clerks.size={{east: 2, west: {size}}}", alike]), dt.date(2024, 1, 2)),
            range(1, 21), ReplicationOptions(seed=99), "west",
        )  # fmt: skip
        assert (sum(c.dates["served"] is not None for c in fresh) / 20 >= 0.7) is met


def test_replications_that_a_larger_pool_missed_and_a_smaller_one_met_are_counted(tiny: Path) -> None:
    """The count covers replications that were run with two sizes or more."""
    goal = Goal(dt.date(2024, 1, 2), "served")
    search = Search(load_scenario(tiny), "clerks", "west", False, goal, 0.9, ReplicationOptions(replications=10), None)
    search.met = {3: {1: True, 2: False}, 1: {1: True, 2: True, 3: True, 4: False}, 2: {1: True, 2: True, 3: True}}
    assert search.not_in_order() == (1, 3)


def test_a_goal_that_no_size_meets_is_reported_with_the_reason(tiny: Path) -> None:
    """Even with more servers than cases, the work takes longer."""
    with pytest.raises(InputError, match="With more servers than cases, served is 2024-01-02 at the earliest"):
        staff(load_scenario(tiny, ["activities.serve.takes={constant: 30 hours}"]), "clerks", court="west", finish_by=dt.date(2024, 1, 1))  # fmt: skip
    with pytest.raises(InputError, match=r"pending is at least \d+ in \d+ of \d+ replications"):
        staff(tiny, "clerks", scale=True, pending_below=1, at=dt.date(2024, 1, 1))


def test_a_plateau_below_the_goal_is_recognised(tiny: Path) -> None:
    """Ten cases of 9 hours on average are all done within two days in 93 percent of replications, whatever the size."""
    options = {"court": "west", "finish_by": dt.date(2024, 1, 2), "replications": 200, "seed": 4}
    shown: list[Point] = []
    with pytest.raises(InputError) as raised:
        staff(tiny, "clerks", **options, confidence=0.96, progress=shown.append)  # type: ignore[arg-type]
    largest = [point for point in shown if point.size == 20][-1]  # twice the cases
    message = str(raised.value)
    assert f"The largest size, 20 servers, more than cases, meets it in {largest.hits} of {largest.n} replications" in message
    assert "More servers do not help: what is left depends on processing times and calendars." in message
    assert len(message.splitlines()) == 1
    below = staff(tiny, "clerks", **options, confidence=0.85)  # type: ignore[arg-type]
    assert below.answer.size <= 10


@pytest.mark.parametrize("wanted", [0.5, 0.93, 0.999])
@pytest.mark.parametrize("scale", [False, True])
def test_a_search_ends_within_the_stated_number_of_runs(tiny: Path, wanted: float, scale: bool) -> None:
    """Near a plateau, below it and above it."""
    goal = Goal(dt.date(2024, 1, 2), "served")
    options = ReplicationOptions(replications=30, seed=2)
    search = Search(load_scenario(tiny), "clerks", None if scale else "west", scale, goal, wanted, options, None)
    step = None
    with contextlib.suppress(InputError):  # no size reaches this probability
        step = search.smallest()
    if step is not None:
        assert search.points[step].probability >= wanted
        assert step == 1 or search.points[step - 1].probability < wanted
    elif not scale:
        assert wanted > 0.8
    assert 0 < search.runs <= search.most_runs


def test_what_limits_a_pool_names_the_other_pools(tmp_path: Path) -> None:
    """A second pool that all cases pass is the reason why more servers of the first one do not help."""
    (tmp_path / "two.workflow.yaml").write_text(TWO_POOLS_WORKFLOW, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(TWO_POOLS, encoding="utf-8")
    goal = Goal(dt.date(2024, 1, 10), condition=Condition("pending", "<", 44))
    options = ReplicationOptions(replications=40)
    search = Search(load_scenario(tmp_path / "two.yaml"), "clerks", "east", False, goal, 0.9, options, None)
    assert search._describe_limits() == "processing times, calendars and the other pools (signers busy 100% of its shifts)"


def test_staff_shows_progress_without_a_terminal(tiny: Path) -> None:
    """A line for each size on standard error, and none with --quiet."""
    command = ["staff", str(tiny), "--pool", "clerks", "--court", "west", "--finish-by", "2024-01-12", "--replications", "10", "--workers", "1", "--confidence", "0.5"]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert re.search(r"^  search, size \d+: the goal is met in \d+ of \d+ replications$", result.stderr, re.MULTILINE)
    assert re.search(r"^  confirmation, size \d+: ", result.stderr, re.MULTILINE)
    assert re.search(r"\d+ replications were run, all sizes together; a search runs at most [\d,]+\.", result.stdout)
    assert CliRunner().invoke(app, [*command, "--quiet"]).stderr == ""


def test_staff_by_a_common_factor_brings_pending_down(tiny: Path) -> None:
    """The curve is sorted by size and contains the answer."""
    staffing = staff(tiny, "clerks", scale=True, pending_below=25, at=dt.date(2024, 1, 12), confidence=0.5, replications=10)
    assert staffing.answer.factor is not None
    assert staffing.answer in staffing.curve
    assert [p.size for p in staffing.curve] == sorted(p.size for p in staffing.curve)
    assert staffing.answer.probability >= 0.5


def test_a_forecast_has_a_date_and_a_prediction_interval(tiny: Path) -> None:
    """The prediction interval contains the median and the mean. There is no mean if some replications never reach the condition."""
    forecasted = forecast(tiny, "pending < 10", replications=20, seed=3)
    assert forecasted.reached == 1.0
    assert forecasted.low is not None
    assert forecasted.prediction_low is not None
    assert forecasted.low <= forecasted.date <= forecasted.high
    assert forecasted.prediction_low <= forecasted.median <= forecasted.prediction_high
    assert forecasted.prediction_method == "t"  # 20 replications are fewer than 39
    never = forecast(tiny, "pending < 0", replications=5)
    assert (never.reached, never.date, never.median, never.prediction_method) == (0.0, None, None, None)
    assert never.reached_high == pytest.approx(1 - 0.025 ** (1 / 5))
    assert forecast(tiny, "served", court="west", replications=2).date is not None


def test_a_forecast_has_a_closure_curve_and_age_bands(tiny: Path) -> None:
    """The age bands add up to pending, and the remaining share falls from day to day."""
    forecasted = forecast(tiny, "pending < 10", replications=4, seed=3)
    ends = [band for band in forecasted.pending_by_age if band.when == "end"]
    measured = replicate(load_scenario(tiny), range(1, 5), ReplicationOptions(seed=3))
    assert sum(band.mean or 0 for band in ends) == pytest.approx(sum(c.pending[-1] for c in measured) / 4)
    assert sum(band.mean or 0 for band in forecasted.pending_by_age if band.when == "reached") < 10
    shares = [point.mean for point in forecasted.time_to_closure]
    assert shares == sorted(shares, reverse=True)
    assert [point.days for point in forecasted.time_to_closure] == list(range(1, 47))  # the days of the run
    assert all(p.prediction_low <= p.mean <= p.prediction_high for p in forecasted.time_to_closure)  # type: ignore[operator]
    never = forecast(tiny, "pending < 0", replications=1)
    assert {band.mean for band in never.pending_by_age if band.when == "reached"} == {None}
    assert never.time_to_closure[0].low is None


def test_a_forecast_says_how_many_cases_never_left_and_how_many_are_at_risk(tiny: Path, tmp_path: Path) -> None:
    """Both are counted from the run's log; the shelf is off the docket, so a case leaves when it is first stored or done."""
    prediction = forecast(tiny, "pending < 10", replications=3, seed=3)
    run(tiny, replications=3, seed=3, out=tmp_path / "r")
    left = f"(select replication, case_id, min(happened_at) as at from '{tmp_path}/r/events/*.parquet' where to_state <> 'queue' and cause <> 'horizon' group by all) l"
    count, never, at_risk = duckdb.sql(
        f"""select count(*) / 3, count(*) filter (l.at is null) / 3,
            count(*) filter (coalesce(l.at, timestamp '2024-02-16') - greatest(arrived_at, timestamp '2024-01-01') >= interval 2 days) / 3
        from '{tmp_path}/r/cases/*.parquet' left join {left} using (replication, case_id)
        where arrived_at <= timestamp '2024-02-16'"""
    ).fetchall()[0]
    assert (prediction.cases, sum(prediction.never_left) / 3) == pytest.approx((count, never))
    assert prediction.time_to_closure[1].at_risk == pytest.approx(at_risk)
    printed = (
        CliRunner()
        .invoke(app, ["forecast", str(tiny), "--when", "pending < 10", "--replications", "3", "--seed", "3", "--workers", "1"])
        .stdout
    )
    assert re.search(
        r"^[\d.]+ of [\d,]+ cases on average had not left the docket by the end of the run \(\d+%\)\.$", printed, re.MULTILINE
    )
    assert "no 95% confidence interval: needs 6 replications or more" in printed
    assert "It is computed from Student's t, because order statistics need at least 39 replications." in " ".join(printed.split())


def test_a_forecast_says_whether_the_condition_holds_from_the_start_and_still_at_the_end(tiny: Path) -> None:
    """Counted from the daily series; a queue that is short at the start and long at the end meets its goal on the first day."""
    series = run(tiny, replications=3, seed=3, measures=["pending"], keep="measures", out=tiny.parent / "s").pending.values[:, -1]
    for limit in (int(series[0].min()), int(series[-1].max()) + 1, int(series.max()) + 1):
        sign = ">" if limit <= series[0].min() else "<"
        held = series > limit if sign == ">" else series < limit
        prediction = forecast(tiny, f"pending {sign} {limit}", replications=3, seed=3)
        assert prediction.from_start == held[0].sum()
        assert prediction.lapsed == (held.any(axis=0) & ~held[-1]).sum()
        assert {"from_start", "lapsed"} <= prediction.json().keys()
    command = [
        "forecast",
        str(tiny),
        "--when",
        f"pending > {int(series[-1].max()) + 1}",
        "--replications",
        "3",
        "--seed",
        "3",
        "--workers",
        "1",
    ]
    printed = CliRunner().invoke(app, command).stdout
    assert "The condition holds already at the end of the first day in 3 of 3." in printed
    assert "It no longer holds at the end of the run in 3 of the 3 that reached it." in printed


def test_both_commands_print_the_documented_keys(tiny: Path) -> None:
    """Without --json, the commands print sentences."""
    staffed = ("staff", str(tiny), "--pool", "clerks", "--court", "west", "--finish-by", "2024-01-12", "--replications", "10", "--workers", "1", "--confidence", "0.5")  # fmt: skip
    foreseen = ("forecast", str(tiny), "--when", "pending < 10", "--replications", "3", "--workers", "1")
    for arguments, keys in (
        (staffed, {"size", "probability", "low", "high", "curve"}),
        (foreseen, {"date", "low", "high", "prediction_low", "prediction_high", "prediction_method", "reached"}),
    ):
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.stderr
        assert keys <= set(json.loads(result.stdout))
    assert "the probability is at least" in " ".join(CliRunner().invoke(app, staffed).stdout.split())
    assert "reached  in 3 of 3 by 2024-02-15" in CliRunner().invoke(app, foreseen).stdout


@pytest.mark.parametrize("court", ["all", "east"])
def test_a_condition_reads_any_measure_at_the_end_of_each_day(tiny: Path, court: str) -> None:
    """The queue and the flow over a period are those of the log, counted row by row."""
    scenario = load_scenario(tiny)
    path = SamplePath(3, 1)
    log = simulate(make_plan(scenario, path), path)
    days = [scenario.starts + dt.timedelta(days=k) for k in range(46)]
    rows = [r for r in log.rows() if court in ("all", scenario.courts[log.cases.court[r["case_id"]]])]
    ends = [dt.datetime.combine(day + dt.timedelta(days=1), dt.time()) for day in days]
    waits = [
        (r["enabled_at"], dt.datetime.max if r["cause"] == "horizon" and r["started_at"] is None else r["started_at"] or r["happened_at"])
        for r in rows
        if r["enabled_at"] is not None and r["pool"] is not None
    ]  # fmt: skip
    queue = [sum(since <= end < until for since, until in waits) for end in ends]
    read = Condition("still_waiting.serve", "<", 5).values(log, court, days).tolist()
    assert read == queue
    left = [r["happened_at"] for r in rows if r["from_state"] == "queue" and r["to_state"] in ("done", "shelf")]
    expected = [sum(ends[k - 7] < at <= ends[k] for at in left) for k in range(7, 46)]
    assert Condition("disposals", ">", 0, Period(1, "weeks")).values(log, court, days[7:]).tolist() == expected
    first = Condition("still_waiting.serve", "<", 5).read(log, court)
    assert first == (next(k for k, n in enumerate(queue) if n < 5), queue[-1] < 5)


def test_a_ratio_over_a_period_has_no_value_before_a_whole_period(tiny: Path) -> None:
    """The clearance rate over two weeks is disposals over inflow of these two weeks."""
    scenario = load_scenario(tiny)
    path = SamplePath(3, 1)
    log = simulate(make_plan(scenario, path), path)
    days = [scenario.starts + dt.timedelta(days=k) for k in range(46)]
    rate = Condition("clearance_rate", ">", 1, Period(2, "weeks")).values(log, "all", days)
    inflow, disposals = (Condition(name, ">", 0, Period(14, "days")).values(log, "all", days) for name in ("inflow", "disposals"))
    assert np.isnan(rate[:13]).all()
    assert rate[13:].tolist() == (disposals / inflow)[13:].tolist()
    assert rate[13] == Condition("clearance_rate", ">", 1).values(log, "all", [days[13]])[0]


def test_a_period_of_months_follows_the_calendar() -> None:
    """It is clipped to the last day of a shorter month."""
    day = dt.date(2024, 3, 31)
    assert Period(1, "months").before(day) == dt.date(2024, 2, 29)
    assert Period(12, "months").before(day) == Period(1, "years").before(day) == dt.date(2023, 3, 31)
    assert Period(3, "months").before(dt.date(2024, 1, 15)) == dt.date(2023, 10, 15)


def test_a_condition_is_read_as_it_is_written(tiny: Path) -> None:
    """The period before or after the sign, a percentage of a share, and thousands."""
    scenario = load_scenario(tiny)
    year = Period(12, "months")
    for text, condition in (
        ("still_waiting.serve < 1,000", Condition("still_waiting.serve", "<", 1000)),
        ("clearance_rate over 12 months > 1", Condition("clearance_rate", ">", 1, year)),
        ("clearance_rate >= 98% over 12 months", Condition("clearance_rate", ">=", 0.98, year)),
        ("waiting_time.serve.mean <= 3.5 days", Condition("waiting_time.serve.mean", "<=", 3.5)),
    ):
        assert parse_condition(text, scenario) == condition
    assert str(Condition("clearance_rate", ">", 1, year)) == "clearance_rate over 12 months > 1"


def test_staff_meets_a_waiting_time_and_a_clearance_rate(tiny: Path) -> None:
    """The answer meets the goal in fresh runs of the whole scenario; one clerk less does not."""
    day = dt.date(2024, 2, 10)
    for text in ("waiting_time.serve.mean < 1", "clearance_rate over 14 days > 0.9"):
        staffing = staff(tiny, "clerks", court="east", goal=text, at=day, confidence=0.6, replications=60)
        assert staffing.answer.probability >= 0.6
        assert staffing.less is None or staffing.less.probability < 0.6
        condition = parse_condition(text, load_scenario(tiny))
        met = []
        for k in range(1, 31):
            draws = SamplePath(77, k)
            plan = make_plan(load_scenario(tiny, [f"pools.clerks.size={{east: {staffing.answer.size}, west: 2}}"]), draws)
            met.append(condition.holds(condition.values(simulate(plan, draws), "east", [day])[0]))
        assert sum(met) / 30 >= 0.45


def test_a_forecast_takes_any_measure(tiny: Path) -> None:
    """A queue of one court falls below a number on the day on which the log says so."""
    forecasted = forecast(tiny, "still_waiting.serve < 5", court="east", replications=3, seed=3)
    condition = parse_condition("still_waiting.serve < 5", load_scenario(tiny))
    for k, day in enumerate(forecasted.days, start=1):
        path = SamplePath(3, k)
        assert condition.read(simulate(make_plan(load_scenario(tiny), path), path), "east")[0] == day


def test_the_interval_of_a_forecast_lies_within_the_run(tiny: Path) -> None:
    """With two or three replications, and if the day is close to the end or the start."""
    scenario = load_scenario(tiny)
    for limit in (1, 5, 10, 20, 28):
        for n in (2, 3):
            forecasted = forecast(tiny, f"pending < {limit}", replications=n, seed=limit)
            if forecasted.date is not None:
                assert scenario.starts <= forecasted.low <= forecasted.date <= forecasted.high <= scenario.ends
    never = CliRunner().invoke(app, ["forecast", str(tiny), "--when", "pending < 0", "--replications", "3", "--workers", "1"])
    assert "median   not within the run" in never.stdout
    assert "not within the run in 3 of 3, 100%" in " ".join(never.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("staff", "--pool", "clerk", "--scale", "--finish-by", "2024-01-12"), "Did you mean 'clerks'?"),
        (("staff", "--pool", "clerks", "--finish-by", "2024-01-12"), "give a court or scale"),
        (("staff", "--pool", "clerks", "--scale"), "give either finish_by, a date, or a goal"),
        (("staff", "--pool", "clerks", "--scale", "--pending-below", "3"), "pending_below and at go together"),
        (("staff", "--pool", "clerks", "--scale", "--finish-by", "2025-01-12"), "is not between starts"),
        (("staff", "--pool", "clerks", "--court", "eest", "--finish-by", "2024-01-12"), "there is no such court"),
        (("forecast", "--when", "inflow is 3"), "such as 'pending < 1000'"),
        (("forecast", "--when", "inflow is 3"), "or a measure that is a date: served"),
        (("forecast", "--when", "inflw < 3"), "'inflw' is not a measure. Did you mean 'inflow'?"),
        (("forecast", "--when", "served < 3"), "served is a date; give its name alone"),
        (("forecast", "--when", "pending over 12 months < 3"), "pending is no flow, and no ratio of flows. A period goes with inflow"),
        (("forecast", "--when", "inflow over 12 moons < 3"), "a period is a whole number of days, weeks, months, years"),
        (("forecast", "--when", "inflow < 3%"), "inflow is measured in cases, not in %"),
        (("staff", "--pool", "clerks", "--scale", "--goal", "inflw < 3", "--at", "2024-01-12"), "Did you mean 'inflow'?"),
        (("staff", "--pool", "clerks", "--scale", "--goal", "inflow < 3"), "goal and at go together"),
        (("forecast", "--when", "served", "--court", "eest"), "there is no such court"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported(tiny: Path, arguments: tuple[str, ...], message: str) -> None:
    """The message is on standard error, with exit code 2."""
    command, *rest = arguments
    result = CliRunner().invoke(app, [command, str(tiny), *rest])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_exact_intervals_match_the_textbook() -> None:
    """No hits and all hits have closed forms, and the interval is symmetric in hits and misses."""
    assert share_interval(0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert share_interval(20, 20) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    low, high = share_interval(3, 10)
    assert share_interval(7, 10) == (pytest.approx(1 - high), pytest.approx(1 - low))


@pytest.mark.slow
def test_intervals_reach_their_nominal_coverage() -> None:
    """Over 4,000 experiments, 90 percent intervals cover at least 90 percent minus four standard errors: 88.1 percent."""
    draw = random.Random(7)
    n, experiments, least = 60, 4000, 0.881
    for p in (0.05, 0.5, 0.95):
        ends = [share_interval(sum(draw.random() < p for _ in range(n)), n, 0.9) for _ in range(experiments)]
        covered = sum(low <= p <= high for low, high in ends) / experiments
        print(f"share {p}: {covered:.3f}")
        assert covered >= least
    for share in (0.25, 0.5, 0.75):
        covered = 0
        for _ in range(experiments):
            low, high = quantile_interval([draw.random() ** 3 for _ in range(n)], share, 0.9)
            assert low is not None
            assert high is not None
            covered += low <= share**3 <= high
        print(f"quantile {share}: {covered / experiments:.3f}")
        assert least <= covered / experiments <= 0.97


@pytest.mark.slow
def test_fresh_replications_confirm_the_number_of_reviewers_for_denver() -> None:
    """In a hundred replications with another seed, the answer meets the goal and one reviewer less does not."""
    day = dt.date(2012, 1, 13)
    staffing = staff("pilot", "reviewers", court="denver", finish_by=day, confidence=0.9, workers=2)
    assert staffing.decided
    shares = []
    for size in (staffing.answer.size, staffing.answer.size - 1):
        scenario = until(load_scenario("pilot", [f"pools.reviewers.size.denver={size}"]), day)
        options = ReplicationOptions(seed=2024, engine="compiled", workers=2)
        fresh = replicate(scenario, range(1, 101), options, "denver")
        shares.append(sum(c.dates["review_finished"] is not None for c in fresh) / 100)
    print(staffing.answer, shares)
    assert shares[0] >= 0.9 > shares[1]
