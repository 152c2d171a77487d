"""How many judges clear the backlog of the immigration courts, and by when?

Run it with ``python simulations/studies/docket.py [replications]``, or copy and change it. A replication of the four plans
takes 20 seconds, or two minutes without numba. One case of the scenario stands for 100 cases; the script prints cases.
"""

import sys

from simulations import load_scenario, run

CASES_IN_ONE = 100
NO_MORE_WAITING = 1000  # hundreds of cases: work for a few weeks
PLANS = {
    "no judges added": "700",
    "as planned, 800 in 2028": None,
    "1,000 from October 2025": "{2023-10-01: 700, 2025-10-01: 1000}",
    "1,200 from October 2025": "{2023-10-01: 700, 2025-10-01: 1200}",
}


def cases(hundreds: float | None) -> str:
    """Format a number of hundreds of cases."""
    return "-" if hundreds is None else f"{CASES_IN_ONE * hundreds:,.0f}"


def between(low: float | None, high: float | None) -> str:
    """Format an interval; a single replication has none."""
    return "-" if low is None else f"{cases(low)} to {cases(high)}"


def main(replications: int = 2) -> None:
    """Simulate ten years with each plan; print the pending cases and the date when the backlog is cleared."""
    print(f"{'judges':<24} {'pending at the end':>18}   {'95% interval':<24} {'highest':>10}   waiting is over")
    for name, sizes in PLANS.items():
        changes = [] if sizes is None else [f"pools.judges.size={sizes}"]
        scenario = load_scenario("docket", changes)
        years = [scenario.starts.replace(year=scenario.starts.year + k) for k in range(1, 10)]
        result = run(scenario, replications=replications, seed=1, at=years)
        waiting = {day: result.get("still_waiting.hearing", at=day).mean or 0 for day in (*years, None)}
        over = [day or scenario.ends for day, hundreds in waiting.items() if hundreds < NO_MORE_WAITING]
        pending, highest = result.get("pending"), result.series.of("all").max()
        print(
            f"{name:<24} {cases(pending.mean):>18}   {between(pending.low, pending.high):<24}"
            f" {cases(highest):>10}   {f'by {over[0]}' if over else f'not by {scenario.ends}'}"
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
