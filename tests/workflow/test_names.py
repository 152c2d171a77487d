"""Names are names: no path, no statement, no column of the tables, and no control character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulations.loading import load_scenario
from tests.simulations.desk import write_tiny
from workflow.errors import InputError
from workflow.loading import load_workflow
from workflow.model.columns import EXPORTED, TABLES

EVIL = ("../evil", "a/b", "/etc/passwd", "..", ".hidden", "a b", "a\nb", "\x1b[2J", "x\x00", "'; drop", '"quoted"', "-x", "2nd", "é" * 101)  # fmt: skip


def _workflow(**parts: Any) -> dict[str, Any]:
    return {
        "workflow": "w",
        "states": {"open": {"activity": "work"}, "done": {"final": True}},
        "activities": {"work": {}},
        "transitions": [{"transition": "finish", "from": "open", "to": "done"}],
        "entry": {"states": ["open"]},
        **parts,
    }


def _mistakes(load: Any, content: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        load(content)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def tiny(tmp_path: Path) -> dict[str, Any]:
    """A scenario as a mapping, which tests change."""
    return dict(load_scenario(write_tiny(tmp_path)).plain()) | {"workflow": str(tmp_path / "desk.yaml")}


@pytest.mark.parametrize("name", EVIL)
def test_every_name_of_a_scenario_has_one_pattern(tiny: dict[str, Any], name: str) -> None:
    """A scenario, pool, calendar, court and stream with an evil name are five mistakes, reported together."""
    tiny["scenario"] = name
    tiny["pools"][name] = {"size": 1}
    tiny["calendars"] = {name: {"hours": {"mon-fri": "08:00-16:00"}}}
    tiny["courts"][name] = {}
    tiny["arrivals"][name] = {"rate": "1 per day", "courts": ["east"]}
    text = "\n".join(_mistakes(load_scenario, tiny))
    for what in ("scenario", "pool", "calendar", "court", "arrival"):
        assert f"{what} {name!r}: a name has" in text
    assert not any(ord(character) < 32 for line in text.splitlines() for character in line)


def test_letters_of_any_alphabet_are_allowed(tiny: dict[str, Any]) -> None:
    """Names may have letters, digits, underscores and hyphens."""
    tiny["scenario"] = "Gericht-Köln_2"
    tiny["pools"]["Schreibkräfte"] = {"size": 1}
    assert load_scenario(tiny).name == "Gericht-Köln_2"


@pytest.mark.parametrize("name", EVIL)
def test_a_workflow_has_such_a_name_too(name: str) -> None:
    """It is written to tables and messages."""
    assert any(f"workflow {name!r}: a name has" in mistake for mistake in _mistakes(load_workflow, _workflow(workflow=name)))


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x07", "\x9b2J", "\x00", "\u202e", "\ufffe"])
def test_free_text_has_no_control_characters(hidden: str) -> None:
    """Descriptions, sentences of rules and values of facts may have line breaks, but nothing that moves the cursor."""
    fact = {"enum": ["none", f"a{hidden}b"], "description": f"first\nsecond{hidden}"}
    rule = {"rule": f"nobody {hidden}", "never": "finish"}
    found = _mistakes(load_workflow, _workflow(facts={"kind": fact}, rules=[rule], description=f"about {hidden}"))
    character = next(c for c in hidden if not c.isascii() or not c.isprintable())
    wanted = f"has the control character U+{ord(character):04X}; remove it"
    assert sum(wanted in mistake for mistake in found) == 4


@pytest.mark.parametrize("section", ["facts", "record"])
@pytest.mark.parametrize("name", sorted({n for table in TABLES.values() for n in table} | {*EXPORTED}))
def test_no_fact_and_no_field_has_the_name_of_a_column(section: str, name: str) -> None:
    """The tables have these columns already, and SQL does not tell upper from lower case."""
    for written in (name, name.upper()):
        found = _mistakes(load_workflow, _workflow(**{section: {written: {"type": "boolean"}}}))
        assert any(f"{written!r}: this is " in m and f"choose another name, such as '{written}_f" in m for m in found), found


def test_names_that_differ_in_case_collide() -> None:
    """A fact and a record field become columns of one table; transitions and events become views."""
    parts = {
        "facts": {"Urgent": {"type": "boolean"}},
        "record": {"urgent": {"type": "boolean"}},
        "define": {"URGENT": "not Urgent"},
        "events": {"Finish": {"while": ["open"]}},
    }
    found = _mistakes(load_workflow, _workflow(**parts))
    assert any(
        "record field 'urgent': there is a fact 'Urgent', which differs only in upper and lower case, already" in m for m in found
    )
    assert any("definition 'URGENT'" in m and "'URGENT_definition'" in m for m in found)
    assert any("transition 'finish': there is an event 'Finish', which differs" in m for m in found)


def test_the_initial_value_of_a_field_is_a_column_of_exports() -> None:
    """A fact must not have its name."""
    parts = {"facts": {"initial_urgent": {"type": "boolean"}}, "record": {"urgent": {"type": "boolean"}}}
    [mistake] = _mistakes(load_workflow, _workflow(**parts))
    assert "fact 'initial_urgent': this is the column of exports for the initial 'urgent'" in mistake


@pytest.mark.parametrize("name", ["interrupted", "Interrupted", "horizon", "complete"])
def test_no_event_has_the_name_of_a_cause(name: str) -> None:
    """The column `cause` of the log has these."""
    found = _mistakes(load_workflow, _workflow(events={name: {"while": ["open"]}}))
    assert any(f"event {name!r}: this is " in mistake and f"'{name}_event'" in mistake for mistake in found)
