"""Turn Python's syntax tree into a checked tree; record every mistake in names, kinds and values with its offset.

A part with a mistake becomes `Unknown`, which matches every kind. So the rest is still checked, and each mistake is
reported once.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import replace

from workflow.errors import format_names
from workflow.predicates import tree
from workflow.predicates.functions import FUNCTIONS, PAST, read_call
from workflow.predicates.kinds import MAX_EXACT, KindMatcher
from workflow.predicates.mistakes import did_you_mean
from workflow.predicates.operators import ARITHMETIC, COMPARISONS, CONNECTIVES
from workflow.predicates.ranges import LARGEST, bounds
from workflow.predicates.syntax import SourceText
from workflow.predicates.words import StepPattern, Word, past_operator

MAX_DEPTH = 60

_REFUSED: dict[type[ast.expr], str] = {
    ast.Attribute: "a dot",
    ast.Subscript: "an index in brackets",
    ast.Lambda: "lambda",
    ast.JoinedStr: "an f-string",
    ast.Starred: "'*'",
    ast.NamedExpr: "':='",
    ast.Await: "await",
    ast.Dict: "a mapping",
    **dict.fromkeys((ast.Yield, ast.YieldFrom), "yield"),
    **dict.fromkeys((ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp), "a loop"),
    **dict.fromkeys((ast.Tuple, ast.List, ast.Set), "a list of values (allowed only after 'in')"),
}
_COMPARISON_SYMBOLS = {comparison.syntax: symbol for symbol, comparison in COMPARISONS.items()}
_ARITHMETIC_SYMBOLS = {operator.syntax: symbol for symbol, operator in ARITHMETIC.items()}
_CONNECTIVE_NODES: dict[type[ast.boolop], type[tree.And | tree.Or]] = {c.syntax: node for node, c in CONNECTIVES.items()}
_MISSING = ("null", "nil", "none", "undefined")
_BITWISE = {
    ast.BitAnd: "'&' is not an operator here; write 'and'",
    ast.BitOr: "'|' is not an operator here; write 'or'",
    ast.BitXor: "'^' is not an operator here; write 'a != b'",
}


class Checker(KindMatcher):
    """Checks the nodes of one text, and collects their mistakes in `mistakes`."""

    def __init__(self, source: SourceText, namespace: tree.Namespace) -> None:
        super().__init__(source)
        self.namespace = namespace
        self.depth = 0

    def read(self, node: ast.expr) -> tree.Expression:
        """Return the checked expression of a node; `Unknown` if it has a mistake."""
        if self.depth >= MAX_DEPTH:
            limit = f"more than {MAX_DEPTH} levels"
            return self.wrong(node, f"nested too deeply ({limit}); name parts of the expression under define:")
        self.depth += 1
        try:
            return self._read(node)
        finally:
            self.depth -= 1

    def boolean(self, node: ast.expr) -> tree.Expression:
        """Return the checked expression of a node that must be true or false."""
        operand = self.read(node)
        if operand.kind in ("boolean", "unknown"):
            return operand
        quoted = self.source.quote(node)
        hint = {
            "integer": f"write {quoted} > 0",
            "number": f"write {quoted} > 0",
            "enum": f'write {quoted} == "{operand.values[0]}"' if operand.values else "",
            "date": f'write {quoted} <= date("2011-12-05")',
            "days": f"write {quoted} >= days(30)",
            "months": "add it to a date, and compare the dates",
            "text": "compare a field with it",
        }[operand.kind]
        return self.wrong(node, f"{quoted!r} is {tree.describe_kind(operand)}, not true or false; {hint}")

    def _read(self, node: ast.expr) -> tree.Expression:
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
            case ast.BoolOp():
                operands = tuple(self.boolean(value) for value in node.values)
                return _CONNECTIVE_NODES[type(node.op)](operands, **self.source.span(node))
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
        refused = _REFUSED.get(type(node)) or repr(self.source.quote(node))
        return self.wrong(node, f"{refused} cannot be used in a condition")

    def _constant(self, node: ast.Constant) -> tree.Expression:
        value, span, quoted = node.value, self.source.span(node), self.source.quote(node)
        match value:
            case bool():
                return tree.Constant(value, "boolean", **span)
            case int() if abs(value) > MAX_EXACT:
                return self.wrong(node, f"the number {quoted} is too large; the largest is {MAX_EXACT}")
            case int():
                return tree.Constant(value, "integer", **span)
            case float() if math.isfinite(value):
                return tree.Constant(value, "number", **span)
            case float():
                return self.wrong(node, f"the number {quoted} is too large")
            case str():
                return tree.Constant(value, "text", **span)
            case None:
                return self.wrong(node, "None is allowed only after 'is' or 'is not': x is None")
        allowed = "values are numbers, quoted strings, true and false"
        return self.wrong(node, f"{quoted!r} cannot be used in a condition; {allowed}")

    def _name(self, node: ast.Name) -> tree.Expression:
        name, span = node.id, self.source.span(node)
        if name in self.namespace.definitions:
            return self.namespace.definitions[name]
        if name in self.namespace.fields:
            return tree.Name(self.namespace.fields[name], **span)
        if name in ("true", "false"):
            return tree.Constant(name == "true", "boolean", **span)
        return self.wrong(node, f"unknown name {name!r}{self._unknown_name_hint(name)}")

    def _unknown_name_hint(self, name: str) -> str:
        """Return what an unknown name probably means."""
        fields = self.namespace.fields
        for field in fields.values():
            if name in field.values:
                return f". Did you mean {field.name} == {name!r}? A value needs quotes"
        if name.lower() in _MISSING:
            return "; test for a missing value with 'x is None'"
        if name.lower() in ("true", "false"):
            return f". Did you mean {name.lower()!r}?"
        if name in self.namespace.step_names:
            return self._step_name_hint(name)
        if name in FUNCTIONS or (name in PAST and self.namespace.past):
            return f"; write {FUNCTIONS[name].usage if name in FUNCTIONS else PAST[name]}"
        known = [*fields, *self.namespace.definitions]
        return did_you_mean(name, known) or f"; known: {format_names(sorted(known))}"

    def _step_name_hint(self, name: str) -> str:
        """Return what to write instead of a transition or an event that is used as a value."""
        instead = (
            f"once({name}) tests whether it has happened; to forbid the step itself, write never: {name} and put the"
            " condition under if:"
            if self.namespace.past
            else "use a record field"
        )
        return f": it is a transition or an event, which has no value; {instead}"

    def _unary(self, node: ast.UnaryOp) -> tree.Expression:
        span = self.source.span(node)
        if isinstance(node.op, ast.Not):
            return tree.Not(self.boolean(node.operand), **span)
        if isinstance(node.op, ast.Invert):
            return self.wrong(node, "'~' is not an operator here; write 'not'")
        if isinstance(node.op, ast.UAdd):
            return self.wrong(node, "a leading '+' has no effect; leave it out")
        match self.read(node.operand):
            case tree.Constant(value=int() | float() as value, of_kind="integer" | "number" as kind):
                return tree.Constant(-value, kind, **span)
            case tree.Expression(kind="integer" | "number") as operand:
                return tree.Negate(operand, **span)
            case tree.Unknown() as operand:
                return operand
            case operand:
                quoted = repr(self.source.quote(node.operand))
                return self.wrong(node, f"'-' needs a number, but {quoted} is {tree.describe_kind(operand)}")

    def _compare(self, node: ast.Compare) -> tree.Expression:
        """Read a comparison; a chain ``a < b < c`` becomes ``a < b and b < c``."""
        span = self.source.span(node)
        nodes = [node.left, *node.comparators]
        if not all(type(op) in _COMPARISON_SYMBOLS for op in node.ops):
            if len(node.ops) > 1:
                return self.wrong(node, "'in' and 'is' cannot be part of a chain of comparisons; join them with 'and'")
            return self._is(node) if isinstance(node.ops[0], ast.Is | ast.IsNot) else self._in(node)
        if any(isinstance(n, ast.Constant) and n.value is None for n in nodes):
            quoted = self.source.quote(next((n for n in nodes if not isinstance(n, ast.Constant)), node))
            return self.wrong(node, f"nothing equals None; write '{quoted} is None' or '{quoted} is not None'")
        operands = [self.read(n) for n in nodes]
        links: list[tree.Expression] = []
        for i, op in enumerate(node.ops):
            symbol = _COMPARISON_SYMBOLS[type(op)]
            ordered = COMPARISONS[symbol].ordered
            pair = self.match_kinds(nodes[i], operands[i], nodes[i + 1], operands[i + 1], ordered=ordered)
            links.append(tree.Unknown() if pair is None else tree.Compare(symbol, *pair, **span))
        return links[0] if len(links) == 1 else tree.And(tuple(links), **span)

    def _is(self, node: ast.Compare) -> tree.Expression:
        left, right, negated = node.left, node.comparators[0], isinstance(node.ops[0], ast.IsNot)
        quoted, operator = self.source.quote(left), "is not" if negated else "is"
        if not (isinstance(right, ast.Constant) and right.value is None):
            if isinstance(right, ast.Name) and right.id.lower() in _MISSING:
                return self.wrong(right, f"a missing value is called None; write {quoted} {operator} None")
            value = self.source.quote(right)
            if isinstance(right, ast.Name) and any(value in field.values for field in self.namespace.fields.values()):
                value = repr(value)
            instead = f"{quoted} {'!=' if negated else '=='} {value}"
            return self.wrong(node, f"{operator!r} only tests for None (x is None); write {instead}")
        operand = self.read(left)
        if isinstance(operand, tree.Unknown):
            return operand
        if not isinstance(operand, tree.Name):
            return self.wrong(node, f"only a field can be missing, and {quoted!r} is not a field")
        if not operand.field.optional:
            never = f"{operand.field.name!r} is never missing (it is not declared optional)"
            return self.wrong(node, f"{never}, so this is always {'true' if negated else 'false'}")
        span = self.source.span(node)
        test = tree.IsNone(operand, **span)
        return tree.Not(test, **span) if negated else test

    def _in(self, node: ast.Compare) -> tree.Expression:
        container, operand, span = node.comparators[0], self.read(node.left), self.source.span(node)
        if not isinstance(container, ast.Tuple | ast.List | ast.Set) or not container.elts:
            quoted = self.source.quote(node.left)
            return self.wrong(container, f'\'in\' needs a list of values: {quoted} in ("a", "b")')
        members: list[tree.Constant] = []
        for element in container.elts:
            member = self.read(element)
            if not isinstance(member, tree.Constant | tree.Unknown):
                quoted = repr(self.source.quote(element))
                self.wrong(element, f"{quoted} is not a value; the list after 'in' holds values, not names")
            pair = self.match_kinds(node.left, operand, element, member) if isinstance(member, tree.Constant) else None
            if pair is not None and isinstance(pair[1], tree.Constant):
                members.append(pair[1])
        if len(members) < len(container.elts):
            return tree.Unknown()
        test = tree.InSet(operand, tuple(dict.fromkeys(members)), **span)
        return tree.Not(test, **span) if isinstance(node.ops[0], ast.NotIn) else test

    def _conditional(self, node: ast.IfExp) -> tree.Expression:
        span = self.source.span(node)
        test, body, orelse = self.boolean(node.test), self.read(node.body), self.read(node.orelse)
        if body.kind == orelse.kind == "text":
            return tree.Conditional(test, body, orelse, **span)
        pair = self.match_kinds(node.body, body, node.orelse, orelse, use="both be branches of 'if'")
        return tree.Unknown() if pair is None else tree.Conditional(test, *pair, **span)

    def _arithmetic(self, node: ast.BinOp) -> tree.Expression:
        left, right, quoted = self.read(node.left), self.read(node.right), self.source.quote(node)
        symbol = _ARITHMETIC_SYMBOLS.get(type(node.op))
        if symbol is None:
            supported = "use + - * on whole numbers; instead of dividing, multiply the other side"
            return self.wrong(node, _BITWISE.get(type(node.op)) or f"{quoted!r} cannot be computed; {supported}")
        if "unknown" in (left.kind, right.kind):
            return tree.Unknown()
        if (left.kind, right.kind) not in ARITHMETIC[symbol].kinds:
            return self.wrong(node, self._arithmetic_mistake(node, symbol, left, right))
        if symbol == "*" and not (isinstance(left, tree.Constant) or isinstance(right, tree.Constant)):
            return self.wrong(node, f"'*' needs a literal number on one side: 3 * {self.source.quote(node.left)}")
        result = tree.Arithmetic(symbol, left, right, **self.source.span(node))
        if result.kind == "integer" and max(map(abs, bounds(result))) > LARGEST:
            hint = "give its fields a narrower minimum and maximum"
            return self.wrong(node, f"{quoted!r} can become larger than 2**62; {hint}")
        return result

    def _arithmetic_mistake(self, node: ast.BinOp, symbol: str, left: tree.Expression, right: tree.Expression) -> str:
        first, second = self.source.quote(node.left), self.source.quote(node.right)
        if {left.kind, right.kind} <= {"integer", "number"}:
            reason = "numbers with decimals can only be compared, because arithmetic rounds them"
            return f"{reason}: {first} {symbol} {second}; use whole numbers"
        hint = ""
        if left.kind in ("date", "days") and right.kind == "integer" and symbol != "*":
            hint = f"; write {first} {symbol} days({second})"
        elif left.kind in ("days", "months") and right.kind == "date" and symbol == "+":
            hint = f"; write {second} + {first}"
        sides = f"{first!r} ({tree.describe_kind(left)}) and {second!r} ({tree.describe_kind(right)})"
        return f"{symbol!r} cannot combine {sides}{hint}"

    def _call(self, node: ast.Call) -> tree.Expression:
        if not isinstance(node.func, ast.Name):
            quoted = repr(self.source.quote(node.func))
            return self.wrong(node, f"{quoted} cannot be called; the functions are {format_names(FUNCTIONS)}")
        name = node.func.id
        if name in PAST:
            return self._past(node, name)
        if name not in FUNCTIONS:
            return self._unknown_function(node, name)
        function = FUNCTIONS[name]
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            return self.wrong(node, f"{name!r} takes plain values only; write {function.usage}")
        read = self.boolean if function.takes_conditions else self.read
        return read_call(self, node, name, [read(argument) for argument in node.args])

    def _unknown_function(self, node: ast.Call, name: str) -> tree.Expression:
        names = self.namespace
        for argument in node.args:
            if not (isinstance(argument, ast.Name) and argument.id in names.step_names):
                self.read(argument)
        if name in names.step_names:
            return self.wrong(node, f"{name!r} is not a function{self._step_name_hint(name)}")
        if name in names.fields or name in names.definitions:
            return self.wrong(node, f"{name!r} is not a function; write it without parentheses")
        known = [*FUNCTIONS, *(PAST if names.past else ())]
        functions = f"the functions are {format_names(known)}{did_you_mean(name, known)}"
        return self.wrong(node, f"unknown function {name!r}; {functions}")

    def _past(self, node: ast.Call, operator: str) -> tree.Expression:
        """Read a past operator as the name of a boolean field, which the monitor of a rule maintains."""
        usage, quoted = PAST[operator], self.source.quote(node)
        if not self.namespace.past:
            allowed = f"only never:, if: and once(...) of a rule may do that (if: not {usage})"
            return self.wrong(node, f"{operator!r} refers to the past; {allowed}; here, use a record field")
        n_mistakes, n_wanted = len(self.mistakes), usage.count(",") + 1
        read = [Word(tuple(self._word(argument, operator, quoted))) for argument in node.args]
        if node.keywords:
            self.wrong(node, f"{operator!r} takes plain names only; write {usage}")
        elif len(node.args) != n_wanted:
            self.wrong(node, f"{quoted} names {len(node.args) or 'none'}, but {operator} takes {n_wanted}: {usage}")
        elif len(self.mistakes) == n_mistakes and len(set(read)) < len(read):
            self.wrong(node, f"{quoted} names {str(read[0])!r} twice; use two different names: {usage}")
        span = self.source.span(node)
        if len(self.mistakes) > n_mistakes:
            return tree.Unknown(**span)
        return tree.Name(past_operator(operator, tuple(read)), **span)

    def _word(self, argument: ast.expr, operator: str, quoted: str) -> list[StepPattern]:
        """Read an operand of a past operator: a step, several joined by ``or``, a step with conditions."""
        match argument:
            case ast.Name(id=name):
                if name in self.namespace.step_names:
                    return [StepPattern(frozenset({name}))]
                names = self.namespace.step_names
                hint = did_you_mean(name, names) or f"; known: {format_names(names)}"
                self.wrong(argument, f"{quoted}: {name!r} is not a transition or an event{hint}")
                return []
            case ast.BoolOp(op=ast.Or(), values=values):
                return _merged([one for value in values for one in self._word(value, operator, quoted)])
            case ast.BoolOp(op=ast.And(), values=[first, *rest]) if self._names_steps(first):
                conditions = [self.boolean(condition) for condition in rest]
                when = conditions[0] if len(conditions) == 1 else tree.And(tuple(conditions))
                return [StepPattern(one.names, when) for one in self._word(first, operator, quoted)]
            case ast.Dict(keys=keys, values=values):
                return self._step_with_conditions(argument, keys, values, operator, quoted)
        self.wrong(argument, self._not_a_step_name(argument, operator))
        return []

    def _names_steps(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self.namespace.step_names
            case ast.BoolOp(op=ast.Or(), values=values):
                return all(map(self._names_steps, values))
        return False

    def _step_with_conditions(
        self, node: ast.expr, keys: Sequence[ast.expr | None], values: Sequence[ast.expr], operator: str, quoted: str
    ) -> list[StepPattern]:
        """Read ``{of: check, giving: check == "clear", if: urgent}``."""
        given = {key.id.lower(): value for key, value in zip(keys, values, strict=True) if isinstance(key, ast.Name)}
        if not given.keys() <= {"of", "if", "giving"} or len(given) < len(keys) or "of" not in given:
            self.wrong(node, f"{self.source.quote(node)} needs of:, and may have if: and giving:, each once")
            return []
        if not isinstance(given["of"], ast.Name) and not self._names_steps(given["of"]):
            self.wrong(given["of"], self._not_a_step_name(given["of"], operator))
            return []
        when = self.boolean(given["if"]) if "if" in given else None
        namespace = self.namespace
        self.namespace = replace(namespace, past=False)  # after the effects of a step, the past has this step or not
        giving = self.boolean(given["giving"]) if "giving" in given else None
        self.namespace = namespace
        names = frozenset[str]().union(*(one.names for one in self._word(given["of"], operator, quoted)))
        return [StepPattern(names, when, giving)]

    def _not_a_step_name(self, argument: ast.expr, operator: str) -> str:
        """Return the message for an operand of a past operator that is not a step."""
        hint = ""
        if isinstance(argument, ast.BoolOp):
            hint = "; name a step first: grant and urgent"
        elif isinstance(argument, ast.UnaryOp):
            hint = "; negate the result instead: not once(t)"
        elif isinstance(argument, ast.Call):
            hint = f"; name the step to which it is to apply: {operator}(t and {self.source.quote(argument)})"
        elif isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            hint = f"; write {argument.value} without quotes"
        elif isinstance(argument, ast.Compare):
            hint = f"; name the step to which it is to apply: {operator}(t and {self.source.quote(argument)})"
        usage, quoted = PAST[operator], self.source.quote(argument)
        return f"{operator} takes the names of transitions and events, {usage}, not {quoted!r}{hint}"


def _merged(patterns: Sequence[StepPattern]) -> list[StepPattern]:
    """Return patterns with those that have no conditions as one."""
    plain = frozenset[str]().union(*(one.names for one in patterns if not one.conditions))
    others = [one for one in patterns if one.conditions]
    return [*([StepPattern(plain)] if plain else []), *dict.fromkeys(others)]
