"""`index upgrade` from the command line: a new tower answers at once, and is made exact behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from likebut.pipeline.machine.models import local_folder
from tests.pipeline.cli.conftest import Run, some_of


@pytest.fixture
def pictures(drawn: Path, tmp_path: Path) -> Path:
    """Twenty-four drawn pictures."""
    return some_of(drawn, tmp_path / "pictures", 24)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A profile whose tower is the pocket one, a little otherwise."""
    tower = tmp_path / "tower"
    pocket = local_folder("pocket:clip")
    assert pocket is not None
    shutil.copytree(pocket, tower)
    weights = load_file(tower / "open_clip_model.safetensors")
    torch.manual_seed(0)
    moved = {
        name: (value + 0.02 * value.float().std() * torch.randn(value.shape)).to(value.dtype)
        if value.is_floating_point() and value.numel() > 1
        else value
        for name, value in weights.items()
    }
    save_file(moved, tower / "open_clip_model.safetensors")
    profile = Path(__file__).parents[3] / "pipeline" / "profiles" / "pocket.toml"
    text = profile.read_text().replace('"pocket:clip"', json.dumps(str(tower)))
    (tmp_path / "other.toml").write_text(text)
    return tmp_path / "other.toml"


def test_a_new_tower_answers_at_once_and_is_made_exact_behind(
    likebut: Run, pictures: Path, other: Path, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.index", tmp_path / "new.index"
    assert likebut("index", "build", pictures, "--out", old).code == 0
    asked = (
        "query",
        "--text",
        "a red apple",
        "--index",
        new,
        "--profile",
        other,
        "-r",
        "text-only",
        "-k",
        "1",
    )
    made = likebut("index", "upgrade", old, "--to", other, "--out", new, "--map-only")
    assert made.code == 0, made.err
    assert "24 rows mapped" in made.err
    found = likebut(*asked)
    assert found.code == 0, found.err
    assert "are mapped from those of" in found.err
    facts = json.loads(likebut("index", "info", new, "-f", "json").out)[0]
    assert 0 < facts["agreement"] <= 1
    assert likebut("index", "upgrade", old, "--to", other, "--out", new).code == 0
    assert "mapped" not in likebut(*asked).err
    assert likebut("query", "--text", "a red apple", "--index", old, "-r", "text-only").code == 0


def test_what_is_no_upgrade_is_said_in_a_line(likebut: Run, pictures: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.index"
    assert likebut("index", "build", pictures, "--out", old).code == 0
    same = likebut("index", "upgrade", old, "--to", "pocket", "--out", tmp_path / "new.index")
    assert (same.code, "already" in same.err) == (2, True)
    assert not (tmp_path / "new.index").exists()
    missing = likebut("index", "upgrade", tmp_path / "none", "--to", "pocket", "--out", tmp_path / "new")
    assert missing.code == 3
