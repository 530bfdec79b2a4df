"""Compressing: which form is made, of how many rows, and on what it is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from likebut.indexes.compressing import compress, fitting
from likebut.indexes.errors import GalleryError
from tests.clip_like import ClipLike
from tests.indexes.galleries import put

pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ROWS = 2000
WORLD = ClipLike(ROWS, 32)
VECTORS = WORLD.pictures(ROWS).astype(np.float16)


def test_queries_it_is_measured_on_are_no_rows_of_zeros(tmp_path: Path) -> None:
    rows = VECTORS.copy()
    rows[np.arange(ROWS) % 10 > 0] = 0  # as where one picture in ten has a caption
    (report,) = compress(put(tmp_path, rows).folder, 0.9, kind="pq")
    assert report.reached
    assert [one.kind for one in report.form.measured] == ["rows", "sums", "apart"]
    assert all(one.queries >= 250 for one in report.form.measured)


def test_a_gallery_may_be_too_small(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "few", VECTORS[:6])
    with pytest.raises(GalleryError, match="6 pictures are too few for a form of kind pq"):
        compress(tmp_path / "few", 0.9, kind="pq")
    assert not (tmp_path / "few" / "compressed").exists()
    (report,) = compress(tmp_path / "few", 0.9)
    assert report.reached
    put(tmp_path / "enough", VECTORS[:64])
    (report,) = compress(tmp_path / "enough", 0.5, kind="pq")
    assert (report.form.kind, report.reached) == ("pq", True)
    assert capfd.readouterr() == ("", "")  # of faiss, which finds them few
    put(tmp_path / "none", VECTORS[:0])
    with pytest.raises(GalleryError, match="has no pictures"):
        compress(tmp_path / "none", 0.9)


@pytest.mark.parametrize("recall", [0.0, -1.0, 1.5, float("nan")])
def test_a_recall_that_is_no_share_is_refused(tmp_path: Path, recall: float) -> None:
    put(tmp_path, VECTORS[:5])
    with pytest.raises(GalleryError, match="is no share") as told:
        compress(tmp_path, recall)
    assert told.value.exit_code == 2


def test_the_quicker_of_the_kinds_that_find_enough_is_taken(tmp_path: Path) -> None:
    assert fitting(500) == ["hnsw"]
    assert fitting(2000) == ["pq", "hnsw"]
    assert fitting(10_000_000) == ["pq"]
    put(tmp_path, VECTORS[:1200])
    (report,) = compress(tmp_path, 0.9)
    assert report.reached
    assert report.form.kind in ("pq", "hnsw")
