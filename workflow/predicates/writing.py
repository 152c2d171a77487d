"""From the tree back to a text that people read: in messages, reports and comparisons of policies."""

from __future__ import annotations

import datetime as dt

from workflow.predicates.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Conditional,
    Constant,
    Expression,
    InSet,
    IsNone,
    Name,
    Negate,
    Not,
    Or,
)

__all__ = ["unparse"]

# How strongly an operator holds its operands together, as in Python.
_IF, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _WHOLE = range(9)


def unparse(expression: Expression) -> str:
    """Return the text of an expression; if it was parsed, parsing this gives an equal expression again.

    Definitions are filled in, so the text can be longer than the one that was parsed.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> fields = {"visits": Field("visits", "integer", "record"), "victim": Field("victim", "boolean", "fact")}
    >>> unparse(parse("implies(victim, 0<visits<3)", Namespace(fields)))
    'not victim or 0 < visits and visits < 3'
    """
    return _written(expression)[0]


def _written(expression: Expression) -> tuple[str, int]:
    """Return the text of an expression, and how strongly it holds together."""
    match expression:
        case Constant():
            return _constant(expression), _WHOLE
        case Name(field=field):
            return field.name, _WHOLE
        case Or(operands=operands):
            return " or ".join(_within(_AND, o) for o in operands), _OR
        case And(operands=operands):
            return " and ".join(_within(_NOT, o) for o in operands), _AND
        case Not(operand=IsNone(operand=name)):
            return f"{name.field.name} is not None", _COMPARE
        case Not(operand=InSet(operand=operand, members=members)):
            return f"{_within(_SUM, operand)} not in {_members(members)}", _COMPARE
        case Not(operand=operand):
            return f"not {_within(_NOT, operand)}", _NOT
        case IsNone(operand=name):
            return f"{name.field.name} is None", _COMPARE
        case InSet(operand=operand, members=members):
            return f"{_within(_SUM, operand)} in {_members(members)}", _COMPARE
        case Compare(operator=operator, left=left, right=right):
            return f"{_within(_SUM, left)} {operator} {_within(_SUM, right)}", _COMPARE
        case Conditional(test=test, body=body, orelse=orelse):
            return f"{_within(_OR, body)} if {_within(_OR, test)} else {_within(_IF, orelse)}", _IF
        case Arithmetic(operator=operator, left=left, right=right):
            strength = _PRODUCT if operator == "*" else _SUM
            return f"{_within(strength, left)} {operator} {_within(strength + 1, right)}", strength
        case Negate(operand=operand):
            return f"-{_within(_SIGN, operand)}", _SIGN
        case Call(function=function, operands=operands):
            return f"{function}({', '.join(unparse(o) for o in operands)})", _WHOLE
    raise TypeError(f"{type(expression).__name__} has no text")


def _within(strength: int, expression: Expression) -> str:
    text, own = _written(expression)
    return text if own >= strength else f"({text})"


def _members(members: tuple[Constant, ...]) -> str:
    return f"({', '.join(map(_constant, members))}{',' * (len(members) == 1)})"


def _constant(constant: Constant) -> str:
    value = constant.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return f'date("{value.isoformat()}")'
    if isinstance(value, str):
        return f'"{value}"' if value.isprintable() and not set('"\\') & set(value) else repr(value)
    return f"days({value})" if constant.kind == "days" else repr(value)
