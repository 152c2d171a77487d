"""Rules as deterministic finite automata over the steps of a case; proof, tests, monitor and audit share them.

A *step* is a transition taken or an event that happened. A `StepPattern` selects steps by name and by condition; a `Word`
is one of several patterns. Each constructor gives the start and the step function of one form of rule over its words;
`_build` adds the memory of the past operators in their conditions, and makes a table of whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from workflow.errors import InputError
from workflow.predicates import Expression, substitute
from workflow.predicates.tree import Not
from workflow.predicates.words import PastField, StepPattern, Word, past_operators

ROW_END = ""
"""The name of the end of a row, which a rule about neighbouring rows hears as a step."""

MAX_PATTERNS = 8  # a table has a column for each combination
MAX_STATES = 20_000


@dataclass(frozen=True)
class Automaton:
    """The automaton of a rule.

    Attributes
    ----------
    patterns : tuple of StepPattern
        Bit i of a symbol says whether a step matches pattern i. Those of the rule's subject come first. Their conditions may
        contain past operators, see `patterns_at`.
    table : tuple of tuples
        ``table[state][symbol]`` is the next state.
    broken : frozenset of int
        States in which the rule is broken.
    open : frozenset of int
        States with an outstanding obligation.
    forbidden : mapping of int to Expression
        For each state, the condition that must not hold. Empty for rules about steps.
    flags : tuple of mapping
        For each state, the truth values of the past operators in the conditions.
    relieving : frozenset of int
        The patterns of which fewer matches break the rule more often, such as what meets an obligation. Of any other pattern,
        more matches do.
    is_ordered : bool
        Whether `relieving` says so for all patterns. If not, a step that may or may not match leaves the rule undecided.
    starts : tuple of (Expression, int)
        The start state of the cases for which a condition holds at their start; without any, 0.
    """

    patterns: tuple[StepPattern, ...]
    table: tuple[tuple[int, ...], ...]
    broken: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()
    forbidden: Mapping[int, Expression] = field(default_factory=dict)
    flags: tuple[Mapping[str, bool], ...] = ()
    relieving: frozenset[int] = frozenset()
    is_ordered: bool = True
    starts: tuple[tuple[Expression, int], ...] = ()

    def step(self, state: int, symbol: int) -> int:
        """Return the next state."""
        return self.table[state][symbol]

    @cached_property
    def names(self) -> frozenset[str]:
        """Return the names of the steps that it hears."""
        return frozenset[str]().union(*(pattern.names for pattern in self.patterns))

    @cached_property
    def patterns_at(self) -> tuple[tuple[StepPattern, ...], ...]:
        """Return, for each state, the patterns with the truth values of past operators put in."""
        if not past_operators(c for pattern in self.patterns for c in pattern.conditions):
            return (self.patterns,) * len(self.table)
        known: dict[tuple[bool, ...], tuple[StepPattern, ...]] = {}
        result = []
        for flags in self.flags:
            key = tuple(flags.values())
            if key not in known:
                known[key] = tuple(
                    StepPattern(p.names, None if p.when is None else substitute(p.when, flags), p.giving) for p in self.patterns
                )
            result.append(known[key])
        return tuple(result)

    @cached_property
    def variants(self) -> tuple[tuple[StepPattern, ...], ...]:
        """Return, for each pattern, what it is in some state."""
        each = zip(*dict.fromkeys(self.patterns_at), strict=True)
        return tuple(tuple(dict.fromkeys(patterns)) for patterns in each)

    @cached_property
    def conditions(self) -> tuple[Expression, ...]:
        """Return every condition that it reads, with the truth values of past operators put in."""
        of_steps = [c for patterns in self.variants for pattern in patterns for c in pattern.conditions]
        return tuple(dict.fromkeys([*of_steps, *self.forbidden.values(), *(condition for condition, _ in self.starts)]))


State = tuple[int, ...]
Step = Callable[[State, tuple[bool, ...]], State]
"""Return the next state, given which words the step matches."""

BROKEN: State = (-1,)

Tracked = tuple[State, State]
"""The state of a form, and the memory of the past operators."""


def _build(
    words: Sequence[Word], start: State, step: Step, *, is_open: Callable[[State], bool] | None = None,
    relieving: Iterable[int] = (), is_ordered: bool = True, condition: Expression | None = None,
    starts: Sequence[tuple[Expression, State]] = (),
) -> Automaton:  # fmt: skip
    """Return the automaton of a rule.

    Parameters
    ----------
    words : sequence of Word
        What the rule names, its subject first.
    start : State
        The start, unless `starts` gives one for each kind of case.
    step : Step
    is_open : function, optional
        Whether an obligation is outstanding in a state.
    relieving : iterable of int
        The words of which fewer matches break the rule more often.
    condition : Expression, optional
        What must never hold.

    Raises
    ------
    InputError
        If there are too many patterns or states.
    """
    given = [] if condition is None else [condition]
    past = past_operators([*given, *(c for word in words for one in word.alternatives for c in one.conditions)])
    letters: dict[StepPattern, int] = {}
    bits = [_bits(word, letters) for word in words]
    past_bits = [[_bits(word, letters) for word in operator.words] for operator in past]
    if len(letters) > MAX_PATTERNS:
        raise InputError([_too_many(past)])

    def after(q: Tracked, symbol: int) -> Tracked:
        own, memory = q
        own = own if own == BROKEN else step(own, tuple(bool(symbol & mask) for mask in bits))
        if own == BROKEN:
            return BROKEN, ()
        remembered: list[int] = []
        for k, operator in enumerate(past):
            remembered += _remember(operator, memory[2 * k : 2 * k + 2], [bool(symbol & mask) for mask in past_bits[k]])
        return own, tuple(remembered)

    begins = dict.fromkeys([own for _, own in starts] or [start])
    table, states = _tabulate(2 ** len(letters), [(own, (0, 0) * len(past)) for own in begins], after)
    names = [operator.name for operator in past]
    flags = tuple({name: bool(memory[2 * k]) if memory else False for k, name in enumerate(names)} for _, memory in states)
    return Automaton(
        tuple(letters),
        table,
        frozenset(i for i, (own, _) in enumerate(states) if own == BROKEN),
        frozenset(i for i, (own, _) in enumerate(states) if own != BROKEN and is_open is not None and is_open(own)),
        {} if condition is None else {i: substitute(condition, values) for i, values in enumerate(flags)},
        flags,
        frozenset(i for k in relieving for i in range(len(letters)) if bits[k] >> i & 1),
        is_ordered and not past,
        tuple((holds, list(begins).index(own)) for holds, own in starts),
    )


def _bits(word: Word, letters: dict[StepPattern, int]) -> int:
    """Return the bits of a word in a symbol, and number its new patterns."""
    return sum({1 << letters.setdefault(one, len(letters)) for one in word.alternatives})


def _too_many(past: Sequence[PastField]) -> str:
    where = " in once(), since() and before()" if past else ""
    return (
        f"names too many different steps{where}: at most {MAX_PATTERNS} words are allowed, where a or b is one word. Write"
        " several rules, or store an answer in the record (set:)"
    )


def _tabulate(
    n_symbols: int, starts: Sequence[Tracked], after: Callable[[Tracked, int], Tracked]
) -> tuple[tuple[tuple[int, ...], ...], list[Tracked]]:
    """Return the table of the states that can be reached, and these states."""
    number = {start: i for i, start in enumerate(starts)}
    states = list(starts)
    rows: list[tuple[int, ...]] = []
    for state in states:  # grows during the loop
        row = []
        for symbol in range(n_symbols):
            following = after(state, symbol)
            if following not in number:
                number[following] = len(states)
                states.append(following)
            row.append(number[following])
        rows.append(tuple(row))
        if len(states) > MAX_STATES:
            raise InputError(["says too much for one rule; use fewer past operators or a smaller number, or write several rules"])
    return tuple(rows), states


def _remember(operator: PastField, memory: State, matches: Sequence[bool]) -> State:
    """Return (the operator holds, u has happened) after a step."""
    holds, ended = memory
    t, u = matches[0], len(matches) > 1 and matches[1]
    if operator.operator == "once":
        return (1 if t or holds else 0, 0)
    if operator.operator == "since":  # t, and no u after it
        return (1 if t or (holds and not u) else 0, 0)
    return (1 if holds or (t and not ended and not u) else 0, 1 if ended or u else 0)  # t before the first u


def never(steps: Word) -> Automaton:
    """``never: close`` - no such step."""
    return _build([steps], (0,), lambda q, matches: BROKEN if matches[0] else q)


def never_true(condition: Expression) -> Automaton:
    """``never: status == "lawful" and not once(grant_relief)`` - a condition that never holds."""
    return _build([], (0,), lambda q, matches: q, condition=condition, is_ordered=False)


def before_needs(before: Word, needs: Word, resets: Word | None, once: bool) -> Automaton:
    """``before: close, needs: clear`` - a step only after another, and again after each reset.

    If one step matches several words, `before` is judged first, then the reset applies, then `needs` counts.

    Parameters
    ----------
    resets : Word or None
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

    words = [before, needs] + ([resets] if resets is not None else [])
    return _build(words, (0,) if once else (1,), step, relieving=[1])


def after_then(after: Word, then: Word) -> Automaton:
    """``after: clear, then: accept`` - a step opens an obligation, a later step meets it."""

    def step(q: State, matches: tuple[bool, ...]) -> State:
        if q == (1,):
            return (0,) if matches[1] else q
        return (1,) if matches[0] else q

    is_ordered = not after.names & then.names  # else one more match may open an obligation or meet it
    return _build([after, then], (0,), step, is_open=lambda q: q == (1,), relieving=[1], is_ordered=is_ordered)


def eventually(condition: Expression) -> Automaton:
    """``eventually: state == "decided"`` - at the start of a case, or after a row."""
    holds = Word((StepPattern(frozenset({ROW_END}), giving=condition),))
    starts: list[tuple[Expression, State]] = [(condition, (0,)), (Not(condition), (1,))]
    return _build(
        [holds], (1,), lambda q, matches: (0,) if matches[0] else q, is_open=lambda q: q == (1,), relieving=[0], starts=starts
    )


Thresholds = Sequence[tuple[Expression, int]]
"""Conditions on facts, of which one holds for each case, and the number for it."""


def hears(of: Word, since: Word | None, number: int | Thresholds, at_least: bool) -> Automaton:
    """Return an automaton that only says which steps match; time is counted elsewhere. It starts in a state for each number."""
    starts = [] if isinstance(number, int) else [(condition, (n,)) for condition, n in number]
    relieving = [0] if at_least else [1] if since is not None else []
    is_ordered = not at_least or since is None  # another reset may take away time, or give more
    words = [of] if since is None else [of, since]
    return _build(words, (0,), lambda q, matches: q, relieving=relieving, is_ordered=is_ordered, starts=starts)


END = Word.of(ROW_END)


def follows_directly(after: Word, then: Word) -> Automaton:
    """``after: call, then: decide, how: directly`` - in the same row, or in the next one."""

    def step(q: State, matches: tuple[bool, ...]) -> State:
        opens, meets, ends = matches
        if ends:
            return BROKEN if q == (2,) else (2,) if q == (1,) else q
        if meets and q != (0,):
            return (1,) if opens else (0,)
        return (1,) if opens and q == (0,) else q

    return _build([after, then, END], (0,), step, is_open=lambda q: q != (0,), is_ordered=False)


def follows_each(after: Word, then: Word) -> Automaton:
    """``after: call, then: decide, how: each time`` - before the first happens again."""

    def step(q: State, matches: tuple[bool, ...]) -> State:
        opens, meets = matches
        if q == (1,) and not meets:
            return BROKEN if opens else q
        return (1,) if opens else (0,)

    is_ordered = not after.names & then.names
    return _build([after, then], (0,), step, is_open=lambda q: q == (1,), relieving=[1], is_ordered=is_ordered)


def needs_directly(before: Word, needs: Word) -> Automaton:
    """``before: decide, needs: call, how: directly`` - in the same row, or in the one before."""

    def step(q: State, matches: tuple[bool, ...]) -> State:
        happens, meets, ends = matches
        if ends:
            return (max(q[0] - 1, 0),)
        if happens and q == (0,):
            return BROKEN
        return (2,) if meets else q

    return _build([before, needs, END], (0,), step, relieving=[1])


def not_together(one: Word, other: Word) -> Automaton:
    """``not_together: grant, with: refuse`` - not both to one case."""

    def step(q: State, matches: tuple[bool, ...]) -> State:
        after = tuple(int(had or matches[i]) for i, had in enumerate(q))
        return BROKEN if after == (1, 1) else after

    return _build([one, other], (0, 0), step)


def count(of: Word, since: Word | None, least: int | Thresholds = 0, most: int | Thresholds | None = None) -> Automaton:
    """``at_most: 2, of: extend, since: reopen`` - how often a step happens, counted again after each reset.

    If one step matches both words, it counts, and then the reset applies.

    Parameters
    ----------
    least, most : int or Thresholds
        A number, or one for each kind of case. `most` may be ``None``, which sets no limit.
    """

    def begin(low: int, high: int | None) -> State:
        return low, -1 if high is None else high, 0

    def step(q: State, matches: tuple[bool, ...]) -> State:
        low, high, n = q
        n = min(n + matches[0], (low if high < 0 else high) + 1)
        if 0 <= high < n:
            return BROKEN
        n = min(n, max(low, high))
        return (low, high, 0) if since is not None and matches[1] else (low, high, n)

    starts: list[tuple[Expression, State]] = []
    if not isinstance(least, int):
        starts = [(c, begin(n, n if most is least else most if isinstance(most, int) else None)) for c, n in least]
    elif most is not None and not isinstance(most, int):
        starts = [(c, begin(least, n)) for c, n in most]
    only_most, only_least = least == 0, most is None
    relieving = [1] if only_most and since is not None else [0] if only_least else []
    return _build(
        [of] if since is None else [of, since],
        begin(least, most) if isinstance(least, int) and (most is None or isinstance(most, int)) else (0, -1, 0),
        step,
        is_open=lambda q: q[2] < q[0],
        relieving=relieving,
        is_ordered=only_most or only_least,
        starts=starts,
    )
