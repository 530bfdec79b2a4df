"""Three tiny random models, made once, and pictures to show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import Engine, EngineSpec
from tests.pipeline.engines import tiny

Load = Callable[..., Engine]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of llama (text), git (captioner) and llava (chat VLM)."""
    base = tmp_path_factory.mktemp("models")
    makers = {"llama": tiny.llama, "git": tiny.git, "llava": tiny.llava}
    return {name: make(base / name) for name, make in makers.items()}


@pytest.fixture(scope="session")
def load(folders: dict[str, Path]) -> Load:
    """Load one of the models by name; equal settings share one engine."""
    engines: dict[str, Engine] = {}

    def get(name: str, **changes: Any) -> Engine:
        settings = {"device": "cpu", "dtype": "float32", **changes}
        key = f"{name} {settings}"
        if key not in engines:
            engines[key] = make_engine(EngineSpec("transformers", str(folders[name]), **settings))
        return engines[key]

    return get


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three pictures of different sizes and contents."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    paths = []
    for number, (width, height) in enumerate([(40, 60), (64, 32), (33, 33)]):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        paths.append(folder / f"picture {number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths
