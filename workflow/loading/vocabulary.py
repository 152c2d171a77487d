"""Check the names of a workflow, which must be unique, and read its definitions."""

from __future__ import annotations

import keyword
from collections.abc import Mapping

from workflow.files.format import WorkflowFile
from workflow.files.validation import format_value, name_mistake
from workflow.loading.reading import Keys, Reading
from workflow.model.columns import EXPORTED, TABLES
from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, ENTER, NOT_STEPS
from workflow.predicates import Field, Namespace, parse_definitions
from workflow.predicates.functions import FUNCTIONS, PAST

RESERVED = {
    **dict.fromkeys(BUILT_IN_FACTS, "always a fact of a case"),
    "court": "always a fact of a case",
    "origin": "the name of where a case comes from",
    "state": "the name of the state of a case",
    **dict.fromkeys(
        (*(name for name, function in FUNCTIONS.items() if not function.shares_its_name), *PAST, "true", "false", "rest"),
        "a word of the language",
    ),
}
_COLUMNS = dict.fromkeys((*(name for table in TABLES.values() for name in table), *EXPORTED), "a column of the tables of a run")
_TRIGGERS = dict.fromkeys((COMPLETE, ENTER), "the name of a trigger")
_CAUSES = dict.fromkeys(NOT_STEPS, "a cause in the event log")
_RESERVED_FOR: dict[str, dict[str, str]] = {
    "fact": {**_COLUMNS, **RESERVED},
    "record field": {**_COLUMNS, **RESERVED},
    "definition": RESERVED,
    "event": {**RESERVED, **_TRIGGERS, **_CAUSES},
    "transition": RESERVED,
}


def reserved_names(what: str) -> set[str]:
    """Return the names, in small letters, that no fact, record field, definition, event or transition may have."""
    return {name.casefold() for name in _RESERVED_FOR.get(what, {})}


def check_names(reading: Reading[WorkflowFile]) -> set[str]:
    """Check that names are unique and usable in conditions; return the unusable ones.

    Facts, record fields, definitions, transitions and events share one namespace, in which upper and lower case are the
    same: they become names of columns and views, and SQL ignores upper and lower case.
    """
    file = reading.file
    wrong: set[str] = set()
    taken: dict[str, tuple[str, str, Keys]] = {}
    places: list[tuple[str, str, Keys]] = [
        *((name, "fact", ("facts", name)) for name in file.facts),
        *((name, "record field", ("record", name)) for name in file.record),
        *((name, "definition", ("define", name)) for name in file.define),
        *((name, "event", ("events", name)) for name in file.events),
        *((t.transition, "transition", ("transitions", i, "transition")) for i, t in enumerate(file.transitions)),
    ]
    initial = {f"initial_{name}".casefold(): name for name in file.record}
    for name, what, path in places:
        key = name.casefold()
        reserved = _RESERVED_FOR[what].get(key)
        if key in initial and what in ("fact", "record field"):
            reserved = f"the column of exports for the initial {initial[key]!r}"
        if not check_word(reading, name, what, path):
            wrong.add(name)
        elif reserved is not None:
            wrong.add(name)
            other = f"{name}_{what.split()[-1]}"
            reading.wrong(path, f"{what} {name!r}: this is {reserved}; choose another name, such as {other!r}")
        elif key in taken:
            wrong |= {name} if what != "transition" else set()
            _report_taken(reading, (name, what, path), taken[key])
        taken.setdefault(key, (name, what, path))
    if message := name_mistake(file.workflow):
        reading.wrong(("workflow",), f"workflow {file.workflow!r}: {message}")
    for name in file.states:
        check_word(reading, name, "state", ("states", name))
    for name in file.activities:
        check_word(reading, name, "activity", ("activities", name))
    _check_labels(reading, "rules", "rule", [entry.rule for entry in file.rules])
    _check_labels(reading, "measures", "measure", [entry.measure for entry in file.measures])
    return wrong


def check_word(reading: Reading[WorkflowFile], name: str, what: str, path: Keys) -> bool:
    """Return whether a condition can use a name; report it if not."""
    mistake = word_mistake(name)
    if mistake:
        reading.wrong(path, f"{what} {name!r}: {mistake}")
    return not mistake


def word_mistake(name: str) -> str:
    """Return why a condition cannot use a name; empty if it can."""
    if not name.isidentifier() or not name.isascii():
        return "a name is made of letters, digits and underscores, and begins with no digit"
    if keyword.iskeyword(name):
        return f"this is a word of Python and cannot be used in a condition; write for example '{name}_'"
    return ""


def _report_taken(reading: Reading[WorkflowFile], second: tuple[str, str, Keys], first: tuple[str, str, Keys]) -> None:
    """Report a duplicate name; at the entry in this file if the other is in a file that it extends."""
    node, own = reading.node, reading.node.source.name
    if node.position_of(second[2]).file != own and node.position_of(first[2]).file == own:
        first, second = second, first
    (name, what, path), (other, other_what, other_path) = second, first
    same = "of this name" if name == other else f"{other!r}, which differs only in upper and lower case,"
    article = "an" if other_what == "event" else "a"
    there = f"there is {article} {other_what} {same} already, at {node.position_of(other_path)}"
    reading.wrong(path, f"{what} {name!r}: {there}; choose another name, such as '{name}_{what.split()[-1]}'")


def _check_labels(reading: Reading[WorkflowFile], section: str, key: str, labels: list[str]) -> None:
    seen: set[str] = set()
    for i, label in enumerate(labels):
        if label in seen:
            reading.wrong((section, i, key), f"{key} {label!r} is listed twice")
        seen.add(label)


def read_definitions(reading: Reading[WorkflowFile], fields: Mapping[str, Field]) -> Namespace:
    """Read `define:`; return the fields and the valid definitions."""
    texts: dict[str, str | bool | int] = {}
    for name, text in reading.file.define.items():
        if isinstance(text, str | bool | int):
            texts[name] = text
        else:
            reading.wrong(("define", name), f"define {name!r}: must be an expression (a string), not {format_value(text)}")
    definitions, mistakes = parse_definitions(texts, fields)
    for name, errors in mistakes.items():
        node = reading.at("define", name)
        for mistake in errors:
            position = node.inside(mistake.offset) if isinstance(node.value, str) else node.position
            reading.wrong(position, f"define {name!r}: {mistake.message}")
    return Namespace(fields, definitions)
