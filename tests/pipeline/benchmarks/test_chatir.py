"""ChatIR: dialogues round by round, and its cumulative hits against numbers by hand and its formula."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks.captions import in_caption_space
from likebut.pipeline.benchmarks.records import Benchmark, Case
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.evaluation import compare, evaluate, judging, metrics, runs
from likebut.pipeline.evaluation.evaluate import Evaluation
from likebut.pipeline.evaluation.planning import estimate_run
from likebut.pipeline.records.trace import Said
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.tuning.halves import half_of
from likebut.pipeline.tuning.pools import Metric
from tests.pipeline.benchmarks.conftest import picture, write_json
from tests.pipeline.colours import COLOURS, colour_composer

RED, GREEN, BLUE, GREY = names = tuple(f"unlabeled2017/{colour}.png" for colour in COLOURS)
DIALOGUES = [
    {"img": BLUE, "dialog": ["something red", "is it green ? no", "is it blue ? yes"]},
    {"img": RED, "dialog": ["something red", "is it blue ? no", "is it green ? no"]},
]


def laid_out(folder: Path, dialogues: Any = DIALOGUES, space: Any = names, official: bool = True) -> Path:
    """Two dialogues of two rounds over four pictures, in the folders of the official repository or flat."""
    for name in names:
        picture(folder / name, COLOURS[Path(name).stem])
    write_json(folder / ("ChatIR_Protocol" if official else "") / "Search_Space_val_50k.json", space)
    write_json(folder / ("dialogues" if official else "") / "VisDial_v1.0_queries_val.json", dialogues)
    return folder


def loaded(folder: Path, **options: Any) -> Benchmark:
    return benchmarks.load("chatir", folder, allow_missing=True, **{"rounds": 2, **options})


@pytest.mark.parametrize("official", [True, False])
def test_a_dialogue_is_asked_at_every_round_with_all_that_was_said(tmp_path: Path, official: bool) -> None:
    found = loaded(laid_out(tmp_path, official=official))
    assert [case.id for case in found.cases] == ["0:0", "0:1", "0:2", "1:0", "1:1", "1:2"]
    assert [case.modification for case in found.cases[:3]] == [
        "something red",
        "something red, is it green ? no",
        "something red, is it green ? no, is it blue ? yes",
    ]
    assert {(case.group, case.targets) for case in found.cases} == {("0", (BLUE,)), ("1", (RED,))}
    assert [item.id for item in found.items] == list(names)
    assert not found.missing
    assert not any(case.reference or case.history for case in found.cases)


def test_a_round_may_be_asked_alone_or_with_what_was_said_before_as_its_history(tmp_path: Path) -> None:
    folder = laid_out(tmp_path)
    last, folded = (loaded(folder, turns=turns) for turns in ("last", "folded"))
    assert [case.modification for case in last.cases[:3]] == DIALOGUES[0]["dialog"]
    assert [case.modification for case in folded.cases[:3]] == DIALOGUES[0]["dialog"]
    assert [len(case.history) for case in (*last.cases[:3], *folded.cases[:3])] == [0, 0, 0, 0, 1, 2]
    asked = folded.cases[2].query()
    assert asked.history == (Said("something red"), Said("is it green ? no"))
    assert not asked.referring


def test_what_deviates_from_the_official_script_is_named(tmp_path: Path) -> None:
    folder = laid_out(tmp_path)
    reader = benchmarks.reader("chatir")
    assert reader.protocol("val").title == "chatir/val v1"
    assert loaded(folder, turns="folded").protocol.title == "chatir/val+folded+rounds2 v1"
    assert len(loaded(folder, rounds=1).cases) == 4
    assert loaded(folder, rounds=0).protocol.metrics[1:-1] == ("groups:Hits@10:round0",)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"turns": "jioned"}, "no turns 'jioned'"),
        ({"rounds": 11}, "rounds=11 is no number of rounds"),
        ({"rounds": True}, "rounds=True is no number"),
        ({"rounds": "all"}, "rounds=all is no number"),
        ({"split": "test"}, "no split 'test'"),
    ],
)
def test_an_option_that_is_none_is_one_clear_error(
    tmp_path: Path, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        loaded(laid_out(tmp_path), **options)


@pytest.mark.parametrize(
    ("dialogues", "space", "complaint"),
    [
        ({}, names, "is no list of dialogues"),
        ([{"img": RED}], names, "entry 0: the field 'dialog'"),
        (["hello"], names, "entry 0: the field 'img'"),
        ([{"img": RED, "dialog": ["red", 5, "x"]}], names, "entry 0: a text of the dialogue is empty"),
        ([{"img": RED, "dialog": ["red", " ", "x"]}], names, "entry 0: a text of the dialogue is empty"),
        ([{"img": RED, "dialog": ["red"]}], names, "2 rounds were expected, 1 texts are there"),
        (
            [{"img": "elsewhere.png", "dialog": ["a"] * 3}],
            names,
            "'elsewhere.png' is not in the search space",
        ),
        (DIALOGUES, [], "entry 0: the name of a picture"),
        (DIALOGUES, [RED, 7], "entry 1: the name of a picture"),
        (DIALOGUES, [*names, RED], f"'{RED}' is there twice"),
    ],
)
def test_a_file_that_is_none_is_one_clear_error(
    tmp_path: Path, dialogues: Any, space: Any, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        loaded(laid_out(tmp_path, dialogues, space))


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no search space at"):
        loaded(tmp_path)
    write_json(tmp_path / "Search_Space_val_50k.json", list(names))
    with pytest.raises(InputError, match=r"no list of dialogues at .*ChatGPT_BLIP2\.json"):
        loaded(tmp_path, split="chatgpt-blip2")


def test_the_official_counts_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"6 queries of 6,192; 4 pictures of 50,000"):
        benchmarks.load("chatir", laid_out(tmp_path), rounds=2)


def case(group: int, turn: int) -> Case:
    return Case(f"{group}:{turn}", "", "x", ("t",), ("t",), (), (f"round{turn}",), (), (), str(group), turn)


def cumulative(ranks: Any) -> dict[str, list[float]]:
    """Metric → values a dialogue, of the target's rank (from 1) by dialogue and round."""
    rules = benchmarks.reader("chatir").protocol("val", rounds=len(ranks[0]) - 1)
    cases = [case(n, turn) for n, row in enumerate(ranks) for turn in range(len(row))]
    rankings = [
        metrics.in_order(["t" if place == rank else f"p{place}" for place in range(1, 52)])
        for row in ranks
        for rank in row
    ]
    scores = judging.score_all(cases, rules, rankings, [None] * len(cases), whole=False)
    rows = {one.id: row for one, row in zip(cases, scores, strict=True)}
    groups = judging.of_groups(cases, rules, rows)
    assert list(groups) == [f"groups:{n}" for n in range(len(ranks))]
    together: dict[str, list[float]] = {}
    for row in groups.values():
        for name, value in row.items():
            together.setdefault(name, []).append(value)
    return together


def test_a_dialogue_that_was_found_once_stays_found() -> None:
    # Found at round 1 and lost again; never found (rank 11 is none of ten); found at the last round.
    found = cumulative([[30, 10, 40], [11, 11, 51], [12, 50, 1]])
    assert found == {
        "Hits@10:round0": [0.0, 0.0, 0.0],
        "Hits@10:round1": [1.0, 0.0, 0.0],
        "Hits@10:round2": [1.0, 0.0, 1.0],
    }
    means = [np.mean(values) for values in found.values()]
    assert means == pytest.approx([0, 1 / 3, 2 / 3], abs=1e-12)


def first_hits(ranks: Any) -> list[float]:
    """The paper's formula: the share of dialogues whose first hit is at a round or before it."""
    hit = np.asarray(ranks) <= 10
    first = np.where(hit.any(1), hit.argmax(1), np.inf)
    return [float(np.mean(first <= turn)) for turn in range(hit.shape[1])]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(1, 20), min_size=4, max_size=4), min_size=1, max_size=6))
def test_hits_are_those_of_the_first_hitting_round(ranks: list[list[int]]) -> None:
    found = [float(np.mean(values)) for values in cumulative(ranks).values()]
    assert found == pytest.approx(first_hits(ranks), abs=1e-12)
    assert found == sorted(found)


def test_a_dialogue_counts_at_a_round_only_where_all_rounds_up_to_it_were_asked() -> None:
    rules = benchmarks.reader("chatir").protocol("val", rounds=2)
    cases = [case(0, 2), case(0, 0)]
    rows = {"0:0": {"Recall@10": 0.0}, "0:2": {"Recall@10": 1.0}}
    assert judging.of_groups(cases, rules, rows) == {"groups:0": {"Hits@10:round0": 0.0}}


def job(tmp_path: Path, recipe: str, out: str, benchmark: Benchmark | None = None) -> Evaluation:
    folder = tmp_path / out
    composer = colour_composer(folder, recipe=load_recipe(recipe))
    rules = benchmark or loaded(laid_out(tmp_path / "data"))
    # Ten places would hold all four pictures: one place instead.
    named = tuple(name.replace("@10", "@1") for name in rules.protocol.metrics)
    rules = replace(rules, protocol=replace(rules.protocol, metrics=named))
    return Evaluation(rules, rules.cases, composer, tmp_path / f"run-{out}", folder / "i.index")


def means(run: runs.Run) -> dict[str, float]:
    return {name: row["mean"] for name, row in runs.summary(run)["metrics"].items()}


def test_a_run_has_hits_by_round(tmp_path: Path) -> None:
    work = job(tmp_path, "text-only", "a", loaded(laid_out(tmp_path / "data"), turns="last"))
    work.run({})
    run = runs.open_run(work.folder)
    # The first finds red, green, and then its blue; the second its red, and nothing more.
    hits = {name: value for name, value in means(run).items() if name.startswith("Hits")}
    assert hits == {"Hits@1:round0": 0.5, "Hits@1:round1": 0.5, "Hits@1:round2": 1.0}
    assert means(run)["Recall@1"] == pytest.approx(2 / 6)
    assert means(run)["Recall@1 round2"] == 0.5
    counts = {name: row["n"] for name, row in runs.summary(run)["metrics"].items()}
    assert (counts["Recall@1"], counts["Recall@1 round0"], counts["Hits@1:round0"]) == (6, 2, 2)


def test_two_runs_are_compared_by_dialogue(tmp_path: Path) -> None:
    works = [job(tmp_path, "text-only", out) for out in ("a", "b")]
    for work in works:
        work.run({})
    lines = (works[1].folder / runs.RESULTS).read_text().splitlines()
    worse = [json.loads(line) | {"ranking": [], "error": "HTTP 500"} for line in lines]
    (works[1].folder / runs.RESULTS).write_text("".join(json.dumps(row) + "\n" for row in worse))
    first, second = (runs.open_run(work.folder) for work in works)
    found = {one.metric: one for one in compare.differences(first, second)}
    assert (found["Recall@1"].n, found["Hits@1:round0"].n) == (6, 2)
    assert found["Hits@1:round0"].difference == -0.5
    gained, lost = compare.changes(first, second, "Hits@1:round0")
    assert (gained, [(one.id, one.modification) for one in lost]) == ([], [("groups:1", "something red")])


@pytest.mark.parametrize("recipe", ["text-only", "likebut@pocket"])
def test_dialogues_over_captions_need_no_reference_and_no_pixels(tmp_path: Path, recipe: str) -> None:
    folder = laid_out(tmp_path / "data")
    captions = {name: (f"a {Path(name).stem} thing",) for name in names}
    whole = loaded(folder, turns="folded", annotations_only=True)
    smaller, texts = in_caption_space(whole, captions)
    work = job(tmp_path, recipe, "a", smaller)
    work.captions = texts
    composer: Composer = replace(work.composer, index=None)
    work.composer = composer
    planned = estimate_run(work.benchmark, work.cases, composer, work.folder, captions=texts)
    work.run({})
    run = runs.open_run(work.folder)
    assert [result.error for result in run.results] == [""] * 6
    assert sum(row.calls for row in planned.rows) == sum(result.calls for result in run.results)
    assert run.protocol.name == "chatir/val+folded+rounds2+captions"
    assert means(run)["Recall@1 round0"] == 0.5


def test_lots_and_halves_are_of_whole_dialogues() -> None:
    cases = [case(group, turn) for group in range(40) for turn in range(3)]
    drawn = evaluate.sample(cases, 10, 3, None)
    groups = list(dict.fromkeys(one.group for one in drawn))
    assert len(groups) == 10
    assert drawn == tuple(one for one in cases if one.group in groups)
    assert evaluate.sample(cases, 10, 3, 2) == tuple(one for one in cases if one.group in groups[:2])
    assert evaluate.sample(cases, None, 0, 4) == tuple(cases[:12])
    assert {half_of(one.unit) for one in cases if one.group == "7"} == {half_of("7")}


def test_weights_are_tuned_for_what_a_round_finds_by_itself() -> None:
    rules = benchmarks.reader("chatir").protocol("val")
    assert rules.metric == "Recall@10"
    assert Metric.of("Recall@10", rules).k == 10


@pytest.mark.parametrize(
    ("split", "second"),
    [("val", "is the photo in color? yes"), ("chatgpt-blip2", "What kind of posters are on the walls in")],
)
def test_the_official_files_are_read(official: Path, split: str, second: str) -> None:
    found = benchmarks.load("chatir", official / "chatir", split, annotations_only=True)
    assert (len(found.cases), len(found.items)) == (2064 * 11, 50_000)
    assert len({one.group for one in found.cases}) == 2064
    caption = "a bedroom is filled with lots of posters and a busy computer desk"
    assert found.cases[0].modification == caption
    assert found.cases[1].modification.startswith(f"{caption}, {second}")
    assert found.protocol.metrics.count("groups:Hits@10:round10") == 1
    with pytest.raises(InputError, match="50,000 of 50,000 pictures missing"):
        benchmarks.load("chatir", official / "chatir", split)
