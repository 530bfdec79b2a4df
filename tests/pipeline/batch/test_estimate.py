"""Dry runs: as many calls as will be made, costs by hand, and nothing asked, loaded or written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.asking.budget import Budget
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.dry import AskedBefore, _fitting
from likebut.pipeline.asking.ledger import total
from likebut.pipeline.batch.estimate import Row, estimate
from likebut.pipeline.batch.run import run_batch, unanswered
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import RerankStage
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.machine import models
from likebut.pipeline.records.chat import Price, Reply
from likebut.pipeline.records.queries import read_queries
from likebut.pipeline.records.trace import Description, Intent, Query, Scope, Trace
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import REPLY, colour_composer, entries


def red(tmp_path: Path, words: str = "make it blue", ident: str = "q") -> Query:
    return Query(ident, tmp_path / "gallery" / "red.png", words)


def priced(composer: Composer, budget: Budget | None = None) -> Composer:
    """The composer with a captioner at 1 / 10 and a reasoner at 2 / 20 dollars a million tokens."""
    budget = budget or Budget()
    composer.captioner.account = budget.account("captioner", Price(input=1, output=10))
    composer.reasoner.account = budget.account("reasoner", Price(input=2, output=20))
    return composer


def by_stage(rows: Sequence[Row]) -> dict[str, Row]:
    return {row.stage: row for row in rows}


def state(folder: Path) -> dict[str, bytes]:
    """All files; -shm is the memory that processes share while they have the cache open."""
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_calls_tokens_and_dollars_are_worked_out_by_hand(tmp_path: Path) -> None:
    """Nothing is cached: replies take a third of max_tokens (512), prompts what `tokens` guesses."""
    composer = priced(colour_composer(tmp_path))
    asked = [red(tmp_path), red(tmp_path, "make it green", "g"), Query("text", None, "a cat")]
    rows = by_stage(estimate(composer, asked).rows)
    describe, reason = rows["describe"], rows["reason"]
    assert (describe.queries, describe.calls, describe.cached) == (2, 1, 0)  # one picture
    assert (reason.queries, reason.calls, reason.cached) == (2, 2, 0)
    assert (describe.reply_tokens, reason.reply_tokens) == (171, 341)
    assert describe.cost == pytest.approx((describe.prompt_tokens * 1 + 512 / 3 * 10) / 1e6)
    assert reason.cost == pytest.approx((reason.prompt_tokens * 2 + 1024 / 3 * 20) / 1e6, rel=1e-3)
    assert (describe.seconds, reason.seconds) == (None, None)
    # At most: the caption is 512 tokens long; each reason call is made three times, 512 tokens each,
    # and reads the replies before it: 0 + 1 + 2 of them, each with 40 tokens of advice.
    assert (describe.most_calls, reason.most_calls) == (1, 6)
    assert describe.most_tokens == describe.prompt_tokens + 512
    assert reason.most_tokens == 3 * reason.prompt_tokens + 2 * 3 * (512 + 40) + 2 * 3 * 512


def test_what_is_known_of_a_model_replaces_the_guesses(tmp_path: Path) -> None:
    composer = priced(colour_composer(tmp_path))
    composer.compose([red(tmp_path)])
    row = by_stage(estimate(composer, [red(tmp_path), red(tmp_path, "bluer!", "r")]).rows)
    assert (row["describe"].calls, row["describe"].cached, row["describe"].cost) == (1, 1, 0.0)
    reason = row["reason"]
    assert (reason.calls, reason.cached, reason.most_calls) == (2, 1, 3)
    reply = composer.compose([red(tmp_path)])[0].exchanges[-1].reply
    assert reason.reply_tokens == reply.reply_tokens
    # The other sentence is shorter by a few characters: within two tokens of the reply's own count.
    assert abs(reason.prompt_tokens - reply.prompt_tokens) <= 2


def test_seconds_are_those_of_earlier_replies_side_by_side_where_the_engine_does_that(
    tmp_path: Path,
) -> None:
    composer = colour_composer(tmp_path)
    cache: Cache = composer.captioner.cache
    for number, seconds in enumerate((2.0, 4.0)):
        cache.put_answer(f"k{number}", "script", Reply("yes", 9, 6, seconds))
    assert by_stage(estimate(composer, [red(tmp_path)]).rows)["describe"].seconds == 3.0
    served = composer.captioner
    served.spec = EngineSpec("openai", "script", options={"concurrency": 2})
    assert by_stage(estimate(composer, [red(tmp_path)]).rows)["describe"].seconds == 1.5


def test_a_price_that_nobody_named_is_not_known_and_cached_calls_cost_nothing(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    budget = Budget()
    composer.captioner.account = budget.account("script", None)
    assert by_stage(estimate(composer, [red(tmp_path)]).rows)["describe"].cost is None
    composer.compose([red(tmp_path)])
    assert by_stage(estimate(composer, [red(tmp_path)]).rows)["describe"].cost == 0.0


def test_a_query_that_cannot_be_asked_is_named_and_takes_no_call(tmp_path: Path) -> None:
    found = estimate(colour_composer(tmp_path), [Query("lost", tmp_path / "none.png", "x")])
    assert found.rows == ()
    assert found.failing[0][0] == "lost"
    assert "none.png" in found.failing[0][1]


def test_captions_that_are_given_take_no_call(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    row = Trace(Query("q", None, "x", row=0), description=Description(("a", "b")))
    told = estimate(composer, [row])
    assert [row.stage for row in told.rows] == ["reason"]
    known = Trace(red(tmp_path), description=Description(), intent=Intent("a rose"))
    shown = estimate(composer, [known])
    assert shown.rows == ()


def test_a_gallery_that_must_be_captioned_is_counted(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("weimocir"))
    pictures = sorted((tmp_path / "gallery").glob("*.png"))
    rows = by_stage(estimate(composer, [red(tmp_path)], gallery=pictures).rows)
    captions = composer.recipe.describe.captions if composer.recipe.describe else 0
    assert rows["caption gallery"].calls == captions * 4
    assert "describe" not in rows  # the reference is one of them


def test_what_one_estimate_asks_is_cached_for_the_next_of_the_same_command(tmp_path: Path) -> None:
    asked = AskedBefore()
    first = colour_composer(tmp_path)
    second = replace(first, recipe=load_recipe("cirevl"))
    assert by_stage(estimate(first, [red(tmp_path)], asked=asked).rows)["describe"].cached == 0
    rows = by_stage(estimate(second, [red(tmp_path)], asked=asked).rows)
    assert (rows["describe"].calls, rows["describe"].cached) == (1, 1)
    assert (rows["reason"].calls, rows["reason"].cached) == (1, 0)


def test_unusable_replies_in_the_cache_are_followed_by_the_retries_that_will_be_made(
    tmp_path: Path,
) -> None:
    composer = colour_composer(tmp_path, (".", "no idea"))
    composer.compose([red(tmp_path)])
    row = by_stage(estimate(composer, [red(tmp_path)]).rows)["reason"]
    assert (row.calls, row.cached) == (3, 3)


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}, True),
        ({"type": "array", "minItems": 2, "items": {"type": "integer", "minimum": 3}}, True),
        ({"type": "object", "required": ["n"], "properties": {"n": {"enum": ["x", "y"]}}}, True),
        ({"type": ["boolean", "null"]}, True),
        ({"const": 7}, True),
        ({"type": "string", "pattern": "^[a-z]{40}$"}, False),
    ],
)
def test_a_stand_in_fits_its_schema_or_ends_the_asking(schema: dict[str, Any], fits: bool) -> None:
    from jsonschema import validate

    reply = _fitting(schema)
    assert (not reply.error) is fits
    if fits:
        validate(json.loads(reply.text), schema)
    else:
        assert reply.finish == "refused"


def test_a_hub_model_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "hub_commit", lambda *_: None)
    monkeypatch.setattr("likebut.pipeline.engines.make_engine", lambda _: pytest.fail("loaded"))
    composer = assemble(Setup("likebut", "cpu", cache=tmp_path / "none" / "c.sqlite"), dry=True)
    reference = colour_composer(tmp_path)  # for its pictures
    assert reference.index is not None
    rows = estimate(composer, [red(tmp_path)]).rows
    assert [(row.calls, row.cached) for row in rows] == [(1, 0), (2, 0)]
    assert not (tmp_path / "none").exists()


def test_as_many_calls_are_made_as_were_estimated_on_the_drawn_world(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half the queries first: the estimate of the rest counts the answers they share apart."""
    shutil.copytree(drawn, tmp_path / "gallery")
    queries = read_queries(tmp_path / "gallery" / "queries.jsonl")
    cache, out = tmp_path / "c.sqlite", tmp_path / "out.jsonl"

    def open_composer(budget: Budget | None = None, *, dry: bool = False) -> Composer:
        return assemble(Setup("likebut", "pocket", cache=cache), budget, dry=dry)

    def answer(count: int) -> tuple[int, int, int]:
        from likebut.indexes.build import build

        budget = Budget()
        composer = open_composer(budget)
        build([tmp_path / "gallery"], tmp_path / "index", composer.encoder)
        run_batch(queries[:count], out, composer.on(tmp_path / "index"), k=1)
        spent = total(budget.session)
        return spent.calls, spent.cached, spent.reply_tokens

    def expect() -> tuple[int, int, int]:
        with monkeypatch.context() as patch:
            patch.setattr("likebut.pipeline.engines.make_engine", lambda _: pytest.fail("loaded"))
            patch.setattr("likebut.pipeline.encoders.make_encoder", lambda _: pytest.fail("loaded"))
            before = state(tmp_path)
            rows = estimate(open_composer(dry=True), unanswered(queries, out)).rows
            assert state(tmp_path) == before
        return (
            sum(r.to_make for r in rows),
            sum(r.cached for r in rows),
            sum(r.reply_tokens for r in rows),
        )

    whole = expect()
    assert (whole[0] > 20, whole[1]) == (True, 0)
    first = answer(10)
    rest = expect()
    second = answer(20)
    assert rest[:2] == second[:2]
    assert rest[1] > 0  # pictures that both halves ask about
    assert first[0] + second[0] == whole[0]
    assert rest[2] == pytest.approx(second[2], rel=0.15)
    out.unlink()
    assert expect() == (0, whole[0], 0)


def test_a_reasoner_that_was_away_is_asked_again_in_the_estimate(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    away = replace(composer, reasoner=entries(composer.reasoner.cache, {"match": ".", "error": "HTTP 503"}))
    assert away.compose([red(tmp_path)])[0].error
    back = replace(composer, reasoner=entries(composer.reasoner.cache, {"match": ".", "reply": REPLY}))
    row = by_stage(estimate(back, [red(tmp_path)]).rows)["reason"]
    assert (row.calls, row.cached) == (1, 0)


def test_shortlists_and_whole_subsets_are_counted_and_captions_of_hits_once_a_picture(
    tmp_path: Path,
) -> None:
    stage = RerankStage.model_validate({"judge": "yes", "top": 3})
    recipe = load_recipe("cirevl").model_copy(update={"rerank": [stage]})
    composer = colour_composer(tmp_path, recipe=recipe)
    asked = [Trace(red(tmp_path), scope=Scope(subset=range(6))), Trace(red(tmp_path, "bluer", "r"))]

    def rows(pictures: int | None, composer: Composer = composer) -> list[tuple[str, int]]:
        found = estimate(composer, asked, pictures=pictures).rows
        return [(row.model, row.most_calls) for row in found if row.bounded]

    # (3 + 6) + 3 hits; of a gallery of four pictures, four captions
    assert rows(4) == [("script", 12), ("script", 4)]
    assert rows(None) == [("script", 12), ("script", 12)]
    assert rows(0) == [("script", 12)]
    assert rows(4, replace(composer, judge_sees=True)) == [("script", 12)]
