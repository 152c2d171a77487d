"""Run commands and programs in forks of a process that has imported docketsim: a fresh Python takes most of a short command's time.

``python tests/command_server.py SOCKET`` listens on a Unix socket until its standard input is closed. `start` starts it
and writes executables that hand their arguments, environment, folder and open files to it, and exit with the exit
code of the fork: ``docketsim``, ``run-program FILE`` for a Python program, and ``python``, of which it runs
``python -m pytest`` alone. Each fork is a separate process, so pipes, output and exit codes are those of the installed
command, and nothing is shared between commands except imports and the compiled kernel.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = ("altair", "duckdb", "holidays", "hypothesis", "joblib", "pytest", "rich.progress", "rich.table", "scipy.stats", "z3")
"""Heavy libraries that functions import when they are called."""
MOST_BYTES = 1 << 20
CLIENT = """\
#!{python} -SE
import json, os, socket, sys
if sys.argv[0].endswith("/python") and sys.argv[1:3] != ["-m", "pytest"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(request).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(request)
    sys.exit(int(server.recv(8) or b"1"))
"""


@functools.cache
def start() -> Path:
    """Start a server that ends with this process; return the folder of the executables."""
    folder = Path(tempfile.mkdtemp(prefix="docketsim-"))
    address = str(folder / "socket")
    for name in ("docketsim", "python", "run-program"):
        (folder / name).write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    server = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    atexit.register(server.wait)
    atexit.register(server.stdin.close)
    return folder


def import_everything() -> None:
    """Import docketsim with its heavy libraries, for the forks of this process; build what is built when it is first used."""
    for package in ("workflow", "simulations"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.startswith(
                ("simulations.app", "simulations.studies", "simulations.engines.kernel", "simulations.cli.__main__")
            ):
                importlib.import_module(module.name)
    for library in LIBRARIES:
        importlib.import_module(library)
    from simulations.engines import compiled_engine
    from workflow.files.validation import Entry

    models: list[Any] = [Entry]
    for model in models:
        model.model_rebuild()
        models += model.__subclasses__()
    for special in (False, True):
        if compiled_engine.available() and compiled_engine.is_compiled(special):
            compiled_engine.compile_kernel(special)


def serve(address: str) -> None:
    """Import docketsim, and answer requests until standard input is closed."""
    import_everything()
    gc.freeze()
    waiting: dict[int, socket.socket] = {}
    ended, ending = os.pipe()
    os.set_blocking(ending, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ending)  # when a fork ends
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in (ready := select.select([listener, sys.stdin, ended], [], [])[0]):
            if listener in ready:
                client, _ = listener.accept()
                child = os.fork()
                if child == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for other in (listener, *waiting.values()):
                        other.close()
                    run(*received(client))
                waiting[child] = client
            if ended in ready:
                os.read(ended, MOST_BYTES)
                answer(waiting)
    os._exit(0)  # DuckDB would print what is frozen as leaks


def answer(waiting: dict[int, socket.socket]) -> None:
    """Send the exit codes of forks that have ended to those who wait for them."""
    while waiting:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        with waiting.pop(child) as client, suppress(OSError):  # somebody may have ended who waited
            client.sendall(str(os.waitstatus_to_exitcode(status) & 0xFF).encode())


def received(client: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
    """Return the command of one request, its folder, its environment and its open files."""
    with client:
        header, files, _, _ = socket.recv_fds(client, 8, 3)
        size, request = int.from_bytes(header, "big"), b""
        while len(request) < size:
            request += client.recv(MOST_BYTES)
    arguments, folder, environment = json.loads(request)
    return arguments, folder, environment, files


def run(arguments: list[str], folder: str, environment: dict[str, str], files: list[int]) -> NoReturn:
    """Become the requested command."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    code: Any = 0
    try:
        if Path(arguments[0]).name == "docketsim":
            from simulations.cli import main

            sys.argv = arguments
            main()
        elif arguments[1:3] == ["-m", "pytest"]:
            from hypothesis.configuration import set_hypothesis_home_dir

            set_hypothesis_home_dir(Path(folder, ".hypothesis"))
            sys.argv[1:] = arguments[3:]
            sys.path.insert(0, folder)
            runpy.run_module("pytest", run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments[1:]
            sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
            runpy.run_path(arguments[1], run_name="__main__")
    except SystemExit as exit_:
        code = exit_.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


if __name__ == "__main__":
    del sys.path[0]  # this folder
    serve(sys.argv[1])
