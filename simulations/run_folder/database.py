"""The DuckDB of a process, in memory: opened once, because opening it takes longer than most of what is asked of it."""

from __future__ import annotations

import atexit
import itertools
import threading
from functools import lru_cache
from typing import Any

__all__ = ["cursor", "enum"]

_numbers = itertools.count()
_opening = threading.Lock()


def cursor() -> Any:
    """Return a cursor, a connection of its own to the same database; to be closed after use. It works on one core."""
    with _opening:  # by one thread, not by two at once
        return _database().cursor()


@lru_cache(maxsize=1)
def _database() -> Any:
    import duckdb

    database = duckdb.connect()
    atexit.register(_forget, database)  # or it speaks of leaks when Python ends
    database.execute("set threads = 1")
    return database


def _forget(database: Any) -> None:
    _database.cache_clear()
    database.close()


@lru_cache(maxsize=1000)
def enum(words: tuple[str, ...]) -> str:
    """Return an SQL list of some words: an expression that may be indexed, from 1, and is written as codes into a dictionary."""
    if not words:
        return "([]::varchar[])"
    quoted = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    name = f"words_{next(_numbers)}"
    with cursor() as connection:
        connection.execute(f"create type {name} as enum ({quoted})")
    return f"([{quoted}]::{name}[])"
