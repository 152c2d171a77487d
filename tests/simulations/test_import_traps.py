"""Every trap of the immigration courts' public release, in one release with a case for each.

The release is written as a clean one; then a row of each case is changed in the way of the trap.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from simulations.importing.eoir import import_eoir
from simulations.importing.imported import Imported
from simulations.importing.layout import APPLICATIONS, CASES, CHARGES, PROCEEDINGS, SCHEDULE, TableLayout
from simulations.importing.writing import FIRST_CASE, Step, Story, write_release

LAST_DAY = dt.date(2012, 9, 30)
JANUARY = dt.datetime(2012, 1, 4)


def _day(n: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    return JANUARY + dt.timedelta(days=n, hours=hour, minutes=minute)


def _told(*steps: tuple[str, int], **facts: Any) -> Story:
    """Return a case that arrives on the first day, with steps at midnight of the given days."""
    moved = {"transfer": "BAL", "change_venue": "BAL"}
    return Story(0, "DEN", JANUARY, facts, [Step(name, _day(n), moved.get(name)) for name, n in steps])


HEARD = Story(0, "DEN", JANUARY, {}, [Step("master_hearing", _day(9, 13, 30)), Step("order_removal", _day(9))])

STORIES = {
    "plain": HEARD,
    "terminated": _told(("terminate", 5)),
    "transferred": _told(("transfer", 5), ("order_removal", 40)),
    "moved and waiting": _told(("change_venue", 5)),
    "closed": _told(("close_by_discretion", 5)),
    "recalendared": _told(("close_by_discretion", 5), ("recalendar", 50)),
    "reopened": _told(("order_removal", 5), ("reopen", 50)),
    "fear review": _told(("order_removal", 5), case_type="credible_fear_review"),
    "deported": _told(("order_removal", 5), case_type="deportation"),
    "unknown decision": _told(("order_removal", 5)),
    "admitted": _told(("order_removal", 5), case_type="exclusion"),
    "quotes": _told(("grant_relief", 5)),
    "letters": _told(("grant_relief", 5)),
    "NUL": _told(("grant_relief", 5)),
    "only NUL": _told(("grant_relief", 5)),
    "backslash": _told(("grant_relief", 5)),
    "padded": _told(("grant_relief", 5)),
    "missing": _told(("grant_relief", 5), nationality="MX", language="SP"),
    "extra tab": Story(0, "DEN", JANUARY, {"entered": dt.date(2001, 2, 3), "represented": True}, [Step("grant_relief", _day(5))]),
    "text shifted": _told(("grant_relief", 5)),
    "too many": _told(("grant_relief", 5)),
    "short": _told(("grant_relief", 5)),
    "date in code": _told(("grant_relief", 5)),
    "not a date": _told(("grant_relief", 5), ("reopen", 20)),
    "day only": _told(("grant_relief", 5)),
    "half past nine": HEARD,
    "born": _told(("grant_relief", 5), born_year=1985),
    "two types": _told(("transfer", 5), ("grant_relief", 30)),
    "bad hearing date": _told(("grant_relief", 5)),
    "other application": _told(("grant_relief", 5), application="asylum"),
    "application not adjudicated": _told(("grant_relief", 5), application="asylum"),
    "pending": _told(),
    "future hearing": Story(0, "DEN", JANUARY, {}, [Step("master_hearing", dt.datetime(2012, 12, 3, 9))]),
    "not completed": _told(("transfer", 5), ("order_removal", 40)),
    "two charges": _told(("grant_relief", 5), criminal_charge=True),
    "before arrival": _told(("grant_relief", 5)),
}
NUMBER = {name: i for i, name in enumerate(STORIES)}
Edit = Callable[[list[str]], list[str]]


def _set(table: TableLayout, **values: str) -> Edit:
    return lambda row: [values.get(name, value) for name, value in zip(table.columns, row, strict=True)]


def _insert(table: TableLayout, before: str, value: str) -> Edit:
    i = table.columns.index(before)
    return lambda row: [*row[:i], value, *row[i:]]


EDITS: dict[tuple[str, TableLayout], Edit] = {
    ("terminated", PROCEEDINGS): _set(PROCEEDINGS, DEC_CODE="T"),
    ("fear review", PROCEEDINGS): _set(PROCEEDINGS, DEC_CODE="A"),
    ("deported", PROCEEDINGS): _set(PROCEEDINGS, DEC_CODE="D"),
    ("admitted", PROCEEDINGS): _set(PROCEEDINGS, DEC_CODE="A"),
    ("unknown decision", PROCEEDINGS): _set(PROCEEDINGS, DEC_CODE="A"),
    ("quotes", CASES): _set(CASES, ALIEN_CITY='"DENVER'),
    ("letters", CASES): _set(CASES, ALIEN_CITY="CAÑON CITY \x92"),
    ("NUL", CASES): _set(CASES, CASE_TYPE="RM\0V"),
    ("only NUL", PROCEEDINGS): _set(PROCEEDINGS, OTHER_COMP="\0"),
    ("backslash", CASES): _set(CASES, NAT="MX\\"),
    ("padded", PROCEEDINGS): _set(PROCEEDINGS, CASE_TYPE="RMV ", OTHER_COMP=" "),
    ("missing", CASES): _set(CASES, NAT="??", LANG="N/A", CUSTODY="b6", LPR="0", C_ASY_TYPE="A.2.a"),
    ("extra tab", CASES): _insert(CASES, "DATE_OF_ENTRY", ""),
    ("text shifted", CASES): _insert(CASES, "ALIEN_STATE", "COLORADO"),
    ("too many", CASES): lambda row: [*row, "x", "y"],
    ("short", CASES): lambda row: row[:20],
    ("date in code", PROCEEDINGS): _set(PROCEEDINGS, CASE_TYPE="2012-01-09 00:00:00.000"),
    ("half past nine", SCHEDULE): _set(SCHEDULE, ADJ_TIME_START="9:30"),
    ("bad hearing date", PROCEEDINGS): _set(PROCEEDINGS, HEARING_DATE="1911-01-01 00:00:00.000", TRANS_NBR="99", PREV_HEARING_BASE="XXX"),
    ("other application", APPLICATIONS): _set(APPLICATIONS, APPL_DEC="O"),
    ("application not adjudicated", APPLICATIONS): _set(APPLICATIONS, APPL_DEC="M"),
    ("future hearing", SCHEDULE): _set(SCHEDULE, ADJ_RSN=""),
    ("two charges", CHARGES): _set(CHARGES, CHARGE="212a06Ai     "),
    ("before arrival", PROCEEDINGS): _set(PROCEEDINGS, INPUT_DATE="2012-03-01 00:00:00.000"),
}  # fmt: skip

LATER_EDITS: dict[tuple[str, TableLayout], Edit] = {
    ("two types", PROCEEDINGS): _set(PROCEEDINGS, CASE_TYPE="DEP", DEC_CODE="R"),
    ("not a date", PROCEEDINGS): _set(PROCEEDINGS, INPUT_DATE="19/3/2012"),
}
"""Changes of the second row of a case."""


@dataclass(frozen=True)
class Trapped:
    """The import of a release with every trap."""

    imported: Imported
    lines: dict[tuple[str, str], list[int]]

    def steps(self, name: str) -> list[tuple[str, dt.datetime]]:
        """Return the transitions of a case, with their times."""
        query = "select transition, happened_at from read_parquet(?) where case_id = ? and transition is not null"
        return duckdb.execute(query, [str(self.imported.events), self._id(name)]).fetchall()

    def values(self, name: str, columns: str) -> Any:
        """Return columns of a case."""
        rows = duckdb.execute(
            f"select {columns} from read_parquet(?) where case_id = ?", [str(self.imported.cases), self._id(name)]
        )
        return rows.fetchone()

    def aside(self, outcome: str) -> dict[tuple[str, int], str]:
        """Return the reason of each row that was set aside, by table and line."""
        with (self.imported.folder / f"{outcome}.csv").open(encoding="utf-8", newline="") as file:
            return {(row["table"], int(row["line"])): row["reason"] for row in csv.DictReader(file)}

    def reason(self, outcome: str, name: str, table: TableLayout, row: int = 0) -> str | None:
        """Return why a row of a case was set aside."""
        return self.aside(outcome).get((table.name, self.lines[name, table.name][row]))

    def _id(self, name: str) -> str:
        return str(FIRST_CASE + NUMBER[name])


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Trapped:
    """The release, imported once."""
    folder = tmp_path_factory.mktemp("traps")
    stories = [replace(story, number=NUMBER[name]) for name, story in STORIES.items()]
    write_release(stories, folder / "release", LAST_DAY, {"DEN": "Denver", "BAL": "Baltimore"})
    lines: dict[tuple[str, str], list[int]] = {}
    for table in (CASES, PROCEEDINGS, SCHEDULE, CHARGES, APPLICATIONS):
        lines |= _edit(next((folder / "release").rglob(f"{table.name}.csv")), table)
    return Trapped(import_eoir(folder / "release", folder / "log"), lines)


def _edit(path: Path, table: TableLayout) -> dict[tuple[str, str], list[int]]:
    """Change the rows of a table, and return the lines of each case."""
    names = {str(FIRST_CASE + i): name for name, i in NUMBER.items()}
    case = table.columns.index("IDNCASE")
    lines: dict[tuple[str, str], list[int]] = {}
    header, *rows = path.read_bytes().decode("latin-1").splitlines()
    changed = [header.replace("GENDER", "Sex").replace("UPDATE_SITE", "updated_site")]
    for line, row in enumerate(rows, 2):
        values = row.split("\t")
        name = names[values[case]]
        of_case = lines.setdefault((name, table.name), [])
        edit = (LATER_EDITS if of_case else EDITS).get((name, table))
        of_case.append(line)
        changed.append("\t".join(values if edit is None else edit(values)))
    if table is PROCEEDINGS:
        for key in (CASES.columns[0], "blank"):
            blank = "" if key == "blank" else "20009999"
            changed.append("\t".join([blank, "", *[""] * (len(table.columns) - 2)]))
        lines["without keys", table.name] = [len(changed) - 1, len(changed)]
    path.write_bytes("".join(f"{row}\n" for row in changed).encode("latin-1"))
    return lines


# text ---------------------------------------------------------------------------------------------------


def test_csv_is_tab_delimited(trapped: Trapped) -> None:
    """Files with the ending .csv are separated by tabs, and every case of the release is read."""
    lost = {"too many", "date in code"}  # the rows are rejected
    assert trapped.imported.about["n_cases"] == len(STORIES) - len(lost)


def test_an_unbalanced_quote_is_a_plain_character(trapped: Trapped) -> None:
    """It swallows no row and no column."""
    assert trapped.steps("quotes") == [("grant_relief", _day(5))]
    assert trapped.reason("repaired", "quotes", CASES) is None


def test_letters_of_latin_1_are_read(trapped: Trapped) -> None:
    """Also those that only Windows-1252 has."""
    assert trapped.steps("letters") == [("grant_relief", _day(5))]
    assert trapped.reason("rejected", "letters", CASES) is None


def test_a_nul_byte_inside_a_field_is_removed(trapped: Trapped) -> None:
    """The code is what it was, and the row counts as repaired."""
    assert trapped.values("NUL", "case_type") == ("removal",)
    assert trapped.reason("repaired", "NUL", CASES) == "NUL bytes removed"


def test_a_field_that_is_only_nul_is_missing(trapped: Trapped) -> None:
    """An administrative completion of a NUL byte is none."""
    assert trapped.steps("only NUL") == [("grant_relief", _day(5))]
    assert trapped.reason("repaired", "only NUL", PROCEEDINGS) == "NUL bytes removed"


def test_a_trailing_backslash_is_removed(trapped: Trapped) -> None:
    """The nationality is MX, not MX with a backslash."""
    assert trapped.values("backslash", "nationality") == ("MX",)
    assert trapped.reason("repaired", "backslash", CASES) == "backslashes removed"


def test_padding_and_blank_codes(trapped: Trapped) -> None:
    """A padded type of case still decodes, and a blank completion is none."""
    assert trapped.steps("padded") == [("grant_relief", _day(5))]
    assert trapped.reason("repaired", "padded", PROCEEDINGS) is None


def test_marks_of_missing_values(trapped: Trapped) -> None:
    """Question marks, N/A, zeros and stray exemption codes are missing values."""
    found = trapped.values("missing", "nationality, language, custody, permanent_resident, asylum_type")
    assert found == (None, None, None, False, "none")


def test_a_tab_too_many_is_repaired(trapped: Trapped) -> None:
    """The columns after it stand where they belong."""
    assert trapped.values("extra tab", "entered, represented") == (dt.date(2001, 2, 3), True)
    assert trapped.reason("repaired", "extra tab", CASES) == "a tab too many before C_ASY_TYPE: one empty value removed"


def test_a_tab_inside_a_text_is_repaired(trapped: Trapped) -> None:
    """The type of case is not where it belongs, so an empty value before it is removed."""
    assert trapped.values("text shifted", "case_type") == ("removal",)
    assert trapped.reason("repaired", "text shifted", CASES) == "a tab too many before CASE_TYPE: one empty value removed"


def test_a_row_with_more_values_than_can_be_removed_is_rejected(trapped: Trapped) -> None:
    """With its case, all other rows of the case are set aside, each with its line."""
    assert trapped.reason("rejected", "too many", CASES) == "has 41 values, but there are 39 columns"
    reason = trapped.reason("rejected", "too many", PROCEEDINGS)
    assert reason == f"IDNCASE {FIRST_CASE + NUMBER['too many']} is of a case that is not in A_TblCase"


def test_a_short_row_is_padded(trapped: Trapped) -> None:
    """Values that are missing at the end are empty."""
    assert trapped.steps("short") == [("grant_relief", _day(5))]
    assert trapped.reason("repaired", "short", CASES) == "19 values missing at the end: taken as empty"


def test_a_date_in_a_code_column_is_rejected(trapped: Trapped) -> None:
    """Where no empty value can be removed, so that every column has its kind."""
    reason = trapped.reason("rejected", "date in code", PROCEEDINGS)
    assert reason == "CASE_TYPE is the date '2012-01-09 00:00:00.000'"
    assert trapped.reason("rejected", "date in code", CASES) == f"IDNCASE {FIRST_CASE + NUMBER['date in code']} has no proceeding"


def test_no_date_in_a_date_column_is_rejected(trapped: Trapped) -> None:
    """A date in another order is not guessed."""
    assert trapped.reason("rejected", "not a date", PROCEEDINGS, 1) == "INPUT_DATE '19/3/2012' is not a date"
    assert trapped.steps("not a date") == [("grant_relief", _day(5))]


def test_dates_have_a_time_of_day_that_says_nothing(trapped: Trapped) -> None:
    """A date of midnight is that day."""
    assert trapped.steps("day only") == [("grant_relief", dt.datetime(2012, 1, 9))]


def test_times_are_written_with_and_without_a_colon(trapped: Trapped) -> None:
    """HHMM and H:MM."""
    assert trapped.steps("plain")[0] == ("master_hearing", _day(9, 13, 30))
    assert trapped.steps("half past nine")[0] == ("master_hearing", _day(9, 9, 30))


def test_a_decision_on_the_day_of_a_hearing_comes_after_it(trapped: Trapped) -> None:
    """Its date has no time of day, so it takes that of the hearing."""
    assert trapped.steps("plain") == [("master_hearing", _day(9, 13, 30)), ("order_removal", _day(9, 13, 30))]


def test_the_date_of_birth_is_month_and_year(trapped: Trapped) -> None:
    """M/YYYY gives the year."""
    assert trapped.values("born", "born_year") == (1985,)


def test_spellings_of_headers(trapped: Trapped) -> None:
    """Sex stands for GENDER, and updated_site for UPDATE_SITE; the header of this release has both."""
    header = next(trapped.imported.folder.parent.rglob("A_TblCase.csv")).read_text(encoding="latin-1").splitlines()[0]
    assert {"Sex", "updated_site"} <= set(header.split("\t"))


def test_rows_without_a_key_are_rejected(trapped: Trapped) -> None:
    """An empty first column, or no case."""
    assert trapped.reason("rejected", "without keys", PROCEEDINGS, 0) == "IDNCASE is empty"
    assert trapped.reason("rejected", "without keys", PROCEEDINGS, 1) == "IDNPROCEEDING is empty"


def test_a_type_of_case_that_changes_is_flagged(trapped: Trapped) -> None:
    """The second proceeding is decoded with its own type, which has no decision R in the lookup table."""
    assert trapped.reason("flagged", "two types", PROCEEDINGS, 1) == "CASE_TYPE is DEP, but RMV in A_TblCase"
    assert [name for name, _ in trapped.steps("two types")] == ["transfer", "decide_unknown"]


def test_cases_without_completion_are_pending(trapped: Trapped) -> None:
    """A quarter of all cases has none."""
    assert trapped.values("pending", "status") == ("pending",)
    assert trapped.steps("pending") == []


# meaning ------------------------------------------------------------------------------------------------


def test_codes_are_decoded_with_the_type_of_case(trapped: Trapped) -> None:
    """DEC_CODE A affirms a fear decision and admits an excluded person; in a removal case it means nothing."""
    assert trapped.steps("fear review") == [("affirm_agency", _day(5))]
    assert trapped.steps("admitted") == [("admit", _day(5))]
    assert trapped.steps("unknown decision") == [("decide_unknown", _day(5))]


def test_t_is_terminated_as_decision_and_transfer_as_completion(trapped: Trapped) -> None:
    """Codes are decoded with the type of decision."""
    assert trapped.steps("terminated") == [("terminate", _day(5))]
    assert trapped.steps("transferred")[0] == ("transfer", _day(5))


def test_administrative_closure_is_never_a_decision(trapped: Trapped) -> None:
    """It stands in OTHER_COMP, and the case is closed, neither pending nor completed."""
    assert trapped.steps("closed") == [("close_by_discretion", _day(5))]
    assert trapped.values("closed", "status") == ("administratively_closed",)


def test_transfers_and_changes_of_venue_are_no_completions(trapped: Trapped) -> None:
    """The proceedings of a case are one case, which is pending at the other court."""
    assert [name for name, _ in trapped.steps("transferred")] == ["transfer", "order_removal"]
    assert trapped.values("moved and waiting", "status, court, current_court") == ("pending", "DEN", "BAL")


def test_a_later_proceeding_of_a_closed_case_is_its_recalendaring(trapped: Trapped) -> None:
    """After a decision it is a reopening; in both the case is pending again."""
    assert trapped.steps("recalendared") == [("close_by_discretion", _day(5)), ("recalendar", _day(50))]
    assert trapped.steps("reopened") == [("order_removal", _day(5)), ("reopen", _day(50))]
    assert trapped.values("recalendared", "status") == trapped.values("reopened", "status") == ("pending",)


def test_hearing_date_and_previous_courts_of_the_proceeding_are_not_read(trapped: Trapped) -> None:
    """They are unreliable; hearings come from the schedule."""
    assert trapped.steps("bad hearing date") == [("grant_relief", _day(5))]
    assert trapped.values("bad hearing date", "court") == ("DEN",)


def test_other_application_outcome_became_not_adjudicated(trapped: Trapped) -> None:
    """Both mean the same before and after May 2019."""
    before, after = (
        trapped.values(name, "application, application_outcome") for name in ("other application", "application not adjudicated")
    )
    assert before == after == ("asylum", "not_adjudicated")


def test_deportation_and_exclusion_before_1997(trapped: Trapped) -> None:
    """Old types of cases have codes of their own."""
    assert trapped.steps("deported") == [("order_deportation", _day(5))]
    assert trapped.values("deported", "case_type") == ("deportation",)


def test_a_hearing_to_come_is_no_event(trapped: Trapped) -> None:
    """It is the next hearing of the case."""
    assert trapped.steps("future hearing") == []
    assert trapped.values("future hearing", "next_hearing") == (dt.date(2012, 12, 3),)


def test_charges_of_crimes_are_found_among_padded_ones(trapped: Trapped) -> None:
    """One of two charges begins with 237a02."""
    assert trapped.values("two charges", "criminal_charge, security_charge") == (True, False)


def test_a_step_before_the_record_was_made_moves_the_arrival(trapped: Trapped) -> None:
    """The date of the record is a proxy of the filing; a case cannot be decided before it arrives."""
    assert trapped.values("before arrival", "arrived") == (_day(5),)


def test_the_numbers_of_rows_set_aside(trapped: Trapped) -> None:
    """Each table counts what its files list."""
    tables = trapped.imported.about["tables"]
    for outcome in ("repaired", "rejected", "flagged"):
        listed = [table for table, _ in trapped.aside(outcome)]
        assert {name: said[outcome] for name, said in tables.items()} == {name: listed.count(name) for name in tables}
