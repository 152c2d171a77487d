"""Rules against rules by going through every history: what rules leave possible if nothing else forbids anything.

As `tests.workflow.brute_force`, this shares no code with the prover. A rule is judged from its entry in the file
(`tests.workflow.forms_by_definition`). The guards of the workflow are not read.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from tests.workflow.brute_force import Row, Step, Values
from tests.workflow.forms_by_definition import FormJudge
from workflow import Workflow, load_workflow
from workflow.model.definition import INCREMENT, StateKind

Place = tuple[str, Values, bool] | None
"""State, record, and whether the case enters it; ``None`` before a step in any order."""


class Enumeration:
    """Every history of a workflow without its guards, along its transitions or in any order."""

    def __init__(self, workflow: Workflow, entries: Sequence[dict[str, Any]], in_any_order: bool) -> None:
        self.workflow, self.entries, self.in_any_order = workflow, entries, in_any_order
        self.records = list(product(*(field.domain() for field in workflow.record.values())))
        domains = [field.domain() for field in workflow.facts.values()]
        self.cases = [(*values, None, None) for values in product(*domains)]
        self._known: dict[Any, bool] = {}

    def breaks(self, rule: int, kept: Sequence[int]) -> bool:
        """Return whether a history breaks a rule and none of some others."""
        return self._any(("breaks", rule), tuple(sorted(kept)))

    def way(self, name: str | None, ends: bool, kept: Sequence[int]) -> bool:
        """Return whether a history that keeps some rules takes a transition, if any is named, and ends, if it is to."""
        return self._any(("way", name, ends), tuple(sorted(kept)))

    def triggers(self, rule: int, kept: Sequence[int]) -> bool:
        """Return whether the subject of a rule happens in a history that keeps some rules."""
        return self._any(("triggers", rule), tuple(sorted(kept)))

    def _any(self, asked: tuple[Any, ...], kept: tuple[int, ...]) -> bool:
        if (asked, kept) not in self._known:
            self._known[asked, kept] = any(self._search(facts, asked, kept) for facts in self.cases)
        return self._known[asked, kept]

    def _search(self, facts: Values, asked: tuple[Any, ...], kept: tuple[int, ...]) -> bool:
        judges = [FormJudge(self.workflow, self.entries[i], facts) for i in kept]
        goal: Any = _Way(*asked[1:]) if asked[0] == "way" else FormJudge(self.workflow, self.entries[asked[1]], facts)
        todo: deque[tuple[Place, Any, tuple[Any, ...]]] = deque()
        for state, record in product(self.workflow.entry_states, self._initial()):
            begun = [judge.begin(record, state) for judge in judges]
            own, found = goal.begin(record, state)
            if any(broken for _, broken in begun):
                continue
            if found and asked[0] == "breaks":
                return True
            todo.append((None if self.in_any_order else (state, record, True), own, tuple(m for m, _ in begun)))
        seen = set()
        while todo:
            node = todo.popleft()
            if node in seen:
                continue
            seen.add(node)
            place, own, memories = node
            for row in self.rows(place):
                if row.trigger == "stays":
                    todo.append(((row.state, row.record, False), own, memories))
                    continue
                after = [judge.after(memory, row) for judge, memory in zip(judges, memories, strict=True)]
                if any(broken for _, broken in after):
                    continue
                is_final = self.workflow.states[row.state].kind is StateKind.FINAL
                following, found = goal.after(own, row) if asked[0] != "way" else goal.after(own, row, is_final)
                if self._triggered(goal, own, row) if asked[0] == "triggers" else found:
                    return True
                if self.in_any_order or not is_final:
                    target = None if self.in_any_order else (row.state, row.record, row.enters)
                    todo.append((target, following, tuple(m for m, _ in after)))
        return False

    @staticmethod
    def _triggered(goal: FormJudge, memory: Any, row: Row) -> bool:
        subject = next(key for key in ("before", "after") if key in goal.entry)
        past = memory[0]
        return any(goal._matches(subject, step, past) for step in row.steps)

    def _initial(self) -> Iterator[Values]:
        workflow = self.workflow
        yield from product(
            *(
                field.domain() if name in workflow.entry_record else (workflow.defaults[name],)
                for name, field in workflow.record.items()
            )
        )

    def rows(self, place: Place) -> Iterator[Row]:
        """Yield every row that may come next."""
        if place is not None:
            yield from self._from(*place)
            return
        for state, record, entering in product(self.workflow.states, self.records, (True, False)):
            yield from (row for row in self._from(state, record, entering) if row.trigger != "stays")

    def _from(self, state: str, record: Values, entering: bool) -> Iterator[Row]:
        workflow, kind = self.workflow, self.workflow.states[state].kind
        leaving = [t for t in workflow.transitions if state in t.sources]
        on_entry = [t for t in leaving if not t.events and (t.at_entry or kind is StateKind.INSTANT)]
        if entering:
            yield from (self._row("enter", state, record, record, t) for t in self._tried(on_entry))
            if kind is not StateKind.INSTANT and all(t.guard is not None for t in on_entry):
                yield Row("stays", None, (), record, state, False)
            return
        if kind is StateKind.ACTIVITY:
            activity = workflow.activities[str(workflow.states[state].activity)]
            tried = self._tried([t for t in leaving if not t.events and not t.at_entry])
            for seen in self._given(activity, record):
                yield from (self._row("complete", state, record, seen, t) for t in tried)
        if kind in (StateKind.ACTIVITY, StateKind.RESTING):
            for event in workflow.events.values():
                if state in event.states:
                    upon = [t for t in leaving if event.name in t.events]
                    for seen in self._given(event, self._written(record, event.effects)):
                        yield from (self._row(event.name, state, record, seen, t) for t in self._tried(upon))
                        if all(t.guard is not None for t in upon):
                            yield self._row(event.name, state, record, seen, None)

    @staticmethod
    def _tried(transitions: Sequence[Any]) -> list[Any]:
        """Return the transitions that may be taken: none after the first without a guard."""
        first = next((i for i, t in enumerate(transitions) if t.guard is None), len(transitions))
        return list(transitions[: first + 1])

    def _given(self, giver: Any, record: Values) -> Iterator[Values]:
        for given in product(*(values for _, values in giver.gives)):
            yield self._written(record, zip((name for name, _ in giver.gives), given, strict=True))

    def _written(self, record: Values, effects: Any) -> Values:
        values = dict(zip(self.workflow.record, record, strict=True))
        for name, value in effects:
            values[name] = min(values[name] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value
        return tuple(values.values())

    def _row(self, trigger: str, state: str, before: Values, seen: Values, taken: Any) -> Row:
        after = seen if taken is None else self._written(seen, taken.effects)
        goes_to = state if taken is None or taken.target is None else taken.target
        steps = [Step(trigger, before, state, seen, state)] if trigger in self.workflow.events else []
        if taken is not None:
            steps.append(Step(taken.name, seen, state, after, goes_to))
        return Row(trigger, None, tuple(steps), after, goes_to, taken is not None and taken.target is not None)


class _Way:
    """Whether a transition, if any is named, has been taken, and the case has ended, if it is to."""

    def __init__(self, name: str | None, ends: bool) -> None:
        self.name, self.ends = name, ends

    def begin(self, record: Values, state: str) -> tuple[bool, bool]:
        """Return whether the transition has been taken, and whether that is all."""
        return self.name is None, False

    def after(self, taken: bool, row: Row, is_final: bool) -> tuple[bool, bool]:
        """Return the same after a row."""
        taken = taken or any(step.name == self.name for step in row.steps)
        return taken, taken and (is_final or not self.ends)


def draw_workflow(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw a small workflow with rules about it, and the entries of the rules."""
    dice = random.Random(seed)
    kinds = {f"s{i}": dice.choice(["activity", "activity", "resting", "instant"]) for i in range(dice.choice([2, 3]))}
    if set(kinds.values()) == {"instant"}:
        kinds["s0"] = "activity"  # so that there are three steps
    states: dict[str, Any] = {n: {"activity": "work"} if k == "activity" else {k: True} for n, k in kinds.items()}
    states["end"] = {"final": True}
    names = list(kinds)
    moves: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        after = (*names, "end")[i + 1]
        for _ in range(dice.choice([0, 1, 1])):
            forward = (*names, "end")[i + 1 :]
            move = {"from": name, "to": dice.choice(forward if kinds[name] == "instant" else (*names, "end"))}
            moves.append(move | {"when": dice.choice(["fact", "mark", "level > 0"])} | _upon(kinds[name], dice))
        moves.append({"from": name, "to": after} | _upon(kinds[name], dice))
    for move in moves:
        if dice.random() < 0.4:
            move["set"] = dice.choice([{"mark": True}, {"mark": False}, {"level": "level + 1"}, {"level": 0}])
    transitions = [{"transition": f"t{i}", **move} for i, move in enumerate(moves)]
    while_ = [name for name, kind in kinds.items() if kind != "instant"]
    events: dict[str, Any] = {"e": {"while": while_}, "f": {"while": while_}} if while_ else {}
    if events and dice.random() < 0.5:
        events["f"]["gives"] = {"mark": [True, False]}
    document = {
        "workflow": "drawn",
        "facts": {"fact": {"type": "boolean"}},
        "record": {"mark": {"type": "boolean"}, "level": {"type": "integer", "minimum": 0, "maximum": 1}},
        "activities": {"work": {"gives": {"mark": [True, False]}} if dice.random() < 0.5 else {}},
        "entry": {"states": [names[0]]},
        "states": states,
        "transitions": transitions,
        "events": events,
    }
    steps = [*(t["transition"] for t in transitions), *events]
    entries = [_draw_rule(dice, steps, names) for _ in range(dice.choice([2, 3, 4]))]
    return document, [{"rule": f"rule {i}", **entry} for i, entry in enumerate(entries)]


def _upon(kind: str, dice: random.Random) -> dict[str, str]:
    return {"event": dice.choice("ef")} if kind == "resting" else {}


def _draw_rule(dice: random.Random, steps: list[str], states: list[str]) -> dict[str, Any]:
    few = dice.sample(steps[:4], 3) if len(steps) > 3 and dice.random() < 0.7 else dice.sample(steps, 3)
    a, b, c = few
    entry: dict[str, Any] = dice.choice(
        [
            {"never": a},
            {"never": a, "together_with": b},
            {"never": f"once({a}) and not once({b})"},
            {"never": f'state == "{dice.choice(states)}" and once({a})'},
            {"before": a, "needs": b},
            {"before": a, "needs": b},
            {"before": a, "needs": b, "since": c},
            {"before": a, "needs": b, "once": c},
            {"before": a, "needs": b, "how": "directly"},
            {"after": a, "then": b},
            {"after": a, "then": f"{b} or {c}"},
            {"after": a, "then": b, "how": "directly"},
            {"at_most": dice.choice([1, 2]), "of": a},
            {"at_least": 1, "of": a},
            {"exactly": 1, "of": a},
            {"at_most": "1 if fact else 2", "of": f"{a} or {b}"},
        ]
    )
    if dice.random() < 0.4 and "(" not in str(entry.get("never", "")):
        entry["if"] = dice.choice(["fact", "not fact", "mark", "level > 0", "fact and mark", f'state == "{states[0]}"'])
    return entry


def load_drawn(seed: int) -> tuple[Workflow, list[dict[str, Any]]]:
    """Load a drawn workflow with its rules."""
    document, entries = draw_workflow(seed)
    return load_workflow({**document, "rules": entries}), entries
