"""Tables of a calibration and of a hindcast."""

from __future__ import annotations

from simulations.calibrating.calibration import Calibration, Fit
from simulations.calibrating.hindcasting import Hindcast
from simulations.measuring.descriptors import describe
from simulations.tables.formatting import court_title, format_range, number
from simulations.tables.run import row_titles
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
    """Return what the model alone has, with the posterior of the inputs, in place of each figure that was used."""
    units = {name: d.unit for name, d in describe(result.scenario).items()}
    used = [f for f in result.fits if f.used]
    rows = []
    for f in used:
        named, middle, share = _fit_cells(f, result, units[f.figure.measure])
        rows.append([Cell(text) for text in (*named, number(f.figure.value, units[f.figure.measure]), *middle, share)])
    names = ["measure", "court", "at", "published", *_FIT_COLUMNS]
    text = as_csv(names, ([f.figure.measure, f.figure.court, f.figure.at, f.figure.value, *_fit_values(f)] for f in used))
    columns = ["measure", "court", "day", "published", "model", f"{result.confidence:.0%} interval", "emulator explains"]
    return Table("figures", f"Figures up to {result.until}, and the calibrated model alone", columns, rows, text, n_text=2)


def forecasts_table(result: Calibration) -> Table:
    """Return the forecasts of later figures."""
    units = {name: d.unit for name, d in describe(result.scenario).items()}
    rows = []
    for f in result.forecasts:
        named, middle, share = _fit_cells(f, result, units[f.figure.measure])
        rows.append([Cell(text) for text in (*named, *middle, share)])
    names = ["measure", "court", "at", *_FIT_COLUMNS]
    text = as_csv(names, ([f.figure.measure, f.figure.court, f.figure.at, *_fit_values(f)] for f in result.forecasts))
    columns = ["measure", "court", "day", "median", f"{result.confidence:.0%} band", "emulator explains"]
    title = f"Forecasts as of {result.until}: nothing published later was read"
    return Table("forecasts", title, columns, rows, text, n_text=2)


_FIT_COLUMNS = ["median", "low", "high", "explained"]


def _fit_cells(fit: Fit, result: Calibration, unit: str) -> tuple[list[str], list[str], str]:
    """Return the cells that name a figure, those of the posterior, and the share that the emulator explains."""
    named = [row_titles(result.scenario)[fit.figure.measure], court_title(fit.figure.court, result.scenario), str(fit.figure.at)]
    return named, [number(fit.median, unit), format_range(fit.low, fit.high, unit)], f"{fit.explained:.0%}"


def _fit_values(fit: Fit) -> list[float]:
    return [fit.median, fit.low, fit.high, fit.explained]


def scores_table(result: Hindcast) -> Table:
    """Return each forecast with the fact."""
    units = {name: d.unit for name, d in describe(result.scenario).items()}
    rows, titles = [], row_titles(result.scenario)
    for s in result.scores:
        unit = units[s.figure.measure]
        plain = "" if s.plain is None else number(s.plain, unit)
        cells = [
            str(s.as_of),
            titles[s.figure.measure],
            court_title(s.figure.court, result.scenario),
            str(s.figure.at),
            number(s.figure.value, unit),
        ]
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
