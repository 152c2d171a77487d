"""Hand-computed deadlines: the last day of a period, in audits of all rows at once and of one time."""

import datetime as dt

import numpy as np
import pytest

from workflow.errors import InputError
from workflow.model.time_limits import TimeLimit
from workflow.model.working_days import named_working_days, parse_working_days

BEGIN = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)


def last_moment(limit, begun):
    """Return the last microsecond of a period, computed for one time and for an array of times."""
    microseconds = (dt.datetime.fromisoformat(begun) - BEGIN) // MICROSECOND
    one, [in_array] = limit.end(microseconds), limit.ends(np.array([microseconds])).tolist()
    assert one == in_array
    return BEGIN + one * MICROSECOND


DEADLINES = [
    (0, "days", "2024-01-15 23:59", "2024-01-15"),
    (1, "days", "2024-02-28 00:00", "2024-02-29"),
    (1, "days", "2023-02-28 00:00", "2023-03-01"),
    (60, "days", "2011-09-20 08:00", "2011-11-19"),
    (60, "days", "2011-03-15 00:00", "2011-05-14"),
    (2, "weeks", "2024-12-25 12:00", "2025-01-08"),
    (0, "months", "2024-01-31 10:00", "2024-01-31"),
    (1, "months", "2024-01-31 10:00", "2024-02-29"),
    (1, "months", "2023-01-31 10:00", "2023-02-28"),
    (1, "months", "2024-02-29 10:00", "2024-03-29"),
    (1, "months", "2024-12-31 10:00", "2025-01-31"),
    (6, "months", "2024-08-31 10:00", "2025-02-28"),
    (12, "months", "2024-01-15 00:00", "2025-01-15"),
    (1, "years", "2024-01-15 00:00", "2025-01-15"),
    (1, "years", "2024-02-29 17:00", "2025-02-28"),
    (4, "years", "2024-02-29 17:00", "2028-02-29"),
    (100, "years", "2000-02-29 17:00", "2100-02-28"),
    (1, "months", "1899-12-31 00:00", "1900-01-31"),
]


@pytest.mark.parametrize(("number", "unit", "begun", "last_day"), DEADLINES)
def test_a_period_runs_to_the_end_of_its_last_day(number, unit, begun, last_day):
    """Whatever the clock showed when it began."""
    end = last_moment(TimeLimit(number, unit), begun)
    assert end == dt.datetime.fromisoformat(last_day) + dt.timedelta(days=1) - MICROSECOND


@pytest.mark.parametrize(
    ("number", "unit", "end"),
    [(90, "minutes", "2024-01-01 11:30"), (36, "hours", "2024-01-02 22:00"), (0.5, "hours", "2024-01-01 10:30")],
)
def test_hours_and_minutes_are_elapsed_time(number, unit, end):
    """They end at the minute."""
    assert last_moment(TimeLimit(number, unit), "2024-01-01 10:00") == dt.datetime.fromisoformat(end)


OFFICE = {"days": "mon-thu", "holidays": "US", "closed": ["2024-12-23 to 2024-12-24"], "open": ["2024-12-27"]}
COPIED = {"hours": {"mon-thu": "09:00-17:00", "fri": "closed"}, "holidays": "US", "open": {dt.date(2024, 12, 27): "09:00-12:00"}}


@pytest.mark.parametrize(
    ("number", "calendar", "begun", "last_day"),
    [
        (0, "weekdays", "2024-06-15 10:00", "2024-06-15"),  # a Saturday
        (1, "weekdays", "2024-06-14 10:00", "2024-06-17"),  # Friday to Monday
        (1, "weekdays", "2024-06-15 10:00", "2024-06-17"),  # Saturday to Monday
        (10, "weekdays", "2024-06-14 00:00", "2024-06-28"),
        (1, "US", "2024-07-03 10:00", "2024-07-05"),  # Independence Day does not count
        (5, "US", "2024-12-24 10:00", "2025-01-02"),  # Christmas and New Year's Day
        (1, "US-CO", "2024-10-04 10:00", "2024-10-08"),  # Frances Xavier Cabrini Day, in Colorado alone
        (1, "US", "2024-10-04 10:00", "2024-10-07"),
        (2, OFFICE, "2024-12-19 10:00", "2024-12-27"),  # 26 December, and a Friday that counts
        (2, COPIED, "2024-12-19 10:00", "2024-12-24"),
        (2000, "weekdays", "2024-01-01 00:00", "2031-09-01"),
    ],
)
def test_working_days_end_on_the_last_working_day(number, calendar, begun, last_day):
    """The day on which a period begins is not counted."""
    limit = TimeLimit(number, "working days", parse_working_days(calendar))
    assert last_moment(limit, begun).date() == dt.date.fromisoformat(last_day)


def test_holidays_that_are_not_known_are_an_error():
    """The message says for which years they are known."""
    with pytest.raises(InputError, match="those of 'US' are known for"):
        TimeLimit(1, "working days", named_working_days("US")).end(-(10**16))  # 1653
