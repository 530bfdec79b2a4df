"""The index folder: what is written comes back, and whatever is wrong with it is noticed."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut import indexes
from likebut.indexes import maintain, writing
from likebut.indexes.build import build
from likebut.indexes.contract import EncoderId
from likebut.indexes.errors import GalleryError, IndexDamaged, IndexIncompatible, IndexMissing, NoImages
from likebut.indexes.exact import search
from likebut.indexes.items import GROUP_ROWS, Item
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.seal import seal
from likebut.indexes.store import Index
from likebut.indexes.writing import Content, write_index


@pytest.fixture
def built(gallery, tmp_path, encoder):
    build([gallery], tmp_path / "out", encoder)
    return tmp_path / "out"


def made(folder, vectors, items=None, dtype="float16"):
    """An index of ``vectors`` (n, d), written without a build."""
    folder.mkdir(exist_ok=True)
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    items = items or [Item(i, f"{i:06d}.png", f"/g/{i:06d}.png", "ab" * 32) for i in range(len(rows))]
    content = Content(
        encoder=EncoderId("e", "f", "p"),
        dimension=rows.shape[1],
        dtype=dtype,
        items=items,
        failed=(),
        roots=("/g",),
        gather=lambda start, stop: rows[start:stop],
    )
    write_index(folder, content)
    return Index.open(folder)


def use(folder):
    """Open an index and touch everything in it."""
    index = Index.open(folder)
    return index.items([0]), index.mu, index.take([0])[0]


def edit(folder, **changes):
    """Change the manifest and seal it again."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(seal(json.loads(path.read_text()) | changes)))


@settings(max_examples=25)
@given(st.data())
def test_items_and_vectors_come_back_as_they_went_in(data):
    text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
    # lone surrogates stand for bytes that are not UTF-8
    odd = st.text(st.sampled_from("a\\ é\n🦊\udce9\udcff"), min_size=1, max_size=6)
    ids = sorted(data.draw(st.sets(text, min_size=1, max_size=12)))
    items = [
        Item(
            row,
            name,
            "/" + data.draw(odd),
            data.draw(st.binary(min_size=32, max_size=32)).hex(),
            data.draw(st.none() | text),
            data.draw(st.integers(0, 2**40)),
            data.draw(st.integers(0, 2**62)),
        )
        for row, name in enumerate(ids)
    ]
    vectors = np.random.default_rng(len(ids)).standard_normal((len(ids), 3)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        index = made(Path(folder) / "i", vectors, items, "float32")
        assert index.items(range(len(items))) == items
        assert list(index.all_items()) == items
        assert [index.row_of(name) for name in ids] == list(range(len(ids)))
        for item in items:
            assert item.row in index.rows_of_hash(item.content_hash)
            assert index.items([index.row_of(Path(item.path))])[0].path == item.path
        assert verify(Path(folder) / "i").problems == ()


def test_mean_and_covariance_are_those_of_the_rows(tmp_path):
    index = made(tmp_path / "i", np.array([[1.0, 0], [0, 1], [-1, 0], [0, 1]]))
    assert index.mu.tolist() == [0.0, 0.5]
    assert index.sigma.tolist() == [[0.5, 0.0], [0.0, 0.25]]


def test_rows_are_found_across_shards_and_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "SHARD_ROWS", 7000)
    count = 2 * GROUP_ROWS + 5
    rng = np.random.default_rng(0)
    index = made(tmp_path / "i", rng.standard_normal((count, 4)))
    assert [len(shard) for shard in index.vectors()] == [7000, 7000, count - 14_000]
    assert (index.count, index.dimension) == (count, 4)
    last = index.items([count - 1, 0])
    assert [item.id for item in last] == [f"{count - 1:06d}.png", "000000.png"]
    assert index.row_of("010000.png") == 10_000
    assert index.row_of("/g/010000.png") == 10_000
    assert index.row_of("none.png") is None
    rows, _ = search(index, index.take([7000, count - 1]), 1)
    assert rows.tolist() == [[7000], [count - 1]]
    with pytest.raises(IndexError):
        index.items([count])
    for row in (-1, count):
        with pytest.raises(IndexError):
            index.take([row])


def test_info_says_what_an_index_is(built, gallery):
    said = info(built)
    assert (said["items"], said["dimension"], said["dtype"]) == (3, 4, "float16")
    assert said["roots"] == [str(gallery)]


def test_removing_takes_out_what_matches_and_keeps_the_rest_aligned(built):
    green = Index.open(built).take([1])[0]
    assert remove(built, "deep/*") == 1
    index = Index.open(built)
    assert [item.id for item in index.all_items()] == ["green.png", "red.png"]
    assert np.array_equal(index.take([0])[0], green)
    assert remove(built, "nothing*") == 0
    assert remove(built, "*/red.png") == 1
    assert verify(built) == maintain.VerifyReport((), 1)
    with pytest.raises(NoImages, match="matches all 1 items"):
        remove(built, "*")
    with pytest.raises(IndexMissing):
        remove(built / "none", "*")


def test_an_item_that_is_called_as_a_pattern_is_taken_out_by_its_name(tmp_path):
    names = ["IMG 1.png", "IMG [1].png", "a*.png", "ab.png"]
    items = [Item(i, name, f"/g/{name}", "ab" * 32) for i, name in enumerate(names)]
    made(tmp_path / "i", np.eye(4), items)
    assert remove(tmp_path / "i", "IMG [1].png") == 1
    assert remove(tmp_path / "i", "/g/a*.png") == 1
    assert [item.id for item in Index.open(tmp_path / "i").all_items()] == ["IMG 1.png", "ab.png"]
    assert remove(tmp_path / "i", "IMG [1].png") == 1  # now it is a pattern


def test_a_reader_keeps_its_index_while_a_new_one_takes_its_place(built):
    reader = Index.open(built)
    remove(built, "red.png")
    assert [item.id for item in reader.items([2])] == ["red.png"]
    assert reader.take([2])[0].shape == (4,)
    assert reader.mu.shape == (4,)


def test_a_reader_that_comes_between_manifest_and_shards_tries_again(built, monkeypatch):
    import likebut.indexes.store as store

    stale = store.read_manifest(built)
    remove(built, "red.png")
    answers = [stale]
    real = store.read_manifest
    monkeypatch.setattr(store, "read_manifest", lambda f: answers.pop() if answers else real(f))
    assert Index.open(built).count == 2


@pytest.mark.parametrize("name", ["none", "file/none"])
def test_no_index_says_how_to_build_one(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexMissing, match="no index in") as caught:
        Index.open(tmp_path / name)
    assert "likebut index build IMAGES --out" in caught.value.hint


def test_a_flipped_byte_anywhere_in_the_manifest_is_noticed(built):
    path = built / "manifest.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1 << (at % 7)
        path.write_bytes(changed)
        if flips_white_space_only(whole, bytes(changed)):
            assert Index.open(built).count == 3
        else:
            with pytest.raises(IndexDamaged) as caught:
                Index.open(built)
            assert "--rebuild" in caught.value.hint


def flips_white_space_only(whole, changed):
    """Whether two manifests say the same, to the last digit."""
    try:
        return json.loads(changed.decode("ascii")) == json.loads(whole)
    except ValueError:
        return False


def test_a_newer_format_and_another_encoder_are_refused_with_the_command(built, gallery, encoder):
    assert Index.open(built, encoder.fingerprint).count == 3
    with pytest.raises(IndexIncompatible, match="was made by encoder mean-colour ffffffffffff"):
        Index.open(built, "0" * 64)
    edit(built, format_version=2)
    with pytest.raises(IndexIncompatible, match="has format 2; this likebut reads 1") as caught:
        Index.open(built)
    assert str(gallery) in caught.value.hint
    with pytest.raises(IndexIncompatible):
        verify(built)


@pytest.mark.parametrize(
    "changes", [{"count": 2}, {"encoder": {}}, {"dimension": 5}, {"shards": 3}, {"dtype": "float32"}]
)
def test_a_manifest_that_does_not_fit_its_files_is_damage(built, changes):
    edit(built, **changes)
    with pytest.raises(IndexDamaged):
        Index.open(built)


@pytest.mark.parametrize("kind", ["vectors-*", "items-*", "stats-*"])
def test_files_that_are_cut_changed_or_gone_are_found(built, kind):
    (path,) = built.glob(kind)
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    path.write_bytes(changed)
    assert verify(built).problems == (f"{path.name}: the checksum differs",)
    path.write_bytes(whole[:-1])
    assert verify(built).problems == (f"{path.name}: the checksum differs",)
    with pytest.raises(IndexDamaged, match="has another size"):
        Index.open(built)
    path.write_bytes(b"x" * len(whole))
    with pytest.raises(IndexDamaged, match=path.name):
        use(built)
    path.unlink()
    assert verify(built).problems == (f"{path.name}: no such file or directory",)
    with pytest.raises(IndexDamaged, match="cannot be read"):
        Index.open(built)


def test_rows_that_are_not_of_unit_length_are_found(tmp_path, monkeypatch):
    folder = tmp_path / "i"
    monkeypatch.setattr(np.linalg, "norm", lambda rows, **_: np.array([[1.0], [0.5]]))
    made(folder, np.array([[1.0, 0], [1.0, 0]]))
    monkeypatch.undo()
    assert verify(folder).problems == ("row 1: length 2.0000, not 1",)


def test_ids_out_of_order_and_stats_of_another_shape_are_found(tmp_path, monkeypatch):
    items = [Item(0, "b", "/b", "ab" * 32), Item(1, "a", "/a", "ab" * 32)]
    monkeypatch.setattr(writing.Moments, "result", lambda self: (np.zeros(1), np.zeros(1)))
    made(tmp_path / "i", np.eye(2), items)
    assert verify(tmp_path / "i").problems == (
        "items: the ids are not ascending and unique",
        "stats: the shapes do not fit the dimension",
    )


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'numpy', 'PIL', 'pyarrow', 'faiss', 'torch'}"
    code = (
        "import sys, likebut; from likebut.indexes import build, decode, exact, store;"
        f"sys.exit(str({heavy} & set(sys.modules)) if {heavy} & set(sys.modules) else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_every_public_name_loads():
    assert all(getattr(indexes, name) is not None for name in indexes.__all__)
    assert indexes.GalleryError is GalleryError
    with pytest.raises(AttributeError):
        _ = indexes.nothing


def test_an_index_may_be_opened_and_read_by_many_threads_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    from likebut.indexes.files import load_npy

    path = tmp_path / "a.npy"
    np.save(path, np.eye(4, dtype=np.float16))
    with ThreadPoolExecutor(16) as pool:
        shapes = list(pool.map(lambda _: load_npy(path).shape, range(4_000)))
    assert set(shapes) == {(4, 4)}
