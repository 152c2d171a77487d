"""Handmade scenarios of teams and of interrupted work, in which each rule decides something."""

from __future__ import annotations

from tests.simulations.crowds import MARKED
from tests.simulations.random_scenarios import CALENDARS, COURTS, DAYS, ENDS, STARTS, Mapping


def house(at_shift_end: str, hold: bool) -> Mapping:
    """Return a house of two courts with 190 cases, most of them for teams of judges, ushers and clerks, whose shifts and sizes differ.

    The judges of a panel have a slot each; a shared clerk needs a judge of the court; clerks or ushers meet; scribes work alone.
    Suspensions have exceptions that are marked while cases wait. Marked cases come first, and with `hold` the short ones.
    """
    hours = (7, 9, 9, 10, 11, 12, 13, 14, 14, 15, 16, 34, 57, 58, 61, 130)
    into = ("docket", "desk", "table", "copy", "file", "desk")
    streams = {
        f"{court}_{k}": {"at": [f"{h + k // 3} hours" for h in hours], "into": state, "courts": [court]}
        for court in COURTS
        for k, state in enumerate(into)
    }
    pools: Mapping = {
        "judges": {
            "at": "court", "size": {"east": 2, "west": 3}, "slots": 2 if hold else 3,
            "calendar": {"east": "split", "west": "office"},
        },
        "ushers": {"at": "court", "size": 1, "calendar": "office"},
        "clerks": {"size": 3, "calendar": "office"}, "scribes": {"at": "court", "size": 1, "calendar": "split"},
    }  # fmt: skip
    return {
        "scenario": "house",
        "workflow": {
            "workflow": "house",
            "facts": {
                "foreign": {"type": "boolean"}, "short": {"type": "boolean"},
                "panel": {"type": "integer", "minimum": 1, "maximum": 2},
            },
            "record": {"mark": {"type": "boolean"}},
            "activities": {"hear": {}, "sign": {}, "meet": {}, "write": {}, "store": {}},
            "states": {
                "docket": {"activity": "hear"}, "desk": {"activity": "sign"}, "table": {"activity": "meet"},
                "copy": {"activity": "write"}, "file": {"activity": "store"}, "done": {"final": True},
            },
            "transitions": [{"transition": "heard", "from": list(into[:5]), "to": "done"}],
            "events": {"note": {"while": ["docket", "desk"], "when": "foreign", "set": {"mark": True}}},
            "entry": {"states": list(into[:5])},
        },
        "starts": STARTS,
        "ends": ENDS,
        "calendars": CALENDARS,
        "courts": {court: {} for court in COURTS},
        "pools": {name: {**pool, "at_shift_end": at_shift_end} for name, pool in pools.items()},
        "suspensions": [
            {"pool": "judges", "courts": ["east"], "from": DAYS[5], "to": DAYS[6], "except": "mark"},
            {"pool": "ushers", "courts": ["west"], "from": STARTS, "to": STARTS, "except": "mark"},
        ],
        "activities": {
            "hear": {
                "needs": {"judges": {"by": "panel", 1: 1, 2: 2}, "ushers": {"when": "foreign"}}, "hold": hold,
                "takes": {"by": "short", True: "1 hour", False: "6 hours"}, "priority": {"by": "short" if hold else "mark", True: 0, False: 1},
            },
            "sign": {"needs": {"clerks": 1, "judges": 1}, "takes": "2 hours", "priority": "panel"},
            "meet": {"either": ["ushers", "clerks"], "takes": {"by": "pool", "ushers": "1 hour", "clerks": "3 hours"}},
            "write": {"pool": "scribes", "takes": "1 hour", "priority": 1},
            "store": {"pool": "scribes", "takes": "1 hour", "priority": 0},
        },
        "people": {"foreign": 0.5, "short": 0.5, "panel": {1: 0.6, 2: 0.4}},
        "arrivals": streams,
        "events": {"note": {"at": ["11 hours", "140 hours"]}},
    }  # fmt: skip


RANKED: Mapping = {
    **MARKED,
    "scenario": "ranked",
    "pools": {"judges": {**MARKED["pools"]["judges"], "order": "newest"}},
    "suspensions": [],
    "arrivals": {**MARKED["arrivals"], "late": {"at": ["30 hours"]}},
}
"""As before, in one queue, the newest first; a long hearing that comes later still stands behind those that were interrupted."""

INTERRUPTED_TEAMS: Mapping = {
    "scenario": "interrupted-teams",
    "workflow": {
        "workflow": "interrupted",
        "facts": {"panel": {"type": "integer", "minimum": 1, "maximum": 2}},
        "activities": {"hear": {}, "sign": {}},
        "states": {"long": {"activity": "hear"}, "short": {"activity": "sign"}, "done": {"final": True}},
        "transitions": [{"transition": "heard", "from": ["long", "short"], "to": "done"}],
        "entry": {"states": ["long", "short"]},
    },
    "starts": STARTS,
    "ends": ENDS,
    "calendars": CALENDARS,
    "pools": {
        "judges": {"size": {STARTS: 4, DAYS[1]: 2}, "calendar": "split", "slots": 1},
        "ushers": {"size": 4, "calendar": "split"},
    },
    "activities": {
        "hear": {"needs": {"judges": {"by": "panel", 1: 1, 2: 2}, "ushers": 1}, "takes": "25 hours"},
        "sign": {"pool": "judges", "takes": "10 minutes", "priority": -1},
    },
    "people": {"panel": {1: 1, 2: 0}},
    "arrivals": {
        "one": {"into": "long", "at": ["0 minutes", "20 minutes"]},
        "two": {"into": "long", "at": ["10 minutes"], "people": {"panel": {1: 0, 2: 1}}},
        "signatures": {"into": "short", "at": [f"{minutes} minutes" for minutes in (2930, 2931)]},
    },
}
"""On the second day two judges are left. The panel of two is interrupted, the hearing that started last resumes. On the third day,
the panel resumes after two signatures that use both slots."""

HOUSES = (
    house("suspend", hold=False),
    house("suspend", hold=True),
    house("fit", hold=False),
    house("finish", hold=True),
    INTERRUPTED_TEAMS,
)
"""What the invariants of runs are checked on, besides random scenarios."""
