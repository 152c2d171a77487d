"""An audit and pm4py say the same of the same log, where both speak of the same thing.

The logs are random histories of random workflows, with rows left out, doubled, exchanged and renamed. `make interop` brings
pm4py and runs these tests, which are skipped without it.
"""

from __future__ import annotations

import csv
import itertools
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from tests.petri_net import net_of
from tests.workflow.random_workflows import facts, workflows
from workflow import Workflow, load_workflow
from workflow.auditing.audit import judge, moves_not_allowed
from workflow.auditing.log import AuditLog
from workflow.auditing.log_files import read_log
from workflow.loading.rule_files import load_rules
from workflow.model.definition import as_written
from workflow.testing.strategies import Walk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pm4py = pytest.importorskip("pm4py", reason="pm4py is not installed; make interop brings it")

pytestmark = pytest.mark.filterwarnings("ignore")

UNKNOWN = "a name that no workflow has"
Traces = dict[str, list[str]]
Content = dict[str, Any]

some = settings(max_examples=40, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@st.composite
def choices(draw: st.DrawFn) -> Content:
    """Draw a workflow in which each guard reads only what the work or the event just gave, so that a log of names allows any."""
    kinds = draw(st.lists(st.sampled_from(["activity", "activity", "resting"]), min_size=2, max_size=4))
    row = [f"s{i}" for i in range(len(kinds))]
    targets = st.sampled_from([*row, "end", "gone"])
    states: Content = {"end": {"final": True}, "gone": {"final": True}}
    activities: Content = {}
    record: Content = {}
    events: Content = {}
    moves: list[Content] = [{"from": "s0", "event": "withdraw", "to": "gone"}]
    for i in range(draw(st.integers(1, 2))):
        record[f"answer{i}"] = {"enum": ["none", "x", "y", "z"], "default": "none"}
        while_ = draw(st.lists(st.sampled_from(row), min_size=1, unique=True))
        events[f"e{i}"] = {"while": while_, "gives": {f"answer{i}": ["x", "y", "z"]}}
        for answer in draw(st.sets(st.sampled_from("xyz"), max_size=2)):
            sources = draw(st.lists(st.sampled_from(while_), min_size=1, unique=True))
            to = draw(st.none() | targets)
            moves.append({"from": sources, "event": f"e{i}", "when": f"answer{i} == '{answer}'"} | ({"to": to} if to else {}))
    resting = [name for name, kind in zip(row, kinds, strict=True) if kind == "resting"]
    events |= {"withdraw": {"while": "any"}, **({"leave": {"while": resting}} if resting else {})}
    for name, kind, after in zip(row, kinds, [*row[1:], "end"], strict=True):
        if kind == "resting":
            states[name] = {"resting": True}
            moves.append({"from": name, "event": "leave", "to": after})
            continue
        states[name] = {"activity": f"work_{name}"}
        activities[f"work_{name}"] = {"gives": {f"found_{name}": ["a", "b", "c"]}}
        record[f"found_{name}"] = {"enum": ["none", "a", "b", "c"], "default": "none"}
        moves += [
            {"from": name, "to": draw(targets), "when": f"found_{name} == '{found}'"}
            for found in draw(st.sets(st.sampled_from("ab")))
        ]
        moves.append({"from": name, "to": after})
    begun = draw(st.lists(st.sampled_from(row[1:]), unique=True))
    return {
        "workflow": "choices", "record": record, "activities": activities, "states": {n: states[n] for n in [*row, "end", "gone"]},
        "transitions": [{"transition": f"t{i}", **move} for i, move in enumerate(moves)],
        "entry": {"states": ["s0", *begun]}, "events": events,
    }  # fmt: skip


@st.composite
def histories(draw: st.DrawFn, workflow: Workflow) -> list[tuple[list[str], Mapping[str, Any]]]:
    """Draw the names of the rows of some cases, as the real machine takes its steps and with mistakes, and the facts."""
    drawn = []
    for _ in range(draw(st.integers(1, 4))):
        case = draw(facts(workflow))
        case["arrived"], case["as_of"] = sorted([case["arrived"], case["as_of"]])
        walk = Walk(workflow, case, draw(st.sampled_from(workflow.entry_states)), [workflow.defaults[n] for n in workflow.record])
        for _ in range(draw(st.integers(0, 8))):
            if walk.over or not (inputs := walk.possible_inputs()):
                break
            walk.take(draw(st.sampled_from(inputs)))
        names = [row.trigger if row.transition is None else workflow.transitions[row.transition].name for row in walk.taken]
        for _ in range(draw(st.integers(0, 2)) + 1):
            drawn.append((names, case))
            names = draw(mutations(names, workflow))
    assume(any(names for names, _ in drawn))
    return [one for one in drawn if one[0]]


@st.composite
def mutations(draw: st.DrawFn, names: list[str], workflow: Workflow) -> list[str]:
    """Draw one mistake in a trace."""
    if not names:
        return names
    i = draw(st.integers(0, len(names) - 1))
    how = draw(st.sampled_from(["leave out", "double", "exchange", "rename"]))
    if how == "leave out":
        return names[:i] + names[i + 1 :]
    if how == "double":
        return names[: i + 1] + names[i:]
    if how == "exchange":
        return [*names[:i], *reversed(names[i : i + 2]), *names[i + 2 :]]
    return [*names[:i], draw(st.sampled_from([*workflow.step_names, UNKNOWN])), *names[i + 1 :]]


def both_read(workflow: Workflow, traces: Traces, facts: Sequence[Mapping[str, Any]] = ()) -> tuple[AuditLog, Any]:
    """Write a log as CSV, with the facts of each case if they are given; return it as docketsim reads it, and for pm4py."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            known = list(facts[0]) if facts else []
            writer.writerow(["case:concept:name", "concept:name", "time:timestamp", *(f"case:{name}" for name in known)])
            for (case, trace), of_case in itertools.zip_longest(traces.items(), facts, fillvalue={}):
                values = ["" if of_case[name] is None else as_written(of_case[name]) for name in known]
                writer.writerows([case, name, f"2024-01-{n + 1:02}T09:00:00", *values] for n, name in enumerate(trace))
        log = read_log(path, workflow)
        table = pd.read_csv(
            path, parse_dates=["time:timestamp"]
        )  # pm4py.format_dataframe would take a name such as t4 for a date
    return log, table


def misfits(workflow: Workflow, table: Any) -> set[str]:
    """Return the cases that do not align with the net at no cost."""
    from pm4py.algo.conformance.alignments.petri_net import algorithm

    net, start, end = net_of(workflow)
    aligned = pm4py.conformance_diagnostics_alignments(
        table, net, start, end, variant_str=algorithm.Variants.VERSION_DIJKSTRA_NO_HEURISTICS
    )
    cases = sorted(set(table["case:concept:name"]))
    return {case for case, one in zip(cases, aligned, strict=True) if one["fitness"] < 1.0}


def cases_not_allowed(log: AuditLog) -> set[str]:
    """Return the cases with a move that is not allowed."""
    return set(log.names[log.case[moves_not_allowed(log)[0]]])


def steps_of(workflow: Workflow, names: list[str]) -> list[str]:
    """Return the steps of a trace: before a transition upon an event, the event, which the row of an audit stands for too."""
    events = {t.name: list(t.events) for t in workflow.transitions}
    return [step for name in names for step in [*events.get(name, []), name]]


def rules_of(a: str, b: str) -> dict[str, Content]:
    """Return the rule for each template of Declare that one rule expresses."""
    return {
        "absence": {"never": a},
        "precedence": {"before": b, "needs": a},
        "altprecedence": {"before": b, "needs": a, "since": b},
        "response": {"after": a, "then": b},
        "noncoexistence": {"never": f"once({a}) and once({b})"},
    }


def broken_and_open(log: AuditLog, entry: Content) -> tuple[set[str], int]:
    """Return the cases that break a rule, and in how many an obligation is open."""
    _, (rule,) = load_rules({"workflow": "choices", "rules": [{"rule": "a rule", **entry}]}, log.workflow)
    result = judge(log, rule)
    assert not result.unjudged
    assert not result.unjudged_cases
    return set(log.names[result.cases]), result.open


def deviations(table: Any, cases: list[str], a: str, b: str) -> dict[str, set[str]]:
    """Return the cases that deviate from each constraint of Declare on two activities, as pm4py finds them."""
    alone, together = ("existence", "absence", "exactly_one"), (
        "precedence", "altprecedence", "response", "altresponse", "succession", "altsuccession", "noncoexistence",
    )  # fmt: skip
    model = {name: {a: {}} for name in alone} | {name: {(a, b): {}} for name in together}
    results = pm4py.conformance_declare(table, model)
    found: dict[str, set[str]] = {name: set() for name in model}
    for case, result in zip(cases, results, strict=True):
        for name, _ in result["deviations"]:
            found[name].add(case)
    return found


def named(traces: Iterable[list[str]]) -> Traces:
    """Return traces by the names of their cases, which sort in this order."""
    return {f"case {i:03}": trace for i, trace in enumerate(traces)}


@some
@given(st.data())
def test_a_case_has_a_move_not_allowed_where_it_does_not_align(data: st.DataObject) -> None:
    """Every prefix of every case has a move that is not allowed if, and only if, it aligns with the net at a cost."""
    workflow = load_workflow(data.draw(choices()))
    traces = [names for names, _ in data.draw(histories(workflow))]
    prefixes = named(sorted(trace[:n] for trace in traces for n in range(1, len(trace) + 1)))
    log, table = both_read(workflow, prefixes)
    assert cases_not_allowed(log) == misfits(workflow, table)


@some
@given(st.data())
def test_token_replay_fits_no_case_with_a_move_not_allowed(data: st.DataObject) -> None:
    """Token replay skips names that the net lacks, and knows one transition of a name only; where that tells nothing, it agrees."""
    workflow = load_workflow(data.draw(choices()))
    traces = named(names for names, _ in data.draw(histories(workflow)) if UNKNOWN not in names)
    assume(traces)
    log, table = both_read(workflow, traces)
    net, start, end = net_of(workflow)
    replayed = pm4py.conformance_diagnostics_token_based_replay(table, net, start, end)
    unfit = {case for case, one in zip(traces, replayed, strict=True) if not one["trace_is_fit"]}
    labels = Counter(transition.label for transition in net.transitions)
    clear = {case for case, names in traces.items() if all(labels[name] == 1 for name in names)}
    named_in_net = {case for case, names in traces.items() if all(name in labels for name in names)}
    assert cases_not_allowed(log) & named_in_net <= unfit
    assert cases_not_allowed(log) & clear == unfit & clear


@some
@given(st.data())
def test_guards_only_add_moves_that_are_not_allowed(data: st.DataObject) -> None:
    """In a log with the facts, a case that does not align has a move that is not allowed; a history of the workflow has none."""
    workflow = load_workflow(data.draw(workflows()))
    drawn = data.draw(histories(workflow))
    log, table = both_read(workflow, named(names for names, _ in drawn), [facts for _, facts in drawn])
    assert misfits(workflow, table) <= cases_not_allowed(log)


@some
@given(st.data())
def test_rules_are_broken_where_declare_constraints_deviate(data: st.DataObject) -> None:
    """Each template of Declare that rules can express, for pairs of steps: the same cases; what is open at the end deviates."""
    workflow = load_workflow(data.draw(choices()))
    pairs = data.draw(st.lists(st.permutations(workflow.step_names).map(lambda names: tuple(names[:2])), min_size=1, max_size=4))
    traces = named(names for names, _ in data.draw(histories(workflow)))
    log, _ = both_read(workflow, traces)
    _, table = both_read(workflow, {case: steps_of(workflow, names) for case, names in traces.items()})
    for a, b in pairs:
        theirs = deviations(table, list(traces), a, b)
        for template, entry in rules_of(a, b).items():
            broken, n_open = broken_and_open(log, entry)
            assert broken <= theirs[template], (template, a, b)
            assert len(broken) + n_open == len(theirs[template]), (template, a, b)
        assert theirs["succession"] == theirs["precedence"] | theirs["response"]
        assert theirs["exactly_one"] == broken_and_open(log, {"at_most": 1, "of": a})[0] | theirs["existence"]
        once, _ = broken_and_open(log, {"before": a, "needs": b, "once": a})
        assert theirs["altresponse"] == once | theirs["response"]
        assert theirs["altsuccession"] == theirs["altresponse"] | theirs["altprecedence"]
