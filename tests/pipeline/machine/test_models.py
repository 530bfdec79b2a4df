"""Model folders and what identifies their weights."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from likebut.pipeline.errors import ModelError
from likebut.pipeline.machine import models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "config.json").write_text("{}")
    (made / "README.md").write_text("a card")
    return made


def test_pocket_models_lie_in_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    monkeypatch.setattr(models, "POCKET", tmp_path)
    assert models.local_folder("pocket:clip") == tmp_path / "clip"
    with pytest.raises(ModelError, match="pocket:clap") as caught:
        models.local_folder("pocket:clap")
    assert "pocket:clip" in caught.value.hint


def test_a_folder_is_a_folder_and_a_name_is_a_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.local_folder(str(folder)) == folder
    assert models.local_folder("Qwen/Qwen2.5-1.5B-Instruct") is None
    monkeypatch.setenv("HOME", str(folder.parent))
    assert models.local_folder("~/model") == folder


@pytest.mark.parametrize("model", ["/no/such", "./no", "~/no-such-model"])
def test_a_path_that_is_not_there_is_no_hub_name(model: str) -> None:
    with pytest.raises(ModelError, match="no model folder"):
        models.local_folder(model)


def test_the_fingerprint_is_of_contents_not_of_place_or_card(folder: Path, tmp_path: Path) -> None:
    before = models.fingerprint(folder)
    moved = shutil.copytree(folder, tmp_path / "moved")
    (moved / "README.md").write_text("another card")
    assert models.fingerprint(moved) == before
    (moved / "config.json").write_text("{ }")
    assert models.fingerprint(moved) != before


def test_the_stamp_changes_with_any_file(folder: Path) -> None:
    before = models.stamp(folder)
    assert models.stamp(folder) == before
    os.utime(folder / "model.safetensors", ns=(1, 1))
    assert models.stamp(folder) != before


def test_the_commit_of_a_hub_model_is_read_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = tmp_path / "hub" / "models--org--name" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text("c0ffee\n")
    (refs / "v1").write_text("beef")
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert models.hub_commit("org/name") == "c0ffee"
    assert models.hub_commit("org/name", "v1") == "beef"
    assert models.hub_commit("org/name", "a" * 40) == "a" * 40
    assert models.hub_commit("org/other") is None
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert models.hub_commit("org/name") is None
