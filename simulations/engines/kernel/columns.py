"""The rows of the kernel as the columns of a log."""

from __future__ import annotations

from simulations.engines.kernel.compiling import cached


@cached
def fill_columns(
    rows, case_id, transition, cause, from_state, to_state, activity, pool, server, enabled_at, started_at, completed_at, outcome,
    happened_at,
):  # fmt: skip
    """Copy rows into columns, which may have smaller types; in one pass, since each column by itself would read every row."""
    for i in range(len(case_id)):
        row = rows[i]
        case_id[i], transition[i], cause[i] = row.case_id, row.transition, row.cause
        from_state[i], to_state[i] = row.from_state, row.to_state
        activity[i], pool[i], server[i] = row.activity, row.pool, row.server
        enabled_at[i], started_at[i], completed_at[i] = row.enabled_at, row.started_at, row.completed_at
        outcome[i], happened_at[i] = row.outcome, row.happened_at
