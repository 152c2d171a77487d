"""Which cases do two workflows decide differently? Regions of facts, with minimal conditions, and counts that add up.

Two workflows with the same facts, record and states are laid side by side: for each fact class, at each moment and
with each record, either they take the same transition to the same state with the same effects, or they do not.
Fact classes that differ in the same moments form a region.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.definition import Moment, Value, Workflow
from workflow.errors import InputError
from workflow.predicates import Expression, names, unparse, vector
from workflow.table import Columns, FactClasses, fact_classes, grid, guards, parts_of
from workflow.validation import listed

__all__ = ["Difference", "Region", "diff"]


@dataclass(frozen=True)
class Region:
    """Cases that two workflows decide differently in the same moments.

    Attributes
    ----------
    when : str
        A condition over facts that describes them, as short as could be found.
    decided : tuple of str
        What differs: ``reviewed: refer_for_check, not keep_on_docket``.
    example : dict
        The facts of one of them that the condition reads.
    count : int
        How many of the population there are.
    """

    when: str
    decided: tuple[str, ...]
    example: dict[str, Value]
    count: int

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        example = {k: v if isinstance(v, bool | int | float | str | None) else str(v) for k, v in self.example.items()}
        return {"when": self.when, "example": example, "count": self.count, "decided": list(self.decided)}


@dataclass(frozen=True)
class Difference:
    """Where two workflows differ, over a population.

    Attributes
    ----------
    same : int
        Cases that both decide alike, whatever happens to them.
    of_case : ndarray of int64, shape (n_cases,)
        The region of each case, -1 for those decided alike.
    """

    one: Workflow
    other: Workflow
    regions: tuple[Region, ...]
    same: int
    total: int
    of_case: NDArray[np.int64]

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"regions": [r.json() for r in self.regions], "same": self.same, "total": self.total}


def diff(one: Workflow, other: Workflow, people: Columns) -> Difference:
    """Compare two workflows over a population.

    Parameters
    ----------
    one, other : Workflow
        With the same facts, record and states.
    people : Columns
        The facts of the cases.

    Raises
    ------
    InputError
        If the workflows do not have the same facts, record and states.
    """
    _check_alike(one, other)
    conditions = list(dict.fromkeys([*guards(one), *guards(other)]))
    parts, classes = parts_of(conditions), fact_classes(conditions, people)
    bits = _truths(parts, classes)
    signatures = _signatures(one, other, classes)
    groups: dict[frozenset[str], list[int]] = {}
    for k, signature in enumerate(signatures):
        if signature:
            groups.setdefault(signature, []).append(k)
    sizes = np.bincount(classes.of_case, minlength=len(classes))
    region_of = np.full(len(classes), -1, np.int64)
    regions = []
    order = sorted(groups.items(), key=lambda item: -int(sizes[item[1]].sum()))
    for i, (signature, members) in enumerate(order):
        region_of[members] = i
        when, read = _described(parts, bits, members)
        example = _example(one, classes, members[0], read)
        regions.append(Region(when, tuple(sorted(signature)), example, int(sizes[members].sum())))
    of_case = region_of[classes.of_case] if len(classes) else np.zeros(0, np.int64)
    total = len(people)
    return Difference(one, other, tuple(regions), total - sum(r.count for r in regions), total, of_case)


def _check_alike(one: Workflow, other: Workflow) -> None:
    problems = []
    for what in ("facts", "record"):
        a, b = getattr(one, what), getattr(other, what)
        if dict(a) != dict(b):
            odd = [n for n in {**a, **b} if a.get(n) != b.get(n)]
            problems.append(
                f"{one.name} and {other.name} have not the same {what} ({listed(odd)}), so their decisions cannot be compared case by case"
            )
    if problems:
        raise InputError(problems)


def _truths(parts: Sequence[Expression], classes: FactClasses) -> NDArray[np.bool_]:
    """Return the truth of each part in each class, of shape (n_classes, n_parts)."""
    n, witness = len(classes), classes.witness
    held = [np.broadcast_to(vector(part, witness.values, witness.missing), n) for part in parts]
    return np.stack(held, axis=1) if held else np.zeros((n, 0), bool)


def _signatures(one: Workflow, other: Workflow, classes: FactClasses) -> list[frozenset[str]]:
    """Return, for each fact class, what the two workflows decide differently."""
    found: list[set[str]] = [set() for _ in range(len(classes))]
    moments = {(m.state, m.trigger): m for m in one.moments}
    others = {(m.state, m.trigger): m for m in other.moments}
    for key in dict.fromkeys([*moments, *others]):
        sides = [
            _decisions(one, moments.get(key), classes, other, others.get(key)),
            _decisions(other, others.get(key), classes, one, moments.get(key)),
        ]
        for k in range(len(classes)):
            for a, b in zip(sides[0][k], sides[1][k], strict=True):
                if a != b:
                    found[k].add(
                        f"{key[0]}: {b[0]}, not {a[0]}" if a[0] != b[0] else f"{key[0]}: {a[0]} has another effect"
                    )
    return [frozenset(s) for s in found]


def _decisions(
    workflow: Workflow, moment: Moment | None, classes: FactClasses, other: Workflow, beside: Moment | None
) -> list[list[tuple[str, str | None, tuple[tuple[str, Value], ...]]]]:
    """Return, for each class and each combination of the record fields that either workflow reads here, what is decided."""
    mine = [(i, workflow.transitions[i]) for i in moment.candidates] if moment is not None else []
    theirs = [other.transitions[i] for i in beside.candidates] if beside is not None else []
    trigger = (moment or beside).trigger  # type: ignore[union-attr]
    happens = [w.events[trigger].guard for w in (workflow, other) if trigger in w.events]
    read = {
        n
        for g in [*(t.guard for _, t in mine), *(t.guard for t in theirs), *happens]
        if g is not None
        for n in names(g)
    }
    fields = [name for name in workflow.record if name in read]
    laid = grid(workflow, classes, fields)
    values, missing, size = laid.values, laid.missing, len(laid)
    taken = np.full(size, -1, np.int64)
    allowed = (
        _holds(workflow.events[trigger].guard, values, missing, size)
        if trigger in workflow.events
        else np.ones(size, bool)
    )
    for i, transition in mine:
        taken[(taken < 0) & allowed & _holds(transition.guard, values, missing, size)] = i
    nothing: tuple[str, str | None, tuple[tuple[str, Value], ...]] = ("nothing", None, ())
    shelf_of = {i: (t.name, t.target, t.effects) for i, t in mine}
    return [[shelf_of.get(int(i), nothing) for i in row] for row in taken.reshape(len(classes), -1)]


def _holds(
    guard: Expression | None, values: Mapping[str, Any], missing: Mapping[str, Any], n: int
) -> NDArray[np.bool_]:
    return np.ones(n, bool) if guard is None else np.array(np.broadcast_to(vector(guard, values, missing, n), n))


def _described(
    parts: Sequence[Expression], bits: NDArray[np.bool_], members: Sequence[int]
) -> tuple[str, frozenset[str]]:
    """Return a short condition that holds of some classes and of no other, as alternatives of joined parts."""
    inside = np.zeros(len(bits), bool)
    inside[list(members)] = True
    outside = bits[~inside]
    left = set(members)
    chosen: list[dict[int, bool]] = []
    while left:
        seed = min(left)
        literals = dict(enumerate(bits[seed].tolist()))
        for i in _longest_first(parts):
            fewer = {k: v for k, v in literals.items() if k != i}
            if not _covers(fewer, outside).any():
                literals = fewer
        covered = _covers(literals, bits)
        left -= {k for k in left if covered[k]}
        chosen.append(literals)
    read: frozenset[str] = (
        frozenset().union(*(names(parts[i]) for one in chosen for i in one)) if any(chosen) else frozenset()
    )
    alternatives = [" and ".join(_literal(parts[i], value) for i, value in one.items()) or "always" for one in chosen]
    return (alternatives[0] if len(alternatives) == 1 else " or ".join(f"({a})" for a in alternatives)), read


def _longest_first(parts: Sequence[Expression]) -> list[int]:
    return sorted(range(len(parts)), key=lambda i: -len(unparse(parts[i])))


def _covers(literals: Mapping[int, bool], bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = np.ones(len(bits), bool)
    for i, value in literals.items():
        found &= bits[:, i] == value
    return found


def _literal(part: Expression, value: bool) -> str:
    text = unparse(part)
    simple = text.replace("_", "").isalnum()
    return (text if simple else f"({text})") if value else (f"not {text}" if simple else f"not ({text})")


def _example(workflow: Workflow, classes: FactClasses, k: int, read: Iterable[str]) -> dict[str, Value]:
    """Return the facts of a class's witness that a condition reads."""
    one = classes.witness.take(np.array([k]))
    return {name: one.plain(field)[0] for name, field in workflow.namespace.fields.items() if name in set(read)}
