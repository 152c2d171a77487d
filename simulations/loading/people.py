"""Read people: the distribution of each fact, in drawing order."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any

from simulations.loading.context import Context
from simulations.loading.draws import read_draw
from simulations.loading.times import read_choice_by_date
from simulations.scenarios.scenario import DrawnField
from workflow.files.validation import format_names
from workflow.loading.reading import Keys
from workflow.predicates import Namespace, made_of

FOR_ALL = ("people",)


class People:
    """Reads `people:`, first the section for all cases, then those of a backlog or stream.

    Attributes
    ----------
    of_all : tuple of DrawnField
        The fields of all cases, in drawing order.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.of_all: tuple[DrawnField, ...] = ()
        self.of_all = self.read(context.file.people, FOR_ALL)

    def read(self, people: Mapping[Any, Any], path: Keys) -> tuple[DrawnField, ...]:
        """Read the distributions at a path, without those that have mistakes."""
        context, workflow = self.context, self.context.workflow
        fields: list[DrawnField] = []
        drawn: list[str] = []
        for name in people:
            key = (*path, name)
            if name in workflow.record and name not in workflow.entry_record:
                message = f"every case begins with the default of {name!r}; the workflow's entry: allows other values only for {format_names(workflow.entry_record)}"
                context.wrong(key, f"people: {message}")
                continue
            allowed = [*workflow.facts, *workflow.entry_record]
            if isinstance(name, dt.date):
                example = next(iter(allowed), "age")
                context.wrong(key, f"people: {name}: dates stand under a fact, such as {{{example}: {{{name}: ...}}}}")
                continue
            if not context.known(name, allowed, key, "people", "a fact of the workflow"):
                continue
            field = workflow.facts.get(name) or workflow.record[name]
            before, first = self._earlier(path, drawn), len(context.problems)
            leaf = partial(read_draw, context, field, before)
            how = read_choice_by_date(context, context.at(*key), leaf, f"people: {name}", "distributions", before, shares=True)
            context.explain(first, "is not drawn yet; move its line above this one (record fields cannot be used)")
            drawn.append(name)
            if how is not None:
                fields.append(DrawnField(name, how))
        self._check_cycle(fields, path)
        return tuple(fields)

    def _earlier(self, path: Keys, drawn: Sequence[str]) -> Namespace:
        """Return the names that a field may depend on: the fields above it, the court, and definitions of these.

        Facts without a line in `people:` have their defaults, so they may be used everywhere.
        """
        later = [n for n in self.context.file.people if n not in drawn] if path == FOR_ALL else []
        namespace = self.context.namespace
        return made_of(
            {n: f for n, f in namespace.fields.items() if (f.role == "fact" or n in drawn) and n not in later}, namespace
        )

    def _check_cycle(self, own: Sequence[DrawnField], path: Keys) -> None:
        """Report facts that depend on each other."""
        drawn = {field.name: field for field in (*self.of_all, *own)}
        try:
            TopologicalSorter({name: field.reads() & drawn.keys() for name, field in drawn.items()}).prepare()
        except CycleError as error:
            cycle = error.args[1]
            dependencies = ", ".join(f"{a!r} depends on {b!r}" for a, b in itertools.pairwise(reversed(cycle)))
            key = (*path, next(field.name for field in own if field.name in cycle))
            self.context.wrong(key, f"people: {dependencies}: a cycle; give one of them without by: and within:")
