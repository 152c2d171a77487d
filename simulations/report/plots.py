"""The figures of the report as charts, from Python and in notebooks.

A chart is an Altair chart: it can be changed, and saved with ``chart.save("pending.svg")``. `width` and `height` are those of each
panel, in pixels. The flow of cases and the map are pictures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from simulations.calibrating.hindcasting import Hindcast
from simulations.comparing.comparison import Comparison
from simulations.measuring.selection import Selection
from simulations.planning.sensitivity import Sensitivity
from simulations.planning.sweeping import Sweep
from simulations.report.comparison import differences_figure, runs_of
from simulations.report.comparison import pending_figure as pending_of_each
from simulations.report.contents import Contents, contents_of
from simulations.report.figure import MOST_LINES, Figure, altair
from simulations.report.figures import pending_figure, published_figure, waiting_figure
from simulations.report.hindcast_chart import hindcast_figure
from simulations.report.log_figures import flow_figure, map_figure, survival_figure, use_figure
from simulations.report.sweep_chart import chart_of
from simulations.report.tornado import tornado_figure
from simulations.running.run_result import RunResult
from workflow.drawing.picture import Picture
from workflow.errors import MissingResult, format_names, nearest
from workflow.files.arguments import check_arguments, number_problems

if TYPE_CHECKING:
    from altair import TopLevelMixin

_TITLE_WIDTH, _SUBTITLE_WIDTH = 90, 110
_NO_LOG = "the run has no event log (keep='events' writes it), or no case moves"


@dataclass(frozen=True)
class RunPlots:
    """The figures of a run: ``result.plot.pending(court="denver")``.

    Each method returns the figure of the report, of every court with the most pending cases or of one. `width` and `height` are
    those of each panel, in pixels.

    Raises
    ------
    InputError
        If there is no such court.
    MissingResult
        If the run has nothing to draw.
    """

    result: RunResult

    def pending(self, court: str | None = None, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return the pending cases of each day, with the prediction interval, as an Altair chart."""
        return self._chart(pending_figure, court, "pending was not computed", width, height)

    def waiting(self, court: str | None = None, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return the mean wait for each activity by reason, in days, as an Altair chart."""
        return self._chart(waiting_figure, court, "no case waited, or the reasons for waiting were not computed", width, height)

    def published(self, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return how far the run is from each published figure, in percent of it, as an Altair chart."""
        return self._chart(
            published_figure, None, f"the scenario {self.result.scenario.name} has no published figures", width, height
        )

    def utilisation(self, court: str | None = None, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return the utilisation of each pool by week, as an Altair chart."""
        return self._chart(use_figure, court, _NO_LOG, width, height)

    def time_to_closure(
        self, court: str | None = None, *, width: float | None = None, height: float | None = None
    ) -> TopLevelMixin:
        """Return the Kaplan-Meier curve of the days until a case leaves the docket, as an Altair chart."""
        return self._chart(survival_figure, court, _NO_LOG, width, height)

    def flow(self) -> Picture:
        """Return the states of cases on several days, and the flow between them, as a picture."""
        return self._picture(flow_figure)

    def map(self) -> Picture:
        """Return the map of the workflow with the mean count of each transition, as a picture."""
        return self._picture(map_figure)

    def _chart(
        self,
        draw: Callable[[Contents], Figure | None],
        court: str | None,
        nothing: str,
        width: float | None,
        height: float | None,
    ) -> TopLevelMixin:
        figure = draw(contents_of(self.result, Selection((), () if court is None else (court,))))
        if figure is None:
            raise MissingResult(f"nothing to draw: {nothing}.")
        return titled(figure, width, height)

    def _picture(self, draw: Callable[[Contents], Figure | None]) -> Picture:
        figure = draw(contents_of(self.result))
        if figure is None:
            raise MissingResult(f"nothing to draw: {_NO_LOG}.")
        return Picture(f"{figure.name.lower()}: {figure.title}", figure.svg)


@dataclass(frozen=True)
class ComparisonPlots:
    """The figures of a comparison: ``comparison.plot.differences()``."""

    comparison: Comparison

    def differences(
        self, against: str | None = None, *, width: float | None = None, height: float | None = None
    ) -> TopLevelMixin:
        """Return the paired differences with their intervals as an Altair chart, by default against the first other scenario.

        Raises
        ------
        MissingResult
            If there is no such scenario, or nothing differs.
        """
        names = self.comparison.against
        name = names[0] if against is None else against
        if name not in names:
            hint = nearest(name, names)
            raise MissingResult(f"{name!r} is not in the comparison.{hint} It is against {format_names(names)}.")
        figure = differences_figure(self.comparison, names.index(name) + 1, name)
        if figure is None:
            raise MissingResult(f"nothing to draw: nothing differs against {name}.")
        return titled(figure, width, height)

    def pending(self, court: str | None = None, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return the pending cases of every scenario, by day, as an Altair chart: of every court with the most, or of one.

        Raises
        ------
        InputError
            If there is no such court.
        MissingResult
            If `pending` was not compared, or there are too many scenarios for one chart.
        """
        chosen = Selection((), () if court is None else (court,))
        base, *others = [run.select(chosen) for run in runs_of(self.comparison)]
        figure = pending_of_each(self.comparison, base, others)
        if figure is None:
            why = f"a chart has at most {MOST_LINES} scenarios" if len(base.pending) else "pending was not compared"
            raise MissingResult(f"nothing to draw: {why}.")
        return titled(figure, width, height)


@dataclass(frozen=True)
class SweepPlots:
    """The figure of a sweep: ``sweep.plot()``."""

    sweep: Sweep

    def __call__(self, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return each measure against the first axis, with intervals, as an Altair chart."""
        return titled(chart_of(self.sweep), width, height)


@dataclass(frozen=True)
class SensitivityPlots:
    """The figure of a sensitivity analysis: ``result.plot()``."""

    sensitivity: Sensitivity

    def __call__(self, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return the tornado figure as an Altair chart: how far the measure moves with each input, the largest first."""
        return titled(tornado_figure(self.sensitivity), width, height)


@dataclass(frozen=True)
class HindcastPlots:
    """The figure of a hindcast: ``hindcast.plot()``."""

    hindcast: Hindcast

    def __call__(self, *, width: float | None = None, height: float | None = None) -> TopLevelMixin:
        """Return each forecast with its band beside the fact, in percent of the fact, as an Altair chart."""
        return titled(hindcast_figure(self.hindcast), width, height)


def titled(figure: Figure, width: float | None = None, height: float | None = None) -> TopLevelMixin:
    """Return the Altair chart of a figure: its main results are the title, and how to read it is the subtitle.

    Parameters
    ----------
    width, height : float, optional
        Of each panel, in pixels. By default as in the report.
    """
    given = {name: size for name, size in (("width", width), ("height", height)) if size is not None}
    check_arguments(number_problems(whole=False, **given))
    lines = [line for part in figure.heading for line in textwrap.wrap(str(part), _TITLE_WIDTH)]
    how = " ".join(part for part in figure.caption if isinstance(part, str))
    reading = {"subtitle": textwrap.wrap(how, _SUBTITLE_WIDTH), "subtitleColor": "#444", "subtitlePadding": 6} if how else {}
    chart: Any = figure.chart.copy()
    for panel in _panels(chart):
        for name, size in given.items():
            panel[name] = size
    chart.title = altair().Title(lines, anchor="start", fontSize=13, offset=12, **reading)
    return cast("TopLevelMixin", chart)


def _panels(chart: Any) -> Iterator[Any]:
    """Yield the parts of a chart that have a width and a height: not facets and concatenations, but what is in them."""
    alt = altair()
    if isinstance(chart, alt.FacetChart):
        yield from _panels(chart.spec)
    elif isinstance(chart, alt.VConcatChart | alt.HConcatChart | alt.ConcatChart):
        for part in next(parts for key in ("vconcat", "hconcat", "concat") if (parts := chart._get(key, None))):
            yield from _panels(part)
    else:
        yield chart
