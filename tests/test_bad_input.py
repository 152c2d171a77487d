"""Invalid workflow, rule and scenario files: all mistakes are reported together with their positions; nothing is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulations import load_scenario
from workflow import load_workflow
from workflow.errors import InputError
from workflow.loading.rule_files import load_rules

BAD = Path(__file__).parent / "bad"
BASE = BAD / "base"
WORKFLOWS = sorted((BAD / "workflows").glob("*.yaml"))
RULES = sorted((BAD / "rules").glob("*.rules.yaml"))
SCENARIOS = sorted((BAD / "scenarios").glob("*.yaml"))
MARK = "# expect: "


def expected(path):
    """Return the expected messages: from the file beside an invalid file, or from its first lines."""
    beside = path.with_suffix(".expected")
    if beside.exists():
        return beside.read_text(encoding="utf-8").splitlines()
    messages = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith(MARK):
            break
        messages.append(line.removeprefix(MARK))
    return messages


def messages_of(error, path):
    """Return the messages of an error, with paths relative to the folder of invalid files."""
    return [str(p).removeprefix(f"{path}:").replace(f"{BAD}{os.sep}", "") for p in error.problems]


def named(path):
    """Return the name of a file as the id of a test."""
    return path.stem


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_a_wrong_workflow_is_refused_with_all_its_mistakes(path):
    """The error has exactly the messages listed in the file, in their order."""
    with pytest.raises(InputError) as caught:
        load_workflow(path)
    assert messages_of(caught.value, path) == expected(path)


@pytest.mark.parametrize("path", RULES, ids=named)
def test_a_wrong_rule_file_is_refused_with_all_its_mistakes(path):
    """The error has exactly the messages listed in the file, in their order."""
    with pytest.raises(InputError) as caught:
        load_rules(path)
    assert messages_of(caught.value, path) == expected(path)


@pytest.mark.parametrize("path", SCENARIOS, ids=named)
def test_a_wrong_scenario_is_refused_with_all_its_mistakes(path):
    """The error has exactly the messages listed in the file, in their order."""
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    assert messages_of(caught.value, path) == expected(path)


def test_every_wrong_file_lists_its_messages():
    """Every invalid file lists at least one message, and there are enough files."""
    assert all(expected(path) for path in (*WORKFLOWS, *RULES, *SCENARIOS))
    assert len(RULES) >= 40
    assert len(WORKFLOWS) + len(SCENARIOS) >= 195


def test_the_files_that_the_wrong_ones_extend_are_valid():
    """The base workflow, rules and scenario load, so every mistake belongs to the invalid file."""
    assert load_workflow(BASE / "permits.yaml").name == "permits"
    assert len(load_rules(BASE / "permits.rules.yaml")[1]) == 9
    assert load_scenario(BASE / "office.yaml").courts == ("north", "south")


def test_messages_name_a_file_as_it_was_given(monkeypatch):
    """A relative path stays relative in the messages."""
    monkeypatch.chdir(BAD)
    with pytest.raises(InputError) as caught:
        load_scenario("scenarios/workflow_wrong.yaml")
    assert {p.position.file for p in caught.value.problems} == {"workflows/wrong_state.yaml"}


# --set -----------------------------------------------------------------------------------------------

CHANGES = {
    "pools.panel.size": "change pools.panel.size: must be path=value, such as pools.reviewers.size.denver=20",
    "=3": "change =3: must be path=value, such as pools.reviewers.size.denver=20",
    "extends=base": "change extends: is read before all changes; name the other scenario itself, and change that",
    "pools.panel.size=2\nends: 2030-01-01": "change pools.panel.size: must be one value, not several lines of keys; write a mapping as {key: value}",
    "pools.pannel.size=2": "change pools.pannel.size: there is no pools.pannel; the keys of pools are: clerks, panel. Did you mean 'panel'?",
    "pool.panel.size=2": "change pool.panel.size: there is no pool; the keys of the scenario are: scenario, workflow, starts, ends, calendars, courts, pools, suspensions, activities, people, arrivals, events, published. Did you mean 'pools'?",
    "pools.panel.siz=2": "change pools.panel.siz: pools.panel: unknown key 'siz'; allowed: title, at, size, calendar, at_shift_end, slots, overbook, order, preempt, queue_limit, together, wait_for. Did you mean 'size'?",
    "pools.clerks.size.nort=2": "change pools.clerks.size.nort: pool 'clerks': size: 'nort' is not a value of court; allowed: north, south, other. Did you mean 'north'?",
    "pools.clerks.size=2": "change pools.clerks.size: is a mapping and cannot become 2; set one of its keys: north, south",
    "pools.clerks=2": "change pools.clerks: is a mapping and cannot become 2; set one of its keys: at, size, calendar",
    "pools.panel.size=two": "change pools.panel.size: pool 'panel': size: must be a whole number of servers, 0 or more, not 'two'",
    "pools.panel.size=": "change pools.panel.size: pools.panel: the key 'size' has no value; give it one, or leave the key out",
    "activities.hearing.takes=2 huors": "change activities.hearing.takes: activity 'hearing': takes: 'huors' in '2 huors' is not a unit of time (units: seconds, minutes, hours, days, weeks, months, years, working days). Did you mean 'hours'?",
    "ends=2023-12-31": "change ends: ends: 2023-12-31 is before the start, 2024-01-01",
    "ends=2024-02-31": "change ends=2024-02-31: 2024-02-31 is not a date: 2024-02 has the days 01 to 29",
    "starts.year=2024": "change starts.year: starts is 2024-01-01, which has no keys",
    "suspensions.1.to=2024-01-31": "change suspensions.1.to: suspensions is a list of 1 entry; give an index from 0 to 0",
    "suspensions.first.to=2024-01-31": "change suspensions.first.to: suspensions is a list of 1 entry; give an index from 0 to 0",
    "activities.hearing.takes={gamma: {mean: 2 hours, cv: 1}": "change activities.hearing.takes={gamma: {mean: 2 hours, cv: 1}: invalid YAML: expected ',' or '}', but got '<stream end>'. Inside { } and [ ] (opened on line 1), quote a string that contains a comma, a bracket or a colon, or close the bracket.",
    "events.tip.hazard={by: vists, other: 1 per year}": "change events.tip.hazard: event 'tip': hazard: by: unknown name 'vists'; known: age, arrived, as_of, counsel, court, eligible, entered, ground",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_wrong_change_is_refused_and_named(change):
    """The message names the path, the value and the nearest match."""
    with pytest.raises(InputError) as caught:
        load_scenario(BASE / "office.yaml", changes=[change])
    assert str(caught.value) == CHANGES[change]


def test_all_wrong_changes_are_reported_together():
    """Two wrong changes give two messages."""
    with pytest.raises(InputError) as caught:
        load_scenario(BASE / "office.yaml", changes=["pools.pannel.size=2", "pools.panel.size=-2", "ends=2024-02-29"])
    assert [str(p).split(":")[0] for p in caught.value.problems] == ["change pools.pannel.size", "change pools.panel.size"]


# the command line ------------------------------------------------------------------------------------


def run_command(folder, *arguments):
    """Run docketsim in its own folder."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", "-m", "simulations.cli", "run", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["many_at_once", "tables", "not_utf8", "workflow_wrong"])
def test_the_command_line_prints_the_mistakes_and_writes_nothing(name, tmp_path):
    """Exit code 2, the messages on standard error, and no run folder."""
    path = BAD / "scenarios" / f"{name}.yaml"
    done = run_command(tmp_path, str(path), "--out", "folder")
    assert done.returncode == 2
    assert done.stdout == ""
    lines = [line.removeprefix(f"{path}:").replace(f"{BAD}{os.sep}", "") for line in done.stderr.splitlines()]
    assert lines == expected(path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_prints_a_wrong_change_and_writes_nothing(tmp_path):
    """Exit code 2, the message on standard error, and no run folder."""
    done = run_command(tmp_path, str(BASE / "office.yaml"), "--set", "pools.clerks.size=2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == CHANGES["pools.clerks.size=2"]
    assert list(tmp_path.iterdir()) == []
