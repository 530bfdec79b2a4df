"""Nothing is replaced or deleted that an index did not make."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from likebut.indexes.build import build
from likebut.indexes.captions import build_captions, captions_of
from likebut.indexes.errors import GalleryError, IndexDamaged, IndexMissing
from likebut.indexes.maintain import verify
from likebut.indexes.store import Index
from tests.indexes.conftest import MeanColour
from tests.indexes.test_lock import Reads


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """A folder of another program, whose files are called much as ours."""
    folder = tmp_path / "strangers"
    (folder / "captions").mkdir(parents=True)
    (folder / "manifest.json").write_text('{"name": "my web app"}')
    for name in ("vectors-1.npy", "items-a.parquet", "stats-old.npz", "captions/a.txt"):
        (folder / name).write_text("mine")
    return folder


@pytest.mark.parametrize("rebuild", [False, True])
def test_a_strangers_folder_is_refused_and_left_as_it_is(
    gallery: Path, strangers: Path, rebuild: bool
) -> None:
    before = everything(strangers)
    with pytest.raises(GalleryError) as caught:
        build([gallery], strangers, MeanColour(), rebuild=rebuild)
    assert "--rebuild" not in caught.value.hint
    with pytest.raises(GalleryError):
        build_captions(captions_of({"red": ["red"]}), strangers, Reads())
    with pytest.raises(IndexMissing, match="of something else") as missing:
        Index.open(strangers)
    assert "--rebuild" not in missing.value.hint
    assert everything(strangers) == before


@pytest.mark.parametrize(
    "name", ["notes.txt", "manifest.json", "vectors-1.npy", ".pending/x", "captions/x.txt", "captions"]
)
def test_one_strange_thing_in_a_folder_without_an_index_is_enough(
    gallery: Path, tmp_path: Path, name: str
) -> None:
    place = tmp_path / "out" / name
    place.parent.mkdir(parents=True)
    place.write_text("{}")
    for rebuild in (False, True):
        with pytest.raises(GalleryError, match="no index"):
            build([gallery], tmp_path / "out", MeanColour(), rebuild=rebuild)
    assert everything(tmp_path / "out") == {name: b"{}"}


def test_what_others_put_into_an_index_stays_there(
    gallery: Path, tmp_path: Path, paint: Callable[..., Path]
) -> None:
    out = tmp_path / "out"
    build([gallery], out, MeanColour())
    ours = hashlib.sha256(b"left by a build that was killed").hexdigest()[:16]
    (out / f"items-{ours}.parquet").write_bytes(b"left by a build that was killed")
    mine = ("vectors-mine.npy", "stats-0123456789abcdef.npz", "notes.txt")
    for name in mine:
        (out / name).write_text("mine")
    paint(gallery / "new.png", (1, 2, 3))
    assert build([gallery], out, MeanColour()).items == 4
    build([gallery], out, MeanColour(), rebuild=True)
    assert [(out / name).read_text() for name in mine] == ["mine"] * 3
    kinds = sorted(p.name.split("-")[0] for p in out.iterdir() if p.name not in mine)
    assert kinds == ["items", "manifest.json", "stats", "vectors"]


@pytest.mark.parametrize("left", [b"", b'{"format_version": 1, "cou', None])
def test_an_index_whose_manifest_was_lost_is_still_an_index_and_is_made_anew(
    gallery: Path, tmp_path: Path, left: bytes | None
) -> None:
    out = tmp_path / "out"
    build([gallery], out, MeanColour())
    if left is None:
        (out / "manifest.json").unlink()
    else:
        (out / "manifest.json").write_bytes(left)
        with pytest.raises(IndexDamaged):
            build([gallery], out, MeanColour())
    assert build([gallery], out, MeanColour(), rebuild=True).items == 3
    assert verify(out).problems == ()


def test_captions_that_were_moved_aside_are_an_indexs_own_and_stay(gallery: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build([gallery], out, MeanColour())
    shutil.copytree(out, out / "captions.damaged-2")
    aside = everything(out / "captions.damaged-2")
    (out / "manifest.json").unlink()
    assert build([gallery], out, MeanColour(), rebuild=True).items == 3
    assert everything(out / "captions.damaged-2") == aside


def test_other_roots_are_refused_unless_they_are_asked_for(
    gallery: Path, tmp_path: Path, paint: Callable[..., Path]
) -> None:
    other, out = tmp_path / "other", tmp_path / "out"
    paint(other / "white.png", (255, 255, 255))
    build([gallery], out, MeanColour(), change_roots=False)
    for rebuild in (False, True):
        with pytest.raises(GalleryError, match=f"would lose those of {gallery}") as caught:
            build([other], out, MeanColour(), change_roots=False, rebuild=rebuild)
        assert caught.value.exit_code == 2
        assert "--change-roots" in caught.value.hint
    assert Index.open(out).count == 3
    assert build([other, gallery], out, MeanColour(), change_roots=False).items == 4
    assert build([tmp_path], out, MeanColour(), change_roots=False).items == 4
    assert build([other], out, MeanColour(), change_roots=True).items == 1


def test_a_folder_by_another_name_is_the_same_root(gallery: Path, tmp_path: Path) -> None:
    out, link = tmp_path / "out", tmp_path / "link"
    link.symlink_to(gallery)
    build([gallery], out, MeanColour(), change_roots=False)
    assert build([link], out, MeanColour(), change_roots=False).items == 3


def test_single_pictures_that_were_deleted_are_no_lost_roots_but_a_folder_that_is_away_is_one(
    gallery: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pictures = [gallery / "red.png", gallery / "green.png"]
    build(pictures, out, MeanColour(), change_roots=False)
    pictures[0].unlink()
    assert build(pictures[1:], out, MeanColour(), change_roots=False).items == 1
    build([gallery / "deep", gallery / "green.png"], out, MeanColour(), change_roots=False)
    (gallery / "deep").rename(gallery / "unmounted")
    with pytest.raises(GalleryError, match="would lose those of"):
        build(pictures[1:], out, MeanColour(), change_roots=False)
