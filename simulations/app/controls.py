"""HTML elements of the page: those of the browser itself, which keyboards and screen readers know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from simulations.app.settings import Setting
from workflow.errors import visible

Handler = Callable[[GenericEventArguments], Any]
_SECONDS_BETWEEN_MOVES = 0.1


class Tag(TextElement):
    """An element with a text, which may change."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(tag=name, text=visible(text))

    def says(self, text: str) -> None:
        """Show another text."""
        self.text = visible(text)

    def is_on(self, on: bool) -> None:
        """Enable or disable a button."""
        if on:
            self.props(remove="disabled")
        else:
            self.props("disabled")

    def named(self, name: str) -> Self:
        """Give it a name for screen readers."""
        self._props["aria-label"] = name
        return self


def tag(name: str, text: str = "") -> Tag:
    """Return an element."""
    return Tag(name, text)


def button(text: str, press: Callable[[], Any] | None = None) -> Tag:
    """Return a button."""
    made = Tag("button", text).props("type=button")
    if press is not None:
        made.on("click", lambda: press())
    return made


def choice(title: str, options: list[str], chosen: str, choose: Handler) -> Tag:
    """Return a list of choices with its title. The event has the number of the choice."""
    with tag("label"):
        tag("span", f"{title} ")
        with Tag("select").named(title) as select:
            for number, option in enumerate(options):
                made = Tag("option", option).props(f"value={number}")
                if option == chosen:
                    made.props("selected")
    select.on("change", choose, js_handler="e => emit(e.target.value)")
    return select


def disclosure(title: str, build: Callable[[], None], is_open: bool = False) -> Tag:
    """Return a part that opens and closes. Its content is built when it is first opened."""
    with Tag("details") as details:
        Tag("summary", title)
        with tag("div") as inside:
            pass

    def opened() -> None:
        if not inside.default_slot.children:
            with inside:
                build()

    if is_open:
        details.props("open")
        opened()
    details.on("toggle", opened, js_handler="e => { if (e.target.open) emit(); }")
    return details


def input_for(setting: Setting, text: str, change: Handler) -> None:
    """Build the inputs of a setting: a text that may be any value, with a slider for a number, or a date or a choice."""
    label = Tag("label", setting.label)
    kind = "date" if setting.kind == "date" else "text"
    given = Tag("input")
    given._props.update({"type": kind, "value": text, "autocomplete": "off", "spellcheck": "false"})
    label._props["for"] = given.html_id

    def typed(event: GenericEventArguments) -> None:
        given._props["value"] = str(event.args)  # or else the browser shows the text before at the next change
        change(event)

    given.on("change", typed, js_handler="e => emit(e.target.value)")
    if setting.slider is None:
        return
    slider = setting.slider
    handle = Tag("input").named(f"{setting.path.replace('.', ' ')}, slider")
    value = _number_in(text, slider.value)
    handle._props.update({"type": "range", "min": slider.low, "max": slider.high, "step": slider.step, "value": value})

    def moved(event: GenericEventArguments) -> None:
        event.args = slider.text(float(event.args))
        given._props["value"] = event.args
        given.update()
        change(event)

    handle.on("input", moved, js_handler="e => emit(e.target.value)", throttle=_SECONDS_BETWEEN_MOVES)


def _number_in(text: str, otherwise: float) -> float:
    try:
        return float(text.partition(" ")[0])
    except ValueError:
        return otherwise
