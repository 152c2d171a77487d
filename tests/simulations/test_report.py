"""The report of a run: a self-contained page with numbers and figures, and the STRESS-DES sections."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import shutil
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from simulations import RunResult, load_scenario, run
from simulations.cli import app
from simulations.measuring.utilisation import PoolTime, time_between
from simulations.report import write_page, write_stress
from simulations.report.contents import read_contents
from simulations.report.document import render
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.report.flow import flow_days
from simulations.report.page import run_document
from simulations.report.publishing import alone
from simulations.report.tables import state_table
from simulations.running.recorded import read_result
from simulations.tables.formatting import format_estimate, format_level
from tests.simulations.desk import write_tiny
from tests.simulations.log_facts import LogFacts
from tests.simulations.small_pilot import run_small_pilot
from workflow.errors import InputError

FIGURES = [
    "published-figures",
    "pending",
    "replications",
    "flow",
    "waiting-by-reason",
    "utilisation",
    "time-to-closure",
    "workflow-map",
    "groups-represented",
]
VOID = {"wbr", "meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page with their attributes. Every end tag must close the last open element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, open until its end tag."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that an end tag closes the last open element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the text of a cell."""
        if self.open and self.open[-1] in ("td", "th", "dd"):
            self.cells.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element with this tag."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Two replications of a pilot of 300 cases."""
    return run_small_pilot(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def drawn(small: RunResult) -> list[Figure]:
    """The figures of the run."""
    return figures(read_contents(small.folder))


@pytest.fixture(scope="module")
def text(small: RunResult, drawn: list[Figure]) -> str:
    """The page of the run."""
    return render(run_document(read_contents(small.folder), drawn))


def test_a_recorded_run_equals_the_returned_result(small: RunResult) -> None:
    """Every estimate, contrast and daily value."""
    recorded = read_result(small.folder)
    assert recorded.estimates == small.estimates
    assert recorded.contrasts == small.contrasts
    assert list(recorded.pending) == list(small.pending)
    assert (recorded.seed, recorded.replications, recorded.growing) == (small.seed, small.replications, small.growing)


def test_the_page_is_well_formed_and_self_contained(text: str) -> None:
    """It parses, links stay in the page or hold data, and the content security policy forbids every request."""
    page = Page(text)
    for _, attributes in page.elements:
        assert not attributes.get("src")
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:text/csv", "data:application/gzip"))
    assert not {"link", "img", "iframe", "object", "image", "use"} & {tag for tag, _ in page.elements}
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    of_the_page = text.replace(scripts[0], "")  # all but the runtime of Vega-Lite
    assert len(scripts) == 3
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|import\(|eval\(|innerHTML", of_the_page)
    policy = str(next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"))
    assert policy.startswith("default-src 'none'")
    hashes = [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts]
    assert f"script-src {' '.join(hashes)}; " in policy
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for a in page.all("a") if str(a["href"]).startswith("#")}
    assert targets <= {f"#{id_}" for id_ in ids}


def test_every_figure_has_alternative_text(text: str, drawn: list[Figure]) -> None:
    """Each is one well-formed SVG with a title and a description."""
    assert [figure.key for figure in drawn] == FIGURES
    page = Page(text)
    assert [f["id"] for f in page.all("figure")] == [f"figure-{key}" for key in FIGURES]
    for figure in drawn:
        root = ElementTree.fromstring(figure.svg)
        assert root.get("role") == "img"
        words = [child for child in root if child.tag.rpartition("}")[2] in ("title", "desc")]
        assert [bool(word.text) for word in words] == [True, True]
        assert str(root.get("aria-labelledby")).split() == [word.get("id") for word in words]


def test_the_page_has_the_structure_that_screen_readers_need(text: str) -> None:
    """Landmarks, a language, a caption and scopes in each table, and headings in order."""
    page = Page(text)
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert len(page.all("caption")) == len(page.all("table")) > 5
    assert {th.get("scope") for th in page.all("th")} == {"row", "col"}
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_page_shows_the_numbers_of_the_run(small: RunResult, text: str) -> None:
    """Cells hold published and simulated figures; the CSV holds every estimate unrounded."""
    page = Page(text)
    for figure in small.scenario.published:
        assert format_estimate(small.get(figure.measure, figure.court, figure.at)) in page.cells
    assert format_estimate(small.get("pending")) in page.cells
    link = next(a["href"] for a in page.all("a") if a.get("download") == "cases.csv")
    rows = list(csv.DictReader(io.StringIO(unquote(str(link)).partition(",")[2])))
    for row in rows:
        estimate = small.get(row["measure"], row["court"])
        assert float(row["mean"] or "nan") == pytest.approx(np.nan if estimate.mean is None else estimate.mean, nan_ok=True)  # fmt: skip
    assert {row["court"] for row in rows} == {"all", "denver", "baltimore"}


def test_the_survival_curve_equals_a_count_from_the_log(small: RunResult) -> None:
    """The pilot censors no case before the end, so the last share is that of cases that never left."""
    import duckdb

    query = """select count(*) filter (not exists (from events e where e.replication = c.replication and e.case_id = c.case_id
        and cause <> 'horizon' and to_state in ('closed', 'terminated', 'decided', 'not_filed'))) / count(*)
        from cases c where court = 'denver'"""
    with duckdb.connect() as connection:
        for kind in ("cases", "events"):
            connection.execute(f"create view {kind} as from '{small.folder}/{kind}/*.parquet'")
        (share,) = connection.execute(query).fetchone() or (None,)
    curve = next(c for c in read_contents(small.folder).curves if c.court == "denver")
    assert curve.mean[-1] == pytest.approx(share)
    assert np.mean(curve.never_left) / curve.n_cases == pytest.approx(share)
    assert curve.at_risk[0] == curve.n_cases == 200
    assert curve.mean[0] == 1.0
    assert (np.diff(curve.mean) <= 0).all()
    assert (curve.low <= curve.high).all()


def test_the_flow_shows_every_case_in_its_state(small: RunResult, drawn: list[Figure]) -> None:
    """All cases are pending at the start; on each day, counts equal those from the log; no case is lost."""
    import duckdb

    flow = read_contents(small.folder).flow
    assert flow is not None
    names = flow.states
    assert flow.cases.sum(axis=1).tolist() == [300.0] * len(flow.days)
    assert flow.cases[0, names.index("pending")] == 300
    query = """select state, count(*) / 2 from (select replication, case_id, coalesce(arg_max(to_state, sequence)
        filter (where cause <> 'horizon' and happened_at <= timestamp '{}' + interval 1 day), 'pending') as state
        from events group by all) group by all"""
    with duckdb.connect() as connection:
        connection.execute(f"create view events as from '{small.folder}/events/*.parquet'")
        for k, day in enumerate(flow.days[1:], start=1):
            rows = connection.execute(query.format(day)).fetchall()
            assert dict(rows) == {name: n for name, n in zip(names, flow.cases[k].tolist(), strict=True) if n}
    picture = next(f.svg for f in drawn if f.key == "flow")
    assert "300 Awaiting review" in picture
    level = format_level(flow.of(-1, "decided"), 0.95)
    assert f"{level} Decided" in picture
    assert f"Decided {level}" in next(f.text for f in drawn if f.key == "flow")
    table = state_table(read_contents(small.folder))
    assert table is not None
    assert next(row[-1].text for row in table.rows if row[0].text == "Decided") == level


def test_a_number_is_printed_in_one_way_on_a_page(tmp_path: Path) -> None:
    """Pending at the end: on the card beside its interval; in titles, captions and tables to the same place."""
    tiny = write_tiny(tmp_path)
    result = run(
        load_scenario(tiny, ["pools.clerks.size=1", "arrivals.east.rate=150 per day"]), replications=3, out=tmp_path / "r"
    )
    pending = result.get("pending")
    assert pending.mean is not None
    level = re.fullmatch(r"([\d,]+) ± [\d,]+", format_estimate(pending))
    assert level is not None
    assert level[1] != f"{pending.mean:,.0f}"  # rounded to tens or hundreds
    page = write_page(tmp_path / "r").read_text(encoding="utf-8")
    assert f"to {level[1]} at the end of 2024-02-15" in page
    assert f"queue {level[1]}" in page
    assert f"{pending.mean:,.0f}" not in page


def test_the_flow_shows_days_of_published_figures_and_at_most_six(tmp_path: Path) -> None:
    """A short run has fewer days; of many published days, the closest ones are dropped."""
    nationwide = load_scenario("nationwide")
    days = flow_days(nationwide)
    assert (days[0], days[-1], len(days)) == (None, nationwide.ends, 6)
    assert set(days[1:-1]) <= {p.at for p in nationwide.published}
    short = load_scenario(write_tiny(tmp_path), ["ends=2024-01-02"])
    assert flow_days(short) == [None, dt.date(2024, 1, 1), dt.date(2024, 1, 2)]


def test_weekly_utilisation_shows_idle_weeks(small: RunResult) -> None:
    """Judges do not work while suspended, and reviewers are busiest in the first week."""
    contents = read_contents(small.folder)
    use = {(u.pool, u.court): u for u in contents.use}
    assert set(use) == {(pool, court) for pool in ("reviewers", "judges") for court in ("all", "denver", "baltimore")}
    judges, reviewers = use["judges", "denver"], use["reviewers", "denver"]
    assert [week.isoweekday() for week in judges.weeks] == [1] * 43
    assert judges.mean[:5].tolist() == [0.0] * 5
    assert judges.mean[6] > 0
    assert reviewers.mean[0] == reviewers.mean.max() > 10 * (small.get("utilisation.reviewers", "denver").mean or 1)


def test_slots_of_a_week_are_those_of_its_sizes(tmp_path: Path) -> None:
    """On Monday each court has two slots, and cases take two and one; from Tuesday on there is nobody."""
    backlogs, sizes = (
        ("courts.east.backlog.queue=5", "courts.west.backlog.queue=1"),
        "pools.clerks.size={2024-01-01: 2, 2024-01-02: 0}",
    )
    office = ("calendars={office: {hours: {mon-fri: 09:00-17:00}}}", "pools.clerks.calendar=office", "pools.clerks.slots=1")
    scenario = load_scenario(write_tiny(tmp_path), ["ends=2024-01-05", "arrivals={}", *backlogs, sizes, *office])
    run(scenario, replications=1, seed=1, out=tmp_path / "run", workers=1)
    slots = {use.court: use.mean.tolist() for use in read_contents(tmp_path / "run").use if use.of_slots}
    assert slots == {"all": [3 / 4], "east": [1.0], "west": [1 / 2]}
    assert LogFacts(scenario, tmp_path / "run").fullest_week("clerks") == 3 / 4


def test_times_between_instants_sum_to_the_whole(small: RunResult) -> None:
    """Exactly, to the microsecond."""
    pool = small.scenario.pools["judges"]
    rng = np.random.default_rng(1)
    started = np.sort(rng.integers(0, small.scenario.horizon // 2, 40))
    ended = started + rng.integers(1, 10**11, 40)
    bounds = np.array([0, 10**11, 3 * 10**12, 10**13, small.scenario.horizon])
    whole = time_between(pool, 0, pool.sizes, started, ended, bounds[[0, -1]])[0]
    parts = time_between(pool, 0, pool.sizes, started, ended, bounds)
    assert len(parts) == 4
    for name in ("shift", "busy", "overtime"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
    assert time_between(pool, 0, pool.sizes, started, ended, bounds[[1, 0]])[0] == PoolTime(0, 0, 0)  # none at all


def test_a_clearance_rate_with_hardly_any_inflow_is_not_shown(small: RunResult, text: str) -> None:
    """The page explains it; the CSV has the number."""
    assert (small.get("inflow").mean or 0) < 0.05 * (small.get("disposals").mean or 0)
    assert "few came in" in Page(text).cells
    assert "Few came in: with hardly any inflow, the clearance rate" in text
    link = next(a["href"] for a in Page(text).all("a") if a.get("download") == "cases.csv")
    rows = list(csv.DictReader(io.StringIO(unquote(str(link)).partition(",")[2])))
    assert any(row["measure"] == "clearance_rate" for row in rows)


def test_the_map_shows_counts_from_the_log(small: RunResult, drawn: list[Figure]) -> None:
    """The arrow shows the mean number of reviews, to the place that its interval determines."""
    moves = read_contents(small.folder).moves
    assert moves is not None
    assert sum(moves["close"]) / 2 == pytest.approx(small.get("administratively_closed").mean)
    assert f"review: {format_level(moves['review'], small.confidence)}" in next(f.svg for f in drawn if f.key == "workflow-map")


@pytest.mark.parametrize("measure", ["pending", pytest.param(None, marks=pytest.mark.slow)])
def test_the_command_writes_figures(small: RunResult, tmp_path: Path, measure: str | None) -> None:
    """Each in three formats: those of a measure, or all."""
    chosen = [] if measure is None else ["--measure", measure]
    arguments = ["report", str(small.folder), "--out", str(tmp_path / "a.html"), "--figures", str(tmp_path / "figures"), *chosen]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    keys = FIGURES if measure is None else ["pending", "replications"]
    names = sorted(p.name for p in (tmp_path / "figures").iterdir())
    assert names == sorted(f"{key}.{kind}" for key in keys for kind in ("svg", "png", "pdf"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "figures"]
    assert (tmp_path / "figures/pending.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_writes_page_and_sections(small: RunResult, text: str, tmp_path: Path) -> None:
    """Only complete files, with the same bytes each time."""
    arguments = ["report", str(small.folder), "--out", str(tmp_path / "a.html"), "--stress", str(tmp_path / "s.md")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert f"Report: {tmp_path / 'a.html'}" in result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "s.md"]
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == text


def test_a_figure_can_be_published_alone(drawn: list[Figure]) -> None:
    """Its file has its title, a subtitle, its key and a source line, around the figure."""
    figure = next(f for f in drawn if f.key == "pending")
    root = ElementTree.fromstring(alone(figure, "A <pilot>", "Source: a run."))
    texts = [e.text or "" for e in root if e.tag.endswith("text")]
    assert " ".join(texts).startswith(figure.title)
    assert "A <pilot>" in texts
    assert texts[-1] == "Source: a run."
    assert figure.text[:40] in " ".join(texts)
    assert len([e for e in root.iter() if e.tag.endswith("svg")]) == 2


def test_stress_sections_mark_missing_content(small: RunResult, tmp_path: Path) -> None:
    """Texts of the author and facts of the run; NOT REPORTED elsewhere."""
    written = write_stress(small.folder, tmp_path / "s.md").read_text(encoding="utf-8")
    assert [line[3] for line in written.splitlines() if line.startswith("## ")] == ["1", "2", "3", "4", "5", "6"]
    assert str(small.scenario.about.purpose) in written
    assert "2 independent replications, random seed 1" in written
    assert "### 3.2 Pre-processing\n\nNOT REPORTED" in written
    assert "`refer_for_check`: from `reviewed` to `background_check`, when `" in written


def test_a_run_without_an_event_log_has_a_shorter_report(tmp_path: Path) -> None:
    """One replication: no intervals, no map, no groups."""
    folder = run(write_tiny(tmp_path), out=tmp_path / "run", keep="measures").folder
    contents = read_contents(folder)
    drawn = figures(contents)
    assert [f.key for f in drawn] == ["pending", "waiting-by-reason", "utilisation"]
    assert "A single replication" in render(run_document(contents, drawn))


def test_a_folder_that_is_not_a_run_is_an_error(small: RunResult, tmp_path: Path) -> None:
    """A wrong folder, a folder of runs, a missing part: exit code 2, and no page."""
    for folder, message in ((tmp_path, "is not a run folder"), (tmp_path / "none", "is not a run folder")):
        result = CliRunner().invoke(app, ["report", str(folder), "--out", str(tmp_path / "p.html")])
        assert (result.exit_code, message in result.stderr) == (2, True)
    shutil.copytree(small.folder, tmp_path / "several" / "one")
    with pytest.raises(InputError, match=r"holds 1 run and is not a run folder itself"):
        write_page(tmp_path / "several")
    (tmp_path / "several/one/measures/replication=2.parquet").unlink()
    with pytest.raises(InputError, match=r"replication=2\.parquet: is missing"):
        write_page(tmp_path / "several/one", tmp_path / "p.html")
    assert not (tmp_path / "p.html").exists()
