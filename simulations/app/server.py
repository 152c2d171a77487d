"""The server of the what-if page, on this computer only."""

from __future__ import annotations

from pathlib import Path

from workflow.errors import DocketsimError, InputError

HOST = "127.0.0.1"
MOST_SESSIONS = 8
SECONDS_TO_RECONNECT = 20.0
"""How long a visit is kept without its browser, which a busy computer keeps from answering."""
_MISSING = "the page needs the extra 'app': pip install 'docketsim[app]'"


class AppMissing(DocketsimError, ImportError):
    """NiceGUI is not installed."""


def scenarios_in(place: Path) -> list[str]:
    """Return the scenario that a path is, or the scenarios in a folder, by path.

    Raises
    ------
    InputError
        If there is none.
    """
    from workflow.files.yaml_tree import read_yaml

    if not place.is_dir():
        return [str(place)]
    found = []
    for path in sorted(place.glob("*.yaml")):
        try:
            content = read_yaml(path).value
        except InputError:
            continue
        if isinstance(content, dict) and "scenario" in content:
            found.append(str(path))
    if not found:
        raise InputError([f"{place}: there is no scenario in this folder (a YAML file with the key scenario:)"])
    return found


def serve(scenarios: list[str], port: int, show: bool) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    scenarios : list of str
        What can be chosen besides the built-in scenarios; the first is opened.
    port : int
    show : bool
        Whether to open it in the browser.

    Raises
    ------
    AppMissing
        If NiceGUI is not installed.
    """
    try:
        from nicegui import app, run, ui
    except ImportError:
        raise AppMissing(_MISSING) from None
    from fastapi import Response
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from simulations.app.page import SCRIPT, Page, script
    from simulations.app.session import Session

    sessions: list[Session] = []

    @app.get(SCRIPT)
    def figures() -> Response:
        """Return the script of the figures."""
        return Response(script(), media_type="text/javascript")

    @ui.page("/", title="docketsim: what if?", response_timeout=120)
    async def what_if() -> None:
        """Show the page; each visit has a session of its own."""
        client = ui.context.client
        if len(sessions) >= MOST_SESSIONS:
            ui.label(f"{MOST_SESSIONS} pages are open, which is the most. Close one, and load this page again.")
            return
        session = await run.io_bound(Session, scenarios[0])
        assert session is not None
        sessions.append(session)

        def ended() -> None:
            sessions.remove(session)
            session.close()

        client.on_delete(ended)
        Page(session, scenarios)

    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])  # no other site reaches it by a name of its own

    @app.on_shutdown
    def end_all() -> None:
        for session in sessions:
            session.close()

    ui.run(
        host=HOST, port=port, show=show, reload=False, title="docketsim: what if?", language="en-US", tailwind=False, dark=None,
        favicon="data:,", show_welcome_message=False, reconnect_timeout=SECONDS_TO_RECONNECT,
    )  # fmt: skip
