"""The yes/no questions that make up conditions, and conditions as sets of answers to them.

An *atom* is a part of a condition without ``and``, ``or``, ``not``, such as ``visits <= 3`` or ``lawful``. Comparisons
that ask the same have one atom: ``visits > 3``, ``visits >= 4`` and ``4 <= visits``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from workflow.model.definition import Value
from workflow.predicates import Expression, names, scalar, substitute
from workflow.predicates.missing import unguarded
from workflow.predicates.tree import And, Compare, Conditional, Constant, InSet, Not, Or
from workflow.proving.decision_diagrams import EVERYTHING, NOTHING, Diagrams

T = TypeVar("T")


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What to make of the parts of a condition."""

    atom: Callable[[Expression], T]
    all_of: Callable[[list[T]], T]
    any_of: Callable[[list[T]], T]
    negate: Callable[[T], T]
    constant: Callable[[bool], T]


def read_condition(condition: Expression, reading: Reading[T]) -> T:
    """Read the boolean structure of a condition, down to its atoms."""
    known: dict[int, T] = {}

    def read(part: Expression) -> T:
        if id(part) not in known:
            known[id(part)] = of(part)
        return known[id(part)]

    def choice(test: Expression, body: Expression, orelse: Expression) -> T:
        tested = read(test)
        yes = reading.all_of([tested, read(body)])
        return reading.any_of([yes, reading.all_of([reading.negate(tested), read(orelse)])])

    def of(part: Expression) -> T:
        if not names(part):
            return reading.constant(bool(scalar(part, [], [])((), ())))
        match part:
            case And(operands=operands):
                return reading.all_of([read(one) for one in operands])
            case Or(operands=operands):
                return reading.any_of([read(one) for one in operands])
            case Not(operand=operand):
                return reading.negate(read(operand))
            case Conditional(test=test, body=body, orelse=orelse):
                return choice(test, body, orelse)
            case InSet(operand=operand, members=members) if operand.kind != "boolean":
                equal = [Compare("==", operand, member) for member in members]
                parts.extend(equal)
                return reading.any_of([read(one) for one in equal])
            case Compare(operator="==" | "!=" as operator, left=left, right=right) if left.kind == "boolean":
                same = choice(left, right, inverse := Not(right))
                parts.append(inverse)
                return same if operator == "==" else reading.negate(same)
        atom, holds = _normal(part)
        reading_of = reading.atom(atom)
        return reading_of if holds else reading.negate(reading_of)

    parts: list[Expression] = []  # keeps the identities of new parts
    return read(condition)


_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _normal(part: Expression) -> tuple[Expression, bool]:
    """Return the atom of a part, and whether the part holds where the atom does."""
    if not isinstance(part, Compare):
        return part, True
    operator, left, right = part.operator, part.left, part.right
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, right, operator = right, left, _MIRRORED.get(operator, operator)
    if operator in ("<", ">=") and (lower := _one_less(left, right)) is not None:
        return Compare("<=", left, lower), operator == "<"
    opposite = {"!=": "==", ">": "<=", ">=": "<"}.get(operator)
    return (Compare(operator, left, right), True) if opposite is None else (Compare(opposite, left, right), False)


def _one_less(left: Expression, right: Expression) -> Constant | None:
    """Return the constant before a whole number, a date or a number of days; ``None`` if there is none."""
    if left.kind not in ("integer", "days", "date") or not isinstance(right, Constant):
        return None
    match right.value:
        case dt.date.min:
            return None
        case dt.date() as date:
            return Constant(date - dt.timedelta(1), right.of_kind, right.of_values)
        case int() as number:
            return Constant(number - 1, right.of_kind, right.of_values)
    return None


class Atoms:
    """The atoms of conditions, numbered in the order in which they are met.

    Parameters
    ----------
    facts : iterable of str
        The names of all facts; any other name is a record field.

    Attributes
    ----------
    diagrams : Diagrams
        Its questions are the numbers of atoms.
    numbered : list of Expression
    of_facts : list of bool
        Whether an atom reads facts alone. Others read record fields whose values are not put in.
    """

    def __init__(self, facts: Iterable[str]) -> None:
        self.diagrams = Diagrams()
        self.numbered: list[Expression] = []
        self.of_facts: list[bool] = []
        self._facts = frozenset(facts)
        self._number: dict[Expression, int] = {}
        self._sets: dict[int, tuple[int, Expression]] = {}
        self._put_in: dict[tuple[int, tuple[tuple[str, Value], ...]], tuple[Expression, Expression]] = {}
        diagrams = self.diagrams
        self._reading = Reading(
            lambda atom: diagrams.literal(self.number(atom), True),
            diagrams.all_of,
            diagrams.any_of,
            diagrams.negate,
            lambda holds: EVERYTHING if holds else NOTHING,
        )

    def number(self, atom: Expression) -> int:
        """Return the number of an atom."""
        number = self._number.get(atom)
        if number is None:
            number = self._number[atom] = len(self.numbered)
            self.numbered.append(atom)
            self.of_facts.append(names(atom) <= self._facts)
        return number

    def put_in(self, condition: Expression, values: tuple[tuple[str, Value], ...]) -> Expression:
        """Return a condition with the values of some fields put in (cached)."""
        if not values:
            return condition
        key = (id(condition), values)
        if key not in self._put_in:
            self._put_in[key] = substitute(condition, dict(values)), condition
        return self._put_in[key][0]

    def cases(self, condition: Expression) -> int:
        """Return the set of answers for which a condition holds (cached)."""
        sets = self._sets.get(id(condition))
        if sets is None:
            sets = self._sets[id(condition)] = (read_condition(condition, self._reading), condition)
        return sets[0]

    def answers(self, facts: dict[str, Value], stand_ins: dict[str, Value], atoms: Iterable[int]) -> dict[int, bool]:
        """Return the answers of one case to atoms of facts.

        Parameters
        ----------
        stand_ins : dict of str to Value
            A value of each optional fact. It replaces a missing one in an atom that does not itself test for it. No
            condition depends on that answer.
        """
        truth = {}
        for number in atoms:
            atom = self.numbered[number]
            needed = {name.field.name for name in unguarded(atom)}
            values = {name: stand_ins[name] if value is None and name in needed else value for name, value in facts.items()}
            truth[number] = bool(scalar(atom, list(values), [])(tuple(values.values()), ()))
        return truth
