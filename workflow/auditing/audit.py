"""Check every case of a log against a workflow and its rules, vectorised over cases.

The automaton of a rule runs over all cases in parallel: first over the first matching row of every case, then over
the second, and so on. A rule that needs a fact or record field that the log lacks is left unjudged, not passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.log import AuditLog
from workflow.auditing.paths import Integers, States, has_ended, off_the_map, run_automaton, state_before
from workflow.auditing.report import AuditReport, RuleAudit
from workflow.errors import InputError
from workflow.model.rules import Rule
from workflow.predicates import Expression, names, vector

__all__ = ["audit", "judge", "moves_not_allowed"]


def audit(log: AuditLog, rules: Sequence[Rule] | None = None) -> AuditReport:
    """Check every case of a log against its workflow and against rules, by default those of the workflow."""
    chosen = log.workflow.rules if rules is None else rules
    return AuditReport(log, moves_not_allowed(log), tuple(judge(log, rule) for rule in chosen))


def judge(log: AuditLog, rule: Rule) -> RuleAudit:
    """Check every case of a log against one rule."""
    return _Run(log, rule).judge()


class _Run:
    """The check of one rule over one log."""

    def __init__(self, log: AuditLog, rule: Rule) -> None:
        self.log, self.rule, self.automaton = log, rule, rule.automaton

    def judge(self) -> RuleAudit:
        """Return the result of the rule."""
        log = self.log
        if unknown := tuple(sorted(self.rule.reads - log.known)):
            nothing = np.zeros(0, np.int64)
            return RuleAudit(self.rule, unknown, nothing, nothing, nothing, nothing)
        step_rows, symbol = self._symbols()
        q, states = self._walk(step_rows, symbol)
        bad = [self._first_broken(step_rows, states), self._forbidden(step_rows, states)]
        late, overdue = self._late(step_rows, states, q)
        rows = np.concatenate([*bad, late, overdue])
        at = np.stack([log.at[rows], log.local[rows]])
        at[:, len(rows) - len(overdue) :] = np.array([self._end()]).T
        order = np.lexsort((rows, at[0], log.case[rows]))
        rows, at = rows[order], at[:, order]
        cases, index = np.unique(log.case[rows], return_index=True)
        lacking = log.lacking(self.rule.reads | self.rule.step_names)
        cases, rows, at = self._with_begun(cases, rows[index], at[:, index])
        judged = ~lacking[cases]
        cases, rows, at = cases[judged], rows[judged], at[:, judged]
        still_open = np.isin(q, list(self.automaton.open)) & ~lacking
        still_open[cases] = False
        n_open, n_lacking = int(still_open.sum()), int(lacking.sum())
        return RuleAudit(self.rule, (), cases, rows, at[0], at[1], n_open, n_lacking, self._is_idle())

    def _is_idle(self) -> bool:
        """Return whether no step that the rule names occurs; a rule about conditions reads every row, so is never idle."""
        return not self.automaton.forbidden and not self.rule.step_names & self.log.happened

    def _symbols(self) -> tuple[Integers, NDArray[np.uint8]]:
        """Return the row and symbol of each step that the rule matches; an event comes before its transition."""
        log, patterns = self.log, self.automaton.patterns
        transitions, events = [t.name for t in log.workflow.transitions], list(log.workflow.events)
        matches: list[tuple[Integers, NDArray[np.uint8], NDArray[np.int8]]] = []
        # as `workflow.deciding.steps` defines it: an event gives the case as the guards of its transition see it
        of_events, of_transitions = (
            (events, log.event, log.before, log.seen),
            (transitions, log.transition, log.seen, log.after),
        )
        for order, (names_, column, read, given) in enumerate((of_events, of_transitions)):
            symbols_of = np.array([*(sum(1 << i for i, x in enumerate(patterns) if w in x.names) for w in names_), 0], np.uint8)
            if not symbols_of.any():
                continue
            symbol = symbols_of[column]
            for i, pattern in enumerate(patterns):
                for condition, record in ((pattern.when, read), (pattern.giving, given)):
                    if condition is not None:
                        rows = np.flatnonzero(symbol & (1 << i) != 0)
                        symbol[rows[~_holds(log, condition, rows, record)]] &= ~np.uint8(1 << i)
            rows = np.flatnonzero(symbol != 0)
            matches.append((rows, symbol[rows], np.full(len(rows), order, np.int8)))
        if not matches:
            return np.zeros(0, np.int64), np.zeros(0, np.uint8)
        if len(matches) == 1:
            return matches[0][:2]
        rows, symbols, orders = map(np.concatenate, zip(*matches, strict=True))
        sort = np.lexsort((orders, rows))
        return rows[sort], symbols[sort]

    def _walk(self, rows: Integers, symbols: NDArray[np.uint8]) -> tuple[States, States]:
        """Return the last state of each case, and the state after each step."""
        table = np.array(self.automaton.table, np.int32)
        case = self.log.case[rows]
        first = np.flatnonzero(np.diff(case, prepend=-1, append=len(self.log.names)))
        before, q = run_automaton(table, np.zeros(len(first) - 1, np.int32), first, symbols)
        last = np.zeros(len(self.log.names), np.int32)
        last[case[first[:-1]]] = q
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

    def _late(self, rows: Integers, states: States, last: States) -> tuple[Integers, Integers]:
        """Return the rows that leave an obligation unmet, and the last rows of cases with a missed deadline but no later row.

        A row does so if it is the first after the deadline, or if it ends a case whose obligation is open.
        """
        log, within = self.log, self.rule.within
        nothing = np.zeros(0, np.int64)
        if not self.automaton.open or not len(rows):
            return nothing, nothing
        ends = log.first[np.flatnonzero(np.isin(last, list(self.automaton.open)) & has_ended(log)) + 1] - 1
        if within is None:
            return ends, nothing
        is_open = np.isin(states, list(self.automaton.open))
        case = log.case[rows]
        before = np.concatenate([[False], is_open[:-1] & (case[1:] == case[:-1])])
        opens = np.flatnonzero(is_open & ~before)
        # Each obligation lasts from the row that opens it to the row that meets it, or to the case's last row.
        index = np.where(before & ~is_open, np.arange(len(rows)), len(rows))
        met = np.minimum.accumulate(index[::-1])[::-1][opens]
        met = np.where(case[np.minimum(met, len(rows) - 1)] == case[opens], met, len(rows))
        begun, after = rows[opens], log.first[case[opens] + 1]
        until = np.where(met < len(rows), rows[np.minimum(met, len(rows) - 1)] + 1, after)
        clock, end = (log.at, self._end()[0]) if within.is_elapsed else (log.local, self._end()[1])
        try:
            deadline = within.ends(clock[begun])
        except InputError as error:  # holidays of a year that nobody knows
            raise InputError([f"rule {self.rule.name!r}: within: {error}"]) from None
        over = _first_later(clock, begun, until, deadline)
        for i in np.flatnonzero(log.turned_back[case[opens]]).tolist() if not within.is_elapsed else ():
            later = clock[begun[i] : until[i]] > deadline[i]
            over[i] = begun[i] + int(np.argmax(later)) if later.any() else until[i]
        at_end = (met == len(rows)) & (over == after) & (end > deadline)
        return np.concatenate([ends, over[over < until]]), after[at_end] - 1

    def _forbidden(self, rows: Integers, states: States) -> Integers:
        """Return the rows after which a forbidden condition holds."""
        log, forbidden = self.log, self.automaton.forbidden
        if not forbidden or not len(log):
            return np.zeros(0, np.int64)
        ends = np.minimum(np.append(rows[1:], len(log)), log.first[log.case[rows] + 1])
        bad = np.zeros(len(log), bool)
        if 0 in forbidden:
            bad |= _holds(log, forbidden[0], slice(0, len(log)), log.after)
            bad[_ranges(rows[states != 0], ends[states != 0])] = False
        for state in forbidden.keys() - {0}:
            here = _ranges(rows[states == state], ends[states == state])
            bad[here] = _holds(log, forbidden[state], here, log.after)
        return np.flatnonzero(bad)

    def _with_begun(self, cases: Integers, rows: Integers, at: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the violations by case, with their instants and local clocks, and with -1 for the row of a case that breaks the rule as it begins."""
        log = self.log
        begun = np.flatnonzero(self._begun())
        if not len(begun):
            return cases, rows, at
        later = ~np.isin(cases, begun)
        # every case of a log without the times at which cases begin has a row
        begun_at = [log.at[log.first[:-1]], log.local[log.first[:-1]]] if log.begun_at is None else [log.begun_at] * 2
        cases = np.concatenate([begun, cases[later]])
        order = np.argsort(cases, kind="stable")
        rows = np.concatenate([np.full(len(begun), -1), rows[later]])
        return cases[order], rows[order], np.concatenate([np.stack(begun_at)[:, begun], at[:, later]], axis=1)[:, order]

    def _begun(self) -> NDArray[np.bool_]:
        """Return which cases break the rule in their initial state."""
        log = self.log
        condition = self.automaton.forbidden.get(0)
        if condition is None or not log.begins or not names(condition) <= {*log.begins, *log.facts}:
            return np.zeros(len(log.names), bool)
        everyone = slice(0, len(log.names))
        return _holds(log, condition, everyone, log.begins, everyone)


def _holds(
    log: AuditLog, condition: Expression, rows: Integers | slice, record: Mapping[str, NDArray[Any]], cases: Any = None
) -> NDArray[np.bool_]:
    """Return where a condition holds.

    Parameters
    ----------
    rows : ndarray of int64, or slice from 0
        Rows of `record`.
    record : mapping of str to ndarray
        The state and record fields.
    cases : optional
        The cases of these rows; by default, those of the rows of the log.
    """
    read = names(condition)
    n = rows.stop if isinstance(rows, slice) else len(rows)
    if cases is None and read & log.facts.keys():
        cases = log.case[rows]
    values = {name: record[name][rows] for name in read if name in record}
    values |= {name: log.facts[name][0][cases] for name in read if name in log.facts}
    missing = {name: m[cases] for name in read if name in log.facts and (m := log.facts[name][1]) is not None}
    return np.broadcast_to(vector(condition, values, missing, n), n)


def _first_later(at: Integers, low: Integers, high: Integers, than: Integers) -> Integers:
    """Return the first index from `low` up to but excluding `high` with a later time; `high` if there is none."""
    low, high = low.copy(), high.copy()
    while (searching := low < high).any():
        middle = (low + high) >> 1
        later = at[np.where(searching, middle, 0)] > than
        high = np.where(searching & later, middle, high)
        low = np.where(searching & ~later, middle + 1, low)
    return high


def _ranges(starts: Integers, ends: Integers) -> Integers:
    """Return the concatenated ranges from each start up to its end."""
    lengths = ends - starts
    return np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())


def moves_not_allowed(log: AuditLog) -> Integers:
    """Return the rows whose move the workflow does not allow.

    A transition must leave a possible state of the case, on an event that happens there. If the log has the fields of
    a guard, the guard must hold, and no earlier guard may hold. An event alone is not allowed where a transition must
    follow it.
    """
    bad = log.unknown.copy()
    bad[off_the_map(log)] = True
    workflow = log.workflow
    order = np.argsort(log.transition.astype(np.int16), kind="stable")
    starts = np.searchsorted(log.transition[order], np.arange(len(workflow.transitions) + 1))
    for point in workflow.decision_points:
        event = list(workflow.events).index(point.trigger) if point.trigger in workflow.events else -1
        earlier: list[Expression | None] = []
        for i in point.candidates:
            guard = workflow.transitions[i].guard
            wanted = [(guard, True), *((g, False) for g in earlier)]
            checks = [(g, holds) for g, holds in wanted if g is not None and names(g) <= log.known]
            if checks or None in earlier:
                rows = order[starts[i] : starts[i + 1]]
                rows = rows[log.event[rows] == event]
                if "state" in log.seen:
                    rows = rows[log.seen["state"][rows] == list(workflow.states).index(point.state)]
                bad[rows] |= None in earlier
                for condition, holds in checks:
                    judged = rows[~log.lacking(names(condition))[log.case[rows]]] if log.lacks else rows
                    bad[judged[_holds(log, condition, judged, log.seen) != holds]] = True
            if "state" in log.seen:
                earlier.append(guard)
    bad[_stays_but_must_move(log)] = True
    return np.flatnonzero(bad)


def _stays_but_must_move(log: AuditLog) -> Integers:
    """Return the rows of an event alone where a transition upon it must follow."""
    workflow, alone = log.workflow, np.flatnonzero((log.transition < 0) & (log.event >= 0))
    if not len(alone):
        return alone
    state, bad = state_before(log)[alone], [alone[:0]]
    for point in workflow.decision_points:
        if point.trigger not in workflow.events:
            continue
        here = (log.event[alone] == list(workflow.events).index(point.trigger)) & (
            state == list(workflow.states).index(point.state)
        )
        for i in point.candidates:
            guard, rows = workflow.transitions[i].guard, alone[here]
            if guard is None:
                bad.append(rows)
            elif names(guard) <= log.known:
                rows = rows[~log.lacking(names(guard))[log.case[rows]]]
                bad.append(rows[_holds(log, guard, rows, log.seen)])
    return np.concatenate(bad)
