"""What a run keeps: measures, cases or events, and nothing that nobody reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulations import SamplePath, load_scenario, make_plan, run, simulate
from simulations.chance.draws import Draws
from simulations.run_folder.folders import RunFolderExists
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.views import query_run
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
    ("measures", "cases", "this run has no cases; --keep cases writes them"),
    ("cases", "events", "this run has no event log; --keep events writes it"),
])  # fmt: skip
def test_a_query_of_what_was_not_kept_says_which_run_has_it(
    tiny: Path, tmp_path: Path, keep: str, table: str, message: str
) -> None:
    """Also where the query names it among other things."""
    folder = run(tiny, out=tmp_path / "run", keep=keep).folder  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message), query_run(folder, f"select count(*) from {table}"):
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
