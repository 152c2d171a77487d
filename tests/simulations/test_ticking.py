"""Progress without a terminal: lines on standard error from the first second, with elapsed and remaining time."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from simulations.cli import ticking
from simulations.cli.ticking import SECONDS, SECONDS_BETWEEN, Ticker


class _Clock(threading.Event):
    """A clock that moves on by what is waited for, and an event that is set at some time."""

    def __init__(self, ends: float) -> None:
        super().__init__()
        self.time, self.ends = 0.0, ends

    def wait(self, timeout: float | None = None) -> bool:
        self.time += timeout or 0.0
        return self.time > self.ends


def _lines(ends: float, done: int = 0, todo: int = 0, before: int = 0) -> list[str]:
    clock, lines = _Clock(ends), list[str]()
    ticker = Ticker("replications", lines.append, lambda: clock.time)
    ticker.report(before + 1 if before else 0, todo)
    ticker.report(done, todo)
    ticker.run(clock)
    return lines


def test_lines_come_after_1_10_and_30_seconds_and_then_every_half_minute() -> None:
    """Whether or not a replication has finished."""
    assert _lines(0.9) == []
    assert _lines(100) == [f"replications, {at} elapsed" for at in ("0:01", "0:10", "0:30", "1:00", "1:30")]
    assert (SECONDS[0], SECONDS_BETWEEN) == (1.0, 30.0)


def test_a_line_says_how_much_is_left() -> None:
    """As long for each replication as for those that are finished."""
    assert _lines(30, 5, 20)[-1] == "replications: 5 of 20, 0:30 elapsed, about 1:30 left"
    assert _lines(30, 0, 20)[-1] == "replications: 0 of 20, 0:30 elapsed"
    assert _lines(30, 20, 20)[-1] == "replications: 20 of 20, 0:30 elapsed"


def test_replications_of_before_an_interruption_took_no_time() -> None:
    """Of a command that is resumed with 10 replications, five more took half a minute."""
    assert _lines(30, 15, 20, before=10)[-1] == "replications: 15 of 20, 0:30 elapsed, about 0:30 left"


def test_a_line_says_what_is_done_before_the_next_replication() -> None:
    """Such as compiling the engine."""
    ticker = Ticker("replications", lambda text: None, lambda: 0.0)
    with ticker.announce("compiling the fast engine"):
        assert ticker.line() == "compiling the fast engine, 0:00 elapsed"
    assert ticker.line() == "replications, 0:00 elapsed"


def test_lines_end_with_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread stays behind, also after an error; the environment turns lines off."""
    monkeypatch.setattr(ticking, "SECONDS", (0.0,))
    shown = threading.Event()
    for switch in ("", "off"):
        monkeypatch.setenv(ticking.SWITCH, switch)
        before = threading.active_count()
        with suppress(RuntimeError), ticking.ticking("drawing", lambda text: shown.set()) as ticker:
            ticker.report(1, 2)
            assert switch == "off" or shown.wait(60)
            raise RuntimeError
        assert threading.active_count() == before
