"""The file of a light query side: written whole or not at all, and never taken for what it is not."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from likebut.indexes.mapping import Bridge
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.light import End, Light, LightTower, check_place, read_light, write_light
from likebut.pipeline.errors import ConfigError, ModelError
from tests.pipeline.colours import ColourEncoder

MEND = "learn it: likebut index light …"


def light(seed: int = 0, agreement: float = 0.9) -> Light:
    """A map from a space of three dimensions to one of two."""
    rng = np.random.default_rng(seed)
    before, after, turn = (rng.standard_normal(shape).astype(np.float32) for shape in (3, 2, (3, 2)))
    ends = [
        End(
            EncoderSpec("open_clip", f"{name} model", "tag", options={"activation": "gelu"}),
            facts,
            "mine",
            "key",
        )
        for name in ("small", "big")
        for facts in [{"name": name, "fingerprint": f"{name} weights", "dimension": 2}]
    ]
    return Light(ends[0], ends[1], Bridge(before, after, turn), 8000, agreement)


def same(one: Light, other: Light) -> bool:
    return one.header == other.header and one.sha256 == other.sha256


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_light(tmp_path / "gpu.light", light())
    return tmp_path / "gpu.light"


def test_what_is_written_is_read(file: Path) -> None:
    found = read_light(file, MEND)
    assert same(found, light())
    assert (found.small.spec, found.texts, found.agreement) == (light().small.spec, 8000, 0.9)
    for name in ("before", "after", "turn"):
        assert np.array_equal(getattr(found.bridge, name), getattr(light().bridge, name))
    assert [path.name for path in file.parent.iterdir()] == ["gpu.light"]


def test_its_vectors_have_a_fingerprint_of_their_own() -> None:
    one = light()
    others = [
        light(1),
        light(agreement=0.8),
        replace(one, small=replace(one.small, facts={**one.big.facts})),
    ]
    prints = {each.fingerprint for each in (one, *others)}
    assert len(prints) == 4
    assert not prints & {"small weights", "big weights"}


def _told(file: Path) -> str:
    """What is said of a file that cannot be used; nothing of the map as it was written."""
    try:
        found = read_light(file, MEND)
    except ModelError as problem:
        return problem.hint if str(file) in problem.message else problem.message
    return "" if same(found, light()) else "another map"


@given(st.integers(0, 1 << 16), st.integers(1, 255))
def test_a_byte_that_is_another_is_told_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    file = tmp_path_factory.mktemp("flipped") / "gpu.light"
    write_light(file, light())
    data = bytearray(file.read_bytes())
    data[place % len(data)] ^= flip
    file.write_bytes(bytes(data))
    assert _told(file) in ("", MEND)


@given(st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_is_damaged(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    file = tmp_path_factory.mktemp("cut") / "gpu.light"
    write_light(file, light())
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelError, match="damaged"):
        read_light(file, MEND)


def test_what_is_no_map_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no light map"):
        read_light(tmp_path / "none", MEND)
    with pytest.raises(ModelError, match="no light map"):
        read_light(tmp_path, MEND)
    arrays = dict.fromkeys(("before", "after", "turn"), np.zeros((2, 2), np.float32))
    save_file(arrays, tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match="is no light map") as told:
        read_light(tmp_path / "weights.safetensors", MEND)
    assert told.value.hint == MEND
    (tmp_path / "words.txt").write_text("likebut_light")
    with pytest.raises(ModelError, match="damaged"):
        read_light(tmp_path / "words.txt", MEND)


def test_a_file_of_the_users_is_not_written_over(tmp_path: Path, file: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    for place in (tmp_path / "diary.txt", tmp_path):
        with pytest.raises(ConfigError):
            write_light(place, light())
    assert (tmp_path / "diary.txt").read_text() == "dear diary"
    (tmp_path / "empty").touch()
    for place in (file, tmp_path / "empty", tmp_path / "new" / "folder" / "gpu.light"):
        check_place(place)
        write_light(place, light(1))
        assert same(read_light(place, MEND), light(1))


def test_the_tower_maps_what_the_small_one_says_and_refuses_another() -> None:
    small = ColourEncoder()
    wide = small.dimension
    turn = np.roll(np.eye(wide, dtype=np.float32), 1, axis=1)
    none = np.zeros(wide, np.float32)
    end = End(EncoderSpec("given", "colours"), {"name": "c", "fingerprint": small.fingerprint}, "mine", "")
    known = Light(end, end, Bridge(none, none, turn), 100, 1.0)
    tower = LightTower(small, known, MEND)
    texts = ["a red apple", "a blue car"]
    assert np.allclose(tower.encode_texts(texts), small.encode_texts(texts) @ turn, atol=1e-6)
    assert tower.token_counts(texts) == [small.token_count(text) for text in texts]
    assert (tower.dimension, tower.context_length) == (wide, small.context_length)
    other = replace(known, small=replace(end, facts={"name": "c", "fingerprint": "another"}))
    with pytest.raises(ModelError, match="learnt from another") as told:
        LightTower(small, other, MEND)
    assert told.value.hint == MEND


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from likebut.pipeline.encoders.light import write_light
from tests.pipeline.encoders.test_light import light
lights = [light(0), light(1)]
print("ready", flush=True)
while True:
    for one in lights:
        write_light(Path(sys.argv[2]), one)
"""


def test_killed_while_it_is_written_it_is_the_one_or_the_other(file: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[3]), str(file)]
    for kill in range(4):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(random.Random(kill).uniform(0.005, 0.08))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        found = read_light(file, MEND)
        assert same(found, light(0)) or same(found, light(1))
