"""The caption side: row for row with the pictures, noticed when it is not, and realigned."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from likebut.indexes import sides
from likebut.indexes.build import build
from likebut.indexes.captions import build_captions, captions_of, match
from likebut.indexes.errors import GalleryError, IndexDamaged, IndexIncompatible, IndexStale, NoImages
from likebut.indexes.items import Item
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.sides import SideReport, write_side
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour, colour_vectors

WORDS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class Teller(MeanColour):
    """MeanColour that reads the names of colours, too."""

    def __init__(self, fingerprint: str = "f" * 64) -> None:
        super().__init__(fingerprint)
        self.texts: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        self.texts += texts
        return colour_vectors([WORDS[text] for text in texts])


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def index(gallery: Path, tmp_path: Path, teller: Teller) -> Path:
    """deep/blue.png, green.png, red.png, in this order, without captions."""
    build([gallery], tmp_path / "index", teller)
    return tmp_path / "index"


def tell(folder: Path, teller: Teller, captions: dict[str, list[str]], **more: Any) -> SideReport:
    found, unmatched = match(Index.open(folder).all_items(), captions)
    assert unmatched == ()
    return write_side(folder, found, teller, source="file test.json", **more)


def told(folder: Path) -> dict[str, str | None]:
    side = Index.open(folder).caption_side
    assert side is not None
    return {item.id: item.caption for item in side.all_items()}


def test_an_index_without_captions_has_no_caption_side(index: Path) -> None:
    assert Index.open(index).caption_side is None
    assert "captions" not in info(index)
    assert verify(index).ok


def test_a_row_is_the_mean_of_its_captions_and_zeros_without_one(index: Path, teller: Teller) -> None:
    report = tell(index, teller, {"red.png": ["red", "blue"], "blue": ["blue"]})
    assert report == SideReport(items=3, captioned=2, encoded=2)
    side = Index.open(index).caption_side
    assert side is not None
    blue, red = colour_vectors([WORDS["blue"], WORDS["red"]])
    assert side.take([0])[0] == pytest.approx(blue, abs=1e-3)
    assert side.take([1])[0].tolist() == [0.0] * 4
    assert side.take([2])[0] == pytest.approx((red + blue) / 2, abs=1e-3)
    assert told(index) == {"deep/blue.png": "blue", "green.png": None, "red.png": "red\nblue"}
    assert verify(index).ok
    assert verify(index).rows == 3


def test_statistics_are_of_the_items_that_have_captions(index: Path, teller: Teller) -> None:
    tell(index, teller, {"red.png": ["red"], "blue": ["blue"]})
    side = Index.open(index).caption_side
    assert side is not None
    pair = colour_vectors([WORDS["blue"], WORDS["red"]])
    assert side.mu == pytest.approx(pair.mean(0), abs=1e-3)
    assert side.sigma == pytest.approx(np.cov(pair.T, bias=True), abs=1e-3)


def test_an_empty_caption_is_no_caption(index: Path, teller: Teller) -> None:
    assert tell(index, teller, {"red": ["red", " "], "green": [""]}).captioned == 1
    assert told(index)["red.png"] == "red"
    assert told(index)["green.png"] is None
    assert teller.texts == ["red"]


def test_captions_without_any_text_are_refused_and_nothing_is_written(index: Path, teller: Teller) -> None:
    with pytest.raises(GalleryError, match=r"no item of .* has a caption"):
        tell(index, teller, {"red": [" "]})
    assert not (index / "captions").exists()


def test_what_is_encoded_is_not_encoded_again(index: Path, teller: Teller) -> None:
    tell(index, teller, {"red": ["red"]})
    manifest = (index / "captions" / "manifest.json").read_bytes()
    assert tell(index, teller, {"red": ["red"]}).encoded == 0
    assert (index / "captions" / "manifest.json").read_bytes() == manifest
    assert tell(index, teller, {"green": ["green"], "red": ["red"]}).encoded == 1
    assert sorted(teller.texts) == ["green", "red"]
    assert told(index)["red.png"] == "red"


def test_all_captions_can_be_replaced(index: Path, teller: Teller) -> None:
    tell(index, teller, {"red": ["red"], "green": ["green"]})
    tell(index, teller, {"red": ["blue"]}, anew=True)
    assert told(index) == {"deep/blue.png": None, "green.png": None, "red.png": "blue"}


def test_keys_are_ids_then_file_names_then_stems() -> None:
    items = [Item(0, "a/x.png", "", "00"), Item(1, "b/x.png", "", "01"), Item(2, "c/y.png", "", "02")]
    found, unmatched = match(
        items, {"a/x.png": ["id"], "x.png": ["two"], "y": ["stem"], "y.png": ["name"], "z": ["?"]}
    )
    assert found == {("a/x.png", "00"): ("id",), ("c/y.png", "02"): ("name",)}
    assert unmatched == (
        ("x.png", "fits 2 items, such as a/x.png"),
        ("y", "c/y.png has captions under a more exact name"),
        ("z", "no such item"),
    )


def test_a_new_picture_moves_the_rows_and_captions_follow(
    gallery: Path, index: Path, teller: Teller, paint: Any
) -> None:
    tell(index, teller, {"red": ["red"], "green": ["green"]})
    paint(gallery / "a.png", (9, 9, 9))
    (gallery / "red.png").rename(gallery / "rose.png")
    build([gallery], index, teller)
    assert told(index) == {"a.png": None, "deep/blue.png": None, "green.png": "green", "rose.png": "red"}
    assert verify(index).ok
    assert sorted(teller.texts) == ["green", "red"]


def test_another_content_under_the_same_name_has_no_caption(
    gallery: Path, index: Path, teller: Teller, paint: Any
) -> None:
    tell(index, teller, {"red": ["red"], "green": ["green"]})
    paint(gallery / "red.png", (200, 0, 0))
    build([gallery], index, teller)
    assert told(index)["red.png"] is None


def test_removing_items_keeps_both_sides_aligned(index: Path, teller: Teller) -> None:
    tell(index, teller, {"red": ["red"], "green": ["green"]})
    assert remove(index, "deep/*") == 1
    assert told(index) == {"green.png": "green", "red.png": "red"}
    assert verify(index).ok


def stale(gallery: Path, index: Path, teller: Teller) -> None:
    """Leave the captions as a kill between the two sides does."""
    tell(index, teller, {"red": ["red"], "green": ["green"]})
    shutil.copytree(index / "captions", index.parent / "before")
    remove(index, "deep/*")
    shutil.rmtree(index / "captions")
    shutil.copytree(index.parent / "before", index / "captions")


def test_a_stale_caption_side_is_noticed(gallery: Path, index: Path, teller: Teller) -> None:
    stale(gallery, index, teller)
    with pytest.raises(IndexStale) as caught:
        _ = Index.open(index).caption_side
    assert "belong to earlier rows of the index" in caught.value.message
    assert f"likebut index caption {index}" in caught.value.hint
    assert verify(index).problems == ("captions: they belong to earlier rows of the index",)
    assert info(index)["captions"] == "belong to earlier rows of the index"


@pytest.mark.parametrize("mend", ["build", "remove", "write", "align"])
def test_whatever_touches_a_stale_caption_side_realigns_it(
    gallery: Path, index: Path, teller: Teller, mend: str
) -> None:
    stale(gallery, index, teller)
    shutil.rmtree(gallery / "deep")
    if mend == "build":
        build([gallery], index, teller)
    elif mend == "remove":
        remove(index, "nothing like this")
    elif mend == "write":
        tell(index, teller, {"green": ["green"]})
    else:
        sides.align(index)
    assert told(index) == {"green.png": "green", "red.png": "red"}
    assert sorted(teller.texts) == ["green", "red"]
    assert verify(index).ok


def test_a_rebuild_by_another_encoder_keeps_the_captions_and_asks_for_their_vectors(
    gallery: Path, index: Path, teller: Teller
) -> None:
    tell(index, teller, {"red": ["red"]})
    other = Teller("e" * 64)
    build([gallery], index, other, rebuild=True)
    with pytest.raises(IndexStale, match="by another encoder"):
        _ = Index.open(index).caption_side
    assert write_side(index, {}, other, source="").encoded == 1
    assert other.texts == ["red"]
    assert told(index)["red.png"] == "red"


def test_captions_by_another_encoder_than_the_pictures_are_refused(index: Path) -> None:
    with pytest.raises(IndexIncompatible):
        tell(index, Teller("e" * 64), {"red": ["red"]})
    assert not (index / "captions").exists()


@pytest.mark.parametrize("file", ["vectors-*.npy", "manifest.json"])
def test_a_damaged_caption_side_leaves_the_pictures_readable(
    gallery: Path, index: Path, teller: Teller, file: str
) -> None:
    tell(index, teller, {"red": ["red"]})
    path = next((index / "captions").glob(file))
    path.write_bytes(path.read_bytes()[:-3])
    assert Index.open(index).count == 3
    assert [line.partition(":")[0] for line in verify(index).problems] == ["captions"]
    with pytest.raises(IndexDamaged) as caught:
        _ = Index.open(index).caption_side
    assert f"likebut index caption {index}" in caught.value.hint
    assert "rm " not in caught.value.hint
    assert build([gallery], index, teller).items == 3
    assert "damaged" in info(index)["captions"]


def test_a_changed_vector_is_not_carried_over(index: Path, teller: Teller) -> None:
    tell(index, teller, {"red": ["red"]})
    path = next((index / "captions").glob("vectors-*.npy"))
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    tell(index, teller, {"green": ["green"]})
    assert (index / "captions.damaged" / path.name).read_bytes() == bytes(raw)
    assert verify(index).problems == ()
    side = Index.open(index).caption_side
    assert side is not None
    assert {item.id: item.caption for item in side.all_items() if item.caption} == {
        "green.png": "green",
        "red.png": "red",
    }


def test_a_side_that_cannot_be_read_is_moved_aside_and_made_anew(index: Path, teller: Teller) -> None:
    for name in ("captions.damaged", "captions.damaged-2"):
        tell(index, teller, {"red": ["red"]})
        next((index / "captions").glob("items-*.parquet")).write_bytes(b"torn")
        tell(index, teller, {"green": ["green"]})
        assert next((index / name).glob("items-*.parquet")).read_bytes() == b"torn"
    assert verify(index).problems == ()


def test_info_counts_captions_and_names_their_source(index: Path, teller: Teller) -> None:
    tell(index, teller, {"red": ["red"]})
    write_side(index, {}, teller, source="captioner x, 1 each")
    facts = info(index)
    assert facts["captioned"] == 1
    assert facts["captions"] == "fit the items"
    assert facts["captions_from"] == "file test.json; captioner x, 1 each"


def test_captions_alone_never_replace_an_index_of_pictures(
    gallery: Path, index: Path, teller: Teller
) -> None:
    with pytest.raises(GalleryError) as caught:
        build_captions(captions_of({"red": ["red"]}), index, teller)
    assert "is an index of pictures" in caught.value.message
    assert f"likebut index build {gallery} --out {index} --captions FILE" in caught.value.hint
    assert Index.open(index).count == 3


def test_a_gallery_of_captions_alone_is_verified_and_cut(tmp_path: Path, teller: Teller) -> None:
    place = tmp_path / "texts"
    build_captions(captions_of({"a": ["red", "blue"], "b": ["green"]}), place, teller)
    assert verify(place).ok
    assert info(place)["captioned"] == 2
    assert remove(place, "a") == 1
    with pytest.raises(NoImages):
        remove(place, "*")
    assert [item.caption for item in Index.open(place).all_items()] == ["green"]


def test_an_index_from_before_row_hashes_takes_captions(
    index: Path, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from likebut.indexes.seal import seal

    path = index / "manifest.json"
    content = json.loads(path.read_text())
    del content["rows_sha256"], content["source"]
    path.write_text(json.dumps(seal(content)))
    tell(index, teller, {"red": ["red"]})
    assert told(index)["red.png"] == "red"
    assert verify(index).ok
