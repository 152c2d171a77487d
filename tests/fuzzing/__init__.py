"""Run the commands on mutants: damaged files and command lines. Each is run or refused with a clear message.

``python -m tests.fuzzing FIRST LAST [SEED]`` runs the mutants of these numbers and prints each finding as a line of JSON.
Mutant k of a seed is always the same; ``python -m tests.fuzzing K K SEED --show`` writes its files to the current folder,
which should be empty, and prints its command.
"""
