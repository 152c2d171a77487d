"""The columns of the tables of a run, declared once for engines, files, views, exports and reserved names."""

from __future__ import annotations

from typing import Literal, NamedTuple

from workflow.model.definition import Workflow


class Column(NamedTuple):
    """A column of the event log.

    Attributes
    ----------
    kind : {"instant", "date", "number", "label"}
        Microseconds since the start, days since the start, a number or a code of a label. `simulations.log.row` says what
        stands for a missing value.
    """

    name: str
    kind: Literal["instant", "date", "number", "label"]

    @property
    def size(self) -> int:
        """Return the size of a value in bytes while an engine runs."""
        return {"instant": 8, "date": 4, "number": 4, "label": 2}[self.kind]


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
    Column("booked_for", "date"),
)
"""The event log, in the order of an engine's rows."""

_TYPES = {"instant": "TIMESTAMP", "date": "DATE", "number": "INTEGER", "label": "VARCHAR"}

TABLES: dict[str, dict[str, str]] = {
    "cases": {
        "replication": "INTEGER",
        "case_id": "BIGINT",
        "court": "VARCHAR",
        "origin": "VARCHAR",
        "arrived_at": "TIMESTAMP",
        "initial_state": "VARCHAR",
        "as_of": "DATE",
    },
    "events": {
        "replication": "INTEGER",
        "sequence": "BIGINT",
        "case_id": "BIGINT",
        "court": "VARCHAR",
        "current_court": "VARCHAR",
        "to_court": "VARCHAR",
        "batch": "INTEGER",
        "happened_at": "TIMESTAMP",
        **{column.name: _TYPES[column.kind] for column in COLUMNS if column.name not in ("case_id", "happened_at")},
    },
    "holds": {"replication": "INTEGER", "sequence": "BIGINT", "pool": "VARCHAR", "court": "VARCHAR", "server": "INTEGER"},
    "measures": {
        "replication": "INTEGER",
        "measure": "VARCHAR",
        "court": "VARCHAR",
        "by": "VARCHAR",
        "group": "VARCHAR",
        "at": "DATE",
        "unit": "VARCHAR",
        "value": "DOUBLE",
    },
}
"""The tables in the files of a run, with the SQL types of their columns. The cases also have a column for each fact and
record field."""

FIELD_TYPES = {"boolean": "BOOLEAN", "integer": "BIGINT", "number": "DOUBLE", "date": "DATE", "enum": "VARCHAR"}
"""The SQL type of a fact or record field, by its kind."""

EXPORTED = ("arrived", "observed_until", "step_kind", "policy_in_force", "ocel_id", "ocel_time", "ocel_changed_field")
"""Columns of exports and views that have the facts of a case beside them."""


def cases_columns(workflow: Workflow) -> dict[str, str]:
    """Return the columns of the cases of a workflow, with their SQL types."""
    fields = {**workflow.facts, **workflow.record}
    return TABLES["cases"] | {name: FIELD_TYPES[field.kind] for name, field in fields.items()}
