"""How many people are needed? The smallest pool that meets a date, or brings pending down, with a given probability.

Every size is tried on the same people and the same chances, so that one more server hardly ever undoes what was met,
and bisection is in order. A size is decided by an exact interval; replications are added while it is not.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulations.draws import seed_problems
from simulations.engines import choose_engine
from simulations.intervals import share_interval
from simulations.loading import load_scenario
from simulations.replicating import Course, replicate, until
from simulations.results import CONFIDENCE
from simulations.scenario import Scenario
from workflow.errors import InputError, nearest
from workflow.validation import listed

__all__ = ["Goal", "Point", "Staffing", "staff"]

PERCENT = 100
_LEAST = 10
_MOST_TIMES = 64


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be met: a measure's date not later than a day, or fewer cases pending at its end.

    Attributes
    ----------
    day : date
    measure : str or None
        A measure that is a point in time; ``None`` for pending.
    below : float or None
        Cases: pending is to be lower than this.
    """

    day: dt.date
    measure: str | None = None
    below: float | None = None

    def met(self, course: Course) -> bool:
        """Say whether a replication that ended with the day has met it."""
        if self.measure is not None:
            return course.dates[self.measure] is not None
        return self.below is not None and course.pending[-1] < self.below

    def __str__(self) -> str:
        """Return it in words."""
        if self.measure is not None:
            return f"{self.measure} by {self.day}"
        return f"pending below {self.below:,g} at the end of {self.day}"


@dataclass(frozen=True, slots=True)
class Point:
    """One size of the pool.

    Attributes
    ----------
    factor : float or None
        With ``scale``: what the sizes of the scenario were multiplied by.
    size : int
        The largest number of servers, of the court or (with ``scale``) of all.
    n, hits : int
        Replications, and those that met the goal.
    low, high : float
        The exact interval of the probability; it holds for all looks at this size together.
    """

    factor: float | None
    size: int
    n: int
    hits: int
    low: float
    high: float

    @property
    def probability(self) -> float:
        """Return the share of replications that met the goal."""
        return self.hits / self.n

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = ("factor", "size", "probability", "low", "high", "n")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Staffing:
    """The answer, and the curve of all sizes that were tried.

    Attributes
    ----------
    answer : Point
        The smallest size whose probability is at least `wanted`.
    less : Point or None
        One step less; ``None`` where there is none.
    """

    scenario: Scenario
    pool: str
    court: str | None
    goal: Goal
    wanted: float
    seed: int
    answer: Point
    less: Point | None
    curve: list[Point]

    @property
    def decided(self) -> bool:
        """Say whether the intervals leave no doubt about the answer and the step before it."""
        return self.answer.low >= self.wanted and (self.less is None or self.less.high < self.wanted)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "scenario": self.scenario.name,
            "pool": self.pool,
            "court": self.court,
            "goal": str(self.goal),
            "confidence": self.wanted,
            "seed": self.seed,
            **self.answer.json(),
            "decided": self.decided,
            "curve": [p.json() for p in self.curve],
        }


def staff(
    scenario: Scenario | str | Path,
    pool: str,
    *,
    court: str | None = None,
    scale: bool = False,
    finish_by: dt.date | None = None,
    measure: str | None = None,
    pending_below: float | None = None,
    at: dt.date | None = None,
    confidence: float = 0.95,
    seed: int = 1,
    replications: int = 480,
    engine: str = "auto",
    workers: int = 1,
    progress: Callable[[Point], None] | None = None,
) -> Staffing:
    """Find the smallest pool that meets a goal with a given probability.

    Parameters
    ----------
    pool : str
        The pool whose size is looked for.
    court : str, optional
        Change its size in this court, and look at this court alone.
    scale : bool
        Change the sizes in all courts by a common factor, in steps of 0.01, rounded up; look at all courts together.
    finish_by : date, optional
        The last day on which `measure`, a point in time, may come about.
    measure : str, optional
        For `finish_by`; the workflow's only one if it is not given.
    pending_below, at : float and date, optional
        Instead: fewer cases pending at the end of this day.
    confidence : float
        The probability with which the goal is to be met, between 0 and 1.
    replications : int
        The most for one size, 10 or more; a size that is soon decided takes fewer.

    Raises
    ------
    InputError
        For a mistake in the input, or if 64 times the size would not do.

    Notes
    -----
    Where a size varies by date, the dates on which nobody works stay so, and the court's other sizes become the one tried.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    goal = _goal(scenario, finish_by, measure, pending_below, at)
    _check(scenario, pool, court, scale, confidence, replications, seed)
    scenario = until(scenario, goal.day)
    search = _Search(scenario, pool, court, scale, goal, confidence, seed, replications, engine, workers, progress)
    best = search.smallest()
    steps = sorted(search.points)
    less = search.points.get(best - 1)
    return Staffing(
        scenario, pool, court, goal, confidence, seed, search.points[best], less, [search.points[k] for k in steps]
    )


def _goal(
    scenario: Scenario, finish_by: dt.date | None, measure: str | None, below: float | None, at: dt.date | None
) -> Goal:
    dated = [m.measure for m in scenario.workflow.measures if m.emptied is not None]
    if (finish_by is None) == (below is None):
        raise InputError(["staff: give either --finish-by DATE or --pending-below X with --at DATE"])
    if (below is None) != (at is None):
        raise InputError(["staff: --pending-below and --at go together"])
    if measure is not None and finish_by is None:
        raise InputError(["staff: --measure goes with --finish-by"])
    day = finish_by or at
    assert day is not None
    if not scenario.starts <= day <= scenario.ends:
        raise InputError([f"staff: {day} is not between starts, {scenario.starts}, and ends, {scenario.ends}"])
    if finish_by is None:
        return Goal(day, below=below)
    if measure is None and len(dated) == 1:
        measure = dated[0]
    if measure not in dated:
        hint = nearest(measure, dated) if measure else ""
        known = f"Known: {listed(dated)}." if dated else "The workflow has none (`emptied:`)."
        named = f"--measure {measure}: is not" if measure else "--finish-by: give --measure,"
        raise InputError([f"{named} a measure that is a point in time.{hint or f' {known}'}"])
    return Goal(day, measure)


def _check(scenario: Scenario, pool: str, court: str | None, scale: bool, wanted: float, most: int, seed: int) -> None:
    problems = []
    if pool not in scenario.pools:
        hint = nearest(pool, scenario.pools) or f" Known: {listed(scenario.pools)}."
        raise InputError([f"--pool {pool}: there is no such pool.{hint}"])
    if court is not None and court not in scenario.courts:
        problems.append(f"--court {court}: there is no such court.{nearest(court, scenario.courts)}")
    elif court is not None and not scenario.pools[pool].at_court:
        problems.append(f"--court {court}: the pool {pool!r} is one for all courts; leave it out")
    if court is not None and scale:
        problems.append("--court and --scale: give one of them")
    if court is None and not scale and len(scenario.pools[pool].sizes) > 1:
        problems.append(f"staff: the pool {pool!r} has a size in each court; give --court or --scale")
    if not 0 < wanted < 1:
        problems.append(f"confidence: must lie between 0 and 1, not {wanted}")
    if most < _LEAST:
        problems.append(f"replications: must be {_LEAST} or more, not {most}")
    problems += seed_problems(seed)
    if problems:
        raise InputError(problems)


@dataclass
class _Search:
    """The sizes tried so far; a step is a server, or with ``scale`` a hundredth of the sizes."""

    scenario: Scenario
    pool: str
    court: str | None
    scale: bool
    goal: Goal
    wanted: float
    seed: int
    most: int
    engine: str
    workers: int
    progress: Callable[[Point], None] | None
    points: dict[int, Point] = field(default_factory=dict)

    def smallest(self) -> int:
        """Return the smallest step that meets the goal: bracket, bisect, and make sure of it and of the one before."""
        high = first = max(1, self._present())
        while not self._good(high):
            if high >= _MOST_TIMES * first:
                raise InputError(
                    [f"staff: not even {self.points[high].size:,} in the pool {self.pool!r} meet {self.goal}"]
                )
            high *= 2
        low = max((k for k in self.points if not self._good(k)), default=0)
        while high - low > 1:
            middle = (low + high) // 2 if low else high * 3 // 4
            low, high = (low, middle) if self._good(middle) else (middle, high)
        while not self._good(high, sure=True):
            high += 1
        while high > 1 and self._good(high - 1, sure=True):
            high -= 1
        return high

    def _present(self) -> int:
        if self.scale:
            return PERCENT
        return max(size for _, size in self.scenario.pools[self.pool].sizes[self._place()])

    def _place(self) -> int:
        return 0 if self.court is None else self.scenario.courts.index(self.court)

    def _looks(self) -> list[int]:
        """Return after how many replications to look: doubling up to the most."""
        found = [self.most]
        while found[0] // 2 >= _LEAST:
            found.insert(0, found[0] // 2)
        return found

    def _good(self, step: int, sure: bool = False) -> bool:
        """Say whether a step meets the goal: after a first look, or with replications added until it is decided."""
        looks = self._looks()
        level = 1 - (1 - CONFIDENCE) / len(looks)
        point = self.points.get(step)
        scenario, size = self._sized(step)
        for n in looks:
            if point is None or point.n < n:
                before, hits = (point.n, point.hits) if point is not None else (0, 0)
                hits += sum(self.goal.met(course) for course in self._run(scenario, range(before + 1, n + 1)))
                low, high = share_interval(hits, n, level)
                point = Point(step / PERCENT if self.scale else None, size, n, hits, low, high)
                self.points[step] = point
                if self.progress is not None:
                    self.progress(point)
            if not sure or point.low >= self.wanted or point.high < self.wanted:
                break
        assert point is not None
        return point.probability >= self.wanted

    def _run(self, scenario: Scenario, numbers: Iterable[int]) -> list[Course]:
        chosen = choose_engine(self.engine, scenario, self.most, False)
        return replicate(scenario, self.seed, numbers, self.court or "all", chosen, self.workers)

    def _sized(self, step: int) -> tuple[Scenario, int]:
        """Return the scenario with the pool of this step, and how large it is at most."""
        pool = self.scenario.pools[self.pool]
        if self.scale:
            sizes = tuple(tuple((t, math.ceil(n * step / PERCENT)) for t, n in steps) for steps in pool.sizes)
        else:
            place = self._place()
            one = tuple((t, step if n or len(pool.sizes[place]) == 1 else 0) for t, n in pool.sizes[place])
            sizes = (*pool.sizes[:place], one, *pool.sizes[place + 1 :])
        changed: Mapping[str, Any] = {**self.scenario.pools, self.pool: replace(pool, sizes=sizes)}
        counted = sizes if self.scale else [sizes[self._place()]]
        return replace(self.scenario, pools=changed), sum(max(n for _, n in steps) for steps in counted)
