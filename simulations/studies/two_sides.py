"""Compare both sides of the argument: which cases each policy could decide otherwise, how many it did, and the backlog.

The pilot is run under the guidance and under three other workflows, with the same cases and random numbers: no
guidance, the stricter criteria of the critics, and the critics' view of work permits.
Run it with ``python simulations/studies/two_sides.py``, or copy and change it.
"""

from simulations import SamplePath, compare, load_scenario, make_plan
from simulations.tables.comparison import format_difference, format_levels
from simulations.tables.formatting import number
from workflow import diff, load_workflow

SIDES = ("no-discretion", "strict-criteria", "permit-for-all-closed")
MEASURES = ("amenable", "closed", "work_permits", "pending")


def main(scenario: str = "pilot", replications: int = 5) -> None:
    """Print which cases each side could decide otherwise and, simulated, how many it did, and compare the results."""
    base = load_scenario(scenario)
    cases = make_plan(base, SamplePath(1, 1)).cases.columns
    for side in SIDES:
        other = load_workflow(side)
        print(f"{side}: {other.description}")
        difference = diff(base.workflow, other, cases)
        print(f"  {difference.could_differ:,} of {difference.total:,} cases could be decided otherwise in some course of events.")
        for region in difference.regions:
            print(f"  {region.count:,}: {'; '.join(region.decided)}\n    when {region.when}")
        comparison = compare(
            scenario, load_scenario(scenario, [f"workflow={side}"]), replications=replications, measures=MEASURES
        )
        (pairs,) = comparison.cases.values()
        otherwise = sum(p.mean for p in pairs if p.court == "all" and p.what == "decided otherwise")
        print(f"  Simulated, {number(otherwise, 'cases')} were decided otherwise.")
        for measure in MEASURES:
            row = comparison.get(measure)
            if row.paired is not None:
                one, two = format_levels(comparison, row)
                print(f"  {measure:<13} {one:>9} becomes {two:>9}: {format_difference(row)}")
        print()


if __name__ == "__main__":
    main()
