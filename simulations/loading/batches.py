"""Read `together:` and `wait_for:` of pools: cases on which a server works together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from simulations.loading.context import Context
from simulations.scenarios.format import PoolEntry
from simulations.scenarios.scenario import Batch
from simulations.timing.clock import parse_duration
from workflow.errors import InputError
from workflow.files.validation import format_value
from workflow.files.yaml_tree import Node


def read_batch(context: Context, name: str, entry: PoolEntry, sizes: Sequence[Sequence[tuple[int, int]]]) -> Batch | None:
    """Read how many cases a server of a pool works on together; ``None`` for one, or with mistakes."""
    path, what = ("pools", name), f"pool {name!r}"
    if entry.together is None:
        if entry.wait_for is not None:
            message = "belongs to together:, the largest number of cases that a server works on at once; add it"
            context.wrong((*path, "wait_for"), f"{what}: wait_for: {message}")
        return None
    shrinks = any(later < size for of_station in sizes for (_, size), (_, later) in itertools.pairwise(of_station))
    if entry.preempt or entry.at_shift_end in ("restart", "resample"):
        key = "preempt" if entry.preempt else "at_shift_end"
        context.wrong((*path, key), f"{what}: {key}: would interrupt work on several cases; leave it out, or leave together: out")
    elif shrinks and entry.calendar is not None and entry.at_shift_end == "suspend":
        message = "a smaller size would interrupt work on several cases at an opening; write at_shift_end: finish or fit"
        context.wrong((*path, "together"), f"{what}: together: {message}")
    for activity, work in context.file.activities.items():
        if name in work.pools and (work.needs or work.either):
            message = f"{activity!r} needs or chooses between pools; only work of one pool is done for several cases together"
            context.wrong((*path, "together"), f"{what}: together: {message}")
    if entry.wait_for is None:
        return Batch(entry.together, entry.together, None)
    return _patience(context, context.at(*path, "wait_for"), entry.together, f"{what}: wait_for")


def _patience(context: Context, node: Node, most: int, what: str) -> Batch | None:
    """Read a number of cases, a duration, or both."""
    if isinstance(node.value, dict | list):
        context.wrong(
            node, f"{what}: must be a number of cases, a duration, or both, such as 12 or 5 days, not {format_value(node.value)}"
        )
        return None
    enough: int | None = None
    patience: int | None = None
    for part in [part.strip() for part in str(node.value).split(" or ")]:
        if part.isdecimal() and enough is None:
            enough = int(part)
            if not 1 <= enough <= most:
                context.wrong(node, f"{what}: must be from 1 case to the {most} that are served together, not {enough}")
                return None
        elif patience is None and not isinstance(node.value, bool):
            try:
                duration = parse_duration(part)
            except InputError as error:
                message = "must be a number of cases, a duration, or both, such as 12 or 5 days"
                context.wrong(node, f"{what}: {message}; {error.problems[0].message}")
                return None
            if duration.working or duration.months is not None:
                context.wrong(node, f"{what}: {part!r}: give the time in days, hours or minutes")
                return None
            patience = duration.microseconds
        else:
            context.wrong(node, f"{what}: must be a number of cases, a duration, or both, not {format_value(node.value)}")
            return None
    return Batch(most, enough, patience)
