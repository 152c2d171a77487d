"""The commands compare, sql and verify."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli import app
from tests.simulations.desk import write_tiny


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small workflow and scenario."""
    write_tiny(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


COMPARE = ("compare", "tiny.yaml", "tiny.yaml", "--set", "ends=2024-01-31", "--set-other", "pools.clerks.size=3", "--replications", "8", "--seed", "3", "--out", "c", "--workers", "1")  # fmt: skip


def test_compare_prints_significant_and_other_differences(tiny: Path) -> None:
    """It prints two tables, the number of equal measures, and the cases."""
    code, out, err = _run(*COMPARE, "--at", "2024-01-10", "--all")
    assert (code, err) == (0, "")
    assert "tiny, the base, and others: 8 replications each, seed 3, paired" in out
    assert re.search(r"Against tiny with pools.clerks.size=3: \d+ distinct hypotheses\s+tested", out)
    assert "Significant differences, at the end of 2024-01-10" in out
    assert "Not significant with 8 replications, at the end of the run, 2024-01-31" in out
    assert "runs needed" in out
    assert "Exactly the same in every replication" in out
    assert "Case by case, at the end of the run: number of cases" in out
    assert "decided in one only" in out
    assert "Runs and results: c" in out
    assert {p.name for p in (tiny / "c").iterdir()} == {"base", "other-1", "comparison.json"}


def test_compare_in_json_has_the_documented_keys(tiny: Path) -> None:
    """Scripts rely on the keys. The folder has the same JSON."""
    code, out, err = _run(*COMPARE, "--json")
    content = json.loads(out)
    assert (code, err) == (0, "")
    assert list(content) == [
        "answer",
        "base",
        "against",
        "run",
        "seed",
        "replications",
        "confidence",
        "measures",
        "cases",
        "changes",
        "growing",
    ]
    keys = ["against", "measure", "court", "at", "unit", "n", "base", "other", "difference", "low", "high", "p", "certain", "hypothesis", "p_corrected", "correlation", "variance_reduction", "spread", "replications_needed"]  # fmt: skip
    assert all(list(m) == keys for m in content["measures"])
    assert content["against"] == ["tiny with pools.clerks.size=3"]
    assert content == json.loads((tiny / "c" / "comparison.json").read_text(encoding="utf-8"))
    code, again, _ = _run(*COMPARE, "--json", "--resume")
    assert (code, again) == (0, out)


def test_compare_of_a_single_replication_says_that_there_are_no_intervals(tiny: Path) -> None:
    """The message says which option to add."""
    code, out, _ = _run("compare", "tiny.yaml", "tiny.yaml", "--replications", "1", "--out", "c")
    assert code == 0
    assert "a single replication, so no intervals: add --replications" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "tiny.yaml", "tinny.yaml"), "there is no scenario 'tinny.yaml'"),
        (("compare", "tiny.yaml", "tiny.yaml", "--set-other", "ends=2024-01-31"), "compare: ends: 2024-01-31 in tiny, 2024-02-15"),
        (("compare", "tiny.yaml", "tiny.yaml", "--measure", "pendin"), "Did you mean 'pending'?"),
        (("compare", "tiny.yaml", "tiny.yaml", "--resume"), "--resume needs --out"),
        (("compare", "tiny.yaml"), "Missing argument"),
        (("sql", "nowhere", "from cases"), "nowhere: is not a run folder"),
        (("verify", "nowhere"), "nowhere: is not a run folder"),
        (("verify", "nowhere", "--rerun", "-1"), "is not a run folder"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_and_nothing_is_written(tiny: Path, arguments: tuple[str, ...], message: str) -> None:
    """The exit code is 2, the message is on standard error, and there is no folder."""
    before = sorted(p.name for p in tiny.iterdir())
    code, out, err = _run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(p.name for p in tiny.iterdir()) == before


QUERY = "select court, count(*) as n, min(arrived_at) as first, avg(age) > 1 as old from cases where origin = 'backlog' group by all order by all"


def test_sql_prints_a_table_csv_or_json(tiny: Path) -> None:
    """Times are ISO strings, and numbers are numbers."""
    _run("run", "tiny.yaml", "--out", "here", "--quiet")
    code, out, err = _run("sql", "here", QUERY)
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines() if line.strip()] == [
        ["court", "n", "first", "old"],
        ["east", "20", "2024-01-01T00:00:00", "True"],
        ["west", "10", "2024-01-01T00:00:00", "True"],
    ]
    assert json.loads(_run("sql", "here", QUERY, "--json")[1]) == {
        "columns": ["court", "n", "first", "old"],
        "rows": [["east", 20, "2024-01-01T00:00:00", True], ["west", 10, "2024-01-01T00:00:00", True]],
    }
    rows = list(csv.reader(io.StringIO(_run("sql", "here", QUERY, "--csv")[1])))
    assert rows == [["court", "n", "first", "old"], ["east", "20", "2024-01-01T00:00:00", "True"], ["west", "10", "2024-01-01T00:00:00", "True"]]  # fmt: skip


def test_a_narrow_terminal_folds_values_and_a_pipe_has_a_line_per_row(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value is shortened to an ellipsis; without a terminal and COLUMNS, nothing is wrapped."""
    assert _run("run", "tiny.yaml", "--replications", "1", "--out", "r", "--quiet")[0] == 0
    query = ["sql", "r", f"select '{'x' * 70}' as first, '{'y' * 70}' as second, '{'z' * 70}' as third"]
    monkeypatch.setenv("COLUMNS", "60")
    folded = _run(*query)[1]
    assert [folded.count(letter) for letter in "xyz"] == [70, 70, 70]
    assert max(map(len, folded.splitlines())) <= 60
    monkeypatch.delenv("COLUMNS")
    assert [line.split() for line in _run(*query)[1].splitlines()[1:]] == [["x" * 70, "y" * 70, "z" * 70]]


def test_sql_shows_a_hundred_rows_and_writes_all(tiny: Path) -> None:
    """Standard error has the number of remaining rows."""
    _run("run", "tiny.yaml", "--out", "here", "--quiet")
    code, out, err = _run("sql", "here", "select sequence from events order by 1")
    assert code == 0
    assert len(out.split()) == 101
    assert err == "More than 100 rows: --csv or --json prints all.\n"
    assert len(_run("sql", "here", "select sequence from events", "--csv")[1].splitlines()) > 150


def test_sql_reports_a_mistake(tiny: Path) -> None:
    """The exit code is 2."""
    _run("run", "tiny.yaml", "--out", "here", "--quiet")
    assert _run("sql", "here", "from evnts") == (2, "", "sql: there is no view 'evnts'. Did you mean 'events'?\n")
    assert _run("sql", "here", "from events", "--csv", "--json")[0] == 2


def test_verify_names_what_is_wrong_with_exit_code_1(tiny: Path) -> None:
    """Otherwise it prints what it checked."""
    _run("run", "tiny.yaml", "--replications", "2", "--out", "here", "--quiet")
    code, out, _ = _run("verify", "here", "--rerun", "1")
    assert code == 0
    assert out.startswith("6 parts of 2 replications: as written.\nRerun of replication ")
    assert out.endswith(": the same bytes.\n")
    part = tiny / "here" / "events" / "replication=2.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    code, out, _ = _run("verify", "here")
    assert code == 1
    assert out == "here/events/replication=2.parquet: not as it was written\n6 parts of 2 replications: 1 wrong.\n"
    code, out, _ = _run("verify", "here", "--json")
    assert code == 1
    assert json.loads(out) == {
        "run": "here", "parts": 6, "replications": 2, "run_again": [], "verdict": "differs",
        "wrong": [{"file": "events/replication=2.parquet", "what": "not as it was written"}],
    }  # fmt: skip
    assert _run("verify", "here", "--quiet") == (1, "", "")
