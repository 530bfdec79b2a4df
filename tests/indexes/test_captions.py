"""Galleries of captions: a row is the mean of its captions, and what is there is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from likebut.indexes.captions import Captioned, build_captions, captions_of
from likebut.indexes.errors import GalleryError
from likebut.indexes.maintain import verify
from likebut.indexes.store import Index

AXES = {"red": [1.0, 0.0], "blue": [0.0, 1.0]}


class Axes:
    """Two words, two axes."""

    name, fingerprint, preprocessing, dimension = "axes", "v1", "captions", 2

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        self.seen += texts
        return np.array([AXES[text] for text in texts], np.float32)


def test_a_row_is_the_mean_of_the_captions_vectors(tmp_path: Path) -> None:
    captioned = captions_of({"b": ["red", "blue"], "a": ["blue"]})
    index = build_captions(captioned, tmp_path / "i", Axes())
    assert [item.id for item in index.all_items()] == ["a", "b"]
    assert index.take([0])[0].tolist() == [0.0, 1.0]
    assert index.take([1])[0].tolist() == [0.5, 0.5]
    assert [item.caption for item in index.all_items()] == ["blue", "red\nblue"]
    assert index.mu.tolist() == pytest.approx([0.25, 0.75])
    assert verify(tmp_path / "i").ok


def test_what_is_there_is_not_encoded_again(tmp_path: Path) -> None:
    captioned = captions_of({"a": ["red"]})
    build_captions(captioned, tmp_path / "i", Axes())
    encoder = Axes()
    build_captions(captioned, tmp_path / "i", encoder)
    assert encoder.seen == []
    build_captions(captions_of({"a": ["blue"]}), tmp_path / "i", encoder)
    assert encoder.seen == ["blue"]
    assert Index.open(tmp_path / "i").take([0])[0].tolist() == [0.0, 1.0]


def test_an_item_without_a_caption_is_left_out(tmp_path: Path) -> None:
    index = build_captions([Captioned("a", (" ",)), Captioned("b", ("red",))], tmp_path / "i", Axes())
    assert index.count == 1


@pytest.mark.parametrize(
    ("captioned", "complaint"),
    [
        ([Captioned("a", ())], "no item has a caption"),
        ([Captioned("a", ("red",)), Captioned("a", ("blue",))], "'a' has captions twice"),
    ],
)
def test_what_cannot_be_indexed_is_one_clear_error(
    tmp_path: Path, captioned: list[Captioned], complaint: str
) -> None:
    with pytest.raises(GalleryError) as caught:
        build_captions(captioned, tmp_path / "i", Axes())
    assert complaint in caught.value.message
    assert not (tmp_path / "i").exists()
