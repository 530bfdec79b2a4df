"""The drawn benchmark: one small run of the real thing, over several recipes."""

from __future__ import annotations

import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup

RECIPES = ("likebut", "image-only", "text-only")


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """Recipe → metric → mean, over 24 queries and 160 pictures."""
    folder = tmp_path_factory.mktemp("pocket")
    benchmark = benchmarks.load("pocket", folder / "data", pictures=160, queries=24, seed=5)
    means = {}
    for recipe in RECIPES:
        composer = assemble(Setup(recipe, "pocket", cache=folder / "cache.sqlite"))
        job = Evaluation(benchmark, benchmark.cases, composer, folder / recipe, folder / "index")
        job.run({})
        metrics = runs.summary(runs.open_run(folder / recipe))["metrics"]
        means[recipe] = {name: value["mean"] for name, value in metrics.items()}
    return means


def test_likebut_finds_the_edited_scene(figures: dict[str, dict[str, float]]) -> None:
    assert figures["likebut"]["Recall@10"] >= 0.75


def test_likebut_ranks_it_before_what_the_reference_or_the_sentence_alone_would(
    figures: dict[str, dict[str, float]],
) -> None:
    precision = {recipe: means["mAP@10"] for recipe, means in figures.items()}
    assert precision["likebut"] > max(precision["image-only"], precision["text-only"])
