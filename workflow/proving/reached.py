"""Where cases can come to a decision: the states and records that their course can reach under one of two workflows.

Up to the first decision that differs, both workflows lead a case along the same course. So a case can be decided
differently if, and only if, it reaches such a decision under one of them, whichever that is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workflow.deciding.table import Columns, Table, Tabulator, codes, guards
from workflow.model.definition import ENTER, Workflow
from workflow.predicates import names
from workflow.proving.exploration import Explorer, Move, Record, beginnings, walk


class Reached:
    """The records with which the cases of a population can stand in each state.

    Parameters
    ----------
    one, other : Workflow
        With the same facts, record and states. Courses follow `one`; a case begins as either allows.
    columns : Columns
        The facts of the cases.
    """

    def __init__(self, one: Workflow, other: Workflow, columns: Columns) -> None:
        table = Tabulator([one, other]).tables(columns)[0]
        self._workflow = one
        self._of_case = table.classes.of_case
        self._n_classes = len(table.classes)
        self._cases: dict[tuple[str, bool], dict[Record, int]] = {}
        everyone = (1 << self._n_classes) - 1
        begins = dict.fromkeys([*beginnings(one), *beginnings(other)], everyone)
        for visit in walk(_Explorer(table, other), begins):
            of_state = self._cases.setdefault((visit.state, visit.entering), {})
            of_state[visit.record] = of_state.get(visit.record, 0) | visit.classes

    def where(self, state: str, trigger: str, fields: list[str]) -> NDArray[np.bool_]:
        """Return which cases can come to a decision, by the values of record fields.

        Returns
        -------
        ndarray of bool, shape (n_cases, n_combinations)
            The combinations in the order of `workflow.deciding.table.grid`.
        """
        workflow = self._workflow
        names_of = list(workflow.record)
        at, code = [names_of.index(f) for f in fields], [codes(workflow, f) for f in fields]
        sizes = [len(workflow.record[f].domain()) for f in fields]
        reached = np.zeros((*sizes, self._n_classes), bool)
        for record, mask in self._cases.get((state, trigger == ENTER), {}).items():
            reached[tuple(c[record[i]] for i, c in zip(at, code, strict=True))] |= _bits(mask, self._n_classes)
        return reached.reshape(math.prod(sizes), self._n_classes).T[self._of_case]


class _Explorer(Explorer):
    """Explores one workflow, and stops at the decisions of another one too."""

    def __init__(self, table: Table, other: Workflow) -> None:
        read = frozenset().union(*(names(guard) for guard in guards(other)))
        super().__init__(table, keep=read & other.record.keys())
        self._other = other

    def tried_on_entry(self, state: str) -> bool:
        return super().tried_on_entry(state) or (state, ENTER) in self._other.candidates

    def on_entry(self, state: str, record: Record, classes: int) -> tuple[list[Move], int]:
        return super().on_entry(state, record, classes) if super().tried_on_entry(state) else ([], classes)


def _bits(mask: int, n: int) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(mask.to_bytes(n // 8 + 1, "little"), np.uint8), bitorder="little")[:n].astype(bool)
