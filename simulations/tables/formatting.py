"""Format numbers, estimates and dates for tables, figures and messages."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Collection, Sequence

from simulations.measuring.descriptors import few_came_in
from simulations.running.intervals import interval
from simulations.running.results import Contrast, Estimate
from simulations.scenarios.scenario import Scenario
from simulations.tables.table import Cell
from workflow.model.definition import as_words

_HOUR = 1 / 24


def number(value: float, unit: str) -> str:
    """Format a number with about three significant digits; a share with three decimals. Zero has no sign.

    Examples
    --------
    >>> number(1234.5, "cases"), number(0.04, "cases"), number(-0.0001, "share")
    ('1,234', '0.0', '0.000')
    """
    return "0" if not value and unit != "share" else _rounded(value, _places_of_number(value, unit))


def _places_of_number(value: float, unit: str) -> int:
    size = abs(value)
    if unit == "share":
        return 3
    if size >= 100 or (value == int(value) and unit == "cases"):
        return 0
    if size >= 10 or unit == "cases":
        return 1
    return 2 if size >= 1 else 3


def number_cell(value: float, unit: str) -> Cell:
    """Return a cell with a number."""
    return Cell(number(value, unit), value)


def format_both(one: float, two: float, difference: tuple[float, float | None, float | None], unit: str) -> tuple[str, str]:
    """Format two values in one unit, with the digits of `number` and at least those to which their difference is printed.

    So a reader who subtracts the values finds the difference.

    Parameters
    ----------
    difference : tuple of float
        The difference with the ends of its interval, or ``None`` twice.

    Examples
    --------
    >>> format_both(1340.8, 1355.1, (14.3, 10.9, 17.7), "cases"), format_both(32, 49.4, (17.4, None, None), "cases")
    (('1,340.8', '1,355.1'), ('32.0', '49.4'))
    """
    factor, suffix = _scale(max(abs(one), abs(two)), unit)
    mean, low, high = (None if end is None else end * factor for end in difference)
    assert mean is not None
    if low is None or high is None or low == high:
        least = _places_of_number(mean, unit)
    else:
        least = _places_of_mean(mean, low, high)
    texts = [_rounded(value, max(least, _places_of_number(value, unit))) for value in (one * factor, two * factor)]
    return f"{texts[0]}{suffix}", f"{texts[1]}{suffix}"


def format_mean(
    mean: float, low: float | None, high: float | None, unit: str,
    signed: bool = False, words: bool = False, size: float | None = None,
) -> str:  # fmt: skip
    """Format a mean with its interval: the uncertainty with two significant digits, the mean to the same place.

    Parameters
    ----------
    low, high : float or None
        The interval. Around the mean it is written as ± half of its width; otherwise by its ends.
    signed : bool
        Write the sign of a positive mean, too.
    words : bool
        Write units of time as words.
    size : float, optional
        The value whose size determines the unit of time; by default the mean.

    Examples
    --------
    >>> format_mean(105.2, 104.23, 106.17, "days"), format_mean(0.00833, 0.00826, 0.0084, "days")
    ('105.20 ± 0.97 d', '12.00 ± 0.10 min')
    >>> format_mean(12345, 11111, 13579, "cases"), format_mean(0.999, 0.9963, 0.9998, "share")
    ('12,300 ± 1,200', '0.9990 (0.9963 to 0.9998)')
    """
    factor, suffix = _scale(mean or high or 0.0 if size is None else size, unit, words)
    text, uncertainty = _with_uncertainty(mean, low, high, unit, factor)
    return f"{_sign(mean, text, signed)}{text}{uncertainty}{suffix}"


def format_point(mean: float, low: float | None, high: float | None, unit: str, words: bool = False) -> str:
    """Format a mean to the place that its interval determines, without the interval.

    So a sentence has the same digits as a table in which the interval stands beside the mean.

    Examples
    --------
    >>> format_point(5956.7, 5610.0, 6303.4, "cases"), format_point(12.53, 12.44, 12.62, "days", words=True)
    ('5,960', '12.530 days')
    """
    factor, suffix = _scale(mean or high or 0.0, unit, words)
    text, _ = _with_uncertainty(mean, low, high, unit, factor)
    return f"{_sign(mean, text, signed=False)}{text}{suffix}"


def _with_uncertainty(mean: float, low: float | None, high: float | None, unit: str, factor: float) -> tuple[str, str]:
    """Return the size of a mean, and its interval with two significant digits; empty without an interval."""
    if low is None or high is None or low == high:
        return number(abs(mean) * factor, unit), ""
    mean, low, high = mean * factor, low * factor, high * factor
    places = _places_of_mean(mean, low, high)
    if _is_symmetric(mean, low, high):
        return _rounded(abs(mean), places), f" ± {_rounded((high - low) / 2, places)}"
    return _rounded(abs(mean), places), f" ({_rounded(low, places)} to {_rounded(high, places)})"


def format_level(values: Sequence[float], confidence: float, unit: str = "cases") -> str:
    """Format the mean of replications to the place that its interval determines, without the interval.

    Examples
    --------
    >>> format_level([5950, 6100, 5820], 0.95), format_level([7.0, 7.0], 0.95)
    ('5,960', '7')
    """
    mean = math.fsum(values) / len(values)
    low, high = interval(values, confidence, 0.0) or (None, None)
    return format_point(mean, low, high, unit)


def signed_percent(value: float) -> str:
    """Format a relative difference in percent with its sign and one decimal.

    Examples
    --------
    >>> signed_percent(-0.0001), signed_percent(0.0123)
    ('0.0%', '+1.2%')
    """
    text = f"{abs(value):.1%}"
    return f"{_sign(value, text, signed=True)}{text}"


def format_range(low: float, high: float, unit: str) -> str:
    """Format a range: both ends to the same place, with the unit that suits the higher one; equal ends are one number.

    Examples
    --------
    >>> format_range(17.13, 123.8, "cases"), format_range(0.0, 0.5, "days"), format_range(7923, 7923, "cases")
    ('17 to 124', '0 to 12.0 h', '7,923')
    """
    factor, suffix = _scale(high, unit)
    ends = (low * factor, high * factor)
    places = _places((high - low) * factor / 2) if high > low else _places_of_number(high * factor, unit)
    places = min(places, 1) if unit == "cases" else places
    return join_ends(*(_rounded(end, places) if end else "0" for end in ends)) + suffix


def join_ends(low: object, high: object) -> str:
    """Join the ends of a range by "to"; ends that are written the same are one value.

    Examples
    --------
    >>> join_ends("2012-03-12", "2012-03-14"), join_ends("2012-03-12", "2012-03-12")
    ('2012-03-12 to 2012-03-14', '2012-03-12')
    """
    return f"{low} to {high}" if str(low) != str(high) else str(low)


def format_from_to(first: tuple[float, float | None, float | None], last: tuple[float, float | None, float | None]) -> str:
    """Format two mean numbers of cases, each with the ends of its interval, both to the coarser place of the two.

    Examples
    --------
    >>> format_from_to((253.04, 252.9, 253.2), (386.1, 340.0, 432.2)), format_from_to((20, None, None), (79, None, None))
    ('from 253 to 386', 'from 20 to 79')
    """
    places = min(
        _places_of_number(mean, "cases") if low is None or high is None or low == high else _places_of_mean(mean, low, high)
        for mean, low, high in (first, last)
    )
    return f"from {_rounded(first[0], places)} to {_rounded(last[0], places)}"


def _sign(value: float, text: str, signed: bool) -> str:
    """Return the sign of a formatted size; none for zero."""
    if not any(digit in text.partition(" ")[0] for digit in "123456789"):
        return ""
    return "−" if value < 0 else "+" if signed else ""


def _rounded(value: float, places: int) -> str:
    """Format a number with this many decimals, or rounded to tens, hundreds ... if negative; zero has no sign."""
    return f"{round(value, places) + 0.0:,.{max(places, 0)}f}".replace("-", "−")


def _places(uncertainty: float) -> int:
    """Return the number of decimals that two significant digits need; negative for tens, hundreds and so on."""
    return 1 - int(f"{uncertainty:.1e}".partition("e")[2])


def _is_symmetric(mean: float, low: float, high: float) -> bool:
    return math.isclose(high - mean, mean - low, rel_tol=1e-6, abs_tol=1e-12)


def _places_of_mean(mean: float, low: float, high: float) -> int:
    """Return the number of decimals of a mean with its interval.

    Two significant digits of the uncertainty; those that show the ends of an asymmetric interval apart from the mean and
    from 0.
    """
    half = _places((high - low) / 2)
    if _is_symmetric(mean, low, high):
        return half
    apart = [size for size in (mean - low, high - mean, abs(low), abs(high)) if size > 0]
    return min(half + 2, max(half, *(_places(size) - 1 for size in apart)))


def _scale(value: float, unit: str, words: bool = False) -> tuple[float, str]:
    """Return the factor to the unit that suits the size of a value, and the unit as it follows the number."""
    if unit in ("cases", "share"):
        return 1.0, ""
    if unit != "days":
        return 1.0, {"hours": " hours" if words else " h", "working days": " working days" if words else " working d"}.get(unit, f" {unit}")  # fmt: skip
    size = abs(value)
    if 0 < size < _HOUR:
        return 1440.0, " minutes" if words else " min"
    if 0 < size < 1:
        return 24.0, " hours" if words else " h"
    return 1.0, " days" if words else " d"


def format_estimate(estimate: Estimate | None) -> str:
    """Format an estimate: the mean with its interval; a date with a range of dates."""
    if estimate is None:
        return ""
    if estimate.mean is None:
        return f"in {estimate.n} of {estimate.of} runs" if estimate.n else "-"
    if few_came_in(estimate.measure, estimate.mean):
        return "few came in"
    if estimate.date is None:
        return format_mean(estimate.mean, estimate.low, estimate.high, estimate.unit)
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return str(estimate.date)
    dates = format_dates(estimate, estimate.low, estimate.high)
    return str(estimate.date) if dates == str(estimate.date) else f"{estimate.date} ({dates})"


def format_dates(estimate: Estimate, low: float, high: float) -> str:
    """Format a range of an estimate that is a date; its ends are in days since the start of the run. Equal dates are one."""
    assert estimate.date is not None
    assert estimate.mean is not None
    start = estimate.date - dt.timedelta(days=math.floor(estimate.mean))
    return join_ends(*(start + dt.timedelta(days=math.floor(end)) for end in (low, high)))


def estimate_cell(estimate: Estimate | None) -> Cell:
    """Return a cell with an estimate; an empty one for ``None``."""
    return Cell(format_estimate(estimate), None if estimate is None else estimate.mean)


def format_ratio(contrast: Contrast) -> str:
    """Format the ratio of the longest to the shortest mean time of a group with its interval."""
    return format_mean(contrast.ratio, contrast.low, contrast.high, "share")


def format_replications(n: int) -> str:
    """Format a number of replications."""
    return f"{n} replication{'s' if n > 1 else ''}"


def format_when(day: dt.date | None, ends: dt.date) -> str:
    """Format the time of a measure: the end of a day, or the end of the run for ``None``."""
    return f"at the end of {day}" if day is not None else f"at the end of the run, {ends}"


def shortened(name: str, most: int) -> str:
    """Return a name without its middle if it has more than `most` characters, so that long names stay different.

    Examples
    --------
    >>> shortened("examine_the_application_stage_07", 20)
    'examine_th…_stage_07'
    """
    return name if len(name) <= most else f"{name[: most // 2]}…{name[1 + most // 2 - most :]}"


def shortened_apart(names: Collection[str], most: int) -> dict[str, str]:
    """Return a short form of each name, with about so many characters: names that would be the same keep what tells them apart.

    Examples
    --------
    >>> list(shortened_apart(["awaiting stage 07 of the application", "awaiting stage 08 of the application"], 16).values())
    ['awaiting s…07…', 'awaiting s…08…']
    """
    short = {name: shortened(name, most) for name in names}
    for text in [text for text, n in Counter(short.values()).items() if n > 1]:
        same = [name for name in short if short[name] == text]
        before, after = _n_alike(same), _n_alike([name[::-1] for name in same])
        for name in same:
            begin = name.rfind(" ", 0, before) + 1
            end = (name.find(" ", max(len(name) - after, before)) + 1 or len(name) + 1) - 1
            room = max(0, most - (end - begin) - 4)
            short[name] = f"{name[: min(room, begin)]}…{name[begin:end]}{'…' if end < len(name) else ''}"
    return short


def _n_alike(texts: Sequence[str]) -> int:
    """Return the number of letters that all texts begin with."""
    return next((k for k, letters in enumerate(zip(*texts, strict=False)) if len({*letters}) > 1), min(map(len, texts)))


def state_title(state: str, scenario: Scenario) -> str:
    """Return the title of a state: from the file of its workflow, or its name as words."""
    return next((w.states[state].title for w in scenario.workflows if state in w.states), state)


def by_title(by: str, scenario: Scenario) -> str:
    """Return the title of what cases are grouped by: of a fact from the workflow's file, or its name as words."""
    titles = scenario.workflow.titles.get(by)
    return as_words(by) if titles is None else titles.title


def group_title(by: str, group: object, scenario: Scenario) -> str:
    """Return the title of a group of cases: of a court, or of a value of a fact, from the file; default: its name as words."""
    if by == "court":
        return court_title(str(group), scenario)
    titles = scenario.workflow.titles.get(by)
    return as_words(str(group)) if titles is None else titles.values.get(str(group), as_words(str(group)))


def court_title(court: str, scenario: Scenario | None = None) -> str:
    """Return the title of a court: from the scenario's file, or its name as words."""
    titles = {} if scenario is None else scenario.court_titles
    return "all courts" if court == "all" else titles.get(court, as_words(court))
