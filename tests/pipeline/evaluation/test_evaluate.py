"""An evaluation: its numbers by hand, and the same files however often it is interrupted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.indexes.store import Index
from likebut.pipeline import benchmarks
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError, InputError, ModelError
from likebut.pipeline.evaluation import compare, evaluate, runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.records.lines import rewrite
from tests.pipeline.colours import REPLY, colour_composer, entries, paint_gallery, with_light_side

QUERIES = [
    {"id": "right", "reference": "red.png", "modification": "blue", "targets": ["blue.png"]},
    {"id": "wrong", "reference": "red.png", "modification": "green", "targets": ["green.png"]},
    {"id": "self", "reference": "blue.png", "modification": "blue", "targets": ["grey.png"]},
]
KINDS = {"right": "good", "wrong": "bad", "self": "bad"}


def evaluation(
    tmp_path: Path, *script: tuple[str, str], recipe: str = "cirevl", out: str = "run"
) -> Evaluation:
    """Three queries over four pictures; the reasoner answers "a blue square" to all."""
    folder = tmp_path / "gallery"
    if not folder.exists():
        paint_gallery(folder)
    lines = [json.dumps({**row, "kind": KINDS[str(row["id"])]}) for row in QUERIES]
    (folder / "queries.jsonl").write_text("\n".join(lines))
    benchmark = benchmarks.load("jsonl", folder)
    composer = colour_composer(tmp_path, *script, recipe=load_recipe(recipe))
    composer = replace(composer, index=None)
    return Evaluation(benchmark, benchmark.cases, composer, tmp_path / out, tmp_path / "eval.index")


def test_the_numbers_are_worked_out_by_hand(tmp_path: Path) -> None:
    evaluation(tmp_path).run({})
    run = runs.open_run(tmp_path / "run")
    # "a blue square" everywhere: right finds blue first; wrong has blue, grey, green; self is
    # blue's own query, blue is left out and grey comes first.
    per_query = runs.per_query(run)
    assert [per_query[i]["Recall@1"] for i in ("right", "wrong", "self")] == [1.0, 0.0, 1.0]
    assert per_query["wrong"]["mAP@5"] == pytest.approx(1 / 3)
    numbers = runs.summary(run)
    assert numbers["metrics"]["Recall@1"]["mean"] == pytest.approx(2 / 3)
    assert numbers["metrics"]["Recall@10 bad"]["n"] == 2
    assert (numbers["queries"], numbers["errors"], numbers["calls"]) == (3, 0, 6)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == json.loads(json.dumps(numbers))


def test_the_reference_is_left_out_and_its_protocol_is_stored(tmp_path: Path) -> None:
    evaluation(tmp_path).run({})
    run = runs.open_run(tmp_path / "run")
    assert run.protocol.exclude_reference
    for result in run.results:
        assert result.case.reference not in [ident for ident, _ in result.ranking]


def test_a_second_run_asks_nothing_and_changes_nothing(tmp_path: Path) -> None:
    evaluation(tmp_path).run({})
    before = (tmp_path / "run" / "results.jsonl").read_bytes()
    report = evaluation(tmp_path).run({})
    assert (report.answered, report.skipped) == (0, 3)
    assert (tmp_path / "run" / "results.jsonl").read_bytes() == before


def test_a_run_of_exact_texts_is_not_continued_with_light_ones(tmp_path: Path) -> None:
    evaluation(tmp_path).run({})
    before = (tmp_path / "run" / "results.jsonl").read_bytes()
    light = evaluation(tmp_path)
    light.composer = with_light_side(light.composer)
    with pytest.raises(ConfigError, match="texts_by"):
        light.run({})
    assert (tmp_path / "run" / "results.jsonl").read_bytes() == before
    other = evaluation(tmp_path, out="light")
    other.composer = with_light_side(other.composer)
    other.run({})
    assert runs.open_run(tmp_path / "light").config["texts_by"]


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_torn_run_is_continued_to_the_very_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 1)
    evaluation(tmp_path).run({})
    folder = tmp_path / "run"
    whole = {name: (folder / name).read_bytes() for name in ("results.jsonl", "metrics.json")}
    kept = whole["results.jsonl"].splitlines(keepends=True)
    (folder / "results.jsonl").write_bytes(b"".join(kept[:lines]) + kept[lines][:40])
    (folder / "metrics.json").unlink()
    report = evaluation(tmp_path).run({})
    assert report.answered == 3 - lines
    assert {name: (folder / name).read_bytes() for name in whole} == whole
    assert not list(folder.glob("*.tmp"))


def test_another_run_is_never_mixed_in(tmp_path: Path) -> None:
    evaluation(tmp_path).run({})
    with pytest.raises(ConfigError) as caught:
        evaluation(tmp_path, recipe="likebut").run({})
    assert "recipe" in caught.value.message
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError):
        evaluation(tmp_path, out="full").run({})


def test_a_failed_query_is_counted_as_not_found_and_can_be_asked_again(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    job.run({})
    (tmp_path / "gallery" / "blue.png").rename(tmp_path / "blue.away")
    run = runs.open_run(tmp_path / "run")
    broken = [replace(r, error="gone", ranking=()) if r.case.id == "right" else r for r in run.results]
    rewrite(tmp_path / "run" / "results.jsonl", (result.to_line() for result in broken))
    numbers = runs.summary(runs.open_run(tmp_path / "run"))
    assert numbers["errors"] == 1
    assert numbers["metrics"]["Recall@1"]["mean"] == pytest.approx(1 / 3)
    (tmp_path / "blue.away").rename(tmp_path / "gallery" / "blue.png")
    report = evaluation(tmp_path).run({}, retry_errors=True)
    assert report.answered == 1
    again = runs.open_run(tmp_path / "run")
    assert [result.case.id for result in again.results] == ["right", "wrong", "self"]
    assert runs.summary(again)["metrics"]["Recall@1"]["mean"] == pytest.approx(2 / 3)


def test_a_captioner_that_is_away_for_a_while_costs_its_queries_until_they_are_asked_again(
    tmp_path: Path,
) -> None:
    job = evaluation(tmp_path)
    good = job.composer.captioner
    away = {"match": "blue", "error": "the connection failed"}
    half = entries(good.cache, away, {"match": ".", "reply": "a square of one colour"})
    job.composer = replace(job.composer, captioner=half)
    job.run({})
    numbers = runs.summary(runs.open_run(tmp_path / "run"))
    assert (numbers["errors"], numbers["fallbacks"]) == (1, 0)
    by_id = {r.case.id: r for r in runs.open_run(tmp_path / "run").results}
    assert "the connection failed" in by_id["self"].error
    assert by_id["right"].ranking
    report = evaluation(tmp_path).run({}, retry_errors=True)
    assert (report.answered, report.skipped) == (1, 2)
    whole = (tmp_path / "run" / "results.jsonl").read_bytes()
    evaluation(tmp_path, out="calm").run({})
    assert whole == (tmp_path / "calm" / "results.jsonl").read_bytes()


def test_replies_that_needed_repair_are_counted(tmp_path: Path) -> None:
    evaluation(tmp_path, ("green", f"Sure! {REPLY}"), (".", REPLY)).run({})
    run = runs.open_run(tmp_path / "run")
    assert [result.repaired for result in run.results] == [0, 1, 0]
    assert runs.summary(run)["repaired"] == 1


def test_a_fallback_is_counted(tmp_path: Path) -> None:
    evaluation(tmp_path, (".", "let us talk"), recipe="likebut@pocket").run({})
    numbers = runs.summary(runs.open_run(tmp_path / "run"))
    assert numbers["fallbacks"] == 3
    assert numbers["calls"] == 3 * (1 + 3)  # a caption, and three attempts to reason


def test_a_missing_model_keeps_what_was_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 1)
    with pytest.raises(ModelError):
        evaluation(tmp_path, ("Modification: blue", REPLY)).run({})
    assert [r.case.id for r in runs.read_results(tmp_path / "run" / "results.jsonl")] == ["right"]
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_own_galleries_are_ranked_by_themselves(tmp_path: Path) -> None:
    job = evaluation(tmp_path)
    cases = tuple(replace(case, subset=("green.png", "grey.png")) for case in job.benchmark.cases)
    rules = replace(
        job.benchmark.protocol, own_galleries=True, exclude_reference=False, metrics=("Recall@1",)
    )
    job.benchmark = replace(job.benchmark, protocol=rules, cases=cases)
    job.cases = cases
    job.run({})
    run = runs.open_run(tmp_path / "run")
    assert [ident for ident, _ in run.results[0].subset] == ["grey.png", "green.png"]
    assert [row["Recall@1"] for row in runs.per_query(run).values()] == [0.0, 0.0, 1.0]


def test_a_sample_is_by_lot_and_in_order() -> None:
    cases = [benchmarks.records.Case(str(n), "r", "m") for n in range(100)]
    drawn = evaluate.sample(cases, 10, 3, None)
    assert drawn == evaluate.sample(cases, 10, 3, None) != evaluate.sample(cases, 10, 4, None)
    assert [int(case.id) for case in drawn] == sorted(int(case.id) for case in drawn)
    assert evaluate.sample(cases, None, 0, 5) == tuple(cases[:5])


@pytest.mark.parametrize(
    ("content", "complaint"), [("{}", "has format None"), ("{", "cannot read"), (None, "no run in")]
)
def test_what_is_no_run_is_one_clear_error(tmp_path: Path, content: str | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError) as caught:
        runs.open_run(tmp_path)
    assert complaint in caught.value.message


def test_a_broken_result_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"case": {}}\n')
    with pytest.raises(InputError) as caught:
        list(runs.read_results(path))
    assert "line 1" in caught.value.message


def compared(tmp_path: Path) -> tuple[runs.Run, runs.Run]:
    evaluation(tmp_path, out="a", recipe="image-only").run({})
    evaluation(tmp_path, out="b").run({})
    return runs.open_run(tmp_path / "a"), runs.open_run(tmp_path / "b")


def test_a_comparison_pairs_the_queries(tmp_path: Path) -> None:
    first, second = compared(tmp_path)
    found: dict[str, Any] = {one.metric: one for one in compare.differences(first, second)}
    row = found["Recall@1"]
    assert row.difference == pytest.approx(row.second - row.first)
    assert row.n == 3
    gained, lost = compare.changes(first, second, "Recall@1")
    assert {change.id for change in gained} == {
        ident
        for ident in ("right", "wrong", "self")
        if runs.per_query(second)[ident]["Recall@1"] > runs.per_query(first)[ident]["Recall@1"]
    }
    assert all(change.second < change.first for change in lost)
    assert compare.cost(second)["calls"] == 6
    assert compare.cost(first)["calls"] == 0


def test_runs_of_two_protocols_are_not_compared(tmp_path: Path) -> None:
    first, _ = compared(tmp_path)
    job = evaluation(tmp_path, out="c")
    job.benchmark = benchmarks.load("jsonl", tmp_path / "gallery", exclude_reference=False)
    job.run({})
    with pytest.raises(ConfigError) as caught:
        compare.differences(first, runs.open_run(tmp_path / "c"))
    assert "jsonl/all+reference v1" in caught.value.message


def test_p_values_are_worked_out_by_hand() -> None:
    assert compare.p_value([0.0, 0.0]) == 1.0
    # Five gains and no loss: 2 of the 32 ways to draw the signs are as far from zero.
    assert compare.p_value([1.0] * 5) == pytest.approx(2 / 32, abs=0.01)
    assert compare.p_value([1.0, -1.0]) == 1.0
    assert compare.p_value([1.0] * 40) < 0.001


def test_a_recipe_that_scores_captions_has_the_gallery_captioned(tmp_path: Path) -> None:
    job = evaluation(tmp_path, recipe="weimocir")
    assert job.run({}).failed_pictures == ()
    side = Index.open(tmp_path / "eval.index").caption_side
    assert side is not None
    assert side.captioned == side.count == 4
    assert [item.caption for item in side.all_items()] == ["\n".join(["a square of one colour"] * 3)] * 4
    assert "describe/dense" in side.manifest.source
    numbers = runs.summary(runs.open_run(tmp_path / "run"))
    assert numbers["errors"] == 0
    # four fifths of every query are its sentence; blue without blue.png leaves grey
    assert numbers["metrics"]["Recall@1"]["mean"] == 1.0
