"""Which of the two kernels runs a scenario. One has all that a station can do, the other what most stations do, and is faster."""

from __future__ import annotations

from simulations.engines.team_model import may_be_interrupted
from simulations.scenarios.scenario import Scenario


def is_special(scenario: Scenario) -> bool:
    """Return whether the kernel needs what few scenarios have.

    This is work that needs several pools, that may be interrupted, or that is done on several cases at once; hearing dates;
    limits of queues; priorities that differ from case to case; transfers between courts; values that change on dates; and
    events that happen at intervals.
    """
    pools, works, events = scenario.pools.values(), scenario.work.values(), scenario.event_timings.values()
    return bool(
        scenario.queues_with_teams
        or scenario.batches
        or scenario.transfers
        or any(pool.dates or pool.queue_limit is not None for pool in pools)
        or any(may_be_interrupted(pool, sizes) for pool in pools for sizes in pool.sizes)
        or any(event.repeats for event in events)
        or any(choice.steps for choices in (*(w.choices for w in works), *(e.choices for e in events)) for choice in choices)
        or any(not isinstance(work.priority, int | float) for work in works)
    )
