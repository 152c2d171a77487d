"""How many people are needed? The smallest pool that meets a date, or brings pending down, with a given probability.

Every size is tried on the same people and the same chances, so that one more server hardly ever undoes what was met,
and bisection is in order. The answer and the size before it are then confirmed on fresh replications.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulations.chance.draws import seed_problems
from simulations.loading import load_scenario
from simulations.planning.staff_search import Goal, Point, Search
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, nearest
from workflow.files.validation import listed

__all__ = ["Goal", "Point", "Staffing", "staff"]

_LEAST = 10


@dataclass(frozen=True)
class Staffing:
    """The answer, and the curve of all sizes that were tried.

    Attributes
    ----------
    answer : Point
        The smallest size whose probability is at least `wanted`.
    less : Point or None
        One step less; ``None`` where there is none.
    curve : list of Point
        Of every size tried, those of the search included.
    not_in_order : int
        Replications in which a larger pool missed what a smaller one met; if there are any, a size below those tried may
        meet the goal, too.
    compared : int
        Replications that were run with two sizes or more.
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
    not_in_order: int
    compared: int

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
            "not_in_order": self.not_in_order,
            "compared": self.compared,
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
        For a mistake in the input, or if even more servers than there are cases would not do.

    Notes
    -----
    The search takes the word of two to ten replications of a size; it may err. The size it comes to, and the one before,
    are then run on replications that took no part in it, and it goes on from size to size if they do not agree. The
    intervals of all sizes that were confirmed so hold together, at every look, with 95 percent: exact intervals, with half
    of what may go wrong for the size that the search came to, 1 / (4 d (d + 1)) of it for a size d steps away, and of each
    a fixed part for each look. That no size further down meets the goal is not proved: it follows if one
    more server never undoes what was met, which is seen on all replications that were run with several sizes.

    For a date, only what it depends on is run (`simulations.planning.relevant`).

    Where a size varies by date, the dates on which nobody works stay so, and the court's other sizes become the one tried.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    goal = _goal(scenario, finish_by, measure, pending_below, at)
    _check(scenario, pool, court, scale, confidence, replications, seed)
    search = Search(scenario, pool, court, scale, goal, confidence, seed, replications, engine, workers, progress)
    best = search.smallest()
    odd, compared = search.not_in_order()
    return Staffing(
        scenario, pool, court, goal, confidence, seed, search.points[best], search.points.get(best - 1),
        [search.points[k] for k in sorted(search.points)], odd, compared,
    )  # fmt: skip


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
