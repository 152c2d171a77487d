"""Hypothesis strategy: random scenarios in which cases get hearing dates."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from tests.simulations.random_scenarios import DAYS, Mapping


@st.composite
def dated(draw: Any, scenarios: st.SearchStrategy[Mapping]) -> Mapping:
    """Draw a scenario, and let pools in whose queues no team works give hearing dates; some closures become known late."""
    scenario: Mapping = draw(scenarios)
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    pools = {name: dict(pool) for name, pool in scenario["pools"].items()}
    works = {name: dict(work) for name, work in scenario["activities"].items()}
    for name, pool in pools.items():
        mine = [work for work in works.values() if name in (work.get("pool"), *work.get("either", ()), *work.get("needs", ()))]
        if not mine or any("pool" not in work for work in mine) or not pick(True, True, True, False):
            continue
        pool.pop("preempt", None)
        for key in ("queue_limit", "together", "wait_for"):
            pool.pop(key, None)
        pool.setdefault("calendar", pick("office", "split"))
        pool["slots"] = pick(1, 2, 3, {"mon-wed": 2, "fri": 1, "sat,sun": 3})
        if pick(True, False):
            pool["overbook"] = pick(0.5, 1.5, 2.25)
        for work in mine[1:] if pick(True, False) and len(mine) > 1 else mine:
            work.pop("priority", None)
            notice = pick("0 days", "1 day", "30 hours", "1 working days", "2 days", "2 working days")
            work["appointment"] = {"at_least": notice} | pick({}, {}, {"uses": 0}, {"uses": 2})
        if not any("appointment" in work for work in mine):
            pool.pop("overbook", None)
    calendars = {name: dict(calendar) for name, calendar in scenario["calendars"].items()}
    for calendar in calendars.values():
        first = pick(*range(2, 6))
        news = {"from": DAYS[first], "to": DAYS[first] + dt.timedelta(days=pick(0, 1)), "announced": pick(*DAYS[: first + 1])}
        calendar["closed"] = [*calendar.get("closed", ()), *pick([], [news])]
    suspensions = [{**s, "announced": pick(*(day for day in DAYS if day <= s["from"]))} for s in scenario.get("suspensions", ())]
    return {**scenario, "pools": pools, "activities": works, "calendars": calendars, "suspensions": suspensions}


SITTINGS: Mapping = {
    "scenario": "sittings",
    "workflow": {
        "workflow": "sittings",
        "facts": {"rank": {"type": "integer", "minimum": 0, "maximum": 2}, "urgent": {"type": "boolean"}},
        "record": {"seen": {"type": "boolean"}, "excused": {"type": "boolean"}},
        "activities": {"hear": {}, "trial": {}, "call": {}, "sign": {}},
        "states": {
            "plain": {"activity": "hear"}, "long": {"activity": "trial"}, "short": {"activity": "call"}, "counter": {"activity": "sign"},
            "done": {"final": True}, "gone": {"final": True},
        },
        "transitions": [
            {"transition": "adjourn", "from": "plain", "to": "plain", "when": "rank == 0 and not seen", "set": {"seen": True}},
            {"transition": "decide", "from": ["plain", "long", "short", "counter"], "to": "done"},
            {"transition": "withdraw", "from": ["plain", "long", "short"], "event": "settle", "to": "gone"},
        ],
        "events": {
            "settle": {"while": ["plain", "long", "short"], "when": "rank == 2"},
            "excuse": {"while": ["plain", "long", "short"], "when": "urgent", "set": {"excused": True}},
        },
        "entry": {"states": ["plain", "long", "short", "counter"]},
    },
    "starts": dt.date(2024, 1, 8),  # a Monday
    "ends": dt.date(2024, 2, 16),
    "calendars": {
        "days": {
            "hours": {"mon-fri": "09:00-12:00, 13:00-15:00", "sat": "22:00-02:00"},
            "closed": [
                dt.date(2024, 1, 19),
                {"from": dt.date(2024, 1, 22), "to": dt.date(2024, 1, 23), "announced": dt.date(2024, 1, 17)},
                {"from": dt.date(2024, 1, 30), "announced": dt.date(2024, 1, 30)},
            ],
        }
    },
    "courts": {"east": {"backlog": {"plain": 6, "long": 2}}, "west": {"backlog": {"plain": 4, "short": 3}}},
    "pools": {
        "judges": {
            "at": "court", "size": {dt.date(2024, 1, 8 + k): 2 - k % 2 for k in (0, 1, 2, 3, 4, 7, 8, 9, 10, 15, 16, 17, 18, 21)}, "calendar": "days",
            "slots": {"mon": 3, "tue": 4, "wed-fri": 3, "sat": 2}, "overbook": 1.4,
        },
    },
    "suspensions": [
        {"pool": "judges", "courts": ["east"], "from": dt.date(2024, 1, 24), "to": dt.date(2024, 1, 26), "except": "excused",
         "announced": dt.date(2024, 1, 18)},
    ],
    "activities": {
        "hear": {
            "pool": "judges", "takes": {"by": "rank", 0: "90 minutes", 1: "40 minutes", 2: "4 hours"},
            "appointment": {"at_least": {"by": "urgent", True: "0 days", False: "2 days"}},
        },
        "trial": {"pool": "judges", "takes": "4 hours", "appointment": {"at_least": "3 working days", "uses": 2}},
        "call": {"pool": "judges", "takes": "10 minutes", "appointment": {"at_least": "1 day", "uses": 0}},
        "sign": {"pool": "judges", "takes": "30 minutes"},
    },
    "people": {"rank": {0: 0.3, 1: 0.5, 2: "rest"}, "urgent": 0.4},
    "arrivals": {
        "plain": {"into": "plain", "interarrival": "7 hours", "count": 60},
        "long": {"into": "long", "interarrival": "29 hours", "count": 14},
        "short": {"into": "short", "interarrival": "31 hours", "count": 14},
        "walk": {"into": "counter", "interarrival": "25 hours", "count": 16},
    },
    "events": {
        "settle": {"at": [f"2024-01-{day}" for day in ("11 09:30", "15 08:00", "16 23:30", "17 11:00", "24 12:00")]},
        "excuse": {"at": [f"2024-01-{day}" for day in ("09 12:00", "17 09:30", "18 00:00")]},
    },
}  # fmt: skip
"""Two courts with every feature of hearing dates, and many ties."""
