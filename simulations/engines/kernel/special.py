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
    return is_special(model) and station.by_teams == 1


@inline
def needs_team(model, activity):
    """Return whether an activity may need several pools."""
    return is_special(model) and activity.kinds >= 0


@inline
def has_dates(model, station):
    """Return whether cases are booked for hearing dates of a station."""
    return is_special(model) and station.dates >= 0


@inline
def is_booked(model, activity):
    """Return whether cases are booked for a date of an activity."""
    return is_special(model) and activity.notice != NONE


@inline
def serves_together(model, station):
    """Return whether a station serves several cases at once."""
    return is_special(model) and station.most > 0


@inline
def preempts(model, station):
    """Return whether urgent cases interrupt the work of a station."""
    return is_special(model) and station.preempts == 1


@inline
def may_interrupt(model, station):
    """Return whether work of a station may be interrupted."""
    return is_special(model) and station.interrupts == 1


@inline
def was_interrupted(model, case):
    """Return whether the work on a case was interrupted."""
    return is_special(model) and case.interrupted == 1


@inline
def is_ranked(model, station):
    """Return whether the priorities of a station differ from case to case."""
    return is_special(model) and station.ranked == 1


@inline
def has_limit(model, station):
    """Return whether the queue of a station has a limit."""
    return is_special(model) and station.limit >= 0


@inline
def has_patience(model, station):
    """Return whether cases of a station are served after a time, although they are few."""
    return is_special(model) and station.patience >= 0


@inline
def transfers(model, transition):
    """Return whether a transition may move a case to another court."""
    return is_special(model) and transition.transfer != NONE
