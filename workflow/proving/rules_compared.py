"""Rules against rules: one that follows from others, one that others make idle, and rules that contradict each other.

Whether a rule follows from others is asked of steps in any order (`workflow.proving.frames`). A search looks for a history that
breaks the rule and none of a few others. If it finds one that breaks a further rule, that rule is added, and the search is
repeated. So each answer hangs on the few rules that it takes, however many there are.

References
----------
C. Di Ciccio, F. M. Maggi, M. Montali, J. Mendling (2017), "Resolving inconsistencies and redundancies in declarative process
models", Information Systems 64. https://doi.org/10.1016/j.is.2016.09.005
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from workflow.deciding.monitor import Monitor
from workflow.errors import InputError
from workflow.model.automata import Automaton, count
from workflow.model.definition import Workflow
from workflow.model.rules import Rule
from workflow.model.time_limits import DAY
from workflow.predicates import Expression
from workflow.predicates.words import Word
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.coverage import why_vacuous
from workflow.proving.findings import Finding
from workflow.proving.frames import Example, Frame
from workflow.proving.joint import Pair, side_by_side
from workflow.proving.lengths import LengthOfTime, StartDates
from workflow.proving.questions import Question

_MOST_PATTERNS = 12  # of two rules, side by side


def compare_rules(workflow: Workflow, rules: Sequence[Rule], budget: Budget) -> Iterator[Finding]:
    """Yield what rules say about each other.

    Raises
    ------
    LimitReached
    """
    if len(rules) > 1:
        comparison = _Comparison(workflow, rules, budget)
        yield from comparison.surplus()
        yield from comparison.contradictions()


class _Comparison:
    def __init__(self, workflow: Workflow, rules: Sequence[Rule], budget: Budget) -> None:
        self.workflow, self.rules, self.budget = workflow, rules, budget
        self.monitors = {id(rule): Monitor(rule, workflow) for rule in rules}

    @cached_property
    def diagram(self) -> Frame:
        return Frame(self.workflow, self.rules, in_any_order=False)

    @cached_property
    def any_order(self) -> Frame:
        return Frame(self.workflow, self.rules, in_any_order=True)

    # Rules that say nothing more

    def surplus(self) -> Iterator[Finding]:
        """Yield the rules that follow from others; of these, the ones that the others make idle."""
        for rule in self.rules:
            others = [other for other in self.rules if other is not rule]
            kept = self._implied_by(rule, others)
            if not kept:
                continue
            names = _names(kept)
            idle = self._made_idle(rule, kept)
            if idle is None:
                yield Finding("surplus rule", f"{rule.name!r} follows from {names}", rules=_rule_names(rule, *kept))
            else:
                where = f"{rule.name!r}: in a case that keeps {names}, {idle}"
                yield Finding("idle rule", where, rules=_rule_names(rule, *kept))

    def _implied_by(self, rule: Rule, others: Sequence[Rule]) -> list[Rule] | None:
        """Return the fewest of other rules from which a rule follows; ``None`` if it does not follow from all."""
        if rule.per is not None and rule.template == "at_least":
            return None
        bare = rule if rule.per is None else rule.without_time
        kept = self._enough(self.any_order, Question.breaks(bare), others)
        if rule.per is not None:
            return kept or self._implied_by_one(rule, others, [])
        if kept is None or (rule.within is None and not rule.is_live):
            return kept
        return self._implied_by_one(rule, others, kept)

    def _implied_by_one(self, rule: Rule, others: Sequence[Rule], kept: Sequence[Rule]) -> list[Rule] | None:
        """Return rules with one that gives no more time, for a rule that is kept apart from its time by some rules."""
        for other in others:
            beside = _beside(rule, other)
            if beside is not None:
                more = self._enough(self.any_order, Question(beside), others, [other])
                if more is not None:
                    return [one for one in self.rules if any(one is rule for rule in (*more, *kept))]
        return None

    def _enough(self, frame: Frame, question: Question, rules: Sequence[Rule], given: Sequence[Rule] = ()) -> list[Rule] | None:
        """Return rules that leave no history for a question, none of which can be left out; ``None`` if all leave one."""
        kept: list[Rule] = list(given)
        while (example := frame.find(question, kept, self.budget)) is not None:
            broken = [rule for rule in rules if not any(rule is one for one in kept) and self._breaks(example, rule)]
            if not broken:
                self.shown = example
                return None
            kept.append(max(broken, key=lambda rule: len(rule.step_names & question.heard)))
        for rule in kept[len(given) :]:
            fewer = [other for other in kept if other is not rule]
            if frame.find(question, fewer, self.budget) is None:
                kept = fewer
        return [rule for rule in self.rules if any(rule is one for one in kept)]

    def _breaks(self, example: Example, rule: Rule) -> bool:
        """Return whether a case breaks a rule, whatever the time."""
        monitor = self.monitors[id(rule)]
        q = monitor.start(example.facts, example.record, example.state)
        if monitor.is_broken(q, example.facts, example.record, example.state):
            return True
        for heard, state in example.rows:
            q = monitor.advance(q, example.facts, heard)
            if monitor.is_broken(q, example.facts, heard[-1].record, state):
                return True
        return False

    def _made_idle(self, rule: Rule, kept: Sequence[Rule]) -> str | None:
        """Return why a rule says nothing about any case that keeps some others, if it says something about one that keeps it."""
        by_others, by_itself = (
            why_vacuous(_Keeping(self.any_order, rules), rule, _NOTHING_MET, self.budget) for rules in (kept, [rule])
        )
        return by_others if by_itself is None else None

    # Rules that leave no way

    def contradictions(self) -> Iterator[Finding]:
        """Yield the rules that together leave no way to end, or to take a transition."""
        unending = self._no_way(None, ends=True)
        if unending:
            yield _contradiction(unending, "can end")
        can_end = unending is None
        found: dict[tuple[tuple[str, ...], bool], list[str]] = {}
        passed = self.shown.transitions if can_end else frozenset[str]()
        for name in dict.fromkeys(transition.name for transition in self.workflow.transitions):
            if name in passed:
                continue
            kept = self._no_way(name, can_end)
            if kept is None:
                passed |= self.shown.transitions
            elif len(kept) > 1 and kept != unending:
                never = not can_end or self._no_way_at_all(name, kept)
                found.setdefault((_rule_names(*kept), never), []).append(name)
        by_name = {rule.name: rule for rule in self.rules}
        for (names, never), transitions in found.items():
            listed = " or ".join(transitions)
            yield _contradiction(
                [by_name[name] for name in names], f"can ever take {listed}" if never else f"can end after {listed}"
            )

    def _no_way(self, name: str | None, ends: bool) -> list[Rule] | None:
        """Return rules that together leave no way; ``None`` if all leave one, nothing if there is none without rules."""
        question = _way(name, ends)
        kept = self._enough(self.diagram, question, self.rules)
        if kept is not None and len(kept) == 1:
            more = self._enough(self.any_order, question, self.rules)
            return more if more else kept
        return kept

    def _no_way_at_all(self, name: str, kept: Sequence[Rule]) -> bool:
        """Return whether some rules leave no way to a transition, even for a case that never ends."""
        question = _way(name, ends=False)
        return any(frame.find(question, kept, self.budget) is None for frame in (self.diagram, self.any_order))


class _Keeping:
    """Finds histories that keep some rules."""

    def __init__(self, frame: Frame, kept: Sequence[Rule]) -> None:
        self.workflow, self.frame, self.kept = frame.workflow, frame, kept

    def find(self, question: Question, budget: Budget) -> Example | None:
        return self.frame.find(question, self.kept, budget)


class _NothingMet:
    """What no walk has met."""

    steps: frozenset[str] = frozenset()
    matched = 0

    def met(self, conditions: Mapping[int, Expression]) -> bool:
        return False


_NOTHING_MET = _NothingMet()


def _way(name: str | None, ends: bool) -> Question:
    """Ask for a history that takes a transition, and perhaps ends."""
    if name is None:
        return Question(Automaton((), ((0,),), open=frozenset({0})), ends_open=True)
    if not ends:
        return Question.takes(Word.of(name))
    taken = count(Word.of(name), None, least=1)
    has_happened = frozenset(range(len(taken.table))) - taken.open
    return Question(Automaton(taken.patterns, taken.table, open=has_happened), ends_open=True)


def _names(rules: Sequence[Rule]) -> str:
    *first, last = (repr(rule.name) for rule in rules)
    return f"{', '.join(first)} and {last}" if first else last


def _rule_names(*rules: Rule) -> tuple[str, ...]:
    return tuple(rule.name for rule in rules)


def _contradiction(kept: Sequence[Rule], what: str) -> Finding:
    which = {1: "it", 2: "both"}.get(len(kept), "them")
    return Finding("contradiction", f"{_names(kept)}: no case that keeps {which} {what}", rules=_rule_names(*kept))


# Two rules side by side


def _beside(rule: Rule, other: Rule) -> Automaton | None:
    """Return an automaton that is broken where a rule may ask for more than another; ``None`` if it may anywhere."""
    one, two = rule.automaton, other.automaton
    if len(one.patterns) + len(two.patterns) > _MOST_PATTERNS:
        return None
    if rule.within is not None:
        return _opened_together(one, two) if other.within is not None and _never_later(other, rule) else None
    if rule.per is not None:
        if other.per is None or other.template != rule.template or rule.thresholds or other.thresholds:
            return None
        if other.limit > rule.limit or not _never_later(rule, other):
            return None
        return _counted_together(rule, other)
    stronger = other.fair is not None and set(other.fair) <= set(rule.fair or ())
    return _open_together(one, two) if stronger else None


def _never_later(one: Rule, other: Rule) -> bool:
    """Return whether the time of one rule is never over later than that of another, whenever both begin."""
    first, second = one.within or one.per, other.within or other.per
    assert first is not None
    assert second is not None
    if (first.unit, first.calendar) == (second.unit, second.calendar):
        return first.number <= second.number
    try:
        dates = StartDates([first, second])
        begun = dates.days * DAY
        ends = [LengthOfTime(limit, dates).last(at) for at in (begun, begun + DAY - 1) for limit in (first, second)]
    except (LimitReached, InputError):
        return False
    return bool((ends[0] <= ends[1]).all() and (ends[2] <= ends[3]).all())


_NEW, _SINCE, _ALONE = 0, 1, 2
"""Whether the obligation of the other rule is open since that of the first: to be seen at the end of the row, so, or not so."""


def _opened_together(one: Automaton, other: Automaton) -> Automaton:
    """Return an automaton that is broken if the obligation of one rule is open, and that of another not since it was opened."""

    def step(pair: Pair, mine: int, others: int, ends: bool) -> Pair | None:
        q, r, since = pair
        after, beside = one.step(q, mine), other.step(r, others)
        if after not in one.open:
            return after, beside, _NEW
        if q not in one.open:
            since = _NEW
        elif since == _SINCE and beside not in other.open:
            since = _ALONE
        if not ends:
            return after, beside, since
        return (after, beside, _SINCE) if since != _ALONE and beside in other.open else None

    return side_by_side(one, other, lambda q, r: (q, r, _NEW), step)


def _open_together(one: Automaton, other: Automaton) -> Automaton:
    """Return an automaton that is broken if after a row the obligation of one rule is open, and that of another is not."""

    def begin(q: int, r: int) -> Pair | None:
        return None if q in one.open and r not in other.open else (q, r, 0)

    def step(pair: Pair, mine: int, others: int, ends: bool) -> Pair | None:
        after = one.step(pair[0], mine), other.step(pair[1], others)
        return begin(*after) if ends else (*after, 0)

    return side_by_side(one, other, begin, step)


def _counted_together(rule: Rule, other: Rule) -> Automaton:
    """Return an automaton that is broken at a step that one rule counts and another does not, or that restarts only the other."""
    one, two = rule.automaton, other.automaton

    def step(pair: Pair, mine: int, others: int, ends: bool) -> Pair | None:
        counts, counts_too = mine & rule.subject_bits, others & other.subject_bits
        restarts, restarts_too = mine & ~rule.subject_bits, others & ~other.subject_bits
        if (counts and not counts_too) or (restarts_too and not restarts):
            return None
        return one.step(pair[0], mine), two.step(pair[1], others), 0

    return side_by_side(one, two, lambda q, r: (q, r, 0), step)
