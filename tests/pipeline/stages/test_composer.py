"""The composer: stages in order over a batch, and nobody's fault spoils the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from likebut.indexes.errors import IndexIncompatible
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.records.trace import Description, Intent, Query, Trace
from likebut.pipeline.records.traces import trace_from_json, trace_to_json
from likebut.pipeline.stages.running import run
from tests.pipeline.colours import REPLY, ColourEncoder, colour_composer, entries


def names(trace: Trace) -> list[str]:
    return [Path(hit.path).stem for hit in trace.ranking.hits]


def red(tmp_path: Path, modification: str = "make it blue", ident: str = "q") -> Query:
    return Query(ident, tmp_path / "gallery" / "red.png", modification)


def test_a_composed_query_runs_through_all_stages(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    trace = composer.compose([red(tmp_path)], 3)[0]
    assert trace.description.captions == ("a square of one colour",)
    assert trace.intent.target_caption == "a blue square"
    assert names(trace)[0] == "blue"
    assert [exchange.stage for exchange in trace.exchanges] == ["describe", "reason"]
    assert list(trace.seconds) == ["check", "earlier", "describe", "reason", "ground", "search"]


def test_the_reference_is_left_out_and_so_is_its_copy(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    copy = tmp_path / "elsewhere.png"
    copy.write_bytes((tmp_path / "gallery" / "red.png").read_bytes())
    for reference in (tmp_path / "gallery" / "red.png", copy):
        trace = composer.compose([Query("q", reference, "x")], 10)[0]
        assert sorted(names(trace)) == ["blue", "green", "grey"]


def test_a_recipe_may_keep_the_reference(tmp_path: Path) -> None:
    recipe = load_recipe("image-only").model_copy(update={"exclude_reference": False})
    trace = colour_composer(tmp_path, recipe=recipe).compose([red(tmp_path)], 10)[0]
    assert names(trace)[0] == "red"
    assert len(trace.ranking.hits) == 4


def test_the_shares_of_a_hit_add_up_to_its_score(tmp_path: Path) -> None:
    for recipe in ("likebut", "cirevl"):
        composer = colour_composer(tmp_path, recipe=load_recipe(recipe))
        for hit in composer.compose([red(tmp_path)], 10)[0].ranking.hits:
            assert sum(hit.shares.values()) == pytest.approx(hit.score, abs=1e-3)


def test_a_cosine_is_worked_out_by_hand(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    hits = composer.compose([red(tmp_path)], 10)[0].ranking.hits
    scores = {Path(hit.path).stem: hit.score for hit in hits}
    assert scores["blue"] == pytest.approx(1.0, abs=1e-3)
    assert scores["grey"] == pytest.approx(3**-0.5, abs=1e-3)
    assert scores["green"] == pytest.approx(0.0, abs=1e-3)


def test_text_alone_needs_no_model_but_the_encoder(tmp_path: Path) -> None:
    trace = colour_composer(tmp_path).compose([Query("q", None, "green things")], 2)[0]
    assert names(trace)[0] == "green"
    assert trace.exchanges == ()
    assert [grain.role for grain in trace.grains] == ["target_caption"]


def test_a_reference_alone_finds_the_nearest_pictures(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    trace = composer.compose([Query("q", tmp_path / "gallery" / "grey.png")], 4)[0]
    assert [grain.role for grain in trace.grains] == ["reference"]
    assert sorted(names(trace)) == ["blue", "green", "red"]


def test_a_set_target_caption_asks_no_model(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    known = Trace(
        red(tmp_path), intent=Intent("green", elements={"forbidden": ("red",)}), description=Description()
    )
    trace = composer.compose([known], 1)[0]
    assert names(trace) == ["green"]
    assert trace.intent.of("forbidden") == ("red",)
    assert trace.exchanges == ()


def test_a_set_caption_is_reasoned_about(tmp_path: Path) -> None:
    known = Trace(red(tmp_path), description=Description(("a rose",)))
    trace = colour_composer(tmp_path).compose([known], 1)[0]
    assert "Caption: a rose" in trace.exchanges[0].messages[-1].text
    assert len(trace.exchanges) == 1


def test_an_unusable_reply_is_asked_for_again_and_then_marked_as_fallback(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (".", "no idea"))
    trace = composer.compose([red(tmp_path, "make it green")], 1)[0]
    assert trace.intent.target_caption == "a square of one colour, make it green"
    assert "no JSON" in trace.intent.fallback
    assert [e.stage for e in trace.exchanges] == ["describe", "reason", "reason", "reason"]


def test_a_reply_that_is_right_the_second_time_is_no_fallback(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, ("cannot be used", REPLY), ("Caption:", "hm"))
    trace = composer.compose([red(tmp_path)], 1)[0]
    assert trace.intent.fallback == ""
    assert trace.intent.target_caption == "a blue square"
    assert len(trace.exchanges) == 3


def test_one_bad_query_does_not_spoil_the_others(tmp_path: Path) -> None:
    text = tmp_path / "notes.png"
    composer = colour_composer(tmp_path)
    text.write_text("hello")
    traces = composer.compose(
        [
            red(tmp_path, ident="good"),
            Query("missing", tmp_path / "no.png", "x"),
            Query("text", text, "x"),
            Query("empty"),
        ],
        1,
    )
    assert [trace.query.id for trace in traces] == ["good", "missing", "text", "empty"]
    assert names(traces[0]) == ["blue"]
    assert "no.png" in traces[1].error
    assert "notes.png" in traces[2].error
    assert "neither" in traces[3].error


def test_a_recipe_that_has_nothing_to_weigh_says_so(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("image-only"))
    trace = composer.compose([Query("q", None, "green")], 1)[0]
    assert "no grain" in trace.error
    assert "image-only" in trace.error


def test_a_text_that_is_too_long_is_used_and_reported(tmp_path: Path) -> None:
    trace = colour_composer(tmp_path).compose([red(tmp_path, "very " * 20 + "blue")], 1)[0]
    assert any("modification has 23 tokens and the encoder reads 6" in w for w in trace.warnings)


def test_every_text_of_a_batch_is_encoded_once(tmp_path: Path) -> None:
    encoder = ColourEncoder()
    composer = colour_composer(tmp_path, encoder=encoder)
    composer.compose([red(tmp_path, ident=str(n)) for n in range(5)], 1)
    assert sorted(encoder.texts) == sorted(set(encoder.texts))
    before = len(encoder.texts)
    composer.compose([red(tmp_path)], 1)
    assert len(encoder.texts) == before


def test_a_missing_model_stops_the_batch(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, ("never", "x"))
    with pytest.raises(ModelError, match="no answer"):
        composer.compose([red(tmp_path)], 1)


def test_without_an_index_there_is_nothing_to_search(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no index"):
        replace(colour_composer(tmp_path), index=None).compose([red(tmp_path)])


def test_describing_and_reasoning_need_no_index(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), index=None)
    trace = composer.compose([red(tmp_path)], until="reason")[0]
    assert trace.intent.target_caption == "a blue square"
    assert (trace.grains, trace.ranking.hits) == ((), ())


def test_an_index_of_another_encoder_is_refused(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    other = ColourEncoder()
    other.fingerprint = "v2"
    with pytest.raises(IndexIncompatible):
        colour_composer(tmp_path / "x", encoder=other).on(composer.index.folder)  # type: ignore[union-attr]


def test_a_trace_survives_json(tmp_path: Path) -> None:
    import json

    trace = colour_composer(tmp_path).compose([red(tmp_path)], 2)[0]
    record = json.loads(json.dumps(trace_to_json(trace)))
    assert trace_to_json(trace_from_json(record)) == record
    assert trace_from_json(record).ranking == trace.ranking


def test_a_reasoner_that_is_away_is_the_error_of_its_query_and_no_fallback(tmp_path: Path) -> None:
    """A fallback would be scored; nobody would know that the server was down."""
    composer = colour_composer(tmp_path)
    composer = replace(
        composer,
        reasoner=entries(
            composer.reasoner.cache,
            {"match": "lost", "error": "HTTP 503"},
            {"match": "long", "error": "HTTP 400: context length", "finish": "refused"},
            {"match": ".", "reply": REPLY},
        ),
    )
    asked = [red(tmp_path, f"make it {word}", word) for word in ("blue", "lost", "long")]
    good, lost, long = composer.compose(asked, 1)
    assert names(good) == ["blue"]
    assert lost.error == "the reasoner gave no answer: HTTP 503"
    assert (lost.ranking.hits, lost.exchanges[-1].reply.error) == ((), "HTTP 503")
    assert not long.error
    assert long.intent.fallback == "HTTP 400: context length"
    assert len(long.ranking.hits) == 1


def test_a_trace_keeps_how_replies_ended_who_answered_and_what_was_repaired(tmp_path: Path) -> None:
    import json

    composer = colour_composer(tmp_path, (".", f"Sure: {REPLY}"))
    trace = composer.compose([red(tmp_path)], 1)[0]
    assert [exchange.repaired for exchange in trace.exchanges] == [False, True]
    record = json.loads(json.dumps(trace_to_json(trace)))
    assert record["exchanges"][1]["repaired"] is True
    assert record["exchanges"][1]["reply"]["finish"] == "stop"
    assert trace_from_json(record).exchanges == trace.exchanges
    for exchange in record["exchanges"]:  # a trace of an earlier version says none of it
        del exchange["repaired"], exchange["reply"]["finish"], exchange["reply"]["served"]
    assert trace_from_json(record).exchanges[1].reply.finish == "stop"


def test_a_describe_prompt_that_asks_for_it_is_told_the_modification(tmp_path: Path) -> None:
    recipe = load_recipe("cirevl")
    assert recipe.describe
    pointed = recipe.describe.model_copy(update={"prompt": "describe/pointed"})
    recipe = recipe.model_copy(update={"describe": pointed})
    queries = [red(tmp_path, "make it blue", "1"), red(tmp_path, "rounder", "2")]
    traces = colour_composer(tmp_path, recipe=recipe).compose(queries, 1)
    asked = [trace.exchanges[0].messages[-1].text.splitlines()[-1] for trace in traces]
    assert asked == ["Change: make it blue", "Change: rounder"]


def test_an_index_of_another_preprocessing_is_refused_as_a_build_would(tmp_path: Path) -> None:
    colour_composer(tmp_path)

    class Otherwise(ColourEncoder):
        preprocessing = "median"

    cached = CachedEncoder(
        EncoderSpec("given", "others"), Cache(tmp_path / "c2.sqlite"), encoder=Otherwise()
    )
    composer = replace(colour_composer(tmp_path), encoder=cached)
    with pytest.raises(IndexIncompatible, match="another preprocessing"):
        composer.on(tmp_path / "index")


def test_a_trace_runs_on_from_what_it_holds(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    whole = composer.compose([red(tmp_path)], 3)[0]
    grounded = composer.compose([red(tmp_path)], until="ground")
    assert composer.compose(grounded, 3)[0].ranking == whole.ranking
    for stage in composer.stages():
        assert run(stage, [whole])[0].ranking == whole.ranking
    assert composer.compose([whole], 3)[0].exchanges == whole.exchanges  # nobody is asked again


def test_a_saved_trace_gives_its_ranking_again_without_a_model(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    saved = trace_from_json(trace_to_json(composer.compose([red(tmp_path)], 3)[0]))
    begun = Trace(saved.query, description=saved.description, intent=saved.intent)
    again = composer.compose([begun], 3)[0]
    assert again.exchanges == ()
    assert again.ranking == saved.ranking


def test_a_reference_may_be_a_row_of_the_gallery(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("image-only"))
    row = composer.gallery.row_of("red.png")
    trace = composer.compose([Query("q", row=row)], 4)[0]
    assert names(trace)[0] == "red"  # its own place is left in: nothing says which file it is


def test_every_stage_keeps_the_order_and_the_number_of_its_traces(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    asked = [red(tmp_path, ident="a"), Query("b"), Query("c", None, "green"), red(tmp_path, ident="d")]
    traces = [Trace(query) for query in asked]
    for stage in composer.stages(k=2):
        traces = run(stage, traces)
        assert [trace.query.id for trace in traces] == ["a", "b", "c", "d"]
    assert [bool(trace.error) for trace in traces] == [False, True, False, False]
    assert [len(trace.ranking.hits) for trace in traces] == [2, 0, 2, 2]


@pytest.mark.parametrize("variant", ["likebut@", "likebut@pocket", "likebut@fashion", "likebut@photos"])
def test_every_variant_of_the_default_answers_a_sentence_alone(tmp_path: Path, variant: str) -> None:
    trace = colour_composer(tmp_path, recipe=load_recipe(variant)).ask(sentence="blue", k=1)
    assert (trace.error, [hit.id for hit in trace.ranking.hits]) == ("", ["blue.png"])
