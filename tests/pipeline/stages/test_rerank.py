"""The rerank stage: the shortlist moves by what a judge says, and nothing else does."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import RerankStage
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Hit, Judgement, Query, Scope, Trace
from likebut.pipeline.records.traces import trace_from_json, trace_to_json
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages import rerank
from likebut.pipeline.stages.rerank import reranked
from tests.pipeline.colours import REPLY, colour_composer, scripted


def stage(**values: Any) -> RerankStage:
    return RerankStage.model_validate({"judge": "yes", "top": 3, **values})


def hits(*scores: float) -> list[Hit]:
    return [Hit(n + 1, n, str(n), f"/g/{n}", s, {"a": s}) for n, s in enumerate(scores)]


def order(found: tuple[Hit, ...]) -> list[int]:
    return [hit.row for hit in found]


def test_the_logit_of_the_confidence_is_added_in_units_of_the_shortlists_spread() -> None:
    # scores 3, 2, 1: spread √(2/3); logits of 0.5, 0.9, 0.1: 0, ln 9, −ln 9
    found = reranked(hits(3.0, 2.0, 1.0, 0.5), {0: 0.5, 1: 0.9, 2: 0.1}, stage())
    assert order(found) == [1, 0, 2, 3]
    spread = (2 / 3) ** 0.5
    assert found[0].score == pytest.approx(2.0 + spread * np.log(9))
    assert [hit.rank for hit in found] == [1, 2, 3, 4]
    assert [(hit.before, hit.judged) for hit in found[:2]] == [(2, 0.9), (1, 0.5)]
    for hit in found:
        assert sum(hit.shares.values()) == pytest.approx(hit.score)


def test_other_fusions_add_multiply_or_replace() -> None:
    said = {0: 0.1, 1: 0.5, 2: 0.9}
    # 3 + 2 · 0.1, 2 + 2 · 0.5, 1 + 2 · 0.9
    more = reranked(hits(3.0, 2.0, 1.0), said, stage(fusion="add", weight=2.0))
    assert [(hit.row, hit.score) for hit in more] == [
        (0, pytest.approx(3.2)),
        (1, 3.0),
        (2, pytest.approx(2.8)),
    ]
    times = reranked(hits(3.0, 2.0, 1.0), said, stage(fusion="multiply"))
    assert [(hit.row, hit.score) for hit in times] == [
        (1, 1.0),
        (2, pytest.approx(0.9)),
        (0, pytest.approx(0.3)),
    ]
    assert order(reranked(hits(3.0, 2.0, 1.0), said, stage(fusion="replace"))) == [2, 1, 0]


def test_a_hit_without_an_answer_stays_in_its_place() -> None:
    found = reranked(hits(4.0, 3.0, 2.0), {0: 0.1, 2: 0.9}, stage(fusion="replace"))
    assert order(found) == [2, 1, 0]
    assert found[1].judged is None


@given(
    st.lists(st.floats(-2, 2), min_size=1, max_size=12),
    st.dictionaries(st.integers(0, 11), st.floats(0, 1)),
    st.integers(1, 12),
    st.sampled_from(["logit", "add", "multiply", "replace"]),
)
def test_nothing_below_the_shortlist_passes_it_and_scores_fall(
    scores: list[float], said: dict[int, float], top: int, fusion: str
) -> None:
    before = hits(*sorted(scores, reverse=True))
    found = reranked(before, {r: c for r, c in said.items() if r < top}, stage(top=top, fusion=fusion))
    assert sorted(order(found)[:top]) == list(range(min(top, len(before))))
    assert order(found)[top:] == list(range(top, len(before)))
    for one, other in itertools.pairwise(found):
        assert one.score >= other.score
    for hit in found:
        assert sum(hit.shares.values()) == pytest.approx(hit.score, abs=1e-9)


def judged_composer(tmp_path: Path, *verdicts: dict[str, Any], **stage_values: Any) -> Any:
    """The colour world, whose judge answers by script about captions that the captioner wrote."""
    recipe = load_recipe("cirevl").model_copy(update={"rerank": [stage(**stage_values)]})
    composer = colour_composer(tmp_path, (".", REPLY), recipe=recipe)
    captions = [
        {"match": f"{name}.png", "reply": f"a {name} square"} for name in ("red", "green", "blue", "grey")
    ]
    cache = Cache(tmp_path / "judged.sqlite")
    judge = scripted(cache, (".", "Yes"))
    judge.engine.script = scripted_entries(*verdicts)  # type: ignore[attr-defined]
    captioner = scripted(cache, (".", "a"))
    captioner.engine.script = scripted_entries(*captions)  # type: ignore[attr-defined]
    return replace(composer, captioner=captioner, judge=judge)


def scripted_entries(*entries: dict[str, Any]) -> list[Any]:
    import re

    return [(re.compile(entry["match"], re.DOTALL), entry) for entry in entries]


NO = {"match": ".", "chances": {"Yes": 0.1, "No": 0.9}}


def test_a_judge_reads_the_captions_of_the_first_hits_and_moves_them(tmp_path: Path) -> None:
    sure = {"match": "Candidate: a green square", "chances": {"Yes": 0.6, "No": 0.2}}
    composer = judged_composer(tmp_path, sure, NO, top=4, fusion="replace")
    trace = composer.ask(tmp_path / "gallery" / "red.png", "make it blue", k=2)
    assert next(Path(hit.path).stem for hit in trace.ranking.hits) == "green"
    assert len(trace.ranking.hits) == 2
    assert trace.ranking.hits[0].judged == pytest.approx(0.75)
    asked = [exchange for exchange in trace.exchanges if exchange.stage == "rerank"]
    assert len(asked) == 3  # the reference is left out of the ranking
    assert "Wanted: " in asked[0].messages[-1].text
    assert trace.judgements == (Judgement("yes", 3, 0),)
    assert trace.seconds["rerank"] >= 0
    again = trace_from_json(trace_to_json(trace))
    assert (again.judgements, again.ranking) == (trace.judgements, trace.ranking)


def test_a_judge_may_be_shown_the_beginning_of_captions(tmp_path: Path) -> None:
    long = {"match": ".", "reply": "a green square. It is alone."}
    for sentences, shown in ((1, "a green square."), (0, "a green square. It is alone.")):
        composer = judged_composer(tmp_path, NO, top=1, sentences=sentences)
        composer.captioner.engine.script = scripted_entries(long)
        trace = composer.ask(tmp_path / "gallery" / "red.png", "make it blue", k=1)
        asked = next(exchange for exchange in trace.exchanges if exchange.stage == "rerank")
        assert f"Candidate: {shown}\n" in f"{asked.messages[-1].text}\n"


def test_a_failure_of_one_candidate_leaves_it_and_is_counted(tmp_path: Path) -> None:
    lost = {"match": "Candidate: a blue", "error": "no answer"}
    composer = judged_composer(tmp_path, lost, NO, top=4)
    trace = composer.ask(tmp_path / "gallery" / "red.png", "make it blue", k=4)
    assert Path(trace.ranking.hits[0].path).stem == "blue"
    assert trace.ranking.hits[0].judged is None
    assert trace.judgements[0].failed == 1
    assert "no answer about 1 of 3" in trace.warnings[-1]


def test_a_subset_is_judged_whole(tmp_path: Path) -> None:
    sure = {"match": "Candidate: a grey square", "chances": {"Yes": 0.9, "No": 0.1}}
    composer = judged_composer(tmp_path, sure, NO, top=1, fusion="replace")
    row = {Path(item.path).stem: item.row for item in composer.gallery.all_items()}
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    scope = Scope([row["red"]], [row["green"], row["grey"], row["blue"]])
    (trace,) = composer.compose([Trace(query, scope=scope)], 4)
    assert next(Path(hit.path).stem for hit in trace.subset.hits) == "grey"
    assert next(Path(hit.path).stem for hit in trace.ranking.hits) == "blue"  # alone on the shortlist
    assert trace.judgements[0].asked == 3


def test_a_judge_of_orders_is_shown_the_subset_as_a_list_of_its_own(tmp_path: Path) -> None:
    # blue and grey are the shortlist, blue, grey and green the subset
    whole = {"match": "a green square", "reply": '{"order": [3, 1, 2]}'}
    short = {"match": ".", "reply": '{"order": [2, 1]}'}
    composer = judged_composer(tmp_path, whole, short, judge="list", top=2, fusion="replace")
    row = {Path(item.path).stem: item.row for item in composer.gallery.all_items()}
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    scope = Scope([row["red"]], [row["green"], row["grey"], row["blue"]])
    (trace,) = composer.compose([Trace(query, scope=scope)], 4)
    assert [Path(hit.path).stem for hit in trace.ranking.hits[:2]] == ["grey", "blue"]
    assert [Path(hit.path).stem for hit in trace.subset.hits] == ["green", "blue", "grey"]
    assert trace.judgements[0] == Judgement("list", 3, 0)
    asked = [one for one in trace.exchanges if one.stage == "rerank"]
    assert ["green" in one.messages[-1].text for one in asked] == [False, True]


def test_of_a_large_subset_the_first_hits_are_judged_and_none_below_passes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerank, "SMALL", 2)
    sure = {"match": "Candidate: a grey square", "chances": {"Yes": 0.9, "No": 0.1}}
    composer = judged_composer(tmp_path, sure, NO, top=2, fusion="replace")
    row = {Path(item.path).stem: item.row for item in composer.gallery.all_items()}
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    members = [row["green"], row["grey"], row["blue"]]
    (trace,) = composer.compose([Trace(query, scope=Scope([row["red"]], members))], 4)
    # Blue and grey come first, and are judged; green, which is not, stays below both.
    assert [Path(hit.path).stem for hit in trace.subset.hits] == ["grey", "blue", "green"]
    assert [hit.judged is None for hit in trace.subset.hits] == [False, False, True]
    assert trace.subset.hits[2].score < trace.subset.hits[1].score
    assert trace.judgements[0].asked == 2


def test_a_judge_that_sees_is_shown_reference_and_candidate(tmp_path: Path) -> None:
    composer = judged_composer(tmp_path, NO, top=2)
    composer = replace(composer, judge_sees=True)
    reference = tmp_path / "gallery" / "red.png"
    trace = composer.ask(reference, "make it blue", k=2)
    asked = [exchange for exchange in trace.exchanges if exchange.stage == "rerank"]
    assert [message.images for message in asked[0].messages if message.images] == [
        (reference, Path(trace.ranking.hits[0].path))
    ]
    assert asked[0].prompt == "judge/yes-seen"


def test_a_second_time_every_verdict_comes_from_the_cache(tmp_path: Path) -> None:
    composer = judged_composer(tmp_path, NO, top=3)
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    composer.compose([query], 4)
    (again,) = composer.compose([query], 4)
    asked = [exchange for exchange in again.exchanges if exchange.stage == "rerank"]
    assert asked
    assert all(exchange.reply.cached for exchange in asked)
    assert asked[0].reply.chances == {"Yes": 0.1, "No": 0.9}


def test_judges_are_named_and_left_out_by_an_option(tmp_path: Path) -> None:
    def recipe(**values: Any) -> Any:
        return assemble(Setup(cache=tmp_path / "c", **values)).recipe

    assert recipe(rerank="yes", top=7).rerank == [stage(top=7)]
    assert recipe().rerank == []
    with pytest.raises(ConfigError, match="no judge 'yess'"):
        recipe(rerank="yess")
    with pytest.raises(ConfigError, match="no judge for --top"):
        recipe(top=5)
    mine = tmp_path / "mine.toml"
    mine.write_text('description = "x"\n[grains]\nmodification = 1.0\n[rerank]\njudge = "yes"\n')
    assert recipe(recipe=str(mine)).rerank == [stage(top=20)]
    assert recipe(recipe=str(mine), rerank="none").rerank == []


def test_judges_follow_one_another(tmp_path: Path) -> None:
    """The first prefers grey to all, the second accepts blue among the first three."""
    composer = judged_composer(
        tmp_path,
        {"match": "Candidates: ", "reply": "all of them"},
        {"match": "Candidate: a grey", "chances": {"Yes": 0.4, "No": 0.6}},
        {"match": "Candidate: a blue", "chances": {"Yes": 0.3, "No": 0.7}},
        NO,
        top=3,
    )
    both = [stage(top=3, fusion="replace"), RerankStage.model_validate({"judge": "list", "top": 2})]
    composer = replace(composer, recipe=composer.recipe.model_copy(update={"rerank": both}))
    trace = composer.ask(tmp_path / "gallery" / "red.png", "make it blue", k=2)
    assert [Path(hit.path).stem for hit in trace.ranking.hits] == ["grey", "blue"]
    assert [(one.judge, one.asked) for one in trace.judgements] == [("yes", 3), ("list", 2)]
    assert trace.judgements[1].failed == 2  # this script writes no list
