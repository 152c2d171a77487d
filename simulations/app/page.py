"""The what-if page: controls on one side, the answer on the other. It shows a `Session` and hands changes to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache, partial
from html import escape
from pathlib import Path

from nicegui import background_tasks, events, run, ui

from simulations.app.controls import Tag, button, choice, disclosure, input_for, tag
from simulations.app.evidence import Shown
from simulations.app.files import MOST_BYTES, MOST_FILES
from simulations.app.session import Session, names, summary
from simulations.app.settings import Entry, Section, Setting
from simulations.app.tasks import Decided, Product
from simulations.report.document import FIGURES as DRAWING
from simulations.report.document import VEGA
from simulations.report.figure import Figure
from simulations.report.interactive import as_json
from simulations.tables.formatting import format_replications
from workflow.drawing import html
from workflow.errors import InputError, visible

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_BEFORE_DRAWING = 0.5
_STYLE = Path(__file__).with_name("page.css")
_SCRIPTS = (VEGA, DRAWING, Path(__file__).with_name("figures.js"))
SCRIPT = "/figures.js"
"""The address of the script of the figures."""
_MESSAGE = "message"


@cache
def script() -> str:
    """Return the script of the figures. Its names are in a function, since those of the runtime are also names of the server's."""
    content = "\n".join(path.read_text(encoding="utf-8") for path in _SCRIPTS)
    return f"(() => {{\n{content}\nwindow.showFigures = showFigures;\n}})();\n"


class Page:
    """The page of one session."""

    def __init__(self, session: Session, others: list[str]) -> None:
        self.session, self.choices = session, list(dict.fromkeys([*others, *names()]))
        self.messages: dict[str, ui.html] = {}
        self.verdicts: ui.html | None = None
        self.drawing = self.stale = self.plotting = False
        self.undrawn: Shown | None = None
        self.downloaded = 0
        ui.add_css(_STYLE)
        ui.add_head_html(f'<script defer src="{SCRIPT}"></script>')
        ui.page_title("docketsim: what if?")
        with tag("header"):
            tag("h1", "docketsim: what if?")
            with tag("div").classes("bar"):
                self.scenario = choice("Scenario", self.choices, str(session.name), self._open)
                self._uploads()
        with tag("div").classes("columns"):
            self.controls = tag("section").props('aria-label="What to change"')
            self.results = tag("section").props('aria-label="Results"')
        self._build()
        ui.timer(SECONDS_BETWEEN_LOOKS, self._look)

    # what the page has -------------------------------------------------------------------------------------

    def _build(self) -> None:
        """Build the page of the session's scenario, and begin to compute."""
        self.controls.clear()
        self.results.clear()
        self.messages.clear()
        self.verdicts = None
        with self.controls:
            self._controls()
        with self.results:
            self._results()
        self.session.compute()
        self._say()

    def _controls(self) -> None:
        with tag("div").classes("bar"):
            tag("h2", "What to change")
            button("Reset", self._reset)
        self.changed = tag("p", summary(self.session)).props("role=status")
        self.mistakes = ui.html("", sanitize=False).classes(_MESSAGE).props("role=alert")
        for section in self.session.settings:
            disclosure(f"{section.title} ({len(section)})", partial(self._section, section), is_open=section.title == "Pools")
        self.guards = disclosure("Guards and rules", self._guards)

    def _section(self, section: Section) -> None:
        tag("p", f"{section.description}.").classes("note")
        few = len(section) <= 24
        for entry in section.entries:
            disclosure(entry.name, partial(self._entry, entry), is_open=few)

    def _entry(self, entry: Entry) -> None:
        for setting in entry.settings:
            with tag("div").classes("setting"):
                input_for(setting, self.session.changes.get(setting.path, setting.text), partial(self._set, setting))
                self._message(setting.path)

    def _guards(self) -> None:
        tag("p", "A transition is taken if its guard holds. Each rule is decided for every possible case.").classes("note")
        with tag("div").classes("bar"):
            tag("h3", "Rules")
            self.proving = tag("span", "").props("role=status")
        self.verdicts = ui.html("", sanitize=False).classes("verdicts")
        tag("h3", "Guards and definitions")
        for condition in self.session.conditions:
            with tag("div").classes("setting"):
                with tag("label") as label:
                    tag("b", condition.title)
                    tag("span", f" {condition.note}").classes("note")
                area = tag("textarea").props(f"rows={min(6, 1 + len(condition.text) // 45)} spellcheck=false")
                label.props["for"] = area.html_id
                area.props["value"] = self.session.texts.get(condition.path, condition.text)
                area.on("change", partial(self._guard, condition.path, area), js_handler="e => emit(e.target.value)")
                self._message(condition.path)
        self.session.prove()
        self._say_verdicts()

    def _message(self, path: str) -> None:
        self.messages[path] = (
            ui.html(_lines(self.session.wrong.get(path, [])), sanitize=False).classes(_MESSAGE).props("role=alert")
        )

    def _results(self) -> None:
        with tag("div").classes("bar"):
            tag("h2", "What comes of it")
            self.stop = button("Stop", self._stop)
            self.more = button("Continue", self._continue)
            self.number = choice(
                "Replications", ["20", "50", "100", "200", "500"], str(self.session.options.replications), self._number
            )
        with tag("div").classes("bar"):
            self.progress = tag("progress").props('aria-label="Replications finished"')
            self.status = tag("span", "").props("role=status")
        self.failure = ui.html("", sanitize=False).classes(_MESSAGE).props("role=alert")
        with tag("div").classes("shown") as self.shown:
            self.answer = ui.html("", sanitize=False).classes("answer").props("aria-live=polite")
            self.table = ui.html("", sanitize=False).classes("wide").props('tabindex=0 role=region aria-label="Table of results"')
            self.figures = tag("div")
        with tag("div").classes("bar"):
            tag("h2", "Animation")
            animate = button("Show cases move", partial(self._produce, "animation"))
        self.animation = tag("div")
        tag("h2", "Take it along")
        tag("p", "The command that does this:")
        self.command = tag("pre", "").classes("wide").props('tabindex=0 aria-label="Command"')
        with tag("div").classes("bar"):
            copy = button("Copy the command")
            copy.on(
                "click",
                js_handler=f"() => navigator.clipboard.writeText(document.getElementById('c{self.command.id}').textContent)",
            )
            button("Download the scenario", self._download_scenario)
            products: tuple[Product, ...] = ("page", "log")
            self.downloads = [animate, *(button(f"Download the {what}", partial(self._produce, what)) for what in products)]
        self.producing = tag("span", "").props("role=status")

    def _uploads(self) -> None:
        upload = ui.upload(
            multiple=True, auto_upload=True, max_files=MOST_FILES, max_total_size=MOST_BYTES, on_multi_upload=self._uploaded,
            on_rejected=lambda: self._refuse(f"At most {MOST_FILES} files with {MOST_BYTES // 1_000_000} MB in all."),
        ).classes("hidden").props("aria-hidden=true")  # fmt: skip
        uploader = f"getElement({upload.id}).$refs.qRef"
        for title, is_folder in (("Open files", "false"), ("Open a folder", "true")):
            choose = (
                f"const u = {uploader}; u.$el.querySelector('input[type=file]').webkitdirectory = {is_folder}; u.pickFiles();"
            )
            button(title).on("click", js_handler=f"() => {{ {choose} }}")

    # what a person does ------------------------------------------------------------------------------------

    async def _open(self, event: events.GenericEventArguments) -> None:
        await self._opened(partial(self.session.open, self.choices[int(event.args)]))

    async def _uploaded(self, event: events.MultiUploadEventArguments) -> None:
        files = {file.name: await file.read() for file in event.files}
        if len(files) < len(event.files):
            self._refuse("Two files have the same name.")
            return
        await self._opened(partial(self.session.open_uploads, files))

    async def _opened(self, opening: Callable[[], None]) -> None:
        try:
            await run.io_bound(opening)
        except InputError as error:
            self._refuse(str(error))
            return
        self._build()

    def _refuse(self, message: str) -> None:
        self.mistakes.content = _lines(message.splitlines())

    def _set(self, setting: Setting, event: events.GenericEventArguments) -> None:
        self._changed(self.session.set(setting.path, str(event.args)))

    def _guard(self, path: str, area: Tag, event: events.GenericEventArguments) -> None:
        area.props["value"] = str(event.args)  # or else the browser shows the text before at the next change
        self._changed(self.session.set_condition(path, str(event.args)))
        self.session.prove()
        self._say_verdicts()

    def _changed(self, valid: bool) -> None:
        if valid:
            self.session.compute()
            self.stale = True
        self._say()

    def _reset(self) -> None:
        self.session.reset()
        self._build()

    def _stop(self) -> None:
        self.session.stop()
        self._say()

    def _continue(self) -> None:
        self.session.compute()
        self._say()

    def _number(self, event: events.GenericEventArguments) -> None:
        self.session.set_replications(int(("20", "50", "100", "200", "500")[int(event.args)]))
        self._continue()

    def _download_scenario(self) -> None:
        ui.download.content(self.session.files(), f"{self.session.base.name}-what-if.zip")

    def _produce(self, what: Product) -> None:
        self.session.produce(what)
        self._say()

    # what has been computed --------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Take in what has been computed, and show it; what comes in meanwhile is shown next time."""
        if self.session.update():
            self._say()
            self._say_verdicts()
            for product, path in self.session.products[self.downloaded :]:
                self.downloaded += 1
                if product == "animation":
                    self._animate(path)
                else:
                    ui.download.file(path)
            self.stale = True
        if self.stale and not self.drawing and (compute := self.session.to_show()) is not None:
            self.drawing, self.stale = True, False
            try:
                shown = await run.io_bound(compute)
            finally:
                self.drawing = False
            if shown is not None:
                self._show(shown)
                self.undrawn = shown
                if not self.plotting:
                    background_tasks.create(self._plot())

    async def _plot(self) -> None:
        """Draw the figures of what was shown last.

        They take longer than the answer, and would hold up the next one. So the first answers after a change go out before.
        """
        self.plotting = True
        try:
            while self.undrawn is not None:
                await asyncio.sleep(SECONDS_BEFORE_DRAWING)
                shown, self.undrawn = self.undrawn, None
                figures = await run.io_bound(_drawn, shown)
                with self.figures:
                    ui.run_javascript(f'showFigures("{self.figures.html_id}", {figures})')
        finally:
            self.plotting = False

    def _say(self) -> None:
        """Show the messages, how far the runs are, and the command."""
        session = self.session
        self.changed.says(summary(session))
        for path, message in self.messages.items():
            message.content = _lines(session.wrong.get(path, []))
        others = [line for path, lines in session.wrong.items() if path not in self.messages for line in lines]
        self.mistakes.content = _lines(others)
        self.failure.content = _lines(session.failure.splitlines())
        done, of = session.done, session.options.replications
        self.progress.props(f"max={of} value={done}")
        state = session.note or ("computing" if session.running else "" if done >= of else "stopped")
        self.status.says(f"{done} of {format_replications(of)}{', ' if state else ''}{state}")
        self.stop.is_on(session.running or session.proving or session.producing)
        self.more.is_on(not session.running and done < of)
        self.command.says(session.command)
        for download in self.downloads:
            download.is_on(not session.producing)
        self.producing.says("Making the file: the replications run again, with their event logs." if session.producing else "")
        earlier = session.running and not done
        self.shown.classes("earlier" if earlier else "", remove="" if earlier else "earlier")

    def _say_verdicts(self) -> None:
        if self.verdicts is None:
            return
        session = self.session
        self.verdicts.content = "".join(map(_verdict, session.judged))
        n, of = len(session.verdicts), len(session.judged)
        self.proving.says(session.proof_failure or (f"deciding: {n} of {of}" if session.proving else ""))

    def _show(self, shown: Shown) -> None:
        self.answer.content = html.items(list(shown.sentences))
        table = shown.table
        self.table.content = html.table(
            table.columns, [[cell.text for cell in row] for row in table.rows], table.title, table.n_text
        )

    def _animate(self, path: Path) -> None:
        """Show an animation in a frame, which runs its one script and loads nothing."""
        self.animation.clear()
        content = escape(path.read_text(encoding="utf-8"))
        with self.animation:
            ui.html(f'<iframe title="Animation" sandbox="allow-scripts" srcdoc="{content}"></iframe>', sanitize=False)


def _drawn(shown: Shown) -> str:
    """Return the figures as JSON for a script: their names, texts and specifications."""
    from altair.utils import schemapi

    with schemapi.debug_mode(False):  # what is checked on each part of a chart takes longer than drawing
        return f"[{','.join(map(_for_script, shown.figures()))}]"


def _for_script(figure: Figure) -> str:
    return as_json({"key": figure.key, "name": figure.name, "text": figure.text}).removesuffix("}") + f',"spec":{figure.live}}}'


def _lines(messages: Sequence[str]) -> str:
    return "".join(html.paragraph(message) for message in messages)


def _verdict(verdict: Decided) -> str:
    """Return a rule and what is decided about it, with the history that breaks it."""
    lines = f"<pre>{escape(visible(chr(10).join(verdict.lines)))}</pre>" if verdict.lines else ""
    return f'<p class="verdict {verdict.decision}"><b>{escape(verdict.decision)}</b> {escape(visible(verdict.rule))}</p>{lines}'
