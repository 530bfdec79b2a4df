"""Caption space: captions in three formats, and a benchmark that needs no pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks.captions import in_caption_space, read_captions
from likebut.pipeline.benchmarks.records import Benchmark, Case, Item
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from tests.pipeline.colours import REPLY, colour_composer

ROWS = [{"candidate": "a", "captions": ["red", " "]}, {"candidate": "b", "captions": ["blue"]}]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        "\n".join(json.dumps(row) for row in ROWS),
        json.dumps({"a": "red", "b": ["blue"]}),
        '{"file": "a", "caption": "red"}\n{"file": "b", "caption": "blue"}',
    ],
)
def test_captions_are_read_in_every_format(tmp_path: Path, text: str) -> None:
    path = tmp_path / "captions.json"
    path.write_text(text)
    assert read_captions(path) == {"a": ("red",), "b": ("blue",)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nothing", "line 1: not JSON"),
        ("[]", "holds no caption"),
        ('[{"caption": "red"}]', "entry 0: no field says whose caption it is"),
        ('{"a": 5}', "a caption or a list of captions was expected"),
        ('[{"id": "a", "caption": "x"}, {"id": "a", "caption": "y"}]', "'a' has captions twice"),
    ],
)
def test_a_broken_caption_file_is_one_clear_error(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "captions.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_captions(path)
    assert complaint in caught.value.message


def benchmark() -> Benchmark:
    items = tuple(Item(name, Path()) for name in ("r", "g", "b", "silent"))
    cases = (Case("1", "r", "blue", ("b",), ("b",)), Case("2", "silent", "green", ("g",), ("g",)))
    rules = replace(benchmarks.reader("jsonl").protocol("mine"), metrics=("Recall@1", "Recall@2"))
    return Benchmark("mine", "all", rules, cases, items)


CAPTIONS = {"r": ("a red thing", "red"), "g": ("green",), "b": ("blue",)}


def test_items_without_captions_are_refused_or_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        in_caption_space(benchmark(), CAPTIONS)
    assert "1 of 4 pictures have no caption, such as silent" in caught.value.message
    smaller, texts = in_caption_space(benchmark(), CAPTIONS, allow_missing=True)
    assert smaller.dropped == ("2",)
    assert smaller.missing == ("silent",)
    assert smaller.protocol.name == "mine+captions"
    assert set(texts) == {"r", "g", "b"}


@pytest.mark.parametrize(
    ("recipe", "first", "calls"),
    [("text-only", "b", 0), ("image-only", "g", 0), ("cirevl", "b", 1), ("concatenation", "b", 0)],
)
def test_captions_stand_for_pictures_and_for_the_captioner(
    tmp_path: Path, recipe: str, first: str, calls: int
) -> None:
    smaller, texts = in_caption_space(benchmark(), CAPTIONS, allow_missing=True)
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe(recipe))
    job = Evaluation(
        smaller, smaller.cases, replace(composer, index=None), tmp_path / "run", tmp_path / "i", texts
    )
    job.run({})
    (result,) = runs.open_run(tmp_path / "run").results
    # "green" and "blue" are equally far from red: the lower row wins, and the tie counts as a miss
    assert result.ranking[0][0] == ("b" if recipe == "image-only" else first)
    assert result.captions == ("a red thing", "red")
    assert result.calls == calls


def test_a_tie_with_the_target_is_a_miss(tmp_path: Path) -> None:
    smaller, texts = in_caption_space(benchmark(), CAPTIONS, allow_missing=True)
    composer = colour_composer(tmp_path, recipe=load_recipe("image-only"))
    job = Evaluation(
        smaller, smaller.cases, replace(composer, index=None), tmp_path / "run", tmp_path / "i", texts
    )
    job.run({})
    numbers: dict[str, Any] = runs.summary(runs.open_run(tmp_path / "run"))["metrics"]
    assert numbers["Recall@1"]["mean"] == 0.0
    assert numbers["Recall@2"]["mean"] == 1.0
