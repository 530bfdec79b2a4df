"""Conditions as Milvus is asked for them."""

import pytest

from likebut.indexes.errors import GalleryError
from likebut.indexes.milvus.filters import Column, expression, without


def test_a_glob_is_of_the_whole_id_or_of_the_name_of_the_file() -> None:
    assert expression([Column("id", "=", "IMG_1*.p?g")]) == (
        '(id like "IMG\\\\_1%.p_g" or id like "IMG\\\\_1%.p_g#%of%" '
        'or id like "%/IMG\\\\_1%.p_g" or id like "%/IMG\\\\_1%.p_g#%of%")'
    )


def test_a_glob_that_begins_with_anything_needs_no_second_half() -> None:
    assert expression([Column("id", "!=", "*/a*")]) == '(not (id like "%/a%"))'


def test_a_glob_of_a_video_is_met_by_its_frames() -> None:
    assert expression([Column("id", "=", "*.mp4")]) == '(id like "%.mp4" or id like "%.mp4#%of%")'


@pytest.mark.parametrize(
    ("sign", "meant"),
    [
        ("=", "size >= 3 and size < 7"),
        ("!=", "not (size >= 3 and size < 7)"),
        ("<", "size < 3"),
        ("<=", "size < 7"),
        (">", "size >= 7"),
        (">=", "size >= 3"),
    ],
)
def test_numbers_are_compared_with_all_that_is_meant(sign: str, meant: str) -> None:
    assert expression([Column("size", sign, low=3, high=7)]) == f"({meant})"


def test_rows_are_left_out_beside_a_condition() -> None:
    assert without([], "") == ""
    assert without([3, 1], "(size < 3)") == "((size < 3)) and row not in [3, 1]"


@pytest.mark.parametrize("glob", ["[ab]*", "a\\b"])
def test_what_milvus_cannot_be_asked_for_is_said(glob: str) -> None:
    with pytest.raises(GalleryError, match="Milvus knows no"):
        expression([Column("id", "=", glob)])
