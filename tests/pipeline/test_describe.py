"""Describe: captions per reference, in order, whatever the model says about the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import prompting
from pipeline.cache import Cache
from pipeline.describe import describe
from pipeline.records import Sampling
from tests.pipeline.colours import paint_gallery, scripted


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    return paint_gallery(tmp_path / "gallery")


def test_every_reference_gets_its_own_caption_in_order(tmp_path: Path, gallery: Path) -> None:
    engine = scripted(Cache(tmp_path / "c"), ("blue", "a blue square"), ("red", "a red square"))
    paths = [gallery / "red.png", gallery / "blue.png", gallery / "red.png"]
    described = describe(paths, prompting.load("describe/dense"), engine, Sampling())
    assert [description.captions[0] for description, _ in described] == [
        "a red square", "a blue square", "a red square",
    ]  # fmt: skip
    assert [len(exchanges) for _, exchanges in described] == [1, 1, 1]


def test_several_captions_are_sampled_and_all_kept(tmp_path: Path, gallery: Path) -> None:
    engine = scripted(Cache(tmp_path / "c"), (".", "a square"))
    prompt = prompting.load("describe/dense")
    description, exchanges = describe([gallery / "red.png"], prompt, engine, Sampling(), 3)[0]
    assert description.captions == ("a square",) * 3
    assert [exchange.stage for exchange in exchanges] == ["describe"] * 3


def test_an_empty_caption_is_left_out_and_its_exchange_is_kept(
    tmp_path: Path, gallery: Path
) -> None:
    engine = scripted(Cache(tmp_path / "c"), ("red", "  \n "), (".", "a square"))
    prompt = prompting.load("describe/dense")
    empty, good = describe([gallery / "red.png", gallery / "blue.png"], prompt, engine, Sampling())
    assert empty[0].captions == ()
    assert len(empty[1]) == 1
    assert good[0].captions == ("a square",)
