"""Is a proved rule vacuous, and where can a case stay while its obligation is open? Further questions to the prover."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow.model.automata import StepPattern
from workflow.model.definition import StateKind
from workflow.model.rules import Rule
from workflow.predicates import Expression, names, substitute, unparse
from workflow.predicates.tree import And
from workflow.proving.questions import Question

if TYPE_CHECKING:
    from workflow.proving.budget import Budget
    from workflow.proving.proof import Prover

__all__ = ["may_stay_open", "why_vacuous"]


def why_vacuous(prover: Prover, rule: Rule, budget: Budget) -> str | None:
    """Return why a proved rule is vacuous, or ``None``."""
    if rule.condition is not None:
        for part in _conjuncts(rule.condition):
            if prover.find(Question.holds(rule, _with_flags(rule, part)), budget) is None:
                return f"{unparse(part)!r} holds in no reachable state"
        return None
    subject = rule.automaton.patterns[0]
    if prover.find(Question.takes(StepPattern(subject.names)), budget) is None:
        return f"{' or '.join(sorted(subject.names))} can never happen"
    if subject.when is not None and prover.find(_anywhere(prover, subject.when), budget) is None:
        return "its if: holds in no reachable state"
    return None


def _conjuncts(condition: Expression) -> tuple[Expression, ...]:
    return condition.operands if isinstance(condition, And) else (condition,)


def _with_flags(rule: Rule, part: Expression) -> dict[int, Expression]:
    """Return a part of a condition with the truth values of its past operators, for each state of the automaton."""
    read = names(part)
    flags = [{name: value for name, value in every.items() if name in read} for every in rule.automaton.flags]
    return {q: substitute(part, values) for q, values in enumerate(flags)}


def _anywhere(prover: Prover, condition: Expression) -> Question:
    """Ask whether a condition holds at the start, at a step, or after one."""
    return Question.meets(StepPattern(frozenset(prover.workflow.step_names), when=condition), condition)


def may_stay_open(prover: Prover, rule: Rule, budget: Budget) -> tuple[tuple[str, ...], bool]:
    """Return the resting states in which a case can stay while an obligation is open, and whether time passes with it."""
    if not rule.automaton.open:
        return (), False
    states = prover.workflow.states.values()
    resting = [state.name for state in states if state.kind is StateKind.RESTING]
    working = frozenset(state.name for state in states if state.kind is StateKind.ACTIVITY)
    found: tuple[str, ...] = ()
    if _stays_open(prover, rule, frozenset(resting), budget):
        found = tuple(state for state in resting if _stays_open(prover, rule, frozenset({state}), budget))
    passes = bool(found) or (rule.within_days is not None and _stays_open(prover, rule, working, budget))
    return found, passes


def _stays_open(prover: Prover, rule: Rule, states: frozenset[str], budget: Budget) -> bool:
    return bool(states) and prover.find(Question.stays_open(rule, states), budget) is not None
