"""Statistics of paired differences, against scipy and by what they must say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from simulations.comparing.paired import holm, pair, replications_needed


@pytest.mark.parametrize("n", [2, 5, 30, 400])
def test_interval_and_p_value_are_those_of_scipy(n: int) -> None:
    """The paired t test, its interval, and Pearson's correlation."""
    generator = np.random.default_rng(n)
    base = generator.gamma(2, 3, n)
    other = base + generator.normal(0.3, 1, n)
    paired, expected = pair(base.tolist(), other.tolist(), 0.9), stats.ttest_rel(other, base)
    interval = expected.confidence_interval(0.9)
    assert paired.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (paired.low, paired.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert paired.correlation == pytest.approx(np.corrcoef(base, other)[0, 1], rel=1e-9)
    reduction = (base.var(ddof=1) + other.var(ddof=1)) / (other - base).var(ddof=1)
    assert paired.variance_reduction == pytest.approx(reduction, rel=1e-9)


def test_equal_values_differ_by_exactly_0_and_are_not_tested() -> None:
    """No interval and no p: nothing varies."""
    paired = pair([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], 0.95)
    assert paired.same
    assert not paired.constant
    assert (paired.difference, paired.low, paired.high, paired.p) == (0.0, None, None, None)
    assert paired.variance_reduction is None


def test_a_difference_that_is_the_same_in_every_replication_is_not_tested() -> None:
    """One case more in each of five replications."""
    paired = pair([10.0, 11.0, 13.0, 9.0, 10.0], [11.0, 12.0, 14.0, 10.0, 11.0], 0.95)
    assert paired.constant
    assert (paired.difference, paired.low, paired.high, paired.p) == (1.0, None, None, None)


def test_rounding_does_not_make_a_constant_difference_vary() -> None:
    """0.3 - 0.2 and 0.4 - 0.3 differ in the last digit only; 1e9 and 1e9 + 1e-7 do not differ."""
    assert pair([0.2, 0.3], [0.3, 0.4], 0.95).constant
    assert pair([1e9, 2e9], [1e9 + 1e-7, 2e9], 0.95).same


def test_the_interval_of_a_difference_of_shares_is_within_minus_1_and_1() -> None:
    """The widest difference of two shares is 1."""
    paired = pair([0.0, 0.5], [0.9, 0.6], 0.95, widest=1.0)
    assert paired.low is not None
    assert paired.high is not None
    assert -1 <= paired.low < paired.difference < paired.high <= 1


def test_a_single_replication_has_no_interval() -> None:
    """Its difference is still reported."""
    paired = pair([1.0], [3.0], 0.95)
    assert (paired.difference, paired.low, paired.p, paired.correlation) == (2.0, None, None, None)


def test_holm_is_that_of_the_textbook_and_never_less_strict_than_no_correction() -> None:
    """In order, never falling, never above 1."""
    generator = np.random.default_rng(1)
    for n in (0, 1, 7, 50):
        p = (generator.random(n) ** 3).tolist()
        paired = holm(p)
        order = np.argsort(p)
        by_hand = np.minimum(1, np.maximum.accumulate([(n - k) * p[i] for k, i in enumerate(order)]) if n else [])
        assert [paired[i] for i in order] == pytest.approx(by_hand)
        assert all(a >= b for a, b in zip(paired, p, strict=True))


def test_all_nulls_are_kept_together_as_often_as_promised() -> None:
    """Twenty measures without any difference, 2,000 times: one of them is significant in 5 percent of the comparisons at most.

    False alarm: the count is binomial with p at most 0.05, so above 140 with a probability below 5e-5.
    """
    generator = np.random.default_rng(20111205)
    wrong = 0
    for _ in range(2000):
        differences = generator.normal(0, 1, (20, 10))
        p = stats.ttest_1samp(differences, 0, axis=1).pvalue
        wrong += min(holm(p.tolist())) < 0.05
    assert 50 < wrong < 140


def test_the_stated_number_of_replications_suffices_in_four_of_five_studies() -> None:
    """The power of the stated number is 80 percent if the true difference equals the estimated one.

    False alarm: of 2,000 studies, the count leaves 1,600 +- 80 with a probability below 1e-5.
    """
    paired = pair([0.0, 0.0, 0.0, 0.0], [-0.6, 0.4, 0.6, 1.6], 0.95)
    m = replications_needed(paired, 0.05)
    assert m is not None
    differences = np.random.default_rng(7).normal(paired.difference, paired.spread, (2000, m))
    significant = int((stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05).sum())
    assert abs(significant - 1600) < 80


def test_where_no_difference_is_seen_no_number_is_given() -> None:
    """Nor where a million would not do."""
    assert replications_needed(pair([1.0, 2.0], [2.0, 1.0], 0.95), 0.05) is None
    assert replications_needed(pair([0.0, 0.0, 0.0], [-1e6, 1e6, 1.0], 0.95), 0.05) is None
