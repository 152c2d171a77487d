"""``docketsim prove``: decide every rule of a workflow, and tell of each how it can be broken."""

from __future__ import annotations

import time
from collections.abc import Sequence

from workflow.deciding.table import compile_table, guards, largest
from workflow.errors import InputError
from workflow.model.definition import Workflow
from workflow.model.rules import Rule
from workflow.proving.fact_space import possible_classes
from workflow.proving.findings import find_odd
from workflow.proving.proof import Prover, Verdict
from workflow.proving.report import Proof

SECONDS = 25.0
MOST_ENTRIES = 1_000_000  # of a table: each takes a few hundred bytes while it is made

__all__ = ["prove"]


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
    verdicts = _decided(prover, chosen, deadline)
    odd = find_odd(prover, deadline - time.perf_counter())
    return Proof(workflow, tuple(verdicts), None if odd is None else tuple(odd), len(space.witness))


def _decided(prover: Prover, rules: Sequence[Rule], deadline: float) -> list[Verdict]:
    """Decide rules, each with its share of the time; whoever used it up is asked again if others have left enough."""
    found: dict[int, Verdict] = {}
    used: dict[int, float] = {}
    ahead = list(range(len(rules)))
    while ahead:
        again = []
        for n_ahead, k in zip(range(len(ahead), 0, -1), ahead, strict=True):
            share = max(0.0, deadline - time.perf_counter()) / (n_ahead + 1)
            if k in found and share <= 1.5 * used[k]:  # no use in trying for less
                continue
            found[k], used[k] = prover.decide(rules[k], share), share
            if found[k].decision == "not decided" and found[k].seconds >= share:
                again.append(k)
        ahead = again
    return [found[k] for k in range(len(rules))]
