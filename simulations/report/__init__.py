"""Reports: an HTML page with figures and tables, and the STRESS-DES sections."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulations.report.page import write_page
    from simulations.report.stress import write_stress

__all__ = ["write_page", "write_stress"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package is cheap."""
    if name in __all__:
        return getattr(import_module(f"simulations.report.{name.removeprefix('write_')}"), name)
    raise AttributeError(f"module 'simulations.report' has no attribute {name!r}")
