"""What a scenario is, when it has been read: the world's part, its people, and what is ready to run."""
