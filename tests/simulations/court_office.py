"""A small court whose every step a release of the immigration courts can tell; for tests of imports."""

from pathlib import Path

WORKFLOW = """\
workflow: removal-court
facts: {represented: {type: boolean, default: false}}
record:
  ruling: {enum: [none, adjourned, removal, relief, closure], default: none}
activities: {hear: {gives: {ruling: [adjourned, removal, relief, closure]}}}
entry: {states: [docket]}
states:
  docket: {activity: hear}
  closed: {resting: true}
  done: {final: true}
transitions:
  - {transition: individual_hearing, from: docket, to: docket, when: ruling == "adjourned"}
  - {transition: close_by_discretion, from: docket, to: closed, when: ruling == "closure"}
  - {transition: grant_relief, from: docket, to: done, when: ruling == "relief"}
  - {transition: order_removal, from: docket, to: done}
  - {transition: change_venue, from: docket, event: venue_motion, to: docket}
  - {transition: recalendar, from: closed, event: recalendar_motion, to: docket}
events: {venue_motion: {while: [docket]}, recalendar_motion: {while: [closed]}}
rules:
  - rule: a case is decided once
    at_most: 1
    of: grant_relief or order_removal
"""

SCENARIO = """\
scenario: removal-court
workflow: court.yaml
starts: 2024-01-01
ends: 2024-12-31
courts: {denver: {backlog: {docket: 60}}, baltimore: {backlog: {docket: 20}}}
pools: {judges: {at: court, size: 1}}
activities:
  hear:
    pool: judges
    takes: {exponential: {mean: 20 hours}}
    outcome: {ruling: {adjourned: 0.5, removal: 0.2, relief: 0.1, closure: rest}}
arrivals: {denver: {rate: 100 per year}}
people: {represented: 0.5}
events: {venue_motion: {hazard: 0.3 per year}, recalendar_motion: {hazard: 1 per year}}
transfers: {change_venue: {by: court, denver: {baltimore: 1}, baltimore: {denver: 1}}}
"""


def write_court(folder: Path) -> Path:
    """Write the scenario and its workflow, and return the path of the scenario."""
    (folder / "court.yaml").write_text(WORKFLOW, encoding="utf-8")
    path = folder / "court_scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path
