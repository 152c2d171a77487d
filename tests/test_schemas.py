"""The JSON Schemas in docs/reference/schemas are current, and the built-in files satisfy them."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from docs.schemas import schemas
from simulations.loading import catalog as scenarios
from workflow.files.yaml_tree import parse_yaml, read_yaml
from workflow.loading import catalog as workflows

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize("name", ["workflow.schema.json", "scenario.schema.json", "rules.schema.json"])
def test_a_committed_schema_is_current(name: str) -> None:
    """``python -m docs.schemas`` would write the same."""
    assert json.loads((REFERENCE / "schemas" / name).read_text(encoding="utf-8")) == schemas()[name]


@pytest.mark.parametrize(
    ("kind", "path"), [("workflow", p) for p in workflows().values()] + [("scenario", p) for p in scenarios().values()]
)
def test_a_built_in_file_satisfies_its_schema(kind: str, path: Path) -> None:
    """Validation against the schema reports nothing (dates are strings to it)."""
    Draft202012Validator(schemas()[f"{kind}.schema.json"]).validate(_texts(read_yaml(path).plain()))


def test_example_rules_satisfy_the_schema_and_malformed_rules_do_not() -> None:
    """The schema refuses files of the wrong shape. It does not check names and conditions."""
    check = Draft202012Validator(schemas()["rules.schema.json"])
    examples = re.findall(
        r"<!-- file: \S+.rules.yaml -->\n```yaml\n(.*?)```", (REFERENCE / "rules_format.md").read_text(), re.DOTALL
    )
    assert examples
    for text in examples:
        check.validate(_texts(parse_yaml(text, "example").plain()))
    for name in (
        "partner_missing",
        "two_templates",
        "no_template",
        "keys_of_other_templates",
        "unknown_keys",
        "no_workflow",
        "empty_list",
    ):
        path = ROOT / "tests" / "bad" / "rules" / f"{name}.rules.yaml"
        assert not check.is_valid(_texts(read_yaml(path).plain())), name


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _texts(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_texts(v) for v in value]
    return value.isoformat() if isinstance(value, dt.date) else value
