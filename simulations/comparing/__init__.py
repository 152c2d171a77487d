"""Compare scenarios with common random numbers."""
