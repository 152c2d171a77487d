"""The wrong files are no tests of their own."""

collect_ignore_glob = ["*"]
