"""Distributions: accurate tables, equal scalar and vector draws, and clear messages about mistakes."""

import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simulations.chance.distributions import make_distribution
from simulations.chance.families import FAMILIES, find_family, mistakes
from simulations.chance.inverse_tables import InverseTable, StepTable, compile_table
from simulations.chance.standard_forms import Lognormal, Weibull
from workflow.errors import InputError

TWO53 = 2**53


def lognormal(mean, cv):
    """Return scipy's lognormal distribution with this mean and cv."""
    sigma = math.sqrt(math.log1p(cv * cv))
    return stats.lognorm(sigma, scale=mean * math.exp(-sigma * sigma / 2))


def weibull(mean, shape):
    """Return scipy's Weibull distribution with this mean and shape."""
    return stats.weibull_min(shape, scale=mean / math.gamma(1 + 1 / shape))


def weibull_cv(shape):
    """Return the coefficient of variation of a Weibull distribution."""
    return math.sqrt(math.gamma(1 + 2 / shape) / math.gamma(1 + 1 / shape) ** 2 - 1)


# Family, parameters, the same distribution in scipy.stats, and the error in u that is allowed.
CASES = [
    ("lognormal", {"mean": 38, "cv": 0.8}, lognormal(38, 0.8), 1e-9),
    ("lognormal", {"mean": 1, "cv": 3}, lognormal(1, 3), 1e-9),
    ("lognormal", {"mean": 5, "cv": 1e-5}, lognormal(5, 1e-5), 1e-9),
    ("gamma", {"mean": 45, "cv": 0.5}, stats.gamma(4, scale=45 / 4), 1e-9),
    ("gamma", {"mean": 45, "cv": 2}, stats.gamma(0.25, scale=180), 1e-9),
    ("gamma", {"mean": 2, "cv": 0.01}, stats.gamma(1e4, scale=2e-4), 1e-9),
    ("gamma", {"mean": 2, "cv": 0.0009}, stats.gamma(0.0009**-2, scale=2 * 0.0009**2), 1e-8),
    ("weibull", {"mean": 10, "cv": weibull_cv(0.7)}, weibull(10, 0.7), 1e-9),
    ("weibull", {"mean": 10, "cv": weibull_cv(2.5)}, weibull(10, 2.5), 1e-9),
    ("exponential", {"mean": 90}, stats.expon(scale=90), 1e-9),
    ("uniform", {"min": 2, "max": 5}, stats.uniform(2, 3), 1e-9),
    ("triangular", {"min": 1, "mode": 2, "max": 5}, stats.triang(0.25, 1, 4), 1e-9),
    ("triangular", {"min": 0, "mode": 0.3, "max": 1}, stats.triang(0.3), 1e-9),
    ("triangular", {"min": 0, "mode": 10, "max": 10}, stats.triang(1, 0, 10), 1e-9),
    ("normal", {"mean": -3, "sd": 2}, stats.norm(-3, 2), 1e-9),
    ("beta", {"a": 2, "b": 5}, stats.beta(2, 5), 1e-9),
    ("beta", {"a": 2, "b": 3, "min": 10, "max": 30}, stats.beta(2, 3, 10, 20), 1e-9),
    ("beta", {"a": 0.5, "b": 0.5}, stats.beta(0.5, 0.5), 3e-8),
    ("invgauss", {"mu": 1, "scale": 30}, stats.invgauss(1, scale=30), 1e-9),
    ("genpareto", {"c": 0.3, "loc": 2}, stats.genpareto(0.3, 2), 1e-9),
    ("burr12", {"c": 2, "d": 1.2, "scale": 7}, stats.burr12(2, 1.2, scale=7), 1e-9),
    ("pareto", {"b": 1.5}, stats.pareto(1.5), 1e-9),
    ("expon", {"scale": 3}, stats.expon(scale=3), 1e-9),
    ("exponnorm", {"K": 1.5, "loc": 5}, stats.exponnorm(1.5, 5), 1e-8),
]
NAMES = [f"{name}-{'-'.join(f'{v:.3g}' for v in parameters.values())}" for name, parameters, _, _ in CASES]
each_distribution = pytest.mark.parametrize(("name", "parameters", "exact", "allowed"), CASES, ids=NAMES)


def numerators(n, seed=1):
    """Half uniform, half with tails: every octave of both sides alike, and the outermost numerators."""
    rng = np.random.default_rng(seed)
    plain = rng.integers(0, 2**52, n // 2) * 2 + 1
    tails = np.exp2(rng.uniform(0, 52, n // 2)).astype(np.int64) | 1
    tails = np.where(rng.random(len(tails)) < 0.5, tails, TWO53 - tails)
    edges = [1, 3, 5, 31, 33, TWO53 - 1, TWO53 - 3, 2**52 - 1, 2**52 + 1, 2**51 - 1, 2**51 + 1]
    return np.concatenate([plain, tails, edges])


@each_distribution
def test_table_is_close_to_the_distribution(name, parameters, exact, allowed):
    """The probability of each quantile, by scipy, is the uniform within the stated error, in both tails."""
    drawn = numerators(20_000)
    x = make_distribution(name, parameters).draw_many(drawn)
    lower = drawn < 2**52
    error = np.empty(len(x))
    error[lower] = exact.cdf(x[lower]) - drawn[lower] / TWO53
    error[~lower] = exact.sf(x[~lower]) - (TWO53 - drawn[~lower]) / TWO53
    assert np.abs(error).max() < allowed


@pytest.mark.parametrize("index", [0, 3, 7, 9, 14, 18])
def test_extreme_quantiles_are_accurate(index):
    """At the least and the greatest uniform the length itself is right to six digits."""
    name, parameters, exact, _ = CASES[index]
    made = make_distribution(name, parameters)
    u = np.array([2.0**-53, 3 * 2.0**-53, 1e-12])
    ends = np.array([1, 3, round(1e-12 * TWO53) | 1])
    np.testing.assert_allclose(made.draw_many(ends), exact.ppf(ends / TWO53), rtol=1e-6)
    np.testing.assert_allclose(made.draw_many(TWO53 - ends), exact.isf(ends / TWO53), rtol=1e-6)
    assert np.all(np.abs(u - ends / TWO53) < 1e-15)


@each_distribution
def test_scalar_and_numpy_agree(name, parameters, exact, allowed):
    """A hundred thousand draws have the same bits one by one and in one call."""
    made = make_distribution(name, parameters)
    drawn = numerators(100_000, seed=2)
    together = made.draw_many(drawn)
    one_by_one = np.array([made.draw(n) for n in drawn.tolist()])
    assert np.array_equal(one_by_one.view(np.int64), together.view(np.int64))


@each_distribution
def test_mean_variance_and_support(name, parameters, exact, allowed):
    """Mean, variance and support equal those of scipy."""
    made = make_distribution(name, parameters)
    assert made.mean == pytest.approx(exact.mean(), rel=1e-9)
    assert made.variance == pytest.approx(exact.var(), rel=1e-6)
    assert made.support == pytest.approx(exact.support())


@each_distribution
def test_cdf(name, parameters, exact, allowed):
    """Probabilities equal those of scipy, inside and outside the support."""
    made = make_distribution(name, parameters)
    low, high = exact.ppf([1e-3, 0.999])
    x = np.linspace(low - 1, high + 1, 101)
    np.testing.assert_allclose(made.cdf(x), exact.cdf(x), atol=6e-9)
    assert np.shape(made.cdf(low)) == ()


@each_distribution
def test_draws_stay_in_the_support_and_rise(name, parameters, exact, allowed):
    """A larger uniform gives no smaller draw, and no draw leaves the support, except for rounding."""
    made = make_distribution(name, parameters)
    x = made.draw_many(np.sort(numerators(50_000, seed=3)))
    slack = 1e-14 * np.maximum(np.abs(x), abs(made.mean))
    assert np.all(np.diff(x) >= -slack[1:])
    low, high = made.support
    assert np.all((x >= low - slack) & (x <= high + slack))


@pytest.mark.parametrize("name", ["lognormal", "gamma", "weibull"])
@pytest.mark.parametrize("cv", [1e-6, 0.003, 0.3, 1, 5, 100, 1000])
def test_lengths_are_never_negative(name, cv):
    """The families of durations give finite draws of 0 or more for every spread."""
    x = make_distribution(name, {"mean": 1, "cv": cv}).draw_many(numerators(20_000))
    assert np.isfinite(x).all()
    assert x.min() >= 0


@pytest.mark.parametrize("name", ["lognormal", "gamma", "weibull"])
def test_sampled_mean_is_the_mean(name):
    """The mean of a stratified sample is the given mean."""
    n = 1 << 18
    strata = (np.arange(n, dtype=np.int64) * (TWO53 // n)) + (TWO53 // (2 * n)) + 1
    x = make_distribution(name, {"mean": 38, "cv": 0.8}).draw_many(strata)
    assert x.mean() == pytest.approx(38, rel=1e-4)
    assert x.std() / x.mean() == pytest.approx(0.8, rel=5e-3)


@given(st.floats(1e-6, 1e3))
@settings(deadline=None)
def test_weibull_exponent_is_solved(cv):
    """The solved shape has the given coefficient of variation."""
    assert math.sqrt(Weibull.with_cv(cv).variance) == pytest.approx(cv, rel=1e-9)


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 3.5])
def test_weibull_exponent_of_known_shapes(shape):
    """The inverse of the solved exponent is the shape."""
    assert 1 / Weibull.with_cv(weibull_cv(shape)).exponent == pytest.approx(shape, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters", "value"),
    [
        ("constant", {"value": 7}, 7.0),
        ("lognormal", {"mean": 4, "cv": 0}, 4.0),
        ("gamma", {"mean": 0, "cv": 1}, 0.0),
        ("weibull", {"mean": 4, "cv": 0.0}, 4.0),
        ("exponential", {"mean": 0}, 0.0),
        ("normal", {"mean": -2, "sd": 0}, -2.0),
        ("uniform", {"min": 3, "max": 3}, 3.0),
        ("triangular", {"min": 3, "mode": 3, "max": 3}, 3.0),
        ("beta", {"a": 1, "b": 2, "min": 3, "max": 3}, 3.0),
        ("empirical", {"values": [5, 5]}, 5.0),
    ],
)
def test_no_spread_is_a_constant(name, parameters, value):
    """A spread or a mean of zero makes a constant."""
    made = make_distribution(name, parameters)
    assert made.constant
    assert {made.draw(1), made.draw(TWO53 - 1), made.mean, *made.support} == {value}
    assert made.variance == 0
    assert made.draw_many(np.array([1, TWO53 - 1])).tolist() == [value, value]
    assert made.cdf([value - 1, value]).tolist() == [0, 1]


def test_empirical_values_are_equally_likely():
    """A draw is value floor(u n) of the sorted values, exactly, also at the borders."""
    made = make_distribution("empirical", {"values": [30, 10, 20]})
    border = TWO53 // 3  # u = border / 2**53 is just below a third
    assert [made.draw(n) for n in (1, border - 1 | 1, border + 2 | 1, TWO53 - 1)] == [10, 10, 20, 30]
    assert made.mean == 20
    assert made.variance == pytest.approx(200 / 3)
    assert made.cdf([9, 10, 25, 30]).tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("n", [1, 2, 7, 1000, 100_003])
def test_empirical_readings_agree_with_exact_arithmetic(n):
    """With many values the product needs more than 64 bits; the index is still exact."""
    table = StepTable(np.arange(n))
    drawn = numerators(20_000)
    exact = [float(k * n // TWO53) for k in drawn.tolist()]
    assert table.read_many(drawn).tolist() == exact
    assert [table.read(k) for k in drawn.tolist()] == exact


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("geninvgauss", {"p": 2.3, "b": 1.5}),  # scipy integrates its density
        ("foldnorm", {"c": 1.95}),  # scipy searches its inverse
        ("skewnorm", {"a": 4}),
    ],
)
def test_scipy_families_without_an_inverse(name, parameters):
    """Where scipy has no formula for the quantile function, all quantiles are solved together."""
    made = make_distribution(name, parameters)
    drawn = numerators(400)[:210]
    exact = getattr(stats, name)(*parameters.values())
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(exact.cdf(made.draw_many(drawn)), drawn / TWO53, atol=2e-9)


def test_courts_share_one_compiled_table():
    """Distributions that differ only in their mean are exact multiples of each other."""
    drawn = numerators(1000)
    one, eight = (make_distribution("gamma", {"mean": m, "cv": 1.1}) for m in (1, 8))
    assert one.standard == eight.standard
    assert np.array_equal(8 * one.draw_many(drawn), eight.draw_many(drawn))


def test_scaling_leaves_the_pointers_of_split_cells():
    """A scaled and shifted table has the same split cells."""
    table = compile_table(Lognormal(3.0))
    moved = table.scaled(2.0, 1.0)
    assert np.isnan(table.cells[:, 3]).any()
    assert np.array_equal(np.isnan(table.cells[:, 3]), np.isnan(moved.cells[:, 3]))
    drawn = numerators(5000)
    np.testing.assert_allclose(moved.read_many(drawn), 1 + 2 * table.read_many(drawn), rtol=1e-14)


def test_compiling_again_gives_the_same_cells():
    """Equal distributions give equal fingerprints, different ones different fingerprints."""
    first, second, other = (compile_table(Lognormal(cv)).fingerprint for cv in (0.8, 0.8, 0.9))
    assert first == second != other
    assert len(first) == 64


def test_fingerprints_follow_the_draws():
    """Mean and spread change the fingerprint; the order of given values does not."""
    prints = [make_distribution("gamma", {"mean": m, "cv": c}).fingerprint for m, c in ((1, 1), (2, 1), (1, 2))]
    assert len(set(prints)) == 3
    ordered, shuffled = (make_distribution("empirical", {"values": v}).fingerprint for v in ([1, 2], [2, 1]))
    assert ordered == shuffled


def test_distributions_compare_by_parameters_and_can_be_pickled():
    """Equal parameters make equal distributions, and a pickled copy draws the same."""
    made = make_distribution("lognormal", {"mean": 3, "cv": 1})
    assert made == make_distribution("lognormal", {"cv": 1.0, "mean": 3.0})
    assert made != make_distribution("lognormal", {"mean": 4, "cv": 1})
    made.draw(1)
    copy = pickle.loads(pickle.dumps(made))
    assert copy == made
    assert copy.draw(12345) == made.draw(12345)
    assert hash(copy) == hash(made)


def test_tables_cannot_be_written_to():
    """A shared table is read only."""
    table = make_distribution("exponential", {"mean": 1}).table
    assert isinstance(table, InverseTable)
    with pytest.raises(ValueError, match="read-only"):
        table.cells[0, 0] = 1


def test_an_inaccurate_table_warns():
    """The warning gives the error of a quantile function that does not match its probabilities."""

    class Sloppy(Lognormal):
        def cdf(self, x):
            return super().cdf(x) * (1 + 1e-4)

    with pytest.warns(UserWarning, match="only within 5e-05 in probability"):
        compile_table(Sloppy(1.0))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_each_family_has_a_description_and_an_example(name):
    """The reference page needs both."""
    family = find_family(name)
    assert family.name == name
    assert family.description
    assert family.example.startswith(f"{{{name}: ")


def test_parameters_of_scipy_families():
    """Shapes are plain and required; loc and scale are optional and have the unit of the draws."""
    parameters = find_family("burr12").parameters
    assert {k: p.dimension for k, p in parameters.items()} == {"c": "plain", "d": "plain", "loc": "quantity", "scale": "quantity"}
    assert [k for k, p in parameters.items() if p.required] == ["c", "d"]
    assert [k for k, p in find_family("expon").parameters.items() if not p.required] == ["loc", "scale"]


MISTAKES = [
    ("lognormal", {"mean": 1, "cv": -1}, ["lognormal: cv is -1, but must be 0 or more."]),
    ("lognormal", {"mean": -2, "cv": -1}, ["lognormal: mean is -2, but must be 0 or more.", "lognormal: cv is -1, but must be 0 or more."]),
    ("gamma", {"mean": 1, "cv": 1e9}, ["gamma: cv is 1e+09, but must be 0, or from 1e-06 to 1000."]),
    ("gamma", {"mean": 1}, ["gamma: cv is missing."]),
    ("triangular", {"min": 1}, ["triangular: mode and max are missing."]),
    ("gamma", {"mean": 1, "cvv": 1}, ["gamma has no parameter 'cvv'; it has mean and cv. Did you mean 'cv'?", "gamma: cv is missing."]),
    ("gamma", {"mean": math.nan, "cv": 1}, ["gamma: mean is nan, but must be a finite number."]),
    ("gamma", {"mean": "1", "cv": True}, ["gamma: mean is '1', but must be a finite number.", "gamma: cv is True, but must be a finite number."]),
    ("uniform", {"min": 2, "max": 1}, ["uniform: max is 1, but must not be below min, 2."]),
    ("triangular", {"min": 2, "mode": 1, "max": 3}, ["triangular: mode is 1, but must lie from min, 2, to max, 3."]),
    ("normal", {"mean": -1, "sd": -1}, ["normal: sd is -1, but must be 0 or more."]),
    ("beta", {"a": 0, "b": 1}, ["beta: a is 0, but must be above 0."]),
    ("beta", {"a": 1, "b": 1, "min": 3}, ["beta: max is 1, but must not be below min, 3."]),
    ("empirical", {"values": []}, ["empirical: values is [], but must be a list of at least one number."]),
    ("empirical", {"values": [1, math.inf]}, ["empirical: value 2 is inf, but must be a finite number."]),
    ("invgauss", {"mu": -1}, ["invgauss: there is no such distribution with mu = -1; see scipy.stats."]),
    ("invgauss", {"mu": 1, "scale": 0}, ["invgauss: scale is 0, but must be above 0."]),
    ("invgauss", {"scale": 1}, ["invgauss: mu is missing."]),
    ("levy_stable", {"alpha": 1, "beta": 0}, ["levy_stable: scipy takes minutes to invert it, so it is not offered here."]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "messages"), MISTAKES)
def test_mistakes_are_named(name, parameters, messages):
    """All mistakes are reported at once, each with the value given and the values allowed."""
    assert [str(m) for m in mistakes(name, parameters)] == messages
    with pytest.raises(InputError) as caught:
        make_distribution(name, parameters)
    assert str(caught.value).splitlines() == messages


@pytest.mark.parametrize(("wrong", "right"), [("lognorml", "lognormal"), ("genparetto", "genpareto")])
def test_unknown_families_get_the_nearest_name(wrong, right):
    """A misspelt family gets the nearest name as a hint, first from this project, then from scipy."""
    (mistake,) = mistakes(wrong, {"mean": 1})
    assert mistake.parameter is None
    assert mistake.message.startswith(f"There is no distribution '{wrong}'")
    assert mistake.message.endswith(f"Did you mean '{right}'?")
    with pytest.raises(InputError):
        find_family(wrong)


def test_mistakes_name_their_parameter():
    """A mistake names its parameter, so a file reader can point at it."""
    assert [m.parameter for m in mistakes("gamma", {"mean": -1, "cvv": 1})] == ["cvv", None, "mean"]


def test_numpy_numbers_are_numbers():
    """Parameters may be numpy numbers."""
    assert make_distribution("gamma", {"mean": np.float32(2), "cv": np.int64(1)}).mean == 2
    assert make_distribution("empirical", {"values": np.array([1, 3])}).mean == 2


def test_equal_distributions_share_their_table() -> None:
    """A sweep has as many scenarios as points, and a table takes 50 kB."""
    one, two, other = (make_distribution("gamma", {"mean": mean, "cv": 0.5}) for mean in (30, 30.0, 31))
    assert one.table is two.table
    assert one.table is not other.table
