"""Change valid content a little: values, words, texts, bytes, cells and tags."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import io
import random
import re
from typing import Any

JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 0.5, 1e-9, -0.0, 1e308, 1e12, 10**15, 10**30, -(10**18), 2**31, 2**53, 2**63, float("inf"),
    float("nan"), "", " ", "-", "%", "rest", "missing", "none", "any", "all", "3 days", "0 days", "-1 days", "1e9 years",
    "2 working days", "40 minutes", "5 per month", "1e15 per day", "10% within 2 years", "1/0", "1e999", "nan", "mon-fri",
    "09:00-17:00", "25:00-26:00", "24:00-00:00", "US", "2024-02-30", "2024-02-29", "0001-01-01", "9999-12-31", "\0", "\x1b[2J", "é" * 90,
    "a" * 5000, "../../evil", "/dev/zero", "/proc/self/environ", "age", "kind", "answer", "queue", "serve", "wake", "east", "clerks",
    "age > 1", "age >", "not", "((((", "kind == 'odd' and not (age < 3 or visits > 2)", "x.y", "arrived", "as_of + 3 days", "=1+1",
    [], {}, [[]], [{}], {"": ""}, ["a", "a"], {"rate": "3 per day"}, {"table": {"file": "log.csv"}}, {"count": 3, "age": "30 days"},
]  # fmt: skip
FAMILIES: list[list[str]] = [
    ["minutes", "hours", "days", "weeks", "months", "years", "working days"], ["minute", "hour", "day", "week", "month", "year"],
    ["exponential", "weibull", "gamma", "lognormal", "normal", "uniform", "triangular"], ["and", "or"], ["<", "<=", ">", ">=", "==", "!="],
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ["court", "nation"], ["suspend", "finish", "fit"], ["first_come", "oldest", "newest"],
    ["at_next_decision", "pinned"], ["kind", "age", "answer"], ["east", "west"], ["queue", "shelf", "done"], ["finish", "store", "resume", "wake"],
    ["north", "south"], ["age", "ground", "counsel", "entered", "finding", "visits", "tip_off"], ["clerks", "panel"], ["plain", "odd"],
    ["pending", "reviewed", "hearing", "granted", "refused"], ["review", "grant", "call", "refuse", "close", "reopen", "tip", "notice"],
    ["work", "family", "none"], ["fit", "unfit", "none"], ["once", "since", "before"], ["count", "min", "max", "implies", "abs"],
]  # fmt: skip
"""Words that may stand for each other."""
PIECES = ["{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "- ", "'", '"', "#", "|", ">", "&a ", "*a", "!!set ", "\t", "? ", "---", "...", "%YAML 1.1", "@", "`", "<<: ", "~", ".nan", "012", "0x1F", "1_000", "\ufeff", "\x85", "\r", "\0", "<", ">", "</", "&lt;", "&x;", "<!DOCTYPE a>", "<![CDATA["]  # fmt: skip
CELLS = ["", "0", "-1", "1e999", "nan", "2024-13-45", "31.12.2024", "2024-01-05T10:00:00+02:00", "2024-01-05T10:00:00Z", "1704448800", "12/31/2024 5 PM", '"', "'", ";", "\t", "\0", "=1+1", "finish", "serve", "é", "\x1b[2J", "x" * 2000, "9999-12-31", "0000-00-00", "1677-09-21"]  # fmt: skip
BOMB = '<!DOCTYPE a [<!ENTITY x "' + "y" * 50 + '"><!ENTITY z "' + "&x;" * 50 + '">]>'


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value of nested mappings and lists."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path] * bool(path) + [p for key, value in inner for p in places(value, (*path, key))]


def _at(content: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        content = content[part]
    return content


def damage_content(content: Any, how: random.Random, corpus: list[Any]) -> Any:
    """Return plain values with one of them replaced, removed, wrapped, moved, or given another key."""
    content = copy.deepcopy(content)
    paths = places(content)
    if not paths:
        return how.choice(JUNK)
    numbers = [p for p in paths if isinstance(_at(content, p), int | float)]
    path = how.choice(numbers if numbers and how.random() < 0.3 else paths)
    parent, key = _at(content, path[:-1]), path[-1]
    other = how.choice(corpus)
    what = how.randrange(8)
    if what == 0:
        del parent[key]
    elif what == 1:
        parent[key] = how.choice(JUNK)
    elif what == 2:
        parent[key] = _at(other, how.choice(places(other)))
    elif what == 3:
        wrapping = how.choice(["by", "of", "file", "mean"])
        parent[key] = how.choice([[parent[key]], {str(key): parent[key]}, {wrapping: parent[key]}])
    elif what == 4 and isinstance(parent, dict):
        names = [p[-1] for p in places(other) if isinstance(p[-1], str)]
        parent[how.choice([*names, "x"])] = parent.pop(key) if how.random() < 0.5 else parent[key]
    elif what == 5 and isinstance(parent, list):
        parent.insert(key, parent[key])
    elif isinstance(parent[key], str):
        parent[key] = _mutate_words(parent[key], how)
    else:
        parent[key] = how.choice(JUNK)
    return content


def vary_content(content: Any, how: random.Random, alternatives: dict[str, list[Any]]) -> Any:
    """Return plain values with one of them replaced by one of its kind, or some in another order: most stay valid.

    Parameters
    ----------
    alternatives : dict of str to list
        For a key, values that it has in valid files.
    """
    content = copy.deepcopy(content)
    paths = places(content)
    if not paths:
        return content
    numbers = [p for p in paths if isinstance(_at(content, p), int | float)]
    path = how.choice(numbers if numbers and how.random() < 0.3 else paths)
    parent, key = _at(content, path[:-1]), path[-1]
    value, others = parent[key], alternatives.get(str(key), [])
    of_its_kind = [other for other in others if type(other) is type(value) and other != value]
    if of_its_kind and how.random() < 0.4:
        parent[key] = copy.deepcopy(how.choice(of_its_kind))
    elif isinstance(value, dict):
        _vary_mapping(value, how)
    elif isinstance(value, list):
        how.shuffle(value)
    else:
        parent[key] = _vary_value(value, how)
    return content


def _vary_mapping(value: dict[Any, Any], how: random.Random) -> None:
    """Remove an entry, or put the entries into another order."""
    if len(value) > 1 and how.random() < 0.4:
        del value[how.choice(list(value))]
    items = list(value.items())
    how.shuffle(items)
    value.clear()
    value.update(items)


def _vary_value(value: Any, how: random.Random) -> Any:
    """Return another value of the same kind: a number, a date, or a text with another number or word."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return _vary_number(value, how)
    if isinstance(value, dt.date):
        return value + dt.timedelta(how.choice([-400, -7, -1, 1, 2, 3, 30, 10_000]))
    if not isinstance(value, str):
        return value
    words = re.findall(r"\d+(?:\.\d+)?|[^\W\d]\w*|\s+|[^\w\s]+", value)
    for k in how.sample(range(len(words)), len(words)):
        if words[k][0].isdigit():
            number = float(words[k]) if "." in words[k] else int(words[k])
            words[k] = f"{_vary_number(number, how)}".zfill(len(words[k]) if words[k][0] == "0" else 0)
            break
        family = next((family for family in FAMILIES if words[k] in family), None)
        if family:
            words[k] = how.choice(family)
            break
    return "".join(words)


def _vary_number(number: float, how: random.Random) -> float:
    """Return a number near by or, seldom, a very small or large one."""
    if how.random() < 0.1:
        return how.choice([10 ** how.randint(-9, 15), -number, 1e-300, 2**31, 2**53])
    if isinstance(number, int):
        return how.choice([number + 1, max(0, number - 1), 2 * number, number // 2, 0, 1])
    return how.choice([number / 2, 1 - number, how.random(), round(number * how.uniform(0.5, 2), 3), 0.0, 1.0])


def _mutate_words(text: str, how: random.Random) -> str:
    """Return a text with one of its words, numbers or signs replaced, removed or doubled."""
    words = re.findall(r"\w+|\s+|[^\w\s]+", text) or [""]
    k = how.randrange(len(words))
    junk = str(how.choice(["", "0", "-", "1e9", "not", "and", "==", "(", ")", ".", *JUNK[:60]]))
    words[k] = how.choice(["", words[k] * 2, how.choice(words), junk])
    return "".join(words)


def mutate_text(text: str, how: random.Random) -> str:
    """Return a text with lines or characters removed, doubled, swapped or inserted."""
    for _ in range(how.randint(1, 3)):
        parts = text.splitlines(keepends=True) if how.random() < 0.6 else list(text)
        if not parts:
            return how.choice(PIECES)
        i, j = how.randrange(len(parts)), how.randrange(len(parts))
        what = how.randrange(4)
        if what == 0:
            del parts[i : i + how.randint(1, 3)]
        elif what == 1:
            parts.insert(i, parts[j])
        elif what == 2:
            parts[i], parts[j] = parts[j], parts[i]
        else:
            parts.insert(i, how.choice(PIECES))
        text = "".join(parts)
    return text


def mutate_bytes(raw: bytes, how: random.Random) -> bytes:
    """Return bytes with some of them changed, removed, inserted or repeated."""
    content = bytearray(raw)
    for _ in range(how.randint(1, 4)):
        i = how.randrange(len(content) + 1)
        n = how.choice([1, 1, 2, 8, 100])
        what = how.randrange(5)
        if what == 0:
            content[i : i + 1] = bytes([how.randrange(256)])
        elif what == 1:
            del content[i : i + n]
        elif what == 2:
            content[i:i] = how.randbytes(n)
        elif what == 3:
            content[i:i] = content[i : i + n] * how.choice([1, 2, 50])
        else:
            del content[i:]
    return bytes(content)


def mutate_table(text: str, how: random.Random) -> bytes:
    """Return a CSV with cells, columns, rows, the separator or the encoding changed."""
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(how.randint(1, 3)):
        i, j = how.randrange(len(rows)), how.randrange(max(1, len(rows[0])))
        what = how.randrange(7)
        if what < 2 and j < len(rows[i]):
            rows[i][j] = how.choice([*CELLS, how.choice(rows[0] or [""])])
        elif what == 2:
            cell = how.choice(CELLS)
            rows = [rows[0], *([*row[:j], cell, *row[j + 1 :]] for row in rows[1:])]
        elif what == 3:
            rows = [[*row[:j], *row[j + 1 :]] for row in rows]
        elif what == 4:
            rows = [[*row, *row[j : j + 1]] for row in rows]
        elif what == 5 and len(rows) > 1:
            del rows[i : i + how.choice([1, 5, 1000])]
        else:
            rows.insert(i, how.choice([[], [""], rows[i] * 2, rows[i][:1]]))
        rows = rows or [[]]
    out = io.StringIO()
    separator = how.choice([",", ",", ",", ";", "\t", "|", ":"])
    csv.writer(out, delimiter=separator, quoting=how.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), lineterminator=how.choice(["\n", "\r\n", "\r"])).writerows(rows)  # fmt: skip
    return out.getvalue().encode(how.choice(["utf-8"] * 5 + ["utf-8-sig", "utf-16", "utf-32", "latin-1"]), "replace")


def mutate_xes(text: str, how: random.Random) -> str:
    """Return an XES log with a tag, an attribute or a value changed, or entities added."""
    what = how.randrange(5)
    if what == 0:
        tags = list(re.finditer(r"<[^>]*>", text))
        tag = how.choice(tags)
        return text[: tag.start()] + how.choice(["", tag[0] * 2, how.choice(tags)[0], "<a>", BOMB]) + text[tag.end() :]
    if what < 4:
        values = list(re.finditer(r'"[^"]*"', text))
        value = how.choice(values)
        cell = how.choice([*CELLS, "concept:name", "time:timestamp", "&z;", "&#0;", "lifecycle:transition"]).replace(
            '"', "&quot;"
        )
        return text[: value.start()] + f'"{cell}"' + text[value.end() :]
    return text.replace("<log", f"{BOMB}<log", 1).replace('"serve"', '"&z;"', how.randrange(3))
