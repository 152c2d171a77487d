"""The positions of the boxes, labels and arrows of a map that is read from top to bottom.

The layout is a layered drawing after Sugiyama. Every node is in a row. An arrow that spans several rows has a dummy
node in each row between, so that it never crosses a box or a label. The nodes of a row are ordered to reduce
crossings, and then moved sideways until most arrows are straight. The nodes of the *spine* share one vertical line.

Why no library: grandalf neither keeps the main path straight nor ends arrows at the boxes, and Graphviz and ELK
need a program that pip does not install.

References
----------
K. Sugiyama, S. Tagawa, M. Toda (1981). Methods for visual understanding of hierarchical system structures.
IEEE Transactions on Systems, Man, and Cybernetics 11(2). doi:10.1109/TSMC.1981.4308636

U. Brandes, B. Köpf (2002). Fast and simple horizontal coordinate assignment. Graph Drawing 2001.
doi:10.1007/3-540-45848-4_3
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

_Name = TypeVar("_Name", bound=Hashable)

Point = tuple[float, float]
"""x from the left and y from the top, in pixels."""

GAP, GAP_ALONG_ARROW = 22.0, 14.0
"""Distance between two nodes of a row; and if one of them is a passing arrow."""

CLEAR, TRACK = 16.0, 9.0
"""Distance between a row and the nearest horizontal line; and between two horizontal lines."""

PORT = 14.0
"""Distance between two arrows at one side of a box."""

SLIGHT = 16.0
"""Maximum horizontal offset of a line that bends without a horizontal part."""

PAGE, WASTE, MAX_CUTS = 1100.0, 1.4, 60
"""Width up to which lines stay straight: in pixels, and relative to the widest row; maximum rounds of cutting lines."""

SWEEPS = 24


@dataclass(frozen=True, slots=True)
class Shape:
    """The extent of a node, measured from its centre, in pixels.

    Attributes
    ----------
    left, right : float
        Extent to each side, including what is attached there.
    up : float
        Distance to the upper and lower edge, where arrows end.
    room : float
        Extent above and below, including what is attached there; at least `up`.
    ports : float
        Maximum distance of an arrow's end from the centre.
    """

    left: float
    right: float
    up: float
    room: float
    ports: float = 0.0


PASSING = Shape(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Layout:
    """The positions of nodes and lines.

    Attributes
    ----------
    middles : dict of str to Point
        The centre of each node.
    ways : tuple of tuple of Point
        The points of each line, in its direction. Its segments are vertical or horizontal, or bend slightly in the
        free band between two rows.
    """

    middles: Mapping[str, Point]
    ways: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def rows(names: Sequence[str], arrows: Iterable[tuple[str, str]], spine: Sequence[str]) -> dict[str, int]:
    """Assign a row to each node; only even rows, so that every second row is free for labels.

    Arrows lead down and span as few rows as possible, except those that close a cycle.

    Parameters
    ----------
    names : sequence of str
        The nodes. A cycle starts at its first node in this order, after the spine.
    arrows : iterable of (str, str)
    spine : sequence of str
        Nodes below each other.
    """
    after: dict[str, list[str]] = {name: [] for name in names}
    for a, b in [*pairwise(spine), *arrows]:
        if a != b and b not in after[a]:
            after[a].append(b)
    order, closing = _search(after, [*spine[:1], *names])
    row = dict.fromkeys(names, 0)
    for a in order:
        for b in after[a]:
            if (a, b) not in closing:
                row[b] = max(row[b], row[a] + 2)
    return row


def _search(after: Mapping[_Name, Sequence[_Name]], begin: Iterable[_Name]) -> tuple[list[_Name], set[tuple[_Name, _Name]]]:
    """Return the nodes in topological order, and the arrows that close a cycle."""
    finished: dict[_Name, None] = {}
    closing: set[tuple[_Name, _Name]] = set()
    for first in begin:
        path: dict[_Name, Iterator[_Name]] = {} if first in finished else {first: iter(after[first])}
        while path:
            name, left = next(reversed(path.items()))
            following = next(left, None)
            if following is None:
                finished[name] = None
                del path[name]
            elif following in path:
                closing.add((name, following))
            elif following not in finished:
                path[following] = iter(after[following])
    return [*reversed(finished)], closing


def lay_out(
    shapes: Mapping[str, Shape], row: Mapping[str, int], lines: Sequence[tuple[str, str]], spine: Sequence[str]
) -> Layout:
    """Place nodes and lines.

    Parameters
    ----------
    shapes : mapping of str to Shape
        The nodes, in their initial order from left to right.
    row : mapping of str to int
        The row of each node, 0 at the top.
    lines : sequence of (str, str)
        From a node to a node in another row.
    spine : sequence of str
        Nodes below each other, each joined with the next by a line.
    """
    grid = _Grid(shapes, row, lines, spine)
    _order(grid)
    across = _across(grid)
    left = min((across[v] - grid.shapes[v].left for v in grid.nodes), default=0.0)
    across = [x - left for x in across]
    width = max((across[v] + grid.shapes[v].right for v in grid.nodes), default=0.0)
    ends = _ends(grid, across)
    bands = _bands(grid, across, ends)
    down = _down(grid, bands)
    height = down[-1] + _room(grid, grid.rows[-1]) if down else 0.0
    middles = {name: (across[v], down[grid.row[v]]) for name, v in grid.names.items()}
    ways = tuple(_way(grid, line, across, down, ends, bands) for line in range(len(lines)))
    return Layout(middles, ways, width, height)


class _Grid:
    """The nodes in their rows, with a dummy node in each row that a line passes; nodes are numbered.

    Attributes
    ----------
    shapes : list of Shape
        The given nodes come first.
    rows : list of list of int
        The nodes of each row, from left to right.
    chains : list of list of int
        The nodes of each line, from top to bottom.
    above, below : list of list of int
        The neighbours of each node in the rows above and below.
    strong : set of (int, int)
        The upper and lower end of each segment of the spine.
    index_in_row : list of int
        The position of each node in its row.
    """

    def __init__(
        self, shapes: Mapping[str, Shape], row: Mapping[str, int], lines: Sequence[tuple[str, str]], spine: Sequence[str]
    ) -> None:
        self.names = {name: number for number, name in enumerate(shapes)}
        self.shapes = list(shapes.values())
        self.rows: list[list[int]] = [[] for _ in range(max(row.values(), default=-1) + 1)]
        self.row = [row[name] for name in shapes]
        for number, at in enumerate(self.row):
            self.rows[at].append(number)
        self.chains = [self._chain(*sorted((self.names[a], self.names[b]), key=self.row.__getitem__)) for a, b in lines]
        self.upward = [row[a] > row[b] for a, b in lines]
        self.nodes = range(len(self.shapes))
        self.passing = [shape is PASSING for shape in self.shapes]
        self.above: list[list[int]] = [[] for _ in self.nodes]
        self.below: list[list[int]] = [[] for _ in self.nodes]
        for chain in self.chains:
            for a, b in pairwise(chain):
                self.below[a].append(b)
                self.above[b].append(a)
        upright = set(pairwise([self.names[name] for name in spine]))
        self.strong = {part for chain in self.chains if (chain[0], chain[-1]) in upright for part in pairwise(chain)}
        self.index_in_row = [0] * len(self.nodes)
        self.set_rows(self.rows)

    def _chain(self, top: int, bottom: int) -> list[int]:
        """Add the dummy nodes of a line; return its nodes."""
        chain = [top]
        for at in range(self.row[top] + 1, self.row[bottom]):
            chain.append(len(self.shapes))
            self.rows[at].append(len(self.shapes))
            self.shapes.append(PASSING)
            self.row.append(at)
        return [*chain, bottom]

    def set_rows(self, rows: Iterable[Iterable[int]]) -> None:
        """Replace the order of the nodes in every row."""
        self.rows = [list(row) for row in rows]
        for row in self.rows:
            self._number(row)

    def sort(self, at: int, neighbours: Sequence[Sequence[int]]) -> None:
        """Order a row by the mean position of each node's neighbours."""

        def mean(v: int) -> float:
            indices = [self.index_in_row[u] for u in neighbours[v]]
            return sum(indices) / len(indices) if indices else self.index_in_row[v]

        self.rows[at].sort(key=mean)
        self._number(self.rows[at])

    def _number(self, row: Sequence[int]) -> None:
        for index, v in enumerate(row):
            self.index_in_row[v] = index

    def weight(self, a: int, b: int) -> int:
        """Return the cost of crossing a segment."""
        return 4 if (a, b) in self.strong else 1

    def apart(self, a: int, b: int) -> float:
        """Return the minimum distance between the centres of two neighbours in a row."""
        gap = GAP_ALONG_ARROW if self.passing[a] or self.passing[b] else GAP
        return self.shapes[a].right + gap + self.shapes[b].left


def _order(grid: _Grid) -> None:
    """Order the nodes of each row to reduce crossings: sweep down and up, and swap neighbours after each sweep."""
    best, fewest = grid.rows, _crossings(grid)
    for start in (grid.rows, [row[::-1] for row in grid.rows]):
        grid.set_rows(start)
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            for at in range(len(grid.rows)) if down else reversed(range(len(grid.rows))):
                grid.sort(at, grid.above if down else grid.below)
            _swap(grid)
            if (crossings := _crossings(grid)) < fewest:
                best, fewest = [list(row) for row in grid.rows], crossings
    grid.set_rows(best)


def _swap(grid: _Grid) -> None:
    """Swap neighbours in a row while that reduces crossings."""
    for row in grid.rows:
        better = True
        while better:
            better = False
            for i in range(len(row) - 1):
                a, b = row[i], row[i + 1]
                if _cost(grid, a, b) > _cost(grid, b, a):
                    row[i], row[i + 1] = b, a
                    grid.index_in_row[a], grid.index_in_row[b] = i + 1, i
                    better = True


def _cost(grid: _Grid, a: int, b: int) -> int:
    """Return the weight of the crossings between the lines of two nodes, if the first is left of the second."""
    index, weight = grid.index_in_row, grid.weight
    return sum(weight(u, a) * weight(v, b) for u in grid.above[a] for v in grid.above[b] if index[u] > index[v]) + sum(
        weight(a, u) * weight(b, v) for u in grid.below[a] for v in grid.below[b] if index[u] > index[v]
    )


def _crossings(grid: _Grid) -> int:
    """Return the weight of all crossings."""
    total = 0
    for upper in grid.rows:
        ends: list[int] = []  # lower positions of the lines so far, sorted, repeated by weight
        lines = [(a, b) for a in upper for b in grid.below[a]]
        for a, b in sorted(lines, key=lambda line: [grid.index_in_row[v] for v in line]):
            weight, at = grid.weight(a, b), bisect_right(ends, grid.index_in_row[b])
            total += weight * (len(ends) - at)
            ends[at:at] = [grid.index_in_row[b]] * weight
    return total


def _across(grid: _Grid) -> list[float]:
    """Return the x of each node: the mean of the two middle values of four alignments (Brandes and Köpf)."""
    blocked = _blocked(grid)
    narrowest = max((sum(grid.apart(a, b) for a, b in pairwise(row)) for row in grid.rows), default=0.0)
    enough = max(PAGE, WASTE * narrowest)
    layouts: list[list[float]] = []
    for upper in (True, False):
        for mirrored in (False, True):
            root = _align(grid, blocked, upper, mirrored)
            layouts.append(_compact(grid, root, mirrored, enough))
    spans = [_span(grid, xs) for xs in layouts]
    low, high = min(spans, key=lambda span: span[1] - span[0])
    for i, xs in enumerate(layouts):
        shift = high - spans[i][1] if i % 2 else low - spans[i][0]
        layouts[i] = [x + shift for x in xs]
    return [sum(sorted(xs)[1:3]) / 2 for xs in zip(*layouts, strict=True)]


def _span(grid: _Grid, xs: Sequence[float]) -> tuple[float, float]:
    """Return the leftmost and rightmost x of a layout."""
    return (
        min((x - grid.shapes[v].left for v, x in enumerate(xs)), default=0.0),
        max((x + grid.shapes[v].right for v, x in enumerate(xs)), default=0.0),
    )


def _blocked(grid: _Grid) -> set[tuple[int, int]]:
    """Return the segments that must bend, because they cross or touch a segment of higher rank."""

    def rank(line: tuple[int, int]) -> int:
        return 2 if line in grid.strong else int(grid.passing[line[0]] and grid.passing[line[1]])

    tops, bottoms = {a for a, _ in grid.strong}, {b for _, b in grid.strong}
    blocked: set[tuple[int, int]] = set()
    for upper in grid.rows:
        lines = [(a, b) for a in upper for b in grid.below[a]]
        blocked.update(e for e in lines if e not in grid.strong and (e[0] in tops or e[1] in bottoms))
        straight = [(e, grid.index_in_row[e[0]], grid.index_in_row[e[1]]) for e in lines if rank(e)]
        for line in lines:
            a, b = grid.index_in_row[line[0]], grid.index_in_row[line[1]]
            if any((a - c) * (b - d) < 0 and rank(other) > rank(line) for other, c, d in straight):
                blocked.add(line)
    return blocked


def _align(grid: _Grid, blocked: set[tuple[int, int]], upper: bool, mirrored: bool) -> list[int]:
    """Align each node with a median neighbour; return the first node of each node's vertical line."""
    neighbours = grid.above if upper else grid.below
    sign = -1 if mirrored else 1
    root = list(grid.nodes)
    taken: set[int] = set()
    for row in grid.rows if upper else reversed(grid.rows):
        last: float = float("-inf")
        for v in row[::sign]:
            near = sorted(neighbours[v], key=lambda u: sign * grid.index_in_row[u])
            pairs = {u: (u, v) if upper else (v, u) for u in near}
            strong = [u for u in near if pairs[u] in grid.strong]
            middle = dict.fromkeys([near[(len(near) - 1) // 2], near[len(near) // 2]]) if near else []
            for u in strong or middle:
                if u not in taken and pairs[u] not in blocked and last < sign * grid.index_in_row[u]:
                    root[v], last = root[u], sign * grid.index_in_row[u]
                    taken.add(u)
                    break
    return root


class _Compaction:
    """The vertical lines, pushed as far to one side as possible.

    Attributes
    ----------
    apart : dict of (int, int) to (float, int)
        For two adjacent lines: their minimum distance, and the row that requires it.
    order : list of int
        The lines, each before those that it pushes.
    at : dict of int to float
        The distance of each line from the side.
    """

    def __init__(self, grid: _Grid, root: Sequence[int], mirrored: bool) -> None:
        self.apart: dict[tuple[int, int], tuple[float, int]] = {}
        self.after: dict[int, list[int]] = {v: [] for v in root}
        for number, row in enumerate(grid.rows):
            for a, b in pairwise(row):
                key = (root[b], root[a]) if mirrored else (root[a], root[b])
                if key not in self.apart:
                    self.after[key[0]].append(key[1])
                self.apart[key] = max(self.apart.get(key, (0.0, 0)), (grid.apart(a, b), number))
        self.order, _ = _search(self.after, self.after)
        self.at = dict.fromkeys(self.order, 0.0)
        self.pusher: dict[int, int] = {}
        for a in self.order:
            for b in self.after[a]:
                if self.at[a] + self.apart[a, b][0] > self.at[b]:
                    self.at[b] = self.at[a] + self.apart[a, b][0]
                    self.pusher[b] = a

    def critical_path(self) -> list[int]:
        """Return the lines that determine the width: each pushes the next, and the last is the farthest."""
        path = [max(self.order, key=self.at.__getitem__)]
        while path[0] in self.pusher:
            path.insert(0, self.pusher[path[0]])
        return path

    def relaxed(self) -> dict[int, float]:
        """Return the distances after each line moves back as far as its neighbours allow."""
        at = dict(self.at)
        for a in reversed(self.order):
            if self.after[a]:
                at[a] = max(at[a], min(at[b] - self.apart[a, b][0] for b in self.after[a]))
        return at


def _compact(grid: _Grid, root: list[int], mirrored: bool, enough: float) -> list[float]:
    """Return the x of each node on its vertical line.

    Many long lines can push each other far aside. While the map is wider than `enough`, lines in the middle of such a
    sequence are cut in two, which bends them.
    """
    compaction = _Compaction(grid, root, mirrored)
    for _ in range(MAX_CUTS):
        if max(compaction.at.values(), default=0.0) <= enough or not _cut(grid, root, compaction, enough):
            break
        compaction = _Compaction(grid, root, mirrored)
    at = compaction.relaxed()
    return [-at[v] if mirrored else at[v] for v in root]


def _cut(grid: _Grid, root: list[int], compaction: _Compaction, enough: float) -> bool:
    """Cut lines of the critical path, about `enough` apart from each other; return whether any line was cut."""
    path = compaction.critical_path()
    upright = {root[v] for part in grid.strong for v in part}
    cut_rows: dict[int, int] = {}
    for before, line, after in zip(path, path[1:], path[2:], strict=False):
        first, last = sorted((compaction.apart[before, line][1], compaction.apart[line, after][1]))
        if first < last and line not in upright:
            cut_rows[line] = (first + last) // 2
    width = compaction.at[path[-1]]
    pieces = int(width / enough) + 1
    wanted = [width * piece / pieces for piece in range(1, pieces)][: len(cut_rows)]
    for at in wanted:
        line = min(cut_rows, key=lambda line: abs(compaction.at[line] - at))
        _split(grid, root, line, cut_rows.pop(line))
    return bool(wanted)


def _split(grid: _Grid, root: list[int], line: int, row: int) -> None:
    """Cut a vertical line below a row."""
    own = [v for v in grid.nodes if root[v] == line]
    part = [v for v in own if (grid.row[v] > row) != (grid.row[line] > row)]
    for v in part:
        root[v] = part[0]


def _ends(grid: _Grid, across: Sequence[float]) -> dict[tuple[int, int], float]:
    """Return the x at which each line, by number, ends at each of its two nodes."""
    sides: dict[tuple[int, bool], list[tuple[float, int, bool]]] = {}
    for line, chain in enumerate(grid.chains):
        for v, u, pair, below in (
            (chain[0], chain[1], (chain[0], chain[1]), True),
            (chain[-1], chain[-2], (chain[-2], chain[-1]), False),
        ):
            sides.setdefault((v, below), []).append((across[u], line, pair in grid.strong))
    ends = {}
    for (v, _), lines in sides.items():
        lines.sort()
        reach, middle = grid.shapes[v].ports, across[v]
        strong = [i for i, (_, _, is_strong) in enumerate(lines) if is_strong]
        wanted = [x - middle for x, _, _ in lines]
        if strong:
            i = strong[0]
            offsets = [*_spread(wanted[:i], -reach, -PORT), 0.0, *_spread(wanted[i + 1 :], PORT, reach)]
        else:
            offsets = _spread(wanted, -reach, reach)
        ends.update({(v, line): middle + offset for (_, line, _), offset in zip(lines, offsets, strict=True)})
    return ends


def _spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """Return offsets near the wanted ones, in the same order, within limits, and `PORT` apart if there is room."""
    high = max(low, high)
    gap = min(PORT, (high - low) / max(len(wanted) - 1, 1))
    offsets: list[float] = []
    for x in wanted:
        offsets.append(max(min(max(x, low), high), offsets[-1] + gap if offsets else low))
    for i in reversed(range(len(offsets))):
        offsets[i] = min(offsets[i], offsets[i + 1] - gap if i + 1 < len(offsets) else high)
    return offsets


def _room(grid: _Grid, row: Iterable[int]) -> float:
    return max((grid.shapes[v].room for v in row), default=0.0)


@dataclass(frozen=True, slots=True)
class _Part:
    """The segment of a line between two rows: its x at the top and at the bottom."""

    line: int
    top: float
    bottom: float

    def spans(self, x: float) -> bool:
        """Return whether the horizontal part passes an x."""
        return min(self.top, self.bottom) - TRACK < x < max(self.top, self.bottom) + TRACK

    def meets(self, other: _Part) -> bool:
        """Return whether two horizontal parts need different tracks; parts that join do not."""
        if self.top == other.top or self.bottom == other.bottom:
            return False
        return self.spans(other.top) or self.spans(other.bottom) or other.spans(self.top)

    def cost_above(self, other: _Part) -> int:
        """Return the number of crossings if this horizontal part is above another."""
        return self.spans(other.top) + other.spans(self.bottom)


def _bands(grid: _Grid, across: Sequence[float], ends: Mapping[tuple[int, int], float]) -> list[dict[int, int]]:
    """Return, for each row, the lines with a horizontal part above it, and their tracks; track 0 is at the top."""
    parts: list[list[_Part]] = [[] for _ in grid.rows]
    for line, chain in enumerate(grid.chains):
        for a, b in pairwise(chain):
            part = _Part(line, ends.get((a, line), across[a]), ends.get((b, line), across[b]))
            if abs(part.top - part.bottom) > SLIGHT:
                parts[grid.row[b]].append(part)
    return [_tracks(own) for own in parts]


def _tracks(parts: Sequence[_Part]) -> dict[int, int]:
    """Assign a track to each part of a band: above another part if that reduces crossings."""
    left = sorted(parts, key=lambda part: (part.top, part.bottom, part.line))
    placed: list[tuple[_Part, int]] = []
    while left:
        first = min(
            left, key=lambda part: sum(part.cost_above(o) - o.cost_above(part) for o in left if o is not part and o.meets(part))
        )
        left.remove(first)
        placed.append((first, max((track + 1 for part, track in placed if part.meets(first)), default=0)))
    return {part.line: track for part, track in placed}


def _down(grid: _Grid, bands: Sequence[Mapping[int, int]]) -> list[float]:
    """Return the y of the centre of each row."""
    down: list[float] = []
    for at, row in enumerate(grid.rows):
        top = down[-1] + _room(grid, grid.rows[at - 1]) + _band(bands[at]) if down else 0.0
        down.append(top + _room(grid, row))
    return down


def _band(tracks: Mapping[int, int]) -> float:
    return 2 * CLEAR + TRACK * max(tracks.values(), default=0)


def _way(
    grid: _Grid,
    line: int,
    across: Sequence[float],
    down: Sequence[float],
    ends: Mapping[tuple[int, int], float],
    bands: Sequence[Mapping[int, int]],
) -> tuple[Point, ...]:
    """Return the corners of a line."""
    points: list[Point] = []
    for v in grid.chains[line]:
        at = grid.row[v]
        x, y, room = ends.get((v, line), across[v]), down[at], _room(grid, grid.rows[at])
        if points:
            if line in bands[at]:
                track = y - room - _band(bands[at]) + CLEAR + TRACK * bands[at][line]
                points += [(points[-1][0], track), (x, track)]
            points += [(x, y - room), (x, y - grid.shapes[v].up)]
        if v != grid.chains[line][-1]:
            points += [(x, y + grid.shapes[v].up), (x, y + room)]
    points = [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]
    corners = points[:1]
    for i, point in enumerate(points[1:], 1):
        following = points[min(i + 1, len(points) - 1)]
        if i == len(points) - 1 or not corners[-1][0] == point[0] == following[0]:
            corners.append(point)
    return tuple(reversed(corners) if grid.upward[line] else corners)
