"""Tables of a comparison: paired differences, the case-by-case comparison, and the most frequent changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from simulations.comparing.case_pairs import ALIKE
from simulations.comparing.comparison import Comparison
from simulations.comparing.differences import Difference
from simulations.measuring.descriptors import describe
from simulations.tables.formatting import court_title, format_both, format_mean, number_cell
from simulations.tables.table import Cell, Table, json_csv
from simulations.timing.clock import MICROSECONDS_PER_DAY

_NAMES: Mapping[str, str] = MappingProxyType({})


def is_clear(comparison: Comparison, d: Difference) -> bool:
    """Return whether a difference is significant or certain; with a single replication, where nothing is tested, each is."""
    return d.is_significant(comparison.confidence) or d.certain or comparison.replications < 2


def difference_table(
    comparison: Comparison, differences: Sequence[Difference], title: str, key: str = "", titles: Mapping[str, str] = _NAMES
) -> Table:
    """Return a table with a row for each difference, without a CSV.

    Parameters
    ----------
    titles : mapping of str to str
        The heading of each row. Default: the names of the measures, which options take.
    """
    columns = ["measure", "court", "base", "other", "difference", "p", "correlation", "var. reduction"]
    rows = []
    for d in differences:
        paired = d.paired
        assert paired is not None
        rows.append(
            [
                Cell(titles.get(d.measure, d.measure)),
                Cell(court_title(d.court, comparison.base)),
                *(Cell(level, value) for level, value in zip(format_levels(comparison, d), (paired.base, paired.other), strict=True)),
                Cell(format_difference(d), paired.difference),
                Cell(_format_p(d.p_corrected), d.p_corrected),
                Cell("" if paired.correlation is None else f"{paired.correlation:z.2f}", paired.correlation),
                Cell("" if paired.variance_reduction is None else f"{paired.variance_reduction:.1f}", paired.variance_reduction),
                _needed(comparison, d),
            ]
        )  # fmt: skip
    return Table(key, title, [*columns, "runs needed"], rows, n_text=2)


def format_levels(comparison: Comparison, d: Difference) -> tuple[str, str]:
    """Format the values of the base and of the other scenario, to the place of their difference; points in time as dates."""
    paired = d.paired
    assert paired is not None
    values = (paired.base, paired.other)
    if describe(comparison.base)[d.measure].is_date:
        one, two = (str(comparison.base.epoch.date(round(value * MICROSECONDS_PER_DAY))) for value in values)
    else:
        one, two = format_both(*values, (paired.difference, paired.low, paired.high), d.unit)
    return one, two


def row_size(d: Difference) -> float:
    """Return the value that determines the unit of time of a row: the larger of both levels."""
    assert d.paired is not None
    return max(abs(d.paired.base), abs(d.paired.other))


def format_difference(d: Difference) -> str:
    """Format the difference with its sign and half the width of its interval, or with the reason why it has none."""
    paired = d.paired
    if paired is None:
        return ""
    text = format_mean(paired.difference, paired.low, paired.high, d.unit, signed=True, size=row_size(d))
    if d.certain:
        return f"certain: {text}"
    return f"the same in all {paired.n} replications: {text}" if paired.constant else text


def _format_p(p: float | None) -> str:
    return "" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _needed(comparison: Comparison, d: Difference) -> Cell:
    """Return the estimated number of replications that would make the difference significant."""
    if is_clear(comparison, d):
        return Cell("significant" if d.is_significant(comparison.confidence) else "")
    if d.paired is not None and d.paired.constant:
        return Cell("not tested")
    if d.needed is not None:
        return Cell(f"{d.needed:,}", d.needed)
    return Cell("no difference seen" if d.paired is None or d.paired.difference == 0 else "more than a million")


def differences_csv(differences: Sequence[Difference]) -> str:
    """Return one row for each difference, with the names that ``--json`` has."""
    return json_csv(list(differences[0].json()) if differences else [], differences)


def case_table(comparison: Comparison, against: str, courts: Mapping[str, str], key: str = "") -> Table | None:
    """Return the number of cases that end differently or alike, by court; ``None`` without event logs.

    Parameters
    ----------
    against : str
        The name of the other scenario.
    courts : mapping of str to str
        The heading of each court.
    """
    pairs = {(p.what, p.court): p for p in comparison.cases.get(against, ())}
    rows = []
    for what in dict.fromkeys(what for what, _ in pairs):
        if what == ALIKE or pairs[what, "all"].mean:
            cells = []
            for p in (pairs[what, court] for court in courts):
                cells.append(Cell(format_mean(p.mean, p.low, p.high, "cases"), p.mean))
            rows.append([Cell(what), *cells])
    title = "Case by case, at the end of the run: number of cases"
    text = json_csv(["what", "court", "mean", "low", "high"], pairs.values())
    return Table(key, title, ["what is compared", *courts.values()], rows, text) if rows else None


def change_table(comparison: Comparison, against: str, most: int | None = None, key: str = "") -> Table | None:
    """Return the most frequent changes of single cases, or ``None`` if there are none."""
    changes = comparison.changes.get(against, [])
    rows = [[Cell(c.base), Cell(c.other), number_cell(c.mean, "cases")] for c in changes[:most]]
    text = json_csv(["base", "other", "mean"], changes)
    title = "Most frequent changes of single cases, mean over replications"
    return Table(key, title, ["in the base", "in the other", "cases"], rows, text, n_text=2) if rows else None
