"""Work of torch on the processor: a part of it on each core, in place of every product on all of them.

All threads of a product wait for the slowest. Where other threads decode pictures at the same time, that
is long, and they wait by spinning: with ViT-B-32 in bfloat16 on two busy cores a picture took 49 ms of the
processor in one product after another, and 20 ms in two parts side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Barrier, Lock
from typing import Any

_starting = Lock()


def side_by_side(work: Callable[[Any], Any], parts: Iterable[Any], threads: int) -> list[Any]:
    """What ``work`` gives for each part, in order; in so many threads, each of which computes alone."""
    with _starting:
        pool = _pool(threads)
    return list(pool.map(work, parts))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads in which torch uses one core; elsewhere it uses as many as it did."""
    import torch

    before = torch.get_num_threads()
    all_here = Barrier(threads)

    def begin() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread takes the number over when it first asks, and keeps it
        all_here.wait()

    pool = ThreadPoolExecutor(threads, "likebut-core", initializer=begin)
    list(pool.map(int, range(threads)))
    torch.set_num_threads(before)
    return pool
