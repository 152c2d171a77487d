"""The columns of an event log row: their order, types and labels, declared once for engines, files, views and exports."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

__all__ = [
    "BY_COMPLETION",
    "BY_ENTRY",
    "BY_HORIZON",
    "COLUMNS",
    "FIRST_EVENT_CAUSE",
    "HORIZON",
    "LABELLED",
    "NEVER",
    "Column",
]

NEVER: Final = -(2**63)
"""Stands for a missing instant."""

HORIZON: Final = "horizon"
"""Label of the cause of the row that closes a case which is open at the end of the run."""

BY_COMPLETION, BY_ENTRY, BY_HORIZON, FIRST_EVENT_CAUSE = 0, 1, 2, 3
"""Codes of the column ``cause``: an activity completes, a case enters a state, the run ends; then the workflow's events."""


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
