"""Sentences about one run."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from simulations.measuring.descriptors import Family, activity_title, describe, pool_title
from simulations.running.growing import GrowingQueue
from simulations.running.intervals import interval
from simulations.running.results import Estimate
from simulations.running.run_result import RunResult
from simulations.running.warmup import still_trending
from simulations.scenarios.scenario import Scenario
from simulations.statements.statement import Claim, Statement, join_names, largest, percent
from simulations.tables.formatting import (
    by_title,
    court_title,
    format_estimate,
    format_from_to,
    format_level,
    format_point,
    group_title,
    number,
)
from simulations.tables.run import Wait, waits_by_reason

_MOST_NAMES = 3
_MOST_YEARS = 10
_NAMES: Mapping[str, str] = MappingProxyType({})
WAITS_DEPEND = "Waiting times depend on the length of the run."
NO_STEADY_STATE = "The run has no steady state yet."


def pending_change(result: RunResult, court: str = "all") -> Statement:
    """Say how pending cases of a court, or of all together, changed from the end of the first day to the end of the run.

    They rose or fell if the interval of the paired difference does not contain 0.
    """
    starts, ends, change = result.pending.days[0].item(), result.scenario.ends, _change_of_pending(result, court)
    cases = "Pending cases" + ("" if court == "all" else f" at {court_title(court, result.scenario)}")
    if change.how != _UNCLEAR:
        text = f"{cases} {change.how} from {change.one} at the end of {starts} to {change.two} at the end of {ends}"
    elif change.none:
        text = f"{cases} are as many at the end of {starts} as at the end of {ends}: {change.one}"
    else:
        text = f"{cases} {change.how}: {change.one} at the end of {starts}, {change.two} at the end of {ends}"
    return Statement(Claim.CHANGE, text, "pending", court, starts, ends, {"first": change.first, "last": change.last})


_UNCLEAR = "did not clearly change"


class _Change(NamedTuple):
    """How pending cases changed: in a word, the means at both ends, these as they are written, and if there is no change at all."""

    how: str
    first: float
    last: float
    one: str
    two: str
    none: bool


def _change_of_pending(result: RunResult, court: str) -> _Change:
    """Return how pending cases changed from the end of the first day to the end of the run."""
    column = result.pending.courts.index(court)
    first, last = (result.pending.values[k, column] for k in (0, -1))
    a, b = float(first.mean()), float(last.mean())
    low, high = interval([*(last - first).tolist()], result.confidence) or (b - a, b - a)
    one, two = (format_level(values.tolist(), result.confidence) for values in (first, last))
    how = _UNCLEAR if low <= 0 <= high or one == two else "rose" if b > a else "fell"
    return _Change(how, a, b, one, two, bool((first == last).all()))


def pending_change_by_court(result: RunResult) -> list[Statement]:
    """Say how pending cases of each court changed, if there are two or three; see `pending_change`."""
    courts = result.scenario.courts
    if not 2 <= len(courts) <= _MOST_NAMES or not len(result.pending) or result.selection.courts:
        return []
    changes = {court: _change_of_pending(result, court) for court in courts}
    parts: dict[str, list[str]] = {"rose": [], "fell": [], _UNCLEAR: []}
    for court, change in changes.items():
        levels = "" if change.how == _UNCLEAR else f" from {change.one} to {change.two}"
        parts[change.how].append(f"at {court_title(court, result.scenario)}{levels}")
    text = "; they ".join(f"{how} {join_names(of_courts)}" for how, of_courts in parts.items() if of_courts)
    values = {court: (change.first, change.last) for court, change in changes.items()}
    starts: dt.date = result.pending.days[0].item()
    return [Statement(Claim.CHANGE_BY_COURT, f"They {text}", "pending", starts=starts, ends=result.scenario.ends, values=values)]


def answer(result: RunResult) -> list[Statement]:
    """Say in a few sentences what the run shows: pending cases, the longest wait, and what still grows at the end."""
    chosen = result.selection.courts
    court = "all" if not chosen or "all" in chosen else chosen[0]
    waits = waits_by_reason(result, {court: court_title(court)})
    sentences = [pending_change(result, court), *pending_change_by_court(result)] if len(result.pending) else []
    sentences += [longest_wait(result.scenario.ends, waits, court, result.scenario)] if waits else []
    sentences += [next_free(result, pool, court) for pool, series in result.next_free.items() if court in series.courts]
    sentences += inside(result)
    return [*sentences, *outside(result), *growing(result.growing, scenario=result.scenario), *not_steady(result)]


# states ------------------------------------------------------------------------------------------------


def off_docket(ends: dt.date, n_off: float, n_cases: float) -> Statement:
    """Say which share of the cases is in a final or resting state at the end."""
    share = n_off / n_cases
    part = f"all {number(n_cases, 'cases')}" if share == 1 else f"{percent(share)} of {number(n_cases, 'cases')}"
    text = f"By {ends}, {part} cases were off the docket"
    return Statement(Claim.OFF_DOCKET, text, ends=ends, values={"share": share, "cases": n_cases})


def largest_group(ends: dt.date, pending: Mapping[str, float], titles: Mapping[str, str] = _NAMES) -> Statement | None:
    """Say in which state pending cases are at the end: most of them, or the largest group.

    Parameters
    ----------
    pending : mapping of str to float
        Pending cases by state; states without cases are left out.
    titles : mapping of str to str
        Of states; default: their names.

    Notes
    -----
    "Most" means more than half.
    """
    states = largest(pending) if pending else []
    if not 0 < len(states) <= _MOST_NAMES:
        return None
    share, named = pending[states[0]] / sum(pending.values()), [_quoted(state, titles) for state in states]
    if len(pending) == 1:
        text = f"all pending cases were in {named[0]}"
    elif share > 0.5 and not math.isclose(share, 0.5):  # a sum of means may differ in the last digit
        text = f"most pending cases ({percent(share)}) were in {named[0]}"
    elif len(states) == 1:
        text = f"the largest group of pending cases ({percent(share)}) was in {named[0]}"
    else:
        text = f"the largest groups of pending cases ({percent(share)} each) were in {join_names(named)}"
    return Statement(Claim.LARGEST_GROUP, text, ends=ends, values={"states": states, "share": share})


def _quoted(state: str, titles: Mapping[str, str]) -> str:
    """Return the title of a state in a sentence: in quotation marks, unless it is the name."""
    title = titles.get(state, state)
    return title if title == state else f"“{title}”"


def in_states(
    ends: dt.date, cases: Mapping[str, Sequence[float]], confidence: float, titles: Mapping[str, str] = _NAMES
) -> Statement:
    """List the states of the cases at the end.

    Parameters
    ----------
    cases : mapping of str to sequence of float
        The number of cases in each state, by replication.
    titles : mapping of str to str
        Of states; default: their names.
    """
    listed = ", ".join(f"{titles.get(state, state)} {format_level(values, confidence)}" for state, values in cases.items())
    means = {state: sum(values) / len(values) for state, values in cases.items()}
    return Statement(Claim.IN_STATES, f"At the end: {listed}.", ends=ends, values=means)


def later_cases(cases: Sequence[float], confidence: float) -> Statement:
    """Say how many cases arrive after the start, from their number in each replication."""
    text = f"Outlined: cases not yet there, {format_level(cases, confidence)} at the start."
    return Statement(Claim.LATER_CASES, text, values={"cases": sum(cases) / len(cases)})


# waiting and use -----------------------------------------------------------------------------------------


def longest_wait(ends: dt.date, waits: Sequence[Wait], court: str = "all", scenario: Scenario | None = None) -> Statement:
    """Say for which activity the mean wait of a court was longest, and the largest part of it.

    Parameters
    ----------
    waits : sequence of Wait
        Of this court.
    """
    by_activity = {wait.activity: wait for wait in waits}
    longest = largest({activity: wait.whole.mean or 0.0 for activity, wait in by_activity.items()})
    first = by_activity[longest[0]]
    values, days = {"activities": longest, "days": first.whole.mean or 0.0}, _in_words(first.whole)
    where = "" if court == "all" else f" at {court_title(court, scenario)}"
    if len(longest) > 1:
        text = f"The longest waits{where} were for {join_names(activity_title(a, scenario) for a in longest)}: {days} on average"
        return Statement(Claim.LONGEST_WAIT, text, "", court, None, ends, values)
    reasons = largest({reason: part.mean or 0.0 for reason, part in first.parts.items()})
    text = f"The longest wait{where} was for {activity_title(longest[0], scenario)}: {days} on average, {_part_of_wait(first, reasons)}"
    return Statement(Claim.LONGEST_WAIT, text, longest[0], court, None, ends, values | {"reasons": reasons})


_DURING = {
    "lead time": "until the date that was given",
    "suspended": "during suspensions",
    "holiday": "over holidays",
    "off shift": "outside shifts",
    "no staff": "for want of staff",
    "slots used up": "after the slots of the shift were used up",
    "does not fit": "because the work did not fit into the shift",
    "capacity": "for want of capacity",
    "others first": "behind other cases",
    "all closed": "while all pools were closed",
}
"""What each part of a wait is, in a sentence; the other parts are those for which a pool was short."""


def _part_of_wait(wait: Wait, reasons: Sequence[str]) -> str:
    """Say what most of a wait was, or the largest parts of it if none is more than half."""
    share = (wait.parts[reasons[0]].mean or 0.0) / (wait.whole.mean or 1.0)
    most = "most of it" if len(reasons) == 1 and share > 0.5 else f"the largest part{'s' if len(reasons) > 1 else ''} of it"
    during = (_DURING.get(reason) or f"for want of {reason.removesuffix(' short')}" for reason in reasons)
    return f"{most} {join_names(during)}"


def next_free(result: RunResult, pool: str, court: str = "all") -> Statement:
    """Say how many days ahead the next free date of a pool is at the end of the run, and on the same day of earlier years.

    A run of less than a year has the end of its first day instead.
    """
    scenario, series, titled = result.scenario, result.next_free[pool], pool_title(pool, result.scenario)
    years = [
        *itertools.takewhile(lambda day: day > scenario.starts, (years_before(scenario.ends, n) for n in range(_MOST_YEARS)))
    ]
    estimates = {day: series.at(day, court) for day in years[::-1] if len(years) > 1} or {
        day: series.at(day, court) for day in (scenario.starts, scenario.ends)
    }
    days = {day: e.mean for day, e in estimates.items() if e is not None and e.mean is not None}
    where = "" if court == "all" else f" at {court_title(court, scenario)}"
    if not days:
        text = f"No date of {titled}{where} is free at the end of {scenario.ends}"
        return Statement(Claim.NEXT_FREE, text, pool, court, None, scenario.ends, {"days": {}})
    first, *others = (f"{ahead:.0f}{_days(ahead) if not k else ''} on {day}" for k, (day, ahead) in enumerate(days.items()))
    text = f"The next free date of {titled}{where} is {join_names([first, *others])}"
    values = {str(day): ahead for day, ahead in days.items()}
    return Statement(Claim.NEXT_FREE, text, pool, court, None, scenario.ends, {"days": values})


def _days(ahead: float) -> str:
    return " day ahead" if f"{ahead:.0f}" == "1" else " days ahead"


def years_before(day: dt.date, n: int) -> dt.date:
    """Return the same day some years earlier; 28 February for 29 February."""
    leap = (day.month, day.day) == (2, 29) and n > 0
    return day.replace(year=day.year - n, day=28 if leap else day.day)


def largest_part(ends: dt.date, waits: Sequence[Wait], scenario: Scenario | None = None) -> Statement:
    """Say which reason has the largest part in a mean wait."""
    parts = {(wait.activity, wait.court, reason): part for wait in waits for reason, part in wait.parts.items()}
    activity, of, reason = key = largest({key: part.mean or 0.0 for key, part in parts.items()})[0]
    court, values = court_title(of, scenario), {"reason": reason, "days": parts[key].mean or 0.0}
    text = f"The largest part: {_in_words(parts[key])} for {activity_title(activity, scenario)}, {court}, {reason}."
    return Statement(Claim.LARGEST_PART, text, activity, court, None, ends, values)


def _in_words(estimate: Estimate) -> str:
    """Return a mean time to the place of its interval, with its unit as a word."""
    return format_point(estimate.mean or 0.0, estimate.low, estimate.high, estimate.unit, words=True)


def busiest_week(shares: Mapping[str, float], court: str = "all", scenario: Scenario | None = None) -> Statement:
    """Say which share of their time on shift the servers of each pool of a court worked in its busiest week."""
    listed = (
        ", ".join(f"{pool_title(pool, scenario)} {percent(share)}" for pool, share in shares.items()) or "no pool of this court"
    )
    where = "" if court == "all" else f" at {court_title(court, scenario)}"
    text = f"Share of time on shift that servers{where} worked in their busiest week: {listed}"
    return Statement(Claim.BUSIEST_WEEK, text, court=court, values=dict(shares))


def fullest_week(shares: Mapping[str, float], court: str = "all", scenario: Scenario | None = None) -> Statement:
    """Say which share of the slots of each pool was used in the week with the largest share."""
    listed = ", ".join(f"{pool_title(pool, scenario)} {percent(share)}" for pool, share in shares.items())
    text = f"share of slots used in the fullest week: {listed or 'no pool of this court'}"
    return Statement(Claim.FULLEST_WEEK, text, court=court, values=dict(shares))


def groups_differ(result: RunResult, by: str) -> Statement:
    """Say for which mean time groups of cases differ most, all courts together.

    Groups differ if the ratio is clear; with a single replication, if it is above 1.
    """
    measures, named = describe(result.scenario), by_title(by, result.scenario)
    contrasts = [c for c in result.contrasts if c.by == by]
    waits = [c for c in contrasts if measures[c.measure].family is Family.WAITING]
    contrasts, times = waits or contrasts, "mean waits" if waits else "mean times"
    different = [c for c in contrasts if (c.ratio > 1 if c.clear is None else c.clear)]
    if not different:
        return Statement(Claim.GROUPS_DIFFER, f"By {named}, no difference of {times} between groups is clear", by)
    most = max(different, key=lambda c: c.ratio)
    title = measures[most.measure].title
    longest, shortest = (group_title(by, group, result.scenario) for group in (most.longest, most.shortest))
    text = (
        f"By {named}, of all {times}, the groups differ most in the {title[:1].lower()}{title[1:]}: {longest} has"
        f" {format_point(most.ratio, most.low, most.high, 'share')} times as many days as {shortest}"
    )
    values = {"measure": most.measure, "longest": most.longest, "shortest": most.shortest, "ratio": most.ratio}
    return Statement(Claim.GROUPS_DIFFER, text, by, values=values)


# time until a case leaves the docket -----------------------------------------------------------------------


def median_stay(court: str, days: Sequence[float | None], confidence: float, scenario: Scenario | None = None) -> Statement:
    """Say after how many days half of the cases have left the docket.

    Parameters
    ----------
    days : sequence of float or None
        The Kaplan-Meier median of each replication; ``None`` if the curve does not reach one half.
    """
    known, n = [d for d in days if d is not None], len(days)
    start = f"Median time until a case leaves the docket, {court_title(court, scenario)}: "
    start = start if court == "all" else f"Median at {court_title(court, scenario)}: "
    if len(known) < n:
        text = start + "not reached" + (f" in {n - len(known)} of {n} replications" if known else " by the end of the run")
        return Statement(Claim.MEDIAN_STAY, text, court=court, values={"not_reached": n - len(known), "of": n})
    mean = sum(known) / n
    low, high = interval(known, confidence, 0.0) or (None, None)
    estimate = Estimate("", court, None, None, None, "days", mean, low, high, None, None, n, n)
    values = {"median": mean, "low": low, "high": high}
    return Statement(Claim.MEDIAN_STAY, start + format_estimate(estimate), court=court, values=values)


def never_left(court: str, cases: Sequence[float], of: float, confidence: float) -> Statement:
    """Say how many cases have not left the docket by the end, counted from the log.

    Parameters
    ----------
    cases : sequence of float
        Their number in each replication.
    of : float
        Mean number of all cases.
    """
    n = sum(cases) / len(cases)
    some = format_level(cases, confidence)
    mean = " on average" if len(cases) > 1 else ""
    text = f"{some} of {number(of, 'cases')} cases{mean} had not left the docket by the end of the run ({percent(n / of)})"
    return Statement(Claim.NEVER_LEFT, text, court=court, values={"cases": n, "of": of})


# transitions and courts --------------------------------------------------------------------------------------


def most_frequent(counts: Mapping[str, Sequence[float]], confidence: float) -> Statement:
    """Say which transition is taken most often, from the counts of each replication."""
    means = {name: sum(values) / len(values) for name, values in counts.items()}
    every = largest(means)
    names, n = every[:_MOST_NAMES], means[every[0]]
    verb = "transition is" if len(every) == 1 else "transitions are" if names == every else "transitions include"
    each = "" if len(every) == 1 else " each"
    text = (
        f"The most frequent {verb} {join_names(names)}: {format_level(counts[every[0]], confidence)} times{each} in a replication"
    )
    if not n:
        text = "No transition was taken"
    return Statement(Claim.MOST_FREQUENT, text, values={"transitions": names, "count": n})


def off_the_map(counts: Mapping[str, Sequence[float]], confidence: float) -> Statement:
    """List transitions of later policies, from the counts of each replication."""
    listed = ", ".join(f"{name} {format_level(values, confidence)}" for name, values in counts.items())
    means = {name: sum(values) / len(values) for name, values in counts.items()}
    return Statement(Claim.OFF_THE_MAP, f"Transitions of later policies, not on the map: {listed}.", values=means)


def courts_shown(shown: Sequence[str], n_others: int, summed: bool, by_pending: bool = True) -> Statement:
    """Say which courts a figure shows by name: those with the most pending cases, or the first ones of the scenario."""
    which = f"the {len(shown)} courts that have the most pending cases at any time"
    text = f"Shown by name: {which if by_pending else f'the first {len(shown)} courts of the scenario'}. "
    text += f"The other {n_others} are {'summed' if summed else 'only in all courts'}."
    return Statement(Claim.COURTS_SHOWN, text, values={"shown": list(shown), "others": n_others, "by_pending": by_pending})


# trends ----------------------------------------------------------------------------------------------------------


def growing(queues: Sequence[GrowingQueue], where: str = "", scenario: Scenario | None = None) -> list[Statement]:
    """Say which queues were still growing at the end: a sentence for each pool, with its longest queues.

    Parameters
    ----------
    queues : sequence of GrowingQueue
        Of one run, the longest first.
    where : str, optional
        The scenario or the points of a sweep; it ends the sentence.
    """
    statements = []
    for pool in dict.fromkeys(queue.pool for queue in queues):
        of_pool = [queue for queue in queues if queue.pool == pool]
        named = of_pool[:_MOST_NAMES]
        courts = [
            f"{'' if q.court == 'all' else f'at {court_title(q.court, scenario)} '}"
            f"{format_from_to((q.first, q.first_low, q.first_high), (q.last, q.last_low, q.last_high))} cases"
            for q in named
        ]
        if len(of_pool) > len(named):
            courts.append(f"at {len(of_pool) - len(named)} more courts")
        text = f"The queue of the pool {pool_title(pool, scenario)} grew from {named[0].starts} to {named[0].ends}{where}: {join_names(courts)}."
        values = {"queues": {q.court: (q.first, q.last) for q in of_pool}, "where": where}
        statements.append(Statement(Claim.GROWING, text, pool, named[0].court, named[0].starts, named[0].ends, values))
    return statements


def inside(result: RunResult) -> list[Statement]:
    """Say how many published figures are inside the prediction intervals, if it is half of them or more."""
    n, of = result.inside or (0, 0)
    if not of or 2 * n < of:
        return []
    are = "The published figure is" if of == 1 else f"{_of_all(n, of)} published figures are"
    return [Statement(Claim.INSIDE, f"{are} inside the prediction interval", values={"inside": n, "of": of})]


def _of_all(n: int, of: int) -> str:
    return f"{n} of the {of}" if n < of else "Both" if of == 2 else f"All {of}"


def outside(result: RunResult) -> list[Statement]:
    """Say that most published figures are outside the prediction intervals, if they are."""
    inside, of = result.inside or (0, 0)
    if 2 * inside >= of:
        return []
    figures = "The only published figure is" if of == 1 else f"{_of_all(of - inside, of)} published figures are"
    text = f"{figures} outside the prediction interval of this run: what it forecasts is less certain than its intervals say."
    return [Statement(Claim.OUTSIDE, text, values={"outside": of - inside, "of": of})]


def not_steady(result: RunResult) -> list[Statement]:
    """Say where pending cases still rise or fall after the warm-up."""
    return [
        Statement(
            Claim.NOT_STEADY,
            f"Pending cases of {court_title(trend.court, result.scenario)} still {'rise' if trend.late > trend.early else 'fall'} after the"
            f" warm-up, from {number(trend.early, 'cases')} to {number(trend.late, 'cases')}.",
            "pending",
            trend.court,
            result.scenario.warm_up,
            result.scenario.ends,
            {"first": trend.early, "last": trend.late},
        )
        for trend in still_trending(result)
    ]
