"""Draw a gallery with composed queries: PNGs, captions.jsonl, queries.jsonl.

Every query has a reference and one to three targets in the gallery; its targets are *all*
pictures whose scene is the edited scene, wherever they came from. The rest of the gallery is
drawn by lot. Everything follows from the seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from pipeline.errors import ConfigError, InputError
from pipeline.pocket import captions, edits, world
from pipeline.pocket.paint import paint
from pipeline.pocket.world import Scene

SIZE = 128
SINGLE_KINDS = tuple(edits.MAKERS)
COMBINED_KINDS = (
    "colour+setting", "category+time", "count+style", "size+colour", "add+time", "remove+setting",
    "setting+style", "category+colour", "colour+count", "position+time",
)  # fmt: skip


@dataclass(frozen=True)
class DrawnQuery:
    """A composed query and the numbers of the pictures that answer it."""

    id: str
    kind: str
    reference: int
    modification: str
    targets: tuple[int, ...]
    target_caption: str


@dataclass(frozen=True)
class Gallery:
    """Scenes with their drawing seeds, and the queries about them."""

    scenes: tuple[Scene, ...]
    seeds: tuple[int, ...]
    queries: tuple[DrawnQuery, ...]


def query_kinds(count: int) -> list[str]:
    """The kind of every query: all single kinds in turn, every third query a combined one."""
    kinds: list[str] = []
    single = combined = 0
    for number in range(count):
        if number % 3 == 2 and number > 5:
            kinds.append(COMBINED_KINDS[combined % len(COMBINED_KINDS)])
            combined += 1
        else:
            kinds.append(SINGLE_KINDS[single % len(SINGLE_KINDS)])
            single += 1
    return kinds


def plan_gallery(
    count: int, seed: int, queries: int = 0, kinds: list[str] | None = None
) -> Gallery:
    """Decide what to draw. Raises ConfigError where the gallery cannot hold the queries."""
    if count < 1 or queries < 0:
        raise ConfigError("a gallery has at least one picture, and no negative number of queries")
    if queries * 4 > count:
        raise ConfigError(
            f"{count} pictures cannot hold {queries} queries with their targets",
            f"use --count {queries * 4} or more, or fewer --queries",
        )
    rng = Random(f"likebut gallery {seed}")
    scenes: list[Scene] = []
    asked: list[tuple[int, edits.Edit]] = []
    for kind in kinds or query_kinds(queries):
        edit = _edit_of_kind(kind, rng)
        asked.append((len(scenes), edit))
        scenes += [edit.before, *[edit.after] * rng.randint(1, 3)]
    while len(scenes) < count:
        scenes.append(world.random_scene(rng))
    order = list(range(len(scenes)))
    rng.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    shuffled = [scenes[old] for old in order]
    where: dict[Scene, list[int]] = {}
    for number, scene in enumerate(shuffled):
        where.setdefault(scene, []).append(number)
    drawn = [
        DrawnQuery(
            id=f"q{number:04d}", kind=edit.kind, reference=place[reference],
            modification=edit.sentence, targets=tuple(where[edit.after]),
            target_caption=captions.canonical(edit.after),
        )
        for number, (reference, edit) in enumerate(asked)
    ]  # fmt: skip
    seeds = tuple(rng.getrandbits(31) for _ in shuffled)
    return Gallery(tuple(shuffled), seeds, tuple(drawn))


def _edit_of_kind(kind: str, rng: Random) -> edits.Edit:
    while True:
        edit = edits.make_edit(world.random_scene(rng), kind, rng)
        if edit is not None and edit.after != edit.before:
            return edit


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
    recipe = {"count": count, "seed": seed, "queries": queries, "size": size, "kinds": kinds or []}
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
