"""JSON Schemas of the file formats, for editors that complete and check YAML.

``python -m docs.schemas`` writes them to ``docs/reference/schemas``, with the tables of the reference pages
(`docs.format_reference`); tests hold both current.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docs.format_reference import write_pages
from simulations.scenarios.format import ScenarioFile
from workflow.auditing.mapping import MappingFile
from workflow.files.format import WorkflowFile
from workflow.loading.rule_files import RulesFile

__all__ = ["schemas", "write_schemas"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each file format by the name of its file."""
    by_name = {}
    for name, model in (("workflow", WorkflowFile), ("scenario", ScenarioFile)):
        schema = model.model_json_schema(by_alias=True)
        needed = [key for key in schema.pop("required") if key != name]
        schema |= {"required": [name], "anyOf": [{"required": ["extends"]}, {"required": needed}]}
        by_name[name] = schema
    by_name["rules"] = RulesFile.model_json_schema(by_alias=True)
    by_name["mapping"] = MappingFile.model_json_schema(by_alias=True)
    return {f"{name}.schema.json": {"$schema": DIALECT, **schema} for name, schema in by_name.items()}


def write_schemas(folder: Path) -> None:
    """Write the JSON Schemas into a folder."""
    for name, schema in schemas().items():
        (folder / name).write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    reference = Path(__file__).parent / "reference"
    write_schemas(reference / "schemas")
    write_pages(reference)
