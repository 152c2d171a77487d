"""A sentence about results, with the data that it states."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, TypeVar

_Key = TypeVar("_Key", bound=Hashable)


class Claim(StrEnum):
    """What a sentence claims. The tests have a computation from the event log for each claim."""

    CHANGE = auto()
    CHANGE_BY_COURT = auto()
    OFF_DOCKET = auto()
    LARGEST_GROUP = auto()
    IN_STATES = auto()
    LATER_CASES = auto()
    LONGEST_WAIT = auto()
    LARGEST_PART = auto()
    NEXT_FREE = auto()
    BUSIEST_WEEK = auto()
    FULLEST_WEEK = auto()
    MEDIAN_STAY = auto()
    NEVER_LEFT = auto()
    MOST_FREQUENT = auto()
    OFF_THE_MAP = auto()
    GROUPS_DIFFER = auto()
    GROWING = auto()
    NOT_STEADY = auto()
    OUTSIDE = auto()
    COURTS_SHOWN = auto()
    INSIDE = auto()
    SWEPT = auto()
    FORECAST = auto()
    STAFFED = auto()
    DIFFERENCE = auto()
    ALSO = auto()
    SAME_COURTS = auto()
    SIGNIFICANT = auto()
    UNCHANGED = auto()
    LEVELS = auto()


@dataclass(frozen=True)
class Statement:
    """A sentence about results.

    Attributes
    ----------
    claim : Claim
    text : str
        The sentence as printed.
    subject : str
        The measure, state, pool, activity or transition that it is about; empty if it is about cases.
    court : str
        ``all`` stands for all courts together.
    starts, ends : date or None
        The period: the end of the first and of the last day, unless the claim says otherwise.
    values : mapping of str to object
        The unrounded numbers, and the names, that the text states.
    """

    claim: Claim
    text: str
    subject: str = ""
    court: str = "all"
    starts: dt.date | None = None
    ends: dt.date | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_warning(self) -> bool:
        """Return whether the sentence limits what the other results mean."""
        return self.claim in (Claim.GROWING, Claim.NOT_STEADY, Claim.OUTSIDE)

    def __str__(self) -> str:
        return self.text


def largest(sizes: Mapping[_Key, float]) -> list[_Key]:
    """Return the keys of the largest size: several if they are equal.

    Examples
    --------
    >>> largest({"a": 2.0, "b": 3.0, "c": 3.0})
    ['b', 'c']
    """
    top = max(sizes.values())
    return [key for key, size in sizes.items() if math.isclose(size, top)]  # means of equal counts may differ in the last digit


def percent(share: float) -> str:
    """Format a share as a whole percentage; never as 0 or 100 percent unless it is.

    Examples
    --------
    >>> percent(0.304), percent(0.0), percent(0.0004), percent(0.9999)
    ('30%', '0%', 'less than 1%', 'more than 99%')
    """
    if 0 < share < 0.01:
        return "less than 1%"
    if 0.99 < share < 1:
        return "more than 99%"
    return f"{share:.0%}"


def join_names(names: Iterable[str]) -> str:
    """Join names by commas, and the last one by "and"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
