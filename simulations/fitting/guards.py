"""Propose guards: a shallow decision tree on the facts tells which move a case makes.

References
----------
Breiman, L., Friedman, J., Olshen, R. and Stone, C. (1984). Classification and Regression Trees. Wadsworth.
Rozinat, A. and van der Aalst, W. (2006). Decision mining in ProM. BPM 2006, LNCS 4102, 420-425.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.facts import Fact
from simulations.fitting.names import quoted
from workflow.errors import InputError

_DEPTH, _LEAF, _FOLDS, _MOST_ROWS, _FEWEST = 3, 10, 5, 20_000, 40


@dataclass(frozen=True)
class Guards:
    """Conditions that tell which move a case makes in a state.

    Attributes
    ----------
    conditions : dict of int to str
        The condition of each label that the tree tells; every case meets exactly one.
    error : float
        The share of cases that the tree tells wrongly, by cross-validation.
    without : float
        The share that is wrong if the most frequent move is always told.
    n : int
        The number of decisions.
    """

    conditions: dict[int, str]
    error: float
    without: float
    n: int


class _Question(NamedTuple):
    """A column of the tree: the conditions for a value below and above the threshold."""

    fact: Fact
    word: str | None


def propose_guards(facts: Sequence[Fact], cases: NDArray[Any], labels: NDArray[Any]) -> Guards | None:
    """Return guards for the moves that leave a state; ``None`` if the facts do not help to tell them.

    Parameters
    ----------
    facts : sequence of Fact
    cases, labels : ndarray of int64, shape (n_decisions,)
        The case and the label of each decision.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    questions = [q for fact in facts for q in _questions(fact)]
    if not questions or len(cases) < _FEWEST or len(np.unique(labels)) < 2:
        return None
    try:
        from sklearn.model_selection import KFold, cross_val_score
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        message = (
            "discover needs scikit-learn to propose guards: install the extra 'calibrate' (pip install 'docketsim[calibrate]')"
        )
        raise InputError([message]) from None
    if len(cases) > _MOST_ROWS:
        chosen = np.linspace(0, len(cases) - 1, _MOST_ROWS).astype(np.int64)
        cases, labels = cases[chosen], labels[chosen]
    x = np.column_stack([_column(question)[cases] for question in questions])
    leaf = min(max(_LEAF, len(cases) // 200), max(len(cases) // 8, 1))
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=leaf, random_state=0)
    error = 1 - float(cross_val_score(tree, x, labels, cv=KFold(_FOLDS, shuffle=True, random_state=0)).mean())
    without = 1 - float(np.bincount(labels).max() / len(labels))
    if error > 0.9 * without:
        return None
    conditions = _conditions(tree.fit(x, labels), questions)
    return Guards(conditions, error, without, len(cases)) if len(conditions) > 1 else None


def _questions(fact: Fact) -> list[_Question]:
    if fact.field.kind == "date":
        return []
    if fact.field.kind == "enum":
        return [_Question(fact, word) for word in fact.field.values]
    return [_Question(fact, None)]


def _column(question: _Question) -> NDArray[np.float64]:
    """Return the column of a question; a missing value is below every other."""
    fact = question.fact
    if question.word is not None:
        equal = fact.values == fact.field.values.index(question.word)
        return np.where(fact.missing, 0.0, equal.astype(float))
    values = fact.values.astype(float)
    lowest = values[~fact.missing].min() - 1
    return np.where(fact.missing, lowest, values)


def _conditions(tree: Any, questions: Sequence[_Question]) -> dict[int, str]:
    """Return the condition under which a tree tells each label: the paths to its leaves."""
    paths: dict[int, list[str]] = {}

    def walk(node: int, path: list[str]) -> None:
        if tree.tree_.children_left[node] < 0:
            label = int(tree.classes_[int(np.argmax(tree.tree_.value[node]))])
            paths.setdefault(label, []).append(" and ".join(path))
            return
        below, above = _written(questions[tree.tree_.feature[node]], float(tree.tree_.threshold[node]))
        left, right = int(tree.tree_.children_left[node]), int(tree.tree_.children_right[node])
        if _told(tree, left) == _told(tree, right) and _told(tree, left) is not None:
            walk_label = _told(tree, left)
            assert walk_label is not None
            paths.setdefault(walk_label, []).append(" and ".join(path))
            return
        walk(left, [*path, below])
        walk(right, [*path, above])

    walk(0, [])
    return {label: " or ".join(f"({c})" if len(each) > 1 else c for c in each) for label, each in paths.items()}


def _told(tree: Any, node: int) -> int | None:
    """Return the label that every leaf below a node tells; ``None`` if they differ."""
    if tree.tree_.children_left[node] < 0:
        return int(tree.classes_[int(np.argmax(tree.tree_.value[node]))])
    labels = {_told(tree, int(child)) for child in (tree.tree_.children_left[node], tree.tree_.children_right[node])}
    return labels.pop() if len(labels) == 1 else None


def _written(question: _Question, threshold: float) -> tuple[str, str]:
    """Return the conditions of both sides of a split."""
    field = question.fact.field
    name, optional = field.name, field.optional
    if question.word is not None:
        word = quoted(question.word)
        return _missing_or(name, optional, f"{name} != {word}"), _given_and(name, optional, f"{name} == {word}")
    if field.kind == "boolean":
        return _missing_or(name, optional, f"not {name}"), _given_and(name, optional, name)
    lowest = float(question.fact.values[~question.fact.missing].astype(float).min())
    if optional and threshold < lowest:
        return f"{name} is None", f"{name} is not None"
    bound = f"{int(np.floor(threshold))}" if field.kind == "integer" else f"{threshold:.6g}"
    return _missing_or(name, optional, f"{name} <= {bound}"), _given_and(name, optional, f"{name} > {bound}")


def _missing_or(name: str, optional: bool, condition: str) -> str:
    return f"({name} is None or {condition})" if optional else condition


def _given_and(name: str, optional: bool, condition: str) -> str:
    return f"({name} is not None and {condition})" if optional else condition
