"""Check rules on a finished log, all cases at once, with the same result as `simulations.log.watching` during a run.

A log holds everything that a rule depends on, so the audit finds the same violations at the same instants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.log.histories import Histories
from simulations.log.row import NOT_STEPS
from simulations.log.watching import Violation, rule_broken, watched_rules
from workflow.auditing.audit import judge
from workflow.auditing.log import AuditLog
from workflow.model.rules import Rule

Integers = NDArray[np.int64]


def violations_in(log: EventLog, stop: bool = False) -> list[Violation]:
    """Return the first violation of each rule by each case, in order of time.

    Parameters
    ----------
    log : EventLog
    stop : bool
        Raise at the first violation, except a deadline that passed unnoticed until the end of the run.

    Raises
    ------
    RuleBroken
        The error that the SimPy engine raises.
    """
    judged = _Judged(log, watched_rules(log.cases.scenario))
    if stop and judged.first is not None:
        raise judged.error(judged.first)
    return judged.violations


class _Judged:
    """A log with its violations.

    Each case gets an additional first row for its arrival, because the initial state of a case may break a rule.
    """

    def __init__(self, log: EventLog, rules: tuple[Rule, ...]) -> None:
        self.log, self.cases, self.scenario = log, log.cases, log.cases.scenario
        self.order = log.by_case.order
        cause = log.columns["cause"][self.order]
        self.keep = ~np.isin(cause, [log.labels.cause.index(name) for name in NOT_STEPS])
        self.begun = np.maximum(self.cases.arrived, 0)
        self.audited = self._audited(frozenset[str]().union(*(rule.reads for rule in rules)))
        judged = [judge(self.audited, rule) for rule in rules]
        rule = np.repeat(np.arange(len(rules)), [len(j.cases) for j in judged])
        case, row, at = (
            np.concatenate([getattr(j, name) for j in judged] or [np.zeros(0, np.int64)]) for name in ("cases", "rows", "at")
        )
        row = np.where(row < 0, self.audited.first[case], row)
        shown = at == self.audited.at[row]  # the others are noticed at the end of the run
        order = np.lexsort((rule, *self._sort_keys(row, case, at), ~shown, at))
        self.violations = [
            Violation(rules[k].name, i, t)
            for k, i, t in zip(rule[order].tolist(), case[order].tolist(), at[order].tolist(), strict=True)
        ]
        self.first = int(row[order[0]]) if len(order) and shown[order[0]] else None

    def _audited(self, reads: frozenset[str]) -> AuditLog:
        workflow, columns = self.scenario.workflow, {n: c[self.order][self.keep] for n, c in self.log.columns.items()}
        facts = self.cases.columns
        n, case = len(self.cases), columns["case_id"]
        first = np.concatenate([[0], np.cumsum(np.bincount(case, minlength=n) + 1)]).astype(np.int64)
        self.after_begin = np.arange(len(case)) + case + 1  # the index of each log row in the audit

        def filled(begins: Any, rest: Any) -> Any:
            whole = np.empty(n + len(case), np.result_type(begins, rest))
            whole[first[:-1]], whole[self.after_begin] = begins, rest
            return whole

        histories = Histories(self.log, self.keep)
        replayed = histories.replayed(reads & workflow.record.keys())
        before, seen, after = (
            {name: filled(replayed.begins[name], values) for name, values in along.items()}
            for along in (replayed.before, replayed.seen, replayed.after)
        )
        given = {name: (facts.values[name], facts.missing.get(name)) for name in facts.values.keys() - workflow.record}
        at, start = filled(self.begun, columns["happened_at"]), self.scenario.epoch.since_1970
        return AuditLog(
            workflow, np.arange(n).astype(object), first, filled(-1, histories.transition), filled(-1, histories.event),
            np.zeros(n + len(case), bool), at, at + start, self.scenario.horizon, self.scenario.horizon + start, given,
            before, seen, after, begins=replayed.begins, policies=self.scenario.workflows[1:],
        )  # fmt: skip

    def _sort_keys(self, row: Integers, case: Integers, at: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the keys that order violations of one instant as the run reaches them, the last key first.

        Arrivals are the last events of an instant, before dispatch and the completions that follow from it.
        """
        n = len(self.audited)
        columns = {name: self.log.columns[name][self.order][self.keep] for name in ("pool", "started_at")}
        index = np.full(n, -1, np.int64)
        index[self.after_begin] = self.order[self.keep]
        served = np.zeros(n, bool)
        served[self.after_begin] = (columns["pool"] >= 0) & (columns["started_at"] == self.audited.at[self.after_begin])
        last = np.maximum.accumulate(np.where(served, np.arange(n), 0)) if n else index
        last = last[row]
        later = served[last] & (last >= self.audited.first[case]) & (self.audited.at[last] == at)
        arriving = ~later & (self.begun[case] == at)
        return index[row], np.where(arriving, case, 0), np.where(later, 2, arriving)

    def error(self, row: int) -> Exception:
        """Return the error for the first violation, at a row of the audit."""
        violation, columns = self.violations[0], self.log.columns
        one = self.cases.columns.take(np.array([violation.case]))
        fields = self.scenario.namespace.fields
        mine = self.order[self.keep][: row - violation.case]
        mine = mine[columns["case_id"][mine] == violation.case]
        return rule_broken(
            self.scenario,
            violation,
            int(self.cases.court[violation.case]),
            [one.plain(fields[name])[0] for name in self.scenario.fact_names],
            zip(*(columns[c][mine].tolist() for c in ("transition", "from_state", "to_state", "happened_at")), strict=True),
        )
