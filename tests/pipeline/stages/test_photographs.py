"""Photographs given to the pocket models are noticed, and drawings never are."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from likebut.pipeline.pocket import world
from likebut.pipeline.pocket.paint import paint
from likebut.pipeline.records.trace import Query
from likebut.pipeline.stages.photographs import evenness, looks_photographed
from tests.pipeline.colours import colour_composer


def photograph(seed: int = 0) -> Image.Image:
    """Soft shapes under sensor noise: no two neighbours are quite alike."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((320, 240), Image.Resampling.BICUBIC)).astype(float)
    noisy = soft + rng.normal(0, 6, soft.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("quality", [0, 75, 90])
def test_drawings_are_no_photographs_as_png_or_jpeg(quality: int) -> None:
    rng = Random(7)
    for _ in range(30):
        picture = paint(world.random_scene(rng), 128, rng.getrandbits(31))
        if quality:
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=quality)
            picture = Image.open(buffer).convert("RGB")
        assert not looks_photographed(picture)


def test_a_photograph_is_noticed() -> None:
    assert all(looks_photographed(photograph(seed)) for seed in range(10))


def test_an_even_picture_is_as_even_as_can_be() -> None:
    assert evenness(Image.new("RGB", (200, 100), "red")) == 2.0


def test_the_trace_of_a_query_warns_where_the_models_know_drawings_alone(tmp_path: Path) -> None:
    photograph().save(tmp_path / "photo.png")
    composer = colour_composer(tmp_path)
    query = Query("a", tmp_path / "photo.png")
    told = replace(composer, words=frozenset({"red"})).compose([query])[0]
    assert any("looks like a photograph" in text for text in told.warnings)
    assert not any("photograph" in text for text in composer.compose([query])[0].warnings)


def test_a_reference_that_was_changed_meanwhile_is_looked_at_again(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), words=frozenset({"red"}))
    picture, query = tmp_path / "photo.png", Query("a", tmp_path / "photo.png")
    Image.new("RGB", (64, 64), "red").save(picture)
    assert composer.compose([query])[0].warnings == ()
    photograph().save(picture)
    assert any("looks like a photograph" in text for text in composer.compose([query])[0].warnings)
    picture.write_bytes(b"no picture")
    assert "cannot be used" in composer.compose([query])[0].error
    picture.unlink()
    assert "cannot be used" in composer.compose([query])[0].error
