"""The review of all pending cases, 2011 to 2012: simulated and published figures, and the range of results in September.

Run it with ``python simulations/studies/nationwide.py [replications]``, or copy and change it. A replication takes
20 seconds and 1 GB, or two minutes and 1.5 GB without numba.
"""

import datetime as dt
import sys

from simulations import load_scenario, run

CALIBRATED_TO = dt.date(2012, 5, 29)


def share(part: float | None, whole: float | None) -> float:
    """Return a ratio; NaN if it is not defined."""
    return part / whole if part is not None and whole else float("nan")


def between(low: float | None, high: float | None) -> str:
    """Format an interval; a single replication has none."""
    return "-" if low is None or high is None else f"{low:,.0f} to {high:,.0f}"


def main(replications: int = 3) -> None:
    """Simulate all courts. Print simulated and published figures, and the intervals at the end."""
    scenario = load_scenario("nationwide")
    result = run(scenario, replications=replications, seed=1)
    print(f"{len(scenario.courts)} courts, {replications} replications. Calibrated on figures up to {CALIBRATED_TO} alone.")

    print(f"\n{'measure':<20} {'court':<13} {'day':<10} {'published':>9} {'simulated':>9}   miss   95% interval")
    for figure in scenario.published:
        estimate = result.get(figure.measure, figure.court, figure.at)
        print(
            f"{figure.measure:<20} {figure.court:<13} {figure.at} {figure.value:>9,} {estimate.mean:>9,.0f}"
            f" {share(estimate.mean, figure.value) - 1:>+6.1%}   {between(estimate.low, estimate.high)}"
        )

    print(f"\nAt {scenario.ends}: the confidence interval of the mean, and the prediction interval of one new replication")
    for measure in ("pending", "reviewed", "closed"):
        estimate = result.get(measure)
        wide = "" if estimate.half_width is None else f" (± {share(estimate.half_width, estimate.mean):.2%})"
        print(
            f"{measure:<10} {estimate.mean:>9,.0f}   mean {between(estimate.low, estimate.high)}{wide}"
            f"   one run {between(estimate.prediction_low, estimate.prediction_high)}"
        )
    last = result.get("review_finished").date
    print(f"Mean date on which the review was finished: {last or 'none, because some replications did not finish it'}.")
    print("These ranges do not include the uncertainty of the assumptions: see about: in the scenario.")
    print(f"The event log of every case is in {result.folder}.")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
