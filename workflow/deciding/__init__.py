"""Decide what a case does next: the state machine, its decision table, and the monitor of rules."""
