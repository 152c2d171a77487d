"""Read an event log and judge each case in it against the rules."""
