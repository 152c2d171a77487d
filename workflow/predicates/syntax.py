"""From a text to Python's own syntax tree, or to the mistakes that keep it from being one.

Python's parser reads the text, nothing runs it. Its messages are about Python; people who write policy
make other mistakes (an operator of another language, a quote pasted from a document), so those are looked
for first.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from workflow.predicates.mistakes import Mistake, PredicateError, shortened

__all__ = ["Source", "read_syntax"]

MAX_LENGTH = 4000

_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
_FOREIGN = re.compile(
    r"&&|\|\||===|!==|=>|=<|<>|(?<![=!<>])=(?![=>])|!(?!=)|:=|\b(?:AND|OR|NOT|IN|IS|BETWEEN|LIKE|THEN)\b"
)
_BARE_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
_INSTEAD = {
    "&&": "and", "||": "or", "===": "==", "!==": "!=", "=>": ">=", "=<": "<=", "<>": "!=", "=": "==", "!": "not", ":=": "==",
    "BETWEEN": "low <= x <= high", "LIKE": "==", "THEN": "a if condition else b",
}  # fmt: skip
_PASTED = {"≥": ">=", "≤": "<=", "≠": "!=", "–": "-", "—": "-", "−": "-", "×": "*", "\u00a0": "a plain space"}
_PASTED |= dict.fromkeys("\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb", "a plain quote, ' or \"")
_CLOSES = {")": "(", "]": "[", "}": "{"}


class Source:
    """The text of a predicate, and where a node of its syntax tree stands in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        """Return the character for a line (from 1) and a column in bytes of UTF-8, as `ast` counts.

        The text was read within a parenthesis of ours (see `read_syntax`), which moves its first line by one.
        """
        if line > len(self._lines):
            return len(self.text)
        before = self._lines[line - 1].encode()[: max(column - (line == 1), 0)]
        return self._starts[line - 1] + len(before.decode(errors="ignore"))

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Return where a node begins and ends."""
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def quote(self, node: ast.expr) -> str:
        """Return a node's own words, short enough for a message."""
        start, end = self.span(node)
        return shortened(self.text[start:end])


def read_syntax(text: str) -> tuple[ast.expr, Source]:
    """Return the syntax tree of a text.

    Raises
    ------
    PredicateError
        If the text is no expression at all.
    """
    if len(text) > MAX_LENGTH:
        raise PredicateError(
            [
                Mistake(
                    MAX_LENGTH,
                    f"the text has {len(text):,} characters; at most {MAX_LENGTH:,} are read. Give parts of it a name under define:",
                )
            ]
        )
    if not text.strip():
        raise PredicateError([Mistake(0, "the text is empty; write a condition, or true")])
    text = text.replace("\r", " ")
    masked = _QUOTED.sub(lambda match: "_" * len(match[0]), text)
    found = [*_odd_characters(text, masked), *_brackets(masked)]
    if found:
        raise PredicateError(found)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of some texts on the way to refusing them
            tree = ast.parse(f"({text}\n)", mode="eval")  # the parenthesis allows line breaks
    except SyntaxError as error:
        raise PredicateError(_syntax_mistakes(text, masked, error)) from None
    except (MemoryError, RecursionError):
        raise PredicateError(
            [Mistake(0, "the text is nested too deeply to be read; give parts of it a name under define:")]
        ) from None
    except ValueError as error:  # whatever else Python's tokenizer refuses
        raise PredicateError([Mistake(0, f"the text cannot be read: {error}")]) from None
    return tree.body, Source(text)


def _odd_characters(text: str, masked: str) -> Iterator[Mistake]:
    for offset, character in enumerate(text):
        quoted = masked[offset] != character
        if (
            (ord(character) < 32 and character not in "\n\t")
            or 0xD800 <= ord(character) < 0xE000
            or ord(character) == 127
        ):
            yield Mistake(offset, f"the character {character!r} cannot be printed; take it out")
        elif not quoted and (ord(character) > 127 or character in "\\#$?`;"):
            instead = _PASTED.get(character)
            hint = f"write {instead}" if instead else "names and operators are written in plain letters and signs"
            yield Mistake(offset, f"the character {character!r} is not allowed outside quotes; {hint}")


def _brackets(masked: str) -> Iterator[Mistake]:
    """Find brackets without a partner, before ours around the text could become one."""
    is_open: list[tuple[int, str]] = []
    for offset, character in enumerate(masked):
        if character in "([{":
            is_open.append((offset, character))
        elif character in _CLOSES:
            if not is_open or is_open[-1][1] != _CLOSES[character]:
                yield Mistake(offset, f"this {character!r} closes no {_CLOSES[character]!r}")
                return
            is_open.pop()
    for offset, character in is_open:
        yield Mistake(offset, f"this {character!r} is never closed")


def _syntax_mistakes(text: str, masked: str, error: SyntaxError) -> list[Mistake]:
    foreign = [
        Mistake(
            match.start(), f"{match[0]!r} is not an operator here; write {_INSTEAD.get(match[0], match[0].lower())!r}"
        )
        for match in _FOREIGN.finditer(masked)
    ]
    if foreign:
        return foreign
    if dates := [Mistake(m.start(), f'a date is written date("{m[0]}")') for m in _BARE_DATE.finditer(masked)]:
        return dates
    for quote in re.finditer(r"['\"]", masked):
        return [Mistake(quote.start(), "this quote is never closed")]
    line, column = error.lineno or 1, error.offset or 1
    lines = text.split("\n")
    if "too many nested" in str(error.msg):
        return [Mistake(0, "the text is nested too deeply to be read; give parts of it a name under define:")]
    length = len(text.rstrip())
    if line > len(lines):
        offset = length
    else:
        offset = sum(len(before) + 1 for before in lines[: line - 1]) + max(column - 1 - (line == 1), 0)
    if offset >= length:
        return [
            Mistake(max(length - 1, 0), f"the text ends too early; something is missing after {_last_word(text)!r}")
        ]
    if "else" in str(error.msg):
        return [Mistake(offset, "'if' needs an 'else': a if condition else b")]
    return [
        Mistake(
            offset,
            f"cannot be read from {shortened(text[offset:], 20)!r} on; an operator (and, or, ==, <, in ...) may be missing before or after it",
        )
    ]


def _last_word(text: str) -> str:
    return shortened(text.split()[-1], 20)
