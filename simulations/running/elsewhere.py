"""Run the parts of a run on a cluster.

A part is made in a folder of the worker, by the function that makes it on this machine. A worker that reaches the run folder moves the
finished part there; another one sends it back. The record is written here, last. So a part is whole or not there, whatever dies.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulations.run_folder.manifest import MANIFEST, distribution_tables, versions
from simulations.run_folder.parts import SCRATCH, Span, part_path, record_path
from simulations.run_folder.whole_files import whole_file, write_text
from simulations.running.cluster import on_cluster
from simulations.running.shared import Shared
from workflow.errors import DocketsimError, InputError, format_names
from workflow.files.opening import read_json

if TYPE_CHECKING:
    from simulations.running.jobs import Job


class OtherInstallation(DocketsimError, RuntimeError):
    """A worker has other versions or other tables of distributions, so that its parts would have other bytes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a worker returns of a part.

    Attributes
    ----------
    record : str
        The text of the record.
    files : mapping of str to bytes
        The files by kind; none if the worker has moved them to the run folder.
    """

    span: Span
    record: str
    files: Mapping[str, bytes]


def run_elsewhere(job: Job, spans: Sequence[Span]) -> Iterator[Span]:
    """Run parts on the cluster of a run, and yield the span of each when it is in the run folder.

    Raises
    ------
    OtherInstallation
        If a worker would write other bytes.
    ClusterLost
        If the scheduler ends, or a task kills several workers.
    """
    folder = job.folder.absolute()
    installed = {**versions(), "tables": distribution_tables(job.scenario)}
    shared = Shared(replace(job, folder=folder, main=None))
    one = partial(_run_there, shared, installed, read_json(folder / MANIFEST)["sha256"])
    for sent in on_cluster(one, spans, str(job.options.cluster), in_order=False):
        for kind, content in sent.files.items():
            with whole_file(part_path(folder, kind, sent.span), folders=False) as unfinished:
                unfinished.write_bytes(content)
        write_text(record_path(folder, sent.span), sent.record, folders=False)
        yield sent.span


def _run_there(shared: Shared[Job], installed: Mapping[str, str | None], manifest: str, span: Span) -> Sent:
    """Run a part on a worker."""
    job = shared.value
    if manifest not in _checked:
        check_installation(job, installed)
        _checked.add(manifest)
    reached = _is_here(job.folder, manifest)
    here = replace(job, folder=_scratch(os.getpid(), job.folder if reached else None))
    for kind in here.kinds:
        (here.folder / kind).mkdir(parents=True, exist_ok=True)
    here.run(span)
    record = _taken(record_path(here.folder, span)).decode()
    made = {kind: part_path(here.folder, kind, span) for kind in here.kinds}
    if not reached:
        return Sent(span, record, {kind: _taken(path) for kind, path in made.items()})
    for kind, path in made.items():
        path.replace(part_path(job.folder, kind, span))
    return Sent(span, record, {})


_checked: set[str] = set()
"""The SHA-256 of the manifest of each run for which this worker has been checked."""


@lru_cache(maxsize=1000)
def _scratch(process: int, folder: Path | None) -> Path:
    """Return the folder in which a worker process makes parts: in a run folder, which deletes it at the end, or of its own.

    The statements that write parts are prepared for one folder, which takes longer than to write a small part.
    """
    if folder is not None:
        return folder / f"{SCRATCH}{process}-{uuid.uuid4().hex}"
    own = tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True)
    atexit.register(own.cleanup)
    return Path(own.name)


def _taken(path: Path) -> bytes:
    """Return the content of a file, and delete it."""
    content = path.read_bytes()
    path.unlink()
    return content


def _is_here(folder: Path, manifest: str) -> bool:
    """Return whether a run folder with this manifest can be reached."""
    try:
        content: Any = read_json(folder / MANIFEST)
    except InputError:
        return False
    return isinstance(content, dict) and content.get("sha256") == manifest


def check_installation(job: Job, wanted: Mapping[str, str | None]) -> None:
    """Check that parts get the same bytes here as where the run was started.

    Raises
    ------
    OtherInstallation
        With what is different.
    """
    from socket import gethostname

    found = {**versions(), "tables": distribution_tables(job.scenario, remade=True)}
    wrong = [f"{name} {found[name]}, not {wanted[name]}" for name in versions() if found[name] != wanted[name]]
    if found["tables"] != wanted["tables"]:
        wrong.append("other tables of distributions")
    if wrong:
        raise OtherInstallation(
            f"a worker on {gethostname()} is refused: it has {format_names(wrong)}, so its parts would have other bytes."
            " Install the same versions there, or stop that worker, and resume with --resume (resume=True)."
        )
