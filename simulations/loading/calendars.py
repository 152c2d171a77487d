"""Read calendars, and the calendar whose working days count ages in each court."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.loading.context import Context
from simulations.timing.calendar_spec import CalendarSpec, parse_calendar
from simulations.timing.calendars import Calendar
from workflow.errors import InputError
from workflow.loading.reading import Keys

MOST_INTERVALS = 2_000_000
"""Maximum number of working intervals of all calendars in the run: two a day for 500 years, and five calendars."""


def read_calendars(context: Context) -> tuple[dict[str, Calendar], dict[str, CalendarSpec]]:
    """Read `calendars:`; return each as working intervals of the run and as specified."""
    calendars: dict[str, Calendar] = {}
    specs: dict[str, CalendarSpec] = {}
    n_intervals = 0
    for name, entry in context.file.calendars.items():
        try:
            spec = parse_calendar(entry.hours, holidays=entry.holidays, closed=entry.closed, open=entry.open)
            specs[name] = spec
            if context.dates_fit:
                n_intervals += spec.n_intervals(context.file.starts, context.file.ends)
            if n_intervals > MOST_INTERVALS:
                message = f"the calendars have {n_intervals:,} working intervals or more; the limit is {MOST_INTERVALS:,}"
                context.wrong(("calendars", name), f"calendar {name!r}: {message}. Give them fewer, or end the run earlier.")
                return calendars, specs
            calendars[name] = (
                spec.compile(name, context.epoch, context.file.ends) if context.dates_fit else Calendar.always_open(name)
            )
        except InputError as error:
            for problem in error.problems:
                path = _path_of(context, ("calendars", name), problem.message)
                context.wrong(path, f"calendar {name!r}: {problem.message}")
    return calendars, specs


def _path_of(context: Context, path: Keys, message: str) -> Keys:
    """Return a path extended by the keys with which a message begins, as in ``hours: sat: ...``."""
    for part in message.split(": "):
        entry = context.at(*path).value
        key = next((k for k in entry if str(k) == part), None) if isinstance(entry, dict) else None
        if key is None:
            return path
        path = (*path, key)
    return path


def court_days(context: Context, specs: Mapping[str, CalendarSpec]) -> tuple[CalendarSpec | None, ...]:
    """Return the calendar of each court in order, or ``None``."""
    for name, entry in context.file.courts.items():
        if entry.calendar is not None:
            path, what = ("courts", name, "calendar"), f"court {name!r}: calendar"
            context.known(entry.calendar, context.file.calendars, path, what, "a calendar")
    return tuple(specs.get(entry.calendar or "") for entry in context.file.courts.values()) or (None,)
