"""The server of the what-if page without a browser: it gives the page and its script, and Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.simulations.desk import write_tiny

pytest.importorskip("nicegui", reason="the page needs the extra app")
SECONDS = 300


def test_the_page_is_served_until_ctrl_c(tmp_path: Path) -> None:
    """It names its one script, which has the runtime of the figures. The end is no failure."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "simulations.cli", "app", str(write_tiny(tmp_path)), "--port", str(port), "--no-browser"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}  # NiceGUI asks for it
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as server:
        try:
            page = _read(server, f"http://127.0.0.1:{port}/")
            script = _read(server, f"http://127.0.0.1:{port}/figures.js")
        finally:
            server.send_signal(signal.SIGINT)
            _, err = server.communicate(timeout=SECONDS)
    assert "What to change" in page
    assert '<script defer src="/figures.js"></script>' in page
    assert "window.vegaEmbed" in script
    assert "window.showFigures = showFigures;" in script
    assert server.returncode == 0
    assert err.splitlines() == [f"The page is at http://127.0.0.1:{port}. Ctrl-C ends it.", "The page is closed."]


def _read(server: subprocess.Popen[str], address: str) -> str:
    """Return what an address has, once the server answers."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=SECONDS) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("the server has ended")
