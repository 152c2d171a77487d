"""Replications, from the scenario to a folder of results, and folders read back, verified and exported."""
