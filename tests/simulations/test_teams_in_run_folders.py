"""The servers of teams in a run folder: parts, views, verification and the report."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from simulations import RunResult, run
from simulations.exporting.exports import export
from simulations.report import write_stress
from simulations.report.contents import contents_of
from simulations.report.figures import waiting_figure
from simulations.run_folder.views import query_run
from simulations.running.verifying import verify
from simulations.tables.run import waiting_table
from tests.simulations.test_teams_beside_simpy import WORKFLOW

SCENARIO = """
scenario: house
workflow: hearings.yaml
starts: 2024-01-01
ends: 2024-01-07
calendars: {office: {hours: {mon-sun: "09:00-17:00"}}}
courts: {east: {}, west: {}}
pools: {judges: {at: court, size: 2, calendar: office}, interpreters: {size: 1, calendar: office, slots: 3}}
activities: {hear: {needs: {judges: 1, interpreters: {when: foreign}}, takes: 1 hour}}
people: {foreign: 0.5}
arrivals: {all: {rate: 5 per day, calendar: office}}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Two replications of a house of two courts that share an interpreter."""
    folder = tmp_path_factory.mktemp("house")
    (folder / "hearings.yaml").write_text(WORKFLOW, encoding="utf-8")
    (folder / "house.yaml").write_text(SCENARIO, encoding="utf-8")
    return run(folder / "house.yaml", replications=2, out=folder / "run")


def _all(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with query_run(folder, query) as answer:
        return list(answer.rows)


def test_the_table_of_holds_has_every_server(house: RunResult) -> None:
    """A judge for each hearing that began, an interpreter for each foreign case among them."""
    started = _all(house.folder, "select \"foreign\", count(*) from events join cases using (replication, case_id)"
                                 " where started_at is not null group by 1 order by 1")  # fmt: skip
    held = dict(_all(house.folder, "select pool, count(*) from holds group by 1"))
    assert held == {"judges": sum(n for _, n in started), "interpreters": dict(started)[True]}
    assert _all(house.folder, "select count(*) from events join holds using (replication, sequence, pool, court, server)"
                              " where started_at is not null") == [(held["judges"],)]  # fmt: skip


def test_the_parts_are_verified_and_rerun_to_the_same_bytes(house: RunResult) -> None:
    """Holds are parts like others; a changed one is found."""
    assert verify(house.folder, rerun=1).ok
    part = house.folder / "holds" / "replication=1.parquet"
    before = part.read_bytes()
    part.write_bytes(before[:-1] + b"?")
    try:
        assert not verify(house.folder).ok
    finally:
        part.write_bytes(before)


def test_the_use_of_the_only_week_is_that_of_the_run(house: RunResult) -> None:
    """The report reads every server from the parts; so the weekly use equals the measures."""
    means = {(e.measure, e.court): e.mean for e in house.estimates if e.at is None and e.by is None}
    uses = contents_of(house).use
    assert {use.pool for use in uses} == {"judges", "interpreters"}
    for use in uses:
        name = f"{'slots_used' if use.of_slots else 'utilisation'}.{use.pool}"
        assert use.mean.tolist() == [pytest.approx(means[name, use.court])]


@pytest.fixture(scope="module")
def teams(house: RunResult) -> dict[str, str | None]:
    """The servers of each row that is exported, in the order of `pm4py.log`: the judge of the court, and the shared interpreter."""
    rows = _all(house.folder, "select e.replication, e.sequence, e.court, h.pool, h.server from events e left join holds h"
                " using (replication, sequence) where cause <> 'horizon' order by e.replication, e.sequence, h.pool desc")  # fmt: skip
    found: dict[str, list[str]] = {}
    for replication, sequence, court, pool, server in rows:
        name = f"judges/{court}/{server}" if pool == "judges" else f"interpreters/{server}"
        found.setdefault(f"{replication}:{sequence}", []).extend([] if pool is None else [name])
    return {key: ", ".join(names) or None for key, names in found.items()}


def test_exports_name_every_server(house: RunResult, teams: dict[str, str | None], tmp_path: Path) -> None:
    """In `resources`; `org:resource` is the first one. The name of a server of the nation has no court."""
    rows = _all(house.folder, 'select "org:resource", resources from pm4py.log')
    assert [row[1] for row in rows] == list(teams.values())
    assert all(resources is None or resources.split(", ")[0] == first for first, resources in rows)
    assert any(resources is not None and ", interpreters/0" in resources for _, resources in rows)
    tables = dict(_all(house.folder, "select ocel_id, resources from ocel.event_decide"))
    assert tables == teams
    export(house.folder, "ocel", tmp_path / "log.json")
    events = json.loads((tmp_path / "log.json").read_text(encoding="utf-8"))["events"]
    assert {e["id"]: {a["name"]: a["value"] for a in e["attributes"]}.get("resources") for e in events} == teams
    export(house.folder, "xes", tmp_path / "log.xes")
    values = [node.get("value") for node in ElementTree.parse(tmp_path / "log.xes").iter() if node.get("key") == "resources"]
    assert sorted(values) == sorted(filter(None, teams.values()))  # type: ignore[type-var]


def test_the_figure_of_waits_has_the_pools_that_were_short(house: RunResult) -> None:
    """Its data are the measures, its caption explains the parts."""
    contents = contents_of(house)
    figure = waiting_figure(contents)
    assert figure is not None
    rows = list(csv.DictReader(figure.csv.splitlines()))
    parts = {f"waiting_for.hear.{part}" for part in ("judges", "interpreters", "others", "closed")}
    assert {row["measure"] for row in rows} == parts
    assert {(row["measure"], row["court"]): float(row["mean"]) for row in rows} == {
        (e.measure, e.court): pytest.approx(e.mean)
        for e in house.estimates
        if e.measure in parts and e.at is None and e.by is None
    }
    assert any("Short: the first pool that lacked what the case needs." in str(text) for text in figure.caption)


def test_the_report_names_the_pools_that_were_short(house: RunResult, tmp_path: Path) -> None:
    """In the table of waits by reason, and among the activities of the STRESS sections."""
    table = waiting_table(house, "waiting_reason", {"all": "all"})
    assert table is not None
    assert "interpreters short" in {row[1].text for row in table.rows}
    assert waiting_table(house, "waiting_clock", {"all": "all"}) is None
    text = write_stress(house.folder, tmp_path / "stress.md").read_text(encoding="utf-8")
    assert "by `judges` and `interpreters`, passed by others while a pool is short" in text
