"""Configuration of Sphinx: ``make docs`` builds the pages in this folder."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
version = release = _PROJECT["version"]
copyright = f"the authors of {project}, {_PROJECT['license']}"
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

autosummary_generate = False
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False

smartquotes = False  # they turn --option into a dash
html_theme = "furo"
html_title = project
html_show_sourcelink = False
html_copy_source = False


def setup(app: Sphinx) -> None:
    """Show CSV files as plain text: Pygments has no lexer for them."""
    app.add_lexer("csv", TextLexer)
