import datetime as dt
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.workflow.strategies import cases, columns, expressions, fields
from workflow.errors import DocketsimError, InputError
from workflow.predicates import (
    Field,
    Mistake,
    Namespace,
    PredicateError,
    fact_parts,
    names,
    parse,
    parse_definitions,
    scalar,
    substitute,
    unparse,
    vector,
)
from workflow.predicates.missing import unguarded
from workflow.predicates.ranges import bounds
from workflow.predicates.tree import And, Constant, Name

CUSTODY = ("released", "detained", "monitored")
FIELDS = {
    field.name: field
    for field in [
        Field("felony_convictions", "integer", "fact", minimum=0, maximum=9),
        Field("misdemeanors", "integer", "fact", minimum=0, maximum=9),
        Field("victim", "boolean", "fact"),
        Field("score", "number", "fact"),
        Field("filed", "date", "fact"),
        Field("as_of", "date", "fact"),
        Field("entered", "date", "fact", optional=True),
        Field("visa", "enum", "fact", ("none", "work", "study"), optional=True),
        Field("account_number", "integer", "fact"),
        Field("custody", "enum", "record", CUSTODY),
        Field("check", "enum", "record", ("none", "cleared", "hit")),
        Field("later_crime", "boolean", "record"),
        Field("waivers", "integer", "record", minimum=0, maximum=2),
    ]
}
FACTS = [name for name, field in FIELDS.items() if field.role == "fact"]
RECORD = [name for name, field in FIELDS.items() if field.role == "record"]
CASE = {
    "felony_convictions": 1,
    "misdemeanors": 3,
    "victim": True,
    "score": 0.5,
    "filed": dt.date(2011, 12, 5),
    "as_of": dt.date(2012, 1, 13),
    "entered": None,
    "visa": None,
    "account_number": 7,
    "custody": "detained",
    "check": "none",
    "later_crime": False,
    "waivers": 2,
}
NAMESPACE = Namespace(FIELDS)


def read(text, expect="any", namespace=NAMESPACE):
    """Parse an expression of any kind."""
    return parse(text, namespace, expect)


def ask(expression, case=CASE, facts=FACTS, record=RECORD):
    """Return the value of an expression for a case."""
    function = scalar(expression, facts, record)
    return function([case[name] for name in facts], [case[name] for name in record])


def mistakes_in(text, expect="boolean", namespace=NAMESPACE):
    """Return the mistakes of an invalid expression."""
    with pytest.raises(PredicateError) as caught:
        parse(text, namespace, expect)
    return caught.value.mistakes


def message_of(text, expect="boolean"):
    """Return the message of an expression with one mistake."""
    (mistake,) = mistakes_in(text, expect)
    return mistake.message


class TestMeaning:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("victim", True),
            ("true", True),
            ("False", False),
            ("not victim or later_crime", False),
            ("custody == 'detained'", True),
            ('custody != "detained"', False),
            ("custody in ('released', 'detained')", True),
            ("custody not in ['released']", True),
            ("'detained' == custody", True),
            ("custody == ('released' if later_crime else 'detained')", True),
            ("felony_convictions > 0", True),
            ("0 < felony_convictions <= misdemeanors < 3", False),
            ("felony_convictions == 1.0", True),
            ("score >= 0.5", True),
            ("score < felony_convictions", True),
            ("felony_convictions + 2 * misdemeanors - 1", 6),
            ("-felony_convictions < 0", True),
            ("felony_convictions > -1", True),
            ("felony_convictions > 1000", False),
            ("min(felony_convictions, misdemeanors, 2)", 1),
            ("max(score, 1)", 1),
            ("abs(felony_convictions - misdemeanors)", 2),
            ("misdemeanors if victim else 0", 3),
            ("implies(victim, later_crime)", False),
            ("implies(not victim, later_crime)", True),
            ("count(victim, later_crime, waivers == 2)", 2),
            ("count(later_crime, victim) >= 1", True),
            ("victim == later_crime", False),
            ("later_crime in (false,)", True),
            ("filed == date('2011-12-05')", True),
            ("filed in (date('2011-12-05'), date('2011-12-06'))", True),
            ("filed + days(39) == as_of", True),
            ("as_of - days(39) in (date('2011-12-05'),)", True),
            ("as_of - filed < days(40)", True),
            ("as_of - filed", 39),
            ("as_of - filed - days(9)", 30),
            ("abs(filed - as_of) == days(39)", True),
            ("filed + days(1)", dt.date(2011, 12, 6)),
            ("max(filed, as_of)", dt.date(2012, 1, 13)),
            ("max(filed + days(1), as_of) > filed", True),
            ("custody", "detained"),
            ("entered is None", True),
            ("entered is not None and entered < filed", False),
            ("entered is None or entered < filed", True),
            ("implies(entered is not None, entered < filed)", True),
            ("not (entered is None) and entered < filed", False),
            ("entered < filed if entered is not None else victim", True),
            ("visa is None or visa == 'work'", True),
            ("victim\n  and\tnot later_crime", True),
            ("victim and\r\n not later_crime", True),
        ],
    )
    def test_scalar_and_vector_give_the_value(self, text, value):
        """Both readings of each construct give the documented value."""
        expression = read(text)
        result = ask(expression)
        assert result == value
        assert type(result) is type(value)
        array = vector(expression, *columns([CASE, CASE], FIELDS.values()))
        assert array.shape == (2,)
        as_array = expression.values.index(value) if expression.kind == "enum" else value
        assert array[0] == (np.datetime64(value, "D") if isinstance(value, dt.date) else as_array)

    def test_sums_of_days_may_pass_the_end_of_the_calendar(self):
        """A sum of days beyond the year 9999, which often stands for "no end", can still be compared."""
        case = CASE | {"filed": dt.date(9999, 12, 31), "as_of": dt.date.min}
        expression = read("filed + days(30) > as_of - days(30) and as_of - days(1) in (date('0001-01-01'),)")
        assert ask(expression, case) is False
        assert not vector(expression, *columns([case], FIELDS.values()))[0]
        assert ask(read("filed + days(30) > as_of - days(30)"), case) is True

    def test_a_scalar_condition_gives_a_real_bool(self):
        """Guards are compared with ``== True``, so a truthy value of another type would fail."""
        for text in ("victim", "count(victim) > 0", "waivers", "implies(victim, true)"):
            assert type(ask(read(text))) in (bool, int)
        assert ask(read("victim and custody == 'detained'")) is True

    def test_the_scalar_reading_names_an_unknown_field(self):
        """A field that is in neither sequence is reported when the function is compiled."""
        with pytest.raises(ValueError, match="'victim', which is neither"):
            scalar(read("victim"), [], ["custody"])

    def test_the_scalar_function_has_no_builtins(self):
        """The compiled function has access only to the builtins that it needs."""
        function = scalar(read("victim"), FACTS, RECORD)
        assert function.__globals__["__builtins__"] == {}

    def test_narrow_columns_do_not_overflow(self):
        """Integers of 8 bits are widened before they are added."""
        column = {"misdemeanors": np.array([100, 9], np.int8)}
        assert vector(read("misdemeanors + misdemeanors"), column).tolist() == [200, 18]
        assert vector(read("misdemeanors < 1000"), column).tolist() == [True, True]

    def test_floats_of_32_bits_are_widened(self):
        """A column of narrow floats is compared as Python compares its values."""
        column = {"score": np.array([0.1], np.float32)}
        assert vector(read("score == 0.1"), column).tolist() == [float(np.float32(0.1)) == 0.1]

    def test_a_constant_has_the_length_of_the_columns(self):
        """An expression without fields still gives a value for each case."""
        assert vector(read("true"), {"victim": np.zeros(3, bool)}).tolist() == [True] * 3
        assert vector(read("1 + 1"), {}, length=2).tolist() == [2, 2]

    def test_no_cases_give_an_empty_array(self):
        """Columns of length 0 give an array of length 0."""
        assert vector(read("victim and score > 1"), *columns([], FIELDS.values())).shape == (0,)

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({}, "number of cases"),
            ({"later_crime": np.zeros(2, bool)}, "'victim', which has no column"),
            ({"later_crime": np.zeros(2, bool), "victim": np.zeros(3, bool)}, r"shape \(3,\), not \(2,\)"),
        ],
    )
    def test_the_vector_reading_names_a_wrong_column(self, columns, message):
        """A missing column, or one of another length, is named."""
        with pytest.raises(ValueError, match=message):
            vector(read("victim"), columns)

    def test_the_stored_value_at_a_missing_value_is_ignored(self):
        """A column may contain any integer, string or date where the value is missing."""
        expression = read("visa is not None and visa == 'work'")
        truth = vector(expression, {"visa": np.array([1, 1, -99])}, {"visa": np.array([False, True, True])})
        assert truth.tolist() == [True, False, False]


class TestTree:
    def test_offsets_count_characters_and_do_not_affect_equality(self):
        """Offsets count characters, not bytes, and equal conditions at different offsets are equal."""
        namespace = Namespace({**FIELDS, "word": Field("word", "enum", "fact", ("größer", "b"))})
        expression = parse("word == 'größer' and victim", namespace)
        victim = expression.operands[1]
        assert (victim.start, victim.end) == (21, 27)
        assert victim == parse("victim", namespace)
        assert hash(victim) == hash(parse("victim", namespace))

    def test_each_node_has_a_kind(self):
        """Each node has the kind of its value."""
        kinds = {
            text: read(text).kind for text in ("victim", "waivers", "score", "custody", "filed", "as_of - filed", "max(1, score)")
        }
        assert [*kinds.values()] == ["boolean", "integer", "number", "enum", "date", "days", "number"]

    def test_true_is_not_one(self):
        """Constants of different kinds differ, even if Python considers their values equal."""
        assert read("true") != read("1")
        assert read("1") != read("1.0")

    def test_a_finite_field_lists_its_values(self):
        """The missing value comes last."""
        assert FIELDS["victim"].domain() == (False, True)
        assert FIELDS["waivers"].domain() == (0, 1, 2)
        assert FIELDS["visa"].domain() == ("none", "work", "study", None)

    @pytest.mark.parametrize(
        "field",
        [FIELDS["score"], FIELDS["filed"], FIELDS["account_number"], Field("n", "integer", "fact", minimum=0, maximum=10**9)],
    )
    def test_a_field_with_too_many_values_has_no_list(self, field):
        """The error names the field."""
        with pytest.raises(InputError, match=field.name):
            field.domain()

    def test_expect_number(self):
        """`expect_number` accepts whole numbers and decimal numbers only."""
        assert read("2 * waivers", "number").kind == "integer"
        assert read("score", "number").kind == "number"
        assert message_of("victim", "number") == "a number is needed here, but 'victim' is true or false"
        assert message_of("filed", "number") == "a number is needed here, but 'filed' is a date"


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "offset", "message"),
        [
            ("felony_convictons > 0", 0, "unknown name 'felony_convictons'. Did you mean 'felony_convictions'?"),
            ("custody == 'detaned'", 11, "'detaned' is not a value of custody; allowed: 'released', 'detained', 'monitored'. Did you mean 'detained'?"),
            ("custody in ('released', 'xyz')", 24, "'xyz' is not a value of custody; allowed: 'released', 'detained', 'monitored'"),
            ("custody == detained", 11, "unknown name 'detained'. Did you mean custody == 'detained'? A value needs quotes"),
            ("custody = 'detained'", 8, "'=' is not an operator here; write '=='"),
            ("victim && later_crime", 7, "'&&' is not an operator here; write 'and'"),
            ("victim || later_crime", 7, "'||' is not an operator here; write 'or'"),
            ("victim & later_crime", 0, "'&' is not an operator here; write 'and'"),
            ("victim | later_crime", 0, "'|' is not an operator here; write 'or'"),
            ("!victim", 0, "'!' is not an operator here; write 'not'"),
            ("~victim", 0, "'~' is not an operator here; write 'not'"),
            ("victim AND later_crime", 7, "'AND' is not an operator here; write 'and'"),
            ("NOT victim", 0, "'NOT' is not an operator here; write 'not'"),
            ("custody <> 'detained'", 8, "'<>' is not an operator here; write '!='"),
            ("waivers => 1", 8, "'=>' is not an operator here; write '>='"),
            ("waivers BETWEEN 1", 8, "'BETWEEN' is not an operator here; write 'low <= x <= high'"),
            ("entered == null", 11, "unknown name 'null'; test for a missing value with 'x is None'"),
            ("victim == TRUE", 10, "unknown name 'TRUE'. Did you mean 'true'?"),
            ("felony_convictions and victim", 0, "'felony_convictions' is a whole number, not true or false; write felony_convictions > 0"),
            ("not custody", 4, "'custody' is one of 'released', 'detained', 'monitored', not true or false; write custody == \"released\""),
            ("score", 0, "'score' is a number, not true or false; write score > 0"),
            ("filed or victim", 0, "'filed' is a date, not true or false; write filed <= date(\"2011-12-05\")"),
            ("as_of - filed", 0, "'as_of - filed' is a length of time, not true or false; write as_of - filed >= days(30)"),
            ("'detained'", 0, "\"'detained'\" is a string, not true or false; compare a field with it"),
            ("filed < '2012-01-13'", 0, "'filed' (a date) and \"'2012-01-13'\" (a string) cannot be compared; write date(\"2012-01-13\")"),
            ("'tomorrow' > filed", 0, "\"'tomorrow'\" (a string) and 'filed' (a date) cannot be compared; write date(\"2011-12-05\"), with year, month and day"),
            ("waivers == '2'", 0, "'waivers' (a whole number) and \"'2'\" (a string) cannot be compared; write 2 without quotes"),
            ("victim == 1", 0, "'victim' (true or false) and '1' (a whole number) cannot be compared; write victim or not victim"),
            ("victim == 'yes'", 0, "'victim' (true or false) and \"'yes'\" (a string) cannot be compared; write victim or not victim"),
            ("as_of - filed > 30", 0, "'as_of - filed' (a length of time) and '30' (a whole number) cannot be compared; write days(30)"),
            ("'a' == 'b'", 0, "\"'a'\" (a string) and \"'b'\" (a string) cannot be compared; one of the two must be a field"),
            ("custody == check", 0, "'custody' (one of 'released', 'detained', 'monitored') and 'check' (one of 'none', 'cleared', 'hit') cannot be compared; both must list the same values in the same order"),
            ("custody < 'released'", 0, "'custody' is one of 'released', 'detained', 'monitored', which has no order; write ==, != or in (...)"),
            ("victim < later_crime", 0, "'victim' is true or false, which has no order; write ==, != or in (...)"),
            ("account_number + 1 < score", 0, "'account_number + 1' (a whole number) and 'score' (a number) cannot be compared; give the fields of the whole number a minimum and a maximum within 2**53"),
            ("account_number * 4096 > 0", 0, "'account_number * 4096' can become larger than 2**62; give its fields a narrower minimum and maximum"),
            ("entered < filed", 0, "'entered' may be missing; write entered is not None and ..."),
            ("entered is not None or entered < filed", 23, "'entered' may be missing; write entered is not None and ..."),
            ("filed is None", 0, "'filed' is never missing (it is not declared optional), so this is always false"),
            ("filed is not None", 0, "'filed' is never missing (it is not declared optional), so this is always true"),
            ("entered == None", 0, "nothing equals None; write 'entered is None' or 'entered is not None'"),
            ("waivers is 3", 0, "'is' only tests for None (x is None); write waivers == 3"),
            ("custody is not 'detained'", 0, "'is not' only tests for None (x is None); write custody != 'detained'"),
            ("(waivers + 1) is None", 0, "only a field can be missing, and 'waivers + 1' is not a field"),
            ("None", 0, "None is allowed only after 'is' or 'is not': x is None"),
            ("custody == “detained", 11, "the character '“' is not allowed outside quotes; write a plain quote, ' or \""),
            ("waivers ≥ 1", 8, "the character '≥' is not allowed outside quotes; write >="),
            ("victim # why", 7, "the character '#' is not allowed outside quotes; names and operators use ASCII letters and signs"),
            ("victim\x00", 6, "the character '\\x00' is not printable; remove it"),
            ("custody == '\ud800'", 12, "the character '\\ud800' is not printable; remove it"),
            ("score + 1 > 2", 0, "numbers with decimals can only be compared, because arithmetic rounds them: score + 1; use whole numbers"),
            ("waivers % 2 == 0", 0, "'waivers % 2' cannot be computed; use + - * on whole numbers; instead of dividing, multiply the other side"),
            ("waivers * misdemeanors > 1", 0, "'*' needs a literal number on one side: 3 * waivers"),
            ("filed + 30 < as_of", 0, "'+' cannot combine 'filed' (a date) and '30' (a whole number); write filed + days(30)"),
            ("days(30) + filed < as_of", 0, "'+' cannot combine 'days(30)' (a length of time) and 'filed' (a date); write filed + days(30)"),
            ("filed + as_of < as_of", 0, "'+' cannot combine 'filed' (a date) and 'as_of' (a date)"),
            ("-custody == 1", 0, "'-' needs a number, but 'custody' is one of 'released', 'detained', 'monitored'"),
            ("+waivers == 1", 0, "a leading '+' has no effect; leave it out"),
            ("filed < date('2011-02-30')", 8, "'2011-02-30' is not a calendar date; write year, month and day: date(\"2011-12-05\")"),
            ("filed < date('20110228')", 8, "'20110228' is not a calendar date; write year, month and day: date(\"2011-12-05\")"),
            ("filed < date(2011, 12, 5)", 8, "'date' cannot take a whole number, a whole number, a whole number; write date(\"2011-12-05\")"),
            ("as_of - filed < days(waivers)", 16, "'days' cannot take a whole number; write days(30)"),
            ("as_of - filed < days(99999999)", 16, "'days(99999999)' is too long; at most 10,000,000 days"),
            ("count() > 1", 0, "'count' cannot take nothing; write count(a, b, c), the number of conditions that hold"),
            ("min(waivers) > 1", 0, "'min' cannot take a whole number; write min(x, y)"),
            ("max(waivers, key=1) > 1", 0, "'max' takes plain values only; write max(x, y)"),
            ("cout(victim) > 1", 0, "unknown function 'cout'; the functions are abs, age, count, date, days, implies, max, min, months, year, years. Did you mean 'count'?"),
            ("__import__('os')", 0, "unknown function '__import__'; the functions are abs, age, count, date, days, implies, max, min, months, year, years"),
            ("victim.__class__()", 0, "'victim.__class__' cannot be called; the functions are abs, age, count, date, days, implies, max, min, months, year, years"),
            ("custody('detained')", 0, "'custody' is not a function; write it without parentheses"),
            ("victim.real", 0, "a dot cannot be used in a condition"),
            ("victim[0]", 0, "an index in brackets cannot be used in a condition"),
            ("lambda: victim", 0, "lambda cannot be used in a condition"),
            ("[x for x in victim]", 0, "a loop cannot be used in a condition"),
            ("f'{victim}'", 0, "an f-string cannot be used in a condition"),
            ("b'x' == custody", 0, "\"b'x'\" cannot be used in a condition; values are numbers, quoted strings, true and false"),
            ("custody in 'detained'", 11, "'in' needs a list of values: custody in (\"a\", \"b\")"),
            ("filed in (as_of,)", 10, "'as_of' is not a value; the list after 'in' holds values, not names"),
            ("victim in (true,) in (true,)", 0, "'in' and 'is' cannot be part of a chain of comparisons; join them with 'and'"),
            ("waivers > 9007199254740993", 10, "the number 9007199254740993 is too large; the largest is 9007199254740992"),
            ("score > 1e999", 8, "the number 1e999 is too large"),
            ("score > nan", 8, "unknown name 'nan'; known: account_number, as_of, check, custody, entered, felony_convictions, filed, later_crime, misdemeanors, score, victim, visa, waivers"),
            ("(victim and later_crime", 0, "this '(' is never closed"),
            ("victim) or (victim", 6, "this ')' has no matching '('"),
            ("custody in ('detained']", 22, "this ']' has no matching '['"),
            ("custody == 'detained", 11, "this quote is never closed"),
            ("victim and", 9, "the expression ends too early; something is missing after 'and'"),
            ("victim if later_crime", 0, "'if' needs an 'else': a if condition else b"),
            ("victim -> later_crime", 7, "cannot be parsed from '-> later_crime' on; an operator (and, or, ==, <, in ...) may be missing before or after it"),
            ("  ", 0, "the expression is empty; write a condition, or true"),
            ("victim or " * 500, 4000, "the expression has 5,000 characters; at most 4,000 are allowed. Name parts of it under define:"),
            ("not " * 900 + "victim", 240, "nested too deeply (more than 60 levels); name parts of the expression under define:"),
            ("(" * 500 + "victim" + ")" * 500, 0, "the expression is nested too deeply; name parts of it under define:"),
        ],
    )  # fmt: skip
    def test_message(self, text, offset, message):
        """A mistake is reported once, at its position, with a hint."""
        assert mistakes_in(text) == (Mistake(offset, message),)

    def test_all_mistakes_of_a_text_are_reported_at_once(self):
        """Independent mistakes do not hide each other, and none causes others."""
        mistakes = mistakes_in("entered < filed and custody == 'x' or felony_convictons > 0 and custdy == 'a' or not waivers")
        assert [mistake.offset for mistake in mistakes] == [0, 31, 38, 64, 85]

    def test_a_wrong_test_for_a_missing_value_is_reported_once(self):
        """A part with a mistake counts as a test of every missing value."""
        (mistake,) = mistakes_in("enterd is not None and entered < filed")
        assert mistake.message.startswith("unknown name 'enterd'")

    def test_offsets_count_characters_over_lines(self):
        """Characters of several bytes and line breaks do not shift the position of a mistake."""
        assert [m.offset for m in mistakes_in("custody == 'größer' and\n  vctim")] == [11, 26]

    def test_a_predicate_error_belongs_to_the_family_and_can_be_pickled(self):
        """It is a DocketsimError and a ValueError."""
        error = PredicateError([Mistake(3, "b"), Mistake(0, "a"), Mistake(3, "b")])
        assert isinstance(error, DocketsimError)
        assert isinstance(error, ValueError)
        assert str(error) == "character 1: a\ncharacter 4: b"
        assert pickle.loads(pickle.dumps(error)).mistakes == error.mistakes


class TestDefinitions:
    def test_definitions_may_be_of_any_kind_and_in_any_order(self):
        """A definition may use later ones, and may be a plain YAML value."""
        texts = {
            "low_priority": "not serious and custody == wanted",
            "serious": "felony_convictions >= threshold",
            "threshold": 2,
            "wanted": "'detained'",
            "waiting": "as_of - filed",
            "never": False,
            "share": 0.5,
            "negative": -3,
        }
        definitions, mistakes = parse_definitions(texts, FIELDS)
        assert not mistakes
        assert [*definitions] == [*texts]
        namespace = Namespace(FIELDS, definitions)
        assert ask(parse("low_priority and not never and waiting > days(3) and score <= share", namespace)) is True
        assert names(definitions["low_priority"]) == {"felony_convictions", "custody"}

    def test_a_definition_is_one_object_wherever_it_is_used(self):
        """Guards share the object of a definition, so that it is evaluated once."""
        definitions, _ = parse_definitions({"serious": "felony_convictions > 0"}, FIELDS)
        expression = parse("serious and (victim or serious)", Namespace(FIELDS, definitions))
        assert expression.operands[0] is expression.operands[1].operands[1]

    def test_a_definition_can_test_for_a_missing_value(self):
        """A definition of ``is not None`` works like the test itself."""
        definitions, _ = parse_definitions({"has_entered": "entered is not None"}, FIELDS)
        assert ask(parse("has_entered and entered < filed", Namespace(FIELDS, definitions))) is False

    def test_a_circular_definition_is_an_error(self):
        """The error names each definition of the circle, and no definition that only leads to it."""
        _, mistakes = parse_definitions({"a": "b or victim", "b": "not a", "c": "a and victim", "d": "d"}, FIELDS)
        assert {name: listed[0].message for name, listed in mistakes.items()} == {
            "a": "definition 'a' refers to itself: a -> b -> a",
            "b": "definition 'b' refers to itself: b -> a -> b",
            "d": "definition 'd' refers to itself: d -> d",
        }

    def test_every_wrong_definition_is_reported_and_its_users_are_not(self):
        """The mistakes of all definitions are returned together; a definition that uses a wrong one is left out."""
        texts = {"a": "vctim", "b": "a and victim", "c": "custody = 'x'", "d": "c or wavers > 1", "e": "victim"}
        definitions, mistakes = parse_definitions(texts, FIELDS)
        assert [*definitions] == ["e"]
        assert {name: [m.offset for m in listed] for name, listed in mistakes.items()} == {"a": [0], "c": [8], "d": [5]}

    def test_doubling_definitions_are_refused(self):
        """A short chain of definitions that doubles in size at each step does not fill the memory."""
        texts = {"d0": "victim"} | {f"d{i}": f"d{i - 1} or not d{i - 1}" for i in range(1, 40)}
        definitions, mistakes = parse_definitions(texts, FIELDS)
        (first, *_) = mistakes
        assert mistakes[first][0].message.endswith("parts; at most 5,000 are allowed")
        assert len(definitions) < 15

    def test_deep_chains_of_definitions_are_refused(self):
        """The nesting depth is counted through definitions."""
        texts = {"d0": "victim"} | {f"d{i}": f"not d{i - 1}" for i in range(1, 100)}
        definitions, mistakes = parse_definitions(texts, FIELDS)
        assert len(definitions) == 60
        assert "nested too deeply (61 levels; at most 60)" in mistakes["d60"][0].message

    def test_a_string_is_not_a_predicate(self):
        """A quoted string may be defined, but cannot be a whole predicate."""
        assert "cannot stand alone" in message_of("'detained'", "any")


class TestParts:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("true", []),
            ("later_crime and custody == 'detained'", []),
            ("victim or score > 1", ["victim or score > 1"]),
            ("not victim", ["victim"]),
            ("victim and custody == 'detained' and misdemeanors < 3", ["victim and misdemeanors < 3"]),
            ("(later_crime or victim) and score > 1", ["score > 1", "victim"]),
            ("implies(later_crime, victim)", ["victim"]),
            ("felony_convictions > waivers", ["felony_convictions > 0", "felony_convictions > 1", "felony_convictions > 2"]),
            ("victim == later_crime", ["victim"]),
            ("victim if later_crime else score > 1", ["victim", "score > 1"]),
            ("count(victim, later_crime, score > 1) >= 2", ["count(victim, score > 1) >= 2", "count(true, victim, score > 1) >= 2"]),
            ("custody == ('detained' if victim else 'released')", ['"released" == ("detained" if victim else "released")', '"detained" == ("detained" if victim else "released")', '"monitored" == ("detained" if victim else "released")']),
            ("entered is not None and (later_crime or entered < filed)", ["entered is None", "entered is not None and entered < filed"]),
            ("entered is None or later_crime and entered < filed", ["entered is None", "entered is not None and entered < filed"]),
        ],
    )  # fmt: skip
    def test_fact_parts(self, text, parts):
        """The largest parts over facts alone are selected, and each can be evaluated for every case."""
        selected = fact_parts(read(text))
        assert [unparse(part) for part in selected] == parts
        assert not any(unguarded(part) for part in selected)

    def test_an_optional_record_field_is_present_after_its_test(self):
        """After a test that a record field is present, no missing value is substituted for it."""
        level = Field("level", "integer", "record", minimum=0, maximum=1, optional=True)
        expression = parse("level is not None and felony_convictions > level", Namespace(FIELDS | {"level": level}))
        assert [unparse(part) for part in fact_parts(expression)] == ["felony_convictions > 0", "felony_convictions > 1"]

    def test_fact_parts_need_a_condition_over_finite_record_fields(self):
        """Record fields with no finite list of values, or with too many combinations, are an error."""
        with pytest.raises(ValueError, match="'integer'"):
            fact_parts(read("felony_convictions + waivers"))
        wide = {f"r{i}": Field(f"r{i}", "integer", "record", minimum=0, maximum=99) for i in range(3)}
        with pytest.raises(InputError, match="1,000,000 combinations"):
            fact_parts(parse("felony_convictions > r0 + r1 + r2", Namespace(FIELDS | wide)))
        open_ended = {"day": Field("day", "date", "record")}
        with pytest.raises(InputError, match="'day'"):
            fact_parts(parse("filed > day", Namespace(FIELDS | open_ended)))

    @pytest.mark.parametrize(
        ("text", "values", "left"),
        [
            ("victim and later_crime", {"later_crime": True}, "victim"),
            ("victim and later_crime", {"later_crime": False}, "false"),
            ("victim or later_crime", {"later_crime": True}, "true"),
            ("not later_crime", {"later_crime": True}, "false"),
            ("not not victim", {"victim": True}, "true"),
            ("felony_convictions > waivers * 2 + 1", {"waivers": 2}, "felony_convictions > 5"),
            ("min(waivers, 1) == 1", {"waivers": 2}, "true"),
            ("count(victim, later_crime, waivers == 2)", {"waivers": 2}, "count(true, victim, later_crime)"),
            ("entered is not None and entered < filed", {"entered": None}, "false"),
            ("entered is None or entered < filed", {"entered": dt.date(2011, 1, 2)}, 'date("2011-01-02") < filed'),
            ("as_of - filed > days(3)", {"as_of": dt.date(2011, 1, 9), "filed": dt.date(2011, 1, 2)}, "true"),
            ("filed + days(9) > as_of", {"filed": dt.date(9999, 12, 31)}, 'date("9999-12-31") + days(9) > as_of'),
            ("max(score, 1) > 2", {"score": 3}, "true"),
            ("score if victim else 1", {"victim": False}, "1.0"),
            ("custody in ('detained', 'released')", {"custody": "monitored"}, "false"),
            ("-waivers", {"waivers": 2}, "-2"),
        ],
    )
    def test_substitute(self, text, values, left):
        """The result is simplified; parts without substituted fields stay as they are."""
        assert unparse(substitute(read(text), values)) == left

    def test_substitute_keeps_unaffected_parts(self):
        """A part without the substituted fields is the same object afterwards."""
        expression = read("(victim or score > 1) and later_crime")
        assert substitute(expression, {"later_crime": True}) is expression.operands[0]
        assert substitute(expression, {"waivers": 1}) is expression

    def test_a_missing_value_needs_a_test_before_it(self):
        """A missing value cannot be substituted into a part that requires a value."""
        part = read("entered is not None and entered < filed").operands[1]
        with pytest.raises(ValueError, match="'entered' is missing"):
            substitute(part, {"entered": None})

    def test_names(self):
        """`names` returns the fields that are read, including those in tests for a missing value."""
        assert names(read("entered is None or count(victim, waivers > 1) > 0")) == {"entered", "victim", "waivers"}
        assert names(And((Name(FIELDS["victim"]), Constant(True, "boolean")))) == {"victim"}


@pytest.mark.parametrize(
    "text",
    [
        "(victim or later_crime) and not (victim and later_crime)",
        "(victim and later_crime) and victim",
        "not victim == later_crime",
        "(not victim) == later_crime",
        "(victim if later_crime else victim) if victim else later_crime if later_crime else victim",
        "waivers - (misdemeanors - 1) > -(waivers + 1) * 2",
        "custody not in ('detained',) and entered is not None",
        "(waivers > 1 if victim else waivers < 1) or victim",
    ],
)
def test_unparse_keeps_the_structure(text):
    """Parentheses are written only where they are needed."""
    assert read(unparse(read(text))) == read(text)


@st.composite
def worlds(draw, kind="boolean"):
    """Draw fields, an expression over them, and some cases."""
    some_fields = draw(fields())
    kind = kind or draw(st.sampled_from(["boolean", "integer", "number", "date", "days"]))
    return some_fields, draw(expressions(some_fields, kind)), draw(st.lists(cases(some_fields), min_size=1, max_size=8))


@settings(max_examples=examples(200), deadline=None)
@given(worlds(kind=None))
def test_the_readings_agree(world):
    """Scalar and vector give the same value for every expression and every case."""
    some_fields, expression, some_cases = world
    names_of = [field.name for field in some_fields]
    function = scalar(expression, [], names_of)
    together = vector(expression, *columns(some_cases, some_fields))
    for i, case in enumerate(some_cases):
        try:
            alone = function([], [case[name] for name in names_of])
        except (ValueError, OverflowError):
            assert expression.kind == "date"  # a sum that is itself the result, beyond the calendar
            continue
        assert together[i] == (np.datetime64(alone, "D") if expression.kind == "date" else alone)
        if expression.kind == "boolean":
            assert type(alone) is bool
        if expression.kind == "integer":
            low, high = bounds(expression)
            assert low <= alone <= high


@settings(max_examples=examples(150), deadline=None)
@given(worlds(kind=None))
def test_unparse_and_parse_are_opposites(world):
    """Parsing the text of an expression gives the same expression."""
    some_fields, expression, _ = world
    assert parse(unparse(expression), Namespace({field.name: field for field in some_fields}), "any") == expression


@settings(max_examples=examples(150), deadline=None)
@given(worlds(kind=None), st.data())
def test_substitution_keeps_the_value(world, data):
    """Substituting a case's own values, some or all, does not change the expression's value for that case."""
    some_fields, expression, some_cases = world
    names_of = [field.name for field in some_fields]
    chosen = data.draw(st.sets(st.sampled_from(names_of)))
    for case in some_cases:
        folded = substitute(expression, {name: case[name] for name in chosen})
        assert not names(folded) & chosen
        try:
            before = scalar(expression, names_of, [])([case[name] for name in names_of], [])
        except (ValueError, OverflowError):
            continue
        assert scalar(folded, names_of, [])([case[name] for name in names_of], []) == before


@settings(max_examples=examples(150), deadline=None)
@given(worlds(), st.data())
def test_equal_values_of_the_fact_parts_give_equal_decisions(world, data):
    """The values of the fact-only parts and the record determine the value of an expression."""
    some_fields, expression, some_cases = world
    facts = [field.name for field in some_fields if field.role == "fact"]
    record = [field for field in some_fields if field.role == "record"]
    parts = fact_parts(expression)
    assert all(names(part) and names(part) <= set(facts) for part in parts)
    asked = [scalar(part, facts, []) for part in parts]
    decide = scalar(expression, facts, [field.name for field in record])
    every_record = itertools.islice(itertools.product(*(field.domain() for field in record)), 60)
    decided = {}
    for values in every_record:
        for case in some_cases:
            of_case = [case[name] for name in facts]
            answers = tuple(question(of_case, []) for question in asked)
            assert decided.setdefault((values, answers), decide(of_case, values)) is decide(of_case, values)


WORDS = [
    *FIELDS, "and", "or", "not", "in", "is", "None", "if", "else", "true", "(", ")", "[", ",", "'", '"', "==", "<", ">=", "=", "+", "-", "*", "/",
    "1", "2.5", "1e400", "'detained'", '"', "date(", "days(", "min(", "count(", "implies(", ".", "lambda", ":", "\\", "\n", "\x00", "é", "'é'", "f'{x}'",
    "{", "}", "await", "yield", ":=", "**", "0777", "1_0", "9" * 30, "0xfor", "'''", "b''", "\ud800", "\x0c", "\u2028", "...",
]  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
    | st.lists(st.sampled_from(WORDS), max_size=8).map("".join)
)
def test_any_text_gives_a_predicate_or_a_predicate_error(text):
    """Any text is either a predicate or a list of mistakes with positions in the text."""
    try:
        expression, mistakes = parse(text, NAMESPACE), ()
    except PredicateError as error:
        expression, mistakes = None, error.mistakes
    assert all(0 <= mistake.offset <= len(text) and mistake.message for mistake in mistakes)
    assert mistakes if expression is None else ask(expression) in (True, False)


@settings(max_examples=examples(200), deadline=None)
@given(worlds(), st.data())
def test_a_damaged_text_is_read_or_refused(world, data):
    """A valid text with deleted or inserted pieces never crashes the parser, and an accepted text can be evaluated."""
    some_fields, expression, some_cases = world
    text = unparse(expression)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from(["", " ", *WORDS])) + text[at + data.draw(st.integers(0, 4)) :]
    names_of = [field.name for field in some_fields]
    try:
        damaged = parse(text, Namespace({field.name: field for field in some_fields}))
    except PredicateError:
        return
    for case in some_cases:
        assert scalar(damaged, names_of, [])([case[name] for name in names_of], []) in (True, False)


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "not ",
        "-",
        "[",
        "1 if true else ",
        "implies(true, ",
        "a.",
        "x[",
        "lambda:",
        "'",
        "{",
        "~",
        "f(",
        "*",
        "a and(",
        "f'{",
    ],
)
def test_deep_nesting_is_refused(piece):
    """The deepest texts below the length limit are refused, with and without closing brackets."""
    closes = {"(": ")", "[": "]", "{": "}"}
    n = 3900 // (len(piece) + 1)
    for text in (piece * n, piece * n + "1" + closes.get(piece[-1], closes.get(piece[-2:-1], "")) * n):
        with pytest.raises(PredicateError):
            parse(text, NAMESPACE)


@pytest.mark.benchmark
def test_a_simple_guard_takes_less_than_a_microsecond():
    """A guard is fast enough to be evaluated at every decision."""
    import timeit

    function = scalar(
        read("felony_convictions > 0 and custody in ('detained', 'released') and implies(victim, waivers < 3)"), FACTS, RECORD
    )
    facts, record = tuple(CASE[name] for name in FACTS), tuple(CASE[name] for name in RECORD)
    seconds = min(timeit.repeat(lambda: function(facts, record), number=100_000, repeat=5)) / 100_000
    assert seconds < 1e-6


def test_the_time_to_read_a_sum_does_not_double_with_each_term():
    """The kind of an expression is computed once at each level; a sum of fifty terms is read in a moment."""
    n = Field("n", "integer", "fact", minimum=0, maximum=9)
    expression = parse(" + ".join(["n"] * 50) + " > 3", Namespace({"n": n}))
    assert scalar(expression, ["n"], [])([1], []) is True
