"""Mutants of every kind of file and of command lines are run, or refused with one clear message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


def test_some_mutants_are_run_or_refused() -> None:
    """Exit code 0 to 3, a message, no traceback, valid JSON, under ten seconds of processor time and 1 GB."""
    summary, findings = _run(1, 400)
    assert findings == []
    assert summary["mutants"] == 400
    ended = {code for kind_and_code in summary["codes"] for code in kind_and_code.split()[1:]}
    assert {"0", "1", "2"} <= ended  # mutants are run, judged and refused


@pytest.mark.slow
def test_a_hundred_thousand_mutants_are_run_or_refused() -> None:
    """Others than those of the quick suite."""
    summary, findings = _run(401, 100_400)
    assert findings == []
    assert summary["mutants"] == 100_000
