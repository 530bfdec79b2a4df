"""Pushing an index: what is sent, what is taken out, what is refused; and kill -9 at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from likebut.indexes.errors import GalleryError, IndexIncompatible, IndexMissing
from likebut.indexes.milvus.about import About, make_about, write_about
from likebut.indexes.milvus.address import read_address
from likebut.indexes.milvus.gallery import open_remote
from likebut.indexes.milvus.push import push
from likebut.indexes.milvus.server import Server
from likebut.indexes.store import Index
from tests.indexes.milvus.conftest import random_rows, write

KILLS = int(os.environ.get("LIKEBUT_KILLS", "2"))
PROGRAM = """
import sys
from pathlib import Path
from likebut.indexes.milvus import push as pushing
pushing.BATCH = 4 * 4 * 20  # twenty rows of four numbers a batch

print("ready", flush=True)
pushing.push(Path(sys.argv[1]), sys.argv[2], lambda done, all: print(done, flush=True))
"""


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return write(tmp_path / "pets.index", random_rows(5, 4), list("abcde"))


def told(folder: Path, address: str) -> tuple[int, int, int]:
    report = push(folder, address)
    return report.sent, report.kept, report.removed


def test_all_that_an_index_says_is_there(index: Path, tmp_path: Path) -> None:
    report = push(index, f"{tmp_path}/m.db")
    assert report.address == f"{tmp_path}/m.db/likebut/pets"
    remote, local = open_remote(f"{tmp_path}/m.db", "f" * 64), Index.open(index)
    items = sorted(remote.all_items(), key=lambda item: item.id)
    assert [(i.id, i.path, i.content_hash, i.size, i.mtime_ns, i.caption) for i in items] == [
        (i.id, i.path, i.content_hash, i.size, i.mtime_ns, i.caption) for i in local.all_items()
    ]
    assert np.array_equal(remote.take([item.row for item in items]), local.take(range(5)))
    assert np.array_equal(remote.mu, local.mu)
    assert np.array_equal(remote.sigma, local.sigma)
    assert (remote.count, remote.dimension, remote.identity) == (5, 4, local.identity)
    assert remote.row_of("c") == items[2].row == remote.row_of("/pictures/c")
    assert remote.rows_of_hash(items[2].content_hash) == [items[2].row]
    assert remote.row_of("z") is None
    with pytest.raises(IndexError):
        remote.items([7])
    remote.server.close()


def test_a_second_push_sends_nothing_and_a_changed_index_what_changed(index: Path, tmp_path: Path) -> None:
    there = f"{tmp_path}/m.db"
    assert told(index, there) == (5, 0, 0)
    assert told(index, there) == (0, 5, 0)
    rows = random_rows(6, 4)
    write(index, rows[[0, 5, 2, 3]], ["a", "aa", "c", "d"])  # b and e are gone, aa is new
    assert told(index, there) == (1, 3, 2)
    remote = open_remote(there)
    assert sorted(item.id for item in remote.all_items()) == ["a", "aa", "c", "d"]
    row = remote.row_of("aa")
    assert row is not None
    assert np.array_equal(remote.take([row])[0], rows[5].astype(np.float32))
    assert np.array_equal(remote.mu, Index.open(index).mu)
    remote.server.close()


def test_several_galleries_of_a_collection_are_named_and_kept_apart(index: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "cars.index", random_rows(3, 4, seed=1), list("xyz"), fingerprint="e" * 64)
    push(index, f"{tmp_path}/m.db/all")
    push(other, f"{tmp_path}/m.db/all")
    with pytest.raises(GalleryError, match="several galleries") as said:
        open_remote(f"{tmp_path}/m.db/all")
    assert "/all/cars, " in said.value.hint
    remote = open_remote(f"{tmp_path}/m.db/all/cars")
    assert (remote.count, remote.server.count(), remote.row_of("a")) == (3, 3, None)
    remote.server.close()


def test_what_does_not_fit_is_refused_and_left_as_it_was(index: Path, tmp_path: Path) -> None:
    there = f"{tmp_path}/m.db"
    push(index, there)
    wide = write(tmp_path / "wide.index", random_rows(2, 8))
    with pytest.raises(IndexIncompatible, match="holds vectors of 4 numbers, not of 8"):
        push(wide, there)
    another = write(tmp_path / "another" / "pets.index", random_rows(2, 4), fingerprint="e" * 64)
    with pytest.raises(IndexIncompatible, match="is of encoder test ffffffffffff"):
        push(another, there)
    with pytest.raises(IndexIncompatible, match="made by encoder test ffffffffffff, not by eeeeeeeeeeee"):
        open_remote(there, "e" * 64)
    with pytest.raises(IndexMissing, match="no gallery") as said:
        open_remote(f"{there}/nothing")
    assert said.value.hint == "there are: likebut"
    with pytest.raises(IndexMissing, match="no gallery dogs") as said:
        open_remote(f"{there}/likebut/dogs")
    assert said.value.hint == "there are: pets"
    with pytest.raises(IndexMissing, match="no file"):
        open_remote(f"{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    assert told(index, there) == (0, 5, 0)


@pytest.mark.parametrize(
    ("fields", "metric", "words"),
    [({}, "IP", "something else than a gallery"), ({"gallery": True}, "COSINE", "compares by COSINE")],
)
def test_a_collection_of_something_else_is_left_alone(
    index: Path, tmp_path: Path, fields: dict[str, bool], metric: str, words: str
) -> None:
    from pymilvus import DataType, MilvusClient

    from likebut.indexes.milvus.table import NUMBERS, TEXTS

    server = Server(read_address(f"{tmp_path}/m.db"), make=True)
    schema = MilvusClient.create_schema(auto_id=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=4)
    for name in (*TEXTS, *NUMBERS) if fields else ():
        kind = DataType.INT64 if name in NUMBERS else DataType.VARCHAR
        schema.add_field(name, kind, **({} if name in NUMBERS else {"max_length": 99}))
    made = MilvusClient.prepare_index_params()
    made.add_index("vector", index_type="FLAT", metric_type=metric)
    server.ask("create_collection", collection_name="likebut", schema=schema, index_params=made)
    server.close()
    with pytest.raises(GalleryError, match=words):
        push(index, f"{tmp_path}/m.db")


def test_a_gallery_that_was_not_pushed_to_the_end_says_so(index: Path, tmp_path: Path) -> None:
    there = f"{tmp_path}/m.db/likebut/pets"
    push(index, there)
    server = Server(read_address(there))
    made = Index.open(index).identity
    make_about(server)
    write_about(server, About(made, 4, "float16", 5, ("pictures",), ""))
    server.close()
    with pytest.raises(GalleryError, match="not pushed to the end") as said:
        open_remote(there)
    assert f"--to {there}" in said.value.hint
    assert told(index, there) == (0, 5, 0)
    open_remote(there).server.close()


def test_nobody_answers() -> None:
    with pytest.raises(GalleryError, match=r"Milvus at 127\.0\.0\.1:9 is not reached"):
        open_remote("milvus://127.0.0.1:9/photos")


def test_a_push_that_is_killed_at_any_moment_goes_on(tmp_path: Path) -> None:
    rows = random_rows(400, 4)
    index = write(tmp_path / "many.index", rows)
    there = f"{tmp_path}/m.db"
    kills = 0
    for _ in range(KILLS):
        command = [sys.executable, "-c", PROGRAM, str(index), there]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            for _ in range(random.randint(1, 8)):
                process.stdout.readline()
            time.sleep(random.random() * 0.05)
            process.send_signal(signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
    assert kills
    report = push(index, there)
    assert report.sent + report.kept == 400
    remote = open_remote(there)
    items = sorted(remote.all_items(), key=lambda item: item.id)
    assert [item.id for item in items] == [item.id for item in Index.open(index).all_items()]
    assert np.array_equal(remote.take([item.row for item in items]), rows.astype(np.float32))
    remote.server.close()
    assert told(index, there) == (0, 400, 0)
