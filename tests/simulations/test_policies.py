"""Policies that change in the middle of a run: which policy decides which case, calculated by hand.

Times are hours since Monday 2024-01-01 00:00; the second policy is in force from 2024-01-02, hour 24.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulations import load_scenario, run
from simulations.log.eventlog import EventLog
from simulations.measuring.measures import measure
from tests.simulations.fixed_draws import HOUR, FixedDraws, planned, play, story
from workflow.errors import InputError, StuckCase

MILD = """
workflow: mild
facts: {points: {type: integer, minimum: 0, maximum: 9}}
record: {marked: {type: boolean}}
activities: {judge: {}}
states:
  docket: {activity: judge}
  pardoned: {resting: true}
  sentenced: {final: true}
transitions:
  - {transition: pardon, from: docket, to: pardoned, when: points < 5}
  - {transition: sentence, from: docket, to: sentenced}
  - {transition: revoke, from: pardoned, event: crime, when: points > 3, to: docket}
entry: {states: [docket]}
events: {crime: {while: [docket, pardoned], set: {marked: true}}}
rules:
  - {rule: nobody with many points is pardoned, never: pardon, if: points > 7}
  - {rule: nobody with some points is pardoned, never: pardon, if: points > 3}
"""
STRICT = """
workflow: strict
extends: flow.yaml
transitions:
  - {transition: pardon, from: docket, to: pardoned, when: points < 2, set: {marked: true}}
  - {transition: banish, after: pardon, from: docket, to: sentenced, when: points > 8}
  - {transition: revoke, from: pardoned, event: crime, to: docket}
remove: [nobody with some points is pardoned]
"""
FRAME = """
starts: 2024-01-01
ends: 2024-01-04
policies: [{from: 2024-01-02, workflow: strict.yaml, in_flight: IN_FLIGHT}]
arrivals: {later: {at: LATER, people: {points: POINTS}}}
courts: {desk: {backlog: {docket: {count: COUNT, people: {points: POINTS}}}}}
activities: {judge: {takes: GIVEN}}
"""


def _scenario(in_flight: str = "at_next_decision", points: int = 4, count: int = 2, later: str = "[]") -> str:
    return (
        FRAME.replace("IN_FLIGHT", in_flight)
        .replace("POINTS", f"{{{points}: 1}}")
        .replace("COUNT", str(count))
        .replace("LATER", later)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the stricter policy."""
    (tmp_path / "strict.yaml").write_text(STRICT, encoding="utf-8")
    return tmp_path


def _play(folder: Path, scenario: str, hours: Any, **more: Any) -> EventLog:
    return play(folder, MILD, scenario, FixedDraws({"activity:judge": hours}), **more)


def test_a_case_decided_before_the_date_and_one_decided_at_its_first_instant(folder: Path) -> None:
    """Four points: pardoned at hour 23 under the mild policy, sentenced at hour 24 under the strict one."""
    assert story(_play(folder, _scenario(), {0: 23, 1: 24})) == [(23, 0, "pardon"), (24, 1, "sentence")]


def test_a_pinned_policy_decides_only_cases_that_arrive_from_its_date_on(folder: Path) -> None:
    """The same two are both pardoned; of those that arrive at hours 23 and 24 only the second is sentenced."""
    log = _play(folder, _scenario("pinned", later="[23 hours, 24 hours]"), {0: 23, 1: 24})
    assert story(log) == [(23, 0, "pardon"), (24, 1, "pardon"), (24, 2, "pardon"), (25, 3, "sentence")]


LAST = (24 * HOUR - 1) / HOUR
"""The last microsecond before the date, in hours."""


@pytest.mark.parametrize(
    ("in_flight", "seconds", "expected"),
    [
        ("at_next_decision", (82799.999999, 82800), [(LAST, 0, "pardon"), (24, 1, "sentence")]),
        ("pinned", (82800, 86399.999999, 86400), [(24, 0, "pardon"), (LAST + 1, 1, "pardon"), (25, 2, "sentence")]),
    ],
)
def test_a_policy_is_in_force_to_the_microsecond(
    folder: Path, in_flight: str, seconds: tuple[float, ...], expected: list[tuple[float, int, str]]
) -> None:
    """Each decided an hour after it arrives: at 23:59:59.999999 the mild policy decides, at 00:00 the strict one; pinned, it is the arrival that counts."""
    later = str([f"{s} seconds" for s in seconds])
    log = _play(folder, _scenario(in_flight, count=0, later=later), {})
    assert story(log) == expected


def test_what_a_policy_writes_and_when_an_event_moves_a_case_changes_with_it(folder: Path) -> None:
    """One point, pardoned at 1 and 30: only the second pardon marks the case; a crime then revokes both, as only the strict policy would."""
    scenario = _scenario(points=1) + "events: {crime: {at: [20 hours, 40 hours]}}\n"
    log = _play(folder, scenario, {0: [1, 9], 1: [30, 9]})
    assert story(log) == [
        (1, 0, "pardon"),
        (20, 0, "crime"),
        (20, 1, "crime"),
        (30, 1, "pardon"),
        (40, 0, "revoke"),
        (40, 1, "revoke"),
        (49, 0, "pardon"),
        (49, 1, "pardon"),
    ]


def test_a_transition_that_only_a_later_policy_has_is_in_the_log(folder: Path) -> None:
    """Nine points: sentenced before, banished after."""
    assert story(_play(folder, _scenario(points=9), {0: 23, 1: 25})) == [(23, 0, "sentence"), (25, 1, "banish")]


def test_the_first_instant_of_a_policy_that_was_in_force_before_the_start_is_the_start(folder: Path) -> None:
    """A policy of last year decides everything."""
    scenario = _scenario().replace("from: 2024-01-02", "from: 2023-06-01")
    assert story(_play(folder, scenario, {0: 0, 1: 24})) == [(0, 0, "sentence"), (24, 1, "sentence")]


def test_rules_are_watched_that_every_policy_has(folder: Path) -> None:
    """Four points are pardoned under the mild policy; the rule against it is one that the strict policy has dropped."""
    planned(folder, MILD, _scenario(), FixedDraws())
    result = run(folder / "given.yaml", out=folder / "watched", monitor="stop")
    assert result.violations == {"nobody with many points is pardoned": 0}
    assert (folder / "watched" / "policy-1.yaml").read_text(encoding="utf-8").startswith("workflow: strict")


def test_measures_count_by_name_whatever_policy_decided(folder: Path) -> None:
    """Two cases sentenced, one before and one after the date."""
    log = _play(folder, _scenario(points=6), {0: 23, 1: 25})
    pending = [v.value for v in measure(log) if v.measure == "pending" and v.court == "desk"]
    assert pending[-1] == 0


def test_a_case_that_gets_stuck_under_a_later_policy_is_reported_before_the_run(folder: Path) -> None:
    """The strict policy without its last transition."""
    (folder / "strict.yaml").write_text(STRICT.replace("remove: [", "remove: [sentence, "), encoding="utf-8")
    with pytest.raises(StuckCase, match=r"can get stuck in the state 'docket'.*points = 4"):
        planned(folder, MILD, _scenario(), FixedDraws())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("{resting: true}", "{final: true}"), r"given.yaml:\d+:\d+: .*differ in their states: pardoned"),
        (("maximum: 9", "maximum: 8"), "differ in their facts: points"),
        (("judge: {}", "judge: {}, rest: {}"), "differ in their activities: rest"),
    ],
)
def test_a_policy_must_fit_the_cases_that_it_takes_over(folder: Path, change: tuple[str, str], message: str) -> None:
    """States, facts and activities are the same, or the scenario is refused with what differs."""
    other = MILD.replace("workflow: mild", "workflow: other").replace(*change)
    if "rest" in message:
        other = (
            other.replace("docket: {activity: judge}", "docket: {activity: judge}\n  nap: {activity: rest}")
            .replace("transitions:", "transitions:\n  - {transition: wake, from: nap, to: sentenced}")
            .replace("states: [docket]", "states: [docket, nap]")
        )
    if "final" in change[1]:
        other = other.replace(
            "  - {transition: revoke, from: pardoned, event: crime, when: points > 3, to: docket}\n", ""
        ).replace("while: [docket, pardoned]", "while: [docket]")
    (folder / "strict.yaml").write_text(other, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        planned(folder, MILD, _scenario(), FixedDraws())


def test_policies_follow_one_another(folder: Path) -> None:
    """A date that does not is refused at its place."""
    scenario = _scenario().replace("policies: [", "policies: [{from: 2024-01-02, workflow: strict.yaml}, ")
    with pytest.raises(InputError, match=r"given.yaml:6:\d+: policies: from: 2024-01-02 is not after 2024-01-02"):
        planned(folder, MILD, scenario, FixedDraws())
    assert load_scenario("pilot").policies == ()
