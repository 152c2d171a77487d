"""Run folders on disk: create, lock, resume, and read them.

One process writes to a run folder at a time. A replication is finished when its record exists: the SHA-256 of each of
its parts, written after the parts. The manifest of a finished run contains all records. A truncated or changed part is
therefore detected when a run is resumed or verified.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from simulations.measuring.trends import LongQueue
from simulations.run_folder.manifest import MANIFEST, differences, manifest_hash, read_manifest
from simulations.run_folder.parts import KINDS, Span, delete_scratch, kinds_of, part_path, record_path, sha256, unfinished_files
from simulations.run_folder.whole_files import WriteFailed, write_text
from simulations.scenarios.scenario import Scenario
from workflow.errors import DocketsimError, InputError
from workflow.files.json_text import json_text
from workflow.files.validation import format_names
from workflow.files.yaml_tree import read_yaml
from workflow.run_files.manifest import check_own_files, read_records

_LOCK = ".lock"


class RunFolderExists(DocketsimError, FileExistsError):
    """A run folder already exists and would be overwritten."""


class RunFolderInUse(RunFolderExists):
    """Another process is writing to the run folder."""


# reading -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a finished replication.

    Attributes
    ----------
    span : Span
        The replications that share its parts.
    parts : mapping of str to str
        The SHA-256 of each part, by kind.
    queues : tuple of LongQueue
        The course of each queue that ends the replication with many cases.
    violations : mapping of str to int
        With a monitor: how often each rule was broken.
    """

    span: Span
    parts: Mapping[Any, str]
    queues: tuple[LongQueue, ...] = ()
    violations: Mapping[str, int] = field(default_factory=dict)

    def damaged(self, folder: Path) -> list[Path]:
        """Return the parts that are missing or have changed."""
        paths = {part_path(folder, kind, self.span): digest for kind, digest in self.parts.items()}
        return [path for path, digest in paths.items() if not path.is_file() or sha256(path) != digest]


def finished_replications(folder: Path, manifest: Mapping[str, Any]) -> dict[int, Record]:
    """Return the record of every finished replication."""
    return {
        k: Record(recorded.span, recorded.parts, tuple(LongQueue(*row) for row in recorded.queues), recorded.violations)
        for k, recorded in read_records(folder, manifest).items()
    }


def by_span(records: Mapping[int, Record]) -> dict[Span, dict[int, Record]]:
    """Return the records of replications by the parts that they share."""
    spans: dict[Span, dict[int, Record]] = {}
    for k, record in records.items():
        spans.setdefault(record.span, {})[k] = record
    return spans


def parts_of(folder: Path, kind: str) -> dict[int, Path]:
    """Return the path of the part of a kind of each finished replication."""
    return {
        k: part_path(folder, kind, record.span)
        for k, record in read_records(folder, read_manifest(folder)).items()
        if kind in record.parts
    }


def finished_in(folder: Path, manifest: Mapping[str, Any]) -> dict[int, Record]:
    """Return the record of every finished replication of a run folder.

    Raises
    ------
    InputError
        If no replication is finished.
    """
    records = finished_replications(folder, manifest)
    if not records:
        raise InputError([f"{folder}: no replication is finished. Resume the run with --resume (resume=True)"])
    return records


def recorded_contents(folder: Path) -> dict[str, Any]:
    """Return the scenario, workflow and policies of a run folder as plain values.

    Raises
    ------
    InputError
        If a file cannot be read.
    """

    def read(path: Path) -> Any:
        return read_yaml(path).plain()

    numbered = (folder / f"policy-{k}.yaml" for k in itertools.count(1))
    policies = list(itertools.takewhile(Path.is_file, numbered))
    return {
        "scenario": read(folder / "scenario.yaml"),
        "workflow": read(folder / "workflow.yaml"),
        "policies": [read(path) for path in policies],
    }


# writing -------------------------------------------------------------------------------------------


def write_record(
    folder: Path, span: Span, kinds: Iterable[str], queues: Mapping[int, Iterable[LongQueue]],
    violations: Mapping[int, Mapping[str, int]],
) -> None:  # fmt: skip
    """Write the record of replications, after all of their parts.

    Raises
    ------
    WriteFailed
        If it cannot be written, or a part has disappeared.
    """
    paths = {kind: part_path(folder, kind, span) for kind in kinds}
    try:
        parts = {kind: sha256(path) for kind, path in paths.items()}
    except FileNotFoundError as error:
        raise deleted(error.filename) from None
    _write_record(folder, span, {k: Record(span, parts, tuple(queues[k]), violations[k]) for k in span.numbers})


def _write_record(folder: Path, span: Span, records: Mapping[int, Record]) -> None:
    content = {
        "parts": dict(next(iter(records.values())).parts),
        "queues": {str(k): [queue.row() for queue in record.queues] for k, record in records.items() if record.queues},
        "violations": {str(k): dict(sorted(r.violations.items())) for k, r in records.items() if r.violations},
    }
    write_text(record_path(folder, span), json_text(content) + "\n", folders=False)


def deleted(what: str) -> WriteFailed:
    """Return the error for something that disappeared during a run."""
    return WriteFailed(f"{what}: deleted from outside during the run. Resume the run with --resume (resume=True).")


class RunFolder:
    """A run folder that is open for writing by this process."""

    def __init__(
        self,
        path: Path,
        manifest: Mapping[str, Any],
        before: Mapping[str, Any],
        drawn: Callable[[int], Mapping[str, float]] | None,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._before = before
        self._draw = drawn

    @property
    def _kinds(self) -> tuple[str, ...]:
        return kinds_of(self.manifest["keep"], self.manifest["teams"])

    def records(self) -> dict[int, Record]:
        """Return the record of every finished replication."""
        return finished_replications(self.path, self._before)

    def complete(self, replications: Sequence[int]) -> set[int]:
        """Return which of these replications are finished with all parts unchanged. Warn about parts that changed."""
        wanted, kinds = {*replications}, {*self._kinds}
        complete = set[int]()
        for span, records in by_span(self.records()).items():
            record = next(iter(records.values()))
            if wanted.isdisjoint(records) or set(record.parts) != kinds:
                continue
            damaged = record.damaged(self.path)
            if not damaged:
                complete |= wanted & records.keys()
            elif changed := [str(p.relative_to(self.path)) for p in damaged if p.exists()]:
                again = f"replication {span.first} is" if len(records) == 1 else f"replications {span.first} to {span.last} are"
                message = f"{format_names(changed)}: not as it was written; {again} run again"
                warnings.warn(f"{self.path}: {message}", stacklevel=2)
        return complete

    def forget(self, spans: Iterable[Span]) -> None:
        """Delete the records of replications that will be run (again), and their parts if others will take their place."""
        new = {*spans}
        again = {k for span in new for k in span.numbers}
        for span, records in by_span(self.records()).items():
            if not again.isdisjoint(records):
                record_path(self.path, span).unlink(missing_ok=True)
                for kind in self._kinds if span not in new else ():
                    part_path(self.path, kind, span).unlink(missing_ok=True)

    def reopen(self) -> None:
        """Turn a finished run into an unfinished one with the same records, before a replication is run (again)."""
        if "parts" in self._before:
            for span, records in by_span(self.records()).items():
                _write_record(self.path, span, records)
            self._write_manifest(self.manifest)
            self._before = self.manifest

    def close(self, replications: Sequence[int]) -> dict[int, Record]:
        """Write the manifest with the contents of all records, delete the record files, and return the records.

        Raises
        ------
        WriteFailed
            If the record of one of these finished replications has disappeared.
        """
        records = self.records()
        if missing := [k for k in replications if k not in records]:
            raise deleted(f"{self.path}: the records of replications {format_names(missing)}")
        self._before = {
            **self.manifest,
            "replications_run": list(records),
            **({"drawn": {str(k): self._draw(k) for k in records}} if self._draw is not None else {}),
            "queues": {str(k): [queue.row() for queue in r.queues] for k, r in records.items() if r.queues},
            "violations": {str(k): dict(r.violations) for k, r in records.items() if r.violations},
            "parts": {
                str(part_path(Path(), kind, record.span)): record.parts[kind]
                for kind in KINDS
                for record in records.values()
                if kind in record.parts
            },
        }
        self._write_manifest(self._before)
        delete_scratch(self.path)
        unfinished = unfinished_files(self.path)  # of killed worker processes
        for path in (*unfinished, *(self.path / "measures").glob("replication*.json")):
            path.unlink(missing_ok=True)
        return records

    def begin(self, scenario: Scenario) -> None:
        """Write the manifest, then the scenario, its workflow and its policies, unless they exist."""
        if not self._before:
            self._write_manifest(self.manifest)
        write_scenario(self.path, scenario)
        for kind in self._kinds:
            (self.path / kind).mkdir(exist_ok=True)

    def _write_manifest(self, content: Mapping[str, Any]) -> None:
        write_text(self.path / MANIFEST, json_text({**content, "sha256": manifest_hash(content)}, indent=2) + "\n", folders=False)


def write_scenario(folder: Path, scenario: Scenario) -> None:
    """Write a scenario, its workflow and its policies to a folder, unless they are there; see `recorded_contents`."""
    documents = {"scenario.yaml": scenario.document, "workflow.yaml": scenario.workflow.document}
    documents |= {f"policy-{k}.yaml": p.workflow.document for k, p in enumerate(scenario.policies, start=1)}
    for name, document in documents.items():
        path, text = folder / name, document.written()
        if not path.is_file() or path.read_bytes() != text.encode():
            write_text(path, text, folders=False)


# creating and locking --------------------------------------------------------------------------------


def default_folder(name: str) -> Path:
    """Return the path of a new folder, ``runs/<name>-<date and time>``."""
    stamp = dt.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder = Path("runs") / f"{name}-{stamp}"
    k = 2
    while folder.exists():
        folder = Path("runs") / f"{name}-{stamp}-{k}"
        k += 1
    return folder


def make_folder(folder: Path, resume: bool) -> None:
    """Create a folder. An existing one, even if it is empty, is accepted only with `resume`.

    Raises
    ------
    RunFolderExists
        If it exists and `resume` is false.
    InputError
        If it cannot be created.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not resume or not folder.is_dir():
            raise RunFolderExists(
                f"{folder} already exists. Give another folder, or resume its run with --resume (resume=True)."
            ) from None
    except OSError as error:
        raise InputError([f"{folder}: cannot be created: {error.strerror}"]) from None


@contextmanager
def open_folder(folder: Path, scenario: Scenario, manifest: Mapping[str, Any], resume: bool) -> Iterator[RunFolder]:
    """Create a run folder, or resume the same run in an existing one. The folder is locked until it is closed.

    Raises
    ------
    RunFolderExists
        If the folder exists and `resume` is false, or it belongs to another run.
    RunFolderInUse
        If another process is writing to it.
    """
    make_folder(folder, resume)
    _existing_manifest(folder)  # before a lock is written to a folder that is not a run folder
    with locked(folder):
        delete_scratch(folder)
        for path in unfinished_files(folder):
            path.unlink(missing_ok=True)
        before = _existing_manifest(folder)
        changed = differences(before, manifest) if before else []
        if changed:
            verb = "differs" if len(changed) == 1 else "differ"
            raise RunFolderExists(
                f"{folder} cannot be resumed: {format_names(changed)} {verb} from the existing run. Give another folder."
            )
        drawn = partial(scenario.draws, int(manifest["seed"])) if scenario.uncertain else None
        run_folder = RunFolder(folder, manifest, before, drawn)
        run_folder.begin(scenario)
        yield run_folder


def _existing_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run folder, empty if nothing has been written to it yet."""
    check_own_files(folder)
    unfinished = set(unfinished_files(folder))
    if all(path.name == _LOCK or path in unfinished for path in folder.iterdir()):
        return {}
    try:
        return read_manifest(folder)
    except InputError as error:
        several = len(error.problems) > 1
        refusal = f"\n{folder} cannot be resumed" if several else ", so it cannot be resumed"
        raise RunFolderExists(f"{error}{refusal}. Give another folder.") from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. The system releases it when the process ends, however it ends.

    Raises
    ------
    RunFolderInUse
        If another process holds it.
    """
    path = folder / _LOCK
    try:
        handle = _lock(path)
    except BlockingIOError as error:
        other = f" (process {error.strerror})" if error.strerror else ""
        raise RunFolderInUse(
            f"{folder} is in use: another docketsim{other} is writing to it. Wait for it, or give another folder."
        ) from None
    except OSError as error:
        raise WriteFailed(f"{path}: could not be written: {error.strerror}") from None
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # while the lock is held, so no other process can hold it
        os.close(handle)


def _lock(path: Path) -> int:
    """Lock a file, and write the process id to it. If another process holds the lock, raise with its id."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            current = path.stat()
        except FileNotFoundError:
            current = None
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip()
            os.close(handle)
            raise BlockingIOError(error.errno, holder) from None
        except OSError:
            os.close(handle)
            raise
        if current is not None and current.st_ino == os.fstat(handle).st_ino:
            break
        os.close(handle)  # its last holder deleted the file after it was opened here
    with suppress(OSError):  # the process id is only for the message
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
    return handle
