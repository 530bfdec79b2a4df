"""Models are loaded one at a time in the whole process: their libraries do not survive anything else."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import encoders, engines
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.engines.contract import EngineSpec
from tests.pipeline.colours import ColourEncoder


def test_no_two_models_are_loaded_at_once_and_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, most, loaded = 0, 0, []
    lock = threading.Lock()

    def loading(spec: Any) -> Any:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
            loaded.append(spec.model)
        return ColourEncoder()

    monkeypatch.setattr(engines, "make_engine", loading)
    monkeypatch.setattr(encoders, "make_encoder", loading)
    cache = Cache(tmp_path / "cache.sqlite")
    models = [CachedEngine(EngineSpec("scripted", f"model {n}"), cache) for n in range(3)]
    encoder = CachedEncoder(EncoderSpec("open_clip", "encoder"), cache)
    with ThreadPoolExecutor(12) as pool:
        work = [pool.submit(lambda model=model: model.engine) for model in models * 3]
        work += [pool.submit(lambda: encoder.encoder) for _ in range(3)]
        assert all(one.result() for one in work)
    assert most == 1
    assert sorted(loaded) == ["encoder", "model 0", "model 1", "model 2"]
