"""Measures computed from a log: counts, waiting, utilisation, dates and costs; and the invariants of a log."""
