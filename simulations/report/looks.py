"""Results as HTML: the answer in sentences, and the leading measures. Notebooks show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulations.calibrating.calibration import Calibration
from simulations.calibrating.hindcasting import Hindcast
from simulations.comparing.comparison import Comparison
from simulations.planning.forecasting import Forecast
from simulations.planning.sensitivity import Sensitivity
from simulations.planning.staffing import Staffing
from simulations.planning.sweeping import Sweep
from simulations.printing.calibration_tables import print_calibration, print_hindcast
from simulations.printing.planning_tables import print_forecast, print_staffing
from simulations.printing.run_tables import shown_courts
from simulations.printing.sensitivity_table import print_sensitivity
from simulations.printing.terminal import captured, describe_replications
from simulations.running.run_result import RunResult
from simulations.statements.of_comparisons import growing_in_each, main_result
from simulations.statements.of_runs import answer, growing
from simulations.statements.statement import Statement
from simulations.tables.comparison import difference_table
from simulations.tables.formatting import court_title, format_replications, format_when
from simulations.tables.ranking import ranked
from simulations.tables.run import (
    court_table,
    estimates_by_court,
    leading_measures,
    measures_of,
    published_table,
    row_titles,
    without_bands,
)
from simulations.tables.sweep import sweep_table
from simulations.tables.table import Table
from workflow.drawing import html

if TYPE_CHECKING:
    from rich.console import Console

_MOST_ROWS = 12


def as_html(result: RunResult | Comparison | Sweep | Sensitivity | Forecast | Staffing | Calibration | Hindcast) -> str:
    """Return a result as HTML: its main results in sentences, and a table of its leading measures.

    It is what a notebook shows. It is one ``<div>`` without scripts, for a page of your own.
    """
    if isinstance(result, RunResult):
        return _of_run(result)
    if isinstance(result, Comparison):
        return _of_comparison(result)
    if isinstance(result, Sweep):
        return _of_sweep(result)
    return html.page(html.preformatted(captured(lambda console: _print(result, console))))


def _print(result: Sensitivity | Forecast | Staffing | Calibration | Hindcast, console: Console) -> None:
    if isinstance(result, Sensitivity):
        print_sensitivity(result, console)
    elif isinstance(result, Forecast):
        print_forecast(result, console)
    elif isinstance(result, Calibration):
        print_calibration(result, console)
    elif isinstance(result, Hindcast):
        print_hindcast(result, console)
    else:
        print_staffing(result, console)


def _of_run(result: RunResult) -> str:
    scenario, n = result.scenario, len(result.replications)
    courts = {court: court_title(court, scenario) for court in shown_courts(scenario.courts, result.selection)}
    estimates = estimates_by_court(result)
    names = [name for name in leading_measures(result) if any((name, court) in estimates for court in courts)]
    names = names or [m.name for m in measures_of(result)][:_MOST_ROWS]
    table = court_table(
        result, "", f"Leading measures, {format_when(None, scenario.ends)}", names, courts, titles=row_titles(scenario)
    )
    published = published_table(result)
    return html.page(
        html.heading(f"{scenario.name}: {scenario.starts} to {scenario.ends}, {format_replications(n)}, seed {result.seed}"),
        _sentences(answer(result)),
        _table(None if published is None else (published if n > 1 else without_bands(published)).without("source")),
        _table(table),
        html.paragraph(f"{describe_replications(n, result.confidence)}. Run folder: {result.folder}"),
    )


def _of_comparison(comparison: Comparison) -> str:
    n, parts = comparison.replications, list[str]()
    for name in comparison.against:
        most = ranked(comparison, name)[:_MOST_ROWS]
        title = f"The differences that stand out, {format_when(None, comparison.base.ends)}"
        table = difference_table(comparison, most, title, titles=row_titles(comparison.base)).without(
            "correlation", "var. reduction", "runs needed"
        )
        parts += [html.heading(f"{name} against {comparison.base.name}, the base"), _sentences(main_result(comparison, name))]
        parts.append(_table(table))
    how = (
        f"{format_replications(n)} each, seed {comparison.seed}; {describe_replications(n, comparison.confidence, 'differences')}"
    )
    return html.page(*parts, _sentences(growing_in_each(comparison)), html.paragraph(f"{how}. Run folders: {comparison.folder}"))


def _of_sweep(sweep: Sweep) -> str:
    n, courts = sweep.replications, dict.fromkeys(court for _, court in sweep.shown)
    grows = [s for point in sweep.points for s in growing(point.growing, f" at {', '.join(point.texts)}")]
    how = f"{format_replications(n)} at each point, seed {sweep.seed}; {describe_replications(n, sweep.confidence)}"
    return html.page(
        html.heading(f"{sweep.name} at {len(sweep.points)} points"),
        *(_table(sweep_table(sweep, court)) for court in courts),
        _sentences(grows),
        html.paragraph(f"{how}. Run folders: {sweep.folder}"),
    )


def _sentences(statements: Sequence[Statement]) -> str:
    return html.items([f"{statement.text.removesuffix('.')}." for statement in statements])


def _table(table: Table | None) -> str:
    if table is None:
        return ""
    return html.table(table.columns, [[cell.text for cell in row] for row in table.rows], table.title, table.n_text)
