"""One suggestion, and a second go: where the first answer is in doubt, once, and at no risk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.asking.budget import Budget, Limits
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.ledger import total
from likebut.pipeline.batch.estimate import estimate
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import RefineStage
from likebut.pipeline.errors import BudgetReached, ConfigError
from likebut.pipeline.records.trace import Query, Refinement, Trace
from likebut.pipeline.records.traces import trace_from_json, trace_to_json
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import entries
from tests.pipeline.stages.test_rerank import judged_composer

SUGGEST = {"match": "square$", "reply": '{"good": false, "suggestion": "say  blue"}'}
DOUBT = {"match": "Wanted: a green.*Candidate: a green", "chances": {"Yes": 0.3, "No": 0.7}}
SURE = {"match": "Wanted: a blue.*Candidate: a blue", "chances": {"Yes": 0.9, "No": 0.1}}
NO = {"match": ".", "chances": {"Yes": 0.1, "No": 0.9}}
SECOND = {"match": "Suggestion: say blue", "reply": '{"target_caption": "a blue square"}'}
FIRST = {"match": ".", "reply": '{"target_caption": "a green square"}'}


def doubting(
    tmp_path: Path, *verdicts: dict[str, Any], second: dict[str, Any] = SECOND, **refine: Any
) -> Composer:
    """Four squares; the reasoner first wants a green one, and a blue one where "say blue" is suggested."""
    composer = judged_composer(tmp_path, *verdicts, top=3, fusion="replace")
    stage = RefineStage.model_validate({"below": 0.7, **refine})
    reasoner = entries(Cache(tmp_path / "judged.sqlite"), second, FIRST)
    recipe = composer.recipe.model_copy(update={"refine": stage})
    return replace(composer, recipe=recipe, reasoner=reasoner)


def checked(tmp_path: Path, reply: str) -> Composer:
    """As `doubting`, without judges: a checker reads the first ten captions of every answer."""
    composer = doubting(tmp_path, {"match": "Candidates: ", "reply": reply})
    stage = RefineStage.model_validate({"prompt": "judge/check", "look": 10})
    return replace(composer, recipe=composer.recipe.model_copy(update={"rerank": [], "refine": stage}))


def query(tmp_path: Path, words: str = "another colour", ident: str = "q") -> Query:
    return Query(ident, tmp_path / "gallery" / "red.png", words)


def asked(composer: Composer, tmp_path: Path, k: int = 3) -> Trace:
    (trace,) = composer.compose([query(tmp_path)], k)
    return trace


def names(trace: Trace) -> list[str]:
    return [Path(hit.path).stem for hit in trace.ranking.hits]


def stages_of(trace: Trace) -> list[str]:
    return [exchange.stage for exchange in trace.exchanges]


def test_an_answer_in_doubt_is_refined_and_the_surer_one_takes_its_place(tmp_path: Path) -> None:
    trace = asked(doubting(tmp_path, SUGGEST, DOUBT, SURE, NO), tmp_path)
    assert names(trace)[0] == "blue"
    assert trace.intent.target_caption == "a blue square"
    assert trace.refinement == Refinement("say blue", 0.3, 0.9, stands=True, other="a green square")
    judged = ["rerank"] * 3
    assert stages_of(trace) == ["describe", "reason", *judged, "refine", "reason", *judged]
    assert (
        trace.exchanges[5].messages[-1].text.endswith("Wanted: a green square\nCandidate: a green square")
    )
    assert trace.exchanges[6].prompt == "reason/refined"
    assert {"describe", "reason", "search", "rerank", "refine"} <= set(trace.seconds)
    assert trace.warnings == ()


def test_a_second_answer_that_judges_trust_less_leaves_the_first(tmp_path: Path) -> None:
    less = {"match": "Wanted: a blue", "chances": {"Yes": 0.2, "No": 0.8}}
    trace = asked(doubting(tmp_path, SUGGEST, DOUBT, less, NO), tmp_path)
    assert names(trace)[0] == "green"
    assert trace.refinement == Refinement("say blue", 0.3, 0.2, stands=False, other="a blue square")
    assert stages_of(trace).count("rerank") == 6  # what was asked is kept with the answer


@pytest.mark.parametrize(("yes", "refined"), [(0.7, True), (0.71, False)])
def test_only_an_answer_at_or_below_the_bound_is_in_doubt(
    tmp_path: Path, yes: float, refined: bool
) -> None:
    first = {"match": "Wanted: a green.*Candidate: a green", "chances": {"Yes": yes, "No": 1 - yes}}
    trace = asked(doubting(tmp_path, SUGGEST, first, SURE, NO), tmp_path)
    assert ("refine" in stages_of(trace)) is refined
    assert (trace.refinement is not None) is refined


def test_it_happens_once_however_poor_the_second_answer_is(tmp_path: Path) -> None:
    trace = asked(doubting(tmp_path, SUGGEST, NO), tmp_path)
    assert stages_of(trace).count("refine") == 1
    assert trace.refinement is not None
    assert (trace.refinement.before, trace.refinement.after) == (0.1, 0.1)
    assert trace.refinement.stands  # judges are no less sure of it


def test_a_finished_trace_is_not_refined_again(tmp_path: Path) -> None:
    composer = doubting(tmp_path, SUGGEST, NO)
    trace = asked(composer, tmp_path)
    (again,) = composer.compose([trace], 3)
    assert stages_of(again) == stages_of(trace)


def test_an_answer_that_the_checker_finds_good_stays(tmp_path: Path) -> None:
    good = {"match": "square$", "reply": '{"good": true, "suggestion": "say blue"}'}
    trace = asked(doubting(tmp_path, good, DOUBT, NO), tmp_path)
    assert names(trace)[0] == "green"
    assert trace.refinement == Refinement("", 0.3)
    assert stages_of(trace)[-1] == "refine"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"match": "square$", "reply": "I like it"}, "the checker: the reply holds no JSON"),
        ({"match": "square$", "error": "no answer"}, "the checker: no answer"),
    ],
)
def test_a_checker_that_fails_leaves_the_first_answer(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    trace = asked(doubting(tmp_path, change, DOUBT, NO), tmp_path)
    assert (names(trace)[0], trace.error, trace.refinement) == ("green", "", None)
    assert f"the answer was not refined: {words}" in trace.warnings[-1]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"match": "Suggestion: ", "error": "no answer"}, "the reasoner gave no answer: no answer"),
        ({"match": "Suggestion: |cannot be used", "reply": "maybe"}, "no JSON"),
    ],
)
def test_a_reasoner_that_fails_in_the_second_go_leaves_the_first_answer(
    tmp_path: Path, second: dict[str, Any], words: str
) -> None:
    trace = asked(doubting(tmp_path, SUGGEST, DOUBT, SURE, NO, second=second), tmp_path)
    assert (names(trace)[0], trace.error) == ("green", "")
    assert trace.refinement is not None
    assert not trace.refinement.stands
    assert "the answer was not refined: " in trace.warnings[-1]
    assert words in trace.warnings[-1]


def test_without_judges_a_checker_reads_the_first_captions_and_the_second_answer_stands(
    tmp_path: Path,
) -> None:
    trace = asked(checked(tmp_path, str(SUGGEST["reply"])), tmp_path, k=1)
    assert names(trace) == ["blue"]  # one hit is shown, ten may be read
    told = trace.exchanges[2].messages[-1].text
    assert told.endswith("Candidates: (1) a green square (2) a grey square (3) a blue square")
    assert trace.refinement == Refinement("say blue", stands=True, other="a green square")
    assert stages_of(trace) == ["describe", "reason", "refine", "reason"]


def test_what_a_person_gives_is_never_refined(tmp_path: Path) -> None:
    composer = doubting(tmp_path, SUGGEST, DOUBT, NO)
    reference = tmp_path / "gallery" / "red.png"
    trace = composer.ask(reference, "another colour", k=3, target_caption="a green square")
    assert "refine" not in stages_of(trace)
    assert "refine" not in stages_of(composer.ask(None, "a green square", k=3))


def test_only_the_queries_in_doubt_are_asked_about(tmp_path: Path) -> None:
    sure = {"match": "Request: sure.*Candidate: a green", "chances": {"Yes": 0.8, "No": 0.2}}
    composer = doubting(tmp_path, SUGGEST, sure, DOUBT, SURE, NO)
    one, other = composer.compose([query(tmp_path), query(tmp_path, "sure of it", "s")], 3)
    assert (names(one)[0], names(other)[0]) == ("blue", "green")
    assert stages_of(other) == ["describe", "reason", *["rerank"] * 3]


def test_traces_carry_it_as_json_and_those_of_before_are_read(tmp_path: Path) -> None:
    trace = asked(doubting(tmp_path, SUGGEST, DOUBT, SURE, NO), tmp_path)
    record = json.loads(json.dumps(trace_to_json(trace)))
    assert record["refinement"]["suggestion"] == "say blue"
    assert trace_from_json(record).refinement == trace.refinement
    del record["refinement"]
    before = trace_from_json(record)
    assert before.refinement is None
    assert "refinement" not in trace_to_json(before)


def counted(composer: Composer, calls: int | None = None) -> tuple[Composer, Budget]:
    """The composer with one budget for all its engines."""
    budget = Budget(Limits(calls=calls))
    for engine in (composer.captioner, composer.reasoner, composer.judge):
        assert engine is not None
        engine.account = budget.account(engine.model, None)
    return composer, budget


def test_stopped_after_any_call_it_goes_on_from_the_cache_and_ends_alike(tmp_path: Path) -> None:
    calm, spent = counted(doubting(tmp_path / "calm", SUGGEST, DOUBT, SURE, NO))
    wanted = asked(calm, tmp_path / "calm")
    whole = total(spent.ledger.tallies).calls
    assert whole == 1 + 1 + 3 + 3 + 1 + 1 + 3  # caption, target, captions, verdicts, and the second go
    for limit in range(1, whole):
        place = tmp_path / str(limit)
        cut, first = counted(doubting(place, SUGGEST, DOUBT, SURE, NO), limit)
        with pytest.raises(BudgetReached):
            asked(cut, place)
        again, second = counted(doubting(place, SUGGEST, DOUBT, SURE, NO))
        found = asked(again, place)
        assert (names(found), found.refinement) == (names(wanted), wanted.refinement)
        calls = [total(budget.ledger.tallies).calls for budget in (first, second)]
        assert calls == [limit, whole - limit]


@pytest.mark.parametrize("way", ["judged", "checked"])
def test_a_dry_run_and_a_querys_needs_are_never_exceeded(tmp_path: Path, way: str) -> None:
    made = (
        doubting(tmp_path, SUGGEST, DOUBT, SURE, NO)
        if way == "judged"
        else checked(tmp_path, str(SUGGEST["reply"]))
    )
    composer, spent = counted(made)
    asks = [query(tmp_path), query(tmp_path, "some other colour", "r")]
    rows = estimate(composer, asks, pictures=4).rows
    most: dict[str, int] = {}
    for row in rows:
        most[row.stage] = most.get(row.stage, 0) + row.most_calls
    # The second go: a checker, a reasoner (three attempts) and, for judges, three verdicts; captions of
    # hits are counted once a picture.
    assert most["refine"] == 2 * (1 + 3) + (2 * 3 if way == "judged" else 4)
    needed = sum(need.calls for stage in composer.stages() for need in stage.needs())
    composer.compose(asks, 3)
    assert total(spent.ledger.tallies).calls <= min(sum(most.values()), 2 * needed)


def test_a_recipe_that_cannot_be_refined_says_so(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('description = "x"\n[grains]\nmodification = 1.0\n[refine]\n')
    with pytest.raises(ConfigError, match=r"\[refine\] has no first answer"):
        load_recipe(str(mine))
    reason = '[reason]\nprompt = "reason/cirevl"\n'
    mine.write_text(f'description = "x"\n{reason}[grains]\ntarget_caption = 1.0\n[refine]\nbelow = 0.5\n')
    with pytest.raises(ConfigError, match=r"\[refine\] below: nobody's confidence"):
        load_recipe(str(mine))


def test_a_recipe_without_its_second_look_is_not_refined_either(tmp_path: Path) -> None:
    def recipe(**values: Any) -> Any:
        return assemble(Setup(cache=tmp_path / "c", recipe="wiser", **values)).recipe

    assert recipe().refine.below == 0.7
    assert recipe(top=7).refine.below == 0.7
    assert recipe(rerank="none").refine is None
