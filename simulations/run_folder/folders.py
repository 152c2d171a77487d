"""A run folder: made once, written to by one process at a time, and gone on with after whatever stopped it.

A replication is finished when its record is there: the SHA-256 of each of its parts, written after them. A
finished run has all records in its manifest. So a part that was cut short or changed on the disk is found when
a run goes on, and when it is verified.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulations.run_folder.manifest import MANIFEST, differences, read_manifest
from simulations.run_folder.parts import KINDS, part_path, record_path, sha256, unfinished_files
from simulations.run_folder.whole_files import WriteFailed, write_text
from simulations.scenarios.scenario import Scenario
from workflow.errors import DocketsimError, InputError
from workflow.files.validation import format_names

__all__ = [
    "Record",
    "RunFolder",
    "RunFolderExists",
    "RunFolderInUse",
    "default_folder",
    "finished_replications",
    "make_folder",
    "open_folder",
    "write_record",
]

_LOCK = ".lock"
_PART = re.compile(r"(?P<kind>\w+)/replication=(?P<replication>\d+)\.parquet")


class RunFolderExists(DocketsimError, FileExistsError):
    """A run folder is there already, and would be overwritten."""


class RunFolderInUse(RunFolderExists):
    """Another process is writing to a run folder."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a finished replication besides its parts.

    Attributes
    ----------
    parts : mapping of str to str
        The SHA-256 of each part, by its kind.
    growing : tuple of str
        Pools whose queue only grew.
    violations : mapping of str to int
        How often each rule was broken, where rules were watched.
    """

    parts: Mapping[str, str]
    growing: tuple[str, ...] = ()
    violations: Mapping[str, int] = field(default_factory=dict)

    def damaged(self, folder: Path, replication: int) -> list[Path]:
        """Return the parts that are missing, or are not what was written."""
        paths = {part_path(folder, kind, replication): wanted for kind, wanted in self.parts.items()}
        return [path for path, wanted in paths.items() if not path.is_file() or sha256(path) != wanted]


def write_record(folder: Path, replication: int, kinds: Iterable[str], growing: Iterable[str], violations: Mapping[str, int]) -> None:  # fmt: skip
    """Say that a replication is finished: every part of it has been written."""
    content = {
        "parts": {kind: sha256(part_path(folder, kind, replication)) for kind in kinds},
        "growing": sorted(growing),
        "violations": dict(sorted(violations.items())),
    }
    write_text(record_path(folder, replication), json.dumps(content, ensure_ascii=False) + "\n")


def finished_replications(folder: Path, manifest: Mapping[str, Any]) -> dict[int, Record]:
    """Return the record of every replication that was finished, from the manifest and the records beside it."""
    found: dict[int, Record] = {}
    parts: dict[int, dict[str, str]] = {}
    for name, digest in manifest.get("parts", {}).items():
        matched = _PART.fullmatch(name)
        if matched is not None:
            parts.setdefault(int(matched["replication"]), {})[matched["kind"]] = digest
    growing, violations = manifest.get("growing", {}), manifest.get("violations", {})
    for k, of_kind in parts.items():
        found[k] = Record(of_kind, tuple(growing.get(str(k), ())), violations.get(str(k), {}))
    for path in (folder / "measures").glob("replication=*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(path.read_text(encoding="utf-8"))
            k = int(path.stem.partition("=")[2])
            found[k] = Record(dict(content["parts"]), tuple(content["growing"]), dict(content["violations"]))
    return dict(sorted(found.items()))


class RunFolder:
    """A run folder that this process alone writes to, while it is open."""

    def __init__(self, path: Path, manifest: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._before = before

    def records(self) -> dict[int, Record]:
        """Return the record of every finished replication."""
        return finished_replications(self.path, self._before)

    def whole(self, replications: Sequence[int]) -> set[int]:
        """Return which of these replications are finished, with every part as it was written.

        A part that was cut short or changed is warned about; its replication is not among them.
        """
        records = self.records()
        wanted = {kind for kind in KINDS if self.manifest["events"] or kind != "events"}
        found = set()
        for k in replications:
            if k not in records or set(records[k].parts) != wanted:
                continue
            damaged = records[k].damaged(self.path, k)
            if not damaged:
                found.add(k)
            elif there := [str(p.relative_to(self.path)) for p in damaged if p.exists()]:
                warnings.warn(
                    f"{self.path}: {format_names(there)}: not as it was written; replication {k} is run again",
                    stacklevel=2,
                )
        return found

    def close(self) -> None:
        """Write the manifest again, with the hash of every part and all that the records tell."""
        records = self.records()
        parts = {
            f"{kind}/replication={k}.parquet": record.parts[kind]
            for kind in KINDS
            for k, record in records.items()
            if kind in record.parts
        }
        whole = {
            **self.manifest,
            "replications_run": list(records),
            "growing": {str(k): list(r.growing) for k, r in records.items() if r.growing},
            "violations": {str(k): dict(r.violations) for k, r in records.items() if r.violations},
            "parts": parts,
        }
        self._write_manifest(whole)
        self._before = whole
        left = unfinished_files(self.path)  # of a worker that was killed
        for path in (*left, *(self.path / "measures").glob("replication=*.json")):
            path.unlink(missing_ok=True)

    def begin(self, scenario: Scenario) -> None:
        """Write what was run. The manifest comes first: a folder without it has nothing in it."""
        if not self._before:
            self._write_manifest(self.manifest)
        written = {"scenario.yaml": scenario.document, "workflow.yaml": scenario.workflow.document}
        written |= {f"policy-{k}.yaml": p.workflow.document for k, p in enumerate(scenario.policies, start=1)}
        for name, document in written.items():
            path, text = self.path / name, document.written()
            if not path.is_file() or path.read_bytes() != text.encode():
                write_text(path, text)

    def _write_manifest(self, content: Mapping[str, Any]) -> None:
        write_text(self.path / MANIFEST, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def default_folder(name: str) -> Path:
    """Return a folder that is not there yet, ``runs/<name>-<date and time>``."""
    stamp = dt.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder = Path("runs") / f"{name}-{stamp}"
    k = 2
    while folder.exists():
        folder = Path("runs") / f"{name}-{stamp}-{k}"
        k += 1
    return folder


def make_folder(folder: Path, resume: bool) -> None:
    """Make a folder; one that is there, even an empty one, is taken only to go on with it.

    Raises
    ------
    RunFolderExists
        If it is there, and `resume` is not given.
    InputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not resume or not folder.is_dir():
            raise RunFolderExists(
                f"{folder} is there already. Give another --out, or --resume to go on with it."
            ) from None
    except OSError as error:
        raise InputError([f"--out {folder}: cannot be made: {error.strerror}"]) from None


@contextmanager
def open_folder(folder: Path, scenario: Scenario, manifest: Mapping[str, Any], resume: bool) -> Iterator[RunFolder]:
    """Make a run folder, or go on with the one of this very run; nobody else can until it is closed.

    Raises
    ------
    RunFolderExists
        If the folder is there and `resume` is not given, or it is of something else.
    RunFolderInUse
        If another process is writing to it.
    """
    make_folder(folder, resume)
    _see_whether_ours(folder)
    with _locked(folder):
        for path in unfinished_files(folder):
            path.unlink(missing_ok=True)
        before = _see_whether_ours(folder)
        other = differences(before, manifest) if before else []
        if other:
            raise RunFolderExists(
                f"{folder} cannot be resumed: {format_names(other)} differ{'s' if len(other) == 1 else ''} from the run that is there. Give another --out."
            )
        found = RunFolder(folder, manifest, before)
        found.begin(scenario)
        yield found


def _see_whether_ours(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run folder, empty if nothing has been written to it yet."""
    unfinished = set(unfinished_files(folder))
    if all(path.name == _LOCK or path in unfinished for path in folder.iterdir()):
        return {}
    found = read_manifest(folder)
    if found is None:
        raise RunFolderExists(
            f"{folder} is no run folder that can be resumed: it has no readable manifest.json. Give another --out."
        )
    return found


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back from a process that ends, however it ends."""
    path = folder / _LOCK
    try:
        handle = _take(path)
    except BlockingIOError as error:
        other = f" (process {error.strerror})" if error.strerror else ""
        raise RunFolderInUse(
            f"{folder} is in use: another docketsim{other} is writing to it. Wait for it, or give another --out."
        ) from None
    except OSError as error:
        raise WriteFailed(f"{path}: could not be written: {error.strerror}") from None
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)  # while it is held: nobody can have taken it
        os.close(handle)


def _take(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = path.stat()
        except FileNotFoundError:
            there = None
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip()
            os.close(handle)
            raise BlockingIOError(error.errno, holder) from None
        except OSError:
            os.close(handle)
            raise
        if there is not None and there.st_ino == os.fstat(handle).st_ino:
            break
        os.close(handle)  # its last holder removed it between our opening and our taking it
    with suppress(OSError):  # for the message only
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
    return handle
