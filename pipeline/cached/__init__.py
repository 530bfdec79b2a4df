"""Engines and encoders behind the cache: the real one is loaded only when an answer is missing.

So a repeated query imports no torch. What must be known of a model without loading it (its
fingerprint, an encoder's dimension) is remembered in the cache under a stamp of its files.
"""

from pipeline.cached.encoder import CachedEncoder
from pipeline.cached.engine import CachedEngine

__all__ = ["CachedEncoder", "CachedEngine"]
