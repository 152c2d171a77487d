"""The answer of a result: its main results in sentences."""

from __future__ import annotations

from simulations.comparing.comparison import Comparison
from simulations.planning.forecasting import Forecast
from simulations.planning.staffing import Staffing
from simulations.planning.sweeping import Sweep
from simulations.running.run_result import RunResult
from simulations.statements.of_comparisons import answer_of_comparison
from simulations.statements.of_plans import answer_of_forecast, answer_of_staffing, answer_of_sweep
from simulations.statements.of_runs import answer


def answer_of(result: RunResult | Comparison | Sweep | Forecast | Staffing) -> list[str]:
    """Return the main results in sentences, the most important first; warnings are last.

    They are those that the command prints, and `result.sentences`.
    """
    if isinstance(result, RunResult):
        statements = answer(result)
    elif isinstance(result, Comparison):
        statements = answer_of_comparison(result)
    elif isinstance(result, Sweep):
        statements = answer_of_sweep(result)
    elif isinstance(result, Forecast):
        statements = answer_of_forecast(result)
    else:
        statements = answer_of_staffing(result)
    return [f"{statement.text.removesuffix('.')}." for statement in statements]
