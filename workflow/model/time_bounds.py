"""Bounds on time, on which proofs of time limits rely: how long a case stays in a state, and when an event follows.

Policy says what must happen within which time; bounds say what the world is taken to be like. Nothing but a proof reads
them: runs have their scenario, and audits have their log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from workflow.model.time_limits import TimeLimit


@dataclass(frozen=True)
class TimeRange:
    """A length of time between two bounds.

    Attributes
    ----------
    least, most : TimeLimit or None
        Both included. A length in days or longer units counts local days: `least` is reached at the beginning of its last
        day, `most` lasts to the end of its last day.
    """

    least: TimeLimit | None = None
    most: TimeLimit | None = None

    @property
    def limits(self) -> tuple[TimeLimit, ...]:
        """Return the lower and the upper bound, without a missing one."""
        return tuple(limit for limit in (self.least, self.most) if limit is not None)

    def __str__(self) -> str:
        if self.least is None or self.most is None:
            return f"at most {self.most}" if self.least is None else f"at least {self.least}"
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True)
class EventClock:
    """The clock of an event: how long after its start it rings. The event happens then, if the case can have it.

    Attributes
    ----------
    time : TimeRange
    since : frozenset of str or None
        The transitions that start it. It runs on in every state, and stops in a final state. ``None``: it starts when a
        case enters the states of the event, and stops when the case leaves them.
    certain : bool
        Whether it starts each time.
    repeats : bool
        Whether it starts again when it has rung in the states of the event.
    """

    time: TimeRange
    since: frozenset[str] | None = None
    certain: bool = True
    repeats: bool = False


@dataclass(frozen=True)
class Bounds:
    """What is known of the times of every case.

    Attributes
    ----------
    stays : mapping of str to tuple of TimeRange
        For each state, from entering it to leaving it, waiting included. A lower bound holds for the completion of work; an
        event may take a case out earlier.
    clocks : mapping of str to EventClock
        By event. An event without one may happen at any time, or never.
    unbounded : mapping of str to str
        For states of which it is known: why there is no upper bound.
    loose : mapping of str to str
        For states and events whose times are known more exactly than these bounds: what is known.
    """

    stays: Mapping[str, tuple[TimeRange, ...]] = field(default_factory=dict)
    clocks: Mapping[str, EventClock] = field(default_factory=dict)
    unbounded: Mapping[str, str] = field(default_factory=dict)
    loose: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.stays or self.clocks or self.unbounded)

    def most(self, state: str) -> list[TimeLimit]:
        """Return the upper bounds on the time in a state."""
        return [time.most for time in self.stays.get(state, ()) if time.most is not None]

    def least(self, state: str) -> list[TimeLimit]:
        """Return the lower bounds on the time until the work of a state is completed."""
        return [time.least for time in self.stays.get(state, ()) if time.least is not None]

    @property
    def limits(self) -> Iterable[TimeLimit]:
        """Return every length of time in them."""
        for times in self.stays.values():
            for time in times:
                yield from time.limits
        for clock in self.clocks.values():
            yield from clock.time.limits

    def over(self, other: Bounds) -> Bounds:
        """Return these bounds together with others: stays have to meet both; of the clocks of one event, these count."""
        stays = {
            state: tuple(dict.fromkeys((*self.stays.get(state, ()), *other.stays.get(state, ()))))
            for state in (*self.stays, *other.stays)
        }
        clocks = {**other.clocks, **self.clocks}
        return Bounds(stays, clocks, {**other.unbounded, **self.unbounded}, {**other.loose, **self.loose})
