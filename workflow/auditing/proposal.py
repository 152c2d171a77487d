"""Propose how a log maps to a workflow: a mapping file to edit, with the nearest names first."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workflow.auditing.mapping import NEEDED, ROLES, LogMapping, usual_names
from workflow.errors import InputError, format_names
from workflow.files.cells import cells_of, times_of
from workflow.files.table import n_of, same_name
from workflow.files.tables import read_table
from workflow.model.definition import Workflow
from workflow.predicates import Field

_SAMPLE = 5_000
_ALIKE = 0.6
_WORDS = {
    "case": [
        "case",
        "id",
        "number",
        "no",
        "nr",
        "key",
        "ref",
        "reference",
        "docket",
        "file",
        "claim",
        "application",
        "patient",
        "order",
    ],
    "activity": ["activity", "event", "action", "step", "task", "what", "operation", "transition"],
    "time": ["time", "timestamp", "date", "when", "completed", "complete", "end", "at", "datum"],
}
"""Words in the names of columns that tell what they mean."""


@dataclass(frozen=True)
class Proposal:
    """A proposed mapping.

    Attributes
    ----------
    text : str
        The mapping file.
    missing : tuple of str
        What the user must fill in: needed columns without a candidate, and columns that can be read in two ways.
    n_names, n_matched : int
        The number of activities of the log, and how many of them are proposed for a step.
    """

    text: str
    missing: tuple[str, ...]
    n_names: int
    n_matched: int


def propose(path: Path, workflow: Workflow, given: LogMapping) -> Proposal:
    """Propose a mapping of a log to a workflow.

    Parameters
    ----------
    given : LogMapping
        What is already known; it is written into the file.
    """
    return _Proposing(path, workflow, given).proposal()


class _Proposing:
    """The proposal for one file, from its first rows and from all of its activities."""

    def __init__(self, path: Path, workflow: Workflow, given: LogMapping) -> None:
        self.path, self.workflow, self.given = path, workflow, given
        self.table = read_table(path, form=given.file, limit=_SAMPLE)
        self.missing: list[str] = []
        self.taken: set[str] = set()
        self.matched: dict[str, list[str]] = {}
        self.case: str | None = None

    def proposal(self) -> Proposal:
        """Return the proposal."""
        # in the order of the file; chosen in the order of certainty
        columns: dict[str, tuple[str, ...]] = dict.fromkeys(NEEDED, ())
        for role in ("time", "activity", "case"):
            columns[role] = tuple(name for name in self._ranked(role) if name not in self.taken)
            self.taken.update(columns[role][:1])
        self.case = next(iter(columns["case"]), None)
        activity = next(iter(columns["activity"]), None)
        counts = self._activities(activity)
        lines = [*self._head(), *self._columns(columns), *self._names(counts), *self._formats(columns)]
        return Proposal("\n".join(lines) + "\n", tuple(self.missing), len(counts), sum(map(len, self.matched.values())))

    # columns ------------------------------------------------------------------------------------------------

    def _ranked(self, role: str) -> list[str]:
        """Return the columns that may be the case, the activity or the time, the likeliest first; before them one with a usual name."""
        if (given := self.given.columns.get(role)) is not None:
            return [name for name in [self.table.find(given)] if name is not None]
        usual = self.table.find(*ROLES[role])
        if usual is not None and role == "case":
            return [usual]
        scores = {name: self._score(role, name) for name in self.table.columns if name and name not in self.taken}
        best = max(scores.values(), default=0)
        ranked = sorted((name for name, score in scores.items() if score > max(0.5, 0.7 * best)), key=lambda name: -scores[name])
        return ranked if usual is None else [usual, *(name for name in ranked if name != usual)]

    def _score(self, role: str, name: str) -> float:
        """Return how well the name and the values of a column fit a role."""
        column = self.table.columns[name]
        plain = _plain(name)
        score = max(_likeness(plain, same_name(usual)) for usual in ROLES[role])
        score += 0.5 * any(word in _WORDS[role] for word in plain.replace("/", " ").split())
        texts = column.texts()
        is_time = bool(texts) and not self._wrong_times(name)
        n = len(column)
        if role == "time":
            return score + 1 + len(texts) / max(n, 1) if is_time else 0
        if is_time or not texts or (column.codes < 0).mean() > 0.5:
            return 0
        if role == "activity":
            steps = self._known_labels()
            alike = sum(any(_likeness(same_name(text), step) > 0.75 for step in steps) for text in texts[:200])
            return score + 2 * (alike > 0) + alike / len(texts) - (len(texts) > max(50, n / 2)) - all(t.isdigit() for t in texts)
        if any(re.fullmatch(r"[+-]?\d+[.,]\d+", text) for text in texts):
            return 0
        return score + 0.5 * (1 < len(texts) < n) + len(texts) / n

    def _wrong_times(self, name: str) -> bool:
        """Return whether a column has values that are no times, apart from times with two meanings."""
        try:
            _, problems = times_of(self.table, name, self.given.cells)
        except InputError:
            return True
        return any("may be" not in problem for problem in problems)

    def _columns(self, roles: Mapping[str, Sequence[str]]) -> Iterator[str]:
        yield "columns:"
        for role, ranked in roles.items():
            if ranked:
                yield self._line(role, ranked[0], ranked[1:4])
            else:
                self.missing.append(f"the column of {role}")
                yield f"  # {role}:  # no column looks like it; the columns: {format_names(self.table.names)}"
        for name, usual in usual_names(self.workflow).items():
            if name not in NEEDED:
                yield from self._field(name, usual)
        left = [name for name in self.table.names if name and name not in self.taken]
        if left:
            yield f"  # columns that nothing reads: {format_names(left)}"

    def _field(self, name: str, usual: Sequence[str]) -> Iterator[str]:
        """Yield the line of a fact, a record field, the state, the start or the life cycle."""
        mapped = self.given.columns.get(name)
        if mapped is None and name in self.given.columns:
            yield f"  {name}: null"
            return
        column = self.table.find(*([mapped] if mapped is not None else usual))
        if column is not None:
            self.taken.add(column)
            wrong = self._changes(name, column) or self._unfit(name, column)
            yield f"  {name}: null  # {_one_line(wrong)}" if wrong else self._line(name, column, [])
            return
        if name in ROLES:
            return
        free = [c for c in self.table.columns if c and c not in self.taken]
        scores = {c: _likeness(_plain(c), same_name(name)) for c in free}
        near = sorted(
            (c for c in free if scores[c] >= _ALIKE and self._fits(c, name) and not self._changes(name, c)),
            key=lambda c: -scores[c],
        )
        if near:
            self.taken.add(near[0])
            yield self._line(name, near[0], near[1:4])
        else:
            yield f"  # {name}:  # {self._describe(name)}; no column has such a name"

    def _changes(self, name: str, column: str) -> str:
        """Return why a column is no fact, if it has several values within a case; otherwise nothing."""
        if self.case is None or name in ROLES or name == "state" or name in self.workflow.record:
            return ""
        case, value = self.table.columns[self.case].codes, self.table.columns[column].codes
        rows = np.flatnonzero((case >= 0) & (value >= 0))
        rows = rows[np.argsort(case[rows], kind="stable")]
        differs = np.flatnonzero((case[rows][1:] == case[rows][:-1]) & (value[rows][1:] != value[rows][:-1]))
        if not len(differs):
            return ""
        texts, first = self.table.columns[column].texts(), int(differs[0])
        one, other = (texts[value[row]][:30] for row in rows[first : first + 2])
        of_case = self.table.columns[self.case].texts()[case[rows[first]]]
        return f"the column {_quoted(column)} changes within case {of_case}: {one}, {other}; a fact does not"

    def _fits(self, column: str, name: str) -> bool:
        return not self._unfit(name, column)

    def _unfit(self, name: str, column: str) -> str:
        """Return what is wrong with the values of a column, apart from those with two meanings; otherwise nothing."""
        if name in ROLES:
            return ""
        try:
            problems = cells_of(self.table, column, self._declared(name), self.given.cells).problems
        except InputError as error:
            return str(error)
        return next((p.removeprefix(f"{self.path}: ") for p in problems if "may be" not in p), "")

    def _declared(self, name: str) -> Field:
        if name == "state":
            return Field("state", "enum", "record", tuple(self.workflow.states))
        return self.workflow.namespace.fields[name]

    def _describe(self, name: str) -> str:
        declared = self._declared(name)
        if name == "state":
            return "the state before the step"
        return {"enum": format_names(declared.values, 6), "boolean": "true or false", "integer": "a whole number"}.get(
            declared.kind, f"a {declared.kind}"
        )

    def _line(self, name: str, column: str, others: Sequence[str]) -> str:
        texts = [text[:30] for text in self.table.columns[column].texts()[:3]]
        shown = f"such as {', '.join(texts)}" if texts else "empty"
        more = f"; or: {', '.join(map(_quoted, others))}" if others else ""
        return f"  {name}: {_quoted(column)}  # {_one_line(shown + more)}"

    # names --------------------------------------------------------------------------------------------------

    def _known_labels(self) -> list[str]:
        given = {**self.workflow.log_names, **self.given.names}
        return [same_name(label) for step in self.workflow.step_names for label in (step, *given.get(step, ()))]

    def _activities(self, column: str | None) -> Counter[str]:
        """Return how often each activity occurs in the whole log."""
        if column is None:
            return Counter()
        whole = read_table(self.path, lambda name: name == column, self.given.file).columns[column]
        counts = np.bincount(whole.codes[whole.codes >= 0], minlength=len(whole.values))
        return Counter(dict(zip(whole.texts(), counts.tolist(), strict=True)))

    def _names(self, counts: Counter[str]) -> Iterator[str]:
        known = self.given.steps(self.workflow)
        steps = self.workflow.step_names
        for label in counts:
            if label in known:
                self.matched.setdefault(known[label], []).append(label)
        free = [label for label in counts if label not in known]
        pairs = sorted(
            ((_likeness(same_name(label), same_name(step)), label, step) for label in free for step in steps), key=lambda p: -p[0]
        )
        for score, label, step in pairs:
            if score >= _ALIKE and label in free and (score > 0.99 or step not in self.matched):
                self.matched.setdefault(step, []).append(label)
                free.remove(label)
        yield "names:  # what the log calls each step"
        for step in steps:
            near = [label for score, label, other in pairs if other == step and label in free and score > 0.3][:3]
            others = f"; or: {', '.join(map(_quoted, near))}" if near else ""
            if step in self.matched:
                labels = self.matched[step]
                n = n_of(sum(counts[label] for label in labels), "row")
                yield f"  {step}: [{', '.join(map(_quoted, labels))}]  # {_one_line(n + others)}"
            else:
                nearest = f"nearest: {', '.join(map(_quoted, near))}" if near else "no name of the log is like it"
                yield f"  # {step}: []  # {_one_line(nearest)}"
        if not self.matched:
            yield "  {}"
        yield "leave_out: []  # activities of the log that are no steps of the workflow, with commas between them"
        if free:
            yield "# not mapped yet:"
        for label, count in sorted(((label, counts[label]) for label in free), key=lambda pair: -pair[1]):
            yield f"#   {_quoted(label)}  # {n_of(count, 'row')}"

    # formats ------------------------------------------------------------------------------------------------

    def _head(self) -> Iterator[str]:
        yield f"# How {_one_line(self.path.name)} maps to the workflow {self.workflow.name}. Check every line; a line that begins with # is not read."
        yield f"mapping: {_quoted(self.workflow.name)}"

    def _formats(self, roles: Mapping[str, Sequence[str]]) -> Iterator[str]:
        file, cells = self.given.file, self.given.cells
        for key, value in (("encoding", file.encoding), ("sheet", file.sheet), ("decimal", cells.decimal)):
            if value is not None:
                yield f"{key}: {_quoted(value)}"
        if cells.time_formats:
            yield f"time_format: [{', '.join(map(_quoted, cells.time_formats))}]"
        if self.given.only:
            yield "only:"
            yield from (f"  {_quoted(column)}: [{', '.join(map(_quoted, values))}]" for column, values in self.given.only.items())
        form = replace(cells, option=lambda name: f"{name.replace('-', '_')}:")
        fields = usual_names(self.workflow)
        for role, ranked in roles.items():
            if role == "time" and ranked:
                yield from self._ambiguous(times_of(self.table, ranked[0], form)[1])
        for name, usual in fields.items():
            column = None if name in ROLES else self.table.find(*usual)
            if column is not None:
                yield from self._ambiguous(cells_of(self.table, column, self._declared(name), form).problems)
        yield from (f"# {_one_line(note)}" for note in self.table.notes)

    def _ambiguous(self, problems: Sequence[str]) -> Iterator[str]:
        for problem in problems:
            if "may be" in problem:
                message, _, ways = problem.removeprefix(f"{self.path}: ").partition("; give ")
                key, _, ways = ways.partition(" ")
                one, _, other = ways.partition(" or ")
                self.missing.append(f"{key} {ways}; {message}")
                yield f"# {key} {one}  # or {other}: {_one_line(message)}"


def _plain(name: str) -> str:
    """Return the words of a column's name: `(case) requestComplete` is `request complete`."""
    return same_name(re.sub(r"[^\w/]+", " ", name.rpartition(":")[2].removeprefix("(case)")))


def _likeness(one: str, other: str) -> float:
    """Return how alike two names are, from 0 to 1: by their letters, or by the words of the shorter one in the other."""
    if one == other:
        return 1.0
    words, others = sorted((one.split(), other.split()), key=len)
    common = sum(any(_same_word(word, another) for another in others) for word in words) / max(len(words), 1)
    return max(0.9 * common, difflib.SequenceMatcher(None, one, other, autojunk=False).ratio())


def _same_word(one: str, other: str) -> bool:
    """Return whether two words are one but for their endings or a letter, such as grant and granted."""
    short, long = sorted((one, other), key=len)
    if one == other or len(short) < 3:
        return one == other
    return long.startswith(short) or difflib.SequenceMatcher(None, short, long, autojunk=False).ratio() > 0.75


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    """Return text for a comment."""
    return " ".join(text.split())
