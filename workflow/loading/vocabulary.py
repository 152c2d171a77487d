"""Check the names of a workflow, which must be unique, and read its definitions."""

from __future__ import annotations

import keyword
from collections.abc import Mapping

from workflow.files.format import WorkflowFile
from workflow.files.validation import format_value
from workflow.loading.reading import Keys, Reading
from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, ENTER, HORIZON, INTERRUPTED
from workflow.predicates import Field, Namespace, parse_definitions
from workflow.predicates.functions import FUNCTIONS, PAST

__all__ = ["check_names", "check_word", "read_definitions"]

RESERVED = {
    **dict.fromkeys(BUILT_IN_FACTS, "always a fact of a case"),
    "court": "always a fact of a case",
    "origin": "the name of where a case comes from",
    "state": "the name of the state of a case",
    **dict.fromkeys((*FUNCTIONS, *PAST, "true", "false", "rest"), "a word of the language"),
}


def check_names(reading: Reading[WorkflowFile]) -> set[str]:
    """Check that names are unique and usable in conditions; return the unusable ones.

    Facts, record fields, definitions, transitions and events share one namespace.
    """
    file = reading.file
    wrong: set[str] = set()
    taken: dict[str, tuple[str, Keys]] = {}
    places: list[tuple[str, str, Keys]] = [
        *((name, "fact", ("facts", name)) for name in file.facts),
        *((name, "record field", ("record", name)) for name in file.record),
        *((name, "definition", ("define", name)) for name in file.define),
        *((name, "event", ("events", name)) for name in file.events),
        *((t.transition, "transition", ("transitions", i, "transition")) for i, t in enumerate(file.transitions)),
    ]
    for name, what, path in places:
        if not check_word(reading, name, what, path):
            wrong.add(name)
        elif what == "event" and name in (COMPLETE, ENTER):
            reading.wrong(path, f"event {name!r}: this is the name of a trigger; choose another name")
        elif what == "event" and name in (HORIZON, INTERRUPTED):
            reading.wrong(path, f"event {name!r}: this is a cause in the event log; choose another name")
        elif name in RESERVED:
            wrong.add(name)
            reading.wrong(path, f"{what} {name!r}: this is {RESERVED[name]}; choose another name")
        elif name in taken:
            wrong |= {name} if what != "transition" else set()
            _report_taken(reading, name, (what, path), taken[name])
        taken.setdefault(name, (what, path))
    for name in file.states:
        check_word(reading, name, "state", ("states", name))
    for name in file.activities:
        check_word(reading, name, "activity", ("activities", name))
    _check_labels(reading, "rules", "rule", [entry.rule for entry in file.rules])
    _check_labels(reading, "measures", "measure", [entry.measure for entry in file.measures])
    return wrong


def check_word(reading: Reading[WorkflowFile], name: str, what: str, path: Keys) -> bool:
    """Return whether a condition can use a name; report it if not."""
    if not name.isidentifier() or not name.isascii():
        message = "a name is made of letters, digits and underscores, and begins with no digit"
    elif keyword.iskeyword(name):
        message = f"this is a word of Python and cannot be used in a condition; write for example '{name}_'"
    else:
        return True
    reading.wrong(path, f"{what} {name!r}: {message}")
    return False


def _report_taken(reading: Reading[WorkflowFile], name: str, second: tuple[str, Keys], first: tuple[str, Keys]) -> None:
    """Report a duplicate name; at the entry in this file if the other is in a file that it extends."""
    node, own = reading.node, reading.node.source.name
    if node.position_of(second[1]).file != own and node.position_of(first[1]).file == own:
        first, second = second, first
    message = f"there is a {first[0]} of this name already, at {node.position_of(first[1])}; choose another name"
    reading.wrong(second[1], f"{second[0]} {name!r}: {message}")


def _check_labels(reading: Reading[WorkflowFile], section: str, key: str, labels: list[str]) -> None:
    for i, label in enumerate(labels):
        if label in labels[:i]:
            reading.wrong((section, i, key), f"{key} {label!r} is listed twice")


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
