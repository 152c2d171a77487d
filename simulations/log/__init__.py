"""The event log and the check of rules on it."""
