"""The declared workflow and its rules, as frozen data."""
