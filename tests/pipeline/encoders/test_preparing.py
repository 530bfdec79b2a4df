"""Preparing by Pillow alone: the bytes of open_clip's own transforms, in a form that travels."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.preparing import Preparing
from tests.pipeline.encoders import duals, embedders

CONFIGS: list[dict[str, Any]] = [
    {"size": 32},
    {"size": (32, 32), "interpolation": "bilinear"},
    {"size": (24, 40), "interpolation": "bilinear"},
    {"size": 33, "resize_mode": "squash", "interpolation": "bilinear"},
    {"size": (20, 30), "resize_mode": "squash"},
    {"size": 32, "resize_mode": "longest", "fill_color": 0},
    {"size": (31, 44), "resize_mode": "longest", "fill_color": 127},
]


def theirs(config: dict[str, Any], image: Image.Image) -> np.ndarray:
    """What open_clip does before it makes numbers of a picture."""
    from open_clip.transform import PreprocessCfg, image_transform_v2

    transforms = image_transform_v2(PreprocessCfg(**config), is_train=False).transforms
    for transform in transforms[:-2]:  # ToTensor, Normalize
        image = transform(image)
    return np.asarray(image)


@pytest.mark.parametrize("config", CONFIGS)
@settings(max_examples=40)
@given(width=st.integers(1, 150), height=st.integers(1, 150), seed=st.integers(0, 9))
@example(width=32, height=32, seed=0)
@example(width=33, height=500, seed=0)
@example(width=45, height=31, seed=1)
def test_the_bytes_are_those_of_open_clip(
    config: dict[str, Any], width: int, height: int, seed: int
) -> None:
    if max(width, height) > 16 * min(width, height):  # its middle is taken, as is tested elsewhere
        width = height = min(width, height)
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(noise)
    np.testing.assert_array_equal(Preparing.of(config).prepare(image), theirs(config, image))


def test_a_line_of_pixels_is_prepared_by_its_middle() -> None:
    line = np.zeros((1, 3001, 3), np.uint8)
    line[:, 1490:1510] = 200
    assert (Preparing((32, 32)).prepare(Image.fromarray(line)) == 200).all()


def test_it_travels_to_another_process_in_a_few_bytes_and_loads_no_torch_there() -> None:
    sent = pickle.dumps(Preparing((224, 224)))
    assert len(sent) < 300
    code = (
        "import pickle, sys; from PIL import Image\n"
        f"made = pickle.loads({sent!r}).prepare(Image.new('RGB', (640, 480)))\n"
        "assert made.shape == (224, 224, 3), made.shape\n"
        "assert not {'torch', 'open_clip', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_processors_of_transformers_give_the_same_in_another_process(tmp_path: Path) -> None:
    makers = {**duals.DUALS, **embedders.EMBEDDERS}
    encoders: dict[str, Any] = {}
    for name, make in makers.items():
        make(folder := tmp_path / name.replace(" ", "-"))
        kind = "mllm" if name in embedders.EMBEDDERS else "transformers"
        encoders[name] = make_encoder(EncoderSpec(kind, str(folder), device="cpu", dtype="float32"))
    noise = np.random.default_rng(1).integers(0, 256, (60, 90, 3), np.uint8)
    image = Image.fromarray(noise)
    sent, back = tmp_path / "sent", tmp_path / "back.npz"
    sent.write_bytes(pickle.dumps(({name: one.preparing for name, one in encoders.items()}, image)))
    code = (
        f"import pickle; import numpy as np; made, image = pickle.load(open({str(sent)!r}, 'rb'))\n"
        f"np.savez({str(back)!r}, **{{name: one.prepare(image) for name, one in made.items()}})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    found = np.load(back)
    for name, encoder in encoders.items():
        np.testing.assert_array_equal(found[name], encoder.prepare(image), err_msg=name)
        assert encoder.preparing.draft_size == encoder.draft_size
