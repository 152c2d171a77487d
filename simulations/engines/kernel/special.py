"""What few models have. It costs nothing where it does not occur, since the kernel is compiled once with and once without it.

`Model.special` is None in a model that has none of this. The compiler knows that, and leaves out all that depends on it.
"""

from __future__ import annotations

from simulations.engines.kernel.arrays import NONE
from simulations.engines.kernel.compiling import inline


@inline
def is_special(model):
    """Return whether the model has any of what few models have."""
    return model.special is not None


@inline
def has_teams(model, station):
    """Return whether cases in the queue of a station may need several pools."""
    return model.special is not None and station.by_teams == 1


@inline
def needs_team(model, activity):
    """Return whether an activity may need several pools."""
    return model.special is not None and activity.kinds >= 0


@inline
def has_dates(model, station):
    """Return whether cases are booked for hearing dates of a station."""
    return model.special is not None and station.dates >= 0


@inline
def is_booked(model, activity):
    """Return whether cases are booked for a date of an activity."""
    return model.special is not None and activity.notice != NONE


@inline
def serves_together(model, station):
    """Return whether a station serves several cases at once."""
    return model.special is not None and station.most > 0


@inline
def preempts(model, station):
    """Return whether urgent cases interrupt the work of a station."""
    return model.special is not None and station.preempts == 1


@inline
def may_interrupt(model, station):
    """Return whether work of a station may be interrupted."""
    return model.special is not None and station.interrupts == 1


@inline
def was_interrupted(model, case):
    """Return whether the work on a case was interrupted."""
    return model.special is not None and case.interrupted == 1


@inline
def is_ranked(model, station):
    """Return whether the priorities of a station differ from case to case."""
    return model.special is not None and station.ranked == 1


@inline
def has_limit(model, station):
    """Return whether the queue of a station has a limit."""
    return model.special is not None and station.limit >= 0


@inline
def has_patience(model, station):
    """Return whether cases of a station are served after a time, although they are few."""
    return model.special is not None and station.patience >= 0


@inline
def transfers(model, transition):
    """Return whether a transition may move a case to another court."""
    return model.special is not None and transition.transfer != NONE
