"""Check the workflows and rules that the public functions take."""

from __future__ import annotations

from workflow.files.arguments import entry_problems, kind_problems
from workflow.model.definition import Workflow
from workflow.model.rules import Rule

_RULES = "the rules that load_rules(path) returns beside their workflow"


def workflow_problems(**given: object) -> list[str]:
    """Return a message for each argument that must be a workflow and is not one, such as its name.

    Examples
    --------
    >>> workflow_problems(workflow="permit_office.yaml")
    ["workflow: must be a workflow, as load_workflow(name or path) returns it, not 'permit_office.yaml'"]
    """
    return kind_problems(Workflow, "a workflow, as load_workflow(name or path) returns it", **given)


def rule_problems(rules: object) -> list[str]:
    """Return a message if the argument `rules` is not a list of rules."""
    return entry_problems(Rule, _RULES, rules=rules)
