"""Draw a workflow as a self-contained SVG picture.

It shows states by kind, and transitions by name with their events. In the picture the main path runs straight down,
and a transition out of several states is one bundle of arrows with one label.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from xml.sax.saxutils import escape, quoteattr

from workflow.drawing.layout import Point, Shape, lay_out, rows
from workflow.drawing.marks import THICKEST, THINNEST, WAS, WHEN, Marks, changes, is_cut
from workflow.model.definition import State, StateKind, Transition, Workflow
from workflow.predicates import unparse

NAME, SMALL, TITLE = 13.0, 12.0, 20.0
READABLE = 11.0
"""Size of the smallest letters on a narrow page, which slides sideways rather than make them smaller."""
"""Font sizes in pixels."""

LINE = 15.0
LONGEST_LINE = 170.0
MARGIN, LEAST_WIDTH = 32.0, 760.0
BOX, NARROWEST_BOX = 40.0, 100.0
CORNER, THIN, THICK = 10.0, 1.4, 2.4
DOT, LOOP = 34.0, 34.0
"""Widths of the dot of an entry state and of a loop beside a box."""


Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class _Style:
    """The style of a kind of state: light colours of the Okabe-Ito palette, and an outline."""

    fill: str
    outline: str
    thickness: float
    dashes: str
    meaning: str


STYLES = {
    StateKind.ACTIVITY: _Style("#d7ecf9", "#0072b2", 1.6, "", "work is waited for"),
    StateKind.INSTANT: _Style("#ffffff", "#555555", 1.3, "4 3", "left at once"),
    StateKind.RESTING: _Style("#fdf0c8", "#9a6b00", 1.6, "8 3", "left only upon an event"),
    StateKind.FINAL: _Style("#e6e6e6", "#222222", 3.0, "", "never left"),
}
_CORNERS = {StateKind.ACTIVITY: 9.0, StateKind.INSTANT: 15.0, StateKind.RESTING: 20.0, StateKind.FINAL: 9.0}
"""Minimum distance of arrows from the corners of a box."""

_PLAIN, _UPON_EVENT, _DIFFERENT, _NEVER, _CONDITION = "#333333", "#a04000", "#a3007a", "#767676", "#5a5a5a"
_UNMARKED = Marks()

_NARROW, _WIDE = set("iljftrI.,:;'|()[]-/ "), set("mwMW@%")
"""Narrow and wide characters."""


def format_transition(transition: Transition) -> str:
    """Return the name of a transition, with its events in brackets."""
    return f"{transition.name} ({', '.join(transition.events)})" if transition.events else transition.name


def moves_of(workflow: Workflow) -> dict[tuple[str, str], list[Transition]]:
    """Return the transitions between each pair of states; an internal transition leads from a state to itself."""
    moves: dict[tuple[str, str], list[Transition]] = {}
    for transition in workflow.transitions:
        for source in transition.sources:
            moves.setdefault((source, transition.target or source), []).append(transition)
    return moves


def svg(
    workflow: Workflow,
    counts: Mapping[str, str] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    never: Collection[str] = (),
    against: Workflow | None = None,
) -> str:
    """Return a workflow as a self-contained SVG picture.

    Parameters
    ----------
    workflow : Workflow
    counts : mapping of str to str, optional
        Formatted numbers to print after the names of transitions, for example how often each was taken.
    weights : mapping of str to float, optional
        How often each transition was taken; arrows are as thick.
    never : collection of str
        Transitions that no case can ever take; they are grey.
    against : Workflow, optional
        Another workflow; the transitions that it has not, or has in another way, are marked.

    Returns
    -------
    str
        One ``<svg>`` element for a file or a page. Its ``<desc>`` describes the picture as text.
    """
    marks = Marks(counts or {}, weights or {}, never, against, {} if against is None else changes(workflow, against))
    drawn = map_of(workflow, marks)
    width = max(drawn.width + 2 * MARGIN, LEAST_WIDTH)
    header, top = _header(workflow, width, marks)
    footer, bottom = _footer(workflow, width, top + drawn.height + MARGIN, marks)
    key = f"map-{workflow.name}"
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby={quoteattr(f"{key}-title {key}-desc")}',
            f' viewBox="0 0 {_n(width)} {_n(bottom)}" width="{_n(width)}" height="{_n(bottom)}"',
            f' style="max-width:100%;min-width:{_n(width * READABLE / SMALL)}px;height:auto" font-family="sans-serif" font-size="{_n(SMALL)}">\n',
            f"<title id={quoteattr(f'{key}-title')}>{escape(workflow.name)}</title>\n",
            f"<desc id={quoteattr(f'{key}-desc')}>{escape(_description(workflow))}</desc>\n",
            '<rect width="100%" height="100%" fill="#ffffff"/>\n',
            header,
            f'<g transform="translate({_n((width - drawn.width) / 2)} {_n(top)})">\n',
            *(_arrow(drawn, arrow, marks) for arrow in drawn.arrows),
            *(_state(workflow, state, drawn) for state in workflow.states.values()),
            f"</g>\n{footer}</svg>\n",
        ]
    )


def _description(workflow: Workflow) -> str:
    states = ", ".join(
        f"{s.title} ({s.kind.value}{', a case may begin here' if s.name in workflow.entry_states else ''})"
        for s in workflow.states.values()
    )
    titles = {s.name: s.title for s in workflow.states.values()}
    moves = "; ".join(
        f"{format_transition(t)} {f'from {_join_names([titles[s] for s in t.sources])} to {titles[t.target]}' if t.target else f'in {_join_names([titles[s] for s in t.sources])}'}"
        for t in workflow.transitions
    )
    return f"Map of a workflow. States: {states}. Transitions: {moves}."


def _join_names(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


@dataclass(frozen=True, slots=True)
class Arrow:
    """Transitions drawn as one arrow: with the same sources and target, and all or none upon events.

    Attributes
    ----------
    target : str
        For a loop or an internal transition, the source.
    main : str or None
        The source, if the arrow is part of the main path.
    label : tuple of str
        The lines of the label.
    box : tuple of float
        Left, top, right and bottom of the label.
    ways : tuple of tuple of Point
        A line from each source to the label, and one from the label to the target; none for a loop.
    """

    transitions: tuple[Transition, ...]
    sources: tuple[str, ...]
    target: str
    main: str | None = None
    label: tuple[str, ...] = ()
    box: Rectangle = (0.0, 0.0, 0.0, 0.0)
    ways: tuple[tuple[Point, ...], ...] = ()

    @property
    def upon_event(self) -> bool:
        """Return whether the transitions are tried upon events."""
        return bool(self.transitions[0].events)

    @property
    def is_loop(self) -> bool:
        """Return whether the arrow leads back to its only source."""
        return self.sources == (self.target,)

    @property
    def size(self) -> tuple[float, float]:
        """Return the width and height of the label."""
        return max(_width(line, SMALL) for line in self.label), LINE * len(self.label)


@dataclass(frozen=True, slots=True)
class Map:
    """The positions of states and arrows, in pixels from the upper left corner of the map.

    Attributes
    ----------
    boxes : dict of str to tuple of float
        Left, top, right and bottom of each state.
    """

    boxes: Mapping[str, Rectangle]
    arrows: tuple[Arrow, ...]
    width: float
    height: float


def map_of(workflow: Workflow, marks: Marks = _UNMARKED) -> Map:
    """Position the states and arrows of a workflow."""
    main = _main_path(workflow)
    row = rows([*workflow.states], list(moves_of(workflow)), main)
    arrows = _labelled(_arrows(workflow, row, main), marks)
    shapes = {s.name: _shape(workflow, s, arrows) for s in workflow.states.values()}
    names = [
        "" if arrow.is_loop else f"label {i}" for i, arrow in enumerate(arrows)
    ]  # a space cannot occur in the name of a state
    lines: list[tuple[str, str]] = []
    for name, arrow in zip(names, arrows, strict=True):
        if name:
            (width, height), at = arrow.size, [row[source] for source in arrow.sources]
            shapes[name] = Shape(width / 2, width / 2, height / 2 + 2, height / 2 + 2)
            row[name] = max(at) + 1 if at[0] < row[arrow.target] else min(at) - 1
            lines += [*((source, name) for source in arrow.sources), (name, arrow.target)]
    on_the_way = {arrow.main: name for name, arrow in zip(names, arrows, strict=True) if arrow.main}
    spine = [name for state in main for name in (state, on_the_way.get(state)) if name]
    layout = lay_out(shapes, row, lines, spine)
    boxes = {
        s.name: _around(layout.middles[s.name], shapes[s.name].ports + _CORNERS[s.kind], shapes[s.name].up)
        for s in workflow.states.values()
    }
    placed, ways = [], iter(layout.ways)
    for name, arrow in zip(names, arrows, strict=True):
        if name:
            box = _around(layout.middles[name], arrow.size[0] / 2, arrow.size[1] / 2)
            placed.append(replace(arrow, box=box, ways=tuple(islice(ways, len(arrow.sources) + 1))))
        else:
            placed.append(replace(arrow, box=_beside(arrow, arrows, boxes[arrow.target])))
    return Map(boxes, tuple(placed), layout.width, layout.height)


def _main_path(workflow: Workflow) -> list[str]:
    """Return the longest path from an entry state that follows the first transition of each state."""
    after: dict[str, list[str]] = {name: [] for name in workflow.states}
    for transition in workflow.transitions:
        for source in transition.sources:
            if transition.target and not transition.events:
                after[source].append(transition.target)
    best: list[str] = []
    for first in workflow.entry_states or [*workflow.states][:1]:
        path = [first]
        while fresh := [name for name in after[path[-1]] if name not in path]:
            path.append(fresh[0])
        best = max(best, path, key=len)
    return best


def _arrows(workflow: Workflow, row: Mapping[str, int], main: Sequence[str]) -> list[Arrow]:
    """Group transitions between the same states, and sources with the same transitions, into arrows."""
    between: dict[tuple[str, str, bool], list[Transition]] = {}
    for (source, target), transitions in moves_of(workflow).items():
        for transition in transitions:
            between.setdefault((source, target, bool(transition.events)), []).append(transition)
    bundles: dict[tuple[str, tuple[str, ...], object], list[str]] = {}
    for (source, target, _), transitions in between.items():
        side = source if source == target else row[source] < row[target]
        bundles.setdefault((target, tuple(t.name for t in transitions), side), []).append(source)
    by_name = {t.name: t for t in workflow.transitions}
    next_to = dict(pairwise(main))
    merged = []
    for (target, names, _), sources in bundles.items():
        own = tuple(by_name[name] for name in names)
        on_main = [source for source in sources if next_to.get(source) == target and not own[0].events]
        merged.append(Arrow(own, tuple(sources), target, on_main[0] if on_main else None))
    return merged


def _labelled(arrows: Sequence[Arrow], marks: Marks) -> list[Arrow]:
    drawn = Counter(t.name for arrow in arrows for t in arrow.transitions)
    labelled = []
    for arrow in arrows:
        lines: list[str] = []
        for t in arrow.transitions:
            in_all = " in all" if drawn[t.name] > 1 else ""
            count = f": {marks.counts[t.name]}{in_all}" if t.name in marks.counts else ""
            count += f" ({marks.changes[t.name]})" if t.name in marks.changes else ""
            count += " (never)" if t.name in marks.never else ""
            whole = [t.name + count, *format_transition(t).split()[1:]]
            short = _width(" ".join(whole), SMALL) <= LONGEST_LINE
            lines += [" ".join(whole)] if short else [whole[0], *_lines(whole[1:], LONGEST_LINE)]
            lines += marks.condition_lines(t)
        labelled.append(replace(arrow, label=tuple(lines)))
    return labelled


def _shape(workflow: Workflow, state: State, arrows: Sequence[Arrow]) -> Shape:
    """Return the extent of a state: its box, the dot of an entry state on its left, and loops on its right."""
    loops = [arrow.size for arrow in arrows if arrow.is_loop and arrow.target == state.name]
    leaving = sum(state.name in arrow.sources for arrow in arrows)
    coming = sum(arrow.target == state.name for arrow in arrows)
    text = max(_width(state.title, NAME, bold=True), _width(_work(workflow, state), SMALL))
    half = max(text + 36, NARROWEST_BOX, 15.0 * (max(leaving, coming) + 2)) / 2
    up = max(BOX, 28.0 * len(loops)) / 2
    left = half + (DOT if state.name in workflow.entry_states else 0)
    right = half + max((LOOP + width for width, _ in loops), default=0)
    return Shape(left, right, up, max(up, sum(height for _, height in loops) / 2), half - _CORNERS[state.kind])


def _work(workflow: Workflow, state: State) -> str:
    """Return the title of the work that is done in a state; empty without any, and where the state is called the same."""
    if state.activity is None:
        return ""
    title = workflow.activities[state.activity].title
    return "" if title.lower() == state.title.lower() else title


def _around(middle: Point, half: float, up: float) -> Rectangle:
    return middle[0] - half, middle[1] - up, middle[0] + half, middle[1] + up


def _beside(loop: Arrow, arrows: Sequence[Arrow], state: Rectangle) -> Rectangle:
    """Return the box of a loop's label: right of its state, below the labels of earlier loops."""
    _, top, right, bottom = state
    own = [arrow for arrow in arrows if arrow.is_loop and arrow.target == loop.target]
    above = sum(arrow.size[1] for arrow in own[: own.index(loop)])
    first = (top + bottom - sum(arrow.size[1] for arrow in own)) / 2 + above
    return right + LOOP, first, right + LOOP + loop.size[0], first + loop.size[1]


def _width(text: str, size: float, bold: bool = False) -> float:
    """Return the approximate width of a text in pixels, for a wide sans-serif font."""
    ems = sum(0.4 if c in _NARROW else 0.9 if c in _WIDE else 0.72 if c.isupper() else 0.61 for c in text)
    return ems * size * (1.1 if bold else 1.0)


def _n(number: float) -> str:
    """Format a coordinate, rounded to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0") if round(number, 1) else "0"


def _text(x: float, y: float, text: str, **more: object) -> str:
    rest = "".join(f" {key.replace('_', '-')}={quoteattr(str(value))}" for key, value in more.items())
    return f'<text x="{_n(x)}" y="{_n(y)}"{rest}>{escape(text)}</text>'


def _footer(workflow: Workflow, width: float, top: float, marks: Marks) -> tuple[str, float]:
    """Return the conditions that the map cuts, as a list below it, and the height of all."""
    parts, y = [], top
    for text in _cut_conditions(workflow, marks):
        for k, line in enumerate(_lines(text.split(), width - 3 * MARGIN)):
            parts.append(_text(MARGIN + (0 if k == 0 else 14), y, line, fill="#444444"))
            y += 16
    return "\n".join([*parts, ""]) if parts else "", y + (MARGIN if parts else 0)


def _cut_conditions(workflow: Workflow, marks: Marks) -> Iterable[str]:
    """Yield the whole conditions of transitions that the map cuts, each followed by what it was in the other workflow."""
    for t in workflow.transitions:
        before = marks.before(t)
        replaced = before is not None and before.guard is not None and is_cut(before)
        if t.guard is not None and (is_cut(t) or replaced):
            yield f"{t.name}: {WHEN}{unparse(t.guard)}"
        if before is not None and before.guard is not None and (is_cut(t) or replaced):
            yield f"{t.name}: {WAS}{unparse(before.guard)}"


def _header(workflow: Workflow, width: float, marks: Marks) -> tuple[str, float]:
    """Return the title, the description and the legend, and their height."""
    parts = [_text(MARGIN, 42, workflow.name, font_size=_n(TITLE), font_weight="bold")]
    y = 66.0
    against = _against(workflow, marks)
    for line in [t for text in (workflow.description, against) for t in _lines((text or "").split(), width - 2 * MARGIN)]:
        parts.append(_text(MARGIN, y, line, fill="#444444"))
        y += 17
    x, y = MARGIN, y + 12
    for sample, meaning in _legend(workflow, marks):
        room = 46 + _width(meaning, SMALL) + 24
        if x > MARGIN and x + room - 24 > width - MARGIN:
            x, y = MARGIN, y + 26
        parts.append(f'<g transform="translate({_n(x)} {_n(y)})">{sample}{_text(46, 4, meaning)}</g>')
        x += room
    return "\n".join([*parts, ""]), y + 40


def _lines(words: Iterable[str], width: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        lines[-1:] = [longer] if not lines or _width(longer, SMALL) <= width else [lines[-1], word]
    return lines


def _against(workflow: Workflow, marks: Marks) -> str:
    """Return what differs from the other workflow, in a sentence; empty without one."""
    if marks.against is None:
        return ""
    gone = [t.name for t in marks.against.transitions if t.name not in {own.name for own in workflow.transitions}]
    marked = ", ".join(marks.changes) or "no transition"
    return f"Against {marks.against.name}: {marked} marked" + (f"; only there: {', '.join(gone)}." if gone else ".")


def _legend(workflow: Workflow, marks: Marks) -> Iterable[tuple[str, str]]:
    """Yield the symbols that the map uses: a sample from (0, 0) to (36, 0), and its meaning."""
    for kind, style in STYLES.items():
        if any(s.kind is kind for s in workflow.states.values()):
            yield _outline(kind, (0, -9, 36, 9)), f"{kind.value}: {style.meaning}"
    if workflow.entry_states:
        yield _dot(30), "a case may begin here"
    yield _path([(0, 0), (28, 0)], _PLAIN, THIN) + _head((36, 0), (1, 0), _PLAIN), "transition"
    if any(t.events for t in workflow.transitions):
        line = _path([(0, 0), (28, 0)], _UPON_EVENT, THIN, dashed=True)
        yield line + _head((36, 0), (1, 0), _UPON_EVENT), "transition upon an event (in brackets)"
    if any(_cut_conditions(workflow, marks)):
        yield _text(-4, 4, "when …", fill=_CONDITION), "its condition; long ones are below the map"
    if marks.changes:
        yield _path([(0, 0), (28, 0)], _DIFFERENT, THICK) + _head((36, 0), (1, 0), _DIFFERENT), "new or changed"
    if marks.never:
        yield _path([(0, 0), (28, 0)], _NEVER, THIN) + _head((36, 0), (1, 0), _NEVER), "no case can ever take it"
    most = max(marks.weights.values(), default=0.0)
    for n in (most, most / 10) if most else ():
        thickness = THINNEST + (THICKEST - THINNEST) * math.sqrt(n / most)
        yield _path([(0, 0), (36, 0)], _PLAIN, thickness), f"taken {n:,.0f} times" if n >= 10 else f"taken {n:.1f} times"


def _outline(kind: StateKind, box: Rectangle) -> str:
    """Draw the shape of a kind of state: rounded, hexagonal, with round ends, or with a double outline."""
    style = STYLES[kind]
    left, top, right, bottom = box
    ink = f'fill="{style.fill}" stroke="{style.outline}" stroke-width="1.6"'
    if kind is StateKind.INSTANT:
        cut, middle = (bottom - top) / 3, (top + bottom) / 2
        corners = [
            (left, middle), (left + cut, top), (right - cut, top), (right, middle), (right - cut, bottom), (left + cut, bottom),
        ]  # fmt: skip
        return f'<polygon points="{" ".join(f"{_n(x)},{_n(y)}" for x, y in corners)}" {ink} stroke-linejoin="round"/>'
    radius = (bottom - top) / 2 if kind is StateKind.RESTING else min(8.0, (bottom - top) / 3)
    paths = _rectangle(box, radius, ink)
    if kind is StateKind.FINAL:
        paths += _rectangle((left + 3.5, top + 3.5, right - 3.5, bottom - 3.5), radius - 3, ink)
    return paths


def _rectangle(box: Rectangle, radius: float, ink: str) -> str:
    left, top, right, bottom = box
    return f'<rect x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}" height="{_n(bottom - top)}" rx="{_n(radius)}" {ink}/>'


def _state(workflow: Workflow, state: State, drawn: Map) -> str:
    left, top, right, bottom = drawn.boxes[state.name]
    x, y = (left + right) / 2, (top + bottom) / 2
    name = f"{state.name}:" if state.title != state.name else None
    title = " ".join(filter(None, [name, state.description, f"(Source: {state.source}.)" if state.source else None]))
    parts = [f"<title>{escape(title)}</title>" if title else "", _outline(state.kind, drawn.boxes[state.name])]
    if state.name in workflow.entry_states:
        parts.append(f'<g transform="translate({_n(left - 30)} {_n(y)})">{_dot(30)}</g>')
    work = _work(workflow, state)
    parts.append(_text(x, y + (-2 if work else 4.5), state.title, text_anchor="middle", font_size=_n(NAME), font_weight="bold"))
    if work:
        parts.append(_text(x, y + 13, work, text_anchor="middle", fill="#333333"))
    return f'<g class="state {state.kind.value}">{"".join(parts)}</g>\n'


def _dot(length: float) -> str:
    """Draw the mark of an entry state: a dot with an arrow."""
    return (
        f'<circle cx="5" cy="0" r="5" fill="{_PLAIN}"/>'
        + _path([(5, 0), (length - 8, 0)], _PLAIN, THIN)
        + _head((length, 0), (1, 0), _PLAIN)
    )


def _ink(arrow: Arrow, marks: Marks) -> str:
    """Return the colour of an arrow."""
    if any(t.name in marks.changes for t in arrow.transitions):
        return _DIFFERENT
    if all(t.name in marks.never for t in arrow.transitions):
        return _NEVER
    return _UPON_EVENT if arrow.upon_event else _PLAIN


def _arrow(drawn: Map, arrow: Arrow, marks: Marks) -> str:
    """Draw the lines of an arrow, its head and its label."""
    ink, upon_event = _ink(arrow, marks), arrow.upon_event
    thickness = marks.thickness(t.name for t in arrow.transitions)
    thick, thin = (THICK, THIN) if thickness is None else (thickness, thickness)
    left, top, right, _ = arrow.box
    parts = [f"<title>{escape('; '.join(_in_full(t) for t in arrow.transitions))}</title>"]
    for source, way in zip(arrow.sources, arrow.ways, strict=False):
        # Drawn from the label, so that the dashes of joining lines coincide.
        parts.append(_path(way[::-1], ink, thick if source == arrow.main else thin, upon_event))
    if arrow.ways:
        last, (x, y) = arrow.ways[-1][:-1], arrow.ways[-1][-1]
        down = 1.0 if y > last[-1][1] else -1.0
        parts.append(_path([*last, (x, y - 7 * down)], ink, thick if arrow.main else thin, upon_event))
        parts.append(_head((x, y), (0, down), ink))
    else:
        parts.append(_loop(arrow, drawn.boxes[arrow.target], ink))
    x, anchor = ((left + right) / 2, "middle") if arrow.ways else (left, "start")
    for i, line in enumerate(arrow.label):
        fill = _CONDITION if line.startswith((WHEN, WAS)) and ink != _DIFFERENT else ink
        parts.append(_text(x, top + LINE * i + 11.5, line, text_anchor=anchor, fill=fill))
    return f'<g class="transition">{"".join(parts)}</g>\n'


def _in_full(transition: Transition) -> str:
    when = f" when {unparse(transition.guard)}" if transition.guard else ""
    why = f" (source: {transition.source})" if transition.source else ""
    return format_transition(transition) + when + why


def _loop(arrow: Arrow, box: Rectangle, ink: str) -> str:
    _, top, right, bottom = box
    middle = (arrow.box[1] + arrow.box[3]) / 2
    y = min(max(middle, top + 13), bottom - 13)
    dashes = ' stroke-dasharray="6 4"' if arrow.upon_event else ""
    curve = f"M{_n(right)} {_n(y - 7)}C{_n(right + 36)} {_n(y - 15)} {_n(right + 36)} {_n(y + 15)} {_n(right + 7)} {_n(y + 7)}"
    return f'<path d="{curve}" fill="none" stroke="{ink}" stroke-width="1.4"{dashes}/>' + _head((right, y + 7), (-1, 0), ink)


def _path(points: Sequence[Point], ink: str, thickness: float, dashed: bool = False) -> str:
    """Draw a line with rounded corners; a diagonal segment becomes a curve."""
    commands = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for i, (a, b) in enumerate(pairwise(points)):
        if a[0] != b[0] and a[1] != b[1]:
            half = (a[1] + b[1]) / 2
            commands += f"C{_n(a[0])} {_n(half)} {_n(b[0])} {_n(half)} {_n(b[0])} {_n(b[1])}"
            continue
        c = points[i + 2] if i + 2 < len(points) else b
        corner = (a[0] == b[0]) == (b[1] == c[1]) and (b[0] == c[0]) != (b[1] == c[1])
        cut = min(CORNER, math.dist(a, b) / 2, math.dist(b, c) / 2) if corner else 0.0
        before, after = _towards(b, a, cut), _towards(b, c, cut)
        commands += f"L{_n(before[0])} {_n(before[1])}"
        if corner:
            commands += f"Q{_n(b[0])} {_n(b[1])} {_n(after[0])} {_n(after[1])}"
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="{commands}" fill="none" stroke="{ink}" stroke-width="{thickness}"{dashes}/>'


def _towards(point: Point, other: Point, by: float) -> Point:
    """Return the point at a distance from one point in the direction of another."""
    whole = math.dist(point, other)
    part = by / whole if whole else 0.0
    return point[0] + (other[0] - point[0]) * part, point[1] + (other[1] - point[1]) * part


def _head(tip: Point, towards: Point, ink: str) -> str:
    """Draw the head of an arrow, from its tip and its direction."""
    (x, y), (dx, dy) = tip, towards
    back = (x - 9 * dx, y - 9 * dy)
    corners = [tip, (back[0] - 4.2 * dy, back[1] + 4.2 * dx), (back[0] + 4.2 * dy, back[1] - 4.2 * dx)]
    return f'<polygon points="{" ".join(f"{_n(a)},{_n(b)}" for a, b in corners)}" fill="{ink}"/>'
