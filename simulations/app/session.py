"""The model of one what-if session: a scenario, what was changed in it, and what has been computed. It knows no widget."""

from __future__ import annotations

import io
import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from simulations.app.evidence import Evidence, Shown
from simulations.app.files import write_uploads
from simulations.app.guards import Condition, conditions_of, mistakes_by_path, with_conditions
from simulations.app.settings import Section, sections_of
from simulations.app.tasks import Decided, Finished, Product, Side, decide, produce, replicate
from simulations.app.worker import Worker
from simulations.chance.draws import SamplePath
from simulations.loading import change_scenario, load_scenario
from simulations.loading.scenarios import catalog
from simulations.running.jobs import check_first
from simulations.running.options import ReplicationOptions, RunOptions
from simulations.scenarios.scenario import Scenario, with_whole_paths
from simulations.statements.statement import join_names
from workflow.errors import DocketsimError, InputError
from workflow.files.yaml_tree import dump_yaml
from workflow.model.definition import Workflow

REPLICATIONS = 20
MOST_REPLICATIONS = 1_000
_WORKFLOW_FILE, _SCENARIO_FILE = "what-if-workflow.yaml", "what-if.yaml"


class Session:
    """One person's what-if.

    A change that is not valid leaves the last valid what-if in force; its messages are in `wrong`, by the path of the
    setting or condition. Computing happens in processes of the session: call `update` to take in what they have finished.

    Parameters
    ----------
    scenario : str or Path
        A built-in name or a file.
    options : ReplicationOptions, optional

    Attributes
    ----------
    base, what_if : Scenario
    settings : list of Section
        Of the baseline.
    conditions : list of Condition
        Of the baseline's workflow.
    changes, texts : dict of str to str
        The new values of settings and of conditions, by path, the wrong ones too.
    wrong : dict of str to list of str
    failure : str
        Why the computation ended before it was done; empty if it did not.
    note : str
        What takes long at the moment.
    verdicts : dict of str to Decided
        By rule, of the what-if; a rule that is not decided yet is not in it.
    """

    def __init__(
        self, scenario: str | Path = "pilot", options: ReplicationOptions | None = None, worker: Callable[[], Worker] = Worker
    ) -> None:
        self.options = options or ReplicationOptions(replications=REPLICATIONS)
        self._runs, self._proofs, self._products = worker(), worker(), worker()
        self.products: list[tuple[Product, Path]] = []
        self._product: Product = "page"
        self._open(scenario, load_scenario(scenario))
        self.folder = tempfile.TemporaryDirectory(prefix="docketsim-app-")

    def close(self) -> None:
        """End the processes, and delete the files of the session."""
        for worker in (self._runs, self._proofs, self._products):
            worker.close()
        self.folder.cleanup()

    # the scenario ------------------------------------------------------------------------------------------

    def open(self, scenario: str | Path) -> None:
        """Open another scenario, and drop all changes.

        Raises
        ------
        InputError
            If it has mistakes. The session stays as it is.
        """
        self._open(scenario, load_scenario(scenario))

    def open_uploads(self, files: dict[str, bytes]) -> None:
        """Open the scenario among uploaded files. The others are the workflow and the tables that it names.

        Raises
        ------
        InputError
            If a file exceeds a limit, there is not one scenario, or it has mistakes. The session stays as it is.
        """
        folder = Path(tempfile.mkdtemp(dir=self.folder.name))
        try:
            path = write_uploads(files, folder)
            self._open(path, load_scenario(path))
        except BaseException as error:
            shutil.rmtree(folder)
            if isinstance(error, InputError):  # without the name of the folder, which says nothing to people
                raise InputError([str(problem).replace(f"{folder}/", "") for problem in error.problems]) from None
            raise

    def _open(self, name: str | Path, scenario: Scenario) -> None:
        check_first(scenario, SamplePath(self.options.seed, 1), ())
        self.stop()
        self.name = name
        self.base = self.what_if = scenario
        self.settings: list[Section] = sections_of(scenario)
        self.conditions: list[Condition] = conditions_of(scenario.workflow)
        self.changes: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.wrong: dict[str, list[str]] = {}
        self.failure = self.note = ""
        self.verdicts: dict[str, Decided] = {}
        self.proof_failure = ""
        self._workflow: Workflow = scenario.workflow
        self._proved: Workflow | None = None
        self._last = ""
        self._in_force: list[str] = []
        self._good = (scenario, self._in_force)
        self.evidence = Evidence(self.options)
        self._shown: Shown | None = None

    # changes -----------------------------------------------------------------------------------------------

    @property
    def changed(self) -> bool:
        """Return whether the what-if differs from the baseline."""
        return self.what_if is not self.base

    def set(self, path: str, text: str) -> bool:
        """Set a value, written in YAML as after ``--set``; the value of the baseline takes a change back.

        Returns
        -------
        bool
            Whether the what-if is valid and was changed.
        """
        original = next(
            (s.text for section in self.settings for e in section.entries for s in e.settings if s.path == path), None
        )
        self.changes.pop(path, None)
        if text.strip() != original:
            self.changes[path] = text.strip()
        self._last = path
        return self._apply()

    def set_condition(self, path: str, text: str) -> bool:
        """Set a guard or a definition; see `set`."""
        original = next((c.text for c in self.conditions if c.path == path), None)
        self.texts.pop(path, None)
        if " ".join(text.split()) != " ".join((original or "").split()):
            self.texts[path] = text
        self._last = path
        return self._apply()

    def reset(self) -> bool:
        """Take all changes back."""
        self.changes, self.texts = {}, {}
        return self._apply()

    def _apply(self) -> bool:
        """Make the what-if of all changes. If one is wrong, the last valid what-if stays."""
        self.wrong = {}
        workflow = None
        try:
            workflow = with_conditions(self.base.workflow, self.texts) if self.texts else None
        except InputError as error:
            self.wrong = mistakes_by_path(error, list(self.texts))
        else:
            self._workflow = workflow or self.base.workflow
        try:
            scenario = change_scenario(self.base, self._set(), workflow)
            if work := self.options.work_problems(scenario):
                raise InputError(work)
        except DocketsimError as error:
            self._assign(error)
        if self.wrong:
            return False
        self._force(scenario, self._set())
        self.failure = ""
        return True

    def _force(self, scenario: Scenario, changes: list[str]) -> None:
        """Put a what-if in force."""
        self.what_if, self._in_force = scenario, changes
        self.evidence.forget("what-if")

    def _refuse(self, message: str) -> None:
        """Take the what-if back that could not be run, as the last one that could be run stays; say why beside the last change."""
        self.wrong.setdefault(self._last, []).extend(message.splitlines())
        self._force(*self._good)

    def _assign(self, error: DocketsimError) -> None:
        """Put each message of an error beside the change that it names, or else beside the last one."""
        for problem in error.problems if isinstance(error, InputError) else [str(error)]:
            text = str(problem)
            path = next((p for p in self.changes if text.startswith((f"change {p}: ", f"change {p}="))), self._last)
            self.wrong.setdefault(path, []).append(text)

    def _set(self) -> list[str]:
        return [f"{path}={text}" for path, text in self.changes.items()]

    # computing ---------------------------------------------------------------------------------------------

    def compute(self) -> None:
        """Begin to run the replications that are missing."""
        sides: tuple[Side, ...] = ("base", "what-if") if self.changed else ("base",)
        todo = self.evidence.missing(sides)
        self.failure = self.note = ""
        if todo:
            needed: dict[Side, Scenario] = {"base": self.base, "what-if": self.what_if}
            self._runs.start(replicate, todo, {side: needed[side] for side in sides}, self.options)

    def prove(self) -> None:
        """Begin to decide the rules of the what-if's workflow, unless that has been begun."""
        if self._workflow is not self._proved:
            self._proved, self.verdicts, self.proof_failure = self._workflow, {}, ""
            self._proofs.start(decide, self._workflow)

    def set_replications(self, number: int) -> None:
        """Set how many replications to run; those that are finished stay.

        Raises
        ------
        InputError
            If it is not from 1 to `MOST_REPLICATIONS`.
        """
        if not 1 <= number <= MOST_REPLICATIONS:
            raise InputError([f"replications: must be from 1 to {MOST_REPLICATIONS:,}, not {number:,}"])
        self.options = replace(self.options, replications=number)
        self.evidence.options = self.options

    def stop(self) -> None:
        """Stop all computing. What is finished stays."""
        for worker in (self._runs, self._proofs, self._products):
            if worker.busy:
                worker.stop()
        self.note = ""
        self._proved = None

    @property
    def running(self) -> bool:
        """Return whether replications are being run."""
        return self._runs.busy

    @property
    def proving(self) -> bool:
        """Return whether rules are being decided."""
        return self._proofs.busy

    @property
    def judged(self) -> list[Decided]:
        """Return the verdict on each rule of the what-if's workflow; a rule that is not decided yet has the verdict "deciding"."""
        return [self.verdicts.get(rule.name, Decided(rule.name, "deciding", ())) for rule in self._workflow.rules]

    @property
    def producing(self) -> bool:
        """Return whether a file is being made."""
        return self._products.busy

    @property
    def done(self) -> int:
        """Return the number of finished replications of the what-if, or of the baseline if nothing is changed."""
        return len(self.evidence.paired(self.changed))

    def update(self) -> bool:
        """Take in what has been computed. Return whether there is anything new."""
        new = False
        for message in self._runs.messages():
            new = True
            if isinstance(message.content, Finished):
                self.evidence.add(message.content)
                self.note = ""
                if message.content.side == "what-if":
                    self._good = (self.what_if, self._in_force)
            elif message.kind == "wrong" and self.changed:
                self._refuse(message.content)
            elif message.kind in ("failed", "wrong"):
                self.failure = message.content
            else:
                self.note = message.content or ""
        for message in self._proofs.messages():
            new = True
            if isinstance(message.content, Decided):
                self.verdicts[message.content.rule] = message.content
            elif message.kind in ("failed", "wrong"):
                self.proof_failure = message.content
        for message in self._products.messages():
            new = True
            if message.kind == "result":
                self.products.append((self._product, message.content))
            elif message.kind in ("failed", "wrong"):
                self.failure = message.content
        return new

    def shown(self) -> Shown | None:
        """Return what the finished replications show; until a change has one, what was shown before."""
        if (compute := self.to_show()) is not None:
            self._shown = compute()
        return self._shown

    def to_show(self) -> Callable[[], Shown | None] | None:
        """Return a function that computes what to show, for another thread; ``None`` if nothing is finished."""
        return partial(self.evidence.copy().shown, self.base, self.what_if, self.changed) if self.done else None

    # what can be taken along -------------------------------------------------------------------------------

    @property
    def command(self) -> str:
        """Return the command that does what the session shows. With other guards it needs the files of `files`."""
        options = ["--replications", str(self.options.replications), "--seed", str(self.options.seed)]
        name = str(self.name)
        if not self.changed:
            return shlex.join(["docketsim", "run", name, *options])
        if self.has_other_workflow:
            return shlex.join(["docketsim", "compare", name, _SCENARIO_FILE, *options])
        changes = [part for change in self._in_force for part in ("--set-other", change)]
        return shlex.join(["docketsim", "compare", name, name, *changes, *options])

    @property
    def has_other_workflow(self) -> bool:
        """Return whether the what-if has other guards than the baseline."""
        return self.what_if.workflow is not self.base.workflow

    def files(self) -> bytes:
        """Return a ZIP archive with the what-if: the scenario, its workflow if that is changed, and the command."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            scenario = self.what_if.to_yaml()
            if self.has_other_workflow:
                content = with_whole_paths(self.what_if.document) | {"workflow": _WORKFLOW_FILE}
                scenario = dump_yaml(content)
                file.writestr(_WORKFLOW_FILE, self.what_if.workflow.to_yaml())
            file.writestr(_SCENARIO_FILE, scenario)
            file.writestr("command.txt", self.command + "\n")
        return archive.getvalue()

    def produce(self, product: Product) -> None:
        """Begin to make the page, the log or the animation; its path will be in `products`."""
        self._product = product
        options = RunOptions(replications=self.options.replications, seed=self.options.seed)
        what_if = self.what_if if self.changed else None
        self._products.start(produce, product, self.base, what_if, options, Path(tempfile.mkdtemp(dir=self.folder.name)))


def names() -> list[str]:
    """Return the names of the built-in scenarios, the quickest first."""
    return sorted(catalog(), key=lambda name: name != "pilot")


def summary(session: Session) -> str:
    """Say what is changed."""
    parts = [f"{path} = {text}" for path, text in session.changes.items()]
    parts += [next(c.title for c in session.conditions if c.path == path) for path in session.texts]
    return f"Changed: {join_names(parts)}." if parts else "Nothing is changed yet."
