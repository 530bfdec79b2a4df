"""The drawn benchmark: offline, and every picture that shows the edited scene is correct."""

from __future__ import annotations

from pathlib import Path

from pipeline.benchmarks import jsonl
from pipeline.benchmarks.records import Benchmark

SPLITS = ("unseen",)
PICTURES, QUERIES, SEED = 5000, 1000, 77


def load(
    data: Path,
    split: str = "unseen",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    exclude_reference: bool = True,
    pictures: int = PICTURES,
    queries: int = QUERIES,
    seed: int = SEED,
) -> Benchmark:
    """The gallery that was drawn in ``data``; an empty or missing folder is drawn first.

    Seeds are unseen by training where they are small numbers (training draws from its own).
    """
    if not (data / jsonl.QUERIES).exists():
        from pipeline.pocket.draw import draw_gallery

        draw_gallery(data, pictures, seed, queries)
    return jsonl.read(
        data,
        "pocket",
        split,
        allow_missing=allow_missing,
        annotations_only=annotations_only,
        exclude_reference=exclude_reference,
    )
