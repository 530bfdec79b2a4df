"""What a cache holds by model, and throwing some of it away."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.sharing.upkeep import Which, answers_by_model, check_models, prune
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.chat import Reply
from tests.pipeline.asking.sharing.test_transfer import put, question

DAY = 86400


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Three answers of qwen (one 10 days old), one of llama that was cut, one without a question."""
    cache = Cache(tmp_path / "c.sqlite")
    for text in "abc":
        put(cache, question(text), text * 10)
    cache.ask("UPDATE answers SET made = made - ? WHERE reply LIKE '%aaa%'", (10 * DAY,))
    cut = question("d", model="llama", revision="7")
    cache.put_answer("1" * 64, "llama", Reply("ddd", 5, 3, finish="length"), cut)
    cache.put_answer("2" * 64, "old", Reply("e", 4, 1))
    cache.ask("UPDATE answers SET made = NULL WHERE model = 'old'")
    cache.put_vector("3", "qwen", np.zeros(4, np.float32))
    return cache


def test_answers_are_counted_by_model_and_revision(cache: Cache) -> None:
    shown = [
        (m.model, m.revision, m.answers, m.prompt_tokens, m.reply_tokens, m.unfinished)
        for m in answers_by_model(cache)
    ]
    assert shown == [("llama", "7", 1, 5, 3, 1), ("old", "", 1, 4, 1, 0), ("qwen", "2", 3, 270, 36, 0)]
    qwen = answers_by_model(cache)[2]
    assert qwen.last is not None
    assert qwen.first == pytest.approx(time.time() - 10 * DAY, abs=100)
    assert qwen.bytes > 3 * len("aaaaaaaaaa")


def models_left(cache: Cache) -> dict[str, int]:
    return dict(cache.info()["by model"])


def test_a_dry_run_counts_and_keeps(cache: Cache) -> None:
    before = models_left(cache)
    done = prune(cache, Which(models=["qwen"]), dry_run=True)
    assert (done.answers, done.vectors, done.freed) == (3, 1, 0)
    assert models_left(cache) == before


def test_a_model_goes_with_its_vectors_and_frames(cache: Cache) -> None:
    done = prune(cache, Which(models=["qwen"]))
    assert (done.answers, done.vectors) == (3, 1)
    assert models_left(cache) == {"llama answers": 1, "old answers": 1}
    assert cache.ask("SELECT COUNT(*) FROM frames") == [(1,)]


def test_old_answers_go_and_those_without_a_date_stay(cache: Cache) -> None:
    done = prune(cache, Which(older_than=9))
    assert (done.answers, done.vectors, done.undated) == (1, 0, 1)
    assert models_left(cache) == {
        "llama answers": 1,
        "old answers": 1,
        "qwen answers": 2,
        "qwen vectors": 1,
    }


def test_unfinished_answers_go(cache: Cache) -> None:
    assert prune(cache, Which(unfinished=True)).answers == 1
    assert "llama answers" not in models_left(cache)


def test_all_conditions_must_hold(cache: Cache) -> None:
    assert prune(cache, Which(models=["qwen"], older_than=9)).answers == 1
    assert prune(cache, Which(models=["qwen"], unfinished=True)).answers == 0
    assert models_left(cache)["qwen vectors"] == 1


def test_the_file_shrinks_unless_somebody_is_in_it(tmp_path: Path) -> None:
    with Cache(tmp_path / "c.sqlite") as cache:
        for number in range(300):
            put(cache, question(f"query {number}"), "x" * 2000)
        freed = prune(cache, Which(models=["qwen"])).freed
        assert freed is not None
        assert freed > 300 * 2000


def test_an_unknown_model_is_met_with_a_suggestion(cache: Cache) -> None:
    with pytest.raises(ConfigError) as caught:
        check_models(cache, ["qwenn"])
    assert "'qwen'" in caught.value.hint
    check_models(cache, ["llama", "old", "qwen"])
