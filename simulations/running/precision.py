"""The required precision of a run: half-widths of confidence intervals, as ``--precision`` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulations.measuring.descriptors import describe
from simulations.running.results import Estimate
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names


@dataclass(frozen=True, slots=True)
class Precision:
    """The required half-width of a confidence interval: relative to the mean, or in the unit of the measure."""

    measure: str
    half_width: float
    relative: bool

    @classmethod
    def parse(cls, text: str, scenario: Scenario) -> Precision:
        """Parse ``amenable=2%``, ``review_finished=1d`` or ``pending=50``."""
        name, equals, amount = (part.strip() for part in text.partition("="))
        measures = describe(scenario)
        if not equals:
            raise InputError([f"precision {text}: must be measure=width, such as amenable=2% or review_finished=1d"])
        if name not in measures:
            hint = nearest(name, measures) or f" Known: {format_names(measures, 60)}."
            raise InputError([f"precision {text}: {name!r} is not a measure.{hint}"])
        relative = amount.endswith("%")
        in_days = measures[name].unit == "days"
        number = amount.rstrip("%") if relative else amount.removesuffix("d") if in_days else amount
        try:
            width = float(number) / (100 if relative else 1)
        except ValueError:
            width = -1.0
        if not 0 < width < float("inf"):
            raise InputError([f"precision {text}: {amount!r} is not a width above 0, such as 2%, 1d or 50"])
        return cls(name, width, relative)

    def met(self, all_estimates: Sequence[Estimate]) -> bool:
        """Return whether the intervals of the measure are narrow enough in every court."""
        for estimate in all_estimates:
            if (estimate.measure, estimate.by, estimate.at) != (self.measure, None, None):
                continue
            allowed = self.half_width * abs(estimate.mean or 0.0) if self.relative else self.half_width
            if estimate.mean is None or estimate.half_width is None or estimate.half_width > allowed:
                return False
        return True
