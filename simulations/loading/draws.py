"""Read how a field is drawn: a value, shares of values, a distribution of numbers, or days before a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulations.loading.context import Context
from simulations.loading.times import read_calendar_time
from simulations.scenarios.quantities import Shares
from simulations.scenarios.scenario import Draw
from workflow.errors import nearest
from workflow.files.validation import format_value, parse_at
from workflow.files.values import allowed_values, fits
from workflow.files.yaml_tree import Node
from workflow.predicates import Expression, Field, Namespace

A_DATE = "{days_before: {gamma: {mean: 12 years, cv: 0.8}}}"


def read_draw(context: Context, field: Field, before: Namespace, node: Node, what: str) -> Draw | None:
    """Read how a field is drawn.

    Parameters
    ----------
    field : Field
    before : Namespace
        The names that bounds may use: the fields drawn before.
    node : Node
    what : str
        Begins each message.
    """
    if not isinstance(node.value, dict):
        return _value(context, field, node, what)
    if "missing" in node.value:
        return _missing(context, field, before, node, what)
    entries = dict(node.value)
    within = entries.pop("within", None)
    is_family = field.kind in ("integer", "number") and len(entries) == 1 and isinstance(next(iter(entries)), str)
    if within is not None and not is_family:
        message = "is only for distributions of numbers, such as {normal: {mean: 34, sd: 12}}"
        context.wrong(within, f"{what}: within: {message}")
        return None
    low, high = _bounds(context, within, what, before) if within is not None else (None, None)
    if field.kind == "date":
        return _date(context, node, entries, what)
    if is_family:
        drawn = context.reader.distribution(replace(node, value=entries), "number", what)
        return None if drawn is None else Draw(distribution=drawn[0], low=low, high=high)
    return _shares(context, field, node, what)


def _value(context: Context, field: Field, node: Node, what: str) -> Draw | None:
    value = node.value
    if field.kind == "boolean" and not isinstance(value, bool):
        share = context.reader.share(node, what)
        return None if share is None else Draw(Shares((True, False), (share, 1.0)))
    if not fits(field, value):
        hint = f" Write a date, or {A_DATE}." if field.kind == "date" else ""
        message = f"{format_value(value)} is not {allowed_values(field)}{nearest(value, field.values)}{hint}"
        context.wrong(node, f"{what}: {message}")
        return None
    return Draw(Shares((value,), (1.0,)))


def _shares(context: Context, field: Field, node: Node, what: str) -> Draw | None:
    possible = {"enum": field.values, "boolean": (True, False)}.get(field.kind)
    shares = context.reader.shares(node, possible, what)
    if shares is None:
        return None
    unfit = [key for key in node.value if possible is None and not fits(field, key)]
    for key in unfit:
        context.wrong(node.keys[key], f"{what}: {format_value(key)} is not {allowed_values(field)}")
    return None if unfit else Draw(shares)


def _missing(context: Context, field: Field, before: Namespace, node: Node, what: str) -> Draw | None:
    """Read a draw with a share of missing values."""
    entries = dict(node.value)
    share = context.reader.share(entries.pop("missing"), f"{what}: missing")
    if not field.optional:
        message = "the fact is never missing; declare it with optional: true in the workflow"
        context.wrong(node, f"{what}: missing: {message}")
        return None
    if not entries and share is not None and share < 1:
        message = f"leaves {1 - share:.4g} without a distribution; add shares, a family, or days_before"
        context.wrong(node, f"{what}: missing: {message}")
        return None
    others = read_draw(context, field, before, replace(node, value=entries), what) if entries else Draw(Shares((None,), (1.0,)))
    return None if share is None or others is None else replace(others, missing=share)


def _date(context: Context, node: Node, entries: Mapping[Any, Node], what: str) -> Draw | None:
    if set(entries) != {"days_before"}:
        context.wrong(node, f"{what}: a date is given as {A_DATE}, not {format_value(node.value)}")
        return None
    length = read_calendar_time(context, entries["days_before"], f"{what}: days_before")
    return None if length is None else Draw(distribution=length.distribution, back=True, months=length.months)


def _bounds(context: Context, node: Node, what: str, before: Namespace) -> tuple[Expression | None, Expression | None]:
    if not isinstance(node.value, list) or len(node.value) != 2:
        message = f"must be a list of two bounds, such as [0, age], not {format_value(node.value)}"
        context.wrong(node, f"{what}: within: {message}")
        return None, None
    low, high = (parse_at(bound, str(bound.value), before, context.problems, f"{what}: within", "number") for bound in node.value)
    given = [bound.value for bound in node.value if isinstance(bound.value, int | float)]
    if len(given) == 2 and given[0] > given[1]:
        context.wrong(node, f"{what}: within: the lower bound, {given[0]}, is above the upper bound, {given[1]}")
    return low, high
