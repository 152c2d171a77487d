"""The exports as pm4py reads them: what it discovers is the workflow, and every case replays on it.

pm4py is no part of any lock (its licence is AGPL); `make interop` brings it and runs these tests, which are skipped without it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from simulations import run
from simulations.exporting.exports import export
from tests.petri_net import net_of
from tests.simulations.desk import write_tiny
from tests.simulations.small_pilot import run_small_pilot
from workflow import load_workflow
from workflow.model.definition import Workflow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pm4py = pytest.importorskip("pm4py", reason="pm4py is not installed; make interop brings it")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=["desk", "pilot"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a desk with four moves, and one of a pilot of 300 cases."""
    place = tmp_path_factory.mktemp(request.param)
    if request.param == "pilot":
        return run_small_pilot(place / "run").folder
    return run(write_tiny(place), replications=2, out=place / "run").folder


@pytest.fixture(scope="module")
def log(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Its log, through XES."""
    path = tmp_path_factory.mktemp("logs") / "log.xes"
    export(folder, "xes", path, zone="America/Denver", replications=[1])
    return pm4py.read_xes(str(path), variant="iterparse")  # its own reader, not the one that r4pm brings


@pytest.fixture(scope="module")
def workflow(folder: Path) -> Workflow:
    """What was run."""
    return load_workflow(folder / "workflow.yaml")


def moves(workflow: Workflow) -> set[tuple[str, str]]:
    """Return from which state to which a case can go at once."""
    return {(source, t.target) for t in workflow.transitions for source in t.sources if t.target}


def test_the_states_follow_each_other_as_in_the_workflow(log: Any, folder: Path, workflow: Workflow) -> None:
    """Discovered with states as activities, the graph has no arrow that the workflow lacks; of the desk it has every one."""
    moved = log[log["from_state"] != log["to_state"]]
    graph, first, _ = pm4py.discover_dfg(moved, activity_key="to_state")
    discovered = set(graph) | {(source, target) for source in workflow.entry_states for target in first if (source, target) in moves(workflow)}  # fmt: skip
    assert discovered <= moves(workflow)
    if workflow.name == "desk":
        assert discovered == moves(workflow) == {("queue", "done"), ("queue", "shelf"), ("shelf", "queue")}


def test_transitions_follow_each_other_only_where_states_meet(log: Any, workflow: Workflow) -> None:
    """Each arrow of the directly-follows graph of the log leads from a transition into a state to one out of it."""
    by_name = {t.name: t for t in workflow.transitions}
    graph, _, _ = pm4py.discover_dfg(log[log["concept:name"].isin(by_name)])
    assert len(graph) > 2
    for one, two in graph:
        reached = {by_name[one].target} if by_name[one].target else set(by_name[one].sources)
        assert reached & set(by_name[two].sources), (one, two)


def test_every_case_replays_on_the_workflow(log: Any, workflow: Workflow) -> None:
    """Token replay gives fitness 1.0, and every trace aligns without extra moves. Without one transition, some traces do not."""
    net, start, end = net_of(workflow)
    assert pm4py.fitness_token_based_replay(log, net, start, end)["log_fitness"] == 1.0
    assert pm4py.fitness_alignments(log, net, start, end)["percentage_of_fitting_traces"] == 100.0
    from pm4py.objects.petri_net.utils.petri_utils import remove_transition

    name = log["concept:name"].mode()[0]
    for transition in [t for t in net.transitions if t.label == name]:
        remove_transition(net, transition)
    assert pm4py.fitness_alignments(log, net, start, end)["percentage_of_fitting_traces"] < 100.0


def test_what_the_inductive_miner_discovers_replays_the_log(log: Any) -> None:
    """Its net has the names of the log, and fitness 1.0."""
    net, start, end = pm4py.discover_petri_net_inductive(log)
    assert {t.label for t in net.transitions if t.label} == set(log["concept:name"])
    assert pm4py.fitness_token_based_replay(log, net, start, end)["log_fitness"] == 1.0


def test_the_csv_is_the_same_log(folder: Path, log: Any, tmp_path: Path) -> None:
    """Read as a data frame: the same events of the same cases at the same instants."""
    import pandas as pd

    export(folder, "csv", tmp_path / "log.csv", zone="America/Denver", replications=[1])
    table = pm4py.format_dataframe(pd.read_csv(tmp_path / "log.csv"))
    names = ["case:concept:name", "concept:name", "time:timestamp"]
    ours, theirs = (sorted(map(tuple, one[names].to_numpy().tolist())) for one in (table, log))
    assert ours == theirs
