"""What the worker processes of a session do: replications, verdicts, and the files to download."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from simulations.running.in_memory import Replication, replicate_in_memory
from simulations.running.options import ReplicationOptions, RunOptions
from simulations.running.run_result import RunResult
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.model.definition import Workflow

Side = Literal["base", "what-if"]
Product = Literal["page", "log", "animation"]
SECONDS_A_RULE = 15.0


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished replication of a scenario."""

    side: Side
    number: int
    replication: Replication


@dataclass(frozen=True, slots=True)
class Decided:
    """The verdict on a rule.

    Attributes
    ----------
    lines : tuple of str
        The notes, and the shortest history that breaks the rule.
    """

    rule: str
    decision: str
    lines: tuple[str, ...]


def replicate(
    todo: Sequence[tuple[Side, int]], scenarios: Mapping[Side, Scenario], options: ReplicationOptions
) -> Iterator[Finished | str]:
    """Run replications, and yield each when it is finished; a text says what takes long.

    Where the fast engine is not compiled yet, the first of each scenario runs on the other, which gives the same result.
    """
    from simulations.engines.choosing import prepare, will_compile

    done = set[Side]()
    for side, number in todo:
        chosen = options
        if will_compile(options.engine, scenarios[side], options.replications):
            if side in done:
                yield "Compiling the fast engine, once: about half a minute. The results so far stay."
                prepare("compiled", scenarios[side])
            else:
                chosen = replace(options, engine="simpy")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            replication = replicate_in_memory(scenarios[side], number, chosen)
        done.add(side)
        yield Finished(side, number, replication)


def decide(workflow: Workflow) -> Iterator[Decided]:
    """Decide the rules of a workflow one by one, and yield each verdict."""
    from workflow.proving.proof import Prover
    from workflow.proving.report import Proof, render_verdict

    prover = Prover(workflow)
    for rule in workflow.rules:
        verdict = prover.decide(rule, SECONDS_A_RULE)
        _, *lines = render_verdict(Proof(workflow, (verdict,), None, rules_compared=False), verdict)
        notes = [note for note in (verdict.reason, verdict.vacuous and f"holds vacuously: {verdict.vacuous}") if note]
        yield Decided(rule.name, verdict.decision, (*notes, *(line.strip() for line in lines)))


def produce(product: Product, base: Scenario, what_if: Scenario | None, options: RunOptions, folder: Path) -> Iterator[Path]:
    """Run a scenario, or compare two, and yield the path of the page, or of the log or the animation of the what-if.

    Parameters
    ----------
    folder : Path
        The file stays here. The run folder is deleted.
    """
    from simulations.comparing.comparison import compare
    from simulations.report import write_page
    from simulations.running.runs import run

    with tempfile.TemporaryDirectory(dir=folder) as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = Path(scratch) / "run"
        if product != "page":
            result = run(what_if or base, replace(options, replications=1), out=out, progress=False)
            yield _of_log(product, result, folder)
            return
        if what_if is None:
            run(base, options, out=out, progress=False)
        else:
            compare(base, what_if, out=out, options=options, progress=False)
        yield write_page(out, folder / f"{base.name}.html")


def _of_log(product: Product, result: RunResult, folder: Path) -> Path:
    """Write the log or the animation of a run, and return its path."""
    from simulations.exporting.exports import export
    from simulations.report.animation import standalone
    from simulations.report.contents import contents_of

    name = result.scenario.name
    if product == "log":
        return export(result.folder, "csv", folder / f"{name}-log.csv").path
    moving = contents_of(result).animation
    if moving is None:
        raise InputError(["no case moves, so there is no animation"])
    path = folder / f"{name}-animation.html"
    path.write_text(
        standalone(moving, f"Cases between the states, {result.scenario.starts} to {result.scenario.ends}"), encoding="utf-8"
    )
    return path
