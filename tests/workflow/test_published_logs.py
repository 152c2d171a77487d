"""Logs in the shape in which building permits, traffic fines and hospital bills are published, audited with the proposed mapping."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli.commands import app
from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.auditing.mapping import LogMapping, load_mapping
from workflow.auditing.proposal import propose

PUBLISHED = Path(__file__).parents[1] / "logs" / "published"


def _proposed(log: Path, folder: Path) -> tuple[str, LogMapping]:
    workflow = load_workflow(str(log.with_suffix(".yaml")))
    file = folder / "mapping.yaml"
    proposal = propose(log, workflow, LogMapping())
    file.write_text(proposal.text, encoding="utf-8")
    assert not proposal.missing
    return proposal.text, load_mapping(file, workflow)


@pytest.mark.parametrize(
    ("name", "proposed", "verdicts", "moves"),
    [
        # The request of 4 November is decided nine weeks later, and published on a Sunday, within two working days. The case of
        # 1 March has no receipt, its decision is not published yet, and nothing says whether it was complete.
        (
            "building.csv",
            ['activity: "Activity"  # such as 01_HOOFD_010, 01_HOOFD_020, 01_HOOFD_480; or: "activityNameEN"',
             'complete: "(case) requestComplete"', 'procedure: "(case) caseProcedure"'],
            [("broken", ["2457683"]), ("open", []), ("kept", [])],
            (1, 1),
        ),
        # The amount changes when the penalty is added, so that it is no fact.
        (
            "fines.xes",
            ['amount: null  # the column "amount" changes within case A100: 35.0, 71.5', 'penalty_added: ["Add penalty"]',
             'appeal: ["Insert Date Appeal to Prefecture"]'],
            [("broken", ["A1", "A100", "A10000"]), ("kept", []), ("kept", []), ("broken", ["A100"])],
            (0, 0),
        ),
        # The column "state" has other states than the workflow; the bill of Tuesday follows the release of Monday.
        (
            "billing.csv",
            ['time: "completeTime"', 'started_at: "startTime"', "state: null  # row 2, column 'state': 'In progress' is not one of"],
            [("open", []), ("kept", []), ("kept", []), ("kept", [])],
            (0, 0),
        ),
    ],
)  # fmt: skip
def test_the_proposed_mapping_needs_no_edit(
    name: str, proposed: list[str], verdicts: list[tuple[str, list[str]]], moves: tuple[int, int], tmp_path: Path
) -> None:
    """Each rule is judged, and the proposal says what it has left out and why."""
    text, mapping = _proposed(PUBLISHED / name, tmp_path)
    assert [line for line in proposed if line not in text] == []
    report = audit(read_log(PUBLISHED / name, load_workflow(str((PUBLISHED / name).with_suffix(".yaml"))), mapping))
    assert [(rule.verdict, [str(report.log.names[c]) for c in rule.cases]) for rule in report.rules] == verdicts
    assert (len(report.not_allowed), len(report.moves_unjudged)) == moves


def test_a_column_of_another_meaning_can_be_left_unread(tmp_path: Path) -> None:
    """The message names the option; with it, the rules are judged."""
    command = ["audit", str(PUBLISHED / "billing.csv"), "--workflow", str(PUBLISHED / "billing.yaml")]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    assert "if the log means something else by this name, --map state= reads no column for it" in refused.output
    renamed = ["--name", "code_ok=CODE OK", "--name", "change_diagnosis=CHANGE DIAGN"]
    steps = ["--name", "new=NEW", "--name", "release=RELEASE", "--name", "delete=DELETE"]
    result = CliRunner().invoke(app, [*command, "--map", "state=", *renamed, *steps])
    assert result.exit_code == 0
    assert "no move that the workflow does not allow" in result.output


def test_a_log_needs_a_column_for_its_times() -> None:
    """It cannot be left unread."""
    command = ["audit", str(PUBLISHED / "billing.csv"), "--workflow", str(PUBLISHED / "billing.yaml"), "--map", "time="]
    assert "--map time: every log needs a column for it" in CliRunner().invoke(app, command).output
