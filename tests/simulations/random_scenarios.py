"""Hypothesis strategies: random scenarios for random workflows, small enough to run a hundred times."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import assume
from hypothesis import strategies as st

from simulations import SamplePath, Scenario, Simulation, load_scenario, make_plan, simulate
from simulations.log.eventlog import EventLog
from tests.workflow.random_workflows import workflows
from workflow.errors import VisitCap
from workflow.files.yaml_tree import Source, node_of

STARTS = dt.date(2024, 1, 3)  # a Wednesday, so that a weekend lies in the middle
ENDS = dt.date(2024, 1, 10)
DAYS = [STARTS + dt.timedelta(days=k) for k in range(8)]
COURTS = ("east", "west")
CALENDARS = {
    "office": {"hours": {"mon-fri": "09:00-17:00"}, "closed": [DAYS[1]]},
    "split": {
        "hours": {"mon-sun": ["06:00-12:00", "12:00-14:00", "22:00-02:00"]},
        "closed": [{"from": DAYS[5], "announced": DAYS[3]}],
    },
}

Mapping = dict[str, Any]

DESK_WORKFLOW = {
    "workflow": "desk",
    "activities": {"serve": {}},
    "entry": {"states": ["waiting"]},
    "states": {"waiting": {"activity": "serve"}, "done": {"final": True}},
    "transitions": [{"transition": "finish", "from": "waiting", "to": "done"}],
    "measures": [{"measure": "empty", "emptied": "waiting"}],
}
"""One activity and its end, and the date on which nobody waits any more."""


@st.composite
def scenarios(draw: Any, shared: bool = True, teams: bool = True) -> Mapping:
    """Draw a scenario and, under the key ``workflow``, the mapping of its workflow.

    Parameters
    ----------
    shared : bool
        Whether courts may share a pool.
    teams : bool
        Whether work may need several pools.
    """
    return _Drawing(draw, draw(workflows()), shared, teams).scenario()


@st.composite
def desks(draw: Any) -> Mapping:
    """Draw a scenario of one stage: all cases wait at the start for one pool of constant size, with any shifts and slots."""
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    length = {"uniform": {"min": "0 hours", "max": f"{draw(st.integers(1, 30))} hours"}}
    pool: Mapping = {"at": "court", "size": pick(1, 2, 3), "calendar": pick("office", "split")}
    pool |= {"at_shift_end": pick("suspend", "finish", "fit"), "order": pick("first_come", "oldest", {"by": "rank"})}
    if pick(True, False):
        pool["slots"] = pick(1, 2)
    return {
        "scenario": "desk",
        "workflow": {
            "workflow": "desk",
            "facts": {"rank": {"type": "integer", "minimum": 0, "maximum": 2}},
            "activities": {"serve": {}, "hear": {}},
            "states": {"plain": {"activity": "serve"}, "urgent": {"activity": "hear"}, "done": {"final": True}},
            "transitions": [{"transition": "finish", "from": ["plain", "urgent"], "to": "done"}],
            "entry": {"states": ["plain", "urgent"]},
        },
        "starts": STARTS,
        "ends": ENDS,
        "calendars": CALENDARS,
        "courts": {"desk": {"backlog": {"plain": draw(st.integers(1, 12)), "urgent": draw(st.integers(0, 4))}}},
        "pools": {"clerks": pool},
        "suspensions": [
            {"pool": "clerks", "courts": ["desk"], "from": DAYS[k], "to": DAYS[k]}
            for k in draw(st.lists(st.integers(0, 6), max_size=2, unique=True))
        ],
        "activities": {
            "serve": {"pool": "clerks", "takes": length, "priority": 1},
            "hear": {"pool": "clerks", "takes": pick(length, "3 hours"), "priority": pick(0, 1)},
        },
        "people": {"rank": {0: 0.3, 1: 0.3, 2: 0.4}},
    }


def shrinking(draw: Any) -> Mapping:
    """Draw the keys of a pool that suspends its work and reopens with fewer servers, and later with more."""
    first, second = sorted(draw(st.lists(st.integers(1, 4), min_size=2, max_size=2, unique=True)))
    sizes = {STARTS: draw(st.integers(2, 3)), DAYS[first]: draw(st.integers(0, 1)), DAYS[second]: draw(st.integers(0, 3))}
    calendar = draw(st.sampled_from(sorted(CALENDARS)))
    return {"size": sizes, "calendar": calendar, "at_shift_end": "suspend"}


def alike(draw: Any, pools: Mapping) -> Mapping:
    """Let all pools treat the end of a shift alike, two times in three, so that they can work together."""
    if draw(st.sampled_from([True, True, False])) and len(pools) > 1:
        rule = draw(st.sampled_from(["suspend", "finish", "fit", "suspend"]))
        calendar = draw(st.sampled_from(sorted(CALENDARS)))
        return {name: {"calendar": calendar, **pool, "at_shift_end": rule} for name, pool in pools.items()}
    return pools


def with_pools(draw: Any, work: Mapping, pools: Mapping, conditions: list[str] | None) -> Mapping:
    """Give an activity one pool, several at once, or the first of several that is free; lengths may differ by pool.

    Servers may depend on the conditions; ``None`` stands for one pool.
    """
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    first = pick(*pools)
    kind = pick("pool", "pool", "needs", "either", "both")
    others = [name for name in pools if name != first]
    if kind == "pool" or not others or conditions is None:
        return work | {"pool": first}
    entry: Mapping = work | {"hold": pick(True, False)}
    taken = {first}
    if kind != "needs":
        other = pick(*others)
        taken.add(other)
        entry["either"] = [first, other]
        if pick(True, False):
            entry["takes"] = {"by": "pool", first: work["takes"], "other": pick("2 hours", {"exponential": {"mean": "5 hours"}})}
    if kind != "either":
        needs: Mapping = {first: pick(1, 1, 2)} if kind == "needs" else {}
        rules = {pools[name].get("at_shift_end", "suspend") for name in taken}
        for name in others:
            if name not in taken and rules == {pools[name].get("at_shift_end", "suspend")} and pick(True, True, False):
                needs[name] = pick(1, 1, 2, *(_count(pick, conditions) if conditions else ()))
        entry |= {"needs": needs} if needs else {}
    return entry


def _count(pick: Any, conditions: list[str]) -> list[Any]:
    """Return numbers of servers that depend on the case."""
    condition = pick(*conditions)
    return [{"count": pick(1, 2), "when": condition}, {"when": condition}, {"by": condition, True: 2, False: pick(0, 1)}]


def loaded(scenario: Mapping) -> Scenario:
    """Load a scenario from a folder with its workflows and the texts under ``tables``.

    The YAML files are empty and the mappings are read in their place: YAML text would take most of a test's time.
    """
    scenario = dict(scenario)
    tables = scenario.pop("tables", {})
    policies = scenario.get("policies", [])
    names = [{**policy, "workflow": f"other_{k}.yaml"} for k, policy in enumerate(policies)]
    files = {f"other_{k}.yaml": policy["workflow"] for k, policy in enumerate(policies)}
    files |= {"flow.yaml": scenario["workflow"]}
    files |= {"random.yaml": {**scenario, "workflow": "flow.yaml", "policies": names}}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (tables | dict.fromkeys(files, "")).items():
            Path(folder, name).write_text(text, encoding="utf-8")
        read = patch("workflow.files.extending.read_yaml", lambda path: node_of(files[path.name], Source(str(path), "")))
        with read, chdir(folder):  # values without lines have no folder of their own
            return load_scenario(Path(folder, "random.yaml"))


def run(scenario: Scenario, seed: int = 1) -> EventLog:
    """Run one replication; skip a scenario in which a case exceeds the visit cap."""
    path = SamplePath(seed, 1)
    try:
        return simulate(make_plan(scenario, path), path)
    except VisitCap:
        assume(False)
        raise


def simulated(scenario: Scenario, seed: int = 1) -> tuple[Simulation, EventLog]:
    """Run one replication, and return the simulation with its final cases, and the log."""
    path = SamplePath(seed, 1)
    simulation = Simulation(make_plan(scenario, path), path)
    try:
        return simulation, simulation.run()
    except VisitCap:
        assume(False)
        raise


class _Drawing:
    def __init__(self, draw: Any, workflow: Mapping, shared: bool, teams: bool) -> None:
        self.draw, self.workflow, self.shared, self.teams = draw, workflow, shared, teams
        self.fields = {**workflow["facts"], **workflow["record"]}
        sure = {n: entry for n, entry in self.fields.items() if not entry.get("optional")}
        self.numbers = [n for n, entry in sure.items() if entry.get("type") == "integer"]
        self.dates = ["arrived", *(n for n, entry in workflow["facts"].items() if entry.get("type") == "date")]
        self.yes = [n for n, entry in sure.items() if entry.get("type") == "boolean"]
        self.yes += [f"{n} > {sure[n]['minimum']}" for n in self.numbers]
        words = {n: json.dumps(entry["enum"][0], ensure_ascii=False) for n, entry in sure.items() if "enum" in entry}
        self.yes += [f"{n} == {word}" for n, word in words.items()]

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def maybe(self) -> bool:
        return bool(self.draw(st.booleans()))

    def scenario(self) -> Mapping:
        """Return the whole mapping."""
        pools = alike(self.draw, {f"p{i}": self.pool() for i in range(self.draw(st.integers(1, 3)))})
        names = self.workflow["activities"]
        entry = self.workflow["entry"]
        courts = {c: {"backlog": {s: self.pick(0, 3, 5, 8) for s in entry["states"]}} for c in COURTS}
        arrivals = {court: self.stream() for court in COURTS if self.maybe()}
        self.works = {name: self.work(names[name], pools) for name in names}
        return {
            "scenario": "random",
            "workflow": self.workflow,
            "starts": STARTS,
            "ends": ENDS,
            "calendars": CALENDARS,
            "courts": courts,
            "pools": pools,
            "suspensions": [
                s for name, pool in pools.items() if pool["at"] == "court" and self.maybe() for s in self.suspensions(name)
            ],
            "policies": self.policies(),
            "activities": self.works,
            "people": {
                name: self.by_date(partial(self.distribution, self.fields[name]))
                for name in (*self.workflow["facts"], *entry["record"])
                if self.maybe()
            },
            "arrivals": arrivals,
            "events": {
                name: timing for name, event in self.workflow["events"].items() if (timing := self.timing(event)) is not None
            },
        }

    def policies(self) -> list[Mapping]:
        """Return a policy that decides the other way at one guard of the workflow, or none."""
        transitions = self.workflow["transitions"]
        guarded = [i for i, t in enumerate(transitions) if "when" in t]
        if not guarded or self.maybe():
            return []
        k = self.pick(*guarded)
        turned = {**transitions[k], "when": f"not ({transitions[k]['when']})"}
        other = {**self.workflow, "workflow": "other", "transitions": [*transitions[:k], turned, *transitions[k + 1 :]]}
        return [{"from": self.pick(*DAYS[1:5]), "workflow": other, "in_flight": self.pick("at_next_decision", "pinned")}]

    def pool(self) -> Mapping:
        at = self.pick("court", "nation") if self.shared else "court"
        entry: Mapping = {"at": at, "size": self.size(), "order": self.order()}
        if at == "court" and self.maybe():
            entry["size"] = {court: self.size() for court in COURTS}
        if self.maybe():
            entry["calendar"] = self.pick("office", "split")
            entry["at_shift_end"] = self.pick("suspend", "finish", "fit")
            if self.maybe():
                entry["slots"] = self.pick(1, 2, {"mon-wed": 2, "fri": 1, "sat,sun": 3})
        return entry | shrinking(self.draw) if self.pick(True, False, False) else entry

    def size(self) -> Any:
        if self.maybe():
            return self.pick(1, 2, 3, self.rota())
        return {STARTS: self.pick(1, 0, 2, 3), **{day: self.draw(st.integers(0, 3)) for day in DAYS[1:5] if self.maybe()}}

    def rota(self) -> Mapping:
        """Return sizes by weekday and hour; some change within a working interval, and some nights last until the next date."""
        hours = ("00:00-10:00", "10:00-12:00", "12:00-15:30", "15:30-22:00", "22:00-24:00")
        weekday = {one: self.draw(st.integers(0, 3)) for one in hours}
        return {"mon-wed": self.pick(weekday, 2), "thu,fri": weekday, "sat": {"09:00-17:00": 1, "23:00-03:00": 3}}

    def order(self) -> Any:
        rules: list[Any] = ["first_come", "oldest", "newest"]
        if self.numbers:
            rules += [{"by": self.pick(*self.numbers)}, {"by": f"0 - {self.pick(*self.numbers)}"}]
        if self.yes:
            rules.append({"by": self.pick(*self.yes), True: 2, False: 1})
        return self.pick(*rules)

    def suspensions(self, pool: str) -> list[Mapping]:
        shared = {"except": self.pick(*self.yes)} if self.yes and self.maybe() else {}
        courts = [self.pick(*COURTS)] if self.maybe() else list(COURTS)
        first, second = sorted(self.draw(st.lists(st.integers(0, 6), min_size=2, max_size=2, unique=True)))
        news = {"announced": self.pick(*DAYS[: first + 1])} if self.maybe() else {}
        one = {"pool": pool, "courts": courts, "from": DAYS[first], "to": DAYS[first], **shared, **news}
        return [one, {**one, "from": DAYS[second], "to": DAYS[second + 1]}] if self.maybe() and second > first + 1 else [one]

    def length(self) -> Any:
        family = self.pick("exponential", "constant", "constant", "uniform", "fact")
        facts = [name for name in self.numbers if name in self.workflow["facts"] and self.fields[name]["minimum"] >= 0]
        if family == "fact" and facts:
            return {"fact": self.pick(*facts), "unit": self.pick("hours", "minutes")}
        if family == "constant":
            return self.pick("7 hours", "1 hours", "20 hours", "30 minutes", "0 minutes")
        mean = self.draw(st.integers(1, 30))
        return (
            {"exponential": {"mean": f"{mean} hours"}}
            if family == "exponential"
            else {"uniform": {"min": "0 hours", "max": f"{mean} hours"}}
        )

    def by_date(self, value: Callable[[], Any]) -> Any:
        """Return a value, or two that change on a date; the first date may be before the start."""
        if self.pick(True, True, False):
            return value()
        return {self.pick(STARTS, STARTS - dt.timedelta(days=9)): value(), self.pick(*DAYS[1:5]): value()}

    def lengths(self) -> Any:
        if self.yes and self.maybe():
            return {"by": self.pick(*self.yes), True: self.length(), False: self.length()}
        return self.length()

    def work(self, activity: Mapping, pools: Mapping) -> Mapping:
        entry: Mapping = {"takes": self.by_date(self.lengths), **self.outcome(activity)}
        if self.pick(True, True, True, False):
            return with_pools(self.draw, entry, pools, self.yes if self.teams else None) | {"priority": self.priority()}
        return entry | (self.in_working_days("takes") if self.maybe() else {})

    def priority(self) -> Any:
        """Return a number, an expression over facts or the record, or numbers by a condition."""
        options: list[Any] = [0, 1, 2]
        options += list(self.numbers) + [f"1 - {name}" for name in self.numbers]
        if self.yes:
            options.append({"by": self.pick(*self.yes), True: 0, False: 1})
        return self.pick(*options)

    def outcome(self, giver: Mapping) -> Mapping:
        """Return an outcome with shares in quarters; some of them may be zero, some depend on the record."""
        gives: Mapping = giver.get("gives", {})
        yes = self.yes + [name for name, entry in self.workflow["record"].items() if entry.get("type") == "boolean"]
        outcome = {}
        for field, values in gives.items():
            by = yes if len(gives) > 1 else []
            outcome[field] = self.by_date(lambda values=values, by=by: self.shares_by(values, by))
        return {"outcome": outcome} if outcome else {}

    def shares_by(self, values: list[Any], by: list[str]) -> Mapping:
        if not by:
            return self.shares(values)
        return {"by": self.pick(*by), True: self.shares(values), False: self.shares(values)}

    def shares(self, values: list[Any]) -> Mapping:
        quarters = [0] * len(values)
        for _ in range(4):
            quarters[self.draw(st.integers(0, len(values) - 1))] += 1
        return {v: q / 4 for v, q in zip(values, quarters, strict=True)}

    def waits(self, event: Mapping) -> bool:
        """Return whether an event counts in a state in which cases wait for a pool."""
        states: Mapping = self.workflow["states"]
        within = list(states) if event["while"] == "any" else event["while"]
        return any(not {"pool", "needs", "either"}.isdisjoint(self.works.get(states[s].get("activity"), {})) for s in within)

    def timing(self, event: Mapping) -> Mapping | None:
        kind = self.pick("after", "after", "hazard", "since", "at", "none", "every")
        if kind == "none":
            return None
        timing: Mapping = self.outcome(event) | ({"only": "waiting"} if self.waits(event) and self.maybe() else {})
        if kind == "hazard":
            return timing | {"hazard": self.by_date(lambda: self.pick("2 per day", "0.3 per day", "0 per day"))}
        if kind == "at":
            return timing | {
                "at": self.pick(DAYS[2], [DAYS[1], f"{DAYS[3]} 10:00"], "30 hours", {"fact": self.pick(*self.dates)})
            }
        if kind == "every":
            return timing | self.interval()
        timing |= self.in_working_days("after") if self.pick(True, False, False) else {"after": self.by_date(self.lengths)}
        if self.maybe():
            timing["chance"] = self.by_date(lambda: self.pick(0.5, 0.2))
        if kind == "since":
            timing["since"] = [self.pick(*self.workflow["transitions"])["transition"]]
            if self.maybe():
                timing["since"].append({"fact": self.pick(*self.dates)})
        return timing

    def interval(self) -> Mapping:
        """Return an interval that is not too short, so that an event does not happen thousands of times."""
        if self.maybe():
            return {"every": "1 working days", "calendar": self.pick("office", "split")}
        return {
            "every": self.by_date(lambda: self.pick("7 hours", "24 hours", {"uniform": {"min": "3 hours", "max": "40 hours"}}))
        }

    def in_working_days(self, key: str) -> Mapping:
        return {key: f"{self.draw(st.integers(0, 3))} working days", "calendar": self.pick("office", "split")}

    def distribution(self, entry: Mapping) -> Any:
        kind = "enum" if "enum" in entry else entry["type"]
        distribution: Mapping
        if kind == "boolean":
            distribution = {True: 0.5, False: 0.5}
        elif kind == "enum":
            rest = self.pick(*entry["enum"])
            distribution = {value: "rest" if value == rest else 1 / len(entry["enum"]) for value in entry["enum"]}
        elif kind == "integer":
            distribution = (
                {entry["minimum"]: 0.5, entry["maximum"]: "rest"}
                if entry["minimum"] < entry["maximum"]
                else {entry["minimum"]: 1}
            )
        elif kind == "number":
            distribution = {"uniform": {"min": -2, "max": 2}}
        else:
            distribution = {"days_before": {"exponential": {"mean": "40 days"}}}
        return {"missing": 0.3, **distribution} if entry.get("optional") else distribution

    def stream(self) -> Mapping:
        into = self.pick(*self.workflow["entry"]["states"])
        kind = self.pick("at", "interarrival", "rate")
        if kind == "at":
            return {
                "into": into,
                "at": [f"{h} hours" for h in self.draw(st.lists(st.integers(0, 100), max_size=5))],
            } | self.batch()
        if kind == "interarrival":
            stream = {"into": into, "interarrival": {"constant": self.pick("5 hours", "0 hours")}, "count": 6}
            return stream | self.within_hours() | self.batch() if self.maybe() else stream | {"first": "0 hours"}
        rate = {STARTS: "1 per day", DAYS[3]: "0 per day", DAYS[5]: "2 per day"}
        return {"into": into, "rate": self.pick(rate, "1 per 5 hours", self.rates())} | self.within_hours() | self.batch()

    def rates(self) -> Mapping:
        """Return a rate by weekday and hour."""
        return {"mon-thu": {"08:00-13:00": "0.4 per hour", "20:00-23:00": "1 per hour"}, "sat": "2 per day"}

    def within_hours(self) -> Mapping:
        """Return the calendar of a stream and its last hour, or nothing."""
        if self.maybe():
            return {"until": self.pick(DAYS[4], f"{DAYS[2]} 15:00")} if self.maybe() else {}
        return {"calendar": self.pick("office", "split")} | (
            {"until": self.pick("13:00", "23:30", DAYS[4])} if self.maybe() else {}
        )

    def batch(self) -> Mapping:
        """Return the size of batches, or nothing."""
        return {"batch": self.pick(2, {1: 0.5, 3: "rest"}, {"uniform": {"min": 1, "max": 4}})} if self.maybe() else {}
