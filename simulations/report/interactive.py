"""The specification of a figure for the page, in which a chart shows values on hover, zooms, and is filtered by court.

A chart is described once, in Altair. Its static picture leaves out the rows of courts that only the court picker shows, which
have `MORE`. On the page, each view with a line gets points that answer to the nearest pointer, and a horizontal zoom.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

Spec = dict[str, Any]

MORE = "more"
"""The field of a row of a court that is shown only when it is picked."""

COURT = "court"
"""The field of the title of a court, and the parameter that has the picked one."""

_FILTER = f"!isValid(datum.{COURT}) || ({COURT} ? datum.{COURT} === {COURT} : !datum.{MORE})"
_ZOOM = "wheel![event.shiftKey]"
_DRAG = "[pointerdown[event.pointerType !== 'touch'], window:pointerup] > window:pointermove!"
_CLIPPED = ("area", "line", "point", "rect", "rule")
_AXIS_LIMIT, _LEGEND_LIMIT, _LETTER = 220, 200, 6.3
"""Widths of the labels of axes and legends, and of a letter, in pixels."""
_DIGITS = 6
_MIDNIGHT = "T00:00:00Z"


def still_spec(spec: Spec) -> Spec:
    """Return the specification of the static picture."""
    still: Spec = _with_data(spec, lambda rows: [row for row in rows if not row.get(MORE)])
    return still


def live_spec(spec: Spec) -> Spec:
    """Return the specification of the figure on the page, with data as columns and rows.

    `usermeta` has the titles of its courts, and whether it zooms.
    """
    courts: dict[str, None] = {}

    def packed(rows: list[Spec]) -> Spec:
        courts.update(dict.fromkeys(row[COURT] for row in rows if row.get(COURT) is not None))
        return _columns(rows)

    live: Spec = _filtered(_with_data(spec, packed))
    zooms = [_pointed(view, k) for k, view in enumerate(_views(live))]
    live["params"] = [*live.get("params", []), {"name": COURT, "value": ""}]
    live["usermeta"] = {"courts": list(courts), "zooms": any(zooms)}
    return live


def with_short_names(spec: Spec) -> Spec:
    """Return a copy in which axes and legends of names leave out the middle of long ones, so that their ends still differ."""
    copy: Spec = {key: with_short_names(part) if isinstance(part, dict) else part for key, part in spec.items()}
    for key in ("layer", "concat", "vconcat", "hconcat"):
        if isinstance(copy.get(key), list):
            copy[key] = [with_short_names(part) for part in copy[key]]
    encoding = copy.get("encoding", {})
    for channel, guide, limit in (("y", "axis", _AXIS_LIMIT), ("color", "legend", _LEGEND_LIMIT)):
        field = encoding.get(channel)
        if isinstance(field, dict) and field.get("type") == "nominal" and field.get(guide, {}) is not None:
            most = int(field.get(guide, {}).get("labelLimit", limit) / _LETTER)
            short = f"slice(datum.label, 0, {most} / 2) + '…' + slice(datum.label, 1 - {most} / 2)"
            field[guide] = {**field.get(guide, {}), "labelExpr": f"length(datum.label) > {most} ? {short} : datum.label"}
    return copy


def as_json(value: Any) -> str:
    """Return JSON for a ``<script>`` element: no text in it can end the element or begin another."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _with_data(node: Any, change: Callable[[list[Spec]], Any]) -> Any:
    """Return a copy in which the rows of every view with data are changed."""
    if isinstance(node, list):
        return [_with_data(part, change) for part in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _with_data(part, change) for key, part in node.items() if key != "data"}
    if "data" in node:
        copy["data"] = {"values": change(node["data"]["values"])}
    return copy


def _filtered(node: Any) -> Any:
    """Return a copy in which every view with data of courts is filtered by the picked one."""
    if isinstance(node, list):
        return [_filtered(part) for part in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _filtered(part) if key != "data" else part for key, part in node.items()}
    if "data" in node and COURT in node["data"]["values"]["columns"]:
        copy["transform"] = [{"filter": _FILTER}, *copy.get("transform", [])]
    return copy


def _views(node: Spec) -> Iterator[Spec]:
    """Yield each view that has marks; its layers belong to it."""
    if "layer" in node or "mark" in node:
        yield node
        return
    for key in ("spec", "concat", "vconcat", "hconcat"):
        parts = node.get(key, [])
        for part in parts if isinstance(parts, list) else [parts]:
            yield from _views(part)


def _pointed(view: Spec, number: int) -> bool:
    """Add points that answer to the pointer, and a zoom, to a view with a line that has tooltips."""
    layers = view.get("layer") or [{key: view.pop(key) for key in ("mark", "encoding", "transform", "data") if key in view}]
    line = next((layer for layer in layers if _mark(layer) == "line" and "tooltip" in layer.get("encoding", {})), None)
    if "layer" not in view and line is None:
        view.update(layers[0])
    if line is None:
        return False
    for layer in layers:
        if _mark(layer) in _CLIPPED:
            layer["mark"] = {**(layer["mark"] if isinstance(layer["mark"], dict) else {"type": layer["mark"]}), "clip": True}
    channels = {key: line["encoding"][key] for key in ("x", "y", "color", "tooltip") if key in line["encoding"]}
    name = f"pointed_{number}"
    shown = {"condition": {"param": name, "empty": False, "value": 1}, "value": 0}
    points = {
        **{key: line[key] for key in ("data", "transform") if key in line},
        "mark": {"type": "point", "filled": True, "size": 60, "clip": True},
        "encoding": {**channels, "opacity": shown},
        "params": [
            {"name": name, "select": {"type": "point", "on": "pointerover", "clear": "pointerout", "nearest": True}},
            *([_zoom(number)] if channels["x"].get("type") in ("quantitative", "temporal") else []),
        ],
    }
    view["layer"] = [*layers, points]
    return len(points["params"]) > 1


def _zoom(number: int) -> Spec:
    select = {"type": "interval", "encodings": ["x"], "zoom": _ZOOM, "translate": _DRAG}
    return {"name": f"zoom_{number}", "bind": "scales", "select": select}


def _mark(layer: Spec) -> Any:
    mark = layer.get("mark")
    return mark["type"] if isinstance(mark, dict) else mark


def _columns(rows: list[Spec]) -> Spec:
    """Return rows as the names of their fields and the values of each row, rounded.

    A text is written once, in `texts` under its field; rows have its place there.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    of_text = [name for name in names if all(isinstance(row.get(name, ""), str) for row in rows)]
    texts: dict[str, dict[str, int]] = {name: {} for name in of_text}
    packed = [[_packed(row.get(name), texts.get(name)) for name in names] for row in rows]
    return {"columns": names, "texts": {name: list(found) for name, found in texts.items()}, "rows": packed}


def _packed(value: Any, places: dict[str, int] | None) -> Any:
    if isinstance(value, str):
        text = value.removesuffix(_MIDNIGHT)
        return text if places is None else places.setdefault(text, len(places))
    if isinstance(value, float):
        rounded = float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
        return int(rounded) if rounded is not None and rounded.is_integer() else rounded
    return value
