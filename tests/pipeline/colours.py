"""A world small enough to work out by hand: pictures of one colour, an encoder of three numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.captions import match
from likebut.indexes.mapping import Bridge
from likebut.indexes.region_build import RegionSpec
from likebut.indexes.sides import write_side
from likebut.indexes.store import Index
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.asking.facts import facts_of
from likebut.pipeline.asking.light import LightEncoder
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.recipe import Recipe
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.light import End, Light
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.engines.scripted import ScriptedEngine
from likebut.pipeline.stages.composer import Composer

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "grey": (99, 99, 99)}


class ColourEncoder:
    """Pictures and texts as the direction of their colours in RGB; d = 3."""

    name, fingerprint, preprocessing = "colours", "v1", "mean"
    dimension, draft_size, context_length = 3, 1, 6

    def __init__(self) -> None:
        self.texts: list[str] = []

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        return np.asarray(image, np.float32).mean((0, 1))

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.stack([vector / np.linalg.norm(vector) for vector in batch]).astype(np.float32)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        self.texts += texts
        vectors = []
        for text in texts:
            named = [COLOURS[word] for word in text.split() if word in COLOURS] or [COLOURS["grey"]]
            vectors.append(np.sum(named, 0).astype(float))
        return self.encode_prepared([np.array(v) for v in vectors])

    def token_count(self, text: str) -> int:
        return len(text.split()) + 2


class ComposingEncoder(ColourEncoder):
    """Composes by adding twice the colour that is named to the picture's."""

    fingerprint = "composing"

    def __init__(self) -> None:
        super().__init__()
        self.composed: list[str] = []

    def encode_composed(self, batch: Sequence[NDArray[Any]], texts: Sequence[str]) -> NDArray[Any]:
        self.composed += texts
        seen, said = self.encode_prepared(batch), self.encode_texts(texts)
        return self.encode_prepared([one + 2 * two for one, two in zip(seen, said, strict=True)])


def with_light_side(composer: Composer, agreement: float = 0.9) -> Composer:
    """The composer with an encoder whose texts are another's, which reads the colours in another order."""
    turn = np.roll(np.eye(3, dtype=np.float32), 1, axis=1)
    bridge = Bridge(np.zeros(3, np.float32), np.zeros(3, np.float32), turn)
    big, small = ColourEncoder(), ColourEncoder()
    small.name = small.fingerprint = "small colours"
    ends = [End(EncoderSpec("given", one.name), facts_of(one), "mine.toml", "") for one in (small, big)]
    light = Light(*ends, bridge, 100, agreement)
    towers = {one.name: one for one in (small, big)}
    encoder = LightEncoder(
        EncoderSpec("given", "colours"), composer.encoder.cache, light, make=lambda spec: towers[spec.model]
    )
    return replace(composer, encoder=encoder)


def paint_gallery(folder: Path) -> Path:
    """red.png, green.png, blue.png, grey.png."""
    folder.mkdir(parents=True)
    for name, colour in COLOURS.items():
        Image.new("RGB", (8, 8), colour).save(folder / f"{name}.png")
    return folder


def scripted(cache: Cache, *pairs: tuple[str, str]) -> CachedEngine:
    """An engine that answers by script."""
    return entries(cache, *({"match": match, "reply": reply} for match, reply in pairs))


def entries(cache: Cache, *replies: dict[str, str]) -> CachedEngine:
    """An engine of whole script entries, which may have a finish or an error."""
    spec = EngineSpec("scripted", "script", options={"replies": list(replies)})
    return CachedEngine(spec, cache, engine=ScriptedEngine(spec))


REPLY = (
    '{"reasoning": "red becomes blue", "target_caption": "a blue square", "desired": ["blue"], '
    '"preserved": ["square"], "forbidden": ["red"]}'
)


def caption_gallery(folder: Path, encoder: CachedEncoder) -> None:
    """Give every picture but the grey one a caption that names its colour."""
    given = {name: [f"a {name} square"] for name in COLOURS if name != "grey"}
    found, unmatched = match(Index.open(folder).all_items(), given)
    assert unmatched == ()
    write_side(folder, found, encoder, source="file colours.json")


def colour_composer(
    tmp_path: Path, *pairs: tuple[str, str], recipe: Recipe | None = None, encoder: Any = None
) -> Composer:
    """A composer on the four pictures; ``pairs`` script the reasoner."""
    gallery = tmp_path / "gallery"
    if not gallery.exists():
        paint_gallery(gallery)
    cache = Cache(tmp_path / "cache.sqlite")
    real = encoder or ColourEncoder()
    cached = CachedEncoder(EncoderSpec("given", "colours"), cache, encoder=real)
    parts = RegionSpec("crops") if recipe and recipe.region_weights else None
    build([gallery], tmp_path / "index", cached, regions=parts)
    if recipe and recipe.needs_captions:
        caption_gallery(tmp_path / "index", cached)
    captioner = scripted(cache, (r"(red|green|blue|grey)\.png", "a square of one colour"))
    composer = Composer(
        recipe=recipe or load_recipe("likebut@pocket"),
        profile="test",
        captioner=captioner,
        reasoner=scripted(cache, *(pairs or ((".", REPLY),))),
        encoder=cached,
    )
    return composer.on(tmp_path / "index")
