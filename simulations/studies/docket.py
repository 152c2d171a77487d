"""How many judges clear the backlog of the immigration courts, and for which day does a court give the next date?

Run it with ``python simulations/studies/docket.py [replications]``, or copy and change it. A replication of the four plans takes half
a minute, or two minutes without numba. One case of the scenario stands for 25 cases, one judge for 25 judges; the script prints cases and judges.
"""

import sys

from simulations import load_scenario, run
from simulations.running.results import Estimate
from simulations.tables.formatting import format_mean, number

CASES_IN_ONE = 25
REGIONS = ("california", "new_york", "florida", "texas", "elsewhere")
YEARS = range(2024, 2034)
SOON = 28  # days to the next free date


def sizes(since_2023: tuple[int, ...], since_2025: tuple[int, ...] = ()) -> str:
    """Return the change that sets the judges of each region, in units of 25, from the start and from October 2025."""
    steps = zip(REGIONS, since_2023, since_2025 or since_2023, strict=True)
    return "pools.judges.size={" + ", ".join(f"{name}: {{2023-10-01: {a}, 2025-10-01: {b}}}" for name, a, b in steps) + "}"


NOW = (7, 4, 2, 3, 12)
PLANS = {
    "no judges added": [sizes(NOW)],
    "as planned, 800 in 2028": [],
    "1,000 from October 2025": [sizes(NOW, (10, 6, 3, 4, 17))],
    "1,200 from October 2025": [sizes(NOW, (12, 8, 3, 5, 20))],
}


def cases(counted: Estimate) -> str:
    """Format a mean of the scenario's cases as cases, with its interval."""
    mean, low, high = (None if n is None else CASES_IN_ONE * n for n in (counted.mean, counted.low, counted.high))
    return format_mean(mean or 0.0, low, high, "cases")


def main(replications: int = 2) -> None:
    """Simulate ten years with each plan; print the pending cases, and the days to the next free date at the end of each fiscal year."""
    print(
        f"{'judges':<24} {'pending at the end, 95% interval':<34} {'highest':>10}   days to the next free date at the end of fiscal"
    )
    print(f"{'':<24} {'':<34} {'':>10}  {''.join(f'{year:>6}' for year in YEARS)}")
    for name, changes in PLANS.items():
        scenario = load_scenario("docket", changes)
        days = [scenario.ends.replace(year=year) for year in YEARS]
        result = run(scenario, replications=replications, seed=1, at=days[:-1])
        free = [result.get("next_free.judges", at=day).mean for day in (*days[:-1], None)]
        soon = [day for day, ahead in zip(days, free, strict=True) if ahead is not None and ahead < SOON]
        pending, highest = result.get("pending"), result.pending.of("all").max()
        ahead = "".join("     -" if ahead is None else f"{ahead:6.0f}" for ahead in free)
        print(
            f"{name:<24} {cases(pending):<34} {number(CASES_IN_ONE * highest, 'cases'):>10}  {ahead}   {f'soon by {soon[0]}' if soon else ''}".rstrip()
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
