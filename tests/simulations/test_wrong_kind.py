"""A file or folder of another kind, a wrong name in a query: the mistake in one line, with one next step."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations import run
from simulations.cli import app
from tests.simulations.desk import write_tiny

RULES = "workflow: desk.yaml\nrules:\n  - {rule: nothing is stored, never: store}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workflow, a scenario, rules, a run folder and an event log, side by side."""
    folder = tmp_path_factory.mktemp("kinds")
    run(write_tiny(folder), out=folder / "run")
    run(folder / "tiny.yaml", out=folder / "silent", keep="measures")
    (folder / "desk.rules.yaml").write_text(RULES, encoding="utf-8")
    (folder / "log.csv").write_text("case,activity\n", encoding="utf-8")
    (folder / "both" / "base").mkdir(parents=True)
    (folder / "both" / "base" / "manifest.json").write_text("{}", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run desk.yaml", "desk.yaml: is a workflow, not a scenario; a scenario names it with `workflow: desk.yaml`"),
        ("run desk.rules.yaml", "desk.rules.yaml: is a rules file, not a scenario; docketsim prove WORKFLOW --rules"),
        ("run run", "run: is a run folder, not a scenario; its scenario is run/scenario.yaml"),
        ("run both", "both: is a folder, not a scenario; give the path of a file"),
        ("run log.csv", "log.csv: is an event log, not a scenario; docketsim audit WORKFLOW log.csv audits it"),
        ("prove tiny.yaml", "tiny.yaml: is a scenario, not a workflow; give the workflow that it names, 'desk.yaml'"),
        ("prove desk.rules.yaml", "is not a workflow; give both: docketsim prove WORKFLOW --rules desk.rules.yaml"),
        ("prove run", "run: is a run folder, not a workflow; its workflow is run/workflow.yaml"),
        ("prove desk.yaml --rules tiny.yaml", "tiny.yaml: is a scenario, not a rules file; docketsim run tiny.yaml simulates it"),
        ("prove desk.yaml --rules desk.yaml", "desk.yaml: is a workflow, not a rules file; leave --rules out"),
        ("diff desk.yaml tiny.yaml", "tiny.yaml: is a scenario, not a workflow; give the workflow that it names, 'desk.yaml'"),
        ("verify tiny.yaml", "tiny.yaml: is not a run folder, but a file; docketsim run tiny.yaml --out DIR makes"),
        ("verify both", "both: is not a run folder, but of a comparison that is not finished; resume it with --resume (resume=True), or name one of its runs, such as both/base"),
        ("run tiny.yaml --by xyz", "by xyz: unknown name 'xyz'. Known: kind, age, arrived, as_of, court, origin."),
        ("run tiny.yaml --by knd", "by knd: unknown name 'knd'. Did you mean 'kind'?"),
    ],
)  # fmt: skip
def test_another_kind_is_named_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str) -> None:
    """With exit code 2."""
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, arguments.split())
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("run_folder", "query", "message"),
    [
        ("run", "from event", "sql: there is no view 'event'. Did you mean 'events'?"),
        ("silent", "from event", "sql: this run has no event log; --keep events (keep='events') writes it"),
        ("run", "from cases where court = north", "there is no column 'north' here. A text is written in single quotes: 'north'."),
        ("run", "from cases where court in (north)", "A text is written in single quotes: 'north'."),
        ("run", "select cort from cases", "there is no column 'cort' here. Did you mean 'court'?"),
    ],
)  # fmt: skip
def test_a_wrong_name_in_a_query_is_explained(folder: Path, run_folder: str, query: str, message: str) -> None:
    """The view, the missing log, the quotes or the column."""
    result = CliRunner().invoke(app, ["sql", str(folder / run_folder), query])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert message in result.stderr
