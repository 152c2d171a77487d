"""Conditions on the rows of a log that does not say everything: where they surely hold, and where they possibly hold.

A condition has three values: true and false where it is so whatever the log leaves open, else unknown. The values that a
field may have are tried, all combinations of the fields of a condition together, up to `MOST` of them. Beyond that, and for
fields with unlimited values, ``and``, ``or``, ``not`` and ``if`` are read by Kleene's logic.

References
----------
S. C. Kleene, Introduction to Metamathematics, 1952, section 64.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.log import AuditLog, Options, Record
from workflow.model.definition import Value
from workflow.predicates import Expression, Field, names, substitute, vector
from workflow.predicates.tree import And, Conditional, Not, Or

MOST = 256
"""Maximum number of combinations of values that are tried."""

Integers = NDArray[np.int64]

Bounds = tuple[Any, Any]
"""Where a condition surely holds, and where it possibly holds."""


def bounds(log: AuditLog, condition: Expression, rows: Integers | slice, record: Record, cases: Any = None) -> Bounds:
    """Return where a condition surely holds, and where it possibly holds; the same array where the log says everything.

    Parameters
    ----------
    rows : ndarray of int64, or slice from 0
        Rows of `record`.
    record : mapping of str to ndarray or Options
        The state and record fields.
    cases : optional
        The cases of these rows; by default, those of the rows of the log.
    """
    read = names(condition)
    n = rows.stop if isinstance(rows, slice) else len(rows)
    if cases is None and read - record.keys():
        cases = log.case[rows]
    known: dict[str, Any] = {}
    open_: dict[str, Any] = {}
    for name in sorted(read):
        column = record.get(name)
        if isinstance(column, Options):
            open_[name] = column.of[rows]
        elif column is not None:
            known[name] = column[rows]
        elif name not in log.facts:
            open_[name] = np.ones(n, np.int64)
        else:
            known[name] = log.facts[name][0][cases]
            if name in log.lacks:
                open_[name] = log.lacks[name][cases].astype(np.int64)
    missing = {name: m[cases] for name in read - record.keys() if name in log.facts and (m := log.facts[name][1]) is not None}
    if not open_:
        holds = np.broadcast_to(vector(condition, known, missing, n), n)
        return holds, holds
    low, high = np.zeros(n, bool), np.zeros(n, bool)
    for mine in _classes(list(open_.values())):
        options: dict[str, tuple[Value, ...]] = {}
        unlimited = set()
        for name, code in open_.items():
            values = _values(log, record, name, int(code[mine[0]]))
            if values is None:
                unlimited.add(name)
            elif values:
                options[name] = values

        def evaluate(part: Expression, mine: Integers = mine) -> Any:
            return vector(part, {k: v[mine] for k, v in known.items()}, {k: v[mine] for k, v in missing.items()}, len(mine))

        low[mine], high[mine] = _range(condition, options, frozenset(unlimited), evaluate)
    return low, high


def _values(log: AuditLog, record: Record, name: str, code: int) -> tuple[Value, ...] | None:
    """Return the values that a field may have where the log has a code for it; none if it is known, ``None`` if unlimited."""
    column = record.get(name)
    if isinstance(column, Options):
        return column.sets[code]
    return _domain(log.workflow.namespace.fields[name]) if code else ()


def _domain(declared: Field) -> tuple[Value, ...] | None:
    """Return the values of a field; ``None`` if there are too many to try."""
    if declared.kind in ("number", "date"):
        return None
    if declared.kind == "integer":
        low, high = declared.minimum, declared.maximum
        if not isinstance(low, int) or not isinstance(high, int) or high - low >= MOST:
            return None
    return declared.domain()


def _classes(codes: list[Integers]) -> list[Integers]:
    """Return the rows of each class: rows are in one class if all their codes are equal."""
    if not len(codes[0]):
        return []
    index = np.zeros(len(codes[0]), np.int64)
    for code in codes:
        index = np.unique(index * (int(code.max()) + 1) + code, return_inverse=True)[1].astype(np.int64)
    order = np.argsort(index, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(index[order])) + 1)


Read = Callable[[Expression], Bounds]
Evaluate = Callable[[Expression], Any]


def _range(
    condition: Expression, options: Mapping[str, tuple[Value, ...]], unlimited: frozenset[str], evaluate: Evaluate
) -> Bounds:
    read = names(condition)
    mine = {name: values for name, values in options.items() if name in read}
    if math.prod(map(len, mine.values())) > MOST:
        return _by_parts(condition, lambda part: _range(part, options, unlimited, evaluate))
    low: Any = np.True_
    high: Any = np.False_
    for values in itertools.product(*mine.values()):
        try:
            chosen = substitute(condition, dict(zip(mine, values, strict=True))) if mine else condition
        except ValueError:  # a part that is read only where this value is not missing
            continue
        surely, possibly = _three_valued(chosen, unlimited, evaluate)
        low, high = low & surely, high | possibly
    return low, high


def _three_valued(condition: Expression, unlimited: frozenset[str], evaluate: Evaluate) -> Bounds:
    if not names(condition) & unlimited:
        holds = evaluate(condition)
        return holds, holds
    return _by_parts(condition, lambda part: _three_valued(part, unlimited, evaluate))


def _by_parts(condition: Expression, read: Read) -> Bounds:
    match condition:
        case Not(operand=operand):
            low, high = read(operand)
            return np.logical_not(high), np.logical_not(low)
        case And(operands=operands):
            lows, highs = zip(*map(read, operands), strict=True)
            return _all(lows), _all(highs)
        case Or(operands=operands):
            lows, highs = zip(*map(read, operands), strict=True)
            return ~_all([~low for low in lows]), ~_all([~high for high in highs])
        case Conditional(test=test, body=body, orelse=orelse):
            (test_low, test_high), (low, high), (else_low, else_high) = map(read, (test, body, orelse))
            surely = (test_low & low) | (~test_high & else_low) | (low & else_low)
            return surely, (test_high & high) | (~test_low & else_high)
    return np.False_, np.True_


def _all(values: Any) -> Any:
    result: Any = np.True_
    for value in values:
        result = result & value
    return result
