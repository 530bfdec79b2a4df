"""A model's own code is never run, and nobody is asked whether it may."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.open_clip import OpenClipEncoder
from likebut.pipeline.encoders.sentence import SentenceEncoder
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.engines.transformers import TransformersEngine
from likebut.pipeline.errors import ModelError
from tests.pipeline.encoders.tiny import CONFIG

CODE = """
from pathlib import Path
from transformers import PretrainedConfig
Path({mark!r}).write_text("ran")
class OwnConfig(PretrainedConfig):
    model_type = "own-kind"
"""


class Watched(io.StringIO):
    """A stdin that says yes to everything, and knows whether it was asked."""

    asked = False

    def readline(self, *_: object) -> str:
        self.asked = True
        return "yes\n"

    read = readline


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched("yes\n" * 9)
    monkeypatch.setattr("sys.stdin", watched)
    return watched


def own_model(folder: Path) -> Path:
    """A folder whose config wants a Python file of its own, which leaves a mark."""
    folder.mkdir()
    (folder / "own.py").write_text(CODE.format(mark=str(folder / "ran")))
    config = {"model_type": "own-kind", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


LOADERS: dict[str, Callable[[str], object]] = {
    "reasoner": lambda model: TransformersEngine(EngineSpec("transformers", model, device="cpu")),
    "sentence": lambda model: SentenceEncoder(EncoderSpec("sentence", model, device="cpu")),
}


@pytest.mark.parametrize("kind", LOADERS)
def test_a_model_with_code_of_its_own_is_refused(kind: str, tmp_path: Path, stdin: Watched) -> None:
    folder = own_model(tmp_path / "own")
    with pytest.raises(ModelError, match="needs code of its own") as caught:
        LOADERS[kind](str(folder))
    assert caught.value.exit_code == 4
    assert not (folder / "ran").exists()
    assert not stdin.asked


def test_a_text_tower_with_code_of_its_own_is_refused(tmp_path: Path, stdin: Watched) -> None:
    tower = own_model(tmp_path / "own")
    folder = tmp_path / "clip"
    folder.mkdir()
    config = json.loads(json.dumps(CONFIG))
    config["model_cfg"]["text_cfg"] = {"hf_model_name": str(tower), "hf_model_pretrained": False}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError):
        OpenClipEncoder(EncoderSpec("open_clip", str(folder), device="cpu"))
    assert not (tower / "ran").exists()
    assert not stdin.asked
