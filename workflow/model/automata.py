"""A rule as a small deterministic automaton over a case's history: one object for proof, test, monitor and audit.

A *letter* is a transition taken or an event that happened, with the case as the guards saw it. A *situation* is
how a case stands at the start and after each row of its history. The templates differ only in their step
function; `_tabulate` turns each into a table of whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workflow.predicates import Expression

__all__ = ["Automaton", "Letter", "after_then", "at_most", "before_needs", "in_no_situation", "never"]


@dataclass(frozen=True)
class Letter:
    """What a rule watches for.

    Attributes
    ----------
    names : frozenset of str
        Transitions and events.
    when : Expression or None
        Only with the case, before the effects, so; it may read the state.
    giving : Expression or None
        Only with the case, after the effects, so; it may read the state.
    """

    names: frozenset[str]
    when: Expression | None = None
    giving: Expression | None = None


@dataclass(frozen=True)
class Automaton:
    """A rule's automaton.

    Attributes
    ----------
    letters : tuple of Letter
        Bit i of a symbol says whether letter i holds.
    table : tuple of tuples
        ``table[state][symbol]`` is the next state; the first state is 0.
    broken : frozenset of int
        The states in which the rule is broken.
    open : frozenset of int
        The states in which an obligation is outstanding.
    situations : mapping of int to Expression
        For each state, what must hold of no situation; empty where situations do not matter.
    flags : tuple of mapping
        For each state, the truth of the operators over the past that the condition of a situation uses.
    """

    letters: tuple[Letter, ...]
    table: tuple[tuple[int, ...], ...]
    broken: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()
    situations: Mapping[int, Expression] = field(default_factory=dict)
    flags: tuple[Mapping[str, bool], ...] = ()

    def step(self, state: int, symbol: int) -> int:
        """Return the next state."""
        return self.table[state][symbol]


State = tuple[int, ...]


def _tabulate(
    letters: Sequence[Letter], start: State, step: Callable[[State, tuple[bool, ...]], State]
) -> tuple[tuple[tuple[int, ...], ...], list[State]]:
    """Return the steps between the states that can be reached as a table, and these states."""
    states, number = [start], {start: 0}
    rows: list[tuple[int, ...]] = []
    for state in states:
        row = []
        for symbol in range(2 ** len(letters)):
            after = step(state, tuple(bool(symbol >> i & 1) for i in range(len(letters))))
            if after not in number:
                number[after] = len(states)
                states.append(after)
            row.append(number[after])
        rows.append(tuple(row))
    return tuple(rows), states


BROKEN: State = (-1,)


def _automaton(
    letters: Sequence[Letter],
    start: State,
    step: Callable[[State, tuple[bool, ...]], State],
    opened: State | None = None,
) -> Automaton:
    table, states = _tabulate(letters, start, lambda q, seen: BROKEN if q == BROKEN else step(q, seen))
    number = {state: i for i, state in enumerate(states)}
    broken = frozenset({number[BROKEN]} if BROKEN in number else ())
    return Automaton(tuple(letters), table, broken, frozenset({number[opened]} if opened in number else ()))


def never(word: Letter) -> Automaton:
    """``never: close`` - the word is never said."""
    return _automaton([word], (0,), lambda q, seen: BROKEN if seen[0] else q)


def before_needs(before: Letter, needs: Letter, resets: Letter | None, once: bool) -> Automaton:
    """``before: close, needs: clear`` - the word only after another, afresh after each reset.

    At one letter the forbidden word is judged first, then a reset counts, then what is needed.

    Parameters
    ----------
    resets : Letter or None
        ``since:`` or ``once:``.
    once : bool
        Whether the word is free until the first reset (``once:``).
    """

    def step(q: State, seen: tuple[bool, ...]) -> State:
        lacking = q[0]
        if seen[0] and lacking:
            return BROKEN
        if resets is not None and seen[2]:
            lacking = 1
        return (0,) if seen[1] else (lacking,)

    letters = [before, needs] + ([resets] if resets is not None else [])
    return _automaton(letters, (0,) if once else (1,), step)


def after_then(after: Letter, then: Letter) -> Automaton:
    """``after: clear, then: accept`` - a letter opens an obligation, a later one closes it."""

    def step(q: State, seen: tuple[bool, ...]) -> State:
        if q == (1,):
            return (0,) if seen[1] else q
        return (1,) if seen[0] else q

    return _automaton([after, then], (0,), step, opened=(1,))


def at_most(limit: int, of: Letter) -> Automaton:
    """``at_most: 1, of: decide`` - a word no more often than that."""
    return _automaton([of], (0,), lambda q, seen: q if not seen[0] else (q[0] + 1,) if q[0] < limit else BROKEN)


@dataclass(frozen=True)
class Past:
    """An operator over the past in a condition: ``once(t)``, ``since(t, u)``, ``before(t, u)``.

    Attributes
    ----------
    flag : str
        The name of the truth value that stands for it in the condition.
    """

    operator: str
    names: tuple[str, ...]
    flag: str

    @classmethod
    def of(cls, flag: str) -> Past:
        """Return the operator that a truth value of a condition is called after."""
        operator, _, words = flag.removesuffix(")").partition("(")
        return cls(operator, tuple(words.split(", ")), flag)

    def step(self, q: State, t: bool, u: bool) -> State:
        """Return (does it hold, has u been) after a letter."""
        holds, ended = q
        if self.operator == "once":
            return (1 if t or holds else 0, 0)
        if self.operator == "since":  # t, and no u after it
            return (1 if t or (holds and not u) else 0, 0)
        return (1 if holds or (t and not ended and not u) else 0, 1 if ended or u else 0)  # t before the first u


def in_no_situation(
    condition: Expression, past: Sequence[Past], put_in: Callable[[Expression, Mapping[str, bool]], Expression]
) -> Automaton:
    """``never: status == "lawful" and not once(grant_relief)`` - a condition that holds of no situation.

    Parameters
    ----------
    condition : Expression
        With a truth value for each operator over the past.
    put_in : callable
        Puts truth values into an expression (`workflow.predicates.substitute`).
    """
    names = [name for operator in past for name in operator.names]
    letters = [Letter(frozenset({name})) for name in names]

    def step(q: State, seen: tuple[bool, ...]) -> State:
        after: list[int] = []
        at = 0
        for k, operator in enumerate(past):
            t, u = seen[at], len(operator.names) > 1 and seen[at + 1]
            after += operator.step(q[2 * k : 2 * k + 2], t, u)
            at += len(operator.names)
        return tuple(after)

    table, states = _tabulate(letters, (0, 0) * len(past), step)
    flags = tuple({operator.flag: bool(q[2 * k]) for k, operator in enumerate(past)} for q in states)
    return Automaton(
        tuple(letters), table, situations={i: put_in(condition, f) for i, f in enumerate(flags)}, flags=flags
    )
