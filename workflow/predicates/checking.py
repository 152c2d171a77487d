"""From Python's syntax tree to a checked tree of our own: names, kinds, values; every mistake with its place.

A part with a mistake becomes `Unknown`, which goes with everything, so the rest is still checked and one
mistake is told once.
"""

from __future__ import annotations

import ast
import math
from typing import Literal

from workflow.errors import format_names
from workflow.predicates.functions import FUNCTIONS, PAST, read_call
from workflow.predicates.kinds import Matcher
from workflow.predicates.mistakes import suggested
from workflow.predicates.ranges import LARGEST, bounds
from workflow.predicates.syntax import Source
from workflow.predicates.tree import (
    And,
    Arithmetic,
    Compare,
    Conditional,
    Constant,
    Expression,
    Field,
    InSet,
    IsNone,
    Name,
    Namespace,
    Negate,
    Not,
    Or,
    Unknown,
    describe_kind,
)

__all__ = ["MAX_DEPTH", "Checker"]

MAX_DEPTH = 60
MAX_LITERAL = 2**53  # beyond it, a whole number and a number with decimals are no longer the same value

_REFUSED = {
    ast.Attribute: "a dot", ast.Subscript: "an index in brackets", ast.Lambda: "lambda", ast.JoinedStr: "an f-string", ast.Starred: "'*'",
    ast.NamedExpr: "':='", ast.Await: "await", ast.Yield: "yield", ast.YieldFrom: "yield", ast.Dict: "a mapping",
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "a loop"),
    **dict.fromkeys((ast.Tuple, ast.List, ast.Set), "a list of values (it stands only after 'in')"),
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], Literal["==", "!=", "<", "<=", ">", ">="]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], Literal["+", "-", "*"]] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
_MISSING = ("null", "nil", "none", "undefined")
_NOT_ARITHMETIC = {
    ast.BitAnd: "'&' is not an operator here; write 'and'",
    ast.BitOr: "'|' is not an operator here; write 'or'",
    ast.BitXor: "'^' is not an operator here; write 'a != b'",
}


class Checker(Matcher):
    """Reads the nodes of one text; what is wrong with them gathers in `mistakes`."""

    def __init__(self, source: Source, namespace: Namespace) -> None:
        super().__init__(source)
        self.namespace = namespace
        self.depth = 0

    def read(self, node: ast.expr) -> Expression:
        """Return a node as a checked expression, `Unknown` where it is none."""
        if self.depth >= MAX_DEPTH:
            return self.wrong(
                node, f"nested too deeply (more than {MAX_DEPTH} levels); give parts of the text a name under define:"
            )
        self.depth += 1
        try:
            return self._read(node)
        finally:
            self.depth -= 1

    def _read(self, node: ast.expr) -> Expression:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BoolOp():
                operands = tuple(self.boolean(value) for value in node.values)
                start, end = self.source.span(node)
                return (And if isinstance(node.op, ast.And) else Or)(operands, start=start, end=end)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return self._conditional(node)
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Call():
                return self._call(node)
        what = next(
            (words for refused, words in _REFUSED.items() if isinstance(node, refused)), repr(self.source.quote(node))
        )
        return self.wrong(node, f"{what} cannot be used in a condition")

    def boolean(self, node: ast.expr) -> Expression:
        """Return a node that must be true or false."""
        found = self.read(node)
        if found.kind in ("boolean", "unknown"):
            return found
        quoted = self.source.quote(node)
        hint = {
            "integer": f"write {quoted} > 0",
            "number": f"write {quoted} > 0",
            "enum": f'write {quoted} == "{found.values[0]}"' if found.values else "",
            "date": f'write {quoted} <= date("2011-12-05")',
            "days": f"write {quoted} >= days(30)",
            "text": "compare a field with it",
        }[found.kind]
        return self.wrong(node, f"{quoted!r} is {describe_kind(found)}, not true or false; {hint}")

    def _constant(self, node: ast.Constant) -> Expression:
        value, (start, end) = node.value, self.source.span(node)
        match value:
            case bool():
                return Constant(value, "boolean", start=start, end=end)
            case int() if abs(value) > MAX_LITERAL:
                return self.wrong(
                    node, f"the number {self.source.quote(node)} is too large; the largest is {MAX_LITERAL}"
                )
            case int():
                return Constant(value, "integer", start=start, end=end)
            case float() if math.isfinite(value):
                return Constant(value, "number", start=start, end=end)
            case float():
                return self.wrong(node, f"the number {self.source.quote(node)} is too large")
            case str():
                return Constant(value, "text", start=start, end=end)
            case None:
                return self.wrong(node, "None stands only after 'is' or 'is not': x is None")
        return self.wrong(
            node,
            f"{self.source.quote(node)!r} cannot be used in a condition; values are numbers, texts in quotes, true and false",
        )

    def _name(self, node: ast.Name) -> Expression:
        word, (start, end) = node.id, self.source.span(node)
        if word in self.namespace.definitions:
            return self.namespace.definitions[word]
        if word in self.namespace.fields:
            return Name(self.namespace.fields[word], start=start, end=end)
        if word in ("true", "false"):
            return Constant(word == "true", "boolean", start=start, end=end)
        return self.wrong(node, f"unknown name {word!r}{self._meant(word)}")

    def _meant(self, word: str) -> str:
        """Return what was probably meant by an unknown name."""
        fields = self.namespace.fields
        for field in fields.values():
            if word in field.values:
                return f". Did you mean {field.name} == {word!r}? A value needs quotes"
        if word.lower() in _MISSING:
            return "; a missing value is asked for with 'x is None'"
        if word.lower() in ("true", "false"):
            return f". Did you mean {word.lower()!r}?"
        if word in self.namespace.words:
            return self._no_value(word)
        if word in FUNCTIONS or (word in PAST and self.namespace.past):
            return f"; write {FUNCTIONS[word].usage if word in FUNCTIONS else PAST[word]}"
        known = [*fields, *self.namespace.definitions]
        return suggested(word, known) or f"; known: {format_names(sorted(known))}"

    def _no_value(self, word: str) -> str:
        """Return what is said of a transition or an event where a value should stand."""
        asked = (
            f"once({word}) asks whether it has happened; of the moment itself speaks never: {word} with the rest under if:"
            if self.namespace.past
            else "ask for a field of the record"
        )
        return f": it is a transition or an event, which has no value; {asked}"

    def _unary(self, node: ast.UnaryOp) -> Expression:
        start, end = self.source.span(node)
        if isinstance(node.op, ast.Not):
            return Not(self.boolean(node.operand), start=start, end=end)
        if isinstance(node.op, ast.Invert):
            return self.wrong(node, "'~' is not an operator here; write 'not'")
        if isinstance(node.op, ast.UAdd):
            return self.wrong(node, "'+' in front of a value says nothing; leave it out")
        match self.read(node.operand):
            case Constant(value=int() | float() as value, of_kind="integer" | "number" as kind):
                return Constant(-value, kind, start=start, end=end)
            case Expression(kind="integer" | "number") as found:
                return Negate(found, start=start, end=end)
            case Unknown() as found:
                return found
            case found:
                return self.wrong(
                    node, f"'-' needs a number, but {self.source.quote(node.operand)!r} is {describe_kind(found)}"
                )

    def _compare(self, node: ast.Compare) -> Expression:
        """Read a comparison; a chain ``a < b < c`` becomes ``a < b and b < c``."""
        start, end = self.source.span(node)
        nodes = [node.left, *node.comparators]
        if not all(type(op) in _COMPARISONS for op in node.ops):
            if len(node.ops) > 1:
                return self.wrong(node, "'in' and 'is' cannot be part of a chain of comparisons; join them with 'and'")
            return self._is(node) if isinstance(node.ops[0], ast.Is | ast.IsNot) else self._in(node)
        if any(isinstance(n, ast.Constant) and n.value is None for n in nodes):
            words = self.source.quote(next((n for n in nodes if not isinstance(n, ast.Constant)), node))
            return self.wrong(node, f"nothing equals None; write '{words} is None' or '{words} is not None'")
        operands = [self.read(n) for n in nodes]
        links: list[Expression] = []
        for i, op in enumerate(node.ops):
            pair = self.alike(
                nodes[i], operands[i], nodes[i + 1], operands[i + 1], ordered=not isinstance(op, ast.Eq | ast.NotEq)
            )
            links.append(Unknown() if pair is None else Compare(_COMPARISONS[type(op)], *pair, start=start, end=end))
        return links[0] if len(links) == 1 else And(tuple(links), start=start, end=end)

    def _is(self, node: ast.Compare) -> Expression:
        left, right, negated = node.left, node.comparators[0], isinstance(node.ops[0], ast.IsNot)
        if not (isinstance(right, ast.Constant) and right.value is None):
            if isinstance(right, ast.Name) and right.id.lower() in _MISSING:
                how = "is not" if negated else "is"
                return self.wrong(right, f"a missing value is called None; write {self.source.quote(left)} {how} None")
            sign, written = ("!=", "is not") if negated else ("==", "is")
            word = self.source.quote(right)
            if isinstance(right, ast.Name) and any(word in field.values for field in self.namespace.fields.values()):
                word = repr(word)
            words = f"{self.source.quote(left)} {sign} {word}"
            return self.wrong(node, f"{written!r} only asks for None (x is None); write {words}")
        found = self.read(left)
        if isinstance(found, Unknown):
            return found
        if not isinstance(found, Name):
            return self.wrong(node, f"only a field can be missing, and {self.source.quote(left)!r} is none")
        if not found.field.optional:
            always = "true" if negated else "false"
            return self.wrong(
                node, f"{found.field.name!r} is never missing (it is not declared optional), so this is always {always}"
            )
        start, end = self.source.span(node)
        asked = IsNone(found, start=start, end=end)
        return Not(asked, start=start, end=end) if negated else asked

    def _in(self, node: ast.Compare) -> Expression:
        container, found, (start, end) = node.comparators[0], self.read(node.left), self.source.span(node)
        words = self.source.quote(node.left)
        if not isinstance(container, ast.Tuple | ast.List | ast.Set) or not container.elts:
            return self.wrong(container, f'\'in\' needs a list of values: {words} in ("a", "b")')
        members: list[Constant] = []
        for element in container.elts:
            member = self.read(element)
            if not isinstance(member, Constant | Unknown):
                self.wrong(
                    element,
                    f"{self.source.quote(element)!r} is not a value; the list after 'in' holds values, not names",
                )
            pair = self.alike(node.left, found, element, member) if isinstance(member, Constant) else None
            if pair is not None and isinstance(pair[1], Constant):
                members.append(pair[1])
        if len(members) < len(container.elts):
            return Unknown()
        asked = InSet(found, tuple(dict.fromkeys(members)), start=start, end=end)
        return Not(asked, start=start, end=end) if isinstance(node.ops[0], ast.NotIn) else asked

    def _conditional(self, node: ast.IfExp) -> Expression:
        start, end = self.source.span(node)
        test, body, orelse = self.boolean(node.test), self.read(node.body), self.read(node.orelse)
        if body.kind == orelse.kind == "text":
            return Conditional(test, body, orelse, start=start, end=end)
        pair = self.alike(node.body, body, node.orelse, orelse, together="stand in the two branches of 'if'")
        return Unknown() if pair is None else Conditional(test, *pair, start=start, end=end)

    def _arithmetic(self, node: ast.BinOp) -> Expression:
        left, right, (start, end) = self.read(node.left), self.read(node.right), self.source.span(node)
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            other = "only whole numbers are reckoned with, by + - *; for a share, multiply the other side"
            return self.wrong(
                node, _NOT_ARITHMETIC.get(type(node.op), f"{self.source.quote(node)!r} cannot be reckoned; {other}")
            )
        kinds = (left.kind, right.kind)
        if "unknown" in kinds:
            return Unknown()
        literal = isinstance(left, Constant) or isinstance(right, Constant)
        allowed = {("integer", "integer")}
        if operator != "*":
            allowed |= {("date", "days"), ("days", "days")} | ({("date", "date")} if operator == "-" else set())
        if kinds not in allowed:
            return self.wrong(node, self._not_reckoned(node, operator, left, right))
        if operator == "*" and not literal:
            return self.wrong(node, f"'*' needs a number written out on one side: 3 * {self.source.quote(node.left)}")
        found = Arithmetic(operator, left, right, start=start, end=end)
        if found.kind == "integer" and max(map(abs, bounds(found))) > LARGEST:
            return self.wrong(
                node,
                f"{self.source.quote(node)!r} can become larger than 2**62; give its fields a narrower minimum and maximum",
            )
        return found

    def _not_reckoned(self, node: ast.BinOp, operator: str, left: Expression, right: Expression) -> str:
        words = self.source.quote(node.left), self.source.quote(node.right)
        if {left.kind, right.kind} <= {"integer", "number"}:
            return f"numbers with decimals are compared, not reckoned with (they would be rounded): {words[0]} {operator} {words[1]}; use whole numbers"
        hint = ""
        if left.kind in ("date", "days") and right.kind == "integer" and operator != "*":
            hint = f"; write {words[0]} {operator} days({words[1]})"
        elif left.kind == "days" and right.kind == "date" and operator == "+":
            hint = f"; write {words[1]} + {words[0]}"
        return f"{operator!r} cannot join {words[0]!r} ({describe_kind(left)}) and {words[1]!r} ({describe_kind(right)}){hint}"

    def _call(self, node: ast.Call) -> Expression:
        if not isinstance(node.func, ast.Name):
            return self.wrong(
                node, f"{self.source.quote(node.func)!r} cannot be called; the functions are {format_names(FUNCTIONS)}"
            )
        name = node.func.id
        if name in PAST:
            return self._past(node, name)
        if name not in FUNCTIONS:
            for argument in node.args:
                if not (isinstance(argument, ast.Name) and argument.id in self.namespace.words):
                    self.read(argument)
            if name in self.namespace.words:
                return self.wrong(node, f"{name!r} is not a function{self._no_value(name)}")
            if name in self.namespace.fields or name in self.namespace.definitions:
                return self.wrong(node, f"{name!r} is not a function; write it without parentheses")
            known = [*FUNCTIONS, *(PAST if self.namespace.past else ())]
            return self.wrong(
                node, f"unknown function {name!r}; the functions are {format_names(known)}{suggested(name, known)}"
            )
        function = FUNCTIONS[name]
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            return self.wrong(node, f"{name!r} takes plain values only; write {function.usage}")
        read = self.boolean if function.takes_conditions else self.read
        return read_call(self, node, name, [read(argument) for argument in node.args])

    def _past(self, node: ast.Call, name: str) -> Expression:
        """Read an operator over the past as the name of a truth value, which whoever watches a case keeps."""
        if not self.namespace.past:
            return self.wrong(
                node,
                f"{name!r} looks into the past, which only a never: that is a condition does (never: counsel and not {PAST[name]}); here, ask for a field of the record",
            )
        n_mistakes, wanted = len(self.mistakes), PAST[name].count(",") + 1
        for argument in node.args:
            if not isinstance(argument, ast.Name):
                self.wrong(argument, self._not_a_word(argument, name))
            elif argument.id not in self.namespace.words:
                hint = suggested(argument.id, self.namespace.words) or f"; known: {format_names(self.namespace.words)}"
                self.wrong(
                    argument, f"{self.source.quote(node)}: {argument.id!r} is not a transition or an event{hint}"
                )
        words = [argument.id for argument in node.args if isinstance(argument, ast.Name)]
        if node.keywords:
            self.wrong(node, f"{name!r} takes plain names only; write {PAST[name]}")
        elif len(node.args) != wanted:
            counted = len(node.args) or "none"
            self.wrong(node, f"{self.source.quote(node)} names {counted}, but {name} takes {wanted}: {PAST[name]}")
        elif len(set(words)) < len(words):
            self.wrong(node, f"{self.source.quote(node)} names {words[0]!r} twice; name a second one: {PAST[name]}")
        start, end = self.source.span(node)
        if len(self.mistakes) > n_mistakes:
            return Unknown(start=start, end=end)
        return Name(Field(f"{name}({', '.join(words)})", "boolean", "record"), start=start, end=end)

    def _not_a_word(self, argument: ast.expr, name: str) -> str:
        """Return what is said of something in an operator over the past that is no name."""
        hint = ""
        if isinstance(argument, ast.BoolOp | ast.UnaryOp):
            hint = "; join the answers instead, as in once(t) or not once(u)"
        elif isinstance(argument, ast.Call):
            hint = "; nothing can stand within it"
        elif isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            hint = f"; write {argument.value} without quotes"
        elif isinstance(argument, ast.Compare):
            hint = "; to ask for a condition of the past, write it to the record (set:) when it holds"
        return (
            f"{name} takes the names of transitions and events, {PAST[name]}, not {self.source.quote(argument)!r}{hint}"
        )
