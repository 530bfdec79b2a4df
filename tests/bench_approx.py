"""Part of `make bench`, and by itself: searching a compressed gallery against searching all of it.

``python -m tests.bench_approx --rows 1000000`` draws vectors that are spread as those of CLIP are (see
``clip_like``), compresses them, and asks composed queries that are no gallery items. Single queries and
batches include the exact scoring of what was found. Memory is of a new process that opens the index and
asks: its own (RssAnon), and what it touched of the mapped files (RssFile, which the system may take back).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from likebut.indexes.approximate import Approximate
from likebut.indexes.compressing import CompressReport, compress
from likebut.indexes.contract import PICTURES, Asked, EncoderId
from likebut.indexes.exact import Exact
from likebut.indexes.form import read_form
from likebut.indexes.items import Item
from likebut.indexes.store import Index
from likebut.indexes.writing import Content, write_index
from tests.clip_like import ClipLike

ROWS, WIDE, RECALL = 1_000_000, 512, 0.95
SINGLE, BATCH, K = 200, 2000, 10
DRAWN = 65_536
Row = tuple[str, str, str]
KINDS: dict[str, Callable[[ClipLike, int], Any]] = {
    "composed": lambda world, count: world.composed(count),
    "texts": lambda world, count: world.texts(world.pictures(count)),
    "pictures": lambda world, count: world.pictures(count),
}


class Numbered:
    """Items that are only numbers: a list of so many would take gigabytes."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Item]:
        return (Item(row, f"{row:09d}", f"/{row:09d}", f"{row:064x}") for row in range(self.count))


def draw(folder: Path, world: ClipLike, rows: int) -> Index:
    """The index of so many pictures, drawn as it is written."""
    folder.mkdir(parents=True)
    drawn: dict[int, Any] = {}

    def gather(start: int, stop: int) -> Any:
        for block in range(start // DRAWN, (stop - 1) // DRAWN + 1):
            if block not in drawn:
                drawn.clear()
                drawn[block] = world.pictures(DRAWN).astype(np.float16)
        first = start // DRAWN
        return drawn[first][start - first * DRAWN : stop - first * DRAWN]

    identity = EncoderId("drawn", "0" * 64, "none")
    items: Any = Numbered(rows)
    write_index(folder, Content(identity, world.dimension, "float16", items, (), (), gather))
    return Index.open(folder)


def bench_approx(
    work: Path,
    rows: int = ROWS,
    wide: int = WIDE,
    recall: float = RECALL,
    folder: Path | None = None,
    kept: bool = False,
) -> Iterator[Row]:
    """What compressing takes and gives; of the index in ``folder``, which is drawn where there is none.

    The form that it has is used where it is ``kept``.
    """
    world, folder = ClipLike(rows, wide), folder or work / "large.index"
    if not folder.exists():
        began = time.perf_counter()
        draw(folder, world, rows)
        yield f"drawing {rows:,} × {wide}", f"{time.perf_counter() - began:.0f} s", ""
    world.rng = np.random.default_rng(1)  # others than what was drawn, whenever that was
    queries = {kind: make(world, SINGLE) for kind, make in KINDS.items()}
    former = read_form(folder) if kept else None
    index, quick = Index.open(folder), Approximate()
    vectors = sum(shard.bytes for shard in index.manifest.shards)
    report = CompressReport(PICTURES, former, rows, vectors) if former else compress(folder, recall)[0]
    yield _size(report, wide)
    found = quick.search([Asked(index, np.concatenate(list(queries.values())))], K)
    right = Exact().search([Asked(index, np.concatenate(list(queries.values())))], K)
    pairs = zip(found.rows, right.rows, strict=True)
    shares = [len(set(a.tolist()) & set(b.tolist())) / K for a, b in pairs]
    for at, kind in enumerate(queries):
        share = float(np.mean(shares[at * SINGLE : (at + 1) * SINGLE]))
        yield f"… recall@{K} of {SINGLE} queries: {kind}", f"{share:.3f}", f"{recall:g} asked"
    spent, whole = (
        _milliseconds(search, index, queries["composed"][:count])
        for search, count in ((quick, 200), (Exact(), 9))
    )
    more = f"{spent[1]:.1f} ms in 95 of 100; exact {whole[0]:.1f} ms"
    yield "… one query, the median", f"{spent[0]:.1f} ms", more
    many = world.composed(BATCH)
    began = time.perf_counter(), time.process_time()
    quick.search([Asked(index, many)], K)
    wall, busy = time.perf_counter() - began[0], time.process_time() - began[1]
    yield f"… {BATCH} queries at once", f"{BATCH / wall:.0f} /s", f"{busy / wall:.1f} cores were ours"
    yield _memory(folder, work, queries["composed"])


def _size(report: CompressReport, wide: int) -> Row:
    form, share = report.form, report.bytes / report.vector_bytes
    measured = ", ".join(f"{one.kind} {one.recall:.3f}" for one in form.measured)
    told = f"{form.kind}, {share:.0%} on top of the vectors, {form.effort}, measured: {measured}"
    return (f"compressing {report.rows:,} × {wide}", f"{form.seconds:.0f} s", told)


def _milliseconds(searcher: Any, index: Index, queries: Any) -> tuple[float, float]:
    """Milliseconds of one query: the median, and what 95 of 100 take at most; the first few left out."""
    spent = []
    for query in queries:
        began = time.perf_counter()
        searcher.search([Asked(index, query[None])], K)
        spent.append(1000 * (time.perf_counter() - began))
    return float(np.median(spent[4:])), float(np.quantile(spent[4:], 0.95))


ASKS = """
import json, sys, time
import numpy as np
from likebut.indexes.approximate import Approximate
from likebut.indexes.contract import Asked
from likebut.indexes.store import Index
queries = np.load(sys.argv[2])
began = time.perf_counter()
index, search = Index.open(sys.argv[1]), Approximate()
ready = time.perf_counter() - began
found = search.search([Asked(index, queries[:1])], 10)
index.items(found.rows[0].tolist())
first = time.perf_counter() - began
for query in queries:
    index.items(search.search([Asked(index, query[None])], 10).rows[0].tolist())
lines = dict(line.split(":", 1) for line in open("/proc/self/status") if line.startswith("Rss"))
sizes = {name: int(text.split()[0]) / 1024 for name, text in lines.items()}
print(json.dumps({"open": ready, "first": first, **sizes}))
"""


def _memory(folder: Path, work: Path, queries: Any) -> Row:
    np.save(work / "queries.npy", queries)
    command = [sys.executable, "-c", ASKS, str(folder), str(work / "queries.npy")]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    size = f"{told['RssAnon']:.0f} MB own, {told['RssFile']:.0f} MB of mapped files"
    return (
        f"… a new process, {SINGLE} queries",
        size,
        f"open in {told['open']:.3f} s, the first after {told['first']:.2f} s",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--wide", type=int, default=WIDE)
    parser.add_argument("--recall", type=float, default=RECALL)
    parser.add_argument("--index", type=Path, help="the index; drawn and kept where there is none")
    parser.add_argument("--kept", action="store_true", help="with the compressed form that it has")
    parser.add_argument("--work", type=Path, help="a folder on a disk with room for the vectors")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as work:
        for what, figure, more in bench_approx(
            Path(work), given.rows, given.wide, given.recall, given.index, given.kept
        ):
            print(f"{what:50} {figure:>12}  {more}", flush=True)


if __name__ == "__main__":
    main()
