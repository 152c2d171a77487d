"""Ask Z3 whether a case takes a path of the abstraction. If not, learn which atoms and fields the search must track to exclude it.

Each condition of a path has its own copies of every atom and every record field that is not tracked. Assumptions
tie the copies to what they stand for. If the tied conditions contradict each other, an unsatisfiable core names the
atoms and fields that take part in the contradiction.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from workflow.deciding.machine import fact_names
from workflow.model.definition import INCREMENT, Activity, Event, Value, Workflow
from workflow.predicates import Expression, Field, names
from workflow.predicates.symbolic import Symbols, symbolic
from workflow.proving.abstraction import Asked, At, Conditions, Free, Move, Node
from workflow.proving.atoms import Atoms, Reading, read_condition
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.fact_space import every_assumption


@dataclass(frozen=True, slots=True)
class Row:
    """A node on a path, the move from there, and what must hold. The last row of a path may have no move."""

    node: Node
    move: Move | None
    asked: Conditions


@dataclass(frozen=True)
class Loop:
    """The end of a path leads back to where one of its rows begins.

    Attributes
    ----------
    row : int
        The index of the first row of the loop.
    fields : collection of str
        Record fields that must have the same values there and at the end.
    """

    row: int
    fields: Collection[str]


@dataclass(frozen=True)
class Contradiction:
    """The atoms (by number) and record fields for which no case takes a path."""

    atoms: frozenset[int]
    fields: frozenset[str]


@dataclass(frozen=True)
class Taken:
    """How some case takes a path.

    Attributes
    ----------
    record : tuple
        The initial record.
    given : list of tuple
        For each row with a trigger, what the activity or the event gives.
    asked : list of (Expression, bool)
        What facts must fulfil: conditions over facts alone, and whether each holds.
    """

    record: tuple[Value, ...]
    given: list[tuple[Value, ...]]
    asked: list[tuple[Expression, bool]]


class PathCheck:
    """Checks paths of a workflow.

    Parameters
    ----------
    workflow : Workflow

    Attributes
    ----------
    facts, record : Symbols
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        facts = {name: workflow.namespace.fields[name] for name in fact_names(workflow)}
        self.facts = Symbols(facts)
        self.z3 = self.facts.z3
        self.record = Symbols(workflow.record, like=self.facts)
        self._assumed = [symbolic(one, self.facts) for one in every_assumption(workflow)]
        self._gaps: list[Any] = []
        self._terms: dict[Expression, Any] = {}

    def term(self, condition: Expression) -> Any:
        """Return the Z3 term of a condition over facts (cached)."""
        if condition not in self._terms:
            self._terms[condition] = symbolic(condition, self.facts)
        return self._terms[condition]

    def solver(self) -> Any:
        """Return a solver that knows every possible case."""
        solver = self.facts.solver()
        solver.add(*self._assumed, *self._gaps)
        return solver

    def solve(self, solver: Any, budget: Budget, assumed: Sequence[Any] = ()) -> bool:
        """Return whether there is a case, whose numbers are exact floats.

        Raises
        ------
        LimitReached
            If time is over.
        """
        while True:
            budget.check()
            solver.set("timeout", budget.milliseconds)
            try:
                answer = solver.check(*assumed)
            except self.z3.Z3Exception as error:
                if "canceled" not in str(error):  # some parts of Z3 report a timeout in this way
                    raise
                answer = self.z3.unknown
            if answer == self.z3.unknown:
                raise LimitReached("Z3 did not decide within the time limit; --seconds (seconds=) raises it")
            if answer == self.z3.unsat or not (gaps := self.facts.gaps(solver.model())):
                return bool(answer == self.z3.sat)
            self._gaps += gaps
            solver.add(*gaps)

    def any_case(self, budget: Budget) -> bool:
        """Return whether any case satisfies the assumptions of the workflow."""
        return self.solve(self.solver(), budget)

    def path(self, rows: Sequence[Row], atoms: Atoms, loop: Loop | None) -> Path:
        """Return a path as a question to Z3."""
        return Path(self, rows, atoms, loop)

    def check(self, rows: Sequence[Row], atoms: Atoms, budget: Budget, loop: Loop | None = None) -> Taken | Contradiction:
        """Return how a case takes a path, or why none does."""
        path = self.path(rows, atoms, loop)
        if self.solve(path.solver, budget, path.ties):
            return path.taken(budget)
        core = self.least(path.solver, path.solver.unsat_core(), budget)
        return Contradiction(
            frozenset(n for n, tie in path.atom_ties.items() if str(tie) in core),
            frozenset(name for name, tie in path.field_ties.items() if str(tie) in core),
        )

    def lemma(self, answers: dict[int, bool], atoms: Atoms, budget: Budget) -> dict[int, bool]:
        """Return the fewest of some answers to atoms that no case gives together."""
        solver, assumed = self.solver(), {}
        for number, answer in answers.items():
            variable = self.z3.Bool(f"answer {number}", self.facts.context)
            term = self.term(atoms.numbered[number])
            solver.add(self.z3.Implies(variable, term if answer else self.z3.Not(term)))
            assumed[str(variable)] = number, variable
        if self.solve(solver, budget, [variable for _, variable in assumed.values()]):
            raise AssertionError("a path without a case follows from possible answers: a bug in the prover")
        core = self.least(solver, solver.unsat_core(), budget)
        return {number: answers[number] for name, (number, _) in assumed.items() if name in core}

    def least(self, solver: Any, core: Sequence[Any], budget: Budget) -> set[str]:
        """Return the names of an unsatisfiable core from which nothing can be left out."""
        kept, i = list(core), 0
        while i < len(kept) and len(kept) > 1:
            rest = kept[:i] + kept[i + 1 :]
            if self.solve(solver, budget, rest):
                i += 1
            else:
                still = {str(one) for one in solver.unsat_core()}
                kept = [one for one in rest if str(one) in still]
        return {str(one) for one in kept}

    def turned_on(self, asked: Sequence[tuple[Expression, bool]], facts: dict[str, Value], budget: Budget) -> tuple[str, ...]:
        """Return facts that suffice for some conditions, whatever the other facts are; none can be left out."""
        solver = self.solver()
        terms = [self.term(condition) for condition, _ in asked]
        holding = [term if holds else self.z3.Not(term) for term, (_, holds) in zip(terms, asked, strict=True)]
        solver.add(self.z3.Not(self.all_of(holding)))
        fixed = {}
        for name, value in facts.items():
            fixed[name] = self.z3.Bool(f"{name} is fixed", self.facts.context)
            solver.add(self.z3.Implies(fixed[name], self.facts.equals(name, value)))
        if self.solve(solver, budget, list(fixed.values())):
            raise AssertionError("a history does not follow from its facts: a bug in the prover")
        core = self.least(solver, solver.unsat_core(), budget)
        return tuple(name for name, variable in fixed.items() if str(variable) in core)

    def all_of(self, terms: Collection[Any]) -> Any:
        """Return a conjunction of terms, true without any."""
        return self._joined(self.z3.z3core.Z3_mk_and, terms)

    def any_of(self, terms: Collection[Any]) -> Any:
        """Return a disjunction of terms, false without any."""
        return self._joined(self.z3.z3core.Z3_mk_or, terms)

    def _joined(self, make: Any, terms: Collection[Any]) -> Any:
        """Join terms without the conversions of ``z3.And`` and ``z3.Or``, which cost more than the search."""
        if len(terms) == 1:
            return next(iter(terms))
        context = self.facts.context
        parts = (self.z3.z3types.Ast * len(terms))(*(term.as_ast() for term in terms))
        return self.z3.BoolRef(make(context.ref(), len(parts), parts), context)


class Path:
    """One path, as a question to Z3.

    Attributes
    ----------
    now : dict of str to Z3 term
        The value of each field that is not followed, at the moment that is described.
    begun : dict of str to Z3 term
        Their values at the start.
    moments : list of three such dicts
        For each row: before it, as the guards see the record, and after it.
    atom_ties, field_ties : dict
        The assumption that ties the copies of an atom or a field to what they stand for.
    """

    def __init__(self, check: PathCheck, rows: Sequence[Row], atoms: Atoms, loop: Loop | None) -> None:
        self.check, self.rows, self.atoms = check, rows, atoms
        self.workflow, self.z3 = check.workflow, check.z3
        self.context = check.facts.context
        self.solver = check.solver()
        self.atom_ties: dict[int, Any] = {}
        self.field_ties: dict[str, Any] = {}
        self._numbers = count()
        self._wishes: list[Any] = []
        self._asked: list[tuple[Asked, dict[str, Any]]] = []
        self._given: list[list[tuple[Field | None, Any]]] = []
        self.moments: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = []
        self._begins = rows[0].node[1]
        loose = zip(self.workflow.record.items(), self._begins, strict=True)
        self.loose: dict[str, Field] = {name: field for (name, field), value in loose if value is Free.FREE}
        self.now = {name: self._first(field) for name, field in self.loose.items()}
        self.begun = dict(self.now)
        at_loop: dict[str, Any] = {}
        for i, row in enumerate(rows):
            if loop is not None and i == loop.row:
                at_loop = {name: now for name, now in self.now.items() if name in loop.fields}
            self._add(row)
        for name, then in at_loop.items():
            self.solver.add(self.z3.Implies(self._tie(self.field_ties, name, "field"), then == self.now[name]))
        self.ties = [*self.atom_ties.values(), *self.field_ties.values()]

    def _first(self, field: Field) -> Any:
        default = self._term(field, self.workflow.defaults[field.name])
        if field.name not in self.workflow.entry_record:
            return default
        value = self.any_value(field)
        self._wishes.append(value == default)
        return value

    def _term(self, field: Field, value: Value) -> Any:
        return self.check.record.term(field, value)

    def any_value(self, field: Field) -> Any:
        """Return a variable for some value of a field."""
        symbols = Symbols({field.name: field}, suffix=f"@{next(self._numbers)}", like=self.check.facts)
        self.solver.add(*symbols.domain)
        return symbols.values[field.name]

    def _add(self, row: Row) -> None:
        """Add the conditions of a row, and write its effects."""
        before = dict(self.now)
        move = row.move
        if move is not None and move.trigger is not None:
            if (event := self.workflow.events.get(move.trigger)) is not None:
                self._write(event.effects)
            self._give(move, self.workflow.giver(move.source, move.trigger))
        seen = dict(self.now)
        if move is not None and move.transition is not None:
            self._write(self.workflow.transitions[move.transition].effects)
        after = dict(self.now)
        self.moments.append((before, seen, after))
        records = {At.BEFORE: before, At.SEEN: seen, At.AFTER: after}
        for asked in row.asked:
            self._asked.append((asked, records[asked.at]))
            self._require(asked, records[asked.at])

    def _write(self, effects: Sequence[tuple[str, Value]]) -> None:
        for name, value in effects:
            if name not in self.loose:
                continue
            field, now = self.loose[name], self.now[name]
            more = self.z3.If(now < field.maximum, now + 1, now) if value == INCREMENT else None
            self.now[name] = self._term(field, value) if more is None else more

    def _give(self, move: Move, giver: Activity | Event | None) -> None:
        """Write what an activity or event gives: any of its values, for a field that is not followed."""
        outcome: list[tuple[Field | None, Any]] = []
        for (name, values), value in zip(giver.gives if giver is not None else (), move.given, strict=True):
            if name not in self.loose:
                outcome.append((None, value))
                continue
            field = self.loose[name]
            given = self.now[name] = self.any_value(field)
            options = [given == self._term(field, one) for one in values]
            self.solver.add(self.check.any_of(options))
            self._wishes.append(options[0])
            outcome.append((field, given))
        self._given.append(outcome)

    def _require(self, asked: Asked, record: dict[str, Any]) -> None:
        """Add a condition over copies of its atoms."""
        number = next(self._numbers)
        copies: dict[int, Any] = {}
        fields = {name: self.loose[name] for name in names(asked.condition) if name in self.loose}
        symbols = copy.copy(self.check.facts)
        symbols.values = {**symbols.values, **{name: record[name] for name in fields}}

        def copied(atom: Expression) -> Any:
            i = self.atoms.number(atom)
            if i not in copies:
                copies[i] = self.z3.Bool(f"atom {i} in {number}", self.context)
                if self.atoms.of_facts[i]:
                    term = self.check.term(atom)
                    tied = [self._tie(self.atom_ties, i, "atom")]
                else:
                    term = symbolic(atom, symbols)
                    tied = [self._tie(self.field_ties, name, "field") for name in fields if name in names(atom)]
                self.solver.add(self.z3.Implies(self.z3.And(*tied), copies[i] == term))
            return copies[i]

        reading = Reading(copied, self.check.all_of, self.check.any_of, self.z3.Not, self._truth)
        term = read_condition(asked.condition, reading)
        self.solver.add(term if asked.holds else self.z3.Not(term))

    def _truth(self, value: bool) -> Any:
        return self.z3.BoolVal(value, self.context)

    def _tie(self, ties: dict[Any, Any], key: Any, kind: str) -> Any:
        if key not in ties:
            ties[key] = self.z3.Bool(f"{kind} {key} is tied", self.context)
        return ties[key]

    def taken(self, budget: Budget) -> Taken:
        """Return how a case takes the path: as many fields as possible begin at their defaults."""
        granted = list(self.ties)
        for wish in self._wishes:
            if self.check.solve(self.solver, budget, [*granted, wish]):
                granted.append(wish)
        self.check.solve(self.solver, budget, granted)
        model = self.solver.model()
        record = [
            self.value(model, self.loose[name], self.begun[name]) if name in self.loose else value
            for name, value in zip(self.workflow.record, self._begins, strict=True)
        ]
        given = [
            tuple(value if field is None else self.value(model, field, value) for field, value in outcome)
            for outcome in self._given
        ]
        asked = []
        for one, terms in self._asked:
            read = sorted(names(one.condition) & terms.keys())
            known = tuple((name, self.value(model, self.loose[name], terms[name])) for name in read)
            asked.append((self.atoms.put_in(one.condition, known), one.holds))
        return Taken(tuple(record), given, asked)

    def value(self, model: Any, field: Field, term: Any) -> Value:
        """Return the value of a record field in a model."""
        read = model.eval(term, model_completion=True)
        if field.kind == "boolean":
            return bool(self.z3.is_true(read))
        return field.values[read.as_long()] if field.kind == "enum" else int(read.as_long())
