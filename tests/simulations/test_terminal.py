"""What a person sees in a terminal: 24 lines first, whole numbers and words at any width, colour, and the next command."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from simulations import Comparison, RunResult, compare, run
from simulations.cli import app
from simulations.cli.common import next_steps
from simulations.printing.comparison_table import print_comparison
from simulations.printing.lines import fitted, print_lines
from simulations.printing.run_tables import print_result
from simulations.printing.terminal import new_console, print_table
from simulations.tables.table import text_table
from tests.simulations.desk import write_tiny
from tests.simulations.large import write_large
from tests.simulations.small_pilot import run_small_pilot

Show = Callable[..., str]
"""Print a result at a width (``None``: redirected to a file) and return what is printed."""

ESTIMATE = re.compile(r"[−+]?[\d,.]+ ± [\d,.]+(?: (?:d|h|min)\b)?|\d{4}-\d\d-\d\d")
WIDTHS = (80, 120, None)


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A small pilot, with groups."""
    return run_small_pilot(tmp_path_factory.mktemp("small") / "run")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A small pilot compared with one that has fewer judges."""
    sizes = [
        "courts.denver.backlog.pending.count=200",
        "courts.baltimore.backlog.pending.count=100",
        "pools.judges.size.denver=1",
    ]
    changed = ["pools.reviewers.size.denver=1"]
    folder = tmp_path_factory.mktemp("compared") / "c"
    return compare("pilot", "pilot", changes=sizes, other_changes=changed, out=folder, replications=4, engine="simpy", workers=1)


@pytest.fixture
def show(pilot: RunResult, compared: Comparison, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """Return the function that prints."""

    def of(what: str, width: int | None, everything: bool = False) -> str:
        if width is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(width))
        steps = next_steps(Path("runs/a"), everything)
        if what == "run":
            print_result(pilot, (), None, everything, steps)
        else:
            print_comparison(compared, (), everything, steps)
        return capsys.readouterr().out

    return of


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("what", ["run", "compare"])
def test_the_first_screen_has_24_lines(show: Show, what: str, width: int | None) -> None:
    """It ends with the answer, the folder and the next commands, and leaves a line for the prompt."""
    lines = show(what, width).splitlines()
    extra = 24 if what == "run" else 0  # the run was asked for groups, too
    assert len(lines) < 24 + extra + 1
    assert any(line.startswith(("Log and results: ", "Runs and results: ")) for line in lines)
    assert any(line.startswith("Next: docketsim report runs/a") for line in lines)
    assert "--out runs/a --resume --all" in " ".join(lines)


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("what", ["run", "compare"])
@pytest.mark.parametrize("width", [80, 120])
def test_no_number_is_cut(show: Show, what: str, width: int, everything: bool) -> None:
    """With all tables, every number of a redirected output is on one line of a terminal, with its uncertainty and unit."""
    out = show(what, width, everything)
    assert "…" not in out
    assert [line for line in out.splitlines() if len(line) > width] == []
    assert not re.search(r"±\s*$", out, re.MULTILINE)
    if everything:
        assert set(ESTIMATE.findall(show(what, None, True))) <= set(ESTIMATE.findall(out))


@pytest.mark.parametrize("what", ["run", "compare"])
def test_no_word_is_broken(show: Show, what: str) -> None:
    """Every word of a narrow output is a word, or part of a name, of a redirected one."""
    words = set(re.findall(r"[a-z]+", show(what, None, True)))
    assert set(re.findall(r"[a-z]+", show(what, 80, True))) <= words


def test_a_redirected_output_has_no_width(show: Show) -> None:
    """Each row is one line; nothing is left out or continued."""
    out = show("compare", None, True)
    assert max(map(len, out.splitlines())) > 120
    assert re.search(r"^measure +court +base +other +difference +p +correlation +var\. reduction", out, re.MULTILINE)


def test_long_names_of_a_large_scenario_leave_numbers_and_words_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With 40 states, 60 courts and names longer than half a line, at 80 and 120 columns and redirected: 24 lines, and no number is cut."""
    result = run(
        write_large(tmp_path, days=5), replications=2, out=tmp_path / "large", engine="simpy", workers=1, keep="measures"
    )
    printed: dict[int | None, str] = {}
    for width in WIDTHS:
        if width is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(width))
        print_result(result, (), None, False, next_steps(Path("runs/a"), False))
        printed[width] = capsys.readouterr().out
    whole = " ".join(printed[None].split())
    for width, text in printed.items():
        assert len(text.splitlines()) <= 24
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= (width or 1_000)
        assert set(ESTIMATE.findall(text)) <= set(ESTIMATE.findall(whole))
        assert all(word in whole for word in text.split())


def test_groups_and_days_that_are_asked_for_are_shown(show: Show, pilot: RunResult) -> None:
    """The first screen has a table for each."""
    assert "Mean times by representation" in show("run", 80)
    assert "By representation, all courts" in show("run", 80)


def test_figures_outside_the_band_come_first() -> None:
    """Verdicts are coloured, in the columns that hold verdicts only."""
    table = text_table("", ["court", "inside the band?"], [["no", "no"], ["yes", "yes"]])
    console = new_console()
    console._force_terminal, console._color_system = True, 1  # type: ignore[assignment]
    with console.capture() as captured:
        print_table(console, table)
    assert captured.get().count("\x1b[31m") == 1
    assert captured.get().count("\x1b[32m") == 1


def test_color_follows_the_option_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``--color`` wins; without it, NO_COLOR and FORCE_COLOR; a pipe has no colour."""
    write_tiny(tmp_path)
    rules = tmp_path / "more.rules.yaml"
    rules.write_text("workflow: desk\nrules: [{rule: nobody comes back, never: resume}]\n", encoding="utf-8")
    arguments = ["prove", str(tmp_path / "desk.yaml"), "--rules", str(rules)]
    cases: list[tuple[dict[str, str], tuple[str, ...], bool]] = [
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
    ]
    for environment, option, colored in cases:
        for name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.setenv(name, environment.get(name, ""))
        result = CliRunner().invoke(app, [*arguments, *option], color=True)
        assert result.exit_code == 1, result.stderr
        assert ("\x1b[31mbroken" in result.stdout) == colored
    result = CliRunner().invoke(app, [*arguments, "--color", "sometimes"])
    assert result.exit_code == 2
    assert "auto, always, never" in " ".join(result.stderr.split())


@pytest.mark.parametrize("color", [True, False])
def test_verdicts_at_the_start_of_a_line_are_coloured(
    color: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the verdict itself."""
    monkeypatch.setenv("NO_COLOR", "" if color else "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    print_lines("  broken      a case is not broken\nbroken")
    expected = (
        "  \x1b[31mbroken\x1b[0m      a case is not broken\nbroken\n" if color else "  broken      a case is not broken\nbroken\n"
    )
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("line", ["      " + "word " * 30, "  proved      " + "word " * 30, "  proved  one " + "x" * 200])
def test_long_lines_keep_their_indent(line: str) -> None:
    """They continue under their text, and a word that is longer than a line stays whole."""
    parts = [*fitted(line.rstrip(), 80)]
    start = len(line) - len(line.lstrip().removeprefix("proved").lstrip())
    assert len(parts) > 1
    assert all(part[:start].strip() in ("", "proved") and part[start] != " " for part in parts)
    assert {word for part in parts for word in part.split()} == set(line.split())


def test_list_keeps_its_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptions are longer than a line of 80 characters."""
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(app, ["list"]).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert {len(line) - len(line.lstrip()) for line in lines} == {0, 2, 6}


def test_help_is_whole_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is shortened, in the list of commands or in the help of one."""
    monkeypatch.setenv("COLUMNS", "80")
    out = CliRunner().invoke(app, ["--help"]).stdout
    assert "..." not in out.partition("Commands:")[2]
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, command in commands.items():
        first = " ".join((command.help or "").split()).partition(". ")[0].rstrip(".")
        assert first in " ".join(out.split())
        text = CliRunner().invoke(app, [name, "--help"]).stdout
        assert max(map(len, text.splitlines())) <= 80
        assert "…" not in text


def test_json_has_the_courts_that_tables_have(tmp_path: Path) -> None:
    """Of more than four courts, all together; ``--all`` and ``--court`` give single ones."""
    write_tiny(tmp_path)
    courts = [f"c{k}" for k in range(5)]
    listed = ", ".join(f"{court}: {{backlog: {{queue: 2}}}}" for court in courts)
    text = (tmp_path / "tiny.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^courts: .*$", f"courts: {{{listed}}}", text, flags=re.MULTILINE).replace("east:", "c1:")
    (tmp_path / "many.yaml").write_text(text.replace("2024-02-15", "2024-01-05"), encoding="utf-8")

    def of_json(*options: str) -> set[str]:
        arguments = ["run", str(tmp_path / "many.yaml"), "--json", "--workers", "1", "--keep", "measures", "--out"]
        result = CliRunner().invoke(app, [*arguments, str(tmp_path / "-".join(("r", *options))), *options])
        assert result.exit_code == 0, result.stderr
        return {measure["court"] for measure in json.loads(result.stdout)["measures"]}

    assert of_json() == {"all"}
    assert of_json("--all") == {"all", *courts}
    assert of_json("--court", "c3") == {"c3"}


def test_a_day_has_a_table_of_its_own(
    pilot: RunResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Days that were measured are shown before the end of the run."""
    monkeypatch.setenv("COLUMNS", "80")
    day = next(e.at for e in pilot.estimates if e.at is not None)
    assert isinstance(day, dt.date)
    print_result(pilot, [day], None, everything=False)
    out = capsys.readouterr().out
    assert out.index(f"At the end of {day}") < out.index("At the end of the run")
