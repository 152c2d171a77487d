"""Turn a path of the search into the history to show: that of the plainest case on it, with the facts that matter."""

from __future__ import annotations

from workflow.deciding.machine import HistoryRow
from workflow.model.definition import Workflow
from workflow.proving.budget import Budget
from workflow.proving.fact_space import plainest_case
from workflow.proving.paths import PathCheck
from workflow.proving.search import Found
from workflow.proving.verdict import History

__all__ = ["history_of"]


def history_of(workflow: Workflow, found: Found, paths: PathCheck, budget: Budget) -> History:
    """Return the history of the plainest case that takes a path."""
    facts = plainest_case(workflow, found.taken.asked, budget, paths.facts)
    moves = [(row.node[0], row.move) for row in found.rows if row.move is not None and row.move.trigger is not None]
    steps = tuple(
        HistoryRow(str(move.trigger), given, move.transition, state, move.state)
        for (state, move), given in zip(moves, found.taken.given, strict=True)
        if not move.stuck
    )
    turns_on = paths.turned_on(found.taken.asked, facts, budget)
    return History(facts, found.rows[0].node[0], found.taken.record, steps, turns_on)
