"""The three readings of a predicate agree, and the classes that Z3 lists are those that exist."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.workflow.strategies import cases, columns, expressions, fields
from workflow import compile_table, load_workflow
from workflow.fact_space import possible_classes
from workflow.predicates import scalar, vector
from workflow.table import guards

z3 = pytest.importorskip("z3")

from workflow.predicates.symbolic import Symbols, symbolic  # noqa: E402 - after it is known that Z3 is there


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_scalar_vector_and_symbolic_readings_agree(data: st.DataObject) -> None:
    """Random well-typed conditions over random cases, missing values included: one answer from all three."""
    declared = data.draw(fields())
    expression = data.draw(expressions(declared, "boolean", 3, frozenset()))
    population = data.draw(st.lists(cases(declared), min_size=1, max_size=4))
    assume(all(value is None or value not in (math.inf, -math.inf) for case in population for value in case.values()))
    names = [f.name for f in declared]
    function = scalar(expression, names, [])
    values, missing = columns(population, declared)
    at_once = np.broadcast_to(vector(expression, values, missing, len(population)), len(population))
    symbols = Symbols({f.name: f for f in declared})
    term = symbolic(expression, symbols)
    for i, case in enumerate(population):
        expected = function([case[n] for n in names], [])
        assert bool(at_once[i]) == expected
        solver = z3.Solver()
        solver.add(*(symbols.equals(n, case[n]) for n in names), term)
        assert (solver.check() == z3.sat) == expected


def _small(guard: str) -> dict[str, Any]:
    return {
        "workflow": "small",
        "facts": {
            "n": {"type": "integer", "minimum": 0, "maximum": 5},
            "m": {"type": "integer", "minimum": 0, "maximum": 3, "optional": True},
            "colour": {"enum": ["red", "green", "blue"]},
        },
        "assume": ["n != 4"],
        "activities": {"serve": {}},
        "entry": {"states": ["queue"]},
        "states": {"queue": {"activity": "serve"}, "gone": {"final": True}},
        "transitions": [
            {"transition": "one", "from": "queue", "to": "gone", "when": guard},
            {"transition": "two", "from": "queue", "to": "gone", "when": 'colour == "red" or n >= 4'},
            {"transition": "three", "from": "queue", "to": "gone"},
        ],
    }


@pytest.mark.parametrize(
    "guard", ["n > 2", "m is not None and m < n", 'colour in ("red", "blue") and n + 1 > 3', "count(n > 1, n > 3) == 1"]
)
def test_the_classes_listed_are_those_that_some_case_has(guard: str) -> None:
    """Against all 6 x 5 x 3 cases, those that keep to the assumption."""
    workflow = load_workflow(_small(guard))
    space = possible_classes(workflow, guards(workflow))
    functions = [scalar(part, list(workflow.facts), []) for part in space.parts]
    everyone = itertools.product(range(6), [*range(4), None], ["red", "green", "blue"])
    exist = {tuple(f(case, []) for f in functions) for case in everyone if case[0] != 4}
    listed = [
        tuple(
            bool(np.broadcast_to(vector(p, space.witness.values, space.witness.missing), len(space.witness))[k])
            for p in space.parts
        )
        for k in range(len(space.witness))
    ]
    assert space.complete
    assert len(listed) == len(set(listed))
    assert set(listed) == exist


def test_the_built_in_workflow_has_a_handful_of_kinds_of_cases() -> None:
    """The table over the witnesses tells just these apart."""
    workflow = load_workflow("prosecutorial-discretion-review")
    space = possible_classes(workflow, guards(workflow))
    assert space.complete
    assert len(compile_table(workflow, space.witness).classes) == len(space.witness) <= 16


def test_a_limit_is_told_and_never_a_hang() -> None:
    """Two classes of many, then it stops."""
    workflow = load_workflow("prosecutorial-discretion-review")
    space = possible_classes(workflow, guards(workflow), limit=2)
    assert not space.complete
    assert len(space.witness) == 2
