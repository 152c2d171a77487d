"""Sets of answers against sets that are listed, and conditions as sets of answers against their scalar reading."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflow.strategies import cases, expressions, fields
from workflow.predicates import Field, Namespace, parse, scalar
from workflow.proving.atoms import Atoms
from workflow.proving.decision_diagrams import EVERYTHING, NOTHING, Diagrams

N = 4
ALL = list(itertools.product([False, True], repeat=N))

Listed = frozenset[tuple[bool, ...]]
listed = st.frozensets(st.sampled_from(ALL))


def _set(store: Diagrams, answers: Listed) -> int:
    return store.any_of(store.cube(dict(enumerate(one))) for one in sorted(answers))


def _list(store: Diagrams, one: int) -> Listed:
    return frozenset(answers for answers in ALL if store.has(one, answers.__getitem__))


@given(listed, listed)
def test_operations_on_sets_are_those_on_listed_sets(a: Listed, b: Listed) -> None:
    """Intersection, union, complement and difference."""
    store = Diagrams()
    one, other = _set(store, a), _set(store, b)
    assert _list(store, store.both(one, other)) == a & b
    assert _list(store, store.either(one, other)) == a | b
    assert _list(store, store.negate(one)) == frozenset(ALL) - a
    assert _list(store, store.less(one, other)) == a - b


@given(listed, listed)
def test_equal_sets_have_equal_numbers(a: Listed, b: Listed) -> None:
    """However they were made."""
    store = Diagrams()
    assert (_set(store, a) == _set(store, b)) == (a == b)
    assert _set(store, frozenset()) == NOTHING
    assert _set(store, frozenset(ALL)) == EVERYTHING


@given(listed, st.sets(st.integers(0, N - 1)))
def test_a_projection_has_the_answers_that_some_answers_in_the_set_agree_with(a: Listed, kept: set[int]) -> None:
    """On the questions that are kept."""
    store = Diagrams()
    expected = {answers for answers in ALL if any(all(answers[i] == other[i] for i in kept) for other in a)}
    assert _list(store, store.project(_set(store, a), kept)) == expected


@given(listed.filter(bool))
def test_what_is_picked_is_in_the_set(a: Listed) -> None:
    """Whatever the free answers are."""
    store = Diagrams()
    picked = store.pick(_set(store, a))
    assert {answers for answers in ALL if all(answers[i] == value for i, value in picked.items())} <= a


@given(st.data())
def test_a_condition_has_the_answers_of_the_cases_for_which_it_holds(data: st.DataObject) -> None:
    """Missing values included. The answers of every case are among the possible answers of the atoms of each fact."""
    pytest.importorskip("z3")
    from workflow.proving.machine_check import some_value
    from workflow.proving.relations import possible_answers

    facts = data.draw(fields(role="fact"))
    condition = data.draw(expressions(facts, depth=2))
    atoms = Atoms(field.name for field in facts)
    holding = atoms.cases(condition)
    possible = possible_answers(atoms, range(len(atoms.numbered)))
    stand_ins = {field.name: some_value(field) for field in facts}
    for case in data.draw(st.lists(cases(facts), min_size=1, max_size=5)):
        answers = atoms.answers(case, stand_ins, range(len(atoms.numbered)))
        holds = scalar(condition, list(case), [])(tuple(case.values()), ())
        assert atoms.diagrams.has(holding, answers.__getitem__) == holds
        assert atoms.diagrams.has(possible, answers.__getitem__)


@pytest.mark.parametrize("condition", ["(guilty is not None) in (false,)", "(30 if age is None else age) > 20"])
def test_a_case_answers_whether_a_fact_is_missing_within_a_comparison(condition: str) -> None:
    """A value stands in for a missing fact only where the comparison itself does not ask whether it is missing."""
    fields = {
        "guilty": Field("guilty", "boolean", "fact", optional=True),
        "age": Field("age", "integer", "fact", minimum=0, maximum=99, optional=True),
    }
    atoms = Atoms(fields)
    holding = atoms.cases(parse(condition, Namespace(fields)))
    answers = atoms.answers({"guilty": None, "age": None}, {"guilty": False, "age": 0}, range(1))
    assert atoms.diagrams.has(holding, answers.__getitem__)


@pytest.mark.parametrize("missing", [None, False, True])
def test_what_a_missing_fact_answers_is_possible(missing: bool | None) -> None:
    """An atom may ask within a comparison whether a fact is missing, which neither of its values answers so."""
    pytest.importorskip("z3")
    from workflow.proving.relations import possible_answers

    fields = {"guilty": Field("guilty", "boolean", "fact", optional=True)}
    atoms = Atoms(fields)
    atoms.cases(parse("(guilty is None) in (false,)", Namespace(fields)))
    possible = possible_answers(atoms, range(1))
    assert atoms.diagrams.has(possible, atoms.answers({"guilty": missing}, {"guilty": False}, range(1)).__getitem__)
