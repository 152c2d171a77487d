"""Intervals, percentiles, precision and warm-up diagnostics over replications."""

from __future__ import annotations

import datetime as dt
import re
from types import SimpleNamespace

import numpy as np
import pytest

from simulations import load_scenario
from simulations.running.intervals import (
    ORDER_STATISTICS,
    STUDENT_T,
    Prediction,
    fewest_for_order_statistics,
    interval,
    prediction,
    prediction_ends,
)
from simulations.running.precision import Precision
from simulations.running.results import Estimate, Series
from simulations.running.warmup import mser, still_trending, welch
from workflow.errors import InputError, MissingResult


def test_one_replication_has_no_interval() -> None:
    """A single value has no spread."""
    assert interval([3.0]) is None


def test_equal_values_have_an_interval_of_width_zero() -> None:
    """Both ends are the value."""
    assert interval([5.0, 5.0, 5.0]) == (5.0, 5.0)


def test_the_interval_is_students_t_interval() -> None:
    """For 1, 2, 3 the mean is 2, the standard error 1/sqrt(3), and t(0.975; 2) = 4.302653."""
    low, high = interval([1.0, 2.0, 3.0]) or (0.0, 0.0)
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-6)


def test_the_interval_has_its_nominal_coverage() -> None:
    """Of 4,000 intervals from 8 normal values, 90 percent cover, within four standard errors (false alarm 0.006 percent)."""
    values = np.random.default_rng(7).normal(size=(4000, 8))
    covered = sum(low <= 0 <= high for low, high in (interval(row.tolist(), 0.9) or (1.0, 1.0) for row in values))
    assert covered / 4000 == pytest.approx(0.9, abs=0.019)


def test_with_19_replications_the_90_percent_prediction_interval_is_their_range() -> None:
    """A new replication is below all n earlier ones with probability 1/(n + 1), whatever the distribution."""
    values = np.random.default_rng(3).exponential(size=19).tolist()
    assert prediction(values, 0.9) == Prediction(min(values), max(values), ORDER_STATISTICS)
    assert [fewest_for_order_statistics(level) for level in (0.5, 0.8, 0.9, 0.95, 0.99)] == [3, 9, 19, 39, 199]


def test_a_prediction_interval_interpolates_between_order_statistics() -> None:
    """Of 1, ..., 29 and level 90 percent the rank is 30 * 0.05 = 1.5 from below and from above."""
    predicted = prediction([float(k) for k in range(1, 30)], 0.9)
    assert predicted is not None
    assert (predicted.low, predicted.high) == pytest.approx((1.5, 28.5))


def test_with_few_replications_the_prediction_interval_is_students_t() -> None:
    """For 1, 2, 3 it is 2 ± t(0.95; 2) sqrt(1 + 1/3), with t(0.95; 2) = 2.919986; the method says so."""
    predicted = prediction([1.0, 2.0, 3.0], 0.9)
    assert predicted is not None
    half = 2.919986 * (4 / 3) ** 0.5
    assert (predicted.low, predicted.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)
    assert predicted.method == STUDENT_T


def test_one_replication_has_no_prediction_interval() -> None:
    """A single value has no spread, as a number and as a curve."""
    assert prediction([3.0], 0.9) is None
    assert prediction_ends(np.ones((5, 1)), 0.9) is None


def test_a_prediction_interval_respects_the_bounds() -> None:
    """No share lies below 0 or above 1, and no count below 0."""
    predicted = prediction([0.1, 0.9], 0.95, 0.0, 1.0)
    assert predicted == Prediction(0.0, 1.0, STUDENT_T)
    low, high = prediction_ends([[0.0, 5.0], [7.0, 8.0]], 0.5, 0.0) or ([], [])
    assert low == pytest.approx([0.0, 7.5 - (1.5**0.5) * 0.5**0.5])
    assert high[0] > 5.0


def test_a_day_of_the_series_has_intervals_of_at_least_0() -> None:
    """Pending cases are a count."""
    series = Series(np.array(["2024-01-01"], "datetime64[D]"), ("all",), np.array([[[0.0, 1.0, 8.0]]]), 0.95)
    assert series[0].low >= 0
    assert series[0].prediction_low == 0


def test_a_series_names_its_courts() -> None:
    """A wrong name has the nearest; one replication is singular."""
    series = Series(np.array(["2024-01-01"], "datetime64[D]"), ("north", "all"), np.array([[[3.0], [4.0]]]), 0.95)
    assert series.of("north").tolist() == [3.0]
    assert repr(series) == "<Series of pending: 2024-01-01 to 2024-01-01, north, all, 1 replication>"
    message = "'nort' is not a court of the series. Did you mean 'north'? It has north, all."
    with pytest.raises(MissingResult, match=re.escape(message)):
        series.of("nort")


def _estimate(mean: float, low: float, high: float) -> Estimate:
    return Estimate("amenable", "all", None, None, None, "cases", mean, low, high, None, None, 10, 10)


def test_a_relative_precision_is_a_share_of_the_mean() -> None:
    """Two percent of 100 is met by 98.5 to 101.5 and not by 97 to 103."""
    wanted = Precision.parse("amenable=2%", load_scenario("pilot"))
    assert wanted.met([_estimate(100, 98.5, 101.5)])
    assert not wanted.met([_estimate(100, 97, 103)])


def test_an_absolute_precision_is_in_the_measures_unit() -> None:
    """One day for the end of the review, fifty cases for pending."""
    pilot = load_scenario("pilot")
    assert Precision.parse("review_finished=1d", pilot) == Precision("review_finished", 1.0, relative=False)
    assert Precision.parse("pending=50", pilot) == Precision("pending", 50.0, relative=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amenable", "precision amenable: must be measure=width, such as amenable=2% or review_finished=1d"),
        ("amenible=2%", "precision amenible=2%: 'amenible' is not a measure. Did you mean 'amenable'?"),
        ("amenable=0%", "precision amenable=0%: '0%' is not a width above 0, such as 2%, 1d or 50"),
        ("amenable=narrow", "precision amenable=narrow: 'narrow' is not a width above 0, such as 2%, 1d or 50"),
    ],
)
def test_a_malformed_precision_is_an_error_with_an_example(text: str, message: str) -> None:
    """The message has the problem, the value and an example."""
    with pytest.raises(InputError) as raised:
        Precision.parse(text, load_scenario("pilot"))
    assert str(raised.value) == message


def test_mser_discards_the_initial_transient() -> None:
    """It discards a fall from 100 to 0 over 100 days before 400 days of noise, within a few batches."""
    noise = np.random.default_rng(1).normal(scale=3, size=500)
    series = noise + np.maximum(100 - np.arange(500), 0)
    cut = mser(series)
    assert cut is not None
    assert 80 <= cut <= 120


def test_a_run_without_a_steady_state_has_no_warm_up() -> None:
    """A straight line has no steady state."""
    line = np.arange(300.0)
    assert mser(line) is None
    assert welch(line) is None


def test_a_steady_run_needs_no_warm_up() -> None:
    """For a constant, nothing is discarded."""
    assert mser(np.full(100, 7.0)) == 0
    assert welch(np.full(100, 7.0)) == 0


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [([0.0, 0.0, 1.0, 4.0], 0.0, None), ([0.90, 0.99, 0.999, 0.999], 0.0, 1.0), ([0.0, 0.0, 0.0, 9.0], 0.0, None), ([0.0, 1.0], 0.0, 1.0)],
)  # fmt: skip
def test_an_interval_respects_the_bounds(values: list[float], least: float, most: float | None) -> None:
    """It contains the mean. Inside the bounds it is the t interval."""
    plain, bounded = interval(values, 0.95), interval(values, 0.95, least, most)
    assert plain is not None
    assert bounded is not None
    assert plain[0] < least or (most is not None and plain[1] > most)
    assert least <= bounded[0] < sum(values) / len(values) < bounded[1]
    assert most is None or bounded[1] <= most
    assert interval([8.0, 9.0, 10.0], 0.95, 0.0) == interval([8.0, 9.0, 10.0], 0.95)


@pytest.mark.parametrize(("court_days", "courts"), [([100, 101, 100, 99], []), ([100, 120, 140, 160], ["all"])])
def test_a_trend_after_the_warm_up_is_reported(court_days: list[int], courts: list[str]) -> None:
    """If the last third of the days differs from the first by more than 5 percent and beyond the intervals."""
    start = dt.date(2024, 1, 1)
    series = [
        Estimate("pending", "all", None, None, start + dt.timedelta(days=10 * k + day), "cases", float(n), n - 2.0, n + 2.0, None, None, 9, 9)
        for k, n in enumerate(court_days)
        for day in range(10)
    ]  # fmt: skip
    scenario = SimpleNamespace(warm_up=start, courts=())
    result = SimpleNamespace(scenario=scenario, pending=SimpleNamespace(courts=("all",), of_courts=lambda courts: series))
    trends = still_trending(result)  # type: ignore[arg-type]
    assert [trend.court for trend in trends] == courts
    scenario.warm_up = None
    assert still_trending(result) == []  # type: ignore[arg-type]


@pytest.mark.slow
def test_intervals_of_means_have_about_their_nominal_coverage() -> None:
    """Nominal 90 percent, 4,000 experiments each: exact for normal values, better than t intervals for skewed values near 0."""
    draw = np.random.default_rng(11)
    for distribution, mean in (("normal", 50.0), ("exponential", 1.0), ("poisson", 1.0)):
        for n in (5, 10, 30):
            size = (4000, n)
            values = {
                "normal": draw.normal(50, 5, size),
                "exponential": draw.exponential(1, size),
                "poisson": draw.poisson(1, size),
            }[distribution]
            plain, kept = ([interval(row, 0.9, *bounds) for row in values.astype(float).tolist()] for bounds in ((), (0.0,)))
            covered = [sum(low <= mean <= high for low, high in ends if ends) / 4000 for ends in (plain, kept)]  # type: ignore[misc, union-attr]
            print(f"{distribution}, {n} replications: {covered[0]:.3f} by t, {covered[1]:.3f} as given")
            assert covered[1] >= covered[0] - 0.002
            assert covered[1] >= (0.886 if distribution == "normal" else 0.8)


@pytest.mark.slow
def test_prediction_intervals_contain_a_new_replication_as_often_as_they_say() -> None:
    """Nominal 90 percent, 4,000 experiments each, with a fresh replication; by t below 19 replications, else by ranks."""
    draw = np.random.default_rng(20111205)
    for name, sample in (("normal", lambda n: draw.normal(50, 5, n)), ("exponential", lambda n: draw.exponential(1, n))):
        for n in (3, 5, 10, 20, 40):
            inside = 0
            for _ in range(4000):
                predicted = prediction(sample(n).tolist(), 0.9)
                assert predicted is not None
                inside += predicted.low <= float(sample(1)[0]) <= predicted.high
            print(f"{name}, {n} replications: {inside / 4000:.3f} by {predicted.method}")
            assert inside / 4000 >= (0.88 if name == "normal" else 0.84 if n == 3 else 0.87)
            assert name != "normal" or inside / 4000 <= 0.92
