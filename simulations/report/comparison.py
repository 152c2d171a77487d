"""The page of a comparison: what another scenario changes, with intervals of the paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simulations.comparing.comparison import Comparison, read_comparison
from simulations.comparing.differences import Difference
from simulations.measuring.descriptors import Family, describe
from simulations.report.contents import court_groups, shown_courts
from simulations.report.document import Document, Items, Note, Section, Tiles
from simulations.report.figure import (  # fmt: skip
    BLACK,
    BLUE,
    MOST_LINES,
    MOST_POINTS,
    WIDTH,
    Data,
    Figure,
    altair,
    day_axis,
    drawn,
    end_of,
    line_colours,
    line_dashes,
    tooltip,
    with_end_of_day,
)
from simulations.report.pending_figures import over_time_figure
from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from simulations.statements.of_comparisons import (
    answer_of_comparison,
    difference_words,
    growing_in_each,
    main_result,
    pending_levels,
)
from simulations.statements.of_runs import courts_shown
from simulations.statements.statement import Statement
from simulations.tables.comparison import case_table, change_table, difference_table, differences_csv, format_difference
from simulations.tables.formatting import court_title, format_replications
from simulations.tables.ranking import compared, importance, ranked, stands_out
from simulations.tables.run import row_titles
from simulations.tables.table import Table, as_csv
from workflow.files.validation import format_names

_MOST_ROWS = 12
_MOST_COURTS = 6
_TILES = 6
_PLOT = WIDTH - 430
_MOST_RATIO = 15.0
"""How much larger the largest difference of a panel may be than that of any measure in it."""


def comparison_document(folder: str | Path) -> Document:
    """Return the page of a comparison.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    comparison = read_comparison(folder)
    base, *others = runs_of(comparison)
    n, scenario = comparison.replications, comparison.base
    how = f"{scenario.starts} to {scenario.ends}, {format_replications(n)} of each scenario, seed {comparison.seed}. "
    how += (
        "All scenarios use common random numbers, so differences are paired: mean ± half of a"
        f" {comparison.confidence:.0%} confidence interval; p-values are corrected for the number of distinct hypotheses (Holm)."
        if n > 1
        else "A single replication: differences have no intervals, and chance cannot be separated from effect."
    )
    against = format_names(comparison.against)
    sections = [_summary(comparison, base, others)]
    sections += [_against(comparison, k, name, base, others[k - 1]) for k, name in enumerate(comparison.against, start=1)]
    heading = f"{scenario.name} against {against}"
    foot = f"The runs are in {', '.join(_folders(comparison))}; docketsim report writes a page for each."
    lead = f"What changes when {against} replaces {scenario.name}, the base."
    sections.append(_about(comparison, others))
    return Document(f"{heading}: report of a comparison", heading, lead, how, sections, foot, answer_of_comparison(comparison))


def runs_of(comparison: Comparison) -> list[RunResult]:
    """Return the run of the base, and those of the others."""
    return [read_result(comparison.folder / name) for name in _folders(comparison)]


def _folders(comparison: Comparison) -> list[str]:
    return ["base", *(f"other-{k}" for k in range(1, len(comparison.against) + 1))]


def _summary(comparison: Comparison, base: RunResult, others: Sequence[RunResult]) -> Section:
    blocks: list[Tiles | Note | Figure] = []
    for name in comparison.against:
        count, *main = main_result(comparison, name)
        against = f"Against {name}:" if len(comparison.against) > 1 else ""
        blocks += [Note(statement, "main", against) for statement in main]
        blocks.append(Note(count, "lead", f"Against {name}, at the end of {comparison.base.ends}:"))
        tiles = [(_titled(comparison, d), difference_words(comparison, d)) for d in ranked(comparison, name)[:_TILES]]
        blocks += [Tiles(tiles)] if tiles else []
    blocks += [Note(statement, "warning") for statement in growing_in_each(comparison)]
    pending = pending_figure(comparison, base, others)
    return Section("numbers", "What changes", [*blocks, *([pending] if pending is not None else [])])


def _titled(comparison: Comparison, d: Difference) -> str:
    return describe(comparison.base)[d.measure].title + ("" if d.court == "all" else f", {court_title(d.court, comparison.base)}")


def _against(comparison: Comparison, k: int, name: str, base: RunResult, other: RunResult) -> Section:
    courts = comparison.base.courts
    named = list(comparison.selection.courts) or (["all", *courts] if len(courts) <= _MOST_COURTS else ["all"])
    titles = {court: court_title(court, comparison.base) for court in named}
    blocks = [
        differences_figure(comparison, k, name),
        over_time_figure(comparison, k, name, base, other),
        _table(comparison, k, name),
        case_table(comparison, name, titles, f"cases-{k}"),
        change_table(comparison, name, key=f"changes-{k}"),
    ]
    return Section(f"against-{k}", f"Against {name}", [block for block in blocks if block is not None])


def _about(comparison: Comparison, others: Sequence[RunResult]) -> Section:
    scenarios = {comparison.base.name: comparison.base}
    scenarios |= {name: other.scenario for name, other in zip(comparison.against, others, strict=True)}
    notes = [Note(s.description or "no description", "lead", f"{name}:") for name, s in scenarios.items()]
    assumptions = comparison.base.about.assumptions
    items = [Items("Assumptions of the base", assumptions)] if assumptions else []
    return Section("about", "About", [*notes, *items])


# which differences -----------------------------------------------------------------------------------------


def _differing(comparison: Comparison, name: str) -> list[Difference]:
    """Return the differences at the end of the run that are not 0 in every replication, those that stand out first."""
    differing = [d for d in compared(comparison, name) if d.paired is not None and not d.paired.same]
    return sorted(differing, key=lambda d: not stands_out(comparison, d))


def _panels(comparison: Comparison, name: str) -> list[list[Difference]]:
    """Return the differences to draw, by unit and size: means and counts of all courts, and significant differences of a court."""
    several, measures = len(comparison.base.courts) > 1, describe(comparison.base)
    chosen = comparison.selection.measures
    shown = [
        d
        for d in _differing(comparison, name)
        if not comparison.is_detail(d)
        and (
            (stands_out(comparison, d) and several)
            or (d.court == "all" and (chosen or measures[d.measure].family not in (Family.PROCESSING, Family.UTILISATION)))
        )
    ]
    panels: list[list[Difference]] = []
    for unit in sorted({d.unit for d in shown}, key=lambda unit: (unit != "cases", unit)):
        of_unit = [d for d in shown if d.unit == unit]
        largest = sorted(of_unit, key=lambda d: (not stands_out(comparison, d), -importance(d)))[:_MOST_ROWS]
        panels += by_size([d for d in of_unit if d in largest])
    return panels


def by_size(differences: Sequence[Difference]) -> list[list[Difference]]:
    """Group differences by size, so that the smallest of a panel can be seen beside the largest; those of a measure stay together."""
    sizes: dict[str, float] = {}
    for d in differences:
        sizes[d.measure] = max(sizes.get(d.measure, 0.0), *map(abs, _ends(d)))
    panels: list[set[str]] = []
    for measure in sorted(sizes, key=lambda measure: -sizes[measure]):
        if not panels or sizes[measure] * _MOST_RATIO < max(sizes[other] for other in panels[-1]):
            panels.append(set())
        panels[-1].add(measure)
    return [[d for d in differences if d.measure in measures] for measures in panels]


def _ends(d: Difference) -> tuple[float, float]:
    """Return the ends of the interval of a difference; the difference itself without one."""
    paired = d.paired
    assert paired is not None
    return tuple(paired.difference if end is None else end for end in (paired.low, paired.high))  # type: ignore[return-value]


# figures ---------------------------------------------------------------------------------------------------


def differences_figure(comparison: Comparison, k: int, name: str) -> Figure | None:
    """Draw the paired differences with their intervals, a panel for each unit, and for each size of differences."""
    alt = altair()
    panels = _panels(comparison, name)
    if not panels:
        return None
    charts = []
    for differences in panels:
        lines = [_titled(comparison, d) for d in differences]
        data = [_datum(comparison, d, line) for d, line in zip(differences, lines, strict=True)]
        axis = alt.Axis(labelLimit=330)
        base = alt.Chart(alt.Data(values=data)).encode(y=alt.Y("line:N", title=None, sort=lines, axis=axis))
        zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=BLACK, strokeWidth=1).encode(x="zero:Q")
        bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(
            x=alt.X("low:Q", title=f"difference, {differences[0].unit}", scale=alt.Scale(padding=12), axis=alt.Axis(tickCount=6)),
            x2="high:Q",
        )
        fill = alt.condition("datum.clear", alt.value(BLUE), alt.value("#ffffff"))
        shown = tooltip(line="measure", label="difference")
        points = base.mark_point(size=60, opacity=1, stroke=BLUE, strokeWidth=1.5).encode(
            x="difference:Q", fill=fill, tooltip=shown
        )
        labels = base.mark_text(align="left", fontSize=12, color="#222", dx=10).encode(x=alt.value("width"), text="label:N")
        charts.append(alt.layer(zero, bars, points, labels).properties(width=_PLOT, height=alt.Step(22)))
    text = (
        f"{name} less {comparison.base.name}: mean of the paired differences and its {comparison.confidence:.0%} confidence interval."
        " Full dot: significant after correction for the number of distinct hypotheses, certain, or the same amount in each"
        " replication. Hollow dot: none of these, so it may be chance."
        " Rows without a court are of all courts; a court has a row where its dot is full."
        f" At most {_MOST_ROWS} rows of a unit, the most important ones; the table has all."
    )
    csv = differences_csv([d for differences in panels for d in differences])
    room = {"left": 24, "top": 5, "right": 5, "bottom": 5}  # names are wider where a reader has none of the fonts
    chart = alt.vconcat(*charts, spacing=18, padding=room)
    return drawn(f"differences-{k}", f"Paired differences against {name}", main_result(comparison, name)[:2], [text], chart, csv)


def _datum(comparison: Comparison, d: Difference, line: str) -> dict[str, object]:
    paired = d.paired
    assert paired is not None
    low, high = _ends(d)
    return {
        "line": line,
        "court": court_title(d.court, comparison.base),
        "difference": paired.difference,
        "low": low,
        "high": high,
        "clear": stands_out(comparison, d),
        "label": format_difference(d),
    }


def pending_figure(comparison: Comparison, base: RunResult, others: Sequence[RunResult]) -> Figure | None:
    """Draw pending cases of every scenario, by court."""
    if len(others) >= MOST_LINES or not len(base.pending):
        return None
    alt = altair()
    shown = shown_courts(base, *others)
    whole = "all" if "all" in shown else shown[0]
    groups = court_groups(comparison.base.courts, shown, base.selection)
    courts = {name: court_title(name, comparison.base) for name in groups}
    base_name = comparison.base.name + (", the base" if comparison.base.name in comparison.against else "")
    runs = {base_name: base, **dict(zip(comparison.against, others, strict=True))}
    series = {name: run.pending.shown(groups).of_courts(courts, MOST_POINTS) for name, run in runs.items()}
    data: Data = [
        {"scenario": name, "court": courts[e.court], "day": end_of(e.at), "mean": e.mean}
        for name, estimates in series.items()
        for e in estimates
        if e.at
    ]
    values = tooltip(scenario="scenario", court="court", on="end of", mean="pending, mean|,.5~r")
    names = list(runs)
    legend = alt.Legend(symbolType="stroke", symbolSize=500, labelLimit=400, columns=1)
    chart = (
        with_end_of_day(alt.Chart(alt.Data(values=data)))
        .mark_line(strokeWidth=2)
        .encode(
            x=day_axis("day"),
            y=alt.Y("mean:Q", title="pending cases"),
            color=line_colours("scenario", names, legend),
            strokeDash=line_dashes("scenario", names),
            tooltip=values,
        )
        .properties(width=WIDTH, height=150 if len(courts) > 1 else 240)
        .facet(row=alt.Row("court:N", sort=list(courts.values()), title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    levels = pending_levels(comparison, {name: run.get("pending", whole).mean or 0.0 for name, run in runs.items()}, whole)
    caption: list[Statement | str] = [
        "Pending cases of each scenario, mean over replications. Where lines coincide, the numbers do."
    ]
    if len(groups) > len(shown):
        caption.append(courts_shown(shown[1:], len(comparison.base.courts) - len(shown) + 1, summed=True))
    rows = ((name, e.court, e.at, e.mean) for name, estimates in series.items() for e in estimates)
    csv = as_csv(["scenario", "court", "at", "mean"], rows)
    return drawn("pending", "Pending cases", [levels], caption, chart, csv)


def _table(comparison: Comparison, k: int, name: str) -> Table | None:
    differing = _differing(comparison, name)
    shown = [d for d in differing if stands_out(comparison, d) or not comparison.is_detail(d)]
    if not shown:
        return None
    against = [d for d in comparison.differences if d.against == name]
    last = compared(comparison, name)
    same = sum(d.paired is not None and d.paired.same for d in last)
    title = f"Measures that differ, at the end of {comparison.base.ends}; {same} of {len(last)} are exactly the same"
    title += f", and the CSV has {len(differing) - len(shown)} more" if len(differing) > len(shown) else ""
    table = difference_table(comparison, shown, title, f"differences-table-{k}", row_titles(comparison.base))
    return replace(table.without("correlation", "var. reduction"), csv=differences_csv(against))
