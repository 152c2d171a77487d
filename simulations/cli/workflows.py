"""The commands on a workflow and its rules: ``docketsim prove``, ``audit``, ``diff`` and ``draw``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from simulations.cli.common import FAILURE, UNDECIDED, Json, Quiet, Seed, WorkflowName, print_json, report_errors
from workflow.errors import InputError, Problem

__all__ = ["audit", "diff", "draw", "prove"]

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
    seconds: Annotated[float, typer.Option(min=0, help="Time limit for all rules together; the rest stays undecided.")] = 25.0,
    nodes: Annotated[int, typer.Option(min=1, help="Maximum size of one search; raise it if a rule needs more.")] = 200_000,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide each rule for every possible case: proved, or broken by a shortest history. Needs the extra prove.

    Exits with 1 if a rule can be broken or a case can be stuck, and with 3 if anything is undecided.
    """
    with report_errors():
        from workflow.loading import load_workflow
        from workflow.proving.prove import prove as decide

        loaded = load_workflow(workflow)
        proof = decide(loaded, _rules(loaded, rules), most_nodes=nodes, seconds=seconds)
        if as_json:
            print_json(proof.json())
        elif not quiet:
            typer.echo("\n".join(proof.render()))
        if proof.failed:
            raise typer.Exit(FAILURE)
        if proof.undecided:
            raise typer.Exit(UNDECIDED)


def audit(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A run folder, or a Parquet, CSV or XES file.")],
    workflow: Annotated[str, typer.Option(metavar="W", help="The workflow to audit against.")],
    rules: Rules = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="The column of the case, the activity, the time, or a fact."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the offending cases to this CSV file.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Audit a log: moves that the workflow does not allow, and rules that cases broke."""
    with report_errors():
        from workflow.auditing.audit import audit as judge
        from workflow.auditing.log_files import read_log
        from workflow.loading import load_workflow

        loaded = load_workflow(workflow)
        mapping = {}
        for pair in columns or ():
            name, equals, column = pair.partition("=")
            if not equals:
                raise InputError([f"--map {pair}: must be name=column, such as case=docket_number"])
            mapping[name.strip()] = column.strip()
        all_rules = _rules(loaded, rules)
        report = judge(read_log(log, loaded, mapping), all_rules)
        if out is not None:
            _write_offending(out, report.offending())
        if as_json:
            print_json(report.json())
        elif not quiet:
            typer.echo("\n".join(report.render()))
            if out is not None:
                typer.echo(f"The offending cases: {out}")
        if report.failed:
            raise typer.Exit(FAILURE)


def _write_offending(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv

    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["case", "against", "at", "word"])
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError([f"--out {path}: cannot be written: {error.strerror}"]) from None


def diff(
    one: Annotated[str, typer.Argument(metavar="WORKFLOW_A", help="A workflow: a built-in name or a path.")],
    other: Annotated[str, typer.Argument(metavar="WORKFLOW_B", help="The other workflow.")],
    people: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO",
            help="Count the people of this scenario; default: pilot, or every kind of case if the facts differ.",
        ),
    ] = None,
    seed: Seed = 1,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show which cases two workflows decide differently, with an example, and count them in a scenario."""
    with report_errors():
        from simulations.chance.draws import SamplePath
        from simulations.loading import load_scenario
        from simulations.scenarios.population import draw_cases
        from workflow.loading import load_workflow
        from workflow.model.definition import as_written
        from workflow.proving.difference import diff as compare

        a, b = load_workflow(one), load_workflow(other)
        if people is None and load_scenario("pilot").workflow.facts.keys() == a.facts.keys():
            people = "pilot"
        cases = draw_cases(load_scenario(people), SamplePath(seed, 1)).columns if people is not None else None
        result = compare(a, b, cases)
        if as_json:
            print_json(result.json())
        elif not quiet:
            counted = f"people of {people}" if people is not None else "kinds of cases"
            typer.echo(f"{result.total:,} {counted}: {result.same:,} are decided alike by {a.name} and {b.name}")
            for region in result.regions:
                odd = {k: v for k, v in region.example.items() if k in a.facts and v != a.defaults[k]}
                example = ", ".join(f"{k} = {as_written(v)}" for k, v in odd.items()) or "every fact at its default"
                typer.echo(f"\n{region.count:,} differ when {region.when}")
                typer.echo(f"  for example {example}" if region.example else "  whatever their facts")
                typer.echo(f"  decided by {b.name}, unlike {a.name}:")
                for change in region.decided:
                    typer.echo(f"    {change}")


def draw(
    workflow: WorkflowName,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .svg or .mmd file; default: Mermaid on standard output.")
    ] = None,
) -> None:
    """Draw a workflow as a map of its states and transitions."""
    with report_errors():
        from workflow.drawing.drawing import mermaid, svg
        from workflow.loading import load_workflow

        if out is not None and out.suffix not in (".svg", ".mmd"):
            raise InputError([f"--out {out}: the file must end in .svg (a picture) or .mmd (Mermaid)"])
        loaded = load_workflow(workflow)
        text = svg(loaded) if out is not None and out.suffix == ".svg" else mermaid(loaded)
        if out is None:
            typer.echo(text)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError([f"--out {out}: cannot be written: {error.strerror}"]) from None
        typer.echo(f"{loaded.name}: drawn to {out}", err=True)
