"""Import an event log of another program: ``docketsim import log``.

The log gets the columns that ``audit``, ``discover`` and ``fit`` find without a mapping: what the mapping says about columns,
names of steps, left-out rows and formats of times is applied once.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.facts import Facts, find_facts
from simulations.fitting.names import Names
from simulations.fitting.raw_log import RawLog, read_raw_log
from simulations.importing.imported import ABOUT, CASES, EVENTS, Imported, open_imported
from simulations.run_folder.database import cursor
from simulations.run_folder.whole_files import WriteFailed, whole_file, write_text
from workflow.auditing.life_cycle import NO_START
from workflow.auditing.mapping import LogMapping
from workflow.auditing.times import clocks_of, time_zone
from workflow.errors import InputError
from workflow.files.cells import times_of
from workflow.files.json_text import json_text
from workflow.loading.vocabulary import word_mistake
from workflow.model.columns import FIELD_TYPES
from workflow.sql.quoting import identifier, literal_path, text

Values = dict[str, NDArray[Any]]
_OF_ROWS = ("current_court", "to_court", "server", "reason")
"""Columns of the events that say something about a step, where the log has them."""


def import_log(source: str | Path, out: str | Path, mapping: LogMapping | None = None, zone: str | None = None) -> Imported:
    """Import a log that ``docketsim audit`` can read into an imported log, which needs no mapping.

    Parameters
    ----------
    source : path
        A CSV, Parquet, Excel or XES file.
    out : path
        A new folder. After an error it does not exist.
    mapping : LogMapping, optional
        The columns, the names of steps, the rows to read, and how times and numbers are written.
    zone : str, optional
        The time zone of times in UTC.

    Raises
    ------
    InputError
        With every mistake of the file; or if `out` exists.
    """
    source, out, mapping = Path(source), Path(out), mapping or LogMapping()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError([f"--out {out}: exists already; give another name, or remove it"])
    own = _own_steps(mapping)
    log = read_raw_log(source, mapping, zone)
    facts = find_facts(log, mapping, Names())
    steps, meanings = _steps(log, mapping, own)
    local, offset = _local(log, mapping, zone)
    of_cases = _of_cases(log, facts, offset)
    of_events = _of_events(log, steps, local, offset)
    with _new_folder(out) as folder:
        types = {fact.field.name: FIELD_TYPES[fact.field.kind] for fact in facts.facts}
        _write(folder / CASES, of_cases, types)
        _write_events(folder / EVENTS, of_events, of_cases, log, types)
        about = _about(log, of_cases, steps, meanings, types, facts) | {"log": str(source)}
        write_text(folder / ABOUT, json_text(about, indent=2) + "\n")
    return open_imported(out)


def _own_steps(mapping: LogMapping) -> dict[str, str]:
    """Return the step of each name that the mapping gives one.

    Raises
    ------
    InputError
        If a workflow cannot have a step of this name, or one name is given for two steps.
    """
    wrong = [f"--name {step}: {mistake}" for step in mapping.names if (mistake := word_mistake(step))]
    if wrong:
        raise InputError(wrong)
    return mapping.steps()


def _steps(log: RawLog, mapping: LogMapping, own: Mapping[str, str]) -> tuple[NDArray[Any], dict[str, str]]:
    """Return the transition of each row, and what the log calls it."""
    names, of_label, meanings = Names(), [], dict[str, str]()
    for step in mapping.names:
        names.new(step, "transition")
    for label in log.labels:
        step = own.get(label) or names.new(label, "transition")
        of_label.append(step)
        meanings[step] = f"{meanings[step]}; {label}" if step in meanings else label
    return np.array(of_label, object)[log.label], meanings


def _local(log: RawLog, mapping: LogMapping, zone: str | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the local clock of each row, and how far it is from its instant, in microseconds."""
    column = log.roles["time"]
    written, _ = times_of(log.table, column, mapping.cells)
    clocks = clocks_of(written, log.table.columns[column].codes >= 0, None if zone is None else time_zone(zone, "--time-zone"))
    return clocks.local[log.row], clocks.local[log.row] - clocks.at[log.row]


def _of_cases(log: RawLog, facts: Facts, offset: NDArray[np.int64]) -> Values:
    """Return the columns of the cases."""
    n = len(log.names)
    begins, has_rows = log.first[:-1], np.diff(log.first) > 0
    first = np.where(has_rows, begins, 0)
    of_case = np.where(has_rows, offset[first], 0)
    arrived = np.where(log.arrived_at != NO_START, log.arrived_at, np.where(has_rows, log.at[first], NO_START))
    last = int(np.argmax(log.at))
    courts = _texts(log, "current_court")
    court = np.full(n, None, object)
    if courts is not None:
        for case in np.flatnonzero(has_rows):
            court[case] = courts[begins[case]]
    columns: Values = {
        "case_id": log.names,
        "court": court,
        "arrived": _times(arrived, arrived + of_case),
        "observed_until": np.full(n, log.end + offset[last]).astype("datetime64[us]"),
    }
    for fact in facts.facts:
        columns[fact.field.name] = _fact(fact.field.kind, fact.field.values, fact.values, fact.missing)
    return columns


def _fact(kind: str, words: tuple[str, ...], values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the values of a fact for SQL, with ``None`` for missing ones."""
    if kind == "enum":
        told = np.array([*words, None], object)[np.where(missing, len(words), values.astype(np.int64))]
    elif kind == "date":
        told = values.astype("datetime64[D]").astype(object)
    else:
        told = values.astype({"boolean": bool, "integer": np.int64, "number": float}[kind]).astype(object)
    told[missing] = None
    return told


def _of_events(log: RawLog, steps: NDArray[Any], local: NDArray[np.int64], offset: NDArray[np.int64]) -> Values:
    """Return the columns of the events that say something about a step."""
    columns: Values = {
        "case_number": log.case,
        "transition": steps,
        "happened_at": local.astype("datetime64[us]"),
        "started_at": _times(log.started_at, log.started_at + offset),
    }
    for name in _OF_ROWS:
        texts = _texts(log, name)
        columns[name] = np.full(len(steps), None, object) if texts is None else texts
    return columns


def _texts(log: RawLog, name: str) -> NDArray[Any] | None:
    """Return the text of each row in a column, found by what it means or by its name."""
    column = log.roles.get(name) or (name if name in log.table.columns else None)
    if column is None:
        return None
    cells = log.table.columns[column]
    return np.array([*cells.texts(), None], object)[cells.codes[log.row]]


def _times(instants: NDArray[np.int64], local: NDArray[np.int64]) -> NDArray[Any]:
    """Return local clocks, and no time where there is no instant."""
    return np.where(instants == NO_START, np.datetime64("NaT", "us"), local.astype("datetime64[us]"))


# files --------------------------------------------------------------------------------------------------


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `out` when everything is in it."""
    folder = out.parent / f".{out.name}.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.replace(out)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, WriteFailed):
            raise
        raise WriteFailed(f"{out}: could not be written: {error.strerror or error}") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write(path: Path, columns: Values, types: Mapping[str, str]) -> None:
    """Write a table, of which `types` says the types of some columns."""
    selected = ", ".join(f"{identifier(name)}::{types.get(name) or _type(name)} as {identifier(name)}" for name in columns)
    with whole_file(path) as unfinished, cursor() as connection:
        connection.register("given", columns)
        connection.execute(f"copy (select {selected} from given) to {text(literal_path(unfinished))} (format parquet)")


def _type(name: str) -> str:
    return "timestamp" if name in ("arrived", "observed_until", "happened_at", "started_at") else "varchar"


def _write_events(path: Path, events: Values, cases: Values, log: RawLog, types: Mapping[str, str]) -> None:
    """Write the events, with the facts of their case on each, and one row for each case without any."""
    without = np.flatnonzero(np.diff(log.first) == 0)
    number = np.concatenate([events["case_number"], without])
    order = np.argsort(number, kind="stable")

    def padded(column: NDArray[Any]) -> NDArray[Any]:
        blank: Any = np.full(len(without), np.datetime64("NaT") if column.dtype.kind == "M" else None, column.dtype)
        return np.concatenate([column, blank])[order]

    case = number[order]
    columns = {"case_id": cases["case_id"][case]}
    columns |= {name: padded(column) for name, column in events.items() if name != "case_number"}
    of_case = {name: f"case:{name}" for name in cases if name != "case_id"}
    columns |= {column: cases[name][case] for name, column in of_case.items()}
    _write(path, columns, {column: types.get(name) or _type(name) for name, column in of_case.items()})


def _about(
    log: RawLog, cases: Values, steps: NDArray[Any], meanings: Mapping[str, str], types: Mapping[str, str], facts: Facts
) -> dict[str, Any]:
    names, counts = np.unique(steps.astype(str), return_counts=True)
    courts = sorted({court for court in cases["court"] if court is not None})
    return {
        "source": "log",
        "docketsim": version("docketsim"),
        "observed_until": cases["observed_until"][0].item().isoformat(),
        "n_cases": len(log.names),
        "n_events": len(steps),
        "facts": dict(types),
        "no_facts": dict(facts.left_out),
        "transitions": {
            str(n): {"count": int(count), "meaning": meanings[str(n)]} for n, count in zip(names, counts, strict=True)
        },
        "courts": {court: court for court in courts},
        "notes": list(log.notes),
    }
