"""Reading a scenario file: every mistake found, with its place, before anything runs."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from simulations.calendar_spec import CalendarSpec, parse_calendar
from simulations.calendars import Calendar
from simulations.clock import Epoch, parse_duration, parse_instant
from simulations.format import ArrivalEntry, BacklogEntry, CourtEntry, PoolEntry, ScenarioFile
from simulations.policies import read_policies
from simulations.quantities import Choice, Length, Reader, Shares
from simulations.scenario import (
    Backlog,
    Costs,
    Draw,
    Law,
    Order,
    Pool,
    Scenario,
    Stream,
    Suspension,
    Trait,
    Work,
    scenario_namespace,
)
from simulations.tables import BEFORE_THE_START, read_cases
from workflow.definition import Kind, Workflow
from workflow.documents import Node, Plain, Source, merge, node_of, parse_yaml, tidy
from workflow.errors import InputError, Problem, nearest
from workflow.extending import read_extending
from workflow.loading import allowed_values, fits, load_workflow
from workflow.predicates import Field, Namespace, names
from workflow.validation import Usable, apart_from, listed, parse_at, said, usable, validate

__all__ = ["catalog", "load_scenario"]

CATALOG = Path(__file__).parent / "catalog"
ONE_COURT = "court"
LONGEST_YEARS = 500


def catalog() -> dict[str, Path]:
    """Return the built-in scenarios: their names and files."""
    return {path.stem.replace("_", "-"): path for path in sorted(CATALOG.glob("*.yaml"))}


def load_scenario(scenario: str | Path | Mapping[str, Plain], changes: Sequence[str] = ()) -> Scenario:
    """Load a scenario by built-in name, from a file, or from a mapping, with its workflow.

    Parameters
    ----------
    scenario : str, Path or mapping
        ``"pilot"``, ``"my_scenario.yaml"``, or what such a file contains.
    changes : sequence of str
        Changes of single values, ``"pools.reviewers.size.denver=20"``; they go through the same checks.

    Raises
    ------
    InputError
        With every mistake of the file, or of its workflow.

    Examples
    --------
    >>> load_scenario("pilot").courts
    ('denver', 'baltimore')
    """
    if isinstance(scenario, Mapping):
        node = node_of(scenario, Source("<mapping>", ""))
    else:
        node = read_extending(str(scenario), Path(), catalog(), "scenario", _laid_upon)
    problems: list[Problem] = []
    for change in changes:
        try:
            node = _changed(node, change)
        except InputError as error:
            problems += error.problems
    found = usable(ScenarioFile, node)
    problems += found.problems
    if found.content is None:
        raise InputError(problems)
    return _Builder(found.content, found, problems).build()


def _laid_upon(base: Node, over: Node) -> Node:
    merged = merge(base, over)
    value = {k: v for k, v in merged.value.items() if k != "extends"}
    return Node(value, over.source, over.line, over.column, keys=merged.keys)


def _changed(node: Node, change: str) -> Node:
    """Apply one ``path=value``; the value is read as YAML."""
    path, equals, text = change.partition("=")
    if not equals or not path.strip():
        raise InputError([f"--set {change}: must be path=value, such as pools.reviewers.size.denver=20"])
    source = Source(f"--set {path.strip()}", text)
    try:
        value = parse_yaml(f"value: {text}", source.name).value["value"].plain()
    except InputError as error:
        raise InputError([f"--set {change}: {p.message}" for p in error.problems]) from None
    return _set(node, [part.strip() for part in path.split(".")], [], value, source)


def _set(node: Node, path: list[str], done: list[str], value: Plain, source: Source) -> Node:
    head, *rest = path
    where = ".".join([*done, head])
    children = node.value
    key: Any = head
    if isinstance(children, list):
        if not head.isdecimal() or int(head) >= len(children):
            places = f"name one by its place, from 0 to {len(children) - 1}" if children else "none can be set"
            raise InputError([f"--set {'.'.join([*done, *path])}: {'.'.join(done)} is {said(children)}; {places}"])
        key = int(head)
    elif isinstance(children, dict):
        spelled = {str(k).lower() if isinstance(k, bool) else str(k): k for k in children}
        key = spelled.get(head, head)
    else:
        raise InputError([f"--set {'.'.join([*done, *path])}: {'.'.join(done)} is {said(children)}, which has no keys"])
    old = children[key] if isinstance(children, list) else children.get(key)
    if rest:
        if old is None:
            hint = nearest(head, children)
            raise InputError(
                [
                    f"--set {'.'.join([*done, *path])}: there is no {where}; the keys of {'.'.join(done) or 'the scenario'} are: {listed(children)}.{hint}"
                ]
            )
        new = _set(old, rest, [*done, head], value, source)
    else:
        if old is not None and isinstance(old.value, dict) and not isinstance(value, dict):
            raise InputError(
                [
                    f"--set {where}: is a mapping and cannot become {said(value)}; set one of its keys: {listed(old.value)}"
                ]
            )
        new = node_of(value, source)
    if isinstance(children, list):
        return Node(
            [*children[:key], new, *children[key + 1 :]], node.source, node.line, node.column, node.start, node.end
        )
    keys = {**node.keys, key: node.keys[key] if rest else new.position}
    return Node({**children, key: new}, node.source, node.line, node.column, node.start, node.end, keys)


class _Builder:
    """Turns the shape of a file into a scenario, collecting what is wrong with the names and values in it.

    It goes on after a mistake, so that all are told in one pass; `lost` are the names whose entries have one:
    what is found later and speaks of these may only follow from it, and is not told.
    """

    def __init__(self, file: ScenarioFile, read: Usable[ScenarioFile], told: list[Problem]) -> None:
        self.file = file
        self.node = read.node
        self.told = told
        self.lost = read.lost
        self.problems: list[Problem] = []

    def wrong(self, path: tuple[object, ...], message: str) -> None:
        self.problems.append(Problem(message, self.node.place(path)))

    def at(self, *path: object) -> Node:
        return self.node.find(path)

    def build(self) -> Scenario:
        file = self.file
        self._check_dates()
        self.dates_fit = not self.problems
        self.workflow = self._workflow()
        self.epoch = Epoch(file.starts)
        self.courts = tuple(file.courts) or (ONE_COURT,)
        self._next_stage(self._check_courts())
        self.namespace = scenario_namespace(self.workflow, self.courts)
        facts = {n: f for n, f in self.namespace.fields.items() if f.role == "fact"}
        self.facts = Namespace(facts, {n: e for n, e in self.workflow.definitions.items() if not names(e) - set(facts)})
        self.reader = Reader(self.namespace, self.problems)
        self.specs: dict[str, CalendarSpec] = {}
        calendars = {name: calendar for name in file.calendars if (calendar := self._calendar(name)) is not None}
        days = tuple(self._court_days(name, entry) for name, entry in file.courts.items()) or (None,)
        pools = {
            name: pool for name, entry in file.pools.items() if (pool := self._pool(name, entry, calendars)) is not None
        }
        work = {name: done for name in file.activities if (done := self._work(name, calendars)) is not None}
        policies, wrong = read_policies(file.policies, self.at, self.workflow, self.epoch)
        self.problems += wrong
        self.policies = tuple(policies)
        self.workflows = (self.workflow, *(policy.workflow for policy in policies))
        laws = {name: law for name in file.events if (law := self._law(name)) is not None}
        self.people: tuple[Trait, ...] = ()  # until they are read
        self.people = self._people(file.people, ("people",))
        suspensions = tuple(s for i in range(len(file.suspensions)) if (s := self._suspension(i)) is not None)
        backlog = tuple(b for i, court in enumerate(file.courts) for b in self._backlog(i, court, file.courts[court]))
        streams = tuple(s for name in file.arrivals for s in self._streams(name, file.arrivals[name]))
        self._check_work(work)
        costs = self._costs()
        self._next_stage({*file.pools} - {*pools} | {*file.activities} - {*work})
        scenario = Scenario(
            file.scenario, file.description, self.workflow, file.starts, file.ends, file.warm_up, self.courts, days, calendars,
            pools, suspensions, work, laws, self.people, backlog, streams, tuple(file.published), file.about, self.node,
            self.policies, costs,
        )  # fmt: skip
        self._check_published(scenario)
        self._next_stage(())
        if self.told:
            raise InputError(self.told)
        return scenario

    def _next_stage(self, lost: Iterable[str]) -> None:
        self.told += apart_from(self.lost, self.problems)
        self.problems.clear()
        self.lost = self.lost | set(lost)

    def known(self, name: str, allowed: Iterable[str], path: tuple[object, ...], what: str, which: str) -> bool:
        allowed = list(allowed)
        if name in allowed:
            return True
        hint = nearest(name, allowed) or f" Known: {listed(allowed)}."
        self.wrong(path, f"{what}: {name!r} is not {which}.{hint}")
        return False

    # frame ---------------------------------------------------------------------------------------

    def _workflow(self) -> Workflow:
        try:
            return load_workflow(self.file.workflow, self.at("workflow").folder)
        except InputError as error:
            place = self.at("workflow").position
            found = [p if p.position else Problem(f"workflow: {p.message}", place) for p in error.problems]
            raise InputError([*self.told, *self.problems, *found]) from None

    def _check_dates(self) -> None:
        file = self.file
        if file.ends < file.starts:
            self.wrong(("ends",), f"ends: {file.ends} is before the start, {file.starts}")
        elif (file.ends - file.starts).days > LONGEST_YEARS * 366:
            self.wrong(("ends",), f"ends: {file.ends} is more than {LONGEST_YEARS} years after the start")
        if file.warm_up is not None and not file.starts <= file.warm_up <= file.ends:
            self.wrong(
                ("warm_up",), f"warm_up: {file.warm_up} is not between starts, {file.starts}, and ends, {file.ends}"
            )

    def _check_courts(self) -> set[str]:
        wrong: set[str] = set()
        for name in self.file.courts:
            before = len(self.problems)
            if not name.replace("-", "_").isidentifier():
                self.wrong(
                    ("courts", name),
                    f"court {name!r}: a name is made of letters, digits, underscores and hyphens, and begins with no digit",
                )
            elif name == "all":
                self.wrong(("courts", name), "court 'all': this is the name of all courts together; choose another")
            wrong |= {name} if len(self.problems) > before else set()
        return wrong

    def _calendar(self, name: str) -> Calendar | None:
        entry = self.file.calendars[name]
        path = ("calendars", name)
        try:
            spec = parse_calendar(entry.hours, holidays=entry.holidays, closed=entry.closed, open=entry.open)
            self.specs[name] = spec
            return spec.compile(name, self.epoch, self.file.ends) if self.dates_fit else Calendar.always_open(name)
        except InputError as error:
            for problem in error.problems:
                self.wrong(self._along(path, problem.message), f"calendar {name!r}: {problem.message}")
            return None

    def _along(self, path: tuple[object, ...], message: str) -> tuple[object, ...]:
        """Follow the keys with which a message begins, as in ``hours: sat: ...``, down the entry at a path."""
        for word in message.split(": "):
            inside = self.at(*path).value
            key = next((k for k in inside if str(k) == word), None) if isinstance(inside, dict) else None
            if key is None:
                return path
            path = (*path, key)
        return path

    def _court_days(self, name: str, entry: CourtEntry) -> CalendarSpec | None:
        if entry.calendar is not None:
            path, what = ("courts", name, "calendar"), f"court {name!r}: calendar"
            self.known(entry.calendar, self.file.calendars, path, what, "a calendar")
        return self.specs.get(entry.calendar or "")

    # pools ---------------------------------------------------------------------------------------

    def _pool(self, name: str, entry: PoolEntry, calendars: Mapping[str, Calendar]) -> Pool | None:
        path, what = ("pools", name), f"pool {name!r}"
        at_court = entry.at == "court"
        places = len(self.courts) if at_court else 1
        sizes = self._by_court(self.at(*path, "size"), self._sizes, f"{what}: size", at_court)
        chosen: list[Calendar] | None = [Calendar.always_open()] * places
        if entry.calendar is not None:
            found = self._by_court(self.at(*path, "calendar"), self._calendar_name, f"{what}: calendar", at_court)
            chosen = None if found is None else [calendars[n] for n in found if n in calendars]
        order = self._order(self.at(*path, "order") if entry.order != "first_come" else None, f"{what}: order")
        if sizes is None or chosen is None or len(chosen) != places or order is None:
            return None
        if entry.calendar is None:
            for key, why in (("slots", "a slot is one of a shift"), ("at_shift_end", "a shift ends by a calendar")):
                if key in entry.model_fields_set:
                    self.wrong(
                        (*path, key), f"{what}: {key}: {why}, and the pool has none; add calendar:, or leave {key}: out"
                    )
        return Pool(name, at_court, tuple(sizes), tuple(chosen), entry.at_shift_end, order, entry.slots)

    def _by_court(self, node: Node, leaf: Callable[[Node, str], Any], what: str, at_court: bool) -> list[Any] | None:
        """Read a value for each place of a pool: one value for all, or one for each court."""
        only_court = Namespace({"court": self.namespace.fields["court"]}, {})
        choice = self.reader.choice(node, leaf, what, only_court, by_court=True)
        if choice is None:
            return None
        if not at_court and choice.by is not None:
            self.reader.wrong(node, f"{what}: differs by court, but the pool is one for the nation; add at: court")
            return None
        pick = choice.picker(("court",), ())
        return [pick((court,), ()) for court in (self.courts if at_court else ("",))]

    def _sizes(self, node: Node, what: str) -> tuple[tuple[int, int], ...] | None:
        if not isinstance(node.value, dict):
            size = self._size(node, what)
            return None if size is None else ((0, size),)
        steps: list[tuple[int, int]] = []
        if not self._are_dates(node, what, "sizes"):
            return None
        for key, child in node.value.items():
            size = self._size(child, f"{what}: {key}")
            if size is None:
                return None
            steps.append((self.epoch.microseconds(key), size))
        before = [s for s in steps if s[0] <= 0]
        if not before:
            first = min(node.value, default="the end")
            self.reader.wrong(node, f"{what}: says nothing for the time from the start, {self.file.starts}, to {first}")
            return None
        return ((0, before[-1][1]), *(s for s in steps if s[0] > 0))

    def _are_dates(self, node: Node, what: str, which: str) -> bool:
        """Say whether the keys of a mapping are dates, each later than the one before it."""
        for earlier, key in itertools.pairwise((dt.date.min, *node.value)):
            if isinstance(key, dt.datetime) or not isinstance(key, dt.date):
                court = " and no court" if which == "sizes" and len(self.courts) > 1 else ""
                example = "such as 2012-01-16, without quotes and without a time of day"
                message = (
                    f"{said(key)} is no date{court}; {which} change on dates, {example}.{nearest(key, self.courts)}"
                )
            elif key < earlier:
                message = f"{key} stands below {earlier}; the dates must follow one another"
            else:
                continue
            self.problems.append(Problem(f"{what}: {message}", node.keys[key]))
            return False
        return True

    def _size(self, node: Node, what: str) -> int | None:
        value = node.value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1_000_000:
            return value
        self.reader.wrong(
            node, f"{what}: must be a whole number of servers, 0 or more, not {said(value)}{_without_comma(value)}"
        )
        return None

    def _calendar_name(self, node: Node, what: str) -> str | None:
        if isinstance(node.value, str) and node.value in self.file.calendars:
            return node.value
        self.reader.wrong(
            node,
            f"{what}: {said(node.value)} is no calendar; known: {listed(self.file.calendars)}.{nearest(node.value, self.file.calendars)}",
        )
        return None

    def _order(self, node: Node | None, what: str) -> Order | None:
        if node is None:
            return Order()
        rules = ("first_come", "oldest", "newest")
        if isinstance(node.value, str):
            if node.value in rules:
                return Order(node.value)
            self.reader.wrong(
                node,
                f"{what}: {said(node.value)} is no order; allowed: {listed(rules)}, or {{by: expression}}.{nearest(node.value, rules)}",
            )
            return None
        if not isinstance(node.value, dict) or "by" not in node.value:
            self.reader.wrong(node, f"{what}: must be {listed(rules)}, or {{by: expression}}, not {said(node.value)}")
            return None
        if len(node.value) > 1:
            choice = self.reader.choice(node, self._number, what)
            return None if choice is None else Order("by", choice)
        by = node.value["by"]
        text = by.value if isinstance(by.value, str) else str(by.value)
        expression = parse_at(by, text, self.namespace, self.problems, f"{what}: by", "number")
        return None if expression is None else Order("by", expression)

    def _number(self, node: Node, what: str) -> float | None:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return float(node.value)
        self.reader.wrong(node, f"{what}: must be a number (lower is served first), not {said(node.value)}")
        return None

    def _suspension(self, i: int) -> Suspension | None:
        entry = self.file.suspensions[i]
        path, what = ("suspensions", i), f"suspension of {entry.pool!r}"
        if not self.known(entry.pool, self.file.pools, (*path, "pool"), "suspension", "a pool"):
            return None
        if self.file.pools[entry.pool].at != "court":
            self.wrong(
                (*path, "courts"),
                f"{what}: the pool is one for the nation; only a pool with at: court can be suspended in some courts",
            )
        known = [self.known(c, self.courts, (*path, "courts", k), what, "a court") for k, c in enumerate(entry.courts)]
        fine = all(known)
        if entry.to < entry.from_:
            self.wrong((*path, "to"), f"{what}: to: {entry.to} is before from: {entry.from_}")
        exempt = None
        if entry.except_ is not None:
            exempt = parse_at(self.at(*path, "except"), entry.except_, self.namespace, self.problems, f"{what}: except")
            fine = fine and exempt is not None
        for earlier in self.file.suspensions[:i]:
            if (
                earlier.pool == entry.pool
                and set(earlier.courts) & set(entry.courts)
                and earlier.except_ != entry.except_
            ):
                self.wrong((*path, "pool"), f"{what}: the suspensions of one pool and court share one except:")
        if not fine:
            return None
        courts = tuple(self.courts.index(c) for c in entry.courts)
        return Suspension(entry.pool, courts, self.epoch.microseconds(entry.from_), self.epoch.end_of(entry.to), exempt)

    # activities and events -----------------------------------------------------------------------

    def _work(self, name: str, calendars: Mapping[str, Calendar]) -> Work | None:
        entry = self.file.activities[name]
        path, what = ("activities", name), f"activity {name!r}"
        if not self.known(name, self.workflow.activities, path, "activities", "an activity of the workflow"):
            return None
        if entry.pool is not None:
            self.known(entry.pool, self.file.pools, (*path, "pool"), f"{what}: pool", "a pool")
        if entry.calendar is not None:
            self.known(entry.calendar, self.file.calendars, (*path, "calendar"), f"{what}: calendar", "a calendar")
            if entry.pool is not None:
                self.wrong(
                    (*path, "calendar"),
                    f"{what}: calendar: a pool works by its own calendar; calendar: is for a delay in working days",
                )
        takes = self.reader.choice(self.at(*path, "takes"), self.reader.length, f"{what}: takes")
        if takes is not None:
            self._check_takes(name, takes)
        activity = self.workflow.activities[name]
        outcome = self._outcome(entry.outcome, path, what, activity.gives, activity.values)
        if activity.gives is not None and entry.outcome is None:
            self.wrong(
                path, f"{what}: outcome: is missing; the activity gives {activity.gives}: {listed(activity.values)}"
            )
        if takes is None:
            return None
        calendar = calendars.get(entry.calendar or "")
        days = None if calendar is None else calendar.working_days()
        return Work(name, entry.pool, takes, outcome, entry.priority, days)

    def _check_takes(self, name: str, takes: Choice[Length]) -> None:
        entry = self.file.activities[name]
        path, what = ("activities", name, "takes"), f"activity {name!r}: takes"
        working = any(length.working for length in takes.leaves())
        pool = self.file.pools.get(entry.pool or "")
        if entry.pool is not None and working:
            self.wrong(path, f"{what}: working days are for a delay; the work of a pool is given in hours or minutes")
        elif working and entry.calendar is None:
            self.wrong(
                path, f"{what}: in working days of which calendar? Add calendar: (known: {listed(self.file.calendars)})"
            )
        elif entry.calendar is not None and entry.pool is None and not all(length.working for length in takes.leaves()):
            self.wrong(
                (*path[:2], "calendar"),
                f"activity {name!r}: calendar: is for a delay in working days; write takes: in working days throughout, or leave calendar: out",
            )
        elif pool is not None and pool.calendar is not None and _has_days(self.at(*path)):
            self.wrong(
                path,
                f"{what}: a day of work is 24 hours, or a shift? Give hours or minutes where the pool has a calendar",
            )

    def _outcome(
        self,
        outcome: dict[str, Any] | None,
        path: tuple[object, ...],
        what: str,
        gives: str | None,
        values: tuple[Any, ...],
    ) -> Choice[Shares] | None:
        if outcome is None:
            return None
        if gives is None:
            self.wrong((*path, "outcome"), f"{what}: outcome: the workflow says that it gives nothing")
            return None
        if set(outcome) != {gives}:
            extra = [k for k in outcome if k != gives] or list(outcome)
            near = f" Write {{{gives}: {{by: ...}}}}." if "by" in extra else nearest(extra[0] if extra else "", [gives])
            self.wrong(
                (*path, "outcome", *extra[:1]),
                f"{what}: outcome: must give {gives!r}, and nothing else, not {listed(extra)}.{near}",
            )
            return None
        return self.reader.choice(
            self.at(*path, "outcome", gives),
            lambda node, told: self.reader.shares(node, values, told),
            f"{what}: outcome: {gives}",
        )

    def _law(self, name: str) -> Law | None:
        entry = self.file.events[name]
        path, what = ("events", name), f"event {name!r}"
        if not self.known(name, self.workflow.events, path, "events", "an event of the workflow"):
            return None
        event = self.workflow.events[name]
        hazard = after = chance = None
        if entry.hazard is not None:
            known = len(self.problems)
            hazard = self.reader.choice(self.at(*path, "hazard"), self.reader.rate, f"{what}: hazard", self.facts)
            self._explain(known, "may change while a case runs; a hazard differs by facts alone")
        if entry.after is not None:
            after = self.reader.choice(self.at(*path, "after"), self._calendar_time, f"{what}: after")
        if entry.chance is not None:
            chance = self.reader.choice(self.at(*path, "chance"), self.reader.share, f"{what}: chance")
        since: set[int] = set()
        transitions = list(dict.fromkeys(t.name for workflow in self.workflows for t in workflow.transitions))
        for word in entry.since or ():
            if self.known(word, transitions, (*path, "since"), f"{what}: since", "a transition"):
                since.add(transitions.index(word))
        outcome = self._outcome(entry.outcome, path, what, event.gives, event.values)
        if event.gives is not None and entry.outcome is None:
            self.wrong(path, f"{what}: outcome: is missing; the event gives {event.gives}: {listed(event.values)}")
        if entry.only == "waiting" and not any(self._is_queue(state) for state in event.states):
            self.wrong(
                (*path, "only"),
                f"{what}: only: waiting: in none of its states ({listed(event.states)}) does a case wait for a pool",
            )
        dates = self._law_dates(name) if entry.at is not None else ()
        return Law(name, hazard, after, frozenset(since), chance, outcome, dates, entry.only == "waiting")

    def _is_queue(self, state: str) -> bool:
        """Say whether cases in a state wait for a pool, as far as its entry could be read."""
        activity = self.workflow.states[state].activity or ""
        return activity in self.lost or (
            activity in self.file.activities and self.file.activities[activity].pool is not None
        )

    def _law_dates(self, name: str) -> tuple[int, ...]:
        """Read the dates of an event that happens to every case at once."""
        node, what = self.at("events", name, "at"), f"event {name!r}: at"
        found: list[int] = []
        if node.value == []:
            self.reader.wrong(node, f"{what}: must have at least one date; leave the event out if it never happens")
        for each in node.value if isinstance(node.value, list) else [node]:
            time = self._time(each, what, "what has happened by then is in the facts and records of people:")
            if time is None:
                continue
            if time == 0:
                self.reader.wrong(
                    each,
                    f"{what}: {said(each.value)} is the very start, when no case has arrived yet; give a later time",
                )
            if time in found:
                self.reader.wrong(each, f"{what}: {said(each.value)} is named twice")
            found.append(time)
        return tuple(sorted(found))

    def _check_work(self, work: Mapping[str, Work]) -> None:
        """Tell of activities that can be reached and have no length."""
        forward: dict[str, set[str]] = {s: set() for s in self.workflow.states}
        for t in (t for workflow in self.workflows for t in workflow.transitions):
            if not t.events or any(e in self.file.events for e in t.events):
                for s in t.sources:
                    forward[s].add(t.target or s)
        begun = {s for court in self.file.courts.values() for s in court.backlog if s in forward}
        begun |= {
            s
            for a in self.file.arrivals.values()
            for s in ([a.into] if a.into else self.workflow.entry_states)
            if s in forward
        }
        if any("table" in court.backlog for court in self.file.courts.values()) or any(
            a.table for a in self.file.arrivals.values()
        ):
            begun |= set(self.workflow.entry_states)
        todo = list(begun)
        while todo:
            for s in forward[todo.pop()] - begun:
                begun.add(s)
                todo.append(s)
        for name in sorted(begun, key=list(self.workflow.states).index):
            state = self.workflow.states[name]
            if state.kind is Kind.ACTIVITY and state.activity not in self.file.activities:
                self.wrong(
                    ("activities",),
                    f"activities: nothing is said of {state.activity!r}, but cases can come to the state {name!r}; say what it takes",
                )

    # people --------------------------------------------------------------------------------------

    def _people(self, people: Mapping[str, Any], path: tuple[object, ...]) -> tuple[Trait, ...]:
        found: list[Trait] = []
        drawn: list[str] = []
        for name in people:
            place = (*path, name)
            allowed = [*self.workflow.facts, *self.workflow.entry_record]
            if name in self.workflow.record and name not in self.workflow.entry_record:
                self.wrong(
                    place,
                    f"people: every case begins with the default of {name!r}; the workflow's entry: lets only these record fields differ: {listed(self.workflow.entry_record)}",
                )
                continue
            if not self.known(name, allowed, place, "people", "a fact of the workflow"):
                continue
            field = self.workflow.facts.get(name) or self.workflow.record[name]
            before, known = self._earlier(path, drawn), len(self.problems)
            choice = self.reader.choice(self.at(*place), self._drawer(field, before), f"people: {name}", before)
            self._explain(
                known, "is not drawn yet; put what it is made of above this line (record fields cannot be used)"
            )
            drawn.append(name)
            if choice is not None:
                found.append(Trait(name, choice))
        self._check_circle(found, path)
        return tuple(found)

    def _check_circle(self, own: Sequence[Trait], path: tuple[object, ...]) -> None:
        """Tell of facts of some cases that would be drawn from each other, those of `people:` for all included."""
        traits = {trait.name: trait for trait in (*self.people, *own)}
        try:
            TopologicalSorter({name: trait.reads() & traits.keys() for name, trait in traits.items()}).prepare()
        except CycleError as error:
            pairs = itertools.pairwise(reversed(error.args[1]))
            self.wrong(
                (*path, next(t.name for t in own if t.name in error.args[1])),
                f"people: {', '.join(f'{a!r} is made of {b!r}' for a, b in pairs)}: a circle; give one of them without by: and within:",
            )

    def _explain(self, known: int, why: str) -> None:
        """Say why a name that exists cannot be used here, in the problems from the number `known` on."""
        for i, problem in enumerate(self.problems[known:], known):
            unknown = re.search(r"unknown name '(\w+)'", problem.message)
            if unknown and (unknown[1] in self.namespace.fields or unknown[1] in self.namespace.definitions):
                message = f"{problem.message[: unknown.start()]}{unknown[1]!r} {why}"
                self.problems[i] = Problem(message, problem.position)

    def _drawer(self, field: Field, before: Namespace) -> Callable[[Node, str], Draw | None]:
        return lambda node, what: self._draw(node, what, field, before)

    def _earlier(self, path: tuple[object, ...], drawn: list[str]) -> Namespace:
        """Return what a trait may depend on: the traits above it, the court, and what is made of these.

        Facts that have no line in `people:` are at their defaults, and so known from the beginning.
        """
        later = [n for n in self.file.people if n not in drawn] if path == ("people",) else []
        fields = {n: f for n, f in self.namespace.fields.items() if (f.role == "fact" or n in drawn) and n not in later}
        return Namespace(fields, {n: e for n, e in self.workflow.definitions.items() if not names(e) - set(fields)})

    def _draw(self, node: Node, what: str, field: Field, before: Namespace) -> Draw | None:
        value = node.value
        if isinstance(value, dict) and "missing" in value:
            return self._missing(node, what, field, before)
        if not isinstance(value, dict):
            if field.kind == "boolean" and not isinstance(value, bool):
                share = self.reader.share(node, what)
                return None if share is None else Draw(Shares((True, False), (share, 1.0)))
            if not fits(field, value):
                hint = (
                    " Write a date, or {days_before: {gamma: {mean: 12 years, cv: 0.8}}}."
                    if field.kind == "date"
                    else ""
                )
                self.reader.wrong(
                    node, f"{what}: {said(value)} is not {allowed_values(field)}{nearest(value, field.values)}{hint}"
                )
                return None
            return Draw(Shares((value,), (1.0,)))
        entries = dict(value)
        within = entries.pop("within", None)
        by_law = field.kind in ("integer", "number") and len(entries) == 1 and isinstance(next(iter(entries)), str)
        if within is not None and not by_law:
            self.reader.wrong(
                within,
                f"{what}: within: bounds what a family of numbers draws, such as {{normal: {{mean: 34, sd: 12}}}}, and nothing else",
            )
            return None
        low, high = self._bounds(within, what, before) if within is not None else (None, None)
        if field.kind == "date":
            return self._date(node, entries, what)
        if by_law:
            body = Node(entries, node.source, node.line, node.column, node.start, node.end, node.keys)
            law = self.reader.law(body, "number", what)
            return None if law is None else Draw(law=law[0], low=low, high=high)
        possible: tuple[Any, ...] | None = (
            field.values if field.kind == "enum" else (True, False) if field.kind == "boolean" else None
        )
        shares = self.reader.shares(node, possible, what)
        for key in value if shares is not None and possible is None else ():
            if not fits(field, key):
                self.problems.append(Problem(f"{what}: {said(key)} is not {allowed_values(field)}", node.keys[key]))
                shares = None
        return None if shares is None else Draw(shares)

    def _missing(self, node: Node, what: str, field: Field, before: Namespace) -> Draw | None:
        entries = dict(node.value)
        share = self.reader.share(entries.pop("missing"), f"{what}: missing")
        if not field.optional:
            self.reader.wrong(
                node, f"{what}: missing: the fact is never missing; the workflow would have to say optional: true"
            )
            return None
        if not entries and share is not None and share < 1:
            self.reader.wrong(
                node,
                f"{what}: missing: says nothing of the other {1 - share:.4g}; add shares, a family, or days_before",
            )
            return None
        body = Node(entries, node.source, node.line, node.column, node.start, node.end, node.keys)
        inner = self._draw(body, what, field, before) if entries else Draw(Shares((None,), (1.0,)))
        if share is None or inner is None:
            return None
        return Draw(inner.shares, inner.law, inner.back, inner.low, inner.high, share)

    def _date(self, node: Node, entries: dict[Any, Node], what: str) -> Draw | None:
        if set(entries) != {"days_before"}:
            self.reader.wrong(
                node,
                f"{what}: a date is given as {{days_before: {{gamma: {{mean: 12 years, cv: 0.8}}}}}}, not {said(node.value)}",
            )
            return None
        length = self._calendar_time(entries["days_before"], f"{what}: days_before")
        return None if length is None else Draw(law=length.law, back=True)

    def _bounds(self, node: Node, what: str, before: Namespace) -> tuple[Any, Any]:
        if not isinstance(node.value, list) or len(node.value) != 2:
            self.reader.wrong(
                node, f"{what}: within: must be a list of two bounds, such as [0, age], not {said(node.value)}"
            )
            return None, None
        low, high = (parse_at(n, str(n.value), before, self.problems, f"{what}: within", "number") for n in node.value)
        given = [n.value for n in node.value if isinstance(n.value, int | float)]
        if len(given) == 2 and given[0] > given[1]:
            self.reader.wrong(node, f"{what}: within: the lower bound, {given[0]}, is above the upper one, {given[1]}")
        return low, high

    # cases ---------------------------------------------------------------------------------------

    def _backlog(self, i: int, court: str, entry: CourtEntry) -> list[Backlog]:
        found: list[Backlog] = []
        path = ("courts", court, "backlog")
        for state in entry.backlog:
            place, node = (*path, state), self.at(*path, state)
            if state == "table":
                found += self._backlog_table(i, court, node)
                continue
            if not self.known(
                state,
                self.workflow.entry_states,
                place,
                f"backlog of {court}",
                "a state in which a case may begin (entry:)",
            ):
                continue
            value = node.value
            if isinstance(value, int) and not isinstance(value, bool):
                if value < 0:
                    self.reader.wrong(
                        node, f"backlog of {court}: {state}: must be a number of cases, 0 or more, not {value}"
                    )
                found.append(Backlog(i, state, max(value, 0), None, ()))
                continue
            if not isinstance(value, dict):
                self.reader.wrong(
                    node,
                    f"backlog of {court}: {state}: must be a number of cases, or {{count:, age:, people:}}, not {said(value)}{_without_comma(value)}",
                )
                continue
            try:
                shape = validate(BacklogEntry, node)
            except InputError as error:
                self.problems += [
                    Problem(f"backlog of {court}: {state}: {p.message}", p.position) for p in error.problems
                ]
                continue
            age = None
            if shape.age is not None:
                age = self.reader.choice(
                    self.at(*place, "age"),
                    self._calendar_time,
                    f"backlog of {court}: {state}: age",
                    Namespace({"court": self.namespace.fields["court"]}, {}),
                )
            found.append(Backlog(i, state, shape.count, age, self._people(shape.people, (*place, "people"))))
        return found

    def _backlog_table(self, i: int, court: str, node: Node) -> list[Backlog]:
        table = self._table(node, node.value, f"backlog of {court}", backlog=True)
        if table is None:
            return []
        if table.states is None:
            self.reader.wrong(node, f"backlog of {court}: the table {table.path} needs a column 'state'")
        return [Backlog(i, None, len(table), None, (), table)]

    def _table(self, node: Node, name: object, what: str, backlog: bool) -> Any:
        if not isinstance(name, str):
            self.reader.wrong(node, f"{what}: table: must be the name of a CSV or Parquet file, not {said(name)}")
            return None
        try:
            return read_cases(
                tidy(node.folder / name), self.workflow, self.epoch, self.courts, self.workflow.entry_states, backlog
            )
        except InputError as error:
            self.problems += [Problem(f"{what}: {p}", node.position) for p in error.problems]
            return None

    def _streams(self, name: str, entry: ArrivalEntry) -> list[Stream]:
        path, what = ("arrivals", name), f"arrivals {name!r}"
        courts = entry.courts or ([name] if name in self.courts else list(self.courts))
        if entry.courts is not None and name in self.courts and entry.courts != [name]:
            self.wrong(
                (*path, "courts"),
                f"{what}: is named like a court, and so is that court's; rename it, or leave out courts:",
            )
        known = [self.known(c, self.courts, (*path, "courts", k), what, "a court") for k, c in enumerate(courts)]
        for k, court in enumerate(courts):
            if court in courts[:k]:
                self.wrong((*path, "courts", k), f"{what}: {court!r} is named twice")
        state = entry.into
        if state is None and len(self.workflow.entry_states) == 1:
            state = self.workflow.entry_states[0]
        if state is None:
            self.wrong(path, f"{what}: into: is missing; a case may begin in {listed(self.workflow.entry_states)}")
        elif not self.known(
            state,
            self.workflow.entry_states,
            (*path, "into"),
            f"{what}: into",
            "a state in which a case may begin (entry:)",
        ):
            state = None
        people = self._people(entry.people, (*path, "people"))
        law = self._stream_law(entry, path, what, courts)
        if not all(known) or state is None or law is None:
            return []
        table = law.get("table")
        if table is not None and table.courts is not None:
            return [
                Stream(name, self.courts.index(c), state, people, count=entry.count, **law)
                for c in self.courts
                if c in table.courts
            ]
        return [Stream(name, self.courts.index(c), state, people, count=entry.count, **law) for c in courts]

    def _stream_law(
        self, entry: ArrivalEntry, path: tuple[object, ...], what: str, courts: Sequence[str]
    ) -> dict[str, Any] | None:
        if entry.rate is not None:
            rate = self._rates(self.at(*path, "rate"), f"{what}: rate")
            return None if rate is None else {"rate": rate}
        if entry.at is not None:
            times = [self._time(self.at(*path, "at", k), f"{what}: at") for k in range(len(entry.at))]
            return None if any(t is None for t in times) else {"at": tuple(sorted(t for t in times if t is not None))}
        if entry.table is not None:
            node = self.at(*path, "table")
            table = self._table(node, entry.table, what, backlog=False)
            if table is None:
                return None
            if self.dates_fit and len(table) and table.arrived[0] > self.epoch.end_of(self.file.ends):
                self.reader.wrong(node, f"{what}: {table.path}: all cases arrive after the end, {self.file.ends}")
            others = [court for court in self.courts if court in set(table.courts or ()) - set(courts)]
            if others:
                message = f"has cases of {listed(others)}, but the stream is that of {listed(courts)}; rename it, or leave these cases out"
                self.reader.wrong(node, f"{what}: {table.path}: column 'court': {message}")
            for name in table.values.keys() & entry.people.keys():
                message = f"{what}: people: the table has a column {name!r} too; leave out one of them"
                self.wrong((*path, "people", name), message)
            return {"table": table}
        length = self._calendar_time(self.at(*path, "interarrival"), f"{what}: interarrival")
        if length is None:
            return None
        if length.law.support[1] <= 0 and entry.count is None:
            self.wrong((*path, "interarrival"), f"{what}: interarrival: of length zero needs count:")
        first = None if entry.first is None else self._time(self.at(*path, "first"), f"{what}: first")
        return {"interarrival": length, "first": first}

    def _rates(self, node: Node, what: str) -> tuple[tuple[int, float], ...] | None:
        if not isinstance(node.value, dict):
            rate = self.reader.rate(node, what)
            return None if rate is None else ((0, rate),)
        steps: list[tuple[int, float]] = []
        if "by" in node.value or any(court in node.value for court in self.courts):
            self.reader.wrong(
                node, f"{what}: is that of each court; where it differs, give each court a stream of its own"
            )
            return None
        if not self._are_dates(node, what, "rates"):
            return None
        for key, child in node.value.items():
            rate = self.reader.rate(child, f"{what}: {key}")
            if rate is None:
                return None
            steps.append((self.epoch.microseconds(key), rate))
        return tuple(steps)

    def _calendar_time(self, node: Node, what: str) -> Length | None:
        """Read a length that counts all days."""
        length = self.reader.length(node, what)
        if length is not None and length.working:
            self.reader.wrong(node, f"{what}: counts calendar time, not working days")
            return None
        return length

    def _time(self, node: Node, what: str, before: str = BEFORE_THE_START) -> int | None:
        """Read a time: a duration since the start, or a date with a time; `before` helps where it is before the start."""
        value = node.value
        text = value if isinstance(value, str) else ""
        try:
            if isinstance(value, dt.date) or (text[:4].isdigit() and text[4:5] == "-"):
                found = self.epoch.microseconds(parse_instant(value))
            elif not text[:1].isdigit():
                message = f"must be a date such as 2024-01-31 or '2024-01-31 09:30', or a duration since the start, not {said(value)}"
                raise InputError([message])
            else:
                length = parse_duration(text)
                found = length.microseconds
                if length.working:
                    raise InputError([f"{said(value)} counts working days; a time since the start counts all days"])
        except InputError as error:
            self.reader.wrong(node, f"{what}: {error.problems[0].message}")
            return None
        if found < 0:
            self.reader.wrong(
                node,
                f"{what}: {said(value)} is before the start, {self.file.starts}; {before}",
            )
            return None
        if self.dates_fit and found > self.epoch.end_of(self.file.ends):
            self.reader.wrong(node, f"{what}: {said(value)} is after the end, {self.file.ends}")
            return None
        return found

    def _costs(self) -> Costs | None:
        entry = self.file.costs
        if entry is None:
            return None
        pools: dict[str, float] = {}
        for name in entry.pools:
            path = ("costs", "pools", name)
            rate = self.reader.rate(self.at(*path), f"costs: {name}")
            if self.known(name, self.file.pools, path, "costs: pools", "a pool") and rate is not None:
                pools[name] = rate
        for name in entry.activities:
            path = ("costs", "activities", name)
            self.known(name, self.file.activities, path, "costs: activities", "an activity of the scenario")
        counted = [n for m in self.workflow.measures if m.cases for n in (m.measure, *(m.split or {}))]
        for i, name in enumerate(entry.per):
            self.known(name, counted, ("costs", "per", i), "costs: per", "a measure that counts cases")
        activities = {n: each for n, each in entry.activities.items() if n in self.file.activities}
        return Costs(entry.currency, pools, activities, tuple(entry.per))

    # published figures ----------------------------------------------------------------------------

    def _check_published(self, scenario: Scenario) -> None:
        from simulations.measures import measure_names

        allowed = measure_names(scenario)
        for i, entry in enumerate(self.file.published):
            path = ("published", i)
            self.known(entry.measure, allowed, (*path, "measure"), "published", "a measure")
            self.known(entry.court, (*self.courts, "all"), (*path, "court"), "published", "a court")
            if self.dates_fit and not self.file.starts <= entry.at <= self.file.ends:
                self.wrong(
                    (*path, "at"),
                    f"published: {entry.at} is not between starts, {self.file.starts}, and ends, {self.file.ends}",
                )


def _without_comma(value: object) -> str:
    digits = value.replace(",", "") if isinstance(value, str) else ""
    return f"; write {digits}" if digits.isdecimal() else ""


def _has_days(node: Node) -> bool:
    if isinstance(node.value, dict):
        return any(_has_days(child) for child in node.value.values())
    if isinstance(node.value, list):
        return any(_has_days(child) for child in node.value)
    text = node.value
    return isinstance(text, str) and text.split()[-1:] in (
        ["day"],
        ["days"],
        ["week"],
        ["weeks"],
        ["month"],
        ["months"],
        ["year"],
        ["years"],
    )
