"""Is a proved rule vacuous, and where can a case stay while its obligation is open? Further questions to the prover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workflow.deciding.steps import names_of_row
from workflow.model.automata import before_needs, count
from workflow.model.definition import StateKind
from workflow.model.rules import Rule
from workflow.predicates import Expression, names, scalar, substitute, unparse
from workflow.predicates.tree import And, Conditional, Not, Or
from workflow.predicates.words import StepPattern, Word, past_operators
from workflow.proving.questions import Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from workflow.model.definition import Workflow
    from workflow.proving.budget import Budget
    from workflow.proving.proof import Prover


class Finder(Protocol):
    """What finds histories of a workflow."""

    workflow: Workflow

    def find(self, question: Question, budget: Budget) -> object | None:
        """Return a history that answers a question; ``None`` if there is none."""


class Met(Protocol):
    """What is known to have been met, see `workflow.proving.machine_check.Walk`."""

    @property
    def steps(self) -> Set[str]:
        """Return the names of steps that cases made."""

    @property
    def matched(self) -> int:
        """Return which patterns of the rule a step matched, as bits."""

    def met(self, conditions: Mapping[int, Expression]) -> bool:
        """Return whether a condition held, for each state of the rule's automaton its own."""


def why_vacuous(prover: Finder, rule: Rule, walk: Met, budget: Budget) -> str | None:
    """Return why a proved rule is vacuous, or ``None``: what triggers it can never be so.

    The trigger of a condition is each of the parts that it joins by ``and``, whichever way it is written. What the walk that
    checked the proof has met needs no search.
    """
    if rule.condition is not None:
        part = _never_held(prover, rule, walk, _pushed(rule.condition), False, budget)
        return None if part is None else f"{unparse(part)!r} holds in no reachable state"
    if rule.template == "eventually":
        return None
    subject = rule.subject
    if not (walk.steps & subject.names or _exists(prover, Question.takes(Word.of(*subject.names)), budget)):
        return f"{subject} can never happen"
    for key in ("if", "giving"):
        asked = _own_condition(rule, key)
        if asked is None or walk.met(dict.fromkeys(range(len(rule.automaton.table)), asked)):
            continue
        if not _exists(prover, _anywhere(prover, asked), budget):
            return f"its {key}: holds in no reachable state"
    if rule.template == "never" and "together_with" not in rule.words:
        return None
    if walk.matched & rule.subject_bits == 0 and not _exists(prover, Question.takes(subject), budget):
        has_own = _own_condition(rule, "if") is not None
        return (
            f"{subject} can never happen where its if: holds"
            if has_own
            else f"{subject} can never happen as the rule describes it"
        )
    return _limit_unmet(prover, rule, budget)


def _limit_unmet(prover: Finder, rule: Rule, budget: Budget) -> str | None:
    """Return that what would restrict the subject never comes before it, or that a limit is never reached."""
    subject = rule.subject
    if rule.template == "never" and not _exists(prover, Question.takes(rule.words["together_with"]), budget):
        return f"{rule.words['together_with']} (its together_with:) can never happen"
    if rule.template == "at_most" and rule.limit > 1:
        reached = count(subject, rule.words.get("since"), most=rule.limit - 1)
        if not _exists(prover, Question(reached), budget):
            return f"{subject} can never happen {rule.limit} times"
    if rule.template == "before" and "once" in rule.words:
        once = rule.words["once"]
        if not _exists(prover, Question(before_needs(subject, Word(()), once, True)), budget):
            return f"{once} (its once:) can never happen before {subject}"
    return None


def _own_condition(rule: Rule, key: str) -> Expression | None:
    """Return the ``if:`` or ``giving:`` of a rule, if it has no past operators."""
    if key not in rule.written:
        return None
    of_steps = {one.when if key == "if" else one.giving for one in rule.subject.alternatives}
    condition = next(iter(of_steps)) if len(of_steps) == 1 else None
    return None if condition is None or past_operators([condition]) else condition


def _exists(prover: Finder, question: Question, budget: Budget) -> bool:
    return prover.find(question, budget) is not None


def _pushed(condition: Expression, holds: bool = True) -> Expression:
    """Return a condition, or its opposite, with ``not`` only before single parts."""
    match condition:
        case Not(operand=operand):
            return _pushed(operand, not holds)
        case And(operands=operands) | Or(operands=operands):
            joined = And if isinstance(condition, And) == holds else Or
            return joined(tuple(_pushed(operand, holds) for operand in operands))
        case Conditional(test=test, body=body, orelse=orelse):
            chosen = And((_pushed(test), _pushed(body, holds))), And((_pushed(test, False), _pushed(orelse, holds)))
            possible = tuple(one for one in chosen if not _is_false(one.operands[1]))
            return Or(possible) if len(possible) > 1 else (possible or chosen)[0]
    return condition if holds else Not(condition)


def _is_false(part: Expression) -> bool:
    """Return whether a part is false whatever the case, because it is a constant."""
    return not names(part) and not scalar(part, [], [])((), ())


def _never_held(prover: Finder, rule: Rule, walk: Met, part: Expression, is_trigger: bool, budget: Budget) -> Expression | None:
    """Return a single part that never holds, if one is among each of the alternatives of a condition.

    A condition that is one single part has no trigger: that it never holds is all that the rule says.
    """
    if isinstance(part, And):
        never = (_never_held(prover, rule, walk, each, True, budget) for each in part.operands)
        return next((dead_part for dead_part in never if dead_part is not None), None)
    if isinstance(part, Or):
        dead_part = None
        for each in part.operands:
            dead_part = _never_held(prover, rule, walk, each, is_trigger, budget)
            if dead_part is None:
                return None
        return dead_part
    if not is_trigger:
        return None
    conditions = _with_flags(rule, part)
    held = walk.met(conditions) or _exists(prover, Question.holds(rule, conditions), budget)
    return None if held else part


def _with_flags(rule: Rule, part: Expression) -> dict[int, Expression]:
    """Return a part of a condition with the truth values of its past operators, for each state of the automaton."""
    read = names(part)
    flags = [{name: value for name, value in every.items() if name in read} for every in rule.automaton.flags]
    return {q: substitute(part, values) for q, values in enumerate(flags)}


def _anywhere(prover: Finder, condition: Expression) -> Question:
    """Ask whether a condition holds at the start, at a step, or after one."""
    return Question.meets(Word((StepPattern(frozenset(prover.workflow.step_names), when=condition),)), condition)


def may_stay_open(prover: Prover, rule: Rule, budget: Budget) -> tuple[tuple[str, ...], bool]:
    """Return the resting states in which a case can stay while an obligation is open, and whether time passes with it."""
    if not rule.automaton.open:
        return (), False
    states = prover.workflow.states.values()
    resting = [state.name for state in states if state.kind is StateKind.RESTING]
    working = frozenset(state.name for state in states if state.kind is StateKind.ACTIVITY)
    staying: tuple[str, ...] = ()
    if _stays_open(prover, rule, frozenset(resting), budget):
        staying = tuple(state for state in resting if _stays_open(prover, rule, frozenset({state}), budget))
    passes = bool(staying) or (rule.within is not None and _stays_open(prover, rule, working, budget))
    return staying, passes


def _stays_open(prover: Prover, rule: Rule, states: frozenset[str], budget: Budget) -> bool:
    return bool(states) and prover.find(Question.stays_open(rule, states), budget) is not None


def may_go_round(prover: Prover, rule: Rule, budget: Budget) -> tuple[str, ...]:
    """Return the steps of a loop that a case can go round forever while an obligation without a time limit is open."""
    if not rule.automaton.open or rule.within is not None:
        return ()
    witness = prover.find(Question.loops_open(rule, prover.workflow.states), budget)
    if witness is None or witness.loop is None:
        return ()
    moves = [row.move for row in witness.rows[witness.loop :] if row.move is not None and row.move.trigger is not None]
    return tuple(names_of_row(prover.workflow, str(move.trigger), move.transition)[-1] for move in moves if not move.stuck)
