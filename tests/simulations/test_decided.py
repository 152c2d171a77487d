"""Two numbers of `diff --people`: cases that could be decided otherwise, and cases that were, counted from the logs."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from simulations import load_scenario, run
from simulations.cli import app

WORKFLOW = """
workflow: permits
facts: {complete: {type: boolean, default: true}}
record: {decision: {enum: [none, grant, refuse], default: none}}
activities: {examine: {gives: {decision: [grant, refuse]}}}
entry: {states: [waiting]}
states: {waiting: {activity: examine}, granted: {final: true}, refused: {final: true}, withdrawn: {final: true}}
events: {withdrawal: {while: [waiting]}, lapse: {while: [waiting]}}
transitions:
  - {transition: withdraw, from: waiting, to: withdrawn, event: withdrawal}
  - {transition: let_lapse, from: waiting, to: withdrawn, event: lapse}
  - {transition: grant, from: waiting, to: granted, when: decision == "grant"}
  - {transition: refuse, from: waiting, to: refused}
"""
STRICTER = """
workflow: complete-files-only
extends: permits.yaml
transitions:
  - {transition: let_lapse, from: waiting, to: refused, event: lapse}
  - {transition: grant, from: waiting, to: granted, when: complete and decision == "grant"}
"""
OFFICE = """
scenario: office
workflow: permits.yaml
starts: 2024-01-01
ends: 2024-02-29
courts: {north: {backlog: {waiting: 60}}}
pools: {clerks: {at: court, size: 1}}
activities: {examine: {pool: clerks, takes: 20 hours, outcome: {decision: {grant: 0.7, refuse: rest}}}}
people: {complete: 0.85}
arrivals: {north: {rate: 20 per month}}
events: {withdrawal: {hazard: 0.5 per year}, lapse: {hazard: 0.5 per year}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both workflows and the scenario."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("permits", WORKFLOW), ("stricter", STRICTER), ("office", OFFICE)):
        Path(f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def _diff(*options: str) -> str:
    result = CliRunner().invoke(app, ["diff", "permits.yaml", "stricter.yaml", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_case_could_be_decided_otherwise_and_few_were(folder: Path) -> None:
    """Anyone could let the case lapse. The cases that were decided otherwise are counted from both logs, without the pairs."""
    content = json.loads(_diff("--people", "office.yaml", "--replications", "2", "--seed", "4", "--json"))
    assert content["could_differ"] == content["total"]
    assert content["same"] == 0
    for name in ("permits", "stricter"):
        run(load_scenario("office.yaml", [f"workflow={name}.yaml"]), replications=2, seed=4, out=name)
    ends = """(select replication, case_id, arg_max(to_state, sequence) as state, arg_max(transition, sequence) as by
        from read_parquet('{}/events/*.parquet') where from_state <> to_state group by all)"""
    counts = "count(*) filter (a.state <> b.state or a.by <> b.by), count(*) filter (a.case_id is null or b.case_id is null)"
    sides = f"{ends.format('permits')} a full join {ends.format('stricter')} b using (replication, case_id)"
    otherwise, one_only = duckdb.sql(f"select {counts} from {sides}").fetchall()[0]
    pairs = {row["what"]: row["mean"] for row in content["simulated"]["pairs"]}
    assert (pairs["decided otherwise"], pairs["decided in one only"]) == (otherwise / 2, one_only / 2)
    assert 0 < otherwise < 0.5 * 2 * content["total"]


def test_both_numbers_have_their_names_in_the_text(folder: Path) -> None:
    """The first needs no run; `--replications 0` leaves out the second."""
    proved = " ".join(_diff("--people", "office.yaml", "--replications", "0").split())
    assert "could be decided otherwise by complete-files-only than by permits in some course of events" in proved
    assert "were decided otherwise" not in proved
    simulated = " ".join(_diff("--people", "office.yaml").split())
    assert " cases were decided otherwise: in another state, or by another transition " in simulated


def test_a_scenario_that_does_not_fit_a_workflow_is_not_simulated(folder: Path) -> None:
    """The reason is printed; what could be decided otherwise does not depend on it."""
    changed = "activities: {examine_well: {gives: {decision: [grant, refuse]}}}\nstates: {waiting: {activity: examine_well}}\n"
    Path("stricter.yaml").write_text(STRICTER + changed, encoding="utf-8")
    printed = _diff("--people", "office.yaml")
    assert "could be decided otherwise" in printed
    assert "Not simulated: office.yaml does not fit both workflows: " in printed
