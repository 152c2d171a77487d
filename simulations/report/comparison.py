"""The page of a comparison: what another policy, or another reviewer, changes, with intervals of the paired differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simulations.comparing.case_pairs import ALIKE
from simulations.comparing.comparison import RESULT, Comparison, Difference, read_comparison
from simulations.measuring.descriptors import Descriptor, Family, describe
from simulations.printing.comparison_table import format_difference, format_level, format_needed, format_p
from simulations.printing.run_tables import few, number
from simulations.report.contents import shown_courts
from simulations.report.document import Document, Items, Note, Section, Tiles
from simulations.report.figure import (  # fmt: skip
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    MOST_POINTS,
    WIDTH,
    Data,
    Figure,
    altair,
    drawn,
    end_of,
)
from simulations.report.tables import Cell, Table, as_csv
from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from workflow.files.validation import format_names

__all__ = ["comparison_document", "is_comparison"]

_MOST_ROWS = 12
_TILES = 6
_PLOT = WIDTH - 220


def is_comparison(folder: str | Path) -> bool:
    """Say whether a folder was written by a comparison."""
    return (Path(folder) / RESULT).is_file()


def comparison_document(folder: str | Path) -> Document:
    """Return the page of a comparison.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    found = read_comparison(folder)
    base = read_result(found.folder / "base")
    others = [read_result(found.folder / f"other-{k}") for k in range(1, len(found.against) + 1)]
    n = found.replications
    how = f"{found.base.starts} to {found.base.ends}, {n} replication{'s' if n > 1 else ''} of each scenario, seed {found.seed}. "
    how += (
        "The scenarios have the same people and the same chances in each replication, so differences are paired: mean ± half of a"
        f" {found.confidence:.0%} interval; p-values are corrected for how many measures are tested (Holm)."
        if n > 1
        else "A single replication: differences have no intervals, and chance is not told from effect."
    )
    called = format_names(found.against)
    sections = [_summary(found, base, others)]
    sections += [_against(found, k, name) for k, name in enumerate(found.against, start=1)]
    heading = f"{found.base.name} against {called}"
    foot = f"The runs are in {', '.join(['base', *(f'other-{k}' for k in range(1, len(others) + 1))])}; docketsim report makes a page of each."
    lead = f"What changes if {found.base.name}, the base, gives way to {called}."
    return Document(f"{heading}: report of a comparison", heading, lead, how, [*sections, _about(found, others)], foot)


def _summary(found: Comparison, base: RunResult, others: Sequence[RunResult]) -> Section:
    blocks: list[Tiles | Note | Figure] = []
    measures = describe(found.base)
    for name in found.against:
        here = [d for d in _here(found, name) if d.court == "all" and not measures[d.measure].is_detail]
        clear = [d for d in here if _clear(found, d)]
        chosen = sorted(clear, key=lambda d: _rank(measures, d))[:_TILES] or here[:_TILES]
        blocks += [Note(f"Against {name}, all courts, at the end of {found.base.ends}:", "lead")]
        if not clear and found.replications > 1:
            blocks.append(
                Note(f"No measure of all courts is told apart with {found.replications} replications.", "lead")
            )
        blocks.append(Tiles([(d.measure.replace("_", " "), f"{format_difference(d)}{_unit(d)}") for d in chosen]))
    for name, pools in found.growing.items():
        blocks += [Note(f"{name}: the queue of the pool {pool} grew all the time in some replication.", "warning") for pool in pools]  # fmt: skip
    pending = _pending(found, base, others)
    return Section("numbers", "What changes", [*blocks, *([pending] if pending is not None else [])])


def _against(found: Comparison, k: int, name: str) -> Section:
    figure = _figure(found, k, name)
    blocks = [figure, _table(found, k, name), _cases(found, k, name), _changes(found, k, name)]
    return Section(f"against-{k}", f"Against {name}", [block for block in blocks if block is not None])


def _about(found: Comparison, others: Sequence[RunResult]) -> Section:
    told = [(found.base.name, found.base.description)]
    told += [(name, other.scenario.description) for name, other in zip(found.against, others, strict=True)]
    notes = [Note(text or "no description", "lead", f"{name}:") for name, text in told]
    assumptions = found.base.about.assumptions
    return Section(
        "about", "About", [*notes, *([Items("Assumptions of the base", assumptions)] if assumptions else [])]
    )


# which differences -----------------------------------------------------------------------------------------


def _here(found: Comparison, name: str) -> list[Difference]:
    """Return the differences at the end of the run in which some replication differs, those that are more than chance first.

    A clearance rate is left out where so few cases come in that it says nothing.
    """
    levels = {(d.measure, d.court): d.paired for d in found.differences if d.against == name and d.at is None}

    def says_nothing(d: Difference) -> bool:
        came, left = (levels.get((measure, d.court)) for measure in ("inflow", "disposals"))
        return d.measure == "clearance_rate" and came is not None and left is not None and few(came.base, left.base)

    mine = [d for d in found.differences if d.against == name and d.at is None and not says_nothing(d)]
    return sorted((d for d in mine if d.paired is not None and not d.paired.same), key=lambda d: not _clear(found, d))


def _clear(found: Comparison, d: Difference) -> bool:
    return d.told_apart(found.confidence) or found.replications < 2


def _clearness(d: Difference) -> float:
    """Return how large a difference is for what it varies."""
    assert d.paired is not None
    return abs(d.paired.difference) / d.paired.spread if d.paired.spread else float("inf")


def _rank(measures: Mapping[str, Descriptor], d: Difference) -> tuple[int, float]:
    """Return a key that puts cases before waits, and both before the use of pools; among them what is clearest."""
    return (2 if d.unit == "share" else int(measures[d.measure].is_of_pools), -_clearness(d))


def _unit(d: Difference) -> str:
    return {"days": " d", "working days": " working d", "cases": "", "share": ""}.get(d.unit, f" {d.unit}")


def _in_figure(found: Comparison, name: str) -> dict[str, list[Difference]]:
    """Return what is drawn by unit: means and counts of all courts, and of a court what is more than chance there."""
    several, measures = len(found.base.courts) > 1, describe(found.base)
    shown = [
        d
        for d in _here(found, name)
        if not measures[d.measure].is_detail
        and (
            (_clear(found, d) and several)
            or (d.court == "all" and measures[d.measure].family not in (Family.PROCESSING, Family.UTILISATION))
        )
    ]
    panels: dict[str, list[Difference]] = {}
    for unit in sorted({d.unit for d in shown}, key=lambda unit: (unit != "cases", unit)):
        mine = [d for d in shown if d.unit == unit]
        first = sorted(mine, key=lambda d: (_clear(found, d), _clearness(d)), reverse=True)[:_MOST_ROWS]
        panels[unit] = [d for d in mine if d in first]
    return panels


# figures ---------------------------------------------------------------------------------------------------


def _figure(found: Comparison, k: int, name: str) -> Figure | None:
    """Draw the paired differences with their intervals, a panel for each unit."""
    alt = altair()
    panels = _in_figure(found, name)
    if not panels:
        return None
    charts = []
    for unit, differences in panels.items():
        lines = [d.measure if d.court == "all" else f"{d.measure}, {d.court}" for d in differences]
        data = [_row(found, d, line) for d, line in zip(differences, lines, strict=True)]
        base = alt.Chart(alt.Data(values=data)).encode(y=alt.Y("line:N", title=None, sort=lines, axis=alt.Axis(labelLimit=330)))  # fmt: skip
        zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=BLACK, strokeWidth=1).encode(x="zero:Q")
        bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(
            x=alt.X("low:Q", title=f"difference, {unit}", scale=alt.Scale(padding=12)), x2="high:Q"
        )
        clear = alt.condition("datum.clear", alt.value(BLUE), alt.value("#ffffff"))
        points = base.mark_point(size=60, opacity=1, stroke=BLUE, strokeWidth=1.5).encode(x="difference:Q", fill=clear)
        labels = base.mark_text(align="left", fontSize=11, color="#222").encode(x=alt.value(_PLOT + 10), text="said:N")
        charts.append(alt.layer(zero, bars, points, labels).properties(width=_PLOT, height=22 * len(lines)))
    clear_ones = [d for d in _here(found, name) if _clear(found, d)]
    if found.replications < 2:
        title = f"{len(clear_ones)} measures differ between {found.base.name} and {name}, in a single replication"
    elif clear_ones:
        measures = describe(found.base)
        most = min(clear_ones, key=lambda d: (d.court != "all", measures[d.measure].is_detail, *_rank(measures, d)))
        title = f"{len(clear_ones)} differences are more than chance, among them {most.measure}: {format_difference(most)}{_unit(most)}"
    else:
        title = f"With {found.replications} replications nothing differs by more than chance"
    text = f"{name} less {found.base.name}: mean of the paired differences and its {found.confidence:.0%} interval."
    text += (
        " Full dots: more than chance after correction for how many measures are tested; hollow ones: not told apart."
    )
    text += " Rows without a court are of all courts; a court has a row where the difference is more than chance."
    text += f" At most {_MOST_ROWS} a panel, the clearest; the table has all."
    rows = [d for differences in panels.values() for d in differences]
    chart = alt.vconcat(*charts, spacing=18)
    return drawn(f"differences-{k}", f"Paired differences against {name}", title, text, chart, _csv(rows))


def _row(found: Comparison, d: Difference, line: str) -> dict[str, object]:
    paired = d.paired
    assert paired is not None
    low = paired.difference if paired.low is None else paired.low
    high = paired.difference if paired.high is None else paired.high
    return {"line": line, "difference": paired.difference, "low": low, "high": high, "clear": _clear(found, d), "said": format_difference(d)}  # fmt: skip


def _pending(found: Comparison, base: RunResult, others: Sequence[RunResult]) -> Figure | None:
    """Draw pending cases of every scenario, by court."""
    alt = altair()
    courts = {court: "all courts" if court == "all" else court for court in shown_courts(base)}
    runs = {found.base.name: base, **dict(zip(found.against, others, strict=True))}
    if len(runs) > len(COLOURS):
        return None
    series = {name: run.series.of_courts(courts, MOST_POINTS) for name, run in runs.items()}
    data: Data = [
        {"scenario": name, "court": courts[e.court], "day": end_of(e.at), "mean": e.mean}
        for name, estimates in series.items()
        for e in estimates
        if e.at
    ]
    names = list(runs)
    colour = alt.Color("scenario:N", sort=names, scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])), legend=alt.Legend(symbolType="stroke", symbolSize=500, labelLimit=400, columns=1))  # fmt: skip
    dash = alt.StrokeDash("scenario:N", sort=names, scale=alt.Scale(domain=names, range=list(DASHES[: len(names)])))
    day = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=8))
    chart = (
        alt.Chart(alt.Data(values=data))
        .mark_line(strokeWidth=2)
        .encode(x=day, y=alt.Y("mean:Q", title="pending cases"), color=colour, strokeDash=dash)
        .properties(width=WIDTH, height=150 if len(courts) > 1 else 240)
        .facet(row=alt.Row("court:N", sort=list(courts.values()), title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    last = "; ".join(f"{name} {number(run.get('pending').mean or 0, 'cases')}" for name, run in runs.items())
    title = f"Pending at the end of {found.base.ends}, all courts: {last}"
    text = "Pending cases of each scenario, mean over replications; where the lines lie on each other, the scenarios do not differ."
    rows = ((name, e.court, e.at, e.mean) for name, estimates in series.items() for e in estimates)
    csv = as_csv(["scenario", "court", "at", "mean"], rows)
    return drawn("pending", "Pending cases", title, text, chart, csv)


# tables ----------------------------------------------------------------------------------------------------


def _table(found: Comparison, k: int, name: str) -> Table | None:
    rows = []
    here, measures = _here(found, name), describe(found.base)
    shown = [d for d in here if _clear(found, d) or not measures[d.measure].is_detail]
    for d in shown:
        paired = d.paired
        assert paired is not None
        rows.append([
            Cell(d.measure), Cell("all courts" if d.court == "all" else d.court), Cell(format_level(found, d, paired.base), paired.base),
            Cell(format_level(found, d, paired.other), paired.other), Cell(format_difference(d), paired.difference), Cell(format_p(d), d.p_corrected),
            _needed(found, d),
        ])  # fmt: skip
    if not rows:
        return None
    every = [d for d in found.differences if d.against == name and d.at is None]
    same = sum(d.paired is not None and d.paired.same for d in every)
    caption = f"Measures that differ, at the end of {found.base.ends}; {same} of {len(every)} are exactly the same"
    caption += f", and the CSV has {len(here) - len(shown)} more" if len(here) > len(shown) else ""
    columns = ["measure", "court", "base", "other", "difference", "p", "replications needed"]
    return Table(
        f"differences-table-{k}", caption, columns, rows, _csv([d for d in found.differences if d.against == name])
    )


def _needed(found: Comparison, d: Difference) -> Cell:
    if _clear(found, d):
        return Cell("told apart" if found.replications > 1 else "")
    return Cell(format_needed(d), d.needed)


def _csv(differences: Sequence[Difference]) -> str:
    rows = [d.json() for d in differences]
    columns = list(rows[0]) if rows else []
    return as_csv(columns, ([row[c] for c in columns] for row in rows))


def _cases(found: Comparison, k: int, name: str) -> Table | None:
    pairs = found.cases.get(name)
    if not pairs:
        return None
    courts = list(dict.fromkeys(p.court for p in pairs))
    shown = ["all"] if len(courts) > 7 else sorted(courts, key=lambda court: court != "all")
    here = {(p.what, p.court): p for p in pairs}
    rows = []
    for what in dict.fromkeys(p.what for p in pairs):
        if what == ALIKE or here[what, "all"].mean:
            rows.append([Cell(what), *(Cell(number(here[what, c].mean, "cases"), here[what, c].mean) for c in shown)])
    columns = ["what is compared", *("all courts" if court == "all" else court for court in shown)]
    csv = as_csv(["what", "court", "mean", "low", "high"], ((p.what, p.court, p.mean, p.low, p.high) for p in pairs))
    return Table(f"cases-{k}", "Case by case, at the end of the run: how many cases are", columns, rows, csv)


def _changes(found: Comparison, k: int, name: str) -> Table | None:
    changes = found.changes.get(name)
    if not changes:
        return None
    rows = [[Cell(c.base), Cell(c.other), Cell(number(c.mean, "cases"), c.mean)] for c in changes]
    csv = as_csv(["base", "other", "mean"], ((c.base, c.other, c.mean) for c in changes))
    caption = "The most frequent changes: where the same case stands, or how it was decided"
    return Table(f"changes-{k}", caption, ["in the base", "in the other", "cases, mean"], rows, csv)
