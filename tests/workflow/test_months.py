"""Months, years and ages in conditions: three readings and a plain reference agree, also on leap days."""

import calendar
import datetime as dt
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from workflow import load_workflow
from workflow.predicates import Field, Namespace, parse, scalar, substitute, unparse, vector
from workflow.predicates.symbolic import Symbols, symbolic
from workflow.proving.prove import prove

z3 = pytest.importorskip("z3")

FIELDS = {name: Field(name, "date", "fact") for name in ("born", "on")}
NAMESPACE = Namespace(FIELDS)


def shifted(day, months):
    """Return the same day of another month, or its last day: the reference."""
    year, month = divmod(12 * day.year + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def completed(born, on):
    """Return the largest n with `born` plus n years not after `on`: the reference."""
    n = on.year - born.year
    return n if shifted(born, 12 * n) <= on else n - 1


def days_around(year):
    """Draw days near the end of a month, leap days among them."""
    ends = st.builds(dt.date, year, st.integers(1, 12), st.just(1)).flatmap(
        lambda first: st.integers(-3, 2).map(lambda n: first + dt.timedelta(n))
    )
    leap_days = year.map(lambda y: dt.date(y, 2, 29) if calendar.isleap(y) else dt.date(y, 2, 28))
    return ends | leap_days | st.builds(dt.date, year, st.integers(1, 12), st.integers(1, 28))


DAYS = days_around(st.sampled_from([1600, 1899, 1900, 1996, 2000, 2023, 2024, 2100, 2400]) | st.integers(1000, 9000))


def readings(text, values, kind="integer"):
    """Return the value of an expression in the scalar, the vector and the symbolic reading, and folded."""
    expression = parse(text, NAMESPACE, kind)
    assert parse(unparse(expression), NAMESPACE, kind) == expression
    symbols = Symbols(FIELDS)
    pairs = [(symbols.values[name], symbols.term(FIELDS[name], value)) for name, value in values.items()]
    term = z3.simplify(z3.substitute(symbolic(expression, symbols), *pairs))
    columns = {name: np.array([value], "datetime64[D]") for name, value in values.items()}
    return [
        scalar(expression, list(values), [])(list(values.values()), []),
        vector(expression, columns)[0].item(),
        z3.is_true(term) if z3.is_bool(term) else term.as_long(),
        scalar(substitute(expression, values), [], [])([], []),
    ]


@settings(max_examples=examples(40), deadline=None)
@given(DAYS, DAYS, st.integers(-40, 40) | st.sampled_from([-1200, -12, 12, 48, 216, 1200]))
def test_the_readings_of_months_and_years_agree_with_a_plain_reference(born, on, months):
    """Also for leap days, ends of months and of years, and negative numbers."""
    values = {"born": born, "on": on}
    assert readings("year(on)", values) == [on.year] * 4
    assert readings("age(born, on)", values) == [completed(born, on)] * 4
    later = shifted(on, months)
    assert readings(f'on + months({months}) == date("{later}")', values, "boolean") == [True] * 4
    assert readings(f'on - months({-months}) <= date("{later - dt.timedelta(1)}")', values, "boolean") == [False] * 4
    assert readings(f"on + months({months}) <= born", values, "boolean") == [later <= born] * 4
    assert readings(f"born + years({months}) <= on - days(1)", values, "boolean") == (
        [shifted(born, 12 * months) <= on - dt.timedelta(1)] * 4 if 1 <= born.year + months <= 9998 else [months < 0] * 4
    )


@pytest.mark.parametrize(
    ("text", "born", "on", "value"),
    [
        ("age(born, on)", "2004-02-29", "2022-02-27", 17),
        ("age(born, on)", "2004-02-29", "2022-02-28", 18),
        ("age(born, on)", "2004-02-29", "2024-02-28", 19),
        ("age(born, on)", "2004-02-29", "2024-02-29", 20),
        ("age(born, on)", "2006-03-01", "2024-02-29", 17),
        ("age(born, on)", "2024-01-02", "2024-01-01", -1),
        ("year(on)", "2024-01-01", "2024-12-31", 2024),
        ("year(on + days(1))", "2024-01-01", "2024-12-31", 2025),
        ("year(on + years(1))", "2024-01-01", "9999-12-31", 10_000),
        ("year(max(born, on) + months(1))", "2024-01-01", "2024-12-31", 2025),
    ],
)
def test_ages_and_years_by_hand(text, born, on, value):
    """Who was born on a leap day completes a year on 28 February, except in leap years."""
    values = {"born": dt.date.fromisoformat(born), "on": dt.date.fromisoformat(on)}
    assert readings(text, values) == [value] * 4


def test_months_are_added_from_left_to_right():
    """31 January plus a month plus a month is 29 March."""
    values = {"on": dt.date(2024, 1, 31), "born": dt.date(2024, 1, 31)}
    assert readings('on + months(1) + months(1) == date("2024-03-29")', values, "boolean") == [True] * 4
    assert readings('on + months(2) == date("2024-03-31")', values, "boolean") == [True] * 4
    assert readings('on + (months(1) if born < on else years(1)) == date("2025-01-31")', values, "boolean") == [True] * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("on - born <= months(3)", "months differ in length, so add them to a date and compare dates"),
        ("on + months(1.5) < born", "'months' cannot take a number; write months(6)"),
        ("months(200000) + on < born", "'months(200000)' is too long; at most 120,000 months"),
        ("months(2) + on < born", "write on + months(2)"),
        ("age(born) > 3", "'age' cannot take a date; write age(born, on)"),
        ("year(2024) > 3", "'year' cannot take a whole number; write year(d)"),
    ],
)
def test_a_wrong_use_is_explained(text, message):
    """With what to write instead."""
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text, NAMESPACE)


ADULTS = {
    "workflow": "adults",
    "facts": {"born": {"type": "date"}, "filed": {"type": "date"}, "decided": {"type": "date"}},
    "entry": {"states": ["new"]},
    "states": {"new": {}, "admitted": {"final": True}, "rejected": {"final": True}},
    "transitions": [
        {
            "transition": "admit",
            "from": "new",
            "to": "admitted",
            "when": "age(born, filed) >= 18 and decided <= filed + months(6)",
        },
        {"transition": "reject", "from": "new", "to": "rejected"},
    ],
    "rules": [
        {"rule": "no minors", "never": "admit", "if": "age(born, filed) < 16"},
        {"rule": "nobody of 18", "never": "admit", "if": "age(born, filed) == 18"},
        {"rule": "nobody after half a year", "never": "admit", "if": "decided > filed + years(1)"},
        {"rule": "nothing of 2012", "never": "admit", "if": 'year(filed) == 2012 and filed < date("2012-01-01")'},
    ],
}


def test_rules_about_months_and_ages_are_proved_and_broken():
    """Exactly, over all dates of the calendar; a counterexample is a case of the plain reference."""
    workflow = load_workflow(ADULTS)
    proof = prove(workflow, workflow.rules, seconds=120)
    verdicts = {verdict.rule.name: verdict for verdict in proof.verdicts}
    assert {name: verdict.decision for name, verdict in verdicts.items()} == {
        "no minors": "proved",
        "nobody of 18": "broken",
        "nobody after half a year": "proved",
        "nothing of 2012": "proved",
    }
    facts = verdicts["nobody of 18"].history.facts
    assert completed(facts["born"], facts["filed"]) == 18
    assert facts["decided"] <= shifted(facts["filed"], 6)
