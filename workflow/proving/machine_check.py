"""Check the prover's results on the machine of the `transitions` library.

A history that breaks a rule is replayed. A proof is repeated with the machine, from every node, for one case of each
fact class.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace

from workflow.deciding.machine import CaseMachine, MachineRow, plain_machine
from workflow.deciding.monitor import Monitor
from workflow.errors import DocketsimError
from workflow.model.definition import ENTER, StateKind, Value, Workflow
from workflow.model.rules import Rule
from workflow.proving.exploration import Explorer, Node, Record
from workflow.proving.verdict import History

__all__ = ["ProofCheck", "UnsoundProof", "replay"]


class UnsoundProof(DocketsimError, AssertionError):
    """A proof or a history contradicts the `transitions` machine: a bug in the prover, please report it."""


def replay(workflow: Workflow, rule: Rule, history: History) -> None:
    """Replay a history that breaks a rule on the machine of the library.

    Raises
    ------
    UnsoundProof
        If the machine takes another path, or the rule is not broken at the end.
    """
    machine, monitor, q = plain_machine(workflow), Monitor(rule, workflow), 0
    case = SimpleNamespace(state=history.state, facts=tuple(history.facts.values()), record=list(history.record))
    broken = monitor.is_broken(q, case.facts, case.record, case.state)
    for row in history.steps:
        state, taken = case.state, machine.take(case, row.trigger, row.given)
        if taken is None or taken.transition != row.transition or case.state != row.state_after:
            raise UnsoundProof(f"the transitions machine contradicts the history at {row.trigger!r} in {state!r}")
        q = monitor.advance(q, case.facts, taken.steps)
        broken = monitor.is_broken(q, case.facts, case.record, case.state)
    if not broken:
        raise UnsoundProof(f"rule {rule.name!r}: the counterexample does not break it on the transitions machine")


class ProofCheck:
    """Repeats proofs on the machine.

    Parameters
    ----------
    facts : sequence of tuple
        The facts of one case of each class.
    """

    def __init__(self, workflow: Workflow, facts: Sequence[tuple[Value, ...]]) -> None:
        self.workflow, self.facts = workflow, facts
        self._machine = CaseMachine(workflow)
        self._rows: dict[tuple[str, Record, str, Value, int], MachineRow | None] = {}

    def check(self, rule: Rule, explorer: Explorer, nodes: Mapping[Node, int], deadline: float) -> bool:
        """Check that every step of the machine, from every node and for each class, leads to a node of the search.

        Returns
        -------
        bool
            Whether there was time for all steps.

        Raises
        ------
        UnsoundProof
            If a step leads elsewhere or breaks the rule.
        """
        monitor = Monitor(rule, self.workflow)
        for node, classes in nodes.items():
            for k in range(len(self.facts)):
                if not classes >> k & 1:
                    continue
                if time.perf_counter() > deadline:
                    return False
                for target in self._targets(monitor, explorer, node, k):
                    if not nodes.get(target, 0) >> k & 1:
                        raise UnsoundProof(
                            f"rule {rule.name!r}: from {node[0]!r} the machine leads to {target[0]!r}, which the search did not reach"
                        )
        return True

    def _targets(self, monitor: Monitor, explorer: Explorer, node: Node, k: int) -> Iterator[Node]:
        """Yield the nodes to which the machine moves a case of class k."""
        state, record, entering, q = node
        inputs = [(ENTER, None)] if entering else self._machine.possible_inputs(state, self.facts[k], record)
        for trigger, given in inputs:
            row = self._row(state, record, trigger, given, k)
            if row is not None:
                yield self._target(monitor, explorer, row, q, k)
            elif trigger == ENTER and self.workflow.states[state].kind is not StateKind.INSTANT:
                yield state, record, False, q

    def _row(self, state: str, record: Record, trigger: str, given: Value, k: int) -> MachineRow | None:
        """Return the machine's row from a state and record (cached)."""
        key = (state, record, trigger, given, k)
        if key not in self._rows:
            case = SimpleNamespace(state=state, facts=self.facts[k], record=list(record))
            self._rows[key] = self._machine.take(case, trigger, given)
        return self._rows[key]

    def _target(self, monitor: Monitor, explorer: Explorer, row: MachineRow, q: int, k: int) -> Node:
        state = row.state_after
        q = monitor.advance(q, self.facts[k], row.steps)
        if monitor.is_broken(q, self.facts[k], row.after, state):
            raise UnsoundProof(
                f"rule {monitor.rule.name!r}: the machine breaks it from {row.state!r}, which the search missed"
            )
        enters = row.transition is not None and self.workflow.transitions[row.transition].target is not None
        return state, explorer.normal(state, row.after), enters and explorer.tried_on_entry(state), q
