"""Teams beside independent SimPy programs: the mean waits agree within their error.

Each program is written from the documentation, draws with numpy's generator, and shares no code with the engines. A mean wait over
replications of 150 days is compared with that of the program; the limit of 3.3 standard errors fails once in a thousand seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy
from numpy.typing import NDArray

from simulations import load_scenario
from simulations.checks.validation import run_once
from simulations.log.eventlog import EventLog

DAYS, REPLICATIONS = 150, 12
WORKFLOW = """
workflow: hearings
facts: {foreign: {type: boolean}}
activities: {hear: {}}
entry: {states: [docket]}
states: {docket: {activity: hear}, heard: {final: true}}
transitions: [{transition: decide, from: docket, to: heard}]
"""
SCENARIO = """
scenario: house
workflow: hearings.yaml
starts: 2024-01-01
ends: 2024-05-29
people: {foreign: 0.4}
arrivals: {all: {rate: 10 per day}}
"""
TWO_POOLS = """
pools: {judges: {size: 3}, interpreters: {size: 1}}
activities: {hear: {needs: {judges: 1, interpreters: {when: foreign}}, takes: {exponential: {mean: 5 hours}}}}
"""
EITHER = """
pools: {judges: {size: 2}, visitors: {size: 1}}
activities:
  hear: {either: [judges, visitors], takes: {by: pool, judges: {exponential: {mean: 5 hours}}, visitors: {exponential: {mean: 8 hours}}}}
"""


def two_pools(seed: int) -> tuple[float, float]:
    """Return the mean waits without and with an interpreter: three judges, one interpreter, and nobody waits behind others."""
    draw, env = np.random.default_rng(seed), simpy.Environment()
    free = {"judges": 3, "interpreters": 1}
    queue: list[tuple[float, bool]] = []
    waits: dict[bool, list[float]] = {False: [], True: []}

    def needed(foreign: bool) -> tuple[str, ...]:
        return ("judges", "interpreters") if foreign else ("judges",)

    def dispatch() -> None:
        for case in list(queue):
            arrived, foreign = case
            if all(free[pool] for pool in needed(foreign)):
                queue.remove(case)
                waits[foreign].append(env.now - arrived)
                for pool in needed(foreign):
                    free[pool] -= 1
                env.process(hear(foreign))

    def hear(foreign: bool) -> Generator[Any, Any, None]:
        yield env.timeout(draw.exponential(5 / 24))
        for pool in needed(foreign):
            free[pool] += 1
        dispatch()

    def arrive() -> Generator[Any, Any, None]:
        while True:
            yield env.timeout(draw.exponential(1 / 10))
            queue.append((env.now, bool(draw.random() < 0.4)))
            dispatch()

    env.process(arrive())
    env.run(DAYS)
    return float(np.mean(waits[False])), float(np.mean(waits[True]))


def either(seed: int) -> tuple[float, float]:
    """Return the mean wait, and the share of the cases that the visiting judge heard: two judges, who come first, and he."""
    draw, env = np.random.default_rng(seed), simpy.Environment()
    free, mean = {"judges": 2, "visitors": 1}, {"judges": 5 / 24, "visitors": 8 / 24}
    queue: list[float] = []
    waits: dict[str, list[float]] = {"judges": [], "visitors": []}

    def dispatch() -> None:
        while queue and any(free.values()):
            pool = next(pool for pool in ("judges", "visitors") if free[pool])
            free[pool] -= 1
            waits[pool].append(env.now - queue.pop(0))
            env.process(hear(pool))

    def hear(pool: str) -> Generator[Any, Any, None]:
        yield env.timeout(draw.exponential(mean[pool]))
        free[pool] += 1
        dispatch()

    def arrive() -> Generator[Any, Any, None]:
        while True:
            yield env.timeout(draw.exponential(1 / 10))
            queue.append(env.now)
            dispatch()

    env.process(arrive())
    env.run(DAYS)
    every = [*waits["judges"], *waits["visitors"]]
    return float(np.mean(every)), len(waits["visitors"]) / len(every)


def waits_of(log: EventLog) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows at which work that started ends, and the wait for it in days."""
    rows = np.flatnonzero(log.columns["started_at"] > 0)
    return rows, (log.columns["started_at"][rows] - log.columns["enabled_at"][rows]) / 86_400e6


def of_two_pools(log: EventLog) -> tuple[float, float]:
    """Return what `two_pools` does, of a log."""
    rows, wait = waits_of(log)
    foreign = log.cases.columns.values["foreign"][log.columns["case_id"][rows]].astype(bool)
    return float(wait[~foreign].mean()), float(wait[foreign].mean())


def of_either(log: EventLog) -> tuple[float, float]:
    """Return what `either` does, of a log."""
    rows, wait = waits_of(log)
    return float(wait.mean()), float((log.columns["pool"][rows] == log.labels.pool.index("visitors")).mean())


@pytest.mark.parametrize(
    ("pools", "program", "read"), [(TWO_POOLS, two_pools, of_two_pools), (EITHER, either, of_either)], ids=["two pools", "either"]
)
def test_the_waits_are_those_of_an_independent_program(
    tmp_path: Path, pools: str, program: Callable[[int], Any], read: Callable[[EventLog], Any]
) -> None:
    """Two figures of each model, from as many replications of both."""
    (tmp_path / "hearings.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "house.yaml").write_text(SCENARIO + pools, encoding="utf-8")
    scenario = load_scenario(tmp_path / "house.yaml")
    ours = np.array([read(run_once(scenario, k, 1)) for k in range(1, REPLICATIONS + 1)])
    theirs = np.array([program(k) for k in range(1, REPLICATIONS + 1)])
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / REPLICATIONS)
    z = (ours.mean(axis=0) - theirs.mean(axis=0)) / error
    assert (np.abs(z) < 3.3).all(), (ours.mean(axis=0), theirs.mean(axis=0), z)
