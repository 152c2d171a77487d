"""Tables of a calibration and of a hindcast."""

from __future__ import annotations

from simulations.calibrating.calibration import Calibration
from simulations.calibrating.hindcasting import Hindcast
from simulations.measuring.descriptors import describe
from simulations.tables.formatting import format_range, number
from simulations.tables.table import Cell, Table, as_csv


def inputs_table(result: Calibration) -> Table:
    """Return prior and posterior of each input, side by side."""
    rows = [
        [
            Cell(m.name),
            Cell(f"{m.prior:.4g} ({m.prior_low:.4g} to {m.prior_high:.4g})", m.prior),
            Cell(f"{m.posterior:.4g} ({m.posterior_low:.4g} to {m.posterior_high:.4g})", m.posterior),
        ]
        for m in result.margins
    ]
    names = ["name", "prior", "prior_low", "prior_high", "posterior", "posterior_low", "posterior_high"]
    text = as_csv(names, ([getattr(m, name) for name in names] for m in result.margins))
    title = f"Inputs before and after: median ({result.confidence:.0%} interval)"
    return Table("inputs", title, ["input", "prior", "posterior"], rows, text)


def figures_table(result: Calibration) -> Table:
    """Return what the posterior has in place of each published figure."""
    units = {name: d.unit for name, d in describe(result.scenario).items()}
    rows = []
    for f in result.fits:
        unit = units[f.figure.measure]
        value = number(f.figure.value, unit) if f.used else "not read"
        band = format_range(f.low, f.high, unit)
        cells = [f.figure.measure, f.figure.court, str(f.figure.at), value, number(f.median, unit), band, f"{f.explained:.0%}"]
        rows.append([Cell(text) for text in cells])
    names = ["measure", "court", "at", "published", "median", "low", "high", "explained"]
    data = (
        [f.figure.measure, f.figure.court, f.figure.at, f.figure.value if f.used else None, f.median, f.low, f.high, f.explained]
        for f in result.fits
    )
    columns = ["measure", "court", "day", "published", "median", f"{result.confidence:.0%} band", "emulator explains"]
    return Table("figures", f"Figures given those up to {result.until}", columns, rows, as_csv(names, data), n_text=2)


def scores_table(result: Hindcast) -> Table:
    """Return each forecast with the fact."""
    units = {name: d.unit for name, d in describe(result.scenario).items()}
    rows = []
    for s in result.scores:
        unit = units[s.figure.measure]
        plain = "" if s.plain is None else number(s.plain, unit)
        cells = [str(s.as_of), s.figure.measure, s.figure.court, str(s.figure.at), number(s.figure.value, unit)]
        cells += [
            number(s.median, unit),
            format_range(s.low, s.high, unit),
            "yes" if s.inside else "no",
            number(s.crps, unit),
            plain,
        ]
        rows.append([Cell(text) for text in cells])
    names = ["as_of", "measure", "court", "at", "published", "median", "low", "high", "inside", "crps", "plain", "plain_error"]
    text = as_csv(names, ([s.json()[name] for name in names] for s in result.scores))
    columns = [
        "as of",
        "measure",
        "court",
        "day",
        "published",
        "median",
        f"{result.confidence:.0%} band",
        "inside?",
        "CRPS",
        "last trend",
    ]
    return Table("forecasts", "Forecasts and what was published later", columns, rows, text, n_text=4)
