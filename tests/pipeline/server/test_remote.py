"""Models in another process answer as they do here, and galleries are opened with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import likebut
from likebut import Setup
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.learning import learn_light
from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.encoders.light import write_light
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.openai import OpenAIEngine
from likebut.pipeline.errors import ModelError
from likebut.pipeline.pocket.captions import some_texts
from likebut.pipeline.records.chat import Message, Reply
from likebut.pipeline.server.apart import Apart
from likebut.pipeline.server.remote import Encode, RemoteEngine, making, opening
from tests.pipeline.colours import paint_gallery
from tests.pipeline.encoders.cut import cut, profile

CLIP = EncoderSpec("open_clip", "pocket:clip", None, "cpu", "float32", 64)
SCRIPT = EngineSpec(
    "scripted",
    "script",
    options={"replies": [{"match": "a|c", "reply": "yes"}, {"match": "b", "error": "no"}]},
)


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    made = Apart()
    yield made
    made.end()


def ask(text: str) -> Request:
    return Request((Message("user", text),))


def test_replies_come_back_in_order_and_each_is_handed_on_once(apart: Apart) -> None:
    engine = making(apart).engine(SCRIPT)  # type: ignore[misc]
    assert isinstance(engine, RemoteEngine)
    assert engine.sees
    heard: list[tuple[int, Reply]] = []
    replies = engine.generate([ask("a"), ask("b"), ask("c")], lambda *part: heard.append(part))
    assert [reply.text or reply.error for reply in replies] == ["yes", "no", "yes"]
    assert [place for place, _ in heard] == [0, 1, 2]
    assert [reply for _, reply in heard] == replies


def test_what_an_engine_raises_is_raised_after_the_replies_before_it(apart: Apart) -> None:
    engine, heard = RemoteEngine(SCRIPT, apart), []
    with pytest.raises(ModelError, match="no answer to 'x'"):
        engine.generate([ask("a"), ask("x")], lambda place, reply: heard.append(place))
    assert heard == [0]


def test_an_engine_that_cannot_be_loaded_says_so_in_its_own_words(apart: Apart) -> None:
    with pytest.raises(ModelError, match="no model 'pocket:nothing'"):
        RemoteEngine(EngineSpec("transformers", "pocket:nothing"), apart)


def test_a_server_is_asked_from_here_and_needs_no_process() -> None:
    apart = Apart()
    spec = EngineSpec("openai", "m", options={"base_url": "http://127.0.0.1:9/v1"})
    assert isinstance(making(apart).engine(spec), OpenAIEngine)  # type: ignore[misc]
    assert apart.pid is None


def test_an_encoder_gives_the_vectors_that_it_gives_here(apart: Apart) -> None:
    here: Any = make_encoder(CLIP)
    there: Any = making(apart).encoder(CLIP)  # type: ignore[misc]
    for name in ("name", "fingerprint", "preprocessing", "dimension", "draft_size", "context_length"):
        assert getattr(there, name) == getattr(here, name)
    assert there.preparing == here.preparing
    texts = ["a red apple", "two blue cars at night"]
    np.testing.assert_allclose(there.encode_texts(texts), here.encode_texts(texts), atol=1e-6)
    assert there.token_counts(texts) == [here.token_count(text) for text in texts]
    assert there.token_count(texts[0]) == here.token_count(texts[0])
    prepared = [there.prepare(Image.new("RGB", (300, 200), colour)) for colour in ("red", "blue")]
    np.testing.assert_allclose(there.encode_prepared(prepared), here.encode_prepared(prepared), atol=1e-6)
    assert not hasattr(there, "encode_composed")
    assert not hasattr(there, "encode_documents")


def test_other_weights_than_those_that_were_known_are_no_vectors(apart: Apart) -> None:
    with pytest.raises(ModelError, match="the weights of pocket:clip have changed"):
        apart.ask(Encode(CLIP, "other", "encode_texts", [(["a"],)]))


def test_a_gallery_is_indexed_there_and_searched_here(apart: Apart, tmp_path: Path) -> None:
    pictures = paint_gallery(tmp_path / "gallery")
    setup = Setup("text-only", folders=(pictures,), cache=tmp_path / "answers.sqlite")
    told: list[Any] = []
    composer = opening(apart)(
        setup,
        lambda done, total: told.append((done, total)),
        on_build=lambda report, folder: told.append((report.encoded, folder)),
        budget=setup.budget(),
    )
    assert told[-1] == (4, pictures / ".likebut")
    assert told[-2] == (4, 4)
    assert composer.gallery.count == 4
    trace = composer.ask(None, "a red square")
    assert trace.error == ""
    assert sorted(hit.id for hit in trace.ranking.hits) == ["blue.png", "green.png", "grey.png", "red.png"]


def test_a_light_query_side_is_encoded_there_and_mapped_here(apart: Apart, tmp_path: Path) -> None:
    small = EncoderSpec("open_clip", str(cut(tmp_path / "small", 2)), None, "cpu", "float32", 64)
    own = Cache(tmp_path / "learning.sqlite")
    ends = [(name, CachedEncoder(spec, own)) for name, spec in (("small", small), ("pocket", CLIP))]
    write_light(tmp_path / "map", learn_light(some_texts(300, seed=1), *ends))
    mine = str(profile(tmp_path / "mine.toml", light=tmp_path / "map"))
    pictures = paint_gallery(tmp_path / "gallery")
    setup = Setup("text-only", mine, folders=(pictures,), cache=tmp_path / "answers.sqlite")
    composer = opening(apart)(setup, lambda *_: None, on_build=None, budget=setup.budget())
    composer.encoder.load_for_texts()
    trace = composer.ask(None, "a red square")
    here = likebut.open(replace(setup, cache=tmp_path / "own.sqlite")).ask(None, "a red square")
    assert trace.light == here.light is not None
    np.testing.assert_allclose(trace.grains[0].vector, here.grains[0].vector, atol=1e-6)
