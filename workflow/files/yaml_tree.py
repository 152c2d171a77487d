"""Read YAML files into trees of values with their positions.

The events of the YAML parser become a tree of `Node`: a mapping, a list or a plain value, each with its line and
column. Forbidden content (duplicate keys, anchors, aliases, tags, infinite numbers, keys without a value inside braces)
is collected as `Problem`. ``extends:`` merges these trees, so a mistake is reported in the file that contains it.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

from workflow.errors import InputError, Position, Problem
from workflow.files.opening import read_file

__all__ = ["Key", "Node", "Plain", "Source", "dump_yaml", "merge", "node_of", "parse_yaml", "read_yaml", "tidy"]

Key = str | int | float | bool | dt.date
Plain = Any
"""A tree of dict, list, str, int, float, bool, None, date and datetime."""

MAX_DEPTH = 40

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\Z")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\Z")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


@dataclass(eq=False, slots=True)
class Source:
    """A text, its name in messages, and the tree that was read from it."""

    name: str
    text: str = field(repr=False)
    root: Node | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a YAML file and its position.

    Attributes
    ----------
    value : dict of Key to Node, list of Node, or a plain value
    keys : dict of Key to Position
        The positions of the keys of a mapping.
    line, column : int
        From 1; 0 if the value comes from no file.
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
        """Return the position of the value."""
        return Position(self.source.name, self.line, self.column)

    @property
    def folder(self) -> Path:
        """Return the folder of the file, which relative file names start from."""
        return Path(self.source.name).parent

    def written(self) -> str:
        """Return the value as YAML; the root of a file as its text, with comments."""
        return self.source.text if self.source.root is self else dump_yaml(self.plain())

    def plain(self) -> Plain:
        """Return the value without positions: dict, list and plain values."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def find(self, path: tuple[object, ...]) -> Node:
        """Return the deepest node along a path. Parts that do not exist are skipped.

        Pydantic adds such parts to a path, for example the name of a union member.
        """
        node = self
        for part in path:
            child = node._child(part)
            node = node if child is None else child
        return node

    def position_of(self, path: tuple[object, ...]) -> Position:
        """Return the position of a path; of the key, if the last part is a key."""
        node, position = self, self.position
        for part in path:
            child = node._child(part)
            if child is not None:
                position = node.keys.get(part, child.position) if isinstance(node.value, dict) else child.position  # type: ignore[call-overload]
                node = child
        return position

    def inside(self, offset: int) -> Position:
        """Return the position of a character of this string, which may be quoted, folded or on several lines.

        The raw text and the value have the same characters, except for blanks, so counting them gives the position.
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
            child: Node | None = self.value.get(part)
            return child
        if isinstance(self.value, list) and isinstance(part, int) and not isinstance(part, bool):
            return self.value[part] if 0 <= part < len(self.value) else None
        return None


def tidy(path: Path) -> Path:
    """Return a path for messages, without parts such as ``a/../``."""
    short = Path(os.path.normpath(path))
    return short if os.path.realpath(short) == os.path.realpath(path) else path


def read_yaml(path: Path) -> Node:
    """Read a YAML file; return its top mapping.

    Raises
    ------
    InputError
        With every mistake of the YAML itself.
    """
    raw = read_file(path, advice="Put tables into CSV or Parquet files.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8. Save the file as UTF-8."
        raise InputError([Problem(message, Position(str(path), line, column))]) from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Node:
    """Read a YAML text; `name` is the name of the file in messages.

    Raises
    ------
    InputError
        With every mistake of the YAML itself.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    source, start = Source(name, text), Position(name, 1, 1)
    reader = _Reader(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
            if reader.too_deep:
                break
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(name, mark.line + 1, mark.column + 1) if mark else start
        context = error.context_mark if "while parsing a flow" in str(error.context) else None
        if not reader.has_anchor(position.line):  # the message about anchors covers it
            reader.wrong(position, _unreadable(str(error.problem or error.context or error), context))
    except ReaderError as error:
        before = text[: error.position]
        position = Position(name, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        reader.wrong(position, f"the character {chr(error.character)!r} is not printable; remove it")
    except YAMLError as error:
        reader.wrong(start, _unreadable(str(error).splitlines()[0]))
    except (ValueError, RecursionError, AssertionError, AttributeError, IndexError, TypeError) as error:
        reader.wrong(start, _unreadable(f"{type(error).__name__}: {error}"))
    reader.report_anchors()
    if reader.root is None and not reader.problems:
        reader.wrong(start, "the file is empty; it must hold a mapping of keys to values")
    elif reader.root is not None and not isinstance(reader.root.value, dict) and not reader.problems:
        message = f"the file must hold a mapping of keys to values, not {_kind(reader.root.value)}"
        reader.wrong(reader.root.position, message)
    if reader.problems or reader.root is None:
        raise InputError(reader.problems)
    source.root = reader.root
    return reader.root


def _unreadable(problem: str, opened: Any = None) -> str:
    """Explain a YAML syntax error, with the usual remedy; `opened` is the mark of an open bracket."""
    hint = ""
    if "mapping values" in problem:
        problem = "a colon and a space start a value, but there is already one"
        hint = " Quote a string that contains ': ', or indent the line less."
    elif "',' or" in problem or "flow" in problem:
        inside = f" (opened on line {opened.line + 1})" if opened else ""
        hint = f" Inside {{ }} and [ ]{inside}, quote a string that contains a comma, a bracket or a colon, or close the bracket."
    elif "<block end>" in problem:
        problem = "this does not fit what precedes it"
        hint = (
            " A string that starts with a quote must end with it: put quotes of the other kind around the whole string,"
            " or correct the indentation."
        )
    elif "\\t" in problem:
        problem, hint = "a tab is not allowed here", " Indent with spaces, not tabs."
    elif "cannot start any token" in problem:
        hint = " Quote a string that starts with this character."
    return f"invalid YAML: {problem}.{hint}"


def _kind(value: object) -> str:
    return {dict: "a mapping", list: "a list", str: "a string", bool: "true or false", type(None): "nothing"}.get(
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
                self._mistake(event.start_mark, "a second document starts here; a file holds only one")
        if getattr(event, "anchor", None):
            self._anchors.append(event.start_mark)
        if getattr(event, "tag", None) and kind != "DocumentStartEvent" and str(event.tag) not in ("!", "None"):
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._mistake(event.start_mark, f"the tag {tag} is not supported; quote a string that starts with '!'")
        if kind == "ScalarEvent":
            self._add(self._scalar(event), event)
        elif kind == "AliasEvent":
            self._add(self._node(None, event), event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self._open) >= MAX_DEPTH:
                self.too_deep = True
                self._mistake(event.start_mark, f"nested more than {MAX_DEPTH} levels deep; check brackets and indentation")
            value: Any = {} if kind == "MappingStartEvent" else []
            self._open.append(_Open(self._node(value, event), flow=bool(event.flow_style)))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = self._open.pop()
            self._add(done.node, event)

    def has_anchor(self, line: int) -> bool:
        """Return whether a line has an anchor or an alias."""
        return any(mark.line + 1 == line for mark in self._anchors)

    def report_anchors(self) -> None:
        """Report all anchors and aliases in one message, because a file may have thousands."""
        if not self._anchors:
            return
        first, *others = self._anchors
        lines = list(dict.fromkeys(str(mark.line + 1) for mark in others))
        more = ""
        if lines:
            listed = ", ".join(lines[:8]) + (" ..." if len(lines) > 8 else "")
            more = f" (also on {'line' if len(lines) == 1 else 'lines'} {listed})"
        instead = "repeat the value, or quote a string that starts with & or *"
        self._mistake(first, f"anchors and aliases (& and *) are not supported{more}; {instead}")

    def wrong(self, position: Position, message: str) -> None:
        """Report a mistake at a position."""
        self.problems.append(Problem(message, position))

    def _node(self, value: Any, event: Any) -> Node:
        mark, end = event.start_mark, event.end_mark
        return Node(value, self.source, mark.line + 1, mark.column + 1, mark.index, end.index, {})

    def _mistake(self, mark: Any, message: str) -> None:
        self.wrong(Position(self.source.name, mark.line + 1, mark.column + 1), message)

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
            return self.wrong(key.position, f"a key must be a string, a number or a date, not {shown}")
        if isinstance(name, dt.datetime):
            name = name.isoformat(sep=" ")
        if name in parent.node.keys and any(k == name and type(k) is type(name) for k in parent.node.keys):
            shown = str(name) if isinstance(name, dt.date) else repr(name)
            message = f"duplicate key {shown}; it is first used at line {parent.node.keys[name].line}"
            return self.wrong(key.position, message)
        if parent.flow and value.value is None and value.start == value.end:
            message = f"the key {str(name)!r} has no value: inside {{ }}, quote a string that contains a comma"
            if isinstance(name, int):
                message = f"the key {str(name)!r} has no value: write a number without a comma, 7923 and not 7,923"
            self.wrong(key.position, message)
        parent.node.value[name] = value
        parent.node.keys[name] = key.position  # type: ignore[index]

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._mistake(event.start_mark, "the string contains a lone surrogate (half a character)")
            return self._node("", event)
        if event.style is not None:  # quoted, literal or folded: a string
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
                instead = f"write {int(text)} for the number, or {text!r} in quotes for the string"
                self._mistake(event.start_mark, f"{text} starts with a zero: {instead}")
            if len(digits) > 18:
                self._mistake(event.start_mark, f"{text[:20]}... has more than 18 digits")
                return self._node(0, event)
            return self._node(int(text), event)
        if _FLOAT.match(text):
            number = float(text)
            if not math.isfinite(number):
                self._mistake(event.start_mark, f"the number {text} is too large")
                number = 0.0
            return self._node(number, event)
        return self._node(self._date(text, event), event)

    def _date(self, text: str, event: Any) -> str | dt.date:
        if match := _DATE.match(text):
            year, month, day = (int(part) for part in match.groups())
            try:
                return dt.date(year, month, day)
            except ValueError:
                self._mistake(event.start_mark, f"{text} is not a date: {_valid_range(year, month)}")
                return dt.date(2000, 1, 1)
        if _INSTANT.match(text):
            try:
                return dt.datetime.fromisoformat(text)
            except ValueError as error:
                self._mistake(event.start_mark, f"{text} is not a date with a time: {error}")
        return text


def _valid_range(year: int, month: int) -> str:
    """Return the range that a date violates."""
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
    """Return the mapping `base` extended by the mapping `over`.

    Sections that are mappings in both are merged by the names of their entries. An entry or another value of `over`
    replaces that of `base` as a whole.
    """
    value: dict[Key, Node] = dict(base.value)
    keys = {**base.keys, **over.keys}
    for name, node in over.value.items():
        below = base.value.get(name)
        if below is not None and isinstance(below.value, dict) and isinstance(node.value, dict):
            node = replace(node, value={**below.value, **node.value}, keys={**below.keys, **node.keys})
        value[name] = node
    return replace(over, value=value, keys=keys)


def node_of(plain: Plain, source: Source, depth: int = 0) -> Node:
    """Return a tree for values that come from no file, such as a value of ``--set`` or a dictionary.

    Raises
    ------
    InputError
        If it is nested too deeply, for example because a mapping contains itself, or a string has a lone surrogate.
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
        raise InputError([f"{source.name}: the string {plain!r} contains a lone surrogate (half a character)"])
    return Node(plain, source, 0, 0)


def dump_yaml(plain: Plain) -> str:
    """Return plain values as YAML text, with keys in their order."""
    from ruamel.yaml import YAML

    writer = YAML()
    writer.representer.ignore_aliases = lambda *_: True  # a repeated value is written again, without an alias
    writer.width = 120
    text = StringIO()
    writer.dump(plain, text)
    return text.getvalue()
