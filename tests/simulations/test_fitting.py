"""Pools with ``fit``: a warning before the run, idle time behind work that does not fit, and overtime of long work."""

from __future__ import annotations

import re
import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations import load_scenario, run
from simulations.cli import app, common
from simulations.cli.ticking import Ticker
from simulations.measuring.descriptors import describe
from simulations.scenarios.fitting import work_that_may_not_fit
from tests.simulations.fixed_draws import FixedDraws, measured, play

DESK = """
workflow: desk
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
"""
OFFICE = 'calendars: {office: {hours: {mon-fri: "09:00-17:00"}}}'
OFFICE_OF_TWO = """
scenario: one-fit
workflow: flow.yaml
starts: 2025-07-01
ends: 2025-07-31
calendars:
  office: {hours: {mon-thu: "09:00-12:30, 13:30-17:00", fri: "09:00-13:00"}}
courts: {c: {calendar: office, backlog: {queue: 50}}}
pools: {p: {at: court, size: 2, calendar: office, at_shift_end: RULE}}
activities: {serve: {pool: p, takes: {lognormal: {mean: 50 minutes, cv: 0.7}}}}
arrivals: {c: {rate: 290 per month}}
"""


def _play(folder: Path, pool: str, cases: int, hours: dict[int, float]) -> dict[str, float]:
    scenario = f"""
{OFFICE}
courts: {{desk: {{backlog: {{queue: {cases}}}}}}}
pools: {{clerks: {{{pool}, calendar: office, at_shift_end: fit}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN}}}}
"""
    return measured(play(folder, DESK, scenario, FixedDraws({"activity:serve": hours})))  # type: ignore[return-value]


def test_a_server_is_idle_while_the_first_case_does_not_fit(tmp_path: Path) -> None:
    """Six hours to 15:00; five do not fit before 17:00, so the clerk is idle for two hours, with two cases behind."""
    values = _play(tmp_path, "size: 1", 3, {0: 6, 1: 5, 2: 1})
    assert values["idle_behind_unfit.clerks"] == 2
    assert values["overtime_of_long_work.clerks"] == 0


def test_of_several_free_servers_as_many_count_as_cases_wait(tmp_path: Path) -> None:
    """At 15:00 one clerk of two is free, at 16:00 both; one case waits, so 15 to 17 counts once."""
    values = _play(tmp_path, "size: 2", 3, {0: 6, 1: 7, 2: 5})
    assert values["idle_behind_unfit.clerks"] == 2


def test_time_after_the_slots_are_used_up_is_not_idle_behind_a_case(tmp_path: Path) -> None:
    """One slot a day: the first case takes it, and nothing else may start on that day."""
    values = _play(tmp_path, "size: 1, slots: 1", 3, {0: 6, 1: 5, 2: 1})
    assert values["idle_behind_unfit.clerks"] == 0


def test_work_longer_than_every_shift_has_its_overtime_measured(tmp_path: Path) -> None:
    """From 10:00 the clerk waits for the end of the day: 7 idle hours. Nine hours from Tuesday 09:00: one of overtime."""
    values = _play(tmp_path, "size: 1", 2, {0: 1, 1: 9})
    assert (values["idle_behind_unfit.clerks"], values["overtime_of_long_work.clerks"]) == (7, 1)
    assert values["overtime.clerks"] == 1


def _office(folder: Path, rule: str) -> Path:
    (folder / "flow.yaml").write_text(DESK, encoding="utf-8")
    (folder / "office.yaml").write_text(OFFICE_OF_TWO.replace("RULE", rule), encoding="utf-8")
    return folder / "office.yaml"


def test_a_run_warns_of_work_that_may_not_fit_with_its_shares(tmp_path: Path) -> None:
    """Lognormal work of 50 minutes, cv 0.7: P(Z > (ln(210 / 50) + s2 / 2) / s) with s2 = ln(1.49) is 0.49 %, 0.28 % for 240."""
    with pytest.warns(UserWarning, match=r"0\.5% of the work of 'serve' is longer than the shortest interval of .*'office', 3\.5 h, and 0\.3% longer than the longest, 4 h"):  # fmt: skip
        result = run(_office(tmp_path, "fit"), replications=1, out=tmp_path / "run", workers=1)
    assert (result.get("idle_behind_unfit.p").mean or 0) > 0


class _Said(Ticker):
    """Prints a line for each report."""

    def report(self, done: int, todo: int) -> None:
        common.echo("progress", err=True)


@pytest.mark.parametrize(
    "command",
    [
        ("run", "SCENARIO", "--replications", "1", "--out", "OUT"),
        (
            "compare",
            "SCENARIO",
            "SCENARIO",
            "--set-other",
            "pools.p.size=3",
            "--replications",
            "1",
            "--keep",
            "measures",
            "--out",
            "OUT",
        ),
        ("sweep", "SCENARIO", "--set", "pools.p.size=2,3", "--replications", "1", "--out", "OUT"),
        ("forecast", "SCENARIO", "--when", "pending < 40", "--replications", "1"),
        ("staff", "SCENARIO", "--pool", "p", "--goal", "pending < 1000", "--at", "ENDS", "--replications", "10"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_warns_once_before_it_simulates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The warning comes before the first report of progress."""
    scenario = _office(tmp_path, "fit")
    values = {"SCENARIO": str(scenario), "OUT": str(tmp_path / "out"), "ENDS": str(load_scenario(scenario).ends)}
    monkeypatch.setattr(common, "ticking", lambda words, show: nullcontext(_Said(words, show)))
    printed = CliRunner().invoke(app, [values.get(word, word) for word in command] + ["--workers", "1"])
    assert printed.exit_code == 0, printed.output
    assert printed.stderr.count("0.5% of the work of 'serve' is longer than the shortest interval") == 1
    progress = re.search(r"^progress$|^  search, size \d+: ", printed.stderr, re.MULTILINE)
    assert progress is not None
    assert printed.stderr.index("warning: pool 'p' has at_shift_end: fit.") < progress.start()


def test_other_rules_have_neither_warning_nor_measures(tmp_path: Path) -> None:
    """Under suspend all work fits."""
    path = _office(tmp_path, "suspend")
    assert work_that_may_not_fit(load_scenario(path)) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(path, replications=1, out=tmp_path / "run", workers=1)
    assert not {"idle_behind_unfit.p", "overtime_of_long_work.p"} & set(describe(load_scenario(path)))
