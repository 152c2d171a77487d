"""What all histories that answer a question have in common: the states that they pass, and the cases that can have them."""

from __future__ import annotations

from collections.abc import Iterable

from workflow.deciding.steps import names_of_row
from workflow.model.automata import ROW_END, Automaton
from workflow.model.definition import StateKind
from workflow.predicates.words import StepPattern
from workflow.proving.abstraction import Abstraction
from workflow.proving.decision_diagrams import EVERYTHING, NOTHING
from workflow.proving.questions import Question

Pair = tuple[str, int]


def courses_to_the_end(abstraction: Abstraction, question: Question) -> set[Pair]:
    """Return the pairs from which some sequence of transitions answers the question."""
    workflow, automaton = abstraction.workflow, question.automaton
    rows = [
        (point.state, workflow.transitions[i].target or point.state, names_of_row(workflow, point.trigger, i))
        for point in workflow.decision_points
        for i in point.candidates
    ]
    rows += [(state, state, [event.name]) for event in workflow.events.values() for state in event.states]
    final = {state.name for state in workflow.states.values() if state.kind is StateKind.FINAL}
    ends = set(_endings(abstraction, question))
    before: dict[Pair, set[Pair]] = {}
    for q in range(len(automaton.table)):
        for state, target, steps in rows:
            for after in _after(automaton, q, (*steps, ROW_END)):
                if after in automaton.broken or (question.ends_open and target in final and after in automaton.open):
                    ends.add((state, q))
                else:
                    before.setdefault((target, after), set()).add((state, q))
    leading, ahead = set(ends), list(ends)
    while ahead:
        new = before.get(ahead.pop(), set()) - leading
        leading |= new
        ahead += new
    return leading


def _endings(abstraction: Abstraction, question: Question) -> Iterable[Pair]:
    """Yield the pairs at which a history can end without a further row."""
    automaton, workflow = question.automaton, abstraction.workflow
    yield from ((state, 0) for state, _ in question.stuck)
    final = [state.name for state in workflow.states.values() if state.kind is StateKind.FINAL] if question.ends_open else []
    for q in automaton.open:
        yield from ((state, q) for state in (*question.rests_open, *final))
    for q, condition in automaton.forbidden.items():
        yield from ((state, q) for state in workflow.states if abstraction.anywhere(condition, state) != NOTHING)


def _after(automaton: Automaton, q: int, steps: Iterable[str]) -> set[int]:
    """Return the states of an automaton that can follow after steps."""
    reached = {q}
    for name in steps:
        symbols = {0}
        for i, pattern in enumerate(automaton.patterns):
            if name in pattern.names:
                matching = {symbol | 1 << i for symbol in symbols}
                symbols = symbols | matching if pattern.conditions else matching
        reached = {automaton.step(one, symbol) for one in reached for symbol in symbols}
    return reached


def cases_to_the_end(abstraction: Abstraction, question: Question) -> int:
    """Return cases that include all whose history can answer the question, as far as the precision distinguishes them.

    A history ends by a step into a broken or open state of the automaton, or where a forbidden condition holds. Facts
    never change, so what the step and the condition ask of them holds from the start.
    """
    automaton, diagrams = question.automaton, abstraction.diagrams
    if question.stuck:
        return EVERYTHING
    goal = automaton.broken | (automaton.open if question.ends_open or question.rests_open else frozenset())
    symbols = {
        symbol for q, row in enumerate(automaton.table) for symbol, after in enumerate(row) if q not in goal and after in goal
    }
    matching = [diagrams.any_of(_matching(abstraction, one) for one in variants) for variants in automaton.variants]
    ways = [diagrams.all_of(cases for i, cases in enumerate(matching) if symbol >> i & 1) for symbol in sorted(symbols)]
    ways += [EVERYTHING] if 0 in goal and not automaton.starts else []
    ways += [abstraction.cases(condition) for condition, q in automaton.starts if q in goal]
    ways += [abstraction.cases(condition) for condition in dict.fromkeys(automaton.forbidden.values())]
    return diagrams.any_of(ways)


def _matching(abstraction: Abstraction, pattern: StepPattern) -> int:
    """Return the cases that can make a step of a pattern."""
    workflow, diagrams = abstraction.workflow, abstraction.diagrams
    guards = [transition.guard for transition in workflow.transitions if transition.name in pattern.names]
    guards += [event.guard for event in workflow.events.values() if event.name in pattern.names]
    if ROW_END in pattern.names:
        return diagrams.all_of(map(abstraction.cases, pattern.conditions))
    passes = diagrams.any_of(EVERYTHING if guard is None else abstraction.cases(guard) for guard in guards)
    return diagrams.all_of([passes, *map(abstraction.cases, pattern.conditions)])
