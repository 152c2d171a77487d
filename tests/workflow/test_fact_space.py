"""The listed classes are exactly those that exist, each with a plain case, and limits are reported."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.workflow.strategies import expressions
from workflow import Workflow, compile_table, load_workflow
from workflow.deciding.machine import fact_names
from workflow.deciding.table import guards
from workflow.model.definition import Value
from workflow.predicates import Expression, Field, parse, scalar, vector
from workflow.proving import fact_space as listing
from workflow.proving.fact_space import FactSpace, possible_classes

pytest.importorskip("z3")

BUILT_IN = "prosecutorial-discretion-review"


def _workflow(facts: dict[str, object], assume: Sequence[str] = (), record: dict[str, object] | None = None) -> Workflow:
    """Return a workflow of one state and no guard, with some facts."""
    return load_workflow(
        {
            "workflow": "desk",
            "facts": facts,
            "record": record or {},
            "assume": list(assume),
            "activities": {"serve": {}},
            "entry": {"states": ["queue"]},
            "states": {"queue": {"activity": "serve"}, "gone": {"final": True}},
            "transitions": [{"transition": "finish", "from": "queue", "to": "gone"}],
        }
    )


def _listed(workflow: Workflow, *texts: str, limit: int = 3000, seconds: float = 30.0) -> FactSpace:
    return possible_classes(workflow, [parse(text, workflow.namespace) for text in texts], limit, seconds)


def _cases(workflow: Workflow, space: FactSpace) -> list[dict[str, Value]]:
    """Return the case of each class, as plain values."""
    columns = {}
    for name, column in space.witness.values.items():
        values = column.tolist()
        words = workflow.namespace.fields[name].values
        absent = space.witness.missing.get(name, np.zeros(len(values), bool))
        columns[name] = [None if gone else words[v] if words else v for v, gone in zip(values, absent.tolist(), strict=True)]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _off(workflow: Workflow, case: dict[str, Value]) -> dict[str, Value]:
    """Return the facts of a case that are not at their defaults."""
    return {name: value for name, value in case.items() if name in workflow.facts and value != workflow.defaults[name]}


def _all_off(workflow: Workflow, space: FactSpace) -> list[dict[str, Value]]:
    return [_off(workflow, case) for case in _cases(workflow, space)]


# which classes ------------------------------------------------------------------------------------

SMALL = _workflow(
    {
        "n": {"type": "integer", "minimum": -1, "maximum": 3, "default": 1},
        "m": {"type": "integer", "minimum": 0, "maximum": 2, "optional": True},
        "colour": {"enum": ["red", "green", "blue"]},
        "kind": {"enum": ["red", "green", "blue"], "optional": True, "default": "green"},
        "flag": {"type": "boolean"},
        "doubt": {"type": "boolean", "optional": True},
    }
)
EVERYONE = list(itertools.product(*(field.domain() for field in SMALL.facts.values())))
FIELDS = list(SMALL.facts.values())


def _answers(conditions: Iterable[Expression]) -> list[tuple[bool, ...]]:
    """Return the values of all conditions for all cases."""
    tests = [scalar(condition, list(SMALL.facts), []) for condition in conditions]
    return [tuple(test(case, []) for test in tests) for case in EVERYONE]


@settings(max_examples=examples(80), deadline=None)
@given(
    st.lists(expressions(FIELDS, "boolean", 2), min_size=1, max_size=4), st.lists(expressions(FIELDS, "boolean", 1), max_size=1)
)
def test_the_classes_listed_are_those_that_some_case_has(conditions: list[Expression], assumptions: list[Expression]) -> None:
    """Compared with all cases that satisfy the assumptions. No case of a class has fewer facts off their defaults."""
    workflow = replace(SMALL, assumptions=tuple(assumptions))
    space = possible_classes(workflow, conditions)
    least: dict[tuple[bool, ...], int] = {}
    every = zip(EVERYONE, _answers(space.parts), _answers(assumptions), strict=True)
    for case, answers, kept in every:
        if all(kept):
            off = len(_off(workflow, dict(zip(workflow.facts, case, strict=True))))
            least[answers] = min(off, least.get(answers, 9))
    columns = space.witness.values, space.witness.missing
    bits = [np.broadcast_to(vector(part, *columns, len(space)), len(space)).tolist() for part in space.parts]
    listed_answers = list(zip(*bits, strict=True)) if bits else [()] * len(space)
    assert space.complete
    assert len(listed_answers) == len(set(listed_answers))
    assert set(listed_answers) == set(least)
    off = [len(some) for some in _all_off(workflow, space)]
    assert off == sorted(off)
    for n_off, answers in zip(off, listed_answers, strict=True):
        if least[answers] <= listing._FEW:
            assert n_off == least[answers]
    for case in _cases(workflow, space):
        assert tuple(case[name] for name in workflow.facts) in EVERYONE


def test_the_built_in_workflow_has_a_handful_of_classes() -> None:
    """The table over their representative cases has exactly these classes."""
    workflow = load_workflow(BUILT_IN)
    space = possible_classes(workflow, guards(workflow))
    assert space.complete
    assert len(compile_table(workflow, space.witness).classes) == len(space) <= 16
    off = _all_off(workflow, space)
    assert off[0] == {}
    assert max(map(len, off)) == 3


def test_the_table_has_as_many_classes_with_the_conditions_of_rules() -> None:
    """Conditions of rules separate more cases than guards do."""
    workflow = load_workflow(BUILT_IN)
    conditions = [*guards(workflow), *(c for rule in workflow.rules for c in rule.conditions)]
    space = possible_classes(workflow, conditions)
    assert space.complete
    assert len(compile_table(workflow, space.witness, conditions).classes) == len(space)
    assert len(space) > len(possible_classes(workflow, guards(workflow)))


def test_independent_facts_give_every_combination() -> None:
    """Eleven facts give 2048 classes, the plainest first, without a search."""
    facts = {f"b{i}": {"type": "boolean"} for i in range(11)}
    space = _listed(_workflow(facts), *facts)
    bits = np.stack([space.witness.values[name] for name in facts])
    assert space.complete
    assert np.unique(bits, axis=1).shape == bits.shape == (11, 2048)
    assert bits.sum(axis=0).tolist() == sorted(bits.sum(axis=0))


def test_an_assumption_joins_facts() -> None:
    """The assumption allows one of two, or none, but not both."""
    facts = {"a": {"type": "boolean"}, "b": {"type": "boolean"}, "c": {"type": "boolean"}}
    workflow = _workflow(facts, ["not a or not b"])
    space = _listed(workflow, "a", "b", "c")
    assert sorted(tuple(case[n] for n in "abc") for case in _cases(workflow, space)) == [
        (False, False, False), (False, False, True), (False, True, False), (False, True, True), (True, False, False), (True, False, True),
    ]  # fmt: skip


def test_an_assumption_binds_facts_that_no_condition_reads() -> None:
    """The case of the only class satisfies it, although the defaults do not."""
    workflow = _workflow({"n": {"type": "integer", "minimum": 0, "maximum": 9}, "m": {"type": "boolean"}}, ["n > 2"])
    space = _listed(workflow)
    assert space.complete
    assert _all_off(workflow, space) == [{"n": 3}]


def test_contradictory_assumptions_give_no_class() -> None:
    """The empty list is complete."""
    workflow = _workflow({"n": {"type": "integer", "minimum": 0, "maximum": 9}, "m": {"type": "boolean"}}, ["n > 9"])
    space = _listed(workflow, "m", "n > 3")
    assert space.complete
    assert len(space) == 0
    assert {name: len(column) for name, column in space.witness.values.items()} == dict.fromkeys(fact_names(workflow), 0)


def test_facts_compared_with_the_record_are_separated_at_each_of_its_values() -> None:
    """Three values of the record give four kinds of cases."""
    record: dict[str, object] = {"pardons": {"type": "integer", "minimum": 0, "maximum": 2}}
    workflow = _workflow({"felonies": {"type": "integer", "minimum": 0, "maximum": 9}}, record=record)
    space = _listed(workflow, "felonies > pardons")
    assert sorted(space.witness.values["felonies"].tolist()) == [0, 1, 2, 3]


def test_a_class_between_two_neighbouring_floats_has_no_case() -> None:
    """Z3's numbers are denser than floats: no case has a value between two floats."""
    above = math.nextafter(0.1, 1)
    workflow = _workflow({"x": {"type": "number", "default": 0.0}})
    space = _listed(workflow, "x > 0.1", f"x < {above!r}")
    assert space.complete
    assert [case["x"] for case in _cases(workflow, space)] == [0.0, above]
    beyond = math.nextafter(above, 1)
    space = _listed(workflow, "x > 0.1", f"x < {beyond!r}")
    assert space.complete
    assert sorted(space.witness.values["x"].tolist()) == [0.0, above, beyond]


# one case of each ---------------------------------------------------------------------------------


def test_a_case_is_plain() -> None:
    """The facts that a class needs are just past their bounds; everything else has its default."""
    facts = {
        "age": {"type": "integer", "minimum": 0, "maximum": 110, "default": 35},
        "years_present": {"type": "integer", "minimum": 0, "maximum": 110, "default": 5},
        "felonies": {"type": "integer", "minimum": 0, "maximum": 20},
        "entered": {"type": "date", "optional": True},
        "income": {"type": "number", "minimum": 0, "default": 1200.5},
        "schooling": {"enum": ["none", "in_school", "high_school"]},
    }
    workflow = _workflow(facts, ["years_present <= age"])
    assert _all_off(workflow, _listed(workflow, "felonies > 0")) == [{}, {"felonies": 1}]
    assert _all_off(workflow, _listed(workflow, "age >= 65")) == [{}, {"age": 65}]
    assert _all_off(workflow, _listed(workflow, "age < 18")) == [{}, {"age": 17}]
    assert _all_off(workflow, _listed(workflow, "age - years_present < 16")) == [{}, {"age": 20}]
    assert _all_off(workflow, _listed(workflow, "income < 1000.0")) == [{}, {"income": 999.0}]
    assert _all_off(workflow, _listed(workflow, 'schooling != "none"')) == [{}, {"schooling": "in_school"}]
    since = "entered is not None and entered > as_of - days(1096)"
    assert _all_off(workflow, _listed(workflow, since)) == [{}, {"entered": dt.date(2012, 1, 1)}]
    before = 'entered is not None and entered < date("1996-09-30")'
    assert _all_off(workflow, _listed(workflow, before)) == [{}, {"entered": dt.date(1996, 9, 29)}]


def test_dates_that_every_case_has_are_plausible() -> None:
    """No case arrives after the reference date of its facts.

    Both dates keep their defaults unless a class needs others.
    """
    workflow = _workflow({"victim": {"type": "boolean"}})
    (case,) = _cases(workflow, _listed(workflow))
    assert (case["arrived"], case["as_of"]) == (dt.date(2012, 1, 1), dt.date(2012, 1, 1))
    waited = _cases(workflow, _listed(workflow, "as_of - arrived >= days(365)", 'as_of < date("2010-01-01")'))
    assert [(case["arrived"], case["as_of"]) for case in waited] == [
        (dt.date(2012, 1, 1), dt.date(2012, 1, 1)),
        (dt.date(2011, 1, 1), dt.date(2012, 1, 1)),
        (dt.date(2009, 12, 31), dt.date(2009, 12, 31)),
        (dt.date(2008, 12, 31), dt.date(2009, 12, 31)),
    ]
    (case,) = _cases(workflow, _listed(workflow, "arrived > as_of"))
    assert case["arrived"] == case["as_of"]


def test_facts_come_in_the_storage_of_a_population() -> None:
    """Columns have the type of their kind, the order of a case's facts, and a mask where a value may be missing."""
    kinds = {
        "b": {"type": "boolean"},
        "i": {"type": "integer", "minimum": 0, "maximum": 9},
        "x": {"type": "number"},
        "e": {"enum": ["u", "v"]},
        "d": {"type": "date"},
    }
    workflow = _workflow({**kinds, **{f"o{name}": {**declared, "optional": True} for name, declared in kinds.items()}})
    space = _listed(workflow, 'e == "v" or oe is not None and oe == "v"', "ob is not None", "oi is not None and oi > i")
    types = {"b": "bool", "i": "int64", "x": "float64", "e": "int64", "d": "datetime64[D]"}
    assert {name: str(column.dtype) for name, column in space.witness.values.items()} == {
        **types, **{f"o{name}": kind for name, kind in types.items()}, "arrived": "datetime64[D]", "as_of": "datetime64[D]",
    }  # fmt: skip
    assert list(space.witness.values) == list(fact_names(workflow))
    assert {name: str(mask.dtype) for name, mask in space.witness.missing.items()} == {f"o{n}": "bool" for n in kinds}
    assert all(len(column) == 8 for column in (*space.witness.values.values(), *space.witness.missing.values()))


def test_a_whole_number_without_bounds_and_default_is_zero() -> None:
    """A class may need another value, up to the largest integer that floats represent exactly."""
    workflow = _workflow({"n": {"type": "integer", "minimum": 0, "maximum": 9}})
    unbounded = replace(workflow, facts={"n": Field("n", "integer", "fact")}, defaults={"n": None})
    space = possible_classes(unbounded, [parse("n >= 9007199254740992", unbounded.namespace)])
    assert space.witness.values["n"].tolist() == [0, 2**53]


# limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_more_classes_than_the_limit_are_reported(limit: int) -> None:
    """At most the limit of classes is listed, and the list is marked as incomplete."""
    workflow = load_workflow(BUILT_IN)
    space = possible_classes(workflow, guards(workflow), limit=limit)
    assert not space.complete
    assert 0 < len(space) <= limit


@pytest.mark.parametrize("texts", [("n < 5", "n < 7"), ("n < 5", "n < 7 and b"), ("n < 5", "b")])
def test_as_many_classes_as_the_limit_are_complete(texts: tuple[str, ...]) -> None:
    """With a limit one smaller, the list is incomplete."""
    workflow = _workflow({"n": {"type": "integer", "minimum": 0, "maximum": 9}, "b": {"type": "boolean"}})
    n_classes = len(_listed(workflow, *texts))
    assert _listed(workflow, *texts, limit=n_classes).complete
    assert not _listed(workflow, *texts, limit=n_classes - 1).complete


def test_the_limit_counts_combinations() -> None:
    """Thirty independent facts have a thousand million."""
    facts = {f"b{i}": {"type": "boolean"} for i in range(30)}
    space = _listed(_workflow(facts), *facts)
    assert not space.complete
    assert 0 < len(space) <= 3000


def test_beyond_a_few_hundred_classes_the_cases_need_not_be_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are still cases of every class."""
    monkeypatch.setattr(listing, "_MANY", 2)
    workflow = _workflow({f"n{i}": {"type": "integer", "minimum": 0, "maximum": 9} for i in range(5)})
    conditions = [parse(f"n{i} + n{i + 1} > 7", workflow.namespace) for i in range(4)]
    space = possible_classes(workflow, conditions)
    assert space.complete
    assert len(compile_table(workflow, space.witness, conditions).classes) == len(space) == 16


def _sum(terms: list[str]) -> str:
    """Return a sum with the least nesting."""
    half = len(terms) // 2
    return terms[0] if not half else f"({_sum(terms[:half])} + {_sum(terms[half:])})"


def test_it_never_hangs() -> None:
    """Stop a knapsack problem with many classes at the time limit; without a limit it takes hours."""
    facts = {f"n{i}": {"type": "integer", "minimum": 0, "maximum": 10_000} for i in range(24)}
    workflow = _workflow(facts)
    weighed = [_sum([f"{(i * 37 + k * 101) % 97 + 2} * n{i}" for i in range(24)]) for k in range(14)]
    start = time.monotonic()
    space = _listed(workflow, *(f"{total} == {100_003 + 17 * k}" for k, total in enumerate(weighed)), seconds=0.5)
    assert not space.complete
    assert time.monotonic() - start < 600


def test_without_time_the_list_is_empty_and_incomplete() -> None:
    """No class is listed."""
    workflow = load_workflow(BUILT_IN)
    space = possible_classes(workflow, guards(workflow), seconds=0)
    assert (len(space), space.complete) == (0, False)


# trust --------------------------------------------------------------------------------------------

_PRINT = f"""
from workflow import load_workflow
from workflow.proving.fact_space import possible_classes
from workflow.deciding.table import guards
workflow = load_workflow({BUILT_IN!r})
space = possible_classes(workflow, [*guards(workflow), *(c for rule in workflow.rules for c in rule.conditions)])
print({{name: column.tolist() for name, column in space.witness.values.items()}})
"""


def test_the_same_cases_are_listed_whatever_the_order_of_hashes() -> None:
    """Two processes have other seeds for the hashes of strings."""
    printed = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        run = subprocess.run([sys.executable, "-c", _PRINT], env=environment, capture_output=True, text=True, check=True)
        printed.append(run.stdout)
    assert printed[0] == printed[1] != ""


def test_a_case_that_contradicts_z3_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbolic reading that negates every condition is detected."""
    workflow = _workflow({"n": {"type": "integer", "minimum": 0, "maximum": 9}, "b": {"type": "boolean"}})
    right = listing.symbolic
    monkeypatch.setattr(listing, "symbolic", lambda expression, symbols: symbols.z3.Not(right(expression, symbols)))
    with pytest.raises(AssertionError, match=r"the readings of .* disagree"):
        _listed(workflow, "n > 5")
