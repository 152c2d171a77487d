"""Which families of distributions are there, what do their parameters mean, and what is wrong with given ones?

The families that courts' data are usually given in have plain parameters (`FAMILIES`: a mean and a coefficient
of variation, mostly); any other continuous family of `scipy.stats` goes by its name there, with its own shapes,
``loc`` and ``scale``. Where both have a name, as for ``gamma``, the plain parameters are meant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Real
from typing import Any, Literal

import numpy as np

from simulations.chance.scipy_laws import ScipyLaw, scipy_stats
from workflow.errors import InputError, nearest

__all__ = ["FAMILIES", "Dimension", "Family", "Mistake", "family", "family_parameters", "mistakes", "scipy_law"]

# Outside, doubles cannot tell the quantiles apart, or overflow.
_CV_LIMITS = (1e-6, 1e3)
_TOO_SLOW = frozenset({"irwinhall", "ksone", "levy_stable", "studentized_range"})

Dimension = Literal["quantity", "plain"]
Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """What may be written about a family.

    Attributes
    ----------
    name : str
    parameters : mapping of str to {"quantity", "plain"}
        "quantity" carries the unit of what is drawn (days, say), "plain" is a bare number.
    required : frozenset of str
        The parameters without which the family is not determined.
    """

    name: str
    parameters: Mapping[str, Dimension]
    required: frozenset[str]

    @property
    def optional(self) -> frozenset[str]:
        """The parameters that may be left out."""
        return frozenset(self.parameters) - self.required


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a distribution: the parameter it is about (``None``: the family), and a sentence."""

    parameter: str | None
    message: str

    def __str__(self) -> str:
        return self.message


_QUANTITY: Dimension = "quantity"
_PLAIN: Dimension = "plain"
_MEAN_CV: dict[str, Dimension] = {"mean": _QUANTITY, "cv": _PLAIN}
_BETA: dict[str, Dimension] = {"a": _PLAIN, "b": _PLAIN, "min": _QUANTITY, "max": _QUANTITY}


def _quantities(*names: str) -> dict[str, Dimension]:
    return dict.fromkeys(names, _QUANTITY)


FAMILIES: Mapping[str, Family] = {
    name: Family(name, parameters, frozenset(parameters) - optional)
    for name, parameters, optional in (
        ("beta", _BETA, {"min", "max"}),
        ("constant", _quantities("value"), set()),
        ("empirical", _quantities("values"), set()),
        ("exponential", _quantities("mean"), set()),
        ("gamma", _MEAN_CV, set()),
        ("lognormal", _MEAN_CV, set()),
        ("normal", _quantities("mean", "sd"), set()),
        ("triangular", _quantities("min", "mode", "max"), set()),
        ("uniform", _quantities("min", "max"), set()),
        ("weibull", _MEAN_CV, set()),
    )
}
"""The families with plain parameters. A beta law lies from ``min`` to ``max``, 0 to 1 of the unit if not given."""


def family(name: str) -> Family:
    """Return what may be written about a family.

    Raises
    ------
    InputError
        If there is none of this name, with the nearest one.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if name in _scipy_names():
        shapes = _scipy_shapes(name)
        units: dict[str, Dimension] = {**dict.fromkeys(shapes, _PLAIN), "loc": _QUANTITY, "scale": _QUANTITY}
        return Family(name, units, frozenset(shapes))
    raise InputError([_unknown(name)])


def family_parameters(name: str) -> Mapping[str, Dimension]:
    """Return a family's parameters, and which of them carry the unit of what is drawn.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`, or a continuous family of `scipy.stats`.

    Returns
    -------
    mapping of str to {"quantity", "plain"}

    Raises
    ------
    InputError
        If there is no such family.

    Examples
    --------
    >>> family_parameters("gamma")
    {'mean': 'quantity', 'cv': 'plain'}
    """
    return family(name).parameters


def scipy_law(name: str, parameters: Parameters) -> ScipyLaw:
    """Return the standard law of a scipy family that has no mistakes; ``loc`` and ``scale`` are left out."""
    return ScipyLaw(name, tuple(float(parameters[shape]) for shape in _scipy_shapes(name)))


def mistakes(name: str, parameters: Parameters) -> list[Mistake]:
    """Return everything that is wrong with a distribution, in the order of its parameters.

    Parameters
    ----------
    name : str
        The family.
    parameters : mapping
        As for `make_distribution`.

    Returns
    -------
    list of Mistake
        Empty if `make_distribution` would make it.
    """
    try:
        known = family(name)
    except InputError as error:
        return [Mistake(None, str(problem)) for problem in error.problems]
    found = [*_unknown_parameters(known, parameters), *_missing_parameters(known, parameters)]
    for key, value in parameters.items():
        if key in known.parameters:
            found += _value_mistakes(known, key, value)
    return found or list(_joint_mistakes(known, parameters))


def _unknown_parameters(known: Family, parameters: Parameters) -> Iterator[Mistake]:
    for key in parameters:
        if key not in known.parameters:
            said = f"{known.name} has no parameter {key!r}; it has {_listed(known.parameters)}."
            yield Mistake(key, said + nearest(key, known.parameters))


def _missing_parameters(known: Family, parameters: Parameters) -> Iterator[Mistake]:
    missing = [key for key in known.parameters if key in known.required and key not in parameters]
    if missing:
        lacks = "is" if len(missing) == 1 else "are"
        yield Mistake(None, f"{known.name}: {_listed(missing)} {lacks} missing.")


def _value_mistakes(known: Family, key: str, value: Any) -> Iterator[Mistake]:
    if key == "values":
        yield from _list_mistakes(known, value)
    elif not _is_finite(value):
        yield Mistake(key, f"{known.name}: {key} is {value!r}, but must be a finite number.")
    elif key in _above_zero(known) and value <= 0:
        yield Mistake(key, f"{known.name}: {key} is {_short(value)}, but must be above 0.")
    elif key in _at_least_zero(known) and value < 0:
        yield Mistake(key, f"{known.name}: {key} is {_short(value)}, but must be 0 or more.")
    elif key == "cv" and known.name in FAMILIES and value and not _CV_LIMITS[0] <= value <= _CV_LIMITS[1]:
        low, high = (_short(limit) for limit in _CV_LIMITS)
        yield Mistake(key, f"{known.name}: cv is {_short(value)}, but must be 0, or from {low} to {high}.")


def _list_mistakes(known: Family, values: Any) -> Iterator[Mistake]:
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, str) or not len(values):
        yield Mistake("values", f"{known.name}: values is {values!r}, but must be a list of at least one number.")
        return
    for i, value in enumerate(values):
        if not _is_finite(value):
            yield Mistake("values", f"{known.name}: value {i + 1} is {value!r}, but must be a finite number.")


def _joint_mistakes(known: Family, parameters: Parameters) -> Iterator[Mistake]:
    """Yield what is wrong with values that are right one by one."""
    if known.name not in FAMILIES:
        yield from _scipy_mistakes(known, parameters)
        return
    bounds = {"min": 0, "max": 1} | dict(parameters)
    low, high = bounds["min"], bounds["max"]
    if "max" in known.parameters and high < low:
        yield Mistake("max", f"{known.name}: max is {_short(high)}, but must not be below min, {_short(low)}.")
    elif "mode" in parameters and not low <= parameters["mode"] <= high:
        mode = _short(parameters["mode"])
        said = f"{known.name}: mode is {mode}, but must lie from min, {_short(low)}, to max, {_short(high)}."
        yield Mistake("mode", said)


def _scipy_mistakes(known: Family, parameters: Parameters) -> Iterator[Mistake]:
    if known.name in _TOO_SLOW:
        yield Mistake(None, f"{known.name}: scipy takes minutes to invert it, so it is not offered here.")
        return
    law = scipy_law(known.name, parameters)
    ends = np.array([1e-9, 0.5])
    try:
        with np.errstate(all="ignore"):
            finite = bool(np.isfinite([law.ppf(ends), law.isf(ends)]).all())
    except ValueError:
        finite = False
    if not finite:
        yield Mistake(
            None, f"{known.name}: there is no such distribution with {_written(parameters)}; see scipy.stats."
        )


def _at_least_zero(known: Family) -> set[str]:
    if known.name not in FAMILIES:
        return set()
    return {"cv", "sd"} if known.name == "normal" else {"cv", "mean"}


def _above_zero(known: Family) -> set[str]:
    return {"a", "b"} if known.name in FAMILIES else {"scale"}


@cache
def _scipy_names() -> frozenset[str]:
    stats = scipy_stats()
    return frozenset(n for n, law in vars(stats).items() if isinstance(law, stats.rv_continuous))


def _scipy_shapes(name: str) -> tuple[str, ...]:
    shapes = getattr(scipy_stats(), name).shapes
    return tuple(shapes.replace(" ", "").split(",")) if shapes else ()


def _unknown(name: str) -> str:
    guess = nearest(name, FAMILIES) or nearest(name, _scipy_names())
    known = _listed(FAMILIES)
    return f"There is no distribution {name!r}; there are {known}, and the continuous ones of scipy.stats.{guess}"


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return math.isfinite(value)


def _short(value: Any) -> str:
    return f"{value:g}"


def _written(parameters: Parameters) -> str:
    return ", ".join(f"{key} = {_short(value)}" for key, value in parameters.items()) or "no parameters"


def _listed(words: Any) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else str(last)
