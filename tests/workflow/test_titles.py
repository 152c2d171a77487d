"""Titles of states, activities, facts and their values are read from the file, and are distinct."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from workflow import InputError, load_workflow

DESK: dict[str, Any] = {
    "workflow": "desk",
    "facts": {"papers": {"type": "boolean", "title": "completeness", "titles": {True: "complete", False: "incomplete"}}},
    "activities": {"serve": {"title": "service at the desk"}, "look_up": {}},
    "entry": {"states": ["queue"]},
    "states": {"queue": {"title": "Waiting for a clerk", "activity": "serve"}, "gone": {"final": True}},
    "transitions": [{"transition": "finish", "from": "queue", "to": "gone"}],
}


def test_titles_are_read() -> None:
    """A state without a title has its name, an activity its name as words; values are as logs write them."""
    workflow = load_workflow(DESK)
    assert [activity.title for activity in workflow.activities.values()] == ["service at the desk", "look up"]
    assert {name: state.title for name, state in workflow.states.items()} == {"queue": "Waiting for a clerk", "gone": "gone"}
    assert workflow.titles["papers"].title == "completeness"
    assert workflow.titles["papers"].values == {"true": "complete", "false": "incomplete"}


def test_a_file_that_is_written_again_has_its_titles() -> None:
    """Its keys that are no texts stay as they are."""
    workflow = load_workflow(DESK)
    again = load_workflow(load_workflow(DESK).plain())
    assert again.titles == workflow.titles
    assert again.states == workflow.states
    assert again.activities == workflow.activities


@pytest.mark.parametrize(
    ("path", "title", "message"),
    [
        (("states", "queue", "title"), "gone", "state 'queue': title: 'gone' is what 'gone' is called too"),
        (("activities", "serve", "title"), "look up", "activity 'serve': title: 'look up' is what 'look_up' is called too"),
        (("facts", "papers", "titles", False), "complete", "the value 'false': title: 'complete' is what 'true' is called too"),
        (("facts", "papers", "titles", "maybe"), "perhaps", "fact 'papers': titles: 'maybe' is not true or false."),
    ],
)
def test_titles_are_distinct_and_of_values_that_exist(path: tuple[Any, ...], title: str, message: str) -> None:
    """A message names the entry that has the title, or the values that are allowed."""
    wrong = copy.deepcopy(DESK)
    node = wrong
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = title
    with pytest.raises(InputError) as caught:
        load_workflow(wrong)
    assert message in str(caught.value)
