"""Planned galleries: families of like pictures, queries, and all their correct answers."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.pocket import captions
from likebut.pipeline.pocket.plan import FAMILY, plan_gallery, query_kinds


def test_the_first_queries_cover_every_single_kind_and_combined_ones_follow() -> None:
    kinds = query_kinds(20)
    assert len({kind for kind in kinds if "+" not in kind}) == 10
    assert any("+" in kind for kind in kinds)


def test_the_same_seed_plans_the_same_gallery() -> None:
    assert plan_gallery(60, 1, 10) == plan_gallery(60, 1, 10)
    assert plan_gallery(60, 1, 10) != plan_gallery(60, 2, 10)


def test_too_many_queries_for_the_gallery_are_refused() -> None:
    with pytest.raises(ConfigError, match="cannot hold 10 queries"):
        plan_gallery(20, 1, 10)
    with pytest.raises(ConfigError, match="at least one picture"):
        plan_gallery(0, 1)


@settings(max_examples=40)
@given(st.integers(1, 150), st.integers(0, 12), st.integers(0, 99))
def test_any_gallery_has_its_pictures_and_answers_its_queries(count: int, queries: int, seed: int) -> None:
    if queries * 4 > count:
        return
    gallery = plan_gallery(count, seed, queries)
    assert (len(gallery.scenes), len(gallery.seeds), len(gallery.queries)) == (count, count, queries)
    for query in gallery.queries:
        shown = [captions.canonical(scene) for scene in gallery.scenes]
        right = tuple(n for n, text in enumerate(shown) if text == query.target_caption)
        assert query.targets == right != ()
        assert query.reference not in query.targets


def test_queries_share_their_references_where_the_gallery_is_small() -> None:
    shared = Counter(query.reference for query in plan_gallery(100, 3, 20).queries)
    assert 100 // FAMILY <= len(shared) <= 8
    alone = Counter(query.reference for query in plan_gallery(500, 3, 20).queries)
    assert set(alone.values()) == {1}


def test_a_family_holds_many_pictures_that_look_like_the_reference() -> None:
    gallery = plan_gallery(100, 5, 4)
    for query in gallery.queries:
        reference = gallery.scenes[query.reference]
        alike = [
            scene
            for scene in gallery.scenes
            if {kind.category for kind in scene.kinds} & {kind.category for kind in reference.kinds}
            and sum(getattr(scene, a) == getattr(reference, a) for a in ("setting", "time", "style")) >= 2
        ]
        assert len(alike) >= FAMILY // 2
