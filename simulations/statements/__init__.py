"""Sentences about results. The terminal and the report print them, and tests check each one against the event log."""
