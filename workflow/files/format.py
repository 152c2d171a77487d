"""The format of workflow files: the keys of each entry, and the types of their values.

`workflow.loading` checks what the names mean. The JSON Schemas and the format pages in ``docs/reference`` are
generated from these models.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from workflow.files.validation import Condition, Entry, Name, Names, Title, Words, format_value

Value = bool | int | float | str | dt.date


def _length(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"must be a length of time such as '90 days' or '10 working days', not {format_value(value)}")


def _log_names(value: object) -> list[str]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(f"must be a name in a log, or a list of names, not {format_value(value)}")
    return [str(name) for name in names]


LogNames = Annotated[
    list[str],
    BeforeValidator(_log_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _count(value: object) -> int | str:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"must be a whole number, or the name of a fact that is one, not {format_value(value)}")


Count = Annotated[int | str, BeforeValidator(_count), WithJsonSchema({"type": ["integer", "string"]})]
Length = Annotated[str, BeforeValidator(_length), WithJsonSchema({"type": "string"})]


def _description(meaning: str, example: str) -> Any:
    return Field(None, description=f"{meaning}, for readers", examples=[example])


def _source(example: str, where: str = "a key of `sources:`, with a place in it") -> Any:
    return Field(None, description=where, examples=[example])


def _title(example: str) -> Any:
    description = "its title in sentences, tables, figures and maps; default: the name as words"
    return Field(None, description=description, examples=[example])


class FieldEntry(Entry):
    """A fact or a record field. Its keys are those of JSON Schema."""

    type: Literal["boolean", "integer", "number", "date"] | None = Field(
        None, description="kind of value; or give `enum`", examples=["integer"]
    )
    enum: list[Any] | None = Field(
        None, description="the allowed values, in order; give this or `type`", min_length=1, examples=[["none", "work", "family"]]
    )
    minimum: int | float | dt.date | None = Field(None, description="least value; required for a whole number", examples=[0])
    maximum: int | float | dt.date | None = Field(None, description="greatest value; required for a whole number", examples=[110])
    default: Value | None = Field(
        None,
        description="value of a case that has no other; by default: missing if `optional`, else `none` if the enum has it,"
        " `false`, the minimum, or the first value",
        examples=[True],
    )
    optional: bool = Field(
        False, description="whether the value may be missing; only for facts; a condition must first test `is not None`"
    )
    title: Title | None = _title("purpose")
    titles: dict[bool | int | str, Title] = Field(
        default_factory=dict,
        description="titles of its values, which are those of groups of cases; default: the values",
        examples=[{"work": "to work"}],
    )
    description: str | None = _description("what the value means", "all papers are in the file")
    source: str | None = _source("act section 4", "where it comes from: a key of `sources:`, with a place in it")


class ActivityEntry(Entry):
    """Work that a case waits for, and its possible results."""

    gives: dict[str, list[Any]] | None = Field(
        None,
        description="record fields, each with the values that the work may write to it; the scenario gives their probabilities",
        examples=[{"decision": ["grant", "refuse"]}],
    )
    title: Title | None = _title("a decision on the file")
    description: str | None = _description("what is done", "a clerk reads the file and decides")
    source: str | None = _source("practice")


class StateEntry(Entry):
    """A state of a case: exactly one of activity, instant, resting, final."""

    activity: Name | None = Field(None, description="the work done in this state", examples=["examine"])
    instant: Literal[True] | None = Field(None, description="left immediately on entry; an empty entry `{}` means the same")
    resting: Literal[True] | None = Field(None, description="left only on an event")
    final: Literal[True] | None = Field(None, description="never left: the case has ended")
    title: Title | None = _title("Permit held")
    description: str | None = _description("what it means to be here", "the permit is held")
    source: str | None = _source("act section 7")

    @model_validator(mode="after")
    def _one_kind(self) -> StateEntry:
        given = [k for k in ("activity", "instant", "resting", "final") if getattr(self, k) is not None]
        if len(given) > 1:
            raise ValueError(f"a state is of one kind, but {' and '.join(given)} are given")
        return self


class TransitionEntry(Entry):
    """A move that a case may make. Transitions are tried in the order of the file."""

    transition: Name = Field(description="its name in rules, measures and logs", examples=["grant"])
    from_: Names = Field(alias="from", description="the state or states it leaves", examples=[["waiting", "hearing"]])
    to: Name | None = Field(
        None,
        description="the state it leads to; without it, the case stays in its state (only with `event`)",
        examples=["granted"],
    )
    when: Condition | None = Field(
        None,
        description="guard over facts, record and definitions; without it, the transition is always enabled",
        examples=['complete and eligible and decision == "grant"'],
    )
    event: Names | None = Field(
        None,
        description="tried when one of these events happens; without it: when the activity completes, or on entry to an"
        " instant state",
        examples=["withdrawal"],
    )
    at: Literal["entry"] | None = Field(
        None, description="tried on entry to a state with an activity, before the case waits for its work"
    )
    set: dict[str, Any] | None = Field(
        None,
        description="values written to the record; `name + 1` increments a whole number up to its maximum",
        examples=[{"reminders": "reminders + 1"}],
    )
    after: Name | None = Field(
        None,
        description="with `extends`: the transition of the base that this new one follows; by default, it comes last",
        examples=["grant"],
    )
    log_name: LogNames | None = Field(
        None, description="what logs of other systems call it, for audits: a string or a list", examples=["application returned"]
    )
    description: str | None = _description("what the move means", "the applicant gives up")
    source: str | None = _source("act section 7", "statute, memo or report: a key of `sources:`, with a place in it")


class EventEntry(Entry):
    """Something that happens to a case from outside the workflow."""

    while_: Any = Field(
        alias="while",
        description="the states in which it has an effect, or `any`: every state that is neither final nor instant",
        examples=[["waiting", "hearing"], "any"],
    )
    when: Condition | None = Field(None, description="condition under which it has an effect", examples=["not moved_away"])
    set: dict[str, Any] | None = Field(None, description="values written to the record", examples=[{"moved_away": True}])
    gives: dict[str, list[Any]] | None = Field(
        None,
        description="record fields, each with the values that it may write to it; the scenario gives their probabilities",
        examples=[{"check": ["clear", "hit"]}],
    )
    log_name: LogNames | None = Field(
        None, description="what logs of other systems call it, for audits: a string or a list", examples=[["moved", "left"]]
    )
    description: str | None = _description("what happens", "the applicant leaves the district")
    source: str | None = _source("practice")

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


class TemplateKeys(NamedTuple):
    """The keys of a rule template, besides the key that selects it.

    Attributes
    ----------
    partner : str or None
        The key that must accompany the selecting key.
    options : tuple of str
        Further keys that only this template takes.
    """

    partner: str | None = None
    options: tuple[str, ...] = ()


TEMPLATE_KEYS = {
    "never": TemplateKeys(options=("giving", "together_with")),
    "before": TemplateKeys("needs", ("since", "once", "how")),
    "after": TemplateKeys("then", ("within", "calendar", "how", "fair")),
    "eventually": TemplateKeys(options=("fair",)),
    "at_least": TemplateKeys("of", ("since", "per", "calendar")),
    "at_most": TemplateKeys("of", ("since", "per", "calendar")),
    "exactly": TemplateKeys("of", ("since",)),
}
"""The rule templates by the keys that select them."""


def keys_with(key: str) -> list[str]:
    """Return the keys that select a template which takes a key."""
    return [selecting for selecting, keys in TEMPLATE_KEYS.items() if key == keys.partner or key in keys.options]


def _required_keys() -> dict[str, Any]:
    """Return, for JSON Schema, which keys of a rule exclude or require each other."""
    dependent = {key: [keys.partner] for key, keys in TEMPLATE_KEYS.items() if keys.partner}
    others = {key for keys in TEMPLATE_KEYS.values() for key in (keys.partner, *keys.options) if key}
    one = {key: keys_with(key) for key in sorted(others)}
    return {
        "oneOf": [{"required": [key]} for key in TEMPLATE_KEYS],
        "dependentRequired": dependent | {key: owners for key, owners in one.items() if len(owners) == 1},
        "dependentSchemas": {
            key: {"anyOf": [{"required": [owner]} for owner in owners]} for key, owners in one.items() if len(owners) > 1
        },
    }


class RuleEntry(Entry):
    """A policy rule, named by a sentence."""

    model_config = ConfigDict(json_schema_extra=_required_keys())

    rule: Name = Field(
        description="the rule as a sentence, which is its name everywhere",
        examples=["nobody whose papers are incomplete gets a permit"],
    )
    never: Any = Field(
        None,
        description="what must never happen: transitions or events; or a condition that must never hold, with the past"
        " operators `once(t)`, `since(t, u)`, `before(t, u)`",
        examples=["grant or allow", 'once(refuse) and state != "refused"'],
    )
    together_with: Words | None = Field(
        None, description="with `never`: not both of them may happen to one case", examples=["refuse or uphold"]
    )
    before: Words | None = Field(None, description="this may happen only after `needs`", examples=["allow or uphold"])
    needs: Words | None = Field(
        None,
        description="with `before`: one of these must have happened",
        examples=["examine", {"of": "examine", "giving": 'decision == "grant"'}],
    )
    since: Words | None = Field(
        None,
        description="with `before`: after each of these, `needs` is required again; with `at_most`, `at_least` and `exactly`:"
        " after each, counting begins again",
        examples=["reopen"],
    )
    once: Words | None = Field(
        None, description="with `before`: `needs` is required only after one of these, and again after each", examples=["reopen"]
    )
    after: Words | None = Field(None, description="once this has happened, `then` must follow", examples=["call"])
    then: Words | None = Field(
        None, description="with `after`: one of these must happen later", examples=["allow or uphold or withdraw"]
    )
    how: Literal["directly", "each time"] | None = Field(
        None,
        description="with `after` and `before`: `directly` means in the next row (or the one before); `each time` means that"
        " each one needs its own",
        examples=["directly", "each time"],
    )
    eventually: Any = Field(
        None,
        description="what every case must come to: transitions or events, one of which must happen; or a condition that must hold"
        " at its start or after a step",
        examples=["allow or uphold or withdraw", 'state in ("granted", "refused")'],
    )
    fair: Names | None = Field(
        None,
        description="with `eventually` and `after`: events that cannot stay away forever. With this key, `after` is also broken by"
        " a case that rests or goes round forever; `none` names no event",
        examples=["new_facts", ["withdrawal", "new_facts"]],
    )
    within: Length | None = Field(
        None,
        description="with `after`: the time limit. Minutes and hours are elapsed time; days, weeks, months, years and working"
        " days run to the end of the last day",
        examples=["180 days", "10 working days"],
    )
    calendar: Any = Field(
        None,
        description="with `within` or `per` in working days: `weekdays` (Monday to Friday), a country whose holidays do not count,"
        " a name from `calendars:`, or a mapping with `days`, `holidays`, `closed` and `open`",
        examples=["US-CO", {"days": "mon-fri", "holidays": "US", "closed": [dt.date(2024, 12, 24)]}],
    )
    at_least: Count | None = Field(
        None,
        description="how often `of` must happen to a case before it ends: from 1 to 100 times, or an expression over facts",
        examples=[1],
    )
    at_most: Count | None = Field(
        None,
        description="how often `of` may happen to one case: from 1 to 100 times, or an expression over facts",
        examples=[1, "3 if age < 18 else 1"],
    )
    exactly: Count | None = Field(
        None, description="how often `of` must happen to a case: from 1 to 100 times, or an expression over facts", examples=[1]
    )
    of: Words | None = Field(None, description="with `at_most`, `at_least` and `exactly`: what is counted", examples=["refuse"])
    per: Length | None = Field(
        None,
        description="with `at_most` and `at_least`: in any time of this length, as `within` counts it",
        examples=["365 days"],
    )
    if_: Condition | None = Field(
        None,
        alias="if",
        description="the rule applies only to steps at which this holds, before their effects",
        examples=["not complete"],
    )
    giving: Condition | None = Field(
        None,
        description="with `never` and transitions: forbidden only if this holds after their effects",
        examples=['state != "granted"'],
    )
    description: str | None = Field(None, description="an explanation, for readers", examples=["The act names no exception."])
    source: str | None = Field(
        None, description="statute, memo or report; in a workflow that lists `sources:`, one of these", examples=["act section 7"]
    )


def _bound(value: object) -> object:
    if isinstance(value, str | dict):
        return {"time": value} if isinstance(value, str) else value
    example = "such as 'at most 60 days', or a mapping such as {time: 20 to 30 days, since: call}"
    raise ValueError(f"must be a bound on time {example}, not {format_value(value)}")


def _or_text(schema: dict[str, Any]) -> None:
    entry = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "string"}, entry]


class BoundEntry(Entry):
    """A bound on time; a text alone is its `time`."""

    model_config = ConfigDict(json_schema_extra=_or_text)

    time: Length = Field(
        description="for a state or an activity: from entering the state to leaving it, waiting included; for an event: from the"
        " start of its clock until it happens",
        examples=["at most 10 working days", "at least 3 days"],
    )
    since: Names | None = Field(
        None,
        description="for an event: the transitions that start its clock; by default, it starts when a case enters the states of"
        " the event",
        examples=["call"],
    )
    calendar: Any = Field(None, description="with `time` in working days: which days count, as for a rule", examples=["office"])


BoundEntries = dict[str, Annotated[BoundEntry, BeforeValidator(_bound)]]


def bounds_field() -> Any:
    """Return the field ``bounds:`` of workflow and rules files."""
    return Field(
        default_factory=dict,
        description="how long cases stay in states, and when events follow; proofs of time limits rely on them",
        examples=[{"hearing": "20 to 160 days"}],
    )


def calendars_field() -> Any:
    """Return the field ``calendars:`` of workflow and rules files."""
    return Field(
        default_factory=dict,
        description="working days by name, for `calendar:` of rules and bounds",
        examples=[{"office": {"days": "mon-fri", "holidays": "US-CO"}}],
    )


class SplitEntry(Entry):
    """One part of the cases of a measure. A case belongs to the first part that applies to it."""

    title: Title | None = Field(None, description="its title, as of a measure", examples=["Won at a hearing"])
    ever: Names | None = Field(None, description="one of these transitions or events has ever happened", examples=["allow"])
    now: Literal["within"] | None = Field(None, description="the case is now in one of the states of `within`")
    left_by: Names | None = Field(
        None, description="the case last left the states of `within` by one of these transitions", examples=["withdraw"]
    )

    @model_validator(mode="after")
    def _one(self) -> SplitEntry:
        if sum(x is not None for x in (self.ever, self.now, self.left_by)) != 1:
            raise ValueError("a part is given by exactly one of ever, now, left_by (or the word rest)")
        return self


class MeasureEntry(Entry):
    """A count of cases for the results. Each case is counted once."""

    measure: Name = Field(description="its name in results", examples=["permits"])
    title: Title | None = Field(
        None, description="its title in sentences, first tables and figures; default: the name", examples=["Permits granted"]
    )
    unit: Title | None = Field(
        None,
        description="what its values count, for tables and axes; default: cases, or nothing for a ratio",
        examples=["permits"],
    )
    cases: Names | None = Field(
        None, description="the cases to which one of these transitions or events has happened", examples=["grant or allow"]
    )
    giving: bool | int | str | dict[Name, bool | int | str] | None = Field(
        None,
        description="with `cases`: only if the outcome was this value; or record fields with their values",
        examples=["hit", {"decision": "grant"}],
    )
    if_: Condition | None = Field(
        None, alias="if", description="only cases whose facts meet this condition", examples=['ground == "work"']
    )
    within: list[Name] | None = Field(None, description="the states that `split` refers to", examples=[["hearing"]])
    split: dict[str, Any] | None = Field(
        None,
        description="parts that add up to the measure, each given by `ever`, `now` or `left_by`; one is `rest`. Each"
        " is also a measure",
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
        None, min_length=2, max_length=2, description="one measure divided by another", examples=[["permits", "examined"]]
    )
    emptied: Name | None = Field(
        None,
        description="the day, counted from the start, on which the last case that began in this state first left it",
        examples=["waiting"],
    )
    description: str | None = _description("what is counted", "granted at once or after a hearing")

    @model_validator(mode="after")
    def _one_kind(self) -> MeasureEntry:
        if sum(x is not None for x in (self.cases, self.ratio, self.emptied)) != 1:
            raise ValueError("a measure is given by exactly one of cases, ratio, emptied")
        if (self.split is None) != (self.within is None):
            raise ValueError("split and within belong together")
        return self


class WorkflowFile(Entry):
    """A workflow file."""

    workflow: Name = Field(description="its name in results and logs", examples=["permits"])
    extends: Name | None = Field(
        None, description="name of a built-in workflow, or path of a file, that this one changes", examples=["permits.yaml"]
    )
    description: str | None = _description("what it is about", "Applications for a permit.")
    sources: dict[str, str] = Field(
        default_factory=dict,
        description="what each `source:` refers to; if given, every `source:` begins with one of these keys",
        examples=[{"act": "Permit Act of 2019"}],
    )
    facts: dict[str, FieldEntry] = Field(default_factory=dict, description="attributes that do not change while a case runs")
    record: dict[str, FieldEntry] = Field(
        default_factory=dict, description="attributes that may change: booleans, enums and whole numbers"
    )
    assume: list[Condition] = Field(
        default_factory=list,
        description="conditions on the facts of every case: proofs rely on them, and scenarios are checked against them",
        examples=[['implies(ground == "work", age >= 16)']],
    )
    define: dict[str, Any] = Field(
        default_factory=dict,
        description="named expressions, for use in conditions and in each other",
        examples=[{"eligible": 'age >= 18 and ground != "none"'}],
    )
    activities: dict[str, ActivityEntry | None] = Field(
        default_factory=dict, description="work that a case waits for, and its possible results"
    )
    states: dict[str, StateEntry] = Field(min_length=1, description="the states of a case")
    transitions: list[TransitionEntry] = Field(
        default_factory=list, description="moves that a case may make; the first whose guard holds is taken"
    )
    entry: BeginningEntry = Field(description="how a case may begin")
    events: dict[str, EventEntry] = Field(default_factory=dict, description="what may happen to a case from outside the workflow")
    calendars: dict[str, Any] = calendars_field()
    bounds: BoundEntries = bounds_field()
    rules: list[RuleEntry] = Field(default_factory=list, description="policy rules that every history must satisfy")
    measures: list[MeasureEntry] = Field(default_factory=list, description="counts of cases for the results")
    remove: list[Name] = Field(
        default_factory=list,
        description="with `extends`: transitions, rules or measures of the base to remove",
        examples=[["remind"]],
    )
