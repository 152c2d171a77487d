"""What every case must come to: the prover against brute force, which looks for endless histories in the graph of each case."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tests.examples import examples
from tests.workflow.brute_force import MOST, Case, TooManyNodes, shortest
from tests.workflow.forms_by_definition import FormJudge
from tests.workflow.random_workflows import facts, workflows
from tests.workflow.test_brute_force import SLOW, _beginnings, _conditions, _in_time, _with_rule, _words
from workflow import Workflow, load_workflow
from workflow.deciding.machine import fact_names
from workflow.deciding.table import guards
from workflow.model.definition import StateKind
from workflow.proving.fact_space import possible_classes
from workflow.proving.proof import Prover
from workflow.proving.prove import prove
from workflow.testing.strategies import RuleBroken, Walk, rule_test

pytest.importorskip("z3")

Node = tuple[str, tuple[Any, ...], bool, Any]
"""State, record, whether the case enters, and what the rule remembers."""


class Edge(NamedTuple):
    """A row from one node to another; ``None`` for a case that stays after its entry."""

    source: Node
    target: Node
    trigger: str | None
    enters: bool


class Graph:
    """Every place that one case can reach while it has not come to what it must come to."""

    def __init__(self, workflow: Workflow, entry: dict[str, Any], case: tuple[Any, ...]) -> None:
        self.workflow, self.case = workflow, Case(workflow, case)
        self.judged = FormJudge(workflow, entry, case)
        self.fair = [workflow.events[name] for name in _fair(entry)]
        self.edges: list[Edge] = []
        self.depth: dict[Node, int] = {}
        todo: deque[Node] = deque()
        for state, record in _beginnings(workflow):
            memory, _ = self.judged.begin(record, state)
            self.depth[state, record, True, memory] = 0
            todo.append((state, record, True, memory))
        while todo:
            node = todo.popleft()
            for edge in self._from(node):
                self.edges.append(edge)
                if edge.target not in self.depth:
                    if len(self.depth) > MOST:
                        raise TooManyNodes
                    self.depth[edge.target] = self.depth[node] + (edge.trigger is not None)
                    todo.append(edge.target) if edge.trigger is not None else todo.appendleft(edge.target)
        self.open = {node for node in self.depth if self.judged.is_open(node[3])}

    def _from(self, node: Node) -> list[Edge]:
        state, record, entering, memory = node
        rows, stays = self.case.rows(state, record, entering)
        if stays:
            return [Edge(node, (state, record, False, memory), None, False)]
        targets = [(row.state, row.record, row.enters, self.judged.after(memory, row)[0]) for row in rows]
        return [Edge(node, target, row.trigger, row.enters) for target, row in zip(targets, rows, strict=True)]

    def _possible(self, node: Node) -> set[str]:
        state, record, entering, _ = node
        on_entry = entering and (self.case.rows(state, record, True) != self.case.rows(state, record, False))
        return {e.name for e in self.fair if not on_entry and state in e.states and self.case.holds(e.guard, record)}

    def rests_after(self) -> int | None:
        """Return the length of a shortest history after which the case can rest forever."""
        kinds = {name: state.kind for name, state in self.workflow.states.items()}
        resting = [node for node in self.open if kinds[node[0]] is StateKind.RESTING and not self._possible(node)]
        return min((self.depth[node] for node in resting), default=None)

    def goes_round(self) -> bool:
        """Return whether the case can go round a loop forever, in which no fair event stays away."""
        return self._in(self.open)

    def _in(self, nodes: set[Node]) -> bool:
        edges = [edge for edge in self.edges if edge.source in nodes and edge.target in nodes]
        return any(self._in_part(part, edges) for part in _parts(nodes, edges))

    def _in_part(self, part: set[Node], edges: Sequence[Edge]) -> bool:
        inner = [edge for edge in edges if edge.source in part and edge.target in part]
        if not inner:
            return False
        happens = {edge.trigger for edge in inner}
        missed = {node for node in part if self._possible(node) - happens}
        if missed:  # who goes round without these events never is where they are possible
            return self._in(part - missed)
        working = {node[0] for node in part if self.workflow.states[node[0]].kind is StateKind.ACTIVITY}
        return {node[0] for node in part} != working or any(
            edge.enters or edge.trigger in ("complete", "enter") for edge in inner
        )


def _parts(nodes: set[Node], edges: Sequence[Edge]) -> list[set[Node]]:
    """Return the strongly connected parts of a graph."""
    number = {node: i for i, node in enumerate(nodes)}
    pairs = np.array([(number[edge.source], number[edge.target]) for edge in edges]).reshape(-1, 2)
    graph = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(nodes), len(nodes)))
    n_parts, label = connected_components(graph, connection="strong")
    parts: list[set[Node]] = [set() for _ in range(n_parts)]
    for node, i in number.items():
        parts[label[i]].add(node)
    return parts


def _fair(entry: dict[str, Any]) -> list[str]:
    return [name for name in entry.get("fair", []) if name != "none"]


@st.composite
def _rules(draw: st.DrawFn, workflow: Workflow) -> dict[str, Any]:
    """Draw a rule about what every case must come to."""
    steps = list(workflow.step_names)
    fair = draw(st.lists(st.sampled_from([*workflow.events]), max_size=2, unique=True))
    form = draw(st.sampled_from(["steps", "condition", "state", "after"]))
    if form == "after":
        return {"after": draw(_words(workflow, steps)), "then": draw(_words(workflow, steps)), "fair": fair or ["none"]}
    if form == "steps":
        what = draw(_words(workflow, steps))
    else:
        what = draw(_conditions(workflow)) if form == "condition" else f'state == "{draw(st.sampled_from([*workflow.states]))}"'
    return {"eventually": what} | ({"fair": fair} if fair else {})


def _compare(data: st.DataObject) -> None:
    content = data.draw(workflows())
    entry, workflow = _with_rule(data, content, _rules)
    people = [_in_time(case) for case in data.draw(st.lists(facts(workflow), max_size=3))]
    (rule,) = workflow.rules
    space = possible_classes(workflow, [*guards(workflow), *rule.conditions], limit=40, seconds=600)
    assume(space.complete)
    columns = [space.witness.plain(workflow.namespace.fields[name]) for name in fact_names(workflow)]
    cases = [*zip(*columns, strict=True), *(tuple(case[name] for name in fact_names(workflow)) for case in people)]
    begins = _beginnings(workflow)
    try:
        finite = [shortest(workflow, entry, case, begins, FormJudge)[0] for case in cases]
        graphs = [Graph(workflow, entry, case) for case in cases]
    except TooManyNodes:
        assume(False)
        raise
    verdict = Prover(workflow, seconds=600).decide(rule)
    ends = min((length for length in finite if length is not None), default=None)
    rests = min((length for graph in graphs if (length := graph.rests_after()) is not None), default=None)
    history = verdict.history
    if ends is not None:
        assert verdict.decision == "broken"
        assert history is not None
        assert (len(history), history.loop) == (ends, None)
    elif rests is not None:
        assert verdict.decision == "broken"
        assert history is not None
        assert (len(history), history.loop) == (rests, rests)
    else:
        assert verdict.decision == ("broken" if any(graph.goes_round() for graph in graphs) else "proved")
        assert history is None or (history.loop is not None and history.loop < len(history))


@settings(max_examples=examples(40), deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(st.data())
def test_the_prover_and_brute_force_agree_on_what_every_case_must_come_to(data: st.DataObject) -> None:
    """Forty random workflows have a random rule each; the prover replays its loops on the machine. The slow test has 5,000."""
    _compare(data)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None, suppress_health_check=SLOW)
@given(st.data())
def test_the_prover_and_brute_force_agree_on_many_more(data: st.DataObject) -> None:
    """As above, with 5,000 workflows."""
    _compare(data)


OFFICE: dict[str, Any] = {
    "workflow": "office",
    "facts": {"slow": {"type": "boolean"}},
    "record": {"found": {"enum": ["yes", "no"], "default": "no"}},
    "activities": {"look": {"gives": {"found": ["yes", "no"]}}},
    "entry": {"states": ["new"]},
    "states": {"new": {"activity": "look"}, "shelf": {"resting": True}, "done": {"final": True}},
    "transitions": [
        {"transition": "finish", "from": "new", "to": "done", "when": 'found == "yes"'},
        {"transition": "shelve", "from": "new", "to": "shelf"},
        {"transition": "wake", "from": "shelf", "event": "ring", "to": "new", "when": "slow"},
        {"transition": "drop", "from": "shelf", "event": "ring", "to": "done"},
    ],
    "events": {"ring": {"while": ["shelf"]}, "ping": {"while": ["shelf", "new"]}},
}


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        ({"eventually": "finish or drop"}, ["shelve", "and stays in shelf forever"]),
        ({"eventually": 'state == "done"'}, ["shelve", "and stays in shelf forever"]),
        ({"eventually": 'state == "done"', "fair": "ring"}, ["shelve", "wake", "and takes steps 1 to 2 again and again, forever"]),
        ({"eventually": "shelve or finish"}, None),
        ({"eventually": "ping"}, ["finish", "breaks the rule: the case is over at step 1, and ping has not happened"]),
        ({"after": "shelve", "then": "ring", "fair": "ring"}, None),
        ({"after": "shelve", "then": "ring", "fair": "none"}, ["shelve", "and stays in shelf forever"]),
        ({"after": "shelve", "then": "finish or drop", "fair": "ring"},
         ["shelve", "wake", "shelve", "and takes steps 2 to 3 again and again, forever"]),
    ],
)  # fmt: skip
def test_a_counterexample_shows_what_the_case_does_for_ever(rule: dict[str, Any], ends: list[str] | None) -> None:
    """A case rests on the shelf unless a ring is fair; then a slow one goes round. Work ends, so `new` is left."""
    workflow = load_workflow({**OFFICE, "rules": [{"rule": "it ends", **rule}]})
    lines = [line.strip() for line in prove(workflow).render()]
    at = next(i for i, line in enumerate(lines) if line.startswith(("broken", "proved")))
    if ends is None:
        assert lines[at].startswith("proved")
        return
    begins = next(i for i, line in enumerate(lines) if " begins in new" in line) + 1
    shown = lines[begins : begins + len(ends)]
    assert all(expected in line for expected, line in zip(ends, shown, strict=True)), lines


def test_a_generated_test_finds_what_a_case_does_for_ever() -> None:
    """The loop of a slow case is among the histories that the test tries."""
    workflow = load_workflow({**OFFICE, "rules": [{"rule": "it ends", "eventually": 'state == "done"', "fair": "ring"}]})
    with pytest.raises(RuleBroken, match="again and again, forever"):
        rule_test(workflow, workflow.rules[0])()
    walk = Walk(workflow, {"slow": True, **dict.fromkeys(("arrived", "as_of"), None)}, "new", ["no"])
    walk.take(("complete", ("no",)))
    assert walk.broken_after(workflow.rules[0]) is None
    walk.take(("ring", ()))
    assert walk.broken_after(workflow.rules[0]) == 2


def test_a_fair_event_that_changes_nothing_can_happen_forever() -> None:
    """It is no way out of a state if its transition has a guard that never holds."""
    workflow = load_workflow(
        {
            "workflow": "rests",
            "facts": {"fact": {"type": "boolean"}},
            "states": {"s": {"resting": True}, "end": {"final": True}},
            "transitions": [{"transition": "leave", "when": "fact", "from": "s", "event": "call", "to": "end"}],
            "entry": {"states": ["s"]},
            "events": {"call": {"while": ["s"]}},
            "rules": [{"rule": "left", "eventually": "leave", "fair": ["call"]}],
        }
    )
    (verdict,) = prove(workflow).verdicts
    assert verdict.decision == "broken"
    assert verdict.history is not None
    assert (len(verdict.history), verdict.history.loop) == (1, 0)
