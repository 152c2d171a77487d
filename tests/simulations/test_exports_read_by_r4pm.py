"""The exports as another program reads them: r4pm, a process miner in Rust that shares nothing with this project."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
import r4pm
from r4pm import bindings

from simulations import run
from simulations.exporting.exports import export
from tests.simulations.small_pilot import run_small_pilot


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pilot of 300 cases."""
    return run_small_pilot(tmp_path_factory.mktemp("runs") / "small").folder


def counted(folder: Path) -> tuple[int, Counter[str], Counter[tuple[str, str]]]:
    """Return how many cases replication 1 has, and how often which event follows none or another in a case."""
    with duckdb.connect() as connection:
        (cases,) = connection.execute(f"select count(*) from '{folder}/cases/replication=1.parquet'").fetchone() or (0,)
        rows = connection.execute(
            f"""select case_id, coalesce(transition, cause) from '{folder}/events/replication=1.parquet'
            where cause <> 'horizon' order by case_id, sequence"""
        ).fetchall()
    pairs = Counter((a, b) for (one, a), (two, b) in pairwise(rows) if one == two)
    return cases, Counter(name for _, name in rows), pairs


def test_xes_has_the_cases_the_events_and_their_order(small: Path, tmp_path: Path) -> None:
    """As many traces as cases, as many events of each name, and each pair that follows directly, as often as in the log."""
    export(small, "xes", tmp_path / "log.xes", zone="America/Denver", replications=[1])
    cases, events, pairs = counted(small)
    log = r4pm.import_item("EventLog", str(tmp_path / "log.xes"))
    assert bindings.get_num_cases(bindings.log_to_activity_projection(log)) == cases
    graph = bindings.discover_dfg(log)
    assert graph["activities"] == events
    assert {tuple(pair): n for pair, n in graph["directly_follows_relations"]} == pairs


def test_ocel_has_the_objects_and_the_events(small: Path, tmp_path: Path) -> None:
    """One object a case, and as many events of each type as the log has."""
    export(small, "ocel", tmp_path / "log.json", zone="America/Denver", replications=[1])
    cases, events, _ = counted(small)
    log = r4pm.import_item("OCEL", str(tmp_path / "log.json"))
    assert (bindings.num_objects(log), bindings.num_events(log)) == (cases, events.total())
    assert bindings.ocel_type_stats(log)["event_type_counts"] == events


@pytest.mark.slow
def test_xes_of_the_whole_pilot(tmp_path: Path) -> None:
    """11,682 traces, and every event of one replication."""
    folder = run("pilot", replications=1, seed=1, out=tmp_path / "run").folder
    export(folder, "xes", tmp_path / "log.xes", zone="America/Denver")
    cases, events, _ = counted(folder)
    log = r4pm.import_item("EventLog", str(tmp_path / "log.xes"))
    assert bindings.get_num_cases(bindings.log_to_activity_projection(log)) == cases == 11_682
    assert bindings.discover_dfg(log)["activities"] == events
