"""Search the abstraction of a workflow for a history, breadth first.

Nodes are processed in rounds, one for each row of a history. Entry nodes come first in a round, because staying in a
state after entry is not a row. A history that ends as the question asks is a candidate: if some case takes its path,
it is a shortest history, because the abstraction only shortens. If none does, the search goes on; it starts again with
a finer precision once it has met a few.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from workflow.model.automata import Automaton
from workflow.model.definition import StateKind, Workflow
from workflow.proving.abstraction import Abstraction, Asked, At, Conditions, Heard, LooseRecord, Move, Node, Precision
from workflow.proving.atoms import Atoms
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.courses import cases_to_the_end, courses_to_the_end
from workflow.proving.decision_diagrams import NOTHING
from workflow.proving.fact_space import every_assumption
from workflow.proving.joint import Joint
from workflow.proving.paths import Contradiction, PathCheck, Row, Taken
from workflow.proving.questions import Question
from workflow.proving.relations import possible_answers

REFUTED_AT_ONCE = 8  # candidates that no case takes, before the search starts again
_MOST_OTHERS = 7  # further shortest histories, among which the one with the fewest facts is shown


@dataclass(frozen=True)
class Witness:
    """A path that answers the question, and how a case takes it.

    Attributes
    ----------
    loop : int or None
        The index of the first row of the loop that the case goes round forever; the number of rows if it stays where it is.
    """

    rows: list[Row]
    taken: Taken
    loop: int | None = None


class Refine(Exception):
    """No case takes the candidate paths; the search must track these atoms and record fields."""

    def __init__(self, precision: Precision) -> None:
        super().__init__()
        self.precision = precision


@dataclass(frozen=True, slots=True)
class Arrival:
    """How some cases first reached a node."""

    cases: int
    parent: Node | None
    move: Move | None
    asked: Conditions


class Search:
    """One search for a question, with one precision.

    Attributes
    ----------
    possible : int
        The answers that some case can give and with which a history can answer the question.
    seen : dict of Node to int
        The cases that reach each node.
    alive : container of (str, int)
        The pairs of state and automaton state from which a history can still answer the question. No others are visited.
    """

    def __init__(
        self, workflow: Workflow, question: Question, atoms: Atoms, precision: Precision, paths: PathCheck,
        lemmas: list[dict[int, bool]], budget: Budget,
    ) -> None:  # fmt: skip
        self.workflow, self.question, self.budget, self.paths = workflow, question, budget, paths
        self.automaton: Automaton | Joint = question.automaton
        self.atoms, self.precision, self.lemmas = atoms, precision, lemmas
        self.diagrams = atoms.diagrams
        self.abstraction = self._abstraction()
        self.seen: dict[Node, int] = {}
        self.came: dict[Node, list[Arrival]] = {}
        self._todo: dict[Node, int] = {}
        self._next_round: dict[Node, int] = {}
        self._depth = -1
        self._heard: dict[tuple[int, int], list[Heard]] = {}
        self._refuted: list[tuple[int, Contradiction]] = []
        self._witnesses = self._find()
        self.possible = self._possible()
        self.alive = self._courses()

    def _abstraction(self) -> Abstraction:
        keep = self.question.reads & set(self.workflow.record)
        return Abstraction(self.workflow, self.atoms, self.precision, keep, self.question.heard)

    def _courses(self) -> Container[tuple[str, int]]:
        """Return the pairs of state and automaton state from which a history can still answer the question."""
        return courses_to_the_end(self.abstraction, self.question)

    def _answering(self) -> int:
        """Return cases that include all whose history can answer the question."""
        return cases_to_the_end(self.abstraction, self.question)

    def _possible(self) -> int:
        """Return the answers that some case can give, as far as is known, and with which a history can answer the question."""
        known = possible_answers(self.atoms, self.precision.atoms)
        assumed = self.diagrams.all_of(self.abstraction.cases(one) for one in every_assumption(self.workflow))
        lemmas = [lemma for lemma in self.lemmas if lemma.keys() <= self.precision.atoms]
        apart = self.diagrams.all_of(self.diagrams.negate(self.diagrams.cube(lemma)) for lemma in lemmas)
        return self.diagrams.all_of([known, assumed, apart, self._answering()])

    # Rounds

    def run(self) -> Witness | None:
        """Return a shortest history; ``None`` if there is none.

        Raises
        ------
        Refine
            If the precision does not suffice.
        LimitReached
        """
        return next(self._witnesses, None)

    def others(self) -> Iterator[Witness]:
        """Yield some more histories of the same length, after `run` has found one."""
        for _ in range(_MOST_OTHERS):
            try:
                witness = next(self._witnesses, None)
            except (Refine, LimitReached):
                return
            if witness is None:
                return
            yield witness

    def _find(self) -> Iterator[Witness]:
        """Yield the shortest histories."""
        found = list(self._begin())
        yield from found
        while not found and (self._todo or self._next_round):
            for witness in self._round():
                found.append(witness)
                yield witness
        if self._refuted and not found:
            self._refine()

    def _round(self) -> Iterator[Witness]:
        """Process the nodes of one round."""
        if not self._todo:
            self._todo = dict(sorted(self._next_round.items(), key=lambda entry: not entry[0][2]))
            self._next_round = {}
            self._depth += 1
        while self._todo:
            self.budget.check(len(self.seen), len(self.diagrams))
            node = next(iter(self._todo))
            cases = self._todo.pop(node)
            for move in self.abstraction.moves(*node[:3]):
                yield from self._follow(node, move, self.diagrams.both(cases, move.cases))

    def _begin(self) -> Iterator[Witness]:
        """Push every start of a case; yield the histories without rows that answer the question."""
        for state, record in self.abstraction.beginnings():
            for q, cases, asked in self._starts(state, record):
                self.budget.check(len(self._next_round))
                node = state, self.abstraction.normal(state, record), self.abstraction.tried_on_entry(state), q
                self._push(node, cases, Arrival(cases, None, None, asked))
                witness = self._arrived(node, node[1], cases, Row(node, None, ()))
                if witness is not None:
                    yield witness

    def _starts(self, state: str, record: LooseRecord) -> Iterator[tuple[int, int, Conditions]]:
        """Yield the automaton's states at the start of a case, with the cases for each and what must hold for them."""
        if not self.automaton.starts:
            yield 0, self.possible, ()
        for condition, q in self.automaton.starts:
            asked = self.abstraction.put_in(condition, state, record)
            yield q, self.diagrams.both(self.possible, self.abstraction.cases(asked)), (Asked(asked, True, At.BEFORE),)

    def _push(self, node: Node, cases: int, arrival: Arrival) -> None:
        if (node[0], node[3]) not in self.alive:
            return
        old = self.seen.get(node, NOTHING)
        new = self.diagrams.less(cases, old)
        if new == NOTHING:
            return
        self.seen[node] = self.diagrams.either(old, new)
        self.came.setdefault(node, []).append(Arrival(new, arrival.parent, arrival.move, arrival.asked))
        stays = arrival.move is not None and arrival.move.trigger is None
        queue = self._todo if stays else self._next_round
        queue[node] = self.diagrams.either(queue.get(node, NOTHING), new)

    def _follow(self, node: Node, move: Move, cases: int) -> Iterator[Witness]:
        """Follow a move from a node, and push where it leads."""
        if cases == NOTHING:
            return
        if move.stuck:
            if (node[0], move.trigger) in self.question.stuck:
                witness = self._candidate(cases, Row(node, move, move.asked), self._depth)
                yield from (witness,) if witness is not None else ()
            return
        for heard in self._hear(node, move):
            left = self.diagrams.both(cases, heard.cases)
            if left == NOTHING:
                continue
            target, asked = self.abstraction.target(move, heard.q), (*move.asked, *heard.asked)
            witness = self._arrived(target, move.records[2], left, Row(node, move, asked))
            if witness is not None:
                yield witness
            if heard.q not in self.automaton.broken:
                self._push(target, self.diagrams.both(left, self.possible), Arrival(left, node, move, asked))

    def _hear(self, node: Node, move: Move) -> list[Heard]:
        """Return the states of the automaton after a move (cached)."""
        key = (node[3], id(move))
        if key not in self._heard:
            self._heard[key] = self.abstraction.hear(self.automaton, node[3], move)
        return self._heard[key]

    def _arrived(self, node: Node, record: LooseRecord, cases: int, row: Row) -> Witness | None:
        """Return the history that ends at a node, if it answers the question."""
        state, _, entering, q = node
        stays = row.move is not None and row.move.trigger is None
        depth = self._depth if stays else self._depth + 1
        final = self.workflow.states[state].kind is StateKind.FINAL
        is_open = q in self.automaton.open
        if q in self.automaton.broken or (is_open and final and self.question.ends_open):
            return self._candidate(cases, row, depth)
        if is_open and not entering and state in self.question.rests_open:
            return self._resting(state, record, cases, row, depth)
        if stays or q not in self.automaton.forbidden:
            return None
        condition = self.abstraction.put_in(self.automaton.forbidden[q], state, record)
        cases = self.diagrams.both(cases, self.abstraction.cases(condition))
        asked = Asked(condition, True, At.AFTER)
        return self._candidate(cases, Row(row.node, row.move, (*row.asked, asked)), depth)

    def _resting(self, state: str, record: LooseRecord, cases: int, row: Row, depth: int) -> Witness | None:
        """Return the history after which a case stays in a state, where no fair event is possible to it."""
        asked = row.asked
        for name in self.question.fair:
            event = self.workflow.events[name]
            if state not in event.states:
                continue
            if event.guard is None:
                return None
            guard = self.abstraction.put_in(event.guard, state, record)
            cases = self.diagrams.both(cases, self.abstraction.cases(guard, False))
            asked = (*asked, Asked(guard, False, At.AFTER))
        witness = self._candidate(cases, Row(row.node, row.move, asked), depth)
        return None if witness is None else Witness(witness.rows, witness.taken, len(witness.rows))

    # Candidates

    def _candidate(self, cases: int, last: Row, depth: int) -> Witness | None:
        """Return the history, if a case takes its path.

        Otherwise note what the path needs to be refuted, or, if all of that is followed, that no case gives these answers.
        """
        cases = self.diagrams.both(cases, self.possible)
        while cases != NOTHING:
            answers = dict.fromkeys(self.precision.atoms, False) | self.diagrams.pick(cases)
            rows = self._trail(last, answers)
            result = self.paths.check(rows, self.atoms, self.budget)
            if not isinstance(result, Contradiction):
                if any(refuted < depth for refuted, _ in self._refuted):
                    self._refine()  # a shorter history may still answer the question
                return Witness(rows, result)
            if not (result.atoms <= self.precision.atoms and result.fields <= self.precision.fields):
                self._refuted.append((depth, result))
                if len(self._refuted) >= REFUTED_AT_ONCE:
                    self._refine()
                return None
            cases = self._without(cases, {number: answers[number] for number in result.atoms})
        return None

    def _trail(self, last: Row, answers: dict[int, bool]) -> list[Row]:
        """Return the rows of a path, given its last: those with which a case with these answers first reached its node."""
        rows = [last]
        while True:
            node = rows[-1].node
            arrival = next(a for a in self.came.get(node, ()) if self.diagrams.has(a.cases, answers.__getitem__))
            if arrival.parent is None:
                rows[-1] = Row(node, rows[-1].move, (*arrival.asked, *rows[-1].asked))
                return rows[::-1]
            rows.append(Row(arrival.parent, arrival.move, arrival.asked))

    def _without(self, cases: int, answers: dict[int, bool]) -> int:
        """Learn that no case gives some answers together; return the other cases."""
        lemma = self.paths.lemma(answers, self.atoms, self.budget)
        self.lemmas.append(lemma)
        other = self.diagrams.negate(self.diagrams.cube(lemma))
        self.possible = self.diagrams.both(self.possible, other)
        return self.diagrams.both(cases, other)

    def _refine(self) -> None:
        atoms = self.precision.atoms.union(*(refuted.atoms for _, refuted in self._refuted))
        fields = self.precision.fields.union(*(refuted.fields for _, refuted in self._refuted))
        raise Refine(Precision(atoms, fields))
