"""Write a simulated run as a synthetic release of the immigration courts: ``docketsim synth eoir``."""

from __future__ import annotations

import datetime as dt
import itertools
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulations.importing import codes
from simulations.importing.gathering import FACTS
from simulations.importing.quirks import Damage
from simulations.importing.writing import Step, Story, write_release
from simulations.run_folder.views import HAPPENED, OBSERVED_UNTIL, query_run
from simulations.run_folder.whole_files import write_text
from workflow.auditing.mapping import load_mapping
from workflow.errors import InputError, nearest
from workflow.files.json_text import json_text
from workflow.files.validation import format_names
from workflow.model.definition import Workflow
from workflow.run_files.tables import recorded_workflow
from workflow.sql.quoting import identifier

_NAMES: Mapping[str, Mapping[str, str]] = {
    "prosecutorial-discretion-review": {
        "review": "prosecutorial_discretion_review",
        "refer_for_check": "background_check",
        "close": "close_by_discretion",
        "close_over_objection": "close_administratively",
        "terminate": "terminate_by_discretion",
        "recalendar": "recalendar",
        "adjourn": "individual_hearing",
        "grant_relief": "grant_relief",
        "decide": "order_removal",
    }
}
"""What the log of an import calls the transitions of built-in workflows; the others leave no trace in a release."""

_COURTS = {
    "denver": "DEN", "baltimore": "BAL", "aurora": "AUR", "los_angeles": "LOS", "new_york": "NYC", "san_francisco": "SFR",
    "seattle": "SEA", "detroit": "DET", "new_orleans": "NOL", "orlando": "ORL", "miami": "MIA", "chicago": "CHI", "houston": "HOU",
    "tucson": "TUC", "phoenix": "PHO", "omaha": "OMA", "atlanta": "ATL", "bloomington": "BLM", "philadelphia": "PHI",
    "charlotte": "CHL", "el_paso": "ELP", "san_antonio": "SNA", "newark": "NEW", "boston": "BOS", "dallas": "DAL", "harlingen": "HLG",
    "las_vegas": "LVG", "arlington": "WAS",
}  # fmt: skip


@dataclass(frozen=True)
class Synthetic:
    """A synthetic release.

    Attributes
    ----------
    mapping : Path
        Maps the log of its import back to the workflow of the run.
    known : dict
        The numbers of rows and of damaged rows (``known.json``).
    not_written : tuple of str
        Transitions of the run that a release cannot say.
    """

    folder: Path
    mapping: Path
    known: dict[str, Any]
    not_written: tuple[str, ...]


def synth_eoir(
    run: str | Path, out: str | Path, *, mapping: Path | None = None, replication: int = 1, quirks: int = 2, seed: int = 1
) -> Synthetic:
    """Write one replication of a run as a release, with its quirks in known numbers.

    Parameters
    ----------
    run : path
        A run folder with an event log.
    out : path
        A new folder.
    mapping : Path, optional
        A mapping file whose `names` say what an import calls each transition. Transitions with the name of an import need none.
    quirks : int
        How many rows of a table get each quirk; 0 for a release without any.
    seed : int
        Chooses the damaged rows.

    Raises
    ------
    InputError
        If no transition of the run has a name that a release can say, or `out` exists.
    """
    run, out = Path(run), Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError([f"--out {out}: exists already; give another name, or remove it"])
    if quirks < 0:
        raise InputError([f"--quirks {quirks}: must be 0 or more"])
    workflow = recorded_workflow(run)
    names = _names(workflow, mapping)
    last_day, courts, took = _asked(run, replication)
    courts_by_code = _court_codes(courts)
    code_of = {name: code for code, name in courts_by_code.items()}
    damage = Damage(quirks, seed) if quirks else None
    try:
        known = write_release(_stories(run, replication, names, code_of), out, last_day, courts_by_code, damage)
        known["courts"] = courts_by_code
        write_text(out / "known.json", json_text(known, indent=1) + "\n")
        path = out / "mapping.yaml"
        write_text(path, _mapping_text(workflow, names))
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return Synthetic(out, path, known, tuple(sorted(name for name in took if name not in names)))


def _names(workflow: Workflow, mapping: Path | None) -> dict[str, str]:
    """Return what an import calls each transition."""
    transitions = dict.fromkeys(t.name for t in workflow.transitions)
    names = dict(_NAMES.get(workflow.name) or {name: name for name in transitions if name in codes.SPELLINGS})
    problems = []
    if mapping is not None:
        for name, labels in load_mapping(mapping, workflow).names.items():
            names[name] = labels[0]
            if labels[0] not in codes.SPELLINGS:
                hint = nearest(labels[0], codes.SPELLINGS) or f" Known: {format_names(codes.SPELLINGS, limit=40)}."
                problems.append(f"{mapping}: names: {name}: {labels[0]!r} is not a name that an import gives.{hint}")
    shared = Counter(names.values())
    problems += [
        f"{mapping or workflow.name}: names: {format_names(n for n in names if names[n] == said)} have one name, {said}; an import could"
        " not tell them apart"
        for said, n in shared.items()
        if n > 1
    ]
    if not names:
        known = format_names(codes.SPELLINGS, limit=40)
        problems.append(
            f"{workflow.name}: has no transition with a name that an import gives ({known}); give them in a mapping file, --mapping"
        )
    if problems:
        raise InputError(problems)
    return names


def _asked(run: Path, replication: int) -> tuple[dt.date, list[str], dict[str, int]]:
    """Return the last day of a run, its courts, and how often each transition was taken."""
    with query_run(run, f"select {OBSERVED_UNTIL}") as answer:
        end = next(answer.rows)[0]
    with query_run(run, f"select count(*) from cases where replication = {replication}") as answer:
        if not next(answer.rows)[0]:
            raise InputError([f"--replication {replication}: is not in {run}"])
    with query_run(run, "select distinct court from cases union select distinct to_court from events order by all") as answer:
        courts = [row[0] for row in answer.rows if row[0] is not None]
    query = f"select transition, count(*) from events where transition is not null and {HAPPENED} and replication = {replication} group by all"
    with query_run(run, query) as answer:
        took = dict(answer.rows)
    return (end - dt.timedelta(microseconds=1)).date(), courts, took


def _court_codes(courts: Sequence[str]) -> dict[str, str]:
    """Return the name of each court, by a code of three letters or more."""
    taken: dict[str, str] = {}
    for name in courts:
        letters = "".join(c for c in name.upper() if c.isalnum()) or "X"
        candidates = itertools.chain([_COURTS.get(name, letters[:3])], (f"{letters[:3]}{i}" for i in itertools.count(2)))
        taken[next(code for code in candidates if code not in taken)] = name
    return taken


def _stories(run: Path, replication: int, names: Mapping[str, str], code_of: Mapping[str, str]) -> Iterator[Story]:
    """Yield the cases of a replication, each with its steps."""
    with query_run(run, f"select * from cases where replication = {replication} limit 0") as answer:
        facts = [name for name in answer.columns if name in FACTS]
    chosen = "".join(f", {identifier(name)}" for name in facts)
    cases = f"select case_id, court, arrived_at{chosen} from cases where replication = {replication} order by case_id"
    events = f"""select case_id, transition, happened_at, to_court from events where transition is not null and {HAPPENED}
        and replication = {replication} order by case_id, sequence"""
    with query_run(run, cases) as of_cases, query_run(run, events) as of_events:
        steps = itertools.groupby(of_events.rows, key=lambda row: row[0])
        waiting = next(steps, None)
        for number, court, arrived, *values in of_cases.rows:
            taken: list[Step] = []
            if waiting is not None and waiting[0] == number:
                taken = [Step(names[t], at, code_of.get(to)) for _, t, at, to in waiting[1] if t in names]
                waiting = next(steps, None)
            yield Story(number, code_of[court], arrived, dict(zip(facts, values, strict=True)), taken)


def _mapping_text(workflow: Workflow, names: Mapping[str, str]) -> str:
    lines = [
        "# How the log of an import of this release maps to the workflow of the run.",
        f'mapping: "{workflow.name}"',
        "names:",
        *(f"  {name}: [{said}]" for name, said in names.items()),
    ]
    return "\n".join(lines) + "\n"
