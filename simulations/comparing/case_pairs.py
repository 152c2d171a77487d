"""Compare each case of a base scenario with the same case of another scenario.

Two cases are the same if they have the same random draws: the same court, origin and number, whatever the workflow.
Pairs are matched by the keys of these draws, which are recomputed from seed and replication.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulations.chance.draws import SamplePath
from simulations.run_folder.folders import parts_of
from simulations.running.intervals import interval
from simulations.scenarios.population import draw_cases
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import StateKind
from workflow.run_files.tables import readable
from workflow.sql.quoting import parquet, text
from workflow.sql.reading import reader

DECIDED, ONE_ONLY, ELSEWHERE = "decided otherwise", "decided in one only", "elsewhere, undecided"
ONLY_BASE, ONLY_OTHER, ALIKE = "in the base only", "in the other only", "alike"
WHAT = (DECIDED, ONE_ONLY, ELSEWHERE, ONLY_BASE, ONLY_OTHER, ALIKE)
_MOST_CHANGES = 50


@dataclass(frozen=True, slots=True)
class Pairs:
    """The mean number of cases of a court in one category of the case-by-case comparison.

    Attributes
    ----------
    what : str
        One of `WHAT`. A case is decided in a final or resting state. It is decided otherwise if it ends in another
        state, or reached the state by another transition.
    """

    what: str
    court: str
    mean: float
    low: float | None
    high: float | None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {name: getattr(self, name) for name in ("what", "court", "mean", "low", "high")}


@dataclass(frozen=True, slots=True)
class Change:
    """The mean number of cases that have one end in the base and another end in the other scenario, in all courts.

    Attributes
    ----------
    base, other : str
        The state at the end of the run in each scenario.
    mean : float
        The mean number of cases over replications.
    """

    base: str
    other: str
    mean: float

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"base": self.base, "other": self.other, "mean": self.mean}


def pair_cases(
    base: Scenario, base_folder: Path, other: Scenario, other_folder: Path, seed: int, replications: Sequence[int],
    confidence: float,
) -> tuple[list[Pairs], list[Change]]:  # fmt: skip
    """Pair every case of two runs, and count how they ended.

    Parameters
    ----------
    base_folder, other_folder : Path
        Run folders of these replications, with event logs.

    Returns
    -------
    list of Pairs, list of Change
        The changes, largest first.
    """
    of_court: dict[tuple[str, str], list[int]] = {}
    changes: Counter[tuple[str, str]] = Counter()
    decided = _decided(base), _decided(other)
    parts = [parts_of(folder, "events") for folder in (base_folder, other_folder)]
    for index, k in enumerate(replications):
        with readable(base_folder, other_folder):
            paired = _pairs(base, other, [of[k] for of in parts], seed, k)
        for court, one, two, n in paired:
            what = _what(one, two, *decided)
            for where in (court, "all"):
                of_court.setdefault((what, where), [0] * len(replications))[index] += n
            if what != ALIKE:
                changes[_describe(one), _describe(two)] += n
    courts = [*dict.fromkeys([*base.courts, *other.courts]), "all"]
    pairs = []
    for what in WHAT:
        for court in courts:
            counts = of_court.get((what, court), [0] * len(replications))
            low, high = interval(counts, confidence) or (None, None)
            pairs.append(Pairs(what, court, sum(counts) / len(counts), low, high))
    listed = [Change(one, two, n / len(replications)) for (one, two), n in changes.most_common(_MOST_CHANGES)]
    return pairs, listed


End = tuple[str, str | None] | None


def _decided(scenario: Scenario) -> set[str]:
    return {name for name, s in scenario.workflow.states.items() if s.kind in (StateKind.FINAL, StateKind.RESTING)}


def _what(one: End, two: End, decided_one: set[str], decided_two: set[str]) -> str:
    if one is None or two is None:
        return ONLY_OTHER if one is None else ONLY_BASE
    first, second = one[0] in decided_one, two[0] in decided_two
    if first != second:
        return ONE_ONLY
    return ALIKE if (one == two if first else one[0] == two[0]) else DECIDED if first else ELSEWHERE


def _describe(end: End) -> str:
    return "not there" if end is None else end[0] if end[1] is None else f"{end[0]} ({end[1]})"


def _pairs(
    base: Scenario, other: Scenario, parts: Sequence[Path], seed: int, replication: int
) -> list[tuple[str, End, End, int]]:
    """Count the cases of each court by their ends in both scenarios, from the parts of their events."""
    with reader(parts, threads=1) as connection:
        ends = {}
        for name, scenario, part in (("one", base, parts[0]), ("two", other, parts[1])):
            connection.register(f"keys_{name}", _keys(scenario, seed, replication))
            resting = ", ".join(map(text, sorted(_decided(scenario)))) or "''"
            ends[name] = f"""(
                select key, court_name, state, case when state in ({resting}) then moved_by end as moved_by from (
                    select case_id, arg_max(to_state, sequence) as state,
                        arg_max(transition, sequence) filter (from_state is distinct from to_state) as moved_by
                    from {parquet([part])} where replication = {replication} group by case_id)
                join keys_{name} using (case_id))"""
        rows = connection.execute(
            "select coalesce(one.court_name, two.court_name), one.key is not null, one.state, one.moved_by,"
            " two.key is not null, two.state, two.moved_by, count(*)"
            f" from {ends['one']} one full join {ends['two']} two using (key) group by all order by all"
        ).fetchall()
    return [
        (court, (state, by) if exists else None, (state_two, by_two) if exists_two else None, n)
        for court, exists, state, by, exists_two, state_two, by_two, n in rows
    ]


def _keys(scenario: Scenario, seed: int, replication: int) -> Mapping[str, Any]:
    cases = draw_cases(scenario, SamplePath(seed, replication))
    return {
        "case_id": np.arange(len(cases), dtype=np.int64),
        "key": cases.keys,
        "court_name": np.array(scenario.courts, object)[cases.court],
    }
