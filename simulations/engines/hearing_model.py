"""The hearing dates of a scenario as arrays for the kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.engines.codes import CALLS, ENDS_DATE, IS_ANNOUNCED
from simulations.engines.free_dates import NO_SLOTS, tree_of
from simulations.engines.kernel import arrays
from simulations.scenarios.scenario import Pool, Scenario
from simulations.timing.calendars import FAR, Calendar


class Hearings:
    """Collects the hearing dates, station by station.

    Parameters
    ----------
    calendar : callable
        Returns the number of a calendar, and adds it if it is new.
    """

    def __init__(self, scenario: Scenario, calendar: Callable[[Calendar], int]) -> None:
        self._scenario, self._calendar = scenario, calendar
        self._rows: list[NDArray[Any]] = [np.zeros(1, arrays.HEARING)]
        self._shut: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._trees: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._n = self._n_in_trees = 1
        self.changes: list[tuple[int, int, int, int]] = []

    def of_station(self, pool: Pool, court: int, station: int) -> dict[str, int]:
        """Add the dates of a station; return the fields of its row."""
        if not pool.dates:
            return _fields(first=-1, n=0, suspended=(0, 0), working_days=-1, tree=0, tree_size=0)
        dates, horizon = self._scenario.hearing_dates[pool.name][court], self._scenario.horizon
        first, tree, n = self._n, self._n_in_trees, len(dates.days)
        rows = np.zeros(n, arrays.HEARING)
        rows["day"], rows["closes"], rows["slots"] = dates.days, dates.closes, dates.slots
        rows["closed_from"], rows["suspended_from"] = dates.closed_from, dates.suspended_from
        closed, suspended = dates.closed_from <= 0, dates.suspended_from <= 0
        shut = closed * arrays.CLOSED_DATE + suspended * arrays.SUSPENDED_DATE
        room = tree_of(np.where((shut > 0) | (dates.slots == 0), NO_SLOTS, dates.slots))
        self._rows.append(rows)
        self._shut.append(shut.astype(np.int64))
        self._trees.append(room)
        self._n += n
        self._n_in_trees += len(room)
        for time in dates.announced(horizon):
            news = np.flatnonzero((dates.closed_from == time) | (dates.suspended_from == time))
            self.changes.append((time, station, IS_ANNOUNCED, first + int(news[0])))
        for k in dates.held(horizon):
            self.changes += [
                (int(dates.opens[k]), station, CALLS, first + k),
                (int(dates.closes[k]), station, ENDS_DATE, first + k),
            ]
        stops = np.flatnonzero(dates.suspended_from < FAR)
        stopped = (first + int(stops[0]), first + int(stops[-1]) + 1) if len(stops) else (first, first)
        working_days = self._calendar(pool.dates[court].working_days)
        return _fields(first, n, stopped, working_days, tree, tree_size=len(room) // 2)

    def arrays(self) -> dict[str, Any]:
        """Return the dates, and at the start of a run: what is booked for them, and the trees of free slots."""
        bookings = np.zeros(self._n, arrays.BOOKINGS)
        bookings["head"] = bookings["tail"] = -1
        bookings["shut"] = np.concatenate(self._shut)
        return {"hearings": np.concatenate(self._rows), "bookings": bookings, "room": np.concatenate(self._trees)}


def _fields(first: int, n: int, suspended: tuple[int, int], working_days: int, tree: int, tree_size: int) -> dict[str, int]:
    """Return what the row of a station says about its dates at the start of a run."""
    return {
        "dates": first,
        "n_dates": n,
        "first_suspended": suspended[0],
        "last_suspended": suspended[1],
        "working_days": working_days,
        "tree": tree,
        "tree_size": tree_size,
        "n_booked": 0,
        "calling": -1,
    }
