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
from workflow.loading.reading import MOST_VALUES
from workflow.loading.rule_files import load_rules
from workflow.model.definition import Transition


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


HEAD = """\
workflow: x
facts: {k: {type: integer, minimum: 0, maximum: 9}}
states: {a: {activity: w}, z: {final: true}}
activities: {w: {}}
entry: {states: [a]}
"""
MOVE = "transitions: [{transition: t, from: a, to: z}]\n"
LONG = " or ".join(["k == 1"] * 300)  # 901 parts


def _many(n, line):
    return "".join(line.format(i) for i in range(n))


def _refusal(load, text):
    with pytest.raises(InputError) as caught:
        load(text)
    return str(caught.value)


def test_a_file_with_too_many_values_is_refused():
    """Values of keys and items of lists count, at any depth."""
    values = f"the limit is {MOST_VALUES:,}"
    assert values in _refusal(load_workflow, HEAD + MOVE + "sources:\n" + _many(MOST_VALUES, "  s{}: text\n"))
    assert values in _refusal(load_workflow, HEAD + MOVE + f"assume: [{'true, ' * MOST_VALUES}]")
    rules = _many(MOST_VALUES // 2, "- {{rule: r{}, never: deny}}\n")
    assert values in _refusal(load_rules, f"workflow: permit-for-all-closed\nrules:\n{rules}")


def test_a_scenario_with_too_many_entries_is_refused():
    """The message names the largest section; entries inside one, such as the dates of a calendar, are not counted."""
    text = "scenario: x\nworkflow: x\nstarts: 2024-01-01\nends: 2024-02-01\npools: {p: {size: 1}}\ncourts:\n"
    message = _refusal(load_scenario, text + _many(10_000, "  c{}: {{}}\n"))
    assert message == "<text>:6:1: its sections have 10,001 entries, of which courts 10,000; the limit is 10,000"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (MOVE + "define:\n" + _many(30, f"  d{{}}: {LONG}\n"), "define 'd22'"),
        (MOVE + f"define: {{d: {LONG}}}\nrules:\n" + _many(30, "- {{rule: r{}, never: t, if: d}}\n"), "rule 'r22': if"),
        ("transitions:\n" + _many(30, f"- {{{{transition: t{{}}, from: a, to: z, when: {LONG}}}}}\n"), "transition 't22': when"),
    ],
    ids=["definitions", "rules", "guards"],
)
def test_conditions_with_too_many_parts_are_refused(text, entry, monkeypatch):
    """Parts of definitions count wherever these are used."""
    monkeypatch.setattr("workflow.files.validation.MOST_PARTS", 20_000)
    monkeypatch.setattr("workflow.predicates.parsing.MOST_PARTS", 20_000)
    message = _refusal(load_workflow, HEAD + text)
    assert "parts with their definitions expanded, the limit" in message
    assert entry in message
    assert len(message.splitlines()) == 1


def test_transitions_from_many_states_on_many_events_are_refused():
    """A list of states and a list of events multiply."""
    text = HEAD.replace("z: {final", "".join(f"s{i}: {{activity: w}}, " for i in range(400)) + "z: {final")
    text += "events:\n" + _many(400, "  e{}: {{while: any}}\n")
    states, events = (", ".join(f"{letter}{i}" for i in range(400)) for letter in "se")
    message = _refusal(load_workflow, f"{text}transitions: [{{transition: t, to: z, from: [{states}], event: [{events}]}}]")
    assert "transition 't': with it, the transitions are tried for more than 100,000 pairs of a state and an event" in message


def test_the_decision_points_of_a_large_workflow_are_found_in_linear_time(monkeypatch):
    """Every state has its own transitions, and asks for no other."""
    asked = 0
    plain = Transition.sources

    class Asked:
        def __get__(self, transition, owner=None):
            nonlocal asked
            asked += 1
            return plain.__get__(transition, owner)

        def __set__(self, transition, value):
            plain.__set__(transition, value)

    monkeypatch.setattr(Transition, "sources", Asked())
    states = "{a: {activity: w}, z: {final: true}, " + ", ".join(f"s{i}: {{activity: w}}" for i in range(500)) + "}"
    moves = "".join(f"- {{transition: t{i}, from: {f's{i - 1}' if i else 'a'}, to: s{i}}}\n" for i in range(500))
    text = HEAD.replace("{a: {activity: w}, z: {final: true}}", states)
    workflow = load_workflow(f"{text}transitions:\n{moves}- {{transition: last, from: s499, to: z}}\n")
    assert len(workflow.decision_points) == 501
    assert asked < 20 * len(workflow.transitions)


LARGE = {
    "transitions": ("transitions:\n", "- {{transition: t{}, from: a, to: z, when: k == 1}}\n", 5),
    "definitions": (MOVE + "define:\n", "  d{}: k == 1\n", 1),
    "facts": (MOVE + "record:\n", "  f{}: {{type: boolean, default: false}}\n", 3),
    "events": (MOVE + "events:\n", "  e{}: {{while: any}}\n", 2),
    "rules": (MOVE + "events: {e: {while: any}}\nrules:\n", "- {{rule: r{}, before: t, needs: e}}\n", 4),
    "conditions": (MOVE + "rules:\n", "- {{rule: r{}, never: 'once(t) and k == 1'}}\n", 3),
    "measures": (MOVE + "measures:\n", "- {{measure: m{}, cases: t}}\n", 3),
}


@pytest.mark.benchmark
@pytest.mark.parametrize("kind", LARGE)
def test_the_largest_workflows_are_loaded_in_three_seconds(kind, tmp_path):
    """As many entries of one kind as the limits allow."""
    head, line, n_values = LARGE[kind]
    path = tmp_path / "x.yaml"
    path.write_text(HEAD + head + _many((MOST_VALUES - 30) // n_values, line), encoding="utf-8")
    before = time.process_time()
    load_workflow(path)
    assert time.process_time() - before < 3


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
