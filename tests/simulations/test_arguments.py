"""Arguments that Python would misread are named: a text in place of a list, or of a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulations import calibrate, compare, hindcast, load_scenario, own_distribution, run, sensitivity, staff, sweep
from tests.simulations.desk import write_tiny
from workflow import InputError, audit

DAY = dt.date(2024, 1, 20)
CALLS: dict[str, Callable[[Any], object]] = {
    "at: must be a date, such as datetime.date(2024, 1, 20), not '2024-01-20'": lambda tiny: run(tiny, at=["2024-01-20"]),
    "at: must be a list, such as [datetime.date(2024, 1, 20)], not datetime.date(2024, 1, 20)": lambda tiny: run(tiny, at=DAY),
    "measures: must be a list, such as ['pending'], not 'pending'": lambda tiny: run(tiny, measures="pending"),
    "courts: must be a list, such as ['west'], not 'west'": lambda tiny: compare(tiny, tiny, courts="west"),
    "by: must be a list, such as ['kind'], not 'kind'": lambda tiny: run(tiny, by="kind"),
    "precision: must be a list, such as ['pending=2'], not 'pending=2'": lambda tiny: run(tiny, precision="pending=2"),
    "changes: must be a list, such as ['ends=2024-01-20'], not 'ends=2024-01-20'": lambda tiny: load_scenario(
        tiny, "ends=2024-01-20"
    ),
    "changes: must be a list, such as ['pools.clerks.size=1,2'], not 'pools.clerks.size=1,2'": lambda tiny: sweep(
        tiny, "pools.clerks.size=1,2"
    ),
    "other_changes: must be a list, such as ['ends=2024-01-20'], not 'ends=2024-01-20'": lambda tiny: compare(
        tiny, tiny, other_changes="ends=2024-01-20"
    ),
    "at: must be a date, such as datetime.date(2024, 1, 20), not datetime.datetime(2024, 1, 20, 9, 0)": lambda tiny: sensitivity(
        tiny, "pending", at=dt.datetime(2024, 1, 20, 9)
    ),
    "finish_by: must be a date, such as datetime.date(2024, 3, 31), not 'soon'": lambda tiny: staff(
        tiny, "clerks", finish_by="soon"
    ),
    "until: must be a date, such as datetime.date(2024, 1, 20), not '2024-01-20'": lambda tiny: calibrate(tiny, "2024-01-20"),
    "as_of: must be a list, such as [datetime.date(2024, 1, 20)], not datetime.date(2024, 1, 20)": lambda tiny: hindcast(
        tiny, DAY
    ),
    "replications: must be a whole number, not '3'\nseed: must be a whole number, not None": lambda tiny: run(
        tiny, replications="3", seed=None
    ),
    "confidence: must be a number, not '95%'": lambda tiny: compare(tiny, tiny, confidence="95%"),
    "confidence: must be a number, not None\npool desks: there is no such pool. Known: clerks.\nstaff: goal and at go together": (
        lambda tiny: staff(tiny, "desks", goal="pending < 3", confidence=None)
    ),
    "runs: must be a whole number, not 50.5": lambda tiny: calibrate(tiny, DAY, runs=50.5),
    "monitor: must be stop or count, not 'yes'": lambda tiny: run(tiny, monitor="yes"),
    "log: must be what read_log(path, workflow) returned, not 'log.csv'": lambda tiny: audit("log.csv"),
    "distribution: must be an object with a quantile function ppf(q), not 3": lambda tiny: own_distribution(3),
    "change ends: ends: must be a date, not '2024-01-20'. Give a datetime.date, such as datetime.date(2024, 1, 31).": lambda tiny: (
        load_scenario(tiny).change({"ends": "2024-01-20"})
    ),
    "as_of: must be a date, such as datetime.date(2024, 1, 20), not '2024-01-20'": lambda tiny: hindcast(tiny, ["2024-01-20"]),
}


@pytest.mark.parametrize("message", CALLS)
def test_an_argument_of_another_kind_is_named(message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the argument, and says how to write it. Nothing is written."""
    monkeypatch.chdir(tmp_path)
    tiny = write_tiny(tmp_path)
    with pytest.raises(InputError) as raised:
        CALLS[message](tiny)
    assert str(raised.value) == message
    assert not Path("runs").exists()
