"""The programs of other tools hold no doctests, and cannot be loaded where the tools are not installed."""

collect_ignore_glob = ["*.py"]
