"""Draw a planned gallery: PNGs, captions.jsonl, queries.jsonl. Everything follows from the seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pipeline.errors import InputError
from pipeline.pocket import captions
from pipeline.pocket.paint import paint
from pipeline.pocket.plan import Gallery, plan_gallery

SIZE = 128
# Grows when the same seed plans another gallery than before.
PLAN = 2


def file_name(number: int) -> str:
    """The file of picture ``number``."""
    return f"scene-{number:05d}.png"


def draw_gallery(
    out: Path,
    count: int,
    seed: int,
    queries: int = 0,
    *,
    size: int = SIZE,
    kinds: list[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Gallery:
    """Draw into ``out``; a second call with the same numbers finds its work done.

    Raises InputError where ``out`` holds something else.
    """
    gallery = plan_gallery(count, seed, queries, kinds)
    recipe = {
        "plan": PLAN, "count": count, "seed": seed, "queries": queries, "size": size, "kinds": kinds or [],
    }  # fmt: skip
    stamp = out / "gallery.json"
    if stamp.exists() and json.loads(stamp.read_text()) == recipe:
        return gallery
    if out.exists() and any(out.iterdir()) and not (out / "captions.jsonl").exists():
        raise InputError(f"{out} is not empty", "name a new folder, or remove this one")
    out.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    _write_tables(out, gallery)
    for old in out.glob("scene-*.png"):
        old.unlink()
    for number, (scene, scene_seed) in enumerate(zip(gallery.scenes, gallery.seeds, strict=True)):
        paint(scene, size, scene_seed).save(out / file_name(number), compress_level=1)
        if on_progress:
            on_progress(number + 1, count)
    stamp.write_text(json.dumps(recipe) + "\n")
    return gallery


def _write_tables(out: Path, gallery: Gallery) -> None:
    with (out / "captions.jsonl").open("w") as file:
        for number, scene in enumerate(gallery.scenes):
            row = {
                "file": file_name(number),
                "caption": captions.canonical(scene),
                "scene": asdict(scene),
            }
            file.write(json.dumps(row) + "\n")
    with (out / "queries.jsonl").open("w") as file:
        for query in gallery.queries:
            row = {
                "id": query.id, "kind": query.kind, "reference": file_name(query.reference),
                "modification": query.modification,
                "targets": [file_name(number) for number in query.targets],
                "target_caption": query.target_caption,
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")
