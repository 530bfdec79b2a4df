"""Compressed forms: what they find, of what rows they are, and what becomes of them."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from likebut.indexes.approximate import Approximate
from likebut.indexes.compressed import open_compressed
from likebut.indexes.compressing import compress, drop
from likebut.indexes.contract import Asked
from likebut.indexes.errors import GalleryError, IndexDamaged
from likebut.indexes.exact import Exact
from likebut.indexes.form import read_form
from likebut.indexes.keys import keys_of, rows_by_key
from likebut.indexes.maintain import info, remove, verify
from likebut.indexes.realigning import forms_behind, realign_forms
from likebut.indexes.store import Index
from tests.clip_like import ClipLike
from tests.indexes.galleries import put, unit

pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ROWS, WIDE = 2000, 32
WORLD = ClipLike(ROWS, WIDE)
VECTORS = WORLD.pictures(ROWS).astype(np.float16)
QUERIES = WORLD.composed(40)
LOOKS = Approximate(few=0)  # by the form, however few rows there are


@pytest.fixture(scope="module", params=["pq", "hnsw", "ivf"])
def made(request: Any, tmp_path_factory: Any) -> Path:
    """An index with a compressed form of each kind; nobody writes in it."""
    folder: Path = tmp_path_factory.mktemp("made") / request.param
    put(folder, VECTORS)
    compress(folder, 0.95, kind=request.param)
    return folder


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists") / "index"
    put(folder, VECTORS)
    compress(folder, 0.9, kind="pq")
    return folder


@pytest.fixture
def folder(lists: Path, tmp_path: Path) -> Path:
    """An index with a compressed form, to be changed."""
    return Path(shutil.copytree(lists, tmp_path / "index"))


def exactly(index: Index, k: int = 10, exclude: Any = None) -> Any:
    return Exact().search([Asked(index, QUERIES)], k, exclude)


def compressed(index: Index, k: int = 10, exclude: Any = None) -> Any:
    return LOOKS.search([Asked(index, QUERIES)], k, exclude)


def recall(found: Any, right: Any) -> float:
    pairs = zip(found.rows, right.rows, strict=True)
    return float(np.mean([len(set(ours) & set(theirs)) / len(theirs) for ours, theirs in pairs]))


def assert_scored_as(found: Any, everything: Any) -> None:
    """What is found scores what it does in a ranking of all rows, and descends."""
    for n, rows in enumerate(found.rows):
        scores = dict(zip(everything.rows[n].tolist(), everything.scores[n].tolist(), strict=True))
        assert found.scores[n].tolist() == [scores[row] for row in rows.tolist()]
        assert found.scores[n].tolist() == sorted(found.scores[n].tolist(), reverse=True)


def test_it_finds_about_as_much_as_was_asked_for(made: Path) -> None:
    index = Index.open(made)
    assert recall(compressed(index), exactly(index)) >= 0.9
    form = read_form(made)
    assert form is not None
    assert form.recall >= 0.95
    assert {one.kind for one in form.measured} == {"rows", "sums", "apart"}


def test_what_it_scores_is_what_exact_search_scores(made: Path) -> None:
    index = Index.open(made)
    found, everything = compressed(index), exactly(index, ROWS)
    assert_scored_as(found, everything)


def test_where_the_shortlist_is_everything_it_equals_exact_search(made: Path) -> None:
    index = Index.open(made)
    found, right = compressed(index, ROWS // 4), exactly(index, ROWS // 4)
    np.testing.assert_array_equal(found.rows, right.rows)
    np.testing.assert_array_equal(found.scores, right.scores)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31), share=st.sampled_from([0.0, 0.001, 0.5, 0.9, 0.999]), k=st.integers(0, 20)
)
def test_excluded_rows_are_never_found_and_never_leave_a_gap(
    made: Path, seed: int, share: float, k: int
) -> None:
    rng = np.random.default_rng(seed)
    exclude = [np.flatnonzero(rng.random(ROWS) < share) for _ in QUERIES]
    index = Index.open(made)
    found, right = compressed(index, k, exclude), exactly(index, k, exclude)
    for n, rows in enumerate(found.rows):
        assert not set(rows[rows >= 0].tolist()) & set(exclude[n].tolist())
    np.testing.assert_array_equal(found.rows >= 0, right.rows >= 0)
    assert (found.scores <= right.scores).all()


def test_a_filter_of_few_rows_is_searched_exactly(made: Path) -> None:
    index = Index.open(made)
    inside = np.arange(0, ROWS, 300)
    exclude = [np.setdiff1d(np.arange(ROWS), inside)] * len(QUERIES)
    found = Approximate(few=20).search([Asked(index, QUERIES)], 10, exclude)
    np.testing.assert_array_equal(found.rows, exactly(index, 10, exclude).rows)


def test_equal_rows_are_found_lower_row_first(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    vectors[[700, 20, 1500]] = vectors[5]
    put(tmp_path, vectors)
    compress(tmp_path, 0.99, kind="hnsw")
    found = LOOKS.search([Asked(Index.open(tmp_path), vectors[[5]])], 4)
    assert found.rows.tolist() == [[5, 20, 700, 1500]]


def test_a_query_of_zeros_gets_what_exact_search_gives_it(made: Path) -> None:
    index, nothing = Index.open(made), np.zeros((1, WIDE), np.float32)
    assert LOOKS.search([Asked(index, nothing)], 3).rows.tolist() == [[0, 1, 2]]


def test_two_sides_are_summed_over_the_rows_that_either_names(tmp_path: Path) -> None:
    put(tmp_path, VECTORS)
    texts = WORLD.texts(VECTORS.astype(np.float32))
    texts[::7] = 0  # without a caption
    put(tmp_path / "captions", texts, captions=True)
    reports = compress(tmp_path, 0.9)
    assert [report.side for report in reports] == ["pictures", "captions"]
    assert {one.kind for one in reports[0].form.measured} == {"rows", "sums", "apart", "across"}
    index = Index.open(tmp_path)
    side = index.side("captions")
    assert side is not None
    asked = [Asked(index, QUERIES), Asked(side, 0.3 * QUERIES[::-1])]
    found, right = LOOKS.search(asked, 10), Exact().search(asked, 10)
    assert recall(found, right) >= 0.85
    assert_scored_as(found, Exact().search(asked, ROWS))


def test_where_a_side_has_no_form_every_row_is_looked_at(folder: Path) -> None:
    put(folder / "captions", VECTORS, captions=True)
    index = Index.open(folder)
    side = index.side("captions")
    assert side is not None
    asked = [Asked(index, QUERIES), Asked(side, QUERIES)]
    np.testing.assert_array_equal(LOOKS.search(asked, 10).rows, Exact().search(asked, 10).rows)


def test_queries_of_another_shape_are_refused(made: Path) -> None:
    index = Index.open(made)
    for queries, k, exclude in ((QUERIES[:, :5], 3, None), (QUERIES, -1, None), (QUERIES, 3, [()])):
        with pytest.raises(ValueError, match=r"shape|fit|negative"):
            LOOKS.search([Asked(index, queries)], k, exclude)


def test_few_rows_are_all_looked_at(made: Path) -> None:
    index = Index.open(made)
    found = Approximate().search([Asked(index, QUERIES)], 10)
    np.testing.assert_array_equal(found.rows, exactly(index).rows)


def test_after_a_change_nothing_is_found_by_a_form_of_earlier_rows(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = put(folder, VECTORS[::-1])
    np.testing.assert_array_equal(compressed(index).rows, exactly(index).rows)
    assert (
        "belongs to earlier rows of the index: every row is looked at (likebut index compress"
        in caplog.text
    )
    assert forms_behind(folder)
    assert not verify(folder).ok


def test_removed_rows_are_gone_and_new_ones_are_found_without_learning_anew(folder: Path) -> None:
    index = Index.open(folder)
    earlier = recall(compressed(index), exactly(index))
    stay = [n for n in range(ROWS) if n % 10]
    fresh = WORLD.pictures(60)
    index = put(folder, np.concatenate([VECTORS[stay], fresh]), [*stay, *range(ROWS, ROWS + 60)])
    realign_forms(folder)
    index, form = Index.open(folder), read_form(folder)
    assert form is not None
    assert (form.learnt, form.index.rows, form.gone) == (ROWS, ROWS + 60, 200)
    assert verify(folder).ok
    assert not forms_behind(folder)
    assert recall(compressed(index), exactly(index)) >= earlier - 0.05
    found = LOOKS.search([Asked(index, fresh)], 1)
    assert np.mean(found.rows[:, 0] == np.arange(len(stay), len(stay) + 60)) >= 0.9


def test_remove_keeps_the_form_in_step(folder: Path) -> None:
    assert remove(folder, "000001*") == 100
    form = read_form(folder)
    assert form is not None
    assert form.gone == 100
    assert verify(folder).ok
    assert Index.open(folder).compressed is not None


def test_a_form_that_ages_is_told_and_one_of_other_vectors_goes(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stay = range(0, ROWS - 460)
    put(folder, VECTORS[: len(stay)], stay)
    realign_forms(folder)
    assert "the compressed form ages, 23 % of its rows are new or gone; learn it anew" in caplog.text
    assert any("learn it anew" in line for line in verify(folder).advice)
    put(folder, WORLD.pictures(ROWS))
    realign_forms(folder)
    assert "most of its vectors are others now; the compressed form is gone" in caplog.text
    assert not (folder / "compressed").exists()


def test_the_folder_can_be_moved(folder: Path, tmp_path: Path) -> None:
    found = compressed(Index.open(folder))
    folder.rename(tmp_path / "moved")
    np.testing.assert_array_equal(compressed(Index.open(tmp_path / "moved")).rows, found.rows)
    assert verify(tmp_path / "moved").ok


def test_whoever_has_a_form_open_keeps_it(folder: Path) -> None:
    index = Index.open(folder)
    found = compressed(index)
    compress(folder, 0.99, kind="hnsw")
    assert drop(folder)
    np.testing.assert_array_equal(compressed(index).rows, found.rows)


@pytest.mark.parametrize("suffix", [".faiss", "rows*.npy", "manifest.json"])
@pytest.mark.parametrize("how", ["cut", "other", "missing"])
def test_a_damaged_form_is_told_and_every_row_looked_at(
    folder: Path, suffix: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = (folder / "compressed").glob(f"*{suffix}")
    data = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if how == "cut" else b"x" * len(data))
    index = Index.open(folder)
    np.testing.assert_array_equal(compressed(index).rows, exactly(index).rows)
    if (how, suffix) != ("missing", "manifest.json"):  # that is as if there were none
        assert "every row is looked at" in caplog.text
        report = verify(folder)
        assert not report.ok
        assert any("likebut index compress" in line for line in report.advice)


def test_a_faiss_file_of_other_vectors_is_told(folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "other", WORLD.pictures(1500))
    compress(tmp_path / "other", 0.9, kind="pq")
    (ours,), (theirs,) = ((p / "compressed").glob("*.faiss") for p in (folder, tmp_path / "other"))
    data = theirs.read_bytes()
    ours.write_bytes(data + b"\0" * (ours.stat().st_size - len(data)))
    index = Index.open(folder)
    assert index.compressed is None
    assert any("the checksum differs" in line for line in verify(folder).problems)


def test_a_file_that_says_it_is_of_any_size_is_damaged(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(_: str) -> None:
        raise MemoryError

    monkeypatch.setattr("likebut.indexes.compressed.open_mapped", endless)
    with pytest.raises(IndexDamaged, match="cannot be read by this faiss"):
        open_compressed(Index.open(folder))


def test_a_build_drops_a_form_whose_files_changed_and_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (keys,) = (folder / "compressed").glob("keys-*.npy")
    keys.write_bytes(keys.read_bytes()[:-1] + b"!")
    put(folder, VECTORS[:-1], range(ROWS - 1))
    realign_forms(folder)
    assert "its files changed; the compressed form is gone: likebut index compress" in caplog.text
    assert not (folder / "compressed").exists()


def test_a_flipped_bit_is_found_by_verify(folder: Path) -> None:
    (path,) = (folder / "compressed").glob("*.faiss")
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(bytes(data))
    assert verify(folder).problems == (f"compressed: {path.name}: the checksum differs",)
    compressed(Index.open(folder))  # and does no harm: rows are scored from the vectors


def test_dropped_it_is_gone_and_the_index_whole(folder: Path) -> None:
    assert drop(folder)
    assert not drop(folder)
    assert not (folder / "compressed").exists()
    assert Index.open(folder).compressed is None
    assert verify(folder).ok
    assert "compressed" not in info(folder)


def test_info_says_what_it_is(folder: Path) -> None:
    facts = info(folder)
    assert facts["compressed"] == "fits the rows"
    assert facts["compressed_kind"] == "pq"
    assert facts["compressed_recall"] >= 0.9
    assert "over 256 queries" in facts["compressed_measured"]["apart"]
    assert facts["compressed_bytes"] == sum(
        path.stat().st_size for path in (folder / "compressed").iterdir() if path.name != "manifest.json"
    )


@pytest.mark.parametrize("rows", [1, 2, 11])
def test_the_smallest_galleries_can_be_compressed(tmp_path: Path, rows: int) -> None:
    put(tmp_path, VECTORS[:rows])
    compress(tmp_path, 1.0)
    index = Index.open(tmp_path)
    np.testing.assert_array_equal(compressed(index).rows, exactly(index).rows)


def test_what_is_not_ours_in_the_folder_stays(folder: Path) -> None:
    shutil.rmtree(folder / "compressed")
    (folder / "compressed").mkdir()
    (folder / "compressed" / "thesis.txt").write_text("mine")
    with pytest.raises(GalleryError):
        compress(folder, 0.9)
    with pytest.raises(GalleryError):
        drop(folder)
    assert (folder / "compressed" / "thesis.txt").read_text() == "mine"


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_places_find_their_rows_by_what_their_vectors_are(old: list[int], new: list[int]) -> None:
    found = rows_by_key(np.array(old, np.uint64), np.array(new, np.uint64)).tolist()
    left = [row for row in found if row >= 0]
    assert len(left) == len(set(left))
    for key in range(10):
        rows = [row for place, row in enumerate(found) if old[place] == key and row >= 0]
        assert rows == [row for row, other in enumerate(new) if other == key][: old.count(key)]


def test_equal_vectors_have_equal_keys(tmp_path: Path) -> None:
    keys = keys_of(put(tmp_path, unit([[1, 2], [2, 1], [1, 2], [-1, 2]])))
    assert keys[0] == keys[2]
    assert len(set(keys.tolist())) == 3


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


def test_an_older_faiss_is_refused_before_anything_is_made(
    lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    before = read_form(lists)
    monkeypatch.setattr(faiss, "__version__", "1.11.0")
    with pytest.raises(GalleryError, match=r"need faiss 1\.15, and here is 1\.11\.0") as told:
        compress(lists, 0.9)
    assert told.value.exit_code == 4
    assert read_form(lists) == before
