"""A large scenario: 40 states, 60 courts, and long names everywhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from workflow.files.yaml_tree import dump_yaml

N_STATES, N_COURTS = 36, 60
"""Number of states that are not final, and of courts."""


def write_large(folder: Path, days: int = 12) -> Path:
    """Write the workflow and the scenario, which ends after so many days in January; return the path of the scenario."""
    states = [f"awaiting_departmental_examination_stage_{k:02d}_of_the_application_file" for k in range(N_STATES)]
    activities = [f"examine_the_application_file_in_detail_stage_{k:02d}" for k in range(N_STATES)]
    finals = [
        "finally_granted_after_all_stages",
        "finally_refused_after_examination",
        "withdrawn_by_the_applicant_before_decision",
    ]
    finals.append("transferred_to_another_authority")
    transitions = []
    for k, (state, after) in enumerate(zip(states, [*states[1:], finals[0]], strict=True)):
        transitions.append(
            {"transition": f"advance_to_the_next_stage_after_{k:02d}", "from": state, "to": after, "when": 'decision == "grant"'}
        )
        transitions.append(
            {"transition": f"refuse_at_examination_stage_{k:02d}", "from": state, "to": finals[3 if k == 20 else 1]}
        )
        if k % 6 == 5:
            transitions.append({"transition": f"withdraw_at_{k:02d}", "from": state, "event": "impatience", "to": finals[2]})
    workflow = {
        "workflow": "review-of-applications-for-provisional-and-permanent-permits-with-long-names",
        "record": {"decision": {"enum": ["none", "grant", "refuse"]}},
        "activities": {activity: {"gives": {"decision": ["grant", "refuse"]}} for activity in activities},
        "entry": {"states": states[:1]},
        "states": {state: {"activity": activity} for state, activity in zip(states, activities, strict=True)}
        | {final: {"final": True} for final in finals},
        "transitions": transitions,
        "events": {"impatience": {"while": states[5::6]}},
        "measures": [
            {
                "measure": "number_of_applications_granted_after_all_examination_stages",
                "cases": f"advance_to_the_next_stage_after_{N_STATES - 1}",
            },
            {"measure": "number_of_applications_withdrawn_by_the_applicant", "cases": "withdraw_at_05"},
        ],
    }
    courts = [f"district_administrative_court_of_greater_northampton_{k:02d}" for k in range(N_COURTS)]
    work = {
        "pool": "clerks_of_the_examination_department",
        "takes": {"lognormal": {"mean": "30 minutes", "cv": 0.6}},
        "outcome": {"decision": {"grant": 0.97, "refuse": "rest"}},
    }
    scenario = {
        "scenario": "a-very-long-scenario-name-for-the-national-review-of-permits-2024",
        "workflow": "large_workflow.yaml",
        "starts": dt.date(2024, 1, 1),
        "ends": dt.date(2024, 1, days),
        "calendars": {"office": {"hours": {"mon-fri": "09:00-12:00, 13:00-17:00"}, "holidays": "US"}},
        "courts": {court: {"backlog": {states[0]: 2 + k % 3}} for k, court in enumerate(courts)},
        "pools": {
            "clerks_of_the_examination_department": {
                "at": "court",
                "size": {court: 1 + k % 3 for k, court in enumerate(courts)},
                "calendar": "office",
            }
        },
        "activities": dict.fromkeys(activities, work),
        "arrivals": {court: {"rate": f"{5 + k % 7} per month"} for k, court in enumerate(courts)},
        "events": {"impatience": {"after": {"exponential": {"mean": "1 year"}}}},
    }
    (folder / "large_workflow.yaml").write_text(dump_yaml(workflow), encoding="utf-8")
    path = folder / "large.yaml"
    path.write_text(dump_yaml(scenario), encoding="utf-8")
    return path
