"""Which kinds of cases can exist at all: the fact classes that some conditions can tell apart, one case of each.

Cases whose facts answer the fact-only parts of all conditions alike are one class. Z3 lists the answers that some
case within the declared values, and the workflow's assumptions, can give.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow.definition import BUILT_IN_FACTS, Value, Workflow
from workflow.machine import fact_names
from workflow.predicates import Expression, Field, fact_parts
from workflow.predicates.symbolic import Symbols, symbolic
from workflow.table import Columns

__all__ = ["FactSpace", "possible_classes"]

_MOST_PLAIN = 64
_TODAY = dt.date(2012, 1, 1)
_KINDS: dict[str, Any] = {
    "boolean": bool,
    "integer": np.int64,
    "number": np.float64,
    "enum": np.int64,
    "date": "datetime64[D]",
}


@dataclass(frozen=True)
class FactSpace:
    """The fact classes that can exist.

    Attributes
    ----------
    parts : tuple of Expression
        What tells them apart.
    witness : Columns
        The facts of one case of each class.
    complete : bool
        Whether these are all; ``False`` if a limit was passed.
    """

    parts: tuple[Expression, ...]
    witness: Columns
    complete: bool


def possible_classes(
    workflow: Workflow, conditions: Iterable[Expression], limit: int = 3000, seconds: float = 30.0
) -> FactSpace:
    """List the fact classes that can exist.

    Parameters
    ----------
    workflow : Workflow
    conditions : iterable of Expression
        Guards, and conditions of rules.
    limit : int
        The most classes to list.
    seconds : float
        The most time to take.

    Raises
    ------
    ProverMissing
        If Z3 is not installed.
    """
    parts = tuple(dict.fromkeys(part for condition in conditions for part in fact_parts(condition)))
    fields: dict[str, Field] = {**workflow.facts, **BUILT_IN_FACTS}
    symbols = Symbols(fields)
    z3 = symbols.z3
    solver = z3.Solver()
    solver.set("random_seed", 0)
    solver.add(
        *symbols.domain,
        *(symbolic(a, symbols) for a in workflow.assumptions),
        symbols.values["arrived"] <= symbols.values["as_of"],
    )
    terms = [symbolic(part, symbols) for part in parts]
    found: list[list[Value]] = []
    start = time.monotonic()
    complete = False
    while len(found) < limit:
        left = seconds - (time.monotonic() - start)
        if left <= 0:
            break
        solver.set("timeout", max(int(left * 1000), 1))
        answer = solver.check()
        if answer != z3.sat:
            complete = answer == z3.unsat
            break
        model = solver.model()
        answers = [term if z3.is_true(model.eval(term, model_completion=True)) else z3.Not(term) for term in terms]
        if len(found) < _MOST_PLAIN:
            model = _plainest(workflow, symbols, solver, answers)
        found.append([symbols.value(model, name) for name in fields])
        if not terms:
            complete = True
            break
        solver.add(z3.Not(z3.And(*answers)))
    return FactSpace(parts, _columns(fact_names(workflow), fields, found), complete)


def _plainest(workflow: Workflow, symbols: Symbols, solver: Any, answers: Sequence[Any]) -> Any:
    """Return a model that keeps as many facts at their defaults as it can, one after another."""
    solver.push()
    solver.add(*answers)
    solver.check()
    model = solver.model()
    defaults: dict[str, Value] = {
        "as_of": _TODAY,
        "arrived": _TODAY,
        **{n: workflow.defaults[n] for n in workflow.facts},
    }
    for name, value in defaults.items():
        wanted = symbols.equals(name, value)
        solver.push()
        solver.add(wanted)
        if solver.check() == symbols.z3.sat:
            model = solver.model()
            solver.pop()
            solver.add(wanted)
        else:
            solver.pop()
    solver.pop()
    return model


def _columns(order: Sequence[str], fields: dict[str, Field], rows: Sequence[Sequence[Value]]) -> Columns:
    values: dict[str, Any] = {}
    missing: dict[str, Any] = {}
    names = list(fields)
    for name in order:
        field, column = fields[name], [row[names.index(name)] for row in rows]
        blank = np.datetime64("1970-01-01") if field.kind == "date" else 0
        stored = [
            blank
            if v is None
            else field.values.index(str(v))
            if field.kind == "enum"
            else np.datetime64(v, "D")
            if isinstance(v, dt.date)
            else v
            for v in column
        ]
        values[name] = np.array(stored, _KINDS[field.kind])
        if field.optional:
            missing[name] = np.array([v is None for v in column], bool)
    return Columns(values, missing)
