"""Names, texts and paths in SQL: nothing that DuckDB is given is a pattern, a statement or a column of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from workflow.sql.quoting import identifier, literal_path, parquet, text
from workflow.sql.reading import reader

NAMES = ("run[1]", "a*b", "a?b", "**", "[!a]", "[", "]", "{a,b}", "{uuid}", "it's", 'say "no"', "a b", "new\nline", "Gefängnis–中", "back\\slash", "a\\[b", "\\?", "court=north", "~", "file:", "%20", "-", ";")  # fmt: skip
"""Names that some program reads as a pattern, a quote or an address."""


def _write(path: Path, value: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        plain = path.with_name("plain")
        connection.execute(f"copy (select {text(value)} as name) to {text(literal_path(plain))} (format parquet)")
    plain.rename(path)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each name, and in it a file of the same name whose only cell is the name. They are neighbours."""
    folder = tmp_path_factory.mktemp("neighbours")
    for name in (*NAMES, "run1", "ab", "a-b", "ax[b"):
        _write(folder / name / f"{name}.parquet", name)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_written_and_read_under_its_own_name(every: Path, name: str) -> None:
    """Its neighbours, which the name would match as a pattern, are not read, and the path adds no column."""
    path = every / name / f"{name}.parquet"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with reader([path]) as connection:
        result = connection.execute(f"select * from {parquet([path])}")
        assert [column[0] for column in result.description] == ["name"]
        assert result.fetchall() == [(name,)]


def test_a_relative_path_is_not_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder named ~ is not the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    _write(Path("~") / "x.parquet", "here")
    assert (tmp_path / "~" / "x.parquet").is_file()
    with reader(["~/x.parquet"]) as connection:
        assert connection.execute(f"select name from {parquet(['~/x.parquet'])}").fetchall() == [("here",)]


def test_the_temporary_links_are_gone_when_the_process_ends(tmp_path: Path) -> None:
    """A name with a pattern leaves nothing in the temporary folder."""
    code = f"from workflow.sql.quoting import literal_path; print(literal_path({str(tmp_path / 'a[1].parquet')!r}))"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip().endswith(".parquet")
    assert done.stdout.startswith(str(tmp_path / "docketsim-"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_identifier_and_a_text_one_string(name: str) -> None:
    """A quote in a name does not end it."""
    with reader([]) as connection:
        result = connection.execute(f"select {text(name)} as {identifier(name)}")
        assert result.description[0][0] == name
        assert result.fetchall() == [(name,)]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_parquet('{other}')",
        "select * from read_csv('{other}')",
        "select * from read_text('{other}')",
        "select * from read_blob('{other}')",
        "select * from glob('{folder}/*')",
        "select * from '{other}'",
        "select * from sniff_csv('{other}')",
        "select * from parquet_metadata('{other}')",
        "select * from secret_of_the_caller",
        "copy (select 1) to '{folder}/written.csv'",
        "attach '{folder}/written.db'",
        "export database '{folder}/written'",
        "install httpfs",
        "load httpfs",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
        "set temp_directory = '{folder}'",
        "reset lock_configuration",
    ],
)
def test_a_reader_reaches_only_its_files(every: Path, statement: str) -> None:
    """The lock comes before the first statement and cannot be opened."""
    given, other = every / "a b" / "a b.parquet", every / "run1" / "run1.parquet"
    secret_of_the_caller = {"secret": [1]}
    before = {path: path.read_bytes() for path in every.rglob("*") if path.is_file()}
    with reader([given]) as connection:
        with pytest.raises(duckdb.Error):
            connection.execute(statement.format(given=given, other=other, folder=every)).fetchall()
        assert connection.execute(f"select name from {parquet([given])}").fetchall() == [("a b",)]
    assert {path: path.read_bytes() for path in every.rglob("*") if path.is_file()} == before
    assert secret_of_the_caller


def test_ctrl_c_ends_a_statement_with_a_keyboard_interrupt(tmp_path: Path) -> None:
    """DuckDB itself raises a RuntimeError, which a notebook shows as a fault of the database."""
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt), reader([tmp_path], threads=1) as connection:
            connection.execute("select count(*) from range(1000000000000) where hash(range) = 1")
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)
