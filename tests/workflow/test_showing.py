"""Workflows, proofs, audits and differences show themselves as tables; a counterexample as steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workflow import Difference, InputError, Proof, Workflow, audit, diff, load_workflow, prove, read_log

DESK = {
    "workflow": "desk",
    "facts": {"age": {"type": "integer", "minimum": 0, "maximum": 99}},
    "activities": {"serve": {}},
    "entry": {"states": ["queue"]},
    "states": {"queue": {"activity": "serve"}, "hall": {"activity": "serve"}, "gone": {"final": True}},
    "transitions": [
        {"transition": "finish", "from": "queue", "to": "gone", "when": "age > 30"},
        {"transition": "pass_on", "from": "queue", "to": "hall"},
        {"transition": "end", "from": "hall", "to": "gone"},
    ],
    "rules": [{"rule": "nobody <b>waits</b> in the hall", "never": "pass_on"}, {"rule": "old cases end", "never": "pass_on", "if": "age > 40"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> Workflow:
    """A workflow that breaks a rule."""
    return load_workflow(DESK)


@pytest.fixture(scope="module")
def proof(desk: Workflow) -> Proof:
    """The proof of its rules."""
    return prove(desk)


def _cells(page: str) -> list[str]:
    return re.findall(r"<td[^>]*>([^<]*)</td>", page)


def test_a_proof_prints_its_report(proof: Proof) -> None:
    """Its text is one short line."""
    assert str(proof) == "\n".join(proof.render())
    assert repr(proof) == "<Proof of 'desk': 1 broken, 1 proved>"


def test_a_proof_shows_a_counterexample_as_steps(proof: Proof) -> None:
    """Each rule is a row. The steps are those of the report, in a numbered list."""
    page = proof._repr_html_()
    assert _cells(page)[:5] == ["broken", "nobody &lt;b&gt;waits&lt;/b&gt; in the hall", "", "proved", "old cases end"]
    steps = re.findall(r"<ol[^>]*>(.*?)</ol>", page)
    assert [re.findall(r"<li>(.*?)</li>", one) for one in steps] == [["pass_on: queue -&gt; hall   allowed: no guard"]]
    assert "breaks the rule: " in page


def test_a_difference_prints_and_shows_its_regions(desk: Workflow) -> None:
    """Every region is a row with its condition and its decisions."""
    other = load_workflow({**DESK, "workflow": "later", "transitions": [{**DESK["transitions"][0], "when": "age > 60"}, *DESK["transitions"][1:]]})  # type: ignore[dict-item,index]  # fmt: skip
    difference = diff(desk, other)
    assert isinstance(difference, Difference)
    assert str(difference) == "\n".join(difference.render())
    assert "\n" not in repr(difference)
    region = difference.regions[0]
    assert _cells(difference._repr_html_()) == [
        str(region.count), region.when.replace(">", "&gt;").replace("<", "&lt;"), f"age = {region.example['age']}", *region.decided
    ]  # fmt: skip


def test_an_audit_prints_and_shows_its_rules(desk: Workflow, tmp_path: Path) -> None:
    """Every rule is a row with its numbers of cases; an example of each violation follows."""
    (tmp_path / "log.csv").write_text(
        "case,activity,time,age\n1,finish,2024-01-01,50\n2,pass_on,2024-01-01,20\n2,end,2024-01-02,20\n", encoding="utf-8"
    )
    report = audit(read_log(tmp_path / "log.csv", desk), desk.rules)
    assert str(report) == "\n".join(report.render())
    assert repr(report) == "<AuditReport of 2 cases: 0 moves not allowed; rules: 1 broken, 1 kept>"
    cells = _cells(report._repr_html_())
    assert cells[:7] == ["broken", "nobody &lt;b&gt;waits&lt;/b&gt; in the hall", "1", "1", "0", "0", ""]
    assert cells[-4:] == ["2", "2024-01-01 00:00:00", "pass_on", "nobody &lt;b&gt;waits&lt;/b&gt; in the hall"]


def test_a_workflow_draws_itself(desk: Workflow, tmp_path: Path) -> None:
    """The picture is its map, which can be saved as SVG and PNG."""
    picture = desk.draw()
    assert picture.svg == desk._repr_svg_() == picture._repr_svg_()
    assert ">pass_on<" in picture.svg
    picture.save(tmp_path / "desk.svg")
    picture.save(tmp_path / "desk.png")
    assert (tmp_path / "desk.svg").read_text(encoding="utf-8") == picture.svg
    assert (tmp_path / "desk.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"must end in \.svg or \.png"):
        picture.save(tmp_path / "desk.pdf")
