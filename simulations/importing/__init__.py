"""From the records of others to an event log with a table of cases; and synthetic releases to check that against."""
