"""Whatever a file holds, the loaders either load it or raise the project's own error, without a warning."""

import datetime as dt
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulations import load_scenario
from simulations.format import ScenarioFile
from simulations.loading import catalog as scenarios
from workflow import load_workflow
from workflow.documents import read_yaml
from workflow.errors import InputError
from workflow.format import WorkflowFile
from workflow.loading import catalog as workflows

BASE = Path(__file__).parent / "bad" / "base"
LOADERS = {"workflow": load_workflow, "scenario": load_scenario}
SMALL = {"workflow": BASE / "permits.yaml", "scenario": BASE / "office.yaml"}
BUILT_IN = {"workflow": workflows()["prosecutorial-discretion-review"], "scenario": scenarios()["pilot"]}
FILES = {"workflow": WorkflowFile, "scenario": ScenarioFile}
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck))

BOTH = pytest.mark.parametrize("kind", ["workflow", "scenario"])


def tried(kind, given_file):
    """Load; the project's own error is fine, with a message and a place or none; anything else is raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            LOADERS[kind](given_file)
        except InputError as error:
            told = str(error)
        else:
            return
    assert told.strip()
    told.encode()


def with_a_workflow(kind, content):
    """Return the content of a file from which the small workflow can be found."""
    if kind == "scenario" and content.get("workflow") == "permits.yaml":
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
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def places(content, path=()):
    """Return the way to every value of a nested mapping."""
    found = [path] if path else []
    if isinstance(content, dict):
        found += [p for key, child in content.items() for p in places(child, (*path, key))]
    elif isinstance(content, list):
        found += [p for i, child in enumerate(content) for p in places(child, (*path, i))]
    return found


def put(content, path, change):
    """Return the content with the value at a path changed (or, for ``None``, taken out)."""
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
def spoilt(draw, content):
    """Draw a valid file's content with one to three values replaced, taken out, or given the name of another."""
    for _ in range(draw(st.integers(1, 3))):
        everywhere = places(content)
        if not everywhere:
            return content
        path = draw(st.sampled_from(everywhere))
        what = draw(st.sampled_from(["junk", "scalar", "borrowed", "gone", "wrapped"]))
        if what == "gone":
            content = put(content, path, None)
        elif what == "wrapped":
            key = draw(keys)
            content = put(content, path, lambda old, key=key: {key: old} if key != "list" else [old])
        else:
            borrowed = st.sampled_from(everywhere).map(lambda p: at(content, p))  # noqa: B023
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
    """Draw a mapping with a file's own keys and random values."""
    names = [info.alias or name for name, info in model.model_fields.items()]
    return draw(st.dictionaries(st.sampled_from(names) | keys, junk, max_size=9))


# texts ---------------------------------------------------------------------------------------------

PIECES = ["{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "- ", "'", '"', "#", "|", ">", "&a ", "*a", "!!set ", "\t", "? ", "---", "...", "%YAML 1.1", "@", "`", "<<: ", "~", ".nan", "012", "0x1F", "1_000", "2011-02-31", "2011-02-03 25:00", "\ufeff", "\x85", "\r"]  # fmt: skip


@st.composite
def marred(draw, text):
    """Draw a text with some lines or characters taken out, doubled, swapped or put in."""
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
    """Return a folder in which a scenario finds the small workflow."""
    found = tmp_path_factory.mktemp("files")
    (found / "permits.yaml").write_bytes(SMALL["workflow"].read_bytes())
    return found


def written(folder, raw):
    """Write a file beside the small workflow; return its path."""
    path = folder / "file.yaml"
    path.write_bytes(raw)
    return path


@BOTH
@settings(QUICK, max_examples=80)
@given(text=st.text() | st.lists(st.sampled_from(PIECES + WORDS)).map("".join))
def test_any_text_is_loaded_or_refused(kind, folder, text):
    """A file of arbitrary text raises only the project's own error."""
    tried(kind, written(folder, text.encode("utf-8", "surrogatepass")))


@BOTH
@settings(QUICK, max_examples=80)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_loaded_or_refused(kind, folder, raw):
    """A file of arbitrary bytes raises only the project's own error."""
    tried(kind, written(folder, raw))


@BOTH
@settings(QUICK, max_examples=150)
@given(data=st.data())
def test_a_marred_file_is_loaded_or_refused(kind, folder, data):
    """A small valid file with lines and characters deleted, doubled, swapped or inserted raises only the project's own error."""
    text = data.draw(marred(SMALL[kind].read_text(encoding="utf-8")))
    tried(kind, written(folder, text.encode("utf-8", "surrogatepass")))


@BOTH
@settings(QUICK, max_examples=20)
@given(data=st.data())
def test_a_marred_built_in_file_is_loaded_or_refused(kind, folder, data):
    """A built-in file with lines and characters deleted, doubled, swapped or inserted raises only the project's own error."""
    text = data.draw(marred(BUILT_IN[kind].read_text(encoding="utf-8")))
    tried(kind, written(folder, text.encode("utf-8", "surrogatepass")))


@BOTH
@settings(QUICK, max_examples=130)
@given(data=st.data())
def test_a_spoilt_mapping_is_loaded_or_refused(kind, data):
    """The content of a small valid file with values swapped for junk raises only the project's own error."""
    content = with_a_workflow(kind, read_yaml(SMALL[kind]).plain())
    tried(kind, data.draw(spoilt(content)))


@BOTH
@settings(QUICK, max_examples=20)
@given(data=st.data())
def test_a_spoilt_built_in_mapping_is_loaded_or_refused(kind, data):
    """The content of a built-in file with values swapped for junk raises only the project's own error."""
    tried(kind, data.draw(spoilt(read_yaml(BUILT_IN[kind]).plain())))


@BOTH
@settings(QUICK, max_examples=100)
@given(data=st.data())
def test_any_mapping_is_loaded_or_refused(kind, data):
    """A random nested mapping raises only the project's own error."""
    tried(kind, data.draw(st.dictionaries(keys, junk, max_size=6) | shaped(FILES[kind])))


def test_a_mapping_that_holds_itself_is_refused():
    """A mapping without an end is a mistake in the input, not a crash."""
    endless = {"workflow": "endless", "entry": {"states": ["a"]}, "states": {"a": {"final": True}}}
    endless["facts"] = endless
    with pytest.raises(InputError):
        load_workflow(endless)


@pytest.mark.parametrize("days", [dt.date.min, dt.date.max])
def test_the_ends_of_the_calendar_are_dates_like_others(days):
    """A scenario on the first or the last date there is is loaded or refused."""
    content = with_a_workflow("scenario", read_yaml(SMALL["scenario"]).plain())
    tried("scenario", content | {"starts": days, "ends": days})
