"""Time limits of rules that are decided under bounds on time: exact cases, and random workflows against a grid of days."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulations.loading import load_scenario
from simulations.scenarios.time_bounds import bounds_of
from tests.workflow.fake_clock import fake_clock
from tests.workflow.timed_grid import Grid, random_timed
from workflow import InputError, load_rules, load_workflow
from workflow.model.definition import Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.model.time_limits import DAY
from workflow.proving.machine_check import UnsoundProof, replay_late
from workflow.proving.proof import Prover
from workflow.proving.prove import prove
from workflow.proving.report import render_verdict
from workflow.proving.verdict import Verdict

pytest.importorskip("z3")


@pytest.fixture(autouse=True, scope="module")
def stopped_clock() -> Iterator[None]:
    """Stop the prover's clock, so that a slow machine leaves no rule undecided."""
    with fake_clock():
        yield


HEARINGS: dict[str, Any] = {
    "workflow": "hearings",
    "record": {"found": {"enum": ["none", "yes", "no"]}, "n": {"type": "integer", "minimum": 0, "maximum": 2}},
    "activities": {"read": {"gives": {"found": ["yes", "no"]}}, "hear": {}},
    "entry": {"states": ["filed"]},
    "states": {
        "filed": {"activity": "read"}, "hearing": {"activity": "hear"}, "asked": {"resting": True}, "gone": {"final": True},
    },
    "transitions": [
        {"transition": "call", "from": "filed", "to": "hearing", "when": 'found == "yes"'},
        {"transition": "drop", "from": "filed", "to": "gone"},
        {"transition": "adjourn", "from": "hearing", "event": "illness", "to": "hearing", "when": "n < 2", "set": {"n": "n + 1"}},
        {"transition": "ask", "from": "hearing", "event": "question", "to": "asked", "when": "n < 2", "set": {"n": "n + 1"}},
        {"transition": "answer", "from": "asked", "event": "reply", "to": "hearing"},
        {"transition": "decide", "from": "hearing", "to": "gone"},
    ],
    "events": {"illness": {"while": ["hearing"]}, "question": {"while": ["hearing"]}, "reply": {"while": ["asked"]}},
}  # fmt: skip
ONCE = [t for t in HEARINGS["transitions"] if t["transition"] not in ("ask", "answer")]
NEVER_ASKED = HEARINGS | {
    "transitions": ONCE,
    "states": {name: state for name, state in HEARINGS["states"].items() if name != "asked"},
    "events": {"illness": {"while": ["hearing"]}},
}
IN_TIME = {"rule": "in time", "after": "call", "then": "decide"}


def decided(content: dict[str, Any], bounds: dict[str, Any], within: str, **keys: Any) -> Verdict:
    """Return the verdict on the rule that a call is followed by a decision within some time."""
    return prove(load_workflow(content | {"bounds": bounds, "rules": [IN_TIME | {"within": within} | keys]})).verdicts[0]


def days_open(verdict: Verdict) -> int:
    """Return for how many days the obligation of a late history is open."""
    assert verdict.history is not None
    times = verdict.history.times
    assert times is not None
    return times.until // DAY - times.steps[times.opened - 1] // DAY


def test_three_hearings_of_sixty_days_take_at_most_180_days() -> None:
    """The limit is proved if it is as long as all stays together, and the longest time is printed."""
    verdict = decided(NEVER_ASKED, {"hearing": "at most 60 days"}, "180 days")
    assert verdict.decision == "proved"
    assert verdict.deadline is not None
    assert verdict.deadline.longest == "180 days"


def test_one_day_less_is_broken_by_the_slowest_history_with_its_dates() -> None:
    """The report shows when each step happens, when the time is over, and how long it takes."""
    content = NEVER_ASKED | {"bounds": {"hearing": "at most 60 days"}, "rules": [IN_TIME | {"within": "179 days"}]}
    proof = prove(load_workflow(content))
    assert list(render_verdict(proof, proof.verdicts[0])) == [
        "broken      in time",
        "    a case with any facts begins in filed on 2012-01-01",
        '     1. 2012-01-01  call (found = yes): filed -> hearing   allowed by: found == "yes"',
        "     2. 2012-03-01  adjourn upon illness: hearing -> hearing   allowed by: n < 2",
        "     3. 2012-04-30  adjourn upon illness: hearing -> hearing   allowed by: n < 2",
        "        2012-06-29  the case is still in hearing",
        "    breaks the rule: no decide has followed call (step 1) by 2012-06-28, which is 179 days later;"
        " this is the slowest history: 180 days",
    ]
    assert proof.json()["rules"][0]["history"]["times"] == {
        "begun": "2012-01-01",
        "steps": ["2012-01-01", "2012-03-01", "2012-04-30"],
        "opened_by_step": 1,
        "due": "2012-06-28",
        "until": "2012-06-29",
    }
    assert proof.failed


def test_without_bounds_a_time_limit_is_monitored_as_before() -> None:
    """No bound is named if there is none at all."""
    verdict = decided(NEVER_ASKED, {}, "180 days")
    assert (verdict.decision, verdict.deadline) == ("monitored", None)


def test_the_bound_that_is_missing_is_named() -> None:
    """A case may wait for an answer as long as nothing bounds the wait."""
    verdict = decided(HEARINGS, {"hearing": "at most 60 days"}, "180 days")
    assert verdict.decision == "monitored"
    assert verdict.deadline is not None
    assert verdict.deadline.missing == ("asked",)


def test_a_missing_bound_does_not_hide_that_the_others_are_too_long() -> None:
    """Three hearings of 60 days are late, even if each answer comes at once."""
    assert decided(HEARINGS, {"hearing": "at most 60 days"}, "179 days").decision == "broken"


def test_a_history_that_goes_round_can_stay_open_for_ever() -> None:
    """Questions and answers have no number here, so no time limit holds."""
    transitions = [{k: v for k, v in t.items() if k not in ("when", "set")} for t in HEARINGS["transitions"]]
    verdict = decided(
        HEARINGS | {"transitions": transitions[2:] + transitions[:1]},
        {"hearing": "at most 60 days", "asked": "at most 7 days"},
        "10 years",
    )
    assert verdict.decision == "broken"
    assert verdict.deadline is not None
    assert verdict.deadline.endless
    assert days_open(verdict) > 3652


def test_the_clock_of_an_event_bounds_a_resting_state() -> None:
    """A reply within ten days ends the wait as a bound on the state does; a lower bound delays it."""
    proved = decided(HEARINGS, {"hearing": "at most 60 days", "reply": "3 to 10 days"}, "200 days")
    assert (proved.decision, proved.deadline and proved.deadline.longest) == ("proved", "200 days")
    broken = decided(HEARINGS, {"hearing": "at most 60 days", "reply": "3 to 10 days"}, "199 days")
    assert (broken.decision, days_open(broken)) == ("broken", 200)


def test_a_clock_since_a_transition_runs_through_states() -> None:
    """A deadline that rings 90 days after the call ends the hearing, whatever the adjournments."""
    ending = NEVER_ASKED | {
        "transitions": [*ONCE, {"transition": "rule", "from": "hearing", "event": "deadline", "to": "gone"}],
        "events": {"illness": {"while": ["hearing"]}, "deadline": {"while": ["hearing"]}},
    }
    bounds = {"hearing": "at most 60 days", "deadline": {"time": "90 days", "since": "call"}}
    assert decided(ending, bounds, "90 days", then="decide or rule").decision == "proved"
    assert decided(ending, bounds, "89 days", then="decide or rule").decision == "broken"


def test_a_lower_bound_keeps_a_clock_from_ringing_in_time() -> None:
    """Work of at least 20 days ends after an event that follows within 10."""
    content = NEVER_ASKED | {"transitions": [t for t in ONCE if t["transition"] != "adjourn"]}
    content["transitions"] = [
        *content["transitions"],
        {"transition": "adjourn", "from": "hearing", "event": "illness", "to": "gone"},
    ]
    bounds = {"hearing": "20 to 60 days", "illness": "at most 10 days"}
    assert decided(content, bounds, "10 days", then="decide or adjourn").decision == "proved"


@pytest.mark.parametrize(
    ("bound", "within", "decision", "longest"),
    [
        ("at most 48 hours", "144 hours", "proved", "6 days"),
        ("at most 48 hours", "143.5 hours", "broken", "6 days"),
        ("at most 2 days", "9 days", "proved", None),
        ("at most 2 days", "144 hours", "broken", None),  # a day lasts to its end
        ("at most 48 hours", "6 days", "proved", None),
        ("at most 48 hours", "5 days", "broken", None),
    ],
)
def test_hours_are_elapsed_time_and_days_last_to_their_end(bound: str, within: str, decision: str, longest: str | None) -> None:
    """Bounds and time limits of different units are compared on real dates and times of day."""
    verdict = decided(NEVER_ASKED, {"hearing": bound}, within)
    assert verdict.decision == decision
    assert longest is None or (verdict.deadline is not None and verdict.deadline.longest == longest)


@pytest.mark.parametrize(
    ("bound", "within", "decision"),
    [
        ("at most 1 month", "93 days", "proved"),
        ("at most 1 month", "92 days", "proved"),  # no three months in a row have more
        ("at most 1 month", "91 days", "broken"),
        ("at most 1 month", "3 months", "proved"),  # whatever the date: a short month only shortens
        ("at most 1 month", "2 months", "broken"),
        ("at most 1 year", "3 years", "proved"),
        ("at most 1 year", "36 months", "proved"),
        ("at most 1 year", "1095 days", "broken"),
        ("at most 1 year", "1096 days", "proved"),
    ],
)
def test_months_and_years_are_decided_for_every_start_date(bound: str, within: str, decision: str) -> None:
    """Three stays of a month are three months on no date too long, and 92 days at most."""
    assert decided(NEVER_ASKED, {"hearing": bound}, within).decision == decision


def test_a_late_history_begins_on_a_date_on_which_it_is_late() -> None:
    """Three months are 92 days only from some dates."""
    verdict = decided(NEVER_ASKED, {"hearing": "at most 1 month"}, "91 days")
    assert days_open(verdict) == 92


@pytest.mark.parametrize(
    ("calendar", "within", "decision"),
    [
        ("weekdays", "30 working days", "proved"),
        ("weekdays", "29 working days", "broken"),
        ("weekdays", "42 days", "proved"),
        ("weekdays", "41 days", "broken"),
        ("US", "44 days", "broken"),
    ],
)
def test_working_days_are_those_of_their_calendar(calendar: str, within: str, decision: str) -> None:
    """Three times ten working days are six weeks, and longer with public holidays."""
    bounds = {"hearing": {"time": "at most 10 working days", "calendar": calendar}}
    keys = {"calendar": calendar} if "working" in within else {}
    assert decided(NEVER_ASKED, bounds, within, **keys).decision == decision


def test_a_calendar_of_the_file_may_be_named() -> None:
    """Closed days count neither for the bound nor for the time limit."""
    closed = {"calendars": {"court": {"days": "mon-fri", "closed": ["2024-12-23 to 2025-01-03"]}}}
    bounds = {"hearing": {"time": "at most 10 working days", "calendar": "court"}}
    assert decided(NEVER_ASKED | closed, bounds, "30 working days", calendar="court").decision == "proved"
    verdict = decided(NEVER_ASKED | closed, bounds, "55 days")
    assert verdict.decision == "broken"
    assert verdict.history is not None
    assert verdict.history.times is not None
    begun = dt.date(1970, 1, 1) + dt.timedelta(verdict.history.times.steps[0] // DAY)
    assert dt.date(2024, 11, 1) < begun < dt.date(2025, 1, 3)


def test_a_calendar_that_a_rules_file_names_is_the_same_as_one_written_out() -> None:
    """So runs, audits and proofs read it alike; a rules file may also name a calendar of its workflow."""
    office = {"days": "mon-thu", "closed": ["2024-12-24"]}
    workflow = load_workflow(HEARINGS | {"calendars": {"court": office}})
    rule = IN_TIME | {"within": "10 working days"}
    file = {"workflow": "hearings", "calendars": {"office": office}}
    written, named, inherited = (
        load_rules(file | {"rules": [rule | {"calendar": calendar}]}, workflow)[1][0] for calendar in (office, "office", "court")
    )
    assert written.within == named.within == inherited.within
    with pytest.raises(InputError, match=r"'offic' is not a calendar\. Did you mean 'office'"):
        load_rules(file | {"rules": [rule | {"calendar": "offic"}]}, workflow)


def test_bounds_without_a_time_limit_are_a_finding() -> None:
    """Nothing reads them then."""
    proof = prove(load_workflow(HEARINGS | {"bounds": {"hearing": "at most 60 days"}, "rules": [IN_TIME]}))
    assert proof.findings is not None
    assert [f.where for f in proof.findings if f.finding == "unused bound"] == ["hearing: no rule has a time limit"]


def test_the_bounds_of_a_rules_file_are_added_to_those_of_the_workflow() -> None:
    """Both bounds on a state hold, so the shorter one decides."""
    workflow = load_workflow(NEVER_ASKED | {"bounds": {"hearing": "at most 90 days"}})
    rules = {"workflow": "hearings", "bounds": {"hear": "at most 60 days"}, "rules": [IN_TIME | {"within": "180 days"}]}
    assert [v.decision for v in prove(workflow, load_rules(rules, workflow)[1]).verdicts] == ["proved"]


def test_mistakes_in_bounds_are_reported_together() -> None:
    """Each message names the entry, the mistake, and what is allowed."""
    bounds = {
        "hearings": "at most 60 days", "gone": "at most 1 day", "asked": "2 to 3 days", "filed": "soon",
        "hear": "at most 5 working days", "question": {"time": "9 to 3 days", "since": "cal"}, "hearing": {"time": "1 day", "since": "call"},
    }  # fmt: skip
    with pytest.raises(InputError) as raised:
        load_workflow(HEARINGS | {"bounds": bounds})
    assert {problem.message for problem in raised.value.problems} == {
        "bounds: hearings: is not a state, an activity or an event. Did you mean 'hearing'?",
        "bounds: gone: a case never leaves a final state; give bounds for states with an activity, and for resting ones",
        "bounds: asked: only events end a stay in a resting state, so it has no lower bound; write at most 3 days,"
        " or bound the event that ends it",
        "bounds: filed: must be a bound on time such as 'at most 60 days', '20 to 455 days', 'at least 3 days',"
        " or '30 days' for exactly so long, not 'soon'",
        "bounds: hear: '5 working days' needs a calendar; add calendar: weekdays, or a country such as US-CO,"
        " whose holidays do not count",
        "bounds: question: the lower bound, 9 days, is above the upper bound, 3 days",
        "bounds: question: since: 'cal' is not a transition. Did you mean 'call'?",
        "bounds: hearing: since: belongs to events; the time in a state counts from entering it",
    }


def test_a_bound_that_is_no_length_of_time_is_refused() -> None:
    """The message shows both ways to write one."""
    with pytest.raises(InputError, match=r"bounds\.hearing: must be a bound on time such as 'at most 60 days', or a mapping"):
        load_workflow(HEARINGS | {"bounds": {"hearing": 5}})


def test_working_days_beyond_the_known_holidays_are_undecided() -> None:
    """No calendar of public holidays reaches a hundred years ahead."""
    bounds = {"hearing": {"time": "at most 20000 working days", "calendar": "US"}}
    verdict = decided(NEVER_ASKED, bounds, "26000 working days", calendar="US")
    assert (verdict.decision, verdict.reason) == ("undecided", "working days reach beyond the years whose holidays are known")


def test_a_late_history_is_checked_against_the_bounds() -> None:
    """A date that no bound allows is a fault of the prover, not a counterexample."""
    verdict = decided(NEVER_ASKED, {"hearing": "at most 60 days"}, "179 days")
    assert verdict.history is not None
    assert verdict.history.times is not None
    workflow = load_workflow(NEVER_ASKED)
    later = replace(verdict.history.times, until=verdict.history.times.until + DAY)
    replay_late(workflow, verdict.rule, verdict.history, verdict.rule.bounds)
    with pytest.raises(UnsoundProof):
        replay_late(workflow, verdict.rule, replace(verdict.history, times=later), verdict.rule.bounds)


# bounds from a scenario ---------------------------------------------------------------------------------------

COURT = """
scenario: court
workflow: hearings.yaml
starts: 2024-01-01
ends: 2024-12-31
activities:
  read: {takes: 1 day, outcome: {found: {yes: 0.5, no: rest}}}
  hear: {takes: {uniform: {min: 10 days, max: 50 days}}}
arrivals:
  all: {at: [2024-01-08]}
events:
  illness: {hazard: 1 per year}
  question: {hazard: 1 per year}
  reply: {after: {uniform: {min: 2 days, max: 10 days}}}
"""


def by_scenario(tmp_path: Path, within: str, changes: Sequence[str] = (), **bounds: Any) -> Verdict:
    """Return the verdict on the rule under the bounds of the court's scenario, changed as `--set` does."""
    content = HEARINGS | {"bounds": bounds, "rules": [IN_TIME | {"within": within}]}
    (tmp_path / "hearings.yaml").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "court.yaml").write_text(COURT, encoding="utf-8")
    workflow = load_workflow(tmp_path / "hearings.yaml")
    return prove(workflow, bounds=bounds_of(load_scenario(tmp_path / "court.yaml", changes), workflow)).verdicts[0]


def test_delays_and_clocks_of_a_scenario_bound_a_time_limit(tmp_path: Path) -> None:
    """Three hearings of 50 days and two answers of ten: 170 days of 24 hours."""
    verdict = by_scenario(tmp_path, "170 days")
    assert (verdict.decision, verdict.deadline and verdict.deadline.longest) == ("proved", "170 days")
    broken = by_scenario(tmp_path, "169 days")
    assert broken.decision == "broken"
    assert broken.history is not None
    assert broken.history.times is not None
    assert broken.history.times.elapsed


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("activities.hear.takes={gamma: {mean: 30 days, cv: 1}}", "hearing (gamma has no upper bound)"),
        ("activities.hear={pool: judges, takes: 1 hour}", "hearing (it waits for the pool judges)"),
        ("events.reply={hazard: 2 per year}", "asked"),
    ],
)
def test_what_has_no_end_in_a_scenario_is_named(tmp_path: Path, change: str, missing: str) -> None:
    """A tail, a queue and a hazard have no upper bound."""
    pools = ["pools={judges: {size: 1}}"] if "judges" in change else []
    verdict = by_scenario(tmp_path, "160 days", [*pools, change])
    assert verdict.decision == "monitored"
    assert verdict.deadline is not None
    assert verdict.deadline.missing == (missing,)


def test_a_bound_of_the_file_stands_in_for_one_that_the_scenario_lacks(tmp_path: Path) -> None:
    """Hearings that wait for judges are bounded by the file, and answers by the scenario."""
    changes = ["pools={judges: {size: 1}}", "activities.hear={pool: judges, takes: 1 hour}"]
    assert by_scenario(tmp_path, "203 days", changes, hearing="at most 60 days").decision == "proved"


def test_lengths_that_differ_between_cases_prove_but_do_not_break(tmp_path: Path) -> None:
    """The longest of all lengths is taken for every case, so a late history may be that of no case."""
    change = "activities.hear.takes={by: n, 0: 50 days, other: 10 days}"
    assert by_scenario(tmp_path, "170 days", [change]).decision == "proved"
    verdict = by_scenario(tmp_path, "169 days", [change])
    assert verdict.decision == "undecided"
    assert verdict.reason is not None
    assert verdict.reason.endswith("hearing: its length differs between cases")


def test_a_scenario_about_another_workflow_is_refused() -> None:
    """The message names what the workflow lacks."""
    with pytest.raises(
        InputError, match=r"pilot: the workflow hearings has no .*background_check.*; give a scenario of this workflow"
    ):
        bounds_of(load_scenario("pilot"), load_workflow(HEARINGS))


# the built-in workflow ----------------------------------------------------------------------------------------

BUILT_IN = "prosecutorial-discretion-review"


def _referred(tmp_path: Path, changes: str) -> Verdict:
    """Return the verdict on the time limit of the built-in workflow with changed bounds."""
    path = tmp_path / "changed.yaml"
    path.write_text(f"workflow: changed\nextends: {BUILT_IN}\nbounds: {{{changes}}}\n", encoding="utf-8")
    workflow = load_workflow(path)
    return prove(workflow, [rule for rule in workflow.rules if rule.within]).verdicts[0]


def test_a_referred_case_is_done_within_eighteen_months(tmp_path: Path) -> None:
    """The check, the offer and the motion take 545 days together, and the check never expires on the way."""
    verdict = _referred(tmp_path, "offer: at most 60 days")
    assert (verdict.decision, verdict.deadline and verdict.deadline.longest) == ("proved", "545 days")


def test_two_days_more_for_an_offer_are_too_long_on_some_dates(tmp_path: Path) -> None:
    """Eighteen months have 546 days at least, so 547 are late on some dates only, and one of them is shown."""
    assert _referred(tmp_path, "offer: at most 61 days").decision == "proved"
    verdict = _referred(tmp_path, "offer: at most 62 days")
    assert (verdict.decision, days_open(verdict)) == ("broken", 547)


def test_without_the_clock_of_the_check_it_may_be_repeated_for_ever(tmp_path: Path) -> None:
    """If the check may expire at any time, a case can go round between check and offer."""
    verdict = _referred(tmp_path, "check_expiry: at least 1 day")
    assert verdict.decision == "broken"
    assert verdict.deadline is not None
    assert verdict.deadline.endless


def test_a_day_more_for_an_assessment_is_late_only_where_a_month_has_28_days(tmp_path: Path) -> None:
    """The slowest history is received so that the month ends on 28 February."""
    path = tmp_path / "slower.yaml"
    path.write_text("workflow: slower\nextends: erasure-requests\nbounds: {assessment: at most 16 days}\n", encoding="utf-8")
    workflow = load_workflow(path)
    verdict = prove(workflow, workflow.rules[:1]).verdicts[0]
    assert (verdict.decision, days_open(verdict)) == ("broken", 29)
    assert verdict.history is not None
    assert verdict.history.times is not None
    due = dt.date(1970, 1, 1) + dt.timedelta(verdict.history.times.due // DAY)
    assert (due.month, due.day) == (2, 28)


# random workflows against a grid of days ----------------------------------------------------------------------


def _loaded(seed: int) -> tuple[Workflow, Rule, dict[str, Any]]:
    """Return a random workflow, its rule, and the entry of the rule."""
    content, is_loose = random_timed(seed)
    workflow = load_workflow(content)
    rule = workflow.rules[0]
    if is_loose:
        clocks = {e: replace(c, certain=seed % 2 == 0, repeats=seed % 3 == 0) for e, c in rule.bounds.clocks.items()}
        rule = replace(rule, bounds=Bounds(rule.bounds.stays, clocks))
    return workflow, rule, content["rules"][0]


def _differences(seeds: range) -> Iterator[tuple[str, str]]:
    """Yield the verdict of the prover and of the grid on each random workflow; the slowest history must not be beaten."""
    for seed in seeds:
        workflow, rule, entry = _loaded(seed)
        verdict = Prover(workflow).decide(rule)
        if not rule.bounds or (verdict.decision == "broken" and verdict.deadline is None):
            continue  # broken by a case that ends

        def longest(hurried: bool, top: int) -> int:
            return max(Grid(workflow, entry, rule.bounds, urgent, hurried).longest(top) for urgent in (False, True))  # noqa: B023

        assert rule.within is not None
        limit = int(rule.within.number)
        by_grid = "broken" if longest(True, limit + 1) > limit else "monitored" if longest(False, limit + 1) > limit else "proved"
        yield verdict.decision, by_grid
        if verdict.deadline is not None and verdict.decision in ("broken", "proved"):
            _check_longest(seed, verdict, longest(verdict.decision == "broken", limit + 60), limit)


def _check_longest(seed: int, verdict: Verdict, by_grid: int, limit: int) -> None:
    """Check the longest time and the dates of the slowest history."""
    assert verdict.deadline is not None
    if verdict.deadline.endless:
        assert by_grid == limit + 60, seed
        assert days_open(verdict) > limit, seed
        return
    assert verdict.deadline.longest is not None
    assert int(verdict.deadline.longest.split()[0]) == max(by_grid, 0), seed
    assert verdict.decision == "proved" or days_open(verdict) == by_grid, seed


@pytest.mark.parametrize("first", [0, 20])
def test_random_workflows_get_the_verdict_of_a_grid_of_days(first: int) -> None:
    """No verdict differs, and the grid has no slower history."""
    pairs = Counter(_differences(range(first, first + 20)))
    assert {one for one, other in pairs if one != other} == set()
    assert len(pairs) >= 2


@pytest.mark.slow
def test_a_thousand_random_workflows_get_the_verdict_of_a_grid_of_days() -> None:
    """All three verdicts occur often."""
    pairs = Counter(_differences(range(100, 1_150)))
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert sum(pairs.values()) >= 1_000
    assert min(pairs.values()) >= 100


PACED: dict[str, Any] = {
    "workflow": "reminders",
    "entry": {"states": ["filed"]},
    "activities": {"read": {}, "write": {}},
    "states": {
        "filed": {"activity": "read"},
        "waiting": {"resting": True},
        "writing": {"activity": "write"},
        "over": {"final": True},
    },
    "transitions": [
        {"transition": "ask", "from": "filed", "to": "waiting"},
        {"transition": "remind", "from": "waiting", "event": "delay", "to": "writing"},
        {"transition": "send", "from": "writing", "to": "waiting"},
        {"transition": "end", "from": "waiting", "event": "reply", "to": "over"},
    ],
    "events": {"delay": {"while": ["waiting"]}, "reply": {"while": ["waiting"]}},
    "rules": [{"rule": "two reminders a month", "at_most": 2, "of": "remind", "per": "1 month"}],
}


@pytest.mark.parametrize(
    ("bounds", "decision", "missing"),
    [
        ({}, "monitored", ("writing", "waiting")),
        ({"writing": "at most 3 days"}, "monitored", ("waiting",)),
        ({"writing": "at most 3 days", "waiting": "at most 2 weeks"}, "broken", None),
        ({"writing": "12 to 20 days", "waiting": "at most 2 weeks"}, "broken", None),  # twice 12 days, in a month of 28
        ({"writing": "15 to 20 days", "waiting": "at most 2 weeks"}, "monitored", ()),
        ({"writing": "at most 3 days", "waiting": "at most 2 weeks", "delay": "at least 3 days"}, "monitored", ()),
    ],
)
def test_too_many_steps_in_a_length_of_time_break_a_rule_where_the_bounds_leave_room_for_them(
    bounds: dict[str, Any], decision: str, missing: tuple[str, ...] | None
) -> None:
    """The third reminder comes after two stays in each of two states. Nothing is known of a state without a bound."""
    workflow = load_workflow({**PACED, "bounds": bounds})
    verdict = Prover(workflow, seconds=600).decide(workflow.rules[0])
    assert verdict.decision == decision
    assert (None if verdict.deadline is None else verdict.deadline.missing) == missing
    assert (verdict.history is not None) == (decision == "broken")
