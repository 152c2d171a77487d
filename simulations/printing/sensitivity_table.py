"""Print a sensitivity analysis."""

from __future__ import annotations

from rich.console import Console

from simulations.planning.sensitivity import Sensitivity
from simulations.printing.terminal import describe_replications, new_console, print_table
from simulations.tables.formatting import court_title, format_replications, format_when
from simulations.tables.sensitivity import effects_table, sobol_table


def print_sensitivity(result: Sensitivity, console: Console | None = None) -> None:
    """Print the effect of each input, and Sobol' indices. Default: to standard output."""
    console, n = console or new_console(), result.replications
    when = format_when(result.at, result.scenario.ends)
    console.print(
        f"{result.scenario.name}: {result.measure}, {court_title(result.court, result.scenario)}, {when};"
        f" {format_replications(n)} of each setting, seed {result.seed}, paired;"
        f" {describe_replications(n, result.confidence, 'differences')}.",
        markup=False,
    )
    print_table(console, effects_table(result))
    print_table(console, sobol_table(result))
    if result.indices is not None:
        note = f"In parentheses: {result.confidence:.0%} bootstrap intervals. chance stands for the random draws of a run."
        console.print(note, markup=False)
