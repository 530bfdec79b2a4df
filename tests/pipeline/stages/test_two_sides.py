"""Search over pictures and captions: the two-sided fold says what naive scoring says."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.indexes.beside import SIDE
from likebut.indexes.contract import OF_CAPTIONS, EncoderId
from likebut.indexes.exact import Exact
from likebut.indexes.items import Item
from likebut.indexes.store import Index
from likebut.indexes.writing import Content, write_index
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import Fusion
from likebut.pipeline.config.recipe import Recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Description, Grain, Query, Trace
from likebut.pipeline.scoring.linear import fold
from likebut.pipeline.stages.ground import Seen, ground
from likebut.pipeline.stages.search import Scope, search
from tests.pipeline.colours import colour_composer


def store(folder: Path, vectors: np.ndarray, kind: str, captions: bool) -> None:
    """An index of ``vectors`` as they are; those of captions may be rows of zeros."""
    folder.mkdir()
    items = [
        Item(row, f"{row:03d}", "", f"{row:064x}", "said" if captions and any(vector) else None)
        for row, vector in enumerate(vectors)
    ]
    write_index(
        folder,
        Content(
            EncoderId("e", "f", kind),
            vectors.shape[1],
            "float32",
            items,
            (),
            (),
            lambda start, stop: vectors[start:stop],
        ),
    )


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    shown=st.lists(st.floats(-2, 2), max_size=4),
    told=st.lists(st.floats(-2, 2), min_size=1, max_size=4),
    calibration=st.sampled_from(["none", "zscore", "centred"]),
    blank=st.integers(0, 10),
)
def test_the_two_sided_fold_equals_naive_scoring_grain_by_grain(
    seed: int, shown: list[float], told: list[float], calibration: str, blank: int
) -> None:
    rng = np.random.default_rng(seed)

    def units(count: int) -> np.ndarray:
        rows = rng.standard_normal((count, 8))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    gallery = units(40)
    captions = ((units(40) + units(40)) / 2).astype(np.float32)
    captions[:blank] = 0
    names = [f"r{n}" for n in range(len(shown))] + [f"caption/r{n}" for n in range(len(told))]
    grains = [
        Grain(name, name, weight, vector)
        for name, weight, vector in zip(names, shown + told, units(len(names)), strict=True)
    ]
    naive = np.zeros(40)
    parts = {}
    for grain in grains:
        caption = grain.role.startswith("caption/")
        side = (captions if caption else gallery).astype(float)
        said = side[blank:] if caption else side  # items without captions are not in μ and Σ
        vector = grain.vector.astype(float)
        if calibration == "centred":
            vector = vector - said.mean(0)
            vector /= np.linalg.norm(vector)
        scores = side @ vector
        if calibration == "zscore":
            scores = (scores - (said @ vector).mean()) / (said @ vector).std()
        parts[grain.name] = grain.weight * scores
        naive += parts[grain.name]
    barred = set(rng.integers(0, 40, 4).tolist())
    inside = sorted(set(rng.integers(0, 40, 6).tolist()))
    with tempfile.TemporaryDirectory() as place:
        store(Path(place) / "i", gallery, "mean", False)
        store(Path(place) / "i" / SIDE, captions, OF_CAPTIONS, True)
        ranking, subset = search(
            Index.open(Path(place) / "i"),
            [grains],
            Fusion(calibration=calibration),
            12,  # type: ignore[arg-type]
            [Scope(barred, inside)],
            Exact(),
        )[0]
    best = sorted((-naive[row], row) for row in range(40) if row not in barred)[:12]
    assert [hit.score for hit in ranking.hits] == pytest.approx([-s for s, _ in best], abs=2e-3)
    assert {hit.row for hit in subset.hits} == set(inside)
    for hit in (*ranking.hits, *subset.hits):
        assert hit.row not in barred or hit in subset.hits
        assert hit.score == pytest.approx(naive[hit.row], abs=2e-3)
        assert hit.shares == pytest.approx({n: v[hit.row] for n, v in parts.items()}, abs=2e-3)
    ranked = [hit.score for hit in subset.hits]
    assert ranked == sorted(ranked, reverse=True)


TWO = Recipe(
    description="", grains={"reference": 0.5}, caption_grains={"modification": 2.0, "caption": -1.0}
)


def test_two_sides_are_worked_out_by_hand(tmp_path: Path) -> None:
    recipe = TWO.model_copy(update={"name": "two", "describe": load_recipe("cirevl").describe})
    composer = colour_composer(tmp_path, recipe=recipe)
    composer = replace(composer, captioner=replace_captioner(tmp_path), recipe=recipe)
    trace = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "make it blue")], 4)[0]
    assert [(g.name, g.role, g.weight) for g in trace.grains] == [
        ("reference", "reference", 0.5),
        ("caption/modification", "caption/modification", 2.0),
        ("caption/caption", "caption/caption", -1.0),
    ]
    hits = {Path(hit.path).stem: hit for hit in trace.ranking.hits}
    # blue: 0.5·0 + 2·1 − 1·0; green: all 0; grey, which has no caption: 0.5/√3 + 0
    assert hits["blue"].score == pytest.approx(2.0, abs=1e-3)
    assert hits["grey"].score == pytest.approx(0.5 / 3**0.5, abs=1e-3)
    assert hits["green"].score == pytest.approx(0.0, abs=1e-3)
    assert hits["blue"].shares == pytest.approx(
        {"reference": 0.0, "caption/modification": 2.0, "caption/caption": 0.0}, abs=1e-3
    )
    assert "red" not in hits


def replace_captioner(tmp_path: Path) -> object:
    """A captioner that names the colour of the reference."""
    from likebut.pipeline.asking.cache import Cache
    from tests.pipeline.colours import scripted

    return scripted(Cache(tmp_path / "other.sqlite"), (r"red\.png", "a red square"))


def test_equal_items_rank_by_row_over_both_sides(tmp_path: Path) -> None:
    vectors = np.array([[0, 1], [1, 0], [0, 1], [1, 0]], np.float32)
    store(tmp_path / "i", vectors, "mean", False)
    store(tmp_path / "i" / SIDE, vectors[::-1].copy(), OF_CAPTIONS, True)
    grains = [
        Grain("a", "a", 1.0, np.array([1, 0], np.float32)),
        Grain("caption/a", "caption/a", 1.0, np.array([1, 0], np.float32)),
    ]
    index = Index.open(tmp_path / "i")
    ranking, _ = search(index, [grains], Fusion(), 4, [Scope()], Exact())[0]
    assert [hit.row for hit in ranking.hits] == [0, 1, 2, 3]


def test_queries_with_and_without_caption_grains_share_a_batch(tmp_path: Path) -> None:
    index = colour_composer(tmp_path, recipe=load_recipe("weimocir")).index
    assert index is not None
    red = np.array([1, 0, 0], np.float32)
    shown, told = Grain("a", "a", 1.0, red), Grain("caption/a", "caption/a", 1.0, red)
    found = search(index, [[shown], [told], [shown, told]], Fusion(), 1, [Scope()] * 3, Exact())
    assert [ranking.hits[0].score for ranking, _ in found] == pytest.approx([1, 1, 2], abs=1e-3)
    with pytest.raises(ConfigError, match="no grain"):
        search(index, [[], [told]], Fusion(), 1, [Scope()] * 2, Exact())


def test_grains_of_two_sides_do_not_fold_into_one_vector() -> None:
    vector = np.array([1, 0], np.float32)
    with pytest.raises(ConfigError, match="do not fold"):
        fold([Grain("a", "a", 1, vector), Grain("caption/a", "caption/a", 1, vector)])


def test_roles_and_mixes_of_both_sides_are_told_apart(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    recipe = composer.recipe.model_copy(
        update={
            "grains": {"modification": 0.5},
            "mixes": {"mix": {"captions": 0.2, "modification": 0.8}},
            "caption_grains": {"mix": 0.1},
        }
    )
    told = Trace(Query("q", Path("red.png"), "blue"), description=Description(("red", "red")))
    (grains, _), *_ = ground([told], recipe, composer.encoder, [Seen()])
    assert [(g.name, g.weight) for g in grains] == [("modification", 0.5), ("caption/mix", 0.1)]
    # 0.2·red + 0.8·blue, at length 1
    assert grains[1].vector.tolist() == pytest.approx([0.2 / 0.68**0.5, 0, 0.8 / 0.68**0.5])


def test_a_recipe_that_scores_captions_names_the_command_that_writes_them(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), recipe=load_recipe("weimocir"))
    with pytest.raises(ConfigError) as caught:
        composer.on(tmp_path / "index")
    assert "scores captions, and the index in" in caught.value.message
    command = f"likebut index caption {tmp_path / 'index'} --profile test --captions 3"
    assert command in caught.value.hint
    without = load_recipe("weimocir").with_weights({"caption/told": 0.0})
    replace(composer, recipe=without).on(tmp_path / "index")


def test_weimocir_weighs_reference_and_sentence_against_both_sides(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("weimocir"))
    trace = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "blue")], 3)[0]
    assert len(trace.description.captions) == 3
    assert [grain.name for grain in trace.grains] == ["pictured", "caption/told"]
    top = trace.ranking.hits[0]
    assert Path(top.path).stem == "blue"
    # v(r) red, t(m) blue, t(captions) grey: 0.9·0.8/√0.68 + 0.1·(0.2/√3 + 0.8)/|0.2·grey + 0.8·blue|
    length = (2 * (0.2 / 3**0.5) ** 2 + (0.2 / 3**0.5 + 0.8) ** 2) ** 0.5
    expected = 0.9 * 0.8 / 0.68**0.5 + 0.1 * (0.2 / 3**0.5 + 0.8) / length
    assert top.score == pytest.approx(expected, abs=1e-3)
    assert [exchange.stage for exchange in trace.exchanges] == ["describe"] * 3


def test_weimocirs_variants_are_the_published_settings() -> None:
    for name, share, captions in (("weimocir", 0.8, 0.1), ("weimocir@blip", 0.95, 0.2)):
        recipe = load_recipe(name)
        assert recipe.mixes["pictured"] == pytest.approx({"reference": 1 - share, "modification": share})
        assert recipe.mixes["told"] == pytest.approx({"captions": 1 - share, "modification": share})
        assert recipe.grains == pytest.approx({"pictured": 1 - captions})
        assert recipe.caption_grains == pytest.approx({"told": captions})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[grains]\nreference = 1.0\n[caption_grains]\ncaptoin = 1.0", "[caption_grains]: no grain"),
        (
            '[grains]\ntarget_caption = 1.0\n[caption_grains]\ncaption = 1.0\n[fusion]\nfamily = "product"',
            "does not score captions",
        ),
    ],
)
def test_caption_grains_that_cannot_be_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'description = ""\n{text}')
    with pytest.raises(ConfigError) as caught:
        load_recipe(str(path))
    assert complaint in caught.value.message


def test_a_caption_weight_is_changed_by_its_name() -> None:
    recipe = load_recipe("weimocir").with_weights({"caption/told": 0.4, "pictured": 0.6})
    assert (recipe.grains, recipe.caption_weights) == ({"pictured": 0.6}, {"told": 0.4})
    with pytest.raises(ConfigError, match="does not score captions"):
        load_recipe("soft").with_weights({"caption/modification": 1.0})
    with pytest.raises(ConfigError, match="no grain 'tolled'"):
        load_recipe("weimocir").with_weights({"caption/tolled": 1.0})
