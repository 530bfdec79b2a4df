"""Part (c) of `make bench`: what a person waits for at the command line, and what it takes of memory.

Every command is a fresh process, with compiled modules as a person has them from the second time on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
Row = tuple[str, str, str]
COUNT = 500  # pictures, and queries of the batch
TUNED = 2000  # queries that settings are tried over


class Ran(NamedTuple):
    """What one command took: wall seconds, and the most resident bytes."""

    seconds: float
    memory: int


def likebut(*arguments: str, cache: Path) -> Ran:
    """One command in a fresh process. Raises CalledProcessError where it fails."""
    words = [sys.executable, str(ROOT / "run.py"), *arguments]
    environment = {**os.environ, "LIKEBUT_CACHE": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return Ran(time.perf_counter() - started, used.ru_maxrss * 1024)


def bench_cli(work: Path) -> list[Row]:
    """Help, a new query, the same again, a batch of known ones, and settings that tune tries."""
    from likebut.pipeline.pocket.draw import draw_gallery, file_name

    folder, cache = work / "gallery", work / "cache.sqlite"
    gallery = draw_gallery(folder, COUNT, 1, 20)
    likebut("query", "--text", "a red apple", "--in", str(folder), cache=cache)
    asked = gallery.queries[0]
    reference = str(folder / file_name(asked.reference))
    query = ("query", reference, asked.modification, "--in", str(folder))
    helped = min(likebut("--help", cache=cache).seconds for _ in range(5))
    cold = likebut(*query, cache=cache)
    again = min(likebut(*query, cache=cache).seconds for _ in range(5))
    rate = _batch_rate(folder, [one.modification for one in gallery.queries], cache)
    return [
        ("--help (bar: ≤ 0.3 s)", f"{helped:.2f} s", "best of 5"),
        ("new pocket query, cold (bar: ≤ 12 s)", f"{cold.seconds:.1f} s", ""),
        (
            "  its memory (bar: ≤ 700 MB)",
            f"{cold.memory / 1e6:.0f} MB",
            "peak resident, libraries included",
        ),
        ("the same query again (bar: ≤ 0.5 s)", f"{again:.2f} s", "best of 5, no torch"),
        (f"batch of {COUNT} known queries (bar: ≥ 300/s)", f"{rate:.0f} /s", "best of 3, start included"),
        *_tuning(),
    ]


def _batch_rate(folder: Path, sentences: list[str], cache: Path) -> float:
    """Queries a second of a batch that was answered before, start included."""
    asked = folder / "asked.jsonl"
    lines = [
        {"id": f"{n}", "reference": f"scene-{n:05d}.png", "modification": sentences[n % len(sentences)]}
        for n in range(COUNT)
    ]
    asked.write_text("".join(json.dumps(line) + "\n" for line in lines))
    taken = [
        likebut(
            "batch", str(asked), "--in", str(folder), "--out", str(folder / f"{n}.jsonl"), cache=cache
        ).seconds
        for n in range(4)
    ]
    return COUNT / min(taken[1:])


def _tuning() -> list[Row]:
    """Settings a second, of six roles that each see the target through noise of their own."""
    import numpy as np

    from likebut.pipeline.tuning.pools import Metric, means

    made = _pools()
    settings = np.random.default_rng(1).dirichlet(np.ones(6), 2000)
    metric = Metric("Recall@10", "Recall", 10)
    means(made[:50], metric, settings)
    started = time.perf_counter()
    found = means(made, metric, settings)
    rate = len(settings) / (time.perf_counter() - started)
    items = float(np.mean([one.shares.shape[1] for one in made]))
    detail = f"pools of {items:.0f} items, Recall@10 {found.mean():.0%} on average"
    return [(f"tune, {TUNED:,} queries (bar: ≥ 3,000 settings/s)", f"{rate:,.0f} settings/s", detail)]


def _pools() -> list[Any]:
    """Pools as `pools` makes them: of 20,000 rows the 200 best of every role, the target first."""
    import numpy as np

    from likebut.pipeline.tuning.pools import SIZE, Pool

    rng, wide = np.random.default_rng(0), 64
    rows = rng.standard_normal((20_000, wide), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    noise = np.linspace(0.4, 0.8, 6, dtype=np.float32)[:, None]
    found = []
    for target in range(TUNED):
        roles = rows[target] + noise * rng.standard_normal((6, wide), np.float32)
        scores = roles @ rows.T
        best = np.argpartition(-scores, SIZE, axis=1)[:, :SIZE]
        others = np.setdiff1d(best, [target])
        shares = scores[:, [target, *others]]
        found.append(Pool(shares, np.zeros(shares.shape[1], np.float32), 1, 1))
    return found
