"""How long does the import of a whole release take, and how much memory? Run with ``make bench``.

The release is synthetic: 12 million cases, 16 million proceedings, some 5 GB on disk, and as much again while it is imported.
DOCKETSIM_IMPORT_CASES sets another number of cases.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from simulations.importing.imported import UNFINISHED, open_imported
from simulations.importing.layout import CASES, PROCEEDINGS, TableLayout
from simulations.importing.writing import FIRST_CASE, write_release

pytestmark = pytest.mark.benchmark

N_CASES = int(os.environ.get("DOCKETSIM_IMPORT_CASES", "12000000"))
MOST_SECONDS, MOST_GB = 300, 4

_DAY = "strftime(timestamp '2005-01-03' + to_days((i * 7919 % 6000)::integer + {}), '%Y-%m-%d 00:00:00.000')"
_OF_CASE = {
    "IDNCASE": f"i + {FIRST_CASE}",
    "ALIEN_CITY": "['DENVER', 'BALTIMORE', 'CAÑON CITY'][1 + i % 3]",
    "ALIEN_STATE": "'CO'",
    "ALIEN_ZIPCODE": "(80000 + i % 1000)::varchar",
    "NAT": "['MX', 'GT', 'HO', 'ES', '??'][1 + i % 5]",
    "LANG": "'SP '",
    "CUSTODY": "['N', 'D', 'R'][1 + i % 3]",
    "SITE_TYPE": "'D'",
    "E_28_DATE": f"case when i % 2 = 0 then {_DAY.format(20)} end",
    "CASE_TYPE": "'RMV'",
    "LATEST_HEARING": _DAY.format(300),
    "LATEST_TIME": "'0900'",
    "LATEST_CAL_TYPE": "'M'",
    "DATE_OF_ENTRY": _DAY.format(-900),
    "C_BIRTHDATE": "(1 + i % 12) || '/' || (1950 + i % 50)",
    "GENDER": "'M'",
    "LPR": "'0'",
}
_OF_PROCEEDING = {
    "IDNPROCEEDING": "k * 100000000 + i + 1",
    "IDNCASE": f"i + {FIRST_CASE}",
    "OSC_DATE": _DAY.format(0),
    "INPUT_DATE": _DAY.format("(400 * k)::integer"),
    "BASE_CITY_CODE": "['DEN', 'BAL', 'NYC'][1 + (i + k) % 3]",
    "HEARING_LOC_CODE": "['DEN', 'BAL', 'NYC'][1 + (i + k) % 3]",
    "IJ_CODE": "'J' || (i % 300)",
    "HEARING_DATE": _DAY.format(200),
    "HEARING_TIME": "'0900'",
    "DEC_TYPE": "'O'",
    "DEC_CODE": "case when k = 0 and i % 3 = 0 or i % 4 = 1 then '' else ['X', 'R', 'T', 'V'][1 + i % 4] end",
    "OTHER_COMP": "case when k = 0 and i % 3 = 0 then ['T', 'C', 'Y'][1 + i % 9 // 3] end",
    "COMP_DATE": f"case when k = 0 and i % 3 = 0 then {_DAY.format(400)} when i % 4 <> 1 then {_DAY.format('(500 + 400 * k)::integer')} end",
    "ABSENTIA": "'N'",
    "CASE_TYPE": "'RMV'",
    "NAT": "'MX'",
    "LANG": "'SP '",
}


@dataclass(frozen=True)
class Written:
    """The release, with its numbers of rows."""

    folder: Path
    n_cases: int
    n_proceedings: int


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return the release, written once."""
    folder = tmp_path_factory.mktemp("imports") / "release"
    return Written(folder, *_write(folder))


def _write(folder: Path) -> tuple[int, int]:
    """Write the release, and return its numbers of rows."""
    write_release([], folder, dt.date(2026, 6, 1), {"DEN": "Denver", "BAL": "Baltimore", "NYC": "New York"})
    counts = {}
    for table, values, rows in (
        (CASES, _OF_CASE, f"range({N_CASES}) r(i)"),
        (PROCEEDINGS, _OF_PROCEEDING, f"range({N_CASES}) r(i), range(2) s(k) where k = 0 or i % 3 = 0"),
    ):
        counts[table.name] = _copy(folder, table, values, rows)
    next(folder.rglob("Count.txt")).write_text("".join(f"{name}\t{n}\n" for name, n in counts.items()))
    return counts[CASES.name], counts[PROCEEDINGS.name]


def _copy(folder: Path, table: TableLayout, values: dict[str, str], rows: str) -> int:
    path = next(folder.rglob(f"{table.name}.csv"))
    columns = ", ".join(f"{values.get(name, 'null')} as {name}" for name in table.columns)
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GB'")
        connection.execute(
            f"copy (select {columns} from {rows}) to '{path}.part' (format csv, header, delimiter '\t', quote '', escape '', nullstr '')"
        )
        (n,) = connection.execute(f"select count(*) from {rows}").fetchone() or (0,)
    Path(f"{path}.part").replace(path)
    with path.open("ab") as file:
        file.write(b"\t" * (len(table.columns) - 1) + b"\n" + b"1\t2\t3\x00\n" * 2)
    return int(n) + 3


def _import(release: Path, out: Path, *options: str) -> tuple[int, float, float, float]:
    """Import in a process of its own; return its status, its seconds, its seconds of processor time, and its peak memory in GB."""
    start = time.perf_counter()
    program = [sys.executable, "-m", "simulations.cli", "import", "eoir", str(release), "--out", str(out), *options]
    process = os.spawnv(os.P_NOWAIT, sys.executable, program)
    _, status, used = os.wait4(process, 0)
    return status, time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20


def test_import_of_a_whole_release(release: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """12 million cases and 16 million proceedings, on two cores: the target is five minutes and 4 GB."""
    size = sum(path.stat().st_size for path in release.folder.rglob("*.csv")) / 2**30
    status, seconds, used, peak = _import(release.folder, tmp_path / "log", "--quiet")
    with capsys.disabled():
        print(f"\nimport of {release.n_cases:,} cases and {release.n_proceedings:,} proceedings, {size:.1f} GB:")
        print(f"  {seconds:8.0f} s ({used:.0f} s of processor time), the target is {MOST_SECONDS} s for 12 million cases")
        print(f"  {peak:8.2f} GB at most, the target is {MOST_GB} GB")
    assert status == 0
    about = open_imported(tmp_path / "log").about
    assert about["n_cases"] == N_CASES
    assert {name: said["rejected"] for name, said in about["tables"].items() if said["rows"]} == {
        CASES.name: 3,
        PROCEEDINGS.name: 3,
    }
    assert peak < MOST_GB


def test_a_killed_import_of_a_whole_release_resumes(release: Written, tmp_path: Path) -> None:
    """Killed while it gathers cases, it goes on, and the log is complete."""
    out = tmp_path / "log"
    program = [sys.executable, "-m", "simulations.cli", "import", "eoir", str(release.folder), "--out", str(out), "--quiet"]
    process = os.spawnv(os.P_NOWAIT, sys.executable, program)
    while not list((out / UNFINISHED).glob("parts/*.json")) and os.waitpid(process, os.WNOHANG) == (0, 0):
        time.sleep(0.01)
    os.kill(process, 9)
    os.waitpid(process, 0)
    assert not (out / "import.json").exists()
    status, *_ = _import(release.folder, out, "--resume", "--quiet")
    assert status == 0
    about = json.loads((out / "import.json").read_text())
    assert about["n_cases"] == N_CASES
    assert [path.name for path in out.iterdir() if path.is_dir()] == []
