"""The tables of the immigration courts' public release: their columns, which are read, and what each may hold.

References
----------
Executive Office for Immigration Review, FOIA library, "EOIR Case Data"; column order as in its releases of 2015 to 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["key", "date", "code", "text"]
"""What a column holds: a whole number, a date, a short code that never looks like a date, or anything."""


@dataclass(frozen=True, slots=True)
class TableLayout:
    """One table of a release.

    Attributes
    ----------
    columns : tuple of str
        In the order in which releases have them; a release may have another order, and more columns at the end.
    dates : frozenset of str
        The columns with dates.
    read : tuple of str
        The columns that the import uses; the first is the key of the table.
    needed : bool
        Whether nothing can be imported without the table.
    """

    name: str
    columns: tuple[str, ...]
    dates: frozenset[str]
    read: tuple[str, ...]
    needed: bool = False

    def kind(self, column: str) -> Kind:
        """Return what a column holds."""
        if column in self.dates:
            return "date"
        if column in (self.columns[0], "IDNCASE", "IDNPROCEEDING"):
            return "key"
        return "code" if column in self.read and column not in FREE else "text"


FREE = frozenset({"C_BIRTHDATE", "DESCRIPTION"})
"""Columns that are read, and are neither keys nor dates nor codes."""

SHAPES = {"CASE_TYPE": "[A-Z]{3}", "CUSTODY": "[A-Z]", "ABSENTIA": "[A-Z]", "LANG": "[A-Z0-9?]{1,4}", "NAT": "[A-Z?]{1,3}"}
"""Patterns of codes, by which a shifted row is told. A row with too many values must have a `CASE_TYPE`."""

SPELLINGS = {"SEX": "GENDER", "UPDATED_SITE": "UPDATE_SITE", "STRDESCRIPTION": "STRDESCIPTION"}
"""Other names of columns, in capitals."""


def _table(name: str, columns: str, dates: str, read: str, needed: bool = False) -> TableLayout:
    return TableLayout(name, tuple(columns.split()), frozenset(dates.split()), tuple(read.split()), needed)


CASES = _table(
    "A_TblCase",
    "IDNCASE ALIEN_CITY ALIEN_STATE ALIEN_ZIPCODE UPDATED_ZIPCODE UPDATED_CITY NAT LANG CUSTODY SITE_TYPE E_28_DATE ATTY_NBR"
    " CASE_TYPE UPDATE_SITE LATEST_HEARING LATEST_TIME LATEST_CAL_TYPE UP_BOND_DATE UP_BOND_RSN CORRECTIONAL_FAC RELEASE_MONTH"
    " RELEASE_YEAR INMATE_HOUSING DATE_OF_ENTRY C_ASY_TYPE C_BIRTHDATE C_RELEASE_DATE UPDATED_STATE ADDRESS_CHANGEDON"
    " ZBOND_MRG_FLAG GENDER DATE_DETAINED DATE_RELEASED LPR DETENTION_DATE DETENTION_LOCATION DCO_LOCATION"
    " DETENTION_FACILITY_TYPE CASEPRIORITY_CODE",
    "E_28_DATE LATEST_HEARING UP_BOND_DATE DATE_OF_ENTRY C_RELEASE_DATE ADDRESS_CHANGEDON DATE_DETAINED DATE_RELEASED DETENTION_DATE",
    "IDNCASE NAT LANG CUSTODY E_28_DATE CASE_TYPE DATE_OF_ENTRY C_ASY_TYPE C_BIRTHDATE LPR",
    needed=True,
)

PROCEEDINGS = _table(
    "B_TblProceeding",
    "IDNPROCEEDING IDNCASE OSC_DATE INPUT_DATE BASE_CITY_CODE HEARING_LOC_CODE IJ_CODE TRANS_IN_DATE PREV_HEARING_LOC"
    " PREV_HEARING_BASE PREV_IJ_CODE TRANS_NBR HEARING_DATE HEARING_TIME DEC_TYPE DEC_CODE DEPORTED_1 DEPORTED_2 OTHER_COMP"
    " APPEAL_RSVD APPEAL_NOT_FILED COMP_DATE ABSENTIA VENUE_CHG_GRANTED TRANSFER_TO DATE_APPEAL_DUE_STATUS TRANSFER_STATUS CUSTODY"
    " CASE_TYPE NAT LANG SCHEDULED_HEAR_LOC CORRECTIONAL_FAC CRIM_IND IHP AGGRAVATE_FELON DATE_DETAINED DATE_RELEASED",
    "OSC_DATE INPUT_DATE TRANS_IN_DATE HEARING_DATE COMP_DATE DATE_DETAINED DATE_RELEASED",
    "IDNPROCEEDING IDNCASE OSC_DATE INPUT_DATE BASE_CITY_CODE IJ_CODE DEC_CODE OTHER_COMP COMP_DATE ABSENTIA TRANSFER_TO CUSTODY"
    " CASE_TYPE NAT LANG",
    needed=True,
)

SCHEDULE = _table(
    "tbl_schedule",
    "IDNSCHEDULE IDNPROCEEDING IDNCASE OSC_DATE GENERATION SUB_GENERATION REC_TYPE LANG HEARING_LOC_CODE BASE_CITY_CODE IJ_CODE"
    " INTERPRETER_CODE INPUT_DATE INPUT_TIME UPDATE_DATE UPDATE_TIME ASSIGNMENT_PATH CAL_TYPE ADJ_DATE ADJ_TIME_START ADJ_TIME_STOP"
    " ADJ_RSN ADJ_MEDIUM ADJ_MSG ADJ_ELAP_DAYS LNGSESSNID SCHEDULE_TYPE NOTICE_CODE BLNCLOCKOVERRIDE EOIRATTORNEYID",
    "OSC_DATE INPUT_DATE UPDATE_DATE ADJ_DATE",
    "IDNSCHEDULE IDNPROCEEDING IDNCASE BASE_CITY_CODE IJ_CODE CAL_TYPE ADJ_DATE ADJ_TIME_START ADJ_RSN SCHEDULE_TYPE",
)

CHARGES = _table(
    "B_TblProceedCharges", "IDNPRCDCHG IDNCASE IDNPROCEEDING CHARGE CHG_STATUS", "", "IDNPRCDCHG IDNCASE CHARGE CHG_STATUS"
)

APPLICATIONS = _table(
    "tbl_Court_Appln",
    "IDNPROCEEDINGAPPLN IDNPROCEEDING IDNCASE APPL_CODE APPL_RECD_DATE APPL_DEC",
    "APPL_RECD_DATE",
    "IDNPROCEEDINGAPPLN IDNCASE APPL_CODE APPL_RECD_DATE APPL_DEC",
)

CUSTODY = _table(
    "tbl_CustodyHistory",
    "IDNCUSTODY IDNCASE CUSTODY DATDETAINED DATRELEASED",
    "DATDETAINED DATRELEASED",
    "IDNCUSTODY IDNCASE CUSTODY",
)

TABLES = (CASES, PROCEEDINGS, SCHEDULE, CHARGES, APPLICATIONS, CUSTODY)
"""The tables that are imported, in the order in which they are read."""

DECISIONS = _table(
    "tblLookupCourtDecision",
    "IDNCOURTDECISION STRCASETYPE STRDECCODE STRDECDESCRIPTION STRDECTYPE STRFINALDISPOSITION BLNACTIVE DATCREATEDON DATMODIFIEDON",
    "",
    "STRCASETYPE STRDECCODE STRDECDESCRIPTION STRDECTYPE",
    needed=True,
)

REASONS = _table("tblAdjournmentcodes", "STRCODE STRDESCIPTION", "", "STRCODE STRDESCIPTION")

COURTS = _table("tblLookupBaseCity", "BASE_CITY_CODE BASE_CITY_NAME", "", "BASE_CITY_CODE BASE_CITY_NAME")

LOOKUPS = (DECISIONS, REASONS, COURTS)
"""The small tables that say what codes mean."""

COUNTS = "Count.txt"
"""The control totals: the name of a table, a tab, and its number of rows."""

MISSING = ("N/A", "NA", "NULL", "b6", "A.2.a")
"""What stands for a missing value, besides blanks, zeros alone and question marks alone."""
