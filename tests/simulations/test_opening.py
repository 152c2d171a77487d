"""A folder is opened as the result that was written to it, with its tables."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulations import Comparison, RunResult, Sweep, open_run, run
from simulations.cli import app
from simulations.measuring.selection import Selection
from tests.simulations.desk import write_tiny
from workflow import InputError, MissingResult

GLOSSARY = (Path(__file__).parents[2] / "docs/glossary.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def opened(tiny: Path) -> RunResult:
    """An opened run of three replications, with groups."""
    run(tiny, replications=3, seed=3, out=tiny.parent / "three", by=["kind"])
    result = open_run(tiny.parent / "three")
    assert isinstance(result, RunResult)
    return result


def _printed(*arguments: object) -> Any:
    result = CliRunner().invoke(app, [*map(str, arguments), "--workers", "1", "--quiet", "--json"])
    assert result.exit_code in (0, 1), result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["run", "{}", "--replications", "4", "--by", "kind", "--at", "2024-01-20", "--set", "warm_up=2024-01-02"], RunResult),
        (["run", "{}", "--measure", "pending", "--court", "west", "--confidence", "0.8", "--monitor", "count"], RunResult),
        (["compare", "{}", "{}", "--set-other", "pools.clerks.size=3", "--replications", "3", "--at", "2024-01-20"], Comparison),
        (["sweep", "{}", "--set", "pools.clerks.size=1:2:1", "--replications", "3", "--at", "2024-01-20"], Sweep),
    ],
    ids=["run", "chosen", "compare", "sweep"],
)
def test_an_opened_folder_says_what_the_command_printed(
    command: list[str], kind: type[RunResult | Comparison | Sweep], tiny: Path, tmp_path: Path
) -> None:
    """The JSON of the result is that of the command, to the last digit, with the answer in sentences."""
    printed = _printed(*(word.replace("{}", str(tiny)) for word in command), "--out", tmp_path / "out")
    result = open_run(tmp_path / "out")
    assert isinstance(result, kind)
    assert all(sentence.endswith(".") for sentence in printed["answer"])
    assert json.loads(json.dumps(result.json())) == printed


def test_an_opened_run_equals_the_result_of_the_run(tiny: Path, tmp_path: Path) -> None:
    """Estimates, daily pending cases and contrasts are the same."""
    written, read = run(tiny, replications=3, out=tmp_path / "r", by=["kind"]), open_run(tmp_path / "r")
    assert isinstance(read, RunResult)
    assert read.json() == written.json()
    assert list(read.pending) == list(written.pending)
    assert read.contrasts == written.contrasts
    assert (read.seed, read.engine, read.replications) == (written.seed, written.engine, written.replications)


def test_an_interrupted_run_is_opened_with_a_warning(tiny: Path, tmp_path: Path) -> None:
    """The result has the finished replications."""

    class Stop(Exception):
        pass

    def stop(done: int, todo: int) -> None:
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        run(tiny, replications=5, out=tmp_path / "r", progress=stop)
    with pytest.warns(UserWarning, match="2 of 5 replications are finished"):
        result = open_run(tmp_path / "r")
    assert isinstance(result, RunResult)
    assert result.get("pending").of == 2
    assert run(tiny, replications=5, out=tmp_path / "r", resume=True).get("pending").of == 5


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    """The message says what it is not."""
    with pytest.raises(InputError, match="is not a run folder"):
        open_run(tmp_path)


# tables ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cases", "events", "measures", "series"])
def test_a_table_has_the_columns_of_the_glossary(name: str, opened: RunResult) -> None:
    """So has the view of the same name in SQL, which has the same rows."""
    relation = getattr(opened, name)
    section = GLOSSARY.partition(f"## Columns of `{name}`\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    facts = {column for column in relation.columns if column not in documented}
    assert facts == ({"age", "kind", "answer"} if name == "cases" else set())
    assert [column for column in relation.columns if column in documented] == documented
    assert sorted(map(str, relation.fetchall())) == sorted(map(str, opened.sql(f"from {name}").fetchall()))


def test_the_table_of_pending_cases_has_the_daily_numbers(opened: RunResult) -> None:
    """Its mean over replications is the estimate of the day."""
    day = opened.pending.days[10].item()
    rows = opened.series.filter(f"day = '{day}' and court = 'all'").fetchall()
    assert [row[0] for row in rows] == [1, 2, 3]
    assert sum(row[3] for row in rows) / 3 == pytest.approx(opened.get("pending", at=day).mean)


def test_a_query_is_lazy_and_can_be_refined(opened: RunResult) -> None:
    """A relation is a query that has not run yet."""
    relation = opened.sql("select court, count(*) as n from cases where replication = 1 group by court")
    assert relation.filter("court = 'west'").fetchall() == [("west", 10)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select * from evens", "there is no view 'evens'. Did you mean 'events'?"),
        ("select cort from cases", "there is no column 'cort' here. Did you mean 'court'?"),
        ("select e.day from events e", "there is no column 'day' here; next_free, series have it."),
        ("drop view cases", "read-only"),
        ("select * from read_text('/etc/passwd')", "cannot access"),
        ("select * from opened", "there is no view 'opened'"),
    ],
)
def test_a_wrong_query_is_explained(query: str, message: str, opened: RunResult) -> None:
    """Names that are near are suggested. Files elsewhere, and variables of the program, are not read."""
    with pytest.raises(InputError) as raised:
        opened.sql(query).fetchall()
    assert message.lower() in str(raised.value).lower()


def test_a_run_without_an_event_log_says_so(tiny: Path, tmp_path: Path) -> None:
    """The other tables are there."""
    result = run(tiny, out=tmp_path / "r", keep="cases")
    assert result.cases.limit(1).fetchall()
    with pytest.raises(InputError, match="this run has no events"):
        _ = result.events


def test_tables_can_be_read_by_several_threads(opened: RunResult) -> None:
    """Each query has its own cursor."""
    counts: list[object] = []

    def count() -> None:
        counts.extend(opened.sql("select count(*) from events").fetchall() + opened.events.aggregate("count(*)").fetchall())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 8
    assert len(set(counts)) == 1


def test_a_result_can_be_sent_to_another_process(opened: RunResult) -> None:
    """It is read again there."""
    again = pickle.loads(pickle.dumps(opened))
    assert again.get("pending") == opened.get("pending")
    assert again.cases.columns == opened.cases.columns


def test_a_changed_part_is_noticed_when_it_is_read(opened: RunResult, tmp_path: Path) -> None:
    """The folder opens, since the manifest is in order; its measures are refused."""
    shutil.copytree(opened.folder, tmp_path / "r")
    part = tmp_path / "r/measures/replication=2.parquet"
    part.write_bytes((tmp_path / "r/cases/replication=2.parquet").read_bytes())
    result = open_run(tmp_path / "r")
    assert isinstance(result, RunResult)
    with pytest.raises(InputError, match="has no column"):
        _ = result.estimates


# mistakes in get ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"measure": "pendin"}, "'pendin' is not a measure. Did you mean 'pending'?"),
        ({"measure": "pending", "court": "wst"}, "'wst' is not a court. Did you mean 'west'?"),
        ({"measure": "pending", "group": "odd"}, "group 'odd': give by= too, the name that the groups are of."),
        ({"measure": "pending", "by": "knd", "group": "odd"}, "the run has no groups by 'knd'. Did you mean 'kind'?"),
        ({"measure": "pending", "by": "kind", "group": "od"}, "'od' is not a group of 'kind'. Did you mean 'odd'?"),
        ({"measure": "pending", "by": "kind"}, "by 'kind': give group= too. Its groups are "),
        ({"measure": "utilisation.clerks", "by": "kind", "group": "odd"}, "has no value for the group kind=odd."),
    ],
)
def test_each_mistake_in_get_has_its_own_message(arguments: dict[str, Any], message: str, opened: RunResult) -> None:
    """The message names the part that is wrong, and what there is."""
    with pytest.raises(MissingResult) as raised:
        opened.get(**arguments)
    assert message in str(raised.value)
    if "by" not in arguments and "group" not in arguments:
        with pytest.raises(MissingResult) as again:
            opened.values_of(**arguments)
        assert message in str(again.value)


def test_a_run_with_groups_explains_a_measure_that_was_not_computed(tmp_path: Path) -> None:
    """The message is not about groups."""
    result = run(write_tiny(tmp_path), by=["kind"], measures=["pending"], out=tmp_path / "r")
    with pytest.raises(MissingResult, match="the measure 'disposals' was not computed"):
        result.get("disposals")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """It is not called a folder without a manifest."""
    with pytest.raises(InputError, match="nowhere: is not a run folder: there is no such folder"):
        open_run(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(courts=("wst",)), "court wst: there is no such court. Did you mean 'west'?"),
        (Selection(measures=("pendin",)), "measure pendin: is not a measure. Did you mean 'pending'?"),
    ],
)
def test_a_wrong_choice_is_explained_without_options_of_commands(selection: Selection, message: str, opened: RunResult) -> None:
    """The message is as good in Python as on the command line."""
    with pytest.raises(InputError) as raised:
        opened.select(selection)
    assert str(raised.value) == message
