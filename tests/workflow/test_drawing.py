"""The map of a workflow as Mermaid text and as SVG."""

from __future__ import annotations

import cProfile
import functools
import itertools
import random
import re
from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest

from workflow import Workflow, load_workflow
from workflow.drawing.drawing import Map, Rectangle, map_of, svg
from workflow.drawing.layout import Point, Shape, lay_out, rows
from workflow.drawing.marks import THICKEST, THINNEST, Marks, changes, is_cut, short
from workflow.drawing.mermaid import mermaid
from workflow.loading import catalog
from workflow.model.definition import StateKind
from workflow.predicates import unparse

MAIN_PATH = ["pending", "reviewed", "background_check", "recommended_closure", "closing", "closed"]

DESK: dict[str, Any] = {
    "workflow": "desk",
    "description": 'those who "wait" < 5 minutes & are served',
    "activities": {"serve": {}},
    "facts": {"number": {"type": "integer", "minimum": 0, "maximum": 9, "default": 0}},
    "entry": {"states": ["queue"]},
    "states": {"queue": {"activity": "serve", "description": 'wait < 5 & be "served"'}, "gone": {"final": True}},
    "transitions": [
        {"transition": "wait_on", "from": "queue", "to": "queue", "when": "number > 3 and number < 5"},
        {"transition": "finish", "from": "queue", "to": "gone"},
    ],
}


def generated(n_states: int, seed: int, nearby: bool = True) -> dict[str, Any]:
    """Return a workflow of many states in a row, with jumps ahead and back, loops and shared transitions."""
    draw = random.Random(seed)
    names = [f"{'x' * draw.randrange(12)}state_{i}" for i in range(n_states)]
    kinds = ["activity", *draw.choices(["activity", "activity", "instant", "resting"], k=n_states - 2), "final"]
    moves: list[dict[str, Any]] = [
        {"from": a, "to": b} | ({"event": "request"} if kind == "resting" else {})
        for (a, b), kind in zip(itertools.pairwise(names), kinds, strict=False)
    ]
    waiting = [i for i, kind in enumerate(kinds) if kind in ("activity", "resting")]
    for _ in range(n_states):
        at = draw.choice(waiting)
        to = at + draw.choice([-4, -2, -1, 0, 1, 2, 3]) if nearby else draw.randrange(n_states)
        sources = [names[i] for i in waiting if at <= i < at + draw.choice([1, 1, 2, 4])]
        target = {} if draw.random() < 0.1 else {"to": names[min(max(to, 0), n_states - 1)]}
        event = draw.choice([["new_crime"], ["request"], ["new_crime", "request", "expiry"]])
        moves.insert(0, {"from": sources or [names[at]], "event": event} | target)
    states: dict[str, Any] = {
        name: {"activity": "work"} if kind == "activity" else {kind: True} for name, kind in zip(names, kinds, strict=True)
    }
    return {
        "workflow": f"generated-{n_states}-{seed}",
        "activities": {"work": {}},
        "entry": {"states": [names[0], *(names[i] for i in waiting[2::3])]},
        "states": states,
        "transitions": [{"transition": f"move_{i}", **move} for i, move in enumerate(moves)],
        "events": {name: {"while": "any"} for name in ("new_crime", "request", "expiry")},
    }


OTHERS = {
    "desk": DESK,
    **{f"generated-{n}-{seed}": generated(n, seed) for n, seed in [(3, 1), (8, 2), (13, 3), (20, 4), (40, 5)]},
    "anywhere": generated(15, 6, nearby=False),
}


@functools.cache
def loaded(name: str) -> Workflow:
    """Return one of the workflows by name."""
    source: str | dict[str, Any] = OTHERS.get(name) or name
    return load_workflow(source)


@pytest.fixture(params=[*catalog(), *OTHERS])
def workflow(request: pytest.FixtureRequest) -> Workflow:
    """Every built-in workflow, a tiny one, and generated ones up to forty states."""
    return loaded(request.param)


def texts(picture: str) -> list[str]:
    """Return the visible texts of a picture, line by line, without those for screen readers."""
    return [text.text or "" for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def everything(drawn: Map) -> list[tuple[str, Rectangle]]:
    """Return the boxes of a map: those of states and those of labels."""
    labels = [(" ".join(arrow.label), arrow.box) for arrow in drawn.arrows]
    return [*drawn.boxes.items(), *labels]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    """Return whether two rectangles have more than an edge in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def touched(a: Point, b: Point) -> Rectangle:
    """Return the bounding rectangle of a segment, slightly narrowed."""
    return min(a[0], b[0]) - 0.01, min(a[1], b[1]) + 0.01, max(a[0], b[0]) + 0.01, max(a[1], b[1]) - 0.01


MOST_WITHOUT_LANES = 20


def lanes_of(text: str) -> list[str]:
    """Return the lines of each lane of a Mermaid diagram, or of the whole diagram if it has none."""
    return re.findall(r'^    state "Lane \d+ of \d+" as \w+ \{\n(.*?)^    \}$', text, re.M | re.S) or [text]


class TestMermaid:
    def test_every_transition_labels_one_arrow_from_each_of_its_states(self, workflow: Workflow) -> None:
        """The label has a line for each transition, with its events in brackets."""
        arrows = re.findall(r"^ +(\w+) --> (\w+): (.+)$", mermaid(workflow), flags=re.MULTILINE)
        drawn = Counter((a, label) for a, _, labels in arrows for label in labels.split("<br>"))
        wanted = Counter(
            (source, f"{t.name} ({', '.join(t.events)})" if t.events else t.name)
            for t in workflow.transitions
            for source in t.sources
        )
        assert drawn == wanted
        assert len({arrow[:2] for arrow in arrows}) == len(arrows)

    def test_every_arrow_leads_to_the_target_or_names_its_lane(self, workflow: Workflow) -> None:
        """No arrow leads from one lane into another, which Mermaid does not draw."""
        lanes = lanes_of(mermaid(workflow))
        lane_of = {name: k for k, lane in enumerate(lanes) for name in re.findall(r"^ +(?:\[\*\]|(\w+)) -->", lane, re.M) if name}
        targets = {t.name: t.target for t in workflow.transitions}
        for k, lane in enumerate(lanes):
            titles = {id_: title for title, id_ in re.findall(r'^ +state "(.+)" as (\w+)$', lane, re.M)}
            for source, end, label in re.findall(r"^ +(\w+) --> (\w+): (.+)$", lane, flags=re.MULTILINE):
                target = workflow.states[targets[label.split("<br>")[0].split(" ")[0]] or source]
                here = lane_of.get(target.name, k) == k
                assert titles.get(end, end) == (target.title if here else f"{target.title} (lane {lane_of[target.name] + 1})")

    def test_a_long_workflow_has_lanes(self, workflow: Workflow) -> None:
        """They have at most twelve states that are not final, about as many each, and every state is in one of them."""
        lanes = [set(re.findall(r"^ +(\w+) --> ", lane, re.M)) & workflow.states.keys() for lane in lanes_of(mermaid(workflow))]
        assert (len(lanes) > 1) == (len(workflow.states) > MOST_WITHOUT_LANES)
        if len(lanes) > 1:
            assert max(map(len, lanes)) <= 12
            assert max(map(len, lanes)) - min(map(len, lanes)) <= 1
            assert sum(map(len, lanes)) == sum(s.kind is not StateKind.FINAL for s in workflow.states.values())

    def test_entry_and_final_states_are_marked(self, workflow: Workflow) -> None:
        """An arrow leads from a dot to each entry state and, without lanes, from each final state to a dot."""
        lines = mermaid(workflow).splitlines()
        assert lines[0] == "stateDiagram-v2"
        starts = [line.split()[-1] for line in lines if "[*] -->" in line]
        assert sorted(starts) == sorted(workflow.entry_states)
        ends = [f"    {s.name} --> [*]" for s in workflow.states.values() if s.kind is StateKind.FINAL]
        assert [line for line in lines if "--> [*]" in line] == (ends if len(workflow.states) <= MOST_WITHOUT_LANES else [])

    def test_every_state_has_the_style_of_its_kind(self, workflow: Workflow) -> None:
        """Each style is used, and each used style is defined. Final states may have a copy in each lane."""
        text = mermaid(workflow)
        kinds = [(name, kind) for names, kind in re.findall(r"^    class (\S+) (\w+)$", text, re.M) for name in names.split(",")]
        final = [name for name, kind in kinds if kind == "final"]
        others = [(name, kind) for name, kind in kinds if kind not in ("final", "elsewhere")]
        assert sorted(others) == sorted((s.name, s.kind.value) for s in workflow.states.values() if s.kind is not StateKind.FINAL)
        assert {re.sub(r"_\d$", "", name) if name not in workflow.states else name for name in final} == {
            s.name for s in workflow.states.values() if s.kind is StateKind.FINAL
        }
        assert all(f"classDef {kind} " in text for _, kind in kinds)

    def test_a_state_named_like_a_mermaid_keyword_gets_another_id(self) -> None:
        """The map still shows its name."""
        states = {"note": {"activity": "serve"}, "note_": {"activity": "serve"}, "end": {"final": True}}
        moves = [{"from": "note", "to": "note_"}, {"from": "note_", "to": "end"}]
        transitions = [{"transition": f"move_{i}", **move} for i, move in enumerate(moves)]
        words = {**DESK, "states": states, "transitions": transitions, "entry": {"states": ["note"]}}
        lines = mermaid(load_workflow(words)).splitlines()
        assert '    state "note" as note__' in lines
        assert "    note__ --> note_: move_0" in lines
        assert "    note_ --> end_: move_1" in lines


class TestPicture:
    def test_every_state_is_written_once(self, workflow: Workflow) -> None:
        """The title of a state appears in its box and nowhere else."""
        written = Counter(texts(svg(workflow)))
        works = Counter(s.activity for s in workflow.states.values() if s.activity != s.name)
        assert all(written[s.title] == 1 + works[s.title] for s in workflow.states.values())

    def test_every_transition_is_written_once_for_each_of_its_arrows(self, workflow: Workflow) -> None:
        """States on the same side of the target share one arrow, unless other transitions prevent it."""
        groups = ElementTree.fromstring(svg(workflow)).iter("{http://www.w3.org/2000/svg}g")
        drawn = [ElementTree.tostring(g, encoding="unicode") for g in groups if g.get("class") == "transition"]
        written = Counter(text.split()[0] for group in drawn for text in texts(group) if not text.startswith(("(", "when ")))
        arrows = map_of(workflow).arrows
        shown = Counter(t.name for arrow in arrows for t in arrow.transitions)
        assert set(written) - set(shown) <= {f"{e}{mark}" for e in workflow.events for mark in ",)"}
        assert all(1 <= written[t.name] == shown[t.name] <= len(t.sources) for t in workflow.transitions)
        moves = Counter((source, arrow.target, t.name) for arrow in arrows for t in arrow.transitions for source in arrow.sources)
        assert moves == Counter((s, t.target or s, t.name) for t in workflow.transitions for s in t.sources)

    def test_the_picture_has_a_text_alternative(self, workflow: Workflow) -> None:
        """The image has a title, and a description of all states and transitions."""
        picture = ElementTree.fromstring(svg(workflow))
        title, description = picture[0], picture[1]
        assert picture.get("role") == "img"
        assert picture.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text == workflow.name
        words = set(re.findall(r"\w+", description.text or ""))
        titles = {word for s in workflow.states.values() for word in re.findall(r"\w+", s.title)}
        assert words >= {*titles, *(t.name for t in workflow.transitions), *(e for t in workflow.transitions for e in t.events)}  # fmt: skip

    def test_boxes_and_labels_do_not_overlap(self, workflow: Workflow) -> None:
        """All of them are on the page."""
        drawn = map_of(workflow)
        for (a, box_a), (b, box_b) in itertools.combinations(everything(drawn), 2):
            assert not overlap(box_a, box_b), (a, b)
        for name, (left, top, right, bottom) in everything(drawn):
            assert -0.01 <= left < right <= drawn.width + 0.01, name
            assert -0.01 <= top < bottom <= drawn.height + 0.01, name

    def test_no_line_runs_through_a_box_or_a_label(self, workflow: Workflow) -> None:
        """A line touches only the boxes and labels that it connects, at an edge."""
        drawn = map_of(workflow)
        for arrow in drawn.arrows:
            for part in (pair for way in arrow.ways for pair in itertools.pairwise(way)):
                for name, box in everything(drawn):
                    assert not overlap(touched(*part), box), (arrow.label, name)

    def test_every_line_leads_from_its_states_by_its_label_to_its_target(self, workflow: Workflow) -> None:
        """Each line begins and ends at the upper or lower edge of a box, and its last segment points at the box."""
        drawn = map_of(workflow)

        def on_edge(point: Point, box: Rectangle) -> bool:
            return box[0] <= point[0] <= box[2] and min(abs(point[1] - box[1]), abs(point[1] - box[3])) < 3

        for arrow in drawn.arrows:
            if arrow.is_loop:
                assert arrow.ways == ()
                continue
            *tails, head = arrow.ways
            for source, tail in zip(arrow.sources, tails, strict=True):
                assert on_edge(tail[0], drawn.boxes[source])
                assert on_edge(tail[-1], arrow.box)
            target = drawn.boxes[arrow.target]
            assert on_edge(head[0], arrow.box)
            assert on_edge(head[-1], target)
            downwards = head[-1][1] < (target[1] + target[3]) / 2
            assert head[-2][1] < head[-1][1] if downwards else head[-2][1] > head[-1][1]

    def test_transitions_on_events_are_dashed_and_others_are_not(self, workflow: Workflow) -> None:
        """They can be distinguished in print."""
        groups = ElementTree.fromstring(svg(workflow)).iter("{http://www.w3.org/2000/svg}g")
        drawn = [group for group in groups if group.get("class") == "transition"]
        for arrow, group in zip(map_of(workflow).arrows, drawn, strict=True):
            dashes = [path.get("stroke-dasharray") for path in group.iter("{http://www.w3.org/2000/svg}path")]
            assert dashes
            assert all(bool(dash) == arrow.upon_event for dash in dashes)

    def test_the_same_workflow_gives_the_same_picture(self, workflow: Workflow) -> None:
        """The picture does not depend on the order of a set or on earlier pictures."""
        assert svg(workflow) == svg(workflow)
        assert mermaid(workflow) == mermaid(workflow)

    def test_the_main_path_is_one_straight_line(self) -> None:
        """From pending to closed, boxes and labels are aligned, and the lines between them are vertical."""
        drawn = map_of(loaded("prosecutorial-discretion-review"))
        main = [arrow for arrow in drawn.arrows if arrow.main]
        assert [arrow.main for arrow in main] == MAIN_PATH[:-1]
        boxes = [*(drawn.boxes[name] for name in MAIN_PATH), *(arrow.box for arrow in main)]
        (middle,) = {round((left + right) / 2, 6) for left, _, right, _ in boxes}
        assert {round(x, 6) for arrow in main for way in arrow.ways for x, _ in way} == {middle}
        tops = [drawn.boxes[name][1] for name in MAIN_PATH]
        assert tops == sorted(tops)

    def test_the_built_in_workflow_fits_a_page(self) -> None:
        """Its map is no wider than 1280 pixels."""
        root = ElementTree.fromstring(svg(loaded("prosecutorial-discretion-review")))
        assert float(root.get("width", "inf")) <= 1280

    def test_a_transition_out_of_several_states_has_one_label(self) -> None:
        """The recommendation is withdrawn from three states: three lines join at one label."""
        drawn = map_of(loaded("prosecutorial-discretion-review"))
        (arrow,) = [a for a in drawn.arrows if a.transitions[0].name == "withdraw_recommendation"]
        assert arrow.sources == ("background_check", "recommended_closure", "closing")
        assert len(arrow.ways) == 4

    def test_special_characters_are_escaped(self) -> None:
        """Descriptions and guards may contain them."""
        picture = svg(loaded("desk"))
        titles = [title.text for title in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}title")]
        assert 'wait < 5 & be "served"' in titles
        assert "wait_on when number > 3 and number < 5" in titles
        assert DESK["description"] in texts(picture)

    def test_counts_follow_the_names_of_transitions(self) -> None:
        """They are printed as they are given. Other names are ignored."""
        workflow = loaded("desk")
        written = texts(svg(workflow, {"finish": "1,234", "wait_on": "5.2", "other": "3"}))
        assert "finish: 1,234" in written
        assert "wait_on: 5.2" in written
        assert len(written) == len(texts(svg(workflow)))

    def test_a_count_that_several_arrows_share_says_so(self) -> None:
        """Permits are applied for in eight states."""
        written = texts(svg(loaded("prosecutorial-discretion-review"), {"apply_for_permit": "100"}))
        assert sum("apply_for_permit: 100 in all" in line for line in written) == 8

    def test_a_large_workflow_takes_a_bounded_number_of_calls(self) -> None:
        """Draw forty states with random moves in about a million function calls, which is about a second."""
        workflow = load_workflow(generated(40, 7, nearby=False))
        profile = cProfile.Profile(builtins=False)
        profile.runcall(svg, workflow)
        assert sum(entry.callcount for entry in profile.getstats()) < 10_000_000


class TestLayout:
    def test_rows_lead_downwards_except_in_cycles(self) -> None:
        """Every second row stays free for labels."""
        row = rows(["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "a"), ("a", "c"), ("d", "c")], ["a"])
        assert row == {"a": 0, "b": 2, "c": 4, "d": 0}

    def test_the_main_path_leads_downwards_in_any_cycle(self) -> None:
        """The order of names does not matter."""
        assert rows(["c", "a", "b"], [("c", "a"), ("a", "b"), ("b", "c")], ["a", "b", "c"]) == {"a": 0, "b": 2, "c": 4}

    def test_avoidable_crossings_are_avoided(self) -> None:
        """Two pairs in crossed order are placed above each other, and all four lines are vertical."""
        shape = Shape(30, 30, 10, 10)
        row = {"a": 0, "b": 0, "y": 2, "x": 2}
        drawn = lay_out(dict.fromkeys(row, shape), row, [("a", "x"), ("b", "y")], [])
        assert all(len({x for x, _ in way}) == 1 for way in drawn.ways)

    def test_an_empty_map_has_no_size(self) -> None:
        """An empty map is empty."""
        drawn = lay_out({}, {}, [], [])
        assert (drawn.width, drawn.height, drawn.ways) == (0, 0, ())


class TestMarks:
    def test_conditions_are_in_short_under_the_names_and_whole_below_the_map(self) -> None:
        """A long one is cut after a word; the list below has every cut one, whole."""
        workflow = loaded("prosecutorial-discretion-review")
        written = texts(svg(workflow))
        assert 'when offer == "accepted"' in written
        cut = [t for t in workflow.transitions if is_cut(t)]
        assert cut
        everything_below = " ".join(written)
        for t in cut:
            assert f"when {short(t)}" in written
            assert f"{t.name}: when {unparse(t.guard)}" in everything_below  # type: ignore[arg-type]

    @pytest.mark.parametrize("name", ["no-discretion", "strict-criteria", "permit-for-all-closed", "before-avetisyan"])
    def test_what_a_variant_changes_is_marked(self, name: str) -> None:
        """Each marked transition says "new" or "changed"; no variant looks like the workflow that it extends."""
        one, other = loaded(name), loaded("prosecutorial-discretion-review")
        marked = changes(one, other)
        written = " ".join(texts(svg(one, against=other)))
        assert marked
        for transition, how in marked.items():
            assert f"{transition} ({how})" in written
        assert changes(one, one) == {}

    def test_what_a_cut_condition_was_is_whole_below_the_map(self) -> None:
        """It is what one wants to see. The new condition stands beside it, even if it is short."""
        long = "number > 3 and number < 90 and number != 17"
        one, other = (
            load_workflow(
                {**DESK, "transitions": [{**t, "when": w} if t["transition"] == "wait_on" else t for t in DESK["transitions"]]}
            )
            for w in ("number > 3", long)
        )
        written = " ".join(texts(svg(one, against=other)))
        assert "wait_on: when number > 3 wait_on: was " + long in written
        assert "wait_on: was " not in " ".join(texts(svg(other, against=other)))

    def test_a_changed_definition_changes_the_conditions_that_name_it(self) -> None:
        """Also where the text of the condition is the same."""
        desk = {**DESK, "define": {"busy": "number > 3"}}
        desk["transitions"] = [{**t, "when": "busy"} if t["transition"] == "wait_on" else t for t in DESK["transitions"]]
        other = {**desk, "define": {"busy": "number > 4"}}
        assert changes(load_workflow(desk), load_workflow(other)) == {"wait_on": "changed"}

    def test_transitions_that_never_happen_are_grey_and_say_so(self) -> None:
        """In the picture and in its legend."""
        picture = svg(loaded("desk"), never=["finish"])
        written = texts(picture)
        assert any("finish (never)" in line for line in written)
        assert "no case can ever take it" in written
        assert '#767676"' in picture

    def test_arrows_are_as_thick_as_their_counts(self) -> None:
        """The one that is taken most often is the thickest; the area goes with the count; the legend has a scale."""
        marks = Marks(weights={"a": 400.0, "b": 100.0, "c": 0.0})
        assert [marks.thickness([name]) for name in "abc"] == [THICKEST, (THICKEST + THINNEST) / 2, THINNEST]
        assert Marks().thickness(["a"]) is None
        assert "taken 400 times" in texts(svg(loaded("desk"), weights={"finish": 400.0}))
