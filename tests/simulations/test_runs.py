"""Run folders: the same bytes whatever the machine does, whole parts only, and nothing overwritten."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from simulations import SamplePath, load_scenario, make_plan, run, simulate
from simulations.log.eventlog import EventLog
from simulations.run_folder.folders import RunFolderExists
from simulations.run_folder.parts import sha256
from tests.simulations.desk import DESK, TINY, write_tiny
from workflow.errors import InputError, StuckCase
from workflow.files.yaml_tree import dump_yaml, parse_yaml

PARTS = ["cases", "events", "measures"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    folder = tmp_path_factory.mktemp("tiny")
    return write_tiny(folder)


@pytest.fixture(scope="module")
def six(tiny: Path) -> Path:
    """The folder of six replications, never changed."""
    return run(tiny, replications=6, seed=3, out=tiny.parent / "six").folder


def _parts(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


def test_the_same_seed_gives_the_same_bytes_of_every_part_and_another_seed_does_not(
    tiny: Path, six: Path, tmp_path: Path
) -> None:
    """Cases, events and measures of six replications; with another seed every one of them differs."""
    again, other = (run(tiny, replications=6, seed=s, out=tmp_path / str(s)).folder for s in (3, 4))
    assert len(_parts(six)) == 18
    assert _parts(again) == _parts(six)
    assert (again / "manifest.json").read_bytes() == (six / "manifest.json").read_bytes()
    assert all(part != _parts(six)[name] for name, part in _parts(other).items())


def test_replications_differ_from_each_other(six: Path) -> None:
    """No two of the six are alike, apart from their number."""
    with duckdb.connect() as connection:
        counted = connection.execute(
            "select count(*), count(distinct h) from (select replication, md5(string_agg(happened_at || case_id, ',' order by sequence)) as h"
            " from read_parquet(?) group by all)", [str(six / "events" / "*.parquet")],
        ).fetchone()  # fmt: skip
    assert counted == (6, 6)


def test_a_replication_run_alone_has_the_same_bytes(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Replication 5 of 6."""
    alone = _parts(run(tiny, replications=6, seed=3, only=5, out=tmp_path / "alone").folder)
    assert sorted(alone) == [f"{kind}/replication=5.parquet" for kind in PARTS]
    assert alone == {name: _parts(six)[name] for name in alone}


def test_the_number_of_workers_changes_no_byte(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Two processes write what one writes."""
    assert _parts(run(tiny, replications=6, seed=3, workers=2, out=tmp_path / "two").folder) == _parts(six)


def test_workers_write_into_a_folder_that_is_relative_to_where_the_run_begins(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when they are of an earlier run, which began elsewhere."""
    parts = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        parts.append(_parts(run(tiny, replications=2, workers=2, out="run").folder.absolute()))
    assert parts[0] == parts[1] != {}


def test_the_manifest_names_every_part_with_its_hash(six: Path) -> None:
    """So that a part that was changed afterwards is found."""
    parts = json.loads((six / "manifest.json").read_text(encoding="utf-8"))["parts"]
    assert parts == {name: sha256(six / name) for name in _parts(six)}


def test_a_run_folder_can_be_run_again_from_its_own_files(six: Path, tmp_path: Path) -> None:
    """The scenario beside the parts names the workflow beside it, or one that is found by name, and gives the same bytes."""
    shutil.copy(six / "workflow.yaml", tmp_path / "desk.yaml")
    shutil.copy(six / "scenario.yaml", tmp_path / "scenario.yaml")
    assert _parts(run(tmp_path / "scenario.yaml", replications=6, seed=3, out=tmp_path / "again").folder) == _parts(six)


# common random numbers -----------------------------------------------------------------------------


def test_one_more_case_in_denver_leaves_every_event_of_every_baltimore_case_as_it_was() -> None:
    """Matched by court, origin and number there: every column of every row, every fact, and all are compared."""
    one, two = (_pilot(count) for count in (7923, 7924))
    assert len(two.cases) == len(one.cases) + 1
    mine, other = _baltimore(one), _baltimore(two)
    assert len(mine["happened_at"]) > 3 * 3759
    assert all(np.array_equal(mine[name], other[name]) for name in mine)


def _pilot(denver: int) -> EventLog:
    path = SamplePath(1, 1)
    scenario = load_scenario("pilot", [f"courts.denver.backlog.pending.count={denver}"])
    return simulate(make_plan(scenario, path), path)


def _baltimore(log: EventLog) -> dict[str, Any]:
    cases = log.cases
    here = np.flatnonzero(cases.court == cases.scenario.courts.index("baltimore"))
    number = np.full(len(cases), -1)
    for origin in np.unique(cases.origin[here]):
        some = here[cases.origin[here] == origin]
        number[some] = np.arange(len(some))
    rows = np.isin(log.columns["case_id"], here)
    columns = {name: column[rows] for name, column in log.columns.items() if name != "case_id"}
    columns["number"] = number[log.columns["case_id"][rows]]
    columns["origin"] = cases.origin[log.columns["case_id"][rows]]
    facts = {f"fact {name}": column[here] for name, column in cases.columns.values.items()}
    return columns | facts | {"arrived": cases.arrived[here]}


# resuming ------------------------------------------------------------------------------------------


def test_a_run_is_resumed_where_parts_are_missing_and_whole_parts_are_kept(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Of replication 2 the measures are gone, of 4 everything: after resuming, all is as it was, and nothing else was written."""
    folder = tmp_path / "run"
    shutil.copytree(six, folder)
    kept = {p: p.stat().st_mtime_ns for p in folder.rglob("*.parquet") if "=2." not in p.name and "=4." not in p.name}
    for name in ("measures/replication=2", "cases/replication=4", "events/replication=4", "measures/replication=4"):
        (folder / f"{name}.parquet").unlink()
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _parts(folder) == _parts(six)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert (folder / "manifest.json").read_bytes() == (six / "manifest.json").read_bytes()


def test_resuming_a_folder_that_is_not_there_starts_it(tiny: Path, six: Path, tmp_path: Path) -> None:
    """So that a script may always say resume."""
    assert _parts(run(tiny, replications=6, seed=3, out=tmp_path / "new", resume=True).folder) == _parts(six)


@pytest.mark.parametrize(
    ("changes", "more", "message"),
    [
        ([], {"seed": 4}, "the seed differs from the existing run"),
        ([], {"replications": 7}, "the number of replications differs"),
        (["pools.clerks.size=3"], {}, "the scenario or its workflow differs"),
        ([], {"seed": 4, "at": [dt.date(2024, 1, 31)]}, "the seed, the days to measure at differ from the existing run"),
    ],
)
def test_a_run_of_something_else_is_not_resumed(
    tiny: Path, six: Path, changes: list[str], more: dict[str, Any], message: str
) -> None:
    """What differs is named, and the folder is left as it was."""
    before = _parts(six)
    with pytest.raises(RunFolderExists, match="cannot be resumed") as raised:
        run(load_scenario(tiny, changes), out=six, resume=True, **{"replications": 6, "seed": 3, **more})
    assert message in str(raised.value)
    assert _parts(six) == before


def test_a_folder_that_is_there_is_refused(tiny: Path, six: Path, tmp_path: Path) -> None:
    """A run folder, a folder of something else, and a file."""
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a").write_text("mine", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for there in (six, tmp_path / "letters", tmp_path / "file"):
        with pytest.raises(RunFolderExists, match=r"already exists\. Give another folder, or resume"):
            run(tiny, replications=6, seed=3, out=there)
    with pytest.raises(RunFolderExists, match="is not a run folder"):
        run(tiny, replications=6, seed=3, out=tmp_path / "letters", resume=True)
    assert [p.name for p in (tmp_path / "letters").iterdir()] == ["a"]


# bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"replications": 0}, "replications: must be 1 or more, not 0"),
        ({"seed": -1}, "seed: must be a whole number from 0 to 2**63 - 1, not -1"),
        ({"only": 3, "replications": 2}, "only: must be one of the replications, from 1 to 2, not 3"),
        ({"at": [dt.date(2025, 1, 1)]}, "at: 2025-01-01 is not between starts, 2024-01-01, and ends, 2024-02-15"),
        ({"by": ["kindd"]}, "by kindd: unknown name 'kindd'. Did you mean 'kind'?"),
        ({"precision": ["pendin=1%"]}, "precision pendin=1%: 'pendin' is not a measure. Did you mean 'pending'?"),
        ({"workers": 0}, "workers: must be 1 or more, not 0"),
        ({"confidence": 1.0}, "confidence: must lie between 0 and 1, not 1.0"),
        ({"engine": "simpi"}, "engine: must be auto, simpy or compiled, not 'simpi'. Did you mean 'simpy'?"),
        (
            {"hooks": {"finish": print}, "workers": 2},
            "hooks and processes are Python objects of this process; run them with workers=1",
        ),
    ],
)
def test_a_wrong_argument_is_reported_and_nothing_is_written(
    tiny: Path, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    """One sentence, and no folder."""
    with pytest.raises(InputError) as raised:
        run(tiny, out=tmp_path / "out", **arguments)
    assert str(raised.value) == message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("people", "error", "message"),
    [
        ("people: {age: 95}", InputError, "cases break the workflow's assumption 'age < 90'"),
        ("people: {kind: odd, age: 89}", StuckCase, "a case can get stuck in the state 'queue'"),
    ],
)
def test_people_who_do_not_fit_the_workflow_are_reported_and_nothing_is_written(
    tmp_path: Path, people: str, error: type[Exception], message: str
) -> None:
    """An assumption that does not hold, and a case that could not go on, are found before the folder is made."""
    (tmp_path / "desk.yaml").write_text(DESK.replace("age < 99", "age < 50"), encoding="utf-8")
    lines = [people if line.startswith("people:") else line for line in TINY.splitlines()]
    (tmp_path / "tiny.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(error, match=message):
        run(tmp_path / "tiny.yaml", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


# accidents -----------------------------------------------------------------------------------------

PROGRAM = "import sys; from simulations import run; run(sys.argv[1], replications=6, seed=3, out=sys.argv[2], resume=True)"


def test_a_killed_run_leaves_whole_parts_only_and_is_resumed_to_the_same_bytes(tiny: Path, six: Path, tmp_path: Path) -> None:
    """The run kills itself before it renames a complete part; each part that is left has the bytes of the whole run."""
    folder = tmp_path / "run"
    kill = (
        "import os, pathlib, signal; rename = pathlib.Path.replace\n"
        "def replace(path, target):\n"
        "    if target.name == 'replication=2.parquet' and target.parent.name == 'events':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return rename(path, target)\n"
        "pathlib.Path.replace = replace\n"
    )
    killed = subprocess.run([sys.executable, "-c", kill + PROGRAM, str(tiny), str(folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = _parts(folder)
    assert len(left) == 4
    assert left == {name: _parts(six)[name] for name in left}
    assert len([p for p in folder.rglob("*") if ".tmp" in p.name]) == 1
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _parts(folder) == _parts(six)


def test_a_full_disk_leaves_no_part_of_a_part_and_a_clear_error(tiny: Path, six: Path, tmp_path: Path) -> None:
    """No file may grow beyond the limit, which the cases keep and the events do not: the error names the part."""
    sizes = {kind: (six / kind / "replication=1.parquet").stat().st_size for kind in PARTS}
    assert sizes["cases"] < sizes["events"]
    limit = (sizes["cases"] + sizes["events"]) // 2
    program = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); {PROGRAM}"
    folder = tmp_path / "run"
    done = subprocess.run([sys.executable, "-c", program, str(tiny), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "WriteFailed: " in done.stderr
    assert f"{folder / 'events' / 'replication=1.parquet'}: could not be written: " in done.stderr
    assert list(_parts(folder)) == ["cases/replication=1.parquet"]
    assert not [p for p in folder.rglob("*") if ".tmp" in p.name]
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _parts(folder) == _parts(six)


def test_the_scenario_and_workflow_of_a_run_folder_can_be_run_again(tmp_path: Path) -> None:
    """The scenario that was run is read back from its file, including dates that occur twice."""
    scenario = load_scenario("pilot")
    assert parse_yaml(dump_yaml(scenario.plain()), "scenario.yaml").plain() == scenario.plain()
    assert parse_yaml(dump_yaml(scenario.workflow.plain()), "workflow.yaml").plain() == scenario.workflow.plain()


def test_a_run_keeps_its_files_as_they_were_written_and_what_was_changed_as_values(tmp_path: Path) -> None:
    """Comments tell where figures come from; with a change no file says what was run."""
    for changes, kept in (([], True), (["pools.judges.size.denver=6"], False)):
        scenario = load_scenario("pilot", changes)
        folder = run(scenario, only=1, out=tmp_path / f"{kept}", keep="measures").folder
        text = (folder / "scenario.yaml").read_text(encoding="utf-8")
        assert ("# Sources: A = press report" in text) == kept
        assert parse_yaml(text, "scenario.yaml").plain() == scenario.plain()


def test_processes_may_be_given_as_a_generator(tiny: Path, tmp_path: Path) -> None:
    """Each is started once, however they are given."""
    started = []

    def process(simulation: Any) -> Any:
        started.append(simulation.now)
        yield simulation.env.timeout(1)

    run(tiny, out=tmp_path / "out", processes=(p for p in [process]))
    assert started == [0]
