"""`--on`: what does not go together with it is one line, before anything is connected or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run

SERVER = """
description = "Models at a server."

[captioner]
engine = "openai"
model = "seer"
options = { base_url = "http://127.0.0.1:9/v1" }
price = { input = 0, output = 0 }

[reasoner]
engine = "openai"
model = "thinker"
options = { base_url = "http://127.0.0.1:9/v1" }
price = { input = 0, output = 0 }

[encoder]
encoder = "open_clip"
model = "pocket:clip"
"""


def test_a_build_with_a_mapper_is_refused(likebut: Run, drawn: Path, tmp_path: Path) -> None:
    ended = likebut(
        "index", "build", drawn, "--out", tmp_path / "i", "--mapper", "threads", "--on", "local"
    )
    assert ended.code == 2
    assert "--mapper and --on do not go together" in ended.err
    assert not (tmp_path / "i").exists()


def test_captions_alone_have_nothing_to_read(likebut: Run, tmp_path: Path) -> None:
    captions = tmp_path / "captions.jsonl"
    captions.write_text('{"id": "a", "captions": ["a cat"]}\n', encoding="utf-8")
    ended = likebut("index", "build", "--captions", captions, "--out", tmp_path / "i", "--on", "local")
    assert ended.code == 2
    assert "--on without pictures" in ended.err


@pytest.mark.parametrize("command", ["batch", "eval"])
def test_a_dry_run_asks_nobody(likebut: Run, gallery: Path, tmp_path: Path, command: str) -> None:
    how = {
        "batch": ("batch", gallery / "queries.jsonl", "--in", gallery, "--out", tmp_path / "out"),
        "eval": ("eval", "pocket", "--data", gallery, "--out", tmp_path / "out"),
    }
    ended = likebut(*how[command], "--dry-run", "--on", "local")
    assert ended.code == 2
    assert "--dry-run and --on do not go together" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_gpu_by_number_is_none_of_a_workers(likebut: Run, gallery: Path) -> None:
    asked = ("batch", gallery / "queries.jsonl", "--in", gallery, "--on", "local")
    ended = likebut(*asked, "--device", "cpu:0")
    assert ended.code == 2
    assert "--device cpu:0 and --on do not go together: Ray gives each worker its GPU" in ended.err
    assert "--device cpu" in ended.err


def test_models_at_a_server_are_none_of_rays(likebut: Run, gallery: Path, tmp_path: Path) -> None:
    (tmp_path / "served.toml").write_text(SERVER, encoding="utf-8")
    asked = ("batch", gallery / "queries.jsonl", "--in", gallery, "--on", "local")
    ended = likebut(*asked, "--profile", tmp_path / "served.toml")
    assert ended.code == 2
    assert "--on local: the models of the profile served are asked at a server" in ended.err
