"""The search for the smallest pool that meets a goal: look for it on a few replications, then see whether it holds on fresh ones.

The search takes what a few replications say; it may err, and then only costs time. What is told of the answer, and of the
size before it, rests on replications that took no part in the search.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from simulations.chance.draws import SamplePath
from simulations.engines.choosing import choose_engine
from simulations.planning.intervals import share_interval
from simulations.planning.relevant import what_matters
from simulations.running.replicating import Course, replicate, until
from simulations.running.results import CONFIDENCE
from simulations.scenarios.population import draw_cases
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError

__all__ = ["FRESH", "Goal", "Point", "Search"]

PERCENT = 100
FRESH = 1_000_000
"""The replications that confirm an answer are numbered from the one after this."""

_FEW, _SOME = 5, 10
_FIRST_LOOKS = ((4, 0.05), (12, 0.05))
_SHARES = (0.4, 0.2, 0.3)


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
        The exact interval of the probability.
    confirmed : bool
        Whether these are fresh replications: then the intervals of all sizes confirmed hold together with 95 percent.
        Otherwise they are those of the search, and the interval is that of this size alone, had it not been searched for.
    """

    factor: float | None
    size: int
    n: int
    hits: int
    low: float
    high: float
    confirmed: bool = False

    @property
    def probability(self) -> float:
        """Return the share of replications that met the goal."""
        return self.hits / self.n

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = ("factor", "size", "probability", "low", "high", "n", "confirmed")
        return {name: getattr(self, name) for name in names}


@dataclass
class Search:
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
    met: dict[int, dict[int, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = self.scenario
        if self.goal.measure is not None:
            self.whole = what_matters(self.scenario, self.goal.measure, self.court or "all")
        self.cut = until(self.whole, self.goal.day)
        self.chosen = choose_engine(self.engine, self.cut, self.most, False)

    def smallest(self) -> int:
        """Return the smallest step that meets the goal: bracket, bisect, and make sure of it and of the one before.

        Raises
        ------
        InputError
            If no size would do, with the reason.
        """
        self._see_whether_it_can_be_met()
        low, high = 0, max(1, self._present())
        while not self._seems_good(high):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2 if low else max(1, high * 3 // 4)
            low, high = (low, middle) if self._seems_good(middle) else (middle, high)
        centre = high
        while not self._good(high, centre):
            high += 1
        while high > 1 and self._good(high - 1, centre):
            high -= 1
        return high

    def not_in_order(self) -> tuple[int, int]:
        """Return in how many replications a larger pool missed what a smaller one met, and how many had two sizes or more."""
        odd = several = 0
        for k in sorted({k for tried in self.met.values() for k in tried}):
            course = [tried[k] for _, tried in sorted(self.met.items()) if k in tried]
            several += len(course) > 1
            odd += any(a and not b for a, b in itertools.pairwise(course))
        return odd, several

    # whether it can be ---------------------------------------------------------------------------

    def _see_whether_it_can_be_met(self) -> None:
        """Try more servers than there are cases: if that does not do, nothing does."""
        scenario = self._unlimited(self.cut)
        hits = 0
        for n in range(1, _SOME + 1):
            hits += sum(self.goal.met(course) for course in self._run(scenario, [n]))
            if hits or share_interval(hits, n, CONFIDENCE)[1] < self.wanted:
                break
        if share_interval(hits, n, CONFIDENCE)[1] < self.wanted:
            raise InputError(
                [
                    f"staff: no size of the pool {self.pool!r} meets {self.goal}: with more servers than there are cases"
                    f" {self._why(n)}, in {n} of {n} replications. What is left is the time that work itself takes, when"
                    " people are there, and other pools."
                ]
            )

    def _why(self, n: int) -> str:
        """Say what comes of more servers than there are cases."""
        found = self._run(self._unlimited(self.whole), range(1, n + 1))
        if self.goal.measure is None:
            return f"{min(c.pending[(self.goal.day - self.scenario.starts).days] for c in found):,.0f} and more are pending then"
        dates = [c.dates[self.goal.measure] for c in found]
        if any(day is None for day in dates):
            return f"{self.goal.measure} comes after the end of the scenario, {self.scenario.ends}"
        first = min(day for day in dates if day is not None)
        return f"{self.goal.measure} comes on {self.scenario.starts + dt.timedelta(days=int(first))} at the earliest"

    def _unlimited(self, scenario: Scenario) -> Scenario:
        """Return a scenario whose pool has at each place twice as many servers as there are cases, whenever anybody works."""
        pool = scenario.pools[self.pool]
        cases = draw_cases(scenario, SamplePath(self.seed, 1)).court
        here = np.bincount(cases, minlength=len(scenario.courts)) if pool.at_court else np.array([len(cases)])
        places = range(len(pool.sizes)) if self.court is None else [self._place()]
        sizes = list(pool.sizes)
        for place in places:
            sizes[place] = tuple((t, max(n, 2 * int(here[place])) if n else 0) for t, n in pool.sizes[place])
        return self._with(scenario, tuple(sizes))

    # looking at a size -----------------------------------------------------------------------------

    def _present(self) -> int:
        if self.scale:
            return PERCENT
        return max(size for _, size in self.scenario.pools[self.pool].sizes[self._place()])

    def _place(self) -> int:
        return 0 if self.court is None else self.scenario.courts.index(self.court)

    def _seems_good(self, step: int) -> bool:
        """Say whether a step seems to meet the goal: by two replications, five, or ten if these do not agree."""
        for n in (2, _FEW, _SOME):
            point = self._look(step, range(1, n + 1), CONFIDENCE, confirmed=False)
            if point.high < self.wanted or (n >= _FEW and point.hits == n):
                break
        return point.probability >= self.wanted

    def _good(self, step: int, centre: int) -> bool:
        """Say whether a step meets the goal, on fresh replications, added until it is decided.

        Half of what may go wrong is spent on the size that the search came to, and the rest on those before and behind it,
        whether or not they are looked at: so the search on, too, is no second chance.
        """
        away = abs(step - centre)
        wrong = (1 - CONFIDENCE) * (0.5 if not away else 1 / (4 * away * (away + 1)))
        for n, share in self._looks(wrong):
            point = self._look(step, range(FRESH + 1, FRESH + n + 1), 1 - wrong * share, confirmed=True)
            if point.low >= self.wanted or point.high < self.wanted:
                break
        return point.probability >= self.wanted

    def _looks(self, wrong: float) -> list[tuple[int, float]]:
        """Return after how many replications to look, and what part of the error each look may take: set before the first.

        Early, for what hardly ever meets the goal; then when a size that always does is told; and up to the most.
        """
        always = math.ceil(math.log(wrong * _SHARES[0] / 2) / math.log(self.wanted))
        middle = round(math.sqrt(always * self.most)) if always < self.most else self.most
        found = dict(_FIRST_LOOKS)
        for n, share in zip((always, middle, self.most), _SHARES, strict=True):
            found[min(n, self.most)] = found.get(min(n, self.most), 0.0) + share
        return sorted((n, share) for n, share in found.items() if n <= self.most)

    def _look(self, step: int, numbers: range, level: float, confirmed: bool) -> Point:
        """Run what has not been run of some replications of a step, and say what they show."""
        tried = self.met.setdefault(step, {})
        scenario, size = self._sized(step)
        todo = [k for k in numbers if k not in tried]
        tried.update(zip(todo, map(self.goal.met, self._run(scenario, todo)), strict=True))
        n, hits = len(numbers), sum(tried[k] for k in numbers)
        factor = step / PERCENT if self.scale else None
        point = Point(factor, size, n, hits, *share_interval(hits, n, level), confirmed)
        self.points[step] = point
        if self.progress is not None and todo:
            self.progress(point)
        return point

    def _run(self, scenario: Scenario, numbers: Iterable[int]) -> list[Course]:
        return replicate(scenario, self.seed, numbers, self.court or "all", self.chosen, self.workers)

    def _sized(self, step: int) -> tuple[Scenario, int]:
        """Return the scenario with the pool of this step, and how large it is at most."""
        pool = self.cut.pools[self.pool]
        if self.scale:
            sizes = tuple(tuple((t, math.ceil(n * step / PERCENT)) for t, n in steps) for steps in pool.sizes)
        else:
            place = self._place()
            one = tuple((t, step if n or len(pool.sizes[place]) == 1 else 0) for t, n in pool.sizes[place])
            sizes = (*pool.sizes[:place], one, *pool.sizes[place + 1 :])
        counted = sizes if self.scale else [sizes[self._place()]]
        return self._with(self.cut, sizes), sum(max(n for _, n in steps) for steps in counted)

    def _with(self, scenario: Scenario, sizes: tuple[tuple[tuple[int, int], ...], ...]) -> Scenario:
        pool = replace(scenario.pools[self.pool], sizes=sizes)
        changed: Mapping[str, Any] = {**scenario.pools, self.pool: pool}
        return replace(scenario, pools=changed)
