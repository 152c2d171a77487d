"""How many judges clear the backlog of the immigration courts, and by when?

Run it with ``python simulations/studies/docket.py [replications]`` (half a minute each, four plans), or copy it and
change it. Every case of the scenario stands for 100 cases; the figures printed are of cases.
"""

import sys

from simulations import load_scenario, run

CASES_IN_ONE = 100
NO_MORE_WAITING = 1000  # hundreds of cases: a few weeks' work
PLANS = {
    "nobody added": "{2023-10-01: 700}",
    "as planned, 800 in 2028": None,
    "1,000 from October 2025": "{2023-10-01: 700, 2025-10-01: 1000}",
    "1,200 from October 2025": "{2023-10-01: 700, 2025-10-01: 1200}",
}


def main(replications: int = 2) -> None:
    """Simulate ten years with each plan; print the pending cases, and when nobody waits for a judge any more."""
    print(f"{'judges':<24} {'pending at the end':>18}   {'95% interval':<24} {'highest':>10}   waiting is over")
    for name, sizes in PLANS.items():
        changes = [] if sizes is None else [f"pools.judges.size={sizes}"]
        scenario = load_scenario("docket", changes)
        years = [scenario.starts.replace(year=scenario.starts.year + k) for k in range(1, 10)]
        result = run(scenario, replications=replications, seed=1, at=years)
        pending = result.get("pending")
        highest = max(each.mean for each in result.series)
        over = [year for year in (*years, None) if result.get("still_waiting.hearing", at=year).mean < NO_MORE_WAITING]
        when = f"by {over[0] or scenario.ends}" if over else f"not by {scenario.ends}"
        low, high = CASES_IN_ONE * pending.low, CASES_IN_ONE * pending.high
        print(
            f"{name:<24} {CASES_IN_ONE * pending.mean:>18,.0f}   {f'{low:,.0f} to {high:,.0f}':<24}"
            f" {CASES_IN_ONE * highest:>10,.0f}   {when}"
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
