"""What can be set in a scenario, grouped as in its file: each value with its path for ``--set``, and the range of its slider."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from simulations.scenarios.format import ScenarioFile
from simulations.scenarios.scenario import Scenario
from workflow.files.yaml_tree import dump_yaml

Kind = Literal["number", "date", "choice", "text"]

_NOT_SET = ("scenario", "extends", "description", "workflow", "about", "published", "starts", "ends", "warm_up")
_DATES = ("starts", "ends", "warm_up")
_FIRST = ("pools", "suspensions", "activities", "events", "people", "arrivals", "courts")
_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(\s+[a-z].*)?")
_STEPS = 100
"""Number of steps of a slider over a range that is not whole numbers."""


@dataclass(frozen=True, slots=True)
class Slider:
    """The range of a slider, and the unit that follows its number in the file.

    Attributes
    ----------
    low, high, step, value : float
    unit : str
        With the space before it; empty for a plain number.
    """

    low: float
    high: float
    step: float
    value: float
    unit: str = ""

    def text(self, value: float) -> str:
        """Return a value as it is written in the file.

        Examples
        --------
        >>> Slider(0, 60, 0.5, 32, " minutes").text(40.0)
        '40 minutes'
        """
        return f"{value:.10g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a scenario.

    Attributes
    ----------
    path : str
        As ``--set`` has it: ``pools.reviewers.size.denver``.
    label : str
        The keys below its entry, for people: ``size, denver``.
    text : str
        The value in YAML.
    kind : {"number", "date", "choice", "text"}
        ``choice`` is a boolean.
    slider : Slider or None
        Of a number.
    """

    path: str
    label: str
    text: str
    kind: Kind
    slider: Slider | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The settings of one pool, activity, event and so on."""

    name: str
    settings: list[Setting] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Section:
    """The entries of one section of the file."""

    title: str
    description: str
    entries: list[Entry] = field(default_factory=list)

    def __len__(self) -> int:
        return sum(len(entry.settings) for entry in self.entries)


def sections_of(scenario: Scenario) -> list[Section]:
    """Return every value that ``--set`` reaches, by section and entry: what people change most comes first.

    Names, descriptions and published figures are left out: they change no run.
    """
    content = scenario.plain()
    names = [name for name in _FIRST if name in content]
    names += [name for name in content if name not in (*_FIRST, *_NOT_SET)]
    sections = [_section(name, content[name]) for name in names]
    dates = [_setting((key,), content[key]) for key in _DATES if content.get(key) is not None]
    sections.append(Section("Dates", "first and last day of the run, and where measuring begins", [Entry("run", dates)]))
    return [section for section in sections if len(section)]


def _section(name: str, content: Any) -> Section:
    field_of_file = ScenarioFile.model_fields.get(name)
    described = (field_of_file.description if field_of_file else None) or ""
    section = Section(titled(name), described)
    children = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in children:
        title = _name_of_item(key, value) if isinstance(content, list) else str(key)
        settings = list(_leaves((name, key), value))
        if settings:
            section.entries.append(Entry(title, settings))
    return section


def _name_of_item(index: int, item: Any) -> str:
    """Return a name of an item of a list: its number, with the first value that is a text."""
    texts = [v for v in item.values() if isinstance(v, str)] if isinstance(item, dict) else []
    return f"{index + 1}: {texts[0]}" if texts else str(index + 1)


def _leaves(path: tuple[Any, ...], value: Any) -> Iterator[Setting]:
    """Yield the settings below a path; keys with a dot cannot be reached by a path."""
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        children = enumerate(value)
    elif value is not None and not any("." in _key(key) for key in path):
        yield _setting(path, value)
    for key, child in children:
        yield from _leaves((*path, key), child)


def _setting(path: tuple[Any, ...], value: Any) -> Setting:
    dotted = ".".join(_key(key) for key in path)
    label = ", ".join(_key(key).replace("_", " ") for key in path[2:]) or _key(path[-1]).replace("_", " ")
    text = text_of(value)
    if isinstance(value, bool):
        return Setting(dotted, label, text, "choice")
    if isinstance(value, dt.date):
        return Setting(dotted, label, text, "date")
    slider = slider_of(text) if isinstance(value, int | float | str) else None
    return Setting(dotted, label, text, "number" if slider else "text", slider)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def text_of(value: Any) -> str:
    """Return a value in YAML, on one line.

    Examples
    --------
    >>> text_of(True), text_of(0.5), text_of("450 days"), text_of([1, 2])
    ('true', '0.5', '450 days', '[1, 2]')
    """
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    return dump_yaml(value).removesuffix("...\n").strip()


def slider_of(text: str) -> Slider | None:
    """Return the slider of a number, with or without a unit; ``None`` for another text.

    A share has the range from 0 to 1. Other numbers have from 0 to twice the value, rounded up, and at least 10 if they are
    whole; below 0 the range is mirrored.

    Examples
    --------
    >>> slider_of("16"), slider_of("0.493")
    (Slider(low=0, high=40, step=1, value=16, unit=''), Slider(low=0, high=1, step=0.001, value=0.493, unit=''))
    >>> slider_of("32.45 minutes").high, slider_of("0.02 per year").high, slider_of("rest")
    (80.0, 0.04, None)
    """
    match = _NUMBER.fullmatch(text)
    if match is None or not math.isfinite(value := float(match[1])):
        return None
    unit = match[2] or ""
    whole = "." not in match[1] and "e" not in match[1].lower()
    if not unit and 0 <= value <= 1 and not (whole and value):
        return Slider(0, 1, 0.01 if round(value, 2) == value else 0.001, 0 if whole else value)
    high = _round_up(2 * abs(value)) if value else 10.0
    if whole:
        high = max(high, 10)
        return Slider(-int(high) if value < 0 else 0, int(high), max(1, int(high) // 1000), int(value), unit)
    return Slider(-high if value < 0 else 0, high, high / _STEPS, value, unit)


def _round_up(number: float) -> float:
    """Return the next number that is 1, 2, 4, 5 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(number))
    return float(f"{next(n for n in (1, 2, 4, 5, 8, 10) if n * power >= number * (1 - 1e-9)) * power:.6g}")


def titled(name: str) -> str:
    """Return a name of the file for people.

    Examples
    --------
    >>> titled("queue_limits")
    'Queue limits'
    """
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
