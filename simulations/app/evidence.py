"""The replications that a session has so far, of the baseline and of the what-if, and what they show together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulations.app.tasks import Finished, Side
from simulations.comparing.comparison import Comparison, paired_differences
from simulations.comparing.differences import Difference
from simulations.report.comparison import differences_figure, pending_figure
from simulations.report.figure import Figure
from simulations.running.in_memory import Replication, RunInMemory, gather_in_memory
from simulations.running.options import CONFIDENCE, ReplicationOptions
from simulations.scenarios.scenario import Scenario
from simulations.statements.of_comparisons import growing_in_each, main_result
from simulations.statements.of_runs import answer
from simulations.tables.comparison import difference_table
from simulations.tables.formatting import court_title
from simulations.tables.ranking import compared, ranked
from simulations.tables.run import court_table, leading_measures, measures_of, row_titles
from simulations.tables.table import Table

WHAT_IF = "what-if"
_MOST_ROWS = 12


@dataclass(frozen=True)
class Shown:
    """What the page shows of a number of replications.

    Attributes
    ----------
    replications : int
    changed : bool
        Whether the what-if differs from the baseline.
    sentences : tuple of str
        The answer, the most important first.
    table : Table
    """

    replications: int
    changed: bool
    sentences: tuple[str, ...]
    table: Table
    comparison: Comparison = field(repr=False)
    base: RunInMemory = field(repr=False)
    what_if: RunInMemory = field(repr=False)

    def figures(self) -> list[Figure]:
        """Return the figures: the differences with their intervals, and pending cases."""
        drawn = [differences_figure(self.comparison, 1, WHAT_IF)] if self.changed else []
        drawn.append(pending_figure(self.comparison, self.base, [self.what_if] if self.changed else []))
        return [figure for figure in drawn if figure is not None]


@dataclass
class Evidence:
    """Replications by side and number. They are paired: replication k of both has the same random numbers."""

    options: ReplicationOptions
    confidence: float = CONFIDENCE
    held: dict[Side, dict[int, Replication]] = field(default_factory=lambda: {"base": {}, "what-if": {}})

    def add(self, finished: Finished) -> None:
        """Add a replication."""
        self.held[finished.side][finished.number] = finished.replication

    def forget(self, side: Side) -> None:
        """Drop the replications of a scenario that has changed."""
        self.held[side] = {}

    def copy(self) -> Evidence:
        """Return the replications so far; later ones are not added to it."""
        return replace(self, held={side: dict(held) for side, held in self.held.items()})

    def missing(self, sides: Sequence[Side]) -> list[tuple[Side, int]]:
        """Return the replications to run, so that both sides grow together."""
        numbers = range(1, self.options.replications + 1)
        return [(side, k) for k in numbers for side in sides if k not in self.held[side]]

    def paired(self, changed: bool) -> list[int]:
        """Return the numbers of the replications that the baseline and, if it is changed, the what-if both have."""
        both = self.held["base"].keys() & self.held["what-if"].keys() if changed else self.held["base"].keys()
        return sorted(both)

    def shown(self, base: Scenario, what_if: Scenario, changed: bool) -> Shown | None:
        """Return what the replications show; ``None`` before the first."""
        numbers = self.paired(changed)
        if not numbers:
            return None
        one = self._run("base", base, numbers)
        two = self._run("what-if", what_if, numbers) if changed else one
        comparison = Comparison(
            base, Path(), self.options.seed, len(numbers), self.confidence, [WHAT_IF] if changed else [], [],
            growing={"base": one.growing, **({WHAT_IF: two.growing} if changed else {})},
        )  # fmt: skip
        if not changed:
            names = leading_measures(one) or [m.name for m in measures_of(one)][:_MOST_ROWS]
            courts = {court: court_title(court, base) for court in ("all", *base.courts)[:7]}
            table = court_table(one, "", f"Leading measures at the end of {base.ends}", names, courts, titles=row_titles(base))
            return Shown(len(numbers), False, tuple(map(_sentence, answer(one))), table, comparison, one, one)
        comparison.differences.extend(paired_differences(comparison, WHAT_IF, what_if, one.values, two.values, {None}))
        count, *main = main_result(comparison, WHAT_IF)
        sentences = [*main, count, *growing_in_each(comparison)]
        table = difference_table(
            comparison, _most_important(comparison), f"Baseline and what-if at the end of {base.ends}", titles=row_titles(base)
        )
        table = table.without("correlation", "var. reduction", "runs needed")
        return Shown(len(numbers), True, tuple(map(_sentence, sentences)), table, comparison, one, two)

    def _run(self, side: Side, scenario: Scenario, numbers: Sequence[int]) -> RunInMemory:
        return gather_in_memory(scenario, {k: self.held[side][k] for k in numbers}, self.options, self.confidence)


def _most_important(comparison: Comparison) -> list[Difference]:
    """Return the differences that stand out, then others of all courts together."""
    first = ranked(comparison, WHAT_IF)
    others = [d for d in compared(comparison, WHAT_IF) if d.court == "all" and not comparison.is_detail(d) and d not in first]
    return [*first, *others][:_MOST_ROWS]


def _sentence(statement: object) -> str:
    return f"{str(statement).removesuffix('.')}."
