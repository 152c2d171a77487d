"""The page of a run: key numbers, figures with their tables, groups of cases, and the assumptions of the scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from simulations.calibrating.hindcasting import verdict_in
from simulations.measuring.descriptors import describe, few_came_in
from simulations.measuring.selection import EVERYTHING, Selection
from simulations.planning.opening import kind_of
from simulations.report.contents import Contents, read_contents
from simulations.report.document import Document, Items, Moving, Note, Section, Tiles, write_document
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.report.tables import cases_table, state_table, times_table, use_table
from simulations.statements.of_runs import NO_STEADY_STATE, WAITS_DEPEND, answer, growing, not_steady, outside
from simulations.tables.formatting import by_title, format_estimate, format_replications
from simulations.tables.run import (
    contrast_table,
    describe_prediction,
    estimates_by_court,
    group_table,
    inputs_table,
    leading_measures,
    published_table,
    row_titles,
    waiting_table,
    without_bands,
)
from simulations.tables.table import Table
from workflow.errors import InputError


def write_page(
    folder: str | Path,
    out: str | Path | None = None,
    figures_folder: str | Path | None = None,
    scenario: str | Path | None = None,
    selection: Selection = EVERYTHING,
    hindcast: str | Path | None = None,
) -> Path:
    """Write the report of a run, a comparison or a sweep.

    Parameters
    ----------
    folder : path
        The run folder, or the folder of a comparison or a sweep.
    out : path, optional
        The page. Default: ``report.html`` in the folder.
    figures_folder : path, optional
        A folder for each figure as SVG and PNG.
    scenario : path, optional
        The original scenario file of a run, if it reads tables of cases from files beside it.
    selection : Selection
        The measures and courts of the page of a run. Default: all that the run has.
    hindcast : path, optional
        The folder of a hindcast of the same model. The page of a run then says how often its forecasts held.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the folder is not a run folder, comparison or sweep, or cannot be read, or the hindcast is of another model.
    """
    from simulations.report.comparison import comparison_document
    from simulations.report.sweep import sweep_document

    target = Path(out) if out is not None else Path(folder) / "report.html"
    joint = kind_of(folder)
    if joint in ("calibration", "hindcast"):
        raise InputError([f"{folder}: holds a {joint}; a report is of a run, a comparison or a sweep"])
    if joint != "run":
        if scenario is not None:
            raise InputError([f"--scenario is for a run, but {folder} holds a {joint}; leave it out"])
        if selection != EVERYTHING:
            message = f"--measure and --court are for a run, but {folder} holds a {joint}"
            raise InputError([f"{message}; give them to docketsim {joint.replace('comparison', 'compare')}"])
        if hindcast is not None:
            raise InputError([f"--hindcast is for a run, but {folder} holds a {joint}; leave it out"])
        document = comparison_document(folder) if joint == "comparison" else sweep_document(folder)
    else:
        contents = read_contents(folder, scenario, selection)
        contents = contents if hindcast is None else _with_verdict(contents, hindcast)
        document = run_document(contents, figures(contents))
    write_document(document, target, figures_folder)
    return target


def _with_verdict(contents: Contents, hindcast: str | Path) -> Contents:
    """Return the contents with the verdict of a hindcast in place of what the author says of earlier forecasts."""
    scenario = contents.scenario
    about = scenario.about.model_copy(update={"forecasts": verdict_in(hindcast, scenario)})
    return replace(contents, result=replace(contents.result, scenario=replace(scenario, about=about)))


def run_document(contents: Contents, drawn: list[Figure]) -> Document:
    """Return the page of a run with these figures."""
    result, scenario = contents.result, contents.scenario
    n = len(result.replications)
    how = f"{scenario.starts} to {scenario.ends}, {format_replications(n)}, seed {result.seed}. "
    how += (
        f"Numbers are means ± half of a {result.confidence:.0%} confidence interval of the mean; bands show the"
        f" {describe_prediction(result)}."
        if n > 1
        else "A single replication: numbers have no intervals."
    )
    versions = ", ".join(f"{name} {version}" for name, version in contents.manifest.get("versions", {}).items() if version)
    foot = (
        f"Workflow {scenario.workflow.name}; engine {result.engine}; scenario {contents.manifest['scenario_hash']}. {versions}."
    )
    sections = [_numbers(contents), *_sections(contents, {figure.key: figure for figure in drawn}), _about(contents)]
    sections = [filled for section in sections if (filled := _without_empty_tables(section)).blocks]
    return Document(
        f"{scenario.name}: report of a run", scenario.name, scenario.description or "", how, sections, foot, answer(result)
    )


def _without_empty_tables(section: Section) -> Section:
    """Leave out tables without rows, of measures that were not chosen."""
    kept = [block for block in section.blocks if not isinstance(block, Table) or block.rows]
    return replace(section, blocks=kept)


def _numbers(contents: Contents) -> Section:
    result, scenario = contents.result, contents.scenario
    blocks: list[Tiles | Note | Table | Items] = [
        Note(statement, "main") for statement in answer(result) if not statement.is_warning
    ]
    blocks += [Note(statement, "warning") for statement in outside(result)]
    blocks.append(Tiles(_tiles(contents)))
    blocks += [Note(statement, "warning", more=WAITS_DEPEND) for statement in growing(result.growing, scenario=scenario)]
    blocks += [Note(statement, "warning", more=NO_STEADY_STATE) for statement in not_steady(result)]
    blocks += [Note(text, start="Note:") for text in scenario.about.notes]
    if result.violations is not None:
        broken = [f"{rule}: broken by {n} cases" for rule, n in result.violations.items()]
        blocks.append(Items("Rules monitored on every case", broken))
    return Section("numbers", "In short", blocks)


def _published(contents: Contents) -> list[Table | Note]:
    """Return the table of published figures, without its last column, and the sources as notes."""
    result, workflow = contents.result, contents.scenario.workflow
    table = published_table(result)
    if table is None:
        return []
    table = (table if len(result.replications) > 1 else without_bands(table)).without("source")
    sources = dict.fromkeys(p.source for p in result.published if p.source)
    notes = [f"{source}: {workflow.sources[source]}" if source in workflow.sources else source for source in sources]
    return [table, *([Note("; ".join(notes) + ".", start="Sources:")] if notes else [])]


def _counts(contents: Contents) -> Section:
    inputs = inputs_table(contents.result)
    blocks: list[Note | Table] = [cases_table(contents), *([inputs] if inputs is not None else [])]
    estimates = estimates_by_court(contents.result)
    if any(few_came_in(name, e.mean) for (name, court), e in estimates.items() if court in contents.courts):
        blocks.append(
            Note("Few came in: with hardly any inflow, the clearance rate (disposals over inflow) has no meaning. The CSV has it.")
        )  # fmt: skip
    return Section("counts", "All counts", blocks)


def _sections(contents: Contents, drawn: dict[str, Figure]) -> Iterator[Section]:
    """Yield a section for each figure with its tables, then the counts, and a section for each grouping."""
    result, times = contents.result, times_table(contents)
    tables: dict[str, list[Table | Note | Moving | None]] = {
        "published-figures": [*_published(contents)],
        "flow": [*_moving(contents), state_table(contents)],
        "waiting-by-reason": [waiting_table(result, kind, contents.titles) for kind in ("waiting_reason", "waiting_clock")],
        "utilisation": [use_table(contents), times],
    }
    if "published-figures" not in drawn and tables["published-figures"]:
        yield Section("published-figures", "Published and simulated", [b for b in tables["published-figures"] if b is not None])
    for key, figure in drawn.items():
        if not key.startswith("groups-"):
            yield Section(key, figure.name, [figure, *(table for table in tables.get(key, []) if table is not None)])
    yield _counts(contents)
    if "utilisation" not in drawn:
        yield Section("times", "Times", [times])
    titles = row_titles(contents.scenario)
    for by in contents.result.by:
        blocks = [
            drawn.get(f"groups-{by}"),
            contrast_table(result, by, titles),
            group_table(result, by, contents.whole, titles=titles),
        ]
        yield Section(f"by-{by}", f"By {by_title(by, contents.scenario)}", [block for block in blocks if block is not None])


def _moving(contents: Contents) -> list[Moving]:
    """Return the animation, unless courts were chosen or cases do not move."""
    moving = None if contents.result.selection.courts else contents.animation
    return [] if moving is None else [Moving("Cases day by day", moving)]


def _about(contents: Contents) -> Section:
    about = contents.scenario.about
    texts = (("Purpose.", about.purpose), ("Rationale.", about.rationale), ("How forecasts held.", about.forecasts))
    lists = (("Assumptions", about.assumptions), ("Data sources", about.data_sources))
    notes = [Note(text, "lead", start) for start, text in texts if text]
    return Section("about", "About this run", [*notes, *(Items(name, items) for name, items in lists if items)])


def _tiles(contents: Contents) -> list[tuple[str, str]]:
    """Return the names and values of the key numbers."""
    result = contents.result
    court, tiles = contents.whole, []
    if first := result.pending.of_courts([court], 1):
        tiles = [
            (f"Pending at the end of {first[0].at}", format_estimate(first[0])),
            (f"Pending at the end of {contents.scenario.ends}", format_estimate(result.get("pending", court))),
        ]
    estimates, measures = estimates_by_court(result), describe(result.scenario)
    for name in leading_measures(result):
        estimate = estimates.get((name, court))
        told = bool(tiles) and name == "pending"  # by the first two
        if estimate is not None and not told and (estimate.mean is not None or estimate.n):
            tiles.append((measures[name].title, format_estimate(estimate)))
    return tiles
