"""Import of event logs of other programs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from simulations.cli import app
from simulations.importing.foreign import import_log
from workflow.auditing.mapping import LogMapping
from workflow.errors import InputError
from workflow.files.cells import CellFormat

REGISTER = """\
file number;step;date;papers complete;clerk;area
A-1;permit granted;08.01.2024 10:00;Y;Meyer;3
A-2;refuse;08.01.2024 11:15;N;Meyer;5
A-3;permit granted;09.01.2024 09:40;N;Schmidt;8
A-4;permit granted;09.01.2024 10:30;Y;Meyer;1
A-4;refuse;10.01.2024 10:30;Y;Schmidt;1
A-5;permit granted;10.01.2024 11:00;;Müller;2
A-6;sent back;11.01.2024 09:00;Y;Meyer;2
A-7;;;N;;4
"""
WORKFLOW = """\
workflow: permits
facts:
  complete: {type: boolean, default: true}
record:
  decision: {enum: [none, grant, refuse], default: none}
activities:
  examine: {gives: {decision: [grant, refuse]}}
entry: {states: [waiting]}
states: {waiting: {activity: examine}, granted: {final: true}, refused: {final: true}}
transitions:
  - {transition: grant, from: waiting, to: granted, when: decision == "grant"}
  - {transition: refuse, from: waiting, to: refused}
rules:
  - {rule: nobody whose papers are incomplete gets a permit, never: grant, if: not complete}
"""
MAPPING = """\
mapping: permits
columns: {case: file number, activity: step, time: date, complete: papers complete, server: clerk}
names: {grant: [permit granted]}
leave_out: [sent back]
time_format: day-first
"""


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the log, its mapping and its workflow, as the current one."""
    (tmp_path / "register.csv").write_bytes(REGISTER.encode("latin-1"))
    (tmp_path / "permits.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def _rows(path: Path, columns: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(f"select {columns} from read_parquet(?)", [str(path)]).fetchall()


def test_a_log_is_imported_with_its_mapping(register: Path) -> None:
    """Names of steps, columns, dates and letters are those that the mapping says; a case without a step has a row."""
    code, output = _run("import", "log", "register.csv", "--mapping", "map.yaml", "--out", "log")
    assert code == 0, output
    assert "log: 7 cases, 6 events, to 2024-01-10 11:00:00" in output
    events = _rows(Path("log/events.parquet"), 'case_id, transition, happened_at, server, "case:complete", "case:area"')
    assert events[0] == ("A-1", "grant", dt.datetime(2024, 1, 8, 10), "Meyer", True, 3)
    assert events[4] == ("A-4", "refuse", dt.datetime(2024, 1, 10, 10, 30), "Schmidt", True, 1)
    assert events[5] == ("A-5", "grant", dt.datetime(2024, 1, 10, 11), "Müller", None, 2)
    assert events[6:] == [("A-6", None, None, None, True, 2), ("A-7", None, None, None, False, 4)]
    assert _rows(Path("log/cases.parquet"), "case_id, arrived, complete")[0] == ("A-1", dt.datetime(2024, 1, 8, 10), True)


def test_an_audit_of_the_import_judges_like_one_of_the_file(register: Path) -> None:
    """The verdicts, the violations and the unjudged cases are the same."""
    _run("import", "log", "register.csv", "--mapping", "map.yaml", "--out", "log")
    (register / "map.yaml").write_text(MAPPING.replace(", server: clerk", ""), encoding="utf-8")  # no field of the workflow
    told = _run("audit", "register.csv", "--workflow", "permits.yaml", "--mapping", "map.yaml", "--out", "one.csv")
    again = _run("audit", "log/events.parquet", "--workflow", "permits.yaml", "--out", "other.csv")
    assert told[0] == again[0] == 1
    assert Path("one.csv").read_text() == Path("other.csv").read_text()


def test_times_with_an_offset_keep_their_local_clock(tmp_path: Path) -> None:
    """And rows are in the order of their instants."""
    path = tmp_path / "log.csv"
    path.write_text(
        "case_id,activity,timestamp\n1,b,2024-03-15T00:30:00+01:00\n1,a,2024-03-14T23:45:00+01:00\n", encoding="utf-8"
    )
    log = import_log(path, tmp_path / "log")
    expected = [("a", dt.datetime(2024, 3, 14, 23, 45)), ("b", dt.datetime(2024, 3, 15, 0, 30))]
    assert _rows(log.events, "transition, happened_at") == expected


def test_names_that_a_workflow_cannot_have_are_changed(tmp_path: Path) -> None:
    """Each gets a name of its own, and import.json says what it stood for."""
    path = tmp_path / "log.csv"
    path.write_text("case_id,activity,timestamp\n1,Send Fine!,2024-03-15\n1,send fine,2024-03-16\n", encoding="utf-8")
    log = import_log(path, tmp_path / "log")
    steps = {said["meaning"]: name for name, said in log.about["transitions"].items()}
    assert set(steps) == {"Send Fine!", "send fine"}
    assert len(set(steps.values())) == 2
    assert all(name.isidentifier() for name in steps.values())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("case_id,activity,day\n1,a,2024-01-01\n", "has no column for the time; give --map time=COLUMN"),
        ("case_id,activity,timestamp\n1,a,soon\n", "row 2, column 'timestamp'"),
        ("case_id,activity,timestamp\n1,a,\n", "row 2, column 'timestamp'.*is empty; every row needs a time"),
        ("case_id,activity,timestamp\n", "has no usable row"),
        ("case_id,activity,timestamp\n1,a,2024-01-01,x\n", "row 2: has 4 values, but there are 3 columns"),
    ],
)
def test_a_wrong_log_is_a_clear_error_and_leaves_nothing(tmp_path: Path, content: str, message: str) -> None:
    """The message names the file and the row, and no folder is left."""
    path = tmp_path / "log.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        import_log(path, tmp_path / "log")
    assert [p.name for p in tmp_path.iterdir()] == ["log.csv"]


def test_a_format_of_times_that_does_not_fit_is_an_error(register: Path) -> None:
    """As in an audit."""
    mapping = LogMapping(columns={"case": "file number", "activity": "step", "time": "date"}, cells=CellFormat(("%Y/%m/%d",)))
    with pytest.raises(InputError, match=r"register\.csv: row 2, column 'date'"):
        import_log(register / "register.csv", register / "log", mapping)


def test_options_of_the_other_source_are_refused(register: Path) -> None:
    """A mapping has no meaning for a release, nor --resume for a log."""
    assert _run("import", "eoir", ".", "--mapping", "map.yaml", "--out", "log")[1] == "--mapping: does not apply to import eoir\n"
    command = ["import", "eoir", ".", "--map", "case=no", "--name", "a=b", "--time-zone", "UTC", "--out", "log"]
    assert _run(*command)[1] == "".join(f"{name}: does not apply to import eoir\n" for name in ("--map", "--name", "--time-zone"))
    assert _run("import", "log", "register.csv", "--resume", "--out", "log")[1] == "--resume: does not apply to import log\n"


def test_a_folder_that_exists_is_not_overwritten(register: Path) -> None:
    """The second import says so."""
    assert _run("import", "log", "register.csv", "--mapping", "map.yaml", "--out", "log")[0] == 0
    code, output = _run("import", "log", "register.csv", "--mapping", "map.yaml", "--out", "log")
    assert (code, output) == (2, "--out log: exists already; give another name, or remove it\n")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"../x": ("refuse",)}, r"--name ../x: a name is made of letters, digits and underscores"),
        ({"if": ("refuse",)}, r"--name if: this is a word of Python"),
        ({"grant": ("refuse",), "deny": ("refuse",)}, r"'refuse' is given as the name of grant and of deny"),
    ],
)
def test_names_of_steps_are_those_that_a_workflow_can_have(
    register: Path, names: dict[str, tuple[str, ...]], message: str
) -> None:
    """What `audit` and `discover` would refuse later is refused at once, and nothing is written."""
    with pytest.raises(InputError, match=message):
        import_log("register.csv", "log", LogMapping({"case": "file number", "activity": "step", "time": "date"}, names))
    assert not Path("log").exists()


def test_what_a_mapping_names_in_vain_is_said(register: Path) -> None:
    """A value of `only` that no row has is an error, as in an audit; names of steps and of rows to leave out are notes."""
    columns = {"case": "file number", "activity": "step", "time": "date"}
    with pytest.raises(InputError, match=r"--only step=refused: no row of register.csv has this value. Did you mean 'refuse'?"):
        import_log("register.csv", "log", LogMapping(columns, only={"step": ("refused",)}))
    mapping = LogMapping(columns, {"grant": ("permit grated",)}, ("sent bck",), cells=CellFormat(("day-first",)))
    notes = import_log("register.csv", "log", mapping).about["notes"]
    assert (
        "no row is named 'permit grated', which the mapping gives as the name of grant. Did you mean 'permit granted'?" in notes
    )
    assert "no row is named 'sent bck', which the mapping leaves out. Did you mean 'sent back'?" in notes
