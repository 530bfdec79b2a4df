"""The stages of a query: traces in, traces out; see `contract`."""
