"""Draw a workflow as Mermaid text for documents.

It shows states by kind, and transitions by name with their events. A long workflow is split into lanes, which are drawn beside
each other: Mermaid would draw all states below each other, too small to read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from workflow.drawing.drawing import STYLES, format_transition, moves_of
from workflow.drawing.layout import rows
from workflow.model.definition import StateKind, Workflow

_KEYWORDS = {
    "as", "class", "classdef", "click", "default", "direction", "end", "hide", "note", "root", "scale", "state", "style",
}  # fmt: skip
"""Reserved words of Mermaid, which are valid names of states here."""

_MOST_STATES, _IN_A_LANE = 20, 12
"""Number of states up to which a diagram has no lanes; number of states of a lane that are not final."""

_ELSEWHERE = "elsewhere"
"""The class of a state that stands for one in another lane."""


def mermaid(workflow: Workflow) -> str:
    """Return a workflow as a Mermaid state diagram.

    Transitions between the same two states share an arrow. Each has its own line in the label, with its events in
    brackets. With more than 20 states, it has lanes of at most 12, in the order in which cases come through them. A lane has its
    own copies of the final states that it leads to. A transition to another lane ends at a dashed state that names the lane.

    Examples
    --------
    >>> from workflow import load_workflow
    >>> print(mermaid(load_workflow({
    ...     "workflow": "desk", "activities": {"serve": {}}, "entry": {"states": ["queue"]},
    ...     "states": {"queue": {"activity": "serve"}, "gone": {"final": True}},
    ...     "transitions": [{"transition": "finish", "from": "queue", "to": "gone"}],
    ... })), end="")
    stateDiagram-v2
        [*] --> queue
        queue --> gone: finish
        gone --> [*]
        classDef activity fill:#d7ecf9,stroke:#0072b2,stroke-width:1.6px
        class queue activity
        classDef final fill:#e6e6e6,stroke:#222222,stroke-width:3.0px
        class gone final
    """
    called = _ids(workflow)
    if len(workflow.states) > _MOST_STATES:
        return _in_lanes(workflow, called)
    lines = ["stateDiagram-v2"]
    lines += [f"    {line}" for line in _titles(workflow, {id_: name for name, id_ in called.items()})]
    lines += [f"    [*] --> {called[name]}" for name in workflow.entry_states]
    for (source, target), transitions in moves_of(workflow).items():
        label = "<br>".join(format_transition(t) for t in transitions)  # a semicolon would end the statement
        lines.append(f"    {called[source]} --> {called[target]}: {label}")
    lines += [f"    {called[s.name]} --> [*]" for s in workflow.states.values() if s.kind is StateKind.FINAL]
    lines += _classes({kind: [called[s.name] for s in workflow.states.values() if s.kind is kind] for kind in STYLES})
    return "\n".join(lines) + "\n"


def _in_lanes(workflow: Workflow, called: Mapping[str, str]) -> str:
    """Return a diagram with a composite state for each lane. Mermaid has no arrows from inside one to inside another."""
    lanes, taken = _lanes(workflow), {*called, *called.values()}
    lane_of = {name: k for k, names in enumerate(lanes, start=1) for name in names}
    lines, kinds = ["stateDiagram-v2"], {kind: list[str]() for kind in STYLES}
    elsewhere = list[str]()
    for k, names in enumerate(lanes, start=1):
        ids = {called[name]: name for name in names}
        arrows, stand_ins = list[str](), dict[str, str]()
        for (source, target), transitions in moves_of(workflow).items():
            if lane_of.get(source) != k:
                continue
            end = called[target]
            if target not in lane_of:
                ids.setdefault(end := _free(f"{end}_{k}", taken), target)
            elif lane_of[target] != k:
                end = _free(f"{end}_from_{k}", taken)
                stand_ins[end] = f"{_title(workflow, target)} (lane {lane_of[target]})"
            label = "<br>".join(format_transition(t) for t in transitions)
            arrows.append(f"{called[source]} --> {end}: {label}")
        lines.append(f'    state "Lane {k} of {len(lanes)}" as {_free(f"lane_{k}", taken)} {{')
        inside = [*_titles(workflow, ids), *(f'state "{text}" as {end}' for end, text in stand_ins.items())]
        inside += [f"[*] --> {called[name]}" for name in workflow.entry_states if name in names]
        lines += [f"        {line}" for line in (*inside, *arrows)] + ["    }"]
        for id_, name in ids.items():
            kinds[workflow.states[name].kind].append(id_)
        elsewhere += stand_ins
    lines += _classes(kinds)
    if elsewhere:
        lines += [f"    classDef {_ELSEWHERE} fill:#ffffff,stroke:#767676,stroke-dasharray:2 3"]
        lines += [f"    class {','.join(elsewhere)} {_ELSEWHERE}"]
    return "\n".join(lines) + "\n"


def _lanes(workflow: Workflow) -> list[list[str]]:
    """Return the states that are not final in lanes of about the same length, in the order in which cases come through them."""
    row = rows([*workflow.states], list(moves_of(workflow)), workflow.entry_states[:1])
    names = sorted((s.name for s in workflow.states.values() if s.kind is not StateKind.FINAL), key=row.__getitem__)
    n = math.ceil(len(names) / _IN_A_LANE)
    ends = [round(k * len(names) / n) for k in range(n + 1)]
    return [names[a:b] for a, b in pairwise(ends)]


def _titles(workflow: Workflow, ids: Mapping[str, str]) -> list[str]:
    """Return the declaration of each state, by its id, whose title is another text."""
    shown = ((_title(workflow, name), id_) for id_, name in ids.items())
    return [f'state "{title}" as {id_}' for title, id_ in shown if title != id_]


def _title(workflow: Workflow, name: str) -> str:
    return workflow.states[name].title.replace('"', "'")


def _classes(kinds: Mapping[StateKind, Sequence[str]]) -> list[str]:
    """Return the style of each kind of state, and its states by id."""
    lines = []
    for kind, ids in kinds.items():
        style = STYLES[kind]
        if ids:
            dashes = f",stroke-dasharray:{style.dashes}" if style.dashes else ""
            outline = f"stroke:{style.outline},stroke-width:{style.thickness}px{dashes}"
            lines += [f"    classDef {kind.value} fill:{style.fill},{outline}", f"    class {','.join(ids)} {kind.value}"]
    return lines


def _ids(workflow: Workflow) -> dict[str, str]:
    """Return the id of each state: its name, or with underscores after it where the name is a word of Mermaid."""
    return {name: name if name.lower() not in _KEYWORDS else _free(f"{name}_", workflow.states) for name in workflow.states}


def _free(id_: str, taken: Collection[str]) -> str:
    """Return an id that no state has."""
    while id_ in taken or id_.lower() in _KEYWORDS:
        id_ += "_"
    return id_
