"""What the world does to the cases of a workflow, and how long it takes.

The verbs are functions of this package: ``from simulations import load_scenario, run``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulations.comparison import Comparison, compare
    from simulations.draws import SamplePath
    from simulations.forecasting import Forecast, forecast
    from simulations.loading import load_scenario
    from simulations.plan import make_plan
    from simulations.run_result import RunResult
    from simulations.runs import run
    from simulations.scenario import Scenario
    from simulations.simpy_engine import Simulation, simulate
    from simulations.staffing import Staffing, staff
    from simulations.sweeping import Sweep, sweep
    from simulations.verifying import Verification, verify

__all__ = [
    "Comparison",
    "Forecast",
    "RunResult",
    "SamplePath",
    "Scenario",
    "Simulation",
    "Staffing",
    "Sweep",
    "Verification",
    "compare",
    "forecast",
    "load_scenario",
    "make_plan",
    "run",
    "simulate",
    "staff",
    "sweep",
    "verify",
]

_HOME = {
    "Comparison": "comparison",
    "Forecast": "forecasting",
    "RunResult": "run_result",
    "SamplePath": "draws",
    "Scenario": "scenario",
    "Simulation": "simpy_engine",
    "Staffing": "staffing",
    "Sweep": "sweeping",
    "Verification": "verifying",
    "compare": "comparison",
    "forecast": "forecasting",
    "load_scenario": "loading",
    "make_plan": "plan",
    "run": "runs",
    "simulate": "simpy_engine",
    "staff": "staffing",
    "sweep": "sweeping",
    "verify": "verifying",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package is cheap."""
    if name in _HOME:
        return getattr(import_module(f"simulations.{_HOME[name]}"), name)
    raise AttributeError(f"module 'simulations' has no attribute {name!r}")
