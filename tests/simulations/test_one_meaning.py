"""One meaning: prover, generated test, monitor on both engines, and audits of folder and exports break a rule alike."""

from __future__ import annotations

import csv
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from simulations import load_scenario
from simulations.engines import choosing
from simulations.exporting.exports import export
from simulations.log.eventlog import EventLog
from simulations.log.row import NOT_STEPS
from simulations.log.watching import Violation
from simulations.running.runs import run
from simulations.scenarios.plan import Plan
from tests.examples import examples
from tests.simulations.both_engines import assert_same, planned
from tests.simulations.random_scenarios import Mapping, loaded
from tests.simulations.test_judging import ruled
from tests.workflow.brute_force import Case, Row, judge
from tests.workflow.forms_by_definition import FormJudge
from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.auditing.report import AuditReport
from workflow.errors import StuckCase, VisitCap
from workflow.model.definition import Workflow
from workflow.proving.prove import prove
from workflow.testing.strategies import RuleBroken, rule_test

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of scenarios drawn at random
pytest.importorskip("numba")
pytest.importorskip("z3")

MOVED = """
workflow: moved
record: {moved: {type: boolean}}
activities: {serve: {}}
entry: {states: [queue]}
states: {queue: {activity: serve}, gone: {final: true}}
transitions:
  - {transition: finish, from: queue, to: gone}
events:
  moving: {while: [queue], when: not moved, set: {moved: true}}
"""
COMPLAINTS = """
workflow: complaints
facts: {minor: {type: boolean}}
record: {found: {enum: [none, yes, no], default: none}}
activities: {think: {gives: {found: [yes, no]}}}
entry: {states: [queue]}
states: {queue: {activity: think}, shelf: {resting: true}, gone: {final: true}}
transitions:
  - {transition: drop, from: queue, to: gone, when: found == "no"}
  - {transition: park, from: queue, to: shelf}
  - {transition: release, from: shelf, event: complaint, to: gone, when: minor}
events: {complaint: {while: [queue, shelf]}}
"""
RULING = """
workflow: ruling
record: {found: {enum: [none, yes, no], default: none}, informed: {type: boolean}}
activities: {think: {}}
entry: {states: [queue]}
states: {queue: {activity: think}, gone: {final: true}}
transitions:
  - {transition: finish, from: queue, to: gone}
  - {transition: close, from: queue, event: ruling, to: gone, when: found == "no", set: {informed: true}}
events: {ruling: {while: [queue], gives: {found: [no]}}}
"""
PARKED = """
workflow: parked
record: {found: {enum: [no, yes], default: no}}
activities: {think: {gives: {found: [no, yes]}}}
entry: {states: [queue]}
states: {queue: {activity: think}, shelf: {resting: true}, gone: {final: true}}
transitions:
  - {transition: drop, from: queue, to: gone, when: found == "no"}
  - {transition: park, from: queue, to: shelf}
  - {transition: wake, from: shelf, event: ring, to: queue}
events: {ring: {while: [shelf]}}
"""
SCENARIO = """
scenario: given
workflow: flow.yaml
starts: 2024-01-01
ends: 2024-03-01
courts: {desk: {backlog: {queue: 1}}}
"""
SERVED = "activities: {serve: {takes: 2 days}}\nevents: {moving: {after: 1 day}}\n"
DROPPED = """
activities: {think: {takes: 5 days, outcome: {found: {no: 1}}}}
people: {minor: 0}
events: {complaint: {at: [2024-01-02, 2024-01-03]}}
"""
RULED = "activities: {think: {takes: 5 days}}\nevents: {ruling: {after: 1 day, outcome: {found: {no: 1}}}}\n"
NO = "activities: {think: {takes: 1 day, outcome: {found: {no: 1}}}}\nevents: {ring: {after: 2 days}}\n"

# Each decision: a workflow, a scenario in which one case meets it, a rule, the verdict of the proof, and the row after
# which the case of the scenario breaks the rule.
DECISIONS = [
    # an event sees the case as its own guard saw it
    (MOVED, SERVED, {"never": "moving", "if": "not moved"}, "broken", 1),
    (MOVED, SERVED, {"never": "moving", "if": "moved"}, "proved", None),
    (MOVED, SERVED, {"never": "moving", "giving": "moved"}, "broken", 1),
    (MOVED, SERVED, {"never": "moving", "giving": "not moved"}, "proved", None),
    (MOVED, SERVED, {"never": "finish", "if": "moved"}, "broken", 2),
    # the transition that it triggers is judged after its effects
    (RULING, RULED, {"never": "ruling", "if": 'found == "no"'}, "proved", None),
    (RULING, RULED, {"never": "ruling", "giving": 'found == "no" and state == "queue" and not informed'}, "broken", 1),
    (RULING, RULED, {"never": "ruling", "giving": 'informed or state == "gone"'}, "proved", None),
    (RULING, RULED, {"never": "close", "if": 'found == "no" and not informed'}, "broken", 1),
    (RULING, RULED, {"never": "close", "if": 'found != "no" or informed'}, "proved", None),
    (RULING, RULED, {"never": "close", "giving": 'informed and state == "gone"'}, "broken", 1),
    # the step of an event comes before that of its transition, in one row
    (RULING, RULED, {"before": "close", "needs": "ruling"}, "proved", None),
    (RULING, RULED, {"before": "ruling", "needs": "close"}, "broken", 1),
    (RULING, RULED, {"after": "ruling", "then": "close"}, "proved", None),
    (RULING, RULED, {"never": "once(ruling) and not once(close)"}, "proved", None),
    # an event that happens is a step, whether or not it changes or moves anything
    (COMPLAINTS, DROPPED, {"never": "complaint", "if": "not minor"}, "broken", 1),
    (COMPLAINTS, DROPPED, {"at_most": 1, "of": "complaint"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"after": "complaint", "then": "release"}, "broken", 3),
    (COMPLAINTS, DROPPED, {"never": "once(drop) and once(complaint)"}, "broken", 3),
    # an obligation that is open in a final state is broken, with a time bound or without
    (PARKED, NO, {"after": "drop", "then": "park", "within": "5 days"}, "broken", 1),
    (PARKED, NO, {"after": "drop", "then": "park"}, "broken", 1),
    (PARKED, NO, {"after": "drop", "then": "park", "within": "100 years"}, "broken", 1),
    (PARKED, NO, {"after": "park", "then": "wake"}, "proved", None),
    (PARKED, NO, {"after": "park", "then": "wake", "within": "100 years"}, "monitored", None),
    # counting: to the end of a case, since the last reset, by facts, in a length of time
    (COMPLAINTS, DROPPED, {"at_least": 1, "of": "release"}, "broken", 3),
    (COMPLAINTS, DROPPED, {"at_least": 3, "of": "complaint"}, "broken", 3),
    (COMPLAINTS, DROPPED, {"exactly": 2, "of": "complaint"}, "broken", None),
    (COMPLAINTS, DROPPED, {"at_most": 1, "of": "complaint", "since": "release"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"at_most": "2 if minor else 1", "of": "complaint"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"at_most": 1, "of": "complaint", "per": "1 day"}, "monitored", 2),
    (COMPLAINTS, DROPPED, {"at_most": 1, "of": "complaint", "per": "12 hours"}, "monitored", None),
    (COMPLAINTS, DROPPED, {"at_most": 1, "of": "drop", "per": "1 day"}, "proved", None),
    (COMPLAINTS, DROPPED, {"at_most": "2 if minor else 1", "of": "complaint", "per": "1 day"}, "monitored", 2),
    (COMPLAINTS, DROPPED, {"at_most": "1 if minor else 2", "of": "complaint", "per": "1 day"}, "monitored", None),
    (COMPLAINTS, DROPPED, {"at_least": 1, "of": "complaint", "per": "1 day"}, "monitored", 3),
    (COMPLAINTS, DROPPED, {"at_least": 1, "of": "complaint", "per": "1 week"}, "monitored", None),
    (COMPLAINTS, DROPPED, {"at_least": 2, "of": "complaint", "per": "2 days"}, "monitored", 3),
    (COMPLAINTS, DROPPED, {"at_least": "1 if minor else 3", "of": "complaint", "per": "3 days"}, "monitored", 3),
    (COMPLAINTS, DROPPED, {"at_least": "1 if minor else 3", "of": "complaint", "per": "1 week"}, "monitored", None),
    # what every case must come to: a case that is over without it breaks the rule; one that rests forever does in a proof
    (COMPLAINTS, DROPPED, {"eventually": "release"}, "broken", 3),
    (COMPLAINTS, DROPPED, {"eventually": 'found != "none"'}, "proved", None),
    (COMPLAINTS, DROPPED, {"eventually": "drop or park"}, "proved", None),
    (COMPLAINTS, DROPPED, {"eventually": 'state == "gone"', "fair": "complaint"}, "broken", None),
    (COMPLAINTS, DROPPED, {"after": "park", "then": "complaint", "fair": "complaint"}, "proved", None),
    (COMPLAINTS, DROPPED, {"after": "park", "then": "complaint", "fair": "none"}, "broken", None),
    # neighbouring rows: an event and its transition are in one
    (COMPLAINTS, DROPPED, {"after": "complaint", "then": "drop", "how": "directly"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"after": "complaint", "then": "drop or release", "how": "each time"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"before": "drop", "needs": "complaint", "how": "directly"}, "broken", None),
    (RULING, RULED, {"after": "ruling", "then": "close", "how": "directly"}, "proved", None),
    (RULING, RULED, {"before": "close", "needs": "ruling", "how": "directly"}, "proved", None),
    (COMPLAINTS, DROPPED, {"never": "complaint", "together_with": "drop"}, "broken", 3),
    # conditions on every word; the past of an if: is what happened before the step
    (COMPLAINTS, DROPPED, {"never": "drop", "if": "once(complaint)"}, "broken", 3),
    (COMPLAINTS, DROPPED, {"never": "complaint", "if": "once(complaint)"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"before": "drop", "needs": {"of": "complaint", "if": "minor"}}, "broken", 3),
    (COMPLAINTS, DROPPED, {"never": "once({of: complaint, if: once(complaint)})"}, "broken", 2),
    (COMPLAINTS, DROPPED, {"never": "once(park or release) and not minor"}, "broken", None),
    # a rule that holds without a clock needs none
    (RULING, RULED, {"after": "ruling", "then": "close", "within": "1 hour"}, "proved", None),
]


class Readings:
    """The rows after which the cases of one run break each rule, by every reading."""

    def __init__(self, plan: Plan, path: Any) -> None:
        self.plan = plan
        self.workflow: Workflow = plan.scenario.workflow
        self.violations: dict[str, list[Violation]] = {}
        logs: list[EventLog] = []
        for engine in ("simpy", "compiled"):
            logs.append(choosing.simulate(engine, plan, path, "count", self.violations.setdefault(engine, [])))
        assert_same(*logs)
        self.log = logs[0]

    def rows(self, case: int) -> list[dict[str, Any]]:
        """Return the rows of a case that are steps."""
        return [row for row in self._all_rows if row["case_id"] == case and row["cause"] not in NOT_STEPS]

    @property
    def _all_rows(self) -> list[dict[str, Any]]:
        if not hasattr(self, "_cached"):
            self._cached = self.log.rows()
        return self._cached

    def monitored(self, engine: str, rule: str) -> dict[int, Any]:
        """Return the cases that break a rule, and when, in microseconds since 1970."""
        epoch = np.datetime64(self.plan.scenario.epoch.instant(0), "us").astype(np.int64)
        return {v.case: v.at + int(epoch) for v in self.violations[engine] if v.rule == rule}

    def by_definition(self, entry: Mapping, case: int) -> int | None:
        """Return the row after which a case breaks a rule, by brute force."""
        workflow, scenario = self.workflow, self.plan.scenario
        columns = self.plan.cases.columns.take(np.array([case]))
        values = {n: columns.plain(scenario.namespace.fields[n])[0] for n in (*workflow.facts, "arrived", "as_of")}
        record = tuple(columns.plain(workflow.record[n])[0] for n in workflow.record)
        state = list(workflow.states)[int(self.plan.cases.state[case])]
        facts = tuple(values.values())
        begins, entering, history = (state, record), True, list[Row]()
        one = Case(workflow, facts)
        for row in self.rows(case):
            options, stays = one.rows(state, record, entering)
            if stays:
                options, _ = one.rows(state, record, False)
            trigger = row["cause"]
            (taken,) = [
                o for o in options
                if o.trigger == trigger and (not o.given or _label(workflow, state, o) == row["outcome"])
            ]  # fmt: skip
            history.append(taken)
            state, record, entering = taken.state, taken.record, taken.enters
            assert row["to_state"] == state
        return judge(workflow, entry, facts, begins, history, FormJudge)


def _label(workflow: Workflow, state: str, row: Row) -> str:
    """Return what the activity or event of a row gave, as the log has it."""
    giver = workflow.giver(state, row.trigger)
    assert giver is not None
    return giver.label(row.given)


def _audits(
    folder: Path, workflow: Workflow, policies: tuple[Workflow, ...] = ()
) -> dict[str, dict[str, dict[int, tuple[int, int]]]]:
    """Return, for the run folder and its exports, the row and the time of each violation, by rule and case."""
    export(folder, "csv", folder / "log.csv")
    export(folder, "xes", folder / "log.xes")
    violations: dict[str, dict[str, dict[int, tuple[int, int]]]] = {}
    verdicts: dict[str, dict[tuple[str, str], str]] = {}
    for path in (folder, folder / "log.csv", folder / "log.xes"):
        log = read_log(path, workflow, policies=() if path.is_dir() else policies)
        report = audit(log)
        assert not len(report.not_allowed)
        assert not len(report.moves_unjudged)
        verdicts[path.name] = _verdicts(report)
        number = [int(str(name).partition(":")[2]) for name in log.names]
        violations[path.name] = {
            r.rule.name: {
                number[c]: (int(row) - int(log.first[c]) + 1 if row >= 0 else 0, int(at))
                for c, row, at in zip(r.cases.tolist(), r.rows.tolist(), r.at.tolist(), strict=True)
            }
            for r in report.rules
        }
    assert verdicts["log.xes"] == verdicts[folder.name]
    assert verdicts["log.csv"].items() <= verdicts[folder.name].items()  # without the cases that have no row
    assert "unjudged" not in verdicts[folder.name].values()
    _decides_less(folder / "log.csv", workflow, policies, verdicts["log.csv"])
    return violations


def _verdicts(report: AuditReport) -> dict[tuple[str, str], str]:
    """Return the verdict of each rule on each case."""
    cases = map(str, report.log.names)
    return {(r.rule.name, case): v for case, *of_rules in zip(cases, *(r.of_cases() for r in report.rules), strict=True)
            for r, v in zip(report.rules, of_rules, strict=True)}  # fmt: skip


def _decides_less(path: Path, workflow: Workflow, policies: tuple[Workflow, ...], verdicts: dict[tuple[str, str], str]) -> None:
    """Check that a log without some of the columns is judged in the same way, or not at all."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    facts = [f"case:{name}" for name in (*workflow.facts, "arrived", "as_of")]
    for k, dropped in enumerate((["outcome"], facts, ["outcome", *facts], facts[::2])):
        less = path.with_name(f"less{k}.csv")
        with less.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [name for name in rows[0] if name not in dropped], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        report = audit(read_log(less, workflow, policies=policies))
        assert not len(report.not_allowed)
        decided = {key: verdict for key, verdict in _verdicts(report).items() if verdict != "unjudged"}
        assert decided.items() <= verdicts.items()


def _compare(scenario: Any, entries: dict[str, Mapping], folder: Path, seed: int = 1) -> dict[str, dict[int, int]]:
    """Check that all readings of a run agree; return the row after which each case breaks each rule."""
    plan, path = planned(scenario, seed)
    readings = Readings(plan, path)
    if not any(readings.rows(case) for case in range(len(plan.cases))):  # an export without a row is no log
        return {}
    run(scenario, seed=seed, replications=1, out=folder / "run", workers=1, engine="simpy")
    audited = _audits(folder / "run", readings.workflow)
    verdicts = {v.rule.name: v for v in prove(readings.workflow, seconds=5).verdicts}
    broken: dict[str, dict[int, int]] = {}
    with_rows = {case for case in range(len(plan.cases)) if readings.rows(case)}
    for name, entry in entries.items():
        assert readings.monitored("simpy", name) == readings.monitored("compiled", name)
        own = audited["run"][name]
        monitored = readings.monitored("simpy", name)
        assert own.keys() == monitored.keys()  # a backlog case begins before the run, which monitors it from its start on
        assert {c: at for c, (row, at) in own.items() if row} == {c: monitored[c] for c, (row, _) in own.items() if row}
        rows = {c: row for c, (row, _) in own.items()}
        broken[name] = {case: row for case, (row, _) in own.items()}
        if {"at_least", "per"} <= entry.keys():  # its time begins with the case, and exports begin with its first row
            continue
        assert {c: row for c, (row, _) in audited["log.xes"][name].items()} == rows
        rows_of_csv = {c: row for c, row in rows.items() if c in with_rows}  # without the cases to which nothing happened
        assert {c: row for c, (row, _) in audited["log.csv"][name].items()} == rows_of_csv
        if not entry.keys() & {"within", "per"}:
            for case in range(len(plan.cases)):
                assert readings.by_definition(entry, case) == broken[name].get(case), (name, case)
        if broken[name]:
            assert verdicts[name].decision in ("broken", "monitored", "undecided")
            assert verdicts[name].decision != "monitored" or entry.keys() & {"within", "per"}
    return broken


@cache
def _decided(flow: str, world: str) -> tuple[Workflow, dict[str, str], dict[str, dict[int, int]]]:
    """Return a workflow with all rules about it, their verdicts, and who breaks them in a run."""
    rules = {f"rule {k}": rule for k, (f, w, rule, *_) in enumerate(DECISIONS) if (f, w) == (flow, world)}
    with tempfile.TemporaryDirectory() as folder:
        entries = "\n".join(
            f"  - {{rule: {name}, {', '.join(f'{k}: {_quoted(v)}' for k, v in rule.items())}}}" for name, rule in rules.items()
        )
        Path(folder, "flow.yaml").write_text(f"{flow}rules:\n{entries}\n", encoding="utf-8")
        Path(folder, "given.yaml").write_text(SCENARIO + world, encoding="utf-8")
        workflow = load_workflow(Path(folder, "flow.yaml"))
        verdicts = {v.rule.name: v.decision for v in prove(workflow).verdicts}
        return workflow, verdicts, _compare(load_scenario(Path(folder, "given.yaml")), rules, Path(folder))


@pytest.mark.parametrize("k", range(len(DECISIONS)), ids=[str(d[2]) for d in DECISIONS])
def test_every_reading_follows_a_decision(k: int) -> None:
    """The proof, the generated test, the monitor on both engines, and the audits of folder and exports agree."""
    flow, world, _, decision, row = DECISIONS[k]
    workflow, verdicts, broken = _decided(flow, world)
    name = f"rule {k}"
    assert verdicts[name] == decision
    with patch("workflow.testing.strategies.EXAMPLES", 40):
        test = rule_test(workflow, next(rule for rule in workflow.rules if rule.name == name))
    if decision == "broken":
        with pytest.raises(RuleBroken):
            test()
    else:
        test()
    assert broken[name] == ({} if row is None else {0: row})


def _quoted(value: Any) -> str:
    return json.dumps(value) if isinstance(value, int | dict) else "'" + str(value) + "'"


def _agree(scenario: Mapping, seed: int) -> None:
    entries = {r["rule"]: {k: _joined(v) for k, v in r.items() if k != "rule"} for r in scenario["workflow"]["rules"]}
    with tempfile.TemporaryDirectory() as folder:
        try:
            _compare(loaded({**scenario, "policies": []}), entries, Path(folder), seed)
        except (StuckCase, VisitCap):
            assume(False)


def _joined(value: Any) -> Any:
    return " or ".join(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


UNSHRUNK = settings(
    deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)  # a run takes too long for hundreds of smaller ones to be tried after a failure


@settings(UNSHRUNK, max_examples=examples(8))
@given(ruled(in_exports=True), st.integers(0, 3))
def test_the_readings_of_a_random_run_break_the_same_rules_at_the_same_rows(scenario: Mapping, seed: int) -> None:
    """The slow test compares some hundred runs."""
    _agree(scenario, seed)


def _agree_under_policies(scenario: Mapping, seed: int) -> None:
    """Check that the run folder and its exports agree, and allow each move that the policy in force has made."""
    assume(scenario["policies"])
    with tempfile.TemporaryDirectory() as folder:
        one = loaded(scenario)
        try:
            run(one, seed=seed, replications=1, out=Path(folder, "run"), workers=1, engine="simpy")
        except (StuckCase, VisitCap):
            assume(False)
        if read_log(Path(folder, "run"), one.workflow).happened:  # an export without a row is no log
            _audits(Path(folder, "run"), one.workflow, one.workflows[1:])


@settings(UNSHRUNK, max_examples=examples(4))
@given(ruled(in_exports=True), st.integers(0, 3))
def test_the_audits_of_a_random_run_under_policies_agree(scenario: Mapping, seed: int) -> None:
    """Each policy turns a guard around, so that the other workflow would not allow some moves."""
    _agree_under_policies(scenario, seed)


@pytest.mark.slow
@settings(UNSHRUNK, max_examples=100)
@given(ruled(in_exports=True), st.integers(0, 3))
def test_the_audits_of_many_random_runs_under_policies_agree(scenario: Mapping, seed: int) -> None:
    """As above, on many more."""
    _agree_under_policies(scenario, seed)


@pytest.mark.slow
@settings(UNSHRUNK, max_examples=200)
@given(ruled(in_exports=True), st.integers(0, 3))
def test_the_readings_of_many_random_runs_agree(scenario: Mapping, seed: int) -> None:
    """As above, on many more."""
    _agree(scenario, seed)
