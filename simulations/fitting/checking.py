"""Compare a fitted scenario with what happened after it: months that were held out.

Each measure of distance has a test that takes chance into account. If the scenario is right, the held-out months are one more
replication. So the distance of the observed months from all replications is compared with the distance of each replication from
the others; the rank is a p-value. The p-values are adjusted together (Holm).

The distances are those of the package log-distance-measures (Chapela-Campa et al. 2023): Wasserstein distances of cycle times and
of times of arrival, and the normalised distance of n-grams of moves. They are computed here with scipy; the package needs pandas and a
Python before 3.13.

References
----------
Chapela-Campa, D., Benchekroun, I., Baron, O., Dumas, M., Krass, D. and Senderovich, A. (2023). Can I trust my simulation model?
Measuring the quality of business process simulation models. BPM 2023, LNCS 14159, 20-37.
Barnard, G. A. (1963). Discussion of Bartlett, The spectral analysis of point processes. JRSS B 25, 294 (Monte Carlo tests).
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6, 65-70.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.fit import read_for_fit
from simulations.fitting.visits import DAY, Visits, visits_of
from simulations.running.options import RunOptions
from simulations.running.progress import Progress
from simulations.running.runs import run
from simulations.scenarios.scenario import Scenario
from workflow.auditing.life_cycle import NO_START
from workflow.auditing.mapping import LogMapping
from workflow.errors import InputError
from workflow.model.definition import StateKind

Floats = NDArray[np.float64]
HOUR = 3_600_000_000
_ALPHA = 0.05
_MOST_DATES = 26
FEWEST = 99
"""With fewer replications, no adjusted p-value could reach 5 percent."""

N = 3
"""Length of the n-grams of moves."""


@dataclass(frozen=True)
class Course:
    """One course of events in the months that were held out: observed, or a replication.

    Attributes
    ----------
    pending : ndarray of float
        Cases on the docket at the end of each date.
    cycle_days : ndarray of float
        Time from arrival to a final state, of the cases that came to one in these months.
    arrivals : ndarray of float
        Hours from the start to each arrival.
    grams : Counter
        The n-grams of moves.
    """

    pending: Floats
    cycle_days: Floats
    arrivals: Floats
    grams: Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Distance:
    """One measure of distance.

    Attributes
    ----------
    observed : float
        The mean distance of the observed months from the replications.
    usual : float
        The distance of a replication from the others: median.
    far : float
        Below which 95 percent of these are.
    p : float
        Adjusted for the number of measures.
    """

    name: str
    unit: str
    observed: float
    usual: float
    far: float
    p: float

    @property
    def differs(self) -> bool:
        """Return whether chance does not explain the distance, at the level of 5 percent for all measures together."""
        return self.p <= _ALPHA


@dataclass(frozen=True)
class FitCheck:
    """The comparison of a scenario with the months that were held out.

    Attributes
    ----------
    dates : tuple of date
        The ends of these days are compared.
    observed : Course
    simulated : tuple of Course
    low, median, high : ndarray of float, shape (n_dates,)
        The 90 percent band of pending cases.
    distances : tuple of Distance
    counts : tuple of (str, int, float, float, float)
        Cases that came in and that ended: observed, and median and band of the replications.
    """

    scenario: Scenario
    source: str
    until: dt.date
    dates: tuple[dt.date, ...]
    observed: Course
    simulated: tuple[Course, ...]
    low: Floats
    median: Floats
    high: Floats
    distances: tuple[Distance, ...]
    counts: tuple[tuple[str, int, float, float, float], ...]

    @property
    def inside(self) -> int:
        """Return on how many dates the observed pending cases are inside the band."""
        return int(((self.observed.pending >= self.low) & (self.observed.pending <= self.high)).sum())

    @property
    def held(self) -> bool:
        """Return whether no measure differs by more than chance."""
        return not any(distance.differs for distance in self.distances)

    @property
    def verdict(self) -> str:
        """Return the result in words."""
        band = f"Pending cases were inside the 90% band on {self.inside} of {len(self.dates)} dates."
        n = len(self.observed.cycle_days)
        if self.held:
            weak = " But few cases ended, so that only large errors would show." if n < 50 else ""
            return f"Nothing in these months contradicts the scenario. {band}{weak}"
        return f"The scenario does not forecast these months: {self._wrong()}. {band} Do not use it without a change."

    def _wrong(self) -> str:
        return "; ".join(self._how(distance) for distance in self.distances if distance.differs)

    def _how(self, distance: Distance) -> str:
        observed, simulated = self.observed, self.simulated
        if distance.name == "pending cases":
            above, below = int((observed.pending > self.high).sum()), int((observed.pending < self.low).sum())
            where = "above" if above >= below else "below"
            return f"pending cases run differently ({where} the band on {max(above, below)} of {len(self.dates)} dates)"
        if distance.name == "cycle times":
            median = float(np.median(np.concatenate([c.cycle_days for c in simulated])))
            return f"cases took {np.median(observed.cycle_days):.3g} days (median), not {median:.3g}"
        if distance.name == "arrivals so far":
            return f"{len(observed.arrivals):,} cases arrived, not {np.median([len(c.arrivals) for c in simulated]):,.0f}"
        if distance.name == "times of arrival":
            return "cases arrived at other times"
        return f"other sequences of moves occur{self._gram()}"

    def _gram(self) -> str:
        """Return the move whose share differs most."""
        total, own = _moves([course.grams for course in self.simulated]), _moves([self.observed.grams])
        n_own, n_total = max(sum(own.values()), 1), max(sum(total.values()), 1)
        move = max({*own, *total}, key=lambda m: abs(own.get(m, 0) / n_own - total.get(m, 0) / n_total), default="")
        return f" ({move}: {own.get(move, 0) / n_own:.1%} of the moves, not {total.get(move, 0) / n_total:.1%})" if move else ""

    def json(self) -> dict[str, Any]:
        """Return the results as plain values."""
        return {
            "held": self.held, "verdict": self.verdict, "dates": [d.isoformat() for d in self.dates], "inside": self.inside,
            "pending": [
                {"at": d.isoformat(), "observed": o, "low": low, "median": m, "high": high}
                for d, o, low, m, high in zip(self.dates, *(x.tolist() for x in (self.observed.pending, self.low, self.median, self.high)), strict=True)
            ],
            "distances": [
                {"measure": d.name, "unit": d.unit, "observed": d.observed, "usual": d.usual, "far": d.far, "p": d.p, "differs": d.differs}
                for d in self.distances
            ],
            "counts": [{"count": c, "observed": o, "low": low, "median": m, "high": high} for c, o, low, m, high in self.counts],
        }  # fmt: skip


def check_fit(
    path: str | Path, scenario: Scenario, until: dt.date, mapping: LogMapping | None = None, options: RunOptions | None = None, *,
    zone: str | None = None, progress: Progress = None,
) -> FitCheck:  # fmt: skip
    """Compare a scenario with what a log says about the time from its start to a day.

    Parameters
    ----------
    scenario : Scenario
        It starts on the day as of which it was fitted.
    until : date
        Nothing that happened on this day or later is compared.
    options : RunOptions, optional
        Replications, seed, engine and workers. Default: 100 replications.

    Raises
    ------
    InputError
        If the log does not cover the time, or the scenario is too short.
    """
    options = options or RunOptions(replications=100)
    starts = scenario.starts
    if until <= starts:
        raise InputError([f"--until {until}: must be after {starts}, on which {scenario.name} starts"])
    if options.replications < FEWEST:
        raise InputError([f"--replications {options.replications}: must be {FEWEST} or more, so that a difference can show"])
    log = read_for_fit(path, scenario.workflow, mapping, zone)
    start, end = ((day - dt.date(1970, 1, 1)).days * DAY for day in (starts, until))
    last = max(log.end or 0, int(log.at.max(initial=0)))
    if end > last + DAY:
        raise InputError([f"--until {until}: the log ends on {np.datetime64(last, 'us').astype('datetime64[D]')}"])
    visits = visits_of(log, end)
    days = (until - starts).days
    step = max(-(-days // _MOST_DATES), 1)
    dates = tuple(starts + dt.timedelta(days=k) for k in range(days - 1, -1, -step))[::-1]
    names = {t.name for t in scenario.workflow.transitions} & {
        log.in_force.transitions[i].name for i in np.unique(log.transition) if i >= 0
    }
    observed = _observed(visits, start, end, dates, names)
    if not len(observed.arrivals) and not len(observed.cycle_days):
        raise InputError([f"--until {until}: nothing happens in the log from {starts} on; there is nothing to compare"])
    with tempfile.TemporaryDirectory() as folder:
        held = scenario.change({"ends": until - dt.timedelta(days=1)})
        chosen = replace(options, at=dates[:-1], measures=("pending",), courts=("all",), keep="events")
        result = run(held, chosen, out=Path(folder) / "run", progress=progress)
        known = visits.arrived[visits.arrived != NO_START]
        simulated = _simulated(result, dates, names, whole_days=bool((known % DAY == 0).all()))
    pending = np.array([course.pending for course in simulated])
    low, median, high = np.quantile(pending, [0.05, 0.5, 0.95], axis=0)
    return FitCheck(
        scenario, Path(path).name, until, dates, observed, simulated, low, median, high, _distances(observed, simulated),
        _counts(observed, simulated),
    )  # fmt: skip


# courses of events ----------------------------------------------------------------------------------------


def _observed(visits: Visits, start: int, end: int, dates: Sequence[dt.date], names: set[str]) -> Course:
    """Return what the log says."""
    log, states = visits.log, list(visits.workflow.states.values())
    active = np.array([s.kind in (StateKind.ACTIVITY, StateKind.INSTANT) for s in states])[visits.state]
    left = np.where(visits.ended, visits.left, 2**62)
    at = [((day - dt.date(1970, 1, 1)).days + 1) * DAY for day in dates]
    pending = np.array([int((active & (visits.entered < t) & (left >= t)).sum()) for t in at], float)
    final = np.array(
        [
            *(
                t.target is not None and visits.workflow.states[t.target].kind is StateKind.FINAL
                for t in log.in_force.transitions
            ),
            False,
        ]
    )
    ends = visits.ended & final[visits.transition] & (visits.left >= start)
    arrived = visits.arrived
    cycle = (visits.left[ends] - arrived[visits.case[ends]]) / DAY
    new = np.sort(arrived[(arrived != NO_START) & (arrived >= start) & (arrived < end)])
    rows = np.flatnonzero((log.at >= start) & (log.at < end) & (log.transition >= 0))
    moves = [log.in_force.transitions[i].name for i in log.transition[rows].tolist()]
    return Course(pending, cycle, (new - start) / HOUR, _grams(log.case[rows].tolist(), moves, names))


def _simulated(result: Any, dates: Sequence[dt.date], names: set[str], *, whole_days: bool) -> tuple[Course, ...]:
    """Return what each replication has; with `whole_days`, arrivals have no clock, as in the log."""
    zero = result.scenario.starts
    values = [result.values_of("pending", "all", None if day == result.scenario.ends else day) for day in dates]
    final = [name for name, state in result.scenario.workflow.states.items() if state.kind is StateKind.FINAL]
    rows = result.sql(
        "select e.replication, e.case_id, e.transition, e.to_state, epoch_us(e.happened_at) as at, epoch_us(c.arrived_at) as arrived"
        " from events e join cases c using (replication, case_id) where e.transition is not null and e.transition <> ''"
        " order by e.replication, e.case_id, e.sequence"
    ).fetchnumpy()
    cases = result.sql("select replication, epoch_us(arrived_at) as arrived from cases").fetchnumpy()
    start = (zero - dt.date(1970, 1, 1)).days * DAY
    if whole_days:
        rows["arrived"], cases["arrived"] = (each["arrived"] // DAY * DAY for each in (rows, cases))
    transition, to_state = (np.ma.filled(rows[k].astype(object), "") for k in ("transition", "to_state"))
    ended = np.isin(to_state.astype(str), final)
    told = np.isin(transition.astype(str), sorted(names))  # a log has no move of a case that stays for good
    at = np.array([((day - dt.date(1970, 1, 1)).days + 1) * DAY for day in dates])
    courses = []
    for k, replication in enumerate(result.replications):
        mine = np.flatnonzero(rows["replication"] == replication)
        done = mine[ended[mine] & told[mine]]
        stayed = np.sort(rows["at"][mine[ended[mine] & ~told[mine]]])
        cycle = (rows["at"][done] - rows["arrived"][done]) / DAY
        arrived = np.sort(cases["arrived"][cases["replication"] == replication])
        grams = _grams(rows["case_id"][mine].tolist(), transition[mine].tolist(), names)
        pending = np.array([v[k] for v in values], float) + np.searchsorted(stayed, at).astype(float)
        courses.append(Course(pending, np.asarray(cycle, float), (arrived[arrived >= start] - start) / HOUR, grams))
    return tuple(courses)


def _grams(cases: Sequence[int], moves: Sequence[str], names: set[str]) -> Counter[tuple[str, ...]]:
    """Return the n-grams of the moves of each case, with empty moves before the first and after the last."""
    grams: Counter[tuple[str, ...]] = Counter()
    pad = [""] * (N - 1)
    of_case: dict[int, list[str]] = {}
    for case, move in zip(cases, moves, strict=True):
        if move in names:
            of_case.setdefault(case, []).append(move)
    variants = Counter(map(tuple, of_case.values()))
    for variant, n in variants.items():
        padded = [*pad, *variant, *pad]
        for i in range(len(padded) - N + 1):
            grams[tuple(padded[i : i + N])] += n
    return grams


def _moves(courses: Sequence[Counter[tuple[str, ...]]]) -> Counter[str]:
    """Return how often each move occurs: the n-grams that end with it."""
    moves: Counter[str] = Counter()
    for grams in courses:
        for gram, n in grams.items():
            if gram[-1]:
                moves[gram[-1]] += n
    return moves


# distances ------------------------------------------------------------------------------------------------


def gram_distance(one: Counter[tuple[str, ...]], other: Counter[tuple[str, ...]]) -> float:
    """Return the sum of absolute differences between counts of n-grams, over their total.

    Examples
    --------
    >>> gram_distance(Counter({("a", "b"): 3}), Counter({("a", "b"): 1, ("b", "c"): 2}))
    0.6666666666666666
    """
    total = sum(one.values()) + sum(other.values())
    return sum(abs(one[gram] - other[gram]) for gram in {*one, *other}) / total if total else 0.0


def _wasserstein(one: Floats, other: Floats) -> float:
    from scipy import stats

    if not len(one) or not len(other):
        return 0.0 if len(one) == len(other) else float(max(one.max(initial=0), other.max(initial=0)))
    return float(stats.wasserstein_distance(one, other))


def _counts_distance(one: Floats, other: Floats) -> float:
    """Return the distance of two counting processes: the mean difference of their totals over time, in cases."""
    grid = np.linspace(0, max(one.max(initial=1), other.max(initial=1)), 200)
    return float(np.abs(np.searchsorted(one, grid, side="right") - np.searchsorted(other, grid, side="right")).mean())


_MEASURES: tuple[tuple[str, str, Callable[[Course, Course], float]], ...] = (
    ("pending cases", "cases", lambda a, b: float(np.abs(a.pending - b.pending).mean())),
    ("cycle times", "days", lambda a, b: _wasserstein(a.cycle_days, b.cycle_days)),
    ("arrivals so far", "cases", lambda a, b: _counts_distance(a.arrivals, b.arrivals)),
    ("times of arrival", "hours", lambda a, b: _wasserstein(a.arrivals, b.arrivals)),
    ("n-grams of moves", "share", lambda a, b: gram_distance(a.grams, b.grams)),
)


def _distances(observed: Course, simulated: Sequence[Course]) -> tuple[Distance, ...]:
    """Return every distance, with p-values adjusted for their number."""
    n = len(simulated)
    found = []
    for name, unit, measure in _MEASURES:
        between = np.zeros((n, n))
        for i in range(n):
            for j in range(i):
                between[i, j] = between[j, i] = measure(simulated[i], simulated[j])
        to_observed = np.array([measure(observed, course) for course in simulated])
        # each course beside all others, the observed one among them
        own = (between.sum(axis=1) + to_observed) / n
        far = float(to_observed.mean())
        p = (1 + int((own >= far - 1e-12).sum())) / (n + 1)
        found.append(Distance(name, unit, far, float(np.median(own)), float(np.quantile(own, 0.95)), p))
    adjusted, worst = {}, 0.0
    for k, distance in enumerate(sorted(found, key=lambda d: d.p)):
        worst = max(worst, min(distance.p * (len(found) - k), 1.0))
        adjusted[distance.name] = worst
    return tuple(replace(distance, p=adjusted[distance.name]) for distance in found)


def _counts(observed: Course, simulated: Sequence[Course]) -> tuple[tuple[str, int, float, float, float], ...]:
    rows = []
    ways: tuple[tuple[str, Callable[[Course], int]], ...] = (
        ("cases that arrived", lambda course: len(course.arrivals)),
        ("cases that ended", lambda course: len(course.cycle_days)),
    )
    for name, count in ways:
        low, median, high = np.quantile([count(c) for c in simulated], [0.05, 0.5, 0.95]).tolist()
        rows.append((name, int(count(observed)), low, median, high))
    return tuple(rows)
