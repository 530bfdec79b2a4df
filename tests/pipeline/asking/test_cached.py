"""Engines and encoders behind the cache: asked once, loaded late, never stale."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.errors import BadImage
from likebut.pipeline.asking.budget import Budget
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.asking.facts import facts_of
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.engines.contract import EngineSpec, OnReply, Request
from likebut.pipeline.errors import ModelError
from likebut.pipeline.machine import models
from likebut.pipeline.records.chat import Message, Reply, Sampling
from tests.pipeline.encoders import tiny as tiny_clip
from tests.pipeline.engines import tiny


class CountingEngine:
    """Answers with the last message and its seed, and keeps what it was asked."""

    sees = True
    finish = "stop"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        self.batches.append([request.messages[-1].text for request in requests])
        replies = []
        for place, (text, request) in enumerate(zip(self.batches[-1], requests, strict=True)):
            if text == "stop":
                raise ModelError("no server")
            reply = Reply(f"{text} {request.sampling.seed}", finish=self.finish)
            replies.append(Reply("", error="too long") if text == "fail" else reply)
            if on_reply:
                on_reply(place, replies[-1])
        return replies


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache.sqlite")


def spec(**changes: Any) -> EngineSpec:
    return replace(EngineSpec("transformers", "org/name", batch_size=2), **changes)


def ask(text: str, *images: Path, **sampling: Any) -> Request:
    return Request((Message("user", text, images),), Sampling(**sampling))


def texts(replies: Sequence[Reply]) -> list[str]:
    return [reply.text for reply in replies]


def test_a_question_is_asked_once(cache: Cache) -> None:
    engine = CountingEngine()
    front = CachedEngine(spec(), cache, engine)
    first = front.generate([ask("a"), ask("b")])
    second = front.generate([ask("b"), ask("a")])
    assert texts(first) == ["a 0", "b 0"]
    assert texts(second) == ["b 0", "a 0"]
    assert [r.cached for r in (*first, *second)] == [False, False, True, True]
    assert engine.batches == [["a", "b"]]


def test_equal_questions_in_one_call_are_asked_once_and_together(cache: Cache) -> None:
    engine = CountingEngine()
    replies = CachedEngine(spec(), cache, engine).generate([ask(t) for t in "abacbd"])
    assert texts(replies) == ["a 0", "b 0", "a 0", "c 0", "b 0", "d 0"]
    assert engine.batches == [["a", "b", "c", "d"]]


def test_what_was_answered_before_a_failure_is_kept(cache: Cache) -> None:
    engine = CountingEngine()
    front = CachedEngine(spec(), cache, engine)
    with pytest.raises(ModelError):
        front.generate([ask("a"), ask("b"), ask("stop"), ask("c")])
    assert texts(front.generate([ask("a"), ask("b")])) == ["a 0", "b 0"]
    assert engine.batches == [["a", "b", "stop", "c"]]


def test_an_error_spoils_no_other_item_and_is_asked_again(cache: Cache) -> None:
    engine = CountingEngine()
    front = CachedEngine(spec(), cache, engine)
    for _ in range(2):
        replies = front.generate([ask("a"), ask("fail"), ask("b")])
        assert texts(replies) == ["a 0", "", "b 0"]
        assert [reply.error for reply in replies] == ["", "too long", ""]
    assert engine.batches == [["a", "fail", "b"], ["fail"]]


def test_a_reply_that_was_cut_is_paid_for_and_kept_with_how_it_ended(cache: Cache) -> None:
    engine = CountingEngine()
    engine.finish = "length"
    front = CachedEngine(spec(), cache, engine)
    first, second = front.generate([ask("a")])[0], front.generate([ask("a")])[0]
    assert (first.finish, second.finish, second.cached) == ("length", "length", True)
    assert len(engine.batches) == 1


def test_a_call_is_in_the_ledger_before_its_answer_is_in_the_cache(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the two costs an answer; the other way round it would hide what was spent."""
    budget = Budget()
    front = CachedEngine(spec(), cache, CountingEngine(), budget.account("m", None))
    monkeypatch.setattr(cache, "put_answer", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        front.generate([ask("a")])
    assert budget.session["m"].calls == 1


def test_what_a_model_counts_corrects_the_guess_of_prompts_like_it(cache: Cache, tmp_path: Path) -> None:
    class Telling(CountingEngine):
        def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
            return [replace(r, prompt_tokens=15) for r in super().generate(requests, on_reply)]

    (tmp_path / "p.png").write_bytes(b"pixels")
    shown, told = ask("12345678", tmp_path / "p.png"), ask("87654321")
    front = CachedEngine(spec(), cache, Telling())
    assert front.prompt_tokens(told) == 2 + 4
    front.generate([ask("abcdefgh"), ask("x" * 40)])  # 30 tokens, where 6 and 14 were guessed
    assert front.prompt_tokens(told) == pytest.approx(6 * 30 / 20)
    assert front.prompt_tokens(shown) == 1000 + 6  # nothing is known of pictures yet
    front.generate([shown])
    assert front.prompt_tokens(shown) == pytest.approx(15)
    assert front.prompt_tokens(told) == pytest.approx(9)


def test_where_a_server_runs_is_no_part_of_the_question(cache: Cache) -> None:
    def server(model: str = "qwen", revision: str | None = None, **options: Any) -> CachedEngine:
        wanted = EngineSpec("openai", model, revision, options=options)
        return CachedEngine(wanted, cache, None)

    here = server(base_url="http://localhost:8000/v1", structured="json_schema")
    there = server(
        base_url="http://10.0.0.9:80/v1",
        structured="json_schema",
        concurrency=2,
        timeout=5.0,
        attempts=1,
        api_key_env="OTHER_KEY",
    )
    question = here._question(ask("a"), 0)
    assert there._question(ask("a"), 0) == question
    assert server(structured="none")._question(ask("a"), 0) != question
    assert server("llama", structured="json_schema")._question(ask("a"), 0) != question
    assert server(revision="2", structured="json_schema")._question(ask("a"), 0) != question


def test_a_repeat_is_asked_anew_with_a_seed_of_its_own(cache: Cache) -> None:
    engine = CountingEngine()
    front = CachedEngine(spec(), cache, engine)
    rounds = [front.generate([ask("a", seed=5)], repeat=number) for number in (0, 1, 2, 1)]
    assert [replies[0].text for replies in rounds] == ["a 5", "a 6", "a 7", "a 6"]
    assert len(engine.batches) == 3


def test_sampling_schema_model_and_image_contents_make_another_question(
    cache: Cache, tmp_path: Path
) -> None:
    one, same, other = (tmp_path / name for name in ("1.png", "2.png", "3.png"))
    one.write_bytes(b"pixels")
    same.write_bytes(b"pixels")
    other.write_bytes(b"others")
    engine = CountingEngine()
    front = CachedEngine(spec(), cache, engine)
    for request in (
        ask("a"),
        ask("a", max_tokens=9),
        replace(ask("a"), schema={"type": "object"}),
        ask("a", one),
        ask("a", other),
        ask("a", same),  # a copy of the first picture: not asked again
    ):
        front.generate([request])
    CachedEngine(spec(model="org/other"), cache, engine).generate([ask("a")])
    CachedEngine(spec(device="cuda", batch_size=7), cache, engine).generate([ask("a")])
    assert len(engine.batches) == 6


def test_a_picture_that_changes_is_looked_at_again(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(b"first")
    engine = CountingEngine()
    front = CachedEngine(spec(), cache, engine)
    front.generate([ask("a", path)])
    path.write_bytes(b"other")
    os.utime(path, ns=(1, 1))
    front.generate([ask("a", path)])
    assert len(engine.batches) == 2


def test_a_model_folder_is_known_by_its_contents(cache: Cache, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    front = CachedEngine(spec(model=str(folder)), cache)
    assert front.revision == models.fingerprint(folder)
    (folder / "config.json").write_text('{"a": 1}')
    assert CachedEngine(spec(model=str(folder)), cache).revision == models.fingerprint(folder)
    assert CachedEngine(spec(model=str(folder)), cache).revision != front.revision


@pytest.mark.parametrize(
    "option", [{"block_size": 32}, {"enforce_eager": True}, {"max_num_batched_tokens": 64}]
)
def test_how_a_model_is_run_changes_none_of_its_answers(
    cache: Cache, tmp_path: Path, option: dict[str, Any]
) -> None:
    plain = EngineSpec("vllm", str(tmp_path), options={"max_model_len": 2048})
    placed = EngineSpec("vllm", str(tmp_path), options={"max_model_len": 2048, **option})
    assert CachedEngine(placed, cache)._question(ask("a"), 0) == CachedEngine(plain, cache)._question(
        ask("a"), 0
    )


def test_a_folder_is_hashed_once_for_as_long_as_it_stays(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = CachedEngine(spec(model=str(tmp_path)), cache).revision
    monkeypatch.setattr(models, "fingerprint", lambda _: pytest.fail("hashed again"))
    assert CachedEngine(spec(model=str(tmp_path)), cache).revision == before


def test_a_script_is_known_by_its_contents(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('[{"match": "a", "reply": "one"}]')
    scripted = EngineSpec("scripted", str(path))
    assert texts(CachedEngine(scripted, cache).generate([ask("a")])) == ["one"]
    path.write_text('[{"match": "a", "reply": "three"}]')
    assert texts(CachedEngine(scripted, cache).generate([ask("a")])) == ["three"]
    inline = EngineSpec("scripted", "s", options={"replies": [{"match": "a", "reply": "four"}]})
    assert texts(CachedEngine(inline, cache).generate([ask("a")])) == ["four"]
    other = EngineSpec("scripted", "s", options={"replies": [{"match": "a", "reply": "five"}]})
    assert texts(CachedEngine(other, cache).generate([ask("a")])) == ["five"]


class Hub:
    """A hub that fetches a model when it is first loaded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commit: str | None = None
        self.loaded: list[str | None] = []
        self.engine = CountingEngine()
        monkeypatch.setattr(models, "hub_commit", lambda *_: self.commit)
        monkeypatch.setattr("likebut.pipeline.engines.make_engine", self.make)

    def make(self, wanted: EngineSpec) -> CountingEngine:
        self.commit = self.commit or "c1"
        self.loaded.append(wanted.revision)
        return self.engine


def test_a_hub_model_is_known_by_its_commit_even_on_its_first_day(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(monkeypatch)
    assert texts(CachedEngine(spec(), cache).generate([ask("a")])) == ["a 0"]
    again = CachedEngine(spec(), cache).generate([ask("a")])
    assert again[0].cached
    assert hub.loaded == [None]  # fetched once; the second time nothing was loaded
    hub.commit = "c2"
    assert not CachedEngine(spec(), cache).generate([ask("a")])[0].cached
    assert hub.loaded == [None, "c2"]  # loaded at the very commit that the key names


def test_a_cache_that_was_copied_answers_without_the_model(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(monkeypatch)
    CachedEngine(spec(), cache).generate([ask("a")])
    hub.commit = None  # another machine: the cache is here and the model is not
    assert CachedEngine(spec(), cache).generate([ask("a")])[0].cached
    assert hub.loaded == [None]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip.clip(tmp_path_factory.mktemp("clip") / "model")


def clip_spec(folder: Path) -> EncoderSpec:
    return EncoderSpec("open_clip", str(folder), None, "cpu", "float32", 2)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.effect_noise((50, 40), 90).convert("RGB").save(path)
    return path


class Unloadable:
    """Fails the test when anything is loaded."""

    def __call__(self, _: Any) -> Any:
        pytest.fail("a model was loaded")


def test_texts_and_pictures_come_back_without_loading(
    cache: Cache, clip: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = CachedEncoder(clip_spec(clip), cache)
    words = ["a red apple", "two cats", "a red apple", "very " * 40]
    vectors, image = first.encode_texts(words), first.encode_files([picture])[0]
    np.testing.assert_allclose(vectors, first.encoder.encode_texts(words), atol=1e-5)
    monkeypatch.setattr("likebut.pipeline.encoders.make_encoder", Unloadable())
    again = CachedEncoder(clip_spec(clip), cache)
    assert np.array_equal(again.encode_texts(words), vectors)
    assert np.array_equal(again.encode_files([picture])[0], image)
    assert [again.token_count(text) for text in words] == [5, 4, 5, 42]
    assert again.encode_texts([]).shape == (0, tiny_clip.DIMENSION)
    for name, fact in facts_of(first.encoder).items():
        assert getattr(again, name) == fact


def test_a_cached_picture_has_the_vector_of_the_index(cache: Cache, clip: Path, picture: Path) -> None:
    from likebut.indexes.decode import load_image

    front = CachedEncoder(clip_spec(clip), cache)
    prepared = front.prepare(load_image(picture, front.draft_size))
    np.testing.assert_allclose(
        front.encode_files([picture])[0], front.encode_prepared([prepared])[0], atol=1e-6
    )


def test_a_file_that_is_no_picture_is_named(cache: Cache, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("hello")
    with pytest.raises(BadImage, match=r"notes\.png"):
        CachedEncoder(clip_spec(clip), cache).encode_files([path])


def test_another_models_vectors_are_never_taken(cache: Cache, clip: Path, tmp_path: Path) -> None:
    other = tiny_clip.clip(tmp_path / "other", seed=1)
    one = CachedEncoder(clip_spec(clip), cache).encode_texts(["a red apple"])
    two = CachedEncoder(clip_spec(other), cache).encode_texts(["a red apple"])
    assert float(one[0] @ two[0]) < 0.99


def test_weights_that_changed_behind_a_name_are_told(
    cache: Cache, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub tag gives no sign of new weights until they are loaded."""
    front = CachedEncoder(clip_spec(clip), cache)
    front.encode_texts(["a"])
    front.encoder.fingerprint = "new weights"
    monkeypatch.setattr("likebut.pipeline.encoders.make_encoder", lambda _: front.encoder)
    stale = CachedEncoder(clip_spec(clip), cache)
    assert stale.fingerprint != "new weights"
    with pytest.raises(ModelError, match="weights"):
        stale.encode_texts(["not cached"])
    assert CachedEncoder(clip_spec(clip), cache).fingerprint == "new weights"


QUERY = """
import sys
from pathlib import Path
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.records.chat import Message, Sampling
cache, clip, git, llama, picture = map(Path, sys.argv[1:])
store = Cache(cache)
def engine(folder):
    return CachedEngine(EngineSpec("transformers", str(folder), None, "cpu", "float32"), store)
sampling = Sampling(max_tokens=6)
caption = engine(git).generate([Request((Message("user", "", (picture,)),), sampling)])[0]
reply = engine(llama).generate([Request((Message("user", caption.text),), sampling)])[0]
encoder = CachedEncoder(EncoderSpec("open_clip", str(clip), None, "cpu", "float32"), store)
text, image = encoder.encode_texts([reply.text])[0], encoder.encode_files([picture])[0]
heavy = {"torch", "transformers", "open_clip", "tokenizers"} & set(sys.modules)
print(caption.text, "|", reply.text, "|", float(text @ image), "|", bool(heavy))
"""


def test_a_repeated_query_imports_no_torch(clip: Path, picture: Path, tmp_path: Path) -> None:
    git, llama = tiny.git(tmp_path / "git"), tiny.llama(tmp_path / "llama")
    arguments = [str(path) for path in (tmp_path / "c.sqlite", clip, git, llama, picture)]
    said = [
        subprocess.run(
            [sys.executable, "-c", QUERY, *arguments], capture_output=True, text=True, check=True
        ).stdout.rsplit("|", 1)
        for _ in range(2)
    ]
    assert said[0][0] == said[1][0]
    assert [loaded.strip() for _, loaded in said] == ["True", "False"]


@pytest.mark.parametrize(("kind", "count"), [("crops", 5), ("patches", 64)])
def test_regions_of_a_reference_are_encoded_once_and_are_those_of_an_index(
    cache: Cache, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, count: int
) -> None:
    from likebut.indexes.build import build
    from likebut.indexes.region_build import RegionSpec
    from likebut.indexes.store import Index

    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    picture = tmp_path / "one" / "picture.png"
    picture.parent.mkdir()
    Image.fromarray(colours).resize((70, 50)).save(picture)
    front = CachedEncoder(clip_spec(clip), cache)
    whole = front.encode_files([picture])[0]
    first = front.encode_region_files([picture], kind)[0]
    assert first.shape == (count, tiny_clip.DIMENSION)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    build([picture.parent], tmp_path / "index", front, regions=RegionSpec(kind))
    regions = Index.open(tmp_path / "index").regions
    assert regions is not None
    np.testing.assert_allclose(regions.take([0])[0], first, atol=1e-3)
    monkeypatch.setattr("likebut.pipeline.encoders.make_encoder", Unloadable())
    again = CachedEncoder(clip_spec(clip), cache)
    assert np.array_equal(again.encode_region_files([picture], kind)[0], first)
    assert np.array_equal(again.encode_files([picture])[0], whole)
