"""Tables in the formats that others publish: encodings, separators, dates, numbers, XES, Excel, and the memory of a large log."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from workflow.errors import InputError
from workflow.files.cells import CellFormat, cells_of, numbers_of, times_of
from workflow.files.table import Table
from workflow.files.tables import FileFormat, read_table
from workflow.files.times import LOCAL, read_times
from workflow.predicates import Field

LOGS = Path(__file__).parents[1] / "logs"


def rows_of(table: Table, *names: str) -> list[tuple[str | None, ...]]:
    """Return the rows of a table as text, ``None`` for an empty cell."""
    columns = [[*table.columns[name].texts(), None] for name in names or table.names]
    codes = [table.columns[name].codes.tolist() for name in names or table.names]
    return [tuple(texts[k] for texts, k in zip(columns, row, strict=True)) for row in zip(*codes, strict=True)]


def written(times: list[object], *formats: str) -> list[str]:
    """Return the local times that a column of times is read as, or what is wrong."""
    read = read_times(times, formats)
    if read.problems:
        return [message for _, message in read.problems]
    return [str(dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(wall))) for wall in read.wall]


# text files -------------------------------------------------------------------------------------------------

PLAIN = 'case;what\n1;größer\n2;"zwei;\nZeilen ""hier"""\n;\n'


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", "read as utf-16-le, a guess"),
        ("utf-16-be", "read as utf-16-be, a guess"),
        ("latin-1", "read as latin-1 (Windows-1252), a guess"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_text_file_is_read_in_any_usual_encoding(tmp_path: Path, encoding: str, note: str, newline: str, packed: bool) -> None:
    """With quoted separators, quotes and line breaks, compressed or not; the log reports what was guessed."""
    content = PLAIN.replace("\n", newline).encode(encoding)
    path = tmp_path / ("log.csv.gz" if packed else "log.csv")
    path.write_bytes(gzip.compress(content) if packed else content)
    table = read_table(path)
    assert rows_of(table) == [("1", "größer"), ("2", f'zwei;{newline}Zeilen "hier"')]
    assert any(line.startswith(note) for line in table.notes) if note else not any("guess" in line for line in table.notes)


def test_an_encoding_that_is_given_wins(tmp_path: Path) -> None:
    """One that does not fit, or does not exist, is an error."""
    path = tmp_path / "log.csv"
    path.write_bytes("a,b\n1,Łódź\n".encode("iso-8859-2"))
    assert rows_of(read_table(path, form=FileFormat(encoding="iso-8859-2"))) == [("1", "Łódź")]
    with pytest.raises(InputError, match="cannot be read as utf-8"):
        read_table(path, form=FileFormat(encoding="utf-8"))
    with pytest.raises(InputError, match="--encoding latin-9x: is not an encoding"):
        read_table(path, form=FileFormat(encoding="latin-9x"))


@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8),
            min_size=3,
            max_size=3,
        ),
        min_size=1,
        max_size=8,
    ),
    separator=st.sampled_from(",;\t|"),
)
@settings(max_examples=examples(60), deadline=None)
def test_a_table_is_read_as_the_csv_module_of_python_reads_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], separator: str
) -> None:
    """Any text in quotes, with any usual separator; blank rows are left out."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([["one", "two", "three"], *rows])
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    expected = [tuple(cell.strip() or None for cell in row) for row in rows]
    assert rows_of(read_table(path)) == [row for row in expected if any(row)]


def test_excel_says_the_separator_in_the_first_line(tmp_path: Path) -> None:
    """The line is not the header; places count it."""
    (tmp_path / "log.csv").write_text("sep=;\na,b;c\n1,5;2\n", encoding="utf-8")
    table = read_table(tmp_path / "log.csv")
    assert (table.names, rows_of(table), table.place(0)) == (("a,b", "c"), [("1,5", "2")], "row 3")


def test_a_stray_zero_byte_does_not_make_a_file_utf_16(tmp_path: Path) -> None:
    """It stays in its cell."""
    (tmp_path / "log.csv").write_bytes(b"case,activity\n1,g\0o\n2,stop\n")
    assert read_table(tmp_path / "log.csv").names == ("case", "activity")


def test_rows_that_are_too_short_or_too_long_are_listed_together(tmp_path: Path) -> None:
    """With their places; the rows after them keep theirs."""
    path = tmp_path / "log.csv"
    path.write_text('a,b\n1,2\n\n3\n4,5,6\n"7\n",x\n\n8,y\n', encoding="utf-8")
    table = read_table(path)
    assert [m.removeprefix(f"{path}: ") for m in table.mistakes] == [
        "row 4: has 1 value, but there are 2 columns",
        "row 5: has 3 values, but there are 2 columns",
    ]
    assert [table.place(i) for i in range(3)] == ["row 2", "row 6", "row 8"]


def test_only_a_needed_column_must_have_a_name_of_its_own(tmp_path: Path) -> None:
    """A file may have other columns twice, and names in any case, with spaces or underscores."""
    path = tmp_path / "log.csv"
    path.write_text("Case_ID,note,note,TIME,time\n1,2,3,4,5\n", encoding="utf-8")
    table = read_table(path)
    assert table.find("case id") == "Case_ID"
    assert table.find("TIME") == "TIME"
    with pytest.raises(InputError, match="row 1: the column 'note' occurs twice"):
        table.find("note")
    with pytest.raises(InputError, match="row 1: the columns 'TIME' and 'time' have one name"):
        table.find("Time")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("log.csv", b"", "is empty"),
        ("log.csv", b"\n \n", "is empty"),
        ("log.xls", b"\xd0\xcf\x11\xe0rest", "save it as .xlsx or as CSV"),
        ("log.xlsx", b"a,b\n", "is not an Excel file, in spite of its name"),
        ("log.zip", b"PK\x03\x04", "is a zip file; unpack it, and give a file of it"),
        ("log.xlsx", b"PK\x03\x04 broken", "cannot be read as an Excel file"),
        ("log.parquet", b"a,b\n", "cannot be read as Parquet"),
        ("log.xes", b"<html><body/></html>", "is not an XES log: it begins with <html>"),
        ("log.xes", b"<log><trace></log>", "cannot be read as XES: mismatched tag"),
        ("log.csv.gz", gzip.compress(b"a,b\n" * 9, mtime=0)[:-9], "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """What is wrong and what to do."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(tmp_path / name)


# dates and numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "read"),
    [
        (["2024-01-31"], "2024-01-31 00:00:00"),
        (["20240131T0930"], "2024-01-31 09:30:00"),
        (["2024-01-31T09:30:00.123Z"], "2024-01-31 09:30:00.123000"),
        (["2024-01-31 09:30:00 +0100"], "2024-01-31 09:30:00"),
        (["2024/01/31 09:30"], "2024-01-31 09:30:00"),
        (["31.01.2024 9:30"], "2024-01-31 09:30:00"),
        (["01/31/2024 12:05 AM"], "2024-01-31 00:05:00"),
        (["01/31/2024 12:05:06 p.m."], "2024-01-31 12:05:06"),
        (["31-Jan-24"], "2024-01-31 00:00:00"),
        (["January 31, 2024 9:30 pm"], "2024-01-31 21:30:00"),
        (["5/5/2024"], "2024-05-05 00:00:00"),
        ([dt.date(2024, 1, 31)], "2024-01-31 00:00:00"),
    ],
)
def test_a_date_is_read_as_people_write_it(times: list[object], read: str) -> None:
    """If there is one way to read it."""
    assert written(times) == [read]


def test_one_day_after_the_twelfth_tells_the_order_of_the_whole_column() -> None:
    """Day first here, month first there."""
    assert written(["01.02.2024", "13.02.2024"]) == ["2024-02-01 00:00:00", "2024-02-13 00:00:00"]
    assert written(["01/02/2024", "02/13/2024"]) == ["2024-01-02 00:00:00", "2024-02-13 00:00:00"]
    assert written(["13/02/2024", "02/13/2024"])[0].startswith("'02/13/2024' is not a time such as")


@pytest.mark.parametrize(
    ("times", "formats"),
    [
        (["01/02/2024", "11/12/2024"], "'%d/%m/%Y' or '%m/%d/%Y'"),
        (["01.02.2024 10:00", "05.05.2024 11:00"], "'%d.%m.%Y %H:%M' or '%m.%d.%Y %H:%M'"),
        (["1/2/24 1:05 PM"], "'%d/%m/%y %I:%M %p' or '%m/%d/%y %I:%M %p'"),
        (["11-10-12"], "'%y-%m-%d' or '%d-%m-%y'"),
    ],
)
def test_an_ambiguous_column_asks_for_a_format(times: list[object], formats: str) -> None:
    """It is never a guess; either of the formats that the message gives, or a short form, settles it."""
    (message,) = written(times)
    assert message.endswith(f"give --time-format {formats}")
    for form in formats.split(" or "):
        assert all(line.startswith("20") for line in written(times, form.strip("'")))
    assert all(line.startswith("20") for line in written(times, "day-first"))


@pytest.mark.parametrize(
    ("value", "form", "read"),
    [
        ("45322.5", "excel", "2024-01-31 12:00:00"),
        (1706693400, "unix", "2024-01-31 09:30:00"),
        ("1706693400123", "unix-ms", "2024-01-31 09:30:00.123000"),
        ("31|2024|01", "%d|%Y|%m", "2024-01-31 00:00:00"),
    ],
)
def test_numbers_are_times_only_with_a_format(value: object, form: str, read: str) -> None:
    """A serial number of a spreadsheet or of Unix is never guessed."""
    assert written([value], form) == [read]
    assert "is not a time such as" in written([value])[0]


def test_a_time_keeps_its_clock_and_its_offset() -> None:
    """Without one it has none; UTC is not the same as an offset of zero."""
    read = read_times(["2011-06-01T10:00:00+02:00", "2011-06-01 10:00", "2011-06-01 10:00:00Z", "2011-06-01 10:00+00:00"])
    assert read.offset.tolist() == [7_200_000_000, LOCAL, 0, 0]
    assert read.utc.tolist() == [False, False, True, False]
    assert len(set(read.wall.tolist())) == 1


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1.5", "2", "-3e2"], [1.5, 2, -300]),
        (["1,5", "20"], [1.5, 20]),
        (["1.250,50", "35,00", "1.250"], [1250.5, 35, 1250]),
        (["1,250.50", "1,250"], [1250.5, 1250]),
        (["1 250,5", "1'250,5", "1\u202f250"], [1250.5, 1250.5, 1250]),
        (["1.250.000"], [1_250_000]),
        (["0,125"], [0.125]),
        (["1,5", "2.5"], [1.5, None]),
        (["12,34,56"], [None]),
        (["nan", "inf", "12 EUR"], [None, None, None]),
    ],
)
def test_numbers_have_the_decimal_separator_that_their_column_shows(texts: list[str], numbers: list[float | None]) -> None:
    """What fits neither is no number."""
    assert numbers_of(texts, CellFormat()) == (numbers, None)


def test_numbers_that_fit_both_separators_ask_for_one() -> None:
    """1,250 is a thousand or one and a quarter."""
    read, ambiguous = numbers_of(["1,250", "2,500"], CellFormat())
    assert read == []
    assert ambiguous == (0, "'1,250' may be 1.25 or 1250, and no number of the column tells which; give --decimal ',' or '.'")
    assert numbers_of(["1,250"], CellFormat(decimal=","))[0] == [1.25]
    assert numbers_of(["1,250"], CellFormat(decimal="."))[0] == [1250]


@pytest.mark.parametrize("yes", ["true", "True", "YES", "y", "Y", "1", "1.0", "t"])
def test_truth_values_are_read_in_the_usual_spellings(tmp_path: Path, yes: str) -> None:
    """In any case."""
    (tmp_path / "t.csv").write_text(f"a,b\n1,{yes}\n2,n\n3,\n", encoding="utf-8")
    cells = cells_of(read_table(tmp_path / "t.csv"), "b", Field("b", "boolean", "fact"), CellFormat())
    assert (cells.values.tolist(), cells.missing.tolist(), cells.problems) == ([True, False, False], [False, False, True], [])


# formats with types -----------------------------------------------------------------------------------------


def _damaged(path, change):
    """Write a small Excel file, and change its parts by name."""
    book = openpyxl.Workbook()
    for row in (["case", "note"], [1, "first"]):
        book.active.append(row)
    book.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)


SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
DAMAGED = {
    "a sheet that ends early": (lambda parts: parts.update({SHEET: parts[SHEET][:200]}), "cannot be read as an Excel file: unclosed token"),
    "no sheet": (lambda parts: parts.pop(SHEET), "has no sheet with cells"),
    "a column beyond the last": (lambda parts: parts.update({SHEET: parts[SHEET].replace(b'"A1"', b'"ZZZZZ1"')}), "cannot be read as an Excel file"),
    "strings that unpack to much more": (lambda parts: parts.update({STRINGS: b" " * 3_000_000}), "bytes after unpacking"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_excel_file_is_one_message(damage, tmp_path, monkeypatch):
    """Whatever the libraries that read it raise. The limit of strings is lowered, so that a small file exceeds it."""
    monkeypatch.setattr("workflow.files.tables.EXCEL_STRINGS", 2_000_000)
    change, expected = DAMAGED[damage]
    _damaged(tmp_path / "log.xlsx", change)
    with pytest.raises(InputError, match=re.escape(expected)) as caught:
        read_table(tmp_path / "log.xlsx")
    assert len(str(caught.value).splitlines()) == 1


def test_rows_beyond_the_last_of_a_sheet_are_not_read(tmp_path):
    """A row with a number of a hundred billion would have as many empty rows before it."""
    far = lambda parts: parts.update({SHEET: parts[SHEET].replace(b'<row r="2"', b'<row r="99999999999"')})  # noqa: E731
    _damaged(tmp_path / "log.xlsx", far)
    assert len(read_table(tmp_path / "log.xlsx")) == 0


def test_an_excel_sheet_is_read_with_its_types(tmp_path: Path) -> None:
    """Dates as dates, serial numbers as dates, whole numbers without decimals, formulas as their values; blank rows are left out."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Register"
    for row in (
        [None, None],
        ["Case ID", "Activity", "Time", "Paid", "Fee", None],
        [7, "file case", dt.datetime(2024, 1, 31, 9, 30), True, 12.5],
        [None, None],
        [8.0, "decide", 45323.25, "no", "12,75"],
    ):
        sheet.append(row)
    book.create_sheet("Notes").append(["nothing"])
    book.save(tmp_path / "log.xlsx")
    table = read_table(tmp_path / "log.xlsx")
    assert rows_of(table, "Case ID", "Activity", "Paid") == [("7", "file case", "true"), ("8", "decide", "no")]
    times, problems = times_of(table, "Time", CellFormat())
    assert problems == []
    assert [str(dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(w))) for w in times.wall] == [
        "2024-01-31 09:30:00",
        "2024-02-01 06:00:00",
    ]
    assert cells_of(table, "Fee", Field("fee", "number", "fact"), CellFormat()).values.tolist() == [12.5, 12.75]
    assert table.at(1, "Fee").endswith("row 5, column 'Fee': ")
    assert table.notes == ("read from the sheet 'Register', not from Notes",)
    with pytest.raises(InputError, match=r"has the sheets Register, Notes\. Did you mean 'Notes'"):
        read_table(tmp_path / "log.xlsx", form=FileFormat(sheet="Note"))
    assert read_table(tmp_path / "log.xlsx", form=FileFormat(sheet="Notes")).names == ("nothing",)


def test_a_parquet_file_is_read_with_its_types(tmp_path: Path) -> None:
    """Instants are known as such; numbers of a column with gaps are whole again."""
    path = tmp_path / "log.parquet"
    duckdb.sql(
        f"""copy (select * from (values (1::double, '2024-01-31 09:30'::timestamp, '2024-01-31 09:30+01'::timestamptz, true, 1.5::decimal(5,2)),
        (null, null, null, null, null)) t(id, local, instant, paid, fee)) to '{path}'"""
    )
    table = read_table(path)
    assert rows_of(table, "id", "paid", "fee") == [("1", "true", "1.5"), (None, None, None)]
    assert times_of(table, "local", CellFormat())[0].offset[0] == LOCAL
    instant = times_of(table, "instant", CellFormat())[0]
    assert (instant.offset[0], str(dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(instant.wall[0])))) == (
        0,
        "2024-01-31 08:30:00",
    )


def test_xes_attributes_are_those_of_events_and_traces(tmp_path: Path) -> None:
    """Not those within attributes or lists; a trace without events is a row; a default stands for what is missing."""
    table = read_table(LOGS / "permits.xes")
    assert rows_of(table, "case:concept:name", "concept:name", "case:area", "org:resource") == [
        ("3001", "01_HOOFD_010", "120", "nobody"),
        ("3001", "Grant permit", "120", "nobody"),
        ("3002", "Grant permit", "15", "nobody"),
        ("3003", None, None, None),
    ]
    assert table.place(1) == "trace 1, event 2"
    assert table.notes == ("3 events without 'org:resource': the log's default, 'nobody', is read",)


def test_traces_without_a_name_and_with_one_name_are_told(tmp_path: Path) -> None:
    """The former are cases of their own."""
    event = '<event><string key="concept:name" value="a"/></event>'
    trace = '<trace><string key="concept:name" value="x"/>' + event + "</trace>"
    (tmp_path / "log.xes").write_text(f"<log>{trace}<trace>{event}</trace>{trace}{event}</log>", encoding="utf-8")
    table = read_table(tmp_path / "log.xes")
    assert rows_of(table, "case:concept:name") == [("x",), ("trace 2",), ("x",)]
    assert table.notes == (
        "1 name of several traces, each read as one case: 'x' (2 traces)",
        "1 event outside any trace left out",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_an_xes_log_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    """Or in one that is guessed, if it declares none; compressed or not."""
    body = '<log><trace><string key="concept:name" value="größer"/><event/></trace></log>'
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{body}'
    (tmp_path / "declared.xes.gz").write_bytes(gzip.compress(declared.encode(encoding)))
    (tmp_path / "guessed.xes").write_bytes(body.encode(encoding))
    for name in ("declared.xes.gz", "guessed.xes"):
        assert rows_of(read_table(tmp_path / name), "case:concept:name") == [("größer",)]


# memory -----------------------------------------------------------------------------------------------------

MEASURE = """
import resource, sys
from pathlib import Path
from workflow.files.tables import read_table
table = read_table(Path(sys.argv[1]), lambda name: name in ("case:concept:name", "concept:name", "time:timestamp"))
print(len(table), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def write_large_xes(path: Path, n_events: int, filler: int) -> None:
    """Write a log with ten events a trace, each with an attribute of `filler` letters that nobody needs."""
    begin = dt.datetime(2010, 1, 1)
    with path.open("w", encoding="utf-8") as file:
        file.write('<log xes.version="1.0">\n')
        for i in range(n_events):
            if i % 10 == 0:
                file.write(f'<trace><string key="concept:name" value="case-{i // 10}"/>\n')
            at = (begin + dt.timedelta(seconds=53 * i)).isoformat()
            file.write(
                f'<event><string key="concept:name" value="step_{i % 10}"/><date key="time:timestamp" value="{at}+01:00"/>'
                f'<string key="remark" value="{"x" * filler}{i}"/></event>\n'
            )
            if i % 10 == 9:
                file.write("</trace>\n")
        file.write("</log>\n")


def peak_megabytes(path: Path) -> int:
    """Return the peak memory of a process that reads a log."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[1])


def test_memory_does_not_grow_with_what_nobody_needs(tmp_path: Path) -> None:
    """Twenty times the bytes for the same events take no more memory, but for some megabytes."""
    write_large_xes(tmp_path / "small.xes", 5_000, 10)
    write_large_xes(tmp_path / "large.xes", 5_000, 6_000)
    assert (tmp_path / "large.xes").stat().st_size > 20 * (tmp_path / "small.xes").stat().st_size
    assert peak_megabytes(tmp_path / "large.xes") < peak_megabytes(tmp_path / "small.xes") + 15


@pytest.mark.slow
def test_a_log_of_a_million_events_and_800_megabytes_is_read_within_a_gigabyte(tmp_path: Path) -> None:
    """Streamed; a tree of its elements would take several gigabytes."""
    path = tmp_path / "large.xes"
    write_large_xes(path, 1_000_000, 650)
    assert path.stat().st_size > 800_000_000
    assert peak_megabytes(path) < 1_000
