"""What a report shows and says where courts and groups differ in size."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from simulations import RunResult, run
from simulations.measuring.kaplan_meier import KaplanMeier
from simulations.measuring.selection import Selection
from simulations.report.contents import Contents, read_contents, shown_courts
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.running.growing import GrowingQueue
from simulations.running.results import Estimate
from simulations.statements.of_runs import growing, largest_group, largest_part, longest_wait, median_stay, most_frequent
from simulations.statements.statement import percent
from simulations.tables.run import Wait
from tests.office import PERMIT_OFFICE

COURTS = """\
scenario: seven
workflow: permit_office.yaml
starts: 2024-01-01
ends: 2024-06-30
calendars:
  office: {hours: {mon-fri: "09:00-12:00, 13:00-17:00"}, holidays: US}
courts:
  a: {backlog: {waiting: 90}}
  b: {backlog: {waiting: 80}}
  c: {backlog: {waiting: 70}}
  d: {backlog: {waiting: 60}}
  e: {backlog: {waiting: 50}}
  quiet: {backlog: {waiting: 1}}
  exploding: {backlog: {waiting: 0}}
pools:
  clerks: {at: court, size: 1, calendar: office}
activities:
  examine:
    pool: clerks
    takes: {lognormal: {mean: 2 hours, cv: 0.6}}
    outcome: {decision: {grant: 0.7, refuse: rest}}
people:
  complete: 0.9
arrivals:
  exploding: {rate: 600 per month}
"""
END = dt.date(2024, 6, 30)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Six courts clear their backlogs; one begins with no case and ends with most of all."""
    folder = tmp_path_factory.mktemp("courts")
    (folder / "permit_office.yaml").write_text(PERMIT_OFFICE, encoding="utf-8")
    (folder / "courts.yaml").write_text(COURTS, encoding="utf-8")
    return run(folder / "courts.yaml", replications=2, seed=1, out=folder / "run", engine="simpy")


@pytest.fixture(scope="module")
def contents(result: RunResult) -> Contents:
    """The contents of its report."""
    return read_contents(result.folder)


@pytest.fixture(scope="module")
def drawn(contents: Contents) -> dict[str, Figure]:
    """Its figures by key."""
    return {figure.key: figure for figure in figures(contents)}


def test_the_court_with_the_most_pending_cases_at_any_time_is_first(contents: Contents, drawn: dict[str, Figure]) -> None:
    """Not the one that begins with the most; the others are summed, and the caption says so."""
    assert contents.courts == ["all", "exploding", "a", "b", "c", "d"]
    assert contents.groups["other courts (2)"] == ["e", "quiet"]
    assert "the 5 courts that have the most pending cases at any time. The other 2 are summed." in drawn["pending"].text
    assert "other courts (2)" in drawn["pending"].svg


def test_without_pending_cases_the_first_courts_are_shown(result: RunResult, contents: Contents) -> None:
    """The order is that of the scenario, and the caption says so."""
    chosen = result.select(Selection(("inflow",)))
    assert shown_courts(chosen) == ["all", "a", "b", "c", "d", "e"]
    (note,) = replace(contents, result=chosen, courts=shown_courts(chosen)).courts_note(summed=False)
    assert note.text == "Shown by name: the first 5 courts of the scenario. The other 2 are only in all courts."


def test_the_sum_of_the_other_courts_is_drawn(contents: Contents) -> None:
    """All courts are the shown ones and the others, on every day."""
    shown = contents.result.pending.shown(contents.groups)
    assert shown.of("other courts (2)").tolist() == (contents.result.pending.of("e") + contents.result.pending.of("quiet")).tolist()  # fmt: skip
    assert shown.mean[:, 1:].sum(axis=1) == pytest.approx(shown.of("all"))


def test_every_court_is_on_one_screen_in_the_order_of_its_pending_cases(result: RunResult, drawn: dict[str, Figure]) -> None:
    """Also those that no other figure shows by name, each with its numbers at the start and at the end."""
    rows = list(csv.DictReader(io.StringIO(drawn["courts"].csv)))
    assert {row["court"] for row in rows} == set(result.scenario.courts)
    names = drawn["courts"].chart.to_dict(validate=False)["layer"][0]["encoding"]["y"]["sort"]
    assert names == sorted(result.scenario.courts, key=lambda court: -(result.get("pending", court).mean or 0.0))


def test_a_growing_queue_is_reported_with_court_period_and_lengths(result: RunResult) -> None:
    """The only one is that of the exploding court."""
    (queue,) = result.growing
    assert (queue.pool, queue.court, queue.starts, queue.ends) == ("clerks", "exploding", dt.date(2024, 4, 1), END)
    assert queue.last == pytest.approx(result.get("still_waiting.examine", "exploding").mean)


def test_open_cases_are_counted_and_not_read_off_the_curve(contents: Contents, drawn: dict[str, Figure]) -> None:
    """The curve ends far below the share of cases that are still open."""
    curve = next(c for c in contents.curves if c.court == "all")
    pending = contents.result.get("pending").mean
    assert np.mean(curve.never_left) == pending
    assert curve.mean[-1] < 0.6 < np.mean(curve.never_left) / curve.n_cases
    assert f"({percent(np.mean(curve.never_left) / curve.n_cases)})" in drawn["time-to-closure"].title
    assert "number at risk" in drawn["time-to-closure"].svg


def test_the_median_is_as_exact_as_the_log() -> None:
    """Not a whole day, rounded up; without a median the sentence says so."""
    curve = KaplanMeier.of(np.array([7, 11, 13, 40]), np.array([True, True, True, False]))
    assert (curve.median, curve.at_risk(np.array([11, 12])).tolist()) == (11, [3, 2])
    assert KaplanMeier.of(np.array([7, 40, 40]), np.array([True, False, False])).median is None
    assert median_stay("all", [0.25, 0.75], 0.95).values["median"] == 0.5
    assert median_stay("all", [None, 0.75], 0.95).text.endswith("not reached in 1 of 2 replications")


def test_most_means_more_than_half() -> None:
    """Otherwise it is the largest group; equal groups are named together."""
    texts = {
        "most pending cases (51%) were in a": {"a": 51.0, "b": 49.0},
        "the largest groups of pending cases (50% each) were in a and b": {"a": 1.0, "b": 1.0},
        "the largest group of pending cases (40%) was in a": {"a": 4.0, "b": 3.0, "c": 3.0},
        "all pending cases were in a": {"a": 1.0},
    }
    for text, pending in texts.items():
        statement = largest_group(END, pending)
        assert statement is not None
        assert statement.text == text
    assert largest_group(END, {}) is None


def test_ties_are_not_hidden() -> None:
    """Of equal waits and counts, no single one is called the longest or the most frequent."""
    one = Estimate("", "all", None, None, None, "days", 1.0, 0.9, 1.1, None, None, 2, 2)
    waits = [Wait(activity, "all", one, {"capacity": one}) for activity in ("read", "hear")]
    assert longest_wait(END, waits).text == "The longest waits were for read and hear: 1.00 days on average"
    most = most_frequent({"a": [1, 3], "b": [2, 2]}, 0.95)
    assert re.fullmatch(r"The most frequent transitions are a and b: 2.* times each in a replication", most.text)
    assert most_frequent({"a": [0, 0]}, 0.95).text == "No transition was taken"


def test_a_sentence_rounds_a_mean_as_its_interval() -> None:
    """Queue lengths, waits and counts end at the place of the second digit of the uncertainty."""
    wait = Estimate("", "all", None, None, None, "days", 105.236, 104.13, 106.342, None, None, 3, 3)
    assert "for hear: 105.2 days on average" in longest_wait(END, [Wait("hear", "all", wait, {"capacity": wait})]).text
    assert largest_part(END, [Wait("hear", "all", wait, {"capacity": wait})]).text.startswith("The largest part: 105.2 days for")
    assert "file: 5,960 times" in most_frequent({"file": [5950, 6100, 5820]}, 0.95).text
    queue = GrowingQueue("clerks", "all", END, END, 12.4, 5956.7, 1.0, None, None, 12.1, 12.7, 5610.0, 6303.4)
    (sentence,) = growing([queue])
    assert sentence.text.endswith("from 10 to 5,960 cases.")
