"""Input files: only ordinary files are read, and never more than a limit of bytes."""

import gzip
import os
import socket
from pathlib import Path

import pytest

from simulations.fitting.raw_log import read_raw_log
from simulations.importing.release import Release
from simulations.loading import load_scenario
from workflow.auditing.log_files import read_log
from workflow.errors import InputError
from workflow.files.opening import EXCEL_BYTES, TABLE_BYTES, TEXT_BYTES, bounded, check_file, open_file, read_file
from workflow.files.tables import kind_of
from workflow.loading import load_workflow
from workflow.loading.rule_files import load_rules

GIB = 1 << 30


@pytest.fixture(params=["device", "pipe", "socket", "proc", "sparse", "loop", "nul", "folder", "missing", "long"])
def hostile(request, tmp_path, monkeypatch):
    """Return a path that no reader must follow, and what the message says about it."""
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    path = tmp_path / "hostile"
    if request.param == "device":
        return Path("/dev/zero"), "is a device, not a file"
    if request.param == "proc":
        return Path("/proc/self/environ"), "is a file of the operating system"
    if request.param == "nul":
        return Path("host\0ile"), "a path has no NUL character"
    if request.param == "long":
        return Path("x" * 5000), "File name too long"
    if request.param == "pipe":
        os.mkfifo(path)
        return path, "is a pipe, not a file"
    if request.param == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("hostile")
        return path, "is a socket, not a file"
    if request.param == "sparse":
        with path.open("wb") as file:
            file.truncate(20 * GIB)
        return path, "has 21,474,836,480 bytes; at most"
    if request.param == "loop":
        path.symlink_to(path)
        return path, "Too many levels of symbolic links"
    if request.param == "folder":
        path.mkdir()
        return path, "is a folder, not a file"
    return path, "No such file or directory"


def test_only_ordinary_files_are_read(hostile):
    """Every other kind of file is refused before a byte is read, with one message."""
    path, expected = hostile
    for read in (read_file, check_file):
        with pytest.raises(InputError) as caught:
            read(path)
        assert len(caught.value.problems) == 1
        assert expected in str(caught.value)


READERS = {
    "workflow": load_workflow, "scenario": load_scenario, "rules": load_rules, "log": read_raw_log, "table": kind_of,
    "release": Release.find,
}  # fmt: skip


@pytest.mark.parametrize("what", READERS)
def test_no_reader_follows_a_hostile_path(hostile, what):
    """Every kind of input is checked by the same function before it is opened."""
    if what in ("table", "release") and hostile[1].startswith("has"):
        pytest.skip("checks the size where it reads")
    if what == "release" and "folder" in hostile[1]:
        pytest.skip("a release is a folder")
    load = READERS[what]
    with pytest.raises(InputError) as caught:
        load(hostile[0])
    assert len(caught.value.problems) == 1
    if hostile[1].startswith("is a") and "folder" not in hostile[1]:
        assert hostile[1] in str(caught.value)


def test_a_file_that_grows_is_not_read_beyond_the_limit(tmp_path):
    """The bytes are counted while the file is read, whatever its size was when it was opened."""
    path = tmp_path / "growing"
    path.write_bytes(b"x" * 100)
    with open_file(path, 1000, "Shorten it.") as file:
        with path.open("ab") as more:
            more.write(b"x" * 10_000)
        with pytest.raises(InputError, match=r"growing: has more than 1,000 bytes; at most 1,000 are read\. Shorten it\."):
            file.read()


def test_a_file_of_exactly_the_limit_is_read(tmp_path):
    """The limit itself is allowed; one byte more is not."""
    path = tmp_path / "full"
    path.write_bytes(b"x" * 1000)
    assert len(read_file(path, 1000)) == 1000
    with pytest.raises(InputError, match="has 1,000 bytes; at most 999 are read"):
        read_file(path, 999)


def test_a_compressed_file_is_bounded_by_its_content(tmp_path):
    """A small file that unpacks to a large one is read up to the limit."""
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    with open_file(path) as file, gzip.open(file) as unpacked, pytest.raises(InputError, match="has more than 1,000,000 bytes"):
        bounded(unpacked, 1_000_000, path).read()


def test_a_link_to_an_ordinary_file_is_followed(tmp_path):
    """A link is as good as the file that it leads to."""
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    assert read_file(tmp_path / "link") == b"text"


def test_the_limits_are_those_of_the_page_about_limits():
    """The documented sizes are the ones that apply."""
    assert (TEXT_BYTES, EXCEL_BYTES, TABLE_BYTES) == (4_000_000, 2_000_000_000, 20_000_000_000)


@pytest.mark.parametrize("hostile", ["proc", "sparse", "device", "pipe"], indirect=True)
def test_logs_and_tables_are_ordinary_files_too(hostile):
    """A log and a table of cases are checked before a library opens them."""
    for read in (lambda path: read_log(path, load_workflow("prosecutorial-discretion-review")), kind_of):
        with pytest.raises(InputError) as caught:
            read(hostile[0])
        assert len(caught.value.problems) == 1
