"""The time zones of the columns of a Parquet file.

Parquet stores instants in UTC. The name of the zone of their local clocks stands in the schema of Apache Arrow, which
pandas, Polars and Arrow write beside the data, as an encoded FlatBuffer.

References
----------
Apache Arrow, format/Schema.fbs and format/Message.fbs. FlatBuffers, "FlatBuffer Internals".
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass

_TIMESTAMP = 10
"""The number of the type of timestamps in the union ``Type``."""


def zones_of(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """Return the time zone of each column that has one, given the metadata of a file; none if its schema cannot be read.

    Examples
    --------
    >>> zones_of({b"ARROW:schema": b"damaged"})
    {}
    """
    try:
        message = base64.b64decode(metadata.get(b"ARROW:schema", b""), validate=True)
        return _zones(message[8:])  # after a mark and a length
    except (binascii.Error, struct.error, UnicodeDecodeError, IndexError, ValueError):
        return {}


def _zones(buffer: bytes) -> dict[str, str]:
    schema = _Table(buffer, *struct.unpack_from("<I", buffer)).table(2)
    fields = [] if schema is None else schema.tables(1)
    zones = {}
    for field in fields:
        kind, name = field.table(3), field.text(0)
        if field.byte(2) == _TIMESTAMP and kind is not None and name and (zone := kind.text(1)):
            zones[name] = zone
    return zones


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a FlatBuffer, at a position of it."""

    buffer: bytes
    position: int

    def _field(self, number: int) -> int | None:
        """Return the position of a field."""
        vtable = self.position - self._read("<i", self.position)
        at = vtable + 4 + 2 * number
        offset = self._read("<H", at) if at < vtable + self._read("<H", vtable) else 0
        return self.position + offset if offset else None

    def _read(self, form: str, position: int) -> int:
        if position < 0:
            raise IndexError(position)
        number: int = struct.unpack_from(form, self.buffer, position)[0]
        return number

    def byte(self, number: int) -> int:
        """Return a field of one byte, 0 if it is absent."""
        at = self._field(number)
        return 0 if at is None else self._read("<B", at)

    def table(self, number: int) -> _Table | None:
        """Return a table that a field refers to."""
        at = self._field(number)
        return None if at is None else _Table(self.buffer, at + self._read("<I", at))

    def text(self, number: int) -> str:
        """Return a text, empty if it is absent."""
        at = self._field(number)
        if at is None:
            return ""
        start = at + self._read("<I", at)
        return self.buffer[start + 4 : start + 4 + self._read("<I", start)].decode()

    def tables(self, number: int) -> list[_Table]:
        """Return the tables of a vector."""
        at = self._field(number)
        if at is None:
            return []
        start = at + self._read("<I", at)
        places = range(start + 4, start + 4 + 4 * min(self._read("<I", start), len(self.buffer)), 4)
        return [_Table(self.buffer, place + self._read("<I", place)) for place in places]
