"""``docketsim prove``: decide every rule of a workflow, and tell of each how it can be broken."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from workflow.definition import COMPLETE, Value, Workflow, as_written
from workflow.errors import InputError
from workflow.fact_space import possible_classes
from workflow.findings import Finding, find_odd
from workflow.predicates import names, unparse
from workflow.proof import History, Prover, Step, Verdict
from workflow.rules import Rule
from workflow.table import compile_table, guards, largest

SECONDS = 25.0
MOST_ENTRIES = 1_000_000  # of a table: each takes a few hundred bytes while it is made

_NEXT = (
    "not decided is neither proved nor broken. What may help: more time (--seconds 300); guards and rules that compare",
    "a fact with fewer different values; an assume: that leaves out cases that cannot be; fewer values of record fields.",
    "Until then the rules can be tested on random histories (pytest) and watched in runs (docketsim run --monitor stop).",
)

__all__ = ["Proof", "prove", "told", "told_verdict"]


@dataclass(frozen=True)
class Proof:
    """The verdicts on the rules of a workflow, and what is odd about it.

    Attributes
    ----------
    classes : int
        The fact classes that every case falls into, as far as they were listed.
    complete : bool
        Whether they were all listed; if not, no rule is decided.
    findings : tuple of Finding or None
        ``None`` if there was no time to look everywhere.
    """

    workflow: Workflow
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...] | None
    classes: int
    complete: bool = True

    @property
    def broken(self) -> bool:
        """Return whether any rule can be broken."""
        return any(v.decision == "broken" for v in self.verdicts)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        rules = [
            {
                "rule": v.rule.name,
                "verdict": v.decision,
                "reason": v.reason,
                "vacuous": v.vacuous,
                "seconds": round(v.seconds, 3),
                "history": None if v.history is None else _json(self.workflow, v.rule, v.history),
            }
            for v in self.verdicts
        ]
        return {
            "workflow": self.workflow.name,
            "classes": self.classes,
            "complete": self.complete,
            "rules": rules,
            "findings": None if self.findings is None else [f.json() for f in self.findings],
        }


def prove(
    workflow: Workflow,
    rules: Sequence[Rule] | None = None,
    *,
    most_classes: int = 3000,
    most_nodes: int = 200_000,
    seconds: float = SECONDS,
) -> Proof:
    """Decide rules for every case that can exist, whatever happens to it.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule, optional
        The workflow's own, if they are not given.
    most_classes, most_nodes : int
        Limits above which a rule is left undecided.
    seconds : float
        Limit for everything together: half of it at most for listing the fact classes; what is left is shared by the
        rules and the look at what is odd, each of which leaves to those after it what it does not need.

    Returns
    -------
    Proof

    Examples
    --------
    >>> from workflow import load_workflow
    >>> proof = prove(load_workflow("prosecutorial-discretion-review"))
    >>> {v.decision for v in proof.verdicts}
    {'proved'}
    """
    chosen = workflow.rules if rules is None else tuple(rules)
    conditions = [*guards(workflow), *(c for rule in chosen for c in rule.conditions)]
    deadline = time.perf_counter() + seconds
    space = possible_classes(workflow, conditions, limit=most_classes, seconds=seconds / 2)
    if space.complete and not len(space.witness):
        raise InputError(
            [
                f"{workflow.name}: no case keeps to assume:, so nothing can be proved of any; the assumptions contradict each other"
            ]
        )
    reason = (
        None
        if space.complete
        else (f"not all kinds of cases could be listed, at most {most_classes:,} in {seconds / 2:g} seconds")
    )
    if reason is None and (n := largest(workflow, len(space.witness))) > MOST_ENTRIES:
        reason = f"the guards tried in one state read {n:,} combinations of facts and record"
    if reason is not None:
        undecided = tuple(Verdict(rule, "not decided", 0.0, 0, reason=reason) for rule in chosen)
        return Proof(workflow, undecided, None, len(space.witness), space.complete)
    prover = Prover(compile_table(workflow, space.witness, conditions), most_nodes)
    verdicts = []
    for n_ahead, rule in zip(range(len(chosen), 0, -1), chosen, strict=True):
        verdicts.append(prover.decide(rule, (deadline - time.perf_counter()) / (n_ahead + 1)))
    odd = find_odd(prover, deadline - time.perf_counter())
    return Proof(workflow, tuple(verdicts), None if odd is None else tuple(odd), len(space.witness))


def told(proof: Proof) -> Iterator[str]:
    """Yield the lines of a report."""
    kinds = f"{proof.classes:,} kinds of cases" if proof.complete else f"at least {proof.classes:,} kinds of cases"
    yield f"{proof.workflow.name}: {len(proof.verdicts)} rules, {kinds}"
    for verdict in proof.verdicts:
        yield from (f"  {line}" for line in told_verdict(proof, verdict))
    if any(v.decision == "not decided" for v in proof.verdicts):
        yield from _NEXT
    if proof.findings is None:
        yield "what else is odd was not looked for to the end"
    elif proof.findings:
        yield "found besides, none of it a broken rule:"
        for finding in proof.findings:
            example = ", ".join(f"{k} = {as_written(v)}" for k, v in finding.example.items())
            yield f"  {finding.finding}: {finding.where}{f'; for example {example}' if example else ''}"


def told_verdict(proof: Proof, verdict: Verdict) -> Iterator[str]:
    """Yield the verdict on one rule, and the history that breaks it if there is one."""
    note = f"  ({verdict.reason})" if verdict.reason else ""
    note += f"  (says nothing: {verdict.vacuous})" if verdict.vacuous else ""
    if verdict.outstanding:
        note += f"  (can stay open for ever in {', '.join(verdict.outstanding)})"
    yield f"{verdict.decision:<11} {verdict.rule.name}{note}"
    if verdict.history is not None:
        yield from (f"    {line}" for line in _history(proof.workflow, verdict.rule, verdict.history))


def _matters(workflow: Workflow, rule: Rule, history: History) -> dict[str, Value]:
    """Return the facts not at their defaults that the rule, or a guard tried along a history, read."""
    read = set(rule.reads)
    for step in history.steps:
        for i in workflow.candidates.get((step.state, step.trigger), ()):
            guard = workflow.transitions[i].guard
            read |= names(guard) if guard is not None else frozenset()
            if i == step.transition:
                break
        if step.trigger in workflow.events and (guard := workflow.events[step.trigger].guard) is not None:
            read |= names(guard)
    return {k: v for k, v in history.facts.items() if k in read and k in workflow.facts and v != workflow.defaults[k]}


def _history(workflow: Workflow, rule: Rule, history: History) -> Iterator[str]:
    facts = _matters(workflow, rule, history)
    begun = {n: v for n, v in zip(workflow.record, history.record, strict=True) if v != workflow.defaults[n]}
    shown = ", ".join(f"{k} = {as_written(v)}" for k, v in {**facts, **begun}.items()) or "every fact at its default"
    yield f"a case with {shown} begins in {history.state}"
    for i, step in enumerate(history.steps, start=1):
        yield f"{i:>2}. {_step(workflow, step)}"
    yield f"source of the rule: {rule.source}" if rule.source else "and the rule is broken"


def _step(workflow: Workflow, step: Step) -> str:
    what = workflow.transitions[step.transition].name if step.transition is not None else step.trigger
    gave = f" ({_giver(workflow, step)} = {as_written(step.given)})" if step.given is not None else ""
    upon = f" upon {step.trigger}" if step.trigger in workflow.events and step.transition is not None else ""
    line = f"{what}{upon}{gave}: {step.state} -> {step.state_after}"
    if step.transition is None:
        return line
    transition = workflow.transitions[step.transition]
    guard = unparse(transition.guard) if transition.guard is not None else None
    guard = guard if guard is None or len(guard) <= 90 else guard[:87] + "..."
    allowed = f"   allowed by: {guard}" if guard else "   allowed: no guard"
    return f"{line}{allowed}{f' [{transition.source}]' if transition.source else ''}"


def _giver(workflow: Workflow, step: Step) -> str:
    if step.trigger in workflow.events:
        return str(workflow.events[step.trigger].gives)
    return str(workflow.activities[str(workflow.states[step.state].activity)].gives) if step.trigger == COMPLETE else ""


def _json(workflow: Workflow, rule: Rule, history: History) -> dict[str, Any]:
    return {
        "facts": {
            k: v if isinstance(v, bool | int | float | str | None) else str(v)
            for k, v in _matters(workflow, rule, history).items()
        },
        "state": history.state,
        "record": dict(zip(workflow.record, history.record, strict=True)),
        "steps": [
            {
                "trigger": s.trigger,
                "given": s.given,
                "transition": None if s.transition is None else workflow.transitions[s.transition].name,
                "from": s.state,
                "to": s.state_after,
            }
            for s in history.steps
        ],
    }
