"""The page of a comparison: what another scenario changes, with intervals of the paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from simulations.comparing.comparison import RESULT, Comparison, Difference, read_comparison
from simulations.measuring.descriptors import Descriptor, Family, describe
from simulations.report.contents import shown_courts
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
)
from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from simulations.tables.comparison import (
    case_table,
    change_table,
    difference_table,
    differences_csv,
    format_difference,
    is_clear,
)
from simulations.tables.formatting import court_title, few, format_replications, number
from simulations.tables.table import Table, as_csv
from workflow.files.validation import format_names

__all__ = ["comparison_document", "is_comparison"]

_MOST_ROWS = 12
_MOST_COURTS = 6
_TILES = 6
_PLOT = WIDTH - 220


def is_comparison(folder: str | Path) -> bool:
    """Return whether a folder holds a comparison."""
    return (Path(folder) / RESULT).is_file()


def comparison_document(folder: str | Path) -> Document:
    """Return the page of a comparison.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    comparison = read_comparison(folder)
    base = read_result(comparison.folder / "base")
    names = [f"other-{k}" for k in range(1, len(comparison.against) + 1)]
    others = [read_result(comparison.folder / name) for name in names]
    n, scenario = comparison.replications, comparison.base
    how = f"{scenario.starts} to {scenario.ends}, {format_replications(n)} of each scenario, seed {comparison.seed}. "
    how += (
        "All scenarios use common random numbers, so differences are paired: mean ± half of a"
        f" {comparison.confidence:.0%} interval; p-values are corrected for the number of measures tested (Holm)."
        if n > 1
        else "A single replication: differences have no intervals, and chance cannot be separated from effect."
    )
    against = format_names(comparison.against)
    sections = [_summary(comparison, base, others)]
    sections += [_against(comparison, k, name) for k, name in enumerate(comparison.against, start=1)]
    heading = f"{scenario.name} against {against}"
    foot = f"The runs are in {', '.join(['base', *names])}; docketsim report writes a page for each."
    lead = f"What changes when {against} replaces {scenario.name}, the base."
    sections.append(_about(comparison, others))
    return Document(f"{heading}: report of a comparison", heading, lead, how, sections, foot)


def _summary(comparison: Comparison, base: RunResult, others: Sequence[RunResult]) -> Section:
    blocks: list[Tiles | Note | Figure] = []
    measures = describe(comparison.base)
    for name in comparison.against:
        whole = [d for d in _differing(comparison, name) if d.court == "all" and not measures[d.measure].is_detail]
        clear = [d for d in whole if is_clear(comparison, d)]
        chosen = sorted(clear, key=lambda d: _rank(measures, d))[:_TILES] or whole[:_TILES]
        blocks.append(Note(f"Against {name}, all courts, at the end of {comparison.base.ends}:", "lead"))
        if not clear and comparison.replications > 1:
            text = f"No difference of all courts is significant with {comparison.replications} replications."
            blocks.append(Note(text, "lead"))
        blocks.append(Tiles([(d.measure.replace("_", " "), f"{format_difference(d)}{_unit(d)}") for d in chosen]))
    blocks += [
        Note(f"{name}: the queue of the pool {pool} grew throughout a replication.", "warning")
        for name, pools in comparison.growing.items()
        for pool in pools
    ]
    pending = _pending(comparison, base, others)
    return Section("numbers", "What changes", [*blocks, *([pending] if pending is not None else [])])


def _against(comparison: Comparison, k: int, name: str) -> Section:
    courts = comparison.base.courts
    titles = {court: court_title(court) for court in (["all", *courts] if len(courts) <= _MOST_COURTS else ["all"])}
    blocks = [
        _figure(comparison, k, name),
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
    """Return the differences at the end of the run that are not 0 in every replication, significant ones first.

    The clearance rate is left out where the base has hardly any inflow.
    """
    differences = [d for d in comparison.differences if d.against == name and d.at is None]
    by_court = {(d.measure, d.court): d.paired for d in differences}

    def is_meaningless(d: Difference) -> bool:
        inflow, disposals = (by_court.get((measure, d.court)) for measure in ("inflow", "disposals"))
        known = inflow is not None and disposals is not None
        return d.measure == "clearance_rate" and known and few(inflow.base, disposals.base)  # type: ignore[union-attr]

    differing = [d for d in differences if d.paired is not None and not d.paired.same and not is_meaningless(d)]
    return sorted(differing, key=lambda d: not is_clear(comparison, d))


def _standardised(d: Difference) -> float:
    """Return the size of a difference in standard deviations."""
    assert d.paired is not None
    return abs(d.paired.difference) / d.paired.spread if d.paired.spread else float("inf")


def _rank(measures: Mapping[str, Descriptor], d: Difference) -> tuple[int, float]:
    """Return a sort key: cases first, then waits, then the use of pools; the largest standardised difference first."""
    return (2 if d.unit == "share" else int(measures[d.measure].is_of_pools), -_standardised(d))


def _unit(d: Difference) -> str:
    return {"days": " d", "working days": " working d", "cases": "", "share": ""}.get(d.unit, f" {d.unit}")


def _panels(comparison: Comparison, name: str) -> dict[str, list[Difference]]:
    """Return the differences to draw, by unit: means and counts of all courts, and significant differences of a court."""
    several, measures = len(comparison.base.courts) > 1, describe(comparison.base)
    shown = [
        d
        for d in _differing(comparison, name)
        if not measures[d.measure].is_detail
        and (
            (is_clear(comparison, d) and several)
            or (d.court == "all" and measures[d.measure].family not in (Family.PROCESSING, Family.UTILISATION))
        )
    ]
    panels: dict[str, list[Difference]] = {}
    for unit in sorted({d.unit for d in shown}, key=lambda unit: (unit != "cases", unit)):
        of_unit = [d for d in shown if d.unit == unit]
        largest = sorted(of_unit, key=lambda d: (is_clear(comparison, d), _standardised(d)), reverse=True)[:_MOST_ROWS]
        panels[unit] = [d for d in of_unit if d in largest]
    return panels


# figures ---------------------------------------------------------------------------------------------------


def _figure(comparison: Comparison, k: int, name: str) -> Figure | None:
    """Draw the paired differences with their intervals, a panel for each unit."""
    alt = altair()
    panels = _panels(comparison, name)
    if not panels:
        return None
    charts = []
    for unit, differences in panels.items():
        lines = [d.measure if d.court == "all" else f"{d.measure}, {d.court}" for d in differences]
        data = [_datum(comparison, d, line) for d, line in zip(differences, lines, strict=True)]
        axis = alt.Axis(labelLimit=330)
        base = alt.Chart(alt.Data(values=data)).encode(y=alt.Y("line:N", title=None, sort=lines, axis=axis))
        zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=BLACK, strokeWidth=1).encode(x="zero:Q")
        bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(
            x=alt.X("low:Q", title=f"difference, {unit}", scale=alt.Scale(padding=12)), x2="high:Q"
        )
        fill = alt.condition("datum.clear", alt.value(BLUE), alt.value("#ffffff"))
        points = base.mark_point(size=60, opacity=1, stroke=BLUE, strokeWidth=1.5).encode(x="difference:Q", fill=fill)
        labels = base.mark_text(align="left", fontSize=11, color="#222").encode(x=alt.value(_PLOT + 10), text="label:N")
        charts.append(alt.layer(zero, bars, points, labels).properties(width=_PLOT, height=22 * len(lines)))
    text = (
        f"{name} less {comparison.base.name}: mean of the paired differences and its {comparison.confidence:.0%} interval."
        " Full dots: significant after correction for the number of measures tested; hollow dots: not significant."
        " Rows without a court are of all courts; a court has a row where the difference is significant."
        f" At most {_MOST_ROWS} rows a panel, those with the largest standardised difference; the table has all."
    )
    csv = differences_csv([d for differences in panels.values() for d in differences])
    chart = alt.vconcat(*charts, spacing=18)
    return drawn(f"differences-{k}", f"Paired differences against {name}", _title(comparison, name), text, chart, csv)


def _title(comparison: Comparison, name: str) -> str:
    clear, measures = [d for d in _differing(comparison, name) if is_clear(comparison, d)], describe(comparison.base)
    if comparison.replications < 2:
        return f"{len(clear)} measures differ between {comparison.base.name} and {name}, in a single replication"
    if not clear:
        return f"With {comparison.replications} replications no difference is significant"
    start = f"{len(clear)} significant differences, such as" if len(clear) > 1 else "One significant difference:"
    most = min(clear, key=lambda d: (d.court != "all", measures[d.measure].is_detail, *_rank(measures, d)))
    return f"{start} {most.measure}: {format_difference(most)}{_unit(most)}"


def _datum(comparison: Comparison, d: Difference, line: str) -> dict[str, object]:
    paired = d.paired
    assert paired is not None
    return {
        "line": line,
        "difference": paired.difference,
        "low": paired.difference if paired.low is None else paired.low,
        "high": paired.difference if paired.high is None else paired.high,
        "clear": is_clear(comparison, d),
        "label": format_difference(d),
    }


def _pending(comparison: Comparison, base: RunResult, others: Sequence[RunResult]) -> Figure | None:
    """Draw pending cases of every scenario, by court."""
    alt = altair()
    courts = {court: court_title(court) for court in shown_courts(base)}
    runs = {comparison.base.name: base, **dict(zip(comparison.against, others, strict=True))}
    if len(runs) > MOST_LINES:
        return None
    series = {name: run.series.of_courts(courts, MOST_POINTS) for name, run in runs.items()}
    data: Data = [
        {"scenario": name, "court": courts[e.court], "day": end_of(e.at), "mean": e.mean}
        for name, estimates in series.items()
        for e in estimates
        if e.at
    ]
    names = list(runs)
    legend = alt.Legend(symbolType="stroke", symbolSize=500, labelLimit=400, columns=1)
    chart = (
        alt.Chart(alt.Data(values=data))
        .mark_line(strokeWidth=2)
        .encode(
            x=day_axis("day"),
            y=alt.Y("mean:Q", title="pending cases"),
            color=line_colours("scenario", names, legend),
            strokeDash=line_dashes("scenario", names),
        )
        .properties(width=WIDTH, height=150 if len(courts) > 1 else 240)
        .facet(row=alt.Row("court:N", sort=list(courts.values()), title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    last = "; ".join(f"{name} {number(run.get('pending').mean or 0, 'cases')}" for name, run in runs.items())
    title = f"Pending at the end of {comparison.base.ends}, all courts: {last}"
    text = "Pending cases of each scenario, mean over replications; where lines coincide, the scenarios do not differ."
    rows = ((name, e.court, e.at, e.mean) for name, estimates in series.items() for e in estimates)
    csv = as_csv(["scenario", "court", "at", "mean"], rows)
    return drawn("pending", "Pending cases", title, text, chart, csv)


def _table(comparison: Comparison, k: int, name: str) -> Table | None:
    differing, measures = _differing(comparison, name), describe(comparison.base)
    shown = [d for d in differing if is_clear(comparison, d) or not measures[d.measure].is_detail]
    if not shown:
        return None
    against = [d for d in comparison.differences if d.against == name]
    last = [d for d in against if d.at is None]
    same = sum(d.paired is not None and d.paired.same for d in last)
    title = f"Measures that differ, at the end of {comparison.base.ends}; {same} of {len(last)} are exactly the same"
    title += f", and the CSV has {len(differing) - len(shown)} more" if len(differing) > len(shown) else ""
    table = difference_table(comparison, shown, title, f"differences-table-{k}")
    return replace(table.without("correlation", "var. reduction"), csv=differences_csv(against))
