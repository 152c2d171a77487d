"""Do not collect the rules here as tests: `tests/workflow/test_several_fields_given.py` reads the files."""

collect_ignore_glob = ["*"]
