"""DuckDB connections that reach only the files they are given, and load no extensions."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workflow.sql.quoting import literal_path, text


def connect(paths: Iterable[str | Path], threads: int | None = None) -> Any:
    """Return a connection to a new in-memory database that reaches these files and no others.

    Access is locked before the first statement of the caller, so that nothing in a file from a stranger can become a
    statement that reaches another. DuckDB itself would let a COPY replace one of the files: a statement of a user must be
    a SELECT. Cursors of the connection have the same limits.

    Parameters
    ----------
    paths : iterable of str or Path
    threads : int, optional
        Number of threads. With one, sums of floats do not depend on the order of threads. Default: all cores.

    References
    ----------
    DuckDB documentation, "Securing DuckDB".
    """
    import duckdb

    allowed = ", ".join(text(literal_path(path)) for path in paths)
    scratch = tempfile.TemporaryDirectory(prefix="docketsim-")
    connection = duckdb.connect()
    weakref.finalize(connection, scratch.cleanup)
    settings = {
        **({} if threads is None else {"threads": str(threads)}),
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": text(scratch.name),
        "allowed_paths": f"[{allowed}]",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    for name, value in settings.items():
        connection.execute(f"set global {name} = {value}")
    return connection


@contextmanager
def reader(paths: Iterable[str | Path], threads: int | None = None) -> Iterator[Any]:
    """Yield a connection as `connect` returns it, and close it."""
    with interruptible(), connect(paths, threads) as connection:
        yield connection


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt where Ctrl-C ends a statement of DuckDB, which makes a RuntimeError of it."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from None
