"""Decide what a case does next: the state machine, its table over fact classes, and rules followed step by step."""
