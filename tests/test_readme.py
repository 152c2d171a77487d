"""README.md, the pages at the top of docs/, and `tests.documents` itself, which runs their examples.

The pages in the folders of docs/ have test files of their own, so that workers can share them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import ROOT, Block, blocks, blocks_of, documents, run_blocks, run_document

FOLDERS = ("explanation", "how-to", "reference", "tutorial")
TOP = [path for path in documents() if path not in documents(*FOLDERS)]


def left_out() -> list[Block | None]:
    """Return the blocks that are not run, or one ``None`` if there are none."""
    return [block for path in documents() for block in blocks_of(path) if block.not_run is not None] or [None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a document's blocks."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


def test_the_readme_is_short_and_has_examples() -> None:
    """README.md has fenced blocks, and at most 150 lines."""
    assert blocks_of(ROOT / "README.md")
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_folder_of_pages_is_tested() -> None:
    """Each page is at the top, beside the notebooks, or in a folder with a test file."""
    assert {path.parent for path in TOP} <= {ROOT, ROOT / "docs", ROOT / "docs" / "notebooks"}


@pytest.mark.parametrize("path", TOP, ids=lambda path: path.name)
def test_document(path: Path, folder: Path) -> None:
    """Each block of the document runs and prints what the document shows."""
    run_document(path, folder)


@pytest.mark.parametrize("block", left_out(), ids=lambda block: block.where if block else "none")
def test_a_block_left_out_says_why(block: Block | None) -> None:
    """A block that is not run shows up in the test report with its reason."""
    if block is not None:
        pytest.skip(f"{block.where}: not run: {block.not_run}")


SAMPLE = """\
# A sample

```yaml
# file: data/case.yaml
court: denver
```

```bash
make install          # only looked up
make JOBS=4 test
cat data/case.yaml | tail -n 1
echo "a warning" >&2
```

```text
court: denver
```

1. In a list, and with the output inside:

   ```console
   $ echo one \\
   > two
   one two
   $ echo "$COLUMNS"
   100
   ```

```python
from pathlib import Path

fresh = "fresh" not in globals()
print(Path("data/case.yaml").read_text().splitlines()[1], fresh)
```

```text
court: denver True
```

```python
# file: rules.py
ANSWER = 42
```

~~~python
import rules

print(rules.ANSWER, "fresh" in globals())
~~~

```text
42 False
```

<!-- not run: takes an hour -->
```bash
exit 1
```

```python
print("different every time")
```

<!-- not run: different every time -->
```text
0.123
```

```yaml
guard: { any: [1, 2] }
```

```mermaid
graph LR
```
"""


def test_a_sample_document_passes(folder: Path) -> None:
    """Files, commands, programs, their output and what is left out work together in one document."""
    run_blocks(list(blocks(SAMPLE, "sample.md")), folder)
    assert sorted(path.name for path in folder.iterdir()) in (["data", "rules.py"], ["__pycache__", "data", "rules.py"])


def test_blocks_have_a_position() -> None:
    """A block has the line of its fence, its language and the reason why it is not run."""
    listed = list(blocks(SAMPLE, "sample.md"))
    assert [block.where for block in listed[:2]] == ["sample.md:3", "sample.md:8"]
    assert [block.language for block in listed[:4]] == ["yaml", "bash", "text", "console"]
    assert [block.not_run for block in listed if block.not_run] == ["takes an hour", "different every time"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("```bash\necho one\n```\n\n```text\ntwo\n```\n", "bad.md:5: the document shows another output"),
        ("```console\n$ echo one\ntwo\n```\n", "bad.md:1: the document shows another output"),
        ("```console\necho one\n```\n", "begins with '\\$ '"),
        ("```bash\nfalse\necho late\n```\n", "bad.md:1: exit code 1"),
        ("```bash\nfalse | cat\n```\n", "bad.md:1: exit code 1"),
        ("```python\nraise ValueError('no')\n```\n", "(?s)bad.md:1: exit code 1.*ValueError: no"),
        ("```bash\nmake coffee\n```\n", "no such target in the Makefile: coffee"),
        ("```bash\nmake test && echo done\n```\n", "give make a line of its own"),
        ("```bash\nmake test\n```\n\n```text\npassed\n```\n", "bad.md:5: the block before it prints nothing here"),
        ("```\nanything\n```\n", "no way to check a block of the language ''"),
        ("```yaml\na: [1\n```\n", "bad.md:1: "),
        ("```json\n{'a': 1}\n```\n", "bad.md:1: "),
        ("```yaml\n# file: ../out.yaml\na: 1\n```\n", "outside the folder"),
        ("<!-- not run: -->\n```bash\ntrue\n```\n", "bad.md:2: say why"),
        ("```bash\ntrue\n", "bad.md:1: the block has no end"),
    ],
)
def test_a_wrong_document_fails(document: str, message: str, folder: Path) -> None:
    """A document with wrong output fails, with the position."""
    with pytest.raises(AssertionError, match=message):
        run_blocks(list(blocks(document, "bad.md")), folder)
