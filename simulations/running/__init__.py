"""Run replications of a scenario into a folder, and read, verify or resume such folders."""
