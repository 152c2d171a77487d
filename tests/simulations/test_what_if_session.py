"""A what-if session: changes, messages, verdicts, replications, and what can be taken along; without a browser."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulations import compare, load_scenario, run
from simulations.app.guards import conditions_of, with_conditions
from simulations.app.session import Session
from simulations.app.settings import sections_of, slider_of
from simulations.app.tasks import Product
from simulations.app.worker import Message, Task, Worker
from simulations.running.options import ReplicationOptions
from tests.simulations.desk import DESK, TINY, write_tiny
from workflow.errors import DocketsimError, InputError

SIZE, GUARD = "pools.clerks.size", "transitions.1.when"


class InThisProcess(Worker):
    """Does a job at once, in this process: tests need no time to start one."""

    def start(self, task: Task, *arguments: Any) -> None:
        """Do the job."""
        self._job += 1
        self.busy = True
        try:
            for result in task(*arguments):
                self._messages.put(Message(self._job, "result", result))
        except DocketsimError as error:
            self._messages.put(Message(self._job, "wrong", str(error)))
        else:
            self._messages.put(Message(self._job, "done"))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with a small scenario and three replications."""
    session = Session(write_tiny(tmp_path), ReplicationOptions(replications=3), InThisProcess)
    yield session
    session.close()


def _result(session: Session) -> Any:
    session.compute()
    session.update()
    assert session.failure == ""
    shown = session.shown()
    assert shown is not None
    return shown


# results -------------------------------------------------------------------------------------------


def test_the_baseline_has_the_estimates_of_the_command(session: Session, tmp_path: Path) -> None:
    """Estimates, daily series and growing queues are those of `run` with this seed."""
    shown = _result(session)
    result = run(tmp_path / "tiny.yaml", replications=3, out=tmp_path / "run", engine="simpy", keep="measures")
    assert shown.base.estimates == result.estimates
    assert list(shown.base.pending) == list(result.pending)
    assert shown.base.growing == result.growing
    assert "Pending cases" in shown.sentences[0]


def test_the_what_if_has_the_differences_of_the_command(session: Session, tmp_path: Path) -> None:
    """Differences, intervals and p-values are those of `compare` with the same change."""
    assert session.set(SIZE, "3")
    shown = _result(session)
    tiny = tmp_path / "tiny.yaml"
    compared = compare(
        tiny, tiny, other_changes=[f"{SIZE}=3"], replications=3, out=tmp_path / "both", engine="simpy", keep="measures"
    )
    mine = [d.json() | {"against": ""} for d in shown.comparison.differences]
    assert mine == [d.json() | {"against": ""} for d in compared.differences]
    assert shown.changed
    assert len(shown.table.rows) > 3


def test_a_change_runs_the_what_if_only(session: Session) -> None:
    """The replications of the baseline stay; those of an earlier what-if do not count."""
    _result(session)
    session.set(SIZE, "3")
    assert session.evidence.missing(("base", "what-if")) == [("what-if", 1), ("what-if", 2), ("what-if", 3)]
    assert session.done == 0
    assert _result(session).replications == 3


def test_bands_narrow_with_more_replications(session: Session) -> None:
    """More replications are added to those that are finished, and the interval of pending cases becomes narrower."""
    first = _result(session).base.get("pending")
    session.set_replications(20)
    shown = _result(session)
    assert shown.replications == 20
    assert shown.base.get("pending").half_width < first.half_width / 2


def test_the_figures_are_those_of_the_report(session: Session) -> None:
    """The figure of differences and that of pending cases, as pictures with a text for screen readers."""
    assert [figure.key for figure in _result(session).figures()] == ["pending"]
    session.set(SIZE, "3")
    figures = _result(session).figures()
    assert [figure.key for figure in figures] == ["differences-1", "pending"]
    assert all("<desc" in figure.svg for figure in figures)


# changes -------------------------------------------------------------------------------------------


def test_a_wrong_value_has_the_message_of_the_loader_and_the_last_good_result_stays(session: Session) -> None:
    """The message is beside the setting; the what-if, its command and its result are those before."""
    session.set(SIZE, "3")
    shown, command = _result(session), session.command
    assert not session.set(SIZE, "3x")
    assert session.wrong == {
        SIZE: ["change pools.clerks.size: pool 'clerks': size: must be a whole number of servers, 0 or more, not '3x'"]
    }
    assert session.shown() is not None
    assert session.shown().sentences == shown.sentences
    assert session.command == command


def test_a_message_stays_beside_the_setting_that_it_is_about(session: Session) -> None:
    """A right change after a wrong one does not take over its message."""
    session.set(SIZE, "3x")
    session.set("ends", "2024-02-01")
    assert list(session.wrong) == [SIZE]
    session.set(SIZE, "[3")
    session.set("ends", "2024-02-02")
    assert list(session.wrong) == [SIZE]


def test_a_path_that_does_not_exist_is_refused(session: Session) -> None:
    """Only what `--set` reaches can be set."""
    assert not session.set("pools.clerk.size", "3")
    assert "Did you mean 'clerks'?" in session.wrong["pools.clerk.size"][0]


def test_the_value_of_the_baseline_takes_a_change_back(session: Session) -> None:
    """Then nothing differs, and there is nothing to compare."""
    session.set(SIZE, "3")
    session.set(SIZE, "2")
    assert session.changes == {}
    assert not session.changed


def test_work_beyond_the_limits_is_refused(session: Session) -> None:
    """A rate with more cases than a replication may have: the message of `run`."""
    assert not session.set("arrivals.east.rate", "1000000000 per day")
    assert "limit" in session.wrong["arrivals.east.rate"][0]


def test_every_setting_can_be_set_to_what_it_is(session: Session) -> None:
    """The path of each setting exists, and its text means its value: of a small scenario and of the pilot."""
    for name in (session.name, "pilot"):
        scenario = load_scenario(name)
        listed = [s for section in sections_of(scenario) for entry in section.entries for s in entry.settings]
        assert len({setting.path for setting in listed}) == len(listed)
        assert scenario.change([f"{setting.path}={setting.text}" for setting in listed]).plain() == scenario.plain()


def test_sliders_reach_the_value_and_have_room_around_it() -> None:
    """Of counts, shares, times with a unit and rates."""
    for text in ("0", "1", "16", "7923", "0.493", "0.02 per year", "32.45 minutes", "-3", "1e6"):
        slider = slider_of(text)
        assert slider is not None
        assert slider.low <= slider.value <= slider.high
        assert slider_of(slider.text(slider.value)) is not None


# guards --------------------------------------------------------------------------------------------


def test_a_wrong_guard_has_the_message_of_the_checker(session: Session) -> None:
    """It is beside the guard, and the last good what-if stays."""
    assert not session.set_condition(GUARD, 'kind == "plane"')
    assert session.wrong == {
        GUARD: ["transition 'store': when: 'plane' is not a value of kind; allowed: 'plain', 'odd'. Did you mean 'plain'?"]
    }
    assert not session.changed


def test_a_guard_that_leaves_a_case_stuck_is_refused_beside_it(session: Session) -> None:
    """Also when another change was made before."""
    session.set(SIZE, "3")
    shown = _result(session)
    session.set_condition(GUARD, 'kind == "plain"')
    assert _result(session).sentences == shown.sentences
    assert "a case can get stuck in the state 'queue'" in session.wrong[GUARD][0]
    assert session.command.endswith(f"--set-other {SIZE}=3 --replications 3 --seed 1")


def test_verdicts_follow_the_guards(tmp_path: Path) -> None:
    """A rule that holds is proved; with another guard it is broken, with a shortest history."""
    write_tiny(tmp_path)
    rules = "rules:\n  - {rule: odd cases are not stored, never: store, if: 'kind == \"odd\"'}\n"
    strict = DESK.replace('when: kind == "plain" or age < 99}', 'when: kind == "plain"}').replace(
        "  - {transition: resume", "  - {transition: drop, from: queue, to: done}\n  - {transition: resume"
    )
    (tmp_path / "desk.yaml").write_text(strict + rules, encoding="utf-8")
    session = Session(tmp_path / "tiny.yaml", ReplicationOptions(replications=2), InThisProcess)
    session.prove()
    session.update()
    assert [verdict.decision for verdict in session.verdicts.values()] == ["proved"]
    assert session.set_condition(GUARD, "")
    session.prove()
    session.update()
    (verdict,) = session.verdicts.values()
    assert verdict.decision == "broken"
    assert any("store" in line for line in verdict.lines)
    session.close()


def test_every_condition_can_be_set_to_what_it_is() -> None:
    """Guards and definitions of the pilot's workflow; a transition without a guard stays without."""
    workflow = load_scenario("pilot").workflow
    texts = {condition.path: condition.text for condition in conditions_of(workflow)}
    assert with_conditions(workflow, texts).plain() == workflow.plain()


# what can be taken along ---------------------------------------------------------------------------


def test_the_command_says_what_the_session_shows(session: Session) -> None:
    """A run without changes, and a comparison with them."""
    assert session.command.startswith("docketsim run ")
    session.set(SIZE, "{east: 3, west: 1}")
    assert f"--set-other '{SIZE}={{east: 3, west: 1}}'" in session.command


def test_the_downloaded_files_are_the_what_if(session: Session, tmp_path: Path) -> None:
    """The scenario has the new values, and names the workflow with the new guard, which is beside it."""
    session.set(SIZE, "3")
    session.set_condition(GUARD, 'age < 99 or answer == "no"')
    with zipfile.ZipFile(io.BytesIO(session.files())) as archive:
        archive.extractall(tmp_path / "taken")
    loaded = load_scenario(tmp_path / "taken" / "what-if.yaml")
    assert loaded.pools["clerks"].sizes == (((0, 3),), ((0, 3),))
    assert loaded.workflow.plain() == session.what_if.workflow.plain()
    assert (tmp_path / "taken" / "command.txt").read_text().strip() == session.command


@pytest.mark.slow
def test_the_page_and_the_log_are_made(session: Session) -> None:
    """The page of the comparison, and the log and the animation of one replication; no run folder stays."""
    session.set(SIZE, "3")
    products: list[Product] = ["page", "log", "animation"]
    for product in products:
        session.produce(product)
        session.update()
    assert session.failure == ""
    (_, page), (_, log), (_, animation) = session.products
    assert '<div class="animation">' in animation.read_text()
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert log.read_text().startswith("case:concept:name")
    assert [path.name for path in page.parent.iterdir()] == [page.name]


# files ---------------------------------------------------------------------------------------------


def test_uploaded_files_are_opened_in_a_folder_of_the_session(session: Session) -> None:
    """The scenario is found among them. The folder is deleted with the session."""
    session.open_uploads({"desk.yaml": DESK.encode(), "mine.yaml": TINY.replace("tiny", "mine").encode()})
    assert session.base.name == "mine"
    path = Path(session.name)
    assert path.is_file()
    session.close()
    assert not path.exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.exe": b""}, "must be a scenario, a workflow or a table"),
        ({"desk.yaml": DESK.encode()}, "have no scenario"),
        ({"a.yaml": TINY.encode(), "b.yaml": TINY.encode()}, "2 scenarios: a.yaml, b.yaml"),
        ({"a.yaml": TINY.replace("desk.yaml", "../desk.yaml").encode()}, "names ../desk.yaml; name an uploaded file"),
        ({"a.yaml": TINY.replace("{queue: 20}", "{table: /etc/passwd}").encode()}, "names /etc/passwd"),
        ({"a" * 300 + ".yaml": TINY.encode()}, "must be a name of at most 255 bytes"),
        ({"a\x1b.yaml": TINY.encode()}, "without control characters"),
        ({"a.yaml": b"x" * 4_000_001}, "the limit is 4,000,000"),
        ({f"{k}.csv": b"" for k in range(51)}, "51 files are too many"),
        ({"a.yaml": b"\xff\xfe\xff"}, "not text in UTF-8"),
        ({"a.yaml": TINY.encode()}, "a.yaml:2:11: workflow: there is no workflow 'desk.yaml'"),
    ],
)
def test_wrong_uploads_are_refused(files: dict[str, bytes], message: str, session: Session) -> None:
    """Files of another kind, too many, too large, or that name files elsewhere. The session stays as it is."""
    before = session.base
    with pytest.raises(InputError) as refused:
        session.open_uploads(files)
    assert message in str(refused.value)
    assert session.folder.name not in str(refused.value)
    assert session.base is before
    assert not list(Path(session.folder.name).iterdir())


# the worker process --------------------------------------------------------------------------------


def count(last: int, pause: float) -> Iterator[int]:
    """Yield numbers, with a pause after each."""
    for number in range(last):
        yield number
        time.sleep(pause)


def fail() -> Iterator[int]:
    """Yield nothing."""
    raise InputError(["this is wrong"])
    yield


def test_a_worker_reports_stops_and_begins_again() -> None:
    """Results come in order, then the end. A job can be stopped at once. A message of an error is handed on."""
    worker = Worker()

    def everything() -> list[Any]:
        taken = []
        while worker.busy:
            taken += [(m.kind, m.content) for m in worker.messages()]
            time.sleep(0.01)
        return taken

    worker.start(count, 3, 0)
    assert everything() == [("result", 0), ("result", 1), ("result", 2), ("done", None)]
    worker.start(fail)
    assert everything() == [("wrong", "this is wrong")]
    worker.start(count, 2, 1_000)
    while not list(worker.messages()):
        time.sleep(0.01)
    worker.stop()
    assert not worker.busy
    assert list(worker.messages()) == []
    worker.close()
