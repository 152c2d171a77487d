"""Decide rules for every case that can exist, and say where two workflows differ."""
