"""The review of all pending cases, 2011 to 2012: calibrated on May, next to what was published, and how far September reaches.

Run it with ``python simulations/studies/nationwide.py [replications]`` (each takes 20 seconds and 1 GB, without numba
two minutes and 1.5 GB), or copy it and change it.
"""

import datetime as dt
import sys

from simulations import load_scenario, run

CALIBRATED_TO = dt.date(2012, 5, 29)


def share(part: float | None, whole: float | None) -> float:
    """Divide, where there is something to divide."""
    return part / whole if part is not None and whole else float("nan")


def between(low: float | None, high: float | None) -> str:
    """Write an interval, which a single replication has not."""
    return "-" if low is None or high is None else f"{low:,.0f} to {high:,.0f}"


def main(replications: int = 3) -> None:
    """Simulate the nation, print simulated against published figures, and the interval and band at the end."""
    scenario = load_scenario("nationwide")
    result = run(scenario, replications=replications, seed=1)
    print(
        f"{len(scenario.courts)} courts, {replications} replications. Calibrated on figures up to {CALIBRATED_TO} alone."
    )

    print(f"\n{'measure':<20} {'court':<13} {'day':<10} {'published':>9} {'simulated':>9}   miss   95% interval")
    for figure in scenario.published:
        found = result.get(figure.measure, figure.court, figure.at)
        print(
            f"{figure.measure:<20} {figure.court:<13} {figure.at} {figure.value:>9,} {found.mean:>9,.0f}"
            f" {share(found.mean, figure.value) - 1:>+6.1%}   {between(found.low, found.high)}"
        )

    print(f"\nAt {scenario.ends}: the interval of the mean, and the band in which single replications lie")
    for measure in ("pending", "reviewed", "closed"):
        found = result.get(measure)
        wide = "" if found.half_width is None else f" (± {share(found.half_width, found.mean):.2%})"
        print(
            f"{measure:<10} {found.mean:>9,.0f}   interval {between(found.low, found.high)}{wide}"
            f"   band {between(found.q05, found.q95)}"
        )
    last = result.get("review_finished").date
    print(
        f"The last file of the backlog was read {f'on {last} on average' if last else 'in no or not every replication'}."
    )
    print("What these ranges leave out are the assumptions: see about: in the scenario.")
    print(f"The event log of every case is in {result.folder}.")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
