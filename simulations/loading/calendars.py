"""The calendars of a scenario, and the one in whose working days each court counts ages."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.loading.context import Context
from simulations.timing.calendar_spec import CalendarSpec, parse_calendar
from simulations.timing.calendars import Calendar
from workflow.errors import InputError
from workflow.loading.reading import Keys

__all__ = ["court_days", "read_calendars"]


def read_calendars(context: Context) -> tuple[dict[str, Calendar], dict[str, CalendarSpec]]:
    """Read `calendars:`, as the times of the run at which each is open and as what the file says of it."""
    calendars: dict[str, Calendar] = {}
    specs: dict[str, CalendarSpec] = {}
    for name, entry in context.file.calendars.items():
        try:
            spec = parse_calendar(entry.hours, holidays=entry.holidays, closed=entry.closed, open=entry.open)
            specs[name] = spec
            calendars[name] = (
                spec.compile(name, context.epoch, context.file.ends)
                if context.dates_fit
                else Calendar.always_open(name)
            )
        except InputError as error:
            for problem in error.problems:
                place = _along(context, ("calendars", name), problem.message)
                context.wrong(place, f"calendar {name!r}: {problem.message}")
    return calendars, specs


def _along(context: Context, path: Keys, message: str) -> Keys:
    """Follow the keys with which a message begins, as in ``hours: sat: ...``, down the entry at a path."""
    for word in message.split(": "):
        inside = context.at(*path).value
        key = next((k for k in inside if str(k) == word), None) if isinstance(inside, dict) else None
        if key is None:
            return path
        path = (*path, key)
    return path


def court_days(context: Context, specs: Mapping[str, CalendarSpec]) -> tuple[CalendarSpec | None, ...]:
    """Return the calendar of each court, in their order; ``None`` where it has none."""
    for name, entry in context.file.courts.items():
        if entry.calendar is not None:
            path, what = ("courts", name, "calendar"), f"court {name!r}: calendar"
            context.known(entry.calendar, context.file.calendars, path, what, "a calendar")
    return tuple(specs.get(entry.calendar or "") for entry in context.file.courts.values()) or (None,)
