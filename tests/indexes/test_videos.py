"""Frames of videos as items: which they are, how they are kept, and what a broken video does."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from likebut.indexes.build import BuildReport, build
from likebut.indexes.contents import changed_files
from likebut.indexes.decode import load_image, size_of
from likebut.indexes.errors import BadImage, GalleryError, Problem
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.scan import scan
from likebut.indexes.store import Index
from likebut.indexes.videos import Frame, file_of, frame_of, moment_of, one_each, told, without_number
from tests.filming import film, sound
from tests.indexes.conftest import MeanColour, colour_vectors
from tests.indexes.preparers import MeanPreparing, Travelling

Paint = Callable[..., Path]
FOUR = ["red", "red", "lime", "lime", "blue", "blue", "white", "white"]  # four seconds


def colour(path: Path | str) -> tuple[int, ...]:
    """The colour of the middle of a picture, as far as a codec keeps it."""
    image = load_image(path)
    found = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(found, tuple)
    return tuple(round(level / 255) * 255 for level in found)


def frames(path: Path, of: int) -> list[str]:
    return [Frame(str(path), number, of).address for number in range(1, of + 1)]


@pytest.fixture
def folder(tmp_path: Path, paint: Paint) -> Path:
    """A red picture and a film of four colours."""
    paint(tmp_path / "gallery" / "red.png", (255, 0, 0))
    film(tmp_path / "gallery" / "clip.mp4", FOUR)
    return tmp_path / "gallery"


@pytest.fixture
def made(folder: Path, tmp_path: Path, encoder: MeanColour) -> Callable[..., BuildReport]:
    def _made(**given: Any) -> BuildReport:
        return build([folder], tmp_path / "index", encoder, **given)

    return _made


def ids(out: Path) -> list[str]:
    return [item.id for item in Index.open(out).all_items()]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "mov"])
def test_frames_are_evenly_spaced_each_from_the_middle_of_its_share(tmp_path: Path, ending: str) -> None:
    path = film(tmp_path / f"clip.{ending}", FOUR)
    assert [colour(frame) for frame in frames(path, 4)] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]
    assert [moment_of(Frame(str(path), number, 4)) for number in (1, 4)] == [0.5, 3.5]
    assert colour(frames(path, 1)[0]) == (0, 0, 255)  # what begins at two of four seconds


def test_a_frame_is_the_one_that_is_shown_at_its_moment_however_long_frames_last(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", ["red", "lime", "blue"], times=[0, 1000, 3900])
    # at 0.65, 1.95 and 3.25 s or a little more, by how long the last one is shown
    assert [colour(frame) for frame in frames(path, 3)] == [(255, 0, 0), (0, 255, 0), (0, 255, 0)]


def test_a_frame_is_upright_and_in_square_pixels(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 48), "red")
    picture.paste("blue", (0, 0, 64, 24))  # blue above
    flat = film(tmp_path / "flat.mp4", [picture])
    turned = film(tmp_path / "turned.mov", [picture], turned=90)
    wide = film(tmp_path / "wide.mp4", [picture], aspect=Fraction(2, 1))
    assert load_image(frames(flat, 1)[0]).size == (64, 48)
    upright = load_image(frames(turned, 1)[0])
    assert upright.size == size_of(frames(turned, 1)[0]) == (48, 64)
    left, right = upright.getpixel((4, 32)), upright.getpixel((44, 32))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[2] > 200, right[0] > 200) == (True, True)  # a quarter turn against the clock
    assert load_image(frames(wide, 1)[0]).size == (128, 48)


def test_videos_are_passed_over_until_somebody_asks_for_them(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport]
) -> None:
    report = made()
    assert (report.items, report.failed, report.left_out) == (1, (), ())
    assert "videos" not in info(tmp_path / "index")
    assert made(videos=2).encoded == 2
    assert ids(tmp_path / "index") == ["clip.mp4#1of2", "clip.mp4#2of2", "red.png"]
    assert info(tmp_path / "index")["videos"] == 2


def test_an_index_keeps_its_number_until_another_is_asked_for_and_says_the_way_back(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport], caplog: pytest.LogCaptureFixture
) -> None:
    made(videos=2)
    assert (made().items, made().news) == (3, False)
    assert not caplog.messages
    assert made(videos=4).items == 5
    (said,) = caplog.messages
    assert "4 frames of each video now, 2 before" in said
    assert f"likebut index build {folder} --out {tmp_path / 'index'} --videos 2" in said
    assert made(videos=0).items == 1
    assert "videos" not in info(tmp_path / "index")


def test_rows_are_vectors_of_frames_and_unchanged_videos_are_not_read(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport], encoder: MeanColour
) -> None:
    made(videos=4)
    index = Index.open(tmp_path / "index")
    shown = [(254, 0, 0), (0, 254, 0), (0, 0, 254), (255, 255, 255), (255, 0, 0)]
    assert abs(index.take(range(5)) - colour_vectors(shown)).max() < 0.01
    encoder.batches.clear()
    again = made()
    assert (again.reused, again.encoded, encoder.batches) == (5, 0, [])


def test_changed_renamed_and_removed_videos_are_followed(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport]
) -> None:
    made(videos=2)
    (folder / "clip.mp4").rename(folder / "other.mp4")
    renamed = made()
    assert (renamed.encoded, renamed.renamed, renamed.removed) == (0, 2, 0)
    film(folder / "other.mp4", ["yellow"] * 4)
    assert changed_files(tmp_path / "index") == (
        Problem(str(folder / "other.mp4"), "changed since it was indexed"),
    )
    assert made().encoded == 1  # both of its frames are one picture
    (folder / "other.mp4").unlink()
    assert changed_files(tmp_path / "index") == (
        Problem(str(folder / "other.mp4"), "no such file or directory"),
    )
    assert (made().removed, ids(tmp_path / "index")) == (2, ["red.png"])


def test_an_index_with_videos_is_whole_and_gives_them_up_by_name(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport]
) -> None:
    made(videos=3)
    assert verify(tmp_path / "index").ok
    assert changed_files(tmp_path / "index") == ()
    assert remove(tmp_path / "index", "*.mp4") == 3
    assert ids(tmp_path / "index") == ["red.png"]
    assert info(tmp_path / "index")["videos"] == 3


def test_a_broken_video_is_one_failed_file_and_not_the_end(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport]
) -> None:
    whole = (folder / "clip.mp4").read_bytes()
    (folder / "broken.mp4").write_bytes(whole[:300])
    (folder / "empty.webm").write_bytes(b"")
    sound(folder / "sound.m4v")
    report = made(videos=4)
    assert report.items == 5
    told_of = {Path(path).name: why for path, why in report.failed}
    assert set(told_of) == {"broken.mp4", "empty.webm", "sound.m4v"}
    assert told_of["broken.mp4"].startswith("no video that can be read (")
    assert told_of["sound.m4v"] == "a video without pictures"
    assert [Path(path).name for path, _ in info(tmp_path / "index")["failed"]] == sorted(told_of)
    assert not made().news  # what is broken is not tried again


def test_a_video_of_more_pixels_than_pictures_may_have_is_refused(
    folder: Path, made: Callable[..., BuildReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    (failed,) = made(videos=2, pixels_limit=1000).failed
    assert failed.reason.startswith("too many pixels")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BadImage, match="too many pixels"):
        load_image(frames(folder / "clip.mp4", 1)[0])


def test_without_pyav_one_line_names_the_extra(
    folder: Path, made: Callable[..., BuildReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likebut.indexes.videos.find_spec", lambda name: None)
    with pytest.raises(GalleryError) as told_of:
        made(videos=2)
    assert (told_of.value.hint, told_of.value.exit_code) == ("pip install 'likebut[video]'", 4)
    with pytest.raises(GalleryError, match="no -1 frames"):
        made(videos=-1)


def test_an_index_with_videos_stays_as_it_is_where_pyav_has_gone(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    made(videos=2)
    monkeypatch.setitem(sys.modules, "av", None)
    film_again = folder / "second.mp4"
    shutil.copy(folder / "clip.mp4", film_again)
    report = made()
    assert (report.items, report.reused) == (3, 3)
    assert report.failed == (
        Problem(str(film_again), "needs the package av: pip install 'likebut[video]'"),
    )
    monkeypatch.delitem(sys.modules, "av")
    assert made().items == 5  # it was no fault of the file


def test_the_film_of_a_live_photo_is_none_of_its_own(folder: Path, paint: Paint) -> None:
    paint(folder / "IMG_1.JPG", (1, 2, 3))
    film(folder / "img_1.mov", FOUR)
    film(folder / "red.mp4", FOUR)
    found = [one.id for one in scan([folder], 1).files]
    assert found == ["IMG_1.JPG", "clip.mp4#1of1", "red.mp4#1of1", "red.png"]


def test_a_second_gallery_takes_the_frames_over(
    folder: Path, tmp_path: Path, made: Callable[..., BuildReport], encoder: MeanColour
) -> None:
    made(videos=2)
    report = build([folder], tmp_path / "both", encoder, donors=[tmp_path / "index"])
    assert (report.items, report.encoded) == (3, 0)


def test_processes_read_the_same_frames(folder: Path, tmp_path: Path, encoder: MeanColour) -> None:
    build([folder], tmp_path / "a", encoder, videos=4)
    travelling = Travelling(MeanPreparing())
    report = build([folder], tmp_path / "b", travelling, videos=4, mapper="processes")
    assert "processes" in report.read_by
    one, other = Index.open(tmp_path / "a"), Index.open(tmp_path / "b")
    assert [replace(i, ctime_ns=0) for i in one.all_items()] == [
        replace(i, ctime_ns=0) for i in other.all_items()
    ]
    assert (one.take(range(5)) == other.take(range(5))).all()


@given(
    st.text(min_size=1, max_size=20).filter(lambda t: "\0" not in t), st.integers(1, 99), st.integers(1, 99)
)
def test_an_address_says_file_and_number_as_text_and_as_path(name: str, number: int, of: int) -> None:
    frame = Frame(os.path.normpath(f"/films/{name.strip('/.') or 'a'}x"), number, of)
    assert frame_of(frame.address) == frame
    assert frame_of(str(Path(frame.address))) == frame
    assert file_of(frame.address) == frame.file
    assert frame_of(frame.file) is None


def test_people_are_told_the_moment(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", FOUR)
    assert told(frames(path, 4)[1]) == f"{path}#t=1.5"
    assert told("/gone/clip.mp4") == "/gone/clip.mp4"
    assert told("video:///gone/clip.mp4#3of8") == "/gone/clip.mp4#3of8"
    assert without_number("a/clip.mp4#3of8") == "a/clip.mp4"


def test_of_each_file_the_first_place_counts() -> None:
    paths = ["video:///a.mp4#1of2", "/b.png", "video:///a.mp4#2of2", "", "", "/b.png"]
    assert one_each(paths) == [0, 1, 3, 4]


PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from likebut.indexes.build import build
from tests.indexes.conftest import MeanColour

class Slow(MeanColour):
    def encode_prepared(self, batch):
        time.sleep(0.02)
        return super().encode_prepared(batch)

print("ready", flush=True)
build([Path(sys.argv[2])], Path(sys.argv[3]), Slow(), batch_size=2, threads=2, videos=8)
"""


def test_a_build_that_is_killed_among_frames_goes_on(tmp_path: Path, encoder: MeanColour) -> None:
    folder, out = tmp_path / "gallery", tmp_path / "index"
    folder.mkdir()
    for number in range(4):
        shades = [f"#{60 * number:02x}{20 * n:02x}40" for n in range(12)]
        film(folder / f"{number}.mp4", shades)
    lot = random.Random(5)
    command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[2]), str(folder), str(out)]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(lot.uniform(0.1, 0.4))
            process.send_signal(signal.SIGKILL)
    report = build([folder], out, encoder, batch_size=2, videos=8)
    assert report.items == 32
    assert verify(out).ok
    assert build([folder], tmp_path / "fresh", encoder, videos=8).items == 32
    one, fresh = Index.open(out), Index.open(tmp_path / "fresh")
    assert one.rows_sha256 == fresh.rows_sha256
    assert (one.take(range(32)) == fresh.take(range(32))).all()
