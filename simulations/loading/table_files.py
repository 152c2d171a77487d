"""Read the entry that names a table: a file, and how to read it."""

from __future__ import annotations

from simulations.scenarios.format import TableEntry
from simulations.scenarios.tables import TableSource
from workflow.errors import InputError
from workflow.files.cells import CellFormat
from workflow.files.encodings import check_encoding
from workflow.files.tables import FileFormat
from workflow.files.times import check_time_format
from workflow.files.validation import format_value, validate
from workflow.files.yaml_tree import Node, tidy


def _key(option: str) -> str:
    """Return the key that sets in a table entry what a command-line option sets."""
    return f"{option.replace('-', '_')}:"


def table_source(node: Node) -> TableSource:
    """Return the table that an entry names: a file, or a mapping with `file:` and how to read it.

    Raises
    ------
    InputError
        With every mistake of the entry.
    """
    if isinstance(node.value, str):
        return TableSource(tidy(node.folder / node.value), cells=CellFormat(option=_key))
    if not isinstance(node.value, dict):
        message = "must be the name of a CSV, Parquet or Excel file, or {file:, columns:}"
        raise InputError([f"table: {message}, not {format_value(node.plain())}"])
    entry = validate(TableEntry, node)
    formats = (entry.time_format,) if isinstance(entry.time_format, str) else tuple(entry.time_format or ())
    for text in formats:
        check_time_format(text, "time_format:")
    if entry.encoding is not None:
        check_encoding(entry.encoding, "encoding:")
    cells = CellFormat(formats, entry.decimal, option=_key)
    return TableSource(tidy(node.folder / entry.file), entry.columns, FileFormat(entry.encoding, entry.sheet), cells)
