"""The rows of a log sorted by case, in the form that an audit replays."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.scenarios.policies import policy_in_force
from workflow.auditing.log_columns import domain_indices
from workflow.auditing.replay import Replayed, Said, replay
from workflow.deciding.in_force import InForce

Integers = NDArray[np.int64]


class Histories:
    """The rows of a log in the order of `EventLog.by_case`.

    Parameters
    ----------
    log : EventLog
    keep : ndarray of bool, optional
        The rows that are read, in that order; by default, all.
    """

    def __init__(self, log: EventLog, keep: NDArray[np.bool_] | None = None) -> None:
        self.log = log
        self.rows = log.by_case.order if keep is None else log.by_case.order[keep]
        scenario = log.cases.scenario
        self.in_force = InForce(scenario.workflows)
        at, case = log.columns["happened_at"][self.rows], log.columns["case_id"][self.rows]
        policy = policy_in_force(scenario, at, log.cases.arrived[case])
        self.transition = self.in_force.transition_codes(log.labels.transition)[policy, log.columns["transition"][self.rows]]
        self.event = self.in_force.event_codes(log.labels.cause)[policy, log.columns["cause"][self.rows]]
        self.first = np.concatenate([[0], np.cumsum(np.bincount(case, minlength=len(log.cases)))]).astype(np.int64)

    def replayed(self, fields: Collection[str]) -> Replayed:
        """Return the state and some record fields along the rows."""
        log, cases = self.log, self.log.cases
        columns = {name: log.columns[name][self.rows].astype(np.int64) for name in ("from_state", "outcome")}
        record = cases.scenario.workflow.record
        begins = {name: domain_indices(record[name], cases.columns.values[name]) for name in fields}
        said = Said(
            self.in_force, self.first, self.transition, self.event, columns["outcome"], log.labels.outcome,
            {"state": columns["from_state"]}, {"state": cases.state.astype(np.int64), **begins},
        )  # fmt: skip
        return replay(said, fields)
