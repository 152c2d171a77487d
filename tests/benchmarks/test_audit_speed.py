"""How many events a second does an audit judge, for each rule? Run with ``make bench``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simulations import run
from workflow import load_workflow
from workflow.auditing.audit import audit, judge, moves_not_allowed
from workflow.auditing.log import AuditLog
from workflow.auditing.log_files import read_log

pytestmark = pytest.mark.benchmark

EVENTS = 8_000_000


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    """The log of one replication of the pilot."""
    folder = tmp_path_factory.mktemp("runs") / "pilot"
    run("pilot", seed=1, out=folder)
    return read_log(folder, load_workflow("prosecutorial-discretion-review"))


@pytest.fixture(scope="module")
def many(few: AuditLog) -> AuditLog:
    """The same log repeated many times, each time with new cases."""
    times = -(-EVENTS // len(few))

    def tiled(column: Any) -> Any:
        return None if column is None else np.tile(column, times)

    lengths = np.tile(np.diff(few.first), times)
    return replace(
        few,
        names=np.arange(len(lengths)),
        first=np.concatenate([[0], np.cumsum(lengths)]),
        **{name: tiled(getattr(few, name)) for name in ("transition", "event", "unknown", "at", "local")},
        facts={name: (tiled(values), tiled(missing)) for name, (values, missing) in few.facts.items()},
        **{name: {k: tiled(v) for k, v in getattr(few, name).items()} for name in ("before", "seen", "after", "begins")},
        begun_at=tiled(few.begun_at),
    )


def _seconds(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def test_events_per_second_of_an_audit_for_each_rule(few: AuditLog, many: AuditLog, capsys: pytest.CaptureFixture[str]) -> None:
    """8 million rows, best of three: the target is 50 million events per second and rule, at least 10 million."""
    many.case  # noqa: B018 - made once for all rules
    rates = {r.name: len(many) / _seconds(lambda r=r: judge(many, r)) for r in many.workflow.rules}
    moves = len(many) / _seconds(lambda: moves_not_allowed(many))
    with capsys.disabled():
        print(f"\naudit of {len(many):,} rows of {len(many.names):,} cases, million events a second:")
        for name, rate in sorted(rates.items(), key=lambda one: one[1]):
            print(f"  {rate / 1e6:8.1f}  {name}")
        print(f"  {statistics.median(rates.values()) / 1e6:8.1f}  the median rule")
        print(f"  {moves / 1e6:8.1f}  whether each move is allowed")
    assert not audit(few).failed


def test_an_audit_of_a_repeated_log_finds_the_same_violations_in_each_copy(few: AuditLog, many: AuditLog) -> None:
    """The rules of the strict criteria have violations in the log; the repeated log has as many in each copy."""
    strict = load_workflow("strict-criteria")
    once, often = (audit(replace(log, workflow=strict)) for log in (few, many))
    times = len(many) // len(few)
    assert len(once.not_allowed) > 0
    assert len(often.not_allowed) == times * len(once.not_allowed)
    assert [len(r.cases) for r in often.rules] == [times * len(r.cases) for r in once.rules]
