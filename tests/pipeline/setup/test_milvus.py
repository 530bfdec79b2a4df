"""A gallery in Milvus ranks the drawn benchmark as the index that was pushed there."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.indexes.build import build
from likebut.indexes.captions import match
from likebut.indexes.errors import GalleryError, IndexIncompatible
from likebut.indexes.sides import write_side
from likebut.indexes.store import Index
from likebut.pipeline.benchmarks import load
from likebut.pipeline.benchmarks.captions import read_captions
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.setup.assembly import open_encoder
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.setup.session import open

pytest.importorskip("pymilvus", reason="needs pip install 'likebut[milvus]'")
pytest.importorskip("milvus_lite", reason="needs pip install 'likebut[milvus]'")

PHOTO = "scene-00067.png"


@pytest.fixture(scope="module")
def places(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The index of the drawn gallery with its captions, and a file of Milvus Lite that it was pushed to."""
    from likebut.indexes.milvus.push import push

    folder = tmp_path_factory.mktemp("milvus")
    encoder = open_encoder(Setup(cache=folder / "cache.sqlite"))
    build([drawn], folder / "drawn.index", encoder)
    found, _ = match(
        Index.open(folder / "drawn.index").all_items(), read_captions(drawn / "captions.jsonl")
    )
    write_side(folder / "drawn.index", found, encoder, source="file captions.jsonl")
    push(folder / "drawn.index", folder / "drawn.db")
    return folder / "drawn.index", folder / "drawn.db"


@pytest.fixture(scope="module")
def queries(drawn: Path) -> list[Query]:
    cases = load("pocket", drawn).cases
    return [Query(one.id, drawn / one.reference, one.modification) for one in cases[:3]]


def setup_of(place: Path, recipe: str, **more: object) -> Setup:
    return Setup(index=place, recipe=recipe, cache=place.parent / "cache.sqlite", **more)  # type: ignore[arg-type]


def shown(trace: Trace) -> list[tuple[str, str, float]]:
    assert not trace.error
    return [(hit.id, hit.path, hit.score) for hit in trace.ranking.hits]


@pytest.mark.parametrize(
    ("recipe", "more"),
    [
        ("image+text", {}),
        ("image+text-centred", {}),
        ("likebut", {"without": ("desert",)}),
        ("weimocir", {}),
        ("cirevl", {"where": ("path=*1*", "size<1MB")}),
        ("cirevl", {"where": ("path!=scene-0000*",), "rerank": "yes", "top": 3}),
    ],
)
def test_the_first_ten_are_the_same(
    places: tuple[Path, Path], queries: list[Query], recipe: str, more: dict[str, object]
) -> None:
    local, there = (open(setup_of(place, recipe, **more)).compose(queries, k=10) for place in places)
    for one, other in zip(local, there, strict=True):
        assert [(ident, path) for ident, path, _ in shown(other)] == [
            (ident, path) for ident, path, _ in shown(one)
        ]
        assert [s for _, _, s in shown(other)] == pytest.approx([s for _, _, s in shown(one)], abs=1e-6)
        assert str(one.query.reference) not in [path for _, path, _ in shown(other)]
        for hit, same in zip(one.ranking.hits, other.ranking.hits, strict=True):
            assert dict(same.shares) == pytest.approx(dict(hit.shares), abs=1e-6)


def test_what_was_liked_and_what_was_not_counts_there_too(places: tuple[Path, Path], drawn: Path) -> None:
    query = Query("q", drawn / PHOTO, "at night", liked=("scene-00003.png",), disliked=("scene-00046.png",))
    local, there = (open(setup_of(place, "likebut")).compose([query])[0] for place in places)
    assert [one[:2] for one in shown(there)] == [one[:2] for one in shown(local)]


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("sync", "the scores of every row"),
        ("sorce", "parts of pictures"),
        ("cased", "the words of all captions"),
    ],
)
def test_a_recipe_that_needs_more_is_refused_in_one_line(
    places: tuple[Path, Path], recipe: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=f"recipe {recipe}.* needs {words}"):
        open(setup_of(places[1], recipe))


def test_a_tower_that_cannot_do_what_the_recipe_wants_is_told_before_anything_is_asked(
    places: tuple[Path, Path],
) -> None:
    for place in places:
        with pytest.raises(ConfigError, match="picture and sentence in one vector"):
            open(setup_of(place, "mllm-composed"))


def test_a_condition_that_nothing_meets_is_said(places: tuple[Path, Path]) -> None:
    with pytest.raises(GalleryError, match="meets all of --where"):
        open(setup_of(places[1], "image+text", where=("size>1GB",)))


def test_another_encoder_is_refused(places: tuple[Path, Path]) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(IndexIncompatible, match="made by encoder"):
        open(setup_of(places[1], "text-only", profile="text"))


def test_captions_that_were_not_pushed_are_asked_for(places: tuple[Path, Path], drawn: Path) -> None:
    from likebut.indexes.milvus.push import push

    folder = places[0].parent
    build([drawn / PHOTO], folder / "one.index", open_encoder(setup_of(places[0], "likebut")))
    push(folder / "one.index", folder / "drawn.db/plain")
    with pytest.raises(ConfigError, match="captions, and none were pushed"):
        open(setup_of(folder / "drawn.db/plain", "weimocir"))
