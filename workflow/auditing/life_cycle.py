"""Read the life cycle of activities: rows of a start and of a completion are one step, with `started_at` and its time.

References
----------
The standard transitions of the lifecycle extension of XES: schedule, assign, start, suspend, resume, complete and others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow.errors import format_names
from workflow.files.table import n_of

Integers = NDArray[np.int64]

NO_START = np.iinfo(np.int64).min
"""The start of a step whose start the log does not have."""

_START, _COMPLETE, _OTHER = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Completed:
    """The rows that are steps.

    Attributes
    ----------
    rows : ndarray of bool
        Whether each row is a completion.
    started_at : ndarray of int64
        The start of each completion, in microseconds since 1970; `NO_START` if the log does not have it.
    notes : tuple of str
        What was paired and left out.
    """

    rows: NDArray[np.bool_]
    started_at: Integers
    notes: tuple[str, ...]


def completed_rows(phases: Sequence[str], of_row: Integers, case: Integers, activity: Integers, at: Integers) -> Completed | None:
    """Pair each start with the next completion of the same activity of the case.

    Parameters
    ----------
    phases : sequence of str
        The distinct phases of the life cycle.
    of_row : ndarray of int, shape (n_rows,)
        The index of the phase of each row; -1 for none, which is a completion.
    case, activity, at : ndarray of int64, shape (n_rows,)

    Returns
    -------
    Completed or None
        ``None`` if no row is a completion: the column then means something else.
    """
    kinds = np.array([{"start": _START, "complete": _COMPLETE}.get(p.strip().lower(), _OTHER) for p in phases] + [_COMPLETE])
    kind = kinds[of_row]
    if not (kind[of_row >= 0] == _COMPLETE).any():
        return None
    started_at = np.full(len(kind), NO_START)
    order = np.lexsort((np.arange(len(kind)), at, activity, case))
    order = order[kind[order] != _OTHER]
    same = (
        np.concatenate([[0], np.cumsum((np.diff(case[order]) != 0) | (np.diff(activity[order]) != 0))]) if len(order) else order
    )
    n_paired = 0
    waiting: list[int] = []
    group = -1
    for row, of_group, starts in zip(order.tolist(), same.tolist(), (kind[order] == _START).tolist(), strict=True):
        if of_group != group:
            waiting, group = [], of_group
        if starts:
            waiting.append(row)
        elif waiting:
            started_at[row] = at[waiting.pop(0)]
            n_paired += 1
    return Completed(kind == _COMPLETE, started_at, tuple(_notes(phases, of_row, kind, n_paired)))


def _notes(phases: Sequence[str], of_row: Integers, kind: Integers, n_paired: int) -> list[str]:
    n_starts = int((kind == _START).sum())
    notes = []
    if n_starts:
        alone = n_starts - n_paired
        rest = f"; {n_of(alone, 'start')} without a completion left out" if alone else ""
        notes.append(f"{n_of(n_paired, 'start')} read together with their completions{rest}")
    others = Counter({phases[i]: int(n) for i, n in enumerate(np.bincount(of_row[kind == _OTHER], minlength=len(phases))) if n})
    if others:
        shown = format_names(f"{name!r} ({n:,})" for name, n in others.most_common())
        notes.append(f"{n_of(others.total(), 'row')} of other phases of the life cycle left out: {shown}")
    return notes
