"""Tables of results as plain data. The terminal and the report render the same tables."""
