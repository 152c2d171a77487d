"""The animation of a run adds up to the flow of cases and to the log."""

from __future__ import annotations

import json

import pytest

from simulations.report.animation import Animation, _in_steps, standalone
from simulations.report.contents import Contents, read_contents
from simulations.report.flow import LATER
from tests.simulations.small_pilot import run_small_pilot


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """A pilot of 300 cases."""
    return read_contents(run_small_pilot(tmp_path_factory.mktemp("animation") / "run").folder)


@pytest.fixture(scope="module")
def moving(contents: Contents) -> Animation:
    """Its animation."""
    found = contents.animation
    assert found is not None
    return found


def test_every_day_of_the_flow_has_the_same_cases(contents: Contents, moving: Animation) -> None:
    """In each state, at the start and on each day that the flow figure shows."""
    flow = contents.flow
    assert flow is not None
    for k, day in enumerate(flow.days):
        step = 0 if day is None else moving.days.index(day)
        shown = {state: n for state, n in moving.cases(step).items() if n > 1e-9}
        assert shown == pytest.approx({s: n for s, n in zip(flow.states, flow.cases[k].tolist(), strict=True) if n})


def test_courts_add_up_to_all_and_no_case_is_lost(moving: Animation) -> None:
    """On every day, the cases of both courts are all cases, and their number does not change."""
    total = sum(moving.cases(0).values())
    for step in range(0, len(moving.days), 50):
        every = moving.cases(step)
        parts = [moving.cases(step, court) for court in moving.courts]
        assert {s: sum(part[s] for part in parts) for s in every} == pytest.approx(every, abs=1e-9)
        assert sum(every.values()) == pytest.approx(total)


def test_the_page_of_the_animation_alone_is_whole(moving: Animation) -> None:
    """It has the data as JSON, one script that its policy allows, and its title as text."""
    page = standalone(moving, "</title><script>")
    data = json.loads(page.partition('application/json">')[2].partition("</script>")[0])
    assert (data["states"][-1], len(data["days"]), data["courts"]) == (LATER, len(moving.days), ["Denver", "Baltimore"])
    assert "&lt;/title&gt;&lt;script&gt;" in page
    assert page.count("<script>") == 1


def test_of_many_cases_the_steps_are_longer_and_add_up_to_the_same() -> None:
    """Moves of a week are one step; the cases at the end of a step are those of its last day."""
    moved = [(0, "a", "x", "y", 2), (3, "a", "x", "y", 1), (8, "a", "y", "z", 4)]
    assert _in_steps(moved, 1)[1] == {(1, "a", "x", "y"): 2, (4, "a", "x", "y"): 1, (9, "a", "y", "z"): 4}
    assert _in_steps(moved, 7) == ([6, 13], {(1, "a", "x", "y"): 3, (2, "a", "y", "z"): 4})
