"""Another encoder for a gallery: mapped rows answer at once, and the exact index follows them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.errors import GalleryError
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.manifest import read_manifest
from likebut.indexes.store import Index
from likebut.indexes.upgrade import map_index
from tests.indexes.conftest import MeanColour

TURN = np.linalg.qr(np.random.default_rng(3).standard_normal((4, 4)))[0].astype(np.float32)


class Turned(MeanColour):
    """The same colours in a space that is turned."""

    name = "turned"

    def __init__(self) -> None:
        super().__init__("a" * 64)

    def encode_prepared(self, batch: Any) -> Any:
        return super().encode_prepared(batch) @ TURN


class Unrelated(MeanColour):
    """Rows that have nothing to do with the colours."""

    name = "unrelated"

    def __init__(self) -> None:
        super().__init__("b" * 64)

    def encode_prepared(self, batch: Any) -> Any:
        seeds = [int(abs(row).sum() * 1e4) for row in np.stack(batch)]
        rows = np.stack([np.random.default_rng(seed).standard_normal(4) for seed in seeds])
        self.batches.append(len(batch))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The index of sixty pictures of one colour each."""
    rng, folder = np.random.default_rng(0), tmp_path / "gallery"
    folder.mkdir()
    for number in range(60):
        Image.new("RGB", (8, 8), tuple(map(int, rng.integers(0, 256, 3)))).save(
            folder / f"{number:02d}.png"
        )
    build([folder], tmp_path / "old.index", MeanColour(), batch_size=8)
    return tmp_path / "old.index"


def rows_in(folder: Path) -> np.ndarray:
    index = Index.open(folder)
    return index.take(range(index.count))


def test_mapped_rows_are_those_of_the_new_encoder_where_its_space_is_the_old_one_turned(
    old: Path, tmp_path: Path
) -> None:
    encoder = Turned()
    report = map_index(old, tmp_path / "new", encoder, sample=30, batch_size=8)
    assert report is not None
    assert (report.items, report.pictures, report.agreement) == (60, 24, 1.0)
    assert sum(encoder.batches) == 30
    index = Index.open(tmp_path / "new", encoder.fingerprint)
    assert index.manifest.mapped is not None
    assert index.manifest.mapped.encoder == Index.open(old).identity
    assert [item.id for item in index.all_items()] == [item.id for item in Index.open(old).all_items()]
    assert np.abs(rows_in(tmp_path / "new") - rows_in(old) @ TURN).max() < 2e-3  # of float16
    assert verify(tmp_path / "new").ok
    facts = info(tmp_path / "new")
    assert (facts["mapped_from"], facts["agreement"]) == ("mean-colour", 1.0)


def test_the_exact_index_goes_on_from_the_pictures_that_were_encoded(old: Path, tmp_path: Path) -> None:
    map_index(old, tmp_path / "new", Turned(), sample=30, batch_size=8)
    encoder = Turned()
    roots = [tmp_path / "gallery"]
    report = build(roots, tmp_path / "new", encoder, batch_size=8)
    assert (report.items, report.encoded, report.resumed) == (60, 30, 30)
    assert read_manifest(tmp_path / "new").mapped is None
    build(roots, tmp_path / "plain", Turned(), batch_size=8)
    assert np.array_equal(rows_in(tmp_path / "new"), rows_in(tmp_path / "plain"))
    assert build(roots, tmp_path / "new", encoder).encoded == 0
    assert map_index(old, tmp_path / "new", encoder) is None
    assert "mapped_from" not in info(tmp_path / "new")


def test_no_build_takes_a_mapped_row_over(old: Path, tmp_path: Path) -> None:
    map_index(old, tmp_path / "new", Turned(), sample=30, batch_size=8)
    report = build([tmp_path / "gallery"], tmp_path / "third", Turned(), donors=[tmp_path / "new"])
    assert report.encoded == 60


def test_an_encoder_that_sees_other_things_is_refused_and_its_work_is_kept(
    old: Path, tmp_path: Path
) -> None:
    with pytest.raises(GalleryError, match="of the ten nearest are the same") as told:
        map_index(old, tmp_path / "new", Unrelated(), sample=40, least=0.9)
    assert "index build" in told.value.hint
    with pytest.raises(GalleryError):
        Index.open(tmp_path / "new")
    report = build([tmp_path / "gallery"], tmp_path / "new", Unrelated())
    assert (report.encoded, report.resumed) == (20, 40)


def test_what_makes_no_sense_is_said_and_changes_nothing(old: Path, tmp_path: Path) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in old.iterdir())
    with pytest.raises(GalleryError, match="into itself"):
        map_index(old, old, Turned())
    with pytest.raises(GalleryError, match="already"):
        map_index(old, tmp_path / "new", MeanColour())
    map_index(old, tmp_path / "new", Turned(), sample=30)
    with pytest.raises(GalleryError, match="mapped itself"):
        map_index(tmp_path / "new", tmp_path / "newer", Unrelated())
    assert sorted((path.name, path.stat().st_mtime_ns) for path in old.iterdir()) == before


def test_items_go_out_of_a_mapped_index_and_it_stays_marked(old: Path, tmp_path: Path) -> None:
    map_index(old, tmp_path / "new", Turned(), sample=30)
    assert remove(tmp_path / "new", "0*") == 10
    manifest = read_manifest(tmp_path / "new")
    assert manifest.count == 50
    assert manifest.mapped is not None


class Slow(Turned):
    """Kills its process in the third batch."""

    def encode_prepared(self, batch: Any) -> Any:
        rows = super().encode_prepared(batch)
        if len(self.batches) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return rows


def _killed(old: Path, out: Path) -> None:
    map_index(old, out, Slow(), sample=40, batch_size=8)


def test_a_killed_upgrade_goes_on_from_its_last_batch(old: Path, tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(old, tmp_path / "new"))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    encoder = Turned()
    report = map_index(old, tmp_path / "new", encoder, sample=40, batch_size=8)
    assert report is not None
    assert report.pictures == 32
    assert sum(encoder.batches) == 24
