"""Event logs to audit: a run folder, or a Parquet, CSV or XES file with any column names.

Rows are sorted by case and time. What a log says of facts and of the record is kept by name; what it does not
say stays unknown, so that a rule that needs it is left unjudged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.definition import BUILT_IN_FACTS, COMPLETE, Workflow
from workflow.errors import InputError, nearest
from workflow.predicates import Field
from workflow.records import Rows, records_along
from workflow.validation import listed

__all__ = ["AuditLog", "read_log"]

Integers = NDArray[np.int64]

_KNOWN_AS = {
    "case": ("case_id", "case:concept:name", "case", "caseid", "case id"),
    "activity": ("transition", "concept:name", "activity", "event"),
    "time": ("happened_at", "time:timestamp", "timestamp", "time"),
}


@dataclass(frozen=True)
class AuditLog:
    """An event log, sorted by case and time.

    Attributes
    ----------
    names : ndarray of object, shape (n_cases,)
        How the log calls each case.
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case; the last entry is the number of rows.
    transition, event : ndarray of int64, shape (n_rows,)
        Places in the workflow's transitions and events, -1 for none.
    unknown : ndarray of bool
        Rows whose word the workflow does not have.
    at : ndarray of int64
        Microseconds since 1970, or the row's place where the log has no time.
    end : int or None
        The instant up to which the log reaches, for obligations that are still open.
    facts : mapping of str to (values, missing), a value a case
    seen, after : mapping of str to values, a value a row
        The record as the guards saw it, and after the row.
    begins : mapping of str to values, a value a case
        The record with which a case begins.
    """

    workflow: Workflow
    names: NDArray[Any]
    first: Integers
    transition: Integers
    event: Integers
    unknown: NDArray[np.bool_]
    at: Integers
    end: int | None
    facts: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_] | None]]
    seen: Mapping[str, NDArray[Any]]
    after: Mapping[str, NDArray[Any]]
    begins: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.transition)

    @cached_property
    def case(self) -> Integers:
        """Return the place of each row's case."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), np.diff(self.first))

    @property
    def known(self) -> frozenset[str]:
        """Return the names of which the log says something."""
        return frozenset({*self.facts, *self.seen})


def read_log(path: Path, workflow: Workflow, columns: Mapping[str, str] | None = None) -> AuditLog:
    """Read a log.

    Parameters
    ----------
    path : Path
        A run folder, or a ``.parquet``, ``.csv`` or ``.xes`` file.
    columns : mapping, optional
        Which column is the ``case``, the ``activity`` (a transition or an event) and the ``time``; any other key is a
        fact or a record field.

    Raises
    ------
    InputError
        If there is no such log, or a column is missing.
    """
    if path.is_dir():
        return _run_folder(path, workflow)
    if not path.is_file():
        raise InputError([f"{path}: there is no such log: give a run folder, or a Parquet, CSV or XES file"])
    table = _xes(path) if path.suffix in (".xes", ".xml") else _table(path)
    return _foreign(path, table, workflow, columns or {})


# a run folder ----------------------------------------------------------------------------------------


def _run_folder(path: Path, workflow: Workflow) -> AuditLog:
    import duckdb

    if not list((path / "events").glob("*.parquet")):
        raise InputError([f"{path}: is no run folder with an event log (it has no events/*.parquet)"])
    with duckdb.connect() as connection:
        events = connection.execute(
            "select replication, case_id, transition, cause, from_state, to_state, outcome, epoch_us(happened_at) as at"
            " from read_parquet(?) order by replication, case_id, sequence", [str(path / "events" / "*.parquet")],
        ).fetchnumpy()  # fmt: skip
        cases = connection.execute(
            "select * exclude (arrived_at), arrived_at::date as arrived from read_parquet(?) order by replication, case_id",
            [str(path / "cases" / "*.parquet")],
        ).fetchnumpy()
    names = np.array(
        [f"{r}:{c}" for r, c in zip(cases["replication"].tolist(), cases["case_id"].tolist(), strict=True)], object
    )
    n = len(names)
    per_case = _counts(events, cases)
    first = np.concatenate([[0], np.cumsum(per_case)]).astype(np.int64)
    transition = _places(_filled(events["transition"]), [t.name for t in workflow.transitions])
    cause = _filled(events["cause"])
    event = _places(cause, list(workflow.events))
    closing = cause == "horizon"
    given = _filled(events["transition"])
    unknown = ((given != "") & (transition < 0)) | ((given == "") & (event < 0) & ~closing)
    states = list(workflow.states)
    seen = {"state": _places(_filled(events["from_state"]), states)}
    after = {"state": _places(_filled(events["to_state"]), states)}
    facts = {name: _column(cases[name], declared) for name, declared in workflow.facts.items() if name in cases}
    for name in BUILT_IN_FACTS:
        facts[name] = (np.asarray(cases[name]).astype("datetime64[D]"), None)
    begins: dict[str, NDArray[Any]] = {"state": _places(_filled(cases["initial_state"]), states)}
    outcome = _filled(events["outcome"])
    at = np.asarray(events["at"], np.int64)
    declared_events = tuple(workflow.events.values())
    rows = Rows(
        workflow,
        first,
        transition,
        event,
        seen["state"],
        cause == COMPLETE,
        outcome,
        workflow.transitions,
        declared_events,
    )
    for name, declared in workflow.record.items():
        if name in cases:
            begins[name] = _column(cases[name], declared)[0]
            seen[name], after[name] = records_along(rows, name, begins[name])
    keep = ~closing
    end = int(at.max()) if len(at) else None
    kept = np.concatenate([[0], np.cumsum(keep)])[first].astype(np.int64)
    assert len(kept) == n + 1
    return AuditLog(
        workflow, names, kept, transition[keep], event[keep], unknown[keep], at[keep], end, facts,
        {k: v[keep] for k, v in seen.items()}, {k: v[keep] for k, v in after.items()}, begins,
    )  # fmt: skip


def _counts(events: Mapping[str, Any], cases: Mapping[str, Any]) -> Integers:
    """Return how many rows each case has; both tables are sorted by replication and case."""
    place = {
        pair: i for i, pair in enumerate(zip(cases["replication"].tolist(), cases["case_id"].tolist(), strict=True))
    }
    rows = np.array(
        [place[pair] for pair in zip(events["replication"].tolist(), events["case_id"].tolist(), strict=True)], np.int64
    )
    return np.bincount(rows, minlength=len(place))


# foreign logs ----------------------------------------------------------------------------------------


def _table(path: Path) -> dict[str, NDArray[Any]]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
            return dict(connection.execute(f"select * from {reader}(?)", [str(path)]).fetchnumpy())
    except duckdb.Error as error:
        raise InputError([f"{path}: is not readable: {str(error).splitlines()[0]}"]) from None


def _xes(path: Path) -> dict[str, NDArray[Any]]:
    """Read an XES log: the attributes of each event, those of its trace with ``case:`` before them."""
    from xml.etree import ElementTree

    rows: list[dict[str, str]] = []
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag.rpartition("}")[2] != "trace":
                continue
            trace = {f"case:{c.get('key')}": str(c.get("value")) for c in element if c.get("key") is not None}
            for child in element:
                if child.tag.rpartition("}")[2] == "event":
                    rows.append({**trace, **{str(c.get("key")): str(c.get("value")) for c in child}})
            element.clear()
    except ElementTree.ParseError as error:
        raise InputError([f"{path}: is not readable as XES: {error}"]) from None
    keys = list(dict.fromkeys(k for row in rows for k in row))
    return {key: np.array([row.get(key, "") for row in rows], object) for key in keys}


def _foreign(path: Path, table: Mapping[str, NDArray[Any]], workflow: Workflow, columns: Mapping[str, str]) -> AuditLog:
    chosen = {role: _chosen(path, table, columns, role) for role in ("case", "activity", "time")}
    times = _times(path, chosen["time"], table[chosen["time"]])
    cases = np.asarray(_filled(table[chosen["case"]]), str)
    names, place = np.unique(cases, return_inverse=True)
    order = np.lexsort((np.arange(len(cases)), times, place))
    first = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(names)))]).astype(np.int64)
    words = _filled(table[chosen["activity"]])[order]
    transition, event = _places(words, [t.name for t in workflow.transitions]), _places(words, list(workflow.events))
    facts: dict[str, tuple[NDArray[Any], NDArray[np.bool_] | None]] = {}
    seen: dict[str, NDArray[Any]] = {}
    for name, declared in {**workflow.facts, **workflow.record}.items():
        column = columns.get(name) or next((c for c in (name, f"case:{name}") if c in table), None)
        if column is None or column not in table:
            continue
        values, missing = _column(table[column][order], declared, path, column)
        if name in workflow.facts:
            facts[name] = (values[first[:-1]], None if missing is None else missing[first[:-1]])
        else:
            seen[name] = values
    unknown = (transition < 0) & (event < 0)
    if len(order):  # a foreign log's facts are taken to be as of the day on which a case begins
        begun = times[order][first[:-1]].astype("datetime64[us]").astype("datetime64[D]")
        facts |= {name: (begun, None) for name in BUILT_IN_FACTS if name not in facts}
    return AuditLog(
        workflow, names.astype(object), first, transition, event, unknown, times[order], None, facts, seen, dict(seen)
    )


def _chosen(path: Path, table: Mapping[str, Any], columns: Mapping[str, str], role: str) -> str:
    wanted = columns.get(role)
    if wanted is not None:
        if wanted not in table:
            raise InputError(
                [
                    f"{path}: has no column {wanted!r} for the {role}; its columns: {listed(table)}.{nearest(wanted, table)}"
                ]
            )
        return wanted
    lower = {name.lower(): name for name in table}
    found = next((lower[name] for name in _KNOWN_AS[role] if name in lower), None)
    if found is None:
        raise InputError([f"{path}: which column is the {role}? Say --map {role}=COLUMN; its columns: {listed(table)}"])
    return found


def _times(path: Path, column: str, values: NDArray[Any]) -> Integers:
    if np.issubdtype(values.dtype, np.datetime64):
        return values.astype("datetime64[us]").astype(np.int64)
    if np.issubdtype(values.dtype, np.number):
        return (np.asarray(values, np.float64) * 1e6).astype(np.int64)
    import datetime as dt

    found = np.zeros(len(values), np.int64)
    epoch = dt.datetime(1970, 1, 1)
    for i, value in enumerate(values.tolist()):
        try:
            instant = dt.datetime.fromisoformat(str(value))
        except ValueError:
            raise InputError([f"{path}: row {i + 2}, column {column!r}: {value!r} is not a date with a time"]) from None
        found[i] = (instant.replace(tzinfo=None) - (instant.utcoffset() or dt.timedelta()) - epoch) // dt.timedelta(
            microseconds=1
        )
    return found


# columns ---------------------------------------------------------------------------------------------


def _filled(values: Any) -> NDArray[Any]:
    """Return texts with empty ones for missing ones."""
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    found = np.array(np.asarray(values), object)
    if masked is not None:
        found[masked] = ""
    return found


def _places(values: NDArray[Any], words: list[str]) -> Integers:
    distinct, inverse = np.unique(values.astype(str), return_inverse=True)
    shelf = np.array([words.index(w) if w in words else -1 for w in distinct.tolist()], np.int64)
    return shelf[inverse] if len(distinct) else np.zeros(0, np.int64)


def _column(
    values: Any, declared: Field, path: Path | None = None, name: str = ""
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return a column as predicates read it, and where a value is missing."""
    missing = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    plain = np.asarray(values)
    if declared.kind == "enum":
        places = _places(_filled(values), list(declared.values))
        absent = places < 0
        if absent.any() and not declared.optional:
            odd = _filled(values)[int(np.argmax(absent))]
            where = f"{path}: column {name!r}: " if path is not None else ""
            raise InputError(
                [
                    f"{where}{odd!r} is no value of {declared.name}; allowed: {listed(declared.values)}.{nearest(odd, declared.values)}"
                ]
            )
        return np.maximum(places, 0), absent if declared.optional else None
    if plain.dtype == object:
        plain, missing = _parsed(plain, declared, path, name)
    if declared.kind == "date":
        plain = plain.astype("datetime64[D]")
        absent = np.isnat(plain)
        missing = absent if missing is None else missing | absent
        return np.where(missing, np.datetime64("1970-01-01"), plain), missing if declared.optional else None
    kind = {"boolean": bool, "integer": np.int64, "number": np.float64}[declared.kind]
    return plain.astype(kind), missing if declared.optional else None


def _parsed(
    values: NDArray[Any], declared: Field, path: Path | None, name: str
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    missing = np.array([v in ("", None) for v in values.tolist()])
    readers: dict[str, Any] = {"boolean": lambda v: {"true": True, "false": False, "1": True, "0": False}[str(v).lower()], "integer": int, "number": float, "date": lambda v: np.datetime64(str(v)[:10])}  # fmt: skip
    blank = {"boolean": False, "integer": 0, "number": 0.0, "date": np.datetime64("1970-01-01")}[declared.kind]
    found = []
    for i, (value, gone) in enumerate(zip(values.tolist(), missing.tolist(), strict=True)):
        try:
            found.append(blank if gone else readers[declared.kind](value))
        except (ValueError, KeyError):
            raise InputError(
                [f"{path}: row {i + 2}, column {name!r}: {value!r} is not a value of type {declared.kind}"]
            ) from None
    return np.array(found), missing
