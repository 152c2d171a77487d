"""The families of distributions: one entry each, with its parameters, checks, standard form and description.

To add a family, write its standard form in `simulations.chance.standard_forms` and its entry in `FAMILIES`. Other
continuous families come from `scipy.stats`, with its names and shapes, ``loc`` and ``scale``. `FAMILIES` takes
precedence, as for ``gamma``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np

from simulations.chance.scipy_forms import ScipyForm, scipy_names, scipy_shapes
from simulations.chance.standard_forms import Beta, Gamma, Lognormal, Normal, StandardForm, Triangular, Uniform, Weibull
from workflow.errors import InputError, nearest

# Outside, quantiles are equal as doubles, or overflow.
_CV_LIMITS = (1e-6, 1e3)
_TOO_SLOW = frozenset({"irwinhall", "ksone", "levy_stable", "studentized_range"})

Dimension = Literal["quantity", "plain"]
Parameters = Mapping[str, Any]
Built = tuple[StandardForm, float, float] | list[float]
"""A standard form with its factor and shift, or equally likely values."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a family.

    Attributes
    ----------
    dimension : {"quantity", "plain"}
        "quantity" has the unit of the draws (for example days), "plain" is a bare number.
    check : {"finite", "not negative", "positive", "cv", "list"}
        The values allowed.
    required : bool
    """

    dimension: Dimension
    check: Literal["finite", "not negative", "positive", "cv", "list"] = "finite"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Family:
    """A family of distributions.

    Attributes
    ----------
    name : str
        Key in scenario files.
    parameters : mapping of str to Parameter
    build : callable
        Maps valid parameters to a standard form with factor and shift, or to values.
    description : str
        Appearance and use, for the reference page.
    example : str
        An entry of a scenario file.
    unnamed : bool
        Whether an entry gives the only parameter without its name, as in ``{constant: 90 minutes}``.
    """

    name: str
    parameters: Mapping[str, Parameter]
    build: Callable[[Parameters], Built]
    description: str = ""
    example: str = ""
    unnamed: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in a distribution: its parameter (``None`` for the whole family) and a message."""

    parameter: str | None
    message: str

    def __str__(self) -> str:
        return self.message


_QUANTITY, _POSITIVE = Parameter("quantity"), Parameter("plain", "positive")
_MEAN, _CV = Parameter("quantity", "not negative"), Parameter("plain", "cv")
_OPTIONAL = Parameter("quantity", required=False)


def _by_mean_and_cv(form_with_cv: Callable[[float], StandardForm]) -> Callable[[Parameters], Built]:
    def build(p: Parameters) -> Built:
        return (form_with_cv(p["cv"]), p["mean"], 0.0) if p["mean"] * p["cv"] else [p["mean"]]

    return build


def _between(form: StandardForm, low: float, high: float) -> Built:
    return (form, high - low, low) if high > low else [low]


def _beta(p: Parameters) -> Built:
    low, high = p.get("min", 0.0), p.get("max", 1.0)
    if "mean" in p and high > low:
        mean, sd = (p["mean"] - low) / (high - low), p["sd"] / (high - low)
        size = mean * (1 - mean) / sd**2 - 1
        return _between(Beta(mean * size, (1 - mean) * size), low, high)
    return _between(Beta(p.get("a", 1.0), p.get("b", 1.0)), low, high)


def _triangular(p: Parameters) -> Built:
    low, high = p["min"], p["max"]
    return _between(Triangular((p["mode"] - low) / (high - low) if high > low else 0.0), low, high)


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            "beta",
            {
                "a": Parameter("plain", "positive", required=False),
                "b": Parameter("plain", "positive", required=False),
                "mean": _OPTIONAL,
                "sd": Parameter("quantity", "positive", required=False),
                "min": _OPTIONAL,
                "max": _OPTIONAL,
            },
            _beta,
            "between two bounds, with a shape given by `a` and `b`, or by `mean` and `sd`; from 0 to 1 without `min` and `max`",
            "{beta: {a: 2, b: 3, min: 1 hour, max: 8 hours}}",
        ),
        Family(
            "constant",
            {"value": _QUANTITY},
            lambda p: [p["value"]],
            "always the same value",
            "{constant: 90 minutes}",
            unnamed=True,
        ),
        Family(
            "empirical",
            {"values": Parameter("quantity", "list")},
            lambda p: list(p["values"]),
            "one of the listed values, all equally likely; list a value twice to double its probability",
            "{empirical: [1 hour, 2 hours, 2 hours, 5 hours]}",
            unnamed=True,
        ),
        Family(
            "exponential",
            {"mean": _MEAN},
            lambda p: (Weibull(1.0), p["mean"], 0.0) if p["mean"] else [0.0],
            "many short values, few long ones; memoryless: the remaining time does not depend on the time elapsed",
            "{exponential: {mean: 2 hours}}",
        ),
        Family(
            "gamma",
            {"mean": _MEAN, "cv": _CV},
            _by_mean_and_cv(Gamma),
            "one peak, skewed to the right",
            "{gamma: {mean: 2 hours, cv: 0.5}}",
        ),
        Family(
            "lognormal",
            {"mean": _MEAN, "cv": _CV},
            _by_mean_and_cv(Lognormal),
            "one peak, with a heavier right tail than gamma: the usual choice for desk work",
            "{lognormal: {mean: 2 hours, cv: 0.6}}",
        ),
        Family(
            "normal",
            {"mean": _QUANTITY, "sd": Parameter("quantity", "not negative")},
            lambda p: (Normal(), p["sd"], p["mean"]) if p["sd"] else [p["mean"]],
            "symmetric; for numbers such as an age, not for durations, because it can be negative",
            "{normal: {mean: 35, sd: 12}}",
        ),
        Family(
            "triangular",
            {"min": _QUANTITY, "mode": _QUANTITY, "max": _QUANTITY},
            _triangular,
            "between two bounds, with a most likely value: for expert estimates",
            "{triangular: {min: 1 hour, mode: 90 minutes, max: 4 hours}}",
        ),
        Family(
            "uniform",
            {"min": _QUANTITY, "max": _QUANTITY},
            lambda p: _between(Uniform(), p["min"], p["max"]),
            "between two bounds, all values equally likely",
            "{uniform: {min: 1 hour, max: 3 hours}}",
        ),
        Family(
            "weibull",
            {"mean": _MEAN, "cv": _CV},
            _by_mean_and_cv(Weibull.with_cv),
            "like gamma; with a cv below 1, the end becomes more likely the longer it has lasted",
            "{weibull: {mean: 2 hours, cv: 0.7}}",
        ),
    )
}
"""The families of this project, by name."""


def find_family(name: str) -> Family:
    """Return a family of `FAMILIES`, or a continuous one of `scipy.stats`.

    Raises
    ------
    InputError
        If there is no such family, with the nearest name.

    Examples
    --------
    >>> {name: parameter.dimension for name, parameter in find_family("gamma").parameters.items()}
    {'mean': 'quantity', 'cv': 'plain'}
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if name in scipy_names():
        return _scipy_family(name)
    known = _listed(FAMILIES)
    guess = nearest(name, FAMILIES) or nearest(name, scipy_names())
    raise InputError([f"There is no distribution {name!r}; there are {known}, and the continuous ones of scipy.stats.{guess}"])


def _scipy_family(name: str) -> Family:
    shapes = scipy_shapes(name)

    def build(p: Parameters) -> Built:
        return ScipyForm(name, tuple(float(p[shape]) for shape in shapes)), p.get("scale", 1.0), p.get("loc", 0.0)

    scale = Parameter("quantity", "positive", required=False)
    return Family(name, {**dict.fromkeys(shapes, Parameter("plain")), "loc": _OPTIONAL, "scale": scale}, build)


def mistakes(name: str, parameters: Parameters) -> list[Mistake]:
    """Return all mistakes in a distribution, in the order of its parameters.

    Parameters
    ----------
    name : str
        The family.
    parameters : mapping
        As for `make_distribution`.

    Returns
    -------
    list of Mistake
        Empty if `make_distribution` accepts the parameters.
    """
    try:
        family = find_family(name)
    except InputError as error:
        return [Mistake(None, str(problem)) for problem in error.problems]
    problems = [*_unknown_parameters(family, parameters), *_missing_parameters(family, parameters)]
    for key, value in parameters.items():
        if key in family.parameters:
            problems += _value_mistakes(family, key, value)
    return problems or list(_joint_mistakes(family, parameters))


def _unknown_parameters(family: Family, parameters: Parameters) -> Iterator[Mistake]:
    for key in parameters:
        if key not in family.parameters:
            message = f"{family.name} has no parameter {key!r}; it has {_listed(family.parameters)}."
            yield Mistake(key, message + nearest(key, family.parameters))


def _missing_parameters(family: Family, parameters: Parameters) -> Iterator[Mistake]:
    missing = [key for key, known in family.parameters.items() if known.required and key not in parameters]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        yield Mistake(None, f"{family.name}: {_listed(missing)} {verb} missing.")


def _value_mistakes(family: Family, key: str, value: Any) -> Iterator[Mistake]:
    check = family.parameters[key].check
    if check == "list":
        yield from _list_mistakes(family, key, value)
    elif not _is_finite(value):
        yield Mistake(key, f"{family.name}: {key} is {value!r}, but must be a finite number.")
    elif check == "positive" and value <= 0:
        yield Mistake(key, f"{family.name}: {key} is {value:g}, but must be above 0.")
    elif check in ("not negative", "cv") and value < 0:
        yield Mistake(key, f"{family.name}: {key} is {value:g}, but must be 0 or more.")
    elif check == "cv" and value and not _CV_LIMITS[0] <= value <= _CV_LIMITS[1]:
        low, high = _CV_LIMITS
        yield Mistake(key, f"{family.name}: {key} is {value:g}, but must be 0, or from {low:g} to {high:g}.")


def _list_mistakes(family: Family, key: str, values: Any) -> Iterator[Mistake]:
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, str) or not len(values):
        yield Mistake(key, f"{family.name}: {key} is {values!r}, but must be a list of at least one number.")
        return
    for i, value in enumerate(values):
        if not _is_finite(value):
            yield Mistake(key, f"{family.name}: value {i + 1} is {value!r}, but must be a finite number.")


def _joint_mistakes(family: Family, parameters: Parameters) -> Iterator[Mistake]:
    """Yield mistakes in the combination of values that are valid one by one."""
    if family.name not in FAMILIES:
        yield from _scipy_mistakes(family, parameters)
        return
    low, high = parameters.get("min", 0), parameters.get("max", 1)
    if family.name == "beta" and {"a", "b", "mean", "sd"} & parameters.keys() not in ({"a", "b"}, {"mean", "sd"}):
        yield Mistake(None, "beta: give a and b, or mean and sd.")
    elif "max" in family.parameters and high < low:
        yield Mistake("max", f"{family.name}: max is {high:g}, but must not be below min, {low:g}.")
    elif family.name == "beta" and "mean" in parameters and high > low:
        yield from _beta_mistakes(parameters, low, high)
    elif "mode" in parameters and not low <= parameters["mode"] <= high:
        message = f"mode is {parameters['mode']:g}, but must lie from min, {low:g}, to max, {high:g}."
        yield Mistake("mode", f"{family.name}: {message}")


def _beta_mistakes(parameters: Parameters, low: float, high: float) -> Iterator[Mistake]:
    mean, sd = parameters["mean"], parameters["sd"]
    if not low < mean < high:
        yield Mistake("mean", f"beta: mean is {mean:g}, but must lie between min, {low:g}, and max, {high:g}.")
    elif sd**2 >= (most := (mean - low) * (high - mean)):
        yield Mistake("sd", f"beta: sd is {sd:g}, but must be below {math.sqrt(most):g}, the largest with this mean.")


def _scipy_mistakes(family: Family, parameters: Parameters) -> Iterator[Mistake]:
    if family.name in _TOO_SLOW:
        yield Mistake(None, f"{family.name}: scipy takes minutes to invert it, so it is not offered here.")
        return
    form = family.build(parameters)[0]
    ends = np.array([1e-9, 0.5])
    try:
        with np.errstate(all="ignore"):
            finite = bool(np.isfinite([form.ppf(ends), form.isf(ends)]).all())  # type: ignore[union-attr]
    except ValueError:
        finite = False
    if not finite:
        given = ", ".join(f"{key} = {value:g}" for key, value in parameters.items()) or "no parameters"
        yield Mistake(None, f"{family.name}: there is no such distribution with {given}; see scipy.stats.")


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _listed(names: Any) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else str(last)
