"""Run the parts of a run on a cluster.

A part is made in a folder of its own, by the function that makes it on this machine. A worker that reaches the run folder moves the
finished part there; another one sends it back. The record is written here, last. So a part is whole or not there, whatever dies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
    check_installation(job, installed)
    reached = _is_here(job.folder, manifest)
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=job.folder if reached else None, ignore_cleanup_errors=True) as scratch:
        here = replace(job, folder=Path(scratch))
        for kind in here.kinds:
            (here.folder / kind).mkdir()
        here.run(span)
        record = record_path(here.folder, span).read_text(encoding="utf-8")
        made = {kind: part_path(here.folder, kind, span) for kind in here.kinds}
        if not reached:
            return Sent(span, record, {kind: path.read_bytes() for kind, path in made.items()})
        for kind, path in made.items():
            path.replace(part_path(job.folder, kind, span))
    return Sent(span, record, {})


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
