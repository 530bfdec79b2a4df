"""A condition leaves the same items of a gallery in Milvus as of the index that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from likebut.indexes.contract import Asked
from likebut.indexes.errors import GalleryError
from likebut.indexes.milvus.gallery import Remote, open_remote
from likebut.indexes.milvus.push import push
from likebut.indexes.milvus.searcher import Milvus
from likebut.indexes.store import Index
from likebut.pipeline.errors import InputError
from likebut.pipeline.hits.where import narrowed, read_condition, rows_outside
from tests.indexes.milvus.conftest import random_rows, write

for package in ("pymilvus", "milvus_lite"):
    pytest.importorskip(package, reason="needs pip install 'likebut[milvus]'")

IDS = [
    "50%_off.png",
    "500_off.png",
    "a.png",
    "clip.mp4#1of3",
    "clip.mp4#2of3",
    "trips/IMG_1.jpg",
    "trips/b.mp4#1of2",
    "x#1of2.mp4",
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Remote]]:
    folder: Path = tmp_path_factory.mktemp("where")
    index = write(folder / "i.index", random_rows(len(IDS), 8), IDS)
    push(index, folder / "m.db")
    remote = open_remote(folder / "m.db")
    yield Index.open(index), remote
    remote.server.close()


@pytest.mark.parametrize("sign", ["=", "!="])
@pytest.mark.parametrize(
    "glob",
    [
        *("*.mp4", "clip.mp4", "clip.*", "b.mp4", "trips/*", "*2of3", "clip.mp4#1of3", "?.png", "*", "mp4"),
        *("50%_off.png", "500?off*", "IMG_1.jpg", "IMG?1*", "*off*", "x#*"),
    ],
)
def test_globs_mean_the_same(pair: tuple[Index, Remote], sign: str, glob: str) -> None:
    local, remote = pair
    conditions = [read_condition(f"path{sign}{glob}")]
    try:
        outside = set(rows_outside(local, conditions).tolist())
        expected = [name for row, name in enumerate(IDS) if row not in outside]
    except InputError:
        expected = []
    try:
        some = narrowed(remote, conditions)
        best = Milvus().search([Asked(some, random_rows(1, 8).astype("float32"))], len(IDS))
        found = sorted(item.id for item in some.items([row for row in best.rows[0].tolist() if row >= 0]))
    except GalleryError:
        found = []
    assert found == expected
