"""Property tests of policy rules with Hypothesis.

Examples
--------
In a test file of your own::

    from workflow.testing import check_rules

    test_my_rules = check_rules("my.rules.yaml")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflow.testing.strategies import RuleBroken, Walk, case_machine, check_rules, facts, histories, rule_test, seeds

__all__ = ["RuleBroken", "Walk", "case_machine", "check_rules", "facts", "histories", "rule_test", "seeds"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use: pytest loads the plugin in this package, and must not load Hypothesis with it."""
    if name in __all__:
        return getattr(import_module("workflow.testing.strategies"), name)
    raise AttributeError(f"module 'workflow.testing' has no attribute {name!r}")
