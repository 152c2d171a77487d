"""A small workflow and scenario for tests that run from files."""

from __future__ import annotations

from pathlib import Path

DESK = """\
workflow: desk
facts:
  kind: {enum: [plain, odd], default: plain}
  age: {type: integer, minimum: 0, maximum: 99}
record:
  answer: {enum: [none, yes, no]}
assume: [age < 90]
activities:
  serve: {gives: {answer: [yes, no]}}
states:
  queue: {activity: serve}
  shelf: {resting: true}
  done:  {final: true}
transitions:
  - {transition: finish, from: queue, to: done, when: answer == "yes"}
  - {transition: store,  from: queue, to: shelf, when: kind == "plain" or age < 99}
  - {transition: resume, from: shelf, event: wake, to: queue}
entry: {states: [queue]}
events:
  wake: {while: [shelf]}
"""
TINY = """\
scenario: tiny
workflow: desk.yaml
starts: 2024-01-01
ends: 2024-02-15
courts: {east: {backlog: {queue: 20}}, west: {backlog: {queue: 10}}}
pools: {clerks: {at: court, size: 2}}
people: {kind: {plain: 0.7, odd: rest}, age: {uniform: {min: 18, max: 80}}}
arrivals: {east: {rate: 3 per day}}
activities: {serve: {pool: clerks, takes: {lognormal: {mean: 9 hours, cv: 1}}, outcome: {answer: {yes: 0.7, no: rest}}}}
events: {wake: {after: {exponential: {mean: 4 days}}}}
"""


def write_tiny(folder: Path) -> Path:
    """Write the workflow and the scenario, and return the path of the scenario."""
    (folder / "desk.yaml").write_text(DESK, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return folder / "tiny.yaml"
