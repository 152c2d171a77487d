from __future__ import annotations

import json
import pickle
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.timing.calendar_spec import parse_calendar
from simulations.timing.calendars import FAR, Calendar, ShiftEnd
from simulations.timing.clock import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_MINUTE,
    Epoch,
    format_hours,
    parse_hours,
)
from workflow.errors import InputError

DAY, HOUR, MINUTE = MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE
OFFICE = {"mon-fri": "08:00-16:30"}


def compiled(starts, ends, hours=OFFICE, **rest):
    """Return the epoch and the calendar of a run between two ISO dates."""
    epoch = Epoch(date.fromisoformat(starts))
    return epoch, parse_calendar(hours, **rest).compile("office", epoch, date.fromisoformat(ends))


def at(epoch, text):
    """Return the microseconds of an instant in ISO format."""
    return epoch.microseconds(datetime.fromisoformat(text))


def intervals(epoch, calendar):
    """Return the working intervals as text, day by day."""
    return [f"{epoch.instant(a):%a %H:%M}-{epoch.instant(b):%H:%M}" for a, b in zip(calendar.opens, calendar.closes, strict=True)]


def calendar_of(bounds):
    """Return the calendar of these (open, close) intervals."""
    longest = max((close - open for open, close in bounds), default=0)
    return Calendar.build("bench", bounds, tuple(open // DAY for open, _ in bounds), longest)


def problems(hours, **rest):
    """Return the messages about a calendar as written."""
    with pytest.raises(InputError) as caught:
        parse_calendar(hours, **rest)
    return [problem.message for problem in caught.value.problems]


def overtime(calendar: Calendar, start: int, completion: int) -> int:
    """Return the microseconds of [start, completion) that lie off shift."""
    return completion - start - (calendar.working_time(completion) - calendar.working_time(start))


# Compiling


def test_office_week():
    """Monday to Friday 08:00-16:30 over a week is five intervals of 8.5 hours."""
    epoch, office = compiled("2022-06-20", "2022-06-26")
    assert intervals(epoch, office) == [f"{d} 08:00-16:30" for d in ("Mon", "Tue", "Wed", "Thu", "Fri")]
    assert office.working_time(epoch.end_of(date(2022, 6, 26))) == 42.5 * HOUR
    assert office.worked == tuple(int(8.5 * HOUR) * k for k in range(6))


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("mon", "Mon"),
        ("mon,wed", "Mon Wed"),
        ("Mon-Wed, fri", "Mon Tue Wed Fri"),
        ("sat-mon", "Mon Sat Sun"),
        ("mon-sun", "Mon Tue Wed Thu Fri Sat Sun"),
        ("tue-tue", "Tue"),
    ],
)
def test_weekdays(key, days):
    """A key names one weekday, a range, a list, or a range round the end of the week."""
    epoch, calendar = compiled("2022-06-20", "2022-06-26", {key: "09:00-10:00"})
    assert intervals(epoch, calendar) == [f"{day} 09:00-10:00" for day in days.split()]


def test_federal_holidays_of_the_pilot():
    """A holiday on a Sunday is observed on the next Monday; the list contains both days."""
    epoch, office = compiled("2011-12-05", "2012-09-30", holidays="US")
    listed = {day for day, _ in office.holidays}
    assert listed == {
        *("2011-12-25", "2011-12-26", "2012-01-01", "2012-01-02", "2012-01-16", "2012-02-20"),
        *("2012-05-28", "2012-07-04", "2012-09-03"),
    }
    assert ("2011-12-26", "Christmas Day (observed)") in office.holidays
    assert all(office.interval_at(at(epoch, f"{day} 10:00")) is None for day in listed)
    assert office.interval_at(at(epoch, "2011-12-27 10:00")) is not None


def test_new_year_observed_in_the_old_year():
    """New Year's Day 2011 was a Saturday: the run that ends in 2010 is closed on Friday, 31 December 2010."""
    _, office = compiled("2010-12-27", "2010-12-31", holidays="US")
    assert office.holidays == (("2010-12-31", "New Year's Day (observed)"),)
    assert len(office.opens) == 4


def test_holidays_not_observed():
    """Without observed days the Monday after a Sunday Christmas is worked."""
    _, office = compiled("2011-12-24", "2011-12-31", holidays={"country": "US", "observed": False})
    assert [day for day, _ in office.holidays] == ["2011-12-25"]


@pytest.mark.parametrize("rules", ["US-CO", {"country": "US", "state": "CO"}, {"country": "US", "state": "Colorado"}])
def test_holidays_of_a_state(rules):
    """Colorado keeps 31 March, a day that the federal list lacks."""
    _, office = compiled("2011-03-28", "2011-04-03", holidays=rules)
    assert [day for day, _ in office.holidays] == ["2011-03-31"]


def test_holiday_names_do_not_follow_the_locale(monkeypatch):
    """The names in a manifest are the same whatever language the environment asks for."""
    monkeypatch.setenv("LANGUAGE", "fr")
    _, office = compiled("2022-12-24", "2022-12-31", holidays="FR")
    assert office.holidays == (("2022-12-25", "Christmas Day"),)


def test_closures():
    """Single dates and ranges, both ends included, take days out."""
    epoch, office = compiled("2022-06-20", "2022-06-26", closed=[date(2022, 6, 20), "2022-06-22 to 2022-06-23"])
    assert intervals(epoch, office) == ["Tue 08:00-16:30", "Fri 08:00-16:30"]
    assert office.closed == ("2022-06-20", "2022-06-22", "2022-06-23")


def test_open_day_on_a_weekend():
    """An extra Saturday adds its own hours; so does one on a holiday, or on a closed or ordinary day."""
    extra = {date(2011, 12, 24): "09:00-12:00", "2011-12-26": "10:00-11:00", "2011-12-27": "12:00-13:00"}
    epoch, office = compiled("2011-12-23", "2011-12-28", holidays="US", closed=["2011-12-27"], open=extra)
    assert intervals(epoch, office) == [
        *("Fri 08:00-16:30", "Sat 09:00-12:00", "Mon 10:00-11:00", "Tue 12:00-13:00", "Wed 08:00-16:30")
    ]
    assert office.extra[0] == ("2011-12-24", "09:00-12:00")


def test_interval_across_midnight_belongs_to_its_first_date():
    """The night of a closed Tuesday is off, but that of Monday still reaches into it; the same holds for a holiday."""
    epoch, night = compiled("2022-06-20", "2022-06-22", {"mon-wed": "22:00-06:00"}, closed=["2022-06-21"])
    assert intervals(epoch, night) == ["Mon 22:00-06:00", "Wed 22:00-06:00"]
    assert night.interval_at(at(epoch, "2022-06-21 05:59")) == 0
    epoch, night = compiled("2011-12-24", "2011-12-27", {"mon-sun": "22:00-06:00"}, holidays="US")
    assert intervals(epoch, night) == ["Sat 00:00-06:00", "Sat 22:00-06:00", "Tue 22:00-06:00"]


def test_interval_begun_the_evening_before_counts_from_zero():
    """A night that reaches into the first date is cut at 0, and counts to the date before."""
    epoch, night = compiled("2022-06-21", "2022-06-22", {"mon-sun": "22:00-06:00"})
    assert night.opens[0] == 0
    assert night.closes[0] == 6 * HOUR
    assert night.working_time(8 * HOUR) == 6 * HOUR
    assert night.days == (-1, 0, 1)
    assert night.closes[-1] == at(epoch, "2022-06-23 06:00")


def test_evening_ending_at_the_start_leaves_nothing():
    """An interval that closes at 24:00 of the eve does not reach into the run."""
    epoch, evening = compiled("2022-06-21", "2022-06-21", {"mon-sun": "18:00-24:00"})
    assert intervals(epoch, evening) == ["Tue 18:00-00:00"]


def test_touching_intervals_are_separate():
    """Two touching intervals are two openings, and `fit` work must end within one."""
    _, calendar = compiled("2022-06-20", "2022-06-20", {"mon": "08:00-12:00, 12:00-16:00"})
    assert calendar.opens == (8 * HOUR, 12 * HOUR)
    assert not calendar.fits(11 * HOUR, 2 * HOUR)
    assert calendar.complete(11 * HOUR, 2 * HOUR) == 13 * HOUR


def test_overlapping_days_are_an_error():
    """A night shift that runs into the next morning's hours is refused with the date."""
    with pytest.raises(InputError, match=r"hours: the hours of 2022-06-21 \(05:00-09:00\) overlap those of the day before"):
        compiled("2022-06-20", "2022-06-22", {"mon": "22:00-06:00", "tue": "05:00-09:00"})


def test_run_that_ends_before_it_starts():
    """The last date may not lie before the first."""
    with pytest.raises(InputError, match="ends: '2022-06-19' lies before the start, '2022-06-20'"):
        compiled("2022-06-20", "2022-06-19")


def test_years_without_known_holidays():
    """Years beyond the holidays package are an error, not years without holidays."""
    with pytest.raises(InputError, match="holidays: those of 'US' are known for"):
        compiled("2090-01-01", "2190-01-01", holidays="US")


def test_dates_used_are_plain_data():
    """The manifest lists the holidays, closures and extra days within the run, as JSON."""
    closed, extra = ["2011-12-23", "2013-01-01"], {"2011-12-24": "09:00-12:00", "2010-01-01": "09:00-12:00"}
    _, office = compiled("2011-12-20", "2011-12-26", holidays="US", closed=closed, open=extra)
    assert json.loads(json.dumps(office.dates_used)) == {
        "holidays": [["2011-12-25", "Christmas Day"], ["2011-12-26", "Christmas Day (observed)"]],
        "closed": ["2011-12-23"],
        "open": [["2011-12-24", "09:00-12:00"]],
    }


def test_calendar_travels_between_processes():
    """A calendar is equal to its pickled copy and cannot be changed."""
    _, office = compiled("2011-12-20", "2011-12-26", holidays="US")
    assert pickle.loads(pickle.dumps(office)) == office
    with pytest.raises(AttributeError):
        office.name = "other"


# Work


def test_work_of_friday_afternoon_resumes_on_monday():
    """Friday 16:00 plus an hour: 30 minutes on Friday, 30 on Monday, done at 08:30."""
    epoch, office = compiled("2022-06-20", "2022-06-30")
    assert office.complete(at(epoch, "2022-06-24 16:00"), HOUR) == at(epoch, "2022-06-27 08:30")


def test_work_skips_a_holiday():
    """Friday 23 December 2011, 16:00 plus an hour is Tuesday 08:30: Monday is Christmas, observed."""
    epoch, office = compiled("2011-12-05", "2011-12-31", holidays="US")
    assert office.complete(at(epoch, "2011-12-23 16:00"), HOUR) == at(epoch, "2011-12-27 08:30")


def test_work_on_a_weekly_calendar():
    """Five half-hour tasks that wait since Tuesday 13:22:30 start on Thursday at 09:00, 09:30, ..., 11:00."""
    epoch, thursdays = compiled("2022-06-21", "2022-07-10", {"thu": "09:00-14:00"})
    arrived = at(epoch, "2022-06-21 13:22:30")
    assert thursdays.interval_at(arrived) is None
    free, starts = thursdays.next_opening(arrived), []
    for _ in range(5):
        assert thursdays.interval_at(free) is not None
        starts.append(f"{epoch.instant(free):%Y-%m-%d %H:%M:%S}")
        free = thursdays.complete(free, 30 * MINUTE)
    assert starts == [f"2022-06-23 {t}:00" for t in ("09:00", "09:30", "10:00", "10:30", "11:00")]


def test_ten_half_hours_fill_a_shift():
    """Ten half-hour tasks in a five-hour shift end at its close, not a week later."""
    epoch, thursdays = compiled("2022-06-21", "2022-07-10", {"thu": "09:00-14:00"})
    free = at(epoch, "2022-06-23 09:00")
    for _ in range(10):
        assert thursdays.fits(free, 30 * MINUTE)
        free = thursdays.complete(free, 30 * MINUTE)
    assert free == at(epoch, "2022-06-23 14:00")
    assert thursdays.interval_at(free) is None


def test_work_around_a_closed_interval():
    """Capacity in [5, 10) and from 15 on, three cases at 0 of length 5: ends 10, 20, 25."""
    calendar = calendar_of([(5, 10), (15, 1000)])
    free, ends = 0, []
    for _ in range(3):
        start = free if calendar.interval_at(free) is not None else calendar.next_opening(free)
        free = calendar.complete(start, 5)
        ends.append(free)
    assert ends == [10, 20, 25]


@pytest.mark.parametrize(
    ("rule", "start", "length", "completion", "off_shift"),
    [
        ("suspend", 12, 4, 22, 6),  # 2 in [10, 14), 2 in [20, 26)
        ("suspend", 12, 2, 14, 0),  # ends at the close, not at the next opening
        ("suspend", 12, 0, 12, 0),
        ("suspend", 14, 0, 14, 0),  # also off shift
        ("suspend", 14, 1, 21, 6),  # a delay begun off shift
        ("suspend", 0, 1, 11, 10),
        ("suspend", 12, 8, 26, 6),  # the very end of the last interval
        ("suspend", 12, 9, None, None),  # more than the calendar holds
        ("suspend", 30, 1, None, None),
        ("finish", 12, 4, 16, 2),
        ("finish", 24, 9, 33, 7),
        ("fit", 12, 2, 14, 0),
        (ShiftEnd.FIT, 20, 7, 27, 1),
        (ShiftEnd.SUSPEND, 12, 4, 22, 6),
        (ShiftEnd.FINISH, 12, 0, 12, 0),
    ],
)
def test_completion_by_rule(rule, start, length, completion, off_shift):
    """Each rule by hand, on the intervals [10, 14) and [20, 26); `overtime` is what lies off shift."""
    calendar = calendar_of([(10, 14), (20, 26)])
    assert calendar.complete(start, length, rule) == completion
    if completion is not None:
        assert overtime(calendar, start, completion) == off_shift


@pytest.mark.parametrize(
    ("start", "length", "fits"),
    [
        (10, 4, True),
        (10, 5, False),  # shorter than the longest interval: it waits for that
        (10, 6, False),  # equal to the longest is not longer than the longest
        (11, 4, False),
        (14, 0, False),  # the close is off shift
        (20, 6, True),
        (20, 7, True),  # longer than every interval: at an opening, with overtime
        (10, 7, True),
        (21, 7, False),
        (5, 1, False),
    ],
)
def test_fit(start, length, fits):
    """Work fits if it ends within its interval, or is too long for all of them and starts at an opening."""
    assert calendar_of([(10, 14), (20, 26)]).fits(start, length) is fits


def test_a_longer_run_changes_no_decision_of_fit():
    """Friday's long interval counts although the run ends on Thursday: work of six hours does not start on a four-hour day."""
    hours = {"mon-thu": "08:00-12:00", "fri": "08:00-16:00"}
    _, short = compiled("2022-06-20", "2022-06-23", hours, open={"2022-06-01": "00:00-24:00"})
    _, long = compiled("2022-06-20", "2022-06-30", hours)
    assert short.longest == long.longest == 8 * HOUR
    assert short.fits(8 * HOUR, 6 * HOUR) is long.fits(8 * HOUR, 6 * HOUR) is False


def test_intervals_are_half_open():
    """The opening is on shift, the close is not."""
    calendar = calendar_of([(10, 14), (14, 26)])
    assert [calendar.interval_at(t) for t in (9, 10, 13, 14, 25, 26)] == [None, 0, 0, 1, 1, None]
    assert [calendar.next_opening(t) for t in (-1, 9, 10, 13, 14)] == [10, 10, 14, 14, None]


def test_wrong_arguments_are_errors():
    """A negative length and an unknown rule are refused."""
    calendar = calendar_of([(10, 14)])
    with pytest.raises(ValueError, match="work of length -1 microseconds"):
        calendar.complete(10, -1)
    with pytest.raises(ValueError, match="'suspended' is not a rule for the end of a shift"):
        calendar.complete(10, 1, "suspended")


def test_calendar_without_hours():
    """A calendar with no interval at all completes nothing and has no working day."""
    _, calendar = compiled("2022-06-20", "2022-06-26", {})
    assert calendar.complete(0, 1) is None
    assert calendar.next_opening(-1) is None
    assert calendar.working_time(DAY) == calendar.longest == 0
    assert calendar.working_days().opens == ()


def test_always_open():
    """Without a calendar every instant is on shift, and every date is a working date."""
    calendar = Calendar.always_open()
    assert calendar.complete(7, 1000 * 366 * DAY) == 7 + 1000 * 366 * DAY
    assert calendar.working_time(5) == 5
    assert calendar.interval_at(FAR - 1) == 0
    assert calendar.fits(3, DAY)
    assert overtime(calendar, 3, DAY) == 0
    assert calendar.working_days() is calendar


def test_arrays_for_a_kernel():
    """The arrays hold the same whole numbers, also for an endless interval."""
    for calendar in (calendar_of([(10, 14), (20, 26)]), Calendar.always_open()):
        opens, closes, worked = calendar.arrays()
        assert {a.dtype.name for a in (opens, closes, worked)} == {"int64"}
        assert (tuple(opens), tuple(closes), tuple(worked)) == (calendar.opens, calendar.closes, calendar.worked)


# Working days


def test_three_working_days():
    """Three working days from Friday 16:00 are over on Wednesday 16:00; from Saturday 10:00 at 24:00 on Wednesday."""
    epoch, office = compiled("2022-06-20", "2022-07-10")
    days = office.working_days()
    assert days.complete(at(epoch, "2022-06-24 16:00"), 3 * DAY) == at(epoch, "2022-06-29 16:00")
    assert days.complete(at(epoch, "2022-06-25 10:00"), 3 * DAY) == at(epoch, "2022-06-30 00:00")


def test_working_days_skip_holidays_and_include_extra_days():
    """From Friday 23 December 2011, a day later is Saturday if it is opened, else Tuesday after Christmas."""
    for extra, expected in ((None, "2011-12-27 10:00"), ({"2011-12-24": "09:00-10:00"}, "2011-12-24 10:00")):
        epoch, office = compiled("2011-12-05", "2011-12-31", holidays="US", open=extra)
        days = office.working_days()
        assert days.complete(at(epoch, "2011-12-23 10:00"), DAY) == at(epoch, expected)
        assert days.dates_used == office.dates_used


def test_working_dates_are_those_on_which_an_interval_starts():
    """Two intervals a day are one working day; a night counts for its first date only, the eve's not at all."""
    _, split = compiled("2022-06-20", "2022-06-26", {"mon,tue": "08:00-12:00, 13:00-17:00"})
    assert split.working_days().opens == (0, DAY)
    _, night = compiled("2022-06-21", "2022-06-26", {"mon,thu": "22:00-06:00"})
    assert night.working_days().opens == (2 * DAY,)


# Mistakes in the file


def test_all_mistakes_are_reported_at_once():
    """Each message names the key, the value and, if there is one, the nearest match."""
    messages = problems(
        {"mon-fry": "08:00-16:30", "sat": "8-12", "mon": "08:00-09:00", "mon-tue": "10:00-11:00"},
        holidays="US-XO",
        closed=["2011-02-31", "2012-01-02 to 2011-12-24", "2012-01-02 to 2012-01-03 to 2012-01-04"],
        open={"2011-12-10": "x", "2011-02-30": "08:00-09:00", "2012-01-01": "closed", date(2012, 1, 1): "closed"},
    )
    assert messages[0] == (
        "hours: mon-fry: 'fry' in 'mon-fry' is not a weekday (mon, tue, wed, thu, fri, sat, sun, or a range 'mon-fri'). "
        "Did you mean 'fri'?"
    )
    assert messages[1] == "hours: sat: '8-12' is not a working interval; write for example '08:00-16:30'"
    assert messages[2] == "hours: mon-tue: both 'mon' and 'mon-tue' contain the weekday 'mon'"
    assert messages[3].startswith("holidays: 'XO' is not a state of 'US' (allowed: AK, AL, ")
    assert messages[4] == "closed: '2011-02-31' is not a date: February 2011 has 28 days"
    assert messages[5] == "closed: '2012-01-02 to 2011-12-24' ends before it starts"
    assert messages[6].startswith("closed: '2012-01-02 to 2012-01-03 to 2012-01-04' is not a range of dates")
    assert messages[7].startswith("open: 2011-12-10: 'x' is not a working interval")
    assert messages[8:] == [
        "open: '2011-02-30' is not a date: February 2011 has 28 days",
        "open: the date '2012-01-01' is listed twice",
    ]


@pytest.mark.parametrize(
    ("holidays", "part"),
    [
        ("USS", "'USS' is not a country code (ISO 3166, such as 'US', or 'US-CO' with a state). Did you mean 'US'?"),
        ("us", "Did you mean 'US'?"),
        ("United States", "is not a country code"),
        ("US-Colorad", "Did you mean 'Colorado'?"),
        ("SG-X", "'X' is not a state of 'SG' (it has none)"),
        (False, "got 'false'"),
        ({"country": "US", "sate": "CO"}, "'sate' is not a key (country, state, observed, categories). Did you mean"),
        ({"state": "CO"}, "'country' is missing"),
        ({"country": "US", "state": []}, "state: expected a code"),
        ({"country": "US", "observed": "yes"}, "observed: expected true or false, got 'yes'"),
        ({"country": "US", "categories": 5}, "categories: expected a list"),
        ({"country": "US", "categories": "publik"}, "Did you mean 'public'?"),
    ],
)
def test_holidays_refused(holidays, part):
    """Unknown countries, states, categories and keys are refused with the nearest known one."""
    [text] = problems({}, holidays=holidays)
    assert text.startswith("holidays: ")
    assert part in text


def test_wrong_shapes():
    """The messages for hours, closures and extra days of the wrong shape name the right shape."""
    assert [text.split(",")[0] for text in problems("08:00-16:30", closed="2011-12-23", open=["2011-12-23"])] == [
        "hours: expected hours by weekday such as {mon-fri: '08:00-16:30'}",
        "closed: expected a list of dates such as [2011-12-23]",
        "open: expected hours by date such as {2011-12-10: '08:00-16:30'}",
    ]


def test_empty_keys_are_like_missing_keys():
    """An empty key of a file, which YAML reads as null, means no closures, holidays or extra days."""
    assert parse_calendar(OFFICE, holidays=None, closed=None, open=None) == parse_calendar(OFFICE)


# Properties


@st.composite
def small_calendars(draw):
    """A calendar of up to six intervals, some touching, within a few hundred units."""
    bounds, now, listed = draw(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), max_size=6)), 0, []
    for gap, length in bounds:
        listed.append((now + gap, now + gap + length))
        now = listed[-1][1]
    return calendar_of(listed)


def naive_completion(calendar, start, length):
    """Work unit by unit: the least t with `length` units worked in [start, t)."""
    t = start
    while length > 0:
        if not calendar.closes or t >= calendar.closes[-1]:
            return None
        length -= any(a <= t < b for a, b in zip(calendar.opens, calendar.closes, strict=True))
        t += 1
    return t


@given(small_calendars(), st.integers(0, 250), st.integers(0, 200))
def test_suspend_agrees_with_work_done_unit_by_unit(calendar, start, length):
    """The lookup gives the same result as counting unit by unit."""
    assert calendar.complete(start, length) == naive_completion(calendar, start, length)


@given(small_calendars(), st.integers(0, 250), st.integers(0, 250))
def test_working_time_agrees_with_counting(calendar, t, later):
    """W(t) counts the worked units before t, and never falls."""
    pairs = list(zip(calendar.opens, calendar.closes, strict=True))
    assert calendar.working_time(t) == sum(any(a <= u < b for a, b in pairs) for u in range(t))
    assert calendar.working_time(t) <= calendar.working_time(t + later)
    assert overtime(calendar, t, t + later) == sum(not any(a <= u < b for a, b in pairs) for u in range(t, t + later))


@given(small_calendars(), st.integers(0, 250), st.integers(1, 200))
def test_suspended_work_is_done_on_shift(calendar, start, length):
    """W(completion) = W(start) + length, and the completion lies in an interval or at its end."""
    completion = calendar.complete(start, length)
    if completion is None:
        assert calendar.working_time(start) + length > calendar.worked[-1]
    else:
        assert calendar.working_time(completion) == calendar.working_time(start) + length
        assert calendar.working_time(completion - 1) == calendar.working_time(completion) - 1
        assert calendar.interval_at(completion - 1) is not None


@given(small_calendars(), st.integers(0, 250), st.integers(0, 60), st.integers(0, 60))
def test_suspended_work_can_be_split(calendar, start, first, second):
    """Two pieces of work in sequence end when one piece of their total length ends."""
    between = calendar.complete(start, first)
    if between is not None:
        assert calendar.complete(between, second) == calendar.complete(start, first + second)


@given(small_calendars(), st.integers(0, 250), st.integers(0, 40))
def test_fit_is_without_overtime_unless_too_long(calendar, start, length):
    """Work that fits ends within its interval. Only work longer than every interval has overtime, and it starts at an opening."""
    if calendar.fits(start, length):
        over = overtime(calendar, start, calendar.complete(start, length, ShiftEnd.FIT))
        assert (length <= calendar.longest and over == 0) or start in calendar.opens


@st.composite
def written_hours(draw):
    """Hours of one date: up to two intervals on the half hour, the last perhaps past midnight, until 05:00."""
    bounds = sorted(draw(st.sets(st.integers(10, 58), max_size=4)))
    pairs = [(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=False) if a < 48]
    return [f"{a // 2:02}:{a % 2 * 30:02}-{b % 48 // 2:02}:{b % 2 * 30:02}" for a, b in pairs]


MONDAY = date(2022, 6, 20)
dates = st.integers(-2, 9).map(lambda k: MONDAY + timedelta(days=k))


@given(
    st.lists(written_hours(), min_size=7, max_size=7),
    st.sets(dates, max_size=3),
    st.dictionaries(dates, written_hours(), max_size=2),
    st.integers(0, 6),
)
def test_compiling_agrees_with_asking_each_half_hour(week, closed, extra, first):
    """A half hour is worked if the hours of its date contain it, or those of the date before past midnight."""
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    spec = parse_calendar(dict(zip(names, week, strict=True)), closed=sorted(closed), open=extra)
    epoch, ends = Epoch(MONDAY + timedelta(days=first)), MONDAY + timedelta(days=9)
    calendar = spec.compile("random", epoch, ends)

    def worked(day, time):
        hours = extra[day] if day in extra else [] if day in closed else week[day.weekday()]
        return any(a <= time < b for a, b in parse_hours(hours))

    for t in range(0, epoch.end_of(ends), 30 * MINUTE):
        day, time = epoch.date(t), t % DAY
        expected = worked(day, time) or worked(day - timedelta(days=1), time + DAY)
        assert (calendar.interval_at(t) is not None) is expected, (epoch.instant(t), format_hours(parse_hours(week[0])))
    assert list(calendar.worked[1:]) == [calendar.working_time(close) for close in calendar.closes]
    assert all(a <= b for a, b in zip(calendar.closes, calendar.opens[1:], strict=False))


EXACT = compiled("2011-12-05", "2012-09-30", {"mon-thu": "08:00-12:00, 12:30-16:30", "fri": "22:00-02:00"}, holidays="US")[1]


@given(st.integers(0, 40 * DAY), st.integers(0, 20 * DAY))
def test_microseconds_are_exact(start, length):
    """Over real weeks with holidays the inverse is exact to the microsecond, not only to the minute."""
    calendar = EXACT
    completion = calendar.complete(start, length)
    if completion is not None:
        assert calendar.working_time(completion) == calendar.working_time(start) + length
        assert length == 0 or calendar.working_time(completion - 1) == calendar.working_time(start) + length - 1
