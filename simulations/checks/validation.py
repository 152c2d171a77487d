"""Check this installation against cases with known answers.

Golden cases have exact event times. A closed form passes if it lies within the Student interval of independent
replications at `CONFIDENCE`. A check therefore fails by chance for one seed in a thousand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulations.chance.draws import SamplePath
from simulations.checks.closed_forms import (
    abandoning,
    erlang_b,
    limited,
    mean_sojourns_preemptive,
    mean_wait_mg1,
    mean_wait_mmc,
    mean_waits_priority,
)
from simulations.engines.choosing import Chosen, prepare, simulate
from simulations.loading import load_scenario
from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.invariants import BrokenInvariant, check_log
from simulations.measuring.measures import measure
from simulations.measuring.utilisation import pool_times
from simulations.running.intervals import interval
from simulations.running.progress import doing
from simulations.running.shared import in_processes
from simulations.scenarios.plan import make_plan
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE
from workflow.files.dates import parse_instant

FOLDER = Path(__file__).parent
CONFIDENCE = 0.999
REPLICATIONS = 20

_DAY, _HOUR, _MINUTE = MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, MICROSECONDS_PER_MINUTE

Estimator = Callable[[EventLog], float]


@dataclass(frozen=True)
class Golden:
    """A scenario with exact event times.

    Attributes
    ----------
    file : str
        Name of the scenario file in this folder.
    expected : tuple of (case, started, ended)
        In order of the ends; case ids from 0. Times are days since the start, or strings such as ``2022-06-23 09:30``;
        ``None`` for work that never started.
    """

    id: str
    what: str
    file: str
    expected: tuple[tuple[int, Any, Any], ...]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """A closed form, and its estimator from the log of one replication."""

    id: str
    what: str
    file: str
    of: Estimator
    expected: float
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Attributes
    ----------
    estimate, expected : float
        For a golden case: the number of rows that are exact to the microsecond, and the number of all rows.
    half_width : float or None
        Half-width of the interval at `CONFIDENCE`; ``None`` for an exact check.
    z : float or None
        The difference in standard errors.
    """

    id: str
    what: str
    estimate: float
    expected: float
    half_width: float | None
    z: float | None
    ok: bool

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        shown = {"id": self.id, "what": self.what, "estimate": self.estimate, "expected": self.expected}
        return {**shown, "half_width": self.half_width, "z": self.z, "verdict": "ok" if self.ok else "fails"}


def run_once(scenario: Scenario, replication: int = 1, seed: int = 1, engine: Chosen = "simpy") -> EventLog:
    """Simulate one replication, and check the invariants of its log."""
    path = SamplePath(seed, replication)
    log = simulate(engine, make_plan(scenario, path), path)
    check_log(log)
    return log


# estimators ------------------------------------------------------------------------------------------


def _since(log: EventLog) -> int:
    scenario = log.cases.scenario
    return 0 if scenario.warm_up is None else scenario.epoch.microseconds(scenario.warm_up)


def _utilisation(log: EventLog) -> float:
    horizon = log.cases.scenario.horizon
    (time,) = pool_times(log, "servers", _since(log), [horizon])[horizon]
    return time.busy / time.shift


def _wait(unit: int) -> Estimator:
    """Return the estimator of the mean waiting time of services that start after the warm-up."""

    def estimate(log: EventLog) -> float:
        enabled, started = log.columns["enabled_at"], log.columns["started_at"]
        mine = started >= _since(log)
        return float((started[mine] - enabled[mine]).mean()) / unit

    return estimate


def _sojourn(unit: int, urgency: str | None = None) -> Estimator:
    """Return the estimator of the mean sojourn time of cases that end after the warm-up."""

    def estimate(log: EventLog) -> float:
        final = [i for i, s in enumerate(log.labels.state) if s in ("served", "gone")]
        ends = np.isin(log.columns["to_state"], final) & (log.columns["happened_at"] >= _since(log))
        case, at = log.columns["case_id"][ends], log.columns["happened_at"][ends]
        if urgency is not None:
            field = log.cases.scenario.workflow.facts["urgency"]
            mine = np.asarray(log.cases.columns.values["urgency"])[case] == field.values.index(urgency)
            case, at = case[mine], at[mine]
        return float((at - log.cases.arrived[case]).mean()) / unit

    return estimate


def _overlap(log: EventLog, start: Any, end: Any) -> float:
    """Return the time-average number of intervals that cover an instant after the warm-up."""
    since, until = _since(log), log.cases.scenario.horizon
    return float((np.clip(end, since, until) - np.clip(start, since, until)).sum()) / (until - since)


def _queue(log: EventLog) -> float:
    enabled, started, ended = (log.columns[n] for n in ("enabled_at", "started_at", "happened_at"))
    mine = enabled > NEVER
    return _overlap(log, enabled[mine], np.where(started > NEVER, started, ended)[mine])


def _present(log: EventLog) -> float:
    ended = np.full(len(log.cases), log.cases.scenario.horizon, np.int64)
    last = log.columns["to_state"] != log.columns["from_state"]
    ended[log.columns["case_id"][last]] = log.columns["happened_at"][last]
    return _overlap(log, log.cases.arrived, ended)


def _number(*names: str) -> Estimator:
    """Return the estimator of the number of rows with one of these transitions after the warm-up."""

    def estimate(log: EventLog) -> float:
        codes = [log.labels.transition.index(name) for name in names]
        return float((np.isin(log.columns["transition"], codes) & (log.columns["happened_at"] >= _since(log))).sum())

    return estimate


def _share(part: str, *whole: str) -> Estimator:
    over, under = _number(part), _number(part, *whole)
    return lambda log: over(log) / under(log)


def _rate(per: int) -> Estimator:
    """Return the estimator of the number of services started per unit of time after the warm-up."""

    def estimate(log: EventLog) -> float:
        started = log.columns["started_at"] >= _since(log)
        return float(started.sum()) / ((log.cases.scenario.horizon - _since(log)) / per)

    return estimate


def _pending(log: EventLog) -> float:
    return float(len(log.cases)) - _number("finish")(log)


# the cases -------------------------------------------------------------------------------------------

GOLDEN = (
    Golden("D1", "withdrawal from a queue: service 11, patience 3, arrivals every 7", "D1",
           ((1, None, 17), (0, 7, 18), (3, None, 31), (2, 21, 32))),
    Golden("D5", "a closed day; work in progress is not interrupted", "D5", ((0, 5, 10), (1, 15, 20), (2, 20, 25))),
    Golden("D9", "a case of high priority is served before a waiting case of low priority", "D9", ((0, 0, 2), (2, 2, 4), (1, 4, 6))),
    Golden("D13", "a server that becomes free serves a case that arrives at the same instant", "D13", tuple((k, k, k + 1) for k in range(10))),
    Golden("D14", "a weekly calendar, Thursdays from 09:00", "D14",
           tuple((k, f"2022-06-23 {9 + k // 2:02}:{k % 2 * 30:02}", f"2022-06-23 {9 + (k + 1) // 2:02}:{(k + 1) % 2 * 30:02}") for k in range(5))),
    Golden("D18", "sizes that change on a date", "D18", ((1, 0, 1), (0, 0, 3), (2, 10, 14))),
    Golden("S1", "the end of a shift: suspended", "S1",
           ((0, "2022-06-24 09:00", "2022-06-24 15:00"), (1, "2022-06-24 15:00", "2022-06-27 12:00"), (2, "2022-06-27 12:00", "2022-06-27 13:00"))),
    Golden("S2", "the end of a shift: finished in overtime", "S1",
           ((0, "2022-06-24 09:00", "2022-06-24 15:00"), (1, "2022-06-24 15:00", "2022-06-24 20:00"), (2, "2022-06-27 09:00", "2022-06-27 10:00")),
           ("pools.servers.at_shift_end=finish",)),
    Golden("S3", "the end of a shift: work that does not fit waits, and is not overtaken", "S1",
           ((0, "2022-06-24 09:00", "2022-06-24 15:00"), (1, "2022-06-27 09:00", "2022-06-27 14:00"), (2, "2022-06-27 14:00", "2022-06-27 15:00")),
           ("pools.servers.at_shift_end=fit",)),
    Golden("S4", "two slots a morning", "S4",
           tuple((k, f"2022-06-{day} {9 + k % 2:02}:00", f"2022-06-{day} {10 + k % 2:02}:00") for k, day in enumerate((24, 24, 27, 27, 28)))),
)  # fmt: skip
"""Cases D1 to D18 have times in days; the dates of S1 to S4 were computed by hand."""

_A6 = [wait + 1 for wait in mean_waits_priority([0.2, 0.6], 1.0)]
_PREEMPTIVE = mean_sojourns_preemptive([0.2, 0.6], 1.0)
_RESUME = ("pools.servers={size: 1, preempt: resume}", "activities.serve.priority={by: urgency, high: 0, low: 1}")
_LIMITED = limited(2, 3, 3.0, 4.0)
_COUNT = ("pools.servers.size=4",)
_SERVICE_TIMES = {0.0: "{constant: 1 hour}", 0.25: None, 1.0: "{exponential: {mean: 1 hour}}", 2.0: f"{{gamma: {{mean: 1 hour, cv: {2**0.5}}}}}"}  # fmt: skip

CHECKS = (
    Check("A1-use", "M/M/1: utilisation", "A1", _utilisation, 5 / 8),
    Check("A1-wait", "M/M/1: mean wait, days", "A1", _wait(_DAY), mean_wait_mmc(1, 5, 8)),
    Check("A1-sojourn", "M/M/1: mean sojourn time, days", "A1", _sojourn(_DAY), 1 / (8 - 5)),
    Check("A2-3-wait", "M/M/3: mean wait, minutes", "A2", _wait(_MINUTE), mean_wait_mmc(3, 0.2, 0.1)),
    Check("A2-3-queue", "M/M/3: mean queue length", "A2", _queue, 0.2 * mean_wait_mmc(3, 0.2, 0.1)),
    Check("A2-4-wait", "M/M/4: mean wait, minutes", "A2", _wait(_MINUTE), mean_wait_mmc(4, 0.2, 0.1), _COUNT),
    Check("A2-4-queue", "M/M/4: mean queue length", "A2", _queue, 0.2 * mean_wait_mmc(4, 0.2, 0.1), _COUNT),
    Check("A6-high", "priority: mean sojourn time of the high class, hours", "A6", _sojourn(_HOUR, "high"), _A6[0]),
    Check("A6-low", "priority: mean sojourn time of the low class, hours", "A6", _sojourn(_HOUR, "low"), _A6[1]),
    Check("A6-preempts-high", "preemption: mean sojourn time of the high class, hours", "A6", _sojourn(_HOUR, "high"), _PREEMPTIVE[0], _RESUME),
    Check("A6-preempts-low", "preemption: mean sojourn time of the low class, hours", "A6", _sojourn(_HOUR, "low"), _PREEMPTIVE[1], _RESUME),
    *(
        Check(
            f"A8-{cv2:g}",
            f"M/G/1, squared cv {cv2:g}: mean wait, hours",
            "A8",
            _wait(_HOUR),
            mean_wait_mg1(0.8, 1.0, cv2**0.5),
            () if takes is None else (f"activities.serve.takes={takes}",),
        )
        for cv2, takes in _SERVICE_TIMES.items()
    ),
    Check("A12-rate", "rework: services started per hour", "A12", _rate(_HOUR), 0.6 / 0.8),
    Check("A12-number", "rework: mean number of cases present", "A12", _present, 0.75 / 0.25),
    Check("A12-total", "rework: mean sojourn time, hours", "A12", _sojourn(_HOUR), 3.0 / 0.6),
    Check("A20-pending", "overload: pending after 50 days", "A20", _pending, 200 + (10 - 8) * 50),
    Check("A20-clearance", "overload: disposals over expected inflow", "A20", lambda log: _number("finish")(log) / 500, 8 / 10),
    Check("E1-lost", "M/M/2/2: share lost (Erlang B)", "E1", _share("leave", "finish"), erlang_b(2, 2.0)),
    Check("E4-present", "M/M/2/3: mean number present", "E4", _present, _LIMITED[0]),
    Check("E4-lost", "M/M/2/3: share lost", "E4", _share("leave", "finish"), _LIMITED[1]),
    Check("E2-present", "M/G/infinity: number in a delay", "E2", _present, 5 * 2.0),
    Check("E3-abandon", "M/M/1+M: share that abandons (Erlang A)", "E3", _share("leave", "finish"), abandoning(1, 1.0, 1.0, 0.5)),
    Check("H1-taken-up", "a hazard: events in 366 days", "H1", _number("take_up"), 2000 * -math.expm1(-0.5 * 366 / 365.25)),
    Check("H2-by-fact", "hazards by a fact: events in 366 days", "H2", _number("take_up"),
          1000 * -math.expm1(-366 / 365.25) + 1000 * -math.expm1(-0.25 * 366 / 365.25)),
    Check("P1-arrivals", "dated Poisson rates: arrivals", "P1", lambda log: float(len(log.cases)), 31 * 10 + 31 * 20),
)  # fmt: skip


# running the checks ------------------------------------------------------------------------------------


def prepare_checks(engine: Chosen) -> None:
    """Compile what an engine needs for all checks: some are of what few scenarios have."""
    for name in ("D1", "D5"):
        prepare(engine, load_scenario(FOLDER / f"{name}.yaml"), doing)


def validate(seed: int = 1, workers: int = 1, replications: int = REPLICATIONS, engine: Chosen = "simpy") -> list[Outcome]:
    """Run every check.

    Parameters
    ----------
    workers : int
        Worker processes.
    replications : int
        For each closed form, at least 2.
    """
    from joblib import delayed

    prepare_checks(engine)
    outcomes = [_golden(golden, engine) for golden in GOLDEN]
    outcomes += _exact(seed, engine)

    # checks of one scenario share its logs
    groups: dict[tuple[str, tuple[str, ...]], list[Check]] = {}
    for check in CHECKS:
        groups.setdefault((check.file, check.changes), []).append(check)
    for checks in groups.values():
        names = [check.id for check in checks]
        rows = list(in_processes((delayed(_replicate)(names, seed, k, engine) for k in range(1, replications + 1)), workers))
        outcomes += [_judge(check, [row[i] for row in rows]) for i, check in enumerate(checks)]
    return outcomes


def _replicate(names: Sequence[str], seed: int, replication: int, engine: Chosen) -> list[float]:
    """Return the estimates of checks of one scenario from one replication."""
    checks = [check for check in CHECKS if check.id in names]
    log = run_once(load_scenario(FOLDER / f"{checks[0].file}.yaml", checks[0].changes), replication, seed, engine)
    return [check.of(log) for check in checks]


def _judge(check: Check, values: Sequence[float]) -> Outcome:
    from scipy.special import stdtrit

    low, high = interval(values, CONFIDENCE) or (math.nan, math.nan)
    mean, half = (low + high) / 2, (high - low) / 2
    error = half / float(stdtrit(len(values) - 1, 0.5 + CONFIDENCE / 2))
    z = (mean - check.expected) / error if error else math.copysign(math.inf, mean - check.expected)
    return Outcome(check.id, check.what, mean, check.expected, half, z, low <= check.expected <= high)


def _golden(golden: Golden, engine: Chosen) -> Outcome:
    scenario = load_scenario(FOLDER / f"{golden.file}.yaml", golden.changes)
    log = run_once(scenario, engine=engine)
    moves = log.columns["transition"] >= 0
    columns = (log.columns[name][moves].tolist() for name in ("case_id", "started_at", "happened_at"))
    rows = list(zip(*columns, strict=True))
    expected = [(case, _instant(scenario, start), _instant(scenario, end)) for case, start, end in golden.expected]
    exact = sum(a == b for a, b in zip(rows, expected, strict=False))
    return Outcome(golden.id, golden.what, exact, len(expected), None, None, rows == expected)


def _instant(scenario: Scenario, time: Any) -> int:
    if time is None:
        return NEVER
    return int(time * _DAY) if not isinstance(time, str) else scenario.epoch.microseconds(parse_instant(time))


def _exact(seed: int, engine: Chosen) -> Iterator[Outcome]:
    """Check D18's utilisation, the log invariants of the pilot, and that the parts of its `amenable` add up to it."""
    use = _utilisation(run_once(load_scenario(FOLDER / "D18.yaml"), engine=engine))
    # busy 3 + 1 + 4 of 2 x 10 + 1 x 5 server-days
    yield Outcome("D18-use", "sizes that change on a date: utilisation", use, 8 / 25, None, None, use == 8 / 25)
    scenario = load_scenario("pilot")
    path = SamplePath(seed, 1)
    log = simulate(engine, make_plan(scenario, path), path)
    try:
        check_log(log)
        broken = 0
    except BrokenInvariant:
        broken = 1
    yield Outcome("invariants", "pilot: broken log invariants", broken, 0, None, None, not broken)
    values = {v.measure: v.value or 0.0 for v in measure(log) if v.court == "all" and v.at is None and v.by is None}
    entry = next(m for m in scenario.workflow.measures if m.measure == "amenable")
    parts, whole = sum(values[part] for part in entry.split or {}), values["amenable"]
    yield Outcome("pilot", "pilot: sum of the parts of amenable", parts, whole, None, None, parts == whole)
