"""The review of all pending cases, 2011 to 2012: calibrated on May, next to what was published, and how far September reaches.

Run it with ``python simulations/studies/nationwide.py [replications]`` (some two minutes and 1.5 GB each), or copy it
and change it.
"""

import datetime as dt
import sys

from simulations import load_scenario, run

CALIBRATED_TO = dt.date(2012, 5, 29)


def share(part: float | None, whole: float | None) -> float:
    """Divide, where there is something to divide."""
    return part / whole if part is not None and whole else float("nan")


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
            f" {share(found.mean, figure.value) - 1:>+6.1%}   {found.low:,.0f} to {found.high:,.0f}"
        )

    print(f"\nAt {scenario.ends}: the interval of the mean, and the band in which single replications lie")
    for measure in ("pending", "reviewed", "closed"):
        found = result.get(measure)
        print(
            f"{measure:<10} {found.mean:>9,.0f}   interval {found.low:,.0f} to {found.high:,.0f}"
            f" (± {share(found.half_width, found.mean):.2%})   band {found.q05:,.0f} to {found.q95:,.0f}"
        )
    last = result.get("review_finished")
    print(f"The last file of the backlog was read on {last.date} on average.")
    print("What these ranges leave out are the assumptions: see about: in the scenario.")
    print(f"The event log of every case is in {result.folder}.")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
