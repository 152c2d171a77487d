"""The values of an event log row: what stands for a missing one, and the codes of causes."""

from __future__ import annotations

from typing import Final

from workflow.model.columns import COLUMNS, Column
from workflow.model.definition import HORIZON, INTERRUPTED, NOT_STEPS

__all__ = [
    "BY_BOOKING",
    "BY_CLOSED_DATE",
    "BY_COMPLETION",
    "BY_ENTRY",
    "BY_HORIZON",
    "BY_INTERRUPTION",
    "BY_NOT_CALLED",
    "COLUMNS",
    "FIRST_EVENT_CAUSE",
    "HORIZON",
    "INTERRUPTED",
    "LABELLED",
    "NEVER",
    "NOT_STEPS",
    "Column",
]

NEVER: Final = -(2**63)
"""Stands for a missing instant; -1 for a missing number or label."""

BY_COMPLETION, BY_ENTRY, BY_HORIZON, BY_INTERRUPTION, BY_BOOKING, BY_NOT_CALLED, BY_CLOSED_DATE, FIRST_EVENT_CAUSE = range(8)
"""Codes of the column ``cause``: an activity completes, a case enters a state, the run ends, work is interrupted, a case is booked
for a date, was not called on its date, or its date was closed; then the workflow's events."""

LABELLED = tuple(column.name for column in COLUMNS if column.kind == "label")
