"""The in-memory DuckDB database of a process. It is opened once, because opening takes longer than most queries."""

from __future__ import annotations

import atexit
import itertools
import threading
from functools import lru_cache
from typing import Any

from workflow.sql.quoting import text

_numbers = itertools.count()
_opening = threading.Lock()


def cursor() -> Any:
    """Return a new connection to the database, which uses one core. Close it after use."""
    with _opening:  # two threads must not open it at once
        return _database().cursor()


@lru_cache(maxsize=1)
def _database() -> Any:
    import duckdb

    database = duckdb.connect()
    atexit.register(_close, database)  # otherwise DuckDB reports leaks at exit
    database.execute("set threads = 1")
    return database


def _close(database: Any) -> None:
    _database.cache_clear()
    database.close()


@lru_cache(maxsize=1000)
def enum(labels: tuple[str, ...]) -> str:
    """Return an SQL list of labels, indexed from 1, that is written to Parquet with dictionary encoding."""
    if not labels:
        return "([]::varchar[])"
    quoted = ", ".join(map(text, labels))
    name = f"labels_{next(_numbers)}"
    with cursor() as connection:
        connection.execute(f"create type {name} as enum ({quoted})")
    return f"([{quoted}]::{name}[])"
