"""Searchers by name; see ``contract.Searcher``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .contract import Searcher

SEARCHERS: dict[str, str] = {
    "exact": "likebut.indexes.exact:Exact",
    "approximate": "likebut.indexes.approximate:Approximate",  # the exact one, where nothing is compressed
    "milvus": "likebut.indexes.milvus.searcher:Milvus",
}


def make_searcher(name: str = "exact") -> Searcher:
    """The searcher of this name. ``KeyError`` where there is none."""
    module, _, attribute = SEARCHERS[name].partition(":")
    searcher: Searcher = getattr(import_module(module), attribute)()
    return searcher
