"""The JSON Schemas in docs/ are what the models say, and the built-in files keep to them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from simulations.loading import catalog as scenarios
from simulations.schemas import schemas
from workflow.documents import read_yaml
from workflow.loading import catalog as workflows

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["workflow.schema.json", "scenario.schema.json"])
def test_a_committed_schema_is_current(name: str) -> None:
    """``python -m simulations.schemas`` would write the same."""
    assert json.loads((DOCS / name).read_text(encoding="utf-8")) == schemas()[name]


@pytest.mark.parametrize(
    ("kind", "path"), [("workflow", p) for p in workflows().values()] + [("scenario", p) for p in scenarios().values()]
)
def test_a_built_in_file_keeps_to_its_schema(kind: str, path: Path) -> None:
    """An editor that checks against the schema finds nothing wrong (dates are texts to it)."""
    Draft202012Validator(schemas()[f"{kind}.schema.json"]).validate(_texts(read_yaml(path).plain()))


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _texts(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_texts(v) for v in value]
    return value.isoformat() if isinstance(value, dt.date) else value
