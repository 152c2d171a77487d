"""The page of a run: its numbers, its figures with the tables that belong to them, its groups, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from simulations.printing.run_tables import few_came_in, format_estimate, number
from simulations.report.contents import Contents, read_contents
from simulations.report.document import Document, Items, Note, Section, Tiles, write_document
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.report.tables import (
    Table,
    cases_table,
    contrast_table,
    group_table,
    published_table,
    standing_table,
    times_table,
    use_table,
    wait_table,
)
from workflow.errors import InputError

__all__ = ["run_document", "write_page"]


def write_page(
    folder: str | Path,
    out: str | Path | None = None,
    figures_folder: str | Path | None = None,
    scenario: str | Path | None = None,
) -> Path:
    """Write the report of a run.

    Parameters
    ----------
    folder : path
        The run folder, or the folder of a comparison or a sweep.
    out : path, optional
        The page; ``report.html`` in the folder if it is not given.
    figures_folder : path, optional
        Where each figure goes as SVG and PNG, too.
    scenario : path, optional
        The scenario's own file, if it reads tables of cases beside it; of a run, not of a comparison.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If it is no run folder, comparison or sweep, or cannot be read.
    """
    from simulations.report.comparison import comparison_document, is_comparison
    from simulations.report.sweep import is_sweep, sweep_document

    target = Path(out) if out is not None else Path(folder) / "report.html"
    joint = "comparison" if is_comparison(folder) else "sweep" if is_sweep(folder) else None
    if joint is not None:
        if scenario is not None:
            raise InputError([f"--scenario goes with a run, and {folder} holds a {joint}; leave it out"])
        document = comparison_document(folder) if joint == "comparison" else sweep_document(folder)
    else:
        contents = read_contents(folder, scenario)
        document = run_document(contents, figures(contents))
    write_document(document, target, figures_folder)
    return target


def run_document(contents: Contents, drawn: list[Figure]) -> Document:
    """Return the page of a run."""
    result, scenario = contents.result, contents.scenario
    n = len(result.replications)
    how = f"{scenario.starts} to {scenario.ends}, {n} replication{'s' if n > 1 else ''}, seed {result.seed}. "
    how += (
        f"Numbers are means ± half of a {100 * result.confidence:.0f} % confidence interval of the mean; bands are of single"
        " replications, from 5 to 95 %."
        if n > 1
        else "A single replication: numbers have no intervals."
    )
    versions = ", ".join(f"{name} {version}" for name, version in contents.manifest["versions"].items() if version)
    foot = f"Workflow {scenario.workflow.name}; engine {result.engine}; scenario {contents.manifest['scenario_hash']}. {versions}."
    sections = [_numbers(contents), *_sections(contents, {figure.key: figure for figure in drawn}), _about(contents)]
    return Document(f"{scenario.name}: report of a run", scenario.name, scenario.description or "", how, sections, foot)


def _numbers(contents: Contents) -> Section:
    result, scenario = contents.result, contents.scenario
    found: list[Tiles | Note | Table | Items] = [Tiles(_tiles(contents))]
    found += [
        Note(
            f"The queue of the pool {pool} grew all the time in some replication: whoever waits for it waits ever longer.",
            "warning",
        )
        for pool in result.growing
    ]
    found += [Note(text, start="Note:") for text in scenario.about.notes]
    published = published_table(contents)
    found += [published] if published is not None else []
    keys = dict.fromkeys(p.source for p in scenario.published if p.source in scenario.workflow.sources)
    found += [Note(f"{key}: {scenario.workflow.sources[key]}.") for key in keys if key is not None]
    if result.violations is not None:
        broken = [f"{rule}: broken by {n} cases" for rule, n in result.violations.items()]
        found.append(Items("Rules watched on every case", broken))
    return Section("numbers", "Numbers", found)


def _counts(contents: Contents) -> Section:
    result = contents.result
    found: list[Note | Table] = [cases_table(contents)]
    here = {(e.measure, e.court): e for e in result.measures if e.by is None and e.at is None}
    if any(few_came_in(here, court) for court in contents.courts):
        found.append(Note("Few came in: a clearance rate (disposals over inflow) says nothing of a court to which hardly any case comes; the CSV has it."))  # fmt: skip
    return Section("counts", "All counts", found)


def _sections(contents: Contents, drawn: dict[str, Figure]) -> Iterator[Section]:
    """Yield a section for each figure, with the tables that say the same in numbers, and one for each grouping."""
    times = times_table(contents)
    tables = {
        "flow": [standing_table(contents)],
        "waiting-by-cause": [wait_table(contents)],
        "utilisation": [use_table(contents), times],
    }
    for key, figure in drawn.items():
        if not key.startswith("groups-"):
            yield Section(key, figure.name, [figure, *(table for table in tables.get(key, []) if table is not None)])
    yield _counts(contents)
    if "utilisation" not in drawn:
        yield Section("times", "Times", [times])
    for by in contents.manifest["by"]:
        groups = [drawn.get(f"groups-{by}"), contrast_table(contents, by), group_table(contents, by)]
        yield Section(f"by-{by}", f"By {by}", [block for block in groups if block is not None])


def _about(contents: Contents) -> Section:
    about = contents.scenario.about
    found: list[Note | Items] = [
        Note(text, "lead", start)
        for start, text in (("Purpose.", about.purpose), ("Rationale.", about.rationale))
        if text
    ]
    lists = (("Assumptions", about.assumptions), ("Data sources", about.data_sources))
    return Section("about", "About this run", [*found, *(Items(name, texts) for name, texts in lists if texts)])


def _tiles(contents: Contents) -> list[tuple[str, str]]:
    """Return the few numbers that stand first: their names and what they are."""
    result = contents.result
    first = result.series.of_courts(["all"], 1)[0]
    found = []
    found.append((f"pending, end of {first.at}", number(first.mean or 0, "cases")))
    names = {e.measure for e in result.measures if e.by is None and e.at is None and e.court == "all"}
    found.append((f"pending, end of {contents.scenario.ends}", format_estimate(result.get("pending"))))
    own = [m.measure for m in contents.scenario.workflow.measures if m.measure in names]
    dated = [m.measure for m in contents.scenario.workflow.measures if m.emptied]
    for name in dict.fromkeys(["inflow", "disposals", *own[:3], *dated]):
        estimate = result.get(name) if name in names else None
        if estimate is not None and (estimate.mean is not None or estimate.n):
            found.append((name.replace("_", " "), format_estimate(estimate)))
    return found
