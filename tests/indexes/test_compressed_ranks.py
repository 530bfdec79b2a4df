"""Compressed forms of many lists, which are ranked by codes of their centres, and earlier forms."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.indexes import ranks
from likebut.indexes.approximate import Approximate
from likebut.indexes.compressing import compress
from likebut.indexes.contract import Asked
from likebut.indexes.exact import Exact
from likebut.indexes.form import read_form
from likebut.indexes.lists import codes_of
from likebut.indexes.maintain import remove, verify
from likebut.indexes.seal import write_sealed
from likebut.indexes.store import Index
from tests.clip_like import ClipLike
from tests.indexes.galleries import put

pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ROWS, WIDE = 3000, 32
WORLD = ClipLike(ROWS, WIDE)
VECTORS = WORLD.pictures(ROWS)
QUERIES = WORLD.composed(40)


@pytest.fixture(scope="module", autouse=True)
def few_are_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "CODED", 64)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "index"
    put(folder, VECTORS)
    compress(folder, 0.9, kind="pq")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "index"))


def found(folder: Path) -> Any:
    return Approximate(few=0).search([Asked(Index.open(folder), QUERIES)], 10).rows


def recall(folder: Path) -> float:
    right = Exact().search([Asked(Index.open(folder), QUERIES)], 10).rows
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(right, found(folder), strict=True)]))


def file_of(folder: Path) -> Path:
    (path,) = (folder / "compressed").glob("ranks-*.faiss")
    return path


def test_the_codes_lie_in_a_file_of_their_own(made: Path) -> None:
    form, opened = read_form(made), Index.open(made).compressed
    assert form
    assert form.ranks
    assert opened
    assert file_of(made).name == form.ranks.file
    assert form.ranks.rows == codes_of(opened.index).ntotal == 256
    assert verify(made).ok
    assert recall(made) > 0.85


def test_they_stay_where_rows_are_removed(folder: Path) -> None:
    before = file_of(folder).read_bytes()
    remove(folder, "00000001")
    assert file_of(folder).read_bytes() == before
    assert verify(folder).ok
    assert recall(folder) > 0.85


def test_those_of_a_form_from_before_go(folder: Path) -> None:
    before = file_of(folder)
    compress(folder, 0.9, kind="hnsw")
    assert not before.exists()
    compress(folder, 0.9, kind="pq")
    assert file_of(folder).name == before.name  # the same vectors, the same codes


@pytest.mark.parametrize("how", ["cut", "other", "missing", "of other lists", "of rows"])
def test_damaged_they_are_told_and_every_row_looked_at(
    folder: Path, tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(folder)
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "of other lists":
        put(tmp_path / "other", WORLD.pictures(1500))
        compress(tmp_path / "other", 0.9, kind="pq")
        data = file_of(tmp_path / "other").read_bytes() + data
        path.write_bytes(data[: path.stat().st_size])
    elif how == "of rows":
        (rows,) = (folder / "compressed").glob("compressed-*.faiss")
        path.write_bytes((rows.read_bytes() + data)[: len(data)])
    else:
        path.write_bytes(data[: len(data) // 2] if how == "cut" else b"x" * len(data))
    right = Exact().search([Asked(Index.open(folder), QUERIES)], 10).rows
    np.testing.assert_array_equal(found(folder), right)
    assert "every row is looked at" in caplog.text
    assert path.name in caplog.text
    report = verify(folder)
    assert [line for line in report.problems if path.name in line]
    assert any("likebut index compress" in line for line in report.advice)


def test_a_form_from_before_there_were_codes_is_searched_and_grows(folder: Path) -> None:
    place = folder / "compressed"
    plain = json.loads((place / "manifest.json").read_text())
    for name in ("checksum", "ranks"):
        del plain[name]
    plain["format_version"] = 1
    plain["effort"] = {"reach": plain["effort"]["reach"], "shortlist": plain["effort"]["shortlist"]}
    file_of(folder).unlink()
    (place / ".pending").mkdir(exist_ok=True)
    write_sealed(place, place / ".pending", plain)
    assert verify(folder).ok
    assert recall(folder) > 0.85
    remove(folder, "00000001")
    form = read_form(folder)
    assert form
    assert (form.format_version, form.ranks) == (2, None)
    assert verify(folder).ok
    assert recall(folder) > 0.85
