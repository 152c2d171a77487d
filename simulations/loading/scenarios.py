"""Load a scenario: read the sections of its file in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simulations.loading.activities import check_reached, read_activities
from simulations.loading.calendars import court_days, read_calendars
from simulations.loading.cases import read_arrivals, read_backlog
from simulations.loading.changes import changed
from simulations.loading.context import Context
from simulations.loading.costs import read_costs
from simulations.loading.events import read_events
from simulations.loading.people import People
from simulations.loading.pools import read_pools, read_suspensions
from simulations.scenarios.format import ScenarioFile
from simulations.scenarios.policies import read_policies
from simulations.scenarios.scenario import Scenario
from workflow.errors import MOST_PRINTED, InputError, Problem
from workflow.files.extending import read_extending
from workflow.files.validation import usable
from workflow.files.yaml_tree import Node, Plain, Source, merge, node_of

CATALOG = Path(__file__).parent.parent / "catalog"


def catalog() -> dict[str, Path]:
    """Return the files of the built-in scenarios by name."""
    return {path.stem.replace("_", "-"): path for path in sorted(CATALOG.glob("*.yaml"))}


def load_scenario(scenario: str | Path | Mapping[str, Plain], changes: Sequence[str] = ()) -> Scenario:
    """Load a scenario by built-in name, from a file, or from a mapping, with its workflow.

    Parameters
    ----------
    scenario : str, Path or mapping
        ``"pilot"``, ``"my_scenario.yaml"``, or the content of such a file.
    changes : sequence of str
        Changes of single values, ``"pools.reviewers.size.denver=20"``, checked like the file.

    Raises
    ------
    InputError
        With all mistakes of the file, or of its workflow.

    Examples
    --------
    >>> load_scenario("pilot").courts
    ('denver', 'baltimore')
    """
    if isinstance(scenario, Mapping):
        node = node_of(scenario, Source("<mapping>", ""))
    else:
        node = read_extending(str(scenario), Path(), catalog(), "scenario", _extended)
    problems: list[Problem] = []
    for change in changes:
        try:
            node = changed(node, change)
        except InputError as error:
            problems += error.problems
    usable_part = usable(ScenarioFile, node)
    problems += usable_part.problems
    if usable_part.content is None or len(problems) > MOST_PRINTED:
        raise InputError(problems)
    return _read(Context(usable_part.content, usable_part.node, usable_part.lost, problems))


def _extended(base: Node, over: Node) -> Node:
    merged = merge(base, over)
    return replace(merged, value={k: v for k, v in merged.value.items() if k != "extends"})


def _read(context: Context) -> Scenario:
    """Read every section, and report the mistakes of all sections together."""
    file = context.file
    calendars, specs = read_calendars(context)
    days = court_days(context, specs)
    pools = read_pools(context, calendars)
    work = read_activities(context, calendars)
    policies, wrong = read_policies(file.policies, context.at, context.workflow, context.epoch)
    context.problems += wrong
    workflows = (context.workflow, *(policy.workflow for policy in policies))
    event_timings = read_events(context, workflows, {name: (calendar, specs[name]) for name, calendar in calendars.items()})
    people = People(context)
    suspensions = read_suspensions(context)
    backlog = read_backlog(context, people)
    streams = read_arrivals(context, people, specs)
    check_reached(context, workflows)
    costs = read_costs(context)
    context.next_stage({*file.pools} - {*pools} | {*file.activities} - {*work})
    scenario = Scenario(
        name=file.scenario,
        description=file.description,
        workflow=context.workflow,
        starts=file.starts,
        ends=file.ends,
        warm_up=file.warm_up,
        courts=context.courts,
        court_days=days,
        calendars=calendars,
        pools=pools,
        suspensions=suspensions,
        work=work,
        event_timings=event_timings,
        people=people.of_all,
        backlog=backlog,
        streams=streams,
        published=tuple(file.published),
        about=file.about,
        document=context.node,
        policies=tuple(policies),
        costs=costs,
        tables_of_rotas=tuple(context.tables_of_rotas),
    )
    _check_published(context, scenario)
    context.next_stage(())
    if context.reported:
        raise InputError(context.reported)
    return scenario


def _check_published(context: Context, scenario: Scenario) -> None:
    from simulations.measuring.descriptors import describe

    allowed = list(describe(scenario)) if scenario.published else ()
    starts, ends = scenario.starts, scenario.ends
    for i, entry in enumerate(scenario.published):
        path = ("published", i)
        context.known(entry.measure, allowed, (*path, "measure"), "published", "a measure")
        context.known(entry.court, (*context.courts, "all"), (*path, "court"), "published", "a court")
        if context.dates_fit and not starts <= entry.at <= ends:
            context.wrong((*path, "at"), f"published: {entry.at} is not between starts, {starts}, and ends, {ends}")
