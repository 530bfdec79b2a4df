"""Several at once on one index: readers never wait for a writer, writers wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from likebut.indexes.build import build
from likebut.indexes.errors import IndexBusy, NotWritable
from likebut.indexes.lock import LOCK, wait_for_writer, write_lock
from likebut.indexes.maintain import remove
from likebut.indexes.refresh import refresh
from likebut.indexes.sides import write_side
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour
from tests.rights import read_only

AT_ONCE = int(os.environ.get("LIKEBUT_AT_ONCE", "16"))


class Held(MeanColour):
    """An encoder that stops before its first batch until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work, self.go = Event(), Event()

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        self.at_work.set()
        assert self.go.wait(120)
        return super().encode_prepared(batch)


def ids(folder: Path) -> list[str]:
    return [item.id for item in Index.open(folder).all_items()]


@pytest.fixture
def at(gallery: Path, tmp_path: Path) -> Callable[[MeanColour], Any]:
    """Refresh the gallery's index with an encoder; gives the folder and the report."""

    def _refresh(encoder: MeanColour) -> Any:
        return refresh(gallery, gallery / ".likebut", tmp_path / "kept", encoder)

    return _refresh


def test_many_searchers_of_an_unchanged_gallery_never_ask_for_the_lock(
    gallery: Path, at: Callable[[MeanColour], Any]
) -> None:
    at(MeanColour())
    before = {path.name: path.stat().st_mtime_ns for path in (gallery / ".likebut").iterdir()}
    start = Barrier(AT_ONCE)

    def search() -> tuple[int, int]:
        start.wait(120)
        _, report = at(MeanColour())
        return report.reused, report.encoded

    with write_lock(gallery / ".likebut"), ThreadPoolExecutor(AT_ONCE) as pool:
        found = [future.result() for future in [pool.submit(search) for _ in range(AT_ONCE)]]
    assert found == [(3, 0)] * AT_ONCE
    after = {path.name: path.stat().st_mtime_ns for path in (gallery / ".likebut").iterdir()}
    assert after == before


def test_who_searches_during_a_build_of_new_pictures_uses_what_is_there_and_says_so(
    gallery: Path,
    at: Callable[[MeanColour], Any],
    paint: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    out, _ = at(MeanColour())
    paint(gallery / "new.png", (1, 2, 3))
    slow = Held()
    with ThreadPoolExecutor(9) as pool:
        building = pool.submit(at, slow)
        assert slow.at_work.wait(120)
        searches = [pool.submit(at, MeanColour()) for _ in range(8)]
        assert [search.result(120) for search in searches] == [(out, None)] * 8
        assert ids(out) == ["deep/blue.png", "green.png", "red.png"]
        slow.go.set()
        assert building.result(120)[1].encoded == 1
    assert f"({os.getpid()}) is writing the index in {out}: searching what" in caplog.text
    assert len(ids(out)) == 4


def test_who_searches_during_the_first_build_waits_for_it_and_encodes_nothing(
    at: Callable[[MeanColour], Any], caplog: pytest.LogCaptureFixture
) -> None:
    slow, second = Held(), MeanColour()
    with ThreadPoolExecutor(2) as pool:
        building = pool.submit(at, slow)
        assert slow.at_work.wait(120)
        waiting = pool.submit(at, second)
        while "waiting for it" not in caplog.text:
            assert not waiting.done()
        slow.go.set()
        assert building.result(120)[1].encoded == 3
        assert waiting.result(120)[1].reused == 3
    assert second.batches == []


def test_a_second_builder_waits_and_sees_what_came_while_it_waited(
    gallery: Path, tmp_path: Path, paint: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    slow, second = Held(), MeanColour()
    with ThreadPoolExecutor(2) as pool:
        building = pool.submit(build, [gallery], tmp_path / "out", slow)
        assert slow.at_work.wait(120)
        waiting = pool.submit(build, [gallery], tmp_path / "out", second)
        while "waiting for it" not in caplog.text:
            assert not waiting.done()
        paint(gallery / "late.png", (7, 7, 7))
        slow.go.set()
        assert building.result(120).encoded == 3
        report = waiting.result(120)
    assert (report.items, report.encoded, report.reused) == (4, 1, 3)


def test_taking_out_waits_for_a_build(
    gallery: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow = Held()
    with ThreadPoolExecutor(2) as pool:
        building = pool.submit(build, [gallery], tmp_path / "out", slow)
        assert slow.at_work.wait(120)
        removing = pool.submit(remove, tmp_path / "out", "red.png")
        while "waiting for it" not in caplog.text:
            assert not removing.done()
        slow.go.set()
        building.result(120)
        assert removing.result(120) == 1
    assert ids(tmp_path / "out") == ["deep/blue.png", "green.png"]


def test_who_asked_not_to_wait_is_told_with_a_code_of_its_own(gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with write_lock(out), pytest.raises(IndexBusy, match=str(os.getpid())) as caught:
        build([gallery], out, MeanColour(), wait=False)
    assert caught.value.exit_code == 7
    assert not (out / LOCK).exists()


def test_the_lock_of_a_process_that_died_counts_for_nothing(gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    code = (
        "import sys, os, pathlib; from likebut.indexes.lock import write_lock\n"
        "with write_lock(pathlib.Path(sys.argv[1])): os._exit(9)"
    )
    repository = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(out)], cwd=repository).returncode == 9
    assert (out / LOCK).exists()
    assert not wait_for_writer(out)
    assert build([gallery], out, MeanColour(), wait=False).items == 3
    assert not (out / LOCK).exists()


class Reads(MeanColour):
    """Also encodes texts, all alike."""

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([1, 0, 0, 0], np.float32), (len(texts), 1))


def test_both_sides_are_opened_of_the_same_rows_while_a_writer_is_between_them(
    gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, encoder = tmp_path / "out", Reads()
    build([gallery], out, encoder)
    items = list(Index.open(out).all_items())
    captions = {(item.id, item.content_hash): ["a colour"] for item in items}
    write_side(out, captions, encoder, source="file x")
    between, go = Event(), Event()
    import likebut.indexes.sides

    real = likebut.indexes.sides.realign

    def late(folder: Path) -> None:
        between.set()
        assert go.wait(120)
        real(folder)

    monkeypatch.setattr(likebut.indexes.maintain, "realign", late)
    with ThreadPoolExecutor(2) as pool:
        removing = pool.submit(remove, out, "red.png")
        assert between.wait(120)
        opening = pool.submit(Index.open_both, out, encoder.fingerprint)
        go.set()
        index = opening.result(120)
        removing.result(120)
    side = index.caption_side
    assert side is not None
    assert [item.id for item in side.all_items()] == ["deep/blue.png", "green.png"]


def test_a_gallery_that_may_only_be_read_is_searched_by_its_own_index(
    gallery: Path, at: Callable[[MeanColour], Any], tmp_path: Path
) -> None:
    out, _ = at(MeanColour())
    with read_only(gallery):
        with pytest.raises(PermissionError):
            (out / "x").touch()
        place, report = at(MeanColour())
    assert (place, report.reused) == (out, 3)
    assert not (tmp_path / "kept").exists()


def test_on_a_full_disk_what_is_there_is_searched_and_that_is_said(
    gallery: Path,
    at: Callable[[MeanColour], Any],
    paint: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    out, _ = at(MeanColour())
    paint(gallery / "new.png", (1, 2, 3))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert at(MeanColour()) == (out, None)
    assert "no space left" in caplog.text
    assert len(ids(out)) == 3


def test_where_nothing_can_be_written_at_all_what_is_there_is_searched(
    gallery: Path,
    at: Callable[[MeanColour], Any],
    tmp_path: Path,
    paint: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    out, _ = at(MeanColour())
    paint(gallery / "new.png", (1, 2, 3))
    with read_only(tmp_path):
        assert at(MeanColour()) == (out, None)
        assert "searching what is in it" in caplog.text
        with pytest.raises(NotWritable, match="cannot write"):
            refresh(gallery / "deep", gallery / "deep" / ".likebut", tmp_path / "x", MeanColour())


@pytest.mark.parametrize("behind", [False, True])
def test_the_index_of_a_gallery_that_may_only_be_read_is_kept_elsewhere_and_that_is_said_once(
    gallery: Path,
    at: Callable[[MeanColour], Any],
    tmp_path: Path,
    paint: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
    behind: bool,
) -> None:
    if behind:
        at(MeanColour())
    paint(gallery / "new.png", (1, 2, 3))
    with read_only(gallery):
        place, report = at(MeanColour())
        again, unchanged = at(MeanColour())
    assert place == again == tmp_path / "kept"
    assert (report.items, unchanged.reused) == (4, 4)
    assert caplog.text.count("the index is kept in") == 1
    assert len(ids(place)) == 4
