"""Sensitivity: one input at a time, and Sobol' indices."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from simulations import load_scenario, sensitivity
from simulations.cli.commands import app
from simulations.planning.sobol import sobol_design, sobol_of
from simulations.report.tornado import tornado_figure
from tests.office import PERMIT_OFFICE
from workflow.errors import InputError

SHARE, RATE = "activities.examine.outcome.decision.grant", "scale arrivals.north.rate"
OFFICE: dict[str, Any] = {
    "scenario": "office", "workflow": "permits.yaml", "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 6, 30),
    "courts": {"north": {"backlog": {"waiting": 10}}},
    "activities": {"examine": {"takes": "1 day", "outcome": {"decision": {"grant": 0.5, "refuse": "rest"}}}},
    "arrivals": {"north": {"into": "waiting", "rate": "30 per month"}},
}  # fmt: skip
UNCERTAIN = [
    {"set": SHARE, "is": {"uniform": {"min": 0.2, "max": 0.8}}},
    {"scale": "arrivals.north.rate", "by": {"uniform": {"min": 0.95, "max": 1.05}}},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the office and its workflow."""
    monkeypatch.chdir(tmp_path)
    Path("permits.yaml").write_text(PERMIT_OFFICE.replace("entry:", "measures: [{measure: granted, cases: grant}]\nentry:"))
    return tmp_path


def test_ishigami_has_its_known_indices() -> None:
    """Sobol' indices of Ishigami's function, a = 7 and b = 0.1, are recovered to 0.03, and lie in their intervals."""
    x = np.pi * (2 * sobol_design(2048, 3, seed=1) - 1)
    values = np.sin(x[..., 0]) + 7 * np.sin(x[..., 1]) ** 2 + 0.1 * x[..., 2] ** 4 * np.sin(x[..., 0])
    indices = sobol_of(values, 0.999, seed=1)
    for index, first, total in zip(indices, (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437), strict=True):
        assert (index.first, index.total) == (pytest.approx(first, abs=0.03), pytest.approx(total, abs=0.03))
        assert index.first_low <= first <= index.first_high
        assert index.total_low <= total <= index.total_high


def test_the_input_that_matters_comes_first(folder: Path) -> None:
    """Grants depend on the share of grants, and a little on the arrivals; the ends are the quantiles of each input."""
    result = sensitivity(
        load_scenario({**OFFICE, "uncertain": UNCERTAIN}), "granted", replications=4, engine="simpy", progress=False
    )
    share, rate = result.effects
    assert (share.name, rate.name) == (SHARE, RATE)
    assert (share.low, share.high) == (pytest.approx(0.26), pytest.approx(0.74))
    # some 190 cases are decided: 0.48 of them is 91, give or take five standard errors of a paired difference
    assert share.difference == pytest.approx(91, abs=20)
    assert share.difference_low < share.difference < share.difference_high  # type: ignore[operator]
    assert share.at_low < result.base < share.at_high  # type: ignore[operator]
    figure = tornado_figure(result)
    assert SHARE in figure.svg
    assert result.plot().to_dict()["title"]
    assert figure.csv.splitlines()[1].startswith(SHARE)


def test_an_input_without_effect_has_none(folder: Path) -> None:
    """All runs of a replication share their draws, so what does not matter makes exactly no difference."""
    result = sensitivity(
        load_scenario({**OFFICE, "uncertain": UNCERTAIN}), "pending", replications=2, engine="simpy", progress=False
    )
    effects = {e.name: e.difference for e in result.effects}
    assert effects[SHARE] == 0.0


def test_indices_divide_the_variance(folder: Path) -> None:
    """The share of grants has most of the variance, chance some, and a table of joint inputs is one input."""
    scenario = load_scenario({**OFFICE, "uncertain": UNCERTAIN})
    result = sensitivity(scenario, "granted", replications=1, sobol=32, engine="simpy", progress=False)
    assert result.indices is not None
    assert next(iter(result.indices)) == SHARE
    assert result.indices[SHARE].first > 0.6
    assert {*result.indices} == {SHARE, RATE, "chance"}
    Path("rows.csv").write_text(f"{SHARE},{RATE}\n0.3,1\n0.6,1.1\n")
    joint = sensitivity(
        load_scenario({**OFFICE, "uncertain": [{"table": "rows.csv"}]}), "granted", replications=1, sobol=2, progress=False
    )
    assert {*(joint.indices or ())} == {"rows.csv", "chance"}


def test_a_range_needs_no_uncertain_input(folder: Path) -> None:
    """--set path=low:high moves any value between its ends, with a unit, and nothing else."""
    scenario = load_scenario({**OFFICE, "uncertain": UNCERTAIN})
    changes = ["activities.examine.takes=1:30 days", "ends=2024-03-31"]
    result = sensitivity(scenario, "pending", replications=2, changes=changes, engine="simpy", progress=False)
    (effect,) = result.effects
    assert (effect.name, effect.low, effect.high) == ("activities.examine.takes", pytest.approx(24), pytest.approx(720))
    assert result.scenario.ends == dt.date(2024, 3, 31)
    # 30 arrive in a month and stay a day, or 30 days: 29 more are pending, give or take
    assert effect.difference == pytest.approx(29, abs=12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"measure": "grantd"}, "is not a measure"),
        ({"measure": "granted", "sobol": 10}, "must be a power of two"),
        ({"measure": "granted", "at": dt.date(2025, 1, 1)}, "is not between starts"),
        ({"measure": "granted", "changes": [f"{SHARE}=0.7:0.4"]}, "a range is low:high"),
    ],
)
def test_mistakes_are_reported(folder: Path, arguments: Any, message: str) -> None:
    """A mistake is reported before anything runs."""
    with pytest.raises(InputError, match=message):
        sensitivity(load_scenario({**OFFICE, "uncertain": UNCERTAIN}), **arguments, engine="simpy", progress=False)


def test_without_inputs_there_is_advice(folder: Path) -> None:
    """A scenario without uncertain inputs says how to give some."""
    with pytest.raises(InputError, match="has no uncertain input; add uncertain: to the scenario, or a range, path=low:high"):
        sensitivity(load_scenario(OFFICE), "granted", engine="simpy", progress=False)


def test_the_command_prints_a_table_and_json(folder: Path) -> None:
    """The command prints the table, or the same as JSON, and writes the figure."""
    scenario = load_scenario({**OFFICE, "uncertain": UNCERTAIN})
    Path("office.yaml").write_text(scenario.to_yaml())
    arguments = ["sensitivity", "office.yaml", "--measure", "granted", "--replications", "2", "--engine", "simpy"]
    text = CliRunner().invoke(app, [*arguments, "--chart", "t.svg"])
    assert text.exit_code == 0, text.output
    assert "Granted, one input at a time, the others at their medians" in text.output
    assert "Figure: t.svg" in text.output
    assert "<svg" in Path("t.svg").read_text()
    content = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert [e["name"] for e in content["effects"]] == [SHARE, RATE]
