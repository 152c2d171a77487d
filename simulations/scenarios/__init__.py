"""A scenario as data, its population, and the plan of a run."""
