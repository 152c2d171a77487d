"""What the random scenarios of the differential tests reach."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from simulations import SamplePath, make_plan
from tests.simulations.both_engines import SOME
from tests.simulations.crowds import EXCEPTED, INTERRUPTED, TOGETHER, WITHDRAWN, crowds
from tests.simulations.random_scenarios import Mapping, loaded
from tests.simulations.watched import CORNERS, Watched
from workflow.errors import VisitCap

ENOUGH = 2
BY_HAND = (WITHDRAWN, TOGETHER, INTERRUPTED, EXCEPTED)
ROUND = "a case that goes round and round"


@pytest.mark.slow
def test_some_hundred_crowds_and_the_scenarios_by_hand_reach_every_corner_of_the_semantics() -> None:
    """Ties of every kind, every order and shift end, withdrawals, exceptions that change, policies, arrivals, the visit cap."""
    reached = Counter(dict.fromkeys((*CORNERS, ROUND), 0))

    @settings(SOME, max_examples=500, database=None, derandomize=True)
    @given(crowds())
    def look(scenario: Mapping) -> None:
        reached.update(_corners(scenario))

    look()
    by_hand = {corner for scenario in BY_HAND for corner in _corners(scenario)}
    assert {corner: n for corner, n in reached.items() if n < ENOUGH and corner not in by_hand} == {}


def test_a_start_after_a_withdrawal_alone_is_reached_by_hand() -> None:
    """Among the random scenarios it is rare: no case passes another, so one that is withdrawn must have kept the others waiting."""
    assert "a start after a withdrawal alone" in _corners(WITHDRAWN)


def _corners(scenario: Mapping) -> set[str]:
    """Return the rare cases that a run of a scenario reaches."""
    path = SamplePath(1, 1)
    watched = Watched(make_plan(loaded(scenario), path), path)
    try:
        watched.run()
    except VisitCap:
        watched.corners.add(ROUND)
    return watched.corners
