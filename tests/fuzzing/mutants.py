"""The mutants of a seed: command lines, and the files that differ from the valid ones."""

from __future__ import annotations

import json
import random
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.fuzzing.bases import ADDITIONS, LOGS, MAPPING, RULES, SCENARIOS, WORKFLOWS, added, read
from tests.fuzzing.mutations import damage_content, mutate_bytes, mutate_table, mutate_text, mutate_xes, places, vary_content

KINDS = {"scenario": 30, "workflow": 31, "rules": 9, "table": 6, "xes": 8, "mapping": 4, "folder": 6, "command": 6}
"""How many of 100 mutants change a file of this kind."""

PROVE = ("--seconds", "1", "--nodes", "2000")


class _Dumper(yaml.CSafeDumper):
    """Write values that occur twice as they are: aliases are refused at once."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@dataclass(frozen=True)
class Mutant:
    """A command line, and the files that differ from the valid ones.

    The command ``simulate`` stands for the parts of ``run`` that write and print nothing.
    """

    kind: str
    arguments: list[str]
    files: dict[str, bytes]


class Mutants:
    """The mutants of a seed, made from the valid files of a folder."""

    def __init__(self, valid: Path, parameters: dict[str, list[Any]], seed: int) -> None:
        self.valid = {str(p.relative_to(valid)): p.read_bytes() for p in sorted(valid.rglob("*")) if p.is_file()}
        self.seed = seed
        self.plain = {name: read(raw.decode()) for name, raw in self.valid.items() if name.endswith(".yaml")}
        self.plain |= {name: json.loads(raw) for name, raw in self.valid.items() if name.endswith(".json")}
        self.corpus = [content for name, content in self.plain.items() if "/" not in name]
        self.alternatives = {name: self._alternatives(name) for name in self.plain}
        self.parameters = parameters

    def _alternatives(self, name: str) -> dict[str, list[Any]]:
        """Return the values that each key has in a file and its additions."""
        found: dict[str, list[Any]] = {}
        for content in (self.plain[name], *ADDITIONS.get(name, ())):
            for path in places(content):
                value = content
                for part in path:
                    value = value[part]
                found.setdefault(str(path[-1]), []).append(value)
        return found

    def __getitem__(self, number: int) -> Mutant:
        """Return a mutant."""
        how = random.Random(f"{self.seed} {number}")
        return getattr(self, f"_{how.choices(list(KINDS), list(KINDS.values()))[0]}")(how)

    def _file(self, name: str, how: random.Random) -> dict[str, bytes]:
        """Return a mutant of a valid file, by content, by text or by byte."""
        what = how.random()
        if what < 0.06:
            return {name: mutate_bytes(self.valid[name], how)}
        if what < 0.14:
            return {name: mutate_text(self.valid[name].decode(), how).encode("utf-8", "surrogatepass")}
        content = self.plain[name]
        for addition in how.sample(ADDITIONS[name], how.choice([0, 1, 1, 2])) if name in ADDITIONS else ():
            content = added(content, addition)
        for _ in range(how.choice([1, 1, 2, 3])):
            if what < 0.75:
                content = vary_content(content, how, self.alternatives[name])
            else:
                content = damage_content(content, how, self.corpus)
        if name.endswith(".json"):
            return {name: json.dumps(content, default=str).encode()}
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=how.random() < 0.5)
        return {name: text.encode("utf-8", "surrogatepass")}

    def _scenario(self, how: random.Random) -> Mutant:
        name = how.choice(SCENARIOS)
        run = ["run", name, "--out", "out", "--engine", "simpy"]
        commands = [
            ["simulate", name], [*run, "--json", "--monitor", "count"], [*run, "--keep", "measures"], [*run, "--quiet"],
            ["diff", "desk.yaml", "desk.yaml", "--people", name, "--replications", "1"],
            ["forecast", name, "--when", "pending < 3", "--replications", "2", "--workers", "1"],
        ]  # fmt: skip
        return Mutant("scenario", how.choices(commands, [100, 1, 1, 1, 0.3, 0.7])[0], self._file(name, how))

    def _workflow(self, how: random.Random) -> Mutant:
        scenario = how.choice(SCENARIOS)
        name = WORKFLOWS[scenario]
        commands = [
            ["prove", name, *PROVE], ["simulate", scenario], ["draw", name, "--out", how.choice(["map.svg", "map.mmd"])],
            ["diff", name, name], ["diff", WORKFLOWS["tiny.yaml"], name], ["audit", "log.xes", "--workflow", name],
            ["audit", "log.csv", "--workflow", name], ["audit", "finished", "--workflow", name],
        ]  # fmt: skip
        return Mutant("workflow", how.choices(commands, [1, 16, 8, 0.5, 0.5, 8, 0.5, 0.5])[0], self._file(name, how))

    def _rules(self, how: random.Random) -> Mutant:
        scenario = how.choice(SCENARIOS)
        name, rules = WORKFLOWS[scenario], RULES[scenario]
        log = how.choices([*LOGS, "finished"], [1, 12, 1, 1])[0]
        commands = [["prove", name, "--rules", rules, *PROVE], ["audit", log, "--workflow", name, "--rules", rules]]
        return Mutant("rules", how.choices(commands, [1, 15])[0], self._file(rules, how))

    def _table(self, how: random.Random) -> Mutant:
        name = how.choice(["log.csv", "log.csv", "starts.csv", "cases.csv", "lengths.csv", "rota.csv"])
        raw = mutate_bytes(self.valid[name], how) if how.random() < 0.2 else mutate_table(self.valid[name].decode(), how)
        if name in LOGS:
            options = [
                ["--time-format", "day-first"],
                ["--decimal", ","],
                ["--encoding", "latin-1"],
                ["--json"],
                ["--out", "bad.csv"],
            ]
            more = how.choice(options) if how.random() < 0.3 else []
            return Mutant("table", ["audit", name, "--workflow", "desk.yaml", *more], {name: raw})
        reading = [a for a in ADDITIONS["tiny.yaml"] if name in str(a)]
        content = added(self.plain["tiny.yaml"], how.choice(reading))
        text = yaml.dump(content, Dumper=_Dumper, sort_keys=False).encode()
        return Mutant("table", ["simulate", "tiny.yaml"], {name: raw, "tiny.yaml": text})

    def _xes(self, how: random.Random) -> Mutant:
        text = self.valid["log.xes"]
        raw = mutate_bytes(text, how) if how.random() < 0.25 else mutate_xes(text.decode(), how).encode()
        return Mutant("xes", ["audit", "log.xes", "--workflow", "desk.yaml"], {"log.xes": raw})

    def _mapping(self, how: random.Random) -> Mutant:
        log = how.choices(LOGS, [1, 4, 1])[0]
        return Mutant("mapping", ["audit", log, "--workflow", "desk.yaml", "--mapping", MAPPING], self._file(MAPPING, how))

    def _folder(self, how: random.Random) -> Mutant:
        names = [name for name in self.valid if name.startswith("finished/")]
        texts = [name for name in names if not name.endswith(".parquet")]
        name = how.choice(["finished/manifest.json"] * 4 + texts + names)
        files = self._file(name, how) if name in texts else {name: mutate_bytes(self.valid[name], how)}
        if how.random() < 0.1:
            files["finished/events/replication=7.parquet"] = self.valid["finished/events/replication=1.parquet"]
        weighted = {
            "verify finished": 3, "verify finished --json": 2, "sql finished 'select * from events limit 3'": 1,
            "sql finished 'select * from cases' --csv": 1, "audit finished --workflow desk.yaml": 2,
            f"export finished --to {how.choice(['csv', 'xes'])} --out out.x": 0.5,
            "run tiny.yaml --out finished --resume --engine simpy --quiet": 2, "report finished --stress stress.md": 0.5,
            "report finished --measure pending": 0.02,
        }  # fmt: skip
        return Mutant("folder", shlex.split(how.choices(list(weighted), list(weighted.values()))[0]), files)

    def _command(self, how: random.Random) -> Mutant:
        """Return a random command line over valid files."""
        files = [*SCENARIOS, *WORKFLOWS.values(), *RULES.values(), *LOGS, MAPPING, "finished", "pilot", "nowhere"]
        texts = ["", "0", "1", "2", "-1", "x", "1e30", "nan", "inf", "1,2", "all", "east", "simpy", "pending", "pending < 3", "2024-02-01", "2024-13-01", "select 1", "select", "csv", "UTC", "pools.clerks.size.east=1,2", "pools.clerks.size=0:2:1", "amenable=2%", "pending=5", "time=time", "day-first", "queue=x", "\0", "é", "a" * 300]  # fmt: skip
        command = how.choice([name for name in self.parameters if name not in ("validate", "list")])
        arguments = [command]
        for parameter in self.parameters[command]:
            if parameter.param_type_name == "argument":
                likely = "finished" if parameter.name == "folder" else how.choice(files)
                arguments.append(likely if how.random() < 0.85 else how.choice(texts))
            elif how.random() < 0.12 and parameter.name not in ("workers", "replications"):
                arguments.append(parameter.opts[0])
                if not getattr(parameter, "is_flag", False) and how.random() < 0.95:
                    arguments.append(how.choice(files if how.random() < 0.3 else texts))
        if command == "report":
            arguments = [a for a in arguments if a not in ("--out", "--figures")] + ["--stress", "stress.md"]  # no slow page
        if any(p.name == "replications" for p in self.parameters[command]):
            arguments += ["--replications", how.choice(["1", "2", "0", "x", "1e3", "100000000000"])]
        return Mutant("command", [argument for argument in arguments if "\0" not in argument], {})
