"""Sweeps over a grid of changes, staffing searches, and forecasts."""
