"""Audits of logs whose moves were decided by several policies: a run folder and its exports give the same verdicts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations import run
from simulations.cli.commands import app
from simulations.exporting.exports import export
from tests.simulations.test_policies import MILD, STRICT, _scenario
from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.errors import InputError

RULES = """
rules:
  - {rule: nobody with many points is pardoned, never: pardon, if: points > 7}
  - {rule: nobody with some points is pardoned, never: pardon, if: points > 3}
  - {rule: nobody is marked, never: marked}
  - {rule: only marked cases are sentenced, never: sentence, if: not marked}
"""


@pytest.fixture(scope="module", params=["at_next_decision", "pinned"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of 40 cases with one to nine points, before and after the date of the strict policy."""
    tmp_path = tmp_path_factory.mktemp(request.param)
    mild = MILD[: MILD.index("rules:")] + RULES
    (tmp_path / "flow.yaml").write_text(mild, encoding="utf-8")
    (tmp_path / "strict.yaml").write_text(STRICT.replace("remove: [nobody with some points is pardoned]\n", ""), encoding="utf-8")
    later = str([f"{hour} hours" for hour in range(0, 60, 3)])
    scenario = _scenario(request.param, count=20, later=later).replace(
        "{4: 1}", str({**dict.fromkeys(range(1, 9), 0.11), 9: "rest"})
    )
    text = f"scenario: given\nworkflow: flow.yaml{scenario}events: {{crime: {{after: {{exponential: {{mean: 9 hours}}}}}}}}\n"
    (tmp_path / "given.yaml").write_text(text.replace("GIVEN", "{exponential: {mean: 20 hours}}"), encoding="utf-8")
    run(tmp_path / "given.yaml", seed=3, out=tmp_path / "run")
    for to in ("csv", "xes"):
        export(tmp_path / "run", to, tmp_path / f"log.{to}")
    return tmp_path


def _verdicts(report):
    return {rule.rule.name: dict(zip(map(str, report.log.names), rule.of_cases().tolist(), strict=True)) for rule in report.rules}


def test_each_move_is_judged_by_the_policy_in_force(folder: Path) -> None:
    """Two policies decide; no move is one that they do not allow, and the exports give the verdicts of the run folder."""
    mild, strict = (load_workflow(str(folder / name)) for name in ("flow.yaml", "strict.yaml"))
    of_folder = audit(read_log(folder / "run", mild))
    assert of_folder.log.policies
    assert any("judged by strict" in note for note in of_folder.log.notes)
    assert any(len(rule.cases) for rule in of_folder.rules)
    for name in ("log.csv", "log.xes"):
        report = audit(read_log(folder / name, mild, policies=[strict]))
        assert report.log.notes[-1] == of_folder.log.notes[-1]
        verdicts, right = _verdicts(report), _verdicts(of_folder)
        cases = set(next(iter(verdicts.values())))
        assert verdicts == {rule: {c: v for c, v in of.items() if c in cases} for rule, of in right.items()}
        assert len(report.log) == len(of_folder.log)
        assert not len(report.moves_unjudged)
        assert len(report.not_allowed) == len(of_folder.not_allowed) == 0


def test_a_log_of_the_later_policy_alone_is_judged_by_it(folder: Path) -> None:
    """Cases that met no move of the mild workflow, audited with the mild workflow and the strict policy."""
    mild, strict = (load_workflow(str(folder / name)) for name in ("flow.yaml", "strict.yaml"))
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    others = {row["case:concept:name"] for row in rows if row["policy_in_force"] != "strict"}
    late = [row for row in rows if row["case:concept:name"] not in others]
    with (folder / "late.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(late)
    report = audit(read_log(folder / "late.csv", mild, policies=[strict]))
    assert len(report.log) == len(late) > 0
    assert not len(report.not_allowed)


def test_a_workflow_that_was_never_in_force_judges_the_whole_log(folder: Path) -> None:
    """The mild workflow under another name does not know the strict one's moves: the same ones in the folder and the export."""
    text = (folder / "flow.yaml").read_text(encoding="utf-8").replace("workflow: mild", "workflow: what_if")
    (folder / "other.yaml").write_text(text, encoding="utf-8")
    other = load_workflow(str(folder / "other.yaml"))
    reports = [audit(read_log(folder / name, other)) for name in ("run", "log.xes")]
    found = [sorted((row["case"], row["at"], row["step"]) for row in report.offending()) for report in reports]
    assert found[0] == found[1]
    assert len(reports[0].not_allowed) > 0
    assert _verdicts(reports[0]) == _verdicts(reports[1])


def test_a_policy_that_is_not_given_is_asked_for(folder: Path) -> None:
    """The message has the first row that it decided."""
    mild, strict = (load_workflow(str(folder / name)) for name in ("flow.yaml", "strict.yaml"))
    with pytest.raises(
        InputError, match=r"log.csv: row \d+, column 'policy_in_force': the policy 'strict' was in force; give .* --policy FILE"
    ):
        read_log(folder / "log.csv", mild)
    with pytest.raises(InputError, match="policies: do not apply to a run folder"):
        read_log(folder / "run", mild, policies=[strict])


def test_the_command_takes_policies(folder: Path) -> None:
    """The output says how many rows the policy judges."""
    command = ["audit", str(folder / "log.csv"), "--workflow", str(folder / "flow.yaml")]
    assert CliRunner().invoke(app, command).exit_code == 2
    result = CliRunner().invoke(app, [*command, "--policy", str(folder / "strict.yaml")])
    assert result.exit_code == 1
    assert "rows judged by strict, the policy in force" in result.output
    assert "no move that the workflow does not allow" in result.output


def test_policies_need_a_column(tmp_path: Path) -> None:
    """A log without one cannot say which workflow decided."""
    for name, text in (("flow", MILD), ("strict", STRICT)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    mild, strict = (load_workflow(str(tmp_path / name)) for name in ("flow.yaml", "strict.yaml"))
    (tmp_path / "log.csv").write_text("case,activity,time\n1,pardon,2024-01-01\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"--policy strict: .* does not say which policy was in force"):
        read_log(tmp_path / "log.csv", mild, policies=[strict])


def test_two_workflows_of_one_name_are_refused(tmp_path: Path) -> None:
    """A log could not say which of them was in force."""
    (tmp_path / "flow.yaml").write_text(MILD, encoding="utf-8")
    (tmp_path / "strict.yaml").write_text(STRICT.replace("workflow: strict", "workflow: mild"), encoding="utf-8")
    text = "scenario: given\nworkflow: flow.yaml" + _scenario().replace("GIVEN", "1 hour")
    (tmp_path / "given.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(
        InputError, match=r"given.yaml:\d+:\d+: policies: two different workflows are named 'mild'; give one another"
    ):
        run(tmp_path / "given.yaml", out=tmp_path / "run")


def test_a_policy_that_was_in_force_from_the_start_on(tmp_path: Path) -> None:
    """The mild workflow decides nothing; the export says whose decisions it has, and with the policy no move is wrong."""
    for name, text in (("flow", MILD), ("strict", STRICT)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    text = _scenario(points=1).replace("from: 2024-01-02", "from: 2024-01-01").replace("GIVEN", "3 hours")
    text = f"scenario: given\nworkflow: flow.yaml{text}events: {{crime: {{at: [20 hours, 40 hours]}}}}\n"
    (tmp_path / "given.yaml").write_text(text, encoding="utf-8")
    run(tmp_path / "given.yaml", out=tmp_path / "run")
    export(tmp_path / "run", "csv", tmp_path / "log.csv")
    mild, strict = (load_workflow(str(tmp_path / name)) for name in ("flow.yaml", "strict.yaml"))
    right = audit(read_log(tmp_path / "run", mild))
    given = audit(read_log(tmp_path / "log.csv", mild, policies=[strict]))
    alone = audit(read_log(tmp_path / "log.csv", mild))
    assert [len(report.not_allowed) for report in (right, given, alone)] == [0, 0, 4]
    assert "in force was strict; mild judges all rows in its place, unless --policy FILE gives it" in alone.log.notes
