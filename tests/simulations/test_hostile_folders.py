"""A run folder from a stranger is data: nothing outside it is read, written or run, and each attack is one clear message."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli import app
from simulations.run_folder.parts import sha256
from tests.simulations.desk import write_tiny
from tests.simulations.hostile import _RUNS, ATTACKS, CANARY, Folder, make, snapshot, watched

CELLS = [attack for attack in ATTACKS if attack.startswith("sql in the cells of")]
QUICK = [attack for attack in ATTACKS if attack not in CELLS][::5] + CELLS[:1]
"""The attacks of the short test; the slow one has all."""

UNNOTICED = {*CELLS, "no rows", "empty cells", "infinite instants", "infinite values", "a manifest with groups that are sql"}
"""Attacks that only a rerun or the page of a report notices: what was changed is data like any other."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two replications, which no test changes."""
    here = tmp_path_factory.mktemp("good")
    write_tiny(here)
    run = (
        "run",
        here / "tiny.yaml",
        "--set",
        "ends=2024-01-08",
        "--replications",
        "2",
        "--out",
        here / "run",
        "--workers",
        "1",
        "--quiet",
    )
    assert CliRunner().invoke(app, [str(argument) for argument in run]).exit_code == 0
    return here / "run"


def _commands(folder: Path, out: Path, workflow: Path, every: bool) -> list[tuple[object, ...]]:
    queries = [
        "from cases",
        "from events",
        "from measures",
        "from pm4py.log",
        "from ocel.event",
        "from vidigi.event_log",
        "from transitions",
    ]
    commands: list[tuple[object, ...]] = [("sql", folder, query, "--json") for query in queries[: 7 if every else 0]]
    commands += [
        ("sql", folder, "select (select count(*) from pm4py.log), (select count(*) from ocel.event),"
         " (select count(*) from vidigi.event_log), (select count(*) from transitions), (select count(*) from measures)"),
        ("audit", folder, "--workflow", workflow, "--out", out / "offending.csv"),
        ("verify", folder, *(("--rerun", "2") if every else ())),
        ("export", folder, "--to", "csv", "--out", out / "log.csv"),
    ]  # fmt: skip
    if every:
        scenario = workflow.parent / "tiny.yaml"
        commands += [("export", folder, "--to", to, "--out", out / f"log.{to}") for to in ("xes", "ocel", "vidigi")]
        commands += [
            ("report", folder, "--stress", out / "stress.md"),
            ("report", folder, "--out", out / "report.html", "--figures", out / "figures"),
            ("run", scenario, "--replications", "2", "--out", folder, "--resume", "--workers", "1"),
            ("compare", folder, folder),
            ("sweep", folder),
        ]
    return commands


def _attack(good: Path, attack: str, room: Path, every: bool) -> dict[str, tuple[int, str]]:
    """Run commands on a hostile folder, check that they touch nothing outside, and return their exit codes and messages."""
    folder = make(good, attack, room)
    out = room / "out"
    out.mkdir()
    before = snapshot(folder.outside)
    answers: dict[str, tuple[int, str]] = {}
    for command in _commands(folder.path, out, good.parent / "desk.yaml", every):
        with watched() as watch:
            result = CliRunner().invoke(app, [str(argument) for argument in command])
        what = f"{attack}: {' '.join(map(str, command))}"
        assert isinstance(result.exception, SystemExit | None), f"{what}: {result.exception!r}"
        assert CANARY not in result.output, what
        assert "\x1b" not in result.output, what
        touched = [event for event in watch.events if str(folder.outside) in event[1] and event[0] != "os.readlink"]
        assert touched == [], what
        assert [event for event in watch.events if event[0].startswith(_RUNS)] == [], what
        assert snapshot(folder.outside) == before, what
        answers[" ".join(map(str, command))] = (result.exit_code, result.stderr)
    for path in out.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path
    return answers


@pytest.mark.parametrize("attack", QUICK)
def test_nothing_outside_is_touched_and_the_message_is_clear(good: Path, tmp_path: Path, attack: str) -> None:
    """A file-system snapshot and Python's audit events show that nothing outside is read, written or run."""
    answers = _attack(good, attack, tmp_path, every=False)
    if attack not in UNNOTICED:
        assert any(code not in (0, 3) for code, _ in answers.values()), "nobody noticed"
    for command, (code, message) in answers.items():
        assert code in (0, 1, 2, 3), (command, code)
        assert len(message.splitlines()) <= 30, (command, message)
        assert "Traceback" not in message
        assert code != 2 or message.strip(), command


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_command_touches_anything_outside(good: Path, tmp_path: Path, attack: str) -> None:
    """The same for every command that opens a run folder. With a rerun, every attack is noticed."""
    assert any(code not in (0, 3) for code, _ in _attack(good, attack, tmp_path, every=True).values()), "nobody noticed"


STRACED = (
    "sql in the cells of events.transition",
    "a link in place of events",
    "a link in place of cases/replication=1.parquet",
    "a table outside",
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("attack", STRACED)
def test_the_system_is_asked_for_no_file_outside(good: Path, tmp_path: Path, attack: str) -> None:
    """The system calls show that DuckDB's own code does not open files outside either, starts nothing, and connects nowhere."""
    folder = make(good, attack, tmp_path)
    trace = tmp_path / "trace"
    code = "from simulations.cli import app; app()"
    for command in (
        ("sql", folder.path, "select count(*) from ocel.event"),
        ("audit", folder.path, "--workflow", good.parent / "desk.yaml"),
    ):
        traced = ["strace", "-f", "-qq", "-e", "trace=%file,execve,connect", "-o", trace, sys.executable, "-c", code, *command]
        subprocess.run([str(argument) for argument in traced], capture_output=True, timeout=300, check=False)
        calls = trace.read_text(encoding="utf-8", errors="replace").splitlines()
        assert any("manifest.json" in call for call in calls)
        outside = [call for call in calls if str(folder.outside) in call and "readlink" not in call]
        assert outside == []
        assert sum("execve(" in call for call in calls) == 1
        assert not any("connect(" in call for call in calls)


def test_a_report_neither_follows_nor_replaces_a_link(good: Path, tmp_path: Path) -> None:
    """The page is written into the folder. A link of its name is refused, one of its temporary name is not followed."""
    import os

    folder = make(good, "a part that is not listed", tmp_path)
    before = snapshot(folder.outside)
    (folder.path / f".report.html.{os.getpid()}.tmp").symlink_to(folder.outside / "secret.csv")
    arguments = ["report", str(folder.path), "--measure", "pending", "--quiet"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    (folder.path / "report.html").unlink()
    (folder.path / "report.html").symlink_to(folder.outside / "secret.txt")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "report.html: could not be written: is a symbolic link" in result.stderr
    assert snapshot(folder.outside) == before


def test_links_of_a_comparison_are_refused(good: Path, tmp_path: Path) -> None:
    """The runs of a comparison are folders of its own."""
    folder = tmp_path / "comparison"
    folder.mkdir()
    (folder / "base").symlink_to(good)
    (folder / "comparison.json").write_text("{}")
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == 2
    assert f"{folder / 'base'}: is a symbolic link; a run folder has only files of its own" in result.stderr


@pytest.fixture(scope="module")
def studies(good: Path) -> Path:
    """A comparison and a sweep."""
    tiny, few = good.parent / "tiny.yaml", ("--replications", "2", "--measure", "pending", "--workers", "1", "--quiet")
    for command in (
        ("compare", tiny, tiny, "--set-other", "pools.clerks.size=3", "--out", good.parent / "comparison", *few),
        ("sweep", tiny, "--set", "pools.clerks.size=1,2", "--out", good.parent / "sweep", *few),
    ):
        result = CliRunner().invoke(app, [str(argument) for argument in command])
        assert result.exit_code == 0, result.output
    return good.parent


@pytest.mark.slow
@pytest.mark.parametrize("study", ["comparison", "sweep"])
def test_the_result_of_a_study_is_checked(studies: Path, tmp_path: Path, study: str) -> None:
    """Each value of another type is one line, and no page is written."""
    folder = Path(shutil.copytree(studies / study, tmp_path / study))
    path = folder / f"{study}.json"
    good = json.loads(path.read_text(encoding="utf-8"))
    cases: list[tuple[str, object]] = [(key, value) for key in good for value in (None, 7.5, "x", ["x"], {"x": 1}, [[1]])]
    for section in ("measures", "cases", "changes"):
        for key in good[section][0] if isinstance(good.get(section, [0])[0], dict) else ():
            for value in ("=x", [1]):
                cases.append((section, [{**good[section][0], key: value}]))
    for key, value in cases:
        if (study, key) in (("sweep", "base"), ("comparison", "base"), ("comparison", "run"), ("sweep", "run")):
            continue
        path.write_text(json.dumps({**good, key: value}), encoding="utf-8")
        result = CliRunner().invoke(app, ["report", str(folder), "--quiet"])
        assert isinstance(result.exception, SystemExit | None), (key, value, result.exception)
        assert len(result.stderr.splitlines()) <= 1, (key, value, result.stderr)


def test_every_mistake_of_a_manifest_is_one_line(good: Path, tmp_path: Path) -> None:
    """All are reported at once, in the style of every file."""
    folder = Folder(Path(shutil.copytree(good, tmp_path / "run")), tmp_path)
    folder.manifest(seed="x", confidence=7, versions=[], parts={"../x": "y"}, queues={"1": [[1]]}, at=["soon"])
    result = CliRunner().invoke(app, ["sql", str(folder.path), "select 1"])
    name = folder.path / "manifest.json"
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{name}: seed: must be a whole number, not 'x'.",
        f"{name}: at: 'soon' is not a date such as 2024-01-31",
        f"{name}: confidence: must be between 0 and 1, not 7",
        f"{name}: versions: must be a mapping, not an empty list.",
        f"{name}: queues: '1': is not a list of queues",
        f"{name}: parts: '../x' is not a part, such as 'cases/replication=1.parquet'",
    ]


@pytest.mark.parametrize("kind", ["cases", "events", "measures"])
def test_a_part_whose_inside_is_damaged_is_one_message(good: Path, tmp_path: Path, kind: str) -> None:
    """Its columns can be listed, its values cannot be read: every command that reads it says how to find the damage."""
    folder = Path(shutil.copytree(good, tmp_path / "run"))
    part = folder / kind / "replication=1.parquet"
    raw = part.read_bytes()
    part.write_bytes(raw[:4] + b"\xff" * 60 + raw[64:])
    reading: dict[str, list[str]] = {
        "sql": [str(folder), f"select count(columns(*)) from {kind}"],
        "audit": [str(folder), "--workflow", str(good.parent / "desk.yaml")],
        "export": [str(folder), "--to", "xes", "--out", str(tmp_path / "log.xes")],
        "report": [str(folder), "--measure", "pending"],
    }
    of_kind = {"measures": ("sql", "report")}.get(kind, ("sql", "audit", "export", "report"))
    for command in of_kind:
        result = CliRunner().invoke(app, [command, *reading[command]])
        assert result.exit_code == 2, (command, result.output, result.exception)
        assert f"docketsim verify {folder} lists damaged files" in result.stderr, command
        assert len(result.stderr.splitlines()) == 1, command


UNLISTED = [
    ("events/extra.parquet", "events/replication=1.parquet"), ("events/replication=3.parquet", "events/replication=2.parquet"),
    ("cases/replication=3.parquet", "cases/replication=2.parquet"), ("measures/replication=3.parquet", "measures/replication=2.parquet"),
    ("measures/replication=3.json", "manifest.json"),
]  # fmt: skip
"""Parts that a manifest does not list, and the file that each is a copy of."""


def _answers(folder: Path, workflow: Path, out: Path) -> list[str]:
    """Return what every command that reads parts makes of a run."""
    written = [out / name for name in ("log.xes", "log.csv", "stress.md")]
    count = "select (select count(*) from events), (select count(*) from cases), (select count(*) from measures)"
    commands = [
        ["audit", str(folder), "--workflow", str(workflow), "--json"], ["sql", str(folder), count, "--json"],
        ["export", str(folder), "--to", "xes", "--out", str(written[0]), "--quiet"],
        ["export", str(folder), "--to", "csv", "--out", str(written[1]), "--quiet"],
        ["report", str(folder), "--stress", str(written[2]), "--quiet"],
    ]  # fmt: skip
    results = [CliRunner().invoke(app, command) for command in commands]
    assert [result.exit_code for result in results] == [0] * len(commands), [result.stderr for result in results]
    return [result.stdout for result in results] + [path.read_text(encoding="utf-8") for path in written]


@pytest.fixture(scope="module")
def answers(good: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the commands make of the run as it was written."""
    return _answers(good, good.parent / "desk.yaml", tmp_path_factory.mktemp("answers"))


def test_no_command_reads_parts_that_the_manifest_does_not_list(good: Path, tmp_path: Path, answers: list[str]) -> None:
    """A part or a record beside them adds no case, no event, no figure and no move; `verify` names each."""
    folder = Path(shutil.copytree(good, tmp_path / "run"))
    for name, source in UNLISTED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(good / source, folder / name)
    assert _answers(folder, good.parent / "desk.yaml", tmp_path) == answers
    result = CliRunner().invoke(app, ["verify", str(folder), "--json"])
    assert result.exit_code == 1
    found = {entry["file"]: entry["what"] for entry in json.loads(result.stdout)["wrong"]}
    assert found == {name: "belongs to no finished replication" for name, _ in UNLISTED}


def test_a_record_beside_the_manifest_changes_nothing_that_it_lists(good: Path, tmp_path: Path) -> None:
    """Other hashes for a listed replication do not make a changed part a part as it was written."""
    folder = Path(shutil.copytree(good, tmp_path / "run"))
    shutil.copy(folder / "events" / "replication=2.parquet", folder / "events" / "replication=1.parquet")
    kinds = ("cases", "events", "measures")
    hashes = {kind: sha256(folder / kind / "replication=1.parquet") for kind in kinds}
    (folder / "measures" / "replication=1.json").write_text(json.dumps({"parts": hashes}), encoding="utf-8")
    result = CliRunner().invoke(app, ["verify", str(folder), "--json"])
    assert result.exit_code == 1
    wrong = [("events/replication=1.parquet", "not as it was written")]
    assert [(entry["file"], entry["what"]) for entry in json.loads(result.stdout)["wrong"]] == wrong


def test_resuming_a_finished_run_adds_no_part_that_its_manifest_does_not_list(good: Path, tmp_path: Path) -> None:
    """A record and parts of a third replication are there; the run of two stays one of two."""
    folder = Path(shutil.copytree(good, tmp_path / "run"))
    for kind in ("cases", "events", "measures"):
        shutil.copy(good / kind / "replication=2.parquet", folder / kind / "replication=3.parquet")
    arguments = ["--set", "ends=2024-01-08", "--replications", "2", "--workers", "1", "--quiet", "--resume"]
    result = CliRunner().invoke(app, ["run", str(good.parent / "tiny.yaml"), "--out", str(folder), *arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    assert (folder / "manifest.json").read_bytes() == (good / "manifest.json").read_bytes()


def test_there_are_sixty_hostile_folders() -> None:
    """A shorter list would show less."""
    assert len(ATTACKS) >= 60
