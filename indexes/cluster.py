"""Ray, where work is not to be done by this process alone: opened, asked what it has, closed.

Machines, workers and what is done when one is lost are Ray's own business. Here are only its address,
what one tower gets of it, and its errors as lines.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import EXIT_MODEL, EXIT_USAGE, GalleryError, first_line
from .watching import Watch

if TYPE_CHECKING:
    from .contract import ImageEncoder

LOCAL = "local"
_FOR_A_TOWER = 4  # cores at most, where there is no GPU: more do not make one picture batch much faster
# what `ray.init` raises; the last is all it says where a machine is too slow to start it
_REFUSALS = (ConnectionError, RuntimeError, ImportError, ModuleNotFoundError, TimeoutError, Exception)
_AGAIN = "what is done is kept: run the same command again"
_ENVIRONMENT = (
    ("RAY_IGNORE_UNHANDLED_ERRORS", "1"),  # one error is raised, and others would be printed
    ("RAY_USAGE_STATS_ENABLED", "0"),  # nothing is told to anybody unasked
)
_watches: list[Watch] = []  # of the one cluster that a process may be connected to


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
    cores, gpus = _cores(nodes), sum(int(node.get("GPU", 0)) for node in nodes)
    if gpus:
        each = int(all(node.get("CPU", 0) >= 2 * node.get("GPU", 0) for node in nodes))
        return Layout(gpus, 1, each, max(1, sum(cores) - each * gpus))
    towers = sum(max(1, count // (2 * _FOR_A_TOWER)) for count in cores)
    each = min(_FOR_A_TOWER, min(cores) // 2)
    return Layout(towers, 0, each, max(1, sum(cores) - each * towers))


def alone(nodes: Sequence[Mapping[str, float]], gpus: int = 1) -> Layout:
    """The layout where nobody reads, and a tower, or whatever is in its place, takes so many GPUs.

    They are of one node; where there is none at all, up to four cores. Raises ``GalleryError`` where
    there is nothing to work on, or no node has as many.
    """
    cores, there = _cores(nodes), [int(node.get("GPU", 0)) for node in nodes]
    if any(there):
        towers = [count // gpus for count in there]
        if not any(towers):
            raise GalleryError(
                f"the model takes {gpus} GPUs, and no machine of the Ray cluster has as many",
                "set a smaller tensor_parallel_size in the profile",
            )
        enough = all(node.get("CPU", 0) >= count for node, count in zip(nodes, towers, strict=True))
        return Layout(sum(towers), gpus, int(enough), 0)
    each = max(1, min(_FOR_A_TOWER, min(cores) // 2))
    return Layout(sum(count // each for count in cores), 0, each, 0)


def _cores(nodes: Sequence[Mapping[str, float]]) -> list[int]:
    cores = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    if not cores:
        raise GalleryError("the Ray cluster has no processor to work on", "start a worker: ray start …")
    return cores


def nodes_of(ray: Any) -> list[Mapping[str, float]]:
    """What each machine of the cluster that is open has."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def layout_of(ray: Any) -> Layout:
    """The layout of the cluster that is open. Raises ``GalleryError`` for one without a processor."""
    return layout(nodes_of(ray))


@contextmanager
def opened(address: str) -> Iterator[Any]:
    """The module ``ray``, connected to ``address``; one that is connected already stays as it is.

    Raises ``GalleryError`` where it is not installed, nobody answers, or the cluster is lost on the way.
    """
    ray, ours = connected(address)
    try:
        with told(ray, address):
            yield ray
    finally:
        if ours:
            for watch in _watches:
                watch.close()
            _watches.clear()
            ray.shutdown()


def connected(address: str) -> tuple[Any, bool]:
    """The module ``ray``, connected to ``address``, and whether it was not before.

    Nobody need close it: it goes when the process does. Raises ``GalleryError`` as ``opened``.
    """
    ray = _module()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address)
        if not ray.util.client.ray.is_connected():  # a client is told of it by Ray
            _watches[:] = [Watch(ray.get_runtime_context().gcs_address)]
    return ray, ours


@contextmanager
def told(ray: Any, address: str) -> Iterator[None]:
    """What Ray raises within, as ``GalleryError``; and what a worker raises, as if it had happened here."""
    try:
        with ExitStack() as stack:
            for watch in _watches:
                stack.enter_context(watch.minding())
            yield
    except (ray.exceptions.RaySystemError, ConnectionError) as problem:
        raise GalleryError(
            f"the Ray cluster at {address} was lost ({first_line(problem, 200)})", _AGAIN, EXIT_MODEL
        ) from problem
    except ray.exceptions.RayTaskError as problem:
        raise getattr(problem, "cause", problem) from None
    except ray.exceptions.RayError as problem:
        raise GalleryError(
            f"Ray gave up on a worker ({first_line(problem, 200)})", _AGAIN, EXIT_MODEL
        ) from problem


def _module() -> Any:
    for name, value in _ENVIRONMENT:
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
