"""Rules in a file of their own: ``my.rules.yaml``, whose first line names the workflow that they are about."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from workflow.definition import Workflow
from workflow.documents import read_yaml
from workflow.errors import InputError, Problem
from workflow.format import RuleEntry
from workflow.loading import load_workflow
from workflow.rules import Rule, RuleReader
from workflow.validation import Entry, Name, said, validate

__all__ = ["RulesFile", "load_rules"]


class RulesFile(Entry):
    """A file of rules."""

    workflow: Name = Field(
        description="name or path of the workflow that the rules are about", examples=["permits.yaml"]
    )
    rules: list[RuleEntry] = Field(min_length=1, description="the rules, each under a sentence of its own")


def load_rules(path: str | Path, workflow: Workflow | None = None) -> tuple[Workflow, tuple[Rule, ...]]:
    """Load a file of rules, and the workflow that they are about.

    Parameters
    ----------
    path : str or Path
    workflow : Workflow, optional
        The workflow to read them against; if it is not given, the one that the file names. A variant of that
        workflow may be given.

    Raises
    ------
    InputError
        With every mistake of the file.
    """
    path = Path(path)
    node = read_yaml(path)
    file = validate(RulesFile, node)
    if workflow is None:
        try:
            workflow = load_workflow(file.workflow, path.parent)
        except InputError as error:
            place = node.place(("workflow",))
            raise InputError(
                [p if p.position else Problem(f"workflow: {p.message}", place) for p in error.problems]
            ) from None
    problems: list[Problem] = []
    reader = RuleReader(workflow.namespace, workflow.states, words_of(workflow), problems)
    rules = [reader.read(entry, node.find(("rules", i))) for i, entry in enumerate(file.rules)]
    names = [entry.rule for entry in file.rules]
    for i, name in enumerate(names):
        if name in names[:i]:
            problems.append(Problem(f"rule {said(name)} stands here a second time", node.place(("rules", i, "rule"))))
    if problems:
        raise InputError(problems)
    return workflow, tuple(rule for rule in rules if rule is not None)


def words_of(workflow: Workflow) -> Iterable[str]:
    """Return the names of a workflow's transitions and events."""
    return [*(t.name for t in workflow.transitions), *workflow.events]
