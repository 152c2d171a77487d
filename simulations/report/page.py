"""The page: figures and tables of a run in one HTML file, which asks for nothing outside itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulations.parts import whole_file, write_text
from simulations.printing import number, said
from simulations.report.contents import Contents, read_contents
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.report.tables import (
    Table,
    cases_table,
    contrast_table,
    data_link,
    group_table,
    published_table,
    times_table,
    wait_table,
)

__all__ = ["page", "write_page"]

_TEMPLATE = Path(__file__).with_name("page.html.j2")


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
        The run folder.
    out : path, optional
        The page; ``report.html`` in the run folder if it is not given.
    figures_folder : path, optional
        Where each figure goes as SVG and PNG, too.
    scenario : path, optional
        The scenario's own file, if it reads tables of cases beside it.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    InputError
        If it is no run folder, or cannot be read.
    """
    contents = read_contents(folder, scenario)
    drawn = figures(contents)
    target = Path(out) if out is not None else Path(folder) / "report.html"
    if figures_folder is not None:
        for figure in drawn:
            write_text(Path(figures_folder) / f"{figure.key}.svg", figure.svg)
            with whole_file(Path(figures_folder) / f"{figure.key}.png") as unfinished:
                unfinished.write_bytes(figure.png())
    write_text(target, page(contents, drawn))
    return target


def page(contents: Contents, drawn: list[Figure]) -> str:
    """Return the text of the page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    by_key = {figure.key: figure for figure in drawn}
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        result=contents.result, scenario=contents.scenario, manifest=contents.manifest, figures=by_key,
        figure_keys=[key for key in by_key if not key.startswith("groups-")], tiles=_tiles(contents), link=data_link,
        published=published_table(contents), cases=cases_table(contents), times=times_table(contents),
        waiting=wait_table(contents), groups=_groups(contents, by_key), versions=_versions(contents),
    )  # fmt: skip
    return text + "\n"


def _groups(contents: Contents, by_key: dict[str, Figure]) -> list[tuple[str, Figure | None, Table | None, Table]]:
    return [
        (by, by_key.get(f"groups-{by}"), contrast_table(contents, by), group_table(contents, by))
        for by in contents.manifest["by"]
    ]


def _tiles(contents: Contents) -> list[tuple[str, str]]:
    """Return the few numbers that stand first: their names and what they are."""
    result = contents.result
    first = next((e for e in result.series if e.court == "all" and e.at is not None), None)
    found = []
    if first is not None and first.mean is not None:
        found.append((f"pending, end of {first.at}", number(first.mean, "cases")))
    names = {e.measure for e in result.measures if e.by is None and e.at is None and e.court == "all"}
    found.append((f"pending, end of {contents.scenario.ends}", said(result.get("pending"))))
    own = [m.measure for m in contents.scenario.workflow.measures if m.measure in names]
    dated = [m.measure for m in contents.scenario.workflow.measures if m.emptied]
    for name in dict.fromkeys(["inflow", "disposals", *own[:3], *dated]):
        estimate = result.get(name) if name in names else None
        if estimate is not None and (estimate.mean is not None or estimate.n):
            found.append((name.replace("_", " "), said(estimate)))
    return found


def _versions(contents: Contents) -> list[tuple[str, Any]]:
    return [(name, version) for name, version in contents.manifest["versions"].items() if version]
