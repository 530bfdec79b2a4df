"""Product-quantised vectors: how near they are, what is refused; and regions that are kept so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from likebut.indexes import codes
from likebut.indexes.build import build
from likebut.indexes.errors import GalleryError
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.region_build import RegionSpec
from likebut.indexes.regions import StoredRegions
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour
from tests.indexes.test_regions import flip, regions_of

PICTURES = 60  # of five crops each: 300 vectors


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    long: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return long


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """Sixty pictures of 16 coloured squares each."""
    folder, dice = tmp_path / "gallery", np.random.default_rng(0)
    folder.mkdir()
    for number in range(PICTURES):
        squares = Image.fromarray(dice.integers(0, 256, (4, 4, 3), np.uint8))
        squares.resize((8, 8), Image.Resampling.NEAREST).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index"


def made(gallery: Path, out: Path, encoder: MeanColour, size: int | None, **more: Any) -> StoredRegions:
    build([gallery], out, encoder, regions=RegionSpec("crops", size), **more)
    return regions_of(out)


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    return (one * other).sum(axis=-1)


def test_a_code_of_256_different_pieces_is_exact() -> None:
    angles = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    book = codes.learn(vectors, 1)
    assert book.shape == (1, 256, 2)
    found = codes.encode(book, vectors)
    assert (found.dtype, found.shape) == (np.uint8, (256, 1))
    np.testing.assert_allclose(codes.decode(book, found), vectors, atol=1e-6)


def test_a_code_is_the_nearest_piece_of_each_place() -> None:
    book = np.zeros((2, 256, 1), np.float32)
    book[0, :, 0] = np.arange(256)
    book[1, :, 0] = np.arange(256) / 256
    assert codes.encode(book, np.array([[3.2, 0.5]], np.float32)).tolist() == [[3, 128]]
    expected = np.array([3, 0.5]) / np.hypot(3, 0.5)
    np.testing.assert_allclose(codes.decode(book, np.array([[3, 128]], np.uint8))[0], expected, atol=1e-6)


def test_the_error_falls_with_the_bytes_and_decoded_vectors_have_length_one() -> None:
    dice = np.random.default_rng(1)
    vectors = unit(dice.normal(size=(4000, 8)) @ dice.normal(size=(8, 32)))
    near = []
    for size in (2, 8, 16):
        book = codes.learn(vectors, size)
        decoded = codes.decode(book, codes.encode(book, vectors))
        np.testing.assert_allclose(np.linalg.norm(decoded, axis=1), 1, atol=1e-5)
        near.append(cosines(decoded, vectors).mean())
    assert near == sorted(near)
    assert near[0] > 0.7
    assert near[-1] > 0.99


def test_pieces_of_unequal_length_are_refused_and_sizes_that_fit_are_named() -> None:
    with pytest.raises(GalleryError, match="vectors of 512 numbers cannot be cut into 33") as caught:
        codes.check_codes(33, 512)
    assert caught.value.hint == "--region-codes 8 or 16 or 32 can be done"
    with pytest.raises(GalleryError):
        codes.check_codes(0, 512)
    with pytest.raises(GalleryError):
        codes.check_codes(1024, 512)


def test_a_gallery_too_small_to_learn_from_is_refused_and_its_pictures_are_indexed(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    for path in sorted(gallery.iterdir())[51:]:
        path.unlink()
    with pytest.raises(GalleryError, match="255 vectors are too few for codes"):
        made(gallery, index, encoder, 4)
    assert Index.open(index).count == 51
    assert Index.open(index).regions is None


def test_regions_in_codes_are_near_those_that_are_whole(
    gallery: Path, index: Path, tmp_path: Path, encoder: MeanColour
) -> None:
    coded = made(gallery, index, encoder, 2)
    whole = made(gallery, tmp_path / "whole", encoder, None)
    assert (coded.code_bytes, coded.dimension, whole.code_bytes) == (2, 4, 0)
    rows = range(PICTURES)
    assert coded.take(rows).shape == (PICTURES, 5, 4)
    assert coded.take([]).shape == (0, 5, 4)
    near = cosines(coded.take(rows), whole.take(rows))
    assert near.min() > 0.99
    assert near.mean() > 0.999
    (codes_file,) = (index / "regions").glob("vectors-*")
    assert np.load(codes_file).shape == (PICTURES, 5 * 2)
    assert info(index)["regions_stored"] == "2 bytes a vector"
    assert verify(index).ok


def test_new_pictures_are_coded_by_the_book_that_is_there(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    before = made(gallery, index, encoder, 2)
    old = before.take(range(PICTURES))
    Image.new("RGB", (8, 8), (200, 10, 10)).save(gallery / "zz.png")
    encoder.batches.clear()
    build([gallery], index, encoder)
    after = regions_of(index)
    assert encoder.batches == [1, 5]
    assert after.parts.codebook == before.parts.codebook
    np.testing.assert_array_equal(after.take(range(PICTURES)), old)
    assert after.take([PICTURES])[0].any()
    assert remove(index, "00.png") == 1
    np.testing.assert_array_equal(regions_of(index).take([0]), old[1:2])
    assert verify(index).ok


def test_whole_vectors_become_codes_without_an_encoder_and_stay_codes(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder, None)
    encoder.batches.clear()
    assert made(gallery, index, encoder, 4).code_bytes == 4
    assert made(gallery, index, encoder, None).code_bytes == 4
    assert encoder.batches == []
    assert made(gallery, index, encoder, None, rebuild=True).code_bytes == 0


def test_codes_of_another_size_are_made_from_the_pictures(
    gallery: Path, index: Path, encoder: MeanColour
) -> None:
    made(gallery, index, encoder, 4)
    encoder.batches.clear()
    assert made(gallery, index, encoder, 2).code_bytes == 2
    assert sum(encoder.batches) == 5 * PICTURES
    assert verify(index).ok


def test_an_item_without_regions_is_zeros_in_codes_too(gallery: Path, index: Path) -> None:
    class Blind(MeanColour):
        def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
            rows = super().encode_prepared(batch)
            if len(batch) > 64:
                rows[7] = np.nan  # the second picture's third part
            return rows

    regions = made(gallery, index, Blind(), 4)
    assert regions.absent == {1}
    taken = regions.take([2, 1])
    assert taken[0].any()
    assert not taken[1].any()


def test_a_flipped_byte_of_the_codebook_is_found(gallery: Path, index: Path, encoder: MeanColour) -> None:
    made(gallery, index, encoder, 4)
    (book,) = (index / "regions").glob("codebook-*")
    flip(book)
    assert verify(index).problems == (f"regions: {book.name}: the checksum differs",)
    made(gallery, index, encoder, None)
    assert verify(index).ok
