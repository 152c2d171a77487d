"""The review of all pending cases, 2011 to 2012: simulated and published figures, and the range of results in September.

Run it with ``python simulations/studies/nationwide.py [replications]``, or copy and change it. A replication takes
20 seconds and 1 GB, or two minutes and 1.5 GB without numba.
"""

import datetime as dt
import sys

from simulations import load_scenario, run
from simulations.tables.formatting import format_estimate, format_range, signed_percent

CALIBRATED_TO = dt.date(2012, 5, 29)


def main(replications: int = 3) -> None:
    """Simulate all courts. Print simulated and published figures, with a 95 percent interval of each mean."""
    scenario = load_scenario("nationwide")
    result = run(scenario, replications=replications, seed=1)
    print(f"{len(scenario.courts)} courts, {replications} replications. Calibrated on figures up to {CALIBRATED_TO} alone.")

    print(f"\n{'measure':<20} {'court':<13} {'day':<10} {'published':>9} {'miss':>8}   simulated")
    for figure in scenario.published:
        estimate = result.get(figure.measure, figure.court, figure.at)
        miss = "-" if estimate.mean is None else signed_percent(estimate.mean / figure.value - 1)
        print(f"{figure.measure:<20} {figure.court:<13} {figure.at} {figure.value:>9,} {miss:>8}   {format_estimate(estimate)}")

    print(f"\nAt {scenario.ends}: the confidence interval of the mean, and the prediction interval of one new replication")
    for measure in ("pending", "reviewed", "closed"):
        estimate = result.get(measure)
        ends = estimate.prediction
        one = "-" if ends is None else format_range(ends.low, ends.high, estimate.unit)
        print(f"{measure:<10} mean {format_estimate(estimate)}   one run {one}")
    print(f"Mean date on which the review was finished: {format_estimate(result.get('review_finished'))}.")
    print(
        "The interval of one run contains what is under uncertain: in the scenario, but not doubts about its structure: see about:."
    )
    print(f"The event log of every case is in {result.folder}.")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
