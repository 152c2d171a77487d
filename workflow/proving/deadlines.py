"""Decide time limits of rules under bounds on time.

Two searches with clocks decide a rule whose obligation may stay open for a while. The first covers all histories that meet
the bounds: if none leaves the obligation open for too long, the rule is proved. Otherwise the second covers the histories in
which a case leaves at once every state without an upper bound. If one of them is late, the rule is broken, and the slowest
history is found and dated. If none is late, a bound is missing.

Months, years and working days have no fixed length. The searches then take the longest lengths that any date allows for
stays, and the shortest for the time limit. So a proof holds for every date; a late history is dated exactly, for every start
date, and counts if it is late on one of them. If it is late on none, the searches are repeated date by date.

References
----------
R. Alur, D. L. Dill (1994), "A theory of timed automata", Theoretical Computer Science 126 (2).
https://doi.org/10.1016/0304-3975(94)90010-8
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from workflow.deciding.machine import fact_names
from workflow.model.definition import StateKind, Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.model.time_limits import DAY, ELAPSED
from workflow.predicates.calendar_days import EPOCH
from workflow.proving.abstraction import Precision
from workflow.proving.atoms import Atoms
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.date_clocks import DateClocks
from workflow.proving.dating import Dated, dated
from workflow.proving.histories import history_of
from workflow.proving.paths import PathCheck
from workflow.proving.search import Refine, Witness
from workflow.proving.timed_search import Late, TimedSearch
from workflow.proving.timing import Clocks, Timing
from workflow.proving.verdict import Deadline, Decision, History, Times
from workflow.proving.zone_clocks import ZoneClocks

_SHARE = 0.5  # of the time that is left, for the longest time once a rule is proved, or the slowest history once one is late


@dataclass(frozen=True)
class Decided:
    """What is known of a time limit: a decision, the deadline, and a late history if there is one."""

    decision: Decision
    deadline: Deadline
    history: History | None = None
    reason: str | None = None


def decide_deadline(
    workflow: Workflow, rule: Rule, bounds: Bounds, paths: PathCheck, budget: Budget
) -> Decided:  # fmt: skip
    """Decide whether the obligation of a rule may stay open for longer than its time limit.

    Parameters
    ----------
    rule : Rule
        It must have a time limit, and no case may end while its obligation is open.
    bounds : Bounds

    Raises
    ------
    LimitReached
    """
    return _Decision(workflow, rule, bounds, paths, budget).result()


class _Decision:
    def __init__(
        self, workflow: Workflow, rule: Rule, bounds: Bounds, paths: PathCheck, budget: Budget
    ) -> None:  # fmt: skip
        self.workflow, self.rule, self.bounds = workflow, rule, bounds
        self.paths, self.budget = paths, budget
        self.atoms = Atoms(fact_names(workflow))
        self.timing = Timing(workflow, rule, bounds)
        optional = {name for name, field in workflow.record.items() if field.optional}
        self.precision = Precision(fields=optional)
        self.lemmas: list[dict[int, bool]] = []

    def result(self) -> Decided:
        """Return the decision: by zones, and date by date where these allow too much."""
        found = self._by(ZoneClocks(self.timing))
        if found.decision == "undecided" and not self.timing.exact and not self.bounds.clocks:
            found = self._by(DateClocks(self.timing))
        return found

    def _by(self, clocks: Clocks[Any]) -> Decided:
        self.clocks = clocks
        search, late = self._search(False, TimedSearch.first_late, self.budget)
        if late is None:
            return Decided("proved", Deadline(longest=self._length(self._longest(search)), dates=self._dates))
        missing = self._missing(late)
        _, late = self._search(True, TimedSearch.first_late, self.budget)
        if late is None:
            return Decided("monitored", Deadline(missing=missing))
        return self._broken(late)

    def _search(
        self, hurried: bool, ask: Callable[[TimedSearch], Late | None], budget: Budget
    ) -> tuple[TimedSearch, Late | None]:  # fmt: skip
        """Ask a search, with as fine a precision as the answer needs."""
        while True:
            search = TimedSearch(self.timing, self.clocks, hurried, self.atoms, self.precision, self.paths, self.lemmas, budget)
            try:
                return search, ask(search)
            except Refine as finer:
                self.precision = finer.precision

    def _longest(self, search: TimedSearch) -> int:
        """Return for how long an obligation stays open at most, as exactly as half of the time allows."""
        share = self._share()
        with suppress(LimitReached):
            while True:
                try:
                    search.confirm_longest()
                    break
                except Refine as finer:
                    self.precision = finer.precision
                search = self._search(False, TimedSearch.first_late, share)[0]
        return search.longest

    def _share(self) -> Budget:
        return Budget(max(0.0, self.budget.left * _SHARE), self.budget.most_nodes)

    def _broken(self, first: Late) -> Decided:
        """Return the slowest history, or that only histories break the rule whose times are not known exactly."""
        late, endless, slowest = first, False, None
        with suppress(LimitReached):  # the first history is late, if not the slowest
            slowest = self._search(True, TimedSearch.slowest, self._share())[1]
        if slowest is not None:
            endless, late = slowest.endless, first if slowest.endless else slowest
        history = history_of(self.workflow, Witness(late.rows, late.taken), self.paths, self.budget)
        found = dated(self.timing, late, _day_of(history.facts["arrived"]))
        if found is None:
            return Decided("undecided", Deadline(), reason=_NO_DATE)
        if loose := self._loose(late):
            return Decided("undecided", Deadline(), reason=f"{_LOOSE} {loose}")
        longest = self._took(found) if slowest is not None and not endless else None
        deadline = Deadline(longest=longest, endless=endless, dates=self._dates)
        return Decided("broken", deadline, replace(history, times=self._times(late, found)))

    @property
    def _dates(self) -> str:
        return str(self.timing.dates)

    def _missing(self, late: Late) -> tuple[str, ...]:
        """Return the bounds that are missing on a path, each with why, if that is known."""
        states = self.workflow.states
        passing = (StateKind.ACTIVITY, StateKind.RESTING)
        stays = [
            row.node[0]
            for row in late.rows
            if row.node[3] in self.rule.automaton.open and not row.node[2] and states[row.node[0]].kind in passing
        ]
        without = dict.fromkeys(state for state in stays if not self.bounds.most(state))
        return tuple(f"{s} ({self.bounds.unbounded[s]})" if s in self.bounds.unbounded else s for s in without)

    def _loose(self, late: Late) -> str:
        """Return the states and events of a path of which more is known than the search follows, with what is known."""
        known = self.bounds.loose
        names = [row.node[0] for row in late.rows]
        names += [str(row.move.trigger) for row in late.rows if row.move is not None]
        return "; ".join(f"{name}: {known[name]}" for name in dict.fromkeys(names) if name in known)

    def _length(self, longest: int) -> str:
        """Return a length of time in the unit of the search as text."""
        return format_elapsed(longest) if self.timing.elapsed else _in_days(longest)

    def _took(self, found: Dated) -> str:
        """Return for how long the obligation was open."""
        begun, until = found.times[found.opened], found.times[-1]
        return format_elapsed(until - begun) if self.timing.elapsed else _in_days(until // DAY - begun // DAY)

    def _times(self, late: Late, found: Dated) -> Times:
        """Return the times of the rows that a history shows."""
        shown = [k for k, row in enumerate(late.rows, start=1) if row.move is not None and row.move.trigger is not None]
        steps = tuple(found.times[k] for k in shown)
        opened = shown.index(found.opened) + 1
        return Times(found.times[0], steps, found.times[-1], opened, found.due, self.timing.elapsed)


def _day_of(date: object) -> int:
    assert isinstance(date, dt.date)
    return date.toordinal() - EPOCH


def _in_days(days: int) -> str:
    return f"{days:,} day{'' if days == 1 else 's'}"


def format_elapsed(microseconds: int) -> str:
    """Return elapsed time as days, hours and minutes.

    Examples
    --------
    >>> format_elapsed(93_600_000_000)
    '1 day 2 hours'
    """
    minutes, parts = -(-microseconds // ELAPSED["minutes"]), []
    for unit, length in (("day", 1440), ("hour", 60), ("minute", 1)):
        n, minutes = divmod(minutes, length)
        parts += [f"{n:,} {unit}{'' if n == 1 else 's'}"] if n else []
    return " ".join(parts) or "0 minutes"


_NO_DATE = (
    "months and working days differ in length: taken at their longest, a history breaks the rule, but on no date does the"
    " history that was found"
)
_LOOSE = "a history breaks the rule, but hangs on what the proof takes more freely than the scenario:"
