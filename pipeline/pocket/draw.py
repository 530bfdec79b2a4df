"""Draw a planned gallery: PNGs, captions.jsonl, queries.jsonl. Everything follows from the seed."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, InputError
from . import captions
from .busy import BusyScene, arrange, plan_busy
from .busy import canonical as busy_caption
from .dialogues import plan_dialogues
from .paint import paint, paint_arranged
from .plan import DrawnGallery, plan_gallery
from .world import Scene

if TYPE_CHECKING:
    from PIL import Image

SIZE = 128
# Grows when the same seed plans another gallery than before.
PLAN = 2
STAMP, CAPTIONS, QUERIES = "gallery.json", "captions.jsonl", "queries.jsonl"
_ELSEWHERE = "name a new folder; nothing in this one was changed"


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
    busy: bool = False,
    turns: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> DrawnGallery:
    """Draw into ``out``; a second call with the same numbers finds its work done.

    ``busy`` scenes hold eight things each (see ``busy``); with several ``turns`` queries are dialogues.

    Another gallery takes the place of one that was drawn there, unless a file of it was changed since:
    ``gallery.json`` lists what may be replaced. Raises InputError where ``out`` holds something else.
    """
    if busy and turns > 1:
        raise ConfigError("busy scenes have no dialogues", "leave out --busy or --turns")
    if turns > 1:
        gallery = plan_dialogues(count, seed, queries, turns)
    else:
        gallery = plan_busy(count, seed, queries) if busy else plan_gallery(count, seed, queries, kinds)
    recipe = {
        "plan": PLAN,
        "count": count,
        "seed": seed,
        "queries": queries,
        "size": size,
        "kinds": kinds or [],
        "busy": busy,
        "turns": turns,
    }
    known = _read_stamp(out)
    before = {"busy": False, "turns": 1, **(known or {})}
    if known and "drawing" not in known and all(before.get(key) == value for key, value in recipe.items()):
        return gallery
    names = [CAPTIONS, QUERIES, *map(file_name, range(count))]
    own = _own_files(out, known, names)
    _make_folder(out)
    _write_stamp(out, {**recipe, "drawing": sorted({*own, *names})})
    for name in own:
        (out / name).unlink(missing_ok=True)
    files = {}
    for name, text in ((CAPTIONS, _captions(gallery)), (QUERIES, _queries(gallery))):
        files[name] = _write(out / name, text.encode())
    for number, (scene, scene_seed) in enumerate(zip(gallery.scenes, gallery.seeds, strict=True)):
        png = io.BytesIO()
        _painted(scene, size, scene_seed).save(png, "PNG", compress_level=1)
        files[file_name(number)] = _write(out / file_name(number), png.getvalue())
        if on_progress:
            on_progress(number + 1, count)
    _write_stamp(out, {**recipe, "files": files})
    return gallery


def _painted(scene: Scene | BusyScene, size: int, seed: int) -> Image.Image:
    return (
        paint_arranged(scene, arrange, size, seed)
        if isinstance(scene, BusyScene)
        else paint(scene, size, seed)
    )


def _caption(scene: Scene | BusyScene) -> str:
    return busy_caption(scene) if isinstance(scene, BusyScene) else captions.canonical(scene)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(f"cannot draw into {out}: {problem.strerror}") from problem


def _read_stamp(out: Path) -> dict[str, Any] | None:
    """What ``gallery.json`` says; None where none was drawn. Raises InputError."""
    try:
        stamp = json.loads((out / STAMP).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        stamp = None
    if not isinstance(stamp, dict) or not {"plan", "count", "seed"} <= set(stamp):
        raise InputError(f"{out / STAMP} is of something else", "name a new folder")
    return stamp


def _own_files(out: Path, known: dict[str, Any] | None, names: Sequence[str]) -> list[str]:
    """The files of an earlier gallery in ``out``, all as they were drawn.

    Raises InputError where one is not, or where another file is in the way of ``names``.
    """
    if known is None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out} is not empty and holds no drawn gallery", "name a new folder")
        return []
    if "drawing" in known:  # it was interrupted: this is all it may have made
        own = {str(name): "" for name in known["drawing"]}
    else:
        own = {str(name): str(digest) for name, digest in known.get("files", {}).items()}
    for name in (*own, *names):
        path = out / name
        if not os.path.lexists(path):
            continue
        if name not in own:
            raise InputError(f"{path} is in the way and is not of the gallery there", _ELSEWHERE)
        if Path(name).name != name or (own[name] and _digest(path.read_bytes()) != own[name]):
            raise InputError(f"{path} was changed since it was drawn", _ELSEWHERE)
    return list(own)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return _digest(data)


def _write_stamp(out: Path, stamp: dict[str, Any]) -> None:
    draft = out / f".{STAMP}.part"
    draft.write_text(json.dumps(stamp) + "\n", encoding="utf-8")
    draft.replace(out / STAMP)


def _captions(gallery: DrawnGallery) -> str:
    rows = (
        {"file": file_name(number), "caption": _caption(scene), "scene": asdict(scene)}
        for number, scene in enumerate(gallery.scenes)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def _queries(gallery: DrawnGallery) -> str:
    rows = (
        {
            "id": query.id,
            "kind": query.kind,
            "reference": file_name(query.reference),
            "modification": query.modification,
            **({"history": list(query.history)} if query.history else {}),
            "targets": [file_name(number) for number in query.targets],
            "target_caption": query.target_caption,
        }
        for query in gallery.queries
    )
    return "".join(json.dumps(row) + "\n" for row in rows)
