"""Mutation tests of the differential test: it must distinguish mutants of the kernel from the SimPy engine."""

from __future__ import annotations

import contextlib
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from simulations import SamplePath, load_scenario
from simulations.engines import compiled_engine, simpy_engine
from simulations.engines.kernel import loop
from simulations.log.eventlog import EventLog
from simulations.scenarios.plan import Plan
from simulations.timing import hearing_dates
from tests.simulations.both_engines import SOME, planned
from tests.simulations.crowds import EXCEPTED, HELD, INTERRUPTED, MARKED, RINGING, TOGETHER, WITHDRAWN, crowds
from tests.simulations.dated import SITTINGS, dated
from tests.simulations.houses import HOUSES, RANKED
from tests.simulations.interpreted_kernel import SOURCE, Interpreted
from tests.simulations.pressed import BY_HAND, pressed
from tests.simulations.random_scenarios import Mapping, loaded
from workflow.errors import VisitCap

pytest.importorskip("numba")

EXAMPLES, PRESSED, DATED = 200, 60, 80

MUTANTS = {
    "a queue in the order of joining, not of case numbers": (
        "or (cases[before].enabled == cases[i].enabled and before > i)",
        "or False",
    ),
    "teams: one that lacks a server starts": ("            lacking = A_SERVER\n", "            pass\n"),
    "teams: a suspension counts as a shortage": ("            return NOT_SUSPENDED\n", "            return A_SERVER\n"),
    "teams: nobody is exempt": ("needs[index(x)].exempt == 0 and", "True and"),
    "teams: one slot for all servers of a pool": ("station.begun += need.count", "station.begun += 1"),
    "teams: a slot for one server is enough": ("or has_slots_left(world, p, n)", "or has_slots_left(world, p, 1)"),
    "teams: interrupted work needs slots": ("interrupted or has_slots_left(", "has_slots_left("),
    "teams: hold is forgotten": (".hold == 1", ".hold == 2"),
    "teams: everybody holds": ("(lacking == A_SERVER and model", "(lacking == A_SERVER or model"),
    "teams: work that does not fit is passed": ("lacking == THE_TIME or", "False or"),
    "teams: the first one only": ("range(kind.first, kind.first + kind.n)", "range(kind.first, kind.first + 1)"),
    "teams: the length of the first pool": ("a, team.takes,", "a, model.activities[a].takes,"),
    "teams: the shift of one pool": ("until = min(until, world", "until = max(np.int64(0), world"),
    "teams: the calendar of the first court": (".calendars + np.int64(world.cases[i].court)", ".calendars"),
    "teams: only the first server is freed": ("        place = following\n", "        place = np.int64(-1)\n"),
    "teams: a freed server wakes only his own queue": ("station.wakes + station.n_wakes)", "station.wakes)"),
    "teams: interrupted by the case, not by the server": ("        if here <= left:", "        if 1 <= left:"),
    "teams: cases of all courts in one queue": ("(court * station.variants if station.width > station.variants else 0)", "0"),
    "teams: further servers by their place": ("hold.server = place - station.free", "hold.server = place"),
    "urgent: the first begun is interrupted": ("begun < other or (begun == other and i <= worst)", "begun > other or (begun == other and i <= worst)"),
    "urgent: of two begun together the lower number": ("begun == other and i <= worst", "begun == other and i >= worst"),
    "urgent: the least of the less urgent": ("if number < at_worst or number == than:", "if number <= than or (worst >= 0 and number > at_worst):"),
    "urgent: whoever it takes for a team": ("            if victim < 0:\n                return False\n", "            if victim < 0:\n                break\n"),
    "urgent: work that does not fit interrupts": ("length_from(model, world, i, a, now), station.until):", "length_from(model, world, i, a, now), station.until) and False:"),
    "urgent: a smaller size waits": ("        if station.preempts == 1:\n            interrupt_surplus", "        if station.preempts == 2:\n            interrupt_surplus"),
    "urgent: restarts resume": ("        work.length = work.whole\n", "        work.length -= now - case.started\n"),
    "urgent: the rest in calendar time": ("if mode == RESUME and rule == SUSPEND:", "if mode == RESUME and rule == FIT + 9:"),
    "urgent: the same length is drawn again": ("model.activities[a].resample, work.interruptions)", "model.activities[a].resample, 1)"),
    "urgent: those behind are forgotten": ("                _touch_again(world, x + 1, n)\n", ""),
    "together: one more is enough": ("station.enough >= 0 and n >= station.enough", "station.enough >= 0 and n > station.enough"),
    "together: patience by the latest": ("earliest = min(earliest, world", "earliest = max(np.int64(0), world"),
    "together: a moment more of patience": ("now - earliest >= station.patience\n", "now - earliest > station.patience\n"),
    "together: one too many": ("while n < station.most and i >= 0:", "while n <= station.most and i >= 0:"),
    "together: a slot for nobody": ("        station.begun += 1\n        counters.n_batches", "        counters.n_batches"),
    "together: the server is free when one leaves": ("    if world.members[place] == 0:\n", "    if case.server >= 0:\n"),
    "together: the suspended count too": ("        first += station.n_levels", "        first += 0"),
    "together: nobody wakes the station": ("        touch_all(model, world, index(i))\n        return np.int64(-1)", "        return np.int64(-1)"),
    "transfers: the case stays": ("        case.court = court\n", ""),
    "transfers: lookups read the home court": ("        world.record[i, index(model.court_field)] = court\n", ""),
    "transfers: the same share each time": ("    work.transfers += 1\n", ""),
    "transfers: one is a move to where the case is": ("    if court != case.court and court != model.n_courts:", "    if court != model.n_courts:"),
    "limits: one more may wait": ("    if n <= station.limit:", "    if n <= station.limit + 1:"),
    "limits: the first case": ("served_before(model, world, index(last), index(i)):\n                last", "served_before(model, world, index(i), index(last)):\n                last"),
    "priority does not count": ("(station.n_levels if server == -2 else 0) + model.levels[state])", "(station.n_levels if server == -2 else 0))"),
    "a queue in order: the later one first": ("        return entries[j].order < order\n", "        return entries[j].order > order\n"),
    "a queue in order: of two alike the one who has waited less": ("        return entries[j].enabled < enabled\n", "        return entries[j].enabled > enabled\n"),
    "a queue in order: no tie by case number": ("    return entries[j].case < i\n", "    return entries[j].case > i\n"),
    "a queue in order: the head leaves, whoever is withdrawn": ("first, n, np.int64(world.position[i]))", "first, n, np.int64(0))"),
    "a queue in order: of those below, only two are looked at": ("range(j + 1, min(j + 4, first + n))", "range(j + 1, min(j + 2, first + n))"),
    "excepted or not: priority does not count": ("        return lx < ly\n", "        pass\n"),
    "excepted or not: the later one first": ("cases[x].order < cases[y].order", "cases[x].order > cases[y].order"),
    "excepted or not: no tie by case number": ("        return from_x < from_y\n    return x < y", "        return from_x < from_y\n    return x > y"),
    "no dispatch after a withdrawal": (
        "            touch_all(model, world, p)\n        case.status",
        "            if row_.server >= 0:\n                touch_all(model, world, p)\n        case.status",
    ),
    "those who arrive together: one who has a clock is only put into the queue": (
        "            or model.states[state].clocks | model.states[state].hazards != 0\n",
        "",
    ),
    "those who arrive together: one who moves on at once is put into the queue": (
        "            or decision_at(model, policy_in_force(model, i, now), state, TRIGGER_ENTER) != NONE\n",
        "",
    ),
    "those who arrive together: one whose work is a delay waits for the first pool": ("model.activities[a].pool < 0\n", "False\n"),
    "those who arrive together: the later ones, too": ("if max(arrived[i], 0) != now:", "if False:"),
    "arrivals before everything": ("(ARRIVAL | i << NUMBER_SHIFT) < code)", "0 <= code)"),
    "the heap: no order of kinds": (
        "        if heap[j].time < time or (heap[j].time == time and heap[j].code < code):\n",
        "        if heap[j].time <= time:\n",
    ),
    "dated events: one event for all cases before the next": (
        "    return turn // g, dates[x + turn % g].event, dates[x + turn % g].visit",
        "    n = len(world.cases)\n    return turn % n, dates[x + turn // n].event, dates[x + turn // n].visit",
    ),
    "dated events: before the clocks of earlier cases": ("c = CLOCK | (counters.at_turn // g) << NUMBER", "c = CLOCK | (counters.at_turn // g // 1000) << NUMBER"),
    "a shift that is closed, not half-open": ("        and now < station.until\n", "        and now <= station.until\n"),
    "slots that are not given back": ("        if station.dates < 0:\n            station.begun = 0\n", ""),
    "slots by the case, not by the server": ("station.slots * station.size", "station.slots"),
    "a smaller size interrupts within an interval": (
        "        station.size = change.value\n",
        "        station.size = change.value\n"
        "        if station.interrupts == 1 and station.busy > station.size:\n"
        "            interrupt_beyond_size(model, world, index(change.station))\n",
    ),
    "a larger size within an interval starts nobody": (
        "        station.size = change.value\n",
        "        station.size = change.value\n        return\n",
    ),
    "fit: work that just fits is refused": ("now + length <= until:", "now + length < until:"),
    "fit: long work never starts": ("return length > model.calendars[c].longest and", "return False and"),
    "suspend: work that goes on after the shift": ("station.rule == SUSPEND and end > station.until:\n        end = complete(model, c,", "station.rule == SUSPEND and False:\n        end = complete(model, c,"),
    "suspend: the next interval, not the end of this one": ("intervals[first + middle].worked < target", "intervals[first + middle].worked <= target"),
    "an opening belongs to the interval before": ("intervals[first + middle].open <= t", "intervals[first + middle].open < t"),
    "the highest free server": ("        if free[first + j] < server:", "        if free[first + j] > server:"),
    "a server that is not given back when work is dropped": (
        "                release(model, world, p, case.server)\n            touch_all",
        "                if trigger == TRIGGER_COMPLETE:\n                    release(model, world, p, case.server)\n            touch_all",
    ),
    "work that is dropped completes all the same": (
        "if world.cases[i].status < SERVED or np.int64(world.cases[i].stamp) != visit:",
        "if world.cases[i].status < SERVED:",
    ),
    "interrupted: the work that started last resumes": ("world.work[index(serving[x - 1])].started > from_", "world.work[index(serving[x - 1])].started < from_"),
    "interrupted: the work begins again": ("        work.length -= working_time(", "        _ = working_time("),
    "interrupted: the work goes to the end of the queue": ("        case.order = NEVER\n", "        pass\n"),
    "interrupted: the work uses a new slot": ("    if not was_interrupted(model, case):\n        station.begun += model.activities[a].uses\n", "    station.begun += model.activities[a].uses\n    if not was_interrupted(model, case):\n"),
    "interrupted: the work is completed all the same": ("    case.interrupted = 1\n    case.stamp += np.uint32(1)\n", "    case.interrupted = 1\n"),
    "only: waiting is forgotten": ("entry.only_waiting != 0 and (case.status != WAITING or case.interrupted == 1)", "False"),
    "a suspension whose last instant counts": ("now < suspensions[s].end", "now <= suspensions[s].end"),
    "a suspension that lets nobody pass": ("        return exempt_case\n    other_case", "        return np.int64(-1)\n    other_case"),
    "an exception that changes is not heeded": ("        if place != np.int64(case.server) or order != case.order:", "        if order != case.order:"),
    "an exception that changes leaves the wrong queue": (
        "            case.server = place\n            join_queue(",
        "            join_queue(",
    ),
    "outside a suspension the excepted first": ("or (exempt_case >= 0 and served_before(model, world, exempt_case, other_case))", "or exempt_case >= 0"),
    "a policy from the instant after its date": ("if policies[k].start <= now and", "if policies[k].start < now and"),
    "a pinned policy that decides old cases": ("(policies[k].pinned == 0 or policies[k].start <= model.arrived[i])", "True"),
    "clocks that start anew on a move within their states": ("start = after & ~before", "start = after"),
    "a hazard that comes once": ("if repeats == HAZARD and model", "if False and model"),
    "a clock that a case brings counts no visit": ("+ event] = 1\n        start_clock", "+ event] = 0\n        start_clock"),
    "a case that brings a clock only joins its queue": ("    if len(model.brought) > 0 or model.waits == 1:\n", "    if model.waits == 1:\n"),
    "the length of another case": ("model.case_lengths[index(entry.first), i]", "model.case_lengths[index(entry.first), 0]"),
    "every: rings once": ("    elif is_special(model) and repeats == EVERY:\n", "    elif False:\n"),
    "every: starts again although coming back has started it": ("        if started == visit + 1 and model.states", "        if model.states"),
    "every: starts again outside its states": ("].clocks & bit != 0:\n            return", "].clocks & bit >= 0:\n            return"),
    "dates: booked in the order of cases": ("case.order = NEVER if case.interrupted == 1 else booked.number", "case.order = NEVER if case.interrupted == 1 else np.int64(i)"),
    "dates: interrupted work is called in the order of booking": ("case.order = NEVER if case.interrupted == 1 else booked.number", "case.order = booked.number"),
    "dates: a date that is over may be booked": ("(date.day if by_day else date.closes) <= time", "(date.day if by_day else date.closes) < time"),
    "dates: full dates are booked": ("        world.bookings[index(k)].used += uses\n", ""),
    "dates: who gives a date up keeps its slots": ("    world.bookings[index(k)].used -= model", "    _ = model"),
    "dates: exempt cases as all": ("    if exempt == 1:\n", "    if False:\n"),
    "dates: notice in calendar days": ("now + length if activity.in_working_days == 0 else", "now + length if True else"),
    "dates: no call on the same day": ("        if k == station.calling:\n            join", "        if False:\n            join"),
    "dates: one slot for each": ("        station.begun += model.activities[a].uses\n", "        station.begun += 1\n"),
    "dates: slots for one are enough": ("uses == 0 or has_slots_left(world, p, uses)", "uses == 0 or has_slots_left(world, p, 1)"),
    "dates: those without a date come first": ("if first < 0 or world.cases[index(first)].interrupted == 1:", "if first < 0 or True:"),
    "dates: slots of every weekday": ("        station.slots = change.value\n", "        pass\n"),
    "dates: slots that are not given back": ("        station.slots = change.value\n        station.begun = 0\n", "        station.slots = change.value\n"),
    "dates: the day of the row is lost": ("world.rows[r].booked_for = leave_date(", "_ = leave_date("),
    "a clock in working days by the calendar's days": ("now + length if c < 0 else complete(model, c, now, length), v)", "now + length, v)"),
    "a hazard whose next date is the last one's length": ("event, visit + 1, counters.now)", "event, visit, counters.now)"),
    "a hazard that does not begin where it counts for the first time": ("states[old].clocks, states[old].hazards", "states[old].clocks, states[state].hazards"),
    "a clock that is not stopped when it starts anew": ("started - 1 != visit)", "False)"),
    "the outcome and the length of the next visit": ("    case.visit = v\n", "    case.visit = v + 1\n"),
    "the length by the outcome's words": ("        bits, outcome = both_bits(", "        outcome, bits = both_bits("),
    "the outcome of a delay is forgotten": ("    case.order = bits\n    c = model.activities", "    c = model.activities"),
    "the chance by the event's own purpose": ("events[e].lottery, v) <", "events[e].hash, v) <"),
    "an outcome by twice its uniform": ("u = numerator * 2.0**-53", "u = numerator * 2.0**-52"),
    "a count that is not kept at its maximum": ("value = min(np.int64(record[i, f]) + 1, effect.most)", "value = np.int64(record[i, f]) + 1"),
    "a delay in working days by the calendar's days": ("end = now + length if c < 0 else", "end = now + length if c >= -1 else"),
    "a value by date: from the instant after its date": ("    while steps[index(k + 1)].date <= now:", "    while steps[index(k + 1)].date < now:"),
    "a value by date: always the first": ("    while steps[", "    while False and steps["),
    "a hazard by date: each step begins at the first": ("            at = until\n", ""),
    "a hazard by date: what has passed does not count": ("            left -= rate * (until - at)\n", ""),
    "a priority that changes is not heeded": ("            order = priority(", "            _ = priority("),
    "a priority that changes takes the order with it": ("(order & 0xFFFFFFFF)", "1"),
    "priorities of cases: interrupted work has no place of its own": ("(0 if case.interrupted == 1 else case.order + 1)", "(case.order + 1)"),
    "priorities of cases: interrupted work resumes only at the head": ("    if resumes and is_ranked(model, station):", "    if False:"),
    "priorities of cases: interrupted work resumes in a suspension": ("station.queue if with_others or station.n_suspended == 0 else station.queue + n", "station.queue"),
    "priorities of cases: of interrupted work the last": ("(first < 0 or served_before(model, world, i, index(first)))", "(first < 0 or i > first)"),
    "priorities by facts alone do not count": ("        return model.orders[index(activity.priority - BY_FACTS), i]\n", "        return np.int64(0)\n"),
    "newest is oldest": ("case.order = -model.arrived[i]", "case.order = model.arrived[i]"),
    "a bucket of time that comes late": ("        if time >= counters.edge:", "        if time >= counters.edge + (np.int64(1) << model.shift):"),
    "what happens at the horizon does not count": ("if NEVER < end <= model.horizon:", "if NEVER < end < model.horizon:"),
}  # fmt: skip


@cache
@patch.object(hearing_dates, "YEARS_AHEAD", 0)  # fewer dates, which plain Python goes through
def _corpus() -> list[tuple[Plan, SamplePath, EventLog]]:
    """Return plans with the SimPy engine's logs: some made by hand, a small pilot, and random ones."""
    pilot = load_scenario("pilot", [f"courts.{court}.backlog.pending.count=30" for court in ("denver", "baltimore")])
    examples = []
    handmade = (*HOUSES, INTERRUPTED, WITHDRAWN, TOGETHER, EXCEPTED, HELD, MARKED, RANKED, RINGING, SITTINGS, *BY_HAND)
    for scenario in (*map(loaded, handmade), pilot):
        plan, path = planned(scenario, 1)
        examples.append((plan, path, simpy_engine.simulate(plan, path)))

    def gather(scenario: Mapping) -> None:
        plan, path = planned(loaded(scenario), 1)
        with contextlib.suppress(VisitCap):
            examples.append((plan, path, simpy_engine.simulate(plan, path)))

    for n, strategy in ((PRESSED, pressed(crowds())), (DATED, dated(crowds())), (EXAMPLES, crowds())):
        drawn = settings(SOME, max_examples=n, database=None, derandomize=True, phases=[Phase.generate])
        drawn(given(strategy)(gather))()
    return examples


def _is_distinguished(monkeypatch: pytest.MonkeyPatch, source: str) -> bool:
    """Return whether a kernel differs from the SimPy engine on an example.

    That example comes first from then on: what tells one mutant often tells the next, and all of them take a minute.
    """
    monkeypatch.setattr(loop, "run", Interpreted(source))
    examples = _corpus()
    for k, (plan, path, expected) in enumerate(examples):
        if _differs(plan, path, expected):
            examples.insert(0, examples.pop(k))
            return True
    return False


def _differs(plan: Plan, path: SamplePath, expected: EventLog) -> bool:
    try:
        log = compiled_engine.simulate(plan, path)
    except Exception:  # whatever goes wrong is noticed
        return True
    if not (np.array_equal(expected.further, log.further) and np.array_equal(expected.transfers, log.transfers)):
        return True
    return any(not np.array_equal(column, log.columns[name]) for name, column in expected.columns.items())


def test_every_mutant_applies() -> None:
    """Each mutant changes one place in the source of the kernel. A change of that place requires a new mutant."""
    assert {name: n for name, (old, _) in MUTANTS.items() if (n := SOURCE.count(old)) != 1} == {}


@pytest.mark.slow
def test_the_unchanged_kernel_agrees_with_the_simpy_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As plain Python, it agrees on every example, so only mutations cause differences."""
    assert not _is_distinguished(monkeypatch, SOURCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_detected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handmade scenario, a small pilot or one of some hundred random scenarios detects it."""
    assert _is_distinguished(monkeypatch, SOURCE.replace(*MUTANTS[name])), f"the mutant survives: {name}"
