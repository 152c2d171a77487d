"""The page of a check of a fit: the verdict, pending cases beside the band, cycle times, and distances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from simulations.fitting.checking import FitCheck
from simulations.report.document import Document, Items, Note, Section, Tiles, write_document
from simulations.report.figure import BLACK, BLUE, SKY, VERMILION, WIDTH, Figure, altair, day_axis, drawn, end_of
from simulations.tables.table import Cell, Table, as_csv


def write_fit_check(check: FitCheck, out: Path) -> None:
    """Write the page of a check.

    Raises
    ------
    WriteFailed
        If it cannot be written.
    """
    write_document(fit_check_document(check), out)


def fit_check_document(check: FitCheck) -> Document:
    """Return the page."""
    scenario, n = check.scenario, len(check.simulated)
    how = (
        f"{scenario.starts} to the day before {check.until}: {check.source} beside {n} replications. Bands hold 90% of the replications;"
        " if the scenario is right, so does the log, as one more course of events."
    )
    tiles = [(name, f"{observed:,} (band {low:,.0f} to {high:,.0f})") for name, observed, low, _, high in check.counts]
    verdict = Note(check.verdict, "lead" if check.held else "warning")
    sections = [
        Section("verdict", "Verdict", [verdict, Tiles(tiles), distances_table(check)]),
        Section("pending", "Pending cases", [pending_figure(check), pending_table(check)]),
        Section("cycle-times", "Cycle times", [cycle_figure(check)]),
        Section("about", "How to read this", [Items("Method", _METHOD)]),
    ]
    return Document(
        f"{scenario.name}: check of a fit",
        f"{scenario.name}: does the fit hold?",
        check.verdict,
        how,
        sections,
        f"Workflow {scenario.workflow.name}.",
    )


_METHOD = (
    "The scenario knows nothing of these months. If it is right, they are one more replication of it.",
    "Each distance of the log is compared with the distances of the replications from each other; p is its rank, adjusted for their number (Holm).",
    "Cycle times are those of the cases that ended in these months, in the log and in each replication; their distance is that of Wasserstein, in days.",
    "Arrivals are compared as totals over time and as times; pending cases date by date; moves by the frequencies of three in a row.",
    "A p above 0.05 does not prove the scenario right. It says that these months do not show it to be wrong.",
)


def distances_table(check: FitCheck) -> Table:
    """Return the distances with their tests."""
    rows = [
        [
            Cell(d.name),
            *(Cell(f"{v:.3g} {d.unit}", v) for v in (d.observed, d.usual, d.far)),
            Cell(f"{d.p:.3f}", d.p),
            Cell("differs" if d.differs else "no more than chance"),
        ]
        for d in check.distances
    ]
    names = ["name", "unit", "observed", "usual", "far", "p"]
    text = as_csv(names, ([getattr(d, name) for name in names] for d in check.distances))
    columns = ["distance of", "the log", "a replication", "95% of replications below", "p", "verdict"]
    return Table("distances", "Distances from the replications", columns, rows, text)


def pending_table(check: FitCheck) -> Table:
    """Return the pending cases on each date."""
    rows, data = [], []
    for day, observed, low, median, high in _pending_rows(check):
        inside = low <= observed <= high
        rows.append(
            [Cell(str(day)), *(Cell(f"{v:,.0f}", v) for v in (observed, low, median, high)), Cell("yes" if inside else "no")]
        )
        data.append([day, observed, low, median, high, inside])
    columns = ["end of", "log", "low", "median", "high", "inside the band?"]
    return Table(
        "pending-dates", "Pending cases", columns, rows, as_csv(["at", "observed", "low", "median", "high", "inside"], data)
    )


def _pending_rows(check: FitCheck) -> list[tuple[Any, ...]]:
    columns = (check.observed.pending, check.low, check.median, check.high)
    return list(zip(check.dates, *(column.tolist() for column in columns), strict=True))


def pending_figure(check: FitCheck) -> Figure:
    """Draw the pending cases of the log over the band of the scenario."""
    alt: Any = altair()
    data = [
        {
            "at": end_of(day),
            "observed": o,
            "low": low,
            "median": m,
            "high": high,
            "held": "inside" if low <= o <= high else "outside",
        }
        for day, o, low, m, high in _pending_rows(check)
    ]
    base = alt.Chart(alt.Data(values=data)).encode(x=day_axis("at"))
    y = alt.Y("low:Q", title="pending cases", scale=alt.Scale(zero=False))
    band = base.mark_area(color=SKY, opacity=0.4).encode(y=y, y2="high:Q")
    middle = base.mark_line(color=BLUE, strokeDash=[6, 3]).encode(y="median:Q")
    line = base.mark_line(color=BLACK).encode(y="observed:Q")
    colour = alt.Color("held:N", scale=alt.Scale(domain=["inside", "outside"], range=[BLACK, VERMILION]))
    shape = alt.Shape("held:N", scale=alt.Scale(domain=["inside", "outside"], range=["circle", "triangle-up"]))
    dots = base.mark_point(filled=True, size=55, opacity=1).encode(y="observed:Q", color=colour, shape=shape)
    chart = alt.layer(band, middle, line, dots).properties(width=WIDTH, height=260)
    text = "Line with dots: the log. Area: 90% band of the scenario. Dashed line: its median."
    heading = f"Pending cases: inside the band on {check.inside} of {len(check.dates)} dates"
    return drawn("pending", "Pending cases", [heading], [text], chart, pending_table(check).csv)


def cycle_figure(check: FitCheck) -> Figure:
    """Draw the share of cases that took at most so many days, in the log and in the replications together."""
    alt: Any = altair()
    simulated = np.concatenate([course.cycle_days for course in check.simulated])
    levels = np.linspace(0.01, 0.99, 50)
    data = []
    for name, values in (("log", check.observed.cycle_days), ("scenario", simulated)):
        if len(values):
            data += [{"what": name, "days": float(np.quantile(values, q)), "share": float(q)} for q in levels]
    scale = alt.Scale(domain=["log", "scenario"], range=[BLACK, BLUE])
    dash = alt.Scale(domain=["log", "scenario"], range=[[1, 0], [6, 3]])
    chart = (
        alt.Chart(alt.Data(values=data))
        .mark_line()
        .encode(
            x=alt.X("days:Q", title="days from arrival to the end"),
            y=alt.Y("share:Q", title="share of the cases that ended", axis=alt.Axis(format="%")),
            color=alt.Color("what:N", scale=scale),
            strokeDash=alt.StrokeDash("what:N", scale=dash),
        )
        .properties(width=WIDTH, height=240)
    )
    medians = [f"{np.median(v):.3g} days" if len(v) else "none" for v in (check.observed.cycle_days, simulated)]
    heading = f"Cycle times: median {medians[0]} in the log, {medians[1]} in the scenario"
    text = "Cases that ended in these months: the share that had taken at most so many days since their arrival."
    return drawn(
        "cycle",
        "Cycle times",
        [heading],
        [text],
        chart,
        as_csv(["what", "days", "share"], ([d["what"], d["days"], d["share"]] for d in data)),
    )
