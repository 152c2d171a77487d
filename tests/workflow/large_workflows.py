"""Large random workflows as mappings for `load_workflow`: 100 transitions over 20 facts, with rules."""

import random

N_TRANSITIONS, N_STATES, N_EVENTS = 100, 25, 6
STYLES = ("few parts", "thresholds", "sums", "dates", "one long guard", "large record")

BOOLEANS = [f"b{i}" for i in range(8)]
INTEGERS = [f"n{i}" for i in range(6)]
DATES = [f"d{i}" for i in range(3)]
WORDS = [f"w{i}" for i in range(3)]
FLAGS = [f"r{i}" for i in range(4)]


def large_workflow(seed, style):
    """Return a workflow. The style says what its guards read."""
    return _Making(random.Random(f"{style} {seed}"), style).workflow()


class _Making:
    def __init__(self, chance, style):
        self.chance, self.style = chance, style
        self.states = [f"s{i}" for i in range(N_STATES)]
        n = 40 if style == "large record" else 6
        self.counters = [f"c{i}" for i in range(3)]
        self.most = n
        few = chance.sample(BOOLEANS, 3) + chance.sample(INTEGERS, 1)
        self.few = [f"{name} > 40" if name in INTEGERS else name for name in few]

    def workflow(self):
        states = {name: {"activity": "work"} for name in self.states}
        for name in self.chance.sample(self.states[1:], 5):
            states[name] = {"resting": True}
        events = {f"e{i}": {"while": "any", "set": {self.chance.choice(FLAGS): True}} for i in range(N_EVENTS)}
        last = [self.leaving(name, after, states) for name, after in zip(self.states, [*self.states[1:], "end"], strict=True)]
        moves = [self.move(states) for _ in range(N_TRANSITIONS - len(last))]
        facts = {name: {"type": "boolean", "default": False} for name in BOOLEANS}
        facts |= {name: {"type": "integer", "minimum": 0, "maximum": 100, "default": 0} for name in INTEGERS}
        facts |= {name: {"type": "date", "optional": True} for name in DATES}
        facts |= {name: {"enum": ["none", "some", "much", "all"], "default": "none"} for name in WORDS}
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
        n = 25 if self.style == "one long guard" else self.chance.randint(1, 4)
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
        if self.style == "sums":
            a, b, c = self.chance.sample(INTEGERS, 3)
            return f"({a} + {k % 7} * {b} - {c} > {k})"
        if self.style == "dates":
            a, b = self.chance.sample(DATES, 2)
            return f"({a} is not None and {b} is not None and {a} - {b} > days({k}))"
        return pick([*BOOLEANS, f'{pick(WORDS)} == "much"', f"({pick(INTEGERS)} > {k})"])

    def rules(self):
        n = N_TRANSITIONS - N_STATES
        for i in range(20):
            one, two = (f"t{i}" for i in self.chance.sample(range(n), 2))
            yield [
                {"never": one, "if": self.guard()},
                {"before": one, "needs": two},
                {"at_most": 3, "of": one},
                {"after": one, "then": two},
                {"never": f'once({one}) and state == "end" and {self.atom()}'},
            ][i % 5]
