"""Hypothesis strategies: random fields, well-typed expressions over them, and cases to evaluate them on."""

import datetime as dt

import numpy as np
from hypothesis import strategies as st

from workflow.predicates import Field
from workflow.predicates.functions import call
from workflow.predicates.missing import narrow
from workflow.predicates.tree import And, Arithmetic, Compare, Conditional, Constant, InSet, IsNone, Name, Negate, Not, Or

WORDS = ("none", "cleared", "hit", "it's", 'said "no"', "größer", "back\\slash")
LATEST = dt.date(9999, 12, 31)


def dates():
    """Draw days around a review, or one of the ends of the calendar; the last day stands for "no end"."""
    return st.dates(dt.date(2011, 10, 1), dt.date(2012, 3, 1)) | st.sampled_from([LATEST, dt.date.min])


@st.composite
def fields(draw, role=None):
    """Draw two to seven fields. Record fields have finitely many values; enum fields share two lists of values."""
    enums = [tuple(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True))) for _ in range(2)]
    drawn = []
    for i in range(draw(st.integers(2, 7))):
        where = role or draw(st.sampled_from(["fact", "record"]))
        kinds = ["boolean", "integer", "enum"] + (["number", "date"] if where == "fact" else [])
        kind = draw(st.sampled_from(kinds))
        low = draw(st.integers(-3, 3)) if kind == "integer" else None
        high = low + draw(st.integers(0, 3)) if kind == "integer" else None
        values = draw(st.sampled_from(enums)) if kind == "enum" else ()
        drawn.append(Field(f"{kind}_{i}", kind, where, values, low, high, optional=draw(st.booleans())))
    return drawn


def values(field):
    """Draw a value that a field may hold."""
    if field.kind == "number":
        present = st.sampled_from([-1.5, 0.1, 1.0, 2.0]) | st.floats(allow_nan=False, allow_infinity=False)
    elif field.kind == "date":
        present = dates()
    else:
        present = st.sampled_from([value for value in field.domain() if value is not None])
    return st.none() | present if field.optional else present


def cases(some_fields):
    """Draw a case: a value for each field, ``None`` for a missing value."""
    return st.fixed_dictionaries({field.name: values(field) for field in some_fields})


def columns(some_cases, some_fields):
    """Return cases as columns and masks of missing values for the vector reading."""
    arrays, missing = {}, {}
    types = {"boolean": np.bool_, "integer": np.int8, "number": np.float64, "enum": np.int8, "date": "datetime64[D]"}
    for field in some_fields:
        column = [case[field.name] for case in some_cases]
        missing[field.name] = np.array([value is None for value in column], dtype=bool)
        filler = {"date": dt.date(2012, 1, 1)}.get(field.kind, 1)
        if field.kind == "enum":
            column = [None if value is None else field.values.index(value) for value in column]
        bounded = field.minimum is not None and field.maximum is not None
        small = field.kind != "integer" or (bounded and field.minimum >= -128 and field.maximum <= 127)
        arrays[field.name] = np.array(
            [filler if value is None else value for value in column], dtype=types[field.kind] if small else np.int64
        )
    return arrays, missing


@st.composite
def expressions(draw, some_fields, kind="boolean", depth=3, present=frozenset()):
    """Draw a well-typed expression of a type, in the form that the parser returns.

    Parameters
    ----------
    present : frozenset of str
        Optional fields that are known not to be missing at this place.
    """
    return _Drawing(draw, some_fields).expression(kind, depth, present)


class _Drawing:
    def __init__(self, draw, some_fields):
        self.draw = draw
        self.fields = some_fields

    def pick(self, *options):
        return self.draw(st.sampled_from(options))

    def names(self, kind, present, values=None):
        usable = [f for f in self.fields if f.kind == kind and (not f.optional or f.name in present)]
        return [Name(f) for f in usable if values is None or f.values == values]

    def expression(self, kind, depth, present):
        return getattr(self, f"_{kind}")(depth, present)

    def _boolean(self, depth, present):
        if depth <= 0:
            return self._leaf(present)
        which = self.pick("leaf", "not", "and", "or", "and", "or", "if", "same", "compare", "in")
        if which == "leaf":
            return self._leaf(present)
        if which == "not":
            return Not(self._boolean(depth - 1, present))
        if which in ("and", "or"):
            return self._joined(And if which == "and" else Or, depth, present)
        if which == "if":
            return self._conditional("boolean", depth, present)
        if which == "same":
            return Compare(self.pick("==", "!="), self._boolean(depth - 1, present), self._boolean(depth - 1, present))
        if which == "in":
            return self._in(depth, present)
        return self._compare(depth, present)

    def _leaf(self, present):
        asked = [IsNone(Name(f)) for f in self.fields if f.optional]
        leaves = [*self.names("boolean", present), *asked, *map(Not, asked)]
        if leaves and self.draw(st.booleans()):
            return self.draw(st.sampled_from(leaves))
        if self.pick(*range(8)) == 0:
            return Constant(self.draw(st.booleans()), "boolean")
        return self._compare(0, present)

    def _joined(self, join, depth, present):
        operands = []
        for _ in range(self.draw(st.integers(2, 3))):
            operands.append(self._boolean(depth - 1, present))
            yes, no = narrow(operands[-1], present)
            present = yes if join is And else no
        return join(tuple(operands))

    def _conditional(self, kind, depth, present):
        test = self._boolean(depth - 1, present)
        yes, no = narrow(test, present)
        return Conditional(test, self.expression(kind, depth - 1, yes), self.expression(kind, depth - 1, no))

    def _compare(self, depth, present):
        kind = self.pick("integer", "number", "date", "days", "enum")
        if kind == "enum":
            names = [name for f in self.fields for name in self.names("enum", present, f.values)]
            if not names:  # two quoted words have no kind until a field meets them
                return Constant(self.draw(st.booleans()), "boolean")
            name = self.draw(st.sampled_from(names))
            return self._with_word(name, depth, present)
        other = self.pick("integer", "number") if kind == "number" else kind
        sides = self.expression(kind, depth - 1, present), self.expression(other, depth - 1, present)
        return Compare(self.pick("==", "!=", "<", "<=", ">", ">="), *sides)

    def _with_word(self, name, depth, present):
        if self.draw(st.booleans()):
            words = self.draw(st.lists(st.sampled_from(name.values), min_size=1, unique=True))
            return InSet(name, tuple(Constant(word, "enum", name.values) for word in words))
        sides = self.draw(st.permutations([name, self._enum(depth, present, name.values)]))
        return Compare(self.pick("==", "!="), *sides)

    def _in(self, depth, present):
        kind = self.pick("integer", "number", "date", "days", "boolean")
        members = [self._constant(kind) for _ in range(self.draw(st.integers(1, 3)))]
        return InSet(self.expression(kind, depth - 1, present), tuple(dict.fromkeys(members)))

    def _constant(self, kind):
        drawn = {
            "boolean": st.booleans(),
            "integer": st.integers(-4, 4) | st.sampled_from([200, -(2**31)]),
            "number": st.sampled_from([0.0, 0.1, -1.5, 2.0, 1e16]),
            "date": dates(),
            "days": st.integers(-70, 70),
        }
        return Constant(self.draw(drawn[kind]), kind)

    def _enum(self, depth, present, chosen):
        names = self.names("enum", present, chosen)
        if depth > 1 and self.draw(st.booleans()):
            test = self._boolean(depth - 1, present)
            _, no = narrow(test, present)
            name = self.draw(st.sampled_from(names)) if names else Constant(chosen[0], "enum", chosen)
            return Conditional(test, name, self._enum(0, no, chosen))
        if names and self.draw(st.booleans()):
            return self.draw(st.sampled_from(names))
        return Constant(self.pick(*chosen), "enum", chosen)

    def _value(self, kind, present):
        names = self.names(kind, present)
        return self.draw(st.sampled_from(names)) if names and self.pick(0, 1, 2) else self._constant(kind)

    def _extreme(self, kind, depth, present):
        operands = [self.expression(kind, depth - 1, present) for _ in range(self.draw(st.integers(2, 3)))]
        return call(self.pick("min", "max"), tuple(operands))

    def _integer(self, depth, present):
        which = self.pick("value", "sum", "product", "if", "min", "abs", "count", "minus") if depth > 0 else "value"
        if which == "value":
            return self._value("integer", present)
        if which == "if":
            return self._conditional("integer", depth, present)
        if which == "min":
            return self._extreme("integer", depth, present)
        if which == "count":
            return call("count", tuple(self._boolean(depth - 1, present) for _ in range(self.draw(st.integers(1, 3)))))
        first = self._integer(depth - 1, present)
        if which == "product":
            return Arithmetic("*", *self.draw(st.permutations([first, Constant(self.draw(st.integers(-3, 3)), "integer")])))
        if which == "sum":
            return Arithmetic(self.pick("+", "-"), first, self._integer(depth - 1, present))
        if which == "abs":
            return call("abs", (first,))
        return first if isinstance(first, Constant) else Negate(first)

    def _number(self, depth, present):
        which = self.pick("value", "if", "min") if depth > 0 else "value"
        if which == "if":
            return self._conditional("number", depth, present)
        return self._extreme("number", depth, present) if which == "min" else self._value("number", present)

    def _date(self, depth, present):
        which = self.pick("value", "value", "sum", "if", "min") if depth > 0 else "value"
        if which == "sum":
            return Arithmetic(self.pick("+", "-"), self._date(depth - 1, present), self._days(depth - 1, present))
        if which == "if":
            return self._conditional("date", depth, present)
        return self._extreme("date", depth, present) if which == "min" else self._value("date", present)

    def _days(self, depth, present):
        which = self.pick("value", "difference", "sum", "abs") if depth > 0 else "value"
        if which == "difference":
            return Arithmetic("-", self._date(depth - 1, present), self._date(depth - 1, present))
        if which == "sum":
            return Arithmetic(self.pick("+", "-"), self._days(depth - 1, present), self._days(depth - 1, present))
        return call("abs", (self._days(depth - 1, present),)) if which == "abs" else self._constant("days")
