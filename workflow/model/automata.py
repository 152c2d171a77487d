"""Rules as deterministic finite automata over the steps of a case; proof, tests, monitor and audit share them.

A *step* is a transition taken or an event that happened. A `StepPattern` selects steps by name and by condition.
Each constructor gives the start state and the step function of one form of rule; `_tabulate` turns them into a
table of whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workflow.predicates import Expression, names, substitute


@dataclass(frozen=True)
class StepPattern:
    """A set of steps.

    Attributes
    ----------
    names : frozenset of str
        Transitions and events.
    when : Expression or None
        Must hold before the effects of the step; may read the state.
    giving : Expression or None
        Must hold after the effects of the step; may read the state.
    """

    names: frozenset[str]
    when: Expression | None = None
    giving: Expression | None = None

    def __str__(self) -> str:
        return " or ".join(sorted(self.names))

    def first_of(self, names: Iterable[str]) -> str | None:
        """Return the first of the given names that the pattern contains."""
        return next((name for name in names if name in self.names), None)


@dataclass(frozen=True)
class Automaton:
    """The automaton of a rule.

    Attributes
    ----------
    patterns : tuple of StepPattern
        Bit i of a symbol says whether a step matches pattern i.
    table : tuple of tuples
        ``table[state][symbol]`` is the next state; the start state is 0.
    broken : frozenset of int
        States in which the rule is broken.
    open : frozenset of int
        States with an outstanding obligation.
    forbidden : mapping of int to Expression
        For each state, the condition that must not hold. Empty for rules about steps.
    flags : tuple of mapping
        For each state, the truth values of the past operators in the condition.
    relieving : frozenset of int
        The patterns of which fewer matches break the rule more often, such as what meets an obligation. Of any other pattern,
        more matches do. Not for conditions.
    """

    patterns: tuple[StepPattern, ...]
    table: tuple[tuple[int, ...], ...]
    broken: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()
    forbidden: Mapping[int, Expression] = field(default_factory=dict)
    flags: tuple[Mapping[str, bool], ...] = ()
    relieving: frozenset[int] = frozenset()

    def step(self, state: int, symbol: int) -> int:
        """Return the next state."""
        return self.table[state][symbol]


State = tuple[int, ...]
Step = Callable[[State, tuple[bool, ...]], State]
"""Return the next state, given which patterns the step matches."""


def _tabulate(n_patterns: int, start: State, step: Step) -> tuple[tuple[tuple[int, ...], ...], list[State]]:
    """Return the table of the states that can be reached, and these states."""
    states, number = [start], {start: 0}
    rows: list[tuple[int, ...]] = []
    for state in states:
        row = []
        for symbol in range(2**n_patterns):
            after = step(state, tuple(bool(symbol >> i & 1) for i in range(n_patterns)))
            if after not in number:
                number[after] = len(states)
                states.append(after)
            row.append(number[after])
        rows.append(tuple(row))
    return tuple(rows), states


BROKEN: State = (-1,)


def _automaton(
    patterns: Sequence[StepPattern], start: State, step: Step, opened: State | None = None, relieving: Iterable[int] = ()
) -> Automaton:
    table, states = _tabulate(len(patterns), start, lambda q, matches: BROKEN if q == BROKEN else step(q, matches))
    broken, outstanding = (frozenset({states.index(q)} if q in states else ()) for q in (BROKEN, opened))
    return Automaton(tuple(patterns), table, broken, outstanding, relieving=frozenset(relieving))


def never(steps: StepPattern) -> Automaton:
    """``never: close`` - no such step."""
    return _automaton([steps], (0,), lambda q, matches: BROKEN if matches[0] else q)


def before_needs(before: StepPattern, needs: StepPattern, resets: StepPattern | None, once: bool) -> Automaton:
    """``before: close, needs: clear`` - a step only after another, and again after each reset.

    If one step matches several patterns, `before` is judged first, then the reset applies, then `needs` counts.

    Parameters
    ----------
    resets : StepPattern or None
        ``since:`` or ``once:``.
    once : bool
        Whether the step is free until the first reset (``once:``).
    """

    def step(q: State, matches: tuple[bool, ...]) -> State:
        missing = q[0]
        if matches[0] and missing:
            return BROKEN
        if resets is not None and matches[2]:
            missing = 1
        return (0,) if matches[1] else (missing,)

    patterns = [before, needs] + ([resets] if resets is not None else [])
    return _automaton(patterns, (0,) if once else (1,), step, relieving=[1])


def after_then(after: StepPattern, then: StepPattern) -> Automaton:
    """``after: clear, then: accept`` - a step opens an obligation, a later step meets it."""

    def step(q: State, matches: tuple[bool, ...]) -> State:
        if q == (1,):
            return (0,) if matches[1] else q
        return (1,) if matches[0] else q

    return _automaton([after, then], (0,), step, opened=(1,), relieving=[1])


def at_most(limit: int, of: StepPattern) -> Automaton:
    """``at_most: 1, of: decide`` - at most `limit` such steps."""
    return _automaton([of], (0,), lambda q, matches: q if not matches[0] else (q[0] + 1,) if q[0] < limit else BROKEN)


@dataclass(frozen=True)
class PastOperator:
    """A past operator in a condition: ``once(t)``, ``since(t, u)``, ``before(t, u)``.

    Attributes
    ----------
    flag : str
        The name of the truth value that stands for it in the condition.
    """

    operator: str
    names: tuple[str, ...]
    flag: str

    @classmethod
    def of(cls, flag: str) -> PastOperator:
        """Return the operator that a truth value stands for."""
        operator, _, arguments = flag.removesuffix(")").partition("(")
        return cls(operator, tuple(arguments.split(", ")), flag)

    @classmethod
    def all_in(cls, condition: Expression) -> list[PastOperator]:
        """Return the operators of a condition, sorted by their text."""
        return [cls.of(name) for name in sorted(names(condition)) if "(" in name]

    def step(self, q: State, t: bool, u: bool) -> State:
        """Return (the operator holds, u has happened) after a step."""
        holds, ended = q
        if self.operator == "once":
            return (1 if t or holds else 0, 0)
        if self.operator == "since":  # t, and no u after it
            return (1 if t or (holds and not u) else 0, 0)
        return (1 if holds or (t and not ended and not u) else 0, 1 if ended or u else 0)  # t before the first u


def never_true(condition: Expression) -> Automaton:
    """``never: status == "lawful" and not once(grant_relief)`` - a condition that never holds.

    Parameters
    ----------
    condition : Expression
        With a truth value for each past operator.
    """
    past = PastOperator.all_in(condition)
    patterns = [StepPattern(frozenset({name})) for operator in past for name in operator.names]

    def step(q: State, matches: tuple[bool, ...]) -> State:
        after: list[int] = []
        at = 0
        for k, operator in enumerate(past):
            t, u = matches[at], len(operator.names) > 1 and matches[at + 1]
            after += operator.step(q[2 * k : 2 * k + 2], t, u)
            at += len(operator.names)
        return tuple(after)

    table, states = _tabulate(len(patterns), (0, 0) * len(past), step)
    flags = tuple({operator.flag: bool(q[2 * k]) for k, operator in enumerate(past)} for q in states)
    forbidden = {i: substitute(condition, values) for i, values in enumerate(flags)}
    return Automaton(tuple(patterns), table, forbidden=forbidden, flags=flags)
