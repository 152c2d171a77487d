"""Bounds of expressions over whole numbers. Within 2**62, Python and 64-bit arrays give the same results."""

from __future__ import annotations

from workflow.predicates.functions import Bounds, readings_of
from workflow.predicates.operators import ARITHMETIC
from workflow.predicates.tree import Arithmetic, Call, Conditional, Constant, Expression, Name, Negate

LARGEST = 2**62
UNBOUNDED = 2**53
"""The bound of a whole number without minimum or maximum."""


def bounds(expression: Expression) -> Bounds:
    """Return bounds of an expression over whole numbers, not always the narrowest.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> visits = Field("visits", "integer", "record", minimum=0, maximum=9)
    >>> bounds(parse("1 - 2 * visits", Namespace({"visits": visits}), "number"))
    (-17, 1)
    """
    match expression:
        case Constant(value=int() as value):
            return value, value
        case Name(field=field):
            low, high = field.minimum, field.maximum
            return low if isinstance(low, int) else -UNBOUNDED, high if isinstance(high, int) else UNBOUNDED
        case Negate(operand=operand):
            low, high = bounds(operand)
            return -high, -low
        case Conditional(body=body, orelse=orelse):
            lows, highs = zip(bounds(body), bounds(orelse), strict=True)
            return min(lows), max(highs)
        case Arithmetic(operator=symbol, left=left, right=right):
            return ARITHMETIC[symbol].bounds(bounds(left), bounds(right))
        case Call(function=function, operands=operands):
            return readings_of(function).bounds([bounds(operand) for operand in operands])
    return -UNBOUNDED, UNBOUNDED
