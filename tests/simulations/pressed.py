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

SESSIONS: Mapping = {
    **URGENT,
    "workflow": {
        "workflow": "sessions",
        "facts": {"exempt": {"type": "boolean"}},
        "activities": {"hear": {}},
        "states": {"docket": {"activity": "hear"}, "done": {"final": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "heard", "from": "docket", "to": "done"},
            {"transition": "withdraw", "from": "docket", "to": "gone", "event": "settle"},
        ],
        "events": {"settle": {"while": ["docket"], "when": "exempt"}},
        "entry": {"states": ["docket"]},
    },
    "calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}},
    "pools": {
        "judges": {
            "at": "court", "size": 1, "calendar": "office", "at_shift_end": "finish", "slots": 3, "together": 3, "wait_for": "3 or 2 hours",
        }
    },
    "suspensions": [{"pool": "judges", "courts": ["east"], "from": dt.date(2024, 1, 4), "to": dt.date(2024, 1, 4), "except": "exempt"}],
    "activities": {"hear": {"pool": "judges", "takes": "1 hours"}},
    "arrivals": {
        "exempt": {"at": [f"{h} hours" for h in (33, 33.5, 60)], "people": {"exempt": {True: 1}}},
        "plain": {
            "at": [f"{h} hours" for h in (9, 9.5, 10, 11.5, 14, 14, 14, 15.5, 15.5, 15.5, 60, 60, 60, 60, 60)], "people": {"exempt": {False: 1}},
        },
    },
    "events": {"settle": {"at": "60.5 hours"}},
    "people": {"exempt": 0},
}  # fmt: skip
"""Sessions on Wednesday at 10:00, 13:30 and 14:00, and no slot for a fourth; two exempt cases on Thursday, which is suspended; the others on
Friday, when six come at noon and one leaves the session of the first three."""

MOVED: Mapping = {
    **URGENT,
    "workflow": {
        "workflow": "moved",
        "activities": {"hear": {}},
        "states": {"docket": {"activity": "hear"}, "done": {"final": True}},
        "transitions": [
            {"transition": "heard", "from": "docket", "to": "done"},
            {"transition": "move", "from": "docket", "to": "docket", "event": "motion"},
        ],
        "events": {"motion": {"while": ["docket"]}},
        "entry": {"states": ["docket"]},
    },
    "courts": {"east": {"backlog": {"docket": 6}}, "west": {"backlog": {"docket": 2}}},
    "pools": {"judges": {"at": "court", "size": 1}},
    "activities": {"hear": {"pool": "judges", "takes": {"by": "court", "east": "30 hours", "west": "11 hours"}}},
    "arrivals": {},
    "events": {"motion": {"every": "20 hours"}},
    "people": {},
    "transfers": {"move": {"east": 0.5, "west": "rest"}},
}
"""Every twenty hours, each case goes to one of two courts, which may be its own."""

LIMITED: Mapping = {
    **URGENT,
    "workflow": {
        **URGENT["workflow"],
        "states": {"docket": {"activity": "hear"}, "done": {"final": True}, "lost": {"final": True}},
        "transitions": [
            {"transition": "heard", "from": "docket", "to": "done"},
            {"transition": "lose", "from": "docket", "to": "lost", "event": "turned_away"},
        ],
        "events": {"turned_away": {"while": ["docket"]}},
    },
    "pools": {"judges": {"size": 1, "queue_limit": {"cases": 2, "event": "turned_away"}}},
    "arrivals": {
        "later": {"at": ["1 hour", "1 hour", "4 hours"], "people": {"rank": {3: 1}}},
        "soon": {"at": ["2 hours", "3 hours", "3 hours"], "people": {"rank": {2: 1}}},
    },
}
"""A queue with room for two: cases of rank 3 are lost to those of rank 2, and of these the one with the higher number."""

RESTARTING: Mapping = {
    **URGENT,
    "pools": {"judges": {"size": {dt.date(2024, 1, 3): 2, dt.date(2024, 1, 5): 1}, "preempt": "restart"}},
    "arrivals": {
        "later": {"at": ["1 hour", "1 hour", "20 hours", "21 hours", "40 hours", "40 hours"], "people": {"rank": {3: 1}}},
        "now": {"at": ["3 hours", "22 hours"], "people": {"rank": {1: 1}}},
    },
}
"""Of two begun together, the one with the higher number is interrupted; of others, the one that began last; and one when a judge leaves."""

RESAMPLING: Mapping = {
    **URGENT,
    "pools": {"judges": {"size": 1, "preempt": "resample"}},
    "activities": {
        "hear": {"pool": "judges", "takes": {"by": "rank", 1: "1 minutes", "other": {"exponential": {"mean": "20 hours"}}}, "priority": "rank"},
    },
    "arrivals": {
        "later": {"at": ["1 minute"], "people": {"rank": {3: 1}}},
        "now": {"at": [f"{m} minutes" for m in (2, 10, 20, 30)], "people": {"rank": {1: 1}}},
    },
}  # fmt: skip
"""Work is interrupted several times, and each part has a length of its own."""

OVERNIGHT: Mapping = {
    **UNFIT,
    "pools": {"judges": {"size": 1, "preempt": "resume", "calendar": "office"}},
    "activities": {"hear": {"pool": "judges", "takes": "9 hours", "priority": "rank"}},
    "arrivals": {
        "later": {"at": ["15 hours"], "people": {"rank": {3: 1}}},
        "now": {"at": ["34 hours"], "people": {"rank": {1: 1}}},
    },
}
"""Work of nine hours is interrupted on its second day, after three hours of work."""

PANELS: Mapping = {
    **URGENT,
    "activities": {"hear": {"needs": {"judges": {"by": "rank", 1: 2, "other": 1}}, "takes": "10 hours", "priority": "rank"}},
    "arrivals": {
        "later": {"at": ["0 hours"], "people": {"rank": {3: 1}}},
        "soon": {"at": ["0 hours"], "people": {"rank": {1: 1}}},
        "now": {"at": ["2 hours", "15 hours"], "people": {"rank": {1: 1}}},
    },
}
"""A case of rank 1 needs both judges: it interrupts others of higher rank only if both are then free for it."""

TWO_QUEUES: Mapping = {
    **PANELS,
    "workflow": {
        **URGENT["workflow"],
        "activities": {"hear": {}, "sign": {}},
        "states": {"docket": {"activity": "hear"}, "desk": {"activity": "sign"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": ["docket", "desk"], "to": "done"}],
        "entry": {"states": ["docket", "desk"]},
    },
    "pools": {**URGENT["pools"], "clerks": {"size": 1}},
    "activities": {**PANELS["activities"], "sign": {"pool": "clerks", "takes": "1 hours"}},
    "arrivals": {
        "later": {"into": "docket", "at": ["0 hours", "0 hours"], "people": {"rank": {3: 1}}},
        "now": {"into": "docket", "at": ["2 hours", "15 hours"], "people": {"rank": {1: 1}}},
        "signed": {"into": "desk", "at": ["2 hours", "15 hours"]},
    },
}
"""A case that needs both judges interrupts two others; at the same instant a case comes to a clerk, whose queue is looked at afterwards."""

BY_HAND = (URGENT, UNFIT, RESTARTING, RESAMPLING, OVERNIGHT, PANELS, TWO_QUEUES, LIMITED, MOVED, SESSIONS)
"""Together they distinguish every mutant of interruptions, limits, transfers and sessions."""
