"""The rows of a log sorted by case, in the form that `workflow.deciding.records` reads."""

from __future__ import annotations

import numpy as np

from simulations.log.eventlog import EventLog
from simulations.scenarios.policies import policy_in_force
from workflow.deciding.records import Rows
from workflow.model.definition import COMPLETE, Event, Transition


def rows_by_case(log: EventLog) -> Rows:
    """Return the rows of a log in the order of `EventLog.by_case`.

    Returns
    -------
    Rows
        With the transitions and events of every policy, because their effects may differ between policies.
    """
    scenario, by_case = log.cases.scenario, log.by_case
    read = ("case_id", "transition", "cause", "from_state", "outcome", "happened_at")
    columns = {name: log.columns[name][by_case.order] for name in read}
    causes = log.labels.cause
    outcome = np.array([*log.labels.outcome, ""])[columns["outcome"]]  # -1 selects the last: no outcome
    completes = columns["cause"] == causes.index(COMPLETE)
    transition, event, state = (columns[n].astype(np.int64) for n in ("transition", "cause", "from_state"))
    policy = policy_in_force(scenario, columns["happened_at"], log.cases.arrived[columns["case_id"]])
    transitions: list[Transition] = []
    events: list[Event] = []
    for k, workflow in enumerate(scenario.workflows):
        mine = policy == k
        names = [t.name for t in workflow.transitions]
        codes = [names.index(n) + len(transitions) if n in names else -1 for n in log.labels.transition]
        transition[mine] = np.array([*codes, -1])[columns["transition"][mine]]
        codes = [list(workflow.events).index(c) + len(events) if c in workflow.events else -1 for c in causes]
        event[mine] = np.array(codes)[columns["cause"][mine]]
        transitions += workflow.transitions
        events += workflow.events.values()
    return Rows(scenario.workflow, by_case.first, transition, event, state, completes, outcome, tuple(transitions), tuple(events))
