"""Verifying a run folder: hashes of its parts, and reruns from its scenario and seed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from simulations import run, verify
from simulations.run_folder.manifest import manifest_hash
from simulations.run_folder.parts import sha256
from tests.simulations.desk import TINY, write_tiny
from workflow.errors import InputError


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def three(tiny: Path) -> Path:
    """The folder of three replications, which no test changes."""
    return run(tiny, replications=3, seed=3, by=["kind"], out=tiny.parent / "three").folder


@pytest.fixture
def copy(three: Path, tmp_path: Path) -> Path:
    """A copy of the folder, for tests that damage it."""
    return Path(shutil.copytree(three, tmp_path / "copy"))


def test_an_unchanged_run_is_as_written_and_reruns_to_the_same_bytes(three: Path) -> None:
    """Every replication is rerun from the scenario and workflow in the folder."""
    verified = verify(three, rerun=99)
    assert verified.ok
    assert (verified.parts, verified.replications, verified.run_again) == (9, 3, [1, 2, 3])
    assert verified.json()["verdict"] == "ok"


def test_the_requested_number_of_replications_is_rerun(three: Path) -> None:
    """They are chosen at random."""
    chosen = {tuple(verify(three, rerun=1).run_again) for _ in range(2)}
    assert chosen <= {(1,), (2,), (3,)}


def test_a_rerun_detects_forged_parts_with_valid_hashes(copy: Path) -> None:
    """The parts and hashes of another replication replace the real ones."""
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    shutil.copy(copy / "measures" / "replication=1.parquet", copy / "measures" / "replication=2.parquet")
    manifest["parts"]["measures/replication=2.parquet"] = sha256(copy / "measures" / "replication=2.parquet")
    manifest["sha256"] = manifest_hash(manifest)
    (copy / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert verify(copy).ok
    assert verify(copy, rerun=3).wrong == [("measures/replication=2.parquet", "a rerun gives other bytes")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 4),
        ("replications", 4),
        ("versions", {"numpy": "1.0"}),
        ("confidence", 0.9),
        ("engine", "compiled"),
        ("violations", {"1": {"a rule": 0}}),
        ("queues", {"1": []}),
        ("platform", {}),
        ("calendars", {"office": ["2024-01-01"]}),
        ("a new key", 1),
        ("sha256", None),
    ],
)
def test_a_changed_manifest_is_named(copy: Path, key: str, value: object) -> None:
    """Every entry of the manifest is covered by its hash, also those that decide no bytes."""
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps({**manifest, key: value}), encoding="utf-8")
    assert ("manifest.json", "not as it was written") in verify(copy).wrong


def test_the_layout_of_a_manifest_does_not_matter(copy: Path) -> None:
    """Its hash is that of its content."""
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "manifest.json").write_text(json.dumps(dict(reversed(manifest.items()))), encoding="utf-8")
    assert verify(copy).ok


def test_missing_and_foreign_parts_and_another_scenario_are_named(copy: Path) -> None:
    """One pass reports all of them."""
    (copy / "events" / "replication=1.parquet").unlink()
    shutil.copy(copy / "cases" / "replication=1.parquet", copy / "cases" / "replication=9.parquet")
    text = (copy / "scenario.yaml").read_text(encoding="utf-8")
    (copy / "scenario.yaml").write_text(text.replace("9 hours", "8 hours"), encoding="utf-8")
    assert verify(copy).wrong == [
        ("scenario.yaml, workflow.yaml", "not what was run"),
        ("events/replication=1.parquet", "missing"),
        ("cases/replication=9.parquet", "belongs to no finished replication"),
    ]


def test_a_scenario_that_reads_a_table_is_rerun_with_its_original_file(tmp_path: Path) -> None:
    """The message asks for the file. Verify and resume detect a changed table."""
    write_tiny(tmp_path)
    lines = [f"2024-01-{day:02d},plain" for day in range(2, 20)]
    (tmp_path / "new.csv").write_text("\n".join(["arrived,kind", *lines]) + "\n", encoding="utf-8")
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(TINY.replace("{rate: 3 per day}", "{table: new.csv}"), encoding="utf-8")
    folder = run(scenario, replications=2, out=tmp_path / "run").folder
    with pytest.raises(InputError, match=r"cannot be rerun from its own files: .*Give the original file with --scenario"):
        verify(folder, rerun=1)
    assert verify(folder, rerun=2, scenario=scenario).ok
    with pytest.raises(InputError, match="is not the scenario of this run"):
        verify(folder, rerun=1, scenario="pilot")
    (tmp_path / "new.csv").write_text("\n".join(["arrived,kind", *lines[1:]]) + "\n", encoding="utf-8")
    assert len(verify(folder, rerun=2, scenario=scenario).wrong) == 6
    with pytest.raises(FileExistsError, match="a table of cases, sizes, rates or uncertain inputs differs"):
        run(scenario, replications=2, out=folder, resume=True)


def test_a_run_with_hooks_cannot_be_rerun(tiny: Path, tmp_path: Path) -> None:
    """The folder does not contain the hooks."""
    folder = run(tiny, out=tmp_path / "run", hooks={"finish": lambda simulation, case: None}).folder
    assert verify(folder).ok
    with pytest.raises(InputError, match="this run used hooks or processes"):
        verify(folder, rerun=1)


def test_another_folder_is_not_a_run_folder(tmp_path: Path) -> None:
    """A missing folder is reported too."""
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="is not a run folder"):
            verify(folder)
