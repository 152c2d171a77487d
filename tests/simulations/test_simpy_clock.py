"""Does SimPy's clock with an agenda by day run everything in its order?"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from simulations.engines.simpy_clock import SimpyClock
from simulations.timing.clock import MICROSECONDS_PER_DAY as DAY

TIMES = st.integers(0, 8).map(lambda k: k * DAY // 2) | st.integers(0, 4 * DAY)
"""Often midnight or noon, so that events meet."""


def nothing_to_settle() -> None:
    """Settle nothing."""


@given(st.lists(st.tuples(TIMES, st.integers(1, 3), st.none() | st.tuples(TIMES, st.integers(1, 3)))))
def test_events_run_by_time_and_priority_whatever_day_they_were_scheduled_on(events: list[Any]) -> None:
    """Some schedule another when they run, on the same day or later; those alike run as they were scheduled."""
    clock = SimpyClock(nothing_to_settle)
    scheduled: list[tuple[int, int, int]] = []
    ran: list[tuple[int, int, int]] = []

    def add(time: int, priority: int, then: Any) -> None:
        me = (time, priority, len(scheduled))
        scheduled.append(me)
        clock.at(time, priority, run, (me, then))

    def run(event: tuple[tuple[int, int, int], Any]) -> None:
        me, then = event
        assert clock.now == me[0]
        ran.append(me)
        if then is not None:
            add(me[0] + 1 + then[0], then[1], None)

    for time, priority, then in events:
        add(time, priority, then)
    clock.run_to(100 * DAY)
    assert ran == sorted(scheduled)


@given(st.lists(st.integers(0, 2 * DAY), max_size=8), st.lists(TIMES))
def test_a_process_runs_before_the_events_of_its_instant(delays: list[int], times: list[int]) -> None:
    """Its delays pass over days without events, and beyond the last event of the engine."""
    clock = SimpyClock(nothing_to_settle)
    ran: list[tuple[int, str]] = []
    for time in times:
        clock.at(time, 1 << 56, lambda _: ran.append((int(clock.now), "event")), None)

    def process() -> Generator[Any, Any, None]:
        for delay in delays:
            yield clock.timeout(delay)
            ran.append((int(clock.now), "awake"))
            assert clock.peek() == min((t for t in times if t >= clock.now), default=float("inf"))

    clock.process(process())
    clock.run_to(100 * DAY)
    wakes = [(sum(delays[: k + 1]), "awake") for k in range(len(delays))]
    assert ran == sorted([*wakes, *((t, "event") for t in times)])


def test_what_is_unsettled_is_settled_when_the_instant_is_over_and_nothing_runs_after_the_horizon() -> None:
    """Two events at noon of the third day and one after it; settling may schedule for the same instant."""
    heard: list[Any] = []

    def settle() -> None:
        heard.append(("settled", sorted(clock.unsettled)))
        clock.unsettled.clear()
        if len(heard) < 5:
            clock.at(int(clock.now), 1, happen, 9)

    def happen(number: int) -> None:
        heard.append(number)
        clock.unsettled.add(number)

    clock = SimpyClock(settle)
    for number, time in enumerate((5 * DAY // 2, 5 * DAY // 2, 3 * DAY, 3 * DAY + 1)):
        clock.at(time, 1, happen, number)
    clock.at(2 * DAY, 1, happen, 7).cancel()
    clock.run_to(3 * DAY)
    assert heard == [0, 1, ("settled", [0, 1]), 9, ("settled", [9]), 2, ("settled", [2])]
