"""A workflow discovered in a log: its states, moves, facts and guards, and what the audit of the log by it finds."""

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulations.cli.commands import app
from simulations.fitting.discovery import Discovery, discover
from tests.simulations import published_shapes
from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.auditing.mapping import LogMapping, load_mapping
from workflow.auditing.report import AuditReport
from workflow.errors import InputError
from workflow.model.definition import StateKind, Workflow

HEAD = "case,activity,time"


def _log(folder: Path, rows: list[str], head: str = HEAD) -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def _audited(log: Path, found: Discovery, folder: Path) -> AuditReport:
    workflow = load_workflow(found.text)
    mapping = folder / "m.yaml"
    mapping.write_text(found.mapping, encoding="utf-8")
    return audit(read_log(log, workflow, load_mapping(mapping, workflow)))


def _kinds(workflow: Workflow) -> dict[str, str]:
    return {name: state.kind.value for name, state in workflow.states.items()}


def _many(n: int, *steps: tuple[str, int]) -> list[str]:
    """Return rows of cases that make the same steps, after so many days each."""
    rows = []
    for case in range(n):
        day = case
        for step, days in steps:
            day += days
            rows.append(f"{steps[-1][0]}{case},{step},{np.datetime64('2024-01-01') + day}")
    return rows


def test_a_state_is_what_the_last_move_has_left_open(tmp_path: Path) -> None:
    """The first move is made at once, a state without a further move is final, and the log audits clean."""
    log = _log(
        tmp_path, _many(30, ("file", 0), ("review", 5), ("grant", 9)) + _many(20, ("file", 0), ("review", 5), ("refuse", 9))
    )
    found = discover(log)
    workflow = load_workflow(found.text)
    assert _kinds(workflow) == {
        "begin": "instant", "after_file": "activity", "after_review": "activity", "after_grant": "final", "after_refuse": "final",
    }  # fmt: skip
    report = _audited(log, found, tmp_path)
    assert (len(report.not_allowed), len(report.moves_unjudged)) == (0, 0)


def test_the_rarest_moves_are_set_aside_up_to_the_cover(tmp_path: Path) -> None:
    """Two of a hundred cases may go; a third kind of rare case would be too many."""
    rows = _many(97, ("file", 0), ("grant", 5)) + _many(2, ("file", 0), ("lose", 3)) + _many(1, ("file", 0), ("burn", 3))
    found = discover(_log(tmp_path, rows))
    assert found.aside == (("file", "burn", 1),)
    assert found.n_kept == 99
    wider = discover(_log(tmp_path, rows), cover=0.97)
    assert [(move, n) for _, move, n in wider.aside] == [("lose", 2), ("burn", 1)]
    report = _audited(tmp_path / "log.csv", wider, tmp_path)
    assert len(report.not_allowed) == 3


def test_states_with_the_same_future_are_one(tmp_path: Path) -> None:
    """After either kind of request the review takes as long; after a complaint it takes much longer."""
    rows = []
    for name, days in (("request_online", 5), ("request_by_post", 5), ("complain", 50)):
        rows += [row.replace("decide", f"{name}-", 1) for row in _many(60, (name, 0), ("decide", days))]
    found = discover(_log(tmp_path, rows))
    assert {"after_complain", "after_decide"} < load_workflow(found.text).states.keys()
    assert sum(name.endswith("_and_others") for name in load_workflow(found.text).states) == 1


def test_a_move_counts_for_all_that_lead_to_its_state_before_rare_ones_are_set_aside(tmp_path: Path) -> None:
    """One case in a hundred is refused after a remand; a state like that after filing has a fifth refused, so it is not set aside."""
    rng, rows = np.random.default_rng(3), []
    for case in range(500):
        steps = ["file", *(["remand"] if case % 20 == 0 else []), "refuse" if case // 20 % 5 == case % 5 else "grant"]
        at = np.datetime64("2024-01-01") + case
        for step in steps:
            rows.append(f"{case},{step},{at}")
            at += int(rng.integers(5, 15))
    found = discover(_log(tmp_path, rows))
    assert found.aside == ()
    workflow = load_workflow(found.text)
    assert {t.name: t.sources for t in workflow.transitions}["refuse"] == ("after_file_and_others",)
    assert "after_remand" not in workflow.states


def test_a_state_in_which_cases_stay_for_good_rests(tmp_path: Path) -> None:
    """Every fourth decided case is reopened within days, the others never; reopening is an event."""
    rows = []
    for case in range(200):
        day = np.datetime64("2024-01-01") + case
        rows.append(f"{case},decide,{day}")
        if case % 4 == 0:
            rows += [f"{case},reopen,{day + 5}", f"{case},close,{day + 9}"]
    found = discover(_log(tmp_path, rows))
    workflow = load_workflow(found.text)
    assert workflow.states["after_decide"].kind is StateKind.RESTING
    assert workflow.events.keys() == {"reopen_event"}


def test_work_of_which_a_share_never_ends_has_a_final_state_of_its_own(tmp_path: Path) -> None:
    """A payment ends a fine at any time; after the penalty many are never paid, which is no event elsewhere."""
    log = published_shapes.fines(tmp_path / "fines.csv", 700)
    found = discover(log)
    workflow = load_workflow(found.text)
    assert workflow.states["stayed_after_add_penalty"].kind is StateKind.FINAL
    report = _audited(log, found, tmp_path)
    assert {report.log.unknown_names[i] for i in report.not_allowed.tolist()} == {"Appeal to Judge"}
    assert len(report.moves_unjudged) == 0


def test_attributes_become_facts_of_their_type(tmp_path: Path) -> None:
    """What changes within a case, is the same everywhere or is free text is left out with its reason."""
    rows = [
        f"{c},{a},2024-01-0{d},{c % 2},{20 + c % 7},{'ab'[c % 2]},x,{d},text {c},2023-0{1 + c % 9}-01"
        for c in range(50)
        for a, d in (("file", 1), ("close", 5))
    ]
    found = discover(_log(tmp_path, rows, f"{HEAD},minor,case:age,kind of case,country,pages,remark,born"))
    facts = load_workflow(found.text).facts
    assert {name: field.kind for name, field in facts.items()} == {
        "minor": "boolean",
        "age": "integer",
        "kind_of_case": "enum",
        "born": "date",
    }
    assert dict(found.left_out) == {
        "country": "the same in all cases",
        "pages": "changes within a case",
        "remark": "text with 50 values",
    }


def test_guards_are_proposed_from_the_facts_with_their_error(tmp_path: Path) -> None:
    """Whoever is under 18 is refused: the guard is used, because it is never wrong, and the log audits clean with it."""
    rows = [
        f"{c},{a},2024-01-0{d},{5 + c % 40}"
        for c in range(200)
        for a, d in (("file", 1), ("refuse" if 5 + c % 40 < 18 else "grant", 5))
    ]
    log = _log(tmp_path, rows, f"{HEAD},age")
    found = discover(log)
    workflow = load_workflow(found.text)
    assert [(state, guards.error, used) for state, guards, used in found.guards] == [("after_file", 0.0, True)]
    assert "to: after_refuse, when: age <= 17, " in found.text
    assert "next_move" not in workflow.record
    report = _audited(log, found, tmp_path)
    assert (len(report.not_allowed), len(report.moves_unjudged)) == (0, 0)


def test_guards_that_are_often_wrong_stay_in_comments(tmp_path: Path) -> None:
    """One in ten is decided otherwise: the comment has the condition and its error, and chance decides."""
    rng = np.random.default_rng(4)
    rows = []
    for case in range(400):
        age = int(rng.integers(5, 45))
        decided = "refuse" if (age < 18) != (rng.random() < 0.1) else "grant"
        rows += [f"{case},file,2024-01-01,{age}", f"{case},{decided},2024-01-05,{age}"]
    found = discover(_log(tmp_path, rows, f"{HEAD},age"))
    ((state, guards, used),) = found.guards
    assert (state, used) == ("after_file", False)
    assert 0.05 < guards.error < 0.15
    assert re.search(r"refuse.*# .*proposed in after_file when age <= 17 \(error \d+\.\d%, \d+\.\d% without it", found.text)
    assert load_workflow(found.text).record.keys() == {"next_move", "carried_over"}


def test_starts_tell_work_from_events(tmp_path: Path) -> None:
    """A withdrawal has no start where a review has one, so that it is an event."""
    rows = []
    for case in range(120):
        day = np.datetime64("2024-01-01T09:00") + np.timedelta64(case, "D")
        rows.append(f"{case},file,,{day}")
        if case % 6:
            rows.append(f"{case},review,{day + np.timedelta64(100, 'm')},{day + np.timedelta64(160, 'm')}")
        else:
            rows.append(f"{case},withdraw,,{day + np.timedelta64(50, 'm')}")
    found = discover(_log(tmp_path, rows, "case,activity,start time,time"))
    assert load_workflow(found.text).events.keys() == {"withdraw_event"}


def test_the_states_of_a_log_are_taken_over(tmp_path: Path) -> None:
    """A column of states names them; a move that stays where it is happens upon an event."""
    rows = []
    for case in range(60):
        day = np.datetime64("2024-01-01") + case
        rows += [f"{case},waiting,remind,{day + 3}"] * (case % 2) + [f"{case},waiting,grant,{day + 9}"]
    found = discover(_log(tmp_path, rows, "case,state,activity,time"))
    workflow = load_workflow(found.text)
    assert workflow.states["waiting"].kind is StateKind.ACTIVITY
    assert {t.name: t.target for t in workflow.transitions} == {"grant": "after_grant", "remind": None}


@pytest.mark.parametrize("shape", ["fines", "permits", "hospital"])
def test_published_shapes_from_file_to_audit(shape: str, tmp_path: Path) -> None:
    """Discover, draw, prove and audit a log as a new user would: the printed commands work as they stand."""
    log = getattr(published_shapes, shape)(tmp_path / f"{shape}.csv", 400 if shape != "hospital" else 60)
    out = tmp_path / "w.yaml"
    result = CliRunner().invoke(app, ["discover", str(log), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert CliRunner().invoke(app, ["draw", str(out), "--out", str(tmp_path / "w.svg")]).exit_code == 0
    assert CliRunner().invoke(app, ["prove", str(out)]).exit_code == 0
    next_ = result.output.splitlines()[-1].split()
    assert next_[:3] == ["next:", "docketsim", "audit"]
    audited = CliRunner().invoke(app, next_[2:])
    assert audited.exit_code == (1 if shape == "fines" else 0), audited.output


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1,file,2024-01-01", "1,grant,2024-01-05"], "has only 1 case; at least 2 are needed to estimate anything from it"),
        ([",,"], "has no usable row: no row has a case, an activity and a time"),
        (["1,file,tomorrow"], "row 2, column 'time': 'tomorrow' is not a time"),
        (["1,file,"], "row 2, column 'time': is empty; every row needs a time"),
    ],
)
def test_a_log_that_cannot_be_used_leaves_nothing_behind(rows: list[str], message: str, tmp_path: Path) -> None:
    """The message names the file and the row, and neither the workflow nor the mapping is written."""
    log = _log(tmp_path, rows)
    result = CliRunner().invoke(app, ["discover", str(log), "--out", str(tmp_path / "w.yaml")])
    assert result.exit_code == 2
    assert message in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_a_missing_column_and_a_wrong_cover_are_named(tmp_path: Path) -> None:
    """The message lists the columns of the file."""
    log = _log(tmp_path, ["1,file,2024-01-01"], "number,step,day")
    with pytest.raises(InputError, match="has no column for the case; give --map case=COLUMN; its columns: number, step, day"):
        discover(log)
    with pytest.raises(InputError, match="--cover 2: must be above 0 and at most 1"):
        discover(log, cover=2)
    mapped = discover(
        _log(tmp_path, _many(3, ("file", 0), ("grant", 4)), "number,step,day"),
        LogMapping({"case": "number", "activity": "step", "time": "day"}),
    )
    assert [move.name for move in mapped.moves] == ["grant", "file"]


def test_files_are_never_replaced(tmp_path: Path) -> None:
    """A workflow that a person has edited stays."""
    log = _log(tmp_path, _many(3, ("file", 0), ("grant", 4)))
    (tmp_path / "w.yaml").write_text("mine")
    result = CliRunner().invoke(app, ["discover", str(log), "--out", str(tmp_path / "w.yaml")])
    assert result.exit_code == 2
    assert "w.yaml: exists already; give another --out, or remove it" in result.output
    assert (tmp_path / "w.yaml").read_text() == "mine"


def test_names_with_control_characters_are_refused_with_their_row(tmp_path: Path) -> None:
    """A workflow file cannot have them, so the message names the place in the log; values of facts are left out."""
    log = _log(tmp_path, ["a,\x1b[31mx,2024-01-01", "a,y,2024-01-02", "b,\x1b[31mx,2024-01-01"])
    with pytest.raises(
        InputError, match=r"log.csv: row 2, column 'activity': .*has a control character; remove it \(and in 1 more row\)"
    ):
        discover(log)
    rows = [f"{case},x,2024-01-0{k},{kind}" for k, (case, kind) in enumerate(zip("abcdef", ["p\x07", "q"] * 3, strict=True), 1)]
    assert ("kind", "its values have control characters") in discover(_log(tmp_path, rows, f"{HEAD},kind")).left_out
