"""Vectors of parts of the pictures: what they are, kept in step, checked, and made anew."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from likebut.indexes import maintain
from likebut.indexes.build import BuildReport, build
from likebut.indexes.contract import Box
from likebut.indexes.errors import GalleryError, IndexDamaged, IndexStale
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.parts import CORNERS
from likebut.indexes.region_build import RegionSpec
from likebut.indexes.regions import StoredRegions
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour, colour_vectors

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


class Halves(MeanColour):
    """MeanColour whose patches are the upper and the lower half of a picture."""

    region_boxes = (Box(0, 0, 1, 0.5), Box(0, 0.5, 1, 1))

    def prepare_regions(self, image: Image.Image) -> NDArray[Any]:
        upper, lower = np.split(np.asarray(image, np.float32), 2)
        return np.stack([part.reshape(-1, 3).mean(axis=0) for part in (upper, lower)])

    def encode_regions(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        self.batches.append(len(batch))
        return colour_vectors(np.concatenate(batch)).reshape(len(batch), 2, 4)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def quarters(tmp_path: Path) -> Path:
    """flag.png: red, green / blue, white; and plain.png, all white."""
    folder = tmp_path / "quarters"
    folder.mkdir()
    flag = Image.new("RGB", (8, 8), WHITE)
    flag.paste(RED, (0, 0, 4, 4))
    flag.paste(GREEN, (4, 0, 8, 4))
    flag.paste(BLUE, (0, 4, 4, 8))
    flag.save(folder / "flag.png")
    Image.new("RGB", (8, 8), WHITE).save(folder / "plain.png")
    return folder


def made(
    gallery: Path, out: Path, encoder: MeanColour, kind: str | None = "crops", **more: Any
) -> BuildReport:
    codes = more.pop("codes", None)
    return build([gallery], out, encoder, regions=RegionSpec(kind, codes) if kind else None, **more)


def regions_of(out: Path) -> StoredRegions:
    regions = Index.open(out).regions
    assert isinstance(regions, StoredRegions)
    return regions


def of(out: Path, name: str) -> NDArray[np.float32]:
    """(R, d) of one item."""
    row = Index.open(out).row_of(name)
    assert row is not None
    return regions_of(out).take([row])[0]


def flip(path: Path, at: int = -3) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x40
    path.write_bytes(data)


def test_an_index_has_no_regions_unless_they_are_asked_for(
    quarters: Path, index: Path, encoder: MeanColour
) -> None:
    report = made(quarters, index, encoder, None)
    assert report.regions is None
    assert Index.open(index).regions is None
    assert not (index / "regions").exists()
    assert "regions" not in info(index)


def test_crops_are_four_corners_and_the_centre(quarters: Path, index: Path, encoder: MeanColour) -> None:
    report = made(quarters, index, encoder)
    assert report.regions is not None
    assert (report.regions.kind, report.regions.each, report.regions.encoded) == ("crops", 5, 2)
    regions = regions_of(index)
    assert (regions.kind, regions.count, regions.dimension) == ("crops", 2, 4)
    assert regions.boxes == CORNERS
    centre = np.mean([RED, GREEN, BLUE, WHITE], axis=0)
    assert of(index, "flag.png") == pytest.approx(
        colour_vectors([RED, GREEN, BLUE, WHITE, centre]), abs=1e-3
    )
    assert of(index, "plain.png") == pytest.approx(colour_vectors([WHITE] * 5), abs=1e-3)
    assert verify(index).ok


def test_rows_are_given_as_they_are_named(quarters: Path, index: Path, encoder: MeanColour) -> None:
    made(quarters, index, encoder)
    regions = regions_of(index)
    taken = regions.take([1, 0, 1])
    assert taken.shape == (3, 5, 4)
    assert taken.dtype == np.float32
    assert taken[0].tolist() == taken[2].tolist()
    assert taken[0] == pytest.approx(colour_vectors([WHITE] * 5), abs=1e-3)
    assert regions.take([]).shape == (0, 5, 4)
    with pytest.raises(IndexError):
        regions.take([2])


def test_patches_are_what_the_encoder_says_of_its_parts(quarters: Path, index: Path) -> None:
    made(quarters, index, Halves(), "patches")
    regions = regions_of(index)
    assert regions.boxes == Halves.region_boxes
    upper, lower = np.mean([RED, GREEN], axis=0), np.mean([BLUE, WHITE], axis=0)
    assert of(index, "flag.png") == pytest.approx(colour_vectors([upper, lower]), abs=1e-3)
    assert verify(index).ok


def test_an_encoder_without_patches_is_refused_in_one_line(
    quarters: Path, index: Path, encoder: MeanColour
) -> None:
    with pytest.raises(GalleryError, match="mean-colour has no vectors of patches") as caught:
        made(quarters, index, encoder, "patches")
    assert caught.value.hint == "use --regions crops"
    assert not index.exists()


def test_regions_of_another_name_are_refused(quarters: Path, index: Path, encoder: MeanColour) -> None:
    with pytest.raises(GalleryError, match="no regions 'tiles'"):
        made(quarters, index, encoder, "tiles")
    assert not index.exists()


def test_a_picture_of_one_pixel_has_all_crops(
    tmp_path: Path, index: Path, encoder: MeanColour, paint: Callable[..., Path]
) -> None:
    paint(tmp_path / "g" / "dot.png", RED, (1, 1))
    made(tmp_path / "g", index, encoder)
    assert of(index, "dot.png") == pytest.approx(colour_vectors([RED] * 5), abs=1e-3)


def test_what_is_there_is_not_encoded_again(gallery: Path, index: Path, encoder: MeanColour) -> None:
    made(gallery, index, encoder)
    manifest = (index / "regions" / "manifest.json").read_bytes()
    encoder.batches.clear()
    report = made(gallery, index, encoder)
    assert report.regions is not None
    assert (report.regions.encoded, report.news, encoder.batches) == (0, False, [])
    assert (index / "regions" / "manifest.json").read_bytes() == manifest


def test_regions_can_be_added_to_an_index_and_its_pictures_are_not_encoded_again(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder, None)
    pictures = (index / "manifest.json").read_bytes()
    encoder.batches.clear()
    made(gallery, index, encoder)
    assert encoder.batches == [15]  # five parts of three pictures
    assert (index / "manifest.json").read_bytes() == pictures


def test_a_later_build_keeps_them_up_without_being_asked(
    gallery: Path, index: Path, encoder: MeanColour, paint: Callable[..., Path]
) -> None:
    made(gallery, index, encoder)
    encoder.batches.clear()
    paint(gallery / "a.png", WHITE)
    report = made(gallery, index, encoder, None)
    assert report.regions is not None
    assert report.regions.encoded == 1
    assert sum(encoder.batches) == 1 + 5
    assert of(index, "a.png") == pytest.approx(colour_vectors([WHITE] * 5), abs=1e-3)
    assert of(index, "red.png") == pytest.approx(colour_vectors([RED] * 5), abs=1e-3)
    assert verify(index).ok


def test_renamed_and_removed_files_and_duplicates_need_no_encoder(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder)
    encoder.batches.clear()
    (gallery / "red.png").rename(gallery / "a.png")
    shutil.copy(gallery / "green.png", gallery / "zz.png")
    (gallery / "deep" / "blue.png").unlink()
    made(gallery, index, encoder, None)
    assert encoder.batches == []
    assert [item.id for item in Index.open(index).all_items()] == ["a.png", "green.png", "zz.png"]
    for name, colour in (("a.png", RED), ("green.png", GREEN), ("zz.png", GREEN)):
        assert of(index, name) == pytest.approx(colour_vectors([colour] * 5), abs=1e-3)
    assert verify(index).ok


def test_equal_contents_are_encoded_once(gallery: Path, index: Path, encoder: MeanColour) -> None:
    shutil.copy(gallery / "green.png", gallery / "zz.png")
    made(gallery, index, encoder)
    assert sum(encoder.batches) == 3 + 15
    assert of(index, "zz.png").tolist() == of(index, "green.png").tolist()


def test_removing_items_realigns_without_an_encoder(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder)
    assert remove(index, "green.png") == 1
    assert of(index, "deep/blue.png") == pytest.approx(colour_vectors([BLUE] * 5), abs=1e-3)
    assert of(index, "red.png") == pytest.approx(colour_vectors([RED] * 5), abs=1e-3)
    assert verify(index).ok


def test_another_kind_takes_the_place_of_the_one_before(quarters: Path, index: Path) -> None:
    made(quarters, index, Halves())
    made(quarters, index, Halves(), "patches")
    assert len(regions_of(index).boxes) == 2
    made(quarters, index, Halves(), None)
    assert regions_of(index).kind == "patches"
    assert sum(path.suffix == ".npy" for path in (index / "regions").iterdir()) == 1


def test_rebuilding_makes_them_anew(gallery: Path, index: Path, encoder: MeanColour) -> None:
    made(gallery, index, encoder)
    encoder.batches.clear()
    made(gallery, index, encoder, None, rebuild=True)
    assert sum(encoder.batches) == 3 + 15
    assert verify(index).ok


def test_another_encoder_without_patches_can_still_rebuild_the_pictures(
    quarters: Path, index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made(quarters, index, Halves(), "patches")
    with caplog.at_level(logging.WARNING):
        report = made(quarters, index, MeanColour("e" * 64), None, rebuild=True)
    assert report.regions is None
    assert "no vectors of patches: the regions are left as they are" in caplog.text
    with pytest.raises(IndexStale, match="were encoded by another encoder"):
        _ = Index.open(index).regions


def test_regions_of_other_rows_are_stale_and_the_command_is_named(
    gallery: Path, index: Path, encoder: MeanColour, paint: Callable[..., Path], tmp_path: Path
) -> None:
    made(gallery, index, encoder)
    shutil.copytree(index / "regions", tmp_path / "kept")
    paint(gallery / "a.png", WHITE)
    made(gallery, index, encoder, None)
    shutil.rmtree(index / "regions")
    shutil.copytree(tmp_path / "kept", index / "regions")
    with pytest.raises(IndexStale, match="belong to earlier rows of the index") as caught:
        _ = Index.open(index).regions
    command = f"likebut index build {gallery} --out {index} --regions crops"
    assert caught.value.hint == f"bring them up: {command}"
    assert info(index)["regions"] == "belong to earlier rows of the index"
    assert verify(index).problems == ("regions: they belong to earlier rows of the index",)
    made(gallery, index, encoder, None)
    assert of(index, "a.png") == pytest.approx(colour_vectors([WHITE] * 5), abs=1e-3)


def test_a_flipped_byte_is_found_and_told_as_theirs(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder)
    (vectors,) = (index / "regions").glob("vectors-*")
    flip(vectors)
    report = verify(index)
    assert report.problems == (f"regions: {vectors.name}: the checksum differs",)
    command = f"likebut index build {gallery} --out {index} --regions crops"
    assert report.advice == ("the pictures are whole", f"make the regions anew: {command}")
    made(gallery, index, encoder)
    assert verify(index).ok


def test_a_vector_of_another_length_is_found(gallery: Path, index: Path, encoder: MeanColour) -> None:
    made(gallery, index, encoder)
    side = regions_of(index).side
    rows = np.array(side.vectors()[0])
    rows[1, 4:8] = [0, 0, 0, 2]
    problems = verify_with(index, rows)
    assert problems == ("regions: row 1, part 1: length 2.0000, not 1",)


def verify_with(out: Path, rows: NDArray[Any]) -> tuple[str, ...]:
    """What `verify` says of regions that were written so, checksums and all."""
    from dataclasses import replace

    from likebut.indexes.files import npy_chunks, store_file
    from likebut.indexes.manifest import read_manifest, write_manifest

    folder = out / "regions"
    manifest = read_manifest(folder)
    shard = store_file(
        folder, folder, "vectors", ".npy", len(rows), npy_chunks(*rows.shape, "float16", [rows])
    )
    write_manifest(folder, folder, replace(manifest, shards=(shard,)))
    return verify(out).problems


def test_damaged_regions_leave_the_pictures_usable(
    gallery: Path, index: Path, encoder: MeanColour, paint: Callable[..., Path]
) -> None:
    made(gallery, index, encoder)
    (index / "regions" / "manifest.json").write_text("{}")
    opened = Index.open_both(index, encoder.fingerprint)
    assert opened.take([2])[0] == pytest.approx(colour_vectors([RED])[0], abs=1e-3)
    with pytest.raises(IndexDamaged) as caught:
        _ = opened.regions
    assert "--regions KIND" in caught.value.hint
    assert "damaged" in info(index)["regions"]
    paint(gallery / "a.png", WHITE)
    assert made(gallery, index, encoder, None).regions is None
    assert Index.open(index).count == 4
    made(gallery, index, encoder)
    assert verify(index).ok


def test_damage_in_rows_does_not_stop_a_build_that_was_not_asked_for_regions(
    gallery: Path, index: Path, encoder: MeanColour, paint: Callable[..., Path]
) -> None:
    made(gallery, index, encoder)
    flip(next((index / "regions").glob("vectors-*")))
    paint(gallery / "a.png", WHITE)
    assert made(gallery, index, encoder, None).regions is None
    with pytest.raises(IndexStale):
        _ = Index.open(index).regions


def test_a_folder_of_another_that_is_called_regions_is_left_alone(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder, None)
    (index / "regions").mkdir()
    (index / "regions" / "notes.txt").write_text("mine")
    with pytest.raises(GalleryError, match=r"notes\.txt in it is not of one"):
        made(gallery, index, encoder)
    assert (index / "regions" / "notes.txt").read_text() == "mine"


def test_an_encoder_that_gives_no_number_for_a_part_leaves_the_item_without_regions(
    quarters: Path, index: Path
) -> None:
    class Blind(Halves):
        def encode_regions(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
            rows = super().encode_regions(batch)
            rows[0, 1] = np.nan
            return rows

    report = made(quarters, index, Blind(), "patches")
    assert report.regions is not None
    assert report.regions.failed == (("flag.png", "the encoder gave no finite vector"),)
    assert of(index, "flag.png").tolist() == [[0.0] * 4] * 2
    assert of(index, "plain.png") == pytest.approx(colour_vectors([WHITE] * 2), abs=1e-3)
    assert verify(index).ok
    assert info(index)["regions_missing"] == 1
    assert made(quarters, index, Halves(), None).news is False
    assert made(quarters, index, Halves(), "patches").news
    assert of(index, "flag.png").any()


def test_info_says_what_they_are(gallery: Path, index: Path, encoder: MeanColour) -> None:
    made(gallery, index, encoder)
    facts = info(index)
    told = {key: facts[key] for key in facts if key.startswith("regions")}
    size = told.pop("regions_bytes")
    assert told == {
        "regions": "fit the items",
        "regions_kind": "crops",
        "regions_each": 5,
        "regions_stored": "float16",
        "regions_missing": 0,
    }
    files = [path for path in (index / "regions").iterdir() if path.name != "manifest.json"]
    assert size == sum(path.stat().st_size for path in files)


def test_pictures_and_regions_are_opened_of_the_same_rows_while_a_writer_is_between_them(
    gallery: Path, index: Path, encoder: MeanColour, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(gallery, index, encoder)
    between, go = Event(), Event()
    real = maintain.realign_regions

    def late(folder: Path) -> None:
        between.set()
        assert go.wait(120)
        real(folder)

    monkeypatch.setattr(maintain, "realign_regions", late)
    with ThreadPoolExecutor(2) as pool:
        removing = pool.submit(remove, index, "red.png")
        assert between.wait(120)
        with pytest.raises(IndexStale):
            _ = Index.open(index).regions
        opening = pool.submit(Index.open_both, index, encoder.fingerprint)
        go.set()
        opened = opening.result(120)
        removing.result(120)
    assert opened.regions is not None
    assert opened.regions.take([0, 1])[:, 0] == pytest.approx(colour_vectors([BLUE, GREEN]), abs=1e-3)


def test_whoever_opened_an_index_keeps_its_regions_while_it_is_replaced(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder)
    opened = Index.open_both(index, encoder.fingerprint)
    remove(index, "deep/blue.png")
    assert opened.regions is not None
    assert opened.regions.take([0])[0] == pytest.approx(colour_vectors([BLUE] * 5), abs=1e-3)
