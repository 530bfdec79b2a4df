"""likebut: training-free composed image retrieval (like this picture, *but* …)."""

__version__ = "0.1.0"
