"""The dual encoders of transformers, against the library's own processor and model, by family."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.errors import ConfigError, ModelError
from tests.pipeline.encoders import duals

TEXTS = ("a red apple", "two cats, at night!", "", "红苹果", "un chat rouge", "dog", "make it blue " * 40)
# What a maker's example says to the processor; Chinese-CLIP and AltCLIP were trained on this many tokens.
SAID: dict[str, dict[str, Any]] = {
    "clip": {"padding": True, "truncation": True},
    "siglip": {"padding": "max_length", "truncation": True},
    "siglip2": {"padding": "max_length", "truncation": True, "max_length": 64},
    "siglip2 of a fixed size": {"padding": "max_length", "truncation": True, "max_length": 64},
    "align": {"truncation": True},
    "chinese_clip": {"padding": "max_length", "truncation": True, "max_length": 52},
    "altclip": {"padding": True, "truncation": True, "max_length": 77},
}
SHOWN = {"siglip2": {"patch_size": 8, "max_num_patches": 16}}  # its processor else assumes the real sizes
LENGTHS = {"clip": 77, "align": 64, "chinese_clip": 52, "altclip": 77}


def spec(folder: Path, **changes: Any) -> EncoderSpec:
    settings = {"device": "cpu", "dtype": "float32", "batch_size": 3}
    return EncoderSpec("transformers", str(folder), **{**settings, **changes})


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    base = tmp_path_factory.mktemp("duals")
    return cache(lambda name: duals.DUALS[name](base / name.replace(" ", "-")))


@pytest.fixture(scope="module")
def opened(folder_of: Callable[[str], Path]) -> Callable[[str], Any]:
    return cache(lambda name: make_encoder(spec(folder_of(name))))


def pictures() -> list[Image.Image]:
    """Smooth colours in six sizes and shapes, some smaller than any model's side."""
    made = []
    for number, (width, height) in enumerate([(64, 48), (48, 96), (33, 32), (90, 20), (20, 20), (1, 1)]):
        y, x = np.mgrid[0:height, 0:width]
        channels = [x * 255 / width, y * 255 / height, (x + y + 40 * number) % 256]
        made.append(Image.fromarray(np.stack(channels, -1).astype(np.uint8)))
    return made


def plain_vectors(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(of pictures, of texts): what the library's examples compute, one at a time, and nothing of ours."""
    import torch
    from transformers import AutoModel, AutoProcessor

    model, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    lower = name.startswith("siglip2")  # its model card: texts in lower case
    rows: tuple[list[Any], list[Any]] = ([], [])
    with torch.inference_mode():
        for image in pictures():
            pixels = processor(images=image, return_tensors="pt", **SHOWN.get(name, {}))
            rows[0].append(model.get_image_features(**pixels))
        for text in TEXTS:
            words = text.lower() if lower else text
            rows[1].append(
                model.get_text_features(**processor(text=[words], return_tensors="pt", **SAID[name]))
            )
    features = [torch.cat([row.pooler_output for row in part]) for part in rows]
    units = [torch.nn.functional.normalize(part, dim=-1).numpy() for part in features]
    return units[0], units[1]


@pytest.mark.parametrize("name", duals.DUALS)
def test_a_family_gives_the_vectors_of_its_own_processor_and_model(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path], name: str
) -> None:
    encoder = opened(name)
    seen, read = plain_vectors(folder_of(name), name)
    ours = encoder.encode_prepared([encoder.prepare(image) for image in pictures()])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, seen, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), read, atol=1e-5)
    assert np.unique(ours.round(3), axis=0).shape == np.unique(seen.round(3), axis=0).shape
    assert len(np.unique(read.round(3), axis=0)) > 4  # the models do read


@pytest.mark.parametrize("name", duals.DUALS)
def test_a_row_does_not_depend_on_its_batch_or_thread(opened: Callable[[str], Any], name: str) -> None:
    encoder = opened(name)
    with ThreadPoolExecutor(3) as pool:
        arrays = list(pool.map(encoder.prepare, pictures()))
    assert len({array.shape for array in arrays}) == 1
    for array, image in zip(arrays, pictures(), strict=True):
        np.testing.assert_array_equal(array, encoder.prepare(image))
    alone = np.concatenate([encoder.encode_prepared([array]) for array in arrays])
    np.testing.assert_allclose(encoder.encode_prepared(arrays), alone, atol=1e-5)
    apart = np.concatenate([encoder.encode_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), apart, atol=1e-5)
    for rows in (alone, apart):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", duals.DUALS)
def test_what_an_index_must_know_is_there(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    encoder = opened(name)
    assert encoder.encode_prepared([]).shape == encoder.encode_texts([]).shape == (0, encoder.dimension)
    assert encoder.context_length == LENGTHS.get(name, 64)
    assert encoder.token_count(TEXTS[-1]) > encoder.context_length > encoder.token_count("a cat") > 1
    assert encoder.draft_size == 2 * (40 if name == "align" else 32)
    assert json.loads(encoder.preprocessing)["size"] == [32, 32]
    moved = shutil.copytree(folder_of(name), tmp_path / "moved")
    assert make_encoder(spec(moved)).fingerprint == encoder.fingerprint
    assert make_encoder(spec(duals.DUALS[name](tmp_path / "other", 99))).fingerprint != encoder.fingerprint


@pytest.mark.parametrize("name", ["siglip", "siglip2", "siglip2 of a fixed size", "clip"])
def test_capitals_say_nothing_to_a_family_that_was_trained_without(
    opened: Callable[[str], Any], name: str
) -> None:
    small, capital = opened(name).encode_texts(["a red apple", "A Red APPLE"])
    np.testing.assert_array_equal(small, capital)


@pytest.mark.parametrize("name", ["siglip", "siglip2 of a fixed size"])
def test_a_tokenizer_that_tells_padding_changes_nothing_where_padding_is_read(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    told = shutil.copytree(folder_of(name), tmp_path / "told")
    config = json.loads((told / "tokenizer_config.json").read_text())
    config["model_input_names"] = ["input_ids", "attention_mask"]
    (told / "tokenizer_config.json").write_text(json.dumps(config))
    assert "attention_mask" in make_encoder(spec(told))._tokenizer(["a cat"])  # type: ignore[attr-defined]
    rows = make_encoder(spec(told)).encode_texts(TEXTS)
    np.testing.assert_allclose(rows, opened(name).encode_texts(TEXTS), atol=1e-6)


@pytest.mark.parametrize("name", duals.DUALS)
def test_bfloat16_stays_near_float32(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path], name: str
) -> None:
    half, whole = make_encoder(spec(folder_of(name), dtype="bfloat16")), opened(name)
    arrays = [whole.prepare(image) for image in pictures()]
    pairs = (half.encode_prepared(arrays), whole.encode_prepared(arrays))
    assert (pairs[0] * pairs[1]).sum(1).min() > 0.99
    assert (half.encode_texts(TEXTS) * whole.encode_texts(TEXTS)).sum(1).min() > 0.99
    assert half.fingerprint == whole.fingerprint


def test_a_picture_far_longer_than_wide_is_no_gigapixels(opened: Callable[[str], Any]) -> None:
    assert opened("clip").prepare(Image.new("RGB", (20_000, 1))).shape == (3, 32, 32)
    assert opened("chinese_clip").prepare(Image.new("RGB", (1, 20_000))).shape == (3, 32, 32)


def test_what_is_no_dual_encoder_is_refused_by_its_kind(tmp_path: Path) -> None:
    from tests.pipeline.engines import tiny

    with pytest.raises(ModelError, match="of the kind 'llama'") as caught:
        make_encoder(spec(tiny.llama(tmp_path / "llama")))
    assert "siglip2" in caught.value.hint


def test_one_tower_without_the_other_is_refused_for_it_would_be_random(
    folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    half = shutil.copytree(folder_of("clip"), tmp_path / "half")
    weights = load_file(half / "model.safetensors")
    kept = {name: value for name, value in weights.items() if not name.startswith("text_model")}
    save_file(kept, half / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks weights: text_model\.\S+ and \d+ more"):
        make_encoder(spec(half))


@pytest.mark.parametrize("lost", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_refused_in_one_line(
    folder_of: Callable[[str], Path], tmp_path: Path, lost: str
) -> None:
    half = shutil.copytree(folder_of("clip"), tmp_path / "half")
    (half / lost).unlink()
    with pytest.raises(ModelError, match="half") as caught:
        make_encoder(spec(half))
    assert "\n" not in caught.value.message


def test_a_tag_or_an_option_says_nothing_to_this_encoder(folder_of: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match="takes no pretrained tag"):
        make_encoder(spec(folder_of("clip"), pretrained="openai"))
    with pytest.raises(ConfigError, match="has no option 'activation'"):
        make_encoder(spec(folder_of("clip"), options={"activation": "gelu"}))
