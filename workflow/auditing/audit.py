"""Check every case of a log against a workflow and its rules, vectorised over cases.

The automaton of a rule runs over all cases in parallel: first over the first matching row of every case, then over
the second, and so on. Where the log leaves open whether a row matches, the automaton runs twice: once with the matches that
break the rule least often, and once with those that break it most often. A case is judged where both runs agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.conditions import bounds
from workflow.auditing.log import AuditLog
from workflow.auditing.moves import moves_not_allowed
from workflow.auditing.paths import Integers, States, run_automaton
from workflow.auditing.report import AuditReport, RuleAudit
from workflow.errors import InputError, nearest
from workflow.files.arguments import check_arguments, kind_problems
from workflow.model.arguments import rule_problems
from workflow.model.automata import ROW_END, Automaton
from workflow.model.rules import Rule
from workflow.model.time_limits import TimeLimit
from workflow.predicates import names
from workflow.predicates.tree import And, Name
from workflow.predicates.words import PastField

_LONG_AGO = -(2**62)
Symbols = NDArray[np.uint8 | np.uint32]
"""The patterns that match each step, as bits."""


def audit(log: AuditLog, rules: Sequence[Rule] | None = None) -> AuditReport:
    """Check every case of a log against its workflow and against rules, by default those of the workflow.

    Raises
    ------
    InputError
        If an argument is of another kind.
    """
    check_arguments(kind_problems(AuditLog, "what read_log(path, workflow) returned", log=log) + rule_problems(rules))
    chosen = log.workflow.rules if rules is None else rules
    return AuditReport(log, *moves_not_allowed(log), tuple(judge(log, rule) for rule in chosen))


def judge(log: AuditLog, rule: Rule) -> RuleAudit:
    """Check every case of a log against one rule."""
    return _Run(log, rule).judge()


@dataclass(frozen=True)
class _Reading:
    """What one run of the automaton says.

    Attributes
    ----------
    cases, rows : ndarray of int64
        The cases that break the rule, sorted, and the row of each violation; -1 for one as the case begins.
    at : ndarray of int64, shape (2, n_violations)
        The instant and the local clock of each violation.
    is_open : ndarray of bool, shape (n_cases,)
        The cases with an obligation that is open and whose time is not over.
    """

    cases: Integers
    rows: Integers
    at: Integers
    is_open: NDArray[np.bool_]


class _Over(NamedTuple):
    """When lengths of time are over, and the first rows after that."""

    due: Integers
    rows: Integers


class _Run:
    """The check of one rule over one log."""

    def __init__(self, log: AuditLog, rule: Rule) -> None:
        self.log, self.rule, self.automaton = log, rule, rule.automaton
        self.heard = Heard(rule.automaton)
        self.begun, self.begun_unknown = self._start_states()

    def _start_states(self) -> tuple[States, NDArray[np.bool_]]:
        """Return the state of the automaton at the start of each case, and whether the log leaves it open."""
        log = self.log
        n_cases = len(log.names)
        starts = self.automaton.starts
        begun, known = np.full(n_cases, starts[-1][1] if starts else 0, np.int32), np.full(n_cases, not starts)
        everyone = slice(0, n_cases)
        for condition, q in starts:
            if log.begins or names(condition) <= log.facts.keys():
                surely, _ = bounds(log, condition, everyone, log.begins or {}, everyone)
                begun[surely] = q
                known |= surely
        return begun, ~known

    def judge(self) -> RuleAudit:
        """Return the result of the rule."""
        rows, low, high = self._symbols()
        least = self._reading(rows, low, surely=True)
        is_certain = low is high and not self.log.untold(self.rule.reads | ({"state"} if self.automaton.open else set()))
        most = least if is_certain else self._reading(rows, high, surely=False)
        unjudged = self._unreadable(rows, low, high)
        if self.rule.template == "eventually":  # whatever a case began with, it has come to it
            came = ~least.is_open
            came[least.cases] = False
            unjudged &= ~(came & self.begun_unknown)
        is_broken = np.zeros(len(self.log.names), bool)
        is_broken[least.cases] = True
        is_broken &= ~unjudged
        if not is_certain:
            unjudged[most.cases] = True
            unjudged |= least.is_open != most.is_open
            unjudged &= ~is_broken
        chosen = is_broken[least.cases]
        is_open = least.is_open & ~is_broken & ~unjudged
        at = least.at[:, chosen]
        return RuleAudit(
            self.rule, self._untold(unjudged), least.cases[chosen], least.rows[chosen], at[0], at[1], is_open, unjudged,
            self._idle(high),
        )  # fmt: skip

    def _reading(self, step_rows: Integers, symbols: Symbols, surely: bool) -> _Reading:
        """Run the automaton; with `surely`, what breaks the rule is what surely does, else what possibly does."""
        log = self.log
        last, states = self._walk(step_rows, symbols)
        opens = np.isin(range(len(self.automaton.table)), list(self.automaton.open))
        nowhere = np.zeros(len(log.names), bool)
        is_open, has_ended = (opens[last], log.ended[0 if surely else 1]) if self.automaton.open else (nowhere, nowhere)
        bad = [
            self._first_broken(step_rows, states),
            self._forbidden(step_rows, states, surely),
            self._too_often(step_rows, symbols),
        ]
        late, overdue = self._late(step_rows, opens[states], is_open & has_ended)
        if self.rule.per is not None and self.rule.template == "at_least":
            late, overdue = self._too_seldom(step_rows, symbols, log.ended[0 if surely else 1])
        rows = np.concatenate([*bad, late, overdue])
        at = np.stack([log.at[rows], log.local[rows]])
        at[:, len(rows) - len(overdue) :] = np.array([self._end()]).T
        order = np.lexsort((rows, at[0], log.case[rows]))
        rows, at = rows[order], at[:, order]
        cases, index = np.unique(log.case[rows], return_index=True)
        cases, rows, at = self._with_begun(cases, rows[index], at[:, index], surely)
        is_open = is_open & ~has_ended
        is_open[cases] = False
        return _Reading(cases, rows, at, is_open)

    def _unreadable(self, rows: Integers, low: Symbols, high: Symbols) -> NDArray[np.bool_]:
        """Return the cases that are not judged, whatever the two runs say.

        Steps without a name may have been any. Some rules have no matches that break them most often, such as those with past
        operators, and those with a step that may both open and meet an obligation.
        """
        log, patterns = self.log, self.automaton.patterns
        unreadable = self.begun_unknown.copy()
        if log.unnamed is not None and (patterns or self.rule.reads - log.facts.keys()):
            unreadable |= log.unnamed
        if low is not high and not self.automaton.is_ordered:
            unreadable[log.case[rows[low != high]]] = True
        return unreadable

    def _untold(self, unjudged: NDArray[np.bool_]) -> tuple[str, ...]:
        """Return what the log does not tell, if no case is judged."""
        if not len(unjudged) or not unjudged.all():
            return ()
        return self.log.untold(self.rule.reads) or tuple(sorted(self.rule.step_names & self.log.workflow.events.keys()))

    def _idle(self, symbols: Symbols) -> str | None:
        """Return why the rule says nothing about any case of the log: its trigger never occurs."""
        if self.rule.template in ("at_least", "exactly", "eventually"):  # they also speak of cases to which nothing happens
            return None
        happened, unknown = self.log.happened, sorted(set(self.log.unknown_names.values()))
        if self.rule.condition is not None:
            parts = self.rule.condition.operands if isinstance(self.rule.condition, And) else ()
            past = [p.field for p in parts if isinstance(p, Name) and isinstance(p.field, PastField)]
            triggers = [tuple(sorted(operator.words[0].names)) for operator in past]
        else:
            triggers = [tuple(sorted(self.rule.subject.names))]
        for trigger in triggers:
            if not happened.intersection(trigger):
                hint = next((found for name in trigger if (found := nearest(name, unknown))), "")
                hint = f" (d{hint.removeprefix(' D')[:-1]}?)".replace("??", "?") if hint else ""
                return f"{' or '.join(trigger)} never occurs in this log{hint}"
        is_restricted = self.rule.condition is None and self.rule.template != "never"
        if is_restricted and not (symbols & self.heard.bits_of(self.rule.subject_bits)).any():
            return f"{self.rule.subject} never occurs in this log as the rule describes it"
        return None

    def _symbols(self) -> tuple[Integers, Symbols, Symbols]:
        """Return the row of each step that the rule may match, and the symbols that break the rule least and most often.

        They are the same array where the log says everything. An event comes before its transition.
        """
        matches = []
        # as `workflow.deciding.steps` defines it: an event gives the case as the guards of its transition see it
        for order, (low, high, read, given) in enumerate([self._events(), self._transitions(), self._ends()]):
            if high is None:
                continue
            low, high = self._where_conditions_hold(low, high, read, given)
            rows = np.flatnonzero((high | low if low is not high else high) != 0)  # truth values are counted much faster
            least = low[rows]
            matches.append((4 * rows + order, least, least if low is high else high[rows]))
        if not matches:
            nothing = np.zeros(0, self.heard.bits)
            return np.zeros(0, np.int64), nothing, nothing
        if len(matches) == 1:
            ((order_of, low, high),) = matches
        else:
            order_of, low, high = (np.concatenate(parts) for parts in zip(*matches, strict=True))
            sort = np.argsort(order_of, kind="stable")  # merges sorted runs
            order_of, low, high = order_of[sort], low[sort], high[sort]
        return order_of >> 2, low, low if low is high or np.array_equal(low, high) else high

    def _bits(self, of_names: Sequence[Sequence[str]]) -> tuple[Symbols, Symbols]:
        """Return, for each group of names, the patterns that match surely, and those that match possibly; 0 comes last."""
        patterns = self.heard.patterns
        surely = [sum(1 << i for i, p in enumerate(patterns) if group and p.names.issuperset(group)) for group in of_names]
        possibly = [sum(1 << i for i, p in enumerate(patterns) if p.names.intersection(group)) for group in of_names]
        return np.array([*surely, 0], self.heard.bits), np.array([*possibly, 0], self.heard.bits)

    def _transitions(self) -> tuple[Any, ...]:
        log = self.log
        _, bits = self._bits([[t.name] for t in log.in_force.transitions])
        symbols = bits[log.transition] if bits.any() else None
        return symbols, symbols, log.seen, log.after

    def _events(self) -> tuple[Any, ...]:
        """Return the symbols of events; where one of several triggered a transition, all of them count possibly."""
        log = self.log
        _, bits = self._bits([[event.name] for event in log.in_force.events])
        if not bits.any():
            return None, None, log.before, log.seen
        low = high = bits[log.event]
        if len(log.ambiguous):
            surely, possibly = self._bits([t.events for t in log.in_force.transitions])
            low, high, mine = low.copy(), high.copy(), log.transition[log.ambiguous]
            low[log.ambiguous], high[log.ambiguous] = self._ordered(surely[mine], possibly[mine])
        return low, high, log.before, log.seen

    def _ends(self) -> tuple[Any, ...]:
        """Return the symbols of the ends of rows, for a rule that hears them."""
        log = self.log
        if ROW_END not in self.automaton.names:
            return None, None, log.after, log.after
        _, bits = self._bits([[ROW_END]])
        symbols = np.full(len(log), bits[0])
        return symbols, symbols, log.after, log.after

    def _ordered(self, surely: Symbols, possibly: Symbols) -> tuple[Symbols, Symbols]:
        """Return the symbols that break the rule least and most often, given those that match surely and possibly."""
        relieving = self.heard.bits(sum(1 << i for i in self.heard.relieving))
        return (surely & ~relieving) | (possibly & relieving), (possibly & ~relieving) | (surely & relieving)

    def _where_conditions_hold(self, low: Symbols, high: Symbols, read: Any, given: Any) -> tuple[Symbols, Symbols]:
        """Return the symbols without the patterns whose conditions do not hold."""
        for i, pattern in enumerate(self.heard.patterns):
            bit = self.heard.bits(1 << i)
            for condition, record in ((pattern.when, read), (pattern.giving, given)):
                if condition is None:
                    continue
                rows = np.flatnonzero((low | high if low is not high else high) & bit != 0)
                surely, possibly = bounds(self.log, condition, rows, record)
                if low is high and surely is not possibly:
                    low, high = low.copy(), high.copy()
                if low is high:
                    low[rows[~surely]] &= ~bit
                    continue
                fewer, more = (high, low) if i in self.heard.relieving else (low, high)
                fewer[rows[~surely]] &= ~bit
                more[rows[~possibly]] &= ~bit
        return low, high

    def _walk(self, rows: Integers, symbols: Symbols) -> tuple[States, States]:
        """Return the last state of each case, and the state after each step."""
        table, symbols = self.heard.table(symbols)
        case = self.log.case[rows]
        first = np.flatnonzero(np.diff(case, prepend=-1, append=len(self.log.names)))
        there = case[first[:-1]]
        before, q = run_automaton(table, self.begun[there], first, symbols)
        last = self.begun.copy()
        last[there] = q
        return last, table[before, symbols]

    def _first_broken(self, rows: Integers, states: States) -> Integers:
        return rows[np.isin(states, list(self.automaton.broken))] if self.automaton.broken else np.zeros(0, np.int64)

    def _end(self) -> tuple[int, int]:
        """Return the end of the log, as an instant and on the local clock."""
        log = self.log
        if log.end is not None and log.local_end is not None:
            return log.end, log.local_end
        last = int(np.argmax(log.at)) if len(log) else None
        return (0, 0) if last is None else (int(log.at[last]), int(log.local[last]))

    def _late(self, rows: Integers, is_open: NDArray[np.bool_], ends_open: NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """Return the rows that leave an obligation unmet, and the last rows of cases with a missed deadline but no later row.

        A row does so if it is the first after the deadline, or if it ends a case whose obligation is open.

        Parameters
        ----------
        rows, is_open : ndarray, shape (n_steps,)
            The rows of the steps, and whether an obligation is open after them.
        ends_open : ndarray of bool, shape (n_cases,)
            Whether the case has ended with an open obligation.
        """
        log, within = self.log, self.rule.within
        nothing = np.zeros(0, np.int64)
        if not self.automaton.open:
            return nothing, nothing
        ends = log.first[np.flatnonzero(ends_open) + 1] - 1
        if within is None or not len(rows):
            return ends, nothing
        case = log.case[rows]
        before = np.concatenate([[False], is_open[:-1] & (case[1:] == case[:-1])])
        opens = np.flatnonzero(is_open & ~before)
        # Each obligation lasts from the row that opens it to the row that meets it, or to the case's last row.
        index = np.where(before & ~is_open, np.arange(len(rows)), len(rows))
        met = np.minimum.accumulate(index[::-1])[::-1][opens]
        met = np.where(case[np.minimum(met, len(rows) - 1)] == case[opens], met, len(rows))
        begun, after = rows[opens], log.first[case[opens] + 1]
        until = np.where(met < len(rows), rows[np.minimum(met, len(rows) - 1)] + 1, after)
        over = self._first_over(within, case[opens], begun, until, self._clock(within)[begun])
        at_end = (met == len(rows)) & (over.rows == after) & (self._end_on(within) > over.due)
        return np.concatenate([ends, over.rows[over.rows < until]]), after[at_end] - 1

    def _clock(self, limit: TimeLimit) -> Integers:
        """Return the times of all rows from which a length of time is counted."""
        return self.log.at if limit.is_elapsed else self.log.local

    def _end_on(self, limit: TimeLimit) -> int:
        """Return the end of the log on the same clock."""
        return self._end()[0 if limit.is_elapsed else 1]

    def _first_over(self, limit: TimeLimit, case: Integers, low: Integers, high: Integers, begun: Integers) -> _Over:
        """Return when lengths of time are over, and the first row from `low` up to but excluding `high` after that; `high` if none.

        Parameters
        ----------
        begun : ndarray of int64
            When they begin.
        """
        log, clock = self.log, self._clock(limit)
        try:
            due = limit.ends(begun)
        except InputError as error:  # holidays of a year that nobody knows
            key = "per" if self.rule.within is None else "within"
            raise InputError([f"rule {self.rule.name!r}: {key}: {error}"]) from None
        over = _first_later(clock, low, high, due)
        for i in np.flatnonzero(log.turned_back[case]).tolist() if not limit.is_elapsed else ():
            later = clock[low[i] : high[i]] > due[i]
            over[i] = low[i] + int(np.argmax(later)) if later.any() else high[i]
        return _Over(due, over)

    def _too_seldom(self, rows: Integers, symbols: Symbols, ended: NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """Return the rows by which too few steps have happened in the length of time of ``per:``, and the last rows of cases late at the end.

        A length of time begins with the case, at each step that is counted, and at each ``since:``. So many steps must follow
        in it, unless the case ends or counting begins again.
        """
        log, per = self.log, self.rule.per
        assert per is not None
        with_rows = np.flatnonzero(np.diff(log.first))
        is_counted, resets = self._counted(symbols)
        order = np.concatenate([3 * np.searchsorted(rows, log.first[with_rows]), 3 * np.flatnonzero(is_counted) + 1,
                                3 * np.flatnonzero(resets) + 2])  # fmt: skip
        sort = np.argsort(order, kind="stable")
        at_row = np.concatenate([log.first[with_rows], rows[is_counted], rows[resets]])[sort]
        begins = (order % 3 != 1)[sort]  # a case, or counting again
        case, clock = log.case[at_row], self._clock(per)
        begun = clock[at_row].copy()
        if log.begun_at is not None:
            starts = np.flatnonzero((order % 3 == 0)[sort])
            begun[starts] = np.maximum(log.begun_at[case[starts]], _LONG_AGO if log.watched_from is None else log.watched_from)
        period, i = np.cumsum(begins), np.arange(len(at_row))
        number = self._limits()[case]
        target = np.minimum(i + number, len(at_row) - 1)
        has_target = (i + number < len(at_row)) & (period[target] == period)
        following = np.append(np.flatnonzero(begins), len(at_row))[period]  # where the next period begins
        next_one = np.minimum(following, len(at_row) - 1)
        is_reset = (following < len(at_row)) & (case[next_one] == case)
        after = log.first[case + 1]
        until = np.where(has_target, at_row[target] + 1, np.where(is_reset, at_row[next_one] + 1, after))
        over = self._first_over(per, case, at_row, until, begun)
        counts = number > 0
        at_end = counts & ~has_target & ~is_reset & ~ended[case] & (over.rows == after) & (self._end_on(per) > over.due)
        return over.rows[counts & (over.rows < until)], after[at_end] - 1

    def _counted(self, symbols: Symbols) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which steps a rule with ``per:`` counts, and at which counting begins again."""
        subject = self.heard.bits_of(self.rule.subject_bits)
        return symbols & subject != 0, symbols & ~subject != 0

    def _limits(self) -> Integers:
        """Return how many steps a rule with ``per:`` allows or asks for, for each case."""
        limits = self.rule.limits
        of_state = np.zeros(max(limits) + 1, np.int64)
        of_state[list(limits)] = list(limits.values())
        return of_state[self.begun]

    def _too_often(self, rows: Integers, symbols: Symbols) -> Integers:
        """Return the rows with a step that is one too many in the length of time of ``per:``."""
        per = self.rule.per
        if per is None or self.rule.template != "at_most" or not len(rows):
            return np.zeros(0, np.int64)
        is_counted, resets = self._counted(symbols)
        case, clock = self.log.case[rows], self._clock(per)
        new_case = np.concatenate([[False], case[1:] != case[:-1]])
        period = np.cumsum(np.concatenate([[False], resets[:-1]]) | new_case)
        of = np.flatnonzero(is_counted)
        i = np.arange(len(of))
        before = i - self._limits()[case[of]]
        same = (before >= 0) & (period[of[before]] == period[of])
        now, before = of[same], of[before[same]]
        too_often: Integers = rows[now[clock[rows[now]] <= per.ends(clock[rows[before]])]]
        return too_often

    def _forbidden(self, rows: Integers, states: States, surely: bool) -> Integers:
        """Return the rows after which a forbidden condition holds."""
        log, forbidden, which = self.log, self.automaton.forbidden, 0 if surely else 1
        if not forbidden or not len(log):
            return np.zeros(0, np.int64)
        ends = np.minimum(np.append(rows[1:], len(log)), log.first[log.case[rows] + 1])
        bad = np.zeros(len(log), bool)
        if 0 in forbidden:
            bad |= bounds(log, forbidden[0], slice(0, len(log)), log.after)[which]
            bad[_ranges(rows[states != 0], ends[states != 0])] = False
        for state in forbidden.keys() - {0}:
            here = _ranges(rows[states == state], ends[states == state])
            bad[here] = bounds(log, forbidden[state], here, log.after)[which]
        return np.flatnonzero(bad)

    def _with_begun(self, cases: Integers, rows: Integers, at: Integers, surely: bool) -> tuple[Integers, Integers, Integers]:
        """Return the violations by case, with their instants and local clocks, and with -1 for the row of a case that breaks the rule as it begins."""
        log = self.log
        begun = np.flatnonzero(self._begun(surely))
        if not len(begun):
            return cases, rows, at
        later = ~np.isin(cases, begun)
        # every case of a log without the times at which cases begin has a row
        begun_at = [log.at[log.first[:-1]], log.local[log.first[:-1]]] if log.begun_at is None else [log.begun_at] * 2
        cases = np.concatenate([begun, cases[later]])
        order = np.argsort(cases, kind="stable")
        rows = np.concatenate([np.full(len(begun), -1), rows[later]])
        return cases[order], rows[order], np.concatenate([np.stack(begun_at)[:, begun], at[:, later]], axis=1)[:, order]

    def _begun(self, surely: bool) -> NDArray[np.bool_]:
        """Return which cases break the rule in their initial state."""
        log = self.log
        condition = self.automaton.forbidden.get(0)
        if condition is None or not log.begins:
            return np.zeros(len(log.names), bool)
        everyone = slice(0, len(log.names))
        begun: NDArray[np.bool_] = bounds(log, condition, everyone, log.begins, everyone)[0 if surely else 1]
        return begun


class Heard:
    """What an automaton hears: its patterns, each in every form that past operators give it."""

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton
        self._numbers = [(i, one) for i, variants in enumerate(automaton.variants) for one in variants]
        self.patterns = [one for _, one in self._numbers]
        self.bits: type[np.uint8 | np.uint32] = np.uint8 if len(self.patterns) <= 8 else np.uint32  # less memory, more speed
        self.relieving = frozenset(k for k, (i, _) in enumerate(self._numbers) if i in automaton.relieving)

    def bits_of(self, symbol: int) -> np.uint8 | np.uint32:
        """Return the bits of some patterns, whatever their form."""
        return self.bits(sum(1 << k for k, (i, _) in enumerate(self._numbers) if symbol >> i & 1))

    def table(self, symbols: Symbols) -> tuple[States, NDArray[Any]]:
        """Return the table of the automaton, and symbols as its columns."""
        if len(self.patterns) == len(self.automaton.patterns):
            return np.array(self.automaton.table, np.int32), symbols
        codes, columns = np.unique(symbols, return_inverse=True)
        rows = []
        for q, patterns in enumerate(self.automaton.patterns_at):
            chosen = [(i, k) for k, (i, one) in enumerate(self._numbers) if patterns[i] == one]
            rows.append([self.automaton.step(q, sum((code >> k & 1) << i for i, k in chosen)) for code in codes.tolist()])
        return np.array(rows, np.int32).reshape(len(rows), len(codes)), columns


def _first_later(at: Integers, low: Integers, high: Integers, than: Integers) -> Integers:
    """Return the first index from `low` up to but excluding `high` with a later time; `high` if there is none.

    Times do not decrease within these ranges, none of which is empty.
    """
    found = high.copy()
    late = np.flatnonzero(at[high - 1] > than)  # mostly few
    low, high, than = low[late], high[late], than[late]
    while (searching := low < high).any():
        middle = (low + high) >> 1
        later = at[np.where(searching, middle, 0)] > than
        high = np.where(searching & later, middle, high)
        low = np.where(searching & ~later, middle + 1, low)
    found[late] = high
    return found


def _ranges(starts: Integers, ends: Integers) -> Integers:
    """Return the concatenated ranges from each start up to its end."""
    lengths = ends - starts
    return np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
