"""Which differences are tested, and which rows of a comparison are one hypothesis."""

from __future__ import annotations

import itertools
import json
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.console import Console

from simulations import compare, load_scenario
from simulations.comparing.comparison import Comparison, read_comparison
from simulations.comparing.differences import Difference
from simulations.comparing.hypotheses import correct
from simulations.comparing.paired import holm, pair
from simulations.measuring.costs import is_certain
from simulations.printing import comparison_table
from simulations.report.page import write_page
from simulations.running.results import read_values
from simulations.tables.comparison import differences_csv, format_difference
from tests.documents import write_borrowed_files
from tests.simulations.desk import write_tiny

QUEUE_WORKFLOW = """\
workflow: one-queue
activities: {serve: {}}
entry: {states: [queue]}
states: {queue: {activity: serve}, served: {final: true}}
transitions: [{transition: finish, from: queue, to: served}]
measures: [{measure: finished, cases: finish}]
"""
QUEUE = """\
scenario: two-servers
workflow: one_queue.yaml
starts: 2000-01-01
ends: 2000-01-07
pools: {servers: {size: 2}}
arrivals: {visitors: {into: queue, rate: 30 per day}}
activities: {serve: {pool: servers, takes: {exponential: {mean: 1.5 hours}}}}
"""
FASTER = "activities.serve.takes={exponential: {mean: 1.4 hours}}"
SALARY = [
    "costs={currency: EUR, pools: {servers: 50 per hour}}",
    "calendars={office: {hours: {mon-sun: '09:00-17:00'}}}",
    "pools.servers.calendar=office",
]


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """A queue with two servers at the only court."""
    (tmp_path / "one_queue.yaml").write_text(QUEUE_WORKFLOW, encoding="utf-8")
    path = tmp_path / "two_servers.yaml"
    path.write_text(QUEUE, encoding="utf-8")
    return path


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_rows_that_say_the_same_are_one_hypothesis(queue: Path, tmp_path: Path, engine: str) -> None:
    """29 rows have 11 distinct vectors of differences, and Holm's correction is that of these 11.

    Cases that still wait are another hypothesis than pending ones: in one replication, 9 fewer wait and 10 fewer are pending.
    Their p-values agree in the four digits 0.0143, so by these it would be 10 hypotheses, and 3 * 0.0116 = 0.035.
    """
    comparison = compare(
        queue, queue, other_changes=[FASTER], replications=12, seed=3, out=tmp_path / "c", keep="measures", engine=engine
    )
    tested = [d for d in comparison.differences if d.hypothesis is not None]
    assert len(tested) == 29
    groups = {k: list(rows) for k, rows in itertools.groupby(sorted(tested, key=_number), key=_number)}
    assert list(groups) == list(range(1, 12))
    pending = comparison.get("pending")
    same = {d.measure for d in groups[_number(pending)]}
    assert same == {"pending", "unfinished", "finished", "disposals"}
    assert len(groups[_number(pending)]) == 8  # all courts, and the only court
    by_hand = dict(zip(groups, holm([_p(rows[0]) for rows in groups.values()]), strict=True))
    assert all(d.p_corrected == by_hand[_number(d)] for d in tested)
    assert _p(pending) == pytest.approx(0.01433, abs=1e-5)
    assert pending.p_corrected == pytest.approx(4 * 0.011578, abs=1e-4)  # not 12 * 0.0143 = 0.171
    waiting = comparison.get("still_waiting.serve")
    assert (_number(waiting) == _number(pending), round(_p(waiting), 4)) == (False, round(_p(pending), 4))
    values = [read_values(tmp_path / "c" / side, range(1, 13)) for side in ("base", "other-1")]
    vectors = {
        name: [b - a for a, b in zip(*(side[name, "all", None, None, None, "cases"] for side in values), strict=True)]  # type: ignore[operator]
        for name in ("pending", "still_waiting.serve")
    }
    unlike = [(a, b) for a, b in zip(vectors["pending"], vectors["still_waiting.serve"], strict=True) if a != b]
    assert unlike == [(-10, -9)]


def test_waits_are_compared_by_reason_and_by_clock_only_by_name(queue: Path, tmp_path: Path) -> None:
    """Without --measure the clock and the parts of capacity are not tested; the message says how to have them."""
    clock = "waiting_clock.serve.on_shift"
    comparison = compare(queue, queue, other_changes=[FASTER], replications=2, out=tmp_path / "a", keep="measures")
    kinds = {d.measure.partition(".")[0] for d in comparison.differences if d.measure.startswith("waiting_")}
    assert kinds == {"waiting_time", "waiting_reason"}
    with pytest.raises(KeyError, match="only if it is chosen by name"):
        comparison.get(clock)
    chosen = compare(queue, queue, other_changes=[FASTER], measures=[clock], replications=2, out=tmp_path / "b", keep="measures")
    assert [d.measure for d in chosen.differences if d.court == "all"] == [clock]


def _number(d: Difference) -> int:
    assert d.hypothesis is not None
    return d.hypothesis


def _p(d: Difference) -> float:
    assert d.paired is not None
    assert d.paired.p is not None
    return d.paired.p


def test_equal_and_negated_differences_are_one_hypothesis(queue: Path) -> None:
    """Also with the rounding of a last digit; a multiple, and another place of a missing value, are others."""
    vectors = [
        [1.0, 2.0, -3.0, 0.0, 5.0],
        [-1.0, -2.0, 3.0, 0.0, -5.0],
        [1.0 + 1e-13, 2.0, -3.0, 0.0, 5.0],
        [2.0, 4.0, -6.0, 0.0, 10.0],
        [1.0, 2.0, -3.0, 0.0, 5.0, None],
        [1.0, 2.0, -3.0, None, 0.0, 5.0],
    ]
    assert _numbers(vectors, queue) == [1, 1, 1, 2, 3, 4]


def test_with_fewer_than_five_replications_only_rows_that_are_equal_by_definition_are_one(queue: Path) -> None:
    """The only court and all courts, pending and unfinished without a resting state; other equal rows are coincidence."""
    vectors = [[1.0, 2.0, 4.0]] * 5
    rows = [("pending", "all"), ("pending", "nation"), ("unfinished", "all"), ("inflow", "all"), ("disposals", "all")]
    assert _numbers(vectors, queue, rows) == [1, 1, 1, 2, 3]
    assert _numbers([[*v, 5.0, 6.0] for v in vectors], queue, rows) == [1, 1, 1, 1, 1]


def _numbers(vectors: list[list[float | None]], queue: Path, rows: list[tuple[str, str]] | None = None) -> list[int | None]:
    """Return the numbers of the hypotheses of some rows."""
    differences = []
    for k, vector in enumerate(vectors):
        known = [d for d in vector if d is not None]
        measure, court = rows[k] if rows else (f"measure_{k}", "all")
        differences.append(Difference("other", measure, court, None, "cases", pair([0.0] * len(known), known, 0.95)))
    scenario = load_scenario(queue)
    return [d.hypothesis for d in correct(differences, vectors, [scenario, scenario], 0.05)]


def test_a_salary_is_certain_and_not_tested(queue: Path, tmp_path: Path) -> None:
    """One server more for seven days of eight hours at 50 euros: 2,800 euros, in every replication."""
    comparison = compare(
        queue, queue, changes=SALARY, other_changes=["pools.servers.size=3"], replications=10, out=tmp_path / "c"
    )
    for measure in ("cost.servers", "cost"):
        salary = comparison.get(measure)
        assert salary.paired is not None
        assert salary.paired.difference == pytest.approx(2800)
        assert salary.certain
        assert (salary.paired.p, salary.p_corrected, salary.hypothesis, salary.needed) == (None, None, None, None)
        assert format_difference(salary) == "certain: +2,800 EUR"
    text = _printed(comparison)
    assert "The same in every replication, not tested" in text
    assert "certain: +2,800" in text
    assert "p 1.000" not in text
    page = write_page(tmp_path / "c").read_text(encoding="utf-8")
    assert "certain: +2,800" in page
    assert read_comparison(tmp_path / "c").differences == comparison.differences


def test_the_salary_of_one_clerk_more_in_the_example_office_is_certain(tmp_path: Path) -> None:
    """125 working days of 7 hours at 36 dollars: 31,500 dollars, whatever happens; nothing else is certain."""
    write_borrowed_files(Path("docs/how-to/prove-and-monitor-rules.md"), tmp_path)
    costs = ["costs={currency: USD, pools: {clerks: 36 per hour}}"]
    comparison = compare(
        tmp_path / "office.yaml", tmp_path / "office.yaml", changes=costs, other_changes=["pools.clerks.size.north=4"],
        replications=10, out=tmp_path / "c", keep="measures",
    )  # fmt: skip
    certain = [d for d in comparison.differences if d.certain and d.paired is not None and not d.paired.same]
    assert {(d.measure, d.court) for d in certain} == {(m, c) for m in ("cost", "cost.clerks") for c in ("north", "all")}
    assert {format_difference(d) for d in certain} == {"certain: +31,500 USD"}
    assert {(d.hypothesis, d.p_corrected, d.paired and d.paired.p) for d in certain} == {(None, None, None)}
    assert "more than a million" not in _printed(comparison)


@pytest.mark.parametrize(
    ("change", "certain"),
    [
        ("pools.servers.at_shift_end=suspend", True),
        ("pools.servers.at_shift_end=finish", False),
        ("pools.servers.size={2000-01-01: 2, 2000-01-03: 1}", False),
        ("costs.activities={serve: 5}", False),
    ],
)
def test_only_a_cost_without_overtime_and_prices_of_work_is_certain(queue: Path, change: str, certain: bool) -> None:
    """Overtime and the number of completions are chance."""
    assert is_certain("cost", load_scenario(queue, [*SALARY, change])) is certain
    assert not is_certain("pending", load_scenario(queue, [*SALARY, change]))


def test_the_same_difference_in_every_replication_is_reported_and_not_tested(tmp_path: Path) -> None:
    """Two clerks serve two cases a day instead of one for five days: five cases fewer are pending, in both replications."""
    serve = "activities={serve: {pool: clerks, takes: 24 hours, outcome: {answer: {yes: 1}}}}"
    fixed = [serve, "arrivals={}", "ends=2024-01-05"]
    base = load_scenario(write_tiny(tmp_path), [*fixed, "pools.clerks.size=1"])
    comparison = compare(
        base, base, other_changes=["pools.clerks.size=2"], replications=2, measures=["pending"], out=tmp_path / "c"
    )
    pending = comparison.get("pending", "east")
    assert pending.paired is not None
    assert pending.paired.constant
    assert not pending.certain
    assert (pending.paired.low, pending.paired.p, pending.p_corrected, pending.needed) == (None, None, None, None)
    assert format_difference(pending) == "the same in all 2 replications: −5"
    assert "the same in all 2 replications: −5" in " ".join(_printed(comparison).split())
    row = json.loads(json.dumps(pending.json()))
    assert (row["p"], row["certain"], row["hypothesis"]) == (None, False, None)
    assert differences_csv([pending]).splitlines()[0].count("hypothesis") == 1


def _printed(comparison: Comparison) -> str:
    console = Console(width=200, record=True, file=StringIO())
    with patch.object(comparison_table, "new_console", lambda: console):
        comparison_table.print_comparison(comparison, [])
    return console.export_text()
