"""The contents of a report: the results of a run, and what is computed from its event log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from simulations.measuring.descriptors import slots_name, utilisation_name
from simulations.measuring.selection import EVERYTHING, Selection
from simulations.report.animation import Animation, animation
from simulations.report.flow import Flow, flow
from simulations.report.survival import Curve, survival
from simulations.report.use import Use, use_by_week
from simulations.run_folder.folders import finished_replications
from simulations.run_folder.manifest import MANIFEST, read_manifest
from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from simulations.scenarios.scenario import Scenario
from simulations.statements.of_runs import courts_shown
from simulations.statements.statement import Statement
from simulations.tables.formatting import court_title
from workflow.errors import InputError
from workflow.files.table import n_of
from workflow.model.definition import COMPLETE, ENTER, NOT_STEPS
from workflow.run_files.manifest import part_files
from workflow.run_files.tables import add_table, check_labels, readable
from workflow.sql.reading import connect

MOST_COURTS = 5
MOST_PICKED = 100
"""Number of courts up to which the court picker of the page has every court."""
T = TypeVar("T")


@dataclass(frozen=True)
class Contents:
    """The contents of the report of a run.

    Attributes
    ----------
    courts : list of str
        The courts shown by name: those that have the most pending cases at any time, the largest first. With several
        courts, ``all`` is first.
    """

    result: RunResult
    manifest: Mapping[str, Any]
    courts: list[str]

    @cached_property
    def moves(self) -> dict[str, list[int]] | None:
        """Return the count of each transition, by replication; ``None`` without an event log."""
        query = "select transition, replication, count(*) from events where transition is not null and cause <> 'horizon' group by all"
        read = self._read(lambda connection: {(name, k): n for name, k, n in connection.execute(query).fetchall()})
        if read is None:
            return None
        names, replications = self.scenario.transition_names, self.result.replications
        return {name: [read.get((name, k), 0) for k in replications] for name in names}

    @cached_property
    def curves(self) -> list[Curve]:
        """Return the curves of the time until a case leaves the docket; none without an event log."""
        replications, confidence = self.result.replications, self.result.confidence
        return (
            self._read(lambda connection: survival(connection, self.scenario, replications, self.groups | self.alone, confidence))
            or []
        )

    @cached_property
    def flow(self) -> Flow | None:
        """Return the states of cases on several days; ``None`` without an event log."""
        return self._read(lambda connection: flow(connection, self.scenario, [*self.result.replications]))

    @cached_property
    def animation(self) -> Animation | None:
        """Return the animation of cases between states; ``None`` without an event log."""
        return self._read(lambda connection: animation(connection, self.scenario, [*self.result.replications]))

    @cached_property
    def use(self) -> list[Use]:
        """Return the weekly use of the pools; none without an event log.

        There is none if the user's own Python took part in the run, since the log does not record the pool sizes that it set.
        """
        if self.manifest.get("own_python"):
            return []
        result, scenario = self.result, self.scenario
        read = self._read(
            lambda connection: use_by_week(
                connection, result.folder, result.replications, scenario, [*self.courts, *self.more], result.confidence
            )
        )
        has = result.selection.has
        return [u for u in read or () if has((slots_name if u.of_slots else utilisation_name)(u.pool), u.court)]

    def _read(self, read: Callable[[Any], T]) -> T | None:
        """Return what is read from the tables of cases and events; ``None`` without an event log."""
        with readable(self.result.folder):
            return None if self._log is None else read(self._log)

    @cached_property
    def _log(self) -> Any:
        """Return a connection with the views ``cases`` and ``events``, whose names were checked."""
        folder = self.result.folder
        recorded = finished_replications(folder, self.manifest)
        records = {k: recorded[k] for k in self.result.replications}
        parts = {kind: paths for kind in ("cases", "events", "holds") if (paths := part_files(folder, kind, records))}
        if not all("events" in record.parts for record in records.values()):
            return None
        others = {k for record in records.values() for k in record.span.numbers} - records.keys()
        connection = connect([path for paths in parts.values() for path in paths])
        for kind, paths in parts.items():
            add_table(connection, folder, kind, paths, records if others else None)
        _check_events(connection, folder, self.scenario)
        return connection

    @property
    def scenario(self) -> Scenario:
        """Return the scenario that was run."""
        return self.result.scenario

    @property
    def titles(self) -> dict[str, str]:
        """Return the title of each court shown."""
        return {court: court_title(court, self.scenario) for court in self.courts}

    @cached_property
    def more(self) -> dict[str, str]:
        """Return the title of each court that is shown only when a reader picks it."""
        courts = self.scenario.courts
        if self.result.selection.courts or len(courts) < 2 or len(courts) > MOST_PICKED:
            return {}
        return {court: court_title(court, self.scenario) for court in courts if court not in self.courts}

    @property
    def alone(self) -> dict[str, list[str]]:
        """Return the courts of the panel of each court of `more`."""
        return {court: [court] for court in self.more}

    @property
    def whole(self) -> str:
        """Return the court that titles are about: all courts together, or the first of those chosen."""
        return "all" if "all" in self.courts else self.courts[0]

    @property
    def groups(self) -> dict[str, list[str]]:
        """Return the courts of each panel that can sum courts: those shown by name, and the others together."""
        return court_groups(self.scenario.courts, self.courts, self.result.selection)

    @property
    def n_others(self) -> int:
        """Return the number of courts that are not shown by name."""
        if self.result.selection.courts:
            return 0
        return len(self.scenario.courts) - len(self.courts) + 1 if len(self.courts) > 1 else 0

    def courts_note(self, summed: bool) -> list[Statement]:
        """Return the sentence about the courts shown by name, if some are left out."""
        if not self.n_others:
            return []
        return [courts_shown(self.courts[1:], self.n_others, summed, self.result.selection.has("pending"))]


def read_contents(folder: str | Path, scenario: str | Path | None = None, selection: Selection = EVERYTHING) -> Contents:
    """Read the contents of a report from a run folder: of all measures and courts, or of the chosen ones.

    Raises
    ------
    InputError
        If the folder is not a run folder, or cannot be read.
    """
    folder = Path(folder)
    check_run_folder(folder)
    return contents_of(read_result(folder, scenario), selection)


def contents_of(result: RunResult, selection: Selection = EVERYTHING) -> Contents:
    """Return the contents of a report of a run: of all measures and courts, or of the chosen ones."""
    chosen = result.select(selection)
    return Contents(chosen, read_manifest(result.folder), shown_courts(chosen))


def check_run_folder(folder: Path) -> None:
    """Raise `InputError` for a folder that holds run folders but is not one itself."""
    runs = [] if (folder / MANIFEST).exists() else sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if runs:
        raise InputError(
            [f"{folder}: holds {n_of(len(runs), 'run')} and is not a run folder itself; name one of them, such as {runs[0]}"]
        )


def shown_courts(*results: RunResult) -> list[str]:
    """Return the chosen courts; by default ``all``, then the courts with the most pending cases at any time.

    Parameters
    ----------
    *results : RunResult
        Runs with the same courts. The size of a court is the largest mean of a day in any of them. Without `pending`, the
        first courts of the scenario are shown.
    """
    courts, selection = results[0].scenario.courts, results[0].selection
    if selection.courts:
        return list(selection.courts)
    if len(courts) == 1:
        return ["all"]
    if not selection.has("pending"):
        return ["all", *courts[:MOST_COURTS]]
    sizes = {court: max(float(r.pending.of(court).max()) for r in results) for court in courts}
    return ["all", *sorted(courts, key=lambda court: -sizes[court])[:MOST_COURTS]]


def court_groups(courts: Sequence[str], shown: Sequence[str], selection: Selection = EVERYTHING) -> dict[str, list[str]]:
    """Return the courts of each panel: those shown by name, ``all``, and the others as ``other courts (n)``.

    With chosen courts, there are no others.
    """
    subset = len(shown) > 1 and not selection.courts
    others = [court for court in courts if court not in shown] if subset else []
    groups = {court: [*courts] if court == "all" else [court] for court in shown}
    return groups | ({f"other courts ({len(others)})": others} if others else {})


def _check_events(connection: Any, folder: Path, scenario: Scenario) -> None:
    """Check that cases and events have only the names that the scenario declares."""
    workflows = scenario.workflows
    states = {state for workflow in workflows for state in workflow.states}
    causes = {COMPLETE, ENTER, *NOT_STEPS} | {event for workflow in workflows for event in workflow.events}
    check_labels(connection, folder, "cases", {"court": scenario.courts, "initial_state": states})
    check_labels(
        connection, folder, "events",
        {
            "court": scenario.courts,
            "current_court": scenario.courts,
            "to_court": (*scenario.courts, None),
            "transition": (*scenario.transition_names, None),
            "cause": causes,
            "from_state": states,
            "to_state": states,
            "pool": (*scenario.pools, None),
        },
    )  # fmt: skip
    if scenario.queues_with_teams:
        check_labels(connection, folder, "holds", {"court": scenario.courts, "pool": tuple(scenario.pools)})
