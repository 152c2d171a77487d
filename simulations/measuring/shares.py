"""Which declared ratios are shares: ratios whose numerator counts only cases that the denominator counts too."""

from __future__ import annotations

from collections.abc import Iterable

from simulations.scenarios.scenario import Scenario
from workflow.files.format import MeasureEntry


def is_share(over: str, under: str, scenario: Scenario) -> bool:
    """Return whether one declared count can never exceed another, whatever happens in a run.

    Parameters
    ----------
    over, under : str
        Measures that the workflow declares.

    Notes
    -----
    It is so if the counted names and conditions of `under` include those of `over`; or if, without a warm-up, nothing that
    `over` counts can happen to a case before something that `under` counts.
    """
    counts = {entry.measure: entry for entry in scenario.workflow.measures if entry.cases}
    wholes = {name: entry for entry in counts.values() for name in (entry.measure, *(entry.split or {}))}
    part, whole = wholes.get(over), counts.get(under)
    if part is None or whole is None:
        return False
    conditions = whole.giving in (None, part.giving) and whole.if_ in (None, part.if_)
    names = set(part.cases or ()), set(whole.cases or ())
    if conditions and names[0] <= names[1]:
        return True
    unconditional = whole.giving is None and whole.if_ in (None, part.if_)
    return unconditional and scenario.warm_up is None and not names[0] & _possible(scenario, without=whole)


def _possible(scenario: Scenario, without: MeasureEntry) -> set[str]:
    """Return the transitions and events that can happen to a case before anything that a measure counts."""
    cut = set(without.cases or ())
    transitions = [t for workflow in scenario.workflows for t in workflow.transitions if t.name not in cut]
    events = {name for workflow in scenario.workflows for name in workflow.events} - cut
    states, happened = _starts(scenario), set[str]()
    while True:
        before = len(states) + len(happened)
        happened |= {name for name in events if _may_happen(scenario, name, happened)}
        for t in transitions:
            if states.intersection(t.sources) and (not t.events or happened.intersection(t.events)):
                happened.add(t.name)
                states |= {t.target} - {None}
        if len(states) + len(happened) == before:
            return happened


def _starts(scenario: Scenario) -> set[str | None]:
    """Return the states in which a case can begin: any state, if a table of cases says so."""
    begins: Iterable[str | None] = [*(b.state for b in scenario.backlog), *(s.state for s in scenario.streams)]
    states = set(begins)
    return set(scenario.workflow.states) if None in states else states


def _may_happen(scenario: Scenario, event: str, happened: set[str]) -> bool:
    since = {scenario.transition_names[code] for code in scenario.timing_of(event).since}
    return not since or bool(since & happened)
