"""A scenario fitted to a log: what each number should be, that the files load and run, and what cannot be fitted."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulations import load_scenario, run
from simulations.cli.commands import app
from simulations.fitting.discovery import discover
from simulations.fitting.durations import fit_lengths, pooled_means
from simulations.fitting.fit import Fit, fit
from simulations.fitting.hours import find_hours
from simulations.fitting.queues import find_order
from simulations.fitting.shares import fit_shares
from simulations.scenarios.scenario import Scenario
from tests.simulations import published_shapes
from workflow import load_workflow
from workflow.auditing.mapping import load_mapping
from workflow.errors import InputError
from workflow.proving.prove import prove

DAY = 86_400_000_000


def _fitted(log: Path, as_of: str, folder: Path) -> tuple[Fit, Scenario]:
    """Discover a workflow, fit a scenario, write both and load the scenario."""
    found = discover(log)
    (folder / "w.yaml").write_text(found.text, encoding="utf-8")
    (folder / "m.yaml").write_text(found.mapping, encoding="utf-8")
    workflow = load_workflow(folder / "w.yaml")
    out = folder / "s.yaml"
    result = fit(log, workflow, "w.yaml", dt.date.fromisoformat(as_of), out, load_mapping(folder / "m.yaml", workflow))
    for name, text in result.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return result, load_scenario(out)


# lengths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["exponential", "gamma", "lognormal", "weibull"])
def test_the_family_that_made_the_lengths_is_chosen(family: str) -> None:
    """Also if a third of the lengths were not over at the end of the log; the interval holds the mean."""
    rng = np.random.default_rng(7)
    draws = {
        "exponential": rng.exponential(10, 3000),
        "gamma": rng.gamma(4, 2.5, 3000),
        "lognormal": rng.lognormal(2, 0.8, 3000),
        "weibull": 10 * rng.weibull(3, 3000),
    }[family]
    mean = {"exponential": 10, "gamma": 10, "lognormal": np.exp(2.32), "weibull": 8.93}[family]
    until = rng.uniform(0, 30, 3000)
    fitted = fit_lengths(np.minimum(draws, until), draws <= until)
    assert fitted is not None
    assert fitted.family == family
    assert fitted.n_open == int((draws > until).sum()) > 500
    low, high = fitted.interval()
    assert low < mean < high < 1.1 * low


def test_lengths_that_fit_no_family_are_a_list_of_values() -> None:
    """Half take ten days, half sixty: the list has both, and their mean."""
    rng = np.random.default_rng(8)
    fitted = fit_lengths(np.concatenate([rng.normal(10, 1, 500), rng.normal(60, 2, 500)]), np.ones(1000, bool))
    assert fitted is not None
    assert fitted.family == "empirical"
    assert sum(v < 20 for v in fitted.quantiles) == len(fitted.quantiles) // 2
    assert fitted.mean == pytest.approx(35, rel=0.02)


def test_a_share_that_never_ends_is_estimated() -> None:
    """Three in ten never end; of those that have lasted long already, more."""
    rng = np.random.default_rng(9)
    draws = np.where(rng.random(2000) < 0.3, np.inf, rng.gamma(2, 10, 2000))
    until = rng.uniform(0, 300, 2000)
    fitted = fit_lengths(np.minimum(draws, until), draws <= until, stays=True)
    assert fitted is not None
    assert fitted.stays == pytest.approx(0.3, abs=0.03)
    _, later = fitted.rest(np.array([40.0]))
    assert later == pytest.approx(0.3 / (0.3 + 0.7 * float(fitted.survival(np.array([40.0]))[0])), rel=0.01)


def test_the_rest_of_a_length_is_what_its_distribution_says() -> None:
    """A constant of ten days that has lasted four lasts six more; an exponential one is as long as ever."""
    fitted = fit_lengths(np.full(50, 10.0), np.ones(50, bool))
    assert fitted is not None
    assert np.mean(fitted.rest(np.array([4.0]))[0]) == pytest.approx(6, abs=0.1)
    memoryless = fit_lengths(np.random.default_rng(1).exponential(10, 2000), np.ones(2000, bool))
    assert memoryless is not None
    assert memoryless.family == "exponential"
    assert np.median(memoryless.rest(np.array([25.0]))[0]) == pytest.approx(10 * np.log(2), rel=0.1)


# shares and pooling -----------------------------------------------------------------------------------------------------


def test_courts_that_do_not_differ_have_one_share() -> None:
    """A difference that chance explains is not taken over."""
    rng = np.random.default_rng(3)
    shares = fit_shares((rng.random(600) < 0.4).astype(np.int64), 2, np.repeat(np.array(["a", "b", "c"], object), 200))
    assert not shares.by_court
    assert shares.interval("", 1)[0] < 0.4 < shares.interval("", 1)[1]


def test_small_courts_are_pulled_towards_all_courts() -> None:
    """The share of a court with four cases lies between its own and that of all; a large court keeps its own."""
    values = np.concatenate([np.repeat([0, 1], [450, 50]), np.repeat([0, 1], [100, 400]), np.repeat([0, 1], [0, 4])])
    courts = np.repeat(np.array(["large", "other", "small"], object), [500, 500, 4])
    shares = fit_shares(values, 2, courts)
    assert shares.by_court
    assert shares.share("large")[1] == pytest.approx(0.1, abs=0.01)
    assert 454 / 1004 < shares.share("small")[1] < 0.95


def test_means_of_courts_are_pooled_in_part() -> None:
    """An uncertain mean moves, a certain one hardly; means that differ by chance only are one."""
    pooled = pooled_means(np.log([10.0, 20.0, 40.0]), np.array([0.02, 0.02, 0.8]))
    assert pooled is not None
    means = np.exp(pooled[0])
    assert means[:2] == pytest.approx([10, 20], rel=0.01)
    assert 14 < means[2] < 30
    assert pooled_means(np.log([10.0, 10.3]), np.array([0.05, 0.05])) is None


# hours ----------------------------------------------------------------------------------------------------------------


def test_hours_and_holidays_are_found_from_when_things_happen() -> None:
    """Weekdays with a lunch break, a short Friday, the holidays of the US and one more closure."""
    import holidays

    rng = np.random.default_rng(5)
    off = {*holidays.country_holidays("US", years=[2023, 2024]), dt.date(2024, 2, 9)}
    times = []
    for k in range(700):
        day = dt.date(2023, 1, 2) + dt.timedelta(days=k)
        if day.weekday() < 5 and day not in off:
            hours = [(9, 12), (13, 17)] if day.weekday() < 4 else [(9, 12)]
            for low, high in hours:
                times += ((day - dt.date(1970, 1, 1)).days * 24 + rng.uniform(low, high, 12)).tolist()
    at = (np.array(times) * 3600e6).astype(np.int64)
    found = find_hours(at, at + 60_000_000)
    assert found is not None
    assert found.weekly == {**dict.fromkeys(["mon", "tue", "wed", "thu"], "09:00-12:00, 13:00-17:00"), "fri": "09:00-12:00"}
    assert (found.holidays, found.closed) == ("US", (dt.date(2024, 2, 9),))
    assert (found.minutes, found.outside) == (15, 0)


def test_dates_without_a_clock_have_no_hours() -> None:
    """A log of days, or one of work around the clock, gives no calendar."""
    days = np.arange(500, dtype=np.int64) * DAY
    assert find_hours(days, days) is None
    always = np.random.default_rng(1).integers(0, 300 * DAY, 20_000)
    assert find_hours(always, always) is None
    assert find_hours(always[:80], always[:80]) is None  # the gaps between a few times are no breaks


# queues ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "order"), [("joined", "first_come"), ("arrived", "oldest"), ("-arrived", "newest"), ("chance", None)]
)
def test_the_order_of_a_queue_is_found_from_whom_each_start_took(key: str, order: str | None) -> None:
    """One server, cases that come back after some time, and always the one that the order says; by chance, none is found."""
    rng = np.random.default_rng(4)
    joined = np.sort(rng.uniform(0, 1000, 300))
    of = {"joined": joined, "arrived": joined - rng.exponential(500, 300), "chance": rng.random(300)}
    keys = -of["arrived"] if key == "-arrived" else of[key]
    waiting, started, now = list(range(300)), np.zeros(300), 0.0
    while waiting:
        now = max(now, min(joined[i] for i in waiting))
        case = min((i for i in waiting if joined[i] <= now), key=lambda i: keys[i])
        waiting.remove(case)
        started[case], now = now, now + 4
    found = find_order([tuple((each * 1000).astype(np.int64) for each in (joined, started, of["arrived"]))])  # type: ignore[list-item]
    assert found.name == order
    assert (found.share == 1) == (order is not None)
    assert found.n > 200


def test_few_choices_tell_no_order() -> None:
    """Nineteen are too few, and so are cases that never wait together."""
    at = np.arange(20)
    assert find_order([(at, 100 + at, at)]).name is None
    assert find_order([(10 * at, 10 * at + 1, at)]).n == 0


def test_the_newest_case_first_and_shares_of_transfers_stand_in_the_file(tmp_path: Path) -> None:
    """Each day six cases come to a desk that serves the newest first; then they move to one of three courts, 60, 30 and 10 percent."""
    rng, rows = np.random.default_rng(5), ["case,activity,time,started_at,arrived,server,current_court,to_court"]
    for case in range(600):
        day, place = divmod(case, 6)
        came = np.datetime64("2024-01-01T08:00") + np.timedelta64(day, "D") + np.timedelta64(place, "m")
        start = np.datetime64("2024-01-01T09:00") + np.timedelta64(day, "D") + np.timedelta64(60 * (5 - place), "m")
        other = rng.choice(["south", "east", "west"], p=[0.6, 0.3, 0.1])
        rows.append(f"{case},move,{start + np.timedelta64(int(rng.integers(30, 60)), 'm')},{start},{came},ann,north,{other}")
        rows.append(f"{case},close,{start + np.timedelta64(5, 'D')},,{came},,{other},")
    log = tmp_path / "log.csv"
    log.write_text("\n".join(rows) + "\n")
    fitted, scenario = _fitted(log, "2024-04-01", tmp_path)
    assert "order: newest" in fitted.files["s.yaml"]
    assert "served newest in 100% of" in fitted.files["s.yaml"]
    intervals = fitted.intervals()
    for court, share in (("south", 0.6), ("east", 0.3)):
        _, low, high = intervals[f"transfers.move.north.{court}"]
        assert low < share < high < low + 0.12
    assert "transfers.move.north.south" in fitted.files["s.shares.csv"]
    assert scenario.uncertain


# scenarios ---------------------------------------------------------------------------------------------------------------


def test_a_clinic_gets_back_its_servers_hours_and_numbers(tmp_path: Path) -> None:
    """Two nurses and one doctor from 8 to 16, 24 and 27 minutes, 12 arrivals a day, three in ten admitted."""
    fitted, _ = _fitted(published_shapes.hospital(tmp_path / "hospital.csv", 120), "2021-04-15", tmp_path)
    text = fitted.files["s.yaml"]
    assert text.count('{hours: {mon-fri: "08:00-16:00"}}') == 3
    assert "size: {court: 2}" in text
    assert "size: {court: 1}" in text
    truth = {
        "activities.work_begin.takes.gamma.mean": 0.4,
        "activities.work_after_triage.takes.gamma.mean": 0.45,
        "activities.work_after_triage.outcome.next_move.discharge": 0.7,
        "arrivals.court.rate": 12,
    }
    intervals = fitted.intervals()
    assert [path for path, value in truth.items() if not intervals[path][1] <= value <= intervals[path][2]] == []


@pytest.mark.parametrize(("shape", "as_of"), [("fines", "2024-06-01"), ("permits", "2023-01-01"), ("hospital", "2021-02-20")])
def test_published_shapes_from_file_to_a_running_scenario(shape: str, as_of: str, tmp_path: Path) -> None:
    """The printed commands work as they stand: the scenario loads, proves and runs, with a row for every open case."""
    log = getattr(published_shapes, shape)(tmp_path / f"{shape}.csv", 500 if shape != "hospital" else 60)
    runner = CliRunner()
    assert runner.invoke(app, ["discover", str(log), "--out", str(tmp_path / "w.yaml")]).exit_code == 0
    command = ["fit", str(log), "--workflow", str(tmp_path / "w.yaml"), "--mapping", str(tmp_path / "w.mapping.yaml")]
    result = runner.invoke(app, [*command, "--as-of", as_of, "--out", str(tmp_path / "s.yaml"), "--days", "30"])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == f"next: docketsim run {tmp_path / 's.yaml'}"
    scenario = load_scenario(tmp_path / "s.yaml")
    assert not prove(scenario.workflow).failed
    n_open = len((tmp_path / "s.backlog.csv").read_text().splitlines()) - 1
    report = run(scenario, replications=2, workers=1, engine="simpy", out=tmp_path / "run", progress=False)
    assert report.get("pending", at=dt.date.fromisoformat(as_of) + dt.timedelta(days=29)).mean >= 0
    assert f"{n_open:,} of them open" in result.output


def test_open_cases_keep_their_age_and_the_rest_of_their_time(tmp_path: Path) -> None:
    """A review takes 100 days; a case that has waited 60 by the day is done 40 days later, not 100."""
    rows = ["case,activity,time"]
    for case in range(300):
        day = np.datetime64("2023-01-01") + case
        rows.append(f"{case},file,{day}")
        if case < 200:
            rows.append(f"{case},grant,{day + 100}")
    log = tmp_path / "log.csv"
    log.write_text("\n".join(rows) + "\n")
    fitted, scenario = _fitted(log, "2023-10-28", tmp_path)
    backlog = fitted.files["s.backlog.csv"].splitlines()
    assert len(backlog) == 101
    assert backlog[1].startswith("court,after_file,2023-07-20")
    ran = run(
        scenario.change({"arrivals": {}, "uncertain": []}),
        replications=1,
        workers=1,
        engine="simpy",
        out=tmp_path / "run",
        progress=False,
    )
    assert ran.get("pending", at=dt.date(2023, 12, 17)).mean == pytest.approx(50, abs=3)


@pytest.mark.parametrize(("days", "noted"), [((5, 60), True), ((30, 32), False)])
def test_lengths_that_go_with_what_follows_are_noted(days: tuple[int, int], noted: bool, tmp_path: Path) -> None:
    """Half are paid after 5 days, half are sent after 60; a difference of a fifteenth is none to speak of."""
    rng, rows = np.random.default_rng(6), ["case,activity,time"]
    for case in range(120):
        created = np.datetime64("2023-01-01") + case
        length = days[case % 2] + int(rng.integers(0, 3))
        rows += [f"{case},create,{created}", f"{case},{('pay', 'send')[case % 2]},{created + length}"]
    log = tmp_path / "log.csv"
    log.write_text("\n".join(rows) + "\n")
    fitted, _ = _fitted(log, "2023-05-01", tmp_path)
    note = "The length of work_after_create goes with what follows (pay after 6 days, send after 61 days, medians)"
    assert [text.startswith(note) for text in fitted.notes if "goes with" in text] == [True] * noted
    assert "The log does not tell when work starts: lengths contain the waiting, and no staff limits the work." in fitted.notes


@pytest.mark.parametrize(
    ("rows", "as_of", "message"),
    [
        (["1,file,2024-01-01", "1,grant,2024-01-05"], "2024-01-04", "by then the log has only 1 case; at least 2 are needed"),
        (
            ["1,file,2024-01-01", "2,file,2024-01-02", "2,grant,2024-01-20"],
            "2024-01-10",
            "by then the log has no usable duration",
        ),
        (
            ["1,file,2024-01-01", "2,file,2024-01-02", "2,grant,2024-01-20"],
            "2030-01-01",
            "the log runs from 2024-01-01 to 2024-01-20; choose a day in it",
        ),
    ],
)
def test_what_cannot_be_fitted_leaves_nothing_behind(rows: list[str], as_of: str, message: str, tmp_path: Path) -> None:
    """The message says what is missing; no file is written."""
    log = tmp_path / "log.csv"
    log.write_text("\n".join(["case,activity,time", *rows]) + "\n")
    (tmp_path / "w.yaml").write_text(discover(_pair(tmp_path)).text)
    before = sorted(tmp_path.iterdir())
    command = ["fit", str(log), "--workflow", str(tmp_path / "w.yaml"), "--as-of", as_of, "--out", str(tmp_path / "s.yaml")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert message in result.output
    assert sorted(tmp_path.iterdir()) == before


def _pair(folder: Path) -> Path:
    """Return a log of two cases that are filed and granted."""
    path = folder / "pair.csv"
    path.write_text("case,activity,time\n1,file,2024-01-01\n1,grant,2024-01-05\n2,file,2024-01-02\n2,grant,2024-01-09\n")
    return path


def test_a_log_of_another_workflow_is_refused(tmp_path: Path) -> None:
    """The message has the steps of both; with one step that fits, the others are left out with a note."""
    workflow = load_workflow(discover(_pair(tmp_path)).text)
    other, part = tmp_path / "other.csv", tmp_path / "part.csv"
    other.write_text("case,activity,time\n1,triage,2024-01-01\n2,triage,2024-01-02\n2,treat,2024-01-09\n")
    message = "the workflow pair: the log has triage, treat; the workflow has grant, file"
    with pytest.raises(InputError, match=message):
        fit(other, workflow, "w.yaml", dt.date(2024, 1, 6), tmp_path / "s.yaml")
    part.write_text((tmp_path / "pair.csv").read_text() + "2,appeal,2024-01-04\n2,refuse,2024-02-01\n")
    fitted = fit(part, workflow, "w.yaml", dt.date(2024, 1, 20), tmp_path / "s.yaml")
    assert "The workflow has no appeal: 1 row of the log left out." in fitted.notes


def test_open_cases_must_be_where_a_case_may_begin(tmp_path: Path) -> None:
    """The message names the state and the line to change."""
    found = discover(_pair(tmp_path))
    workflow = load_workflow(found.text.replace("entry: {states: [begin, after_file]", "entry: {states: [begin]"))
    with pytest.raises(
        InputError, match="1 open case of the log in 'after_file', in which no case may begin; add it to entry: states:"
    ):
        fit(tmp_path / "pair.csv", workflow, "w.yaml", dt.date(2024, 1, 6), tmp_path / "s.yaml")


def test_a_run_folder_is_no_log(tmp_path: Path) -> None:
    """The message says how to export one replication."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match=r"docketsim export .* --to csv --replication 1"):
        discover(tmp_path / "run")
