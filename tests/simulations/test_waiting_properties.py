"""Waits by reason and by clock on random scenarios, against a walk along each wait in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from simulations import SamplePath, make_plan
from simulations.engines import compiled_engine
from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.descriptors import BREAKDOWNS, LEAD_TIME
from simulations.timing.clock import MICROSECONDS_PER_DAY as DAY
from tests.examples import examples
from tests.simulations.both_engines import assert_same
from tests.simulations.crowds import crowds
from tests.simulations.fixed_draws import waits_by_row
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import Mapping, loaded, run
from tests.simulations.stays import Floor, History, Stay, size_at, slots_at, suspended

SOME = settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(SOME, max_examples=1000)


class Walk:
    """A station, as a wait for it sees it at an instant."""

    def __init__(self, history: History, pool: Any, court: int, stays: list[Stay]) -> None:
        self.history, self.pool, self.court, self.calendar = history, pool, court, pool.calendars[court]
        self.stays = stays
        self.begun = [s.started for s in stays if s.started is not None and s.first_started is None]
        self.completed = {(row["case_id"], row["started_at"]) for row in history.rows if row["completed_at"] > NEVER}
        horizon = history.scenario.horizon
        self.changes = {
            *self.calendar.opens,
            *self.calendar.closes,
            *(at for at, _ in pool.sizes[court]),
            *range(0, horizon, DAY),
        }
        self.changes |= {t for s in history.scenario.suspensions for t in (s.start, s.end)}
        self.changes |= {t for s in stays for t in (s.started, s.left) if t is not None}

    def is_suspended(self, case: int, at: int) -> bool:
        """Return whether a case may not start at an instant, with the record that it has after this instant."""
        found = suspended(self.history, self.pool, self.court, at)
        record = next(record for t, record in reversed(self.history.records[case]) if t <= at)
        return found is not None and (found.exempt is None or not self.history.test(found.exempt, case, record))

    def slots_left(self, at: int, before: bool) -> bool:
        """Return whether a slot is left at an instant: before any start of this instant, or after all of them."""
        slots = slots_at(self.pool, self.court, at)
        if slots is None:
            return True
        opening = self.calendar.opens[self.calendar.interval_at(at)]
        n = sum(opening <= s < at + (not before) for s in self.begun)
        return n < slots

    def is_chance(self, stay: Stay, at: int) -> bool:
        """Return whether a case could start at an instant if no other case were there."""
        interval = self.calendar.interval_at(at)
        if interval is None or not size_at(self.pool, self.court, at) or self.is_suspended(stay.case, at):
            return False
        if interval == self.calendar.interval_at(stay.enabled) and not self.slots_left(at, before=True):
            return False
        end = min(stay.left, self.history.scenario.horizon)
        length = 0 if stay.started is None else end - stay.started
        return self.pool.at_shift_end != "fit" or bool(self.calendar.fits(at, length))

    def cause(self, case: int, at: int) -> str:
        """Return what keeps a case waiting around an instant at which nothing changes."""
        if self.is_suspended(case, at):
            return "suspended"
        if self.calendar.interval_at(at) is None:
            return (
                "holiday" if self.history.scenario.epoch.instant(at).date().isoformat() in self.calendar.closed else "off_shift"
            )
        if not size_at(self.pool, self.court, at):
            return "no_staff"
        if not self.slots_left(at, before=False):
            return "slots_used_up"
        busy = sum(s.started is not None and s.started < at < s.left for s in self.stays)
        if busy < size_at(self.pool, self.court, at):
            assert self.pool.at_shift_end == "fit"
            return "does_not_fit"
        return "no_free_server"

    def parts(self, stay: Stay) -> dict[str, dict[str, int]]:
        """Return the parts of one wait."""
        start, end = stay.enabled, min(stay.waits_until, self.history.scenario.horizon)
        records = {at for at, _ in self.history.records[stay.case]}
        marks = sorted({start, end, *(t for t in self.changes | records if start < t < end)})
        resumed = stay.first_started is not None
        chance = start if resumed else next((t for t in marks if t < end and self.is_chance(stay, t)), end)
        if (stay.case, stay.started) in self.completed and not resumed:  # dropped work may have been longer than the log shows
            assert self.is_chance(stay, stay.started) or stay.started in records  # type: ignore[arg-type]
        parts = {kind: dict.fromkeys(names, 0) for kind, names in BREAKDOWNS.items()}
        parts["waiting_reason"]["capacity"] = end - chance
        for a, b in pairwise(marks):
            cause = self.cause(stay.case, (a + b) // 2)
            if a >= chance:
                parts["waiting_capacity"][cause] += b - a
            else:
                parts["waiting_reason"]["does_not_fit" if cause == "no_free_server" else cause] += b - a
            parts["waiting_clock"][cause if cause in BREAKDOWNS["waiting_clock"] else "on_shift"] += b - a
        return parts


def walked(log: EventLog) -> Iterator[tuple[Stay, dict[str, dict[str, int]]]]:
    """Yield every wait for a pool with its parts, worked out one by one; not of pools that wait until they serve several together."""
    history = History(log)
    for (pool, court), stays in Floor(history).queues.items():
        if log.cases.scenario.pools[pool].batch is not None:
            continue
        walk = Walk(history, log.cases.scenario.pools[pool], court, stays)
        for stay in stays:
            yield stay, walk.parts(stay)


def check(log: EventLog) -> None:
    """Each part is at least 0, they add up to the wait, and each agrees with the walk."""
    columns = {name: log.columns[name].tolist() for name in ("case_id", "pool", "enabled_at", "started_at", "happened_at")}
    by_row, of_rows = waits_by_row(log), {}
    for row, (case, pool, enabled, started, happened) in enumerate(zip(*columns.values(), strict=True)):
        parts = {kind: {part: int(lengths[row]) for part, lengths in by_part.items()} for kind, by_part in by_row.items()}
        assert all(length >= 0 for by_part in parts.values() for length in by_part.values())
        if pool >= 0:
            wait = (happened if started == NEVER else started) - enabled
            assert sum(parts["waiting_reason"].values()) == sum(parts["waiting_clock"].values()) == wait
            assert sum(parts["waiting_capacity"].values()) == parts["waiting_reason"]["capacity"]
            of_rows.setdefault((case, enabled, started, happened), []).append(parts)
    for stay, parts in walked(log):
        started = NEVER if stay.started is None else stay.started
        left = min(stay.left, log.cases.scenario.horizon)
        assert parts in of_rows[stay.case, stay.enabled, started, left]


@SOME
@given(crowds(teams=False) | pressed(crowds(teams=False)))
def test_reasons_and_clock_add_up_and_agree_with_a_walk_along_each_wait(scenario: Mapping) -> None:
    """Suspensions with exemptions, closures, sizes of 0, slots, work that must fit, and interruptions."""
    check(run(loaded(scenario)))


@pytest.mark.slow
def test_reasons_and_clock_agree_with_a_walk_on_both_engines() -> None:
    """The same on the compiled engine, on many more scenarios; every part occurs in some, but for that of hearing dates."""
    pytest.importorskip("numba")
    seen: set[tuple[str, str]] = set()

    @MANY
    @given(crowds(teams=False))
    def look(scenario: Mapping) -> None:
        frame = loaded(scenario)
        log = run(frame)
        path = SamplePath(1, 1)
        compiled = compiled_engine.simulate(make_plan(frame, path), path)
        assert_same(log, compiled)
        check(compiled)
        seen.update((kind, part) for kind, parts in waits_by_row(log).items() for part in parts if parts[part].any())

    look()
    assert seen == {(kind, part) for kind, parts in BREAKDOWNS.items() for part in parts if part != LEAD_TIME}
