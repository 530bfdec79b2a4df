"""The drawn benchmark: offline, and every picture that shows the edited scene is correct."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from . import jsonl
from .records import Benchmark
from .turns import FOLDED

SPLITS = ("unseen",)
PICTURES, QUERIES, SEED = 5000, 1000, 77
DRAWING = ("draw", "pictures", "queries", "seed")  # options that say how it is drawn, once


def load(
    data: Path,
    split: str = "unseen",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    exclude_reference: bool = True,
    turns: str = FOLDED,
    draw: bool = False,
    pictures: int | None = None,
    queries: int | None = None,
    seed: int | None = None,
) -> Benchmark:
    """The gallery that was drawn in ``data``; drawn first where it is asked for.

    That is said by ``draw`` or by any of the numbers: a folder that is not there may be a slip of the
    pen. Raises InputError. Seeds are unseen by training where they are small numbers (training draws
    from its own).
    """
    if not (data / jsonl.QUERIES).exists():
        from ..pocket.draw import draw_gallery

        if not draw and pictures is None and queries is None and seed is None:
            raise InputError(
                f"no drawn benchmark in {data}",
                "check --data; or let `likebut eval pocket --draw` draw it there",
            )
        draw_gallery(
            data,
            PICTURES if pictures is None else pictures,
            SEED if seed is None else seed,
            QUERIES if queries is None else queries,
        )
    return jsonl.read(
        data,
        "pocket",
        split,
        allow_missing=allow_missing,
        annotations_only=annotations_only,
        exclude_reference=exclude_reference,
        turns=turns,
    )
