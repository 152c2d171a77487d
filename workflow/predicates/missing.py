"""Find uses of optional fields whose value may be missing.

A value is present after ``x is not None and``, in the right branch of an ``if``, or after ``x is None or``. A
checked predicate never uses a missing value, so no reading needs a third truth value.
"""

from __future__ import annotations

from workflow.predicates.tree import And, Conditional, Expression, IsNone, Name, Not, Or, Unknown

Present = frozenset[str]
"""Names of optional fields that are not missing."""


def unguarded(expression: Expression, optional: Present = frozenset()) -> tuple[Name, ...]:
    """Return the uses of optional fields without a preceding test that the value is present.

    Parameters
    ----------
    optional : frozenset of str
        All optional fields. They count as present after a part with mistakes, to avoid consequential mistakes.
    """
    flow = _Flow(optional)
    flow.follow(expression, frozenset())
    return tuple(flow.unguarded)


def narrow(expression: Expression, present: Present = frozenset()) -> tuple[Present, Present]:
    """Return the optional fields that are present if the expression holds, and if it does not."""
    return _Flow(frozenset()).follow(expression, present)


class _Flow:
    def __init__(self, optional: Present) -> None:
        self.optional = optional
        self.unguarded: list[Name] = []

    def follow(self, expression: Expression, present: Present) -> tuple[Present, Present]:
        """Return the fields that are present if an expression holds, and if it does not."""
        match expression:
            case Name(field=field):
                if field.optional and field.name not in present:
                    self.unguarded.append(expression)
                return present, present
            case IsNone(operand=name):
                return present, present | {name.field.name}
            case Not(operand=operand):
                yes, no = self.follow(operand, present)
                return no, yes
            case And(operands=operands):
                return self._sequence(operands, present)
            case Or(operands=operands):
                no, yes = self._sequence(operands, present, is_or=True)
                return yes, no
            case Conditional(test=test, body=body, orelse=orelse):
                if_so, if_not = self.follow(test, present)
                first, second = self.follow(body, if_so), self.follow(orelse, if_not)
                return first[0] & second[0], first[1] & second[1]
            case Unknown():
                return self.optional, self.optional
        for child in expression.children():
            self.follow(child, present)
        return present, present

    def _sequence(self, operands: tuple[Expression, ...], present: Present, is_or: bool = False) -> tuple[Present, Present]:
        """Return the fields that are present after all operands, and after an operand that decided the result."""
        decided: list[Present] = []
        for operand in operands:
            yes, no = self.follow(operand, present)
            present, end = (no, yes) if is_or else (yes, no)
            decided.append(end)
        return present, frozenset.intersection(*decided)
