"""Checking a file's shape against a pydantic model, with every mistake told in the file's own terms.

Pydantic says which field is wrong; the tree of `workflow.documents` says where it stands. This module
joins the two and words the messages: what is wrong, the value, what is allowed, the nearest match.
"""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, WithJsonSchema

from workflow.documents import Node
from workflow.errors import InputError, Problem, nearest
from workflow.predicates import Expression, Namespace, PredicateError, parse

__all__ = ["Condition", "Entry", "Name", "Names", "listed", "parse_at", "said", "split_names", "validate"]


class Entry(BaseModel):
    """A mapping of a file: unknown keys are refused, nothing is coerced, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False)


_M = TypeVar("_M", bound=Entry)


def said(value: object) -> str:
    """Return a value as a message shows it: short, texts in quotes."""
    if isinstance(value, dict):
        return f"a mapping with the keys {listed(value)}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, int | float | dt.date) else repr(str(value))
    return text if len(text) <= 80 else text[:77] + "..."


def listed(names: Iterable[object], limit: int = 14) -> str:
    """Return names as a comma-separated list, cut where it becomes too long to read."""
    words = [str(name) for name in names]
    more = f", and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more if words else "none"


def split_names(value: object) -> list[str]:
    """Read one name, a list of names, or names joined by ``or`` or ``|``."""
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str) and part.strip() for part in parts):
        raise ValueError(f"must be a name, or names joined by 'or', or a list of names, not {said(value)}")
    return [name.strip() for part in parts for name in part.replace("|", " or ").split(" or ")]


def _name(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, bool):
        raise ValueError(f"must be a name, not {said(value)}; a name like this needs quotes")
    raise ValueError(f"must be a name, not {said(value)}")


def _condition(value: object) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str):
        return value
    raise ValueError(f"must be a condition (a text), not {said(value)}")


Name = Annotated[str, BeforeValidator(_name), WithJsonSchema({"type": "string"})]
Names = Annotated[
    list[str],
    BeforeValidator(split_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Condition = Annotated[str, BeforeValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})]


def validate(model: type[_M], node: Node) -> _M:
    """Return the file's content as a model.

    Raises
    ------
    InputError
        With every mistake of shape, at its place.
    """
    try:
        return model.model_validate(node.plain())
    except ValidationError as error:
        found: dict[tuple[object, ...], list[dict[str, Any]]] = {}
        for item in error.errors():
            path = _existing(node, item["loc"], item["type"])
            found.setdefault(path, []).append(dict(item))
        raise InputError(_problem(model, node, path, items) for path, items in found.items()) from None


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


def _problem(model: type[Entry], root: Node, path: tuple[object, ...], items: list[dict[str, Any]]) -> Problem:
    first = items[0]
    kind, value = first["type"], first["input"]
    if kind == "missing":
        key, parent = first["loc"][-1], path[:-1]
        return Problem(f"{_where(parent)}the key {key!r} is missing", root.place(parent))
    if kind == "extra_forbidden":
        key = path[-1]
        allowed = _keys(_model_at(model, path[:-1]))
        message = f"{_where(path[:-1])}unknown key {key!r}; allowed: {listed(allowed, 30)}.{nearest(key, allowed)}"
        return Problem(message, root.place(path))
    if kind == "value_error":
        return Problem(f"{_where(path)}{first['ctx']['error']}", root.find(path).position)
    wanted = " or ".join(dict.fromkeys(_wanted(item) for item in items))
    hint = ""
    if kind == "literal_error":
        hint = nearest(value, str(first["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", "))
    elif value is None:
        hint = " A comma or a colon may be missing."
    return Problem(f"{_where(path)}must be {wanted}, not {said(value)}.{hint}".replace("..", "."), root.find(path).position)


def _where(path: tuple[object, ...]) -> str:
    words = [str(part) if not isinstance(part, int) else f"entry {part + 1}" for part in path]
    return f"{'.'.join(words)}: " if words else ""


def _wanted(item: dict[str, Any]) -> str:
    context = item.get("ctx", {})
    names: dict[str, str | Callable[[], str]] = {
        "string_type": "a text",
        "int_type": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "date_type": "a date",
        "none_required": "nothing",
        "greater_than": lambda: f"more than {context['gt']}",
        "greater_than_equal": lambda: f"at least {context['ge']}",
        "less_than_equal": lambda: f"at most {context['le']}",
        "literal_error": lambda: f"one of {context['expected']}",
        "too_short": "a list that is not empty",
    }
    word = names.get(item["type"], str(item["msg"]))
    return word if isinstance(word, str) else word()


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [info.alias or name for name, info in model.model_fields.items()]


def _model_at(model: type[BaseModel], path: tuple[object, ...]) -> type[BaseModel] | None:
    """Follow a path through the fields' annotations to the model that reads the mapping there."""
    annotation: Any = model
    for part in path:
        inner = _model_in(annotation)
        if inner is not None and isinstance(part, str):
            fields = {(info.alias or name): info.annotation for name, info in inner.model_fields.items()}
            annotation = fields.get(part)
        else:
            arguments = typing.get_args(_unwrapped(annotation))
            annotation = arguments[-1] if arguments else None
    return _model_in(annotation)


def _unwrapped(annotation: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off."""
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
    node: Node, text: str, namespace: Namespace, problems: list[Problem], what: str, expect: typing.Literal["boolean", "number", "any"] = "boolean"
) -> Expression | None:
    """Parse an expression that stands at a node; its mistakes go to `problems` with their places."""
    try:
        return parse(text, namespace, expect)
    except PredicateError as error:
        for mistake in error.mistakes:
            place = node.inside(mistake.offset) if isinstance(node.value, str) else node.position
            problems.append(Problem(f"{what}: {mistake.message}", place))
        return None
