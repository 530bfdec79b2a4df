"""Which hits of a ranking are shown, and of which pictures."""
