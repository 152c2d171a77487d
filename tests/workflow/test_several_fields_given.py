"""Activities and events that give several fields of the record, and workflows that are found by name."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import pytest

from workflow import InputError, load_workflow
from workflow.drawing.mermaid import mermaid
from workflow.loading.rule_files import load_rules

OFFICE = Path(__file__).parents[1] / "permit_office"


def test_the_permit_office_is_proved_with_its_files_as_they_are() -> None:
    """The first four rules hold for every case; the last needs a clock."""
    pytest.importorskip("z3")
    from workflow.proving.prove import prove

    workflow, rules = load_rules(OFFICE / "permit_office.rules.yaml")
    verdicts = prove(workflow, rules).verdicts
    assert [v.decision for v in verdicts] == ["proved"] * 4 + ["monitored"]


def test_the_permit_office_can_be_drawn() -> None:
    """Both decisions on an examination are arrows of the map."""
    assert "filed --> decided: grant<br>refuse" in mermaid(load_workflow(OFFICE / "permit_office.yaml"))


def test_an_activity_gives_every_combination_of_the_values_of_its_fields() -> None:
    """The first field of the file varies slowest, and logs name the fields."""
    examine = load_workflow(OFFICE / "permit_office.yaml").activities["examine"]
    assert [examine.label(outcome) for outcome in examine.outcomes] == [
        "papers = complete, result = granted",
        "papers = complete, result = refused",
        "papers = missing, result = granted",
        "papers = missing, result = refused",
    ]


def test_a_counterexample_says_what_each_field_was_given() -> None:
    """In the text of the history, and by field in JSON."""
    pytest.importorskip("z3")
    from workflow.proving.prove import prove

    rules = {"workflow": str(OFFICE / "permit_office.yaml"), "rules": [{"rule": "none is granted", "never": "grant"}]}
    workflow, loaded = load_rules(rules)
    proof = prove(workflow, loaded)
    assert "     1. grant (papers = complete, result = granted): filed -> decided" in "\n".join(proof.render())
    (step,) = proof.json()["rules"][0]["history"]["steps"]
    assert step["given"] == {"papers": "complete", "result": "granted"}


def test_two_workflows_that_give_their_fields_in_another_order_decide_alike() -> None:
    """The given values count, not their order in the file."""
    pytest.importorskip("z3")
    from workflow.proving.difference import diff

    one = load_workflow(OFFICE / "permit_office.yaml")
    plain = one.plain()
    gives = plain["activities"]["examine"]["gives"]
    plain["activities"]["examine"]["gives"] = {"result": gives["result"], "papers": gives["papers"]}
    assert diff(one, load_workflow(plain)).regions == ()


def test_more_outcomes_than_a_log_can_write_are_refused() -> None:
    """Three fields with 101 values each have more than a million combinations."""
    plain = load_workflow(OFFICE / "permit_office.yaml").plain()
    fields = ("one", "two", "three")
    plain["record"] |= {name: {"type": "integer", "minimum": 0, "maximum": 100} for name in fields}
    plain["activities"]["examine"]["gives"] |= {name: list(range(101)) for name in fields}
    with pytest.raises(InputError, match="its values have 4,121,204 combinations; a workflow has at most 30,000"):
        load_workflow(plain)


def test_an_activity_and_an_event_of_one_name_may_not_give_the_same_further_field() -> None:
    """Both would draw it for the same purpose."""
    plain = load_workflow(OFFICE / "permit_office.yaml").plain()
    plain["events"]["examine"] = {"while": ["incomplete"], "gives": plain["activities"]["examine"]["gives"]}
    with pytest.raises(InputError, match="event 'examine': gives: an activity of this name gives result, too"):
        load_workflow(plain)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the workflow, its rules and its scenario."""
    for path in OFFICE.glob("*.yaml"):
        copy(path, tmp_path)
    return tmp_path


def test_rules_find_the_workflow_that_they_name_beside_them(folder: Path) -> None:
    """Whatever its file is called; scenarios and rules that name it are no workflows."""
    (folder / "permit_office.yaml").rename(folder / "the_office.yml")
    assert load_rules(folder / "permit_office.rules.yaml")[0].name == "permit-office"


def test_a_name_of_two_workflows_is_refused_with_both_files(folder: Path) -> None:
    """The name alone does not say which is meant."""
    copy(folder / "permit_office.yaml", folder / "copy.yaml")
    with pytest.raises(InputError, match=r"'permit-office' is in several files of .*: copy\.yaml, permit_office\.yaml"):
        load_rules(folder / "permit_office.rules.yaml")


def test_a_name_of_no_workflow_is_refused_with_the_folder_and_the_nearest_name(folder: Path) -> None:
    """The message says where it looked."""
    with pytest.raises(InputError) as caught:
        load_workflow("permit-ofice", folder)
    assert f"nor the name of a workflow in {folder.resolve()}. Did you mean 'permit-office'?" in str(caught.value)


def test_a_file_that_cannot_be_read_is_named_where_its_workflow_is_missed(folder: Path) -> None:
    """Otherwise the reason why the workflow was not found would be hidden."""
    (folder / "permit_office.yaml").write_text("workflow: permit-office\nstates: {a: [}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a file there could not be read: .*permit_office\.yaml:2"):
        load_rules(folder / "permit_office.rules.yaml")
