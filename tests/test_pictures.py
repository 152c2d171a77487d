"""The pictures of README.md, and CITATION.cff."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from docs.vega_bundle import BUNDLE, bundle
from workflow import load_workflow
from workflow.drawing.drawing import svg

ROOT = Path(__file__).resolve().parents[1]


def test_the_readme_opens_with_a_picture_of_the_report() -> None:
    """It comes before the first section, has an alternative text, and is a small file."""
    opening = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    words, path = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", opening)[0]
    assert path == "docs/report.png"
    assert len(words) > 30
    picture = (ROOT / path).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 300_000


def test_the_picture_of_the_workflow_is_current() -> None:
    """`make pictures` would change nothing."""
    drawn = svg(load_workflow("prosecutorial-discretion-review"))
    assert (ROOT / "docs/workflow.svg").read_text(encoding="utf-8") == drawn


@pytest.mark.slow
def test_the_runtime_of_figures_is_current() -> None:
    """`python -m docs.vega_bundle` would change nothing."""
    assert BUNDLE.read_text(encoding="utf-8") == bundle()


def test_the_citation_names_this_version() -> None:
    """The keys that Citation File Format 1.2.0 requires are present.

    Version and licence are those of pyproject.toml.
    """
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    assert all(set(author) & {"name", "family-names"} for author in citation["authors"])
    assert (citation["title"], citation["version"], citation["license"]) == (project["name"], project["version"], project["license"])  # fmt: skip
