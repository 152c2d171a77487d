"""Search for the smallest pool that meets a goal on a few replications, then confirm it on fresh replications.

An error in the search only costs time. The reported intervals of the answer and of the next smaller size come from
replications that were not used in the search.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from simulations.chance.draws import SamplePath
from simulations.engines.choosing import choose_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import utilisation_name
from simulations.measuring.measures import measure
from simulations.measuring.selection import Selection
from simulations.planning.condition import Condition, date_value
from simulations.planning.intervals import share_interval
from simulations.planning.relevant import what_matters
from simulations.running.options import CONFIDENCE, ReplicationOptions
from simulations.running.replicating import read_logs, until
from simulations.scenarios.population import draw_cases
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError

PERCENT = 100
FRESH = 1_000_000
"""Replications that confirm an answer have numbers above this one."""

_FEW, _MOST_IN_SEARCH = 5, 10
_FIRST_LOOKS = ((4, 0.05), (12, 0.05))
_SHARES = (0.4, 0.2, 0.3)


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: the date of a measure by a day, or a condition on a measure at its end.

    Attributes
    ----------
    day : date
        The latest date of `measure`, or the day at the end of which the condition is to hold.
    measure : str or None
        A measure that is a date.
    condition : Condition or None
        A condition on a measure that is not a date; with `measure` it is ``None``.
    """

    day: dt.date
    measure: str | None = None
    condition: Condition | None = None

    def value(self, log: EventLog, court: str) -> float | None:
        """Return the value that the goal is about; ``None`` for no value."""
        if self.measure is not None:
            return date_value(log, self.measure, court)
        assert self.condition is not None
        value = float(self.condition.values(log, court, [self.day])[0])
        return None if math.isnan(value) else value

    def met(self, value: float | None) -> bool:
        """Return whether a replication with this value, which ends on this day, meets the goal."""
        return value is not None and (self.condition is None or self.condition.holds(value))

    def __str__(self) -> str:
        """Return the goal as text."""
        if self.measure is not None:
            return f"{self.measure} by {self.day}"
        return f"{self.condition} at the end of {self.day}"


@dataclass(frozen=True, slots=True)
class Point:
    """One size of the pool.

    Attributes
    ----------
    factor : float or None
        With ``scale``: the factor on the sizes of the scenario.
    size : int
        The largest number of servers, in the court or (with ``scale``) in all courts.
    n, hits : int
        Number of replications, and of those that met the goal.
    low, high : float
        The exact interval of the probability.
    confirmed : bool
        Whether these are fresh replications. The intervals of all confirmed sizes hold simultaneously with 95 percent
        confidence. The interval of an unconfirmed size ignores that the size was searched for.
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
    """The sizes tried so far. A step is one server, or with ``scale`` one percent of the sizes."""

    scenario: Scenario
    pool: str
    court: str | None
    scale: bool
    goal: Goal
    wanted: float
    options: ReplicationOptions
    progress: Callable[[Point], None] | None
    points: dict[int, Point] = field(default_factory=dict)
    met: dict[int, dict[int, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = self.scenario
        if self.goal.measure is not None:
            self.whole = self.scenario.derive(partial(what_matters, measure=self.goal.measure, court=self.court or "all"))
        self.cut = until(self.whole, self.goal.day)
        self.most = self.options.replications
        engine = choose_engine(self.options.engine, self.cut, self.most, False)
        self.options = replace(self.options, engine=engine)
        self.runs = 0
        self._enough = self._twice_the_cases()
        self.largest = self._largest()

    @property
    def most_runs(self) -> int:
        """Return the largest number of replications that a search can run, over all sizes."""
        halvings = self.largest.bit_length() + 1
        in_search, confirmed = 4 * halvings, 2 * halvings + 2
        return 3 * _MOST_IN_SEARCH + in_search * _MOST_IN_SEARCH + confirmed * self.most

    def smallest(self) -> int:
        """Return the smallest step that meets the goal: bracket, bisect, and confirm it and the step below.

        Raises
        ------
        InputError
            If no size meets the goal, with the reason.
        """
        self._check_feasible()
        low, high = 0, min(max(1, self._present()), self.largest)
        while high < self.largest and not self._seems_good(high):
            low, high = high, min(2 * high, self.largest)
        while high - low > 1:
            middle = (low + high) // 2 if low else max(1, high * 3 // 4)
            low, high = (low, middle) if self._seems_good(middle) else (middle, high)
        return self._confirm(high)

    def _confirm(self, centre: int) -> int:
        """Return the smallest step that fresh replications confirm, from the one that the search found.

        Steps away from it double, and bisection closes the gap, so that the number of sizes tried is bounded.
        """
        if self._good(centre, centre):
            bad, good = 0, centre
            stride = 1
            while good > 1 and self._good(lower := max(1, good - stride), centre):
                good, stride = lower, 2 * stride
            bad = lower if good > 1 else 0
        else:
            self._check_largest(centre)
            bad, good, stride = centre, self.largest, 1
            while (higher := bad + stride) < good:
                if self._good(higher, centre):
                    good = higher
                else:
                    bad, stride = higher, 2 * stride
        while good - bad > 1:
            middle = (good + bad) // 2
            bad, good = (bad, middle) if self._good(middle, centre) else (middle, good)
        return good

    def not_in_order(self) -> tuple[int, int]:
        """Count replications in which a larger pool missed the goal and a smaller one met it.

        Returns
        -------
        int, int
            Their number, and the number of replications that were run with two sizes or more.
        """
        exceptions = compared = 0
        for k in {k for tried in self.met.values() for k in tried}:
            met = [tried[k] for _, tried in sorted(self.met.items()) if k in tried]
            compared += len(met) > 1
            exceptions += any(a and not b for a, b in itertools.pairwise(met))
        return exceptions, compared

    # feasibility ---------------------------------------------------------------------------

    def _check_feasible(self) -> None:
        """Try more servers than cases. If that misses the goal, every size does."""
        scenario = self._unlimited(self.cut)
        hits = 0
        for n in range(1, _MOST_IN_SEARCH + 1):
            hits += sum(self.goal.met(value) for value in self._run(scenario, [n]))
            if hits or share_interval(hits, n, CONFIDENCE)[1] < self.wanted:
                break
        if share_interval(hits, n, CONFIDENCE)[1] < self.wanted:
            message = (
                f"staff: no size of the pool {self.pool!r} meets {self.goal}. With more servers than cases,"
                f" {self._describe_best(n)}. The limits are processing times, calendars and other pools."
            )
            raise InputError([message])

    def _check_largest(self, centre: int) -> None:
        """Check that the largest size meets the goal, since the size that the search found does not.

        Raises
        ------
        InputError
            If it does not: what it reaches, whether smaller sizes reach the same, and what limits it.
        """
        if centre < self.largest and self._good(self.largest, centre):
            return
        best, tried = self.points[self.largest], self.met[self.largest]
        fresh = {k: met for k, met in tried.items() if k > FRESH}
        same = [
            self.points[step].size
            for step, met in sorted(self.met.items())
            if self.points[step].confirmed and step < self.largest and all(met.get(k, m) == m for k, m in fresh.items())
        ]
        reaches = f"{best.hits} of {best.n} replications ({best.probability:.3f}; interval {best.low:.3f} to {best.high:.3f})"
        plateau = f", and in the same ones with {same[0]:,}" if same else ""
        unclear = f" The interval contains {self.wanted:g}: more replications may decide." if best.high >= self.wanted else ""
        message = (
            f"staff: no size of the pool {self.pool!r} meets {self.goal} with probability {self.wanted:g}. The largest size,"
            f" {best.size:,} servers, more than cases, meets it in {reaches}{plateau}. More servers do not help: what is left"
            f" depends on {self._describe_limits()}.{unclear} Give a lower confidence, or a later day."
        )
        raise InputError([message])

    def _describe_limits(self) -> str:
        """Describe what limits a pool with more servers than cases; if there are other pools, with their utilisation."""
        others = [name for name in self.scenario.pools if name != self.pool]
        if not others:
            return "processing times and calendars"
        scenario = self._unlimited(until(self.scenario, self.goal.day))
        (used,) = read_logs(partial(_use_of, pools=others), scenario, [1], self.options)
        listed = ", ".join(f"{name} busy {use:.0%} of its shifts" for name, use in used.items())
        return f"processing times, calendars and the other pools{f' ({listed})' if listed else ''}"

    def _describe_best(self, n: int) -> str:
        """Describe the best of `n` replications with more servers than cases."""
        dates = self._run(self._unlimited(self.whole), range(1, n + 1))
        if self.goal.condition is not None:
            known = [value for value in dates if value is not None]
            least = self.goal.condition.sign in ("<", "<=")
            best = f"{'at least' if least else 'at most'} {(min if least else max)(known):,.3g}" if known else "without a value"
            return f"{self.goal.condition.measure} is {best} in {n} of {n} replications"
        if any(day is None for day in dates):
            return f"{self.goal.measure} is not reached by the end of the scenario, {self.scenario.ends}"
        first = self.scenario.starts + dt.timedelta(days=int(min(day for day in dates if day is not None)))
        return f"{self.goal.measure} is {first} at the earliest in {n} of {n} replications"

    def _unlimited(self, scenario: Scenario) -> Scenario:
        """Return a scenario whose pool has, at each station, twice as many servers as cases whenever it is open."""
        sizes = [
            tuple((t, max(n, enough) if n else 0) for t, n in steps)
            for steps, enough in zip(scenario.pools[self.pool].sizes, self._enough, strict=True)
        ]
        if self.court is not None:
            station = self._station()
            sizes = [
                *self.scenario.pools[self.pool].sizes[:station],
                sizes[station],
                *self.scenario.pools[self.pool].sizes[station + 1 :],
            ]
        return self._with(scenario, tuple(sizes))

    # trying a size -----------------------------------------------------------------------------

    def _twice_the_cases(self) -> list[int]:
        """Return twice what the cases of each station of the pool need at once: with so many servers no case waits for one."""
        pool = self.cut.pools[self.pool]
        cases = draw_cases(self.cut, SamplePath(self.options.seed, 1)).court
        counts = (
            np.bincount(cases, minlength=len(self.cut.courts)).tolist()
            if pool.at_court and not self.cut.transfers
            else [len(cases)]
        )
        needs = [need for work in self.cut.work.values() for team in work.teams for need in team.needs if need.pool == self.pool]
        most = max((n for need in needs for n in need.count.leaves()), default=1)
        return [max(1, 2 * n * most) for n in counts]

    def _largest(self) -> int:
        """Return the largest step: with it, no case waits for a server whenever the pool is open."""
        sizes = self.cut.pools[self.pool].sizes
        if not self.scale:
            return max(self._enough[self._station()], self._present())
        factors = [
            math.ceil(PERCENT * enough / min(n for _, n in steps if n))
            for steps, enough in zip(sizes, self._enough, strict=True)
            if any(n for _, n in steps)
        ]
        return max([PERCENT, *factors])

    def _present(self) -> int:
        if self.scale:
            return PERCENT
        return max(size for _, size in self.scenario.pools[self.pool].sizes[self._station()])

    def _station(self) -> int:
        return 0 if self.court is None else self.scenario.courts.index(self.court)

    def _seems_good(self, step: int) -> bool:
        """Return whether a step seems to meet the goal, from two, five, or at most ten replications."""
        for n in (2, _FEW, _MOST_IN_SEARCH):
            point = self._look(step, range(1, n + 1), CONFIDENCE, confirmed=False)
            if point.high < self.wanted or (n >= _FEW and point.hits == n):
                break
        return point.probability >= self.wanted

    def _good(self, step: int, centre: int) -> bool:
        """Return whether a step meets the goal. Fresh replications are added until the answer is clear.

        Half of the error probability belongs to the size found by the search, the rest to its neighbours, whether or
        not they are tried. Moving on to a neighbour therefore does not raise the error probability.
        """
        away = abs(step - centre)
        wrong = (1 - CONFIDENCE) * (0.5 if not away else 1 / (4 * away * (away + 1)))
        for n, share in self._looks(wrong):
            point = self._look(step, range(FRESH + 1, FRESH + n + 1), 1 - wrong * share, confirmed=True)
            if point.low >= self.wanted or point.high < self.wanted:
                break
        return point.probability >= self.wanted

    def _looks(self, wrong: float) -> list[tuple[int, float]]:
        """Return the interim looks, fixed in advance: replications, and the share of the error probability.

        Early looks detect sizes that rarely meet the goal. A later one detects a size that always does.
        """
        always = math.ceil(math.log(wrong * _SHARES[0] / 2) / math.log(self.wanted))
        middle = round(math.sqrt(always * self.most)) if always < self.most else self.most
        looks = dict(_FIRST_LOOKS)
        for n, share in zip((always, middle, self.most), _SHARES, strict=True):
            looks[min(n, self.most)] = looks.get(min(n, self.most), 0.0) + share
        return sorted((n, share) for n, share in looks.items() if n <= self.most)

    def _look(self, step: int, numbers: range, level: float, confirmed: bool) -> Point:
        """Run the missing replications of a step, and return its point."""
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

    def _run(self, scenario: Scenario, numbers: Iterable[int]) -> list[float | None]:
        """Return the value that the goal is about, for each of these replications."""
        numbers = list(numbers)
        self.runs += len(numbers)
        return read_logs(partial(self.goal.value, court=self.court or "all"), scenario, numbers, self.options)

    def _sized(self, step: int) -> tuple[Scenario, int]:
        """Return the scenario with the pool size of this step, and the largest number of servers."""
        pool = self.cut.pools[self.pool]
        if self.scale:
            sizes = tuple(
                tuple((t, min(math.ceil(n * step / PERCENT), max(n, enough))) for t, n in steps)
                for steps, enough in zip(pool.sizes, self._enough, strict=True)
            )
        else:
            station = self._station()
            steps = pool.sizes[station]
            changed = tuple((t, step if n or len(steps) == 1 else 0) for t, n in steps)
            sizes = (*pool.sizes[:station], changed, *pool.sizes[station + 1 :])
        counted = sizes if self.scale else [sizes[self._station()]]
        return self._with(self.cut, sizes), sum(max(n for _, n in steps) for steps in counted)

    def _with(self, scenario: Scenario, sizes: tuple[tuple[tuple[int, int], ...], ...]) -> Scenario:
        return scenario.derive(partial(_sized, pool=self.pool, sizes=sizes))


def _sized(scenario: Scenario, pool: str, sizes: tuple[tuple[tuple[int, int], ...], ...]) -> Scenario:
    """Return a scenario with other sizes of a pool."""
    pools = {**scenario.pools, pool: replace(scenario.pools[pool], sizes=sizes)}
    return replace(scenario, pools=pools)


def _use_of(log: EventLog, pools: Sequence[str]) -> dict[str, float]:
    """Return the utilisation of these pools over all courts; those without a shift are left out."""
    selection = Selection([utilisation_name(pool) for pool in pools], ("all",))
    values = {
        table.measure.removeprefix("utilisation."): float(table.values[-1, 0])
        for table in measure(log, selection=selection).tables
    }
    return {name: use for name, use in values.items() if not math.isnan(use)}
