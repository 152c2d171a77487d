"""Tables of a sensitivity analysis: the effect of each input, and Sobol' indices."""

from __future__ import annotations

from simulations.measuring.descriptors import describe
from simulations.planning.sensitivity import Effect, Sensitivity
from simulations.tables.formatting import format_mean, number
from simulations.tables.table import Cell, Table, as_csv


def effects_table(result: Sensitivity) -> Table:
    """Return the effect of each input, the largest first."""
    measure = describe(result.scenario)[result.measure]
    unit, title = measure.unit, measure.title
    rows = [
        [
            Cell(e.name),
            Cell(f"{e.low:.4g} to {e.high:.4g}", e.low),
            *(Cell("" if v is None else number(v, unit), v) for v in (e.at_low, e.at_high)),
            Cell(_difference(e, unit), e.difference),
        ]
        for e in result.effects
    ]
    names = ["name", "low", "high", "at_low", "at_high", "difference", "difference_low", "difference_high"]
    text = as_csv(names, ([getattr(e, name) for name in names] for e in result.effects))
    columns = ["input", "from, to", "at the low end", "at the high end", "difference"]
    return Table("effects", f"{title}, one input at a time, the others at their medians", columns, rows, text)


def _difference(effect: Effect, unit: str) -> str:
    if effect.difference is None:
        return ""
    return format_mean(effect.difference, effect.difference_low, effect.difference_high, unit, signed=True)


def sobol_table(result: Sensitivity) -> Table | None:
    """Return the Sobol' indices, the largest total first; ``None`` if they were not computed."""
    if result.indices is None:
        return None
    rows = [
        [
            Cell(name),
            Cell(f"{i.first:.2f} ({i.first_low:.2f} to {i.first_high:.2f})", i.first),
            Cell(f"{i.total:.2f} ({i.total_low:.2f} to {i.total_high:.2f})", i.total),
        ]
        for name, i in result.indices.items()
    ]
    names = ["first", "first_low", "first_high", "total", "total_low", "total_high"]
    text = as_csv(["name", *names], ([name, *(getattr(i, n) for n in names)] for name, i in result.indices.items()))
    title = describe(result.scenario)[result.measure].title
    columns = ["input", "alone", "with others"]
    return Table("sobol", f"Share of the variance of {title} (Sobol' indices)", columns, rows, text)
