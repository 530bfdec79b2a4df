"""Assembly: names become a composer, and no model is loaded on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.setup.assembly import assemble, open_encoder
from likebut.pipeline.setup.names import Setup


def test_names_become_a_composer(tmp_path: Path) -> None:
    composer = assemble(Setup("likebut", "pocket", cache=tmp_path / "c", weights={"reference": 0.7}))
    assert composer.recipe.name == "likebut@pocket"
    assert composer.profile == "pocket"
    assert composer.recipe.grains["reference"] == 0.7
    assert composer.reasoner.spec.model.endswith("reasoner")


def test_the_device_asked_for_reaches_every_model(tmp_path: Path) -> None:
    composer = assemble(Setup("likebut", "pocket", cache=tmp_path / "c", device="cpu"))
    assert composer.captioner.spec.device == composer.encoder.spec.device == "cpu"


@pytest.mark.parametrize(("recipe", "profile"), [("likebutt", "pocket"), ("likebut", "pockets")])
def test_an_unknown_name_suggests_the_near_one(tmp_path: Path, recipe: str, profile: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble(Setup(recipe, profile, cache=tmp_path / "c"))
    assert "did you mean" in f"{caught.value.message} {caught.value.hint}"


def test_a_missing_device_is_an_error_at_once(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelError):
        open_encoder(Setup(cache=tmp_path / "c", device="cuda"))


def test_assembling_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from likebut.pipeline.setup.assembly import Setup, assemble; "
        f"assemble(Setup(cache=Path({str(tmp_path / 'c')!r}))); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_model_that_describes_and_reasons_is_loaded_once(tmp_path: Path) -> None:
    composer = assemble(Setup("likebut", "gpu", cache=tmp_path / "c", device="cpu"))
    assert composer.captioner is composer.reasoner
    assert composer.captioner_sampling != composer.reasoner_sampling
    pocket = assemble(Setup("likebut", "pocket", cache=tmp_path / "c"))
    assert pocket.captioner is not pocket.reasoner
