"""Tables of quantile functions, which give the same bits in Python, numpy and compiled code.

numpy's vectorised logarithm and exponential differ from those of the C library in the last bit, so a draw never
evaluates a quantile function. Each distribution is compiled once into a table of its inverse, which is evaluated with
additions and multiplications only.

**Layout.** Let t be the odd numerator of u = t / 2**53. A table has two sides of 52 x 32 cells: the lower side for
u < 1/2, and the upper side for u > 1/2, which uses t' = 2**53 - t instead of t. A side has one octave for each binary
exponent of t. An octave has 32 cells, numbered by the next five bits. The bits below them are the fraction s in
[0, 1). A cell holds (a, b, c, d), and the quantile is ``a + s * (b + s * (c + s * d))``, in exactly this order. If d is
NaN, the cell is split: a is the index of the first of 32 finer cells, and s * 32 gives the cell (whole part) and the
new s (fraction).

Octaves keep both tails precise: the quantile of the smallest u, 2**-53, is as accurate as the median. Neighbouring
cells are fitted separately, so the quantile may decrease by a relative rounding error of 1e-15 where they meet.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

OCTAVES = 52
_CELL_BITS = 5
CELLS_PER_OCTAVE = 1 << _CELL_BITS
CELLS_PER_SIDE = OCTAVES * CELLS_PER_OCTAVE
_TWO53 = 1 << 53
_HALF = 1 << 52
_CHUNK = 16_384
# A cell is split above this error in u, so that the largest stays below 1e-9 between the points checked.
_TOLERANCE = 5e-10
# A quantile within this number of spacings of doubles is accepted; no finer cell would improve it.
_SPACINGS = 8.0
# Below this, in the unit of a standard form, doubles lose digits, which does not matter.
_NOTHING = 1e-280
_SUSPICIOUS = 1e-6
# A cubic through s = 0, 1/3, 2/3, 1 errs most near 0.13, 0.5 and 0.87.
_CHECKED = np.array([1 / 8, 1 / 2, 7 / 8])

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Quantiles(Protocol):
    """A continuous distribution; each method maps an array to an array."""

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        ...

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        ...

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        ...

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class InverseTable:
    """The quantile function of a distribution as cubic cells; evaluated with additions and multiplications only.

    Attributes
    ----------
    cells : array of float64, shape (n, 4)
        See the layout above. Read-only.
    """

    cells: Floats
    _rows: list[list[float] | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cells = np.array(self.cells, np.float64, order="C")
        cells.flags.writeable = False
        object.__setattr__(self, "cells", cells)
        object.__setattr__(self, "_rows", [None] * len(cells))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.cells,)

    def read(self, numerator: int) -> float:
        """Return the quantile of one uniform.

        Parameters
        ----------
        numerator : int
            Odd, in (0, 2**53).

        Returns
        -------
        float
            In the unit of the table.
        """
        if numerator < _HALF:
            cell = 0
        else:
            numerator = _TWO53 - numerator
            cell = CELLS_PER_SIDE
        exponent = numerator.bit_length() - 1
        below = exponent - _CELL_BITS
        if below >= 0:
            # numerator >> below is 32 plus the five bits of the cell
            cell += ((exponent - 1) << _CELL_BITS) + (numerator >> below)
            s = (numerator & ((1 << below) - 1)) * 2.0**-below
        else:
            cell += ((exponent - 1) << _CELL_BITS) + (numerator << -below)
            s = 0.0
        a, b, c, d = self._rows[cell] or self._row(cell)
        if d != d:
            s *= CELLS_PER_OCTAVE
            fine = int(s)
            s -= fine
            cell = int(a) + fine
            a, b, c, d = self._rows[cell] or self._row(cell)
        return a + s * (b + s * (c + s * d))

    def read_many(self, numerators: Integers) -> Floats:
        """Return the quantiles of many uniforms, bit for bit like `read`.

        Parameters
        ----------
        numerators : array of int64
            Odd, in (0, 2**53).

        Returns
        -------
        array of float64
            In the unit of the table.
        """
        numerators = np.asarray(numerators, np.int64)
        quantiles = np.empty(len(numerators))
        for i in range(0, len(numerators), _CHUNK):
            quantiles[i : i + _CHUNK] = self._read_chunk(numerators[i : i + _CHUNK])
        return quantiles

    def scaled(self, factor: float, shift: float = 0.0) -> InverseTable:
        """Return the table of ``shift + factor * x``.

        Parameters
        ----------
        factor : float
            At least 0; for example the new mean, if this table has mean 1.
        shift : float
            Added after the multiplication, in the new unit.
        """
        cells = self.cells * factor
        cells[:, 0] += shift
        split = np.isnan(self.cells[:, 3])
        cells[split] = self.cells[split]
        return InverseTable(cells)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the cells, 64 hexadecimal digits: equal tables give equal draws."""
        return sha256(b"cells" + self.cells.astype("<f8").tobytes()).hexdigest()

    def _row(self, cell: int) -> list[float]:
        """Convert a cell to Python floats on first use: a run uses few cells, and a list of all is large."""
        row: list[float] = self.cells[cell].tolist()
        self._rows[cell] = row
        return row

    def _read_chunk(self, numerators: Integers) -> Floats:
        upper = numerators >= _HALF
        t = np.where(upper, _TWO53 - numerators, numerators)
        # A whole number below 2**53 is exact as a double; its bits are the exponent, the cell and the fraction.
        bits = t.astype(np.float64).view(np.int64)
        fraction_bits = 52 - _CELL_BITS
        cell = bits >> fraction_bits
        cell += upper * CELLS_PER_SIDE
        cell -= 1023 << _CELL_BITS
        bits &= (1 << fraction_bits) - 1
        s = bits * 2.0**-fraction_bits
        rows = np.take(self.cells, cell, axis=0)  # much faster than self.cells[cell]
        split = np.flatnonzero(np.isnan(rows[:, 3]))
        if len(split):
            finer = s[split] * CELLS_PER_OCTAVE
            fine = finer.astype(np.int64)
            s[split] = finer - fine
            fine += rows[split, 0].astype(np.int64)
            rows[split] = np.take(self.cells, fine, axis=0)
        quantiles: Floats = rows[:, 0] + s * (rows[:, 1] + s * (rows[:, 2] + s * rows[:, 3]))
        return quantiles


@dataclass(frozen=True, slots=True, eq=False)
class StepTable:
    """The quantile function of n equally likely values: the value with index floor(u * n), exactly.

    Attributes
    ----------
    values : array of float64
        In increasing order, at most 2**31. One value makes a constant. Read-only.
    """

    values: Floats

    def __post_init__(self) -> None:
        values = np.sort(np.array(self.values, np.float64))
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.values,)

    def read(self, numerator: int) -> float:
        """Return the value for one uniform, given its odd numerator in (0, 2**53)."""
        return float(self.values[(numerator * len(self.values)) >> 53])

    def read_many(self, numerators: Integers) -> Floats:
        """Return the values for many uniforms, bit for bit like `read`."""
        numerators = np.asarray(numerators, np.int64)
        n = len(self.values)
        # The product numerator * n may need 84 bits, so it is computed in two parts.
        index = ((numerators >> 22) * n + (((numerators & 0x3FFFFF) * n) >> 22)) >> 31
        values: Floats = self.values[index]
        return values

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the values, 64 hexadecimal digits."""
        return sha256(b"steps" + self.values.astype("<f8").tobytes()).hexdigest()


def compile_table(distribution: Quantiles) -> InverseTable:
    """Compile the quantile function of a continuous distribution into a table.

    Parameters
    ----------
    distribution : Quantiles
        Its `ppf` and `isf` must be finite inside (0, 1).

    Returns
    -------
    InverseTable
        Exact within 1e-9 in u, or within a few spacings of doubles in x where these are coarser (for example 2e-8 in u
        near the upper end of a beta distribution). The cells are the same each time on one machine.

    Raises
    ------
    ValueError
        If a quantile is not finite.

    Warns
    -----
    UserWarning
        If an error above 1e-6 in u remains: the density has jumps, or the library's inverse is not exact.
    """
    with np.errstate(all="ignore"):
        lower, lower_fine, lower_error = _compile_side(distribution.ppf, distribution.cdf, 1.0, 2 * CELLS_PER_SIDE)
        upper, upper_fine, upper_error = _compile_side(
            distribution.isf, distribution.sf, -1.0, 2 * CELLS_PER_SIDE + len(lower_fine)
        )
    error = max(lower_error, upper_error)
    if error > _SUSPICIOUS:
        warnings.warn(f"{distribution}: the table of its inverse is only within {error:.0e} in probability", stacklevel=2)
    return InverseTable(np.concatenate([lower, upper, lower_fine, upper_fine]))


def _compile_side(
    quantile: Callable[[Floats], Floats], probability: Callable[[Floats], Floats], direction: float, first_fine: int
) -> tuple[Floats, Floats, float]:
    """Return the cells of a side, its finer cells, and the largest remaining error in u."""
    octave = np.repeat(np.arange(OCTAVES), CELLS_PER_OCTAVE)
    number = np.tile(np.arange(CELLS_PER_OCTAVE), OCTAVES)
    low = np.ldexp(1 + number / CELLS_PER_OCTAVE, octave - 53)
    width = np.ldexp(1 / CELLS_PER_OCTAVE, octave - 53)
    cells = _fit(quantile, low, width)
    # In a cell narrower than the tolerance, every value between the ends is accurate enough.
    narrow = width < _TOLERANCE
    bent = ~_is_monotone(cells, direction)
    cells[narrow & bent] = _chords(cells[narrow & bent])
    wide = np.flatnonzero(~narrow)
    error = np.zeros(len(cells))
    error[wide] = _error(cells[wide], low[wide], width[wide], quantile, probability)
    split = np.flatnonzero((error > _TOLERANCE) | (bent & ~narrow))
    fine_width = np.repeat(width[split] / CELLS_PER_OCTAVE, CELLS_PER_OCTAVE)
    fine_low = np.repeat(low[split], CELLS_PER_OCTAVE) + fine_width * np.tile(np.arange(CELLS_PER_OCTAVE), len(split))
    fine = _fit(quantile, fine_low, fine_width)
    bent = ~_is_monotone(fine, direction)
    fine[bent] = _chords(fine[bent])
    cells[split] = np.nan
    cells[split, 0] = first_fine + CELLS_PER_OCTAVE * np.arange(len(split))
    left = np.concatenate([np.delete(error, split), _error(fine, fine_low, fine_width, quantile, probability)])
    return cells, fine, float(left.max())


def _fit(quantile: Callable[[Floats], Floats], low: Floats, width: Floats) -> Floats:
    """Return the cubics through s = 0, 1/3, 2/3, 1 of each cell; neighbours share the point between them."""
    if not len(low):
        return np.empty((0, 4))
    inner = (low[:, None] + width[:, None] * (np.arange(3) / 3)).ravel()
    y = _finite(np.append(inner, low[-1] + width[-1]), quantile)
    first, second, third, last = y[:-1:3], y[1::3], y[2::3], y[3::3].copy()
    # Split cells need not be adjacent; a cell without an adjacent next cell has its own end point.
    apart = np.flatnonzero(low[:-1] + width[:-1] != low[1:])
    last[apart] = quantile(low[apart] + width[apart])
    return np.stack(
        [
            first,
            (-11 * first + 18 * second - 9 * third + 2 * last) / 2,
            (18 * first - 45 * second + 36 * third - 9 * last) / 2,
            (-9 * first + 27 * second - 27 * third + 9 * last) / 2,
        ],
        axis=1,
    )


def _finite(u: Floats, quantile: Callable[[Floats], Floats]) -> Floats:
    """Return the quantiles; replace infinite ones at the outer end, below the tolerance, by the next finite one."""
    y = np.array(quantile(u), np.float64)
    lost = np.flatnonzero(~np.isfinite(y))
    if len(lost):
        outermost = lost[-1] + 1
        if u[lost[-1]] >= _TOLERANCE:
            raise ValueError("a quantile is not a finite number")
        y[:outermost] = y[outermost]
    return y


def _at(cells: Floats, s: Floats) -> Floats:
    a, b, c, d = (column[:, None] for column in cells.T)
    values: Floats = a + s * (b + s * (c + s * d))
    return values


def _chords(cells: Floats) -> Floats:
    """Return linear cells with the same ends."""
    chords = np.zeros_like(cells)
    chords[:, 0] = cells[:, 0]
    chords[:, 1] = cells[:, 1] + cells[:, 2] + cells[:, 3]
    return chords


def _is_monotone(cells: Floats, direction: float) -> npt.NDArray[np.bool_]:
    """Return which cells are monotone, so that none leaves the support."""
    b, c, d = (direction * cells[:, 1:]).T
    turn = -c / (3 * d)  # minimum of the slope b + 2cs + 3ds^2
    slope_at_turn = np.where((d > 0) & (turn > 0) & (turn < 1), b + c * turn, b)
    monotone: npt.NDArray[np.bool_] = (b >= 0) & (slope_at_turn >= 0) & (b + 2 * c + 3 * d >= 0)
    return monotone


def _error(
    cells: Floats, low: Floats, width: Floats, quantile: Callable[[Floats], Floats], probability: Callable[[Floats], Floats]
) -> Floats:
    """Return the largest error in u of each cell, 0 if the quantile is as accurate as doubles allow."""
    if not len(cells):
        return np.empty(0)
    x = _at(cells, _CHECKED)
    u = low[:, None] + width[:, None] * _CHECKED
    error: Floats = np.abs(np.asarray(probability(x.ravel())).reshape(x.shape) - u)
    error = np.where(np.isnan(error), 1.0, error)
    suspect = np.flatnonzero(error.max(axis=1) > _TOLERANCE)
    if len(suspect):
        exact = np.asarray(quantile(u[suspect].ravel())).reshape(-1, len(_CHECKED))
        close = np.abs(x[suspect] - exact) <= _SPACINGS * np.spacing(np.maximum(np.abs(exact), _NOTHING))
        error[suspect] = np.where(close, 0.0, error[suspect])
    largest: Floats = error.max(axis=1)
    return largest
