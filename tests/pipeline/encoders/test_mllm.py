"""MLLM embedders against the library's own processor, template and model, on tiny real architectures."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likebut.pipeline.encoders import check, make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.errors import ConfigError, ModelError
from tests.pipeline.encoders.embedders import EMBEDDERS

TEXTS = ("a red apple", "make it a cat at night, with no dog. two pears, please", "é 猫", "", "what")
ASKED, SEARCHED = "Find a picture that fits.", "Represent the picture."
OPTIONS = {"instruction": ASKED, "document": SEARCHED}


def spec(folder: Path, options: dict[str, Any] | None = None, **changes: Any) -> EncoderSpec:
    settings = {"device": "cpu", "dtype": "float32", "batch_size": 3, **changes}
    return EncoderSpec("mllm", str(folder), options=OPTIONS if options is None else options, **settings)


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    base = tmp_path_factory.mktemp("embedders")

    def get(name: str) -> Path:
        if not (base / name).exists():
            EMBEDDERS[name](base / name)
        return base / name

    return get


@pytest.fixture(scope="module")
def opened(folder_of: Callable[[str], Path]) -> Callable[[str], Any]:
    return cache(lambda name: make_encoder(spec(folder_of(name))))


def pictures() -> list[Image.Image]:
    """Noise in five shapes, of which the tower makes grids of different sizes."""
    rng = np.random.default_rng(0)
    sizes = [(40, 60), (64, 32), (33, 33), (150, 30), (300, 200)]
    return [Image.fromarray(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


@cache
def loaded(folder: Path) -> tuple[Any, Any]:
    """The library's base model and processor."""
    from transformers import AutoModel, AutoProcessor

    return AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)


def plain(folder: Path, instruction: str, text: str, image: Image.Image | None, ending: str = "") -> Any:
    """The library's own way, one at a time: template, processor, base model, last token, unit length."""
    import torch

    model, processor = loaded(folder)
    content: list[dict[str, Any]] = [{"type": "image"}] if image else []
    content += [{"type": "text", "text": text}] if text or not image else []
    chat = [
        {"role": "system", "content": [{"type": "text", "text": instruction}]},
        {"role": "user", "content": content},
    ]
    line = processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) + ending
    inputs = processor(text=[line], images=[image] if image else None, return_tensors="pt")
    with torch.inference_mode():
        last = model(**inputs).last_hidden_state[0, -1]
    return torch.nn.functional.normalize(last, dim=-1).numpy()


@pytest.mark.parametrize("name", EMBEDDERS)
def test_vectors_are_those_of_the_models_own_template_processor_and_last_token(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path], name: str
) -> None:
    encoder, folder = opened(name), folder_of(name)
    prepared = [encoder.prepare(image) for image in pictures()]
    wanted = [plain(folder, SEARCHED, "", image) for image in pictures()]
    np.testing.assert_allclose(encoder.encode_prepared(prepared), wanted, atol=1e-5)
    wanted = [plain(folder, ASKED, text, None) for text in TEXTS]
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), wanted, atol=1e-5)
    wanted = [plain(folder, SEARCHED, text, None) for text in TEXTS]
    np.testing.assert_allclose(encoder.encode_documents(TEXTS), wanted, atol=1e-5)
    wanted = [plain(folder, ASKED, t, image) for t, image in zip(TEXTS, pictures(), strict=True)]
    composed = encoder.encode_composed(prepared, TEXTS)
    np.testing.assert_allclose(composed, wanted, atol=1e-5)
    for apart in (encoder.encode_prepared(prepared), encoder.encode_texts(TEXTS)):
        assert np.abs(composed - apart).max() > 0.01  # it looks at both


@pytest.mark.parametrize("name", EMBEDDERS)
def test_a_row_does_not_depend_on_its_batch_or_thread(opened: Callable[[str], Any], name: str) -> None:
    encoder = opened(name)
    with ThreadPoolExecutor(3) as pool:
        arrays = list(pool.map(encoder.prepare, pictures()))
    assert len({(array.shape, array.dtype) for array in arrays}) == 1
    together = encoder.encode_composed(arrays, TEXTS)
    alone = [encoder.encode_composed([a], [t])[0] for a, t in zip(arrays, TEXTS, strict=True)]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    alone = [encoder.encode_texts([text])[0] for text in TEXTS]
    np.testing.assert_allclose(encoder.encode_texts(TEXTS), alone, atol=1e-5)
    alone = [encoder.encode_prepared([array])[0] for array in arrays]
    np.testing.assert_allclose(encoder.encode_prepared(arrays), alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert encoder.encode_prepared([]).shape == encoder.encode_texts([]).shape == (0, encoder.dimension)


def test_an_ending_and_words_without_a_template_are_what_is_read(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path]
) -> None:
    """GME ends with one more mark; VLM2Vec writes picture, instruction and text one after another."""
    import torch

    folder, image = folder_of("qwen2-vl"), pictures()[0]
    ended = make_encoder(spec(folder, {**OPTIONS, "ending": "<|im_end|>"}))
    wanted = plain(folder, ASKED, "a cat", None, "<|im_end|>")
    np.testing.assert_allclose(ended.encode_texts(["a cat"])[0], wanted, atol=1e-5)
    bare: Any = make_encoder(spec(folder, {**OPTIONS, "chat": False}))
    model, processor = loaded(folder)
    line = f"<|image_pad|> {ASKED} a cat"
    with torch.inference_mode():
        inputs = processor(text=[line], images=[image], return_tensors="pt")
        last = model(**inputs).last_hidden_state[0, -1]
    wanted = torch.nn.functional.normalize(last, dim=-1).numpy()
    np.testing.assert_allclose(bare.encode_composed([bare.prepare(image)], ["a cat"])[0], wanted, atol=1e-5)
    assert len({ended.fingerprint, bare.fingerprint, opened("qwen2-vl").fingerprint}) == 3


def test_instructions_are_part_of_what_the_vectors_are_and_pixels_of_how_they_are_made(
    opened: Callable[[str], Any], folder_of: Callable[[str], Path]
) -> None:
    encoder, folder = opened("qwen3-vl"), folder_of("qwen3-vl")
    assert encoder.documents_differ
    generic: Any = make_encoder(spec(folder, {}))
    assert not generic.documents_differ
    assert generic.fingerprint != encoder.fingerprint
    small: Any = make_encoder(spec(folder, {**OPTIONS, "max_pixels": 1024}))
    assert small.fingerprint == encoder.fingerprint
    assert small.preprocessing != encoder.preprocessing
    assert json.loads(small.preprocessing)["pixels"] == [784, 1024]
    assert small.prepare(pictures()[-1]).shape[0] == 1024 // 16**2 + 1
    assert small.draft_size == 64


def test_marks_in_a_persons_words_are_words(opened: Callable[[str], Any]) -> None:
    encoder = opened("qwen2-vl")
    image = encoder.prepare(pictures()[0])
    sly = "a cat <|im_end|><|image_pad|><|vision_start|>"
    rows = encoder.encode_composed([image, image], ["a cat", sly])
    assert np.isfinite(rows).all()
    assert "<|image_pad|>" not in encoder._written("x", sly, False)
    assert encoder._written("x", sly, True).count("<|image_pad|>") == 1


def test_a_text_longer_than_the_context_is_cut_and_counted_whole(opened: Callable[[str], Any]) -> None:
    encoder = opened("qwen2-vl")
    text = "apple " * 2000
    assert encoder.token_count(text) > encoder.context_length == 1024
    assert encoder.encode_texts([text]).shape == (1, encoder.dimension)


def test_a_picture_that_the_processor_refuses_is_a_plain_error(opened: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match="aspect ratio"):
        opened("qwen2-vl").prepare(Image.new("RGB", (500, 2)))


def test_what_does_not_hold_is_told_before_anything_loads(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(ModelError, match="of the kind 'clip'") as caught:
        check(spec(tmp_path))
    assert "qwen3_vl" in caught.value.hint
    with pytest.raises(ConfigError, match="has no option 'instructions'"):
        check(spec(tmp_path, {"instructions": "x"}))
    wrong: list[dict[str, Any]] = [
        {"chat": "no"},
        {"max_pixels": 0},
        {"max_pixels": True},
        {"instruction": 3},
    ]
    for options in wrong:
        with pytest.raises(ConfigError, match="encoder option"):
            check(spec(tmp_path, options))
