"""How the atoms of a precision are related: which combinations of answers some case can give.

``visits <= 3`` implies ``visits <= 5``. For atoms that compare one fact with constants this is found by trying values
on both sides of each constant. Whatever else excludes a combination of answers is found by Z3, when a search meets it.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable
from typing import Any

from workflow.predicates import Expression, Field, names, scalar
from workflow.predicates.missing import unguarded
from workflow.predicates.symbolic import limits
from workflow.predicates.tree import Compare, Constant, IsNone, Name
from workflow.proving.atoms import Atoms
from workflow.proving.decision_diagrams import NOTHING


def possible_answers(atoms: Atoms, followed: Collection[int]) -> int:
    """Return a set that contains the answers of every case to the atoms that are followed."""
    by_fact: dict[str, list[int]] = {}
    fields: dict[str, Field] = {}
    for number in sorted(followed):
        atom = atoms.numbered[number]
        read = names(atom)
        if len(read) == 1 and not isinstance(atom, IsNone):
            (name,) = read
            by_fact.setdefault(name, []).append(number)
            fields.setdefault(name, _field(atom))
    return atoms.diagrams.all_of(_of_one_fact(atoms, fields[name], own) for name, own in by_fact.items())


def _field(atom: Expression) -> Field:
    """Return the one field that an atom reads."""
    ahead = [atom]
    while not isinstance(part := ahead.pop(), Name):
        ahead.extend(part.children())
    return part.field


def _of_one_fact(atoms: Atoms, field: Field, own: list[int]) -> int:
    values = _telling_values(field, [atoms.numbered[number] for number in own])
    if values is None:
        return atoms.diagrams.negate(NOTHING)
    tests = [scalar(atoms.numbered[number], [field.name], []) for number in own]
    given = {tuple(bool(test((value,), ())) for test in tests) for value in values}
    if field.optional:  # where it is missing, a value stands in for it in the atoms that do not test for it
        for_missing = [not unguarded(atoms.numbered[number]) for number in own]
        given |= {
            tuple(bool(test((None if missing else value,), ())) for test, missing in zip(tests, for_missing, strict=True))
            for value in values
        }
    return atoms.diagrams.any_of(atoms.diagrams.cube(dict(zip(own, answers, strict=True))) for answers in sorted(given))


def _telling_values(field: Field, own: Iterable[Expression]) -> Collection[Any] | None:
    """Return values of a fact that give every answer that some value gives; ``None`` if they are unknown."""
    if field.kind == "boolean":
        return (False, True)
    if field.kind == "enum":
        return field.values
    constants: set[Any] = set()
    for atom in own:
        match atom:
            case Compare(left=Name(), right=Constant(value=value)):
                constants.add(value)
            case _:
                return None
    if field.kind != "number" and any(isinstance(value, float) for value in constants):
        return None
    low, high = limits(field)
    return {value for value in (low, high, *_around(field, constants)) if low <= value <= high}


def _around(field: Field, constants: set[Any]) -> set[Any]:
    """Return the constants, and values between each two and on both sides of all."""
    if field.kind == "number":
        ordered = sorted(map(float, constants))
        return {*ordered, *((one + other) / 2 for one, other in itertools.pairwise(ordered))}
    values = set(constants)
    for value in constants:
        if field.kind != "date":
            values |= {value - 1, value + 1}
        else:
            one = dt.timedelta(1)
            values |= ({value - one} if value != dt.date.min else set()) | ({value + one} if value != dt.date.max else set())
    return values
