"""Drawn galleries: files, queries and all their correct answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.errors import InputError
from likebut.pipeline.pocket import captions
from likebut.pipeline.pocket.draw import draw_gallery


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_gallery_has_a_png_and_a_caption_for_every_picture(drawn: Path) -> None:
    rows = read(drawn / "captions.jsonl")
    assert len(rows) == 120
    assert {row["file"] for row in rows} == {path.name for path in drawn.glob("*.png")}
    assert all(captions.parse(str(row["caption"])) for row in rows)


def test_the_targets_of_a_query_are_all_pictures_of_its_target_caption(drawn: Path) -> None:
    rows = {str(row["file"]): row["caption"] for row in read(drawn / "captions.jsonl")}
    queries = read(drawn / "queries.jsonl")
    assert len(queries) == 20
    for query in queries:
        right = {file for file, caption in rows.items() if caption == query["target_caption"]}
        assert set(query["targets"]) == right != set()  # type: ignore[call-overload]
        assert query["reference"] not in right


def test_drawing_again_finds_its_work_done(tmp_path: Path) -> None:
    draw_gallery(tmp_path / "g", 12, seed=1, queries=3)
    before = (tmp_path / "g" / "scene-00003.png").stat().st_mtime_ns
    calls: list[int] = []
    draw_gallery(tmp_path / "g", 12, seed=1, queries=3, on_progress=lambda d, t: calls.append(d))
    assert calls == []
    assert (tmp_path / "g" / "scene-00003.png").stat().st_mtime_ns == before


def test_drawing_fewer_pictures_leaves_no_old_ones(tmp_path: Path) -> None:
    draw_gallery(tmp_path / "g", 12, seed=1)
    draw_gallery(tmp_path / "g", 5, seed=1)
    assert len(list((tmp_path / "g").glob("*.png"))) == 5


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(InputError, match="not empty"):
        draw_gallery(tmp_path, 5, seed=1)
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["captions.jsonl", "queries.jsonl", "scene-00001.png", "gallery.json"])
def test_a_folder_of_others_whose_files_are_called_as_ours_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    (tmp_path / "captions.jsonl").touch()
    before = contents(tmp_path)
    with pytest.raises(InputError, match=str(tmp_path)):
        draw_gallery(tmp_path, 5, seed=1)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("change", ["queries.jsonl", "scene-00002.png", "scene-00007.png"])
def test_a_drawn_gallery_with_work_of_others_in_it_is_not_drawn_over(tmp_path: Path, change: str) -> None:
    draw_gallery(tmp_path / "g", 5, seed=1, queries=1)
    (tmp_path / "g" / change).write_text("my own")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=change) as caught:
        draw_gallery(tmp_path / "g", 12, seed=2)
    assert "nothing in this one was changed" in caught.value.hint
    assert contents(tmp_path) == before


def test_what_is_not_in_the_way_of_another_drawing_stays(tmp_path: Path) -> None:
    draw_gallery(tmp_path / "g", 5, seed=1)
    (tmp_path / "g" / "photo.jpg").write_text("mine")
    (tmp_path / "g" / "scene-00009.png").write_text("mine")
    draw_gallery(tmp_path / "g", 3, seed=2)
    assert sorted(p.name for p in (tmp_path / "g").iterdir()) == [
        "captions.jsonl",
        "gallery.json",
        "photo.jpg",
        "queries.jsonl",
        "scene-00000.png",
        "scene-00001.png",
        "scene-00002.png",
        "scene-00009.png",
    ]


def test_a_drawing_that_was_interrupted_is_finished_or_replaced(tmp_path: Path) -> None:
    draw_gallery(tmp_path / "whole", 6, seed=1, queries=1)

    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_gallery(tmp_path / "g", 6, seed=1, queries=1, on_progress=stop)
    draw_gallery(tmp_path / "g", 6, seed=1, queries=1)
    assert contents(tmp_path / "g") == contents(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        draw_gallery(tmp_path / "g", 5, seed=3, on_progress=stop)
    draw_gallery(tmp_path / "g", 2, seed=1)
    assert len(list((tmp_path / "g").glob("*.png"))) == 2


def test_a_gallery_that_an_older_version_drew_is_found_done_but_not_drawn_over(tmp_path: Path) -> None:
    draw_gallery(tmp_path / "g", 4, seed=1)
    stamp = tmp_path / "g" / "gallery.json"
    known = json.loads(stamp.read_text())
    del known["files"]
    stamp.write_text(json.dumps(known))
    draw_gallery(tmp_path / "g", 4, seed=1)
    with pytest.raises(InputError, match="in the way"):
        draw_gallery(tmp_path / "g", 3, seed=1)
