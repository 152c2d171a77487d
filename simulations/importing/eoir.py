"""Import a release of the immigration courts: ``docketsim import eoir``."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from simulations.importing.gathering import FACTS, bounds, gather, load_codes, load_tables, observed_until
from simulations.importing.imported import ABOUT, CASES, EVENTS, FLAGGED, REJECTED, REPAIRED, UNFINISHED, Imported, open_imported
from simulations.importing.layout import PROCEEDINGS, TABLES, TableLayout
from simulations.importing.release import Release
from simulations.importing.staging import Piece, check_memory, database, stage
from simulations.run_folder.folders import locked
from simulations.run_folder.whole_files import WriteFailed, whole_file, write_text
from workflow.errors import InputError
from workflow.files.json_text import json_text
from workflow.files.table import n_of
from workflow.sql.quoting import literal_path, text

BATCH = 500_000
"""Number of cases that are gathered together."""

TOLERANCE = 0.001
"""Share of rows by which a table may differ from its control total; `FEW` rows always may."""
FEW = 20

Say = Callable[[str], None]
_Aside = tuple[str, int, str, str]


@dataclass
class _Rows:
    """What became of the rows of a table."""

    name: str
    pieces: list[Piece] = field(default_factory=list)
    total: int | None = None

    @property
    def n_rows(self) -> int:
        return sum(piece.n_rows for piece in self.pieces)

    def aside(self, outcome: str) -> list[Any]:
        """Return the rows that were rejected or repaired."""
        found = (getattr(piece, outcome) for piece in self.pieces)
        return [(self.name, line, reason, row) for lines in found for line, (reason, row) in sorted(lines.items())]


def import_eoir(
    source: str | Path,
    out: str | Path,
    *,
    as_of: dt.date | None = None,
    resume: bool = False,
    ignore_counts: bool = False,
    memory: str = "2GB",
    say: Say = lambda _: None,
) -> Imported:
    """Import a release into an event log and a table of cases.

    Parameters
    ----------
    source : path
        The folder of the release, or its zip file. Tables are found in any folder below it, in any case of letters.
    out : path
        A new folder. After an error it does not exist; after a kill `resume` continues.
    as_of : date, optional
        The last day that the release covers. Default: the date in the name of its folder, else the last day on which a
        proceeding was recorded or completed.
    ignore_counts : bool
        Import also if a table has another number of rows than Count.txt says.
    memory : str
        How much memory the database may use, such as ``2GB``.
    say : callable
        Receives a line of progress.

    Raises
    ------
    InputError
        If a table is missing, has another header or no usable row; the zip file is damaged; or `out` exists.
    """
    check_memory(memory)
    out, release = Path(out), Release.find(Path(source))
    with _unfinished(out, release, as_of, resume) as folder, database(folder, memory) as connection:
        load_codes(connection, release)  # before the large tables, so that a mistake in a small one is found at once
        tables = list(_staged(release, folder, connection, ignore_counts, say))
        load_tables(connection, folder)
        end = _end(as_of or _date(release.date_in_name()) or observed_until(connection), release)
        scheduled = _gathered(connection, release, folder, end, say)
        _check_end(connection, folder, release, end)
        say("writing the log")
        _merge(connection, folder, out)
        about = _about(connection, folder, out, release, tables, end) | {"schedule": scheduled}
        _write_aside(connection, folder, out, tables)
        write_text(out / ABOUT, json_text(about, indent=2) + "\n")
    shutil.rmtree(folder)
    return open_imported(out)


def _end(last: dt.date | None, release: Release) -> dt.datetime:
    """Return the end of the last day of a release."""
    if last is None:
        raise InputError([f"{release.place(PROCEEDINGS)}: has no date; give the last day of the release, --as-of DATE"])
    if last == dt.date.max:
        raise InputError([f"{release.path}: would end on {last}; give the last day of the release, such as --as-of 2026-06-01"])
    return dt.datetime.combine(last + dt.timedelta(days=1), dt.time())


def _check_end(connection: Any, folder: Path, release: Release, end: dt.datetime) -> None:
    """Refuse an end of the release before the first case."""
    (first,) = connection.execute(f"select min(arrived) from {_parts(folder, 'cases')}").fetchone()
    if first is not None and first >= end:
        message = f"no case had arrived by {(end - dt.timedelta(days=1)).date()}, the end of the release; the first arrived on {first.date()}"
        raise InputError([f"{release.path}: {message}; give the last day of the release with --as-of"])


def _date(written: str | None) -> dt.date | None:
    try:
        return None if written is None else dt.date.fromisoformat(written)
    except ValueError:
        return None


@contextmanager
def _unfinished(out: Path, release: Release, as_of: dt.date | None, resume: bool) -> Iterator[Path]:
    """Yield the folder of unfinished work; after a mistake of the input, remove what this import has made."""
    folder, begun = out / UNFINISHED, out / UNFINISHED / "begun.json"
    state = {
        "docketsim": version("docketsim"),
        "files": release.fingerprint(),
        "as_of": None if as_of is None else as_of.isoformat(),
    }
    if resume:
        if not begun.is_file():
            raise InputError([f"--resume: {out} has no interrupted import"])
        if json.loads(begun.read_text(encoding="utf-8")) != state:
            changed = "the release, the options or the version of docketsim have changed"
            raise InputError([f"--resume: {out} is of another import: {changed}; remove the folder, and import again"])
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        advice = "continue it with --resume, or remove it" if begun.is_file() else "give another name, or remove it"
        raise InputError([f"--out {out}: exists already; {advice}"])
    try:
        if not resume:
            write_text(begun, json.dumps(state))
        with locked(folder), _explained(out):
            yield folder
    except InputError:
        if not resume:
            shutil.rmtree(out, ignore_errors=True)
        raise


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """Turn what DuckDB says about memory and disk into a message with the next step; what is done stays."""
    import duckdb

    try:
        yield
    except duckdb.OutOfMemoryException:
        advice = "give more with --memory, such as --memory 4GB, and go on with --resume"
        raise WriteFailed(f"{out}: the database has not enough memory; {advice}") from None
    except duckdb.IOException as error:
        reason = str(error).splitlines()[0]
        raise WriteFailed(f"{out}: could not be written: {reason}; make room, and go on with --resume") from None


def _staged(release: Release, folder: Path, connection: Any, ignore_counts: bool, say: Say) -> Iterator[_Rows]:
    """Stage every table, and compare its number of rows with the control total."""
    totals = release.counts()
    for table in TABLES:
        if not release.has(table):
            continue
        say(f"reading {table.name}")
        rows = _Rows(table.name, stage(release, table, folder / table.name, connection), totals.get(table.name.lower()))
        _check_total(release, table, rows, ignore_counts)
        yield rows


def _check_total(release: Release, table: TableLayout, rows: _Rows, ignore_counts: bool) -> None:
    if rows.total is None or ignore_counts or abs(rows.n_rows - rows.total) <= max(FEW, TOLERANCE * rows.total):
        return
    message = f"{release.place(table)}: has {n_of(rows.n_rows, 'row')}, but Count.txt says {rows.total:,}"
    raise InputError([f"{message}: it is cut off, or of another release; --ignore-counts imports it as it is"])


def _gathered(connection: Any, release: Release, folder: Path, end: dt.datetime, say: Say) -> dict[str, int]:
    """Gather every batch of cases that is not gathered yet, and return what became of the rows of the schedule."""
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    ranges = bounds(connection, BATCH)
    became: dict[str, int] = {}
    for i, (low, high) in enumerate(ranges):
        done = parts / f"{i:05}.json"
        if not done.exists():
            say(f"gathering cases, part {i + 1} of {len(ranges)}")
            files = {kind: parts / f"{kind}-{i:05}.parquet" for kind in ("events", "cases", "aside")}
            write_text(done, json.dumps(gather(connection, release, low, high, end.isoformat(), files)))
        for name, count in json.loads(done.read_text(encoding="utf-8")).items():
            became[name] = became.get(name, 0) + count
    return became


def _parts(folder: Path, kind: str) -> str:
    """Return the SQL of the parts of a kind, in their order."""
    files = ", ".join(text(literal_path(path)) for path in sorted((folder / "parts").glob(f"{kind}-*.parquet")))
    return f"read_parquet([{files}], hive_partitioning = false)"


def _merge(connection: Any, folder: Path, out: Path) -> None:
    for kind, name in (("events", EVENTS), ("cases", CASES)):
        with whole_file(folder / name, folders=False) as unfinished:
            connection.execute(
                f"copy (select * from {_parts(folder, kind)}) to {text(literal_path(unfinished))} (format parquet)"
            )
        (folder / name).replace(out / name)


def _about(connection: Any, folder: Path, out: Path, release: Release, tables: list[_Rows], end: dt.datetime) -> dict[str, Any]:
    """Return what ``import.json`` says."""
    events, aside = _parts(folder, "events"), _parts(folder, "aside")
    ask = connection.execute
    meanings = dict(
        ask("select transition, string_agg(distinct meaning, '; ' order by meaning) from decisions group by all").fetchall()
    )
    counted = ask(f"select transition, count(*) from {events} where transition is not null group by all order by all").fetchall()
    later = {(o, t): n for o, t, n in ask(f"select outcome, tab, count(*) from {aside} group by all").fetchall()}
    return {
        "source": "eoir",
        "docketsim": version("docketsim"),
        "release": str(release.path),
        "last_day": (end - dt.timedelta(days=1)).date().isoformat(),
        "observed_until": end.isoformat(),
        "n_cases": ask(f"select count(*) from {_parts(folder, 'cases')}").fetchone()[0],
        "n_events": sum(count for _, count in counted),
        "facts": dict(FACTS),
        "transitions": {name: {"count": count, "meaning": meanings.get(name)} for name, count in counted},
        "courts": dict(ask("select code, name from court_names order by all").fetchall()),
        "tables": {
            rows.name: {
                "rows": rows.n_rows,
                "control_total": rows.total,
                "repaired": len(rows.aside("repaired")),
                "rejected": len(rows.aside("rejected")) + later.get(("rejected", rows.name), 0),
                "flagged": later.get(("flagged", rows.name), 0),
            }
            for rows in tables
        },
        "missing_tables": [table.name for table in TABLES if not release.has(table)],
    }


def _write_aside(connection: Any, folder: Path, out: Path, tables: list[_Rows]) -> None:
    """Write the rejected, the repaired and the flagged rows, each with its reason and its line."""
    query = f"select outcome, tab, line, reason, said from {_parts(folder, 'aside')} order by all"
    later = connection.execute(query).fetchall()
    for outcome, name in (("rejected", REJECTED), ("repaired", REPAIRED), ("flagged", FLAGGED)):
        rows = [aside for table in tables for aside in table.aside(outcome)] if outcome != "flagged" else []
        rows += [aside for kind, *aside in later if kind == outcome]
        with whole_file(out / name) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["table", "line", "reason", "row"])
            writer.writerows(rows)
