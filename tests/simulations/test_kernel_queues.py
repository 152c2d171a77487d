"""A queue of the compiled engine that is not first come, first served, beside a sorted list."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba")

from simulations.engines.kernel import arrays
from tests.simulations.interpreted_kernel import SOURCE, Interpreted, Records

ROOM, BEFORE = 60, 3


@pytest.mark.parametrize("seed", range(10))
def test_whoever_leaves_the_rest_are_served_in_order(seed: int) -> None:
    """By order, enabling and case number, with many ties; some leave before their turn, and some come again."""
    names, draw = Interpreted(SOURCE).py_func.__globals__, np.random.default_rng(seed)
    cases, position = Records(np.zeros(ROOM, arrays.CASE)), np.zeros(ROOM, np.int32)
    entries, queues = Records(np.zeros(BEFORE + ROOM, arrays.ENTRY)), Records(np.zeros(1, arrays.QUEUE))
    queues[0].head, queues[0].first = -1, BEFORE
    world = SimpleNamespace(cases=cases, entries=entries, position=position, queues=queues)

    def join(case: int) -> tuple[int, int, int]:
        cases[case].order, cases[case].enabled = (int(k) for k in draw.integers(4, size=2))
        names["join_queue"](world, 0, True, case)
        return int(cases[case].order), int(cases[case].enabled), case

    def leave(case: int) -> None:
        names["leave_queue"](world, 0, True, case)

    waiting = {case: join(case) for case in draw.permutation(ROOM).tolist()}
    for case in draw.permutation(ROOM)[:30].tolist():
        leave(case)
        del waiting[case]
    waiting |= {case: join(case) for case in range(ROOM) if case not in waiting and case % 2}
    for _, _, case in sorted(waiting.values()):
        assert queues[0].head == case
        leave(case)
    assert queues[0].head == -1
