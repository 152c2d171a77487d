"""The animation of a run: cases that move between the states, day by day, of all courts or of one.

The data are the cases of each state at the start and the moves of each step, means over replications. The script
`animation.js` adds them up and draws them on a canvas; it needs nothing else, so that any page can show it.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from simulations.report.flow import LATER
from simulations.report.interactive import as_json
from simulations.scenarios.scenario import Scenario
from simulations.tables.formatting import court_title, shortened_apart, state_title
from workflow.drawing.drawing import map_of
from workflow.model.definition import StateKind

SCRIPT = Path(__file__).with_name("web") / "animation.js"

_MOST_MOVES = 9_000
_STEPS = (1, 2, 7, 14, 28, 91)
"""Days of a step: the first with which the moves are at most `_MOST_MOVES`, or the last."""

_MOST_COLUMNS = 9
_DIGITS = 2
_SHORT = 20
"""Letters of a title for which there is no room."""

_Move = tuple[int, str, str, str]
"""Step or day, court, state before and state after."""


@dataclass(frozen=True)
class Animation:
    """The animation of a run.

    Attributes
    ----------
    states : list of str
        The states that any case was in, and last `LATER`.
    final : list of bool
        Whether each is final.
    places : list of (int, int)
        Column and row of each state.
    days : list of date
        The end of each step; the first is the day before the run.
    state_titles : list of str
    courts : list of str
    titles : list of str
        Of the courts, as the page's court picker has them.
    starts : list of (int, int, float)
        Court, state and cases at the start.
    moves : list of (int, int, int, int, float)
        Step, court, state before, state after, and cases.
    """

    states: list[str]
    final: list[bool]
    places: list[tuple[int, int]]
    days: list[dt.date]
    state_titles: list[str]
    courts: list[str]
    titles: list[str]
    starts: list[tuple[int, int, float]]
    moves: list[tuple[int, int, int, int, float]]

    def cases(self, step: int, court: str | None = None) -> dict[str, float]:
        """Return the cases in each state after a step, of all courts or of one."""
        counts = dict.fromkeys(self.states, 0.0)
        wanted = None if court is None else self.courts.index(court)
        for of, state, n in self.starts:
            if wanted in (None, of):
                counts[self.states[state]] += n
        for at, of, source, target, n in self.moves:
            if at <= step and wanted in (None, of):
                counts[self.states[source]] -= n
                counts[self.states[target]] += n
        return counts

    @property
    def json(self) -> str:
        """Return the data as JSON for a ``<script>`` element."""
        short = [*shortened_apart(self.state_titles, _SHORT).values()]
        data = {"states": self.state_titles, "short": short, "final": self.final, "places": self.places}
        data |= {"courts": self.titles, "days": [str(day) for day in self.days], "later": LATER}
        data |= {"starts": [[*a, round(n, _DIGITS)] for *a, n in self.starts]}
        data |= {"moves": [[*a, round(n, _DIGITS)] for *a, n in self.moves]}
        return as_json(data)


def animation(connection: Any, scenario: Scenario, replications: Sequence[int]) -> Animation | None:
    """Read the animation, or ``None`` if no case moves.

    Parameters
    ----------
    connection
        A DuckDB connection with the views ``cases`` and ``events``.
    scenario : Scenario
    replications : sequence of int
        The replications in the views.
    """
    start, end = f"timestamp '{scenario.starts}'", f"timestamp '{scenario.ends + dt.timedelta(days=1)}'"
    rows = connection.execute(
        f"""select least(greatest(datediff('day', {start}, moment), 0), $last) as day, court, source, target, count(*) from (
            select happened_at as moment, court, from_state as source, to_state as target from events
            where cause <> 'horizon' and from_state is not null and to_state is not null and from_state <> to_state
                and happened_at <= {end}
            union all
            select arrived_at, court, '{LATER}', initial_state from cases where arrived_at > {start} and arrived_at <= {end})
        group by all order by all""",
        {"last": (scenario.ends - scenario.starts).days},
    )
    moved: list[tuple[int, str, str, str, int]] = rows.fetchall()
    first = connection.execute(
        f"""select court, case when arrived_at <= {start} then initial_state else '{LATER}' end as state, count(*)
        from cases where arrived_at <= {end} group by all order by all"""
    ).fetchall()
    if not moved:
        return None
    n = len(replications)
    days, steps = next(found for step in _STEPS if len((found := _in_steps(moved, step))[1]) <= _MOST_MOVES or step == _STEPS[-1])
    there = {state for _, state, _ in first} | {state for _, _, *pair, _ in moved for state in pair}
    kinds = {s.name: s.kind for workflow in scenario.workflows for s in workflow.states.values()}
    states = [*(state for state in kinds if state in there), LATER]
    index, courts = {state: k for k, state in enumerate(states)}, list(scenario.courts)
    return Animation(
        states,
        [kinds.get(state) is StateKind.FINAL for state in states],
        _places(scenario, states),
        [scenario.starts - dt.timedelta(days=1), *(min(scenario.starts + dt.timedelta(days=d), scenario.ends) for d in days)],
        [state_title(state, scenario) for state in states],
        courts,
        [court_title(court, scenario) for court in courts],
        [(courts.index(court), index[state], count / n) for court, state, count in first],
        [(k, courts.index(court), index[a], index[b], count / n) for (k, court, a, b), count in steps.items()],
    )


def _in_steps(moved: Sequence[tuple[int, str, str, str, int]], step: int) -> tuple[list[int], Mapping[_Move, int]]:
    """Return the last day of each step, and the moves of each step, counted from 1."""
    sums: dict[_Move, int] = {}
    for day, court, source, target, count in moved:
        key = (day // step + 1, court, source, target)
        sums[key] = sums.get(key, 0) + count
    n_steps = max(k for k, *_ in sums)
    return [(k + 1) * step - 1 for k in range(n_steps)], sums


def _places(scenario: Scenario, states: Sequence[str]) -> list[tuple[int, int]]:
    """Return the column and the row of each state: along the map of the workflow, or in reading order if it is long."""
    boxes = {name: box for workflow in reversed(scenario.workflows) for name, box in map_of(workflow).boxes.items()}
    on_map = [(round(boxes[state][1]), boxes[state][0], state) for state in states if state != LATER]
    levels = sorted({top for top, _, _ in on_map})
    places: dict[str, tuple[int, int]] = {LATER: (0, 0)}
    if len(levels) < _MOST_COLUMNS:
        rows = dict.fromkeys(range(len(levels)), 0)
        for top, _, state in sorted(on_map):
            column = levels.index(top)
            places[state] = (column + 1, rows[column])
            rows[column] += 1
    else:
        for k, (_, _, state) in enumerate(sorted(on_map), start=1):
            places[state] = (k % _MOST_COLUMNS, k // _MOST_COLUMNS)
    return [places[state] for state in states]


def standalone(shown: Animation, title: str) -> str:
    """Return a page that has only the animation, for a frame of another page. It runs one script and loads nothing."""
    script = SCRIPT.read_text(encoding="utf-8")
    hashed = b64encode(sha256(script.encode()).digest()).decode()
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy"'
        f" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hashed}'\">\n<title>{escape(title)}</title>\n"
        "<style>body { margin: 0; font: 14px/1.4 system-ui, sans-serif; color-scheme: light dark; }</style>\n</head>\n<body>\n"
        f'<main><h1 style="font-size:1.1rem">{escape(title)}</h1>\n<div class="animation"><script type="application/json">'
        f"{shown.json}</script></div></main>\n<script>{script}</script>\n</body>\n</html>\n"
    )
