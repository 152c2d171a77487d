"""``docketsim prove``: decide every rule of a workflow; give a counterexample for each that can be broken."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workflow.deciding.table import compile_table, guards, largest
from workflow.errors import InputError
from workflow.model.definition import Workflow
from workflow.model.rules import Rule
from workflow.proving.fact_space import possible_classes
from workflow.proving.findings import find_odd
from workflow.proving.proof import Prover
from workflow.proving.report import Proof
from workflow.proving.verdict import Verdict

SECONDS = 25.0
MAX_ENTRIES = 1_000_000  # of a table; building it takes a few hundred bytes per entry

__all__ = ["prove"]


def prove(
    workflow: Workflow,
    rules: Sequence[Rule] | None = None,
    *,
    most_classes: int = 3000,
    most_nodes: int = 200_000,
    seconds: float = SECONDS,
) -> Proof:
    """Decide rules for every possible case and history.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule, optional
        By default, those of the workflow.
    most_classes, most_nodes : int
        Limits; beyond them a rule is undecided.
    seconds : float
        Time limit for everything. At most half of it is for listing the fact classes. The rules and the search for
        findings share the rest; each passes on the time that it does not use.

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
        problem = "no case satisfies assume:, so nothing can be proved; the assumptions contradict each other"
        raise InputError([f"{workflow.name}: {problem}"])
    reason = None
    if not space.complete:
        reason = f"could not list all kinds of cases; the limit is {most_classes:,} in {seconds / 2:g} seconds"
    elif (n := largest(workflow, len(space.witness))) > MAX_ENTRIES:
        reason = f"the guards tried in one state read {n:,} combinations of facts and record"
    if reason is not None:
        undecided = tuple(Verdict(rule, "undecided", 0.0, 0, reason=reason) for rule in chosen)
        return Proof(workflow, undecided, None, len(space.witness), space.complete)
    prover = Prover(compile_table(workflow, space.witness, conditions), most_nodes)
    verdicts = _decided(prover, chosen, deadline)
    odd = find_odd(prover, deadline - time.perf_counter())
    return Proof(workflow, tuple(verdicts), None if odd is None else tuple(odd), len(space.witness))


def _decided(prover: Prover, rules: Sequence[Rule], deadline: float) -> list[Verdict]:
    """Decide rules, each with its share of the time; retry those that ran out of time if enough is left."""
    verdicts: dict[int, Verdict] = {}
    used: dict[int, float] = {}
    waiting = list(range(len(rules)))
    while waiting:
        again = []
        for n_ahead, k in zip(range(len(waiting), 0, -1), waiting, strict=True):
            share = max(0.0, deadline - time.perf_counter()) / (n_ahead + 1)
            if k in verdicts and share <= 1.5 * used[k]:  # a retry with less time would fail again
                continue
            verdicts[k], used[k] = prover.decide(rules[k], share), share
            if verdicts[k].decision == "undecided" and verdicts[k].seconds >= share:
                again.append(k)
        waiting = again
    return [verdicts[k] for k in range(len(rules))]
