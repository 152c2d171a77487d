"""The tables of a run folder in SQL, after their columns have been checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workflow.errors import InputError, format_names, nearest, visible
from workflow.files.validation import format_value
from workflow.files.yaml_tree import read_yaml
from workflow.loading import load_workflow
from workflow.model.columns import TABLES, cases_columns
from workflow.model.definition import Workflow
from workflow.sql.quoting import identifier, literal_path, parquet, text
from workflow.sql.reading import reader

_MOST_MISTAKES = 20


def recorded_workflow(folder: Path, name: str = "workflow.yaml") -> Workflow:
    """Load the workflow of a run from its folder.

    Raises
    ------
    InputError
        With every mistake, or if it is not complete in itself.
    """
    path = folder / name
    if "extends" in read_yaml(path).value:
        raise InputError([f"{path}: extends: a run folder has its whole workflow, and reads no other file"])
    return load_workflow(str(path))


@contextmanager
def open_tables(folder: Path, parts: Mapping[str, Sequence[Path]], threads: int | None = None) -> Iterator[Any]:
    """Yield a DuckDB connection with a view of each table of a run, which reaches only these parts.

    Parameters
    ----------
    folder : Path
        The run folder, whose workflow declares the columns of the cases.
    parts : mapping of str to sequence of Path
        The parts of each table.
    threads : int, optional
        As for `workflow.sql.reading.reader`.

    Raises
    ------
    InputError
        With every part that has other columns or types than declared, or cannot be read.
    """
    with reader([path for paths in parts.values() for path in paths], threads) as connection:
        for kind, paths in parts.items():
            add_table(connection, folder, kind, paths)
        with readable(folder):
            yield connection


def add_table(
    connection: Any, folder: Path, kind: str, paths: Sequence[Path], replications: Collection[int] | None = None
) -> None:
    """Make the view of a table of a run from its parts, or of some of its replications.

    Raises
    ------
    InputError
        With every part that has other columns or types than declared, or cannot be read.
    """
    declared = cases_columns(recorded_workflow(folder)) if kind == "cases" else TABLES[kind]
    columns = ", ".join(map(identifier, declared))
    with readable(folder):
        _check_columns(connection, paths, declared)
        rows = "" if replications is None else f" where replication in ({', '.join(map(str, map(int, replications)))})"
        connection.execute(f"create view {kind} as select {columns} from {parquet(paths)}{rows}")


@contextmanager
def readable(*folders: Path) -> Iterator[None]:
    """Turn an error of DuckDB about the parts of a run into one message: any page of a part may be damaged.

    Raises
    ------
    InputError
        That names the run folders, and says how to find the damaged part.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        names = " or ".join(map(str, folders))
        message = f"{str(error).splitlines()[0]}; docketsim verify {names} lists damaged files, --resume restores them"
        raise InputError([f"{names}: a part cannot be read: {message}"]) from None


def _check_columns(connection: Any, paths: Sequence[Path], declared: Mapping[str, str]) -> None:
    names = {literal_path(path): path for path in paths}
    files = ", ".join(map(text, names))
    rows = connection.execute(
        f"""select min(file_name), names, types from (
            select file_name, list(name order by column_id) as names, list(duckdb_type order by column_id) as types
            from parquet_schema([{files}]) where column_id > 0 group by file_name) group by names, types order by 1"""
    ).fetchall()
    wrong = [message for file, columns, types in rows for message in _differences(names[file], columns, types, declared)]
    if wrong:
        raise InputError(wrong[:_MOST_MISTAKES])


def check_labels(connection: Any, folder: Path, kind: str, allowed: Mapping[str, Collection[str | None]]) -> None:
    """Check the labels in columns of a table, such as the states in `from_state`.

    Parameters
    ----------
    connection
        A connection of `open_tables`.
    folder : Path
        The run folder, for the message.
    kind : str
        The table.
    allowed : mapping of str to collection of str or None
        The labels of each column; ``None`` if a cell may be empty.

    Raises
    ------
    InputError
        With every other label.
    """
    wrong = []
    for column, labels in allowed.items():
        distinct = connection.execute(f"select distinct {identifier(column)} from {kind} order by 1").fetchall()
        for (label,) in distinct:
            if label not in labels:
                wrong.append(mistake_in_labels(folder, kind, column, label, labels))
    if wrong:
        raise InputError(wrong[:_MOST_MISTAKES])


def mistake_in_labels(folder: Path, kind: str, column: str, label: object, allowed: Collection[str | None]) -> str:
    """Return the message about a label in a column of a table that is not one of those allowed."""
    known = [each for each in allowed if each is not None]
    hint = nearest(label, known) or f" Known: {format_names(known)}."
    shown = "is empty" if label is None else f"{format_value(visible(str(label)))} is not in this run"
    return f"{folder}: {kind}: column {column!r}: {shown}.{hint}"


def _differences(path: Path, names: Sequence[str], types: Sequence[str], declared: Mapping[str, str]) -> Iterator[str]:
    if len(set(names)) < len(names):
        yield f"{path}: has two columns of one name"
        return
    found = dict(zip(names, types, strict=True))
    if missing := [name for name in declared if name not in found]:
        yield f"{path}: has no column {format_names(missing)}, which the run's workflow declares"
    if unknown := [name for name in found if name not in declared]:
        yield f"{path}: has the column {format_names(map(repr, unknown))}, which the run's workflow does not declare"
    for name, kind in declared.items():
        if name in found and found[name] != kind:
            yield f"{path}: column {name!r} must be {kind}, not {found[name]}"
