"""A ``*.rules.yaml`` under pytest: two tests for each rule, with the usual features of pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.office import PERMIT_OFFICE

pytest.importorskip("z3")
# Runs within this process put its modules back as they were before, and some libraries cannot be loaded twice.
pytest.importorskip("workflow.testing")
pytest.importorskip("workflow.proving.prove")

pytest_plugins = ["pytester"]

RULES = """workflow: permit_office.yaml
rules:
  - {rule: the incomplete get nothing, never: grant, if: not complete}
  - {rule: nobody is refused, never: refuse}
  - {rule: answered in time, after: reminder, then: grant or refuse or withdraw, within: 3 days}
"""


@pytest.fixture(autouse=True)
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw 50 histories for a rule instead of 500: what is tested here is how pytest runs the rules."""
    monkeypatch.setattr("workflow.testing.strategies.EXAMPLES", 50)


@pytest.fixture
def office(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with a workflow and a rules file; one rule can be broken."""
    pytester.path.joinpath("permit_office.yaml").write_text(PERMIT_OFFICE, encoding="utf-8")
    pytester.path.joinpath("office.rules.yaml").write_text(RULES, encoding="utf-8")
    return pytester


def _run(office: pytest.Pytester, *arguments: str, alone: bool = False) -> pytest.RunResult:
    plugin = () if _installed() else ("-p", "workflow.testing.pytest_plugin")
    how = office.runpytest_subprocess if alone else office.runpytest_inprocess
    return how(*plugin, "-p", "no:cacheprovider", "--assert=plain", *arguments)


def _installed() -> bool:
    from importlib.metadata import entry_points

    return any(e.value == "workflow.testing.pytest_plugin" for e in entry_points(group="pytest11"))


def test_each_rule_is_proved_and_tested_by_its_name(office: pytest.Pytester) -> None:
    """One rule passes twice, one fails twice, and the one with a time limit is tested only."""
    result = _run(office, "-v")
    result.assert_outcomes(passed=3, failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*office.rules.yaml::the incomplete get nothing?prove? PASSED*",
            "*office.rules.yaml::the incomplete get nothing?test? PASSED*",
            "*office.rules.yaml::nobody is refused?prove? FAILED*",
            "*office.rules.yaml::nobody is refused?test? FAILED*",
            "*office.rules.yaml::answered in time?prove? SKIPPED*",
            "*office.rules.yaml::answered in time?test? PASSED*",
        ]
    )


def test_the_failure_is_the_history_and_no_traceback(office: pytest.Pytester) -> None:
    """The output has the case and its steps, and no code."""
    result = _run(office)
    shown = result.stdout.str().partition("short test summary")[0]  # which repeats it, shortened or whole
    assert "broken      nobody is refused\n    a case with complete = false begins in waiting\n     1. refuse" in shown
    assert "broken: nobody is refused\n  a case with complete = false begins in waiting\n   1. refuse (decision = grant)" in shown
    assert shown.count("breaks the rule: refuse at step 1\n") == 2
    assert "testing.py" not in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(("expression", "passed", "failed"), [("prove", 1, 1), ("refused", 0, 2), ("incomplete and test", 1, 0)])
def test_rules_are_selected_by_words(office: pytest.Pytester, expression: str, passed: int, failed: int) -> None:
    """``-k`` selects by parts of the sentence or by the kind of test."""
    _run(office, "-k", f"({expression}) and not answered").assert_outcomes(
        passed=passed, failed=failed, deselected=6 - passed - failed
    )


def test_a_rule_known_to_be_broken_is_marked_in_conftest(office: pytest.Pytester) -> None:
    """Marks (xfail) and fixtures work as for any test."""
    office.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True, scope="module")
        def quiet():
            yield

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name.startswith("nobody is refused"):
                    item.add_marker(pytest.mark.xfail(reason="known", strict=True))
        """
    )
    _run(office).assert_outcomes(passed=3, xfailed=2, skipped=1)


def test_a_history_that_failed_is_kept_and_tried_first(office: pytest.Pytester) -> None:
    """Hypothesis's database has the example of the rule, and the next run begins with it."""
    arguments = ("-k", "refused and test", "--hypothesis-show-statistics", "--hypothesis-profile=default")
    # In processes of their own: Hypothesis's folder is that of its process, and this one's has what earlier tests left.
    first, second = (_run(office, *arguments, alone=True).stdout.str() for _ in range(2))
    assert "during reuse phase" not in first
    assert "during reuse phase" in second


def test_a_seed_makes_the_same_history(office: pytest.Pytester) -> None:
    """The same seed gives the same failure twice."""
    arguments = ("-k", "refused and test", "--hypothesis-seed=7")
    first, second = (
        [line for line in _run(office, *arguments).outlines if line.startswith("  ") or "broken:" in line] for _ in range(2)
    )
    assert first == second
    assert first


def test_a_wrong_file_is_a_collection_error_with_positions(office: pytest.Pytester) -> None:
    """It has every mistake, and no traceback."""
    office.path.joinpath("office.rules.yaml").write_text(
        "workflow: permit_office.yaml\nrules:\n  - {rule: a, never: grnt}\n  - {rule: b, never: refus}\n", encoding="utf-8"
    )
    result = _run(office)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*office.rules.yaml:3:*'grnt'*'grant'?", "*office.rules.yaml:4:*'refus'*'refuse'?"])
    assert "Traceback" not in result.stdout.str()


def test_a_vacuous_rule_is_warned_of_with_its_line(office: pytest.Pytester) -> None:
    """It passes, and the warning leads to the rule in its file."""
    office.path.joinpath("office.rules.yaml").write_text(
        "workflow: permit_office.yaml\nrules:\n  - {rule: empty, never: grant, if: complete and not complete}\n", encoding="utf-8"
    )
    result = _run(office, "-k", "prove", "-W", "default")
    result.assert_outcomes(passed=1, warnings=1, deselected=1)
    result.stdout.fnmatch_lines(["*office.rules.yaml:3: VacuousRule: the rule 'empty' holds vacuously*"])


@pytest.mark.parametrize(("option", "failed", "skipped"), [("", 1, 0), ("fail", 1, 0), ("skip", 0, 1)])
def test_an_undecided_rule_fails_unless_the_ini_option_says_otherwise(
    office: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, option: str, failed: int, skipped: int
) -> None:
    """What cannot be decided is no success."""
    from workflow.proving import prove as module

    decide = module.prove
    monkeypatch.setattr(module, "prove", lambda workflow, rules: decide(workflow, rules, seconds=0))
    if option:
        office.makeini(f"[pytest]\ndocketsim_undecided = {option}\n")
    result = _run(office, "-k", "incomplete and prove")
    result.assert_outcomes(failed=failed, skipped=skipped, deselected=5)


@pytest.mark.parametrize(("option", "failed", "skipped"), [("fail", 1, 0), ("skip", 0, 1)])
def test_without_z3_a_rule_is_undecided(
    office: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, option: str, failed: int, skipped: int
) -> None:
    """A missing library does not make a rule pass."""
    from workflow.predicates.symbolic import ProverMissing
    from workflow.proving import prove as module

    def missing(*arguments: object) -> None:
        raise ProverMissing("Z3 is not installed")

    monkeypatch.setattr(module, "prove", missing)
    office.makeini(f"[pytest]\ndocketsim_undecided = {option}\n")
    _run(office, "-k", "incomplete and prove").assert_outcomes(failed=failed, skipped=skipped, deselected=5)


def test_the_limits_of_a_proof_are_ini_options(office: pytest.Pytester) -> None:
    """A search of one node decides nothing, and the failure names the options."""
    office.makeini("[pytest]\ndocketsim_nodes = 1\ndocketsim_seconds = 60\n")
    office.path.joinpath("office.rules.yaml").write_text(
        "workflow: permit_office.yaml\nrules:\n  - {rule: a rule, at_most: 5, of: reminder}\n", encoding="utf-8"
    )
    result = _run(office, "-k", "prove")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["*limit of 1;*", "*the ini options docketsim_seconds and docketsim_nodes raise the limits*"])


def test_contradictory_assumptions_are_a_failure_without_a_traceback(office: pytest.Pytester) -> None:
    """Otherwise every rule would be proved, for no case."""
    text = PERMIT_OFFICE + "assume: [complete, not complete]\n"
    office.path.joinpath("permit_office.yaml").write_text(text, encoding="utf-8")
    result = _run(office, "-k", "incomplete and prove")
    result.assert_outcomes(failed=1, deselected=5)
    result.stdout.fnmatch_lines(["*no case satisfies assume:*"])
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("option", "allowed"),
    [("docketsim_undecided = ignore", "must be fail or skip"), ("docketsim_nodes = many", "must be a whole number, at least 1")],
)
def test_a_wrong_value_of_an_ini_option_is_refused(office: pytest.Pytester, option: str, allowed: str) -> None:
    """The message has the values that are allowed."""
    office.makeini(f"[pytest]\n{option}\n")
    result = _run(office, alone=True)
    result.stderr.fnmatch_lines([f"*{option}: {allowed}*"])


def test_files_of_other_tools_are_ignored(office: pytest.Pytester) -> None:
    """Prometheus has rules files of the same ending."""
    office.path.joinpath("office.rules.yaml").write_text("groups:\n  - name: alerts\n", encoding="utf-8")
    _run(office).assert_outcomes()


def test_the_plugin_imports_nothing_without_a_rules_file(tmp_path: Path) -> None:
    """Other projects have no cost."""
    program = (
        "import sys, pytest; pytest.main(['-q', '-p', 'workflow.testing.pytest_plugin', '-p', 'no:hypothesispytest',"
        f" '-p', 'no:cacheprovider', {str(tmp_path)!r}]);"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('numpy', 'pydantic', 'transitions', 'z3', 'hypothesis')"
        " or m.startswith('workflow.')))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.splitlines()[-1] == "['workflow.testing', 'workflow.testing.pytest_plugin']"


RULED = PERMIT_OFFICE + "rules:\n  - {rule: the incomplete get nothing, never: grant, if: not complete}\n"


def test_the_rules_of_a_workflow_that_the_configuration_names_are_tested(office: pytest.Pytester) -> None:
    """The rules of its base are included; other workflows are not tested."""
    office.path.joinpath("office.rules.yaml").unlink()
    office.path.joinpath("permit_office.yaml").write_text(RULED, encoding="utf-8")
    variants = office.mkdir("variants")
    variants.joinpath("strict.yaml").write_text("workflow: strict\nextends: ../permit_office.yaml\n", encoding="utf-8")
    office.makeini("[pytest]\ndocketsim_workflows = variants/*.yaml\n")
    result = _run(office, "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*strict.yaml::the incomplete get nothing?prove? PASSED*"])


def test_a_workflow_that_the_configuration_names_and_that_does_not_exist_is_an_error(office: pytest.Pytester) -> None:
    """Otherwise its rules would silently not be tested."""
    office.makeini("[pytest]\ndocketsim_workflows = permit_offices.yaml\n")
    result = _run(office, alone=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*docketsim_workflows: there is no file *permit_offices.yaml*"])
