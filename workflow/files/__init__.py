"""Read workflow and rule files: YAML with the position of every value, its format, and its mistakes."""
