"""Growing queues: a test for a trend in the second half of a run, over replications."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulations import load_scenario, run
from simulations.measuring.trends import LongQueue, TrendPeriod
from simulations.running.growing import growing_queues
from simulations.scenarios.scenario import Scenario
from tests.simulations.desk import write_tiny

HALF_YEAR = TrendPeriod(dt.date(2024, 1, 1), dt.date(2024, 6, 23), 25, 3)


def _queue(lengths: list[int]) -> LongQueue:
    return HALF_YEAR.queue("clerks", "east", np.array(lengths))


def _period(scenario: Scenario) -> tuple[dt.date, dt.date]:
    period = TrendPeriod.of(scenario)
    return period.starts, period.ends


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """46 days from 1 January; the second half begins on 24 January."""
    return load_scenario(write_tiny(tmp_path_factory.mktemp("tiny")))


def test_the_second_half_is_looked_at(tiny: Scenario, tmp_path: Path) -> None:
    """Or the rest of it after the warm-up."""
    assert _period(tiny) == (dt.date(2024, 1, 24), dt.date(2024, 2, 15))
    warm = load_scenario(write_tiny(tmp_path), ["warm_up=2024-02-01"])
    assert _period(warm) == (dt.date(2024, 2, 1), dt.date(2024, 2, 15))


def test_a_queue_that_grows_is_named_with_period_court_and_lengths(tiny: Scenario) -> None:
    """In a single replication and in several."""
    for n in (1, 4):
        (queue,) = growing_queues(tiny, [[_queue(list(range(20, 80)))]] * n, 0.95)
        assert (queue.pool, queue.court, queue.first, queue.last, queue.tau) == ("clerks", "east", 20, 79, 1.0)
        assert (queue.starts, queue.ends) == _period(tiny)


def test_a_queue_that_fell_and_is_flat_at_the_end_does_not_grow(tiny: Scenario) -> None:
    """Even if it is longer at the end than at the start."""
    flat = _queue([50 - k for k in range(20)] + [31, 33] * 19 + [60, 61])
    assert growing_queues(tiny, [[flat]], 0.95) == []
    assert growing_queues(tiny, [[flat], [_queue(list(range(20, 80)))]], 0.95) == []


def test_a_queue_that_is_longer_on_sundays_does_not_grow(tiny: Scenario) -> None:
    """A half-year has whole weeks, and a Sunday is compared with Sundays only: at each end of the period it is Sunday night."""
    weeks = np.tile([12, 30, 45], 25)
    (slight,) = ([_queue([45, *weeks.tolist()])],)
    assert slight[0].tau == 0
    assert growing_queues(tiny, [[replace(slight[0], first=44)]] * 10, 0.95) == []
    (grows,) = growing_queues(tiny, [[_queue([45, *(weeks + np.arange(75) // 3 + 1).tolist()])]] * 2, 0.95)
    assert grows.tau == 1


def test_the_period_has_whole_weeks_and_about_sixty_instants(tmp_path: Path) -> None:
    """Of 66 days, 63; of ten years, 65 times four weeks from Monday to Sunday; of three days, the instants as they are."""
    path = write_tiny(tmp_path)
    found = {}
    for ends in ("2024-05-11", "2033-12-31", "2024-01-05"):
        period = TrendPeriod.of(load_scenario(path, [f"ends={ends}"]))
        found[ends] = ((period.ends - period.starts).days + 1, period.n_cycles, period.per_cycle)
    assert found == {"2024-05-11": (63, 9, 7), "2033-12-31": (1820, 65, 1), "2024-01-05": (3, 60, 1)}


def test_a_queue_that_is_short_in_some_replication_does_not_grow(tiny: Scenario) -> None:
    """The replication in which it is short says nothing of it."""
    assert growing_queues(tiny, [[_queue(list(range(20, 80)))], []], 0.95) == []


def test_the_log_gives_the_queue_lengths(tmp_path: Path) -> None:
    """Constant arrivals and work: 24 cases arrive a day, and one clerk serves two of them."""
    path = write_tiny(tmp_path)
    text = path.read_text(encoding="utf-8").replace("{rate: 3 per day}", "{interarrival: {constant: 1 hours}}")
    text = text.replace("{lognormal: {mean: 9 hours, cv: 1}}", "12 hours").replace("{queue: 20}", "{queue: 0}")
    path.write_text(text.replace("{yes: 0.7, no: rest}", "{yes: 1, no: 0}"), encoding="utf-8")
    scenario = load_scenario(path, ["pools.clerks.size=1"])
    result = run(scenario, out=tmp_path / "run", engine="simpy")
    (queue,) = result.growing
    assert (queue.court, queue.tau) == ("east", 1.0)
    days = (scenario.ends - scenario.starts).days + 1
    assert queue.last == pytest.approx(days * 22, abs=12)
    assert queue.first == pytest.approx(days // 2 * 22, abs=12)


@pytest.mark.slow
def test_a_steady_queue_is_rarely_reported_as_growing(tiny: Scenario) -> None:
    """A steady M/M/1 queue with load 0.95, with up to 10 replications: in at most 6 percent of 2,000 runs."""
    rng = np.random.default_rng(1)
    queues = [_steady_queue(rng, load=0.95, per_day=4.0, days=175) for _ in range(2000)]
    for n in (1, 2, 5, 10):
        runs = [queues[k : k + n] for k in range(0, len(queues), n)]
        named = [growing_queues(tiny, [[queue] for queue in one], 0.95) for one in runs]
        assert np.mean([bool(trends) for trends in named]) <= 0.06, n


def _steady_queue(rng: np.random.Generator, load: float, per_day: float, days: int) -> LongQueue:
    rate = per_day * (1 + load)
    n = int(rate * days * 1.3) + 100
    at, up = rng.exponential(1 / rate, n).cumsum(), rng.random(n) < load / (1 + load)
    start = int(rng.geometric(1 - load)) - 1
    walk = np.concatenate([[start], start + np.where(up, 1, -1).cumsum()])
    length = walk - np.minimum.accumulate(np.minimum(walk, 0))
    return _queue(length[np.searchsorted(at, np.linspace(0, days, 76), side="right")].tolist())
