"""Print the outcomes of `docketsim validate`."""

from __future__ import annotations

from collections.abc import Sequence

from simulations.checks.validation import CONFIDENCE, Outcome
from simulations.printing.terminal import new_console, print_table
from simulations.tables.table import text_table


def print_validation(outcomes: Sequence[Outcome]) -> None:
    """Print the outcome of each check, and how many failed."""
    console = new_console()
    rows = []
    for o in outcomes:
        exact = o.half_width is None
        estimate = f"{o.estimate:g}" if exact else f"{_figures(o.estimate)} ± {_figures(o.half_width or 0)}"
        expected = f"{o.expected:g} exactly" if exact else _figures(o.expected)
        z = "" if o.z is None else f"{o.z:+.1f}"
        rows.append((o.id, o.what, estimate, expected, z, "ok" if o.ok else "fails"))
    columns = ["check", "what", "estimate", "expected", "z", "verdict"]
    print_table(console, text_table("", columns, rows, n_text=2))
    failed = [o.id for o in outcomes if not o.ok]
    verdict = f"these fail: {', '.join(failed)}" if failed else "all ok"
    console.print(
        f"\n{len(outcomes)} checks, {verdict}. Exact checks compare event times; the others show half a {CONFIDENCE:.1%} confidence interval."
    )


def _figures(value: float) -> str:
    return f"{value:#.3g}".rstrip(".")
