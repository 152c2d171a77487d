"""Both sides of the argument on the same people: who is decided differently, how many, and what it does to the backlog.

The pilot is run under the guidance and under three other workflows with the same cases and random numbers: as if
there had been no guidance, with the critics' stricter list, and with what the critics said of work permits.
Run it with ``python simulations/studies/two_sides.py``, or copy it and change it.
"""

from simulations import SamplePath, compare, load_scenario, make_plan
from workflow import diff, load_workflow

SIDES = ("no-discretion", "strict-criteria", "permit-for-all-closed")
MEASURES = ("amenable", "closed", "work_permits", "pending")


def main(scenario: str = "pilot", replications: int = 5) -> None:
    """Say whom each side decides differently, and compare what comes of it."""
    base = load_scenario(scenario)
    people = make_plan(base, SamplePath(1, 1)).cases.columns
    for side in SIDES:
        other = load_workflow(side)
        print(f"{side}: {other.description}")
        found = diff(base.workflow, other, people)
        print(f"  Of {found.total:,} people {found.total - found.same:,} may be decided differently.")
        for region in found.regions:
            print(f"  {region.count:,}: {'; '.join(region.decided)}\n    when {region.when}")
        both = compare(
            scenario, load_scenario(scenario, [f"workflow={side}"]), replications=replications, measures=MEASURES
        )
        for measure in MEASURES:
            told = both.get(measure).paired
            if told is not None:
                print(
                    f"  {measure:<13} {told.base:>9,.1f} becomes {told.other:>9,.1f}: {told.difference:+,.1f}"
                    f" ({told.low:+,.1f} to {told.high:+,.1f})"
                )
        print()


if __name__ == "__main__":
    main()
