"""Simulate the cases of a workflow: arrivals, staff, calendars, random durations and events.

The public functions are imported from this package: ``from simulations import load_scenario, run``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulations.calibrating.calibration import Calibration, calibrate
    from simulations.calibrating.hindcasting import Hindcast, hindcast
    from simulations.chance.draws import SamplePath
    from simulations.chance.own import own_distribution
    from simulations.comparing.comparison import Comparison, compare
    from simulations.comparing.differences import Difference
    from simulations.engines.simpy_engine import Simulation, simulate
    from simulations.loading import change_scenario, load_scenario
    from simulations.planning.forecasting import Forecast, forecast
    from simulations.planning.opening import open_run
    from simulations.planning.sensitivity import Sensitivity, sensitivity
    from simulations.planning.staffing import Staffing, staff
    from simulations.planning.sweeping import Sweep, sweep
    from simulations.report.looks import as_html
    from simulations.report.plots import ComparisonPlots, HindcastPlots, RunPlots, SensitivityPlots, SweepPlots
    from simulations.running.options import CalibrationOptions, EngineOptions, ReplicationOptions, RunOptions
    from simulations.running.results import Estimate, Series
    from simulations.running.run_result import RunResult
    from simulations.running.runs import run
    from simulations.running.verifying import Verification, verify
    from simulations.scenarios.plan import make_plan
    from simulations.scenarios.scenario import Scenario
    from simulations.statements.answers import answer_of

__all__ = [
    "Calibration",
    "CalibrationOptions",
    "Comparison",
    "ComparisonPlots",
    "Difference",
    "EngineOptions",
    "Estimate",
    "Forecast",
    "Hindcast",
    "HindcastPlots",
    "ReplicationOptions",
    "RunOptions",
    "RunPlots",
    "RunResult",
    "SamplePath",
    "Scenario",
    "Sensitivity",
    "SensitivityPlots",
    "Series",
    "Simulation",
    "Staffing",
    "Sweep",
    "SweepPlots",
    "Verification",
    "answer_of",
    "as_html",
    "calibrate",
    "change_scenario",
    "compare",
    "forecast",
    "hindcast",
    "load_scenario",
    "make_plan",
    "open_run",
    "own_distribution",
    "run",
    "sensitivity",
    "simulate",
    "staff",
    "sweep",
    "verify",
]

_HOME = {
    "Calibration": "calibrating.calibration",
    "Hindcast": "calibrating.hindcasting",
    "calibrate": "calibrating.calibration",
    "hindcast": "calibrating.hindcasting",
    "ComparisonPlots": "report.plots",
    "Comparison": "comparing.comparison",
    "HindcastPlots": "report.plots",
    "Forecast": "planning.forecasting",
    "CalibrationOptions": "running.options",
    "Difference": "comparing.differences",
    "Estimate": "running.results",
    "Series": "running.results",
    "EngineOptions": "running.options",
    "ReplicationOptions": "running.options",
    "RunOptions": "running.options",
    "RunPlots": "report.plots",
    "RunResult": "running.run_result",
    "SamplePath": "chance.draws",
    "Scenario": "scenarios.scenario",
    "Sensitivity": "planning.sensitivity",
    "SensitivityPlots": "report.plots",
    "Simulation": "engines.simpy_engine",
    "Staffing": "planning.staffing",
    "SweepPlots": "report.plots",
    "Sweep": "planning.sweeping",
    "Verification": "running.verifying",
    "answer_of": "statements.answers",
    "as_html": "report.looks",
    "change_scenario": "loading",
    "compare": "comparing.comparison",
    "forecast": "planning.forecasting",
    "load_scenario": "loading",
    "make_plan": "scenarios.plan",
    "open_run": "planning.opening",
    "own_distribution": "chance.own",
    "run": "running.runs",
    "sensitivity": "planning.sensitivity",
    "simulate": "engines.simpy_engine",
    "staff": "planning.staffing",
    "sweep": "planning.sweeping",
    "verify": "running.verifying",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package is cheap."""
    if name in _HOME:
        return getattr(import_module(f"simulations.{_HOME[name]}"), name)
    raise AttributeError(f"module 'simulations' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, which are imported on first use."""
    return sorted(__all__)
