"""Which rows and names of a log a mapping chooses, whether or not a workflow is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workflow.auditing.mapping import ROLES, LogMapping
from workflow.errors import nearest
from workflow.files.table import Table
from workflow.files.validation import format_names


def chosen_rows(table: Table, mapping: LogMapping) -> tuple[Table, list[str]]:
    """Return the table with only the rows that ``only`` chooses, and what is wrong with the choice.

    A column is named by itself or by what it means; the letters of a value may be small or capital.
    """
    chosen, problems = np.ones(len(table), bool), []
    for name, values in mapping.only.items():
        column = table.find(mapping.columns.get(name) or name, *ROLES.get(name, ()))
        if column is None:
            problems.append(f"--only {name}: {table.missing_column(name, 'the choice of rows')}")
            continue
        texts = table.columns[column].texts()
        small, wanted = [text.lower() for text in texts], [value.lower() for value in values]
        for value in values:
            if value.lower() not in small:
                hint = nearest(value, texts) or f" Its values: {format_names(texts)}."
                problems.append(f"--only {name}={value}: no row of {table.path} has this value.{hint}")
        fits = np.array([*(text in wanted for text in small), False])
        chosen &= fits[table.columns[column].codes]
    return table if chosen.all() else table.taking(np.flatnonzero(chosen)), problems


def names_that_no_row_has(mapping: LogMapping, texts: Sequence[str]) -> list[str]:
    """Return a note for each name of a step, or of a row to leave out, that the log does not have."""
    known = set(texts)
    notes = [
        f"no row is named {label!r}, which the mapping gives as the name of {step}.{nearest(label, texts)}"
        for step, labels in mapping.names.items()
        for label in labels
        if label not in known
    ]
    left_out = [label for label in mapping.leave_out if label not in known]
    return notes + [f"no row is named {label!r}, which the mapping leaves out.{nearest(label, texts)}" for label in left_out]
