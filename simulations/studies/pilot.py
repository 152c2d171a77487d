"""The pilot review of December 2011: simulated and published figures.

Run it with ``python simulations/studies/pilot.py``, or copy and change it.
"""

from simulations import load_scenario, run
from simulations.tables.formatting import format_estimate


def main() -> None:
    """Run twenty replications of the pilot, and print simulated and published figures."""
    scenario = load_scenario("pilot")
    result = run(scenario, replications=20, seed=1, workers=2)

    print(f"{'measure':<10} {'court':<10} {'day':<12} {'published':>9}   simulated, mean ± half a 95% confidence interval")
    for figure in scenario.published:
        estimate = result.get(figure.measure, figure.court, figure.at)
        print(f"{figure.measure:<10} {figure.court:<10} {figure.at} {figure.value:>11,}   {format_estimate(estimate)}")

    for court in scenario.courts:
        finished = result.get("review_finished", court)
        print(f"The review of {court} was finished on {format_estimate(finished)} on average (published: 2012-01-13).")

    closed, amenable = result.get("closed"), result.get("amenable")
    print(
        f"By {scenario.ends}, {format_estimate(closed)} of {format_estimate(amenable)} amenable cases were closed or terminated."
    )
    print(f"The event log of every case is in {result.folder}.")


if __name__ == "__main__":
    main()
