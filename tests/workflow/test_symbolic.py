"""The symbolic reading agrees with the other two, and a model of Z3 becomes a case."""

from __future__ import annotations

import datetime as dt
import math
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.workflow.strategies import cases, columns, expressions, fields
from workflow.errors import DocketsimError
from workflow.predicates import Field, Namespace, parse, scalar, vector
from workflow.predicates import symbolic as reading
from workflow.predicates.symbolic import ProverMissing, Symbols, symbolic
from workflow.predicates.tree import And, Constant, Not, Or, Unknown, Value

z3 = pytest.importorskip("z3")

NUMBER = Field("x", "number", "fact")
EPOCH = dt.date(1970, 1, 1)


def _substituted(term, symbols: Symbols, case: dict[str, Value]):
    """Return a term with a case's values in place of the symbols; a missing value may be anything."""
    pairs = []
    for name, field in symbols.fields.items():
        value = case[name]
        filler = {"enum": field.values[-1] if field.values else None, "date": EPOCH}.get(field.kind, 1)
        pairs.append((symbols.values[name], symbols.term(field, filler if value is None else value)))
        if name in symbols.missing:
            pairs.append((symbols.missing[name], z3.BoolVal(value is None, symbols.context)))
    return z3.simplify(z3.substitute(term, *pairs))


def _plain(term) -> bool | int | float:
    if z3.is_bool(term):
        assert z3.is_true(term) or z3.is_false(term)
        return z3.is_true(term)
    return term.as_long() if z3.is_int(term) else float(term.as_fraction())


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_scalar_vector_and_symbolic_readings_agree(data: st.DataObject) -> None:
    """All three readings of random well-typed expressions give the same value, missing values included."""
    declared = data.draw(fields())
    kind = data.draw(st.sampled_from(["boolean", "boolean", "boolean", "integer", "number", "days"]))
    expression = data.draw(expressions(declared, kind, 3))
    population = data.draw(st.lists(cases(declared), min_size=1, max_size=4))
    names = [f.name for f in declared]
    one_by_one = scalar(expression, names, [])
    at_once = vector(expression, *columns(population, declared), len(population))
    symbols = Symbols({f.name: f for f in declared})
    term = symbolic(expression, symbols)
    for i, case in enumerate(population):
        expected = one_by_one([case[n] for n in names], [])
        assert at_once[i] == expected
        if not isinstance(expected, float) or math.isfinite(expected):
            assert _plain(_substituted(term, symbols, case)) == expected


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_the_scalar_reading_confirms_a_case_from_z3(data: st.DataObject) -> None:
    """Z3 gives a case for which a condition holds, and one for which it does not."""
    declared = data.draw(fields())
    condition = data.draw(expressions(declared, "boolean", 3))
    names = [f.name for f in declared]
    holds = scalar(condition, names, [])
    symbols = Symbols({f.name: f for f in declared})
    for wanted, asked in ((True, condition), (False, Not(condition))):
        solver = symbols.solver()
        solver.set("rlimit", 5_000_000)  # a count of steps, independent of the speed of the machine
        solver.add(symbolic(asked, symbols))
        answer = solver.check()
        while answer == z3.sat and (gaps := symbols.gaps(solver.model())):
            solver.add(*gaps)
            answer = solver.check()
        assume(answer != z3.unknown)
        if answer == z3.sat:
            case = symbols.case(solver.model())
            assert holds([case[n] for n in names], []) is wanted
            for field in declared:
                assert case[field.name] is not None or field.optional
                if field.kind in ("boolean", "integer", "enum"):
                    assert case[field.name] in field.domain()
        else:
            drawn = data.draw(cases(declared))
            assume(all(not isinstance(value, float) or math.isfinite(value) for value in drawn.values()))
            assert holds([drawn[n] for n in names], []) is not wanted


def _solver_with(text: str, *declared: Field):
    """Return symbols and a solver with a condition."""
    known = {f.name: f for f in declared}
    symbols = Symbols(known)
    solver = symbols.solver()
    solver.add(symbolic(parse(text, Namespace(known)), symbols))
    return symbols, solver


def test_a_number_is_the_float_and_not_its_decimal_text() -> None:
    """0.1 is a little more than 1/10, in both readings."""
    symbols, solver = _solver_with("x == 0.1", NUMBER)
    assert solver.check() == z3.sat
    assert symbols.case(solver.model()) == {"x": 0.1}
    solver.add(symbols.values["x"] == z3.Q(1, 10, symbols.context))
    assert solver.check() == z3.unsat


def test_nothing_lies_between_a_float_and_the_next_one() -> None:
    """Without the constraint on gaps, Z3 returns a number in between."""
    above = math.nextafter(0.1, 1)
    symbols, solver = _solver_with(f"x > 0.1 and x < {above!r}", NUMBER)
    assert solver.check() == z3.sat
    gaps = symbols.gaps(solver.model())
    assert gaps
    solver.add(*gaps)
    assert solver.check() == z3.unsat


def test_a_float_between_two_others_is_found() -> None:
    """One float lies between 0.1 and the float after the next."""
    above = math.nextafter(0.1, 1)
    symbols, solver = _solver_with(f"x > 0.1 and x < {math.nextafter(above, 1)!r}", NUMBER)
    assert solver.check() == z3.sat
    while gaps := symbols.gaps(solver.model()):
        solver.add(*gaps)
        assert solver.check() == z3.sat
    assert symbols.case(solver.model()) == {"x": above}


def test_a_missing_number_has_no_gap() -> None:
    """The stored value does not matter."""
    symbols, solver = _solver_with("x is None", Field("x", "number", "fact", optional=True))
    solver.add(symbols.values["x"] == z3.Q(1, 10, symbols.context))
    assert solver.check() == z3.sat
    assert symbols.gaps(solver.model()) == []
    assert symbols.case(solver.model()) == {"x": None}


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinity_is_beyond_every_float(value: float) -> None:
    """A condition over a number without bounds has the same value for infinity as in Python."""
    symbols = Symbols({"x": NUMBER})
    term = symbolic(parse("x > 1.7976931348623157e308 or x < 0", Namespace({"x": NUMBER})), symbols)
    assert z3.is_true(_substituted(term, symbols, {"x": value}))


@pytest.mark.parametrize(
    ("field", "beyond"),
    [
        (Field("n", "integer", "fact"), "n > 9007199254740991 + 1 or n < -9007199254740991 - 1"),
        (Field("n", "integer", "fact", minimum=2, maximum=5), "n not in (2, 3, 4, 5)"),
        (Field("n", "number", "fact", minimum=0.1, maximum=2), "n < 0.1 or n > 2"),
        (Field("n", "date", "fact"), 'n < date("0001-01-01") or n > date("9999-12-31")'),
        (
            Field("n", "date", "fact", minimum=dt.date(2011, 1, 1), maximum=dt.date(2011, 12, 31)),
            'n - date("2011-06-30") > days(184) or n < date("2011-01-01")',
        ),
        (Field("n", "enum", "fact", ("a", "b")), 'n not in ("a", "b")'),
    ],
    ids=lambda x: x.kind if isinstance(x, Field) else None,
)
def test_every_value_is_within_its_declared_bounds(field: Field, beyond: str) -> None:
    """Every kind has bounds, also without declared ones."""
    _, solver = _solver_with(beyond, field)
    assert solver.check() == z3.unsat


@pytest.mark.parametrize("day", [dt.date.min, dt.date(1969, 12, 31), EPOCH, dt.date.max])
def test_every_day_of_the_calendar_is_converted_back(day: dt.date) -> None:
    """The first and the last day are included."""
    symbols, solver = _solver_with(f'n == date("{day.isoformat()}")', Field("n", "date", "fact"))
    assert solver.check() == z3.sat
    assert symbols.case(solver.model()) == {"n": day}


def test_one_solver_can_have_two_cases() -> None:
    """It returns two cases that differ in custody alone and in the value of the condition."""
    known = {
        "custody": Field("custody", "enum", "record", ("not_detained", "detained")),
        "felonies": Field("felonies", "integer", "fact", minimum=0, maximum=3, optional=True),
    }
    text = 'custody == "detained" and felonies is not None and felonies > 1'
    condition = parse(text, Namespace(known))
    one = Symbols(known)
    other = Symbols(known, suffix="'", like=one)
    solver = one.solver()
    solver.add(*other.domain, symbolic(condition, one), z3.Not(symbolic(condition, other)))
    solver.add(one.values["felonies"] == other.values["felonies"], one.missing["felonies"] == other.missing["felonies"])
    assert solver.check() == z3.sat
    first, second = one.case(solver.model()), other.case(solver.model())
    assert (first["custody"], second["custody"]) == ("detained", "not_detained")
    assert first["felonies"] == second["felonies"]


def test_equals_requires_a_value_or_a_missing_value() -> None:
    """An optional field with the value is not missing."""
    symbols = Symbols({"n": Field("n", "enum", "fact", ("a", "b"), optional=True)})
    for value in ("a", "b", None):
        solver = symbols.solver()
        solver.add(symbols.equals("n", value))
        assert solver.check() == z3.sat
        assert symbols.case(solver.model()) == {"n": value}


def test_z3_gives_the_same_case_after_other_queries() -> None:
    """New symbols give the same case."""
    known = {
        "a": Field("a", "integer", "fact", minimum=0, maximum=9),
        "b": Field("b", "integer", "fact", minimum=0, maximum=9, optional=True),
        "x": NUMBER,
    }
    condition = parse("b is not None and a + b > 7 and (x > 0.3 or b > 2)", Namespace(known))
    solutions = []
    for n_others in (0, 5, 50):
        for i in range(n_others):
            assert z3.Solver().check(z3.Int(f"other {i}") > i) == z3.sat
        symbols = Symbols(known)
        solver = symbols.solver()
        solver.add(symbolic(condition, symbols))
        assert solver.check() == z3.sat
        solutions.append(symbols.case(solver.model()))
    assert solutions[0] == solutions[1] == solutions[2]


def test_without_z3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the project's own, and an ImportError."""
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(ProverMissing, match=r"install the extra 'prove' \(pip install 'docketsim\[prove\]'\)") as error:
        Symbols({"x": NUMBER})
    assert isinstance(error.value, DocketsimError)
    assert isinstance(error.value, ImportError)
    with pytest.raises(ProverMissing):
        reading.z3()


def test_a_field_without_a_symbol_is_named() -> None:
    """The expression reads a field that has no symbol."""
    condition = parse("x > 0.5", Namespace({"x": NUMBER}))
    with pytest.raises(ValueError, match="reads 'x', which has no symbol"):
        symbolic(condition, Symbols({}))


@pytest.mark.parametrize("part", [Unknown(), Constant("detained", "text")])
def test_an_unfinished_predicate_has_no_symbolic_reading(part) -> None:
    """It contains a mistake or a string without its enum."""
    with pytest.raises(TypeError, match="has no symbolic reading"):
        symbolic(Not(part), Symbols({}))


def test_a_definition_is_translated_once() -> None:
    """Without sharing, a tree of twenty levels would have a thousand million leaves; it has 61 nodes."""
    shared = parse("x > 0.5", Namespace({"x": NUMBER}))
    for _ in range(20):
        shared = Or((And((shared, Not(shared))), shared))
    symbols = Symbols({"x": NUMBER})
    term = symbolic(shared, symbols)
    assert [_plain(_substituted(term, symbols, {"x": value})) for value in (0.4, 0.5, 0.6)] == [False, False, True]
