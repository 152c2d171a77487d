"""The lean machine, the library's machine and the table decide alike."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.workflow.random_workflows import facts, population, records, workflows
from workflow import CaseMachine, compile_table, load_workflow
from workflow.deciding.machine import fact_names
from workflow.deciding.table import Columns, Tabulator
from workflow.model.definition import COMPLETE, ENTER
from workflow.predicates import Field, scalar

BUILT_IN = load_workflow("prosecutorial-discretion-review")
SLOW = settings(deadline=None, max_examples=examples(60), suppress_health_check=list(HealthCheck))


class Readings:
    """Three readings of one workflow over some cases."""

    def __init__(self, workflow, cases):
        self.workflow = workflow
        self.cases = [[case[name] for name in fact_names(workflow)] for case in cases]
        self.table = compile_table(workflow, population(workflow, cases))
        self.machines = [CaseMachine(workflow), CaseMachine(workflow, lean=False)]

    def decide(self, number, state, record, trigger):
        """Let a case decide by each reading; return the transition, the state and the record if all agree."""
        decisions = []
        for machine in self.machines:
            case = SimpleNamespace(state=state, facts=self.cases[number], record=list(record))
            taken = machine.fire(case, trigger)
            decisions.append((taken, case.state, case.record))
        fact_class = int(self.table.classes.of_case[number])
        decisions.append(self.moved(state, record, self.table.next(state, trigger, fact_class, record)))
        decisions.append(self.moved(state, record, self.first_match(number, state, record, trigger)))
        assert decisions[0] == decisions[1], "the lean machine and the library's own differ"
        assert decisions[0] == decisions[2], "machine and table differ"
        assert decisions[0] == decisions[3], "the machine does not take the first transition in the file whose guard holds"
        return decisions[0]

    def first_match(self, number, state, record, trigger):
        """Return the first transition in the order of the file whose guard holds."""
        kind = self.workflow.states[state].kind.value
        for i, t in enumerate(self.workflow.transitions):
            moment = ENTER if t.at_entry or kind == "instant" else COMPLETE
            if state in t.sources and (trigger in t.events if t.events else trigger == moment):
                guard = None if t.guard is None else scalar(t.guard, fact_names(self.workflow), tuple(self.workflow.record))
                if guard is None or guard(self.cases[number], record):
                    return i
        return None

    def moved(self, state, record, taken):
        """Return a decision in the form of the machine."""
        if taken is None:
            return None, state, list(record)
        transition = self.workflow.transitions[taken]
        after = dict(zip(self.workflow.record, record, strict=True))
        for name, value in transition.effects:
            after[name] = min(after[name] + 1, self.workflow.record[name].maximum) if value == "+1" else value
        return taken, transition.target or state, list(after.values())


def every_state_and_trigger(workflow):
    """Return every state with every trigger, including those without transitions."""
    triggers = (COMPLETE, ENTER, *workflow.events)
    return [(state.name, t) for state in workflow.states.values() for t in triggers if state.kind.value != "final"]


@settings(SLOW, max_examples=examples(30))
@given(st.data())
def test_three_readings_of_the_built_in_workflow_agree(data):
    """Facts, records, states and triggers are random."""
    cases = data.draw(st.lists(facts(BUILT_IN), min_size=1, max_size=4))
    readings = Readings(BUILT_IN, cases)
    for number in range(len(cases)):
        record = data.draw(records(BUILT_IN))
        for state, trigger in every_state_and_trigger(BUILT_IN):
            readings.decide(number, state, record, trigger)


@SLOW
@given(workflows(), st.data())
def test_three_readings_of_random_workflows_agree(mapping, data):
    """Guards read optional facts, dates, numbers and a record."""
    workflow = load_workflow(mapping)
    cases = data.draw(st.lists(facts(workflow), min_size=1, max_size=4))
    readings = Readings(workflow, cases)
    for number in range(len(cases)):
        record = data.draw(records(workflow))
        for state, trigger in every_state_and_trigger(workflow):
            readings.decide(number, state, record, trigger)


@SLOW
@given(workflows(), st.data())
def test_three_readings_agree_all_along_the_history_of_a_case(mapping, data):
    """A walk has up to ten steps. Outcomes are written before a decision, effects after it."""
    workflow = load_workflow(mapping)
    readings = Readings(workflow, [data.draw(facts(workflow))])
    state, record = data.draw(st.sampled_from(workflow.entry_states)), [workflow.defaults[n] for n in workflow.record]
    for _ in range(10):
        kind = workflow.states[state].kind.value
        if kind == "final":
            break
        upon = [e for e, event in workflow.events.items() if state in event.states]
        trigger = ENTER if kind == "instant" else data.draw(st.sampled_from([*upon, *[COMPLETE] * (kind == "activity")]))
        giver = workflow.activities[workflow.states[state].activity] if trigger == COMPLETE else workflow.events.get(trigger)
        if giver is not None and giver.gives:
            for field, values in giver.gives:
                record[list(workflow.record).index(field)] = data.draw(st.sampled_from(values))
        taken, state, record = readings.decide(0, state, record, trigger)
        assert taken is not None or trigger in upon, "random workflows never leave a case stuck"


@SLOW
@given(workflows(), st.data())
def test_a_table_does_not_depend_on_earlier_tables(mapping, data):
    """Populations whose classes have equal values share one table, and no others do."""
    workflow = load_workflow(mapping)
    before, now = (population(workflow, data.draw(st.lists(facts(workflow), min_size=1, max_size=3))) for _ in "ab")
    tabulator = Tabulator([workflow])
    shared = tabulator.tables(before)[0]
    (table,), alone = tabulator.tables(now), compile_table(workflow, now)
    assert table.classes.of_case.tolist() == alone.classes.of_case.tolist()
    assert table.classes.rows.tolist() == alone.classes.rows.tolist()
    for mine, fresh in zip(table.decisions, alone.decisions, strict=True):
        assert (mine.fields, mine.next.tolist()) == (fresh.fields, fresh.next.tolist())
    for event, fresh in alone.event_guards.items():
        assert table.event_guards[event].holds.tolist() == fresh.holds.tolist()
    assert (table.decisions is shared.decisions) == (table.classes.answers == shared.classes.answers)


def test_the_stored_value_at_a_missing_value_is_ignored():
    """It may be an invalid index."""
    kind = Field("kind", "enum", "fact", values=("plain",), optional=True)
    columns = Columns({"kind": np.array([0, 7])}, {"kind": np.array([False, True])})
    assert columns.plain(kind) == ["plain", None]


COUNTING = {
    "workflow": "counting",
    "facts": {"limit": {"type": "integer", "minimum": 0, "maximum": 9}, "due": {"type": "date", "optional": True}},
    "record": {"n": {"type": "integer", "minimum": 0, "maximum": 2}, "seen": {"enum": ["none", "yes"]}},
    "activities": {"look": {"gives": {"seen": ["none", "yes"]}}},
    "states": {"open": {"activity": "look"}, "choice": {}, "shelf": {"resting": True}, "done": {"final": True}},
    "transitions": [
        {"transition": "skip", "from": "open", "to": "done", "at": "entry", "when": "n >= limit"},
        {"transition": "late", "from": "open", "to": "shelf", "when": "due is not None and due < as_of"},
        {"transition": "turn", "from": "open", "to": "choice", "set": {"n": "n + 1", "seen": "yes"}},
        {"transition": "again", "from": "choice", "to": "done", "when": 'seen == "none"'},
        {"transition": "store", "from": "choice", "to": "shelf"},
        {"transition": "note", "from": ["open", "shelf"], "event": "call", "when": "n < 2", "set": {"n": "n + 1"}},
        {"transition": "back", "from": "shelf", "event": ["call", "plea"], "to": "open"},
    ],
    "entry": {"states": ["open"]},
    "events": {"call": {"while": "any"}, "plea": {"while": ["shelf"]}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "trigger", "limit", "due", "n", "expected"),
    [
        ("open", ENTER, 1, None, 1, ("skip", "done", 1)),
        ("open", ENTER, 2, None, 1, (None, "open", 1)),
        ("open", COMPLETE, 9, dt.date(2012, 1, 1), 0, ("late", "shelf", 0)),
        ("open", COMPLETE, 9, None, 0, ("turn", "choice", 1)),
        ("open", COMPLETE, 9, None, 2, ("turn", "choice", 2)),  # it stays at its maximum
        ("choice", ENTER, 9, None, 2, ("again", "done", 2)),
        ("shelf", "call", 9, None, 1, ("note", "shelf", 2)),  # an internal transition
        ("shelf", "call", 9, None, 2, ("back", "open", 2)),
        ("shelf", COMPLETE, 9, None, 0, (None, "shelf", 0)),  # resting: never by itself
        ("open", "plea", 9, None, 0, (None, "open", 0)),  # not in its while
        ("done", "call", 0, None, 0, (None, "done", 0)),  # final: never
    ],
)
def test_decisions_follow_the_file(state, trigger, limit, due, n, expected):
    """The first match is taken, counters stop at the maximum, and a trigger without transitions does nothing."""
    workflow = load_workflow(COUNTING)
    case = {"limit": limit, "due": due, "arrived": dt.date(2012, 1, 9), "as_of": dt.date(2012, 1, 9)}
    taken, to, record = Readings(workflow, [case]).decide(0, state, [n, "none"], trigger)
    assert (taken if taken is None else workflow.transitions[taken].name, to, record[0]) == expected
