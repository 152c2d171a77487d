"""What the newer forms of rules say of one case, straight from their definitions: counting, neighbouring rows, nested pasts.

As `tests.workflow.brute_force`, this shares no code with the readings that it checks. It remembers of a case only what each
form needs, and uses parsed conditions as data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.workflow.brute_force import Row, Step, Values, fact_names
from workflow import Workflow
from workflow.model.definition import StateKind
from workflow.predicates import Expression, names, parse, scalar
from workflow.predicates.tree import Field, Name, Namespace

Memory = tuple[Any, ...]

KEYS = ("never", "together_with", "eventually", "before", "needs", "since", "once", "after", "then", "of")


class FormJudge:
    """A rule of a newer form, as its entry in the file states it, for one case."""

    def __init__(self, workflow: Workflow, entry: Mapping[str, Any], facts: Values) -> None:
        self.workflow, self.entry, self.facts = workflow, entry, facts
        state = Field("state", "enum", "record", values=tuple(workflow.states))
        own = workflow.namespace
        self._space = Namespace({**own.fields, "state": state}, own.definitions, workflow.step_names, past=True)
        self._subject = next(key for key in ("never", "eventually", "before", "after", "of") if key in entry)
        either = entry.get("never", entry.get("eventually"))
        is_condition = isinstance(either, str) and not set(either.split(" or ")) <= set(workflow.step_names)
        self._condition = parse(either, self._space) if is_condition else None
        self._words = {
            key: self._word(key) for key in KEYS if key in entry and not (key in ("never", "eventually") and is_condition)
        }
        conditions = [self._condition, *(c for word in self._words.values() for _, *both in word for c in both)]
        self._past = list[Any]()
        self._find([c for c in conditions if c is not None])
        self._tests: dict[int, Any] = {}
        self.number = next((self._number(entry[k]) for k in ("at_least", "at_most", "exactly") if k in entry), 0)

    def _number(self, number: int | str) -> int:
        if isinstance(number, int):
            return number
        return int(scalar(parse(number, self._space, "number"), fact_names(self.workflow), [])(self.facts, ()))

    def _word(self, key: str) -> list[tuple[set[str], Expression | None, Expression | None]]:
        """Return the alternatives under a key: names, and what must hold before and after the step."""
        given = self.entry[key]
        result = []
        for part in given if isinstance(given, list) else [given]:
            steps = part if isinstance(part, dict) else {"of": part}
            asked = [[steps.get(k)] + ([self.entry.get(k)] if key == self._subject else []) for k in ("if", "giving")]
            when, giving = (" and ".join(f"({text})" for text in texts if text is not None) for texts in asked)
            read = (parse(text, self._space) if text else None for text in (when, giving))
            result.append((set(steps["of"].split(" or ")), *read))
        return result

    def _find(self, conditions: list[Expression]) -> None:
        """List the past operators of conditions, and of the conditions within them."""
        for condition in conditions:
            if isinstance(condition, Name) and hasattr(condition.field, "operator") and condition.field not in self._past:
                self._past.append(condition.field)
                within = [one for word in condition.field.words for one in word.alternatives]
                self._find([c for one in within for c in (one.when, one.giving) if c is not None])
            self._find(list(condition.children()))

    def _holds(self, condition: Expression | None, record: Values, state: str, past: Memory) -> bool:
        if condition is None:
            return True
        flags = [field.name for field in self._past]
        if id(condition) not in self._tests:
            columns = (*self.workflow.record, "state", *flags)
            assert names(condition) <= {*columns, *fact_names(self.workflow)}
            self._tests[id(condition)] = condition, scalar(condition, fact_names(self.workflow), columns)
        values = [self._now(field.operator, held) for field, held in zip(self._past, past, strict=True)]
        return bool(self._tests[id(condition)][1](self.facts, (*record, state, *values)))

    @staticmethod
    def _now(operator: str, happened: str) -> bool:
        """Return whether an operator holds after the t and u of a case, in order; a step that is both is a ``b``."""
        if operator == "once":
            return "t" in happened or "b" in happened
        if operator == "since":
            last_t, last_u = (max(happened.rfind(x), happened.rfind("b")) for x in "tu")
            return last_t >= 0 and last_t >= last_u
        first_u = min((happened.find(x) for x in "ub" if x in happened), default=len(happened))
        return "t" in happened[:first_u]

    # rows ------------------------------------------------------------------------------------------------

    def begin(self, record: Values, state: str) -> tuple[Memory, bool]:
        """Return the memory of a case at its start, and whether it breaks the rule there."""
        past = tuple("" for _ in self._past)
        memory: Memory = (past, self._came_to((), record, state, past), 0)
        return memory, self._ends_badly(memory, record, state)

    def _came_to(self, own: Memory, record: Values, state: str, past: Memory) -> Memory:
        """Return (1,) if the case has come to what every case must come to."""
        is_asked = self._subject == "eventually" and self._condition is not None
        return (1,) if is_asked and self._holds(self._condition, record, state, past) else own

    def after(self, memory: Memory, row: Row) -> tuple[Memory, bool]:
        """Return the memory after a row, and whether the row breaks the rule.

        The memory is what happened of each past operator, the form's own, and a count.
        """
        past, own, n = memory
        broken = False
        here: list[frozenset[str]] = []
        for step in row.steps:
            matched = frozenset(key for key in self._words if self._matches(key, step, past))
            here.append(matched)
            n, over = self._count(n, matched)
            broken = broken or over
            past = tuple(
                self._shorter(field.operator, happened + self._letter(field, step, past))
                for field, happened in zip(self._past, past, strict=True)
            )
        own, wrong = self._rows(own, here)
        memory = (past, self._came_to(own, row.record, row.state, past), n)
        return memory, broken or wrong or self._ends_badly(memory, row.record, row.state)

    def _letter(self, field: Any, step: Step, past: Memory) -> str:
        t, *u = (
            any(self._matches_one((one.names, one.when, one.giving), step, past) for one in w.alternatives) for w in field.words
        )
        return ("b" if u and u[0] else "t") if t else ("u" if u and u[0] else "")

    @staticmethod
    def _shorter(operator: str, happened: str) -> str:
        """Return what is needed of a past: the first, and the last, of each letter."""
        kept = {happened.find(x) for x in "tub"} | {happened.rfind(x) for x in "tub"}
        return "".join(x for i, x in enumerate(happened) if i in kept)

    def _matches(self, key: str, step: Step, past: Memory) -> bool:
        return any(self._matches_one(one, step, past) for one in self._words[key])

    def _matches_one(self, one: tuple[Any, Expression | None, Expression | None], step: Step, past: Memory) -> bool:
        of, when, giving = one
        return (
            step.name in of
            and self._holds(when, step.record, step.state, past)
            and self._holds(giving, step.record_after, step.state_after, past)
        )

    def _count(self, n: int, matched: frozenset[str]) -> tuple[int, bool]:
        if self._subject != "of":
            return n, False
        n = min(n + ("of" in matched), self.number + 1)
        over = n > self.number and "at_least" not in self.entry
        return (0 if "since" in matched else n), over

    def _rows(self, own: Memory, here: Sequence[frozenset[str]]) -> tuple[Memory, bool]:
        """Judge the rows so far: `own` has what the form needs of those before, `here` the keys that each step matches."""
        how, subject = self.entry.get("how"), self._subject
        if subject == "never" and "together_with" in self.entry:
            own = tuple(sorted({*own, *(key for keys in here for key in keys)}))
            return own, len(own) == 2
        if subject == "never":
            return (), any("never" in keys for keys in here)
        if subject == "eventually":
            return (1,) if any("eventually" in keys for keys in here) else own, False
        if subject == "after":
            return self._obligations(own, here, how)
        if subject == "before" and how == "directly":
            broken, seen = False, bool(own)
            for keys in here:
                broken = broken or ("before" in keys and not seen)
                seen = seen or "needs" in keys
            return (1,) * any("needs" in keys for keys in here), broken
        if subject == "before":
            return self._needs(own, here)
        return (), False

    def _obligations(self, own: Memory, here: Sequence[frozenset[str]], how: str | None) -> tuple[Memory, bool]:
        """`own` is the age in rows of the obligation that is open, at most 1; empty without one."""
        broken = False
        for keys in here:
            if "then" in keys and own:
                own = (0,) if "after" in keys and how is not None else ()
            elif "after" in keys:
                broken = broken or (how == "each time" and bool(own))
                own = own or (0,)
        broken = broken or (how == "directly" and own == (1,))
        return (1,) * bool(own), broken

    def _needs(self, own: Memory, here: Sequence[frozenset[str]]) -> tuple[Memory, bool]:
        """`own` is what happened of needs: and the reset, in order; only the last two count."""
        reset = "before" if self.entry.get("how") == "each time" else "since" if "since" in self.entry else "once"
        broken = False
        for keys in here:
            is_free = reset == "once" and "once" in self.entry and "reset" not in own
            if "before" in keys and not is_free and own[-1:] != ("needs",):
                broken = True
            own = (*own, *(["reset"] if reset in keys else []), *(["needs"] if "needs" in keys else []))
            own = ("reset", own[-1]) if "reset" in own else own[-1:]
        return own, broken

    def _ends_badly(self, memory: Memory, record: Values, state: str) -> bool:
        past, _, n = memory
        if self._condition is not None and self._subject == "never":
            return self._holds(self._condition, record, state, past)
        if self.workflow.states[state].kind is not StateKind.FINAL:
            return False
        too_few = self._subject == "of" and "at_most" not in self.entry and n < self.number
        return too_few or self.is_open(memory)

    def is_open(self, memory: Memory) -> bool:
        """Return whether an obligation is outstanding."""
        return bool(memory[1]) if self._subject == "after" else self._subject == "eventually" and not memory[1]
