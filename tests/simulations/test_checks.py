"""Cases with known answers: exact event times, and closed forms within their interval.

A closed form is accepted if it lies within the Student interval of independent replications at 99.9 percent,
so each such test raises a false alarm for one seed in a thousand; the seeds are fixed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec

import pytest
from typer.testing import CliRunner

from simulations import load_scenario
from simulations.checks import validation
from simulations.checks.closed_forms import mean_wait_mg1, mean_wait_mmc
from simulations.checks.validation import CHECKS, FOLDER, GOLDEN, Check, Golden, Outcome, run_once, validate
from simulations.cli import app
from simulations.measuring.measures import measure

TABLES = [replace(golden, file=f"{golden.file}_table") for golden in GOLDEN if golden.id in ("D9", "D13")]


@pytest.mark.parametrize("golden", [*GOLDEN, *TABLES], ids=lambda g: f"{g.id}-{g.file}")
def test_a_golden_case_is_exact_to_the_microsecond(golden: Golden) -> None:
    """Every start and end is exact; two of the cases have arrivals from a table."""
    outcome = validation._golden(golden, "simpy")
    assert outcome.ok
    assert outcome.estimate == outcome.expected == len(golden.expected)


def test_d18_utilisation_is_busy_time_over_the_servers_time_on_shift() -> None:
    """3 + 1 + 4 busy server-days of 2 x 10 + 1 x 5 give exactly 0.32."""
    values = {v.measure: v.value for v in measure(run_once(load_scenario(FOLDER / "D18.yaml"))) if v.at is None}
    assert values["utilisation.servers"] == 8 / 25


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """Run `docketsim validate` with half its replications.

    The compiled engine is five times as fast; `test_compiled` holds that both engines give the same logs on these scenarios.
    """
    engine = "compiled" if find_spec("numba") else "simpy"
    return {outcome.id: outcome for outcome in validate(seed=2011, replications=10, engine=engine)}


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_a_closed_form_lies_within_the_interval(outcomes: dict[str, Outcome], check: Check) -> None:
    """The interval is narrow enough to be meaningful."""
    outcome = outcomes[check.id]
    assert outcome.ok
    assert outcome.half_width is not None
    assert 0 < outcome.half_width < 0.3 * check.expected


def test_the_expected_values_are_those_of_the_textbooks() -> None:
    """They are Kleinrock's for M/M/c and M/G/1, Cobham's for priorities, and those of the overloaded queue."""
    expected = {check.id: check.expected for check in CHECKS}
    published = {
        "A1-use": 0.625, "A1-wait": 0.20833, "A1-sojourn": 0.33333, "A2-3-wait": 4.4444, "A2-3-queue": 0.88889,
        "A2-4-wait": 0.86957, "A2-4-queue": 0.17391, "A6-high": 2.0, "A6-low": 6.0, "A8-0": 2.0, "A8-0.25": 2.5,
        "A8-1": 4.0, "A8-2": 6.0, "A12-rate": 0.75, "A12-number": 3.0, "A12-total": 5.0, "A20-pending": 300,
        "A20-clearance": 0.8, "E1-lost": 0.4,
        "A6-preempts-high": 1.25, "A6-preempts-low": 6.25, "E4-present": 0.76234,
    }  # fmt: skip
    assert {name: expected[name] for name in published} == {name: pytest.approx(v, rel=2e-5) for name, v in published.items()}
    assert mean_wait_mmc(1, 0.8, 1.0) == pytest.approx(mean_wait_mg1(0.8, 1.0, 1.0))


def test_the_checks_include_log_invariants_and_the_identity_of_the_pilot(outcomes: dict[str, Outcome]) -> None:
    """Every invariant holds; amenable is exactly the sum of its parts."""
    assert outcomes["invariants"].ok
    assert outcomes["pilot"].ok
    assert outcomes["pilot"].estimate == outcomes["pilot"].expected > 1000
    assert outcomes["D18-use"].ok
    assert outcomes["D18-use"].estimate == 0.32
    assert len(outcomes) >= 15


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep two of the checks, one of each kind."""
    monkeypatch.setattr(validation, "GOLDEN", GOLDEN[:1])
    monkeypatch.setattr(validation, "CHECKS", [c for c in CHECKS if c.id == "P1-arrivals"])
    monkeypatch.setattr(validation, "_exact", lambda seed, engine: iter(()))


@pytest.mark.usefixtures("few")
def test_validate_prints_a_table_and_succeeds() -> None:
    """The table has estimate, expected value, z and verdict."""
    done = CliRunner().invoke(app, ["validate", "--workers", "1"])
    assert done.exit_code == 0
    assert "D1 " in done.stdout
    assert "P1-arrivals" in done.stdout
    assert "2 checks, all ok" in done.stdout


@pytest.mark.usefixtures("few")
def test_validate_fails_where_an_answer_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed form off by a tenth and a golden case off by a microsecond fail by name, with exit code 1."""
    wrong = [replace(c, expected=c.expected * 1.1) for c in CHECKS if c.id == "P1-arrivals"]
    monkeypatch.setattr(validation, "CHECKS", wrong)
    monkeypatch.setattr(validation, "GOLDEN", [replace(GOLDEN[0], expected=(*GOLDEN[0].expected[:-1], (2, 21, 33)))])
    done = CliRunner().invoke(app, ["validate", "--workers", "1", "--json"])
    assert done.exit_code == 1
    cases = {case["id"]: case for case in json.loads(done.stdout)["cases"]}
    assert {name: case["verdict"] for name, case in cases.items()} == {"D1": "fails", "P1-arrivals": "fails"}
    assert cases["D1"]["z"] is None
    assert cases["D1"]["estimate"] == 3
    assert cases["P1-arrivals"]["z"] < -3


def test_an_unknown_engine_is_a_mistake() -> None:
    """The exit code is 2, and the message lists the engines."""
    done = CliRunner().invoke(app, ["validate", "--engine", "steam"])
    assert done.exit_code == 2
    assert "steam" in done.output
