"""Find the smallest pool that meets a date, or a condition on a measure, with a given probability.

All sizes use common random numbers. A larger pool therefore almost never misses a goal that a smaller one met, and
bisection works. The answer and the next smaller size are then confirmed on fresh replications.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from simulations.loading import load_scenario
from simulations.measuring.descriptors import describe
from simulations.planning.condition import Condition, parse_condition
from simulations.planning.staff_search import Goal, Point, Search
from simulations.running.cluster import one_connection
from simulations.running.intervals import confidence_problems
from simulations.running.options import ReplicationKeywords, ReplicationOptions, changed_options
from simulations.running.shown import Answered
from simulations.scenarios.fitting import work_that_may_not_fit
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, Problem, nearest
from workflow.files.arguments import check_arguments, date_problems
from workflow.files.validation import format_names

__all__ = ["Goal", "Point", "Staffing", "staff"]

_LEAST = 10
_DEFAULTS = ReplicationOptions(replications=480)


@dataclass(frozen=True)
class Staffing(Answered):
    """The answer, and the results of all sizes that were tried.

    Attributes
    ----------
    answer : Point
        The smallest size whose probability is at least `wanted`.
    less : Point or None
        The next smaller size; ``None`` if there is none.
    curve : list of Point
        One point for every size tried, including the sizes of the search.
    not_in_order : int
        Number of replications in which a larger pool missed the goal and a smaller one met it. If there are any, a
        smaller size than those tried may also meet the goal.
    compared : int
        Number of replications that were run with two sizes or more.
    runs, most_runs : int
        Number of replications that were run, over all sizes, and the largest number that could have been.
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
    runs: int
    most_runs: int

    @property
    def decided(self) -> bool:
        """Return whether the intervals of the answer and of the next smaller size exclude the wanted probability."""
        return self.answer.low >= self.wanted and (self.less is None or self.less.high < self.wanted)

    def __repr__(self) -> str:
        return f"<Staffing of {self.scenario.name!r}: {self.pool} {self.answer.size:,} for {self.goal}, seed {self.seed}>"

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "answer": self.sentences,
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
            "runs": self.runs,
            "most_runs": self.most_runs,
            "curve": [p.json() for p in self.curve],
        }


def staff(
    scenario: Scenario | str | Path,
    pool: str,
    options: ReplicationOptions = _DEFAULTS,
    *,
    court: str | None = None,
    scale: bool = False,
    finish_by: dt.date | None = None,
    measure: str | None = None,
    goal: str | None = None,
    pending_below: float | None = None,
    at: dt.date | None = None,
    confidence: float = 0.95,
    progress: Callable[[Point], None] | None = None,
    **changed: Unpack[ReplicationKeywords],
) -> Staffing:
    """Find the smallest pool that meets a goal with a given probability.

    Parameters
    ----------
    pool : str
        The pool to size.
    options : ReplicationOptions, optional
        `replications` is the maximum per size, 10 or more; fewer are run if the answer is clear. Default: 480.
    court : str, optional
        Change the size in this court, and measure the goal in this court only.
    scale : bool
        Multiply the sizes in all courts by a common factor, in steps of 0.01, rounded up. The goal is for all courts.
    finish_by : date, optional
        The latest date of `measure`.
    measure : str, optional
        A measure that is a date, for `finish_by`. Default: the only one of the workflow.
    goal, at : str and date, optional
        Instead of `finish_by`: a condition that holds at the end of day `at`, such as
        ``"waiting_time.hearing.mean < 90"`` or ``"clearance_rate over 12 months >= 1"``.
    pending_below : float, optional
        Short for ``goal="pending < X"``.
    confidence : float
        Probability of meeting the goal, between 0 and 1.
    progress : callable, optional
        Called with each point that was run.
    **changed
        Single options, such as ``replications=200, seed=5``: the fields of `ReplicationOptions`.

    Raises
    ------
    InputError
        For a mistake in the input, or if no pool size meets the goal.

    Notes
    -----
    The search runs two to ten replications per size and may err. Its answer and the next smaller size are confirmed on
    fresh replications. If these disagree with the search, other sizes are confirmed as well: one, two, four ... steps away,
    then by bisection. Before it tries larger sizes, the search confirms that the largest one, with more servers than cases,
    meets the goal. If not, more servers do not help, and the error says so. A search therefore always ends, after at most
    `most_runs` replications.

    The intervals of all confirmed sizes are exact. They hold simultaneously, at every interim look, with 95 percent
    confidence. Half of the error probability belongs to the size found by the search, and 1 / (4 d (d + 1)) of it to a
    size d steps away. Each interim look uses a fixed part of it. It is not proved that no smaller size meets the goal:
    this follows only if a larger pool never misses a goal that a smaller one met. `not_in_order` counts the exceptions.

    For a date, only the part of the scenario that it depends on is run (`simulations.planning.relevant`).

    Where the size varies by date, periods of size 0 keep it. All other sizes are replaced by the size tried.
    """
    options = changed_options(options, changed, staff)
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    check_arguments(date_problems(finish_by=finish_by, at=at))
    problems: list[str | Problem] = [*_problems(scenario, pool, court, scale, confidence, options)]
    try:
        wanted = _goal(scenario, finish_by, measure, goal, pending_below, at)
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    for message in work_that_may_not_fit(scenario):
        warnings.warn(message, stacklevel=2)
    search = Search(scenario, pool, court, scale, wanted, confidence, options, progress)
    with one_connection(options.cluster):
        best = search.smallest()
    exceptions, compared = search.not_in_order()
    return Staffing(
        scenario, pool, court, wanted, confidence, options.seed, search.points[best], search.points.get(best - 1),
        [search.points[k] for k in sorted(search.points)], exceptions, compared,
        search.runs, search.most_runs,
    )  # fmt: skip


def _goal(
    scenario: Scenario, finish_by: dt.date | None, measure: str | None, goal: str | None, below: float | None,
    at: dt.date | None,
) -> Goal:  # fmt: skip
    dates = [name for name, descriptor in describe(scenario).items() if descriptor.is_date]
    option = "goal" if below is None else "pending_below"
    if (finish_by is not None) + (goal is not None) + (below is not None) != 1:
        raise InputError(["staff: give either finish_by, a date, or a goal such as 'pending < 90' and at, a date"])
    if (finish_by is None) != (at is not None):
        raise InputError([f"staff: {option} and at go together"])
    if measure is not None and finish_by is None:
        raise InputError(["staff: measure goes with finish_by"])
    day = finish_by or at
    assert day is not None
    if not scenario.starts <= day <= scenario.ends:
        raise InputError([f"staff: {day} is not between starts, {scenario.starts}, and ends, {scenario.ends}"])
    if finish_by is None:
        if below is not None:
            return Goal(day, condition=Condition("pending", "<", below))
        return Goal(day, condition=parse_condition(goal or "", scenario, option))
    if measure is None and len(dates) == 1:
        measure = dates[0]
    if measure not in dates:
        hint = nearest(measure, dates) if measure else ""
        known = f"Known: {format_names(dates)}." if dates else "The workflow has none (`emptied:`)."
        problem = f"measure {measure}: is not" if measure else "finish_by: give a measure,"
        raise InputError([f"{problem} a measure that is a date.{hint or f' {known}'}"])
    return Goal(day, measure)


def _problems(
    scenario: Scenario, pool: str, court: str | None, scale: bool, wanted: float, options: ReplicationOptions
) -> list[str]:
    """Return what is wrong with the input, but for the goal."""
    problems = options.work_problems(scenario) + confidence_problems(wanted)
    if pool not in scenario.pools:
        hint = nearest(pool, scenario.pools) or f" Known: {format_names(scenario.pools)}."
        return [*problems, f"pool {pool}: there is no such pool.{hint}"]
    if court is not None and court not in scenario.courts:
        problems.append(f"court {court}: there is no such court.{nearest(court, scenario.courts)}")
    elif court is not None and not scenario.pools[pool].at_court:
        problems.append(f"court {court}: the pool {pool!r} is shared by all courts; leave the court out")
    if court is not None and scale:
        problems.append("staff: give either a court or scale")
    if court is None and not scale and len(scenario.pools[pool].sizes) > 1:
        problems.append(f"staff: the pool {pool!r} has a size for each court; give a court or scale")
    if 1 <= options.replications < _LEAST:
        problems.append(f"replications: must be {_LEAST} or more, not {options.replications}")
    return problems
