"""One meaning on one history: the generated test, the audit and the definition of a rule agree, and so does the proof."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.workflow.brute_force import Case, Judge, Row, fact_names, judge
from tests.workflow.forms_by_definition import FormJudge
from tests.workflow.random_workflows import facts, workflows
from tests.workflow.test_brute_force import SLOW, _in_time, _new_rules, _rules, _with_rule
from workflow import Workflow
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.model.definition import as_written
from workflow.model.rules import Rule
from workflow.proving.prove import prove
from workflow.testing.strategies import Walk

pytest.importorskip("z3")


def _by_definition(walk: Walk, entry: dict[str, Any], form: Any) -> int | None:
    """Return the row after which the history of a walk breaks a rule, by brute force."""
    values = tuple(walk.facts[name] for name in fact_names(walk.workflow))
    one, (state, record), entering, rows = Case(walk.workflow, values), walk.begins, True, list[Row]()
    for row in walk.taken:
        options, stays = one.rows(state, record, entering)
        if stays:
            options, _ = one.rows(state, record, False)
        (taken,) = [o for o in options if (o.trigger, o.given or ()) == (row.trigger, row.given)]
        assert (taken.state, taken.record) == (row.state_after, row.after)
        state, record, entering = taken.state, taken.record, taken.enters
        rows.append(taken)
    return judge(walk.workflow, entry, values, walk.begins, rows, form)


def _audited(walk: Walk, rule: Rule) -> int | None:
    """Return the row after which an audit of the history, written as an export, finds a violation."""
    workflow = walk.workflow
    case = {f"case:{name}": "" if v is None else as_written(v) for name, v in walk.facts.items()}
    case |= {f"case:initial_{n}": as_written(v) for n, v in zip(workflow.record, walk.begins[1], strict=True)}
    rows = [
        {
            "case": "1",
            "activity": row.trigger if row.transition is None else workflow.transitions[row.transition].name,
            "time": f"2024-01-01T{n // 60:02}:{n % 60:02}:00",
            "cause": row.trigger,
            "outcome": giver.label(row.given)
            if (giver := workflow.giver(row.state, row.trigger)) is not None and row.given
            else "",
            "from_state": row.state,
            "to_state": row.state_after,
            "case:initial_state": walk.begins[0],
            **case,
        }
        for n, row in enumerate(walk.taken)
    ]
    with tempfile.TemporaryDirectory() as folder:
        with Path(folder, "log.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        report = audit(read_log(Path(folder, "log.csv"), workflow), [rule])
    assert not len(report.not_allowed)
    assert not report.rules[0].unjudged_cases
    return int(report.rules[0].rows[0]) + 1 if len(report.rules[0].rows) else None


def _replayed(workflow: Workflow, rule: Rule, history: Any) -> Walk:
    """Return the walk that repeats a history of the prover."""
    walk = Walk(workflow, dict(history.facts), history.state, list(history.record))
    for row in history.steps:
        if row.trigger != "enter":
            walk.take((row.trigger, row.given))
    return walk


def _agree(data: st.DataObject, rules: Any = _rules, form: Any = Judge) -> None:
    content = data.draw(workflows())
    entry, workflow = _with_rule(data, content, rules)
    (rule,) = workflow.rules
    case = _in_time(data.draw(facts(workflow)))
    record = [workflow.defaults[name] for name in workflow.record]
    walk = Walk(workflow, case, workflow.entry_states[0], record)
    for _ in range(data.draw(st.integers(1, 12))):
        if walk.over or not (inputs := walk.possible_inputs()):
            break
        walk.take(data.draw(st.sampled_from(inputs)))
    assume(walk.taken)
    verdict = prove(workflow, seconds=3).verdicts[0]
    broken = walk.broken_after(rule)
    assert broken is None or verdict.decision in ("broken", "undecided")
    walks = [walk]
    if verdict.history is not None:
        walks.append(_replayed(workflow, rule, verdict.history))
        assert walks[-1].broken_after(rule) == len(verdict.history)
    for each in walks:
        expected = each.broken_after(rule)
        assert _by_definition(each, entry, form) == expected
        if each.taken:
            assert _audited(each, rule) == expected


@settings(max_examples=examples(25), deadline=None, suppress_health_check=SLOW, derandomize=True, phases=[Phase.generate])
@given(data=st.data())
def test_the_readings_of_one_history_agree(data: st.DataObject) -> None:
    """A random history, and the prover's shortest one: the same row in each reading."""
    _agree(data)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW, phases=[Phase.generate])
@given(data=st.data())
def test_the_readings_of_many_histories_agree(data: st.DataObject) -> None:
    """As above, a thousand times."""
    _agree(data)


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW, derandomize=True, phases=[Phase.generate])
@given(data=st.data())
def test_the_readings_of_one_history_agree_on_counts_neighbouring_rows_and_conditions_on_every_word(data: st.DataObject) -> None:
    """A random history, and the prover's shortest one: the same row in each reading."""
    _agree(data, _new_rules, FormJudge)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=SLOW, phases=[Phase.generate])
@given(data=st.data())
def test_the_readings_of_many_histories_agree_on_these_forms(data: st.DataObject) -> None:
    """As above, a thousand times."""
    _agree(data, _new_rules, FormJudge)
