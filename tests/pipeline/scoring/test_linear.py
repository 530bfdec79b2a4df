"""The fold: one vector says what scoring every grain by itself would say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Grain
from likebut.pipeline.scoring.contract import Candidates
from likebut.pipeline.scoring.linear import Fold, fold, score, spread_of
from tests.pipeline.scoring.bare import Bare


def grain(name: str, weight: float, *vector: float) -> Grain:
    return Grain(name, name, weight, np.array(vector, np.float32))


def parts(fold: Fold, rows: Any) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in fold.parts(np.array(rows)).items()}


def test_two_grains_fold_into_their_weighted_sum() -> None:
    fused = fold([grain("a", 2.0, 1, 0), grain("b", -0.5, 0, 1)])
    assert fused.vector.tolist() == [2.0, -0.5]
    assert fused.bias == 0.0
    assert parts(fused, [[0.5, 0.5], [1.0, 0.0]]) == {"a": [1.0, 2.0], "b": [-0.25, 0.0]}


def test_a_z_score_is_worked_out_by_hand() -> None:
    # One grain along x; over the gallery x has mean 0.5 and variance 0.04, so σ = 0.2.
    mu, sigma = np.array([0.5, 0.0]), np.diag([0.04, 1.0])
    fused = fold([grain("a", 1.0, 1, 0)], "zscore", mu, sigma)
    assert spread_of(np.array([1.0, 0.0]), sigma) == pytest.approx(0.2)
    assert fused.vector == pytest.approx([5.0, 0.0])
    assert fused.bias == pytest.approx(-2.5)
    assert parts(fused, [[0.9, 0.1]])["a"][0] == pytest.approx(2.0)  # (0.9 − 0.5) / 0.2


def test_a_grain_that_does_not_vary_is_left_uncalibrated() -> None:
    fused = fold([grain("a", 0.3, 1, 0)], "zscore", np.zeros(2), np.zeros((2, 2)))
    assert fused.vector == pytest.approx([0.3, 0.0])


def test_no_grain_and_no_statistics_are_refused() -> None:
    with pytest.raises(ConfigError, match="no grain"):
        fold([])
    with pytest.raises(ConfigError, match="statistics"):
        fold([grain("a", 1.0, 1, 0)], "zscore")


@pytest.mark.parametrize("rows", [None, np.array([2, 0])])
def test_the_parts_of_any_rows_are_what_every_grain_adds(rows: Any) -> None:
    gallery = Bare([np.array([[1, 0], [0, 1]], np.float16), np.array([[0.6, 0.8]], np.float16)])
    asked = Candidates([grain("a", 2.0, 1, 0), grain("b", -1.0, 0, 1)], gallery, rows=rows)  # type: ignore[arg-type]
    found = score(asked, {})
    everything = {"a": [2.0, 0.0, 1.2], "b": [0.0, -1.0, -0.8]}
    for name, values in found.items():
        expected = everything[name] if rows is None else [everything[name][row] for row in rows]
        assert values == pytest.approx(expected, abs=1e-3)


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=st.lists(st.floats(-3, 3).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=12),
    calibration=st.sampled_from(["none", "zscore"]),
)
def test_the_fold_equals_naive_scoring_grain_by_grain(
    seed: int, weights: list[float], calibration: str
) -> None:
    rng = np.random.default_rng(seed)
    gallery = rng.standard_normal((60, 16))
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    units = rng.standard_normal((len(weights), 16))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    grains = [
        Grain(f"g{i}", "desired", weight, unit.astype(np.float32))
        for i, (weight, unit) in enumerate(zip(weights, units, strict=True))
    ]
    naive = np.zeros(60)
    for one in grains:
        cosines = gallery @ one.vector.astype(float)
        if calibration == "zscore":
            cosines = (cosines - cosines.mean()) / cosines.std()
        naive += one.weight * cosines
    mu, sigma = gallery.mean(0), np.cov(gallery.T, bias=True)
    fused = fold(grains, calibration, mu, sigma)  # type: ignore[arg-type]
    folded = gallery @ fused.vector.astype(float) + fused.bias
    assert folded == pytest.approx(naive, abs=1e-4)
    order, expected = np.argsort(-folded, kind="stable"), np.argsort(-naive, kind="stable")
    assert naive[order] == pytest.approx(naive[expected], abs=2e-4)  # equal but for exact ties
    item = gallery[7]
    assert sum(value for (value,) in parts(fused, item[None]).values()) == pytest.approx(naive[7], abs=1e-4)
