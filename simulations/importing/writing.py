"""Write synthetic releases in the layout of the immigration courts, from stories of cases: for tests, and ``docketsim synth``."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from simulations.importing import codes
from simulations.importing.layout import APPLICATIONS, CASES, CHARGES, COUNTS, CUSTODY, PROCEEDINGS, SCHEDULE, TABLES, TableLayout
from simulations.importing.quirks import Damage

FIRST_CASE = 10_000_001
"""IDNCASE of the first case: zeros alone stand for a missing value."""

DECISION_CODES = {
    "X": "Remove", "R": "Relief Granted", "T": "Terminated", "U": "Dismissed by IJ", "V": "Voluntary Departure", "W": "Withdrawn",
    "O": "Other",
}  # fmt: skip
COMPLETION_CODES = {
    "A": "Administrative Closing - Other", "B": "Administrative Closing - Failure to Appear", "C": "Change of Venue",
    "F": "Failure to Prosecute", "I": "Prosecutorial Discretion - Terminated",
    "M": "In Court Prosecutorial Discretion - Admin Closure", "O": "Other Administrative Completion", "P": "Temporary Protected Status",
    "T": "Transfer", "Y": "Prosecutorial Discretion - Admin Close", "H": "Haitian Relief", "J": "Jurisdiction Transferred to BIA",
}  # fmt: skip
OTHER_TYPES = (
    ("CFR", "A", "Affirm DHS Decision"),
    ("CFR", "V", "Vacate DHS Decision"),
    ("DEP", "D", "Deport"),
    ("EXC", "A", "Admitted"),
)
"""Codes that mean something else for other types of cases."""

REASON_CODES = {
    "01": "Alien to Seek Representation", "12": "Other Alien Request", "13": "Insufficient Time to Complete Hearing",
    "24": "Background/Security Check Not Complete", "8A": "Case Completed Prior to Hearing", "8B": "Case Completed at Hearing",
    "9A": "Hearing Postponed", "PD": "Prosecutorial Discretion Consideration",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A transition of a case, with the name that an import gives it (`simulations.importing.codes.SPELLINGS`)."""

    name: str
    at: dt.datetime
    to_court: str | None = None
    absentia: bool = False


@dataclass(frozen=True)
class Story:
    """A case: its number, its court, its arrival, its facts and its steps in order of time."""

    number: int
    court: str
    arrived: dt.datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    steps: Sequence[Step] = ()


def write_release(
    stories: Iterable[Story], out: Path, last_day: dt.date, courts: Mapping[str, str], damage: Damage | None = None
) -> dict[str, Any]:
    """Write a release, and return what is known of it.

    Parameters
    ----------
    stories : iterable of Story
    out : Path
        A new folder.
    last_day : date
        The last day that the release covers.
    courts : mapping of str to str
        The name of each court, by its code.
    damage : Damage, optional
        Quirks in known numbers. Default: a release without any.

    Returns
    -------
    dict
        The numbers of rows and of steps, the damaged rows, and the steps that the layout cannot say.
    """
    folder = out / f"EOIR Case Data {last_day:%Y-%m%d}"
    (folder / "Data").mkdir(parents=True)
    (folder / "Lookup").mkdir()
    with ExitStack() as stack:
        files = {table.name: stack.enter_context((folder / "Data" / f"{table.name}.csv").open("wb")) for table in TABLES}
        writer = _Writer(files, last_day, damage)
        for story in stories:
            writer.story(story)
    _write_lookups(folder / "Lookup", courts)
    off = 2 if damage is not None else 0  # control totals may differ by a few rows
    counts = {name: n - 1 + (off if n > 1 else 0) for name, n in writer.lines.items()}
    (folder / COUNTS).write_text("".join(f"{name}\t{n}\r\n" for name, n in counts.items()), encoding="ascii")
    known = {
        "first_case": FIRST_CASE,
        "rows": {name: n - 1 for name, n in writer.lines.items()},
        "damaged": [] if damage is None else damage.known,
        "steps": dict(sorted(writer.written.items())),
        "not_written": dict(sorted(writer.not_written.items())),
    }
    (out / "known.json").write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return known


def _written(at: dt.datetime | dt.date | None) -> str:
    """Return a date as releases have it: to the millisecond."""
    if at is None:
        return ""
    instant = at if isinstance(at, dt.datetime) else dt.datetime.combine(at, dt.time())
    return f"{instant:%Y-%m-%d %H:%M:%S}.{instant.microsecond // 1000:03}"


class _Writer:
    """Writes the rows of the tables, and counts the lines of each."""

    def __init__(self, files: Mapping[str, BinaryIO], last_day: dt.date, damage: Damage | None) -> None:
        self.files, self.last_day, self.damage = files, last_day, damage
        self.lines = dict.fromkeys(files, 0)
        self.keys: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.not_written: Counter[str] = Counter()
        for table in TABLES:
            self._line(table, self._header(table))

    def _header(self, table: TableLayout) -> list[str]:
        if self.damage is None or table is not CASES:
            return list(table.columns)
        return [{"GENDER": "Sex", "UPDATE_SITE": "UPDATED_SITE"}.get(name, name.title()) for name in table.columns]

    def story(self, story: Story) -> None:
        """Write a case."""
        case = FIRST_CASE + story.number
        self._case(case, story)
        proceeding = _Proceeding(story.court, story.arrived)
        for step in story.steps:
            proceeding = self._step(case, story, step, proceeding)
        self._proceeding(case, story, proceeding)
        if proceeding.completed_at is None and self.damage is not None:  # pending: a hearing to come
            self._hearing(
                case, proceeding, dt.datetime.combine(self.last_day + dt.timedelta(days=30), dt.time(9)), "master_hearing", ""
            )

    def _step(self, case: int, story: Story, step: Step, proceeding: _Proceeding) -> _Proceeding:
        """Write a step, and return the proceeding that is open after it."""
        place = codes.SPELLINGS[step.name].place
        if place == "hearing":
            self.written[step.name] += 1
            self._hearing(case, proceeding, step.at, step.name)
            return proceeding
        if place == "return":
            fits = proceeding.completed_at is not None and (step.name == "recalendar") == (proceeding.code in codes.CLOSED)
            if not fits:
                self.not_written[f"{step.name}: the proceeding before is of another kind"] += 1
                return proceeding
            self.written[step.name] += 1
            self._proceeding(case, story, proceeding)
            return _Proceeding(step.to_court or proceeding.court, step.at)
        if proceeding.completed_at is not None:
            self.not_written[f"{step.name}: the proceeding is completed already"] += 1
            return proceeding
        self.written[step.name] += 1
        proceeding.completed_at, proceeding.step = step.at, step
        if place != "move":
            return proceeding
        self._proceeding(case, story, proceeding)
        return _Proceeding(step.to_court or proceeding.court, step.at)

    def _case(self, case: int, story: Story) -> None:
        facts = story.facts
        born, entered = facts.get("born_year"), facts.get("entered")
        self._row(
            CASES,
            IDNCASE=str(case),
            ALIEN_CITY="DENVER",
            NAT=facts.get("nationality"),
            LANG=facts.get("language"),
            CUSTODY=_code(codes.CUSTODY, facts.get("custody")),
            E_28_DATE=_written(story.arrived) if facts.get("represented") else "",
            CASE_TYPE=_code(codes.CASE_TYPES, facts.get("case_type", "removal")),
            DATE_OF_ENTRY=_written(entered),
            C_ASY_TYPE=_code(codes.ASYLUM_TYPES, facts.get("asylum_type")),
            C_BIRTHDATE="" if born is None else f"6/{born}",
            LPR="1" if facts.get("permanent_resident") else "",
        )
        charges = ["212a06Ai"]
        charges += ["237a02Aii"] if facts.get("criminal_charge") else []
        charges += ["237a04B"] if facts.get("security_charge") else []
        for charge in charges:
            self._row(CHARGES, IDNPRCDCHG=self._key(CHARGES), IDNCASE=str(case), CHARGE=f"{charge:<13}", CHG_STATUS="S")
        if application := _code(codes.APPLICATIONS, facts.get("application")):
            key = self._key(APPLICATIONS)
            self._row(
                APPLICATIONS,
                IDNPROCEEDINGAPPLN=key,
                IDNCASE=str(case),
                APPL_CODE=application,
                APPL_RECD_DATE=_written(story.arrived),
            )
        if facts.get("custody") in ("detained", "released"):
            key, custody = self._key(CUSTODY), _code(codes.CUSTODY, facts["custody"])
            self._row(CUSTODY, IDNCUSTODY=key, IDNCASE=str(case), CUSTODY=custody, DATDETAINED=_written(story.arrived))

    def _proceeding(self, case: int, story: Story, proceeding: _Proceeding) -> None:
        step = proceeding.step
        spelled = {} if step is None else codes.SPELLINGS[step.name].values
        moves = step is not None and step.name in codes.MOVED.values()
        self._row(
            PROCEEDINGS,
            IDNPROCEEDING=self._proceeding_key(case, proceeding),
            IDNCASE=str(case),
            OSC_DATE=_written(story.arrived),
            INPUT_DATE=_written(proceeding.begun),
            BASE_CITY_CODE=proceeding.court,
            HEARING_LOC_CODE=proceeding.court,
            COMP_DATE=_written(proceeding.completed_at),
            ABSENTIA="Y" if step is not None and step.absentia else "N",
            TRANSFER_TO=step.to_court if step is not None and moves else "",
            CASE_TYPE=_code(codes.CASE_TYPES, story.facts.get("case_type", "removal")),
            **spelled,
        )

    def _hearing(self, case: int, proceeding: _Proceeding, at: dt.datetime, name: str, reason: str | None = None) -> None:
        values = codes.SPELLINGS[name].values | ({} if reason is None else {"ADJ_RSN": reason})
        self._row(
            SCHEDULE,
            IDNSCHEDULE=self._key(SCHEDULE),
            IDNPROCEEDING=self._proceeding_key(case, proceeding),
            IDNCASE=str(case),
            REC_TYPE="A",
            BASE_CITY_CODE=proceeding.court,
            ADJ_DATE=_written(at) if at.second or at.microsecond >= 1000 else _written(at.date()),
            ADJ_TIME_START=f"{at:%H%M}",
            **values,
        )

    def _proceeding_key(self, case: int, proceeding: _Proceeding) -> str:
        if proceeding.key is None:
            proceeding.key = self._key(PROCEEDINGS)
        return proceeding.key

    def _key(self, table: TableLayout) -> str:
        self.keys[table.name] += 1
        return str(20_000_000 + self.keys[table.name])

    def _row(self, table: TableLayout, **values: str | None) -> None:
        row = [values.get(name) or "" for name in table.columns]
        rows = [row] if self.damage is None else self.damage.rows(row, table, self.lines[table.name] + 1)
        for written in rows:
            self._line(table, written)

    def _line(self, table: TableLayout, values: Iterable[str]) -> None:
        self.lines[table.name] += 1
        end = "\r\n" if self.damage is not None and table is SCHEDULE else "\n"
        self.files[table.name].write(("\t".join(values) + end).encode("latin-1"))


@dataclass
class _Proceeding:
    """A proceeding that is being written."""

    court: str
    begun: dt.datetime
    completed_at: dt.datetime | None = None
    step: Step | None = None
    key: str | None = None

    @property
    def code(self) -> str | None:
        """Return OTHER_COMP."""
        return None if self.step is None else codes.SPELLINGS[self.step.name].values.get("OTHER_COMP")


def _code(meanings: Mapping[str, str], name: Any) -> str:
    """Return the code of a name, or an empty string."""
    return next((code for code, meaning in meanings.items() if meaning == name), "")


def _write_lookups(folder: Path, courts: Mapping[str, str]) -> None:
    decisions = [
        *(("RMV", code, said, "C") for code, said in DECISION_CODES.items()),
        *(("RMV", code, said, "O") for code, said in COMPLETION_CODES.items()),
        *((*other, "C") for other in OTHER_TYPES),
    ]
    head = "idnCourtDecision strCaseType strDecCode strDecDescription strDecType strFinalDisposition blnActive datCreatedOn datModifiedOn"
    rows = [[str(i), kind, code, said, type_, "", "1", "", ""] for i, (kind, code, said, type_) in enumerate(decisions, 1)]
    _lookup(folder / "tblLookupCourtDecision.csv", head.split(), rows)
    _lookup(folder / "tblLookupBaseCity.csv", ["BASE_CITY_CODE", "BASE_CITY_NAME"], courts.items())
    _lookup(folder / "tblAdjournmentcodes.csv", ["strcode", "strDesciption"], REASON_CODES.items())


def _lookup(path: Path, head: Sequence[str], rows: Iterable[Iterable[str]]) -> None:
    path.write_bytes("".join("\t".join(row) + "\n" for row in (head, *rows)).encode("latin-1"))
