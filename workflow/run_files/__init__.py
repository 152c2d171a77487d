"""Run folders as input: the manifest, the parts that it lists, and the check of both."""
