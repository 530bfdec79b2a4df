"""A reference is opened once, and its bytes are known again wherever and whenever they are met."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

import likebut.indexes.decode as decoding
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.read_only import ReadOnlyCache
from likebut.pipeline.stages.glances import Glances


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded, as they are."""
    names: list[str] = []
    really = decoding.load_image

    def watched(path: Path, *arguments: int) -> Image.Image:
        names.append(Path(path).name)
        return really(path, *arguments)

    monkeypatch.setattr(decoding, "load_image", watched)
    return names


def red(path: Path, colour: str = "red") -> Path:
    Image.new("RGB", (64, 64), colour).save(path)
    return path


def test_what_was_seen_is_known_in_the_next_process_and_under_another_name(
    tmp_path: Path, opened: list[str]
) -> None:
    with Cache(tmp_path / "cache.sqlite") as cache:
        assert Glances(cache)([red(tmp_path / "a.png")]) == {tmp_path / "a.png": 2.0}
    copy = red(tmp_path / "b.png")
    with Cache(tmp_path / "cache.sqlite") as cache:
        assert Glances(cache)([tmp_path / "a.png", copy]) == {tmp_path / "a.png": 2.0, copy: 2.0}
    assert opened == ["a.png"]


def test_a_file_with_other_bytes_is_opened_again_even_with_the_size_and_time_of_before(
    tmp_path: Path, opened: list[str]
) -> None:
    picture = red(tmp_path / "a.png")
    before = picture.stat()
    with Cache(tmp_path / "cache.sqlite") as cache:
        Glances(cache)([picture])
        other = tmp_path / "other.png"
        other.write_bytes(b"x" * before.st_size)
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(picture)
        assert picture.stat().st_mtime_ns == before.st_mtime_ns
        assert isinstance(Glances(cache)([picture])[picture], str)
    assert opened == ["a.png", "a.png"]


def test_what_cannot_be_used_is_looked_at_every_time(tmp_path: Path, opened: list[str]) -> None:
    broken, missing = tmp_path / "broken.png", tmp_path / "missing.png"
    broken.write_bytes(b"no picture")
    with Cache(tmp_path / "cache.sqlite") as cache:
        for _ in range(2):
            found = Glances(cache)([broken, missing])
            assert all(isinstance(why, str) and path.name in why for path, why in found.items())
    assert opened == ["broken.png", "missing.png"] * 2


def test_a_file_that_is_written_while_it_is_looked_at_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = red(tmp_path / "a.png")
    really = decoding.load_image

    def overtaken(path: Path, *arguments: int) -> Image.Image:
        seen = really(path, *arguments)
        picture.write_bytes(b"no picture any more")
        return seen

    with Cache(tmp_path / "cache.sqlite") as cache:
        with monkeypatch.context() as patch:
            patch.setattr(decoding, "load_image", overtaken)
            assert Glances(cache)([picture]) == {picture: 2.0}
        assert cache.ask("SELECT * FROM facts") == []
        assert isinstance(Glances(cache)([picture])[picture], str)


def test_without_a_cache_and_in_a_dry_run_nothing_is_kept(tmp_path: Path, opened: list[str]) -> None:
    picture = red(tmp_path / "a.png")
    with Cache(tmp_path / "cache.sqlite"):
        pass
    for _ in range(2):
        assert Glances()([picture]) == {picture: 2.0}
        with ReadOnlyCache(tmp_path / "cache.sqlite") as cache:
            assert Glances(cache)([picture]) == {picture: 2.0}
    assert opened == ["a.png"] * 4
