"""Check the graph of a workflow: unreachable states, states without an exit, instant cycles.

These checks ignore guards; `workflow.proving` takes them into account.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from workflow.errors import MOST_PRINTED, Problem
from workflow.model.definition import COMPLETE, StateKind, Workflow


def graph_problems(workflow: Workflow) -> list[Problem]:
    """Return the mistakes in the graph of states and transitions."""
    forward: dict[str, set[str]] = {name: set() for name in workflow.states}
    instant: dict[str, set[str]] = {name: set() for name in workflow.states}
    for transition in workflow.transitions:
        for source in transition.sources:
            if transition.target is not None:
                forward[source].add(transition.target)
                at_once = workflow.states[source].kind is StateKind.INSTANT or transition.at_entry
                if at_once:
                    instant[source].add(transition.target)
    problems: list[Problem] = []

    def wrong(state: str, message: str) -> None:
        problems.append(Problem(f"state {state!r}: {message}", workflow.document.position_of(("states", state))))

    reached = _closure(workflow.entry_states, forward)
    backward: dict[str, set[str]] = {name: set() for name in workflow.states}
    for source, targets in forward.items():
        for target in targets:
            backward[target].add(source)
    ends = [s.name for s in workflow.states.values() if s.kind in (StateKind.FINAL, StateKind.RESTING)]
    can_end = _closure(ends, backward)
    completing = {m.state for m in workflow.decision_points if m.trigger == COMPLETE and m.candidates}
    for state in workflow.states.values():
        if state.name not in reached:
            wrong(state.name, "cannot be reached from the states in which a case may begin (entry)")
        elif state.kind is not StateKind.FINAL and not forward[state.name]:
            wrong(state.name, "can never be left: no transition leads out of it. Add one, or mark it final: true")
        elif state.kind is StateKind.ACTIVITY and state.name not in completing:
            wrong(state.name, f"no transition is tried when its activity {state.activity!r} completes. Add one without event:")
        elif state.name not in can_end:
            wrong(state.name, "a case that comes here can never end: no final or resting state can be reached")
    for cycle in _cycles(instant):
        wrong(cycle[0], f"an instant cycle: {' -> '.join((*cycle, cycle[0]))} passes through no activity and no event")
    return problems


def _closure(start: Iterable[str], edges: Mapping[str, set[str]]) -> set[str]:
    reached = set(start)
    todo = list(reached)
    while todo:
        for target in edges[todo.pop()] - reached:
            reached.add(target)
            todo.append(target)
    return reached


def _cycles(edges: Mapping[str, set[str]]) -> list[tuple[str, ...]]:
    """Return a shortest cycle through each state that is on a cycle, unless a returned cycle contains it; as many as are printed."""
    try:
        TopologicalSorter(edges).prepare()
        return []
    except CycleError:
        part = _parts(edges)
    cycles: list[tuple[str, ...]] = []
    covered: set[str] = set()
    for state in edges:
        if state in covered or len(cycles) > MOST_PRINTED:
            continue
        back: dict[str, str] = {}
        todo = deque([state])
        while todo and state not in back:
            here = todo.popleft()
            for target in sorted(edges[here]):
                if target not in back and part[target] == part[state]:
                    back[target] = here
                    todo.append(target)
        if state in back:
            path = [back[state]]
            while path[-1] != state:
                path.append(back[path[-1]])
            cycles.append(tuple(reversed(path)))
            covered.update(path)
    return cycles


def _parts(edges: Mapping[str, set[str]]) -> dict[str, int]:
    """Return the strongly connected part of each state."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    number = {state: i for i, state in enumerate(edges)}
    pairs = np.array([(number[state], number[target]) for state, targets in edges.items() for target in targets]).T
    graph = csr_array((np.ones(pairs.shape[1], np.int8), tuple(pairs)), shape=(len(edges), len(edges)))
    return dict(zip(edges, connected_components(graph, connection="strong")[1].tolist(), strict=True))
