"""Rules under pytest: each rule of a ``*.rules.yaml`` is collected as ``rule[prove]`` and ``rule[test]``.

So is each rule of the workflows that the ini option ``docketsim_workflows`` names.

``rule[prove]`` decides the rule for every possible case. ``rule[test]`` tries hundreds of generated histories on the
real machine. Only pytest is imported until such a file is found. Files with this ending but without a ``workflow:``
key, for example those of Prometheus, are ignored.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from workflow.errors import Position
    from workflow.model.definition import Workflow
    from workflow.model.rules import Rule
    from workflow.proving.report import Proof

_ENDINGS = (".rules.yaml", ".rules.yml")
_WORKFLOWS = "docketsim_workflows"
_OURS = re.compile(rb"^(\xef\xbb\xbf)?workflow\s*:", re.MULTILINE)
_MOST_READ = 4_000_000  # as in workflow.files.opening, which is not imported until a file needs it
_UNDECIDED = "docketsim_undecided"
_LIMITS = {"docketsim_seconds": "seconds", "docketsim_nodes": "most_nodes"}
"""Ini options, each with the argument of `prove` that it sets."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options: which workflows have rules to test, what an undecided rule is, and the limits of a proof."""
    workflows = "Workflow files whose own rules are tested: paths or patterns, relative to the folder of the ini file."
    parser.addini(_WORKFLOWS, workflows, type="paths", default=[])
    parser.addini(_UNDECIDED, "What a rule is that the prover cannot decide: fail or skip.", default="fail")
    parser.addini("docketsim_seconds", "Time limit for the proofs of a file, like --seconds of docketsim prove.", default="")
    parser.addini("docketsim_nodes", "Maximum size of one search, like --nodes of docketsim prove.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a file that does not exist, whose rules would not be tested, and an unknown value."""
    named = [path for path in config.getini(_WORKFLOWS) if not set("*?[").intersection(str(path))]
    if missing := [str(path) for path in named if not path.is_file()]:
        raise pytest.UsageError(f"{_WORKFLOWS}: there is no file {' and no file '.join(missing)}")
    if (chosen := config.getini(_UNDECIDED)) not in ("fail", "skip"):
        raise pytest.UsageError(f"{_UNDECIDED} = {chosen}: must be fail or skip")
    _limits(config)


def _limits(config: pytest.Config) -> dict[str, Any]:
    """Return the limits of a proof that are set, as arguments of `prove`."""
    given = {option: str(config.getini(option)).strip() for option in _LIMITS}
    wrong = [
        f"{option} = {text}: must be a whole number, at least 1"
        for option, text in given.items()
        if text and not re.fullmatch("0*[1-9][0-9]*", text)
    ]
    if wrong:
        raise pytest.UsageError("\n".join(wrong))
    return {_LIMITS[option]: int(text) for option, text in given.items() if text}


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RulesFile | None:
    """Collect a rules file, or a workflow that the ini option names."""
    kind = RulesFile
    if not file_path.name.endswith(_ENDINGS):
        kind = WorkflowFile
        if not any(fnmatch(str(file_path), str(pattern)) for pattern in parent.config.getini(_WORKFLOWS)):
            return None
    elif not _OURS.search(_start_of(file_path)):
        return None
    rules_file: RulesFile = kind.from_parent(parent, path=file_path)
    return rules_file


def _start_of(path: Path) -> bytes:
    """Return as many bytes of a file as a YAML file may have."""
    with path.open("rb") as file:
        return file.read(_MOST_READ)


class RuleDisproved(AssertionError):
    """A rule can be broken; the message shows a shortest history."""


class VacuousRule(UserWarning):
    """A rule holds vacuously; the warning has the rule's line."""


class RulesFile(pytest.Module):
    """A rules file. For pytest it is a module of test functions, so that fixtures and marks work as usual."""

    _proof: Proof | None = None

    def _getobj(self) -> Any:
        from types import ModuleType

        return ModuleType(self.path.name.split(".")[0])

    def collect(self) -> Iterator[pytest.Item]:
        """Yield two tests for each rule.

        Raises
        ------
        CollectError
            With every mistake of the file.
        """
        from workflow.errors import InputError
        from workflow.testing.strategies import rule_test

        try:
            self._workflow, self._rules = self._load()
        except InputError as error:
            raise self.CollectError(str(error)) from None
        for rule in self._rules:
            tests = {"prove": self._proves(rule), "test": rule_test(self._workflow, rule)}
            for kind, test in tests.items():
                item: RuleTest = RuleTest.from_parent(self, name=f"{rule.name}[{kind}]", callobj=test)
                item.position = rule.position
                yield item

    def _load(self) -> tuple[Workflow, tuple[Rule, ...]]:
        from workflow.loading.rule_files import load_rules

        return load_rules(self.path)

    def _proves(self, rule: Rule) -> Callable[[], None]:
        def test() -> None:
            from workflow.files.validation import format_names
            from workflow.proving.report import render_verdict

            proof = self._proved()
            verdict = next(v for v in proof.verdicts if v.rule is rule)
            if verdict.decision == "broken":
                raise RuleDisproved("\n".join(render_verdict(proof, verdict)))
            if verdict.decision == "undecided":
                advice = f"    under pytest, the ini options {' and '.join(_LIMITS)} raise the limits"
                self._give_up("\n".join([*render_verdict(proof, verdict), advice]))
            if verdict.decision == "monitored":
                missing = format_names(verdict.deadline.missing) if verdict.deadline is not None else "the states"
                pytest.skip(f"a time limit: a proof needs bounds: on the time in {missing}; run --monitor and audit check it")
            if verdict.vacuous:
                message = f"the rule {rule.name!r} holds vacuously: {verdict.vacuous}"
                file, line = (str(self.path), 1) if (at := rule.position) is None else (at.file, at.line)
                warnings.warn_explicit(message, VacuousRule, file, line)

        return test

    def _proved(self) -> Proof:
        """Prove all rules of the file (cached)."""
        if self._proof is None:
            from workflow.errors import InputError
            from workflow.predicates.symbolic import ProverMissing
            from workflow.proving.prove import prove

            try:
                self._proof = prove(self._workflow, self._rules, **_limits(self.config))
            except ProverMissing as missing:
                self._give_up(str(missing))
            except InputError as error:
                pytest.fail(str(error), pytrace=False)
        return self._proof

    def _give_up(self, reason: str) -> NoReturn:
        """Fail a test that cannot be decided, or skip it if the ini option says so."""
        if self.config.getini(_UNDECIDED) == "skip":
            pytest.skip(reason)
        pytest.fail(reason, pytrace=False)


class WorkflowFile(RulesFile):
    """A workflow whose own rules are tested."""

    def _load(self) -> tuple[Workflow, tuple[Rule, ...]]:
        from workflow.loading import load_workflow

        workflow = load_workflow(self.path)
        return workflow, workflow.rules


class RuleTest(pytest.Function):
    """One test of one rule; its failure shows the history instead of a traceback."""

    position: Position | None = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the case, its history, and the notes of Hypothesis."""
        from workflow.testing.strategies import RuleBroken

        if isinstance(excinfo.value, RuleBroken | RuleDisproved):
            return "\n".join([str(excinfo.value), *getattr(excinfo.value, "__notes__", ())])
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the position of the rule in its file, which may be one that the workflow extends."""
        if self.position is None:
            return self.path, None, self.name
        return Path(self.position.file), self.position.line - 1, self.name
