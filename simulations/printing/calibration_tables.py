"""Print a calibration, and a hindcast."""

from __future__ import annotations

from rich.console import Console

from simulations.calibrating.calibration import SCENARIO, Calibration
from simulations.calibrating.hindcasting import Hindcast
from simulations.printing.terminal import new_console, print_table
from simulations.tables.calibration import figures_table, forecasts_table, inputs_table, scores_table
from simulations.tables.formatting import number

_FEW_DRAWS = 100


def print_calibration(result: Calibration, console: Console | None = None) -> None:
    """Print prior and posterior, the figures, and what is wrong. Default: to standard output."""
    console = console or new_console(markup=False)
    console.print(f"{result.scenario.name}, calibrated until {result.until}: {result.n_runs} runs, seed {result.seed}.")
    print_table(console, inputs_table(result))
    print_table(console, figures_table(result))
    if result.forecasts:
        print_table(console, forecasts_table(result))
    console.print()
    if far := result.out_of_reach:
        listed = ", ".join(f"{f.measure} of {f.court} {number(f.value, 'cases')} on {f.at}" for f in far)
        console.print(f"Warning: this model cannot have these figures with any inputs that were tried: {listed}.")
    if result.effective < _FEW_DRAWS:
        console.print(f"Warning: the posterior has only {result.effective:.0f} effective draws; it is rough.")
    else:
        console.print(f"The posterior has {result.effective:,.0f} effective draws.")
    if result.sizes:
        sizes = ", ".join(f"{name} {size:.2f}" for name, size in result.sizes.items())
        console.print(f"Size of the discrepancy between model and world, median: {sizes}.")
    console.print(f"Calibrated scenario: {result.folder / SCENARIO}")


def print_hindcast(result: Hindcast, console: Console | None = None) -> None:
    """Print the forecasts beside the facts, and the verdict. Default: to standard output."""
    console = console or new_console(markup=False)
    print_table(console, scores_table(result))
    console.print(f"\n{result.verdict}")
    console.print(f"Forecasts and runs: {result.folder}")
