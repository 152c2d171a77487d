"""The result of proofs for a workflow, as text and JSON: verdicts, findings and counterexamples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workflow.deciding.machine import HistoryRow
from workflow.deciding.steps import names_of_row
from workflow.drawing import html
from workflow.model.definition import Value, Workflow, as_written
from workflow.model.rules import Rule
from workflow.model.templates import explain_forever, shorten_condition, template_of
from workflow.predicates import names
from workflow.proving.deadline_report import deadline_json, deadline_note, format_time, late_lines, times_json
from workflow.proving.findings import Finding, json_values
from workflow.proving.verdict import Deadline, History, Verdict

_NEXT = (
    "undecided: neither proved nor broken within the limits. What may help: more time (--seconds 300); larger searches",
    "(--nodes 1000000); an assume: that excludes impossible cases; record fields with fewer values.",
    "You can still test the rules on random histories (pytest) and monitor them in runs (docketsim run --monitor stop).",
)
_NO_TIME = "findings: the search ran out of time; raise --seconds"
_NOT_ALL = "overlaps and hidden guards were not looked for: there are too many kinds of cases to go through"
_AGAINST = "rules against rules"
_NOT_COMPARED = "rules against rules: not all rules were compared with each other in time; raise --seconds"
_MONITORED = (
    "monitored: to prove a time limit takes bounds on time (bounds: in the file, or --bounds SCENARIO). Runs monitor such a rule",
    "(docketsim run --monitor stop), and audits check it.",
)


@dataclass(frozen=True)
class Proof:
    """The verdicts on the rules of a workflow, and its findings.

    Attributes
    ----------
    findings : tuple of Finding or None
        ``None`` if the time limit was reached.
    all_findings : bool
        Whether overlaps and hidden guards were looked for; not if there are too many kinds of cases.
    rule_findings : tuple of Finding
        What the rules say about each other.
    rules_compared : bool
        Whether there was time to compare all rules with each other.
    """

    workflow: Workflow
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...] | None
    all_findings: bool = True
    rule_findings: tuple[Finding, ...] = ()
    rules_compared: bool = True

    @property
    def broken(self) -> bool:
        """Return whether any rule can be broken."""
        return any(v.decision == "broken" for v in self.verdicts)

    @property
    def failed(self) -> bool:
        """Return whether any rule can be broken, or any case can be stuck."""
        return self.broken or any(finding.finding == "gap" for finding in self.findings or ())

    @property
    def undecided(self) -> bool:
        """Return whether any rule is undecided, or whether the search for findings ran out of time."""
        return self.findings is None or any(v.decision == "undecided" for v in self.verdicts)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        rules = [
            {
                "rule": v.rule.name,
                "verdict": v.decision,
                "reason": v.reason,
                "vacuous": v.vacuous,
                "outstanding": list(v.outstanding),
                "deadline": deadline_json(v.deadline),
                "rounds": list(v.rounds),
                "source": v.rule.source,
                "seconds": round(v.seconds, 3),
                "history": None if v.history is None else _json(self.workflow, v.rule, v.history),
            }
            for v in self.verdicts
        ]
        return {
            "workflow": self.workflow.name,
            "rules": rules,
            "all_findings": self.all_findings,
            "findings": None if self.findings is None else [f.json() for f in self.findings],
            "rules_compared": self.rules_compared,
            "rule_findings": [f.json() for f in self.rule_findings],
        }

    def __repr__(self) -> str:
        decisions = Counter(v.decision for v in self.verdicts)
        counts = ", ".join(f"{n} {decision}" for decision, n in decisions.items())
        return f"<Proof of {self.workflow.name!r}: {counts or 'no rules'}>"

    def __str__(self) -> str:
        return "\n".join(self.render())

    def _repr_html_(self) -> str:
        rows = [[v.decision, v.rule.name, "; ".join(_notes(v))] for v in self.verdicts]
        findings = [[f.finding, f.where, _example(f)] for f in self.findings or ()]
        return html.page(
            html.table(["verdict", "rule", "note"], rows, f"The rules of {self.workflow.name}", n_text=3),
            *(_html_of_history(self.workflow, v.rule, v.history, v.deadline) for v in self.verdicts if v.history is not None),
            html.table(["finding", "where", "for example"], findings, "Findings about the workflow, besides its rules", n_text=3),
            html.table(["finding", "rules"], [[f.finding, f.where] for f in self.rule_findings], _AGAINST.capitalize(), n_text=2),
            html.items(list(self._advice())),
        )

    def _advice(self) -> Iterator[str]:
        """Yield what the verdicts that are not final mean, and what was not looked for."""
        for decision, advice in (("undecided", _NEXT), ("monitored", _MONITORED)):
            if any(v.decision == decision for v in self.verdicts):
                yield " ".join(advice)
        if self.findings is None:
            yield _NO_TIME
        elif not self.all_findings:
            yield _NOT_ALL
        if not self.rules_compared:
            yield _NOT_COMPARED

    def render(self) -> Iterator[str]:
        """Yield the lines of a report."""
        n_rules = len(self.verdicts)
        yield f"{self.workflow.name}: {n_rules} rule{'' if n_rules == 1 else 's'}"
        for verdict in self.verdicts:
            yield from (f"  {line}" for line in render_verdict(self, verdict))
        for decision, advice in (("undecided", _NEXT), ("monitored", _MONITORED)):
            if any(v.decision == decision for v in self.verdicts):
                yield from advice
        if self.findings is None:
            yield _NO_TIME
        elif self.findings:
            yield "findings about the workflow, besides its rules:"
            for finding in self.findings:
                example = _example(finding)
                yield f"  {finding.finding}: {finding.where}{f'; for example {example}' if example else ''}"
        if self.findings is not None and not self.all_findings:
            yield _NOT_ALL
        if self.rule_findings:
            yield f"{_AGAINST}:"
            yield from (f"  {finding.finding}: {finding.where}" for finding in self.rule_findings)
        if not self.rules_compared:
            yield _NOT_COMPARED


def _example(finding: Finding) -> str:
    return ", ".join(f"{k} = {as_written(v)}" for k, v in finding.example.items())


def _notes(verdict: Verdict) -> list[str]:
    """Return what is said about a verdict: the reason, vacuity, and how an obligation can stay open."""
    notes = [verdict.reason] if verdict.reason else []
    notes += [f"holds vacuously: {verdict.vacuous}"] if verdict.vacuous else []
    notes += [f"can stay open forever in {', '.join(verdict.outstanding)}"] if verdict.outstanding else []
    notes += [f"can go round forever: {', '.join(verdict.rounds)}"] if verdict.rounds else []
    return notes + ([note] if (note := deadline_note(verdict)) else [])


def _html_of_history(workflow: Workflow, rule: Rule, history: History, deadline: Deadline | None) -> str:
    """Return a counterexample as numbered steps."""
    begins, steps, breaks = _parts(workflow, rule, history, deadline)
    source = [html.paragraph(f"source of the rule: {_source(workflow, rule.source)}")] if rule.source else []
    return html.heading(rule.name) + html.paragraph(begins) + html.steps(steps) + "".join([*map(html.paragraph, breaks), *source])


def render_verdict(proof: Proof, verdict: Verdict) -> Iterator[str]:
    """Yield the verdict on one rule, and its counterexample."""
    note = "".join(f"  ({note})" for note in _notes(verdict))
    yield f"{verdict.decision:<11} {verdict.rule.name}{note}"
    if verdict.history is not None:
        lines = render_history(proof.workflow, verdict.rule, verdict.history, verdict.deadline)
        yield from (f"    {line}" for line in lines)


def render_history(workflow: Workflow, rule: Rule, history: History, deadline: Deadline | None = None) -> Iterator[str]:
    """Yield a case, its numbered history, and how it breaks a rule.

    Only facts that the history turns on are shown. A history that breaks a time limit has dates.
    """
    begins, steps, breaks = _parts(workflow, rule, history, deadline)
    yield begins
    yield from (f"{i:>2}. {step}" for i, step in enumerate(steps, start=1))
    yield from breaks
    if rule.source:
        yield f"source of the rule: {_source(workflow, rule.source)}"


def _parts(workflow: Workflow, rule: Rule, history: History, deadline: Deadline | None) -> tuple[str, list[str], list[str]]:
    """Return how a case begins, its steps, and how it breaks a rule."""
    times = history.times
    facts = facts_that_matter(workflow, rule, history)
    begun = {n: v for n, v in zip(workflow.record, history.record, strict=True) if v != workflow.defaults[n]}
    shown = ", ".join(f"{k} = {as_written(v)}" for k, v in {**facts, **begun}.items()) or "any facts"
    begins = f"a case with {shown} begins in {history.state}{f' on {format_time(times, times.begun)}' if times else ''}"
    lines = [f"{format_step(workflow, step)}{_allowed(workflow, step)}" for step in history.steps]
    steps = [names_of_row(workflow, step.trigger, step.transition) for step in history.steps]
    if history.loop is not None:
        return begins, lines, [_forever(history), f"breaks the rule: {explain_forever(rule)}"]
    if times is None:
        return begins, lines, [f"breaks the rule: {template_of(rule).explain(rule, steps)}"]
    dated = [f"{format_time(times, at)}  {line}" for at, line in zip(times.steps, lines, strict=True)]
    return begins, dated, list(late_lines(rule, deadline, times, history.steps[-1].state_after, steps))


def _forever(history: History) -> str:
    """Return what a case does forever after a history."""
    first, last = (history.loop or 0) + 1, len(history.steps)
    if first > last:
        return f"and stays in {history.steps[-1].state_after if history.steps else history.state} forever"
    return f"and takes step{f's {first} to' if first < last else ''} {last} again and again, forever"


def facts_that_matter(workflow: Workflow, rule: Rule, history: History) -> dict[str, Value]:
    """Return the facts that a history turns on; for one that was not proved, those that the rule or a tried guard reads."""
    if history.turns_on is not None:
        return {name: history.facts[name] for name in history.facts if name in history.turns_on}
    read = set(rule.reads)
    for step in history.steps:
        for i in workflow.candidates.get((step.state, step.trigger), ()):
            guard = workflow.transitions[i].guard
            read |= names(guard) if guard is not None else frozenset()
            if i == step.transition:
                break
        if step.trigger in workflow.events and (guard := workflow.events[step.trigger].guard) is not None:
            read |= names(guard)
    return {name: value for name, value in history.facts.items() if name in read}


def format_step(workflow: Workflow, step: HistoryRow) -> str:
    """Return a step as text: its name, what it gave, and the states."""
    what = workflow.transitions[step.transition].name if step.transition is not None else step.trigger
    given = [f"{name} = {as_written(value)}" for name, value in _given(workflow, step).items()]
    gave = f" ({', '.join(given)})" if given else ""
    upon = f" upon {step.trigger}" if step.trigger in workflow.events and step.transition is not None else ""
    return f"{what}{upon}{gave}: {step.state} -> {step.state_after}"


def _given(workflow: Workflow, step: HistoryRow) -> dict[str, Value]:
    """Return the record fields that the activity or the event of a step gave, with their values."""
    giver = workflow.giver(step.state, step.trigger)
    return {} if giver is None else dict(giver.written(step.given))


def _allowed(workflow: Workflow, step: HistoryRow) -> str:
    """Return the guards that held, as written in the file, with their sources."""
    parts = []
    if (event := workflow.events.get(step.trigger)) is not None and event.guard is not None:
        held = workflow.document.find(("events", event.name, "when")).value
        parts.append(f"{event.name} may happen when {shorten_condition(held)}{f' [{event.source}]' if event.source else ''}")
    if step.transition is not None:
        transition = workflow.transitions[step.transition]
        held = workflow.document.find(("transitions", step.transition, "when")).value
        guard = f"allowed by: {shorten_condition(held)}" if transition.guard is not None else "allowed: no guard"
        parts.append(f"{guard}{f' [{transition.source}]' if transition.source else ''}")
    return f"   {'; '.join(parts)}" if parts else ""


def _source(workflow: Workflow, source: str) -> str:
    """Return a source with its description from `sources:`."""
    parts = [part.strip() for part in source.split(",") if part.strip()]
    meant = (workflow.sources.get(part.split()[0]) for part in parts)
    return ", ".join(f"{part} ({means})" if means else part for part, means in zip(parts, meant, strict=True))


def _json(workflow: Workflow, rule: Rule, history: History) -> dict[str, Any]:
    return {
        "facts": json_values(facts_that_matter(workflow, rule, history)),
        "state": history.state,
        "record": dict(zip(workflow.record, history.record, strict=True)),
        "loop": history.loop,
        "steps": [
            {
                "trigger": s.trigger,
                "given": _given(workflow, s),
                "transition": None if s.transition is None else workflow.transitions[s.transition].name,
                "from": s.state,
                "to": s.state_after,
            }
            for s in history.steps
        ],
        "times": times_json(history.times),
    }
