"""Validate a file with a pydantic model; report every mistake with its position and in terms of the file.

Pydantic finds the wrong fields, and the tree of `workflow.files.yaml_tree` gives their positions. The messages say what
is wrong, the value, what is allowed, and the nearest match.
"""

from __future__ import annotations

import datetime as dt
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo

from workflow.errors import MOST_PRINTED, InputError, Mistakes, Position, Problem, format_names, nearest, visible
from workflow.files.yaml_tree import Node
from workflow.predicates import Expression, Namespace, PredicateError, parse
from workflow.predicates.parsing import MOST_PARTS, size, too_many_parts

__all__ = [
    "Condition",
    "Entry",
    "Name",
    "NamedSteps",
    "Names",
    "Usable",
    "Words",
    "format_names",
    "format_value",
    "name_mistake",
    "parse_at",
    "split_names",
    "split_words",
    "usable",
    "validate",
]


LONGEST_NAME = 100
"""A name is part of the names of files, which systems limit to 255 bytes."""


class Entry(BaseModel):
    """A mapping of a file. It refuses unknown keys, converts no values, and is frozen."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False,
        defer_build=True,  # until a file is read: most models are part of others, and need no validator of their own
    )  # fmt: skip


_M = TypeVar("_M", bound=Entry)


def format_value(value: object) -> str:
    """Format a value for a message: short, with strings in quotes."""
    if isinstance(value, dict):
        return f"a mapping with the keys {format_names(value)}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)} {'entry' if len(value) == 1 else 'entries'}" if value else "an empty list"
    if isinstance(value, set | frozenset):
        return "a set"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, int | float | dt.date) else repr(str(value))
    return text if len(text) <= 80 else text[:77] + "..."


def split_names(value: object) -> list[str]:
    """Split one name, a list of names, or names joined by ``or`` or ``|``."""
    parts = value if isinstance(value, list) else [value]
    strings = [part for part in parts if isinstance(part, str)]
    names = [name.strip() for string in strings for name in re.split(r"\||\sor\s", string)]
    if not names or not all(names) or len(strings) < len(parts):
        wrong = next((part for part in parts if part not in strings or not part.strip()), value)
        raise ValueError(f"must be a name, or names joined by 'or', or a list of names, not {format_value(wrong)}")
    return names


class NamedSteps(NamedTuple):
    """Transitions and events that a rule names, and what must hold for them.

    Attributes
    ----------
    path : tuple
        The keys that lead from the key of the rule to these steps in the file.
    """

    names: tuple[str, ...]
    if_: str | None = None
    giving: str | None = None
    path: tuple[str | int, ...] = ()


WORD_KEYS = ("of", "if", "giving")


def split_words(value: object) -> list[NamedSteps]:
    """Split what a rule names: a name, names joined by ``or``, a mapping with conditions, or a list of these."""
    parts = value if isinstance(value, list) else [value]
    if not any(isinstance(part, dict) for part in parts):
        return [NamedSteps(tuple(split_names(value)))]
    return [_named_steps(part, (i,) if isinstance(value, list) else ()) for i, part in enumerate(parts)]


def _named_steps(part: object, path: tuple[str | int, ...]) -> NamedSteps:
    if not isinstance(part, dict):
        return NamedSteps(tuple(split_names(part)), path=path)
    for key in part:
        if key not in WORD_KEYS:
            known = f"the keys of a step with conditions are {format_names(WORD_KEYS)}"
            raise ValueError(f"{format_value(key)} is not a key here; {known}.{nearest(str(key), WORD_KEYS)}".rstrip("."))
    if "of" not in part:
        raise ValueError("a step with conditions needs of:, the transitions or events that it names")
    conditions = {key: _condition(part[key]) for key in ("if", "giving") if key in part}
    return NamedSteps(tuple(split_names(part["of"])), conditions.get("if"), conditions.get("giving"), path)


def _name(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, bool):
        raise ValueError(f"must be a name, not {format_value(value)}; a name like this needs quotes")
    raise ValueError(f"must be a name, not {format_value(value)}")


def _title(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {format_value(value)}")
    if not value.strip() or "\n" in value.strip() or len(value) > MOST_IN_TITLE:
        raise ValueError(f"must be one line of 1 to {MOST_IN_TITLE} characters, not {format_value(value)}")
    return value.strip()


def _condition(value: object) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return value
    hint = "; put quotes around the whole condition" if isinstance(value, list | dict) else ""
    raise ValueError(f"must be a condition (a string), not {format_value(value)}{hint}")


MOST_IN_TITLE = 80
"""The longest title, in characters: one line of a small terminal."""

Title = Annotated[str, BeforeValidator(_title), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MOST_IN_TITLE})]
Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string"})]
Names = Annotated[
    list[str],
    BeforeValidator(split_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
_STEP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "of": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "if": {"type": ["string", "boolean"]},
        "giving": {"type": ["string", "boolean"]},
    },
    "required": ["of"],
    "additionalProperties": False,
}
Words = Annotated[
    list[NamedSteps],
    BeforeValidator(split_words),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, _STEP_SCHEMA, {"type": "array", "items": {"anyOf": [{"type": "string"}, _STEP_SCHEMA]}}]}
    ),
]
Condition = Annotated[str, BeforeValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})]


def validate(model: type[_M], node: Node) -> _M:
    """Return the content of a file as a model.

    Raises
    ------
    InputError
        With every mistake of format.
    """
    result = usable(model, node)
    if result.problems or result.content is None:
        raise InputError(result.problems)
    return result.content


class Usable(NamedTuple, Generic[_M]):
    """The usable part of a file with mistakes, which can be checked further in the same pass.

    Attributes
    ----------
    content : model or None
        Without wrong entries and keys; ``None`` if too little is left.
    node : Node
        The tree, without them.
    problems : list of Problem
        The mistakes of format.
    lost : set of str
        The names of entries that were removed or changed. Later mistakes that name them may be consequences.
    """

    content: _M | None
    node: Node
    problems: list[Problem]
    lost: set[str]


def usable(model: type[_M], node: Node) -> Usable[_M]:
    """Return the usable part of a file, and every mistake of format."""
    problems: list[Problem] = list(_control_characters(node))
    lost: set[str] = set()
    empty = dict.fromkeys(_empty_keys(model, node, ()))
    for path in empty:
        message = f"{_where(path[:-1], node)}the key {path[-1]!r} has no value; give it one, or leave the key out"
        problems.append(Problem(message, node.position_of(path)))
    for attempt in range(4):  # removing an entry may leave its section empty
        wrong = {} if attempt else dict.fromkeys(empty)
        try:
            content = model.model_validate(node.plain())
            if not wrong:
                return Usable(content, node, problems, lost)
        except ValidationError as error:
            errors: dict[tuple[object, ...], list[dict[str, Any]]] = {}
            for item in error.errors(include_url=False):
                path = _existing(node, item["loc"], item["type"])
                errors.setdefault(path, []).append(dict(item))
            if not attempt:
                problems += _format_problems(model, node, {path: items for path, items in errors.items() if path not in empty})
            wrong |= dict.fromkeys(errors)
        if len(problems) > MOST_PRINTED:
            break
        removed = {_removable(model, path) for path in wrong}
        lost |= {name for path in removed | set(wrong) for name in _names_of(node, path)}
        if () in removed:
            break
        node = _without(node, removed, ())
    return Usable(None, node, problems, lost)


def _control_characters(node: Node) -> Iterator[Problem]:
    """Report control characters in keys and strings. They would change a terminal, and no XML or SVG may contain them."""
    if isinstance(node.value, str):
        if not node.value.isprintable():
            yield from _hidden(node.value, "the text", node.position)
    elif isinstance(node.value, list):
        for child in node.value:
            yield from _control_characters(child)
    elif isinstance(node.value, dict):
        for key, child in node.value.items():
            if not str(key).isprintable():
                yield from _hidden(str(key), "the key", node.position_of((key,)))
            yield from _control_characters(child)


def _hidden(text: str, what: str, position: Position) -> Iterator[Problem]:
    shown = visible(text)
    if shown != text:
        character = next(f"U+{ord(a):04X}" for a, b in zip(text, shown, strict=False) if a != b)
        yield Problem(f"{what} {format_value(shown)} has the control character {character}; remove it", position)


def name_mistake(name: str) -> str:
    """Return what is wrong with the name of a scenario, workflow, court, pool, calendar or stream; empty if it is right.

    Examples
    --------
    >>> name_mistake("Köln_2")
    ''
    >>> name_mistake("../evil")
    'a name has letters, digits, underscores and hyphens, and begins with a letter or an underscore'
    """
    if len(name) <= LONGEST_NAME and name.replace("-", "_").isidentifier() and not name.startswith("-"):
        return ""
    if len(name) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} characters"
    return "a name has letters, digits, underscores and hyphens, and begins with a letter or an underscore"


def _empty_keys(annotation: Any, node: Node, path: tuple[object, ...]) -> Iterator[tuple[object, ...]]:
    """Yield the paths of known keys without a value. `annotation` is the type of the node."""
    if not isinstance(node.value, dict | list):
        return
    model = _model_in(annotation)
    known = _fields(model) if model is not None and isinstance(node.value, dict) else {}
    arguments = typing.get_args(_unwrapped(annotation)) if model is None else ()
    for key, child in node.value.items() if isinstance(node.value, dict) else enumerate(node.value):
        if isinstance(child.value, dict | list):
            inside = known[str(key)].annotation if key in known else arguments[-1] if arguments else None
            yield from _empty_keys(inside, child, (*path, key))
        elif child.value is None and key in known:
            yield (*path, key)


def _removable(model: type[BaseModel], path: tuple[object, ...]) -> tuple[object, ...]:
    """Return the smallest part of a file that can be removed together with a mistake."""
    if path and isinstance(path[-1], str) and path[-1].startswith("<"):  # a missing key: its whole entry
        path = path[:-1]
    while path:
        parent = _model_at(model, path[:-1])
        fields = _fields(parent) if parent else {}
        info = fields.get(str(path[-1]))
        if info is None or not (info.is_required() or (len(path) == 1 and info.default_factory)):
            return path
        path = path[:-1]
    return ()


def _names_of(node: Node, path: tuple[object, ...]) -> Iterator[str]:
    """Yield the names of the entries on a path; for a section, of all its entries."""
    for i, part in enumerate(path):
        inside = node.find(path[:i])
        if isinstance(inside.value, list) and isinstance(part, int) and part < len(inside.value):
            yield from _label(inside.value[part])
        elif i == 1 and isinstance(part, str):
            yield part
    if len(path) == 1:
        section = node.find(path)
        for entry in section.value if isinstance(section.value, list) else ():
            yield from _label(entry)
        if isinstance(section.value, dict):
            yield from (str(name) for name in section.value)


def _label(entry: Node) -> Iterator[str]:
    """Yield the name of an entry of a list: the value of its naming key."""
    if isinstance(entry.value, dict):
        name = next((entry.value[key].value for key in _NAMING if key in entry.value), None)
        if isinstance(name, str) and name.strip():
            yield name


_NAMING = ("rule", "transition", "measure")


def _without(node: Node, removed: set[tuple[object, ...]], path: tuple[object, ...]) -> Node:
    """Return a tree without the nodes at the removed paths."""
    if not isinstance(node.value, dict | list):
        return node
    children = node.value.items() if isinstance(node.value, dict) else enumerate(node.value)
    kept = {k: _without(n, removed, (*path, k)) for k, n in children if (*path, k) not in removed}
    return replace(node, value=kept if isinstance(node.value, dict) else list(kept.values()))


def _existing(node: Node, loc: tuple[object, ...], kind: str) -> tuple[object, ...]:
    """Drop the parts of a pydantic path that do not exist in the file (names of union members and the like)."""
    path: list[object] = []
    for part in loc:
        value = node.value
        if (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)
        ):
            path.append(part)
            node = value[part]  # type: ignore[call-overload]
    return (*path, f"<{loc[-1]}>") if kind == "missing" and loc else tuple(path)


# Keys that a wrong key probably means, where the nearest in spelling is another.
_MEANT = {"when": ("if",), "if": ("when",), "unless": ("if: not ...", "when: not ..."), "name": ("rule", "transition", "measure")}


def _format_problems(
    model: type[Entry], root: Node, errors: Mapping[tuple[object, ...], list[dict[str, Any]]]
) -> Iterator[Problem]:
    """Yield the mistakes of format. Those that a message will not list have no explanation."""
    positions = {path: root.position_of(path) for path in errors}
    in_order = sorted(errors, key=positions.__getitem__)
    yield from (_problem(model, root, path, errors[path]) for path in in_order[:MOST_PRINTED])
    yield from (Problem(errors[path][0]["type"], positions[path]) for path in in_order[MOST_PRINTED:])


def _problem(model: type[Entry], root: Node, path: tuple[object, ...], items: list[dict[str, Any]]) -> Problem:
    first = items[0]
    kind, value = first["type"], first["input"]
    if kind == "missing":
        key, parent = first["loc"][-1], path[:-1]
        return Problem(f"{_where(parent, root)}the key {key!r} is missing", root.position_of(parent))
    if kind == "extra_forbidden":
        key = path[-1]
        allowed = _keys(_model_at(model, path[:-1]))
        meant = next((f" Did you mean {m!r}?" for m in _MEANT.get(str(key), ()) if m.split(":")[0] in allowed), "")
        hint = meant or nearest(key, allowed)
        message = f"{_where(path[:-1], root)}unknown key {key!r}; allowed: {format_names(allowed, 30)}.{hint}"
        return Problem(message, root.position_of(path))
    if kind == "value_error":
        return Problem(f"{_where(path, root)}{first['ctx']['error']}", root.find(path).position)
    if kind == "too_short":
        return Problem(f"{_where(path, root)}must have at least one entry", root.find(path).position)
    expected = list(dict.fromkeys(_expected(item) for item in items))
    wanted = " or ".join(e for e in expected if e != "a whole number" or "a number" not in expected)
    hint, in_code = "", root.find(path).source.in_code
    if "true or false" in wanted or "must be true" in f"must be {wanted}":
        hint = " Write true or false, not yes or no." if str(value).lower() in ("yes", "no", "on", "off") else ""
    elif kind == "literal_error":
        hint = nearest(value, str(first["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", "))
    elif value is None:
        hint = " Write {} for an empty one." if "a mapping" in wanted else " Its value may be missing."
    elif wanted == "a list":
        hint = "" if in_code else " Start each entry with '- '."
    elif wanted == "a date":
        hint = " Write it without quotes and without a time of day, such as 2024-01-31."
        hint = " Give a datetime.date, such as datetime.date(2024, 1, 31)." if in_code else hint
    # An empty value has no position of its own.
    position = root.position_of(path) if value is None else root.find(path).position
    return Problem(f"{_where(path, root)}must be {wanted}, not {format_value(value)}.{hint}", position)


def _where(path: tuple[object, ...], root: Node) -> str:
    """Return the keys that lead to a value, for a message; an entry of a list by its name or number.

    The position of a value that was given in Python names its path already.
    """
    if root.find(path).source.in_code:
        return ""
    parts: list[str] = []
    for i, part in enumerate(path):
        name = next(_label(root.find(path[: i + 1])), None) if isinstance(part, int) else None
        if isinstance(part, int) and not isinstance(root.find(path[:i]).value, dict):
            parts.append(f"entry {part + 1}" if name is None else name if name.isidentifier() else repr(name))
        else:
            parts.append(str(part))
    return f"{'.'.join(parts)}: " if parts else ""


def _expected(item: dict[str, Any]) -> str:
    """Return what pydantic expected instead of a value."""
    context = item.get("ctx", {})
    names: dict[str, str | Callable[[], str]] = {
        "string_type": "a string",
        "int_type": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "date_type": "a date",
        "none_required": "nothing",
        "invalid_key": "a string (it is a key)",
        "greater_than": lambda: f"more than {context['gt']}",
        "greater_than_equal": lambda: f"at least {context['ge']}",
        "less_than_equal": lambda: f"at most {context['le']}",
        "literal_error": lambda: _one_of(str(context["expected"])),
    }
    name = names.get(item["type"], str(item["msg"]))
    return name if isinstance(name, str) else name()


def _one_of(expected: str) -> str:
    if expected == "True":
        return "true (or left out)"
    expected = expected.replace("True", "true").replace("False", "false")
    return f"one of {expected}" if "," in expected or " or " in expected else expected


def _keys(model: type[BaseModel] | None) -> list[str]:
    return list(_fields(model)) if model is not None else []


@cache
def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by the keys that a file has."""
    return {(info.alias or name): info for name, info in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: tuple[object, ...]) -> type[BaseModel] | None:
    """Return the model of the mapping at a path, from the annotations of the fields."""
    annotation: Any = model
    for part in path:
        inner = _model_in(annotation)
        if inner is not None and isinstance(part, str):
            info = _fields(inner).get(part)
            annotation = info.annotation if info is not None else None
        else:
            arguments = typing.get_args(_unwrapped(annotation))
            annotation = arguments[-1] if arguments else None
    return _model_in(annotation)


def _unwrapped(annotation: Any) -> Any:
    """Return an annotation without ``Annotated`` and ``| None``."""
    while True:
        origin = typing.get_origin(annotation)
        if origin is Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (typing.Union, types.UnionType):
            rest = [a for a in typing.get_args(annotation) if a is not type(None)]
            annotation = rest[0]
        else:
            return annotation


def _model_in(annotation: Any) -> type[BaseModel] | None:
    inner = _unwrapped(annotation)
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def parse_at(
    node: Node,
    text: str,
    namespace: Namespace,
    problems: list[Problem],
    what: str,
    expect: typing.Literal["boolean", "number", "any"] = "boolean",
) -> Expression | None:
    """Parse the expression at a node; append its mistakes to `problems` with their positions.

    Raises
    ------
    InputError
        If `problems` are those of a file, and its conditions have too many parts.
    """
    try:
        expression = parse(text, namespace, expect)
        if isinstance(problems, Mistakes):
            problems.n_parts += size(expression)
            if problems.n_parts > MOST_PARTS:
                message = f"{what}: with it, the conditions of the file {too_many_parts()}"
                raise InputError([*problems, Problem(message, node.position)])
        return expression
    except PredicateError as error:
        for mistake in error.mistakes:
            position = node.inside(mistake.offset) if isinstance(node.value, str) else node.position
            problems.append(Problem(f"{what}: {mistake.message}", position))
        return None
