"""The plan of a replication: its cases and decision tables, after a check that no case can get stuck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulations.chance.draws import Draws
from simulations.scenarios.case_times import CaseTimes, case_times
from simulations.scenarios.population import Cases, draw_cases
from simulations.scenarios.quantities import Choice, Shares
from simulations.scenarios.scenario import Scenario
from workflow.deciding.table import Table, guards
from workflow.errors import StuckCase
from workflow.model.definition import COMPLETE, Giver, Outcome, Workflow
from workflow.predicates import names
from workflow.proving.exploration import Explorer, Record, Stuck, find_stuck, may_be_stuck, walk

MOST_VISITS = 1000
"""Maximum number of visits of a case to one activity, or of starts of one clock. More means an endless loop."""

MOST_RINGS = 60_000
"""Maximum number of starts of a clock of `every:`, which starts again whenever it rings."""


@dataclass(frozen=True)
class Plan:
    """The input of an engine.

    Attributes
    ----------
    cases : Cases
        The cases of one replication.
    tables : tuple of Table
        The decisions of the workflow and of each policy, over the fact classes of these cases.
    times : CaseTimes
        Times from the facts of these cases.
    """

    scenario: Scenario
    cases: Cases
    tables: tuple[Table, ...]
    times: CaseTimes


def make_plan(scenario: Scenario, path: Draws) -> Plan:
    """Draw the uncertain inputs and the cases of one replication, and check that no case can get stuck.

    Parameters
    ----------
    scenario : Scenario
    path : Draws
        The source of draws: ``SamplePath(seed, replication)``.

    Raises
    ------
    InputError
        If a case breaks an assumption of the workflow.
    StuckCase
        If a case can reach a state that it must leave, and no guard holds.
    """
    cases = draw_cases(scenario, path)
    scenario = cases.scenario
    tables = scenario.tabulator.tables(cases.columns)
    if any(may_be_stuck(table) for table in tables):
        _look_for_stuck(cases, tables)
    return Plan(scenario, cases, tables, case_times(cases, path))


def _look_for_stuck(cases: Cases, tables: Sequence[Table]) -> None:
    """Raise if a case can get stuck under a policy, in any position that it can reach under the policies before."""
    scenario = cases.scenario
    nodes = _initial_nodes(cases, tables[0])
    read = [name for table in tables for guard in guards(table.workflow) for name in names(guard)]
    keep = {name for name in read if name in scenario.workflow.record} if len(tables) > 1 else set()
    for table in tables:
        explorer = Explorer(table, list(scenario.event_timings), _outcomes(scenario, table.workflow), keep)
        stuck = find_stuck(explorer, nodes)
        if stuck is not None:
            raise StuckCase(_describe_stuck(cases, table, stuck))
        if table is not tables[-1]:
            for visit in walk(explorer, dict(nodes)):
                node = (visit.state, visit.record)
                nodes[node] = nodes.get(node, 0) | visit.classes


def _initial_nodes(cases: Cases, table: Table) -> dict[tuple[str, Record], int]:
    """Return the initial states and records of cases, each with the set of fact classes as bits."""
    states = list(cases.scenario.workflow.states)
    nodes: dict[tuple[str, Record], int] = {}
    rows: Any = zip(cases.state.tolist(), cases.records, table.classes.of_case.tolist(), strict=True)
    for state, record, fact_class in set(rows):
        node = (states[state], record)
        nodes[node] = nodes.get(node, 0) | 1 << fact_class
    return nodes


def _outcomes(scenario: Scenario, workflow: Workflow) -> dict[Giver, list[Outcome]]:
    """Return what each activity and event gives with a positive probability."""
    declared: list[tuple[Giver, Mapping[str, Choice[Shares]]]] = [
        *((workflow.activities[name], work.outcome) for name, work in scenario.work.items()),
        *((workflow.events[name], timing.outcome) for name, timing in scenario.event_timings.items()),
    ]
    possible = {}
    for giver, outcome in declared:
        drawn = [{v for shares in outcome[name].leaves() for v in shares.possible()} for name in giver.fields]
        possible[giver] = [o for o in giver.outcomes if all(v in of_field for v, of_field in zip(o, drawn, strict=True))]
    return possible


def _describe_stuck(cases: Cases, table: Table, stuck: Stuck) -> str:
    workflow = table.workflow
    point = next(m for m in workflow.decision_points if (m.state, m.trigger) == (stuck.state, stuck.trigger))
    candidates = [workflow.transitions[i] for i in point.candidates]
    guards = [t.guard for t in candidates if t.guard is not None]
    read = frozenset[str]().union(*(names(g) for g in guards)) if guards else frozenset[str]()
    example = cases.columns.take(table.classes.rows[[stuck.fact_class]])
    row = int(table.classes.rows[stuck.fact_class])
    facts = [
        f"{name} = {cases.plain(name)[row]}" for name in cases.scenario.fact_names if name in read and name in example.values
    ]
    record = [f"{name} = {value}" for name, value in zip(workflow.record, stuck.record, strict=True) if name in read]
    when = (
        f"its activity {workflow.states[stuck.state].activity!r} completes"
        if stuck.trigger == COMPLETE
        else "it enters the state"
    )
    return (
        f"a case can get stuck in the state {stuck.state!r}: when {when}, no guard of"
        f" {', '.join(t.name for t in candidates) or 'any transition'} holds, for example for case {row} with {', '.join(facts + record)}."
        " Add a last transition without a guard."
    )
