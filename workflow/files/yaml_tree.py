"""Read YAML files into trees of values with their positions.

The events of the YAML parser become a tree of `Node`: a mapping, a list or a plain value, each with its line and
column. Forbidden content (duplicate keys, anchors, aliases, tags, infinite numbers, keys without a value inside braces)
is collected as `Problem`. ``extends:`` merges these trees, so a mistake is reported in the file that contains it.
"""

from __future__ import annotations

import calendar
import datetime as dt
import gc
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from workflow.errors import InputError, Mistakes, Position, Problem
from workflow.files.opening import read_file

Key = str | int | float | bool | dt.date
Plain = Any
"""A tree of dict, list, str, int, float, bool, None, date and datetime."""

MAX_DEPTH = 40
_LONGEST_KEY = 60

_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\Z")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\Z")
_NOT_PRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NUMERIC = frozenset("+-.0123456789")  # what a number or a date begins with
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


@dataclass(eq=False, slots=True)
class Source:
    """A text, its name in messages, and the tree that was read from it."""

    name: str
    text: str = field(repr=False)
    root: Node | None = field(default=None, repr=False)

    @property
    def in_code(self) -> bool:
        """Whether the values were given in Python, and not in a file or a text."""
        return not self.text and self.name.startswith(("<", "change "))

    def inside(self, key: object) -> Source:
        """Return the source of a value at a key or an index; the same one for values of a file or of a text."""
        if not self.in_code:
            return self
        name = str(key) if str(key).isprintable() else repr(key)
        name = name if len(name) <= _LONGEST_KEY else f"{name[:_LONGEST_KEY]}…"
        return Source(f"{self.name}{': ' if self.name.endswith('>') else '.'}{name}", "")


@dataclass(slots=True)
class Node:
    """A value of a YAML file and its position. It is not changed after reading.

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
        """Return the folder of the file, which relative file names start from; the current one without a file."""
        return Path() if self.source.in_code else Path(self.source.name).parent

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

    def n_values(self) -> int:
        """Return the number of values inside: of all keys, and items of lists, at any depth."""
        total, todo = 0, [self]
        while todo:
            inside = todo.pop().value
            if isinstance(inside, dict | list):
                total += len(inside)
                todo += inside.values() if isinstance(inside, dict) else inside
        return total

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
    import yaml

    source, start = Source(name, text), Position(name, 1, 1)
    reader = _Reader(source)
    if odd := _NOT_PRINTABLE.search(text):
        line_start = text.rfind("\n", 0, odd.start()) + 1
        position = Position(name, text.count("\n", 0, odd.start()) + 1, odd.start() - line_start + 1)
        raise InputError([Problem(f"the character {odd[0]!r} is not printable; remove it", position)])
    try:
        with _no_collection():
            for event in yaml.parse(text, Loader=yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):
                reader.take(event)
                if reader.too_deep:
                    break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = Position(name, mark.line + 1, mark.column + 1) if mark else start
        context = error.context_mark if "while parsing a flow" in str(error.context) else None
        if str(error.context) in ("while scanning an anchor", "while scanning an alias"):
            reader.anchors.append(error.context_mark)
        if not reader.has_anchor(position.line):  # the message about anchors covers it
            reader.wrong(position, _unreadable(_problem(error, text), context))
    except yaml.YAMLError as error:
        reader.wrong(start, _unreadable(str(error).splitlines()[0]))
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


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no garbage meanwhile: a large tree is built, which has none, and would be searched again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _problem(error: Any, text: str) -> str:
    """Return what the parser expected, and what it found there."""
    problem, mark = str(error.problem or error.context or error), error.problem_mark
    found = text[mark.index : mark.index + 1] or "<stream end>" if mark else ""
    if found == "\t":
        return "found a tab"
    if not found or not problem.startswith("did not find expected "):
        return problem
    return f"{problem.removeprefix('did not find ')}, but got {found!r}"


def _unreadable(problem: str, opened: Any = None) -> str:
    """Explain a YAML syntax error, with the usual remedy; `opened` is the mark of an open bracket."""
    hint = ""
    if "mapping values" in problem:
        problem = "a colon and a space start a value, but there is already one"
        hint = " Quote a string that contains ': ', or indent the line less."
    elif "',' or" in problem or "flow" in problem:
        inside = f" (opened on line {opened.line + 1})" if opened else ""
        hint = f" Inside {{ }} and [ ]{inside}, quote a string that contains a comma, a bracket or a colon, or close the bracket."
    elif "<block end>" in problem or "expected key" in problem or "'-' indicator" in problem:
        problem = "this does not fit what precedes it"
        hint = (
            " A string that starts with a quote must end with it: put quotes of the other kind around the whole string,"
            " or correct the indentation."
        )
    elif "found a tab" in problem:
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
        self.problems: list[Problem] = Mistakes()
        self.root: Node | None = None
        self._open: list[_Open] = []
        self._documents = 0
        self.anchors: list[Any] = []
        self.too_deep = False

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            if event.anchor or event.tag:
                self._refuse(event)
            self._add(self._scalar(event))
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if event.anchor or event.tag:
                self._refuse(event)
            if len(self._open) >= MAX_DEPTH:
                self.too_deep = True
                self._mistake(event.start_mark, f"nested more than {MAX_DEPTH} levels deep; check brackets and indentation")
            value: Any = {} if kind == "MappingStartEvent" else []
            self._open.append(_Open(self._node(value, event), flow=bool(event.flow_style)))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._add(self._open.pop().node)
        elif kind == "AliasEvent":
            self._refuse(event)
            self._add(self._node(None, event))
        elif kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents == 2:
                self._mistake(event.start_mark, "a second document starts here; a file holds only one")

    def _refuse(self, event: Any) -> None:
        """Report the anchor, alias or tag of a value."""
        if event.anchor:
            self.anchors.append(event.start_mark)
        tag = getattr(event, "tag", None)
        if tag and tag != "!":
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self._mistake(event.start_mark, f"the tag {shown} is not supported; quote a string that starts with '!'")

    def has_anchor(self, line: int) -> bool:
        """Return whether a line has an anchor or an alias."""
        return any(mark.line + 1 == line for mark in self.anchors)

    def report_anchors(self) -> None:
        """Report all anchors and aliases in one message, because a file may have thousands."""
        if not self.anchors:
            return
        first, *others = self.anchors
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

    def _add(self, node: Node) -> None:
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
        if name in parent.node.keys:
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
        if not text.isascii() and _SURROGATE.search(text):
            self._mistake(event.start_mark, "the string contains a lone surrogate (half a character)")
            return self._node("", event)
        if event.style:  # quoted, literal or folded: a string
            return self._node(text, event)
        if text in ("", "~", "null", "Null", "NULL"):
            return self._node(None, event)
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return self._node(text.lower() == "true", event)
        if text[0] not in _NUMERIC:
            return self._node(text, event)
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

    The position of a value is its path: ``<mapping>: pools.clerks.size``.

    Raises
    ------
    InputError
        If it is nested too deeply, for example because a mapping contains itself, or a string has a lone surrogate.
    """
    if depth > MAX_DEPTH:
        raise InputError([f"{source.name}: nested more than {MAX_DEPTH} levels deep"])
    if isinstance(plain, Mapping):
        inside = {key: source.inside(key) for key in plain}
        children = {key: node_of(child, inside[key], depth + 1) for key, child in plain.items()}
        for key in children:
            node_of(key, source, depth)
        return Node(children, source, 0, 0, keys={key: Position(inside[key].name, 0, 0) for key in children})
    if isinstance(plain, list | tuple):
        return Node([node_of(child, source.inside(i), depth + 1) for i, child in enumerate(plain)], source, 0, 0)
    if type(plain).__module__ == "numpy" and hasattr(plain, "item"):
        plain = plain.item()
    if isinstance(plain, str) and _SURROGATE.search(plain):
        raise InputError([f"{source.name}: the string {plain!r} contains a lone surrogate (half a character)"])
    return Node(plain, source, 0, 0)


def dump_yaml(plain: Plain) -> str:
    """Return plain values as YAML text, with keys in their order."""
    import yaml

    text: str = yaml.dump(plain, Dumper=_writer(), sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)
    return text


@cache
def _writer() -> Any:
    """Return the class that writes YAML. It puts a string in quotes if this module would read it as another value."""
    import yaml

    class Writer(yaml.CSafeDumper if yaml.__with_libyaml__ else yaml.SafeDumper):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}

        def ignore_aliases(self, data: object) -> bool:
            """Write a repeated value again, without an alias."""
            return True

    patterns = {
        "null": re.compile(r"(~|null|Null|NULL|)\Z"),
        "bool": re.compile(r"(true|True|TRUE|false|False|FALSE)\Z"),
        "int": _INTEGER,
        "float": re.compile(f"{_FLOAT.pattern}|{_NOT_A_NUMBER.pattern}"),
        "timestamp": re.compile(f"{_DATE.pattern}|{_INSTANT.pattern}"),
    }
    for tag, pattern in patterns.items():
        Writer.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", pattern, None)
    return Writer
