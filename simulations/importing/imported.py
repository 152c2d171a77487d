"""A folder that an import has written: its files, and what ``import.json`` says about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow.auditing.log_files import EVENTS
from workflow.auditing.log_files import IMPORTED as ABOUT
from workflow.errors import InputError

__all__ = ["ABOUT", "CASES", "EVENTS", "FLAGGED", "REJECTED", "REPAIRED", "UNFINISHED", "Imported", "open_imported"]

CASES = "cases.parquet"
REJECTED, REPAIRED, FLAGGED = "rejected.csv", "repaired.csv", "flagged.csv"


@dataclass(frozen=True)
class Imported:
    """An imported log.

    Attributes
    ----------
    events : Path
        A row for each step, as ``docketsim audit`` reads it without a mapping; cases without steps have one row.
    cases : Path
        A row for each case.
    about : dict
        The source, the end of the observation, the facts with their types, the transitions with their counts.
    """

    folder: Path
    events: Path
    cases: Path
    about: dict[str, Any]


def open_imported(folder: str | Path) -> Imported:
    """Open a folder that ``docketsim import`` has written.

    Raises
    ------
    InputError
        If it is no such folder, its import is not finished, or a file of it is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError([f"{folder}: is not a folder that docketsim import has written"])
    if not (folder / ABOUT).is_file():
        begun = (folder / UNFINISHED).is_dir()
        advice = "finish it with docketsim import and --resume" if begun else "write one with docketsim import"
        raise InputError([f"{folder}: has no {ABOUT}, so it is not a finished import; {advice}"])
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError([f"{folder / ABOUT}: cannot be read: {error}"]) from None
    missing = [f"{folder}: {name} is missing; import again" for name in (EVENTS, CASES) if not (folder / name).is_file()]
    if missing:
        raise InputError(missing)
    return Imported(folder, folder / EVENTS, folder / CASES, about)


UNFINISHED = "unfinished"
"""The folder of what an interrupted import has done."""
