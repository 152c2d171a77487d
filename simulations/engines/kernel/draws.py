"""Random draws and distributions, with the same bits as `simulations.chance.draws` and `simulations.chance.inverse_tables`."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import CONSTANT, MONTHS, OF_CASE, TABULATED
from simulations.engines.kernel.compiling import ONE, U64, bits_of, cached, index, inline

_M0, _M1, _W0, _W1 = U64(0xD2511F53), U64(0xCD9E8D57), U64(0x9E3779B9), U64(0xBB67AE85)
_LOW, _S32, _S21, _S11 = U64(0xFFFFFFFF), U64(32), U64(21), U64(11)
_TWO53, _HALF, _SIDE, _BIAS = 1 << 53, 1 << 52, 52 * 32, 1023 << 5
_LOW47, _P47 = (1 << 47) - 1, 2.0**-47


@inline
def _philox(k0, k1, c0, c1, c2, c3):
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _S32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _S32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@inline
def _numerator(high, low):
    """Return the odd numerator of a uniform from two words of 32 bits."""
    return np.int64((high << _S21) | (low >> _S11) | ONE)


@inline
def length_bits(model, case_key, purpose, visit):
    """Return the numerator of the uniform for a length."""
    key = model.key
    a, b, _, _ = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, U64(visit))
    return _numerator(a, b)


@inline
def both_bits(model, case_key, purpose, visit):
    """Return the numerators of the uniforms for a length and for an outcome."""
    key = model.key
    a, b, c, d = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, U64(visit))
    return _numerator(a, b), _numerator(c, d)


@inline
def outcome_bits(model, case_key, purpose, visit):
    """Return the numerator of the uniform for an outcome."""
    key = model.key
    _, _, c, d = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, U64(visit))
    return _numerator(c, d)


@inline
def read_inverse(cells, first, numerator):
    """Evaluate a tabulated inverse distribution function (`simulations.chance.inverse_tables`)."""
    if numerator >= _HALF:
        t = _TWO53 - numerator
        cell = first + _SIDE
    else:
        t = numerator
        cell = first
    bits = bits_of(float(t))
    cell = index(cell + (bits >> 47) - _BIAS)
    s = (bits & _LOW47) * _P47
    d = cells[cell, 3]
    if d != d:
        s = s * 32.0
        fine = np.int64(s)
        s = s - fine
        cell = index(first + np.int64(cells[cell, 0]) + fine)
        d = cells[cell, 3]
    return cells[cell, 0] + s * (cells[cell, 1] + s * (cells[cell, 2] + s * d))


@inline
def length_of(model, i, distribution, numerator, now):
    """Return the length of a distribution at a uniform numerator, in microseconds, for what starts now for a case."""
    entry = model.distributions[index(distribution)]
    if entry.kind == TABULATED:
        x = read_inverse(model.cells, entry.first, numerator)
    elif entry.kind == CONSTANT:
        return entry.value
    elif entry.kind == MONTHS:
        return model.month_lengths[index(entry.first + now // entry.value)]
    elif entry.kind == OF_CASE:
        return model.case_lengths[index(entry.first), i]
    else:
        x = model.steps[entry.first + (((numerator >> 22) * entry.n + (((numerator & 0x3FFFFF) * entry.n) >> 22)) >> 31)]
    return np.int64(min(max(np.rint(x), 0.0), 4611686018427387904.0))


@cached
def draw(key, case_keys, purpose, visits, lengths, outcomes):
    """Draw the two uniform numerators of many cases (`simulations.chance.draws.SamplePath.many`)."""
    for i in range(len(case_keys)):
        a, b, c, d = _philox(key[0], key[1], case_keys[i] & _LOW, case_keys[i] >> _S32, purpose, visits[i])
        lengths[i], outcomes[i] = _numerator(a, b), _numerator(c, d)


@inline
def _first_numerators(key, case_keys, purpose, numerators):
    for i in range(len(case_keys)):
        a, b, _, _ = _philox(key[0], key[1], case_keys[i] & _LOW, case_keys[i] >> _S32, purpose, U64(0))
        numerators[i] = _numerator(a, b)


@cached
def pick(key, case_keys, purpose, bounds, values, numerators, picked):
    """Draw one of several values for each of many cases (`simulations.chance.draws.SamplePath.pick`)."""
    _first_numerators(key, case_keys, purpose, numerators)
    for i in range(len(case_keys)):
        u = numerators[i] * 2.0**-53
        k = 0
        for j in range(len(bounds)):
            k += u >= bounds[j]
        picked[i] = values[k]


@cached
def quantiles(key, case_keys, purpose, cells, numerators, drawn):
    """Draw a number for each of many cases from a tabulated distribution (`simulations.chance.draws.SamplePath.quantiles`)."""
    _first_numerators(key, case_keys, purpose, numerators)
    for i in range(len(case_keys)):
        drawn[i] = read_inverse(cells, 0, numerators[i])
