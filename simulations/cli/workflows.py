"""The commands on a workflow and its rules: ``docketsim prove``, ``audit``, ``diff`` and ``draw``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulations.cli.common import (
    FAILURE,
    UNDECIDED,
    Color,
    Json,
    Quiet,
    Seed,
    Workers,
    WorkflowName,
    echo,
    print_json,
    progress_bar,
    report_errors,
    spinner,
    with_workers,
)
from simulations.cli.log_options import LogOptions, with_log_options
from simulations.printing.lines import print_lines
from workflow.errors import InputError, Problem

if TYPE_CHECKING:
    from simulations.comparing.decided import Decided


Rules = Annotated[
    list[Path] | None, typer.Option("--rules", metavar="FILE", help="Add the rules of a file to the workflow's own.")
]


def _rules(workflow: Any, files: list[Path] | None) -> list[Any]:
    """Return the rules of the workflow and of files. Names must be unique."""
    from workflow.loading.rule_files import load_rules

    rules = {rule.name: rule for rule in workflow.rules}
    problems = []
    for rule in (rule for file in files or () for rule in load_rules(file, workflow)[1]):
        if (other := rules.setdefault(rule.name, rule)) is not rule:
            where = f" ({other.position})" if other.position else ""
            message = f"a rule {rule.name!r} already exists{where}: rename or remove this one"
            problems.append(Problem(message, rule.position))
    if problems:
        raise InputError(problems)
    return list(rules.values())


def prove(
    workflow: WorkflowName,
    rules: Rules = None,
    bounds: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO", help="Prove time limits with the delays and clocks of a scenario, where they have an end."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0, help="Time limit for all rules together; the rest stays undecided.")] = 25.0,
    nodes: Annotated[int, typer.Option(min=1, help="Maximum size of one search; raise it if a rule needs more.")] = 200_000,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Decide each rule for every possible case: proved, or broken by a shortest history. Needs the extra prove.

    Exits with 1 if a rule can be broken or a case can be stuck, and with 3 if anything is undecided.
    """
    with report_errors():
        from workflow.loading import load_workflow
        from workflow.proving.prove import prove as decide

        loaded = load_workflow(workflow)
        known = None if bounds is None else _bounds_of(bounds, loaded)
        with spinner("deciding the rules", quiet or as_json):
            proof = decide(loaded, _rules(loaded, rules), most_nodes=nodes, seconds=seconds, bounds=known)
        if as_json:
            print_json(proof.json())
        elif not quiet:
            print_lines(str(proof))
        if proof.failed:
            raise typer.Exit(FAILURE)
        if proof.undecided:
            raise typer.Exit(UNDECIDED)


def _bounds_of(scenario: str, workflow: Any) -> Any:
    """Return the bounds on time of a scenario."""
    from simulations.loading import load_scenario
    from simulations.scenarios.time_bounds import bounds_of

    return bounds_of(load_scenario(scenario), workflow)


@with_log_options
def audit(
    log: Annotated[
        Path,
        typer.Argument(
            metavar="LOG", help="A run folder, an imported log, or a CSV, Parquet, Excel or XES file; CSV and XES also as .gz."
        ),
    ],
    workflow: Annotated[str, typer.Option(metavar="W", help="The workflow to audit against.")],
    rules: Rules = None,
    *,
    options: LogOptions,
    propose_mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a mapping file to edit, nearest names first, and audit nothing.")
    ] = None,
    policies: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="W", help="A workflow that replaced W during the log (its column policy_in_force)."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the cases and moves that are broken, open or unjudged to this CSV file."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Audit a log: moves that the workflow does not allow, and rules that cases broke."""
    with report_errors():
        from workflow.auditing.audit import audit as judge
        from workflow.auditing.log_files import events_of, read_log
        from workflow.auditing.mapping import UnmappedLog
        from workflow.loading import load_workflow

        log = events_of(log)
        loaded = load_workflow(workflow)
        given = options.mapping(loaded)
        if propose_mapping is not None:
            _propose(log, workflow, rules, loaded, given, propose_mapping)
            return
        all_rules = _rules(loaded, rules)
        try:
            with spinner("reading the log", quiet or as_json):
                audited = read_log(log, loaded, given, options.time_zone, [load_workflow(policy) for policy in policies or ()])
        except UnmappedLog as error:
            next_step = f"next: {_proposal_command(log, workflow, rules)} writes a mapping to edit"
            raise InputError([*error.problems, Problem(next_step)]) from None
        with spinner("auditing the log", quiet or as_json):
            report = judge(audited, all_rules)
        if out is not None:
            _write_not_kept(out, report.not_kept())
        if as_json:
            print_json(report.json())
        elif not quiet:
            print_lines(str(report))
            if out is not None:
                echo(f"Cases and moves that are broken, open or unjudged: {out}")
            if report.log.unknown_names and not log.is_dir():
                proposed = f"{_proposal_command(log, workflow, rules)} writes a mapping of the names to edit"
                edited = f"in {options.mapping_file}, put each of these names under names: or leave_out:"
                echo(f"next: {proposed if options.mapping_file is None else edited}")
        if report.failed or report.undecided:
            raise typer.Exit(FAILURE if report.failed else UNDECIDED)


def _propose(log: Path, workflow: str, rules: list[Path] | None, loaded: Any, given: Any, out: Path) -> None:
    """Write a proposal of a mapping, and say what comes next."""
    from simulations.run_folder.whole_files import write_text
    from workflow.auditing.proposal import propose

    if out.exists():
        raise InputError([f"--propose-mapping {out}: exists already; give another name, or read it with --mapping {out}"])
    if log.is_dir():
        raise InputError([f"--propose-mapping: does not apply to a run folder ({log}), whose columns are known"])
    proposal = propose(log, loaded, given)
    write_text(out, proposal.text)
    echo(f"{out}: proposes a step of {loaded.name} for {proposal.n_matched} of {proposal.n_names} activities of the log")
    for missing in proposal.missing:
        echo(f"  to be filled in: {missing}")
    echo(f"next: edit {out}, then {_audit_command(log, workflow, rules)} --mapping {shlex.quote(str(out))}")


def _audit_command(log: Path, workflow: str, rules: list[Path] | None) -> str:
    words = [
        "docketsim",
        "audit",
        str(log),
        "--workflow",
        workflow,
        *(word for file in rules or () for word in ("--rules", str(file))),
    ]
    return shlex.join(words)


def _proposal_command(log: Path, workflow: str, rules: list[Path] | None) -> str:
    """Return the command that proposes a mapping of a log."""
    stem = log.name.partition(".")[0] or "log"
    return f"{_audit_command(log, workflow, rules)} --propose-mapping {shlex.quote(f'{stem}.mapping.yaml')}"


def _write_not_kept(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    from simulations.run_folder.whole_files import write_text
    from simulations.tables.table import as_csv

    columns = ["case", "against", "verdict", "at", "step"]
    write_text(path, as_csv(columns, ([row.get(column) for column in columns] for row in rows)))


def diff(
    one: Annotated[str, typer.Argument(metavar="WORKFLOW_A", help="A workflow: a built-in name or a path.")],
    other: Annotated[str, typer.Argument(metavar="WORKFLOW_B", help="The other workflow.")],
    people: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO",
            help="Count the cases of this scenario, and simulate it with both workflows;"
            " default: count the cases of pilot, or every kind of case if the facts differ.",
        ),
    ] = None,
    replications: Annotated[
        int, typer.Option(min=0, help="Replications to simulate with --people; 0: count only what could be decided otherwise.")
    ] = 5,
    seed: Seed = 1,
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Show which cases two workflows could decide otherwise, with an example; and how many they did when simulated."""
    with report_errors():
        from simulations.chance.draws import SamplePath
        from simulations.loading import load_scenario
        from simulations.printing.workflow_difference import render_decided
        from simulations.scenarios.population import draw_cases
        from workflow.loading import load_workflow
        from workflow.proving.difference import diff as compare

        a, b = load_workflow(one), load_workflow(other)
        counted = people
        if people is None and load_scenario("pilot").workflow.facts.keys() == a.facts.keys():
            counted = "pilot"
        cases = draw_cases(load_scenario(counted), SamplePath(seed, 1)).columns if counted is not None else None
        result = compare(a, b, cases)
        of = f"people of {counted}" if counted is not None else "kind of cases" if result.total == 1 else "kinds of cases"
        if not (as_json or quiet):
            print_lines("\n".join(result.render(of)))
        decided, reason = None, None
        if people is not None and replications:
            decided, reason = _simulate_both(one, other, people, replications, seed, workers, quiet or as_json)
        if as_json:
            print_json({**result.json(), "simulated": None if decided is None else decided.json(), "not_simulated": reason})
        elif not quiet and (decided or reason):
            print_lines("\n" + ("\n".join(render_decided(decided)) if decided else f"Not simulated: {reason}"))


def _simulate_both(
    one: str, other: str, people: str, replications: int, seed: int, workers: int | None, silent: bool
) -> tuple[Decided | None, str | None]:
    """Simulate a scenario with both workflows; return the reason if it does not fit one of them."""
    from simulations.comparing.decided import simulate_both
    from simulations.loading import load_scenario
    from simulations.running.options import RunOptions

    try:
        first = load_scenario(people, [f"workflow={one}"])
        options = with_workers(RunOptions(replications=replications, seed=seed), workers, first, replications, 2)
        with progress_bar(silent) as progress:
            return simulate_both(one, other, people, options, progress), None
    except InputError as error:
        return None, f"{people} does not fit both workflows: {'; '.join(p.message for p in error.problems)}"


def draw(
    workflow: WorkflowName,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .svg or .mmd file; default: Mermaid on standard output.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="WORKFLOW", help="Mark what differs from this workflow. Needs an .svg file.")
    ] = None,
) -> None:
    """Draw a workflow as a map of its states and transitions.

    Conditions are in short under the arrows, and transitions that no case can ever take are grey.
    """
    with report_errors():
        from simulations.run_folder.whole_files import write_text
        from workflow.drawing.drawing import svg
        from workflow.drawing.mermaid import mermaid
        from workflow.loading import load_workflow
        from workflow.proving.findings import greyed

        if out is not None and out.suffix not in (".svg", ".mmd"):
            raise InputError([f"--out {out}: the file must end in .svg (a picture) or .mmd (Mermaid)"])
        is_picture = out is not None and out.suffix == ".svg"
        if against is not None and not is_picture:
            raise InputError(["--against marks what differs in a picture; give --out a file that ends in .svg"])
        loaded = load_workflow(workflow)
        other = None if against is None else load_workflow(against)
        text = svg(loaded, never=greyed(loaded), against=other) if is_picture else mermaid(loaded)
        if out is None:
            echo(text)
            return
        write_text(out, text)
        echo(f"{loaded.name}: drawn to {out}", err=True)
