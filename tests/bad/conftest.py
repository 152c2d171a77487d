"""Do not collect the invalid files as tests."""

collect_ignore_glob = ["*"]
