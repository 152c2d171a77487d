"""Large random workflows as mappings for `load_workflow`, with 20 rules each.

Those of a style in `STYLES` have 25 states, 100 transitions and 20 facts. Those of `EVERYTHING` have 150 states, 600
transitions and 30 facts, and long guards on facts of all kinds.
"""

import random

N_EVENTS = 6
STYLES = ("few parts", "thresholds", "sums", "dates", "one long guard", "large record")
EVERYTHING = "everything"

FLAGS = [f"r{i}" for i in range(4)]


def large_workflow(seed, style):
    """Return a workflow. The style says what its guards read."""
    return _Making(random.Random(f"{style} {seed}"), style).workflow()


class _Making:
    def __init__(self, chance, style):
        self.chance, self.style = chance, style
        n_states, n_booleans, n_integers, n_dates, n_words = (150, 12, 8, 5, 5) if style == EVERYTHING else (25, 8, 6, 3, 3)
        self.n_transitions = 4 * n_states
        self.states = [f"s{i}" for i in range(n_states)]
        self.booleans = [f"b{i}" for i in range(n_booleans)]
        self.integers = [f"n{i}" for i in range(n_integers)]
        self.dates = [f"d{i}" for i in range(n_dates)]
        self.words = [f"w{i}" for i in range(n_words)]
        self.counters = [f"c{i}" for i in range(3)]
        self.most = 40 if style == "large record" else 6
        few = chance.sample(self.booleans, 3) + chance.sample(self.integers, 1)
        self.few = [f"{name} > 40" if name in self.integers else name for name in few]

    def workflow(self):
        states = {name: {"activity": "work"} for name in self.states}
        for name in self.chance.sample(self.states[1:], len(self.states) // 5):
            states[name] = {"resting": True}
        events = {f"e{i}": {"while": "any", "set": {self.chance.choice(FLAGS): True}} for i in range(N_EVENTS)}
        last = [self.leaving(name, after, states) for name, after in zip(self.states, [*self.states[1:], "end"], strict=True)]
        moves = [self.move(states) for _ in range(self.n_transitions - len(last))]
        facts = {name: {"type": "boolean", "default": False} for name in self.booleans}
        facts |= {name: {"type": "integer", "minimum": 0, "maximum": 100, "default": 0} for name in self.integers}
        facts |= {name: {"type": "date", "optional": True} for name in self.dates}
        facts |= {name: {"enum": ["none", "some", "much", "all"], "default": "none"} for name in self.words}
        record = {name: {"type": "boolean", "default": False} for name in FLAGS}
        record |= {c: {"type": "integer", "minimum": 0, "maximum": self.most, "default": 0} for c in self.counters}
        record["found"] = {"enum": ["none", "yes", "no"], "default": "none"}
        return {
            "workflow": "large",
            "facts": facts,
            "record": record,
            "activities": {"work": {"gives": {"found": ["yes", "no"]}}},
            "states": {**states, "end": {"final": True}},
            "transitions": [{"transition": f"t{i}", **move} for i, move in enumerate([*moves, *last])],
            "entry": {"states": ["s0", "s1"], "record": ["r0"]},
            "events": events,
            "rules": [{"rule": f"rule {i}", **rule} for i, rule in enumerate(self.rules())],
        }

    def leaving(self, name, after, states):
        upon = {} if "activity" in states[name] else {"event": "e0"}
        return {"from": name, "to": after, **upon}

    def move(self, states):
        state = self.chance.choice(self.states)
        upon = {"event": f"e{self.chance.randrange(N_EVENTS)}"}
        upon = upon if "resting" in states[state] or self.chance.random() < 0.4 else {}
        counter = self.chance.choice(self.counters)
        effects = [{}, {self.chance.choice(FLAGS): False}, {counter: f"{counter} + 1"}]
        to = self.chance.choice([*self.states, "end"])
        return {"from": state, "to": to, "when": self.guard(), "set": self.chance.choice(effects), **upon}

    def guard(self):
        most = 8 if self.style == EVERYTHING else 4
        n = 25 if self.style == "one long guard" else self.chance.randint(1, most)
        parts = [self.atom() for _ in range(n)]
        text = parts[0]
        for part in parts[1:]:
            text = f"({text} {self.chance.choice(['and', 'or'])} {self.chance.choice(['', 'not '])}{part})"
        return text

    def atom(self):
        pick = self.chance.choice
        if self.chance.random() < 0.3:
            return pick([*FLAGS, 'found == "yes"', f"{pick(self.counters)} > {self.chance.randrange(self.most)}"])
        if self.style in ("few parts", "large record"):
            return pick(self.few)
        k = self.chance.randrange(100)
        style = pick(("thresholds", "thresholds", "sums", "dates")) if self.style == EVERYTHING else self.style
        if style == "sums":
            a, b, c = self.chance.sample(self.integers, 3)
            return f"({a} + {k % 7} * {b} - {c} > {k})"
        if style == "dates":
            a, b = self.chance.sample(self.dates, 2)
            return f"({a} is not None and {b} is not None and {a} - {b} > days({k}))"
        return pick([*self.booleans, f'{pick(self.words)} == "much"', f"({pick(self.integers)} > {k})"])

    def rules(self):
        n = self.n_transitions - len(self.states)
        for i in range(20):
            one, two = (f"t{i}" for i in self.chance.sample(range(n), 2))
            yield [
                {"never": one, "if": self.guard()},
                {"before": one, "needs": two},
                {"at_most": 3, "of": one},
                {"after": one, "then": two},
                {"never": f'once({one}) and state == "end" and {self.atom()}'},
            ][i % 5]
