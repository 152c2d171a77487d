from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.timing.clock import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_MINUTE,
    MICROSECONDS_PER_SECOND,
    MICROSECONDS_PER_YEAR,
    Duration,
    Epoch,
    WorkingInterval,
    format_hours,
    parse_duration,
    parse_hours,
    parse_rate,
)
from workflow.errors import InputError
from workflow.files.dates import parse_date, parse_instant

DAY, HOUR, MINUTE = MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE


def message(reader, *args):
    """Return what a reader says about a mistake."""
    with pytest.raises(InputError) as caught:
        reader(*args)
    assert all(problem.position is None for problem in caught.value.problems)
    return str(caught.value)


# Durations


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("27 minutes", 27 * 60 * 10**6),
        ("1 minute", 60 * 10**6),
        ("1.5 hours", 90 * 60 * 10**6),
        ("45 days", 45 * 86_400 * 10**6),
        ("2 weeks", 14 * 86_400 * 10**6),
        ("1 month", 2_629_800 * 10**6),
        ("12 years", 12 * 31_557_600 * 10**6),
        ("0 days", 0),
        ("90 seconds", 90 * 10**6),
        ("  1   Hour ", 3600 * 10**6),
        ("5minutes", 300 * 10**6),
        ("1e3 seconds", 1000 * 10**6),
        ("1000 years", 1000 * 31_557_600 * 10**6),
        ("1e-999 years", 0),
    ],
)
def test_duration_in_calendar_time(text, microseconds):
    """A duration is its number times its unit; a month is 365.25/12 = 30.4375 days = 2,629,800 seconds."""
    assert parse_duration(text) == Duration(microseconds, working=False)


@pytest.mark.parametrize(("text", "days"), [("3 working days", 3), ("1 working day", 1), ("2.5 working days", 2.5)])
def test_duration_in_working_days(text, days):
    """Working days are marked as such and count 24 hours each."""
    assert parse_duration(text) == Duration(int(days * DAY), working=True)


def test_duration_is_rounded_once_half_to_even():
    """Half a microsecond goes to the even neighbour: 0.5, 1.5 and 2.5 become 0, 2 and 2."""
    assert [parse_duration(f"{x}e-6 seconds").microseconds for x in (0.5, 1.5, 2.5)] == [0, 2, 2]


@given(st.decimals(0, 10_000, places=6, allow_nan=False, allow_infinity=False))
def test_duration_is_exact(number):
    """A written decimal is scaled without a binary fraction in between."""
    expected = round(Fraction(number) * HOUR)
    assert parse_duration(f"{number} hours").microseconds == expected


@pytest.mark.parametrize("value", ["27", 27])
def test_duration_without_unit(value):
    """A bare number is refused with an example and all units."""
    assert message(parse_duration, value) == (
        "'27' has no unit; write for example '27 minutes' (seconds, minutes, hours, days, weeks, months, years, working days)"
    )


@pytest.mark.parametrize(("text", "near"), [("5 minuts", "minutes"), ("5 hrs", "hours"), ("1 workday", "working day")])
def test_duration_with_an_unknown_unit(text, near):
    """An unknown unit is refused with the nearest known one."""
    assert message(parse_duration, text).endswith(f"Did you mean '{near}'?")


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("-3 days", "is negative"),
        ("nan days", "must be finite"),
        ("-inf days", "must be finite"),
        ("1000.01 years", "longer than 1000 years"),
        ("365251 working days", "longer than 1000 years"),
        ("1e999 days", "longer than 1000 years"),
        ("9" * 5000 + " seconds", "longer than 1000 years"),
        ("five days", "does not start with a number"),
        ("", "does not start with a number"),
        ("1,000 days", "has a comma"),
        ("5 1/2 days", "is not a unit"),
        ("٣ days", "does not start with a number"),
        (None, "got nothing"),
        (True, "got 'true'"),
        (["5 days"], "got a list"),
        ({"days": 5}, "got a mapping"),
    ],
)
def test_duration_refused(value, part):
    """A value that is not a length of time is refused, with the reason in one sentence."""
    assert part in message(parse_duration, value)


# Rates


@pytest.mark.parametrize(
    ("text", "per_day"),
    [
        ("0.02 per year", 0.02 / 365.25),
        ("250 per month", 250 / 30.4375),
        ("5 per day", 5.0),
        ("0.2 per minute", 288.0),
        ("1 per 2 weeks", 1 / 14),
        ("0 per year", 0.0),
        ("16.5% within 3 years", -math.log(1 - 0.165) / (3 * 365.25)),
        ("0.165 within 3 years", -math.log(1 - 0.165) / (3 * 365.25)),
        ("0% within 1 year", 0.0),
    ],
)
def test_rate_per_day(text, per_day):
    """A rate is events per day; a probability p within a span is the hazard -ln(1 - p) / span."""
    assert parse_rate(text) == pytest.approx(per_day, rel=1e-15)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("0.02", "'0.02' has no unit"),
        (0.02, "'0.02' has no unit"),
        ("16.5%", "has no unit"),
        ("5 pre day", "Did you mean 'per'?"),
        ("5 per dya", "Did you mean 'day'?"),
        ("5 per", "has no unit of time"),
        ("2% per year", "is a share"),
        ("100% within 1 year", "not a probability below 1"),
        ("16.5 within 3 years", "not a probability below 1"),
        ("5 per working day", "a rate counts calendar time"),
        ("1 per 0 days", "zero length"),
        ("1 per -2 days", "is negative"),
        ("-1 per day", "is negative"),
        ("nan per day", "must be finite"),
        ("2e6 per second", "more than one event per microsecond"),
        (None, "got nothing"),
    ],
)
def test_rate_refused(value, part):
    """A value that is not a rate is refused, with the reason in one sentence."""
    assert part in message(parse_rate, value)


# Moments


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2022-06-21", datetime(2022, 6, 21)),
        ("2022-06-21 13:22", datetime(2022, 6, 21, 13, 22)),
        ("2022-06-21T13:22:30", datetime(2022, 6, 21, 13, 22, 30)),
        ("2022-06-21 13:22:30.25", datetime(2022, 6, 21, 13, 22, 30, 250_000)),
        (date(2012, 2, 29), datetime(2012, 2, 29)),
        (datetime(2012, 2, 29, 8), datetime(2012, 2, 29, 8)),
    ],
)
def test_instant(value, moment):
    """Text, dates and naive datetimes are read; a date means its 00:00."""
    assert parse_instant(value) == moment


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2011-02-31", "'2011-02-31' is not a date: February 2011 has 28 days"),
        ("2012-02-30", "'2012-02-30' is not a date: February 2012 has 29 days"),
        ("2012-06-00", "'2012-06-00' is not a date: June 2012 has 30 days"),
        ("2012-13-01", "'2012-13-01' is not a date: months are 01 to 12"),
        ("0000-01-01", "'0000-01-01' is not a date: years are 0001 to 9999"),
        ("2012-06-01 24:00", "'2012-06-01 24:00' is not a time of day; times are 00:00:00 to 23:59:59"),
        ("21.6.2022", "'21.6.2022' is not a date; write for example '2022-06-21' or '2022-06-21 13:22:30'"),
        (20220621, "expected a date such as '2022-06-21', got '20220621'"),
        (None, "expected a date such as '2022-06-21', got nothing"),
    ],
)
def test_instant_refused(value, text):
    """An impossible date says what would have been possible."""
    assert message(parse_instant, value) == text


@pytest.mark.parametrize(
    "value", [datetime(2022, 6, 21, tzinfo=UTC), "2022-06-21 13:22Z", "2022-06-21T13:22:30+02:00", "2022-06-21 13:22 UTC"]
)
def test_instant_with_a_zone(value):
    """Times are local wall-clock: a time zone is refused by name."""
    assert "names a time zone" in message(parse_instant, value)


def test_date_refuses_a_time_of_day():
    """Where only a date makes sense, a time of day is an error, and 00:00 is not."""
    assert parse_date("2012-01-02 00:00") == date(2012, 1, 2)
    assert "has a time of day" in message(parse_date, "2012-01-02 09:00")


def test_epoch_counts_from_midnight_of_the_start():
    """From 2011-12-05, 09:30 on the 6th is 33.5 hours on, and the 4th lies before 0."""
    epoch = Epoch(date(2011, 12, 5))
    assert epoch.microseconds(date(2011, 12, 5)) == 0
    assert epoch.microseconds(datetime(2011, 12, 6, 9, 30)) == 33 * HOUR + 30 * MINUTE
    assert epoch.microseconds(date(2011, 12, 4)) == -DAY


def test_epoch_end_of_a_date_is_the_start_of_the_next():
    """24:00 of the last day of 2011 is 00:00 of 2012, and belongs to 2012."""
    epoch = Epoch(date(2011, 12, 5))
    assert epoch.end_of(date(2011, 12, 31)) == epoch.microseconds(date(2012, 1, 1)) == 27 * DAY
    assert epoch.date(27 * DAY) == date(2012, 1, 1)
    assert epoch.date(27 * DAY - 1) == date(2011, 12, 31)


def test_epoch_refuses_a_time_of_day():
    """A scenario starts at 00:00 of a date."""
    assert "starts at 00:00 of a date" in message(Epoch, datetime(2011, 12, 5, 9))


def test_epoch_refuses_fractions_of_a_microsecond():
    """A float is a mistake of the caller, not a moment to be rounded."""
    with pytest.raises(TypeError):
        Epoch(date(2011, 12, 5)).instant(1.5)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))
def test_epoch_there_and_back(start, moment):
    """Any datetime survives the way into microseconds and back, to the microsecond."""
    epoch = Epoch(start)
    microseconds = epoch.microseconds(moment)
    assert epoch.instant(microseconds) == moment
    assert epoch.date(microseconds) == moment.date()
    assert microseconds == epoch.end_of(moment.date()) - DAY + (
        moment - datetime.combine(moment.date(), datetime.min.time())
    ) // timedelta(microseconds=1)


def test_half_hours_add_up():
    """Ten half-hour tasks from 09:00 end at 14:00 to the bit, which float days do not manage."""
    epoch = Epoch(date(2022, 6, 23))
    t = epoch.microseconds(datetime(2022, 6, 23, 9)) + 10 * parse_duration("30 minutes").microseconds
    assert epoch.instant(t) == datetime(2022, 6, 23, 14)


def test_constants():
    """The units are whole microseconds, the year 365.25 days."""
    assert MICROSECONDS_PER_SECOND == 10**6
    assert MICROSECONDS_PER_YEAR == 365.25 * DAY
    assert isinstance(MICROSECONDS_PER_YEAR, int)


# Hours of a date


@pytest.mark.parametrize(
    ("value", "intervals"),
    [
        ("08:00-16:30", [(8, 16.5)]),
        ("8:00 - 16:30", [(8, 16.5)]),
        ("22:00-06:00", [(22, 30)]),
        ("16:00-00:00", [(16, 24)]),
        ("00:00-24:00", [(0, 24)]),
        ("08:00-12:00, 13:00-17:00", [(8, 12), (13, 17)]),
        (["13:00-17:00", "08:00-12:00"], [(8, 12), (13, 17)]),
        ("08:00-12:00,12:00-16:00", [(8, 12), (12, 16)]),
        ("08:00:00-08:00:36", [(8, 8.01)]),
        ("closed", []),
        ([], []),
    ],
)
def test_hours(value, intervals):
    """Intervals are read in order of time, across midnight too, and touching ones stay two."""
    assert parse_hours(value) == tuple(WorkingInterval(int(a * HOUR), int(b * HOUR)) for a, b in intervals)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("8-16", "write for example '08:00-16:30'"),
        ("", "write for example '08:00-16:30'"),
        ("08:00-16:61", "times of day are 00:00 to 24:00"),
        ("08:00-24:01", "times of day are 00:00 to 24:00"),
        ("08:00-08:00", "a whole day is '00:00-24:00'"),
        ("24:00-06:00", "write 00:00 on the next day"),
        ("08:00-12:00, 11:00-13:00", "the hours 08:00-12:00 and 11:00-13:00 overlap"),
        (None, "got nothing"),
        ([8, 16], "got a list"),
    ],
)
def test_hours_refused(value, part):
    """Hours that cannot be read, or overlap, are refused with the reason."""
    assert part in message(parse_hours, value)


def test_hours_tell_all_mistakes_at_once():
    """Two bad intervals of one date are two problems of one error."""
    with pytest.raises(InputError) as caught:
        parse_hours("8-12, 13-17")
    assert [re.findall("'(.*?)'", p.message)[0] for p in caught.value.problems] == ["8-12", "13-17"]


times = st.integers(0, 24 * 60 - 1)


@given(times, times.map(lambda minute: minute + 1))
def test_hours_there_and_back(start, end):
    """What `format_hours` writes, `parse_hours` reads."""
    if start == end:
        end += 1
    hours = (WorkingInterval(start * MINUTE, (end if end > start else end + 24 * 60) * MINUTE),)
    assert parse_hours(format_hours(hours)) == hours
