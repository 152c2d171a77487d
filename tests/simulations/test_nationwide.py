"""The built-in national review: where its cases come from, what was calibrated, and properties of a run."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulations import Scenario, load_scenario, make_plan, run
from simulations.engines.compiled_engine import CompiledPath, simulate
from simulations.log.eventlog import EventLog
from simulations.measuring.measured import Value
from simulations.measuring.measures import group_cases, measure
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.predicates import Namespace, parse

# TRAC report 225: pending cases on 30 November 2009 by the state where the court sits, and the mean days waited.
T225 = {
    "california": (59451, 619), "new_york": (36922, 420), "florida": (19021, 431), "texas": (18030, 218),
    "illinois": (8696, 375), "massachusetts": (8323, 612), "virginia": (7428, 478), "arizona": (7088, 304),
    "new_jersey": (6880, 295), "georgia": (6408, 359), "colorado": (5622, 450), "maryland": (5025, 430),
    "pennsylvania": (4644, 450), "washington": (3796, 278), "north_carolina": (3788, 223), "tennessee": (3684, 214),
    "nebraska": (3418, 498), "ohio": (3339, 264), "missouri": (2767, 327), "michigan": (2367, 503),
    "minnesota": (2234, 369), "louisiana": (1980, 195), "oregon": (1870, 290), "connecticut": (1388, 231),
    "puerto_rico": (1283, 319), "nevada": (1221, 197), "utah": (1100, 455), "hawaii": (549, 316), "guam": (99, 212),
}  # fmt: skip
SEPTEMBER_2010 = {"california": 63539, "new_york": 42256, "texas": 26957, "florida": 16942, "illinois": 12795, "arizona": 9180, "maryland": 5765}  # fmt: skip
PARTS = {"los_angeles": "california", "san_francisco": "california", "rest_of_california": "california", "orlando": "florida", "rest_of_florida": "florida", "denver": "colorado", "baltimore": "maryland"}  # fmt: skip
BASE = "prosecutorial-discretion-review"
PENDING = 299_244
MAY = dt.date(2012, 5, 29)
COUNTED_IN_MAY = {"reviewed": 288_361, "amenable": 20_648, "closed": 4_403, "declined": 3_998}
PUBLISHED = {
    "2011-12-31": {"pending all": 300_225, "unfinished_age.mean all": 507},
    "2012-01-13": {"reviewed denver": 7_923, "reviewed baltimore": 3_759, "amenable denver": 1_301, "amenable baltimore": 366},
    "2012-03-05": {"reviewed all": 165_000, "amenable all": 13_000, "closed all": 1_600},
    "2012-03-28": {"closed all": 2_609},
    "2012-03-31": {"closed los_angeles": 218, "pending all": 305_556},
    "2012-04-16": {"reviewed all": 219_554, "amenable all": 16_544, "closed all": 2_722},
    "2012-05-29": {"reviewed all": 288_361, "amenable all": 20_648, "closed all": 4_403, "declined all": 3_998, "in_process all": 12_247},
    "2012-05-31": {"closed los_angeles": 534, "closed denver": 401, "closed san_francisco": 387, "closed all": 4_585},
    "2012-06-28": {"pending all": 314_147, "unfinished_age.mean all": 526},
    "2012-09-30": {"pending all": 327_638},
}  # fmt: skip
"""Counts of ICE, TRAC and EOIR by date. No measure corresponds to ICE's remaining count of March, which includes declined offers."""
SCALE = 10


@pytest.fixture(scope="module")
def nationwide() -> Scenario:
    """The scenario as shipped."""
    return load_scenario("nationwide")


def scaled_down(content: dict[str, Any], scale: int) -> dict[str, Any]:
    """Return the scenario with a fraction of the cases, and with processing times that are longer by the same factor."""

    def times(length: Any, factor: float) -> Any:
        if isinstance(length, str):
            number, unit = length.split(" ", 1)
            return f"{float(number) * factor:.6f} {unit}"
        return {k: v if k in ("by", "cv") else times(v, factor) for k, v in length.items()}

    for court in content["courts"].values():
        court["backlog"]["pending"]["count"] = round(court["backlog"]["pending"]["count"] / scale)
    for stream in content["arrivals"].values():
        stream["rate"] = times(stream["rate"], 1 / scale)
    for work in content["activities"].values():
        if "pool" in work:
            work["takes"] = times(work["takes"], scale)
    return content


@pytest.fixture(scope="module")
def small(nationwide: Scenario) -> EventLog:
    """The log of one replication with a tenth of the cases, and the inputs as they stand in the file."""
    pytest.importorskip("numba")
    content = {key: value for key, value in nationwide.plain().items() if key != "uncertain"}
    path = CompiledPath(1, 1)
    return simulate(make_plan(load_scenario(scaled_down(content, SCALE)), path), path)


@pytest.fixture(scope="module")
def values(small: EventLog) -> dict[tuple[object, ...], float | None]:
    """The measures of that log at the end of 29 May, of all cases and by origin."""
    values_in_may: list[Value] = measure(small, [MAY], [group_cases(small.cases, "origin")])
    return {(v.measure, v.court, v.group): v.value for v in values_in_may if v.at == MAY}


def test_the_pending_cases_of_29_jurisdictions_add_up_to_those_of_the_first_day(nationwide: Scenario) -> None:
    """298,173 at the end of September and 300,225 at the end of December give 299,244, in 32 courts; every jurisdiction of TRAC's report has its cases, scaled as the file says."""
    assert len(nationwide.courts) == 32
    counts = dict.fromkeys(T225, 0)
    for backlog in nationwide.backlog:
        court = nationwide.courts[backlog.court]
        counts[PARTS.get(court, court)] += backlog.count
    assert sum(counts.values()) == pytest.approx(PENDING, abs=5)
    assert pytest.approx(298_173 + (300_225 - 298_173) * 48 / 92, abs=1) == PENDING
    later = {place: round(n * PENDING / 261_083) for place, n in SEPTEMBER_2010.items()} | {"colorado": 7923}
    others = [place for place in T225 if place not in later]
    factor = (PENDING - sum(later.values())) / sum(T225[place][0] for place in others)
    assert factor == pytest.approx(1.283, abs=0.0005)
    assert counts == later | {place: round(T225[place][0] * factor) for place in others}


def test_ages_are_those_of_2009_scaled_to_the_mean_of_the_first_day(nationwide: Scenario) -> None:
    """The mean of all courts is 493 days, and each court's age has the same ratio to it as in TRAC's report."""
    counts = np.array([b.count for b in nationwide.backlog])
    ages = np.array([b.age.leaves()[0].distribution.mean / MICROSECONDS_PER_DAY for b in nationwide.backlog if b.age])
    assert np.average(ages, weights=counts) == pytest.approx(493, abs=0.5)
    before = np.array([T225[PARTS.get(court, court)][1] for court in nationwide.courts])
    assert (ages / before).min() == pytest.approx((ages / before).max(), rel=0.01)


def test_some_111_000_newly_filed_cases_are_read_and_others_are_filed_besides(nationwide: Scenario) -> None:
    """The streams of all courts into the state in which charges are not filed yet, over the run; all filings by date."""
    assert {stream.state for stream in nationwide.streams} == {"incoming", "docket"}
    assert len(nationwide.streams) == 2 * len(nationwide.courts)
    expected = sum(s.rate[0][1] for s in nationwide.streams if s.rate and s.state == "incoming") * nationwide.horizon
    assert expected == pytest.approx(111_000, rel=0.002)
    at = [
        nationwide.epoch.microseconds(dt.date(2011, 12, 31)),
        nationwide.epoch.microseconds(dt.date(2012, 2, 1)),
        nationwide.horizon,
    ]
    per_day = [sum([rate for start, rate in s.rate if start < t][-1] for s in nationwide.streams if s.rate) for t in at]
    assert [rate * MICROSECONDS_PER_DAY for rate in per_day] == pytest.approx([39_331 / 92, 490, 550], rel=0.002)


def test_the_courts_are_suspended_on_the_announced_dates(nationwide: Scenario) -> None:
    """Six courts hear only detained people; three have half of their judges."""
    day = nationwide.epoch.date
    dates = {nationwide.courts[court]: (day(s.start), day(s.end - 1)) for s in nationwide.suspensions for court in s.courts}
    pilot, second = (dt.date(2011, 12, 5), dt.date(2012, 1, 13)), (dt.date(2012, 4, 23), dt.date(2012, 5, 4))
    assert dates == {
        **dict.fromkeys(("denver", "baltimore"), pilot),
        **dict.fromkeys(("michigan", "louisiana", "orlando", "washington"), second),
    }
    assert all(s.exempt is not None for s in nationwide.suspensions)
    sizes = dict(zip(nationwide.courts, nationwide.pools["judges"].sizes, strict=True))
    partly = {court: [day(t) for t, _ in steps[1:]] for court, steps in sizes.items() if len(steps) > 1}
    assert partly == {
        "new_york": [dt.date(2012, 5, 7), dt.date(2012, 5, 19)],
        "san_francisco": [dt.date(2012, 6, 4), dt.date(2012, 6, 16)],
        "los_angeles": [dt.date(2012, 7, 9), dt.date(2012, 7, 21)],
    }
    assert all(0 <= sizes[court][0][1] - 2 * sizes[court][1][1] <= 1 for court in partly)


def test_files_are_read_all_day_while_the_hearings_of_a_court_are_suspended(nationwide: Scenario) -> None:
    """Elsewhere two hours a day; in the windows of the second phase 8.5 hours, and half of the rest where a part is suspended."""
    day, hours = nationwide.epoch.date, {}
    for court, calendar in zip(nationwide.courts, nationwide.pools["reviewers"].calendars, strict=True):
        found = [(day(a), (b - a) / MICROSECONDS_PER_DAY * 24) for a, b in zip(calendar.opens, calendar.closes, strict=True)]
        hours[court] = {date: length for date, length in found if length != 2}
    window = {court: (min(dates), max(dates), {*dates.values()}, len(dates)) for court, dates in hours.items() if dates}
    april = (dt.date(2012, 4, 23), dt.date(2012, 5, 4), {8.5}, 10)
    assert {c: w for c, w in window.items() if c not in ("denver", "baltimore")} == {
        **dict.fromkeys(("michigan", "louisiana", "orlando", "washington"), april),
        "new_york": (dt.date(2012, 5, 7), dt.date(2012, 5, 18), {5.25}, 10),
        "san_francisco": (dt.date(2012, 6, 4), dt.date(2012, 6, 15), {5.25}, 10),
        "los_angeles": (dt.date(2012, 7, 9), dt.date(2012, 7, 20), {5.25}, 10),
    }


def test_every_published_figure_has_a_source_and_is_marked_as_calibrated_or_not(nationwide: Scenario) -> None:
    """The assumptions list the four counts of 29 May as calibrated, and later counts as not used."""
    assert all(figure.source for figure in nationwide.published)
    figures = {(f.measure, f.court, f.at): f.value for f in nationwide.published}
    assert figures == {
        (*name.split(), dt.date.fromisoformat(day)): value for day, here in PUBLISHED.items() for name, value in here.items()
    }
    assert {name: figures[name, "all", MAY] for name in COUNTED_IN_MAY} == COUNTED_IN_MAY
    assert figures["in_process", "all", MAY] == 20_648 - 4_403 - 3_998
    assumptions = {a.split(",")[0].split(" ")[0]: " ".join(a.split()) for a in nationwide.about.assumptions[:2]}
    assert "on 03-05 and 05-29; closed on 03-05, 04-16 and 05-29" in assumptions["Calibrated"]
    assert "reviewed and amenable on 04-16; every figure after 05-29" in assumptions["Not"]
    assert any(f.at > MAY for f in nationwide.published)


@pytest.mark.parametrize(
    ("name", "order"), [("nationwide-oldest-first", "oldest"), ("nationwide-hearing-order", {"by": "days_to_hearing"})]
)
def test_a_variant_differs_only_in_the_order_of_the_reviewers(nationwide: Scenario, name: str, order: object) -> None:
    """Everything except name, description and the reviewers' order is equal to the base."""
    base, variant = nationwide.plain(), load_scenario(name).plain()
    assert "hearing_soon" in base["pools"]["reviewers"].pop("order")["by"]
    assert variant["pools"]["reviewers"].pop("order") == order
    for content in (base, variant):
        del content["scenario"], content["description"]
    assert variant == base


def test_a_tenth_of_the_nation_comes_near_the_counts_of_may(values: dict[tuple[object, ...], float | None]) -> None:
    """Reviewed within 3 percent; the others, of which there are a few hundred, within 10 and 20."""
    for name, tolerance in (("reviewed", 0.03), ("amenable", 0.1), ("closed", 0.2), ("declined", 0.15)):
        value = values[name, "all", None]
        assert value is not None
        assert SCALE * value == pytest.approx(COUNTED_IN_MAY[name], rel=tolerance), name


def test_newly_filed_cases_are_reviewed_as_well(values: dict[tuple[object, ...], float | None]) -> None:
    """Both origins add up, and exactly one of four measures counts each amenable case."""
    for name in ("reviewed", "amenable", "closed", "declined", "in_process", "hit", "pending"):
        parts = [values[name, "all", origin] or 0 for origin in ("arrivals", "backlog")]
        assert sum(parts) == values[name, "all", None]
    assert SCALE * (values["reviewed", "all", "arrivals"] or 0) == pytest.approx(348 * (194 - 14), rel=0.1)
    parts = [values[name, "all", None] or 0 for name in ("closed", "declined", "in_process", "hit")]
    assert sum(parts) == values["amenable", "all", None]


def test_detained_people_are_a_growing_share_of_those_reviewed(small: EventLog) -> None:
    """13.9 percent of those read by 5 March and 26.9 percent of those read from then to 29 May, within 1.5 and 4 points."""
    rows, labels, epoch = small.columns, small.labels, small.cases.scenario.epoch
    read = rows["transition"] == labels.transition.index("review")
    custody = small.cases.columns.values["custody"][rows["case_id"]]
    early = read & (rows["happened_at"] <= epoch.end_of(dt.date(2012, 3, 5)))
    late = read & ~early & (rows["happened_at"] <= epoch.end_of(MAY))
    assert custody[early].mean() == pytest.approx(23_000 / 165_000, abs=0.015)
    assert custody[late].mean() == pytest.approx(33_180 / 123_361, abs=0.04)


def test_closures_speed_up(small: EventLog) -> None:
    """About 100, 187 and 274 a week, as the agency's counts say; a centre of constant size gives the same number each week."""
    rows, labels, epoch = small.columns, small.labels, small.cases.scenario.epoch
    closed = np.isin(rows["transition"], [labels.transition.index("close"), labels.transition.index("terminate")])
    days = [dt.date(2011, 11, 17), dt.date(2012, 3, 5), dt.date(2012, 4, 16), MAY]
    ends = [epoch.end_of(day) for day in days]
    counts = [int((closed & (rows["happened_at"] > a) & (rows["happened_at"] <= b)).sum()) for a, b in pairwise(ends)]
    weekly = [SCALE * n / ((b - a).days / 7) for n, (a, b) in zip(counts, pairwise(days), strict=True)]
    assert weekly[0] < weekly[1] < weekly[2]
    assert weekly[2] == pytest.approx(274, rel=0.2)


def test_judges_of_a_suspended_court_hear_detained_people_alone(small: EventLog) -> None:
    """Hearings that start in the six courts during their suspension are of people detained at the start or since."""
    rows, labels, scenario = small.columns, small.labels, small.cases.scenario
    detained = small.cases.columns.values["custody"] == scenario.workflow.record["custody"].values.index("detained")
    detained = detained.copy()
    detained[rows["case_id"][rows["cause"] == labels.cause.index("detention")]] = True
    court = small.cases.court[rows["case_id"]]
    hearings = rows["activity"] == labels.activity.index("hearing")
    for suspension in scenario.suspensions:
        begun = (
            hearings
            & np.isin(court, suspension.courts)
            & (rows["started_at"] >= suspension.start)
            & (rows["started_at"] < suspension.end)
        )
        assert begun.sum() > 5
        assert detained[rows["case_id"][begun]].all()


@pytest.mark.slow
def test_the_nation_in_full_comes_within_ten_percent_of_the_counts_of_may(tmp_path: Path) -> None:
    """In three replications with the medians, 9,000 to 11,500 files are reviewed per week."""
    result = run(
        load_scenario("nationwide").certain(), replications=3, seed=1, at=[MAY], out=tmp_path / "nationwide", keep="measures"
    )
    for name, counted in COUNTED_IN_MAY.items():
        assert result.get(name, "all", MAY).mean == pytest.approx(counted, rel=0.1), name
    days = [dt.date(2012, 3, 5), dt.date(2012, 4, 16), MAY]
    read = [result.get("reviewed", "all", day).mean or 0 for day in days]
    for k in (0, 1):
        weeks = (days[k + 1] - days[k]).days / 7
        assert 9_000 <= (read[k + 1] - read[k]) / weeks <= 11_500


def test_the_stricter_list_comes_into_force_in_april(nationwide: Scenario) -> None:
    """The variant has the critics' list as a policy from 1 April on, also for cases in progress. Nothing else differs."""
    variant = load_scenario("nationwide-stricter-from-april")
    assert [(p.workflow.name, p.pinned) for p in variant.policies] == [(BASE, False), ("strict-criteria", False)]
    assert [variant.epoch.date(p.start) for p in variant.policies] == [dt.date(2012, 1, 31), dt.date(2012, 4, 1)]
    ours, theirs = variant.plain(), nationwide.plain()
    assert {k for k in ours if ours.get(k) != theirs.get(k)} == {"scenario", "description", "policies"}


def test_the_forecast_does_not_know_deferred_action(nationwide: Scenario) -> None:
    """Only the variant has the policy of 15 June, and people it concerns accept more often from that day on; nothing else differs."""
    assert [(p.workflow.name, nationwide.epoch.date(p.start)) for p in nationwide.policies] == [(BASE, dt.date(2012, 1, 31))]
    assert nationwide.workflow.name == "before-avetisyan"
    variant = load_scenario("nationwide-deferred-action")
    assert (variant.policies[-1].workflow.name, variant.epoch.date(variant.policies[-1].start)) == (
        "deferred-action",
        dt.date(2012, 6, 15),
    )
    ours, theirs = variant.plain(), nationwide.plain()
    assert {k for k in ours if ours.get(k) != theirs.get(k)} == {"scenario", "description", "policies", "activities"}
    offers = ours["activities"].pop("offer"), theirs["activities"].pop("offer")
    assert ours["activities"] == theirs["activities"]
    assert offers[0]["takes"] == offers[1]["takes"]
    condition = offers[0]["outcome"]["offer"].pop(next(day for day in offers[0]["outcome"]["offer"] if str(day) == "2012-06-15"))[
        "by"
    ]
    assert offers[0]["outcome"] == offers[1]["outcome"]
    known = Namespace({**variant.workflow.facts, **variant.workflow.record}, variant.policies[-1].workflow.definitions)
    assert parse(condition, known) == variant.policies[-1].workflow.definitions["deferred_action"]


def test_what_was_not_known_reaches_the_band(nationwide: Scenario) -> None:
    """The entries name pace, discretion and its trend, checks and their growth, offers, acceptance, filings and hearings."""
    paths = [entry.input.path for entry in nationwide.uncertain]
    for part in (
        "review.takes",
        "finding.2011",
        "finding.2012",
        "background_check.takes",
        "check_centre.size.2012-04",
        "offer.takes",
    ):
        assert any(part in path for path in paths), part
    for part in ("offer.outcome", "arrivals", "hearing.takes"):
        assert any(part in path for path in paths), part
