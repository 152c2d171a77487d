"""Load a scenario: read the sections of its file in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simulations.loading.activities import check_reached, read_activities
from simulations.loading.calendars import court_days, read_calendars
from simulations.loading.cases import read_arrivals, read_backlog
from simulations.loading.changes import changed, changes_of
from simulations.loading.context import Context
from simulations.loading.costs import read_costs
from simulations.loading.events import read_events
from simulations.loading.people import People
from simulations.loading.pools import read_pools, read_suspensions
from simulations.loading.transfers import read_transfers
from simulations.loading.uncertain import check_uncertain, read_uncertain, without_set
from simulations.scenarios.format import ScenarioFile
from simulations.scenarios.other_files import OtherFiles
from simulations.scenarios.policies import read_policies
from simulations.scenarios.scenario import EventTiming, Scenario
from workflow.errors import MOST_PRINTED, InputError, Problem
from workflow.files.extending import read_given
from workflow.files.validation import usable
from workflow.files.yaml_tree import Node, Plain, Source, merge, node_of
from workflow.model.definition import Workflow, as_words

MOST_ENTRIES = 10_000
"""Maximum number of entries of all sections of a scenario: courts, pools, calendars, streams of arrivals and so on."""

CATALOG = Path(__file__).parent.parent / "catalog"


def catalog() -> dict[str, Path]:
    """Return the files of the built-in scenarios by name."""
    return {path.stem.replace("_", "-"): path for path in sorted(CATALOG.glob("*.yaml"))}


def load_scenario(
    scenario: str | Path | Mapping[str, Plain],
    changes: Mapping[str, Plain] | Sequence[str] = (),
    workflow: Workflow | None = None,
) -> Scenario:
    """Load a scenario by built-in name, from a file, from YAML text, or from a mapping, with its workflow.

    Parameters
    ----------
    scenario : str, Path or mapping
        ``"pilot"``, ``"my_scenario.yaml"``, or the content of such a file: a string of several lines, or a mapping.
    changes : mapping of str to object, or sequence of str
        Changes of single values, ``{"pools.reviewers.size.denver": 20}`` or ``["pools.reviewers.size.denver=20"]``,
        checked like the file.
    workflow : Workflow, optional
        Its workflow, if that is not in a file. The key `workflow` has its name, or is left out.

    Raises
    ------
    InputError
        With all mistakes of the file, or of its workflow: each with its line and column, or its path in a mapping.

    Examples
    --------
    >>> load_scenario("pilot").courts
    ('denver', 'baltimore')
    """
    node = read_given(scenario, Path(), catalog(), "scenario", _extended)
    files = OtherFiles()
    if workflow is not None:
        node = _with_workflow(node, workflow)
        files.hold(workflow.name, node.value["workflow"].folder, workflow)
    return _load(node, changes, files)


def change_scenario(
    scenario: Scenario, changes: Mapping[str, Plain] | Sequence[str], workflow: Workflow | None = None
) -> Scenario:
    """Return a scenario with other values at some paths, checked like a file. Other files are not read again.

    A value that is set is known: an entry of `uncertain:` for its path no longer applies.

    Parameters
    ----------
    scenario : Scenario
    changes : mapping of str to object, or sequence of str
        New values by path, ``{"pools.reviewers.size.denver": 20}``, or texts as ``--set`` has them. A mapping replaces the whole
        entry at its path.
    workflow : Workflow, optional
        Another one in place of its workflow, such as one with other guards.

    Raises
    ------
    InputError
        With every path that does not exist, and every mistake that the new values make. Where the form of a value is wrong,
        such as a start that is no date, only the mistakes of form are found.

    Examples
    --------
    >>> from simulations import load_scenario
    >>> load_scenario("pilot").change({"pools.reviewers.size.denver": 20}).pools["reviewers"].sizes
    (((0, 20),), ((0, 14),))
    """
    if not changes and workflow is None:
        return scenario
    files = OtherFiles(scenario.files.read)
    if workflow is not None:
        given = scenario.document.value["workflow"]
        files.hold(given.value, given.folder, workflow)
    return _load(scenario.document, changes, files)


def _load(node: Node, changes: Mapping[str, Plain] | Sequence[str], files: OtherFiles) -> Scenario:
    parsed, problems = changes_of(changes)
    for change in parsed:
        try:
            node = changed(node, change)
        except InputError as error:
            problems += error.problems
    node = without_set(node, [change.path for change in parsed])
    _check_number_of_entries(node)
    usable_part = usable(ScenarioFile, node)
    problems += usable_part.problems
    if usable_part.content is None or len(problems) > MOST_PRINTED:
        raise InputError(problems)
    return _read(Context(usable_part.content, usable_part.node, usable_part.lost, problems, files))


def _check_number_of_entries(node: Node) -> None:
    """Refuse a scenario with too many entries.

    Raises
    ------
    InputError
        If it has more than `MOST_ENTRIES`. The message names the largest section.
    """
    sizes = {str(name): len(section.value) for name, section in node.value.items() if isinstance(section.value, dict | list)}
    if (n := sum(sizes.values())) > MOST_ENTRIES:
        largest = max(sizes, key=sizes.__getitem__)
        message = f"its sections have {n:,} entries, of which {largest} {sizes[largest]:,}; the limit is {MOST_ENTRIES:,}"
        raise InputError([Problem(message, node.position_of((largest,)))])


def _with_workflow(node: Node, workflow: Workflow) -> Node:
    """Return a scenario whose key `workflow` names a given workflow.

    Raises
    ------
    InputError
        If it names another one.
    """
    given = node.value.get("workflow")
    if given is not None and given.value != workflow.name:
        raise InputError(
            [Problem(f"workflow: is {given.plain()!r}, but the given workflow is {workflow.name!r}", given.position)]
        )
    named = given or node_of(workflow.name, Source("workflow", ""))
    return replace(node, value={**node.value, "workflow": named}, keys={**node.keys, "workflow": named.position})


def _extended(base: Node, over: Node) -> Node:
    merged = merge(base, over)
    return replace(merged, value={k: v for k, v in merged.value.items() if k != "extends"})


def _read(context: Context) -> Scenario:
    """Read every section, and report the mistakes of all sections together."""
    file = context.file
    calendars, specs = read_calendars(context)
    days = court_days(context, specs)
    pools = read_pools(context, calendars, specs)
    work = read_activities(context, calendars, pools)
    policies, wrong = read_policies(file.policies, context.at, context.workflow, context.epoch, context.files)
    context.problems += wrong
    workflows = (context.workflow, *(policy.workflow for policy in policies))
    event_timings = read_events(context, workflows, {name: (calendar, specs[name]) for name, calendar in calendars.items()})
    limits = [pool.queue_limit.event for pool in pools.values() if pool.queue_limit is not None]
    event_timings = {**{event: EventTiming(event) for event in limits}, **event_timings}
    transfers = read_transfers(context, workflows)
    people = People(context)
    suspensions = read_suspensions(context)
    backlog = read_backlog(context, people)
    streams = read_arrivals(context, people, specs)
    check_reached(context, workflows, {*file.events, *limits})
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
        transfers=transfers,
        costs=costs,
        court_titles={name: court.title for name, court in file.courts.items() if court.title is not None},
        show=tuple(file.show),
        uncertain=read_uncertain(context),
        tables_of_rotas=tuple(context.tables_of_rotas),
        files=context.files,
    )
    _check_measures(context, scenario)
    context.next_stage(())
    if scenario.uncertain and not context.reported:
        check_uncertain(context, scenario)
        context.next_stage(())
    if context.reported:
        raise InputError(context.reported)
    return scenario


def _check_measures(context: Context, scenario: Scenario) -> None:
    from simulations.measuring.descriptors import describe

    allowed = list(describe(scenario)) if scenario.published or scenario.show else ()
    titled = {"all courts": "all"} | {as_words(court): court for court in context.courts if court not in scenario.court_titles}
    for court, title in scenario.court_titles.items():
        if (other := titled.setdefault(title, court)) != court:
            context.wrong(("courts", court, "title"), f"court {court!r}: title: {title!r} is the title of {other!r} too")
    called: dict[str, str] = {}
    for name, pool in scenario.pools.items():
        if (other := called.setdefault(pool.title, name)) != name:
            context.wrong(("pools", name, "title"), f"pool {name!r}: title: {pool.title!r} is what {other!r} is called too")
    for i, name in enumerate(scenario.show):
        context.known(name, allowed, ("show", i), "show", "a measure")
    starts, ends = scenario.starts, scenario.ends
    for i, entry in enumerate(scenario.published):
        path = ("published", i)
        context.known(entry.measure, allowed, (*path, "measure"), "published", "a measure")
        context.known(entry.court, (*context.courts, "all"), (*path, "court"), "published", "a court")
        if context.dates_fit and not starts <= entry.at <= ends:
            context.wrong((*path, "at"), f"published: {entry.at} is not between starts, {starts}, and ends, {ends}")
