"""Workload W: a plain queueing model for comparing the speed of engines.

Everything is pending at 0. Per court a first-come-first-served review queue with 2 reviewers (lognormal, sigma 0.8, mean
a day); 14 percent go to one national check pool of ceil(0.14 x C x 2 / 0.8) servers (exponential, a day); 95 percent are
cleared and closed; a closed case reopens with probability 3 percent over the horizon 1.5 N / (2 C) days and goes
once more through its court's queue, then to the docket.
"""

from __future__ import annotations

import datetime as dt
import math
import tempfile
from pathlib import Path
from typing import Any

from simulations import Scenario, load_scenario
from workflow.files.yaml_tree import dump_yaml

STARTS = dt.date(2000, 1, 1)
WORKFLOW: dict[str, Any] = {
    "workflow": "w",
    "record": {"finding": {"enum": ["docket", "check"]}, "result": {"enum": ["hit", "cleared"]}},
    "activities": {
        "review": {"gives": {"finding": ["docket", "check"]}},
        "check": {"gives": {"result": ["hit", "cleared"]}},
        "second_review": {},
    },
    "states": {
        "pending": {"activity": "review"}, "checking": {"activity": "check"}, "closed": {"resting": True},
        "reopened": {"activity": "second_review"}, "docket": {"final": True},
    },
    "transitions": [
        {"transition": "refer", "from": "pending", "to": "checking", "when": 'finding == "check"'},
        {"transition": "keep", "from": "pending", "to": "docket"},
        {"transition": "close", "from": "checking", "to": "closed", "when": 'result == "cleared"'},
        {"transition": "refuse", "from": "checking", "to": "docket"},
        {"transition": "reopen", "from": "closed", "event": "crime", "to": "reopened"},
        {"transition": "send_back", "from": "reopened", "to": "docket"},
    ],
    "events": {"crime": {"while": ["closed"]}},
    "entry": {"states": ["pending"]},
}  # fmt: skip


def days(n_cases: int, n_courts: int) -> int:
    """Return the horizon."""
    return math.ceil(1.5 * n_cases / (2 * n_courts))


def write_workload(folder: Path, n_cases: int, n_courts: int = 60) -> Path:
    """Write workload W's two files to a folder, and return the scenario's path."""
    horizon = days(n_cases, n_courts)
    duration = {"lognormal": {"mean": "24 hours", "cv": math.sqrt(math.exp(0.64) - 1)}}
    per_court = [n_cases // n_courts + (k < n_cases % n_courts) for k in range(n_courts)]
    content = {
            "scenario": "w",
            "workflow": "w_workflow.yaml",
            "starts": STARTS,
            "ends": STARTS + dt.timedelta(days=horizon - 1),
            "courts": {f"court_{k}": {"backlog": {"pending": n}} for k, n in enumerate(per_court)},
            "pools": {
                "reviewers": {"at": "court", "size": 2},
                "checkers": {"size": math.ceil(0.14 * n_courts * 2 / 0.8)},
            },
            "activities": {
                "review": {"pool": "reviewers", "takes": duration, "outcome": {"finding": {"check": 0.14, "docket": "rest"}}},
                "check": {
                    "pool": "checkers", "takes": {"exponential": {"mean": "24 hours"}},
                    "outcome": {"result": {"cleared": 0.95, "hit": "rest"}},
                },
                "second_review": {"pool": "reviewers", "takes": duration},
            },
            "events": {"crime": {"hazard": f"{-math.log(0.97) / horizon!r} per day"}},
        }  # fmt: skip
    (folder / "w_workflow.yaml").write_text(dump_yaml(WORKFLOW), encoding="utf-8")
    path = folder / "w.yaml"
    path.write_text(dump_yaml(content), encoding="utf-8")
    return path


def workload(n_cases: int, n_courts: int = 60) -> Scenario:
    """Return workload W as a scenario."""
    with tempfile.TemporaryDirectory() as folder:
        return load_scenario(write_workload(Path(folder), n_cases, n_courts))
