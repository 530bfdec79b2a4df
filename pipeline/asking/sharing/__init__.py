"""Answers of the cache as a file that can be handed on, and the cache's upkeep.

A file is JSON lines: a header, then one answer a line with its whole question. Reading one runs
no code, and an answer is taken only where its key is the hash of its question.
"""
