"""Random small workflows with bounds on time, and how long an obligation stays open: every history, day by day.

The histories come from the brute force of rules. It shares no code with the readings that it checks.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Any

from tests.workflow.brute_force import Case, Judge, Memory, Row
from workflow import Workflow
from workflow.model.definition import StateKind
from workflow.model.time_bounds import Bounds, EventClock


def random_timed(seed: int) -> tuple[dict[str, Any], bool]:
    """Return a workflow with one rule and bounds, and whether clocks of events may repeat and may not start."""
    c = random.Random(seed)
    names = [f"s{i}" for i in range(c.randint(3, 5))]
    resting = {s for s in names[1:] if c.random() < 0.25}
    instant = {s for s in names[1:-1] if s not in resting and c.random() < 0.1}
    events = [f"e{i}" for i in range(c.randint(0, 2))]
    bell = [] if events and c.random() < 0.7 else ["bell"]  # an event at any time
    moves = [_last_move(c, s, after, resting, events or bell) for s, after in zip(names, [*names[1:], "end"], strict=True)]
    for _ in range(c.randint(1, 4)):
        moves.insert(0, _other_move(c, names, resting | instant, events or bell))
    transitions = [{"transition": f"t{i}", **move} for i, move in enumerate(moves)]
    steps = [t["transition"] for t in transitions] + (events or bell)
    bounds = {s: text for s in names if (text := _stay(c, s in resting)) and s not in instant}
    for event in events:
        if c.random() < 0.6:
            low = c.randint(0, 4)
            bounds[event] = {"time": f"{low} to {low + c.randint(0, 3)} days"}
            if c.random() < 0.7:
                bounds[event]["since"] = c.sample([t["transition"] for t in transitions], 1)
    closing = [t["transition"] for t in transitions if t.get("to") == "end"]  # with these, no case ends with an open obligation
    after = c.choice([step for step in steps if step not in closing])
    then = [*closing, *(step for step in steps if step not in (*closing, after) and c.random() < 0.15)]
    rule = {"rule": "in time", "after": after, "then": then, "within": f"{c.randint(1, 12)} days"}
    states: dict[str, Any] = {s: {"resting": True} if s in resting else {"activity": "work"} for s in names}
    states |= {s: {"instant": True} for s in instant} | {"end": {"final": True}}
    whiles = {e: c.choice(["any", [s for s in names if s not in instant and c.random() < 0.6] or [names[0]]]) for e in events}
    used = {e for move in moves for e in [move.get("event")] if e}
    declared: dict[str, Any] = {}
    for event in [*events, *bell]:
        sources = {s for move in moves if move.get("event") == event for s in [move["from"]]}
        inside = whiles.get(event, "any")
        declared[event] = {"while": inside if inside == "any" else sorted({*inside, *sources})}
        if c.random() < 0.3:
            declared[event]["when"] = c.choice(["urgent", "not urgent", "n == 0"])
    content = {
        "workflow": "timed",
        "facts": {"urgent": {"type": "boolean"}},
        "record": {"o": {"enum": ["a", "b"]}, "n": {"type": "integer", "minimum": 0, "maximum": 1}},
        "activities": {"work": {"gives": {"o": ["a", "b"]}}},
        "entry": {"states": ["s0"]},
        "states": states,
        "transitions": transitions,
        "events": {e: entry for e, entry in declared.items() if e in used or e in (after, *then)},
        "bounds": {
            name: bound for name, bound in bounds.items() if name not in declared or name in used or name in (after, *then)
        },
        "rules": [rule],
    }
    return content, c.random() < 0.3


def _stay(c: random.Random, is_resting: bool) -> str | None:
    if is_resting:
        return None if c.random() < 0.6 else f"at most {c.randint(1, 4)} days"
    low = c.randint(0, 2)
    return None if c.random() < 0.08 else f"{low} to {low + c.randint(0, 3)} days"


def _last_move(c: random.Random, state: str, after: str, resting: set[str], events: list[str]) -> dict[str, Any]:
    move = {"from": state, "to": after}
    return {**move, "event": c.choice(events)} if state in resting else move


def _other_move(c: random.Random, names: list[str], silent: set[str], events: list[str]) -> dict[str, Any]:
    state = c.choice([s for s in names if s not in silent] or names[:1])
    move: dict[str, Any] = {"from": state, "to": c.choice([*names, "end"])}
    if c.random() < 0.6:
        move["event"] = c.choice(events)
        if c.random() < 0.3:
            del move["to"]
    else:
        move["when"] = 'o == "a"'
    if c.random() < 0.3:
        move["set"] = {"n": "n + 1"}
    if c.random() < 0.2:
        move["when"] = "n == 0" if "when" not in move else f"{move['when']} and n == 0"
    return move


class Grid:
    """One case of a workflow on a grid of whole days.

    Parameters
    ----------
    entry : mapping
        The rule.
    hurried : bool
        Whether the case leaves at once where nothing bounds its stay.
    """

    def __init__(self, workflow: Workflow, entry: Mapping[str, Any], bounds: Bounds, urgent: bool, hurried: bool) -> None:
        facts = (urgent, *(None for _ in ("arrived", "as_of")))
        self.case, self.judge = Case(workflow, facts), Judge(workflow, entry, facts)
        self.workflow, self.bounds, self.hurried = workflow, bounds, hurried
        self.events = list(bounds.clocks)

    def longest(self, top: int) -> int:
        """Return for how many days an obligation stays open at most, up to a number; -1 if none is ever opened."""
        record = tuple(self.workflow.defaults[name] for name in self.workflow.record)
        start = self.workflow.entry_states[0]
        clocks = tuple(0 if self._since(e) is None and self._counts(e, start) else None for e in self.events)
        todo: list[Any] = [(start, record, True, 0, None, clocks)]
        seen, worst = set(), -1
        while todo:
            place = todo.pop()
            if place in seen:
                continue
            seen.add(place)
            if (opened := place[4]) is not None:
                worst = max(worst, opened)
                if worst >= top:
                    return top
            todo += self._next(*place)
        return worst

    def _next(self, state: str, record: Any, entering: bool, stay: int, opened: int | None, clocks: Any) -> Iterator[Any]:
        rows, stays = self.case.rows(state, record, entering)
        if stays:
            yield state, record, False, stay, opened, clocks
            return
        kind = self.workflow.states[state].kind
        if kind is StateKind.FINAL:
            return
        passing = kind is not StateKind.INSTANT and not (entering and rows and rows[0].trigger == "enter")
        if passing and self._may_wait(state, stay, clocks):
            older = tuple(None if age is None else min(age + 1, 9) for age in clocks)
            yield state, record, False, min(stay + 1, 9), None if opened is None else opened + 1, older
        ringing = [e for e, age in zip(self.events, clocks, strict=True) if self._rings(e, age)] if passing else []
        for row in rows:
            if row.trigger == "complete" and any(stay < limit.number for limit in self.bounds.least(state)):
                continue
            if row.trigger not in self.events or row.trigger in ringing:
                yield from self._after(row, state, stay, opened, clocks)
        for event in ringing:
            if not self._counts(event, state) or not self.case.holds(self.workflow.events[event].guard, record):
                again = self._clock(event).repeats and self._counts(event, state)
                yield state, record, False, stay, opened, self._with(clocks, {event: 0 if again else None})

    def _clock(self, event: str) -> EventClock:
        return self.bounds.clocks[event]

    def _since(self, event: str) -> Any:
        return self._clock(event).since

    def _counts(self, event: str, state: str) -> bool:
        return state in self.workflow.events[event].states

    def _rings(self, event: str, age: int | None) -> bool:
        return age is not None and age >= self._clock(event).time.least.number  # type: ignore[union-attr]

    def _may_wait(self, state: str, stay: int, clocks: Any) -> bool:
        ages = {e: age for e, age in zip(self.events, clocks, strict=True) if age is not None}
        if any(age >= self._clock(e).time.most.number for e, age in ages.items()):  # type: ignore[union-attr]
            return False
        most = self.bounds.most(state)
        if most or not self.hurried:
            return all(stay < limit.number for limit in most)
        if any(state in t.sources and e in t.events for e in ages if self._counts(e, state) for t in self.workflow.transitions):
            return True
        return any(stay < limit.number for limit in self.bounds.least(state))

    def _with(self, clocks: Any, changed: Mapping[str, int | None]) -> Any:
        return tuple(changed.get(e, age) for e, age in zip(self.events, clocks, strict=True))

    def _after(self, row: Row, state: str, stay: int, opened: int | None, clocks: Any) -> Iterator[Any]:
        for step in row.steps:
            memory, _ = self.judge._step(Memory(open=opened is not None), step)
            opened = None if not memory.open else 0 if opened is None else opened
        changed: dict[str, tuple[int | None, ...]] = {}
        final = self.workflow.states[row.state].kind is StateKind.FINAL
        for event, age in zip(self.events, clocks, strict=True):
            clock = self._clock(event)
            left = None if row.trigger == event else age
            if clock.since is None:
                entered = self._counts(event, row.state) and not self._counts(event, state)
                left = left if self._counts(event, row.state) else None
            else:
                entered = not final and any(step.name in clock.since for step in row.steps)
                left = None if final else left
            entered = entered or (clock.repeats and row.trigger == event and self._counts(event, row.state))
            changed[event] = ((0,) if clock.certain else (0, None)) if entered else (left,)
        for ages in itertools.product(*changed.values()):
            yield row.state, row.record, row.enters, 0 if row.enters else stay, opened, tuple(ages)
