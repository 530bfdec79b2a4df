"""Tuning: what is searched on is never what is reported on, and the pools agree with the gallery."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.benchmarks.jsonl import protocol
from likebut.pipeline.benchmarks.records import Benchmark, Case, Item
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import Fusion
from likebut.pipeline.config.recipe import Recipe
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.records.trace import Grain
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.tuning.halves import HALVES, half_of, other_half
from likebut.pipeline.tuning.pools import Metric, means
from likebut.pipeline.tuning.tune import Grounded, Tuning, reweighted, tune, weighable
from tests.pipeline.colours import scripted

QUERIES, DIMENSION = 60, 24


class PlantedEncoder:
    """A text is a direction by lot; "a & b" lies between a and b, 0.6 to 0.4, with noise of its own."""

    name, fingerprint, preprocessing = "planted", "v1", "none"
    dimension, draft_size, context_length = DIMENSION, 1, 50

    def __init__(self) -> None:
        self.asked = 0

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        self.asked += len(texts)
        return np.stack([self._vector(text) for text in texts]).astype(np.float32)

    def _vector(self, text: str) -> NDArray[Any]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        vector = np.random.default_rng(seed).standard_normal(DIMENSION)
        vector /= np.linalg.norm(vector)
        if " & " in text:
            a, _, b = text.partition(" & ")
            vector = 0.6 * self._vector(a) + 0.4 * self._vector(b) + 0.3 * vector
        return vector / np.linalg.norm(vector)

    def token_count(self, text: str) -> int:
        return len(text.split())


def planted(tmp_path: Path, *, fusion: Fusion | None = None, **changes: Any) -> Evaluation:
    """60 queries over 240 captions; decoys are like the reference, or like the sentence, alone."""
    captions, cases = {}, []
    for n in range(QUERIES):
        captions |= {
            f"r{n}": (f"thing {n}",),
            f"t{n}": (f"thing {n} & change {n}",),
            f"near-r{n}": (f"thing {n} & other {n}",),
            f"near-m{n}": (f"change {n} & another {n}",),
        }
        cases.append(Case(f"q{n}", f"r{n}", f"change {n}", (f"t{n}",), (f"t{n}",)))
    items = tuple(Item(ident, Path()) for ident in captions)
    rules = replace(protocol("mine"), **changes)
    recipe = Recipe(
        name="mine",
        description="x",
        grains={"reference": 0.95, "modification": 0.05},
        fusion=fusion or Fusion(calibration="zscore"),
    )
    cache = Cache(tmp_path / "cache.sqlite")
    encoder: Any = PlantedEncoder()
    composer = Composer(
        recipe,
        "test",
        scripted(cache),
        scripted(cache),
        CachedEncoder(EncoderSpec("given", "planted"), cache, encoder=encoder),
    )
    benchmark = Benchmark("mine", "all", rules, tuple(cases), items)
    return Evaluation(benchmark, benchmark.cases, composer, tmp_path, tmp_path / "i", captions)


def tuned(tmp_path: Path, half: str = "first", seed: int = 0, **more: Any) -> Tuning:
    job = planted(tmp_path, **more)
    weighed = weighable(job.composer.recipe)
    opened, _ = job.open()
    metric = Metric.of("Recall@1", job.benchmark.protocol)
    return tune(Grounded.of(opened), weighed, metric, half, trials=200, seed=seed)


def score_of(run: runs.Run, metric: str) -> float:
    return float(runs.summary(run)["metrics"][metric]["mean"])


@given(st.text())
def test_a_query_is_in_exactly_one_half_and_always_the_same(ident: str) -> None:
    assert half_of(ident) in HALVES
    assert half_of(ident) == half_of(ident)


def test_the_halves_are_known_by_their_hash() -> None:
    # The first bytes of the SHA-256 of "a" and "b" are 0xca and 0x3e, of "c" 0x2e, of "d" 0x18,
    # of "e" 0x3f: only the last is odd.
    assert [half_of(ident) for ident in "abcde"] == ["first"] * 4 + ["second"]
    assert (other_half("first"), other_half("second")) == ("second", "first")


@pytest.mark.parametrize("half", HALVES)
def test_what_is_held_out_was_not_searched_on(
    tmp_path: Path, half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = Grounded.pools

    def watched(self: Grounded, metric: Metric, size: int = 200) -> Any:
        seen.extend(case.id for case in self.cases)
        return real(self, metric, size)

    monkeypatch.setattr(Grounded, "pools", watched)
    done = tuned(tmp_path, half)
    ids = {(what, name): {result.case.id for result in run.results} for what, name, run in done.runs}
    for what in ("base, uncalibrated", "base", "tuned"):
        searched, held_out = ids[what, half], ids[what, other_half(half)]
        assert searched == set(seen)
        assert not searched & held_out
        assert searched | held_out == {f"q{n}" for n in range(QUERIES)}
    assert all(one.n == len(ids["tuned", other_half(half)]) for one in done.differences)


def test_bad_weights_are_mended_and_the_gain_is_seen_on_the_other_half(tmp_path: Path) -> None:
    done = tuned(tmp_path)
    ratio = done.weights["modification"] / done.weights["reference"]
    assert 0.3 < ratio < 1.5  # planted at 2/3, given as 1/19
    found = {(what, half): score_of(run, "Recall@1") for what, half, run in done.runs}
    assert found["tuned", "second"] > found["base", "second"] + 0.3
    difference = next(one for one in done.differences if one.metric == "Recall@1")
    assert difference.difference == pytest.approx(found["tuned", "second"] - found["base", "second"])
    assert difference.p_value < 0.01
    assert done.source == "ours: tuned on mine all, first half, Recall@1, n 28, seed 0"


@pytest.mark.parametrize("name", ["Recall@1", "Recall@5", "mAP@5"])
@pytest.mark.parametrize("calibration", ["none", "zscore", "centred"])
@pytest.mark.parametrize("exclude", [True, False])
def test_the_pools_agree_with_the_whole_gallery(
    tmp_path: Path, name: str, calibration: Any, exclude: bool
) -> None:
    job = planted(tmp_path, fusion=Fusion(calibration=calibration), exclude_reference=exclude)
    opened, _ = job.open()
    grounded = Grounded.of(opened)
    metric = Metric.of(name, job.benchmark.protocol)
    pools = grounded.pools(metric, 40)
    assert max(pool.shares.shape[1] for pool in pools) < len(job.benchmark.items) / 2
    settings = [(0.95, 0.05), (0.5, 0.5), (0.2, 0.8)]
    for setting, value in zip(settings, means(pools, metric, np.array(settings)), strict=True):
        weights = dict(zip(("reference", "modification"), setting, strict=True))
        assert value == pytest.approx(score_of(grounded.run("x", weights), name))


def test_a_subset_and_an_own_gallery_are_ranked_by_themselves(tmp_path: Path) -> None:
    job = planted(tmp_path, metrics=("Recall@1", "subset_recall@1"))
    job.cases = tuple(
        replace(case, subset=(f"t{n}", f"near-m{n}", f"near-r{n}")) for n, case in enumerate(job.cases)
    )
    opened, _ = job.open()
    grounded = Grounded.of(opened)
    metric = Metric.of("subset_recall@1", job.benchmark.protocol)
    weights = {"reference": 0.3, "modification": 0.7}
    setting = np.array([list(weights.values())])
    made = grounded.pools(metric)
    assert {pool.shares.shape for pool in made} == {(2, 3)}
    exact = score_of(grounded.run("x", weights), "subset_recall@1")
    assert means(made, metric, setting) == pytest.approx([exact])
    assert 0 < exact < 1


def test_a_query_that_failed_counts_as_not_found_in_pools_and_in_runs(tmp_path: Path) -> None:
    job = planted(tmp_path)
    opened, _ = job.open()
    grounded = Grounded.of(opened)
    metric = Metric.of("Recall@1", job.benchmark.protocol)
    weights = {"reference": 0.6, "modification": 0.4}
    whole = score_of(grounded.run("x", weights), "Recall@1")
    found = [r.case.id for r in grounded.run("x", weights).results if r.ranking[0][0][0] == "t"]
    broken = tuple(
        replace(trace, error="gone") if trace.query.id == found[0] else trace for trace in grounded.traces
    )
    grounded = replace(grounded, traces=broken)
    run = grounded.run("x", weights)
    assert score_of(run, "Recall@1") == pytest.approx(whole - 1 / QUERIES)
    assert runs.summary(run)["errors"] == 1
    assert means(grounded.pools(metric), metric, np.array([[0.6, 0.4]])) == pytest.approx(
        [whole - 1 / QUERIES]
    )


def test_nothing_is_asked_again(tmp_path: Path) -> None:
    tuned(tmp_path)
    job = planted(tmp_path)
    opened, _ = job.open()
    encoder: Any = job.composer.encoder.encoder
    Grounded.of(opened)
    assert encoder.asked == 0


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first, again = tuned(tmp_path, seed=3), tuned(tmp_path, seed=3)
    assert (first.weights, first.source) == (again.weights, again.source)
    assert [run.results for _, _, run in first.runs] == [run.results for _, _, run in again.runs]


def test_the_runs_are_those_of_an_evaluation(tmp_path: Path) -> None:
    done = tuned(tmp_path)
    job = planted(tmp_path)
    job.composer = replace(
        job.composer, recipe=job.composer.recipe.model_copy(update={"grains": done.weights})
    )
    job.folder = tmp_path / "run"
    job.run({})
    expected = {result.case.id: result.ranking for result in runs.open_run(job.folder).results}
    for what, _, run in done.runs:
        if what == "tuned":
            assert all(result.ranking == expected[result.case.id] for result in run.results)


def test_unlabelled_or_few_queries_are_refused(tmp_path: Path) -> None:
    job = planted(tmp_path)
    metric = Metric.of("Recall@1", job.benchmark.protocol)
    job.cases = tuple(replace(case, targets=()) for case in job.cases)
    opened, _ = job.open()
    with pytest.raises(InputError, match="no labelled query of 60"):
        tune(Grounded.of(opened), weighable(job.composer.recipe), metric, "first")
    job.cases = tuple(case for case in planted(tmp_path).cases if half_of(case.id) == "first")
    opened, _ = job.open()
    with pytest.raises(InputError, match="second half"):
        tune(Grounded.of(opened), weighable(job.composer.recipe), metric, "first")


def test_another_family_and_a_single_grain_are_refused() -> None:
    with pytest.raises(ConfigError, match="family 'divergence'"):
        weighable(load_recipe("ldre"))
    with pytest.raises(ConfigError, match="scores captions"):
        weighable(load_recipe("weimocir"))
    with pytest.raises(ConfigError, match="nothing to tune"):
        weighable(load_recipe("cirevl"))
    with pytest.raises(ConfigError) as caught:
        other_half("frist")
    assert "'first'" in caught.value.hint


def test_the_shares_of_the_only_mix_are_weights_and_order_alike(tmp_path: Path) -> None:
    recipe = load_recipe("image+text")
    weighed = weighable(recipe)
    assert (weighed.mix, weighed.weights) == ("both", {"reference": 0.5, "modification": 0.5})
    job = planted(tmp_path)
    orders = []
    for used in (recipe, weighed.recipe):
        job.composer = replace(job.composer, recipe=used)
        opened, _ = job.open()
        run = Grounded.of(opened).run("x", dict(used.grains))
        orders.append([[ident for ident, _ in result.ranking] for result in run.results])
    assert orders[0] == orders[1]


def test_grains_of_one_role_keep_their_shares_of_its_weight() -> None:
    grains = [
        Grain("a", "desired", 0.1, None),
        Grain("b", "desired", 0.2, None),
        Grain("c", "other", 1.0, None),
    ]
    after = reweighted(grains, {"desired": 0.3}, {"desired": 0.6})
    assert [round(grain.weight, 6) for grain in after] == [0.2, 0.4, 1.0]


def test_the_metric_that_is_tuned_is_map_where_there_is_one() -> None:
    rules = protocol("x")
    assert rules.metric == "mAP@10"
    assert replace(rules, metrics=("Recall@5", "Recall@10")).metric == "Recall@10"
    assert replace(rules, metrics=("Recall@1",)).metric == "Recall@1"
