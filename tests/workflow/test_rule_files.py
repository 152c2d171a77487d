"""Rule files that are right, and what becomes of them."""

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
    """Return what is wrong with some rules against the small workflow."""
    with pytest.raises(InputError) as caught:
        load_rules({"workflow": str(PERMITS), "rules": list(entries)})
    return [p.message for p in caught.value.problems]


def test_a_condition_shows_the_past_as_it_was_written():
    """Reports name an operator over the past by its own text, however it was spaced."""
    rule = read(never='finding == "fit" and not once( grant ) and since(call,\n close)')
    assert unparse(rule.condition) == 'finding == "fit" and not once(grant) and since(call, close)'


def test_each_answer_over_the_past_has_its_own_condition():
    """Where the operators hold, the rest of the condition is asked; where not, nothing is bad."""
    automaton = read(never="counsel and once(grant)").automaton
    grant = automaton.step(0, 1)
    assert [unparse(automaton.forbidden[q]) for q in (0, grant)] == ["false", "counsel"]


def test_an_operator_within_quotes_is_a_text():
    """``once(grant)`` in quotes is no operator, and no value of the enumeration."""
    found = mistakes({"rule": "a rule", "never": 'ground == "once(grant)"'})
    assert found == ["rule 'a rule': never: 'once(grant)' is not a value of ground; allowed: 'none', 'work', 'family'"]


def test_names_are_joined_by_or_across_lines():
    """A bar, the word or, and a line break between them are all read."""
    assert read(never="grant\n or refuse | call").step_names == {"grant", "refuse", "call"}


def test_the_same_name_is_fine_where_a_condition_tells_them_apart():
    """After a review that finds a case unfit, another review: the two are not the same."""
    assert read(after="review", then="review", **{"if": 'finding == "unfit"'}).template == "after"


def test_a_workflow_given_goes_before_the_one_named():
    """A variant can be checked with rules that name its base."""
    workflow = load_workflow(PERMITS)
    assert load_rules({"workflow": "nowhere.yaml", "rules": [{"rule": "r", "never": "grant"}]}, workflow)[0] is workflow


def test_a_rule_of_wrong_shape_does_not_hide_what_is_wrong_in_it():
    """A number for a length of time and a misspelt name in the same rule are two messages."""
    found = mistakes({"rule": "a rule", "after": "reviw", "then": "grant", "within": 90})
    assert len(found) == 2


def test_eight_names_of_the_past_are_followed_and_ten_are_not():
    """An automaton doubles with each name, so there is a limit."""
    words = ["review", "grant", "call", "refuse", "close", "reopen", "tip", "notice"]
    eight = " and ".join(f"once({word})" for word in words)
    assert len(read(never=eight).automaton.patterns) == 8
    assert "at most 8" in mistakes({"rule": "a rule", "never": f"{eight} and since(call, tip)"})[0]
