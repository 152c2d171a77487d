"""What reaches the terminal, a spreadsheet or another program: escape sequences, formulas and numbers that JSON lacks."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli import app
from simulations.cli.common import print_json
from simulations.tables.table import as_csv
from tests.simulations.desk import write_tiny

CLEAR = "\x1b[2J\x9b31m\u202e"
"""Clear the screen, in two spellings, and reverse the direction."""

SHOWN = "\\u001b[2J\\u009b31m\\u202e"


def _run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small run."""
    folder = tmp_path_factory.mktemp("printed")
    write_tiny(folder)
    run = ("run", folder / "tiny.yaml", "--out", folder / "r", "--set", "ends=2024-01-10", "--workers", "1", "--quiet")
    assert _run(*run)[0] == 0
    return folder


def _query(text: str) -> str:
    return " || ".join(f"chr({ord(character)})" for character in text)


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_sql_shows_escape_sequences(here: Path, form: tuple[str, ...]) -> None:
    """A cell of a table cannot clear the screen, in any form."""
    code, out, _ = _run("sql", here / "r", f"select {_query(CLEAR)} as cell", *form)
    assert code == 0
    assert SHOWN in out
    assert not set(CLEAR) & set(out) - set("[2J31m")


def test_a_message_shows_escape_sequences(here: Path) -> None:
    """A message about a wrong file quotes the file."""
    (here / "bad.yaml").write_text(f'scenario: "{CLEAR[1:4]}\\e[2J"\nworkflow: desk.yaml\n', encoding="utf-8")
    code, out, err = _run("run", here / "bad.yaml")
    assert code == 2
    assert "\x1b" not in out + err
    assert "[2J" in err


def test_audit_shows_the_names_of_a_log(here: Path) -> None:
    """Activities and cases of a foreign log are printed as they are, but not run by the terminal."""
    log = here / "log.csv"
    log.write_text(f"case,activity,time\n=1+1{CLEAR},wake{CLEAR},2024-01-01\n", encoding="utf-8")
    code, out, err = _run("audit", log, "--workflow", here / "desk.yaml", "--out", here / "offending.csv")
    assert code == 1, err
    assert "\x1b" not in out
    assert SHOWN in out
    [_, row] = csv.reader(io.StringIO((here / "offending.csv").read_text(encoding="utf-8")))
    assert row[0].startswith("'=1+1")


def test_a_folder_with_brackets_is_no_markup(here: Path) -> None:
    """The name of the folder is printed as it is."""
    for name in ("[red]x", "[/red]"):
        shutil.rmtree(here / name, ignore_errors=True)
        code, out, err = _run("run", here / "tiny.yaml", "--out", here / name, "--set", "ends=2024-01-03", "--workers", "1")
        assert (code, err) == (0, "")
        assert name in "".join(out.split("\n"))


def test_sql_writes_formulas_for_spreadsheets_as_texts(here: Path) -> None:
    """A text that a spreadsheet would run gets an apostrophe; a number does not; JSON has the text itself."""
    texts = ["=1+1", "+1", "-1", "@sum(a1)", "\tx", "\rx", "north"]
    query = "select unnest([" + ", ".join(_query(text) for text in texts) + "]) as cell, -1 as number"
    _, out, _ = _run("sql", here / "r", query, "--csv")
    rows = list(csv.reader(io.StringIO(out, newline="")))[1:]
    assert [row[0] for row in rows] == ["'=1+1", "'+1", "'-1", "'@sum(a1)", "'\tx", "'\\u000dx", "north"]
    assert {row[1] for row in rows} == {"-1"}
    assert [row[0] for row in json.loads(_run("sql", here / "r", query, "--json")[1])["rows"]] == texts


def test_tables_of_reports_have_no_formulas() -> None:
    """The CSV behind a table of a report is opened in a spreadsheet; its header too."""
    assert as_csv(["=a", "b"], [["@x", -2.5], ["y", None]]) == "'=a,b\n'@x,-2.5\ny,\n"


def test_json_has_no_infinity(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Infinity and NaN are null, in SQL and everywhere else."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    query = "select 'inf'::double as a, '-inf'::double as b, 'nan'::double as c, ['inf'::float] as d, 1.5 as e"
    _, out, _ = _run("sql", here / "r", query, "--json")
    assert json.loads(out, parse_constant=refuse)["rows"] == [[None, None, None, [None], 1.5]]
    print_json({"z": [float("inf"), {"x": float("nan")}], "n": 3})
    assert json.loads(capsys.readouterr().out, parse_constant=refuse) == {"z": [None, {"x": None}], "n": 3}


@pytest.mark.parametrize("command", ["audit", "draw", "export", "report"])
def test_a_file_is_written_whole_or_not_at_all(here: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full before the end, the old file stays and no part of a new one does."""
    out = here / f"{command}.svg"
    out.write_text("old", encoding="utf-8")
    arguments = {
        "audit": ("audit", here / "r", "--workflow", here / "desk.yaml"),
        "draw": ("draw", here / "desk.yaml"),
        "export": ("export", here / "r", "--to", "xes"),
        "report": ("report", here / "r", "--measure", "pending"),
    }[command]

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    before = {path.name for path in here.iterdir()}
    monkeypatch.setattr("os.fsync", full)
    code, _, err = _run(*arguments, "--out", out)
    assert code == 1
    assert err == f"{out}: could not be written: No space left on device\n"
    assert out.read_text(encoding="utf-8") == "old"
    assert {path.name for path in here.iterdir()} == before


def test_a_device_is_not_replaced_by_a_file(here: Path) -> None:
    """--out names a file; a pipe or device of this name stays."""
    import os

    pipe = here / "pipe.svg"
    os.mkfifo(pipe)
    code, _, err = _run("draw", here / "desk.yaml", "--out", pipe)
    assert (code, err) == (1, f"{pipe}: could not be written: is not an ordinary file\n")
    assert pipe.is_fifo()
