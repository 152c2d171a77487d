"""Hypothesis strategy: scenarios with many simultaneous events, to reach every tie and every rare case.

The workflow has two queues, delays, a resting state, a transition tried on entry, and five events. Its guards, effects
and targets are drawn. There are few durations and dates, so completions, events, arrivals and openings often fall on
the same instant.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from tests.simulations.random_scenarios import CALENDARS, COURTS, DAYS, ENDS, STARTS, Mapping, alike, shrinking, with_pools

HOURS = (9, 10, 12, 13, 22, 57, 58, 60, 61, 65)
MOMENTS = [f"{h} hours" for h in HOURS]
PRIORITIES = (
    "rank",
    "rounds",
    "2 - rounds",
    "rank + rounds",
    {"by": "mark", True: 0, False: 1.5},
    {"by": "urgent", True: 2, False: 1},
)
CONDITIONS = ("urgent", "mark", "not mark", "rank == 0", "rounds > 0", "found == 'b'")

WITHDRAWN: Mapping = {
    "scenario": "withdrawn",
    "workflow": {
        "workflow": "withdrawn",
        "activities": {"hear": {}, "sign": {}},
        "states": {"long": {"activity": "hear"}, "short": {"activity": "sign"}, "done": {"final": True}},
        "transitions": [
            {"transition": "heard", "from": ["long", "short"], "to": "done"},
            {"transition": "leave", "from": "long", "event": "withdraw", "to": "done"},
        ],
        "events": {"withdraw": {"while": ["long"]}},
        "entry": {"states": ["long", "short"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "calendars": CALENDARS,
    "courts": {"east": {"backlog": {"long": 2, "short": 1}}},
    "pools": {"judges": {"at": "court", "size": 1, "calendar": "office", "at_shift_end": "fit"}},
    "activities": {
        "hear": {"pool": "judges", "takes": "7 hours", "priority": 0},
        "sign": {"pool": "judges", "takes": "30 minutes", "priority": 1},
    },
    "events": {"withdraw": {"at": f"{STARTS} 16:15", "only": "waiting"}},
}
"""At 16:00 the second hearing no longer fits, and no case passes it. When it is withdrawn, the signature starts at once."""

TOGETHER: Mapping = {
    "scenario": "together",
    "workflow": {
        "workflow": "together",
        "record": {"mark": {"type": "boolean"}},
        "activities": {"think": {}, "hear": {}},
        "states": {
            "shelf": {"resting": True},
            "thought": {"activity": "think"},
            "docket": {"activity": "hear"},
            "done": {"final": True},
        },
        "transitions": [
            {"transition": "fetch", "from": "shelf", "event": "call", "to": "docket"},
            {"transition": "thought_of", "from": "thought", "to": "docket"},
            {"transition": "heard", "from": "docket", "to": "done"},
        ],
        "events": {"call": {"while": ["shelf"]}, "note": {"while": ["docket"], "set": {"mark": True}}},
        "entry": {"states": ["shelf", "thought"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "courts": {"east": {"backlog": {"shelf": 1, "thought": 1}}},
    "pools": {"judges": {"at": "court", "size": 1}},
    "suspensions": [{"pool": "judges", "courts": ["east"], "from": DAYS[2], "to": DAYS[2], "except": "mark"}],
    "activities": {"think": {"takes": "10 hours"}, "hear": {"pool": "judges", "takes": "40 hours"}},
    "events": {"call": {"at": f"{STARTS} 10:00"}, "note": {"at": f"{DAYS[2]} 10:00"}},
}
"""Both cases join the queue at the same instant, the second one earlier; the first is served first. The second then waits
during the suspension of the judges, until it becomes an exception and is served at once."""

INTERRUPTED: Mapping = {
    "scenario": "interrupted",
    "workflow": {
        "workflow": "interrupted",
        "record": {"answer": {"enum": ["none", "yes", "no"], "default": "none"}},
        "activities": {"hear": {"gives": {"answer": ["yes", "no"]}}, "sign": {}},
        "states": {"long": {"activity": "hear"}, "short": {"activity": "sign"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": ["long", "short"], "to": "done"}],
        "entry": {"states": ["long", "short"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "calendars": CALENDARS,
    "pools": {
        "judges": {
            "size": {STARTS: 3, DAYS[1]: 1, DAYS[3]: 3},
            "calendar": "split",
            "at_shift_end": "suspend",
            "slots": 1,
            "order": "newest",
        }
    },
    "activities": {
        "hear": {"pool": "judges", "takes": "25 hours", "outcome": {"answer": {"yes": 0.5, "no": "rest"}}},
        "sign": {"pool": "judges", "takes": "30 minutes", "priority": -1},
    },
    "arrivals": {
        "hearings": {"into": "long", "at": [f"{minutes} minutes" for minutes in (0, 10, 20, 30, 40)]},
        "signatures": {"into": "short", "at": ["4325 minutes", "4326 minutes"]},
    },
}
"""Three hearings begin on the first day, and only the first resumes on the second. The others resume without a slot, before
hearings that have not begun. So a new hearing and both signatures have a slot in the first interval of the fourth day."""

EXCEPTED: Mapping = {
    "scenario": "excepted",
    "workflow": {
        "workflow": "excepted",
        "record": {"mark": {"type": "boolean"}},
        "activities": {"hear": {}, "sign": {}},
        "states": {"long": {"activity": "hear"}, "short": {"activity": "sign"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": ["long", "short"], "to": "done"}],
        "events": {"note": {"while": ["short"], "set": {"mark": True}}},
        "entry": {"states": ["long", "short"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "calendars": CALENDARS,
    "courts": {"east": {"backlog": {"long": 1, "short": 1}}},
    "pools": {"judges": {"at": "court", "size": 1, "calendar": "office"}},
    "suspensions": [{"pool": "judges", "courts": ["east"], "from": DAYS[4], "to": DAYS[4], "except": "mark"}],
    "activities": {
        "hear": {"pool": "judges", "takes": "1 hour", "priority": 1},
        "sign": {"pool": "judges", "takes": "1 hour", "priority": 0},
    },
    "events": {"note": {"at": f"{STARTS} 06:00"}},
}
"""The signature becomes an exception before the shift opens, and waits in another queue. It is still served first."""


MARKED: Mapping = {
    "scenario": "marked",
    "workflow": {
        "workflow": "marked",
        "facts": {"short": {"type": "boolean"}},
        "record": {"mark": {"type": "boolean"}},
        "activities": {"hear": {}},
        "states": {"long": {"activity": "hear"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": "long", "to": "done"}],
        "events": {"note": {"while": ["long"], "when": "short", "set": {"mark": True}}},
        "entry": {"states": ["long"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "calendars": {"mornings": {"hours": {"mon-sun": "09:00-10:00"}}},
    "pools": {"judges": {"at": "court", "size": {STARTS: 3, DAYS[1]: 0, DAYS[2]: 1}, "calendar": "mornings", "slots": 1}},
    "suspensions": [{"pool": "judges", "courts": ["court"], "from": DAYS[4], "to": DAYS[4], "except": "mark"}],
    "activities": {
        "hear": {
            "pool": "judges",
            "takes": {"by": "short", True: "10 minutes", False: "2 hours"},
            "priority": {"by": "mark", True: 0, False: 1},
        }
    },
    "arrivals": {
        "long": {"at": [f"{minutes} minutes" for minutes in (540, 541, 542)]},
        "short": {"at": ["543 minutes", "543 minutes", "90 hours"], "people": {"short": 1}},
    },
    "events": {"note": {"at": ["12 hours", "91 hours"]}},
}
"""Three long hearings begin and are interrupted. Three short ones are marked and stand before them. On each later morning one of
these has the only slot, and then the first long one resumes; but not on the fifth day, when they are suspended."""


RINGING: Mapping = {
    "scenario": "ringing",
    "workflow": {
        "workflow": "ringing",
        "facts": {"short": {"type": "boolean"}},
        "states": {"shelf": {"resting": True}, "desk": {}, "table": {"resting": True}},
        "transitions": [
            {"transition": "take", "from": "shelf", "event": "ring", "to": "desk"},
            {"transition": "put_back", "from": "desk", "to": "shelf", "when": "short"},
            {"transition": "lay_down", "from": "desk", "to": "table"},
            {"transition": "tidy_up", "from": "table", "event": "evening", "to": "shelf"},
        ],
        "events": {"ring": {"while": ["shelf"]}, "evening": {"while": ["table"]}},
        "entry": {"states": ["shelf"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "courts": {"court": {"backlog": {"shelf": 6}}},
    "people": {"short": 0.5},
    "events": {
        "ring": {"every": {"empirical": ["2 hours", "3 hours", "5 hours", "7 hours"]}},
        "evening": {"after": {"constant": "4 hours"}},
    },
}
"""A ring takes a short case from the shelf and back in the same instant, which starts the clock anew: it is not started once more.
A long case comes back later, and its clock starts then."""


HELD: Mapping = {
    "scenario": "held",
    "workflow": {
        "workflow": "held",
        "facts": {"foreign": {"type": "boolean"}},
        "activities": {"hear": {}},
        "states": {"docket": {"activity": "hear"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": "docket", "to": "done"}],
        "entry": {"states": ["docket"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "courts": {"east": {}},
    "pools": {"judges": {"at": "court", "size": 1}, "ushers": {"at": "court", "size": 1}},
    "suspensions": [{"pool": "ushers", "courts": ["east"], "from": STARTS, "to": STARTS}],
    "activities": {"hear": {"needs": {"judges": 1, "ushers": {"when": "foreign"}}, "hold": True, "takes": "1 hour"}},
    "arrivals": {"first": {"at": ["1 hour"], "people": {"foreign": 1}}, "second": {"at": ["2 hours"], "people": {"foreign": 0}}},
    "people": {"foreign": 0.5},
}
"""The first case waits for the end of a suspension, and does not hold up the second."""


@st.composite
def crowds(draw: Any, teams: bool = True) -> Mapping:
    """Draw a scenario; the key ``workflow`` holds the mapping of its workflow. With `teams`, work may need several pools."""
    return _Drawing(draw, teams).scenario()


class _Drawing:
    def __init__(self, draw: Any, teams: bool) -> None:
        self.draw, self.teams = draw, teams
        self.calm = self.pick(True, False, False, False)

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def maybe(self) -> bool:
        return bool(self.draw(st.booleans()))

    def when(self) -> Mapping:
        return {"when": self.pick(*CONDITIONS)} if self.maybe() else {}

    # the workflow --------------------------------------------------------------------------------

    def workflow(self, decisions: Mapping) -> Mapping:
        """Return the workflow with drawn guards, effects and targets."""
        return {
            "workflow": "crowd",
            "facts": {"rank": {"type": "integer", "minimum": 0, "maximum": 2}, "urgent": {"type": "boolean"}},
            "record": {
                "mark": {"type": "boolean"},
                "rounds": {"type": "integer", "minimum": 0, "maximum": 3},
                "found": {"enum": ["none", "a", "b"]},
            },
            "activities": {"look": {"gives": {"found": ["a", "b"]}}, "hear": {}, "think": {}, "pause": {}},
            "states": {
                "queue": {"activity": "look"},
                "docket": {"activity": "hear"},
                "thought": {"activity": "think"},
                "pausing": {"activity": "pause"},
                "choice": {"instant": True},
                "shelf": {"resting": True},
                "done": {"final": True},
                "gone": {"final": True},
            },
            "transitions": [
                {"transition": "looked", "from": "queue", "to": "choice", "set": {"rounds": "rounds + 1"}},
                {"transition": "again", "from": "choice", "to": "queue", "when": f"rounds < {decisions['most']}"},
                {"transition": "shelve", "from": "choice", "to": "shelf", "when": decisions["shelve"]},
                {"transition": "send", "from": "choice", "to": decisions["send"], "set": decisions["set"]},
                {"transition": "back", "from": "docket", "to": "queue", "when": decisions["back"]},
                {"transition": "heard", "from": "docket", "to": decisions["heard"]},
                {"transition": "end", "from": "thought", "to": "done", "when": "rounds > 2"},
                {"transition": "lapse", "from": "shelf", "event": "strike", "to": "gone", "when": "rounds > 2"},
                {"transition": "thought_of", "from": "thought", "to": "docket"},
                {"transition": "turned", "from": ["docket", "pausing"], "at": "entry", **decisions["turned"]},
                {"transition": "paused", "from": "pausing", "to": decisions["paused"]},
                {"transition": "fetch", "from": "shelf", "event": "call", "to": decisions["fetch"]},
                {"transition": "leave", "from": ["queue", "docket"], "event": "withdraw", "to": decisions["leave"]},
                {"transition": "noted", "from": ["queue", "docket"], "event": "tick", **decisions["noted"]},
            ],
            "entry": {"states": ["queue", "docket", "shelf", "thought", "pausing"], "record": ["mark"]},
            "events": decisions["events"],
        }  # fmt: skip

    def decisions(self) -> Mapping:
        """Draw guards, effects and targets."""
        return {
            "most": self.pick(0, 1, 2, 3),
            "shelve": self.pick(*CONDITIONS),
            "send": self.pick("docket", "thought", "pausing", "docket"),
            "set": self.pick({}, {"mark": True}, {"rounds": 0}),
            "back": self.pick("mark and rounds < 3", "found == 'b' and rounds < 3", "urgent and not mark"),
            "heard": self.pick("done", "pausing", "shelf", "docket"),
            "paused": self.pick("done", "shelf", "queue"),
            "fetch": self.pick("queue", "docket", "done"),
            "turned": {"to": self.pick("shelf", "thought", "gone"), "when": self.pick(*CONDITIONS)},
            "leave": self.pick("gone", "shelf", "docket", "gone"),
            "noted": {**self.when(), **self.pick({}, {"to": "thought"}, {"set": {"mark": True}}, {"to": "queue"})},
            "events": {
                "call": {"while": self.pick(["shelf"], "any"), **self.when(), **self.pick({}, {"set": {"mark": True}})},
                "withdraw": {"while": ["queue", "docket"], **self.when()},
                "note": {
                    "while": self.pick("any", ["queue", "docket"]),
                    **self.pick({"set": {"mark": True}}, {"gives": {"mark": [True, False]}}),
                    **self.when(),
                },
                "strike": {"while": "any", "set": {"mark": False, "rounds": "rounds + 1"}},
                "tick": {"while": self.pick("any", ["queue", "docket", "shelf"]), "set": {"rounds": "rounds + 1"}},
            },
        }  # fmt: skip

    # the scenario --------------------------------------------------------------------------------

    def scenario(self) -> Mapping:
        """Return the whole mapping."""
        decisions = self.decisions()
        workflow = self.workflow(decisions)
        conditions = [*CONDITIONS] if self.teams else None
        names = self.pick(("clerks",), ("clerks", "judges"), ("clerks", "judges", "ushers"))
        pools = alike(self.draw, {name: self.pool() for name in names})
        courts = COURTS[: self.pick(1, 2)]
        tables: dict[str, str] = {}
        found, rank = {"a": 0.5, "b": 0.5}, {0: 0.4, 1: 0.3, 2: 0.3}
        return {
            "scenario": "crowd",
            "workflow": workflow,
            "starts": STARTS,
            "ends": ENDS,
            "calendars": CALENDARS,
            "courts": {court: {"backlog": self.backlog()} for court in courts},
            "pools": pools,
            "suspensions": [
                s
                for name in pools
                if pools[name]["at"] == "court" and self.maybe()
                for s in self.suspensions(name, courts)
            ],
            "policies": self.policies(decisions),
            "activities": {
                "look": {
                    **with_pools(self.draw, self.work(), pools, conditions),
                    "outcome": {"found": self.pick(found, found, {STARTS: found, DAYS[2]: {"a": 1}})},
                },
                "hear": with_pools(self.draw, self.work(), pools, conditions),
                "think": {"takes": self.length()},
                "pause": {"takes": f"{self.pick(0, 1, 2)} working days", "calendar": self.pick("office", "split")},
            },
            "people": {"rank": self.pick(rank, {STARTS: rank, DAYS[1]: {2: 1}}), "urgent": 0.5, "mark": self.pick(0.5, 0, 1)},
            "arrivals": {f"stream{k}": self.stream(tables, courts) for k in range(self.pick(0, 1, 2))},
            "events": {
                "call": self.timing("interval", "date", "every"),
                "withdraw": self.timing("interval", "date", "hazard") | ({"only": "waiting"} if self.maybe() else {}),
                "note": self.timing("interval", "date", "since")
                | ({"outcome": {"mark": {True: 0.5, False: 0.5}}} if "gives" in workflow["events"]["note"] else {}),
                "strike": self.timing("date", "hazard", "since", "interval", "every"),
                "tick": self.timing("date", "interval", "hazard") | ({"only": "waiting"} if self.maybe() else {}),
            },
            "tables": tables,
        }  # fmt: skip

    def backlog(self) -> Mapping:
        age = {"age": self.pick({"uniform": {"min": "0 days", "max": "30 days"}}, "3 days")} if self.maybe() else {}
        return {
            "queue": {"count": self.pick(3, 6, 9), **age},
            "docket": self.pick(0, 3, 6),
            "shelf": self.pick(0, 2),
            "thought": self.pick(0, 1),
        }

    def pool(self) -> Mapping:
        entry: Mapping = {
            "at": self.pick("court", "nation"),
            "size": self.size(),
            "order": self.pick(
                *("first_come", "oldest", "newest", {"by": "rank"}, {"by": "0 - rank"}, {"by": "rounds"}),
                {"by": "urgent", True: 1, False: 2},
            ),
        }  # fmt: skip
        if self.pick(True, True, True, False):
            entry |= {"calendar": self.pick("office", "split"), "at_shift_end": self.pick("suspend", "finish", "fit", "fit")}
            if self.pick(True, False, False):
                entry["slots"] = self.pick(1, 2)
        return entry | shrinking(self.draw) if self.pick(True, False, False) else entry

    def size(self) -> Any:
        if self.maybe():
            return self.pick(1, 2)
        return {STARTS: self.pick(1, 2, 3), **{day: self.pick(0, 1, 2) for day in DAYS[1:4] if self.maybe()}}

    def suspensions(self, pool: str, courts: tuple[str, ...]) -> list[Mapping]:
        shared = {"except": self.pick(*CONDITIONS, "not mark", "mark", "mark")} if self.pick(True, True, True, False) else {}
        first = self.pick(0, 1, 2)
        one = {"pool": pool, "courts": list(courts), "from": DAYS[first], "to": DAYS[first + self.pick(0, 1)], **shared}
        return [one] if self.maybe() else [one, {**one, "from": DAYS[4], "to": DAYS[4]}]

    def policies(self, decisions: Mapping) -> list[Mapping]:
        if self.maybe():
            return []
        other = {**self.workflow({**self.decisions(), "events": decisions["events"]}), "workflow": "other"}
        return [
            {
                "from": self.pick(*DAYS[:4]),
                "workflow": other,
                "in_flight": self.pick("at_next_decision", "pinned"),
            }
        ]  # fmt: skip

    def length(self) -> Any:
        return self.pick(
            *("1 hour", "2 hours", "8 hours", "5 hours", "0 minutes", "24 hours"),
            {"empirical": ["1 hour", "2 hours", "8 hours"]},
            {"uniform": {"min": "0 hours", "max": "9 hours"}}, {"fact": "rank", "unit": "hours"},
        )  # fmt: skip

    def work(self) -> Mapping:
        takes = {"by": self.pick("urgent", "mark"), True: self.length(), False: self.length()}
        dated = {STARTS: self.pick("8 hours", takes), self.pick(*DAYS[1:4]): self.length()}
        return {"takes": self.pick(takes, self.length(), dated), "priority": self.pick(0, 0, 1, 1, 2, 2, *PRIORITIES)}

    def stream(self, tables: dict[str, str], courts: tuple[str, ...]) -> Mapping:
        entry: Mapping = {"into": self.pick("queue", "docket", "shelf", "thought", "pausing"), "courts": [self.pick(*courts)]}
        kind = self.pick("at", "interarrival", "rate", "table")
        hours = self.draw(st.lists(st.sampled_from([0, 6, *HOURS]), min_size=1, max_size=5))
        if kind == "at":
            return entry | {"at": [f"{h} hours" for h in hours]}
        if kind == "table":
            begins = dt.datetime.combine(STARTS, dt.time())
            times = [f"{begins + dt.timedelta(hours=h):%Y-%m-%d %H:%M:%S}" for h in hours]
            name = f"new_{len(tables)}.csv"
            tables[name] = "\n".join(["arrived", *times, ""])
            return entry | {"table": name}
        if kind == "interarrival":
            gaps = ({"constant": "3 hours"}, {"constant": "0 hours"}, {"uniform": {"min": "0 hours", "max": "9 hours"}})
            return entry | {"first": self.pick(*MOMENTS), "interarrival": self.pick(*gaps), "count": 6}
        return entry | {"rate": {STARTS: "3 per day", DAYS[3]: "0 per day", DAYS[5]: "2 per day"}}

    def timing(self, *kinds: str) -> Mapping:
        """Return the timing of an event; in calm scenarios, one without a clock for each case."""
        kind = "date" if self.calm and "date" in kinds else self.pick(*kinds)
        if kind == "hazard":
            rates = ("2 per day", "0.5 per day", {"by": "urgent", True: "3 per day", False: "0 per day"})
            dated = {STARTS: self.pick("0 per day", *rates), DAYS[1]: self.pick(*rates), DAYS[3]: "1 per day"}
            return {"hazard": self.pick(*rates, dated)}
        if kind == "date":
            return {"at": self.pick(*MOMENTS, DAYS[2], ["58 hours", DAYS[3]], {"fact": "arrived"})}
        if kind == "every":
            return {"every": self.pick("1 hour", "8 hours", "24 hours", {"empirical": ["2 hours", "8 hours"]})}
        if self.pick(True, False, False, False):
            working = {"after": f"{self.pick(0, 1, 2)} working days", "calendar": self.pick("office", "split")}
            return working | ({"since": self.pick("looked", "again", "back", "fetch", "send")} if kind == "since" else {})
        if self.pick(True, False, False, False, False, False):
            length = self.pick("2 working days", "25 working days")
            return {"after": length, "calendar": "office", "since": {"fact": "arrived"}}
        timing: Mapping = {"after": self.pick(self.length(), *MOMENTS, {STARTS: self.length(), DAYS[1]: self.length()})}
        if self.pick(True, False, False):
            timing["chance"] = self.pick(0.5, {"by": "urgent", True: 1, False: 0.2}, {STARTS: 0.9, DAYS[1]: 0.3})
        since = [self.pick("looked", "again", "back", "fetch", "send"), *self.pick([], [{"fact": "arrived"}])]
        return timing | ({"since": since} if kind == "since" else {})
