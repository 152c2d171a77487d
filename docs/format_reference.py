"""The reference of the file formats in ``docs/reference``: what may be written, and what does each key mean?

The pages are written by hand, but for their tables: a part between ``<!-- begin: keys of PoolEntry -->`` and
``<!-- end -->`` is written here, from the model of that name, and so are the tables of families, units and
functions. ``python -m docs.schemas`` writes them anew; a test holds them current, and runs every example.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo

from simulations.chance.families import FAMILIES
from simulations.scenarios import format as scenario_format
from simulations.timing.clock import UNITS
from workflow.auditing import mapping
from workflow.files import format as workflow_format
from workflow.files.validation import Condition, Entry, Name, Names, Title, Words
from workflow.files.yaml_tree import parse_yaml
from workflow.loading import rule_files
from workflow.predicates.functions import FUNCTIONS

__all__ = ["MODELS", "PAGES", "Key", "keys_of", "pages", "write_pages", "written"]

PAGES = ("workflow_format.md", "rules_format.md", "scenario_format.md", "mapping_format.md")

MODELS: dict[str, type[Entry]] = {
    model.__name__: model
    for module in (workflow_format, scenario_format, rule_files, mapping)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, Entry) and model is not Entry
}
"""Every mapping that may stand in a file, by the name of its model."""

_WITHOUT_NAMES = {"constant": "the value itself", "empirical": "a list of values"}
_FORMS: dict[object, str] = {
    Name: "name",
    Title: "text",
    Names: "name, or several: `a or b`, `[a, b]`",
    Words: "[steps](#steps)",
    workflow_format.Count: "whole number, or one from facts",
    Condition: "[condition](workflow_format.md#conditions)",
    scenario_format.Length: "[length of time](scenario_format.md#lengths-of-time)",
    scenario_format.Shares: "[shares](scenario_format.md#shares-and-probabilities)",
    scenario_format.Rate: "[rate](scenario_format.md#rates)",
    scenario_format.Probability: "[probability](scenario_format.md#shares-and-probabilities)",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    str: "text",
    dt.date: "date",
    Any: "value",
}
# Where the model leaves open what may stand.
_OPEN_FORMS = {
    ("ArrivalEntry", "at"): "list of times",
    ("ArrivalEntry", "first"): "time",
    ("ArrivalEntry", "table"): "file, or [entry](scenario_format.md#tables-of-cases)",
    ("ArrivalEntry", "people"): "fact: [distribution](scenario_format.md#people)",
    ("BacklogEntry", "people"): "fact: [distribution](scenario_format.md#people)",
    ("CalendarEntry", "closed"): "list of dates and ranges",
    ("CalendarEntry", "open"): "date: hours",
    ("CostsEntry", "activities"): "activity: number",
    ("CostsEntry", "pools"): "pool: [rate](scenario_format.md#rates)",
    ("CourtEntry", "backlog"): "state: number, or [entry](scenario_format.md#backlog); or `table:` file",
    ("EventEntry", "gives"): "field: list of values",
    ("EventEntry", "set"): "field: value",
    ("EventEntry", "while"): "list of states, or `any`",
    ("FieldEntry", "enum"): "list of words",
    ("ActivityEntry", "gives"): "field: list of values",
    ("EventTimingEntry", "outcome"): "field: [shares](scenario_format.md#shares-and-probabilities)",
    ("MappingFile", "names"): "step: name in the log, or a list of names",
    ("MappingFile", "only"): "column: value, or a list of values",
    ("MappingFile", "time_format"): "text, or a list of texts",
    ("MeasureEntry", "giving"): "value, or field: value",
    ("MeasureEntry", "split"): "part: [entry](workflow_format.md#parts-of-a-measure), or `rest`",
    ("RuleEntry", "never"): "names, or a [condition](workflow_format.md#conditions)",
    ("BoundEntry", "calendar"): "name, or mapping",
    ("BoundEntry", "time"): "bound on time",
    ("RulesFile", "bounds"): "name: bound on time, or [entry](rules_format.md#bounds-on-time)",
    ("RulesFile", "calendars"): "name: name, or mapping",
    ("WorkflowFile", "bounds"): "name: bound on time, or [entry](rules_format.md#bounds-on-time)",
    ("WorkflowFile", "calendars"): "name: name, or mapping",
    ("RuleEntry", "calendar"): "name, or mapping",
    ("RuleEntry", "within"): "length of time",
    ("ScenarioFile", "people"): "fact: [distribution](scenario_format.md#people)",
    ("TableEntry", "columns"): "meaning: name in the file",
    ("PublishedEntry", "within"): "number, percentage, list of two numbers, `more` or `less`",
    ("UncertainEntry", "by"): "[family](scenario_format.md#lengths-of-time)",
    ("UncertainEntry", "is"): "[family](scenario_format.md#lengths-of-time)",
    ("UncertainEntry", "table"): "file, or [entry](scenario_format.md#tables-of-cases)",
    ("UncertainEntry", "within"): "list of two numbers",
    ("TransitionEntry", "log_name"): "text, or a list of texts",
    ("EventEntry", "log_name"): "text, or a list of texts",
    ("TransitionEntry", "set"): "field: value",
    ("WorkEntry", "outcome"): "field: [shares](scenario_format.md#shares-and-probabilities)",
    ("WorkflowFile", "define"): "name: [expression](workflow_format.md#conditions)",
    ("WorkflowFile", "sources"): "key: text",
}  # fmt: skip
_BRACES = re.compile(r"(?<!`)\{(?:[^{}`]|\{[^{}`]*\})*\}(?!`)")
_PART = re.compile(r"(<!-- begin: (?P<what>[^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)


class Key(typing.NamedTuple):
    """One key of a mapping, as the reference tells of it.

    Attributes
    ----------
    form : str
        Which values may stand there, in Markdown.
    default : str
        What holds without it; ``required`` if there is no such thing.
    examples : list
        Values, as a file has them.
    """

    name: str
    form: str
    default: str
    description: str
    examples: list[Any]


def keys_of(model: type[Entry]) -> list[Key]:
    """Return the keys of a mapping, in the order of its model."""
    hints = typing.get_type_hints(model, include_extras=True)
    rows = []
    for attribute, info in model.model_fields.items():
        name = info.alias or attribute
        loose = _loose(hints[attribute])
        form = _OPEN_FORMS.get((model.__name__, name)) or _quoted(loose or "") or _form(hints[attribute], info)
        examples = list(info.examples or _only_examples(hints[attribute]))
        rows.append(Key(name, form, _default(info), _quoted(info.description or loose or ""), examples))
    return rows


def _loose(hint: object) -> str | None:
    """Return how a value that is read elsewhere is described where it stands, if it is no kind of its own."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next((text for part in typing.get_args(hint) if (text := _loose(part))), None)
    if typing.get_origin(hint) is Annotated and not any(kind == hint for kind in _FORMS):
        for extra in typing.get_args(hint)[1:]:
            if isinstance(extra, WithJsonSchema) and extra.json_schema is not None:
                return str(extra.json_schema.get("description", "")) or None
    return None


def _quoted(text: str) -> str:
    """Set what a text shows of a file in the type of code."""
    return _BRACES.sub(lambda shown: f"`{shown[0]}`", text)


def _form(hint: Any, info: FieldInfo | None = None) -> str:
    """Return in words which values a type allows."""
    known = next((form for kind, form in _FORMS.items() if kind == hint), None)
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if known is not None:
        return known + (_bounds(info) if hint is int and info is not None else "")
    if origin in (typing.Union, types.UnionType):
        parts = tuple(part for part in parts if part is not type(None))
        if set(parts) >= {int, float}:
            parts = tuple(part for part in parts if part is not int)
        return " or ".join(_form(part, info) for part in parts)
    if origin is Literal:
        return ", ".join(f"`{written(word)}`" for word in parts)
    if origin is list:
        inside = _form(parts[0])
        many = inside.replace("]", "s]", 1) if inside.startswith("[") else f"{inside}s"
        return f"list of {many.replace('entrys', 'entries')}"
    if origin is dict:
        return f"name: {_form(parts[1])}"
    if isinstance(hint, type) and issubclass(hint, Entry):
        return f"[entry](#{hint.__name__})"
    return "value"


def _bounds(info: FieldInfo) -> str:
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    if low is None:
        return ""
    return f", {low:,} or more" if high is None else f" from {low:,} to {high:,}"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    if info.default is None or info.default_factory is not None:
        return "none"
    return f"`{written(info.default)}`"


def _only_examples(hint: Any) -> list[Any]:
    """Return the values of a key that has only a few."""
    if hint is bool:
        return [True]
    values = [value for part in (hint, *typing.get_args(hint)) for value in _literal_values(part)]
    return values[:1]


def _literal_values(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()


def written(value: Any, inside: bool = False) -> str:
    """Return a value as YAML on one line.

    Examples
    --------
    >>> written({"decision": {"grant": 0.7, "refuse": "rest"}})
    '{decision: {grant: 0.7, refuse: rest}}'
    >>> written(["2 hours", "a, b", "7"])
    '[2 hours, "a, b", "7"]'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(k, True)}: {written(v, True)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(written(each, True) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    if _plain(value, inside):
        return value
    return f"'{value}'" if '"' in value and "'" not in value else json.dumps(value, ensure_ascii=False)


def _plain(text: str, inside: bool) -> bool:
    """Say whether a text needs no quotes; dates need none, as a file has them."""
    if (inside and set(text) & set(",[]{}")) or text[:1] in "\"'[{,%":
        return False
    parsed = parse_yaml(f"key: {text}\n", "").value["key"].plain() if ": " not in text and " #" not in text else None
    return isinstance(parsed, dt.date) or parsed == text


# the parts of a page ------------------------------------------------------------------------------


def pages(folder: Path) -> dict[str, str]:
    """Return the pages of a folder by name, each with its tables written anew."""
    return {name: _renewed(name, folder) for name in PAGES}


def write_pages(folder: Path) -> None:
    """Write the tables of a folder's pages anew."""
    for name, text in pages(folder).items():
        (folder / name).write_text(text, encoding="utf-8")


def _renewed(name: str, folder: Path) -> str:
    text = (folder / name).read_text(encoding="utf-8")
    places = dict(_places(folder))
    own = f"({name}#"
    return _PART.sub(lambda part: f"{part[1]}\n{_table(part['what'], places).replace(own, '(#')}\n\n{part[3]}", text)


def _places(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each model with the address of the section that has its table."""
    for name in PAGES:
        heading = ""
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                heading = anchor(line)
            elif line.startswith("<!-- begin: keys of "):
                yield line.split()[4], f"{name}#{heading}"


def anchor(heading: str) -> str:
    """Return the address that code hosts give to a heading.

    Examples
    --------
    >>> anchor("## `at_shift_end`: what becomes of work")
    'at_shift_end-what-becomes-of-work'
    """
    return re.sub(r"[^\w\- ]", "", heading.lstrip("#").strip().lower()).replace(" ", "-")


def _table(what: str, places: Mapping[str, str]) -> str:
    parts = what.split()
    if parts[:2] == ["keys", "of"]:
        table = _key_table(MODELS[parts[2]])
        return re.sub(r"\(#(\w+Entry)\)", lambda link: f"({places[link[1]]})", table)
    return _TABLES[what]()


def _key_table(model: type[Entry]) -> str:
    rows = [
        (f"`{key.name}`", key.form, key.default, key.description, " or ".join(map(_code, key.examples)) or "–")
        for key in keys_of(model)
    ]
    return _rows(("key", "value", "default", "meaning", "example"), rows)


def _families() -> str:
    rows = []
    for name, family in FAMILIES.items():
        parameters = ", ".join(
            f"`{key}`{'' if p.dimension == 'quantity' else ' (a number)'}{'' if p.required else ' (optional)'}"
            for key, p in family.parameters.items()
        )
        given = _WITHOUT_NAMES.get(name, parameters)
        rows.append((f"`{name}`", given, family.description, _code(family.example)))
    return _rows(("family", "parameters", "what it looks like", "example"), rows)


def _units() -> str:
    steps = [UNITS[unit] for unit in ("second", "minute", "hour", "day")]
    rows = []
    for unit, length in UNITS.items():
        below = max((step for step in steps if step < length), default=None)
        long = "" if below is None else f"{length / below:g} {next(u for u, n in UNITS.items() if n == below)}s"
        if unit == "working day":
            long = "a date on which a calendar has hours, however many"
        elif unit in ("month", "year"):
            long += f"; in a fixed length, and in a rate or count of arrivals, the calendar {unit}"
        rows.append((f"`{unit}`, `{unit}s`", long or "the shortest; `0.5 seconds` can be written"))
    return _rows(("unit", "length"), rows)


def _functions() -> str:
    rows = [(_code(each.usage[: each.usage.rindex(")") + 1]), each.meaning) for each in FUNCTIONS.values()]
    return _rows(("function", "what it gives"), rows)


_TABLES: dict[str, Callable[[], str]] = {"families": _families, "units": _units, "functions": _functions}


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) and value.startswith('{') else written(value)}`"


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    lines.insert(1, tuple("---" for _ in lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
