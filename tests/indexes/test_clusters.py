"""Centres of rows, and the nearest of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from likebut.indexes import clusters
from likebut.indexes.clusters import BLOCK_ROWS, centres_of, group_count, nearest_centres
from tests.clip_like import ClipLike


def test_centres_are_the_means_of_rows_that_lie_together() -> None:
    lot = np.random.default_rng(0)
    heaps = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).repeat(200, axis=0)
    rows = (heaps + 0.01 * lot.standard_normal(heaps.shape)).astype(np.float32)
    centres = centres_of(rows, 12, 6)
    owners = nearest_centres(rows, centres)
    assert {
        len(set(owners[at : at + 200]) & set(owners[(at + 200) % 600 :][:200])) for at in (0, 200, 400)
    } == {0}
    for centre in set(owners):
        np.testing.assert_allclose(centres[centre], rows[owners == centre].mean(axis=0), atol=0.01)


def test_a_centre_without_rows_becomes_a_row() -> None:
    rows = np.array([[1, 0]] * 5 + [[0, 1]], np.float32)
    centres = centres_of(rows, 3, 4)
    assert centres.shape == (3, 2)
    assert np.isfinite(centres).all()
    assert {tuple(centre) for centre in centres.tolist()} <= {(1.0, 0.0), (0.0, 1.0)}


@pytest.fixture(params=[clusters.MANY, 0], ids=["numpy", "torch"])
def _multiplied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MANY", request.param)


@pytest.mark.usefixtures("_multiplied")
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31), count=st.integers(1, 40), offset=st.sampled_from([0.0, 5.0]))
def test_the_nearest_centre_is_as_near_as_any_but_for_rounding(
    seed: int, count: int, offset: float
) -> None:
    lot = np.random.default_rng(seed)
    rows = (lot.standard_normal((BLOCK_ROWS + 7, 12)) + offset).astype(np.float32)
    centres = (lot.standard_normal((count, 12)) + offset).astype(np.float32)
    far = ((rows[:, None].astype(float) - centres[None]) ** 2).sum(axis=2)
    found = far[np.arange(len(rows)), nearest_centres(rows, centres)]
    assert (found - far.min(axis=1)).max() < 0.5  # of about 24
    assert np.mean(found == far.min(axis=1)) > 0.9


@pytest.mark.usefixtures("_multiplied")
def test_of_many_centres_those_of_the_nearest_groups_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "GROUPED", 256)
    world = ClipLike(20_000, 32)
    rows = world.pictures(20_000)
    centres = rows[:1024]
    far = np.linalg.norm(centres, axis=1) ** 2 - 2 * rows @ centres.T
    found = nearest_centres(rows, centres)
    assert np.mean(found == far.argmin(axis=1)) > 0.95
    assert np.mean(found == far.argsort(axis=1)[:, :4].T) * 4 > 0.99  # else one of the next


def test_groups_are_about_as_many_as_what_each_holds() -> None:
    assert [group_count(centres) for centres in (2, 256, 257, 4096, 16_384)] == [16, 16, 32, 64, 128]


@given(seed=st.integers(0, 2**31), rows=st.integers(1, 60), count=st.integers(1, 9))
def test_rows_are_summed_to_the_same_by_torch_and_by_numpy(seed: int, rows: int, count: int) -> None:
    lot = np.random.default_rng(seed)
    vectors, owners = lot.standard_normal((rows, 5)).astype(np.float32), lot.integers(0, count, rows)
    one, other = (summed(vectors, owners, count) for summed in (clusters._gathered, clusters._summed))
    np.testing.assert_allclose(one[0], other[0], atol=1e-5)
    np.testing.assert_array_equal(one[1], other[1])
