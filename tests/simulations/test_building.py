"""Scenarios and workflows are built and changed in code, and written as files that load to the same."""

from __future__ import annotations

import datetime as dt
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import Scenario, change_scenario, compare, load_scenario, own_distribution, run, sweep
from simulations.loading import catalog
from simulations.run_folder.manifest import scenario_hash
from tests.examples import examples
from tests.simulations.desk import DESK, TINY, write_tiny
from workflow import InputError, load_rules, load_workflow
from workflow.files.yaml_tree import parse_yaml
from workflow.loading import catalog as workflows


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


# changes ---------------------------------------------------------------------------------------------------


def test_a_changed_scenario_is_that_of_set(tiny: Path) -> None:
    """Values of Python, numpy and YAML are the same; the given scenario stays as it is."""
    scenario = load_scenario(tiny)
    by_text = load_scenario(tiny, ["pools.clerks.size=4", "ends=2024-01-31", "activities.serve.takes.lognormal.mean=6 hours"])
    changes: dict[str, Any] = {
        "pools.clerks.size": np.int64(4),
        "ends": dt.date(2024, 1, 31),
        "activities.serve.takes.lognormal.mean": "6 hours",
    }
    for changed in (scenario.change(changes), change_scenario(scenario, changes), load_scenario(tiny, changes)):
        assert scenario_hash(changed) == scenario_hash(by_text)
    assert scenario.ends == dt.date(2024, 2, 15)
    assert scenario.change({}) is scenario


def test_a_change_reads_no_file_again(tmp_path: Path) -> None:
    """A scenario can be changed after its files are gone: the workflow and a table of cases."""
    path = write_tiny(tmp_path)
    (tmp_path / "old.csv").write_text("state,kind,age\nqueue,odd,40\n", encoding="utf-8")
    path.write_text(TINY.replace("east: {backlog: {queue: 20}}", "east: {backlog: {table: old.csv}}"), encoding="utf-8")
    scenario = load_scenario(path)
    for file in (path, tmp_path / "desk.yaml", tmp_path / "old.csv"):
        file.unlink()
    changed = scenario.change({"pools.clerks.size": 3})
    assert changed.workflow is scenario.workflow
    assert len(changed.backlog[0].table) == 1


def test_all_mistakes_of_changes_come_at_once(tiny: Path) -> None:
    """Each message names the path."""
    with pytest.raises(InputError) as raised:
        load_scenario(tiny).change({"pools.clerk.size": 3, "ends": "soon", "pools.clerks.sizes": 1})
    message = str(raised.value)
    assert "change pools.clerk.size: there is no pools.clerk; the keys of pools are: clerks. Did you mean 'clerks'?" in message
    assert "change ends: must be a date, not 'soon'" in message
    assert "change pools.clerks.sizes: " in message


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("courts", {"denver": {}}, "change courts: replaces the whole entry, without baltimore"),
        ("pools.reviewers", {"size": 4}, None),
        ("activities.background_check.takes", {"constant": "2 hours"}, None),
    ],
)
def test_a_section_that_loses_some_of_its_names_is_told(path: str, value: object, message: str | None) -> None:
    """A whole section is seldom meant. An entry of it is replaced without a word."""
    with warnings.catch_warnings(record=True) as caught, suppress(InputError):  # other entries may need what is gone
        warnings.simplefilter("always")
        load_scenario("pilot").change({path: value})
    assert [str(w.message).partition(";")[0] for w in caught] == ([] if message is None else [message])


def test_a_fixed_length_takes_the_place_of_a_distribution() -> None:
    """As in a file, where a length is a text."""
    pilot = load_scenario("pilot")
    changed = pilot.change({"activities.hearing.takes": "2 hours"})
    assert isinstance(pilot.plain()["activities"]["hearing"]["takes"], dict)
    assert changed.plain()["activities"]["hearing"]["takes"] == "2 hours"


def test_compare_and_sweep_change_a_scenario_that_is_loaded(tiny: Path, tmp_path: Path) -> None:
    """They give what the path of its file gives."""
    scenario = load_scenario(tiny)
    one = compare(scenario, scenario, other_changes=["pools.clerks.size=4"], replications=2, keep="measures", out=tmp_path / "a")
    other = compare(tiny, tiny, other_changes=["pools.clerks.size=4"], replications=2, keep="measures", out=tmp_path / "b")
    assert one.differences == other.differences
    swept = [
        sweep(each, ["pools.clerks.size=1:2:1"], replications=2, out=tmp_path / f"s{k}")
        for k, each in enumerate((scenario, tiny))
    ]
    assert [p.estimates for p in swept[0].points] == [p.estimates for p in swept[1].points]


# mappings and texts -----------------------------------------------------------------------------------------


def test_a_scenario_is_built_from_texts_and_mappings(tiny: Path) -> None:
    """With the workflow at hand, nothing is read from a file."""
    workflow = load_workflow(DESK)
    assert workflow.plain() == load_workflow(parse_yaml(DESK, "desk").plain()).plain()
    text = TINY.replace("workflow: desk.yaml", "workflow: desk")
    mapping = parse_yaml(text, "tiny").plain()
    built = [load_scenario(text, workflow=workflow), load_scenario(mapping, workflow=workflow)]
    without_name = {key: value for key, value in mapping.items() if key != "workflow"}
    built.append(load_scenario(without_name, workflow=workflow))
    assert len({scenario_hash(scenario) for scenario in built}) == 1
    assert built[0].change({"pools.clerks.size": 5}).workflow is workflow
    with pytest.raises(InputError, match="workflow: is 'other', but the given workflow is 'desk'"):
        load_scenario({**mapping, "workflow": "other"}, workflow=workflow)


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("pools", {"clerks": {"at": "court", "size": "many"}}, "<mapping>: pools.clerks.size: "),
        ("arrivals", {"east": {"rate": "3 per dya"}}, "<mapping>: arrivals.east.rate: "),
        ("pols", {}, "<mapping>: pols: "),
    ],
)
def test_a_mistake_in_a_mapping_names_its_path(path: str, value: object, where: str) -> None:
    """As a mistake in a file names its line."""
    mapping = parse_yaml(TINY.replace("desk.yaml", "desk"), "tiny").plain()
    with pytest.raises(InputError) as raised:
        load_scenario({**mapping, path: value}, workflow=load_workflow(DESK))
    assert where in str(raised.value)


def test_a_mistake_in_a_text_names_its_line() -> None:
    """The text has no file name."""
    with pytest.raises(InputError, match=r"<text>:10:\d+: "):
        load_workflow(DESK.replace("activity: serve", "activity: srve").replace("assume: [age < 90]\n", ""))


def test_rules_are_built_from_a_text() -> None:
    """The text names its workflow, or gets it."""
    rules = load_rules("workflow: desk\nrules: [{rule: nobody waits, never: store}]\n", load_workflow(DESK))[1]
    assert [rule.name for rule in rules] == ["nobody waits"]


def test_a_variant_is_built_in_code(tiny: Path) -> None:
    """A mapping and a text may extend a file."""
    variant = load_workflow({"workflow": "later", "extends": str(tiny.parent / "desk.yaml"), "description": "a variant"})
    assert variant.states.keys() == load_workflow(DESK).states.keys()
    longer = load_scenario(f"scenario: longer\nextends: {tiny}\nends: 2024-03-31\n")
    assert longer.ends == dt.date(2024, 3, 31)


# files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*catalog()])
def test_a_built_in_scenario_is_written_and_read(name: str, tmp_path: Path) -> None:
    """The file loads to the same, from another folder."""
    scenario = load_scenario(name)
    (tmp_path / "again.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    assert scenario_hash(load_scenario(tmp_path / "again.yaml")) == scenario_hash(scenario)


@pytest.mark.parametrize("name", [*workflows()])
def test_a_built_in_workflow_is_written_and_read(name: str, tmp_path: Path) -> None:
    """A variant is written whole."""
    workflow = load_workflow(name)
    (tmp_path / "again.yaml").write_text(workflow.to_yaml(), encoding="utf-8")
    assert load_workflow(tmp_path / "again.yaml").plain() == workflow.plain()


def test_a_scenario_beside_its_files_is_written_for_any_folder(tmp_path: Path) -> None:
    """Its workflow and its tables have whole paths."""
    path = write_tiny(tmp_path)
    (tmp_path / "old.csv").write_text("state,kind,age\nqueue,odd,40\n", encoding="utf-8")
    path.write_text(TINY.replace("east: {backlog: {queue: 20}}", "east: {backlog: {table: old.csv}}"), encoding="utf-8")
    scenario = load_scenario(path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/again.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    again = load_scenario(tmp_path / "elsewhere/again.yaml")
    assert again.backlog == scenario.backlog
    assert again.workflow.plain() == scenario.workflow.plain()


def _same(one: Scenario, other: Scenario) -> bool:
    return one.plain() == other.plain() and scenario_hash(one) == scenario_hash(other)


@settings(max_examples=examples(25))
@given(
    size=st.integers(0, 50),
    days=st.integers(0, 400),
    mean=st.floats(0.01, 1e4, allow_nan=False).map(lambda x: f"{x!r} hours"),
    share=st.floats(0, 1),
    text=st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Co", "Cn")), max_size=30),
)
def test_what_is_written_loads_to_the_same(size: int, days: int, mean: str, share: float, text: str) -> None:
    """Whatever its numbers, dates and texts are."""
    workflow = load_workflow(DESK)
    scenario = load_scenario(TINY.replace("desk.yaml", "desk"), workflow=workflow).change(
        {
            "pools.clerks.size": size,
            "ends": dt.date(2024, 1, 1) + dt.timedelta(days=days),
            "activities.serve.takes.lognormal.mean": mean,
            "people.kind.plain": share,
            "description": text,
        }
    )
    assert _same(load_scenario(scenario.to_yaml(), workflow=load_workflow(workflow.to_yaml())), scenario)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entry": {"states": {"queue"}}}, "<mapping>: entry.states: must be a list, not a set."),
        ({"transitions": {"finish": {}}}, "<mapping>: transitions: must be a list, not a mapping with the keys finish."),
        ({"states": 3}, "<mapping>: states: must be a mapping, not 3."),
        ({5: {}}, "<mapping>: 5: must be a string (it is a key), not 5."),
    ],
)
def test_a_mistake_in_a_mapping_is_said_once_and_in_terms_of_python(change: dict[Any, Any], message: str) -> None:
    """Its path is not repeated, and the advice is not about YAML."""
    mapping = {**parse_yaml(DESK, "desk").plain(), **change}
    with pytest.raises(InputError) as raised:
        load_workflow(mapping)
    assert str(raised.value) == message


def test_one_line_of_yaml_is_a_text() -> None:
    """It begins with a key."""
    with pytest.raises(InputError, match="<text>:1:1: the key 'states' is missing"):
        load_workflow("workflow: desk")
    with pytest.raises(InputError, match="<text>:1:1: the key 'starts' is missing"):
        load_scenario("{scenario: desk}")


def test_a_scenario_is_changed_to_another_workflow(tiny: Path) -> None:
    """The method and the function take the same."""
    scenario, other = load_scenario(tiny), load_workflow(DESK.replace("age < 90", "age < 95"))
    changed = scenario.change({}, workflow=other)
    assert changed.workflow is other
    assert changed.plain() == change_scenario(scenario, {}, workflow=other).plain()


def test_rules_for_a_workflow_at_hand_need_not_name_it() -> None:
    """Nor is anything lost of the mistakes inside."""
    desk = load_workflow(DESK)
    _, (rule,) = load_rules("rules:\n  - {rule: nobody leaves, never: finish}\n", workflow=desk)
    assert rule.name == "nobody leaves"
    with pytest.raises(InputError, match="'finsh' is not a transition or an event"):
        load_rules({"rules": [{"rule": "nobody leaves", "never": "finsh"}]}, workflow=desk)
    with pytest.raises(InputError, match="the key 'workflow' is missing"):
        load_rules("rules: [{rule: nobody leaves, never: finish}]")


# distributions of one's own -----------------------------------------------------------------------------------


def test_an_own_distribution_is_drawn_from(tiny: Path, tmp_path: Path) -> None:
    """Its draws have its mean; a run folder has it, and runs again."""

    class TwoLengths:
        def ppf(self, q: float) -> float:
            return 2.0 if q < 0.75 else 10.0

    scenario = load_scenario(tiny).change({"activities.serve.takes": own_distribution(TwoLengths(), "hours", n=8)})
    (choice,) = scenario.work["serve"].takes.leaves()
    assert choice.distribution.mean == pytest.approx(4.0 * 3600e6)
    assert run(scenario, out=tmp_path / "r", engine="simpy", keep="measures").get("processing_time.serve.mean").mean > 0


@pytest.mark.parametrize(
    ("quantile", "message"), [(lambda q: float("inf"), "must be a finite number"), (lambda q: -q, "quantiles do not decrease")]
)
def test_a_function_that_is_no_quantile_function_is_refused(quantile: Any, message: str) -> None:
    """The message has the probability."""
    own = type("Own", (), {"ppf": staticmethod(quantile)})()
    with pytest.raises(InputError, match=message):
        own_distribution(own)
