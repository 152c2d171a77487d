"""Hearing dates: who is booked for which date, who is called on it, and who is booked again."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulations import Scenario, run
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import BrokenInvariant, check_log
from simulations.measuring.measures import measure
from simulations.planning.condition import Condition
from simulations.running.in_memory import gather_in_memory, replicate_in_memory
from simulations.running.options import ReplicationOptions
from simulations.statements.of_runs import answer
from tests.simulations.both_engines import assert_same, planned
from tests.simulations.random_scenarios import loaded
from workflow.errors import InputError

WORKFLOW: dict[str, Any] = {
    "workflow": "court",
    "facts": {"urgent": {"type": "boolean"}, "notice": {"type": "integer", "minimum": 0, "maximum": 180}},
    "record": {"excused": {"type": "boolean", "default": False}},
    "activities": {"hear": {}, "sign": {}},
    "events": {"settle": {"while": ["docket"], "when": "urgent"}, "excuse": {"while": ["docket"], "set": {"excused": True}}},
    "entry": {"states": ["docket", "counter"]},
    "states": {
        "docket": {"activity": "hear"}, "counter": {"activity": "sign"}, "heard": {"final": True}, "settled": {"final": True},
    },
    "transitions": [
        {"transition": "decide", "from": ["docket", "counter"], "to": "heard"},
        {"transition": "withdraw", "from": "docket", "to": "settled", "event": "settle"},
    ],
}  # fmt: skip


def court(arrivals: list[str] | dict[str, Any], **keys: Any) -> Scenario:
    """Return a scenario of one judge who sits from nine to twelve and has two slots a day; each hearing takes an hour."""
    hear = {"pool": "judge", "takes": "1 hour", "appointment": {"at_least": "2 days"} | keys.pop("appointment", {})}
    judge = {"at": "court", "size": 1, "calendar": "days", "slots": {"mon-fri": 2}} | keys.pop("judge", {})
    return loaded(
        {
            "scenario": "court",
            "workflow": keys.pop("workflow", WORKFLOW),
            "starts": dt.date(2024, 1, 8),  # a Monday
            "ends": keys.pop("ends", dt.date(2024, 2, 2)),
            "calendars": keys.pop("calendars", None)
            or {"days": {"hours": {"mon-fri": "09:00-12:00"}, "closed": keys.pop("closed", [])}},
            "pools": {"judge": _given(judge)},
            "activities": {"hear": _given(hear | keys.pop("hear", {})), "sign": {"pool": "judge", "takes": "1 hour"}},
            "people": {"urgent": 0, "notice": 5} | keys.pop("people", {}),
            "arrivals": arrivals
            if isinstance(arrivals, dict)
            else {"all": {"into": "docket", "at": [f"2024-01-{a}" for a in arrivals]}},
            **keys,
        }
    )


def _given(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def log_of(scenario: Scenario) -> EventLog:
    """Return the log of a run, checked; it is the same on both engines."""
    plan, path = planned(scenario, 1)
    log = simpy_engine.simulate(plan, path)
    if compiled_engine.available():
        assert_same(log, compiled_engine.simulate(plan, path))
    check_log(log)
    return log


def booked(scenario: Scenario) -> list[str]:
    """Return the bookings of a run: case, cause other than a first booking, and the day of the month."""
    rows = [row for row in log_of(scenario).rows() if row["cause"] in ("booked", "not_called", "date_closed")]
    days = [f"{row['booked_for']:%d}" if row["booked_for"] else "none" for row in rows]
    return [
        f"{r['case_id']}{'' if r['cause'] == 'booked' else ' ' + r['cause']} {day}" for r, day in zip(rows, days, strict=True)
    ]


def called(scenario: Scenario) -> list[str]:
    """Return the starts of hearings by case, with day and hour."""
    rows = [row for row in log_of(scenario).rows() if row["started_at"] is not None]
    return [f"{r['case_id']} {r['started_at']:%d %H}" for r in sorted(rows, key=lambda row: (row["started_at"], row["server"]))]


MORNING = ["08 08:00", "08 08:01", "08 08:02", "08 08:03", "08 08:04"]


def test_each_case_gets_the_first_date_with_a_free_slot_after_the_notice() -> None:
    """Two slots a day, two days' notice from Monday: Wednesday, Thursday, Friday."""
    assert booked(court(MORNING)) == ["0 10", "1 10", "2 11", "3 11", "4 12"]
    assert called(court(MORNING)) == ["0 10 09", "1 10 10", "2 11 09", "3 11 10", "4 12 09"]


def test_notice_in_working_days_skips_the_weekend() -> None:
    """Three working days from Thursday at eight end on Tuesday at eight."""
    assert booked(court(["11 08:00"], appointment={"at_least": "3 working days"})) == ["0 16"]


def test_notice_may_stand_in_a_fact_or_differ_by_one() -> None:
    """The fact says five days."""
    assert booked(court(["08 08:00"], appointment={"at_least": {"fact": "notice", "unit": "days"}})) == ["0 15"]
    by = {"at_least": {"by": "urgent", True: "1 day", False: "3 days"}}
    assert booked(court(["08 08:00"], appointment=by, people={"urgent": 1})) == ["0 09"]


def test_a_date_whose_working_time_goes_on_when_the_notice_ends_may_be_booked() -> None:
    """Without notice, a case of ten o'clock gets the same day, and is called at once; one of noon gets the next day."""
    without = court(["08 10:00", "08 12:00"], appointment={"at_least": "0 days"})
    assert booked(without) == ["0 08", "1 09"]
    assert called(without) == ["0 08 10", "1 09 09"]


def test_a_date_holds_slots_times_size_times_overbook_rounded_down() -> None:
    """Two judges with two slots and 1.3 of them: five cases; four start, because the shift has four slots."""
    many = [f"08 08:0{k}" for k in range(7)]
    scenario = court(many, judge={"size": 2, "overbook": 1.3})
    assert booked(scenario) == ["0 10", "1 10", "2 10", "3 10", "4 10", "5 11", "6 11", "4 not_called 11"]
    assert called(scenario) == ["0 10 09", "1 10 09", "2 10 10", "3 10 10", "5 11 09", "6 11 09", "4 11 10"]


def test_slots_by_weekday_are_zero_on_the_others() -> None:
    """One slot on Tuesdays and Thursdays."""
    assert booked(court(MORNING, judge={"slots": {"tue,thu": 1}})) == ["0 11", "1 16", "2 18", "3 23", "4 25"]


def test_slots_may_stand_in_the_appointment() -> None:
    """As the issue of hearing dates writes it."""
    given = court(MORNING, judge={"slots": None}, appointment={"slots": {"mon-fri": 2}})
    assert booked(given) == booked(court(MORNING))


def test_a_case_that_uses_two_slots_needs_a_date_with_two() -> None:
    """Three slots a day, two for each: one case a day. With none, all come on one date, and take no slots."""
    assert booked(court(MORNING, judge={"slots": 3}, appointment={"uses": 2})) == ["0 10", "1 11", "2 12", "3 15", "4 16"]
    assert booked(court(MORNING, appointment={"uses": 0}, hear={"takes": "30 minutes"})) == [
        "0 10",
        "1 10",
        "2 10",
        "3 10",
        "4 10",
    ]


def test_what_cannot_be_called_on_its_date_is_booked_again_behind_the_others() -> None:
    """Hearings of two hours: the first of a day runs into the end of the shift, the second goes to the next free date."""
    slow = court(MORNING[:3], hear={"takes": "3 hours"})
    assert booked(slow) == ["0 10", "1 10", "2 11", "1 not_called 11", "1 not_called 12"]
    assert called(slow) == ["0 10 09", "2 11 09", "1 12 09"]


def test_a_closure_counts_from_its_announcement_on() -> None:
    """Thursday is closed; it becomes known on Tuesday. Its cases go to the first free dates from the next day on."""
    closed = [{"from": dt.date(2024, 1, 11), "announced": dt.date(2024, 1, 9)}]
    assert booked(court([*MORNING, "09 08:00"], closed=closed)) == [
        "0 10", "1 10", "2 11", "3 11", "4 12", "2 date_closed 12", "3 date_closed 15", "5 15",
    ]  # fmt: skip
    assert booked(court(MORNING, closed=[dt.date(2024, 1, 11)])) == ["0 10", "1 10", "2 12", "3 12", "4 15"]


def test_a_closure_may_be_announced_on_its_first_day() -> None:
    """It is known before the date begins."""
    closed = [{"from": dt.date(2024, 1, 10), "to": dt.date(2024, 1, 11), "announced": dt.date(2024, 1, 10)}]
    assert booked(court(MORNING, closed=closed))[5:] == [
        "0 date_closed 12", "1 date_closed 15", "2 date_closed 15", "3 date_closed 16",
    ]  # fmt: skip


def test_a_suspension_counts_from_its_announcement_on_except_for_exempt_cases() -> None:
    """Urgent cases keep their date, and may still get one in the suspension."""
    stop = {"pool": "judge", "courts": ["court"], "from": dt.date(2024, 1, 10), "to": dt.date(2024, 1, 12)}
    stop |= {"except": "urgent", "announced": dt.date(2024, 1, 9)}
    plain = court([*MORNING[:3], "09 08:00"], suspensions=[stop])
    assert booked(plain) == ["0 10", "1 10", "2 11", "0 date_closed 15", "1 date_closed 15", "2 date_closed 16", "3 16"]
    urgent = court([*MORNING[:3], "09 08:00"], suspensions=[stop], people={"urgent": 1})
    assert booked(urgent) == ["0 10", "1 10", "2 11", "3 11"]
    assert called(urgent) == ["0 10 09", "1 10 10", "2 11 09", "3 11 10"]
    known = court(MORNING[:3], suspensions=[{k: v for k, v in stop.items() if k != "announced"}])
    assert booked(known) == ["0 15", "1 15", "2 16"]


def test_a_withdrawal_frees_the_slot_for_later_bookings() -> None:
    """Both urgent cases of Friday settle on Tuesday; the two of Wednesday get their slots, and nobody else moves."""
    streams = {
        "early": {"into": "docket", "at": ["2024-01-08 08:00", "2024-01-08 08:01"], "people": {"urgent": 1}},
        "later": {"into": "docket", "at": ["2024-01-08 08:02", "2024-01-10 08:00", "2024-01-10 08:01", "2024-01-10 08:02"]},
    }
    notice = {"at_least": {"by": "urgent", True: "4 days", False: "2 days"}}
    events = {"settle": {"after": "1 day", "chance": {"by": "urgent", True: 1, False: 0}}}
    assert booked(court(streams, appointment=notice)) == ["0 12", "1 12", "2 10", "3 15", "4 15", "5 16"]
    assert booked(court(streams, appointment=notice, events=events)) == ["0 12", "1 12", "2 10", "3 12", "4 12", "5 15"]


def test_cases_without_a_date_are_served_when_no_booked_case_waits() -> None:
    """The counter's case waits since Tuesday night; the booked ones of Wednesday go first, and it has the last hour."""
    walks = {
        "booked": {"into": "docket", "at": ["2024-01-08 08:00", "2024-01-08 08:01"]},
        "walk": {"into": "counter", "at": ["2024-01-09 13:00"]},
    }
    assert called(court(walks, judge={"slots": 3})) == ["0 10 09", "1 10 10", "2 10 11"]


def test_slots_count_for_all_shifts_of_a_date() -> None:
    """Two slots a day, in a morning and an afternoon of an hour each: two cases a day, and the walk-in waits for a free day.

    The five cases use 5 of the 40 slots of the run's 20 dates.
    """
    walks = {
        "booked": {"into": "docket", "at": [f"2024-01-{a}" for a in MORNING[:4]]},
        "walk": {"into": "counter", "at": ["2024-01-09 18:00"]},
    }
    scenario = court(walks, calendars={"days": {"hours": {"mon-fri": "09:00-10:00, 14:00-15:00"}}})
    assert called(scenario) == ["0 10 09", "1 10 14", "2 11 09", "3 11 14", "4 12 09"]
    (used,) = (t for t in measure(log_of(scenario), (None,)).tables if t.measure == "slots_used.judge")
    assert used.values[-1, 0] == 5 / 40


def test_measures_of_hearing_dates() -> None:
    """Dates 10, 10, 11, 11 and 12 on Monday, 15 on Tuesday; on Tuesday the 11th closes, and its cases go to the 12th and the 15th.

    Lead times: 2, 2, 3, 3, 4 and 6 days. On Monday night the next free date is Tuesday; a day later it is the 16th, and in the end,
    on a Friday, the next Monday. The run has 19 dates with two slots. The second case of a date waits an hour for the first.
    """
    closed = [{"from": dt.date(2024, 1, 11), "announced": dt.date(2024, 1, 9)}]
    log = log_of(court([*MORNING, "09 08:00"], closed=closed))
    days = (dt.date(2024, 1, 8), dt.date(2024, 1, 9), None)
    measured = measure(log, days)
    found = {(t.measure, t.at): float(t.values[-1, 0]) for t in measured.tables}
    assert [found["next_free.judge", day] for day in days] == [1, 7, 3]
    (daily,) = measured.next_free
    assert daily.values[:4, -1].tolist() == [6, 5, 4, 3]  # Wednesday to Saturday: the 16th
    assert len(daily.days) == 26 - 2  # the days that were asked for are in tables
    condition = Condition("next_free.judge", "<", 5)
    assert condition.values(log, "all", [dt.date(2024, 1, 8), dt.date(2024, 1, 9), dt.date(2024, 1, 12)]).tolist() == [1, 7, 4]
    assert found["lead_time.hear", days[0]] == pytest.approx(14 / 5)
    assert found["lead_time.hear", None] == pytest.approx(20 / 6)
    assert found["rebookings.hear", None] == 2
    assert found["slots_used.judge", None] == pytest.approx(6 / 38)
    assert found["waiting_reason.hear.capacity", None] == pytest.approx(0.5 / 24)
    parts = ("lead_time", "suspended", "holiday", "off_shift", "no_staff", "slots_used_up", "does_not_fit", "capacity")
    whole = sum(found[f"waiting_reason.hear.{part}", None] for part in parts)
    assert whole == pytest.approx(found["waiting_time.hear.mean", None])
    assert ("waiting_reason.sign.lead_time", None) not in found


@pytest.mark.parametrize(("column", "value"), [("booked_for", 3), ("started_at", 4 * 24 * 3_600_000_000)])
def test_a_log_in_which_a_date_has_too_many_cases_is_refused(column: str, value: int) -> None:
    """All bookings on one date, or a case that is called on another date, are no log of hearing dates."""
    log = log_of(court(MORNING))
    columns = {name: array.copy() for name, array in log.columns.items()}
    columns[column][columns[column] >= 0] = value
    with pytest.raises(BrokenInvariant):
        check_log(replace(log, columns=columns))


def test_a_case_that_moves_to_another_court_gives_its_date_up_and_gets_one_there() -> None:
    """On Tuesday at ten all three cases of the east go to the west, and are booked for Thursday and Friday; a later case gets Wednesday."""
    moving = {
        **WORKFLOW,
        "transitions": [*WORKFLOW["transitions"], {"transition": "move", "from": "docket", "to": "docket", "event": "transfer"}],
        "events": {**WORKFLOW["events"], "transfer": {"while": ["docket"], "when": "urgent"}},
    }
    given = court(
        {"east": {"into": "docket", "at": [f"2024-01-{a}" for a in MORNING[:3]], "people": {"urgent": 1}}},
        workflow=moving,
        courts={"east": {}, "west": {}},
        events={"transfer": {"at": "2024-01-09 10:00"}},
        transfers={"move": {"by": "court", "east": {"west": 1}, "west": {"east": 1}}},
    )
    assert booked(given) == ["0 10", "1 10", "2 11", "0 11", "1 11", "2 12"]
    assert called(given) == ["0 11 09", "1 11 10", "2 12 09"]


def test_a_case_without_a_free_date_is_never_called() -> None:
    """There is no judge."""
    nobody = court(["08 08:00"], judge={"size": 0})
    assert (booked(nobody), called(nobody)) == (["0 none"], [])


def test_dates_go_on_after_the_end_of_the_run() -> None:
    """Forty days from 8 January."""
    assert booked(court(["08 08:00"], appointment={"at_least": "40 days"})) == ["0 19"]


def test_a_calendar_of_forty_bookings() -> None:
    """Computed by hand: 35 cases of one Monday, two a day from Wednesday on.

    The hearing of case 8 takes the whole morning of 16 January, so case 9 is booked again, for the last free slot, on 2 February.
    Case 15 settles on the 17th, which frees a slot on the 19th. On the 18th, a closure of the 22nd and 23rd is announced:
    case 16 gets that slot, and cases 17 to 19 the next free ones.
    """
    minute = lambda k: f"2024-01-08 08:{k:02}"  # noqa: E731
    streams = {
        "plain": {"into": "docket", "at": [minute(k) for k in range(35) if k not in (8, 15)]},
        "long": {"into": "docket", "at": [minute(8)], "people": {"notice": 180}},
        "settled": {"into": "docket", "at": [minute(15)], "people": {"urgent": 1}},
    }
    scenario = court(
        streams,
        ends=dt.date(2024, 2, 9),
        hear={"takes": {"fact": "notice", "unit": "minutes"}},
        people={"notice": 60},
        closed=[{"from": dt.date(2024, 1, 22), "to": dt.date(2024, 1, 23), "announced": dt.date(2024, 1, 18)}],
        events={"settle": {"at": "2024-01-17 10:00"}},
    )
    days = [*range(10, 13), *range(15, 20), *range(22, 27), *range(29, 32), 1, 2]
    first = [f"{k} {day:02}" for k, day in enumerate(day for day in days for _ in range(2))][:35]
    again = ["9 not_called 02", "16 date_closed 19", "17 date_closed 05", "18 date_closed 05", "19 date_closed 06"]
    assert booked(scenario) == first + again
    heard = {
        10: (0, 1), 11: (2, 3), 12: (4, 5), 15: (6, 7), 16: (8,), 17: (10, 11), 18: (12, 13), 19: (14, 16), 24: (20, 21),
        25: (22, 23), 26: (24, 25), 29: (26, 27), 30: (28, 29), 31: (30, 31), 1: (32, 33), 2: (34, 9), 5: (17, 18), 6: (19,),
    }  # fmt: skip
    assert called(scenario) == [f"{k} {day:02} {9 + i:02}" for day, cases in heard.items() for i, k in enumerate(cases)]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"judge": {"slots": None}}, "the pool 'judge' has no slots, so its dates hold no number of cases"),
        ({"hear": {"priority": 1}}, "priority: cases with a hearing date are called in the order of booking"),
        ({"appointment": {"at_least": {"exponential": {"mean": "3 days"}}}}, "must be a fixed length such as 30 days"),
        ({"appointment": {"slots": 3}}, "differ from those that stand elsewhere for the pool 'judge'"),
        ({"judge": {"slots": {"mon": 2, "mon-tue": 1}}}, "the weekday 'mon' is named twice"),
        ({"judge": {"slots": 0}}, "must be a whole number from 1 to 1,000,000, not 0"),
        ({"closed": [{"from": dt.date(2024, 1, 11), "announced": dt.date(2024, 1, 12)}]}, "announced: 2024-01-12 is after from"),
        ({"closed": [{"from": dt.date(2024, 1, 11), "known": 1}]}, "'known' is not a key of a closure"),
        ({"hear": {"pool": None, "needs": {"judge": 1}}}, "a hearing date is a date of one pool; give pool:"),
        ({"judge": {"preempt": True}}, "the pool 'judge' has preempt: a case interrupts work by its priority"),
        ({"judge": {"queue_limit": 3}}, "the pool 'judge' has queue_limit: a limit is for cases that wait their turn"),
        ({"hear": {"pool": None}}, "a hearing date is a date of a pool, and the activity has none"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(keys: dict[str, Any], message: str) -> None:
    """Each mistake about hearing dates has a message."""
    with pytest.raises(InputError, match=re.escape(message)):
        court(MORNING, **keys)


def test_a_run_in_memory_has_the_next_free_dates_of_one_on_disk(tmp_path: Path) -> None:
    """The what-if page says the same sentence as the command, from the same days."""
    scenario, options = court([*MORNING, "09 08:00"]), ReplicationOptions(replications=2, engine="simpy", workers=1)
    held = gather_in_memory(scenario, {k: replicate_in_memory(scenario, k, options) for k in (1, 2)}, options)
    written = run(scenario, replications=2, engine="simpy", workers=1, out=tmp_path / "run", progress=False)
    (one, two) = (result.next_free["judge"] for result in (held, written))
    assert one.courts == two.courts
    assert np.array_equal(one.days, two.days)
    assert np.array_equal(one.values, two.values)
    assert [s.text for s in answer(held)] == [s.text for s in answer(written)]
    assert "The next free date of judge is 1 day ahead on 2024-01-08 and 3 on 2024-02-02" in [s.text for s in answer(held)]
