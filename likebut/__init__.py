"""Like this picture, *but* …: training-free composed image retrieval, from Python.

>>> import likebut
>>> composer = likebut.open(likebut.Setup(folders=(Path("Pictures"),), profile="cpu"))
>>> trace = composer.ask("cat.png", "at night")
>>> again = composer.again(trace, forbidden=["a moon"])
>>> session = composer.start("cat.png")
>>> session.but("at night")

Importing this costs nothing: names load on use, models with the first question. What a person can
act on is raised as `LikebutError` or `GalleryError`, with a ``message`` and a ``hint``.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .indexes.build import build as build_index
    from .indexes.errors import GalleryError
    from .indexes.exact import search
    from .indexes.store import Index
    from .pipeline.batch.run import answers
    from .pipeline.errors import LikebutError
    from .pipeline.records.dialogue import Dialogue
    from .pipeline.records.queries import read_queries
    from .pipeline.records.trace import Hit, Query, Trace
    from .pipeline.records.traces import trace_from_json, trace_to_json
    from .pipeline.report.notebook import Hits
    from .pipeline.setup.names import Setup
    from .pipeline.setup.session import open
    from .pipeline.stages.composer import Composer
    from .pipeline.stages.conversation import Session

__version__ = "0.1.0"
__all__ = [
    "Composer",
    "Dialogue",
    "GalleryError",
    "Hit",
    "Hits",
    "Index",
    "LikebutError",
    "Query",
    "Session",
    "Setup",
    "Trace",
    "answers",
    "build_index",
    "open",
    "read_queries",
    "search",
    "trace_from_json",
    "trace_to_json",
]
_HOMES = {
    "Composer": "pipeline.stages.composer",
    "Dialogue": "pipeline.records.dialogue",
    "GalleryError": "indexes.errors",
    "Hit": "pipeline.records.trace",
    "Hits": "pipeline.report.notebook",
    "Index": "indexes.store",
    "LikebutError": "pipeline.errors",
    "Query": "pipeline.records.trace",
    "Session": "pipeline.stages.conversation",
    "Setup": "pipeline.setup.names",
    "Trace": "pipeline.records.trace",
    "answers": "pipeline.batch.run",
    "build_index": "indexes",
    "open": "pipeline.setup.session",
    "read_queries": "pipeline.records.queries",
    "search": "indexes.exact",
    "trace_from_json": "pipeline.records.traces",
    "trace_to_json": "pipeline.records.traces",
}

# Installed, the parts lie in this folder; in a clone, beside it.
_HERE = Path(__file__).parent
if not (_HERE / "pipeline").is_dir():
    __path__.append(str(_HERE.parent))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'likebut' has no attribute {name!r}")
    return getattr(import_module(f"likebut.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
