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
