"""Weights chosen on one half of labelled queries, and reported on the other."""
