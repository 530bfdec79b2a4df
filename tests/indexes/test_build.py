"""Building: the index holds exactly the readable pictures, and encodes nothing it need not."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.cluster import Elsewhere
from likebut.indexes.contract import EncoderId
from likebut.indexes.errors import DiskFull, GalleryError, IndexDamaged, IndexIncompatible, NoImages
from likebut.indexes.journal import Journal
from likebut.indexes.maintain import verify
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour, colour_vectors


def names(folder):
    return sorted(path.name.split("-")[0] for path in Path(folder).iterdir())


def ids(folder):
    return [item.id for item in Index.open(folder).all_items()]


def rows_of(folder):
    """id to the colours that its vector stands for."""
    index = Index.open(folder)
    return {item.id: index.take([item.row])[0].round(2).tolist() for item in index.all_items()}


def as_rows(**colours):
    return {
        name: row.astype(np.float16).astype(np.float32).round(2).tolist()
        for name, row in zip(colours, colour_vectors(list(colours.values())), strict=True)
    }


def test_a_first_build_indexes_every_picture_in_the_order_of_its_id(gallery, tmp_path, encoder):
    seen = []
    report = build(
        [gallery], tmp_path / "out", encoder, on_progress=lambda *n: seen.append(n), batch_size=2
    )
    assert (report.items, report.encoded, report.reused, report.failed) == (3, 3, 0, ())
    assert encoder.batches == [2, 1]
    assert seen == [(0, 3), (2, 3), (3, 3)]
    assert ids(tmp_path / "out") == ["deep/blue.png", "green.png", "red.png"]
    index = Index.open(tmp_path / "out")
    assert np.allclose(
        index.vectors()[0], colour_vectors([(0, 0, 255), (0, 255, 0), (255, 0, 0)]), atol=1e-3
    )
    assert names(tmp_path / "out") == ["items", "manifest.json", "stats", "vectors"]
    assert {"scan", "wait", "encode", "write"} < set(report.seconds_by)


def test_a_second_build_reads_no_file_and_writes_nothing(gallery, tmp_path, encoder, monkeypatch):
    build([gallery], tmp_path / "out", encoder)
    before = (tmp_path / "out/manifest.json").stat().st_mtime_ns
    monkeypatch.setattr("likebut.indexes.reading._bytes_of", None)
    report = build([gallery], tmp_path / "out", encoder)
    assert (report.items, report.encoded, report.reused) == (3, 0, 3)
    assert (tmp_path / "out/manifest.json").stat().st_mtime_ns == before


def test_moved_copied_changed_new_and_deleted_files(gallery, tmp_path, encoder, paint):
    build([gallery], tmp_path / "out", encoder)
    encoder.batches.clear()
    (gallery / "red.png").rename(gallery / "moved.png")
    shutil.copy(gallery / "green.png", gallery / "copy.png")
    paint(gallery / "green.png", (0, 128, 0))
    paint(gallery / "white.png", (255, 255, 255))
    (gallery / "deep/blue.png").unlink()
    report = build([gallery], tmp_path / "out", encoder)
    assert encoder.batches == [2]
    assert (report.items, report.encoded, report.renamed, report.removed) == (4, 2, 1, 1)
    assert rows_of(tmp_path / "out") == as_rows(
        **{
            "copy.png": (0, 255, 0),
            "green.png": (0, 128, 0),
            "moved.png": (255, 0, 0),
            "white.png": (255, 255, 255),
        }
    )
    assert verify(tmp_path / "out").problems == ()
    assert names(tmp_path / "out") == ["items", "manifest.json", "stats", "vectors"]


def test_an_incremental_index_equals_one_made_at_once(gallery, tmp_path, encoder, paint):
    build([gallery / "deep"], tmp_path / "grown", encoder)
    build([gallery], tmp_path / "grown", encoder)
    build([gallery], tmp_path / "whole", encoder)
    grown, whole = Index.open(tmp_path / "grown"), Index.open(tmp_path / "whole")
    assert grown.manifest == whole.manifest


def test_equal_files_are_encoded_once(gallery, tmp_path, encoder):
    for number in range(5):
        shutil.copy(gallery / "red.png", gallery / f"red{number}.png")
    report = build([gallery], tmp_path / "out", encoder, batch_size=2)
    assert (report.items, report.encoded, report.duplicates) == (8, 3, 5)
    again = build([gallery], tmp_path / "out", encoder)
    assert (again.items, again.encoded, again.reused) == (8, 0, 8)
    index = Index.open(tmp_path / "out")
    reds = index.rows_of_hash(index.items([index.count - 1])[0].content_hash)
    assert reds == [2, 3, 4, 5, 6, 7]


def test_a_touched_file_is_read_but_not_encoded_and_its_shards_stay(gallery, tmp_path, encoder):
    build([gallery], tmp_path / "out", encoder)
    shards = Index.open(tmp_path / "out").manifest.shards
    os.utime(gallery / "red.png", ns=(1, 1))
    report = build([gallery], tmp_path / "out", encoder)
    assert (report.encoded, report.reused) == (0, 2)
    after = Index.open(tmp_path / "out")
    assert after.manifest.shards == shards
    assert after.items([2])[0].mtime_ns == 1


def test_bad_files_are_named_shift_nobody_and_are_not_decoded_again(
    gallery, tmp_path, encoder, monkeypatch
):
    noise = tmp_path / "noise.jpg"
    Image.effect_noise((64, 64), 90).save(noise)
    (gallery / "cut.jpg").write_bytes(noise.read_bytes()[:900])
    (gallery / "h.jpg").write_text("hello")
    report = build([gallery], tmp_path / "out", encoder, batch_size=1)
    assert report.failed == (
        (str(gallery / "cut.jpg"), "truncated"),
        (str(gallery / "h.jpg"), "not an image"),
    )
    colours = {"deep/blue.png": (0, 0, 255), "green.png": (0, 255, 0), "red.png": (255, 0, 0)}
    assert rows_of(tmp_path / "out") == as_rows(**colours)
    monkeypatch.setattr("likebut.indexes.reading.decode", None)
    assert build([gallery], tmp_path / "out", encoder).failed == report.failed


def test_a_file_that_could_not_be_opened_is_tried_again(gallery, tmp_path, encoder, monkeypatch):
    def refuse(path, *rest, _open=open):
        if str(path).endswith("red.png"):
            raise PermissionError(13, "Permission denied")
        return _open(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr("likebut.indexes.reading.open", refuse, raising=False)
        report = build([gallery], tmp_path / "out", encoder)
    assert report.failed == ((str(gallery / "red.png"), "permission denied"),)
    assert build([gallery], tmp_path / "out", encoder).encoded == 1


class Moody(MeanColour):
    """Cannot prepare red, gives no numbers for blue."""

    def prepare(self, image):
        colour = super().prepare(image)
        if colour[0] > 200:
            raise ZeroDivisionError("no red please")
        return colour

    def encode_prepared(self, batch):
        rows = super().encode_prepared(batch)
        rows[np.stack(batch)[:, 2] > 200] = np.nan
        return rows


def test_an_encoder_that_fails_on_a_picture_fails_that_picture_only(gallery, tmp_path):
    report = build([gallery], tmp_path / "out", Moody())
    assert report.failed == (
        (str(gallery / "deep/blue.png"), "the encoder gave no finite vector"),
        (str(gallery / "red.png"), "cannot be prepared (no red please)"),
    )
    assert rows_of(tmp_path / "out") == as_rows(**{"green.png": (0, 255, 0)})


def test_an_encoder_of_the_wrong_dimension_is_a_bug(gallery, tmp_path, encoder):
    encoder.dimension = 5
    with pytest.raises(ValueError, match="dimension 5"):
        build([gallery], tmp_path / "out", encoder)


def test_odd_names_and_shapes_are_indexed_and_found(tmp_path, encoder, paint):
    gallery = tmp_path / "g"
    for number, name in enumerate(["a b", 'it\'s "it"', "line\nbreak", "🦊"]):
        paint(gallery / f"{name}.png", (number, 0, 0))
    paint(gallery / "one.png", (9, 9, 9), (1, 1))
    paint(gallery / "wide.png", (8, 8, 8), (30_000, 1))
    raw = os.path.join(os.fsencode(gallery), b"caf\xe9.png")
    shutil.copy(gallery / "one.png", raw)
    report = build([gallery], tmp_path / "out", encoder)
    assert (report.items, report.failed) == (7, ())
    assert verify(tmp_path / "out").problems == ()
    index = Index.open(tmp_path / "out")
    row = index.row_of(Path(os.fsdecode(raw)))
    assert os.fsencode(index.items([row])[0].path) == raw
    assert index.row_of("caf\\xe9.png") == row
    assert index.row_of("line\nbreak.png") is not None
    assert build([gallery], tmp_path / "out", encoder).reused == 7


def test_nothing_to_index_is_one_clear_error_and_leaves_nothing(tmp_path, encoder):
    (tmp_path / "g").mkdir()
    with pytest.raises(NoImages, match=r"no pictures in .*/g") as caught:
        build([tmp_path / "g"], tmp_path / "out", encoder)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "out").exists()
    (tmp_path / "g/a.png").write_text("x")
    with pytest.raises(NoImages, match=r"1 failed, first .*a.png: not an image"):
        build([tmp_path / "g"], tmp_path / "out", encoder)


def test_a_gallery_that_vanished_does_not_empty_the_index(gallery, tmp_path, encoder):
    build([gallery], tmp_path / "out", encoder)
    shutil.rmtree(gallery / "deep")
    (gallery / "red.png").unlink()
    (gallery / "green.png").unlink()
    with pytest.raises(NoImages):
        build([gallery], tmp_path / "out", encoder)
    assert verify(tmp_path / "out").problems == ()


def test_a_build_that_cannot_begin_leaves_no_folder(gallery, tmp_path, encoder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    cluster = Elsewhere("local", MeanColour)
    with pytest.raises(GalleryError, match="needs the package ray"):
        build([gallery], tmp_path / "out", encoder, elsewhere=cluster)
    assert not (tmp_path / "out").exists()
    (tmp_path / "mine").mkdir()  # one that was there before stays
    with pytest.raises(GalleryError, match="needs the package ray"):
        build([gallery], tmp_path / "mine", encoder, elsewhere=cluster)
    assert (tmp_path / "mine").is_dir()


@pytest.mark.parametrize("change", [{"fingerprint": "0" * 64}, {"preprocessing": "other"}])
def test_another_encoder_is_refused_and_nobody_is_told_to_give_up_its_vectors(gallery, tmp_path, change):
    build([gallery], tmp_path / "out", MeanColour())
    other = MeanColour()
    vars(other).update(change)
    with pytest.raises(IndexIncompatible) as caught:
        build([gallery], tmp_path / "out", other)
    assert caught.value.hint == (
        "name the profile that made it with --profile, or another folder: "
        f"likebut index build {gallery} --out NEW"
    )
    assert build([gallery], tmp_path / "out", other, rebuild=True).encoded == 3
    assert Index.open(tmp_path / "out").manifest.encoder == EncoderId.of(other)


def test_unusable_settings_are_a_usage_error(gallery, tmp_path, encoder):
    with pytest.raises(GalleryError) as caught:
        build([gallery], tmp_path / "out", encoder, dtype="int8")
    assert caught.value.exit_code == 2


def test_a_float32_index_keeps_every_bit(gallery, tmp_path, encoder):
    build([gallery], tmp_path / "out", encoder, dtype="float32")
    red = Index.open(tmp_path / "out").take([2])[0]
    assert np.allclose(red, [2**-0.5, 0, 0, 2**-0.5], atol=1e-7)
    with pytest.raises(IndexIncompatible):
        build([gallery], tmp_path / "out", encoder)


def test_a_full_disk_is_one_clear_error_and_the_index_is_as_it_was(
    gallery, tmp_path, encoder, paint, monkeypatch
):
    build([gallery], tmp_path / "out", encoder)
    paint(gallery / "new.png", (1, 2, 3))

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("likebut.indexes.journal.npy_chunks", "likebut.indexes.files.write_bytes", "os.fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(place, full)
            with pytest.raises(DiskFull, match="no space left") as caught:
                build([gallery], tmp_path / "out", encoder)
        assert caught.value.exit_code == 3
        assert verify(tmp_path / "out") == verify(tmp_path / "out").__class__((), 3)
    encoder.batches.clear()
    assert build([gallery], tmp_path / "out", encoder).resumed == 1
    assert encoder.batches == []
    assert names(tmp_path / "out") == ["items", "manifest.json", "stats", "vectors"]


def test_a_folder_that_cannot_be_written_says_so(gallery, tmp_path, encoder):
    (tmp_path / "file").write_text("x")
    with pytest.raises(GalleryError, match="cannot write"):
        build([gallery], tmp_path / "file/out", encoder)


def test_an_old_shard_that_changed_is_not_copied_into_a_new_index(gallery, tmp_path, encoder, paint):
    build([gallery], tmp_path / "out", encoder)
    (shard,) = (tmp_path / "out").glob("vectors-*")
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    paint(gallery / "new.png", (1, 2, 3))
    with pytest.raises(IndexDamaged, match="checksum"):
        build([gallery], tmp_path / "out", encoder)
    assert build([gallery], tmp_path / "out", encoder, rebuild=True).items == 4


def test_a_torn_batch_of_the_journal_is_done_again(tmp_path):
    identity = EncoderId("a", "b", "c")
    journal = Journal(tmp_path, identity, 2, "float16")
    journal.add(np.eye(2, dtype=np.float32), [("aa", ("/a", 1, 2)), ("bb", ("/b", 1, 2))])
    journal.add(np.eye(2, dtype=np.float32), [("cc", ("/c", 1, 2)), ("dd", ("/d", 1, 2))])
    (journal.folder / "000000.npy").write_bytes(b"")
    (journal.folder / "000007.json").write_text(json.dumps([["ee", ["/e", 1, 2]]]))
    again = Journal(tmp_path, identity, 2, "float16")
    assert sorted(again.places) == ["cc", "dd"]
    assert again.vectors(1).tolist() == [[1, 0], [0, 1]]
    assert Journal(tmp_path, EncoderId("x", "b", "c"), 2, "float16").places == {}
    assert not journal.folder.exists()
