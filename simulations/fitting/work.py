"""Fit the work of a workflow: lengths and outcomes of activities, pools with their sizes, and calendars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.discovery import CARRIED
from simulations.fitting.durations import Fitted, fit_lengths, pooled_means
from simulations.fitting.hours import Hours, find_hours
from simulations.fitting.names import one_line, plain_name, quoted
from simulations.fitting.numbers import (
    Collected,
    Number,
    described,
    length_numbers,
    listed,
    plain,
    plain_short,
    positive,
    share_number,
    written,
)
from simulations.fitting.queues import Order, find_order
from simulations.fitting.shares import fit_shares
from simulations.fitting.visits import DAY, Visits
from simulations.timing.calendar_spec import parse_calendar
from simulations.timing.clock import Epoch
from workflow.auditing.life_cycle import NO_START
from workflow.auditing.log import Options
from workflow.files.table import n_of
from workflow.model.definition import Activity, StateKind, Value, as_written

Integers = NDArray[np.int64]

_HOUR = 3_600_000_000
_STAY = ("stay", "stay for good")
_FEWEST_LENGTHS, _MUCH_LONGER = 20, 1.5
"""Lengths differ by what follows if of two moves with so many lengths the median of one is so many times that of the other."""

N_DRAWS = 200
"""Rows of the table of shares."""


@dataclass(frozen=True)
class Pool:
    """The servers of some activities.

    Attributes
    ----------
    sizes : dict of str to (int, float)
        The servers of each court, and the share of the time with work in which all were busy.
    order : Order
        In which waiting cases are served.
    """

    name: str
    activities: tuple[str, ...]
    sizes: dict[str, tuple[int, float]]
    hours: Hours | None
    n: int
    order: Order


class Work:
    """The activities, pools and calendars of a scenario."""

    def __init__(self, visits: Visits, courts: Sequence[str], names: dict[str, str], collected: Collected, seed: int = 1) -> None:
        self.visits, self.courts, self.names, self.collected = visits, courts, names, collected
        self.workflow = visits.workflow
        self.random = np.random.default_rng(seed)
        self.carries = self.workflow.record.keys() & {CARRIED} and CARRIED in self.workflow.entry_record
        self.of = {name: self._visits(name) for name in self.workflow.activities}
        self.served = [name for name in self.of if self._is_served(name)]
        self.pools = self._pools()
        self.pool_of = {activity: pool for pool in self.pools for activity in pool.activities}
        if self.of and not self.pools:
            collected.notes.append(
                "The log does not tell when work starts: lengths contain the waiting, and no staff limits the work."
            )

    def _visits(self, activity: str) -> Integers:
        """Return the visits to the states of an activity."""
        states = [state.name for state in self.workflow.states.values() if state.activity == activity]
        return np.flatnonzero(self.visits.in_states(states))

    def _completed(self, activity: str) -> Integers:
        """Return the visits that ended because the work was completed."""
        of = self.of[activity]
        by_event = np.array([*(bool(t.events) for t in self.visits.log.in_force.transitions), False])
        completed: Integers = of[self.visits.ended[of] & ~by_event[self.visits.transition[of]]]
        return completed

    # pools ------------------------------------------------------------------------------------------------------

    def _is_served(self, activity: str) -> bool:
        """Return whether people do the work: the log tells when it starts, and some of it waits or names who does it."""
        done = self._completed(activity)
        started = self.visits.started_at[done]
        known = started != NO_START
        if not len(done) or known.mean() < 0.5:
            return False
        waits = (started - self.visits.entered[done])[known] > 1_000_000
        return bool(waits.mean() > 0.01 or (self.visits.server[done] != "").mean() > 0.5)

    def _pools(self) -> list[Pool]:
        """Return a pool for each group of activities that have servers in common."""
        groups: list[tuple[set[str], list[str]]] = []
        for activity in self.served:
            servers = set(self.visits.server[self._completed(activity)].tolist()) - {""}
            joined = [g for g in groups if len(g[0] & servers) > 0.2 * min(len(servers), len(g[0])) and servers and g[0]]
            groups = [g for g in groups if g not in joined]
            groups.append((servers.union(*(g[0] for g in joined)), [*(a for g in joined for a in g[1]), activity]))
        return [self._pool(servers, activities) for servers, activities in groups]

    def _pool(self, servers: set[str], activities: list[str]) -> Pool:
        visits = self.visits
        done = np.concatenate([self._completed(a) for a in activities])
        done = done[visits.started_at[done] != NO_START]
        starts, ends = visits.started_at[done], visits.left[done]
        prefixes = {server.partition("/")[0] if "/" in server else "" for server in servers}
        name = prefixes.pop() if len(prefixes) == 1 and "" not in prefixes else f"staff_of_{activities[0]}"
        recent = ends > visits.as_of - 365 * DAY
        sizes = {}
        for court in self.courts:
            here = recent & (visits.court[done] == court)
            if here.any():
                sizes[court] = _busiest(starts[here], ends[here])
        order = find_order([queue for a in activities for queue in self._queues(a)])
        return Pool(plain_name(name), tuple(activities), sizes, find_hours(starts, ends), len(done), order)

    def _queues(self, activity: str) -> Iterator[tuple[Integers, Integers, Integers]]:
        """Yield the cases that have waited for the work at each court: when each joined the queue, was started, and arrived."""
        visits, done = self.visits, self._completed(activity)
        done = done[visits.started_at[done] != NO_START]
        for court in np.unique(visits.court[done].astype(str)):
            here = done[visits.court[done] == court]
            yield visits.entered[here], visits.started_at[here], visits.arrived[visits.case[here]]

    def calendar_lines(self) -> Iterator[str]:
        """Yield the calendars."""
        for pool in self.pools:
            if pool.hours is not None:
                ends = "work goes on at the next opening" if pool.hours.suspends else "work is finished after closing time"
                yield f"  {pool.name}_hours: {pool.hours.entry()}  # from {pool.hours.described(pool.name)}; {ends}"

    def pool_lines(self) -> Iterator[str]:
        """Yield the pools."""
        for pool in self.pools:
            sizes = {self.names[court]: size for court, (size, _) in pool.sizes.items()} | {
                self.names[court]: 1 for court in self.courts if court not in pool.sizes
            }
            parts = [f"at: court, size: {{{', '.join(f'{court}: {size}' for court, size in sizes.items())}}}"]
            if pool.order.name not in (None, "first_come"):
                parts.append(f"order: {pool.order.name}")
            if pool.hours is not None:
                parts.append(f"calendar: {pool.name}_hours, at_shift_end: {'suspend' if pool.hours.suspends else 'finish'}")
            busy = "; ".join(
                f"{self.names[c]}: at most {size} at once, in {share:.0%} of the time with work"
                for c, (size, share) in pool.sizes.items()
            )
            yield f"  {pool.name}: {{{', '.join(parts)}}}  # work at one time in the last year: {busy}; {pool.n:,} pieces of work; {pool.order.comment()}"
            if pool.order.name is None:
                self.collected.notes.append(
                    f"The cases that wait for {pool.name} are served in the order of joining the queue; the log does not tell."
                )
            for court, (size, share) in pool.sizes.items():
                if share < 0.01:  # it was never all busy for long, so that there may be more
                    path = f"pools.{pool.name}.size.{self.names[court]}"
                    self.collected.numbers.append(
                        Number(path, size, size, size + 1, pool.n, f"{{empirical: [{size}, {size + 1}]}}")
                    )

    # lengths ----------------------------------------------------------------------------------------------------

    def activity_lines(self) -> Iterator[str]:
        """Yield the activities, each with the comments on its numbers."""
        for name, activity in self.workflow.activities.items():
            if not len(self.of[name]):
                self.collected.notes.append(f"No case of the log was in the states of {name}; its entry is a guess.")
                yield f"  {name}: {{takes: 1 day{self._guessed(activity)}}}  # not in the log: a guess"
                continue
            fitted, unit, lengths, courts = self._fitted(name)
            yield f"  {name}:"
            if name in self.pool_of:
                yield f"    pool: {self.pool_of[name].name}"
            yield from self._takes(name, fitted, unit, lengths, courts)
            yield from self._outcome(name, activity, fitted)

    def _guessed(self, activity: Activity) -> str:
        if not activity.gives:
            return ""
        fields = [f"{name}: {{{', '.join(f'{_key(v)}: 1/{len(values)}' for v in values)}}}" for name, values in activity.gives]
        return f", outcome: {{{', '.join(fields)}}}"

    def _fitted(self, name: str) -> tuple[Fitted, str, NDArray[np.float64], NDArray[np.object_]]:
        """Return the distribution of the work, its unit, and the lengths with their courts."""
        visits, of = self.visits, self.of[name]
        if name in self.pool_of:
            done = self._completed(name)
            done = done[visits.started_at[done] != NO_START]
            lengths = self._worked(self.pool_of[name], visits.started_at[done], visits.left[done]) / _HOUR
            fitted = fit_lengths(lengths, np.ones(len(lengths), bool))
            assert fitted is not None
            return fitted, "hours", lengths, visits.court[done]
        ended = np.isin(of, self._completed(name))
        lengths = visits.length[of] / DAY
        fitted = fit_lengths(lengths, ended, stays=self._stays(name) is not None)
        if fitted is None:
            self.collected.notes.append(f"No work of {name} was completed by the day; its length is the mean of what has passed.")
            fitted = Fitted(
                "exponential",
                max(float(lengths.mean()), 1e-3),
                1.0,
                1.0,
                0.0,
                0,
                len(lengths),
                _parameters=(max(float(lengths.mean()), 1e-3), 1.0),
            )
        return fitted, "days", lengths, visits.court[of]

    def _worked(self, pool: Pool, starts: Integers, ends: Integers) -> Integers:
        """Return the working time between instants."""
        if pool.hours is None or not pool.hours.suspends:
            return ends - starts
        first, last = (dt.date(1970, 1, 1) + dt.timedelta(days=int(t // DAY)) for t in (starts.min() - DAY, ends.max() + DAY))
        spec = parse_calendar(pool.hours.weekly, holidays=pool.hours.holidays, closed=[d.isoformat() for d in pool.hours.closed])
        calendar = spec.compile(pool.name, Epoch(first), last)
        opens, closes, worked = (np.array(each, np.int64) for each in (calendar.opens, calendar.closes, calendar.worked))

        def total(at: Integers) -> Integers:
            at = at - Epoch(first).since_1970
            k = np.maximum(np.searchsorted(opens, at, side="right") - 1, 0)
            counted: Integers = worked[k] + np.clip(np.minimum(at, closes[k]) - opens[k], 0, None)
            return counted

        worked_between: Integers = np.maximum(total(ends) - total(starts), 0)
        return worked_between

    def _takes(
        self, name: str, fitted: Fitted, unit: str, lengths: NDArray[np.float64], courts: NDArray[np.object_]
    ) -> Iterator[str]:
        path = f"activities.{name}.takes"
        own = self._by_court(name, fitted, lengths, courts)
        if own is not None:
            yield f"    takes:  # {one_line(described(fitted, unit))}; the means of the courts differ, and are pooled in part"
            yield "      by: court"
            for court, mean, error, n in own:
                one = written(Fitted(fitted.family, mean, fitted.cv, error, 0.0, n, 0), unit)
                number = positive(f"{path}.{self.names[court]}.{fitted.family}.mean", mean, error, n)
                self.collected.numbers.append(number)
                yield f"      {self.names[court]}: {one}  # {n_of(n, 'length')}, 95% interval {plain_short(number.low)} to {plain_short(number.high)} {unit}"
            yield f"      other: {written(fitted, unit)}"
            return
        waiting = self.of[name][~self.visits.ended[self.of[name]]]
        rest, _ = fitted.rest(self.visits.length[waiting] / DAY)
        if self.carries and name not in self.pool_of and rest and fitted.family != "exponential" and max(rest) > 0:
            yield "    takes:"
            yield "      by: carried_over"
            yield f"      true: {listed(rest, unit)}  # what is left for the {len(waiting):,} open cases"
            yield f"      false: {written(fitted, unit)}  # {one_line(described(fitted, unit))}"
            self.collected.numbers += length_numbers(fitted, f"{path}.false")
            return
        yield f"    takes: {written(fitted, unit)}  # {one_line(described(fitted, unit))}"
        self.collected.numbers += length_numbers(fitted, path)

    def _by_court(
        self, name: str, fitted: Fitted, lengths: NDArray[np.float64], courts: NDArray[np.object_]
    ) -> list[tuple[str, float, float, int]] | None:
        """Return the mean of each court, if they differ by more than chance: name, mean, error of its logarithm, count."""
        if fitted.quantiles or fitted.family == "constant" or len(self.courts) < 2:
            return None
        ended = np.ones(len(lengths), bool) if name in self.pool_of else self.visits.ended[self.of[name]]
        rows = []
        for court in self.courts:
            here = courts == court
            n = int((here & ended).sum())
            if n:
                rows.append((court, np.log(max(lengths[here].sum() / n, 1e-9)), fitted.cv / np.sqrt(n), n))
        if not rows:
            return None
        pooled = pooled_means(np.array([r[1] for r in rows]), np.array([r[2] for r in rows]))
        if pooled is None:
            return None
        return [
            (r[0], float(np.exp(m)), float(e), r[3]) for r, m, e in zip(rows, pooled[0].tolist(), pooled[1].tolist(), strict=True)
        ]

    # outcomes ---------------------------------------------------------------------------------------------------

    def _stays(self, name: str) -> tuple[str, Value] | None:
        """Return the field and the value of work that never ends in the log."""
        taken = set(self.visits.log.transition.tolist())
        for field_name, values in self.workflow.activities[name].gives:
            for value in values:
                if value in _STAY and any(
                    i not in taken and t.target is not None and self.workflow.states[t.target].kind is StateKind.FINAL
                    for i, t in enumerate(self.workflow.transitions)
                ):
                    return field_name, value
        return None

    def _outcome(self, name: str, activity: Activity, fitted: Fitted) -> Iterator[str]:
        if not activity.gives:
            return
        yield "    outcome:"
        for field_name, values in activity.gives:
            yield from self._shares(name, field_name, values, fitted)

    def _shares(self, name: str, field_name: str, values: Sequence[Value], fitted: Fitted) -> Iterator[str]:
        done = self._completed(name)
        known, given = self._given(done, field_name, values)
        courts = self.visits.court[given]
        stay = self._stays(name)
        kept = [v for v in values if stay is None or (field_name, v) != stay]
        index = {values.index(v): k for k, v in enumerate(kept)}
        codes = np.array([index[c] for c in known.tolist()], np.int64)
        if not len(codes):
            self.collected.notes.append(f"The log does not tell what {name} gives as {field_name}; its shares are a guess.")
            yield f"      {field_name}: {{{', '.join(f'{_key(v)}: 1/{len(values)}' for v in values)}}}  # not in the log: a guess"
            return
        self._note_lengths(name, kept, codes, given)
        shares = fit_shares(codes, len(kept), courts)
        path = f"activities.{name}.outcome.{field_name}"
        if stay is not None and stay[0] == field_name and fitted.stays > 0:
            yield from self._shares_with_stay(path, name, field_name, [*kept, stay[1]], shares.counts[""], fitted)
            return
        if not shares.by_court:
            yield f"      {field_name}: {self._written(path, '', kept, shares)}"
            return
        yield f"      {field_name}:  # the shares of the courts differ, and are pooled in part"
        yield "        by: court"
        for court in shares.alpha:
            yield f"        {self.names[court]}: {self._written(f'{path}.{self.names[court]}', court, kept, shares)}"
        total = shares.counts[""] / shares.counts[""].sum()
        yield f"        other: {{{', '.join(f'{_key(v)}: {plain(p)}' for v, p in zip(kept[:-1], total[:-1].tolist(), strict=True))}, {_key(kept[-1])}: rest}}"

    def _given(self, done: Integers, field_name: str, values: Sequence[Value]) -> tuple[Integers, Integers]:
        """Return what completed work gave, as indices of values, where the log tells, and the visits of which it does."""
        log, rows = self.visits.log, self.visits.row[done]
        declared = self.workflow.record[field_name]
        column = log.seen.get(field_name)
        texts = [as_written(v) for v in values]
        if isinstance(column, Options):
            sure = [as_written(next(iter(s))) if len(s) == 1 else "" for s in column.sets]
            said = np.array(sure, object)[column.of[rows]]
        elif column is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        else:
            offset = int(declared.minimum) if declared.kind == "integer" else 0  # type: ignore[arg-type]
            domain = list(declared.values) if declared.kind == "enum" else ["false", "true"] if declared.kind == "boolean" else []
            said = np.array([domain[v] if domain else str(v + offset) for v in np.asarray(column)[rows].tolist()], object)
        codes = np.array([texts.index(s) if s in texts else -1 for s in said.tolist()], np.int64)
        return codes[codes >= 0], done[codes >= 0]

    def _note_lengths(self, name: str, values: Sequence[Value], codes: Integers, visits: Integers) -> None:
        """Note work that lasts longer before one move than before another; a scenario draws lengths and outcomes independently."""
        from scipy import stats

        began = self.visits.started_at[visits] if name in self.pool_of else self.visits.entered[visits]
        known = began != NO_START
        lengths, codes = (self.visits.left[visits] - began)[known] / DAY, codes[known]
        often = [k for k in range(len(values)) if (codes == k).sum() >= _FEWEST_LENGTHS]
        if len(often) < 2 or np.ptp(lengths) == 0:
            return
        medians = {k: float(np.median(lengths[codes == k])) for k in often}
        least, most = min(medians.values()), max(medians.values())
        if most < _MUCH_LONGER * least or stats.kruskal(*(lengths[codes == k] for k in often)).pvalue >= 0.001:
            return
        said = ", ".join(
            f"{as_written(values[k])} after {plain_short(m)} days" for k, m in sorted(medians.items(), key=lambda i: i[1])
        )
        self.collected.notes.append(
            f"The length of {name} goes with what follows ({said}, medians); the scenario draws them independently."
        )

    def _written(self, path: str, court: str, values: Sequence[Value], shares: object) -> str:
        """Return shares in a scenario file, and collect their numbers."""
        from simulations.fitting.shares import Shares

        assert isinstance(shares, Shares)
        alpha, share = shares.alpha[court], shares.share(court)
        counts = shares.counts[court]
        n = int(counts.sum())
        parts, said = [], []
        for k, value in enumerate(values[:-1]):
            low, high = shares.interval(court, k)
            parts.append(f"{_key(value)}: {plain(float(share[k]))}")
            said.append(f"{as_written(value)} {int(counts[k]):,}, 95% interval {low:.1%} to {high:.1%}")
        if len(values) == 1:
            return f"{{{_key(values[0])}: 1}}  # {n:,} outcomes, all the same"
        if len(values) == 2:
            self.collected.numbers.append(share_number(f"{path}.{_path(values[0])}", float(alpha[0]), float(alpha[1]), n))
        else:
            draws = self.random.dirichlet(alpha, N_DRAWS)
            for k, value in enumerate(values[:-1]):
                self.collected.joint[f"{path}.{_path(value)}"] = draws[:, k].tolist()
                low, high = shares.interval(court, k)
        return f"{{{', '.join(parts)}, {_key(values[-1])}: rest}}  # of {n:,} outcomes: {one_line('; '.join(said))}"

    def _shares_with_stay(
        self, path: str, name: str, field_name: str, values: Sequence[Value], counts: Integers, fitted: Fitted
    ) -> Iterator[str]:
        """Yield the shares of work of which a share never ends; for open cases that share is larger."""
        p, error = fitted.stays, fitted.stays_se
        strength = max(1 / (error**2 * p * (1 - p)) if error else counts.sum(), 2.0)
        stay = np.clip(self.random.beta(p * strength, (1 - p) * strength, N_DRAWS), 1e-6, 1 - 1e-6)
        moves = self.random.dirichlet(counts + 0.5, N_DRAWS) * (1 - stay[:, None])
        share = (counts + 0.5) / (counts + 0.5).sum() * (1 - p)
        shown = ", ".join(f"{as_written(v)} {int(n):,}" for v, n in zip(values, counts.tolist(), strict=False))

        def line(shares: NDArray[np.float64]) -> str:
            return f"{{{', '.join(f'{_key(v)}: {plain(float(s))}' for v, s in zip(values, shares.tolist(), strict=False))}, {_key(values[-1])}: rest}}"

        waiting = self.of[name][~self.visits.ended[self.of[name]]]
        _, later = fitted.rest(self.visits.length[waiting] / DAY)
        comment = f"# {shown}; {p:.1%} stay for good"
        if not (self.carries and len(waiting)):
            yield f"      {field_name}: {line(share)}  {comment}"
            inner = path
        else:
            yield f"      {field_name}:"
            yield "        by: carried_over"
            yield f"        true: {line(share / (1 - p) * (1 - later))}  # of the {len(waiting):,} open cases {later:.1%} stay for good"
            yield f"        false: {line(share)}  {comment}"
            inner = f"{path}.false"
        for k, value in enumerate(values[:-1]):
            self.collected.joint[f"{inner}.{_path(value)}"] = moves[:, k].tolist()


def _busiest(starts: Integers, ends: Integers) -> tuple[int, float]:
    """Return the most pieces of work at one time, and the share of the time with work in which there were so many."""
    at = np.concatenate([starts, ends])
    step = np.concatenate([np.ones(len(starts), np.int64), -np.ones(len(ends), np.int64)])
    order = np.lexsort((step, at))
    level, lasts = np.cumsum(step[order]), np.diff(at[order], append=at[order][-1])
    most = int(level.max())
    busy = lasts[level > 0].sum()
    while most > 1 and lasts[level >= most].sum() < 0.001 * busy:  # an overlap of an instant is a matter of the clocks
        most -= 1
    return most, float(lasts[level >= most].sum() / max(busy, 1))


def _key(value: Value) -> str:
    text = as_written(value)
    return text if text.isidentifier() else quoted(text)


def _path(value: Value) -> str:
    return as_written(value)
