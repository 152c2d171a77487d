"""Search the abstraction of a workflow with clocks: how long can an obligation stay open?

A node of the search without clocks takes the place of the location of a timed automaton, and the readings of the clocks
ride along. The clocks are: since the obligation was opened, since the state was entered, and one for each event whose
time is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workflow.model.definition import COMPLETE, StateKind
from workflow.proving.abstraction import Asked, At, Conditions, Heard, Move, Node, Precision
from workflow.proving.atoms import Atoms
from workflow.proving.budget import Budget
from workflow.proving.decision_diagrams import NOTHING
from workflow.proving.paths import PathCheck, Row, Taken
from workflow.proving.questions import Question
from workflow.proving.search import Refine, Search
from workflow.proving.timing import NO_TIME, OBLIGATION, STAY, Clocks, Reading, Step, Timing


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """Cases at a node, with the readings of the clocks as they come there."""

    node: Node
    running: frozenset[str]
    readings: Any
    cases: int
    parent: _Entry | None = None
    row: Row | None = None
    step: Step | None = None
    asked: Conditions = ()


@dataclass(frozen=True)
class Late:
    """A path on which an obligation is open for too long.

    Attributes
    ----------
    rows : list of Row
        The last one has no move: the case stays there.
    steps : list of Step
        For each row.
    endless : bool
        Whether its last rows can be repeated for ever, and the obligation is open for longer each time.
    """

    rows: list[Row]
    steps: list[Step]
    taken: Taken
    endless: bool


class TimedSearch(Search):
    """One search, with one precision.

    Parameters
    ----------
    timing : Timing
    clocks : Clocks
    hurried : bool
        Whether a case leaves at once where nothing bounds its stay.
    """

    def __init__(
        self, timing: Timing, clocks: Clocks[Any], hurried: bool, atoms: Atoms, precision: Precision, paths: PathCheck,
        lemmas: list[dict[int, bool]], budget: Budget,
    ) -> None:  # fmt: skip
        workflow = timing.workflow
        passing = frozenset(s.name for s in workflow.states.values() if s.kind in (StateKind.ACTIVITY, StateKind.RESTING))
        question = Question(timing.rule.automaton, rests_open=passing, events=frozenset(timing.events))
        super().__init__(workflow, question, atoms, precision, paths, lemmas, budget)
        self.clocks = clocks
        self.timing, self.bounds, self.hurried = timing, timing.bounds, hurried
        self._clock = {event: STAY + 1 + i for i, event in enumerate(timing.events)}
        self._kept: dict[tuple[Node, frozenset[str]], list[_Entry]] = {}
        self._queue: deque[_Entry] = deque()
        self._n_entries = 0
        self._last: _Entry | None = None
        self._longest: tuple[int, _Entry] | None = None

    # Rounds

    def first_late(self) -> Late | None:
        """Return the first path that is found on which an obligation stays open for longer than the limit of the rule.

        Raises
        ------
        Refine
            If the precision does not suffice.
        LimitReached
        """
        for entry, reach, is_late in self._open_entries(self.timing.limit + 1):
            if is_late:
                if (late := self._late(entry)) is not None:
                    return late
            elif self._longest is None or reach > self._longest[0]:
                self._longest = reach, entry
        if self._refuted:
            self._refine()
        return None

    @property
    def longest(self) -> int:
        """Return for how long an obligation may stay open at most, as far as the precision sees it; if none is ever late."""
        return 0 if self._longest is None else self._longest[0]

    def confirm_longest(self) -> None:
        """Check that some case leaves an obligation open for the longest time.

        Raises
        ------
        Refine
            If none does.
        LimitReached
        """
        if self._longest is not None and self._late(self._longest[1]) is None:
            self._refine()

    def slowest(self) -> Late | None:
        """Return the path on which an obligation stays open longest, or one that can go round for ever; as `first_late` does."""
        best: tuple[int, _Entry] | None = None
        for entry, reach, is_late in self._open_entries(None):
            if self._goes_round(entry):
                if not self.workflow.record.keys() <= self.precision.fields:
                    raise Refine(Precision(set(self.precision.atoms), set(self.workflow.record)))
                if (late := self._late(entry, endless=True)) is not None:
                    return late
            if is_late and (best is None or reach > best[0]):
                best = reach, entry
        late = None if best is None else self._late(best[1])
        if late is None:
            self._refine()
        return late

    def _open_entries(self, asked: int | None) -> Iterator[tuple[_Entry, int, bool]]:
        """Yield every entry with an open obligation, for how long it may be open when the case moves on, and whether too long.

        Parameters
        ----------
        asked : int or None
            Longer times need not be told apart.
        """
        self._start()
        while self._queue:
            self.budget.check(self._n_entries, len(self.diagrams))
            entry = self._queue.popleft()
            waited = self.clocks.wait(entry.readings, self._waits(entry))
            if waited is None:
                continue
            if entry.node[3] in self.automaton.open:
                yield entry, *self.clocks.open_for(waited)
            for after in self._rows(entry, waited, asked):
                self._keep(after)

    def _start(self) -> None:
        for state, record in self.abstraction.beginnings():
            running = frozenset(event for event in self.timing.events if self._clock_starts(event, None, state, None))
            for q, cases, asked in self._starts(state, record):
                node = state, self.abstraction.normal(state, record), self.abstraction.tried_on_entry(state), q
                self._keep(_Entry(node, running, self.clocks.start(), cases, asked=asked))

    def _keep(self, entry: _Entry) -> None:
        """Queue the cases of an entry that did not come to its node with these readings before."""
        if (entry.node[0], entry.node[3]) not in self.alive:
            return
        kept = self._kept.setdefault((entry.node, entry.running), [])
        cases = self.diagrams.both(entry.cases, self.possible)
        for other in kept:
            if cases == NOTHING:
                return
            if self.clocks.contains(other.readings, entry.readings):
                cases = self.diagrams.less(cases, other.cases)
        if cases == NOTHING:
            return
        new = _Entry(entry.node, entry.running, entry.readings, cases, entry.parent, entry.row, entry.step, entry.asked)
        kept.append(new)
        self._queue.append(new)
        self._n_entries += 1

    # Rows

    def _waits(self, entry: _Entry) -> tuple[Reading, ...] | None:
        """Return the clocks that bound the stay at a node; ``None`` if no time passes there."""
        state, _, entering, _ = entry.node
        if entering or self.workflow.states[state].kind not in (StateKind.ACTIVITY, StateKind.RESTING):
            return None
        stay = [(STAY, limit) for limit in self.bounds.most(state)]
        clocks = [(event, self.bounds.clocks[event].time.most) for event in self.timing.events if event in entry.running]
        bounded = [(self._clock[event], most) for event, most in clocks if most is not None]
        if self.hurried and not stay and not any(most and self._moves_out(event, state) for event, most in clocks):
            stay = [(STAY, limit) for limit in self.bounds.least(state) or [NO_TIME]]
        return (*stay, *bounded)

    def _moves_out(self, event: str, state: str) -> bool:
        """Return whether an event can end the stay in a state."""
        return (state, event) in self.workflow.candidates

    def _rows(self, entry: _Entry, waited: Any, asked: int | None) -> Iterator[_Entry]:
        """Yield where the next row of a history leads."""
        waits = self._waits(entry)
        for move in self.abstraction.moves(*entry.node[:3]):
            cases = self.diagrams.both(entry.cases, move.cases)
            if cases == NOTHING or move.stuck:
                continue
            needs = self._needs(entry, move)
            if needs is None or (ready := self.clocks.reach(waited, needs)) is None:
                continue
            for heard in self._heard_after(entry.node, move):
                left = self.diagrams.both(cases, heard.cases)
                if left != NOTHING and heard.q not in self.automaton.broken:
                    yield from self._after(entry, ready, Step(waits, needs), move, heard, left, asked)
        if not entry.node[2]:
            yield from self._idle_rings(entry, waited, waits, asked)

    def _heard_after(self, node: Node, move: Move) -> list[Heard]:
        key = (node[3], id(move))
        if key not in self._heard:
            self._heard[key] = self.abstraction.hear(self.automaton, node[3], move)
        return self._heard[key]

    def _needs(self, entry: _Entry, move: Move) -> tuple[Reading, ...] | None:
        """Return the lengths of time that must have passed before a move; ``None`` if it can not happen."""
        if move.trigger == COMPLETE:
            return tuple((STAY, limit) for limit in self.bounds.least(entry.node[0]))
        if move.trigger not in self._clock:
            return ()
        return self._rings(move.trigger) if move.trigger in entry.running else None

    def _rings(self, event: str) -> tuple[Reading, ...]:
        least = self.bounds.clocks[event].time.least
        return () if least is None else ((self._clock[event], least),)

    def _after(
        self, entry: _Entry, ready: Any, step: Step, move: Move, heard: Heard, cases: int, asked: int | None
    ) -> Iterator[_Entry]:  # fmt: skip
        """Yield where a move leads: once for each set of clocks that may run afterwards."""
        target = self.abstraction.target(move, heard.q)
        row = Row(entry.node, move, (*move.asked, *heard.asked))
        transition = None if move.transition is None else self.workflow.transitions[move.transition]
        restarts = [STAY] if transition is not None and transition.target is not None else []
        restarts += [] if heard.q in self.automaton.open and not heard.opened else [OBLIGATION]
        for running, started in self._clocks_after(entry, move, target[0], None if transition is None else transition.name):
            anew = (*restarts, *(self._clock[event] for event in started))
            yield self._led(entry, ready, target, running, cases, row, Step(step.waits, step.needs, anew), asked)

    def _led(
        self, entry: _Entry, ready: Any, target: Node, running: frozenset[str], cases: int, row: Row, step: Step, asked: int | None
    ) -> _Entry:  # fmt: skip
        idle = [clock for event, clock in self._clock.items() if event not in running]
        readings = self.clocks.row(ready, (*step.restarts, *idle), target[3] in self.automaton.open, asked)
        return _Entry(target, running, readings, cases, entry, row, step)

    def _clocks_after(
        self, entry: _Entry, move: Move, target: str, transition: str | None
    ) -> list[tuple[frozenset[str], frozenset[str]]]:
        """Return which clocks of events may run after a move, and which of them start with it."""
        state, runs = entry.node[0], set(entry.running)
        if move.trigger in runs:
            runs.remove(str(move.trigger))
        runs = {event for event in runs if self._runs_on(event, target)}
        begins = {event for event in self.timing.events if self._clock_starts(event, state, target, transition)}
        if (
            move.trigger in self._clock
            and self.bounds.clocks[str(move.trigger)].repeats
            and self._counts(str(move.trigger), target)
        ):
            begins.add(str(move.trigger))
        choices = [(frozenset(runs - begins), frozenset[str]())]
        for event in sorted(begins):
            started = [(running | {event}, anew | {event}) for running, anew in choices]
            choices = started if self.bounds.clocks[event].certain else [*started, *choices]
        return choices

    def _counts(self, event: str, state: str) -> bool:
        return state in self.workflow.events[event].states

    def _runs_on(self, event: str, state: str) -> bool:
        """Return whether a running clock runs on in a state."""
        if self.bounds.clocks[event].since is None:
            return self._counts(event, state)
        return self.workflow.states[state].kind is not StateKind.FINAL

    def _clock_starts(self, event: str, before: str | None, state: str, transition: str | None) -> bool:
        """Return whether the clock of an event starts when a transition leads to a state."""
        since = self.bounds.clocks[event].since
        if since is not None:
            return transition in since and self.workflow.states[state].kind is not StateKind.FINAL
        return self._counts(event, state) and (before is None or not self._counts(event, before))

    def _idle_rings(
        self, entry: _Entry, waited: Any, waits: tuple[Reading, ...] | None, asked_for: int | None
    ) -> Iterator[_Entry]:  # fmt: skip
        """Yield where clocks ring without an event: in a state in which it does not count, or while its condition fails."""
        state, record, _, _ = entry.node
        for event in self.timing.events:
            if event not in entry.running or (ready := self.clocks.reach(waited, needs := self._rings(event))) is None:
                continue
            asked: tuple[Asked, ...] = ()
            cases, guard = entry.cases, self.workflow.events[event].guard
            if self._counts(event, state):
                if guard is None:
                    continue
                condition = self.abstraction.put_in(guard, state, record)
                cases = self.diagrams.both(cases, self.abstraction.cases(condition, False))
                asked = (Asked(condition, False, At.BEFORE),)
            if cases == NOTHING:
                continue
            again = self.bounds.clocks[event].repeats and self._counts(event, state)
            running = entry.running if again else entry.running - {event}
            step = Step(waits, needs, (self._clock[event],) if again else ())
            yield self._led(entry, ready, entry.node, running, cases, Row(entry.node, None, asked), step, asked_for)

    # Results

    def _goes_round(self, entry: _Entry) -> bool:
        """Return whether a path came to a node before, and can go round again and again while an obligation is open."""
        before = entry
        while before.parent is not None and before.step is not None and OBLIGATION not in before.step.restarts:
            before = before.parent
            is_same = (before.node, before.running, before.cases) == (entry.node, entry.running, entry.cases)
            if is_same and self.clocks.grows(before.readings, entry.readings):
                return True
        return False

    def _late(self, entry: _Entry, endless: bool = False) -> Late | None:
        """Return the path to an entry, if some case takes it."""
        self._last = entry
        witness = self._candidate(entry.cases, Row(entry.node, None, ()), 0)
        if witness is None:
            return None
        steps = [Step(self._waits(entry))]
        while entry.parent is not None and entry.step is not None:
            steps.append(entry.step)
            entry = entry.parent
        return Late(witness.rows, steps[::-1], witness.taken, endless)

    def _trail(self, last: Row, answers: dict[int, bool]) -> list[Row]:
        """Return the rows of the path to the entry that is checked."""
        rows, entry = [last], self._last
        while entry is not None and entry.row is not None:
            rows.append(entry.row)
            entry = entry.parent
        asked = () if entry is None else entry.asked
        first = rows[-1]
        return [Row(first.node, first.move, (*asked, *first.asked)), *rows[-2::-1]]
