"""What a tower says of the parts of a picture, against open_clip's own blocks and a drawn thing."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from likebut.indexes.contract import Box
from likebut.indexes.parts import CORNERS, cropped, parts_encoder
from likebut.indexes.seen import placed, seen_of
from likebut.pipeline.encoders import dense, make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from tests.pipeline.encoders import tiny


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.clip(tmp_path_factory.mktemp("clip") / "model")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Any:
    return make_encoder(EncoderSpec("open_clip", str(folder), None, "cpu", "float32", 6))


@pytest.fixture(scope="module")
def pocket() -> Any:
    return make_encoder(EncoderSpec("open_clip", "pocket:clip", None, "cpu", "float32"))


def picture(width: int = 90, height: int = 60, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def test_a_crop_has_the_vector_of_the_part_cut_out_by_hand(encoder: Any) -> None:
    whole, crops = picture(), parts_encoder("crops", encoder)
    rows = crops.encode_prepared([crops.prepare(whole), crops.prepare(picture(seed=1))])
    places = [(0, 0, 45, 30), (45, 0, 90, 30), (0, 30, 45, 60), (45, 30, 90, 60), (22, 15, 68, 45)]
    by_hand = [encoder.prepare(whole.crop(place)) for place in places]
    np.testing.assert_allclose(
        rows[0].reshape(5, tiny.DIMENSION), encoder.encode_prepared(by_hand), atol=1e-5
    )
    assert crops.draft_size == 2 * encoder.draft_size
    assert len(crops.boxes) == len(places)


def test_crops_cover_the_whole_picture() -> None:
    seen = np.zeros((10, 10), bool)
    for box in CORNERS:
        left, top, right, bottom = (round(10 * share) for share in box)
        seen[top:bottom, left:right] = True
    assert seen.all()


def test_parts_are_cut_outwards_at_whole_pixels() -> None:
    assert cropped(Image.new("RGB", (5, 3)), Box(0, 0, 0.5, 0.5)).size == (3, 2)
    assert cropped(Image.new("RGB", (5, 3)), Box(0.25, 0.25, 0.75, 0.75)).size == (3, 3)
    assert cropped(Image.new("RGB", (1, 1)), Box(0.5, 0.5, 1, 1)).size == (1, 1)


def test_patches_are_the_last_block_where_every_token_attends_to_itself(encoder: Any) -> None:
    import torch

    square = picture(64, 64)
    ours = encoder.encode_regions([encoder.prepare_regions(square)])[0].reshape(8, 8, tiny.DIMENSION)
    visual, tile = encoder._model.visual, square.crop((32, 0, 64, 32))  # the upper right one
    pixels = (np.asarray(tile, np.float32) / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.25]
    with torch.inference_mode():
        tokens = visual._embeds(torch.from_numpy(pixels).float().permute(2, 0, 1)[None])
        *blocks, last = visual.transformer.resblocks
        for block in blocks:
            tokens = block(tokens)
        alone = torch.full((tokens.shape[1],) * 2, -torch.inf).fill_diagonal_(0)
        by_hand = visual.ln_post(last(tokens, attn_mask=alone))[0, 1:] @ visual.proj
    by_hand = torch.nn.functional.normalize(by_hand, dim=-1).reshape(4, 4, -1).numpy()
    np.testing.assert_allclose(ours[:4, 4:], by_hand, atol=1e-5)


def test_vectors_have_length_one_and_do_not_depend_on_their_batch(encoder: Any) -> None:
    arrays = [encoder.prepare_regions(picture(seed=seed)) for seed in range(5)]
    together = encoder.encode_regions(arrays)
    assert together.shape == (5, 64, tiny.DIMENSION)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=2), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode_regions([array]) for array in arrays])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert encoder.encode_regions([]).shape == (0, 64, tiny.DIMENSION)


def test_boxes_lie_row_by_row_and_cover_all_once(encoder: Any) -> None:
    boxes = encoder.region_boxes
    assert boxes[0] == Box(0, 0, 1 / 8, 1 / 8)
    assert boxes[1] == Box(1 / 8, 0, 2 / 8, 1 / 8)
    assert boxes[-1] == Box(7 / 8, 7 / 8, 1, 1)
    assert sum((b.right - b.left) * (b.bottom - b.top) for b in boxes) == pytest.approx(1)


@pytest.mark.parametrize(("side", "count"), [(4, 4), (8, 8), (14, 7), (16, 8), (26, 8), (28, 7), (48, 8)])
def test_finer_grids_are_pooled_to_seven_or_eight_a_side(side: int, count: int) -> None:
    """The spans are those that torch's adaptive mean takes together, told by one token at a time."""
    import torch

    spans = dense._spans(side)
    assert len(spans) == count
    pooled = torch.nn.functional.adaptive_avg_pool1d(torch.eye(side)[:, None], count)[:, 0]
    for number, (first, last) in enumerate(spans):
        taken = torch.nonzero(pooled[:, number]).flatten().tolist()
        assert taken == list(range(round(first * side), round(last * side)))


@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_patches_point_at_the_thing_that_is_named(pocket: Any, corner: tuple[int, int]) -> None:
    left, top = (24 + 140 * place for place in corner)
    plain = Image.new("RGB", (256, 256), (150, 205, 240))
    ImageDraw.Draw(plain).ellipse((left, top, left + 68, top + 68), (224, 38, 44), (26, 26, 30), 3)
    vectors = pocket.encode_regions([pocket.prepare_regions(plain)])[0]
    best = pocket.region_boxes[int((vectors @ pocket.encode_texts(["one large red ball"])[0]).argmax())]
    middle = (best.left + best.right) * 128, (best.top + best.bottom) * 128
    assert (int(middle[0] > 128), int(middle[1] > 128)) == corner


def test_a_tower_with_a_pooling_of_its_own_has_no_patches() -> None:
    import open_clip

    config = json.loads(json.dumps(tiny.CONFIG["model_cfg"]))
    config["vision_cfg"] |= {"attentional_pool": True, "attn_pooler_heads": 2}
    assert dense.boxes_of(open_clip.CLIP(**config).visual) == ()
    assert dense.boxes_of(object()) == ()


def test_a_wide_picture_is_seen_in_its_middle_and_boxes_are_placed_there(encoder: Any) -> None:
    third = 1 / 3
    assert seen_of(300, 100, {"size": [64, 64]}) == pytest.approx(Box(third, 0, 2 * third, 1))
    assert seen_of(100, 400, {"size": 64}) == pytest.approx(Box(0, 0.375, 1, 0.625))
    assert seen_of(300, 100, {"size": 64, "resize_mode": "squash"}) == Box(0, 0, 1, 1)
    upper_left = placed(Box(0, 0, 0.5, 0.5), 300, 100, json.dumps({"size": [64, 64]}))
    assert upper_left == pytest.approx(Box(third, 0, 0.5, 0.5))
    assert placed(Box(0, 0, 0.5, 0.5), 300, 100, "texts only") == Box(0, 0, 0.5, 0.5)
    wide = Image.new("RGB", (192, 64))
    wide.paste(picture(64, 64), (64, 0))
    np.testing.assert_array_equal(encoder.prepare_regions(wide), encoder.prepare_regions(picture(64, 64)))


def test_a_picture_far_longer_than_wide_is_no_gigapixels(encoder: Any) -> None:
    assert encoder.prepare_regions(Image.new("RGB", (20_000, 1))).shape == (4, tiny.SIDE, tiny.SIDE, 3)


def test_bfloat16_stays_near_float32(folder: Path, encoder: Any) -> None:
    half = make_encoder(EncoderSpec("open_clip", str(folder), None, "cpu", "bfloat16", 6))
    prepared = [encoder.prepare_regions(picture())]
    cosines = (half.encode_regions(prepared) * encoder.encode_regions(prepared)).sum(axis=2)
    assert cosines.min() > 0.99
    assert cosines.mean() > 0.998


@pytest.mark.parametrize("kind", ["crops", "patches"])
def test_parts_are_prepared_without_the_encoder_as_with_it(kind: str, encoder: Any) -> None:
    parts = parts_encoder(kind, encoder)
    there = pickle.loads(pickle.dumps(parts.preparing))
    np.testing.assert_array_equal(there.prepare(picture()), parts.prepare(picture()))
    assert there.draft_size == parts.draft_size
