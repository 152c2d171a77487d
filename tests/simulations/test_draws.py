"""Keyed uniforms: the published words of Philox, the same bits one by one and by the million, no dependence."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simulations.chance.draws import (
    Draws,
    SamplePath,
    case_key,
    case_keys,
    choose,
    choose_many,
    philox,
    philox_many,
    purpose_hash,
    uniform,
)
from tests.examples import examples

ONES = 0xFFFFFFFF
# Known answers of the Random123 distribution, file kat_vectors, philox4x32 with 10 rounds.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
# Each statistical test below fails for a right generator with this probability; the seeds are fixed.
FALSE_ALARM = 1e-4

keys_64 = st.integers(0, 2**64 - 1)
numerators = st.integers(0, 2**52 - 1).map(lambda m: 2 * m + 1)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers_in_python(counter, key, words):
    """The scalar generator gives the published words."""
    assert philox(counter, key) == words


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers_in_numpy(counter, key, words):
    """The vectorised generator gives the published words."""
    assert tuple(int(w[0]) for w in philox_many(tuple([c] for c in counter), key)) == words


def test_the_counter_is_laid_out_as_documented():
    """A draw is one block: key from seed and replication, counter of case key, purpose and visit."""
    path = SamplePath(7, 3)
    case = case_key("denver", "backlog", 12)
    a, b, c, d = philox((case & ONES, case >> 32, purpose_hash("activity:review"), 5), path.key)
    expected = (2 * (((a << 32) | b) >> 12) + 1, 2 * (((c << 32) | d) >> 12) + 1)
    assert path.bits(case, "activity:review", 5) == expected


def test_draws_never_change():
    """A stored draw is drawn again: a change would silently change every published result."""
    drawn = SamplePath(1, 0).bits(case_key("denver", "backlog", 0), "activity:review", 0)
    assert drawn == (2214330950944857, 5037303610453567)


def test_scalar_and_numpy_agree_over_random_keys():
    """Two hundred thousand random keys and visits give the same bits in both readings."""
    rng = np.random.default_rng(20111205)
    keys = rng.integers(0, 2**64, 200_000, dtype=np.uint64)
    visits = rng.integers(0, 2**32, len(keys))
    path = SamplePath(987654321, 41)
    lengths, outcomes = path.many(keys, "event:later_crime", visits)
    one_by_one = [path.bits(k, "event:later_crime", v) for k, v in zip(keys.tolist(), visits.tolist(), strict=True)]
    assert one_by_one == list(zip(lengths.tolist(), outcomes.tolist(), strict=True))


@given(keys_64, st.text(max_size=20), st.integers(0, 2**32 - 1), st.integers(), st.integers(0, 10**6))
@settings(max_examples=examples(200), deadline=None)
def test_scalar_and_numpy_agree_for_any_name(key, purpose, visit, seed, replication):
    """Any seed, purpose and visit give the same bits in both readings, and odd numerators in range."""
    path = SamplePath(seed, replication)
    length, outcome = path.bits(key, purpose, visit)
    many = path.many(np.array([key, key], np.uint64), purpose, visit)
    assert [a.tolist() for a in many] == [[length] * 2, [outcome] * 2]
    for numerator in (length, outcome):
        assert numerator % 2 == 1
        assert 0 < numerator < 2**53


def test_no_cases_give_no_draws():
    """An empty list of cases is no special case."""
    lengths, outcomes = SamplePath(0, 0).many(np.empty(0, np.uint64), "people:custody", 0)
    assert len(lengths) == len(outcomes) == 0


def test_case_keys_agree_with_case_key():
    """Keys of many cases are those of each."""
    numbers = np.array([0, 1, 2, 77, 2**31, 2**62])
    assert case_keys("Denver", "arrivals", numbers).tolist() == [case_key("Denver", "arrivals", n) for n in numbers]


def test_case_keys_differ():
    """Court, origin and number each tell cases apart."""
    sets = [case_keys(c, o, np.arange(50_000)) for c in ("denver", "baltimore") for o in ("backlog", "arrivals")]
    assert len(np.unique(np.concatenate(sets))) == 200_000


@pytest.mark.parametrize(
    "other",
    [
        SamplePath(2, 0).many(case_keys("denver", "backlog", np.arange(1000)), "activity:review", 0),
        SamplePath(1, 1).many(case_keys("denver", "backlog", np.arange(1000)), "activity:review", 0),
        SamplePath(1, 0).many(case_keys("denver", "table", np.arange(1000)), "activity:review", 0),
        SamplePath(1, 0).many(case_keys("denver", "backlog", np.arange(1000)), "activity:offer", 0),
        SamplePath(1, 0).many(case_keys("denver", "backlog", np.arange(1000)), "activity:review", 1),
    ],
    ids=["seed", "replication", "origin", "purpose", "visit"],
)
def test_each_part_of_the_key_matters(other):
    """Changing one of seed, replication, case, purpose and visit gives unrelated numbers."""
    here = SamplePath(1, 0).many(case_keys("denver", "backlog", np.arange(1000)), "activity:review", 0)
    for one, two in zip(here, other, strict=True):
        assert not np.any(one == two)
        assert stats.spearmanr(one, two).pvalue > FALSE_ALARM


def test_length_and_outcome_are_unrelated():
    """The two uniforms of one block do not depend on each other."""
    lengths, outcomes = SamplePath(3, 0).many(case_keys("denver", "backlog", np.arange(20_000)), "activity:review", 0)
    assert stats.spearmanr(lengths, outcomes).pvalue > FALSE_ALARM


@pytest.mark.parametrize("part", [0, 1])
def test_uniforms_are_uniform(part):
    """A hundred thousand neighbouring cases pass the Kolmogorov-Smirnov test."""
    drawn = SamplePath(4, 0).many(case_keys("denver", "backlog", np.arange(100_000)), "activity:review", 0)[part]
    assert stats.kstest(drawn * 2.0**-53, "uniform").pvalue > FALSE_ALARM


def test_uniforms_are_uniform_across_visits():
    """So do a hundred thousand visits of one case."""
    keys = np.full(100_000, case_key("denver", "backlog", 1), np.uint64)
    lengths, _ = SamplePath(5, 0).many(keys, "activity:review", np.arange(100_000))
    assert stats.kstest(lengths * 2.0**-53, "uniform").pvalue > FALSE_ALARM


def test_the_interval_is_open():
    """The least and the greatest numerator stay clear of 0 and 1, and mirror each other exactly."""
    assert uniform(1) == 2.0**-53 > 0
    assert uniform(2**53 - 1) == 1 - 2.0**-53 < 1


@given(numerators)
def test_uniform_is_exact(numerator):
    """Turning a numerator into a uniform loses nothing."""
    assert uniform(numerator) * 2**53 == numerator


def test_an_outcome_is_the_first_whose_running_sum_exceeds_u():
    """A uniform equal to a running sum belongs to the next outcome."""
    u = uniform(2**51 + 1)
    assert choose(2**51 + 1, [u, 1.0]) == 1
    assert choose(2**51 - 1, [u, 1.0]) == 0


def test_ties_are_outcomes_of_probability_zero():
    """An outcome that does not increase the cumulative sum is never drawn."""
    chosen = {choose(n, [0.0, 0.5, 0.5, 1.0]) for n in (1, 2**52 - 1, 2**52 + 1, 2**53 - 1)}
    assert chosen == {1, 3}


def test_the_last_outcome_is_not_compared():
    """Running sums that end below 1 leave no gap."""
    assert choose(2**53 - 1, [0.1, 0.9999]) == 1
    assert choose(2**53 - 1, [0.0]) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6).map(sorted), st.lists(numerators, min_size=1, max_size=20))
def test_choosing_for_many_agrees_with_choosing_for_one(cumulative, drawn):
    """One row for all, or a row per case: the outcomes are those of `choose`."""
    drawn += [round(c * 2**53) | 1 for c in cumulative if c < 1]
    one_by_one = [choose(n, cumulative) for n in drawn]
    array = np.array(drawn, np.int64)
    assert choose_many(array, cumulative).tolist() == one_by_one
    assert choose_many(array, np.tile(cumulative, (len(drawn), 1))).tolist() == one_by_one


def test_outcomes_have_their_declared_shares():
    """Shares of 0.31 and 0.69 are met within a two-sided binomial test."""
    _, outcomes = SamplePath(6, 0).many(case_keys("denver", "backlog", np.arange(50_000)), "activity:review", 0)
    favourable = int((choose_many(outcomes, [0.31, 1.0]) == 0).sum())
    assert stats.binomtest(favourable, 50_000, 0.31).pvalue > FALSE_ALARM


def test_a_sample_path_is_frozen_and_compares_by_value():
    """Paths of equal seed and replication are one and the same."""
    path = SamplePath(1, 2)
    assert path == SamplePath(1, 2) != SamplePath(2, 1)
    with pytest.raises(FrozenInstanceError):
        path.seed = 3


def test_an_engine_can_be_fed_any_durations():
    """A test's own source of draws fits the interface."""

    class Median:
        def bits(self, case_key, purpose, visit):
            return 2**52 + 1, 1

        def many(self, case_keys, purpose, visit):
            ones = np.ones(len(case_keys), np.int64)
            return ones * (2**52 + 1), ones

    source: Draws = Median()
    assert uniform(source.bits(0, "activity:review", 0)[0]) == pytest.approx(0.5)


def test_importing_does_not_import_scipy():
    """Neither module loads scipy: a command that draws nothing starts at once."""
    code = "import sys, simulations.chance.draws, simulations.chance.distributions; print('scipy' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
