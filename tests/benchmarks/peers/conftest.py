"""Do not collect programs that need other tools; they contain no doctests."""

collect_ignore_glob = ["*.py"]
