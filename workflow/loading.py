"""Reading a workflow file: every mistake found, with its place, before anything runs."""

from __future__ import annotations

import datetime as dt
import keyword
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from workflow.checks import graph_problems
from workflow.definition import (
    BUILT_IN_FACTS,
    COMPLETE,
    ENTER,
    INCREMENT,
    Activity,
    Event,
    Kind,
    State,
    Transition,
    Value,
    Workflow,
)
from workflow.documents import Node, Plain, Source, merge, node_of
from workflow.errors import InputError, Problem, nearest
from workflow.extending import read_extending
from workflow.format import EventEntry, FieldEntry, StateEntry, TransitionEntry, WorkflowFile
from workflow.predicates import Expression, Field, Namespace, parse_definitions
from workflow.predicates import names as names_in
from workflow.rules import Rule, RuleReader
from workflow.validation import Usable, apart_from, listed, parse_at, said, usable, validate

__all__ = ["catalog", "load_workflow"]

CATALOG = Path(__file__).parent / "catalog"

RESERVED = {
    **dict.fromkeys(BUILT_IN_FACTS, "always a fact of a case"),
    "court": "always a fact of a case",
    "origin": "the name of where a case comes from",
    "state": "the name of the state of a case",
    **dict.fromkeys(
        ("min", "max", "abs", "count", "implies", "date", "days", "true", "false", "once", "since", "before", "rest"),
        "a word of the language",
    ),
}


def catalog() -> dict[str, Path]:
    """Return the built-in workflows: their names and files."""
    return {path.stem.replace("_", "-"): path for path in sorted(CATALOG.glob("*.yaml"))}


def load_workflow(workflow: str | Path | Mapping[str, Plain], beside: Path | None = None) -> Workflow:
    """Load a workflow by built-in name, from a file, or from a mapping.

    Parameters
    ----------
    workflow : str, Path or mapping
        ``"prosecutorial-discretion-review"``, ``"my_workflow.yaml"``, or what such a file contains.
    beside : Path, optional
        The folder against which a relative path is read, the current one if it is not given.

    Raises
    ------
    InputError
        With every mistake of the file (or of the files it extends).

    Examples
    --------
    >>> load_workflow("prosecutorial-discretion-review").states["closed"].kind
    <Kind.RESTING: 'resting'>
    """
    if isinstance(workflow, Mapping):
        return _build(node_of(workflow, Source("<mapping>", "")), [])
    problems: list[Problem] = []

    def lay_upon(base: Node, over: Node) -> Node:
        validate(WorkflowFile, base)
        return _extend(base, over, problems)

    return _build(read_extending(str(workflow), beside or Path(), catalog(), "workflow", lay_upon), problems)


def _extend(base: Node, over: Node, problems: list[Problem]) -> Node:
    """Lay a variant upon its base: mappings by name, lists of transitions, rules and measures by name."""
    merged = merge(base, over)
    value = dict(merged.value)
    removed = over.value.get("remove")
    names = [n for n in removed.value if isinstance(n, Node)] if removed and isinstance(removed.value, list) else []
    known: list[str] = []
    for section, key in (("transitions", "transition"), ("rules", "rule"), ("measures", "measure"), ("assume", "")):
        below = base.value.get(section)
        above = over.value.get(section)
        if below is None or not isinstance(below.value, list):
            continue
        if above is not None and not isinstance(above.value, list):
            continue  # the shape check will say so
        entries = list(below.value)
        for entry in above.value if above is not None else []:
            entries = _placed(entries, entry, key, problems)
        known += [str(_label(e, key)) for e in entries if key]
        value[section] = Node(
            [e for e in entries if not key or _label(e, key) not in [n.value for n in names]],
            (above or below).source,
            (above or below).line,
            (above or below).column,
        )
    for name in names:
        if str(name.value) not in known:
            problems.append(
                Problem(
                    f"remove: {said(name.value)} is no transition, rule or measure of the base.{nearest(name.value, known) or f' Known: {listed(known)}.'}",
                    name.position,
                )
            )
    value.pop("extends", None)
    value.pop("remove", None)
    return Node(value, over.source, over.line, over.column, keys=merged.keys)


def _label(entry: Node, key: str) -> object:
    child = entry.value.get(key) if isinstance(entry.value, dict) else None
    return child.value if isinstance(child, Node) else None


def _placed(entries: list[Node], entry: Node, key: str, problems: list[Problem]) -> list[Node]:
    label = _label(entry, key) if key else None
    places = [i for i, e in enumerate(entries) if label is not None and _label(e, key) == label]
    if places:
        return [*entries[: places[0]], entry, *entries[places[0] + 1 :]]
    after = entry.value.get("after") if key == "transition" and isinstance(entry.value, dict) else None
    if after is None:
        return [*entries, entry]
    labels = [_label(e, key) for e in entries]
    if after.value not in labels:
        hint = nearest(after.value, labels) or f" Known: {listed(labels)}."
        problems.append(Problem(f"after: {said(after.value)} is no transition of the base.{hint}", after.position))
        return [*entries, entry]
    at = labels.index(after.value) + 1
    return [*entries[:at], entry, *entries[at:]]


def _build(node: Node, problems: list[Problem]) -> Workflow:
    found = usable(WorkflowFile, node)
    told = [*problems, *found.problems]
    if found.content is None:
        raise InputError(told)
    return _Builder(found.content, found, told).build()


class _Builder:
    """Turns the shape of a file into a workflow, collecting what is wrong with the names and values in it.

    It goes on after a mistake, so that all are told in one pass; `lost` are the names whose entries have one:
    what is found later and speaks of these may only follow from it, and is not told.
    """

    def __init__(self, file: WorkflowFile, read: Usable[WorkflowFile], told: list[Problem]) -> None:
        self.file = file
        self.node = read.node
        self.told = told
        self.lost = read.lost
        self.problems: list[Problem] = []
        self.misread: set[str] = set()

    def wrong(self, path: tuple[object, ...], message: str) -> None:
        self.problems.append(Problem(message, self.node.place(path)))

    def build(self) -> Workflow:
        wrong = self._check_names()
        facts = {name: self._field(name, entry, "fact") for name, entry in self.file.facts.items()}
        record = {name: self._field(name, entry, "record") for name, entry in self.file.record.items()}
        self.fields: dict[str, Field] = {**facts, **record}
        defaults = {name: self._default(name) for name in self.fields if name not in self.misread}
        self._next_stage(wrong | self.misread)
        everything = {**self.fields, **BUILT_IN_FACTS}
        texts = {name: text for name, text in self.file.define.items() if self._is_definition(name, text)}
        definitions, mistakes = parse_definitions(texts, everything)
        for name, found in mistakes.items():
            at = self.node.find(("define", name))
            for mistake in found:
                place = at.inside(mistake.offset) if isinstance(at.value, str) else at.position
                self.problems.append(Problem(f"define {name!r}: {mistake.message}", place))
        self._next_stage(self.file.define.keys() - definitions.keys())
        self.namespace = Namespace(everything, definitions)
        activities = {name: self._activity(name) for name in self.file.activities}
        states = {name: self._state(name, entry, activities) for name, entry in self.file.states.items()}
        events = {name: self._event(name, entry, states) for name, entry in self.file.events.items()}
        transitions = tuple(self._transition(i, entry, states, events) for i, entry in enumerate(self.file.transitions))
        assumptions = self._assumptions()
        self._check_entry(record)
        self._check_sources()
        rules = self._rules(events, states)
        self._check_measures(transitions, events, states)
        self._next_stage(())
        self._stop_if_wrong()
        workflow = Workflow(
            self.file.workflow, self.file.description, facts, record, defaults, definitions, assumptions,
            activities, states, transitions, events, tuple(self.file.entry.states), tuple(self.file.entry.record),
            rules, tuple(self.file.measures), self.file.sources, self.node,
        )  # fmt: skip
        self.told += graph_problems(workflow)
        self._stop_if_wrong()
        return workflow

    def _next_stage(self, lost: Iterable[str]) -> None:
        self.told += apart_from(self.lost, self.problems)
        self.problems.clear()
        self.lost = self.lost | set(lost)

    def _stop_if_wrong(self) -> None:
        if self.told:
            raise InputError(self.told)

    # names ---------------------------------------------------------------------------------------

    def _check_names(self) -> set[str]:
        """Facts, record fields, definitions, transitions and events share one namespace; returns the unusable names."""
        wrong: set[str] = set()
        taken: dict[str, tuple[str, tuple[object, ...]]] = {}
        places: list[tuple[str, str, tuple[object, ...]]] = [
            *((n, "fact", ("facts", n)) for n in self.file.facts),
            *((n, "record field", ("record", n)) for n in self.file.record),
            *((n, "definition", ("define", n)) for n in self.file.define),
            *((n, "event", ("events", n)) for n in self.file.events),
            *(
                (t.transition, "transition", ("transitions", i, "transition"))
                for i, t in enumerate(self.file.transitions)
            ),
        ]
        for name, what, path in places:
            if not self._check_word(name, what, path):
                wrong.add(name)
            elif what == "event" and name in (COMPLETE, ENTER):
                self.wrong(path, f"event {name!r}: this is the name of a moment; choose another name")
            elif name in RESERVED:
                wrong.add(name)
                self.wrong(path, f"{what} {name!r}: this is {RESERVED[name]}; choose another name")
            elif name in taken:
                wrong |= {name} if what != "transition" else set()
                self._taken((what, path), taken[name], name)
            taken.setdefault(name, (what, path))
        for section in ("states", "activities"):
            for name in getattr(self.file, section):
                self._check_word(name, section[:-1] if section == "states" else "activity", (section, name))
        for section, key in (("rules", "rule"), ("measures", "measure")):
            labels = [getattr(entry, key) for entry in getattr(self.file, section)]
            for i, label in enumerate(labels):
                if label in labels[:i]:
                    self.wrong((section, i, key), f"{key} {label!r} stands here a second time")
        return wrong

    def _taken(self, second: tuple[str, tuple[object, ...]], first: tuple[str, tuple[object, ...]], name: str) -> None:
        """Tell of a name that two things have; at the one in this file, if the other is in one that it extends."""
        own = self.node.source.name
        if self.node.place(second[1]).file != own and self.node.place(first[1]).file == own:
            first, second = second, first
        self.wrong(
            second[1],
            f"{second[0]} {name!r}: there is a {first[0]} of this name already, at {self.node.place(first[1])}; choose another name",
        )

    def _check_word(self, name: str, what: str, path: tuple[object, ...]) -> bool:
        if not name.isidentifier() or not name.isascii():
            self.wrong(
                path, f"{what} {name!r}: a name is made of letters, digits and underscores, and begins with no digit"
            )
        elif keyword.iskeyword(name):
            self.wrong(
                path,
                f"{what} {name!r}: this is a word of Python and cannot be used in a condition; write for example '{name}_'",
            )
        else:
            return True
        return False

    def known(
        self, names: Iterable[str], allowed: Iterable[str], path: tuple[object, ...], what: str, which: str
    ) -> bool:
        """Report the names that are not among the allowed ones."""
        allowed = list(allowed)
        fine = True
        for name in names:
            if name not in allowed:
                fine = False
                hint = nearest(name, allowed) or f" Known: {listed(allowed)}."
                said_so = f" {name!r}, which" if what.endswith(" leads to") else f": {name!r}"
                self.wrong(path, f"{what}{said_so} is not {which}.{hint}")
        return fine

    # facts, record and values --------------------------------------------------------------------

    def _field(self, name: str, entry: FieldEntry, role: Any) -> Field:
        before = len(self.problems)
        found = self._read_field(name, entry, role)
        if len(self.problems) > before:
            self.misread.add(name)
        return found

    def _read_field(self, name: str, entry: FieldEntry, role: Any) -> Field:
        section = "facts" if role == "fact" else "record"
        path = (section, name)
        what = f"{role if role == 'fact' else 'record field'} {name!r}"
        if (entry.type is None) == (entry.enum is None):
            self.wrong(path, f"{what}: give either type (boolean, integer, number, date) or enum (a list of words)")
            return Field(name, "boolean", role)
        low, high = entry.minimum, entry.maximum
        if entry.enum is not None:
            words = [w for w in entry.enum if isinstance(w, str)]
            for i, word in enumerate(entry.enum):
                if not isinstance(word, str):
                    self.wrong(
                        (*path, "enum", i),
                        f"{what}: enum values are words, not {said(word)}; put it in quotes, or use a type",
                    )
                elif word in entry.enum[:i]:
                    self.wrong((*path, "enum", i), f"{what}: the value {word!r} is listed twice")
            if low is not None or high is not None:
                self.wrong(path, f"{what}: minimum and maximum are for numbers and dates, not for enum")
            self._check_optional(path, what, entry, role)
            return Field(name, "enum", role, values=tuple(words), optional=entry.optional)
        kind = entry.type or "boolean"
        allowed: dict[str, tuple[type, ...]] = {
            "integer": (int,),
            "number": (int, float),
            "date": (dt.date,),
            "boolean": (),
        }
        for bound, value in (("minimum", low), ("maximum", high)):
            if value is not None and (not isinstance(value, allowed[kind]) or isinstance(value, bool)):
                self.wrong((*path, bound), f"{what}: {bound} must be a value of type {kind}, not {said(value)}")
                return Field(name, kind, role)
        if low is not None and high is not None and low > high:  # type: ignore[operator]
            self.wrong((*path, "minimum"), f"{what}: minimum {said(low)} is above maximum {said(high)}")
        if kind == "integer" and (low is None or high is None):
            self.wrong(path, f"{what}: a whole number needs minimum and maximum")
        if role == "record":
            if kind in ("number", "date"):
                self.wrong(
                    path,
                    f"{what}: the record holds boolean, integer and enum values, so that it stays finite; not {kind}",
                )
            elif kind == "integer" and isinstance(low, int) and isinstance(high, int) and high - low > 1000:
                self.wrong(
                    path, f"{what}: a whole number in the record has at most 1,001 values, not {high - low + 1:,}"
                )
        self._check_optional(path, what, entry, role)
        return Field(name, kind, role, minimum=low, maximum=high, optional=entry.optional)

    def _check_optional(self, path: tuple[object, ...], what: str, entry: FieldEntry, role: str) -> None:
        if role == "record" and entry.optional:
            self.wrong(
                (*path, "optional"),
                f"{what}: a record field is never missing; give it an enum with a value such as none",
            )

    def _default(self, name: str) -> Value:
        section = "facts" if name in self.file.facts else "record"
        entry: FieldEntry = getattr(self.file, section)[name]
        field = self.fields[name]
        if entry.default is not None:
            if not fits(field, entry.default):
                what = "fact" if section == "facts" else "record field"
                message = f"{what} {name!r}: the default {said(entry.default)} is not {allowed_values(field)}"
                self.wrong((section, name, "default"), message + nearest(entry.default, field.values))
            return entry.default
        if field.optional:
            return None
        if field.kind == "enum" and "none" in field.values:
            return "none"
        if field.kind == "boolean":
            return False
        if field.role == "fact" and field.kind in ("date", "number"):
            return (
                field.minimum if field.minimum is not None else (0.0 if field.kind == "number" else dt.date(1900, 1, 1))
            )
        if field.kind == "integer":
            return field.minimum
        if field.values:
            return field.values[0]
        return None

    def _is_definition(self, name: str, text: object) -> bool:
        if isinstance(text, str | bool | int):
            return True
        self.wrong(("define", name), f"define {name!r}: must be an expression (a text), not {said(text)}")
        return False

    def _effects(
        self, entry: TransitionEntry | EventEntry, path: tuple[object, ...], what: str
    ) -> tuple[tuple[str, Value], ...]:
        found: list[tuple[str, Value]] = []
        record = [n for n, f in self.fields.items() if f.role == "record"]
        for name, value in (entry.set or {}).items():
            place = (*path, "set", name)
            if name in self.fields and self.fields[name].role == "fact":
                self.wrong(place, f"{what}: set: {name!r} is a fact, which never changes; only the record does")
            elif self.known([name], record, place, f"{what}: set", "a field of the record"):
                field = self.fields[name]
                if isinstance(value, str) and field.kind == "integer" and value.replace(" ", "") == f"{name}+1":
                    found.append((name, INCREMENT))
                elif not fits(field, value):
                    self.wrong(
                        place,
                        f"{what}: set: {name} cannot become {said(value)}; it is {allowed_values(field)}{nearest(value, field.values)}",
                    )
                else:
                    found.append((name, value))
        return tuple(found)

    def _gives(
        self, gives: dict[str, list[Any]] | None, path: tuple[object, ...], what: str
    ) -> tuple[str | None, tuple[Value, ...]]:
        if not gives:
            if gives is not None:
                self.wrong((*path, "gives"), f"{what}: gives: names no record field")
            return None, ()
        if len(gives) > 1:
            self.wrong((*path, "gives"), f"{what}: gives: writes one record field, not {len(gives)} ({listed(gives)})")
        name, values = next(iter(gives.items()))
        record = [n for n, f in self.fields.items() if f.role == "record"]
        if not self.known([name], record, (*path, "gives", name), f"{what}: gives", "a field of the record"):
            return None, ()
        if not values:
            self.wrong((*path, "gives", name), f"{what}: gives: {name} needs at least one value")
        field = self.fields[name]
        for i, value in enumerate(values):
            if not fits(field, value):
                self.wrong(
                    (*path, "gives", name, i),
                    f"{what}: gives: {name} cannot become {said(value)}; it is {allowed_values(field)}{nearest(value, field.values)}",
                )
            elif value in values[:i]:
                self.wrong((*path, "gives", name, i), f"{what}: gives: the value {said(value)} is listed twice")
        return name, tuple(values)

    # activities, states, events, transitions ------------------------------------------------------

    def _activity(self, name: str) -> Activity:
        entry = self.file.activities[name]
        if entry is None:
            return Activity(name)
        gives, values = self._gives(entry.gives, ("activities", name), f"activity {name!r}")
        return Activity(name, gives, values, entry.description, entry.source)

    def _state(self, name: str, entry: StateEntry, activities: Mapping[str, Activity]) -> State:
        kind = Kind.INSTANT
        if entry.activity is not None:
            kind = Kind.ACTIVITY
            self.known([entry.activity], activities, ("states", name, "activity"), f"state {name!r}", "an activity")
        elif entry.resting:
            kind = Kind.RESTING
        elif entry.final:
            kind = Kind.FINAL
        return State(name, kind, entry.activity, entry.description, entry.source)

    def _event(self, name: str, entry: EventEntry, states: Mapping[str, State]) -> Event:
        what, path = f"event {name!r}", ("events", name)
        if entry.while_ == "any":
            inside = tuple(s.name for s in states.values() if s.kind in (Kind.ACTIVITY, Kind.RESTING))
        else:
            inside = tuple(entry.while_)
            for i, state in enumerate(inside):
                if self.known([state], states, (*path, "while", i), f"{what}: while", "a state"):
                    if states[state].kind is Kind.FINAL:
                        self.wrong((*path, "while", i), f"{what}: while: nothing counts in the final state {state!r}")
                    elif states[state].kind is Kind.INSTANT:
                        self.wrong((*path, "while", i), f"{what}: while: no time passes in the instant state {state!r}")
        guard = self._guard(entry.when, (*path, "when"), f"{what}: when")
        gives, values = self._gives(entry.gives, path, what)
        effects = self._effects(entry, path, what)
        if gives is not None and gives in dict(effects):
            self.wrong((*path, "gives"), f"{what}: {gives} is both set and given")
        return Event(name, inside, guard, effects, gives, values, entry.description, entry.source)

    def _transition(
        self, i: int, entry: TransitionEntry, states: Mapping[str, State], events: Mapping[str, Event]
    ) -> Transition:
        what, path = f"transition {entry.transition!r}", ("transitions", i)
        upon = tuple(entry.event or ())
        self.known(entry.from_, states, (*path, "from"), f"{what}: from", "a state")
        if entry.to is not None:
            self.known([entry.to], states, (*path, "to"), f"{what} leads to", "a state")
        elif not upon:
            self.wrong(path, f"{what}: says not where it leads; only a transition upon an event may stay where it is")
        self.known(upon, events, (*path, "event"), f"{what}: event", "an event")
        for name in entry.from_:
            state = states.get(name)
            if state is None:
                continue
            if state.kind is Kind.FINAL:
                self.wrong((*path, "from"), f"{what}: from: {name!r} is final and is never left")
            elif state.kind is Kind.INSTANT and upon:
                self.wrong((*path, "event"), f"{what}: no event happens in the instant state {name!r}")
            elif state.kind is Kind.RESTING and not upon:
                self.wrong(
                    (*path, "from"), f"{what}: from: {name!r} is resting and is left only upon an event; add event:"
                )
            for event in upon:
                if (
                    event in events
                    and name not in events[event].states
                    and state.kind is not Kind.FINAL
                    and state.kind is not Kind.INSTANT
                ):
                    self.wrong(
                        (*path, "event"),
                        f"{what}: the event {event!r} does not count in {name!r}; add {name!r} to its while:",
                    )
            if entry.at == "entry" and (state.kind is not Kind.ACTIVITY or upon):
                self.wrong((*path, "at"), f"{what}: at: entry is for a state with an activity, without event:")
        guard = self._guard(entry.when, (*path, "when"), f"{what}: when")
        effects = self._effects(entry, path, what)
        return Transition(
            entry.transition,
            tuple(entry.from_),
            entry.to,
            guard,
            upon,
            entry.at == "entry",
            effects,
            entry.description,
            entry.source,
        )

    def _guard(self, text: str | None, path: tuple[object, ...], what: str) -> Expression | None:
        if text is None:
            return None
        return parse_at(self.node.find(path), text, self.namespace, self.problems, what)

    def _assumptions(self) -> tuple[Expression, ...]:
        found = []
        for i, text in enumerate(self.file.assume):
            expression = parse_at(
                self.node.find(("assume", i)),
                text,
                Namespace({**{n: f for n, f in self.fields.items() if f.role == "fact"}, **BUILT_IN_FACTS}, {}),
                self.problems,
                "assume (over facts)",
            )
            if expression is not None:
                found.append(expression)
        return tuple(found)

    # entry, sources, rules, measures ---------------------------------------------------------------

    def _check_entry(self, record: Mapping[str, Field]) -> None:
        for i, state in enumerate(self.file.entry.states):
            if (
                self.known([state], self.file.states, ("entry", "states", i), "entry: states", "a state")
                and self.file.states[state].final
            ):
                self.wrong(("entry", "states", i), f"entry: a case cannot begin in the final state {state!r}")
        for i, name in enumerate(self.file.entry.record):
            self.known([name], record, ("entry", "record", i), "entry: record", "a field of the record")

    def _check_sources(self) -> None:
        if not self.file.sources:
            return
        for section in ("facts", "record", "activities", "states", "events", "transitions", "rules"):
            entries = getattr(self.file, section)
            for key, entry in entries.items() if isinstance(entries, dict) else enumerate(entries):
                for name in (entry.source or "").split(",") if entry is not None else ():
                    word = name.split()[0] if name.split() else ""
                    if word:
                        self.known(
                            [word], self.file.sources, (section, key, "source"), "source", "listed under sources:"
                        )

    def _rules(self, events: Mapping[str, Event], states: Mapping[str, State]) -> tuple[Rule, ...]:
        words = [*(t.transition for t in self.file.transitions), *events]
        reader = RuleReader(self.namespace, states, words, self.problems)
        read = [reader.read(entry, self.node.find(("rules", i))) for i, entry in enumerate(self.file.rules)]
        return tuple(rule for rule in read if rule is not None)

    def _check_measures(
        self, transitions: tuple[Transition, ...], events: Mapping[str, Event], states: Mapping[str, State]
    ) -> None:
        letters = [*(t.transition for t in self.file.transitions), *events]
        names = [m.measure for m in self.file.measures] + [p for m in self.file.measures for p in (m.split or {})]
        fields = {**{n: f for n, f in self.fields.items() if f.role == "fact"}, **BUILT_IN_FACTS}
        over_facts = {n: d for n, d in self.namespace.definitions.items() if not names_in(d) - set(fields)}
        facts = Namespace(fields, over_facts)
        for i, measure in enumerate(self.file.measures):
            path, what = ("measures", i), f"measure {measure.measure!r}"
            self._check_word(measure.measure, "measure", (*path, "measure"))
            self.known(measure.cases or (), letters, (*path, "cases"), f"{what}: cases", "a transition or an event")
            self.known(measure.ratio or (), names, (*path, "ratio"), f"{what}: ratio", "a measure of this workflow")
            self.known(measure.within or (), states, (*path, "within"), f"{what}: within", "a state")
            self.known(
                [measure.emptied] if measure.emptied else [], states, (*path, "emptied"), f"{what}: emptied", "a state"
            )
            if measure.if_ is not None:
                parse_at(self.node.find((*path, "if")), measure.if_, facts, self.problems, f"{what}: if (over facts)")
            if measure.giving is not None and measure.cases:
                values = self._outcomes(measure.cases)
                if measure.giving not in values:
                    self.wrong(
                        (*path, "giving"),
                        f"{what}: giving: {measure.giving!r} is no outcome of {' or '.join(measure.cases)}; allowed: {listed(values)}.{nearest(measure.giving, values)}",
                    )
            self._check_split(measure.split or {}, letters, path, what)

    def _outcomes(self, names: Iterable[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            gives = [self.file.events[name].gives] if name in self.file.events else []
            for t in self.file.transitions:
                if t.transition == name and not t.event:
                    held = [self.file.states[s].activity for s in t.from_ if s in self.file.states]
                    gives += [a.gives for a in (self.file.activities.get(h or "") for h in held) if a is not None]
            found += [str(v) for g in gives if g for values in g.values() for v in values]
        return found

    def _check_split(self, split: dict[str, Any], letters: list[str], path: tuple[object, ...], what: str) -> None:
        from workflow.format import SplitEntry

        for part, entry in split.items():
            place = (*path, "split", part)
            if entry == "rest":
                continue
            try:
                shape = validate(SplitEntry, self.node.find(place))
            except InputError as error:
                self.problems += [Problem(f"{what}: split: {part}: {p.message}", p.position) for p in error.problems]
                continue
            self.known(shape.ever or (), letters, place, f"{what}: split: {part}: ever", "a transition or an event")
            self.known(
                shape.left_by or (), letters, place, f"{what}: split: {part}: left_by", "a transition or an event"
            )
        if split and list(split.values()).count("rest") != 1:
            self.wrong((*path, "split"), f"{what}: split: exactly one part is `rest`, so that the parts add up")


def fits(field: Field, value: object) -> bool:
    """Say whether a value is one that a field may hold."""
    if value is None:
        return field.optional
    if field.kind == "boolean":
        return isinstance(value, bool)
    if field.kind == "enum":
        return isinstance(value, str) and value in field.values
    numeric: dict[str, Callable[[], bool]] = {
        "integer": lambda: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "date": lambda: isinstance(value, dt.date) and not isinstance(value, dt.datetime),
    }
    if not numeric[field.kind]():
        return False
    low, high = field.minimum, field.maximum
    return (low is None or low <= value) and (high is None or value <= high)  # type: ignore[operator]


def allowed_values(field: Field) -> str:
    """Return in words what a field may hold."""
    if field.kind == "enum":
        return f"one of {listed(field.values)}."
    if field.kind == "boolean":
        return "true or false."
    bounds = f" from {field.minimum} to {field.maximum}" if field.minimum is not None else ""
    return {"integer": "a whole number", "number": "a number", "date": "a date"}[field.kind] + bounds + "."
