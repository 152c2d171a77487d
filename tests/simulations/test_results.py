"""Intervals, bands, precision and warm-up diagnostics: what is said of many replications."""

from __future__ import annotations

import numpy as np
import pytest

from simulations import load_scenario
from simulations.results import Estimate, interval
from simulations.runs import Precision
from simulations.warmup import mser, welch
from workflow.errors import InputError


def test_one_replication_has_no_interval() -> None:
    """A single value says nothing of its own spread."""
    assert interval([3.0]) is None


def test_equal_values_have_an_interval_of_no_width() -> None:
    """What is always the same is known exactly."""
    assert interval([5.0, 5.0, 5.0]) == (5.0, 5.0)


def test_the_interval_is_students() -> None:
    """For 1, 2, 3 the mean is 2, the standard error 1/sqrt(3), and t(0.975; 2) = 4.302653."""
    low, high = interval([1.0, 2.0, 3.0]) or (0.0, 0.0)
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-6)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    """Of 4,000 intervals from 8 normal values, 90 percent cover, within four standard errors (false alarm 0.006 percent)."""
    values = np.random.default_rng(7).normal(size=(4000, 8))
    covered = sum(low <= 0 <= high for low, high in (interval(row.tolist(), 0.9) or (1.0, 1.0) for row in values))
    assert covered / 4000 == pytest.approx(0.9, abs=0.019)


def _estimate(mean: float, low: float, high: float) -> Estimate:
    return Estimate("amenable", "all", None, None, None, "cases", mean, low, high, low, high, None, 10, 10)


def test_a_relative_precision_is_of_the_mean() -> None:
    """Two percent of 100 is met by 98.5 to 101.5 and not by 97 to 103."""
    wanted = Precision.parse("amenable=2%", load_scenario("pilot"))
    assert wanted.met([_estimate(100, 98.5, 101.5)])
    assert not wanted.met([_estimate(100, 97, 103)])


def test_an_absolute_precision_is_in_the_measures_unit() -> None:
    """One day for the end of the review, fifty cases for what is pending."""
    pilot = load_scenario("pilot")
    assert Precision.parse("review_finished=1d", pilot) == Precision("review_finished", 1.0, relative=False)
    assert Precision.parse("pending=50", pilot) == Precision("pending", 50.0, relative=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amenable", "--precision amenable: must be measure=width, such as amenable=2% or review_finished=1d"),
        ("amenible=2%", "--precision amenible=2%: 'amenible' is not a measure. Did you mean 'amenable'?"),
        ("amenable=0%", "--precision amenable=0%: '0%' is not a width above 0, such as 2%, 1d or 50"),
        ("amenable=narrow", "--precision amenable=narrow: 'narrow' is not a width above 0, such as 2%, 1d or 50"),
    ],
)
def test_a_precision_that_cannot_be_read_says_how_to_write_it(text: str, message: str) -> None:
    """What is wrong, the value, and an example."""
    with pytest.raises(InputError) as raised:
        Precision.parse(text, load_scenario("pilot"))
    assert str(raised.value) == message


def test_mser_cuts_off_a_start_that_is_unlike_the_rest() -> None:
    """A hundred days that fall from 100 to 0 before 400 days of noise are left out, give or take a few batches."""
    noise = np.random.default_rng(1).normal(scale=3, size=500)
    series = noise + np.maximum(100 - np.arange(500), 0)
    cut = mser(series)
    assert cut is not None
    assert 80 <= cut <= 120


def test_a_run_that_never_settles_is_told_so() -> None:
    """A straight line has no steady state."""
    line = np.arange(300.0)
    assert mser(line) is None
    assert welch(line) is None


def test_a_run_that_is_settled_from_the_first_day_needs_no_warm_up() -> None:
    """A constant needs nothing cut off."""
    assert mser(np.full(100, 7.0)) == 0
    assert welch(np.full(100, 7.0)) == 0
