"""Turn the names that a log uses into names of a workflow."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from collections.abc import Iterable

from workflow.files.table import same_name
from workflow.loading.vocabulary import reserved_names

_LONGEST = 40


def plain_name(text: str) -> str:
    """Return a text as a name: small letters, digits and underscores.

    Examples
    --------
    >>> plain_name("Send for Credit Collection"), plain_name("01_HOOFD_010"), plain_name("(case) requestComplete")
    ('send_for_credit_collection', 'step_01_hoofd_010', 'request_complete')
    """
    bare = same_name(text.removeprefix("case:").removeprefix("(case)").strip())
    ascii_only = unicodedata.normalize("NFKD", bare.replace("ß", "ss")).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", ascii_only).strip("_").lower()[:_LONGEST].rstrip("_") or "unnamed"
    return f"step_{name}" if not name[0].isalpha() else name


class Names:
    """The names of one workflow, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, text: str, what: str = "state") -> str:
        """Return a name for a text that is not taken yet.

        Parameters
        ----------
        what : {"fact", "record field", "transition", "event", "state"}
        """
        name = plain_name(text)
        taken = self._taken | reserved_names(what)
        if keyword.iskeyword(name) or name.casefold() in taken:
            name = next(n for n in self._numbered(name) if n.casefold() not in taken and not keyword.iskeyword(n))
        self._taken.add(name.casefold())
        return name

    @staticmethod
    def _numbered(name: str) -> Iterable[str]:
        yield f"{name}_"
        yield from (f"{name}_{k}" for k in range(2, 10_000))


def quoted(text: str) -> str:
    """Return a text for YAML."""
    return json.dumps(text, ensure_ascii=False)


def one_line(text: str) -> str:
    """Return a text for a comment."""
    return " ".join(text.split())
