"""Run folders as a stranger would send them: a real run, changed to do harm where it is read."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from simulations.run_folder.manifest import manifest_hash
from simulations.run_folder.parts import sha256
from workflow.files.yaml_tree import dump_yaml, read_yaml
from workflow.sql.quoting import identifier, text

CANARY = "canary-4711"
"""The content of every file outside the folder. It must not appear in any output."""


@dataclass
class Folder:
    """A run folder that is being changed, and a folder outside that nothing may touch."""

    path: Path
    outside: Path

    @property
    def sql(self) -> str:
        """Return SQL that would write a file and read another, for a place inside quotes."""
        return f"x'; copy (select 1) to '{self.outside}/written.csv'; select * from read_csv('{self.outside}/secret.csv') --"

    @property
    def quoted(self) -> str:
        """Return the same for a place inside an identifier."""
        return f"x\"; copy (select 1) to '{self.outside}/written.csv'; select * from read_csv('{self.outside}/secret.csv') --"

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a YAML file."""
        path = self.path / name
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new), encoding="utf-8")

    def scenario(self, **sections: Any) -> None:
        """Replace sections of the scenario."""
        path = self.path / "scenario.yaml"
        path.write_text(dump_yaml({**read_yaml(path).plain(), **sections}), encoding="utf-8")

    def part(self, kind: str, select: str) -> None:
        """Replace the first part of a table by the result of a query over it, here ``old``."""
        path = self.path / kind / "replication=1.parquet"
        with duckdb.connect() as connection:
            connection.execute(f"create view old as from read_parquet({text(str(path))})")
            connection.execute(f"copy ({select}) to {text(str(path) + '.new')} (format parquet)")
        os.replace(str(path) + ".new", path)

    def cell(self, kind: str, column: str, value: str) -> None:
        """Replace every cell of a column."""
        self.part(kind, f"select * replace ({text(value)} as {identifier(column)}) from old")

    def link(self, name: str, target: str) -> None:
        """Replace a file or folder by a symbolic link to something outside."""
        path = self.path / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(self.outside / target)

    def manifest(self, **entries: Any) -> None:
        """Change entries of the manifest."""
        path = self.path / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **entries}), encoding="utf-8")

    def seal(self) -> None:
        """Write the hashes as a forger would: those of the changed parts, and that of the manifest."""
        path = self.path / "manifest.json"
        if path.is_symlink():
            return
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("parts"), dict):
            for name in content["parts"]:
                if (self.path / name).is_file() and not (self.path / name).is_symlink() and ".." not in name:
                    content["parts"][name] = sha256(self.path / name)
            content["sha256"] = manifest_hash(content)
            path.write_text(json.dumps(content), encoding="utf-8")


def _sql_in_yaml() -> dict[str, Callable[[Folder], None]]:
    return {
        "sql in the start of the scenario": lambda f: f.edit("scenario.yaml", "2024-01-01", json.dumps(f"2024-01-01{f.sql}")),
        "sql in the name of the scenario": lambda f: f.edit("scenario.yaml", "scenario: tiny", f"scenario: {json.dumps(f.sql)}"),
        "a path as the name of the scenario": lambda f: f.edit("scenario.yaml", "scenario: tiny", "scenario: ../../written"),
        "sql in the name of a pool": lambda f: f.edit("scenario.yaml", "clerks", json.dumps(f.sql)),
        "sql in the name of a court": lambda f: f.edit("scenario.yaml", "west", json.dumps(f.sql)),
        "sql in the name of the workflow": lambda f: f.edit("workflow.yaml", "workflow: desk", f"workflow: {json.dumps(f.sql)}"),
        "sql in the name of a fact": lambda f: f.edit("workflow.yaml", "age:", f"{json.dumps(f.quoted)}:"),
        "sql in the name of a transition": lambda f: f.edit("workflow.yaml", "transition: finish", f"transition: {json.dumps(f.quoted)}"),
        "sql in a guard": lambda f: f.edit("workflow.yaml", "when: answer", f"when: {json.dumps(f.sql)} #"),
        "an escape sequence in a description": lambda f: f.edit("scenario.yaml", "scenario: tiny", 'scenario: tiny\ndescription: "\\e[2J"'),
        "python in a guard": lambda f: f.edit("workflow.yaml", 'answer == "yes"', "\"__import__('os').system('id')\""),
        "a python object in yaml": lambda f: f.edit("workflow.yaml", "age:", "other: !!python/object/apply:os.system [id]\n  age:"),
        "an extension of a file outside": lambda f: f.edit("workflow.yaml", "workflow: desk", f"workflow: desk\nextends: {f.outside}/secret.yaml"),
        "a scenario that extends a file outside": lambda f: f.edit("scenario.yaml", "scenario: tiny", f"scenario: tiny\nextends: {f.outside}/secret.yaml"),
        "a table outside": lambda f: f.scenario(arrivals={"east": {"table": f"{f.outside}/secret.csv"}}),
        "work from a table outside": lambda f: f.scenario(
            activities={"serve": {"takes": {"table": {"file": f"{f.outside}/secret.csv", "column": "a", "unit": "hours"}}}}
        ),
        "another workflow": lambda f: f.edit("scenario.yaml", "workflow: desk.yaml", f"workflow: {f.outside}/secret.yaml"),
        "a scenario that is a list": lambda f: (f.path / "scenario.yaml").write_text("[1, 2]"),
        "a workflow without transitions": lambda f: (f.path / "workflow.yaml").write_text("workflow: desk\n"),
        "an empty scenario": lambda f: (f.path / "scenario.yaml").write_text(""),
    }  # fmt: skip


def _sql_in_parts() -> dict[str, Callable[[Folder], None]]:
    cells = {
        f"sql in the cells of {kind}.{column}": lambda f, kind=kind, column=column: f.cell(kind, column, f.quoted + f.sql)
        for kind, column in (
            ("events", "transition"), ("events", "cause"), ("events", "court"), ("events", "from_state"), ("events", "to_state"),
            ("events", "pool"), ("events", "activity"), ("events", "outcome"), ("cases", "court"), ("cases", "initial_state"),
            ("cases", "kind"), ("measures", "measure"), ("measures", "court"), ("measures", "unit"),
        )
    }  # fmt: skip
    return {
        **cells,
        "sql in a new column of the cases": lambda f: f.part("cases", f"select *, 1 as {identifier(f.quoted)} from old"),
        "sql in a new column of the events": lambda f: f.part("events", f"select *, 1 as {identifier(f.quoted)} from old"),
        "sql in a new column of the measures": lambda f: f.part("measures", f"select *, 1 as {identifier(f.quoted)} from old"),
        "sql in place of a column": lambda f: f.part("cases", f"select * exclude (age), age as {identifier(f.quoted)} from old"),
        "a column less": lambda f: f.part("events", "select * exclude (cause) from old"),
        "a column twice": lambda f: f.part("cases", 'select *, 1 as "KIND" from old'),
        "case ids that are texts": lambda f: f.part("events", "select * replace (case_id::varchar as case_id) from old"),
        "instants that are texts": lambda f: f.part("events", "select * replace ('soon' as happened_at) from old"),
        "values that are lists": lambda f: f.part("measures", "select * replace ([value] as value) from old"),
        "courts that are structures": lambda f: f.part("cases", "select * replace ({'a': court} as court) from old"),
        "infinite instants": lambda f: f.part("events", "select * replace ('infinity'::timestamp as happened_at) from old"),
        "infinite values": lambda f: f.part("measures", "select * replace ('infinity'::double as value) from old"),
        "empty cells": lambda f: f.part("events", "select * replace (null::varchar as to_state) from old"),
        "events of no case": lambda f: f.part("events", "select * replace (case_id + 1000000 as case_id) from old"),
        "cases twice": lambda f: f.part("cases", "from old union all from old"),
        "no rows": lambda f: f.part("measures", "from old limit 0"),
        "a part that is a text": lambda f: (f.path / "events" / "replication=1.parquet").write_text(f.sql),
        "a part that is empty": lambda f: (f.path / "measures" / "replication=1.parquet").write_bytes(b""),
        "a part that is not listed": lambda f: shutil.copy(f.path / "events" / "replication=1.parquet", f.path / "events" / "extra.parquet"),
        "a part that is a pipe": lambda f: _pipe(f.path / "events" / "replication=1.parquet"),
        "a part that is a folder": lambda f: _folder(f.path / "cases" / "replication=1.parquet"),
    }  # fmt: skip


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _links() -> dict[str, Callable[[Folder], None]]:
    targets = {
        "manifest.json": "secret.json",
        "scenario.yaml": "secret.yaml",
        "workflow.yaml": "secret.yaml",
        "cases": "parts",
        "events": "parts",
        "measures": "parts",
        "cases/replication=1.parquet": "parts/replication=1.parquet",
        "events/replication=2.parquet": "parts/replication=1.parquet",
        "measures/replication=3.json": "secret.json",
        ".lock": "secret.csv",
        "policy-1.yaml": "secret.yaml",
    }
    return {f"a link in place of {name}": lambda f, name=name, to=to: f.link(name, to) for name, to in targets.items()}


def _manifests() -> dict[str, Callable[[Folder], None]]:
    shapes: dict[str, dict[str, Any]] = {
        "a seed that is sql": {"seed": "1; drop"},
        "no replications": {"replications": 0},
        "endless replications": {"replications": 10**30},
        "days that are sql": {"at": ["2024-01-01'; copy (select 1) to '/tmp/x'"]},
        "days that are no list": {"at": "2024-01-31"},
        "a part outside": {"parts": {"../../outside/parts/replication=1.parquet": "0" * 64}},
        "a part with an absolute path": {"parts": {"/etc/passwd": "0" * 64}},
        "a part of another kind": {"parts": {"secret/replication=1.parquet": "0" * 64}},
        "a part that is a pattern": {"parts": {"events/replication=*.parquet": "0" * 64}},
        "a part without a hash": {"parts": {"events/replication=1.parquet": None}},
        "parts that are a list": {"parts": ["events/replication=1.parquet"]},
        "no parts": {"parts": {}},
        "queues of another shape": {"queues": {"1": [[1, 2]]}},
        "violations of another shape": {"violations": [1]},
        "a level above 1": {"confidence": 95},
        "a level that is no number": {"confidence": float("nan")},
        "versions that are a text": {"versions": "1.0"},
        "measures that do not exist": {"measures": ["x'; copy"]},
        "courts that do not exist": {"courts": [{"a": 1}]},
        "an engine that is sql": {"engine": ["'"]},
        "groups that are sql": {"by": ["kind'; copy"]},
        "a monitor that does not exist": {"monitor": "x"},
    }
    return {f"a manifest with {what}": lambda f, entries=entries: f.manifest(**entries) for what, entries in shapes.items()} | {
        "a manifest that is a list": lambda f: (f.path / "manifest.json").write_text("[1]"),
        "a manifest that is a number": lambda f: (f.path / "manifest.json").write_text("1"),
        "a manifest that is deep": lambda f: (f.path / "manifest.json").write_text("[" * 100_000),
        "a manifest that is bytes": lambda f: (f.path / "manifest.json").write_bytes(b"\xff\xfe\x00"),
    }


ATTACKS: dict[str, Callable[[Folder], Any]] = {**_sql_in_yaml(), **_sql_in_parts(), **_links(), **_manifests()}
"""What is done to a run folder, by a description."""


def make(good: Path, attack: str, room: Path) -> Folder:
    """Return a copy of a run folder after an attack, beside files that nothing may touch."""
    outside = room / "outside"
    (outside / "parts").mkdir(parents=True)
    for name in ("secret.csv", "secret.yaml", "secret.json", "secret.txt"):
        (outside / name).write_text(f"{CANARY}: {CANARY}\n", encoding="utf-8")
    with duckdb.connect() as connection:
        path = outside / "parts" / "replication=1.parquet"
        connection.execute(f"copy (select '{CANARY}' as court) to {text(str(path))} (format parquet)")
    folder = Folder(Path(shutil.copytree(good, room / "run")), outside)
    ATTACKS[attack](folder)
    if "manifest" not in attack:
        folder.seal()
    return folder


def snapshot(root: Path) -> dict[str, Any]:
    """Return everything below a folder: kinds, targets of links, contents, sizes and times of change."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        target = os.readlink(path) if path.is_symlink() else None
        found[str(path.relative_to(root))] = (state.st_mode, state.st_size, state.st_mtime_ns, content, target)
    return found


@dataclass
class Watch:
    """What Python did while it was watched: files opened or changed, processes and connections."""

    events: list[tuple[str, str]] = field(default_factory=list)
    on: bool = False


_FILES = ("open", "os.", "shutil.", "pathlib.", "tempfile.", "glob.")
_RUNS = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "socket.connect", "urllib.", "pty.")
_watch = Watch()
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch.on and event.startswith((*_FILES, *_RUNS)):
        _watch.events += [(event, str(argument)) for argument in arguments if isinstance(argument, str | bytes | os.PathLike)]


@contextmanager
def watched() -> Iterator[Watch]:
    """Record what Python does. A hook cannot be removed, so it is installed once and switched on and off."""
    global _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    _watch.events.clear()
    _watch.on = True
    try:
        yield _watch
    finally:
        _watch.on = False
