"""How large can a whole number become? What stays below 2**62 is the same in Python and in 64 bits."""

from __future__ import annotations

from workflow.predicates.functions import readings_of
from workflow.predicates.tree import Arithmetic, Call, Conditional, Constant, Expression, Name, Negate

__all__ = ["LARGEST", "bounds"]

LARGEST = 2**62
_UNBOUNDED = 2**53  # what a whole number without minimum or maximum is held to be within


def bounds(expression: Expression) -> tuple[int, int]:
    """Return the least and the greatest value that an expression over whole numbers can have, or wider ones.

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
            return (
                int(low) if isinstance(low, int) else -_UNBOUNDED,
                int(high) if isinstance(high, int) else _UNBOUNDED,
            )
        case Negate(operand=operand):
            low, high = bounds(operand)
            return -high, -low
        case Conditional(body=body, orelse=orelse):
            return _around(bounds(body), bounds(orelse))
        case Arithmetic(operator=operator, left=left, right=right):
            return _reckoned(operator, bounds(left), bounds(right))
        case Call(function=function, operands=operands):
            return readings_of(function).bounds([bounds(operand) for operand in operands])
    return -_UNBOUNDED, _UNBOUNDED


def _around(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    return min(first[0], second[0]), max(first[1], second[1])


def _reckoned(operator: str, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    if operator == "+":
        return left[0] + right[0], left[1] + right[1]
    if operator == "-":
        return left[0] - right[1], left[1] - right[0]
    products = [a * b for a in left for b in right]
    return min(products), max(products)
