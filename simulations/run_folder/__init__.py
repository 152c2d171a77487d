"""The run folder on the disk: parts written whole, the manifest, and questions in SQL."""
