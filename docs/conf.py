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

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
# The notebooks are kept without output. Each build runs them, so that the pages show what this version prints.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

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
