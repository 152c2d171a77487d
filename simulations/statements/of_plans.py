"""Sentences about a sweep, a forecast and a staffing search."""

from __future__ import annotations

from simulations.measuring.descriptors import describe
from simulations.planning.forecasting import Forecast
from simulations.planning.staffing import Staffing
from simulations.planning.sweeping import Sweep
from simulations.statements.of_runs import growing
from simulations.statements.statement import Claim, Statement, percent
from simulations.tables.formatting import court_title, format_estimate

MOST_MEASURES = 3


def answer_of_sweep(sweep: Sweep) -> list[Statement]:
    """Say at which points the leading measures are lowest and highest, and which queues grow."""
    first = sweep.points[0].scenario
    sentences = [statement for measure, court in leading(sweep) if (statement := swept(sweep, measure, court)) is not None]
    grows = [s for point in sweep.points for s in growing(point.growing, f" with {sweep.describe(point)}", first)]
    return [*sentences[:MOST_MEASURES], *grows]


def leading(sweep: Sweep) -> list[tuple[str, str]]:
    """Return the measures and courts of a sweep as the answer takes them: those that the scenario shows come first."""
    show = {name: k for k, name in enumerate(sweep.points[0].scenario.show)}
    chosen = [(measure, court) for measure, court in sweep.shown if sweep.has(measure, court, None)]
    return sorted(chosen, key=lambda one: show.get(one[0], len(show)))


def swept(sweep: Sweep, measure: str, court: str) -> Statement | None:
    """Say at which points the mean of a measure is lowest and highest; ``None`` unless every point has one."""
    estimates = [point.get(measure, court) for point in sweep.points]
    means = [e.mean for e in estimates if e.mean is not None]
    if len(means) < len(estimates):
        return None
    first = sweep.points[0].scenario
    title = describe(first)[measure].title + ("" if court == "all" else f", {court_title(court, first)}")
    least, most = means.index(min(means)), means.index(max(means))
    values = {"lowest": means[least], "highest": means[most], "at": (least, most)}
    if means[least] == means[most]:
        text = f"{title}: {format_estimate(estimates[0])} at each of the {len(means)} points"
    else:
        ends = (f"{format_estimate(estimates[k])} with {sweep.describe(sweep.points[k])}" for k in (least, most))
        text = f"{title}: from {' to '.join(ends)}"
    return Statement(Claim.SWEPT, text, measure, court, first.starts, first.ends, values)


def answer_of_forecast(forecast: Forecast) -> list[Statement]:
    """Say when the condition first holds, and how sure that is."""
    n, ends = len(forecast.days), forecast.scenario.ends
    hits = sum(day is not None for day in forecast.days)
    where = "" if forecast.court == "all" else f" at {court_title(forecast.court, forecast.scenario)}"
    values = {"hits": hits, "of": n}
    if not hits:
        text = f"{forecast.when}{where}: in none of {n} replications by {ends}"
    elif forecast.median is None:
        text = f"{forecast.when}{where}: by {ends} in {hits} of {n} replications ({percent(hits / n)})"
    else:
        text = f"{forecast.when}{where}: on {forecast.median} or before in half of the replications"
        if forecast.prediction_low is not None or forecast.prediction_high is not None:
            late = "after the end of the run"
            low, high = forecast.prediction_low or late, forecast.prediction_high or late
            text += f"; a single run with {forecast.confidence:.0%} probability between {low} and {high}"
        text += f"; by {ends} in {hits} of {n}"
    return [Statement(Claim.FORECAST, text, court=forecast.court, ends=ends, values=values)]


def answer_of_staffing(staffing: Staffing) -> list[Statement]:
    """Say which size is enough, and that the next smaller one is not, or that this is undecided."""
    answer, less = staffing.answer, staffing.less
    where = f" in {court_title(staffing.court, staffing.scenario)}" if staffing.court else ""
    values = {"size": answer.size, "low": answer.low, "wanted": staffing.wanted}
    if not staffing.decided:
        text = (
            f"Undecided: with {answer.size:,} {staffing.pool}{where} the probability of {staffing.goal} is between {answer.low:.3f} and"
            f" {answer.high:.3f}, and {staffing.wanted:g} is wanted; raise --replications"
        )
        return [Statement(Claim.STAFFED, text, staffing.pool, staffing.court or "all", values=values)]
    text = f"{answer.size:,} {staffing.pool}{where} are enough for {staffing.goal}: the probability is at least {answer.low:.3f}"
    if less is not None:
        text += f"; with {less.size:,} it is at most {less.high:.3f}"
    return [Statement(Claim.STAFFED, text, staffing.pool, staffing.court or "all", values=values)]
