"""The automaton of each rule template agrees with a direct definition on all short histories."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from workflow.model.automata import Automaton, after_then, before_needs, count, never, never_true
from workflow.predicates.tree import Name
from workflow.predicates.words import Word, past_operator

STEPS = ("close", "clear", "reopen", "close+clear", "clear+reopen", "other")
"""``a+b`` is a step that matches two patterns."""

History = tuple[str, ...]

HISTORIES: list[History] = [h for n in range(6) for h in itertools.product(STEPS, repeat=n)]


def _is(step: str, name: str) -> bool:
    return name in step.split("+")


def _run(automaton: Automaton, history: History) -> int:
    """Return the state of an automaton after a history."""
    q = 0
    for step in history:
        symbol = sum(1 << i for i, p in enumerate(automaton.patterns) if any(_is(step, name) for name in p.names))
        q = automaton.step(q, symbol)
    return q


def _named(name: str) -> Word:
    return Word.of(name)


def _missing(history: History, i: int, resets: str | None, once: bool) -> bool:
    """Return whether clear is still needed before step i."""
    marks = [k for k in range(i) if resets is not None and _is(history[k], resets)]
    if once and not marks:
        return False
    since = marks[-1] if marks else -1
    # A step that is both a reset and a clear: the reset applies first, then the clear counts.
    return not any(_is(history[k], "clear") for k in range(max(since, 0), i))


@pytest.mark.parametrize(
    ("automaton", "expected"),
    [
        (never(_named("close")), lambda h: any(_is(x, "close") for x in h)),
        (
            before_needs(_named("close"), _named("clear"), None, once=False),
            lambda h: any(_is(h[i], "close") and _missing(h, i, None, False) for i in range(len(h))),
        ),
        (
            before_needs(_named("close"), _named("clear"), _named("reopen"), once=False),
            lambda h: any(_is(h[i], "close") and _missing(h, i, "reopen", False) for i in range(len(h))),
        ),
        (
            before_needs(_named("close"), _named("clear"), _named("reopen"), once=True),
            lambda h: any(_is(h[i], "close") and _missing(h, i, "reopen", True) for i in range(len(h))),
        ),
        (count(_named("close"), None, most=1), lambda h: sum(_is(x, "close") for x in h) > 1),
        (count(_named("close"), None, most=2), lambda h: sum(_is(x, "close") for x in h) > 2),
    ],
    ids=["never", "before", "before since", "before once", "at most 1", "at most 2"],
)
def test_a_rule_is_broken_by_exactly_the_histories_that_it_forbids(
    automaton: Automaton, expected: Callable[[History], bool]
) -> None:
    """All 9,331 histories of up to five steps."""
    for history in HISTORIES:
        assert (_run(automaton, history) in automaton.broken) == expected(history), history


def test_an_obligation_is_open_until_a_later_step_meets_it() -> None:
    """A clear opens an obligation; a later close meets it."""
    automaton = after_then(_named("clear"), _named("close"))
    for history in HISTORIES:
        is_open = False
        for step in history:
            is_open = not _is(step, "close") if is_open else _is(step, "clear")
        assert (_run(automaton, history) in automaton.open) == is_open, history
    assert not automaton.broken


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("once(clear)", lambda h: any(_is(x, "clear") for x in h)),
        (
            "since(clear, reopen)",
            lambda h: any(_is(h[i], "clear") and not any(_is(x, "reopen") for x in h[i + 1 :]) for i in range(len(h))),
        ),
        (
            "before(clear, reopen)",
            lambda h: any(_is(h[i], "clear") and not any(_is(x, "reopen") for x in h[: i + 1]) for i in range(len(h))),
        ),
    ],
)
def test_a_past_operator_holds_after_exactly_the_histories_that_it_describes(
    operator: str, expected: Callable[[History], bool]
) -> None:
    """The automaton gives the truth value of the operator after each history."""
    name, _, operands = operator.removesuffix(")").partition("(")
    field = past_operator(name, tuple(map(Word.of, operands.split(", "))))
    assert field.name == operator
    automaton = never_true(Name(field))
    for history in HISTORIES:
        assert automaton.flags[_run(automaton, history)][operator] == expected(history), history


def test_a_step_that_is_both_forbidden_and_needed_breaks_the_rule() -> None:
    """The forbidden step is judged before the needed step counts."""
    automaton = before_needs(_named("close"), _named("clear"), None, once=False)
    assert _run(automaton, ("close+clear",)) in automaton.broken
    assert _run(automaton, ("clear", "close+clear")) not in automaton.broken
