"""Print the outcomes of `docketsim validate`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from simulations.checks.validation import CONFIDENCE, Outcome
from simulations.printing.run_tables import new_table

__all__ = ["print_validation"]


def print_validation(outcomes: Sequence[Outcome]) -> None:
    """Print what came out of the checks of an installation."""
    console = Console(highlight=False, soft_wrap=False)
    table = new_table("", "check", "what", "estimate", "expected", "z", "verdict")
    table.columns[1].justify = "left"
    for o in outcomes:
        exact = o.half_width is None
        estimate = f"{o.estimate:g}" if exact else f"{_figures(o.estimate)} ± {_figures(o.half_width or 0)}"
        expected = f"{o.expected:g} exactly" if exact else _figures(o.expected)
        verdict = "ok" if o.ok else "[bold]fails[/bold]"
        table.add_row(o.id, o.what, estimate, expected, "" if o.z is None else f"{o.z:+.1f}", verdict)
    console.print(table)
    wrong = [o.id for o in outcomes if not o.ok]
    said = f"these fail: {', '.join(wrong)}" if wrong else "all ok"
    console.print(
        f"\n{len(outcomes)} checks, {said}. Exact ones count event times; the others give half of a {CONFIDENCE:.1%} interval."
    )


def _figures(value: float) -> str:
    return f"{value:#.3g}".rstrip(".")
