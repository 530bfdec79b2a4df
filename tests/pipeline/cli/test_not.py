"""`--not`: words that are searched away from, with any recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError
from tests.pipeline.cli.conftest import Run


@pytest.mark.parametrize(
    ("recipe", "weight"), [("likebut", -0.2), ("image-only", -0.25), ("text-only", -0.25)]
)
def test_words_become_grains_with_the_weight_of_what_is_forbidden(
    likebut: Run, gallery: Path, reference: Path, recipe: str, weight: float
) -> None:
    ask = ("query", reference, "at night", "--in", gallery, "-f", "json", "-r", recipe, "-k", "500")
    plain = json.loads(likebut(*ask).out)
    trace = json.loads(likebut(*ask, "--not", "in a room", "--not", "a sketch").out)
    added = [grain for grain in trace["grains"] if grain["role"] == "not"]
    assert [(g["name"], g["weight"]) for g in added] == [
        ("not:in a room", weight),
        ("not:a sketch", weight),
    ]
    before = {hit["id"]: hit["score"] for hit in plain["ranking"]["hits"]}
    for hit in trace["ranking"]["hits"][:5]:
        change = hit["shares"]["not:in a room"] + hit["shares"]["not:a sketch"]
        assert hit["score"] == pytest.approx(before[hit["id"]] + change, abs=1e-3)


def test_pictures_of_the_words_leave_the_top(likebut: Run, gallery: Path) -> None:
    captions = dict(_captions(gallery))
    ask = ("query", "--text", "a picture in a room", "--in", gallery, "-f", "paths", "-k", "5")
    away = likebut(*ask, "--not", "in a room", "-w", "forbidden=-3")
    assert away.code == 0, away.err
    assert not any("in a room" in captions[Path(path).name] for path in away.out.split())


def test_empty_words_are_refused(likebut: Run, gallery: Path) -> None:
    outcome = likebut("query", "--text", "a cat", "--in", gallery, "--not", " ")
    assert outcome.code == ConfigError.exit_code
    assert "--not is empty" in outcome.err


def _captions(gallery: Path) -> list[tuple[str, str]]:
    from tests.pipeline.cli.test_query import _captions as found

    return list(found(gallery))
