"""Turn a path of the search into the history to show: that of the plainest case on it, with the facts that matter."""

from __future__ import annotations

from workflow.deciding.machine import HistoryRow
from workflow.model.definition import Workflow
from workflow.proving.budget import Budget
from workflow.proving.fact_space import plainest_case
from workflow.proving.paths import PathCheck
from workflow.proving.search import Witness
from workflow.proving.verdict import History


def history_of(workflow: Workflow, witness: Witness, paths: PathCheck, budget: Budget) -> History:
    """Return the history of the plainest case that takes a path."""
    facts = plainest_case(workflow, witness.taken.asked, budget, paths.facts)
    moves = [(row.node[0], row.move) for row in witness.rows if row.move is not None and row.move.trigger is not None]
    steps = tuple(
        HistoryRow(str(move.trigger), given, move.transition, state, move.state)
        for (state, move), given in zip(moves, witness.taken.given, strict=True)
        if not move.stuck
    )
    turns_on = paths.turned_on(witness.taken.asked, facts, budget)
    before = witness.rows[: witness.loop] if witness.loop is not None else []
    loop = sum(row.move is not None and row.move.trigger is not None for row in before) if witness.loop is not None else None
    return History(facts, witness.rows[0].node[0], witness.taken.record, steps, turns_on, loop=loop)
