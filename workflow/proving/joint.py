"""Several rules at once, as one automaton: what a question looks for, in histories that keep some rules.

The states are made as a search reaches them, because a table of all would have a column for each combination of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from workflow.model.automata import ROW_END, Automaton
from workflow.predicates import Expression
from workflow.predicates.tree import And, Constant, Not
from workflow.predicates.words import StepPattern

SPOILED = 0
"""The state of a joint automaton after a kept rule was broken."""

_NO_STEP = StepPattern(frozenset())


class Joint:
    """An automaton that looks for something, with rules that are to be kept. It is read as an `Automaton`.

    Parameters
    ----------
    goal : Automaton
        Its broken states and forbidden conditions are looked for, and its open states at the end of a case.
    kept : sequence of Automaton
        Of rules that no history may break.

    Attributes
    ----------
    unmet : set of int
        States in which an obligation of a kept rule is open. A history that ends there in a final state breaks it.
    open : set of int
        States in which the goal is open, and no kept rule.
    """

    def __init__(self, goal: Automaton, kept: Sequence[Automaton]) -> None:
        self._parts = (goal, *kept)
        self._number: dict[tuple[int, ...], int] = {(): SPOILED}
        self._states: list[tuple[int, ...]] = [()]
        self._next: dict[tuple[int, int], int] = {}
        self.patterns_at: list[tuple[StepPattern, ...]] = [()]
        self.broken: set[int] = set()
        self.open: set[int] = set()
        self.unmet: set[int] = set()
        self.forbidden: dict[int, Expression] = {}
        ends = {ROW_END} if any(part.forbidden for part in kept) else set()
        self.names = frozenset(ends).union(*(part.names for part in self._parts))
        self.starts = tuple(self._starts())

    def _starts(self) -> list[tuple[Expression, int]]:
        """Return the states at the start of a case, each with the condition for it."""
        always = Constant(True, "boolean")
        goal, *kept = self._parts
        each = [[(holds, q) for holds, q in goal.starts] or [(always, 0)]]
        for part in kept:
            begins = [(holds, q) for holds, q in part.starts] or [(always, 0)]
            each.append([(_and(holds, Not(part.forbidden[q])) if q in part.forbidden else holds, q) for holds, q in begins])
        result = []
        for chosen in product(*each):
            holds = [condition for condition, _ in chosen if condition != always]
            joined = holds[0] if len(holds) == 1 else And(tuple(holds)) if holds else always
            result.append((joined, self._state(tuple(q for _, q in chosen))))
        return result

    def _state(self, places: tuple[int, ...]) -> int:
        """Return the number of a state, given the states of its parts."""
        if places in self._number:
            return self._number[places]
        number = self._number[places] = len(self._states)
        self._states.append(places)
        goal, *kept = self._parts
        patterns = list(goal.patterns_at[places[0]])
        for part, q in zip(kept, places[1:], strict=True):
            patterns += part.patterns_at[q]
            if part.forbidden:
                patterns.append(StepPattern(frozenset({ROW_END}), giving=part.forbidden[q]) if q in part.forbidden else _NO_STEP)
        self.patterns_at.append(tuple(patterns))
        if any(q in part.open for part, q in zip(kept, places[1:], strict=True)):
            self.unmet.add(number)
        elif places[0] in goal.open:
            self.open.add(number)
        if places[0] in goal.broken:
            self.broken.add(number)
        if places[0] in goal.forbidden:
            self.forbidden[number] = goal.forbidden[places[0]]
        return number

    def step(self, state: int, symbol: int) -> int:
        """Return the next state."""
        key = (state, symbol)
        if key not in self._next:
            self._next[key] = self._after(self._states[state], symbol)
        return self._next[key]

    def _after(self, places: tuple[int, ...], symbol: int) -> int:
        after = []
        for i, (part, q) in enumerate(zip(self._parts, places, strict=True)) if places else ():
            after.append(part.step(q, symbol & ((1 << len(part.patterns)) - 1)))
            symbol >>= len(part.patterns)
            if i and part.forbidden:
                if symbol & 1:
                    return SPOILED
                symbol >>= 1
            if i and after[-1] in part.broken:
                return SPOILED
        return self._state(tuple(after))


def _and(one: Expression, other: Expression) -> Expression:
    return And((one, other))


Pair = tuple[int, int, int]
"""The states of two automata, and what else is remembered."""


def side_by_side(
    one: Automaton,
    other: Automaton,
    begin: Callable[[int, int], Pair | None],
    step: Callable[[Pair, int, int, bool], Pair | None],
) -> Automaton:
    """Return an automaton that compares two rules at every step, and is broken where they differ.

    Parameters
    ----------
    begin : function
        What is remembered at the start, given the states of both; ``None`` if they differ there.
    step : function
        What is remembered after a step, given the pair before it, the symbols of both, and whether the row ends; ``None`` if
        they differ.
    """
    n, m = len(one.patterns), len(other.patterns)
    ends = StepPattern(frozenset({ROW_END}))
    numbers: dict[Pair | None, int] = {}
    pairs: list[Pair | None] = []

    def number(pair: Pair | None) -> int:
        if pair not in numbers:
            numbers[pair] = len(pairs)
            pairs.append(pair)
        return numbers[pair]

    always = Constant(True, "boolean")
    starts = tuple(
        (_and(holds, also), number(begin(q, r))) for (holds, q), (also, r) in product(
            one.starts or [(always, 0)], other.starts or [(always, 0)]
        )
    )  # fmt: skip
    table = []
    for pair in pairs:  # grows during the loop
        row = []
        for symbol in range(2 ** (n + m + 1)):
            mine, others = symbol & ((1 << n) - 1), symbol >> n & ((1 << m) - 1)
            row.append(number(None if pair is None else step(pair, mine, others, bool(symbol >> (n + m)))))
        table.append(tuple(row))
    flags = tuple({} if pair is None else {**one.flags[pair[0]], **other.flags[pair[1]]} for pair in pairs)
    known = {name for flag in flags for name in flag}
    return Automaton(
        (*one.patterns, *other.patterns, ends),
        tuple(table),
        broken=frozenset({numbers[None]} if None in numbers else ()),
        flags=tuple(flag or dict.fromkeys(known, False) for flag in flags),
        starts=starts,
    )
