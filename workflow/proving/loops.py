"""Search the abstraction of a workflow for a loop: what a case can do forever while an obligation is open.

The search of `workflow.proving.search` first visits every node. Then, within each strongly connected part of the nodes with
an open obligation, it looks from each node for a way back to it. Such a way is a loop if `workflow.deciding.lassos` lets a case
go round it forever, and if some case takes it: Z3 is asked whether the record is the same after the loop as before.

References
----------
A. Biere, C. Artho, V. Schuppan (2002), "Liveness checking as safety checking", Electronic Notes in Theoretical Computer
Science 66 (2). https://doi.org/10.1016/S1571-0661(04)80410-9
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from workflow.model.definition import COMPLETE, ENTER, Event, StateKind
from workflow.proving.abstraction import Asked, At, Conditions, Move, Node
from workflow.proving.decision_diagrams import NOTHING
from workflow.proving.paths import Contradiction, Loop, Row
from workflow.proving.search import REFUTED_AT_ONCE, Search, Witness

_AWAY, _HAPPENED, _OWED = 0, 1, 2  # what a loop so far has of a fair event; owed if it was possible


class _Point(NamedTuple):
    """A node on the way round, what is so of each fair event, and whether the case has moved on."""

    node: Node
    fair: tuple[int, ...]
    moved_on: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """A move within the part, with the cases that make it and what must hold for it."""

    move: Move
    target: Node
    cases: int
    asked: Conditions


class LoopSearch(Search):
    """A search for a loop, with one precision. Its question has open states, in which the loop stays."""

    def _find(self) -> Iterator[Witness]:
        for _ in super()._find():
            pass
        for part in self._parts():
            yield from self._within(part)
        if self._refuted:
            self._refine()

    def _arrived(self, node: Node, record: object, cases: int, row: Row) -> None:
        return None

    def _parts(self) -> Iterator[list[Node]]:
        """Yield the sets of nodes with an open obligation that can all reach each other."""
        import numpy as np
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        nodes = [node for node in self.seen if node[3] in self.automaton.open]
        number = {node: i for i, node in enumerate(nodes)}
        pairs = [(i, number[step.target]) for i, node in enumerate(nodes) for step in self._steps(node) if step.target in number]
        if not pairs:
            return
        rows, columns = np.array(pairs).T
        graph = csr_array((np.ones(len(pairs), np.int8), (rows, columns)), shape=(len(nodes), len(nodes)))
        _, label = connected_components(graph, connection="strong")
        parts: dict[int, list[Node]] = {}
        for node, part in zip(nodes, label.tolist(), strict=True):
            parts.setdefault(part, []).append(node)
        loops = {label[i] for i, j in pairs if i == j}
        yield from (part for key, part in parts.items() if len(part) > 1 or key in loops)

    def _steps(self, node: Node) -> Iterator[_Step]:
        self.budget.check(len(self.seen), len(self.diagrams))
        for move in self.abstraction.moves(*node[:3]):
            if move.stuck:
                continue
            for heard in self._hear(node, move):
                if (cases := self.diagrams.both(move.cases, heard.cases)) != NOTHING:
                    yield _Step(move, self.abstraction.target(move, heard.q), cases, (*move.asked, *heard.asked))

    def _within(self, part: list[Node]) -> Iterator[Witness]:
        """Yield loops through each node of a part."""
        left = set(part)
        for head in part:
            yield from self._around(head, left)
            left.discard(head)

    def _around(self, head: Node, part: set[Node]) -> Iterator[Witness]:
        """Yield loops through a node."""
        came: dict[_Point, list[tuple[int, _Point | None, Row | None]]] = {}
        seen: dict[_Point, int] = {}
        start = _Point(head, (_AWAY,) * len(self.question.fair), False)
        todo: deque[tuple[_Point, int]] = deque()

        def push(point: _Point, cases: int, before: _Point | None, row: Row | None) -> None:
            new = self.diagrams.less(self.diagrams.both(cases, self.possible), seen.get(point, NOTHING))
            if new != NOTHING:
                seen[point] = self.diagrams.either(seen.get(point, NOTHING), new)
                came.setdefault(point, []).append((new, before, row))
                todo.append((point, new))

        push(start, self.seen[head], None, None)
        while todo:
            self.budget.check(len(self.seen) + len(seen), len(self.diagrams))
            point, cases = todo.popleft()
            for fair, here, asked in self._owed(point, cases):
                for step in self._steps(point.node):
                    left = self.diagrams.both(here, step.cases)
                    if left == NOTHING or step.target not in part:
                        continue
                    after = self._after(point, fair, step)
                    row = Row(point.node, step.move, (*asked, *step.asked))
                    if step.target == head and _OWED not in after.fair and self._goes_on(after):
                        witness = self._loop(left, point, row, came)
                        yield from (witness,) if witness is not None else ()
                    push(after, left, point, row)

    def _after(self, point: _Point, fair: tuple[int, ...], step: _Step) -> _Point:
        move, events = step.move, self.question.fair
        happened = tuple(_HAPPENED if event == move.trigger else was for event, was in zip(events, fair, strict=True))
        enters = move.transition is not None and self.workflow.transitions[move.transition].target is not None
        return _Point(step.target, happened, point.moved_on or enters or move.trigger in (COMPLETE, ENTER))

    def _goes_on(self, point: _Point) -> bool:
        """Return whether a loop does not stay in one working state without an end of the work."""
        return point.moved_on or (
            self.workflow.states[point.node[0]].kind is not StateKind.ACTIVITY and not self.question.moves_on
        )

    def _owed(self, point: _Point, cases: int) -> Iterator[tuple[tuple[int, ...], int, Conditions]]:
        """Yield what is so of the fair events at a node: for cases to which one is possible, it is owed from there on."""
        options: list[tuple[tuple[int, ...], int, Conditions]] = [((), cases, ())]
        for name, was in zip(self.question.fair, point.fair, strict=True):
            event = self.workflow.events[name]
            options = [
                ((*fair, now), left, (*asked, *more))
                for fair, here, asked in options
                for now, left, more in self._ways(event, was, point.node, here)
            ]
        yield from options

    def _ways(self, event: Event, was: int, node: Node, cases: int) -> Iterator[tuple[int, int, Conditions]]:
        state, record, entering, _ = node
        if was != _AWAY or entering or state not in event.states:
            yield was, cases, ()
        elif event.guard is None:
            yield _OWED, cases, ()
        else:
            guard = self.abstraction.put_in(event.guard, state, record)
            for holds, now in ((True, _OWED), (False, _AWAY)):
                here = self.diagrams.both(cases, self.abstraction.cases(guard, holds))
                if here != NOTHING:
                    yield now, here, (Asked(guard, holds, At.BEFORE),)

    def _loop(
        self, cases: int, point: _Point, last: Row, came: dict[_Point, list[tuple[int, _Point | None, Row | None]]]
    ) -> Witness | None:
        """Return the history with the loop, if a case takes it; otherwise note what refutes it."""
        while cases != NOTHING:
            answers = dict.fromkeys(self.precision.atoms, False) | self.diagrams.pick(cases)
            rows, here = [last], point
            while True:
                _, before, row = next(c for c in came[here] if self.diagrams.has(c[0], answers.__getitem__))
                if before is None or row is None:
                    break
                rows.append(row)
                here = before
            rows.reverse()
            way = self._trail(rows[0], answers)
            first, path = len(way) - 1, [*way, *rows[1:]]
            result = self.paths.check(path, self.atoms, self.budget, Loop(first, self.abstraction.kept(rows[0].node[0])))
            if not isinstance(result, Contradiction):
                return Witness(path, result, first)
            if not (result.atoms <= self.precision.atoms and result.fields <= self.precision.fields):
                self._refuted.append((0, result))
                if len(self._refuted) >= REFUTED_AT_ONCE:
                    self._refine()
                return None
            cases = self._without(cases, {number: answers[number] for number in result.atoms})
        return None
