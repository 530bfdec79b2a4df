"""Our scores of random rankings against the published definitions, written out in numpy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.evaluation import judging as scoring
from likebut.pipeline.evaluation import metrics
from likebut.pipeline.evaluation.metrics import Ranked

QUERIES = 40


def ranked(names: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> Ranked:
    """A ranking as an evaluation keeps it."""
    order = np.argsort(-scores)
    return [(str(names[i]), float(scores[i])) for i in order]


@pytest.mark.parametrize(
    ("name", "split", "excluded"),
    [
        ("cirr", "val", True),
        ("circo", "val", False),
        ("fashioniq", "dress", False),
        ("genecis", "focus_object", False),
    ],
)
def test_the_reference_stands_where_the_official_scorer_has_it(
    name: str, split: str, excluded: bool
) -> None:
    rules = benchmarks.reader(name).protocol(split)
    assert rules.exclude_reference is excluded
    assert "reference" not in rules.name


def test_a_deviation_from_the_official_scorer_is_named() -> None:
    fashioniq, circo = (benchmarks.reader(name).protocol for name in ("fashioniq", "circo"))
    named = fashioniq("dress", join="reversed", gallery="val", exclude_reference=True)
    assert named.title == "fashioniq/dress+reversed+val-reference v2"
    assert circo("val", exclude_reference=True).title == "circo/val-reference v2"


def means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: value["mean"] for name, value in metrics.table(rows).items()}


def test_cirr_is_recall_after_the_reference_is_deleted_and_recall_within_the_set(official: Path) -> None:
    benchmark = benchmarks.load("cirr", official / "cirr", "val", annotations_only=True)
    rows = json.loads((official / "cirr/captions/cap.rc2.val.json").read_text())[:QUERIES]
    names = np.array([item.id for item in benchmark.items])
    scores = np.random.default_rng(0).standard_normal((QUERIES, len(names)))
    ours = means(
        [
            scoring.score(case, benchmark.protocol, ranked(names, row))
            for case, row in zip(benchmark.cases, scores, strict=False)
        ]
    )
    # As the official scorer: sort, drop the reference, compare names with the target
    order = names[np.argsort(-scores, axis=1)]
    kept = order[order != np.array([[row["reference"]] for row in rows])].reshape(QUERIES, -1)
    right = kept == np.array([[row["target_hard"]] for row in rows])
    for k in (1, 5, 10, 50):
        expected = right[:, :k].any(1).mean()
        assert ours[f"Recall@{k}"] == pytest.approx(expected, abs=1e-9)
    members = [set(row["img_set"]["members"]) for row in rows]
    inside = np.array([[name in group for name in line] for line, group in zip(kept, members, strict=True)])
    within = right[inside].reshape(QUERIES, 5)
    for k in (1, 2, 3):
        expected = within[:, :k].any(1).mean()
        assert ours[f"subset_recall@{k}"] == pytest.approx(expected, abs=1e-9)


def test_fashioniq_is_recall_over_the_whole_split_with_the_reference_in_it(official: Path) -> None:
    benchmark = benchmarks.load("fashioniq", official / "fashioniq", "dress", annotations_only=True)
    rows = json.loads((official / "fashioniq/captions/cap.dress.val.json").read_text())[:QUERIES]
    names = np.array(json.loads((official / "fashioniq/image_splits/split.dress.val.json").read_text()))
    scores = np.random.default_rng(1).standard_normal((QUERIES, len(names)))
    ours = means(
        [
            scoring.score(case, benchmark.protocol, ranked(names, row))
            for case, row in zip(benchmark.cases, scores, strict=False)
        ]
    )
    order = names[np.argsort(-scores, axis=1)]
    right = order == np.array([[row["target"]] for row in rows])
    for k in (10, 50):
        assert ours[f"Recall@{k}"] == pytest.approx(right[:, :k].any(1).mean(), abs=1e-9)


def test_genecis_is_recall_in_the_gallery_of_the_query(official: Path) -> None:
    benchmark = benchmarks.load("genecis", official / "genecis", "focus_object", annotations_only=True)
    rng = np.random.default_rng(2)
    ours, places = [], []
    for case in benchmark.cases:
        scores = rng.standard_normal(len(case.subset))
        ranking = ranked(np.array(case.subset), scores)
        ours.append(scoring.score(case, benchmark.protocol, ranking))
        # The official code puts the target first in the gallery and looks where it ends up
        places.append(int((scores > scores[case.subset.index(case.targets[0])]).sum()))
    for k in (1, 2, 3):
        expected = np.mean(np.array(places) < k)
        assert means(ours)[f"Recall@{k}"] == pytest.approx(expected, abs=1e-9)
