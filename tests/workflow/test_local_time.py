"""Times with an offset, in UTC, and without one: the local day counts, and rows are ordered by instant."""

import duckdb
import pytest

from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.errors import InputError


def fine(within="60 days"):
    """Return a workflow in which a penalty follows a notice in time, and nothing was filed before 15 March 2011."""
    limit = within if isinstance(within, dict) else {"within": within}
    return load_workflow(
        {
            "workflow": "fine",
            "facts": {"filed": {"type": "date", "optional": True}},
            "states": {"sent": {"resting": True}, "due": {"final": True}},
            "entry": {"states": ["sent"]},
            "events": {"row": {"while": "any"}},
            "transitions": [
                {"transition": "notify", "from": "sent", "event": "row", "to": "sent"},
                {"transition": "penalty", "from": "sent", "event": "row", "to": "due"},
            ],
            "rules": [
                {"rule": "in time", "after": "notify", "then": "penalty", **limit},
                {"rule": "arrived", "never": "notify", "if": 'arrived < date("2011-03-15")'},
                {"rule": "filed", "never": "notify", "if": 'filed is not None and filed < date("2011-03-15")'},
            ],
        }
    )


def read(path, workflow, time_zone=None):
    """Return a log whose cases arrive with their first row."""
    return read_log(path, workflow, {"arrived": "time:timestamp" if path.suffix == ".xes" else "time"}, time_zone)


def verdicts(report):
    """Return the cases that break each rule."""
    return {rule.rule.name: [str(report.log.names[case]) for case in rule.cases] for rule in report.rules}


def csv(folder, rows, header="case,activity,time"):
    """Write a log, and return its path."""
    path = folder / "log.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def xes(folder, cases):
    """Write a log, given the rows and the date of filing of each case, and return its path."""
    traces = []
    for name, (filed, rows) in cases.items():
        events = "".join(
            f'<event><string key="concept:name" value="{what}"/><date key="time:timestamp" value="{at}"/></event>'
            for what, at in rows
        )
        traces.append(f'<trace><string key="concept:name" value="{name}"/><date key="filed" value="{filed}"/>{events}</trace>')
    path = folder / "log.xes"
    path.write_text(f"<log>{''.join(traces)}</log>", encoding="utf-8")
    return path


CASES = {
    # sixty days across the change to winter time, and across that to summer time
    "autumn": ("2011-03-15T00:00:00+01:00", [("notify", "2011-09-20T00:00:00+02:00"), ("penalty", "2011-11-19T00:00:00+01:00")]),
    "spring": ("2011-03-15T00:00:00+01:00", [("notify", "2011-03-15T00:00:00+01:00"), ("penalty", "2011-05-14T23:59:59+02:00")]),
    # one minute after the last day
    "late": ("2011-03-14T23:59:00+01:00", [("notify", "2011-03-15T00:00:00+01:00"), ("penalty", "2011-05-15T00:00:00+02:00")]),
    # the evening of 14 March
    "early": ("2011-05-01T00:00:00+02:00", [("notify", "2011-03-14T23:30:00+01:00"), ("penalty", "2011-05-13T23:30:00+02:00")]),
}
RIGHT = {"in time": ["late"], "arrived": ["early"], "filed": ["late"]}
ROWS = [f"{case},{what},{at},{filed}" for case, (filed, rows) in CASES.items() for what, at in rows]
HEADER = "case,activity,time,filed"


def parquet(folder, column):
    """Write the cases to a Parquet file with times of a type, and return its path."""
    path = folder / "log.parquet"
    with duckdb.connect() as connection:
        read = f"read_csv('{csv(folder, ROWS, HEADER)}', all_varchar=true)"
        query = f'select "case", activity, time::{column} as time, filed::{column} as filed from {read}'
        connection.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path


def test_a_csv_log_counts_local_days(tmp_path):
    """Sixty days across a change of the clock are sixty days."""
    assert verdicts(audit(read(csv(tmp_path, ROWS, HEADER), fine()))) == RIGHT


def test_an_xes_log_counts_local_days(tmp_path):
    """As the same log in CSV does."""
    assert verdicts(audit(read(xes(tmp_path, CASES), fine()))) == RIGHT


def test_a_parquet_log_of_strings_counts_local_days(tmp_path):
    """As the same log in CSV does."""
    assert verdicts(audit(read(parquet(tmp_path, "varchar"), fine()))) == RIGHT


def test_instants_in_a_parquet_log_are_local_in_the_time_zone_given(tmp_path):
    """TIMESTAMPTZ holds instants in UTC."""
    report = audit(read(parquet(tmp_path, "timestamptz"), fine(), time_zone="Europe/Berlin"))
    assert verdicts(report) == RIGHT
    assert report.json()["notes"] == ["times in UTC are read as local times of Europe/Berlin"]


def test_instants_without_a_time_zone_are_read_as_utc_and_the_report_says_so(tmp_path):
    """Midnight of 15 March in Berlin is 23:00 of the day before in UTC."""
    report = audit(read(parquet(tmp_path, "timestamptz"), fine()))
    assert verdicts(report)["arrived"] == ["early", "late", "spring"]
    assert list(report.render())[1] == (
        "  times in UTC are read as UTC dates and clocks (first: row 1, column 'time'); --time-zone NAME reads them as local times"
    )


@pytest.mark.parametrize("written", ["Z", "+00:00", " UTC", "z"])
@pytest.mark.parametrize(("zone", "broken"), [(None, ["1"]), ("Europe/Berlin", []), ("America/New_York", ["1"])])
def test_a_time_in_utc_is_local_in_the_time_zone_given(tmp_path, written, zone, broken):
    """23:30 in UTC is half an hour after midnight in Berlin."""
    log = csv(tmp_path, [f"1,notify,2011-03-14T23:30:00{written}"])
    assert verdicts(audit(read(log, fine(), time_zone=zone)))["arrived"] == broken


def test_dates_of_facts_in_utc_are_local_in_the_time_zone_given(tmp_path):
    """As times of rows are."""
    log = csv(tmp_path, ["1,notify,2011-05-01T10:00:00Z,2011-03-14T23:00:00Z"], HEADER)
    assert verdicts(audit(read_log(log, fine())))["filed"] == ["1"]
    assert verdicts(audit(read_log(log, fine(), time_zone="Europe/Berlin")))["filed"] == []


def test_an_offset_of_zero_is_local_where_others_occur(tmp_path):
    """London has +00:00 in winter and +01:00 in summer; a time zone changes neither."""
    rows = ["1,notify,2011-03-14T23:30:00+00:00", "2,notify,2011-06-14T23:30:00+01:00"]
    report = audit(read(csv(tmp_path, rows), fine(), time_zone="Europe/Berlin"))
    assert verdicts(report)["arrived"] == ["1"]
    assert report.log.notes == ("time zone Europe/Berlin changes nothing: no time of the log is written in UTC",)


def test_rows_are_ordered_by_instant(tmp_path):
    """The clock of the later row shows an earlier time, on an earlier day."""
    rows = ["1,penalty,2011-05-01T23:45:00-06:00", "1,notify,2011-05-02T00:30:00+02:00"]
    log = read_log(csv(tmp_path, rows), fine())
    assert [log.workflow.transitions[i].name for i in log.transition] == ["notify", "penalty"]


@pytest.mark.parametrize(("within", "late"), [("0 days", True), ("1 day", False), ("5 hours", True), ("6 hours", False)])
def test_each_time_has_its_own_offset(tmp_path, within, late):
    """From 23:00 in Denver to 07:00 in New York is six hours, and the next day."""
    rows = ["1,notify,2024-05-01T23:00:00-06:00", "1,penalty,2024-05-02T07:00:00-04:00"]
    assert verdicts(audit(read_log(csv(tmp_path, rows), fine(within))))["in time"] == ["1"] * late


def test_a_clock_that_was_turned_back_across_midnight_is_read_after_the_period_began(tmp_path):
    """The first row is on 2 May already; the obligation begins later, when it is 1 May again."""
    rows = [
        "1,penalty,2024-05-02T00:30:00+02:00", "1,notify,2024-05-01T23:45:00+01:00", "1,penalty,2024-05-01T23:50:00+01:00",
        "2,penalty,2024-05-02T00:30:00+02:00", "2,notify,2024-05-01T23:45:00+01:00", "2,penalty,2024-05-02T00:00:00+01:00",
    ]  # fmt: skip
    assert verdicts(audit(read_log(csv(tmp_path, rows), fine("0 days"))))["in time"] == ["2"]


@pytest.mark.parametrize(
    ("until", "late"),
    [("2011-11-19T23:59:59+01:00", False), ("2011-11-20T00:00:00+01:00", True), ("2011-11-19T23:30:00Z", False)],
)
def test_the_end_of_a_log_is_on_its_local_clock(tmp_path, until, late):
    """An obligation is open until the last local day is over."""
    rows = ["1,notify,2011-09-20T08:00:00+02:00", f"2,penalty,{until}"]
    report = audit(read_log(csv(tmp_path, rows), fine()))
    assert verdicts(report)["in time"] == ["1"] * late
    assert report.rules[0].open == 1 - late


def test_hours_are_elapsed_across_a_change_of_the_clock(tmp_path):
    """The night of the change to summer time has one hour less."""
    rows = ["1,notify,2011-03-27T01:00:00+01:00", "1,penalty,2011-03-27T05:00:00+02:00"]
    assert verdicts(audit(read_log(csv(tmp_path, rows), fine("3 hours"))))["in time"] == []


def test_printed_times_show_the_local_clock(tmp_path):
    """In the report and in the list of offending cases."""
    report = audit(read(csv(tmp_path, ROWS, HEADER), fine()))
    at = {row["case"]: row["at"] for row in report.offending() if row["against"] in ("in time", "arrived")}
    assert at == {"late": "2011-05-15T00:00:00.000000", "early": "2011-03-14T23:30:00.000000"}
    assert next(report.render()) == "fine: 4 cases, 8 rows, 2011-03-14 to 2011-11-19"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["1,notify,2011-03-15T00:00:00+01:00", "1,penalty,2011-05-01 10:00", "2,notify,2011-05-02"],
            "row 3, column 'time': '2011-05-01 10:00' has no offset from UTC, but row 2, column 'time':"
            " '2011-03-15T00:00:00+01:00' has one; give either all times of a log an offset, or none",
        ),
        (
            ["1,notify,2011-03-15", "1,penalty,2011-05-01T10:00:00Z"],
            "row 2, column 'time': '2011-03-15' has no offset from UTC, but row 3, column 'time':"
            " '2011-05-01T10:00:00Z' has one; give either all times of a log an offset, or none",
        ),
    ],
    ids=["offset first", "UTC last"],
)
def test_times_with_and_without_an_offset_are_an_error_with_the_first_place_of_each(tmp_path, rows, message):
    """Their order would be a guess."""
    with pytest.raises(InputError) as caught:
        read_log(csv(tmp_path, rows), fine())
    assert str(caught.value).endswith(message)


def test_a_date_of_a_fact_needs_no_offset(tmp_path):
    """It is a date, not a time."""
    log = csv(tmp_path, ["1,notify,2011-03-15T00:00:00+01:00,2011-03-15"], HEADER)
    assert verdicts(audit(read_log(log, fine()))) == {"in time": [], "arrived": [], "filed": []}


def test_months_and_years_of_a_log_are_those_of_the_calendar(tmp_path):
    """A year from a day before a leap day, a month from the first of January, and 30 days from the first of February."""
    rows = [
        "leap,notify,2024-01-15 00:00:00", "leap,penalty,2025-01-15 00:00:00",
        "month31,notify,2024-01-01 00:00:00", "month31,penalty,2024-02-01 00:00:00",
        "feb,notify,2023-02-01 00:00:00", "feb,penalty,2023-03-03 00:00:00",
    ]  # fmt: skip
    log = csv(tmp_path, rows)
    late = {within: verdicts(audit(read_log(log, fine(within))))["in time"] for within in ("1 year", "12 months", "1 month")}
    assert late == {"1 year": [], "12 months": [], "1 month": ["feb", "leap"]}


def test_a_naive_time_of_an_xes_log_is_an_error_with_its_trace_and_event(tmp_path):
    """And with those of the first time that has an offset."""
    cases = {
        "x1": ("2016-03-06T00:00:00.000Z", [("notify", "2100-03-06T00:30:00.000+05:00"), ("notify", "2100-03-06T16:13:00.000Z")]),
        "x2": ("2016-03-06", [("notify", "2100-03-06 10:00:00"), ("penalty", "2100-03-08T05:00:00.001Z")]),
    }
    with pytest.raises(
        InputError, match=r"trace 2, event 1, column 'time:timestamp': '2100-03-06 10:00:00' has no offset.*trace 1, event 1,"
    ):
        read_log(xes(tmp_path, cases), fine())


def test_the_rule_is_named_if_its_holidays_are_not_known(tmp_path):
    """The rule cannot be judged on such a log."""
    workflow = fine({"within": "3 working days", "calendar": "US"})
    with pytest.raises(InputError, match=r"rule 'in time': within: holidays: those of 'US' are known for"):
        audit(read_log(csv(tmp_path, ["1,notify,1653-03-15"]), workflow))


def test_an_unknown_time_zone_is_an_error(tmp_path):
    """The nearest name is suggested."""
    log = csv(tmp_path, ["1,notify,2011-03-15"])
    with pytest.raises(InputError, match=r"time zone Europe/Berln: is not a time zone.*Did you mean 'Europe/Berlin'"):
        read_log(log, fine(), time_zone="Europe/Berln")


def test_a_run_folder_takes_no_time_zone(tmp_path):
    """Its times are local times."""
    with pytest.raises(InputError, match="time zone: does not apply to a run folder"):
        read_log(tmp_path, fine(), time_zone="UTC")
