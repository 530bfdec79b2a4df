"""Words of the gallery's captions where there is no captioner, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.indexes.captions import match
from likebut.indexes.sides import write_side
from likebut.indexes.store import Index
from likebut.pipeline.batch.estimate import estimate
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import DescribeStage
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Query
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.stages.tags import labels, read_words, tags
from tests.pipeline.colours import colour_composer

CAPTIONS = {
    "red": ["a red square on grey paper"],
    "green": ["two green squares"],
    "blue": ["blue water and a red boat"],
}
RED = np.array([1, 0, 0], np.float32)


def captioned(tmp_path: Path, recipe: str, captions: dict[str, list[str]] = CAPTIONS) -> Composer:
    """The four pictures of one colour, all but the grey one with captions."""
    plain = colour_composer(tmp_path)
    found, _ = match(Index.open(tmp_path / "index").all_items(), captions)
    write_side(tmp_path / "index", found, plain.encoder, source="file mine.json")
    return replace(plain, recipe=load_recipe(recipe)).on(tmp_path / "index")


def tagged(composer: Composer, pictures: Any = (RED,), **given: Any) -> list[tuple[str, ...]]:
    stage = DescribeStage(how="tags", **given)
    return tags(pictures, composer.gallery, composer.encoder, stage)


def test_tags_are_the_phrases_that_fit_the_picture_and_the_captions_near_it(tmp_path: Path) -> None:
    """Red and its nearest two captions, whose rows are (1+g, g, g)/|…| (g = 99/255) and (1, 0, 1)/√2.

    "red boat" says red alone; "red square" does, too, and comes after it in the alphabet; of
    "blue water" blue is in the centroid, of "grey paper" a third of grey is red.
    """
    composer = captioned(tmp_path, "cased")
    found = tagged(composer, nearest=2, phrases=True)
    assert found == [("red boat, red square, grey paper, blue water",)]
    assert tagged(composer, nearest=1, phrases=True) == [("red square, grey paper",)]
    assert tagged(composer, nearest=2, phrases=True, words=1) == [("red boat",)]


def test_single_words_are_the_things_of_the_captions_and_a_plural_is_no_other_thing(tmp_path: Path) -> None:
    composer = captioned(tmp_path, "cased")
    # no word names a colour here, so that all are grey and the alphabet decides: square, not squares
    assert tagged(composer, nearest=3) == [("boat, paper, square, water",)]


def test_the_image_counts_seven_tenths_and_the_centroid_three() -> None:
    """Cosines with the picture 0.8 and 0.6, with the centroid 0 and 1: 0.56 against 0.72."""

    class Encoder:
        def texts_with_counts(self, texts: list[str]) -> list[tuple[Any, int]]:
            known = {"lamp": [0.8, 0.0, 0.6], "moth": [0.6, 0.8, 0.0]}
            return [(np.array(known[text], np.float32), 1) for text in texts]

    class Side:
        count = 1

        def vectors(self) -> list[Any]:
            return [np.array([[0.0, 1.0, 0.0]], np.float32)]

        def take(self, rows: Any) -> Any:
            return np.concatenate(self.vectors())[rows]

        def side(self, name: str) -> Side:
            return self

    stage = DescribeStage(how="tags", words=2)
    found = tags([RED], Side(), Encoder(), stage, ("lamp", "moth"))  # type: ignore[arg-type]
    # lamp: 0.7·0.8 + 0.3·0 = 0.56; moth: 0.7·0.6 + 0.3·0.8 = 0.66
    assert found == [("moth, lamp",)]


def test_labels_are_named_by_neighbours_and_kept_as_often(tmp_path: Path) -> None:
    """Near to a picture between red and blue are grey, red and blue; each names its two nearest labels."""
    composer = captioned(tmp_path, "freedom", {"red": ["a red boat"], "blue": ["blue water on a red mat"]})
    stage = DescribeStage(how="labels", nearest=3, words=2, phrases=True)
    purple = np.array([0.8, 0, 0.6], np.float32)
    (found,) = labels([purple], composer.gallery, composer.encoder, stage)
    # grey, to which all are alike, names blue water and red boat by the alphabet; red names red boat and
    # red mat; blue names blue water, then red boat: 3, 2 and 1 times, of which two labels are kept
    assert found == ("red boat",) * 3 + ("blue water",) * 2


def test_a_query_is_reasoned_about_by_tags_and_no_captioner_is_asked(tmp_path: Path) -> None:
    composer = captioned(tmp_path, "cased")
    trace = composer.ask(tmp_path / "gallery" / "red.png", "make it blue", k=2)
    assert trace.description.caption.startswith("red boat, red square")
    assert [exchange.stage for exchange in trace.exchanges] == ["reason"]
    asked = trace.exchanges[0].messages[-1].text
    assert f"Caption: {trace.description.caption}" in asked
    assert Path(trace.ranking.hits[0].path).stem == "blue"


def test_labels_join_the_sentence_each_with_its_share(tmp_path: Path) -> None:
    composer = captioned(tmp_path, "freedom", {"red": ["a red boat"], "blue": ["a red boat and a mat"]})
    stage = composer.recipe.describe.model_copy(update={"nearest": 4})  # type: ignore[union-attr]
    composer = replace(composer, recipe=composer.recipe.model_copy(update={"describe": stage}))
    trace = composer.ask(tmp_path / "gallery" / "red.png", "in blue", k=2)
    assert trace.exchanges == ()
    counts = {label: trace.description.captions.count(label) for label in trace.description.captions}
    assert counts == {"red boat": 4, "mat": 4}
    assert [(g.name, g.weight) for g in trace.grains] == [
        ("labelled:mat, in blue", 0.5),
        ("labelled:red boat, in blue", 0.5),
    ]


def test_a_label_that_is_named_more_often_weighs_more(tmp_path: Path) -> None:
    composer = captioned(tmp_path, "freedom")
    trace = composer.ask(tmp_path / "gallery" / "red.png", "in blue", k=1)
    said = trace.description.captions
    for grain in trace.grains:
        label = grain.text.removesuffix(", in blue")
        assert grain.weight == pytest.approx(said.count(label) / len(said))
    assert sum(grain.weight for grain in trace.grains) == pytest.approx(1)


def test_labels_may_be_those_of_a_file_and_the_gallery_needs_no_captions(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("red thing\n\nblue  thing\nred thing\n")
    assert read_words(str(path)) == ("red thing", "blue thing")
    plain = colour_composer(tmp_path)
    recipe = load_recipe("freedom")
    stage = recipe.describe.model_copy(  # type: ignore[union-attr]
        update={"words_file": str(path), "words": 1, "nearest": 1}
    )
    composer = replace(plain, recipe=recipe.model_copy(update={"describe": stage})).on(tmp_path / "index")
    trace = composer.ask(tmp_path / "gallery" / "red.png", "in blue", k=1)
    assert trace.description.captions == ("red thing",)


@pytest.mark.parametrize(("text", "words"), [(None, "cannot read words_file"), (" \n", "no word in")])
def test_a_file_of_words_that_cannot_be_used_is_named(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "labels.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_words(str(path))


@pytest.mark.parametrize("recipe", ["cased", "freedom"])
def test_a_gallery_without_captions_is_told_which_command_writes_them(tmp_path: Path, recipe: str) -> None:
    composer = replace(colour_composer(tmp_path), recipe=load_recipe(recipe))
    with pytest.raises(ConfigError, match=f"recipe {recipe} takes words of captions") as caught:
        composer.on(tmp_path / "index")
    assert "likebut index caption" in caught.value.hint


def test_captions_that_name_nothing_are_a_warning(tmp_path: Path) -> None:
    composer = captioned(tmp_path, "cased", {"red": ["it is", "of the"]})
    trace = composer.ask(tmp_path / "gallery" / "red.png", "blue", k=1)
    assert "the captions near the reference name nothing" in trace.warnings
    assert not trace.error
    labelled = replace(composer, recipe=load_recipe("freedom"))
    (grain,) = labelled.ask(tmp_path / "gallery" / "red.png", "blue", k=1).grains
    assert (grain.name, grain.weight) == ("labelled:blue", 1.0)


def test_an_estimate_counts_no_call_for_tags(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), recipe=load_recipe("cased"), index=None)
    rows = estimate(composer, [Query("q", tmp_path / "gallery" / "red.png", "blue")]).rows
    assert [(row.stage, row.calls) for row in rows if row.calls] == [("reason", 1)]


def test_a_composer_without_an_index_says_so(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), recipe=load_recipe("cased"), index=None)
    with pytest.raises(ConfigError, match="the composer has no index"):
        composer.compose([Query("q", tmp_path / "gallery" / "red.png", "blue")], until="describe")
