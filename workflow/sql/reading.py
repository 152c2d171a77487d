"""DuckDB connections that reach only the files they are given, and load no extensions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workflow.sql.quoting import literal_path, text


@contextmanager
def reader(paths: Iterable[str | Path], threads: int | None = None) -> Iterator[Any]:
    """Yield a connection to a new in-memory database that reaches these files and no others.

    Access is locked before the first statement of the caller, so that nothing in a file from a stranger can become a
    statement that reaches another. DuckDB itself would let a COPY replace one of the files: a statement of a user must be
    a SELECT.

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
    with tempfile.TemporaryDirectory(prefix="docketsim-") as scratch, duckdb.connect() as connection:
        settings = {
            **({} if threads is None else {"threads": str(threads)}),
            "python_enable_replacements": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": text(scratch),
            "allowed_paths": f"[{allowed}]",
            "enable_external_access": "false",
            "lock_configuration": "true",
        }
        for name, value in settings.items():
            connection.execute(f"set {name} = {value}")
        yield connection
