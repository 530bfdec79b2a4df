"""Drawn dialogues: sentences that change a scene one after the other, and pictures that mislead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.pocket.captions import canonical
from likebut.pipeline.pocket.dialogues import plan_dialogues
from likebut.pipeline.pocket.draw import draw_gallery
from likebut.pipeline.records.queries import read_queries


def test_dialogues_have_two_to_as_many_turns_as_are_asked_for() -> None:
    gallery = plan_dialogues(200, 3, 9, 4)
    assert [len(query.history) + 1 for query in gallery.queries] == [2, 3, 4] * 3
    assert {query.kind for query in gallery.queries} == {"turns-2", "turns-3", "turns-4"}


def test_every_target_shows_the_last_scene_and_no_target_is_left_out() -> None:
    gallery = plan_dialogues(200, 3, 9, 3)
    for query in gallery.queries:
        shown = [n for n, scene in enumerate(gallery.scenes) if canonical(scene) == query.target_caption]
        assert list(query.targets) == shown
        assert query.reference not in query.targets


def test_the_same_seed_plans_the_same_and_another_one_something_else() -> None:
    assert plan_dialogues(60, 1, 6, 3) == plan_dialogues(60, 1, 6, 3)
    assert plan_dialogues(60, 1, 6, 3) != plan_dialogues(60, 2, 6, 3)


@pytest.mark.parametrize(
    ("count", "queries", "turns", "words"),
    [(60, 6, 5, "2 to 4 turns"), (60, 6, 1, "2 to 4 turns"), (20, 6, 3, "cannot hold"), (20, 0, 3, "hold")],
)
def test_what_cannot_be_planned_is_refused(count: int, queries: int, turns: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        plan_dialogues(count, 1, queries, turns)


def test_drawn_queries_carry_their_history(tmp_path: Path) -> None:
    gallery = draw_gallery(tmp_path / "g", 30, 5, 4, size=16, turns=3)
    rows = [json.loads(line) for line in (tmp_path / "g" / "queries.jsonl").read_text().splitlines()]
    assert [row["history"] for row in rows] == [list(query.history) for query in gallery.queries]
    read = read_queries(tmp_path / "g" / "queries.jsonl")
    assert [tuple(said.modification for said in one.history) for one in read] == [
        query.history for query in gallery.queries
    ]
    assert draw_gallery(tmp_path / "g", 30, 5, 4, size=16, turns=3) == gallery


def test_busy_scenes_have_no_dialogues(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no dialogues"):
        draw_gallery(tmp_path / "g", 30, 5, 4, busy=True, turns=2)
    assert not (tmp_path / "g").exists()
