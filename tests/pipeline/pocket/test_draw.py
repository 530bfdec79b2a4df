"""Drawn galleries: files, queries and all their correct answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.pocket import captions
from pipeline.pocket.draw import draw_gallery


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
