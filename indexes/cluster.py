"""Ray, where an index is not to be encoded by this process alone: opened, asked what it has, closed.

Machines, workers and what is done when one is lost are Ray's own business. Here are only its address,
what one tower gets of it, and its errors as lines.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import EXIT_MODEL, EXIT_USAGE, GalleryError, first_line

if TYPE_CHECKING:
    from .contract import ImageEncoder

LOCAL = "local"
_FOR_A_TOWER = 4  # cores at most, where there is no GPU: more do not make one picture batch much faster
# what `ray.init` raises; the last is all it says where a machine is too slow to start it
_REFUSALS = (ConnectionError, RuntimeError, ImportError, ModuleNotFoundError, TimeoutError, Exception)
_AGAIN = "what is encoded is kept: run the same command again"


@dataclass(frozen=True)
class Elsewhere:
    """Where the pictures of an index are read and encoded, and how a worker there loads the encoder.

    ``address`` is "local" (a Ray of this machine, for as long as it takes), ``ray://HOST:PORT``,
    ``HOST:PORT`` or "auto". ``make`` is called in every worker, so it can be pickled, and what it loads
    must be there.
    """

    address: str
    make: Callable[[], ImageEncoder]


class Layout(NamedTuple):
    """How many towers a cluster holds, and what each of them reserves; how many files are read at once."""

    towers: int
    gpus: int
    cpus: int
    readers: int


def layout(nodes: Sequence[Mapping[str, float]]) -> Layout:
    """The layout for nodes with so many "CPU" and "GPU" each.

    A tower has a GPU of its own; where there is none, up to four cores, and half of the machine is left
    to those who read. Raises ``GalleryError`` where there is nothing to work on.
    """
    cores = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    gpus = sum(int(node.get("GPU", 0)) for node in nodes)
    if not cores:
        raise GalleryError("the Ray cluster has no processor to work on", "start a worker: ray start …")
    if gpus:
        each = int(all(node.get("CPU", 0) >= 2 * node.get("GPU", 0) for node in nodes))
        return Layout(gpus, 1, each, max(1, sum(cores) - each * gpus))
    towers = sum(max(1, count // (2 * _FOR_A_TOWER)) for count in cores)
    each = min(_FOR_A_TOWER, min(cores) // 2)
    return Layout(towers, 0, each, max(1, sum(cores) - each * towers))


def layout_of(ray: Any) -> Layout:
    """The layout of the cluster that is open. Raises ``GalleryError`` for one without a processor."""
    return layout([node["Resources"] for node in ray.nodes() if node["Alive"]])


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """The module ``ray``, connected to ``address``; one that is connected already stays as it is.

    Raises ``GalleryError`` where it is not installed, nobody answers, or the cluster is lost on the way.
    """
    ray = _module()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
    try:
        yield ray
    except (ray.exceptions.RaySystemError, ConnectionError) as problem:
        raise GalleryError(
            f"the Ray cluster at {address} was lost ({first_line(problem, 200)})", _AGAIN
        ) from problem
    except ray.exceptions.RayTaskError as problem:
        # of the product's own, from a worker: as if it had happened here
        raise getattr(problem, "cause", problem) from None
    except ray.exceptions.RayError as problem:
        raise GalleryError(f"Ray gave up on a worker ({first_line(problem, 200)})", _AGAIN) from problem
    finally:
        if ours:
            ray.shutdown()


def _module() -> Any:
    # one error is raised, and others would be printed; and nothing is told to anybody unasked
    for name, value in (("RAY_IGNORE_UNHANDLED_ERRORS", "1"), ("RAY_USAGE_STATS_ENABLED", "0")):
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions
    except ImportError as missing:
        raise GalleryError(
            "--on needs the package ray", "pip install 'likebut[ray]'", EXIT_MODEL
        ) from missing
    return ray


def _connect(ray: Any, address: str) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        quiet["include_dashboard"] = False
    try:
        ray.init(address=address, **quiet)
    except ValueError as problem:
        raise GalleryError(
            f"--on {address}: {first_line(problem, 200)}", "use local or ray://HOST:PORT", EXIT_USAGE
        ) from problem
    except Exception as problem:
        if type(problem) not in _REFUSALS:
            raise
        raise GalleryError(
            f"no Ray cluster at {address} can be used: {first_line(problem, 200)}",
            "check that it runs (ray status), with the same Ray and Python as here; a cluster that wants a "
            "token takes it from RAY_AUTH_MODE=token and RAY_AUTH_TOKEN",
            EXIT_MODEL,
        ) from problem
