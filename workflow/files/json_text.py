"""Write JSON that every program can read, and check what was read from it."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(value: Any, indent: int | None = None) -> str:
    """Return plain values as JSON (RFC 8259). Infinity and NaN, which JSON lacks, become null.

    Examples
    --------
    >>> json_text({"z": float("inf"), "court": "Köln"})
    '{"z": null, "court": "Köln"}'
    """
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def check_types(kind: Any, value: Any) -> None:
    """Check that a value that was read from JSON has the declared types, in all its fields.

    Parameters
    ----------
    kind : type
        Such as ``list[Pairs]``, where `Pairs` is a dataclass.

    Raises
    ------
    ValueError
        With the first mistake and its place.
    """
    from pydantic import TypeAdapter, ValidationError

    adapter = TypeAdapter(kind)
    try:
        adapter.validate_json(adapter.dump_json(value, warnings=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from None


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
