"""A run folder as a read-only database: its views and those that other tools expect."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from simulations import run
from simulations.run_folder.views import query_run
from tests.simulations.desk import write_tiny
from workflow.errors import InputError


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def two(tiny: Path) -> Path:
    """The folder of two replications, inside a folder with a quote in its name."""
    (tiny.parent / "it's").mkdir()
    return run(tiny, replications=2, seed=3, out=tiny.parent / "it's" / "two").folder


def _all(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with query_run(folder, query) as answer:
        return list(answer.rows)


def test_views_contain_the_parts_of_all_replications(two: Path) -> None:
    """The views have the documented names."""
    counts = _all(two, "select replication, court, count(*) from cases where origin = 'backlog' group by all order by all")
    assert counts == [(1, "east", 20), (1, "west", 10), (2, "east", 20), (2, "west", 10)]
    assert _all(two, "select count(*) from measures where measure = 'pending' and \"at\" is null") == [(6,)]
    assert _all(two, "show tables") == [("cases",), ("events",), ("measures",)]


def test_columns_have_the_names_of_the_query(two: Path) -> None:
    """The result has the column names of the query."""
    with query_run(two, "select 1 as one, 'a' as b") as answer:
        assert answer.columns == ["one", "b"]


def test_the_log_has_the_names_that_pm4py_expects(two: Path) -> None:
    """It has a row for each move, none for the horizon, and the facts of the case with a prefix."""
    with query_run(two, "select * from pm4py.log") as answer:
        rows = list(answer.rows)
        assert answer.columns[:6] == ["case:concept:name", "concept:name", "time:timestamp", "started_at", "org:resource", "lifecycle:transition"]  # fmt: skip
        assert {"case:court", "case:kind", "case:age"} <= set(answer.columns)
    assert [(len(rows),)] == _all(two, "select count(*) from events where cause <> 'horizon'")
    assert {row[1] for row in rows} == {"finish", "store", "resume"}


def test_the_tables_of_ocel_fit_together(two: Path) -> None:
    """Every event has a row in the table of its type, and its case; every type is mapped."""
    n = _all(two, "select count(*) from ocel.event")[0][0]
    kinds = ("finish", "resume", "store")
    assert n == sum(_all(two, f"select count(*) from ocel.event_{kind}")[0][0] for kind in kinds)
    joined = (
        "ocel.event e join ocel.event_object r on r.ocel_event_id = e.ocel_id join ocel.object o on o.ocel_id = r.ocel_object_id"
    )
    assert _all(two, f"select count(*) from {joined} join ocel.object_case c on c.ocel_id = o.ocel_id") == [(n,)]
    assert _all(two, "select count(*) = count(distinct ocel_id) from ocel.event") == [(True,)]
    assert _all(two, "from ocel.event_map_type order by all") == [(kind, kind) for kind in kinds]
    assert _all(two, "from ocel.object_map_type") == [("case", "case")]
    assert _all(two, "from ocel.object_object") == []


def test_the_vidigi_log_is_complete_and_in_order(two: Path) -> None:
    """Each case arrives once. Work starts after its queue and ends after its start.

    Times are minutes since the start of the run.
    """
    by_type = dict(_all(two, "select event_type || ':' || event, count(*) from vidigi.event_log group by all"))
    cases, finished = _all(two, "select (select count(*) from cases), (select count(*) from events where to_state = 'done' and cause <> 'horizon')")[0]  # fmt: skip
    assert by_type["arrival_departure:arrival"] == cases
    assert by_type["arrival_departure:depart"] == finished
    assert (
        by_type["queue:serve_wait_begins"] >= by_type["resource_use:serve_begins"] >= by_type["resource_use_end:serve_ends"] > 0
    )
    low, high = _all(two, 'select min("time"), max("time") from vidigi.event_log')[0]
    assert low == 0
    assert 45 * 24 * 60 < high <= 46 * 24 * 60
    works = "select *, row_number() over (partition by run_number, entity_id order by time) as k from vidigi.event_log where event_type"
    out_of_order = (
        f"select count(*) from ({works} = 'resource_use') b join ({works} = 'resource_use_end') e"
        " using (run_number, entity_id, k) where e.time < b.time"
    )
    assert _all(two, out_of_order) == [(0,)]


def test_the_guard_of_each_move_can_be_joined(two: Path) -> None:
    """Guards come from the workflow in the folder."""
    query = "select distinct guard from events join transitions using (transition) where transition = 'finish'"
    assert _all(two, query) == [('answer == "yes"',)]


@pytest.mark.parametrize(
    "query",
    [
        "copy (select 1) to '{folder}/cases/x.csv'",
        "with x as (copy (select 1) to '{folder}/cases/x.csv') select * from x",
        "select (with x as (copy (select 1) to '{folder}/cases/x.csv') select 1)",
        "select * from query('with x as (copy (select 1) to ''{folder}/cases/x.csv'') select 1')",
        "explain analyze copy (select 1) to '{folder}/cases/x.csv'",
        "create table x (a integer)",
        "drop view cases",
        "insert into cases select * from cases",
        "set threads = 4",
        "attach '{folder}/x.db'",
        "export database '{folder}/x'",
        "install httpfs",
        "call pragma_version()",
        "select * from read_text('{folder}/manifest.json')",
        "select * from read_text('{folder}/cases/../manifest.json')",
        "select * from read_csv('/etc/passwd')",
        "select * from glob('/*')",
        "select 1; select 2",
        "",
    ],
)
def test_a_query_cannot_change_the_run(two: Path, query: str) -> None:
    """The error is one sentence, and no byte of the folder changes."""
    before = {p: p.read_bytes() for p in two.rglob("*") if p.is_file()}
    with pytest.raises(InputError, match=r"^sql: "):
        _all(two, query.format(folder=str(two).replace("'", "''")))
    assert {p: p.read_bytes() for p in two.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("from evnts", "sql: there is no view 'evnts'. Did you mean 'events'?"),
        ("from pm4pi.log", "sql: there is no view 'pm4pi.log'. Did you mean 'pm4py.log'?"),
        ("from zebra", "sql: there is no view 'zebra'. Known: cases, events, holds, measures"),
        ("select cuort from cases", "sql: there is no column 'cuort' here. Did you mean 'court'?"),
        ("select c.cuort from cases c", "sql: there is no column 'cuort' here. Did you mean 'court'?"),
        ("select medain(value) from measures", "sql: there is no function 'medain'. Did you mean 'median'?"),
        ("selec 1", 'sql: syntax error at or near "selec"'),
        ("select * from measures where at is null", 'The columns at, by and group are also SQL keywords: write "at".'),
        ("select 'x'::integer", "sql: Could not convert string 'x' to INT32"),
        ("select now()", "sql: a column is a timestamp with a time zone; cast it, as in now()::timestamp"),
    ],
)
def test_a_mistake_is_reported_with_the_nearest_name(two: Path, query: str, message: str) -> None:
    """The message is one line."""
    with pytest.raises(InputError) as raised:
        _all(two, query)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_or_damaged_content_is_reported(tiny: Path, two: Path, tmp_path: Path) -> None:
    """The folder has no run, no event log, no finished replication, or a missing or damaged part."""
    with pytest.raises(InputError, match="is not a run folder"):
        _all(tmp_path, "from cases")
    without = run(tiny, out=tmp_path / "a", keep="cases").folder
    assert _all(without, "select count(*) > 0 from cases") == [(True,)]
    with pytest.raises(InputError, match="this run has no event log; --keep events"):
        _all(without, "from events")
    copy = Path(shutil.copytree(two, tmp_path / "b"))
    part = copy / "events" / "replication=2.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.raises(InputError, match=r"docketsim verify .* lists damaged files"):
        _all(copy, "select sum(sequence) from events")
    part.unlink()
    with pytest.raises(InputError, match=r"replication=2\.parquet: is missing"):
        _all(copy, "select 1")


def test_an_unfinished_run_shows_its_finished_replications(tiny: Path, tmp_path: Path) -> None:
    """Parts of the others are left out."""

    def stop(done: int, _: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny, replications=3, out=tmp_path / "a", progress=stop)
    shutil.copy(tmp_path / "a/cases/replication=1.parquet", tmp_path / "a/cases/replication=2.parquet")
    assert _all(tmp_path / "a", "select distinct replication from cases") == [(1,)]
    assert _all(tmp_path / "a", "select count(*) from cases where origin = 'backlog'") == [(30,)]
