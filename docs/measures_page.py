"""Write docs/reference/measures.md from the descriptors of the measures: ``python -m docs.measures_page``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from simulations.measuring.descriptors import BREAKDOWNS, BUILT_IN, DECLARED, UNITS, Descriptor, Family

PAGE = Path(__file__).parent / "reference" / "measures.md"
SUBJECTS = {
    Family.WAITING: "activity",
    Family.QUEUE: "activity",
    Family.PROCESSING: "activity",
    Family.UTILISATION: "pool",
    Family.OVERTIME: "pool",
}
HEAD = """# Measures

<!-- Written by `python -m docs.measures_page` from simulations/measuring/descriptors.py; do not edit. -->

A measure is computed from the event log alone. It is taken at the end of a day or of the run, for each court, for all
courts together (`all`), and for each group of cases that `--by` asks for. With several replications a result is the mean
over replications, with a confidence interval of the mean (`low`, `high`) and a prediction interval of one new replication
(`prediction_low`, `prediction_high`; see [statistics](../explanation/statistics.md#the-mean-or-one-course-of-events)). With a warm-up, flows and times count from its end on; counts that describe one
instant, such as `pending`, do not depend on it. "No value" is `null` in JSON and an empty cell in CSV and Parquet.

In the names below, `<activity>`, `<pool>`, `<item>` and `<measure>` stand for a name of the workflow or the scenario.
"""

PARTS = """A wait is divided in two ways. `waiting_reason` asks why the case did not start: the time up to its *first chance*, by
reason, and all time after it as `capacity`. The first chance is the first instant at which the case could have started if no
other case were there: the pool is open, has staff, is not suspended for the case, and the work fits into the shift; in the
shift in which the work was enabled, a slot must be left, too. Work that is not completed is judged by its length in the log. A
wait after an interruption is all `capacity`. `waiting_capacity` shows the parts of `capacity`. `waiting_clock` divides the same
wait by what the calendar and the suspensions of the pool showed, before and after the first chance. At every instant exactly
one part holds. Reasons and clock each add up to the mean waiting time."""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([HEAD, *_units(), *(line for family in Family for line in _family(family)), *_breakdowns()])


def _units() -> Iterator[str]:
    yield from ("## Units", "", "| unit | meaning |", "|---|---|")
    yield from (f"| {unit} | {text} |" for unit, text in UNITS.items())
    yield ""


def _family(family: Family) -> Iterator[str]:
    yield from (f"## {family.value}", "")
    for measure in (*BUILT_IN.values(), *DECLARED):
        if measure.family is family:
            yield from _measure(measure)


def _measure(measure: Descriptor) -> Iterator[str]:
    """Yield the entry of one measure; the heading of a declared one is the key that declares it."""
    subject = SUBJECTS.get(measure.family, "measure" if measure.name.startswith("cost_per") else "item")
    named = measure.of(f"<{subject}>") if "{}" in measure.name else measure
    heading = f"`{named.name}:`" if measure.family is Family.DECLARED else f"`{named.name}`"
    title = measure.title.replace("{}", f"`<{subject}>`")
    bounds = "Any number." if measure.low is None else f"At least {measure.low:g}" + (f", at most {measure.high:g}." if measure.high else ".")  # fmt: skip
    yield from (f"### {heading}", "", f"{title}. Unit: {measure.unit}.", "", named.description, "")
    yield from (f"{bounds} Compare with {measure.compare}.", "")


def _breakdowns() -> Iterator[str]:
    yield from ("## Parts of a wait", "", PARTS, "")
    for kind, parts in BREAKDOWNS.items():
        yield from (f"### Parts of `{kind}`", "", "| part | time of a wait that passed |", "|---|---|")
        yield from (f"| `{part}` | {text} |" for part, text in parts.items())
        yield ""


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
