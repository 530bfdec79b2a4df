"""The open_clip encoder against open_clip itself, on a tiny random model in its own format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.machine import models
from tests.pipeline.encoders import tiny


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.clip(tmp_path_factory.mktemp("clip") / "model")


def spec(model: str | Path, **changes: Any) -> EncoderSpec:
    settings = {"device": "cpu", "dtype": "float32", "batch_size": 4}
    return EncoderSpec("open_clip", str(model), **{**settings, **changes})


@pytest.fixture(scope="session")
def encoder(folder: Path) -> Any:
    return make_encoder(spec(folder))


def pictures() -> list[Image.Image]:
    """Smooth colour gradients of seven sizes and shapes, some smaller than the model's side."""
    sizes = [(64, 48), (48, 96), (33, 32), (300, 20), (20, 20), (1, 1), (128, 128)]
    made = []
    for number, (width, height) in enumerate(sizes):
        y, x = np.mgrid[0:height, 0:width]
        channels = [x * 255 / width, y * 255 / height, (x + y + 40 * number) % 256]
        made.append(Image.fromarray(np.stack(channels, -1).astype(np.uint8)))
    return made


def plain_vectors(folder: Path, images: list[Image.Image]) -> np.ndarray:
    """What open_clip's README computes: its transform, float32, one picture at a time."""
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    with torch.inference_mode():
        rows = [model.encode_image(preprocess(image)[None], normalize=True) for image in images]
    return torch.cat(rows).numpy()


def test_pictures_get_the_vectors_that_open_clip_gives_them(encoder: Any, folder: Path) -> None:
    images = pictures()
    ours = encoder.encode_prepared([encoder.prepare(image) for image in images])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, plain_vectors(folder, images), atol=2e-5)


def test_bfloat16_stays_within_a_thousandth_of_float32(folder: Path) -> None:
    images = pictures()
    half = make_encoder(spec(folder, dtype="bfloat16"))
    ours = half.encode_prepared([half.prepare(image) for image in images])
    cosines = (ours * plain_vectors(folder, images)).sum(1)
    assert cosines.min() >= 0.999
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)


def test_texts_get_the_vectors_that_open_clip_gives_them(encoder: Any, folder: Path) -> None:
    import open_clip

    texts = ["a red apple", "two cats", "", "very " * 40, "snow ☃ 🎈"]
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(texts)
    with torch.inference_mode():
        plain = model.eval().encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_texts(texts), plain, atol=2e-5)


def test_a_row_does_not_depend_on_its_batch(encoder: Any) -> None:
    arrays = [encoder.prepare(image) for image in pictures()]
    alone = np.concatenate([encoder.encode_prepared([array]) for array in arrays])
    np.testing.assert_allclose(encoder.encode_prepared(arrays), alone, atol=1e-5)


def test_an_empty_batch_has_no_rows_and_the_right_width(encoder: Any) -> None:
    assert encoder.encode_prepared([]).shape == (0, tiny.DIMENSION)
    assert encoder.encode_texts([]).shape == (0, tiny.DIMENSION)


def test_tokens_are_counted_before_anything_is_cut(encoder: Any) -> None:
    assert encoder.token_count("a red apple") == 5  # start, three words, end
    assert encoder.token_count("very " * 40) == 42
    assert encoder.token_count("") == 2
    assert encoder.context_length == tiny.CONTEXT


def test_what_an_index_must_know_is_there(encoder: Any, folder: Path) -> None:
    assert encoder.dimension == tiny.DIMENSION
    assert encoder.draft_size == 2 * tiny.SIDE
    assert str(folder) in encoder.name
    assert '"mean": [0.5, 0.4, 0.3]' in encoder.preprocessing
    assert encoder.prepare(pictures()[0]).shape == (tiny.SIDE, tiny.SIDE, 3)


def test_the_fingerprint_follows_the_weights_not_the_place(
    encoder: Any, folder: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert make_encoder(spec(moved)).fingerprint == encoder.fingerprint
    assert make_encoder(spec(tiny.clip(tmp_path / "other", 1))).fingerprint != encoder.fingerprint


def test_a_named_model_without_a_tag_is_refused_for_it_would_be_random() -> None:
    with pytest.raises(ConfigError, match="pretrained tag") as caught:
        make_encoder(spec("ViT-B-32"))
    assert "laion2b_s34b_b79k" in caught.value.hint


def test_names_that_open_clip_does_not_know_get_a_suggestion() -> None:
    with pytest.raises(ConfigError) as caught:
        make_encoder(spec("ViT-B-33", pretrained="openai"))
    assert "ViT-B-32" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        make_encoder(spec("ViT-B-32", pretrained="laion2b_s34b_b79"))
    assert "laion2b_s34b_b79k" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        make_encoder(EncoderSpec("openclip", "x"))
    assert "open_clip" in caught.value.hint


def test_a_hub_model_that_is_not_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="hf-hub:likebut/absent"):
        make_encoder(spec("hf-hub:likebut/absent"))


def test_a_folder_without_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    empty = shutil.copytree(folder, tmp_path / "empty")
    (empty / "open_clip_model.safetensors").unlink()
    with pytest.raises(ModelError, match="empty"):
        make_encoder(spec(empty))


@pytest.mark.parametrize("size", [0, 7, 5000])
def test_weights_cut_short_are_refused_in_one_line(folder: Path, tmp_path: Path, size: int) -> None:
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    weights = damaged / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:size])
    with pytest.raises(ModelError) as caught:
        make_encoder(spec(damaged))
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("config", ["{", "{}", '{"model_cfg": {}}', '{"model_cfg": {"x": 1}}'])
def test_a_config_that_makes_no_sense_is_refused(folder: Path, tmp_path: Path, config: str) -> None:
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "open_clip_config.json").write_text(config)
    with pytest.raises(ModelError, match="cannot load the encoder"):
        make_encoder(spec(damaged))


def test_all_weights_count_in_the_hash_of_a_state() -> None:
    from torch import nn

    from likebut.pipeline.encoders.state import state_hash

    layer = nn.Linear(3, 2)
    before = state_hash(layer)
    assert state_hash(layer) == before
    layer.bias.data[1] += 1
    assert state_hash(layer) != before


def test_a_tokenizer_of_the_hub_library_counts_before_it_cuts(folder: Path, tmp_path: Path) -> None:
    from tests.pipeline.engines.tiny import tokenizer

    other = shutil.copytree(folder, tmp_path / "hf")
    config = json.loads((other / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "in this folder"
    (other / "open_clip_config.json").write_text(json.dumps(config))
    tokenizer().save_pretrained(other)
    encoder = make_encoder(spec(other))
    assert encoder.token_count("a red apple") == 3
    assert encoder.token_count("apple " * 40) == 40
    assert encoder.encode_texts(["apple " * 40]).shape == (1, tiny.DIMENSION)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_long_pictures_get_the_vectors_of_the_plain_transform(mode: str, tmp_path: Path) -> None:
    folder = tiny.clip(tmp_path / "clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["resize_mode"] = mode
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    ends = Image.new("RGB", (1280, 40), (40, 90, 200))
    ends.paste((230, 180, 20), (0, 0, 300, 40))
    images = [ends, ends.transpose(Image.Transpose.ROTATE_90)]
    encoder = make_encoder(spec(folder, dtype="float32"))
    ours = encoder.encode_prepared([encoder.prepare(image) for image in images])
    assert (np.sum(ours * plain_vectors(folder, images), axis=1) > 0.999).all()


@pytest.mark.parametrize(
    ("model", "tag", "twin"),
    [
        ("RN50", "openai", "RN50-quickgelu"),
        ("ViT-B-32", "openai", "ViT-B-32-quickgelu"),
        ("ViT-L-14", "dfn2b", "ViT-L-14-quickgelu"),
    ],
)
def test_weights_under_another_activation_are_refused(model: str, tag: str, twin: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_encoder(spec(model, pretrained=tag))
    assert "trained with" in caught.value.message
    assert f'"{twin}"' in caught.value.hint


def test_every_file_that_decides_a_vector_is_in_the_identity(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine)
    before = models.encoder_fingerprint(mine)
    assert before == models.fingerprint(mine)  # as it was, where there is nothing else
    for name in ("weights.pth", "1_Pooling/config.json", "2_Dense/model.safetensors"):
        path = mine / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("one")
        one, stamp = models.encoder_fingerprint(mine), models.stamp(mine)
        path.write_text("other")
        other = models.encoder_fingerprint(mine)
        assert len({before, one, other}) == 3
        assert models.stamp(mine) != stamp
        before = other


@pytest.mark.parametrize("regions", [False, True])
def test_a_batch_in_parts_has_the_vectors_of_a_batch_in_one_piece(
    regions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder: Any = make_encoder(EncoderSpec("open_clip", "pocket:clip", None, "cpu", "float32", 64))
    side = encoder.image_size
    noise = np.random.default_rng(0).integers(0, 256, (21, 4, side, side, 3), np.uint8)
    encode = encoder.encode_regions if regions else lambda batch: encoder.encode_prepared(batch[:, 0])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    in_parts = encode(noise)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    np.testing.assert_allclose(in_parts, encode(noise), atol=1e-5)
