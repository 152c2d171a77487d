"""Every sentence of a report, a comparison and the terminal is true of the log, and no two of a page contradict each other.

The sentences carry their data. Each claim is checked against a count of its own from the Parquet files (`log_facts`), and the
numbers in the text against the data. Text that is not a statement must not state a result.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from simulations import RunResult, Scenario, compare, run
from simulations.comparing.comparison import Comparison
from simulations.measuring.descriptors import describe
from simulations.measuring.selection import Selection
from simulations.printing import comparison_table, run_tables
from simulations.report.comparison import comparison_document
from simulations.report.contents import Contents, read_contents
from simulations.report.document import Document, Note
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.report.page import run_document
from simulations.running.intervals import interval as bounded_interval
from simulations.running.results import read_values
from simulations.statements.of_runs import median_stay, never_left, pending_change
from simulations.statements.statement import Claim, Statement
from simulations.tables import formatting
from simulations.tables.formatting import court_title
from simulations.tables.ranking import OF_SERVERS, stands_out
from simulations.tables.run import waiting_parts
from tests.simulations.log_facts import LogFacts, interval
from tests.simulations.random_scenarios import CALENDARS, Mapping, loaded, scenarios
from workflow.errors import StuckCase, VisitCap

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of scenarios drawn at random
FEW = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=150)
RESULT_WORDS = re.compile(
    r"\b(rose|fell|rise|grew|most|largest|longest|busiest|frequent|earlier|later than|higher|lower|shorter|longer|more|fewer)\b"
)
WARNINGS = (Claim.GROWING, Claim.NOT_STEADY, Claim.OUTSIDE)
EXPLAINED = re.compile(
    r"\d+ of \d+ order statistics|\d+ ?% prediction interval[^.]*|\d+ ?% confidence interval|At most \d+ rows of a unit[^.]*|in any of \d+ replications"
)


@st.composite
def offices(draw: Any) -> Mapping:
    """Draw a scenario of one to eight courts with backlogs, arrivals and two activities, some of them overloaded."""
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    courts = [f"c{k}" for k in range(draw(st.integers(1, 8)))]
    length = lambda: {"exponential": {"mean": f"{draw(st.integers(1, 40))} hours"}}  # noqa: E731
    pools = {"clerks": {"at": "court", "size": pick(1, 2, 5)}, "judges": {"at": pick("court", "nation"), "size": pick(1, 3)}}
    for pool in pools.values():
        if pick(True, False):
            pool |= {"calendar": pick("office", "split"), "at_shift_end": pick("suspend", "finish", "fit")}
            pool |= {"slots": pick(1, 3)} if pick(True, False) else {}
    dated = (
        {"appointment": {"at_least": pick("0 days", "5 days")}}
        if {"slots", "calendar"} <= pools["judges"].keys() and pick(True, False)
        else {}
    )
    scenario: Mapping = {
        "scenario": "offices",
        "workflow": {
            "workflow": "offices",
            "facts": {"kind": {"enum": ["plain", "odd"], "default": "plain"}},
            "activities": {"read": {}, "hear": {"gives": {"answer": ["yes", "no"]}}},
            "record": {"answer": {"enum": ["none", "yes", "no"], "default": "none"}},
            "states": {"inbox": {"activity": "read"}, "list": {"activity": "hear"}, "shelf": {"resting": True}, "done": {"final": True}},
            "transitions": [
                {"transition": "enlist", "from": "inbox", "to": "list"},
                {"transition": "close", "from": "list", "to": "done", "when": 'answer == "yes"'},
                {"transition": "store", "from": "list", "to": "shelf"},
                {"transition": "resume", "from": "shelf", "event": "wake", "to": "list"},
            ],
            "entry": {"states": ["inbox", "list"]},
            "events": {"wake": {"while": ["shelf"]}},
        },
        "starts": dt.date(2024, 1, 1),
        "ends": dt.date(2024, 1, 1) + dt.timedelta(days=pick(5, 19, 39)),
        "calendars": CALENDARS,
        "courts": {court: {"backlog": {"inbox": draw(st.integers(0, 25)), "list": draw(st.integers(0, 9))}} for court in courts},
        "pools": pools,
        "activities": {
            "read": {"pool": "clerks", "takes": length()},
            "hear": {"pool": "judges", "takes": length(), "outcome": {"answer": {"yes": 0.8, "no": "rest"}}, **dated},
        },
        "arrivals": {court: {"into": "inbox", "rate": f"{draw(st.integers(0, 4))} per day"} for court in courts if pick(True, False)},
        "people": {"kind": {"plain": 0.6, "odd": "rest"}},
        "events": {"wake": {"after": {"exponential": {"mean": "4 days"}}}},
    }  # fmt: skip
    return scenario | ({"warm_up": dt.date(2024, 1, 3)} if pick(True, False, False) else {})


# the checks ---------------------------------------------------------------------------------------------------


class RunChecks:
    """A check of each claim about one run."""

    def __init__(self, result: RunResult, contents: Contents) -> None:
        self.result, self.contents, self.confidence = result, contents, result.confidence
        self.scenario, self.log = result.scenario, LogFacts(result.scenario, result.folder)

    def check(self, s: Statement) -> None:
        """Check a statement against the log."""
        check: Callable[[Statement], None] = getattr(self, f"check_{s.claim}")
        check(s)

    def courts(self, name: str) -> set[str]:
        """Return the courts that a name stands for."""
        return set(self.contents.groups[name])

    def check_change(self, s: Statement) -> None:
        """Rose, fell, is the same, or did not clearly change."""
        assert s.starts is not None
        assert s.ends is not None
        first, last = (self.log.each(lambda k, day=day: self.log.pending(k, day, s.court)) for day in (s.starts, s.ends))
        assert (s.values["first"], s.values["last"]) == pytest.approx((mean(first), mean(last)))
        differences = [b - a for a, b in zip(first, last, strict=True)]
        low, high = interval(differences, self.confidence) or (differences[0], differences[0])
        if "rose" in s.text:
            assert mean(last) > mean(first)
            assert low > 0
        elif "fell" in s.text:
            assert mean(last) < mean(first)
            assert high < 0
        elif "are as many" in s.text:
            assert first == last
        else:
            assert "did not clearly change" in s.text
            assert low <= 1e-9 <= high + 2e-9 or abs(mean(differences)) < 1

    def check_change_by_court(self, s: Statement) -> None:
        """Two or three courts, each with the same word as a sentence about it alone."""
        assert set(s.values) == set(self.scenario.courts)
        for court, (first, last) in s.values.items():
            alone = pending_change(self.result, court)
            assert (alone.values["first"], alone.values["last"]) == (first, last)
            self.check_change(alone)
            word = next((word for word in ("rose", "fell") if word in alone.text), "did not clearly change")
            (clause,) = [clause for clause in s.text.split("; ") if re.search(rf"\b{court}\b", clause)]
            assert word in clause

    def check_off_docket(self, s: Statement) -> None:
        """The share of all cases in final and resting states."""
        states = self.log.states
        assert s.values["cases"] == pytest.approx(sum(states.values()))
        off = sum(n for state, n in states.items() if state in self.log.off)
        assert s.values["share"] == pytest.approx(off / sum(states.values()))
        assert (", all " in s.text) == (off == sum(states.values()))
        assert (" 0%" in s.text) == (off == 0)

    def check_largest_group(self, s: Statement) -> None:
        """Most means more than half."""
        pending = {state: n for state, n in self.log.states.items() if state not in self.log.off}
        top = max(pending.values())
        assert {state for state, n in pending.items() if n == pytest.approx(top)} == set(s.values["states"])
        assert s.values["share"] == pytest.approx(top / sum(pending.values()))
        is_most = s.values["share"] > 0.5 and s.values["share"] != pytest.approx(0.5)
        assert ("most" in s.text) == (is_most and len(pending) > 1)
        assert ("all pending" in s.text) == (len(pending) == 1)
        assert all(state in s.text for state in s.values["states"])

    def check_in_states(self, s: Statement) -> None:
        """Every state with cases."""
        assert dict(s.values) == pytest.approx(self.log.states)
        assert all(f"{state} " in s.text for state in s.values)

    def check_later_cases(self, s: Statement) -> None:
        """Cases of the run that had not arrived at its start."""
        later = self.log.each(lambda k: sum(self.log.starts < case.arrived <= self.log.ends for case in self.log.cases[k]))
        assert s.values["cases"] == pytest.approx(mean(later))

    def check_longest_wait(self, s: Statement) -> None:
        """No activity has a longer mean wait of all courts."""
        waits = {name: self.log.wait(name, s.court) or 0.0 for name, work in self.scenario.work.items() if work.pool is not None}
        assert s.values["days"] == pytest.approx(max(waits.values())), waits
        assert {name for name, wait in waits.items() if wait == pytest.approx(s.values["days"])} >= set(s.values["activities"])
        if "reasons" in s.values:
            parts = self.parts(s.subject, s.court)
            assert max(parts.values()) == pytest.approx(parts[s.values["reasons"][0]])
            assert sum(parts.values()) == pytest.approx(s.values["days"])

    def parts(self, activity: str, court: str) -> dict[str, float]:
        """Return the parts of a mean wait, whose definition other tests check."""
        names = waiting_parts(self.scenario, self.scenario.work[activity], "waiting_reason")
        parts = {reason: self.result.get(name, court).mean or 0.0 for reason, name in names.items()}
        assert sum(parts.values()) == pytest.approx(self.log.wait(activity, court) or 0.0)
        return parts

    def check_next_free(self, s: Statement) -> None:
        """The mean over the replications that have a free date, on each day."""
        assert s.values["days"] or "No date" in s.text
        for day, ahead in s.values["days"].items():
            each = self.log.each(lambda k, day=day: self.log.next_free(k, s.subject, s.court, dt.date.fromisoformat(day)))  # type: ignore[arg-type]
            known = [days for days in each if not math.isnan(days)]
            assert ahead == pytest.approx(mean(known))

    def check_largest_part(self, s: Statement) -> None:
        """No part of the wait for any activity in a court shown is larger."""
        names = {court_title(court): court for court in self.contents.courts}
        for activity, work in self.scenario.work.items():
            for title, court in names.items() if work.pool is not None else ():
                parts = self.parts(activity, court)
                assert max(parts.values()) <= s.values["days"] + 1e-9
                if (activity, title) == (s.subject, s.court):
                    assert parts[s.values["reason"]] == pytest.approx(s.values["days"])

    def check_busiest_week(self, s: Statement) -> None:
        """The largest mean share of a week, of each pool."""
        chosen = self.result.selection
        assert chosen.measures or chosen.courts or set(s.values) == set(self.scenario.pools)
        assert s.values or "no pool of this court" in s.text
        for pool, share in s.values.items():
            assert share == pytest.approx(self.log.busiest_week(pool, s.court), abs=1e-9)

    def check_fullest_week(self, s: Statement) -> None:
        """The largest mean share of a week's slots, of each pool with slots."""
        chosen = self.result.selection
        with_slots = {name for name, pool in self.scenario.pools.items() if pool.slots is not None}
        assert set(s.values) <= with_slots if chosen.measures or chosen.courts else set(s.values) == with_slots
        for pool, share in s.values.items():
            assert share == pytest.approx(self.log.fullest_week(pool, s.court), abs=1e-9)

    def check_median_stay(self, s: Statement) -> None:
        """The Kaplan-Meier median, with its interval, or that some replication does not reach it."""
        medians = self.log.each(lambda k: self.log.median_stay(k, self.courts(s.court)))  # type: ignore[arg-type,return-value]
        if "not reached" in s.text:
            assert s.values == {"not_reached": medians.count(None), "of": len(medians)}  # type: ignore[arg-type]
            assert None in medians
        else:
            assert s.values["median"] == pytest.approx(mean(medians))

    def check_never_left(self, s: Statement) -> None:
        """Counted, not estimated."""
        stays = [self.log.stays(k, self.courts(s.court)) for k in self.log.replications]
        assert s.values["of"] == pytest.approx(mean(len(one) for one in stays))
        assert s.values["cases"] == pytest.approx(mean(sum(not left for _, left in one) for one in stays))

    def check_most_frequent(self, s: Statement) -> None:
        """No transition is taken more often."""
        counts = self.log.transitions
        assert s.values["count"] == pytest.approx(max(counts.values(), default=0.0))
        top = {name for name, n in counts.items() if n == pytest.approx(s.values["count"])}
        assert ("No transition" in s.text) == (not counts)
        assert not counts or (set(s.values["transitions"]) <= top and ("include" in s.text) == (len(top) > 3))

    def check_off_the_map(self, s: Statement) -> None:
        """Transitions that the first workflow does not have."""
        own = {t.name for t in self.scenario.workflow.transitions}
        assert dict(s.values) == pytest.approx({t: n for t, n in self.log.transitions.items() if t not in own})

    def check_groups_differ(self, s: Statement) -> None:
        """The courts with the longest and the shortest wait; or the groups by a fact."""
        if s.subject == "kind" and s.values and s.values["measure"].startswith("waiting_time"):
            activity = s.values["measure"].split(".")[1]
            slow, fast = ([self.log.wait_in(k, activity, "all", ("kind", s.values[name])) for k in self.log.replications] for name in ("longest", "shortest"))  # fmt: skip
            ratios = [a / b for a, b in zip(slow, fast, strict=True)]  # type: ignore[operator]
            assert s.values["ratio"] == pytest.approx(mean(ratios))
            assert mean(ratios) > 1
            self._check_clear(s, ratios)
        if s.subject != "court":
            return
        if not s.values:
            assert "no difference" in s.text
            return
        if s.values["measure"].startswith("waiting_time"):
            activity = s.values["measure"].split(".")[1]
            slow, fast = (self.log.wait(activity, s.values[name]) for name in ("longest", "shortest"))
            every = [self.log.wait(activity, court) for court in self.scenario.courts]
            assert slow is not None
            assert fast is not None
            assert slow > fast
            if None not in every and all(
                self.log.wait_in(k, activity, c) for k in self.log.replications for c in self.scenario.courts
            ):
                assert (slow, fast) == pytest.approx((max(every), min(every)))  # type: ignore[type-var]

    def _check_clear(self, s: Statement, ratios: list[float]) -> None:
        """The ratio is above 1 even if the level is divided among all mean times and all pairs of groups."""
        of = {e.group for e in self.result.estimates if e.by == s.subject}
        times = {c.measure for c in self.result.contrasts if c.by == s.subject}
        if len(ratios) > 1 and len(of) == 2:
            ends = bounded_interval(ratios, 1 - (1 - self.confidence) / len(times), 0.0)
            assert ends is not None
            assert ends[0] > 1

    def check_growing(self, s: Statement) -> None:
        """Pool, court, period and lengths; the definition holds."""
        assert s.starts is not None
        assert s.ends == self.scenario.ends
        for court, (first, last) in s.values["queues"].items():
            begin = (
                self.log.end_of(s.starts) - (self.log.end_of(s.starts) - self.log.end_of(s.starts).replace(hour=0)) - self._day()
            )
            one, two = (
                mean(self.log.each(lambda k, at=at, court=court: self.log.queue(k, s.subject, court, at)))
                for at in (begin, self.log.ends)
            )
            assert (first, last) == pytest.approx((one, two))
            assert self.log.queue_grows(s.subject, court, self.confidence)

    def _day(self) -> Any:
        return self.log.end_of(self.scenario.starts) - self.log.starts

    def check_not_steady(self, s: Statement) -> None:
        """Rise or fall by the means of the first and the last third after the warm-up."""
        days = [self.scenario.warm_up + k * self._day() for k in range((self.scenario.ends - self.scenario.warm_up).days + 1)]  # type: ignore[operator]
        values = [mean(self.log.each(lambda k, day=day: self.log.pending(k, day, s.court))) for day in days]
        third = len(values) // 3
        early, late = mean(values[:third]), mean(values[-third:])
        assert (s.values["first"], s.values["last"]) == pytest.approx((early, late))
        assert ("rise" in s.text) == (late > early)

    def check_courts_shown(self, s: Statement) -> None:
        """No other court has more pending cases at any time; if these were not chosen, the first courts are shown."""
        others = [court for court in self.scenario.courts if court not in s.values["shown"]]
        assert ("most pending" in s.text) == s.values["by_pending"] == self.result.selection.has("pending")
        assert (len(others), len(s.values["shown"])) == (s.values["others"], 5)
        if not s.values["by_pending"]:
            assert s.values["shown"] == [*self.scenario.courts[:5]]
            return
        peaks = [self.log.peak(court) for court in s.values["shown"]]
        assert peaks == sorted(peaks, reverse=True)
        assert min(peaks) >= max(self.log.peak(court) for court in others)

    def check_selection(self, printed: str) -> None:
        """Only chosen measures and courts have a value, in the result and in what is printed."""
        result, chosen = self.result, self.result.selection
        assert all(chosen.has(e.measure, e.court) for e in result.estimates)
        assert {e.measure for e in result.estimates} <= set(chosen.measures or describe(self.scenario))
        if chosen.measures:
            words = set(re.findall(r"[\w.]+", printed))
            assert not words & (describe(self.scenario).keys() - {*chosen.measures} - {"pending"})

    def check_groups(self) -> None:
        """Pending cases and mean waits of each group by a fact, counted again."""
        for e in self.result.estimates:
            if e.by != "kind" or e.at is not None or e.group is None:
                continue
            group = (e.by, e.group)
            if e.measure == "pending":
                each = self.log.each(lambda k, c=e.court, g=group: self.log.pending(k, self.scenario.ends, c, g))
                assert e.mean == pytest.approx(mean(each))
            elif e.measure.startswith("waiting_time.") and e.measure.endswith(".mean"):
                activity = e.measure.split(".")[1]
                waits = [self.log.wait_in(k, activity, e.court, group) for k in self.log.replications]
                known = [wait for wait in waits if wait is not None]
                assert (e.mean, e.n) == (pytest.approx(mean(known)) if known else None, len(known))

    def check_inside(self, s: Statement) -> None:
        """As many published figures are inside the interval of their own measure, court and day."""
        inside = [self.result.is_inside(figure) for figure in self.result.published]
        assert (s.values["inside"], s.values["of"]) == (inside.count(True), len(inside) - inside.count(None))
        assert 2 * s.values["inside"] >= s.values["of"] > 0

    def check_outside(self, s: Statement) -> None:
        """Most figures are outside the ends of the intervals, and the numbers are counts of them."""
        outside = 0
        for figure in self.result.published:
            e = self.result.get(figure.measure, figure.court, figure.at)
            outside += not float(e.prediction_low) <= figure.value <= float(e.prediction_high)  # type: ignore[arg-type]
        assert (s.values["outside"], s.values["of"]) == (outside, len(self.result.published))
        assert 2 * outside > len(self.result.published)

    def check_page(self, statements: list[Statement]) -> None:
        """Nothing is left out, and the sentences agree with each other."""
        if not self.result.selection.has("pending"):
            return
        named = {(s.subject, court) for s in statements if s.claim is Claim.GROWING for court in s.values["queues"]}
        for pool, spec in self.scenario.pools.items():
            for court in self.scenario.courts if spec.at_court else ("all",):
                assert ((pool, court) in named) == self.log.queue_grows(pool, court, self.confidence)
        by_claim = {s.claim: s for s in statements}
        change, states = by_claim[Claim.CHANGE], by_claim.get(Claim.IN_STATES)
        if states is not None:
            pending = sum(n for state, n in states.values.items() if state not in self.log.off)
            assert change.values["last"] == pytest.approx(pending)
            off = by_claim[Claim.OFF_DOCKET]
            assert (1 - off.values["share"]) * off.values["cases"] == pytest.approx(pending)


class ComparisonChecks:
    """A check of each claim about a comparison."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison, self.numbers = comparison, range(1, comparison.replications + 1)
        self.values = {
            name: {(m, court): v for (m, court, by, _, at, _), v in read_values(comparison.folder / folder, self.numbers).items() if by is None and at is None}
            for name, folder in {"base": "base", **{n: f"other-{k}" for k, n in enumerate(comparison.against, start=1)}}.items()
        }  # fmt: skip

    def check(self, s: Statement) -> None:
        """Check a statement against the values of the replications and the log."""
        if s.claim in (Claim.GROWING, Claim.COURTS_SHOWN):
            return  # checked in the reports of the runs
        check: Callable[[Statement], None] = getattr(self, f"check_{s.claim}")
        check(s)

    def pairs(self, against: str, measure: str, court: str) -> list[tuple[float, float]]:
        """Return the values of base and other in the replications in which both have one."""
        one, two = (self.values[name][measure, court] for name in ("base", against))
        return [(a, b) for a, b in zip(one, two, strict=True) if a is not None and b is not None]

    def check_difference(self, s: Statement) -> None:
        """Both means, the direction, and no other measure of more importance."""
        pairs = self.pairs(s.values["against"], s.subject, s.court)
        base, other = mean(a for a, _ in pairs), mean(b for _, b in pairs)
        assert (s.values["base"], s.values["other"]) == pytest.approx((base, other))
        up = ("later", "longer", "higher", "more")
        down = ("earlier", "shorter", "lower", "fewer")
        assert any(re.search(rf" {word}( in each of \d+ replications)?,", s.text) for word in (up if other > base else down))
        if s.claim is Claim.ALSO or s.values["lead_of"] != s.court:
            return
        mine = describe(self.comparison.base)[s.subject].family in OF_SERVERS
        ranks = [
            self.importance(s.values["against"], d.measure, d.court)
            for d in self.comparison.differences
            if d.against == s.values["against"] and d.at is None and d.court == s.court and d.paired is not None
            and (d.is_significant(self.comparison.confidence) or len(self.numbers) < 2 or d.paired.constant or d.certain)
            and not describe(self.comparison.base)[d.measure].is_detail and d.measure != "clearance_rate"
            and mine >= (describe(self.comparison.base)[d.measure].family in OF_SERVERS)
        ]  # fmt: skip
        if mine:  # nothing else differs
            families = [
                describe(self.comparison.base)[d.measure].family
                for d in self.comparison.differences
                if d.against == s.values["against"] and d.at is None and d.court == s.court and stands_out(self.comparison, d)
                and not self.comparison.is_detail(d) and not d.few_came_in
            ]  # fmt: skip
            assert set(families) <= set(OF_SERVERS)
        assert self.importance(s.values["against"], s.subject, s.court) >= max(ranks, default=0.0) - 1e-9

    def check_also(self, s: Statement) -> None:
        """Another difference that stands out, with the same words."""
        self.check_difference(s)
        (d,) = (
            d
            for d in self.comparison.differences
            if (d.against, d.measure, d.court, d.at) == (s.values["against"], s.subject, s.court, None)
        )
        assert stands_out(self.comparison, d)

    def check_same_courts(self, s: Statement) -> None:
        """In these courts no replication of any measure differs; in another court one does."""
        against, courts = s.values["against"], s.values["courts"]
        assert (s.values["n"], s.values["of"]) == (len(courts), len(self.comparison.base.courts))
        differing = {
            court
            for measure, court in self.values["base"]
            if measure != "clearance_rate" and any(a != b for a, b in self.pairs(against, measure, court))
        }
        assert not differing & set(courts)
        assert differing & set(self.comparison.base.courts)
        if len(courts) <= 3:
            assert all(court in s.text for court in courts)

    def importance(self, against: str, measure: str, court: str) -> float:
        """Return the certain part of a difference, relative to the larger value."""
        pairs = self.pairs(against, measure, court)
        differences = [b - a for a, b in pairs]
        low, high = interval(differences, self.comparison.confidence) or (0.0, 0.0)
        size = max(abs(mean(a for a, _ in pairs)), abs(mean(b for _, b in pairs)))
        return max(0.0, abs(mean(differences)) - (high - low) / 2) / size if size else 0.0

    def check_significant(self, s: Statement) -> None:
        """How many measures differ, and how many do in no replication."""
        courts, chosen = self.comparison.base.courts, self.comparison.selection.courts
        only = courts[0] if len(courts) == 1 and not chosen else None
        mine = [
            d
            for d in self.comparison.differences
            if d.against == s.values["against"] and d.at is None and d.paired and d.court != only
        ]
        same = sum(all(a == b for a, b in self.pairs(d.against, d.measure, d.court)) for d in mine)
        assert same - s.values["same"] in (0, len(mine) - s.values["measures"])  # clearance rates without inflow are left out
        assert s.text.startswith("All ") == (s.values["same"] == s.values["measures"])
        assert s.values["clear"] <= s.values["measures"] - s.values["same"]

    def check_levels(self, s: Statement) -> None:
        """The pending cases of each scenario at the end, counted from its log."""
        for name, folder in zip(s.values, ("base", *(f"other-{k}" for k in range(1, len(s.values)))), strict=True):
            log = LogFacts(self.comparison.base, self.comparison.folder / folder)
            assert s.values[name] == pytest.approx(mean(log.each(lambda k, log=log: log.pending(k, log.scenario.ends, s.court))))

    def check_unchanged(self, s: Statement) -> None:
        """A measure is the same if no replication differs."""
        assert 0 <= s.values["same"] <= s.values["measures"]

    def check_page(self, statements: list[Statement]) -> None:
        """All sentences about one other scenario are equal, wherever they are, and agree with the pending cases."""
        for name in self.comparison.against:
            for claim in (Claim.SIGNIFICANT, Claim.DIFFERENCE):
                texts = {s.text for s in statements if s.claim is claim and s.values["against"] == name}
                assert len(texts) <= 1
        levels = next((s for s in statements if s.claim is Claim.LEVELS), None)
        for s in statements:
            if s.claim in (Claim.DIFFERENCE, Claim.ALSO) and (s.subject, s.court) == ("pending", "all") and levels is not None:
                base, *_ = levels.values.values()
                assert ("fewer" in s.text) == (levels.values[s.values["against"]] < base)


def check_numbers(s: Statement, places: dict[str, int]) -> None:
    """Each number in the text is one of the values, rounded to the digits shown.

    Parameters
    ----------
    places : dict of str to int
        See `places_of_numbers`.
    """
    text = re.sub(r"in (?:all|any of) \d+ replications|in each of \d+|with \d+ replications|\d+th percentile", " ", s.text)
    names = {str(name) for name in names_in(s)}
    names |= {part for name in names for part in name.split(".")}  # the title of a measure has the name of its activity
    names |= {name.removesuffix(" short") for name in names}  # a reason has the name of the pool that was short
    for name in sorted(names - {""}, key=len, reverse=True):
        text = text.replace(name, "·")
    text = re.sub(r"\d{4}-\d\d-\d\d|[±(][^:)]*?(?=[a-z:);]|$)", " ", text)
    known = [abs(float(v)) for v in numbers_in(s.values)]
    known += [100 * v for v in known]
    if s.claim is Claim.NEVER_LEFT:
        known.append(100 * s.values["cases"] / s.values["of"])
    for token, percent in re.findall(r"(\d[\d,]*(?:\.\d+)?)(%?)", text):
        shown, digits = float(token.replace(",", "")), len(token.partition(".")[2])
        if not percent:
            digits = places.get(token.rstrip(","), digits)
        close = any(abs(v - shown) <= 0.5000001 * 10**-digits for v in known)
        in_other_unit = s.claim in (Claim.DIFFERENCE, Claim.ALSO, Claim.MEDIAN_STAY, Claim.LONGEST_WAIT, Claim.LARGEST_PART)
        bound = shown in (1, 99) and ("less than 1%" in text or "more than 99%" in text)
        more_courts = s.claim is Claim.GROWING and "more courts" in text
        of_courts = s.claim is Claim.COURTS_SHOWN and shown == len(s.values["shown"])
        assert close or bound or more_courts or of_courts or (in_other_unit and converted(shown, digits, known)), (
            token,
            s.text,
            known,
        )


def converted(shown: float, digits: int, days: list[float]) -> bool:
    """Return whether a number is one of these numbers of days in hours or minutes."""
    return any(abs(v * factor - shown) <= 0.5000001 * 10**-digits for v in days for factor in (24, 1440, 86400))


def names_in(s: Statement) -> Iterator[Any]:
    """Yield the names that a statement holds: measures, states, courts, pools and scenarios."""
    yield from (name for name in (s.subject, s.court) if name not in ("", "all"))
    for key, value in s.values.items():
        yield from (text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str) and text)
        yield key
        if isinstance(value, dict):
            yield from value


def numbers_in(value: Any) -> Iterator[float]:
    """Yield every number in the values of a statement."""
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]:
        if isinstance(one, dict | list | tuple):
            yield from numbers_in(one)
        elif isinstance(one, int | float) and not isinstance(one, bool):
            yield one


def check_plain_text(document: Document) -> None:
    """Headings, captions and notes that are not statements explain, and claim nothing about the results."""
    for section in document.sections:
        for block in section.blocks:
            parts: list[Any] = [*block.heading, *block.caption] if isinstance(block, Figure) else []
            parts += [block.content] if isinstance(block, Note) and section.key != "about" else []
            for text in (part for part in parts if isinstance(part, str)):
                rest = EXPLAINED.sub("", text)
                assert not RESULT_WORDS.search(rest), text


@contextmanager
def places_of_numbers() -> Iterator[dict[str, int]]:
    """Collect the numbers that are rounded to tens, hundreds and so on beside their interval, each with its negative places."""
    places: dict[str, int] = {}

    def rounded(value: float, to: int) -> str:
        text = round_number(value, to)
        if to < 0:
            size = text.removeprefix("−")
            places[size] = min(to, places.get(size, 0))
        return text

    round_number = formatting._rounded
    with patch.object(formatting, "_rounded", rounded):
        yield places


@contextmanager
def undrawn() -> Iterator[None]:
    """Leave charts undrawn: only their sentences are needed."""
    with patch("vl_convert.vegalite_to_svg", lambda *_: "<svg></svg>"):
        yield


def printed(module: Any, call: Callable[[], None]) -> str:
    """Return what is printed to the terminal, in one line."""
    console = Console(file=StringIO(), width=10_000)
    with patch.object(module, "new_console", lambda: console):
        call()
    return " ".join(console.file.getvalue().replace("\ue000", " ").split())  # type: ignore[attr-defined]


def selection_of(scenario: Scenario, seed: int) -> dict[str, list[str]]:
    """Choose no measures and courts, a few measures, or a court, by chance."""
    dice, measures = Random(seed), list(describe(scenario))
    how = dice.choice(["everything", "everything", "measures", "court", "both"])
    chosen = {}
    if how in ("measures", "both"):
        chosen["measures"] = sorted({*dice.sample(measures, dice.randint(1, 4)), *dice.sample(["pending"], dice.randint(0, 1))})
    if how in ("court", "both"):
        chosen["courts"] = dice.choice([["all"], [dice.choice(scenario.courts)], [dice.choice(scenario.courts), "all"]])
    if Selection(**chosen).problems_in(scenario):  # a measure of a pool that serves all courts, of one court
        chosen["courts"].append("all")
    return chosen


def n_hypotheses(comparison: Comparison, checks: ComparisonChecks, against: str) -> int:
    """Count the different vectors of differences, up to the sign, among those that vary."""
    distinct: list[list[float]] = []
    for d in comparison.differences:
        one, two = (checks.values[name][d.measure, d.court] for name in ("base", against))
        vector = [math.inf if a is None or b is None else b - a for a, b in zip(one, two, strict=True)]
        known = [v for v in vector if v != math.inf]
        if d.at is not None or d.paired is None or len(known) < 2:
            continue
        size = max(map(abs, known))
        if max(known) - min(known) <= 1e-9 * max(abs(v) for v in (*one, *two) if v is not None):
            continue
        if not any(
            all(a == b or abs(a - sign * b) <= 1e-8 * size for a, b in zip(vector, other, strict=True))
            for other in distinct
            for sign in (1, -1)
        ):
            distinct.append(vector)
    return len(distinct)


def check_run(scenario: Scenario, folder: Path, replications: int, seed: int) -> None:
    """Run a scenario and check every sentence of its report and of the terminal."""
    by = ["court", *(["kind"] if "kind" in scenario.workflow.facts else [])]
    chosen = selection_of(scenario, seed)
    result = run(scenario, replications=replications, seed=seed, out=folder, engine="simpy", workers=1, by=by, **chosen)
    contents = read_contents(folder)
    with undrawn(), places_of_numbers() as places:
        document = run_document(contents, figures(contents))
    checks, statements = RunChecks(result, contents), document.statements
    for statement in statements:
        checks.check(statement)
        check_numbers(statement, places)
    checks.check_page(statements)
    check_plain_text(document)
    checks.check_groups()
    terminal = printed(run_tables, lambda: run_tables.print_result(result, []))
    checks.check_selection(terminal)
    for statement in statements:
        if statement.claim in WARNINGS:
            assert statement.text in terminal
    assert terminal.count("Warning:") == sum(s.claim in WARNINGS for s in statements)


def check_comparison(base: Scenario, other: Scenario, folder: Path, replications: int, seed: int) -> None:
    """Compare two scenarios and check every sentence of the page and of the terminal."""
    chosen = selection_of(base, seed)
    comparison = compare(base, other, replications=replications, seed=seed, out=folder, engine="simpy", workers=1, **chosen)
    with undrawn(), places_of_numbers() as places:
        document = comparison_document(folder)
    checks, statements = ComparisonChecks(comparison), document.statements
    for statement in statements:
        checks.check(statement)
        check_numbers(statement, places)
    checks.check_page(statements)
    check_plain_text(document)
    first = document.sections[0].blocks[0]
    if any(s.claim is Claim.DIFFERENCE for s in statements):
        assert isinstance(first, Note)
        assert isinstance(first.content, Statement)
        assert first.content.claim is Claim.DIFFERENCE
    terminal = printed(comparison_table, lambda: comparison_table.print_comparison(comparison, []))
    assert all(comparison.selection.has(d.measure, d.court) for d in comparison.differences)
    (against,) = comparison.against
    # With fewer than five replications, only rows that are equal by definition are one hypothesis.
    if all(d.paired is not None and d.paired.n >= 5 for d in comparison.differences):
        n = n_hypotheses(comparison, checks, against)
        assert f": {'one hypothesis' if n == 1 else f'{n} distinct hypotheses' if n else 'no hypotheses'} tested" in terminal
    for statement in statements:
        if statement.claim in (Claim.DIFFERENCE, Claim.SIGNIFICANT):
            assert f"{statement.text}." in terminal
    courts = run_tables.shown_courts(base.courts, comparison.selection)
    mine = [d for d in comparison.differences if d.at is None and d.court in courts]
    same = sum(d.paired is not None and all(a == b for a, b in checks.pairs(d.against, d.measure, d.court)) for d in mine)
    assert f"at the end of the run, {base.ends}: {same} of {len(mine)} measures of a court." in terminal


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder for one example."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "run"


def try_run(mapping: Mapping, replications: int, seed: int) -> None:
    """Check the sentences about a run of a drawn scenario, unless a case exceeds the visit cap."""
    try:
        with new_folder() as folder:
            check_run(loaded(mapping), folder, replications, seed)
    except (StuckCase, VisitCap):
        pass


def try_comparison(mapping: Mapping, replications: int, seed: int, size: int) -> None:
    """Check the sentences about a comparison with other sizes of a pool."""
    other = {**mapping, "pools": {**mapping["pools"], "clerks": {**mapping["pools"]["clerks"], "size": size}}}
    with new_folder() as folder:
        check_comparison(loaded(mapping), loaded(other), folder, replications, seed)


def test_a_number_is_rounded_to_the_step_of_its_interval() -> None:
    """54.75 minutes, from 13 to 231, are 50 of 10 to 230; half of the width has two digits, so the step is ten minutes.

    Only a number with an interval is so rounded: of 107 cases, 107 are named.
    """
    with places_of_numbers() as places:
        median = median_stay("west", [minutes / 1440 for minutes in (23, 55, 86.25)], 0.95)
        pending = never_left("west", [23, 55, 86.25], 107, 0.95)
    assert median.text == "Median at west: 50 (10 to 230) min"
    assert pending.text == "50 of 107 cases on average had not left the docket by the end of the run (51%)"
    for statement in (median, pending):
        check_numbers(statement, places)
        with pytest.raises(AssertionError):
            check_numbers(replace(statement, text=statement.text.replace("50", "60")), places)
    with pytest.raises(AssertionError):
        check_numbers(replace(pending, text=pending.text.replace("107", "110")), places)


@FEW
@given(offices(), st.integers(1, 4), st.integers(1, 100))
def test_every_sentence_about_a_run_is_true(mapping: Mapping, replications: int, seed: int) -> None:
    """Of offices with one to eight courts, some overloaded."""
    try_run(mapping, replications, seed)


@settings(FEW, max_examples=2)
@given(offices(), st.integers(1, 4), st.integers(1, 100), st.integers(1, 6))
def test_every_sentence_about_a_comparison_is_true(mapping: Mapping, replications: int, seed: int, size: int) -> None:
    """Of offices with other numbers of clerks."""
    try_comparison(mapping, replications, seed, size)


@pytest.mark.slow
@MANY
@given(offices() | scenarios(), st.integers(1, 4), st.integers(1, 100))
def test_every_sentence_about_many_runs_is_true(mapping: Mapping, replications: int, seed: int) -> None:
    """Also of random workflows, with policies, events and suspensions."""
    try_run(mapping, replications, seed)


@pytest.mark.slow
@settings(MANY, max_examples=60)
@given(offices(), st.integers(1, 6), st.integers(1, 100), st.integers(1, 6))
def test_every_sentence_about_many_comparisons_is_true(mapping: Mapping, replications: int, seed: int, size: int) -> None:
    """Of offices with other numbers of clerks."""
    try_comparison(mapping, replications, seed, size)
