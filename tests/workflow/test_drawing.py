"""The map of a workflow, as Mermaid text and as a picture."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from workflow import Workflow, load_workflow
from workflow.drawing import mermaid, svg
from workflow.loading import catalog

DESK = {
    "workflow": "desk",
    "activities": {"serve": {}},
    "entry": {"states": ["queue"]},
    "states": {"queue": {"activity": "serve", "description": "wait < 5 & be served"}, "gone": {"final": True}},
    "transitions": [{"transition": "finish", "from": "queue", "to": "gone"}],
}


@pytest.fixture(params=[*catalog(), "desk"])
def workflow(request: pytest.FixtureRequest) -> Workflow:
    """Every built-in workflow, and one of two states."""
    return load_workflow(DESK if request.param == "desk" else request.param)


def test_the_text_names_every_state_and_transition(workflow: Workflow) -> None:
    """Beginnings, ends, moves and kinds are all in it."""
    text = mermaid(workflow)
    assert all(f"[*] --> {state}" in text for state in workflow.entry_states)
    assert all(t.name in text for t in workflow.transitions)
    assert all(state in text for state in workflow.states)


def test_the_picture_is_whole_and_names_every_state_and_transition(workflow: Workflow) -> None:
    """Well-formed XML, with a title and a description for who cannot see it."""
    picture = svg(workflow)
    words = " ".join(ElementTree.fromstring(picture).itertext())
    assert all(state in words for state in workflow.states)
    assert all(t.name in words for t in workflow.transitions)
    assert 'role="img"' in picture
    assert f"Map of the workflow {workflow.name}" in words


def test_no_box_of_the_picture_lies_on_another(workflow: Workflow) -> None:
    """The large rectangles, which are the states, keep apart."""
    rectangles = ElementTree.fromstring(svg(workflow)).iter("{http://www.w3.org/2000/svg}rect")
    boxes = [(float(r.get("x", 0)), float(r.get("y", 0))) for r in rectangles if r.get("height") == "46"]
    assert len(boxes) == len(workflow.states)
    assert all(abs(x1 - x2) > 168 or abs(y1 - y2) > 46 for i, (x1, y1) in enumerate(boxes) for x2, y2 in boxes[:i])


def test_the_same_workflow_gives_the_same_picture(workflow: Workflow) -> None:
    """Nothing depends on the order of a set."""
    assert svg(workflow) == svg(workflow)
    assert mermaid(workflow) == mermaid(workflow)


def test_counts_stand_behind_the_transitions() -> None:
    """For a report: how many cases took each."""
    assert "finish: 1,234" in "".join(ElementTree.fromstring(svg(load_workflow(DESK), {"finish": 1234})).itertext())
