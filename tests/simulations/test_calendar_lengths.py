"""Fixed months and years are those of the calendar, on both engines; deadlines of rules are watched and judged alike."""

import datetime as dt

import pytest

from simulations import run
from simulations.engines import choosing, compiled_engine
from simulations.exporting.exports import export
from simulations.log.judging import violations_in
from simulations.log.watching import Violation
from tests.simulations.both_engines import compare, planned
from tests.simulations.random_scenarios import loaded
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.errors import InputError

DAY = 86_400_000_000


def office(arrives, takes="1 hour", after="2 years", pool=None, rules=(), **more):
    """Return a scenario in which cases are served, then rest until a clock rings."""
    workflow = {
        "workflow": "office",
        "facts": {"fast": {"type": "boolean", "default": False}, "entered": {"type": "date", "optional": True}},
        "activities": {"serve": {}},
        "entry": {"states": ["queue"]},
        "states": {"queue": {"activity": "serve"}, "shelf": {"resting": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "shelve", "from": "queue", "to": "shelf"},
            {"transition": "lapse", "from": "shelf", "event": "deadline", "to": "gone"},
        ],
        "events": {"deadline": {"while": ["shelf"]}},
        "rules": list(rules),
    }
    return {
        "scenario": "office", "workflow": workflow, "starts": dt.date(2023, 11, 30), "ends": dt.date(2026, 12, 31),
        "activities": {"serve": {"takes": takes, **({"pool": pool} if pool else {})}},
        "arrivals": {"all": {"at": arrives}}, "events": {"deadline": {"after": after}},
        **({"pools": {pool: {"size": 1}}} if pool else {}), **more,
    }  # fmt: skip


def rows(scenario):
    """Return the times of the rows of a run, the same on both engines."""
    compare(scenario, 1)
    log = compiled_engine.simulate(*planned(scenario, 1))
    return [str(scenario.epoch.instant(at)) for at in log.columns["happened_at"].tolist()]


ARRIVALS = ["2024-01-31 10:00", "2024-02-29 09:00", "2024-12-31 23:30"]


@pytest.mark.parametrize(
    ("pool", "ends"),
    [
        (None, ["2024-02-29 10:00:00", "2024-03-29 09:00:00", "2025-01-31 23:30:00"]),
        ("clerks", ["2024-02-29 10:00:00", "2024-03-29 10:00:00", "2025-01-31 23:30:00"]),  # one clerk
    ],
)
def test_work_of_a_month_ends_on_the_same_day_of_the_next_month(pool, ends):
    """Or on its last day; a delay and the work of a pool without a calendar do so alike."""
    assert rows(loaded(office(ARRIVALS, takes="1 month", pool=pool)))[:3] == ends


@pytest.mark.parametrize(
    ("after", "rings"),
    [
        ("1 month", ["2024-02-29 11:00:00", "2024-03-29 10:00:00", "2025-02-01 00:30:00"]),
        ("1 year", ["2025-01-31 11:00:00", "2025-02-28 10:00:00", "2026-01-01 00:30:00"]),
        ("0.5 years", ["2024-07-31 11:00:00", "2024-08-29 10:00:00", "2025-07-01 00:30:00"]),
        ({"constant": "6 months"}, ["2024-07-31 11:00:00", "2024-08-29 10:00:00", "2025-07-01 00:30:00"]),
        ("0 months", ["2024-01-31 11:00:00", "2024-02-29 10:00:00", "2025-01-01 00:30:00"]),
        (
            {"by": "fast", True: "30 days", "other": "1 month"},
            ["2024-02-29 11:00:00", "2024-03-29 10:00:00", "2025-02-01 00:30:00"],
        ),
    ],
)
def test_a_clock_of_months_rings_at_the_same_time_of_day(after, rings):
    """On the same day of a later month, or on its last day."""
    times = rows(loaded(office(ARRIVALS, after=after)))
    assert sorted(set(rings) - set(times)) == []


def test_months_and_random_lengths_may_differ_from_case_to_case():
    """Cases with a random length draw it, the others do not; the log is the same on both engines."""
    after = {"by": "fast", True: {"exponential": {"mean": "1 month"}}, "other": "1 month"}
    scenario = loaded(office(["2024-01-31 10:00"] * 40, after=after, people={"fast": 0.5}))
    times = rows(scenario)
    assert times.count("2024-02-29 11:00:00") > 5
    assert len(set(times)) > 5


def test_an_age_of_years_is_counted_back_on_the_calendar():
    """A case of one year of age arrived on the same date of the year before; a date of a fact likewise."""
    courts = {"desk": {"backlog": {"queue": {"count": 2, "age": "9 months"}}}}
    people = {"entered": {"days_before": "1 month"}}
    content = office([], courts=courts, people=people)
    del content["arrivals"]
    cases = planned(loaded(content), 1)[0].cases
    assert [str(content["starts"] + dt.timedelta(microseconds=at)) for at in cases.arrived.tolist()] == ["2023-02-28"] * 2
    assert cases.columns.values["entered"].astype(str).tolist() == ["2023-10-30"] * 2


def test_intervals_of_a_month_keep_the_day_of_the_month():
    """30 November, 30 December, 30 January, 29 February, 30 March."""
    content = office([])
    content["arrivals"] = {"all": {"interarrival": "1 month", "first": "0 days", "count": 5}}
    arrived = planned(loaded(content), 1)[0].cases.arrived.tolist()
    days = [str(content["starts"] + dt.timedelta(microseconds=at)) for at in arrived]
    assert days == ["2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29", "2024-03-30"]


def test_a_part_of_a_month_is_no_fixed_length():
    """A message asks for days; means of distributions may have any number."""
    with pytest.raises(InputError, match=r"after: '1.5 months': a fixed length has a whole number of calendar months; give days"):
        loaded(office(ARRIVALS, after="1.5 months"))
    loaded(office(ARRIVALS, after={"exponential": {"mean": "1.5 months"}}))


@pytest.mark.parametrize(
    ("within", "late"),
    [
        ({"within": "0 days"}, [0, 1, 2]),
        ({"within": "28 days"}, [0, 1, 2]),
        ({"within": "29 days"}, [2]),
        ({"within": "1 month"}, []),
        ({"within": "696 hours"}, [2]),
        ({"within": "20 working days", "calendar": "weekdays"}, [0, 1, 2]),
        ({"within": "21 working days", "calendar": "weekdays"}, [2]),
        ({"within": "22 working days", "calendar": "weekdays"}, [2]),
        ({"within": "23 working days", "calendar": "weekdays"}, []),
    ],
)
def test_deadlines_are_watched_and_judged_alike(within, late):
    """The clock of a month rings after 29, 29 and 31 days."""
    rules = [{"rule": "in time", "after": "shelve", "then": "lapse", **within}]
    scenario = loaded(office(ARRIVALS, after="1 month", rules=rules))
    plan, path = planned(scenario, 1)
    judged = violations_in(compiled_engine.simulate(plan, path))
    watched: list[Violation] = []
    choosing.simulate("simpy", plan, path, "count", watched)
    assert watched == judged
    assert [violation.case for violation in judged] == late


@pytest.mark.parametrize(("to", "zone"), [("csv", "Europe/Berlin"), ("xes", "Europe/Berlin"), ("csv", "UTC"), ("xes", "UTC")])
def test_a_run_folder_and_its_exports_have_the_same_deadlines(tmp_path, to, zone):
    """The cases span the changes of the clock in March and October; the last one is open at the end of the log."""
    limits = {"27 days": 4, "28 days": 2, "30 days": 2, "1 month": 0, "3 weeks": 4}
    rules = [{"rule": within, "after": "shelve", "then": "lapse", "within": within} for within in limits]
    arrives = ["2024-03-10 23:30", "2024-10-05 01:00", "2025-01-31 22:30", "2026-02-10 00:00"]
    content = office(arrives, after="1 month", rules=rules, ends=dt.date(2026, 3, 9))
    scenario = loaded(content)
    run(scenario, replications=1, out=tmp_path / "run")
    export(tmp_path / "run", to, tmp_path / f"log.{to}", zone=zone)
    logs = [tmp_path / "run", tmp_path / f"log.{to}"]
    counted = [[(len(r.cases), r.open) for r in audit(read_log(log, scenario.workflow)).rules] for log in logs]
    assert counted[0] == counted[1]
    assert [late for late, _ in counted[0]] == [*limits.values()]
