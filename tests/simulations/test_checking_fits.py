"""A fitted scenario beside the months that it does not know: what holds, what is found wrong, and how it is said."""

import datetime as dt
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulations import load_scenario, run
from simulations.cli.commands import app
from simulations.exporting.exports import export
from simulations.fitting.checking import Course, FitCheck, check_fit, gram_distance
from simulations.running.options import RunOptions
from tests.simulations import published_shapes
from workflow.errors import InputError

WORKFLOW = """
workflow: desk
record: {result: {enum: [none, yes_, no_], default: none}}
activities: {decide: {gives: {result: [yes_, no_]}}}
entry: {states: [waiting]}
states:
  waiting: {activity: decide}
  granted: {final: true}
  refused: {final: true}
transitions:
  - {transition: grant, from: waiting, to: granted, when: result == "yes_"}
  - {transition: refuse, from: waiting, to: refused}
"""
SCENARIO = """
scenario: desk
workflow: desk.yaml
starts: 2024-01-01
ends: 2024-06-30
courts: {court: {backlog: {waiting: 20}}}
activities: {decide: {takes: {exponential: {mean: 20 days}}, outcome: {result: {yes_: 0.6, no_: rest}}}}
arrivals: {court: {into: waiting, rate: 30 per month}}
"""
UNTIL = dt.date(2024, 6, 15)
OPTIONS = RunOptions(replications=99, engine="simpy")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a scenario and the log of a run of it."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "desk.yaml").write_text(WORKFLOW)
    (folder / "scenario.yaml").write_text(SCENARIO)
    run(
        load_scenario(folder / "scenario.yaml"),
        replications=1,
        seed=20,
        workers=1,
        engine="simpy",
        out=folder / "run",
        progress=False,
    )
    export(folder / "run", "csv", folder / "log.csv")
    return folder


def _check(folder: Path, changes: dict[str, object]) -> FitCheck:
    scenario = load_scenario(folder / "scenario.yaml").change(changes)
    return check_fit(folder / "log.csv", scenario, UNTIL, None, OPTIONS, progress=False)


@pytest.mark.parametrize(
    ("changes", "measure", "words"),
    [
        ({"arrivals.court.rate": "15 per month"}, "arrivals so far", r"\d+ cases arrived, not \d+"),
        pytest.param(
            {"activities.decide.takes.exponential.mean": "60 days"},
            "cycle times",
            r"cases took [\d.]+ days \(median\), not [\d.]+",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"activities.decide.outcome.result.yes_": 0.2},
            "n-grams of moves",
            r"other sequences of moves occur \((grant|refuse): [\d.]+% of the moves",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_what_is_wrong_is_named(desk: Path, changes: dict[str, object], measure: str, words: str) -> None:
    """Half the arrivals, three times the length, or a third of the grants."""
    check = _check(desk, changes)
    assert measure in [d.name for d in check.distances if d.differs]
    assert check.verdict.startswith("The scenario does not forecast these months: ")
    assert re.search(words, check.verdict), check.verdict


def test_distances_are_those_of_the_package_log_distance_measures() -> None:
    """Values that version 2.2.0 gives for two small logs; it rounds times down to whole hours."""
    one, other = (_course(rows) for rows in _LOGS)
    from scipy import stats

    assert gram_distance(one.grams, other.grams) == pytest.approx(_PACKAGE["n-grams"])
    assert stats.wasserstein_distance(np.floor(one.arrivals), np.floor(other.arrivals)) == pytest.approx(_PACKAGE["arrivals"])
    hours = [np.floor(24 * c.cycle_days + 1e-9) for c in (one, other)]
    assert stats.wasserstein_distance(*hours) == pytest.approx(_PACKAGE["cycle times"])


_LOGS = (
    [
        ("a", "file", 0),
        ("a", "grant", 50),
        ("b", "file", 5),
        ("b", "remand", 30),
        ("b", "grant", 90),
        ("c", "file", 9),
        ("c", "refuse", 20),
    ],
    [
        ("a", "file", 1),
        ("a", "refuse", 40),
        ("b", "file", 8),
        ("b", "grant", 70),
        ("c", "file", 30),
        ("c", "remand", 33),
        ("c", "refuse", 60),
    ],
)
"""Case, move, and hours since the start."""

_PACKAGE = {"n-grams": 0.23076923076923078, "arrivals": 8.333333333333334, "cycle times": 17.666666666666668}


def _course(rows: list[tuple[str, str, int]]) -> Course:
    from simulations.fitting.checking import _grams

    cases = list(dict.fromkeys(case for case, _, _ in rows))
    hours = {case: [h for c, _, h in rows if c == case] for case in cases}
    grams = _grams([cases.index(c) for c, _, _ in rows], [move for _, move, _ in rows], {"file", "grant", "remand", "refuse"})
    return Course(
        np.zeros(0),
        np.array([(h[-1] - h[0]) / 24 for h in hours.values()]),
        np.array([float(h[0]) for h in hours.values()]),
        grams,
    )


def test_a_p_value_is_the_rank_among_replications() -> None:
    """With 99 replications the farthest has 1 in 100; five measures are adjusted together."""
    from simulations.fitting.checking import _distances

    rng = np.random.default_rng(1)
    courses = [
        Course(rng.normal(50, 5, 10), rng.exponential(20, 50), np.sort(rng.uniform(0, 900, 40)), Counter({("", "", "a"): 40}))
        for _ in range(99)
    ]
    far = replace(courses[0], pending=np.full(10, 100.0))
    found = {d.name: d for d in _distances(far, courses)}
    assert found["pending cases"].p == pytest.approx(5 / 100)
    assert found["pending cases"].differs
    assert found["n-grams of moves"].p == 1.0


def test_the_scenario_that_made_the_log_is_not_contradicted(desk: Path) -> None:
    """Its own log is one more course of events; the command says so, writes a page with figures, and exits with 0."""
    page = desk / "check.html"
    command = ["check-fit", str(desk / "log.csv"), str(desk / "scenario.yaml"), "--until", str(UNTIL), "--engine", "simpy"]
    result = CliRunner().invoke(app, [*command, "--replications", "99", "--workers", "1", "--out", str(page)])
    assert result.exit_code == 0, result.output
    assert "Nothing in these months contradicts the scenario. Pending cases were inside the 90% band on " in result.output
    assert [name in page.read_text() for name in ('id="pending-title"', 'id="cycle-title"')] == [True, True]


@pytest.mark.parametrize(
    ("until", "replications", "message"),
    [
        (dt.date(2024, 1, 1), 99, "--until 2024-01-01: must be after 2024-01-01, on which desk starts"),
        (dt.date(2030, 1, 1), 99, "--until 2030-01-01: the log ends on 2024-0[67]"),
        (UNTIL, 20, "--replications 20: must be 99 or more"),
    ],
)
def test_what_cannot_be_compared_is_refused(desk: Path, until: dt.date, replications: int, message: str) -> None:
    """The message names the option and what is allowed."""
    with pytest.raises(InputError, match=message):
        check_fit(
            desk / "log.csv",
            load_scenario(desk / "scenario.yaml"),
            until,
            None,
            replace(OPTIONS, replications=replications),
            progress=False,
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "size", "as_of", "until"),
    [
        ("fines", 1000, "2024-06-01", "2024-12-01"),
        ("permits", 1000, "2023-01-01", "2023-07-01"),
        ("hospital", 150, "2021-04-15", "2021-05-15"),
    ],
)
def test_published_shapes_from_file_to_the_page_of_a_check(shape: str, size: int, as_of: str, until: str, tmp_path: Path) -> None:
    """Discover, fit and check as a new user would; the verdict is on the page, and the exit code goes by it."""
    log = getattr(published_shapes, shape)(tmp_path / f"{shape}.csv", size)
    workflow, mapping, scenario, page = (tmp_path / name for name in ("w.yaml", "w.mapping.yaml", "s.yaml", "check.html"))
    runner = CliRunner()
    assert runner.invoke(app, ["discover", str(log), "--out", str(workflow)]).exit_code == 0
    fit = ["fit", str(log), "--workflow", str(workflow), "--mapping", str(mapping), "--as-of", as_of, "--out", str(scenario)]
    assert runner.invoke(app, fit).exit_code == 0
    check = ["check-fit", str(log), str(scenario), "--until", until, "--mapping", str(mapping), "--engine", "simpy"]
    result = runner.invoke(app, [*check, "--out", str(page)])
    holds = "Nothing in these months contradicts the scenario." in result.output
    assert result.exit_code == (0 if holds else 1), result.output
    assert holds or "The scenario does not forecast these months: " in result.output
    assert ("contradicts" if holds else "does not forecast") in page.read_text()
