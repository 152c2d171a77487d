"""What a workflow file may contain: the shape of its entries, key by key.

The models only say which keys exist and of which kind their values are; what the names in them mean is
checked by `workflow.loading`. The JSON Schema in ``docs/`` is made from them.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from workflow.validation import Condition, Entry, Name, Names, said

__all__ = [
    "ActivityEntry",
    "BeginningEntry",
    "EventEntry",
    "FieldEntry",
    "MeasureEntry",
    "RuleEntry",
    "SplitEntry",
    "StateEntry",
    "TransitionEntry",
    "WorkflowFile",
]

Value = bool | int | float | str | dt.date


def _length(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"must be a length of calendar time such as '90 days', not {said(value)}")


Length = Annotated[str, BeforeValidator(_length), WithJsonSchema({"type": "string"})]


class FieldEntry(Entry):
    """A fact or a field of the record; the vocabulary is JSON Schema's."""

    type: Literal["boolean", "integer", "number", "date"] | None = Field(
        None, description="kind of value; or give `enum`"
    )
    enum: list[Any] | None = Field(None, description="the allowed words", min_length=1)
    minimum: int | float | dt.date | None = Field(None, description="least value allowed")
    maximum: int | float | dt.date | None = Field(None, description="greatest value allowed")
    default: Value | None = Field(None, description="value where nothing else is said")
    optional: bool = Field(False, description="whether the value may be missing")
    description: str | None = None
    source: str | None = Field(None, description="statute, memo or report")


class ActivityEntry(Entry):
    """Work that a case waits for, and what it may find."""

    gives: dict[str, list[Any]] | None = Field(
        None, description="one record field, and the values the work may write to it"
    )
    description: str | None = None
    source: str | None = None


class StateEntry(Entry):
    """Where a case can be: exactly one of activity, instant, resting, final."""

    activity: Name | None = Field(None, description="the work done in this state")
    instant: Literal[True] | None = Field(None, description="left at the instant at which it is entered")
    resting: Literal[True] | None = Field(None, description="left only upon an outside event")
    final: Literal[True] | None = Field(None, description="never left")
    description: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> StateEntry:
        given = [k for k in ("activity", "instant", "resting", "final") if getattr(self, k) is not None]
        if len(given) > 1:
            raise ValueError(f"a state is of one kind, but {' and '.join(given)} are given")
        return self


class TransitionEntry(Entry):
    """A move that a case may make. Transitions of a moment are tried in the order written."""

    transition: Name
    from_: Names = Field(alias="from", description="the state or states it leaves")
    to: Name | None = Field(None, description="the state it leads to; none: the case stays (only upon an event)")
    when: Condition | None = Field(None, description="guard over facts, record and definitions")
    event: Names | None = Field(None, description="tried when one of these events happens")
    at: Literal["entry"] | None = Field(None, description="tried on entry, before the activity of the state begins")
    set: dict[str, Any] | None = Field(
        None, description="values written to the record; or `name + 1` for a bounded whole number"
    )
    after: Name | None = Field(None, description="with extends: the transition behind which this new one is placed")
    description: str | None = None
    source: str | None = None


class EventEntry(Entry):
    """Something that happens to a case from outside."""

    while_: Any = Field(
        alias="while", description="the states in which it counts, or `any`: every state that is not final"
    )
    when: Condition | None = Field(None, description="condition under which it counts")
    set: dict[str, Any] | None = Field(None, description="values written to the record")
    gives: dict[str, list[Any]] | None = Field(None, description="one record field, and the values it may write to it")
    description: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _states(self) -> EventEntry:
        states = self.while_
        if states != "any" and not (isinstance(states, list) and states and all(isinstance(s, str) for s in states)):
            raise ValueError(f"while: must be a list of states, or any, not {said(states)}")
        return self


class BeginningEntry(Entry):
    """How a case may begin."""

    states: list[Name] = Field(min_length=1)
    record: list[Name] = Field(default_factory=list, description="record fields that may begin with any value")


class RuleEntry(Entry):
    """A policy rule, named by a sentence."""

    rule: Name
    never: Any = None
    before: Names | None = None
    needs: Names | None = None
    since: Names | None = None
    once: Names | None = None
    after: Names | None = None
    then: Names | None = None
    within: Length | None = None
    at_most: int | None = None
    of: Names | None = None
    if_: Condition | None = Field(None, alias="if")
    giving: Condition | None = None
    description: str | None = None
    source: str | None = None


class SplitEntry(Entry):
    """One part of a measure's cases; the first part that holds takes the case."""

    ever: Names | None = Field(None, description="one of these transitions was ever taken")
    now: Literal["within"] | None = Field(None, description="the case is now in one of the states of `within`")
    left_by: Names | None = Field(
        None, description="the case last left the states of `within` by one of these transitions"
    )

    @model_validator(mode="after")
    def _one(self) -> SplitEntry:
        if sum(x is not None for x in (self.ever, self.now, self.left_by)) != 1:
            raise ValueError("a part is given by exactly one of ever, now, left_by (or the word rest)")
        return self


class MeasureEntry(Entry):
    """A count of cases that this workflow's users care about; each case is counted once."""

    measure: Name
    cases: Names | None = Field(None, description="the cases to which one of these transitions or events has happened")
    giving: str | None = Field(None, description="only where its outcome was this value")
    if_: Condition | None = Field(None, alias="if", description="only cases whose facts meet this condition")
    within: list[Name] | None = Field(None, description="the states that `split` speaks of")
    split: dict[str, Any] | None = Field(
        None, description="parts that add up to the measure, each by ever, now or left_by; one is `rest`"
    )
    ratio: list[Name] | None = Field(None, min_length=2, max_length=2, description="one measure over another")
    emptied: Name | None = Field(
        None, description="the day on which the last case that began in this state first left it"
    )
    description: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> MeasureEntry:
        if sum(x is not None for x in (self.cases, self.ratio, self.emptied)) != 1:
            raise ValueError("a measure is given by exactly one of cases, ratio, emptied")
        if (self.split is None) != (self.within is None):
            raise ValueError("split and within belong together")
        return self


class WorkflowFile(Entry):
    """A workflow file."""

    workflow: Name = Field(description="the name by which it is found")
    extends: Name | None = Field(None, description="name or path of the workflow that this one changes")
    description: str | None = None
    sources: dict[str, str] = Field(default_factory=dict, description="what each `source:` stands for")
    facts: dict[str, FieldEntry] = Field(
        default_factory=dict, description="attributes that do not change while a case runs"
    )
    record: dict[str, FieldEntry] = Field(default_factory=dict, description="attributes that change")
    assume: list[Condition] = Field(default_factory=list, description="what the facts of every case keep to")
    define: dict[str, Any] = Field(default_factory=dict, description="named expressions")
    activities: dict[str, ActivityEntry | None] = Field(default_factory=dict)
    states: dict[str, StateEntry] = Field(min_length=1)
    transitions: list[TransitionEntry] = Field(default_factory=list)
    entry: BeginningEntry
    events: dict[str, EventEntry] = Field(default_factory=dict)
    rules: list[RuleEntry] = Field(default_factory=list)
    measures: list[MeasureEntry] = Field(default_factory=list)
    remove: list[Name] = Field(
        default_factory=list, description="with extends: transitions, rules or measures taken out"
    )
