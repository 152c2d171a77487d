"""The valid files that mutants are made from, and additions: parts of a file that leave it valid.

The files are small, so that a mutant which is not refused is simulated in milliseconds. A mutant may begin with one to
three additions, so that every part of the formats is reached.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflow.files.yaml_tree import parse_yaml

SCENARIOS = ("tiny.yaml", "office.yaml")
WORKFLOWS = {"tiny.yaml": "desk.yaml", "office.yaml": "permits.yaml"}
RULES = {"tiny.yaml": "desk.rules.yaml", "office.yaml": "permits.rules.yaml"}
LOGS = ("log.csv", "log.xes", "starts.csv")
MAPPING = "log.mapping.yaml"
_BAD = Path(__file__).parents[1] / "bad" / "base"

_SHORTER = {
    "tiny.yaml": {
        "ends: 2024-02-15": "ends: 2024-01-09", "queue: 20": "queue: 3", "queue: 10": "queue: 2", "3 per day": "1 per day",
        "size: 2": "size: 1",
    },
    "office.yaml": {
        "ends: 2024-03-31": "ends: 2024-01-19", "pending: 40": "pending: 5", "count: 20": "count: 2", "60 per month": "20 per month",
        "2024-02-29": "2024-01-12", ", holidays: US": "",
    },
}  # fmt: skip

_FILES = {
    "strict.yaml": "workflow: strict\nextends: desk.yaml\ntransitions:\n  - {transition: finish, from: queue, to: done, when: answer == \"yes\" or age > 60}\n",
    "desk.rules.yaml": """\
workflow: desk.yaml
rules:
  - {rule: odd cases are not stored, never: store, if: kind == 'odd' and age < 99}
  - {rule: an answer within a month, after: resume, then: finish, within: 30 days}
""",
    MAPPING: "mapping: desk\ncolumns: {case: 'case:concept:name', activity: 'concept:name', time: 'time:timestamp'}\n",
    "starts.csv": """\
case;activity;started_at;time;kind;age
1;serve;15.01.2024 09:00;15.01.2024 10:30;odd;40
1;finish;15.01.2024 10:30;15.01.2024 10:30;odd;40
2;serve;16.01.2024 09:00;16.01.2024 09:30;plain;30
""",
    "cases.csv": "state,court,arrived,age\nqueue,east,2023-12-20,40\nqueue,west,2023-12-29 10:15,22\nqueue,west,2023-12-30,60\n",
    "lengths.csv": "file,minutes\nA,95\nB,140\nC,60\n",
    "rota.csv": "court,weekday,hours,size\neast,mon-fri,09:00-17:00,2\nwest,mon-thu,09:00-12:30,1\n",
}  # fmt: skip

_ADDITIONS = {
    "tiny.yaml": """
- {warm_up: 2024-01-03}
- {description: "Ünïcode, 'quotes' and <tags>"}
- calendars: {office: {hours: {mon-fri: "09:00-17:00"}, closed: [2024-01-04, 2024-01-06 to 2024-01-07], open: {2024-01-06: "10:00-12:00"}}}
  pools: {clerks: {at: court, size: 2, calendar: office, at_shift_end: fit, slots: 3}}
- calendars: {night: {hours: {mon-sun: "22:00-06:00"}}}
  pools: {clerks: {at: court, size: 1, calendar: night, at_shift_end: finish}}
  courts: {east: {calendar: night, backlog: {queue: 2}}, west: {}}
- pools: {clerks: {at: court, size: {east: {2024-01-01: 2, 2024-01-05: 1}, west: 1}, order: oldest}}
- pools: {clerks: {size: {mon-fri: {"09:00-12:00": 2, "12:00-17:00": 1}}, order: {by: age}}}
- pools: {clerks: {at: court, size: 1, order: {by: kind, plain: 2, odd: 1}}}
- pools: {clerks: {at: court, size: {table: rota.csv}, order: newest}}
- suspensions: [{pool: clerks, courts: [west], from: 2024-01-02, to: 2024-01-04, except: kind == "odd"}]
- policies: [{from: 2024-01-05, workflow: strict.yaml, in_flight: pinned}]
- activities: {serve: {pool: clerks, priority: 1, takes: {by: kind, plain: 3 hours, odd: {gamma: {mean: 5 hours, cv: 0.5}}}, outcome: {answer: {by: age >= 60, true: {yes: 0.9, no: rest}, false: {yes: 26/36, no: rest}}}}}
- activities: {serve: {pool: clerks, takes: {triangular: {min: 1 hour, mode: 2 hours, max: 5 hours}}, outcome: {answer: {yes: 40%, no: rest}}}}
- activities: {serve: {pool: clerks, takes: {weibull: {mean: 100 minutes, cv: 2}}, outcome: {answer: {yes: 1, no: 0}}}}
- activities: {serve: {pool: clerks, takes: {fact: age, unit: minutes}, outcome: {answer: {by: court, east: {yes: 1}, west: {yes: 0.2, no: rest}}}}}
- activities: {serve: {pool: clerks, takes: {table: {file: lengths.csv, column: minutes, unit: minutes}}, outcome: {answer: {yes: 0.7, no: rest}}}}
- events: {wake: {hazard: {by: kind, odd: 16.5% within 3 days, other: 0.5 per week}}}
- events: {wake: {every: 2 days}}
- events: {wake: {at: [2024-01-03, 2024-01-05 12:00]}}
- events: {wake: {after: 30 hours, since: store, chance: 0.5}}
- events: {wake: {after: 1 week, since: [store, {fact: arrived}]}}
- events: {wake: {at: {fact: arrived}}}
- calendars: {days: {hours: {"mon,wed,fri": "08:00-12:00"}, holidays: US-CO}}
  events: {wake: {after: 2 working days, calendar: days}}
  arrivals: {east: {rate: 2 per day, calendar: days, until: "11:00"}}
- arrivals: {east: {rate: {2024-01-01: 1 per day, 2024-01-05: 10 per month}}, west: {interarrival: {gamma: {mean: 1 day, cv: 1}}, first: 5 hours, count: 4}}
- arrivals: {dated: {courts: [east], at: [2 hours, 2024-01-05 10:30], people: {kind: {odd: 1}}}, monthly: {courts: [west], count: 20 per month}}
- arrivals: {families: {courts: [east, west], rate: 2 per week, batch: {2: 0.5, 3: 0.3, 5: rest}, until: 2024-01-07}}
- arrivals: {east: {rate: {mon-thu: {"09:00-12:00": 1 per hour}, fri: 1 per day}}}
- courts: {east: {backlog: {queue: {count: 3, age: {exponential: {mean: 20 days}}, people: {kind: {odd: 1}}}}}, west: {backlog: {table: {file: cases.csv}}}}
- people: {kind: {plain: 1/3, odd: rest}, age: {by: kind, plain: {normal: {mean: 40, sd: 12}}, odd: {18: 0.5, 70: rest}}}
- people: {age: {normal: {mean: 40, sd: 30}, within: [18, 70]}, kind: {by: court, east: odd, west: {plain: 0.7, odd: rest}}}
- costs: {currency: USD, pools: {clerks: 40 per hour}, activities: {serve: 120}}
- published: [{measure: pending, court: east, at: 2024-01-08, value: 21, source: "report, page 4"}]
- about: {purpose: "Why?", rationale: Because., data_sources: ["a register"], assumptions: [None.], notes: [Nothing.]}
""",
    "office.yaml": """
- pools: {clerks: {at: court, size: {north: {2024-01-01: 3, 2024-01-10: 1}, south: 2}, calendar: weekdays, at_shift_end: fit, slots: 4}, panel: {size: 1, calendar: weekdays}}
- pools: {clerks: {at: court, size: 1, order: {by: ground, none: 3, work: 1, family: 2}}, panel: {size: 2, order: {by: visits}}}
- suspensions: [{pool: clerks, courts: [north, south], from: 2024-01-08, to: 2024-01-09, except: counsel and age > 30}]
- people: {age: {triangular: {min: 18, mode: 30, max: 80}}, ground: {by: age >= 65, true: family, false: {work: 0.7, family: 0.2, none: rest}}, counsel: {by: court, north: 0.9, south: 75%}, entered: {missing: 0.6, days_before: {gamma: {mean: 2 years, cv: 1}}}, tip_off: 0.1}
- events: {tip: {after: {by: ground, work: 2 days, other: 3 days}, chance: 0.8}, notice: {every: 1 week, outcome: {finding: {unfit: 0.3, none: rest}}}}
- events: {tip: {hazard: 3 per month}, notice: {at: 2024-01-10, outcome: {finding: {by: counsel, true: {none: 1}, false: {unfit: 0.5, none: rest}}}}}
- events: {tip: {at: {fact: entered}}}
- arrivals: {north: {rate: 1 per day, calendar: weekdays}, south: {interarrival: {exponential: {mean: 1 day}}, count: 7}}
- courts: {north: {calendar: weekdays, backlog: {pending: {count: 4, age: {gamma: {mean: 40 days, cv: 0.5}}}}}}
- costs: {currency: EUR, pools: {clerks: 95 per hour, panel: 200 per hour}, per: [granted_cases]}
- published: [{measure: utilisation.clerks, court: north, at: 2024-01-15, value: 0.9}]
""",
    "desk.yaml": """
- facts: {kind: {enum: [plain, odd, third]}, age: {type: integer, minimum: 0, maximum: 99, default: 30}, born: {type: date, optional: true}, income: {type: number, minimum: 0}, rich: {type: boolean, default: true}}
- record: {answer: {enum: [none, yes, no]}, visits: {type: integer, minimum: 0, maximum: 4}, told: {type: boolean}}
  events: {wake: {while: [shelf], when: not told, set: {told: true}}}
- define: {old: age >= 60, points: "count(kind == 'odd', age > 50) + min(age, 2)", late: arrived >= date("2024-01-04"), far: abs(age - 40) > 2 * 10}
- assume: ['implies(kind == "odd", age >= 1)']
- states: {queue: {activity: serve}, desk: {instant: true}, shelf: {resting: true, description: on the shelf}, done: {final: true}}
  transitions: [{transition: finish, from: queue, to: done, when: answer == "yes"}, {transition: look, from: queue, to: desk}, {transition: store, from: desk, to: shelf, when: age < 40}, {transition: drop, from: desk, to: done, log_name: [dropped, lost]}, {transition: resume, from: shelf, event: wake, to: queue, set: {answer: none}}, {transition: skip, from: queue, at: entry, to: done, when: age > 80}]
- entry: {states: [queue, shelf]}
- entry: {states: [queue], record: [answer]}
- events: {wake: {while: any, gives: {answer: [none, yes]}, log_name: [woken, "up"]}}
- measures: [{measure: served, cases: finish or store}, {measure: odd_ones, cases: finish, if: kind == "odd"}, {measure: share, ratio: [odd_ones, served]}, {measure: over, emptied: queue}]
- measures: [{measure: stored, cases: store, within: [shelf], split: {woken: {ever: resume}, there: {now: within}, gone: {left_by: resume}, never: rest}}]
- rules: [{rule: no old case is stored, never: store, if: age > 50}, {rule: it is never lost, never: 'once(store) and not once(resume) and state == "done"'}]
- rules: [{rule: a resume after a store, before: resume, needs: store, since: finish}, {rule: stored twice at most, at_most: 2, of: store}, {rule: ends soon, after: store, then: finish, within: 3 working days, calendar: US}]
- sources: {act: The Act}
  activities: {serve: {gives: {answer: [yes, no]}, source: act section 4}}
""",
    "permits.yaml": """
- facts: {age: {type: integer, minimum: 0, maximum: 110, default: 30}, ground: {enum: [none, work, family]}, counsel: {type: boolean, default: true}, entered: {type: date, optional: true, minimum: 2019-01-01}}
- define: {eligible: age >= 18 and ground != "none", fresh: entered is not None and entered > as_of - years(1), limit: 60 if counsel else 90}
- activities: {review: {gives: {finding: [fit, unfit], tip_off: [true, false]}}, hearing: {gives: {finding: [fit, unfit]}}}
- events: {tip: {while: [granted], when: visits < 2, set: {tip_off: true}, log_name: hint}, notice: {while: [pending, granted], gives: {finding: [none, unfit]}}}
- rules: [{rule: a call is followed, after: call, then: close, within: 10 working days, calendar: {days: mon-fri, holidays: US, closed: [2024-12-24]}}]
- rules: [{rule: a grant is deserved, never: grant, giving: state != "granted"}, {rule: at last, never: 'since(grant, refuse) and before(close, grant)'}]
- measures: [{measure: granted_cases, cases: grant, if: ground == "work"}, {measure: unfit_ones, cases: review, giving: {finding: unfit}}]
""",
    "desk.rules.yaml": """
- rules: [{rule: only after a store, before: resume or wake, needs: [store], once: finish, if: age > 20}]
- rules: [{rule: one finish, at_most: 1, of: finish, if: "kind == 'plain'"}, {rule: served in time, after: store, then: resume, within: 2 weeks}]
- rules: [{rule: not yet, never: "state == 'shelf' and once(resume) and not since(store, resume)"}]
- rules: [{rule: a working week, after: store, then: resume or finish, within: 5 working days, calendar: US-CO, description: why not, source: the desk}]
""",
    "permits.rules.yaml": """
- rules: [{rule: no minor is granted, never: grant or call, if: age < 18 or entered is None, giving: visits > 1}]
- rules: [{rule: thrice reviewed, at_most: 3, of: review}, {rule: closed once called, after: call, then: [close, reopen]}]
""",
    MAPPING: """
- {names: {finish: [finished, done], store: put away}, leave_out: [noise, wake]}
- {only: {"lifecycle:transition": complete}, decimal: ".", encoding: utf-8}
- {columns: {case: "case:concept:name", activity: "concept:name", time: "time:timestamp", kind: "case:kind", age: "case:age"}, time_format: ["%Y-%m-%d", day-first]}
""",
}  # fmt: skip


def read(text: str) -> Any:
    """Return the plain values of a YAML text."""
    return parse_yaml(text, "a valid file").plain()


ADDITIONS: dict[str, list[dict[str, Any]]] = {name: read(f"additions:{text}")["additions"] for name, text in _ADDITIONS.items()}
"""Parts of each file that leave it valid. Each replaces entries of the same name in sections that are mappings."""


def added(content: dict[str, Any], addition: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a file with an addition."""
    merged = dict(content)
    for section, part in addition.items():
        old = content.get(section)
        merged[section] = {**old, **part} if isinstance(old, dict) and isinstance(part, dict) else part
    return merged


def write_texts(folder: Path) -> None:
    """Write the files that need no run."""
    from tests.simulations.desk import write_tiny

    write_tiny(folder)
    for name in ("office.yaml", "permits.yaml", "permits.rules.yaml"):
        shutil.copy(_BAD / name, folder / name)
    for name, changes in _SHORTER.items():
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    for name, text in _FILES.items():
        (folder / name).write_text(text, encoding="utf-8")


def write_valid(folder: Path) -> None:
    """Write the valid files that mutants are made from."""
    from simulations import run
    from simulations.exporting.exports import export

    write_texts(folder)
    finished = run(folder / "tiny.yaml", replications=1, seed=3, out=folder / "finished").folder
    export(finished, "csv", folder / "log.csv")
    _keep_columns(
        folder / "log.csv", ("case:concept:name", "concept:name", "time:timestamp", "to_state", "case:kind", "case:age")
    )
    export(finished, "xes", folder / "log.xes")


def _keep_columns(path: Path, names: Sequence[str]) -> None:
    """Remove the other columns of a CSV file: each takes some milliseconds to read."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[row[name] for name in names] for row in csv.DictReader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([names, *rows])
