"""Large files: how many mistakes are listed, how much is compared, and a file that is written is read back unchanged."""

import difflib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.loading import load_scenario
from workflow.errors import MOST_PRINTED, InputError, Problem, nearest
from workflow.files.opening import TEXT_BYTES
from workflow.files.yaml_tree import dump_yaml, parse_yaml, read_yaml
from workflow.loading import load_workflow
from workflow.loading.rule_files import load_rules


def _mistakes(load, path, text):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(path)
    return str(caught.value).splitlines()


def test_fifty_mistakes_are_listed_and_the_others_counted():
    """The first fifty in the order of the file, then how many more there are."""
    lines = str(InputError(Problem(f"mistake {i}") for i in range(52))).splitlines()
    assert lines[49:] == ["mistake 49", "and 2 more mistakes were found; correct these first"]
    assert len(str(InputError(Problem(f"mistake {i}") for i in range(MOST_PRINTED))).splitlines()) == MOST_PRINTED


def test_a_message_shortens_a_word_of_hundreds_of_characters():
    """A name of thousands of characters would hide the mistakes after it; a long path stays whole."""
    assert str(InputError(f"unknown name {'a' * 5000!r}")) == f"unknown name '{'a' * 99}… (5,002 characters)"
    assert str(InputError(f"no file {'a/' * 150}")) == f"no file {'a/' * 150}"


@pytest.mark.parametrize("load", [load_workflow, load_scenario, load_rules])
def test_thousands_of_unknown_keys_are_one_short_message(load, tmp_path):
    """Only the listed mistakes are explained; the others are counted exactly."""
    lines = _mistakes(load, tmp_path / "x.yaml", "workflow: x\n" + "".join(f"key_{i}: {i}\n" for i in range(3000)))
    assert len(lines) == MOST_PRINTED + 1
    counted = int(lines[-1].split()[1].replace(",", ""))
    assert counted + MOST_PRINTED >= 3000


def test_thousands_of_wrong_references_end_the_reading_early(tmp_path):
    """A file is read no further once hundreds of its names are wrong."""
    states = "".join(f"  s{i}: {{}}\n" for i in range(2000))
    moves = "".join(f"  - {{transition: t{i}, from: s{i}, to: s{i}x}}\n" for i in range(2000))
    text = f"workflow: x\nentry: {{states: [s0]}}\nstates:\n{states}transitions:\n{moves}"
    lines = _mistakes(load_workflow, tmp_path / "x.yaml", text)
    assert len(lines) == MOST_PRINTED + 1
    assert "leads to 's0x', which is not a state. Did you mean" in lines[0]


def test_the_nearest_name_is_sought_among_a_bounded_number(monkeypatch):
    """A wrong name is compared with a bounded number of names, and fewer if they are long."""
    compared = []

    def counted(word, names, n, cutoff):
        compared.append(len(list(names)))
        return []

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    nearest("name_x", (f"name_{i}" for i in range(100_000)))
    nearest("x" * 400, ("x" * 401 for i in range(100_000)))
    assert compared == [100_000 // 37, 0]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: " + "{a: " * 500, "- " * 100_000, "? " * 100_000, "a: &a [*a, *a]\n", "a:\n" + "- !x 1\n" * 5000]
)
def test_hostile_yaml_is_refused_with_few_mistakes(text):
    """Deep nesting, anchors, aliases and tags end in a short message."""
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "x.yaml")
    assert len(str(caught.value).splitlines()) <= MOST_PRINTED + 1


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029\ufeff"))
    | st.sampled_from(["yes", "no", "null", "~", "true", "1e5", "1.0", "007", "2024-01-01", "2024-01-01 10:00", ".inf", "=", "a: b", "- a", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc ", min_size=1), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text("abc", min_size=1), plain, min_size=1, max_size=3))
def test_what_is_written_is_read_again_as_it_was(content):
    """A string that looks like a number, a date or a boolean stays a string, and every value keeps its type."""
    read = parse_yaml(dump_yaml(content), "x.yaml").plain()
    assert repr(read) == repr(content)


@pytest.mark.benchmark
def test_four_megabytes_are_read_in_three_seconds(tmp_path):
    """The largest file that is read takes under three seconds of processor time."""
    line = "  fact_{}: {{grant: 0.7, refuse: rest, other: [1, 2, 3.5]}}\n"
    path = tmp_path / "x.yaml"
    path.write_text("people:\n" + "".join(line.format(i) for i in range((TEXT_BYTES - 100_000) // len(line))), encoding="utf-8")
    before = time.process_time()
    read_yaml(path)
    assert time.process_time() - before < 3


def test_names_that_occur_twice_are_found_in_linear_time():
    """Twenty thousand names are not compared with each other."""
    counted = 0

    class Word(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other):
            nonlocal counted
            counted += 1
            return str.__eq__(self, other)

    from workflow.loading.vocabulary import _check_labels

    labels = [Word(f"m{i}") for i in range(20_000)]
    _check_labels(None, "measures", "measure", labels)
    assert counted < 100 * len(labels)
