"""The audit of a log agrees with a monitor that checks the cases one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations import load_scenario, run
from workflow import load_rules, load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log

BROKEN = Path(__file__).parent / "broken"


@pytest.fixture(scope="module")
def pilot_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the pilot."""
    folder = tmp_path_factory.mktemp("runs") / "pilot"
    run("pilot", seed=3, out=folder)
    return folder


def test_the_log_of_a_run_satisfies_its_own_workflow_and_rules(pilot_log: Path) -> None:
    """Every move is allowed, and every rule is satisfied and judged."""
    report = audit(read_log(pilot_log, load_workflow("prosecutorial-discretion-review")))
    assert report.json()["cases"] == 11_682
    assert len(report.not_allowed) == 0
    assert [(r.rule.name, len(r.cases), r.unjudged) for r in report.rules if len(r.cases) or r.unjudged] == []


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("closure_gives_permit", 300),
        ("termination_gives_status", 300),
        ("felon_referred", 300),
        ("permit_for_all", 300),
        ("declined_then_ordered", 300),
        ("hit_goes_on", 1500),  # few cases meet this fault
    ],
)
def test_audit_and_monitor_agree_on_a_broken_workflow(name: str, count: int, tmp_path: Path) -> None:
    """The same number of cases breaks each rule of the correct workflow."""
    changes = [
        f"workflow={BROKEN / name}.yaml",
        f"courts.denver.backlog.pending.count={count}",
        f"courts.baltimore.backlog.pending.count={count}",
        "events.new_crime.hazard=2 per year",
    ]
    result = run(load_scenario("pilot", changes), seed=2, out=tmp_path / "run", monitor="count")
    report = audit(read_log(tmp_path / "run", load_workflow(BROKEN / f"{name}.yaml")))
    assert {r.rule.name: len(r.cases) for r in report.rules} == result.violations
    assert sum(len(r.cases) for r in report.rules) > 0
    assert len(report.not_allowed) == 0


def test_a_rule_is_idle_if_its_trigger_never_occurs(pilot_log: Path, tmp_path: Path) -> None:
    """The report says what never occurs. A rule about a condition alone reads every row."""
    rules = tmp_path / "idle.rules.yaml"
    rules.write_text(
        "workflow: prosecutorial-discretion-review\n"
        "rules:\n"
        "  - {rule: charges are filed once, at_most: 1, of: file_charges}\n"
        "  - {rule: who is detained is released, after: detention, then: release, within: 30 days}\n"
        '  - {rule: nobody detained is closed, never: close, if: custody == "detained"}\n'
        '  - {rule: nobody is ever detained, never: custody == "detained"}\n',
        encoding="utf-8",
    )
    workflow, chosen = load_rules(rules)
    report = audit(read_log(pilot_log, workflow), chosen)
    assert [(r.rule.name, r.idle, len(r.cases)) for r in report.rules] == [
        ("charges are filed once", True, 0),
        ("who is detained is released", True, 0),
        ("nobody detained is closed", False, 0),
        ("nobody is ever detained", False, 0),
    ]
    assert [rule["idle"] for rule in report.json()["rules"]] == [True, True, False, False]
    assert [line.split("(")[1] for line in report.render() if line.startswith("  idle")] == [
        "file_charges never occurs in this log)",
        "detention never occurs in this log)",
    ]
    assert [r.verdict for r in report.rules] == ["idle", "idle", "kept", "kept"]


def test_a_log_of_another_workflow_has_violations(pilot_log: Path) -> None:
    """With the strict criteria, these cases should have stayed on the docket."""
    report = audit(read_log(pilot_log, load_workflow("strict-criteria")))
    steps = {row["step"] for row in report.offending()}
    assert len(report.not_allowed) > 50
    assert "refer_for_check" in steps


@pytest.mark.parametrize(("within", "late"), [("30 days", 2), ("90 days", 1), ("400 days", 0)])
def test_a_time_bound_is_judged_from_the_rows_and_the_end_of_the_log(tmp_path: Path, within: str, late: int) -> None:
    """One case is answered after 60 days, one is not answered in 100 days, one is answered immediately."""
    content = {
        "workflow": "desk",
        "activities": {"serve": {}},
        "entry": {"states": ["queue"]},
        "states": {"queue": {"activity": "serve"}, "shelf": {"resting": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "shelve", "from": "queue", "to": "shelf"},
            {"transition": "fetch", "from": "shelf", "event": "call", "to": "gone"},
        ],
        "events": {"call": {"while": ["shelf"]}},
        "rules": [{"rule": "fetched in time", "after": "shelve", "then": "fetch", "within": within}],
    }
    rows = ["a,shelve,2024-01-01", "a,fetch,2024-03-01", "b,shelve,2024-01-01", "c,shelve,2024-04-09", "c,fetch,2024-04-10"]
    (tmp_path / "log.csv").write_text("\n".join(["case,activity,time", *rows]), encoding="utf-8")
    report = audit(read_log(tmp_path / "log.csv", load_workflow(content)))
    assert len(report.rules[0].cases) == late
    # The first row after the deadline, or the end of the log.
    assert report.rules[0].at.astype("datetime64[us]").astype(str).tolist() == [
        "2024-03-01T00:00:00.000000", "2024-04-10T00:00:00.000000",
    ][2 - late :]  # fmt: skip
