"""Write a tree as text, for messages, reports and policy comparisons."""

from __future__ import annotations

import datetime as dt

from workflow.predicates import tree
from workflow.predicates.operators import ARITHMETIC, CONNECTIVES

# Binding strengths, as in Python.
_IF, _OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _WHOLE = range(9)


def unparse(expression: tree.Expression) -> str:
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


def _write(expression: tree.Expression) -> tuple[str, int]:
    """Return the text of an expression and its binding strength."""
    match expression:
        case tree.Constant():
            return _constant(expression), _WHOLE
        case tree.Name(field=field):
            return field.name, _WHOLE
        case tree.And(operands=operands) | tree.Or(operands=operands):
            strength = _AND if isinstance(expression, tree.And) else _OR
            word = CONNECTIVES[type(expression)].word
            return f" {word} ".join(_within(strength + 1, o) for o in operands), strength
        case tree.Not(operand=tree.IsNone(operand=name)):
            return f"{name.field.name} is not None", _COMPARE
        case tree.Not(operand=tree.InSet(operand=operand, members=members)):
            return f"{_within(_SUM, operand)} not in {_members(members)}", _COMPARE
        case tree.Not(operand=operand):
            return f"not {_within(_NOT, operand)}", _NOT
        case tree.IsNone(operand=name):
            return f"{name.field.name} is None", _COMPARE
        case tree.InSet(operand=operand, members=members):
            return f"{_within(_SUM, operand)} in {_members(members)}", _COMPARE
        case tree.Compare(operator=symbol, left=left, right=right):
            return f"{_within(_SUM, left)} {symbol} {_within(_SUM, right)}", _COMPARE
        case tree.Conditional(test=test, body=body, orelse=orelse):
            return f"{_within(_OR, body)} if {_within(_OR, test)} else {_within(_IF, orelse)}", _IF
        case tree.Arithmetic(operator=symbol, left=left, right=right):
            strength = _SUM + ARITHMETIC[symbol].strength
            return f"{_within(strength, left)} {symbol} {_within(strength + 1, right)}", strength
        case tree.Negate(operand=operand):
            return f"-{_within(_SIGN, operand)}", _SIGN
        case tree.Call(function=function, operands=operands):
            return f"{function}({', '.join(unparse(o) for o in operands)})", _WHOLE
    raise TypeError(f"{type(expression).__name__} has no text")


def _within(strength: int, expression: tree.Expression) -> str:
    text, own = _write(expression)
    return text if own >= strength else f"({text})"


def _members(members: tuple[tree.Constant, ...]) -> str:
    return f"({', '.join(map(_constant, members))}{',' * (len(members) == 1)})"


def _constant(constant: tree.Constant) -> str:
    value = constant.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return f'date("{value.isoformat()}")'
    if isinstance(value, str):
        return f'"{value}"' if value.isprintable() and not set('"\\') & set(value) else repr(value)
    if constant.kind == "months" and isinstance(value, int):
        return f"months({value})" if value % 12 or not value else f"years({value // 12})"
    return f"days({value})" if constant.kind == "days" else repr(value)
