"""Check what activities and events give: outcomes must differ in the log, and each field needs its own draws."""

from __future__ import annotations

import math
from collections.abc import Mapping

from workflow.files.format import WorkflowFile
from workflow.files.validation import format_names
from workflow.loading.reading import Keys, Reading
from workflow.model.definition import Activity, Event, Giver, as_written

MOST_OUTCOMES = 30_000
"""Maximum number of outcomes in a workflow. A log writes each as a code of 16 bits."""


def check_outcomes(reading: Reading[WorkflowFile], activities: Mapping[str, Activity], events: Mapping[str, Event]) -> None:
    """Report outcomes that a log could not write, and fields that would share their draws."""
    total = 0
    places: list[tuple[Giver, str, Keys]] = [
        *((a, f"activity {a.name!r}", ("activities", a.name, "gives")) for a in activities.values()),
        *((e, f"event {e.name!r}", ("events", e.name, "gives")) for e in events.values()),
    ]
    for giver, what, path in places:
        n = math.prod(len(values) for _, values in giver.gives)
        total += n
        if total > MOST_OUTCOMES:
            message = f"its values have {n:,} combinations; a workflow has at most {MOST_OUTCOMES:,} in total"
            reading.wrong(path, f"{what}: gives: {message}")
            return
        n_distinct = math.prod(len({*map(as_written, values)}) for _, values in giver.gives)
        if len({giver.label(outcome) for outcome in giver.outcomes}) < n_distinct:
            message = "two combinations of its values look alike in a log; leave commas and equals signs out of them"
            reading.wrong(path, f"{what}: gives: {message}")
        if giver.name in activities and giver.name in events and isinstance(giver, Event):
            shared = set(giver.fields[1:]) & set(activities[giver.name].fields[1:])
            if shared:
                message = f"an activity of this name gives {format_names(sorted(shared))}, too; rename one of them"
                reading.wrong(path, f"{what}: gives: {message}")
