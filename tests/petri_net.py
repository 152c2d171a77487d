"""A workflow as an accepting Petri net of pm4py: what its states allow, without its guards."""

from __future__ import annotations

from typing import Any

from workflow.model.definition import Workflow

__all__ = ["net_of"]


def net_of(workflow: Workflow) -> tuple[Any, Any, Any]:
    """Return the net, its initial and its final marking: a place for each state; a case begins in an entry state and rests anywhere.

    An event that moves nothing is a loop in the states in which it happens, but not where an unguarded transition upon it must
    follow.
    """
    from pm4py.objects.petri_net.obj import Marking, PetriNet
    from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to

    net = PetriNet(workflow.name)
    places = {name: PetriNet.Place(name) for name in ["start", "end", *(f"in {state}" for state in workflow.states)]}
    net.places.update(places.values())

    def move(label: str | None, source: str, target: str) -> None:
        transition = PetriNet.Transition(f"{label} {source} {target}", label)
        net.transitions.add(transition)
        add_arc_from_to(places[source], transition, net)
        add_arc_from_to(transition, places[target], net)

    must_move = {(s, event) for t in workflow.transitions if t.guard is None for s in t.sources for event in t.events}
    for t in workflow.transitions:
        for source in t.sources:
            move(t.name, f"in {source}", f"in {t.target or source}")
    for state in workflow.states:
        move(None, f"in {state}", "end")
        for event in workflow.events.values():
            if state in event.states and (state, event.name) not in must_move:
                move(event.name, f"in {state}", f"in {state}")
    for state in workflow.entry_states:
        move(None, "start", f"in {state}")
    return net, Marking({places["start"]: 1}), Marking({places["end"]: 1})
