"""Make the pictures of README.md: ``make pictures``.

``docs/report.png`` shows the first screen of the report of the pilot, as Chromium draws it, and
``docs/workflow.svg`` the map of its workflow.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from simulations import run
from simulations.report import write_page
from workflow import load_workflow
from workflow.drawing.drawing import svg

DOCS = Path(__file__).resolve().parent
REVIEW = "prosecutorial-discretion-review"
LEFT_OUT = "nav, .picker { display: none }"
"""The contents and the choice of a court are left out of the picture."""


def main() -> None:
    """Write both pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("docs/report.png is taken with Chromium, which is not on the path (Debian: apt-get install chromium)")
    (DOCS / "workflow.svg").write_text(svg(load_workflow(REVIEW)), encoding="utf-8")
    with TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = run("pilot", replications=10, seed=1, by=["represented"], out=Path(scratch) / "run").folder
        report = write_page(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1020, "height": 900}, offline=True)
        page.goto(report.as_uri())
        page.evaluate(
            "css => { document.head.append(Object.assign(document.createElement('style'), { textContent: css })); }", LEFT_OUT
        )
        published = page.locator("#figure-published-figures").bounding_box()
        assert published is not None
        height = published["y"] + published["height"] + 4
        page.screenshot(path=DOCS / "report.png", full_page=True, clip={"x": 0, "y": 0, "width": 1020, "height": height})
        browser.close()


if __name__ == "__main__":
    main()
