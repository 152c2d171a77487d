"""One scenario under two policies: with the same draws, only cases that `diff` names are decided differently."""

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from simulations import SamplePath, load_scenario, make_plan, simulate
from simulations.log.eventlog import HORIZON
from workflow import CaseMachine
from workflow.deciding.machine import fact_names
from workflow.model.definition import COMPLETE
from workflow.proving.difference import diff

BASE = "prosecutorial-discretion-review"
SMALL = [
    "courts.denver.backlog.pending.count=600",
    "courts.baltimore.backlog.pending.count=150",
    "pools.reviewers.size.denver=2",
    "events.new_crime.hazard=0.5 per year",  # often enough to come in between
    "events.review_request.chance=0.5",
]
NO_QUEUES = [f"pools.{pool}.size.{court}=5000" for pool in ("reviewers", "judges") for court in ("denver", "baltimore")]
OTHERS = ["strict-criteria", *(pytest.param(name, marks=pytest.mark.slow) for name in ("no-discretion", "permit-for-all-closed"))]


class Side:
    """A run of the pilot under a workflow, its rows case by case."""

    def __init__(self, name, changes):
        path = SamplePath(5, 1)
        plan = make_plan(load_scenario("pilot", [*SMALL, *changes, f"workflow={name}"]), path)
        self.cases, self.workflow = plan.cases, plan.scenario.workflow
        self.machine = CaseMachine(self.workflow)
        self.facts = list(zip(*(self.cases.plain(fact) for fact in fact_names(self.workflow)), strict=True))
        self.rows = [[] for _ in range(len(plan.cases))]
        for row in simulate(plan, path).rows():
            if row["cause"] != HORIZON:
                del row["server"]  # which of those that are free
                self.rows[row["case_id"]].append(row)

    def moments(self, number):
        """Yield each thing that happened to a case with the record before it, and what was decided."""
        record = list(self.cases.records[number])
        for row in self.rows[number]:
            what = row["from_state"], row["cause"], row["outcome"]
            decided = row["transition"], row["to_state"]
            before = tuple(record)
            assert self.decides(number, record, what) == decided
            yield before, what, decided

    def decides(self, number, record, what):
        """Return the transition and the state after it; the record is changed in place."""
        state, cause, outcome = what
        facts, before = self.facts[number], tuple(record)
        giver = self.workflow.events.get(cause)
        if giver is not None:
            test = self.machine.event_tests[cause]
            if state not in giver.states or not (test is None or test(facts, before)):
                return None, state
        elif cause == COMPLETE:
            giver = self.workflow.activities[self.workflow.states[state].activity]
        given = next((o for o in giver.outcomes if o and giver.label(o) == outcome), ()) if giver else ()
        record[:] = self.machine.seen(state, before, cause, given)
        case = SimpleNamespace(state=state, facts=facts, record=record)
        taken = self.machine.fire(case, cause)
        return None if taken is None else self.workflow.transitions[taken].name, case.state


@pytest.fixture(scope="module")
def sides():
    """Each workflow's run, with and without queues, made when it is first asked for."""
    return cache(lambda name, queues: Side(name, [] if queues else NO_QUEUES))


@pytest.fixture(scope="module")
def in_a_region(sides):
    """For each case, whether `diff` names it; some are named, and some are not. It does not depend on queues."""

    @cache
    def named(other):
        one, two = sides(BASE, True), sides(other, True)
        of_case = diff(one.workflow, two.workflow, one.cases.columns).of_case >= 0
        assert 0 < of_case.sum() < len(of_case)
        return of_case.tolist()

    return named


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("queues", [True, False])
def test_both_sides_decide_alike_except_for_cases_in_a_region(sides, in_a_region, other, queues):
    """The machine of the other side gets every row of both logs, with the record of the case at that time."""
    one, two = sides(BASE, queues), sides(other, queues)
    named = in_a_region(other)
    parted = set()
    for here, there in ((one, two), (two, one)):
        for number in range(len(named)):
            for before, what, decided in here.moments(number):
                if there.decides(number, list(before), what) != decided:
                    parted.add(number)
    assert parted
    assert all(named[number] for number in parted)


@pytest.mark.parametrize("other", OTHERS)
def test_without_queues_a_case_outside_all_regions_has_the_same_rows_at_the_same_instants(sides, in_a_region, other):
    """With a server for every case, no case waits for another, so nothing else can change its history."""
    one, two = sides(BASE, False), sides(other, False)
    named = in_a_region(other)
    assert [n for n, inside in enumerate(named) if not inside and one.rows[n] != two.rows[n]] == []
    assert [n for n, inside in enumerate(named) if inside and one.rows[n] != two.rows[n]]


@pytest.mark.parametrize("other", OTHERS)
def test_where_cases_wait_the_first_thing_in_which_a_case_parts_is_a_decision_only_in_a_region(sides, in_a_region, other):
    """Outside a region, either the horizon ends one history earlier, or something else happened first.

    Queues shift, so that an event from outside, whose time does not, can come before a piece of work that it came
    after. Until then the rows are the same, times apart, and so is the record. What happens next can then be another
    thing, but of the same thing, with the same outcome, never another decision; seldom is it another thing at all.
    """
    one, two = sides(BASE, True), sides(other, True)
    named = in_a_region(other)
    overtaken = 0
    for number in (n for n, inside in enumerate(named) if not inside):
        courses = zip(one.moments(number), two.moments(number), strict=False)
        first = next(((a, b) for a, b in courses if a != b), None)
        if first is not None:
            assert first[0][0] == first[1][0]
            assert first[0][1] != first[1][1]
            overtaken += 1
    assert overtaken < 0.03 * named.count(False)


@pytest.mark.slow
def test_the_script_prints_for_each_side_what_it_decides_otherwise_and_the_effect(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On two replications: no case is amenable without discretion, and the permits of all closed cases change no closure."""
    from simulations.studies import two_sides

    monkeypatch.chdir(tmp_path)
    two_sides.main("pilot", replications=2)
    printed = capsys.readouterr().out
    for side in two_sides.SIDES:
        assert f"\n{side}: " in f"\n{printed}"
    assert re.search(r"amenable +1,[67]\d\d becomes +0: ", printed)
    assert len(re.findall(r"^  (?:amenable|closed|pending) .* becomes .*: 0$", printed, re.MULTILINE)) == 3
    assert 'when permit_basis == "none"' in printed
