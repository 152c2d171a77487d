"""Valid rule files: how they are read."""

from pathlib import Path

import pytest

from workflow import load_workflow
from workflow.errors import InputError
from workflow.loading.rule_files import load_rules
from workflow.predicates import unparse

PERMITS = Path(__file__).parents[1] / "bad" / "base" / "permits.yaml"


def read(**entry):
    """Read one rule against the small workflow."""
    return load_rules({"workflow": str(PERMITS), "rules": [{"rule": "a rule", **entry}]})[1][0]


def mistakes(*entries):
    """Return the messages for invalid rules against the small workflow."""
    with pytest.raises(InputError) as caught:
        load_rules({"workflow": str(PERMITS), "rules": list(entries)})
    return [p.message for p in caught.value.problems]


def test_a_condition_prints_past_operators_with_normal_spacing():
    """Reports print a past operator in one form, whatever spacing the file has."""
    rule = read(never='finding == "fit" and not once( grant ) and since(call,\n close)')
    assert unparse(rule.condition) == 'finding == "fit" and not once(grant) and since(call, close)'


def test_each_value_of_the_past_operators_has_its_own_condition():
    """The rest of the condition applies where the past operator holds; elsewhere nothing is forbidden."""
    automaton = read(never="counsel and once(grant)").automaton
    grant = automaton.step(0, 1)
    assert [unparse(automaton.forbidden[q]) for q in (0, grant)] == ["false", "counsel"]


def test_an_operator_within_quotes_is_a_string():
    """``once(grant)`` in quotes is a string, and not a value of the enum."""
    messages = mistakes({"rule": "a rule", "never": 'ground == "once(grant)"'})
    assert messages == ["rule 'a rule': never: 'once(grant)' is not a value of ground; allowed: 'none', 'work', 'family'"]


def test_names_are_joined_by_or_across_lines():
    """A bar, the word or, and a line break between them are accepted."""
    assert read(never="grant\n or refuse | call").step_names == {"grant", "refuse", "call"}


def test_both_keys_may_have_the_same_name_if_a_condition_distinguishes_them():
    """A review that ends with "unfit" requires another review."""
    assert read(after="review", then="review", **{"if": 'finding == "unfit"'}).template == "after"


def test_a_given_workflow_replaces_the_named_one():
    """Rules that name a base workflow can be checked on a variant."""
    workflow = load_workflow(PERMITS)
    assert load_rules({"workflow": "nowhere.yaml", "rules": [{"rule": "r", "never": "grant"}]}, workflow)[0] is workflow


def test_a_value_of_the_wrong_type_does_not_hide_other_mistakes():
    """A number for a length of time and a misspelt name in the same rule give two messages."""
    messages = mistakes({"rule": "a rule", "after": "reviw", "then": "grant", "within": 90})
    assert len(messages) == 2


def test_past_operators_may_contain_eight_names_and_not_ten():
    """An automaton doubles with each name, so there is a limit."""
    words = ["review", "grant", "call", "refuse", "close", "reopen", "tip", "notice"]
    eight = " and ".join(f"once({word})" for word in words)
    assert len(read(never=eight).automaton.patterns) == 8
    assert "at most 8" in mistakes({"rule": "a rule", "never": f"{eight} and once({{of: call, if: counsel}})"})[0]
