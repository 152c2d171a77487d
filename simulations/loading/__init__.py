"""Reading a scenario file: every mistake found, with its place, before anything runs.

`scenarios` says in which order the parts are read. Each part is a module of its own, and reads its entries with
the `context`: the file, what all its parts refer to, and the mistakes found so far.
"""

from simulations.loading.scenarios import catalog, load_scenario

__all__ = ["catalog", "load_scenario"]
