"""Export the event log of a run folder to the formats of other tools."""

FORMATS = {"xes": "XES", "csv": "CSV for pm4py", "ocel": "OCEL 2.0 in JSON", "vidigi": "CSV for vidigi"}
"""The formats by the values of ``--to``."""
