"""Write JSON that every program can read."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["json_text"]


def json_text(value: Any, indent: int | None = None) -> str:
    """Return plain values as JSON (RFC 8259). Infinity and NaN, which JSON lacks, become null.

    Examples
    --------
    >>> json_text({"z": float("inf"), "court": "Köln"})
    '{"z": null, "court": "Köln"}'
    """
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
