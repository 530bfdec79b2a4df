"""The profile photos as it is used: thirty requests about photographs, and words for what it cannot do."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from likebut.pipeline.config.files import load_profile
from likebut.pipeline.encoders import lite
from likebut.pipeline.records.trace import Query
from likebut.pipeline.setup.check import check_profile
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.setup.session import open as open_composer
from likebut.pipeline.stages import photographs

PHOTOGRAPHS = Path(lite.__file__).parents[1] / "pocket" / "photographs"
REQUESTS = [json.loads(line) for line in (PHOTOGRAPHS / "queries.jsonl").read_text().splitlines()]
pytestmark = pytest.mark.skipif(find_spec("efficientnet_lite_pytorch") is None, reason="no extra photos")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for path in PHOTOGRAPHS.glob("*.jpg"):
        shutil.copy(path, folder)
    return folder


def test_of_thirty_requests_six_in_ten_have_the_meant_photograph_among_five(gallery: Path) -> None:
    composer = open_composer(Setup(profile="photos", folders=(gallery,)))
    queries = [Query(one["id"], gallery / one["reference"], one["modification"]) for one in REQUESTS]
    traces = composer.compose(queries, 5)
    assert not [trace.error for trace in traces if trace.error]
    found = [
        one["target"] in {Path(hit.path).name for hit in trace.ranking.hits}
        for one, trace in zip(REQUESTS, traces, strict=True)
    ]
    assert len(found) == 30
    assert sum(found) >= 18


def test_a_recipe_that_asks_a_language_model_says_that_there_is_none(gallery: Path) -> None:
    composer = open_composer(Setup(recipe="cirevl", profile="photos", folders=(gallery,)))
    (trace,) = composer.compose([Query("a", gallery / "cat.jpg", "a dog")], 3)
    assert "Egyptian Mau" in trace.description.caption  # a breed of cats
    assert "name a language model" in trace.intent.fallback
    assert trace.intent.target_caption.endswith(", a dog")  # the caption and the sentence, in its stead


def test_it_can_run_where_its_packages_are_and_says_that_it_is_weak() -> None:
    profile = load_profile("photos")
    assert {finding.state for finding in check_profile(profile, offline=True)} <= {"ok", "tight"}
    assert "weakly" in profile.description


def test_a_photograph_under_the_pocket_profile_is_told_of_it() -> None:
    assert "--profile photos" in photographs.warning("pocket")
