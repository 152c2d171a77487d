"""A workflow as a map: Mermaid text for documents, or an SVG picture laid out here.

The picture has one column for each step away from where cases begin; the longest way through the workflow runs
along a straight line. Kinds of states are told apart by colour and by outline; moves upon outside events are dashed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from workflow.definition import Kind, Workflow

__all__ = ["mermaid", "svg"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _LINE = 168, 46, 56, 84, 13
_STYLE = {  # fill, outline, width of the outline; colours of the Okabe-Ito palette, which the colour-blind can tell apart
    Kind.ACTIVITY: ("#d7ecf9", "#0072b2", 1.5),
    Kind.INSTANT: ("#ffffff", "#555555", 1.0),
    Kind.RESTING: ("#fdf0c8", "#b07c00", 1.5),
    Kind.FINAL: ("#e3e3e3", "#222222", 3.0),
}
_KINDS = {
    Kind.ACTIVITY: "work is waited for",
    Kind.INSTANT: "left at once",
    Kind.RESTING: "left upon an event",
    Kind.FINAL: "never left",
}


def mermaid(workflow: Workflow) -> str:
    """Return a workflow as a Mermaid state diagram.

    Examples
    --------
    >>> from workflow import load_workflow
    >>> mermaid(load_workflow("prosecutorial-discretion-review")).splitlines()[0]
    'stateDiagram-v2'
    """
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in workflow.entry_states]
    for (source, target), labels in _arrows(workflow).items():
        lines.append(f"    {source} --> {target}: {'; '.join(label for label, _ in labels)}")
    lines += [f"    {s.name} --> [*]" for s in workflow.states.values() if s.kind is Kind.FINAL]
    for kind in Kind:
        names = [s.name for s in workflow.states.values() if s.kind is kind]
        if names:
            fill, outline, width = _STYLE[kind]
            lines.append(f"    classDef {kind.value} fill:{fill},stroke:{outline},stroke-width:{width}px")
            lines.append(f"    class {','.join(names)} {kind.value}")
    return "\n".join(lines) + "\n"


def _arrows(workflow: Workflow) -> dict[tuple[str, str], list[tuple[str, bool]]]:
    """Return the arrows between states, each with its labels and whether these are upon events."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
    for transition in workflow.transitions:
        label = f"{transition.name} ({', '.join(transition.events)})" if transition.events else transition.name
        for source in transition.sources:
            found[source, transition.target or source].append((label, bool(transition.events)))
    return dict(found)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a state is drawn: its upper left corner."""

    x: float
    y: float

    @property
    def middle(self) -> tuple[float, float]:
        """Return the middle of the box."""
        return self.x + _WIDTH / 2, self.y + _HEIGHT / 2


def _moves(workflow: Workflow) -> dict[str, list[str]]:
    """Return where each state leads without an event."""
    found: dict[str, list[str]] = {s: [] for s in workflow.states}
    for transition in workflow.transitions:
        for source in transition.sources:
            if transition.target and transition.target != source and not transition.events:
                found[source].append(transition.target)
    return found


def _spine(workflow: Workflow) -> list[str]:
    """Return the longest way that comes to no state twice; one that ends where cases rest, if there is any."""
    forward = _moves(workflow)
    best: list[str] = []
    left = 20_000

    def worth(path: list[str]) -> tuple[bool, int]:
        return workflow.states[path[-1]].kind is Kind.RESTING, len(path)

    def go(path: list[str]) -> None:
        nonlocal best, left
        left -= 1
        if not best or worth(path) > worth(best):
            best = path
        for target in forward[path[-1]] if left > 0 else ():
            if target not in path:
                go([*path, target])

    for state in workflow.entry_states:
        go([state])
    return best


def _layout(workflow: Workflow) -> dict[str, Box]:
    """Put the spine into the first row, and every other state below where it is reached from."""
    spine = _spine(workflow)
    column = {state: float(i) for i, state in enumerate(spine)}
    arrows = [pair for pair in _arrows(workflow) if pair[0] != pair[1]]
    rest = [s for s in workflow.states if s not in column]
    while rest:
        reached = [s for s in rest if any(b == s and a in column for a, b in arrows)] or rest[:1]
        for state in reached:
            before = [column[a] for a, b in arrows if b == state and a in column and a not in reached]
            only = len(before) == 1 and sum(a != state for a, b in arrows if b == state) == 1
            column[state] = round(sum(before) / len(before) + (1 if only else 0)) if before else 0.0
        rest = [s for s in rest if s not in reached]
    taken: set[tuple[int, int]] = {(i, 0) for i in range(len(spine))}
    boxes: dict[str, Box] = {}
    for state in [*spine, *(s for s in workflow.states if s not in spine)]:
        place = (int(column[state]), 0 if state in spine else 1)
        while state not in spine and place in taken:
            place = (place[0], place[1] + 1)
        taken.add(place)
        boxes[state] = Box(30.0 + place[0] * (_WIDTH + _GAP_X), 120.0 + place[1] * (_HEIGHT + _GAP_Y))
    return boxes


def svg(workflow: Workflow, counts: Mapping[str, float] | None = None) -> str:
    """Return a workflow as a self-contained SVG picture.

    Parameters
    ----------
    workflow : Workflow
    counts : mapping of str to float, optional
        Numbers to print behind the names of transitions.
    """
    boxes = _layout(workflow)
    numbered: list[tuple[str, str]] = []
    parts: list[str] = []
    tags: list[tuple[float, float]] = []
    for (source, target), labels in _arrows(workflow).items():
        numbered += [(label, f"{source} -> {target}") for label, _ in labels]
        parts.append(_arrow(boxes, source, target, len(numbered) - len(labels) + 1, labels, tags))
    width = max(max(b.x for b in boxes.values()) + _WIDTH + 40, 760)
    bottom = max(b.y for b in boxes.values()) + _HEIGHT + 70
    legend, height = _legend(numbered, counts or {}, bottom, width)
    title = escape(workflow.name)
    states = "".join(_state(workflow, name, box) for name, box in boxes.items())
    description = escape(
        f"Map of the workflow {workflow.name}: {len(workflow.states)} states, {len(workflow.transitions)} transitions."
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="12">'
        f'<title id="t">{title}</title><desc id="d">{description}</desc>'
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
        '<path d="M0 0L10 5L0 10z" fill="#444"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="30" y="34" font-size="18" font-weight="bold">{title}</text>'
        f"{_kinds()}{''.join(parts)}{states}{legend}</svg>\n"
    )


def _kinds() -> str:
    found, x = [], 30
    for kind, told in _KINDS.items():
        fill, outline, width = _STYLE[kind]
        dash = ' stroke-dasharray="4 3"' if kind is Kind.INSTANT else ""
        found.append(
            f'<rect x="{x}" y="52" width="22" height="14" rx="4" fill="{fill}" stroke="{outline}" stroke-width="{width}"{dash}/>'
        )
        found.append(f'<text x="{x + 29}" y="63">{told}</text>')
        x += 170
    return "".join(found)


def _state(workflow: Workflow, name: str, box: Box) -> str:
    state = workflow.states[name]
    fill, outline, width = _STYLE[state.kind]
    dash = ' stroke-dasharray="4 3"' if state.kind is Kind.INSTANT else ""
    begins = " (begins here)" if name in workflow.entry_states else ""
    told = f"<title>{escape(state.description)}</title>" if state.description else ""
    x, y = box.middle
    second = (
        f'<text x="{x}" y="{y + 14}" text-anchor="middle" font-size="10" fill="#444">{begins.strip()}</text>'
        if begins
        else ""
    )
    return (
        f'<g>{told}<rect x="{box.x}" y="{box.y}" width="{_WIDTH}" height="{_HEIGHT}" rx="9" fill="{fill}" stroke="{outline}" stroke-width="{width}"{dash}/>'
        f'<text x="{x}" y="{y + (0 if begins else 4)}" text-anchor="middle" font-weight="bold">{escape(name)}</text>{second}</g>'
    )


def _arrow(
    boxes: Mapping[str, Box],
    source: str,
    target: str,
    number: int,
    labels: list[tuple[str, bool]],
    tags: list[tuple[float, float]],
) -> str:
    """Draw one arrow, with the numbers of its moves on it, where no other number stands."""
    a, b = boxes[source], boxes[target]
    dash = ' stroke-dasharray="6 4"' if all(upon for _, upon in labels) else ""
    words = str(number) if len(labels) == 1 else f"{number}-{number + len(labels) - 1}"
    bend = 26 + (number * 17) % 44
    if source == target:
        x, y = a.x + _WIDTH - 34, a.y
        path, at = f"M{x} {y}C{x - 6} {y - 34} {x + 34} {y - 34} {x + 24} {y}", (x + 12, y - 26)
    elif a.y == b.y and b.x > a.x and b.x - a.x <= _WIDTH + _GAP_X + 1:
        path, at = (
            f"M{a.x + _WIDTH} {a.y + _HEIGHT / 2}L{b.x} {b.y + _HEIGHT / 2}",
            ((a.x + _WIDTH + b.x) / 2, a.y + _HEIGHT / 2),
        )
    elif a.y == b.y:  # over other boxes of the row
        up = min(38.0, bend)
        x1, x2 = a.x + _WIDTH * (0.62 if b.x > a.x else 0.38), b.x + _WIDTH * (0.38 if b.x > a.x else 0.62)
        path, at = (
            f"M{x1} {a.y + _HEIGHT}C{x1} {a.y + _HEIGHT + up + 14} {x2} {b.y + _HEIGHT + up + 14} {x2} {b.y + _HEIGHT}",
            ((x1 + x2) / 2, a.y + _HEIGHT + up * 0.75 + 10),
        )
    else:
        down = b.y > a.y
        shift = ((number * 29) % 100 - 50) / 100 * _WIDTH * 0.7
        x1, y1 = a.x + _WIDTH / 2 + shift, a.y + (_HEIGHT if down else 0)
        x2, y2 = b.x + _WIDTH / 2 + shift * 0.8, b.y + (0 if down else _HEIGHT)
        half = (y2 - y1) / 2
        path, at = (
            f"M{x1} {y1}C{x1} {y1 + half} {x2} {y2 - half} {x2} {y2}",
            (x1 + (x2 - x1) * 0.28, y1 + (y2 - y1) * 0.34),
        )
    while any(abs(at[0] - x) < 36 and abs(at[1] - y) < 17 for x, y in tags):
        at = (at[0] + 9, at[1] + 12)
    tags.append(at)
    tag = (
        f'<rect x="{at[0] - 4 - 3.6 * len(words)}" y="{at[1] - 8}" width="{8 + 7.2 * len(words)}" height="16" rx="8" fill="#ffffff" stroke="#777"/>'
        f'<text x="{at[0]}" y="{at[1] + 4}" text-anchor="middle" font-size="11">{words}</text>'
    )
    told = escape("; ".join(label for label, _ in labels))
    return f'<g><title>{told}</title><path d="{path}" fill="none" stroke="#444" stroke-width="1.2"{dash} marker-end="url(#head)"/>{tag}</g>'


def _legend(
    numbered: list[tuple[str, str]], counts: Mapping[str, float], top: float, width: float
) -> tuple[str, float]:
    """Write out the numbered moves below the map, in two or three columns."""
    columns = max(1, int(width // 520))
    per = -(-len(numbered) // columns)
    found = []
    for i, (label, way) in enumerate(numbered):
        x, y = 30 + (i // per) * (width - 60) / columns, top + (i % per) * (_LINE + 5)
        name = label.split(" ")[0]
        count = f": {counts[name]:,.0f}" if name in counts else ""
        found.append(
            f'<text x="{x:.0f}" y="{y:.0f}"><tspan font-weight="bold">{i + 1}</tspan> {escape(label)}{count}'
            f'<tspan fill="#666" dx="6" font-size="10">{escape(way)}</tspan></text>'
        )
    return "".join(found), top + per * (_LINE + 5) + 16
