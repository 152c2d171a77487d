"""The relevant part of a scenario: run alone, it gives exactly the same date."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import load_scenario
from simulations.planning.relevant import relevant_states, what_matters
from simulations.running.options import ReplicationOptions
from simulations.running.replicating import course_of, replicate
from simulations.scenarios.scenario import Scenario
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import Mapping, desks, loaded, run, scenarios
from workflow.files.format import MeasureEntry


def _first_come_backlog() -> Scenario:
    """Return `nationwide` with its backlog alone, read in the order of the queue."""
    content = {key: value for key, value in load_scenario("nationwide").plain().items() if key not in ("arrivals", "uncertain")}
    content["pools"]["reviewers"]["order"] = "first_come"
    return load_scenario(content)


def _when_empty(scenario: Scenario, state: str) -> Scenario:
    """Return a scenario with one measure: the date on which a state was emptied."""
    measure = MeasureEntry(measure="emptied", emptied=state)
    return replace(scenario, workflow=replace(scenario.workflow, measures=(measure,)))


def _same_dates(mapping: Mapping, seed: int) -> None:
    scenario = loaded(mapping)
    log = run(scenario, seed)
    for state in scenario.workflow.states:
        asked = _when_empty(scenario, state)
        whole = replace(log, cases=replace(log.cases, scenario=asked))
        for court in ("all", *scenario.courts):
            alone = run(what_matters(asked, "emptied", court), seed)
            assert course_of(alone, court).dates == course_of(whole, court).dates


@settings(max_examples=12, deadline=None)
@given(scenarios() | pressed(scenarios()), st.integers(0, 99))
def test_dates_of_random_scenarios_are_those_of_their_relevant_part(scenario: Mapping, seed: int) -> None:
    """The dates are equal for every state of the workflow and every court."""
    _same_dates(scenario, seed)


@settings(max_examples=12, deadline=None)
@given(desks(), st.integers(0, 99))
def test_dates_of_random_desks_are_those_of_their_relevant_part(scenario: Mapping, seed: int) -> None:
    """The scenario has one pool with any shifts, slots, suspensions and orders."""
    _same_dates(scenario, seed)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(scenarios() | pressed(scenarios()), st.integers(0, 99))
def test_dates_of_many_random_scenarios_are_those_of_their_relevant_part(scenario: Mapping, seed: int) -> None:
    """The dates are equal for 1,500 scenarios."""
    _same_dates(scenario, seed)


def test_the_end_of_a_first_come_review_depends_on_the_review_alone() -> None:
    """Of the backlog of `nationwide`, read in the order of the queue, only the facts that determine lengths matter.

    In `pilot` the oldest cases come first, and some come back.
    """
    nationwide = _first_come_backlog()
    assert relevant_states(nationwide, "pending") == {"pending"}
    part = what_matters(nationwide, "review_finished")
    assert set(part.pools) == {"reviewers"}
    assert not part.streams
    assert len(part.people) < 3
    assert relevant_states(load_scenario("pilot"), "pending") > {"pending", "docket", "closed", "adjourned"}


@pytest.mark.slow
def test_the_end_of_the_national_review_is_the_same_without_the_rest_of_the_scenario() -> None:
    """Two facts instead of 27."""
    nationwide = _first_come_backlog()
    for court in ("all", "denver", "guam"):
        options = ReplicationOptions(seed=4, engine="compiled")
        (whole,) = replicate(nationwide, [2], options, court)
        (alone,) = replicate(what_matters(nationwide, "review_finished", court), [2], options, court)
        assert alone.dates["review_finished"] == whole.dates["review_finished"] is not None
