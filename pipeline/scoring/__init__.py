"""Families of scores, one per file."""
