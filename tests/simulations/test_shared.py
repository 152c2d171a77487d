"""What all the tasks of several processes have in common is sent as the same bytes, and read once."""

from __future__ import annotations

import pickle

from simulations import load_scenario
from simulations.running.shared import Shared


def test_a_process_reads_what_is_shared_once() -> None:
    """Every task has the same scenario, and it is the one that was sent."""
    scenario = load_scenario("pilot")
    shared = Shared(scenario)
    one, two = (pickle.loads(pickle.dumps(shared)).value for _ in range(2))
    assert one is two
    assert one is not scenario
    assert one.workflow.transitions == scenario.workflow.transitions
    other = pickle.loads(pickle.dumps(Shared(load_scenario("pilot", ["ends=2012-06-30"])))).value
    assert other.ends != scenario.ends
