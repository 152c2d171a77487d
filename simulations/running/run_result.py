"""The result of a run: estimates, series and contrasts, read from the parts in its folder."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulations.log.watching import watched_rules
from simulations.measuring.descriptors import describe
from simulations.measuring.selection import EVERYTHING, Selection, explain_missing
from simulations.run_folder.folders import Record
from simulations.run_folder.views import RunTables
from simulations.running.growing import GrowingQueue, growing_queues
from simulations.running.results import (
    Contrast,
    Estimate,
    Series,
    Values,
    check_values,
    contrasts,
    estimates,
    read_series,
    read_values,
)
from simulations.running.shown import Answered
from simulations.running.warmup import still_trending
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, MissingResult, format_names, nearest
from workflow.model.definition import as_written

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

    from simulations import RunPlots


@dataclass(frozen=True)
class RunResult(Answered):
    """The result of a run. What its folder contains is read when it is needed.

    Attributes
    ----------
    folder : Path
        The run folder.
    replications : tuple of int
        Numbers of the replications.
    by : tuple of str
        What every measure is grouped by.
    growing : list of GrowingQueue
        Queues that are still growing at the end of the run.
    violations : dict of str to int, or None
        With a monitor: how often each rule was broken, over the replications of this run.
    selection : Selection
        The measures and courts that were computed.
    from_outside : bool
        Whether the parts in the folder are checked before they are read, because they may come from a stranger.
    """

    scenario: Scenario
    folder: Path
    seed: int
    engine: str
    replications: tuple[int, ...]
    confidence: float
    by: tuple[str, ...]
    growing: list[GrowingQueue]
    violations: dict[str, int] | None = None
    selection: Selection = EVERYTHING
    from_outside: bool = field(default=False, repr=False, compare=False)

    @cached_property
    def estimates(self) -> list[Estimate]:
        """Return the estimate of every measure, court, group and requested day, with intervals; see also `pending`."""
        every = estimates(self.scenario, self._values, self.confidence, self._inputs)
        return [e for e in every if self.selection.has(e.measure, e.court)]

    @cached_property
    def _by_key(self) -> dict[tuple[object, ...], Estimate]:
        return {(e.measure, e.court, e.at, e.by, e.group): e for e in self.estimates}

    @cached_property
    def _inputs(self) -> list[list[float]]:
        """Return the uncertain inputs, one value for each replication; they follow from the seed."""
        if not self.scenario.uncertain:
            return []
        drawn = [self.scenario.draws(self.seed, k) for k in self.replications]
        return [[values[i.name] for values in drawn] for i in self.scenario.inputs]

    @cached_property
    def pending(self) -> Series:
        """Return the pending cases at the end of each day; empty if `pending` was not chosen."""
        self._check_columns()
        return read_series(self.folder, self.replications, self.confidence).select(self.selection)

    @cached_property
    def next_free(self) -> dict[str, Series]:
        """Return the days until the next free date at the end of each day, for each pool with hearing dates; empty where not chosen."""
        self._check_columns()
        return {
            pool: read_series(self.folder, self.replications, self.confidence, f"next_free.{pool}", "days").select(self.selection)
            for pool in self.scenario.hearing_dates
        }

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """Return the slowest and the fastest group, for each ``by`` and each mean time."""
        every = contrasts(self.scenario, self._values, self.confidence) if self.by else []
        return [c for c in every if self.selection.has(c.measure)]

    @property
    def measures(self) -> DuckDBPyRelation:
        """Return the table of measures: a row for each replication, measure, court, group and day."""
        return self._tables.table("measures")

    @property
    def series(self) -> DuckDBPyRelation:
        """Return the table of pending cases: a row for each replication, court and day."""
        return self._tables.table("series")

    @property
    def cases(self) -> DuckDBPyRelation:
        """Return the table of cases, with their facts: a row for each replication and case."""
        return self._tables.table("cases")

    @property
    def events(self) -> DuckDBPyRelation:
        """Return the event log: a row for each replication and event."""
        return self._tables.table("events")

    def sql(self, query: str) -> DuckDBPyRelation:
        """Return the result of an SQL query of the tables, as ``docketsim sql`` does.

        Parameters
        ----------
        query : str
            A single SELECT. Its views are `cases`, `events`, `measures`, `series`, and those for other tools.

        Returns
        -------
        DuckDBPyRelation
            It is computed when it is read: ``.fetchall()``, ``.df()`` with pandas, ``.pl()`` with Polars, ``.arrow()``
            with PyArrow.

        Raises
        ------
        InputError
            If the query is wrong. The message suggests the nearest name.
        """
        return self._tables.sql(query)

    @cached_property
    def _tables(self) -> RunTables:
        return RunTables(self.folder)

    @cached_property
    def _values(self) -> Values:
        self._check_columns()
        values = read_values(self.folder, self.replications)
        if self.from_outside:
            check_values(values, self.scenario, self.folder, self.replications)
        return values

    def values_of(self, measure: str, court: str = "all", at: dt.date | None = None) -> list[float]:
        """Return the value of a measure in each replication that has one.

        Raises
        ------
        MissingResult
            If the run did not measure it, as for `get`.
        """
        found = {(name, of, day): values for (name, of, by, _, day, _), values in self._values.items() if by is None}
        if (measure, court, at) not in found:
            raise MissingResult(explain_missing(self.scenario, self.selection, measure, court, at, found))
        return [v for v in found[measure, court, at] if v is not None]

    def _check_columns(self) -> None:
        if self.from_outside:
            self._tables.need("measures")

    @property
    def plot(self) -> RunPlots:
        """Return its figures: ``result.plot.pending(court="denver")``, and ``waiting``, ``published``, ``flow``, ``map`` ..."""
        from simulations import RunPlots

        return RunPlots(self)

    def __repr__(self) -> str:
        n = len(self.replications)
        return f"<RunResult of {self.scenario.name!r}: {n} replication{'s' if n > 1 else ''}, seed {self.seed}, in {self.folder}>"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what has been read: another process reads it again."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def select(self, selection: Selection) -> RunResult:
        """Return the result with these measures and courts only.

        Raises
        ------
        InputError
            For a name that the scenario does not have, or that the run did not compute.
        """
        problems = selection.problems_in(self.scenario)
        for what, chosen, computed in (
            ("measure", selection.measures, self.selection.measures),
            ("court", selection.courts, self.selection.courts),
        ):
            problems += [
                f"{what} {name}: this run did not compute it. It has {format_names(computed)}."
                for name in chosen
                if computed and name not in computed
            ]
        if problems:
            raise InputError(list(dict.fromkeys(problems)))
        return replace(self, selection=self.selection.within(selection))

    def get(
        self, measure: str, court: str = "all", at: dt.date | None = None, by: str | None = None, group: object = None
    ) -> Estimate:
        """Return one estimate.

        Parameters
        ----------
        measure, court : str
            ``all`` stands for all courts together.
        at : date, optional
            The end of this day. Default: the end of the run.
        by, group : str, optional
            The group of cases: ``by="represented", group=True``. Default: all cases.

        Raises
        ------
        MissingResult
            If there is no such estimate. The message says whether the measure, the court, the day or the group is wrong, and
            what there is.
        """
        label = None if group is None else as_written(group)
        day = (
            self.pending.at(at, court) if measure == "pending" and type(at) is dt.date and by is None and group is None else None
        )
        key = (measure, court, at, by, label)
        if (estimate := day or self._by_key.get(key)) is not None:
            return estimate
        groups = [e for e in self.estimates if e.by == by]
        if wrong := self._wrong_group(by, label, [str(e.group) for e in groups]):
            raise MissingResult(wrong)
        measured = [(e.measure, e.court, e.at) for e in groups if e.by == by and e.group == label]
        if by is not None and measure in describe(self.scenario) and measured and measure not in {name for name, *_ in measured}:
            raise MissingResult(f"{measure!r} has no value for the group {by}={label}.")
        raise MissingResult(explain_missing(self.scenario, self.selection, measure, court, at, measured))

    def _wrong_group(self, by: str | None, group: str | None, groups: Sequence[str]) -> str | None:
        """Return what is wrong with a group of cases, if it is."""
        if by is None and group is None:
            return None
        have = f"The run has groups by {format_names(self.by)}." if self.by else "The run has no groups; give by= to run."
        if by is None:
            return f"group {group!r}: give by= too, the name that the groups are of. {have}"
        if by not in self.by:
            return f"the run has no groups by {by!r}.{nearest(by, self.by)} {have}"
        known = list(dict.fromkeys(groups))
        if group is None:
            return f"by {by!r}: give group= too. Its groups are {format_names(known)}."
        if group not in known:
            return f"{group!r} is not a group of {by!r}.{nearest(group, known)} Its groups are {format_names(known)}."
        return None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        content: dict[str, Any] = {
            "answer": self.sentences,
            "scenario": self.scenario.name,
            "run": str(self.folder),
            "seed": self.seed,
            "engine": self.engine,
            "replications": len(self.replications),
            "confidence": self.confidence,
            "measures": [e.json() for e in self.estimates],
        }
        if self.published:
            content["published"] = [self._published(figure) for figure in self.published]
            if (inside := self.inside) is not None:
                content["published_inside"] = {"inside": inside[0], "of": inside[1]}
        if self.contrasts:
            content["contrasts"] = [c.json() for c in self.contrasts]
        if self.growing:
            content["growing"] = [queue.json() for queue in self.growing]
        if trends := still_trending(self):
            content["trending"] = [trend.json() for trend in trends]
        if self.violations is not None:
            content["violations"] = [{"rule": rule, "cases": n} for rule, n in self.violations.items()]
        return content

    @cached_property
    def published(self) -> list[PublishedEntry]:
        """Return the published figures of the measures and courts that were chosen."""
        measured = {(e.measure, e.court) for e in self.estimates if e.by is None}
        return [figure for figure in self.scenario.published if (figure.measure, figure.court) in measured]

    def is_inside(self, figure: PublishedEntry) -> bool | None:
        """Return whether a published figure, as exact as it is, is inside the prediction interval; ``None`` without one."""
        ends = self.get(figure.measure, figure.court, figure.at).prediction
        low, high = figure.bounds
        return None if ends is None else ends.low <= high and low <= ends.high

    @property
    def inside(self) -> tuple[int, int] | None:
        """Return how many published figures are inside their prediction intervals, and of how many; ``None`` without any."""
        known = [inside for figure in self.published if (inside := self.is_inside(figure)) is not None]
        return (sum(known), len(known)) if known else None

    def _published(self, figure: PublishedEntry) -> dict[str, Any]:
        """Return a published figure, the simulated mean, their relative difference, and whether it is inside the band."""
        mean = self.get(figure.measure, figure.court, figure.at).mean
        return {
            "measure": figure.measure,
            "court": figure.court,
            "at": figure.at.isoformat(),
            "published": figure.value,
            "source": figure.source,
            "mean": mean,
            "difference": None if mean is None or not figure.value else (mean - figure.value) / figure.value,
            "inside": self.is_inside(figure),
        }


def gather(
    scenario: Scenario, manifest: Mapping[str, Any], records: Mapping[int, Record], folder: Path, from_outside: bool = False
) -> RunResult:
    """Return the result of finished replications.

    Parameters
    ----------
    records : mapping of int to Record
        The finished replications to read, by number.
    from_outside : bool
        Whether the folder may come from a stranger.
    """
    broken = sum((Counter(record.violations) for record in records.values()), Counter[str]())
    watched, confidence = manifest["monitor"] is not None, float(manifest["confidence"])
    return RunResult(
        scenario, folder, int(manifest["seed"]), str(manifest["engine"]), tuple(records), confidence, tuple(manifest.get("by", ())),
        growing_queues(scenario, [record.queues for record in records.values()], confidence),
        {rule.name: broken[rule.name] for rule in watched_rules(scenario)} if watched else None,
        Selection(manifest.get("measures", ()), manifest.get("courts", ())),
        from_outside,
    )  # fmt: skip
