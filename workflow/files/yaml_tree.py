"""YAML files read so that every value remembers where it stands.

A file is read once, event by event, into a tree of `Node`: a mapping, a list or a plain value, each with
its line and column. What a file may not contain (a duplicate key, an anchor or alias, a tag, a value that
is not a number, a key without a value inside braces) is collected as `Problem` on the way. Merging for
``extends:`` works on these trees, so a mistake inherited from another file is still reported where it
was written.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from workflow.errors import InputError, Position, Problem

__all__ = ["Key", "Node", "Plain", "Source", "dump_yaml", "merge", "node_of", "parse_yaml", "read_yaml", "tidy"]

Key = str | int | float | bool | dt.date
Plain = Any  # a tree of dict, list, str, int, float, bool, None, date and datetime

MAX_BYTES = 4_000_000
MAX_DEPTH = 40

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\Z")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\Z")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


@dataclass(eq=False, slots=True)
class Source:
    """A text, the name under which messages speak of it, and the tree that was read from it."""

    name: str
    text: str = field(repr=False)
    root: Node | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file and its place.

    Attributes
    ----------
    value : dict of Key to Node, list of Node, or a plain value
    keys : dict of Key to Position
        Where each key of a mapping stands.
    line, column : int
        From 1; 0 for what comes from no file.
    start, end : int
        Offsets of the raw scalar in the source text.
    """

    value: Any
    source: Source
    line: int
    column: int
    start: int = 0
    end: int = 0
    keys: Mapping[Key, Position] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        """Return the place of the value."""
        return Position(self.source.name, self.line, self.column)

    @property
    def folder(self) -> Path:
        """Return the folder of the file that the value stands in: file names in it are read from there."""
        return Path(self.source.name).parent

    def written(self) -> str:
        """Return the value as YAML: as it stands in its file, comments and all, if it is the whole of one."""
        return self.source.text if self.source.root is self else dump_yaml(self.plain())

    def plain(self) -> Plain:
        """Return the value without places: dict, list and plain values."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def find(self, path: tuple[object, ...]) -> Node:
        """Return the deepest node along a path; parts that lead nowhere are skipped.

        Validators put words of their own into a path (the name of a union's member, say): these
        do not exist in the file.
        """
        node = self
        for part in path:
            child = node._child(part)
            node = node if child is None else child
        return node

    def place(self, path: tuple[object, ...]) -> Position:
        """Return the place that a mistake at a path is about: the key's, where the last part is a key."""
        node, position = self, self.position
        for part in path:
            child = node._child(part)
            if child is not None:
                position = node.keys.get(part, child.position) if isinstance(node.value, dict) else child.position  # type: ignore[call-overload]
                node = child
        return position

    def inside(self, offset: int) -> Position:
        """Return the place of a character of this text, which may be quoted, folded or on several lines.

        The characters that are not blank keep their order between the raw text and the value, so the
        place is found by counting them.
        """
        if not self.line:
            return self.position
        text = str(self.value)
        wanted = sum(not c.isspace() for c in text[:offset])
        raw = self.source.text
        at = self.start
        if raw[at : at + 1] in ("'", '"') and text[:1] != raw[at]:
            at += 1
        elif raw[at : at + 1] in ("|", ">"):
            at = raw.find("\n", at) + 1
        while at < self.end and (wanted or raw[at].isspace()):
            wanted -= not raw[at].isspace()
            at += 1
        line_start = raw.rfind("\n", 0, at) + 1
        return Position(self.source.name, raw.count("\n", 0, at) + 1, at - line_start + 1)

    def _child(self, part: object) -> Node | None:
        if isinstance(self.value, dict):
            found: Node | None = self.value.get(part)
            return found
        if isinstance(self.value, list) and isinstance(part, int) and not isinstance(part, bool):
            return self.value[part] if 0 <= part < len(self.value) else None
        return None


def tidy(path: Path) -> Path:
    """Return a path without detours such as ``a/../b``, as messages show it."""
    short = Path(os.path.normpath(path))
    return short if short.resolve() == path.resolve() else path


def read_yaml(path: Path) -> Node:
    """Read a YAML file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Node
        The file's top mapping.

    Raises
    ------
    InputError
        With every mistake that the reading itself can find.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(raw) > MAX_BYTES:
        raise InputError(
            [f"{path}: has {len(raw):,} bytes; at most {MAX_BYTES:,} are read. Put tables into CSV or Parquet files."]
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8. Save the file as UTF-8."
        raise InputError([Problem(message, Position(str(path), line, column))]) from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Node:
    """Read a YAML text; `name` stands for the file in messages.

    Raises
    ------
    InputError
        With every mistake that the reading itself can find.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    source = Source(name, text)
    reader = _Reader(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
            if reader.too_deep:
                break
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(name, mark.line + 1, mark.column + 1) if mark else Position(name, 1, 1)
        context = error.context_mark if "while parsing a flow" in str(error.context) else None
        if not reader.begins_so(place.line):  # what follows a leading & or * is told with it
            reader.problems.append(Problem(_unreadable(str(error.problem or error.context or error), context), place))
    except ReaderError as error:
        before = text[: error.position]
        place = Position(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        reader.problems.append(Problem(f"the character {chr(error.character)!r} cannot be printed; take it out", place))
    except YAMLError as error:
        reader.problems.append(Problem(_unreadable(str(error).splitlines()[0]), Position(name, 1, 1)))
    except (ValueError, RecursionError, AssertionError, AttributeError, IndexError, TypeError) as error:
        reader.problems.append(Problem(_unreadable(f"{type(error).__name__}: {error}"), Position(name, 1, 1)))
    reader.finish()
    if not reader.problems:
        if reader.root is None:
            reader.problems.append(
                Problem("the file is empty; it must hold a mapping of keys to values", Position(name, 1, 1))
            )
        elif not isinstance(reader.root.value, dict):
            reader.problems.append(
                Problem(
                    f"the file must hold a mapping of keys to values, not {_kind(reader.root.value)}",
                    reader.root.position,
                )
            )
    if reader.problems or reader.root is None:
        raise InputError(reader.problems)
    source.root = reader.root
    return reader.root


def _unreadable(problem: str, opened: Any = None) -> str:
    """Return what is wrong with the writing itself, and what mostly helps; `opened` is the mark of an open bracket."""
    hint = ""
    if "mapping values" in problem:
        problem = "a colon and a space begin a value, but here stands one already"
        hint = " A text with ': ' in it needs quotes; or the line is indented too far."
    elif "',' or" in problem or "flow" in problem:
        inside = f" (opened on line {opened.line + 1})" if opened else ""
        hint = f" Inside {{ }} and [ ]{inside}, a text with a comma, a bracket or a colon needs quotes; or the bracket is not closed."
    elif "<block end>" in problem:
        problem = "this does not go with what stands before it"
        hint = " A text that begins with a quote must end with it: put quotes of the other kind around the whole text; or the indentation is wrong."
    elif "\\t" in problem:
        problem, hint = "a tab stands where a value should begin", " Indent with spaces, not tabs."
    elif "cannot start any token" in problem:
        hint = " A text that begins with this character needs quotes."
    return f"this is not readable as YAML: {problem}.{hint}"


def _kind(value: object) -> str:
    return {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}.get(
        type(value), "a number or a date"
    )


class _Reader:
    """Builds the tree of nodes from the events of the YAML parser."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._documents = 0
        self._anchors: list[Any] = []
        self.too_deep = False

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents == 2:
                self._mistake(event.start_mark, "a second document begins here; a file holds one")
        if getattr(event, "anchor", None):
            self._anchors.append(event.start_mark)
        if getattr(event, "tag", None) and kind != "DocumentStartEvent" and str(event.tag) not in ("!", "None"):
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._mistake(event.start_mark, f"the tag {tag} is not read; quote a text that begins with '!'")
        if kind == "ScalarEvent":
            self._add(self._scalar(event), event)
        elif kind == "AliasEvent":
            self._add(self._node(None, event), event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self._open) >= MAX_DEPTH:
                self.too_deep = True
                self._mistake(
                    event.start_mark,
                    f"nested more than {MAX_DEPTH} levels deep; brackets may be too many, or indented ever further",
                )
            value: Any = {} if kind == "MappingStartEvent" else []
            self._open.append(_Open(self._node(value, event), flow=bool(event.flow_style)))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = self._open.pop()
            self._add(done.node, event)

    def begins_so(self, line: int) -> bool:
        """Return whether an anchor or an alias stands on a line."""
        return any(mark.line + 1 == line for mark in self._anchors)

    def finish(self) -> None:
        """Tell of all anchors and aliases at once: a file may have thousands."""
        if self._anchors:
            first, *others = self._anchors
            lines = dict.fromkeys(str(mark.line + 1) for mark in others)
            more = (
                f" (also on {'line' if len(lines) == 1 else 'lines'} {', '.join(list(lines)[:8])}{' ...' if len(lines) > 8 else ''})"
                if lines
                else ""
            )
            self._mistake(
                first,
                f"anchors and aliases, & and *, are not read{more}; write the value out, or quote a text that begins so",
            )

    def _node(self, value: Any, event: Any) -> Node:
        mark, end = event.start_mark, event.end_mark
        return Node(value, self.source, mark.line + 1, mark.column + 1, mark.index, end.index, {})

    def _mistake(self, mark: Any, message: str) -> None:
        self.problems.append(Problem(message, Position(self.source.name, mark.line + 1, mark.column + 1)))

    def _add(self, node: Node, event: Any) -> None:
        if not self._open:
            if self.root is None:
                self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node.value, list):
            parent.node.value.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            self._pair(parent, parent.key, node)
            parent.key = None

    def _pair(self, parent: _Open, key: Node, value: Node) -> None:
        name = key.value
        if name is None or isinstance(name, dict | list):
            shown = "a mapping" if isinstance(name, dict) else "a list" if isinstance(name, list) else "nothing"
            self.problems.append(Problem(f"a key must be a word, a number or a date, not {shown}", key.position))
            return
        if isinstance(name, dt.datetime):
            name = name.isoformat(sep=" ")
        if name in parent.node.keys and any(k == name and type(k) is type(name) for k in parent.node.keys):
            first = parent.node.keys[name]
            self.problems.append(
                Problem(
                    f"the key {str(name) if isinstance(name, dt.date) else repr(name)} stands here a second time; first at line {first.line}",
                    key.position,
                )
            )
            return
        if parent.flow and value.value is None and value.start == value.end:
            message = f"the key {str(name)!r} has no value: a comma inside {{ }} needs quotes around the whole text"
            if isinstance(name, int):
                message = f"the key {str(name)!r} has no value: write a number without a comma, 7923 and not 7,923"
            self.problems.append(Problem(message, key.position))
        parent.node.value[name] = value
        parent.node.keys[name] = key.position  # type: ignore[index]

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._mistake(
                event.start_mark,
                "half of a character (a lone surrogate) stands in this text; write the whole character",
            )
            return self._node("", event)
        if event.style is not None:  # quoted, literal or folded: a text
            return self._node(text, event)
        if text in ("", "~", "null", "Null", "NULL"):
            return self._node(None, event)
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return self._node(text.lower() == "true", event)
        if _NOT_A_NUMBER.match(text):
            self._mistake(event.start_mark, f"{text} is not a usable number")
            return self._node(0, event)
        if _INTEGER.match(text):
            digits = text.lstrip("+-")
            if len(digits) > 1 and digits[0] == "0":
                self._mistake(
                    event.start_mark,
                    f"{text} begins with a zero: write {int(text)} for the number, or {text!r} in quotes for the text",
                )
            if len(digits) > 18:
                self._mistake(event.start_mark, f"{text[:20]}... has more than 18 digits")
                return self._node(0, event)
            return self._node(int(text), event)
        if _FLOAT.match(text):
            number = float(text)
            if not math.isfinite(number):
                self._mistake(event.start_mark, f"{text} is too large a number")
                number = 0.0
            return self._node(number, event)
        return self._node(self._date(text, event), event)

    def _date(self, text: str, event: Any) -> str | dt.date:
        if match := _DATE.match(text):
            year, month, day = (int(part) for part in match.groups())
            try:
                return dt.date(year, month, day)
            except ValueError:
                self._mistake(event.start_mark, f"{text} is not a date: {_impossible(year, month)}")
                return dt.date(2000, 1, 1)
        if _INSTANT.match(text):
            try:
                return dt.datetime.fromisoformat(text)
            except ValueError as error:
                self._mistake(event.start_mark, f"{text} is not a date with a time: {error}")
        return text


def _impossible(year: int, month: int) -> str:
    """Return why there is no such date."""
    if year == 0:
        return "years are 0001 to 9999"
    if not 1 <= month <= 12:
        return "months are 01 to 12"
    return f"{year:04}-{month:02} has the days 01 to {calendar.monthrange(year, month)[1]}"


@dataclass(slots=True)
class _Open:
    node: Node
    flow: bool
    key: Node | None = None


def merge(base: Node, over: Node) -> Node:
    """Return the mapping `over` laid upon `base`, one level deep: an entry given again replaces the base's.

    Sections (the values of the top mapping that are mappings in both) are merged by the names in them;
    everything else is replaced. A value inside an entry never mixes with the base's.
    """
    value: dict[Key, Node] = dict(base.value)
    keys = {**base.keys, **over.keys}
    for name, node in over.value.items():
        below = base.value.get(name)
        if below is not None and isinstance(below.value, dict) and isinstance(node.value, dict):
            node = Node(
                {**below.value, **node.value},
                node.source,
                node.line,
                node.column,
                node.start,
                node.end,
                {**below.keys, **node.keys},
            )
        value[name] = node
    return Node(value, over.source, over.line, over.column, over.start, over.end, keys)


def node_of(plain: Plain, source: Source, depth: int = 0) -> Node:
    """Return a tree for values that come from no file (a value of ``--set``, a dictionary of a program).

    Raises
    ------
    InputError
        If it is nested too deeply (a mapping that holds itself, say), or a text cannot be written to a file.
    """
    if depth > MAX_DEPTH:
        raise InputError([f"{source.name}: nested more than {MAX_DEPTH} levels deep"])
    if isinstance(plain, Mapping):
        children = {key: node_of(child, source, depth + 1) for key, child in plain.items()}
        for key in children:
            node_of(key, source, depth)
        return Node(children, source, 0, 0, keys=dict.fromkeys(children, Position(source.name, 0, 0)))
    if isinstance(plain, list | tuple):
        return Node([node_of(child, source, depth + 1) for child in plain], source, 0, 0)
    if isinstance(plain, str) and any("\ud800" <= character <= "\udfff" for character in plain):
        raise InputError([f"{source.name}: half of a character (a lone surrogate) stands in the text {plain!r}"])
    return Node(plain, source, 0, 0)


def dump_yaml(plain: Plain) -> str:
    """Return plain values as YAML text, keys in their order; the same values give the same text."""
    from ruamel.yaml import YAML

    writer = YAML()
    writer.representer.ignore_aliases = lambda *_: True  # a value that stands twice is written twice
    writer.width = 120
    text = StringIO()
    writer.dump(plain, text)
    return text.getvalue()
