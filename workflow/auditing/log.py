"""An event log as the audit reads it, whatever it came from.

Rows are sorted by case and time. What a log says of facts and of the record is kept by name; what it does not
say stays unknown, so that a rule that needs it is left unjudged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.model.definition import Workflow

__all__ = ["AuditLog"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class AuditLog:
    """An event log, sorted by case and time.

    Attributes
    ----------
    names : ndarray of object, shape (n_cases,)
        How the log calls each case.
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case; the last entry is the number of rows.
    transition, event : ndarray of int64, shape (n_rows,)
        Places in the workflow's transitions and events, -1 for none.
    unknown : ndarray of bool
        Rows whose word the workflow does not have.
    at : ndarray of int64
        Microseconds since 1970.
    end : int or None
        The instant up to which the log reaches, for obligations that are still open.
    facts : mapping of str to (values, missing), a value a case
    seen, after : mapping of str to values, a value a row
        The record as the guards saw it, and after the row.
    begins : mapping of str to values, a value a case
        The record with which a case begins.
    lacks : mapping of str to ndarray of bool, shape (n_cases,)
        Of names that the log knows: for which cases it does not tell them, although each case has one.
    words : mapping of int to str
        What the log calls the rows that are `unknown`.
    """

    workflow: Workflow
    names: NDArray[Any]
    first: Integers
    transition: Integers
    event: Integers
    unknown: NDArray[np.bool_]
    at: Integers
    end: int | None
    facts: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_] | None]]
    seen: Mapping[str, NDArray[Any]]
    after: Mapping[str, NDArray[Any]]
    begins: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    lacks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    words: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.transition)

    @cached_property
    def case(self) -> Integers:
        """Return the place of each row's case."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), np.diff(self.first))

    @cached_property
    def happened(self) -> frozenset[str]:
        """Return the transitions and the events that the log has."""
        words = [t.name for t in self.workflow.transitions], list(self.workflow.events)
        counts = (np.bincount(column + 1)[1:] for column in (self.transition, self.event))
        return frozenset(some[k] for some, n in zip(words, counts, strict=True) for k in np.flatnonzero(n))

    @property
    def known(self) -> frozenset[str]:
        """Return the names of which the log says something."""
        return frozenset({*self.facts, *self.seen})

    def untold(self, names: Collection[str]) -> NDArray[np.bool_]:
        """Say of which cases the log does not tell one of some names that it tells of others."""
        found = np.zeros(len(self.names), bool)
        for name in self.lacks.keys() & set(names):
            found |= self.lacks[name]
        return found
