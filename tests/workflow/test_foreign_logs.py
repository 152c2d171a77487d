"""Logs of other programs: other column names, missing data, and mistakes with their positions."""

import pytest

from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.errors import InputError

OFFICE = load_workflow(
    {
        "workflow": "office",
        "facts": {
            "resident": {"type": "boolean", "default": False},
            "age": {"type": "integer", "minimum": 0, "maximum": 120, "default": 30},
            "born": {"type": "date", "optional": True},
            "kind": {"enum": ["river", "lake"], "default": "lake"},
        },
        "record": {"answer": {"enum": ["none", "yes", "no"], "default": "none"}},
        "activities": {"check": {"gives": {"answer": ["yes", "no"]}}},
        "entry": {"states": ["applied"]},
        "states": {"applied": {"activity": "check"}, "issued": {"final": True}, "refused": {"final": True}},
        "transitions": [
            {"transition": "issue", "from": "applied", "to": "issued", "when": 'answer == "yes" and age >= 16'},
            {"transition": "refuse", "from": "applied", "to": "refused"},
        ],
        "rules": [
            {"rule": "only residents", "never": "issue", "if": "not resident"},
            {"rule": "only who is sixteen", "never": "issue", "if": "age < 16"},
            {"rule": "refused once", "at_most": 1, "of": "refuse"},
            {"rule": "never on a no", "never": "issue", "if": 'answer == "no"'},
            {"rule": "the unborn", "never": "issue", "if": "born is not None and born > arrived"},
        ],
    }
)


def write(folder, text):
    """Write a log, and return its path."""
    path = folder / "log.csv"
    path.write_text(text, encoding="utf-8")
    return path


def judged(path, **columns):
    """Return for each rule the cases that break it, and the number of unjudged ones."""
    report = audit(read_log(path, OFFICE, columns))
    verdicts = {}
    for r, entry in zip(report.rules, report.json()["rules"], strict=True):
        verdicts[r.rule.name] = ([str(report.log.names[c]) for c in r.cases], entry["unjudged_cases"])
    return report, verdicts


def mistakes(path, **columns):
    """Return the messages for a log that cannot be read."""
    with pytest.raises(InputError) as caught:
        read_log(path, OFFICE, columns)
    return [str(p).removeprefix(f"{path}: ") for p in caught.value.problems]


def test_a_log_whose_rows_have_no_case_is_one_message(tmp_path):
    """Facts of such rows belong to nobody."""
    path = write(tmp_path, "case,activity,time,age\n,,2024-01-01,40\n,issue,2024-01-02,41\n")
    (message,) = mistakes(path)
    assert message == "row 2, column 'case': is empty; every row needs a case"


def test_a_rule_that_needs_a_missing_column_is_unjudged(tmp_path):
    """The log has no column for residence, papers and outcome; it has one for age."""
    log = write(tmp_path, "docket,what,when,years\n1,issue,2024-01-01,15\n2,issue,2024-01-02,30\n")
    report, verdicts = judged(log, case="docket", activity="what", time="when", age="years")
    assert verdicts["only who is sixteen"] == (["1"], 0)
    assert verdicts["refused once"] == ([], 0)
    assert {r.rule.name: r.unjudged for r in report.rules if r.unjudged} == {
        "only residents": ("resident",), "never on a no": ("answer",), "the unborn": ("arrived", "born")
    }  # fmt: skip
    assert [e["violations"] for e in report.json()["rules"]] == [None, 1, 0, None, None]
    assert any("unjudged" in line and "the log lacks resident" in line for line in report.render())


def test_a_case_with_a_missing_fact_is_unjudged(tmp_path):
    """An empty cell is neither an age of 0 nor a violation."""
    rows = "1,issue,2024-01-01,15,yes\n2,issue,2024-01-02,,yes\n3,issue,2024-01-03,16,yes\n"
    log = write(tmp_path, f"case,activity,time,age,answer\n{rows}")
    report, verdicts = judged(log)
    assert verdicts["only who is sixteen"] == (["1"], 1)
    assert verdicts["refused once"] == ([], 0)
    assert [str(report.log.names[report.log.case[row]]) for row in report.not_allowed] == ["1"]
    assert any("1 case unjudged: the log lacks their age" in line for line in report.render())


def test_an_empty_cell_of_an_optional_fact_is_a_missing_value(tmp_path):
    """The rule tests whether the value is missing."""
    log = write(tmp_path, "case,activity,time,born\n1,issue,2024-01-01,2025-01-01\n2,issue,2024-01-02,\n")
    assert judged(log, arrived="time")[1]["the unborn"] == (["1"], 0)


def test_a_fact_is_read_from_any_row_of_its_case(tmp_path):
    """Some exports write a fact only once for each case."""
    log = write(tmp_path, "case,activity,time,resident\n1,issue,2024-01-01,\n1,refuse,2024-01-02,no\n2,issue,2024-01-01,yes\n")
    assert judged(log)[1]["only residents"] == (["1"], 0)


def test_case_ids_are_strings(tmp_path):
    """007 and 7 are two cases."""
    log = write(tmp_path, "case,activity,time,age\n007,issue,2024-01-01,15\n7,issue,2024-01-02,15\n")
    assert judged(log)[1]["only who is sixteen"][0] == ["007", "7"]


def test_unknown_names_are_listed_with_the_nearest_match(tmp_path):
    """Each is a move that is not allowed, and is shown as in the log."""
    log = write(tmp_path, "case,activity,time\n1,isue,2024-01-01\n2,isue,2024-01-02\n3,refuse,2024-01-02\n")
    report = audit(read_log(log, OFFICE))
    assert [row["step"] for row in report.offending()] == ["isue", "isue"]
    assert "  'isue' in 2 rows. Did you mean 'issue'?" in list(report.render())


@pytest.mark.parametrize(
    ("text", "columns", "messages"),
    [
        (
            "id,what,when\n1,issue,2024-01-01\n",
            {"case": "idd", "agge": "x", "resident": "what2"},
            [
                "--map agge: is not case, activity, time, started_at, lifecycle, policy_in_force, state, or a fact or record field of office. Did you mean 'age'?",
                "has no column 'idd' for the case; its columns: id, what, when. Did you mean 'id'?",
                "has no column for the activity; give --map activity=COLUMN; its columns: id, what, when",
                "has no column for the time; give --map time=COLUMN; its columns: id, what, when",
                "has no column 'what2' for resident; its columns: id, what, when. Did you mean 'what'?",
            ],
        ),
        (
            "case,activity,time,kind\n1,issue,2024-01-01,lake\n2,issue,2024-01-01,rivver\n",
            {},
            ["row 3, column 'kind': 'rivver' is not one of river, lake. Did you mean 'river'?"],
        ),
        (
            "case,activity,time,age,resident,born\n1,issue,2024-01-01,15.5,maybe,2024\n",
            {},
            [
                "row 2, column 'resident': 'maybe' is not true or false.",
                "row 2, column 'age': '15.5' is not a whole number from 0 to 120.",
                "row 2, column 'born': '2024' is not a date such as 2024-01-31",
                "if the log means something else by this name, --map resident= --map age= --map born= reads no column for it",
            ],
        ),
        (
            "case,activity,time,age\n1,issue,2024-01-01,15\n2,issue,,15\n,issue,2024-01-01,15\n",
            {},
            ["row 4, column 'case': is empty; every row needs a case", "row 3, column 'time': is empty; every row needs a time"],
        ),
        (
            "case,activity,time\n1,issue,2024-01-01\n2,issue,yesterday\n",
            {},
            ["row 3, column 'time': 'yesterday' is not a time such as 2024-01-31 or 2024-01-31T09:30:00"],
        ),
        (
            "case,activity,time\n1,issue,2024-01-01\n1,issue,2024-01-02\n2,issue,01/02/2024\n",
            {},
            [
                "row 4, column 'time': '01/02/2024' may be 1 February 2024 or 2 January 2024, and no date of the column tells which;"
                " give --time-format '%d/%m/%Y' or '%m/%d/%Y'"
            ],
        ),
        (
            "case,activity,time,age\n1,issue,2024-01-01,15\n1,refuse,2024-01-02,16\n",
            {},
            [
                "case 1: age is 15 in one row and 16 in another; a fact must not change within a case; if the log means something else by this name, --map age= reads no column for it"
            ],
        ),
    ],
    ids=["names", "value", "kinds", "empty", "time", "mixed times", "fact that changes"],
)
def test_mistakes_in_a_log_are_reported_with_their_positions(tmp_path, text, columns, messages):
    """All mistakes are reported together."""
    assert mistakes(write(tmp_path, text), **columns) == messages


def test_times_with_a_zone_are_compared_as_instants(tmp_path):
    """10:00 in Berlin is before 9:30 in London."""
    log = write(tmp_path, "case,activity,time\n1,refuse,2024-01-01T09:30:00+00:00\n1,issue,2024-01-01T10:00:00+01:00\n")
    read = read_log(log, OFFICE)
    assert (read.at[1] - read.at[0]) == 30 * 60 * 1_000_000
    assert read.transition.tolist() == [0, 1]


@pytest.mark.parametrize("column", ["time", "time:timestamp"])
def test_a_fact_that_is_called_time_leaves_the_times_of_the_log_alone(tmp_path, column):
    """The role has the column; the fact is not read."""
    office = load_workflow(OFFICE.to_yaml().replace("  age:", "  time: {type: boolean, default: false}\n  age:", 1))
    log = write(tmp_path, f"case,activity,{column}\n1,refuse,2024-01-01T09:30:00\n")
    assert len(read_log(log, office).at) == 1


def test_a_run_folder_needs_no_map(tmp_path):
    """Its columns have the usual names."""
    with pytest.raises(InputError, match="does not apply to a run folder"):
        read_log(tmp_path, OFFICE, {"case": "id"})


DESK = load_workflow(
    {
        "workflow": "desk",
        "facts": {"minor": {"type": "boolean"}},
        "activities": {"think": {}},
        "entry": {"states": ["queue"]},
        "states": {"queue": {"activity": "think"}, "shelf": {"resting": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "park", "from": "queue", "to": "shelf"},
            {"transition": "release", "from": "shelf", "event": "complaint", "to": "gone"},
            {"transition": "leave", "from": "queue", "event": ["complaint", "death"], "to": "gone", "when": "minor"},
        ],
        "events": {"complaint": {"while": ["queue", "shelf"]}, "death": {"while": ["queue"]}},
        "rules": [
            {"rule": "nobody complains", "never": "complaint"},
            {"rule": "one complaint", "at_most": 1, "of": "complaint"},
            {"rule": "parked cases are released", "after": "park", "then": "release"},
            {"rule": "a complaint is followed by parking", "after": "complaint", "then": "park"},
        ],
    }
)


def audited(folder, *rows):
    """Return for each rule whether case 1 breaks it, keeps it, or is unjudged; and the number of moves not allowed."""
    log = "".join(f"1,{row}\n" for row in rows)
    report = audit(read_log(write(folder, f"case,activity,time\n{log}"), DESK))
    verdicts = [
        "broken" if len(r.cases) else "unjudged" if r.unjudged_cases else "open" if r.open else "kept" for r in report.rules
    ]
    return verdicts, len(report.not_allowed)


@pytest.mark.parametrize(
    ("rows", "verdicts", "not_allowed"),
    [
        (["park,2024-01-01", "release,2024-01-02"], ["broken", "kept", "kept", "broken"], 0),
        (["leave,2024-01-01"], ["unjudged", "kept", "kept", "unjudged"], 0),
        (["complaint,2024-01-01", "leave,2024-01-01"], ["broken", "kept", "kept", "broken"], 0),
        (["complaint,2024-01-01", "leave,2024-01-02"], ["broken", "unjudged", "kept", "broken"], 0),
        (["park,2024-01-01", "complaint,2024-01-02", "release,2024-01-02"], ["broken", "kept", "kept", "broken"], 0),
        (["park,2024-01-01", "complaint,2024-01-02"], ["broken", "kept", "open", "open"], 1),
        (["complaint,2024-01-01", "complaint,2024-01-01", "park,2024-01-02"], ["broken", "broken", "open", "kept"], 0),
    ],
    ids=[
        "one event alone triggers it",
        "several events can trigger it",
        "the event's row is directly before",
        "the event's row is at another instant",
        "two rows at one instant are one",
        "a transition must follow",
        "an event twice",
    ],
)  # fmt: skip
def test_the_events_of_a_log_that_names_one_thing_in_each_row(tmp_path, rows, verdicts, not_allowed):
    """A transition stands for the one event that can trigger it; an open obligation in a final state is broken."""
    assert audited(tmp_path, *rows) == (verdicts, not_allowed)
