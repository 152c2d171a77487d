"""Sentences about a sweep, a forecast and a staffing search."""

from __future__ import annotations

from simulations.measuring.descriptors import describe, pool_title
from simulations.planning.condition import Condition, parse_condition
from simulations.planning.forecasting import Forecast
from simulations.planning.staff_search import Goal
from simulations.planning.staffing import Staffing
from simulations.planning.sweeping import Sweep
from simulations.scenarios.scenario import Scenario
from simulations.statements.of_runs import growing
from simulations.statements.statement import Claim, Statement, percent
from simulations.tables.formatting import court_title, format_estimate

MOST_MEASURES = 3
_SIGNS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least"}


def answer_of_sweep(sweep: Sweep) -> list[Statement]:
    """Say at which points the leading measures are lowest and highest, and which queues grow."""
    first = sweep.points[0].scenario
    sentences = [statement for measure, court in leading(sweep) if (statement := swept(sweep, measure, court)) is not None]
    grows = [s for point in sweep.points for s in growing(point.growing, f" with {sweep.describe(point)}", first)]
    return [*sentences[:MOST_MEASURES], *grows]


def leading(sweep: Sweep) -> list[tuple[str, str]]:
    """Return the measures and courts of a sweep as the answer takes them.

    First is each measure once, at the court where it changes most: those that the scenario shows lead, and those that are written
    the same at every point are last. Then the other courts follow in the same way.
    """
    show = {name: k for k, name in enumerate(sweep.points[0].scenario.show)}
    chosen = [(measure, court) for measure, court in sweep.shown if sweep.has(measure, court, None)]
    chosen.sort(key=lambda one: show.get(one[0], len(show)))
    of_measure: dict[str, list[tuple[str, str]]] = {}
    for one in chosen:
        of_measure.setdefault(one[0], []).append(one)
    first = [max(of_courts, key=lambda one: (_change(sweep, *one), one[1] == "all")) for of_courts in of_measure.values()]
    first.sort(key=lambda one: not _changes(sweep, *one))
    others = [one for one in chosen if one not in first]
    return [*first, *sorted(others, key=lambda one: not _changes(sweep, *one))]


def _change(sweep: Sweep, measure: str, court: str) -> float:
    """Return how much a measure changes over the points, relative to its largest size; -1 without a value at some point."""
    means = [point.get(measure, court).mean for point in sweep.points]
    known = [mean for mean in means if mean is not None]
    if len(known) < len(means):
        return -1.0
    return (max(known) - min(known)) / (max(map(abs, known)) or 1.0)


def _changes(sweep: Sweep, measure: str, court: str) -> bool:
    """Return whether a measure is not written the same at every point."""
    return len({format_estimate(point.get(measure, court)) for point in sweep.points}) > 1


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


def describe_condition(condition: Condition, scenario: Scenario) -> str:
    """Describe a condition in words, such as ``Pending cases below 5,000``."""
    measure = describe(scenario)[condition.measure]
    over = f" over {condition.over}" if condition.over else ""
    unit = f" {measure.unit}" if measure.unit in ("days", "hours", "working days") else ""
    return f"{measure.title}{over} {_SIGNS[condition.sign]} {condition.number:,.12g}{unit}"


def describe_goal(goal: Goal, scenario: Scenario) -> str:
    """Describe the goal of a staffing search in words, within a sentence."""
    if goal.condition is None:
        text = f"{describe(scenario)[goal.measure or ''].title} by {goal.day}"
    else:
        text = f"{describe_condition(goal.condition, scenario)} at the end of {goal.day}"
    return f"{text[:1].lower()}{text[1:]}"


def describe_when(forecast: Forecast) -> str:
    """Describe in words what is forecast: a date, or a condition."""
    measure = describe(forecast.scenario).get(forecast.when)
    if measure is not None:
        return measure.title
    return describe_condition(parse_condition(forecast.when, forecast.scenario), forecast.scenario)


def answer_of_forecast(forecast: Forecast) -> list[Statement]:
    """Say when the condition first holds, and how sure that is."""
    n, ends = len(forecast.days), forecast.scenario.ends
    hits = sum(day is not None for day in forecast.days)
    where = "" if forecast.court == "all" else f" at {court_title(forecast.court, forecast.scenario)}"
    values, what = {"hits": hits, "of": n}, f"{describe_when(forecast)}{where}"
    if not hits:
        text = f"{what}: in none of {n} replications by {ends}"
    elif forecast.median is None:
        text = f"{what}: by {ends} in {hits} of {n} replications ({percent(hits / n)})"
    else:
        text = f"{what}: by {forecast.median} in half of the replications"
        low, high = forecast.prediction_low, forecast.prediction_high
        if low is not None:
            span = f"not before {low}" if high is None else f"on {low}" if low == high else f"between {low} and {high}"
            text += f"; in a single run, with {forecast.confidence:.0%} probability, {span}"
        text += f"; by {ends} in {hits} of {n}"
    return [Statement(Claim.FORECAST, text, court=forecast.court, ends=ends, values=values)]


def answer_of_staffing(staffing: Staffing) -> list[Statement]:
    """Say which size is enough, and that the next smaller one is not, or that this is undecided."""
    answer, less, pool = staffing.answer, staffing.less, pool_title(staffing.pool, staffing.scenario)
    where = f" in {court_title(staffing.court, staffing.scenario)}" if staffing.court else ""
    values, goal = (
        {"size": answer.size, "low": answer.low, "wanted": staffing.wanted},
        describe_goal(staffing.goal, staffing.scenario),
    )
    if not staffing.decided:
        text = (
            f"Undecided: with {answer.size:,} {pool}{where} the probability of {goal} is between {answer.low:.3f} and"
            f" {answer.high:.3f}, and {staffing.wanted:g} is wanted; raise --replications"
        )
        return [Statement(Claim.STAFFED, text, staffing.pool, staffing.court or "all", values=values)]
    servers = f"One server of the pool {pool}{where} is" if answer.size == 1 else f"{answer.size:,} {pool}{where} are"
    text = f"{servers} enough for {goal}: the probability is at least {answer.low:.3f}"
    if less is not None:
        text += f"; with {less.size:,} it is at most {less.high:.3f}"
    return [Statement(Claim.STAFFED, text, staffing.pool, staffing.court or "all", values=values)]
