"""The pocket benchmark: its metrics by hand, and one small run of the real thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.pocket.benchmark import average_precision_at, interval, recall_at, run


def test_recall_asks_for_one_target_among_the_first_k() -> None:
    assert recall_at(["a", "b", "c"], {"c", "z"}, 3) == 1.0
    assert recall_at(["a", "b", "c"], {"c", "z"}, 2) == 0.0


def test_average_precision_is_worked_out_by_hand() -> None:
    # Correct at ranks 1 and 3 of three targets: (1/1 + 2/3) / min(10, 3)
    assert average_precision_at(["a", "x", "b", "y"], {"a", "b", "c"}, 10) == pytest.approx(5 / 9)
    # With k = 2 only rank 1 counts, over min(2, 3)
    assert average_precision_at(["a", "x", "b", "y"], {"a", "b", "c"}, 2) == pytest.approx(1 / 2)


def test_an_interval_holds_its_mean_and_a_constant_has_none() -> None:
    mean, low, high = interval([0.0, 1.0] * 200)
    assert low < mean == 0.5 < high
    assert high - low == pytest.approx(0.098, abs=0.01)  # 2 · 1.96 · 0.5 / √400
    assert interval([1.0, 1.0]) == (1.0, 1.0, 1.0)


def test_likebut_finds_more_than_the_baselines_on_a_small_gallery(tmp_path: Path) -> None:
    results = run(tmp_path, pictures=160, queries=24, seed=5)
    recall = results["likebut"]["Recall@10"][0]
    precision = {recipe: figures["mAP@10"][0] for recipe, figures in results.items()}
    assert recall >= 0.75
    assert precision["likebut"] > max(precision["image-only"], precision["text-only"])
