"""Run the commands on mutants: damaged files and command lines. Each is run or refused with a clear message.

``python -m tests.fuzzing FIRST LAST [SEED]`` runs the mutants of these numbers and prints each finding as a line of JSON.
Mutant k of a seed is always the same; ``python -m tests.fuzzing K K SEED --show`` prints its command and writes its files
to the current folder. Batches of mutants run in forks of one process that has imported docketsim.

The limits of work are lowered, so that a mutant which is not refused is small. A mutant that then takes long or much
memory was estimated too low.
"""

from __future__ import annotations

import contextlib
import copy
import csv
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MOST_SECONDS, MOST_MEGABYTES = 10.0, 1000.0
_BATCH = 100
_HANGS = 60
"""Seconds of processor time after which a batch is taken to hang in one mutant."""
_LINES = 60
"""Maximum number of lines of a message: fifty mistakes, and some more."""
_MOST_CHARACTERS = 4000
"""Maximum length of a line of a message."""

HERE = Path(__file__).parent
SCENARIOS = ("tiny.yaml", "office.yaml")
WORKFLOWS = {"tiny.yaml": "desk.yaml", "office.yaml": "permits.yaml"}
RULES = {"tiny.yaml": "desk.rules.yaml", "office.yaml": "permits.rules.yaml"}
LOGS = ("log.csv", "log.xes", "starts.csv")
MAPPING = "log.mapping.yaml"

JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 0.5, 1e-9, -0.0, 1e308, 1e12, 10**15, 10**30, -(10**18), 2**31, 2**53, 2**63, float("inf"),
    float("nan"), "", " ", "-", "%", "rest", "missing", "none", "any", "all", "3 days", "0 days", "-1 days", "1e9 years",
    "2 working days", "40 minutes", "5 per month", "1e15 per day", "10% within 2 years", "1/0", "1e999", "nan", "mon-fri",
    "09:00-17:00", "25:00-26:00", "24:00-00:00", "US", "2024-02-30", "2024-02-29", "0001-01-01", "9999-12-31", "\0", "\x1b[2J", "é" * 90,
    "a" * 5000, "../../evil", "/dev/zero", "/proc/self/environ", "age", "kind", "answer", "queue", "serve", "wake", "east", "clerks",
    "age > 1", "age >", "not", "((((", "kind == 'odd' and not (age < 3 or visits > 2)", "x.y", "arrived", "as_of + 3 days", "=1+1",
    [], {}, [[]], [{}], {"": ""}, ["a", "a"], {"rate": "3 per day"}, {"table": {"file": "log.csv"}}, {"count": 3, "age": "30 days"},
]  # fmt: skip
PIECES = ["{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "- ", "'", '"', "#", "|", ">", "&a ", "*a", "!!set ", "\t", "? ", "---", "...", "%YAML 1.1", "@", "`", "<<: ", "~", ".nan", "012", "0x1F", "1_000", "\ufeff", "\x85", "\r", "\0", "<", ">", "</", "&lt;", "&x;", "<!DOCTYPE a>", "<![CDATA["]  # fmt: skip
CELLS = ["", "0", "-1", "1e999", "nan", "2024-13-45", "31.12.2024", "2024-01-05T10:00:00+02:00", "2024-01-05T10:00:00Z", "1704448800", "12/31/2024 5 PM", '"', "'", ";", "\t", "\0", "=1+1", "finish", "serve", "é", "\x1b[2J", "x" * 2000, "9999-12-31", "0000-00-00", "1677-09-21"]  # fmt: skip
BOMB = '<!DOCTYPE a [<!ENTITY x "' + "y" * 50 + '"><!ENTITY z "' + "&x;" * 50 + '">]>'


# mutations -----------------------------------------------------------------------------------------


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value of nested mappings and lists."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path] * bool(path) + [p for key, value in inner for p in places(value, (*path, key))]


def _at(content: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        content = content[part]
    return content


def mutate_content(content: Any, how: random.Random, corpus: list[Any]) -> Any:
    """Return plain values with one of them replaced, removed, wrapped, moved, or given another key."""
    content = copy.deepcopy(content)
    paths = places(content)
    if not paths:
        return how.choice(JUNK)
    numbers = [p for p in paths if isinstance(_at(content, p), int | float)]
    path = how.choice(numbers if numbers and how.random() < 0.3 else paths)
    parent, key = _at(content, path[:-1]), path[-1]
    other = how.choice(corpus)
    what = how.randrange(9)
    if what == 0:
        del parent[key]
    elif what == 1:
        parent[key] = how.choice(JUNK)
    elif what == 2:
        parent[key] = _at(other, how.choice(places(other)))
    elif what == 3:
        parent[key] = how.choice(
            [[parent[key]], {str(key): parent[key]}, {how.choice(["by", "of", "file", "mean"]): parent[key]}]
        )
    elif what == 4 and isinstance(parent, dict):
        names = [p[-1] for p in places(other) if isinstance(p[-1], str)]
        parent[how.choice([*names, "x"])] = parent.pop(key) if how.random() < 0.5 else parent[key]
    elif what == 5 and isinstance(parent, list):
        parent.insert(key, parent[key])
    elif isinstance(parent[key], str):
        parent[key] = _mutate_words(parent[key], how)
    elif isinstance(parent[key], int | float):
        parent[key] = how.choice(
            [parent[key] * how.choice([-1, 0, 0.5, 2, 1e3, 1e9, 1e30]), parent[key] + how.choice([-1, 1, 0.5])]
        )
    else:
        parent[key] = how.choice(JUNK)
    return content


def _mutate_words(text: str, how: random.Random) -> str:
    """Return a text with one of its words, numbers or signs replaced, removed or doubled."""
    words = re.findall(r"\w+|\s+|[^\w\s]+", text) or [""]
    k = how.randrange(len(words))
    junk = str(how.choice(["", "0", "-", "1e9", "not", "and", "==", "(", ")", ".", *JUNK[:60]]))
    words[k] = how.choice(["", words[k] * 2, how.choice(words), junk])
    return "".join(words)


def mutate_text(text: str, how: random.Random) -> str:
    """Return a text with lines or characters removed, doubled, swapped or inserted."""
    for _ in range(how.randint(1, 3)):
        parts = text.splitlines(keepends=True) if how.random() < 0.6 else list(text)
        if not parts:
            return how.choice(PIECES)
        i, j = how.randrange(len(parts)), how.randrange(len(parts))
        what = how.randrange(4)
        if what == 0:
            del parts[i : i + how.randint(1, 3)]
        elif what == 1:
            parts.insert(i, parts[j])
        elif what == 2:
            parts[i], parts[j] = parts[j], parts[i]
        else:
            parts.insert(i, how.choice(PIECES))
        text = "".join(parts)
    return text


def mutate_bytes(raw: bytes, how: random.Random) -> bytes:
    """Return bytes with some of them changed, removed, inserted or repeated."""
    content = bytearray(raw)
    for _ in range(how.randint(1, 4)):
        i = how.randrange(len(content) + 1)
        n = how.choice([1, 1, 2, 8, 100])
        what = how.randrange(5)
        if what == 0:
            content[i : i + 1] = bytes([how.randrange(256)])
        elif what == 1:
            del content[i : i + n]
        elif what == 2:
            content[i:i] = how.randbytes(n)
        elif what == 3:
            content[i:i] = content[i : i + n] * how.choice([1, 2, 50])
        else:
            del content[i:]
    return bytes(content)


def mutate_table(text: str, how: random.Random) -> bytes:
    """Return a CSV with cells, columns, rows, the separator or the encoding changed."""
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(how.randint(1, 3)):
        i, j = how.randrange(len(rows)), how.randrange(max(1, len(rows[0])))
        what = how.randrange(7)
        if what < 2 and j < len(rows[i]):
            rows[i][j] = how.choice([*CELLS, how.choice(rows[0] or [""])])
        elif what == 2:
            cell = how.choice(CELLS)
            rows = [rows[0], *([*row[:j], cell, *row[j + 1 :]] for row in rows[1:])]
        elif what == 3:
            rows = [[*row[:j], *row[j + 1 :]] for row in rows]
        elif what == 4:
            rows = [[*row, *row[j : j + 1]] for row in rows]
        elif what == 5 and len(rows) > 1:
            del rows[i : i + how.choice([1, 5, 1000])]
        else:
            rows.insert(i, how.choice([[], [""], rows[i] * 2, rows[i][:1]]))
        rows = rows or [[]]
    out = io.StringIO()
    separator = how.choice([",", ",", ",", ";", "\t", "|", ":"])
    csv.writer(out, delimiter=separator, quoting=how.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), lineterminator=how.choice(["\n", "\r\n", "\r"])).writerows(rows)  # fmt: skip
    return out.getvalue().encode(how.choice(["utf-8"] * 5 + ["utf-8-sig", "utf-16", "utf-32", "latin-1"]), "replace")


def mutate_xes(text: str, how: random.Random) -> str:
    """Return an XES log with a tag, an attribute or a value changed, or entities added."""
    what = how.randrange(5)
    if what == 0:
        tags = list(re.finditer(r"<[^>]*>", text))
        tag = how.choice(tags)
        return text[: tag.start()] + how.choice(["", tag[0] * 2, how.choice(tags)[0], "<a>", BOMB]) + text[tag.end() :]
    if what < 4:
        values = list(re.finditer(r'"[^"]*"', text))
        value = how.choice(values)
        cell = how.choice([*CELLS, "concept:name", "time:timestamp", "&z;", "&#0;", "lifecycle:transition"]).replace(
            '"', "&quot;"
        )
        return text[: value.start()] + f'"{cell}"' + text[value.end() :]
    return text.replace("<log", f"{BOMB}<log", 1).replace('"serve"', '"&z;"', how.randrange(3))


class _Dumper(yaml.CSafeDumper):
    """Write values that occur twice as they are: aliases are refused at once."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# mutants -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """A command line, and the files that differ from the valid ones."""

    kind: str
    arguments: list[str]
    files: dict[str, bytes]


class Mutants:
    """The mutants of a seed, made from the valid files of a folder."""

    def __init__(self, valid: Path, parameters: dict[str, list[Any]], seed: int) -> None:
        self.valid = {str(p.relative_to(valid)): p.read_bytes() for p in sorted(valid.rglob("*")) if p.is_file()}
        self.seed = seed
        self.plain = {name: yaml.safe_load(raw) for name, raw in self.valid.items() if name.endswith((".yaml", ".json"))}
        self.corpus = [content for name, content in self.plain.items() if "/" not in name]
        self.parameters = parameters

    def __getitem__(self, number: int) -> Mutant:
        """Return a mutant."""
        how = random.Random(f"{self.seed} {number}")
        kinds = {"scenario": 32, "workflow": 22, "rules": 10, "table": 12, "xes": 6, "mapping": 3, "folder": 9, "command": 6}
        kind = how.choices(list(kinds), list(kinds.values()))[0]
        return getattr(self, f"_{kind}")(how)

    def _file(self, name: str, how: random.Random) -> dict[str, bytes]:
        """Return a mutant of a valid file, by content, by text or by byte."""
        what = how.random()
        if what < 0.1:
            return {name: mutate_bytes(self.valid[name], how)}
        if what < 0.25:
            return {name: mutate_text(self.valid[name].decode(), how).encode("utf-8", "surrogatepass")}
        content = self.plain[name]
        for _ in range(how.choice([1, 1, 1, 2, 3])):
            content = mutate_content(content, how, self.corpus)
        if name.endswith(".json"):
            return {name: json.dumps(content, default=str).encode()}
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=how.random() < 0.5)
        return {name: text.encode("utf-8", "surrogatepass")}

    def _scenario(self, how: random.Random) -> Mutant:
        name = how.choice(SCENARIOS)
        command = how.choices(
            [["run", name, "--no-events"], ["run", name], ["run", name, "--json", "--monitor", "count"], ["diff", "desk.yaml", "desk.yaml", "--people", name, "--replications", "1"]],
            [6, 2, 1, 1],
        )[0]  # fmt: skip
        if command[0] == "run":
            command = [*command, "--out", "out", "--engine", "simpy"]
        return Mutant("scenario", command, self._file(name, how))

    def _workflow(self, how: random.Random) -> Mutant:
        scenario = how.choice(SCENARIOS)
        name = WORKFLOWS[scenario]
        commands = [
            ["prove", name, "--seconds", "1", "--nodes", "2000"], ["run", scenario, "--no-events", "--out", "out", "--engine", "simpy"],
            ["draw", name, "--out", how.choice(["map.svg", "map.mmd"])], ["diff", name, name], ["diff", WORKFLOWS["tiny.yaml"], name],
            ["audit", "log.csv", "--workflow", name], ["audit", "finished", "--workflow", name],
        ]  # fmt: skip
        return Mutant("workflow", how.choice(commands), self._file(name, how))

    def _rules(self, how: random.Random) -> Mutant:
        scenario = how.choice(SCENARIOS)
        name, rules = WORKFLOWS[scenario], RULES[scenario]
        commands = [
            ["prove", name, "--rules", rules, "--seconds", "1", "--nodes", "2000"],
            ["audit", how.choice([*LOGS, "finished"]), "--workflow", name, "--rules", rules],
        ]
        return Mutant("rules", how.choice(commands), self._file(rules, how))

    def _table(self, how: random.Random) -> Mutant:
        name = how.choice(["log.csv", "log.csv", "starts.csv"])
        raw = mutate_bytes(self.valid[name], how) if how.random() < 0.2 else mutate_table(self.valid[name].decode(), how)
        options = [
            ["--time-format", "day-first"],
            ["--decimal", ","],
            ["--encoding", "latin-1"],
            ["--json"],
            ["--out", "bad.csv"],
        ]
        more = how.choice(options) if how.random() < 0.3 else []
        return Mutant("table", ["audit", name, "--workflow", "desk.yaml", *more], {name: raw})

    def _xes(self, how: random.Random) -> Mutant:
        text = self.valid["log.xes"]
        raw = mutate_bytes(text, how) if how.random() < 0.25 else mutate_xes(text.decode(), how).encode()
        return Mutant("xes", ["audit", "log.xes", "--workflow", "desk.yaml"], {"log.xes": raw})

    def _mapping(self, how: random.Random) -> Mutant:
        command = ["audit", how.choice(LOGS), "--workflow", "desk.yaml", "--mapping", MAPPING]
        return Mutant("mapping", command, self._file(MAPPING, how))

    def _folder(self, how: random.Random) -> Mutant:
        names = [name for name in self.valid if name.startswith("finished/")]
        texts = [name for name in names if not name.endswith(".parquet")]
        name = how.choice(["finished/manifest.json"] * 4 + texts + names)
        files = self._file(name, how) if name in texts else {name: mutate_bytes(self.valid[name], how)}
        if how.random() < 0.1:
            files["finished/events/replication=7.parquet"] = self.valid["finished/events/replication=1.parquet"]
        commands = [
            ["verify", "finished"], ["verify", "finished", "--json"], ["sql", "finished", "select * from events"], ["sql", "finished", "select * from cases", "--csv"],
            ["audit", "finished", "--workflow", "desk.yaml"], ["export", "finished", "--to", how.choice(["csv", "xes"]), "--out", "out.x"],
            ["run", "tiny.yaml", "--out", "finished", "--resume", "--engine", "simpy"], ["report", "finished", "--stress", "stress.md"],
        ]  # fmt: skip
        return Mutant("folder", how.choice(commands), files)

    def _command(self, how: random.Random) -> Mutant:
        """Return a random command line over valid files."""
        files = [*SCENARIOS, *WORKFLOWS.values(), *RULES.values(), *LOGS, MAPPING, "finished", "pilot", "nowhere"]
        texts = ["", "0", "1", "2", "-1", "x", "1e30", "nan", "inf", "1,2", "all", "east", "simpy", "pending", "pending < 3", "2024-02-01", "2024-13-01", "select 1", "select", "csv", "UTC", "pools.clerks.size.east=1,2", "pools.clerks.size=0:2:1", "amenable=2%", "pending=5", "time=time", "day-first", "queue=x", "\0", "é", "a" * 300]  # fmt: skip
        command = how.choice([name for name in self.parameters if name != "validate"])
        arguments = [command]
        for parameter in self.parameters[command]:
            if parameter.param_type_name == "argument":
                likely = "finished" if parameter.name == "folder" else how.choice(files)
                arguments.append(likely if how.random() < 0.85 else how.choice(texts))
            elif how.random() < 0.12 and parameter.name not in ("workers", "replications"):
                arguments.append(parameter.opts[0])
                if not getattr(parameter, "is_flag", False) and how.random() < 0.95:
                    arguments.append(how.choice(files if how.random() < 0.3 else texts))
        if any(p.name == "replications" for p in self.parameters[command]):
            arguments += ["--replications", how.choice(["1", "2", "0", "x", "1e3", "100000000000"])]
        arguments = [argument for argument in arguments if "\0" not in argument]
        return Mutant("command", arguments, {})


# running -------------------------------------------------------------------------------------------


def write_valid(folder: Path) -> None:
    """Write the valid files that mutants are made from."""
    from simulations import run
    from simulations.exporting.exports import export
    from tests.simulations.desk import write_tiny

    tiny = write_tiny(folder)
    tiny.write_text(tiny.read_text().replace("ends: 2024-02-15", "ends: 2024-01-14"))
    for name in ("office.yaml", "permits.yaml", "permits.rules.yaml"):
        shutil.copy(HERE / "bad" / "base" / name, folder / name)
    (folder / "desk.rules.yaml").write_text(
        "workflow: desk.yaml\nrules:\n"
        "  - {rule: odd cases are not stored, never: store, if: kind == 'odd' and age < 99}\n"
        "  - {rule: an answer within a month, after: resume, then: finish, within: 30 days}\n",
        encoding="utf-8",
    )
    finished = run(tiny, replications=1, seed=3, out=folder / "finished").folder
    export(finished, "csv", folder / "log.csv")
    export(finished, "xes", folder / "log.xes")
    (folder / "starts.csv").write_text(
        "case;activity;started_at;time;kind;age\n1;serve;15.01.2024 09:00;15.01.2024 10:30;odd;40\n2;serve;16.01.2024 09:00;16.01.2024 09:30;plain;30\n",
        encoding="utf-8",
    )
    (folder / MAPPING).write_text(
        "mapping: desk\ncolumns: {case: 'case:concept:name', activity: 'concept:name', time: 'time:timestamp'}\n",
        encoding="utf-8",
    )


def run_mutants(first: int, last: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Run mutants, and yield each finding, then a summary."""
    from typer.main import get_command

    from simulations.cli import app
    from tests.command_server import import_everything

    import_everything()
    command = get_command(app)
    _lower_limits()
    counts: dict[str, int] = {}
    slowest, most = 0.0, 0.0
    with tempfile.TemporaryDirectory(prefix="docketsim-fuzzing-") as scratch:
        valid = Path(scratch) / "valid"
        valid.mkdir()
        if (child := os.fork()) == 0:  # DuckDB starts threads, which a fork of this process would miss
            try:
                write_valid(valid)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        mutants = Mutants(valid, {name: c.params for name, c in command.commands.items()}, seed)  # type: ignore[attr-defined]
        begin = first
        while begin <= last:
            end = min(begin + _BATCH - 1, last)
            for report in _in_fork(command, mutants, begin, end, Path(scratch)):
                begin = report["mutant"] + 1
                if report["finding"]:
                    mutant = mutants[report["mutant"]]
                    yield {**report, "arguments": mutant.arguments, "kind": mutant.kind}
                key = f"{mutants[report['mutant']].kind} {report['code']}"
                counts[key] = counts.get(key, 0) + 1
                slowest, most = max(slowest, report["seconds"]), max(most, report["megabytes"])
    yield {
        "mutants": last - first + 1,
        "codes": dict(sorted(counts.items())),
        "slowest": slowest,
        "megabytes": most,
        "finding": "",
    }


def _lower_limits() -> None:
    from simulations.engines import simpy_engine
    from simulations.scenarios import workload

    for name, value in {"MOST_CASES": 1000, "MOST_EVENTS": 20_000, "MOST_ALTOGETHER": 4000, "MOST_COURT_DAYS": 10_000}.items():
        assert hasattr(workload, name)
        setattr(workload, name, value)
    assert simpy_engine.MOST_VISITS
    simpy_engine.MOST_VISITS = 50  # type: ignore[misc]


def _in_fork(command: Any, mutants: Mutants, first: int, last: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """Run a batch in a fork; a fork that ends early is a finding of the mutant that it was running."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            _run_batch(command, mutants, first, last, scratch, writing)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    expected = first
    with open(reading, encoding="utf-8") as reports:
        for line in reports:
            expected += 1
            yield json.loads(line)
    _, status = os.waitpid(child, 0)
    if expected <= last:
        finding = f"the process ended: {status}" + (
            " (it hangs)" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF else ""
        )
        yield {"mutant": expected, "finding": finding, "code": None, "seconds": 0.0, "megabytes": 0.0, "error": ""}


def _run_batch(command: Any, mutants: Mutants, first: int, last: int, scratch: Path, writing: int) -> None:
    folder = scratch / "work"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(mutants_valid(scratch), folder)
    os.chdir(folder)
    before = _megabytes()
    for number in range(first, last + 1):
        signal.setitimer(signal.ITIMER_PROF, _HANGS)
        signal.alarm(10 * _HANGS)
        report = {"mutant": number, **_run_one(command, mutants[number], mutants.valid)}
        report["megabytes"] = _megabytes() - before
        if report["megabytes"] > MOST_MEGABYTES:
            report["finding"] += f" {report['megabytes']:.0f} MB;"
        os.write(writing, (json.dumps(report) + "\n").encode())
        if report["megabytes"] > MOST_MEGABYTES:
            os._exit(0)  # the largest size of a process does not shrink


def mutants_valid(scratch: Path) -> Path:
    """Return the folder of the valid files."""
    return scratch / "valid"


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run_one(command: Any, mutant: Mutant, valid: dict[str, bytes]) -> dict[str, Any]:
    """Run a mutant in the current folder, judge it, and restore the folder."""
    before = set(os.listdir("."))
    for name, raw in mutant.files.items():
        Path(name).write_bytes(raw)
    begun = time.process_time()
    code, out, err, error = _call(command, mutant.arguments)
    seconds = time.process_time() - begun
    for name in set(os.listdir(".")) - before:
        shutil.rmtree(name) if os.path.isdir(name) else os.unlink(name)
    if mutant.kind == "folder" or "finished" in mutant.arguments:
        shutil.rmtree("finished", ignore_errors=True)
        shutil.copytree(Path.cwd().parent / "valid" / "finished", "finished")
    for name in mutant.files:
        if name in valid:
            Path(name).write_bytes(valid[name])
    return {
        "finding": _judge(code, out, err, error, seconds, mutant),
        "code": code,
        "seconds": round(seconds, 2),
        "error": error or err[-300:],
    }


def _call(command: Any, arguments: list[str]) -> tuple[int | None, str, str, str]:
    """Return the exit code, both outputs, and the traceback of an unforeseen error."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code, error = None, ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            command.main(arguments, prog_name="docketsim")
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
        except BaseException:
            error = traceback.format_exc()
    texts = [text.buffer.getvalue().decode("utf-8", "backslashreplace") for text in (out, err)]  # type: ignore[attr-defined]
    return code, *texts, error


def _judge(code: int | None, out: str, err: str, error: str, seconds: float, mutant: Mutant) -> str:
    """Return what is wrong with the way a command ended, or nothing."""
    found = []
    if error:
        found.append(error.splitlines()[-1])
    elif code not in (0, 1, 2, 3):
        found.append(f"exit code {code}")
    if code == 2 and not err.strip():
        found.append("refused without a word")
    if code == 1 and not (err + out).strip():
        found.append("failed without a word")
    if re.search(r"^(Traceback|\w+(Error|Exception): )", err, re.MULTILINE):
        found.append("a traceback or an error of a library in the message")
    lines = err.splitlines()
    if len(lines) > _LINES or any(len(line) > _MOST_CHARACTERS for line in lines):
        found.append(f"{len(lines)} lines, the longest of {max(map(len, lines))} characters")
    if re.search("[\x00-\x08\x0b-\x1f\x7f]", err + ("" if "export" in mutant.arguments else out)):
        found.append("control characters are printed")
    if "--json" in mutant.arguments and code in (0, 1, 3) and out.strip():
        try:
            json.loads(out, parse_constant=_refuse)
        except ValueError:
            found.append("invalid JSON")
    if seconds > MOST_SECONDS:
        found.append(f"{seconds:.1f} s")
    return "; ".join(found)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def main(arguments: list[str]) -> None:
    """Run mutants and print what was found."""
    first, last = int(arguments[0]), int(arguments[1])
    seed = int(arguments[2]) if len(arguments) > 2 else 1
    for report in run_mutants(first, last, seed):
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
