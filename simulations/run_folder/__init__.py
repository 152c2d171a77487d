"""Run folders on disk: parts, manifest, and views in SQL."""
