"""Measures the profile photos and prints; asserts nothing.

    python -m tests.photographs [FOLDER of unpacked stamps]

Caption → picture on the photographs of Debian's package tuxpaint-stamps-default, which is fetched by
apt-get (GPL-2; never shipped), and thirty requests about the photographs of this package, alone and
among those of Debian. A stamp counts as a photograph where its own pixels are less even than drawings
are (the bound of `stages/photographs.py`, looked at without resizing), and no folder calls it a cartoon
or a symbol; of several with one caption the first is taken. Those of 128 pixels and more on the shorter
side are reported; the constants of the encoder, and which classifiers vote, were chosen on the smaller
ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from likebut.indexes.decode import load_image
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.config.files import load_profile
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.records.trace import Query
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.setup.session import open as open_composer
from likebut.pipeline.stages import photographs

PACKAGE = "tuxpaint-stamps-default"
OURS = Path(photographs.__file__).parents[1] / "pocket" / "photographs"
LEAST, LARGE = 500, 128  # pairs of pixels of its own; pixels on the shorter side


def fetched(folder: Path) -> Path:
    """The stamps of Debian's package, unpacked in ``folder``."""
    subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    return folder


def captioned(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """(file, caption, shorter side) of the photographs below a folder, by name."""
    said: set[tuple[str, bool]] = set()
    for path in sorted(folder.rglob("*.png")):
        text = path.with_suffix(".txt")
        if {"cartoon", "symbols"} & set(path.parts) or not text.exists():
            continue
        caption = text.read_text(encoding="utf-8", errors="replace").splitlines()[0].strip()
        with Image.open(path) as stamp:
            side, pixels = min(stamp.size), np.asarray(stamp.convert("RGBA")).astype(int)
        key = (caption.casefold(), side >= LARGE)
        if key not in said and evenness(pixels) < photographs.BOUND:
            said.add(key)
            yield path, caption, side


def evenness(pixels: np.ndarray[Any, Any]) -> float:
    """As `stages.photographs.evenness`, of the pixels of (h, w, 4) that are not clear."""
    own = pixels[..., 3] > 250
    both = own[:, 1:] & own[:, :-1]
    if both.sum() < LEAST:
        return 2.0
    grey = pixels[..., :3] @ [0.299, 0.587, 0.114]
    alike = (np.abs(np.diff(grey, axis=1)) <= photographs.ALIKE)[both].mean()
    counts = np.sort(np.bincount(((pixels[..., :3] >> 3) @ [1024, 32, 1])[own]))[::-1]
    return float(alike + counts[: photographs.COMMON].sum() / own.sum())


def recalls(encoder: CachedEncoder, found: Sequence[tuple[Path, str]]) -> str:
    """R@1, R@5, R@10 of captions among their pictures; ties count against."""
    pictures = encoder.encode_prepared([encoder.prepare(load_image(path)) for path, _ in found])
    scores = encoder.encode_texts([caption for _, caption in found]) @ pictures.T
    ranks = (scores >= np.diag(scores)[:, None]).sum(1)
    shares = (f"R@{k} {(ranks <= k).mean():.3f}" for k in (1, 5, 10))
    return f"{len(found)} photographs: " + ", ".join(shares)


def composed(folders: tuple[Path, ...], cache: Path) -> str:
    """R@1 and R@5 of the thirty requests, by the default recipe of the profile."""
    lines = [json.loads(line) for line in (OURS / "queries.jsonl").read_text().splitlines()]
    composer = open_composer(Setup(profile="photos", folders=folders, cache=cache, index=None))
    queries = [Query(one["id"], OURS / one["reference"], one["modification"]) for one in lines]
    traces = composer.compose(queries, 5)
    names = [[Path(hit.path).name for hit in trace.ranking.hits] for trace in traces]
    ranks = [
        found.index(one["target"]) + 1 if one["target"] in found else 99
        for found, one in zip(names, lines, strict=True)
    ]
    shares = (f"R@{k} {np.mean([rank <= k for rank in ranks]):.3f}" for k in (1, 5))
    return f"{len(lines)} requests: " + ", ".join(shares)


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        room = Path(place)
        stamps = Path(sys.argv[1]) if len(sys.argv) > 1 else fetched(room)
        found = list(captioned(stamps))
        choice = load_profile("photos").encoder
        spec = EncoderSpec(choice.encoder, choice.model, choice.pretrained, device="cpu")
        encoder = CachedEncoder(spec, Cache(room / "answers.sqlite"))
        large = [(path, caption) for path, caption, side in found if side >= LARGE]
        print("reported:", recalls(encoder, large))
        print("chosen on:", recalls(encoder, [(p, c) for p, c, side in found if side < LARGE]))
        mixed = room / "mixed"
        mixed.mkdir()
        for path in [*OURS.glob("*.jpg"), *(path for path, _ in large)]:
            (mixed / path.name).write_bytes(path.read_bytes())
        own = room / "own"
        own.mkdir()
        for path in OURS.glob("*.jpg"):
            (own / path.name).write_bytes(path.read_bytes())
        print("the package's photographs:", composed((own,), room / "answers.sqlite"))
        print("among the stamps:", composed((mixed,), room / "answers.sqlite"))


if __name__ == "__main__":
    main()
