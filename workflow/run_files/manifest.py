"""Read the manifest of a run folder, and the parts that belong to finished replications.

A run folder may come from a stranger. Its manifest is checked like any input, and only its own files are read: no part
that it does not list, and no symbolic link.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from pydantic import ConfigDict, Field, ValidationError, field_validator

from workflow.errors import InputError
from workflow.files.opening import read_json
from workflow.files.validation import Entry, format_value, validate
from workflow.files.yaml_tree import Source, node_of

MANIFEST = "manifest.json"
KINDS = ("cases", "events", "holds", "measures")
"""The folders of parts, and the tables in them. Only runs with teams have holds. What else a run has, its `keep` says."""

MOST_IN_PART = 1000
"""Maximum number of replications that share a part."""

_PART = re.compile(rf"({'|'.join(KINDS)})/([a-z0-9=-]+)\.parquet")
_SPAN = re.compile(r"replication=([1-9][0-9]{0,8})|replications=([1-9][0-9]{0,8})-([1-9][0-9]{0,8})")
STUDIES = ("comparison", "sweep", "calibration", "hindcast")
"""What a folder may hold besides a run. Its result is in the file of this name, with the ending ``.json``."""

_FILE = re.compile(
    rf"(manifest|{'|'.join(STUDIES)})\.json|(scenario|workflow|policy-[0-9]+)\.yaml|(posterior|predicted)\.csv|\.lock"
)
_FOLDER = re.compile(rf"{'|'.join(KINDS)}|base|(other|point)-[0-9]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Queue = tuple[str, str, float, bool, int, int]


class Span(NamedTuple):
    """The replications that share a part, from the first to the last."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """Return the name of its files, without their ending.

        Examples
        --------
        >>> Span(7, 7).name, Span(1, 50).name
        ('replication=7', 'replications=1-50')
        """
        return f"replication={self.first}" if self.first == self.last else f"replications={self.first}-{self.last}"

    @property
    def numbers(self) -> range:
        """Return the numbers of the replications."""
        return range(self.first, self.last + 1)

    @classmethod
    def parse(cls, name: str) -> Span | None:
        """Return the span of a name; ``None`` if it is not one.

        Examples
        --------
        >>> Span.parse("replications=1-50"), Span.parse("replications=50-1")
        (Span(first=1, last=50), None)
        """
        if (match := _SPAN.fullmatch(name)) is None:
            return None
        if match[1]:
            return cls(int(match[1]), int(match[1]))
        first, last = int(match[2]), int(match[3])
        return cls(first, last) if first < last < first + MOST_IN_PART else None


class Recorded(Entry):
    """What a run folder records of the finished replications of a part.

    Attributes
    ----------
    parts : dict of str to str
        The SHA-256 of each part, by kind.
    queues : dict of str to list of tuple
        By replication: the rows of `simulations.measuring.trends.LongQueue`.
    violations : dict of str to dict
        With a monitor, by replication: how often each rule was broken.
    """

    parts: dict[Literal["cases", "events", "holds", "measures"], str]
    queues: dict[str, list[Queue]] = Field(default_factory=dict)
    violations: dict[str, dict[str, int]] = Field(default_factory=dict)

    @field_validator("queues", mode="before")
    @classmethod
    def _rows(cls, queues: Any) -> Any:
        return {k: _tuples(rows) for k, rows in queues.items()} if isinstance(queues, dict) else queues


def _tuples(rows: Any) -> Any:
    return [tuple(row) if isinstance(row, list) else row for row in rows] if isinstance(rows, list) else rows


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished replication.

    Attributes
    ----------
    span : Span
        The replications that share its parts.
    parts : mapping of str to str
        The SHA-256 of each part, by kind.
    queues : sequence of tuple
        The rows of `simulations.measuring.trends.LongQueue`.
    violations : mapping of str to int
        With a monitor: how often each rule was broken.
    """

    span: Span
    parts: Mapping[Any, str]
    queues: Sequence[Queue]
    violations: Mapping[str, int]


class _WithParts(Protocol):
    @property
    def span(self) -> Span: ...
    @property
    def parts(self) -> Mapping[Any, str]: ...


class Manifest(Entry):
    """The entries of a manifest that are read again."""

    model_config = ConfigDict(extra="ignore")

    scenario: str
    workflow: str
    scenario_hash: str
    seed: int
    replications: int = Field(ge=1)
    at: list[str] = Field(default_factory=list)
    by: list[str] = Field(default_factory=list)
    measures: list[str] = Field(default_factory=list)
    courts: list[str] = Field(default_factory=list)
    keep: Literal["measures", "cases", "events"] = "events"
    teams: bool = False
    monitor: Literal["stop", "count"] | None = None
    own_python: bool = False
    engine: str = "simpy"
    confidence: float = 0.95
    versions: dict[str, str | None] = Field(default_factory=dict)
    platform: dict[str, str] = Field(default_factory=dict)
    queues: dict[str, Any] = Field(default_factory=dict)
    violations: dict[str, dict[str, int]] = Field(default_factory=dict)
    parts: dict[str, str] = Field(default_factory=dict)

    @field_validator("confidence")
    @classmethod
    def _level(cls, confidence: float) -> float:
        if 0 < confidence < 1:
            return confidence
        raise ValueError(f"must be between 0 and 1, not {confidence:g}")

    @field_validator("at")
    @classmethod
    def _days(cls, days: list[str]) -> list[str]:
        for day in days:
            try:
                dt.date.fromisoformat(day)
            except ValueError:
                raise ValueError(f"{format_value(day)} is not a date such as 2024-01-31") from None
        return days

    @field_validator("parts")
    @classmethod
    def _parts(cls, parts: dict[str, str]) -> dict[str, str]:
        for name, digest in parts.items():
            if _part(name) is None:
                raise ValueError(f"{format_value(name)} is not a part, such as 'cases/replication=1.parquet'")
            if not _SHA256.fullmatch(digest):
                raise ValueError(f"{name}: must be a SHA-256 of 64 hexadecimal digits, not {format_value(digest)}")
        for one, two in pairwise(sorted({part[1] for name in parts if (part := _part(name))})):
            if two.first <= one.last:
                raise ValueError(f"{one.name} and {two.name} have a replication in common")
        return parts

    @field_validator("queues")
    @classmethod
    def _queues(cls, queues: dict[str, Any]) -> dict[str, Any]:
        for replication, rows in queues.items():
            try:
                Recorded(parts={}, queues={replication: rows})
            except ValidationError:
                raise ValueError(f"{format_value(replication)}: is not a list of queues") from None
        return queues


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run folder, and check that the folder has no links.

    Raises
    ------
    InputError
        If the folder has no readable manifest; or with every mistake of the manifest, and every link.
    """
    try:
        content = read_json(folder / MANIFEST)
    except InputError:
        content = None
    if not isinstance(content, dict) or "scenario_hash" not in content:
        raise InputError([f"{folder}: is not a run folder{_what_it_is(folder)}"])
    check_own_files(folder)
    given = {key: value for key, value in content.items() if value is not None}
    validate(Manifest, node_of(given, Source(str(folder / MANIFEST), "")))
    return content


def _what_it_is(folder: Path) -> str:
    """Describe what is at the path of a run folder, with the next step."""
    if folder.is_file():
        if folder.suffix == ".yaml":
            return f", but a file; docketsim run {folder} --out DIR makes a run folder of a scenario"
        return ", but a file"
    if not folder.exists():
        return ": there is no such folder"
    runs = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not runs or (folder / MANIFEST).exists():
        return f" (it has no readable {MANIFEST})"
    name = f"name one of its runs, such as {runs[0]}"
    if re.fullmatch(r"base|other-\d+|point-\d+", runs[0].name):
        what = "sweep" if runs[0].name.startswith("point") else "comparison"
        return f", but of a {what} that is not finished; resume it with --resume (resume=True), or {name}"
    return f", but holds {len(runs)} run{'s' if len(runs) > 1 else ''}; {name}"


def check_own_files(folder: Path) -> None:
    """Check that what is read in a folder of runs are its own files: no symbolic links, pipes or devices.

    Raises
    ------
    InputError
        With every other file.
    """
    if not folder.is_dir():
        return
    wrong = [*_foreign(folder, top=True)]
    for kind in KINDS:
        if (folder / kind).is_dir() and not (folder / kind).is_symlink():
            wrong += _foreign(folder / kind, top=False)
    if wrong:
        raise InputError(wrong)


def _foreign(folder: Path, top: bool) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            is_folder = top and _FOLDER.fullmatch(entry.name)
            if top and not is_folder and not _FILE.fullmatch(entry.name):
                continue
            if entry.is_symlink():
                yield f"{entry.path}: is a symbolic link; a run folder has only files of its own"
            elif not (entry.is_dir() if is_folder else entry.is_file()):
                yield f"{entry.path}: is not {'a folder' if is_folder else 'an ordinary file'}"


def kinds_of(keep: str, teams: bool) -> tuple[str, ...]:
    """Return the kinds of parts of a run that keeps its measures, cases or events, with or without teams."""
    kept = {"measures": ("measures",), "cases": ("cases", "measures"), "events": KINDS}[keep]
    return tuple(kind for kind in kept if teams or kind != "holds")


def _part(name: str) -> tuple[str, Span] | None:
    """Return the kind and the span of a part by its name in a manifest; ``None`` if it is not the name of a part."""
    match = _PART.fullmatch(name)
    span = Span.parse(match[2]) if match else None
    return None if match is None or span is None else (match[1], span)


def part_path(folder: Path, kind: str, span: Span) -> Path:
    """Return the path of a part."""
    return folder / kind / f"{span.name}.parquet"


def read_records(folder: Path, manifest: Mapping[str, Any]) -> dict[int, Finished]:
    """Return the record of every finished replication.

    The manifest of a finished run has all of them, and no other file counts. Until then each part of the measures has a file
    beside it; one that cannot be read belongs to replications that are not finished.
    """
    return {
        k: Finished(span, recorded.parts, recorded.queues.get(str(k), ()), recorded.violations.get(str(k), {}))
        for span, recorded in sorted(_recorded(folder, manifest), key=lambda each: each[0])
        for k in span.numbers
    }


def _recorded(folder: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[Span, Recorded]]:
    if "parts" in manifest:
        parts: dict[Span, dict[str, str]] = {}
        for name, digest in manifest["parts"].items():
            if part := _part(name):
                parts.setdefault(part[1], {})[part[0]] = digest
        noticed = {name: manifest.get(name) or {} for name in ("queues", "violations")}
        for span, of_span in parts.items():
            mine = {name: {str(k): of[str(k)] for k in span.numbers if str(k) in of} for name, of in noticed.items()}
            yield span, Recorded.model_validate({"parts": of_span, **mine})
        return
    for path in (folder / "measures").glob("replication*.json"):
        if named := Span.parse(path.stem):
            try:
                yield named, Recorded.model_validate(read_json(path))
            except (InputError, ValidationError):
                continue


def part_files(folder: Path, kind: str, records: Mapping[int, _WithParts]) -> list[Path]:
    """Return the paths of all parts of a kind that the records list.

    Raises
    ------
    InputError
        If a part is missing.
    """
    paths = list(dict.fromkeys(part_path(folder, kind, r.span) for r in records.values() if kind in r.parts))
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        advice = f"docketsim verify {folder} lists missing files, --resume restores them"
        raise InputError([f"{missing}: is missing; {advice}"])
    return paths
