"""Grounding: which grains a query has, and what each weighs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.cache import Cache
from pipeline.cached import CachedEncoder
from pipeline.encoders.contract import EncoderSpec
from pipeline.ground import Pieces, ground
from pipeline.records import Description, Grain, Intent
from tests.pipeline.colours import ColourEncoder

INTENT = Intent("blue", desired=("blue", "green"), preserved=(), forbidden=("red", "red"))


@pytest.fixture
def encoder(tmp_path: Path) -> CachedEncoder:
    spec = EncoderSpec("given", "colours")
    return CachedEncoder(spec, Cache(tmp_path / "c.sqlite"), encoder=ColourEncoder())


def grains(encoder: CachedEncoder, pieces: Pieces, **weights: float) -> list[Grain]:
    return ground([pieces], [weights], encoder)[0][0]


def test_a_list_role_shares_its_weight_among_its_elements(encoder: CachedEncoder) -> None:
    found = grains(encoder, Pieces(INTENT), desired=0.6)
    assert [(g.name, g.weight) for g in found] == [("desired:blue", 0.3), ("desired:green", 0.3)]


def test_an_element_that_is_named_twice_counts_once(encoder: CachedEncoder) -> None:
    assert [g.weight for g in grains(encoder, Pieces(INTENT), forbidden=-0.5)] == [-0.5]


def test_an_empty_piece_and_a_zero_weight_make_no_grain(encoder: CachedEncoder) -> None:
    pieces = Pieces(INTENT, modification="")
    assert grains(encoder, pieces, preserved=1.0, modification=1.0, target_caption=0.0) == []


def test_the_reference_is_a_grain_of_pixels(encoder: CachedEncoder) -> None:
    vector = np.array([1, 0, 0], np.float32)
    (grain,) = grains(encoder, Pieces(INTENT, reference=vector), reference=0.2)
    assert (grain.name, grain.text, grain.weight) == ("reference", "", 0.2)
    assert grains(encoder, Pieces(INTENT), reference=0.2) == []


def test_every_caption_is_a_grain_the_first_under_the_plain_name(encoder: CachedEncoder) -> None:
    pieces = Pieces(INTENT, description=Description(("red", "green")))
    found = grains(encoder, pieces, caption=1.0)
    assert [(g.name, g.weight) for g in found] == [("caption", 0.5), ("caption:green", 0.5)]


def test_grains_are_unit_vectors_of_their_texts(encoder: CachedEncoder) -> None:
    (grain,) = grains(encoder, Pieces(INTENT), target_caption=1.0)
    assert grain.vector.tolist() == [0.0, 0.0, 1.0]
