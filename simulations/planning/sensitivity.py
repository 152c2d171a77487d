"""Which uncertain input matters: one at a time between two quantiles, or by Sobol' indices.

All runs of one replication share their random draws, so that differences come from the inputs.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from simulations.comparing.paired import pair
from simulations.loading import change_scenario, load_scenario
from simulations.log.eventlog import EventLog
from simulations.measuring.measures import measure as measure_log
from simulations.measuring.selection import Selection
from simulations.planning.sobol import Index, sobol_design, sobol_of
from simulations.running.intervals import confidence_problems
from simulations.running.options import CONFIDENCE, ReplicationKeywords, ReplicationOptions, changed_options
from simulations.running.progress import Progress, shown
from simulations.running.replicating import Design, read_designs
from simulations.running.shown import Shown
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.uncertainty import AnyUncertain, UncertainTable, medians
from workflow.errors import InputError
from workflow.files.arguments import check_arguments, date_problems, list_problems

if TYPE_CHECKING:
    from simulations import SensitivityPlots

LOW, HIGH = 0.1, 0.9
"""The quantiles between which an input is moved."""

CHANCE = "chance"
"""The name of chance among the inputs of Sobol' indices."""

_DEFAULTS = ReplicationOptions(replications=10)
_MOST_ROWS = 2**14


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of one input, all others at their medians.

    Attributes
    ----------
    name : str
        A path, or ``scale`` and a path.
    low, high : float
        The values of the input.
    at_low, at_high : float or None
        The mean of the measure there; ``None`` if some replication has no value.
    difference, difference_low, difference_high : float or None
        The mean at `high` less that at `low`, over paired replications, with its interval.
    """

    name: str
    low: float
    high: float
    at_low: float | None
    at_high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None


@dataclass(frozen=True)
class Sensitivity(Shown):
    """How a measure depends on the uncertain inputs of a scenario.

    Attributes
    ----------
    at : date or None
        The end of this day; ``None`` for the end of the run.
    base : float or None
        The mean of the measure with all inputs at their medians.
    effects : list of Effect
        One at a time; the largest difference first.
    indices : dict of str to Index, or None
        Sobol' indices by the name of the input, or of the table of inputs, and of `CHANCE`.
    """

    scenario: Scenario
    measure: str
    court: str
    at: dt.date | None
    seed: int
    replications: int
    confidence: float
    base: float | None
    effects: list[Effect]
    indices: dict[str, Index] | None = None

    @property
    def plot(self) -> SensitivityPlots:
        """Return its figure: ``result.plot()``."""
        from simulations import SensitivityPlots

        return SensitivityPlots(self)

    def __repr__(self) -> str:
        n = len(self.effects)
        return f"<Sensitivity of {self.measure} of {self.scenario.name!r} to {n} input{'s' if n > 1 else ''}, seed {self.seed}>"

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        content = {
            "scenario": self.scenario.name, "measure": self.measure, "court": self.court,
            "at": None if self.at is None else self.at.isoformat(), "seed": self.seed, "replications": self.replications,
            "confidence": self.confidence, "base": self.base, "effects": [asdict(effect) for effect in self.effects],
        }  # fmt: skip
        if self.indices is not None:
            content["sobol"] = [{"name": name, **asdict(index)} for name, index in self.indices.items()]
        return content


def sensitivity(
    scenario: Scenario | str | Path,
    measure: str,
    options: ReplicationOptions = _DEFAULTS,
    *,
    court: str = "all",
    at: dt.date | None = None,
    changes: Sequence[str] = (),
    sobol: int | None = None,
    confidence: float = CONFIDENCE,
    progress: Progress = None,
    **changed: Unpack[ReplicationKeywords],
) -> Sensitivity:
    """Find out which uncertain input a measure depends on most.

    Parameters
    ----------
    scenario : Scenario, str or Path
    measure : str
        For a measure that is a date, results are days since the start.
    options : ReplicationOptions, optional
        Default: 10 replications of each setting.
    court : str
        ``all`` for all courts together.
    at : date, optional
        Measure at the end of this day. Default: the end of the run.
    changes : sequence of str
        ``"path=value"`` changes the scenario. ``"path=low:high"`` moves a value between two ends; if there is such a range,
        only the ranges are moved, and every other input has its median.
    sobol : int, optional
        Also compute Sobol' indices, with a design of so many rows, a power of two. It takes ``sobol * (inputs + 3)`` runs.
    confidence : float
        Level of the intervals, between 0 and 1.
    progress : callable or False, optional
        Called with the finished and the total number of runs.
    **changed
        Single options, such as ``replications=20, seed=5``: the fields of `ReplicationOptions`.

    Raises
    ------
    InputError
        For a mistake in the input, or without an uncertain input.
    """
    options = changed_options(options, changed, sensitivity)
    check_arguments([*list_problems(changes=changes), *date_problems(at=at)])
    scenario, ends = _with_ranges(scenario, changes)
    problems = confidence_problems(confidence) + Selection((measure,), (court,)).problems_in(scenario)
    if at is not None and not scenario.starts <= at <= scenario.ends:
        problems.append(f"at: {at} is not between starts, {scenario.starts}, and ends, {scenario.ends}")
    if sobol is not None and (sobol < 2 or sobol & (sobol - 1) or sobol > _MOST_ROWS):
        problems.append(f"sobol: must be a power of two from 2 to {_MOST_ROWS:,}, such as 64, not {sobol}")
    if not scenario.uncertain:
        problems.append(f"{scenario.name}: has no uncertain input; add uncertain: to the scenario, or a range, path=low:high")
    if problems:
        raise InputError(problems)
    settings = _settings(scenario, ends)
    designs = [Design(values, k) for values in settings for k in range(1, options.replications + 1)]
    n_factors = len(scenario.uncertain) + 1
    unit = sobol_design(sobol, n_factors, options.seed) if sobol is not None else np.empty((0, 0, n_factors))
    designs += _sobol_designs(scenario, unit)
    if problems := options.work_problems(scenario, len(designs), 1):
        raise InputError(problems)
    with shown(progress) as report:
        read = partial(_value, measure=measure, court=court, at=at)
        values = np.array([*read_designs(read, scenario, designs, options, report)])
    one_at_a_time, rest = np.split(values, [len(settings) * options.replications])
    base, *moved = one_at_a_time.reshape(len(settings), -1).tolist()
    effects = _effects(settings, moved, confidence)
    indices = None
    if sobol is not None:
        if not np.isfinite(rest).all():
            raise InputError([f"sobol: {measure} has no value in some runs; choose another measure"])
        names = [_name(each) for each in scenario.uncertain] + [CHANCE]
        found = sobol_of(rest.reshape(unit.shape[:2]), confidence, options.seed)
        indices = dict(sorted(zip(names, found, strict=True), key=lambda pair: -pair[1].total))
    mean = _mean(base)
    return Sensitivity(
        scenario, measure, court, at, options.seed, options.replications, confidence, mean, effects, indices
    )  # fmt: skip


def _name(each: AnyUncertain) -> str:
    return each.name if isinstance(each, UncertainTable) else each.input.name


def _with_ranges(scenario: Scenario | str | Path, changes: Sequence[str]) -> tuple[Scenario, Mapping[str, tuple[float, float]]]:
    """Return the scenario with the changes that have one value; ranges become its only uncertain inputs."""
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    ranges: dict[str, tuple[str, str]] = {}
    plain: list[str] = []
    for change in changes:
        path, _, text = (part.strip() for part in change.partition("="))
        ends, _, unit = text.partition(" ")
        low, colon, high = ends.partition(":")
        try:
            float(low), float(high)
        except ValueError:
            plain.append(change)
            continue
        if not colon or float(low) >= float(high):
            raise InputError([f"change {change}: a range is low:high, such as 0.4:0.7 or 30:90 days"])
        ranges[path] = (f"{low} {unit}".strip(), f"{high} {unit}".strip())
    loaded = change_scenario(loaded, plain)
    if not ranges:
        return loaded, {}
    loaded = loaded.certain()
    entries = [{"set": path, "is": {"uniform": {"min": _number(a), "max": _number(b)}}} for path, (a, b) in ranges.items()]
    loaded = change_scenario(loaded, {"uncertain": entries})
    return loaded, {name: (each.at(0.0)[name], each.at(1 - 2.0**-53)[name]) for each in loaded.uncertain for name in each.at(0.5)}


def _number(text: str) -> float | str:
    return text if " " in text else float(text)


def _settings(scenario: Scenario, ends: Mapping[str, tuple[float, float]]) -> list[dict[str, float]]:
    """Return the inputs of each setting: all at their medians, then each one low and high."""
    middle = medians(scenario.uncertain)
    low, high = ({name: v for each in scenario.uncertain for name, v in each.at(q).items()} for q in (LOW, HIGH))
    settings = [middle]
    for name in middle:
        a, b = ends.get(name, (low[name], high[name]))
        settings += [{**middle, name: a}, {**middle, name: b}]
    return settings


def _sobol_designs(scenario: Scenario, unit: Any) -> Iterator[Design]:
    """Yield the runs of a design in the unit cube; the last column chooses the draws."""
    replications: dict[float, int] = {}
    for point in unit.reshape(-1, unit.shape[-1]):
        values: dict[str, float] = {}
        for each, u in zip(scenario.uncertain, point.tolist(), strict=False):
            values |= each.row(int(u * len(each.columns[0]))) if isinstance(each, UncertainTable) else each.at(u)
        yield Design(values, replications.setdefault(float(point[-1]), len(replications) + 1))


def _effects(settings: Sequence[Mapping[str, float]], moved: Sequence[Sequence[float]], confidence: float) -> list[Effect]:
    effects = []
    for k, name in enumerate(settings[0]):
        low, high = moved[2 * k], moved[2 * k + 1]
        known = [(a, b) for a, b in zip(low, high, strict=True) if math.isfinite(a) and math.isfinite(b)]
        paired = pair([a for a, _ in known], [b for _, b in known], confidence) if known else None
        ends = (None, None, None) if paired is None else (paired.difference, paired.low, paired.high)
        values = (settings[2 * k + 1][name], settings[2 * k + 2][name])
        effects.append(Effect(name, *values, _mean(low), _mean(high), *ends))
    return sorted(effects, key=lambda effect: -abs(effect.difference or 0.0))


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if all(map(math.isfinite, values)) else None


def _value(log: EventLog, measure: str, court: str, at: dt.date | None) -> float:
    """Return the value of a measure in a log; NaN for none."""
    tables = measure_log(log, (at,), selection=Selection((measure,), (court,))).tables
    return next((float(t.values[0, 0]) for t in tables if t.measure == measure), math.nan)
