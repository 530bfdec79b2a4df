"""Busy scenes: many things, the asked one small, and nothing else that tells pictures of a family apart."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.pocket.busy import FAMILY, arrange, plan_busy
from likebut.pipeline.pocket.draw import draw_gallery


def test_a_busy_picture_holds_eight_things_of_different_kinds() -> None:
    for scene in plan_busy(60, 1, 12).scenes:
        assert len({kind.category for kind in scene.kinds}) == 8


def test_the_asked_thing_covers_less_than_a_fiftieth_of_the_picture_and_is_the_smallest() -> None:
    for number, scene in enumerate(plan_busy(60, 1, 12).scenes):
        asked, *others = arrange(scene, Random(number))
        assert asked.extent**2 < 0.02
        assert asked.extent < min(other.extent for other in others)


def test_no_thing_stands_on_another_or_beyond_the_edge() -> None:
    for number, scene in enumerate(plan_busy(60, 1, 12).scenes):
        placed = arrange(scene, Random(number))
        for n, one in enumerate(placed):
            assert one.extent / 2 <= one.x <= 1 - one.extent / 2
            assert one.extent / 2 <= one.y <= 1 - one.extent / 2
            for other in placed[n + 1 :]:
                apart = (one.extent + other.extent) / 2
                assert abs(one.x - other.x) >= apart or abs(one.y - other.y) >= apart


def test_pictures_of_a_family_differ_in_the_small_thing_alone_and_a_query_names_it() -> None:
    gallery = plan_busy(60, 1, 54)
    for query in gallery.queries:
        (target,) = query.targets
        assert target // FAMILY == query.reference // FAMILY
        reference, wanted = gallery.scenes[query.reference], gallery.scenes[target]
        assert reference.kinds[1:] == wanted.kinds[1:]
        asked = wanted.kinds[0]
        assert query.modification == f"with a {asked.colour} {asked.category}"
        family = gallery.scenes[target // FAMILY * FAMILY :][:FAMILY]
        assert sum(scene.kinds[0] == asked for scene in family) == 1


def test_a_gallery_too_small_for_its_queries_is_refused_with_the_number() -> None:
    with pytest.raises(ConfigError, match="30 busy pictures cannot hold 28 queries"):
        plan_busy(30, 1, 28)


def test_busy_and_other_scenes_of_the_same_numbers_are_two_galleries(tmp_path: Path) -> None:
    draw_gallery(tmp_path, 20, 1, 4, size=64, busy=True)
    busy = json.loads((tmp_path / "queries.jsonl").read_text().splitlines()[0])
    assert busy["kind"] == "small"
    before = (tmp_path / "scene-00003.png").read_bytes()
    draw_gallery(tmp_path, 20, 1, 4, size=64, busy=True)
    assert (tmp_path / "scene-00003.png").read_bytes() == before
    draw_gallery(tmp_path, 20, 1, 4, size=64)
    assert '"kind": "small"' not in (tmp_path / "queries.jsonl").read_text()
