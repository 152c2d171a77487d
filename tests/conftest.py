"""Hypothesis has no time limits, so a test also passes on a busy machine.

`make test` draws the same examples each time, so that a failure is due to the change. `make test-all` draws new ones.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("DOCKETSIM_PROGRESS", "off")  # the tests do not depend on how long a command takes
SAME = not os.environ.get("DOCKETSIM_ALL_EXAMPLES")
settings.register_profile("any machine", deadline=None, derandomize=SAME, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of simulations last: of two workers, one then compiles the kernel and the other finds it compiled."""
    items.sort(key=lambda item: "simulations" in item.path.parts)
