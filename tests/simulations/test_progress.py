"""Progress is shown in a terminal and in a notebook, and not in a pipe; runs are safe in threads and after an interruption."""

from __future__ import annotations

import io
import multiprocessing
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simulations import compare, run
from tests.simulations.desk import write_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison counts the replications of all its runs. ``progress=False`` shows nothing."""
    for progress, shown in ((None, True), (False, False)):
        screen = _Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        compare(tiny, tiny, replications=2, keep="measures", out=tmp_path / str(progress), progress=progress)  # type: ignore[arg-type]
        assert ("replications" in screen.getvalue()) == shown
        assert ("4/4" in screen.getvalue()) == shown


def test_a_pipe_has_nothing(tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nor has a file."""
    run(tiny, replications=2, keep="measures", out=tmp_path / "r")
    assert capfd.readouterr() == ("", "")


def test_a_notebook_has_a_line(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is updated in place, and says in the end that all replications are finished."""
    lines: list[Any] = []

    def display(text: Any, *, raw: bool, display_id: bool) -> Any:
        lines.append(text)
        return SimpleNamespace(update=lambda text, raw: lines.append(text))

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    run(tiny, replications=3, keep="measures", out=tmp_path / "r")
    assert lines[0] == {"text/plain": "replications: 0"}
    assert lines[-1] == {"text/plain": "replications: 3 of 3"}


def test_an_interrupted_cell_leaves_a_folder_that_resumes(tiny: Path, tmp_path: Path) -> None:
    """The run ends in the same numbers as one that was not interrupted."""

    def interrupt(done: int, todo: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny, replications=3, out=tmp_path / "r", progress=interrupt)
    resumed = run(tiny, replications=3, out=tmp_path / "r", resume=True)
    assert resumed.estimates == run(tiny, replications=3, out=tmp_path / "whole").estimates


def test_runs_in_threads_do_not_disturb_each_other(tiny: Path, tmp_path: Path) -> None:
    """Each has the numbers of a run alone."""
    alone = run(tiny, seed=5, out=tmp_path / "alone").estimates
    found: dict[int, Any] = {}

    def work(k: int) -> None:
        found[k] = run(tiny, seed=5, out=tmp_path / str(k)).estimates

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(3), alone)


def _pending(job: tuple[Path, Path]) -> float | None:
    scenario, out = job
    return run(scenario, seed=5, out=out).get("pending").mean


@pytest.mark.slow
def test_runs_in_processes_do_not_disturb_each_other(tiny: Path, tmp_path: Path) -> None:
    """A pool of processes may run them, however it starts them."""
    alone = run(tiny, seed=5, out=tmp_path / "alone").get("pending").mean
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            jobs = [(tiny, tmp_path / f"{method}-{k}") for k in range(2)]
            assert pool.map(_pending, jobs) == [alone, alone]


def test_the_compile_of_the_engine_is_named_in_its_place(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar and a line in a notebook say what is done before the first replication."""
    shown: list[str] = []
    screen = _Terminal()

    def compile_kernel(_: bool) -> None:
        shown.append(screen.getvalue())
        raise KeyboardInterrupt

    monkeypatch.setattr("simulations.engines.compiled_engine.available", lambda: True)
    monkeypatch.setattr("simulations.engines.compiled_engine.is_compiled", lambda _: False)
    monkeypatch.setattr("simulations.engines.compiled_engine.compile_kernel", compile_kernel)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", screen)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, engine="compiled", out=tmp_path / "terminal")
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object())))
    update = SimpleNamespace(update=lambda text, raw: screen.write(text["text/plain"]))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=lambda *_, **__: update))
    with pytest.raises(KeyboardInterrupt):
        run(tiny, engine="compiled", out=tmp_path / "notebook")
    assert ["compiling the fast engine" in text for text in shown] == [True, True]
    assert shown[1].endswith("compiling the fast engine (once, about half a minute)")
