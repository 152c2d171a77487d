"""The steps of a row of a history, and the case that a rule reads at each of them.

A *row* of a history is what happens at once: an event, a transition, or an event with the transition that it
triggers. A *step* is one of the two. All readings of a rule take the order of the steps, and what they read, from here.

====== ============================== =======================================================
step   ``if:`` reads the case         ``giving:`` reads the case
====== ============================== =======================================================
event  before the event's effects     after the event's effects, still in its state
move   as the transition's guard saw  after the transition's effects, in the new state
       it: after the event's effects
====== ============================== =======================================================
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from workflow.model.automata import ROW_END
from workflow.model.definition import Workflow

RecordT = TypeVar("RecordT")


class Step(NamedTuple, Generic[RecordT]):
    """One step of a case, as a rule reads it.

    Attributes
    ----------
    name : str
        The event that happened, or the transition that was taken.
    record, state
        The case that ``if:`` reads.
    record_after, state_after
        The case that ``giving:`` reads.
    """

    name: str
    record: RecordT
    state: str
    record_after: RecordT
    state_after: str


def steps_of(
    workflow: Workflow, trigger: str, transition: int | None, records: tuple[RecordT, RecordT, RecordT],
    state: str, state_after: str,
) -> list[Step[RecordT]]:  # fmt: skip
    """Return the steps of a row: an event before the transition that it triggers.

    Parameters
    ----------
    trigger : str
        ``complete``, ``enter`` or an event.
    transition : int or None
        The index of the transition that was taken.
    records : tuple of three records, of any kind
        Before the row; as the guards of the transitions saw it, after the event's or the activity's effects; and after
        the row.
    """
    before, seen, after = records
    steps = [Step(trigger, before, state, seen, state)] if trigger in workflow.events else []
    if transition is not None:
        steps.append(Step(workflow.transitions[transition].name, seen, state, after, state_after))
    return steps


def end_of_row(record: RecordT, state: str) -> Step[RecordT]:
    """Return the end of a row as a step, with the case after the row. Rules about neighbouring rows hear it."""
    return Step(ROW_END, record, state, record, state)


def names_of_row(workflow: Workflow, trigger: str, transition: int | None) -> list[str]:
    """Return the names of the steps of a row."""
    return [step.name for step in steps_of(workflow, trigger, transition, ((), (), ()), "", "")]
