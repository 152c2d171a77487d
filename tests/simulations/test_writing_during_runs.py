"""The log of a large replication is written while the engine runs: the same bytes, and whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulations import load_scenario, run
from simulations.engines import compiled_engine
from simulations.run_folder import parquet
from simulations.running import jobs
from simulations.scenarios.scenario import Scenario
from tests.simulations.random_scenarios import loaded
from tests.simulations.test_together import session
from tests.simulations.test_transfers import venues

pytest.importorskip("numba")

SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "cases that change their court": lambda: loaded(venues(transfers={"move": {"by": "court", "north": {"south": 1}, "south": {"north": 1}}})),
    "cases served together": lambda: loaded(session([1, 2, 3, 30, 31, 80], {"together": 2})),
    "several courts": lambda: load_scenario("pilot", ["courts.denver.backlog.pending.count=300"]),
}  # fmt: skip


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.mark.parametrize(
    ("engine", "name"), [*(("compiled", name) for name in SCENARIOS), ("simpy", "cases that change their court")]
)
def test_the_bytes_are_those_of_a_log_written_at_the_end(tmp_path: Path, monkeypatch: Any, engine: str, name: str) -> None:
    """Though the rows come a few at a time, and are written by another thread."""
    scenario = SCENARIOS[name]()
    run(scenario, out=tmp_path / "whole", engine=engine)
    monkeypatch.setattr(jobs, "_FEW_CASES", 0)
    monkeypatch.setattr(parquet, "_LARGE", 2)
    monkeypatch.setattr(compiled_engine, "ROWS_AT_ONCE", 3)
    run(scenario, out=tmp_path / "parts", engine=engine)
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")


def test_a_run_that_is_interrupted_leaves_no_log_and_is_resumed_to_the_same_bytes(tmp_path: Path, monkeypatch: Any) -> None:
    """The interruption comes when some rows have been written."""
    scenario = SCENARIOS["several courts"]()
    run(scenario, out=tmp_path / "whole", engine="compiled")
    monkeypatch.setattr(jobs, "_FEW_CASES", 0)
    monkeypatch.setattr(parquet, "_LARGE", 2)
    monkeypatch.setattr(compiled_engine, "ROWS_AT_ONCE", 100)
    calls = []

    class Interrupted(Exception):
        """Stands for Ctrl-C."""

    def put(rows: jobs._Rows, part: Any) -> None:
        calls.append(part)
        if len(calls) == 5:
            raise Interrupted
        rows._queue.put(part)

    monkeypatch.setattr(jobs._Rows, "put", put)
    with pytest.raises(Interrupted):
        run(scenario, out=tmp_path / "parts", engine="compiled")
    assert [path.name for path in (tmp_path / "parts" / "events").iterdir()] == []
    run(scenario, out=tmp_path / "parts", engine="compiled", resume=True)
    assert _files(tmp_path / "parts") == _files(tmp_path / "whole")
