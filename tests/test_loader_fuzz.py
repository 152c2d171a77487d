"""Loading any file either works or raises the project's own error, without a warning."""

import datetime as dt
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulations import load_scenario
from simulations.loading import catalog as scenarios
from simulations.scenarios.format import ScenarioFile
from tests.examples import examples
from workflow import load_workflow
from workflow.errors import InputError
from workflow.files.format import WorkflowFile
from workflow.files.yaml_tree import read_yaml
from workflow.loading import catalog as workflows
from workflow.loading.rule_files import RulesFile, load_rules

BASE = Path(__file__).parent / "bad" / "base"
LOADERS = {"workflow": load_workflow, "scenario": load_scenario, "rules": load_rules}
SMALL = {"workflow": BASE / "permits.yaml", "scenario": BASE / "office.yaml", "rules": BASE / "permits.rules.yaml"}
BUILT_IN = {"workflow": workflows()["prosecutorial-discretion-review"], "scenario": scenarios()["pilot"]}
FILES = {"workflow": WorkflowFile, "scenario": ScenarioFile, "rules": RulesFile}
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck))

BOTH = pytest.mark.parametrize("kind", ["workflow", "scenario"])
EACH = pytest.mark.parametrize("kind", ["workflow", "scenario", "rules"])


def load_or_refuse(kind, *given_file):
    """Load a file or a mapping. An `InputError` with a message is accepted; every other error or warning is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            LOADERS[kind](*given_file)
        except InputError as error:
            message = str(error)
        else:
            return
    assert message.strip()
    message.encode()


def with_a_workflow(kind, content):
    """Return the content of a file from which the small workflow can be found."""
    if kind != "workflow" and content.get("workflow") == "permits.yaml":
        return content | {"workflow": str(SMALL["workflow"])}
    return content


# values --------------------------------------------------------------------------------------------

WORDS = [
    "age",
    "ground",
    "counsel",
    "entered",
    "finding",
    "visits",
    "pending",
    "review",
    "reviewed",
    "granted",
    "tip",
    "north",
    "south",
    "clerks",
]
NEAR = ["by", "other", "rest", "missing", "within", "days_before", "count", "table", "file", "column", "unit", "gamma", "constant", "empirical", "any", "court", "none"]  # fmt: skip
TEXTS = ["", " ", "3 days", "2 working days", "40 minutes", "5 per month", "10% within 2 years", "1/0", "1e999", "nan", "%", "-", "and", "age > 1", "age >", "not", "__import__('os')", "x.y", "((((", "visits + 1", "mon-fri", "09:00-17:00", "25:00-26:00", "US", "2024-02-30", "\x00", "\ud800", "é" * 90, "a" * 5000]  # fmt: skip

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([10**9, -(10**9), 10**17, 10**30, 2**53, -1, 0]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(WORDS + NEAR + TEXTS),
    st.text(max_size=12),
    st.dates(),
    st.datetimes(),
)
keys = st.one_of(st.sampled_from(WORDS + NEAR), st.sampled_from(WORDS + NEAR), scalars)
junk = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12)


def paths_in(content, path=()):
    """Return the path of every value of a nested mapping."""
    paths = [path] if path else []
    if isinstance(content, dict):
        paths += [p for key, child in content.items() for p in paths_in(child, (*path, key))]
    elif isinstance(content, list):
        paths += [p for i, child in enumerate(content) for p in paths_in(child, (*path, i))]
    return paths


def put(content, path, change):
    """Return the content with the value at a path changed, or removed if `change` is ``None``."""
    head, *rest = path
    parts = dict(content) if isinstance(content, dict) else dict(enumerate(content))
    if rest:
        parts[head] = put(parts[head], rest, change)
    elif change is None:
        del parts[head]
    else:
        parts[head] = change(parts[head])
    return parts if isinstance(content, dict) else list(parts.values())


@st.composite
def damaged_content(draw, content):
    """Draw a valid file's content with one to three values replaced, removed or wrapped."""
    for _ in range(draw(st.integers(1, 3))):
        paths = paths_in(content)
        if not paths:
            return content
        path = draw(st.sampled_from(paths))
        what = draw(st.sampled_from(["junk", "scalar", "borrowed", "gone", "wrapped"]))
        if what == "gone":
            content = put(content, path, None)
        elif what == "wrapped":
            key = draw(keys)
            content = put(content, path, lambda old, key=key: {key: old} if key != "list" else [old])
        else:
            borrowed = st.sampled_from(paths).map(lambda p: at(content, p))  # noqa: B023
            value = draw({"junk": junk, "scalar": scalars, "borrowed": borrowed}[what])
            content = put(content, path, lambda _, value=value: value)
    return content


def at(content, path):
    """Return the value at a path."""
    for part in path:
        content = content[part]
    return content


@st.composite
def shaped(draw, model):
    """Draw a mapping with the keys of a file format and random values."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    return draw(st.dictionaries(st.sampled_from(names) | keys, junk, max_size=9))


# texts ---------------------------------------------------------------------------------------------

PIECES = ["{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "- ", "'", '"', "#", "|", ">", "&a ", "*a", "!!set ", "\t", "? ", "---", "...", "%YAML 1.1", "@", "`", "<<: ", "~", ".nan", "012", "0x1F", "1_000", "2011-02-31", "2011-02-03 25:00", "\ufeff", "\x85", "\r"]  # fmt: skip


@st.composite
def damaged_text(draw, text):
    """Draw a text with some lines or characters deleted, doubled, swapped or inserted."""
    for _ in range(draw(st.integers(1, 4))):
        by_line = draw(st.booleans())
        parts = text.splitlines(keepends=True) if by_line else list(text)
        if not parts:
            return text
        i, j = (draw(st.integers(0, len(parts) - 1)) for _ in range(2))
        what = draw(st.sampled_from(["delete", "double", "swap", "insert"]))
        if what == "delete":
            del parts[i : i + draw(st.integers(1, 3))]
        elif what == "double":
            parts.insert(i, parts[i])
        elif what == "swap":
            parts[i], parts[j] = parts[j], parts[i]
        else:
            parts.insert(i, draw(st.sampled_from(PIECES)))
        text = "".join(parts)
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the small workflow beside the scenario."""
    path = tmp_path_factory.mktemp("files")
    (path / "permits.yaml").write_bytes(SMALL["workflow"].read_bytes())
    return path


def written(folder, raw):
    """Write a file beside the small workflow, and return its path."""
    path = folder / "file.yaml"
    path.write_bytes(raw)
    return path


@EACH
@settings(QUICK, max_examples=examples(80))
@given(text=st.text() | st.lists(st.sampled_from(PIECES + WORDS)).map("".join))
def test_any_text_is_loaded_or_refused(kind, folder, text):
    """A file of arbitrary text raises only the project's own error."""
    load_or_refuse(kind, written(folder, text.encode("utf-8", "surrogatepass")))


@EACH
@settings(QUICK, max_examples=examples(80))
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_loaded_or_refused(kind, folder, raw):
    """A file of arbitrary bytes raises only the project's own error."""
    load_or_refuse(kind, written(folder, raw))


@EACH
@settings(QUICK, max_examples=examples(150))
@given(data=st.data())
def test_a_damaged_file_is_loaded_or_refused(kind, folder, data):
    """A small valid file with lines and characters deleted, doubled, swapped or inserted raises only the project's own error."""
    text = data.draw(damaged_text(SMALL[kind].read_text(encoding="utf-8")))
    load_or_refuse(kind, written(folder, text.encode("utf-8", "surrogatepass")))


@BOTH
@settings(QUICK, max_examples=examples(20))
@given(data=st.data())
def test_a_damaged_built_in_file_is_loaded_or_refused(kind, folder, data):
    """A built-in file with lines and characters deleted, doubled, swapped or inserted raises only the project's own error."""
    text = data.draw(damaged_text(BUILT_IN[kind].read_text(encoding="utf-8")))
    load_or_refuse(kind, written(folder, text.encode("utf-8", "surrogatepass")))


@EACH
@settings(QUICK, max_examples=examples(130))
@given(data=st.data())
def test_damaged_content_is_loaded_or_refused(kind, data):
    """The content of a small valid file with values replaced by junk raises only the project's own error."""
    content = with_a_workflow(kind, read_yaml(SMALL[kind]).plain())
    load_or_refuse(kind, data.draw(damaged_content(content)))


@BOTH
@settings(QUICK, max_examples=examples(20))
@given(data=st.data())
def test_damaged_content_of_a_built_in_file_is_loaded_or_refused(kind, data):
    """The content of a built-in file with values swapped for junk raises only the project's own error."""
    load_or_refuse(kind, data.draw(damaged_content(read_yaml(BUILT_IN[kind]).plain())))


@EACH
@settings(QUICK, max_examples=examples(100))
@given(data=st.data())
def test_any_mapping_is_loaded_or_refused(kind, data):
    """A random nested mapping raises only the project's own error."""
    load_or_refuse(kind, data.draw(st.dictionaries(keys, junk, max_size=6) | shaped(FILES[kind])))


# rules ---------------------------------------------------------------------------------------------

RULE_KEYS = ["never", "before", "needs", "since", "once", "after", "then", "within", "calendar", "at_most", "of", "if", "giving", "description", "source"]  # fmt: skip
TEMPLATES = ["never", "never if", "never giving", "before needs", "before needs since if", "before needs once", "after then within", "after then if", "at_most of if"]  # fmt: skip
STEPS = ["review", "grant", "call", "refuse", "close", "reopen", "tip", "notice"]
FIELDS = ["age", "ground", "counsel", "entered", "finding", "visits", "tip_off", "eligible", "state", "arrived"]
OPERATORS = ["and", "or", "not", "==", "!=", "<", "<=", "=", "&&", "|", "in", "is", "is not", "+", "-", "*", "/", "if", "else", ",", ".", ":"]  # fmt: skip
VALUES = ["None", "true", "1", "18", "-1", "9" * 30, "1e999", '"fit"', "'granted'", '"', "'", "date('2011-12-05')", "2011-12-05", "days(3)", "granted", "\n", "\t", "\x00", "\ud800", "#", "é"]  # fmt: skip
CALLS = ["once(", "since(", "before(", "count(", "implies(", "min(", "abs(", "date(", "(", "(", "[", "{"]

steps = st.sampled_from(STEPS)
two = st.lists(steps, min_size=2, max_size=2, unique=True).map(", ".join)
present = st.sampled_from(["counsel", "eligible", "age < 18", 'finding == "fit"', 'state in ("granted", "refused")', "entered is not None", "visits + 1 < 3", "tip_off == counsel"])  # fmt: skip
past = steps.map("once({})".format) | two.map("since({})".format) | two.map("before({})".format)


def joined(asked):
    """Draw well-formed conditions from well-formed parts."""
    return st.recursive(
        asked,
        lambda inner: st.one_of(
            inner.map("not ({})".format),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
            st.tuples(inner, inner).map(lambda pair: "implies({}, {})".format(*pair)),
            st.tuples(inner, inner, inner).map(lambda three: "({}) if ({}) else ({})".format(*three)),
        ),
        max_leaves=6,
    )


formed = joined(present | past)
pieces = st.lists(st.sampled_from(STEPS + FIELDS + OPERATORS + VALUES + CALLS + [")", ")", "]", "}"]), max_size=14)
conditions = pieces.map(" ".join) | pieces.map("".join) | formed
lengths = st.tuples(st.integers(-1, 400) | st.integers(), st.sampled_from(["", " ", "."]), st.sampled_from(["day", "days", "years", "working days", "hour ago", "min", "é"])).map(lambda parts: "".join(map(str, parts)))  # fmt: skip
named = steps | st.lists(steps, min_size=1, max_size=3) | st.lists(steps, min_size=1, max_size=3).map(" or ".join)
rule_values = {
    **dict.fromkeys(
        ["before", "needs", "since", "once", "after", "then", "of"], st.one_of(named, named, named, conditions, junk)
    ),
    **dict.fromkeys(["if", "giving"], st.one_of(joined(present), joined(present), conditions, junk)),
    "never": st.one_of(named, formed, formed, conditions, junk),
    "within": st.one_of(lengths, lengths, junk),
    "calendar": st.one_of(st.sampled_from(["weekdays", "US", "US-XX", "mon"]), junk),
    "at_most": st.one_of(st.integers(-1, 101), st.integers(1, 9), junk),
}


names = st.sampled_from(["a", "b", "c", "d", "grant"])


@st.composite
def rules(draw):
    """Draw a rule, mostly with the keys of one template, sometimes with any keys."""
    whole = st.sampled_from(TEMPLATES).map(str.split)
    own = draw(st.one_of(whole, whole, st.lists(st.sampled_from(RULE_KEYS), max_size=4)))
    return {"rule": draw(st.one_of(names, names, scalars))} | {key: draw(rule_values.get(key, junk)) for key in own}


@pytest.fixture(scope="module")
def permits():
    """Return the small workflow."""
    return load_workflow(SMALL["workflow"])


@settings(QUICK, max_examples=examples(120))
@given(content=st.lists(rules(), min_size=1, max_size=3))
def test_any_rules_are_loaded_or_refused(permits, content):
    """Rules made of pieces of the rule language, in any order, raise only the project's own error."""
    load_or_refuse("rules", {"workflow": "permits.yaml", "rules": content}, permits)


@settings(QUICK, max_examples=examples(250))
@given(key=st.sampled_from(["never", "if", "giving"]), text=conditions)
def test_any_condition_of_a_rule_is_read_or_refused(permits, key, text):
    """Names, operators, brackets and past operators in any order raise only the project's own error."""
    rule = {"rule": "a rule", "never": "grant"} | {key: text}
    load_or_refuse("rules", {"workflow": "permits.yaml", "rules": [rule]}, permits)


def test_a_mapping_that_holds_itself_is_refused():
    """A mapping that contains itself is a mistake in the input, not a crash."""
    endless = {"workflow": "endless", "entry": {"states": ["a"]}, "states": {"a": {"final": True}}}
    endless["facts"] = endless
    with pytest.raises(InputError):
        load_workflow(endless)


@pytest.mark.parametrize("days", [dt.date.min, dt.date.max])
def test_a_scenario_on_the_first_or_last_date_is_loaded_or_refused(days):
    """The scenario starts or ends on the first or last date of Python."""
    content = with_a_workflow("scenario", read_yaml(SMALL["scenario"]).plain())
    load_or_refuse("scenario", content | {"starts": days, "ends": days})
