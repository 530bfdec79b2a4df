"""What tells a changed file: its size and times, else what is in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from likebut.indexes.build import build
from likebut.indexes.contents import changed_files
from likebut.indexes.maintain import info, verify
from likebut.indexes.plan import make_plan
from likebut.indexes.scan import File
from likebut.indexes.seal import seal
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour, colour_vectors

Paint = Callable[..., Path]


def turned_in_place(path: Path, paint: Paint, colour: tuple[int, int, int]) -> None:
    """Other contents under the same size, name and time of change."""
    before = path.stat()
    path.write_bytes(paint(path.with_name("new.bmp.png"), colour).read_bytes()[: before.st_size])
    path.with_name("new.bmp.png").unlink()
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def pictures(tmp_path: Path, paint: Paint) -> Path:
    """Two pictures of one size in bytes."""
    paint(tmp_path / "g" / "a.png", (10, 20, 30))
    paint(tmp_path / "g" / "b.png", (40, 50, 60))
    return tmp_path / "g"


def row(out: Path, name: str) -> list[float]:
    index = Index.open(out)
    at = index.row_of(name)
    assert at is not None
    return [round(float(value), 3) for value in index.take([at])[0]]


def as_row(*colour: int) -> list[float]:
    (vector,) = colour_vectors([colour])
    return [round(float(value), 3) for value in vector.astype(np.float16)]


def test_a_picture_changed_in_place_with_its_date_kept_is_noticed(
    pictures: Path, tmp_path: Path, paint: Paint
) -> None:
    out = tmp_path / "out"
    build([pictures], out, MeanColour())
    turned_in_place(pictures / "a.png", paint, (11, 21, 31))
    report = build([pictures], out, MeanColour())
    assert (report.encoded, report.reused) == (1, 1)
    assert row(out, "a.png") == as_row(11, 21, 31)


def test_another_file_moved_into_its_place_is_noticed(pictures: Path, tmp_path: Path, paint: Paint) -> None:
    out = tmp_path / "out"
    build([pictures], out, MeanColour())
    before = (pictures / "a.png").stat()
    other = paint(tmp_path / "x.png", (11, 21, 31))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(pictures / "a.png")
    assert build([pictures], out, MeanColour()).encoded == 1


def as_an_older_likebut_wrote_it(out: Path) -> None:
    """Without the columns and keys of today."""
    manifest = json.loads((out / "manifest.json").read_text())
    table = pq.read_table(out / manifest["items"]["file"]).drop_columns(["ctime_ns", "inode"])
    place = out / f"items-{'0' * 16}.parquet"
    pq.write_table(table, place)
    data = place.read_bytes()
    import hashlib

    digest = hashlib.sha256(data).hexdigest()
    named = place.rename(out / f"items-{digest[:16]}.parquet")
    manifest["items"] |= {"file": named.name, "bytes": len(data), "sha256": digest}
    for key in ("failed_stamps", "unread", "left_out"):
        del manifest[key]
    (out / "manifest.json").write_text(json.dumps(seal(manifest)))


def test_an_index_of_an_older_likebut_is_read_and_learns_what_it_lacks_without_encoding(
    pictures: Path, tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    (pictures / "bad.png").write_text("x")
    build([pictures], out, MeanColour())
    as_an_older_likebut_wrote_it(out)
    assert verify(out).problems == ()
    assert {item.inode for item in Index.open(out).all_items()} == {0}
    encoder = MeanColour()
    with monkeypatch.context() as patch:
        patch.setattr("likebut.indexes.reading._bytes_of", None)
        report = build([pictures], out, encoder)
    assert (report.reused, len(report.failed), encoder.batches) == (2, 1, [])
    assert 0 not in {item.inode for item in Index.open(out).all_items()}
    turned_in_place(pictures / "a.png", paint, (11, 21, 31))
    assert build([pictures], out, MeanColour()).encoded == 1


def test_a_damaged_picture_mended_in_place_is_tried_again(pictures: Path, tmp_path: Path) -> None:
    good = (pictures / "a.png").read_bytes()
    (pictures / "a.png").write_bytes(b"x" * len(good))
    before = (pictures / "a.png").stat()
    build([pictures], tmp_path / "out", MeanColour())
    (pictures / "a.png").write_bytes(good)
    os.utime(pictures / "a.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build([pictures], tmp_path / "out", MeanColour()).items == 2


def test_a_gallery_that_was_copied_with_its_index_is_read_once_and_not_encoded(
    pictures: Path, tmp_path: Path
) -> None:
    build([pictures], pictures / ".likebut", MeanColour())
    shutil.copytree(pictures, tmp_path / "copy")
    encoder = MeanColour()
    build([tmp_path / "copy"], tmp_path / "copy" / ".likebut", encoder)
    assert encoder.batches == []


def test_a_drive_that_numbers_all_files_anew_changes_nothing(pictures: Path, tmp_path: Path) -> None:
    build([pictures], tmp_path / "out", MeanColour())
    index = Index.open(tmp_path / "out")
    files = [File(i.id, i.path, i.size, i.mtime_ns, i.ctime_ns, i.inode + 50) for i in index.all_items()]
    assert make_plan(files, index).todo == []
    one = [replace(files[0], inode=files[0].inode - 50), files[1]]
    assert make_plan(one, index).todo == one[1:]


def test_reading_everything_again_finds_what_no_date_tells(
    pictures: Path, tmp_path: Path, paint: Paint
) -> None:
    out = tmp_path / "out"
    build([pictures], out, MeanColour())
    assert changed_files(out) == ()
    turned_in_place(pictures / "a.png", paint, (11, 21, 31))
    (pictures / "b.png").unlink()
    assert changed_files(out) == (
        (str(pictures / "a.png"), "changed since it was indexed"),
        (str(pictures / "b.png"), "gone"),
    )
    encoder = MeanColour()
    assert build([pictures], out, encoder, reread=True).encoded == 1
    again = build([pictures], out, MeanColour(), reread=True)
    assert (again.items, again.encoded, again.reused) == (1, 0, 0)


def test_vectors_are_taken_over_from_another_index_of_the_same_encoder_alone(
    pictures: Path, tmp_path: Path
) -> None:
    build([pictures], tmp_path / "one", MeanColour())
    (tmp_path / "other").mkdir()
    shutil.copy(pictures / "a.png", tmp_path / "other" / "x.png")
    encoder = MeanColour()
    donors = [tmp_path / "none", tmp_path / "one"]
    report = build([tmp_path / "other"], tmp_path / "two", encoder, donors=donors)
    assert (report.items, report.encoded, encoder.batches) == (1, 0, [])
    assert row(tmp_path / "two", "x.png") == as_row(10, 20, 30)
    assert verify(tmp_path / "two").problems == ()
    other = MeanColour("0" * 64)
    assert build([pictures], tmp_path / "three", other, donors=donors).encoded == 2


def test_info_names_every_file_that_the_build_named(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    for number in range(5):
        (pictures / f"bad{number}.png").write_text("x")
    for number in range(3):
        (pictures / f"away{number}.png").symlink_to(tmp_path / "none")
    (pictures / "pipe.png").mkdir()
    os.mkfifo(pictures / "pipe2.png")

    def refuse(path: str, *rest: object, _open: Callable[..., object] = open) -> object:
        if str(path).endswith("b.png"):
            raise PermissionError(13, "Permission denied")
        return _open(path, *rest)

    monkeypatch.setattr("likebut.indexes.reading.open", refuse, raising=False)
    report = build([pictures], out, MeanColour())
    assert len(report.failed) == 10
    assert sorted(map(tuple, info(out)["failed"])) == sorted(report.failed)
    stamp = (out / "manifest.json").stat().st_mtime_ns
    assert build([pictures], out, MeanColour()).failed == report.failed
    assert (out / "manifest.json").stat().st_mtime_ns == stamp
    monkeypatch.undo()
    assert build([pictures], out, MeanColour()).items == 2
