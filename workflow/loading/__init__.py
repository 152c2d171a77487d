"""Load workflow and rule files; report every mistake with its position before anything runs.

`workflows` reads the parts in order; each part has its own module.
"""

from workflow.loading.workflows import catalog, load_workflow

__all__ = ["catalog", "load_workflow"]
