"""Import of records: to the row, restartable, and with clear errors."""

from __future__ import annotations

import csv
import datetime as dt
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from typer.testing import CliRunner

from simulations import run
from simulations.cli import app
from simulations.importing import eoir, staging
from simulations.importing.eoir import import_eoir
from simulations.importing.imported import open_imported
from simulations.importing.layout import PROCEEDINGS
from simulations.importing.quirks import QUIRKS
from simulations.importing.synth import Synthetic, synth_eoir
from simulations.loading import load_scenario
from simulations.run_folder.folders import RunFolderInUse, locked
from simulations.run_folder.whole_files import WriteFailed
from tests.simulations.court_office import write_court
from workflow.errors import InputError


class Court(NamedTuple):
    """A run of a small court, and the release written from it."""

    folder: Path
    release: Synthetic


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Court:
    """A release with every quirk."""
    folder = tmp_path_factory.mktemp("court")
    run(str(write_court(folder)), engine="simpy", out=folder / "run", progress=False)
    return Court(folder, synth_eoir(folder / "run", folder / "release"))


@pytest.fixture(scope="module")
def imported(court: Court) -> Path:
    """The release, imported."""
    return import_eoir(court.release.folder, court.folder / "log").folder


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(f"select {query}".replace("LOG", "read_parquet($path)"), {"path": str(path)}).fetchall()


def _release(folder: Path, court: Court) -> Path:
    """Copy the tables of the release, to be changed."""
    for file in court.release.folder.rglob("*"):
        if file.suffix in (".csv", ".txt"):
            copy = folder / "release" / file.name
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return folder / "release"


# round trip ---------------------------------------------------------------------------------------------


def test_an_import_gives_the_log_of_the_run(court: Court, imported: Path) -> None:
    """Every transition of every case, with its court and its time to the millisecond, despite all quirks."""
    first, courts = court.release.known["first_case"], {name: code for code, name in court.release.known["courts"].items()}
    events = str(court.folder / "run" / "**" / "*.parquet")
    part = next(
        path
        for path in map(Path, duckdb.execute("select file from glob(?)", [events]).fetchnumpy()["file"])
        if "events" in str(path)
    )
    columns = f"case_id + {first}, transition, date_trunc('millisecond', happened_at), current_court, to_court"
    ran = _rows(part, f"{columns} from LOG where transition is not null order by case_id, sequence")
    expected = [(*row[:3], courts[row[3]], courts.get(row[4])) for row in ran]
    found = _rows(
        imported / "events.parquet",
        "case_id::bigint, transition, happened_at, current_court, to_court from LOG where transition is not null",
    )
    assert len(found) > 400
    assert found == expected


def test_what_comes_from_outside_has_an_event_as_cause(imported: Path) -> None:
    """Recalendaring and changes of venue are events, as they are in the run; hearings and decisions complete work."""
    causes = dict(_rows(imported / "events.parquet", "distinct transition, cause from LOG where transition is not null"))
    assert causes["recalendar"] == "recalendar_motion"
    assert {causes.pop(name) for name in list(causes) if name in ("change_venue", "recalendar")} == {
        "venue_motion",
        "recalendar_motion",
    }
    assert set(causes.values()) == {"complete"}


def test_facts_arrivals_and_cases_are_those_of_the_run(court: Court, imported: Path) -> None:
    """Also of cases without a step."""
    part = next((court.folder / "run").rglob("*cases*/*.parquet"))
    query = f"case_id + {court.release.known['first_case']}, date_trunc('millisecond', arrived_at), represented from LOG order by case_id"
    found = _rows(imported / "cases.parquet", "case_id::bigint, arrived, represented from LOG")
    assert found == _rows(part, query)


def test_every_quirk_is_counted_to_the_row(court: Court, imported: Path) -> None:
    """The rows that are repaired, rejected and flagged are those that were damaged, with their lines."""
    assert {quirk.name for quirk in QUIRKS} - {said["quirk"] for said in court.release.known["damaged"]} == set()
    for outcome in ("repaired", "rejected", "flagged"):
        with (imported / f"{outcome}.csv").open(encoding="utf-8", newline="") as file:
            found = [(row["table"], int(row["line"])) for row in csv.DictReader(file)]
        known = [(said["table"], said["line"]) for said in court.release.known["damaged"] if said["outcome"] == outcome]
        assert Counter(found) == Counter(known)


def test_an_audit_reads_the_log_without_a_mapping(court: Court, imported: Path) -> None:
    """The folder itself, and judges the rules of the workflow."""
    result = CliRunner().invoke(app, ["audit", str(imported), "--workflow", str(court.folder / "court.yaml")])
    assert result.exit_code == 0, result.output
    assert "kept                 a case is decided once" in result.output
    assert "no move that the workflow does not allow" in result.output


def test_the_mapping_of_a_release_leads_back_to_the_workflow(tmp_path: Path) -> None:
    """The log of a synthetic pilot has the transitions that a release can tell, as often as the run had them."""
    few = "{denver: {title: Denver, backlog: {closed: 100, pending: 200}}, baltimore: {title: Baltimore, backlog: {docket: 50}}}"
    run(load_scenario("pilot", [f"courts={few}"]), engine="simpy", out=tmp_path / "run", progress=False)
    release = synth_eoir(tmp_path / "run", tmp_path / "release", quirks=0)
    log = import_eoir(release.folder, tmp_path / "log")
    counts = {name: said["count"] for name, said in log.about["transitions"].items()}
    assert counts == release.known["steps"]
    assert set(release.known["not_written"]) == {"recalendar: the proceeding before is of another kind"}  # closed before the run
    assert len(counts) > 4


# files --------------------------------------------------------------------------------------------------


def test_a_zip_file_is_imported_like_its_folder(court: Court, imported: Path, tmp_path: Path) -> None:
    """The tables are found in any folder of it, in any case of letters."""
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        for file in court.release.folder.rglob("*.csv"):
            parts.write(file, f"EOIR Case Data/{file.name.upper()}")
    log = import_eoir(path, tmp_path / "log", as_of=_last_day(imported))
    assert (log.folder / "events.parquet").read_bytes() == (imported / "events.parquet").read_bytes()


def _last_day(imported: Path) -> Any:
    return dt.date.fromisoformat(json.loads((imported / "import.json").read_text())["last_day"])


def _in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "PIECE", 20_000)
    monkeypatch.setattr(eoir, "BATCH", 100)


@pytest.fixture(scope="module")
def whole(court: Court) -> Path:
    """The release, imported in many parts without interruption."""
    with pytest.MonkeyPatch.context() as patched:
        _in_small_parts(patched)
        return import_eoir(court.release.folder, court.folder / "whole").folder


class _Killed(BaseException):
    """Stands for a kill: nothing is cleaned up."""


def test_a_killed_import_resumes_to_the_same_bytes(
    court: Court, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed while it reads a table, again while it gathers cases, and again while it writes the log."""
    _in_small_parts(monkeypatch)
    out = tmp_path / "log"
    for n, (module, name, at) in enumerate([(staging, "_path", 3), (eoir, "gather", 2), (eoir, "_merge", 1)]):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, _killing(vars(module)[name], at))
            with pytest.raises(_Killed):
                import_eoir(court.release.folder, out, resume=n > 0)
        with pytest.raises(InputError, match="not a finished import; finish it with docketsim import and --resume"):
            open_imported(out)
    import_eoir(court.release.folder, out, resume=True)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in whole.iterdir())
    for path in whole.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def _killing(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """Return a function that stands for a kill at its n-th call."""
    calls = iter(range(1, 1_000_000))

    def killed(*arguments: Any) -> Any:
        if next(calls) == at:
            raise _Killed
        return function(*arguments)

    return killed


def test_an_import_does_not_resume_another_release(court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are known again by their sizes and times."""
    release = _release(tmp_path, court)
    with monkeypatch.context() as patched:
        patched.setattr(eoir, "gather", _killing(vars(eoir)["gather"], 1))
        with pytest.raises(_Killed):
            import_eoir(release, tmp_path / "log")
    with (release / "A_TblCase.csv").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match="is of another import"):
        import_eoir(release, tmp_path / "log", resume=True)


def test_want_of_memory_or_disk_is_told_and_resumed(
    court: Court, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done by then stays."""
    _in_small_parts(monkeypatch)
    errors = {
        "not enough memory; give more with --memory, such as --memory 4GB, and go on": duckdb.OutOfMemoryException("failed"),
        "No space left; make room, and go on with --resume": duckdb.IOException("could not write: No space left"),
    }
    for n, (message, error) in enumerate(errors.items()):
        with monkeypatch.context() as patched:
            patched.setattr(eoir, "gather", _failing(error))
            with pytest.raises(WriteFailed, match=message):
                import_eoir(court.release.folder, tmp_path / "log", resume=n > 0)
        monkeypatch.setattr(eoir, "stage", _staged_already(staging.stage))
    log = import_eoir(court.release.folder, tmp_path / "log", resume=True)
    assert log.events.read_bytes() == (whole / "events.parquet").read_bytes()


def _failing(error: Exception) -> Callable[..., Any]:
    def failing(*_: Any) -> None:
        raise error

    return failing


def _staged_already(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Return `stage`, which must find every table staged."""

    def staged(release: Any, table: Any, folder: Path, connection: Any) -> Any:
        assert (folder / "finished").exists()
        return stage(release, table, folder, connection)

    return staged


def test_two_imports_never_write_to_one_folder(court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one names the process of the first."""
    with monkeypatch.context() as patched:
        patched.setattr(eoir, "gather", _killing(vars(eoir)["gather"], 1))
        with pytest.raises(_Killed):
            import_eoir(court.release.folder, tmp_path / "log")
    with locked(tmp_path / "log" / "unfinished"), pytest.raises(RunFolderInUse):
        import_eoir(court.release.folder, tmp_path / "log", resume=True)


@pytest.mark.parametrize("memory", ["much", "2", "10KB", "1 mile"])
def test_a_wrong_size_of_memory_is_an_error(court: Court, tmp_path: Path, memory: str) -> None:
    """Before anything is read."""
    with pytest.raises(InputError, match=f"--memory {memory}: must be a size of 500MB or more, such as 2GB"):
        import_eoir(court.release.folder, tmp_path / "log", memory=memory)


def test_a_finished_import_is_not_overwritten(court: Court, imported: Path) -> None:
    """Not even with --resume."""
    for resume, message in ((False, "exists already; give another name"), (True, "has no interrupted import")):
        with pytest.raises(InputError, match=message):
            import_eoir(court.release.folder, imported, resume=resume)


# wrong input --------------------------------------------------------------------------------------------


def _without(release: Path) -> None:
    (release / "B_TblProceeding.csv").rename(release / "B_TblProceedings.csv")


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(release: Path) -> None:
        (release / name).write_bytes(change((release / name).read_bytes()))

    return apply


def _header_alone(data: bytes) -> bytes:
    return data.partition(b"\n")[0] + b"\n"


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing table": (_without, r"release: has no table B_TblProceeding .*Did you mean 'B_TblProceedings.csv'\?"),
    "wrong header": (
        _changed("A_TblCase.csv", lambda data: data.replace(b"Case_Type", b"Cse_Type", 1)),
        r"A_TblCase.csv:1: has no column CASE_TYPE, which A_TblCase must have. Did you mean 'CSE_TYPE'\?",
    ),
    "no header": (
        _changed("A_TblCase.csv", lambda data: data.partition(b"\n")[2]),
        r"A_TblCase.csv:1: names none of the columns of A_TblCase, but has .*; the first line must be the header",
    ),
    "wrong delimiter": (
        _changed("A_TblCase.csv", lambda data: data.replace(b"\t", b",")),
        "A_TblCase.csv:1: its columns are separated by commas, but the tables of a release are separated by tabs",
    ),
    "no usable row": (
        _changed("B_TblProceeding.csv", lambda data: data.partition(b"\n")[0] + b"\n" + b"\t" * 37 + b"\n"),
        "B_TblProceeding.csv:2: has no usable row among 1 row; line 2: IDNPROCEEDING is empty",
    ),
    "no usable row of another table": (
        _changed("tbl_schedule.csv", lambda data: _header_alone(data) + data.partition(b"\n")[2].replace(b"\t", b",")),
        r"tbl_schedule.csv:2: has no usable row among \d+ rows; line 2: .*; without the file its events and facts are missing values",
    ),
    "empty table": (_changed("A_TblCase.csv", _header_alone), "A_TblCase.csv:2: has no usable row among 0 rows"),
    "empty file": (_changed("A_TblCase.csv", lambda _: b""), "A_TblCase.csv:1: is empty"),
    "no lookup": (
        _changed("tblLookupCourtDecision.csv", _header_alone),
        "tblLookupCourtDecision.csv: has no usable row, and without it no decision can be decoded",
    ),
    "cut off": (
        _changed("A_TblCase.csv", lambda data: data[: len(data) // 2]),
        r"A_TblCase.csv: has \d+ rows, but Count.txt says 195: it is cut off, or of another release",
    ),
    "no lines": (
        _changed("A_TblCase.csv", lambda data: _header_alone(data) + b"x" * (staging.PIECE + 5)),
        "A_TblCase.csv: has a line of more than 67,108,864 bytes, so it is no table",
    ),
    "another table": (
        _changed("A_TblCase.csv", lambda data: _header_alone(data) + b"x" * 2000 + b"\n" + (b"a\tb\n" * 4000)),
        r"A_TblCase.csv:2: 4,001 of 4,001 rows cannot be read; the first: line 2: .*; is this the table A_TblCase\?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_input_is_a_clear_error_and_leaves_nothing(court: Court, tmp_path: Path, kind: str) -> None:
    """The message names the file and the line, and no folder is left."""
    release = _release(tmp_path, court)
    spoil, message = WRONG[kind]
    spoil(release)
    with pytest.raises(InputError, match=message):
        import_eoir(release, tmp_path / "log")
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(("share", "message"), [(0.5, "release.zip: is not a complete zip file; if it is the download of a release, it was cut off"), (None, "release.zip: A_TblCase.csv is damaged")])  # fmt: skip
def test_a_truncated_or_damaged_zip_file_is_named(court: Court, tmp_path: Path, share: float | None, message: str) -> None:
    """Whether its end is missing, or something inside has changed."""
    release, path = _release(tmp_path, court), tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        for file in sorted(release.iterdir()):
            parts.write(file, file.name)
    data = bytearray(path.read_bytes())
    if share is not None:
        data = data[: int(share * len(data))]
    else:
        with zipfile.ZipFile(path) as parts:
            middle = parts.getinfo("A_TblCase.csv").header_offset + parts.getinfo("A_TblCase.csv").compress_size * 4 // 5
        data[middle : middle + 60] = bytes(60)
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        import_eoir(path, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_a_zip_file_that_python_cannot_unpack_is_named(court: Court, tmp_path: Path) -> None:
    """The real release is packed with Deflate64; the message says how to unpack it."""
    release, path = _release(tmp_path, court), tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as parts:
        for file in sorted(release.iterdir()):
            parts.write(file, file.name)
    with zipfile.ZipFile(path) as parts:
        central, local = parts.start_dir, [info.header_offset for info in parts.infolist()]
    data = bytearray(path.read_bytes())
    for start in local:
        data[start + 8 : start + 10] = b"\x09\x00"
    while data[central : central + 4] == b"PK\x01\x02":
        data[central + 10 : central + 12] = b"\x09\x00"
        central += 46 + sum(int.from_bytes(data[central + i : central + i + 2], "little") for i in (28, 30, 32))
    path.write_bytes(data)
    with pytest.raises(
        InputError, match=r"is packed in a way that Python cannot unpack \(Deflate64\); unpack it with unzip or 7z"
    ):
        import_eoir(path, tmp_path / "log")


def test_two_files_of_one_table_are_refused(court: Court, tmp_path: Path) -> None:
    """It is not guessed which one is meant."""
    release = _release(tmp_path, court)
    (release / "old").mkdir()
    (release / "old" / "a_tblcase.CSV").write_bytes(b"")
    with pytest.raises(InputError, match=r"has the table a_tblcase twice, as A_TblCase\.csv and old/a_tblcase\.CSV; remove one"):
        import_eoir(release, tmp_path / "log")


def test_optional_tables_may_be_missing(court: Court, tmp_path: Path) -> None:
    """Then their facts are missing values, and the folder says so."""
    release = _release(tmp_path, court)
    for name in ("tbl_schedule", "B_TblProceedCharges", "tblAdjournmentcodes"):
        (release / f"{name}.csv").unlink()
    log = import_eoir(release, tmp_path / "log")
    assert log.about["missing_tables"] == ["tbl_schedule", "B_TblProceedCharges"]
    assert _rows(log.cases, "distinct criminal_charge from LOG") == [(None,)]
    assert "individual_hearing" not in log.about["transitions"]


def test_a_mistyped_year_does_not_move_the_end_of_the_release(court: Court, tmp_path: Path) -> None:
    """Without a date in its name, a release ends on the last recorded day; a later completion is flagged, and its case is pending."""
    release = _release(tmp_path, court)
    lines = (release / "B_TblProceeding.csv").read_bytes().split(b"\n")
    completed = PROCEEDINGS.columns.index("COMP_DATE")
    n, row = next(
        (n, row) for n, line in enumerate(lines) if len(row := line.split(b"\t")) == 38 and row[completed][:4] == b"2024"
    )
    row[completed] = b"2099" + row[completed][4:]
    lines[n] = b"\t".join(row)
    (release / "B_TblProceeding.csv").write_bytes(b"\n".join(lines))
    log = import_eoir(release, tmp_path / "log")
    assert "2024-12-01" < log.about["last_day"] <= "2024-12-31"
    flagged = list(csv.DictReader((log.folder / "flagged.csv").read_text(encoding="utf-8").splitlines()))
    assert [said["reason"] for said in flagged if said["line"] == str(n + 1)] == [
        "COMP_DATE is after the end of the release: taken as pending"
    ]


def test_synth_says_what_a_release_cannot_tell(court: Court, tmp_path: Path) -> None:
    """A name that an import does not give is an error, with the nearest one."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("mapping: removal-court\nnames: {order_removal: [order_removals]}\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"order_removal: 'order_removals' is not a name that an import gives. Did you mean 'order_removal'\?"
    ):
        synth_eoir(court.folder / "run", tmp_path / "release", mapping=mapping)
    assert not (tmp_path / "release").exists()


def test_the_command_prints_what_was_set_aside(court: Court, tmp_path: Path) -> None:
    """Per table, and the control total if it differs."""
    result = CliRunner().invoke(app, ["import", "eoir", str(court.release.folder), "--out", str(tmp_path / "log")])
    assert result.exit_code == 0, result.output
    assert "183 cases, 506 events, to 2024-12-31" in result.stdout
    assert "A_TblCase: 193 rows, 10 repaired, 10 rejected, Count.txt says 195" in result.stdout
    wrong = CliRunner().invoke(app, ["import", "eior", str(court.release.folder), "--out", str(tmp_path / "other")])
    assert wrong.exit_code == 2
    assert "eior: must be eoir or log. Did you mean 'eoir'?" in wrong.stderr


# hostile values -----------------------------------------------------------------------------------------


def _with_cell(release: Path, table: str, column: str, value: bytes, line: int = 1) -> None:
    rows = (release / table).read_bytes().split(b"\n")
    values = rows[line].split(b"\t")
    values[[name.strip().upper() for name in rows[0].split(b"\t")].index(column.encode())] = value
    rows[line] = b"\t".join(values)
    (release / table).write_bytes(b"\n".join(rows))


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("A_TblCase.csv", "ALIEN_CITY", b"x" * 2_100_000, "has more than 1,000,000 bytes; shown are the first 1,000 characters"),
        ("B_TblProceeding.csv", "INPUT_DATE", b"infinity", "INPUT_DATE 'infinity' is not a date"),
    ],
)  # fmt: skip
def test_a_row_that_no_table_can_have_is_rejected(
    court: Court, tmp_path: Path, table: str, column: str, value: bytes, reason: str
) -> None:
    """It is set aside with its line and the reason, and the other rows are read."""
    release = _release(tmp_path, court)
    _with_cell(release, table, column, value)
    folder = import_eoir(release, tmp_path / "log").folder
    with (folder / "rejected.csv").open(encoding="utf-8") as file:
        rejected = {(row["table"], row["line"]): row for row in csv.DictReader(file)}
    row = rejected[table.removesuffix(".csv"), "2"]
    assert row["reason"] == reason
    assert len(row["row"]) <= 1_000


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (dt.date.max, "would end on 9999-12-31; give the last day of the release"),
        (dt.date(1900, 1, 1), "no case had arrived by 1900-01-01, the end of the release; the first arrived on 20"),
    ],
)
def test_an_end_that_no_release_has_is_refused(court: Court, tmp_path: Path, last: dt.date, message: str) -> None:
    """The message says what to give, and nothing is left."""
    with pytest.raises(InputError, match=message):
        import_eoir(court.release.folder, tmp_path / "log", as_of=last)
    assert not (tmp_path / "log").exists()
