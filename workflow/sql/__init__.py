"""SQL text of names, values and paths, and DuckDB connections that read no other files than the given ones."""
