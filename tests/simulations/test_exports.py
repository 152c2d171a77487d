"""Exports of a run, read back: counts and times agree with the log, and missing values are left out."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from typer.testing import CliRunner

from simulations import run
from simulations.cli import app
from simulations.exporting.exports import _Clock, export
from tests.simulations.desk import write_tiny
from workflow.auditing.audit import audit
from workflow.auditing.log import AuditLog
from workflow.auditing.log_files import read_log
from workflow.errors import InputError
from workflow.loading import load_workflow


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two replications of a desk, as a run folder."""
    folder = tmp_path_factory.mktemp("tiny")
    return run(write_tiny(folder), replications=2, out=folder / "run").folder


def _count(folder: Path, query: str) -> Any:
    with duckdb.connect() as connection:
        for kind in ("cases", "events"):
            connection.execute(f"create view {kind} as from '{folder}/{kind}/*.parquet'")
        return connection.execute(query).fetchall()


def test_xes_has_every_case_and_event(tiny: Path, tmp_path: Path) -> None:
    """An XML parser reads traces, events, typed attributes, and times with an offset."""
    exported = export(tiny, "xes", tmp_path / "log.xes", zone="America/Denver", replications=[1])
    n_cases, n_events = _count(tiny, "select (select count(*) from cases where replication = 1), (select count(*) from events where replication = 1 and cause <> 'horizon')")[0]  # fmt: skip
    assert (exported.n_cases, exported.n_events) == (n_cases, n_events)
    space = "{http://www.xes-standard.org/}"
    traces = ElementTree.parse(tmp_path / "log.xes").getroot().findall(f"{space}trace")
    assert len(traces) == n_cases
    events = [event for trace in traces for event in trace.findall(f"{space}event")]
    assert len(events) == n_events
    for event in events:
        values = {child.get("key"): child.get("value") for child in event}
        assert dt.datetime.fromisoformat(str(values["time:timestamp"])).utcoffset() == dt.timedelta(hours=-7)
    kinds = {child.get("key"): child.tag.removeprefix(space) for child in traces[0]}
    assert (kinds["age"], kinds["arrived_at"], kinds["kind"]) == ("int", "date", "string")


def _by_case(log: AuditLog, values: Any) -> dict[str, list[Any]]:
    return {
        name: values[log.first[i] : log.first[i + 1]].tolist()
        for i, name in enumerate(log.names)
        if log.first[i] < log.first[i + 1]
    }


@pytest.mark.parametrize("kind", ["xes", "csv"])
def test_an_export_is_read_by_the_audit(kind: str, tiny: Path, tmp_path: Path) -> None:
    """The audit reads the same rows, facts and times as from the run folder, and allows every move."""
    workflow = load_workflow(tiny / "workflow.yaml")
    export(tiny, kind, tmp_path / f"log.{kind}")
    log, own = read_log(tmp_path / f"log.{kind}", workflow), read_log(tiny, workflow)
    for one, other in ((log.before, own.before), (log.seen, own.seen), (log.after, own.after)):
        assert {name: _by_case(log, one[name]) for name in other} == {n: _by_case(own, v) for n, v in other.items()}
    assert len(log) == len(own)
    assert sorted(log.at.tolist()) == sorted(own.at.tolist())
    assert len(audit(log, ()).not_allowed) == 0
    assert {"kind", "age"} <= set(log.facts)


@pytest.mark.parametrize("replications", [[], [2]])
def test_csv_has_the_rows_of_the_log(tiny: Path, tmp_path: Path, replications: list[int]) -> None:
    """The file has one header, and the times of the log when read with their zone."""
    exported = export(tiny, "csv", tmp_path / "log.csv", replications=replications)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()))
    mine = f"and replication in {tuple(replications or [1, 2])}".replace(",)", ")")
    logged = _count(tiny, f"select happened_at from events where cause <> 'horizon' {mine} order by replication, sequence")  # fmt: skip
    assert exported.n_events == len(rows) == len(logged)
    read = [dt.datetime.fromisoformat(row["time:timestamp"]) for row in rows]
    assert read == [at.replace(tzinfo=dt.UTC) for (at,) in logged]


def test_ocel_has_objects_and_events_with_declared_types(tiny: Path, tmp_path: Path) -> None:
    """In the OCEL 2.0 JSON, every relation leads to an object and every attribute is declared."""
    exported = export(tiny, "ocel", tmp_path / "log.json", zone="Europe/Berlin")
    log = json.loads((tmp_path / "log.json").read_text(encoding="utf-8"))
    assert (len(log["objects"]), len(log["events"])) == (exported.n_cases, exported.n_events)
    assert [(exported.n_cases,)] == _count(tiny, "select count(*) from cases")
    ids = {entry["id"] for entry in log["objects"]}
    assert len(ids) == exported.n_cases
    assert {relation["objectId"] for event in log["events"] for relation in event["relationships"]} <= ids
    assert {event["type"] for event in log["events"]} == {kind["name"] for kind in log["eventTypes"]}
    declared = {a["name"]: a["type"] for a in log["objectTypes"][0]["attributes"]}
    assert {a["name"] for entry in log["objects"] for a in entry["attributes"]} <= set(declared)
    assert (declared["age"], declared["arrived_at"], declared["kind"]) == ("integer", "time", "string")
    assert log["events"][0]["time"].endswith("+01:00")


def test_vidigi_has_arrivals_and_departures(tiny: Path, tmp_path: Path) -> None:
    """Each case has a row of arrival, in minutes."""
    exported = export(tiny, "vidigi", tmp_path / "log.csv")
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == exported.n_events
    assert sum(row["event"] == "arrival" for row in rows) == exported.n_cases
    assert all(0 <= float(row["time"]) <= 46 * 24 * 60 for row in rows)


def test_daylight_saving_time_keeps_the_order_of_rows() -> None:
    """A skipped time becomes the end of the gap; a repeated time is the first of the two."""
    clock = _Clock("America/New_York")
    spring = [dt.datetime(2024, 3, 10, hour, minute) for hour in (1, 2, 3) for minute in (0, 20, 59)]
    read = [dt.datetime.fromisoformat(clock(local)) for local in spring]
    assert read == sorted(read)
    assert clock(dt.datetime(2024, 3, 10, 2, 20)) == "2024-03-10T03:00:00.000-04:00"
    assert clock(dt.datetime(2024, 11, 3, 1, 30)).endswith("-04:00")
    assert clock(dt.datetime(2024, 11, 3, 2, 0, 0, 5)) == "2024-11-03T02:00:00.000005-05:00"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "xess"], "--to xess: must be one of xes, csv, ocel, vidigi. Did you mean 'xes'?"),
        (["--to", "xes", "--zone", "America/Denvr"], "Did you mean 'America/Denver'?"),
        (["--to", "xes", "--replication", "7"], "--replication 7: is not in this run"),
    ],
)
def test_a_mistake_is_reported_and_nothing_is_written(tiny: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    """The exit code is 2."""
    result = CliRunner().invoke(app, ["export", str(tiny), *arguments, "--out", str(tmp_path / "x")])
    assert (result.exit_code, message in result.stderr) == (2, True), result.output
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_log_is_reported(tmp_path: Path) -> None:
    """The folder is no run folder, or its run has no event log."""
    with pytest.raises(InputError, match="is not a run folder"):
        export(tmp_path, "csv", tmp_path / "x")
    folder = run(write_tiny(tmp_path), out=tmp_path / "run", keep="measures").folder
    with pytest.raises(InputError, match="has no event log"):
        export(folder, "csv", tmp_path / "x")


def test_the_command_prints_what_it_wrote(tiny: Path, tmp_path: Path) -> None:
    """It prints one line."""
    result = CliRunner().invoke(app, ["export", str(tiny), "--to", "xes", "--out", str(tmp_path / "x.xes")])
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"events: {tmp_path / 'x.xes'}" in result.stdout
