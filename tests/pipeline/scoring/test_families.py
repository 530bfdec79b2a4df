"""Scores that do not fold, each against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.records.trace import Grain
from likebut.pipeline.scoring import (
    FAMILIES,
    divergence,
    filtered,
    gated,
    harris,
    increment,
    product,
    slerp,
)
from likebut.pipeline.scoring.contract import Candidates
from tests.pipeline.scoring.bare import Bare

X, Y = [1.0, 0.0], [0.0, 1.0]
D = [0.6, 0.8]


def query(gallery: Sequence[Sequence[float]], **roles: Sequence[Sequence[float]]) -> Candidates:
    """Grains of two numbers by role, against a gallery in two shards."""
    grains = [
        Grain(f"{role}:{n}", role, 1.0, np.array(vector, np.float32))
        for role, vectors in roles.items()
        for n, vector in enumerate(vectors)
    ]
    rows = np.array(gallery, np.float16)
    return Candidates(grains, Bare([rows[:1], rows[1:]]))  # type: ignore[arg-type]


def total(parts: dict[str, Any]) -> list[float]:
    return [float(value) for value in sum(parts.values())]


def near(*values: float) -> Any:
    return pytest.approx(list(values), abs=2e-3)


def test_increment_rewards_gains_and_charges_losses() -> None:
    # after = x, before = y. Picture x: 1, D = 1 → 1 + 0.13; picture y: 0, D = −1 → −2.1;
    # picture (0.6, 0.8): 0.6, D = −0.2 → 0.6 − 0.42
    parts = increment.score(query([X, Y, D], rewrites=[X], captions=[Y]), FAMILIES["increment"].numbers)
    assert total(parts) == near(1.13, -2.1, 0.18)


def test_increment_takes_the_mean_direction_of_rewrites() -> None:
    parts = increment.score(query([X, Y], rewrites=[X, Y]), FAMILIES["increment"].numbers)
    assert total(parts) == near(2**-0.5, 2**-0.5)


def test_divergence_weighs_the_rewrite_that_moves() -> None:
    # Rewrite 1 repeats its caption: no drop. Rewrite 2 moves from x to y: it gets all the weight.
    found = divergence.score(
        query([X, Y, D], captions=[X, X], rewrites=[X, Y]), FAMILIES["divergence"].numbers
    )
    assert total(found) == near(0.0, 1.0, 0.8)


def test_divergence_weights_are_a_softmax_of_the_largest_drops() -> None:
    drops = np.array([[0.3, 0.1, -5.0], [0.2, 0.0, 0.0]])
    # d = (0.4, 0.2) with two places; exponents (1, 0.5) / 0.5
    expected = np.exp([2.0, 1.0]) / np.exp([2.0, 1.0]).sum()
    assert divergence.weights(drops, 2, 0.5) == pytest.approx(expected)


@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 1000))
def test_divergence_weights_sum_to_one(rewrites: int, pictures: int, seed: int) -> None:
    drops = np.random.default_rng(seed).normal(size=(rewrites, pictures))
    assert divergence.weights(drops, 5, 0.04).sum() == pytest.approx(1)


def test_rewrites_without_their_captions_count_alike() -> None:
    found = divergence.score(query([X, Y], rewrites=[X, Y]), FAMILIES["divergence"].numbers)
    assert total(found) == near(0.5, 0.5)


def test_product_filters_by_what_to_include_and_exclude() -> None:
    # B = (0.6, 0.8, 1), R = x: (1, 0, 0.6), P = y: (0, 1, 0.8): B·(R + 1 − P)/2
    wanted = query([X, Y, D], target_caption=[D], include=[X], exclude=[Y])
    assert total(product.score(wanted, {"share": 1.0})) == near(0.6, 0.0, 0.4)
    half = product.score(wanted, {"share": 0.5})
    assert total(half) == near(0.6, 0.4, 0.7)


def test_product_without_filters_keeps_the_order_of_the_target_caption() -> None:
    parts = product.score(query([X, Y, D], target_caption=[D]), {"share": 1.0})
    assert np.argsort(total(parts)).tolist() == [0, 1, 2]


def test_gated_step_turns_the_proxy_as_far_as_it_goes() -> None:
    x, d, y = np.array([1.0, 0.0]), np.array([-1.0, 1.0]), np.array([0.6, 0.8])
    a = gated.step(x, d, y)

    def cosine(step: float) -> float:
        p = x + step * d
        return float(p @ y / np.linalg.norm(p))

    assert cosine(a) == pytest.approx(max(cosine(s) for s in np.linspace(-2, 3, 5001)), abs=1e-6)
    assert a == pytest.approx(4 / 7)  # (1 − a, a) ∥ (3, 4)


def test_gated_multiplies_behind_the_gate_only() -> None:
    numbers = {"beta": 0.0, "strength": 4.0, "margin": 0.0}
    wanted = query([X, Y], target_caption=[Y], caption=[X], reference=[X])
    # d = y − x, y* = y: the proxy is y. Picture x: S' 0, gate shut; picture y: 1 + 4·1·1
    assert total(gated.score(wanted, numbers)) == near(0.0, 5.0)


def test_gated_without_a_reference_is_the_target_caption() -> None:
    assert total(gated.score(query([X, Y], target_caption=[Y]), FAMILIES["gated"].numbers)) == near(0, 1)


def test_slerp_goes_along_the_circle() -> None:
    middle = slerp.slerp(np.array(X), np.array(Y), 0.5)
    assert middle.tolist() == pytest.approx([2**-0.5, 2**-0.5])
    assert slerp.slerp(np.array(X), np.array(X), 0.5).tolist() == X


def test_slerp_pools_the_best_of_every_mix_and_puts_the_rest_behind() -> None:
    cosines = np.array([[0.9, 0.5, 0.1], [0.2, 0.6, 0.1]])
    base, inside = slerp.pool(cosines, 1)
    assert inside.tolist() == [True, True, False]
    assert base[:2].tolist() == [0.9, 0.6]
    numbers = {"from": 1.0, "step": 0.1, "pool": 1}
    wanted = query([X, Y, D], target_caption=[X], reference=[X], exclude=[Y], modification=[X])
    # In the pool: x alone. base 1, sentence 1, relu(1 − cos(y) = 1) = 1
    assert total(slerp.score(wanted, numbers)) == near(3.0, -10.0, -9.4)


def test_harris_wants_both_the_picture_and_the_sentence() -> None:
    gallery = [X, Y, D]
    wanted = query(gallery, reference=[X], modification=[Y])
    parts = harris.score(wanted, {"edge": 0.1})
    text = np.array([0.0, 1.0, 0.8])
    centred = np.array(X) - np.array(gallery).mean(0)
    centred /= np.linalg.norm(centred)
    image = harris.scaled((np.array(gallery) - np.array(gallery).mean(0)) @ centred)
    assert total(parts) == near(*(image * text - 0.1 * (image + text) ** 2))
    assert total(harris.score(query(gallery, modification=[Y]), {"edge": 0.1})) == near(0, 1, 0.8)


def test_one_caption_filters_and_all_grains_sort_what_is_left() -> None:
    # cosines with A = x: 1, 0, 0.6; with B = y: 0, 1, 0.8. A keeps the first and the third.
    asked = query([X, Y, D], target_caption=[X], integrated=[Y])
    assert total(filtered.score(asked, {"keep": 2})) == near(1.0, 1.0 - 10, 1.4)
    assert total(filtered.score(asked, {"keep": 99})) == near(1.0, 1.0, 1.4)
    lighter = replace(asked, grains=[replace(grain, weight=0.5) for grain in asked.grains])
    assert total(filtered.score(lighter, {"keep": 1})) == near(0.5, 0.5 - 10, 0.7 - 10)


@pytest.mark.parametrize("family", [filtered, increment, divergence, product, gated, slerp, harris])
def test_a_family_without_its_grains_gives_nothing(family: Any) -> None:
    name = family.__name__.rsplit(".", 1)[1]
    assert family.score(query([X, Y], desired=[X]), FAMILIES[name].numbers) == {}
