"""``docketsim prove``: decide every rule of a workflow; give a counterexample for each that can be broken."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from workflow.deciding.table import compile_table, guards, largest
from workflow.errors import InputError
from workflow.files.arguments import check_arguments
from workflow.model.arguments import rule_problems, workflow_problems
from workflow.model.definition import Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.fact_space import possible_classes
from workflow.proving.findings import Finding, find_odd, find_odd_by_search
from workflow.proving.proof import MOST_NODES, Prover
from workflow.proving.report import Proof
from workflow.proving.rules_compared import compare_rules
from workflow.proving.verdict import Verdict

SECONDS = 25.0
MAX_CLASSES = 1_000  # of facts, listed for findings
MAX_ENTRIES = 1_000_000  # of a table; building it takes a few hundred bytes per entry


@contextmanager
def _collecting_often() -> Iterator[None]:
    """Collect garbage as often as Python does by default: Z3 takes three times as long where its terms are not freed soon."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@_collecting_often()
def prove(
    workflow: Workflow, rules: Sequence[Rule] | None = None, *, most_nodes: int = MOST_NODES, seconds: float = SECONDS,
    bounds: Bounds | None = None,
) -> Proof:  # fmt: skip
    """Decide rules for every possible case and history.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule, optional
        By default, those of the workflow.
    most_nodes : int
        Maximum number of nodes of one search; beyond it a rule is undecided.
    seconds : float
        Time limit for everything. The rules, the search for findings and the comparison of rules share it; each passes on the
        time that it does not use.
    bounds : Bounds, optional
        Bounds on time, besides those of the rules, such as those of a scenario.

    Returns
    -------
    Proof

    Raises
    ------
    InputError
        If an argument is of another kind, no case satisfies the assumptions, or a limit is more than a day or 1,500,000 nodes.
    ProverMissing
        If Z3 is not installed.

    Examples
    --------
    >>> from workflow import load_workflow
    >>> proof = prove(load_workflow("prosecutorial-discretion-review"))
    >>> {v.decision for v in proof.verdicts}
    {'proved'}
    """
    check_arguments(workflow_problems(workflow=workflow) + rule_problems(rules))
    chosen = workflow.rules if rules is None else tuple(rules)
    budget = Budget(seconds, most_nodes)
    prover = Prover(workflow, most_nodes, bounds=bounds)
    try:
        if not prover.paths.any_case(budget):
            problem = "no case satisfies assume:, so nothing can be proved; the assumptions contradict each other"
            raise InputError([f"{workflow.name}: {problem}"])
    except LimitReached as reason:
        undecided = tuple(Verdict(rule, "undecided", 0.0, 0, reason=str(reason)) for rule in chosen)
        return Proof(workflow, undecided, None, rules_compared=False)
    verdicts = _decided(prover, chosen, budget)
    findings, all_findings = _findings(prover, chosen, budget)
    compared, all_compared = _compared(workflow, chosen, budget)
    return Proof(workflow, tuple(verdicts), findings, all_findings, compared, all_compared)


def _findings(prover: Prover, rules: Sequence[Rule], budget: Budget) -> tuple[tuple[Finding, ...] | None, bool]:
    """Return what is odd, ``None`` if time was over; and whether overlaps and hidden guards were looked for."""
    workflow, conditions = prover.workflow, guards(prover.workflow)
    space = possible_classes(workflow, conditions, limit=MAX_CLASSES, seconds=max(0.0, budget.left / 4))
    if space.complete and largest(workflow, len(space.witness)) <= MAX_ENTRIES:
        half = Budget(max(0.0, budget.left / 2), budget.most_nodes)
        odd = find_odd(compile_table(workflow, space.witness, conditions), half, rules)
        if odd is not None:
            return tuple(odd), True
    try:
        return tuple(find_odd_by_search(prover, budget, rules)), False
    except LimitReached:
        return None, False


def _compared(workflow: Workflow, rules: Sequence[Rule], budget: Budget) -> tuple[tuple[Finding, ...], bool]:
    """Return what rules say about each other, and whether there was time for all of it."""
    share = Budget(max(0.0, budget.left / 2), budget.most_nodes)
    found: list[Finding] = []
    try:
        found.extend(compare_rules(workflow, rules, share))
    except LimitReached:
        return tuple(found), False
    return tuple(found), True


def _decided(prover: Prover, rules: Sequence[Rule], budget: Budget) -> list[Verdict]:
    """Decide rules, each with its share of the time; retry those that ran out of time if enough is left."""
    verdicts: dict[int, Verdict] = {}
    used: dict[int, float] = {}
    waiting = list(range(len(rules)))
    while waiting:
        again = []
        for n_ahead, k in zip(range(len(waiting), 0, -1), waiting, strict=True):
            share = max(0.0, budget.left) / (n_ahead + 1)
            if k in verdicts and share <= 1.5 * used[k]:  # a retry with less time would fail again
                continue
            verdicts[k], used[k] = prover.decide(rules[k], share), share
            if verdicts[k].decision == "undecided" and verdicts[k].seconds >= share:
                again.append(k)
        waiting = again
    return [verdicts[k] for k in range(len(rules))]
