"""Every history of one case of a small workflow, and what a rule says of it, straight from the definitions.

This module shares no code with the readings that it checks: it has its own machine, and it judges a rule from the order
in which the steps happened. It uses the loaded workflow as data, and evaluates one condition for one case at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from workflow import Workflow
from workflow.model.definition import INCREMENT, Activity, Event, StateKind, Transition
from workflow.predicates import Expression, names, parse, scalar
from workflow.predicates.tree import Field, Namespace

__all__ = ["Row", "TooManyNodes", "fact_names", "judge", "shortest"]

MOST = 4_000

Values = tuple[Any, ...]


class TooManyNodes(Exception):
    """A case has more histories than the search may visit."""


def fact_names(workflow: Workflow) -> tuple[str, ...]:
    """Return the names of the facts of a case, in the order of its values here."""
    return (*workflow.facts, "arrived", "as_of")


class Step(NamedTuple):
    """An event or a transition, with the record and state that ``if:`` and ``giving:`` read."""

    name: str
    record: Values
    state: str
    record_after: Values
    state_after: str


class Row(NamedTuple):
    """What happens at once to a case, and the record and state after it."""

    trigger: str
    given: Any
    steps: tuple[Step, ...]
    record: Values
    state: str
    enters: bool


# what can happen -----------------------------------------------------------------------------------------


class Case:
    """One case: its facts, and what can happen to it in a state with a record."""

    def __init__(self, workflow: Workflow, facts: Values) -> None:
        self.workflow, self.facts = workflow, facts
        self._fields = list(workflow.record)
        self._tests: dict[int, Any] = {}

    def holds(self, condition: Expression | None, record: Values) -> bool:
        """Return whether a guard holds."""
        if condition is None:
            return True
        if id(condition) not in self._tests:
            self._tests[id(condition)] = scalar(condition, fact_names(self.workflow), self._fields)
        return bool(self._tests[id(condition)](self.facts, record))

    def rows(self, state: str, record: Values, entering: bool) -> tuple[list[Row], bool]:
        """Return the rows that may come next, and whether a case that enters stays in the state."""
        kind = self.workflow.states[state].kind
        on_entry = [t for t in self._from(state) if not t.events and (t.at_entry or kind is StateKind.INSTANT)]
        if entering and on_entry:
            taken = self._taken(on_entry, record)
            if taken is not None:
                return [self._row("enter", None, state, record, record, taken)], False
            return [], kind is not StateKind.INSTANT
        return list(self._inputs(state, record, kind)), False

    def _from(self, state: str) -> list[Transition]:
        return [t for t in self.workflow.transitions if state in t.sources]

    def _taken(self, tried: list[Transition], record: Values) -> Transition | None:
        return next((t for t in tried if self.holds(t.guard, record)), None)

    def _inputs(self, state: str, record: Values, kind: StateKind) -> Iterator[Row]:
        if kind is StateKind.ACTIVITY:
            activity = self.workflow.activities[str(self.workflow.states[state].activity)]
            tried = [t for t in self._from(state) if not t.events and not t.at_entry]
            for value, seen in self._given(activity, record):
                taken = self._taken(tried, seen)
                if taken is not None:
                    yield self._row("complete", value, state, record, seen, taken)
        if kind in (StateKind.ACTIVITY, StateKind.RESTING):
            for event in self.workflow.events.values():
                if state in event.states and self.holds(event.guard, record):
                    tried = [t for t in self._from(state) if event.name in t.events]
                    for value, seen in self._given(event, self._written(record, event.effects)):
                        yield self._row(event.name, value, state, record, seen, self._taken(tried, seen))

    def _given(self, giver: Activity | Event, record: Values) -> Iterator[tuple[Any, Values]]:
        fields = [field for field, _ in giver.gives]
        for given in product(*(values for _, values in giver.gives)):
            yield given, self._written(record, zip(fields, given, strict=True))

    def _written(self, record: Values, effects: Any) -> Values:
        values = dict(zip(self._fields, record, strict=True))
        for name, value in effects:
            values[name] = min(values[name] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value
        return tuple(values.values())

    def _row(self, trigger: str, given: Any, state: str, before: Values, seen: Values, taken: Transition | None) -> Row:
        after = seen if taken is None else self._written(seen, taken.effects)
        goes_to = state if taken is None or taken.target is None else taken.target
        steps = []
        if trigger in self.workflow.events:
            steps.append(Step(trigger, before, state, seen, state))
        if taken is not None:
            steps.append(Step(taken.name, seen, state, after, goes_to))
        enters = taken is not None and taken.target is not None
        return Row(trigger, given, tuple(steps), after, goes_to, enters)


# what a rule says ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Memory:
    """What happened so far of what a rule names: groups of keys in the order of their first and last steps."""

    firsts: tuple[frozenset[Any], ...] = ()
    lasts: tuple[frozenset[Any], ...] = ()
    count: int = 0
    open: bool = False

    def add(self, keys: frozenset[Any], counted: bool, limit: int) -> Memory:
        """Return the memory after one more step, which matches some keys."""
        known = frozenset[Any]().union(*self.firsts)
        new = keys - known
        kept = tuple(group - keys for group in self.lasts if group - keys)
        return Memory(
            (*self.firsts, new) if new else self.firsts,
            (*kept, keys) if keys else kept,
            min(self.count + counted, limit + 1),
            self.open,
        )


def _place(groups: Sequence[frozenset[Any]], key: Any) -> int:
    """Return the place of a key in an order; -1 if it has not happened."""
    return next((i for i, group in enumerate(groups) if key in group), -1)


def _arguments(flag: str) -> list[str]:
    return flag.removesuffix(")").partition("(")[2].split(", ")


def _names(value: Any) -> list[str]:
    return [name.strip() for part in ([value] if isinstance(value, str) else value) for name in part.split(" or ")]


class Judge:
    """A rule, as its entry in the file states it, for one case."""

    def __init__(self, workflow: Workflow, entry: Mapping[str, Any], facts: Values) -> None:
        self.workflow, self.facts, self.entry = workflow, facts, entry
        state = Field("state", "enum", "record", values=tuple(workflow.states))
        namespace = workflow.namespace
        self._space = Namespace({**namespace.fields, "state": state}, namespace.definitions, workflow.step_names)
        self.keys = [k for k in ("never", "before", "needs", "since", "once", "after", "then", "of") if k in entry]
        never = entry.get("never")
        self.condition: Expression | None = None
        if isinstance(never, str) and not set(_names(never)) <= set(workflow.step_names):
            self.condition = parse(never, Namespace(self._space.fields, self._space.definitions, workflow.step_names, past=True))
        self._subject = next((k for k in ("never", "before", "after", "of") if k in entry), "")
        self._if, self._giving = (self._compiled(entry.get(key)) for key in ("if", "giving"))
        self._past = [] if self.condition is None else sorted(n for n in names(self.condition) if "(" in n)
        self._named = frozenset(t for flag in self._past for t in _arguments(flag))
        columns = (*workflow.record, "state", *self._past)
        self._never = None if self.condition is None else scalar(self.condition, fact_names(workflow), columns)

    def _compiled(self, text: str | None) -> Any:
        if text is None:
            return None
        return scalar(parse(text, self._space), fact_names(self.workflow), (*self.workflow.record, "state"))

    def is_forbidden(self, memory: Memory, record: Values, state: str) -> bool:
        """Return whether a condition that must never hold does hold."""
        if self._never is None:
            return False
        return bool(self._never(self.facts, (*record, state, *(self._held(memory, flag) for flag in self._past))))

    def begin(self, record: Values, state: str) -> tuple[Memory, bool]:
        """Return the memory of a case at its start, and whether it breaks the rule there."""
        return Memory(), self.is_forbidden(Memory(), record, state)

    @staticmethod
    def is_open(memory: Memory) -> bool:
        """Return whether an obligation is outstanding."""
        return memory.open

    def _held(self, memory: Memory, flag: str) -> bool:
        operator = flag.partition("(")[0]
        t, *rest = _arguments(flag)
        if operator == "once":
            return _place(memory.lasts, t) >= 0
        if operator == "since":
            return _place(memory.lasts, t) >= max(_place(memory.lasts, rest[0]), 0)
        first, other = _place(memory.firsts, t), _place(memory.firsts, rest[0])
        return first >= 0 and (other < 0 or first < other)

    def after(self, memory: Memory, row: Row) -> tuple[Memory, bool]:
        """Return the memory after a row, and whether the row breaks the rule."""
        broken = False
        for step in row.steps:
            memory, breaks = self._step(memory, step)
            broken = broken or breaks
        ends_open = memory.open and self.workflow.states[row.state].kind is StateKind.FINAL
        return memory, broken or ends_open or self.is_forbidden(memory, row.record, row.state)

    def _step(self, memory: Memory, step: Step) -> tuple[Memory, bool]:
        if self.condition is not None:
            return memory.add(self._named & {step.name}, False, 0), False
        keys = frozenset(key for key in self.keys if self._matches(key, step))
        happens = self._subject in keys
        limit = int(self.entry.get("at_most", 0))
        after = memory.add(keys, happens, limit)
        if self._subject == "after":
            now_open = "then" not in keys if memory.open else happens
            return Memory(after.firsts, after.lasts, 0, now_open), False
        if self._subject == "before":
            return after, happens and self._is_missing(memory)
        return after, happens and (self._subject == "never" or after.count > limit)

    def _matches(self, key: str, step: Step) -> bool:
        if step.name not in _names(self.entry[key]):
            return False
        if key != self._subject:
            return True
        read, given = ((*step.record, step.state), (*step.record_after, step.state_after))
        return (self._if is None or self._if(self.facts, read)) and (self._giving is None or self._giving(self.facts, given))

    def _is_missing(self, memory: Memory) -> bool:
        needs = _place(memory.lasts, "needs")
        reset = max(_place(memory.lasts, "since"), _place(memory.lasts, "once"))
        if "once" in self.entry and reset < 0:
            return False
        return needs < 0 or needs < reset


def judge(
    workflow: Workflow,
    entry: Mapping[str, Any],
    facts: Values,
    begins: tuple[str, Values],
    rows: Sequence[Row],
    form: Any = Judge,
) -> int | None:
    """Return the number of rows after which a history breaks a rule, 0 for its start; ``None`` if it keeps it.

    Parameters
    ----------
    form : class
        What says whether a rule of this form is broken.
    """
    judged = form(workflow, entry, facts)
    memory, broken = judged.begin(begins[1], begins[0])
    if broken:
        return 0
    for n, row in enumerate(rows, start=1):
        memory, broken = judged.after(memory, row)
        if broken:
            return n
    return None


def shortest(
    workflow: Workflow, entry: Mapping[str, Any], facts: Values, begins: Sequence[tuple[str, Values]], form: Any = Judge
) -> tuple[int | None, bool]:
    """Return the length of a shortest history that breaks a rule, and whether a case can stay with an open obligation.

    Raises
    ------
    TooManyNodes
        If there are more than `MOST` different pasts.
    """
    case, judged = Case(workflow, facts), form(workflow, entry, facts)
    todo: deque[tuple[int, str, Values, bool, Any]] = deque()
    seen = set()
    for state, record in begins:
        memory, broken = judged.begin(record, state)
        if broken:
            return 0, False
        todo.append((0, state, record, True, memory))
    waits = False
    while todo:
        depth, state, record, entering, memory = todo.popleft()
        if (state, record, entering, memory) in seen:
            continue
        seen.add((state, record, entering, memory))
        if len(seen) > MOST:
            raise TooManyNodes
        rows, stays = case.rows(state, record, entering)
        if stays:
            todo.appendleft((depth, state, record, False, memory))
            continue
        waits = waits or (judged.is_open(memory) and not any(row.trigger == "enter" for row in rows))
        for row in rows:
            after, broken = judged.after(memory, row)
            if broken:
                return depth + 1, waits
            todo.append((depth + 1, row.state, row.record, row.enters, after))
    return None, waits
