"""The name of a time zone that a Parquet file stores beside its instants."""

import base64
import datetime as dt
from pathlib import Path

import duckdb
import pytest

from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.files.parquet_zones import zones_of

ZONED = Path(__file__).parents[1] / "logs" / "zoned.parquet"
"""Written by pandas with pyarrow: `time` in Europe/Rome, `entered` in UTC, `due` without a zone."""

FINES = load_workflow(
    {
        "workflow": "fines",
        "entry": {"states": ["open"]},
        "states": {"open": {"resting": True}, "closed": {"final": True}},
        "transitions": [{"transition": "decide", "from": "open", "to": "closed", "event": "ruling"}],
        "events": {"receive": {"while": ["open"]}, "ruling": {"while": ["open"]}},
        "rules": [
            {"rule": "in March", "never": "receive", "if": "arrived < date('2011-03-15')"},
            {"rule": "in time", "after": "receive", "then": "decide", "within": "12 days"},
        ],
    }
)


def test_days_are_those_of_the_zone_that_the_file_names():
    """Midnight in Rome is 23:00 UTC of the day before; the report says whose clock it is."""
    log = read_log(ZONED, FINES, {"arrived": "time"})
    assert [str(t)[:16] for t in log.local.astype("datetime64[us]")] == [
        "2011-03-15T00:00",
        "2011-03-27T12:00",
        "2011-07-01T23:30",
    ]
    assert [str(t)[:16] for t in log.at.astype("datetime64[us]")] == ["2011-03-14T23:00", "2011-03-27T10:00", "2011-07-01T21:30"]
    assert log.notes == ("the times of 'time' are local times of Europe/Rome, as the file says",)
    report = audit(log)
    assert {r.rule.name: r.of_cases().tolist() for r in report.rules} == {
        "in March": ["kept", "kept"],
        "in time": ["kept", "open"],
    }


def test_a_column_in_utc_is_read_as_utc():
    """Unless a time zone is given."""
    assert read_log(ZONED, FINES, {"time": "entered"}).notes[-1].startswith("times in UTC are read as UTC dates and clocks")
    log = read_log(ZONED, FINES, {"time": "entered"}, "America/Denver")
    assert str(log.local.astype("datetime64[us]")[0]) == "2011-03-14T18:00:00.000000"


@pytest.mark.parametrize("damage", [lambda raw: raw[:40], lambda raw: b"\xff" * 60, lambda raw: raw[:8] + b"\xf0" * 4 + raw[12:]])
def test_a_damaged_schema_names_no_zone(damage):
    """Whatever it contains, the instants can be read."""
    with duckdb.connect() as connection:
        metadata = dict(connection.execute("select key, value from parquet_kv_metadata(?)", [str(ZONED)]).fetchall())
    assert zones_of(metadata) == {"time": "Europe/Rome", "entered": "UTC"}
    raw = base64.b64decode(metadata[b"ARROW:schema"])
    assert zones_of({b"ARROW:schema": base64.b64encode(damage(raw))}) == {}


def test_a_log_of_an_unknown_zone_or_an_offset(monkeypatch):
    """An unknown name says nothing; an offset is a zone."""
    for name, hour in (("Mars/Olympus", 23), ("+02:00", 1), ("-01:30", 21)):
        monkeypatch.setattr("workflow.files.tables.zones_of", lambda metadata, name=name: {"time": name})
        local = read_log(ZONED, FINES).local.astype("datetime64[us]")[0]
        assert local.astype(dt.datetime).hour == hour
