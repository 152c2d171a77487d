"""Short scripts over the public functions, to read, run and copy."""
