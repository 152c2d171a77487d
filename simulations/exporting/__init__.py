"""Export the event log of a run folder to the formats of other tools."""
