"""Read an XES log as a table with a row for each event, in one pass and without holding the file in memory.

The columns are the attributes of events, and those of traces with the prefix ``case:``. Attributes within attributes,
lists and containers are not columns. A trace without events is a row that has only attributes of the trace.

References
----------
IEEE 1849-2016, eXtensible Event Stream (XES).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.parsers import expat

import numpy as np

from workflow.errors import InputError, format_names
from workflow.files.encodings import decoded, encoding_of, head_of, opened
from workflow.files.table import ColumnBuilder, Table, n_of

NAME = "concept:name"
TRACE = "case:"
_BATCH = 20_000


def read_xes(path: Path, wanted: Callable[[str], bool], encoding: str | None = None, limit: int | None = None) -> Table:
    """Read the wanted attributes of a log.

    Parameters
    ----------
    wanted : callable
        Returns whether an attribute is needed, by its name; attributes of traces begin with ``case:``.
    encoding : str, optional
        By default the one that the file declares, or else UTF-8.
    limit : int, optional
        Stop after about so many events.

    Raises
    ------
    InputError
        If the file is no XES log.
    """
    log = _Log(wanted)
    notes = []
    if encoding is None and not _declares_encoding(head_of(path)):
        guess, guessed = encoding_of(path)
        if guessed:
            encoding = guess
            notes.append(f"read as {guess}, a guess; if letters are wrong, give --encoding")
    try:
        with decoded(path, encoding) if encoding is not None else opened(path) as file:
            while chunk := file.read(1 << 18):
                log.parser.Parse(chunk, False)
                if limit is not None and log.n_events >= limit:
                    break
            else:
                log.parser.Parse(b"", True)
    except expat.ExpatError as error:
        hint = "" if encoding is not None else "; if the file is in another encoding than it says, give --encoding"
        raise InputError([f"{path}: cannot be read as XES: {error}{hint}"]) from None
    if log.root != "log":
        raise InputError([f"{path}: is not an XES log: it begins with <{log.root}>, not with <log>"])
    return log.table(path, notes)


def _declares_encoding(head: bytes) -> bool:
    declaration = head[:400].replace(b"\0", b"").partition(b"?>")[0]
    return head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"encoding" in declaration


class _Names(dict[str, bool]):
    """Every attribute that has been met, in order, and whether it is wanted."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._is_wanted = wanted

    def __missing__(self, name: str) -> bool:
        self[name] = self._is_wanted(name)
        return self[name]


class _Log:
    """What has been read of a log.

    An event is a dict of its wanted attributes until a batch is full; then the batch goes to the columns. ``None`` stands
    for the row of a trace without events.
    """

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.parser = expat.ParserCreate()
        self.parser.ordered_attributes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.root, self.n_events, self.n_loose = "", 0, 0
        self._names = _Names(wanted)
        self._depth, self._inside = 0, ""
        self._target: dict[str, str] = {}
        self._trace: dict[str, str] = {}
        self._defaults: dict[str, str] = {}
        self._n_defaults: Counter[str] = Counter()
        self._events: list[dict[str, str] | None] = []
        self._traces: list[dict[str, str]] = []
        self._lengths: list[int] = []
        self._all_lengths: list[int] = []
        self._columns: dict[str, ColumnBuilder] = {}
        self._n_rows = self._begun = 0
        self._trace_names: Counter[str] = Counter()

    def _start(self, tag: str, given: list[str]) -> None:
        self._depth = depth = self._depth + 1
        if depth == 4:
            if self._inside == "event":
                self._attribute("", given)
        elif depth == 3:
            if self._inside == "trace" and _local(tag) == "event":
                self._inside, self._target = "event", {}
            elif self._inside:
                self._attribute("" if self._inside == "event defaults" else TRACE, given)
        elif depth == 2:
            self._open(_local(tag), dict(zip(given[::2], given[1::2], strict=True)))
        elif depth == 1:
            self.root = _local(tag)

    def _open(self, name: str, given: dict[str, str]) -> None:
        """Enter a child of the log."""
        self._inside = ""
        if name == "trace":
            self._inside, self._begun = "trace", len(self._events)
            self._target = self._trace = {}
        elif name == "global" and given.get("scope", "event") in ("event", "trace"):
            self._inside, self._target = f"{given.get('scope', 'event')} defaults", self._defaults
        elif name == "event":
            self.n_loose += 1

    def _attribute(self, prefix: str, given: list[str]) -> None:
        key = value = None
        for i in range(0, len(given), 2):
            if given[i] == "key":
                key = prefix + given[i + 1]
            elif given[i] == "value":
                value = given[i + 1]
        if key is not None and value is not None and self._names[key]:
            self._target[key] = value

    def _end(self, tag: str) -> None:
        depth = self._depth
        self._depth = depth - 1
        if depth == 3 and self._inside == "event":
            self._events.append(self._target)
            self.n_events += 1
            self._inside, self._target = "trace", self._trace
        elif depth == 2:
            if self._inside == "trace":
                self._close_trace()
            self._inside = ""

    def _close_trace(self) -> None:
        if len(self._events) == self._begun:
            self._events.append(None)
        self._traces.append(self._trace)
        self._lengths.append(len(self._events) - self._begun)
        if self._names[TRACE + NAME]:
            k = len(self._all_lengths) + len(self._lengths)
            self._trace_names[self._trace.setdefault(TRACE + NAME, self._defaults.get(TRACE + NAME) or f"trace {k}")] += 1
        if len(self._events) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        """Move the batch to the columns."""
        events, traces, defaults = self._events, self._traces, self._defaults
        met = {**defaults, **{key: "" for row in (*events, *traces) if row is not None for key in row}}
        for key in met.keys() - self._columns.keys():
            self._columns[key] = ColumnBuilder()
            self._columns[key].add([None], [self._n_rows])
        for key, column in self._columns.items():
            default = defaults.get(key)
            if key.startswith(TRACE):
                column.add([trace.get(key, default) for trace in traces], self._lengths)
                continue
            column.add([None if event is None else event.get(key, default) for event in events])
            if default:
                self._n_defaults[key] += sum(key not in event for event in events if event is not None)
        self._n_rows += len(events)
        self._all_lengths += self._lengths
        self._events, self._traces, self._lengths = [], [], []

    def table(self, path: Path, notes: list[str]) -> Table:
        """Return what has been read."""
        self._flush()
        starts = np.concatenate([[0], np.cumsum(self._all_lengths)]).astype(np.int64)

        def place(i: int) -> str:
            k = int(np.searchsorted(starts, i, side="right"))
            return f"trace {k}, event {i - int(starts[k - 1]) + 1}"

        columns = {name: self._columns[name].column() for name in self._names if name in self._columns}
        return Table(path, tuple(self._names), columns, place, (*notes, *self._notes()))

    def _notes(self) -> Iterator[str]:
        for key, n in self._n_defaults.items():
            if n:
                yield f"{n_of(n, 'event')} without {key!r}: the log's default, {self._defaults[key]!r}, is read"
        several = [(name, n) for name, n in self._trace_names.items() if n > 1]
        if several:
            shown = format_names((f"{name!r} ({n} traces)" for name, n in several), 3)
            yield f"{n_of(len(several), 'name')} of several traces, each read as one case: {shown}"
        if self.n_loose:
            yield f"{n_of(self.n_loose, 'event')} outside any trace left out"


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
