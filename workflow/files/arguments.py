"""Check arguments of the public functions that Python would misread: a text in place of a list, or of a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from numbers import Integral, Real

from workflow.errors import InputError
from workflow.files.dates import parse_instant


def date_problems(**given: object) -> list[str]:
    """Return a message for each argument that must be a date and is not one; ``None`` stands for an argument left out.

    Examples
    --------
    >>> date_problems(at="2011-12-26", until=None)
    ["at: must be a date, such as datetime.date(2011, 12, 26), not '2011-12-26'"]
    """
    return [_date_problem(name, value) for name, value in given.items() if value is not None and type(value) is not dt.date]


def list_problems(**given: object) -> list[str]:
    """Return a message for each argument that must be a list and is a single text or date.

    Examples
    --------
    >>> list_problems(measures="pending", courts=["north"])
    ["measures: must be a list, such as ['pending'], not 'pending'"]
    """
    single = ((name, value) for name, value in given.items() if isinstance(value, str | dt.date))
    return [f"{name}: must be a list, such as [{value!r}], not {value!r}" for name, value in single]


def number_problems(whole: bool = True, **given: object) -> list[str]:
    """Return a message for each argument that must be a whole number, or a number, and is not one.

    Examples
    --------
    >>> number_problems(replications="10", seed=1)
    ["replications: must be a whole number, not '10'"]
    """
    kind = Integral if whole else Real
    wrong = ((name, value) for name, value in given.items() if not isinstance(value, kind) or isinstance(value, bool))
    return [f"{name}: must be a {'whole ' if whole else ''}number, not {value!r}" for name, value in wrong]


def kind_problems(kind: type | tuple[type, ...], advice: str, **given: object) -> list[str]:
    """Return a message for each argument that is not of a kind; ``None`` stands for an argument left out.

    Parameters
    ----------
    advice : str
        What to give instead.

    Examples
    --------
    >>> kind_problems(int, "a seed", one=3, other="three")
    ["other: must be a seed, not 'three'"]
    """
    wrong = ((name, value) for name, value in given.items() if value is not None and not isinstance(value, kind))
    return [f"{name}: must be {advice}, not {_shown(value)}" for name, value in wrong]


def entry_problems(kind: type, advice: str, **given: object) -> list[str]:
    """Return a message for each argument that is not a list of values of a kind; ``None`` stands for an argument left out.

    Examples
    --------
    >>> entry_problems(int, "a list of days", days=[1, 2], others=[1, "two"])
    ["others: must be a list of days, not one with 'two'"]
    """
    problems = []
    for name, value in given.items():
        if isinstance(value, Mapping | str) or not isinstance(value, Iterable | None):
            problems.append(f"{name}: must be {advice}, not {_shown(value)}")
        elif value is not None and (wrong := [entry for entry in value if not isinstance(entry, kind)]):
            problems.append(f"{name}: must be {advice}, not one with {_shown(wrong[0])}")
    return problems


def check_arguments(problems: Iterable[str]) -> None:
    """Raise `InputError` if there are any problems."""
    if found := [*problems]:
        raise InputError(found)


def _date_problem(name: str, value: object) -> str:
    example = dt.date(2024, 3, 31)
    if not isinstance(value, Mapping):
        with suppress(InputError):
            example = parse_instant(value).date()
    return f"{name}: must be a date, such as {example!r}, not {value!r}"


def _shown(value: object) -> str:
    """Return a value for a message; one with a long text by its type."""
    text = repr(value)
    return text if len(text) <= 100 and "\n" not in text else f"an object of the type {type(value).__name__}"
