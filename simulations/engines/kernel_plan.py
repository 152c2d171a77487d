"""A plan as the arrays that the compiled engine's kernel reads and writes: those of its cases, beside those of the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import SamplePath
from simulations.engines import kernel
from simulations.engines.kernel_model import KernelModel, kernel_model, structured
from simulations.log.eventlog import NEVER
from simulations.scenarios.plan import Plan
from simulations.scenarios.population import Cases
from simulations.scenarios.quantities import Choice
from simulations.scenarios.scenario import Scenario
from workflow.deciding.table import FactClasses
from workflow.model.definition import Workflow
from workflow.predicates import Expression, names, vector

__all__ = ["kernel_plan"]

_IN_LINE = 32


def kernel_plan(plan: Plan, path: SamplePath) -> dict[str, Any]:
    """Lay out a plan for the kernel.

    Returns
    -------
    dict of str to array or int
        Arguments, by the names of the parameters of `simulations.engines.kernel.run`; without the heap and the rows, whose sizes
        are the caller's.

    Raises
    ------
    InputError
        If the model is too large for tables: then only the SimPy engine runs it.
    """
    cases, workflow = plan.cases, plan.scenario.workflow
    classes = _classes(plan)
    model = kernel_model(plan, classes)
    n, (queues, lines) = len(cases), _queues(cases, model)
    buckets = (plan.scenario.horizon >> model.fixed["shift"]) + 1
    arguments: dict[str, Any] = {
        **model.fixed,
        "scalars": np.zeros(kernel.N_SCALARS, np.int64),
        "key": np.array(path.key, np.uint64),
        "cases": _nowhere(cases, classes),
        "arrived": cases.arrived,
        "armed": np.zeros(n, np.uint64),
        "standing": np.zeros(n, np.int32),
        "record": _record(workflow, cases),
        "places": model.places.copy(),
        "free": np.zeros(model.n_free + 1, np.int64),
        "queues": queues,
        "lines": lines,
        "orders": _ranks(cases, model.orders),
        "dates": model.fixed["dates"][: None if n else 0],
        "arrivals": np.argsort(np.maximum(cases.arrived, 0), kind="stable").astype(np.int64),
        "beginnings": cases.state.astype(np.int64),
        "buckets": np.zeros(buckets, kernel.BUCKETS),
        "touched": np.zeros(len(model.places) + 1, np.int64),
        "margin": model.margin,
    }
    arguments["scalars"][kernel.BUCKET] = 1  # what comes in the first bucket's time goes into the heap at once
    return arguments


# fact classes ----------------------------------------------------------------------------------------


def _classes(plan: Plan) -> FactClasses:
    """Return the classes that tell apart whatever any lookup depends on."""
    cases = plan.cases

    def answers() -> Iterator[NDArray[Any]]:
        yield plan.tables[0].classes.of_case
        for expression in _wanted(plan.scenario):
            yield from _columns(cases, expression)

    return FactClasses.by_columns(answers(), cases.columns)


def _wanted(scenario: Scenario) -> list[Expression]:
    """Return every expression that a lookup depends on, besides the guards; each once."""
    choices: list[Choice[Any]] = []
    for work in scenario.work.values():
        choices += [c for c in (work.takes, work.outcome) if c is not None]
    for law in scenario.laws.values():
        choices += [c for c in (law.hazard, law.after, law.chance, law.outcome) if c is not None]
    choices += [p.order.value for p in scenario.pools.values() if isinstance(p.order.value, Choice)]
    wanted = [e for choice in choices for e in _asked(choice)]
    wanted += [s.exempt for s in scenario.suspensions if s.exempt is not None]
    for pool in scenario.pools.values():
        value = pool.order.value
        if isinstance(value, Expression) and names(value) & set(scenario.workflow.record):
            wanted.append(value)
    return list(dict.fromkeys(wanted))


def _asked(choice: Choice[Any]) -> list[Expression]:
    """Return every expression by which a choice chooses."""
    if choice.by is None:
        return []
    below = [branch for _, branch in choice.branches] + ([choice.other] if choice.other is not None else [])
    return [choice.by, *(e for branch in below for e in _asked(branch))]


def _columns(cases: Cases, expression: Expression) -> Iterable[NDArray[Any]]:
    """Yield the value of an expression for each case, for each combination of the record fields that it reads."""
    workflow, columns, n = cases.scenario.workflow, cases.columns, len(cases)
    fields = [name for name in workflow.record if name in names(expression)]
    domains = [_plain_domain(workflow, name) for name in fields]
    for combination in itertools.product(*domains):
        values = {**columns.values, **{f: np.full(n, v) for f, v in zip(fields, combination, strict=True)}}
        yield vector(expression, values, columns.missing, n)


def _plain_domain(workflow: Workflow, name: str) -> list[Any]:
    """Return the values of a record field as predicates read them."""
    declared = workflow.record[name]
    return list(range(len(declared.values))) if declared.kind == "enum" else list(declared.domain())


# cases -----------------------------------------------------------------------------------------------


def _nowhere(cases: Cases, classes: FactClasses) -> Any:
    """Return the kernel's cases before anything has happened."""
    table = _in_lines(len(cases), kernel.CASE.itemsize).view(kernel.CASE)
    nowhere = np.zeros((), kernel.CASE)
    nowhere["state"] = nowhere["server"] = -1
    nowhere["enabled"] = nowhere["started"] = NEVER
    words = np.dtype((np.uint64, kernel.CASE.itemsize // 8))  # copied faster than field by field
    table.view(words)[:] = nowhere[None].view(words)
    table["key"], table["court"], table["fact_class"] = cases.keys, cases.court, classes.of_case
    return table


def _record(workflow: Workflow, cases: Cases) -> NDArray[np.uint16]:
    """Return the places of the values of each case's record, and beside them a count of visits for each activity and clock.

    They stand in one line of the cache where they fit into one.
    """
    width = len(workflow.record) + len(workflow.activities) + len(workflow.events)
    width = 1 << (width - 1).bit_length() if width <= _IN_LINE else width
    found = _in_lines(len(cases), 2 * width).view(np.uint16).reshape(len(cases), width)
    for k, (name, declared) in enumerate(workflow.record.items()):
        low = int(declared.minimum) if declared.kind == "integer" else 0  # type: ignore[arg-type]
        np.subtract(cases.columns.values[name], low, out=found[:, k], dtype=np.int64, casting="unsafe")
    return found


def _queues(cases: Cases, model: KernelModel) -> tuple[Any, Any]:
    """Return the queues, and room for everybody who may stand in those in an order; what is never touched takes no memory."""
    in_court = np.bincount(cases.court, minlength=len(cases.scenario.courts)).tolist()
    most = [0 if whose is None else len(cases) if whose < 0 else in_court[whose] for whose in model.queues]
    first = itertools.accumulate(most, initial=0)
    queues = structured([(-1, -1, at, 0) for at, _ in zip(first, most, strict=False)], kernel.QUEUE)
    return queues, np.empty(sum(most) + 1, kernel.LINE)


def _ranks(cases: Cases, orders: Iterable[Expression]) -> NDArray[np.int64]:
    """Return for each order by facts alone the rank of each case."""
    values = [vector(value, cases.columns.values, cases.columns.missing, len(cases)) for value in orders]
    ranks = [np.unique(found, return_inverse=True)[1].ravel() for found in values]
    return np.array(ranks, np.int64).reshape(len(ranks), len(cases)) if ranks else np.zeros((1, 1), np.int64)


def _in_lines(n: int, size: int) -> NDArray[np.uint8]:
    """Return zeros for rows of a size in bytes, the first of which begins a line of the processor's cache."""
    room = np.zeros(n * size + 64, np.uint8)
    first = -room.ctypes.data % 64
    return room[first : first + n * size]
