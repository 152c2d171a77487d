"""The result of a run: estimates, series and contrasts, read from the parts in its folder."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulations.log.watching import watched_rules
from simulations.measuring.selection import EVERYTHING, Selection, explain_missing
from simulations.run_folder.folders import Record
from simulations.running.growing import GrowingQueue, growing_queues
from simulations.running.results import Contrast, Estimate, Series, contrasts, estimates, read_series
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.files.validation import format_names


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes
    ----------
    folder : Path
        The run folder.
    measures : list of Estimate
        Of every measure, court, group and requested day. Daily `pending` is in `series`.
    series : Series
        `pending` at the end of each day; empty if `pending` was not chosen.
    growing : list of GrowingQueue
        Queues that are still growing at the end of the run.
    contrasts : list of Contrast
        The groups with the longest and the shortest mean, for each ``by`` and each mean time.
    violations : dict of str to int, or None
        With a monitor: how often each rule was broken, over the replications of this run.
    selection : Selection
        The measures and courts that were computed.
    """

    scenario: Scenario
    folder: Path
    seed: int
    engine: str
    replications: tuple[int, ...]
    confidence: float
    measures: list[Estimate]
    series: Series = field(repr=False)
    growing: list[GrowingQueue]
    contrasts: list[Contrast]
    violations: dict[str, int] | None = None
    selection: Selection = EVERYTHING

    def select(self, selection: Selection) -> RunResult:
        """Return the result with these measures and courts only.

        Raises
        ------
        InputError
            For a name that the scenario does not have, or that the run did not compute.
        """
        problems = selection.problems_in(self.scenario)
        for option, chosen, computed in (
            ("--measure", selection.measures, self.selection.measures),
            ("--court", selection.courts, self.selection.courts),
        ):
            problems += [
                f"{option} {name}: this run did not compute it. It has {format_names(computed)}."
                for name in chosen
                if computed and name not in computed
            ]
        if problems:
            raise InputError(list(dict.fromkeys(problems)))
        return replace(
            self,
            measures=[e for e in self.measures if selection.has(e.measure, e.court)],
            series=self.series.select(selection),
            contrasts=[c for c in self.contrasts if selection.has(c.measure)],
            selection=self.selection.within(selection),
        )

    def get(
        self, measure: str, court: str = "all", at: dt.date | None = None, by: str | None = None, group: str | None = None
    ) -> Estimate:
        """Return one estimate.

        Raises
        ------
        KeyError
            If there is no such estimate.
        """
        day = self.series.at(at, court) if measure == "pending" and at is not None and by is None else None
        key = (measure, court, at, by, group)
        for estimate in self.measures if day is None else [day]:
            if (estimate.measure, estimate.court, estimate.at, estimate.by, estimate.group) == key:
                return estimate
        estimates = [e for e in self.measures if (e.measure, e.court) == (measure, court) and e.at == at]
        if estimates:
            groups = format_names(f"{e.by}={e.group}" if e.by else "no group" for e in estimates)
            raise KeyError(f"no group {by}={group} of {measure!r}. The run has {groups}.")
        days = (e.at for e in self.measures if e.at is not None)
        raise KeyError(explain_missing(self.scenario, self.selection, measure, court, at, days))

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        content: dict[str, Any] = {
            "scenario": self.scenario.name,
            "run": str(self.folder),
            "seed": self.seed,
            "engine": self.engine,
            "replications": len(self.replications),
            "confidence": self.confidence,
            "measures": [e.json() for e in self.measures],
        }
        if self.published:
            content["published"] = [self._published(figure) for figure in self.published]
        if self.contrasts:
            content["contrasts"] = [c.json() for c in self.contrasts]
        if self.growing:
            content["growing"] = [queue.json() for queue in self.growing]
        if self.violations is not None:
            content["violations"] = [{"rule": rule, "cases": n} for rule, n in self.violations.items()]
        return content

    @property
    def published(self) -> list[PublishedEntry]:
        """Return the published figures of the measures and courts that were chosen."""
        measured = {(e.measure, e.court) for e in self.measures if e.by is None}
        return [figure for figure in self.scenario.published if (figure.measure, figure.court) in measured]

    def _published(self, figure: PublishedEntry) -> dict[str, Any]:
        """Return a published figure, the simulated mean, and their relative difference."""
        mean = self.get(figure.measure, figure.court, figure.at).mean
        return {
            "measure": figure.measure,
            "court": figure.court,
            "at": figure.at.isoformat(),
            "published": figure.value,
            "source": figure.source,
            "mean": mean,
            "difference": None if mean is None or not figure.value else (mean - figure.value) / figure.value,
        }


def gather(scenario: Scenario, manifest: Mapping[str, Any], records: Mapping[int, Record], folder: Path) -> RunResult:
    """Read the result of finished replications from the parts in their folder.

    Parameters
    ----------
    records : mapping of int to Record
        The finished replications to read, by number.
    """
    broken = sum((Counter(record.violations) for record in records.values()), Counter[str]())
    watched, confidence = manifest["monitor"] is not None, float(manifest["confidence"])
    return RunResult(
        scenario, folder, int(manifest["seed"]), str(manifest["engine"]), tuple(records), confidence,
        estimates(scenario, folder, records, confidence),
        read_series(folder, records, confidence),
        growing_queues(scenario, [record.queues for record in records.values()], confidence),
        contrasts(scenario, folder, records, confidence) if manifest["by"] else [],
        {rule.name: broken[rule.name] for rule in watched_rules(scenario)} if watched else None,
        Selection(manifest.get("measures", ()), manifest.get("courts", ())),
    )  # fmt: skip
