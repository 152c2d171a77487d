"""The what-if page as a person uses it: served on this computer, opened in Chromium without a network."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.simulations.desk import DESK, TINY

pytest.importorskip("nicegui", reason="the page needs the extra app")
pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT_MILLISECONDS = 300_000
"""Ends a test that hangs; a busy machine takes far less."""
SLIDING = """() => document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
  [...document.querySelectorAll("body *")].filter(e => !e.closest(".wide") && e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 120))"""
RULE = "rules:\n  - {rule: odd cases are not stored, never: store, if: 'kind == \"odd\"'}\n"
STRICT = (
    DESK.replace('when: kind == "plain" or age < 99}', 'when: kind == "plain"}').replace(
        "  - {transition: resume", "  - {transition: drop, from: queue, to: done}\n  - {transition: resume"
    )
    + RULE
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small scenario and its workflow, which has a rule."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "desk.yaml").write_text(STRICT, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """The address of a server with that folder, which ends with the tests."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "simulations.cli", "app", str(folder), "--port", str(port), "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}  # NiceGUI asks for it
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as server:
        try:
            yield _ready(server, f"http://127.0.0.1:{port}/")
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()


def _ready(server: subprocess.Popen[str], address: str) -> str:
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}_nicegui/none", timeout=10)
        except urllib.error.HTTPError:
            return address
        except OSError:
            time.sleep(0.1)
    raise AssertionError(server.stdout.read() if server.stdout else "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of the system."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"there is no Chromium: none of {', '.join(NAMES)} is on the path (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"], timeout=LIMIT_MILLISECONDS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A visit. It ends without a message on the console, and without a request to elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(LIMIT_MILLISECONDS)
    page = context.new_page()
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    page.wait_for_selector(".answer li")
    yield page
    assert messages == []
    assert [url for url in requests if not url.startswith((address, address.replace("http", "ws"), "blob:", "data:"))] == []
    context.close()


def _all_done(page: Page, number: int = 20) -> None:
    page.get_by_text(f"{number} of {number} replications", exact=True).wait_for()


def _open(page: Page, title: str) -> Locator:
    page.locator("summary", has_text=title).first.click()
    return page.locator("details", has_text=title).first


def _guard(page: Page, name: str, text: str) -> Locator:
    area = page.get_by_label(name)
    area.fill(text)
    area.blur()
    return page.locator(".setting", has=area).locator(".message")


def _point_at(chart: Locator) -> None:
    """Point at a figure until it shows values; it may be drawn again meanwhile."""
    tooltip = chart.page.locator("#vg-tooltip-element.visible")
    for k in range(600):
        chart.hover(position={"x": 300 + k % 50, "y": 120})
        chart.page.wait_for_timeout(200)
        if tooltip.is_visible():
            return
    raise AssertionError("no values are shown")


def test_a_slider_moves_the_result(page: Page) -> None:
    """The answer, the text beside the slider and the command follow; both run to the end, and Reset takes the change back."""
    before = page.locator(".answer").inner_text()
    page.get_by_label("pools clerks size, slider").fill("4")
    page.wait_for_function("before => document.querySelector('.answer').innerText !== before", arg=before)
    _all_done(page)
    page.locator(".answer li", has_text="measures of a court differ").wait_for()
    assert page.get_by_label("size", exact=True).input_value() == "4"
    assert "--set-other pools.clerks.size=4 --replications 20" in page.locator("pre.wide").inner_text()
    page.locator("[data-key='differences-1'] canvas").wait_for()
    _point_at(page.locator("[data-key='pending'] canvas"))
    page.get_by_role("button", name="Reset").click()
    page.get_by_text("Nothing is changed yet.").wait_for()


def test_a_wrong_value_has_its_message_and_the_result_stays(page: Page) -> None:
    """The message of the command line is under the field."""
    _all_done(page)
    before = page.locator(".answer").inner_text()
    field = page.get_by_label("size", exact=True)
    field.fill("many")
    field.blur()
    page.get_by_text("size: must be a whole number of servers, 0 or more, not 'many'").wait_for()
    assert page.locator(".answer").inner_text() == before


def test_guards_are_checked_and_their_rules_decided(page: Page) -> None:
    """A wrong guard has the message of the checker. One that breaks a rule shows the shortest history."""
    _open(page, "Guards and rules")
    page.locator(".verdict.proved", has_text="odd cases are not stored").wait_for()
    wrong = _guard(page, "store", 'kind == "plane"')
    wrong.get_by_text("'plane' is not a value of kind; allowed: 'plain', 'odd'").wait_for()
    broken = _guard(page, "store", "age < 99")
    page.locator(".verdict.broken", has_text="odd cases are not stored").wait_for()
    assert broken.inner_text() == ""
    assert page.get_by_label("store").input_value() == "age < 99"
    assert "kind = odd" in page.locator(".verdicts pre").inner_text()
    assert "compare" in page.locator("pre.wide").inner_text()


def test_files_are_opened(page: Page, folder: Path) -> None:
    """A scenario with its workflow, as files or as a folder; files without a scenario are refused with a message."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open files").click()
    chooser.value.set_files([{"name": "desk.yaml", "mimeType": "text/yaml", "buffer": DESK.encode()}])
    page.get_by_text("these files have no scenario").wait_for()
    mine = TINY.replace("size: 2", "size: 7")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open files").click()
    chooser.value.set_files(
        [
            {"name": name, "mimeType": "text/yaml", "buffer": text.encode()}
            for name, text in (("desk.yaml", DESK), ("mine.yaml", mine))
        ]
    )
    size = "document.querySelector('input[type=range]').value"
    page.wait_for_function(f"{size} === '7'")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open a folder").click()
    chooser.value.set_files(folder)
    page.wait_for_function(f"{size} === '2'")


def test_a_run_is_stopped_and_continued(page: Page) -> None:
    """What is finished stays."""
    _all_done(page)
    page.get_by_label("Replications", exact=True).select_option("500")
    page.get_by_role("button", name="Stop").click()
    stopped = page.get_by_text("of 500 replications, stopped")
    stopped.wait_for()
    assert int(stopped.inner_text().split()[0]) >= 20
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("of 500 replications, computing").wait_for()


def test_downloads_and_the_animation(page: Page, tmp_path: Path) -> None:
    """The what-if as a ZIP file, the page of the report, and the animation in a frame."""
    page.get_by_label("pools clerks size, slider").fill("3")
    page.get_by_text("Changed: pools.clerks.size = 3.").wait_for()
    _all_done(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the scenario").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "size: 3" in archive.read("what-if.yaml").decode()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the page").click()
    assert download.value.path().read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    page.get_by_role("button", name="Show cases move").click()
    frame = page.frame_locator("iframe[title=Animation]")
    frame.locator("canvas").wait_for()
    assert frame.get_by_role("button").count() == 1


@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_nothing_and_nothing_slides(width: int, page: Page) -> None:
    """With every part open. Only marked wide parts slide sideways."""
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_label("pools clerks size, slider").fill("3")
    _open(page, "Activities")
    _open(page, "Guards and rules")
    _all_done(page)
    page.locator(".verdict.proved").wait_for()
    page.locator("[data-key='differences-1'] canvas").wait_for()
    result: dict[str, Any] = Axe().run(page).response
    assert [(v["id"], v["impact"], v["nodes"][0]["html"]) for v in result["violations"]] == []
    assert {"color-contrast", "label", "landmark-unique"} <= {rule["id"] for rule in result["passes"]}
    assert page.evaluate(SLIDING) == []


def test_another_name_of_the_server_is_refused(address: str) -> None:
    """A site elsewhere whose name leads to this computer gets no answer."""
    request = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=300)
