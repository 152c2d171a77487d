"""Hypothesis strategy: random scenarios in which work is interrupted and queues have limits."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.simulations.random_scenarios import Mapping


@st.composite
def pressed(draw: Any, scenarios: st.SearchStrategy[Mapping]) -> Mapping:
    """Draw a scenario, and let its pools interrupt work for more urgent cases and at the end of shifts, and limit their queues."""
    scenario: Mapping = draw(scenarios)
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    pools = {name: dict(pool) for name, pool in scenario["pools"].items()}
    instead = {
        "suspend": pick("suspend", "restart", "resample"),
        "finish": pick("finish", "restart"),
        "fit": pick("fit", "resample"),
    }
    if any("calendar" not in pool for pool in pools.values()):
        instead["suspend"] = "suspend"
    for name, pool in pools.items():
        if "calendar" in pool:
            pool["at_shift_end"] = instead[pool.get("at_shift_end", "suspend")]
        if preempt := pick(None, True, "resume", "restart", "resample"):
            pool["preempt"] = preempt
        events = _events(scenario, name)
        if events and pick(True, False):
            pool["queue_limit"] = {"cases": pick(0, 1, 2, 3, 5), "event": pick(*events)}
    return {**scenario, "pools": pools}


def _events(scenario: Mapping, pool: str) -> list[str]:
    """Return the events that may happen to the cases that wait for a pool, and give nothing."""
    states = {name for name, state in scenario["workflow"]["states"].items() if _queue(scenario, state) == pool}
    return [
        name
        for name, event in scenario["workflow"]["events"].items()
        if "gives" not in event and states and (event["while"] == "any" or states & {*event["while"]})
    ]


def _queue(scenario: Mapping, state: Mapping) -> str | None:
    """Return the pool whose queue cases in a state join."""
    work = scenario["activities"].get(state.get("activity"), {})
    pools = [*([work["pool"]] if "pool" in work else ()), *work.get("either", ()), *work.get("needs", ())]
    return pools[0] if pools else None
