"""Prompt experiments: the same queries through several prompts and models, and what differs."""
