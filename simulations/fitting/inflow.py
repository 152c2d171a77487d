"""Fit what comes from outside: arrivals, facts of cases, events and transfers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.discovery import CARRIED
from simulations.fitting.durations import Fitted, fit_lengths
from simulations.fitting.hours import Hours, find_hours
from simulations.fitting.names import one_line, quoted
from simulations.fitting.numbers import (
    Collected,
    described,
    length_numbers,
    listed,
    plain,
    plain_short,
    rate_number,
    share_number,
    written,
)
from simulations.fitting.shares import fit_shares
from simulations.fitting.visits import DAY, Visits
from simulations.fitting.work import N_DRAWS
from workflow.auditing.life_cycle import NO_START
from workflow.files.table import n_of
from workflow.model.definition import Event
from workflow.predicates import Field

Integers = NDArray[np.int64]

_YEAR = 365.25
_MONTH = 30.4375
_N_VALUES = 60
_CLEARLY = 10.0
"""An event is as likely at any time, unless another family has an AIC lower by this."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Inflow:
    """The arrivals, people, events and transfers of a scenario."""

    def __init__(self, visits: Visits, courts: Sequence[str], names: dict[str, str], collected: Collected, seed: int = 2) -> None:
        self.visits, self.courts, self.names, self.collected = visits, courts, names, collected
        self.workflow = visits.workflow
        self.random = np.random.default_rng(seed)
        start = -(-visits.begin // DAY) * DAY
        self.since = max(start, visits.as_of - 365 * DAY)
        if visits.as_of - self.since < DAY:
            self.since = visits.as_of - DAY
        arrived = visits.arrived
        self.new = np.flatnonzero((arrived != NO_START) & (arrived >= self.since))
        self.days = (visits.as_of - self.since) / DAY
        self.hours = self._hours()

    def _hours(self) -> Hours | None:
        at = self.visits.arrived[self.new]
        return find_hours(at, at, fewest=200)

    # arrivals ---------------------------------------------------------------------------------------------------

    def calendar_lines(self) -> Iterator[str]:
        """Yield the calendar of arrivals, if they come at certain hours."""
        if self.hours is not None:
            yield f"  arrival_hours: {self.hours.entry()}  # from {self.hours.described('arrival')}"

    def arrival_lines(self) -> Iterator[str]:
        """Yield a stream for each court and first state."""
        visits, states = self.visits, list(self.workflow.states)
        firsts = np.full(len(visits.home), -1)
        begun = np.flatnonzero(visits.first)
        firsts[visits.case[begun]] = visits.state[begun]
        for court in self.courts:
            here = self.new[visits.home[self.new] == court]
            into = [s for s in np.unique(firsts[here]).tolist() if s >= 0]
            for state in into:
                if states[state] not in self.workflow.entry_states:
                    self.collected.notes.append(
                        f"{int((firsts[here] == state).sum()):,} cases of {court} arrived in {states[state]}, in which no case may begin: left out."
                    )
                    continue
                name = self.names[court] if len(into) == 1 else f"{self.names[court]}_{states[state]}"
                yield self._stream(name, court, states[state], np.sort(visits.arrived[here[firsts[here] == state]]))

    def _stream(self, name: str, court: str, state: str, at: Integers) -> str:
        n, spread, months = len(at), *self._by_month(at)
        path = f"arrivals.{name}.rate"
        head = f"  {name}: {{into: {state}, courts: [{self.names[court]}], "
        said = f"{n_of(n, 'arrival')} in {self.days:.0f} days; by month: {', '.join(f'{m} {c:,}' for m, c in months)}; variance over mean {spread:.1f}"
        weekday = np.bincount((at // DAY + 3) % 7, minlength=7)
        said += f"; by weekday: {', '.join(f'{d} {c:,}' for d, c in zip(_WEEKDAYS, weekday.tolist(), strict=True))}"
        if self.hours is not None:
            days = self._open_days(self.hours)
            number = rate_number(path, n / days, n, spread)
            self.collected.numbers.append(number)
            rate = f"rate: {plain(n / days)} per day, calendar: arrival_hours}}"
            return (
                f"{head}{rate}  # per working day, 95% interval {plain_short(number.low)} to {plain_short(number.high)}; {said}"
            )
        if self._differ_by_weekday(weekday):
            counts = self._weekdays()
            rates = ", ".join(
                f"{d}: {plain(weekday[k] / max(counts[k], 1))} per day" for k, d in enumerate(_WEEKDAYS) if weekday[k]
            )
            self.collected.numbers.append(rate_number(f"scale {path}", 1.0, n, spread))
            return f"{head}rate: {{{rates}}}}}  # {said}"
        per_month = n / self.days * _MONTH
        number = rate_number(path, per_month, n, spread)
        self.collected.numbers.append(number)
        return f"{head}rate: {plain(per_month)} per month}}  # 95% interval {plain_short(number.low)} to {plain_short(number.high)}; {said}"

    def _by_month(self, at: Integers) -> tuple[float, list[tuple[str, int]]]:
        """Return the variance over the mean of the counts of whole months, at least 1, and the counts."""
        months = at.astype("datetime64[us]").astype("datetime64[M]")
        first, last = (np.datetime64(t, "us").astype("datetime64[M]") for t in (self.since, self.visits.as_of - 1))
        every = np.arange(first, last + 1)
        counts = [int((months == m).sum()) for m in every]
        whole = counts[1:-1] if len(counts) > 2 else []
        spread = float(np.var(whole, ddof=1)) / max(float(np.mean(whole)), 1e-9) if len(whole) >= 6 else 1.0
        return max(spread, 1.0) if spread > 2.5 else 1.0, list(zip(map(str, every), counts, strict=True))

    def _weekdays(self) -> Integers:
        days = np.arange(self.since // DAY, self.visits.as_of // DAY)
        return np.bincount((days + 3) % 7, minlength=7)

    def _open_days(self, hours: Hours) -> float:
        from simulations.timing.calendar_spec import parse_calendar

        spec = parse_calendar(hours.weekly, holidays=hours.holidays, closed=[d.isoformat() for d in hours.closed])
        first, last = (np.datetime64(t, "us").astype("datetime64[D]").astype(object) for t in (self.since, self.visits.as_of - 1))
        return float(max(len(spec.working_dates(first, last)), 1))

    def _differ_by_weekday(self, weekday: Integers) -> bool:
        from scipy import stats

        days = self._weekdays()
        if weekday.sum() < 50 or (days == 0).any():
            return False
        expected = weekday.sum() * days / days.sum()
        return bool(stats.chisquare(weekday, expected).pvalue < 0.001)

    # people -----------------------------------------------------------------------------------------------------

    def people_lines(self) -> Iterator[str]:
        """Yield the distribution of each fact."""
        arrived = np.flatnonzero(self.visits.arrived != NO_START)
        for name, declared in self.workflow.facts.items():
            if name not in self.visits.log.facts:
                self.collected.notes.append(f"The log does not tell {name}; every case has its default.")
                continue
            values, missing = self.visits.log.facts[name]
            absent = self.visits.log.lacks.get(name)
            gone = np.zeros(len(values), bool) if missing is None else missing
            gone = gone if absent is None else gone | absent
            known = arrived[~gone[arrived]]
            if not len(known):
                continue
            share = float(gone[arrived].mean()) if declared.optional else 0.0
            yield self._fact(name, declared, values[known], self.visits.home[known], known, share)

    def _fact(
        self, name: str, declared: Field, values: NDArray[Any], courts: NDArray[Any], cases: Integers, missing: float
    ) -> str:
        also = f", missing: {plain(missing)}" if missing else ""
        n = f"{len(values):,} cases"
        if declared.kind == "boolean" and not missing:
            shares = fit_shares((~values.astype(bool)).astype(np.int64), 2, courts)
            if shares.by_court:
                parts = []
                for court, alpha in shares.alpha.items():
                    self.collected.numbers.append(
                        share_number(
                            f"people.{name}.{self.names[court]}",
                            float(alpha[0]),
                            float(alpha[1]),
                            int(shares.counts[court].sum()),
                        )
                    )
                    parts.append(f"{self.names[court]}: {plain(float(shares.share(court)[0]))}")
                return f"  {name}: {{by: court, {', '.join(parts)}, other: {plain(float(values.mean()))}}}  # true in {int(values.sum()):,} of {n}; the courts differ, and are pooled in part"
            alpha = shares.alpha[""]
            number = share_number(f"people.{name}", float(alpha[0]), float(alpha[1]), len(values))
            self.collected.numbers.append(number)
            return f"  {name}: {plain(number.estimate)}  # true in {int(values.sum()):,} of {n}, 95% interval {number.low:.1%} to {number.high:.1%}"
        if declared.kind == "date":
            days = (self.visits.arrived[cases] // DAY - values.astype("datetime64[D]").astype(np.int64)).astype(float)
            if (days < 0).any():
                self.collected.notes.append(
                    f"{name} is later than the arrival in some cases; its distribution begins at the arrival."
                )
            return f"  {name}: {{days_before: {listed(_quantiles(np.maximum(days, 0)), 'days')}{also}}}  # {n}"
        if declared.kind in ("integer", "number") and len(np.unique(values)) > 12:
            return f"  {name}: {{empirical: [{', '.join(plain(v) for v in _quantiles(values.astype(float)))}]{also}}}  # {n}, mean {plain_short(float(values.mean()))}"
        return self._listed(name, declared, values, n, also)

    def _listed(self, name: str, declared: Field, values: NDArray[Any], n: str, also: str) -> str:
        distinct, counts = np.unique(values, return_counts=True)
        texts = [
            declared.values[int(v)]
            if declared.kind == "enum"
            else str(bool(v)).lower()
            if declared.kind == "boolean"
            else plain(float(v))
            for v in distinct.tolist()
        ]
        order = np.argsort(-counts, kind="stable").tolist()
        if len(order) == 1:
            text = _key(texts[0]) if declared.kind == "enum" else texts[0]
            return f"  {name}: {{{text}: 1{also}}}  # {n}, all the same"
        shares = fit_shares(np.repeat(np.arange(len(order)), counts[order]), len(order), np.full(int(counts.sum()), "", object))
        share, alpha = shares.share(""), shares.alpha[""]
        parts = [f"{_key(texts[k])}: {plain(float(share[i]))}" for i, k in enumerate(order[:-1])]
        if len(order) == 2:
            self.collected.numbers.append(
                share_number(f"people.{name}.{texts[order[0]]}", float(alpha[0]), float(alpha[1]), int(counts.sum()))
            )
        else:
            draws = self.random.dirichlet(alpha, N_DRAWS)
            for i, k in enumerate(order[:-1]):
                self.collected.joint[f"people.{name}.{texts[k]}"] = draws[:, i].tolist()
        said = ", ".join(
            f"{texts[k]} {int(counts[k]):,} ({shares.interval('', i)[0]:.1%} to {shares.interval('', i)[1]:.1%})"
            for i, k in enumerate(order[:8])
        )
        return f"  {name}: {{{', '.join(parts)}, {_key(texts[order[-1]])}: rest{also}}}  # {n}: {one_line(said)}"

    # events -----------------------------------------------------------------------------------------------------

    def event_lines(self) -> Iterator[str]:
        """Yield the timing of each event that happened."""
        for name, event in self.workflow.events.items():
            spells = self._spells(event)
            happened = self._happened(event)
            if not len(happened) or spells is None:
                self.collected.notes.append(f"{name} never happened; it has no timing, so that it never happens in a run.")
                continue
            yield from self._timing(name, event, spells, happened)

    def _happened(self, event: Event) -> Integers:
        """Return the rows upon an event before the day."""
        log = self.visits.log
        k = list(log.in_force.events).index(event) if event in log.in_force.events else -1
        alone = np.array([*(t.events == (event.name,) for t in log.in_force.transitions), False])
        return np.flatnonzero(((log.event == k) | alone[log.transition]) & (log.at < self.visits.as_of))

    def _spells(self, event: Event) -> tuple[Integers, Integers, Integers, NDArray[np.bool_]] | None:
        """Return the case, start and end of each stay in the states of an event, and whether it goes on."""
        visits = self.visits
        chosen = np.flatnonzero(visits.in_states(event.states) & ((visits.length > 0) | ~visits.ended))
        if not len(chosen):
            return None
        new = np.ones(len(chosen), bool)
        new[1:] = (visits.case[chosen][1:] != visits.case[chosen][:-1]) | (visits.entered[chosen][1:] != visits.left[chosen][:-1])
        starts = np.flatnonzero(new)
        ends = np.append(starts[1:], len(chosen)) - 1
        return visits.case[chosen][starts], visits.entered[chosen][starts], visits.left[chosen][ends], ~visits.ended[chosen][ends]

    def _timing(
        self, name: str, event: Event, spells: tuple[Integers, Integers, Integers, NDArray[np.bool_]], rows: Integers
    ) -> Iterator[str]:
        case, entered, left, goes_on = spells
        log = self.visits.log
        at, of = log.at[rows], log.case[rows]
        order = np.lexsort((at, of))
        at, of = at[order], of[order]
        first, count = _first_in(of, at, case, entered, left)
        happened = first >= 0
        lengths = np.where(happened, first - entered, left - entered) / DAY
        exposure = float(np.maximum(left - entered, 0).sum() / DAY)
        n = int(count.sum())
        outcome = f", outcome: {{{', '.join(self._event_shares(event, rows))}}}" if event.gives else ""
        timing = None if n > 1.1 * max(int(happened.sum()), 1) else self._clock(lengths, happened)
        if timing is None:
            rate = n / max(exposure, 1e-9) * _YEAR
            number = rate_number(f"events.{name}.hazard", rate, n)
            self.collected.numbers.append(number)
            yield (
                f"  {name}: {{hazard: {plain(rate)} per year{outcome}}}  # {n:,} times in {exposure / _YEAR:,.1f} years of cases in its states;"
                f" 95% interval {plain_short(number.low)} to {plain_short(number.high)}"
            )
            return
        yield from self._after(name, timing, lengths[~happened & goes_on], outcome)

    def _clock(self, lengths: NDArray[np.float64], happened: NDArray[np.bool_]) -> Fitted | None:
        """Return the distribution of the time to an event; ``None`` if it is as likely at any time."""
        certain = fit_lengths(lengths, happened)
        assert certain is not None
        with_share = fit_lengths(lengths, happened, stays=True) if certain.tried and int((~happened).sum()) >= 5 else None
        best = certain
        if (
            with_share is not None
            and with_share.tried
            and with_share.tried[0][1] + _CLEARLY < certain.tried[0][1]
            and 0.005 < with_share.stays < 0.999
        ):
            best = with_share
        aic = {name: value for name, value, _ in certain.tried}
        simple = best is certain and (
            best.family == "exponential" or (bool(aic) and aic["exponential"] - _CLEARLY < min(aic.values()))
        )
        return None if simple else best

    def _after(self, name: str, fitted: Fitted, waiting: NDArray[np.float64], outcome: str) -> Iterator[str]:
        path = f"events.{name}"
        rest, later = fitted.rest(waiting)
        carries = CARRIED in self.workflow.record and CARRIED in self.workflow.entry_record and len(rest)
        yield f"  {name}:  # {one_line(described(fitted, 'days'))}"
        if carries:
            yield "    after:"
            yield "      by: carried_over"
            yield f"      true: {listed(rest, 'days')}  # what is left for the {len(waiting):,} open cases"
            yield f"      false: {written(fitted, 'days')}"
        else:
            yield f"    after: {written(fitted, 'days')}"
        self.collected.numbers += length_numbers(fitted, f"{path}.after{'.false' if carries else ''}")
        if fitted.stays:
            p = 1 - fitted.stays
            strength = max(1 / (fitted.stays_se**2 * p * (1 - p)), 2.0) if fitted.stays_se else 10.0
            number = share_number(f"{path}.chance{'.false' if carries else ''}", p * strength, (1 - p) * strength, fitted.n)
            self.collected.numbers.append(number)
            comment = f"# 95% interval {number.low:.1%} to {number.high:.1%}"
            if carries:
                yield f"    chance: {{by: carried_over, true: {plain(1 - later)}, false: {plain(p)}}}  {comment}"
            else:
                yield f"    chance: {plain(p)}  {comment}"
        if outcome:
            yield f"    {outcome.removeprefix(', ')}"

    def _event_shares(self, event: Event, rows: Integers) -> Iterator[str]:
        for field_name, values in event.gives:
            self.collected.notes.append(f"The shares of what {event.name} gives as {field_name} are a guess.")
            yield f"{field_name}: {{{', '.join(f'{_key(str(v))}: 1/{len(values)}' for v in values)}}}"

    # transfers --------------------------------------------------------------------------------------------------

    def transfer_lines(self) -> Iterator[str]:
        """Yield the transitions that move cases to other courts."""
        visits = self.visits
        following = np.append(visits.case[1:] == visits.case[:-1], False)
        moves = np.flatnonzero(visits.ended & following)
        target = visits.court[np.minimum(moves + 1, len(visits.court) - 1)]
        for i, transition in enumerate(self.workflow.transitions):
            mine = visits.transition[moves] == i
            source, to = visits.court[moves][mine], target[mine]
            if not len(source) or not (source != to).any():
                continue
            yield f"  {transition.name}:  # {int((source != to).sum()):,} moves to another court"
            yield "    by: court"
            for court in [c for c in self.courts if ((source == c) & (to != c)).any()]:
                yield self._targets(f"transfers.{transition.name}.{self.names[court]}", court, to[source == court])

    def _targets(self, path: str, court: str, to: NDArray[Any]) -> str:
        """Return the shares of the courts to which a court sends cases, and collect their numbers."""
        names, codes, counts = np.unique(to.astype(str), return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable").tolist()
        targets = [self.names[str(names[k])] for k in order]
        if len(targets) == 1:
            return f"    {self.names[court]}: {{{targets[0]}: 1}}  # all {len(to):,} moves"
        shares = fit_shares(np.argsort(order)[codes], len(order), np.full(len(to), "", object))
        share, alpha = shares.share(""), shares.alpha[""]
        if len(targets) == 2:
            self.collected.numbers.append(share_number(f"{path}.{targets[0]}", float(alpha[0]), float(alpha[1]), len(to)))
        else:
            draws = self.random.dirichlet(alpha, N_DRAWS)
            for i, target in enumerate(targets[:-1]):
                self.collected.joint[f"{path}.{target}"] = draws[:, i].tolist()
        parts = ", ".join(f"{target}: {plain(float(share[i]))}" for i, target in enumerate(targets[:-1]))
        said = ", ".join(
            f"{target} {int(counts[order[i]]):,} ({shares.interval('', i)[0]:.1%} to {shares.interval('', i)[1]:.1%})"
            for i, target in enumerate(targets[:8])
        )
        return f"    {self.names[court]}: {{{parts}, {targets[-1]}: rest}}  # {len(to):,} moves: {said}"


def _first_in(of: Integers, at: Integers, case: Integers, entered: Integers, left: Integers) -> tuple[Integers, Integers]:
    """Return the first time in each spell at which something happened to its case, -1 for none, and how often it did."""
    low, high = np.searchsorted(of, case), np.searchsorted(of, case, side="right")
    first, count = np.full(len(case), -1), np.zeros(len(case), np.int64)
    for k in np.flatnonzero(high > low).tolist():
        times = at[low[k] : high[k]]
        inside = times[(times > entered[k]) & (times <= left[k])]
        if len(inside):
            first[k], count[k] = inside[0], len(inside)
    return first, count


def _quantiles(values: NDArray[np.float64]) -> list[float]:
    levels = (np.arange(_N_VALUES) + 0.5) / _N_VALUES
    return [float(v) for v in np.quantile(values, levels, method="inverted_cdf")]


def _key(text: str) -> str:
    return (
        text
        if text.isidentifier() and text not in ("true", "false", "yes", "no", "null", "rest")
        else quoted(text)
        if not text.replace(".", "").isdigit()
        else text
    )
