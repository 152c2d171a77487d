"""Draw cases that differ in what conditions ask of them, to check proofs on the machine."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from workflow.deciding.machine import fact_names
from workflow.deciding.table import parts_of
from workflow.model.definition import Value, Workflow
from workflow.predicates import Expression, scalar
from workflow.proving.fact_space import default_of, every_assumption
from workflow.proving.nearby import constants_in, nearby

Facts = tuple[Value, ...]


def sample_cases(workflow: Workflow, conditions: Sequence[Expression], plain: Facts, n_cases: int = 48) -> list[Facts]:
    """Return cases that conditions tell apart, the plainest first.

    Parameters
    ----------
    workflow : Workflow
        Its assumptions hold for every case.
    conditions : sequence of Expression
        Facts take values at which one of them can change.
    plain : tuple
        The facts of the plainest case.
    n_cases : int
        Maximum number of cases. Ten times as many are drawn: every other one changes a few facts of the plainest case,
        the others draw every fact.
    """
    names = fact_names(workflow)
    fields = [workflow.namespace.fields[name] for name in names]
    assumptions = every_assumption(workflow)
    constants = constants_in([*conditions, *assumptions])
    options = [nearby(field, default_of(workflow, field), constants) for field in fields]
    tests = [scalar(part, names, []) for part in parts_of(conditions)]
    allowed = [scalar(assumption, names, []) for assumption in assumptions]
    random = Random(1)
    case_by_answers: dict[tuple[bool, ...], Facts] = {}
    for i in range(10 * n_cases):
        case = plain if i == 0 else _draw(random, plain, options, few=i % 2 == 1)
        if all(test(case, ()) for test in allowed):
            case_by_answers.setdefault(tuple(bool(test(case, ())) for test in tests), case)
        if len(case_by_answers) == n_cases:
            break
    return list(case_by_answers.values())


def _draw(random: Random, plain: Facts, options: Sequence[Sequence[Value]], few: bool) -> Facts:
    """Change up to four facts of a case, or draw all of them."""
    if not few:
        return tuple(random.choice(values) for values in options)
    case = list(plain)
    for _ in range(random.randint(1, 4)):
        i = random.randrange(len(case))
        case[i] = random.choice(options[i])
    return tuple(case)
