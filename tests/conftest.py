"""Hypothesis has no time limits, so a test also passes on a busy machine."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of simulations last: of two workers, one then compiles the kernel and the other finds it compiled."""
    items.sort(key=lambda item: "simulations" in item.path.parts)
