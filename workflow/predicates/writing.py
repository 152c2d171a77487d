"""Write a tree as text, for messages, reports and policy comparisons."""

from __future__ import annotations

import datetime as dt

from workflow.predicates.operators import ARITHMETIC, CONNECTIVES
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

# Binding strengths, as in Python.
_IF, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _WHOLE = range(9)


def unparse(expression: Expression) -> str:
    """Return the text of an expression. Parsing it gives an equal expression.

    Definitions are expanded, so the text can be longer than the text that was parsed.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> fields = {"visits": Field("visits", "integer", "record"), "victim": Field("victim", "boolean", "fact")}
    >>> unparse(parse("implies(victim, 0<visits<3)", Namespace(fields)))
    'not victim or 0 < visits and visits < 3'
    """
    return _write(expression)[0]


def _write(expression: Expression) -> tuple[str, int]:
    """Return the text of an expression and its binding strength."""
    match expression:
        case Constant():
            return _constant(expression), _WHOLE
        case Name(field=field):
            return field.name, _WHOLE
        case And(operands=operands) | Or(operands=operands):
            strength = _AND if isinstance(expression, And) else _OR
            word = CONNECTIVES[type(expression)].word
            return f" {word} ".join(_within(strength + 1, o) for o in operands), strength
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
        case Compare(operator=symbol, left=left, right=right):
            return f"{_within(_SUM, left)} {symbol} {_within(_SUM, right)}", _COMPARE
        case Conditional(test=test, body=body, orelse=orelse):
            return f"{_within(_OR, body)} if {_within(_OR, test)} else {_within(_IF, orelse)}", _IF
        case Arithmetic(operator=symbol, left=left, right=right):
            strength = _SUM + ARITHMETIC[symbol].strength
            return f"{_within(strength, left)} {symbol} {_within(strength + 1, right)}", strength
        case Negate(operand=operand):
            return f"-{_within(_SIGN, operand)}", _SIGN
        case Call(function=function, operands=operands):
            return f"{function}({', '.join(unparse(o) for o in operands)})", _WHOLE
    raise TypeError(f"{type(expression).__name__} has no text")


def _within(strength: int, expression: Expression) -> str:
    text, own = _write(expression)
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
