"""Reading a workflow file: every mistake found, with its place, before anything runs.

`workflows` says in which order the parts are read; each part is a module of its own.
"""

from workflow.loading.workflows import catalog, load_workflow

__all__ = ["catalog", "load_workflow"]
