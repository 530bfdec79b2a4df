"""`--in A --in B`, `--where` and `--fold`, as a person types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.setup.session import outermost
from tests.pipeline.cli.conftest import Run


@pytest.fixture
def two(drawn: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two folders with ten pictures each, and a copy of the first one's first in the second."""
    pictures = sorted(drawn.glob("*.png"))
    folders = tmp_path / "a", tmp_path / "b"
    for folder, part in zip(folders, (pictures[:10], pictures[10:20]), strict=True):
        folder.mkdir()
        for picture in part:
            shutil.copy(picture, folder)
    shutil.copy(pictures[0], tmp_path / "b" / "copy.png")
    return folders


def hits(out: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(out)["ranking"]["hits"]
    return found


def test_several_folders_are_one_gallery(
    likebut: Run, two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIKEBUT_CACHE", str(tmp_path / "cache" / "answers.sqlite"))
    first, second = two
    assert likebut("query", "--text", "a cat", "--in", first).code == 0
    both = likebut("query", "--text", "a cat", "--in", first, "--in", second, "-k", "50", "-f", "json")
    assert len(hits(both.out)) == 21
    assert "10 encoded" in both.err  # those of the first folder are taken over, and its copy
    other_way = likebut(
        "query", "--text", "a cat", "--in", second, "--in", first, "-k", "50", "-f", "paths"
    )
    listed = other_way.out.splitlines()
    assert len(listed) == 21
    assert {Path(path).parent for path in listed} == {first, second}
    assert not (second / ".likebut").exists()  # it is kept in the user's cache
    assert len(list((tmp_path / "cache" / "indexes").iterdir())) == 1


def test_a_folder_in_another_is_part_of_it(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "deep"
    deep.mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    assert outermost([deep, tmp_path / "a", tmp_path / "ab", tmp_path / "a"]) == [
        tmp_path / "a",
        tmp_path / "ab",
    ]


def test_only_pictures_that_meet_the_condition_are_ranked(
    likebut: Run, gallery: Path, reference: Path
) -> None:
    ask = ("query", reference, "at night", "--in", gallery, "-f", "paths", "-k", "200")
    listed = likebut(*ask, "--where", "path=*1.png").out.splitlines()
    assert listed
    assert all(path.endswith("1.png") for path in listed)
    wrong = likebut(*ask, "--where", "path~1")
    assert wrong.code == ConfigError.exit_code
    none = likebut(*ask, "--where", "path=no-such")
    assert none.code == InputError.exit_code
    assert "no picture of" in none.err


def test_near_duplicates_are_folded_and_counted(
    likebut: Run, two: tuple[Path, Path], tmp_path: Path
) -> None:
    folder = two[1]
    shutil.copy(folder / "copy.png", folder / "again.png")
    ask = ("query", "--text", "a cat", "--in", folder, "-k", "50")
    plain = hits(likebut(*ask, "-f", "json").out)
    folded = hits(likebut(*ask, "--fold", "0.9999", "-f", "json").out)
    assert (len(plain), len(folded)) == (12, 11)
    (pair,) = [hit for hit in folded if hit["alike"]]
    assert {str(pair["path"]), *pair["alike"]} == {  # type: ignore[misc]
        str(folder / "copy.png"),
        str(folder / "again.png"),
    }
    table = likebut(*ask, "--fold", "0.9999").out
    assert "alike" in table.splitlines()[0]
    assert "alike" not in likebut(*ask).out


def test_a_batch_takes_all_three(likebut: Run, two: tuple[Path, Path], tmp_path: Path) -> None:
    asked = tmp_path / "q.jsonl"
    asked.write_text('{"id": "1", "modification": "a cat"}\n')
    done = likebut(
        "batch",
        asked,
        "--in",
        two[0],
        "--in",
        two[1],
        "--where",
        "path=*.png",
        "--fold",
        "0.9999",
        "-k",
        "50",
    )
    found = hits(done.out)
    assert len(found) == 20
    assert sum(len(hit["alike"]) for hit in found) == 1  # type: ignore[arg-type,misc]
