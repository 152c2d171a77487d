"""How many judges clear the backlog of the immigration courts, and by when?

Run it with ``python simulations/studies/docket.py [replications]``, or copy and change it. A replication of the four plans
takes 20 seconds, or two minutes without numba. One case of the scenario stands for 100 cases; the script prints cases.
"""

import sys

from simulations import load_scenario, run
from simulations.running.results import Estimate
from simulations.tables.formatting import format_mean, number

CASES_IN_ONE = 100
NO_MORE_WAITING = 1000  # hundreds of cases: work for a few weeks
PLANS = {
    "no judges added": "700",
    "as planned, 800 in 2028": None,
    "1,000 from October 2025": "{2023-10-01: 700, 2025-10-01: 1000}",
    "1,200 from October 2025": "{2023-10-01: 700, 2025-10-01: 1200}",
}


def cases(hundreds: Estimate) -> str:
    """Format a mean of hundreds of cases as cases, with its interval."""
    mean, low, high = (None if n is None else CASES_IN_ONE * n for n in (hundreds.mean, hundreds.low, hundreds.high))
    return format_mean(mean or 0.0, low, high, "cases")


def main(replications: int = 2) -> None:
    """Simulate ten years with each plan; print the pending cases and the date when the backlog is cleared."""
    print(f"{'judges':<24} {'pending at the end, 95% interval':<34} {'highest':>10}   waiting is over")
    for name, sizes in PLANS.items():
        changes = [] if sizes is None else [f"pools.judges.size={sizes}"]
        scenario = load_scenario("docket", changes)
        years = [scenario.starts.replace(year=scenario.starts.year + k) for k in range(1, 10)]
        result = run(scenario, replications=replications, seed=1, at=years)
        waiting = {day: result.get("still_waiting.hearing", at=day).mean or 0 for day in (*years, None)}
        over = [day or scenario.ends for day, hundreds in waiting.items() if hundreds < NO_MORE_WAITING]
        pending, highest = result.get("pending"), result.pending.of("all").max()
        print(
            f"{name:<24} {cases(pending):<34} {number(CASES_IN_ONE * highest, 'cases'):>10}   {f'by {over[0]}' if over else f'not by {scenario.ends}'}"
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
