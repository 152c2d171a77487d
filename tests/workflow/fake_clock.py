"""A clock for the prover that does not depend on the speed of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

MODULES = ("budget", "proof", "fact_space")


class Clock:
    """Replace the module `time`.

    Attributes
    ----------
    now : float
        Seconds.
    step : float
        Seconds that pass with each reading.
    """

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def perf_counter(self) -> float:
        """Return the seconds, and let a step pass."""
        self.now += self.step
        return self.now

    monotonic = perf_counter


@contextmanager
def fake_clock(step: float = 0.0) -> Iterator[Clock]:
    """Give the prover a clock that stands still, or advances by a step with each reading."""
    clock = Clock(step)
    with ExitStack() as stack:
        for module in MODULES:
            stack.enter_context(patch(f"workflow.proving.{module}.time", clock))
        yield clock
