"""What a workflow file may contain: the shape of its entries, key by key.

The models only say which keys exist and of which kind their values are; what the names in them mean is
checked by `workflow.loading`. The JSON Schema in ``docs/reference/schemas`` is made from them.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from workflow.files.validation import Condition, Entry, Name, Names, format_value

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
    raise ValueError(f"must be a length of calendar time such as '90 days', not {format_value(value)}")


Length = Annotated[str, BeforeValidator(_length), WithJsonSchema({"type": "string"})]


class FieldEntry(Entry):
    """A fact or a field of the record; the vocabulary is JSON Schema's."""

    type: Literal["boolean", "integer", "number", "date"] | None = Field(
        None, description="kind of value; or give `enum`", examples=["integer"]
    )
    enum: list[Any] | None = Field(
        None,
        description="the allowed words, in their order; give this or `type`",
        min_length=1,
        examples=[["none", "work", "family"]],
    )
    minimum: int | float | dt.date | None = Field(
        None, description="least value allowed; a whole number needs it", examples=[0]
    )
    maximum: int | float | dt.date | None = Field(
        None, description="greatest value allowed; a whole number needs it", examples=[110]
    )
    default: Value | None = Field(
        None,
        description="value where nothing else is said; without it: missing if `optional`, else the word `none` of an"
        " enum that has it, `false`, the minimum, or the first word",
        examples=[True],
    )
    optional: bool = Field(
        False, description="whether the value may be missing; facts only, a condition then asks `is not None` first"
    )
    description: str | None = Field(
        None, description="what the value means, for readers", examples=["all papers are in the file"]
    )
    source: str | None = Field(
        None, description="where it comes from: a key of `sources:`, with a place in it", examples=["act section 4"]
    )


class ActivityEntry(Entry):
    """Work that a case waits for, and what it may find."""

    gives: dict[str, list[Any]] | None = Field(
        None,
        description="one record field, and the values that the work may write to it; how likely each is, the scenario"
        " says",
        examples=[{"decision": ["grant", "refuse"]}],
    )
    description: str | None = Field(
        None, description="what is done, for readers", examples=["a clerk reads the file and decides"]
    )
    source: str | None = Field(None, description="a key of `sources:`, with a place in it", examples=["practice"])


class StateEntry(Entry):
    """Where a case can be: exactly one of activity, instant, resting, final."""

    activity: Name | None = Field(None, description="the work done in this state", examples=["examine"])
    instant: Literal[True] | None = Field(
        None, description="left at the instant at which it is entered; an empty entry `{}` means the same"
    )
    resting: Literal[True] | None = Field(None, description="left only upon an outside event")
    final: Literal[True] | None = Field(None, description="never left: the case has ended")
    description: str | None = Field(
        None, description="what it means to be here, for readers", examples=["the permit is held"]
    )
    source: str | None = Field(None, description="a key of `sources:`, with a place in it", examples=["act section 7"])

    @model_validator(mode="after")
    def _one_kind(self) -> StateEntry:
        given = [k for k in ("activity", "instant", "resting", "final") if getattr(self, k) is not None]
        if len(given) > 1:
            raise ValueError(f"a state is of one kind, but {' and '.join(given)} are given")
        return self


class TransitionEntry(Entry):
    """A move that a case may make. Transitions of a moment are tried in the order written."""

    transition: Name = Field(description="its name, which rules, measures and logs use", examples=["grant"])
    from_: Names = Field(alias="from", description="the state or states it leaves", examples=[["waiting", "hearing"]])
    to: Name | None = Field(
        None,
        description="the state it leads to; none: the case stays where it is (only upon an event)",
        examples=["granted"],
    )
    when: Condition | None = Field(
        None,
        description="guard over facts, record and definitions; none: it always holds",
        examples=['complete and eligible and decision == "grant"'],
    )
    event: Names | None = Field(
        None,
        description="tried when one of these events happens; none: tried when the activity completes, or on entry to"
        " an instant state",
        examples=["withdrawal"],
    )
    at: Literal["entry"] | None = Field(
        None, description="tried on entry to a state with an activity, before its work is waited for"
    )
    set: dict[str, Any] | None = Field(
        None,
        description="values written to the record; or `name + 1` for a whole number, which stays at its maximum",
        examples=[{"reminders": "reminders + 1"}],
    )
    after: Name | None = Field(
        None,
        description="with `extends`: the transition of the base behind which this new one is placed; else it comes last",
        examples=["grant"],
    )
    description: str | None = Field(
        None, description="what the move means, for readers", examples=["the applicant gives up"]
    )
    source: str | None = Field(
        None, description="statute, memo or report: a key of `sources:`, with a place in it", examples=["act section 7"]
    )


class EventEntry(Entry):
    """Something that happens to a case from outside."""

    while_: Any = Field(
        alias="while",
        description="the states in which it counts, or `any`: every state that is not final and not instant",
        examples=[["waiting", "hearing"], "any"],
    )
    when: Condition | None = Field(None, description="condition under which it counts", examples=["not moved_away"])
    set: dict[str, Any] | None = Field(
        None, description="values written to the record when it counts", examples=[{"moved_away": True}]
    )
    gives: dict[str, list[Any]] | None = Field(
        None,
        description="one record field, and the values that it may write to it; how likely each is, the scenario says",
        examples=[{"check": ["clear", "hit"]}],
    )
    description: str | None = Field(
        None, description="what happens, for readers", examples=["the applicant leaves the district"]
    )
    source: str | None = Field(None, description="a key of `sources:`, with a place in it", examples=["practice"])

    @model_validator(mode="after")
    def _states(self) -> EventEntry:
        states = self.while_
        if states != "any" and not (isinstance(states, list) and states and all(isinstance(s, str) for s in states)):
            raise ValueError(f"while: must be a list of states, or any, not {format_value(states)}")
        return self


class BeginningEntry(Entry):
    """How a case may begin."""

    states: list[Name] = Field(
        min_length=1, description="the states in which a case may begin", examples=[["waiting", "granted"]]
    )
    record: list[Name] = Field(
        default_factory=list,
        description="record fields that may begin with any value; the others begin with their defaults",
        examples=[["urgent"]],
    )


class RuleEntry(Entry):
    """A policy rule, named by a sentence."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in ("never", "before", "after", "at_most")],
            "dependentRequired": {
                **{"before": ["needs"], "needs": ["before"], "since": ["before"], "once": ["before"]},
                **{"after": ["then"], "then": ["after"], "within": ["after"]},
                **{"at_most": ["of"], "of": ["at_most"], "giving": ["never"]},
            },
        }
    )

    rule: Name = Field(
        description="the rule as a sentence; it is its name everywhere",
        examples=["nobody whose papers are incomplete gets a permit"],
    )
    never: Any = Field(
        None,
        description="what must not happen: transitions or events; or a condition that must hold in no situation, and"
        " may look into the past by `once(t)`, `since(t, u)`, `before(t, u)`",
        examples=["grant or allow", 'once(refuse) and state != "refused"'],
    )
    before: Names | None = Field(
        None, description="this happens only if `needs` has happened before", examples=["allow or uphold"]
    )
    needs: Names | None = Field(
        None, description="with `before`: one of these must have happened", examples=["examine"]
    )
    since: Names | None = Field(
        None, description="with `before`: after each of these, `needs` must happen afresh", examples=["reopen"]
    )
    once: Names | None = Field(
        None,
        description="with `before`: it is asked for only after one of these has happened, and afresh after each",
        examples=["reopen"],
    )
    after: Names | None = Field(None, description="once this has happened, `then` must follow", examples=["call"])
    then: Names | None = Field(
        None, description="with `after`: one of these must happen later", examples=["allow or uphold or withdraw"]
    )
    within: Length | None = Field(
        None,
        description="with `after`: the time allowed, in hours, days, weeks, months or years of the calendar",
        examples=["180 days"],
    )
    at_most: int | None = Field(
        None, description="how often, from 1 to 100 times, `of` may happen to one case", examples=[1]
    )
    of: Names | None = Field(None, description="with `at_most`: what is counted", examples=["refuse"])
    if_: Condition | None = Field(
        None,
        alias="if",
        description="the rule speaks only of moments at which this holds, as the case stood when the decision was made",
        examples=["not complete"],
    )
    giving: Condition | None = Field(
        None,
        description="with `never` and transitions: forbidden only if this holds just after, its changes made",
        examples=['state != "granted"'],
    )
    description: str | None = Field(
        None, description="more words for readers", examples=["The act names no exception."]
    )
    source: str | None = Field(
        None,
        description="statute, memo or report; in a workflow that lists `sources:`, one of these",
        examples=["act section 7"],
    )


class SplitEntry(Entry):
    """One part of a measure's cases; the first part that holds takes the case."""

    ever: Names | None = Field(
        None, description="one of these transitions or events has ever happened", examples=["allow"]
    )
    now: Literal["within"] | None = Field(None, description="the case is now in one of the states of `within`")
    left_by: Names | None = Field(
        None,
        description="the case last left the states of `within` by one of these transitions",
        examples=["withdraw"],
    )

    @model_validator(mode="after")
    def _one(self) -> SplitEntry:
        if sum(x is not None for x in (self.ever, self.now, self.left_by)) != 1:
            raise ValueError("a part is given by exactly one of ever, now, left_by (or the word rest)")
        return self


class MeasureEntry(Entry):
    """A count of cases that this workflow's users care about; each case is counted once."""

    measure: Name = Field(description="its name in results", examples=["permits"])
    cases: Names | None = Field(
        None,
        description="the cases to which one of these transitions or events has happened",
        examples=["grant or allow"],
    )
    giving: bool | int | str | None = Field(
        None, description="with `cases`: only where its outcome was this value", examples=["hit"]
    )
    if_: Condition | None = Field(
        None, alias="if", description="only cases whose facts meet this condition", examples=['ground == "work"']
    )
    within: list[Name] | None = Field(None, description="the states that `split` speaks of", examples=[["hearing"]])
    split: dict[str, Any] | None = Field(
        None,
        description="parts that add up to the measure, each by `ever`, `now` or `left_by`; one is `rest`. Each is a"
        " measure too",
        examples=[
            {
                "heard_and_won": {"ever": "allow"},
                "being_heard": {"now": "within"},
                "gave_up": {"left_by": "withdraw"},
                "heard_and_lost": "rest",
            }
        ],
    )
    ratio: list[Name] | None = Field(
        None, min_length=2, max_length=2, description="one measure over another", examples=[["permits", "examined"]]
    )
    emptied: Name | None = Field(
        None,
        description="the day, counted from the start, on which the last case that began in this state first left it",
        examples=["waiting"],
    )
    description: str | None = Field(
        None, description="what is counted, for readers", examples=["granted at once or after a hearing"]
    )

    @model_validator(mode="after")
    def _one_kind(self) -> MeasureEntry:
        if sum(x is not None for x in (self.cases, self.ratio, self.emptied)) != 1:
            raise ValueError("a measure is given by exactly one of cases, ratio, emptied")
        if (self.split is None) != (self.within is None):
            raise ValueError("split and within belong together")
        return self


class WorkflowFile(Entry):
    """A workflow file."""

    workflow: Name = Field(description="the name by which it is known in results and logs", examples=["permits"])
    extends: Name | None = Field(
        None,
        description="name of a built-in workflow, or path of a file, that this one changes",
        examples=["permits.yaml"],
    )
    description: str | None = Field(
        None, description="what it is about, for readers", examples=["Applications for a permit."]
    )
    sources: dict[str, str] = Field(
        default_factory=dict,
        description="what each `source:` stands for; if given, every `source:` begins with one of these keys",
        examples=[{"act": "Permit Act of 2019"}],
    )
    facts: dict[str, FieldEntry] = Field(
        default_factory=dict, description="attributes that do not change while a case runs"
    )
    record: dict[str, FieldEntry] = Field(
        default_factory=dict, description="attributes that change: booleans, enums and whole numbers"
    )
    assume: list[Condition] = Field(
        default_factory=list,
        description="what the facts of every case keep to: proofs rely on it, scenarios are checked against it",
        examples=[['implies(ground == "work", age >= 16)']],
    )
    define: dict[str, Any] = Field(
        default_factory=dict,
        description="named expressions, for use in conditions and in each other",
        examples=[{"eligible": 'age >= 18 and ground != "none"'}],
    )
    activities: dict[str, ActivityEntry | None] = Field(
        default_factory=dict, description="work that a case waits for, and what it may find"
    )
    states: dict[str, StateEntry] = Field(min_length=1, description="where a case can be")
    transitions: list[TransitionEntry] = Field(
        default_factory=list, description="moves that a case may make; the first whose guard holds is taken"
    )
    entry: BeginningEntry = Field(description="how a case may begin")
    events: dict[str, EventEntry] = Field(default_factory=dict, description="what may happen to a case from outside")
    rules: list[RuleEntry] = Field(default_factory=list, description="policy rules that every history must keep")
    measures: list[MeasureEntry] = Field(default_factory=list, description="counts of cases for the results")
    remove: list[Name] = Field(
        default_factory=list,
        description="with `extends`: transitions, rules or measures of the base that are taken out",
        examples=[["remind"]],
    )
