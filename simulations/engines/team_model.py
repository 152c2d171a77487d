"""The teams of a scenario as arrays for the kernel.

The cases of a queue that have the same activity, need the same servers and are exempt from the same suspensions are of one
*kind*. Each kind has a queue of its own at a station, so that a case that lacks a server stands for all behind it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from simulations.engines.kernel import arrays
from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import Need, Pool, Scenario, Team, Work
from simulations.timing.calendars import Calendar, common_calendar
from workflow.deciding.table import Columns
from workflow.predicates import Expression, names, vector

_OfTeam = tuple[tuple[str, int, int], ...]
"""The needs of a team for a case: pool, number of servers, and whether the case is exempt from the pool's suspensions."""


class Teams:
    """Collects the kinds of cases, activity by activity.

    Parameters
    ----------
    look : _Lookups
        The tables of `simulations.engines.kernel_model`.
    takes : callable
        Returns the lookup of a length.
    calendar : callable
        Returns the number of a calendar, and adds it if it is new.
    """

    def __init__(
        self, scenario: Scenario, look: Any, takes: Callable[[Choice[Length]], int], calendar: Callable[[Calendar], int]
    ) -> None:
        self._scenario, self._look, self._takes, self._calendar = scenario, look, takes, calendar
        self._kind_of: list[int] = []
        self._kinds: dict[str, dict[Hashable, int]] = {pool: {} for pool in scenario.pools}
        self._rows: dict[str, list[tuple[int, int, bool]]] = {pool: [] for pool in scenario.pools}
        self._teams: list[tuple[int, int, int, int]] = []
        self._needs: list[tuple[int, int, int]] = []
        self._team_calendars: list[int] = []
        self._calendars_of: dict[tuple[str, ...], int] = {}
        self._common: dict[tuple[int, ...], Calendar] = {}
        self._wakes: list[int] = []
        self._queued = [work for work in scenario.work.values() if work.pool in scenario.queues_with_teams]

    # kinds ---------------------------------------------------------------------------------------

    def add(self, work: Work) -> int:
        """Add the kinds of an activity, and return its index in `kind_of`; -1 if its queue has no teams."""
        if work.pool is None or work.pool not in self._scenario.queues_with_teams:
            return -1
        first, teams = len(self._kind_of), work.teams or (Team((Need(work.pool, Choice(1)),), work.takes),)
        takes = [self._takes(team.takes) for team in teams]
        needs = [need for team in teams for need in team.needs]
        made: dict[Hashable, int] = {}
        for court in range(len(self._scenario.courts)):
            exempt = tuple(self._exemption(need.pool, court) for need in needs)
            here = court if self._scenario.transfers else None
            if (exempt, here) not in made:
                made[exempt, here] = self._lookup(work, teams, takes, exempt, here)
            self._kind_of.append(made[exempt, here])
        return first

    def _exemption(self, pool: str, court: int) -> Expression | None:
        return self._scenario.exemption(pool, court) if self._scenario.pools[pool].at_court else None

    def _lookup(
        self, work: Work, teams: Sequence[Team], takes: Sequence[int], exempt: Sequence[Expression | None], court: int | None
    ) -> int:
        """Tabulate the kind of a case, whose servers may depend on the court where it is; ``None`` for the home court."""
        needs = [need for team in teams for need in team.needs]
        conditions = [c for c in (*exempt, *(need.when for need in needs)) if c is not None]
        read = frozenset[str]().union(*(need.count.reads() for need in needs), *(names(c) for c in conditions))
        fields, columns = self._look.grid(read)
        home = columns
        if court is not None:
            columns = Columns({**columns.values, "court": np.full(len(columns), court)}, columns.missing)
        table = np.zeros((len(columns), 2 * len(needs)), np.int64)
        for k, (need, condition) in enumerate(zip(needs, exempt, strict=True)):
            for leaf, rows in need.count.rows(columns, self._scenario.namespace.fields):
                table[rows, 2 * k] = leaf
            if need.when is not None:
                table[:, 2 * k] *= np.broadcast_to(vector(need.when, columns.values, columns.missing), len(columns))
            if condition is not None:
                is_exempt = np.broadcast_to(vector(condition, home.values, home.missing), len(home))
                table[:, 2 * k + 1] = is_exempt & (table[:, 2 * k] > 0)
        distinct, which = np.unique(table, axis=0, return_inverse=True)
        numbers = [self._kind(work, teams, takes, row) for row in distinct.tolist()]
        return int(self._look.add(fields, np.array(numbers, np.int64)[which.ravel()]))

    def _kind(self, work: Work, teams: Sequence[Team], takes: Sequence[int], row: Sequence[int]) -> int:
        """Return the number of a kind among those of its pool."""
        given, of_teams = iter(zip(row[::2], row[1::2], strict=True)), list[_OfTeam]()
        for team in teams:
            of_teams.append(tuple((need.pool, n, e) for need, (n, e) in zip(team.needs, given, strict=False) if n > 0))
        kinds, key = self._kinds[work.pool or ""], (work.activity, *of_teams)
        if key not in kinds:
            kinds[key] = len(kinds)
            self._rows[work.pool or ""].append((len(self._teams), len(teams), work.hold))
            for needs, lookup in zip(of_teams, takes, strict=True):
                self._teams.append((len(self._needs), len(needs), lookup, self._calendars([pool for pool, _, _ in needs])))
                pools = list(self._scenario.pools)
                self._needs += [(pools.index(pool), n, exempt) for pool, n, exempt in needs]
        return kinds[key]

    def _calendars(self, names_of_pools: Sequence[str]) -> int:
        """Return the index in `team_calendars` of the calendars of some pools together."""
        key = tuple(names_of_pools)
        if key not in self._calendars_of:
            self._calendars_of[key] = len(self._team_calendars)
            pools = [self._scenario.pools[name] for name in key]
            for court in range(len(self._scenario.courts)):
                calendars = [pool.calendars[court if pool.at_court else 0] for pool in pools]
                same = tuple(map(id, calendars))
                if same not in self._common:
                    self._common[same] = common_calendar(calendars)
                self._team_calendars.append(self._calendar(self._common[same]))
        return self._calendars_of[key]

    # stations ------------------------------------------------------------------------------------

    def of_station(self, pool: Pool, court: int) -> dict[str, int]:
        """Return whether teams serve the queue, its first kind, the queues of a kind and of a court, and its range in `wakes`."""
        first, wakes = len(self._wakes), self._waking(pool, court)
        self._wakes += wakes
        names_of_pools = list(self._scenario.pools)
        before = sum(len(self._kinds[name]) for name in names_of_pools[: names_of_pools.index(pool.name)])
        by_teams, variants = pool.name in self._scenario.queues_with_teams, self._variants(pool)
        return {
            "by_teams": int(by_teams),
            "kinds": before,
            "width": self._by_court(pool) * variants,
            "variants": variants,
            "wakes": first,
            "n_wakes": len(wakes),
        }

    def n_queues(self, pool: Pool) -> int:
        """Return the number of queues at a station: for each kind, each court whose servers differ, and interrupted work."""
        return len(self._kinds[pool.name]) * self._by_court(pool) * self._variants(pool)

    def may_be_interrupted(self, pool: Pool) -> bool:
        """Return whether interrupted work may come to the queue of a pool."""
        members = {name for work in self._queued if work.pool == pool.name for name in work.pools}
        return any(
            may_be_interrupted(self._scenario.pools[name], sizes)
            for name in members
            for sizes in self._scenario.pools[name].sizes
        )

    def _variants(self, pool: Pool) -> int:
        """Return 2 if interrupted work, which needs no slots, has queues of its own, else 1."""
        return 2 if self.may_be_interrupted(pool) else 1

    def _by_court(self, pool: Pool) -> int:
        """Return the number of courts if the teams of a national queue have servers at the courts, else 1."""
        members = {name for work in self._queued if work.pool == pool.name for name in work.pools}
        local = not pool.at_court and any(self._scenario.pools[name].at_court for name in members)
        return len(self._scenario.courts) if local else 1

    def _waking(self, pool: Pool, court: int) -> list[int]:
        """Return the other stations with cases that may need a server of this one."""
        first = dict(
            zip(
                self._scenario.pools,
                itertools.accumulate((len(p.sizes) for p in self._scenario.pools.values()), initial=0),
                strict=False,
            )
        )
        found: set[int] = set()
        for work in self._queued:
            if pool.name in work.pools and work.pool != pool.name and work.pool is not None:
                queue = self._scenario.pools[work.pool]
                local = pool.at_court and queue.at_court
                found |= {first[queue.name] + court} if local else {first[queue.name] + k for k in range(len(queue.sizes))}
        return sorted(found)

    def arrays(self, n_free: int) -> Mapping[str, Any]:
        """Return the arrays; `n_free` is the number of servers of all stations."""
        sizes = [max(n for _, n in of_station) for pool in self._scenario.pools.values() for of_station in pool.sizes]
        return {
            "kind_of": np.array([*self._kind_of, -1], np.int64),
            "kinds": _structured([row for rows in self._rows.values() for row in rows], arrays.KIND),
            "teams": _structured(self._teams, arrays.TEAM),
            "needs": _structured(self._needs, arrays.NEED),
            "team_calendars": np.array([*self._team_calendars, -1], np.int64),
            "wakes": np.array([*self._wakes, -1], np.int64),
            "holder": np.append(np.repeat(np.arange(len(sizes)), sizes), -1),
            "most_holds": 2 * n_free + 1 if self._queued else 0,
        }


def _structured(rows: Sequence[tuple[int, ...]], dtype: np.dtype[Any]) -> Any:
    return np.array([*rows, (0,) * len(dtype.names or ())], dtype)


def may_be_interrupted(pool: Pool, sizes: Sequence[tuple[int, int]]) -> bool:
    """Return whether the work of a station of a pool may be interrupted: by other cases, at its openings or ends of shifts."""
    shrinks = pool.at_shift_end == "suspend" and any(later < size for (_, size), (_, later) in itertools.pairwise(sizes))
    return shrinks or pool.begins_again or pool.preempt is not None
