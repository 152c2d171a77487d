"""The STRESS-DES sections of a run, from its manifest, its scenario and the author's texts under ``about:``.

A section without any content says NOT REPORTED, so that a reader sees what is missing.

References
----------
Monks, T. et al. (2019). Strengthening the reporting of empirical simulation studies: introducing the STRESS
guidelines. Journal of Simulation 13(1), 55-67. doi:10.1080/17477778.2018.1442155
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from simulations.measuring.descriptors import describe
from simulations.report.contents import check_run_folder
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.whole_files import write_text
from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from simulations.scenarios.quantities import Choice
from simulations.scenarios.scenario import Scenario, Work
from simulations.tables.formatting import format_replications
from simulations.tables.run import describe_prediction
from workflow.drawing.mermaid import mermaid
from workflow.files.yaml_tree import dump_yaml
from workflow.model.definition import StateKind, Transition, Workflow
from workflow.predicates import Expression, unparse

MISSING = "NOT REPORTED"
MOST_SIZES = 8


def write_stress(folder: str | Path, out: str | Path, scenario: str | Path | None = None) -> Path:
    """Write the STRESS-DES sections of a run as Markdown.

    Parameters
    ----------
    folder : path
        The run folder.
    out : path
    scenario : path, optional
        The original scenario file, if it reads tables of cases from files beside it.

    Raises
    ------
    InputError
        If the folder is not a run folder, or cannot be read.
    """
    check_run_folder(Path(folder))
    write_text(Path(out), stress(read_result(folder, scenario), read_manifest(Path(folder))))
    return Path(out)


def stress(result: RunResult, manifest: Mapping[str, Any]) -> str:
    """Return the sections as Markdown."""
    scenario = result.scenario
    parts = [f"# STRESS-DES: {scenario.name}", ""]
    for heading, items in _sections(result, manifest):
        parts += [f"## {heading}", ""]
        for name, text in items:
            parts += [f"### {name}", "", text or MISSING, ""]
    return "\n".join(parts)


def _sections(result: RunResult, manifest: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    scenario = result.scenario
    about, workflow = scenario.about, scenario.workflow
    yield (
        "1. Objectives",
        [
            ("1.1 Purpose of the model", about.purpose or ""),
            ("1.2 Model outputs", _list(f"`{m.name}` ({m.unit})" for m in describe(scenario).values())),
            ("1.3 Experimentation aims", about.rationale or ""),
        ],
    )
    yield "2. Logic", [
        ("2.1 Base model overview diagram", f"```mermaid\n{mermaid(workflow)}```"),
        ("2.2 Base model logic", _list([*(_move(t) for t in workflow.transitions), *_definitions(workflow)])),
        ("2.3 Scenario logic", _policies(scenario)),
        ("2.4 Algorithms", _algorithms(scenario)),
        ("2.5.1 Components: entities", _entities(scenario)),
        ("2.5.2 Components: activities", _activities(scenario)),
        ("2.5.3 Components: resources", _resources(scenario)),
        ("2.5.4 Components: queues", _list(f"`{p.name}`: by priority (lower numbers first), then {_order(p.order)}" for p in scenario.pools.values())),
        ("2.5.5 Components: entry and exit points", f"Cases begin in {_names(workflow.entry_states)}. They end in {_names(s.name for s in workflow.states.values() if s.kind is StateKind.FINAL)}."),
    ]  # fmt: skip
    yield (
        "3. Data",
        [
            ("3.1 Data sources", _list(about.data_sources)),
            ("3.2 Pre-processing", ""),
            ("3.3 Input parameters", _parameters(scenario)),
            ("3.4 Assumptions", _list(about.assumptions)),
        ],
    )
    replications = format_replications(len(result.replications)).replace(" ", " independent ")
    yield "4. Experimentation", [
        ("4.1 Initialisation", _initial(scenario)),
        ("4.2 Run length", f"From {scenario.starts} to the end of {scenario.ends}, {(scenario.ends - scenario.starts).days + 1} days; time in whole microseconds."),
        ("4.3 Estimation approach", f"{replications}, random seed {result.seed}; {result.confidence:.0%} t intervals for means over replications, and the {describe_prediction(result)}."),
    ]  # fmt: skip
    versions = ", ".join(f"{name} {version}" for name, version in manifest.get("versions", {}).items() if version)
    platform = dict.fromkeys(("python", "system", "machine"), MISSING) | manifest.get("platform", {})
    yield "5. Implementation", [
        ("5.1 Software or programming language", f"Python {platform['python']}; {versions}."),
        ("5.2 Random sampling", "Counter-based generator: each draw depends only on the random seed, the replication, the case and the purpose. Scenarios with the same seed use common random numbers."),
        ("5.3 Model execution", f"Discrete events, engine {result.engine}. Simultaneous events have a fixed order, so the same seed gives the same bytes.{' The run used Python code of the user (hooks or processes).' if manifest.get('own_python') else ''}"),
        ("5.4 System specification", f"{platform['system']} on {platform['machine']}. Run time: {MISSING}"),
    ]  # fmt: skip
    yield "6. Code access", [
        ("6.1 Computer model sharing statement", f"The run folder holds the scenario, the workflow and the log. Scenario and workflow have the SHA-256 {manifest['scenario_hash']}. Place of publication: {MISSING}"),
    ]  # fmt: skip


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"* {' '.join(text.split())}" for text in texts)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _move(transition: Transition) -> str:
    when = f", when `{unparse(transition.guard)}`" if transition.guard is not None else ""
    upon = f", upon {_names(transition.events)}" if transition.events else ""
    to = f" to `{transition.target}`" if transition.target else ", without a change of state"
    return f"`{transition.name}`: from {_names(transition.sources)}{to}{upon}{when}"


def _definitions(workflow: Workflow) -> Iterator[str]:
    for name, definition in workflow.definitions.items():
        yield f"`{name}` stands for `{unparse(definition)}`"


def _policies(scenario: Scenario) -> str:
    if not scenario.policies:
        return f"One policy throughout: the workflow `{scenario.workflow.name}`. {scenario.description or ''}".strip()
    return _list(
        f"from {scenario.epoch.date(policy.start)}: `{policy.workflow.name}`{', for cases that arrive from then on' if policy.pinned else ''}"
        for policy in scenario.policies
    )


def _algorithms(scenario: Scenario) -> str:
    items = [
        "The transitions out of a state are tried in order; the case takes the first one whose guard holds.",
        "A pool serves by priority, then in the order of its queue. `at_shift_end` of the pool decides what happens to unfinished work at the end of a shift.",
    ]
    items += [f"`{name}` moves cases to other courts." for name in scenario.transfers]
    items += [
        f"`{s.pool}` is suspended in {_names(scenario.courts[k] for k in s.courts)} from {scenario.epoch.instant(s.start)} to {scenario.epoch.instant(s.end)}"
        for s in scenario.suspensions
    ]
    return _list(items)


def _entities(scenario: Scenario) -> str:
    facts = scenario.workflow.facts
    return f"Cases, each of one court ({_names(scenario.courts)}), with the facts {_names(facts)} and the record {_names(scenario.workflow.record)}."


def _activities(scenario: Scenario) -> str:
    return _list(
        f"`{work.activity}`: {f'by {_teams(work)}, priority {_priority(work)}' if work.pool else 'a delay without a pool'}"
        for work in scenario.work.values()
    )


def _priority(work: Work) -> str:
    if isinstance(work.priority, Expression):
        return f"`{unparse(work.priority)}`"
    if isinstance(work.priority, Choice):
        return f"by {', '.join(f'`{unparse(by)}`' for by in work.priority.selectors())}"
    return f"{work.priority:g}"


def _teams(work: Work) -> str:
    """Name the pools that do the work."""
    named = [" and ".join(f"`{pool}`" for pool in team.pools) for team in work.teams] or [f"`{work.pool}`"]
    passed = ", passed by nobody" if work.hold else ", passed by others while a pool is short" if work.teams else ""
    return " or ".join(named) + passed


def _resources(scenario: Scenario) -> str:
    items = []
    for pool in scenario.pools.values():
        courts = scenario.courts if pool.at_court else ("all courts",)
        sizes = ", ".join(f"{court} {_size([n for _, n in steps])}" for court, steps in zip(courts, pool.sizes, strict=True))
        more = f"; more urgent cases interrupt work: {pool.preempt}" if pool.preempt is not None else ""
        if pool.queue_limit is not None:
            more += f"; at most {pool.queue_limit.cases} cases wait, then `{pool.queue_limit.event}` happens to the last"
        if pool.batch is not None:
            more += f"; up to {pool.batch.most} cases at once"
        items.append(f"`{pool.name}`: {sizes}; at the end of a shift: {pool.at_shift_end}{more}")
    return _list(items)


def _size(sizes: list[int]) -> str:
    """Return the sizes of a station in their order, or of a rota the smallest and the largest."""
    if len(sizes) > MOST_SIZES:
        return f"{min(sizes)} to {max(sizes)} by the hour"
    return " then ".join(map(str, sizes))


def _order(order: Any) -> str:
    return str(order.rule).replace("_", " ") if order.value is None else "lowest value first"


def _parameters(scenario: Scenario) -> str:
    left_out = ("scenario", "description", "workflow", "extends", "about", "starts", "ends")
    content = {key: value for key, value in scenario.plain().items() if key not in left_out}
    return f"```yaml\n{dump_yaml(content).rstrip()}\n```"


def _initial(scenario: Scenario) -> str:
    backlog = sum(b.count for b in scenario.backlog)
    warm = f"warm-up until {scenario.warm_up}" if scenario.warm_up else "no warm-up: the run begins with the backlog"
    return f"{backlog:,} cases are open at the start; {warm}."
