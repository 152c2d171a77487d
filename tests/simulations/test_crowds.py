"""What the random scenarios of the differential tests reach."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from simulations import SamplePath, make_plan
from tests.simulations.both_engines import SOME
from tests.simulations.crowds import crowds
from tests.simulations.random_scenarios import Mapping, loaded
from tests.simulations.watched import CORNERS, Watched
from workflow.errors import VisitCap

ENOUGH = 2


@pytest.mark.slow
def test_some_hundred_crowds_reach_every_corner_of_the_semantics() -> None:
    """Ties of every kind, every order and shift end, withdrawals, exceptions that change, policies, arrivals, the visit cap."""
    reached = Counter(dict.fromkeys((*CORNERS, "a case that goes round and round"), 0))

    @settings(SOME, max_examples=500, database=None, derandomize=True)
    @given(crowds())
    def look(scenario: Mapping) -> None:
        path = SamplePath(1, 1)
        watched = Watched(make_plan(loaded(scenario), path), path)
        try:
            watched.run()
        except VisitCap:
            watched.corners.add("a case that goes round and round")
        reached.update(watched.corners)

    look()
    assert {corner: n for corner, n in reached.items() if n < ENOUGH} == {}
