"""Which optional fields are known to be present, and where one is used that may be missing?

Present is what a test before has made sure of: after ``x is not None and``, in the right branch of an
``if``, or after ``x is None or``. Nothing in a finished predicate is left to a missing value, so no
reading needs a third truth value.
"""

from __future__ import annotations

from workflow.predicates.tree import And, Conditional, Expression, IsNone, Name, Not, Or, Unknown

__all__ = ["Present", "narrow", "unchecked"]

Present = frozenset[str]
"""Names of optional fields that are not missing."""


def unchecked(expression: Expression, everything: Present = frozenset()) -> tuple[Name, ...]:
    """Return the uses of optional fields that no test before has shown to be present.

    Parameters
    ----------
    everything : frozenset of str
        All optional fields: what a part with mistakes is taken to make sure of, lest one mistake cause others.
    """
    flow = _Flow(everything)
    flow.through(expression, frozenset())
    return tuple(flow.found)


def narrow(expression: Expression, present: Present = frozenset()) -> tuple[Present, Present]:
    """Return the optional fields that are present if the expression holds, and if it does not."""
    return _Flow(frozenset()).through(expression, present)


class _Flow:
    def __init__(self, everything: Present) -> None:
        self.everything = everything
        self.found: list[Name] = []

    def through(self, expression: Expression, present: Present) -> tuple[Present, Present]:
        match expression:
            case Name(field=field):
                if field.optional and field.name not in present:
                    self.found.append(expression)
                return present, present
            case IsNone(operand=name):
                return present, present | {name.field.name}
            case Not(operand=operand):
                yes, no = self.through(operand, present)
                return no, yes
            case And(operands=operands):
                return self._sequence(operands, present)
            case Or(operands=operands):
                no, yes = self._sequence(operands, present, is_or=True)
                return yes, no
            case Conditional(test=test, body=body, orelse=orelse):
                if_so, if_not = self.through(test, present)
                first, second = self.through(body, if_so), self.through(orelse, if_not)
                return first[0] & second[0], first[1] & second[1]
            case Unknown():
                return self.everything, self.everything
        for child in expression.children():
            self.through(child, present)
        return present, present

    def _sequence(
        self, operands: tuple[Expression, ...], present: Present, is_or: bool = False
    ) -> tuple[Present, Present]:
        """Return what is present when all operands were passed, and when one of them ended the reading."""
        ended: list[Present] = []
        for operand in operands:
            yes, no = self.through(operand, present)
            present, end = (no, yes) if is_or else (yes, no)
            ended.append(end)
        return present, frozenset.intersection(*ended)
