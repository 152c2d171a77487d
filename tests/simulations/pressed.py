"""Hypothesis strategy: random scenarios in which work is interrupted, queues have limits, and cases go to other courts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from tests.simulations.random_scenarios import Mapping


@st.composite
def pressed(draw: Any, scenarios: st.SearchStrategy[Mapping]) -> Mapping:
    """Draw a scenario; let its pools interrupt work for more urgent cases and at the end of shifts, and limit their queues.

    Cases may go to other courts, where work may take another time.
    """
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
        if "preempt" not in pool and pool.get("at_shift_end") not in ("restart", "resample") and pick(True, False):
            pool |= _together(pick, pool) if not _in_a_team(scenario, name) else {}
        events = _events(scenario, name)
        if events and pick(True, False):
            pool["queue_limit"] = {"cases": pick(0, 1, 2, 3, 5), "event": pick(*events)}
    transfers = _transfers(pick, scenario) if len(scenario["courts"]) > 1 and pick(True, True, False) else {}
    activities = {name: _local(pick, work) if transfers else work for name, work in scenario["activities"].items()}
    return {**scenario, "pools": pools, "transfers": transfers, "activities": activities}


def _together(pick: Any, pool: Mapping) -> Mapping:
    """Let servers work on several cases at once, unless a smaller size would interrupt the work."""
    if "calendar" in pool and pool.get("at_shift_end", "suspend") == "suspend" and not isinstance(pool["size"], int):
        return {}
    return {"together": 3, "wait_for": pick("3", "2", "5 hours", "2 or 5 hours", "3 or 30 hours", "0 hours")}


def _in_a_team(scenario: Mapping, pool: str) -> bool:
    """Return whether a pool does work that needs, or chooses between, several."""
    works = [work for work in scenario["activities"].values() if "needs" in work or "either" in work]
    return any(pool in (work.get("pool"), *work.get("either", ()), *work.get("needs", ())) for work in works)


def _transfers(pick: Any, scenario: Mapping) -> Mapping:
    """Return the shares of courts for some transitions."""
    one, other = scenario["courts"]
    final = {name for name, state in scenario["workflow"]["states"].items() if state.get("final")}
    named = [t["transition"] for t in scenario["workflow"]["transitions"] if t.get("to") not in (None, *final)]
    all_away: Mapping = {"by": "court", one: {other: 1}, other: {one: 1}}
    shares = [all_away, {one: 0.5, other: "rest"}, {"by": "court", one: {other: 0.7, one: "rest"}}]
    later = {scenario["starts"]: {one: 1}, scenario["starts"] + dt.timedelta(days=2): all_away}
    return {pick(*named): pick(*shares, later) for _ in range(pick(1, 2))} if named else {}


def _local(pick: Any, work: Mapping) -> Mapping:
    """Let work, half of the time, take another time in the west."""
    takes = work["takes"]
    if pick(True, False) or (isinstance(takes, dict) and ("by" in takes or any(isinstance(key, dt.date) for key in takes))):
        return work
    if "working days" in str(takes):
        return work
    return {**work, "takes": {"by": "court", "west": pick("1 hours", {"exponential": {"mean": "5 hours"}}), "other": takes}}


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


URGENT: Mapping = {
    "scenario": "urgent",
    "workflow": {
        "workflow": "urgent",
        "facts": {"rank": {"type": "integer", "minimum": 1, "maximum": 3}},
        "activities": {"hear": {}},
        "states": {"docket": {"activity": "hear"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": "docket", "to": "done"}],
        "entry": {"states": ["docket"]},
    },
    "starts": dt.date(2024, 1, 3),
    "ends": dt.date(2024, 1, 10),
    "courts": {"east": {}},
    "pools": {"judges": {"size": 2, "preempt": "resume"}},
    "activities": {"hear": {"pool": "judges", "takes": "9 hours", "priority": "rank"}},
    "arrivals": {
        "later": {"at": ["1 hour"], "people": {"rank": {3: 1}}},
        "soon": {"at": ["2 hours"], "people": {"rank": {2: 1}}},
        "now": {"at": ["3 hours"], "people": {"rank": {1: 1}}},
    },
    "people": {"rank": {1: 0.5, 3: "rest"}},
}
"""Two judges hear a case of rank 3 and one of rank 2, which began later. A case of rank 1 interrupts the one of rank 3."""

UNFIT: Mapping = {
    **URGENT,
    "calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}},
    "pools": {"judges": {"size": 1, "preempt": "resume", "calendar": "office", "at_shift_end": "fit"}},
    "activities": {"hear": {"pool": "judges", "takes": {"by": "rank", 1: "4 hours", "other": "3 hours"}, "priority": "rank"}},
    "arrivals": {
        "later": {"at": ["14 hours"], "people": {"rank": {3: 1}}},
        "now": {"at": ["15 hours"], "people": {"rank": {1: 1}}},
    },
}
"""A case of rank 1 does not fit into the rest of the day, and so does not interrupt the one of rank 3."""
