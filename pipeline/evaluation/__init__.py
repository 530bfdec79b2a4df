"""A benchmark run: answered, kept, scored, compared."""
