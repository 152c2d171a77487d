"""Comparisons with common random numbers: equal results differ by exactly 0, and real differences are significant."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import duckdb
import pytest

from simulations import SamplePath, compare, load_scenario, open_run
from simulations.comparing.case_pairs import ALIKE, DECIDED, ELSEWHERE, ONE_ONLY, ONLY_BASE, ONLY_OTHER
from simulations.comparing.comparison import Comparison
from simulations.comparing.differences import Difference
from simulations.comparing.paired import pair
from simulations.printing.comparison_table import print_comparison
from simulations.run_folder.folders import RunFolderExists
from simulations.scenarios.population import draw_cases
from simulations.statements.of_comparisons import difference_words
from simulations.tables.comparison import format_difference, format_levels
from tests.simulations.desk import DESK, write_tiny
from workflow.errors import InputError

REVIEW_ENDS = dt.date(2012, 1, 13)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def test_a_scenario_does_not_differ_from_itself(tiny: Path, tmp_path: Path) -> None:
    """All differences are exactly 0, for every measure, court and day, and every case ends alike."""
    comparison = compare(tiny, tiny, replications=4, seed=3, at=[dt.date(2024, 1, 31)], out=tmp_path / "c")
    assert len(comparison.differences) > 100
    assert {d.at for d in comparison.differences} == {None, dt.date(2024, 1, 31)}
    assert all(d.paired is None or (d.paired.same and d.p_corrected is None) for d in comparison.differences)
    cases = {(p.what, p.court): p.mean for p in comparison.cases[comparison.against[0]]}
    assert cases[ALIKE, "all"] > 100
    assert not any(cases[what, "all"] for what in (DECIDED, ONE_ONLY, ELSEWHERE, ONLY_BASE, ONLY_OTHER))
    assert comparison.changes == {"tiny (2)": []}


def test_one_more_clerk_in_the_east_changes_nothing_in_the_west(tiny: Path, tmp_path: Path) -> None:
    """The difference in the east is significant, with less variance than independent runs.

    All western cases end alike.
    """
    base, other = tiny, load_scenario(tiny, ["pools.clerks.size={east: 3, west: 2}"])
    comparison = compare(load_scenario(base), other, replications=8, seed=3, out=tmp_path / "c")
    west = [d for d in comparison.differences if d.court == "west"]
    assert len(west) > 15
    assert all(d.paired is None or d.paired.same for d in west)
    waiting = comparison.get("waiting_time.serve.mean", "east")
    assert waiting.paired is not None
    assert waiting.paired.difference < 0
    assert waiting.is_significant(0.95)
    cases = {(p.what, p.court): p for p in comparison.cases[comparison.against[0]]}
    assert cases[ALIKE, "west"].mean == 10
    assert cases[ONE_ONLY, "east"].mean > 0
    total = sum(p.mean for p in comparison.cases[comparison.against[0]] if p.court == "east")
    assert total == pytest.approx(sum(p.mean for p in comparison.cases[comparison.against[0]] if p.court == "all") - 10)


def test_another_workflow_is_paired_case_by_case(tiny: Path, tmp_path: Path) -> None:
    """Odd cases are refused instead of stored. Only these are decided otherwise, and the counts agree with the logs."""
    shutil.copy(tiny, tmp_path / "tiny.yaml")
    (tmp_path / "desk.yaml").write_text(
        DESK.replace(
            "  - {transition: store,", "  - {transition: refuse, from: queue, to: done, when: kind == \"odd\"}\n  - {transition: store,"
        ),
        encoding="utf-8",
    )  # fmt: skip
    changes = ["courts.east.backlog.queue=21"]
    comparison = compare(tiny, load_scenario(tmp_path / "tiny.yaml", changes), replications=3, seed=3, out=tmp_path / "c")
    cases = {(p.what, p.court): p.mean for p in comparison.cases[comparison.against[0]]}
    assert cases[ONLY_OTHER, "east"] == 1
    assert cases[ONLY_BASE, "all"] == 0
    assert cases[DECIDED, "all"] > 0
    assert [c.base for c in comparison.changes[comparison.against[0]] if c.other == "done (refuse)"]
    counted = 0
    for k in (1, 2, 3):
        ends = []
        for scenario, folder in ((load_scenario(tiny), "base"), (load_scenario(tmp_path / "tiny.yaml", changes), "other-1")):
            keys = draw_cases(scenario, SamplePath(3, k)).keys.tolist()
            with duckdb.connect() as connection:
                rows = connection.execute(
                    "select case_id, max_by(transition, sequence) filter (transition is not null), bool_or(to_state = 'done')"
                    f" from '{tmp_path}/c/{folder}/events/replication={k}.parquet' group by 1"
                ).fetchall()
            ends.append({keys[case]: by for case, by, done in rows if done})
        counted += sum(by != ends[1][key] for key, by in ends[0].items() if key in ends[1])
    with duckdb.connect() as connection:
        (stored_and_shelved,) = connection.execute(
            f"select count(*) from (select 1 from '{tmp_path}/c/base/events/*.parquet' group by replication, case_id"
            " having max_by(to_state, sequence) = 'shelf')"
        ).fetchone() or (0,)
    assert counted / 3 <= cases[DECIDED, "all"] <= (counted + stored_and_shelved) / 3


def test_an_interrupted_comparison_is_resumed(tiny: Path, tmp_path: Path) -> None:
    """A comparison interrupted in its second run ends with the same result. It is refused without resume."""
    other = load_scenario(tiny, ["pools.clerks.size=3"])

    def stop(done: int, todo: int) -> None:
        assert todo == 6
        if done == 5:
            raise KeyboardInterrupt

    whole = compare(load_scenario(tiny), other, replications=3, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        compare(load_scenario(tiny), other, replications=3, out=tmp_path / "c", progress=stop)
    with pytest.raises(RunFolderExists, match="already exists"):
        compare(load_scenario(tiny), other, replications=3, out=tmp_path / "c")
    with pytest.raises(InputError, match=r"but of a comparison that is not finished; resume it .* such as .*base"):
        open_run(tmp_path / "c")
    again = compare(load_scenario(tiny), other, replications=3, out=tmp_path / "c", resume=True)
    assert again.differences == whole.differences
    assert again.against == ["tiny with clerks.size=3"]
    assert again.cases == whole.cases
    written = json.loads((tmp_path / "c" / "comparison.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(again.json()))


def test_a_folder_with_other_files_is_not_resumed(tiny: Path, tmp_path: Path) -> None:
    """Nothing is written into it."""
    (tmp_path / "letter").write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderExists, match="cannot be resumed as a comparison: it contains letter"):
        compare(tiny, tiny, replications=2, out=tmp_path, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["letter"]


def test_a_queue_that_only_grows_is_named(tiny: Path, tmp_path: Path) -> None:
    """In the base, one clerk has the work of two."""
    base, other = (load_scenario(tiny, [f"pools.clerks.size={n}", "arrivals.east.rate=6 per day"]) for n in (1, 9))
    comparison = compare(base, other, replications=2, out=tmp_path / "c")
    named = {name: [(queue.pool, queue.court) for queue in queues] for name, queues in comparison.growing.items()}
    assert named == {"base": [("clerks", "east")], "tiny with clerks.size=9": []}


def test_a_clearance_rate_with_hardly_any_inflow_is_neither_shown_nor_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One case comes in and some thirty leave: the rate is in JSON only, and the family of hypotheses does not have it."""
    base = load_scenario(
        write_tiny(tmp_path),
        ["arrivals={east: {at: [2 days]}}", "courts.east.backlog.queue=60", "activities.serve.outcome.answer={yes: 1}"],
    )
    other = base.change({"pools.clerks.size": 3})
    names = ["clearance_rate", "pending"]
    comparison = compare(base, other, replications=3, seed=2, measures=names, out=tmp_path / "c", keep="measures")
    rates = [d for d in comparison.differences if d.measure == "clearance_rate" and d.paired is not None]
    assert rates
    assert all(d.paired.base > 20 and d.hypothesis is None and d.p_corrected is None for d in rates)  # type: ignore[union-attr]
    print_comparison(comparison, [])
    printed = capsys.readouterr().out
    assert "Left out: clearance_rate, because few cases came in" in printed
    assert not [line for line in printed.splitlines() if line.startswith("clearance_rate")]


def test_a_row_has_one_unit_of_time(tiny: Path, tmp_path: Path) -> None:
    """A wait of half a day beside one of twelve days is in days, and so is the difference; short waits are in hours."""
    comparison = Comparison(load_scenario(tiny), tmp_path, 1, 3, 0.95, ["x"], [])
    for other, levels in (([12.0, 12.5, 13.0], ("0.500 d", "12.5 d")), ([0.7, 0.75, 0.8], ("12.0 h", "18.0 h"))):
        d = Difference("x", "waiting_time.serve.mean", "all", None, "days", pair([0.5] * 3, other, 0.95))
        assert format_levels(comparison, d) == levels
        assert {text[-1] for text in (*levels, format_difference(d))} == {levels[0][-1]}
        assert difference_words(comparison, d).endswith("days longer" if levels[0][-1] == "d" else "hours longer")


def test_the_correction_counts_only_the_chosen_measures(tiny: Path, tmp_path: Path) -> None:
    """The runs are the same, and p is smaller."""
    other = load_scenario(tiny, ["pools.clerks.size={east: 3, west: 2}"])
    everything = compare(load_scenario(tiny), other, replications=4, out=tmp_path / "c")
    few = compare(load_scenario(tiny), other, replications=4, out=tmp_path / "few", measures=["waiting_time.serve.mean"])
    assert {d.measure for d in few.differences} == {"waiting_time.serve.mean"}
    one, two = (f.get("waiting_time.serve.mean", "east") for f in (everything, few))
    assert one.paired == two.paired
    assert one.p_corrected is not None
    assert two.p_corrected is not None
    assert two.p_corrected < one.p_corrected


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"other_changes": ["ends=2024-01-31"]}, "compare: ends: 2024-01-31 in tiny, 2024-02-15 in tiny; use the same"),
        ({"measures": ["pendin"]}, "measure pendin: is not a measure of all these scenarios. Did you mean 'pending'?"),
        ({"other_changes": ["people.age.uniform={min: 91, max: 95}"]}, "cases break the workflow's assumption 'age < 90'"),
        ({"replications": 0}, "replications: must be 1 or more, not 0"),
        ({"at": [dt.date(2025, 1, 1)]}, "at: 2025-01-01 is not between starts"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_before_anything_runs(tiny: Path, tmp_path: Path, more: dict, message: str) -> None:
    """Nothing is written."""
    with pytest.raises(InputError) as raised:
        compare(tiny, tiny, out=tmp_path / "c", **more)
    assert message in str(raised.value)
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_the_pilot_does_not_differ_from_itself(tmp_path: Path) -> None:
    """All differences of two replications are exactly 0, with two workers."""
    comparison = compare("pilot", "pilot", replications=2, at=[REVIEW_ENDS], out=tmp_path / "c", workers=2)
    assert all(d.paired is None or d.paired.same for d in comparison.differences)


@pytest.mark.slow
def test_one_more_reviewer_in_denver_ends_its_review_earlier_and_leaves_baltimore_alone(tmp_path: Path) -> None:
    """Pairing needs at most a fifth of the runs that independent ones would, for the mean waiting time of review."""
    comparison = compare(
        "pilot", "pilot", changes=["published=[]", "ends=2012-01-31"], other_changes=["pools.reviewers.size.denver=17"],
        replications=30, at=[REVIEW_ENDS], workers=2, out=tmp_path / "c",
    )  # fmt: skip
    baltimore = [d for d in comparison.differences if d.court == "baltimore" and d.at == REVIEW_ENDS]
    assert len(baltimore) > 50
    assert all(d.paired is None or d.paired.same for d in baltimore)
    ended = comparison.get("review_finished", "denver")
    assert ended.paired is not None
    assert ended.paired.high is not None
    assert ended.paired.high < 0
    assert ended.is_significant(0.95)
    waited = comparison.get("waiting_time.review.mean", "denver", REVIEW_ENDS)
    assert waited.paired is not None
    assert waited.paired.difference < 0
    assert waited.paired.variance_reduction is not None
    assert waited.paired.variance_reduction >= 5
    for difference in (ended, waited):
        print(difference.json())
