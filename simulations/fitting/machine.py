"""Find the states and moves of a log: the state of a case is what the log says, or what its last move has left open.

States after different moves are one state if the same moves follow them, equally often and equally fast.
Moves that few cases make are set aside, the rarest first, as long as a share of the cases stays that makes none of them.

References
----------
Biermann, A. W. and Feldman, J. A. (1972). On the synthesis of finite-state machines from samples of their behavior. IEEE
Transactions on Computers C-21, 592-597 (states that have the same futures are one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.raw_log import RawLog
from workflow.auditing.life_cycle import NO_START
from workflow.model.definition import COMPLETE, ENTER

Integers = NDArray[np.int64]

_DIFFERENT = 0.001
"""Two states are told apart if the log would differ so much in fewer of such cases."""

_NEAR = 1.0
"""States are compared by a test only if the shares of their moves differ by less in all."""

_RESTS = 0.05
_MOST_MERGED = 5_000
_FEW = 20


@dataclass
class Node:
    """A state.

    Attributes
    ----------
    after : list of int
        The labels after which a case is here; empty for the beginning, or where the log names its states.
    told : str or None
        The name that the log gives.
    moves : dict of int to int
        How often each label leaves it.
    target : dict of int to int
        The node to which each label leads.
    kind : {"final", "resting", "instant", "activity"}
    by_event : set of int
        The labels that leave it upon an event.
    stays : ndarray of int64
        How long each visit lasted, in microseconds; of the last visit of a case, up to the end of observation.
    left : ndarray of bool
        Whether the visit ended.
    rows : ndarray of int64
        The row that ended each visit, of those that ended.
    n_started : dict of int to int
        How often the work before a label has a start.
    keeps : bool
        Whether cases stay for good although work leads out of the state.
    """

    after: list[int]
    told: str | None
    moves: dict[int, int] = field(default_factory=dict)
    target: dict[int, int] = field(default_factory=dict)
    kind: str = "activity"
    by_event: set[int] = field(default_factory=set)
    stays: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    left: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    rows: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    n_started: dict[int, int] = field(default_factory=dict)
    keeps: bool = False


@dataclass(frozen=True)
class Machine:
    """The states of a log, and what was set aside.

    Attributes
    ----------
    nodes : dict of int to Node
    before : ndarray of int64, shape (n_rows,)
        The node before each row.
    kept : ndarray of bool, shape (n_cases,)
        The cases that are described.
    aside : list of (str, str, int)
        The moves that were set aside: the label before, the label, and the number of cases.
    begins : tuple of int
        The nodes in which cases begin.
    """

    nodes: dict[int, Node]
    before: Integers
    kept: NDArray[np.bool_]
    aside: list[tuple[str, str, int]]
    begins: tuple[int, ...]


def find_machine(log: RawLog, cover: float) -> Machine:
    """Return the states and moves that describe at least a share `cover` of the cases."""
    before, after, told = _nodes_of_rows(log)
    leader = np.arange(len(log.labels) + 1)
    if told is None:  # before moves are set aside: a rare move of a state that is two in the log would count as two rarer ones
        every = _nodes(log, np.arange(len(log.label)), before, after, None, leader)
        often = [k for k, node in every.items() if len(node.rows) >= _FEW and k < len(log.labels)]
        leader = _merged(log, every, [often])
        before, after = leader[before], leader[after]
    kept, aside = _covered(log, before, after, told, cover)
    rows = np.flatnonzero(kept[log.case])
    nodes = _nodes(log, rows, before, after, told, leader)
    if told is None:
        same: dict[tuple[int, ...], list[int]] = {}
        for k, node in nodes.items():
            if node.moves and k < len(log.labels):
                same.setdefault(tuple(sorted(node.moves)), []).append(k)
        before = _merged(log, nodes, same.values())[before]
    for node in nodes.values():
        _find_kind(node)
    _find_events(nodes, told_events(log))
    firsts = log.first[:-1][(np.diff(log.first) > 0) & kept]
    counts = Counter(before[firsts].tolist())
    return Machine(nodes, before, kept, aside, tuple(k for k, _ in counts.most_common()))


def _nodes(
    log: RawLog, rows: Integers, before: Integers, after: Integers, told: Sequence[str] | None, leader: Integers
) -> dict[int, Node]:
    """Return the states of some rows; without names, each is that after the labels of which it is the leader."""
    members: dict[int, list[int]] = {}
    for label in np.unique(log.label[rows]).tolist() if told is None else ():
        members.setdefault(int(leader[label]), []).append(label)
    nodes = {k: Node(members.get(k, []), None if told is None else told[k]) for k in _used(before[rows], after[rows])}
    for source, label, target in set(zip(before[rows].tolist(), log.label[rows].tolist(), after[rows].tolist(), strict=True)):
        nodes[source].target[label] = target
    _fill(log, nodes, rows, before, after)
    return nodes


def _used(before: Integers, after: Integers) -> list[int]:
    return list(dict.fromkeys([*np.unique(before).tolist(), *np.unique(after).tolist()]))


# states of rows -----------------------------------------------------------------------------------------


def _nodes_of_rows(log: RawLog) -> tuple[Integers, Integers, list[str] | None]:
    """Return the node before and after each row, and the names of the nodes if the log tells its states."""
    told = _told(log)
    if told is not None:
        return told
    before = np.concatenate([[0], log.label[:-1]])
    before[log.first[:-1][np.diff(log.first) > 0]] = len(log.labels)
    return before.astype(np.int64), log.label.copy(), None


def _told(log: RawLog) -> tuple[Integers, Integers, list[str]] | None:
    """Return the states that a log tells, if every label leads to one state."""
    if log.state is None or (log.state == "").any():
        return None
    following = np.append(log.state[1:], "").astype(object)
    following[log.first[1:][np.diff(log.first) > 0] - 1] = ""
    after = following if log.to_state is None else np.where(log.to_state == "", following, log.to_state)
    names = sorted({*log.state.tolist(), *after.tolist()} - {""})
    index = {name: k for k, name in enumerate(names)}
    before = np.array([index[s] for s in log.state.tolist()], np.int64)
    to = np.array([index.get(s, -1) for s in after.tolist()], np.int64)
    for label in np.unique(log.label).tolist():
        mine = np.flatnonzero(log.label == label)
        known = to[mine][to[mine] >= 0]
        stays = before[mine][to[mine] >= 0] == known
        if not len(known):  # the last move of every case that makes it
            to[mine] = len(names)
            names.append(f"after {log.labels[label]}")
            continue
        if not (len(set(known.tolist())) == 1 or stays.all()):
            return None  # the column has another meaning
        to[mine] = np.where(to[mine] >= 0, to[mine], before[mine] if stays.all() and len(set(known.tolist())) > 1 else known[0])
    return before, to, names


# cover --------------------------------------------------------------------------------------------------


def _covered(
    log: RawLog, before: Integers, after: Integers, told: Sequence[str] | None, cover: float
) -> tuple[NDArray[np.bool_], list[tuple[str, str, int]]]:
    """Return the cases that stay, and the moves that were set aside with their numbers of cases."""
    n_cases = len(log.names)
    arc, inverse = np.unique(before * (len(log.labels) + 1) + log.label, return_inverse=True)
    of_case = np.unique(log.case * len(arc) + inverse)
    n_with = np.bincount(of_case % len(arc), minlength=len(arc))
    rarest = np.full(n_cases, n_cases + 1)
    np.minimum.at(rarest, log.case, n_with[inverse])
    ordered = np.sort(rarest)[::-1]
    needed = min(max(int(np.ceil(cover * n_cases - 1e-9)), 1), n_cases)
    least = ordered[needed - 1]
    kept = rarest >= least
    aside = []
    for k in np.flatnonzero(n_with < least)[::-1].tolist():
        source, label = divmod(int(arc[k]), len(log.labels) + 1)
        where = told[source] if told is not None else log.labels[source] if source < len(log.labels) else ""
        aside.append((where, log.labels[label], int(n_with[k])))
    return kept, sorted(aside, key=lambda a: -a[2])


# visits -------------------------------------------------------------------------------------------------


def visits(log: RawLog, rows: Integers) -> Integers:
    """Return how long the visit that each row ends has lasted: since the row before, or the arrival."""
    since = np.concatenate([[0], log.at[:-1]])
    firsts = np.flatnonzero(np.diff(log.first) > 0)
    arrived = log.arrived_at[firsts]
    since[log.first[firsts]] = np.where(arrived == NO_START, log.at[log.first[firsts]], arrived)
    stays: Integers = np.maximum(log.at - since, 0)[rows]
    return stays


def _fill(log: RawLog, nodes: dict[int, Node], rows: Integers, before: Integers, after: Integers) -> None:
    """Write the visits of the described cases into the nodes."""
    stay = visits(log, rows)
    lasts = np.flatnonzero(np.isin(rows, log.first[1:] - 1))
    still = np.maximum(log.end - log.at[rows[lasts]], 0)
    for k, node in nodes.items():
        mine = np.flatnonzero(before[rows] == k)
        waits = lasts[after[rows[lasts]] == k]
        node.rows = rows[mine]
        node.stays = np.concatenate([stay[mine], still[np.searchsorted(lasts, waits)]])
        node.left = np.concatenate([np.ones(len(mine), bool), np.zeros(len(waits), bool)])
        _count(log, node)


def _count(log: RawLog, node: Node) -> None:
    labels = log.label[node.rows]
    started = log.started_at[node.rows] != NO_START
    node.moves = dict(Counter(labels.tolist()).most_common())
    node.n_started = {label: int(started[labels == label].sum()) for label in node.moves}


def _merged(log: RawLog, nodes: dict[int, Node], groups: Iterable[list[int]]) -> Integers:
    """Merge the nodes of each group that the log cannot tell apart, and return the node that each has become."""
    replaced: dict[int, int] = {}
    for group in groups:
        leaders: list[int] = []
        for k in sorted(group, key=lambda k: -len(nodes[k].stays)):
            same = next((leader for leader in leaders if _alike(log, nodes[leader], nodes[k])), None)
            if same is None:
                leaders.append(k)
                continue
            replaced[k] = same
            one, other = nodes[same], nodes.pop(k)
            one.after = sorted([*one.after, *other.after])
            one.rows = np.concatenate([one.rows, other.rows])
            one.stays = np.concatenate(
                [one.stays[one.left], other.stays[other.left], one.stays[~one.left], other.stays[~other.left]]
            )
            one.left = np.arange(len(one.stays)) < len(one.rows)
            _count(log, one)
    for node in nodes.values():
        node.target = {label: replaced.get(k, k) for label, k in node.target.items()}
    return np.array([replaced.get(k, k) for k in range(len(log.labels) + 1)], np.int64)


def _alike(log: RawLog, one: Node, other: Node) -> bool:
    """Return whether the same moves follow two states equally often and equally fast, as far as the log tells."""
    from scipy import stats

    if min(len(one.rows), len(other.rows)) < _FEW:
        return True
    labels = sorted({*one.moves, *other.moves})
    table = np.array([[node.moves.get(label, 0) for label in labels] for node in (one, other)])
    if np.abs(table[0] / table[0].sum() - table[1] / table[1].sum()).sum() > _NEAR:
        return False
    if table.shape[1] > 1 and stats.chi2_contingency(table).pvalue < _DIFFERENT:
        return False
    share = [node.left.mean() for node in (one, other)]
    if abs(share[0] - share[1]) > 0.25:
        return False
    first, second = (node.stays[node.left][-_MOST_MERGED:].astype(float).tolist() for node in (one, other))
    return bool(stats.ks_2samp(first, second).pvalue >= _DIFFERENT)


# kinds --------------------------------------------------------------------------------------------------


def _find_kind(node: Node) -> None:
    """Set the kind of a state.

    It rests if cases stay for good: of the visits that could have lasted twice as long as 95 percent of those that ended,
    more than 5 percent have. Work with a start never rests.
    """
    if not node.moves:
        node.kind = "final"
        return
    ended = node.stays[node.left]
    if not ended.any() and node.left.all():
        node.kind = "instant"
        return
    is_work = sum(node.n_started.values()) > 0.5 * len(node.rows)
    long = 2 * np.quantile(ended, 0.95)
    stayed = int(((node.stays > long) & ~node.left).sum())
    if not is_work and stayed >= 5 and stayed > _RESTS * len(ended) / (1 - _RESTS):
        node.kind = "resting"


def _find_events(nodes: dict[int, Node], told: Collection[int]) -> None:
    """Find the moves upon an event: those that the log says, that leave resting states, or have no start where others have one.

    A move upon an event is one in every state. The clock of an event runs on from one of its states to the next. So a move that
    leaves resting states is one only if no move leads from one of them to another, and it leaves no other state. A state that
    would rest otherwise is left by work, of which a share never ends. A state that is left upon events only rests.
    """
    events = set(told)
    timed = [node for node in nodes.values() if node.kind == "activity"]
    if any(n > 0.5 * node.moves[label] for node in timed for label, n in node.n_started.items()):
        for node in timed:
            events |= {label for label, n in node.n_started.items() if n <= 0.05 * node.moves[label]}
    for k, node in nodes.items():
        stays_here = node.told is not None and node.moves
        events |= {label for label, target in node.target.items() if stays_here and target == k and not node.n_started.get(label)}
    events |= _of_resting(nodes, events)
    for node in nodes.values():
        if node.kind == "instant" and events & node.moves.keys():
            node.kind = "activity"
        node.by_event = events & node.moves.keys()
        if node.moves and node.by_event == node.moves.keys():
            node.kind = "resting"
        elif node.kind == "resting":
            node.kind, node.keeps = "activity", True


def told_events(log: RawLog) -> Mapping[int, str]:
    """Return the event that triggers each label, where an export of docketsim says so."""
    if log.cause is None:
        return {}
    told = {}
    for label in np.unique(log.label).tolist():
        causes = Counter(log.cause[log.label == label].tolist())
        cause = max(causes, key=causes.__getitem__)
        if cause not in (COMPLETE, ENTER, "") and causes[cause] == causes.total():
            told[label] = cause
    return told


def _of_resting(nodes: dict[int, Node], events: set[int]) -> set[int]:
    """Return the moves that leave resting states only, none of which leads to another of them."""
    resting = {k for k, node in nodes.items() if node.kind == "resting"}
    while True:
        labels = {label for k in resting for label in nodes[k].moves} - events
        sources = {label: [k for k, node in nodes.items() if label in node.moves] for label in labels}
        adjacent = {label: any(t in of and t != k for k in of for t in nodes[k].target.values()) for label, of in sources.items()}
        wrong = {label for label in labels if adjacent[label] or not resting.issuperset(sources[label])}
        if not wrong:
            return labels
        resting -= {k for label in wrong for k in sources[label]}
