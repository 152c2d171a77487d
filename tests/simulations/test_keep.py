"""What a run keeps: measures, cases or events, and nothing that nobody reads."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from simulations import SamplePath, load_scenario, make_plan, run, simulate
from simulations.chance.draws import Draws
from simulations.comparing.case_pairs import pair_cases
from simulations.run_folder.folders import RunFolderExists
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.parts import Span
from simulations.run_folder.views import query_run
from simulations.running import jobs
from simulations.running.verifying import verify
from tests.simulations.desk import write_tiny
from workflow import load_workflow
from workflow.errors import InputError

KEPT = {"measures": ["measures"], "cases": ["cases", "measures"], "events": ["cases", "events", "measures"]}

OFFICE = """\
workflow: office
facts:
  urgent: {type: boolean}
  age: {type: integer, minimum: 0, maximum: 99}
  shoe: {type: integer, minimum: 0, maximum: 99}
  sock: {type: integer, minimum: 0, maximum: 99}
activities: {serve: {}}
states: {waiting: {activity: serve}, served: {final: true}}
transitions: [{transition: serve, from: waiting, to: served}]
entry: {states: [waiting]}
"""
UNREAD = """\
scenario: unread
workflow: office
starts: 2024-01-01
ends: 2024-01-10
courts: {town: {backlog: {waiting: 40}}}
pools: {clerks: {size: 2}}
people:
  urgent: {true: 0.3, false: rest}
  age: {by: urgent, true: {uniform: {min: 0, max: 10}}, false: {uniform: {min: 20, max: 30}}}
  shoe: {uniform: {min: 30, max: 50}}
  sock: {by: shoe > 40, true: {uniform: {min: 0, max: 5}}, false: {uniform: {min: 5, max: 9}}}
activities: {serve: {pool: clerks, takes: {by: age > 15, true: 1 hour, false: 2 hours}}}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def test_a_run_writes_what_it_keeps_and_the_same_bytes_of_it(tiny: Path, tmp_path: Path) -> None:
    """Each choice includes the one before, the manifest says which it is, and no measure depends on it."""
    parts = {}
    for keep, kinds in KEPT.items():
        folder = run(tiny, replications=2, out=tmp_path / keep, keep=keep).folder  # type: ignore[arg-type]
        parts[keep] = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}
        assert sorted({name.split("/")[0] for name in parts[keep]}) == kinds
        assert read_manifest(folder)["keep"] == keep
    for name, content in parts["cases"].items():
        assert parts["measures"].get(name, content) == content == parts["events"][name]


def test_a_run_is_resumed_only_with_what_it_keeps(tiny: Path, tmp_path: Path) -> None:
    """The parts of both would not go together."""
    run(tiny, out=tmp_path / "run", keep="cases")
    with pytest.raises(RunFolderExists, match="cannot be resumed: what is kept differs from the existing run"):
        run(tiny, out=tmp_path / "run", keep="measures", resume=True)
    with pytest.raises(InputError, match=r"keep: must be measures, cases or events, not .event.\. Did you mean .events."):
        run(tiny, out=tmp_path / "other", keep="event")  # type: ignore[arg-type]


@pytest.mark.parametrize(("keep", "table", "message"), [
    ("measures", "cases", "this run has no cases; --keep cases (keep='cases') writes them"),
    ("cases", "events", "this run has no event log; --keep events (keep='events') writes it"),
])  # fmt: skip
def test_a_query_of_what_was_not_kept_says_which_run_has_it(
    tiny: Path, tmp_path: Path, keep: str, table: str, message: str
) -> None:
    """Also where the query names it among other things."""
    folder = run(tiny, out=tmp_path / "run", keep=keep).folder  # type: ignore[arg-type]
    with pytest.raises(InputError, match=re.escape(message)), query_run(folder, f"select count(*) from {table}"):
        pass


class _Watched(Draws):
    """The draws of a replication, and the purposes for which some were made."""

    def __init__(self) -> None:
        self.path, self.key, self.purposes = SamplePath(1, 1), SamplePath(1, 1).key, set[str]()

    def bits(self, case_key, purpose, visit):  # type: ignore[no-untyped-def]
        self.purposes.add(purpose)
        return self.path.bits(case_key, purpose, visit)

    def many(self, case_keys, purpose, visit):  # type: ignore[no-untyped-def]
        self.purposes.add(purpose)
        return self.path.many(case_keys, purpose, visit)


def test_facts_that_nothing_reads_are_not_drawn() -> None:
    """A plan draws none here; a length reads one, which depends on another; the rest is drawn when it is read, with the same values."""
    scenario, path = load_scenario(UNREAD, workflow=load_workflow(OFFICE)), _Watched()
    cases = make_plan(scenario, path).cases
    assert path.purposes == set()
    age = cases.columns.values["age"]
    assert path.purposes == {"people:urgent", "people:age"}
    every = make_plan(scenario, SamplePath(1, 1)).cases
    every.draw()
    assert np.array_equal(every.columns.values["age"], age)
    sock = cases.columns.take(np.arange(5)).values["sock"]
    assert np.array_equal(every.columns.values["sock"][:5], sock)
    assert len(set(sock.tolist())) > 1


def test_the_compiled_engine_draws_only_what_decides() -> None:
    """The lengths of work depend on the age and so on the urgency, and nothing on shoes."""
    pytest.importorskip("numba")
    from simulations.engines import compiled_engine

    scenario = load_scenario(UNREAD, workflow=load_workflow(OFFICE))
    path = compiled_engine.CompiledPath(1, 1)
    plan = make_plan(scenario, path)
    log = compiled_engine.simulate(plan, path)
    drawing = plan.cases.columns.values._make.__self__  # type: ignore[attr-defined]
    assert {"age", "urgent"} <= drawing.values.keys()
    assert not {"shoe", "sock"} & drawing.values.keys()
    slow = simulate(make_plan(scenario, SamplePath(1, 1)), SamplePath(1, 1))
    assert all(np.array_equal(log.columns[name], column) for name, column in slow.columns.items())


def _rows(folder: Path, kind: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(
            f"select * from read_parquet('{folder}/{kind}/*.parquet', hive_partitioning = false) order by all"
        ).fetchall()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hundred and one small replications, in parts of two and one of one."""
    folder = tmp_path_factory.mktemp("many")
    return run(
        load_scenario(UNREAD, workflow=load_workflow(OFFICE)), replications=101, seed=4, out=folder / "run", engine="simpy"
    ).folder


def test_many_small_replications_share_parts(many: Path, tmp_path: Path) -> None:
    """Two to a file, in their order; each has the rows that it has when it runs alone."""
    names = [Span(k, min(k + 1, 101)).name for k in range(1, 102, 2)]
    assert sorted(p.stem for p in (many / "cases").iterdir()) == sorted(names)
    scenario = load_scenario(UNREAD, workflow=load_workflow(OFFICE))
    alone = run(scenario, replications=101, seed=4, only=14, out=tmp_path / "alone", engine="simpy").folder
    assert [p.name for p in (alone / "events").iterdir()] == ["replication=14.parquet"]
    for kind in KEPT["events"]:
        assert [row for row in _rows(many, kind) if row[0] == 14] == _rows(alone, kind)


def test_a_result_of_shared_parts_is_that_of_single_ones(many: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Estimates, daily series, figures of one replication, and the comparison of cases do not depend on the parts."""
    scenario = load_scenario(UNREAD, workflow=load_workflow(OFFICE))
    shared = run(scenario, replications=101, seed=4, out=many, resume=True, engine="simpy")
    monkeypatch.setattr(jobs, "_LEAST_PARTS", 1000)
    single = run(scenario, replications=101, seed=4, out=tmp_path / "single", engine="simpy")
    assert len([*(tmp_path / "single" / "cases").iterdir()]) == 101
    assert shared.estimates == single.estimates
    assert np.array_equal(shared.pending.values, single.pending.values)
    assert (
        shared.sql("select * from events order by all").fetchall() == single.sql("select * from events order by all").fetchall()
    )
    some = range(13, 17)
    assert pair_cases(scenario, many, scenario, tmp_path / "single", 4, some, 0.95)[1] == []


def test_a_run_of_shared_parts_is_resumed_and_verified(many: Path, tmp_path: Path) -> None:
    """A damaged part is run again, with both of its replications, to the same bytes; a rerun has the same bytes."""
    folder = tmp_path / "copy"
    shutil.copytree(many, folder)
    part = folder / "measures" / "replications=13-14.parquet"
    before = part.read_bytes()
    part.write_bytes(before[:-1])
    assert verify(folder).wrong == [("measures/replications=13-14.parquet", "not as it was written")]
    scenario = load_scenario(UNREAD, workflow=load_workflow(OFFICE))
    with pytest.warns(UserWarning, match="not as it was written; replications 13 to 14 are run again"):
        run(scenario, replications=101, seed=4, out=folder, resume=True, engine="simpy")
    assert part.read_bytes() == before
    checked = verify(folder, rerun=1, scenario=scenario)
    assert (checked.ok, checked.parts, checked.replications) == (True, 153, 101)


def test_replications_that_ran_alone_before_the_others_are_kept(tmp_path: Path) -> None:
    """The parts around them have the rest, and the result is the same."""
    scenario = load_scenario(UNREAD, workflow=load_workflow(OFFICE))
    options = {"replications": 100, "seed": 4, "keep": "measures", "engine": "simpy"}
    alone = run(scenario, only=3, out=tmp_path / "run", **options)  # type: ignore[arg-type]
    assert alone.replications == (3,)
    whole = run(scenario, out=tmp_path / "run", resume=True, **options)  # type: ignore[arg-type]
    names = {p.stem for p in (tmp_path / "run" / "measures").iterdir()}
    assert {"replications=1-2", "replication=3", "replication=4", "replications=5-6"} <= names
    assert len(whole.values_of("disposals")) == 100


@pytest.mark.parametrize(("parts", "message"), [
    (["measures/replications=1-2.parquet", "measures/replication=2.parquet"], "have a replication in common"),
    (["measures/replications=2-1.parquet"], "is not a part"),
    (["measures/replications=1-999999999.parquet"], "is not a part"),
])  # fmt: skip
def test_a_manifest_with_parts_that_overlap_or_are_too_large_is_refused(
    many: Path, tmp_path: Path, parts: list[str], message: str
) -> None:
    """No folder of a stranger makes the program list a thousand million replications."""
    shutil.copytree(many, tmp_path / "copy")
    path = tmp_path / "copy" / "manifest.json"
    manifest = json.loads(path.read_text()) | {"parts": dict.fromkeys(parts, "0" * 64)}
    path.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=message):
        read_manifest(tmp_path / "copy")
