"""An encoder with a light query side: real towers, of which the small one is the big one turned."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.captions import build_captions, captions_of
from likebut.indexes.contract import EncoderId
from likebut.indexes.errors import IndexIncompatible
from likebut.indexes.store import Index
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.learning import LEAST_TEXTS, drawn, learn_light
from likebut.pipeline.asking.light import LightEncoder
from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import Encoder, EncoderSpec
from likebut.pipeline.encoders.light import Light, read_light, write_light
from likebut.pipeline.errors import ConfigError, InputError, LikebutError, ModelError
from likebut.pipeline.pocket.captions import some_texts
from tests.pipeline.encoders import tiny

TEXTS = some_texts(300, seed=1)
MEND = "learn it again"


def turned(clip: Path, folder: Path) -> Path:
    """A tower whose texts are those of ``clip``, turned: a ridge finds the way back."""
    import torch
    from safetensors.torch import load_file, save_file

    tiny.clip(folder)
    weights = load_file(clip / "open_clip_model.safetensors")
    turn = torch.linalg.qr(torch.randn(tiny.DIMENSION, tiny.DIMENSION))[0]
    weights["text_projection"] = (weights["text_projection"].float() @ turn).half().contiguous()
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def spec(folder: Path) -> EncoderSpec:
    return EncoderSpec("open_clip", str(folder), None, "cpu", "float32")


@dataclass
class Loading:
    """Makes real encoders, and remembers which."""

    loaded: list[str] = field(default_factory=list)

    def __call__(self, spec: EncoderSpec) -> Encoder:
        self.loaded.append(Path(spec.model).name)
        return make_encoder(spec)


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A big tower, a small one that is it turned, and one of other weights."""
    base = tmp_path_factory.mktemp("towers")
    big = tiny.clip(base / "big")
    return {"big": big, "small": turned(big, base / "small"), "other": tiny.clip(base / "other", seed=1)}


@pytest.fixture(scope="module")
def light(towers: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Light:
    cache = Cache(tmp_path_factory.mktemp("learning") / "answers.sqlite")
    small, big = (CachedEncoder(spec(towers[name]), cache) for name in ("small", "big"))
    learnt = learn_light(TEXTS, ("tiny.toml", small), ("gpu", big))
    write_light(cache.path.with_name("gpu.light"), learnt)
    return read_light(cache.path.with_name("gpu.light"), MEND)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "answers.sqlite")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "gallery"
    folder.mkdir()
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{seed}.png")
    return folder


Made = Callable[..., LightEncoder]


@pytest.fixture
def made(towers: dict[str, Path], light: Light, cache: Cache) -> Made:
    """A light encoder over the big tower, or another."""

    def make(
        loading: Loading, big: str = "big", known: Light = light, store: Cache = cache
    ) -> LightEncoder:
        return LightEncoder(spec(towers[big]), store, known, MEND, make=loading)

    return make


def test_what_was_learnt_is_told(light: Light, towers: dict[str, Path]) -> None:
    assert light.agreement > 0.95
    assert light.texts == 4 * len(drawn(TEXTS, 10_000)) // 5
    assert light.small.spec == replace(spec(towers["small"]), device="auto")
    assert (light.small.profile, light.big.profile) == ("tiny.toml", "gpu")


def test_a_query_by_texts_never_loads_the_big_tower(
    made: Made, towers: dict[str, Path], cache: Cache
) -> None:
    loading = Loading()
    encoder = made(loading)
    vectors = encoder.encode_texts(["a red apple", "two cats at night"])
    assert loading.loaded == ["small"]
    exact = make_encoder(spec(towers["big"]))
    assert EncoderId.of(encoder) == EncoderId.of(exact)
    assert (encoder.dimension, encoder.draft_size) == (exact.dimension, exact.draft_size)
    assert encoder.token_count("a red apple") == exact.token_count("a red apple")
    assert loading.loaded == ["small"]
    cosines = (vectors * exact.encode_texts(["a red apple", "two cats at night"])).sum(axis=1)
    assert cosines.min() > 0.95
    assert encoder.light.agreement > 0.95
    assert "small" in encoder.light.words


@pytest.mark.parametrize("whole", [True, False], ids=["a path", "a name"])
def test_texts_do_without_the_big_towers_files_and_pictures_say_that_they_are_missing(
    towers: dict[str, Path],
    light: Light,
    cache: Cache,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    gone = spec(tmp_path / "gone" if whole else Path("gone"))
    encoder = LightEncoder(gone, cache, replace(light, big=replace(light.big, spec=gone)), MEND)
    assert encoder.encode_texts(["a red apple"]).shape == (1, tiny.DIMENSION)
    assert encoder.fingerprint == light.big.fingerprint
    with pytest.raises(LikebutError, match="gone"):
        encoder.encode_files([pictures / "0.png"])
    with pytest.raises(ModelError, match="elsewhere"):
        _ = LightEncoder(spec(tmp_path / "elsewhere"), cache, light, MEND).fingerprint


def test_files_that_were_moved_are_looked_at_once(
    towers: dict[str, Path], light: Light, cache: Cache, tmp_path: Path
) -> None:
    again = shutil.copytree(towers["big"], tmp_path / "again")
    moved = replace(light, big=replace(light.big, spec=spec(again)))
    for loaded in (["again"], []):
        loading = Loading()
        encoder = LightEncoder(spec(again), cache, moved, MEND, make=loading)
        assert encoder.fingerprint == light.big.fingerprint
        assert loading.loaded == loaded


def test_a_picture_loads_the_big_tower_and_its_vector_is_exact(
    made: Made, towers: dict[str, Path], cache: Cache, pictures: Path, tmp_path: Path
) -> None:
    loading = Loading()
    seen = made(loading).encode_files([pictures / "0.png"])[0]
    assert loading.loaded == ["big"]
    plain = CachedEncoder(spec(towers["big"]), Cache(tmp_path / "own.sqlite"))
    assert np.array_equal(seen, plain.encode_files([pictures / "0.png"])[0])


def test_light_and_exact_vectors_never_mix(made: Made, towers: dict[str, Path], cache: Cache) -> None:
    plain = CachedEncoder(spec(towers["big"]), cache)
    small = CachedEncoder(spec(towers["small"]), cache)
    exact, own = plain.encode_texts(["a red apple"]), small.encode_texts(["a red apple"])
    loading = Loading()
    mapped = made(loading).encode_texts(["a red apple"])
    assert loading.loaded == ["small"]
    assert not np.array_equal(mapped, exact)
    assert not np.array_equal(mapped, own)
    again = Loading()
    assert np.array_equal(made(again).encode_texts(["a red apple"]), mapped)
    assert again.loaded == []  # from the cache
    assert np.array_equal(CachedEncoder(spec(towers["big"]), cache).encode_texts(["a red apple"]), exact)
    assert np.array_equal(CachedEncoder(spec(towers["small"]), cache).encode_texts(["a red apple"]), own)


def test_another_map_has_vectors_of_its_own(made: Made, light: Light) -> None:
    loading = Loading()
    first = made(loading).encode_texts(["a red apple"])
    bridge = replace(light.bridge, turn=-light.bridge.turn)
    other = made(loading, known=replace(light, bridge=bridge))
    assert not np.array_equal(other.encode_texts(["a red apple"]), first)


def test_documents_are_exact_for_they_go_into_the_index(
    made: Made, towers: dict[str, Path], cache: Cache, tmp_path: Path
) -> None:
    captions = captions_of({"1": ["a red apple"], "2": ["two cats", "cats at night"]})
    loading = Loading()
    rows = [
        build_captions(captions, tmp_path / name, encoder, dtype="float32")
        for name, encoder in (
            ("light", made(loading)),
            ("exact", CachedEncoder(spec(towers["big"]), Cache(tmp_path / "own.sqlite"))),
        )
    ]
    assert loading.loaded == ["big"]
    assert np.array_equal(rows[0].take([0, 1]), rows[1].take([0, 1]))


def test_the_index_of_the_big_tower_opens_and_is_kept_up(
    made: Made, towers: dict[str, Path], cache: Cache, pictures: Path, tmp_path: Path
) -> None:
    plain = CachedEncoder(spec(towers["big"]), cache)
    build([pictures], tmp_path / "index", plain)
    loading = Loading()
    encoder = made(loading, store=Cache(tmp_path / "new.sqlite"))
    Index.open(tmp_path / "index", encoder.fingerprint)
    assert build([pictures], tmp_path / "index", encoder).encoded == 0
    assert loading.loaded == []
    Image.new("RGB", (40, 40), "red").save(pictures / "3.png")
    assert build([pictures], tmp_path / "index", encoder).encoded == 1
    assert loading.loaded == ["big"]
    other = CachedEncoder(spec(towers["other"]), cache)
    build([pictures], tmp_path / "other", other)
    with pytest.raises(IndexIncompatible):
        Index.open(tmp_path / "other", encoder.fingerprint)


@pytest.mark.parametrize("known", [True, False], ids=["known to the cache", "never loaded"])
def test_a_map_to_another_tower_is_refused_before_anything_is_encoded(
    made: Made, towers: dict[str, Path], cache: Cache, known: bool
) -> None:
    if known:
        _ = CachedEncoder(spec(towers["other"]), cache).fingerprint
    loading = Loading()
    with pytest.raises(ModelError, match="the light map leads to") as told:
        _ = made(loading, big="other").fingerprint
    assert (told.value.hint, "\n" in told.value.message) == (MEND, False)
    assert loading.loaded == ([] if known else ["other"])


def test_towers_that_changed_behind_their_names_are_refused(
    light: Light, cache: Cache, pictures: Path, tmp_path: Path
) -> None:
    big, small = tiny.clip(tmp_path / "big", seed=2), tiny.clip(tmp_path / "small", seed=3)
    moved = replace(
        light, big=replace(light.big, spec=spec(big)), small=replace(light.small, spec=spec(small))
    )
    encoder = LightEncoder(spec(big), cache, moved, MEND)
    for ask in (
        lambda: encoder.encode_texts(["a red apple"]),  # the small one is loaded
        lambda: encoder.encode_files([pictures / "0.png"]),  # the big one is
        lambda: encoder.encode_files([pictures / "0.png"]),  # and again
        lambda: LightEncoder(spec(big), cache, moved, MEND).fingerprint,  # the cache knows it now
    ):
        with pytest.raises(ModelError) as told:
            ask()
        assert told.value.hint == MEND
    assert cache.info()["entries"] == 0


def test_what_makes_no_map_is_said(towers: dict[str, Path], cache: Cache) -> None:
    small, big = (("p", CachedEncoder(spec(towers[name]), cache)) for name in ("small", "big"))
    other = ("p", CachedEncoder(spec(towers["other"]), cache))
    few = [f" {text}\n" for text in TEXTS[: LEAST_TEXTS // 2]] * 3
    with pytest.raises(InputError, match="different texts are too few"):
        learn_light([*few, "", "  "], small, big)
    with pytest.raises(ConfigError, match="is both towers"):
        learn_light(TEXTS, big, big)
    with pytest.raises(ConfigError, match=r"of the ten nearest are the same, and 0\.99 are wanted"):
        learn_light(TEXTS, other, big, least=0.99)


def test_the_same_texts_make_the_same_map(
    towers: dict[str, Path], light: Light, tmp_path: Path, cache: Cache
) -> None:
    small, big = (CachedEncoder(spec(towers[name]), cache) for name in ("small", "big"))
    seen: list[tuple[int, int]] = []
    again = learn_light(
        [*reversed(TEXTS), *TEXTS],
        ("tiny.toml", small),
        ("gpu", big),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert again.agreement == light.agreement
    assert np.abs(again.bridge.turn - light.bridge.turn).max() < 1e-3
    assert seen[-1] == (2 * len(drawn(TEXTS, 10_000)),) * 2


class Words:
    """A tower that adds up its words; ``turned``, in the other direction. May kill its process."""

    name, preprocessing, dimension, draft_size, context_length = "words", "texts only", 16, 1, 77

    def __init__(self, turned: bool, dies_at: int = 0) -> None:
        self.fingerprint = f"words {turned}"
        self.turned, self.dies_at = turned, dies_at
        self.batches: list[int] = []

    def encode_texts(self, texts: Sequence[str]) -> Any:
        self.batches.append(len(texts))
        if len(self.batches) == self.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        seeds = [[crc32(word.encode()) for word in text.split()] for text in texts]
        rows = np.stack(
            [sum(np.random.default_rng(seed).standard_normal(16) for seed in own) for own in seeds]
        )
        rows = rows[:, ::-1] if self.turned else rows
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def token_count(self, text: str) -> int:
        return len(text.split())


def _learnt(answers: Path, dies_at: int = 0) -> tuple[Light, int]:
    """The map, and how many texts the big tower was asked for it."""
    cache, big = Cache(answers), Words(False, dies_at)
    ends = [
        (one.name, CachedEncoder(EncoderSpec("given", one.fingerprint), cache, encoder=one))
        for one in cast(list[Any], [Words(True), big])
    ]
    return learn_light(TEXTS, *ends), sum(big.batches)


def test_learning_that_was_killed_goes_on(tmp_path: Path) -> None:
    answers = tmp_path / "answers.sqlite"
    process = multiprocessing.get_context("spawn").Process(target=_learnt, args=(answers, 3))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    light, asked = _learnt(answers)
    assert asked == len(drawn(TEXTS, 10_000)) - 2 * 64  # two batches were kept
    assert light.agreement > 0.99
    assert _learnt(tmp_path / "own.sqlite")[0].sha256 == light.sha256


TOLD = """
import sys
from pathlib import Path
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.light import LightEncoder
from likebut.pipeline.encoders.light import read_light
light = read_light(Path(sys.argv[1]), "")
encoder = LightEncoder(light.big.spec, Cache(Path(sys.argv[2])), light)
encoder.encode_texts(["a red apple"])
print(encoder.fingerprint, bool({"torch", "open_clip"} & set(sys.modules)))
"""


def test_a_repeated_query_imports_no_torch(light: Light, cache: Cache, tmp_path: Path) -> None:
    write_light(tmp_path / "gpu.light", light)
    command = [sys.executable, "-c", TOLD, str(tmp_path / "gpu.light"), str(cache.path)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert [one.split() for one in said] == [
        [light.big.fingerprint, "True"],
        [light.big.fingerprint, "False"],
    ]
