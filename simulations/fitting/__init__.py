"""From the records of real cases to a first workflow and a fitted scenario, and the check of its forecast."""
