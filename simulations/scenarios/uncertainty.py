"""What is not known well: values and factors that are drawn once for each replication.

The draw of an entry depends on the seed, the replication and the entry only. So scenarios that are compared share it.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulations.chance.distributions import Distribution
from simulations.chance.draws import Draws, case_key
from simulations.chance.families import FAMILIES
from simulations.chance.scipy_forms import scipy_names
from workflow.files.yaml_tree import Plain

SCALE = "scale "
"""What the name of a factor begins with in the columns of a table; the path of its values follows."""

_CASE = case_key("", "uncertain", 0)
_WHOLE = frozenset({"size", "count", "slots", "needs"})
"""Keys below which numbers count servers or cases."""

_QUANTITY = re.compile(
    r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?:\s*/\s*(?P<over>\d+\.?\d*))?(?P<unit>\s*%.*|\s+.*)?", re.DOTALL
)


@dataclass(frozen=True)
class Input:
    """A value, or a factor, that is not known well.

    Attributes
    ----------
    path : str
        As for ``--set``.
    is_factor : bool
        Whether the values at the path are multiplied by it.
    old : plain value
        What the scenario has at the path.
    unit : str or None
        The unit of a length of time, ``hours`` or ``working days``; ``None`` for a number in the unit of `old`.
    """

    path: str
    is_factor: bool
    old: Plain
    unit: str | None = None

    @property
    def name(self) -> str:
        """Return its name in tables: the path, after ``scale`` for a factor."""
        return f"{SCALE}{self.path}" if self.is_factor else self.path

    def new(self, number: float) -> Plain:
        """Return what a scenario has at the path with this value or factor."""
        if self.is_factor:
            return scaled(self.old, number, self.path.split("."))
        if self.unit is not None:
            return f"{_decimal(number)} {self.unit}"
        return _with_number(self.old, number, self.path.split("."))


@dataclass(frozen=True)
class Uncertain:
    """One input with its distribution.

    Attributes
    ----------
    distribution : Distribution
    low, high : float or None
        Values outside are moved to the nearest bound.
    """

    input: Input
    distribution: Distribution
    low: float | None = None
    high: float | None = None

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return the input."""
        return (self.input,)

    def draw(self, path: Draws) -> dict[str, float]:
        """Return the value of a replication, by the name of the input."""
        return self._values(path.bits(_CASE, f"uncertain:{self.input.name}", 0)[0])

    def at(self, probability: float) -> dict[str, float]:
        """Return the quantile of a probability, by the name of the input."""
        return self._values(int(probability * 2**53) | 1)

    def _values(self, numerator: int) -> dict[str, float]:
        value = float(self.distribution.draw(numerator))
        if self.low is not None:
            value = max(value, self.low)
        return {self.input.name: value if self.high is None else min(value, self.high)}


@dataclass(frozen=True)
class UncertainTable:
    """Inputs whose values are the rows of a table. A replication takes one row, so that joint uncertainty is kept.

    Attributes
    ----------
    name : str
        The name of the file.
    columns : tuple of tuple of float
        The values of each input.
    """

    name: str
    inputs: tuple[Input, ...]
    columns: tuple[tuple[float, ...], ...]

    def draw(self, path: Draws) -> dict[str, float]:
        """Return the row of a replication, by the names of the inputs."""
        numerator = path.bits(_CASE, f"uncertain:{self.name}", 0)[0]
        return self.row(numerator * len(self.columns[0]) >> 53)

    def row(self, k: int) -> dict[str, float]:
        """Return a row."""
        return {input_.name: column[k] for input_, column in zip(self.inputs, self.columns, strict=True)}

    def at(self, probability: float) -> dict[str, float]:
        """Return the quantile of each column by itself."""
        from numpy import quantile

        return {i.name: float(quantile(column, probability)) for i, column in zip(self.inputs, self.columns, strict=True)}


AnyUncertain = Uncertain | UncertainTable


def changes_to(inputs: Sequence[Input], values: Mapping[str, float]) -> dict[str, Plain]:
    """Return the changes of a scenario that give inputs these values, and make it certain."""
    return {**{i.path: i.new(values[i.name]) for i in inputs if i.name in values}, "uncertain": []}


def scaled(old: Plain, factor: float, path: Sequence[str] = ()) -> Plain:
    """Return a value in which every number is multiplied by a factor, but numbers without a unit in a distribution.

    Examples
    --------
    >>> scaled({"gamma": {"mean": "14 days", "cv": 0.5}}, 2.0)
    {'gamma': {'mean': '28.0 days', 'cv': 0.5}}
    >>> scaled({"north": 3, "south": 1}, 1.4, ["pools", "clerks", "size"])
    {'north': 4, 'south': 1}
    """
    if isinstance(old, Mapping):
        family = next(iter(old)) if len(old) == 1 else None
        parameters = old[family] if isinstance(family, str) and (family in FAMILIES or family in scipy_names()) else None
        if isinstance(parameters, Mapping):
            return {family: {key: _parameter(str(family), key, value, factor) for key, value in parameters.items()}}
        if family == "empirical" and isinstance(parameters, list):
            return {family: [scaled(value, factor) for value in parameters]}
        return {key: value if key == "by" else scaled(value, factor, [*path, str(key)]) for key, value in old.items()}
    number = number_in(old)
    return old if number is None else _with_number(old, number * factor, path)


def _parameter(family: str, key: str, value: Plain, factor: float) -> Plain:
    quantities = ["loc", "scale"]
    if family in FAMILIES:
        quantities = [name for name, parameter in FAMILIES[family].parameters.items() if parameter.dimension == "quantity"]
    return scaled(value, factor) if key in quantities else value


def number_in(value: Plain) -> float | None:
    """Return the number of a value such as ``0.5``, ``26/36`` or ``250 per month``; ``None`` if it has none.

    Examples
    --------
    >>> number_in("250 per month"), number_in("1/4"), number_in("16.5% within 3 years"), number_in("rest")
    (250.0, 0.25, 16.5, None)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or (match["over"] and not float(match["over"])):
        return None
    return float(match["number"]) / float(match["over"] or 1)


def _with_number(old: Plain, number: float, path: Sequence[str]) -> Plain:
    """Return a value with another number and the same unit. Numbers of servers and cases are rounded."""
    if isinstance(old, int) and not _WHOLE.isdisjoint(path):
        return round(number)
    match = _QUANTITY.fullmatch(old) if isinstance(old, str) else None
    return f"{_decimal(number)}{match['unit']}" if match is not None and match["unit"] else number


def _decimal(number: float) -> str:
    """Return a number without an exponent, which units do not go with."""
    return format(Decimal(repr(number)), "f")


def medians(inputs: Sequence[AnyUncertain]) -> dict[str, float]:
    """Return the median of each input."""
    values: dict[str, float] = {}
    for each in inputs:
        if isinstance(each, UncertainTable):
            values |= {i.name: statistics.median(column) for i, column in zip(each.inputs, each.columns, strict=True)}
        else:
            values |= each.at(0.5)
    return values


def uncertain_content(inputs: Sequence[AnyUncertain]) -> list[Any]:
    """Return what was read from tables, for the manifest."""
    return [(each.name, [i.name for i in each.inputs], each.columns) for each in inputs if isinstance(each, UncertainTable)]
