"""A process that computes for one session. It can be stopped at any time, and the page stays responsive meanwhile."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Literal

from workflow.errors import DocketsimError

Task = Callable[..., Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Message:
    """What a worker says about a job: a result, that it is done, what is wrong with its input, or why it failed."""

    job: int
    kind: Literal["result", "done", "wrong", "failed"]
    content: Any = None


class Worker:
    """Carries out one job at a time. A new job replaces the one before, between two of its results.

    The process starts with the first job, and ends with `close`, or with the process that started it.
    """

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._job = 0
        self.busy = False

    def start(self, task: Task, *arguments: Any) -> None:
        """Begin a job: a generator function that another process can import. What it yields are its results."""
        self._job += 1
        self.busy = True
        if self._process is None or self._process.poll() is not None:
            self._begin()
        assert self._pipe is not None
        try:
            self._pipe.send((self._job, task, arguments))
        except OSError:  # it died meanwhile
            self._begin()
            self._pipe.send((self._job, task, arguments))

    def messages(self) -> Iterator[Message]:
        """Yield what has come in about the current job."""
        with suppress(queue.Empty):
            while True:
                message = self._messages.get_nowait()
                if message.job == self._job:
                    self.busy = message.kind == "result"
                    yield message

    def stop(self) -> None:
        """Stop the job at once. The next one starts a new process."""
        self._job += 1
        self.busy = False
        self.close()

    def close(self) -> None:
        """End the process."""
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.wait()

    def _begin(self) -> None:
        """Start the process. It imports this module only: a fork of a process with threads may hang."""
        self.close()
        self._pipe, theirs = Pipe()
        command = [sys.executable, "-c", f"from {__name__} import work; work({theirs.fileno()})"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=environment, start_new_session=True
        )
        theirs.close()
        threading.Thread(target=self._listen, args=(self._pipe,), daemon=True).start()

    def _listen(self, pipe: Connection) -> None:
        last = 0
        with suppress(OSError, EOFError, TypeError):  # closing a pipe that is read raises one of these
            while True:
                message: Message = pipe.recv()
                last = message.job
                self._messages.put(message)
            return
        if pipe is self._pipe:  # nobody has closed it
            why = "The computation ended unexpectedly, probably out of memory. Ask for fewer cases or a shorter run."
            self._messages.put(Message(max(last, self._job), "failed", why))


def work(descriptor: int) -> None:
    """Carry out jobs until the other end of a pipe is closed. Ctrl-C ends the page, and the page ends this process."""
    pipe: Connection = Connection(descriptor)
    with suppress(EOFError, OSError):
        while True:
            job, task, arguments = pipe.recv()
            while pipe.poll():
                job, task, arguments = pipe.recv()
            _carry_out(pipe, job, task, arguments)


def _carry_out(pipe: Connection, job: int, task: Task, arguments: tuple[Any, ...]) -> None:
    try:
        for result in task(*arguments):
            pipe.send(Message(job, "result", result))
            if pipe.poll():
                return
    except DocketsimError as error:
        pipe.send(Message(job, "wrong", str(error)))
    except (EOFError, BrokenPipeError):
        raise
    except Exception:
        pipe.send(Message(job, "failed", f"docketsim failed, and this is its fault, not yours:\n{traceback.format_exc()}"))
    else:
        pipe.send(Message(job, "done"))
