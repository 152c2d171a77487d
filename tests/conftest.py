"""Hypothesis has no time limits, so a test also passes on a busy machine.

`make test` draws the same examples each time, so that a failure is due to the change. `make test-all` draws new ones.
"""

import functools
import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from typer.main import get_command

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each of some hundred processes would start threads that it does not use

gc.disable()  # until all tests are collected: nothing of them is garbage
os.environ.setdefault("DOCKETSIM_PROGRESS", "off")  # the tests do not depend on how long a command takes
SAME = not os.environ.get("DOCKETSIM_ALL_EXAMPLES")
settings.register_profile("any machine", deadline=None, derandomize=SAME, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
pytest.MonkeyPatch().setattr("typer.testing._get_command", functools.cache(get_command))  # reading all options takes 40 ms


def pytest_collection_finish() -> None:
    """Collect garbage as by default: Z3 takes three times as long where its terms are not freed soon.

    What is there by now stays, so it is not looked through each time.
    """
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let garbage be collected at the end: DuckDB would print what is frozen as leaks."""
    gc.unfreeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out benchmarks where none is run: they import other simulators and statistics."""
    return True if collection_path.name == "benchmarks" and "not benchmark" in config.option.markexpr else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of simulations last: of two workers, one then compiles the kernel and the other finds it compiled.

    What else uses the kernel, such as the pages, comes right before them. The tests in a browser come first, since they share a
    start that takes long and would otherwise be divided among workers.
    """
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if item.path.name == "test_report_in_browser.py":
        return 0
    return 3 if "simulations" in item.path.parts else 2 if item.path.parent == Path(__file__).parent else 1
