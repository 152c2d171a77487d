"""The context for reading the sections of a scenario file: the file, the names, and the mistakes found so far."""

from __future__ import annotations

import re
from collections.abc import Iterable

from simulations.scenarios.format import ScenarioFile
from simulations.scenarios.other_files import OtherFiles
from simulations.scenarios.quantities import Reader
from simulations.scenarios.scenario import scenario_namespace
from simulations.timing.clock import Epoch
from workflow.errors import InputError, Problem
from workflow.files.validation import name_mistake
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys, Reading
from workflow.model.definition import Workflow
from workflow.predicates import Namespace, made_of

ONE_COURT = "court"
LONGEST_YEARS = 500


class Context(Reading[ScenarioFile]):
    """A scenario file that is being read, with the names that its sections refer to.

    Attributes
    ----------
    dates_fit : bool
        Whether the scenario's dates are valid, so that other dates can be compared with them.
    files : OtherFiles
        What has been read from other files.
    workflow : Workflow
    epoch : Epoch
    courts : tuple of str
    namespace, facts, only_court : Namespace
        All names for expressions; the names that are constant for a case; the court only.
    reader : Reader
        Reads quantities; adds mistakes to `problems`.
    tables_of_rotas : list
        What has been read from tables of rotas.

    Raises
    ------
    InputError
        If the workflow does not exist or has mistakes.
    """

    def __init__(self, file: ScenarioFile, node: Node, lost: set[str], reported: list[Problem], files: OtherFiles) -> None:
        super().__init__(file, node, lost, reported)
        self.files = files
        self._check_dates()
        self.dates_fit = not self.problems
        self.workflow = self._workflow()
        self.epoch = Epoch(file.starts)
        self.courts = tuple(file.courts) or (ONE_COURT,)
        self._check_names()
        self.next_stage({name for name in file.courts if not self._names_a_court(name)})
        self.namespace = scenario_namespace(self.workflow, self.courts)
        facts = {name: field for name, field in self.namespace.fields.items() if field.role == "fact"}
        self.facts = made_of(facts, self.namespace)
        self.only_court = Namespace({"court": self.namespace.fields["court"]}, {})
        self.reader = Reader(self.namespace, self.problems)
        self.tables_of_rotas: list[object] = []

    def explain(self, first: int, why: str, more: Iterable[str] = ()) -> None:
        """Explain in the problems from index `first` on why an existing name, or one of `more`, cannot be used here."""
        for i, problem in enumerate(self.problems[first:], first):
            unknown = re.search(r"unknown name '(\w+)'", problem.message)
            if unknown and unknown[1] in {*self.namespace.fields, *self.namespace.definitions, *more}:
                message = f"{problem.message[: unknown.start()]}{unknown[1]!r} {why}"
                self.problems[i] = Problem(message, problem.position)

    def _check_dates(self) -> None:
        starts, ends, warm_up = self.file.starts, self.file.ends, self.file.warm_up
        if ends < starts:
            self.wrong(("ends",), f"ends: {ends} is before the start, {starts}")
        elif (ends - starts).days > LONGEST_YEARS * 366:
            self.wrong(("ends",), f"ends: {ends} is more than {LONGEST_YEARS} years after the start")
        if warm_up is not None and not starts <= warm_up <= ends:
            self.wrong(("warm_up",), f"warm_up: {warm_up} is not between starts, {starts}, and ends, {ends}")

    def _workflow(self) -> Workflow:
        node = self.at("workflow")
        try:
            return self.files.workflow(self.file.workflow, node.folder)
        except InputError as error:
            located = [p if p.position else Problem(f"workflow: {p.message}", node.position) for p in error.problems]
            raise InputError([*self.reported, *self.problems, *located]) from None

    def _check_names(self) -> None:
        named: list[tuple[Keys, str, str]] = [(("scenario",), "scenario", self.file.scenario)]
        sections: dict[str, Iterable[str]] = {key: getattr(self.file, key) for key in ("pools", "calendars", "arrivals")}
        named += [((section, name), section.rstrip("s"), name) for section, entries in sections.items() for name in entries]
        for path, what, name in named:
            if message := name_mistake(name):
                self.wrong(path, f"{what} {name!r}: {message}")

    def _names_a_court(self, name: str) -> bool:
        if message := name_mistake(name):
            self.wrong(("courts", name), f"court {name!r}: {message}")
        elif name == "all":
            self.wrong(("courts", name), "court 'all': this name means all courts together; choose another")
        else:
            return True
        return False


def without_comma(value: object) -> str:
    """Return a hint for a number with commas, or an empty string."""
    digits = value.replace(",", "") if isinstance(value, str) else ""
    return f"; write {digits}" if digits.isdecimal() else ""
