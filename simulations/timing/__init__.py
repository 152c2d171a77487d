"""Instants, durations, and when work is done: whole microseconds within, dates and working days for people."""
