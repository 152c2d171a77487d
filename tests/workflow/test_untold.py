"""What a log does not tell is not made up: three-valued guards and rules, replayed states and records, and verdicts."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.conditions import MOST, bounds
from workflow.auditing.log import AuditLog, Options
from workflow.auditing.log_files import read_log
from workflow.predicates import Namespace, parse

PERMITS = {
    "workflow": "permits",
    "facts": {"minor": {"type": "boolean"}, "excessive": {"type": "boolean"}, "filed": {"type": "date"}},
    "record": {"found": {"enum": ["none", "yes", "no"], "default": "none"}, "rounds": {"type": "integer", "minimum": 0, "maximum": 3}},
    "activities": {"check": {"gives": {"found": ["yes", "no"]}}, "recheck": {"gives": {"found": ["yes", "no"]}}},
    "entry": {"states": ["queue", "second"]},
    "states": {
        "queue": {"activity": "check"}, "second": {"activity": "recheck"}, "shelf": {"resting": True}, "gone": {"final": True},
    },
    "events": {"complaint": {"while": ["shelf"], "when": "not excessive"}, "ring": {"while": ["queue", "second", "shelf"]}},
    "transitions": [
        {"transition": "grant", "from": "queue", "to": "gone", "when": 'not excessive and found == "yes"'},
        {"transition": "park", "from": "queue", "to": "shelf", "set": {"rounds": "rounds + 1"}},
        {"transition": "finish", "from": "second", "to": "gone"},
        {"transition": "release", "from": "shelf", "event": "complaint", "to": "gone", "when": "minor"},
        {"transition": "requeue", "from": "shelf", "event": "ring", "to": "queue"},
    ],
}  # fmt: skip


def audited(folder, rows, *rules, header="case,activity,time", mapping=None, workflow=PERMITS):
    """Audit a log, given its rows and rules."""
    path = folder / "log.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    named = [{"rule": f"rule {k}", **rule} for k, rule in enumerate(rules)]
    return audit(read_log(path, load_workflow({**workflow, "rules": named}), mapping))


def verdicts(report):
    """Return the verdict of each rule."""
    return [rule.verdict for rule in report.rules]


def moves(report):
    """Return the numbers of moves not allowed and of moves unjudged."""
    return len(report.not_allowed), len(report.moves_unjudged)


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("case,activity,time,excessive", "1,grant,2024-01-01,true", (1, 0)),
        ("case,activity,time,excessive", "1,grant,2024-01-01,false", (0, 1)),
        ("case,activity,time,excessive,found", "1,grant,2024-01-01,false,yes", (0, 0)),
        ("case,activity,time,excessive,found", "1,grant,2024-01-01,false,no", (1, 0)),
        ("case,activity,time,found", "1,grant,2024-01-01,yes", (0, 1)),
        ("case,activity,time,found", "1,grant,2024-01-01,no", (1, 0)),
        ("case,activity,time,outcome", "1,grant,2024-01-01,no", (1, 0)),
        ("case,activity,time,excessive,outcome", "1,grant,2024-01-01,false,yes", (0, 0)),
        ("case,activity,time", "1,park,2024-01-01", (0, 1)),
        ("case,activity,time,excessive", "1,park,2024-01-01,true", (0, 0)),
        ("case,activity,time", "1,finish,2024-01-01", (0, 0)),
    ],
)
def test_a_move_is_judged_where_its_guards_are_decided_by_what_the_log_says(tmp_path, header, row, expected):
    """An earlier guard must not hold either."""
    assert moves(audited(tmp_path, [row], header=header)) == expected


def test_only_judged_moves_are_said_to_be_allowed(tmp_path):
    """The number of the others is a line of its own."""
    rows = ["1,grant,2024-01-01", "2,finish,2024-01-01", "3,finish,2024-01-02"]
    assert list(audited(tmp_path, rows).render())[1:] == [
        "  no move that the workflow does not allow among those that were judged",
        "  1 move unjudged: the log does not tell what their guards read",
    ]
    assert list(audited(tmp_path, rows[:1]).render())[1:] == ["  1 move unjudged: the log does not tell what their guards read"]
    assert audited(tmp_path, rows).json()["moves_unjudged"] == 1


@pytest.mark.parametrize(
    ("header", "rows", "expected"),
    [
        ("case,activity,time,minor,excessive", ["1,release,2024-01-02,false,false"], (1, 0)),
        ("case,activity,time,minor,excessive", ["1,release,2024-01-02,true,false"], (0, 0)),
        ("case,activity,time,minor,excessive", ["1,release,2024-01-02,true,true"], (1, 0)),  # complaints do not happen then
        ("case,activity,time,minor,excessive", ["1,complaint,2024-01-02,true,false"], (1, 0)),  # release must follow
        ("case,activity,time,minor,excessive", ["1,complaint,2024-01-02,false,false"], (0, 0)),
        ("case,activity,time,minor", ["1,release,2024-01-02,true"], (0, 1)),
        ("case,activity,time,excessive", ["1,complaint,2024-01-02,false"], (0, 1)),
        ("case,activity,time,excessive", ["1,complaint,2024-01-02,true"], (1, 0)),
    ],
)
def test_the_guards_of_events_and_of_their_transitions_are_checked(tmp_path, header, rows, expected):
    """An adult is not released where only minors are. The case is parked first, which needs no fact that is not known."""
    first = "1,park,2024-01-01" + rows[0].partition("-02")[2]
    report = audited(tmp_path, [first, *rows], header=header)
    parked = report.log.transition == 1
    bad, unjudged = (int((~parked[rows]).sum()) for rows in (report.not_allowed, report.moves_unjudged))
    assert (bad, unjudged) == expected


def test_an_event_outside_its_states_is_not_allowed(tmp_path):
    """A complaint happens on the shelf only."""
    report = audited(tmp_path, ["1,complaint,2024-01-01,true,false"], header="case,activity,time,minor,excessive")
    assert moves(report) == (1, 0)


def test_the_state_is_replayed_from_the_only_entry_state_that_fits(tmp_path):
    """Grants leave the queue, so the case began there; nothing tells where a case with an event in both began."""
    rules = ({"never": "ring", "if": 'state == "queue"'}, {"never": "ring", "if": 'state == "shelf"'})
    report = audited(tmp_path, ["1,ring,2024-01-01", "1,grant,2024-01-02", "2,ring,2024-01-01", "3,ring,2024-01-01"], *rules)
    assert report.rules[0].of_cases().tolist() == ["unjudged"] * 3
    assert report.rules[1].of_cases().tolist() == ["kept"] * 3
    report = audited(tmp_path, ["1,park,2024-01-01", "1,ring,2024-01-02", "1,requeue,2024-01-02"], *rules)
    assert verdicts(report) == ["kept", "broken"]


def test_the_record_is_replayed(tmp_path):
    """A transition sets a value, an outcome is one of those that the activity gives, and a default stays."""
    rules = (
        {"never": "requeue", "if": "rounds == 1"},
        {"never": "park", "if": "rounds == 1"},
        {"never": "park", "if": 'found == "none"'},
        {"never": "park", "if": 'found == "no"'},
        {"never": 'state == "shelf" and rounds == 2'},
    )
    rows = ["1,park,2024-01-01", "1,requeue,2024-01-02", "1,park,2024-01-03"]
    assert verdicts(audited(tmp_path, rows, *rules)) == ["broken", "broken", "kept", "unjudged", "broken"]
    assert verdicts(audited(tmp_path, rows[:1], *rules)) == ["idle", "kept", "kept", "unjudged", "kept"]


def test_a_log_that_lacks_the_beginning_of_a_case_does_not_tell_its_record(tmp_path):
    """Its first row leaves a state in which no case begins, so it is off the map, and the defaults are not known."""
    report = audited(tmp_path, ["1,requeue,2024-01-01"], {"never": "requeue", "if": "rounds > 0"})
    assert (moves(report)[0], verdicts(report)) == (1, ["unjudged"])
    header = "case,activity,time,state"
    report = audited(tmp_path, ["1,requeue,2024-01-01,shelf"], {"never": "requeue", "if": "rounds > 0"}, header=header)
    assert verdicts(report) == ["unjudged"]


@pytest.mark.parametrize("name", ["arrived", "as_of"])
def test_a_date_of_the_case_is_known_only_if_the_log_says_it(tmp_path, name):
    """A column says it, or a mapping: with the column of the time, the first row of the case."""
    rule = {"never": "finish", "if": f'{name} < date("2024-02-01")'}
    row = "1,finish,2024-01-01"
    assert verdicts(audited(tmp_path, [row], rule)) == ["unjudged"]
    assert verdicts(audited(tmp_path, [row], rule, mapping={name: "time"})) == ["broken"]
    header = f"case,activity,time,{name}"
    assert verdicts(audited(tmp_path, [f"{row},2024-02-01"], rule, header=header)) == ["kept"]
    rows = [f"{row},2024-02-01", "2,finish,2024-01-01,", "3,finish,2024-01-01,2024-01-01"]
    report = audited(tmp_path, rows, rule, header=header)
    assert report.rules[0].of_cases().tolist() == ["kept", "unjudged", "broken"]


def test_an_obligation_is_open_at_the_end_of_the_log_unless_its_time_is_over(tmp_path):
    """It is broken in a final state, or where a deadline is before the last row of the log."""
    rules = ({"after": "park", "then": "requeue"}, {"after": "park", "then": "requeue", "within": "30 days"})
    rows = ["1,park,2024-01-01"]
    assert verdicts(audited(tmp_path, rows, *rules)) == ["open", "open"]
    assert verdicts(audited(tmp_path, [*rows, "2,finish,2024-03-01"], *rules)) == ["open", "broken"]
    assert verdicts(audited(tmp_path, [*rows, "1,release,2024-01-02"], *rules)) == ["broken", "broken"]
    assert "  open in 1 case       rule 0" in list(audited(tmp_path, rows, *rules).render())


def test_a_rule_without_its_trigger_is_idle_and_names_the_nearest_activity_of_the_log(tmp_path):
    """Also where its if: never holds at the trigger."""
    rules = (
        {"after": "grant", "then": "park"},
        {"after": "finish", "if": "minor", "then": "park"},
        {"never": 'once(grant) and state == "shelf"'},
        {"at_most": 1, "of": "finish"},
    )
    report = audited(tmp_path, ["1,finish,2024-01-01,false", "2,Grant it,2024-01-01,"], *rules, header="case,activity,time,minor")
    lines = [line for line in report.render() if "rule " in line and "names" not in line]
    assert lines[0] == "  idle                 rule 0  (grant never occurs in this log (did you mean 'Grant it'?))"
    assert verdicts(report) == ["idle", "idle", "idle", "kept"]


@pytest.mark.parametrize(
    ("rule", "rows", "expected"),
    [
        ({"before": "finish", "needs": "ring", "if": "minor"}, ["1,finish,2024-01-01"], "unjudged"),
        ({"before": "finish", "needs": "ring", "if": "minor"}, ["1,ring,2024-01-01", "1,finish,2024-01-02"], "kept"),
        ({"after": "ring", "if": "minor", "then": "finish"}, ["1,ring,2024-01-01"], "unjudged"),
        ({"after": "ring", "if": "minor", "then": "finish"}, ["1,ring,2024-01-01", "1,finish,2024-01-02"], "kept"),
        ({"at_most": 1, "of": "ring", "if": "minor"}, ["1,ring,2024-01-01"], "kept"),
        ({"at_most": 1, "of": "ring", "if": "minor"}, ["1,ring,2024-01-01", "1,ring,2024-01-02"], "unjudged"),
        ({"never": "minor and not minor"}, ["1,finish,2024-01-01"], "kept"),
        ({"never": "minor"}, ["1,finish,2024-01-01"], "unjudged"),
        ({"never": "finish", "if": 'filed < date("2020-01-01") and state == "queue"'}, ["1,finish,2024-01-01"], "kept"),
        ({"never": "finish", "giving": 'filed < date("2020-01-01") or state == "gone"'}, ["1,finish,2024-01-01"], "broken"),
        ({"never": "finish", "if": 'filed < date("2020-01-01")'}, ["1,finish,2024-01-01"], "unjudged"),
    ],
)
def test_a_rule_is_judged_where_the_verdict_does_not_hang_on_what_the_log_lacks(tmp_path, rule, rows, expected):
    """Each form of rule, with matches that the log leaves open."""
    assert verdicts(audited(tmp_path, rows, rule)) == [expected]


FIELDS = {
    "a": "boolean", "b": "boolean", "k": "enum", "n": "integer",
}  # fmt: skip
PARTS = ("a", "b", 'k == "x"', 'k in {"y", "z"}', "n > 1", "n == 0 or a")
CONDITIONS = st.recursive(
    st.sampled_from(PARTS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda c: f"(not {c})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    ),
    max_leaves=5,
)
WORDS = load_workflow(
    {
        "workflow": "words",
        "record": {
            "a": {"type": "boolean"}, "b": {"type": "boolean"}, "k": {"enum": ["x", "y", "z"], "default": "x"},
            "n": {"type": "integer", "minimum": 0, "maximum": 3},
        },
        "entry": {"states": ["on"]},
        "states": {"on": {"resting": True}, "off": {"final": True}},
        "events": {"stop": {"while": ["on"]}},
        "transitions": [{"transition": "end", "from": "on", "event": "stop", "to": "off"}],
    }
)  # fmt: skip
SUBSETS = {
    name: [s for n in range(1, len(f.domain()) + 1) for s in itertools.combinations(f.domain(), n)]
    for name, f in WORDS.record.items()
}


@settings(max_examples=examples(60), deadline=None)
@given(CONDITIONS, st.lists(st.fixed_dictionaries({n: st.sampled_from(s) for n, s in SUBSETS.items()}), min_size=1, max_size=4))
def test_a_condition_is_true_or_false_exactly_where_every_possible_record_agrees(condition, rows):
    """Checked by listing the records."""
    parsed = parse(condition, Namespace(WORDS.record))
    record = {name: Options(sets, np.array([sets.index(row[name]) for row in rows])) for name, sets in SUBSETS.items()}
    empty = np.zeros(0, np.int64)
    log = AuditLog(WORDS, empty, empty, empty, empty, empty.astype(bool), empty, empty, None, None, {}, {}, {}, {})
    low, high = bounds(log, parsed, slice(0, len(rows)), record)
    for k, row in enumerate(rows):
        read = dict.fromkeys(SUBSETS, None)
        truths = {
            bool(_holds(parsed, dict(zip(read, values, strict=True)))) for values in itertools.product(*(row[n] for n in read))
        }
        assert (bool(low[k]), bool(high[k])) == (False not in truths, True in truths)


def _holds(parsed, values):
    from workflow.predicates import scalar

    return scalar(parsed, list(values), [])(list(values.values()), [])


def test_beyond_the_combinations_that_are_tried_a_false_part_still_decides():
    """Nine fields of two values have 512 combinations; Kleene's logic reads their parts."""
    names = [f"f{k}" for k in range(9)]
    fields = {name: {"type": "boolean"} for name in names} | {"no": {"type": "boolean"}}
    workflow = load_workflow({**WORDS.plain(), "workflow": "many", "record": {}, "facts": fields})
    assert 2 ** len(names) > MOST
    facts = {"no": (np.array([False]), None)}
    first = np.array([0, 1])
    zero = np.zeros(1, np.int64)
    log = AuditLog(workflow, np.array(["1"]), first, zero, zero, zero > 0, zero, zero, None, None, facts, {}, {}, {})
    for text, expected in (
        (" and ".join([*names, "no"]), (0, 0)),
        (" or ".join([*names, "not no"]), (1, 1)),
        (" and ".join(names), (0, 1)),
    ):
        low, high = bounds(log, parse(text, workflow.namespace), np.array([0]), {})
        assert (int(low[0]), int(high[0])) == expected


def test_an_event_that_stands_alone_tells_where_the_case_is_not(tmp_path):
    """On the shelf, a ring always puts a case back into the queue; so a case in which it did not began in the second state."""
    two = {**PERMITS, "entry": {"states": ["shelf", "second"]}}
    rule = {"never": "ring", "if": "state == 'shelf'"}
    report = audited(tmp_path, ["1,ring,2024-01-01", "1,finish,2024-01-02", "2,ring,2024-01-01"], rule, workflow=two)
    assert verdicts(report) == ["kept"]
    assert moves(report) == (0, 0)
    report = audited(tmp_path, ["1,ring,2024-01-01", "1,requeue,2024-01-02"], rule, workflow=two)
    assert moves(report) == (1, 0)


def test_the_list_has_open_and_unjudged_cases_and_moves(tmp_path):
    """Broken ones have a row and a time; of others the log has none to show."""
    rows = ["1,park,2024-01-01,true", "2,grant,2024-01-01,", "3,grant,2024-01-02,true"]
    rules = [{"after": "park", "then": "release"}, {"never": "grant", "if": "minor"}]
    report = audited(tmp_path, rows, *rules, header="case,activity,time,minor")
    of_moves = "a move that the workflow does not allow"
    at = {"at": "2024-01-02T00:00:00.000000", "step": "grant"}
    listed = [(row["case"], row["against"], row["verdict"]) for row in report.not_kept()]
    assert listed == [
        ("1", of_moves, "unjudged"), ("2", of_moves, "unjudged"), ("3", of_moves, "unjudged"),
        ("1", "rule 0", "open"), ("3", "rule 1", "broken"), ("2", "rule 1", "unjudged"),
    ]  # fmt: skip
    assert [row for row in report.not_kept() if row["verdict"] == "broken"] == [
        {"case": "3", "against": "rule 1", "verdict": "broken", **at}
    ]
