"""`python -m tests.bench_milvus`: a gallery in Milvus Lite beside the local index; prints, asserts nothing.

Random unit vectors (50,000 × 512 float16) are written as an index and pushed; then one query is
searched by both, alone and 32 at once, with three rows left out, and with a condition.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from likebut.indexes.contract import Asked
from likebut.indexes.exact import Exact
from likebut.indexes.milvus.filters import Column
from likebut.indexes.milvus.gallery import Remote, open_remote
from likebut.indexes.milvus.push import push
from likebut.indexes.milvus.searcher import Milvus
from likebut.indexes.store import Index
from tests.indexes.milvus.conftest import unit, write

K = 10


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """The median of ``repeats`` runs, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


def searches(index: Index, remote: Remote, repeats: int) -> None:
    """Print what queries take."""
    rng = np.random.default_rng(1)
    queries = unit(rng.standard_normal((32, index.dimension))).astype(np.float32)
    ids = [item.id for item in index.items([1, 2, 3])]
    barred = [1, 2, 3], [remote.row_of(ident) for ident in ids]
    some = remote.narrowed([Column("size", "<", low=5 * index.count)])  # half of them
    for what, q, out in (
        ("one query", 1, False),
        ("one, three rows out", 1, True),
        ("32 at once", 32, False),
    ):
        took = [
            milliseconds(
                lambda: searcher.search([Asked(side, queries[:q])], K, [rows if out else []] * q),  # noqa: B023
                repeats,
            )
            for searcher, side, rows in ((Exact(), index, barred[0]), (Milvus(), remote, barred[1]))
        ]
        print(f"{what:24} local exact {took[0]:8.1f} ms   Milvus Lite {took[1]:8.1f} ms", flush=True)
    narrowed = milliseconds(lambda: Milvus().search([Asked(some, queries[:1])], K), repeats)
    print(f"{'one, half by a condition':24} {'':23}   Milvus Lite {narrowed:8.1f} ms")
    found, there = Exact().search([Asked(index, queries)], K), Milvus().search([Asked(remote, queries)], K)
    names = [
        [[i.id for i in g.items(row.tolist())] for row in f.rows]
        for g, f in ((index, found), (remote, there))
    ]
    print(f"the same {K} in {sum(a == b for a, b in zip(*names, strict=True))} of {len(queries)} queries")


def main() -> None:
    """Push, push again, search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--to", help="another address than a new file of Milvus Lite")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="likebut-bench-"))
    try:
        rows = np.random.default_rng(0).standard_normal((given.rows, given.dimension), np.float32)
        write(folder / "bench.index", unit(rows).astype(np.float16))
        address = given.to or str(folder / "bench.db")
        first, second = (push(folder / "bench.index", address) for _ in range(2))
        rate = first.sent / first.seconds
        print(f"push: {first.sent:,} × {given.dimension} in {first.seconds:.1f} s ({rate:,.0f}/s)")
        print(f"push again: {second.sent} sent in {second.seconds:.1f} s", flush=True)
        began = time.perf_counter()
        remote = open_remote(address)
        index = Index.open(folder / "bench.index")
        Milvus().search([Asked(remote, index.take([0]))], K)
        print(f"opened, and one query: {time.perf_counter() - began:.2f} s")
        searches(index, remote, given.repeats)
        remote.server.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
