"""Every example in the explanations does what the text says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import documents, run_document


@pytest.mark.parametrize("path", documents("explanation"), ids=lambda path: path.name)
def test_page(path: Path, tmp_path: Path) -> None:
    """Each block of the page runs and prints what the page shows."""
    folder = tmp_path / "folder"
    folder.mkdir()
    run_document(path, folder)
