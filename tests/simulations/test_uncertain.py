"""Uncertain inputs: one draw for each replication, shared by scenarios that are compared."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from simulations import SamplePath, compare, load_scenario, make_plan, open_run, run
from simulations.run_folder.manifest import read_manifest
from simulations.running.replicating import until
from simulations.scenarios.uncertainty import scaled
from tests.office import PERMIT_OFFICE
from workflow.errors import InputError

OFFICE: dict[str, Any] = {
    "scenario": "office",
    "workflow": "permits.yaml",
    "starts": dt.date(2024, 1, 1),
    "ends": dt.date(2024, 3, 31),
    "courts": {"north": {"backlog": {"waiting": 30}}, "south": {"backlog": {"waiting": 10}}},
    "calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}},
    "pools": {"clerks": {"at": "court", "size": {"north": 4, "south": 1}, "calendar": "office"}},
    "activities": {
        "examine": {
            "pool": "clerks",
            "takes": {"gamma": {"mean": "4 hours", "cv": 0.5}},
            "outcome": {"decision": {"grant": 0.7, "refuse": "rest"}},
        }
    },
    "arrivals": {"north": {"into": "waiting", "rate": "20 per month"}},
}
GRANT = {"set": "activities.examine.outcome.decision.grant", "is": {"beta": {"mean": 0.54, "sd": 0.04}}}
CLERKS = {"scale": "pools.clerks.size", "by": {"lognormal": {"mean": 1, "cv": 0.3}}}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that loads the office with `uncertain:`."""
    monkeypatch.chdir(tmp_path)
    Path("permits.yaml").write_text(PERMIT_OFFICE)
    return lambda *entries, **changed: load_scenario({**OFFICE, **changed, "uncertain": list(entries)})


def test_a_replication_has_one_value(office: Any) -> None:
    """Each replication has a value of its own, and the same one each time."""
    scenario = office(GRANT)
    first, second, again = (make_plan(scenario, SamplePath(1, k)).scenario for k in (1, 2, 1))
    path = GRANT["set"]
    assert first.drawn[path] == again.drawn[path] != second.drawn[path]
    (shares,) = first.work["examine"].outcome["decision"].leaves()
    assert shares.cumulative[0] == pytest.approx(first.drawn[path])


def test_the_values_have_the_distribution(office: Any) -> None:
    """The mean of 400 draws lies within five standard errors of the mean (one false alarm in a million)."""
    scenario = office(GRANT)
    values = [scenario.draws(3, k)[GRANT["set"]] for k in range(1, 401)]
    assert abs(sum(values) / 400 - 0.54) < 5 * 0.04 / 20


def test_a_factor_scales_every_size(office: Any) -> None:
    """A factor multiplies the sizes of all courts; servers are whole."""
    drawn = office(CLERKS).with_inputs({"scale pools.clerks.size": 1.6})
    assert drawn.pools["clerks"].sizes == (((0, 6),), ((0, 2),))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"lognormal": {"mean": "36 minutes", "cv": 0.8}}, {"lognormal": {"mean": "72.0 minutes", "cv": 0.8}}),
        ({"by": "court", "north": "20 per month", "other": "1/4"}, {"by": "court", "north": "40.0 per month", "other": 0.5}),
        ({"grant": 0.2, "refuse": "rest"}, {"grant": 0.4, "refuse": "rest"}),
        ({"beta": {"a": 2, "b": 3, "max": "8 hours"}}, {"beta": {"a": 2, "b": 3, "max": "16.0 hours"}}),
        ({"empirical": [1, 2]}, {"empirical": [2.0, 4.0]}),
        ("2 per day", "4.0 per day"),
        ("0.000001 per day", "0.000002 per day"),
    ],
)
def test_what_a_factor_multiplies(value: Any, expected: Any) -> None:
    """Quantities are multiplied; shapes, names and the rest are not."""
    assert scaled(value, 2.0) == expected


def test_a_number_has_the_unit_of_the_file(office: Any) -> None:
    """A number takes the unit that the file has at the path; a length of time has its own."""
    rate = office({"set": "arrivals.north.rate", "is": {"constant": 12}}).certain()
    assert rate.plain()["arrivals"]["north"]["rate"] == "12.0 per month"
    mean = office({"set": "activities.examine.takes.gamma.mean", "is": {"uniform": {"min": "1 hour", "max": "2 days"}}})
    hours, unit = mean.certain().plain()["activities"]["examine"]["takes"]["gamma"]["mean"].split()
    assert (float(hours), unit) == (pytest.approx(24.5), "hours")


def test_rows_of_a_table_stay_together(office: Any) -> None:
    """A replication takes one row; a column that is set no longer counts, and the others do."""
    rows = [(0.2, 0.5), (0.4, 1.0), (0.8, 2.0)]
    Path("posterior.csv").write_text(
        f"{GRANT['set']},scale pools.clerks.size\n" + "".join(f"{a},{b}\n" for a, b in rows), encoding="utf-8"
    )
    scenario = office({"table": "posterior.csv"})
    drawn = {tuple(scenario.draws(1, k).values()) for k in range(1, 60)}
    assert drawn == set(rows)
    certain = scenario.certain().plain()
    assert certain["activities"]["examine"]["outcome"]["decision"]["grant"] == 0.4
    assert certain["pools"] == OFFICE["pools"]
    assert [i.name for i in scenario.change({GRANT["set"]: 0.5}).inputs] == ["scale pools.clerks.size"]


def test_what_is_set_is_known(office: Any) -> None:
    """A value that is set is no longer drawn."""
    scenario = office(GRANT, CLERKS)
    for path in (GRANT["set"], "activities.examine.outcome"):
        value = 0.5 if path == GRANT["set"] else {"decision": {"grant": 0.5, "refuse": 0.5}}
        assert [i.name for i in scenario.change({path: value}).inputs] == ["scale pools.clerks.size"]


def test_what_is_done_to_a_scenario_holds_for_its_draws(office: Any) -> None:
    """An earlier end holds for the scenario of each replication."""
    scenario = until(office(GRANT), load_scenario({**OFFICE}).starts)
    assert make_plan(scenario, SamplePath(1, 1)).scenario.ends == scenario.starts


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**GRANT, "set": "activities.examine.outcome.decisions.grant"}, "there is no activities.examine.outcome.decisions"),
        ({**GRANT, "is": {"normal": {"mean": 0.9, "sd": 0.1}}}, "a share lies between 0 and 1"),
        ({**CLERKS, "scale": "pools.clerks.calendar"}, "is 'office', which has no number to multiply"),
        ({"scale": "pools.clerks.size"}, "scale: needs by:"),
        ({**GRANT, "is": {"beta": {"mean": 0.5}}}, "beta: give a and b, or mean and sd"),
        ({**GRANT, "is": {"beta": {"mean": 0.5, "sd": 0.6}}}, "must be below 0.5, the largest with this mean"),
        ({"set": "about.purpose", "is": {"constant": 1}}, "does not change a run"),
        ({**GRANT, "within": [1, 0]}, "must be two numbers, the lower one first"),
        ({"table": "none.csv"}, "there is no such file"),
    ],
)
def test_mistakes_are_reported(office: Any, entry: Any, message: str) -> None:
    """A mistake in an entry, or a value that the scenario cannot have, is reported when the file is loaded."""
    with pytest.raises(InputError, match=message):
        office(entry)


def test_inputs_do_not_overlap(office: Any) -> None:
    """Two entries do not change the same value."""
    with pytest.raises(InputError, match=r"pools.clerks.size.north: overlaps with pools.clerks.size of entry 1"):
        office(CLERKS, {"set": "pools.clerks.size.north", "is": {"constant": 2}})


def test_a_run_keeps_what_was_drawn(office: Any) -> None:
    """The manifest and the measures have the value of each replication, and any number of workers gives the same."""
    scenario = office(GRANT, CLERKS)
    result = run(scenario, replications=4, out="run", keep="measures", progress=False)
    drawn = read_manifest(Path("run"))["drawn"]
    assert drawn == {str(k): scenario.draws(1, k) for k in range(1, 5)}
    name = f"uncertain.{GRANT['set']}"
    rows = result.sql(
        f"select replication, value from measures where measure = '{name}' and \"at\" is null order by 1"
    ).fetchall()
    assert rows == [(k, drawn[str(k)][GRANT["set"]]) for k in range(1, 5)]
    run(scenario, replications=4, out="two", keep="measures", progress=False, workers=2)
    for k in range(1, 5):
        part = f"measures/replication={k}.parquet"
        assert Path("run", part).read_bytes() == Path("two", part).read_bytes()


def test_a_certain_run_is_read_back(office: Any) -> None:
    """A run with certain inputs has no measures of inputs, and its folder can be read."""
    run(office(GRANT).certain(), replications=2, out="certain", keep="measures", progress=False)
    assert not [e for e in open_run("certain").estimates if e.measure.startswith("uncertain.")]  # type: ignore[union-attr]


def test_both_engines_draw_the_same(office: Any) -> None:
    """Both engines return the same measures."""
    scenario = office(GRANT, CLERKS)
    results = [run(scenario, out=e, engine=e, replications=2, progress=False) for e in ("simpy", "compiled")]
    assert results[0].estimates == results[1].estimates


def test_compared_scenarios_share_the_draws(office: Any) -> None:
    """Replication k of both scenarios has the same inputs, and the inputs are not compared."""
    base = office(GRANT)
    result = compare(
        base, base.change({"pools.clerks.size.north": 5}), replications=3, out="both", keep="measures", progress=False
    )
    folders = [read_manifest(Path("both", name))["drawn"] for name in ("base", "other-1")]
    assert folders[0] == folders[1]
    assert not [d for d in result.differences if d.measure.startswith("uncertain.")]
