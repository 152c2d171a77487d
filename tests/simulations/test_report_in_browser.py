"""The report as a reader sees it: opened from a file in Chromium without a network, on a wide and a narrow screen and on paper."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from simulations import compare
from simulations.report import write_page
from simulations.report.document import Document, Section, render
from simulations.report.figure import altair, drawn, tooltip
from tests.simulations.desk import write_tiny
from tests.simulations.small_pilot import run_small_pilot

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KINDS = ("run", "comparison")
LIMIT_MILLISECONDS = 120_000
"""Ends a test that hangs; a busy machine takes far less."""
FIGURES = {
    "run": [
        "published-figures", "pending", "replications", "flow", "waiting-by-reason", "utilisation", "time-to-closure", "workflow-map",
        "groups-represented",
    ],
    "comparison": ["pending", "differences-1", "over-time-1"],
}  # fmt: skip

OVERLAPS = """() => {
  const crossing = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const crossed = [];
  const check = (elements) => {
    const boxes = elements.filter(e => e.checkVisibility()).map(e => [e, e.getBoundingClientRect()]).filter(([e, box]) => box.width > 1 && box.height > 1);
    boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, two]) => {
      if (crossing(one, two) && !a.contains(b) && !b.contains(a)) crossed.push(`${a.textContent.trim().slice(0, 40)} / ${b.textContent.trim().slice(0, 40)}`);
    }));
  };
  for (const svg of document.querySelectorAll("figure svg")) check([...svg.querySelectorAll("text")]);
  check([...document.querySelectorAll("h1, h2, h3, p, li, dl > div, figure, table, figcaption, button")]);
  return crossed;
}"""
SLIDING = """() => [document.documentElement.scrollWidth - document.documentElement.clientWidth,
  ...[...document.querySelectorAll("h1, h2, h3, p, li, dd, dt, figcaption, dl > div")].map(e => e.scrollWidth - e.clientWidth)]"""
DRAWN = """figure => { const box = figure.querySelector("canvas, svg:not(.still *)")?.getBoundingClientRect() ?? figure.querySelector("svg").getBoundingClientRect();
  return [box.width, box.height, figure.querySelectorAll("svg path, svg rect, svg line, svg circle").length]; }"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll("figure svg")].filter(svg => svg.checkVisibility()).flatMap(svg => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll("text")].map(text => parseFloat(getComputedStyle(text).fontSize) * scale);
}))"""
CHARTS = {"run": 7, "comparison": 3}
"""Number of figures that are interactive; the flow and the map are pictures."""
HOSTILE = "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 1'>{{ 7 * 7 }}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of a run, and that of a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    write_page(run_small_pilot(folder / "small").folder, folder / "run.html")
    tiny = write_tiny(folder)
    compare(tiny, tiny, other_changes=["pools.clerks.size=3"], replications=3, out=folder / "both")
    write_page(folder / "both", folder / "comparison.html")
    return {kind: folder / f"{kind}.html" for kind in KINDS}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the system."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"there is no Chromium: none of {', '.join(NAMES)} is on the path (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments, timeout=LIMIT_MILLISECONDS)
        yield browser
        browser.close()


def show_all(page: Page, n_charts: int) -> None:
    """Scroll through a page until all its interactive figures are drawn."""
    for figure in page.query_selector_all("figure"):
        figure.scroll_into_view_if_needed()
        page.wait_for_timeout(50)
    page.wait_for_function(f"() => document.querySelectorAll('.is-live').length === {n_charts}")
    page.evaluate("scrollTo(0, 0)")


def image_of(page: Page, key: str) -> str:
    """Return the pixels of an interactive figure."""
    return str(page.evaluate(f"document.querySelector('#figure-{key} canvas').toDataURL()"))


def point_at(page: Page, selector: str, x: int, y: int) -> None:
    """Move the pointer over a figure until its tooltip is there: a figure is drawn again some time after a change of width."""
    for k in range(200):
        page.locator(selector).hover(position={"x": x + k % 2, "y": y})
        if page.locator("#vg-tooltip-element.visible").count():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"no tooltip over {selector}")


def rows_of_tooltip(page: Page) -> list[str]:
    """Return the name and the value of each row of the tooltip."""
    rows = "[...document.querySelectorAll('#vg-tooltip-element tr')].map(row => [...row.cells].map(c => c.textContent.trim()).join('\\t'))"
    return list(page.evaluate(rows))


@dataclass
class Opened:
    """A page with its console messages and requests."""

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def opened(browser: Browser, pages: dict[str, Path]) -> Iterator[dict[str, Opened]]:
    """Both pages, opened from files without a network, each in a window of its own: behind another, a page is seldom drawn."""
    by_kind = {}
    for kind, path in pages.items():
        opened_page = by_kind[kind] = Opened(browser.new_page(viewport={"width": 1280, "height": 900}, offline=True))
        opened_page.page.set_default_timeout(LIMIT_MILLISECONDS)
        opened_page.page.on("console", lambda message, opened_page=opened_page: opened_page.messages.append(message.text))
        opened_page.page.on("pageerror", lambda error, opened_page=opened_page: opened_page.messages.append(str(error)))
        opened_page.page.on("request", lambda request, opened_page=opened_page: opened_page.requests.append(request.url))
        opened_page.page.goto(path.as_uri())
        show_all(opened_page.page, CHARTS[kind])
    yield by_kind
    for opened_page in by_kind.values():
        opened_page.page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_drawn_without_any_request(kind: str, opened: dict[str, Opened], pages: dict[str, Path]) -> None:  # fmt: skip
    """Each figure has a size and marks. There are no messages, no errors, and no request except for the page."""
    opened_page = opened[kind]
    drawn = {figure.get_attribute("id"): figure.evaluate(DRAWN) for figure in opened_page.page.query_selector_all("figure")}
    assert list(drawn) == [f"figure-{key}" for key in FIGURES[kind]]
    for width, height, marks in drawn.values():
        assert width > 300
        assert height > 50
        assert marks > 5
    assert opened_page.messages == []
    assert opened_page.requests == [pages[kind].as_uri()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_overlaps_or_overflows(kind: str, width: int, opened: dict[str, Opened]) -> None:
    """No texts of a figure and no blocks of the page overlap. Wide tables and figures scroll inside their frames."""
    page = opened[kind].page
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate(OVERLAPS) == []
    assert max(page.evaluate(SLIDING)) <= 0


@pytest.mark.parametrize("width", [768, 400])
def test_on_a_narrow_page_figures_fit_and_letters_of_pictures_are_large_enough(width: int, opened: dict[str, Opened]) -> None:
    """Interactive figures are as wide as the page, with whole names; the flow and the map slide rather than shrink below 11 pixels."""
    page = opened["run"].page
    page.set_viewport_size({"width": width, "height": 900})
    for box in page.query_selector_all(".live"):
        box.scroll_into_view_if_needed()
        page.wait_for_function("box => box.scrollWidth <= box.closest('figure').clientWidth", arg=box)
    assert page.evaluate(SMALLEST) >= 10.99
    map_slides = "document.querySelector('#figure-workflow-map .scroll').scrollWidth > document.querySelector('#figure-workflow-map .scroll').clientWidth"
    assert page.evaluate(map_slides)


@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(kind: str, opened: dict[str, Opened]) -> None:
    """No violation of any impact, and many rules checked."""
    page = opened[kind].page
    page.set_viewport_size({"width": 400, "height": 900})  # so that tables and figures slide
    result: dict[str, Any] = Axe().run(page).response
    assert [(v["id"], v["impact"], v["nodes"][0]["html"]) for v in result["violations"]] == []
    assert {"color-contrast", "scrollable-region-focusable"} <= {rule["id"] for rule in result["passes"]}
    labels = page.locator(".live").evaluate_all("boxes => boxes.map(box => box.getAttribute('aria-label'))")
    assert labels == [f.locator(".says").text_content() for f in page.locator("figure").all() if f.locator(".live").count()]


def test_a_point_shows_its_values_on_hover(opened: dict[str, Opened]) -> None:
    """The mean and the band of the nearest day of the court under the pointer."""
    page = opened["run"].page
    page.set_viewport_size({"width": 1280, "height": 900})
    point_at(page, "#figure-pending canvas", 500, 100)
    shown = dict(pair.split("\t") for pair in rows_of_tooltip(page))
    assert list(shown) == ["court", "end of", "pending, mean", "from", "to"]
    assert shown["court"] == "all courts"
    assert shown["end of"].startswith("2012-0")
    assert float(shown["from"]) <= float(shown["pending, mean"]) <= float(shown["to"])


def test_the_picked_court_is_shown_alone_in_every_figure(opened: dict[str, Opened]) -> None:
    """Panels of other courts go; a figure that is of all courts says so; the first choice brings all back."""
    page = opened["run"].page
    height = "document.querySelector('#figure-pending canvas').clientHeight"
    before = page.evaluate(height)
    page.locator(".picker select").select_option("Denver")
    page.wait_for_function(f"() => {height} < {before / 2}")
    of_all = ("flow", "workflow-map", "replications", "groups-represented")
    notes = [page.locator(f"#figure-{key} .use", has_text="of all courts") for key in of_all]
    assert [note.is_visible() for note in notes] == [True] * len(of_all)
    page.locator(".picker select").select_option("")
    assert not any(note.is_visible() for note in notes)
    page.wait_for_function(f"() => {height} === {before}")


def test_a_figure_zooms_and_comes_back(opened: dict[str, Opened]) -> None:
    """Shift and the wheel stretch the axis of time; a double click shows the whole."""
    page = opened["run"].page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#figure-pending canvas").hover(position={"x": 500, "y": 100})
    page.wait_for_timeout(100)
    before = image_of(page, "pending")
    page.keyboard.down("Shift")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Shift")
    page.wait_for_function("before => document.querySelector('#figure-pending canvas').toDataURL() !== before", arg=before)
    page.locator("#figure-pending canvas").dblclick(position={"x": 500, "y": 100})
    page.wait_for_function("before => document.querySelector('#figure-pending canvas').toDataURL() === before", arg=before)


def test_the_animation_plays_slides_and_follows_the_court_picker(opened: dict[str, Opened]) -> None:
    """The slider gives the cases of its day; playing goes on from there; a picked court has fewer cases."""
    page = opened["run"].page
    slider, canvas = page.locator(".animation input"), page.locator(".animation canvas")
    assert "Awaiting review 300" in str(canvas.get_attribute("aria-label"))
    slider.fill("40")
    assert page.locator(".animation output").inner_text() == slider.get_attribute("aria-valuetext")
    page.locator(".animation button").click()
    page.wait_for_function("() => document.querySelector('.animation input').value > 40")
    page.locator(".animation button").click()
    slider.fill("0")
    page.locator(".picker select").select_option("Denver")
    assert "Awaiting review 200" in str(canvas.get_attribute("aria-label"))
    page.locator(".picker select").select_option("")


def test_with_reduced_motion_no_dots_move(opened: dict[str, Opened]) -> None:
    """The picture between two days has the bars alone, as at the day itself."""
    page = opened["run"].page
    page.emulate_media(reduced_motion="reduce")
    page.locator(".animation input").fill("45")
    page.evaluate("document.querySelector('.animation').seek(45.5)")
    still = page.evaluate("document.querySelector('.animation canvas').toDataURL()")
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate("document.querySelector('.animation').seek(45.5)")
    assert page.evaluate("document.querySelector('.animation canvas').toDataURL()") != still


def test_names_never_become_script(browser: Browser, tmp_path: Path) -> None:
    """In titles, data, axes and tooltips they stay text, and the policy allows no other script than the two of the page."""
    chart = altair().Chart(altair().Data(values=[{"court": HOSTILE, "n": 1}, {"court": "b", "n": 2}])).mark_bar()
    chart = chart.encode(x=altair().X("n:Q", title=HOSTILE), y="court:N", tooltip=tooltip(court="court", n="n|d"))
    figure = drawn("hostile", HOSTILE, [HOSTILE], [HOSTILE], chart, HOSTILE)
    path = tmp_path / "hostile.html"
    path.write_text(render(Document(HOSTILE, HOSTILE, HOSTILE, HOSTILE, [Section("hostile", HOSTILE, [figure])], HOSTILE)))
    page = browser.new_page(viewport={"width": 1280, "height": 900}, offline=True)
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(path.as_uri())
    show_all(page, 1)
    point_at(page, "#figure-hostile canvas", 330, 14)
    assert f"court\t{HOSTILE}" in rows_of_tooltip(page)
    page.locator(".picker select").select_option(HOSTILE)
    assert (page.evaluate("window.ran"), messages) == (None, [])
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in " ".join(messages)
    page.close()


def test_without_scripts_the_page_has_the_pictures(browser: Browser, pages: dict[str, Path]) -> None:
    """Each figure is a picture, and there is no court picker."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["run"].as_uri())
    assert page.locator("figure svg:visible").count() == len(FIGURES["run"])
    assert not page.locator(".picker").is_visible()
    context.close()


def test_tables_sort_by_click_and_by_key(opened: dict[str, Opened]) -> None:
    """Numbers sort as numbers, ascending, then descending. The header has the direction; the values stay the same."""
    page = opened["run"].page
    cells = "table => [...table.tBodies[0].rows].map(row => row.cells[2]).filter(c => c.dataset.value).map(c => +c.dataset.value)"
    page.locator("#table-cases summary").click()  # a long table is folded
    table = page.locator("#table-cases table")
    before = table.evaluate(cells)
    assert before != sorted(before)
    head = table.locator("thead th").nth(2)
    head.locator("button").click()
    assert (table.evaluate(cells), head.get_attribute("aria-sort")) == (sorted(before), "ascending")
    head.locator("button").focus()
    page.keyboard.press("Enter")
    assert (table.evaluate(cells), head.get_attribute("aria-sort")) == (sorted(before, reverse=True), "descending")
    table.locator("thead th button").first.click()
    names = table.locator("tbody th").all_text_contents()
    assert names == sorted(names, key=str.lower)
    assert head.get_attribute("aria-sort") is None


def test_copying_a_table_and_skipping_the_navigation(opened: dict[str, Opened]) -> None:
    """The button confirms the copy. The first Tab stop skips the navigation."""
    page = opened["run"].page
    copy = page.locator("#table-cases").get_by_role("button", name="Copy the table")
    assert copy.evaluate("button => { button.click(); return button.textContent; }") == "Copied"
    page.reload()
    page.wait_for_load_state()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_prints(kind: str, opened: dict[str, Opened]) -> None:
    """The PDF has no navigation and no buttons, and every figure fits the page."""
    page = opened[kind].page
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    page.emulate_media(media="print")
    try:
        assert not page.locator("nav").is_visible()
        assert page.locator(".tools button:visible").count() == 0
        assert page.locator("table:visible").count() == page.locator("table:not(#vg-tooltip-element table)").count()
        assert page.locator("canvas:visible").count() == 0
        assert page.locator("figure svg:visible").count() == len(FIGURES[kind])
        assert max(page.evaluate("[...document.querySelectorAll('figure svg')].map(e => e.getBoundingClientRect().right)")) <= 718  # fmt: skip
        assert page.evaluate(OVERLAPS) == []
    finally:
        page.emulate_media(media="screen")
    assert page.pdf(format="A4").startswith(b"%PDF")
