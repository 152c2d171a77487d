"""Compare a base scenario with other scenarios, using common random numbers.

Every run has its own folder in the folder of the comparison: ``base``, ``other-1``, ``other-2``. Runs are paired by
replication, and case by case (see `simulations.comparing.paired` and `simulations.comparing.case_pairs`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from simulations.comparing.case_pairs import WHAT, Change, Pairs, pair_cases
from simulations.comparing.differences import Difference
from simulations.comparing.hypotheses import correct
from simulations.comparing.paired import pair
from simulations.measuring.costs import is_certain
from simulations.measuring.descriptors import Family, describe
from simulations.measuring.selection import EVERYTHING, Selection, explain_missing, unknown_courts, unknown_measures
from simulations.run_folder.folders import default_folder
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.whole_files import write_text
from simulations.running.growing import GrowingQueue
from simulations.running.joint_runs import check_each, loaded, open_joint_folder, run_each
from simulations.running.options import RunKeywords, RunOptions, changed_options
from simulations.running.progress import Progress
from simulations.running.recorded import recorded_scenario
from simulations.running.results import Values, read_values
from simulations.running.shown import Answered
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, MissingResult, nearest
from workflow.files.arguments import check_arguments, list_problems
from workflow.files.json_text import check_types, json_text
from workflow.files.opening import read_json
from workflow.files.table import n_of
from workflow.files.validation import format_names, format_value
from workflow.run_files.manifest import check_own_files

if TYPE_CHECKING:
    from simulations import ComparisonPlots

RESULT = "comparison.json"
_DEFAULTS = RunOptions(replications=10)
_MOST_CHANGES = 3  # in the name of a scenario
_OWN_FILES = r"base|other-\d+|\.?comparison\.json.*|report\.html"


@dataclass(frozen=True)
class Comparison(Answered):
    """The results of a base scenario and the others.

    Attributes
    ----------
    against : list of str
        The name of each other scenario.
    differences : list of Difference
        Of every requested measure, court and day.
    cases : dict of str to list of Pairs
        For each other scenario, the numbers of cases that end differently; empty without event logs.
    changes : dict of str to list of Change
    growing : dict of str to list of GrowingQueue
        For the base (``base``) and each other scenario, the queues that are still growing at the end.
    selection : Selection
        The measures and courts that were computed.
    """

    base: Scenario
    folder: Path
    seed: int
    replications: int
    confidence: float
    against: list[str]
    differences: list[Difference]
    cases: dict[str, list[Pairs]] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    growing: dict[str, list[GrowingQueue]] = field(default_factory=dict)
    selection: Selection = EVERYTHING

    @property
    def plot(self) -> ComparisonPlots:
        """Return its figures: ``comparison.plot.differences()`` and ``comparison.plot.pending()``."""
        from simulations import ComparisonPlots

        return ComparisonPlots(self)

    def __repr__(self) -> str:
        against = format_names(self.against)
        return f"<Comparison of {self.base.name!r} with {against}: {n_of(self.replications, 'replication')}, seed {self.seed}, in {self.folder}>"

    def is_detail(self, difference: Difference) -> bool:
        """Return whether a difference adds detail to that of a mean time, and was not asked for by name."""
        return not self.selection.measures and describe(self.base)[difference.measure].is_detail

    def get(self, measure: str, court: str = "all", at: dt.date | None = None, against: str | None = None) -> Difference:
        """Return one difference, by default to the first other scenario.

        Raises
        ------
        MissingResult
            If there is no such difference.
        """
        key = (self.against[0] if against is None else against, measure, court, at)
        for difference in self.differences:
            if (difference.against, difference.measure, difference.court, difference.at) == key:
                return difference
        if key[0] not in self.against:
            hint = nearest(against, self.against)
            raise MissingResult(f"{against!r} is not in the comparison.{hint} It is against {format_names(self.against)}.")
        if measure in (known := describe(self.base)) and known[measure].is_second_view and not self.selection.measures:
            raise MissingResult(
                f"{measure!r} is compared only if it is chosen by name (measures=, or --measure); the reasons for waiting are compared."
            )
        measured = ((d.measure, d.court, d.at) for d in self.differences if d.against == key[0])
        raise MissingResult(explain_missing(self.base, self.selection, measure, court, at, measured))

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "answer": self.sentences,
            "base": self.base.name,
            "against": self.against,
            "run": str(self.folder),
            "seed": self.seed,
            "replications": self.replications,
            "confidence": self.confidence,
            "measures": [d.json() for d in self.differences],
            "cases": [{"against": name, **p.json()} for name, pairs in self.cases.items() for p in pairs],
            "changes": [{"against": name, **c.json()} for name, changes in self.changes.items() for c in changes],
            "growing": {name: [queue.json() for queue in queues] for name, queues in self.growing.items()},
        }


def compare(
    base: Scenario | str | Path,
    *others: Scenario | str | Path,
    changes: Sequence[str] = (),
    other_changes: Sequence[str] = (),
    out: str | Path | None = None,
    options: RunOptions = _DEFAULTS,
    progress: Progress = None,
    **changed: Unpack[RunKeywords],
) -> Comparison:
    """Compare scenarios by common random numbers.

    Parameters
    ----------
    base, others : Scenario, str or Path
        Scenarios, or their names or paths. They have the same `starts` and `ends`.
    changes, other_changes : sequence of str
        Changes of single values: in every scenario, and in the others only.
    out : path, optional
        The folder of all runs. Default: ``runs/compare-<scenario>-<date and time>``.
    options : RunOptions, optional
        Options of each run. Without event logs the case-by-case comparison is skipped. With `measures` and `courts`, only
        these are computed and tested: fewer measures give more statistical power.
    progress : callable or False, optional
        Called with the finished and the total number of replications. Default: a bar in a terminal, a line in a notebook,
        nothing in a pipe. ``False`` shows nothing.
    **changed
        Single options, such as ``replications=20, seed=5``: the fields of `RunOptions`.

    Raises
    ------
    InputError
        For a mistake in the input. Nothing has been written.
    RunFolderExists
        If the folder exists and `resume` is false.
    """
    options = changed_options(options, changed, compare)
    check_arguments(list_problems(changes=changes, other_changes=other_changes))
    first = loaded(base, changes)
    rest = [loaded(other, [*changes, *other_changes]) for other in others]
    _check(first, rest, options)
    check_each([first, *rest], options)
    folder = Path(out) if out is not None else default_folder(f"compare-{first.name}")
    open_joint_folder(folder, options.resume, _OWN_FILES, "comparison")
    scenarios = {"base": first, **{f"other-{k}": one for k, one in enumerate(rest, start=1)}}
    published = (p for one in scenarios.values() for p in one.published)
    days = sorted({*options.at, *(p.at for p in published if options.selection.has(p.measure, p.court))})
    runs = run_each(scenarios, folder, replace(options, at=days), progress)
    names = _names(first, rest, other_changes)
    growing = {name: run.growing for name, run in zip(["base", *names], runs.values(), strict=True)}
    result = Comparison(
        first, folder, options.seed, options.replications, options.confidence, names, [], growing=growing,
        selection=options.selection,
    )  # fmt: skip
    base_folder, *folders = [run.folder for run in runs.values()]
    for name, other, other_folder in zip(names, rest, folders, strict=True):
        numbers = range(1, options.replications + 1)
        values, theirs = read_values(base_folder, numbers), read_values(other_folder, numbers)
        result.differences.extend(paired_differences(result, name, other, values, theirs, {None, *options.at}))
        if options.keep == "events":
            result.cases[name], result.changes[name] = pair_cases(
                first, base_folder, other, other_folder, options.seed, range(1, options.replications + 1), options.confidence
            )
    write_text(folder / RESULT, json_text(result.json(), indent=2) + "\n", folders=False)
    return result


def read_comparison(folder: str | Path) -> Comparison:
    """Read the result of a comparison from its folder.

    Raises
    ------
    InputError
        If it is not the folder of a comparison, or its base cannot be read.
    """
    folder = Path(folder)
    check_own_files(folder)
    try:
        content = read_json(folder / RESULT)
        confidence = content["confidence"]
        differences = [Difference.of_json(row) for row in content["measures"]]
        cases: dict[str, list[Pairs]] = {}
        changes: dict[str, list[Change]] = {}
        for row in content["cases"]:
            cases.setdefault(row.pop("against"), []).append(Pairs(**row))
        for row in content["changes"]:
            changes.setdefault(row.pop("against"), []).append(Change(**row))
        growing = {name: [GrowingQueue.of_json(row) for row in rows] for name, rows in content["growing"].items()}
        check_types(list[Difference], differences)
        check_types(dict[str, list[Pairs]], cases)
        check_types(dict[str, list[Change]], changes)
        check_types(dict[str, list[GrowingQueue]], growing)
        check_types(
            tuple[int, int, float, list[str]], tuple(content[key] for key in ("seed", "replications", "confidence", "against"))
        )
        if not 0 < confidence < 1:
            raise ValueError(f"confidence: must be between 0 and 1, not {confidence:g}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError([f"{folder}: is not the folder of a comparison: {RESULT}: {reason}"]) from None
    manifest = read_manifest(folder / "base")
    base = recorded_scenario(folder / "base", manifest, what="be read")
    selection = Selection(manifest.get("measures", ()), manifest.get("courts", ()))
    known = {"measure": describe(base), "court": (*base.courts, "all"), "against": content["against"]}
    for row in differences:
        for key, allowed in known.items():
            if (name := getattr(row, key)) not in allowed:
                raise InputError([f"{folder}: {RESULT}: {key} {name!r} is not in this comparison.{nearest(name, allowed)}"])
    for name, pairs in cases.items():
        if name not in content["against"] or not {(what, "all") for what in WHAT} <= {(pair.what, pair.court) for pair in pairs}:
            raise InputError([f"{folder}: {RESULT}: cases: not all kinds of ends against {name!r}"])
    header = (base, folder, content["seed"], content["replications"], confidence, content["against"])
    return Comparison(*header, differences, cases, changes, growing, selection)


def _check(base: Scenario, others: Sequence[Scenario], options: RunOptions) -> None:
    problems = [] if others else ["compare: give another scenario besides the base"]
    for other in others:
        for name in ("starts", "ends"):
            one, two = getattr(base, name), getattr(other, name)
            if one != two:
                problems.append(
                    f"compare: {name}: {two} in {other.name}, {one} in {base.name}; use the same, such as {name}={one}"
                )
    measures = [name for name in describe(base) if all(name in describe(other) for other in others)]
    courts = [court for court in base.courts if all(court in other.courts for other in others)]
    problems += unknown_measures(options.measures, measures, " of all these scenarios")
    problems += unknown_courts(options.courts, courts)
    if problems:
        raise InputError(problems)


def _names(base: Scenario, others: Sequence[Scenario], changes: Sequence[str]) -> list[str]:
    """Return a unique name for each other scenario: of one that is called as the base, with what differs."""
    names = [base.name]
    for other in others:
        given = changes or (_changes(base.plain(), other.plain()) if other.name == base.name else ())
        name = f"{other.name} with {', '.join(given)}" if given else other.name
        k = sum(one == name or one.startswith(f"{name} (") for one in names)
        names.append(f"{name} ({k + 1})" if k else name)
    return names[1:]


def _changes(base: Any, other: Any) -> list[str]:
    """Return what another scenario has in place of values of the base, such as ``clerks.size=4``; at most three, and how many more.

    Examples
    --------
    >>> pools = {"clerks": {"size": 3, "calendar": "office"}}
    >>> _changes({"pools": pools}, {"pools": {"clerks": {"size": 4}}, "ends": "2024-03-31"})
    ['clerks.size=4', 'without clerks.calendar', 'ends=2024-03-31']
    """
    found = list(_differing(base, other, ()))
    return found if len(found) <= _MOST_CHANGES else [*found[:_MOST_CHANGES], f"{len(found) - _MOST_CHANGES} more"]


def _differing(base: Any, other: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(base, dict) and isinstance(other, dict):
        for key in {**base, **other}:
            if key not in other:
                yield f"without {'.'.join([*path, str(key)][-2:])}"
            elif base.get(key) != other[key]:
                yield from _differing(base.get(key), other[key], (*path, str(key)))
    elif isinstance(other, dict | list):
        yield f"another {'.'.join(path[-2:])}"
    else:
        yield f"{'.'.join(path[-2:])}={other if isinstance(other, str) else format_value(other)}"


def paired_differences(
    comparison: Comparison, against: str, scenario: Scenario, values: Values, theirs: Values, days: Container[dt.date | None]
) -> list[Difference]:
    """Pair every measure that both runs have, and correct for multiple tests; second views of a wait only by name.

    Parameters
    ----------
    values, theirs : mapping
        The values of the base and of the other scenario, of the same replications.
    days : container of date or None
        The days to compare; ``None`` is the end of the run.
    """
    descriptors, scenarios = describe(comparison.base), (comparison.base, scenario)
    differences, vectors = [], []
    for key, mine in values.items():
        measure, court, by, _, at, unit = key
        if by is not None or at not in days or key not in theirs:
            continue
        descriptor = descriptors[measure]
        if descriptor.family is Family.UNCERTAIN or (descriptor.is_second_view and not comparison.selection.measures):
            continue
        pairs = [(a, b) for a, b in zip(mine, theirs[key], strict=True) if a is not None and b is not None]
        comparable = len(pairs) == len(mine) or (bool(pairs) and not descriptor.is_date)
        bounded = descriptor.low is not None and descriptor.high is not None
        widest = descriptor.high - descriptor.low if bounded else math.inf  # type: ignore[operator]
        one, two = [a for a, _ in pairs], [b for _, b in pairs]
        paired = pair(one, two, comparison.confidence, widest) if comparable else None
        certain = (paired is not None and not paired.spread) and all(is_certain(measure, s) for s in scenarios)
        differences.append(Difference(against, measure, court, at, unit, paired, certain))
        vectors.append([None if a is None or b is None else b - a for a, b in zip(mine, theirs[key], strict=True)])
    return correct(differences, vectors, scenarios, 1 - comparison.confidence)
