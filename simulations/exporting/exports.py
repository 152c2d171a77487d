"""Export the event log of a run for other tools: XES, CSV for pm4py, OCEL 2.0 (JSON), CSV for vidigi.

Rows are streamed, one replication after another, so that no log is held in memory. The times of a run are local times
without a time zone; an export adds one. vidigi counts minutes since the start.

References
----------
IEEE 1849-2016, eXtensible Event Stream (XES). OCEL 2.0 Specification, 2023, arXiv:2403.01975.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import quoteattr

from simulations.exporting import FORMATS
from simulations.run_folder.folders import finished_in
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.views import HAPPENED, NAME, OBSERVED_UNTIL, event_attributes, query_run, server_name
from simulations.run_folder.whole_files import whole_file
from workflow.auditing.times import time_zone
from workflow.errors import InputError, nearest, visible
from workflow.files.json_text import json_text
from workflow.files.validation import format_names
from workflow.run_files.tables import recorded_workflow

_XES_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
  <extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
  <extension name="Lifecycle" prefix="lifecycle" uri="http://www.xes-standard.org/lifecycle.xesext"/>
  <extension name="Organizational" prefix="org" uri="http://www.xes-standard.org/org.xesext"/>
  <extension name="Time" prefix="time" uri="http://www.xes-standard.org/time.xesext"/>
  <global scope="trace"><string key="concept:name" value=""/></global>
  <global scope="event"><string key="concept:name" value=""/><date key="time:timestamp" value="1970-01-01T00:00:00.000+00:00"/></global>
  <classifier name="Activity" keys="concept:name"/>
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """The numbers of cases and of events (for vidigi: rows) in a file."""

    path: Path
    n_cases: int
    n_events: int


class _Clock:
    """Format the local times of a run in ISO format with the offset of a time zone.

    A local time that daylight saving time skips becomes the end of the gap, so that rows stay in order.
    """

    def __init__(self, name: str) -> None:
        self.zone = time_zone(name, "--zone")
        self._quarter = lru_cache(maxsize=100_000)(self._look_up)

    def __call__(self, local: dt.datetime) -> str:
        """Return a time with its offset."""
        quarter = local.replace(minute=local.minute - local.minute % 15, second=0, microsecond=0)
        offset, end_of_gap = self._quarter(quarter)
        timespec = "milliseconds" if local.microsecond % 1000 == 0 else "microseconds"
        return (end_of_gap or local).isoformat(timespec=timespec) + offset

    def _look_up(self, local: dt.datetime) -> tuple[str, dt.datetime | None]:
        """Return the offset at a quarter of an hour, and the end of the gap if the quarter is skipped."""
        existing = local
        while self._is_skipped(existing):
            existing += dt.timedelta(minutes=15)
        offset = existing.replace(tzinfo=self.zone).strftime("%z")
        return f"{offset[:3]}:{offset[3:5]}", existing if existing != local else None

    def _is_skipped(self, local: dt.datetime) -> bool:
        aware = local.replace(tzinfo=self.zone)
        return aware.astimezone(dt.UTC).astimezone(self.zone).replace(tzinfo=None) != local


def export(folder: str | Path, to: str, out: str | Path, zone: str = "UTC", replications: Sequence[int] = ()) -> Exported:
    """Export the event log of a run.

    Parameters
    ----------
    folder : path
        The run folder.
    to : {"xes", "csv", "ocel", "vidigi"}
    out : path
        The output file. An existing file is replaced.
    zone : str
        The time zone of the run's local times, such as ``America/Denver``.
    replications : sequence of int
        Replications to export. Default: all.

    Raises
    ------
    InputError
        If the folder is not a run folder with an event log, or the format, zone or a replication is unknown.
    """
    folder, out = Path(folder), Path(out)
    if to not in FORMATS:
        raise InputError([f"--to {to}: must be one of {format_names(FORMATS)}.{nearest(to, FORMATS)}"])
    clock = _Clock(zone)
    records = finished_in(folder, read_manifest(folder))
    unknown = [k for k in replications if k not in records]
    if unknown:
        raise InputError([f"--replication {unknown[0]}: is not in this run, which has {format_names(map(str, records))}"])
    chosen = list(dict.fromkeys(replications)) or list(records)
    if not all("events" in records[k].parts for k in chosen):
        raise InputError([f"{folder}: this run has no event log; --keep events (keep='events') writes it"])
    write = {"xes": _xes, "csv": _csv, "ocel": _ocel, "vidigi": _vidigi}[to]
    with whole_file(out) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        n_cases, n_events = write(file, folder, chosen, clock)
    return Exported(out, n_cases, n_events)


# tables ------------------------------------------------------------------------------------------------


def _csv(file: TextIO, folder: Path, replications: Sequence[int], clock: _Clock) -> tuple[int, int]:
    """Write the view ``pm4py.log``."""
    return _table(file, folder, replications, clock, "select * from pm4py.log where \"case:concept:name\" like '{}:%'")


def _vidigi(file: TextIO, folder: Path, replications: Sequence[int], clock: _Clock) -> tuple[int, int]:
    """Write the view ``vidigi.event_log``."""
    return _table(file, folder, replications, clock, "select * from vidigi.event_log where run_number = {}")


def _table(file: TextIO, folder: Path, replications: Sequence[int], clock: _Clock, query: str) -> tuple[int, int]:
    writer = csv.writer(file, lineterminator="\n")
    n_cases = n_rows = 0
    for k in replications:
        n_cases += _n_cases(folder, k)
        with query_run(folder, query.format(k)) as answer:
            if k == replications[0]:
                writer.writerow(answer.columns)
            for row in answer.rows:
                writer.writerow([_plain(value, clock) for value in row])
                n_rows += 1
    return n_cases, n_rows


def _n_cases(folder: Path, replication: int) -> int:
    with query_run(folder, f"select count(*) from cases where replication = {replication}") as answer:
        return int(next(answer.rows)[0])


def _plain(value: Any, clock: _Clock) -> Any:
    if isinstance(value, dt.datetime):
        return clock(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else value


# cases with their events -----------------------------------------------------------------------------------


Named = list[tuple[str, Any]]


def _cases(folder: Path, replication: int) -> Iterator[tuple[str, Named]]:
    """Yield each case with its facts and initial record, ordered by case id."""
    names = {name: f"initial_{name}" for name in recorded_workflow(folder).record}  # the record changes later
    query = f"""select *, arrived_at::date as arrived, {OBSERVED_UNTIL} as observed_until from cases
        where replication = {replication} order by case_id"""
    with query_run(folder, query) as answer:
        columns = [names.get(name, name) for name in answer.columns]
        for row in answer.rows:
            yield f"{row[0]}:{row[1]}", list(zip(columns[2:], row[2:], strict=True))


def _events(folder: Path, replication: int, order: str) -> Iterator[tuple[Any, ...]]:
    """Yield replication, sequence, case, name, instant, start, resource, and the columns of `event_attributes`."""
    query = f"""select replication, sequence, replication || ':' || case_id, {NAME}, happened_at, started_at,
        {server_name(folder, "events")}, {", ".join(event_attributes(folder).values())} from events
        where {HAPPENED} and replication = {replication} order by {order}"""
    with query_run(folder, query) as answer:
        yield from answer.rows


def _xes(file: TextIO, folder: Path, replications: Sequence[int], clock: _Clock) -> tuple[int, int]:
    """Write a trace for each case, including cases without events.

    The start of work is not named ``start_timestamp``, because pm4py would then sort events by their start and put events
    without a start last. The events of a log are in order of their ends.
    """
    file.write(_XES_HEAD)
    n_cases, n_events, names = 0, 0, list(event_attributes(folder))
    for k in replications:
        rows = itertools.groupby(_events(folder, k, "case_id, sequence"), key=lambda row: row[2])
        waiting = next(rows, None)
        for case, facts in _cases(folder, k):
            attributes: Named = [("concept:name", case), *facts]
            file.write("  <trace>\n" + _attributes(attributes, "    ", clock))
            n_cases += 1
            if waiting is not None and waiting[0] == case:
                for _, _, _, name, at, started, resource, *more in waiting[1]:
                    event = [
                        ("concept:name", name),
                        ("time:timestamp", at),
                        ("lifecycle:transition", "complete"),
                        ("started_at", started),
                        ("org:resource", resource),
                        *zip(names, more, strict=True),
                    ]
                    file.write(f"    <event>\n{_attributes(event, '      ', clock)}    </event>\n")
                    n_events += 1
                waiting = next(rows, None)
            file.write("  </trace>\n")
    file.write("</log>\n")
    return n_cases, n_events


def _attributes(named: Iterable[tuple[str, Any]], indent: str, clock: _Clock) -> str:
    return "".join(f"{indent}{_attribute(key, value, clock)}\n" for key, value in named if value is not None)


def _attribute(key: str, value: Any, clock: _Clock) -> str:
    kind, text = "string", str(value)
    if isinstance(value, bool):
        kind, text = "boolean", text.lower()
    elif isinstance(value, int):
        kind = "int"
    elif isinstance(value, float):
        kind = "float"
    elif isinstance(value, dt.datetime):
        kind, text = "date", clock(value)
    elif isinstance(value, dt.date):
        kind, text = "date", clock(dt.datetime.combine(value, dt.time()))
    return f"<{kind} key={quoteattr(key)} value={quoteattr(visible(text))}/>"


def _ocel(file: TextIO, folder: Path, replications: Sequence[int], clock: _Clock) -> tuple[int, int]:
    """Write OCEL 2.0 as JSON. A case is an object with its facts and initial record."""
    _, example = next(_cases(folder, replications[0]), ("", []))
    numbers = ", ".join(map(str, replications))
    query = f"select distinct {NAME} from events where {HAPPENED} and replication in ({numbers}) order by all"
    with query_run(folder, query) as answer:
        types = [row[0] for row in answer.rows]
    with query_run(folder, "describe cases") as answer:
        kinds = [_OCEL_KINDS.get(str(row[1]).partition("(")[0], "string") for row in answer.rows][2:]
    kinds += ["time", "time"]  # arrived and observed_until
    columns = [{"name": name, "type": kind} for (name, _), kind in zip(example, kinds, strict=True)]
    names = list(event_attributes(folder))
    event = [{"name": name, "type": "integer" if name == "server" else "string"} for name in names]
    head = {
        "objectTypes": [{"name": "case", "attributes": columns}],
        "eventTypes": [{"name": name, "attributes": event} for name in types],
    }
    file.write(json_text(head)[:-1])
    n_cases = _stream(file, "objects", (_object(*c, clock) for k in replications for c in _cases(folder, k)))
    rows = (row for k in replications for row in _events(folder, k, "sequence"))
    n_events = _stream(file, "events", (_event(row, names, clock) for row in rows))
    file.write("}\n")
    return n_cases, n_events


_OCEL_KINDS = {
    "BOOLEAN": "boolean",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "float",
    "DATE": "time",
    "TIMESTAMP": "time",
}


def _stream(file: TextIO, key: str, entries: Iterable[dict[str, Any]]) -> int:
    n = 0
    file.write(f', "{key}": [')
    for entry in entries:
        file.write(("," if n else "") + "\n" + json_text(entry))
        n += 1
    file.write("]")
    return n


def _object(case: str, facts: Named, clock: _Clock) -> dict[str, Any]:
    arrived = clock(next(value for name, value in facts if name == "arrived_at"))
    attributes = [{"name": n, "time": arrived, "value": _json(v, clock)} for n, v in facts if v is not None]
    return {"id": case, "type": "case", "attributes": attributes}


def _event(row: tuple[Any, ...], names: Sequence[str], clock: _Clock) -> dict[str, Any]:
    replication, sequence, case, name, at, _, _, *more = row
    return {
        "id": f"{replication}:{sequence}",
        "type": name,
        "time": clock(at),
        "attributes": [{"name": n, "value": v} for n, v in zip(names, more, strict=True) if v is not None],
        "relationships": [{"objectId": case, "qualifier": "case"}],
    }


def _json(value: Any, clock: Callable[[dt.datetime], str]) -> Any:
    if isinstance(value, dt.datetime):
        return clock(value)
    return clock(dt.datetime.combine(value, dt.time())) if isinstance(value, dt.date) else value
