"""Read workflow and rules files: YAML with the place of every value, its shape, and what is wrong with it."""
