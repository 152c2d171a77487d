"""Tables of cases in a scenario: read like logs, with a map of their columns."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pytest

from simulations import load_scenario
from simulations.chance.draws import SamplePath
from simulations.scenarios.population import Cases, draw_cases
from workflow.errors import InputError

WORKFLOW = """\
workflow: desk
facts: {age: {type: integer, minimum: 0, maximum: 99}, fee: {type: number}, urgent: {type: boolean}}
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
"""
SCENARIO = """\
scenario: s
workflow: desk.yaml
starts: 2024-02-01
ends: 2024-03-01
pools: {clerks: {size: 1}}
activities: {serve: {pool: clerks, takes: 1 hour}}
people: {age: 33, fee: 1, urgent: false}
"""
MAP = 'columns: {state: Status, arrived: "Filed on", age: Alter, fee: Betrag, urgent: eilt}'


def _backlog(folder: Path, table: str) -> Cases:
    (folder / "desk.yaml").write_text(WORKFLOW, encoding="utf-8")
    path = folder / "s.yaml"
    path.write_text(f"{SCENARIO}courts: {{court: {{backlog: {{table: {table}}}}}}}\n", encoding="utf-8")
    return draw_cases(load_scenario(path), SamplePath(1, 1))


def test_a_backlog_is_read_as_a_log_is(tmp_path: Path) -> None:
    """Semicolons, Latin-1, days first, decimal commas, Y and N; a column that nobody needs is left alone."""
    text = "Nr;Status;Filed on;Alter;Betrag;eilt;Bemerkung\r\n1;queue;13.01.2024 09:30;40;1.250,50;Y;für später\r\n2;queue;02.01.2024;;;;\r\n"
    (tmp_path / "open.csv").write_bytes(text.replace(";;;;", ";50;3,5;n;").encode("latin-1"))
    cases = _backlog(tmp_path, f"{{file: open.csv, {MAP}}}")
    days = [-30, -19 + 9.5 / 24]
    assert cases.arrived.tolist() == [round(day * 86_400_000_000) for day in days]
    assert (cases.plain("age"), cases.plain("fee"), cases.plain("urgent")) == ([50, 40], [3.5, 1250.5], [False, True])


def test_a_backlog_is_read_from_excel(tmp_path: Path) -> None:
    """From the sheet that the scenario names."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Open")
    for row in (["State", "Arrived", "age"], ["queue", dt.date(2024, 1, 13), 40.0]):
        sheet.append(row)
    book.save(tmp_path / "open.xlsx")
    cases = _backlog(tmp_path, "{file: open.xlsx, sheet: Open}")
    assert cases.arrived.tolist() == [-19 * 86_400_000_000]
    assert cases.plain("age") == [40]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("open.csv", "row 1: unknown column 'note'; allowed: arrived, court, state, age, fee, urgent"),
        ("{file: open.csv, columns: {}}", "row 2, column 'arrived': '01/02/2024' may be 1 February 2024 or 2 January 2024, .*; give time_format: "),
        ("{file: open.csv, columns: {agge: note}, time_format: month-first}", "columns: agge: is not arrived, court, .* Did you mean 'age'"),
        ("{file: open.csv, columns: {age: nte}, time_format: month-first}", "has no column 'nte' for age; .* Did you mean 'note'"),
        ("{file: open.csv, time_format: month}", "time_format: month: must be a format .* Did you mean 'month-first'"),
        ("{file: open.csv, encoding: latin}", "encoding: latin: is not an encoding|row 1: unknown column 'note'"),
        ("{fil: open.csv}", "unknown key 'fil'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_table_says_what_to_do(tmp_path: Path, table: str, message: str) -> None:
    """A map leaves other columns alone; without one, an unknown column is a mistake."""
    (tmp_path / "open.csv").write_text("state,arrived,note\nqueue,01/02/2024,x\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        _backlog(tmp_path, table)
