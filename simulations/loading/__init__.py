"""Load scenario files and report all mistakes, with positions, before a run.

`scenarios` reads the sections in order. Each section has a module, which reads its entries with a
`context.Context`: the file, the names that sections refer to, and the mistakes found so far.
"""

from simulations.loading.scenarios import catalog, change_scenario, load_scenario

__all__ = ["catalog", "change_scenario", "load_scenario"]
