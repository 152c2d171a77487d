"""Short scripts that use the public functions, to read, run and copy."""
