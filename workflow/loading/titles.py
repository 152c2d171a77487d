"""Read the titles of facts, of their values, of states and of activities: no two of a kind are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workflow.errors import nearest
from workflow.files.format import WorkflowFile
from workflow.files.validation import format_value
from workflow.files.values import allowed_values, fits
from workflow.loading.fields import CALLED
from workflow.loading.reading import Keys, Reading
from workflow.model.definition import Titles, as_words, as_written
from workflow.predicates import Field


def read_titles(reading: Reading[WorkflowFile], fields: Mapping[str, Field]) -> dict[str, Titles]:
    """Check the titles of states, activities, facts and their values; return those of facts and record fields that have any."""
    file = reading.file
    activities = [
        (name, entry.title if entry else None, ("activities", name, "title")) for name, entry in file.activities.items()
    ]
    _check_distinct(reading, "activity", activities)
    _check_distinct(reading, "state", [(name, entry.title, ("states", name, "title")) for name, entry in file.states.items()])
    titles: dict[str, Titles] = {}
    named: list[tuple[str, str | None, Keys]] = []
    for section in ("facts", "record"):
        for name, entry in getattr(file, section).items():
            path = (section, name, "titles")
            what = f"{CALLED[section]} {name!r}: titles"
            named.append((name, entry.title, (section, name, "title")))
            for value in entry.titles:
                if not fits(fields[name], value):
                    message = f"{format_value(value)} is not {allowed_values(fields[name])}{nearest(value, fields[name].values)}"
                    reading.wrong((*path, value), f"{what}: {message}")
            values = {as_written(value): title for value, title in entry.titles.items()}
            _check_distinct(reading, f"{what}: the value", [(v, title, path) for v, title in values.items()])
            if entry.title or values:
                titles[name] = Titles(entry.title or as_words(name), values)
    _check_distinct(reading, "fact or record field", named)
    return titles


def _check_distinct(reading: Reading[WorkflowFile], what: str, entries: Iterable[tuple[str, str | None, Keys]]) -> None:
    """Report a title that another entry has as its title or, without one, as its name as words."""
    listed = list(entries)
    shown = {as_words(name): name for name, title, _ in listed if title is None}
    for name, title, path in listed:
        if title is not None and (other := shown.setdefault(title, name)) != name:
            reading.wrong(path, f"{what} {name!r}: title: {title!r} is what {other!r} is called too")
