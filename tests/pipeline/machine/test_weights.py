"""WeightFiles in a folder, by their headers."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from likebut.pipeline.machine import models
from likebut.pipeline.machine.weights import WeightFiles, weights_in


def safetensors(path: Path, **shapes: list[int]) -> int:
    header = {name: {"dtype": "F32", "shape": shape} for name, shape in shapes.items()}
    text = json.dumps({**header, "__metadata__": {"format": "pt"}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    return path.stat().st_size


def test_parameters_are_counted_over_all_shards(tmp_path: Path) -> None:
    size = safetensors(tmp_path / "1.safetensors", a=[2, 3], b=[])
    size += safetensors(tmp_path / "2.safetensors", c=[10])
    (tmp_path / "pytorch_model.bin").write_bytes(b"the same in another format")
    assert weights_in(tmp_path) == WeightFiles(size, 6 + 1 + 10)


def test_a_shard_of_the_index_that_is_not_there_is_named(tmp_path: Path) -> None:
    size = safetensors(tmp_path / "1.safetensors", a=[2])
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert weights_in(tmp_path) == WeightFiles(size, None, ("2.safetensors",))


@pytest.mark.parametrize(
    "content", [b"", b"short", struct.pack("<Q", 2**60) + b"{}", b"\2" + b"\0" * 7 + b"[]"]
)
def test_a_damaged_header_tells_no_parameters(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    assert weights_in(tmp_path) == WeightFiles(len(content), None)


def test_other_formats_count_by_size_and_nothing_is_nothing(tmp_path: Path) -> None:
    assert weights_in(tmp_path) is None
    (tmp_path / "open_clip_pytorch_model.bin").write_bytes(b"12345")
    assert weights_in(tmp_path) == WeightFiles(5, None)


def test_the_pocket_clip_has_the_parameters_of_its_model() -> None:
    import open_clip
    import torch

    folder = models.POCKET / "clip"
    found = weights_in(folder)
    assert found is not None
    model = open_clip.create_model(f"local-dir:{folder}")
    assert isinstance(model, torch.nn.Module)
    assert found.parameters == sum(value.numel() for value in model.state_dict().values())
