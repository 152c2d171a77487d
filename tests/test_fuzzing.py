"""Mutants of every kind of file and of command lines are run, or refused with one clear message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulations import load_scenario
from tests.fuzzing.bases import ADDITIONS, RULES, WORKFLOWS, added, read, write_texts
from tests.fuzzing.mutants import KINDS
from workflow import load_workflow
from workflow.loading.rule_files import load_rules

ROOT = Path(__file__).parents[1]


def _run(first: int, last: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run mutants in a process of their own, and return the summary and the findings."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing", str(first), str(last)], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *findings, summary = map(json.loads, done.stdout.splitlines())
    print(summary)
    return summary, findings


def test_five_hundred_mutants_are_run_or_refused() -> None:
    """Exit code 0 to 3, a message, no traceback, valid JSON, under ten seconds of processor time and 1 GB."""
    summary, findings = _run(1, 500)
    assert findings == []
    assert summary["mutants"] == 500
    codes = {kind: {code: n for key, n in summary["codes"].items() for k, code in [key.split()] if k == kind} for kind in KINDS}
    for kind, n in codes.items():
        assert {"0", "2"} <= n.keys(), kind  # some are run, and some refused
    assert codes["scenario"]["0"] > 0.3 * sum(codes["scenario"].values())


@pytest.mark.slow
def test_a_hundred_thousand_mutants_are_run_or_refused() -> None:
    """Others than those of the quick suite."""
    summary, findings = _run(501, 100_500)
    assert findings == []
    assert summary["mutants"] == 100_000


def test_additions_are_valid(tmp_path: Path) -> None:
    """A file with one of its additions has no mistake, so that a mutant of it may run."""
    write_texts(tmp_path)
    rules_of = {rules: WORKFLOWS[scenario] for scenario, rules in RULES.items()}
    for name, additions in ADDITIONS.items():
        content = read((tmp_path / name).read_text(encoding="utf-8"))
        changed = tmp_path / f"changed.{name}"
        for addition in additions:
            changed.write_text(yaml.safe_dump(added(content, addition), sort_keys=False), encoding="utf-8")
            if name in WORKFLOWS:
                load_scenario(changed)
            elif name in WORKFLOWS.values():
                load_workflow(changed)
            elif name in rules_of:
                load_rules(changed, load_workflow(tmp_path / rules_of[name]))
