"""The people of a scenario: what each fact of a case is made of, and in which order they are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Any

from simulations.loading.context import Context
from simulations.loading.draws import read_draw
from simulations.scenarios.scenario import DrawnField
from workflow.files.validation import format_names
from workflow.loading.reading import Keys
from workflow.predicates import Namespace, made_of

__all__ = ["People"]

FOR_ALL = ("people",)


class People:
    """Reads `people:`, that for all cases first, then those of some cases.

    Attributes
    ----------
    of_all : tuple of DrawnField
        In the order in which they are drawn.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.of_all: tuple[DrawnField, ...] = ()
        self.of_all = self.read(context.file.people, FOR_ALL)

    def read(self, people: Mapping[str, Any], path: Keys) -> tuple[DrawnField, ...]:
        """Read the fields drawn at a path; those that cannot be read are left out."""
        context, workflow = self.context, self.context.workflow
        found: list[DrawnField] = []
        drawn: list[str] = []
        for name in people:
            place = (*path, name)
            if name in workflow.record and name not in workflow.entry_record:
                message = f"every case begins with the default of {name!r}; the workflow's entry: lets only these record fields differ: {format_names(workflow.entry_record)}"
                context.wrong(place, f"people: {message}")
                continue
            allowed = [*workflow.facts, *workflow.entry_record]
            if not context.known(name, allowed, place, "people", "a fact of the workflow"):
                continue
            field = workflow.facts.get(name) or workflow.record[name]
            before, first = self._earlier(path, drawn), len(context.problems)
            how = context.reader.choice(
                context.at(*place), partial(read_draw, context, field, before), f"people: {name}", before
            )
            context.explain(
                first, "is not drawn yet; put what it is made of above this line (record fields cannot be used)"
            )
            drawn.append(name)
            if how is not None:
                found.append(DrawnField(name, how))
        self._check_circle(found, path)
        return tuple(found)

    def _earlier(self, path: Keys, drawn: Sequence[str]) -> Namespace:
        """Return what a field may depend on: the fields above it, the court, and what is made of these.

        Facts that have no line in `people:` are at their defaults, and so known from the beginning.
        """
        later = [n for n in self.context.file.people if n not in drawn] if path == FOR_ALL else []
        namespace = self.context.namespace
        return made_of(
            {n: f for n, f in namespace.fields.items() if (f.role == "fact" or n in drawn) and n not in later},
            namespace,
        )

    def _check_circle(self, own: Sequence[DrawnField], path: Keys) -> None:
        """Tell of facts of some cases that would be drawn from each other, those of `people:` for all included."""
        drawn = {field.name: field for field in (*self.of_all, *own)}
        try:
            TopologicalSorter({name: field.reads() & drawn.keys() for name, field in drawn.items()}).prepare()
        except CycleError as error:
            circle = error.args[1]
            made_of = ", ".join(f"{a!r} is made of {b!r}" for a, b in itertools.pairwise(reversed(circle)))
            place = (*path, next(field.name for field in own if field.name in circle))
            self.context.wrong(place, f"people: {made_of}: a circle; give one of them without by: and within:")
