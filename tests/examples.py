"""How many examples Hypothesis draws: all in `make test-all`, a third of them in `make test`."""

from __future__ import annotations

import os


def examples(n: int) -> int:
    """Return `n` where ``DOCKETSIM_ALL_EXAMPLES`` is set, otherwise a third of it."""
    return n if os.environ.get("DOCKETSIM_ALL_EXAMPLES") else -(-n // 3)
