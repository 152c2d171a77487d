"""How a command ends: signals, failed output, and faults of the program.

SIGINT (Ctrl-C), SIGTERM and SIGHUP end a command cleanly, with exit code 128 plus the number of the signal. Output that
cannot be written is one line on standard error. An unforeseen error is one line that names a file with its traceback.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from workflow.errors import DocketsimError, visible

FAULT = 70
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_received: list[int] = []


class Interrupted(BaseException):
    """A signal asks the command to end. It is not a KeyboardInterrupt, which Typer handles itself."""


class OutputFailed(DocketsimError):
    """Standard output could not be written."""


# signals -------------------------------------------------------------------------------------------


def handle_signals() -> None:
    """Raise `Interrupted` at a signal to end, unless the parent process chose to ignore it, as ``nohup`` does."""
    for number in STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def default_signals() -> None:
    """Let signals end the process at once: everything has been said."""
    for number in STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, _: FrameType | None) -> None:
    _received.append(number)
    raise Interrupted


def exit_code_of_interruption(error: BaseException) -> int | None:
    """Return the exit code if a command ends with this error because of a signal, else ``None``.

    A library may have turned the interruption into an error of its own.
    """
    if not _received and not isinstance(error, KeyboardInterrupt):
        return None
    return 128 + (_received[0] if _received else signal.SIGINT)


# output --------------------------------------------------------------------------------------------


class _Output(io.FileIO):
    """A standard file. Only the first failure is raised, so that nothing fails again when the process ends.

    Parameters
    ----------
    number : int
        1 for standard output, 2 for standard error, whose failures are not raised: nobody could read about them.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb", closefd=False)
        self._failed = False

    def write(self, data: object) -> int:
        """Write bytes, and return their number.

        Raises
        ------
        OutputFailed
            If they cannot be written.
        """
        if not self._failed:
            try:
                return super().write(data)  # type: ignore[arg-type]
            except OSError as error:
                self._failed = True
                if self.fileno() == 1:
                    closed = error.errno in (errno.EPIPE, errno.EBADF)
                    reason = "closed before everything was written" if closed else f"could not be written: {error.strerror}"
                    raise OutputFailed(f"standard output: {reason}") from None
        return len(data)  # type: ignore[arg-type]


def open_output() -> None:
    """Make failures of standard output errors of the project. A character that it cannot encode is escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed: otherwise the next file would take its place, and be written to
            os.open(os.devnull, os.O_RDONLY)
    for number, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        encoding = old.encoding if old is not None else "utf-8"
        buffer = io.BufferedWriter(_Output(number))
        lines = number == 2 or os.isatty(number)
        setattr(sys, name, io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=lines))


# errors --------------------------------------------------------------------------------------------


def foreseen(error: BaseException) -> str | None:
    """Return the message of an error that is not a fault of the program; ``None`` for a fault."""
    if isinstance(error, DocketsimError):
        return str(error)
    if isinstance(error, MemoryError):
        return "Not enough memory. Close other programs, or ask for less work."
    if isinstance(error, OSError) and error.filename and error.strerror:  # the system refused a file or a folder
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return None


def report_fault(error: BaseException) -> int:
    """Write an unforeseen error to a file, print one line that names it, and return the exit code."""
    import tempfile

    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    line = f"docketsim failed, and this is its fault, not yours: {what}."
    with suppress(OSError):
        handle, path = tempfile.mkstemp(prefix="docketsim-fault-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_description(error))
        line += f" Please send {path}; it has the traceback and the arguments, and no contents of files. See SECURITY.md."
    with suppress(OSError):
        print(visible(line), file=sys.stderr)
    return FAULT


def _description(error: BaseException) -> str:
    """Return what is needed to find a fault: arguments, versions and the traceback."""
    import platform
    import shlex
    import traceback
    from importlib.metadata import version

    names = ("docketsim", "duckdb", "numpy", "simpy", "typer")
    versions = [f"{name} {version(name)}" for name in names]
    lines = [shlex.join(sys.argv), f"Python {platform.python_version()}, {platform.platform()}", ", ".join(versions), ""]
    return "\n".join(lines) + "\n" + "".join(traceback.format_exception(error))
