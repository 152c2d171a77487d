"""Two scenarios with the same people and the same chances."""
