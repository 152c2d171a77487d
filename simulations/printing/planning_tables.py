"""Print the answers of a staffing search and of a forecast."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from simulations.measuring.descriptors import pool_title
from simulations.planning.forecasting import Forecast
from simulations.planning.intervals import fewest_for_median
from simulations.planning.outlook import MARKS, AgeBand, Remaining
from simulations.planning.staffing import Point, Staffing
from simulations.printing.terminal import WARNING, describe_replications, new_console, print_table, sentences
from simulations.running.intervals import describe_method, fewest_for_order_statistics
from simulations.statements.of_plans import answer_of_forecast, answer_of_staffing, describe_goal, describe_when
from simulations.statements.of_runs import never_left
from simulations.tables.formatting import court_title, format_mean, format_range, format_replications, join_ends, number
from simulations.tables.run import PREDICTION
from simulations.tables.table import text_table


def print_staffing(staffing: Staffing, console: Console | None = None) -> None:
    """Print a staffing search: every size, the answer, and warnings. Default: to standard output."""
    console, answer = console or new_console(), staffing.answer
    pool = pool_title(staffing.pool, staffing.scenario)
    pool += f" in {court_title(staffing.court, staffing.scenario)}" if staffing.court else ""
    console.print(
        f"[bold]{escape(staffing.scenario.name)}[/bold]: {pool}, for {describe_goal(staffing.goal, staffing.scenario)} with probability"
        f" {staffing.wanted:g}; seed {staffing.seed}."
    )
    factors = [] if answer.factor is None else ["factor"]
    columns = [*factors, "size", "probability", "95% confidence interval", "replications", "from"]
    title = "Probability of meeting the goal, by size"
    print_table(console, text_table(title, columns, map(_point_cells, staffing.curve)))
    console.print()
    console.print(f"{staffing.runs:,} replications were run, all sizes together; a search runs at most {staffing.most_runs:,}.")
    if staffing.not_in_order:
        console.print(
            f"{WARNING} in {staffing.not_in_order} of {staffing.compared} replications a larger pool missed"
            " the goal and a smaller one met it: a smaller size that was not tried may also meet it."
            " docketsim sweep runs every size."
        )
    if answer.factor is not None:
        console.print(f"Factor {answer.factor:.2f}: {answer.size:,} in all.")
    console.print("95% simultaneous confidence, on replications that were not used in the search.")
    for text in sentences(answer_of_staffing(staffing)):
        console.print(text)


def _point_cells(point: Point) -> list[str]:
    factor = [] if point.factor is None else [f"{point.factor:.2f}"]
    interval = f"{point.low:.3f} to {point.high:.3f}"
    sample = "confirmation" if point.confirmed else "search"
    return [*factor, f"{point.size:,}", f"{point.probability:.3f}", interval, f"{point.n}", sample]


def print_forecast(forecast: Forecast, console: Console | None = None) -> None:
    """Print a forecast: dates, the Kaplan-Meier curve, and pending cases by age. Default: to standard output."""
    console, ends, n = console or new_console(), forecast.scenario.ends, len(forecast.days)
    hits = sum(day is not None for day in forecast.days)
    level = f"{forecast.confidence:.0%} confidence interval"
    how = f"{format_replications(n)}, seed {forecast.seed}"
    how += f"; {describe_replications(n, forecast.confidence)}" if n > 1 else ""
    what = describe_when(forecast)
    lines = [f"{forecast.scenario.name}: {what}, {court_title(forecast.court, forecast.scenario)}; {how}"]
    if forecast.date is not None:
        interval = "" if forecast.low is None else f" ({level} {join_ends(forecast.low, forecast.high)})"
        lines.append(f"  mean     {forecast.date}{interval}")
    late = "not within the run"
    missed = f"; not within the run in {n - hits} of {n}, {(n - hits) / n:.0%}" if hits < n else ""
    lines += [
        f"  median   {forecast.median or late} ({_format_median_interval(forecast, late)})",
        f"  one run  {_format_prediction(forecast, late)}",
        f"  reached  in {hits} of {n} by {ends} ({level} {forecast.reached_low:.3f} to {forecast.reached_high:.3f}){missed}",
    ]
    if forecast.from_start:
        lines.append(f"The condition holds already at the end of the first day in {forecast.from_start} of {n}.")
    if forecast.lapsed:
        lines.append(f"It no longer holds at the end of the run in {forecast.lapsed} of the {hits} that reached it.")
    if forecast.prediction_method is not None:
        lines.append(f"The prediction interval is for one new replication. {describe_method(n, forecast.confidence)}.")
    console.print("\n".join(lines), markup=False)
    _print_closure(console, forecast)
    for when, title in (
        ("reached", f"when the condition first held, in {format_replications(hits)}"),
        ("end", f"at the end, {ends}"),
    ):
        bands = [band for band in forecast.pending_by_age if band.when == when and band.mean is not None]
        rows = [[band.name, *_estimate_cells(band, "cases")] for band in bands]
        print_table(console, text_table(f"Pending by age, {title}", ["age", "cases", PREDICTION], rows) if rows else None)
    console.print()
    for text in sentences(answer_of_forecast(forecast)):
        console.print(text)


def _format_median_interval(forecast: Forecast, late: str) -> str:
    """Format the interval of the median, or say how many replications it needs."""
    level, fewest = f"{forecast.confidence:.0%} confidence interval", fewest_for_median(forecast.confidence)
    if len(forecast.days) < fewest:
        return f"no {level}: needs {fewest} replications or more"
    low, high = forecast.median_low or late, forecast.median_high or late
    return f"{level} {join_ends(low, high)}"


def _format_prediction(forecast: Forecast, late: str) -> str:
    """Format the prediction interval of one new replication, or say how many replications it needs."""
    n, fewest = len(forecast.days), fewest_for_order_statistics(forecast.confidence)
    level = f"{forecast.confidence:.0%} prediction interval"
    if forecast.prediction_method is None:
        return f"no {level}: needs {fewest if n > 1 else 2} replications or more"
    low, high = forecast.prediction_low or late, forecast.prediction_high or late
    return f"{join_ends(low, high)} ({level})"


def _print_closure(console: Console, forecast: Forecast) -> None:
    points = [point for point in forecast.time_to_closure if point.days in MARKS and point.at_risk]
    rows = [[f"{point.days}", *_estimate_cells(point, "share"), number(point.at_risk, "cases")] for point in points]
    title = "Share of cases still on the docket, by days since arrival or the start (Kaplan-Meier)"
    print_table(console, text_table(title, ["days", "share", PREDICTION, "at risk"], rows) if rows else None)
    if forecast.cases:
        never = never_left(forecast.court, forecast.never_left, forecast.cases, forecast.confidence)
        console.print(f"{never}.", markup=False)


def _estimate_cells(estimate: AgeBand | Remaining, unit: str) -> list[str]:
    """Format the mean with its confidence interval, and the prediction interval."""
    mean, low, high = estimate.mean or 0.0, estimate.prediction_low, estimate.prediction_high
    predicted = "" if low is None or high is None else format_range(low, high, unit)
    return [format_mean(mean, estimate.low, estimate.high, unit), predicted]
