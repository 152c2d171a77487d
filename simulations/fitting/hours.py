"""Find the working hours and holidays of people from when things happen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_DAY = 86_400_000_000
_MINUTE = 60_000_000
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SURE = 8.0
"""A weekday without events is a closure if so many were to be expected: by chance it happens once in 3,000 days."""

_MOST_PARTS = 4
"""Working hours have fewer parts in a day."""

COUNTRIES = (
    "US", "CA", "GB", "IE", "DE", "AT", "CH", "FR", "BE", "NL", "LU", "IT", "ES", "PT", "PL", "CZ", "SE", "NO", "DK", "FI",
    "AU", "NZ", "BR", "MX", "JP", "IN", "ZA",
)  # fmt: skip
"""Countries whose holidays are compared with the closures."""


@dataclass(frozen=True)
class Hours:
    """Working hours.

    Attributes
    ----------
    weekly : dict of str to str
        The hours of each weekday that has some, as a scenario file writes them.
    holidays : str or None
        The country whose holidays are closures.
    closed : tuple of date
        The other closures.
    n : int
        The number of times that they were found from.
    minutes : int
        The day was divided into parts of so many minutes: openings and closings are known as exactly.
    outside : float
        The share of the times that lie outside these hours.
    suspends : bool
        Whether work goes on over closing time to the next opening.
    """

    weekly: dict[str, str]
    holidays: str | None
    closed: tuple[dt.date, ...]
    n: int
    minutes: int
    outside: float
    suspends: bool

    def described(self, whose: str) -> str:
        """Return what they were found from, and how exactly."""
        outside = f", of which {self.outside:.1%} lie outside" if self.outside >= 0.0005 else ""
        return f"{self.n:,} times of {whose}{outside}; to {self.minutes} minutes"

    def entry(self) -> str:
        """Return the entry of a scenario file."""
        groups: dict[str, list[str]] = {}
        for day, hours in self.weekly.items():
            groups.setdefault(hours, []).append(day)
        hours = ", ".join(f'{_days(days)}: "{text}"' for text, days in groups.items())
        holidays = "" if self.holidays is None else f", holidays: {self.holidays}"
        closed = f", closed: [{', '.join(map(str, self.closed))}]" if self.closed else ""
        return f"{{hours: {{{hours}}}{holidays}{closed}}}"


def _days(days: Sequence[str]) -> str:
    """Return a list of weekdays as a key."""
    places = [_WEEKDAYS.index(day) for day in days]
    if len(places) > 1 and places == list(range(places[0], places[-1] + 1)):
        return f"{days[0]}-{days[-1]}"
    return days[0] if len(days) == 1 else f'"{",".join(days)}"'


def find_hours(starts: Integers, ends: Integers, fewest: int = 50) -> Hours | None:
    """Return the hours at which work starts and ends; ``None`` if the log has no clock, or work never stops.

    Parameters
    ----------
    starts, ends : ndarray of int64
        Of the same work, in microseconds since 1970.
    fewest : int
        With fewer times, none are found.
    """
    has_clock = (starts % _DAY != 0).mean() > 0.5 if len(starts) else False
    if len(starts) < fewest or not has_clock:
        return None
    suspends = float((starts // _DAY != ends // _DAY).mean()) > 0.005
    times = np.concatenate([starts, ends]) if suspends else starts
    width = next((w for w in (15, 30, 60) if len(times) > 40 * 5 * 9 * 60 / w), 60) * _MINUTE
    weekday = (times // _DAY + 3) % 7
    of_day = np.bincount(weekday, minlength=7)
    open_days = [d for d in range(7) if of_day[d] > 0.05 * of_day.max()]
    if len(open_days) == 7:
        counts = np.bincount(times % _DAY // width, minlength=_DAY // width)
        if (counts > 0.05 * np.median(counts[counts > 0])).all():
            return None
    groups = _alike([times[weekday == d] % _DAY for d in open_days], width)
    weekly, inside = {}, 0
    for group in groups:
        text, n_inside = _intervals(np.concatenate([times[weekday == open_days[k]] % _DAY for k in group]), width)
        inside += n_inside
        weekly.update({_WEEKDAYS[open_days[k]]: text for k in group})
    weekly = {day: weekly[day] for day in _WEEKDAYS if day in weekly}
    if any(text.count(",") >= _MOST_PARTS for text in weekly.values()):
        return None  # too few times to tell breaks from chance
    holidays, closed = _closures(times, open_days, of_day)
    return Hours(weekly, holidays, closed, len(times), width // _MINUTE, 1 - inside / len(times), suspends)


def _alike(times: Sequence[Integers], width: int) -> list[list[int]]:
    """Group the weekdays whose last hours are the same."""
    groups: list[tuple[tuple[int, int], list[int]]] = []
    for k, of_day in enumerate(times):
        first, last = (int(np.quantile(of_day, q)) // width for q in (0.002, 0.998))
        for bounds, group in groups:
            if abs(bounds[0] - first) <= 1 and abs(bounds[1] - last) <= 2:
                group.append(k)
                break
        else:
            groups.append(((first, last), [k]))
    return [group for _, group in groups]


def _intervals(times: Integers, width: int) -> tuple[str, int]:
    """Return the parts of the day with events, but for very few, and the number of events in them."""
    counts = np.bincount(times // width, minlength=_DAY // width)
    is_open = counts > 0.04 * np.median(counts[counts > 0])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_open.astype(np.int8), [0]])))
    parts = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return ", ".join(f"{_clock(a * width)}-{_clock(b * width)}" for a, b in parts), int(counts[is_open].sum())


def _clock(microseconds: int) -> str:
    hours, minutes = divmod(microseconds // _MINUTE, 60)
    return f"{hours:02}:{minutes:02}"


def _closures(times: Integers, open_days: Sequence[int], of_day: Integers) -> tuple[str | None, tuple[dt.date, ...]]:
    """Return the country whose holidays are closures, and the other closures."""
    days = np.unique(times // _DAY)
    every = np.arange(days[0], days[-1] + 1)
    every = every[np.isin((every + 3) % 7, open_days)]
    n_weeks = max(len(every) / len(open_days), 1)
    expected = np.array([of_day[d] / n_weeks for d in range(7)])[(every + 3) % 7]
    empty = every[~np.isin(every, days) & (expected >= _SURE)]
    dates = {dt.date(1970, 1, 1) + dt.timedelta(days=int(d)) for d in empty}
    country = _country(dates, {dt.date(1970, 1, 1) + dt.timedelta(days=int(d)) for d in every})
    if country is None:
        return None, tuple(sorted(dates))
    return country[0], tuple(sorted(dates - country[1]))


def _country(dates: set[dt.date], open_dates: set[dt.date]) -> tuple[str, set[dt.date]] | None:
    """Return the country with the most holidays among the closures, if nearly all of its holidays are."""
    import holidays

    best: tuple[int, str, set[dt.date]] | None = None
    years = range(min(open_dates).year, max(open_dates).year + 1)
    for code in COUNTRIES if len(dates) >= 4 else ():
        of_country = set(holidays.country_holidays(code, years=years)) & open_dates
        hit = len(of_country & dates)
        if hit >= 4 and hit >= 0.9 * len(of_country) and (best is None or hit > best[0]):
            best = (hit, code, of_country)
    return None if best is None else best[1:]
