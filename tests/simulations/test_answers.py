"""The answer in sentences: it leads a page, its title and description, ends the terminal, and is in the JSON; titles are the files' own."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations import Comparison, RunResult, compare, forecast, load_scenario, run, staff, sweep
from simulations.cli import app
from simulations.printing.comparison_table import print_comparison
from simulations.printing.run_tables import print_result
from simulations.report.comparison import comparison_document
from simulations.report.contents import read_contents
from simulations.report.document import Section, render
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.report.page import run_document
from simulations.report.sweep import sweep_document
from simulations.statements.of_comparisons import answer_of_comparison, main_result
from simulations.statements.of_plans import answer_of_forecast, answer_of_staffing, answer_of_sweep
from simulations.statements.of_runs import answer
from simulations.statements.statement import Claim, Statement
from tests.simulations.desk import DESK, TINY
from tests.simulations.test_statements import undrawn
from workflow.files.json_text import json_text

MEASURES = """\
measures:
  - {measure: served, title: Answered, unit: letters, cases: finish}
  - {measure: emptied, title: End of the backlog, emptied: queue}
"""
SHOW = """\
show: [served, waiting_time.serve.mean]
published: [{measure: served, court: east, at: 2024-01-31, value: 60}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small workflow and scenario that have titles."""
    folder = tmp_path_factory.mktemp("titled")
    (folder / "desk.yaml").write_text(DESK + MEASURES, encoding="utf-8")
    text = TINY.replace("east: {backlog", "east: {title: The East, backlog").replace(
        "west: {backlog", "west: {title: The West, backlog"
    )
    assert text.count("title:") == 2
    text = text.replace("pools: {clerks: {at: court, size: 2}}", "pools: {clerks: {at: court, size: {east: 2, west: 2}}}")
    (folder / "tiny.yaml").write_text(text + SHOW, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> RunResult:
    """A run of it."""
    return run(folder / "tiny.yaml", replications=4, out=folder / "r", engine="simpy", workers=1)


@pytest.fixture(scope="module")
def compared(folder: Path) -> Comparison:
    """A comparison in which one court has more clerks."""
    more = ["pools.clerks.size.east=4"]
    tiny = folder / "tiny.yaml"
    return compare(tiny, tiny, other_changes=more, replications=5, out=folder / "c", engine="simpy", workers=1)


def _texts(statements: list[Statement]) -> list[str]:
    return [statement.text.removesuffix(".") for statement in statements]


def test_states_activities_pools_facts_and_groups_have_their_titles_on_the_page(folder: Path, tmp_path: Path) -> None:
    """In tables, figures, captions and headings; the CSV has the names of the file."""
    text = DESK.replace("kind: {enum: [plain, odd],", "kind: {enum: [plain, odd], title: difficulty, titles: {odd: Hard ones},")
    text = text.replace("queue: {activity", "queue: {title: In the queue, activity").replace(
        "shelf: {", "shelf: {title: On the shelf, "
    )
    text = text.replace("serve: {gives", "serve: {title: an answer, gives")
    assert text.count("title") == 5
    (tmp_path / "desk.yaml").write_text(text + MEASURES, encoding="utf-8")
    scenario = (folder / "tiny.yaml").read_text(encoding="utf-8").replace("clerks: {at", "clerks: {title: the front desk, at")
    assert scenario.count("title") == 3
    (tmp_path / "tiny.yaml").write_text(scenario, encoding="utf-8")
    run(tmp_path / "tiny.yaml", by=["kind"], replications=2, out=tmp_path / "titled", engine="simpy", workers=1)
    contents = read_contents(tmp_path / "titled")
    document = run_document(contents, figures(contents))
    blocks = {(section.key, type(b).__name__, getattr(b, "key", "")): b for section in document.sections for b in section.blocks}
    groups = blocks["by-kind", "Table", "by-kind"]
    assert groups.title.startswith("By difficulty, all courts")
    assert set(groups.columns) == {"measure", "plain", "Hard ones"}
    assert "serve.mean" in groups.csv
    assert "Mean wait for an answer" in [row[0].text for row in groups.rows]
    waits = blocks["waiting-by-reason", "Table", "waiting-reason"]
    assert {row[0].text for row in waits.rows} == {"an answer"}
    assert "waiting_time.serve.mean" in waits.csv
    figure = blocks["waiting-by-reason", "Figure", "waiting-by-reason"]
    assert figure.title.startswith("The longest wait was for an answer: ")
    assert "an answer" in json.dumps(figure.live)
    use = blocks["utilisation", "Table", "use"]
    assert {row[0].text for row in use.rows} == {"the front desk"}
    assert use.csv.splitlines()[1].startswith("clerks,")
    figure = blocks["utilisation", "Figure", "utilisation"]
    assert "the front desk" in json.dumps(figure.live)
    assert figure.csv.splitlines()[1].startswith("clerks,all,")
    assert "an answer" in blocks["workflow-map", "Figure", "workflow-map"].svg
    assert [row[0].text for row in blocks["flow", "Table", "standing"].rows] == [
        "In the queue",
        "On the shelf",
        "done",
        "not yet there",
    ]
    assert "On the shelf" in blocks["flow", "Figure", "flow"].svg
    assert "In the queue" in blocks["workflow-map", "Figure", "workflow-map"].svg
    assert "In the queue" in blocks["flow", "Moving", ""].animation.json
    published = blocks["published-figures", "Table", "published"]
    assert [cell.text for cell in published.rows[0]][:2] == ["Answered", "The East"]
    assert published.csv.splitlines()[1].startswith("served,east,")
    assert "Hard ones" in json.dumps(blocks["by-kind", "Figure", "groups-kind"].live)


def test_a_result_in_python_has_the_json_of_the_command(folder: Path, ran: RunResult) -> None:
    """That of ``--all``; without it, only the days that were asked for. With the answer, which is its `sentences`, too."""
    arguments = [
        "run",
        str(folder / "tiny.yaml"),
        "--replications",
        "4",
        "--out",
        str(ran.folder),
        "--engine",
        "simpy",
        "--resume",
    ]
    whole, short = (CliRunner().invoke(app, [*arguments, "--json", *more]) for more in (["--all"], []))
    assert (whole.exit_code, short.exit_code) == (0, 0)
    assert json.loads(whole.stdout) == json.loads(json_text(ran.json()))
    at = {measure["at"] for measure in json.loads(whole.stdout)["measures"]}
    assert at == {None, "2024-01-31"}  # the day of a published figure
    assert {measure["at"] for measure in json.loads(short.stdout)["measures"]} == {None}
    assert ran.json()["answer"] == ran.sentences == [f"{text}." for text in _texts(answer(ran))]


def test_the_scenario_says_which_measures_lead(
    ran: RunResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After pending cases, in the order of `show:`, with titles and units from the files."""
    monkeypatch.setenv("COLUMNS", "80")
    print_result(ran, [], None, everything=False)
    out = capsys.readouterr().out
    rows = re.findall(r"^(Pending cases|Answered \(letters\)|Mean wait for serve|Utilisation of clerks)  ", out, re.MULTILINE)
    assert rows == ["Pending cases", "Answered (letters)", "Mean wait for serve", "Utilisation of clerks"]
    assert re.search(r"^ +The East +The West +all courts$", out, re.MULTILINE)
    assert re.search(r"^Answered  The East  2024-01-31 ", out, re.MULTILINE)


def test_a_comparison_names_the_court_that_differs_and_those_that_do_not(compared: Comparison) -> None:
    """If a measure differs at one court only, the sentence is about that court."""
    (name,) = compared.against
    count, first, *others, same = main_result(compared, name)
    assert (count.claim, first.claim, same.claim) == (Claim.SIGNIFICANT, Claim.DIFFERENCE, Claim.SAME_COURTS)
    assert {s.claim for s in others} == {Claim.ALSO}
    assert {s.court for s in (first, *others)} == {"east"}
    assert first.text.startswith("Mean wait for serve, The East: ")  # show: names it
    assert re.search(r" days shorter, [\d.]+ d instead of [\d.]+ d$", first.text)
    assert same.text == "The West does not change in any of 5 replications"
    assert len({s.subject for s in (first, *others)}) == 1 + len(others) <= 3


def _pages(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the title, the description and the text of the page of the run, and of that of the comparison, without figures."""
    with undrawn():
        documents = [run_document(read_contents(folder / "r"), []), comparison_document(folder / "c")]
    for document in documents:
        page = render(replace(document, sections=[_without_figures(section) for section in document.sections]))
        head, _, body = page.partition("<main")
        (title,), (described,) = (
            re.findall(p, head) for p in (r"<title>(.*?)</title>", r'<meta name="description" content="(.*?)">')
        )
        yield unescape(title), unescape(described), unescape(re.sub("</?(wbr|time)>", "", body))


def _without_figures(section: Section) -> Section:
    return replace(section, blocks=[block for block in section.blocks if not isinstance(block, Figure)])


def test_the_answer_heads_the_page_and_describes_it(folder: Path, ran: RunResult, compared: Comparison) -> None:
    """The window's title begins with the first sentence; the description has all of them; the page shows each."""
    for (title, described, page), statements in zip(_pages(folder), (answer(ran), answer_of_comparison(compared)), strict=True):
        texts = _texts(statements)
        assert title.startswith(f"{texts[0]} – ")
        assert described == " ".join(f"{text}." for text in texts)
        assert all(text in page for text in texts)


def test_the_answer_stands_last_in_the_terminal_and_first_in_the_json(
    folder: Path, ran: RunResult, compared: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the folder and the next commands follow it."""
    monkeypatch.delenv("COLUMNS", raising=False)
    for show, statements in (
        (lambda: print_result(ran, [], None, everything=False), answer(ran)),
        (lambda: print_comparison(compared, [], everything=False), answer_of_comparison(compared)),
    ):
        show()
        last = capsys.readouterr().out.rpartition("\n\n")[2]
        assert all(text in last for text in _texts(statements))
    arguments = ["run", str(folder / "tiny.yaml"), "--replications", "4", "--engine", "simpy", "--workers", "1", "--json"]
    content = json.loads(CliRunner().invoke(app, [*arguments, "--out", str(folder / "again")]).stdout)
    assert next(iter(content)) == "answer"
    assert [text.removesuffix(".") for text in content["answer"]] == _texts(answer(ran))


def test_a_run_says_how_many_published_figures_are_inside(ran: RunResult) -> None:
    """If half of them or more are; otherwise a warning says how many are outside."""
    assert ran.inside is not None
    expected = Claim.INSIDE if ran.inside[0] else Claim.OUTSIDE
    assert expected in {statement.claim for statement in answer(ran)}


def test_a_sweep_says_where_a_measure_is_lowest_and_highest(folder: Path) -> None:
    """With the values of both points."""
    swept = sweep(
        folder / "tiny.yaml", ["pools.clerks.size.east=2,3,4"], replications=2, measures=["pending", "waiting_time.serve.mean"],
        courts=["east"], out=folder / "s", engine="simpy", workers=1,
    )  # fmt: skip
    first, second = (statement for statement in answer_of_sweep(swept) if statement.claim is Claim.SWEPT)
    assert first.subject == "waiting_time.serve.mean"  # show: names it
    means = [point.get("waiting_time.serve.mean", "east").mean for point in swept.points]
    assert (first.values["lowest"], first.values["highest"]) == (min(means), max(means))  # type: ignore[type-var]
    low, high = (swept.describe(swept.points[k]) for k in first.values["at"])
    assert re.fullmatch(rf"Mean wait for serve, The East: from .* with {low} to .* with {high}", first.text)
    assert second.text.startswith("Pending cases, The East: ")
    with undrawn():
        document = sweep_document(folder / "s")
    assert document.statements[:2] == [first, second]
    assert document.window_title.startswith(f"{first.text} – ")


def test_a_forecast_says_when_and_how_sure(folder: Path) -> None:
    """Half of the replications reach the condition by the median."""
    result = forecast(load_scenario(folder / "tiny.yaml"), "pending < 25", replications=6, engine="simpy", workers=1)
    (statement,) = answer_of_forecast(result)
    hits = sum(day is not None for day in result.days)
    assert (statement.values["hits"], statement.values["of"]) == (hits, 6)
    assert statement.text.startswith("Pending cases below 25: ")
    if result.median is not None:
        assert f"by {result.median} in half of the replications" in statement.text
        days = sorted(day for day in result.days if day is not None)
        middle = (result.median - result.scenario.starts) / dt.timedelta(days=1)
        assert 2 * sum(day <= middle + 1 for day in days) >= 6


def test_a_staffing_search_says_which_size_is_enough(folder: Path) -> None:
    """And that the next smaller one is not."""
    result = staff(
        load_scenario(folder / "tiny.yaml"), "clerks", court="east", goal="pending < 40", at=dt.date(2024, 2, 15), confidence=0.6,
        replications=60, engine="simpy", workers=1,
    )  # fmt: skip
    (statement,) = answer_of_staffing(result)
    if result.decided:
        assert statement.text.startswith(f"{result.answer.size} clerks in The East are enough for ")
        assert f"at least {result.answer.low:.3f}" in statement.text
    else:
        assert statement.text.startswith(f"Undecided: with {result.answer.size} clerks in The East ")
