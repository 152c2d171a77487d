"""How logs of other systems map to a workflow: small samples in the shape of public logs, names, life cycle, and proposals."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from workflow import load_workflow
from workflow.auditing.audit import audit
from workflow.auditing.life_cycle import NO_START
from workflow.auditing.log import AuditLog
from workflow.auditing.log_files import read_log
from workflow.auditing.mapping import LogMapping, load_mapping, mapping_of
from workflow.auditing.proposal import propose
from workflow.errors import InputError
from workflow.model.definition import Workflow

LOGS = Path(__file__).parents[1] / "logs"


def steps_of(name: str, facts: dict[str, Any], *steps: str, rules: Any = (), log_names: dict[str, Any] | None = None) -> Workflow:
    """Return a workflow whose steps keep a case in its state."""
    named = log_names or {}
    return load_workflow(
        {
            "workflow": name,
            "facts": facts,
            "states": {"open": {"resting": True}, "gone": {"final": True}},
            "entry": {"states": ["open"]},
            "events": {"something": {"while": "any"}},
            "transitions": [
                *({"transition": s, "from": "open", "event": "something", "log_name": named.get(s, s)} for s in steps),
                {"transition": "vanish", "from": "open", "event": "something", "to": "gone"},
            ],
            "rules": list(rules),
        }
    )


def moves(log: AuditLog) -> list[tuple[str, str]]:
    """Return the case and the step of each row."""
    names = [t.name for t in log.workflow.transitions]
    return [
        (log.names[c], names[t] if t >= 0 else f"? {log.unknown_names[i]}")
        for i, (c, t) in enumerate(zip(log.case, log.transition, strict=True))
    ]


def local(microseconds: int) -> str:
    """Return a local time as text."""
    return str(dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(microseconds)))


# five shapes of public logs ---------------------------------------------------------------------------------


def test_permits_in_xes_with_nested_attributes_and_offsets() -> None:
    """A trace of its own, a global default, prefixed tags; the fact is filed on its local day; a case has no event."""
    facts = {
        "complete": {"type": "boolean"},
        "area": {"type": "integer", "minimum": 0, "maximum": 999},
        "fee": {"type": "number"},
        "filed": {"type": "date"},
    }
    rules = [
        {"rule": "granted within six months of the start", "after": "begin", "then": "grant", "within": "6 months"},
        {"rule": "only complete ones", "never": "grant", "if": "not complete"},
        {"rule": "nothing filed before May", "never": "begin or grant", "if": 'filed < date("2011-05-01")'},
    ]
    workflow = steps_of("permits", facts, "begin", "grant", rules=rules)
    mapping = LogMapping(names={"begin": ("01_HOOFD_010",), "grant": ("Grant permit",)})
    log = read_log(LOGS / "permits.xes", workflow, mapping)
    assert moves(log) == [("3001", "begin"), ("3001", "grant"), ("3002", "grant")]
    assert log.names.tolist() == ["3001", "3002", "3003"]
    assert local(log.local[0]) == "2011-05-02 09:00:00"
    assert log.facts["filed"][0][0].item() == dt.date(2011, 5, 1)
    verdicts = {r.rule.name: [log.names[c] for c in r.cases] for r in audit(log).rules}
    assert verdicts == {
        "granted within six months of the start": [],
        "only complete ones": ["3002"],
        "nothing filed before May": [],
    }


def test_fines_in_latin_1_with_semicolons_and_decimal_commas() -> None:
    """German names, days first, a quoted line break, an empty last row."""
    facts = {"amount": {"type": "number"}, "owner_known": {"type": "boolean"}}
    workflow = steps_of("fines", facts, "fine", "pay", log_names={"fine": "Bußgeld erlassen", "pay": ["Zahlung", "Teilzahlung"]})
    columns = {
        "case": "Aktenzeichen",
        "activity": "vorgang",
        "time": "Zeitpunkt",
        "amount": "Betrag",
        "owner_known": "Halter bekannt",
    }
    with pytest.raises(InputError, match="row 2, column 'Halter bekannt': 'J' is not true or false"):
        read_log(LOGS / "fines.csv", workflow, columns)
    del columns["owner_known"]
    log = read_log(LOGS / "fines.csv", workflow, columns)
    assert moves(log) == [("A 1/24", "fine"), ("A 1/24", "pay"), ("A 2/24", "fine")]
    assert log.facts["amount"][0].tolist() == [35.0, 1250.5]
    assert [local(t) for t in log.local] == ["2024-01-31 09:30:00", "2024-02-14 00:00:00", "2024-02-01 10:00:00"]
    assert log.notes[0].startswith("read as latin-1 (Windows-1252), a guess")


def test_a_hospital_with_a_life_cycle() -> None:
    """Starts are paired with completions in order; other phases and starts alone are left out and counted."""
    workflow = steps_of("hospital", {"urgent": {"type": "boolean"}}, "admit", "treat", "discharge")
    log = read_log(LOGS / "hospital.csv", workflow)
    p1 = [("p1", s) for s in ("admit", "treat", "treat", "discharge")]
    assert moves(log) == [*p1, ("p2", "admit"), ("p2", "discharge")]
    assert log.started_at is not None
    starts = [None if t == NO_START else local(t)[11:16] for t in log.started_at]
    assert starts == [None, "09:00", "09:30", None, None, None]
    assert log.notes == (
        "2 starts read together with their completions; 1 start without a completion left out",
        "1 row of other phases of the life cycle left out: 'SCHEDULE' (1)",
    )


@pytest.mark.parametrize(
    ("only", "n_rows"), [("lifecycle:transition=start", 3), ("lifecycle=complete", 6), ("Activity=treat", 2)]
)
def test_only_the_chosen_rows_are_read(only: str, n_rows: int) -> None:
    """By a column or by what it means, in any case; a choice of another column leaves the life cycle on."""
    workflow = steps_of("hospital", {}, "admit", "treat", "discharge")
    assert len(read_log(LOGS / "hospital.csv", workflow, mapping_of(only=[only]))) == n_rows


def test_claims_with_missing_names_months_first_and_a_byte_order_mark() -> None:
    """007 and 7 are two cases; an event without a name is reported, and its step is unjudged."""
    rules = [{"rule": "nobody is refused", "never": "refuse"}, {"rule": "adults", "never": "notify", "if": "not adult"}]
    workflow = steps_of("claims", {"adult": {"type": "boolean"}}, "notify", "pay", "refuse", rules=rules)
    mapping = LogMapping({"case": "claim number", "time": "entry date"}, {"notify": ("Notified",), "pay": ("Paid",)})
    log = read_log(LOGS / "claims.tsv", workflow, mapping)
    assert moves(log) == [("007", "notify"), ("7", "notify"), ("7", "pay")]
    assert [local(t)[11:16] for t in log.local] == ["12:00", "09:05", "13:00"]
    assert any(note.startswith("1 event without a name left out, the first at row 4") for note in log.notes)
    refused, adults = audit(log).rules
    assert (refused.unjudged_cases, adults.unjudged_cases) == (1, 1)
    assert [log.names[c] for c in adults.cases] == ["007"]


def test_a_register_in_excel(tmp_path: Path) -> None:
    """Whole numbers as case ids, dates as dates, the life of a case in two columns."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    rows = [
        ["Case", "Step", "Started", "Done"],
        [12, "grant", dt.datetime(2024, 1, 30), dt.datetime(2024, 1, 31)],
        [13, "refuse", None, 45323],
    ]
    for row in rows:
        sheet.append(row)
    book.save(tmp_path / "register.xlsx")
    workflow = steps_of("register", {}, "grant", "refuse")
    log = read_log(tmp_path / "register.xlsx", workflow, {"activity": "Step", "time": "Done", "started_at": "Started"})
    assert moves(log) == [("12", "grant"), ("13", "refuse")]
    assert [local(t)[:10] for t in log.local] == ["2024-01-31", "2024-02-01"]
    assert log.started_at is not None
    assert local(log.started_at[0])[:10] == "2024-01-30"
    assert log.started_at[1] == NO_START


# names and columns ------------------------------------------------------------------------------------------

TWO = steps_of(
    "two", {}, "file_case", "decide", rules=[{"rule": "decided", "after": "file_case", "then": "decide", "within": "3 days"}]
)


def write(folder: Path, text: str, name: str = "log.csv") -> Path:
    """Write a log, and return its path."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


IDLE = "case,activity,time\n1,file case,2024-01-01\n1,decide,2024-03-01\n"


def test_an_activity_is_mapped_by_name(tmp_path: Path) -> None:
    """On the command line, in the workflow, or both; the workflow's own names stay."""
    log = write(tmp_path, IDLE)
    mapped = read_log(log, TWO, mapping_of(names=["file_case=file case", "file_case=filed"]))
    assert moves(mapped) == [("1", "file_case"), ("1", "decide")]
    assert len(audit(mapped).rules[0].cases) == 1
    assert any("no row is named 'filed', which the mapping gives as the name of file_case." in note for note in mapped.notes)
    named = steps_of("two", {}, "file_case", "decide", log_names={"file_case": ["file case", "filed"]})
    assert moves(read_log(log, named)) == [("1", "file_case"), ("1", "decide")]
    assert read_log(log, named).notes == ()


def test_a_state_column_is_the_state_before_the_row(tmp_path: Path) -> None:
    """After it, the case is in the target of the transition."""
    workflow = load_workflow(
        {
            "workflow": "w",
            "states": {"open": {"resting": True}, "held": {"resting": True}, "done": {"final": True}},
            "entry": {"states": ["open", "held"]},
            "events": {"e": {"while": "any"}},
            "transitions": [{"transition": "close", "from": ["open", "held"], "event": "e", "to": "done"}],
            "rules": [{"rule": "none is closed while held", "never": "close", "if": 'state == "held"'}],
        }
    )
    rows = "case,activity,time,status\n1,close,2024-01-01,held\n2,close,2024-01-01,open\n3,close,2024-01-01,\n"
    log = read_log(write(tmp_path, rows), workflow, {"state": "status"})
    (rule,) = audit(log).rules
    assert ([log.names[c] for c in rule.cases], rule.unjudged_cases) == (["1"], 1)
    assert log.after["state"].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["filecase=x"]}, "--name filecase: is not a transition or an event of two. Did you mean 'file_case'?"),
        ({"names": ["file_case=x", "decide=x"]}, "--name: 'x' is given as the name of file_case and of decide; a row is one step"),
        ({"only": ["activty=decide"]}, "--only activty: .*has no column 'activty' for the choice of rows; .*Did you mean 'activity'"),
        ({"only": ["activity=decid"]}, "--only activity=decid: no row of .* has this value. Did you mean 'decide'"),
        ({"columns": ["case"]}, "--map case: must be name=column, such as case=docket_number"),
        ({"time_formats": ["day first"]}, "--time-format day first: must be a format .*Did you mean 'day-first'"),
        ({"time_formats": ["%d.%Q"]}, "--time-format %d.%Q: is not a format"),
        ({"decimal": ";"}, "--decimal ;: must be '.' or ','"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_an_error(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """It names the option, the value, and the nearest match."""
    with pytest.raises(InputError, match=message):
        read_log(write(tmp_path, IDLE), TWO, mapping_of(**options))


def test_a_mapping_file_says_what_the_options_say(tmp_path: Path) -> None:
    """The command line wins; mistakes of the file have positions."""
    text = "mapping: two\ncolumns: {case: nr}\nnames: {file_case: [file case]}\nleave_out: [letter]\ntime_format: day-first\n"
    mapping = load_mapping(write(tmp_path, text, "m.yaml"), TWO)
    log = write(tmp_path, "nr,activity,time\n1,file case,01/02/2024\n1,letter,02/02/2024\n1,decide,03/02/2024\n")
    read = read_log(log, TWO, mapping)
    assert moves(read) == [("1", "file_case"), ("1", "decide")]
    assert read.notes == ("1 row left out, as the mapping says",)
    other = read_log(log, TWO, mapping_of(time_formats=["month-first"]).over(mapping))
    assert local(other.local[0])[:10] == "2024-01-02"
    with pytest.raises(InputError) as caught:
        load_mapping(write(tmp_path, "mapping: three\ncolumns: {cas: nr}\ndecimal: x\n", "wrong.yaml"), TWO)
    assert [str(p).removeprefix(f"{tmp_path}/")[:60] for p in caught.value.problems] == [
        "wrong.yaml:1:1: mapping: this file maps a log to 'three', no",
        "wrong.yaml:2:11: columns: cas is not case, activity, time, s",
        "wrong.yaml:3:1: decimal: x: must be '.' or ','",
    ]  # fmt: skip


# proposals --------------------------------------------------------------------------------------------------


def test_a_proposal_is_a_mapping_that_can_be_read(tmp_path: Path) -> None:
    """Columns by their names and values, the nearest names of activities; what cannot be known is to be filled in."""
    rows = "".join(
        f"{100 + i},{what},0{i + 1}/02/2024,clerk {i % 2},{i}\n"
        for i, what in enumerate(["case was filed", "decision made", "sent a letter"] * 2)
    )
    log = write(tmp_path, f"docket no,what was done,day,who,extra\n{rows}")
    proposal = propose(log, TWO, LogMapping())
    assert (proposal.n_names, proposal.n_matched) == (3, 2)
    assert len(proposal.missing) == 1
    assert proposal.missing[0].startswith("time_format: '%d/%m/%Y' or '%m/%d/%Y'; row 2, column 'day'")
    mapping = load_mapping(write(tmp_path, proposal.text, "m.yaml"), TWO)
    assert mapping.columns == {"case": "docket no", "activity": "what was done", "time": "day"}
    assert mapping.names == {"file_case": ("case was filed",), "decide": ("decision made",)}
    assert '#   "sent a letter"  # 2 rows' in proposal.text
    assert "# columns that nothing reads: who, extra" in proposal.text
    chosen = proposal.text.replace("# time_format: '%d/%m/%Y'", "time_format: '%d/%m/%Y'")
    read = read_log(log, TWO, load_mapping(write(tmp_path, chosen, "m.yaml"), TWO))
    assert [step for _, step in moves(read)] == ["file_case", "decide", "? sent a letter"] * 2


@pytest.mark.parametrize("name", ["permits.xes", "fines.csv", "hospital.csv", "claims.tsv"])
def test_a_proposal_for_each_sample_finds_case_activity_and_time(tmp_path: Path, name: str) -> None:
    """Whatever the columns are called."""
    steps = {
        "permits.xes": ("grant_permit",),
        "fines.csv": ("zahlung",),
        "hospital.csv": ("admit",),
        "claims.tsv": ("notified", "paid"),
    }[name]
    workflow = steps_of("any", {}, *steps)
    mapping = load_mapping(write(tmp_path, propose(LOGS / name, workflow, LogMapping()).text, "m.yaml"), workflow)
    expected = {
        "permits.xes": ("case:concept:name", "concept:name", "time:timestamp"),
        "fines.csv": ("Aktenzeichen", "Vorgang", "Zeitpunkt"),
        "hospital.csv": ("Case ID", "Activity", "Complete Timestamp"),
        "claims.tsv": ("claim number", "event", "entry date"),
    }[name]
    assert tuple(mapping.columns[role] for role in ("case", "activity", "time")) == expected
    assert set(mapping.names) == set(steps)
