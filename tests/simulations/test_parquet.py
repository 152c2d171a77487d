"""Columns written as Parquet: the same bytes whatever was written before, and whole or not at all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pytest

from simulations.run_folder import parquet
from simulations.run_folder.parquet import Columns, write_parquet
from simulations.run_folder.whole_files import WriteFailed

SELECT = ["number", "made_at", "(['one', 'two'])[word + 1] as word", "case when isnan(value) then null else value end as value"]  # fmt: skip


def _columns(rows: int, seed: int = 0) -> Columns:
    dice = np.random.default_rng(seed)
    return {
        "number": np.arange(rows, dtype=np.int32),
        "made_at": dice.integers(0, 10**15, rows).astype("datetime64[us]"),
        "word": dice.integers(-1, 2, rows).astype(np.int8),
        "value": np.where(dice.random(rows) < 0.5, np.nan, dice.random(rows)),
    }


def _read(path: Path) -> list[tuple[object, ...]]:
    return duckdb.sql(f"select number, epoch_us(made_at), word, value from '{path}'").fetchall()


def _expected(columns: Columns) -> list[tuple[object, ...]]:
    words = [(None, "one", "two")[k + 1] for k in columns["word"]]
    values = [None if v != v else v for v in columns["value"].tolist()]
    return list(zip(columns["number"].tolist(), columns["made_at"].astype(int).tolist(), words, values, strict=True))


def test_every_row_is_written_in_its_order(tmp_path: Path) -> None:
    """Of tables of no row, of fewer and of more rows than the one before, and of so many that they are not copied."""
    (tmp_path / "cases").mkdir()
    for k, rows in enumerate([3, 0, 5000, 4000, 5100, 1, 70_000, 2]):
        path = tmp_path / "cases" / f"{k}.parquet"
        write_parquet(path, [_columns(rows, k)], SELECT)
        assert _read(path) == _expected(_columns(rows, k))


def test_the_bytes_do_not_depend_on_what_was_written_before(tmp_path: Path) -> None:
    """Neither on longer or shorter tables, nor on those of another shape, into this folder or another."""
    for folder in ("cases", "events"):
        (tmp_path / folder).mkdir()
    alone = {}
    for rows in (0, 1, 2047, 2048, 2049, 5000):
        parquet._kept.clear()
        write_parquet(tmp_path / "cases" / "alone.parquet", [_columns(rows)], SELECT)
        alone[rows] = (tmp_path / "cases" / "alone.parquet").read_bytes()
    for before in (6000, 10, 70_000):
        for folder in ("cases", "events"):
            for rows, wanted in alone.items():
                write_parquet(tmp_path / folder / "before.parquet", [_columns(before, 1)], SELECT[: 1 + rows % 2])
                write_parquet(tmp_path / folder / "again.parquet", [_columns(rows)], SELECT)
                assert (tmp_path / folder / "again.parquet").read_bytes() == wanted


def test_the_bytes_do_not_depend_on_how_rows_are_divided_into_tables(tmp_path: Path) -> None:
    """Neither on empty tables nor on those that end within a row group."""
    (tmp_path / "cases").mkdir()
    one, two = tmp_path / "cases" / "one.parquet", tmp_path / "cases" / "two.parquet"
    whole = _columns(300_001)
    write_parquet(one, [whole], SELECT)
    cuts = [0, 5, 5, 70_000, 122_880, 122_881, 299_000, 300_001]
    write_parquet(two, [{name: column[a:b] for name, column in whole.items()} for a, b in pairwise(cuts)], SELECT)
    assert one.read_bytes() == two.read_bytes()
    assert _read(two) == _expected(whole)


def test_instants_bits_and_missing_numbers_are_written_as_such(tmp_path: Path) -> None:
    """In a table of many rows, which DuckDB reads as a stream, as in one of few."""
    (tmp_path / "cases").mkdir()
    for rows in (10, 70_000):
        numbers = np.arange(rows)
        path = tmp_path / "cases" / "1.parquet"
        given = {
            "made": numbers.astype("datetime64[us]"),
            "bit": numbers % 3 == 1,
            "number": np.where(numbers % 3 == 0, -1, numbers),
        }
        write_parquet(path, [given], ["made", "bit", "nullif(number, -1) as number"])
        written = duckdb.sql(f"select epoch_us(made), bit, number from '{path}'").fetchall()
        assert written == [(k, k % 3 == 1, None if k % 3 == 0 else k) for k in range(rows)]


def test_an_error_of_the_rows_is_raised_as_it_is_and_leaves_no_file(tmp_path: Path) -> None:
    """It comes when some rows have been written."""
    (tmp_path / "cases").mkdir()

    def tables() -> Iterator[Columns]:
        yield _columns(200_000)
        raise LookupError("no more rows")

    with pytest.raises(LookupError, match="no more rows"):
        write_parquet(tmp_path / "cases" / "1.parquet", tables(), SELECT)
    assert [*(tmp_path / "cases").iterdir()] == []


def test_a_relative_path_is_in_the_working_folder_of_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second table goes to the same relative path in another folder."""
    for name in ("one", "two"):
        (tmp_path / name / "kind").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / name)
        write_parquet(Path("kind/table.parquet"), [_columns(3)], SELECT)
        assert _read(tmp_path / name / "kind" / "table.parquet") == _expected(_columns(3))


def test_threads_write_at_the_same_time(tmp_path: Path) -> None:
    """Into folders of the same name and into one folder; each file has its own rows."""
    paths = [tmp_path / str(k % 3) / "cases" / f"{k}.parquet" for k in range(60)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda k: write_parquet(paths[k], [_columns(1000 + k, k)], SELECT), range(60)))
    for k, path in enumerate(paths):
        assert _read(path) == _expected(_columns(1000 + k, k))


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("rows", [5000, 70_000])
def test_a_full_disk_leaves_the_old_file_and_the_next_one_is_written(tmp_path: Path, rows: int) -> None:
    """The failed attempt leaves nothing in the folder, or in what is written afterwards."""
    path = tmp_path / "cases" / "1.parquet"
    path.parent.mkdir()
    write_parquet(path, [_columns(rows)], SELECT)
    wanted = path.read_bytes()
    with _files_of_at_most(10_000), pytest.raises(WriteFailed, match=r"1\.parquet: could not be written: "):
        write_parquet(path, [_columns(rows, 1)], SELECT)
    assert [p.name for p in path.parent.iterdir()] == ["1.parquet"]
    assert path.read_bytes() == wanted
    write_parquet(path, [_columns(rows, 1)], SELECT)
    assert _read(path) == _expected(_columns(rows, 1))
    write_parquet(path, [_columns(rows)], SELECT)
    assert path.read_bytes() == wanted


def test_tables_of_other_types_are_refused(tmp_path: Path) -> None:
    """Nothing is written, and nothing waits for the rest."""
    (tmp_path / "cases").mkdir()
    tables = [{"x": np.arange(200_000)}, {"x": np.arange(200_000.0)}]
    with pytest.raises(TypeError, match="a batch has"):
        write_parquet(tmp_path / "cases" / "1.parquet", tables, ["x"])
    assert [*(tmp_path / "cases").iterdir()] == []
