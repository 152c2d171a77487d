"""Random draws as a pure function of their key; no generator has state.

A uniform is u(root seed, replication, case, purpose, visit), computed by the counter-based generator
Philox4x32-10 [1]_. Its key is a hash of (root seed, replication). Its counter is (case key, low word first; hash of
the purpose; visit). Two scenarios therefore share their draws case by case, a replication can be repeated alone, and
the draws do not depend on the number of workers or on draws that are skipped.

A block of four words gives two uniforms: one for a length (words 1 and 2), one for an outcome (words 3 and 4). A
uniform is stored as its *numerator*, the odd whole number 2m + 1 with a 52-bit m. It represents (2m + 1) / 2**53,
which lies strictly between 0 and 1 and has the same bits in Python, numpy and compiled code.

References
----------
.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw (2011). Parallel random numbers: as easy as
   1, 2, 3. SC '11. doi:10.1145/2063384.2063405
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from simulations.chance.distributions import Distribution

_MASK32 = 0xFFFFFFFF
_MASK64 = 0xFFFFFFFFFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
# splitmix64: its increment, and the two multipliers and three shifts of its finaliser
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
# Up to this number of outcomes, comparing all is faster than a binary search.
_FEW_OUTCOMES = 8
# This number of counters fits into the processor's cache: four times faster than all at once.
_CHUNK = 16_384

Integers = npt.NDArray[np.int64]
Unsigned = npt.NDArray[np.uint64]


class Draws(Protocol):
    """The interface of random draws for an engine; `SamplePath` implements it, and tests supply their own numbers."""

    def bits(self, case_key: int, purpose: str, visit: int) -> tuple[int, int]:
        """Return the numerators of the uniforms of length and outcome."""
        ...

    def many(self, case_keys: Unsigned, purpose: str, visit: int | npt.NDArray[Any]) -> tuple[Integers, Integers]:
        """Return the same for many cases at once."""
        ...

    def pick(self, case_keys: Unsigned, purpose: str, cumulative: Sequence[float], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return one of several values for each of many cases, by the first uniform of the first visit; see `choose`."""
        if len(values) == 1:
            return np.full(len(case_keys), values[0])
        return np.take(values, choose_many(self.many(case_keys, purpose, 0)[0], cumulative))

    def quantiles(self, case_keys: Unsigned, purpose: str, distribution: Distribution) -> npt.NDArray[np.float64]:
        """Return a number from a distribution for each of many cases, by the first uniform of the first visit."""
        return distribution.draw_many(self.many(case_keys, purpose, 0)[0])


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Encrypt one counter with Philox4x32-10.

    Parameters
    ----------
    counter : four int
        Words of 32 bits.
    key : two int
        Words of 32 bits.

    Returns
    -------
    four int
        Random words of 32 bits.

    Examples
    --------
    >>> [f"{word:08x}" for word in philox((0, 0, 0, 0), (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    return _encrypt(*counter, _round_keys(key))


def philox_many(counter: tuple[npt.ArrayLike, ...], key: tuple[int, int]) -> tuple[Unsigned, Unsigned, Unsigned, Unsigned]:
    """Encrypt many counters with Philox4x32-10, bit for bit like `philox`.

    Parameters
    ----------
    counter : four arrays
        Words of 32 bits, broadcast against each other.
    key : two int
        Words of 32 bits.

    Returns
    -------
    four arrays of uint64
        Random words of 32 bits.
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(word, np.uint64) for word in counter))
    m0, m1 = (np.uint64(m) for m in _MULTIPLIERS)
    mask, half = np.uint64(_MASK32), np.uint64(32)
    for k0, k1 in _round_keys(key):
        p0, p1 = c0 * m0, c2 * m1
        c0 = (p1 >> half) ^ c1 ^ np.uint64(k0)
        c2 = (p0 >> half) ^ c3 ^ np.uint64(k1)
        c1, c3 = p1 & mask, p0 & mask
    return c0, c1, c2, c3


@lru_cache(maxsize=4096)
def purpose_hash(purpose: str) -> int:
    """Return the 32-bit hash of a purpose, such as ``activity:review``, for the counter."""
    return _hash(purpose, 4)


def case_key(court: str, origin: str, number: int) -> int:
    """Return the 64-bit key of a case's draws.

    Parameters
    ----------
    court : str
        Name of the court in the scenario.
    origin : str
        ``backlog``, ``arrivals`` or ``table``.
    number : int
        Number of the case within court and origin, from 0.

    Returns
    -------
    int
        In [0, 2**64). Different numbers of the same court and origin have different keys. More cases at one court do
        not change the keys of the others.
    """
    z = (_hash(f"{court}/{origin}", 8) + int(number) * _GOLDEN) & _MASK64
    for shift, multiplier in _MIX:
        z = ((z ^ (z >> shift)) * multiplier) & _MASK64
    return z ^ (z >> _LAST_SHIFT)


def case_keys(court: str, origin: str, numbers: npt.ArrayLike) -> Unsigned:
    """Return the keys of many cases of one court and origin, bit for bit like `case_key`.

    Parameters
    ----------
    court, origin : str
        As for `case_key`.
    numbers : array of int
        Numbers of the cases within court and origin, from 0.

    Returns
    -------
    array of uint64
    """
    number = np.asarray(numbers).astype(np.uint64)
    z: Unsigned = number * np.uint64(_GOLDEN) + np.uint64(_hash(f"{court}/{origin}", 8))
    for shift, multiplier in _MIX:
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(multiplier)
    return z ^ (z >> np.uint64(_LAST_SHIFT))


@dataclass(frozen=True, slots=True)
class SamplePath(Draws):
    """The random draws of one replication.

    Attributes
    ----------
    seed : int
        Root seed of the run.
    replication : int
        Number of the replication, from 0.
    key : two int
        The two 32-bit words of the Philox key.

    Examples
    --------
    >>> path = SamplePath(seed=1, replication=0)
    >>> length, outcome = path.bits(case_key("denver", "backlog", 7), "activity:review", 0)
    >>> 0 < uniform(length) < 1
    True
    """

    seed: int
    replication: int
    key: tuple[int, int] = field(init=False, repr=False, compare=False)
    _keys: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        both = _hash(f"{self.seed}/{self.replication}", 8)
        key = (both & _MASK32, both >> 32)
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "_keys", _round_keys(key))

    def bits(self, case_key: int, purpose: str, visit: int) -> tuple[int, int]:
        """Draw the two uniforms of one case, purpose and visit.

        Parameters
        ----------
        case_key : int
            As given by `case_key`, in [0, 2**64).
        purpose : str
            ``activity:review``, ``event:later_crime``, ``people:custody``, ...
        visit : int
            Number of earlier visits to the activity, or of earlier starts of the clock; in [0, 2**32).

        Returns
        -------
        two int
            Odd numerators in (0, 2**53) of the uniforms of length and outcome.
        """
        a, b, c, d = _encrypt(case_key & 0xFFFFFFFF, case_key >> 32, purpose_hash(purpose), visit, self._keys)
        return (a << 21 | b >> 11) | 1, (c << 21 | d >> 11) | 1

    def many(self, case_keys: Unsigned, purpose: str, visit: int | npt.NDArray[Any]) -> tuple[Integers, Integers]:
        """Draw the two uniforms of many cases, bit for bit like `bits`.

        Parameters
        ----------
        case_keys : array of uint64
            One key per case.
        purpose : str
            As for `bits`.
        visit : int or array of int
            One for all, or one per case.

        Returns
        -------
        two arrays of int64
            Odd numerators in (0, 2**53) of the uniforms of lengths and outcomes.
        """
        keys = np.ascontiguousarray(case_keys, np.uint64)
        visits = np.broadcast_to(np.asarray(visit).astype(np.uint64), keys.shape)
        lengths, outcomes = np.empty(keys.shape, np.int64), np.empty(keys.shape, np.int64)
        name, mask, half = np.uint64(purpose_hash(purpose)), np.uint64(_MASK32), np.uint64(32)
        for i in range(0, len(keys), _CHUNK):
            part = slice(i, i + _CHUNK)
            low, high = keys[part] & mask, keys[part] >> half
            a, b, c, d = philox_many((low, high, name, visits[part]), self.key)
            lengths[part], outcomes[part] = _numerators(a, b), _numerators(c, d)
        return lengths, outcomes


def seed_problems(seed: int) -> list[str]:
    """Return the mistakes in a root seed."""
    return [] if 0 <= seed < 2**63 else [f"seed: must be a whole number from 0 to 2**63 - 1, not {seed}"]


def uniform(numerator: int) -> float:
    """Return the exact uniform of a numerator, in (0, 1)."""
    return numerator * 2.0**-53


def choose(numerator: int, cumulative: Sequence[float]) -> int:
    """Choose an outcome: the first k with u < cumulative[k].

    Parameters
    ----------
    numerator : int
        Numerator of the outcome's uniform.
    cumulative : sequence of float
        Cumulative probabilities, one per outcome, not decreasing. The last is not compared, so a sum of
        0.9999999999999999 leaves no gap.

    Returns
    -------
    int
        Index of the outcome. An outcome of probability zero is never chosen, except the last one if rounding left a
        gap before it.

    Examples
    --------
    >>> half = 2**52 + 1
    >>> choose(half, [0.25, 0.5, 1.0]), choose(half, [0.25, 0.75, 1.0])
    (2, 1)
    """
    u = numerator * 2.0**-53
    last = len(cumulative) - 1
    for k in range(last):
        if u < cumulative[k]:
            return k
    return last


def choose_many(numerators: Integers, cumulative: npt.ArrayLike) -> Integers:
    """Choose an outcome for many cases, with the results of `choose`.

    Parameters
    ----------
    numerators : array of int64
        One per case.
    cumulative : array of float
        Cumulative probabilities: one row for all cases, or one row per case.

    Returns
    -------
    array of int64
        Index of each case's outcome.
    """
    sums = np.asarray(cumulative, np.float64)[..., :-1]
    u = np.asarray(numerators) * 2.0**-53
    if sums.ndim == 1 and len(sums) > _FEW_OUTCOMES:
        return np.searchsorted(sums, u, side="right").astype(np.int64)
    chosen = np.zeros(len(u), np.int64)
    for bound in sums.T:  # one for all cases, or a column
        chosen += u >= bound
    return chosen


def _hash(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "little")


def _round_keys(key: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the keys of the ten rounds: the key plus a Weyl sequence."""
    return tuple(((key[0] + i * _WEYL[0]) & _MASK32, (key[1] + i * _WEYL[1]) & _MASK32) for i in range(_ROUNDS))


def _encrypt(c0: int, c1: int, c2: int, c3: int, round_keys: tuple[tuple[int, int], ...]) -> tuple[int, int, int, int]:
    # Literals, because CPython reads a constant faster than a global, and the SimPy engine spends much time here.
    for k0, k1 in round_keys:
        p0 = 0xD2511F53 * c0
        p1 = 0xCD9E8D57 * c2
        c0 = (p1 >> 32) ^ c1 ^ k0
        c1 = p1 & 0xFFFFFFFF
        c2 = (p0 >> 32) ^ c3 ^ k1
        c3 = p0 & 0xFFFFFFFF
    return c0, c1, c2, c3


def _numerators(high: Unsigned, low: Unsigned) -> Integers:
    """Join two words of 32 bits, keep the upper 52 of the 64, and append a one."""
    return (high << np.uint64(21) | low >> np.uint64(11) | np.uint64(1)).astype(np.int64)
