"""Rule templates say what their sentences say: each automaton against its plain meaning, over all short words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from workflow.model.automata import Automaton, Letter, Past, after_then, at_most, before_needs, in_no_situation, never
from workflow.predicates import Field, Namespace, parse, substitute

ALPHABET = ("close", "clear", "reopen", "close+clear", "clear+reopen", "other")
"""Words of history; ``a+b`` is one letter that is both (a row can be an event and a transition of one name list)."""

Word = tuple[str, ...]


def _is(letter: str, name: str) -> bool:
    return name in letter.split("+")


def _broken(automaton: Automaton, word: Word) -> bool:
    q = 0
    for letter in word:
        symbol = sum(1 << i for i, one in enumerate(automaton.letters) if any(_is(letter, name) for name in one.names))
        q = automaton.step(q, symbol)
    return q in automaton.broken


def _open(automaton: Automaton, word: Word) -> bool:
    q = 0
    for letter in word:
        symbol = sum(1 << i for i, one in enumerate(automaton.letters) if any(_is(letter, name) for name in one.names))
        q = automaton.step(q, symbol)
    return q in automaton.open


def _words(longest: int = 5) -> list[Word]:
    return [w for n in range(longest + 1) for w in itertools.product(ALPHABET, repeat=n)]


def _named(name: str) -> Letter:
    return Letter(frozenset({name}))


def _lacks(word: Word, i: int, resets: str | None, once: bool) -> bool:
    """Say whether, before letter i, clear is still needed."""
    marks = [k for k in range(i) if resets is not None and _is(word[k], resets)]
    if once and not marks:
        return False
    since = marks[-1] if marks else -1
    # a reset and a clear in one letter: the reset first, then the clear counts
    return not any(_is(word[k], "clear") for k in range(max(since, 0), i))


@pytest.mark.parametrize(
    ("automaton", "meaning"),
    [
        (never(_named("close")), lambda w: any(_is(x, "close") for x in w)),
        (
            before_needs(_named("close"), _named("clear"), None, once=False),
            lambda w: any(_is(w[i], "close") and _lacks(w, i, None, False) for i in range(len(w))),
        ),
        (
            before_needs(_named("close"), _named("clear"), _named("reopen"), once=False),
            lambda w: any(_is(w[i], "close") and _lacks(w, i, "reopen", False) for i in range(len(w))),
        ),
        (
            before_needs(_named("close"), _named("clear"), _named("reopen"), once=True),
            lambda w: any(_is(w[i], "close") and _lacks(w, i, "reopen", True) for i in range(len(w))),
        ),
        (at_most(1, _named("close")), lambda w: sum(_is(x, "close") for x in w) > 1),
        (at_most(2, _named("close")), lambda w: sum(_is(x, "close") for x in w) > 2),
    ],
    ids=["never", "before", "before since", "before once", "at most 1", "at most 2"],
)
def test_a_template_is_broken_by_just_the_words_that_its_sentence_forbids(
    automaton: Automaton, meaning: Callable[[Sequence[str]], bool]
) -> None:
    """All 9,331 words of up to five letters, judged by the automaton and by the plain meaning."""
    for word in _words():
        assert _broken(automaton, word) == meaning(word), word


def test_an_obligation_is_open_until_a_later_letter_meets_it() -> None:
    """Open: some clear with no close after it, counted from the first clear that is not yet answered."""
    automaton = after_then(_named("clear"), _named("close"))
    for word in _words():
        owed = False
        for letter in word:
            owed = not _is(letter, "close") if owed else _is(letter, "clear")
        assert _open(automaton, word) == owed, word
        assert not _broken(automaton, word)


@pytest.mark.parametrize(
    ("past", "meaning"),
    [
        (Past("once", ("clear",), "flag"), lambda w: any(_is(x, "clear") for x in w)),
        (
            Past("since", ("clear", "reopen"), "flag"),
            lambda w: any(_is(w[i], "clear") and not any(_is(x, "reopen") for x in w[i + 1 :]) for i in range(len(w))),
        ),
        (
            Past("before", ("clear", "reopen"), "flag"),
            lambda w: any(_is(w[i], "clear") and not any(_is(x, "reopen") for x in w[: i + 1]) for i in range(len(w))),
        ),
    ],
    ids=["once", "since", "before"],
)
def test_an_operator_over_the_past_holds_after_just_the_words_it_describes(
    past: Past, meaning: Callable[[Sequence[str]], bool]
) -> None:
    """The condition of a situation is looked at with the operator's truth after each word."""
    namespace = Namespace({"flag": Field("flag", "boolean", "record")})
    automaton = in_no_situation(parse("flag", namespace), [past], substitute)
    for word in _words():
        q = 0
        for letter in word:
            symbol = sum(
                1 << i for i, one in enumerate(automaton.letters) if any(_is(letter, name) for name in one.names)
            )
            q = automaton.step(q, symbol)
        assert automaton.flags[q]["flag"] == meaning(word), word


def test_the_forbidden_word_is_judged_before_what_is_needed_counts() -> None:
    """At one letter that is both, the word is said before it is allowed."""
    automaton = before_needs(_named("close"), _named("clear"), None, once=False)
    assert _broken(automaton, ("close+clear",))
    assert not _broken(automaton, ("clear", "close+clear"))
