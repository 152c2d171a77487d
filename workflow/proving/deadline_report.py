"""What a proof says about time, as text and JSON: how long an obligation stays open, and when the rows of a history happen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from workflow.files.validation import format_names
from workflow.model.rules import Rule
from workflow.proving.verdict import Deadline, Times, Verdict

_EPOCH = dt.datetime(1970, 1, 1)


def deadline_note(verdict: Verdict) -> str:
    """Return what bounds on time say about a time limit, for the line of a verdict; empty if nothing."""
    deadline = verdict.deadline
    if deadline is None:
        return ""
    if deadline.missing:
        return f"no bound on the time in {format_names(deadline.missing)}"
    if verdict.decision != "proved":
        return ""
    dates = f", for {deadline.dates}" if deadline.dates not in (None, "every start date") else ""
    return f"open for at most {deadline.longest}{dates}"


def format_time(times: Times, at: int) -> str:
    """Return an instant of a history: its date, with the time of day if that matters."""
    moment = _EPOCH + dt.timedelta(microseconds=at)
    return f"{moment:%Y-%m-%d %H:%M}" if times.elapsed else f"{moment:%Y-%m-%d}"


def late_lines(rule: Rule, deadline: Deadline | None, times: Times, state: str, steps: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield how a history ends on which an obligation is late."""
    until, due = format_time(times, times.until), format_time(times, times.due)
    opening = " or ".join(steps[times.opened - 1])
    yield f"    {until}  the case is still in {state}"
    needed = f"no {rule.words['then']} has followed {opening}" if "then" in rule.words else f"{opening} is not settled"
    if deadline is not None and deadline.endless:
        length = "; it can stay so for ever"
    elif deadline is not None and deadline.longest is not None:
        length = f"; this is the slowest history: {deadline.longest}"
    else:
        length = "; there may be slower histories"
    yield f"breaks the rule: {needed} (step {times.opened}) by {due}, which is {rule.within} later{length}"


def deadline_json(deadline: Deadline | None) -> dict[str, Any] | None:
    """Return what is known of a time limit as ``--json`` prints it."""
    if deadline is None:
        return None
    return {
        "longest": deadline.longest,
        "endless": deadline.endless,
        "missing_bounds": list(deadline.missing),
        "dates": deadline.dates,
    }


def times_json(times: Times | None) -> dict[str, Any] | None:
    """Return the times of a history as ``--json`` prints them."""
    if times is None:
        return None

    def shown(at: int) -> str:
        moment = _EPOCH + dt.timedelta(microseconds=at)
        return moment.isoformat() if times.elapsed else moment.date().isoformat()

    return {
        "begun": shown(times.begun),
        "steps": [shown(at) for at in times.steps],
        "opened_by_step": times.opened,
        "due": shown(times.due),
        "until": shown(times.until),
    }
