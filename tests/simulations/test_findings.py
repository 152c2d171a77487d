"""Warnings of work that can never start, because no server, or not enough of them, are ever on shift together."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations import load_scenario, run
from simulations.scenarios.findings import findings, work_that_never_starts, work_without_a_date

WORKFLOW = """
workflow: hearings
facts: {foreign: {type: boolean}, panel: {type: integer, minimum: 1, maximum: 3, default: 1}}
activities: {hear: {}}
entry: {states: [docket]}
states: {docket: {activity: hear}, heard: {final: true}}
transitions: [{transition: decide, from: docket, to: heard}]
"""
SCENARIO = """
scenario: house
workflow: hearings.yaml
starts: 2024-01-08
ends: 2024-01-12
people: {foreign: 0.5}
calendars: {mornings: {hours: {mon-fri: "09:00-12:00"}}, languages: {hours: {mon-fri: "11:00-15:00"}}}
courts: {east: {}, west: {}}
arrivals: {east: {rate: 3 per day}}
"""
PAIR = "activities: {hear: {takes: 1 hour, needs: {judges: 1, interpreters: {when: foreign}}}}"
PANEL = "activities: {hear: {takes: 1 hour, needs: {judges: {by: panel, 1: 1, 2: 2, 3: 3}}}}"
EITHER = "activities: {hear: {takes: 1 hour, either: [judges, visitors]}}"
ALL = "activities: {hear: {takes: 1 hour, needs: {judges: 2, interpreters: 1}}}"
NEVER = "activity 'hear': work that needs {} never starts: no server is ever on shift. Change the size or the calendar"


def found(folder: Path, pools: str, activities: str) -> list[str]:
    """Return the warnings."""
    (folder / "hearings.yaml").write_text(WORKFLOW, encoding="utf-8")
    (folder / "house.yaml").write_text(f"{SCENARIO}{activities}\npools: {{{pools}}}\n", encoding="utf-8")
    scenario = load_scenario(folder / "house.yaml")
    return [*work_that_never_starts(scenario), *work_without_a_date(scenario)]


def test_a_number_that_no_pool_ever_has(tmp_path: Path) -> None:
    """A panel of three with two judges at the most; at one of the courts only, one of two has enough."""
    enough = "judges: {at: court, size: {2024-01-08: 2, 2024-01-11: 3}}"
    assert found(tmp_path, enough, PANEL) == []
    assert found(tmp_path, enough.replace("11: 3", "20: 3"), PANEL) == [
        "activity 'hear': work that needs 3 servers of judges never starts: at most 2 are on shift. Change the size, or the count in needs"
    ]
    (one,) = found(tmp_path, "judges: {at: court, size: {east: 3, west: 2}}", PANEL)
    assert one.startswith("activity 'hear': work at west that needs 3 servers of judges never starts")


def test_a_pool_that_is_never_there(tmp_path: Path) -> None:
    """Of all pools that a case may need; with `either`, only if no pool is ever there."""
    assert found(tmp_path, "judges: {size: 0}", "activities: {hear: {takes: 1 hour, pool: judges}}") == [NEVER.format("judges")]
    assert found(tmp_path, "judges: {size: 1}, interpreters: {size: 0}", PAIR) == [NEVER.format("interpreters")]
    assert found(tmp_path, "judges: {size: 0}, visitors: {size: 1}", EITHER) == []
    assert found(tmp_path, "judges: {size: 0}, visitors: {size: 0}", EITHER) == [NEVER.format("judges, visitors")]


def test_a_size_that_is_only_off_shift_does_not_count(tmp_path: Path) -> None:
    """The rota has judges in the afternoon, when the court is closed."""
    rota = 'judges: {calendar: mornings, size: {mon-fri: {"13:00-17:00": 2}}}'
    assert found(tmp_path, rota, "activities: {hear: {takes: 1 hour, pool: judges}}") == [NEVER.format("judges")]


def test_a_delay_needs_no_server(tmp_path: Path) -> None:
    """It always starts."""
    assert found(tmp_path, "judges: {size: 1}", "activities: {hear: {takes: 1 day}}") == []


def test_pools_that_never_meet_by_their_sizes(tmp_path: Path) -> None:
    """Two judges are there until 11:00, the interpreter from 11:00 on; a judge in common is not enough for a panel of two."""
    rota = 'judges: {calendar: mornings, size: {mon-fri: {"09:00-11:00": 2, "11:00-12:00": 1}}}'
    languages = "interpreters: {size: 1, calendar: languages}"
    assert found(tmp_path, f"{rota}, {languages}", ALL) == [
        "activity 'hear': work never starts: 2 of judges and 1 of interpreters are never on shift together. Change the sizes or the calendars"
    ]
    assert found(tmp_path, f"{rota}, {languages}", PAIR) == []
    assert found(tmp_path, f"{rota.replace('11:00', '11:30')}, {languages}", ALL) == []


def test_a_run_prints_what_is_found(tmp_path: Path) -> None:
    """Before it begins."""
    assert found(tmp_path, "judges: {size: 1}, interpreters: {size: 0}", PAIR)
    with pytest.warns(UserWarning, match="work that needs interpreters never starts"):
        run(tmp_path / "house.yaml", replications=1, out=tmp_path / "run", workers=1)


def test_work_of_a_team_may_not_fit_into_the_shared_time(tmp_path: Path) -> None:
    """Mornings of three hours share one hour with the interpreters: work of two hours runs over, that of one pool does not."""
    pools = "judges: {size: 1, calendar: mornings, at_shift_end: fit}, interpreters: {size: 1, calendar: languages, at_shift_end: fit}"
    activities = "activities: {hear: {takes: 2 hours, needs: {judges: 1, interpreters: 1}}}"
    assert found(tmp_path, pools, activities) == []
    (message,) = findings(load_scenario(tmp_path / "house.yaml"))
    assert message.startswith(
        "the pools of 'hear' have at_shift_end: fit. 100.0% of the work of 'hear' is longer than the shortest"
    )
    assert "'mornings and languages', 1 h" in message
    assert found(tmp_path, pools, activities.replace("2 hours", "1 hour")) == []
    assert findings(load_scenario(tmp_path / "house.yaml")) == []


DATED = "judges: {{at: court, size: 1, calendar: mornings, slots: {}}}"
BOOKED = "activities: {{hear: {{takes: 1 hour, pool: judges, appointment: {}}}}}"


@pytest.mark.parametrize(
    ("slots", "appointment", "message"),
    [
        (
            "2",
            "{uses: 3}",
            "they take 3 of the slots of a date, and no date has more than 2. Change slots, size, overbook or uses",
        ),
        (
            "{sat: 4}",
            "{}",
            "they take 1 of the slots of a date, and no date has more than 0. Change slots, size, overbook or uses",
        ),
        ("2", "{at_least: 100 years}", "at_least is longer than dates are known ahead"),
    ],
)
def test_cases_that_get_no_hearing_date(tmp_path: Path, slots: str, appointment: str, message: str) -> None:
    """More slots than a date has, slots on days that are closed, or a notice beyond all dates: nobody is ever called."""
    assert found(tmp_path, DATED.format(slots), BOOKED.format(appointment)) == [
        f"activity 'hear': cases get no hearing date: {message}"
    ]


def test_cases_of_one_court_get_no_hearing_date(tmp_path: Path) -> None:
    """The court is named. An appointment that fits is no finding."""
    sizes = "judges: {at: court, size: {east: 2, west: 1}, calendar: mornings, slots: 2}"
    (warning,) = found(tmp_path, sizes, BOOKED.format("{uses: 4}"))
    assert warning.startswith("activity 'hear': cases at west get no hearing date: they take 4 ")
    assert found(tmp_path, sizes, BOOKED.format("{uses: 2}")) == []
