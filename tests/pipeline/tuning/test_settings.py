"""The search for weights: it finds what is there to be found, and the same thing every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from likebut.pipeline.tuning.pools import Metric, Pool, means
from likebut.pipeline.tuning.settings import find

RECALL = Metric("Recall@1", "Recall", 1)


def planted(settings: NDArray[Any]) -> NDArray[Any]:
    """Two queries, roles a and b. With r = b / a the target (1, ½) beats (1.2, 0) where r > 0.4, and
    (0, 2) where 1 + r/2 > 2r: r < 2/3. So only r between 0.4 and 0.667 finds both targets."""
    nothing = np.zeros(2, np.float32)
    first, second = (
        Pool(np.array([[1.0, x], [0.5, y]], np.float32), nothing, 1, 1) for x, y in ((1.2, 0.0), (0.0, 2.0))
    )
    return means([first, second], RECALL, settings)


def test_known_weights_are_recovered() -> None:
    found = find(planted, [1.0, 3.0], trials=300, seed=0)
    assert (found.base_value, found.value) == (0.5, 1.0)
    assert 0.4 < found.weights[1] / found.weights[0] < 2 / 3
    assert sum(found.weights) == pytest.approx(4.0, abs=2e-4)  # the length of the base
    assert found.settings <= 300


def test_what_is_best_already_stays_as_it_is() -> None:
    found = find(planted, [1.0, 0.5], trials=300, seed=0)
    assert found.weights == (1.0, 0.5)
    assert found.value == found.base_value == 1.0


def test_a_smooth_peak_is_approached_by_steps() -> None:
    def peak(settings: NDArray[Any]) -> NDArray[Any]:
        shares = settings / np.abs(settings).sum(1, keepdims=True)
        return -np.square(shares - [0.6, 0.3, -0.1]).sum(1)

    found = find(peak, [1.0, 1.0, -1.0], trials=3000, seed=1)
    shares = np.array(found.weights) / 3
    assert shares == pytest.approx([0.6, 0.3, -0.1], abs=0.02)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_weight_changes_its_sign_only_where_that_is_allowed(allowed: bool) -> None:
    seen: list[NDArray[Any]] = []

    def score(settings: NDArray[Any]) -> NDArray[Any]:
        seen.append(settings)
        return -settings[:, 0] + settings[:, 1]  # wants the first below 0, the second above

    found = find(score, [1.0, -1.0], trials=500, seed=0, allow_negative=allowed)
    tried = np.concatenate(seen)
    if allowed:
        assert found.weights[0] < 0 < found.weights[1]
    else:
        assert (tried[:, 0] >= 0).all()
        assert (tried[:, 1] <= 0).all()


def test_the_seed_decides_everything() -> None:
    first, again, other = (find(planted, [1.0, 3.0], trials=200, seed=s) for s in (5, 5, 6))
    assert first.weights == again.weights
    assert first.settings == again.settings
    assert first.weights != other.weights


def test_weights_are_written_with_four_digits_as_they_were_scored() -> None:
    tried: list[NDArray[Any]] = []

    def score(settings: NDArray[Any]) -> NDArray[Any]:
        tried.append(settings)
        return settings[:, 1]

    found = find(score, [1.0, 0.3], trials=50, seed=0)
    assert any((found.weights == setting).all() for part in tried for setting in part)
    assert found.weights == tuple(round(weight, 4) for weight in found.weights)


def test_one_trial_is_enough_to_run() -> None:
    assert find(planted, [1.0, 3.0], trials=1, seed=0).settings == 2
