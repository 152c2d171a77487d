"""What could happen to a case if rules were all that forbade it: a workflow with its guards left out.

Rules are compared with each other in a *frame*. It has more histories than the workflow, since guards are there to keep the
rules. There are two: the *diagram*, where a case goes along the transitions, and steps *in any order*, each from any state with
any record, and also after a final state. A history of the diagram is also one in any order. In both, a rule that demands a step is
broken when a case comes to a final state without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from workflow.deciding.machine import fact_names
from workflow.deciding.steps import Step, end_of_row, names_of_row, steps_of
from workflow.model.automata import ROW_END
from workflow.model.definition import Event, StateKind, Value, Workflow
from workflow.model.rules import Rule
from workflow.proving.abstraction import Abstraction, Conditions, Free, LooseRecord, Move, Node, Precision
from workflow.proving.atoms import Atoms
from workflow.proving.budget import Budget
from workflow.proving.decision_diagrams import EVERYTHING, NOTHING
from workflow.proving.joint import SPOILED, Joint
from workflow.proving.paths import Loop, Path, PathCheck, Row, Taken
from workflow.proving.questions import Question
from workflow.proving.search import Arrival, Refine, Search, Witness

_ANYWHERE = ""
"""Where a case is before the next step, if steps come in any order."""


@dataclass(frozen=True)
class Example(Taken):
    """A case that takes a path, and all that a rule reads of it.

    Attributes
    ----------
    facts : tuple of values
    state : str
        The initial state.
    rows : list of (list of Step, str)
        For each row, what a rule hears, and the state after it.
    """

    facts: tuple[Value, ...]
    state: str
    rows: list[tuple[list[Step[tuple[Value, ...]]], str]]
    transitions: frozenset[str]


class Frame:
    """A workflow without its guards.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule
        Those that are compared.
    in_any_order : bool
        Whether each step may come from any state with any record.
    """

    def __init__(self, workflow: Workflow, rules: Sequence[Rule], in_any_order: bool) -> None:
        self.workflow, self.in_any_order = workflow, in_any_order
        self.heard = frozenset[str]().union(*(rule.step_names for rule in rules))
        self.atoms = Atoms(fact_names(workflow))
        self.paths = _FramePaths(workflow, in_any_order)
        self.lemmas: list[dict[int, bool]] = []
        self.moves: dict[frozenset[str], dict[Any, list[Move]]] = {}

    def find(self, question: Question, kept: Sequence[Rule], budget: Budget) -> Example | None:
        """Return a shortest history that answers a question and breaks none of some rules; ``None`` if there is none.

        Raises
        ------
        LimitReached
        """
        joint = Joint(question.automaton, [rule.automaton for rule in kept])
        precision = Precision(fields={name for name, field in self.workflow.record.items() if field.optional})
        while True:
            try:
                witness = _FrameSearch(self, question, joint, precision, budget).run()
            except Refine as finer:
                precision = finer.precision
                continue
            if witness is None:
                return None
            assert isinstance(witness.taken, Example)
            return witness.taken


class _Diagram(Abstraction):
    """The moves of a workflow whose guards may hold or not. A transition without a guard is always taken."""

    def _decide(
        self, state: str, trigger: str, given: tuple[Any, ...], before: LooseRecord, seen: LooseRecord, first: Conditions
    ) -> tuple[list[Move], int, Conditions]:
        moves = []
        for i in self.workflow.candidates.get((state, trigger), ()):
            transition = self.workflow.transitions[i]
            records = (before, seen, self._written(seen, transition.effects))
            moves.append(Move(trigger, state, given, i, transition.target or state, records, EVERYTHING, ()))
            if transition.guard is None:
                return moves, NOTHING, ()
        return moves, EVERYTHING, ()


class _AnyOrder(_Diagram):
    """Every row of a workflow, whatever comes before it.

    Attributes
    ----------
    telling : function
        Whether a row can make a difference: of a question that it does not answer, it may be left out.
    """

    telling: Callable[[Move], bool]

    def moves(self, state: str, record: LooseRecord, entering: bool) -> list[Move]:
        return self._telling

    @cached_property
    def _telling(self) -> list[Move]:
        if () not in self._moves:  # type: ignore[comparison-overlap]
            self._moves[()] = list(self._all())  # type: ignore[index]
        return [move for move in self._moves[()] if self.telling(move)]  # type: ignore[index]

    def _hears(self, event: Event) -> bool:
        return True  # the case is in a state of the event, wherever it was before

    def _all(self) -> Iterator[Move]:
        record = self.workflow.record
        values: list[Sequence[Any]] = [
            field.domain() if name in self.precision.fields else (Free.FREE,) for name, field in record.items()
        ]
        for state in self.workflow.states:
            for before in product(*values):
                moves = [*self._later(state, before)]
                moves += self._on_entry(state, before) if self.tried_on_entry(state) else []
                yield from (move for move in moves if move.trigger is not None and not move.stuck)


class _FrameSearch(Search):
    """One search in a frame, with one precision."""

    automaton: Joint

    def __init__(self, frame: Frame, question: Question, joint: Joint, precision: Precision, budget: Budget) -> None:
        self.frame, self.joint = frame, joint
        super().__init__(frame.workflow, question, frame.atoms, precision, frame.paths, frame.lemmas, budget)
        self.automaton = joint

    def _abstraction(self) -> Abstraction:
        kind = _AnyOrder if self.frame.in_any_order else _Diagram
        seen = kind(self.workflow, self.atoms, self.precision, self.workflow.record, self.frame.heard)
        if isinstance(seen, _AnyOrder):
            seen.telling = self._is_telling
        seen._moves = self.frame.moves.setdefault(frozenset(self.precision.fields), {})
        return seen

    def _is_telling(self, move: Move) -> bool:
        """Return whether a row changes the state of the automaton, or may end a history that answers the question."""
        if ROW_END in self.joint.names or self.question.automaton.forbidden or self._is_final(move.state):
            return True
        return not self.joint.names.isdisjoint(names_of_row(self.workflow, str(move.trigger), move.transition))

    def _courses(self) -> _Unspoiled:
        return _Unspoiled()

    def _answering(self) -> int:
        return EVERYTHING

    def _arrived(self, node: Node, record: LooseRecord, cases: int, row: Row) -> Witness | None:
        if node[3] == SPOILED or self._leaves_unmet(node):
            return None
        return super()._arrived(node, record, cases, row)

    def _leaves_unmet(self, node: Node) -> bool:
        """Return whether a case comes to a final state with an obligation of a kept rule open, which breaks that rule."""
        return node[3] in self.joint.unmet and self._is_final(node[0])

    def _is_final(self, state: str) -> bool:
        return self.workflow.states[state].kind is StateKind.FINAL

    def _push(self, node: Node, cases: int, arrival: Arrival) -> None:
        if not self.frame.in_any_order:
            super()._push(node, cases, arrival)
            return
        if self._leaves_unmet(node):
            return
        if arrival.parent is None:  # the start is a row of its own, with its own record
            self.came.setdefault(node, []).append(Arrival(cases, None, None, ()))
            arrival = Arrival(cases, node, None, arrival.asked)
        super()._push((_ANYWHERE, (), False, node[3]), cases, arrival)


class _Unspoiled:
    """The pairs of state and automaton state in which no kept rule is broken."""

    def __contains__(self, pair: object) -> bool:
        return isinstance(pair, tuple) and pair[1] != SPOILED


class _FramePaths(PathCheck):
    """Checks paths of a frame."""

    def __init__(self, workflow: Workflow, in_any_order: bool) -> None:
        super().__init__(workflow)
        self.in_any_order = in_any_order

    def path(self, rows: Sequence[Row], atoms: Atoms, loop: Loop | None) -> Path:
        return _FramePath(self, rows, atoms, loop)


class _FramePath(Path):
    check: _FramePaths

    def _add(self, row: Row) -> None:
        if self.check.in_any_order and row.move is not None:
            self.now = {name: self.any_value(field) for name, field in self.loose.items()}
        super()._add(row)

    def taken(self, budget: Budget) -> Example:
        """Return an example of a case that takes the path."""
        self.check.solve(self.solver, budget, self.ties)
        model = self.solver.model()
        facts = self.check.facts.case(model)
        begins = self._record(model, self._begins, self.begun)
        rows, transitions = [], set[str]()
        for row, moments in zip(self.rows, self.moments, strict=True):
            move = row.move
            if move is None or move.trigger is None:
                continue
            before, seen, after = (
                self._record(model, followed, now) for followed, now in zip(move.records, moments, strict=True)
            )
            steps = steps_of(self.workflow, move.trigger, move.transition, (before, seen, after), move.source, move.state)
            rows.append(([*steps, end_of_row(after, move.state)], move.state))
            transitions |= {self.workflow.transitions[move.transition].name} if move.transition is not None else set()
        known = tuple(facts[name] for name in fact_names(self.workflow))
        return Example(begins, [], [], known, self.rows[0].node[0], rows, frozenset(transitions))

    def _record(self, model: Any, followed: LooseRecord, now: dict[str, Any]) -> tuple[Value, ...]:
        return tuple(
            self.value(model, self.loose[name], now[name]) if name in self.loose else value
            for name, value in zip(self.workflow.record, followed, strict=True)
        )
