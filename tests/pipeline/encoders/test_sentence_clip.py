"""CLIP models of sentence-transformers, against its own ``encode`` of pictures and sentences."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from tests.pipeline.encoders import duals
from tests.pipeline.encoders.test_transformers import pictures

pytest.importorskip("sentence_transformers")
TEXTS = ("a red apple", "two cats, at night!", "", "dog", "make it blue " * 40)


def saved(folder: Path) -> Path:
    """As sentence-transformers saves a CLIP today."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer

    SentenceTransformer(modules=[Transformer(str(duals.clip(folder / "clip")))]).save(str(folder / "model"))
    return folder / "model"


def old(folder: Path) -> Path:
    """As clip-ViT-B-32 lies on the hub: a CLIP in a folder of its own, named by the class of that time."""
    duals.clip(folder / "model" / "0_CLIPModel")
    module = {
        "idx": 0,
        "name": "0",
        "path": "0_CLIPModel",
        "type": "sentence_transformers.models.CLIPModel",
    }
    (folder / "model" / "modules.json").write_text(json.dumps([module]))
    return folder / "model"


def spec(folder: Path) -> EncoderSpec:
    return EncoderSpec("sentence", str(folder), None, "cpu", "float32", 3)


@pytest.mark.parametrize("layout", [saved, old])
def test_pictures_and_sentences_get_the_vectors_of_encode(tmp_path: Path, layout: Any) -> None:
    from sentence_transformers import SentenceTransformer

    folder = layout(tmp_path)
    encoder: Any = make_encoder(spec(folder))
    plain = SentenceTransformer(str(folder), device="cpu")
    arrays = [encoder.prepare(image) for image in pictures()]
    assert {array.shape for array in arrays} == {(3, 32, 32)}
    # one at a time: it groups no pictures of different shapes otherwise
    seen = np.concatenate([plain.encode([image], normalize_embeddings=True) for image in pictures()])
    np.testing.assert_allclose(encoder.encode_prepared(arrays), seen, atol=1e-5)
    read = plain.encode(list(TEXTS), normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), read, atol=1e-5)
    alone = np.concatenate([encoder.encode_prepared([array]) for array in arrays])
    np.testing.assert_allclose(encoder.encode_prepared(arrays), alone, atol=1e-5)
    assert encoder.dimension == 16
    assert encoder.encode_prepared([]).shape == (0, 16)
    assert encoder.draft_size == 64
    assert encoder.token_count(TEXTS[-1]) > encoder.context_length == 77


def test_it_is_told_apart_from_the_same_weights_by_transformers(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    by_sentence = make_encoder(spec(folder))
    by_transformers = make_encoder(EncoderSpec("transformers", str(tmp_path / "clip"), device="cpu"))
    assert by_sentence.name != by_transformers.name
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert make_encoder(spec(moved)).fingerprint == by_sentence.fingerprint
