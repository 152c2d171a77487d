"""Runs of activities and events that give several fields: draws, log, measures and audit, on both engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulations import SamplePath, Scenario, load_scenario, make_plan, run, simulate
from simulations.chance.draws import choose
from simulations.log.eventlog import EventLog
from simulations.log.judging import violations_in
from simulations.measuring.measures import measure
from tests.simulations.both_engines import compare
from workflow import InputError
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log

WORKFLOW = (Path(__file__).parents[1] / "permit_office" / "permit_office.yaml").read_text(encoding="utf-8")

SCENARIO = """
scenario: permits
workflow: permit-office
starts: 2026-01-05
ends: 2026-05-31
courts: {town: {backlog: {filed: 40}}}
pools: {clerks: {size: 2}}
activities:
  examine:
    pool: clerks
    takes: {gamma: {mean: 110 minutes, cv: 0.6}}
    outcome:
      papers: {missing: 0.4, complete: rest}
      result: {by: papers, unknown: {granted: 0.7, refused: rest}, other: {granted: 0, refused: 1}}
arrivals: {requests: {rate: 9 per day}}
events:
  papers_arrive: {after: {gamma: {mean: 25 days, cv: 1}}}
  deadline:      {after: 30 days}
"""


def _office(folder: Path, *changes: tuple[str, str], more: str = "", scenario: str = SCENARIO) -> Scenario:
    """Write the permit office and a scenario that names it, with changes of the text; return the scenario."""
    text = WORKFLOW
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "office.yaml").write_text(text + more, encoding="utf-8")
    (folder / "scenario.yaml").write_text(scenario, encoding="utf-8")
    return load_scenario(folder / "scenario.yaml")


def _log(scenario: Scenario) -> EventLog:
    path = SamplePath(1, 1)
    return simulate(make_plan(scenario, path), path)


def _rows(log: EventLog, *outcomes: str) -> np.ndarray:
    return np.isin(log.columns["outcome"], [log.labels.outcome.index(label) for label in outcomes])


def test_both_engines_give_the_same_log_where_activities_and_events_give_two_fields(tmp_path: Path) -> None:
    """To the bit; the event gives two fields, one of which depends on the record."""
    gives = "{papers: [unknown, missing], result: [none, refused]}"
    drawn = "{papers: {unknown: 0.8, missing: rest}, result: {by: reminders, 0: {none: 1, refused: 0}, other: {none: 0.5}}}"
    compare(
        _office(
            tmp_path,
            ("papers_arrive: {while: [incomplete]}", f"papers_arrive: {{while: [incomplete], gives: {gives}}}"),
            (", set: {papers: unknown}", ""),
            scenario=SCENARIO.replace("cv: 1}}}", f"cv: 1}}}}, outcome: {drawn}}}"),
        ),
        seed=1,
    )


def test_each_field_has_its_own_draws(tmp_path: Path) -> None:
    """The first is drawn with the length, the second for the purpose `outcome:examine.result`.

    `by: papers` reads the record before both, so the second does not depend on what the first gives.
    """
    log, path = _log(_office(tmp_path)), SamplePath(1, 1)
    examined = np.flatnonzero(log.columns["outcome"] >= 0)
    assert len(examined) > 500
    visits: dict[int, int] = {}
    for case, code in zip(log.columns["case_id"][examined].tolist(), log.columns["outcome"][examined].tolist(), strict=True):
        visit = visits[case] = visits.get(case, -1) + 1
        key = int(log.cases.keys[case])
        papers = ("missing", "complete")[choose(path.bits(key, "activity:examine", visit)[1], (0.4, 1.0))]
        result = ("granted", "refused")[choose(path.bits(key, "outcome:examine.result", visit)[1], (0.7, 1.0))]
        assert log.labels.outcome[code] == f"papers = {papers}, result = {result}"


@pytest.mark.parametrize(
    ("giving", "outcomes"),
    [
        ("granted", ("papers = missing, result = granted", "papers = complete, result = granted")),
        ("{papers: missing, result: granted}", ("papers = missing, result = granted",)),
    ],
)
def test_a_measure_counts_cases_by_one_field_or_by_several(tmp_path: Path, giving: str, outcomes: tuple[str, ...]) -> None:
    """A value refers to the field that can have it; a mapping requires all its fields."""
    more = f"  - {{measure: counted, cases: ask_for_papers or grant or refuse, giving: {giving}}}\n"
    log = _log(_office(tmp_path, more=more))
    (counted,) = [v.value for v in measure(log) if v.measure == "counted" and v.court == "all"]
    assert counted == len(np.unique(log.columns["case_id"][_rows(log, *outcomes)])) > 100


def test_a_value_of_two_fields_needs_the_name_of_one(tmp_path: Path) -> None:
    """Otherwise it would not be clear which of them is counted."""
    words = ("result:   {enum: [none, granted, refused]", "result:   {enum: [none, granted, refused, missing]")
    with pytest.raises(InputError) as caught:
        _office(
            tmp_path,
            words,
            ("result: [granted, refused]", "result: [granted, refused, missing]"),
            more="  - {measure: counted, cases: grant, giving: missing}\n",
        )
    assert "'missing' is an outcome of papers, result; name the field: {papers: missing}" in str(caught.value)


def test_the_audit_of_a_run_judges_rules_on_the_second_field_as_the_monitor_does(tmp_path: Path) -> None:
    """The same cases break the rule."""
    rule = 'rules:\n  - {rule: the refused have papers, never: ask_for_papers, if: result == "refused"}\n'
    scenario = _office(tmp_path, more=rule)
    run(scenario, replications=1, out=tmp_path / "run")
    broken = {violation.case for violation in violations_in(_log(scenario))}
    log = read_log(tmp_path / "run", scenario.workflow)
    (judged,) = audit(log).rules
    assert {int(str(name).split(":")[1]) for name in log.names[judged.cases]} == broken
    assert len(broken) > 50


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ("{papers: {missing: 1}}", "outcome: result is missing; the activity gives granted, refused"),
        ("{papers: {missing: 1}, reslt: {granted: 1}}", "must give only 'papers' and 'result', not reslt. Did you mean"),
    ],
)
def test_an_outcome_has_shares_for_each_field(tmp_path: Path, outcome: str, message: str) -> None:
    """A missing or misspelt field is named."""
    with pytest.raises(InputError) as caught:
        _office(
            tmp_path,
            scenario="scenario: s\nworkflow: permit-office\nstarts: 2026-01-05\nends: 2026-01-09\n"
            f"arrivals: {{all: {{rate: 1 per day}}}}\nactivities: {{examine: {{takes: 1 hour, outcome: {outcome}}}}}\n",
        )
    assert message in str(caught.value)
