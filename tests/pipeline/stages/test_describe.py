"""Describe: captions per reference, in order, whatever the model says about the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.scripted import ScriptedEngine
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.chat import Reply, Sampling
from likebut.pipeline.stages.describe import describe
from tests.pipeline.colours import entries, paint_gallery, scripted


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    return paint_gallery(tmp_path / "gallery")


def test_every_reference_gets_its_own_caption_in_order(tmp_path: Path, gallery: Path) -> None:
    engine = scripted(Cache(tmp_path / "c"), ("blue", "a blue square"), ("red", "a red square"))
    paths = [gallery / "red.png", gallery / "blue.png", gallery / "red.png"]
    described = describe(paths, prompting.load("describe/dense"), engine, Sampling())
    assert [description.captions[0] for description, _ in described] == [
        "a red square",
        "a blue square",
        "a red square",
    ]
    assert [len(exchanges) for _, exchanges in described] == [1, 1, 1]


def test_several_captions_are_sampled_and_all_kept(tmp_path: Path, gallery: Path) -> None:
    engine = scripted(Cache(tmp_path / "c"), (".", "a square"))
    prompt = prompting.load("describe/dense")
    description, exchanges = describe([gallery / "red.png"], prompt, engine, Sampling(), 3)[0]
    assert description.captions == ("a square",) * 3
    assert [exchange.stage for exchange in exchanges] == ["describe"] * 3


def test_an_empty_caption_is_left_out_and_its_exchange_is_kept(tmp_path: Path, gallery: Path) -> None:
    engine = scripted(Cache(tmp_path / "c"), ("red", "  \n "), (".", "a square"))
    prompt = prompting.load("describe/dense")
    empty, good = describe([gallery / "red.png", gallery / "blue.png"], prompt, engine, Sampling())
    assert empty[0].captions == ()
    assert len(empty[1]) == 1
    assert good[0].captions == ("a square",)


def test_a_call_that_failed_is_the_problem_of_its_reference_alone(tmp_path: Path, gallery: Path) -> None:
    cache, prompt = Cache(tmp_path / "c"), prompting.load("describe/dense")
    paths = [gallery / "red.png", gallery / "blue.png"]
    good = {"match": ".", "reply": "a square"}
    engine = entries(cache, {"match": "red", "error": "the connection failed"}, good)
    bad, fine = describe(paths, prompt, engine, Sampling())
    assert bad[0].captions == ()
    assert bad[0].problem == "the captioner gave no answer: the connection failed"
    assert bad[1][0].reply.error == "the connection failed"
    assert (fine[0].captions, fine[0].problem) == (("a square",), "")


def test_one_failed_call_of_several_leaves_no_caption(tmp_path: Path, gallery: Path) -> None:
    """Two captions where three were asked for would be another method's."""
    turns = iter(["a", None, "b"])

    class Unsteady(ScriptedEngine):
        def _answer(self, request: Request) -> Reply:
            text = next(turns)
            return Reply("", finish="failed", error="HTTP 500") if text is None else Reply(text)

    spec = EngineSpec("scripted", "s", options={"replies": []})
    engine = CachedEngine(spec, Cache(tmp_path / "c"), engine=Unsteady(spec))
    prompt = prompting.load("describe/dense")
    description, exchanges = describe([gallery / "red.png"], prompt, engine, Sampling(), 3)[0]
    assert (description.captions, len(exchanges)) == ((), 3)
    assert "HTTP 500" in description.problem
    turns = iter(["c"])  # only the failed one is asked again
    description, _ = describe([gallery / "red.png"], prompt, engine, Sampling(), 3)[0]
    assert description.captions == ("a", "c", "b")


def test_a_caption_that_was_cut_is_no_caption(tmp_path: Path, gallery: Path) -> None:
    cut = {"match": "red", "reply": "a square that", "finish": "length"}
    engine = entries(Cache(tmp_path / "c"), cut, {"match": ".", "reply": "a square"})
    prompt = prompting.load("describe/dense")
    bad, fine = describe([gallery / "red.png", gallery / "blue.png"], prompt, engine, Sampling())
    assert bad[0].captions == ()
    assert "cut at 3 tokens" in bad[0].problem
    assert "max_tokens" in bad[0].problem
    assert fine[0].captions == ("a square",)


def test_a_prompt_may_be_told_the_modification_and_each_has_its_own_caption(
    tmp_path: Path, gallery: Path
) -> None:
    engine = scripted(Cache(tmp_path / "c"), ("Change: the edge", "an edge"), (".", "a square"))
    prompt = prompting.load("describe/pointed")
    paths = [gallery / "red.png"] * 2
    for _ in range(2):  # the second time from the cache
        told = describe(paths, prompt, engine, Sampling(), 1, ["the edge", "the colour"])
        assert [description.caption for description, _ in told] == ["an edge", "a square"]


def test_a_prompt_that_needs_a_modification_where_there_is_none_says_so(
    tmp_path: Path, gallery: Path
) -> None:
    engine = scripted(Cache(tmp_path / "c"), (".", "a square"))
    with pytest.raises(ConfigError, match="describe/pointed needs the variable 'modification'"):
        describe([gallery / "red.png"], prompting.load("describe/pointed"), engine, Sampling())
