"""The values that flow, and how they are kept as JSON lines."""
