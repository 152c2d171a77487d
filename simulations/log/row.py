"""The columns of an event log row: their order, types and labels, declared once for engines, files, views and exports."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from workflow.model.definition import HORIZON, INTERRUPTED

__all__ = [
    "BY_COMPLETION",
    "BY_ENTRY",
    "BY_HORIZON",
    "BY_INTERRUPTION",
    "COLUMNS",
    "FIRST_EVENT_CAUSE",
    "HORIZON",
    "INTERRUPTED",
    "LABELLED",
    "NEVER",
    "Column",
]

NEVER: Final = -(2**63)
"""Stands for a missing instant."""

BY_COMPLETION, BY_ENTRY, BY_HORIZON, BY_INTERRUPTION, FIRST_EVENT_CAUSE = range(5)
"""Codes of the column ``cause``: an activity completes, a case enters a state, the run ends, work is interrupted; then the
workflow's events."""


class Column(NamedTuple):
    """A column of the log.

    Attributes
    ----------
    kind : {"instant", "number", "label"}
        Microseconds since the start (`NEVER` if missing), a number or a code of a label (-1 if missing).
    """

    name: str
    kind: Literal["instant", "number", "label"]

    @property
    def size(self) -> int:
        """Return the size of a value in bytes while an engine runs."""
        return {"instant": 8, "number": 4, "label": 2}[self.kind]


COLUMNS = (
    Column("case_id", "number"),
    Column("transition", "label"),
    Column("cause", "label"),
    Column("from_state", "label"),
    Column("to_state", "label"),
    Column("activity", "label"),
    Column("pool", "label"),
    Column("server", "number"),
    Column("enabled_at", "instant"),
    Column("started_at", "instant"),
    Column("completed_at", "instant"),
    Column("outcome", "label"),
    Column("happened_at", "instant"),
)
"""In the order of an engine's rows."""

LABELLED = tuple(column.name for column in COLUMNS if column.kind == "label")
