"""Parse the text of a predicate into Python's syntax tree, or say why it cannot be parsed.

Python's parser reads the text; nothing runs it. Its own messages are about Python, so mistakes that are common in
policy texts (an operator of another language, a quote pasted from a document) are looked for first.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import TypedDict

from workflow.predicates.mistakes import Mistake, PredicateError, shorten

MAX_LENGTH = 4000

_QUOTED = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"")
_FOREIGN = re.compile(r"&&|\|\||===|!==|=>|=<|<>|(?<![=!<>])=(?![=>])|!(?!=)|:=|\b(?:AND|OR|NOT|IN|IS|BETWEEN|LIKE|THEN)\b")
_IF_KEY = re.compile(r"(?<=[{,\s])if(?=\s*:)")  # a key that is no name for Python
_BARE_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b")
_INSTEAD = {
    "&&": "and", "||": "or", "===": "==", "!==": "!=", "=>": ">=", "=<": "<=", "<>": "!=", "=": "==", "!": "not", ":=": "==",
    "BETWEEN": "low <= x <= high", "LIKE": "==", "THEN": "a if condition else b",
}  # fmt: skip
_PASTED = {"≥": ">=", "≤": "<=", "≠": "!=", "–": "-", "—": "-", "−": "-", "×": "*", "\u00a0": "a plain space"}
_PASTED |= dict.fromkeys("\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb", "a plain quote, ' or \"")
_OPENING = {")": "(", "]": "[", "}": "{"}
_TOO_DEEP = Mistake(0, "the expression is nested too deeply; name parts of it under define:")


class Span(TypedDict):
    """The offsets of a node: keyword arguments of an `Expression`."""

    start: int
    end: int


class SourceText:
    """The text of a predicate, and the offsets of the nodes of its syntax tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.split("\n")
        self._is_ascii = text.isascii()
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line (from 1) and a column in bytes of UTF-8, as `ast` counts.

        `parse_syntax` puts a parenthesis before the text, which shifts the first line by one.
        """
        if line > len(self._lines):
            return len(self.text)
        column = max(column - (line == 1), 0)
        if self._is_ascii:
            return self._starts[line - 1] + min(column, len(self._lines[line - 1]))
        before = self._lines[line - 1].encode()[:column]
        return self._starts[line - 1] + len(before.decode(errors="ignore"))

    def span(self, node: ast.expr) -> Span:
        """Return the start and the end of a node."""
        start = self.offset(node.lineno, node.col_offset)
        return {"start": start, "end": self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)}

    def quote(self, node: ast.expr) -> str:
        """Return the text of a node, shortened for a message."""
        span = self.span(node)
        return shorten(self.text[span["start"] : span["end"]])


def parse_syntax(text: str) -> tuple[ast.expr, SourceText]:
    """Return the syntax tree of a text.

    Raises
    ------
    PredicateError
        If the text is not an expression.
    """
    if len(text) > MAX_LENGTH:
        limit = f"at most {MAX_LENGTH:,} are allowed. Name parts of it under define:"
        raise PredicateError([Mistake(MAX_LENGTH, f"the expression has {len(text):,} characters; {limit}")])
    if not text.strip():
        raise PredicateError([Mistake(0, "the expression is empty; write a condition, or true")])
    text = text.replace("\r", " ")
    masked = _QUOTED.sub(lambda match: "_" * len(match[0]), text)
    if mistakes := [*_odd_characters(text, masked), *_unmatched_brackets(masked)]:
        raise PredicateError(mistakes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns about some texts before it refuses them
            tree = ast.parse(f"({_with_if_keys(text, masked)}\n)", mode="eval")  # the parenthesis allows line breaks
    except SyntaxError as error:
        raise PredicateError(_syntax_mistakes(text, masked, error)) from None
    except (MemoryError, RecursionError):
        raise PredicateError([_TOO_DEEP]) from None
    except ValueError as error:  # other texts that Python's tokenizer refuses
        raise PredicateError([Mistake(0, f"the expression cannot be parsed: {error}")]) from None
    return tree.body, SourceText(text)


def _with_if_keys(text: str, masked: str) -> str:
    """Return a text with each key ``if:`` in capitals, which Python takes as a name."""
    for match in _IF_KEY.finditer(masked):
        text = text[: match.start()] + "IF" + text[match.end() :]
    return text


def _odd_characters(text: str, masked: str) -> Iterator[Mistake]:
    for offset, character in enumerate(text):
        code, quoted = ord(character), masked[offset] != character
        if (code < 32 and character not in "\n\t") or 0xD800 <= code < 0xE000 or code == 127:
            yield Mistake(offset, f"the character {character!r} is not printable; remove it")
        elif not quoted and (code > 127 or character in "\\#$?`;"):
            instead = _PASTED.get(character)
            hint = f"write {instead}" if instead else "names and operators use ASCII letters and signs"
            yield Mistake(offset, f"the character {character!r} is not allowed outside quotes; {hint}")


def _unmatched_brackets(masked: str) -> Iterator[Mistake]:
    """Find unmatched brackets, which the added parenthesis could otherwise match."""
    opened: list[tuple[int, str]] = []
    for offset, character in enumerate(masked):
        if character in "([{":
            opened.append((offset, character))
        elif character in _OPENING:
            if not opened or opened[-1][1] != _OPENING[character]:
                yield Mistake(offset, f"this {character!r} has no matching {_OPENING[character]!r}")
                return
            opened.pop()
    for offset, character in opened:
        yield Mistake(offset, f"this {character!r} is never closed")


def _syntax_mistakes(text: str, masked: str, error: SyntaxError) -> list[Mistake]:
    """Return the likely cause of a syntax error."""
    if foreign := [
        Mistake(m.start(), f"{m[0]!r} is not an operator here; write {_INSTEAD.get(m[0], m[0].lower())!r}")
        for m in _FOREIGN.finditer(masked)
    ]:
        return foreign
    if dates := [Mistake(m.start(), f'write a date as date("{m[0]}")') for m in _BARE_DATE.finditer(masked)]:
        return dates
    if quote := re.search(r"['\"]", masked):
        return [Mistake(quote.start(), "this quote is never closed")]
    if "too many nested" in str(error.msg):
        return [_TOO_DEEP]
    line, column = error.lineno or 1, error.offset or 1
    lines = text.split("\n")
    length = len(text.rstrip())
    offset = length
    if line <= len(lines):
        offset = sum(len(before) + 1 for before in lines[: line - 1]) + max(column - 1 - (line == 1), 0)
    if offset >= length:
        last = shorten(text.split()[-1], 20)
        return [Mistake(max(length - 1, 0), f"the expression ends too early; something is missing after {last!r}")]
    if "else" in str(error.msg):
        return [Mistake(offset, "'if' needs an 'else': a if condition else b")]
    hint = "an operator (and, or, ==, <, in ...) may be missing before or after it"
    return [Mistake(offset, f"cannot be parsed from {shorten(text[offset:], 20)!r} on; {hint}")]
