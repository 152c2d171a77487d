"""Run mutants and print what was found."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

from tests.fuzzing.running import run_mutants, write_mutant

if __name__ == "__main__":
    show = "--show" in sys.argv
    first, last, seed = [*map(int, (a for a in sys.argv[1:] if a != "--show")), 1][:3]
    if show:
        print(shlex.join(["docketsim", *write_mutant(first, seed, Path())]))
    else:
        for report in run_mutants(first, last, seed):
            print(json.dumps(report), flush=True)
