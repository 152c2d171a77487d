"""Load rule files: ``my.rules.yaml``, whose first line names the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from workflow.errors import MOST_PRINTED, InputError, Mistakes, Problem
from workflow.files.arguments import check_arguments
from workflow.files.extending import is_text
from workflow.files.format import BoundEntries, RuleEntry, bounds_field, calendars_field
from workflow.files.kinds import check_kind
from workflow.files.validation import Entry, Name, format_value, usable
from workflow.files.yaml_tree import Plain, Source, node_of, parse_yaml, read_yaml
from workflow.loading import load_workflow
from workflow.loading.bounds import BoundReader
from workflow.loading.reading import check_number_of_values
from workflow.loading.rules import RuleReader
from workflow.loading.time_limits import read_calendars
from workflow.model.arguments import workflow_problems
from workflow.model.definition import Workflow
from workflow.model.rules import Rule


class RulesFile(Entry):
    """A file of rules."""

    workflow: Name = Field(
        description="the workflow that the rules are about: a built-in name, a path, or a name in the same folder",
        examples=["permits.yaml"],
    )
    calendars: dict[str, Any] = calendars_field()
    bounds: BoundEntries = bounds_field()
    rules: list[RuleEntry] = Field(min_length=1, description="the rules, each named by a sentence")


def load_rules(rules: str | Path | Mapping[str, Plain], workflow: Workflow | None = None) -> tuple[Workflow, tuple[Rule, ...]]:
    """Load a rule file and its workflow.

    Parameters
    ----------
    rules : str, Path or mapping
        A path, or the content of such a file: a string of several lines, or a mapping.
    workflow : Workflow, optional
        The workflow of the rules; by default, the one that the file names. It may be a variant of that workflow. With it,
        the key `workflow` may be left out.

    Raises
    ------
    InputError
        With every mistake of the file.
    """
    check_arguments(workflow_problems(workflow=workflow))
    if isinstance(rules, Mapping):
        node = node_of(rules, Source("<mapping>", ""))
    else:
        node = parse_yaml(rules, "<text>") if isinstance(rules, str) and is_text(rules) else read_yaml(Path(rules))
    check_kind(node, "rules file")
    check_number_of_values(node, "rules file")
    if workflow is not None and "workflow" not in node.value:
        node = replace(node, value={**node.value, "workflow": node_of(workflow.name, Source("workflow", ""))})
    validated = usable(RulesFile, node)
    problems: list[Problem] = Mistakes(validated.problems)
    if validated.content is None or len(problems) > MOST_PRINTED:
        raise InputError(problems)
    file, node = validated.content, validated.node
    if workflow is None:
        try:
            workflow = load_workflow(file.workflow, node.folder)
        except InputError as error:
            position = node.position_of(("workflow",))
            problems += [p if p.position else Problem(f"workflow: {p.message}", position) for p in error.problems]
            raise InputError(problems) from None
    calendars = read_calendars(file.calendars, node, problems, workflow.calendars)
    transitions = [transition.name for transition in workflow.transitions]
    bounds = BoundReader(workflow.states, workflow.events, transitions, calendars, node, problems).read(file.bounds)
    bounds = bounds.over(workflow.bounds)
    reader = RuleReader(workflow.namespace, workflow.states, workflow.step_names, workflow.events, problems, calendars, bounds)
    read = [
        reader.read(entry, node.find(("rules", i)), malformed=entry.rule in validated.lost) for i, entry in enumerate(file.rules)
    ]
    first_at: dict[str, int] = {}
    for i, entry in enumerate(file.rules):
        if (first := first_at.setdefault(entry.rule, i)) != i:
            line = node.position_of(("rules", first, "rule")).line
            message = f"rule {format_value(entry.rule)} is listed twice; first at line {line}"
            problems.append(Problem(message, node.position_of(("rules", i, "rule"))))
    if problems:
        raise InputError(problems)
    return workflow, tuple(rule for rule in read if rule is not None)
