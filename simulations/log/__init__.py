"""The event log, and the rules of the workflow read on it."""
