"""Hypothesis strategies: random small workflows, as mappings for `load_workflow`, and cases for them.

The states form a row. The last transition of each state that is not final has no guard and leads to the next state, so
every case can end and none gets stuck. All other transitions may lead anywhere. Those tried on entry only lead forward,
so there is no instant cycle.
"""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from tests.workflow.strategies import columns, dates, expressions, fields, values
from workflow.deciding.table import Columns
from workflow.model.definition import BUILT_IN_FACTS
from workflow.predicates import unparse

KINDS = ("activity", "activity", "instant", "resting")


@st.composite
def workflows(draw):
    """Draw a workflow: facts and record, guards over both, states of all four kinds, events and their effects."""
    return _Drawing(draw).workflow()


def fact_fields(workflow):
    """Return the fact fields of a loaded workflow, including the built-in ones."""
    return [*workflow.facts.values(), *BUILT_IN_FACTS.values()]


def facts(workflow):
    """Draw the facts of a case of a loaded workflow."""
    return st.fixed_dictionaries({f.name: _values(f) for f in fact_fields(workflow)})


def records(workflow):
    """Draw a record of a loaded workflow: a list of values in its order."""
    return st.tuples(*(_values(f) for f in workflow.record.values())).map(list)


def population(workflow, cases):
    """Return the facts of cases in columns for `compile_table`."""
    values_of, missing = columns(cases, fact_fields(workflow))
    wide = {name: c.astype(np.int64) if c.dtype == np.int8 else c for name, c in values_of.items()}
    return Columns(wide, {name: mask for name, mask in missing.items() if workflow.facts.get(name, mask) is not mask})


def entry_of(field):
    """Return the entry of a field in a workflow file."""
    entry = {"enum": list(field.values)} if field.kind == "enum" else {"type": field.kind}
    if field.kind == "integer":
        entry |= {"minimum": field.minimum, "maximum": field.maximum}
    return entry | ({"optional": True} if field.optional else {})


def _values(field):
    if field.kind == "date":
        return st.none() | dates() if field.optional else dates()
    return values(field)


class _Drawing:
    def __init__(self, draw):
        self.draw = draw
        own = draw(fields(role="fact"))
        self.facts = [replace(f, name=f"fact_{f.name}") for f in own]
        self.record = [replace(f, name=f"now_{f.name}", optional=False) for f in draw(fields(role="record"))][:3]
        self.seen = [*self.facts, *BUILT_IN_FACTS.values(), *self.record]
        kinds = [self.pick(*KINDS) for _ in range(draw(st.integers(2, 4)))]
        self.kinds = {f"s{i}": kind for i, kind in enumerate(kinds)} | {"end": "final"}
        self.row = list(self.kinds)
        if draw(st.booleans()):
            self.kinds["gone"] = "final"
        self.events = {f"e{i}": self.event() for i in range(draw(st.integers(1, 3)))}
        self.moves = []

    def pick(self, *options):
        return self.draw(st.sampled_from(options))

    def of(self, *kinds):
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def sample(self, names):
        return self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))

    def workflow(self):
        """Return the whole mapping."""
        for _ in range(self.draw(st.integers(1, 5))):
            self.guarded()
        busy = [(s, e) for e in self.events for s in self.counts_in(e) if self.kinds[s] == "activity"]
        if busy and self.pick(True, True, False):  # work that an event interrupts
            state, event = self.pick(*busy)
            self.moves.append({"from": state, "event": event, "to": self.pick(*self.kinds), "set": self.effects()})
        if "gone" in self.kinds:
            self.leaving("s0", "gone", when=self.condition())
        for name, after in zip(self.row, self.row[1:], strict=False):
            self.leaving(name, after)
        activities = {f"a{i}": self.work() for i in range(self.draw(st.integers(1, 2)))}
        begun = [name for name, kind in self.kinds.items() if kind != "final"]
        entry = ["s0", *(n for n in begun[1:] if self.draw(st.booleans()))]
        kept = [f.name for f in self.record if self.draw(st.booleans())]
        states = {n: {"activity": self.pick(*activities)} if k == "activity" else {k: True} for n, k in self.kinds.items()}
        return {
            "workflow": "random",
            "facts": {f.name: entry_of(f) for f in self.facts},
            "record": {f.name: entry_of(f) for f in self.record},
            "activities": activities,
            "states": states,
            "transitions": [{"transition": f"t{i}", **move} for i, move in enumerate(self.moves)],
            "entry": {"states": entry, "record": kept},
            "events": self.events,
        }

    def condition(self):
        return unparse(self.draw(expressions(self.seen, depth=2)))

    def effects(self, but=()):
        chosen = {}
        for field in self.record:
            if field.name in but or not self.draw(st.booleans()):
                continue
            counted = field.kind == "integer" and self.draw(st.booleans())
            chosen[field.name] = f"{field.name} + 1" if counted else self.draw(values(field))
        return chosen

    def gives(self):
        fields = self.draw(st.lists(st.sampled_from(self.record), min_size=1, max_size=2, unique_by=lambda f: f.name))
        return {
            field.name: self.draw(st.lists(st.sampled_from(field.domain()), min_size=1, max_size=3, unique=True))
            for field in fields
        }

    def work(self):
        return {"gives": self.gives()} if self.draw(st.booleans()) else {}

    def event(self):
        open_states = self.of("activity", "resting") or ["s0"]
        while_ = "any" if self.draw(st.booleans()) or self.of("instant") == self.row[:-1] else self.sample(open_states)
        entry = {"while": while_}
        gives = self.gives() if self.draw(st.booleans()) else None
        if gives:
            entry["gives"] = gives
        if effects := self.effects(but=gives or ()):
            entry["set"] = effects
        return entry | ({"when": self.condition()} if self.draw(st.booleans()) else {})

    def counts_in(self, event):
        return self.of("activity", "resting") if self.events[event]["while"] == "any" else self.events[event]["while"]

    def guarded(self):
        """Add a transition with a guard from any state."""
        move = {"when": self.condition(), "set": self.effects()}
        upon = [e for e in self.events if self.counts_in(e)]
        where = self.pick("event", "event", "complete", "enter", "instant")
        if where == "event" and upon:
            event = self.pick(*upon)
            to = self.pick(None, *self.kinds)
            if self.draw(st.booleans()):
                del move["when"]
            self.moves.append(move | {"from": self.sample(self.counts_in(event)), "event": event} | ({"to": to} if to else {}))
            return
        sources = self.of("instant" if where == "instant" else "activity")
        if sources:
            source = self.pick(*sources)
            on_entry = where in ("enter", "instant")
            to = self.pick(*(self.row[self.row.index(source) + 1 :] if on_entry else self.kinds))
            self.moves.append(move | {"from": source, "to": to} | ({"at": "entry"} if where == "enter" else {}))

    def leaving(self, name, to, **more):
        """Add a transition out of a state. A resting state is left on an event."""
        move = {"from": name, "to": to, "set": self.effects(), **more}
        if self.kinds[name] == "resting":
            event = self.pick(*self.events)
            if name not in self.counts_in(event):
                self.events[event]["while"] = [*self.counts_in(event), name]
            move["event"] = event
        self.moves.append(move)
