"""Workflows of cases and their policy rules, without clocks and queues.

The public functions are imported from here: ``from workflow import load_workflow``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflow.auditing.audit import audit
    from workflow.auditing.log_files import read_log
    from workflow.auditing.report import AuditReport
    from workflow.deciding.machine import CaseMachine
    from workflow.deciding.table import compile_table
    from workflow.drawing.picture import Picture
    from workflow.errors import DocketsimError, InputError, MissingResult, StuckCase, VisitCap
    from workflow.loading import load_workflow
    from workflow.loading.rule_files import load_rules
    from workflow.model.definition import Workflow
    from workflow.proving.difference import Difference, diff
    from workflow.proving.prove import prove
    from workflow.proving.report import Proof

__all__ = [
    "AuditReport",
    "CaseMachine",
    "Difference",
    "DocketsimError",
    "InputError",
    "MissingResult",
    "Picture",
    "Proof",
    "StuckCase",
    "VisitCap",
    "Workflow",
    "audit",
    "compile_table",
    "diff",
    "load_rules",
    "load_workflow",
    "prove",
    "read_log",
]

_HOME = {
    "AuditReport": "auditing.report",
    "CaseMachine": "deciding.machine",
    "Difference": "proving.difference",
    "DocketsimError": "errors",
    "InputError": "errors",
    "MissingResult": "errors",
    "Picture": "drawing.picture",
    "Proof": "proving.report",
    "StuckCase": "errors",
    "VisitCap": "errors",
    "Workflow": "model.definition",
    "audit": "auditing.audit",
    "compile_table": "deciding.table",
    "diff": "proving.difference",
    "load_rules": "loading.rule_files",
    "load_workflow": "loading",
    "prove": "proving.prove",
    "read_log": "auditing.log_files",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package is cheap."""
    if name in _HOME:
        return getattr(import_module(f"workflow.{_HOME[name]}"), name)
    raise AttributeError(f"module 'workflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, which are imported on first use."""
    return sorted(__all__)
